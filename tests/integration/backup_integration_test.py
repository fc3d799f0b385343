#!/usr/bin/env python3
"""Backups of a store that a gateway writes under load, some of them killed, and what is restored from them.

    backup_integration_test.py --sallyportd PROGRAM --sallyport PROGRAM
"""

import json
import random
import re
import stat
import time

from harness import processes, suite
from harness.gateway import CommandLine, Gateway
from harness.promises import equal

KILL = suite.HARNESS.parent / "kill"
UNDER_LOAD = 3
KILLED = 3
METHODS = 30000  # more than are called before a load is ended


class Backups(suite.Test):
    def run(self):
        self.backup = self.directory / "backup"
        self.keyring = f"file:{self.data}.keyring"
        self.restored = 0
        self.loads = 0
        upstream = self.programs.start("upstream", ["node", KILL / "upstream.js"])
        address = upstream.wait_for_line(r"listening on (\S+)").group(1)
        self.gateway = Gateway(self.programs, self.arguments.sallyportd, address, self.data, durability="write_ahead")
        for part in range(UNDER_LOAD):
            with self.promise(f"backup {part} under load holds what was acknowledged before it, and verifies when restored"):
                self.under_load()
        former = set()
        for part in range(KILLED):
            with self.promise(f"a backup that is killed leaves the former one, or is whole; round {part}"):
                former = self.killed(former)
        with self.promise("backup and doctor say nothing of the control socket of a gateway that runs, and no backup holds it"):
            self.passes_over_socket()
        self.gateway.stop()
        with self.promise("a backup of a store at rest restores to the same calls, and the gateway goes on with it"):
            self.at_rest(address)
        with self.promise("a changed backup is refused with 1, and nothing is restored"):
            self.changed()

    def start_load(self, number):
        """A load of its own, once so many of its calls were acknowledged. It goes on until it is killed."""
        load = self.programs.start("load", ["node", KILL / "load.js", self.gateway.address, self.loads, METHODS, 0])
        self.loads += 1
        load.wait_for_line("^acknowledged", count=number, seconds=60)
        return load

    def acknowledged(self, load):
        """Methods and lengths of requests, which name a call."""
        numbers = [int(line.split()[1]) for line in list(load.lines) if line.startswith("acknowledged")]
        return {(f"M{number}", self.loads) for number in numbers}

    def back_up(self, *words):
        return json.loads(self.sallyport.run("backup", "--to", self.backup, "--json", *words).stdout)

    def restore(self):
        """Restores to a fresh directory, and returns the command line on it."""
        self.restored += 1
        target = self.directory / f"restored-{self.restored}"
        processes.run([self.arguments.sallyport, "restore", "--from", self.backup, "--data", target, "--keys", self.keyring])
        (self.directory / f"restored-{self.restored}.keyring").write_bytes(self.data.with_name("data.keyring").read_bytes())
        (self.directory / f"restored-{self.restored}.keyring").chmod(0o600)
        restored = CommandLine(self.arguments.sallyport, target)
        restored.run("verify")
        return restored

    def under_load(self):
        load = self.start_load(200)
        before = self.acknowledged(load)
        report = self.back_up()
        assert load.process.poll() is None and not any(line.startswith("over") for line in load.lines), "the load ended early"
        load.kill()
        assert report["verified"] and report["opened"], report
        completed = {(call["method"].split("/")[1], call["request_bytes"])
                     for call in self.restore().calls() if call["status_code"] == 0}
        equal(sorted(before - completed), [], "calls that were acknowledged before the backup and are not in it")

    def killed(self, former):
        """Returns the ids of the calls that the backup holds then."""
        load = self.start_load(50)
        backup = self.sallyport.start(self.programs, "backup", "--to", self.backup)
        # Anywhere in it: a backup takes some tenths of a second. Where it has ended before, it counts.
        end = time.monotonic() + random.uniform(0, 0.3)
        while time.monotonic() < end and backup.process.poll() is None:
            pass
        backup.kill()
        load.kill()
        now = {call["id"] for call in self.restore().calls()}
        assert former <= now, "calls of the former backup are gone"
        self.back_up()
        after = {call["id"] for call in self.restore().calls()}
        assert now <= after, "the next backup lost calls"
        return after

    def passes_over_socket(self):
        control = self.data / "control"
        assert stat.S_ISSOCK(control.stat().st_mode), "no control socket"
        for words in (["backup", "--to", self.backup], ["doctor"]):
            done = self.sallyport.run(*words, check=False)
            said = (done.stdout + done.stderr).decode()
            equal([line for line in said.splitlines() if re.search(r"\bcontrol\b", line)], [], f"said by {words[0]}")
        equal([str(path) for path in self.backup.rglob("*") if not path.is_dir() and not path.is_file()], [],
              "in the backup, neither files nor directories")

    def at_rest(self, upstream):
        equal(self.back_up("--quick")["verified"], None, "verified, of a quick backup")
        report = self.back_up()
        equal(report["copied_files"], 0, "files copied again")
        restored = self.restore()
        calls = self.sallyport.calls()
        equal(restored.calls(), calls, "calls that were restored")
        again = Gateway(self.programs, self.arguments.sallyportd, upstream, self.directory / f"restored-{self.restored}")
        again.stop()
        restored.run("verify")
        equal({call["id"] for call in restored.calls()}, {call["id"] for call in calls}, "calls after a start")
        for file in self.backup.rglob("*"):
            assert file.is_dir() or not re.search(rb"kek [0-9a-f]{8} ", file.read_bytes()), f"{file} holds a key-encryption key"

    def changed(self):
        segment = sorted(self.backup.rglob("*.seg"))[0]
        good = segment.read_bytes()
        segment.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        target = self.directory / "refused"
        done = processes.run([self.arguments.sallyport, "restore", "--from", self.backup, "--data", target], check=False)
        equal(done.returncode, 1, "exit status")
        assert segment.name.encode() in done.stderr, done.stderr
        assert not target.exists(), "something was restored"
        segment.write_bytes(good)


if __name__ == "__main__":
    suite.run("backup and restore", [Backups])

#!/usr/bin/env python3
"""A disk that fills up: new calls are refused rather than served unrecorded, a call that is open ends and is recorded, and calls are
served again as soon as there is space, without a restart. The disk is a small tmpfs of the test's own mount namespace.

usage: full_log_test.py --sallyportd PROGRAM --sallyport PROGRAM --example PROGRAM --example-client PROGRAM
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

from harness import gateway as gateways
from harness import processes

DISK_BYTES = 8 << 20
MOST_ROUNDS = 400
IN_NAMESPACE = "SALLYPORT_FULL_LOG_TEST_IN_NAMESPACE"
CONFIG = """
listen: {{address: "127.0.0.1:0"}}
data: {{directory: {data}, segment_size: 1MiB}}
upstreams: {{example: {{target: "{upstream}"}}}}
"""


def main():
    options = argparse.ArgumentParser()
    for name in ("--sallyportd", "--sallyport", "--example", "--example-client"):
        options.add_argument(name, required=True)
    options = options.parse_args()
    if IN_NAMESPACE not in os.environ:
        os.environ[IN_NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--map-root-user", "--mount", sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory() as directory, processes.Programs() as programs:
        directory = pathlib.Path(directory)
        disk = directory / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", disk], check=True)
        try:
            FullDisk(options, directory, disk, programs).run()
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


class FullDisk:
    def __init__(self, options, directory, disk, programs):
        self.options, self.disk, self.programs = options, disk, programs
        example = programs.start("sallyport-example", [options.example, "--listen", "127.0.0.1:0"])
        upstream = example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        # In a directory of the disk, so that the keyring beside it is on the same disk.
        self.data = disk / "data"
        config = directory / "sallyport.yaml"
        config.write_text(CONFIG.format(data=self.data, upstream=upstream))
        self.program = programs.start("sallyportd", [options.sallyportd, "--config", config, "--grace", "1"])
        self.address = self.program.wait_for_line(r"listening on (\d[\d.]*:\d+)", seconds=60).group(1)

    def client_says(self):
        return processes.run([self.options.example_client, "--target", self.address], check=False).stdout.decode()

    def fill_disk(self):
        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return filler

    def run(self):
        assert " OK " in self.client_says()
        filler = self.fill_disk()
        served, refused = 0, ""
        for _ in range(MOST_ROUNDS):
            said = self.client_says()
            if "cannot be recorded" in said:
                refused = said
                break
            served += sum(" OK " in line for line in said.splitlines())
        assert refused, f"{MOST_ROUNDS} rounds of calls went by on a full disk and none was refused"
        assert "UNAVAILABLE" in refused, refused
        assert served > 0, "what was reserved for the log was not used"
        self.program.wait_for_line(r"error the disk is full", seconds=30)
        assert self.program.process.poll() is None, f"the gateway ended:\n{self.program.tail()}"

        filler.unlink()
        self.program.wait_for_line(r"there is disk space again", seconds=30)
        assert " OK " in self.client_says(), "calls are not served although there is space again"
        assert self.program.stop() == 0, self.program.tail()
        calls = gateways.CommandLine(self.options.sallyport, self.data).json_lines("calls", "--limit", "0")
        completed = sum(call["state"] == "completed" and call["status"] == "OK" for call in calls)
        assert completed >= served, f"callers saw {served} calls end with OK, the record has {completed}"
        print(f"{served} calls were served on a full disk and are recorded, new ones were refused until there was space")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as fault:
        sys.exit(f"BROKEN: {fault}")

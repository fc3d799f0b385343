#!/usr/bin/env python3
"""Everything that can happen to a gateway, for as long as wanted; ends with what was lost, and what was not true.

    soak.py --bin DIRECTORY --minutes N [--rate CALLS_A_SECOND] [--stalled STREAMS] [--seed S] [--report FILE]
Callers of four kinds (HTTP/2 by hand, grpc-js, gRPC for Python and Ruby) make calls of all four kinds without a pause. Every ten
seconds the gateway reads another configuration, and something goes wrong, in turns, with its upstream (away, slow, resetting,
half-open) and with the gateway (happenings.py: full disk, read-only disk, failing disk, no descriptors, a clock that is set, readers
that stall); every minute it is killed, and started again on its data. The collector that its traces go to is never there. In the end
its log is verified and compared with what each caller saw (judge.py):
* a call that was answered OK is in the record, completed with OK, once; what came back is what had to;
* a call whose caller read another status off the wire is not recorded with another one;
* the record has no calls that nobody made.
The data are on an ext4 file system of the test's own (as root), else on a tmpfs of its own mount namespace.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import namespace
from callers import OK, Callers, by_trace
from disk import Disk
from figures import Memory, Troubles, lines
from happenings import Happenings
from judge import judge

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
from harness import descriptors, processes  # noqa: E402
from harness.gateway import CommandLine  # noqa: E402
from harness.promises import Promises, equal  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TURN_SECONDS = 10
LIFE_SECONDS = 60
# At the end of a turn, at least: longer than what went wrong is felt (figures.py), and callers take to connect again.
CALM_SECONDS = 4
DISK_MIB = 3072
DISK_MIB_A_MINUTE = 150
# What the gateway may use at most: its budget, and what open calls may still take beyond it.
MEMORY_BUDGET_MIB = 1024
MOST_MIB = 1536
# Lives of which the ends say something about growth, and how much they may grow (MiB a minute).
LIVES_FOR_SLOPE = 20
MOST_SLOPE = 2

CONFIG = """
listen: {{address: "{listen}"}}
data: {{directory: {data}, segment_size: 16MiB}}
upstreams: {{soak: {{target: "{upstream}", keepalive: {{time: 2s, timeout: 2s}}}}}}
routes: [{{services: ["*"], upstream: soak{route}}}]
descriptors: [{{file: {descriptors}}}]
policy: {policy}
limits: {{window: 64KiB, memory: {memory}MiB, message_size: {message_size}}}
admin: {{address: "{admin}"}}
tracing: {{otlp: "127.0.0.1:1"}}
"""
# By turns. Nothing that one of them says changes a call of the soak.
ROUTES = ("", ", deadline: {default: 30s, most: 60s}")
POLICIES = ("access: {default: allow}\n",
            "access: {default: allow, rules: [{name: another, match: {methods: [\"sallyport.other.*\"]}, action: deny}]}\n")
MESSAGE_SIZES = ("64MiB", "32MiB", "48MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=pathlib.Path, help="where sallyportd, sallyport and libsoak_clock_shift.so are")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rate", type=float, default=200, help="calls a second, of all callers")
    parser.add_argument("--stalled", type=int, default=10000, help="readers that stall at a time")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--report", type=pathlib.Path, help="a file that gets what is said at the end, too")
    options = parser.parse_args()
    namespace.enter("soak")
    promise = Promises(f"{options.minutes:g} minutes of everything, --seed {options.seed}")
    with tempfile.TemporaryDirectory(prefix="sallyport-soak-") as directory, processes.Programs() as programs:
        disk = Disk(pathlib.Path(directory), DISK_MIB + round(DISK_MIB_A_MINUTE * options.minutes))
        try:
            soak = Soak(options, pathlib.Path(directory), disk, programs, promise)
            soak.run()
            soak.judge()
        finally:
            programs.kill_all()
            disk.unmount()
    promise.finish(None if disk.kind == "ext4" else "soak, disks that fail or turn read-only: no loop device for an ext4 file system")


class Soak:
    """The gateway with all that is around it; on the test's own thread."""

    def __init__(self, options, directory, disk, programs, promise):
        self.options, self.directory, self.disk, self.programs, self.promise = options, directory, disk, programs, promise
        self.chance = random.Random(options.seed)
        self.data = disk.place / "data"
        self.sallyport = CommandLine(options.bin / "sallyport", self.data)
        self.said = collections.Counter()  # warnings and errors of the gateway
        self.memory, self.troubles = Memory(), Troubles()
        self.began = time.time()
        self.shift = directory / "shift"
        self.shift.write_bytes(struct.pack("q", 0))
        self.set = descriptors.compile_set(directory / "soak.binpb", [HERE], HERE / "soak.proto")
        self.listen, self.admin = (f"127.0.0.1:{processes.free_port()}" for _ in range(2))
        self.upstream_port = processes.free_port()
        self.turn = 0
        self.start_upstream()
        self.configure()
        self.start_gateway()
        self.memory.start()
        rates = {"by_hand": options.rate / 2, "grpc_js": options.rate / 4, "python": options.rate / 8, "ruby": options.rate / 8}
        self.callers = Callers(programs, directory, self.listen, rates)
        self.happenings = Happenings(self)

    def start_upstream(self):
        self.upstream = self.programs.start("upstream", ["node", HERE / "upstream.js", self.upstream_port], stdin=subprocess.PIPE)
        self.upstream.wait_for_line("listening on")

    def configure(self):
        policy = self.directory / "policy.yaml"
        policy.write_text(POLICIES[self.turn % len(POLICIES)], encoding="ascii")
        config = CONFIG.format(listen=self.listen, data=self.data, upstream=f"127.0.0.1:{self.upstream_port}", policy=policy,
                               route=ROUTES[self.turn % len(ROUTES)], descriptors=self.set, admin=self.admin, memory=MEMORY_BUDGET_MIB,
                               message_size=MESSAGE_SIZES[self.turn % len(MESSAGE_SIZES)])
        (self.directory / "sallyport.yaml").write_text(config, encoding="ascii")

    def reload(self):
        """Every ten seconds: with another configuration."""
        self.configure()
        lines_before = self.gateway.line_count()
        self.gateway.send_signal(signal.SIGHUP)
        done = self.gateway.wait_for_line(r"the configuration was read again(.*)$", after=lines_before, seconds=30)
        equal(done.group(1), "", "what the gateway says of the configuration that it read again")
        self.troubles.happened["reload"] += 1

    def start_gateway(self):
        environment = os.environ | {"LD_PRELOAD": str(self.options.bin / "libsoak_clock_shift.so"), "CLOCK_SHIFT_FILE": str(self.shift)}
        argv = [self.options.bin / "sallyportd", "--config", self.directory / "sallyport.yaml", "--grace", "5"]
        self.gateway = self.programs.start("sallyportd", argv, env=environment)
        self.gateway.wait_for_line(r"listening on 127", seconds=120)
        self.memory.begin_life(self.gateway.pid)

    def kill_gateway(self):
        self.check_alive()
        self.memory.end_life()
        self.note_what_it_said()
        self.gateway.kill()

    def check_alive(self):
        assert self.gateway.process.poll() is None, f"the gateway ended by itself:\n{self.gateway.tail(60)}"
        assert self.upstream.process.poll() is None, f"the upstream ended by itself:\n{self.upstream.tail(40)}"
        self.callers.check_running()

    def readiness(self):
        """The status of /readyz, and what it says; None and why where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://{self.admin}/readyz", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")
        except OSError as error:
            return None, str(error)

    def wait_until_ready(self, wanted, seconds=15):
        until = time.monotonic() + seconds
        while (found := self.readiness())[0] != wanted:
            assert time.monotonic() < until, f"/readyz is {found}, not {wanted}:\n{self.gateway.tail(40)}"
            time.sleep(0.1)

    def note_what_it_said(self):
        for line in self.gateway.lines:
            if found := re.search(r" (warning|error|critical) (.*)", line):
                self.said[re.sub(r"\d+", "N", f"{found.group(1)}: {found.group(2)}")[:160]] += 1

    def run(self):
        with self.promise("the gateway goes on through all of it"):
            self.run_turns()
        with self.promise("it stops in order afterwards"):
            self.callers.stop()
            self.memory.end_life()
            equal(self.gateway.stop(seconds=60), 0, f"exit status of the gateway, which says:\n{self.gateway.tail(40)}\n")
        self.note_what_it_said()
        self.memory.stop()

    def run_turns(self):
        until = time.monotonic() + self.options.minutes * 60
        life_ends = time.monotonic() + LIFE_SECONDS
        while time.monotonic() < until:
            turn_ends = time.monotonic() + TURN_SECONDS
            self.reload()
            self.happenings.happen(self.turn)
            self.check_alive()
            self.turn += 1
            if time.monotonic() >= life_ends:
                began = time.time()
                self.kill_gateway()
                self.start_gateway()
                self.troubles.note("kill -9", began)
                life_ends += LIFE_SECONDS
            # What is left of the ten seconds is calm.
            time.sleep(max(CALM_SECONDS, turn_ends - time.monotonic()))

    def judge(self):
        calls = self.callers.calls()
        for name, made in calls.items():
            # How many of all is the machine's doing: the busier it is, the longer everything that goes wrong takes.
            with self.promise(f"{name}: calls were made, and most of those were answered that nothing was in the way of"):
                calm = self.troubles.calm(made)
                assert calm, f"no calls while nothing was wrong, of {len(made)}"
                fine = sum(call.get("status") == OK for call in calm)
                assert fine * 2 > len(calm), f"only {fine} of {len(calm)} calls, of {len(made)}, were answered with OK"
        with self.promise("the log verifies"):
            self.sallyport.run("verify", seconds=1800)
        verdict = None
        with self.promise("nothing is lost, no reply is wrong, and the record is what callers saw"):
            every = [call for made in calls.values() for call in made]
            verdict = judge(every, [by_trace(self.sallyport)])
            verdict.check()
        with self.promise(f"the gateway never takes more than {MOST_MIB} MiB"):
            assert self.memory.most_mib() <= MOST_MIB, f"{self.memory.most_mib():.0f} MiB"
        if len(self.memory.lives) >= LIVES_FOR_SLOPE:
            with self.promise(f"its memory grows by no more than {MOST_SLOPE} MiB a minute from life to life"):
                assert self.memory.slope() <= MOST_SLOPE, f"{self.memory.slope():.2f} MiB a minute"
        self.report(calls, verdict)

    def report(self, calls, verdict):
        told = [f"{(time.time() - self.began) / 60:.1f} minutes, --seed {self.options.seed}, --rate {self.options.rate:g}, "
                f"--stalled {self.options.stalled}, disk: {self.disk.kind}",
                *lines(calls, self.troubles, self.memory, self.said), *(verdict.lines() if verdict else ["the record could not be read"])]
        print("\n".join(told), flush=True)
        if self.options.report:
            self.options.report.write_text("\n".join(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

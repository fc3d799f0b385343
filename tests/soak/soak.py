#!/usr/bin/env python3
"""Everything that can happen to a gateway, for as long as wanted; ends with what was lost, and what was not true.

    soak.py --bin DIRECTORY --minutes N [--rate CALLS_A_SECOND] [--stalled STREAMS] [--seed S]
Callers of three kinds (HTTP/2 by hand, grpc-js, Python's gRPC) make calls of all four kinds without a pause. Every ten seconds the
gateway reads another configuration, and something goes wrong, in turns, with its upstream (away, slow, resetting, half-open) and with
the gateway (full disk, no descriptors, a clock that is set, readers that stall, a disk that fails); every minute it is killed, and
started again on its data. In the end its log is verified and compared with what each caller saw:
* a call that was answered OK is in the record, completed with OK, once; what came back is what had to;
* a call whose caller read another status off the wire is not recorded with another one;
* the record has no calls that nobody made.
The data are on an ext4 file system of the test's own (as root), else on a tmpfs of its own mount namespace.
"""

import argparse
import collections
import fcntl
import json
import os
import pathlib
import random
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
from harness import descriptors, processes  # noqa: E402
from harness.gateway import CommandLine  # noqa: E402
from harness.promises import Promises, equal  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
GRPC_JS = HERE.parent / "conformance/grpc_js/node_modules/@grpc/grpc-js"
IN_NAMESPACE = "SALLYPORT_SOAK_IN_NAMESPACE"
SKIPPED_STATUS = 77
TURN_SECONDS = 10
DISK_MIB = 2048
SHIFTS = (3600, -1800, 86400, 0)
OK = 0
# EXT4_IOC_SHUTDOWN of linux/fs.h, and what to do with what waits to be written.
EXT4_SHUTDOWN = 0x8004587D
WITHOUT_FLUSH = 2

CONFIG = """
listen: {{address: "{listen}"}}
data: {{directory: {data}, segment_size: 16MiB}}
upstreams: {{soak: {{target: "{upstream}", keepalive: {{time: 2s, timeout: 2s}}}}}}
routes: [{{services: ["*"], upstream: soak{route}}}]
descriptors: [{{file: {descriptors}}}]
policy: {policy}
admin: {{address: "127.0.0.1:0"}}
"""
# Routes and policies by turns. Nothing that one of them says changes a call of the soak.
ROUTES = ("", ", deadline: {default: 30s, most: 60s}")
POLICIES = ("access: {default: allow}\n",
            "access: {default: allow, rules: [{name: another, match: {methods: [\"sallyport.other.*\"]}, action: deny}]}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=pathlib.Path, help="where sallyportd, sallyport and libsoak_clock_shift.so are")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rate", type=float, default=200, help="calls a second, of all callers")
    parser.add_argument("--stalled", type=int, default=10000, help="readers that stall at a time")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    if IN_NAMESPACE not in os.environ:
        unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
        tried = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            print(f"SKIPPED soak: no mount namespace here: {' '.join(tried.stderr.split())}")
            sys.exit(SKIPPED_STATUS)
        os.environ[IN_NAMESPACE] = "1"
        os.execvp("unshare", [*unshare, sys.executable, *sys.argv])
    promise = Promises(f"{options.minutes:g} minutes of everything, --seed {options.seed}")
    with tempfile.TemporaryDirectory(prefix="sallyport-soak-") as directory, processes.Programs() as programs:
        disk = Disk(pathlib.Path(directory))
        try:
            soak = Soak(options, pathlib.Path(directory), disk, programs, promise)
            soak.run()
            soak.judge()
        finally:
            programs.kill_all()
            disk.unmount()
    promise.finish()


class Disk:
    """A file system of its own that can be filled, and made read-only."""

    def __init__(self, directory):
        self.place = directory / "disk"
        self.place.mkdir()
        self.image = directory / "disk.img"
        subprocess.run(["truncate", "-s", f"{DISK_MIB}M", self.image], check=True)
        made = subprocess.run(["mkfs.ext4", "-q", "-m", "0", self.image], check=False, capture_output=True)
        looped = made.returncode == 0 and subprocess.run(["mount", "-o", "loop", self.image, self.place], check=False,
                                                         capture_output=True).returncode == 0
        if not looped:
            self.image.unlink()
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", self.place], check=True)
        self.kind = "ext4" if looped else "tmpfs"
        self.ballast = self.place / "ballast"

    def fill(self):
        with open(self.ballast, "wb") as ballast:
            for chunk in (1 << 24, 1 << 16, 1 << 12):
                try:
                    while True:
                        free = os.statvfs(self.place)
                        os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), min(chunk, max(free.f_bavail * free.f_frsize, 1)))
                except OSError:
                    continue

    def empty(self):
        self.ballast.unlink(missing_ok=True)

    def fail(self):
        """Lets every write fail from now on, and what was not synced be lost; false where this disk cannot."""
        if self.kind != "ext4":
            return False
        place = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(place, EXT4_SHUTDOWN, struct.pack("I", WITHOUT_FLUSH))
        except OSError:
            return False
        finally:
            os.close(place)
        return True

    def repair(self):
        """Once nobody has a file of it open."""
        subprocess.run(["umount", self.place], check=True)
        subprocess.run(["mount", "-o", "loop", self.image, self.place], check=True)

    def unmount(self):
        subprocess.run(["umount", "--lazy", self.place], check=False)


class Soak:
    def __init__(self, options, directory, disk, programs, promise):
        self.options, self.directory, self.disk, self.programs, self.promise = options, directory, disk, programs, promise
        self.chance = random.Random(options.seed)
        self.data = disk.place / "data"
        self.sallyport = CommandLine(options.bin / "sallyport", self.data)
        self.ledgers = []
        self.happened = collections.Counter()
        self.said = collections.Counter()  # warnings and errors of the gateway
        self.resident = []  # KiB at the end of each life of the gateway
        self.most_resident = 0
        self.shift = directory / "shift"
        self.shift.write_bytes(struct.pack("q", 0))
        self.set = descriptors.compile_set(directory / "soak.binpb", [HERE], HERE / "soak.proto")
        self.listen = f"127.0.0.1:{processes.free_port()}"
        self.upstream_port = processes.free_port()
        self.turn = 0
        self.start_upstream()
        self.configure()
        self.start_gateway()
        self.callers = self.start_callers()

    # --- The parts.

    def start_upstream(self):
        self.upstream = self.programs.start("upstream", ["node", HERE / "upstream.js", self.upstream_port], stdin=subprocess.PIPE)
        self.upstream.wait_for_line("listening on")

    def mood(self, mood):
        self.upstream.process.stdin.write(mood + "\n")
        self.upstream.process.stdin.flush()

    def configure(self):
        policy = self.directory / "policy.yaml"
        policy.write_text(POLICIES[self.turn % len(POLICIES)])
        config = CONFIG.format(listen=self.listen, data=self.data, upstream=f"127.0.0.1:{self.upstream_port}", policy=policy,
                               route=ROUTES[self.turn % len(ROUTES)], descriptors=self.set)
        (self.directory / "sallyport.yaml").write_text(config)

    def start_gateway(self):
        environment = os.environ | {"LD_PRELOAD": str(self.options.bin / "libsoak_clock_shift.so"), "CLOCK_SHIFT_FILE": str(self.shift)}
        argv = [self.options.bin / "sallyportd", "--config", self.directory / "sallyport.yaml", "--grace", "5"]
        self.gateway = self.programs.start("sallyportd", argv, env=environment)
        self.gateway.wait_for_line(r"listening on 127", seconds=120)

    def start_callers(self):
        rate = self.options.rate
        kinds = {"by_hand": (["node", HERE / "load.js"], rate / 2, []), "python": ([sys.executable, HERE / "python_load.py"], rate / 8, []),
                 "grpc_js": (["node", HERE / "grpc_js_load.js"], rate * 3 / 8, [GRPC_JS])}
        # Debian's python3-grpcio is the system's Python's.
        if subprocess.run([sys.executable, "-c", "import grpc"], check=False, capture_output=True).returncode != 0:
            kinds["python"][0][0] = "/usr/bin/python3"
        started = []
        for name, (argv, calls, more) in kinds.items():
            ledger = self.directory / f"{name}.ledger"
            self.ledgers.append(ledger)
            started.append(self.programs.start(name, [*argv, self.listen, ledger, calls, *more]))
        return started

    # --- What goes wrong. Each takes about five seconds.

    def upstream_away(self):
        self.upstream.kill()
        time.sleep(4)
        self.start_upstream()

    def upstream_slow(self):
        self.for_a_while("slow")

    def upstream_resetting(self):
        self.for_a_while("resetting")

    def upstream_half_open(self):
        self.upstream.send_signal(signal.SIGSTOP)  # SIGSTOP: its kernel goes on to acknowledge
        time.sleep(5)
        self.upstream.send_signal(signal.SIGCONT)

    def for_a_while(self, mood):
        self.mood(mood)
        time.sleep(5)
        self.mood("well")

    def full_disk(self):
        self.disk.fill()
        time.sleep(3)
        self.disk.empty()

    def no_descriptors(self):
        pid = self.gateway.pid
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), usual[1]))
        time.sleep(4)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)

    def clock_is_set(self):
        shift = SHIFTS[self.happened["clock_is_set"] % len(SHIFTS)]
        with open(self.shift, "r+b") as file:
            file.write(struct.pack("q", shift))

    def stalled_readers(self):
        stalled = self.programs.start("stalled readers", ["node", HERE / "stalled_readers.js", self.listen, self.options.stalled])
        stalled.wait_for_line("open", seconds=120)
        time.sleep(3)
        self.look_at_memory()
        stalled.kill()

    def failing_disk(self):
        """What an error of the disk does: the gateway refuses calls until it is started again, as it is then."""
        if not self.disk.fail():
            self.happened["a disk that cannot be made to fail"] += 1
            return
        time.sleep(3)
        self.kill_gateway(restart=False)
        self.disk.repair()
        self.start_gateway()

    def kill_gateway(self, restart=True):
        assert self.gateway.process.poll() is None, f"the gateway ended by itself:\n{self.gateway.tail(60)}"
        self.look_at_memory()
        self.resident.append(self.resident_kib())
        self.note_what_it_said()
        self.gateway.kill()
        if restart:
            self.start_gateway()

    # --- What is looked at.

    def resident_kib(self):
        for line in pathlib.Path(f"/proc/{self.gateway.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def note_what_it_said(self):
        for line in self.gateway.lines:
            if found := re.search(r" (warning|error|critical) (.*)", line):
                self.said[re.sub(r"\d+", "N", f"{found.group(1)}: {found.group(2)}")[:160]] += 1

    def look_at_memory(self):
        self.most_resident = max(self.most_resident, self.resident_kib())

    def run(self):
        with self.promise("the gateway goes on through all of it"):
            self.run_turns()
        self.note_what_it_said()
        with self.promise("it stops in order afterwards"):
            for caller in self.callers:
                caller.send_signal(signal.SIGTERM)
            for caller in self.callers:
                caller.wait_for_line("^over$", seconds=120)
            equal(self.gateway.stop(seconds=60), 0, f"exit status of the gateway, which says:\n{self.gateway.tail(40)}\n")

    def run_turns(self):
        upstream = [None, self.upstream_away, self.upstream_slow, self.upstream_resetting, self.upstream_half_open]
        gateway = [self.full_disk, self.clock_is_set, self.no_descriptors, self.stalled_readers, None, self.failing_disk]
        until = time.monotonic() + self.options.minutes * 60
        while time.monotonic() < until:
            turn_ends = time.monotonic() + TURN_SECONDS
            self.configure()
            self.gateway.send_signal(signal.SIGHUP)
            for happening in (upstream[self.turn % len(upstream)], gateway[self.turn % len(gateway)]):
                if happening is None:
                    continue
                happening()
                self.happened[happening.__name__] += 1
            assert self.gateway.process.poll() is None, f"the gateway ended by itself:\n{self.gateway.tail(60)}"
            self.look_at_memory()
            time.sleep(max(0, turn_ends - time.monotonic()))
            self.turn += 1
            if self.turn % 6 == 0:
                self.kill_gateway()
                self.happened["kill -9"] += 1

    def judge(self):
        calls = {}
        for ledger in self.ledgers:
            made = [json.loads(line) for line in ledger.read_text(encoding="ascii").splitlines()]
            with self.promise(f"{ledger.stem}: calls were made, and most were answered"):
                assert made, "no calls"
                fine = sum(call.get("status") == OK for call in made)
                assert fine * 2 > len(made), f"only {fine} of {len(made)} calls were answered with OK"
            calls.update({call["trace"]: call for call in made})
        ok = [call for call in calls.values() if call.get("status") == OK]
        with self.promise("no wrong replies"):
            equal([call for call in ok if not call["right"]][:5], [], "calls whose answer was another's, or not whole")
        with self.promise("the log verifies"):
            self.sallyport.run("verify", seconds=600)
        with self.promise("the record is what callers saw"):
            self.compare(calls)
        self.report(calls.values(), ok)

    def compare(self, calls):
        recorded = collections.defaultdict(list)
        invented = []
        for call in self.sallyport.json_lines("calls", "--limit", "0"):
            trace = call.get("trace", "")
            if trace in calls:
                recorded[trace].append(call)
            elif call["method"] != "/sallyport.soak.Soak/Endless" and "reflection" not in call["method"]:
                invented.append(call)
        untrue, lost, twice = [], [], []
        for trace, call in calls.items():
            found = recorded[trace]
            completed = [each for each in found if each["state"] == "completed"]
            fine = [each for each in completed if each["status_code"] == OK]
            if call.get("status") == OK:
                if not fine:
                    lost.append((call, found))
                elif call["exact"] and len(found) > 1:
                    twice.append((call, found))
            elif call["exact"] and call.get("status") is not None and any(each["status_code"] != call["status"] for each in completed):
                untrue.append((call, completed))
        equal(lost[:3], [], f"{len(lost)} calls that were answered with OK and are not recorded so")
        equal(untrue[:3], [], f"{len(untrue)} calls that are recorded with another status than their caller read")
        equal(twice[:3], [], f"{len(twice)} calls that are recorded twice")
        # A caller that was killed, or whose call was never answered, has noted nothing.
        strange = [call for call in invented if call["state"] == "completed" and call["status_code"] == OK]
        equal(strange[:3], [], f"{len(strange)} calls that nobody made")

    def report(self, calls, ok):
        statuses = collections.Counter("nothing" if call.get("status") is None else call["status"] for call in calls)
        times = sorted(call["milliseconds"] for call in ok) or [0]
        at = lambda part: times[min(len(times) - 1, int(len(times) * part))]  # noqa: E731
        print(f"disk: {self.disk.kind}; what happened: " + ", ".join(f"{name} {count}" for name, count in sorted(self.happened.items())))
        print("calls by status: " + ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items(), key=str)))
        told = collections.Counter(re.sub(r"\d+", "N", call["message"])[:160] for call in calls if call.get("message"))
        for line, count in told.most_common(12):
            print(f"callers were told {count} times: {line}")
        for line, count in self.said.most_common(12):
            print(f"the gateway said {count} times: {line}")
        print(f"calls answered with OK took {at(0.5)} ms (median), {at(0.99)} ms (p99)")
        lives = self.resident
        slope = (lives[-1] - lives[0]) / 1024 / max(len(lives) - 1, 1) if lives else 0
        print(f"resident memory: {self.most_resident / 1024:.0f} MiB at most; at the end of each life of the gateway "
              f"{' '.join(f'{kib / 1024:.0f}' for kib in lives[-20:])} MiB: {slope:+.1f} MiB a life")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""kill -9 under load: what a caller was told is recorded, once.

    kill_test.py --sallyportd PROGRAM --sallyport PROGRAM [--cycles N] [--seed S]
Each cycle loads a gateway with unary calls, kills it after some number of acknowledged calls, starts it again on the
same data and compares the record with what callers and upstream saw. Cycles take turns in how the gateway is set up.
With many cycles (see kill_soak.sh) the data directory is begun anew now and then.
"""

import argparse
import collections
import pathlib
import random
import sys
import tempfile

from harness import descriptors, processes
from harness.gateway import CommandLine, Gateway
from harness.promises import Promises, equal

KILL = pathlib.Path(__file__).parent / "kill"
HELD = 8
CYCLES_PER_DIRECTORY = 12
MARK_PROTO = """syntax = "proto3";
package sallyport.test;
message Blob {{ bytes zeros = 1; }}
service Mark {{
  rpc Hold(Blob) returns (stream Blob);
{methods}
}}
"""

Setup = collections.namedtuple("Setup", "name durability described")
SETUPS = (Setup("commit, known methods", "commit", True), Setup("commit, unknown methods", "commit", False),
          Setup("write_ahead, known methods", "write_ahead", True),
          Setup("write_ahead, unknown methods", "write_ahead", False))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sallyportd", required=True)
    parser.add_argument("--sallyport", required=True)
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument("--methods", type=int, default=4000, help="calls a cycle")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    promise = Promises(f"kill -9 under load, {arguments.cycles} cycles, --seed {arguments.seed}")
    chance = random.Random(arguments.seed)
    with processes.Programs() as programs:
        upstream = programs.start("upstream", ["node", KILL / "upstream.js"])
        for first in range(0, arguments.cycles, CYCLES_PER_DIRECTORY):
            cycles = range(first, min(first + CYCLES_PER_DIRECTORY, arguments.cycles))
            with tempfile.TemporaryDirectory(prefix="sallyport-kill-") as directory:
                KillTest(arguments, pathlib.Path(directory), programs, promise, upstream).run(cycles, chance)
    promise.finish()


class KillTest:
    """The cycles on one data directory."""

    def __init__(self, arguments, directory, programs, promise, upstream):
        self.arguments, self.directory, self.programs, self.promise = arguments, directory, programs, promise
        self.upstream = upstream
        self.upstream_address = upstream.wait_for_line(r"listening on (\S+)").group(1)
        self.sallyport = CommandLine(arguments.sallyport, directory / "data")
        proto = directory / "mark.proto"
        methods = "\n".join(f"  rpc M{number}(Blob) returns (Blob);" for number in range(arguments.methods))
        proto.write_text(MARK_PROTO.format(methods=methods))
        self.described = [descriptors.compile_set(directory / "mark.binpb", [directory], proto)]

    def run(self, cycles, chance):
        gateway = None
        for cycle in cycles:
            setup = SETUPS[cycle % len(SETUPS)]
            kill_after = chance.randrange(50, self.arguments.methods * 3 // 4)
            with self.promise(f"cycle {cycle} ({setup.name}), killed after {kill_after} acknowledged calls"):
                if gateway:
                    gateway.stop()
                gateway = self.gateway(setup)
                acknowledged, tried, seen = self.load_and_kill(gateway, cycle, kill_after)
                gateway.start()
                self.compare(cycle, setup, acknowledged, tried, seen)
        with self.promise("the index made again from the log lists the same calls"):
            gateway.stop()
            before = self.sallyport.calls()
            self.sallyport.run("index", "rebuild")
            equal(self.sallyport.calls(), before, "listing after the rebuild")
            assert before, "there were no calls to list"
            self.sallyport.run("verify")

    def gateway(self, setup):
        return Gateway(self.programs, self.arguments.sallyportd, self.upstream_address, self.directory / "data",
                       self.described if setup.described else [], setup.durability)

    def load_and_kill(self, gateway, cycle, kill_after):
        """Numbers of the methods that were acknowledged, how many were tried, and which the upstream saw."""
        seen_before = self.upstream.line_count()
        load = self.programs.start("load", ["node", KILL / "load.js", gateway.address, cycle, self.arguments.methods, HELD])
        load.wait_for_line("^held$")
        load.wait_for_line("^acknowledged", count=kill_after, seconds=60)
        gateway.kill()
        equal(load.wait(), 0, "exit status of the load")
        acknowledged = [int(line.split()[1]) for line in load.lines if line.startswith("acknowledged")]
        tried = int(load.wait_for_line(r"^over (\d+)").group(1))
        seen = {line.split()[1] for line in self.upstream.lines[seen_before:]}
        return acknowledged, tried, seen

    def compare(self, cycle, setup, acknowledged, tried, seen):
        # Of a gateway that runs; what it wrote before it was killed is all there.
        self.sallyport.run("verify")
        calls = self.sallyport.calls()
        repeated = [call for call, times in collections.Counter(call["id"] for call in calls).items() if times > 1]
        equal(repeated, [], "ids that are listed more than once")
        of_cycle = collections.defaultdict(list)
        for call in calls:
            if call["request_bytes"] == cycle + 1:
                of_cycle[call["method"].split("/")[1]].append(call)
        held = of_cycle.pop("Hold", [])
        equal([call["state"] for call in held], ["interrupted"] * HELD, "states of the calls that were open")
        twice = {method: found for method, found in of_cycle.items() if len(found) != 1}
        equal(twice, {}, "calls that are recorded more than once")
        completed = {method for method, (call,) in of_cycle.items()
                     if call["state"] == "completed" and call["status_code"] == 0}
        missing = sorted({f"M{number}" for number in acknowledged} - completed)
        equal(missing, [], "acknowledged calls that are not recorded as OK")
        others = {method: call for method, (call,) in of_cycle.items()
                  if method not in completed and call["state"] != "interrupted"}
        equal(others, {}, "calls that are neither OK nor interrupted")
        invented = [method for method in of_cycle if int(method[1:]) >= tried]
        equal(invented, [], "calls nobody made")
        if setup.durability == "write_ahead":
            # The gateway itself asks the upstream for its descriptors.
            unrecorded = sorted(seen - set(of_cycle) - {"Hold"})
            equal(unrecorded, [], "calls that the upstream saw and the record does not have")


if __name__ == "__main__":
    sys.exit(main())

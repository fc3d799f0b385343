#!/usr/bin/env python3
"""What a descriptor set costs: start and memory of a gateway with it, after SIGHUPs as well, and `show` of one call.

    tests/benchmark/descriptor_cost.py --bin build/release/bin --set googleapis.binpb --method /google.pubsub.v1.Publisher/Publish

Prints medians beside those of a gateway without the set. Needs grpcio.
"""

import argparse
import json
import pathlib
import re
import signal
import statistics
import subprocess
import tempfile
import time

import grpc
import processes

WITHIN = 60.0  # seconds that anything may take


class Gateway:
    """A gateway whose upstream is not there: its calls fail, and are recorded."""

    def __init__(self, options, directory, descriptors):
        self.directory = directory
        self.log = directory / "log"
        lines = [
            "listen: {address: 127.0.0.1:0}",
            f"data: {{directory: {directory / 'data'}}}",
            'upstreams: {u: {target: "127.0.0.1:1"}}',
            'routes: [{services: ["*"], upstream: u}]',
        ]
        if descriptors:
            lines.append(f"descriptors: [{{file: {descriptors}}}]")
        (directory / "config.yaml").write_text("\n".join(lines) + "\n")
        begin = time.monotonic()
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [options.bin / "sallyportd", "--config", directory / "config.yaml"], stdout=log, stderr=log
            )
        self.address = self.wait_for(r"listening on (\S+)").group(1)
        self.started = time.monotonic() - begin

    def wait_for(self, pattern, times=1):
        end = time.monotonic() + WITHIN
        while time.monotonic() < end:
            found = list(re.finditer(pattern, self.log.read_text()))
            if len(found) >= times:
                return found[-1]
            if self.process.poll() is not None:
                break
            time.sleep(0.002)
        raise SystemExit(f"no {pattern!r} in:\n{self.log.read_text()}")

    def resident(self):
        processes.settle([self.process.pid])
        return processes.resident_bytes([self.process.pid])

    def reload(self, times):
        for i in range(times):
            self.process.send_signal(signal.SIGHUP)
            self.wait_for("the configuration was read again", i + 1)

    def call(self, method):
        with grpc.insecure_channel(self.address) as channel:
            try:
                channel.unary_unary(method)(b"\x0a\x01x", timeout=WITHIN)
            except grpc.RpcError:
                pass  # as it must

    def stop(self):
        self.process.terminate()
        self.process.wait(WITHIN)


def run(options, command, *arguments):
    result = subprocess.run([options.bin / "sallyport", command, *arguments], capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(result.stdout + result.stderr)
    return result.stdout


def show(options, data):
    call = json.loads(run(options, "calls", "--data", data, "--json").splitlines()[0])["id"]
    taken = []
    for _ in range(5):
        begin = time.monotonic()
        run(options, "show", "--data", data, str(call))
        taken.append(time.monotonic() - begin)
    return statistics.median(taken)


def turn(options, descriptors):
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder)
        gateway = Gateway(options, directory, descriptors)
        gateway.stop()  # the first start keeps the set with the data
        first = gateway.started
        gateway = Gateway(options, directory, descriptors)
        figures = {"first start": first, "start": gateway.started, "memory": gateway.resident()}
        gateway.reload(3)
        figures["memory after 3 SIGHUPs"] = gateway.resident()
        gateway.call(options.method)
        figures["memory after a call"] = gateway.resident()
        gateway.stop()
        figures["show of one call"] = show(options, directory / "data")
        return figures


def shown(name, value):
    return f"{value / 2**20:8.1f} MiB" if name.startswith("memory") else f"{value * 1000:8.0f} ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--set", type=pathlib.Path, required=True)
    parser.add_argument("--method", required=True, help="of the set, as /package.Service/Method")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    turns = [(turn(options, options.set.resolve()), turn(options, None)) for _ in range(options.rounds)]
    print(f"{'':24} {'with the set':>12} {'without':>12}")
    for name in turns[0][0]:
        values = [statistics.median(each[side][name] for each in turns) for side in (0, 1)]
        print(f"{name:24} {shown(name, values[0])} {shown(name, values[1])}")


if __name__ == "__main__":
    main()

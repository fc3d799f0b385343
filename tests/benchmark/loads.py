"""The loads: each makes calls through a contender, checks that every one of them was answered, and returns a Sample."""

import dataclasses
import json
import re
import resource
import struct
import subprocess
import time

import processes

METHOD = "/sallyport.benchmark.Echo/Unary"


class Unsound(Exception):
    """Calls failed or were lost: there is nothing to report for this run."""


@dataclasses.dataclass
class Sample:
    """One run of one load against one contender."""
    calls: int
    calls_per_second: float
    cpu_us: float  # of the proxy, per call
    disturbance: float  # share of the machine that others used meanwhile
    median_us: float = 0.0
    p99_us: float = 0.0


class Upstream:
    """The echo server and what it has counted."""

    def __init__(self, program, binaries):
        self.program = program
        self.address = program.address
        self.client = str(binaries / "benchmark_load_client")

    def counters(self):
        return json.loads(client(self.client, "counters", "--target", self.address))

    def pids(self):
        return self.program.pids()


def client(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise Unsound(done.stderr.strip() or f"{program} ended with {done.returncode}")
    return done.stdout


def message(size):
    """A gRPC frame around a Payload whose encoding has `size` bytes."""
    for length_bytes in (1, 2, 3):
        body = size - 1 - length_bytes
        length = b""
        rest = body
        while True:
            length += bytes([rest & 0x7F | (0x80 if rest > 0x7F else 0)])
            rest >>= 7
            if not rest:
                break
        if len(length) == length_bytes:
            return struct.pack(">BI", 0, size) + b"\x0a" + length + b"x" * body
    raise ValueError(f"no Payload of {size} bytes")


def answer(contender):
    """Options that tell the client what the contender's answers look like."""
    return ["--masked"] if contender.masked else []


class Load:
    """Common to all: runs `amount` of work through a contender and takes the proxy's CPU time around it."""

    counter = "unary_calls"
    floor_can = True  # the floor relays unary calls only

    def __init__(self, name, title, upstream):
        self.name, self.title, self.upstream = name, title, upstream

    def generate(self, contender, calls):
        """Makes the calls; returns (calls per second, median µs, p99 µs)."""
        raise NotImplementedError

    def counted(self, calls):
        """By how much the upstream's counter must grow."""
        return calls

    def run(self, contender, calls):
        try:
            return self._run(contender, calls)
        except OSError as gone:
            raise Unsound(f"{contender.name} or the upstream ended while it was measured: {gone}") from gone

    def _run(self, contender, calls):
        pids = contender.pids()
        before = self.upstream.counters()[self.counter]
        disturbance = processes.Disturbance(pids + self.upstream.pids())
        cpu = processes.cpu_seconds(pids)
        rate, median, p99 = self.generate(contender, calls)
        share = disturbance.share()
        processes.settle(pids + self.upstream.pids())
        cpu = processes.cpu_seconds(pids) - cpu
        completed = self.upstream.counters()[self.counter] - before
        if completed != self.counted(calls):
            raise Unsound(f"{contender.name}: {calls} calls made, but the upstream counted {completed} of {self.counted(calls)}")
        return Sample(calls, rate, cpu / calls * 1e6, share, median, p99)


class Unary(Load):
    """h2load: 8 connections with 16 calls at a time on each."""

    CONNECTIONS, STREAMS = 8, 16

    def __init__(self, name, title, upstream, size, directory):
        super().__init__(name, title, upstream)
        self.body = directory / f"message-{size}"
        self.body.write_bytes(message(size))
        self.frame_size = size + 5

    def generate(self, contender, calls):
        command = ["h2load", "-n", str(calls), "-c", str(self.CONNECTIONS), "-m", str(self.STREAMS), "-t", "1",
                   "-d", str(self.body), "-H", "content-type: application/grpc", "-H", "te: trailers",
                   *(["-H", f"authorization: {contender.authorization}"] if contender.authorization else []),
                   f"http://{contender.address}{METHOD}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        except FileNotFoundError:
            raise SystemExit("h2load is not installed: install the package nghttp2-client") from None
        rate = re.search(r"finished in .*?, ([\d.]+) req/s", done.stdout)
        succeeded = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", done.stdout)
        data = re.search(r"\((\d+)\) data", done.stdout)
        if done.returncode != 0 or not (rate and succeeded and data):
            raise Unsound(f"h2load said: {done.stdout}{done.stderr}")
        if succeeded.groups() != (str(calls), "0", "0"):
            raise Unsound(f"h2load counted {', '.join(succeeded.groups())} succeeded, failed, errored of {calls}")
        # h2load does not look at grpc-status. An error comes without a message, so the bytes tell.
        if int(data.group(1)) != calls * self.frame_size:
            raise Unsound(f"{data.group(1)} bytes of messages came back for {calls} calls: some ended with an error")
        return float(rate.group(1)), 0.0, 0.0


class Streams(Load):
    """Bidirectional streams of 100-byte messages; a 'call' is one message there and back."""

    counter = "stream_messages"
    floor_can = False
    STREAMS, CONNECTIONS = 64, 8

    def __init__(self, name, title, upstream, pipelined):
        super().__init__(name, title, upstream)
        self.options = ["--pipelined"] if pipelined else []

    def counted(self, calls):
        return max(1, calls // self.STREAMS) * self.STREAMS

    def run(self, contender, calls):
        return super().run(contender, self.counted(calls))

    def generate(self, contender, calls):
        result = json.loads(client(self.upstream.client, "streams", "--target", contender.address, "--streams",
                                   str(self.STREAMS), "--connections", str(self.CONNECTIONS), "--messages",
                                   str(calls // self.STREAMS), *self.options, *answer(contender)))
        return result["messages"] / result["seconds"], 0.0, 0.0


class Latency(Load):
    """One unary call of 100 bytes at a time, on one connection."""

    def counted(self, calls):
        return calls + calls // 10  # a tenth more to warm up

    def generate(self, contender, calls):
        begin = time.monotonic()
        result = json.loads(client(self.upstream.client, "latency", "--target", contender.address, "--calls", str(calls),
                                   *answer(contender)))
        return calls / (time.monotonic() - begin), result["median_us"], result["p99_us"]


def idle_stream_bytes(contender, upstream, streams, connections):
    """Resident bytes that each of `streams` open and idle streams costs the proxy."""
    command = [upstream.client, "idle", "--target", contender.address, "--connections", str(connections)]
    subprocess.run([*command, "--streams", str(connections)], stdin=subprocess.DEVNULL, check=True, timeout=120,
                   stdout=subprocess.DEVNULL)  # so that what is set up once is there before
    processes.settle(contender.pids())
    before = processes.resident_bytes(contender.pids())
    with subprocess.Popen([*command, "--streams", str(streams)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as holder:
        if not holder.stdout.readline():
            raise Unsound(f"{streams} streams did not open: {holder.stderr.read().strip()}")
        processes.settle(contender.pids())
        after = processes.resident_bytes(contender.pids())
        open_now = upstream.counters()["idle_streams"]
        _, errors = holder.communicate()
        if holder.returncode != 0 or open_now != streams:
            raise Unsound(f"{open_now} of {streams} streams were open at the upstream; {errors.strip()}")
    return (after - before) / streams


def raise_file_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

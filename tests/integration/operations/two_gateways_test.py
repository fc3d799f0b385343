#!/usr/bin/env python3
"""Two gateways behind one name, each with data of its own: what is per gateway, and that both records together are whole.

    two_gateways_test.py --sallyportd PROGRAM --sallyport PROGRAM     needs gRPC for Python
Calls go to both by turns. Sessions and limits are each gateway's own; each call is in the record of the gateway that took it, and in
no other one, also when one of the two is killed under load.
"""

import argparse
import concurrent.futures
import itertools
import json
import os
import pathlib
import queue
import tempfile
import threading

import grpc

from gateways import OneGateway, eventually, processes, start_upstream
from judge import judge

from harness.promises import Promises, equal

PATH = "/sallyport.soak.Soak/"
MESSAGE = b"\x0a\x05hello"
OPEN_CALLS = 3
BURST = 4
LOAD_THREADS = 8
LOAD_CALLS = 200
POLICY = {"access": {"default": "allow"},
          "limits": [{"name": "few at a time", "match": {"methods": ["sallyport.soak.Soak/Bidi"]}, "open_calls": OPEN_CALLS},
                     {"name": "few an hour", "match": {"methods": ["sallyport.soak.Soak/ServerStream"]}, "calls_per_second": 0.001,
                      "burst": BURST}]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sallyportd", required=True)
    parser.add_argument("--sallyport", required=True)
    arguments = parser.parse_args()
    promise = Promises("two gateways behind one name")
    with tempfile.TemporaryDirectory(prefix="sallyport-two-") as directory, processes.Programs() as programs:
        TwoGateways(arguments, pathlib.Path(directory), programs, promise).run()
    promise.finish()


class HeldCall:
    """A stream that stays open until end()."""

    def __init__(self, channel):
        self._requests = queue.SimpleQueue()
        self._requests.put(MESSAGE)
        self._call = channel.stream_stream(PATH + "Bidi")(iter(self._requests.get, None), timeout=60)

    def status(self):
        """OK once it was answered: it is open then. Else what it was refused with."""
        try:
            equal(next(self._call), MESSAGE)
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            self._requests.put(None)
            return error.code()

    def end(self):
        self._requests.put(None)
        equal(list(self._call), [], "messages after the last")


class TwoGateways:
    def __init__(self, arguments, directory, programs, promise):
        self.promise = promise
        _, upstream = start_upstream(programs)
        # A policy of each gateway's own, as a file that is mounted.
        policy = directory / "policy.json"
        policy.write_text(json.dumps(POLICY), encoding="ascii")
        self.gateways = [OneGateway(programs, arguments, directory, name, upstream, policy=str(policy)) for name in ("first", "second")]

    def channel(self, gateway):
        """A connection of its own."""
        return grpc.insecure_channel(gateway.address, [("grpc.use_local_subchannel_pool", 1)])

    def run(self):
        self.sessions()
        self.limits()
        self.records()

    def sessions(self):
        with self.promise("a session that callers name is one session of each gateway, over all connections to it"):
            calls = 30
            channels = [self.channel(gateway) for _ in range(3) for gateway in self.gateways]
            for channel in itertools.islice(itertools.cycle(channels), calls):
                equal(channel.unary_unary(PATH + "Unary")(MESSAGE, metadata=[("sallyport-session", "job-7")], timeout=20), MESSAGE)
            ids = set()
            for gateway in self.gateways:
                eventually(lambda: [each["calls"] for each in self.named(gateway, "job-7")] == [calls // 2],
                           f"{gateway.name} has one session of {calls // 2} calls")
                ids.add(self.named(gateway, "job-7")[0]["id"])
            equal(len(ids), 2, "different sessions")

    def named(self, gateway, name):
        return [session for session in gateway.sallyport.json_lines("sessions") if session["name"] == name]

    def limits(self):
        with self.promise(f"open_calls: {OPEN_CALLS} counts at each gateway: twice as many are open together"):
            channels = [self.channel(gateway) for gateway in self.gateways]
            held = [[], []]
            for _ in range(OPEN_CALLS):
                for channel, of_gateway in zip(channels, held):
                    of_gateway.append(HeldCall(channel))
                    equal(of_gateway[-1].status(), grpc.StatusCode.OK)
            for channel in channels:
                equal(HeldCall(channel).status(), grpc.StatusCode.RESOURCE_EXHAUSTED, "one more at each")
            held[0].pop().end()
            eventually(lambda: self.taken(channels[0], held[0]), "the first takes another one in place of one that ended")
            equal(HeldCall(channels[1]).status(), grpc.StatusCode.RESOURCE_EXHAUSTED, "one more at the second still")
            for call in itertools.chain(*held):
                call.end()
        with self.promise(f"burst: {BURST} counts at each gateway: twice as many calls pass together"):
            passed = [0, 0]
            for number in range(4 * BURST):
                passed[number % 2] += self.answered(channels[number % 2])
            equal(passed, [BURST, BURST], "calls that passed at each")

    def taken(self, channel, held):
        call = HeldCall(channel)
        if call.status() != grpc.StatusCode.OK:
            return False
        held.append(call)
        return True

    def answered(self, channel):
        try:
            equal(list(channel.unary_stream(PATH + "ServerStream")(MESSAGE, timeout=20)), [MESSAGE] * 3)
            return True
        except grpc.RpcError as error:
            equal(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            return False

    def records(self):
        load = Load([self.channel(gateway) for gateway in self.gateways])
        with self.promise("one is killed under load and started again; the other one goes on meanwhile"):
            with concurrent.futures.ThreadPoolExecutor(LOAD_THREADS) as threads:
                try:
                    running = [threads.submit(load.run) for _ in range(LOAD_THREADS)]
                    load.wait_for_more(0, 1)
                    self.gateways[1].kill()
                    load.wait_for_more(0)
                    self.gateways[1].start()
                    load.wait_for_more(0, 1)
                finally:
                    load.ending.set()
                for each in running:
                    each.result()
            equal(load.failed_at[0], 0, "calls of the first that failed")
        for gateway in self.gateways:
            gateway.stop()
        with self.promise("each call is in the record of the gateway that took it, once and as its caller saw it, and in no other"):
            records = [gateway.records() for gateway in self.gateways]
            calls = load.calls
            judge(calls, [{trace: found for trace, found in each.items() if trace} for each in records]).check()
            astray = [call for call in calls if call["trace"] in records[1 - call["gateway"]]]
            equal(astray, [], "calls in the other one's record")
        with self.promise("no id of a call is in both, and neither gateway knows the other one's"):
            ids = [{call["id"] for found in each.values() for call in found} for each in records]
            assert ids[0] and ids[1] and not ids[0] & ids[1], f"{len(ids[0])} and {len(ids[1])} calls, {len(ids[0] & ids[1])} in both"
            shown = self.gateways[0].sallyport.run("show", min(ids[1]), check=False)
            equal(shown.returncode, 1, "exit status of `show` of the other's call")


class Load:
    """Unary calls to both gateways by turns; called by several threads. What its callers saw is as in the soak's ledgers."""

    def __init__(self, channels):
        self._channels = channels
        self._lock = threading.Lock()
        self.calls = []
        self.answered = [0, 0]
        self.failed_at = [0, 0]
        self.ending = threading.Event()

    def run(self):
        """Until `ending` is set."""
        for gateway in itertools.cycle((0, 1)):
            if self.ending.is_set():
                return
            self.make(gateway)

    def wait_for_more(self, *gateways):
        """Until each of these has answered a number of calls from now on."""
        before = list(self.answered)
        eventually(lambda: all(self.answered[each] >= before[each] + LOAD_CALLS for each in gateways), f"{gateways} answer calls")

    def make(self, gateway):
        trace = os.urandom(16).hex()
        message = b"\x0a\x20" + trace.encode()
        metadata = [("traceparent", f"00-{trace}-{os.urandom(8).hex()}-00")]
        answer, status = None, 0
        try:
            answer = self._channels[gateway].unary_unary(PATH + "Unary")(message, metadata=metadata, timeout=20)
        except grpc.RpcError as error:
            status = error.code().value[0]
        with self._lock:
            right = answer == (message if status == 0 else None)
            self.calls.append({"trace": trace, "gateway": gateway, "status": status, "exact": False, "right": right})
            if status == 0:
                self.answered[gateway] += 1
            else:
                self.failed_at[gateway] += 1


if __name__ == "__main__":
    main()

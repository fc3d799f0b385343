#!/usr/bin/env python3
"""The soak's callers with Python's gRPC, as it is out of the box.

usage: python_load.py ADDRESS LEDGER CALLS_A_SECOND     until SIGTERM; prints "over" then
"""

import json
import os
import random
import signal
import sys
import threading
import time

import grpc

DEADLINE_SECONDS = 10
THREADS = 8


def blob(data):
    length, left = bytearray(), len(data)
    while left > 127:
        length.append(left & 127 | 128)
        left >>= 7
    length.append(left)
    return b"\n" + bytes(length) + data


class Load:
    def __init__(self, address, ledger, rate):
        config = os.environ.get("SOAK_SERVICE_CONFIG")
        self.channel = grpc.insecure_channel(address, [("grpc.service_config", config)] if config else [])
        self.ledger, self.pause = ledger, THREADS / rate
        self.lock = threading.Lock()
        self.ending = threading.Event()

    def run(self):
        """Calls at the times at which they are due, as far as one after the other can."""
        due = time.monotonic() + random.random() * self.pause
        while not self.ending.wait(max(0, due - time.monotonic())):
            due = max(due, time.monotonic() - 1) + self.pause
            self.make()

    def ask(self, method, messages, options):
        """Answers one by one."""
        path = f"/sallyport.soak.Soak/{method}"
        if method == "Unary":
            yield self.channel.unary_unary(path)(messages[0], **options)
        elif method == "ClientStream":
            yield self.channel.stream_unary(path)(iter(messages), **options)
        elif method == "ServerStream":
            yield from self.channel.unary_stream(path)(messages[0], **options)
        else:
            yield from self.channel.stream_stream(path)(iter(messages), **options)

    def make(self):
        trace = os.urandom(16).hex()
        method = random.choice(["Unary", "ClientStream", "ServerStream", "Bidi"])
        requests = [trace.encode() + os.urandom(16 + random.randrange(500)) for _ in range(3 if method in ("ClientStream", "Bidi") else 1)]
        expected = {"Unary": requests, "ServerStream": requests * 3, "Bidi": requests, "ClientStream": [b"".join(requests)]}[method]
        options = {"timeout": DEADLINE_SECONDS, "metadata": [("traceparent", f"00-{trace}-{os.urandom(8).hex()}-01")]}
        began = time.monotonic()
        status, told, answers = 0, None, []
        try:
            for answer in self.ask(method, [blob(each) for each in requests], options):
                answers.append(answer)
        except grpc.RpcError as error:
            status, told = error.code().value[0], error.details()
        right = answers == [blob(each) for each in expected[:len(answers)]] and (status != 0 or len(answers) == len(expected))
        line = {"trace": trace, "method": method, "status": status, "message": told, "right": right, "exact": False,
                "at": round(time.time() * 1000), "milliseconds": round((time.monotonic() - began) * 1000)}
        if not right:
            line["came"] = [answer.hex() for answer in answers]
            line["wanted"] = [blob(each).hex() for each in expected]
        with self.lock:
            self.ledger.write(json.dumps(line) + "\n")


def main():
    address, path, rate = sys.argv[1:]
    with open(path, "a", buffering=1, encoding="ascii") as ledger:
        load = Load(address, ledger, float(rate))
        signal.signal(signal.SIGTERM, lambda *_: load.ending.set())
        threads = [threading.Thread(target=load.run) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print("over", flush=True)


if __name__ == "__main__":
    main()

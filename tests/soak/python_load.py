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

DEADLINE_SECONDS = 20
THREADS = 4


def blob(data):
    length, left = bytearray(), len(data)
    while left > 127:
        length.append(left & 127 | 128)
        left >>= 7
    length.append(left)
    return b"\n" + bytes(length) + data


class Load:
    def __init__(self, address, ledger, rate):
        self.channel = grpc.insecure_channel(address)
        self.ledger, self.pause = ledger, THREADS / rate
        self.lock = threading.Lock()
        self.ending = threading.Event()

    def run(self):
        while not self.ending.wait(self.pause):
            self.make()

    def make(self):
        trace = os.urandom(16).hex()
        method = random.choice(["Unary", "ClientStream", "ServerStream", "Bidi"])
        requests = [trace.encode() + os.urandom(random.randrange(1000)) for _ in range(3 if method in ("ClientStream", "Bidi") else 1)]
        expected = {"Unary": requests, "ServerStream": requests * 3, "Bidi": requests, "ClientStream": [b"".join(requests)]}[method]
        options = {"timeout": DEADLINE_SECONDS, "metadata": [("traceparent", f"00-{trace}-{os.urandom(8).hex()}-00")]}
        path = f"/sallyport.soak.Soak/{method}"
        messages = [blob(each) for each in requests]
        began = time.monotonic()
        status = 0
        answers = []
        try:
            if method == "Unary":
                answers = [self.channel.unary_unary(path)(messages[0], **options)]
            elif method == "ClientStream":
                answers = [self.channel.stream_unary(path)(iter(messages), **options)]
            elif method == "ServerStream":
                answers = list(self.channel.unary_stream(path)(messages[0], **options))
            else:
                answers = list(self.channel.stream_stream(path)(iter(messages), **options))
        except grpc.RpcError as error:
            status = error.code().value[0]
        right = answers == [blob(each) for each in expected]
        line = {"trace": trace, "method": method, "status": status, "right": right, "exact": False,
                "milliseconds": round((time.monotonic() - began) * 1000)}
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

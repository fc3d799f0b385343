#!/usr/bin/env python3
"""A gateway is asked to stop: what a caller sees of it, frame by frame, in which order, and what is recorded of the calls that it ends.

    goaway_test.py --sallyportd PROGRAM --sallyport PROGRAM --example PROGRAM     needs gRPC for Python
"""

import os
import pathlib
import queue
import signal
import socket
import sys
import time
import urllib.error
import urllib.request

import grpc

from harness import processes, suite
from harness.promises import equal

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "gateway"))
from hostile_peers_test import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE,  # noqa: E402
                                SETTINGS, Peer, block, frame, message)

CHAT = "/pay.v1.Payments/Chat"
LAST_STREAM_OF_ALL = 2**31 - 1
UNAVAILABLE = 14
LIMIT_SECONDS = 60


class HandCaller:
    """One connection, of which nothing is answered by itself but SETTINGS: a PING waits until it is told to be answered."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self._peer = Peer(socket.create_connection((host, int(port))))
        self._peer.connection.settimeout(LIMIT_SECONDS)
        self._peer.connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self.goaways = []  # the last streams that they name
        self.unanswered = []  # PINGs since the first of them
        self.messages = {}  # by stream, how many came
        self.ended = set()

    def begin(self, stream):
        headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", CHAT.encode()), (b":authority", b"test"),
                   (b"te", b"trailers"), (b"content-type", b"application/grpc")]
        self._peer.connection.sendall(frame(HEADERS, END_HEADERS, stream, block(headers)))
        self.say(stream)

    def say(self, stream):
        self._peer.connection.sendall(frame(DATA, 0, stream, message(b"")))

    def half_close(self, stream):
        self._peer.connection.sendall(frame(DATA, END_STREAM, stream))

    def answer_pings(self):
        for ping in self.unanswered:
            self._peer.connection.sendall(frame(PING, ACK, 0, ping))
        self.unanswered.clear()

    def round_trip(self):
        """All that the gateway has said so far is taken."""
        self._peer.connection.sendall(frame(PING, 0, 0, b"a mark.."))
        while self._take() != (PING, b"a mark.."):
            pass

    def wait(self, holds, what):
        while not holds():
            try:
                self._take()
            except (EOFError, OSError) as error:
                raise AssertionError(f"{what}: {error!r} before; GOAWAYs: {self.goaways}, messages: {self.messages}") from error

    def _take(self):
        head = self._peer.take(9)
        size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
        payload = self._peer.take(size)
        if kind == SETTINGS and not flags & ACK:
            self._peer.connection.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and flags & ACK:
            return kind, payload
        elif kind == PING and self.goaways:
            self.unanswered.append(payload)
        elif kind == PING:
            self._peer.connection.sendall(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            equal(int.from_bytes(payload[4:8], "big"), 0, "the error code of a GOAWAY")
            self.goaways.append(int.from_bytes(payload[:4], "big"))
        elif kind == DATA and size > 0:
            self.messages[stream] = self.messages.get(stream, 0) + 1
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            self.ended.add(stream)
        return None


class Stopping(suite.Test):
    def run(self):
        example = self.programs.start("sallyport-example", [self.arguments.example, "--listen", "127.0.0.1:0"])
        target = example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        self.admin = f"127.0.0.1:{processes.free_port()}"
        config = {"listen": {"address": "127.0.0.1:0"}, "admin": {"address": self.admin}, "data": {"directory": str(self.data)},
                  "upstreams": {"example": {"target": target}}, "drain": {"delay": "4s", "timeout": "6s"}}
        gateway = self.programs.start(
            "sallyportd", [self.arguments.sallyportd, "--config", self.write("sallyport.yaml", config)])
        address = gateway.wait_for_line(r"listening on (\S+)", seconds=60).group(1)
        gateway.wait_for_line("admin endpoint on", seconds=60)
        with grpc.insecure_channel(address) as channel:
            caller = HandCaller(address)
            self.stop(gateway, caller, Talk(channel))
        self.recorded()

    def stop(self, gateway, caller, talk):
        with self.promise("first /readyz is 503, and calls are taken as before"):
            caller.begin(1)
            caller.wait(lambda: caller.messages.get(1) == 1, "the first call is open")
            os.kill(gateway.pid, signal.SIGTERM)
            self.wait_until_not_ready()
            caller.round_trip()
            equal(caller.goaways, [], "GOAWAYs while /readyz is 503 and the delay lasts")
            self.whole_call(caller, 3)
            equal(caller.goaways, [], "GOAWAYs during the delay")
        with self.promise("then a GOAWAY that names no last stream: a call that crosses it is answered"):
            caller.wait(lambda: caller.goaways, "GOAWAY")
            equal(caller.goaways, [LAST_STREAM_OF_ALL])
            self.whole_call(caller, 5)
            equal(caller.goaways, [LAST_STREAM_OF_ALL], "GOAWAYs before the caller has said that it got the first")
        with self.promise("once it was heard, one that names the last stream, and no more of them; open calls go on"):
            caller.wait(lambda: caller.unanswered, "PING")
            caller.answer_pings()
            caller.wait(lambda: len(caller.goaways) == 2, "the second GOAWAY")
            equal(caller.goaways[1], 5, "the last stream")
            caller.say(1)
            caller.wait(lambda: caller.messages[1] == 2, "an answer")
            talk.goes_on()
        with self.promise("what is open when drain.timeout is over ends with UNAVAILABLE, and the program in order"):
            caller.wait(lambda: 1 in caller.ended, "the first call has ended")
            equal(len(caller.goaways), 2, "GOAWAYs")
            equal(talk.status(), grpc.StatusCode.UNAVAILABLE)
            equal(gateway.wait(60), 0)

    def whole_call(self, caller, stream):
        caller.begin(stream)
        caller.wait(lambda: caller.messages.get(stream) == 1, f"stream {stream} is answered")
        caller.half_close(stream)
        caller.wait(lambda: stream in caller.ended, f"stream {stream} ends")

    def wait_until_not_ready(self):
        until = time.monotonic() + LIMIT_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"http://{self.admin}/readyz", timeout=20).close()
                assert time.monotonic() < until, "/readyz stays 200"
            except urllib.error.HTTPError as error:
                equal((error.code, error.read().decode().strip()), (503, "draining"))
                return

    def recorded(self):
        with self.promise("the record says so too: two calls with OK, two with UNAVAILABLE, and the log verifies"):
            calls = self.sallyport.calls()
            equal(sorted((call["state"], call["status_code"]) for call in calls),
                  [("completed", 0), ("completed", 0), ("refused", UNAVAILABLE), ("refused", UNAVAILABLE)])
            self.sallyport.run("verify")


class Talk:
    """A call of a real client's that stays open."""

    def __init__(self, channel):
        self._said = queue.SimpleQueue()
        self._call = channel.stream_stream(CHAT)(iter(self._said.get, None), timeout=2 * LIMIT_SECONDS)
        self.goes_on()

    def goes_on(self):
        self._said.put(b"")
        next(self._call)

    def status(self):
        try:
            return f"OK after {len(list(self._call))} more messages"
        except grpc.RpcError as error:
            return error.code()
        finally:
            self._said.put(None)


if __name__ == "__main__":
    suite.run("a gateway that is asked to stop", [Stopping], ["--sallyportd", "--sallyport", "--example"])

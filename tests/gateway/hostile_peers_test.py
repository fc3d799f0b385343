#!/usr/bin/env python3
"""Callers and upstreams that break the rules of HTTP/2 metadata, frame by frame: the gateway must refuse them, record what it
refused, pass nothing of it on, and go on serving. Speaks HTTP/2 by hand, because no library lets one send such things.

usage: hostile_peers_test.py SALLYPORTD SALLYPORT
"""

import base64
import json
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4
LIMIT_SECONDS = 20


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def length(value):
    """An HPACK integer with a prefix of 7 bits."""
    if value < 127:
        return bytes([value])
    out, value = b"\x7f", value - 127
    while value >= 128:
        out, value = out + bytes([value % 128 + 128]), value // 128
    return out + bytes([value])


def block(pairs):
    """Pairs as an HPACK block: literals without indexing, without Huffman coding (RFC 7541, 6.2.2)."""
    return b"".join(b"\x00" + length(len(name)) + name + length(len(value)) + value for name, value in pairs)


def message(payload):
    return b"\x00" + struct.pack(">I", len(payload)) + payload


class Peer:
    """One side of an HTTP/2 connection."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(LIMIT_SECONDS)

    def take(self, count):
        got = b""
        while len(got) < count:
            more = self.connection.recv(count - len(got))
            if not more:
                raise EOFError
            got += more
        return got

    def next(self):
        """The next frame that is not about the connection itself; answers those that are."""
        while True:
            head = self.take(9)
            size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
            payload = self.take(size)
            if kind == SETTINGS and not flags & ACK:
                self.connection.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.connection.sendall(frame(PING, ACK, 0, payload))
            elif kind in (DATA, HEADERS, RST_STREAM, GOAWAY):
                return kind, flags, stream, payload


GOOD_HEADERS = [(b":status", b"200"), (b"content-type", b"application/grpc")]
GOOD_TRAILERS = [(b"grpc-status", b"0")]

# What an upstream may answer by hand, by the method's number: (headers, trailers).
HOSTILE_ANSWERS = {
    100: (GOOD_HEADERS + [(b"X-Upper", b"v")], GOOD_TRAILERS),
    101: (GOOD_HEADERS + [(b"with space", b"v")], GOOD_TRAILERS),
    102: (GOOD_HEADERS + [(b"value", b"\x80\xff")], GOOD_TRAILERS),
    103: (GOOD_HEADERS, GOOD_TRAILERS + [(b"X-Upper", b"v")]),
    104: (GOOD_HEADERS, GOOD_TRAILERS + [(b"value", b"a\x01b")]),
    105: (GOOD_HEADERS, GOOD_TRAILERS + [(b"", b"v")]),
    106: (GOOD_HEADERS, [(b"grpc-status", b"99999999999")]),
    107: (GOOD_HEADERS, [(b"grpc-status", b"zero")]),
    108: (GOOD_HEADERS, [(b"grpc-message", b"no status")]),
    109: ([(b":status", b"700"), (b"content-type", b"text/html")], []),
}


class Upstream:
    """Answers every call of /t.T/M<number>, as HOSTILE_ANSWERS says where it says, else well. Remembers the numbers, and all
    that came before the first message."""

    def __init__(self):
        self.seen = set()
        self.headers = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        peer = Peer(connection)
        try:
            peer.take(len(PREFACE))
            connection.sendall(frame(SETTINGS, 0, 0))
            numbers = {}
            while True:
                kind, flags, stream, payload = peer.next()
                if kind == HEADERS:
                    found = re.search(rb"/t\.T/M(\d+)", payload)
                    # The gateway itself asks for reflection; whatever else has no number is a hostile path.
                    numbers[stream] = int(found.group(1)) if found else None if b"/grpc.reflection." in payload else -1
                    self.seen.add(numbers[stream])
                    self.headers[numbers[stream]] = payload
                if kind in (HEADERS, DATA) and flags & END_STREAM:
                    headers, trailers = HOSTILE_ANSWERS.get(numbers[stream], (GOOD_HEADERS, GOOD_TRAILERS))
                    connection.sendall(
                        frame(HEADERS, END_HEADERS, stream, block(headers))
                        + frame(DATA, 0, stream, message(b"answer"))
                        + frame(HEADERS, END_HEADERS | END_STREAM, stream, block(trailers)))
        except (EOFError, OSError):
            connection.close()


def call(address, path, extra):
    """Makes one call by hand and waits for its end, however it comes."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=LIMIT_SECONDS) as connection:
        peer = Peer(connection)
        headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"test"),
                   (b"te", b"trailers"), (b"content-type", b"application/grpc")] + extra
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, block(headers))
                           + frame(DATA, END_STREAM, 1, message(b"question")))
        try:
            while True:
                kind, flags, stream, _ = peer.next()
                if kind in (RST_STREAM, GOAWAY) or (stream == 1 and flags & END_STREAM):
                    return
        except EOFError:
            return


HOSTILE_METADATA = [
    [(b"X-Identity", b"root")],
    [(b"x identity", b"root")],
    [(b"", b"root")],
    [(b":foo", b"root")],
    [(b"x\r\ny", b"root")],
    [(b"x\x00y", b"root")],
    [(b"x\x80y", b"root")],
    [(b"value", b"a\r\nb: c")],
    [(b"value", b"a\x00b")],
    [(b"value", b"\xc3\xbc")],
    [(b"sallyport-identity", b"root"), (b"SALLYPORT-IDENTITY", b"root")],
    [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")],
    [(b"authorization", b"Bearer a"), (b"x", b"y"), (b"authorization", b"Bearer a")],
    [(b"Authorization", b"Bearer a")],
]
HOSTILE_PATHS = [
    b"", b"/", b"t.T", b"/t.T", b"//", b"/t.T/", b"//M", b"/t.T/M\x01", b"/t.T/M\xff", b"*", b"/" + b"a" * 9000,
    b"/t.T//M1", b"/t.T/M1/", b"//t.T/M1", b"/a/t.T/M1", b"/t..T/M1", b"/../M1", b"/t.T/..", b"/t.T/M1?a=b", b"/t.T/M1#a", b"/t.T/M 1",
    b"/t T/M1", b"/t.T/M%31", b"/t.T\\M1", b"http://t/t.T/M1", b"/t.T/" + b"M" * 2000,
]

# The gateway's own names, as somebody might spell them who wants them to reach the upstream.
RESERVED = [
    prefix + rest
    for prefix in (b"sallyport-", b"sallyport_", b"sallyport.", b"sallyport--", b"sallyport-_", b"Sallyport-", b"SALLYPORT-", b"SALLYPORT_",
                   b"sallyPort.", b"sALLYPORT-")
    for rest in (b"identity", b"identity-bin", b"Identity", b"identity_bin", b"session-bin", b"call")
] + [b"sallyport-session"]
# What they would carry: it must not be in anything that reaches the upstream. In base64, since some end in -bin.
RESERVED_VALUE = base64.b64encode(b"forged identity").rstrip(b"=")
RESERVED_CALLS = range(200, 200 + len(RESERVED))


class Gateway:
    def __init__(self, program, upstream, data):
        self.process = subprocess.Popen(
            [program, "--listen", "127.0.0.1:0", "--upstream", upstream, "--data", data], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"listening on (\S+)", line):
                self.address = found.group(1)
                break
        else:
            sys.exit("the gateway did not start")
        self.log = []
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(LIMIT_SECONDS)
        self.reader.join(LIMIT_SECONDS)
        return code


def reserved_faults(upstream, by_method):
    """Names that HTTP/2 allows are taken off a call that goes through; a call with any other is refused. Each name is sent once, so
    that it would arrive spelt out and not as a place in HPACK's table."""
    dropped = 0
    for number, name in zip(RESERVED_CALLS, RESERVED):
        headers = upstream.headers.get(number)
        record = by_method.get(f"t.T/M{number}")
        if headers is not None and (RESERVED_VALUE in headers or b"sallyport" in headers.lower()):
            yield f"{name} reached the upstream: {headers}"
        if name != name.lower():
            if headers is not None:
                yield f"the call with {name} reached the upstream"
            if record and (record["state"], record["status"]) != ("refused", "INVALID_ARGUMENT"):
                yield f"the call with {name} is recorded as {record}"
        elif headers is None or b"harmless-%d" % number not in headers or record is None or record["status"] != "OK":
            yield f"the call with {name} did not go through without it: {headers}, {record}"
        else:
            dropped += 1
    if len(RESERVED) < 50 or dropped < 20:
        yield f"only {dropped} of {len(RESERVED)} spellings were put to the test"


def main():
    sallyportd, sallyport = sys.argv[1:]
    faults = []
    with tempfile.TemporaryDirectory() as directory:
        data = str(pathlib.Path(directory) / "data")
        upstream = Upstream()
        gateway = Gateway(sallyportd, upstream.target, data)
        for number, metadata in enumerate(HOSTILE_METADATA):
            call(gateway.address, b"/t.T/M%d" % number, metadata)
        for path in HOSTILE_PATHS:
            call(gateway.address, path, [])
        for number in HOSTILE_ANSWERS:
            call(gateway.address, b"/t.T/M%d" % number, [])
        for number, name in zip(RESERVED_CALLS, RESERVED):
            call(gateway.address, b"/t.T/M%d" % number, [(name, RESERVED_VALUE), (b"harmless-%d" % number, b"value")])
        call(gateway.address, b"/t.T/M999", [(b"key", b"value"), (b"key-bin", b"AP8"), (b"authorization", b"Bearer a")])
        if gateway.stop() != 0:
            faults.append("the gateway did not live to be stopped:\n" + "".join(gateway.log))
        listing = subprocess.run([sallyport, "calls", "--data", data, "--json", "--limit", "1000"], capture_output=True, text=True)
        calls = [json.loads(line) for line in listing.stdout.splitlines()]
        by_method = {found["method"]: found for found in calls}
        for number, metadata in enumerate(HOSTILE_METADATA):
            if number in upstream.seen:
                faults.append(f"metadata {metadata} reached the upstream")
            # Where the HTTP/2 library itself cut the stream, there was no call to record.
            record = by_method.get(f"t.T/M{number}")
            if record and (record["state"], record["status"]) != ("refused", "INVALID_ARGUMENT"):
                faults.append(f"metadata {metadata} is recorded as {record}")
        if not any(f"t.T/M{number}" in by_method for number in range(len(HOSTILE_METADATA))):
            faults.append("no call with hostile metadata is recorded")
        if -1 in upstream.seen:
            faults.append("a hostile path reached the upstream")
        faults += reserved_faults(upstream, by_method)
        for number in HOSTILE_ANSWERS:
            record = by_method.get(f"t.T/M{number}")
            if record is None or record["status"] == "OK":
                faults.append(f"the upstream's answer {HOSTILE_ANSWERS[number]} is recorded as {record}")
        good = by_method.get("t.T/M999")
        if good is None or good["status"] != "OK" or 999 not in upstream.seen:
            faults.append(f"the good call after all this came out as {good}")
        print(f"{len(calls)} calls recorded, {sum(record['state'] == 'refused' for record in calls)} of them refused")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

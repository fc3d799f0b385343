"""A gateway of its own process, a caller that speaks HTTP/2 by hand and keeps to no limit, and waiting with a bound."""

import pathlib
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from hostile_peers_test import (DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS,  # noqa: E402
                                Peer, Upstream, block, frame, message)

LIMIT_SECONDS = 60


def eventually(holds):
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.05)
    return None


class Gateway:
    """sallyportd with a configuration: `listen` and so on as YAML, upstream and data added."""

    def __init__(self, program, directory, upstream, text, before=(), **popen):
        self.data = f"{directory}/data"
        path = f"{directory}/sallyport.yaml"
        pathlib.Path(path).write_text(f"{text}\ndata: {{directory: {self.data}}}\nupstreams: {{a: {{target: '{upstream}'}}}}\n")
        self.process = subprocess.Popen([*before, program, "--config", path, "--grace", "1"], stderr=subprocess.PIPE, text=True, **popen)
        self.log, self.addresses, self.admin = [], [], None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r" listening on (\S+)", line):
                self.addresses.append(found.group(1))
            if found := re.search(r"admin endpoint on (\S+)", line):
                self.admin = found.group(1)

    def started(self, admin=False):
        """Whether it listens; else it has ended."""
        eventually(lambda: (self.addresses and (self.admin or not admin)) or self.process.poll() is not None)
        return self.process.poll() is None

    def get(self, path):
        host, port = self.admin.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=LIMIT_SECONDS) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            got = b""
            while more := connection.recv(65536):
                got += more
        return int(got.split()[1]), got.split(b"\r\n\r\n", 1)[1].decode()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(LIMIT_SECONDS)
        self.reader.join(LIMIT_SECONDS)
        return code


class Caller:
    """One connection. Sends what it likes, whatever the other side's SETTINGS say."""

    def __init__(self, address, source=None, first=b""):
        if address.startswith("unix:"):
            self.connection = socket.socket(socket.AF_UNIX)
            self.connection.connect(address[5:])
        else:
            host, port = address.rsplit(":", 1)
            self.connection = socket.create_connection((host.strip("[]"), int(port)), timeout=LIMIT_SECONDS,
                                                       source_address=(source, 0) if source else None)
        self.connection.settimeout(LIMIT_SECONDS)
        self.peer = Peer(self.connection)
        self.next_stream = 1
        self.ended, self.answered = {}, set()
        self.connection.sendall(first + PREFACE + frame(SETTINGS, 0, 0))

    def begin(self, path, extra=(), end=False):
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"test"), (b"te", b"trailers"),
                   (b"content-type", b"application/grpc"), *extra]
        self.connection.sendall(frame(HEADERS, END_HEADERS, stream, block(headers)))
        if end:
            self.finish(stream)
        return stream

    def finish(self, stream):
        self.connection.sendall(frame(DATA, END_STREAM, stream, message(b"question")))

    def status(self, stream):
        """The last header block of a stream that has ended; b"" if it was cut. Statuses are spelt out in it, for the gateway's
        encoder has them in no table before they were sent once."""
        while stream not in self.ended:
            if not self.take(stream):
                return b""
        return self.ended[stream]

    def first_ended(self, count):
        """The first streams to end, whichever they are; fewer where the connection does."""
        while len(self.ended) < count and self.take():
            pass
        return set(self.ended)

    def take(self, awaited=0):
        """Takes one frame; false where the connection has ended. A GOAWAY ends the awaited stream."""
        try:
            kind, flags, number, payload = self.peer.next()
        except (EOFError, OSError):
            return False
        if kind in (RST_STREAM, GOAWAY):
            self.ended.setdefault(number or awaited, b"")
            return True
        if kind == DATA and b"answer" in payload:
            self.answered.add(number)
        if flags & END_STREAM:
            self.ended[number] = payload
        return True

    def answers(self):
        """Whether a call brings the upstream's answer; false on a connection that was closed."""
        try:
            stream = self.begin(b"/t.T/M999", end=True)
            self.status(stream)
            return stream in self.answered
        except OSError:
            return False

    def close(self):
        self.connection.close()


def is_closed(connection):
    """Waits for the other side to close, for as long as the limit is; whatever it says before is passed over."""
    connection.settimeout(LIMIT_SECONDS)
    try:
        while connection.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except (TimeoutError, socket.timeout):
        return False

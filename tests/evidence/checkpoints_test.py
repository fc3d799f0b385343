#!/usr/bin/env python3
"""Checkpoints of a gateway with real calls: published to a directory, to a URL and to a witness written in Go, over a kill -9 and over
places that fail; and checked, with proofs from the store, by Go's own implementation.

usage: checkpoints_test.py --go-check PROGRAM --samples PROGRAM --sallyportd PROGRAM --example PROGRAM --example-client PROGRAM
"""

import argparse
import http.server
import json
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
from harness import processes  # noqa: E402

SECONDS = 60


class Receiver:
    """An HTTP server that keeps what is posted to it."""

    def __init__(self, certificate=None):
        self.notes = []
        self.answers = []  # functions of a handler, one for each of the next requests
        self._changed = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with receiver._changed:
                    answer = receiver.answers.pop(0) if receiver.answers else None
                    if answer is None:
                        receiver.notes.append(body)
                    receiver._changed.notify_all()
                (answer or say(204))(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a gateway that was killed

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.origin = f"{scheme}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self, satisfied, what):
        with self._changed:
            assert self._changed.wait_for(lambda: satisfied(self), SECONDS), f"the URL did not get {what}: {self.notes[-1:]}"


def say(status, headers=(), body=b""):
    """An answer."""

    def answer(handler):
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang_up(handler):
    handler.connection.close()
    handler.close_connection = True


def size_of(note):
    return int(note.split("\n")[1])


def until(satisfied, what):
    """Polls what has no event to wait for: a file of another process."""
    give_up = time.monotonic() + SECONDS
    while not satisfied():
        assert time.monotonic() < give_up, f"waited in vain for {what}"
        time.sleep(0.02)


class Store:
    """A gateway on one data directory, with its configuration."""

    def __init__(self, options, programs, directory, upstream, name="data"):
        self.options, self.programs, self.directory, self.upstream = options, programs, directory, upstream
        self.data = directory / name
        self.notes = directory / "notes"
        self.config = directory / f"{name}.yaml"

    def start(self, **checkpoints):
        checkpoints = {"interval": "100ms", "directory": str(self.notes), **checkpoints}
        self.config.write_text(json.dumps({
            "listen": {"address": "127.0.0.1:0"}, "data": {"directory": str(self.data)},
            "upstreams": {"example": {"target": self.upstream}}, "checkpoints": checkpoints}))
        self.program = self.programs.start(
            "sallyportd", [self.options.sallyportd, "--config", self.config, "--grace", "1"])
        self.address = self.program.wait_for_line(r"listening on (\d[\d.]*:\d+)", seconds=60).group(1)

    def stop(self):
        assert self.program.stop(30) == 0, self.program.tail()

    def calls(self):
        said = processes.run([self.options.example_client, "--target", self.address]).stdout.decode()
        assert " OK " in said, said

    def key(self):
        return processes.run([self.options.samples, "key", self.data]).stdout.decode().strip()

    def checkpoint(self):
        """The note of the last checkpoint that was persisted."""
        return subprocess.run(["sed", "/^tree state/,$d", self.data / "tree" / "checkpoint"], check=True,
                              capture_output=True, text=True).stdout

    def latest_note(self):
        return next(self.notes.glob("*-latest.checkpoint")).read_text()

    def cosigned(self):
        path = self.data / "tree" / "cosigned"
        return path.read_text() if path.exists() else ""


def check_with_go(options, samples, directory):
    path = directory / "samples.json"
    path.write_text(samples if isinstance(samples, str) else json.dumps(samples))
    return processes.run([options.go_check, "verify", path]).stdout.decode().strip()


def failing_url(store):
    """A URL that fails in many ways is tried again each time."""
    receiver = Receiver()
    receiver.answers = [say(500, body=b"\x1b[31mno\x07 room\r\nsecond line"), hang_up, say(307, [("Location", "/elsewhere")]),
                        say(200, body=bytes(1 << 20))]
    url = receiver.origin.replace("//", "//user:s3cret@") + "/put?token=s3cret"
    store.start(url=url)
    store.calls()
    receiver.wait(lambda r: r.notes, "a checkpoint")
    refused = store.program.wait_for_line(r"did not arrive at url (\S+); .*status 500: (.*)", seconds=SECONDS)
    assert refused.group(1) == receiver.origin, refused.group(1)
    assert refused.group(2) == "?[31mno? room", refused.group(2)
    store.program.wait_for_line(rf"checkpoints arrive at url {receiver.origin} again", seconds=SECONDS)
    store.stop()
    assert not any("s3cret" in line for line in store.program.lines), store.program.tail()
    assert receiver.notes[-1] == store.checkpoint() == store.latest_note(), "the last checkpoint was not published"


def https(store, directory):
    """A server is believed only with a certificate of a known authority."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", directory / "key.pem", "-out", directory / "cert.pem"],
        check=True, capture_output=True)
    receiver = Receiver(directory)
    store.start(url=receiver.origin)
    store.program.wait_for_line(r"did not arrive at url https://\S+; .*certificate", seconds=SECONDS)
    store.stop()
    assert not receiver.notes
    store.start(url=receiver.origin, ca=str(directory / "cert.pem"))
    receiver.wait(lambda r: r.notes, "a checkpoint over TLS")
    store.stop()


def cosigned_by_witness(options, programs, store, directory):
    """A witness that knows only what the protocol tells it follows the log over restarts and a kill -9."""
    key = store.key()
    witness = programs.start("witness", [options.go_check, "witness", key])
    url, witness_key = witness.wait_for_line(r"witness (\S+) (\S+)", seconds=SECONDS).groups()
    receiver = Receiver()
    places = {"url": receiver.origin, "witnesses": [{"url": url + "/", "key": witness_key}]}
    for end in ("kill", "stop", "kill", "stop"):
        store.start(**places)
        before = size_of(store.checkpoint())
        for _ in range(3):
            store.calls()
        until(lambda: store.cosigned() and size_of(store.cosigned()) > before, "a cosigned checkpoint")
        if end == "kill":
            store.program.kill()
        else:
            store.stop()
            assert size_of(store.cosigned()) == size_of(store.checkpoint()), "the last checkpoint was not cosigned"
            assert receiver.notes[-1] == store.checkpoint()
    # Each life of the gateway asks once where the witness is; everything else is accepted at once.
    refusals = [line for line in witness.lines if line.startswith("refused")]
    assert len(refusals) <= 4 and all(line.startswith("refused 409 ") for line in refusals), refusals
    sizes = [size_of(note) for note in receiver.notes]
    assert sizes == sorted(sizes), sizes

    samples = json.loads(processes.run([options.samples, "store", store.data, store.notes]).stdout)
    samples["cosigned"], samples["witness_keys"] = store.cosigned(), [witness_key]
    print("of the store:", check_with_go(options, samples, directory))
    # The check is able to fail.
    lines = samples["checkpoints"][-1].split("\n")
    lines[1] = str(int(lines[1]) + 1)
    samples["checkpoints"][-1] = "\n".join(lines)
    try:
        check_with_go(options, samples, directory)
    except AssertionError as fault:
        assert "checkpoint" in str(fault), fault
    else:
        raise AssertionError("go_check accepts a checkpoint that was changed")
    return places


def rolled_back(store, copy, places):
    """A store put back to an earlier state, and one whose witness is of another log, are told by those who remember."""
    store.data, present = copy, store.data
    store.start(**places)
    store.program.wait_for_line(r"error.* witness \S+ at \S+ contradicts this store.*rolled back", seconds=SECONDS)
    store.program.wait_for_line(r"error.* directory \S+ contradicts this store.*rolled back", seconds=SECONDS)
    store.calls()
    store.program.kill()
    store.data = present


def main():
    options = argparse.ArgumentParser()
    for name in ("--go-check", "--samples", "--sallyportd", "--example", "--example-client"):
        options.add_argument(name, required=True)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as directory, processes.Programs() as programs:
        directory = pathlib.Path(directory)
        for seed in (1, 2):
            print("of random trees:", check_with_go(
                options, processes.run([options.samples, "random", seed]).stdout.decode(), directory))
        example = programs.start("sallyport-example", [options.example, "--listen", "127.0.0.1:0"])
        upstream = example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        store = Store(options, programs, directory, upstream)
        failing_url(store)
        https(store, directory)
        copy = directory / "copy"
        shutil.copytree(store.data, copy)
        shutil.copy(f"{store.data}.keyring", f"{copy}.keyring")
        places = cosigned_by_witness(options, programs, store, directory)
        rolled_back(store, copy, places)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as fault:
        sys.exit(f"BROKEN: {fault}")

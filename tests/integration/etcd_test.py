#!/usr/bin/env python3
"""etcd behind Sallyport: etcdctl works as it does without, everything is recorded, and a session can be replayed.

    etcd_test.py --sallyportd PROGRAM --sallyport PROGRAM [--without-descriptors]
    etcd_test.py --control            through a plain relay of bytes in the gateway's place: what etcdctl should do
"""

import argparse
import base64
import hashlib
import json
import pathlib
import sys
import tempfile

from harness import descriptors, processes
from harness.etcd import Etcd
from harness.gateway import CommandLine, Gateway, PlainRelay
from harness.promises import Promises, equal

HARNESS = pathlib.Path(__file__).parent / "harness"
SESSION_NAME = "inventory"


def main():
    arguments = parse_arguments()
    path = "a plain relay" if arguments.control else "the stream path" if arguments.without_descriptors else "known methods"
    promise = Promises(f"etcd through {path}")
    with tempfile.TemporaryDirectory(prefix="sallyport-etcd-") as directory, processes.Programs() as programs:
        test = EtcdTest(arguments, pathlib.Path(directory), programs, promise)
        test.session()  # first, so that a fresh etcd can give the same answers
        test.keys()
        test.watch()
        test.lease()
        test.snapshot()
        test.users()
        if not arguments.control:
            test.records()
            test.replay()
        with promise("the gateway ends with status 0 when it is asked to"):
            if not arguments.control:
                test.gateway.stop()
    promise.finish()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sallyportd")
    parser.add_argument("--sallyport")
    parser.add_argument("--without-descriptors", action="store_true")
    parser.add_argument("--control", action="store_true")
    arguments = parser.parse_args()
    if not arguments.control and not (arguments.sallyportd and arguments.sallyport):
        parser.error("--sallyportd and --sallyport are needed, unless --control is given")
    return arguments


class EtcdTest:
    """The promises, in the order in which they are tried."""

    def __init__(self, arguments, directory, programs, promise):
        self.directory, self.programs, self.promise = directory, programs, promise
        self.described = not arguments.without_descriptors
        self.descriptors = descriptors.etcd(directory / "etcd.binpb")
        self.etcd = Etcd(programs, directory / "etcd")
        if arguments.control:
            self.gateway = PlainRelay(programs, self.etcd.address)
        else:
            files = [self.descriptors] if self.described else []
            self.gateway = Gateway(programs, arguments.sallyportd, self.etcd.address, directory / "data", files)
            self.sallyport = CommandLine(arguments.sallyport, directory / "data")
        self.control = self.etcd.control(self.gateway.address)
        self.direct = self.etcd.control(self.etcd.address)

    def encode(self, message, text):
        return descriptors.encode(self.descriptors, f"etcdserverpb.{message}", text)

    def session(self):
        """Several calls of one client, under a session name."""
        calls = [("KV/Put", self.encode("PutRequest", 'key: "bolts" value: "120"')),
                 ("KV/Put", self.encode("PutRequest", 'key: "nuts" value: "80" prev_kv: true')),
                 ("KV/Range", self.encode("RangeRequest", 'key: "a" range_end: "z"')),
                 ("Lease/LeaseGrant", self.encode("LeaseGrantRequest", "TTL: 600 ID: 4242")),
                 ("KV/Put", self.encode("PutRequest", 'key: "bolts" value: "119" lease: 4242 prev_kv: true')),
                 ("KV/Put", self.encode("PutRequest", 'key: ""')),  # etcd refuses an empty key
                 ("KV/DeleteRange", self.encode("DeleteRangeRequest", 'key: "nuts" prev_kv: true'))]
        with self.promise("seven calls of one client pass, one of them refused by etcd"):
            asked = json.dumps([{"method": f"/etcdserverpb.{method}", "request": base64.b64encode(request).decode(),
                                 "metadata": [["sallyport-session", SESSION_NAME]]} for method, request in calls])
            done = processes.run(["node", HARNESS / "grpc_session.js", self.gateway.address], stdin=asked.encode())
            answers = [json.loads(line) for line in done.stdout.splitlines()]
            equal([answer["status"] for answer in answers], [0, 0, 0, 0, 0, 3, 0], "statuses")
            equal(answers[5]["message"], "etcdserver: key is not provided", "status message")
            last = descriptors.decode(self.descriptors, "etcdserverpb.DeleteRangeResponse", base64.b64decode(answers[6]["response"]))
            assert 'value: "80"' in last and "revision: 5" in last, last

    def keys(self):
        with self.promise("put and get"):
            equal(self.control.lines("put", "greeting", "hällo"), ["OK"])
            equal(self.control.lines("get", "greeting"), ["greeting", "hällo"])
        with self.promise("get by range and by prefix"):
            for name in ("fruit/apple", "fruit/banana", "fruit/cherry", "vegetable/leek"):
                self.control.run("put", name, name.upper())
            equal(self.control.lines("get", "fruit/apple", "fruit/cherry", "--keys-only"), ["fruit/apple", "", "fruit/banana", ""])
            equal(self.control.lines("get", "--prefix", "fruit/", "--print-value-only"),
                  ["FRUIT/APPLE", "FRUIT/BANANA", "FRUIT/CHERRY"])
        with self.promise("txn takes the branch its condition says"):
            transaction = b'value("greeting") = "h\xc3\xa4llo"\n\nput greeting bye\nget fruit/apple\n\nget greeting\n\n'
            equal(self.control.lines("txn", stdin=transaction), ["SUCCESS", "", "OK", "", "fruit/apple", "FRUIT/APPLE"])
            equal(self.control.lines("txn", stdin=transaction), ["FAILURE", "", "greeting", "bye"])
        with self.promise("del tells how many went, and they are gone"):
            equal(self.control.lines("del", "--prefix", "fruit/"), ["3"])
            equal(self.control.lines("get", "--prefix", "fruit/"), [])
        with self.promise("what was written through the gateway is what etcd holds"):
            equal(self.direct.lines("get", "", "--prefix"), self.control.lines("get", "", "--prefix"))

    def watch(self):
        with self.promise("watch shows each event while the stream is open"):
            watch = self.control.start(self.programs, "watch", "--prefix", "watched/")
            self.first_event(watch)
            for number in range(5):
                self.control.run("put", "watched/thing", f"state {number}")
                watch.wait_for_line(f"^state {number}$")
            self.control.run("del", "watched/thing")
            watch.wait_for_line("^DELETE$")
            assert watch.process.poll() is None, f"the watch ended on its own:\n{watch.tail()}"
            watch.kill()

    def first_event(self, watch):
        """A watch does not say when it has begun: makes events until one is seen."""
        for number in range(100):
            self.control.run("put", "watched/probe", f"probe {number}")
            if any(line.startswith("probe") for line in watch.lines):
                return
        raise AssertionError(f"none of 100 events was seen:\n{watch.tail()}")

    def lease(self):
        with self.promise("a lease is granted, kept alive over a stream, and revoked"):
            lease = self.control.lines("lease", "grant", "2")[0].split()[1]
            self.control.run("put", "leased", "yes", f"--lease={lease}")
            alive = self.control.start(self.programs, "lease", "keep-alive", lease)
            alive.wait_for_line(f"lease {lease} keepalived with TTL", count=4)
            equal(self.control.lines("get", "leased", "--print-value-only"), ["yes"])
            equal(self.control.lines("lease", "revoke", lease), [f"lease {lease} revoked"])
            equal(self.control.lines("get", "leased"), [])
            alive.wait_for_line("expired or revoked")
            equal(alive.wait(), 0, "exit status of keep-alive")

    def snapshot(self):
        with self.promise("a snapshot of several megabytes is the one that etcd gives directly"):
            for number in range(8):
                block = hashlib.sha256(str(number).encode()).hexdigest().encode() * (1 << 14)
                self.control.run("put", f"big/{number}", stdin=block)
            through, direct = self.directory / "through.db", self.directory / "direct.db"
            self.control.run("snapshot", "save", through)
            self.direct.run("snapshot", "save", direct)
            equal(self.describe_snapshot(through), self.describe_snapshot(direct), "snapshot")
            assert through.stat().st_size > 8 << 20, f"only {through.stat().st_size} bytes"

    def describe_snapshot(self, file):
        status = json.loads(self.direct.run("snapshot", "status", file, "--write-out=json").stdout)
        return {**status, "file size": file.stat().st_size}

    def users(self):
        with self.promise("a user is added with a password and is listed"):
            equal(self.control.lines("user", "add", "alice:correct horse"), ["User alice created"])
            equal(self.direct.lines("user", "list"), ["alice"])
        with self.promise("the same user again is refused with etcd's own words"):
            again = self.control.run("user", "add", "alice:other", check=False)
            assert again.returncode != 0 and b"user name already exists" in again.stderr, again.stderr


if __name__ == "__main__":
    sys.exit(main())

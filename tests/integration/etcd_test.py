#!/usr/bin/env python3
"""etcd behind Sallyport: etcdctl works as it does without, everything is recorded, and a session can be replayed.

    etcd_test.py --sallyportd PROGRAM --sallyport PROGRAM [--without-descriptors]
    etcd_test.py --control            through a plain relay of bytes in the gateway's place: what etcdctl should do
"""

import argparse
import base64
import collections
import hashlib
import json
import pathlib
import sys
import tempfile
import time

from harness import descriptors, processes
from harness.etcd import Etcd
from harness.gateway import CommandLine, Gateway, PlainRelay
from harness.promises import Promises, equal

HARNESS = pathlib.Path(__file__).parent / "harness"
SESSION_NAME = "inventory"
CREDENTIAL = "canary-4f1c9a"  # in a cookie: etcd itself looks at `authorization`


def main():
    arguments = parse_arguments()
    path = ("a plain relay" if arguments.control else
            "the stream path" if arguments.without_descriptors else "known methods")
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
            metadata = [["sallyport-session", SESSION_NAME], ["cookie", f"session={CREDENTIAL}"]]
            asked = json.dumps([{"method": f"/etcdserverpb.{method}", "request": base64.b64encode(request).decode(),
                                 "metadata": metadata} for method, request in calls])
            done = processes.run(["node", HARNESS / "grpc_session.js", self.gateway.address], stdin=asked.encode())
            answers = [json.loads(line) for line in done.stdout.splitlines()]
            equal([answer["status"] for answer in answers], [0, 0, 0, 0, 0, 3, 0], "statuses")
            equal(answers[5]["message"], "etcdserver: key is not provided", "status message")
            last = descriptors.decode(self.descriptors, "etcdserverpb.DeleteRangeResponse",
                                      base64.b64decode(answers[6]["response"]))
            assert 'value: "80"' in last and "revision: 5" in last, last

    def keys(self):
        with self.promise("put and get"):
            equal(self.control.lines("put", "greeting", "hällo"), ["OK"])
            equal(self.control.lines("get", "greeting"), ["greeting", "hällo"])
        with self.promise("get by range and by prefix"):
            for name in ("fruit/apple", "fruit/banana", "fruit/cherry", "vegetable/leek"):
                self.control.run("put", name, name.upper())
            equal(self.control.lines("get", "fruit/apple", "fruit/cherry", "--keys-only"),
                  ["fruit/apple", "", "fruit/banana", ""])
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
            # Longer than a busy machine needs to begin to keep it alive.
            lease = self.control.lines("lease", "grant", "6")[0].split()[1]
            alive = self.control.start(self.programs, "lease", "keep-alive", lease)
            self.control.run("put", "leased", "yes", f"--lease={lease}")
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

    def records(self):
        with self.promise("every call is listed with its method and how it ended"):
            self.until_nothing_is_open()
            calls = self.sallyport.calls()
            ends = collections.Counter(
                (call["method"].removeprefix("etcdserverpb."), call["state"], call["status"]) for call in calls)
            for end, least in {("KV/Put", "completed", "OK"): 20, ("KV/Put", "completed", "INVALID_ARGUMENT"): 1,
                               ("KV/Range", "completed", "OK"): 5, ("KV/Txn", "completed", "OK"): 2,
                               ("KV/DeleteRange", "completed", "OK"): 3, ("Lease/LeaseGrant", "completed", "OK"): 2,
                               ("Lease/LeaseRevoke", "completed", "OK"): 1,
                               ("Maintenance/Snapshot", "completed", "OK"): 1,
                               ("Watch/Watch", "cancelled", "CANCELLED"): 1, ("Auth/UserAdd", "completed", "OK"): 1,
                               ("Auth/UserAdd", "completed", "FAILED_PRECONDITION"): 1}.items():
                assert ends[end] >= least, f"{end}: {ends[end]} calls, expected at least {least}, of {dict(ends)}"
            keep_alive = [call for call in calls if call["method"] == "etcdserverpb.Lease/LeaseKeepAlive"]
            assert keep_alive and keep_alive[0]["response_frames"] >= 4, keep_alive
            refused = self.sallyport.calls("--status", "INVALID_ARGUMENT")
            equal([call["method"] for call in refused], ["etcdserverpb.KV/Put"], "what --status finds")
        with self.promise("the snapshot's record holds all of its bytes"):
            (snapshot,) = self.sallyport.calls("--method", "*/Snapshot")
            assert snapshot["response_bytes"] > 8 << 20, snapshot
        with self.promise("the named session is listed with its calls"):
            sessions = self.sallyport.json_lines("sessions")
            (session,) = [session for session in sessions if session["name"] == SESSION_NAME]
            equal(session["calls"], 7, "calls of the session")
            self.session_calls = self.sallyport.calls("--session", session["id"])
            equal(sorted(call["method"].split("/")[1] for call in self.session_calls),
                  ["DeleteRange", "LeaseGrant", "Put", "Put", "Put", "Put", "Range"])
            self.session_id = session["id"]
        with self.promise("a put is shown " + ("decoded" if self.described else "as bytes where nothing describes it")):
            puts = [call for call in self.session_calls if call["method"].endswith("/Put")]
            self.show_put(min(puts, key=lambda call: call["start"])["id"])
        with self.promise("the caller's own user-agent is in the record"):
            (snapshot,) = self.sallyport.calls("--method", "*/Snapshot")
            metadata = {pair["key"]: pair.get("value") for pair in self.show(snapshot["id"])["metadata"]}
            assert metadata["user-agent"].startswith("grpc-go/"), metadata
        with self.promise("a credential that a caller sent is a fingerprint in the record, and nowhere on disk"):
            metadata = {pair["key"]: pair for pair in self.show(self.session_calls[0]["id"])["metadata"]}
            assert metadata["cookie"]["fingerprint"] and "value" not in metadata["cookie"], metadata
            holding = [file for file in (self.directory / "data").rglob("*")
                       if file.is_file() and CREDENTIAL.encode() in file.read_bytes()]
            equal(holding, [], "files that hold the credential")
        with self.promise("tail shows a call while it is made"):
            self.tail()

    def until_nothing_is_open(self):
        """Calls that a caller has cut end a moment later."""
        give_up = time.monotonic() + 20
        while open_calls := self.sallyport.calls("--status", "open"):
            assert time.monotonic() < give_up, f"still open: {open_calls}"

    def show(self, call):
        return json.loads(self.sallyport.run("show", call, "--json").stdout)

    def show_put(self, call):
        frames = {entry["direction"]: entry for entry in self.show(call)["entries"] if entry["event"] == "frame"}
        request = self.encode("PutRequest", 'key: "bolts" value: "120"')
        if self.described:
            equal(frames["request"]["message"],
                  {"key": base64.b64encode(b"bolts").decode(), "value": base64.b64encode(b"120").decode()})
            equal(frames["response"]["message"]["header"]["revision"], "2", "revision of the first put")
            text = self.sallyport.run("show", call).stdout.decode()
            assert base64.b64encode(b"bolts").decode() in text, text
        else:
            equal(base64.b64decode(frames["request"]["payload"]), request)
        equal(self.sallyport.run("show", call, "--raw", "--frame", "0").stdout, request, "the frame's bytes")

    def tail(self):
        tail = self.sallyport.start(self.programs, "tail")
        for number in range(100):
            self.control.run("put", "tailed", str(number))
            if any("etcdserverpb.KV/Put" in line for line in tail.lines):
                break
        tail.wait_for_line(r"etcdserverpb\.KV/Put")
        tail.kill()

    def replay(self):
        with self.promise("the session, replayed against a fresh etcd, gets the same answers"):
            fresh = Etcd(self.programs, self.directory / "fresh", identity_port=self.etcd.identity_port)
            self.replay_session(fresh, expect_status=0, expect_results={"equal": 7})
        with self.promise("replayed once more, the revisions differ, and are named"):
            results = self.replay_session(fresh, expect_status=1)
            assert results["different"] >= 5, results
            again = self.sallyport.run("replay", "--session", self.session_id, "--to", fresh.address, check=False)
            text = again.stdout.decode()
            assert "different" in text and (not self.described or "revision" in text), text
        with self.promise("a dry run sends nothing"):
            before = self.direct_revision(fresh)
            planned = self.sallyport.json_lines("replay", "--session", self.session_id, "--dry-run")
            equal(len(planned), 7, "planned calls")
            equal(self.direct_revision(fresh), before, "revision of the fresh etcd")

    def replay_session(self, etcd, expect_status, expect_results=None):
        done = self.sallyport.run("replay", "--session", self.session_id, "--to", etcd.address, "--json", check=False)
        said = done.stdout.decode() + done.stderr.decode()
        equal(done.returncode, expect_status, f"exit status of replay, which said\n{said}\n")
        results = collections.Counter(json.loads(line)["result"] for line in done.stdout.splitlines())
        if expect_results is not None:
            equal(dict(results), expect_results, f"results of replay, which said\n{said}\n")
        return results

    def direct_revision(self, etcd):
        answer = etcd.control(etcd.address).run("get", "bolts", "--write-out=json").stdout
        return json.loads(answer)["header"]["revision"]


if __name__ == "__main__":
    sys.exit(main())

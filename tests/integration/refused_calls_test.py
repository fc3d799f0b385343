#!/usr/bin/env python3
"""Strangers flood the gateway with calls that it refuses, and write what they can into its record and its log.

    refused_calls_test.py --sallyportd PROGRAM --sallyport PROGRAM
"""

import base64
import json
import re

from harness import processes, suite
from harness.promises import equal
from harness.suite import HARNESS

OK, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAUTHENTICATED = 0, 3, 8, 16
FLOOD = 3000
# What a refused call that is recorded takes at most; see RefusalTable::kMostRecordBytes and kStoreOverhead.
MOST_BYTES_EACH = 4096 + 2048


class Flood(suite.Test):
    """Bad keys, long names of sessions and a hostile upstream, at a gateway that asks for API keys."""

    def run(self):
        keys = self.directory / "keys"
        issued = processes.run([self.arguments.sallyport, "keys", "issue-api-key", "--file", keys, "--subject", "ci",
                                "--expires", "1d"])
        self.key = issued.stdout.decode().strip()
        upstream = self.programs.start("upstream", ["node", HARNESS / "lying_upstream.js"])
        config = {
            "listen": {"address": "127.0.0.1:0"},
            "data": {"directory": str(self.data)},
            "identity": {"api_keys": {"file": str(keys)}},
            "limits": {"refusals": {"per_peer": 1, "recorded": 1}},
            "upstreams": {"u": {"target": upstream.wait_for_line(r"listening on (\S+)").group(1)}},
            "routes": [{"services": ["*"], "upstream": "u"}],
            "descriptors": [{"reflection": "u"}]}
        self.gateway, self.address = self.start_sallyportd(config)
        self.names_its_limit()
        self.is_bounded()
        self.serves_the_known()
        with self.promise("what an upstream says ends no line of the log and acts on no terminal"):
            self.gateway.wait_for_line(r"descriptors of upstream u: .*gone\\n2026-01-01")
        assert self.gateway.stop() == 0, self.gateway.tail()
        self.log_is_clean()
        self.is_counted()

    def calls(self, number, token, metadata=()):
        request = base64.b64encode(b"hello").decode()
        calls = [{"method": "/any.Service/Read", "request": request,
                  "metadata": [["authorization", f"Bearer {token(i)}"], *metadata]} for i in range(number)]
        done = processes.run(["node", HARNESS / "grpc_session.js", self.address], stdin=json.dumps(calls).encode(),
                             seconds=200)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def names_its_limit(self):
        with self.promise("a long name of a session is refused, with the limit named"):
            answer = self.calls(1, lambda i: self.key, [["sallyport-session", "n" * 6000]])[0]
            equal(answer["status"], INVALID_ARGUMENT)
            assert "256" in answer["message"], answer

    def is_bounded(self):
        with self.promise("who floods is told why, then turned away unheard"):
            answers = self.calls(FLOOD, lambda i: f"nonsense-{i}", [["x-padding", "p" * 3000]])
            statuses = [answer["status"] for answer in answers]
            equal(statuses[0], UNAUTHENTICATED)
            equal(set(statuses) <= {UNAUTHENTICATED, RESOURCE_EXHAUSTED}, True, str(set(statuses)))
            self.too_many = statuses.count(RESOURCE_EXHAUSTED)
            assert self.too_many > 0, "nobody was turned away"

    def serves_the_known(self):
        with self.promise("a good key from the same address is served meanwhile"):
            answer = self.calls(1, lambda i: self.key)[0]
            equal((answer["status"], answer["message"]), (OK, ""))

    def log_is_clean(self):
        with self.promise("no raw control character is in the gateway's log"):
            equal([line for line in self.gateway.lines if re.search("[\x00-\x1f\x7f-\x9f\u202e]", line)], [])
            equal([line for line in self.gateway.lines if line.startswith("2026-01-01")], [])

    def is_counted(self):
        calls = self.sallyport.calls()
        counted = [call for call in calls if call["method"].startswith("(")]
        singly = [call for call in calls if call["state"] == "refused" and not call["method"].startswith("(")]
        with self.promise("calls lists few of them, and entries that count the others: together all"):
            total = 0
            for call in counted:
                shown = json.loads(self.sallyport.run("show", call["id"], "--json").stdout)
                metadata = {pair["key"]: pair["value"] for pair in shown["metadata"]}
                total += int(metadata["refused-calls"])
                assert re.fullmatch(r"\(\d+\+? refused calls?\)", call["method"]), call
                equal(metadata["first-method"], "/any.Service/Read")
                text = self.sallyport.run("show", call["id"]).stdout.decode()
                assert f"{metadata['refused-calls']} call" in text and "only counted" in text, text
            equal(total + len(singly), FLOOD + 1)
            assert counted and len(singly) < 500, (len(counted), len(singly))
        with self.promise("refused calls are in no session, and what was left out of a record is said in it"):
            equal({call["session"] for call in counted + singly}, {None})
            shown = self.sallyport.run("show", singly[-1]["id"]).stdout.decode()
            assert "sallyport-truncated: metadata x-padding" in shown, shown
        with self.promise("the store verifies, and the flood took what the limits allow"):
            self.sallyport.run("verify")
            size = sum(file.stat().st_size for file in self.data.rglob("*") if file.is_file())
            most = len(calls) * MOST_BYTES_EACH + (1 << 20)
            assert size <= most, (size, most)


if __name__ == "__main__":
    suite.run("refused calls", [Flood])

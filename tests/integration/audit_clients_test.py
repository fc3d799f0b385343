#!/usr/bin/env python3
"""The audit service of a whole gateway, over HTTP/1.1, as npm's clients, buf and curl meet it: audit/clients.js.

    audit_clients_test.py --sallyportd PROGRAM --sallyport PROGRAM
"""

import json
import pathlib

from harness import processes, suite
from harness.etcd import Etcd
from harness.promises import equal

HERE = pathlib.Path(__file__).parent / "audit"
UNAUTHENTICATED, PERMISSION_DENIED = 16, 7
POLICY = """
access: {default: allow}
roles:
  - {name: auditors, match: {groups: [audit]}, role: auditor}
  - {name: callers, match: {groups: [dev]}, role: caller}
"""


class Clients(suite.Test):
    def run(self):
        etcd = Etcd(self.programs, self.directory / "etcd")
        tokens = {name: self.issue(name, group) for name, group in (("anna", "audit"), ("carl", "dev"), ("sven", "none"))}
        api = f"127.0.0.1:{processes.free_port()}"
        gateway, address = self.start_sallyportd({
            "listen": {"address": "127.0.0.1:0"}, "data": {"directory": str(self.data)},
            "identity": {"api_keys": {"file": str(self.directory / "keys")}},
            "policy": self.write("policy.yaml", POLICY), "api": {"address": api},
            "upstreams": {"etcd": {"target": etcd.address}}, "routes": [{"services": ["*"], "upstream": "etcd"}]})
        for name in ("carl", "anna"):
            self.call(address, tokens[name])
        with self.promise("npm's clients, buf, curl and a validator understand the door in all protocols and codecs"):
            codes = {"": UNAUTHENTICATED, tokens["sven"]: PERMISSION_DENIED, tokens["carl"]: 0, tokens["anna"]: 0}
            told = processes.run(["node", HERE / "clients.js", api, json.dumps(codes)], check=False, seconds=200)
            equal(told.returncode, 0, (told.stdout + told.stderr).decode(errors="replace"))
        with self.promise("every look is in the record"):
            looks = self.sallyport.calls("--method", "sallyport.v1.Audit/*")
            assert len(looks) >= 2, looks
        assert gateway.stop() == 0, gateway.tail()

    def issue(self, subject, group):
        return processes.run([
            self.arguments.sallyport, "keys", "issue-api-key", "--file", self.directory / "keys", "--subject", subject,
            "--groups", group, "--expires", "1d"]).stdout.decode().split()[-1]

    def call(self, address, token):
        """etcd's Range through the gateway, as HTTP/2 by curl."""
        done = processes.run([
            "curl", "--silent", "--http2-prior-knowledge", "-H", "content-type: application/grpc", "-H", "te: trailers",
            "-H", f"authorization: Bearer {token}", "--data-binary", f"@{self.request()}", "-o", "/dev/null", "-D", "-",
            f"http://{address}/etcdserverpb.KV/Range"]).stdout.decode()
        assert "grpc-status: 0" in done, done

    def request(self):
        path = self.directory / "range.bin"
        path.write_bytes(b"\0\0\0\0\3\x0a\x01k")
        return path


if __name__ == "__main__":
    suite.run("the audit service over HTTP/1.1", [Clients])

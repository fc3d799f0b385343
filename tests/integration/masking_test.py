#!/usr/bin/env python3
"""What masks hide is nowhere: passwords of etcd's users, and 1,000 secrets in payments.

    masking_test.py --sallyportd PROGRAM --sallyport PROGRAM --example PROGRAM
"""

import base64
import json
import pathlib
import urllib.request

from harness import descriptors, processes, suite
from harness.etcd import Etcd
from harness.promises import equal
from harness.suite import HARNESS

PASSWORD = "canary-Xq7-password"
SECRETS = 1000


class MaskTest(suite.Test):
    """The data directory is all that the gateway writes."""

    def start_gateway(self, upstream, descriptor, masks):
        self.admin = f"127.0.0.1:{processes.free_port()}"
        policy = self.write("policy.json", {"access": {"default": "allow"}, **masks})
        gateway, address = self.start_sallyportd({
            "listen": {"address": "127.0.0.1:0"}, "data": {"directory": str(self.data)},
            "admin": {"address": self.admin}, "upstreams": {"upstream": {"target": upstream}},
            "descriptors": [descriptor], "policy": policy}, "--log-level", "trace")
        self.tail = self.sallyport.start(self.programs, "tail", "--frames", "--json")
        self.tail.wait_for_line("following")
        return gateway, address

    def stop_gateway(self, gateway):
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=20) as answer:
            self.metrics = answer.read()
        assert gateway.stop() == 0, gateway.tail()
        calls = len(self.sallyport.calls())
        self.tail.wait_for_line('"event":"end"', seconds=30, count=calls)
        self.tail.stop()

    def everything(self, gateway):
        """All that the gateway wrote and that can be read of it with its keys, by name. It has ended."""
        texts = {str(file.relative_to(self.directory)): file.read_bytes()
                 for file in self.data.parent.glob("data*/**/*") if file.is_file()}
        texts["what the gateway printed"] = "\n".join(gateway.lines).encode()
        texts["metrics"] = self.metrics
        texts["tail"] = "\n".join(self.tail.lines).encode()
        texts["calls"] = self.sallyport.run("calls", "--limit", "0", "--json").stdout
        ids = [json.loads(line)["id"] for line in texts["calls"].splitlines()]
        for words in (("--json",), ("--raw", "--json"), ("--full",)):
            texts["show " + " ".join(words)] = b"".join(
                self.sallyport.run("show", call, *words).stdout for call in ids[:50])
        evidence = self.directory / "evidence"
        self.sallyport.run("evidence", ids[0], "--out", evidence)
        texts["evidence"] = evidence.read_bytes()
        return texts


class Passwords(MaskTest):
    """etcd's users get passwords through a gateway that records everything but those."""

    def run(self):
        etcd = Etcd(self.programs, self.directory / "etcd")
        set_file = descriptors.etcd(self.directory / "etcd.binpb")
        gateway, address = self.start_gateway(etcd.address, {"file": str(set_file)}, {"masks": [
            {"name": "passwords", "fields": ["etcdserverpb.*.password", "etcdserverpb.*.hashedPassword"]},
            {"name": "tokens", "fields": ["etcdserverpb.AuthenticateResponse.token"], "with": "hash"},
            {"name": "token", "metadata": ["token"]}]})
        caller = etcd.control(address)
        with self.promise("etcd gets the password, and lets its user in with it"):
            caller.run("user", "add", "root:root")
            caller.run("user", "add", f"ada:{PASSWORD}")
            caller.run("auth", "enable")
            done = etcd.control(address, user=f"ada:{PASSWORD}").run("get", "a", check=False)
            assert b"permission denied" in done.stderr, done  # known, and may do nothing
            done = etcd.control(address, user="ada:wrong").run("get", "a", check=False)
            assert b"authentication failed" in done.stderr, done
        self.stop_gateway(gateway)
        with self.promise("the password is nowhere, the name is there, and the frame says that it was masked"):
            for name, text in self.everything(gateway).items():
                assert PASSWORD.encode() not in text, name
            call = self.sallyport.calls("--method", "etcdserverpb.Auth/UserAdd")[0]
            shown = json.loads(self.sallyport.run("show", call["id"], "--json").stdout)
            text = json.dumps(shown)
            assert '"ada"' in text and '"masked"' in text, text
        with self.promise("a replay refuses what was masked, and says why"):
            done = self.sallyport.run("replay", call["id"], "--to", etcd.address, check=False)
            assert done.returncode == 3 and b"was masked before it was recorded" in done.stdout, done


class Payments(MaskTest):
    """1,000 secrets in masked fields and metadata."""

    @staticmethod
    def secret(number):
        # Not regular, so that compression does not hide it from a search.
        return f"canary{(number * 2654435761 + 12345) % (1 << 32):08x}q{number:04d}"

    @staticmethod
    def field(number, value):
        assert len(value) < 128
        return bytes([number << 3 | 2, len(value)]) + value

    def request(self, secrets):
        holder, code, expiry, payment = (secret.encode() for secret in secrets)
        card = (self.field(1, b"4111111111111111") + self.field(2, holder) + self.field(3, expiry) + self.field(4, code))
        amount = self.field(1, b"EUR") + bytes([2 << 3, 100])
        return self.field(1, b"ada") + self.field(2, amount) + self.field(3, card) + self.field(4, payment)

    def run(self):
        example = self.programs.start("sallyport-example", [self.arguments.example, "--listen", "127.0.0.1:0"])
        upstream = example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        gateway, address = self.start_gateway(upstream, {"reflection": "upstream"}, {"masks": [
            {"name": "cards", "fields": ["pay.v1.Card.*", "*.payment_id", "pay.v1.Payment.id"]},
            {"name": "notes", "metadata": ["x-note"]}]})
        gateway.wait_for_line(r"descriptors \S+ in force", seconds=30)
        secrets = [self.secret(number) for number in range(SECRETS)]
        calls = []
        for call in range(SECRETS // 5):
            *in_fields, note = secrets[5 * call:5 * call + 5]
            calls.append({"method": "/pay.v1.Payments/Authorize", "metadata": [["x-note", note]],
                          "request": base64.b64encode(self.request(in_fields)).decode()})
        done = processes.run(["node", HARNESS / "grpc_session.js", address], stdin=json.dumps(calls).encode())
        replies = [json.loads(line) for line in done.stdout.splitlines()]
        with self.promise("callers see all there is"):
            equal([reply["status"] for reply in replies], [0] * len(calls))
            for call, reply in enumerate(replies):
                assert secrets[5 * call + 3].encode() in base64.b64decode(reply["response"]), call
        self.stop_gateway(gateway)
        with self.promise(f"{SECRETS} secrets in masked fields are in no file, log, metric, record, tail or evidence"):
            texts = self.everything(gateway)
            assert b"ada" in texts["show --json"], "nothing was recorded"
            assert texts["tail"].count(b'"event":"end"') == len(calls), "not all calls were followed"
            for name, text in texts.items():
                found = [secret for secret in secrets
                         if secret.encode() in text or base64.b64encode(secret.encode())[3:-4] in text]
                assert not found, f"{name} holds {len(found)} secrets, such as {found[0]}"


if __name__ == "__main__":
    suite.run("masks", [Passwords, Payments], ["--sallyportd", "--sallyport", "--example"])

#!/usr/bin/env python3
"""Callers prove themselves to the whole gateway: with the tokens of a real OpenID provider, and with certificates.

    authentication_test.py --sallyportd PROGRAM --sallyport PROGRAM
"""

import base64
import json
import pathlib

from harness import processes, suite
from harness.etcd import Etcd
from harness.oidc_provider import OidcProvider
from harness.promises import equal
from harness.suite import HARNESS

UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE = 16, 7, 14


class AuthenticationTest(suite.Test):
    def decisions(self):
        """The decision on each call, oldest call first. The gateway must have ended."""
        calls = self.sallyport.calls()[::-1]
        shown = [json.loads(self.sallyport.run("show", call["id"], "--json").stdout) for call in calls]
        return calls, shown


class Tokens(AuthenticationTest):
    """oidc-provider issues them."""

    POLICY = {"access": {"rules": [
        {"name": "reports", "match": {"groups": ["reports"], "methods": ["/any.Service/Read*"]}, "action": "allow"}]}}

    def run(self):
        self.provider = OidcProvider(self.programs)
        self.upstream = self.programs.start("upstream", ["node", HARNESS / "telling_upstream.js"])
        self.config = {
            "listen": {"address": "127.0.0.1:0"},
            "data": {"directory": str(self.data)},
            "upstreams": {"telling": {"target": self.upstream.wait_for_line(r"listening on (\S+)").group(1)}},
            "identity": {"oidc": [{"issuer": self.provider.issuer, "audiences": ["sallyport"],
                                   "algorithms": ["RS256", "PS256", "ES256", "EdDSA"], "groups_claim": "groups"}]},
            "policy": self.write("policy.yaml", self.POLICY)}
        gateway, self.address = self.start_sallyportd(self.config)
        self.gets_in()
        self.stays_out()
        self.rotates()
        self.does_without_provider()
        assert gateway.stop() == 0, gateway.tail()
        self.is_recorded()
        self.starts_without_provider()

    def call(self, token=None, method="Read", authorization=None):
        """(status, the reply) of one call."""
        if token is not None:
            authorization = f"Bearer {token}"
        metadata = [] if authorization is None else [["authorization", authorization]]
        call = {"method": f"/any.Service/{method}", "request": base64.b64encode(b"hello").decode(), "metadata": metadata}
        done = processes.run(["node", HARNESS / "grpc_session.js", self.address], stdin=json.dumps([call]).encode())
        reply = json.loads(done.stdout)
        return reply["status"], reply

    def gets_in(self):
        with self.promise("tokens of each algorithm get in, and the upstream does not see them"):
            for algorithm in ("RS256", "PS256", "ES256", "EdDSA"):
                status, reply = self.call(self.provider.token(algorithm))
                equal((status, base64.b64decode(reply["response"] or "")), (0, b"hello"), algorithm)
            self.upstream.wait_for_line(r"^call ", count=4)
            assert not any("authorization" in line for line in self.upstream.lines), self.upstream.tail()

    def stays_out(self):
        with self.promise("no token, a spoilt one and one for somebody else stay out, and the upstream hears nothing"):
            token = self.provider.token()
            refused = {"none": dict(), "spoilt": dict(token=token[:-8] + "A" * 8), "another scheme": dict(authorization=f"Basic {token}"),
                       "another audience": dict(token=self.provider.token(audience="elsewhere")),
                       "without its signature": dict(token=token.rsplit(".", 1)[0] + ".")}
            for what, shown in refused.items():
                status, reply = self.call(**shown)
                equal(status, UNAUTHENTICATED, what)
                assert token not in json.dumps(reply), what
            equal(sum(line.startswith("call ") for line in self.upstream.lines), 4)
        with self.promise("what the policy does not allow is denied"):
            equal(self.call(self.provider.token(), method="Write")[0], PERMISSION_DENIED)

    def rotates(self):
        with self.promise("tokens of new keys get in once the keys may be fetched again, those of old keys all the while"):
            old = self.provider.token()
            equal(self.call(old)[0], 0)
            self.provider.rotate(keep=True)
            new = self.provider.token()
            fetched = self.provider.asked("/jwks")
            refused = 0
            while (status := self.call(new)[0]) != 0:
                equal(status, UNAUTHENTICATED)
                equal(self.call(old)[0], 0)
                refused += 1
                assert refused < 2000
            equal(self.call(old)[0], 0)
            equal(self.provider.asked("/jwks") - fetched, 1, f"fetches for {refused} calls")

    def does_without_provider(self):
        for mode in ("away", "nonsense"):
            with self.promise(f"a provider that is {mode} keeps nobody out whose key is known"):
                fresh = self.provider.token()
                self.provider.become(mode)
                equal(self.call(fresh)[0], 0)
                self.provider.become("good")

    def is_recorded(self):
        with self.promise("the record says who it was and how that was known, of those who were refused too, and holds no token"):
            calls, shown = self.decisions()
            first, refused, denied = calls[0], calls[4], calls[9]
            equal((first["identity"], first["status"]), (f"{self.provider.issuer}#reporter", "OK"))
            equal((refused["status"], denied["status"]), ("UNAUTHENTICATED", "PERMISSION_DENIED"))
            decision = json.dumps(shown[0])
            assert self.provider.issuer in decision and "kid=RS256-1" in decision, decision
            text = "".join(json.dumps(one) for one in shown)
            assert "eyJ" not in text, "a token is in the record"

    def starts_without_provider(self):
        with self.promise("a gateway that starts while the provider is away tells callers to come again, and lets them in later"):
            token = self.provider.token()
            self.provider.become("away")
            gateway, self.address = self.start_sallyportd(self.config)
            equal(self.call(token)[0], UNAVAILABLE)
            self.provider.become("good")
            tries = 0
            while (status := self.call(token)[0]) != 0:
                equal(status, UNAVAILABLE)
                tries += 1
                assert tries < 2000
            assert gateway.stop() == 0, gateway.tail()


class Certificates(AuthenticationTest):
    """etcdctl shows them, and finds etcd behind the gateway."""

    def authority(self, name):
        key, certificate = self.directory / f"{name}.key", self.directory / f"{name}.pem"
        processes.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                       "30", "-subj", f"/CN={name}", "-keyout", key, "-out", certificate])
        return name

    def issue(self, authority, name, san, usage):
        """PEM files of a key and a certificate."""
        at = {kind: self.directory / f"{name}.{kind}" for kind in ("key", "csr", "pem", "ext")}
        at["ext"].write_text(f"subjectAltName={san}\nextendedKeyUsage={usage}\nkeyUsage=digitalSignature\n"
                             "basicConstraints=CA:FALSE\n")
        processes.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                       f"/CN={name}", "-keyout", at["key"], "-out", at["csr"]])
        processes.run(["openssl", "x509", "-req", "-in", at["csr"], "-CA", self.directory / f"{authority}.pem", "-CAkey",
                       self.directory / f"{authority}.key", "-CAcreateserial", "-days", "7", "-extfile", at["ext"], "-out",
                       at["pem"]])
        return at

    def run(self):
        etcd = Etcd(self.programs, self.directory / "etcd")
        servers, people, strangers = self.authority("servers"), self.authority("people"), self.authority("strangers")
        server = self.issue(servers, "gateway", "IP:127.0.0.1", "serverAuth")
        alice = self.issue(people, "alice", "DNS:alice.people.example", "clientAuth")
        bob = self.issue(people, "bob", "DNS:bob.people.example", "clientAuth")
        billing = self.issue(people, "billing", "URI:spiffe://prod.example/ns/pay/sa/billing", "clientAuth")
        mallory = self.issue(strangers, "mallory", "DNS:alice.people.example", "clientAuth")
        policy = {"access": {"rules": [
            {"name": "alice", "match": {"identities": ["alice.people.example"], "proofs": ["mtls"]}, "action": "allow"},
            {"name": "billing", "match": {"identities": ["spiffe://prod.example/ns/pay/*/billing"],
                                          "methods": ["/etcdserverpb.KV/Range"]}, "action": "allow"}]}}
        config = {
            "listen": {"address": "127.0.0.1:0", "tls": {"cert": str(server["pem"]), "key": str(server["key"])}},
            "data": {"directory": str(self.data)},
            "upstreams": {"etcd": {"target": etcd.address}},
            "identity": {"mtls": {"ca": str(self.directory / "people.pem"), "trust_domains": [
                {"name": "prod.example", "bundle": str(self.directory / "people.pem")}]}},
            "policy": self.write("policy.yaml", policy)}
        gateway, address = self.start_sallyportd(config)

        def control(shown):
            tls = {"cacert": self.directory / "servers.pem"}
            if shown is not None:
                tls.update(cert=shown["pem"], key=shown["key"])
            return etcd.control(address, tls=tls)

        def refused(shown, reason, *words):
            done = control(shown).run("--dial-timeout=3s", "--command-timeout=3s", *words, check=False)
            assert done.returncode != 0 and reason in done.stderr, done

        with self.promise("etcdctl with a certificate of the authority does what its name may do"):
            equal(control(alice).lines("put", "a", "1"), ["OK"])
            equal(control(alice).lines("get", "a", "--print-value-only"), ["1"])
            equal(control(billing).lines("get", "a", "--print-value-only"), ["1"])
            refused(billing, b"PermissionDenied", "put", "a", "2")
            refused(bob, b"PermissionDenied", "get", "a")
        with self.promise("without a certificate, or with one of another authority, nobody gets as far as a call"):
            refused(None, b"", "get", "a")
            refused(mallory, b"", "get", "a")
            equal(etcd.control(etcd.address).lines("get", "a", "--print-value-only"), ["1"])
        with self.promise("the gateway's own certificate is read again when it is renewed"):
            renewed = self.issue(servers, "gateway", "IP:127.0.0.1", "serverAuth")
            serial = processes.run(["openssl", "x509", "-in", renewed["pem"], "-noout", "-serial"]).stdout
            for _ in range(200):
                shown = processes.run(["openssl", "s_client", "-connect", address, "-cert", alice["pem"], "-key", alice["key"]],
                                      check=False).stdout
                if processes.run(["openssl", "x509", "-noout", "-serial"], stdin=shown).stdout == serial:
                    break
            else:
                raise AssertionError("the old certificate is still shown")
            equal(control(alice).lines("get", "a", "--print-value-only"), ["1"])
        assert gateway.stop() == 0, gateway.tail()
        with self.promise("the record names the callers by their certificates"):
            calls, shown = self.decisions()
            names = {call["identity"] for call in calls}
            equal(names, {"CN=people#alice.people.example", "CN=people#bob.people.example",
                          "spiffe://prod.example#spiffe://prod.example/ns/pay/sa/billing"})


if __name__ == "__main__":
    suite.run("callers prove who they are", [Tokens, Certificates])

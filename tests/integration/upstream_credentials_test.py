#!/usr/bin/env python3
"""Upstreams see the gateway's secrets, and nobody else does.

    upstream_credentials_test.py --sallyportd PROGRAM --sallyport PROGRAM

Two real etcds that let nobody in without credentials, behind a gateway that has them; and an upstream that tells what it
was sent, with one secret from each kind of source, which are then looked for everywhere else.
"""

import base64
import json
import os
import pathlib
import subprocess
import urllib.request

from harness import processes, suite
from harness.etcd import Etcd
from harness.promises import equal
from harness.suite import HARNESS
from harness.token_endpoint import TokenEndpoint

EXAMPLES = pathlib.Path(__file__).parents[2] / "deploy" / "examples" / "credentials"
FORGED = base64.b64encode(b"forged").decode()  # may stand under names in -bin too
PASSWORD = "canary-password with \"quotes\" and \\"


def free_issuer():
    """An admin address, and the issuer's URL that goes with it."""
    address = f"127.0.0.1:{processes.free_port()}"
    return address, f"http://{address}"


class CredentialsTest(suite.Test):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.said = []  # gateways that were started

    def start_gateway(self, config, env=None):
        """Starts a gateway with this configuration, in which DIRECTORY and EXAMPLES stand for the two."""
        config = config.replace("DIRECTORY", str(self.directory)).replace("EXAMPLES", str(EXAMPLES))
        gateway, address = self.start_sallyportd(config, "--log-level", "trace", env={**os.environ, **(env or {})})
        self.said.append(gateway)
        return gateway, address

    def key(self, name, *kind):
        processes.run(["openssl", "genpkey", *kind, "-out", self.directory / name])
        return self.directory / name

    def check_token(self, token, issuer):
        """Header and claims, once node's crypto has found the signature to hold under the served keys."""
        return json.loads(processes.run(["node", HARNESS / "check_jwt.js", issuer], stdin=token.encode()).stdout)


class PasswordEtcd(CredentialsTest):
    """etcd with user names and passwords."""

    CONFIG = """
listen: {address: "127.0.0.1:0"}
data: {directory: DIRECTORY/data}
upstreams:
  etcd:
    target: "ETCD"
    credentials:
      metadata:
        token: {from_command: "EXAMPLES/etcd-token.sh http://ETCD gateway DIRECTORY/password", refresh: 4m}
"""

    def run(self):
        etcd = Etcd(self.programs, self.directory / "etcd")
        root = etcd.control(etcd.address)
        (self.directory / "password").write_text(PASSWORD + "\n")
        root.run("user", "add", "root:root")
        root.run("user", "add", f"gateway:{PASSWORD}")
        root.run("role", "add", "all")
        root.run("role", "grant-permission", "all", "--prefix=true", "readwrite", "")
        root.run("user", "grant-role", "gateway", "all")
        root.run("auth", "enable")
        gateway, address = self.start_gateway(self.CONFIG.replace("ETCD", etcd.address))
        caller = etcd.control(address)

        with self.promise("etcd lets nobody in without a password"):
            done = etcd.control(etcd.address).run("get", "a", check=False)
            assert done.returncode != 0 and b"user name is empty" in done.stderr, done
        with self.promise("etcdctl has no password, the gateway has it, and everything works"):
            equal(caller.lines("put", "a", "1"), ["OK"])
            equal(caller.lines("get", "a", "--print-value-only"), ["1"])
            equal(caller.lines("txn", stdin=b'value("a") = "1"\n\nput b 2\n\n\n')[0], "SUCCESS")
            watch = caller.start(self.programs, "watch", "a")
            for number in range(100):  # the watch begins at some point
                caller.run("put", "a", str(number))
                if watch.line_count() > 0:
                    break
            watch.wait_for_line("PUT")
            watch.stop()
        with self.promise("what the gateway's user may not do, callers may not either"):
            done = caller.run("user", "list", check=False)
            assert done.returncode != 0 and b"permission denied" in done.stderr, done
        with self.promise("a token that etcd has forgotten costs one call its answer, and the next has another"):
            etcd.restart()
            outcomes = [caller.run("get", "b", "--print-value-only") for _ in range(3)]
            equal([done.stdout for done in outcomes], [b"2\n"] * 3)
            # etcdctl tries again by itself, and says so.
            equal([done.stderr.count(b"invalid auth token") for done in outcomes], [1, 0, 0])
        with self.promise("the password is neither in what the gateway said nor in the record"):
            assert gateway.stop() == 0, gateway.tail()
            everything = "\n".join(gateway.lines) + json.dumps(self.sallyport.calls())
            everything += "".join(self.sallyport.run("show", call["id"], "--json").stdout.decode()
                                  for call in self.sallyport.calls())
            assert "canary" not in everything


class TokenEtcd(CredentialsTest):
    """etcd that takes JWTs, and gets them from the gateway."""

    CONFIG = """
listen: {address: "127.0.0.1:0"}
data: {directory: DIRECTORY/data}
admin: {address: "ADMIN"}
token_signing: {issuer: "ISSUER", key: DIRECTORY/key.pem}
upstreams:
  etcd:
    target: "ETCD"
    credentials:
      signed_token:
        {name: token, prefix: "", subject_claims: username, number_claims: {revision: 8}, omit_groups: true}
"""

    def run(self):
        key = self.key("key.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        processes.run(["openssl", "pkey", "-in", key, "-pubout", "-out", self.directory / "key.pub"])
        etcd = Etcd(self.programs, self.directory / "etcd",
                    options=["--auth-token", f"jwt,pub-key={self.directory / 'key.pub'},sign-method=ES256"])
        root = etcd.control(etcd.address)
        root.run("user", "add", "root:root")
        root.run("user", "add", "anonymous:unused")  # whom the gateway's tokens name, since callers prove nothing here
        root.run("role", "add", "some")
        root.run("role", "grant-permission", "some", "--prefix=true", "readwrite", "allowed/")
        root.run("user", "grant-role", "anonymous", "some")
        root.run("auth", "enable")  # adds the role root, and gives it to root: with these, eight changes since the start
        admin, issuer = free_issuer()
        config = self.CONFIG.replace("ETCD", etcd.address).replace("ADMIN", admin).replace("ISSUER", issuer)
        gateway, address = self.start_gateway(config)
        caller = etcd.control(address)

        with self.promise("etcd takes the gateway's signature, and the caller for the user it names"):
            equal(caller.lines("put", "allowed/a", "1"), ["OK"])
            equal(caller.lines("get", "allowed/a", "--print-value-only"), ["1"])
            done = caller.run("put", "forbidden/a", "1", check=False)
            assert done.returncode != 0 and b"permission denied" in done.stderr, done
        with self.promise("a token that the caller brings in the gateway's name is not what etcd sees"):
            session = [{"method": "/etcdserverpb.KV/Range", "request": base64.b64encode(b"\n\x09allowed/a").decode(),
                        "metadata": [["token", "forged"], ["token-bin", FORGED]]}]
            done = processes.run(["node", HARNESS / "grpc_session.js", address], stdin=json.dumps(session).encode())
            equal(json.loads(done.stdout)["status"], 0)
        with self.promise("etcd does not take the signature of another key"):
            self.key("key.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
            assert gateway.stop() == 0, gateway.tail()
            gateway, address = self.start_gateway(config)
            done = etcd.control(address).run("get", "allowed/a", check=False)
            assert done.returncode != 0 and b"invalid auth token" in done.stderr, done
            assert gateway.stop() == 0, gateway.tail()


class Canaries(CredentialsTest):
    """A secret from each kind of source."""

    CONFIG = """
listen: {address: "127.0.0.1:0"}
data: {directory: DIRECTORY/data}
admin: {address: "ADMIN"}
token_signing: {issuer: "ISSUER", key: DIRECTORY/key.pem}
upstreams:
  telling:
    target: "UPSTREAM"
    credentials:
      metadata:
        x-file: {from_file: DIRECTORY/file, prefix: "Bearer "}
        x-environment: {from_env: CREDENTIAL}
        x-command: {from_command: "cat DIRECTORY/command; cat DIRECTORY/command >&2; exit $(cat DIRECTORY/exit)"}
      client_credentials:
        {token_url: "TOKENS", client_id: gateway, client_secret: {from_file: DIRECTORY/client-secret}, name: x-client}
      token_exchange:
        {token_url: "TOKENS", client_id: gateway, client_secret: {from_env: CLIENT_SECRET}, name: x-exchange}
      signed_token: {audiences: [telling, others], lifetime: 1m, name: x-signed}
      identity_metadata: {}
"""
    # Not regular, so that compression does not hide them from a search.
    FILE, ENVIRONMENT, COMMAND, CLIENT_SECRET, CLIENT_TOKEN, EXCHANGED, CALLERS = (
        f"canary-{number * 2654435761 % (1 << 32):08x}-{number}" for number in range(1, 8))
    NAMES = ("x-file", "x-environment", "x-command", "x-client", "x-exchange", "x-signed", "sallyport-identity-token")

    def run(self):
        self.key("key.pem", "-algorithm", "ED25519")
        for name, text in (("file", self.FILE), ("command", self.COMMAND), ("client-secret", self.CLIENT_SECRET),
                           ("exit", "0")):
            (self.directory / name).write_text(text + "\n")
        self.tokens = TokenEndpoint("gateway", self.CLIENT_SECRET, self.make_token)
        self.upstream = self.programs.start("upstream", ["node", HARNESS / "telling_upstream.js"])
        target = self.upstream.wait_for_line(r"listening on (\S+)").group(1)
        self.admin, self.issuer = free_issuer()
        self.config = (self.CONFIG.replace("UPSTREAM", target).replace("TOKENS", self.tokens.url)
                       .replace("ADMIN", self.admin).replace("ISSUER", self.issuer))
        self.env = {"CREDENTIAL": self.ENVIRONMENT, "CLIENT_SECRET": self.CLIENT_SECRET}
        self.replies = []
        self.shown = []  # tokens that the gateway signed
        gateway, address = self.start_gateway(self.config, self.env)
        self.address = address
        self.everything_is_shown()
        self.signatures_hold()
        self.what_callers_forge()
        self.rejections()
        assert gateway.stop() == 0, gateway.tail()
        self.failures()
        self.nothing_leaks()
        self.tokens.close()

    def make_token(self, grant, form):
        if grant == "client_credentials":
            return self.CLIENT_TOKEN
        assert form["subject_token"] == self.CALLERS, form
        return self.EXCHANGED

    def call(self, method="Ok", metadata=()):
        """Makes a call, keeps all that comes back, and returns it."""
        call = {"method": f"/any.Service/{method}", "request": base64.b64encode(b"hello").decode(),
                "metadata": [["authorization", f"Bearer {self.CALLERS}"], *metadata]}
        done = subprocess.run(["node", HARNESS / "grpc_session.js", self.address], input=json.dumps([call]).encode(),
                              stdout=subprocess.PIPE, check=True, timeout=60)
        self.replies.append(done.stdout.decode())
        return json.loads(done.stdout)

    def seen(self, count):
        """The metadata of the `count`-th call that reached the upstream, by name; all values of a name in a list."""
        line = self.upstream.wait_for_line(r"^call (.*)$", count=count).group(1)
        fields = {}
        for name, value in json.loads(line):
            fields.setdefault(name, []).append(value)
        return fields

    def everything_is_shown(self):
        with self.promise("the upstream sees a secret from each kind of source, and the caller's own from none"):
            reply = self.call()
            equal((reply["status"], base64.b64decode(reply["response"])), (0, b"hello"))
            fields = self.seen(1)
            equal({name: fields[name] for name in self.NAMES[:5]},
                  {"x-file": [f"Bearer {self.FILE}"], "x-environment": [self.ENVIRONMENT],
                   "x-command": [self.COMMAND], "x-client": [f"Bearer {self.CLIENT_TOKEN}"],
                   "x-exchange": [f"Bearer {self.EXCHANGED}"]})
            assert "authorization" not in fields and self.CALLERS not in json.dumps(fields), fields
            self.shown = [fields["x-signed"][0].removeprefix("Bearer "), fields["sallyport-identity-token"][0]]
            equal(len(fields["sallyport-identity-token"]), 1)

    def signatures_hold(self):
        with self.promise("a service that knows nothing but the issuer checks the gateway's tokens"):
            first, second = (self.check_token(token, self.issuer) for token in self.shown)
            equal(first["header"]["alg"], "EdDSA")
            for claims, audience in ((first["claims"], ["telling", "others"]), (second["claims"], "telling")):
                equal((claims["iss"], claims["sub"], claims["aud"], claims["caller_proof"], claims["groups"]),
                      (self.issuer, "anonymous", audience, "none", []))
            equal(first["claims"]["exp"] - first["claims"]["iat"], 60)
        with self.promise("a token that was tampered with does not hold"):
            header, claims, signature = self.shown[0].split(".")
            other = base64.urlsafe_b64encode(json.dumps({"sub": "root"}).encode()).decode().rstrip("=")
            done = processes.run(["node", HARNESS / "check_jwt.js", self.issuer], check=False,
                                 stdin=f"{header}.{other}.{signature}".encode())
            assert done.returncode == 1 and b"does not hold" in done.stderr, done

    def what_callers_forge(self):
        with self.promise("what callers send under the gateway's names does not reach the upstream"):
            # As headers may be spelt that node is willing to send (it sends no upper case).
            forged = [[spelling, FORGED] for name in self.NAMES for spelling in
                      {name, name.replace("-", "_"), name + "-bin", name.replace("-", "_", 1)}]
            reply = self.call(metadata=forged)
            equal((reply["status"], reply["message"]), (0, ""))
            fields = self.seen(2)
            assert FORGED not in json.dumps(fields), fields
            equal([len(fields[name]) for name in self.NAMES], [1] * len(self.NAMES))

    def rejections(self):
        with self.promise("an upstream that answers UNAUTHENTICATED causes one refresh, however often it does"):
            asked = len(self.tokens.forms)
            for _ in range(5):
                equal(self.call(method="16")["status"], 16)
            equal(self.call()["status"], 0)
            equal(len(self.tokens.forms) - asked, 2)  # of the client's and of the caller's token

    def failures(self):
        for mode in ("refuse", "nonsense", "huge"):
            with self.promise(f"a token endpoint's failure ({mode}) ends calls with a word that says nothing"):
                self.tokens.mode = mode
                self.refused_call()
                self.tokens.mode = "good"
        with self.promise("a command's failure does too"):
            (self.directory / "exit").write_text("3\n")
            self.refused_call()
            (self.directory / "exit").write_text("0\n")
        with self.promise("and a configuration with a secret in the wrong place is told without it"):
            broken = self.directory / "broken.yaml"
            config = (self.directory / "sallyport.yaml").read_text()
            broken.write_text(config.replace("{from_env: CREDENTIAL}", f"{{from_env: \"{self.ENVIRONMENT} \"}}"))
            done = processes.run([self.arguments.sallyportd, "--check", "--config", broken], check=False,
                                 env={**os.environ, **self.env})
            assert done.returncode == 2 and b"x-environment.from_env" in done.stderr, done
            self.replies.append(done.stderr.decode())

    def refused_call(self):
        """A gateway that has fetched nothing yet cannot obtain its credentials."""
        gateway, self.address = self.start_gateway(self.config, self.env)
        reply = self.call()
        equal((reply["status"], reply["message"]),
              (14, "the gateway cannot obtain its credentials for upstream telling; its log says why"))
        gateway.wait_for_line(r"warning.*credentials for upstream telling, metadata x-")
        # What is served besides.
        for path in ("/.well-known/jwks.json", "/.well-known/openid-configuration", "/metrics"):
            with urllib.request.urlopen(self.issuer + path, timeout=20) as answer:
                self.replies.append(answer.read().decode())
        assert gateway.stop() == 0, gateway.tail()

    def nothing_leaks(self):
        with self.promise("no secret is in any log, reply, record, or file that the gateway wrote"):
            key = (self.directory / "key.pem").read_text().splitlines()[1]
            secrets = [self.FILE, self.ENVIRONMENT, self.COMMAND, self.CLIENT_SECRET, self.CLIENT_TOKEN, self.EXCHANGED,
                       self.CALLERS, *self.shown, *(token.split(".")[2] for token in self.shown), key]
            secrets += [base64.b64encode(f"gateway:{self.CLIENT_SECRET}".encode()).decode()]
            texts = {"logs": "\n".join(line for gateway in self.said for line in gateway.lines),
                     "replies": "\n".join(self.replies)}
            assert "credentials for upstream telling" in texts["logs"] and len(self.replies) >= 20
            equal(self.sallyport.run("verify").returncode, 0)
            calls = self.sallyport.calls()
            assert len(calls) >= 12, len(calls)
            texts["record"] = json.dumps(calls) + "".join(
                self.sallyport.run("show", call["id"], "--json").stdout.decode() for call in calls)
            assert "fingerprint" in texts["record"]
            written = {str(path): path.read_bytes() for path in self.directory.rglob("data*/**/*") if path.is_file()}
            assert any(name.endswith(".seg") for name in written), written.keys()
            for name, text in [*texts.items(), *written.items()]:
                found = [number for number, secret in enumerate(secrets)
                         if (secret in text if isinstance(text, str) else secret.encode() in text)]
                assert not found, f"{name} holds the secrets {found}"


if __name__ == "__main__":
    suite.run("credentials towards upstreams", [PasswordEtcd, TokenEtcd, Canaries])

#!/usr/bin/env python3
"""What Kubernetes mounts from Secrets is read, and read again when it changes, by a gateway that is not root.

    mounted_files_test.py --sallyportd PROGRAM --sallyport PROGRAM

The kubelet's way is imitated: files are links through a link ..data to a folder with a time in its name; a change is a new
folder, and ..data put in its place in one step. They belong to root and the pod's group (fsGroup), with mode 0440. Where the
test is not run by root they belong to whoever runs it, with mode 0400.
"""

import base64
import datetime
import itertools
import json
import os
import shutil
import sys

from harness import processes, suite
from harness.promises import equal
from harness.suite import HARNESS

USER = 65532  # and its group
ROOT = os.geteuid() == 0
PERMISSION_DENIED = 7
SKIPPED_STATUS = 77


class Mount:
    """A volume of a Secret or ConfigMap, as kubelet's atomic writer lays it out."""

    def __init__(self, directory, files):
        self.directory = directory
        self._count = itertools.count(1)
        directory.mkdir()
        self.put(files)
        for name in files:
            (directory / name).symlink_to(f"..data/{name}")

    def path(self, name):
        return str(self.directory / name)

    def put(self, files):
        """All files of the volume, in one step."""
        now = datetime.datetime(2026, 1, 2, 3, 4, 5, next(self._count))
        fresh = self.directory / now.strftime("..%Y_%m_%d_%H_%M_%S.%f")
        fresh.mkdir(mode=0o755)
        for name, text in files.items():
            (fresh / name).write_text(text)
            os.chmod(fresh / name, 0o440 if ROOT else 0o400)
            if ROOT:
                os.chown(fresh / name, 0, USER)
        data, old = self.directory / "..data", None
        if data.is_symlink():
            old = self.directory / os.readlink(data)
        (self.directory / "..data_tmp").symlink_to(fresh.name)
        os.rename(self.directory / "..data_tmp", data)
        if old is not None:
            shutil.rmtree(old)


def key_line(number):
    return f"kek {number:08x} 2026-01-02T03:04:05Z {base64.b64encode(os.urandom(32)).decode()}\n"


def policy(action):
    return json.dumps({"access": {"rules": [{"name": "all", "match": {"methods": ["/any.Service/*"]}, "action": action}]}})


class MountedFiles(suite.Test):
    def as_user(self, *argv):
        """The words that run a program as the pod's user."""
        if not ROOT:
            return list(argv)
        argv = [self.within_reach(argv[0]), *argv[1:]]
        return ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "--pdeathsig", "KILL", *map(str, argv)]

    def within_reach(self, program):
        """A copy of a program where the pod's user may go: the project may lie in root's own folder."""
        copy = self.directory / os.path.basename(program)
        if not copy.exists():
            shutil.copy(program, copy)
        return copy

    def certificate(self, number):
        """A Secret of the kind kubernetes.io/tls, whose certificate is its own authority."""
        key, certificate = self.directory / f"{number}.key", self.directory / f"{number}.pem"
        processes.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                       "-subj", f"/CN=gateway {number}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate])
        return {"tls.crt": certificate.read_text(), "tls.key": key.read_text()}, certificate

    def keys(self, *words, check=True):
        return processes.run(self.as_user(self.arguments.sallyport, "keys", *words, "--data", self.data, "--keys",
                                          f"file:{self.mounts['keyring'].path('keyring')}"), check=check)

    def call(self, authority):
        """(status, how) of one call; None where the certificate is not of that authority."""
        request = {"method": "/any.Service/Read", "request": base64.b64encode(b"hello").decode()}
        done = processes.run(["node", HARNESS / "grpc_session.js", self.address, authority], stdin=json.dumps([request]).encode(),
                             check=False)
        return json.loads(done.stdout)["status"] if done.returncode == 0 else None

    def wait_for_status(self, status, authority):
        for _ in range(300):
            if (found := self.call(authority)) == status:
                return
        raise AssertionError(f"calls go on ending with {found} instead of {status}")

    def run(self):
        os.chmod(self.directory.parent, 0o711)
        upstream = self.programs.start("upstream", ["node", HARNESS / "telling_upstream.js"])
        (self.directory / "volume").mkdir()
        if ROOT:
            os.chown(self.directory / "volume", 0, USER)
            os.chmod(self.directory / "volume", 0o2775)
        self.data = self.directory / "volume" / "data"
        served, self.authority = self.certificate(1)
        self.mounts = {
            "policy": Mount(self.directory / "policy", {"policy.yaml": policy("allow")}),
            "tls": Mount(self.directory / "tls", served),
            "keyring": Mount(self.directory / "keyring", {"keyring": key_line(1)}),
            "secret": Mount(self.directory / "secret", {"token": "first-secret\n"})}
        config = {
            "listen": {"addresses": ["127.0.0.1:0"], "tls": {"cert": self.mounts["tls"].path("tls.crt"), "key": self.mounts["tls"].path("tls.key")}},
            "data": {"directory": str(self.data), "keys": f"file:{self.mounts['keyring'].path('keyring')}"},
            "upstreams": {"telling": {"target": upstream.wait_for_line(r"listening on (\S+)").group(1), "credentials": {
                "metadata": {"x-token": {"from_file": self.mounts["secret"].path("token")}}}}},
            "identity": {"anonymous": True},
            "policy": self.mounts["policy"].path("policy.yaml")}
        with self.promise("a gateway that is not root starts with what root hands to its group"):
            self.gateway = self.programs.start("sallyportd", self.as_user(
                self.arguments.sallyportd, "--config", self.write("sallyport.yaml", config), "--grace", "1"))
            self.address = self.gateway.wait_for_line(r"listening on (\d[\d.]*:\d+)", seconds=60).group(1)
            equal(self.call(self.authority), 0)
            upstream.wait_for_line("first-secret")
        self.changes(upstream)
        equal(self.gateway.stop(), 0, self.gateway.tail())

    def changes(self, upstream):
        with self.promise("a policy that is swapped decides"):
            self.mounts["policy"].put({"policy.yaml": policy("deny")})
            self.wait_for_status(PERMISSION_DENIED, self.authority)
        with self.promise("one with a fault is told, and the old one goes on deciding"):
            lines = self.gateway.line_count()
            self.mounts["policy"].put({"policy.yaml": "access: {rules: nonsense}"})
            self.gateway.wait_for_line("not in order", after=lines, seconds=60)
            equal(self.call(self.authority), PERMISSION_DENIED)
            self.mounts["policy"].put({"policy.yaml": policy("allow")})
            self.wait_for_status(0, self.authority)
        with self.promise("a certificate that is swapped, key and all, is shown"):
            served, authority = self.certificate(2)
            self.mounts["tls"].put(served)
            self.wait_for_status(0, authority)
            equal(self.call(self.authority), None)
            self.authority = authority
        with self.promise("a secret that is swapped is what the upstream sees"):
            self.mounts["secret"].put({"token": "second-secret\n"})
            for _ in range(300):
                equal(self.call(self.authority), 0)
                if any("second-secret" in line for line in upstream.lines):
                    break
            else:
                raise AssertionError("the upstream goes on seeing the old one")
        with self.promise("a keyring that is swapped begins a segment under its new key, and the store opens with it"):
            lines = self.gateway.line_count()
            ring = (self.directory / "keyring" / "keyring").read_text() + key_line(2)
            self.mounts["keyring"].put({"keyring": ring})
            self.gateway.wait_for_line("the key-encryption key was rotated: a new segment is begun", after=lines, seconds=60)
            equal(self.call(self.authority), 0)
            text = self.keys("status", "--json").stdout.decode()
            assert "00000001" in text and "00000002" in text, text
        with self.promise("key files are wrapped anew in the pod; the keyring is changed there by nobody"):
            self.keys("rewrap")
            if ROOT:
                for words in (["rotate"], ["rewrap", "--drop-unused"]):
                    done = self.keys(*words, check=False)
                    assert done.returncode != 0 and b"belongs to another user" in done.stderr, (words, done)
            equal((self.directory / "keyring" / "keyring").read_text(), ring)
            equal(self.call(self.authority), 0)


def main():
    try:
        suite.run("files that Kubernetes mounts", [MountedFiles])
    except SystemExit as end:
        if ROOT or end.code != 0:
            raise
        print("SKIPPED mounted_files_test: only root can give files to another user")
        sys.exit(SKIPPED_STATUS)


if __name__ == "__main__":
    main()

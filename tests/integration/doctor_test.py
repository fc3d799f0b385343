#!/usr/bin/env python3
"""`sallyport doctor` finds what was broken, and its bundle holds no secret and nothing that was recorded.

    doctor_test.py --sallyportd PROGRAM --sallyport PROGRAM
"""

import json
import os
import shutil
import tarfile

from harness import processes, suite
from harness.gateway import CommandLine
from harness.promises import equal

KILL = suite.HARNESS.parent / "kill"
SECRET = "s3cret-in-the-configuration"
CALLS = 20


class Doctor(suite.Test):
    def run(self):
        upstream = self.programs.start("upstream", ["node", KILL / "upstream.js"])
        self.admin = f"127.0.0.1:{processes.free_port()}"
        self.config = {
            "listen": {"address": "127.0.0.1:0"},
            "data": {"directory": str(self.data)},
            "admin": {"address": self.admin},
            "upstreams": {"marks": {"target": upstream.wait_for_line(r"listening on (\S+)").group(1)}},
            "routes": [{"services": ["*"], "metadata": {"x-token": SECRET}, "upstream": "marks"},
                       {"services": ["*"], "upstream": "marks"}],
        }
        gateway, address = self.start_sallyportd(self.config)
        load = self.programs.start("load", ["node", KILL / "load.js", address, 7, CALLS, 0])
        load.wait_for_line(r"^over", seconds=60)
        with self.promise("nothing is wrong with a gateway that runs"):
            status, report = self.doctor()
            equal((status, report["problems"]), (0, 0), f"exit status and problems of {report}")
            checks = {finding["check"] for finding in report["findings"]}
            for check in ("configuration", "files", "keys", "store", "index", "clock", "disk", "upstream", "grpc", "limits"):
                assert check in checks, f"nothing is said of {check}: {sorted(checks)}"
        with self.promise("the bundle holds no secret, and nothing that was recorded"):
            self.bundle()
        load.kill()
        gateway.stop()
        with self.promise("what is broken is found"):
            self.broken(upstream)
        with self.promise("a gateway that shows another certificate than its file has is found"):
            self.shown()

    def doctor(self, *words):
        done = processes.run([self.arguments.sallyport, "doctor", "--config", self.directory / "sallyport.yaml", "--json", *words],
                             check=False)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def found(self, level, check, where=None):
        status, report = self.doctor()
        assert any(finding["level"] == level and finding["check"] == check and bool(finding["do"]) == (level != "ok") and
                   where in (None, finding["where"]) for finding in report["findings"]), f"no {level} of {check}: {report}"
        equal(status, 1 if report["problems"] else 0, "exit status")

    def bundle(self):
        path = self.directory / "support.tar.gz"
        self.doctor("--bundle", path)
        equal(path.stat().st_mode & 0o777, 0o600, "mode of the bundle")
        with tarfile.open(path) as archive:
            texts = {member.name.split("/")[1]: archive.extractfile(member).read() for member in archive}
        equal(sorted(texts), ["configuration.txt", "doctor.json", "doctor.txt", "files.txt", "metrics.txt", "versions.txt"],
              "files in the bundle")
        assert b"sallyport_" in texts["metrics.txt"], texts["metrics.txt"][:200]
        assert b"data.directory" in texts["configuration.txt"], texts["configuration.txt"]
        assert b"log/00000001.seg" in texts["files.txt"], texts["files.txt"]
        secrets = [SECRET.encode(), b"\x01" * 8]
        keyring = self.data.with_name("data.keyring").read_text()
        secrets += [line.split()[3].encode() for line in keyring.splitlines() if line.startswith("kek ")]
        for key in (self.data / "keys").iterdir():
            secrets += [line.split()[1].encode() for line in key.read_text().splitlines() if line.startswith("wrapped ")]
        assert len(secrets) > 4, secrets
        for name, text in texts.items():
            for secret in secrets:
                assert secret not in text, f"{name} holds {secret}"
        done = processes.run([self.arguments.sallyport, "doctor", "--data", self.data, "--bundle", path], check=False)
        equal(done.returncode, 3, "exit status where the bundle is there already")

    def broken(self, upstream):
        os.chmod(self.data / "keys", 0o755)
        self.found("problem", "files")
        os.chmod(self.data / "keys", 0o700)
        keyring = self.data.with_name("data.keyring")
        shutil.move(keyring, self.directory / "away")
        self.found("problem", "keys")
        shutil.move(self.directory / "away", keyring)
        (self.data / "format").write_text("99\n")
        self.found("problem", "store")
        (self.data / "format").unlink()
        newest = sorted((self.data / "log").glob("*.seg"))[-1]
        os.utime(newest, (4102444800, 4102444800))
        self.found("problem", "clock")
        os.utime(newest)
        upstream.kill()
        self.found("warning", "upstream")
        self.certificate("-days", "10")
        self.found("warning", "certificate")
        self.secrets()
        self.write("sallyport.yaml", {**self.config, "no_such_key": SECRET})
        self.found("problem", "configuration")
        done = CommandLine(self.arguments.sallyport, self.directory / "nowhere").run("doctor", check=False)
        equal(done.returncode, 1, "exit status without a store")

    def secrets(self):
        keys = self.directory / "api-keys"
        for expires in ("10d", "90d"):
            processes.run([self.arguments.sallyport, "keys", "issue-api-key", "--file", keys, "--subject", "shop", "--expires", expires])
        token = self.directory / "token"
        token.write_text(SECRET)
        self.config["identity"] = {"api_keys": {"file": str(keys)}}
        self.config["upstreams"]["marks"]["credentials"] = {"metadata": {"x-key": {"from_file": str(token)}}}
        self.write("sallyport.yaml", self.config)
        self.found("warning", "api-key")
        self.found("ok", "credential")
        os.utime(token, (1, 1))
        self.found("warning", "credential")
        token.unlink()
        self.found("problem", "credential")
        token.write_text(SECRET)

    def shown(self):
        """A gateway that has not taken up the certificate that is there now, for its key is another."""
        del self.config["identity"], self.config["upstreams"]["marks"]["credentials"]
        self.certificate("-days", "60")
        gateway, _ = self.start_sallyportd(self.config)
        gateway.wait_for_line("admin endpoint on", seconds=60)
        self.found("ok", "certificate", self.admin)
        other = self.directory / "other.pem"
        self.make_certificate(other, self.directory / "other-key.pem", "-days", "90")
        os.replace(other, self.directory / "cert.pem")
        gateway.wait_for_line("listen.tls changed and is not in order", seconds=30)
        self.found("problem", "certificate", self.admin)
        gateway.stop()

    @staticmethod
    def make_certificate(cert, key, *words):
        processes.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                       "-subj", "/CN=localhost", "-keyout", key, "-out", cert, *words])

    def certificate(self, *words):
        cert, key = self.directory / "cert.pem", self.directory / "key.pem"
        self.make_certificate(cert, key, *words)
        self.config["listen"]["tls"] = {"cert": str(cert), "key": str(key)}
        self.write("sallyport.yaml", self.config)


if __name__ == "__main__":
    suite.run("doctor", [Doctor])

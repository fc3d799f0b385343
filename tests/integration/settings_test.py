#!/usr/bin/env python3
"""Settings that mean nothing are told: when they are checked, at the start, once reflection has answered, and on reload,
in the same words.

    settings_test.py --sallyportd PROGRAM --sallyport PROGRAM --example PROGRAM
"""

import os
import re
import signal
import subprocess
import time
import urllib.request

from harness import descriptors, processes, suite
from harness.promises import equal

FIELD = re.compile(r"[\w./-]+:\d+: .*")


def policy(*fields, method="etcdserverpb.KV/Range"):
    return {"access": {"default": "allow", "rules": [{"name": "read", "match": {"methods": [method]}, "action": "allow"}]},
            "masks": [{"name": f"mask-{number}", "fields": [field]} for number, field in enumerate(fields)]}


class Settings(suite.Test):
    def config(self, *sources):
        return {"listen": {"address": "127.0.0.1:0"}, "admin": {"address": self.admin},
                "data": {"directory": str(self.data)}, "policy": str(self.directory / "policy.json"),
                "upstreams": {"payments": {"target": self.example}, "etcd": {"target": "127.0.0.1:1"}},
                "routes": [{"services": ["pay.*"], "upstream": "payments"}, {"services": ["etcdserverpb.*"], "upstream": "etcd"}],
                "descriptors": [{"file": str(self.etcd)}, *sources]}

    def odd(self):
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=20) as answer:
            return int(re.search(r"^sallyport_settings_odd (\d+)$", answer.read().decode(), re.M).group(1))

    def reload(self, gateway):
        lines = gateway.line_count()
        os.kill(gateway.pid, signal.SIGHUP)
        gateway.wait_for_line("the configuration was read again", after=lines, seconds=30)
        return lines

    def run(self):
        example = self.programs.start("sallyport-example", [self.arguments.example, "--listen", "127.0.0.1:0"])
        self.example = example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        self.admin = f"127.0.0.1:{processes.free_port()}"
        self.etcd = descriptors.etcd(self.directory / "etcd.binpb")
        self.write("policy.json", policy("etcdserverpb.AuthUserAddRequest.pasword", method="etcdserverpb.KV/Rangge"))
        self.checked()
        self.started()
        self.left_out()

    def checked(self):
        self.write("sallyport.yaml", self.config())
        with self.promise("--check warns of a mask without a field and a rule without a method, and of nothing else"):
            done = processes.run([self.arguments.sallyportd, "--config", self.directory / "sallyport.yaml", "--check"])
            told = done.stderr.decode() + done.stdout.decode()
            assert "etcdserverpb.AuthUserAddRequest.pasword" in told and "etcdserverpb.KV/Rangge" in told, told
            assert "did you mean" in told, told
            self.told = sorted(line.split("warning: ", 1)[-1] for line in told.splitlines() if "policy.json" in line and FIELD.search(line))
            equal(len(self.told), 2)
        with self.promise("`policy check` says the same"):
            checked = processes.run([self.arguments.sallyport, "policy", "check", self.directory / "policy.json", "--config",
                                     self.directory / "sallyport.yaml", "--descriptors", self.etcd], check=False)
            text = checked.stdout.decode() + checked.stderr.decode()
            for line in self.told:
                assert line.split(": ", 1)[1] in text, (line, text)

        with self.promise("--check that cannot say so is no success"):
            for words in (["--help"], ["--version"], ["--config", str(self.directory / "sallyport.yaml"), "--check"]):
                with open("/dev/full", "w") as full:
                    done = subprocess.run([self.arguments.sallyportd, *words], stdout=full, stderr=subprocess.PIPE, timeout=60)
                equal(done.returncode, 3)
                assert b"the output could not be written" in done.stderr, done.stderr

    def left_out(self):
        """A directory of sources of which one is no good."""
        (self.directory / "protos").mkdir()
        self.write("protos/good.proto", 'syntax = "proto3"; package pay.v1; message Good {} service S { rpc M(Good) returns (Good); }')
        self.write("protos/bad.proto", 'syntax = "proto3"; message {}')
        self.write("policy.json", policy("etcdserverpb.AuthUserAddRequest.password"))
        config = self.config({"file": str(self.directory / "protos")})
        config_file = self.write("sallyport.yaml", config)
        told = f"{config_file}:1: descriptors[1].file: left out: {self.directory}/protos/bad.proto:1:"
        with self.promise("--check warns of a source that is left out, with its place"):
            done = processes.run([self.arguments.sallyportd, "--config", config_file, "--check"])
            assert f"warning: {told}" in done.stderr.decode(), done.stderr
            assert done.stdout.decode().endswith(": in order, with 1 warning\n"), done.stdout
        with self.promise("so does `policy check`"):
            done = processes.run([self.arguments.sallyport, "policy", "check", self.directory / "policy.json", "--config", config_file])
            assert f"warning: {told}" in done.stdout.decode(), done.stdout
        gateway, _ = self.start_sallyportd(config)
        with self.promise("so do log and metric, until it is mended"):
            gateway.wait_for_line("settings: " + re.escape(told), seconds=30)
            equal(self.odd(), 1)
            self.write("protos/bad.proto", 'syntax = "proto3"; message B {}')
            self.reload(gateway)
            self.wait_until(lambda: self.odd() == 0)
        with self.promise("a source that is gone is told with its place, and what was in force stays"):
            config["descriptors"].append({"file": str(self.directory / "none.binpb")})
            self.write("sallyport.yaml", config)
            lines = gateway.line_count()
            os.kill(gateway.pid, signal.SIGHUP)
            gateway.wait_for_line(re.escape(f"nothing of it is taken up: {config_file}:1: descriptors[2].file: "), after=lines, seconds=30)
        equal(gateway.stop(), 0)

    def wait_until(self, holds):
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, "it does not come to hold"
            time.sleep(0.05)

    def started(self):
        gateway, _ = self.start_sallyportd(self.config({"reflection": "payments"}))
        gateway.wait_for_line(r"descriptors \S+ in force for upstream payments", seconds=60)
        with self.promise("the log says the same once reflection has answered, and the metric counts it"):
            for line in self.told:
                gateway.wait_for_line(re.escape(line.split(": ", 1)[1]), seconds=30)
            equal(self.odd(), 2)
        with self.promise("what was mended is not odd any more after a reload, and what came is told"):
            self.write("policy.json", policy("etcdserverpb.AuthUserAddRequest.password", "pay.v1.Card.nummber"))
            lines = self.reload(gateway)
            gateway.wait_for_line(r"settings: .*pay\.v1\.Card\.nummber", after=lines, seconds=30)
            equal(self.odd(), 1)
            assert not any("pasword" in line for line in gateway.lines[lines:]), gateway.tail()
        with self.promise("what is still so is not said again"):
            lines = self.reload(gateway)
            self.write("policy.json", policy("etcdserverpb.AuthUserAddRequest.password", "pay.v1.Card.nummber",
                                             "pay.v1.Card.numbber"))
            self.reload(gateway)
            gateway.wait_for_line(r"settings: .*pay\.v1\.Card\.numbber", after=lines, seconds=30)
            equal(sum("nummber" in line for line in gateway.lines[lines:]), 0)
            equal(self.odd(), 2)
        equal(gateway.stop(), 0)


if __name__ == "__main__":
    suite.run("settings", [Settings], ["--sallyportd", "--sallyport", "--example"])

#!/usr/bin/env python3
"""What is recorded of calls follows the policy's record rules, also while the policy is read again under calls; and nothing
takes what is left of a frame for the message.

    record_rules_test.py --sallyportd PROGRAM --sallyport PROGRAM --example PROGRAM
"""

import base64
import json
import os
import signal
import threading

from harness import processes, suite
from harness.promises import equal
from harness.suite import HARNESS

CALLS = 100
REQUEST = b"\x0a\x05pay-2"
FIRST = 20


def policy(*rules):
    return {"access": {"default": "allow"}, "record": {"rules": list(rules)}}


def rule(name, **says):
    return {"name": name, "match": {"methods": ["pay.v1.Payments/*"]}, **says}


NOTHING = rule("nothing", frames="none", durability="relaxed")
BEGINNINGS = rule("beginnings", frames=f"first {FIRST}", durability="write_ahead")
WHOLE = rule("whole", frames="all")


class RecordRules(suite.Test):
    """The example service behind a gateway whose policy changes."""

    def run(self):
        example = self.programs.start("sallyport-example", [self.arguments.example, "--listen", "127.0.0.1:0"])
        self.example = example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        self.write("policy.json", policy(NOTHING))
        gateway, self.address = self.start_sallyportd({
            "listen": {"address": "127.0.0.1:0"}, "data": {"directory": str(self.data)},
            "policy": str(self.directory / "policy.json"), "upstreams": {"payments": {"target": self.example}}})
        self.gateway = gateway
        self.reloads()
        equal(gateway.stop(), 0)
        self.records()
        self.commands()

    def call(self, number):
        calls = [{"method": "/pay.v1.Payments/GetPayment", "request": base64.b64encode(REQUEST).decode()}] * number
        done = processes.run(["node", HARNESS / "grpc_session.js", self.address], stdin=json.dumps(calls).encode(), seconds=200)
        self.answers = [json.loads(line) for line in done.stdout.splitlines()]

    def reload(self, *rules):
        self.write("policy.json", policy(*rules))
        lines = self.gateway.line_count()
        os.kill(self.gateway.pid, signal.SIGHUP)
        self.gateway.wait_for_line("the configuration was read again", after=lines, seconds=30)

    def reloads(self):
        with self.promise("calls go on, and alike, while the rules change under them"):
            self.call(1)
            caller = threading.Thread(target=self.call, args=(CALLS,))
            caller.start()
            while caller.is_alive():
                for rules in ([BEGINNINGS], [WHOLE], [NOTHING]):
                    self.reload(*rules)
            caller.join()
            equal(len(self.answers), CALLS)
            equal({answer["status"] for answer in self.answers}, {0})
            equal(len({answer["response"] for answer in self.answers}), 1)
            self.reply = base64.b64decode(self.answers[0]["response"])
            assert len(self.reply) > FIRST, self.reply
        for rules in ([BEGINNINGS], [WHOLE], []):
            self.reload(*rules)
            self.call(1)

    def records(self):
        wants = {"nothing": (0, "relaxed"), "beginnings": (FIRST, "write_ahead"), "whole": (None, "commit"), None: (None, "commit")}
        self.by_rule = {}
        with self.promise("each call is recorded by the one rule that it names, both ways, and counted with what passed"):
            calls = self.sallyport.calls()
            equal(len(calls), CALLS + 4)
            for listed in calls:
                call = self.shown(listed["id"])
                most, durability = wants[call["record_rule"]]
                equal(call["frame_bytes"], most)
                equal(call["durability"], durability)
                frames = [entry for entry in call["entries"] if entry["event"] == "frame"]
                equal([frame["direction"] for frame in frames], ["request", "response"])
                for frame, passed in zip(frames, (REQUEST, self.reply)):
                    left = passed if most is None else passed[:most]
                    equal(base64.b64decode(frame["payload"]), left)
                    equal(frame["size"], len(passed))
                    equal(frame.get("shortened", False), len(left) < len(passed))
                equal((listed["request_bytes"], listed["response_bytes"]), (len(REQUEST), len(self.reply)))
                self.by_rule[call["record_rule"]] = listed["id"]
            equal(set(self.by_rule), set(wants))

    def shown(self, call):
        return self.sallyport.json_lines("show", call, "--raw")[0]

    def commands(self):
        with self.promise("the store verifies"):
            self.sallyport.run("verify")
        with self.promise("a whole call is replayed, a shortened one refused with a word"):
            self.sallyport.run("replay", self.by_rule["whole"], "--to", self.example)
            for name in ("nothing", "beginnings"):
                refused = self.sallyport.run("replay", self.by_rule[name], "--to", self.example, check=False)
                equal(refused.returncode, 3)
                assert b"shortened, " in refused.stdout + refused.stderr, refused
        with self.promise("evidence of a shortened call says what it does not prove"):
            made = self.sallyport.run("evidence", self.by_rule["nothing"], "--out", self.directory / "evidence")
            assert b"2 frames are shortened" in made.stderr, made.stderr
        with self.promise("a dry run says what other rules would have left"):
            file = self.write("other.json", policy(rule("none of it", frames="none")))
            report = json.loads(self.sallyport.run("policy", "dry-run", file, "--limit", "0", "--json").stdout)
            equal([(one["rule"], one["calls"], one["payload_then"]) for one in report["recorded"]], [("none of it", CALLS + 4, 0)])
            assert report["recorded"][0]["payload_now"] > 0, report
            file = self.write("all.json", policy(rule("all of it", frames="all")))
            report = json.loads(self.sallyport.run("policy", "dry-run", file, "--limit", "0", "--json").stdout)
            equal(report["recorded"][0]["payload_then"], (CALLS + 4) * (len(REQUEST) + len(self.reply)))


if __name__ == "__main__":
    suite.run("what is recorded, by rule", [RecordRules], options=("--sallyportd", "--sallyport", "--example"))

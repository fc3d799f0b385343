#!/usr/bin/env python3
"""The dashboard and the alerts of deploy/, and its pages: every metric that they name is one that a gateway serves, promtool
takes the alerts, and their cases hold.

    monitoring_files_test.py --sallyportd PROGRAM --sallyport PROGRAM --source FOLDER
"""

import json
import pathlib
import re
import subprocess
import urllib.request

from harness import processes, suite
from harness.promises import equal

NAME = re.compile(r"(?<![\w.])(?:sallyport|grpc_server|grpc_client|process)_[a-z][a-z_]*[a-z](?![\w:.])")
SPAN = re.compile(r"`([a-z_]+)(?:\{[^}`]*\})?`")
PAGES = ("deploy/README.md", "deploy/KUBERNETES.md", "gateway/README.md")
ROWS = ["Is it healthy?", "Who calls what?", "What is refused?", "What does it cost?", "Traces and events"]


def promtool(*words):
    done = subprocess.run(["promtool", *words], capture_output=True, timeout=120)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def expressions_of(dashboard):
    return [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])]


class Files(suite.Test):
    def run(self):
        self.source = pathlib.Path(self.arguments.source)
        self.dashboard = json.loads((self.source / "deploy/grafana/sallyport.json").read_text())
        self.alerts = self.source / "deploy/prometheus/alerts.yaml"
        admin = f"127.0.0.1:{processes.free_port()}"
        gateway, _ = self.start_sallyportd({
            "listen": {"address": "127.0.0.1:0"}, "admin": {"address": admin}, "data": {"directory": str(self.data)},
            "upstreams": {"u": {"target": "127.0.0.1:1"}},
            # What is served where it is configured.
            "tracing": {"otlp": "127.0.0.1:1"}, "events": {"receivers": {"file": {"file": {"path": f"{self.data}.events"}}}}})
        with urllib.request.urlopen(f"http://{admin}/metrics", timeout=20) as answer:
            self.body = answer.read().decode()
        self.served = {}
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", self.body, re.MULTILINE):
            self.served[name] = kind
        self.are_served()
        self.are_in_order()
        equal(gateway.stop(), 0)

    def unknown(self, text):
        names = set(NAME.findall(text))
        assert names or "up{" in text, text
        return sorted(name for name in names if not self.is_served(name))

    def is_served(self, name):
        family = re.sub(r"_(?:bucket|sum|count)$", "", name)
        return name in self.served or self.served.get(family) == "histogram"

    def are_served(self):
        with self.promise("a gateway that nobody has called serves enough to compare with"):
            assert len(self.served) > 60, self.served
        with self.promise("every metric of the dashboard is served"):
            for title, expression in expressions_of(self.dashboard):
                equal(self.unknown(expression), [], title)
        with self.promise("every metric of the alerts is served"):
            equal(self.unknown(self.alerts.read_text()), [])
        with self.promise("every metric that the pages name is served, and every one that is served is on the page"):
            said = set()
            for page in PAGES:
                spans = {span for span in SPAN.findall((self.source / page).read_text()) if NAME.fullmatch(span)}
                equal(sorted(span for span in spans if not self.is_served(span)), [], page)
                said |= spans
            equal(sorted(name for name in self.served if name not in said), [])

    def are_in_order(self):
        with self.promise("the dashboard has its rows, and panels with numbers of their own"):
            equal([panel["title"] for panel in self.dashboard["panels"] if panel["type"] == "row"], ROWS)
            numbers = [panel["id"] for panel in self.dashboard["panels"]]
            equal(len(set(numbers)), len(numbers))
        with self.promise("Prometheus takes every expression of the dashboard"):
            rules = [{"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$service", ".*")}
                     for number, (_, expression) in enumerate(expressions_of(self.dashboard))]
            promtool("check", "rules", self.write("dashboard.json", {"groups": [{"name": "dashboard", "rules": rules}]}))
        with self.promise("promtool takes the alerts, and each has its words"):
            assert "SUCCESS" in promtool("check", "rules", str(self.alerts))
            text = self.alerts.read_text()
            count = text.count("- alert:")
            assert count >= 30, count
            for word in ("severity:", "summary:", "description:", "runbook:"):
                equal(text.count(word), count, word)
        with self.promise("the alerts' cases hold, and each alert has one"):
            cases = self.alerts.with_name("alerts_test.yaml")
            promtool("test", "rules", str(cases))
            for alert in re.findall(r"- alert: (\w+)", self.alerts.read_text()):
                for state in ("fires", "is silent"):
                    assert f"- name: {alert} {state}\n" in cases.read_text(), f"{alert} {state}"
        with self.promise("promtool takes the metrics of a gateway that nobody has called"):
            done = subprocess.run(["promtool", "check", "metrics"], input=self.body.encode(), capture_output=True, timeout=60)
            equal((done.returncode, done.stdout + done.stderr), (0, b""))


if __name__ == "__main__":
    suite.run("dashboard, alerts and pages", [Files], options=("--sallyportd", "--sallyport", "--source"))

#!/usr/bin/env python3
"""Traces, from OpenTelemetry's own exporter through the gateway to a collector, which gets the gateway's own spans as well.

    traces_test.py --sallyportd PROGRAM --sallyport PROGRAM
"""

import json
import pathlib
import shutil
import time
import urllib.request

from harness import processes, suite
from harness.promises import equal

HERE = pathlib.Path(__file__).parent / "traces"
PROTOS = pathlib.Path(__file__).parent.parent.parent / "protos"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
METHOD = "opentelemetry.proto.collector.trace.v1.TraceService/Export"
STAGES = {"examine", "authenticate", "route", "decide", "describe", "mask", "credentials", "connect", "join"}
CALLS = 5


def wait_for(what, seconds=30):
    """What `what` says, once that is anything."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come")


class Traces(suite.Test):
    def run(self):
        protos = self.directory / "protos"
        shutil.copytree(PROTOS / "opentelemetry", protos / "opentelemetry")
        collector = self.programs.start("collector", ["node", HERE / "collector.js", protos])
        target = collector.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        gateway, address = self.start_sallyportd(self.config(protos, target))
        admin = gateway.wait_for_line(r"admin endpoint on (\d[\d.]*:\d+)", seconds=30).group(1)
        self.through_the_gateway(address, collector)
        self.in_the_record()
        self.in_the_log(gateway)
        self.without_collector(address, admin, collector)
        assert gateway.stop() == 0, gateway.tail()

    def config(self, protos, target):
        return {
            "listen": {"address": "127.0.0.1:0"}, "data": {"directory": str(self.data)},
            "upstreams": {"collector": {"target": target}},
            "routes": [{"services": ["opentelemetry.*"], "upstream": "collector", "call_id": "trailer"}],
            "descriptors": [{"file": str(protos)}], "admin": {"address": "127.0.0.1:0"},
            "tracing": {"otlp": target, "sample": 0.0}, "log": {"format": "json", "calls": "all"}}

    def call(self, address, calls):
        told = processes.run(["node", HERE / "caller.js", address, f"00-{TRACE}-{SPAN}-01", str(calls)]).stdout
        return json.loads(told)

    def batches(self, collector):
        return [json.loads(line) for line in list(collector.lines) if line.startswith("{")]

    def through_the_gateway(self, address, collector):
        with self.promise("OpenTelemetry's exporter calls through the gateway"):
            equal(self.call(address, CALLS), [0] * CALLS)
        with self.promise("the collector sees the gateway's span as the parent of what was relayed"):
            relayed = [batch for batch in self.batches(collector) if batch["spans"][0]["name"] == "from npm"]
            equal(len(relayed), CALLS)
            parents = {batch["traceparent"] for batch in relayed}
            equal(len(parents), CALLS)
            assert all(p.startswith(f"00-{TRACE}-") and p.endswith("-01") and SPAN not in p for p in parents), parents
        with self.promise("the collector gets the gateway's own spans: the call, its stages and its upstream's part"):
            wanted = CALLS * (2 + len(STAGES))

            def own():
                spans = [span for batch in self.batches(collector) for span in batch["spans"] if span["service"] == "sallyport"]
                return spans if len(spans) >= wanted else None
            spans = wait_for(own)
            equal(len(spans), wanted)
            equal({span["trace"] for span in spans}, {TRACE})
            servers = [span for span in spans if span["kind"] == "SPAN_KIND_SERVER"]
            clients = [span for span in spans if span["kind"] == "SPAN_KIND_CLIENT"]
            equal({span["name"] for span in servers + clients}, {METHOD})
            equal({span["parent"] for span in servers}, {SPAN})
            equal({span["parent"] for span in clients}, {span["id"] for span in servers})
            equal({f"00-{TRACE}-{span['id']}-01" for span in clients}, parents)
            equal({span["name"] for span in spans if span["kind"] == "SPAN_KIND_INTERNAL"}, STAGES)
            self.call_ids = {span["attributes"]["sallyport.call_id"] for span in servers}

    def in_the_record(self):
        with self.promise("calls are found by their trace, as long as it is one"):
            def found():
                calls = self.sallyport.calls("--trace", TRACE)
                return calls if len(calls) == CALLS else None
            calls = wait_for(found)
            equal({call["id"] for call in calls}, self.call_ids)
            equal({call["trace_id"] for call in calls}, {TRACE})
            equal(self.sallyport.calls("--trace", "f" * 32), [])
            equal(self.sallyport.run("calls", "--trace", "4bf9", check=False).returncode, 2)
            equal(self.sallyport.run("calls", "--trace", "0" * 32, check=False).returncode, 2)
        with self.promise("what was exported can be read in the record"):
            shown = self.sallyport.run("show", calls[0]["id"], "--json").stdout.decode()
            assert "from npm" in shown and TRACE in shown, shown[:2000]

    def in_the_log(self, gateway):
        with self.promise("each line of the log is an object, and each call has one"):
            def lines():
                logged = [json.loads(line) for line in list(gateway.lines)]
                assert all({"time", "level", "message"} <= set(line) for line in logged), logged
                calls = [line for line in logged if line["message"] == "call"]
                return calls if len(calls) >= CALLS else None
            calls = wait_for(lines)
            equal({line["call"] for line in calls}, self.call_ids)
            equal({(line["method"], line["status"], line["trace_id"]) for line in calls}, {(METHOD, "OK", TRACE)})

    def without_collector(self, address, admin, collector):
        collector.kill()
        with self.promise("a collector that is away costs spans, which are counted, and calls nothing but themselves"):
            began = time.monotonic()
            equal(len(self.call(address, 1)), 1)

            def dropped():
                with urllib.request.urlopen(f"http://{admin}/metrics", timeout=10) as page:
                    numbers = dict(line.rsplit(" ", 1) for line in page.read().decode().splitlines() if line[:1] != "#")
                return float(numbers["sallyport_trace_spans_dropped_total"]) > 0 and numbers
            numbers = wait_for(dropped, seconds=60)
            equal(float(numbers["sallyport_trace_spans_exported_total"]), CALLS * (2 + len(STAGES)))
            assert time.monotonic() - began < 60


if __name__ == "__main__":
    suite.run("traces", [Traces])

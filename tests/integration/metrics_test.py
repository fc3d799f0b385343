#!/usr/bin/env python3
"""What the gateway tells of calls: real ones of all kinds, and those that it refuses. promtool reads the same text.

    metrics_test.py --sallyportd PROGRAM --sallyport PROGRAM
"""

import re
import subprocess
import threading
import time
import urllib.request
from concurrent import futures

import grpc

from harness import descriptors, processes, suite
from harness.promises import equal

PROTO = """syntax = "proto3"; package kinds;
message Text { string text = 1; string note = 2; }
service Kinds {
  rpc Ask(Text) returns (Text); rpc Send(stream Text) returns (Text);
  rpc Tell(Text) returns (stream Text); rpc Talk(stream Text) returns (stream Text);
  rpc Refund(Text) returns (Text); rpc Limited(stream Text) returns (stream Text);
}
"""
SERVICE = "kinds.Kinds"
POLICY = {
    "access": {"default": "allow", "rules": [
        {"name": "soon", "match": {"methods": [f"{SERVICE}/Tell"]}, "action": "deny", "shadow": True},
        {"name": "no refunds", "match": {"methods": [f"{SERVICE}/Refund"]}, "action": "deny"}]},
    "limits": [{"name": "one at a time", "match": {"methods": [f"{SERVICE}/Limited"]}, "open_calls": 1}],
    "masks": [{"name": "notes", "match": {"methods": [f"{SERVICE}/*"]}, "fields": ["kinds.Text.note"]}],
    "content": [{"name": "no cards", "match": {"methods": [f"{SERVICE}/*"]}, "detect": ["payment_card"], "in": ["requests"]}]}
KINDS = {"Ask": "unary", "Send": "client_stream", "Tell": "server_stream", "Talk": "bidi_stream"}
SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def text(value, note=""):
    message = b"\x0a" + bytes([len(value)]) + value.encode()
    return message + b"\x12" + bytes([len(note)]) + note.encode() if note else message


class Upstream(grpc.GenericRpcHandler):
    """Answers each kind; to the text "missing" with NOT_FOUND."""

    def service(self, call):
        name = call.method.rsplit("/", 1)[1]
        if name == "Send":
            return grpc.stream_unary_rpc_method_handler(lambda requests, _: list(requests)[-1])
        if name == "Tell":
            return grpc.unary_stream_rpc_method_handler(lambda request, _: iter([request] * 3))
        if name in ("Talk", "Limited"):
            return grpc.stream_stream_rpc_method_handler(lambda requests, _: requests)
        return grpc.unary_unary_rpc_method_handler(self.ask)

    @staticmethod
    def ask(request, context):
        if request == text("missing"):
            context.abort(grpc.StatusCode.NOT_FOUND, "nothing here")
        return request


class Metrics:
    """One reading, by name and labels."""

    def __init__(self, body):
        self.body, self.samples = body, []
        for line in body.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = SAMPLE.match(line).groups()
            self.samples.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def value(self, name, /, **labels):
        found = [value for other, has, value in self.samples if other == name and labels.items() <= has.items()]
        assert len(found) == 1, f"{name} {labels} is there {len(found)} times"
        return found[0]

    def sum(self, name, /, **labels):
        return sum(value for other, has, value in self.samples if other == name and labels.items() <= has.items())


def status_of(make):
    try:
        result = make()
        if hasattr(result, "code"):
            list(result)
        return grpc.StatusCode.OK
    except grpc.RpcError as error:
        return error.code()


class Calls(suite.Test):
    def run(self):
        server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Upstream()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        (self.directory / "kinds.proto").write_text(PROTO)
        kinds = descriptors.compile_set(self.directory / "kinds.binpb", [self.directory], "kinds.proto")
        token = self.write("token", "not to be told 4711")
        certificate = self.certificate()
        self.admin = f"127.0.0.1:{processes.free_port()}"
        gateway, address = self.start_sallyportd({
            "listen": {"address": "127.0.0.1:0"}, "admin": {"address": self.admin}, "data": {"directory": str(self.data)},
            "policy": self.write("policy.json", POLICY), "descriptors": [{"file": str(kinds)}],
            "upstreams": {"u": {"target": f"127.0.0.1:{port}", "credentials": {"metadata": {"x-key": {"from_file": token}}}},
                          "far": {"target": "127.0.0.1:1", "tls": {"ca": certificate}}},
            "routes": [{"services": ["kinds.*", "made.*"], "upstream": "u"}, {"services": ["far.*"], "upstream": "far"}]})
        self.channel = grpc.insecure_channel(address)
        self.make_calls()
        self.metrics = self.read()
        self.counts_each_kind()
        self.counts_refusals()
        self.tells_of_the_gateway()
        self.is_read_by_promtool()
        self.counts_what_is_cancelled()
        self.channel.close()
        equal(gateway.stop(), 0)
        server.stop(None)

    def certificate(self):
        path = self.directory / "ca.pem"
        processes.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "10",
                       "-subj", "/CN=ca", "-keyout", self.directory / "ca.key", "-out", path])
        return str(path)

    def read(self):
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=20) as answer:
            return Metrics(answer.read().decode())

    def ask(self, method, message, service=SERVICE):
        return status_of(lambda: self.channel.unary_unary(f"/{service}/{method}")(message, timeout=30))

    def make_calls(self):
        with self.promise("calls of all kinds pass, and others are refused"):
            path = f"/{SERVICE}/"
            for _ in range(5):
                equal(self.ask("Ask", text("a", "hidden")), grpc.StatusCode.OK)
            equal(self.ask("Ask", text("missing")), grpc.StatusCode.NOT_FOUND)
            equal(status_of(lambda: self.channel.stream_unary(path + "Send")(iter([text("a")] * 4), timeout=30)), grpc.StatusCode.OK)
            for _ in range(2):
                equal(len(list(self.channel.unary_stream(path + "Tell")(text("a"), timeout=30))), 3)
            equal(len(list(self.channel.stream_stream(path + "Talk")(iter([text("a")] * 6), timeout=30))), 6)
            equal(self.ask("Refund", text("a")), grpc.StatusCode.PERMISSION_DENIED)
            equal(self.ask("Ask", text("4111 1111 1111 1111")), grpc.StatusCode.INVALID_ARGUMENT)
            equal(self.ask("Up", text("a"), service="made.Up"), grpc.StatusCode.OK)
            equal(self.ask("Up", text("a"), service="made.Elsewhere"), grpc.StatusCode.OK)
            equal(self.ask("Nowhere", text("a"), service="no.Route"), grpc.StatusCode.UNIMPLEMENTED)
            self.hit_the_limit(path + "Limited")

    def hit_the_limit(self, path):
        over = threading.Event()

        def requests():
            yield text("a")
            over.wait(60)

        open_call = self.channel.stream_stream(path)(requests(), timeout=60)
        equal(next(open_call), text("a"))
        equal(status_of(lambda: self.channel.stream_stream(path)(iter([text("a")]), timeout=30)), grpc.StatusCode.RESOURCE_EXHAUSTED)
        over.set()
        equal(list(open_call), [])

    def counts_each_kind(self):
        metrics = self.metrics
        with self.promise("each kind is counted by its method, with its type and code"):
            for method, count in {"Ask": 5, "Send": 1, "Tell": 2, "Talk": 1}.items():
                labels = {"grpc_service": SERVICE, "grpc_method": method, "grpc_type": KINDS[method], "grpc_code": "OK"}
                equal(metrics.value("grpc_server_handled_total", **labels), count, method)
                equal(metrics.value("grpc_client_handled_total", upstream="u", **labels), count, method)
            equal(metrics.value("grpc_server_handled_total", grpc_method="Ask", grpc_code="NotFound"), 1)
            equal(metrics.value("grpc_client_handled_total", grpc_method="Ask", grpc_code="NotFound"), 1)
        with self.promise("messages are counted in both directions, on both sides"):
            for method, (requests, responses) in {"Send": (4, 1), "Tell": (2, 6), "Talk": (6, 6)}.items():
                for side, to, back in (("server", "received", "sent"), ("client", "sent", "received")):
                    equal(metrics.value(f"grpc_{side}_msg_{to}_total", grpc_method=method), requests, f"{side} {method}")
                    equal(metrics.value(f"grpc_{side}_msg_{back}_total", grpc_method=method), responses, f"{side} {method}")
        with self.promise("every call that was begun is over, and is in the histogram once"):
            for side in ("server", "client"):
                started = metrics.sum(f"grpc_{side}_started_total")
                equal(started, metrics.sum(f"grpc_{side}_handled_total"), side)
                equal(started, metrics.sum(f"grpc_{side}_handling_seconds_count"), side)
                equal(started, metrics.sum(f"grpc_{side}_handling_seconds_bucket", le="+Inf"), side)
            equal(metrics.sum("grpc_server_started_total"), 17)
            assert metrics.value("grpc_server_handling_seconds_sum", grpc_method="Ask") > 0
        with self.promise("methods that no descriptor knows are counted under one name"):
            equal(metrics.value("grpc_server_started_total", grpc_service="unknown", grpc_method="unknown"), 3)
            for name in ("made.Up", "made.Elsewhere", "no.Route", "Nowhere"):
                assert name not in metrics.body, name
        with self.promise("every stage tells how long it took"):
            for stage in ("examine", "authenticate", "route", "decide", "describe", "mask", "credentials", "connect", "join"):
                assert metrics.value("sallyport_stage_seconds_count", stage=stage) >= 9, stage
            equal(metrics.value("sallyport_stage_seconds_count", stage="examine"), 17)

    def counts_refusals(self):
        metrics = self.metrics
        with self.promise("refusals are counted by reason and rule, under the method that was called"):
            equal(metrics.value("sallyport_refusals_total", reason="ACCESS_DENIED", rule="no refunds"), 1)
            equal(metrics.value("sallyport_refusals_total", reason="CONTENT_DENIED", rule="no cards"), 1)
            equal(metrics.value("sallyport_refusals_total", reason="LIMIT_EXCEEDED", rule="one at a time"), 1)
            equal(metrics.value("sallyport_refusals_total", reason="UNIMPLEMENTED", rule=""), 1)
            equal(metrics.value("sallyport_limits_hit_total", limit="one at a time"), 1)
            equal(metrics.value("grpc_server_handled_total", grpc_method="Refund", grpc_code="PermissionDenied"), 1)
            equal(metrics.sum("grpc_client_started_total", grpc_method="Refund"), 0)
        with self.promise("what a rule in shadow would have refused is counted, and so are masked messages"):
            equal(metrics.value("sallyport_shadow_refusals_total", rule="soon"), 2)
            equal(metrics.value("sallyport_masked_messages_total", direction="request"), 5)
            equal(metrics.value("sallyport_masked_messages_total", direction="response"), 5)

    def tells_of_the_gateway(self):
        metrics = self.metrics
        with self.promise("the log tells of commits, syncs and its disk"):
            assert metrics.value("sallyport_log_commit_seconds_count") >= metrics.value("sallyport_recorder_blocks_written_total") > 0
            assert metrics.value("sallyport_log_sync_seconds_count") >= metrics.value("sallyport_log_commit_seconds_count")
            assert metrics.value("sallyport_log_sync_seconds_sum") > 0
            assert metrics.value("sallyport_data_bytes", part="log") > 0
            assert 0 < metrics.value("sallyport_disk_free_bytes") <= metrics.value("sallyport_disk_size_bytes")
            equal(metrics.value("sallyport_stream_window_bytes"), 1 << 20)
        with self.promise("credentials and certificates tell their ages, and nothing else of themselves"):
            assert 0 <= metrics.value("sallyport_upstream_credential_age_seconds", upstream="u", metadata="x-key") < 120
            equal(metrics.value("sallyport_upstream_credential_failures", upstream="u", metadata="x-key"), 0)
            left = metrics.value("sallyport_certificate_expires_in_seconds", use="upstream", name="far", file="ca")
            assert 9.9 * 86400 < left <= 10 * 86400, left
            assert "4711" not in metrics.body
        with self.promise("a checkpoint that was signed has an age"):
            self.wait_until(lambda: self.read().sum("sallyport_checkpoint_waiting_leaves") == 0)
            assert 0 <= self.read().value("sallyport_checkpoint_age_seconds") < 120
        with self.promise("the process tells its time and memory"):
            assert metrics.value("process_cpu_seconds_total") > 0
            assert metrics.value("process_resident_memory_bytes") > 1 << 20
            assert abs(metrics.value("process_start_time_seconds") - time.time()) < 600

    def is_read_by_promtool(self):
        with self.promise("promtool finds nothing to complain of"):
            done = subprocess.run(["promtool", "check", "metrics"], input=self.metrics.body.encode(), capture_output=True, timeout=60)
            equal(done.stdout + done.stderr, b"")
            equal(done.returncode, 0)

    def counts_what_is_cancelled(self):
        with self.promise("a call that its caller takes back, and one whose time is over, are counted once, as that"):
            forever = threading.Event()

            def requests():
                yield text("a")
                forever.wait(60)

            call = self.channel.stream_stream(f"/{SERVICE}/Talk")(requests())
            equal(next(call), text("a"))
            before = self.read()
            equal(before.value("grpc_server_started_total", grpc_method="Talk"), 2)
            equal(before.sum("grpc_server_handled_total", grpc_method="Talk"), 1)
            call.cancel()
            late = self.channel.stream_stream(f"/{SERVICE}/Talk")(requests(), timeout=1)
            equal(status_of(lambda: list(late)), grpc.StatusCode.DEADLINE_EXCEEDED)
            forever.set()
            self.wait_until(lambda: self.read().sum("grpc_server_handled_total", grpc_method="Talk") == 3)
            after = self.read()
            equal(after.value("grpc_server_handled_total", grpc_method="Talk", grpc_code="Canceled"), 1)
            equal(after.value("grpc_server_handled_total", grpc_method="Talk", grpc_code="DeadlineExceeded"), 1)
            equal(after.value("grpc_server_started_total", grpc_method="Talk"), 3)
            self.wait_until(lambda: self.read().sum("grpc_client_handled_total", grpc_method="Talk") == 3)

    def wait_until(self, holds):
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, "it does not come to hold"
            time.sleep(0.05)


if __name__ == "__main__":
    suite.run("what the gateway tells of calls", [Calls])

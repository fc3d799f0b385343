#!/usr/bin/env python3
"""Events reach a real rsyslog over TLS, an HTTP endpoint that fails in every way, and a file: each call at least once, in
order, over kill -9 of the gateway and restarts of the receivers, and no call waits for them.

    event_receivers_test.py --sallyportd PROGRAM --sallyport PROGRAM
"""

import gzip
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import sys
import threading
import time
import urllib.request

from harness import processes, suite
from harness.promises import equal

KILL = pathlib.Path(__file__).parent / "kill"
SKIPPED = 77
LONGEST = 90
CALLS = 400  # of a load
RSYSLOG = """
global(workDirectory="{directory}" maxMessageSize="64k" defaultNetstreamDriver="ossl"
       defaultNetstreamDriverCAFile="{directory}/ca.pem" defaultNetstreamDriverCertFile="{directory}/server.pem"
       defaultNetstreamDriverKeyFile="{directory}/server.key")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="events")
template(name="line" type="string" string="%app-name% %msgid% %msg%\\n")
ruleset(name="events") {{ action(type="omfile" file="{directory}/received.log" template="line") }}
"""


def await_condition(what, condition, seconds=LONGEST):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def whole_lines(path):
    """The lines of a file that may be growing."""
    return path.read_text().split("\n")[:-1] if path.exists() else []


class Lake:
    """An HTTP endpoint that can be away, slow and faulty. What it has taken, or seems not to have, is kept in order."""

    def __init__(self):
        self.port = processes.free_port()
        self.events, self.requests, self.faults = [], 0, []
        self.go_on = threading.Event()
        self.go_on.set()
        self.server = None
        self.lock = threading.Lock()

    def come(self, faults=()):
        lake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                lake.answer(self)

            def log_message(self, *_):
                pass

        with self.lock:
            self.faults = list(faults)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def leave(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        with self.lock:
            self.requests += 1
            fault = self.faults.pop(0) if self.faults else "none"
        length = int(request.headers["Content-Length"])
        if fault == "cut":
            # In the middle of the request, with a reset.
            request.rfile.read(min(length, 10))
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.close_connection = True
            return
        body = request.rfile.read(length)
        equal(request.headers["Authorization"], "Bearer lake-secret", "the token")
        if fault == "slow":
            self.go_on.wait(5)
        if fault in ("503", "413", "400"):
            request.send_response(int(fault))
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        lines = gzip.decompress(body).decode().splitlines()
        with self.lock:
            self.events += [json.loads(line) for line in lines]
        if fault == "unsaid":
            # Taken, but the gateway cannot know.
            request.close_connection = True
            return
        request.send_response(204)
        request.end_headers()

    def received(self):
        with self.lock:
            return list(self.events)


class Rsyslog:
    """Debian's, on a free port, with a configuration and a certificate of its own."""

    def __init__(self, programs, directory):
        self.programs, self.directory = programs, directory
        self.port = processes.free_port()
        make_certificates(directory)
        (directory / "rsyslog.conf").write_text(RSYSLOG.format(directory=directory, port=self.port))
        self.start()

    def start(self):
        self.program = self.programs.start("rsyslogd", [
            "rsyslogd", "-n", "-iNONE", "-f", self.directory / "rsyslog.conf"])
        await_condition("rsyslog listens", self.listens)

    def listens(self):
        assert self.program.process.poll() is None, self.program.tail()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.program.stop()

    def received(self):
        events = []
        for line in whole_lines(self.directory / "received.log"):
            application, kind, text = line.split(" ", 2)
            event = json.loads(text)
            equal((application, kind), ("sallyport", event["activity_name"]), "header of a syslog message")
            events.append(event)
        return events


def make_certificates(directory):
    def openssl(*words):
        processes.run(["openssl", *words])

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            "/CN=test authority", "-keyout", directory / "ca.key", "-out", directory / "ca.pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=siem.test", "-keyout",
            directory / "server.key", "-out", directory / "server.csr")
    (directory / "extensions").write_text("subjectAltName=DNS:siem.test\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", directory / "server.csr", "-CA", directory / "ca.pem", "-CAkey", directory / "ca.key",
            "-CAcreateserial", "-days", "30", "-extfile", directory / "extensions", "-out", directory / "server.pem")


class EventReceivers(suite.Test):
    POLICY = {"access": {"rules": [
        {"name": "no-sevens", "match": {"methods": ["/sallyport.test.Mark/M7*"]}, "action": "deny"},
        {"name": "others", "match": {"methods": ["/sallyport.test.Mark/*"]}, "action": "allow"}]}}

    def run(self):
        self.lake = Lake()
        self.rsyslog = Rsyslog(self.programs, self.directory)
        self.upstream = self.programs.start("upstream", ["node", KILL / "upstream.js"])
        self.disk = self.directory / "events.json"
        self.admin_port = processes.free_port()
        self.config = {
            "listen": {"address": "127.0.0.1:0"},
            "data": {"directory": str(self.data), "segment_size": "1MiB"},
            "admin": {"address": f"127.0.0.1:{self.admin_port}"},
            "upstreams": {"echo": {"target": self.upstream.wait_for_line(r"listening on (\S+)").group(1)}},
            "policy": self.write("policy.yaml", self.POLICY),
            "events": {"receivers": {
                "disk": {"file": {"path": str(self.disk), "size": "256KiB", "keep": 100}},
                "lake": {"http": {"url": f"http://127.0.0.1:{self.lake.port}/in", "timeout": "2s",
                                  "token_file": self.write("token", "lake-secret\n")}},
                "siem": {"syslog": {"address": f"127.0.0.1:{self.rsyslog.port}",
                                    "tls": {"ca": str(self.directory / "ca.pem"), "server_name": "siem.test"}}}}}}
        self.cycle = 0
        with self.promise("calls go on while a receiver is away, which metrics show"):
            self.goes_on_without_receiver()
        with self.promise("kill -9, an endpoint that cuts, refuses and forgets, and an rsyslog that restarts"):
            self.goes_through_failures()
        with self.promise("every receiver got each call's end and decision, in one order, and none is missing"):
            self.compares()
        with self.promise("what retention has deleted before it was taken is told"):
            self.tells_what_is_gone()

    def start(self):
        self.gateway, self.address = self.start_sallyportd(self.config)

    def load(self, calls=CALLS):
        load = self.programs.start("load", ["node", KILL / "load.js", self.address, self.cycle, calls, 0])
        self.cycle += 1
        return load

    def metric(self, name, receiver):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return float(re.search(rf'^{name}{{receiver="{receiver}"}} (\S+)$', text, re.MULTILINE).group(1))

    def goes_on_without_receiver(self):
        self.start()
        load = self.load()
        load.wait_for_line(f"^over {CALLS}$", seconds=60)
        allowed = [number for number in range(CALLS) if not str(number).startswith("7")]
        acknowledged = {int(line.split()[1]) for line in load.lines if line.startswith("acknowledged")}
        equal(acknowledged, set(allowed), "calls that were answered")
        await_condition("the other receivers have all", lambda: self.metric("sallyport_events_sent_total", "disk") >= 2 * CALLS
                        and self.metric("sallyport_events_sent_total", "siem") >= 2 * CALLS)
        await_condition("the absent receiver's failures show",
                        lambda: self.metric("sallyport_events_failures_total", "lake") > 0)
        equal(self.metric("sallyport_events_sent_total", "lake"), 0, "events that nobody could take")
        assert self.metric("sallyport_events_lag_seconds", "lake") > 0
        assert self.metric("sallyport_events_lag_bytes", "lake") > 0
        await_condition("the others are seen to have no lag",
                        lambda: self.metric("sallyport_events_lag_seconds", "siem") == 0
                        and self.metric("sallyport_events_lag_seconds", "disk") == 0)
        self.gateway.kill()

    def goes_through_failures(self):
        self.lake.come(["cut", "503", "unsaid", "cut", "400", "413", "unsaid", "none", "slow"])
        self.start()
        load = self.load()
        load.wait_for_line("^acknowledged", count=CALLS // 2, seconds=60)
        self.gateway.kill()
        load.wait()
        self.lake.go_on.clear()
        self.start()
        load = self.load()
        load.wait_for_line("^acknowledged", count=CALLS // 4, seconds=60)
        self.rsyslog.stop()
        # The slow answer holds up nobody.
        load.wait_for_line(f"^over {CALLS}$", seconds=60)
        self.lake.go_on.set()
        self.lake.leave()
        self.gateway.kill()
        self.rsyslog.start()
        self.lake.come(["unsaid", "cut", "none"])
        self.start()
        self.load().wait_for_line(f"^over {CALLS}$", seconds=60)
        ids = {call["id"] for call in self.sallyport.calls()}
        for name, received in self.received().items():
            await_condition(f"{name} has all calls", lambda received=received: ids <= ends_of(received()))
        equal(self.gateway.stop(), 0, "exit status")

    def received(self):
        return {"disk": self.read_disk, "lake": self.lake.received, "siem": self.rsyslog.received}

    def read_disk(self):
        """The oldest file first."""
        aside = sorted(self.directory.glob("events.json.*"), key=lambda path: -int(path.suffix[1:]))
        return [json.loads(line) for path in [*aside, self.disk] for line in whole_lines(path)]

    def compares(self):
        calls = {call["id"]: call for call in self.sallyport.calls()}
        order = None
        for name, received in self.received().items():
            events = received()
            equal(sorted({event["activity_name"] for event in events} - {"call_end", "refusal", "decision"}), [],
                  f"other events at {name}")
            equal(ends_of(events), set(calls), f"calls whose end is at {name}")
            decided = {event["metadata"]["correlation_uid"] for event in events if event["activity_name"] == "decision"}
            # A call may be killed before it is decided.
            equal([call for call in set(calls) - decided if self.is_decided(calls[call])], [],
                  f"calls whose decision is missing at {name}")
            first = list(dict.fromkeys(event["metadata"]["uid"] for event in events))
            order = order or first
            assert first == order, f"{name} has another order than the file"
            for event in events:
                if event["activity_name"] != "decision":
                    self.fits(event, calls[event["metadata"]["correlation_uid"]])
        assert oct(self.disk.stat().st_mode & 0o777) == "0o600", "mode of the file"

    def is_decided(self, call):
        return '"decision"' in self.sallyport.run("show", call["id"], "--json").stdout.decode()

    def fits(self, event, call):
        equal(event["api"]["operation"], call["method"], "method")
        equal(event["unmapped"]["state"], call["state"], "state")
        refused = call["method"].split("/")[1].startswith("M7")
        equal(event["activity_name"], "refusal" if refused else "call_end", f"kind of {call['method']}")
        if refused:
            equal(event["policy"]["name"], "no-sevens", "rule")
            equal(event["status_code"], "PERMISSION_DENIED", "status")
        assert "incomplete" not in event["unmapped"], event

    def tells_what_is_gone(self):
        """The lake is away while retention deletes what it has not taken."""
        self.lake.leave()
        before = len(self.lake.received())
        self.start()
        self.load().wait_for_line(f"^over {CALLS}$", seconds=60)
        self.gateway.kill()
        cursor = (self.data / "events" / "lake.cursor").read_text()
        segment = self.data / "log" / f'{int(re.search(r"^segment ([0-9]+)$", cursor, re.MULTILINE).group(1)):08}.seg'
        assert segment.exists(), f"{segment}, which the lake has not taken, is gone already"
        old = list((self.data / "log").glob("*.seg"))
        self.config["data"]["retention"] = "1s"
        # A gateway looks when it starts, and then only once a minute. A reader that has a segment open reads it to its end.
        for _ in range(30):
            self.start()
            self.gateway.kill()
            if not any(path.exists() for path in old):
                break
        equal([path.name for path in old if path.exists()], [], "segments that retention leaves")
        self.lake.come()
        self.start()
        gaps = lambda: [event for event in self.lake.received()[before:] if event["activity_name"] == "gap"]
        await_condition("the gap is told", gaps)
        gap = gaps()[0]
        equal(gap["status_code"], "deleted", "why")
        assert gap["unmapped"]["entries"] > CALLS, gap
        self.gateway.wait_for_line("events: lake gets no events of")
        self.load().wait_for_line(f"^over {CALLS}$", seconds=60)
        ids = {call["id"] for call in self.sallyport.json_lines("calls", "--limit", str(CALLS))}
        await_condition("what comes later arrives", lambda: ids <= ends_of(self.lake.received()))
        self.gateway.stop()
        self.lake.leave()


def ends_of(events):
    return {event["metadata"]["correlation_uid"] for event in events if event["activity_name"] in ("call_end", "refusal")}


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if shutil.which("rsyslogd") is None or not list(pathlib.Path("/usr/lib").glob("*/rsyslog/lmnsd_ossl.so")):
        print("SKIPPED event_receivers_test: rsyslog and rsyslog-openssl are not installed")
        sys.exit(SKIPPED)
    suite.run("events reach their receivers", [EventReceivers])

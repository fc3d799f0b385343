#!/usr/bin/env python3
"""A gateway is replaced while calls come, changes its settings under way, and stops: no call is lost.

    take_over_test.py --sallyportd PROGRAM --sallyport PROGRAM --example PROGRAM
"""

import os
import re
import signal
import threading
import time
import urllib.error
import urllib.request

import grpc

from harness import processes, suite
from harness.promises import equal

HEALTH = "/grpc.health.v1.Health/Check"


class Callers:
    """Clients that call all the time, each over a new connection after a few calls."""

    def __init__(self, address, count=4):
        self.address, self.done, self.failures = address, 0, []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        while not self._stop.is_set():
            with grpc.insecure_channel(self.address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                for _ in range(5):
                    try:
                        channel.unary_unary(HEALTH)(b"", timeout=30)
                        self.done += 1
                    except grpc.RpcError as error:
                        self.failures.append(str(error))

    def more(self, calls):
        """Waits until so many more calls have come back."""
        wanted, deadline = self.done + calls, time.monotonic() + 60
        while self.done < wanted:
            assert time.monotonic() < deadline, f"{self.done} of {wanted} calls: {self.failures[:3]}"
            time.sleep(0.01)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        return self.failures


class TakeOver(suite.Test):
    def config(self, **more):
        return {"listen": {"address": self.address, "health": "open"}, "admin": {"address": self.admin},
                "data": {"directory": str(self.data)}, "upstreams": {"example": {"target": self.example}},
                "routes": [{"services": ["grpc.health.*"], "upstream": "sallyport"}, {"services": ["*"], "upstream": "example"}],
                **more}

    def start(self, config, *words):
        file = self.write("sallyport.yaml", config)
        return self.programs.start("sallyportd", [self.arguments.sallyportd, "--config", file, *words])

    def run(self):
        example = self.programs.start("sallyport-example", [self.arguments.example, "--listen", "127.0.0.1:0"])
        self.example = example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        self.address = f"127.0.0.1:{processes.free_port()}"
        self.admin = f"127.0.0.1:{processes.free_port()}"
        gateway = self.start(self.config())
        gateway.wait_for_line("admin endpoint on", seconds=60)
        gateway = self.replaced(gateway)
        gateway = self.failing(gateway)
        self.reloaded(gateway)
        self.by_itself(gateway)
        self.drained(gateway)

    def replaced(self, gateway):
        callers = Callers(self.address)
        with self.promise("two take-overs under load lose no call"):
            for _ in range(2):
                callers.more(50)
                next_one = self.start(self.config(), "--take-over")
                next_one.wait_for_line("admin endpoint on", seconds=90)
                equal(gateway.wait(60), 0)
                gateway = next_one
                callers.more(50)
            equal(callers.stop(), [])
        return gateway

    def failing(self, gateway):
        callers = Callers(self.address)
        with self.promise("one that is to take over with a broken configuration changes nothing"):
            equal(self.start({**self.config(), "nonsense": 1}, "--take-over").wait(60), 2)
            callers.more(50)
        with self.promise("one that is killed while it waits changes nothing"):
            over = threading.Event()

            def messages():
                yield b""
                over.wait(120)

            # An open call, so that the old one cannot end before the new one is killed.
            channel = grpc.insecure_channel(self.address)
            talk = channel.stream_stream("/pay.v1.Payments/Chat")(messages(), timeout=120)
            next(talk)
            lines = gateway.line_count()
            taker = self.start(self.config(), "--take-over")
            gateway.wait_for_line("callers are asked to go", seconds=60, after=lines)
            taker.kill()
            gateway.wait_for_line("stopping was called off", seconds=60, after=lines)
            callers.more(50)
            over.set()
            equal(sum(1 for _ in talk), 0)
            channel.close()
            equal(callers.stop(), [])
            assert gateway.process.poll() is None, gateway.tail()
        return gateway

    def reload(self, *words, status=0):
        done = self.sallyport.run("reload", *words, check=False)
        equal(done.returncode, status)
        return done.stdout.decode()

    def metric(self, name):
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=20) as answer:
            return re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.M).group(1)

    def reloaded(self, gateway):
        callers = Callers(self.address)
        other = f"127.0.0.1:{processes.free_port()}"
        changed = self.config(limits={"message_size": "1MiB"}, listen={"addresses": [self.address, other], "health": "open"})
        with self.promise("`reload --check` says what would change and changes nothing"):
            check = ["--check", "--config", self.write("next.yaml", {**changed, "checkpoints": {"interval": "2s"}})]
            text = self.reload(*check)
            assert "limits.message_size: (default) -> 1MiB" in text, text
            assert "checkpoints.interval (waits for the next start)" in text, text
            equal(self.reload(*check), text)
        with self.promise("addresses and limits change under load without a call lost"):
            lines = gateway.line_count()
            self.write("sallyport.yaml", changed)
            self.reload()
            gateway.wait_for_line("changed: limits.message_size", seconds=30, after=lines)
            callers.more(100)
            with grpc.insecure_channel(other) as channel:
                channel.unary_unary(HEALTH)(b"", timeout=30)
        with self.promise("a fault keeps what was in force, with exit status 1 and a metric"):
            self.write("sallyport.yaml", {**changed, "nonsense": 1})
            assert "nonsense" in self.reload(status=1)
            equal(self.metric("sallyport_reload_ok"), "0")
            callers.more(50)
            self.write("sallyport.yaml", changed)
            self.reload()
            equal(self.metric("sallyport_reload_ok"), "1")
            equal(callers.stop(), [])

    def by_itself(self, gateway):
        """Nobody asks for it: the file has changed."""
        with self.promise("a configuration file that has changed is taken up by itself"):
            lines = gateway.line_count()
            self.write("sallyport.yaml", self.config(limits={"message_size": "2MiB"}))
            gateway.wait_for_line("changed: limits.message_size: 1MiB -> 2MiB", seconds=30, after=lines)
            gateway.wait_for_line("the configuration was read again$", seconds=30, after=lines)
        with self.promise("one with a fault keeps what was in force, with a line in the log and a metric"):
            lines = gateway.line_count()
            refused = int(self.metric('sallyport_reloads_total{result="refused"}'))
            self.write("sallyport.yaml", self.config(limits={"message_size": "3MiB"}, nonsense=1))
            gateway.wait_for_line("nothing of it is taken up: .*nonsense", seconds=30, after=lines)
            equal(self.metric("sallyport_reload_ok"), "0")
            equal(self.metric('sallyport_reloads_total{result="refused"}'), str(refused + 1))
        with self.promise("it is taken up when it was mended, where it is a link that comes to lead elsewhere, too"):
            lines = gateway.line_count()
            self.write("mended.yaml", self.config(limits={"message_size": "4MiB"}))
            os.symlink("mended.yaml", self.directory / "link")
            os.rename(self.directory / "link", self.directory / "sallyport.yaml")
            gateway.wait_for_line("changed: limits.message_size: 2MiB -> 4MiB", seconds=30, after=lines)
            gateway.wait_for_line("the configuration was read again$", seconds=30, after=lines)
            equal(self.metric("sallyport_reload_ok"), "1")

    def drained(self, gateway):
        self.write("sallyport.yaml", self.config(drain={"delay": "2s", "timeout": "2s"}))
        self.reload()
        with self.promise("SIGTERM: not ready at once, calls as before during the delay, then the end in order"):
            os.kill(gateway.pid, signal.SIGTERM)
            gateway.wait_for_line("stopping: open calls get", seconds=30)
            deadline = time.monotonic() + 20
            while True:
                try:
                    urllib.request.urlopen(f"http://{self.admin}/readyz", timeout=5).close()
                    assert time.monotonic() < deadline
                except urllib.error.HTTPError as error:
                    equal((error.code, error.read().decode().strip()), (503, "draining"))
                    break
            with grpc.insecure_channel(self.address) as channel:
                channel.unary_unary(HEALTH)(b"", timeout=30)
            equal(gateway.wait(30), 0)
        with self.promise("the log verifies"):
            self.sallyport.run("verify")
        with self.promise("`reload` without a gateway is exit status 3"):
            self.reload(status=3)


if __name__ == "__main__":
    suite.run("take-over, reload and drain", [TakeOver], ["--sallyportd", "--sallyport", "--example"])

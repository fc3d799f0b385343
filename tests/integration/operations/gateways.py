"""Several gateways in front of one upstream, each with data and addresses of its own."""

import json
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

INTEGRATION = pathlib.Path(__file__).resolve().parent.parent
SOAK = INTEGRATION.parent / "soak"
sys.path[:0] = [str(INTEGRATION), str(SOAK)]
from callers import by_trace  # noqa: E402
from harness import descriptors, processes  # noqa: E402
from harness.gateway import CommandLine  # noqa: E402


def start_upstream(programs):
    """The soak's upstream (tests/soak/upstream.js): the program, and where it listens."""
    upstream = programs.start("upstream", ["node", SOAK / "upstream.js", "0"], stdin=subprocess.PIPE)
    return upstream, upstream.wait_for_line(r"listening on (\S+)").group(1)


def eventually(holds, what, seconds=60):
    """Waits until `holds()` is true."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class OneGateway:
    """One of them: it keeps its addresses and its data over restarts. On the test's own thread."""

    def __init__(self, programs, arguments, directory, name, upstream, address=None, **config):
        self.name, self._programs, self._sallyportd = name, programs, arguments.sallyportd
        place = directory / name
        place.mkdir()
        self.data = place / "data"
        self.sallyport = CommandLine(arguments.sallyport, self.data)
        self.address = address or f"127.0.0.1:{processes.free_port()}"
        self.admin = f"127.0.0.1:{processes.free_port()}"
        described = descriptors.compile_set(place / "soak.binpb", [SOAK], SOAK / "soak.proto")
        self.config = {"listen": {"address": self.address}, "admin": {"address": self.admin}, "data": {"directory": str(self.data)},
                       "upstreams": {"soak": {"target": upstream}}, "descriptors": [{"file": str(described)}], **config}
        self._file = place / "sallyport.yaml"
        self.program = None
        self.start()

    def start(self):
        """For the first time, or again on its data. Returns once it is ready."""
        self._file.write_text(json.dumps(self.config), encoding="ascii")
        self.program = self._programs.start(f"sallyportd {self.name}", [self._sallyportd, "--config", self._file])
        self.program.wait_for_line(r"listening on 127\.", seconds=60)
        eventually(lambda: self.readiness() == 200, f"{self.name} is ready")

    def stop(self, seconds=60):
        status = self.program.stop(seconds)
        assert status == 0, f"{self.name} ended with {status} when asked to stop:\n{self.program.tail()}"

    def kill(self):
        self.program.kill()

    def readiness(self):
        """The status of /readyz; None where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://{self.admin}/readyz", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def connections(self):
        """Callers' connections that are open."""
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=5) as answer:
            return int(re.search(r"^sallyport_connections_open (\d+)$", answer.read().decode(), re.M).group(1))

    def records(self):
        """By trace id, what it recorded of calls; throws AssertionError if its log does not verify."""
        self.sallyport.run("verify", seconds=600)
        return by_trace(self.sallyport)

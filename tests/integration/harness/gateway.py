"""The programs under test: the gateway and its command line."""

import json
import pathlib
import sys

from . import processes


class Gateway:
    """A gateway in front of one upstream, listening on a free port of the loopback interface."""

    def __init__(self, programs, sallyportd, upstream, data, descriptors=(), durability="commit"):
        self._programs = programs
        self._argv = [sallyportd, "--listen", "127.0.0.1:0", "--upstream", upstream, "--data", data,
                      "--durability", durability, "--grace", "1"]
        for file in descriptors:
            self._argv += ["--descriptors", file]
        self.program = None
        self.start()

    def start(self):
        """Starts it, for the first time or again on the same data, and waits until it listens."""
        self.program = self._programs.start("sallyportd", self._argv)
        self.address = self.program.wait_for_line(r"listening on (\d[\d.]*:\d+)", seconds=60).group(1)

    def stop(self):
        status = self.program.stop()
        assert status == 0, f"sallyportd ended with {status} when asked to stop:\n{self.program.tail()}"

    def kill(self):
        self.program.kill()


class PlainRelay(Gateway):
    """A relay of bytes in the gateway's place: shows that what a test asks for is possible at all."""

    def __init__(self, programs, upstream):
        self._programs = programs
        relay = pathlib.Path(__file__).with_name("plain_relay.py")
        self._argv = [sys.executable, "-u", relay, upstream]
        self.start()


class CommandLine:
    """`sallyport` on one data directory."""

    def __init__(self, sallyport, data):
        self._sallyport = sallyport
        self._data = data

    def run(self, *words, check=True, seconds=120):
        return processes.run([self._sallyport, *words, "--data", self._data], check=check, seconds=seconds)

    def start(self, programs, *words):
        return programs.start(f"sallyport {words[0]}", [self._sallyport, *words, "--data", self._data])

    def json_lines(self, *words):
        return [json.loads(line) for line in self.run(*words, "--json").stdout.splitlines()]

    def calls(self, *words):
        return self.json_lines("calls", "--limit", "0", *words)

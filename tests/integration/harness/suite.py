"""What tests of the whole gateway share: programs that are given, a folder of its own for each part, promises to report."""

import argparse
import json
import pathlib
import tempfile

from harness import processes
from harness.gateway import CommandLine
from harness.promises import Promises

HARNESS = pathlib.Path(__file__).parent


class Test:
    """One part; run() does it. What the gateway records goes into self.data."""

    def __init__(self, arguments, directory, programs, promise):
        self.arguments, self.directory, self.programs, self.promise = arguments, directory, programs, promise
        self.data = directory / "data"
        self.sallyport = CommandLine(arguments.sallyport, self.data)

    def write(self, name, value):
        """A file with a text, or a value as JSON, which is YAML too."""
        path = self.directory / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)

    def start_sallyportd(self, config, *words, env=None):
        """Starts a gateway with this configuration. Returns it and the address it listens on."""
        gateway = self.programs.start("sallyportd", [
            self.arguments.sallyportd, "--config", self.write("sallyport.yaml", config), "--grace", "1", *words], env=env)
        return gateway, gateway.wait_for_line(r"listening on (\d[\d.]*:\d+)", seconds=60).group(1)


def run(what, tests, options=("--sallyportd", "--sallyport")):
    """Runs the parts, classes of Test, with the programs that the command line names; ends the process."""
    parser = argparse.ArgumentParser()
    for name in options:
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    promise = Promises(what)
    with tempfile.TemporaryDirectory(prefix="sallyport-test-") as directory, processes.Programs() as programs:
        for test in tests:
            place = pathlib.Path(directory) / test.__name__
            place.mkdir()
            test(arguments, place, programs, promise).run()
    promise.finish()

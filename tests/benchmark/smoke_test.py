"""Shows that the benchmark works end to end with tiny counts, and that it refuses to report calls that failed."""

import argparse
import sys
import tempfile
import unittest
from pathlib import Path

import contenders
import loads
import report
import run

OPTIONS = argparse.Namespace()


class Benchmark(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def test_every_contender_goes_through_every_load(self):
        status = run.main(["--quick", "--bin", str(OPTIONS.bin), "--descriptors", str(OPTIONS.descriptors), "--out",
                           str(self.directory), "--contenders", OPTIONS.contenders])
        self.assertEqual(status, 0)
        table = (self.directory / "results.md").read_text()
        for contender in OPTIONS.contenders.split(","):
            self.assertIn(f"| {contender} ", table)

    def test_calls_that_end_with_an_error_are_not_reported(self):
        """h2load itself counts them as succeeded: they are 200 OK to HTTP."""
        echo = contenders.Program("echo", [OPTIONS.bin / "benchmark_echo_server"], self.directory)
        self.addCleanup(echo.stop)
        nowhere = f"127.0.0.1:{contenders.free_port()}"
        floor = contenders.start("floor", nowhere, OPTIONS.bin, OPTIONS.descriptors, self.directory)
        self.addCleanup(floor.stop)
        load = loads.Unary("unary-100", "unary", loads.Upstream(echo, OPTIONS.bin), 100, self.directory)
        with self.assertRaisesRegex(loads.Unsound, "ended with an error"):
            load.run(floor, 10)

    def test_memory_is_flat_only_if_it_does_not_grow(self):
        calls = range(0, 1100, 100)
        warm = [(number, 100 if number else 20) for number in calls]
        leaking = [(number, 100 + number // 50) for number in calls]
        self.assertIn("**met**", "".join(report.memory_table({"flat": warm})))
        self.assertIn("**not met**", "".join(report.memory_table({"leaking": leaking})))

    def test_messages_have_the_size_asked_for(self):
        for size in (100, 1024, 65536):
            frame = loads.message(size)
            self.assertEqual(len(frame), 5 + size)
            self.assertEqual(int.from_bytes(frame[1:5], "big"), size)

    def test_ratios_are_taken_within_a_round(self):
        results = report.Results()
        for number, cpu in enumerate((10.0, 30.0, 20.0)):  # a machine that slows down for all alike
            results.add("unary-100", "floor", number, loads.Sample(1, 1.0, cpu, 0.0))
            results.add("unary-100", "sallyport-relay", number, loads.Sample(1, 1.0, 1.1 * cpu, 0.0))
        ratio, low, high = results.ratio("unary-100", "sallyport-relay", "floor", "cpu_us")
        self.assertAlmostEqual(ratio, 1.1)
        self.assertAlmostEqual(low, high)
        self.assertIn("**met**", report.targets(results)[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--descriptors", type=Path, required=True)
    parser.add_argument("--contenders", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])

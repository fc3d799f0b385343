#!/usr/bin/env python3
"""A log that cannot grow any more: the gateway refuses calls rather than serve them unrecorded, keeps what it has, and serves
again once it is started with room. The limit is the kernel's on the size of files (setrlimit), which a write meets as it meets a full disk.

usage: full_log_test.py --sallyportd PROGRAM --sallyport PROGRAM --example PROGRAM --example-client PROGRAM
"""

import argparse
import pathlib
import sys
import tempfile

from harness import gateway as gateways
from harness import processes

LOG_BYTES = 96 * 1024  # some calls fit
MOST_ROUNDS = 200


def main():
    options = argparse.ArgumentParser()
    for name in ("--sallyportd", "--sallyport", "--example", "--example-client"):
        options.add_argument(name, required=True)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as directory, processes.Programs() as programs:
        data = pathlib.Path(directory) / "data"
        example = programs.start("sallyport-example", [options.example, "--listen", "127.0.0.1:0"])
        upstream = example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        argv = ["prlimit", f"--fsize={LOG_BYTES}", options.sallyportd, "--listen", "127.0.0.1:0", "--upstream", upstream,
                "--data", data, "--grace", "1"]
        program = programs.start("sallyportd", argv)
        address = program.wait_for_line(r"listening on (\d[\d.]*:\d+)", seconds=60).group(1)

        def client_says(target):
            return processes.run([options.example_client, "--target", target], check=False).stdout.decode()

        served = 0
        refused = ""
        for _ in range(MOST_ROUNDS):
            said = client_says(address)
            served += sum(" OK " in line for line in said.splitlines())
            if "cannot be recorded" in said:
                refused = said
                break
        assert refused, f"{MOST_ROUNDS} rounds of calls went by and none was refused, with {LOG_BYTES} bytes of log"
        assert "UNAVAILABLE" in refused, refused
        program.wait_for_line(r"error the log cannot be written any more", seconds=30)
        again = client_says(address)
        assert " OK " not in again, f"a call was served after the log was full:\n{again}"
        assert program.process.poll() is None, f"the gateway ended:\n{program.tail()}"
        program.kill()

        gateway = gateways.Gateway(programs, options.sallyportd, upstream, data)
        assert " OK " in client_says(gateway.address), "calls are not served after a restart with room"
        gateway.stop()
        calls = gateways.CommandLine(options.sallyport, data).json_lines("calls", "--limit", "0")
        completed = sum(call["state"] == "completed" and call["status"] == "OK" for call in calls)
        assert completed >= served, f"callers saw {served} calls end with OK, the record has {completed}"
        print(f"{served} calls were served and are recorded; then all were refused until there was room again")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as fault:
        sys.exit(f"BROKEN: {fault}")

#!/usr/bin/env python3
"""A disk that fills up: new calls are refused rather than served unrecorded, a call that is open ends and is recorded, and calls are
served again as soon as there is space, without a restart. Streams that fill the disk themselves are ended by the gateway, told so and
recorded. The disk is a small tmpfs of the test's own mount namespace.

usage: full_log_test.py --sallyportd PROGRAM --sallyport PROGRAM --example PROGRAM --example-client PROGRAM
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from harness import gateway as gateways
from harness import processes

DISK_BYTES = 8 << 20
MOST_ROUNDS = 400
BALLAST_BYTES = 2 << 20
UPLOADS = 4
SKIPPED_STATUS = 77
UPLOADS_PROGRAM = pathlib.Path(__file__).parent / "full_log" / "uploads.js"
IN_NAMESPACE = "SALLYPORT_FULL_LOG_TEST_IN_NAMESPACE"
CONFIG = """
listen: {{address: "127.0.0.1:0"}}
data: {{directory: {data}, segment_size: 1MiB}}
upstreams: {{example: {{target: "{upstream}"}}, uploads: {{target: "{uploads}"}}}}
routes:
  - {{methods: ["sallyport.test.Uploads/*"], upstream: uploads}}
  - {{upstream: example}}
"""


def main():
    options = argparse.ArgumentParser()
    for name in ("--sallyportd", "--sallyport", "--example", "--example-client"):
        options.add_argument(name, required=True)
    options = options.parse_args()
    if IN_NAMESPACE not in os.environ:
        tried = subprocess.run(["unshare", "--map-root-user", "--mount", "true"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            print(f"SKIPPED full_log_test: no mount namespace here: {' '.join(tried.stderr.split())}")
            sys.exit(SKIPPED_STATUS)
        os.environ[IN_NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--map-root-user", "--mount", sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory() as directory, processes.Programs() as programs:
        directory = pathlib.Path(directory)
        disk = directory / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", disk], check=True)
        try:
            full_disk = FullDisk(options, directory, disk, programs)
            full_disk.run_uploads()
            full_disk.run()
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


class FullDisk:
    def __init__(self, options, directory, disk, programs):
        self.options, self.disk, self.programs = options, disk, programs
        example = programs.start("sallyport-example", [options.example, "--listen", "127.0.0.1:0"])
        upstream = example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        sink = programs.start("uploads' upstream", ["node", UPLOADS_PROGRAM, "upstream"])
        uploads = sink.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        # In a directory of the disk, so that the keyring beside it is on the same disk.
        self.data = disk / "data"
        config = directory / "sallyport.yaml"
        config.write_text(CONFIG.format(data=self.data, upstream=upstream, uploads=uploads))
        self.program = programs.start("sallyportd", [options.sallyportd, "--config", config, "--grace", "1"])
        self.address = self.program.wait_for_line(r"listening on (\d[\d.]*:\d+)", seconds=60).group(1)

    def client_says(self):
        return processes.run([self.options.example_client, "--target", self.address], check=False).stdout.decode()

    def fill_disk(self):
        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return filler

    def run_uploads(self):
        """Streams fill the disk: each is ended, and calls are served when there is space again."""
        ballast = self.disk / "ballast"
        ballast.write_bytes(bytes(BALLAST_BYTES))
        before = self.program.line_count()
        said = processes.run(["node", UPLOADS_PROGRAM, self.address, str(UPLOADS)], seconds=120).stdout.decode()
        ends = [json.loads(line) for line in said.splitlines()]
        assert len(ends) == UPLOADS, f"{len(ends)} of {UPLOADS} streams were told an end:\n{said}"
        for end in ends:
            assert end["status"] == 14 and "disk of its log is full" in end["message"], said
        self.program.wait_for_line(r"error the disk is full", seconds=30, after=before)
        ballast.unlink()
        self.program.wait_for_line(r"there is disk space again", seconds=30, after=before)
        assert " OK " in self.client_says(), "calls are not served although there is space again"
        log = self.program.tail(1000)
        assert "cannot be written any more" not in log, log
        print(f"{UPLOADS} streams that filled the disk were told so after {sum(end['sent'] for end in ends)} messages")

    def run(self):
        assert " OK " in self.client_says()
        filler = self.fill_disk()
        served, refused = 0, ""
        for _ in range(MOST_ROUNDS):
            said = self.client_says()
            if "cannot be recorded" in said:
                refused = said
                break
            served += sum(" OK " in line for line in said.splitlines())
        assert refused, f"{MOST_ROUNDS} rounds of calls went by on a full disk and none was refused"
        assert "UNAVAILABLE" in refused, refused
        assert served > 0, "what was reserved for the log was not used"
        self.program.wait_for_line(r"error the disk is full", seconds=30)
        assert self.program.process.poll() is None, f"the gateway ended:\n{self.program.tail()}"

        filler.unlink()
        self.program.wait_for_line(r"there is disk space again", seconds=30)
        assert " OK " in self.client_says(), "calls are not served although there is space again"
        assert self.program.stop() == 0, self.program.tail()
        calls = gateways.CommandLine(self.options.sallyport, self.data).json_lines("calls", "--limit", "0")
        uploads = [call for call in calls if call["method"] == "sallyport.test.Uploads/Upload"]
        assert len(uploads) == UPLOADS, uploads
        assert all(call["state"] == "refused" and call["status"] == "UNAVAILABLE" for call in uploads), uploads
        processes.run([self.options.sallyport, "verify", "--data", self.data])
        completed = sum(call["state"] == "completed" and call["status"] == "OK" for call in calls)
        assert completed >= served, f"callers saw {served} calls end with OK, the record has {completed}"
        print(f"{served} calls were served on a full disk and are recorded, new ones were refused until there was space")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as fault:
        sys.exit(f"BROKEN: {fault}")

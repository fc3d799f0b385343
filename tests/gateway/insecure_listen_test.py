#!/usr/bin/env python3
"""sallyportd refuses to listen without TLS where other machines can reach it, unless it is told to.

usage: insecure_listen_test.py SALLYPORTD
"""

import re
import signal
import subprocess
import sys
import tempfile

LIMIT_SECONDS = 30


def refusal(program, arguments):
    """What the program says where it refuses the command line; else nothing."""
    run = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=LIMIT_SECONDS)
    return run.stderr if run.returncode == 2 else None


def listens(program, arguments):
    """Where it listens, if it ends well afterwards."""
    process = subprocess.Popen([program, *arguments], stderr=subprocess.PIPE, text=True)
    address = next((found.group(1) for line in process.stderr if (found := re.search(r"listening on (\S+)", line))), None)
    process.send_signal(signal.SIGTERM)
    process.stderr.read()
    return address if process.wait(LIMIT_SECONDS) == 0 else None


def main():
    program = sys.argv[1]
    faults = []
    with tempfile.TemporaryDirectory() as directory:
        quick = ["--upstream", "127.0.0.1:1", "--data", f"{directory}/data"]
        for address in ("0.0.0.0:0", "[::]:0", "gateway.internal:0"):
            said = refusal(program, ["--listen", address, *quick])
            if said is None or address not in said or "--insecure-listen" not in said:
                faults.append(f"--listen {address}: {said}")
        if not listens(program, ["--listen", "0.0.0.0:0", "--insecure-listen", *quick]):
            faults.append("--insecure-listen does not let it listen")
        if not listens(program, ["--listen", f"unix:{directory}/socket", *quick]):
            faults.append("a UNIX socket needs --insecure-listen")
        path = f"{directory}/sallyport.yaml"
        for insecure in (False, True):
            with open(path, "w") as file:
                file.write(f'listen: {{address: "0.0.0.0:0", insecure: {str(insecure).lower()}}}\n'
                           f"data: {{directory: {directory}/data}}\nupstreams: {{a: {{target: '127.0.0.1:1'}}}}\n"
                           "identity: {anonymous: true}\n")
            said = refusal(program, ["--config", path, "--check"])
            if insecure != (said is None):
                faults.append(f"listen.insecure: {insecure}: {said}")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

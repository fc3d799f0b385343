#!/usr/bin/env python3
"""1,000 secrets pass through a gateway in metadata, method names, the authority, session names and payloads. The gateway is killed and started again,
and no file that it wrote (data directory, log output, checkpoints) holds one of them; but who has the keyring reads them all.

    canary_test.py --sallyportd PROGRAM --sallyport PROGRAM --example PROGRAM
"""

import argparse
import base64
import json
import pathlib
import subprocess
import sys
import tempfile

from harness import processes
from harness.gateway import CommandLine

SESSION = pathlib.Path(__file__).parent / "harness" / "grpc_session.js"
SECRETS = 1000
CALLS = SECRETS // 5
CONFIG = """
listen: {{address: "127.0.0.1:0"}}
data: {{directory: {data}}}
upstreams: {{example: {{target: "{upstream}"}}}}
descriptors: [{{reflection: example}}]
checkpoints: {{directory: {checkpoints}, interval: 100ms}}
"""


def secret(number):
    # Not regular, so that compression does not hide it from a search.
    return f"canary{(number * 2654435761 + 12345) % (1 << 32):08x}q{number:04d}"


def calls_with_secrets():
    for call in range(CALLS):
        method, value, name, session, payload = (secret(5 * call + part) for part in range(5))
        yield {"method": f"/canary.Service/{method}",
               "request": base64.b64encode(payload.encode() * 3).decode(),
               "metadata": [["x-value", value], [f"x-{name}", "1"], ["sallyport-session", session]]}


def main():
    options = argparse.ArgumentParser()
    for name in ("--sallyportd", "--sallyport", "--example"):
        options.add_argument(name, required=True)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as directory, processes.Programs() as programs:
        directory = pathlib.Path(directory)
        written = directory / "written"
        (written / "checkpoints").mkdir(parents=True)
        data = written / "data"
        example = programs.start("sallyport-example", [options.example, "--listen", "127.0.0.1:0"])
        upstream = example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)
        config = directory / "sallyport.yaml"
        config.write_text(CONFIG.format(data=data, upstream=upstream, checkpoints=written / "checkpoints"))
        argv = [options.sallyportd, "--config", config, "--grace", "1", "--log-level", "trace"]
        said = []

        def start():
            gateway = programs.start("sallyportd", argv)
            said.append(gateway)
            return gateway, gateway.wait_for_line(r"listening on (\d[\d.]*:\d+)", seconds=60).group(1)

        gateway, address = start()
        gateway.wait_for_line(r"descriptors \S+ in force", seconds=30)
        done = subprocess.run(["node", SESSION, address], input=json.dumps(list(calls_with_secrets())).encode(),
                              stdout=subprocess.PIPE, check=True, timeout=120)
        statuses = [json.loads(line)["status"] for line in done.stdout.splitlines()]
        assert len(statuses) == CALLS, f"{len(statuses)} of {CALLS} calls came back"
        gateway.kill()
        gateway, address = start()
        assert gateway.stop() == 0, gateway.tail()

        secrets = [secret(number) for number in range(SECRETS)]
        assert len(set(secrets)) == SECRETS
        files = [file for file in written.rglob("*") if file.is_file()]
        kinds = {file.suffix for file in files}
        assert {".seg", ".db", ".key", ".sealed", ".keyring", ".checkpoint"} <= kinds, f"not everything was written: {kinds}"
        texts = {str(file.relative_to(written)): file.read_bytes() for file in files}
        texts["what the gateway printed"] = "\n".join(line for program in said for line in program.lines).encode()
        for name, text in texts.items():
            found = [one for one in secrets if one.encode() in text]
            # The middle of each too, should something have cut it.
            found += [one for one in secrets if one[6:].encode() in text]
            assert not found, f"{name} holds {len(found)} secrets, such as {found[0]}"

        sallyport = CommandLine(options.sallyport, data)
        listed = sallyport.calls()
        readable = json.dumps(listed)
        for call in listed[:5] + listed[-5:]:
            readable += sallyport.run("show", call["id"], "--json").stdout.decode()
        assert sum(one in readable for one in secrets) >= CALLS, "the secrets cannot be read even with the keyring"
        # The upstream knows none of the methods: it may say so before the request has come as far as the gateway.
        whole = [call for call in listed if call["request_frames"] > 0]
        assert len(whole) >= CALLS // 2, f"{len(whole)} of {CALLS} calls have their request"
        payloads = {secret(5 * call): secret(5 * call + 4) for call in range(CALLS)}
        first = sallyport.run("show", whole[-1]["id"], "--raw", "--frame", "0").stdout
        assert first == (payloads[whole[-1]["method"].split("/")[-1]] * 3).encode(), first
        assert sallyport.run("verify").returncode == 0
        print(f"{SECRETS} secrets in {CALLS} calls: none is in any of {len(texts)} files")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as fault:
        sys.exit(f"BROKEN: {fault}")

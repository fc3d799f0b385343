"""Callers that make the calls of soak.proto until they are told to end, and what each of them saw (its ledger)."""

import json
import os
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
GRPC_JS = HERE.parent / "conformance/grpc_js/node_modules/@grpc/grpc-js"
ROUND_ROBIN = '{"loadBalancingConfig": [{"round_robin": {}}]}'
REAL_CLIENTS = ("grpc_js", "python", "ruby")
OK = 0
# How many recorded calls are read at a time, and what is kept of them: of an hour's soak there are a million.
PAGE = 50000
KEPT = ("id", "state", "status_code", "method")


def python_with_grpc():
    """Debian's python3-grpcio is the system's Python's."""
    own = subprocess.run([sys.executable, "-c", "import grpc"], check=False, capture_output=True)
    return sys.executable if own.returncode == 0 else "/usr/bin/python3"


def commands():
    return {"by_hand": (["node", HERE / "load.js"], []), "grpc_js": (["node", HERE / "grpc_js_load.js"], [GRPC_JS]),
            "python": ([python_with_grpc(), "-B", HERE / "python_load.py"], []), "ruby": (["ruby", HERE / "ruby_load.rb"], [])}


class Callers:
    """Programs that call `target`, each so many times a second: `rates` by name (see commands())."""

    def __init__(self, programs, directory, target, rates, service_config=None):
        self._ledgers = {}
        self._programs = []
        # grpc-js asks the DNS server that a target names only with this resolver.
        environment = os.environ | {"GRPC_NODE_USE_ALTERNATIVE_RESOLVER": "true"}
        if service_config:
            environment["SOAK_SERVICE_CONFIG"] = service_config
        known = commands()
        for name, rate in rates.items():
            argv, more = known[name]
            self._ledgers[name] = directory / f"{name}.ledger"
            self._ledgers[name].touch()
            self._programs.append(programs.start(name, [*argv, target, self._ledgers[name], rate, *more], env=environment))

    def made(self):
        """How many calls are over, by the caller's name."""
        return {name: ledger.read_bytes().count(b"\n") for name, ledger in self._ledgers.items()}

    def check_running(self):
        for program in self._programs:
            assert program.process.poll() is None, f"a caller ended by itself:\n{program.tail()}"

    def stop(self, seconds=60):
        """Lets them end their open calls."""
        for program in self._programs:
            program.send_signal(signal.SIGTERM)
        for program in self._programs:
            program.wait_for_line("^over$", seconds=seconds)

    def calls(self):
        """By the caller's name: for each call what its caller saw. See Ledger in soak_calls.js."""
        return {name: [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
                for name, ledger in self._ledgers.items()}


def by_trace(sallyport):
    """The recorded calls of one data directory, by the trace id that their callers gave ("" where they gave none)."""
    found, words = {}, ["calls", "--limit", str(PAGE)]
    while page := sallyport.json_lines(*words):
        for call in page:
            found.setdefault(call.get("trace_id") or "", []).append({name: call[name] for name in KEPT})
        words[3:] = ["--after", page[-1]["id"]]
    return found

#!/usr/bin/env python3
"""The official interop client and server of ruby-grpc, first directly, then with Sallyport between them.

    ruby_interop_test.py --sallyportd PROGRAM     on both paths: the methods known from descriptors, and not known
    ruby_interop_test.py --control                through a plain relay of bytes in the gateway's place
Every case that passes directly must pass through the gateway. Those that do not (this server knows no compressed
requests), and those that ask for Google's credentials, are shown and not tried further.
"""

import argparse
import concurrent.futures
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "integration"))

from harness import descriptors, processes  # noqa: E402
from harness.gateway import Gateway, PlainRelay  # noqa: E402

# What must pass directly, or the test has lost its meaning.
EXPECTED_DIRECTLY = {
    "empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "timeout_on_sleeping_server",
    "empty_stream", "cancel_after_begin", "cancel_after_first_response", "unimplemented_method",
    "unimplemented_service", "status_code_and_message", "custom_metadata"}
# Would ask Google's servers, or fail for want of a service account's key.
NEEDS_GOOGLE = {"jwt_token_creds", "compute_engine_creds", "oauth2_auth_token", "per_rpc_creds"}
TOGETHER = 3  # clients at a time: most of a client's time is Ruby starting up


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sallyportd")
    parser.add_argument("--control", action="store_true")
    arguments = parser.parse_args()
    if bool(arguments.sallyportd) == arguments.control:
        parser.error("give either --sallyportd or --control")
    cases = processes.run(["ruby", HERE / "interop_client.rb", "--list"]).stdout.decode().split()
    with tempfile.TemporaryDirectory(prefix="sallyport-interop-") as directory, processes.Programs() as programs:
        paths = start_paths(arguments, pathlib.Path(directory), programs)
        results = {}
        to_try = [case for case in cases if case not in NEEDS_GOOGLE]
        for name, address in paths.items():
            results[name] = run_cases(to_try, address)
            to_try = [case for case in to_try if results["directly"][case] is None]
    sys.exit(report(cases, results))


def start_paths(arguments, directory, programs):
    """Addresses by path: the server itself, and what stands in front of it."""
    server = programs.start("interop server", ["ruby", HERE / "interop_server.rb"])
    direct = server.wait_for_line(r"listening on (\S+)", seconds=60).group(1)
    if arguments.control:
        return {"directly": direct, "plain relay": PlainRelay(programs, direct).address}
    known = descriptors.interop(directory / "interop.binpb")
    return {"directly": direct,
            "known methods": Gateway(programs, arguments.sallyportd, direct, directory / "known", [known]).address,
            "unknown methods": Gateway(programs, arguments.sallyportd, direct, directory / "unknown").address}


def run_cases(cases, address):
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        return dict(zip(cases, pool.map(lambda case: run_case(case, address), cases)))


def run_case(case, address):
    """None if the case passed, else what the client said."""
    host, port = address.rsplit(":", 1)
    done = processes.run(["ruby", HERE / "interop_client.rb", f"--server_host={host}", f"--server_port={port}",
                          f"--test_case={case}"], check=False)
    said = done.stdout.decode(errors="replace")
    if done.returncode == 0 and f"OK: {case}" in said:
        return None
    return done.stderr.decode(errors="replace") + said or f"ended with {done.returncode}"


def report(cases, results):
    """Prints the table. 1 if a path differs from the direct one, or the direct one offers less than it should."""
    direct = results["directly"]
    width = max(map(len, cases))
    print(" ".join([" " * width, *(f"{name:>16}" for name in results)]))
    for case in cases:
        print(" ".join([f"{case:{width}}", *(f"{cell(case, result):>16}" for result in results.values())]))
    passing = [case for case in cases if cell(case, direct) == "pass"]
    faults = [f"{case} does not pass directly, though it should:\n{direct.get(case, 'the client does not offer it')}"
              for case in sorted(EXPECTED_DIRECTLY - set(passing))]
    faults += [f"{case} passes directly, but not through {name}:\n{said}"
               for name, result in results.items() if result is not direct
               for case, said in result.items() if said is not None]
    print(f"{len(passing)} of {len(cases)} cases pass directly; {len(faults)} faults")
    for fault in faults:
        print(f"\nFAULT {fault}")
    return 1 if faults else 0


def cell(case, result):
    if case not in result:
        return "-"
    return "pass" if result[case] is None else "no"


main()

#!/usr/bin/env python3
"""Builds the tests of gateway, policy and recorder with the address and undefined-behaviour sanitizers, and runs them.

Everything is bounded: --minutes in all, of which building leaves the last third to the tests, and --test-minutes for these.
What did not fit is named: with a warm compiler cache that is what SLOW names last, with an empty one what was not built by
then, rooms being built in the order of ROOMS. A test that fails makes the exit status 1.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent
BUILD = PROJECT / "build/asan"
# By the folder of tests/ that they are in, which CMake gives them as a label.
ROOMS = ["policy", "recorder", "gateway"]
# Those that were seen to hold. Others are named as left out, and added here once they were seen to.
TESTS = {
    "admission_stages_test", "policy_test", "limits_test", "access_allocation_test", "keys_test", "evidence_test",
    "connections_test",
    "listener_unit_test", "sessions_test", "metadata_rules_test", "routes_test", "refused_calls_test",
}
# What a test may take longer than without sanitizers.
SLOWER = 4
# Begun after all others, in this order: each takes minutes where instructions are counted.
SLOW = ["relay_test", "masks_test", "access_test", "verifier_test", "fault_injection_test"]


def tests_of(room):
    """What CMake says of the room's programs (not of its scripts, which need programs of everywhere)."""
    listed = subprocess.run(["ctest", "--test-dir", str(BUILD), "--show-only=json-v1", "-L", f"^{room}$"], check=True,
                            capture_output=True, text=True).stdout
    return json.loads(listed)["tests"]


def property_of(test, name, otherwise):
    return next((each["value"] for each in test["properties"] if each["name"] == name), otherwise)


def names(tests):
    return " ".join(test["name"] for test in tests)


def run(test, end):
    """The time a test took and what it said if it failed; nothing if there was no time for it."""
    begun = time.monotonic()
    if begun >= end:
        return None
    limit = SLOWER * property_of(test, "TIMEOUT", 120)
    environment = os.environ | dict(each.split("=", 1) for each in property_of(test, "ENVIRONMENT", []))
    process = subprocess.Popen(test["command"], cwd=property_of(test, "WORKING_DIRECTORY", BUILD), env=environment,
                               text=True, errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    try:
        said, _ = process.communicate(timeout=min(limit, end - begun))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        if time.monotonic() >= end:
            return None
        said += f"\nit did not end within {limit:.0f} s\n"
        return time.monotonic() - begun, said
    held = process.returncode in (0, property_of(test, "SKIP_RETURN_CODE", 0))
    return time.monotonic() - begun, "" if held else f"{said}\nexit status {process.returncode}\n"


def build(targets, deadline):
    """Those that could be built in time. A build that fails ends the run."""
    left = deadline - time.monotonic()
    command = ["cmake", "--build", "--preset", "asan", "--target", *targets]
    if left > 0:
        # timeout tells ninja too, which is cmake's child.
        code = subprocess.run(["timeout", "--signal=INT", f"{left:.0f}", *command], cwd=PROJECT, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode
        if code == 0:
            return targets
        if code != 124:
            # Again for what it says; what was built is built.
            subprocess.run(command, cwd=PROJECT)
            sys.exit(f"asan: {' '.join(targets)} could not be built (see above)")
    return [target for target in targets if "no work to do" in subprocess.run(
        ["ninja", "-C", str(BUILD), "-n", target], check=True, capture_output=True, text=True).stdout]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=24, help="for everything (default: 24)")
    parser.add_argument("--test-minutes", type=float, default=10, help="for running the tests (default: 10)")
    arguments = parser.parse_args()

    started = time.monotonic()
    end = started + arguments.minutes * 60
    built_by = started + arguments.minutes * 60 * 2 / 3
    configured = subprocess.run(["cmake", "--preset", "asan"], cwd=PROJECT, capture_output=True, text=True)
    if configured.returncode != 0:
        sys.exit(f"{configured.stdout}{configured.stderr}asan: cmake could not configure the build (see above)")

    tests, left_out = [], []
    for room in ROOMS:
        of_room = tests_of(room)
        found = [test for test in of_room if test["name"] in TESTS]
        left_out += [test for test in of_room if test["name"] not in TESTS]
        ready = build([test["name"] for test in found], built_by)
        # Asked again: ctest tells no command of a program that is not built.
        tests += [test for test in tests_of(room) if test["name"] in ready]
        left_out += [test for test in found if test["name"] not in ready]
    if left_out:
        print(f"asan: LEFT OUT, not in TESTS or not built in {(built_by - started) / 60:.0f} minutes: {names(left_out)}",
              flush=True)
    built = time.monotonic()
    end = min(end, built + arguments.test_minutes * 60)

    tests.sort(key=lambda test: SLOW.index(test["name"]) if test["name"] in SLOW else -1)
    failed, unrun, times = [], [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for test, result in zip(tests, pool.map(lambda test: run(test, end), tests)):
            if result is None:
                unrun.append(test)
                continue
            seconds, said = result
            times.append(f"{test['name']} {seconds:.0f} s")
            if said:
                failed.append(test)
                print(f"asan: {test['name']} failed\n{said}", flush=True)
    if times:
        print(f"asan: {', '.join(times)}")
    if unrun:
        print(f"asan: LEFT OUT, the time for tests was over: {names(unrun)}")
    print(f"asan: {len(times) - len(failed)} tests held, {len(failed)} failed {names(failed)}".rstrip() +
          f", {len(left_out) + len(unrun)} left out; built in {built - started:.0f} s, run in {time.monotonic() - built:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

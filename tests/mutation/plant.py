#!/usr/bin/env python3
"""Plants faults, one at a time, in a copy of the tree, and tells which test case noticed each.

AREA/NAME.patch has the fault and, above its diff, a head: the promise of a public header that it breaks, then
  Tests: names of ctest's, which have to notice (programs of the same name are built)
  Builds: targets that these tests run beside their own (optional)
  Equivalent: why no test can notice (optional; it is run all the same, and a test that does notice refutes it)

The copy is build/mutation/tree, with its own build folder: the sources as they are, committed or not. Nothing else is
changed, so that an interrupted run leaves a fault in nobody's sources.

Exit status 0: every fault was noticed or is equivalent. 1: one was not, or its patch no longer applies or compiles.
"""
import argparse
import fcntl
import filecmp
import html
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import patches

WORK = patches.PROJECT / "build" / "mutation"
TREE = WORK / "tree"
BUILD = TREE / "build" / "release"
LOGS = WORK / "logs"
KILLERS = WORK / "killers.json"
BUILD_SECONDS = 3600


def run(command, seconds, log, cwd=None, environment=None):
    """The exit status, or None if it took longer; its children end with it. All that it says goes to `log`."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # Also what it left behind, and what an interrupted run would leave.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def copy_sources():
    """Makes the copy equal to the sources. What is equal stays untouched, so that it is not built again."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=patches.PROJECT,
                            check=True, capture_output=True, text=True).stdout
    files = {name for name in listed.split("\0") if name and (patches.PROJECT / name).is_file()}
    for name in files:
        source, target = patches.PROJECT / name, TREE / name
        if not target.exists() or not filecmp.cmp(source, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        target.chmod(source.stat().st_mode & 0o777)
    for folder, folders, names in os.walk(TREE):
        if pathlib.Path(folder) == TREE and "build" in folders:
            folders.remove("build")
        for name in names:
            path = pathlib.Path(folder, name)
            if str(path.relative_to(TREE)) not in files:
                path.unlink()


def last_line(log):
    said = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return said[-1] if said else "nothing was said"


class Tests:
    """What ctest knows of the copy: how each test is run, and how long it took without a fault."""

    def __init__(self):
        known = json.loads(subprocess.run(["ctest", "--show-only=json-v1"], cwd=BUILD, check=True, capture_output=True,
                                          text=True).stdout)
        self.known = {test["name"]: test for test in known["tests"]}
        rules = subprocess.run(["ninja", "-t", "targets", "all"], cwd=BUILD, check=True, capture_output=True, text=True)
        self.targets = {line.split(":")[0] for line in rules.stdout.splitlines()}
        self.seconds = {}

    def to_build(self, patch):
        return sorted({name for name in patch.tests if name in self.targets} | set(patch.builds))

    def is_catch2(self, name):
        """Of Catch2, and so able to say which test case failed."""
        return name in self.targets and pathlib.Path(self.known[name]["command"][0]).name == name

    def command(self, name):
        test = self.known[name]
        properties = {each["name"]: each["value"] for each in test.get("properties", [])}
        environment = dict(os.environ, **dict(each.split("=", 1) for each in properties.get("ENVIRONMENT", [])))
        bound = 5 * properties.get("TIMEOUT", 300)  # a machine has other things to do
        if name in self.seconds:
            bound = min(bound, 10 * self.seconds[name] + 30)
        command = test["command"]
        if self.is_catch2(name):
            command = command + ["--abort", "--reporter", "xml"]
        return command, properties.get("WORKING_DIRECTORY"), environment, bound, properties.get("SKIP_RETURN_CODE")

    def noticed(self, name, log, case=None):
        """Runs a test, or one case of it: which test case failed and how, or nothing if all passed."""
        command, folder, environment, bound, skipped = self.command(name)
        if case is not None:
            command = command + [re.sub(r"([\\,\[\]\"~])", r"\\\1", case)]
        began = time.monotonic()
        status = run(command, bound, log, folder, environment)
        took = time.monotonic() - began
        if status == 0 or (skipped is not None and status == skipped):
            if case is None:
                self.seconds.setdefault(name, took)
            return None
        how = "hangs" if status is None else f"ends with signal {-status}" if status < 0 else "fails"
        if self.is_catch2(name):
            # A test case is named when it begins, so that the last is the one that failed, crashed or hung.
            cases = re.findall(r'<TestCase name="([^"]*)"', log.read_text(errors="replace"))
            if cases:
                return f"{name} {how}: {html.unescape(cases[-1])}"
        return f"{name} {how}: {last_line(log)[:160]}"


class Planter:
    def __init__(self, jobs):
        self.jobs = jobs
        # Who noticed each fault the last time, and is asked first: most often nobody else has to be.
        self.killers = json.loads(KILLERS.read_text()) if KILLERS.exists() else {}

    def build(self, targets, log):
        status = run(["ninja", "-C", str(BUILD), f"-j{self.jobs}", *targets], BUILD_SECONDS, log)
        return None if status == 0 else "is not built"

    def prepare(self, wanted):
        """Everything as it is has to be built and pass."""
        log = LOGS / "clean.log"
        copy_sources()
        if run(["cmake", "--preset", "release"], BUILD_SECONDS, log, TREE) != 0:
            sys.exit(f"the copy cannot be configured: {log}")
        self.tests = Tests()
        for patch in wanted:
            unknown = [name for name in patch.tests if name not in self.tests.known]
            unknown += [name for name in patch.builds if name not in self.tests.targets]
            if unknown and not patch.fault:
                patch.fault = f"nothing is called {' or '.join(unknown)}"
        sound = [patch for patch in wanted if not patch.fault]
        targets = sorted({target for patch in sound for target in self.tests.to_build(patch)})
        say(f"building {len(targets)} targets without a fault")
        if targets and self.build(targets, log):
            sys.exit(f"the tree as it is cannot be built: {log}")
        self.tests = Tests()  # of what is not built ctest does not say how it is run
        for name in sorted({name for patch in sound for name in patch.tests}):
            failure = self.tests.noticed(name, LOGS / f"clean-{name}.log")
            if failure:
                sys.exit(f"without any fault {failure} ({LOGS / f'clean-{name}.log'})")
            say(f"{name} passes without a fault in {self.tests.seconds[name]:.1f} s")

    def noticed(self, patch, log):
        killer = re.match(r"(\S+) (fails|hangs|ends with signal \d+): (.*)", self.killers.get(patch.name, ""))
        if killer and killer[1] in patch.tests and self.tests.is_catch2(killer[1]):
            noticed = self.tests.noticed(killer[1], log, killer[3])
            if noticed:
                return noticed
        return next(filter(None, (self.tests.noticed(name, log) for name in patch.tests)), None)

    def plant(self, patch):
        """(verdict, explanation)"""
        if patch.fault:
            return "BROKEN", patch.fault
        log = LOGS / (patch.name.replace("/", "-") + ".log")
        try:
            fault = patch.apply(TREE) or self.build(self.tests.to_build(patch), log)
            if fault:
                return "BROKEN", f"{fault} ({log})"
            noticed = self.noticed(patch, log)
            if noticed and patch.equivalent:
                return "BROKEN", f"is said to be equivalent, but {noticed}"
            if noticed:
                self.killers[patch.name] = noticed
                KILLERS.write_text(json.dumps(self.killers, indent=1))
                return "KILLED", noticed
        finally:
            for name in patch.files:
                shutil.copyfile(patches.PROJECT / name, TREE / name)
        return ("EQUIVALENT", patch.equivalent) if patch.equivalent else ("SURVIVED", " ".join(patch.tests))


def check(wanted):
    """Without building: does each patch have a head, and apply?"""
    bad = 0
    for patch in wanted:
        with tempfile.TemporaryDirectory() as folder:
            for name in patch.files:
                if (patches.PROJECT / name).is_file():
                    copy = pathlib.Path(folder, name)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(patches.PROJECT / name, copy)
            fault = patch.fault or patch.apply(folder)
        if fault:
            bad += 1
            print(f"{patch.name}: {fault}")
    print(f"{len(wanted)} patches, {bad} broken")
    return 1 if bad else 0


def say(text):
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("wanted", nargs="*", metavar="AREA[/NAME]", help="all of them otherwise")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="what ninja is told")
    parser.add_argument("--check", action="store_true", help="only look whether the patches apply, which takes no time")
    options = parser.parse_args()
    wanted = patches.find(options.wanted)
    if options.check:
        return check(wanted)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is under way ends with it
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(WORK / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"another run uses {WORK}")
        planter = Planter(options.jobs)
        planter.prepare(wanted)
        results = []
        for patch in wanted:
            results.append((patch.name, *planter.plant(patch)))
            say(f"{len(results)}/{len(wanted)} {results[-1][0]}: {results[-1][1]}")
    width = max(len(name) for name, _, _ in results)
    say("\n" + "\n".join(f"{name:{width}}  {verdict:10}  {why}" for name, verdict, why in results))
    counts = {verdict: sum(1 for result in results if result[1] == verdict)
              for verdict in ("KILLED", "EQUIVALENT", "SURVIVED", "BROKEN")}
    say("\n" + ", ".join(f"{count} {verdict.lower()}" for verdict, count in counts.items()))
    return 1 if counts["SURVIVED"] or counts["BROKEN"] else 0


if __name__ == "__main__":
    sys.exit(main())

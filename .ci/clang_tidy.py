#!/usr/bin/env python3
"""Runs clang-tidy on what has changed since the last release tag, or in the last ten commits where there is none.

What was found clean is remembered by its content beside the compiler cache: the file, the headers of the project that it
reads, how it is compiled, the checks and the version of clang-tidy. A stated time bounds the rest; what did not fit is named,
and comes first the next time, as the others are remembered by then.

Needs a configured build whose generated headers exist (.ci/run makes both). A finding, or a file that clang-tidy cannot
read, makes the exit status 1.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent
TIDY = "clang-tidy-14"
# What g++ precompiled clang cannot read, and each source is to include what it uses.
PRECOMPILED = re.compile(r" -Winvalid-pch| -fpch-preprocess| -include \S*/cmake_pch\.hxx")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=PROJECT, check=True, capture_output=True, text=True).stdout


def changed_since():
    """What to compare with: a release tag, a commit, or nothing in a history shorter than that."""
    tag = subprocess.run(["git", "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"], cwd=PROJECT,
                         capture_output=True, text=True).stdout.strip()
    if tag:
        return tag
    commits = git("rev-list", "--first-parent", "--max-count=11", "HEAD").split()
    return commits[10] if len(commits) == 11 else None


def changed_files(since):
    """Sources and headers of the work tree that differ, what is not committed included."""
    patterns = ["*.cc", "*.h"]
    known = git("diff", "--name-only", "--diff-filter=d", since, "--", *patterns) if since else git("ls-files", *patterns)
    return sorted(set((known + git("ls-files", "--others", "--exclude-standard", *patterns)).split()))


class Sources:
    """Which files of the project a source reads, and how it is compiled."""

    def __init__(self, build):
        self.commands = {}
        # How everything is compiled, for clang-tidy: as it is but for what was precompiled.
        self.database = json.loads((build / "compile_commands.json").read_text())
        for entry in self.database:
            entry["command"] = PRECOMPILED.sub("", entry["command"])
            file = pathlib.Path(entry["file"])
            if file.is_relative_to(PROJECT) and not file.is_relative_to(build):
                self.commands[str(file.relative_to(PROJECT))] = entry["command"]
        self.generated = sorted({folder for folder in build.rglob("generated") if folder.is_dir()})
        self.included = {}

    def direct(self, file):
        if file not in self.included:
            found = []
            for name in INCLUDE.findall(file.read_text(errors="replace")):
                for folder in [PROJECT, file.parent, *self.generated]:
                    if (folder / name).is_file():
                        found.append((folder / name).resolve())
                        break
            self.included[file] = found
        return self.included[file]

    def read_by(self, source):
        """The source and all it includes of the project, generated files too."""
        seen, waiting = set(), [PROJECT / source]
        while waiting:
            file = waiting.pop()
            if file not in seen:
                seen.add(file)
                waiting.extend(self.direct(file))
        return sorted(seen)

    def digest(self, source, tool):
        digest = hashlib.sha256(tool)
        # Paths as they are in every checkout.
        digest.update(self.commands[source].replace(str(PROJECT), "").encode())
        for file in self.read_by(source):
            content = file.read_bytes()
            digest.update(f"\n{file.relative_to(PROJECT)} {len(content)}\n".encode() + content)
        return digest.hexdigest()


def sources_for(files, sources):
    """The sources to look at: changed ones, and for a changed header that none of these reads, one that does."""
    chosen = {file for file in files if file in sources.commands}
    covered = {path for source in chosen for path in sources.read_by(source)}
    left_out = [file for file in files if file.endswith(".cc") and file not in chosen]
    for header in (file for file in files if file.endswith(".h")):
        path = PROJECT / header
        if path in covered:
            continue
        beside = str(pathlib.Path(header).with_suffix(".cc"))
        readers = [beside] if beside in sources.commands else []
        readers += [source for source in sorted(sources.commands) if path in sources.read_by(source)]
        if readers:
            chosen.add(readers[0])
            covered.update(sources.read_by(readers[0]))
        else:
            left_out.append(header)
    return sorted(chosen), left_out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=PROJECT / "build/release")
    parser.add_argument("--minutes", type=float, default=10, help="begin no further file after that (default: 10)")
    parser.add_argument("--since", help="a commit, in place of the last release or the tenth commit before")
    parser.add_argument("--all", action="store_true", help="every source of the project")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="*", help="only these")
    arguments = parser.parse_args()

    started = time.monotonic()
    sources = Sources(arguments.build.resolve())
    if arguments.files:
        what, files = "the files named", [str(pathlib.Path(file).resolve().relative_to(PROJECT)) for file in arguments.files]
    else:
        since = None if arguments.all else arguments.since or changed_since()
        what, files = f"what differs from {since}" if since else "everything", changed_files(since)
    chosen, left_out = sources_for(files, sources)
    if left_out:
        print(f"clang-tidy: part of no program, so not looked at: {' '.join(left_out)}")

    cache = os.environ.get("CCACHE_DIR") or pathlib.Path.home() / ".cache/ccache"
    clean = pathlib.Path(cache) / "sallyport-clang-tidy"
    clean.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([TIDY, "--version"], check=True, capture_output=True).stdout
    checks = (PROJECT / ".clang-tidy").read_bytes().splitlines()
    tool = version + b"\n".join(line for line in checks if not line.lstrip().startswith(b"#"))
    waiting = [(source, clean / sources.digest(source, tool)) for source in chosen]
    known = [stamp for _, stamp in waiting if stamp.exists()]
    # What is in use stays: the rest is for whoever cleans the cache by age.
    for stamp in known:
        stamp.touch()
    waiting = [(source, stamp) for source, stamp in waiting if not stamp.exists()]

    commands = arguments.build / "clang-tidy"
    commands.mkdir(exist_ok=True)
    (commands / "compile_commands.json").write_text(json.dumps(sources.database))

    def check(source, stamp):
        if time.monotonic() - started > arguments.minutes * 60:
            return None
        run = subprocess.run([TIDY, "-p", str(commands), "--quiet", source], cwd=PROJECT, capture_output=True, text=True)
        if run.returncode == 0:
            stamp.touch()
            return ""
        return run.stdout + run.stderr

    findings, skipped = 0, []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = pool.map(lambda each: (each[0], check(*each)), waiting)
        for source, found in results:
            if found is None:
                skipped.append(source)
            elif found:
                findings += 1
                print(f"clang-tidy: {source}\n{found}", flush=True)
    if skipped:
        print(f"clang-tidy: LEFT OUT, {arguments.minutes:g} minutes were over: {' '.join(skipped)}")
    print(f"clang-tidy: {what}: {len(chosen)} sources, {len(known)} known to be clean, "
          f"{len(waiting) - len(skipped) - findings} found clean now, {findings} with findings, {len(skipped)} left out; "
          f"{time.monotonic() - started:.0f} s")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

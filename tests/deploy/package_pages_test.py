#!/usr/bin/env python3
"""What the package tells people and shells: manual pages name everything that there is, and shells complete it.

    package_pages_test.py --sallyport PROGRAM --sallyportd PROGRAM --source DIRECTORY
"""

import argparse
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

import places
from harness import processes
from harness.promises import Promises, equal

SECONDS = 90


def help_of(program, *words):
    return processes.run([program, *words, "--help"]).stdout.decode()


def commands_of(program, words=()):
    """Every command without others below it, with the options that its help shows. Read apart from what makes the pages."""
    text = help_of(program, *words)
    below = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.MULTILINE)
    if not below:
        return {words: set(re.findall(r"^  (?:-\w,)?(--[a-z][a-z-]*)", text, re.MULTILINE))}
    found = {}
    for name in re.findall(r"^  ([a-z][a-z-]*)", below.group(1), re.MULTILINE):
        found.update(commands_of(program, (*words, name)))
    return found


def shown(manual):
    """A manual page as it is read, in long lines."""
    done = subprocess.run(["groff", "-K", "utf8", "-man", "-Tutf8", "-P-cbou", "-ww", "-rLL=300n", "-rHY=0", manual], capture_output=True, check=True)
    return done.stdout.decode().replace("−", "-").replace("‐", "-").replace("’", "'"), done.stderr.decode()


def keys_of(source):
    """Every key of configuration and policy, as the sources define them; read apart from what makes the pages."""
    names = {}
    for page, files in (("sallyport.yaml", ["api", "config", "credentials", "drain", "events", "identity", "log", "oidc", "tracing"]), ("policy.yaml", ["policy"])):
        names[page] = set()
        for file in files:
            text = re.sub(r"//.*", "", (source / f"protos/sallyport/v1/{file}.proto").read_text())
            names[page].update(re.findall(r"^\s+(?:repeated |optional )?(?:map<[^>]*>|[\w.]+) (\w+) = \d+", text, re.MULTILINE))
    return names


class Terminal:
    """An interactive shell on a terminal, for what only a person's keys bring about."""

    def __init__(self, argv, environment):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, {**os.environ, "TERM": "dumb", **environment})
        self.said = ""

    def type(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern):
        give_up = time.monotonic() + SECONDS
        while not re.search(pattern, self.said):
            left = give_up - time.monotonic()
            ready = select.select([self.terminal], [], [], max(left, 0))[0]
            if not ready:
                raise AssertionError(f"the shell did not say {pattern!r} within {SECONDS} s: {self.said[-800:]!r}")
            self.said += os.read(self.terminal, 65536).decode(errors="replace")

    def close(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


class PagesTest:
    def __init__(self, arguments, directory, promise):
        self.arguments, self.directory, self.promise = arguments, directory, promise

    def run(self):
        package = self.arguments.source / "deploy" / "package"
        programs = ["--sallyport", self.arguments.sallyport, "--sallyportd", self.arguments.sallyportd]
        processes.run([sys.executable, "-B", package / "manuals.py", *programs, "--source", self.arguments.source,
                       "--version", "0.1.0", self.directory / "man"])
        processes.run([sys.executable, "-B", package / "completions.py", *programs, self.directory])
        self.manuals()
        bin_folder = self.directory / "bin"
        bin_folder.mkdir()
        for name in ("sallyport", "sallyportd"):
            (bin_folder / name).symlink_to(getattr(self.arguments, name))
        self.environment = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "HOME": str(self.directory)}
        self.bash()
        self.zsh()
        self.fish()

    def manuals(self):
        with self.promise("manual pages of the programs have every command and every option, and roff takes them"):
            commands = commands_of(self.arguments.sallyport)
            assert len(commands) > 15, commands
            text, warnings = shown(self.directory / "man/sallyport.1")
            equal(warnings, "")
            for words, options in commands.items():
                name = " ".join(("sallyport", *words))
                part = re.search(rf"^   {re.escape(name)}\n(.*?)(?=^   \S|^[A-Z])", text, re.MULTILINE | re.DOTALL)
                assert part, f"{name} is not in it"
                equal({option for option in options if not re.search(rf"{option}(?![\w-])", part.group(1))}, set(), name)
            text, warnings = shown(self.directory / "man/sallyportd.8")
            equal(warnings, "")
            options = commands_of(self.arguments.sallyportd)[()]
            assert len(options) > 8, options
            equal({option for option in options if not re.search(rf"{option}(?![\w-])", text)}, set())
        with self.promise("manual pages of the two files have every key"):
            for page, keys in keys_of(self.arguments.source).items():
                text, warnings = shown(self.directory / f"man/{page}.5")
                equal(warnings, "")
                assert len(keys) > 20, keys
                equal({key for key in keys if not re.search(rf"^ +{key} \(", text, re.MULTILINE)}, set(), page)

    def bash(self):
        with self.promise("bash completes commands, commands below them, options and values"):
            script = f"""source {self.directory}/bash/sallyport; source {self.directory}/bash/sallyportd
complete_words() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _"${{1}}"; echo "${{COMPREPLY[*]}}"; }}
complete_words sallyport ca
complete_words sallyport keys rot
complete_words sallyport --data
complete_words sallyport calls --data x --ses
complete_words sallyportd --log-level wa
complete_words sallyportd --gra"""
            said = processes.run(["bash", "--norc", "-c", script], env={**os.environ, **self.environment}).stdout.decode().splitlines()
            equal(said, ["calls", "rotate", "", "--session", "warn", "--grace"])
        with self.promise("bash completes `sallyport ca<TAB>` where somebody types it"):
            terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], {**self.environment, "PS1": "ready$ "})
            terminal.wait_for(r"ready\$ ")
            terminal.type(f"source {self.directory}/bash/sallyport; echo loaded\n")
            terminal.wait_for(r"loaded\r?\n")
            terminal.type("sallyport ca\t")
            terminal.wait_for("sallyport calls")
            terminal.close()

    def zsh(self):
        with self.promise("zsh completes `sallyport ca<TAB>`, and an option of a command below another"):
            terminal = Terminal(["zsh", "-f", "-i"], self.environment)
            terminal.type(f"PS1='ready$ '; unset zle_bracketed_paste; fpath=({self.directory}/zsh $fpath); autoload -U compinit; compinit -u -D; echo loa''ded\n")
            terminal.wait_for(r"loaded\r?\n")
            terminal.type("sallyport ca\t")
            terminal.wait_for("sallyport calls")
            terminal.type("\x15")
            terminal.type("sallyport keys rota\t")
            terminal.wait_for("sallyport keys rotate")
            terminal.type("\x15")
            terminal.type("sallyport calls --sess\t")
            terminal.wait_for("--session")
            terminal.close()

    def fish(self):
        with self.promise("fish completes commands, commands below them, and options"):
            script = f"""source {self.directory}/fish/sallyport.fish; source {self.directory}/fish/sallyportd.fish
complete -C 'sallyport ca'; echo; complete -C 'sallyport keys rot'; echo; complete -C 'sallyport calls --ses'; echo; complete -C 'sallyportd --log-level wa'"""
            said = processes.run(["fish", "--no-config", "-c", script], env={**os.environ, **self.environment}).stdout.decode()
            words = [[line.split("\t")[0] for line in part.splitlines()] for part in said.split("\n\n")]
            equal(words, [["calls"], ["rotate"], ["--session"], ["warn"]])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--sallyport", "--sallyportd", "--source"):
        parser.add_argument(name, required=True, type=lambda path: pathlib.Path(path).resolve())
    arguments = parser.parse_args()
    missing = [tool for tool in ("bash", "zsh", "fish", "groff") if shutil.which(tool) is None]
    if missing:
        print(f"SKIPPED package_pages_test: {', '.join(missing)} missing")
        sys.exit(places.SKIPPED_STATUS)
    promise = Promises("manual pages and completions")
    with tempfile.TemporaryDirectory(prefix="sallyport-pages-") as directory:
        PagesTest(arguments, pathlib.Path(directory), promise).run()
    promise.finish()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()

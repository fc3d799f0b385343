"""Programs that a test starts, waits for by what they print, and always stops again."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time


class Program:
    """One running program. Its output is kept line by line, so that a test waits for a line and never for a time."""

    def __init__(self, name, argv, env=None, stdin=subprocess.DEVNULL):
        self.name = name
        self.lines = []
        self._changed = threading.Condition()
        self._open_streams = 2
        # setpriv stays the same process; the kernel kills it should this test itself be killed.
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, argv)], env=env, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
        for stream in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    @property
    def pid(self):
        return self.process.pid

    def _read(self, stream):
        for line in stream:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._open_streams -= 1
            self._changed.notify_all()

    def wait_for_line(self, pattern, seconds=20, after=0, count=1):
        """The match of the `count`-th line, from line number `after` on, in which `pattern` is found."""
        expression = re.compile(pattern)
        give_up = time.monotonic() + seconds
        looked_at = after
        with self._changed:
            while True:
                while looked_at < len(self.lines):
                    match = expression.search(self.lines[looked_at])
                    looked_at += 1
                    count -= match is not None
                    if count == 0:
                        return match
                if self._open_streams == 0:
                    raise AssertionError(f"{self.name} ended without printing {pattern!r} often enough:\n{self.tail()}")
                left = give_up - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{self.name} did not print {pattern!r} within {seconds} s:\n{self.tail()}")
                self._changed.wait(left)

    def line_count(self):
        with self._changed:
            return len(self.lines)

    def wait(self, seconds=30):
        """The exit status, once the program has ended and all it printed was read."""
        status = self.process.wait(seconds)
        give_up = time.monotonic() + seconds
        with self._changed:
            while self._open_streams and time.monotonic() < give_up:
                self._changed.wait(give_up - time.monotonic())
        return status

    def stop(self, seconds=10):
        """Asks the program to end, makes it end if it does not, and returns its exit status."""
        self.send_signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self):
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def send_signal(self, number):
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def tail(self, lines=25):
        return "\n".join(f"    {self.name}| {line}" for line in self.lines[-lines:])


class Programs:
    """Everything a test has started; leaving the `with` block stops it all, newest first."""

    def __init__(self):
        self._started = []

    def __enter__(self):
        # A test that is told to end still unwinds, and so stops what it started.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
        return self

    def __exit__(self, *_):
        self.kill_all()

    def kill_all(self):
        for program in reversed(self._started):
            program.kill()

    def start(self, name, argv, **options):
        program = Program(name, argv, **options)
        self._started.append(program)
        return program


def run(argv, seconds=60, stdin=b"", check=True, env=None):
    """Runs a program to its end. The result's stdout and stderr are bytes."""
    argv = [str(word) for word in argv]
    done = subprocess.run(argv, input=stdin, capture_output=True, timeout=seconds, env=env)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)} ended with {done.returncode}:\n"
                             f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}")
    return done


def free_port():
    """A port nobody listens on just now, for programs that cannot choose and report one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

"""What a test promises, one line each, kept or broken."""

import contextlib
import sys
import time
import traceback

SKIPPED_STATUS = 77


class Promises:
    """Runs the promises of one test in turn. One that breaks is reported and the rest still run."""

    def __init__(self, about):
        self._about = about
        self._kept = 0
        self._broken = []
        print(f"== {about}", flush=True)

    @contextlib.contextmanager
    def __call__(self, text):
        begun = time.monotonic()
        try:
            yield
        except Exception as fault:  # each promise stands alone, whatever breaks it
            self._broken.append(text)
            print(f"BROKEN  {text}", flush=True)
            trace = traceback.format_exc() if not isinstance(fault, AssertionError) else _where(fault)
            print(_indent(trace), flush=True)
        else:
            self._kept += 1
            print(f"kept    {text}  ({time.monotonic() - begun:.1f} s)", flush=True)

    def finish(self, skipped=None):
        """Ends the test program: 0 if there was something to keep and all of it was kept; 77 if it was, and `skipped` was left out."""
        print(f"== {self._about}: {self._kept} kept, {len(self._broken)} broken", flush=True)
        for text in self._broken:
            print(f"   broken: {text}", flush=True)
        if skipped:
            print(f"SKIPPED {skipped}", flush=True)
        fine = SKIPPED_STATUS if skipped else 0
        sys.exit(fine if self._kept and not self._broken else 1)


def _where(fault):
    frames = [frame for frame in traceback.extract_tb(fault.__traceback__) if "contextlib" not in frame.filename]
    places = "".join(f"  at {frame.filename}:{frame.lineno} {frame.line}\n" for frame in frames[1:])
    return f"{fault}\n{places}"


def _indent(text):
    return "\n".join("        " + line for line in text.rstrip().splitlines())


def equal(found, expected, what=""):
    """Asserts equality and shows both sides."""
    if found != expected:
        raise AssertionError(f"{what or 'value'}: found {_short(found)}, expected {_short(expected)}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 1500 else text[:1500] + f"… ({len(text)} characters)"

"""What the soak measures on its way."""

import collections
import pathlib
import re
import threading
import time

SAMPLE_SECONDS = 1
AFTERMATH_SECONDS = 2
WORST = 12


class Memory:
    """Resident memory of the gateway's lives, looked at every second by a thread of its own, from start() to stop()."""

    def __init__(self):
        self._over = threading.Event()
        self._pid = None
        self.lives = []  # for each life a list of (seconds of the run, KiB)
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._over.set()
        self._thread.join()

    def begin_life(self, pid):
        self.lives.append([])
        self._pid = pid

    def end_life(self):
        self._look_once()
        self._pid = None

    def _look(self):
        while not self._over.wait(SAMPLE_SECONDS):
            self._look_once()

    def _look_once(self):
        pid = self._pid
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        except OSError:  # it is gone
            return
        if resident := re.search(r"^VmRSS:\s+(\d+) kB", status, re.M):
            self.lives[-1].append((time.monotonic() - self._began, int(resident.group(1))))

    def most_mib(self):
        return max((kib for life in self.lives for _, kib in life), default=0) / 1024

    def life_ends_mib(self):
        return [life[-1][1] / 1024 for life in self.lives if life]

    def slope(self):
        """MiB a minute, by which the ends of lives grow (least squares); None of fewer than three lives."""
        ends = [(life[-1][0] / 60, life[-1][1] / 1024) for life in self.lives if life]
        if len(ends) < 3:
            return None
        mean_at = sum(at for at, _ in ends) / len(ends)
        mean = sum(mib for _, mib in ends) / len(ends)
        spread = sum((at - mean_at) ** 2 for at, _ in ends)
        return sum((at - mean_at) * (mib - mean) for at, mib in ends) / spread if spread else 0.0


class Troubles:
    """When something was wrong."""

    def __init__(self):
        self.happened = collections.Counter()
        self._times = []  # (begin, end) in milliseconds of the machine's clock

    def note(self, name, began):
        """`name` went on from `began` (seconds of the machine's clock) until now."""
        self.happened[name] += 1
        self._times.append((began * 1000, (time.time() + AFTERMATH_SECONDS) * 1000))

    def calm(self, calls):
        """Those that were made while nothing was wrong."""
        return [call for call in calls
                if not any(begin <= call["at"] and call["at"] - call["milliseconds"] <= end for begin, end in self._times)]


def times(calls):
    took = sorted(call["milliseconds"] for call in calls) or [0]
    at = lambda part: took[min(len(took) - 1, int(len(took) * part))]  # noqa: E731
    return f"{at(0.5)} ms (median), {at(0.99)} ms (p99), {took[-1]} ms (at most), of {len(calls)}"


def lines(calls, troubles, memory, said):
    """The report's lines. `calls` by caller; `said`: how often the gateway said what."""
    every = [call for of_caller in calls.values() for call in of_caller]
    fine = [call for call in every if call.get("status") == 0]
    statuses = collections.Counter("nothing" if call.get("status") is None else call["status"] for call in every)
    told = collections.Counter(re.sub(r"\d+", "N", call["message"])[:160] for call in every if call.get("message"))
    yield "what happened: " + ", ".join(f"{name} {count}" for name, count in sorted(troubles.happened.items()))
    yield "calls: " + ", ".join(f"{name} {len(made)}" for name, made in calls.items())
    yield "calls by status: " + ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items(), key=str))
    for line, count in told.most_common(WORST):
        yield f"callers were told {count} times: {line}"
    for line, count in said.most_common(WORST):
        yield f"the gateway said {count} times: {line}"
    yield f"calls answered with OK took {times(fine)}"
    calm = troubles.calm(every)
    yield f"those made while nothing was wrong {times([call for call in calm if call.get('status') == 0])}; {len(calm)} were made then"
    slope = memory.slope()
    yield (f"resident memory: {memory.most_mib():.0f} MiB at most; at the end of each life of the gateway "
           f"{' '.join(f'{mib:.0f}' for mib in memory.life_ends_mib()[-60:])} MiB; slope "
           + ("not known (fewer than three lives)" if slope is None else f"{slope:+.2f} MiB a minute"))

"""What the kernel knows about processes: CPU used, memory held, and how much others disturbed a measurement."""

import os
import time

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid):
    """The process and all its descendants that are alive."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        try:
            for task in os.listdir(f"/proc/{current}/task"):
                with open(f"/proc/{current}/task/{task}/children") as children:
                    waiting.extend(int(child) for child in children.read().split())
        except FileNotFoundError:
            continue  # ended meanwhile
    return found


def cpu_seconds(pids):
    """User and system time of the processes, all threads, also those that have ended. Nanosecond resolution: the
    process' CPU clock (clock_getcpuclockid(3)), not the 10 ms ticks of /proc/PID/stat."""
    total = 0.0
    for pid in pids:
        total += time.clock_gettime((~pid << 3) | 2)
    return total


def settle(pids, limit=3.0):
    """Waits until the processes use no more CPU, so that work put off is counted with the calls that caused it."""
    end = time.monotonic() + limit
    before = cpu_seconds(pids)
    while time.monotonic() < end:
        time.sleep(0.05)
        after = cpu_seconds(pids)
        if after - before < 0.0005:
            return
        before = after


def resident_bytes(pids):
    """Resident memory. Exact (smaps_rollup), not the batched counter of /proc/PID/status."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            for line in rollup:
                if line.startswith("Rss:"):
                    total += int(line.split()[1]) * 1024
    return total


class Disturbance:
    """Measures what share of the machine went to processes that are not the benchmark's, from construction to share()."""

    def __init__(self, own_pids):
        self.own_pids = own_pids
        self.begin = self._reading()

    def _reading(self):
        with open("/proc/stat") as stat:
            ticks = [int(field) for field in stat.readline().split()[1:9]]
        user, nice, system, idle, wait, irq, softirq, steal = ticks
        children = os.times()
        own = cpu_seconds(self.own_pids) + children.user + children.system
        own += children.children_user + children.children_system
        return sum(ticks) / TICKS, (user + nice + system + irq + softirq + steal) / TICKS, own

    def share(self):
        total, busy, own = (now - before for now, before in zip(self._reading(), self.begin))
        return max(0.0, busy - own) / total if total > 0 else 0.0


def wait_for_quiet(own_pids, share, limit):
    """Waits until others use less than `share` of the machine, for at most `limit` seconds; returns seconds waited."""
    begin = time.monotonic()
    while time.monotonic() - begin < limit:
        others = Disturbance(own_pids)
        time.sleep(0.25)
        if others.share() < share:
            break
    return time.monotonic() - begin

"""Turns samples into the table, the ratios and the targets of the issue."""

import os
import platform
import re
import statistics
import subprocess
import time


def median(values):
    return statistics.median(values)


def figure(value):
    """About three significant digits, thousands as k."""
    if value >= 1e4:
        return f"{value / 1e3:.1f} k"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


class Results:
    """Samples by load, contender and round; a round that failed is absent."""

    def __init__(self):
        self.samples = {}  # (load, contender) -> {round: Sample}
        self.idle_bytes = {}  # contender -> bytes per stream

    def add(self, load, contender, round_number, sample):
        self.samples.setdefault((load, contender), {})[round_number] = sample

    def value(self, load, contender, field):
        rounds = self.samples.get((load, contender))
        return median([getattr(sample, field) for sample in rounds.values()]) if rounds else None

    def ratio(self, load, over, under, field):
        """Median, smallest and largest over the rounds of `over` / `under`, each pair taken within one round."""
        first, second = self.samples.get((load, over), {}), self.samples.get((load, under), {})
        ratios = [getattr(first[number], field) / getattr(second[number], field)
                  for number in sorted(first.keys() & second.keys()) if getattr(second[number], field) > 0]
        return (median(ratios), min(ratios), max(ratios)) if ratios else None


def table(results, loads, contenders):
    """Rows are contenders; a cell is calls per second and the proxy's CPU per call."""
    head = ["contender"]
    for load in loads:
        head.append(f"{load.title}<br>{'added median / p99' if load.name == 'latency' else 'calls/s / CPU µs'}")
    if results.idle_bytes:
        head.append("KiB per<br>idle stream")
    rows = [head, ["---"] + ["---:"] * (len(head) - 1)]
    for contender in contenders:
        row = [contender]
        for load in loads:
            row.append(latency_cell(results, contender) if load.name == "latency" else
                       rate_cell(results, load.name, contender))
        if results.idle_bytes:
            held = results.idle_bytes.get(contender)
            row.append("–" if held is None else f"{held / 1024:.1f}")
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = []
    for number, row in enumerate(rows):
        cells = []
        for column, cell in enumerate(row):
            if number == 1:
                cell = "-" * widths[column] if column == 0 else "-" * (widths[column] - 1) + ":"
            cells.append(cell.ljust(widths[column]) if column == 0 else cell.rjust(widths[column]))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def rate_cell(results, load, contender):
    rate = results.value(load, contender, "calls_per_second")
    if rate is None:
        return "–"
    cpu = results.value(load, contender, "cpu_us")
    return f"{figure(rate)} / {'–' if contender == 'direct' else figure(cpu)}"


def latency_cell(results, contender):
    """What the contender adds to a call made directly in the same round."""
    here, direct = results.samples.get(("latency", contender)), results.samples.get(("latency", "direct"))
    if not here:
        return "–"
    if contender == "direct" or not direct:
        return (f"{figure(results.value('latency', contender, 'median_us'))} / "
                f"{figure(results.value('latency', contender, 'p99_us'))} µs in all")
    common = here.keys() & direct.keys()
    added = [median([getattr(here[number], field) - getattr(direct[number], field) for number in common])
             for field in ("median_us", "p99_us")]
    return " / ".join(f"{'+' if value >= 0 else '−'}{figure(abs(value))}" for value in added) + " µs"


TARGETS = [
    ("relaying, CPU per call", "cpu_us", "sallyport-relay", "floor", "<=", 1.15),
    ("recording with commit, CPU per call", "cpu_us", "sallyport-commit", "sallyport-relay", "<=", 1.25),
    ("relaying with a JWT that was seen before, CPU per call", "cpu_us", "sallyport-relay-jwt", "sallyport-relay-unproved", "<=", 1.05),
    ("recording with a JWT that was seen before, CPU per call", "cpu_us", "sallyport-commit-jwt", "sallyport-commit-unproved", "<=", 1.05),
    ("recording with masks in both views, CPU per call", "cpu_us", "sallyport-commit-masked", "sallyport-commit", "<=", 1.15),
    ("recording with commit, calls per second", "calls_per_second", "sallyport-commit", "nginx", ">=", 1.2),
]


def targets(results):
    """One line for each target that was measured, on unary calls of 100 bytes."""
    lines = []
    for what, field, over, under, comparison, limit in TARGETS:
        found = results.ratio("unary-100", over, under, field)
        if not found:
            continue
        value, low, high = found
        met = value <= limit if comparison == "<=" else value >= limit
        sign = "≤" if comparison == "<=" else "≥"
        lines.append(f"* {what}: {value:.2f} × {under} ({low:.2f}–{high:.2f}); to reach {sign} {limit:g}: "
                     f"**{'met' if met else 'not met'}**")
    return lines


def ratios(results, load, contenders):
    """CPU per call and calls per second of every contender over floor, sallyport-relay and nginx."""
    references = [name for name in ("floor", "sallyport-relay", "nginx") if (load.name, name) in results.samples]
    if not references:
        return []
    lines = [f"Ratios for {load.title} (CPU per call; calls per second), median of the rounds:", "",
             "| contender | " + " | ".join(f"× {name}" for name in references) + " |",
             "| --- |" + " ---: |" * len(references)]
    for contender in contenders:
        if contender == "direct" or (load.name, contender) not in results.samples:
            continue
        cells = []
        for reference in references:
            cpu = results.ratio(load.name, contender, reference, "cpu_us")
            rate = results.ratio(load.name, contender, reference, "calls_per_second")
            cells.append(f"{cpu[0]:.2f}; {rate[0]:.2f}" if cpu and rate else "–")
        lines.append(f"| {contender} | " + " | ".join(cells) + " |")
    return lines


def memory_table(samples):
    """`samples`: contender -> [(calls so far, resident bytes)], the first before any call. Flat: the mean of the last
    three is at most 5 % above the mean of the three from a fifth of the calls on, when pools and caches are warm."""
    lines = []
    for contender, points in samples.items():
        lines += [f"| {contender}: calls | resident MiB |", "| ---: | ---: |"]
        lines += [f"| {calls:,} | {held / 2**20:.1f} |" for calls, held in points]
        early, late = points[2:5], points[-3:]
        growth = statistics.mean(held for _, held in late) / statistics.mean(held for _, held in early) - 1
        lines += ["", f"* {contender}: {growth:+.1%} from {early[0][0]:,}–{early[-1][0]:,} to {late[0][0]:,}–"
                      f"{late[-1][0]:,} calls; to reach ≤ 5 %: **{'met' if growth <= 0.05 else 'not met'}**", ""]
    return lines


def version(command, pattern):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except FileNotFoundError:
        return None
    found = re.search(pattern, done.stdout + done.stderr)
    return found and found.group(0)


def fsync_microseconds(directory):
    """Median time that one appended block of 4 KiB takes to be durable here: what the recording modes wait for."""
    path = directory / "fsync-probe"
    took = []
    with open(path, "wb", buffering=0) as probe:
        for _ in range(50):
            begin = time.monotonic()
            probe.write(b"x" * 4096)
            os.fdatasync(probe.fileno())
            took.append(time.monotonic() - begin)
    path.unlink()
    return median(took) * 1e6


def environment(binaries, directory, cores):
    with open("/proc/cpuinfo") as cpuinfo:
        model = re.search(r"model name\s*: (.*)", cpuinfo.read())
    peers = [version([str(binaries / "benchmark_load_client"), "--version"], r"gRPC [\d.]+"),
             version(["/usr/sbin/nginx", "-v"], r"nginx/[\d.]+"),
             version(["/usr/sbin/haproxy", "-v"], r"HAProxy version [\d.]+"),
             version(["nghttpx", "--version"], r"nghttpx nghttp2/[\d.]+"),
             version(["h2load", "--version"], r"h2load nghttp2/[\d.]+")]
    return (f"{len(cores)} cores of {model.group(1).strip() if model else platform.machine()}, Linux "
            f"{platform.release()}, fdatasync of 4 KiB {fsync_microseconds(directory):.0f} µs; "
            + ", ".join(peer for peer in peers if peer))

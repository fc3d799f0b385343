#!/usr/bin/env python3
"""Measures the contenders side by side, in turns, and prints one table. Use run.sh, which builds first."""

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import contenders
import loads
import processes
import report

ROOT = Path(__file__).resolve().parents[2]
DISTURBED = 0.10  # of the machine, by others: such a run is repeated


def arguments(words):
    parser = argparse.ArgumentParser(prog="tests/benchmark/run.sh", description=__doc__,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how many turns each contender gets for each load")
    parser.add_argument("--seconds", type=float, default=2.0, help="about how long one turn takes")
    parser.add_argument("--contenders", default=",".join(contenders.DEFAULT),
                        help=f"comma-separated; also: {', '.join(contenders.OTHERS)}")
    parser.add_argument("--loads", default="", help="comma-separated, such as unary-100,latency; all unless given")
    parser.add_argument("--idle-streams", type=int, default=10000, help="open streams for memory; 0 leaves it out")
    parser.add_argument("--retries", type=int, default=2, help="how often a turn that others disturbed is repeated")
    parser.add_argument("--patience", type=float, default=60.0,
                        help="seconds in all to spend on waiting for others to leave the machine alone")
    parser.add_argument("--memory", action="store_true",
                        help="instead: resident memory over --memory-calls unary calls of 100 bytes")
    parser.add_argument("--memory-calls", type=int, default=1_000_000, help="calls for --memory, in ten parts")
    parser.add_argument("--quick", action="store_true", help="tiny counts: shows that everything works, measures nothing")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin", help="where the programs are")
    parser.add_argument("--descriptors", type=Path, help="descriptor set of echo.proto; found beside --bin unless given")
    parser.add_argument("--out", type=Path, default=ROOT / "build/benchmark", help="directory for results and logs")
    chosen = parser.parse_args(words)
    chosen.contenders = [name for name in chosen.contenders.split(",") if name]
    chosen.bin, chosen.out = chosen.bin.resolve(), chosen.out.resolve()
    if not chosen.descriptors:
        chosen.descriptors = chosen.bin.parent / "tests/benchmark/generated/tests/benchmark/echo.binpb"
    chosen.descriptors = chosen.descriptors.resolve()
    if chosen.quick:
        chosen.rounds, chosen.seconds, chosen.retries, chosen.patience = 1, 0.05, 0, 0.0
        chosen.idle_streams, chosen.memory_calls = min(chosen.idle_streams, 50), 1000
    return chosen


def all_loads(upstream, directory):
    return [
        loads.Unary("unary-100", "unary 100 B", upstream, 100, directory),
        loads.Unary("unary-1k", "unary 1 KiB", upstream, 1024, directory),
        loads.Unary("unary-64k", "unary 64 KiB", upstream, 65536, directory),
        loads.Streams("bidi-pingpong", "bidi 100 B in turn", upstream, pipelined=False),
        loads.Streams("bidi-pipelined", "bidi 100 B pipelined", upstream, pipelined=True),
        loads.Latency("latency", "one call at a time", upstream),
    ]


def say(text):
    print(text, file=sys.stderr, flush=True)


def can(contender, load):
    if contender.authorization and not isinstance(load, loads.Unary):
        return False  # only h2load is told what to show
    return load.floor_can or not contender.name.startswith("floor")


def measure(load, contender, calls, chosen):
    """One turn: the least disturbed of up to 1 + retries runs."""
    best = None
    for _ in range(1 + chosen.retries):
        own = contender.pids() + load.upstream.pids()
        chosen.patience -= processes.wait_for_quiet(own, DISTURBED, chosen.patience)
        sample = load.run(contender, calls)
        if best is None or sample.disturbance < best.disturbance:
            best = sample
        if best.disturbance <= DISTURBED:
            break
    return best


def in_turns(chosen, running, chosen_loads, results):
    """Every round gives every contender one turn; each round begins with another contender."""
    for load in chosen_loads:
        taking_part = [contender for contender in running if can(contender, load)]
        calls = {}
        for contender in taking_part:  # warms up and finds how many calls fill a turn
            first = load.run(contender, 64 if chosen.quick else 256)
            if chosen.quick:
                calls[contender.name] = 128
                continue
            second = load.run(contender, max(256, int(first.calls_per_second * min(0.5, chosen.seconds))))
            calls[contender.name] = max(256, int(second.calls_per_second * chosen.seconds))
        for number in range(chosen.rounds):
            shift = number % len(taking_part)
            for contender in taking_part[shift:] + taking_part[:shift]:
                sample = measure(load, contender, calls[contender.name], chosen)
                results.add(load.name, contender.name, number, sample)
                say(f"{load.name} round {number + 1} {contender.name}: {sample.calls_per_second:.0f} calls/s, "
                    f"{sample.cpu_us:.1f} µs CPU"
                    + (f", median {sample.median_us:.0f} µs" if sample.median_us else "")
                    + (f" (others used {sample.disturbance:.0%})" if sample.disturbance > DISTURBED else ""))


def idle_memory(chosen, upstream, start, results):
    """Each contender afresh, so that nothing it kept from other loads hides what a stream costs."""
    for name in chosen.contenders:
        if name == "direct" or name.startswith("floor") or name.endswith("-jwt"):
            continue
        with contextlib.closing(Closable(start(name))) as contender:
            held = loads.idle_stream_bytes(contender.program, upstream, chosen.idle_streams,
                                           max(1, chosen.idle_streams // 100))
            results.idle_bytes[name] = held
            say(f"idle {name}: {held / 1024:.1f} KiB per stream")


class Closable:
    """A contender that contextlib.closing() can stop."""

    def __init__(self, program):
        self.program = program

    def close(self):
        self.program.stop()


def long_memory(chosen, upstream, start):
    """Resident memory after each tenth of the calls."""
    load = loads.Unary("unary-100", "unary 100 B", upstream, 100, chosen.out)
    found = {}
    for name in chosen.contenders:
        if name == "direct":
            continue
        with contextlib.closing(Closable(start(name))) as contender:
            points = [(0, processes.resident_bytes(contender.program.pids()))]
            for part in range(10):
                load.run(contender.program, chosen.memory_calls // 10)
                held = processes.resident_bytes(contender.program.pids())
                points.append(((part + 1) * (chosen.memory_calls // 10), held))
                say(f"memory {name}: {points[-1][0]} calls, {held / 2**20:.1f} MiB")
            found[name] = points
    return found


def write(chosen, name, lines, raw):
    text = "\n".join(lines) + "\n"
    (chosen.out / f"{name}.md").write_text(text)
    (chosen.out / f"{name}.json").write_text(json.dumps(raw, indent=1))
    print(text, end="")
    say(f"written to {chosen.out / f'{name}.md'}")


def comparison(chosen, upstream, start, heading, stack):
    known = all_loads(upstream, chosen.out)
    names = [load.name for load in known] + ["idle"]
    wanted = chosen.loads.split(",") if chosen.loads else names
    unknown = set(wanted) - set(names)
    if unknown:
        raise SystemExit(f"no load is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen_loads = [load for load in known if load.name in wanted]
    running = []
    for name in chosen.contenders:
        running.append(start(name))
        stack.callback(running[-1].stop)
    results = report.Results()
    in_turns(chosen, running, chosen_loads, results)
    if chosen.idle_streams and "idle" in wanted:
        idle_memory(chosen, upstream, start, results)
    lines = [heading, ""]
    disturbed = [sample.disturbance for rounds in results.samples.values() for sample in rounds.values()]
    if disturbed:
        lines += [f"Medians of {chosen.rounds} turns of about {chosen.seconds:g} s. Other processes used "
                  f"{report.median(disturbed):.0%} of the machine meanwhile (at most {max(disturbed):.0%}).", ""]
    lines += [report.table(results, chosen_loads, chosen.contenders), "", *report.targets(results), ""]
    for load in chosen_loads:
        if load.name != "latency":
            lines += report.ratios(results, load, chosen.contenders) + [""]
    raw = [{"load": load, "contender": contender, "round": number, **dataclasses.asdict(sample)}
           for (load, contender), rounds in results.samples.items() for number, sample in rounds.items()]
    write(chosen, "results", lines, {"environment": heading, "samples": raw, "idle_bytes": results.idle_bytes})


def main(words=None):
    chosen = arguments(words)
    chosen.out.mkdir(parents=True, exist_ok=True)
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)  # for all that is started from here too
    loads.raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        program = contenders.Program("echo", [chosen.bin / "benchmark_echo_server"], chosen.out)
        stack.callback(program.stop)
        upstream = loads.Upstream(program, chosen.bin)

        def start(name):
            return contenders.start(name, upstream.address, chosen.bin, chosen.descriptors, chosen.out)

        heading = report.environment(chosen.bin, chosen.out, cores)
        try:
            if chosen.memory:
                found = long_memory(chosen, upstream, start)
                write(chosen, "memory", [heading, ""] + report.memory_table(found), found)
            else:
                comparison(chosen, upstream, start, heading, stack)
        except loads.Unsound as failure:
            say(f"unsound: {failure}")
            return 1
    for data in chosen.out.glob("*-data"):
        shutil.rmtree(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())

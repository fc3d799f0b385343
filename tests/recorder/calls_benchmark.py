#!/usr/bin/env python3
"""How long `sallyport calls` takes as a whole process, from its start to its end, over a store that store_generator made with
its own choice of days, identities and methods. Each kind of search is asked with random values. With --cold the page cache of
the machine is dropped before each (root only), so that the program and its libraries come from the disk as well.

usage: calls_benchmark.py SALLYPORT STORE [SEARCHES] [--cold]
"""

import random
import resource
import subprocess
import sys
import time

BEGIN = 1_700_000_000  # when the generator's calls begin, and for how long they last
DAYS = 30


def popular(count):
    return random.choices(range(count), [1 / (i + 1) for i in range(count)])[0]


def identity(number=None):
    return ["--identity", f"https://idp.example#service-{popular(200) if number is None else number}"]


def method(number=None):
    number = popular(300) if number is None else number
    return ["--method", f"example.shop.v1.Service{number // 10}/Method{number % 10}"]


def window():
    since = BEGIN + random.randrange(DAYS * 86_400)
    until = since + random.randint(1, 48) * 3600
    return [
        word
        for option, at in (("--since", since), ("--until", until))
        for word in (option, time.strftime("%Y-%m-%dT%H:%M", time.gmtime(at)))
    ]


SEARCHES = {
    "newest": lambda: [],
    "identity": identity,
    "identity (glob)": lambda: ["--identity", "*service-1?"],
    "method": method,
    "service (glob)": lambda: ["--method", f"example.shop.v1.Service{random.randrange(30)}/*"],
    "identity+method": lambda: identity() + method(),
    "rare identity+method": lambda: identity(random.randint(150, 199)) + method(random.randint(250, 299)),
    "window": window,
    "identity+window": lambda: identity() + window(),
    "identity+method+window": lambda: identity() + method() + window(),
    "identity+method+status": lambda: identity() + method() + ["--status", str(random.randint(1, 16))],
    "much+much, nothing": lambda: identity(0) + ["--status", "5", "--min-duration", "2h"],
}


def at(times, percent):
    return sorted(times)[min(len(times) * percent // 100, len(times) - 1)]


def report(name, took, cpu):
    print(
        f"{name:24} took {at(took, 50):7.1f} /{at(took, 99):7.1f} /{max(took):7.1f}   CPU {at(cpu, 50):6.1f} /{at(cpu, 99):6.1f}",
        flush=True,
    )


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ask(command, cold):
    if cold:
        subprocess.run(["sync"], check=True)
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as drop:
            drop.write("3")
    cpu = cpu_seconds()
    began = time.perf_counter()
    status = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    took = time.perf_counter() - began
    if status not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit status {status}")
    return took * 1e3, (cpu_seconds() - cpu) * 1e3


def main():
    words = [word for word in sys.argv[1:] if word != "--cold"]
    if len(words) not in (2, 3):
        sys.exit(__doc__)
    count = int(words[2]) if len(words) == 3 else 100
    random.seed(5)
    print(f"{'milliseconds':24}      {'p50 / p99 / max':>24}   {'p50 / p99':>18}")
    everything = []
    for name, search in SEARCHES.items():
        times = [
            ask([words[0], "calls", "--data", words[1], *search()], "--cold" in sys.argv) for _ in range(count)
        ]
        report(name, *zip(*times))
        everything += times
    report("all", *zip(*everything))


main()

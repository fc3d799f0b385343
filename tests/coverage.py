#!/usr/bin/env python3
"""coverage.py LINES.json UNREACHED.txt: gcovr's report as a table by room, and every line that no test reached."""
import collections
import json
import pathlib
import sys


def room_of(path):
    return str(pathlib.PurePath(path).parent)


def percent(reached, of):
    return f"{100 * reached / of:.1f} %" if of else "–"


def main(report, unreached):
    rooms = collections.defaultdict(lambda: [0, 0, 0, 0])  # lines, of them reached, branches, of them taken
    missing = []
    for file in json.loads(pathlib.Path(report).read_text())["files"]:
        path = file["file"]
        counts = rooms[room_of(path)]
        source = pathlib.Path(path).read_text().splitlines()
        for line in file["lines"]:
            if line.get("gcovr/noncode"):
                continue
            counts[0] += 1
            counts[1] += line["count"] > 0
            counts[2] += len(line["branches"])
            counts[3] += sum(branch["count"] > 0 for branch in line["branches"])
            if line["count"] == 0:
                missing.append(f"{path}:{line['line_number']}: {source[line['line_number'] - 1].strip()}")
    rooms["all"] = [sum(counts[i] for counts in rooms.values()) for i in range(4)]
    print("| room | lines | reached | branches | taken |\n|---|--:|--:|--:|--:|")
    for room, (lines, reached, branches, taken) in sorted(rooms.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"| `{room}` | {lines} | {percent(reached, lines)} | {branches} | {percent(taken, branches)} |")
    pathlib.Path(unreached).write_text("\n".join(missing) + "\n")
    print(f"\n{len(missing)} lines are reached by none: {unreached}")


if __name__ == "__main__":
    main(*sys.argv[1:])

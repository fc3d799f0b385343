#!/usr/bin/env bash
# Plants the faults of tests/mutation, one at a time, in a copy of the tree: is each noticed by the tests that it names?
# run.sh [AREA[/NAME]...]; --help says the rest.
exec python3 -B "$(dirname "$0")/plant.py" "$@"

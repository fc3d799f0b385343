#!/usr/bin/env bash
# kill -9 under load, many times: tests/integration/kill_soak.sh [CYCLES] [PRESET]. What CI does 30 times, as often as wanted, with shorter cycles.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=build/${2:-release}/bin
# Copies, so that a build meanwhile does not take them away.
copies=$(mktemp -d)
trap 'rm -rf "$copies"' EXIT
cp "$bin"/sallyport{,d} "$copies"
bin=$copies
python3 tests/integration/kill_test.py --sallyportd "$bin/sallyportd" --sallyport "$bin/sallyport" --cycles "${1:-1000}" --methods 1000

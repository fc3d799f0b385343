#!/usr/bin/env bash
# Everything that can happen to a gateway (soak.py): what CI does for three minutes, for as long as wanted.
# usage: tests/soak/run.sh [MINUTES [OPTION...]]     60 minutes; options are soak.py's; PRESET=asan for another build
set -euo pipefail
cd "$(dirname "$0")/../.."
# Copies, so that a build meanwhile does not take them away.
copies=$(mktemp -d)
trap 'rm -rf "$copies"' EXIT
cp build/"${PRESET:-release}"/bin/{sallyport,sallyportd,libsoak_clock_shift.so} "$copies"
python3 -B tests/soak/soak.py --bin "$copies" --minutes "${1:-60}" "${@:2}"

#!/bin/sh
# Flips random bytes of a large store, one at a time, and has the verifier find each: what CI does 200 times in 2 MB.
# usage: tests/recorder/flip_soak.sh [FLIPS [BLOCKS [PRESET]]]     10,000 flips; 400 blocks of 20 KB in each of 4 segments
set -eu
cd "$(dirname "$0")/../.."
export SALLYPORT_FLIPS="${1:-10000}" SALLYPORT_FLIP_BLOCKS="${2:-400}"
[ -d /dev/shm ] && export TMPDIR=/dev/shm
exec "build/${3:-release}/bin/verifier_test" "random bytes of a larger store*"

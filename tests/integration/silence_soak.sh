#!/usr/bin/env bash
# Silent watches and callers of several gRPC libraries, through the gateway: what CI does for 24 s, for as long as wanted.
# usage: tests/integration/silence_soak.sh [MINUTES [PRESET]]     10 minutes
set -euo pipefail
cd "$(dirname "$0")/../.."
# Copies, so that a build meanwhile does not take them away.
copies=$(mktemp -d)
trap 'rm -rf "$copies"' EXIT
cp build/"${2:-release}"/bin/{sallyport,sallyportd,benchmark_echo_server} "$copies"
tests/integration/silence/build_go_peer.sh "$copies/go_peer"
node tests/integration/silence/silence_test.js --sallyportd "$copies/sallyportd" --sallyport "$copies/sallyport" \
  --echo-server "$copies/benchmark_echo_server" --go-peer "$copies/go_peer" --minutes "${1:-10}"

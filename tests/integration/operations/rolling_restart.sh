#!/usr/bin/env bash
# Two gateways behind a name, restarted by turns under the load of real clients: what CI does for 5,000 calls, with 100,000 for each way.
# usage: tests/integration/operations/rolling_restart.sh [CALLS [PRESET]]
set -euo pipefail
cd "$(dirname "$0")/../../.."
# Copies, so that a build meanwhile does not take them away.
copies=$(mktemp -d)
trap 'rm -rf "$copies"' EXIT
cp build/"${2:-release}"/bin/{sallyport,sallyportd} "$copies"
/usr/bin/python3 -B tests/integration/operations/rolling_restart.py --sallyportd "$copies/sallyportd" --sallyport "$copies/sallyport" \
  --calls "${1:-100000}"

#!/usr/bin/env bash
# Measures Sallyport against its peers; prints one table and writes it to build/benchmark/results.md. See README.md.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
if [[ " $* " != *" --bin "* && " $* " != *" --help "* && " $* " != *" -h "* ]]; then
  cd "$root"
  cmake --preset release >/dev/null
  targets=(benchmark_echo_server benchmark_floor_relay benchmark_load_client)
  if [[ -e gateway/CMakeLists.txt ]]; then targets+=(sallyportd); fi
  cmake --build --preset release --target "${targets[@]}"
fi
exec python3 "$root/tests/benchmark/run.py" "$@"

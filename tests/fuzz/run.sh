#!/usr/bin/env bash
# Builds every fuzz target and runs each for so many seconds (180), guided by coverage, one after another. What is found
# beyond the committed corpora stays in build/fuzz/corpus; an input that breaks a promise is left in build/fuzz/findings
# and ends the run.
# usage: tests/fuzz/run.sh [SECONDS [TARGET...]]     with MINIMISE=1 what adds coverage is put into tests/fuzz/corpus
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/packages.sh
source deploy/packages.sh
# shellcheck disable=SC2154
install_packages "${fuzz_packages[@]}"
seconds=${1:-180}
[[ $# -eq 0 ]] || shift
cmake --preset fuzz > /dev/null
cmake --build --preset fuzz --target fuzz_targets
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  for corpus in tests/fuzz/corpus/*/; do targets+=("$(basename "$corpus")"); done
fi
mkdir -p build/fuzz/findings
for target in "${targets[@]}"; do
  mkdir -p "build/fuzz/corpus/$target"
  log=build/fuzz/$target.log
  echo "$target: $seconds s"
  "build/fuzz/bin/${target}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/findings/$target-" "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target" 2> "$log" ||
    { tail -n 40 "$log"; exit 1; }
  grep -E 'DONE|number_of_executed_units' "$log"
  if [[ ${MINIMISE:-} == 1 ]]; then
    "build/fuzz/bin/${target}_fuzz" -merge=1 "tests/fuzz/corpus/$target" "build/fuzz/corpus/$target" 2>> "$log"
  fi
done

#!/usr/bin/env bash
# Which lines and branches of the product the unit tests reach (gcov, gcovr): builds them apart from the release, in
# build/coverage, runs them, and prints a table by room. Every line that none reaches is in build/coverage/unreached.txt.
# usage: tests/coverage.sh [CTEST-OPTION...]     such as: tests/coverage.sh -R 'policy_test|masks_test'
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=deploy/packages.sh
source deploy/packages.sh
# shellcheck disable=SC2154
install_packages "${build_packages[@]}" "${test_packages[@]}" "${coverage_packages[@]}"
cmake --preset coverage > /dev/null
rooms='^(protos|policy|recorder|gateway|replay)$'
mapfile -t programs < <(ctest --preset coverage --show-only -L "$rooms" "$@" | sed -n 's/^ *Test *#[0-9]*: //p')
[[ ${#programs[@]} != 0 ]] || { echo "no unit test is called so" >&2; exit 2; }
cmake --build --preset coverage --target "${programs[@]}"
# What earlier runs counted.
find build/coverage -name '*.gcda' -delete
ctest --preset coverage -L "$rooms" "$@" || echo "Tests failed: what they would have reached is missing here." >&2
gcovr --root . --object-directory build/coverage --exclude-throw-branches --exclude-unreachable-branches \
  --filter gateway/ --filter policy/ --filter protos/ --filter recorder/ --filter replay/ \
  --json build/coverage/lines.json
exec python3 -B tests/coverage.py build/coverage/lines.json build/coverage/unreached.txt

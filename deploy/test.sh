#!/usr/bin/env bash
# Builds everything and runs every test, on Debian 12 (as root or with sudo).
# usage: deploy/test.sh [CTEST-OPTION...]     such as: deploy/test.sh -R relay
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/packages.sh
source "$here/packages.sh"
cd "$here/.."

packages=("${build_packages[@]}" "${test_packages[@]}" "${package_packages[@]}" "${deploy_packages[@]}")
add_node_packages packages
install_packages "${packages[@]}"

tests/install_node_packages.sh

configure_release ON
build_release
log=build/release/Testing/Temporary/LastTest.log
rm -f "$log"
status=0
ctest --preset release --no-tests=error "$@" || status=$?
# The summary names what was skipped, and not why.
[[ ! -f $log ]] || grep -a '^SKIPPED ' "$log" || true
exit "$status"

#!/usr/bin/env bash
# Builds everything and runs every test, from a fresh Debian 12 or Ubuntu 24.04 (as root or with sudo).
# usage: deploy/test.sh [CTEST-OPTION...]     such as: deploy/test.sh -R relay
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/packages.sh
source "$here/packages.sh"
cd "$here/.."

packages=("${build_packages[@]}" "${test_packages[@]}")
# Node often comes from elsewhere than the distribution; any will do.
command -v node > /dev/null || packages+=(nodejs)
command -v npm > /dev/null || packages+=(npm)
install_packages "${packages[@]}"

tests/install_node_packages.sh

# Configured by run.sh before the tests' packages were there, it leaves the tests out.
[[ -d build/release/tests ]] || rm -f build/release/build.ninja
build_release
exec ctest --preset release --no-tests=error "$@"

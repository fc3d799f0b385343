#!/usr/bin/env bash
# deploy/run.sh and deploy/test.sh share one build folder: run.sh configures without the tests, test.sh with them, each
# leaves alone what the other made if it will do, and neither does anything a second time. Configures only, in a copy.
# usage: build_modes_test.sh PROJECT
set -euo pipefail
project=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
tar -C "$project" --create --exclude=./build --exclude=./.git --exclude=./data --exclude=node_modules . | tar -C "$copy" --extract
cd "$copy"
# shellcheck source=deploy/packages.sh
source deploy/packages.sh

fail() {
  echo "failed: $*" >&2
  exit 1
}
# What is installed where the tests run is not what is asked here.
packages_gone=''
missing_packages() { printf '%s' "$packages_gone"; }
has_tests() { ninja -C build/release -t targets all | grep '^bin/call_test:' > /dev/null; }
generation() { stat -c '%Y.%y' build/release/build.ninja; }

[[ -z $(configured_with_tests) ]] || fail "the copy is configured already"
configure_to_run
! has_tests || fail "run.sh configures the tests"
ninja -C build/release -t targets all | grep '^bin/sallyportd:' > /dev/null || fail "run.sh does not configure the gateway"
before=$(generation)
configure_to_run
[[ $(generation) == "$before" ]] || fail "run.sh configures a second time"

configure_release ON
has_tests || fail "after run.sh, test.sh does not configure the tests"
before=$(generation)
configure_release ON
[[ $(generation) == "$before" ]] || fail "test.sh configures a second time"
configure_to_run
[[ $(generation) == "$before" ]] && has_tests || fail "after test.sh, run.sh configures again"

packages_gone=catch2
configure_to_run
! has_tests || fail "run.sh keeps tests whose packages are gone"

# A configuration that failed leaves a cache, and no build.
rm build/release/build.ninja
packages_gone=''
configure_to_run
[[ -f build/release/build.ninja ]] || fail "what was half configured is not configured again"
! has_tests || fail "run.sh configures the tests where nothing is built"

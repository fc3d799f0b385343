# The Debian packages the project needs, how they are installed, and how it is built with them. Sourced by the scripts.
# shellcheck shell=bash disable=SC2034

# To build and run.
readonly build_packages=(
  ca-certificates ccache cmake g++ mold ninja-build pkg-config
  grpc-proto libabsl-dev libboost-dev libcli11-dev libcurl4-openssl-dev libgrpc++-dev libgrpc-dev libmimalloc-dev libprotobuf-dev libprotoc-dev libre2-dev libspdlog-dev libsqlite3-dev libssl-dev
  libutf8proc-dev libxxhash-dev libyaml-cpp-dev libzstd-dev nlohmann-json3-dev prometheus-cpp-dev protobuf-compiler protobuf-compiler-grpc tzdata zlib1g-dev
)
# To test: Catch2, Google Benchmark, and real parts to test with (services, clients, proxies). Node and npm: see add_node_packages.
readonly test_packages=(
  catch2 curl e2fsprogs etcd-client etcd-server golang-etcd-server-dev golang-go golang-golang-x-mod-dev golang-google-grpc-dev haproxy iproute2 libbenchmark-dev libcjose-dev libjansson-dev mount nghttp2-client nginx-light openssl patch procps prometheus
  python3 python3-grpcio python3-protobuf rsyslog rsyslog-openssl ruby-grpc ruby-googleapis-common-protos-types sqlite3
)
# To make sallyport.deb (package.sh).
readonly package_packages=(dpkg-dev fakeroot python3)
# To try the image, the package and what stands beside them (tests/deploy); as root. Node and npm, too.
readonly deploy_packages=(bash-completion buildah fish groff-base lintian man-db mmdebstrap prometheus python3-yaml shellcheck systemd wget zsh)
# To check how the code is written (.ci/run), on top of those to build and to test.
readonly lint_packages=(clang-format-14 clang-tidy-14 git)
# To make a bare Debian (fresh_check.sh).
readonly fresh_packages=(git mmdebstrap)
# To see what tests reach (tests/coverage.sh).
readonly coverage_packages=(gcovr)
# To fuzz (tests/fuzz/run.sh).
readonly fuzz_packages=(clang-14 libclang-rt-14-dev)

# as_root COMMAND...: runs it as root.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo > /dev/null; then
    sudo "$@"
  else
    echo "error: this needs root to run: $*" >&2
    echo "       Run it as root, or install sudo." >&2
    return 1
  fi
}

# missing_packages PACKAGE...: those that are not installed, one on each line.
missing_packages() {
  local package installed
  installed=$(dpkg-query -W -f='${binary:Package} ${db:Status-Status}\n' "$@" 2> /dev/null | sed -n 's/\(:[^ ]*\)\? installed$//p') || true
  for package in "$@"; do
    grep -qxF -- "$package" <<< "$installed" || echo "$package"
  done
}

# Services that come with packages (etcd, nginx, haproxy, prometheus) are not to start: tests start their own. invoke-rc.d asks
# policy-rc.d, and 101 says no.
readonly policy_file=/usr/sbin/policy-rc.d
readonly policy_mark='# put here by Sallyport for the time of an installation'

forbid_service_starts() {
  if [[ -e $policy_file ]] && ! grep -qF "$policy_mark" "$policy_file"; then
    as_root mv "$policy_file" "$policy_file.before-sallyport"
  fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" | as_root tee "$policy_file" > /dev/null
  as_root chmod 755 "$policy_file"
}

restore_service_starts() {
  if [[ -e $policy_file ]] && grep -qF "$policy_mark" "$policy_file"; then
    as_root rm -f "$policy_file"
  fi
  if [[ -e $policy_file.before-sallyport ]]; then
    as_root mv "$policy_file.before-sallyport" "$policy_file"
  fi
}

# install_packages PACKAGE...: installs what is missing; touches nothing if nothing is. Starts no services.
install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if ! command -v apt-get > /dev/null; then
    echo "error: these packages are missing and there is no apt-get to install them: ${missing[*]}" >&2
    return 1
  fi
  echo "Installing: ${missing[*]}"
  # In a subshell, so that the trap is its own and the service policy is put back however the installation ends.
  (
    trap restore_service_starts EXIT
    trap 'exit 130' INT TERM
    forbid_service_starts
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}"
  )
}

# add_node_packages ARRAY: adds Node and npm to it where there are none. They often come from elsewhere than the distribution; any will do.
add_node_packages() {
  local -n packages_to_extend=$1
  command -v node > /dev/null || packages_to_extend+=(nodejs)
  command -v npm > /dev/null || packages_to_extend+=(npm)
}

# configured_with_tests: what the release build was configured with: ON or OFF, or nothing if it is yet to be configured.
configured_with_tests() {
  [[ -f build/release/build.ninja ]] || return 0
  sed -n 's/^SALLYPORT_TESTS:[A-Z]*=//p' build/release/CMakeCache.txt
}

# configure_release TESTS: with the tests (ON) or without (OFF); does nothing where that has been done.
configure_release() {
  local cache=build/release/CMakeCache.txt log
  # CMake runs again by itself when its own files change; only the presets are not its own.
  if [[ $(configured_with_tests) == "$1" && ! CMakePresets.json -nt $cache ]]; then return 0; fi
  mkdir -p build
  log=$(mktemp build/configure-XXXXXX.tmp)
  if ! cmake --preset release -D SALLYPORT_TESTS="$1" > "$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    echo "error: cmake could not configure the build (see above)" >&2
    return 1
  fi
  rm -f "$log"
  touch "$cache"
}

# configure_to_run: without the tests, for what these need may not be there, or only in part, whatever else is installed. A
# build that has them (as test.sh and developers make it) keeps them, unless what they need is gone.
configure_to_run() {
  local tests=OFF
  if [[ $(configured_with_tests) == ON && -z $(missing_packages "${test_packages[@]}") ]]; then tests=ON; fi
  configure_release "$tests"
}

# build_release TARGET...: builds what was configured; everything if no target is named.
build_release() { cmake --build --preset release ${1:+--target "$@"}; }

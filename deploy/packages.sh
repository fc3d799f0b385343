# The Debian and Ubuntu packages the project needs, and how they are installed. Sourced by run.sh and test.sh.
# shellcheck shell=bash disable=SC2034

# To build and run.
readonly build_packages=(
  ca-certificates ccache cmake g++ mold ninja-build pkg-config
  grpc-proto libabsl-dev libcli11-dev libcpp-httplib-dev libcurl4-openssl-dev libgrpc++-dev libgrpc-dev libmimalloc-dev libprotobuf-dev libprotoc-dev libre2-dev libspdlog-dev libsqlite3-dev libssl-dev
  libxxhash-dev libyaml-cpp-dev libzstd-dev nlohmann-json3-dev protobuf-compiler protobuf-compiler-grpc tzdata zlib1g-dev
)
# To test: Catch2, and real parts to test with (services, clients, proxies).
readonly test_packages=(
  catch2 curl etcd-client etcd-server golang-etcd-server-dev golang-go golang-golang-x-mod-dev haproxy libcjose-dev libjansson-dev nghttp2-client nginx-light openssl procps
  python3 python3-protobuf ruby-grpc ruby-googleapis-common-protos-types sqlite3
)
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

# Services that come with packages (etcd, nginx, haproxy) are not to start: tests start their own. invoke-rc.d asks
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

# build_release TARGET...: configures and builds the preset `release`; everything if no target is named.
build_release() {
  local cache=build/release/CMakeCache.txt log
  # CMake runs again by itself when its own files change; only the presets are not its own.
  if [[ ! -f build/release/build.ninja || CMakePresets.json -nt $cache ]]; then
    mkdir -p build
    log=$(mktemp build/configure-XXXXXX.tmp)
    if ! cmake --preset release > "$log" 2>&1; then
      cat "$log" >&2
      rm -f "$log"
      echo "error: cmake could not configure the build (see above)" >&2
      return 1
    fi
    rm -f "$log"
    touch "$cache"
  fi
  cmake --build --preset release ${1:+--target "$@"}
}

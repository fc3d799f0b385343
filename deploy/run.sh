#!/usr/bin/env bash
# Builds Sallyport and starts the gateway, on Debian 12 with nothing else installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
# shellcheck source=deploy/packages.sh
source "$here/packages.sh"
# shellcheck source=deploy/options.sh
source "$here/options.sh"

usage() {
  cat << 'EOF'
usage: deploy/run.sh [--upstream HOST:PORT] [--listen ADDRESS] [--data DIRECTORY] [-- SALLYPORTD-OPTION...]

Installs what is needed to build (Debian 12; as root or with sudo), builds, and starts the gateway.

  --upstream HOST:PORT   the service to stand in front of; without it, an example service is started
  --listen ADDRESS       where callers connect (default 127.0.0.1:50050); where other machines can, too, add
                         -- --insecure-listen, for it is without TLS
  --data DIRECTORY       where calls are recorded (default: data, in the project's folder)
  -- OPTION...           handed to sallyportd, such as --descriptors FILE
EOF
}

fail() {
  echo "error: $*" >&2
  exit 1
}

# The processes started here, by name. A name is removed when its process has been waited for.
declare -A running=()
scratch=

stop_all() {
  trap '' INT TERM HUP
  local name
  # The gateway first, so that it sees the upstream to the end.
  for name in sallyportd sallyport-example; do
    [[ -n ${running[$name]:-} ]] || continue
    kill -TERM "${running[$name]}" 2> /dev/null || true
    wait "${running[$name]}" 2> /dev/null || true
    unset "running[$name]"
  done
  [[ -z $scratch ]] || rm -rf "$scratch"
}

# start NAME OUTPUT COMMAND...: in the background, with its output in a file ("-" for the terminal). In a session of its
# own, so that Ctrl-C reaches this script only, which then stops all in order.
start() {
  local name=$1 output=$2
  shift 2
  if [[ $output == - ]]; then
    setsid "$@" &
  else
    setsid "$@" > "$output" &
  fi
  running[$name]=$!
}

is_running() { kill -0 "${running[$1]}" 2> /dev/null; }

# until_true NAME SECONDS COMMAND...: tries it again and again while NAME runs.
until_true() {
  local name=$1 tries=$(($2 * 20))
  shift 2
  while ((tries-- > 0)); do
    if "$@" 2> /dev/null; then return 0; fi
    is_running "$name" || return 1
    sleep 0.05
  done
  return 1
}

# accepts ADDRESS: whether something accepts connections there ("host:port", "[v6]:port" or "unix:path").
accepts() {
  local address=$1 host port
  if [[ $address == unix:* ]]; then
    [[ -S ${address#unix:} ]]
    return
  fi
  host=${address%:*} port=${address##*:}
  host=${host#[} host=${host%]}
  case $host in
    0.0.0.0) host=127.0.0.1 ;;
    ::) host=::1 ;;
  esac
  (exec 3<> "/dev/tcp/$host/$port") 2> /dev/null
}

# relative PATH: as one would type it from here, if it is below.
relative() { realpath --relative-base="$PWD" "$1"; }

start_example() {
  start sallyport-example "$scratch/example" build/release/bin/sallyport-example --listen 127.0.0.1:0
  until_true sallyport-example 10 grep -q '^listening on ' "$scratch/example" ||
    fail "the example service did not start (see above)"
  upstream=$(sed -n 's/^listening on //p' "$scratch/example")
}

# What to type next, in a terminal that has just been opened: every line can be pasted.
print_next() {
  local bin data_shown target=$listen where=$listen
  bin=$(cd "$started_from" && printf '%q' "$(relative "$root/build/release/bin")")
  data_shown=$(cd "$started_from" && printf '%q' "$(relative "$data")")
  if [[ ${listen##*:} == 0 ]]; then target=ADDRESS where='the ADDRESS that is logged above'; fi
  cat << EOF

The gateway listens on $where, in front of $upstream. Every call is recorded in $data_shown.
EOF
  [[ -n $example ]] || echo "Let your clients dial it instead of $upstream."
  cat << EOF
In another terminal:

  cd $(printf '%q' "$started_from")
EOF
  if [[ -n $example ]]; then
    cat << EOF
  $bin/sallyport-example-client --target $target --session first-try    # makes a dozen calls
EOF
  fi
  cat << EOF
  $bin/sallyport calls --data $data_shown
  $bin/sallyport sessions --data $data_shown
  $bin/sallyport show --data $data_shown CALL          # a CALL from the list, decoded
  $bin/sallyport tail --data $data_shown               # live, until Ctrl-C
  $bin/sallyport verify --data $data_shown             # whether the record is as it was written
EOF
  if [[ -n $example ]]; then
    cat << EOF
  $bin/sallyport replay --data $data_shown CALL --to $upstream    # makes it again and compares; times in replies differ
  $bin/sallyport replay --data $data_shown --method '*/GetCustomer' --to $upstream
EOF
  else
    cat << EOF
  $bin/sallyport replay --data $data_shown CALL --to HOST:PORT    # makes the call again, for real, and compares
EOF
  fi
  echo
  echo "Ctrl-C stops it."
}

upstream='' listen=127.0.0.1:50050 data=$root/data example='' started_from=$PWD rest=()
read_options 'upstream listen data' "$@"
[[ $data == /* ]] || data=$started_from/$data
[[ -n $upstream ]] || example=yes

cd "$root"
install_packages "${build_packages[@]}"
targets=(sallyportd sallyport)
[[ -z $example ]] || targets+=(sallyport-example sallyport-example-client)
configure_to_run
build_release "${targets[@]}"

trap stop_all EXIT
trap 'exit 0' INT TERM HUP
scratch=$(mktemp -d)
[[ -z $example ]] || start_example
[[ $listen == unix:* || ${listen##*:} == 0 ]] || ! accepts "$listen" ||
  fail "something listens on $listen already; choose another address with --listen"
(cd "$started_from" && mkdir -p "$(dirname "$data")")
start sallyportd - build/release/bin/sallyportd --listen "$listen" --upstream "$upstream" --data "$data" "${rest[@]}"
[[ ${listen##*:} == 0 ]] || until_true sallyportd 30 accepts "$listen" ||
  fail "the gateway did not start listening on $listen (see above)"
print_next

# Wait for whichever ends first; neither should.
code=0
wait -n "${running[@]}" || code=$?
for name in "${!running[@]}"; do
  is_running "$name" || ended=$name
done
unset "running[$ended]"
fail "$ended ended by itself with exit status $code (see above)"

#!/usr/bin/env bash
# Makes a bare Debian 12 and does in it what a newcomer would: runs deploy/run.sh from a copy of this tree, makes the
# calls that it says to make, looks at them, and ends it. What it leaves behind is the compiler cache, which it shares.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(dirname "$here")
# shellcheck source=deploy/packages.sh
source "$here/packages.sh"
# shellcheck source=deploy/fresh_root.sh
source "$here/fresh_root.sh"
# Where the tree is put in the bare root, and where what is run in it writes; the first as the second sees it.
readonly folder=/root/sallyport
readonly inside=(env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)

usage() {
  cat << 'EOF'
usage: deploy/fresh_check.sh [--keep] [--again DIRECTORY] [--minutes N]

Makes a bare Debian 12 with mmdebstrap, runs deploy/run.sh in it as on a new machine, makes and checks calls, and ends it.
As root; says so and does nothing otherwise. The compiler cache (CCACHE_DIR, ~/.cache/ccache or ~/.ccache) is bound in.

  --keep              leaves the root where it is, and says where
  --again DIRECTORY   goes on in what --keep has left, with the tree as it is now
  --minutes N         what deploy/run.sh may take until the gateway listens (default 45: far beyond what it takes on two
                      cores with an empty compiler cache)
EOF
}

say() { echo "fresh_check: $*"; }

fail() {
  echo "fresh_check: error: $*" >&2
  exit 1
}

# --- What comes into the root. Mounts are made in a mount namespace of this script's own, which ends with it however it ends.

# The tree as it is checked out, with what has been changed since and without what has been built.
copy_tree() {
  mkdir -p "$1"
  (
    cd "$project"
    git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
      [[ ! -e $file ]] || printf '%s\0' "$file"
    done | tar --create --null --files-from=- | tar --extract --no-same-owner --directory="$1"
  )
}

mount_into() {
  local root=$1 cache
  mount --types proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  # An older one is in ~/.ccache, and ccache knows.
  cache=$(ccache --get-config cache_dir 2> /dev/null || echo "${CCACHE_DIR:-${HOME:-/root}/.cache/ccache}")
  mkdir -p "$cache" "$root/root/.cache/ccache"
  mount --bind "$cache" "$root/root/.cache/ccache"
}

# --- What a newcomer does. `running` is run.sh, `log` what it has printed.

root='' work='' log='' running=''

# as_newcomer COMMAND: as it would be pasted into a terminal that has just been opened, after what run.sh says to do there.
entered=':'
as_newcomer() { chroot "$root" "${inside[@]}" bash -c "cd && $entered && $1"; }

# start_run NAME ARGUMENT...: deploy/run.sh in the background, until the gateway listens.
start_run() {
  log=$work/$1
  : > "$log"
  shift
  local limit=$((SECONDS + minutes_to_listen * 60)) settings=()
  # A cache that is shared keeps the size it has.
  [[ -z $cache_size ]] || settings=("CCACHE_MAXSIZE=$cache_size")
  # With job control it is a group of its own that takes SIGINT, as in a terminal.
  set -m
  # shellcheck disable=SC2016
  chroot "$root" "${inside[@]}" "${settings[@]}" bash -c 'cd "$1" && shift && exec deploy/run.sh "$@"' - "$folder" "$@" > "$log" 2>&1 < /dev/null &
  running=$!
  set +m
  until grep -q '^Ctrl-C stops it' "$log"; do
    kill -0 "$running" 2> /dev/null || {
      tail -n 60 "$log" >&2
      running=''
      fail "deploy/run.sh ended before the gateway listened (see above)"
    }
    ((SECONDS < limit)) || fail "the gateway did not listen within $minutes_to_listen minutes; last: $(tail -n 3 "$log")"
    sleep 0.2
  done
}

# end_run SIGNAL: run.sh has to end as one that was asked to, and to leave nothing running.
end_run() {
  local code=0 process
  kill "-$1" -- "-$running"
  wait "$running" || code=$?
  running=''
  [[ $code -eq 0 ]] || { tail -n 20 "$log" >&2; fail "deploy/run.sh ended with status $code after SIG$1"; }
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/root" 2> /dev/null) != "$root" ]] ||
      fail "still running after SIG$1: $(tr '\0' ' ' < "$process/cmdline")"
  done
}

# expect TEXT FILE WHAT: a line in it matches.
expect() {
  grep -qE -- "$1" "$2" || {
    cat "$2" >&2
    fail "$3 (no line matches \"$1\")"
  }
}

# printed_commands: those that run.sh told the newcomer to type, without the remarks behind them.
printed_commands() { sed -n '/^In another terminal:$/,/^Ctrl-C/ s/^  \([^ ].*\)$/\1/p' "$log" | sed 's/ *#.*//'; }

# Every command that was printed, in its order, with a call of the list for CALL.
follow_the_instructions() {
  local command call='' count=0 name
  while IFS= read -r command; do
    count=$((count + 1))
    name=$work/command-$count
    case $command in
      'cd '*) entered=$command ;;
      *' tail '*)
        # It follows until it is stopped.
        command="timeout --signal=INT 2 $command || [[ \$? -eq 124 ]]"
        ;;
      *CALL*) command=${command//CALL/$call} ;;
    esac
    # Replaying answers 1 where replies differ, as those with a time in them do.
    as_newcomer "$command" > "$name" 2>&1 < /dev/null || [[ $? -eq 1 && $command == *' replay '* ]] || {
      cat "$name" >&2
      fail "a command that run.sh printed failed: $command"
    }
    case $command in
      *' calls '*)
        cp "$name" "$work/calls"
        call=$(awk '/GetCustomer/ {print $1; exit}' "$name")
        [[ -n $call ]] || { cat "$name" >&2; fail "the calls of the example client are not in the list"; }
        ;;
      *' show '*) expect 'Ada Lovelace' "$name" "a recorded call is not shown with what is in it" ;;
      *' sessions '*) expect 'first-try' "$name" "the session is not listed" ;;
      *' verify '*) expect '^VERIFIED$' "$name" "the record was not verified" ;;
      *' replay '*) expect '^[0-9]+ calls? replayed against ' "$name" "nothing was replayed" ;;
    esac
  done < <(printed_commands)
  ((count >= 6)) || { cat "$log" >&2; fail "run.sh printed $count commands to type next"; }
  say "the $count commands that run.sh printed work"
}

check_calls() {
  local method
  for method in Authorize WatchPayments Chat ImportPayments GetPayment GetCustomer; do
    expect "pay\.v1\.Payments/$method " "$work/calls" "a call that was made is not in the list"
  done
  expect ' NOT_FOUND ' "$work/calls" "the call that was refused is not listed so"
  expect ' CANCELLED ' "$work/calls" "the call that was cancelled is not listed so"
}

# A port that is taken here is taken there: the network is this machine's.
free_address_arguments() {
  (exec 3<> /dev/tcp/127.0.0.1/50050) 2> /dev/null || return 0
  local port=50060
  while (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do port=$((port + 1)); done
  say "something listens on 127.0.0.1:50050 here, so the gateway is told to listen on 127.0.0.1:$port" >&2
  printf '%s\n' --listen "127.0.0.1:$port"
}

be_a_newcomer() {
  local arguments started=$SECONDS before after
  mapfile -t arguments < <(free_address_arguments)
  start_run first "${arguments[@]}"
  say "deploy/run.sh installed, built and listened after $((SECONDS - started)) s"
  follow_the_instructions
  check_calls
  end_run INT
  say "ended by SIGINT, nothing left running"

  # The gateway is down: nothing it left open, nothing unsigned.
  as_newcomer 'build/release/bin/sallyport verify --data data' > "$work/verify" 2>&1 < /dev/null ||
    { cat "$work/verify" >&2; fail "the record does not verify after the gateway has ended"; }
  expect '^VERIFIED$' "$work/verify" "the record was not verified"
  before=$(as_newcomer 'stat -c %Y build/release/build.ninja build/release/bin/sallyportd')

  started=$SECONDS
  start_run second "${arguments[@]}"
  say "started again after $((SECONDS - started)) s"
  ! grep -qE '^Installing:|Building CXX' "$log" || { cat "$log" >&2; fail "the second deploy/run.sh had something to do"; }
  after=$(as_newcomer 'stat -c %Y build/release/build.ninja build/release/bin/sallyportd')
  [[ $before == "$after" ]] || fail "the second deploy/run.sh built again what was there"
  as_newcomer 'build/release/bin/sallyport calls --data data' > "$work/calls" 2>&1 < /dev/null
  check_calls
  end_run TERM
  say "ended by SIGTERM, nothing left running"
}

# --- Outside of the namespace: makes the folder and takes it away. Inside: everything else.

stop_running() {
  [[ -n $running ]] || return 0
  kill -TERM -- "-$running" 2> /dev/null || true
  wait "$running" 2> /dev/null || true
}

inside_namespace() {
  root=$1/root work=$1/work minutes_to_listen=$2
  trap stop_running EXIT
  trap 'exit 130' INT TERM HUP
  local started=$SECONDS
  if [[ ! -d $root/root ]]; then
    cached_root "$project/build/fresh-root.tar"
    mkdir "$root"
    tar --extract --numeric-owner --directory "$root" --file "$project/build/fresh-root.tar"
    say "a bare Debian 12 after $((SECONDS - started)) s"
  fi
  copy_tree "$root$folder"
  cache_size=$(ccache --get-config max_size 2> /dev/null | tr -d ' ' || true)
  mount_into "$root"
  be_a_newcomer
}

keep='' cache_size='' place='' child='' minutes_to_listen=45

clean_up() {
  trap '' INT TERM HUP
  if [[ -n $child ]]; then
    kill -TERM "$child" 2> /dev/null || true
    wait "$child" 2> /dev/null || true
  fi
  if [[ -n $keep ]]; then
    say "kept: $place/root (to chroot into), $place/work (what was printed)"
  else
    remove_root "$place"
  fi
}

main() {
  local code=0
  while (($# > 0)); do
    case $1 in
      --keep) keep=yes ;;
      --again | --minutes)
        [[ -n ${2:-} ]] || fail "$1 needs a value (see --help)"
        if [[ $1 == --again ]]; then place=$(realpath -- "$2"); else minutes_to_listen=$2; fi
        shift
        ;;
      -h | --help)
        usage
        return
        ;;
      *)
        usage >&2
        fail "unknown argument \"$1\""
        ;;
    esac
    shift
  done
  if [[ $EUID -ne 0 ]]; then
    say "LEFT OUT: a bare Debian can only be made as root. Nothing was checked."
    return
  fi
  install_packages "${fresh_packages[@]}"

  if [[ -n $place ]]; then
    [[ -d $place/root/root && -d $place/work ]] || fail "$place is not what --keep leaves"
  else
    place=$(mktemp -d "${TMPDIR:-/tmp}/sallyport-fresh-XXXXXX")
    mkdir "$place/work"
  fi
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
  chmod 755 "$place"
  # In the background, so that a signal is heard while it runs; with job control, or all below it would ignore SIGINT.
  set -m
  unshare --mount --propagation private "$here/fresh_check.sh" --in-namespace "$place" "$minutes_to_listen" &
  child=$!
  set +m
  wait "$child" || code=$?
  child=''
  [[ $code -eq 0 ]] || fail "the check failed (status $code)"
  say "PASSED"
}

if [[ ${1:-} == --in-namespace ]]; then inside_namespace "$2" "$3"; else main "$@"; fi
exit

# How deploy's scripts read their arguments. Sourced by those that have functions `usage` and `fail MESSAGE`.
# shellcheck shell=bash

# read_options NAMES ARGUMENT...: NAMES, such as "listen data", are options with a value, which is put into the variable of
# the same name: --listen VALUE or --listen=VALUE. What stands behind -- is put into the array `rest`. Anything else fails,
# but for --help, which ends the script.
read_options() {
  local names=" $1 " name
  shift
  rest=()
  while (($# > 0)); do
    [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
    name=${1#--}
    if [[ $1 == -h || $1 == --help ]]; then
      usage
      exit 0
    elif [[ $1 == -- ]]; then
      # shellcheck disable=SC2034
      rest=("${@:2}")
      return
    elif [[ $1 != --?* || $names != *" $name "* ]]; then
      usage >&2
      fail "unknown argument \"$1\""
    fi
    [[ -n ${2:-} ]] || fail "$1 needs a value (see --help)"
    declare -g "$name=$2"
    shift 2
  done
}

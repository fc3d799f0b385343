#!/bin/sh
# in_root.sh ROOT ro|rw USER:GROUP [-b FROM:TO]... [-e NAME=VALUE]... -- COMMAND...
# Runs a command in a root, as a container engine or systemd would: mounts of its own, an environment of its own, and, with
# ro, nothing writable but what is bound in by -b (from this machine, to the root's path; -r does it read-only). To be started
# as `unshare --mount --propagation private`; it becomes the command, which so gets the signals itself.
set -eu
root=$1 mode=$2 user=$3
shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
set_environment=HOME=/
while [ "$1" != -- ]; do
  case $1 in
    -b | -r)
      to=$root${2#*:}
      mount --bind "${2%%:*}" "$to"
      [ "$1" = -b ] || mount -o remount,bind,ro "$to"
      ;;
    -e) set_environment="$set_environment
$2" ;;
  esac
  shift 2
done
shift
[ "$mode" = rw ] || mount -o remount,bind,ro "$root"
# Values may have blanks, and no line ends.
IFS='
'
# shellcheck disable=SC2086
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin $set_environment \
  chroot --userspec="$user" --groups= "$root" "$@"

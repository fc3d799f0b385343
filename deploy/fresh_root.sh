#!/usr/bin/env bash
# Makes a bare Debian 12: for fresh_check.sh, which sources this, and for tests, which want it as a tarball.
set -euo pipefail
fresh_release=bookworm
# How old, in minutes, a tarball may be to be taken again: packages move on.
fresh_minutes=1440

# mounts_below DIRECTORY: whether something is mounted there.
mounts_below() { awk '{print $5}' /proc/self/mountinfo | grep -qF -- "$1/"; }

# remove_root DIRECTORY: takes away what make_root has made. Refuses while something is mounted in it.
remove_root() {
  if mounts_below "$1"; then
    echo "something is still mounted below $1: it is left where it is" >&2
    return 1
  fi
  rm -rf --one-file-system -- "$1"
}

# package_sources: Debian's own packages of this release, from where this machine takes them.
package_sources() {
  local file
  # One-line sources, and stanzas. What else this machine has, a new one does not.
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2> /dev/null |
    grep -E "^deb (\[[^]]*\] )?[^ ]+ $fresh_release(-updates|-security)? " || true
  for file in /etc/apt/sources.list.d/*.sources; do
    [[ -e $file ]] || continue
    awk -v RS= -v ORS='\n\n' "/(^|\n)Types: *deb(\n|\$| )/ && /(^|\n)Suites:( $fresh_release(-updates|-security)?)+ *(\n|\$)/ && /(^|\n)Components:[^\n]*main/" "$file" |
      sed '/^#/d'
  done
}

# make_root ROOT WORK: a bare Debian, as a directory or, if ROOT ends in .tar, as a tarball. WORK is for files on the way.
make_root() {
  local root=$1 work=$2 sources=() line_sources stanzas
  package_sources > "$work/sources"
  # mmdebstrap wants one form in a file.
  grep -E '^deb ' "$work/sources" > "$work/line.list" || true
  grep -vE '^deb ' "$work/sources" > "$work/stanza.sources" || true
  line_sources=$work/line.list stanzas=$work/stanza.sources
  [[ ! -s $line_sources ]] || sources+=("$line_sources")
  ! grep -q . "$stanzas" || sources+=("$stanzas")
  # How packages are fetched here (proxies, clocks), there too.
  apt-config dump | grep -E '^Acquire::(Check-|http|https|Retries)[^ ]* "[^"]+";' > "$work/apt.conf" || true
  # What is thrown away need not be synced.
  # shellcheck disable=SC2016
  mmdebstrap --quiet --mode=root --variant=minbase --aptopt="$work/apt.conf" --dpkgopt=force-unsafe-io \
    --customize-hook='cp -L /etc/resolv.conf /etc/hosts "$1/etc/"' \
    "$fresh_release" "$root" "${sources[@]}" > "$work/mmdebstrap" 2>&1 || {
    cat "$work/mmdebstrap" >&2
    echo "error: mmdebstrap could not make a bare root (see above)" >&2
    return 1
  }
}

# cached_root TARBALL: makes it, unless it is there and young enough. Those who want it at once wait for each other.
cached_root() {
  local tarball=$1 work
  mkdir -p "$(dirname "$tarball")"
  (
    flock 9
    [[ -z $(find "$tarball" -mmin "-$fresh_minutes" 2> /dev/null) ]] || exit 0
    work=$(mktemp -d)
    trap 'rm -rf "$work" "$tarball.part.tar"' EXIT
    make_root "$tarball.part.tar" "$work"
    mv "$tarball.part.tar" "$tarball"
  ) 9> "$tarball.lock"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  [[ $# -eq 1 && $1 == *.tar ]] || {
    echo "usage: deploy/fresh_root.sh FILE.tar    makes a bare Debian 12 as a tarball, if there is none of today; as root" >&2
    exit 2
  }
  cached_root "$1"
fi

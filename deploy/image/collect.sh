#!/usr/bin/env bash
# collect.sh BIN OUT: the programs in BIN, stripped, as OUT/sallyport and OUT/example, each with a file `packages`: the
# Debian packages that have the libraries which the programs name. On Debian 12, with these packages installed.
set -euo pipefail
readonly bin=$1 out=$2

collect() {
  local folder=$out/$1 work
  shift
  mkdir -p "$folder"
  for program in "$@"; do
    strip --strip-unneeded -o "$folder/$program" "$bin/$program"
    chmod 755 "$folder/$program"
  done
  # dpkg-shlibdeps wants a source package around it.
  work=$(mktemp -d)
  mkdir "$work/debian"
  printf 'Source: sallyport\n\nPackage: sallyport\nArchitecture: any\n' > "$work/debian/control"
  (cd "$work" && dpkg-shlibdeps -O "${@/#/$folder/}") > "$work/dependencies"
  # "shlibs:Depends=libc6 (>= 2.36), libcurl4 (>= 7.16.2), …"
  sed -n 's/^shlibs:Depends=//p' "$work/dependencies" | tr ',' '\n' | sed 's/^ *//; s/ .*//' | sort -u > "$folder/packages"
  rm -r "$work"
  [[ -s $folder/packages ]] || {
    echo "error: dpkg-shlibdeps named no packages for $*" >&2
    return 1
  }
}

mkdir -p "$out"
# dpkg-shlibdeps takes its time.
collect example sallyport-example sallyport-example-client &
collect sallyport sallyportd sallyport
wait $!

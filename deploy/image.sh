#!/usr/bin/env bash
# Builds Sallyport's container image with docker, podman or buildah, whichever is there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(dirname "$here")
# shellcheck source=deploy/options.sh
source "$here/options.sh"

usage() {
  cat << 'EOF'
usage: deploy/image.sh [--tag NAME] [--programs DIRECTORY] [--engine NAME] [--base IMAGE] [-- OPTION...]

Builds the image from these sources, and prints how large it is and how long its program takes to start.

  --tag NAME             the image's name (default sallyport:VERSION, which charts and kustomizations ask for)
  --programs DIRECTORY   takes the programs that were built there on Debian 12 (such as build/release/bin), instead of
                         building them in the image's first stage
  --engine NAME          docker, podman or buildah (default: the first of them that works)
  --base IMAGE           what is built on (default debian:bookworm-slim)
  -- OPTION...           for the engine's build, such as --isolation chroot of buildah
EOF
}

fail() {
  echo "error: $*" >&2
  exit 1
}

# works ENGINE: whether it is there, and docker's daemon, too.
works() {
  command -v "$1" > /dev/null || return 1
  [[ $1 != docker ]] || docker version > /dev/null 2>&1
}

find_engine() {
  local candidate
  for candidate in docker podman buildah; do
    if works "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  fail "neither docker, podman nor buildah works here; install one, such as: apt-get install buildah"
}

# The context, if programs are given: these, and what of the sources the image's own files are.
make_context() {
  mkdir -p "$1/deploy" "$1/build"
  cp "$project/.dockerignore" "$1/"
  cp -r "$here/Dockerfile" "$here/image" "$1/deploy/"
  "$here/image/collect.sh" "$programs" "$1/build/image-programs"
}

# What runs in the container: milliseconds until the gateway, with an empty data directory, listens.
# shellcheck disable=SC2016
readonly measure='
  set -e
  place=$(mktemp -d)
  begun=$(date +%s%N)
  /usr/bin/sallyportd --listen 127.0.0.1:0 --upstream 127.0.0.1:1 --data "$place/data" 2> "$place/log" &
  until grep -q "listening on" "$place/log"; do kill -0 $! 2> /dev/null || { cat "$place/log" >&2; exit 1; }; done
  echo $((($(date +%s%N) - begun) / 1000000))
  kill $!
  wait $!
  rm -r "$place"
'

start_milliseconds() {
  if [[ $engine == buildah ]]; then
    buildah run --isolation chroot "$container" /bin/sh -c "$measure"
  else
    "$engine" run --rm --entrypoint /bin/sh "$tag" -c "$measure"
  fi || fail "the image does not start (see above)"
}

clean_up() {
  [[ -z $container ]] || buildah rm "$container" > /dev/null
  [[ -z $scratch ]] || rm -rf "$scratch"
}

# In MiB.
image_size() {
  local bytes
  if [[ $engine == buildah ]]; then
    buildah images --format '{{.Size}}' "$tag"
  else
    bytes=$("$engine" image inspect --format '{{.Size}}' "$tag")
    echo "$((bytes / 1048576)) MiB"
  fi
}

version=$(sed -n 's/^project(sallyport VERSION \([0-9.]*\).*/\1/p' "$project/CMakeLists.txt")
scratch='' container=''
trap clean_up EXIT
tag=sallyport:$version programs='' engine='' base=debian:bookworm-slim rest=()
read_options 'tag programs engine base' "$@"
options=("${rest[@]}")
[[ -n $engine ]] || engine=$(find_engine)
context=$project
if [[ -n $programs ]]; then
  [[ -x $programs/sallyportd && -x $programs/sallyport ]] || fail "there are no programs in $programs"
  scratch=$(mktemp -d)
  context=$scratch
  make_context "$context"
fi
# Of the last change: the same sources make the same image. With changes that are not committed it says so.
revision=$(git -C "$project" describe --always --dirty --abbrev=40 --exclude '*' 2> /dev/null || echo unknown)
created=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(git -C "$project" log -1 --format=%ct 2> /dev/null || date +%s)}" +%Y-%m-%dT%H:%M:%SZ)
[[ $engine != docker ]] || export DOCKER_BUILDKIT=1
# In Docker's own format: OCI's has no health check.
[[ $engine == docker ]] || options+=(--format docker)
"$engine" build --file "$context/deploy/Dockerfile" --target sallyport --tag "$tag" --build-arg "BASE=$base" \
  --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "CREATED=$created" "${options[@]}" "$context"
[[ $engine != buildah ]] || container=$(buildah from --pull-never "$tag")
milliseconds=$(start_milliseconds)
echo "$tag: $(image_size), listens $milliseconds ms after its program was started"

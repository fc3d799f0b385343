#!/usr/bin/env bash
# In the image's first stage: build.sh OUT makes OUT/sallyport and OUT/example, each with programs and the list of
# packages that these need. Programs that image.sh was given (build/image-programs) are taken as they are.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly out=$1
if [[ -d build/image-programs ]]; then
  mkdir -p "$out"
  cp -r build/image-programs/. "$out"
  exit
fi
# shellcheck source=deploy/packages.sh
source deploy/packages.sh
install_packages "${build_packages[@]}" dpkg-dev
configure_release OFF
build_release sallyportd sallyport sallyport-example sallyport-example-client
deploy/image/collect.sh build/release/bin "$out"

#!/usr/bin/env bash
# Builds sallyport.deb, on Debian 12 (as root or with sudo, if packages are missing), and prints where it is.
# usage: deploy/package.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/packages.sh
source "$here/packages.sh"
[[ $# -eq 0 ]] || {
  echo "usage: deploy/package.sh" >&2
  exit 2
}
cd "$here/.."
install_packages "${build_packages[@]}" "${package_packages[@]}"
configure_to_run
build_release sallyportd sallyport sallyport_package_pages
(cd build/release && cpack --config CPackConfig.cmake) > build/cpack.log.tmp 2>&1 || {
  cat build/cpack.log.tmp >&2
  exit 1
}
rm build/cpack.log.tmp
ls build/release/package/*.deb

#!/usr/bin/env bash
# Installs the packages of this test beside it, as package-lock.json names them. Quick where nothing has changed.
set -euo pipefail
cd "$(dirname "$0")"
stamp=node_modules/.installed-from
wanted=$(cat package.json package-lock.json | sha256sum)
if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
  exit 0
fi
npm ci --no-audit --no-fund --ignore-scripts
printf '%s\n' "$wanted" >"$stamp"

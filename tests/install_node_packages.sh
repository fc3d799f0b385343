#!/usr/bin/env bash
# Installs what tests take from npm beside each package-lock.json under tests/, as it says. Quick where nothing has changed.
set -euo pipefail
cd "$(dirname "$0")"
for lock in */*/package-lock.json; do
  folder=$(dirname "$lock")
  stamp=$folder/node_modules/.installed-from
  wanted=$(cat "$folder/package.json" "$lock" | sha256sum)
  if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then continue; fi
  npm ci --prefix "$folder" --no-audit --no-fund --ignore-scripts
  printf '%s\n' "$wanted" >"$stamp"
done

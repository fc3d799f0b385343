#!/bin/sh
# Wraps and unwraps the keys of a store with the transit engine of HashiCorp Vault: a key command as recorder/KEYS.md
# describes it. Needs the vault program and what that needs (VAULT_ADDR, VAULT_TOKEN or an agent).
#
#   data: {directory: /var/lib/sallyport, keys: "exec:/usr/share/sallyport/vault-transit.sh"}
#
# SALLYPORT_VAULT_KEY names the key (sallyport), SALLYPORT_VAULT_MOUNT where the engine is mounted (transit).
set -eu
set +x
key=${SALLYPORT_VAULT_KEY:-sallyport}
mount=${SALLYPORT_VAULT_MOUNT:-transit}

IFS=' ' read -r operation argument
# "-" has vault read the value from its standard input: other users could see an argument. printf is the shell's own.
case $operation in
  wrap) answer=$(printf '%s' "$argument" | vault write -field=ciphertext "$mount/encrypt/$key" plaintext=-) ;;
  unwrap) answer=$(printf '%s' "$argument" | vault write -field=plaintext "$mount/decrypt/$key" ciphertext=-) ;;
  *)
    echo "neither wrap nor unwrap" >&2
    exit 2
    ;;
esac
printf '%s\n' "$answer"

#!/bin/sh
# A `from_command` for etcd with password authentication (--auth-token simple): logs in and says the token that etcd
# wants to see in the metadata `token`. Needs curl.
#   usage: etcd-token.sh URL USER PASSWORD-FILE        such as http://etcd:2379 gateway /etc/sallyport/etcd-password
set -eu
# As JSON has it, except for its quotes.
escaped() { printf '%s' "$1" | sed 's/["\\]/\\&/g'; }
password=$(cat "$3")
# By standard input: everybody can see command lines.
answer=$(printf '{"name":"%s","password":"%s"}' "$(escaped "$2")" "$(escaped "$password")" |
  curl --silent --show-error --fail --max-time 5 --data @- "$1/v3/auth/authenticate")
token=$(printf '%s' "$answer" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p')
[ -n "$token" ]
printf '%s\n' "$token"

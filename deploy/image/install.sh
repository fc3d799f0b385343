#!/bin/sh
# In the image's last stage: install.sh PROGRAMS installs what collect.sh has made, and the packages that it lists, and
# makes the user's place.
set -eu
# Authorities for TLS to the outside, and zones for the policy's hours: no library, so collect.sh does not see them.
packages="ca-certificates tzdata $(cat "$1/packages")"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
# shellcheck disable=SC2086
apt-get -q -y install --no-install-recommends $packages
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log /var/log/alternatives.log
for program in "$1"/sallyport*; do
  install -m 755 "$program" /usr/bin/
done
echo 'sallyport:x:65532:' >> /etc/group
echo 'sallyport:x:65532:65532:Sallyport:/var/lib/sallyport:/usr/sbin/nologin' >> /etc/passwd
install -d -m 755 /etc/sallyport /usr/share/sallyport
install -d -m 700 -o 65532 -g 65532 /var/lib/sallyport
# By the names that they have: dpkg-shlibdeps says what they provide, too, such as libspdlog1.10-fmt9.
# shellcheck disable=SC2016
dpkg-query -W -f='${Package} ${Provides}\n' | awk '
  NR == FNR { wanted[$1]; next }
  { gsub(/,|\([^)]*\)/, " "); for (i = 1; i <= NF; i++) if ($i in wanted) { print $1; next } }
' "$1/packages" - > /usr/share/sallyport/packages

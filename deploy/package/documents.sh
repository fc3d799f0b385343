#!/bin/sh
# documents.sh SOURCE PAGES VERSION: what Debian wants beside the programs: the changes, compressed as it asks for, and
# whose this is.
set -eu
source=$1 pages=$2 version=$3
gzip -9n < "$source/CHANGELOG.md" > "$pages/changelog.gz"
seconds=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct 2> /dev/null || date +%s)}
gzip -9n > "$pages/changelog.Debian.gz" << EOF
sallyport ($version-1) unstable; urgency=medium

  * What has changed is in changelog.gz.

 -- Sallyport <sallyport@localhost>  $(LC_ALL=C date -u -d "@$seconds" -R)
EOF
cp "$source/deploy/package/copyright" "$pages/copyright"
gzip -9n "$pages"/man/*

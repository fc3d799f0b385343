#!/bin/sh
# documents.sh SOURCE PAGES: what Debian wants beside the programs: the changes, compressed as it asks for, and whose this is.
set -eu
source=$1 pages=$2
gzip -9n < "$source/CHANGELOG.md" > "$pages/changelog.gz"
cp "$source/deploy/package/copyright" "$pages/copyright"
gzip -9n "$pages"/man/*

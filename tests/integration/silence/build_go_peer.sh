#!/usr/bin/env bash
# Builds the peer in Go with Debian's own packages (golang-google-grpc-dev), without modules and so without a network.
# usage: build_go_peer.sh PROGRAM
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/go_peer"
GO111MODULE=off GOFLAGS='' GOPATH=/usr/share/gocode GOCACHE=${GOCACHE:-$PWD/../../../../build/go-cache} go build -o "$program" .

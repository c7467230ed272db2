#!/usr/bin/env bash
# Signed bids sealed per second, end to end, against raw signature verification; see node.c.
set -eu
cd "$(dirname "$0")/../.."
exec "${BUILD:-build}/bench-node" "$@" 2>/dev/null

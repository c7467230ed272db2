#!/usr/bin/env bash
# What a dashboard costs, and how fast it answers, while a market goes on; see dash.c.
set -eu
cd "$(dirname "$0")/../.."
exec "${BUILD:-build}/bench-dash" "$@" 2>/dev/null

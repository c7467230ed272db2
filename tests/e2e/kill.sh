#!/usr/bin/env bash
# kill -9 of ledgerd at random moments under load; see kill.c.  MKT_LONG=1: 200 rounds.
cd "$(dirname "$0")/../.." || exit 2
exec "${BUILD:-build}/tests/e2e/kill"

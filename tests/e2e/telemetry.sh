#!/usr/bin/env bash
# Signed states of chargers through a real ledgerd; see telemetry.c.
cd "$(dirname "$0")/../.." || exit 2
exec "${BUILD:-build}/tests/e2e/telemetry"

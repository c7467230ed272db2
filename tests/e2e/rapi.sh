#!/bin/sh
# mkt-driverd with a simulated OpenEVSE charger: stopped, killed, unplugged, rebooted.
cd "$(dirname "$0")/../.." || exit 2
exec /usr/bin/python3 tests/e2e/rapi.py "${BUILD:-build}"

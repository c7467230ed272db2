#!/usr/bin/env bash
# The Modbus drivers, through mkt-driverd, against slaves of an independent library:
# RTU over a pair of ptys, and TCP; see modbus_peer.py.
cd "$(dirname "$0")/../.." || exit 2
for what in '/usr/bin/python3 -c "import pymodbus.server"' 'command -v socat'; do
	if ! eval "$what" >/dev/null 2>&1; then
		echo "1..0 # SKIP '$what' fails: python3-pymodbus, python3-serial-asyncio and socat are needed"
		exit 0
	fi
done
exec /usr/bin/python3 -B tests/e2e/modbus_peer.py "${BUILD:-build}/mkt-driverd"

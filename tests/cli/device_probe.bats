#!/usr/bin/env bats
# A probe with all drivers finds a device, whatever the others have said to it before.
load helper

teardown() {
	exec 8>&-
	if [ "${sim_pid:-}" ]; then
		kill "$sim_pid" 2>/dev/null && wait "$sim_pid" || true
	fi
}

# found SIMULATOR DRIVER
found() {
	mkfifo sim.in
	"$BUILD_DIR/mkt-sim-$1" --pty "$HOME/tty" <sim.in >sim.out 2>&1 3>&- &
	sim_pid=$!
	exec 8>sim.in
	until grep -q '^ready' sim.out; do
		kill -0 "$sim_pid" || fail "$(cat sim.out)"
		sleep 0.02
	done
	run3 mkt device probe "$HOME/tty" --json --fields driver
	status_is 0
	[ "$(json .data.driver <<<"$out")" = "$2" ] || fail "not $2"
}

@test "pi30" { found pi30 pi30; }
@test "sdm" { found sdm sdm; }

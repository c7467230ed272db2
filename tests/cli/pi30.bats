#!/usr/bin/env bats
# A PI30 inverter behind mkt-driverd: a mode, a death in the midst of it, and the owner's programme again.
load helper

setup() {
	private_home
	mkfifo orders
	"$BUILD_DIR/mkt-sim-pi30" --pty line <orders >>sim.out 2>&1 3>&- &
	SIM=$!
	exec 5>orders
	wait_for sim.out 'ready'
}

teardown() {
	exec 5>&-
	kill -9 ${DRIVERD:-} ${SIM:-} 2>/dev/null || true
	wait 2>/dev/null || true
}

wait_for() { # file, pattern
	local i
	for i in $(seq 300); do
		grep -q -- "$2" "$1" 2>/dev/null && return 0
		sleep 0.05
	done
	cat "$1" >&2
	return 1
}

start_driverd() {
	"$BUILD_DIR/mkt-driverd" --port "$HOME/line" --driver pi30 --sockets "$HOME" --name inv house \
		>>driverd.log 2>&1 3>&- 5>&- &
	DRIVERD=$!
	for _ in $(seq 200); do
		ask ping | grep -q 'ok 1' && return 0
		sleep 0.05
	done
	cat driverd.log >&2
	return 1
}

# One request on a connection of its own; all that came until its answer.
ask() {
	printf '1 %s\n' "$*" | timeout 20 socat -t 15 - "UNIX-CONNECT:$HOME/house.sock" 2>/dev/null |
		sed '/^\(ok\|error\) 1/q'
}

wait_ready() {
	local i
	for i in $(seq 200); do
		ask ping | grep -q '^state inv ready' && return 0
		sleep 0.05
	done
	ask ping >&2
	return 1
}

# What the simulated battery is told to do, W.
setpoint() {
	: >sim.out
	echo show >&5
	wait_for sim.out '^ok' && sed -n 's/.* setpoint_w=\([-0-9]*\) .*/\1/p' sim.out
}

@test "an inverter told to charge goes back to what it did before, though driverd was killed" {
	start_driverd
	wait_ready
	[ "$(setpoint)" = 0 ]
	ask order inv set=mode:charge lease=600 >answer
	grep -q '^ok 1 applied=mode:charge' answer || { cat answer >&2; false; }
	[ "$(setpoint)" = 1500 ]
	kill -9 "$DRIVERD"
	wait "$DRIVERD" 2>/dev/null || true
	start_driverd
	wait_ready
	[ "$(setpoint)" = 1500 ]
	ask release inv >answer
	grep -q '^ok 1' answer || { cat answer >&2; false; }
	[ "$(setpoint)" = 0 ]
}

@test "a set-point in watts is refused in so many words" {
	start_driverd
	wait_ready
	ask order inv set=power:1000 lease=600 >answer
	grep -q '^error 1 device-unsupported' answer || { cat answer >&2; false; }
	[ "$(setpoint)" = 0 ]
}

@test "a pulled cable: the order goes on, and what is restored is still the owner's" {
	start_driverd
	wait_ready
	ask order inv set=mode:charge lease=600 >answer
	grep -q '^ok 1' answer || { cat answer >&2; false; }
	echo 'hangup for=1' >&5
	for _ in $(seq 200); do
		ask ping >answer
		grep -q '^counters inv .*reconnects=[1-9]' answer && break
		sleep 0.05
	done
	wait_ready
	ask ping | grep -q '^order inv set=mode:charge applied=mode:charge'
	[ "$(setpoint)" = 1500 ]
	ask release inv >answer
	grep -q '^ok 1' answer || { cat answer >&2; false; }
	[ "$(setpoint)" = 0 ]
}

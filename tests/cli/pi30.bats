#!/usr/bin/env bats
# A PI30 inverter behind mkt-driverd: orders, deaths and pulled cables, and the owner's programme again.
load helper
load driverd

setup() {
	command -v socat >/dev/null || skip "no socat"
	private_home
	sim pi30
	start a
}

teardown() { end_all; }

start() { # client
	driverd --port "$HOME/tty" --driver pi30 --name inv
	client "$1"
	until_true now "$1" 'state inv' ready
}

# order NUMBER SET: as client a, until it is answered
order() {
	ask a "$1 order inv set=$2 lease=600"
	until_true told a "^(ok|error) $1( |\$)"
}

release() { # client
	ask "$1" '2 release inv'
	until_true told "$1" '^ok 2$'
}

@test "an inverter told to charge goes back to what it did before, though driverd was killed" {
	until_true shows setpoint_w=0
	order 1 mode:charge
	told a '^ok 1 applied=mode:charge'
	until_true shows setpoint_w=1500
	kill -9 "$driverd_pid"
	until_true gone "$driverd_pid"
	rm "$HOME/d/device.sock"
	start b
	until_true shows setpoint_w=1500
	release b
	until_true shows setpoint_w=0
}

@test "a pulled cable: the order goes on, and what is restored is still the owner's" {
	order 1 mode:charge
	tell_sim hangup for=1
	until_true told a '^counters inv .*reconnects=[1-9]'
	until_true now a 'state inv' ready
	now a 'order inv' 'set=mode:charge applied=mode:charge'
	until_true shows setpoint_w=1500
	release a
	until_true shows setpoint_w=0
}

@test "SIGTERM gives the inverter back" {
	order 1 mode:discharge
	until_true shows setpoint_w=-550
	kill "$driverd_pid"
	until_true gone "$driverd_pid"
	until_true shows setpoint_w=0
}

@test "a set-point in watts is refused in so many words" {
	order 1 power:1000
	told a '^error 1 device-unsupported'
	until_true shows setpoint_w=0
}

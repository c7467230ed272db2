#!/usr/bin/env bats
# SunSpec devices behind mkt-driverd: orders on a line with faults, a pulled cable, a death, a lost setting.
load helper

setup() {
	private_home
	mkfifo orders
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

start_sim() { # model
	"$BUILD_DIR/mkt-sim-sunspec" --pty line --model "$1" <orders >>sim.out 2>&1 3>&- &
	SIM=$!
	exec 5>orders
	wait_for sim.out 'ready'
}

start() { # model, options of mkt-driverd...
	start_sim "$1"
	shift
	OPTIONS=("$@")
	start_driverd
}

start_driverd() {
	"$BUILD_DIR/mkt-driverd" --port "$HOME/line" --driver sunspec --sockets "$HOME" --name bat -o poll=500ms \
		"${OPTIONS[@]}" house >>driverd.log 2>&1 3>&- 5>&- &
	DRIVERD=$!
	told '^state bat ready'
}

# One request on a connection of its own; all that came until its answer.
ask() {
	printf '1 %s\n' "$*" | timeout 20 socat -t 15 - "UNIX-CONNECT:$HOME/house.sock,retry=100,interval=0.1" 2>/dev/null |
		sed '/^\(ok\|error\) 1/q'
}

told() { # pattern: until a new client is told so
	local i
	for i in $(seq 300); do
		ask ping | grep -q -- "$1" && return 0
		sleep 0.05
	done
	ask ping >&2
	cat driverd.log >&2
	return 1
}

say() { # to the simulator
	: >sim.out
	echo "$1" >&5
	wait_for sim.out '^ok'
}

flows() { # W: until the battery does it
	local i
	for i in $(seq 300); do
		say show
		grep -q "power_w=$1 " sim.out && return 0
		sleep 0.05
	done
	cat sim.out >&2
	return 1
}

@test "an order is done, and given up, on a line with noise and strangers" {
	start gen24 -o exit=auto
	say 'own -300'
	say 'fault noise every=5'
	say 'fault checksum every=7'
	say 'fault split every=3'
	say 'fault stranger every=11'
	ask order bat set=power:1500 lease=600 >answer
	told '^order bat set=power:1500 applied=power:1500'
	flows 1500
	told '^reading bat .*power=1500/'
	ask release bat >answer
	told '^order bat set=none'
	flows -300
	say clear
	ask ping | grep '^counters' >counters
	grep -q 'bad=[1-9]' counters && grep -q 'strangers=[1-9]' counters || { cat counters >&2; false; }
}

@test "a pulled cable is found again, and the order with it" {
	start hybrid700 -o exit=auto
	ask order bat set=power:-1200 lease=600 >answer
	grep -q '^ok 1 applied=power:-1200' answer || { cat answer >&2; false; }
	flows -1200
	say 'hangup for=1'
	told '^state bat \(absent\|reconnecting\|opening\)'
	told '^state bat ready'
	flows -1200
	told '^order bat set=power:-1200 applied=power:-1200'
}

@test "when mkt-driverd is killed the revert timer gives the battery back" {
	start gen24 -o watchdog=5s -o exit=auto
	say 'own -300'
	ask order bat set=power:2000 lease=600 >answer
	grep -q '^ok 1 applied=power:2000' answer || { cat answer >&2; false; }
	told '^reading bat .*watchdog=5/'
	flows 2000
	kill -9 "$DRIVERD"
	wait "$DRIVERD" 2>/dev/null || true
	flows -300
}

@test "what somebody else changed is said again" {
	start hybrid700 -o exit=auto
	ask order bat set=power:900 lease=600 >answer
	flows 900
	say 'foreign 0'
	flows 900
	grep -q 'reads back' driverd.log || { cat driverd.log >&2; false; }
}

@test "the wrong serial number is refused by name" {
	start_sim meter
	"$BUILD_DIR/mkt-driverd" --port "$HOME/line" --driver sunspec --sockets "$HOME" --name bat \
		-o serial=SIM00009 house >>driverd.log 2>&1 3>&- 5>&- &
	DRIVERD=$!
	told '^state bat refused .*code=device-identity'
	ask ping | grep -q 'SIM00001.*SIM00009'
}

@test "what a technician set for a time ends with it, and what was left ends by release" {
	start_sim gen24
	say 'own -300'
	"$BUILD_DIR/mkt" device set "$HOME/line" --driver sunspec charge 2kW --for 1s --yes 5>&- >out
	grep -q 'confirmed' out && grep -q 'released' out
	flows -300
	"$BUILD_DIR/mkt" device set "$HOME/line" --driver sunspec discharge 1kW --yes 5>&- >out
	flows -1000
	"$BUILD_DIR/mkt" device set "$HOME/line" --driver sunspec release --yes 5>&- >out
	flows -300
}

@test "a battery of another size says so on its nameplate, in all its families" {
	local model
	for model in hybrid700 gen24 battery802; do
		rm -f line
		"$BUILD_DIR/mkt-sim-sunspec" --pty line --model "$model" --charge-max 15000 --discharge-max 12000 \
			<orders >sim.out 2>&1 3>&- &
		SIM=$!
		exec 5>orders
		wait_for sim.out 'ready'
		run3 mkt device read "$HOME/line" --driver sunspec --porcelain
		status_is 0
		[[ $out == *power.charge.max*15000* ]] || fail "$model: $out"
		[[ $out == *power.discharge.max*12000* ]] || fail "$model: $out"
		exec 5>&-
		kill $SIM
		wait $SIM 2>/dev/null || true
	done
}

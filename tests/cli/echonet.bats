#!/usr/bin/env bats
# ECHONET Lite behind mkt-driverd: a battery over UDP, a smart meter behind a Wi-SUN module.
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

start_sim() { # name, options...
	local name=$1
	shift
	"$BUILD_DIR/mkt-sim-$name" "$@" <orders >sim.out 2>&1 3>&- &
	SIM=$!
	exec 5>orders
	wait_for sim.out '^ready'
	PORT=$(sed -n 's/^ready //p' sim.out)
}

start_driverd() { # port, driver, options...
	local port=$1 driver=$2
	shift 2
	"$BUILD_DIR/mkt-driverd" --port "$port" --driver "$driver" --sockets "$HOME" --name dev "$@" house \
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
	printf '1 %s\n' "$*" | timeout 30 socat -t 25 - "UNIX-CONNECT:$HOME/house.sock,retry=100,interval=0.1" 2>/dev/null |
		sed '/^\(ok\|error\) 1/q'
}

wait_state() { # state
	local i
	for i in $(seq 300); do
		ask ping | grep -q "^state dev $1" && return 0
		sleep 0.05
	done
	ask ping >&2
	return 1
}

ordered() { # what was answered, order...
	local want=$1
	shift
	ask "$@" >answer
	grep -q "^$want" answer || { cat answer >&2; false; }
}

# What the simulated battery moves, W.
power() {
	: >sim.out
	echo show >&5
	wait_for sim.out '^ok' && sed -n 's/.* power_w=\([-0-9]*\) .*/\1/p' sim.out
}

@test "a battery under an order goes back to its own programme, though driverd was killed" {
	start_sim echonet --udp 127.0.0.2:0 --model battery,auto
	start_driverd "$PORT,127.0.0.1:0" echonet-battery
	wait_state ready
	[ "$(power)" = -300 ]
	ordered 'ok 1 applied=power:2000' order dev set=power:2000 lease=600
	[ "$(power)" = 2000 ]
	kill -9 "$DRIVERD"
	wait "$DRIVERD" 2>/dev/null || true
	start_driverd "$PORT,127.0.0.1:0" echonet-battery
	wait_state ready
	[ "$(power)" = 2000 ]
	ordered 'ok 1' release dev
	[ "$(power)" = -300 ]
}

@test "a battery that refuses is told as read only, not as faulty" {
	start_sim echonet --udp 127.0.0.2:0 --model battery,locked
	start_driverd "$PORT,127.0.0.1:0" echonet-battery
	wait_state ready
	ordered 'error 1 device-refused' order dev set=power:2000 lease=600
	grep -q 'remote%20control' answer
	ask refresh dev >/dev/null
	ask ping | grep -q '^device dev .*caps=.*read-only'
	wait_state ready
}

@test "a smart meter is joined, and again after its module was pulled; the credentials are nowhere" {
	printf 'id = 00112233445566778899AABBCCDDEEFF\npassword = 0123456789AB\n' >secret
	chmod 600 secret
	start_sim broute --pty line --model fast
	start_driverd "$HOME/line" broute -o "secret=$HOME/secret" -v
	wait_state ready
	ask ping >answer
	grep -q '^identity dev .*serial=SIMMETER0001' answer
	grep -q '^reading dev .*power=928/' answer
	echo 'hangup for=1' >&5
	wait_state '\(absent\|reconnecting\)'
	wait_state ready
	ordered 'ok 1' refresh dev
	! grep -qE '00112233|0123456789AB' driverd.log answer
}

@test "credentials that others may read are refused" {
	printf 'id = 00112233445566778899AABBCCDDEEFF\npassword = 0123456789AB\n' >secret
	chmod 644 secret
	start_sim broute --pty line --model fast
	start_driverd "$HOME/line" broute -o "secret=$HOME/secret"
	for _ in $(seq 100); do
		ask ping >answer
		grep -q 'others%20may%20read' answer && return 0
		sleep 0.05
	done
	cat answer >&2
	false
}

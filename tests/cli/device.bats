#!/usr/bin/env bats
# Devices: scan, probe, read, monitor, set, test, record and replay, on simulated ones behind ptys.
load helper
load examples

# soon COMMAND...: until it succeeds, for at most half a minute.
soon() {
	local n=0
	until "$@"; do
		[ $((n += 1)) -lt 600 ] || fail "not in time: $*"
		sleep 0.05
	done
}

# sim PROTOCOL [OPTION]...: a device behind $HOME/tty; `told LINE` speaks to it.
sim() {
	local protocol=$1
	shift
	rm -f sim.in
	mkfifo sim.in
	"$BUILD_DIR/mkt-sim-$protocol" --pty "$HOME/tty" "$@" <sim.in >sim.out 2>sim.err 3>&- &
	sim_pid=$!
	exec 8>sim.in
	until grep -q '^ready' sim.out; do
		kill -0 "$sim_pid" || fail "$(cat sim.err)"
		sleep 0.02
	done
}

more_than() { [ "$(wc -l <sim.out)" -gt "$1" ]; }

ready_last() { tail -n 1 mon.out | grep -q ' ready '; }

told() {
	local n
	n=$(wc -l <sim.out)
	echo "$*" >&8
	soon more_than "$n"
}

# devices.conf for the simulated device, and a mkt-driverd that serves it.
site() {
	cat >devices.conf <<-END
		[site]
		sockets = $HOME/run

		[line.garage]
		port = $HOME/tty

		[device.ev-03]
		line = garage
		driver = rapi
	END
	export MKT_DEVICES=$HOME/devices.conf
}

driverd() {
	"$BUILD_DIR/mkt-driverd" -f "$HOME/devices.conf" garage 2>driverd.err 3>&- 8>&- &
	driverd_pid=$!
	until [ -S run/garage.sock ]; do
		kill -0 "$driverd_pid" || fail "$(cat driverd.err)"
		sleep 0.02
	done
}

teardown() {
	local pid
	exec 8>&-
	for pid in ${driverd_pid:-} ${sim_pid:-} ${mkt_pid:-}; do
		kill "$pid" 2>/dev/null && wait "$pid" || true
	done
}

# The value of a reading in --json on stdin or in $out.
value() { json ".data.reading[] | select(.reading == \"$1\") | .value" <<<"$out"; }

@test "read a port: a probe finds the driver; numbers have unit and age" {
	sim rapi --plugged
	run3 mkt device read tty
	status_is 5
	err_has "name a port"
	run3 mkt device read "$HOME/tty"
	status_is 0
	err_is ""
	out_has "driver"
	out_has "rapi"
	out_has "ready"
	out_has "32.0 A"
	run3 mkt device read "$HOME/tty" --driver rapi --json
	status_is 0
	[ "$(json -c '.schema, .data.device.driver, .data.device.state' <<<"$out" | tr '\n' ' ')" = 'mkt.device/1 rapi ready ' ] || fail json
	[ "$(json '.data.reading | map(select(.stale)) | length' <<<"$out")" = 0 ] || fail stale
	[ "$(json '.data.reading[0] | keys | join(" ")' <<<"$out")" = "age_ms device reading stale text unit value" ] || fail keys
	run3 mkt device read "$HOME/tty" --driver rapi --porcelain
	status_is 0
	out_has "# mkt-device 1"
}

@test "read with names: devices.conf, a running mkt-driverd, and none" {
	sim rapi --plugged
	site
	run3 mkt device read ev-03 --json
	status_is 0
	[ "$(json '.data.device.name, .data.device.state' <<<"$out" | tr '\n' ' ')" = 'ev-03 ready ' ] || fail private
	driverd
	run3 mkt device read ev-03 --json
	status_is 0
	[ "$(json '.data.device.name, .data.device.state' <<<"$out" | tr '\n' ' ')" = 'ev-03 ready ' ] || fail socket
	run3 mkt device read
	status_is 0
	out_has "ev-03"
	out_has "charging"
	run3 mkt device read ev-04
	status_is 5
	err_has "no device 'ev-04' in devices.conf"
	run3 mkt device read ev-03 --driver rapi
	status_is 2
	run3 mkt device read "$HOME/tty" --driver rapi
	status_is 7
	err_has "is held by mkt-driverd ($driverd_pid)"
}

@test "a device that does not answer: status 9, and --diagnose has the remedy" {
	sim heidelberg
	told fault silence
	run3 mkt device read "$HOME/tty" --driver heidelberg --diagnose
	status_is 9
	out_has "fault    state"
	out_has "-> is it switched on?"
	run3 mkt device probe "$HOME/tty" --driver heidelberg
	status_is 9
	err_has "nothing that is known answers"
	run3 mkt device test "$HOME/tty" --driver heidelberg --yes
	status_is 9
	out_has "fault    state"
	out_has "FAULTS"
}

@test "a port that is not there" {
	run3 mkt device read "$HOME/none" --driver rapi
	status_is 9
	err_has "there is no port '$HOME/none'"
	run3 mkt device read "$HOME/none" --driver rapi --diagnose
	status_is 9
	out_has "plug the adapter in"
}

@test "probe: which driver" {
	sim rapi
	run3 mkt device probe "$HOME/tty" --json
	status_is 0
	[ "$(json '.schema, .data.driver' <<<"$out" | tr '\n' ' ')" = 'mkt.device-probe/1 rapi ' ] || fail json
	run3 mkt device probe "$HOME/tty" --driver nosuch
	status_is 5
}

@test "scan lists ports, or says that there are none" {
	run3 mkt device scan --json
	status_is 0
	[ "$(json -c .schema <<<"$out")" = mkt.device-scan/1 ] || fail json
}

@test "set asks, and is confirmed by reading back" {
	sim rapi --plugged
	run3 mkt device set "$HOME/tty" --driver rapi 10A
	status_is 2
	err_has "--yes"
	run3 mkt device set "$HOME/tty" --driver rapi 10A --dry-run
	status_is 0
	out_has "would be set to 10.0 A"
	site
	driverd
	run3 mkt device set ev-03 10A --yes
	status_is 0
	out_is "ev-03: 10.0 A confirmed"
	run3 mkt device read ev-03 --json
	[ "$(value current.limit)" = 10000 ] || fail limit
	run3 mkt device set ev-03 release --yes
	status_is 0
	run3 mkt device set ev-03 5A --yes
	status_is 2
	err_has "6"
	run3 mkt device set ev-03 hold --yes
	status_is 9
	err_has "cannot take a mode"
	run3 mkt device set ev-03 7 --yes
	status_is 2
	err_has "is no set-point"
	run3 mkt device set ev-03 10A --yes --json
	status_is 0
	[ "$(json -c '.data | [.device, .setpoint, .state, .in_force]' <<<"$out")" = '["ev-03","10.0 A","confirmed","10.0 A"]' ] || fail json
}

@test "a device that another client holds is left alone by set and test" {
	sim rapi --plugged
	site
	driverd
	"$BUILD_DIR/mkt" device set ev-03 12A --for 1h --yes >set.out 3>&- 8>&- &
	mkt_pid=$!
	soon grep -q confirmed set.out
	run3 mkt device set ev-03 10A --yes
	status_is 7
	run3 mkt device test ev-03 --yes
	status_is 0
	out_has "skipped  set-point"
	run3 mkt device read ev-03 --json
	[ "$(value current.limit)" = 12000 ] || fail limit
}

@test "set --for holds, then releases; Ctrl-C releases earlier" {
	sim rapi --plugged
	site
	driverd
	run3 mkt device set ev-03 10A --for 1s --yes
	status_is 0
	out_is "ev-03: 10.0 A confirmed
ev-03: released"
	"$BUILD_DIR/mkt" device set ev-03 12A --for 1h --yes >set.out 3>&- 8>&- &
	mkt_pid=$!
	soon grep -q confirmed set.out
	kill -INT "$mkt_pid"
	wait "$mkt_pid" || status=$?
	grep -q released set.out || fail "$(cat set.out)"
	mkt_pid=
}

@test "monitor: a line for each pass, rows for programs" {
	sim rapi --plugged
	run3 mkt device monitor "$HOME/tty" --driver rapi -n 2
	status_is 0
	[ "$(grep -c ready <<<"$out")" -ge 2 ] || fail lines
	run3 mkt device monitor "$HOME/tty" --driver rapi -n 1 --json
	status_is 0
	[ "$(json 'select(.reading == "vehicle") | .text' <<<"$out" | head -n 1)" != "" ] || fail json
}

@test "test: a report, without power and with a step" {
	sim rapi --plugged
	run3 mkt device test "$HOME/tty" --driver rapi --no-power
	status_is 0
	out_has "Test of"
	out_has "skipped  set-point"
	out_has "passed"
	run3 mkt device test "$HOME/tty" --driver rapi
	status_is 2
	run3 mkt device test "$HOME/tty" --driver rapi --yes --json
	status_is 0
	[ "$(json '.data.check[] | select(.check == "set-point") | .result' <<<"$out")" = ok ] || fail set-point
	[ "$(json '.data.check[] | select(.check == "back") | .result' <<<"$out")" = ok ] || fail back
}

@test "record, and replay gives the same readings" {
	sim rapi --plugged
	run3 mkt device record "$HOME/tty" --driver rapi --for 1500ms -o line.log
	status_is 0
	out_has "lines in line.log"
	grep -q ' > 24' line.log || fail "nothing sent: $(head -n 3 line.log)"
	run3 mkt device read "$HOME/tty" --driver rapi --json
	live=$(json -c '[.data.device.version, (.data.reading[] | select(.reading == "current.max") | .value)]' <<<"$out")
	run3 mkt device replay line.log --driver rapi --json
	status_is 0
	err_is ""
	[ "$(json -c '[.data.device.version, (.data.reading[] | select(.reading == "current.max") | .value)]' <<<"$out")" = "$live" ] || fail replay
	run3 mkt device replay line.log
	status_is 2
	run3 mkt device replay none.log --driver rapi
	status_is 9
}

@test "examples of mkt-device(1)" {
	sim rapi --plugged
	site
	driverd
	page_is_true mkt-device.1
}

@test "test finds a counter that stands still" {
	sim heidelberg --plugged
	told stale-meter on
	run3 mkt device test "$HOME/tty" --driver heidelberg --yes
	status_is 9
	out_has "stands still"
	out_has "no report can be made"
}

@test "completion: devices of devices.conf, set-points" {
	site
	run3 mkt --complete=device ev
	out_is "ev-03	rapi"
	run3 mkt --complete=setpoint pa
	out_has "pause"
}

@test "monitor tells a pulled cable, and the return" {
	sim rapi --plugged
	"$BUILD_DIR/mkt" device monitor "$HOME/tty" --driver rapi >mon.out 3>&- 8>&- &
	mkt_pid=$!
	soon grep -q ' ready ' mon.out
	told hangup
	soon grep -qE ' (reconnecting|absent|opening) ' mon.out
	soon ready_last
	kill "$mkt_pid"
	wait "$mkt_pid" || true
	mkt_pid=
	grep -qE '(reconnecting|absent).*lost' mon.out || fail "$(cat mon.out)"
}

# mkt-driverd when the line or a device fails.

load helper
load driverd

setup() {
	command -v socat >/dev/null || skip "no socat"
	private_home
}
teardown() { end_all; }

@test "the line is pulled and comes back" {
	charger
	ask a '1 order device set=current:11000 lease=600'
	until_true told a '^ok 1 '
	tell_sim hangup for=2
	until_true now a 'state' ' reconnecting .*code=device-'
	ask a '2 order device set=current:13000 lease=600'
	until_true told a '^error 2 device-stale '
	until_true now a 'state' ' ready '
	until_true shows limit_ma=11000
	now a 'counters' 'reconnects=1 '
	ask a '3 order device set=current:13000 lease=600'
	until_true told a '^ok 3 applied=current:13000'
}

@test "silence is told, and ends by itself" {
	charger
	tell_sim fault silence for=3
	until_true now a 'state' ' (stale|reconnecting) '
	until_true now a 'state' ' ready '
}

@test "several devices on a line: a dead one leaves the others alone" {
	sim heidelberg --units 2 --plugged
	cat >site.conf <<-END
		[site]
		sockets = $HOME/d
		[line.device]
		port = $HOME/tty
		parity = none
		[device.one]
		line = device
		driver = heidelberg
		unit = 1
		poll = 2s
		[device.two]
		line = device
		driver = heidelberg
		unit = 2
		poll = 2s
		[device.dead]
		line = device
		driver = heidelberg
		unit = 9
	END
	"$BUILD_DIR/mkt-driverd" -f site.conf device >/dev/null 2>driverd.err </dev/null 3>&- 9>&- &
	driverd_pid=$!
	until_true test -S "$HOME/d/device.sock"
	client a
	until_true now a 'state one' ' ready '
	until_true now a 'state two' ' ready '
	ask a '1 order one set=current:8000 lease=60'
	ask a '2 order two set=current:12000 lease=60'
	until_true told a '^ok 1 applied=current:8000'
	until_true told a '^ok 2 applied=current:12000'
	until_true now a 'counters dead' 'timeouts=[4-9]'
	now a 'state dead' ' identifying .*code=device-silent'
	now a 'state one' ' ready '
	now a 'state two' ' ready '
	! told a '^state (one|two) (stale|reconnecting)'
	until_true shows 'unit=1 .*limit_ma=8000'
	until_true shows 'unit=2 .*limit_ma=12000'
	kill "$driverd_pid"
	until_true shows 'unit=1 .*limit_ma=0'
	until_true shows 'unit=2 .*limit_ma=0'
}

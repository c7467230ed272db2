#!/usr/bin/env bats
# A P1 meter behind mkt-driverd: readings as they are pushed, silence, a pulled cable.
load helper
load driverd

setup() {
	command -v socat >/dev/null || skip "no socat"
	private_home
	sim p1 --meter 1581123
	tell_sim every 200
	driverd --port "$HOME/tty" --driver p1 --name meter
	client a
	until_true now a 'state meter' ready
}

teardown() { end_all; }

@test "readings come as telegrams do, between polls" {
	told a '^identity meter maker=XMX model=LGBBFG1009325446'
	told a '^device meter driver=p1 maturity=experimental kind=meter poll=10000 caps=import,export'
	told a 'energy.import=1581123/'
	tell_sim power -1842
	until_true told a '^reading meter .*power=-1842/'
	ask a '1 order meter set=power:0 lease=60'
	until_true told a '^error 1 device-unsupported'
}

@test "a pulled cable and a wrong checksum: told, and over by themselves" {
	tell_sim hangup for=1
	until_true told a '^counters meter .*reconnects=[1-9]'
	until_true now a 'state meter' ready
	tell_sim fault checksum count=3
	tell_sim power 777
	until_true told a '^reading meter .*power=777/'
	ask a '1 refresh meter'
	until_true told a '^ok 1$'
	until_true now a 'counters meter' 'bad=3 '
}

# Modbus chargers and meters behind ptys, with faults of the line and of the devices.

load helper
load driverd

setup() {
	command -v socat >/dev/null || skip "no socat"
	private_home
}
teardown() { end_all; }

# box DRIVER SIMULATOR OPTION...: one device on the line, and a client
box() {
	local driver=$1 kind=$2
	shift 2
	sim "$kind" --plugged
	driverd --port "$HOME/tty" --driver "$driver" -o poll=300ms -o phases=3 "$@"
	client a
	until_true now a 'state' ' ready '
}

# order N MA: done
order() {
	ask a "$1 order device set=current:$2 lease=600"
	until_true told a "^ok $1 applied=current:$2\$"
}

@test "a bus: each charger its own current, a dead one holds nobody up" {
	sim heidelberg --units 3 --plugged
	{
		printf '[line.device]\nport = %s\n' "$HOME/tty"
		for u in 1 2 3 9; do
			printf '[device.ev%s]\nline = device\ndriver = heidelberg\nunit = %s\nphases = 3\n' $u $u
		done
	} >site.conf
	driverd -f site.conf device
	client a
	for u in 1 2 3; do until_true now a "state ev$u" ' ready '; done
	until_true now a 'state ev9' 'device-silent'
	ask a '1 order ev1 set=current:8000 lease=600'
	ask a '2 order ev2 set=current:0 lease=600'
	ask a '3 order ev3 set=current:12500 lease=600'
	for u in 1 2 3; do until_true told a "^ok $u "; done
	shows 'unit=1 .*limit_ma=8000 '
	shows 'unit=2 .*limit_ma=0 '
	shows 'unit=3 .*limit_ma=12500 '
	until_true now a 'reading ev3' 'power=8625/'
	for u in 1 2 3; do now a "state ev$u" ' ready '; done
}

@test "faults of the line change no value and no state" {
	box heidelberg heidelberg
	order 1 10000
	tell_sim fault noise every=3
	tell_sim fault checksum every=7
	tell_sim fault split every=2
	tell_sim fault stranger every=11
	tell_sim fault half every=13
	for i in 2 3 4 5; do # one that fails is sent again
		ask a "$i order device set=current:$((6000 + 1000 * (i % 3))) lease=600"
		until_true now a "order device set=current:$((6000 + 1000 * (i % 3))) " "applied=current:$((6000 + 1000 * (i % 3)))"
	done
	until_true now a 'counters' 'strangers=[1-9]'
	now a 'counters' 'bad=[1-9]'
	[ -z "$(grep -oE 'power=[0-9-]+/' "$HOME/a.log" | grep -vE '=(6900|4140|4830|5520|11040|0)/')" ]
	[ -z "$(grep -oE 'energy.import=[0-9]+' "$HOME/a.log" | cut -d= -f2 | sort -n -c 2>&1)" ]
	tell_sim clear
	tell_sim fault busy count=1
	order 10 7000
}

@test "stopped, the charger pauses by its watchdog; continued, it goes on" {
	box heidelberg heidelberg -o watchdog=5s
	order 1 16000
	until_true shows power_w=11040
	kill -STOP "$driverd_pid"
	until_true shows power_w=0
	kill -CONT "$driverd_pid"
	until_true shows power_w=11040
	until_true now a 'state' ' ready '
	now a 'order' 'applied=current:16000'
}

@test "killed while charging: the charger charges on, the next one adopts it" {
	box heidelberg heidelberg -o watchdog=30s
	order 1 9000
	kill -9 "$driverd_pid"
	wait "$driverd_pid" 2>/dev/null || true
	driverd --port "$HOME/tty" --driver heidelberg -o poll=300ms -o phases=3 -o watchdog=30s
	client b
	until_true now b 'state' ' ready '
	until_true now b 'reading' 'current.limit=9000/'
	shows limit_ma=9000
}

@test "another name after the cable was pulled" {
	box heidelberg heidelberg
	order 1 11000
	tell_sim hangup for=1
	until_true now a 'state' ' reconnecting '
	until_true now a 'state' ' ready '
	shows limit_ma=11000
	order 2 12000
}

@test "ABB: done when it is in force" {
	box abb-terra abb
	order 1 13000
	shows limit_ma=13000
}

@test "Mennekes: a pause is no limit of 0" {
	box mennekes mennekes
	order 1 10000
	shows power_w=6900
	order 2 0
	shows power_w=0
	order 3 10000
	shows power_w=6900
}

@test "SDM: a meter, turned round" {
	sim sdm --plugged --meter 5000000
	driverd --port "$HOME/tty" --driver sdm -o poll=300ms -o phases=3 -o meter_sign=reversed
	client a
	until_true now a 'state' ' ready '
	until_true now a 'reading' 'power=-22080/'
	now a 'reading' 'energy.export=50000'
	ask a '1 order device set=current:6000 lease=60'
	until_true told a '^error 1 device-unsupported '
}

@test "RTU through a serial server" {
	sim heidelberg --plugged
	socat -d -d tcp-listen:0,bind=127.0.0.1,reuseaddr,fork "$HOME/tty,raw,echo=0" 2>"$HOME/socat.err" 3>&- 9>&- &
	pid_b=$!
	until_true grep -q 'listening on' "$HOME/socat.err"
	driverd --port "serial:127.0.0.1:$(sed -nE 's/.*listening on .*:([0-9]+)$/\1/p' "$HOME/socat.err")" \
		--driver heidelberg -o phases=3
	client a
	until_true now a 'state' ' ready '
	order 1 10000
	shows limit_ma=10000
}

@test "unknown firmware is refused, and nothing is written" {
	sim heidelberg --model 2.1.0 --plugged
	driverd --port "$HOME/tty" --driver heidelberg -o phases=3
	client a
	until_true now a 'state' ' refused .*0x0210'
	ask a '1 order device set=current:6000 lease=60'
	until_true told a '^error 1 '
	shows limit_ma=16000
}

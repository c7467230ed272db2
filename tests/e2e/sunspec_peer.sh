#!/usr/bin/env bash
# The SunSpec driver on real lines: against pymodbus (RTU behind a pair of ptys, TCP), which shares no code
# with it, and against our simulator (pty and TCP), whose revert timer runs out.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${BUILD:-build}" && pwd)
dir=$(mktemp -d)
pids=()
quit() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$dir"
}
trap quit EXIT
n=0
bad=0

verdict() { # condition's status, name
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$dir/out" "$dir/peer"
		bad=1
	fi
}
wait_for() { # file, pattern; at most 60 s: python takes its time beside others
	for _ in $(seq 1200); do
		grep -q "$2" "$1" 2>/dev/null && return 0
		sleep 0.05
	done
	return 1
}
# has LINE...: each stands in the driver's words
has() {
	local l
	for l in "$@"; do
		grep -qxF -- "$l" "$dir/out" || { echo "# there is no line '$l'" ; return 1; }
	done
}
drive() { "$build/tests/e2e/sunspec_line" "$@" >"$dir/out" 2>&1 </dev/null; }
writes() { grep '^write' "$dir/peer" | cmp -s - "$1"; }

peer() { # where, map: pymodbus; $port
	: >"$dir/peer"
	/usr/bin/python3 tests/e2e/sunspec_peer.py "$@" >>"$dir/peer" 2>&1 &
	pids+=($!)
	wait_for "$dir/peer" '^ready' || return 1
	port=$(sed -n 's/^ready //p' "$dir/peer")
}
pair() { # two ptys, one for each side
	socat "pty,raw,echo=0,link=$dir/ours" "pty,raw,echo=0,link=$dir/theirs" &
	pids+=($!)
	for _ in $(seq 400); do
		[ -e "$dir/ours" ] && [ -e "$dir/theirs" ] && return 0
		sleep 0.05
	done
	return 1
}
end_peers() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	pids=()
	rm -f "$dir/ours" "$dir/theirs"
}

gen24() { # name, port
	drive "$2" power=1500 poll mode=auto
	has 'kind battery' 'id Fronius|Symo GEN24 5.0|3.1|30112233' 'power -1655' 'soc 563' \
		'voltage.l1 230200' 'energy.export 12345678' 'applied 1500' 'power.limit 1500' 'watchdog 300' 'applied 1'
	verdict $? "$1: readings and an order"
	printf 'write 40188 62536 10000 0 300\nwrite 40181 2\nwrite 40181 0\nwrite 40188 10000 10000\n' >"$dir/want"
	writes "$dir/want"
	verdict $? "$1: rates and timer first, mode last, release"
}

if /usr/bin/python3 -c 'import pymodbus.server' 2>/dev/null; then
	peer tcp gen24
	gen24 "pymodbus over TCP" "$port"
	end_peers

	if command -v socat >/dev/null && pair && peer "$dir/theirs" gen24; then
		gen24 "pymodbus over RTU" "$dir/ours"
	else
		verdict 1 "pymodbus over RTU: it starts"
	fi
	end_peers

	peer tcp hybrid700
	drive "$port" power=-2500 poll safe
	has 'kind battery' 'power 1500' 'energy.import 2000' 'energy.export 1000' 'soc 605' 'capacity 10000' \
		'power.charge.max 4800' 'power.discharge.max 4600' 'applied -2500' 'power.limit -2500' 'safe done'
	verdict $? "pymodbus, 700 series at base 0: readings and an order"
	# 704 stands at 282: 68 of model 1, 155 of 701, 5 of 64001, 52 of 702 behind "SunS".
	printf 'write 305 1 0 2500\nwrite 313 0 300\nwrite 304 1\nwrite 304 0\n' >"$dir/want"
	writes "$dir/want"
	verdict $? "pymodbus, 700 series: watts, timer, enable, release"
	end_peers

	peer tcp solaredge
	drive "$port"
	has 'kind inverter' 'id SolarEdge|SE5K|3.1|7E0001' 'power -1655'
	verdict $? "pymodbus, two logical devices at base 50000: the first"
	drive "$port" serial=7E0002
	has 'kind meter' 'id SolarEdge|Meter|3.1|7E0002' 'power -1234' 'energy.export 655360' 'energy.import 1310770'
	verdict $? "the second, by its serial number"
	drive "$port" serial=7E0009
	grep -q '^open failed: device-identity: .*7E0009' "$dir/out"
	verdict $? "another serial number is refused"
	end_peers
else
	n=$((n + 1))
	echo "ok $n - pymodbus # SKIP python3-pymodbus is not installed"
fi

sim() { # arguments of mkt-sim-sunspec; $port
	rm -f "$dir/say"
	mkfifo "$dir/say"
	: >"$dir/peer"
	"$build/mkt-sim-sunspec" --parent-dies "$@" <"$dir/say" >>"$dir/peer" 2>&1 &
	pids+=($!)
	exec 7>"$dir/say"
	wait_for "$dir/peer" '^ready' || return 1
	port=$(sed -n 's/^ready //p' "$dir/peer")
}
say() { # command, until the simulator has answered; $said
	local had
	had=$(wc -l <"$dir/peer")
	echo "$1" >&7
	for _ in $(seq 400); do
		said=$(tail -n +$((had + 1)) "$dir/peer")
		case $said in *ok|error*) return 0 ;; esac
		sleep 0.05
	done
	return 1
}

for where in --pty --tcp; do
	if [ $where = --pty ]; then sim --pty "$dir/line" --model gen24; else sim --tcp 0 --model hybrid700; fi
	say 'own -400'
	drive "$port" power=1500 poll
	has 'can watchdog' 'applied 1500' 'power 1500' 'mode 3'
	verdict $? "simulator $where: it charges"
	say show
	[[ $said == *power_w=1500* ]]
	verdict $? "simulator $where: its battery says the same"
	if [ $where = --pty ]; then
		drive "$port" mode=hold poll mode=auto poll
		has 'power 0' 'power -400' 'mode 2' 'mode 1'
		verdict $? "simulator: hold, and its own programme again"
		drive "$port" watchdog=2 power=-2000 for=2500 poll
		has 'power -2000'
		verdict $? "simulator: the order outlives its timer while it is renewed"
		for _ in $(seq 300); do
			say show
			[[ $said == *power_w=-400* ]] && break
			sleep 0.05
		done
		[[ $said == *power_w=-400* ]]
		verdict $? "simulator: and ends by itself when the driver is gone"
	fi
	exec 7>&-
	end_peers
done
echo "1..$n"
exit $bad

# mkt-driverd with simulated chargers behind ptys.

load helper
load driverd

setup() {
	command -v socat >/dev/null || skip "no socat"
	private_home
}
teardown() { end_all; }

@test "usage and configuration are checked" {
	run3 "$BUILD_DIR/mkt-driverd" -h
	status_is 0
	out_has "usage: mkt-driverd"
	run3 "$BUILD_DIR/mkt-driverd"
	status_is 2
	err_has "which line?"
	run3 "$BUILD_DIR/mkt-driverd" --port /dev/null
	status_is 2
	err_has "--port needs --driver"
	run3 "$BUILD_DIR/mkt-driverd" --port x --driver rapid
	status_is 2
	err_has "there is no driver 'rapid'"
	run3 "$BUILD_DIR/mkt-driverd" -f none.conf garage
	status_is 5
	printf '[line.garage]\nport=%s\n[device.ev]\nline=garage\ndriver=rapi\nmax=16\n' "$HOME/tty" >site.conf
	run3 "$BUILD_DIR/mkt-driverd" -n -f site.conf
	status_is 2
	err_has "site.conf:6: 'max': current '16'"
	sed -i s/16/16A/ site.conf
	run3 "$BUILD_DIR/mkt-driverd" -n -f site.conf
	status_is 0
	out_is "configuration ok"
	run3 "$BUILD_DIR/mkt-driverd" -n -f site.conf shed
	status_is 5
	err_has "there is no [line.shed]"
}

@test "a charger is found, ordered, and left safe by SIGTERM" {
	charger
	told a '^mkt-driverd 1 line=device '
	told a '^identity device maker=OpenEVSE'
	until_true now a 'reading' 'power='
	shows 'limit_ma=3[0-9]*' # what it was, it is: starting sets nothing
	ask a '1 order device set=current:10000 lease=60'
	until_true told a '^ok 1 applied=current:10000$'
	shows limit_ma=10000
	ask a '2 order device set=current:5000 lease=60'
	until_true told a '^error 2 invalid '
	shows limit_ma=10000
	[ "$(stat -c %a "$HOME/d")" = 750 ]
	[ "$(stat -c %a "$HOME/d/device.sock")" = 660 ]
	kill "$driverd_pid"
	until_true gone "$driverd_pid"
	shows relay=0
	[ ! -e "$HOME/d/device.sock" ]
	[ ! -e "$HOME/d/device.orders" ]
}

@test "two clients: one holds, both see, and who is lost is waited for" {
	charger
	client b
	ask a '1 order device set=current:12000 lease=600'
	until_true told a '^ok 1 '
	until_true told b '^order device set=current:12000 applied=current:12000 .*own=no'
	ask b '1 order device set=current:8000 lease=600'
	until_true told b '^error 1 locked '
	ask b '2 release device'
	until_true told b '^error 2 locked '
	ask b '3 refresh device'
	until_true told b '^ok 3'
	lose a
	until_true told b 'lost=yes'
	ask b '4 order device set=current:12000 lease=600' # taken over: nothing is written
	until_true told b '^ok 4 applied=current:12000'
	until_true told b '^order device set=current:12000 .*own=yes'
	lose b
	until_true shows relay=0
	grep -q "who gave it is gone" "$HOME/driverd.err"
}

@test "kill -9 in the midst of an order: the next one goes on with it" {
	charger
	ask a '1 order device set=current:9000 lease=600 stop.import=100000000'
	until_true told a '^ok 1 '
	kill -9 "$driverd_pid"
	wait "$driverd_pid" 2>/dev/null || true
	shows limit_ma=9000
	driverd --port "$HOME/tty" --driver rapi -o lost=2s -o poll=300ms
	client b
	told b '^order device set=current:9000 .*stop.import=100000000 own=no lost=yes'
	until_true now b 'state' ' ready '
	shows relay=1 # charging goes on
	ask b '1 order device set=current:9000 lease=600 stop.import=100000000'
	until_true told b '^ok 1 applied=current:9000'
	sleep 2.5 # longer than a lost client is waited for
	shows limit_ma=9000
	lose b
	until_true shows relay=0
}

@test "a port of another process is refused by name, a line has one driverd" {
	charger
	run3 "$BUILD_DIR/mkt-driverd" --sockets "$HOME/d" --port "$HOME/tty" --driver rapi
	status_is 7
	err_has "another mkt-driverd serves line 'device'"
	"$BUILD_DIR/mkt-driverd" --stdio --port "$HOME/tty" --driver rapi <"$HOME/script" >"$HOME/b.log" 2>&1 3>&- 9>&- &
	other=$!
	until_true told b '^state device opening .*code=line-locked'
	told b 'mkt-driverd'
	kill "$other"
	wait "$other" || true
}

@test "a link by name appears later" {
	driverd --port "$HOME/by-id" --driver rapi
	client a
	until_true now a 'state' ' absent .*code=device-absent'
	sim rapi --plugged
	ln -s "$(readlink -f "$HOME/tty")" "$HOME/by-id"
	until_true now a 'state' ' ready '
}

@test "another serial number is refused, and nothing is written" {
	more="-o serial=other"
	sim rapi --plugged
	driverd --port "$HOME/tty" --driver rapi $more
	client a
	until_true now a 'state' ' refused .*code=device-identity'
	ask a '1 order device set=current:10000 lease=60'
	until_true told a '^error 1 device-stale '
}

@test "a counter stops it" {
	charger --meter 5000
	until_true now a 'reading' 'energy.import='
	wh=$(grep -oE 'energy.import=[0-9]+' "$HOME/a.log" | tail -n 1 | cut -d= -f2)
	ask a "1 order device set=current:32000 lease=600 stop.import=$((wh + 6))"
	until_true told a 'stopped=yes'
	until_true shows relay=0
	import=$(grep -oE ' import_wh=[0-9]+' "$HOME/sim.out" | tail -n 1 | cut -d= -f2)
	[ "$import" -le $((wh + 8)) ]
	[ "$import" -ge $((wh + 4)) ]
}

@test "strange lines do no harm, and a trace is told" {
	charger
	ask a 'x'
	until_true told a '^error 0 invalid '
	ask a "1 $(printf 'y%.0s' {1..2000})"
	until_true told a '^error 0 invalid .*1%20to%20511'
	ask a '2 refresh nobody'
	until_true told a '^error 2 not-found '
	ask a '3 scan'
	until_true told a '^error 3 denied '
	ask a '4 trace on'
	until_true told a '^trace [0-9]+\.[0-9]{3} > 24 '
	until_true told a '^trace [0-9]+\.[0-9]{3} < 24 '
	ask a '5 trace off'
	until_true told a '^ok 5'
	ask a '6 history device'
	until_true told a '^ok 6'
	told a '^row 6 age=[0-9]+ import=[0-9]+ export=-'
}

@test "private: who is at a port" {
	sim rapi --plugged
	printf '1 drivers\n2 probe port=%s\n3 probe port=/dev/none driver=rapi\n' "$HOME/tty" >requests
	"$BUILD_DIR/mkt-driverd" --stdio <requests >out 3>&- 9>&-
	grep -q '^row 1 name=rapi maturity=[a-z]* kind=evse speed=115200 ' out
	grep -q '^row 2 found=rapi speed=115200 parity=N unit=0 maker=OpenEVSE' out
	grep -q '^ok 2 found=1$' out
	grep -q '^error 3 device-absent ' out
}

@test "the service manager hears of it" {
	sim rapi --plugged
	socat -u "UNIX-RECV:$HOME/notify" STDOUT >"$HOME/notify.log" 2>/dev/null 3>&- 9>&- &
	pid_b=$!
	until_true test -S "$HOME/notify"
	export NOTIFY_SOCKET=$HOME/notify WATCHDOG_USEC=400000
	driverd --port "$HOME/tty" --driver rapi
	until_true grep -q READY=1 "$HOME/notify.log"
	until_true grep -q WATCHDOG=1 "$HOME/notify.log"
	kill "$driverd_pid"
	until_true grep -q STOPPING=1 "$HOME/notify.log"
}

@test "a place for each of sixteen clients, and no more" {
	charger
	for i in {1..15}; do
		socat -u "UNIX-CONNECT:$HOME/d/device.sock" STDOUT >"$HOME/c$i" 2>/dev/null 3>&- 9>&- &
		more_pids+=($!)
	done
	for i in {1..15}; do until_true grep -q '^ready$' "$HOME/c$i"; done
	socat -u "UNIX-CONNECT:$HOME/d/device.sock" STDOUT >"$HOME/c16" 2>/dev/null 3>&- 9>&-
	grep -q '^error 0 limit ' "$HOME/c16"
	kill "${more_pids[@]}"
	client b # places are free again
	ask b '1 ping'
	until_true told b '^ok 1$'
}

@test "a client that does not read is cut off, the others are served" {
	charger
	/usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    for i in range(40000): s.send(b"1 refresh nobody\n")
except OSError: pass
' "$HOME/d/device.sock" 3>&- 9>&-
	grep -q "does not read: cut off" "$HOME/driverd.err"
	ask a '1 refresh device'
	until_true told a '^ok 1'
}

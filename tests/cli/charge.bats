#!/usr/bin/env bats
# mkt charge: a real chain, real mkt-driverd, simulated devices, a simulated calendar.
load chain

T0=1795395600 # 10:00 JST of $DAY

setup() {
	private_home
	command -v socat >/dev/null || skip "no socat"
	[ -x "$BUILD_DIR/tests/e2e/calendar" ] || make -s -C "$ROOT" BUILD="$BUILD_DIR" "$BUILD_DIR/tests/e2e/calendar"
	start_chain
	mkfifo cal
	"$BUILD_DIR/tests/e2e/calendar" clock ${T0}000 <cal >cal.out 2>&1 3>&- &
	exec 7>cal 8>/dev/null
	until_true grep -q ready cal.out
	export MKT_DEVICES=$HOME/devices.conf
	printf '[site]\nsockets = %s\n' "$HOME/run" >devices.conf
}

until_true() {
	local end=$((SECONDS + 30))
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "in vain: $*" >&2; tail -n 15 ./*.log cal.out >&2; return 1; }
		sleep 0.05
	done
}

# A command to the calendar, and its answer.
calendar() {
	local lines
	lines=$(wc -l <cal.out)
	echo "$1" >&7
	until_true eval '[ "$(wc -l <cal.out)" -gt '"$lines"' ]'
	! tail -n 1 cal.out | grep error >&2
}
at() { calendar "to $(($(date -u -d "$1" +%s) - 32400))000"; } # JST

# sim LINE PROGRAM OPTION...
sim() {
	local line=$1 program=$2
	shift 2
	mkfifo "$line.in"
	exec 8<>"$line.in"
	"$BUILD_DIR/mkt-sim-$program" --pty "$HOME/$line" --clock clock "$@" <"$line.in" >"$line.log" 2>&1 3>&- 7>&- 8>&- &
	until_true grep -q ready "$line.log"
	printf '[line.%s]\nport = %s\n' "$line" "$HOME/$line" >>devices.conf
}
# device NAME LINE DRIVER SETTING...
device() {
	printf '[device.%s]\nline = %s\ndriver = %s\n' "$1" "$2" "$3" >>devices.conf
	shift 3
	[ $# -eq 0 ] || printf '%s\n' "$@" >>devices.conf
}
driverd() {
	"$BUILD_DIR/mkt-driverd" --clock clock -f devices.conf "$1" >"driverd-$1.log" 2>&1 3>&- 7>&- 8>&- &
	until_true test -S "run/$1.sock"
}
# charge ACCOUNT: in the background, idle at the present time.
charge() {
	"$BUILD_DIR/mkt" --identity "$1" charge run --clock clock >"charge.log" 2>&1 3>&- 7>&- 8>&- &
	charge_pid=$!
	calendar "need charge #$(mkt account "$1" --json | jq .data.account)"
	at "$DAY 10:10"
}
enroll() { # NAME CHARGER...
	local name=$1 c args=()
	shift
	for c; do args+=(--charger "$c"); done
	mkt key new -q "$name" && mkt admin enroll -q "$name" "$(key_of "$name")" --class household "${args[@]}" &&
		mkt admin deposit -q "$name" 1000000JPY
}
sells() { as grid bid sell "$1" --at "${2:-$W}" --price 20/kWh -q; }
buys() { as "$1" bid buy "$2" --at "${3:-$W}" --price 22/kWh -q; }
column() { mkt charge status --json | jq -r ".data[] | select(.device == \"$1\") | .$2"; }

charger() {
	enroll grid
	enroll ev ev-03
	sells 1.2kWh
	buys ev 1kWh
	buys ev 200Wh
	sim garage rapi --plugged --capacity 40000 --soc 300 --phases 1 --voltage 230000 --max 16000
	device ev-03 garage rapi
	driverd garage
	charge ev
}

@test "a contract is charged, metered, reported, settled, and told" {
	charger
	[ "$(column ev-03 reason)" = "waiting: window 10:30 JST not begun" ] || fail waiting
	at "$DAY 10:31"
	[ "$(column ev-03 set_ma)" = 11000 ] || fail "$(mkt charge status)"
	[ "$(column ev-03 code)" = spread ] || fail code
	[[ $(mkt charge status ev-03) == *" 1.200 "* ]] || fail "people read kWh: $(mkt charge status)"
	as grid bid sell 1kWh --at "$W2" --price 20/kWh -q
	at "$DAY 11:00"
	[ "$(column ev-03 code)" = idle ] || fail "$(mkt charge status)"
	clock "$DAY 11:00"
	mkt wait contract 1 --state reported -q
	mkt wait contract 2 --state reported -q
	[ "$(mkt contracts --all --json | json -c '[.data[].draw_wh]')" = '[1000,200]' ] || fail drawn
	[ "$(mkt log --kind report --json | jq -r .charger | sort -u)" = ev-03 ] || fail charger
	run3 mkt why c1
	status_is 0
	out_has "ev-03: charging at 11.0 A: 0 of 1200 Wh moved"
	out_has "reports 1000 Wh drawn of c1"
	run3 mkt charge log
	status_is 0
	out_has "paused: 1200 of 1200 Wh moved"
	run3 mkt charge log ev-04
	out_lacks "paused"
	run3 mkt charge list
	status_is 0
	out_is "device  charger  line    driver  kind  state  circuit  error
ev-03   ev-03    garage  rapi    evse  ready  -        -"
	mkt charge stop ev-03 -q
	until_true eval 'curl -s --unix-socket m/ledgerd.sock http://x/v1/telemetry | jq -e ".data[0].charger == \"ev-03\""' >/dev/null
}

@test "kill -9 in the window: it goes on, and nothing is reported twice" {
	charger
	at "$DAY 10:40"
	before=$(column ev-03 moved_wh)
	[ "$before" -gt 300 ] || fail "$before"
	kill -9 $charge_pid
	"$BUILD_DIR/mkt" --identity ev charge run --clock clock >>charge.log 2>&1 3>&- 7>&- 8>&- &
	charge_pid=$!
	at "$DAY 11:00"
	clock "$DAY 11:00"
	mkt wait contract 2 --state reported -q
	kill -9 $charge_pid
	"$BUILD_DIR/mkt" --identity ev charge run --clock clock >>charge.log 2>&1 3>&- 7>&- 8>&- &
	at "$DAY 11:10"
	[ "$(mkt contracts --all --json | json -c '[.data[].draw_wh]')" = '[1000,200]' ] || fail drawn
	[ "$(mkt log --kind report --json | wc -l)" = 2 ] || fail twice
}

@test "stop, start, limit" {
	charger
	at "$DAY 10:32"
	run3 mkt charge stop ev-03
	status_is 0
	out_is "ev-03: stopped by hand: 'mkt charge start ev-03'"
	run3 mkt charge start ev-03
	status_is 2
	run3 mkt charge limit ev-03 14A --yes
	status_is 0
	run3 mkt charge start ev-03 --now --yes
	status_is 0
	out_has "charging at 14.0 A (all it can)"
	run3 mkt charge limit ev-03 3
	status_is 2
	err_has "'3' is no limit"
	run3 mkt charge limit ev-04 3A --yes
	status_is 5
	run3 mkt charge status ev-04
	status_is 5
	at "$DAY 11:00"
	[ "$(column ev-03 code)" = idle ] || fail "$(mkt charge status)"
	# One process writes the journal.
	run3 mkt --identity ev charge run --clock clock
	status_is 7
	err_has "another process writes"
}

@test "a circuit carries no more than its limit" {
	enroll grid
	enroll bus ev-1 ev-2
	sells 2kWh
	buys bus 2kWh
	sim shed heidelberg --units 2 --plugged --capacity 90000 --soc 100 --phases 1 --voltage 230000 --max 16000
	device ev-1 shed heidelberg "unit = 1" "phases = 1" "circuit = c"
	device ev-2 shed heidelberg "unit = 2" "phases = 1" "circuit = c"
	printf '[circuit.c]\nmax = 20A\nphases = 1\n' >>devices.conf
	driverd shed
	charge bus
	for t in 10:31 10:40 10:50; do
		at "$DAY $t"
		sum=$(mkt charge status --json | jq '[.data[].set_ma] | add')
		[ "$sum" -le 20000 ] && [ "$sum" -ge 14000 ] || fail "$(mkt charge status)"
	done
	at "$DAY 11:00"
	clock "$DAY 11:00"
	mkt wait contract 1 --state reported -q
	[ "$(mkt contracts 1 --json | jq '.data[0].draw_wh')" -ge 1980 ] || fail "$(mkt contracts 1)"
}

@test "what is sold comes from the battery" {
	enroll grid
	enroll store bat
	as store bid sell 900Wh --at "$W" --price 20/kWh -q
	as grid bid buy 900Wh --at "$W" --price 22/kWh -q
	sim cellar sunspec --battery --capacity 10000 --soc 500 --charge-max 3000 --discharge-max 3000
	device bat cellar sunspec "max_power = 3kW"
	driverd cellar
	charge store
	at "$DAY 10:45"
	[ "$(column bat set_w)" -lt -1700 ] || fail "$(mkt charge status)"
	[ "$(column bat side)" = supply ] || fail side
	at "$DAY 11:00"
	clock "$DAY 11:00"
	mkt wait contract 1 --state reported -q
	[ "$(mkt contracts 1 --json | jq '.data[0].supply_wh')" -ge 891 ] || fail "$(mkt contracts 1)"
}

@test "without the process: told, and stopped all the same" {
	enroll ev ev-03
	sim garage rapi --plugged --phases 1 --voltage 230000 --max 16000
	device ev-03 garage rapi
	driverd garage
	until_true eval '[ "$(column ev-03 state)" = ready ]'
	[ "$(column ev-03 reason)" = "'mkt charge run' does not run" ] || fail reason
	run3 mkt charge start ev-03 --yes
	status_is 7
	err_has "'mkt charge run' does not run here"
	run3 mkt charge stop ev-03
	status_is 0
	out_is "ev-03: paused; 'mkt charge run' does not run"
	run3 mkt charge log
	status_is 5
	run3 mkt charge stop "ev 03"
	status_is 5
}

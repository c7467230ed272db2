#!/usr/bin/env bash
# Random contracts over simulated chargers and batteries, with faults on the lines, relays
# that stick, counters that stand still and that roll over, and kill -9 of mkt charge run and
# mkt-driverd at any instant, on a simulated calendar: what flowed is what was contracted when
# the device could do it, never more than that and a step of the meter, and what flowed is
# what is reported.
#
# About 100 contracts in 2 windows; MKT_LONG=1: 500 in 10; `make soak`: 1300 in 26.
# MKT_SEED=N for another run.
set -u
cd "$(dirname "$0")/../.." || exit 2
root=$PWD
b=$root/${BUILD:-build}
seed=${MKT_SEED:-20261122}
windows=2
[ -z "${MKT_LONG:-}" ] || windows=10
windows=${MKT_WINDOWS:-$windows}
RANDOM=$((seed % 32768))
d=$(mktemp -d "${TMPDIR:-/tmp}/mkt-charge.XXXXXX") || exit 2
export HOME=$d TZ=UTC LC_ALL=C.UTF-8 MKT_SERVER=unix:$d/m/ledgerd.sock
export XDG_STATE_HOME=$d/state XDG_DATA_HOME=$d/data XDG_CONFIG_HOME=$d/config
unset MKT_IDENTITY MKT_ACCOUNT MKT_DEVICES MKT_TZ
declare -A pid
n=0 failed=0

end() {
	local p
	for p in "${pid[@]}"; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$d"
}
trap end EXIT
cd "$d" || exit 2

result() { # status, description
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}
bail() {
	echo "# $*"
	tail -n 5 ./*.log | sed 's/^/# /'
	echo "Bail out! $*"
	exit 1
}
until_true() {
	local i
	for i in $(seq 400); do "$@" && return 0; sleep 0.05; done
	return 1
}
m() { "$b/mkt" "$@"; }
as() { local who=$1; shift; m --identity "$who" "$@"; }
below() { echo $(((RANDOM * 32768 + RANDOM) % $1)); }

# ---- a chain, its accounts, what is contracted -----------------------------------------------

start=1795395600 # 2026-11-23 10:00 JST
m init -q --name demo --clock operator --start 2026-11-23T01:00:00Z --listen '' m || bail init
"$b/ledgerd" -f m/ledgerd.conf >ledgerd.log 2>&1 &
pid[ledgerd]=$!
m status -q >/dev/null || bail "no ledgerd"

declare -A number
enroll() { # name, chargers...
	local name=$1 c args=()
	shift
	for c; do args+=(--charger "$c"); done
	m key new -q "$name" &&
		m admin enroll -q "$name" "$(m key show "$name" --json | jq -r .data.account)" --class household "${args[@]}" &&
		m admin deposit -q "$name" 100000000JPY || bail "enroll $name"
	number[$name]=$(m account "$name" --json | jq -r .data.account)
}
sites="openevse bus store"
enroll grid
enroll openevse ev-1
enroll bus ev-2 ev-3
enroll store bat
line_of() { case $1 in openevse) echo l1 ;; bus) echo l2 ;; store) echo l3 ;; esac; }
devices_of() { case $1 in openevse) echo ev-1 ;; bus) echo ev-2 ev-3 ;; store) echo bat ;; esac; }
# Wh that a site can draw or supply in a window, with room for what faults cost.
most() { case $1 in openevse) echo 1600 ;; bus) echo 3000 ;; store) echo 2000 ;; esac; }

date_of() { date -u -d "@$1" +%Y-%m-%dT%H:%MZ; }
declare -A draw supply
contracts=0
trade() { # side of the site, site, window, Wh
	local at
	at="$(date_of "$3")/$(date -u -d "@$(($3 + 1800))" +%H:%MZ)"
	if [ "$1" = draw ]; then
		as grid bid sell "$4Wh" --at "$at" --price 20/kWh -q && as "$2" bid buy "$4Wh" --at "$at" --price 20/kWh -q
	else
		as grid bid buy "$4Wh" --at "$at" --price 20/kWh -q && as "$2" bid sell "$4Wh" --at "$at" --price 20/kWh -q
	fi || bail "no trade"
	contracts=$((contracts + 1))
}
# In pieces over a day, because gates close and windows open.
make_contracts() { # window
	local site parts left wh dir
	for site in $sites; do
		dir=draw
		[ "$site" != store ] || [ $((RANDOM % 2)) -eq 0 ] || dir=supply
		left=$(most "$site")
		for parts in {1..20}; do
			[ $((RANDOM % 6)) -gt 0 ] || continue
			wh=$((1 + $(below $((left / 6)))))
			left=$((left - wh))
			trade $dir "$site" "$1" $wh
			if [ $dir = draw ]; then
				draw[$site:$1]=$((${draw[$site:$1]:-0} + wh))
			else
				supply[$site:$1]=$((${supply[$site:$1]:-0} + wh))
			fi
		done
	done
}

# ---- devices ---------------------------------------------------------------------------------

mkfifo cal
"$b/tests/e2e/calendar" clock $((start * 1000)) <cal >cal.out 2>cal.log &
pid[calendar]=$!
exec 7>cal
until_true grep -q ready cal.out || bail calendar
told=1
tell() { # a command to the calendar; its answer is waited for
	echo "$1" >&7
	told=$((told + 1))
}
answered() { [ "$(wc -l <cal.out)" -ge $told ]; }
await() {
	local i
	for i in $(seq 12000); do answered && break; sleep 0.01; done
	answered || bail "the calendar stands still"
	tail -n 1 cal.out | grep -q '^error' && bail "$(tail -n 1 cal.out)"
	return 0
}

cat >script <<'END'
fault checksum every=41
fault noise every=67
fault half every=97
fault silence every=131
fault echo every=149
END
sim() { # name, program, options...
	local name=$1 program=$2
	shift 2
	mkfifo "$name.in"
	"$b/mkt-sim-$program" --pty "$d/$name" --clock clock --script script --seed $((seed % 1000)) "$@" <"$name.in" >"$name.log" 2>&1 &
	pid[$name]=$!
	case $name in l1) exec 11>l1.in ;; l2) exec 12>l2.in ;; l3) exec 13>l3.in ;; esac
	until_true grep -q ready "$name.log" || bail "no simulator $name"
}
sim l1 rapi --plugged --capacity 1000000 --soc 100 --phases 1 --voltage 230000 --max 16000
sim l2 heidelberg --units 2 --plugged --capacity 1000000 --soc 100 --phases 1 --voltage 230000 --max 16000
sim l3 sunspec --battery --capacity 1000000 --soc 500 --charge-max 5000 --discharge-max 5000

cat >devices.conf <<END
[site]
sockets = $d/run
[line.l1]
port = $d/l1
[device.ev-1]
line = l1
driver = rapi
poll = 500ms
lost = 20s
[line.l2]
port = $d/l2
[device.ev-2]
line = l2
driver = heidelberg
unit = 1
phases = 1
circuit = garage
lost = 20s
[device.ev-3]
line = l2
driver = heidelberg
unit = 2
phases = 1
circuit = garage
lost = 20s
[line.l3]
port = $d/l3
[device.bat]
line = l3
driver = sunspec
max_power = 5kW
poll = 1s
lost = 20s
[circuit.garage]
max = 32A
phases = 1
END

driverd() {
	"$b/mkt-driverd" --clock clock -f devices.conf "$1" >>"driverd-$1.log" 2>&1 &
	pid[driverd-$1]=$!
}
charge() {
	"$b/mkt" --identity "$1" -c core.state="$d/state-$1" charge run --clock clock --devices devices.conf -v >>"charge-$1.log" 2>&1 &
	pid[charge-$1]=$!
}
for l in l1 l2 l3; do driverd $l; done
listening() { [ -S "run/$1.sock" ]; }
for l in l1 l2 l3; do until_true listening $l || bail "no mkt-driverd $l"; done

# What is asked of a simulator is answered before anything else happens.
declare -A said=([l1]=0 [l2]=0 [l3]=0)
answers() { [ "$(grep -cE '^(ok|error)' "$1.log")" -gt "${said[$1]}" ]; }
order() { # line, words of the script
	case $1 in l1) echo "$2" >&11 ;; l2) echo "$2" >&12 ;; l3) echo "$2" >&13 ;; esac
	until_true answers "$1" || bail "the simulator of $1 does not answer"
	said[$1]=$((${said[$1]} + 1))
	! tail -n 1 "$1.log" | grep -q '^error' || bail "$2: $(tail -n 1 "$1.log")"
}
# What has flowed by physics, whatever meters show: $import and $export, Wh.
read_site() {
	local l
	l=$(line_of "$1")
	order "$l" show
	read -r import export < <(grep '^unit=' "$l.log" | tail -n "$(devices_of "$1" | wc -w)" |
		sed -E 's/.*import_mj=([0-9]+) export_mj=([0-9]+).*/\1 \2/' |
		awk '{ i += int($1 / 3600000); e += int($2 / 3600000) } END { print i + 0, e + 0 }')
}

# Faults of devices in a window, each with its end in it, so that borders are seen.
declare -A excused # site:window whose device cannot stop when it is told to
strike() { # window
	local at=$(($1 + 120 + RANDOM % 1200)) unit
	case $((RANDOM % 4)) in
	0)
		unit=$((1 + RANDOM % 2))
		order l2 "@$at unit=$unit stuck-relay on"
		order l2 "@$((at + 30 + RANDOM % 90)) unit=$unit stuck-relay off"
		excused[bus:$1]=1
		;;
	1)
		order l1 "@$at stuck-relay on"
		order l1 "@$((at + 30 + RANDOM % 90)) stuck-relay off"
		excused[openevse:$1]=1
		;;
	2)
		unit=$((1 + RANDOM % 3))
		order l$unit "@$at stale-meter on"
		order l$unit "@$((at + 10 + RANDOM % 80)) stale-meter off"
		;;
	esac
}

# ---- the day ---------------------------------------------------------------------------------

first=$((start + 5400)) # gates close an hour before
clock_to() { m admin clock -q --yes "$(date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ)" >/dev/null || bail "clock"; }
for ((i = 0; i < windows && i < 40; i++)); do make_contracts $((first + i * 1800)); done
for site in $sites; do charge "$site"; done
for site in $sites; do
	tell "need charge #${number[$site]}"
	await
done

kills=0
mischief() { # at any instant of what the calendar does
	local site line
	sleep "$((RANDOM % 3)).$((RANDOM % 10))"
	answered && return
	site=$(echo "$sites" | tr ' ' '\n' | sed -n $((1 + RANDOM % 3))p)
	line=$(line_of "$site")
	case $((RANDOM % 3)) in
	0)
		kill -9 "${pid[charge-$site]}" && wait "${pid[charge-$site]}" 2>/dev/null
		charge "$site"
		;;
	1)
		kill -9 "${pid[driverd-$line]}" && wait "${pid[driverd-$line]}" 2>/dev/null
		driverd "$line"
		;;
	2)
		order "$line" "hangup for=1"
		;;
	esac
	kills=$((kills + 1))
}

declare -A was
bad=0 off=0
judge() { # site, window, side, contracted, metered
	local tolerance=$(($4 / 100))
	[ $tolerance -ge 1 ] || tolerance=1
	if [ "$5" -lt $(($4 - tolerance)) ] || { [ "$5" -gt $(($4 + 1)) ] && [ -z "${excused[$1:$2]:-}" ]; }; then
		echo "# $1 window $(date_of "$2") $3: contracted $4 Wh, metered $5 Wh"
		bad=$((bad + 1))
	fi
	echo "$1 $2 $3 $5" >>metered
}
# Six digits of kWh: the end is in the first or second window.
for l in l1 l2 l3; do order $l "roll-over in=$((300 + RANDOM % 1500))"; done
tell "to $((first * 1000))"
await
for site in $sites; do
	read_site "$site"
	was[$site:i]=$import was[$site:e]=$export
done
for ((i = 0; i < windows; i++)); do
	w=$((first + i * 1800))
	strike $w
	tell "to $(((w + 1800) * 1000))"
	for _ in 1 2 3; do mischief; done
	await
	clock_to $((w + 1800))
	[ $((i % 40)) -ne 39 ] || bail "more windows than are open at once"
	for site in $sites; do
		read_site "$site"
		[ -z "${draw[$site:$w]:-}" ] || judge "$site" $w draw "${draw[$site:$w]}" $((import - was[$site:i]))
		[ -z "${supply[$site:$w]:-}" ] || judge "$site" $w supply "${supply[$site:$w]}" $((export - was[$site:e]))
		was[$site:i]=$import was[$site:e]=$export
	done
done
result $bad "$contracts contracts in $windows windows moved as contracted, $kills kills and pulled cables (MKT_SEED=$seed)"

# ---- what the chain was told -----------------------------------------------------------------

all_reported() {
	m log --kind contract,report --json >events &&
		jq -es 'map(select(.kind == "contract").exec) - map(select(.kind == "report").exec) == []' events >jq.log
}
until_true all_reported
result $? "every contract is reported"
# Sums of what was reported, by account, window and side.
jq -rs '
	(map(select(.kind == "contract")) | map({key: (.exec | tostring), value: .}) | from_entries) as $c |
	map(select(.kind == "report")) | group_by([.account_name, $c[.exec | tostring].window.start, .side])[] |
	"\(.[0].account_name) \($c[.[0].exec | tostring].window.start | fromdate) \(.[0].side) \(map(.reported_wh) | add)"
' events 2>jq.log | sort >reported || cat jq.log
sort metered >metered.sorted
diff metered.sorted reported >differ
result $? "every report equals the meter"
sed 's/^/# /' differ | head -20
twice=$(jq -rs 'map(select(.kind == "report")) | group_by([.exec, .side])[] | select(length > 1) | .[0].exec' events)
[ -z "$twice" ]
result $? "nothing is reported twice"
if [ $failed -ne 0 ] && [ -n "${MKT_KEEP:-}" ]; then cp -r "$d" "$MKT_KEEP"; fi
echo "1..$n"
exit $failed

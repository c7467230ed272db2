#!/usr/bin/env bats
# Days of the market with a ledgerd of its own: every rule kept, the same again, nothing left.
load helper

DATA=$ROOT/../shared/data
[ -z "${MKT_PROFILES:-}" ] || DATA=$MKT_PROFILES

setup() {
	private_home
	export TMPDIR=$HOME/tmp
	mkdir "$TMPDIR"
}

# Nothing is left: no file of the run, no ledgerd that was started with one.
nothing_left() {
	[ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls -A "$TMPDIR")"
	local f
	for f in /proc/[0-9]*/cmdline; do
		[[ $(tr '\0' ' ' 2>/dev/null <"$f") != @(ledgerd|mkt-)*"$TMPDIR"* ]] || fail "a process is left: $f"
	done 2>/dev/null
}

# wait_for FILE...: until one of the patterns names a file; 10 s at most.
wait_for() {
	local end=$((SECONDS + 10))
	until compgen -G "$1" >/dev/null; do
		[ $SECONDS -lt $end ] || return 1
		read -r -t 0.02 <> <(:) || true
	done
}

@test "a day of a made-up community keeps every rule" {
	run3 mkt sim --json
	status_is 0
	err_is ""
	[ "$(json .schema <<<"$out")" = mkt.sim/1 ]
	[ "$(json '.data | [.days, .windows, .participants, .refused, .over_contracted_wh, .stray_contracts]' <<<"$out")" = '[1,48,21,0,0,0]' ] || fail figures
	[ "$(json '.data | [.money_conserved, .holds, .deposits_uc == .accounts_uc, .contracts == .settled]' <<<"$out")" = '[true,true,true,true]' ] || fail rules
	[ "$(json '.data | .contracts > 150 and .transactions_per_1000_contracts < 4000' <<<"$out")" = true ] || fail contracts
	[ "$(json '.data | .participant_transactions > .contracts / 2 and .participant_transactions < .transactions' <<<"$out")" = true ] || fail counted
	[ "$(json '.data | .neighbour_wh > 0 and .neighbour_price_ujpy_per_wh > 8000' <<<"$out")" = true ] || fail neighbours
	[ "$(json '.data | .delivered_wh > 0 and .delivered_wh <= .contracted_wh and .cars_missed_wh == 0' <<<"$out")" = true ] || fail metered
	nothing_left
}

@test "a day through mkt-driverd and simulated devices: their meters say what was asked" {
	run3 mkt sim --devices --json
	status_is 0
	err_is ""
	[ "$(json '.data | [.devices, .refused, .over_contracted_wh, .holds]' <<<"$out")" = '[26,0,0,true]' ] || fail "$out"
	[ "$(json '.data | .devices_asked_wh > 50000 and .devices_short_wh * 100 <= .devices_asked_wh' <<<"$out")" = true ] || fail "short: $out"
	[ "$(json '.data | .devices_over_wh * 500 <= .devices_asked_wh and .devices_orders > 100' <<<"$out")" = true ] || fail "over: $out"
	nothing_left
}

@test "the same seed gives the same state, another one another" {
	a=$(mkt sim --seed 7 --json | json .data.digest)
	b=$(mkt sim --seed 7 --json | json .data.digest)
	c=$(mkt sim --seed 8 --json | json .data.digest)
	[ -n "$a" ] && [ "$a" = "$b" ] && [ "$a" != "$c" ]
}

@test "a community of any size, the same each time" {
	run3 mkt sim --scale 120 --json
	status_is 0
	a=$out
	[ "$(json '.data | [.participants, .refused, .over_contracted_wh, .holds]' <<<"$a")" = '[120,0,0,true]' ] || fail "$a"
	[ "$(json '.data.contracts > 800' <<<"$a")" = true ] || fail "$a"
	[ "$(mkt sim --scale 120 --json | json .data.digest)" = "$(json .data.digest <<<"$a")" ] || fail digest
	run3 mkt sim --scale 120 --devices
	status_is 2
	run3 mkt sim --scale 0
	status_is 2
	nothing_left
}

@test "every account holds what its bill says, and nobody pays above retail" {
	run3 mkt sim --days 2 --seed 5 --json
	status_is 0
	[ "$(json '.data | .holds and .bills_uc != "0" and .retailer_alone_uc != "0"' <<<"$out")" = true ] || fail "$out"
	run3 mkt sim --days 2 --seed 5
	out_has "at the retailer alone"
	out_has "dearer than the retailer"
	out_has "0 of 21 bought, 0 sold below feed-in"
	out_has "pay more than alone"
}

@test "people read a table beside the paper's figures" {
	run3 mkt sim
	status_is 0
	out_has "1 day from 2019-06-17, a made-up community, seed 1"
	out_has "7,861,004"
	[[ $out =~ over-contracted\ +0\ Wh ]] || fail "over-contracted"
	[[ $out =~ money\ conserved\ +yes, ]] || fail money
	[[ $out =~ state\ [0-9a-f]{64} ]] || fail digest
}

@test "porcelain has the same figures, --fields picks" {
	run3 mkt sim --porcelain --fields days,over_contracted_wh,holds
	status_is 0
	out_is "$(printf '# mkt-sim 1\n# fields type\tdays\tover_contracted_wh\tholds\nsim\t1\t0\t1')"
	run3 mkt sim --json --fields nonsense
	status_is 2
}

@test "measured profiles play" {
	[ -e "$DATA/participants.csv" ] || skip "no measured profiles in '$DATA': set MKT_PROFILES"
	run3 mkt sim --profiles "$DATA" --from 2019-06-22 --days 2 --json
	status_is 0
	[ "$(json '.data | [.from, .windows, .participants, .refused, .over_contracted_wh, .holds]' <<<"$out")" = '["2019-06-21T15:00:00Z",96,21,0,0,true]' ] || fail figures
	[ "$(json '.data | .neighbour_contracts > 50 and .car_sessions > 5 and .cars_missed_wh == 0' <<<"$out")" = true ] || fail trade
	nothing_left
	run3 mkt sim --profiles "$DATA" --from 2019-06-16
	status_is 2
	err_is "mkt: the profiles begin later than that day
hint: the first whole day is 2019-06-17"
	run3 mkt sim --profiles "$DATA" --from 2020-08-31 --days 2
	status_is 2
	err_is "mkt: the profiles do not reach as far as that
hint: their last whole day is 2020-08-31"
}

@test "no participant pays more than alone" {
	[ -e "$DATA/participants.csv" ] || skip "no measured profiles in '$DATA': set MKT_PROFILES"
	run3 mkt sim --profiles "$DATA" --from 2019-10-01 --days 14 --json
	status_is 0
	[ "$(json '.data | .worse_off == 0 and .neighbour_contracts > 400' <<<"$out")" = true ] || fail "$out"
}

@test "a day with a clock change has 46 or 50 windows" {
	run3 mkt sim --zone Europe/Oslo --latitude 59.9 --from 2020-03-29 --json --fields windows,holds
	[ "$(json .data <<<"$out")" = '{"windows":46,"holds":true}' ] || fail spring
	run3 mkt sim --zone Europe/Oslo --latitude 59.9 --from 2020-10-25 --json --fields windows,holds
	[ "$(json .data <<<"$out")" = '{"windows":50,"holds":true}' ] || fail autumn
}

@test "a fault in a profile is told with its place and nothing starts" {
	mkdir p
	printf 'id,kind,pv_w,battery_wh,battery_w,battery_round_trip_pct,charger_w,chargers\na1,household,0,0,0,0,0,0\n' >p/participants.csv
	printf 'window,a1\n1560697200,12.5\n' >p/load_30min.csv
	printf 'window,price_upwh\n1560697200,8000\n' >p/prices_30min.csv
	run3 mkt sim --profiles p
	status_is 2
	err_is "mkt: load_30min.csv:2: column 'a1': '12.5' is not a whole number"
	printf 'id,kind,pv_w,battery_wh,battery_w,battery_round_trip_pct,charger_w,chargers\nretailer,household,0,0,0,0,0,0\n' >p/participants.csv
	printf 'window,retailer\n1560697200,12\n' >p/load_30min.csv
	run3 mkt sim --profiles p
	status_is 2
	err_is "mkt: a participant cannot be named 'retailer'"
	nothing_left
}

@test "wrong options say what is wrong" {
	for o in "--latitude 70" "--latitude 1e1" "--from yesterday" "--from 2019-6-1" "--days 0" "--zone Mars/Olympus" "--ledgerd /nonexistent"; do
		# shellcheck disable=SC2086
		run3 mkt sim $o
		status_is 2
		[ -n "$err" ] || fail "$o says nothing"
	done
	run3 mkt sim --days 3 --dry-run
	status_is 0
	out_is "dry run: would play 144 windows for 21 participants"
	nothing_left
}

@test "--keep keeps a chain, never over another one" {
	run3 mkt sim --keep chain --json
	status_is 0
	[ -f chain/genesis ] && [ -d chain/blocks ]
	nothing_left
	run3 mkt sim --keep chain
	status_is 3
	[ "$err" != "" ]
	nothing_left
}

@test "a kept chain passes mkt verify" {
	mkt --list-cmds=main | grep -qx verify || skip "there is no mkt verify"
	mkt sim --keep chain -q >/dev/null
	run3 mkt verify chain
	status_is 0
}

@test "Ctrl-C ends it and leaves nothing" {
	"$BUILD_DIR/mkt" sim --days 400 >.out 2>.err &
	pid=$!
	wait_for "$TMPDIR/mkt-sim.*/sock" || fail "it did not begin"
	kill -INT $pid
	status=0
	wait $pid || status=$?
	err=$(cat .err) out=$(cat .out)
	status_is 130
	out_is ""
	nothing_left
}

@test "--timeout ends it" {
	run3 mkt sim --days 400 --timeout 300ms
	status_is 7
	err_has "windows are played, and the time is over"
	nothing_left
}

@test "a ledgerd that dies is told, with what it said" {
	printf '#!/bin/sh\necho "ledgerd: error: no luck today" >&2\nexit 7\n' >bad
	chmod +x bad
	run3 mkt sim --ledgerd ./bad
	status_is 7
	err_has "ledgerd ended with status 7: ledgerd: error: no luck today"
	nothing_left
	"$BUILD_DIR/mkt" sim --days 400 >.out 2>.err &
	pid=$!
	wait_for "$TMPDIR/mkt-sim.*/chain/db" || fail "it did not begin"
	child=$(cat "/proc/$pid/task/$pid/children")
	# shellcheck disable=SC2086
	kill -KILL $child
	status=0
	wait $pid || status=$?
	err=$(cat .err) out=$(cat .out)
	status_is 7
	err_has "ledgerd was ended by signal 9"
	nothing_left
}

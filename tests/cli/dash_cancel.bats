#!/usr/bin/env bats
# The panes Contracts and Account against a real ledgerd: what they show, and bids really cancelled.
load chain

# The lines of a script, as arguments, done off-screen: script WHO [OPTION...] -- LINE...
script() {
	local who=$1 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	printf '%s\n' "$@" >script
	run3 mkt --identity "$who" dash "${options[@]}" --script script
}

open_bids() { as "$1" bids --porcelain --fields bid | awk '/^bid/ { print $2 }' | tr '\n' ' '; }

village() {
	accounts elm oak
	as elm bid sell 6kWh --at "$W" --price green=20/kWh -q # b1
	as oak bid buy 4kWh --at "$W" --price green=22/kWh -q  # b2, c1
	as oak bid buy 1kWh --at "$W2" --price green=18/kWh --price brown=17/kWh -q # b3
	as oak bid buy 2kWh --at "$W2" --price green=19/kWh -q # b4
	as oak bid sell 3kWh --at "$W3" --price brown=25/kWh -q # b5
}

@test "one bid, all marked ones, or not: on the chain" {
	village
	[ "$(open_bids oak)" = "3 4 5 " ] || fail before
	# No, and without --control: nothing happens.
	script oak --control -- "key 6" "wait b3" "key c" "wait Cancel bid b3" "wait mkt --identity oak cancel b3 --yes" "key n" "gone cancel b3 --yes"
	status_is 0
	script oak -- "key 6" "wait b3" "key c" "wait read-only"
	status_is 0
	[ "$(open_bids oak)" = "3 4 5 " ] || fail "not asked for"
	script oak --control -- "key 6" "wait [bids 3]" "key c" "wait Cancel bid b3" "key y" "wait [bids 2]" screen
	status_is 0
	out_lacks "b3  "
	[ "$(open_bids oak)" = "4 5 " ] || fail one
	script oak --control -- "key 6" "wait [bids 2]" "key Space" "key Space" "key c" "wait Cancel 2 bids" \
		"wait mkt --identity oak cancel b4 b5" "key y" "wait no open bids"
	status_is 0
	[ "$(open_bids oak)" = "" ] || fail all
	[ "$(mkt account oak --json | json .data.held_ujpy)" = 0 ] || fail held
}

@test "what stands under the dialog may change: its numbers do not" {
	village
	mkfifo steps
	as oak dash --control --script steps >pictures 2>errors &
	exec 7>steps
	printf '%s\n' "key 6" "wait [bids 3]" "key Down" "key c" "wait Cancel bid b4" screen >&7
	for i in $(seq 300); do grep -q "Cancel bid b4" pictures && break; sleep 0.1; done
	as oak cancel b3 -q --yes
	as oak bid buy 5kWh --at "$W2" --price green=16/kWh -q # b6 comes to stand below
	printf '%s\n' "key y" "wait Cancel bid b4: b4 cancelled" "wait b6" >&7
	exec 7>&-
	wait $! || { cat pictures errors >&2; false; }
	[ "$(open_bids oak)" = "5 6 " ] || fail "another bid was cancelled"
}

@test "contracts: states come with events; detail and why" {
	village
	script oak -- "key 3" "wait coming" "wait 11-23 10:30" "key Enter" "wait elm sells 4.000 kWh to oak" \
		"wait not reported" "key Esc" "key w" "wait mkt why c1" "wait 22.00 JPY/kWh" "key Esc" screen
	status_is 0
	out_has "1 coming"
	clock "$DAY 11:00"
	as elm report c1 3.5kWh -q
	as oak report c1 4kWh -q
	run3 as oak dash contracts --once
	status_is 0
	out_has "1 short"
	[[ $out =~ c1\ +short\ +11-23\ 10:30\ +buy\ +elm.*87% ]] || fail row
	# The operator sees everybody's.
	run3 mkt dash contracts --once --size 132x43
	out_has "elm to oak"
	script oak -- "key 6" "wait 2026-11 so far:" "key Right" "wait c1 settled: 3.500 kWh of 4.000 kWh from elm" screen
	status_is 0
	[[ $out =~ c1\ settled.*\ -70 ]] || fail statement
	[[ $out =~ "2026-11 so far:".*"bought 3.500 kWh -70" ]] || fail bill
}

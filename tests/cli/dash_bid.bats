#!/usr/bin/env bats
# Bids from the dashboard, on a real chain: what they would do is shown first, nothing goes by one key.
load chain

script() { # WHO [OPTION...] -- LINE...
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
}

@test "from the account: a line, a preview, a question, a bid" {
	village
	script oak --control -- "key 6" "wait no open bids" "key b" "wait bid buy" "key C-u" \
		"keys buy 4kWh --at '$W' --price green=22/kWh" "key Enter" \
		"wait 4.000 kWh matched in 1 contract" "wait mkt bid buy" "wait at block" screen "key n" "gone mkt bid buy"
	status_is 0
	run3 mkt contracts --all --json
	[ "$(json '.data | length' <<<"$out")" = 0 ] || fail "sent by one key"
	script oak --control -- "key 6" "wait no open bids" "key b" "wait bid buy" "key C-u" \
		"keys buy 4kWh --at '$W' --price green=22/kWh" "key Enter" "wait mkt bid buy" "key y" "wait b2" screen
	status_is 0
	run3 mkt contracts --all --json
	[ "$(json '.data | map(.energy_wh) == [4000]' <<<"$out")" = true ] || fail "$out"
}

@test "from the book: the selected window and tags are there already" {
	village
	script oak --control -- "key 2" "wait SELL kWh" "key b" "wait bid buy 1kWh --at" "keys 21/kWh" "key Enter" \
		"wait mkt bid buy 1kWh" "wait brown=21/kWh" "wait 1.000 kWh left" "key y" "wait b2" screen
	status_is 0
	[ "$(open_bids oak)" = "2 " ] || fail "no bid"
}

@test "what is wrong is said, and the line comes back" {
	village
	script oak --control -- "key 6" "wait no open bids" "key s" "wait bid sell" "key C-u" \
		"keys sell 4kWh --at '$W' --price green=22.555555555/kWh" "key Enter" "wait would be refused" "wait mkt: " "key Esc" "wait bid sell 4kWh"
	status_is 0
	script oak --control -- "key 6" "wait no open bids" "key s" "wait bid sell" "key C-u" "key Enter" "wait nothing was typed"
	status_is 0
	[ "$(open_bids oak)" = "" ] || fail "a bid"
}

@test "without --control nothing is asked" {
	village
	script oak -- "key 6" "wait no open bids" "key b" "wait read-only"
	status_is 0
	script oak -- "key 2" "wait SELL kWh" "key s" "wait read-only"
	status_is 0
}

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
	script oak --control -- "key 6" "wait no open bids" "key b" "wait amount   1kWh" \
		"key C-u" "keys 4kWh" "key Tab" "key C-u" "keys $W" "key Tab" "keys green=22/kWh" \
		"wait 4.000 kWh matched in 1 contract" screen "key Enter" "wait y does it" "wait That is at block" screen \
		"key n" "wait amount   4kWh" "key Esc" "wait nothing was bid" "gone amount"
	status_is 0
	run3 mkt contracts --all --json
	[ "$(json '.data | length' <<<"$out")" = 0 ] || fail "sent by one key"
	script oak --control -- "key 6" "wait no open bids" "key b" "wait amount   1kWh" \
		"key C-u" "keys 4kWh" "key Tab" "key C-u" "keys $W" "key Down" "keys green=22/kWh" "key Enter" "wait y does it" \
		"key y" "wait Bid: b2" "gone amount" screen
	status_is 0
	run3 mkt contracts --all --json
	[ "$(json '.data | map(.energy_wh) == [4000]' <<<"$out")" = true ] || fail "$out"
}

@test "from the book: the selected window and tags are there already" {
	village
	script oak --control -- "key 2" "wait SELL kWh" "key b" "wait prices   brown=" "key S-Tab" "key s" "wait mkt --identity oak bid sell" "key Space" \
		"key Up" "key Up" "keys 21/kWh" "wait 1.000 kWh left" "key Enter" "wait y does it" "wait brown=21/kWh" \
		"key y" "wait Bid: b2" screen
	status_is 0
	[ "$(open_bids oak)" = "2 " ] || fail "no bid"
}

@test "what is wrong is told in the form, nothing is sent, and it can be mended" {
	village
	script oak --control -- "key 6" "wait no open bids" "key s" "wait side     sell" "wait it would not be taken" \
		"key Down" "key Down" "keys 22.555555555/kWh" "wait mkt: " "key Enter" "wait would be refused" screen \
		"resize 40x12" "wait 22.555555555" screen "resize 80x24" "key C-u" "keys 22/kWh" "wait it would now" \
		"key Up" "key Up" "key C-u" "wait how much energy" "key Enter" "gone y does it" "key Esc"
	status_is 0
	[ "$(open_bids oak)" = "" ] || fail "a bid"
}

@test "several windows, several prices, options" {
	village
	script oak --control -- "key 6" "wait no open bids" "key b" "wait amount   1kWh" "key C-u" "keys 8kWh" "key Tab" \
		"key C-u" "keys $W; $W2" "key Tab" "keys green=22/kWh brown=19/kWh" "key Tab" "keys --ioc" \
		"wait 6.000 kWh matched" screen "key Enter" "wait y does it" "key y" "wait Bid: b2" "gone amount"
	status_is 0
	run3 mkt contracts --all --json
	[ "$(json '.data | map(.energy_wh) == [6000]' <<<"$out")" = true ] || fail "$out"
	[ "$(open_bids oak)" = "" ] || fail "a bid rests"
}

@test "without --control nothing is asked" {
	village
	script oak -- "key 6" "wait no open bids" "key b" "wait read-only"
	status_is 0
	script oak -- "key 2" "wait SELL kWh" "key s" "wait read-only"
	status_is 0
}

#!/usr/bin/env bats
# Waiting: at once, later, never; deadlines; forms.
load chain

@test "what is so already is told at once" {
	accounts a b
	as a bid buy 2kWh --at "$W" --price 20/kWh -q
	as b bid sell 1kWh --at "$W" --price 20/kWh -q
	run3 mkt wait bid b1 --state matched
	status_is 0
	err_is ""
	out_is "bid b1: open"
	run3 mkt wait bid b2
	status_is 0
	out_is "bid b2: filled"
	run3 mkt wait height 3
	status_is 0
	out_is "height 3: 6"
	run3 mkt wait until 2026-11-22T00:00:00Z --json
	status_is 0
	out_is '{"schema":"mkt.wait/1","what":"until","id":"2026-11-22T00:00:00Z","state":"2026-11-22 09:00:00 JST","met":true}'
}

@test "the deadline is status 1, without a message" {
	account a
	as a bid buy 2kWh --at "$W" --price 20/kWh -q
	run3 mkt wait bid 1 --deadline 50ms
	status_is 1
	err_is ""
	out_is "bid b1: open"
	run3 mkt wait height 99 --deadline 50ms --json
	status_is 1
	[ "$(json -c '[.id, .met]' <<<"$out")" = '["99",false]' ] || fail json
	run3 mkt wait until 2026-11-23T00:00:00Z --deadline 50ms -q
	status_is 1
	out_is ""
	run3 mkt wait height 99 --timeout 50ms
	status_is 1
}

@test "what can never be is told at once, not at the deadline" {
	account a
	as a bid buy 2kWh --at "$W" --price 20/kWh -q
	as a cancel 1 -q
	run3 mkt wait bid 1 --deadline 10m
	status_is 1
	out_is "bid b1: cancelled"
	run3 mkt wait bid 1 --state closed
	status_is 0
	run3 mkt wait bid 9
	status_is 5
}

@test "events end the waiting" {
	accounts a b
	as a bid buy 2kWh --at "$W" --price 20/kWh -q
	mkt wait bid 1 --deadline 20s >w1 3>&- &
	one=$!
	mkt wait until "$DAY 11:00" --deadline 20s >w2 3>&- &
	two=$!
	as b bid sell 2kWh --at "$W" --price 20/kWh -q
	wait $one
	[ "$(cat w1)" = "bid b1: filled" ] || fail "$(cat w1)"
	mkt wait contract 1 --deadline 20s >w3 3>&- &
	three=$!
	clock "$DAY 11:00"
	wait $two
	[ "$(cat w2)" = "until $DAY 11:00: 2026-11-23 11:00:00 JST" ] || fail "$(cat w2)"
	as a report 1 2kWh -q
	as b report 1 2kWh -q
	wait $three
	[ "$(cat w3)" = "contract c1: settled" ] || fail "$(cat w3)"
}

@test "the server restarts meanwhile" {
	account a
	as a bid buy 2kWh --at "$W" --price 20/kWh -q
	mkt wait bid 1 --state closed --deadline 20s >w 3>&- &
	waiting=$!
	stop_ledgerd
	start_ledgerd
	as a cancel 1 -q
	wait $waiting
	[ "$(cat w)" = "bid b1: cancelled" ] || fail "$(cat w)"
}

@test "how a bid ended is told only when it is known" {
	account a
	local i
	for i in 1 2 3 4 5 6 7 8; do
		as a bid buy 2kWh --at "$W" --price 20/kWh -q
		mkt wait bid $i --state closed --deadline 20s >w 3>&- &
		waiting=$!
		# Not even while the block that cancels it is executed and on its way to the disk.
		as a cancel $i -q &
		now=open
		while [ "$now" = open ]; do
			now=$(curl -s --unix-socket m/ledgerd.sock http://mkt/v1/bids/$i | jq -r .data.state)
		done
		[ "$now" = cancelled ] || fail "$now"
		wait $waiting
		[ "$(cat w)" = "bid b$i: cancelled" ] || fail "$(cat w)"
	done
}

@test "a transaction by request; usage" {
	account a
	as a bid buy 2kWh --at "$W" --price 20/kWh -q --request-id r
	run3 as a wait tx --request-id r
	status_is 0
	[[ $out == *": sealed in block 3" ]] || fail out
	run3 as a wait tx --request-id other --deadline 50ms
	status_is 1
	[[ $out == *": not on the chain" ]] || fail out
	run3 mkt wait tx
	status_is 2
	run3 mkt wait tx 12345678
	status_is 2
	run3 mkt wait height x
	status_is 2
	run3 mkt wait bid 1 --deadline 5
	status_is 2
	run3 mkt wait
	status_is 2
}

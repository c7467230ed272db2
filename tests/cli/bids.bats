#!/usr/bin/env bats
# Lists of bids: open, past, of everybody; pages; forms.
load chain

@test "open bids, a line a leg; -v tells account and escrow" {
	account a
	as a bid buy 2kWh --at "$DAY 14:00-15:00" --price green=24/kWh --price brown=22/kWh -q
	run3 as a bids
	status_is 0
	err_is ""
	[ "$(sed 's/ *$//' <<<"$out")" = "bid  state  side  left kWh  of kWh  window                      tags   limit JPY/kWh
b1   open   buy   2.000     2.000   2026-11-23 14:00-14:30 JST  green          24.00
                                    2026-11-23 14:00-14:30 JST  brown          22.00
                                    2026-11-23 14:30-15:00 JST  green          24.00
                                    2026-11-23 14:30-15:00 JST  brown          22.00" ] || fail picture
	run3 as a bids -v
	out_has "held JPY"
	out_has "48.00"
}

@test "more than four legs are counted, -v shows them" {
	account a
	as a bid buy 2kWh --at "$DAY 14:00-17:00" --price green=24/kWh -q
	run3 as a bids
	[ "$(wc -l <<<"$out")" = 5 ] || fail lines
	out_has "~ 2 more"
	run3 as a bids -v
	[ "$(wc -l <<<"$out")" = 7 ] || fail "-v"
}

@test "json: the fields are these" {
	account a
	as a bid buy 2kWh --at "$W" --price green=24/kWh --until "$DAY 09:00" -q
	run3 as a bids --json
	[ "$(json '.schema, (.data[0] | keys_unsorted | join(",")), (.data[0].legs[0] | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.bids/1 bid,state,side,account,account_name,amount_wh,left_wh,filled_wh,held_ujpy,time,until,ioc,fok,post_only,legs window,tag,price_ujpy_per_wh,open " ] || fail fields
	[ "$(json -c '.data[0] | [.bid, .state, .account_name, .held_ujpy, .time, .until]' <<<"$out")" = \
		'["1","open","a","48000000","2026-11-22T00:00:00.000Z","2026-11-23T00:00:00Z"]' ] || fail values
	run3 as a bids --porcelain
	[ "$(tail -3 <<<"$out")" = "# fields.leg type	window	tag	price_ujpy_per_wh	open
bid	1	open	buy	1	a	2000	2000	0	48000000	1795305600000	1795392000	0	0	0
leg	1795397400	green	24000	1" ] || fail porcelain
}

@test "past bids, newest first, with their end" {
	accounts a b
	as a bid buy 1kWh --at "$W" --price 20/kWh -q
	as a bid buy 2kWh --at "$W" --price 19/kWh -q
	as b bid sell 1kWh --at "$W" --price 20/kWh -q
	as a cancel 2 -q
	as a bid buy 3kWh --at "$W" --price 18/kWh -q
	clock "$DAY 10:25"
	run3 as a bids --past --json
	[ "$(json -c '[.data[] | [.bid, .state, .filled_wh]]' <<<"$out")" = \
		'[["4","expired",0],["2","cancelled",0],["1","filled",1000]]' ] || fail ends
	run3 as a bids --json
	[ "$(json -c .data <<<"$out")" = '[]' ] || fail open
}

@test "pages: a cursor goes on, the end has none" {
	account a
	for i in 1 2 3; do as a bid buy ${i}kWh --at "$W" --price 20/kWh -q; done
	run3 as a bids --limit 2 --json
	[ "$(json -c '[.data[].bid, .next]' <<<"$out")" = '["1","2","2"]' ] || fail first
	run3 as a bids --limit 2 --cursor 2 --json
	[ "$(json -c '[.data[].bid, .next]' <<<"$out")" = '["3",null]' ] || fail last
	run3 as a bids --limit 2
	[ "$(tail -1 <<<"$out")" = "~ more: --cursor 2" ] || fail hint
	run3 as a bids --past --limit 1001
	status_is 2
}

@test "of everybody; of another account; without a key" {
	accounts a b
	as a bid buy 1kWh --at "$W" --price 20/kWh -q
	as b bid buy 1kWh --at "$W" --price 20/kWh -q
	[ "$(mkt bids --all --identity nobody --json | json -c '[.data[].account_name]')" = '["a","b"]' ] || fail all
	[ "$(mkt bids --account b --json | json -c '[.data[].bid]')" = '["2"]' ] || fail other
	[ "$(mkt bids --account '#1' --json | json -c '[.data[].bid]')" = '["1"]' ] || fail number
	run3 mkt bids --identity nobody
	status_is 5
	run3 mkt bids --account nobody
	status_is 5
	err_has "there is no account 'nobody'"
	run3 mkt bids --all --past
	status_is 2
}

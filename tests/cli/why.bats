#!/usr/bin/env bats
# Reasons, from the chain alone.
load chain

reasons() { mkt why "$1" --json | jq -c '[.data.reason[].code]'; }

@test "which leg won, against whom, what the other would have cost" {
	accounts a b
	as a bid sell 50Wh --at "$W" --price green=85/kWh -q
	as a bid sell 50Wh --at "$W" --price brown=75/kWh -q
	as b bid buy 50Wh --at "$W" --price green=100/kWh --price brown=80/kWh -q
	run3 mkt why c1
	status_is 0
	err_is ""
	out_is "c1: 0.050 kWh from a to b, 2026-11-23 10:30-11:00 JST green at 85.00 JPY/kWh; matched
- c1: leg 1 (2026-11-23 10:30-11:00 JST green, limit 100.00 JPY/kWh) took 0.050 kWh from b1 at 85.00 JPY/kWh, the limit of b1, which rested first; the next best was leg 2 at 75.00 JPY/kWh: a surplus of 5.00 JPY/kWh there, of 15.00 JPY/kWh here
- nothing is reported yet; reports are taken until 2026-11-23 12:00:00 JST"
	run3 mkt why b3 --json
	[ "$(json '.schema, (.data | keys_unsorted | join(",")), (.data.subject | keys_unsorted | join(",")), (.data.reason[0] | keys_unsorted | join(","))' <<<"$out")" = \
		"mkt.why/1
subject,reason
kind,id,state,text
code,height,leg,against_bid,exec,price_ujpy_per_wh,surplus_ujpy_per_wh,alt_leg,alt_price_ujpy_per_wh,alt_surplus_ujpy_per_wh,text" ] || fail fields
	[ "$(json -c '.data.subject | [.kind, .id, .state]' <<<"$out")" = '["bid","3","filled"]' ] || fail subject
	[ "$(json -c '.data.reason[0] | [.code, .leg, .against_bid, .exec, .price_ujpy_per_wh, .surplus_ujpy_per_wh, .alt_leg, .alt_price_ujpy_per_wh, .alt_surplus_ujpy_per_wh]' <<<"$out")" = \
		'["took",0,"1","1",85000,15000,1,75000,5000]' ] || fail reason
	[ "$(reasons b1)" = '["taken","filled"]' ] || fail maker
}

@test "why it rests: nobody there, too far apart, one's own, a gate" {
	accounts a b
	as a bid sell 1kWh --at "$W" --price brown=30/kWh -q
	as b bid buy 1kWh --leg "$W,green,20/kWh" --leg "$W,brown,25/kWh" -q
	run3 mkt why b2
	status_is 0
	out_has "leg 1 (2026-11-23 10:30-11:00 JST green, limit 20.00 JPY/kWh) rests: nobody sells there"
	out_has "leg 2 (2026-11-23 10:30-11:00 JST brown, limit 25.00 JPY/kWh) rests: the best price there is 30.00 JPY/kWh, 5.00 JPY/kWh away"
	as a bid buy 1kWh --leg "$W,brown,40/kWh" --leg "$W2,brown,1/kWh" -q
	[ "$(reasons b3)" = '["own-offer","no-offer"]' ] || fail own
	clock "$DAY 10:25"
	[ "$(reasons b3)" = '["gate-closed","no-offer"]' ] || fail gate
	[ "$(reasons b2)" = '["expired"]' ] || fail expired
	run3 mkt why b2
	out_has "b2 of b has expired: the gates of all its windows are closed; 1.000 kWh of 1.000 kWh were not matched"
}

@test "ends: cancelled, reduced, suspended" {
	account a
	as a bid buy 2kWh --at "$W" --price 20/kWh -q
	as a bid reduce 1 --left 1kWh -q
	as a cancel 1 -q
	[ "$(reasons b1)" = '["result","cancelled","result"]' ] || fail cancelled
	as a bid buy 2kWh --at "$W" --price 20/kWh -q
	mkt admin suspend -q a --yes
	[ "$(reasons 2)" = '["suspended"]' ] || fail suspended
}

@test "how a contract was settled, and who was charged" {
	accounts a b
	as a bid sell 4kWh --at "$W" --price 20/kWh -q
	as b bid buy 4kWh --at "$W" --price 20/kWh -q
	clock "$DAY 11:00"
	as a report c1 3kWh -q
	run3 mkt why c1
	out_has "one side is reported; it settles with the other, or at 2026-11-23 12:00:00 JST"
	clock "$DAY 12:00"
	run3 mkt why c1
	out_has "c1: a reports 3.000 kWh supplied"
	out_has "c1 settled: 3.000 kWh of 4.000 kWh delivered, b pays a 60 JPY"
	out_has "a is charged 45 JPY for what is short"
	out_has "nobody reported the draw"
}

@test "a refused transaction, with the leg in words" {
	account a
	as a bid buy 1kWh --at "$W" --price green=500/kWh -q --request-id bad 2>/dev/null || true
	id=$(as a tx --request-id bad --json | jq -r .data.tx.tx)
	run3 mkt why "$id"
	status_is 0
	out_has "operation 1, bid, was refused: the price is out of range for leg 1 (2026-11-23 10:30-11:00 JST green, limit 500.00 JPY/kWh); see 'mkt market' for the range"
	[ "$(reasons "$id")" = '["price-range"]' ] || fail code
}

@test "unknown things" {
	run3 mkt why b1
	status_is 5
	out_is ""
	err_is "mkt: there is no bid '1'"
	run3 mkt why c1
	status_is 5
	run3 mkt why 12ab34cd
	status_is 2
	run3 mkt why x
	status_is 2
	run3 mkt why
	status_is 2
}

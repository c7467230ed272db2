#!/usr/bin/env bats
# Books: the picture, porcelain, JSON, depth, summary, own bids, paging.
load chain

fill() {
	accounts a b
	as a bid buy 10kWh --at "$W" --price green=25.50/kWh -q
	as a bid buy 2500Wh --at "$W" --price green=25.10/kWh -q
	as b bid sell 4200Wh --at "$W" --price green=25.80/kWh -q
	as b bid sell 12kWh --at "$W" --price green=26/kWh -q
}

@test "both sides beside each other, own bids marked" {
	fill
	run3 as a book --at "$W"
	status_is 0
	err_is ""
	out_is "Market 2026-11-23 10:30-11:00 JST   green   tick 0.01 JPY/kWh   closes in 1 d 1 h   block 8
        BUY kWh      JPY/kWh | JPY/kWh          SELL kWh
 *       10.000        25.50 | 25.80               4.200
 *        2.500        25.10 | 26.00              12.000
   all books of the window: sell 16.200 kWh gross, 16.200 kWh unique
   all books of the window: buy 12.500 kWh gross, 12.500 kWh unique"
}

@test "porcelain is as mkt-porcelain(5) says, and json has these fields" {
	fill
	run3 as b book --at "$W" --porcelain
	status_is 0
	out_is "# mkt-book 1
# block 8 1795305600
# fields type	window	tag	side	price_ujpy_per_wh	energy_wh	bids	own_wh
level	1795397400	green	sell	25800	4200	1	4200
level	1795397400	green	sell	26000	12000	1	12000
level	1795397400	green	buy	25500	10000	1	0
level	1795397400	green	buy	25100	2500	1	0"
	run3 as b book --at "$W" --json
	[ "$(json -c '.data[2]' <<<"$out")" = \
		'{"window":{"start":"2026-11-23T01:30:00Z","end":"2026-11-23T02:00:00Z"},"tag":"green","side":"buy","price_ujpy_per_wh":25500,"energy_wh":10000,"bids":1,"own_wh":0}' ] || fail json
}

@test "summary and depth" {
	fill
	as a bid buy 1kWh --at "$W" --price brown=20/kWh --price green=25/kWh -q
	run3 mkt book --at "$W" --summary --porcelain
	out_is "# mkt-book-summary 1
# block 9 1795305600
# fields type	window	tag	buy_ujpy_per_wh	sell_ujpy_per_wh
best	1795397400	brown	20000	-
best	1795397400	green	25500	25800"
	run3 mkt book --at "$W" --depth --porcelain
	out_is "# mkt-book-depth 1
# block 9 1795305600
# fields type	window	side	gross_wh	unique_wh
depth	1795397400	sell	16200	16200
depth	1795397400	buy	14500	13500"
	run3 mkt book --summary --depth
	status_is 2
}

@test "levels, tags, several windows" {
	fill
	as a bid buy 1kWh --at "$W2" --price brown=20/kWh -q
	run3 mkt book --at "$W" --levels 1 --json
	[ "$(json '[.data[].price_ujpy_per_wh]' <<<"$out")" = '[25800,25500]' ] || fail levels
	run3 mkt book --at "$DAY 10:30-14:30" --tag brown --json
	[ "$(json '[.data[].energy_wh]' <<<"$out")" = '[1000]' ] || fail tag
	run3 mkt book --at "$DAY 10:30-14:30"
	status_is 0
	[ "$(grep -c ^Market <<<"$out")" = 2 ] || fail books
	run3 mkt book --at "$W" --tag blue
	status_is 3
	err_is "mkt: no such tag: 'blue'
hint: see 'mkt market' for the tags"
}

@test "empty books; no key is needed, nor a window that is open" {
	run3 mkt book --identity nobody
	status_is 0
	out_is "no bids"
	run3 mkt book --json
	[ "$(json -c .data <<<"$out")" = '[]' ] || fail json
	clock "$DAY 12:00"
	run3 mkt book --at "$DAY 10:30-11:00"
	status_is 0
	run3 mkt book --at "10:30-10:45"
	status_is 2
}

@test "in another zone" {
	fill
	run3 mkt book --at "2026-11-23 01:30-02:00" --tz UTC
	status_is 0
	[[ $out == "Market 2026-11-23 01:30-02:00 UTC   green"* ]] || fail zone
}

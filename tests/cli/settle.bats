#!/usr/bin/env bats
# Settlements: one by one, by window, day and month; who fell short.
load chain
load examples

village() {
	accounts elm oak
	as elm bid sell 6kWh --at "$W" --price green=20/kWh -q
	as oak bid buy 4kWh --at "$W" --price green=22/kWh -q
	as elm bid sell 2kWh --at "$W2" --price green=18/kWh -q
	as oak bid buy 2kWh --at "$W2" --price green=18/kWh -q
	as elm bid sell 1kWh --at "2026-11-24 10:30-11:00" --price green=18/kWh -q
	as oak bid buy 1kWh --at "2026-11-24 10:30-11:00" --price green=18/kWh -q
	clock "$DAY 11:00"
	as elm report c1 3.5kWh -q
	as oak report c1 4kWh -q
	clock "2026-11-24 11:00"
	as elm report c3 1kWh -q
	as oak report c3 1kWh -q
}

@test "one by one, summed, as the page shows" {
	village
	example mkt-settle.1 1 2 3
	run3 as oak settle
	status_is 0
	[ "$(tail -n 2 <<<"$out")" = "3 contracts: 7.000 kWh contracted, 4.500 kWh delivered; 88 JPY paid, 0 JPY in fees
2 short: 2.500 kWh not supplied, 2.000 kWh not drawn; charges of 112.50 JPY to sellers, 40 JPY to buyers" ] || fail total
}

@test "json: the fields are these, both ways" {
	village
	run3 as oak settle --json
	status_is 0
	err_is ""
	[ "$(json '.schema, (.data[0] | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.settlements/1 exec,window,buyer,buyer_name,seller,seller_name,contracted_wh,supply_wh,draw_wh,delivered_wh,paid_ujpy,fee_ujpy,buyer_charge_ujpy,seller_charge_ujpy,short,unreported,height " ] || fail fields
	[ "$(json -c '[.data[] | [.exec, .delivered_wh, .paid_ujpy, .buyer_charge_ujpy, .seller_charge_ujpy, .short, .unreported]]' <<<"$out")" = \
		'[["1",3500,"70000000","0","22500000","seller",null],["2",0,"0","40000000","90000000","both","both"],["3",1000,"18000000","0","0",null,null]]' ] || fail values
	run3 mkt settle --all --report --json
	[ "$(json '.schema, (.data[0] | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.settle-windows/1 window,contracts,contracted_wh,supply_wh,draw_wh,delivered_wh,paid_ujpy,fees_ujpy,buyer_charges_ujpy,seller_charges_ujpy,short_contracts,buyers_short_wh,sellers_short_wh,unreported,short_names " ] || fail sums
	[ "$(json -c '[.data[] | [.contracts, .buyers_short_wh, .sellers_short_wh, .short_names]]' <<<"$out")" = \
		'[[1,0,500,"elm"],[1,2000,2000,"oak,elm"],[1,0,0,null]]' ] || fail values
	[ "$(mkt settle --all --by day --json | json -c '.schema, [.data[] | [.period, .contracts]]' | tr '\n' ' ')" = \
		'mkt.settle-periods/1 [["2026-11-23",2],["2026-11-24",1]] ' ] || fail days
}

@test "the zone decides the day; windows and months are picked; nothing is nothing" {
	village
	[ "$(mkt settle --all --by day --tz UTC --json | json -c '[.data[].period]')" = '["2026-11-23","2026-11-24"]' ] || fail utc
	[ "$(mkt settle --all --by day --tz America/New_York --json | json -c '[.data[].period]')" = '["2026-11-22","2026-11-23"]' ] || fail ny
	[ "$(mkt settle --all --window "$W" --json | json -c '[.data[].exec]')" = '["1"]' ] || fail window
	[ "$(mkt settle --all --window "$DAY 10:30-14:30" --json | json -c '[.data[].exec]')" = '["1","2"]' ] || fail windows
	[ "$(mkt settle --all --month this --json | json -c '[.data[].exec]')" = '["1","2","3"]' ] || fail month
	for month in 2026-10 2026-12; do
		run3 mkt settle --all --month $month --csv --fields exec
		status_is 0
		out_is exec
	done
	run3 mkt settle --all --month 2026-1
	status_is 2
	run3 mkt settle --month this --window "$W"
	status_is 2
	run3 mkt settle --report --by day
	status_is 2
	run3 mkt settle --by year
	status_is 2
	account ash
	run3 as ash settle --porcelain
	status_is 0
	[ "$(grep -c '^settlement' <<<"$out")" = 0 ] || fail rows
}

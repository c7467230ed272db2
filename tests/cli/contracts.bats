#!/usr/bin/env bats
# Contracts: lists, one, windows, settled ones.
load chain

trade() {
	accounts a b c
	as a bid sell 10kWh --at "$W" --price green=20/kWh -q
	as b bid buy 4kWh --at "$W" --price green=22/kWh --price brown=21/kWh -q
	as c bid buy 2kWh --at "$W" --price green=22/kWh -q
}

@test "yours, everybody's, one" {
	trade
	run3 as b contracts --fields exec,status,window,tag,energy_wh,price_ujpy_per_wh,buyer_name,seller_name
	status_is 0
	err_is ""
	out_is "contract  status   window                      tags   energy kWh  price JPY/kWh  buyer  seller
      c1  matched  2026-11-23 10:30-11:00 JST  green       4.000          20.00  b      a"
	[ "$(as a contracts --json | json -c '[.data[].exec]')" = '["1","2"]' ] || fail seller
	[ "$(mkt contracts --all --json | json -c '[.data[].exec]')" = '["1","2"]' ] || fail all
	[ "$(mkt contracts c2 --json | json -c '[.data[] | .exec, .buyer_name]')" = '["2","c"]' ] || fail one
	run3 mkt contracts c3
	status_is 5
	err_has "there is no contract '3'"
	run3 mkt contracts b1
	status_is 2
}

@test "json: the fields are these" {
	trade
	run3 as b contracts 1 --json
	[ "$(json '.schema, (.data[0] | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.contracts/1 exec,status,window,tag,energy_wh,price_ujpy_per_wh,fee_ujpy_per_wh,buyer,buyer_name,seller,seller_name,buy_bid,buy_leg,sell_bid,sell_leg,taker,alt_leg,alt_price_ujpy_per_wh,supply_wh,draw_wh,delivered_wh,supply_reported,draw_reported,locked_ujpy,collateral_ujpy,paid_ujpy,fee_ujpy,buyer_charge_ujpy,seller_charge_ujpy,height,settled_height " ] || fail fields
	[ "$(json -c '.data[0] | [.exec, .buyer, .seller, .buy_bid, .buy_leg, .sell_bid, .sell_leg, .taker, .alt_leg, .locked_ujpy, .height, .settled_height]' <<<"$out")" = \
		'["1",2,1,"2",0,"1",0,"buy",null,"80000000",8,null]' ] || fail values
}

@test "settled: amounts paid, charges, the past newest first" {
	trade
	clock "$DAY 11:00"
	as a report 1 3kWh -q
	as b report 1 4kWh -q
	run3 mkt contracts 1 --json
	[ "$(json -c '.data[0] | [.status, .supply_wh, .draw_wh, .delivered_wh, .paid_ujpy, .fee_ujpy, .buyer_charge_ujpy, .seller_charge_ujpy, .settled_height]' <<<"$out")" = \
		'["settled",3000,4000,3000,"60000000","0","0","45000000",12]' ] || fail settled
	clock "$DAY 12:00"
	[ "$(as a contracts --past --json | json -c '[.data[] | [.exec, .status]]')" = '[["2","settled"],["1","settled"]]' ] || fail past
	[ "$(mkt contracts --window "$W" --all --json | json -c '[.data[].exec]')" = '["1","2"]' ] || fail window
	[ "$(as c contracts --window "$W" --json | json -c '[.data[].exec]')" = '["2"]' ] || fail mine
	run3 mkt contracts --window "$DAY 10:30-11:30" --all
	status_is 2
	run3 mkt contracts --past --all
	status_is 2
}

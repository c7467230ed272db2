#!/usr/bin/env bats
# Agents of each kind, once, against a real chain: a roof, a battery, an office, a maker.
load chain

bids() { as "$1" bids --json | json -c "$2"; }

@test "a roof sells what it gives beyond own use, green, and not below the feed-in price" {
	accounts a
	cat >roof.conf <<-END
	[agent]
	kind = pv
	retail = 27/kWh
	feed_in = 8/kWh
	ahead = 2
	history = meter.csv
	END
	t=$(date -u -d 2026-11-22T00:00:00Z +%s)
	for ((i = 672; i > 0; i--)); do echo "$((t - i * 1800)),300,1000"; done >meter.csv
	run3 as a agent step roof.conf
	status_is 0
	out_has "300 Wh drawn"
	out_has "1000 Wh of the roof"
	[ "$(bids a '[.data[] | [.side, .left_wh]] | unique')" = '[["sell",700]]' ] || fail "$(as a bids)"
	[ "$(bids a '[.data[].legs[] | .tag] | unique')" = '["green"]' ] || fail tags
	[ "$(bids a '[.data[].legs[].price_ujpy_per_wh] | min >= 8000 and max <= 27000')" = true ] || fail price
	# Nothing is left over: nothing is offered.
	sed -i 's/,1000$/,200/' meter.csv
	run3 as a agent step roof.conf
	status_is 0
	[ "$(bids a '[.data[] | select(.side == "sell")] | length')" = 0 ] || fail "sells what it needs: $(as a bids)"
}

@test "a battery trades only when the spread beats its losses, within its bounds" {
	accounts a b
	cat >store.conf <<-END
	[agent]
	kind = battery
	retail = 30/kWh
	feed_in = 5/kWh
	ahead = 8
	[battery]
	capacity = 10kWh
	power = 3kW
	soc = 50%
	efficiency = 80%
	least_gain = 1/kWh
	END
	# A spread that the losses eat: 20 in, 24 out, of which 0.8 come back.
	as b bid sell 2kWh --at "2026-11-22 10:00-10:30" --price brown=20/kWh -q
	as b bid buy 2kWh --at "2026-11-22 12:00-12:30" --price brown=24/kWh -q
	run3 as a agent step store.conf
	status_is 0
	[ "$(as a contracts --all --json | json '.data | length')" = 0 ] || fail "a losing trade: $out"
	as b cancel --all -q --yes
	# One that pays: 10 in, 25 out.
	as b bid sell 2kWh --at "2026-11-22 10:00-10:30" --price brown=10/kWh -q
	as b bid buy 2kWh --at "2026-11-22 12:00-12:30" --price brown=25/kWh -q
	run3 as a agent step store.conf
	status_is 0
	run3 as a contracts --json
	status_is 0
	bought=$(json '[.data[] | select(.buyer_name == "a") | .energy_wh] | add // 0' <<<"$out")
	sold=$(json '[.data[] | select(.seller_name == "a") | .energy_wh] | add // 0' <<<"$out")
	[ "$bought" -gt 0 ] || [ "$sold" -gt 0 ] || fail "no trade"
	# Half an hour at 3 kW, and what stands between the bounds: 4 kWh either way.
	[ "$bought" -le 1500 ] && [ "$sold" -le 1500 ] || fail "more than its power: $bought $sold"
	[ "$(bids a '[.data[].left_wh] | (max // 0) <= 1500')" = true ] || fail "more than its power"
}

@test "an office never draws more than its circuit gives" {
	accounts a
	cat >office.conf <<-END
	[agent]
	kind = office
	retail = 27/kWh
	feed_in = 8/kWh
	ahead = 24
	circuit = 4kW
	[car.van]
	energy = 6kWh
	max = 3kW
	plug_in = 09:00
	departure = 17:00
	[car.guest]
	energy = 5kWh
	max = 3kW
	plug_in = 09:00
	departure = 13:00
	END
	run3 as a agent step office.conf
	status_is 0
	[ "$(bids a '[.data[].left_wh] | add')" -gt 0 ] || fail "no bids: $out"
	[ "$(bids a '[.data[].left_wh] | add')" -le 11000 ] || fail "more than both need"
	# All that may be bought in one window, whatever matches.
	accounts b
	for h in 10 11 12; do as b bid sell 20kWh --at "2026-11-22 $h:00-$h:30" --price green=8/kWh --price brown=8/kWh -q; done
	for i in 1 2 3; do run3 as a agent step office.conf; status_is 0; done
	most=$(as a contracts --json | json '[.data | group_by(.window.start)[] | map(.energy_wh) | add] | max // 0')
	[ "$most" -gt 0 ] && [ "$most" -le 2000 ] || fail "$most Wh in a window"
}

@test "a maker stands on both sides around its reference" {
	accounts a
	cat >maker.conf <<-END
	[agent]
	kind = maker
	ahead = 2
	[maker]
	reference = 20/kWh
	spread = 4/kWh
	amount = 5kWh
	END
	run3 as a agent step maker.conf
	status_is 0
	[ "$(bids a '[.data[] | [.side, .left_wh, .legs[0].price_ujpy_per_wh]] | unique')" = '[["buy",5000,18000],["sell",5000,22000]]' ] || fail "$(as a bids)"
	run3 as a agent step maker.conf --dry-run
	status_is 0
	[ "$(bids a '.data | length')" = 4 ] || fail "not both sides of two windows"
}

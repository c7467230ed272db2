#!/usr/bin/env bats
# The rate budget of an account.
load chain

@test "open bids and transactions, used and left" {
	account a
	as a bid buy 1kWh --at "$W" --price 20/kWh -q
	run3 as a limits
	status_is 0
	err_is ""
	[[ $out == "limit                  class      at most  used  left  whole again in
open bids              household     4096     1  4095               -
transactions a minute  household      600     1   599"* ]] || fail picture
	run3 as a limits --json
	[ "$(json '.schema, (.data[0] | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.limits/1 limit,class,max,used,left,reset_s " ] || fail fields
	[ "$(json -c '[.data[] | [.limit, .max, .used]]' <<<"$out")" = \
		'[["open_bids",4096,1],["tx_per_min",600,1],["reads_per_min",null,null],["rows_per_min",null,null]]' ] || fail values
}

@test "the limit is kept, and told with the way out" {
	account a
	mkt admin limits -q household --open-bids 1 --tx-per-min 3
	as a bid buy 1kWh --at "$W" --price 20/kWh -q
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh
	status_is 3
	err_has "too many open bids"
	[ "$(as a limits --json | json -c '[.data[0].left, .data[1].max]')" = '[0,3]' ] || fail left
	as a cancel --all -q || true
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh --timeout 500ms
	status_is 7
	err_has "hint: see 'mkt limits'"
}

@test "of another account, of the operator, of nobody" {
	account a
	[ "$(mkt limits --account a --json | json .data[0].class)" = household ] || fail a
	[ "$(mkt limits --json | json .data[0].class)" = operator ] || fail operator
	run3 mkt limits --account nobody
	status_is 5
}

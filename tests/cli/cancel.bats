#!/usr/bin/env bats
# Cancels: one, several, a window, all; what is refused; what is partial.
load chain

bids() { for i in "$@"; do as a bid buy "${i}kWh" --at "$W" --price 20/kWh -q; done; }

@test "one bid: gone from all books, its money free, its contracts stand" {
	accounts a b
	as a bid buy 5kWh --at "$W" --at "$W2" --price 20/kWh -q
	as b bid sell 2kWh --at "$W" --price 20/kWh -q
	run3 as a cancel b1
	status_is 0
	err_is ""
	out_is "b1 cancelled, 3.000 kWh withdrawn; block 7"
	[ -z "$(depth "$W" buy)$(depth "$W2" buy)" ] || fail book
	[ "$(mkt account a --json | json '[.data.held_ujpy, .data.locked_ujpy]')" = '["0","40000000"]' ] || fail money
	[ "$(mkt contracts --all --json | json '.data | length')" = 1 ] || fail contract
}

@test "several: each tells its own, partial is 10" {
	account a
	bids 1 2 3
	as a cancel 2 -q
	run3 as a cancel b1 2 b99
	status_is 10
	out_is "b1 cancelled, 1.000 kWh withdrawn; block 7
b2 refused: too late: the bid is closed; block 7
b99 refused: no such bid; block 7"
	[ "$(head -1 <<<"$err")" = "mkt: 2 of 3 operations were refused" ] || fail err
}

@test "json: the fields are these" {
	account a
	bids 1
	run3 as a cancel 1 --json
	status_is 0
	[ "$(json '.schema, (.data | keys_unsorted | join(",")), (.data.results[0] | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.receipt/1 request_id,tx,state,height,time,account,results op,code,message,bid,exec,account,energy_wh,count " ] || fail fields
	[ "$(json '.data | [.state, .height, .account, .results[0].bid, .results[0].energy_wh]' <<<"$out")" = '["sealed",4,1,"1",1000]' ] || fail values
}

@test "a window, and all; nothing to cancel is no error" {
	accounts a b
	bids 1 2
	as a bid buy 4kWh --at "$W2" --price 20/kWh -q
	as b bid buy 8kWh --at "$W" --price 20/kWh -q
	run3 as a cancel --window "$W"
	status_is 0
	out_is "2 bids cancelled, 3.000 kWh withdrawn; block 9"
	run3 as a cancel --all
	out_is "1 bid cancelled, 4.000 kWh withdrawn; block 10"
	run3 as a cancel --all
	status_is 0
	out_is "0 bids cancelled, 0.000 kWh withdrawn; block 11"
	[ "$(mkt bids --all --json | json '[.data[].bid]')" = '["4"]' ] || fail others
}

@test "refused: closed, unknown, of another" {
	accounts a b
	bids 1
	run3 as b cancel 1
	status_is 4
	out_is ""
	as a cancel 1 -q
	run3 as a cancel b1
	status_is 3
	err_is "mkt: cannot cancel 'b1': too late: the bid is closed
hint: see 'mkt bids --past'
request: $(sed -n 's/^request: //p' <<<"$err")"
	run3 as a cancel b7
	status_is 5
	err_has "mkt: cannot cancel 'b7': no such bid"
	run3 as a cancel c1
	status_is 2
	err_has "'c1' is not the number of a bid, as b17"
	run3 as a cancel
	status_is 2
	run3 as a cancel 1 --all
	status_is 2
}

@test "a dry run cancels nothing and has the same status" {
	account a
	bids 1
	run3 as a cancel 1 -n
	status_is 0
	[ "$(mkt bids --all --json | json '.data | length')" = 1 ] || fail gone
	run3 as a cancel 7 -n
	status_is 5
}

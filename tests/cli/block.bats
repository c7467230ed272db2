#!/usr/bin/env bats
# Blocks: the newest, one, ranges, pages.
load chain

@test "the newest first; a range, oldest first; one with its transactions" {
	accounts a b
	[ "$(mkt block --json | json -c '[.data[].height]')" = '[4,3,2,1,0]' ] || fail newest
	[ "$(mkt block 1..3 --json | json -c '[.data[].height]')" = '[1,2,3]' ] || fail range
	[ "$(mkt block 3.. --json | json -c '[.data[].height]')" = '[3,4]' ] || fail open
	run3 mkt block 2
	status_is 0
	out_has "transactions  1"
	out_has "operator  deposit"
	run3 mkt block 1..2 --fields height,txs,events
	out_is "block  transactions  events
    1             1       1
    2             1       2"
}

@test "json: the fields are these" {
	account a
	run3 mkt block 1 --json
	[ "$(json '.schema, (.data.block | keys_unsorted | join(",")), (.data.transaction[0] | keys_unsorted | join(","))' <<<"$out")" = \
		"mkt.block/1
height,time,txs,events,bytes,hash,prev,state,tx_root,event_root,authority,first_tx,first_bid,first_exec
index,tx,account,account_name,ops" ] || fail fields
	[ "$(json -c '.data.certificate | del(.epoch)' <<<"$out")" = '{"votes":1,"needed":1,"authorities":1,"signed_by":"a1"}' ] || fail certificate
	[ "$(json -c '.data.transaction[0] | [.index, .account_name, .ops]' <<<"$out")" = '[0,"operator","enroll"]' ] || fail values
	[ "$(mkt block 2 --json | json .data.block.prev)" = "$(json .data.block.hash <<<"$out")" ] || fail chain
}

@test "pages end with the range" {
	accounts a b
	run3 mkt block 1..3 --limit 2 --json
	[ "$(json -c '[.data[].height, .next]' <<<"$out")" = '[1,2,"3"]' ] || fail first
	run3 mkt block 1..3 --limit 2 --cursor 3 --json
	[ "$(json -c '[.data[].height, .next]' <<<"$out")" = '[3,null]' ] || fail last
	run3 mkt block --limit 2 --json
	[ "$(json -c '[.data[].height, .next]' <<<"$out")" = '[4,3,"2"]' ] || fail newest
	run3 mkt block 1..3 --cursor 9
	status_is 2
}

@test "no such block, no such range" {
	run3 mkt block 99
	status_is 5
	out_is ""
	err_is "mkt: there is no block 99"
	for bad in x 3..1 1..x -- 1.2; do
		[ "$bad" = -- ] && continue
		run3 mkt block "$bad"
		status_is 2
	done
}

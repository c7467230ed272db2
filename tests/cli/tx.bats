#!/usr/bin/env bats
# Transactions: by id, by request, with proof.
load chain

@test "by request id and by id; events in words" {
	account a
	as a bid buy 1kWh --at "$W" --price 20/kWh -q --request-id morning
	run3 as a tx --request-id morning --json
	status_is 0
	id=$(json .data.tx.tx <<<"$out")
	[[ $id =~ ^[0-9a-f]{64}$ ]] || fail id
	run3 mkt tx "$id"
	status_is 0
	err_is ""
	[[ $out == "transaction     $id"* ]] || fail first
	out_has "a: bid b1, 1.000 kWh left"
	run3 mkt tx --request-id morning --account a
	status_is 0
	run3 mkt tx --request-id morning
	status_is 5
}

@test "json: the fields are these; what does not apply is left out" {
	account a
	as a bid buy 1kWh --at "$W" --price 500/kWh -q --request-id bad 2>/dev/null || true
	run3 as a tx --request-id bad --json
	[ "$(json '.schema, (.data | keys_unsorted | join(",")), (.data.tx | keys_unsorted | join(",")), (.data.op[0] | keys_unsorted | join(","))' <<<"$out")" = \
		"mkt.tx/1
tx,op,event
tx,height,index,time,account,valid_until,request_id,all_or_nothing
op,account,code,message" ] || fail fields
	[ "$(json -c '.data.op[0] | [.op, .account, .code]' <<<"$out")" = '["bid",1,"price-range"]' ] || fail op
	[ "$(json -c '.data.event[0] | [.kind, .code, .leg]' <<<"$out")" = '["result","price-range",0]' ] || fail event
}

@test "the proof for programs" {
	account a
	as a bid buy 1kWh --at "$W" --price 20/kWh -q --request-id p
	run3 as a tx --request-id p --proof --json
	status_is 0
	[ "$(json '.data.proof | keys_unsorted | join(",")' <<<"$out")" = path,tree_size,tree_index,envelope,header,votes ] || fail fields
	[ "$(json -c '.data.proof | [.tree_size, .tree_index, (.votes | length)]' <<<"$out")" = '[1,0,1]' ] || fail values
	run3 as a tx --request-id p --proof
	status_is 2
}

@test "neither on the chain nor here; short ids are for people" {
	account a
	run3 as a tx --request-id nowhere
	status_is 5
	[[ $err == "mkt: request '"*"' is neither on the chain nor kept here" ]] || fail err
	run3 mkt tx 12345678
	status_is 2
	err_has "a script must give the whole id of 64 digits"
	run3 mkt tx hello
	status_is 2
	run3 mkt tx
	status_is 2
	run3 mkt tx "$(printf '%064d' 0)"
	status_is 5
}

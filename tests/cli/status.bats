#!/usr/bin/env bats
# One page of health, and requests that nobody answered.
load chain

@test "the page for people" {
	account a
	run3 mkt status
	status_is 0
	err_is ""
	[[ $out == "server                unix:$HOME/m/ledgerd.sock"* ]] || fail first
	out_has "block                 2"
	out_has "money in accounts     1000000.00 JPY"
	out_lacks "unfinished"
}

@test "json: the fields are these" {
	run3 mkt status --json
	[ "$(json '.schema, (.data | keys_unsorted | join(",")), (.data.node | keys_unsorted | join(","))' <<<"$out")" = \
		"mkt.status/1
node,set,authority,alarm,request
server,role,version,name,chain,clock,height,time,indexed,queue,txs,contracts,accounts,open_bids,contracted_wh,delivered_wh,money_ujpy,refused,disk,disk_free_bytes,disk_days_left,blocks_bytes,store_bytes,digest,uptime_s" ] || fail fields
	[ "$(json -c '.data.node | [.role, .name, .clock, .height, .accounts, .disk]' <<<"$out")" = '["solo","demo","operator",0,1,"ok"]' ] || fail values
	[ "$(json -c .data.request <<<"$out")" = '[]' ] || fail requests
	[ "$(json -c '[.data.set.authority, .data.set.needed, .data.set.quorum, .data.set.generation, (.data.authority[] | [.number, .member])]' <<<"$out")" = \
		'["a1",1,"majority",0,[0,"a1"]]' ] || fail set
	[ "$(json -r '.data.authority[0].key' <<<"$out")" = "$(mkt admin authority list --json | json -r '.data[0].key')" ] || fail key
	[ "$(json -c .data.alarm <<<"$out")" = '[]' ] || fail alarms
	run3 mkt status --porcelain --fields node.height,node.name
	status_is 0
	out_has "node	demo	0"
}

@test "a request without an answer is listed until it is asked for again" {
	account a
	"$BATS_TEST_DIRNAME/lossy.pl" "$HOME/lossy" "$HOME/m/ledgerd.sock" 1000 3>&- &
	proxy=$!
	until [ -S lossy ]; do read -rt 0.01 <> <(:) || :; done
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh --server "unix:$HOME/lossy" --timeout 300ms --request-id lost
	kill $proxy
	status_is 8
	run3 mkt status
	status_is 0
	out_has "unfinished request"
	out_has "bid buy"
	err_is "hint: 'mkt tx --request-id ID' tells what became of a request"
	run3 mkt status --json
	[ "$(json '.data.request[0] | keys_unsorted | join(",")' <<<"$out")" = request_id,time,command,account ] || fail fields
	run3 as a tx --request-id lost
	status_is 0
	out_has "b1, 1.000 kWh left"
	as a bid buy 1kWh --at "$W" --price 20/kWh --request-id lost -q
	run3 mkt status
	out_lacks "unfinished"
}

@test "the server goes and comes back within the deadline" {
	stop_ledgerd
	run3 mkt status --timeout 200ms
	status_is 7
	mkt status --fields name >late 3>&- &
	waiting=$!
	"$BUILD_DIR/ledgerd" -f m/ledgerd.conf >>ledgerd.log 2>&1 3>&- &
	LEDGERD=$!
	wait $waiting
	[ "$(cat late)" = "chain  demo" ] || fail "$(cat late)"
}

#!/usr/bin/env bats
# Bids: legs, units, refusals, dry runs, request ids, lost answers, forms of output.
load chain

request() { sed -n 's/^request: //p' <<<"$err"; }

@test "a bid that rests: receipt, money, book" {
	account a
	run3 as a bid buy 10kWh --at "$DAY 10:30-11:30" --price green=27/kWh --price brown=25/kWh
	status_is 0
	err_is ""
	out_is "b1 buy 10.000 kWh: open, 10.000 kWh left, 270 JPY held; block 3"
	[ "$(depth "$W" buy green)" = "10000@27000 " ] || fail green
	[ "$(depth "$DAY 11:00-11:30" buy brown)" = "10000@25000 " ] || fail brown
	run3 mkt book --at "$DAY 10:30-11:30" --depth --porcelain
	[ "$(grep -c '	buy	20000	10000$' <<<"$out")" = 2 ] || fail "gross and unique"
}

@test "json: the fields are these, in receipts and dry runs" {
	accounts a b
	as a bid sell 1kWh --at "$W" --price 20/kWh -q
	fields=bid,state,side,account,amount_wh,filled_wh,left_wh,cost_ujpy,held_ujpy,available_ujpy,request_id,replayed,tx,height,time,contracts
	run3 as b bid buy 2kWh --at "$W" --price 21/kWh --json
	status_is 0
	[ "$(json '.schema, (keys_unsorted | join(",")), (.data | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.bid/1 schema,height,as_of,stale,data $fields " ] || fail fields
	[ "$(json '.data.contracts[0] | keys_unsorted | join(",")' <<<"$out")" = \
		exec,window,tag,energy_wh,price_ujpy_per_wh,fee_ujpy_per_wh ] || fail contracts
	[ "$(json '.data | [.bid, .state, .side, .account, .amount_wh, .filled_wh, .left_wh, .cost_ujpy, .held_ujpy, .available_ujpy, .replayed, .height]' <<<"$out")" = \
		'["2","open","buy",2,2000,1000,1000,"20000000","21000000",null,false,6]' ] || fail values
	run3 as b bid buy 2kWh --at "$W" --price 21/kWh --json -n
	status_is 0
	[ "$(json '.data | keys_unsorted | join(",")' <<<"$out")" = "$fields" ] || fail "dry run"
	[ "$(json '.data | [.bid, .state, .left_wh, .held_ujpy, .available_ujpy, .tx, .height]' <<<"$out")" = \
		'[null,"dry-run",2000,"42000000","999917000000",null,null]' ] || fail "dry values"
}

@test "porcelain: contracts follow the bid; -z ends records with NUL" {
	accounts a b
	as a bid sell 1kWh --at "$W" --price 20/kWh -q
	run3 as b bid buy 1kWh --at "$W" --price 21/kWh --porcelain
	status_is 0
	[ "$(sed -n '1p;4p' <<<"$out")" = "# mkt-bid 1
# fields.contract type	exec	window	tag	energy_wh	price_ujpy_per_wh	fee_ujpy_per_wh" ] || fail head
	[ "$(sed -n 6p <<<"$out")" = "contract	1	1795397400	brown	1000	20000	0" ] || fail contract
	[ "$(as b bid buy 1kWh --at "$W" --price 21/kWh --porcelain -z | tr -cd '\0' | wc -c)" = 5 ] || fail nul
}

@test "-q prints nothing; unknown fields send nothing" {
	account a
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh -q
	status_is 0
	out_is ""
	err_is ""
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh --json --fields nope
	status_is 2
	out_is ""
	[ "$(mkt status --json | json .data.node.open_bids)" = 1 ] || fail sent
}

@test "units, ticks, lots, windows and tags are checked before anything is sent" {
	account a
	while IFS='|' read -r args message; do
		eval "run3 as a bid buy $args"
		status_is 2
		out_is ""
		[ "$(head -1 <<<"$err")" = "mkt: $message" ] || fail "$args"
	done <<'END'
10 --at next --price 20/kWh|amount '10' has no unit at column 3
1kWh --at next --price 20|price '20' has no unit at column 3
1kWh --at next --price 20EUR/kWh|price '20EUR/kWh' is not in JPY at column 3
1kWh --at next --price 20.005/kWh|price 20.005 JPY/kWh is not on the tick of 0.01 JPY/kWh
1kWh --at '2026-11-23 10:30-11:10' --price 20/kWh|window end '11:10' is not on a market border
1kWh --price 20/kWh|--price needs --at
1kWh --at next|--at needs --price
1kWh|a bid needs a leg: --at and --price, --leg or --legs
1kWh --leg 'next'|a leg is WINDOWS,TAGS,PRICE, not 'next'
1kWh --at next --price 20/kWh --ioc --fok|--ioc, --fok and --post-only exclude each other
1kWh --at next --price 20/kWh --request-id x --once-per day|--request-id and --once-per exclude each other
END
	[ "$(mkt status --json | json .data.node.height)" = 2 ] || fail "something was sent"
	[ ! -e .local/state/mkt/requests ] || [ "$(ls .local/state/mkt/requests | wc -l)" = 2 ] || fail requests
}

@test "a past window is an error, not another window" {
	account a
	run3 as a bid buy 1kWh --at "2026-11-22 08:00-08:30" --price 20/kWh
	status_is 2
	out_is ""
}

@test "rules of the market refuse with the leg in words, and dry runs alike" {
	account a
	clock "$DAY 10:26"
	while IFS='|' read -r code args message; do
		for dry in "" -n; do
			eval "run3 as a bid buy $args $dry"
			status_is "$code"
			out_is ""
			[[ $(head -1 <<<"$err") == "mkt: cannot place bid: ${message%\*}"* ]] || fail "$args $dry"
		done
	done <<'END'
3|1kWh --at '2026-11-23 10:30-11:00' --price green=20/kWh|gate closed for 2026-11-23 10:30-11:00 JST (green)
3|1kWh --at '2026-12-25 10:30-11:00' --price 20/kWh|the window is not open yet for 2026-12-25 10:30-11:00 JST (brown)
3|1kWh --at next --price 500/kWh|the price is out of range for 2026-11-23 11:00-11:30 JST (brown)
3|1MWh --at next --price 200/kWh --at '+2h' --price green=200/kWh --fok|the whole amount is not to be had now*
3|100MWh --at next --price 200/kWh|not enough available*
3|1kWh --at next --price green=20/kWh --leg 'next,green,21/kWh'|two legs name the same window and tags for 2026-11-23 11:00-11:30 JST (green)
END
}

@test "what is not enrolled cannot bid" {
	mkt key new -q stranger
	run3 as stranger bid buy 1kWh --at next --price 20/kWh
	status_is 4
	err_has "is not enrolled on chain 'demo'"
	run3 as nobody bid buy 1kWh --at next --price 20/kWh
	status_is 5
	err_has "mkt: cannot open key file"
}

@test "legs from a file, with comments; a bad line is named" {
	account a
	printf '%s\n' '# two' "$W,green,24/kWh" '' "  $W2 , 23/kWh # the default tags" >legs
	run3 as a bid buy 1kWh --legs legs
	status_is 2
	err_has "legs, line 4:"
	printf '%s\n' '# two' "$W,green,24/kWh" '' "$W2,23/kWh # the default tags" >legs
	run3 as a bid buy 1kWh --legs legs
	status_is 0
	[ "$(depth "$W2" buy brown)" = "1000@23000 " ] || fail brown
	as a bid buy 1kWh --legs - -q <legs
	run3 as a bid buy 1kWh --legs /nowhere
	status_is 5
}

@test "ioc, post-only, until" {
	accounts a b
	as a bid sell 1kWh --at "$W" --price 20/kWh -q
	run3 as b bid buy 2kWh --at "$W" --price 20/kWh --post-only
	status_is 3
	err_has "mkt: cannot place bid: the bid would match at once"
	run3 as b bid buy 3kWh --at "$W" --price 20/kWh --ioc --json
	[ "$(json '.data | [.state, .filled_wh, .left_wh]' <<<"$out")" = '["ioc",1000,2000]' ] || fail ioc
	run3 as b bid buy 3kWh --at "$W" --price 20/kWh --until "$DAY 09:00"
	status_is 0
	clock "$DAY 09:00:01"
	[ "$(as b bids --past --limit 1 --json | json '.data[0].state')" = until ] || fail until
}

@test "reduce keeps the place and frees money" {
	accounts a b c
	as a bid buy 5kWh --at "$W" --price 20/kWh -q
	as b bid buy 5kWh --at "$W" --price 20/kWh -q
	run3 as a bid reduce b1 --left 1kWh
	status_is 0
	out_is "b1 reduced by 4.000 kWh; block 9"
	[ "$(mkt account a --json | json .data.held_ujpy)" = 20000000 ] || fail money
	as c bid sell 1kWh --at "$W" --price 20/kWh -q
	[ "$(mkt contracts --all --json | json '.data[0].buyer_name')" = a ] || fail place
	run3 as b bid reduce 2 --left 7kWh
	status_is 3
	err_has "mkt: cannot reduce b2: a reduction must leave less than before"
	run3 as b bid reduce 2
	status_is 2
	run3 as b bid reduce c2 --left 1kWh
	status_is 2
}

@test "the same request id: the same receipt; other arguments: a conflict" {
	account a
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh --request-id one
	out_is "b1 buy 1.000 kWh: open, 1.000 kWh left, 20 JPY held; block 3"
	run3 as a bid buy 1000Wh --at "$W" --price 20.00/kWh --request-id one
	status_is 0
	out_is "b1 buy 1.000 kWh: open, 1.000 kWh left, 20 JPY held; replayed, block 3"
	run3 as a bid buy 2kWh --at "$W" --price 20/kWh --request-id one
	status_is 6
	out_is ""
	err_is "mkt: cannot place bid: this request id was used for 'mkt bid buy' with other arguments
hint: use a new request id
request: $(request)"
	# Without the store of this machine the chain itself knows: other bytes are a conflict.
	rm -r .local/state/mkt/requests
	run3 as a bid buy 2kWh --at "$W" --price 20/kWh --request-id one
	status_is 6
	[ "$(mkt status --json | json .data.node.open_bids)" = 1 ] || fail twice
}

@test "a refusal is replayed as well" {
	account a
	run3 as a bid buy 1kWh --at "$W" --price 500/kWh --request-id r
	status_is 3
	run3 as a bid buy 1kWh --at "$W" --price 500/kWh --request-id r
	status_is 3
	[ "$(mkt status --json | json .data.node.height)" = 3 ] || fail "sent twice"
}

@test "--once-per window: once in a window, though next moves; again in the next" {
	account a
	run3 as a bid buy 1kWh --at next --price 20/kWh --once-per window --json
	first=$(json .data.request_id <<<"$out")
	[ "$(json .data.replayed <<<"$out")" = false ] || fail first
	clock "2026-11-22 09:27"
	run3 as a bid buy 1kWh --at next --price 20/kWh --once-per window --json
	status_is 0
	[ "$(json '[.data.replayed, .data.request_id]' <<<"$out")" = "[true,\"$first\"]" ] || fail replay
	run3 as a bid buy 2kWh --at next --price 20/kWh --once-per window --json
	[ "$(json .data.replayed <<<"$out")" = false ] || fail "another amount is another call"
	clock "2026-11-22 09:30"
	run3 as a bid buy 1kWh --at next --price 20/kWh --once-per window --json
	[ "$(json .data.replayed <<<"$out")" = false ] || fail "next window"
}

@test "--once-per works without the store: the same bytes are made again" {
	account a
	as a bid buy 1kWh --at next --price 20/kWh --once-per window -q
	rm -r .local/state/mkt/requests
	run3 as a bid buy 1kWh --at next --price 20/kWh --once-per window --json
	status_is 0
	[ "$(json .data.replayed <<<"$out")" = true ] || fail replayed
}

@test "an answer lost on the way is asked for again by itself" {
	account a
	"$BATS_TEST_DIRNAME/lossy.pl" "$HOME/lossy" "$HOME/m/ledgerd.sock" 1 3>&- &
	proxy=$!
	until [ -S lossy ]; do read -rt 0.01 <> <(:) || :; done
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh --server "unix:$HOME/lossy"
	kill $proxy
	status_is 0
	out_is "b1 buy 1.000 kWh: open, 1.000 kWh left, 20 JPY held; replayed, block 3"
}

@test "no answer until the deadline: unknown, listed, and done once when repeated" {
	account a
	"$BATS_TEST_DIRNAME/lossy.pl" "$HOME/lossy" "$HOME/m/ledgerd.sock" 1000 3>&- &
	proxy=$!
	until [ -S lossy ]; do read -rt 0.01 <> <(:) || :; done
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh --server "unix:$HOME/lossy" --timeout 400ms --json
	kill $proxy
	status_is 8
	out_is ""
	[ "$(json '.error | [.code, .exit, .applied]' <<<"$err")" = '["outcome-unknown",8,"unknown"]' ] || fail error
	id=$(json .error.request_id <<<"$err")
	[ "$(mkt status --json | json '.data.request[] | [.request_id, .command]')" = "[\"$id\",\"bid buy\"]" ] || fail list
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh --request-id "$id" --json
	status_is 0
	[ "$(json '.data | [.bid, .replayed]' <<<"$out")" = '["1",true]' ] || fail replay
	[ "$(mkt status --json | json '.data.request | length')" = 0 ] || fail unfinished
	[ "$(mkt status --json | json .data.node.open_bids)" = 1 ] || fail twice
}

@test "Ctrl-C while the outcome is unknown: 8 and the id; before anything was sent: 130" {
	account a
	"$BATS_TEST_DIRNAME/lossy.pl" "$HOME/lossy" "$HOME/m/ledgerd.sock" 1000 3>&- &
	proxy=$!
	until [ -S lossy ]; do read -rt 0.01 <> <(:) || :; done
	# A shell's background jobs ignore SIGINT; perl gives it back.
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$BUILD_DIR/mkt" --identity a bid buy 1kWh --at "$W" \
		--price 20/kWh --server "unix:$HOME/lossy" --json >out 2>err 3>&- &
	bidding=$!
	until [ "$(mkt status --json | json .data.node.open_bids)" = 1 ]; do :; done
	kill -INT $bidding
	status=0
	wait $bidding || status=$?
	kill $proxy
	[ "$status" = 8 ] || fail status
	[ "$(json -c '.error | [.code, .applied, (.request_id | length)]' <err)" = '["outcome-unknown","unknown",32]' ] || fail "$(cat err)"
	kill -STOP "$LEDGERD"
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$BUILD_DIR/mkt" --identity a bid buy 1kWh --at "$W" \
		--price 20/kWh --trace trace >out 2>err 3>&- &
	bidding=$!
	until [ -e trace ]; do :; done
	kill -INT $bidding
	status=0
	wait $bidding || status=$?
	kill -CONT "$LEDGERD"
	[ "$status" = 130 ] || fail status
}

@test "no server: surely not applied, nothing is left to ask" {
	account a
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh --server unix:/nowhere --timeout 200ms
	status_is 7
	err_is "mkt: cannot reach 'unix:/nowhere': no such file or directory
hint: is ledgerd running here? set '--server' or core.server"
	[ "$(mkt status --json | json '.data.request | length')" = 0 ] || fail unfinished
}

@test "--no-wait says what it is: accepted, not confirmed" {
	account a
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh --no-wait --request-id q
	status_is 0
	out_is "buy 1.000 kWh: queued; accepted, not confirmed"
	run3 as a wait tx --request-id q
	status_is 0
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh --request-id q
	out_is "b1 buy 1.000 kWh: open, 1.000 kWh left, 20 JPY held; replayed, block 3"
}

@test "acting for another needs a delegation" {
	accounts a b
	run3 as b bid buy 1kWh --at "$W" --price 20/kWh --for a
	status_is 4
	err_has "mkt: cannot place bid: no delegation allows this"
	as a account delegate b --may bid -q
	run3 as b bid buy 1kWh --at "$W" --price 20/kWh --for a --json
	status_is 0
	[ "$(json .data.account <<<"$out")" = 1 ] || fail account
	run3 as b cancel b1 --for a
	status_is 4
}

@test "times in another zone; a time that a clock change skips or doubles" {
	account a
	run3 as a bid buy 1kWh --at "$DAY 02:30-03:00" --price 20/kWh --tz Europe/Berlin -n
	status_is 0
	MKT_TZ=Europe/Berlin run3 as a bid buy 1kWh --at "$DAY 02:30-03:00" --price 20/kWh --json
	[ "$(mkt bids --all --json | json '.data[0].legs[0].window.start')" = 2026-11-23T01:30:00Z ] || fail zone
	clock 2027-03-27T12:00:00Z
	run3 as a bid buy 1kWh --at "2027-03-28 02:30-03:30" --price 20/kWh --tz Europe/Berlin
	status_is 2
	err_has "UTC"
}

@test "a result that cannot be written: 74, and the bid is there" {
	account a
	status=0
	as a bid buy 1kWh --at "$W" --price 20/kWh --request-id full >/dev/full 2>err || status=$?
	[ "$status" = 74 ] || fail status
	grep -q "'mkt tx --request-id' shows the receipt" err
	run3 as a tx --request-id full
	status_is 0
}

@test "too little money: a dry run says what the call says, in currency" {
	account a
	run3 as a bid buy 1000000kWh --at "$W" --price 100/kWh -n
	status_is 3
	local dry=$err
	run3 as a bid buy 1000000kWh --at "$W" --price 100/kWh
	status_is 3
	err_has "JPY needed"
	[ "$(head -1 <<<"$err")" = "$(head -1 <<<"$dry")" ] || fail "dry: $dry"
}

@test "a dry run says so once" {
	account a
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh -n
	out_is "buy 1.000 kWh: open, 1.000 kWh left, 20 JPY held; dry run, nothing was sent"
}

@test "half a watt-hour: the hint names what is taken" {
	account a
	run3 as a bid buy 0.5Wh --at "$W" --price 20/kWh
	status_is 2
	err_has "hint: use 1Wh"
}

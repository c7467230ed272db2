#!/usr/bin/env bats
# The operator's transactions, each with what it changes.
load chain

@test "enroll: number, class, chargers; again changes them" {
	mkt key new -q oak
	run3 mkt admin enroll oak "$(key_of oak)" --class ev --charger ev-03 --charger ev-04
	status_is 0
	err_is ""
	out_is "'oak' is account #1; block 1"
	[ "$(mkt account oak --json | json -c '.data | [.account, .class, .chargers]')" = '[1,"ev","ev-03,ev-04"]' ] || fail account
	run3 mkt admin enroll elm "$(key_of oak)" --json
	status_is 0
	[ "$(json -c '.data.results[0] | [.op, .code, .account]' <<<"$out")" = '["enroll","ok",1]' ] || fail json
	[ "$(mkt account '#1' --json | json -c '.data | [.name, .class, .chargers]')" = '["elm","household",null]' ] || fail changed
	mkt key new -q ash
	run3 mkt admin enroll elm "$(key_of ash)"
	status_is 3
	err_has "mkt: cannot enroll 'elm':"
	run3 mkt admin enroll ash mkt1nonsense
	status_is 2
	run3 mkt admin enroll ash "$(key_of ash)" --class king
	status_is 2
	err_has "'king' is no class"
	run3 mkt admin enroll ash
	status_is 2
}

@test "deposit and withdraw; what is not there cannot go" {
	account a
	run3 mkt admin deposit a 5JPY --note "cash 12"
	status_is 0
	out_is "5 JPY deposited for 'a'; block 3"
	run3 mkt admin withdraw a 1000004JPY --yes
	status_is 0
	out_is "1000004 JPY withdrawn from 'a'; block 4"
	[ "$(mkt account a --json | json .data.available_ujpy)" = 1000000 ] || fail money
	run3 mkt admin withdraw a 2JPY --yes
	status_is 3
	err_has "mkt: cannot withdraw: not enough available: 2 JPY needed"
	[ "$(mkt status --json | json .data.node.money_ujpy)" = 1000000 ] || fail sum
	run3 mkt admin deposit a 5
	status_is 2
	run3 mkt admin deposit nobody 5JPY
	status_is 5
}

@test "what cannot be undone asks, and needs --yes without a terminal" {
	account a
	for call in "suspend a" "withdraw a 1JPY" "dimension voltage low" "clock 2026-11-22T01:00:00Z"; do
		run3 mkt admin $call
		status_is 2
		err_has "give --yes if you mean it"
		run3 mkt admin $call -n
		status_is 0
	done
	[ "$(mkt status --json | json .data.node.height)" = 2 ] || fail sent
	status=0
	script -qec "$BUILD_DIR/mkt admin suspend a" /dev/null <<<n >o 2>&1 || status=$?
	[ "$status" = 12 ] || fail "$(cat o)"
	grep -q "suspend 'a'? its open bids are withdrawn for good" o
}

@test "suspend withdraws the bids and stops the account; resume lets it on" {
	account a
	as a bid buy 1kWh --at "$W" --price 20/kWh -q
	run3 mkt admin suspend a --yes
	status_is 0
	out_is "'a' is suspended; block 4"
	[ "$(mkt account a --json | json -c '.data | [.suspended, .open_bids, .held_ujpy]')" = '[true,0,"0"]' ] || fail account
	run3 as a bid buy 1kWh --at "$W" --price 20/kWh
	status_is 4
	err_has "is suspended"
	run3 mkt admin resume a
	out_is "'a' may act again; block 5"
	as a bid buy 1kWh --at "$W" --price 20/kWh -q
}

@test "a dimension leaves books as they are; a tag with a fee; a closed market" {
	accounts a b c
	as a bid sell 1kWh --at "$W" --price green=20/kWh -q
	mkt admin dimension voltage low -q --yes
	run3 mkt admin tag voltage high --fee 0.5/kWh --fee-account c
	status_is 0
	out_is "tag 'high' of 'voltage'; block 9"
	[ "$(mkt market --json | json -c '.data.tag[] | select(.tag == "high") | [.dimension, .fee_ujpy_per_wh, .fee_account]')" = '["voltage",500,3]' ] || fail tag
	as b bid buy 1kWh --at "$W" --price green+low=20/kWh -q
	[ "$(trades b)" = "1000Wh green 20000" ] || fail "old book"
	as a bid sell 1kWh --at "$W" --price high=20/kWh -q
	as b bid buy 1kWh --at "$W" --price high=20/kWh -q
	[ "$(mkt contracts 2 --json | json .data[0].fee_ujpy_per_wh)" = 500 ] || fail fee
	run3 mkt admin tag market club --direct --closed
	status_is 0
	run3 as a bid buy 1kWh --at "$W" --price club=20/kWh
	status_is 3
	mkt admin member -q club a
	as a bid buy 1kWh --at "$W" --price club=20/kWh -q
	run3 mkt admin member club a --out
	out_is "'a' is no longer member of 'club'; block 17"
	run3 as a bid buy 1kWh --at "$W" --price club=20/kWh
	status_is 3
	run3 mkt admin tag nowhere x
	status_is 2
	run3 mkt admin member nowhere a
	status_is 3
}

@test "limits: what is not named stays" {
	run3 mkt admin limits ev --open-bids 7
	status_is 0
	[ "$(mkt market --json | json -c '.data.limit[] | select(.class == "ev") | [.open_bids, .tx_per_min, .reads_per_min, .rows_per_min]')" = '[7,600,6000,600000]' ] || fail limits
	run3 mkt admin limits ev
	status_is 2
	run3 mkt admin limits king --open-bids 7
	status_is 2
}

@test "the clock goes forward only; relative times count from the chain's" {
	run3 mkt admin clock 2026-11-22T01:00:00Z --yes
	status_is 0
	out_is "clock is 2026-11-22 10:00:00 JST; block 1"
	mkt admin clock -q --yes +30m
	[ "$(mkt market --json | json .data.market.now)" = 2026-11-22T01:30:00.000Z ] || fail relative
	run3 mkt admin clock 2026-11-22T01:00:00Z --yes
	status_is 3
	err_has "mkt: the clock never goes back: it is 2026-11-22 10:30:00 JST now"
	run3 mkt admin clock 2026-12-22T01:00:00Z --yes
	status_is 0
}

@test "a chain with its authority's clock refuses" {
	stop_ledgerd
	rm -r m .config
	mkt init -q --listen '' m
	start_ledgerd
	run3 mkt admin clock +1h --yes
	status_is 3
	err_has "cannot set the clock"
}

@test "imbalance prices and meter operators" {
	accounts a b
	run3 mkt admin imbalance --up 50/kWh --down 10/kWh
	status_is 0
	[ "$(mkt market --json | json -c '.data.market | [.imbalance_up_ujpy_per_wh, .imbalance_down_ujpy_per_wh]')" = '[50000,10000]' ] || fail prices
	run3 mkt admin imbalance --up 50/kWh
	status_is 2
	run3 mkt admin meterop a b
	out_is "'b' reports for 'a'; block 6"
	[ "$(mkt account a --delegations --json | json -c '.data[0] | [.to, .meter]')" = '[2,true]' ] || fail grant
	run3 mkt admin meterop a b --off
	out_is "'b' no longer reports for 'a'; block 7"
	[ "$(mkt account a --delegations --json | json -c .data)" = '[]' ] || fail off
}

@test "only the operator; an account setting does not confuse it" {
	accounts a b
	run3 as a admin deposit a 1JPY
	status_is 4
	err_has "mkt: cannot deposit: this key is not permitted to do that"
	MKT_ACCOUNT=b run3 mkt admin deposit a 1JPY
	status_is 0
	run3 mkt admin
	status_is 2
	run3 mkt admin depose a
	status_is 2
	err_has "did you mean 'mkt admin deposit'?"
}

@test "once under a request id" {
	account a
	mkt admin deposit -q a 5JPY --request-id d
	run3 mkt admin deposit a 5JPY --request-id d
	status_is 0
	out_is "5 JPY deposited for 'a'; replayed, block 3"
	run3 mkt admin deposit a 6JPY --request-id d
	status_is 6
	[ "$(mkt account a --json | json .data.available_ujpy)" = 1000005000000 ] || fail twice
}

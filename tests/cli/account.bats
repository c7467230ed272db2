#!/usr/bin/env bats
# Accounts: money, lists, statements, transfers, delegations.
load chain

@test "money in three parts" {
	accounts a b
	as a bid sell 4kWh --at "$W" --price 20/kWh -q
	as b bid buy 6kWh --at "$W" --price 21/kWh -q
	run3 as b account
	status_is 0
	err_is ""
	out_is "account    2
name       b
class      household
available  999878.00 JPY
held       42.00 JPY
locked     80.00 JPY
open bids  1
suspended  no"
	run3 mkt account b --json
	[ "$(json '.schema, (.data | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.account/1 account,name,class,available_ujpy,held_ujpy,locked_ujpy,open_bids,suspended,key,chargers " ] || fail fields
	[ "$(json -c '.data | [.account, .available_ujpy, .held_ujpy, .locked_ujpy, .chargers]' <<<"$out")" = \
		'[2,"999878000000","42000000","80000000",null]' ] || fail values
}

@test "by name, number and key; of nobody; all of them" {
	accounts a b
	for who in a '#1' "$(key_of a)"; do
		[ "$(mkt account "$who" --json | json .data.name)" = a ] || fail "$who"
	done
	[ "$(mkt --account b account --json | json .data.name)" = b ] || fail option
	run3 mkt account nobody
	status_is 5
	err_is "mkt: there is no account 'nobody'"
	[ "$(mkt account --all --json | json -c '[.data[].name]')" = '["operator","a","b"]' ] || fail all
	[ "$(mkt account --all --limit 2 --json | json -c '[.data[].name, .next]')" = '["operator","a","1"]' ] || fail page
	[ "$(mkt account --all --cursor 1 --json | json -c '[.data[].name]')" = '["b"]' ] || fail cursor
	run3 mkt account a --all
	status_is 2
}

@test "the statement tells what happened, newest first" {
	accounts a b
	as a account transfer b 5JPY --note cake -q --yes
	run3 as a account --statement
	status_is 0
	[ "$(sed -E 's/^[0-9:]+ +//' <<<"$out")" = "a: transfer
transfer of 5 JPY from a to b
deposit of 1000000 JPY to a" ] || fail sentences
	run3 as a account --statement --json
	[ "$(json -c '.schema, [.data[].kind]' <<<"$out" | tr '\n' ' ')" = 'mkt.statement/1 ["result","money","money"] ' ] || fail kinds
	[ "$(json -c '.data[1] | [.why, .from_name, .to_name, .money_ujpy]' <<<"$out")" = '["transfer","a","b","5000000"]' ] || fail money
	run3 as a account --statement --limit 1
	out_has "~ more: --cursor "
	next=$(sed -n 's/.*--cursor //p' <<<"$out")
	[ "$(as a account --statement --limit 1 --cursor "$next" --json | json .data[0].kind)" = money ] || fail cursor
	run3 as a account --statement --delegations
	status_is 2
}

@test "a transfer: done, refused, dry, to nobody" {
	accounts a b
	run3 as a account transfer b 5JPY --note cake --yes
	status_is 0
	out_is "5 JPY to 'b'; block 5"
	run3 as a account transfer b 99999999JPY --yes
	status_is 3
	err_has "mkt: cannot transfer: not enough available: 99999999 JPY needed"
	local real=$err
	run3 as a account transfer b 99999999JPY -n
	status_is 3
	[ "$(head -1 <<<"$err")" = "$(head -1 <<<"$real")" ] || fail "not: $real"
	run3 as a account transfer b 1JPY -n
	status_is 0
	run3 as a account transfer nobody 1JPY --yes
	status_is 5
	run3 as a account transfer b 1 --yes
	status_is 2
	[ "$(mkt account b --json | json .data.available_ujpy)" = 1000005000000 ] || fail money
}

@test "delegate, use, revoke" {
	accounts a b
	run3 as a account delegate b --may bid,cancel --until "2026-12-01"
	status_is 0
	out_is "'b' may bid,cancel until 2026-12-01 00:00:00 JST; block 5"
	run3 as a account --delegations --json
	[ "$(json -c '.schema, .data' <<<"$out" | tr '\n' ' ')" = \
		'mkt.delegations/1 [{"to":2,"rights":"bid,cancel","until":"2026-11-30T15:00:00Z","meter":false}] ' ] || fail list
	run3 as b bid buy 1kWh --at "$W" --price 20/kWh --for a
	status_is 0
	run3 as b account transfer b 1JPY --for a --yes
	status_is 4
	run3 as a account revoke b
	status_is 0
	run3 as b bid buy 1kWh --at "$W" --price 20/kWh --for a
	status_is 4
	run3 as a account delegate b --may fly
	status_is 2
	err_has "'fly' is no operation that can be delegated"
	run3 as a account delegate b
	status_is 2
}

@test "a delegation ends by itself" {
	accounts a b
	as a account delegate b --may bid --until "2026-11-22 10:00" -q
	clock "2026-11-22 10:00:01"
	run3 as b bid buy 1kWh --at "$W" --price 20/kWh --for a
	status_is 4
}

@test "text that turns the line around is seen for what it is" {
	bad=$'ev \u202e031 YPJ\u202c \u2066now'
	account a
	mkt admin enroll -q b "$(mkt key new -q b && key_of b)" --charger "$bad"
	run3 mkt account b --fields chargers
	status_is 0
	out_has 'ev ?031 YPJ? ?now'
	run3 mkt account b --json
	status_is 0
	out_has 'ev \u202e031 YPJ\u202c \u2066now'
	jq -e --arg text "$bad" '[.. | strings] | any(. == $text)' <<<"$out" >/dev/null || fail "another text"
	run3 mkt admin deposit a 1JPY --note "$bad" --json
	status_is 0
	tx=$(json -r .data.tx <<<"$out")
	run3 curl -s --unix-socket m/ledgerd.sock "http://mkt/v1/tx/$tx"
	out_has 'ev \u202e031 YPJ\u202c \u2066now'
	for call in "mkt tx $tx" "mkt log --from 0" "mkt account $bad" "mkt bid buy 1kWh --at $bad"; do
		run3 $call
		[ -n "$out$err" ] || fail "$call says nothing"
		! grep -qP '[\x{202a}-\x{202e}\x{2066}-\x{2069}]' <<<"$out$err" || fail "$call"
	done
}

#!/usr/bin/env bats
# A chain whose accounts are private: over the port only what names nobody, unless the read is signed by who may
# see it; and what a contract tells of both parties.
load chain

setup() {
	private_home
	PORT=$((20000 + RANDOM % 20000))
	start_chain --listen "127.0.0.1:$PORT" --private-accounts
}

status_of() { curl -s -o answer -w '%{http_code}' "${@:2}" "http://127.0.0.1:$PORT/v1/$1"; }

# Over the port, as somebody; without an identity nobody signs.
over() { local who=$1; shift; mkt --server "http://127.0.0.1:$PORT" --identity "$who" "$@"; }

trade() {
	accounts a b
	as a bid sell 1kWh --at "$W" --price green=20/kWh -q
	as b bid buy 1kWh --at "$W" --price green=20/kWh -q
	tx=$(mkt block 4 --json | jq -r '.. | .tx? // empty' | head -n 1)
}

@test "the port names no account, the socket does" {
	trade
	for path in accounts accounts/a accounts/a/events bids bids/1 contracts contracts/1 telemetry events/page?from=0 \
		events "limits?account=a" "books?account=a" accounts/nobody \
		blocks/3 "tx/$tx" "tx?account=a&request=00000000000000000000000000000000" chain?from=0; do
		[ "$(status_of "$path")" = 401 ] || { echo "$path: $(cat answer)" >&2; return 1; }
		[ "$(jq -r .error.code answer)" = signature-needed ]
	done
	for path in status market books blocks health; do
		[ "$(status_of "$path")" = 200 ] || { echo "$path" >&2; return 1; }
	done
	run3 mkt account a
	status_is 0
	run3 mkt tx "$tx"
	status_is 0
}

@test "commands sign what they read over the port, and see what is theirs" {
	trade
	accounts c
	run3 over a account
	status_is 0
	run3 over a bids --past
	status_is 0
	run3 over b contracts
	out_has c1
	run3 over a why c1
	status_is 0
	run3 over a limits
	status_is 0
	run3 over a log --mine --json --limit 3
	status_is 0
	run3 over a bid sell 1kWh --at "$W2" --price green=20/kWh --dry-run
	status_is 0
	run3 over a bid sell 1kWh --at "$W2" --price green=20/kWh
	status_is 0
	# What is of others, and what is of all, is not for them.
	run3 over c why c1
	status_is 4
	err_has "account 3 may not read this"
	run3 over c account a
	status_is 4
	run3 over c block 4
	status_is 4
	err_has "for the operator and accounts of class reader"
	# The operator sees all; so does an account of class reader.
	run3 over m/operator.key block 4
	status_is 0
	# Without a key there is no signature.
	run3 over "$HOME/none.key" account a
	status_is 4
	err_has "the read must be signed"
}

@test "delegates and readers see the accounts that are for them" {
	accounts a agg
	account auditor reader
	run3 over agg account a
	status_is 4
	as a account delegate agg --may bid -q
	run3 over agg account a
	status_is 0
	as a account revoke agg -q
	run3 over agg account a
	status_is 4
	run3 over auditor account --all
	status_is 0
	run3 over auditor block 2
	status_is 0
}

@test "a signed read serves once, for its own request, and not from a wrong clock" {
	accounts a
	over a --trace=trace account >/dev/null
	grep -q 'reads are signed from now on' trace
	sign() { "$BUILD_DIR/tests/e2e/door" sign "$XDG_DATA_HOME/mkt/keys/a.key" "$(cat chain)" "$@"; }
	curl -s -o /dev/null -D head "http://127.0.0.1:$PORT/v1/accounts/a"
	tr -d '\r' <head | sed -n 's/^WWW-Authenticate: Mkt-Sig chain=//Ip' >chain
	header=$(sign /v1/accounts/a 0)
	[ "$(status_of accounts/a -H "$header")" = 200 ] || { cat answer; false; }
	[ "$(status_of accounts/a -H "$header")" = 401 ]
	grep -q 'used before' answer
	header=$(sign /v1/accounts/a 0)
	[ "$(status_of accounts/a?x=1 -H "$header")" = 401 ]
	grep -q 'not that of account' answer
	[ "$(status_of accounts/a -H "$(sign /v1/accounts/a -70000)")" = 401 ]
	grep -q 'behind the clock' answer
	[ "$(status_of accounts/a -H "$(sign /v1/accounts/a 70000)")" = 401 ]
	grep -q 'ahead of the clock' answer
	[ "$(status_of accounts/a -H "${header/sig=/sig=00}")" = 400 ]
	[ "$(status_of accounts/a -H "Authorization: Basic eA==")" = 401 ]
}

@test "a contract tells the reports of both parties" {
	trade
	clock 2026-11-23T02:10:00Z
	as a report 1 0.9kWh -q
	as b report 1 1kWh -q
	run3 mkt why c1
	status_is 0
	[[ $out == *"c1: a reports 0.900 kWh supplied"* ]]
	[[ $out == *"c1: b reports 1.000 kWh drawn"* ]]
	[[ $out == *"0.900 kWh of 1.000 kWh delivered, b pays a 18 JPY, a is charged 4.50 JPY"* ]]
}

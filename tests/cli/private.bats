#!/usr/bin/env bats
# A chain whose accounts are private: over the port only what names nobody; and what a contract tells of both parties.
load chain

setup() {
	private_home
	PORT=$((20000 + RANDOM % 20000))
	start_chain --listen "127.0.0.1:$PORT" --private-accounts
}

status_of() { curl -s -o answer -w '%{http_code}' "http://127.0.0.1:$PORT/v1/$1"; }

@test "the port names no account, the socket does" {
	accounts a b
	as a bid sell 1kWh --at "$W" --price green=20/kWh -q
	as b bid buy 1kWh --at "$W" --price green=20/kWh -q
	tx=$(mkt block 4 --json | jq -r '.. | .tx? // empty' | head -n 1)
	for path in accounts accounts/a accounts/a/events bids bids/1 contracts contracts/1 telemetry events/page?from=0 \
		blocks/3 "tx/$tx" "tx?account=a&request=00000000000000000000000000000000" chain?from=0; do
		[ "$(status_of "$path")" = 403 ] || { echo "$path: $(cat answer)" >&2; return 1; }
		[ "$(jq -r .error.code answer)" = denied ]
	done
	for path in status market books blocks health; do
		[ "$(status_of "$path")" = 200 ] || { echo "$path" >&2; return 1; }
	done
	run3 mkt account a
	status_is 0
	run3 mkt tx "$tx"
	status_is 0
}

@test "a contract tells the reports of both parties" {
	accounts a b
	as a bid sell 1kWh --at "$W" --price green=20/kWh -q
	as b bid buy 1kWh --at "$W" --price green=20/kWh -q
	clock 2026-11-23T02:10:00Z
	as a report 1 0.9kWh -q
	as b report 1 1kWh -q
	run3 mkt why c1
	status_is 0
	[[ $out == *"c1: a reports 0.900 kWh supplied"* ]]
	[[ $out == *"c1: b reports 1.000 kWh drawn"* ]]
	[[ $out == *"0.900 kWh of 1.000 kWh delivered, b pays a 18 JPY, a is charged 4.50 JPY"* ]]
}

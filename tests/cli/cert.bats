#!/usr/bin/env bats
# Certificates: listed, exported, checked without a server, retired once.
load chain

deliver() {
	accounts a b
	as a bid sell 10kWh --at "$W" --price green=20/kWh -q
	as b bid buy 4kWh --at "$W" --price green=22/kWh -q
	clock "$DAY 11:00"
	as a report 1 3kWh -q
	as b report 1 4kWh -q
}

# Byte $2 of the file $1 becomes another.
spoil() {
	local old
	old=$(od -An -tu1 -j"$2" -N1 "$1" | tr -d ' ')
	printf "\\$(printf '%03o' $((old ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "export, and verify without a server" {
	deliver
	run3 as a cert list --fields exec,state,tag,delivered_wh
	status_is 0
	out_is "contract  state    tags   delivered kWh
      c1  settled  green          3.000"
	run3 mkt cert export c1
	status_is 0
	err_is ""
	out_is "certificate of c1, 3.000 kWh delivered: c1.cert"
	chain=$(mkt cert export 1 --json | json .data.chain)
	run3 mkt cert export c1
	status_is 0
	mkt cert export c1 - | cmp - c1.cert
	stop_ledgerd
	run3 mkt cert verify --chain "$chain" c1.cert
	status_is 0
	err_is ""
	out_has "genesis: of chain 'demo', the one that was named"
	out_has "bid b1: to sell, by account 1"
	out_has "bid b2: to buy, by account 2"
	out_has "contract c1: 4000 Wh"
	out_has "supply: 3000 Wh reported"
	out_has "settlement: 3000 of 4000 Wh delivered and paid"
	out_has "c1.cert is whole: account 1 delivered 3.000 kWh green to account 2, 2026-11-23 10:30-11:00 JST"
	run3 mkt cert verify --genesis m/chain/genesis c1.cert --json
	[ "$(json -c '.schema, (.data | [.exec, .tag, .energy_wh, .delivered_wh, .paid_ujpy, .authorities])' <<<"$out" | tr '\n' ' ')" = \
		'mkt.certificate/1 ["1","green",4000,3000,"60000000",1] ' ] || fail json
	run3 mkt cert verify c1.cert
	status_is 2
	err_has "what do you trust?"
	run3 mkt cert verify --chain "${chain/[0-9a-f]/x}" c1.cert
	status_is 2
	if [ "${chain:0:1}" = 0 ]; then other=1${chain:1}; else other=0${chain:1}; fi
	run3 mkt cert verify --chain "$other" c1.cert
	status_is 11
	err_has "its genesis is not that of the chain"
	run3 mkt cert verify --authority "$(key_of a)" c1.cert
	status_is 11
	err_has "the authorities that you trust have not signed it"
}

@test "what was changed is found, and nothing is overwritten" {
	deliver
	mkt cert export c1 -q
	size=$(stat -c %s c1.cert)
	for at in 0 9 40 $((size / 2)) $((size - 1)); do
		cp c1.cert bad.cert
		spoil bad.cert "$at"
		run3 mkt cert verify --genesis m/chain/genesis bad.cert
		status_is 11
		err_has "'bad.cert'"
	done
	head -c $((size - 1)) c1.cert >cut.cert
	run3 mkt cert verify --genesis m/chain/genesis cut.cert
	status_is 11
	run3 mkt cert export c1 bad.cert
	status_is 3
	err_has "exists"
	run3 mkt cert verify --genesis m/chain/genesis m/ledgerd.conf
	status_is 11
	err_has "this is not a certificate"
	run3 mkt cert export c1 nowhere/c1.cert
	[ "$status" -ne 0 ] || fail "wrote into nothing"
	[ "$(ls ./*.tmp* 2>/dev/null)" = "" ] || fail "left something"
}

@test "retired once, by the buyer, and listed so" {
	deliver
	run3 as a cert retire c1
	status_is 4
	err_has "cannot retire: this key is not permitted"
	run3 as b cert retire c1 --dry-run
	status_is 0
	mkt cert export c1 -q
	run3 as b cert retire c1.cert --purpose 'green power'
	status_is 0
	out_has "certificate of c1 retired, 3.000 kWh; block"
	run3 as b cert retire 1
	status_is 3
	err_has "cannot retire: the certificate is retired already"
	[ "$(as b cert list --json | json -c '[.data[] | [.exec, .state]]')" = '[["1","retired"]]' ] || fail state
	as b contracts 1 --json | json -e '.data[0].status == "retired"' >/dev/null
}

@test "what is not settled has none" {
	accounts a b
	as a bid sell 10kWh --at "$W" --price green=20/kWh -q
	as b bid buy 4kWh --at "$W" --price green=22/kWh -q
	run3 mkt cert export c1
	status_is 3
	err_has "contract 1 is not settled yet"
	run3 mkt cert export c9
	status_is 5
	run3 as b cert retire c1
	status_is 3
	[ ! -e c1.cert ] || fail "a file of nothing"
}

#!/usr/bin/env bats
# The set of authorities: proposed, co-signed where the keys are, sent by the operator.
load chain

@test "propose, sign, add: in force from the next block on; what cannot be is refused" {
	run3 mkt admin authority list
	status_is 0
	out_has "a1"
	out_has "set 0 since block 0; 1 of 1 must sign a block"
	mkt key new -q second
	key=$(key_of second)

	run3 mkt admin authority propose add a1 "$key" c.json
	status_is 4
	err_is "mkt: an authority has this name already"
	run3 mkt admin authority propose remove nobody c.json
	status_is 4
	err_is "mkt: there is no authority 'nobody'"
	[ ! -e c.json ] || fail "a refused proposal left a file"
	run3 mkt admin authority propose add east "$key" c.json
	status_is 0
	out_is "add authority 'east' $key: 0 signatures of 1 needed, in c.json"
	run3 mkt admin authority propose add east "$key" c.json
	status_is 3
	err_has "c.json"

	run3 mkt admin authority add c.json --yes
	status_is 4
	err_has "mkt: 0 of 1 authorities have signed, 1 must"
	cp c.json other.json
	mkt admin authority sign -q --yes other.json --key "$(mkt key show second --json | json -r .data.file)"
	run3 mkt admin authority add other.json --yes
	status_is 4
	err_has "mkt: 0 of 1 authorities have signed, 1 must"
	# Signing needs no server.
	run3 mkt --server unix:/nowhere admin authority sign c.json --key m/authority.key --yes
	status_is 0
	out_is "add authority 'east' $key: 1 signature, in c.json"
	run3 mkt admin authority sign c.json --key m/authority.key --yes
	status_is 3
	err_has "has signed it already"
	run3 mkt admin authority remove c.json --yes
	status_is 2
	err_has "'c.json' proposes to add 'east'"
	sed 's/"east"/"west"/' c.json >bad.json
	run3 mkt admin authority add bad.json --yes
	status_is 4
	err_has "'bad.json' is no proposal: signature 1 is wrong"
	run3 mkt admin authority add c.json bad.json --yes
	status_is 4

	account a
	run3 mkt --identity a admin authority add c.json --yes
	status_is 4
	run3 mkt admin authority add c.json --yes
	status_is 0
	out_is "'east' is an authority; block 4"
	run3 mkt admin authority list --json
	[ "$(json -c '[.schema, (.data[] | [.number, .name, .key == "'"$key"'"])]' <<<"$out")" = '["mkt.authorities/1",[0,"a1",false],[1,"east",true]]' ] || fail "list: $out"
	tx=$(curl -s --unix-socket m/ledgerd.sock http://mkt/v1/blocks/4 | json -r '.data.transactions[0].tx')
	[ "$(curl -s --unix-socket m/ledgerd.sock "http://mkt/v1/tx/$tx" |
		json -c '.data | [(.ops // .operations)[0] | .op, .what, .name, .generation, .signed_by]')" = '["authority","add","east",0,[0]]' ] ||
		fail "tx: $(curl -s --unix-socket m/ledgerd.sock "http://mkt/v1/tx/$tx")"

	# Two must sign now, and this node is alone: it says so and seals nothing more.
	run3 mkt admin deposit a 1JPY
	status_is 7
	err_has "2 of 2 authorities must sign the next block"
	# What was signed for the set before is good for nothing in this one.
	run3 mkt admin authority add c.json --yes
	[ "$status" -ne 0 ] || fail "an old proposal passed"
	stop_ledgerd
	run3 mkt verify m
	status_is 0
}

@test "evidence: none is an empty list; what proves nothing is refused" {
	run3 mkt admin evidence --json
	status_is 0
	[ "$(json -c '[.schema, .data]' <<<"$out")" = '["mkt.evidence/1",[]]' ] || fail "list: $out"
	head -c 700 /dev/zero >zeros
	run3 mkt admin evidence check zeros
	status_is 11
	err_has "'zeros' proves nothing"
	run3 mkt admin evidence save "$(printf '0%.0s' {1..64})" out
	status_is 5
	[ ! -e out ] || fail file
	run3 mkt admin evidence save xyz out
	status_is 2
	run3 mkt admin evidence check
	status_is 2
	err_has "give 'list', 'save ID FILE' or 'check FILE'"
}

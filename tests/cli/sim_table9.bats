#!/usr/bin/env bats
# The paper's Table 9 on a real chain: 4k transactions untagged, 4 tagged, counted by the chain.
load helper

setup() {
	private_home
	export TMPDIR=$HOME/tmp
	mkdir "$TMPDIR"
}

@test "four windows: 16 transactions in one market, 32 in two, 4 with tags" {
	run3 mkt sim --table9 --json
	status_is 0
	err_is ""
	[ "$(json .schema <<<"$out")" = mkt.sim-table9/1 ]
	[ "$(json '.data | length' <<<"$out")" = 8 ] || fail "$out"
	four='[.data[] | select(.windows == 4) | [.markets, .books, .paper_transactions, .untagged_transactions, .tagged_transactions]]'
	[ "$(json "$four" <<<"$out")" = '[[1,4,16,16,4],[2,8,32,32,4]]' ] || fail "$out"
}

@test "nothing is contracted twice with tags, and k - 1 times too often when cancels come too late" {
	run3 mkt sim --table9 --json
	status_is 0
	all='[.data[] | .untagged_transactions == 4 * .books and .late_transactions == 4 * .books and .tagged_over_wh == 0 and .untagged_over_wh == 0 and .late_over_wh == (.books - 1) * 1000] | all'
	[ "$(json "$all" <<<"$out")" = true ] || fail "$out"
	[ -z "$(ls -A "$TMPDIR")" ] || fail "left: $(ls -A "$TMPDIR")"
}

@test "people read the rule of counting" {
	run3 mkt sim --table9
	status_is 0
	out_has "A transaction is one signed envelope on the chain"
	out_has "untagged"
	run3 mkt sim --table9 --json --fields nonsense
	status_is 2
}

#!/usr/bin/env bats
# The predecessor's markets without tags, side by side with tags; and what a premium for green brings.
load helper

setup() {
	private_home
	export TMPDIR=$HOME/tmp
	mkdir "$TMPDIR"
}

@test "tags: at most 4 transactions a contract and nothing over; without: more of both" {
	run3 mkt sim --compare --json
	status_is 0
	err_is ""
	[ "$(json .schema <<<"$out")" = mkt.sim-compare/1 ]
	[ "$(json '[.data[] | [.way, .markets]]' <<<"$out")" = '[["tagged",1],["tagged",2],["untagged",1],["untagged",2]]' ] || fail "$out"
	[ "$(json '[.data[] | select(.way == "tagged") | .transactions_per_1000_contracts <= 4000 and .over_contracted_wh == 0 and .contracts > 100] | all' <<<"$out")" = true ] || fail "$out"
	[ "$(json '.data | .[2].transactions > 2 * .[0].transactions and .[3].transactions > .[2].transactions and .[3].over_contracted_wh > 0' <<<"$out")" = true ] || fail "$out"
	[ "$(json '[.data[] | select(.way == "untagged") | .transactions == .operations] | all' <<<"$out")" = true ] || fail "$out"
	[ -z "$(ls -A "$TMPDIR")" ] || fail "left: $(ls -A "$TMPDIR")"
}

@test "one run without tags keeps the rules of the ledger" {
	run3 mkt sim --untagged --markets 2 --json
	status_is 0
	[ "$(json '.data | [.refused, .over_contracted_wh > 0, .stray_contracts, .money_conserved, .contracts == .settled]' <<<"$out")" = '[0,true,0,true,true]' ] || fail "$out"
	run3 mkt sim --markets 2 --json
	status_is 0
	[ "$(json '.data | [.refused, .over_contracted_wh, .holds]' <<<"$out")" = '[0,0,true]' ] || fail "$out"
}

@test "the share of green rises with the premium" {
	run3 mkt sim --green-curve --json
	status_is 0
	err_is ""
	[ "$(json '[.data[].premium_ujpy_per_wh]' <<<"$out")" = '[0,500,1000,2000,4000,8000]' ] || fail "$out"
	[ "$(json '[.data[].green_share] | . == sort and .[5] > 2 * .[0]' <<<"$out")" = true ] || fail "$out"
	run3 mkt sim --green-premium 2/kWh --json
	status_is 0
	[ "$(json '.data | .holds and .green_wh > 0' <<<"$out")" = true ] || fail "$out"
}

@test "options that do not go together" {
	for o in "--compare --green-curve" "--compare --table9" "--compare --markets 2" "--untagged --devices" "--untagged --green-premium 1/kWh" "--green-premium 2" "--green-premium 500/kWh" "--markets 3" "--compare --keep x"; do
		# shellcheck disable=SC2086
		run3 mkt sim $o
		status_is 2
		out_is ""
	done
}

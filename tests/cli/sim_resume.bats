#!/usr/bin/env bats
# A run that was interrupted goes on and ends in the same state as one that was not.
load helper

setup() {
	private_home
	export TMPDIR=$HOME/tmp
	mkdir "$TMPDIR"
}

# wait_block DIR: until some blocks of the days are on the disk; 20 s at most.
wait_block() {
	local end=$((SECONDS + 20))
	until [ "$(stat -c %s "$1"/blocks/* 2>/dev/null | sort -n | tail -1)" -gt 20000 ] 2>/dev/null; do
		[ $SECONDS -lt $end ] || return 1
		read -r -t 0.02 <> <(:) || true
	done
}

# interrupt SIGNAL DAYS DIR: begin, and end it so.
interrupt() {
	"$BUILD_DIR/mkt" sim --days "$2" --keep "$3" >/dev/null 2>&1 &
	local pid=$! child
	wait_block "$3" || fail "it did not begin"
	child=$(cat "/proc/$pid/task/$pid/children")
	kill "-$1" $pid
	wait $pid || true
	# its ledgerd goes with it: the chain must be free before it is taken up
	local end=$((SECONDS + 20))
	while kill -0 ${child:-1} 2>/dev/null && [ $SECONDS -lt $end ]; do
		read -r -t 0.02 <> <(:) || true
	done
}

@test "killed, and stopped by Ctrl-C, it goes on and ends with the same digest" {
	want=$(mkt sim --days 4 --json | json '.data | [.digest, .transactions, .bills_uc, .holds]')
	for signal in KILL INT; do
		interrupt $signal 4 run.$signal
		run3 mkt sim --days 4 --resume run.$signal --json
		status_is 0
		[ "$(json '.data | [.digest, .transactions, .bills_uc, .holds]' <<<"$out")" = "$want" ] || fail "$signal: $out, not $want"
	done
	run3 mkt verify run.KILL
	status_is 0
}

@test "taken up with other options, or where nothing is, it says so" {
	run3 mkt sim --keep run
	status_is 0
	digest=$(sed -n 's/^state //p' <<<"$out")
	run3 mkt sim --resume run --days 2
	status_is 2
	err_has "begun with other options"
	run3 mkt sim --resume run --seed 2
	status_is 2
	err_has "is of another run"
	run3 mkt sim --resume nowhere
	[ "$status" != 0 ] || fail "nowhere"
	run3 mkt sim --resume run --keep other
	status_is 2
	run3 mkt sim --resume run
	status_is 0
	out_has "state $digest"
}

#!/usr/bin/env bats
# What asks first, and who is told to be enrolled.
load chain

@test "a transfer asks; where nobody can be asked it needs --yes" {
	accounts a b
	run3 as a account transfer b 5JPY
	status_is 2
	out_is ""
	err_is "mkt: this needs an answer and nobody can be asked
hint: give --yes if you mean it"
	run3 as a account transfer b 5JPY -n
	status_is 0
	out_is "5 JPY to 'b'; dry run, nothing was sent"
	run_tty "$BUILD_DIR/mkt" --identity a account transfer b 5JPY
	status_is 12
	out_has "send 5 JPY to 'b'? it cannot be taken back [y/N]"
	run3 as a account transfer b 5JPY --yes
	status_is 0
	out_has "5 JPY to 'b'; block "
}

@test "a key that is not enrolled: reads say what actions say" {
	account a
	mkt key new -q stranger
	run3 as stranger account transfer a 1JPY --yes
	status_is 4
	local want=${err#*the key}
	for read in account bids contracts limits "account --statement" "log --mine" \
		"log --mine --follow"; do
		run3 as stranger $read
		status_is 4
		[ "mkt: the key$want" = "$err" ] || fail "$read"
	done
	run3 as stranger account a
	status_is 0
	run3 as stranger account nobody
	status_is 5
	err_has "there is no account 'nobody'"
}

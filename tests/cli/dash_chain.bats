#!/usr/bin/env bats
# The panes Blocks and Nodes against a real ledgerd: into a block and a transaction, proofs, roles and limits.
load chain

# The lines of a script, as arguments, done off-screen: script WHO LINE...
script() {
	local who=$1
	shift
	printf '%s\n' "$@" >script
	run3 mkt --identity "$who" dash --script script
}

village() {
	accounts elm oak
	as elm bid sell 6kWh --at "$W" --price green=20/kWh -q # b1
	as oak bid buy 4kWh --at "$W" --price green=22/kWh --price brown=19/kWh -q # b2, c1
}

@test "the chain, a block, a transaction in words, and back" {
	village
	script oak 'wait LIVE' 'key 5' 'wait genesis' screen 'key Enter' "wait signed by a1: 1 of 1, 1 needed" screen \
		'key Enter' 'wait bid: buy 4.000 kWh, 2 legs' screen 'key Enter' 'wait Esc close' 'key Esc' \
		'key Esc' 'wait signed by' 'key Esc' 'wait following the head' 'key End' 'key Home'
	status_is 0; err_is ""
	out_has "green at 22.00 JPY/kWh"; out_has "brown at 19.00 JPY/kWh"
	out_has "done, b2, 4.000 kWh matched, 0.000 kWh left"
	out_has "event    c1: oak buys 4.000 kWh from elm"
	out_has "signer   #2 oak"
}

@test "proofs on the spot: of the transaction and of the block" {
	village
	script oak 'wait LIVE' 'key 5' 'wait genesis' 'key p' 'wait PROVED: block' 'wait : proved' screen 'key Esc' \
		'key Enter' 'wait signed by' 'key p' 'wait PROVED: transaction' 'wait 7 ok    signer' screen 'key Esc' \
		'key Enter' 'wait request' 'key p' 'wait PROVED: transaction' 'key Esc' 'key Esc' 'key Esc' \
		'key End' 'key p' 'wait PROVED: block 0'
	status_is 0; err_is ""; out_lacks "NOT PROVED"
	out_has "3 ok    header"; out_has "1 of 1 authorities, 1 needed: a1 mkt1"
}

@test "a block that comes is there" {
	village
	mkfifo steps
	as oak dash --script steps >pictures 2>errors 3>&- &
	exec 7>steps
	printf '%s\n' "key 5" "wait genesis" screen >&7
	local i last
	for i in $(seq 200); do grep -q genesis pictures && break; sleep 0.1; done
	last=$(sed -nE 's/^>([0-9]+) .*/\1/p' pictures)
	as elm bid sell 1kWh --at "$W2" --price green=20/kWh -q
	printf '%s\n' "wait >$((last + 1)) " >&7
	exec 7>&-
	wait $! || { cat pictures errors >&2; false; }
}

@test "a node alone: role, disk, service, what the account has used" {
	village
	script oak 'wait LIVE' 'key 8' 'wait this node' 'wait service' 'wait open bids' screen 'key Enter' 'wait Esc close' \
		screen 'key Esc' 'resize 40x12' screen 'resize 132x43' screen
	status_is 0; err_is ""
	out_has "solo, mkt "; out_has "1 authority, 1 must sign (majority)  0 changes"
	grep -qE "this node +seals" <<<"$out" || fail "state"
	grep -qE "disk +ok .* free, " <<<"$out" || fail "disk"
	grep -qE "open bids +ok +0%" <<<"$out" || fail "limits"
	out_has "role  solo"
}

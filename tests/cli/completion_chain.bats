#!/usr/bin/env bats
# Completion of what the chain knows.
load chain

values() { mkt --complete="$1" -- "${2-}" | cut -f1 | tr '\n' ' '; }

@test "tags, windows, accounts, own bids and contracts" {
	accounts oak elm
	as oak bid buy 2kWh --at "$W" --price 20/kWh -q
	as elm bid sell 1kWh --at "$W" --price 20/kWh -q
	as elm bid sell 1kWh --at "$W" --price 30/kWh -q
	[ "$(values tag)" = "brown green lvm shvm " ] || fail tags
	[ "$(values tag g)" = "green " ] || fail prefix
	[ "$(values dimension)" = "energy market " ] || fail dimensions
	[ "$(values account e)" = "elm " ] || fail accounts
	[ "$(MKT_IDENTITY=oak values bid)" = "b1 " ] || fail bids
	[ "$(MKT_IDENTITY=elm values bid)" = "b3 " ] || fail others
	[ "$(MKT_IDENTITY=elm values contract)" = "c1 " ] || fail contracts
	[ "$(mkt --complete=window -- n | cut -f1)" = next ] || fail next
	mkt --complete=window -- 2026-11-22 | grep -q '^2026-11-22 09:30-10:00 JST	' || fail window
}

@test "nothing to offer is silence: no server, no key, another host, a hanging one" {
	for call in "MKT_SERVER=unix:/nowhere" "MKT_IDENTITY=nobody" "MKT_SERVER=http://192.0.2.1:9"; do
		run3 env "$call" "$BUILD_DIR/mkt" --complete=bid -- ""
		status_is 0
		out_is ""
		err_is ""
	done
	kill -STOP "$LEDGERD"
	begun=${EPOCHREALTIME/./}
	run3 mkt --complete=tag -- ""
	took=$((${EPOCHREALTIME/./} - begun))
	kill -CONT "$LEDGERD"
	status_is 0
	err_is ""
	[ "$took" -lt 1000000 ] || fail "$took us"
}

@test "kinds are known in the plural as well" {
	[ "$(values tags g)" = "$(values tag g)" ] && [ "$(values tags g)" = "green " ] || fail tags
	[ "$(values windows n)" = "next " ] || fail windows
	run3 mkt --complete=tagss -- ""
	status_is 2
}

@test "bash puts a window into the line as it must be typed" {
	PATH=$BUILD_DIR:$PATH
	source "$ROOT/completions/mkt.bash"
	offered() { COMP_WORDS=(mkt book --at "$1") COMP_CWORD=3 COMPREPLY=(); _mkt || true; printf '%s\n' "${COMPREPLY[0]}"; }
	[ "$(offered 2026-11-22)" = '2026-11-22\ 09:30-10:00\ JST' ] || fail "$(offered 2026-11-22)"
	[ "$(offered '2026-11-22\ 10')" = '2026-11-22\ 10:00-10:30\ JST' ] || fail "$(offered '2026-11-22\ 10')"
	split() { COMP_WORDS=(mkt --server http : //x : 1 book --at "$@") COMP_CWORD=$((8 + $#)) COMPREPLY=(); _mkt || true; printf '%s\n' "${COMPREPLY[0]}"; }
	[ "$(split '2026-11-22\ 10' :)" = '00-10:30\ JST' ] || fail "$(split '2026-11-22\ 10' :)"
	[ "$(split '2026-11-22\ 10' : 30-11 : 0)" = '00\ JST' ] || fail colons
	[ "$(offered '"2026-11-22 10:3')" = '2026-11-22 10:30-11:00 JST' ] || fail quoted colon
	[ "$(offered '"2026-11-22 10')" = '2026-11-22 10:00-10:30 JST' ] || fail quoted
}

#!/usr/bin/env bats
# The pane Devices, with a charger behind a pty that really charges: seen, limited, stopped, started, explained.
load charge

script() { # [OPTION...] -- LINE...
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	printf '%s\n' "$@" >script
	run3 mkt dash "${options[@]}" --script script
}

# The calendar of the devices and the clock of the chain, which refuses words from its future.
moves() {
	to "$1"
	clock "$(date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ)"
}

@test "a charger at work" {
	market ev-1
	calendar
	openevse 1
	serve l1
	contract buy 1600
	charge
	moves $((WIN + 60))
	script -- "key 4" "wait ev-1" "wait charging at" "wait kWh" "key Enter" "wait ev-1 of home, evse" "wait contract " \
		"wait heard " "key Esc" "key w" "wait mkt charge log ev-1" screen
	status_is 0
	# Without --control nothing moves, and no key does it alone.
	script -- "key 4" "wait charging at" "key c" "wait read-only"
	status_is 0
	script --control -- "key 4" "wait charging at" "key c" "wait Stop ev-1" "wait mkt charge stop ev-1" "key n" \
		"gone mkt charge stop"
	status_is 0
	[[ $(state ev-1 reason) == charging* ]] || fail "$(state ev-1 reason)"
	script --control -- "key 4" "wait charging at" "key +" "wait limit (" "keys 8A" "key Enter" "wait Limit ev-1" \
		"wait mkt charge limit ev-1 8A" "key y" "gone mkt charge limit"
	status_is 0
	moves $((WIN + 120))
	script --control -- "key 4" "wait charging at 8.0 A" "key c" "wait Stop ev-1" "key y" "gone mkt charge stop"
	status_is 0
	[[ $(state ev-1 reason) == stopped* ]] || fail "$(state ev-1 reason)"
	moves $((WIN + 180))
	script --control -- "key 4" "wait stopped by hand" "key c" "wait Start ev-1" "key y" "gone mkt charge start"
	status_is 0
	moves $((WIN + 240))
	script -- "key 4" "wait charging at" "wait 0 to look at"
	status_is 0
}

@test "nobody has told of anything" {
	market
	script -- "key 4" "wait nobody has told of a charger or battery"
	status_is 0
}

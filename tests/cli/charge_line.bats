#!/usr/bin/env bats
# mkt charge and the line: how soon a contract is a current, and a cable that stays out for a minute.
load charge

found_again() { sleep 1 && is ev-1 state ready; } # a minute of asking is work for others
now_ms() { echo $(($(date +%s%N) / 1000000)); }
# The charger's own word, from its simulator.
limit_is() {
	echo show >&"$fd_l1"
	[[ $(grep '^unit=1 ' l1.log | tail -n 1) == *" limit_ma=$1 "* ]]
}

@test "from a contract to the current it asks for it takes less than a second" {
	market ev-1
	calendar
	openevse 1
	serve l1
	charge
	to $((WIN + 60))
	best=
	was=0
	# What is contracted on top asks for more; the chain's clock stands before the window.
	for wh in 800 200 200 200; do
		contract buy "$wh"
		begin=$(now_ms)
		until_true more_than "$was"
		took=$(($(now_ms) - begin))
		was=$(state ev-1 set_ma)
		echo "# $was mA after $took ms" >&3
		[ "${best:-$took}" -lt "$took" ] || best=$took
	done
	[ "$best" -lt 1000 ] || fail "$best ms at best"
}
more_than() { [ "$(state ev-1 set_ma)" -gt "$1" ] 2>/dev/null; }

@test "a cable that is out for a minute: the charger falls back by its watchdog, then it goes on" {
	market ev-1
	contract buy 900
	calendar
	openevse 1 "watchdog = 10s" "failsafe = 6A"
	serve l1
	charge
	to $((WIN + 300))
	is ev-1 set_ma 8000 || fail "$(state ev-1 reason)"
	pulled=$(now_ms)
	tell l1 hangup for=60
	until_true limit_is 6000
	fell=$(($(now_ms) - pulled))
	# Twice its watchdog, if a beat went just before; this is no race against it.
	[ "$fell" -lt 40000 ] || fail "after $fell ms"
	until_true is ev-1 code stale
	WAIT=120 until_true found_again
	until_true is ev-1 code spread
	[ $(($(now_ms) - pulled)) -ge 60000 ] || fail "the line was back too early"
	until_true limit_is "$(state ev-1 set_ma)"
	end_window 1
	[ "$(meter ev-1 import)" = 900 ] || fail "meter $(meter ev-1 import)"
	[ "$(reports)" = "c1 draw 900 ev-1" ] || fail "$(reports)"
}

#!/usr/bin/env bats
# Cars are filled by the time they leave, or their drivers are told on arrival; what devices can move is moved.
load helper

setup() {
	private_home
	export TMPDIR=$HOME/tmp
	mkdir "$TMPDIR"
}

@test "every car that can be filled is filled, nobody is told anything" {
	run3 mkt sim --days 3 --json
	status_is 0
	err_is ""
	[ "$(json '.data | [.cars_could_be_filled > 5, .cars_filled == .cars_could_be_filled, .cars_told, .cars_told_wh, .cars_untold, .cars_missed_wh]' <<<"$out")" = '[true,true,0,0,0,0]' ] || fail "$out"
}

@test "with weak chargers some are told on arrival what they will lack, and lack just that" {
	run3 mkt sim --days 3 --charger-power 400W --json
	status_is 0
	err_is ""
	[ "$(json '.data | [.cars_told > 0, .cars_told_wh == .cars_missed_wh, .cars_filled == .cars_could_be_filled, .cars_untold]' <<<"$out")" = '[true,true,true,0]' ] || fail "$out"
	told=$(json .data.cars_told <<<"$out")
	run3 mkt sim --days 3 --charger-power 400W -v
	status_is 0
	[ "$(grep -c 'will lack .*Wh at ' <<<"$err")" -ge "$told" ] || fail "$err"
	run3 mkt sim --charger-power 1W
	status_is 2
}

@test "what is contracted for cars and batteries is metered" {
	run3 mkt sim --days 3 --json
	status_is 0
	[ "$(json '.data | [.car_contracted_wh > 0, .car_metered_wh * 100 >= .car_contracted_wh * 99, .battery_contracted_wh > 0, .battery_metered_wh * 100 >= .battery_contracted_wh * 99]' <<<"$out")" = '[true,true,true,true]' ] || fail "$out"
	[ "$(json '.data | .home_metered_wh <= .home_contracted_wh and .home_metered_wh * 100 > .home_contracted_wh * 80' <<<"$out")" = true ] || fail "$out"
	run3 mkt sim
	out_has "cars that could be filled"
	out_has "homes, by forecast"
}

#!/usr/bin/env bats
# mkt charge, further: its output in all forms, what a person wants over a restart, processes and
# cables that go away, and what is wrong.
load charge

@test "a contract is charged, metered, reported with its charger and settled" {
	market garage-1
	contract buy 900
	calendar
	openevse 1 "charger = garage-1"
	serve l1
	charge
	until_true is ev-1 code waiting
	to $HALF
	run3 mkt charge status
	status_is 0
	err_is ""
	[[ ${out%%$'\n'*} =~ ^device\ +state\ +car\ +power\ kW\ +set\ +moved\ kWh\ +of\ kWh\ +soc\ +reason$ ]] || fail head
	[[ ${out##*$'\n'} =~ ^ev-1\ +ready\ +C\ +1.840\ +8.0\ A\ +0\.[0-9]{3}\ +0\.900\ +-\ +charging\ at\ 8.0\ A:\ ([0-9]+)\ of\ 900\ Wh\ moved$ ]] || fail row
	[ "${BASH_REMATCH[1]}" -gt 0 ] || fail moved
	[ "${BASH_REMATCH[1]}" -le 460 ] || fail "more than flowed"
	run3 mkt charge status ev-1 --json
	status_is 0
	[ "$(json '.schema, (.data[0] | .device, .state, .vehicle, .power_w, .set_ma, .contracted_wh, .code, .charger, .window, .side)' <<<"$out" | tr '\n' ' ')" = \
		"mkt.charge-status/1 ev-1 ready C 1840 8000 900 spread garage-1 2026-11-23T02:30:00Z draw " ] || fail json
	run3 mkt charge status --porcelain=1
	status_is 0
	[ "$(head -n 1 <<<"$out")" = "# mkt-charge-status 1" ] || fail porcelain
	[ "$(awk -F'\t' '$1 == "device" { print $2, $3, $4, $5, $7, $10, $12 }' <<<"$out")" = "ev-1 ready C 1840 8000 900 spread" ] || fail row
	run3 mkt charge list --porcelain --fields device,charger,line,driver,kind,state
	status_is 0
	[ "$(tail -n 1 <<<"$out" | tr '\t' ' ')" = "device ev-1 garage-1 l1 rapi evse ready" ] || fail list
	end_window 1
	[ "$(meter ev-1 import)" = 900 ] || fail "meter $(meter ev-1 import)"
	[ "$(reports)" = "c1 draw 900 garage-1" ] || fail "$(reports)"
	as grid report c1 900Wh -q
	[ "$(mkt contracts --all --json | jq -r '.data[0] | .status')" = settled ] || fail settled
	run3 mkt charge log
	status_is 0
	out_has "2026-11-23 02:30:00 UTC  ev-1    charging at 8.0 A: 0 of 900 Wh moved"
	out_has "waiting: window 11:30 JST not begun"
	out_has "paused: 900 of 900 Wh moved"
	out_has "reports 900 Wh drawn of c1"
	run3 mkt charge log ev-2
	status_is 0
	out_lacks charging
	run3 mkt why c1
	status_is 0
	out_has "c1 settled"
	out_has "ev-1: charging at 8.0 A: 0 of 900 Wh moved"
	end charge TERM
	[ "$ended" = 0 ] || fail "$ended"
}

@test "stop holds over a restart, start goes on, a limit is kept; more power is asked for" {
	market ev-1
	contract buy 900
	calendar
	openevse 1
	serve l1
	charge
	to $((WIN + 300))
	run3 mkt charge stop ev-1
	status_is 0
	out_has "ev-1: "
	is ev-1 code stopped || fail "$(state ev-1 reason)"
	was=$(meter ev-1 import)
	[ "$was" -gt 0 ] || fail "nothing flowed"
	end charge TERM
	charge
	to $HALF
	is ev-1 code stopped || fail "$(state ev-1 reason)"
	[ "$(meter ev-1 import)" = "$was" ] || fail "flowed"
	for call in "start ev-1" "limit ev-1 10A"; do
		for how in "" --no-input; do
			run3 mkt charge $call $how
			status_is 2
			out_is ""
			err_has "--yes"
		done
	done
	run3 mkt charge start ev-1 --dry-run --yes
	status_is 0
	is ev-1 code stopped || fail "$(state ev-1 reason)"
	run3 mkt charge limit ev-1 10A --yes
	status_is 0
	run3 mkt charge start ev-1 --yes --json
	status_is 0
	[ "$(json '.schema, .data.device, .data.asked' <<<"$out" | tr '\n' ' ')" = "mkt.charge/1 ev-1 start " ] || fail json
	to $((HALF + 300))
	is ev-1 set_ma 10000 || fail "$(state ev-1 set_ma)"
	[ "$(meter ev-1 import)" -le $((was + 193)) ] || fail "more than 10 A"
	end charge TERM
	charge
	until_true is ev-1 set_ma 10000
	run3 mkt charge limit ev-1 none --yes
	status_is 0
	end_window 1
	[ "$(reports)" = "c1 draw $(meter ev-1 import) ev-1" ] || fail "$(reports)"
	[ "$(meter ev-1 import)" = 900 ] || fail "meter $(meter ev-1 import)"
}

@test "two chargers never take more than their circuit" {
	market ev-1 ev-2
	contract buy 1640
	calendar
	for n in 1 2; do openevse $n "max = 10A" "circuit = garage"; done
	printf '[circuit.garage]\nmax = 15A\nphases = 1\n' >>devices.conf
	for n in 1 2; do serve l$n; done
	charge
	both=0
	for s in 60 300 600 900 1200 1500 1700; do
		to $((WIN + s))
		sum=$(mkt charge status --json | jq '[.data[].set_ma] | add')
		[ "$sum" -le 15000 ] || fail "$sum mA asked for at $s s"
		[ "$(power ev-1 ev-2)" -le $((15 * 230)) ] || fail "$(power ev-1 ev-2) W at $s s"
		[ "$sum" -le 10000 ] || both=1
	done
	[ $both = 1 ] || fail "never both"
	end_window 1
	sum=$(($(meter ev-1 import) + $(meter ev-2 import)))
	[ "$(reports)" = "c1 draw $sum ev-1" ] || [ "$(reports)" = "c1 draw $sum ev-2" ] || fail "$(reports)"
	[ "$sum" -le 1641 ] && [ "$sum" -ge 1623 ] || fail "$sum Wh"
}

@test "kill -9 of mkt charge run and of mkt-driverd within a window: the amount, reported once" {
	market ev-1
	contract buy 900
	calendar
	openevse 1
	serve l1
	charge
	to $((WIN + 300))
	end charge KILL
	[ "$ended" = 137 ] || fail "$ended"
	charge
	to $HALF
	end driverd-l1 KILL
	until_true is ev-1 state absent
	serve l1
	until_true is ev-1 code spread
	to $((HALF + 450))
	[ "$(meter ev-1 import)" -gt 460 ] || fail "it stands still"
	end charge KILL
	end driverd-l1 KILL
	serve l1
	charge
	until_true is ev-1 code spread
	end_window 1
	[ "$(meter ev-1 import)" = 900 ] || fail "meter $(meter ev-1 import)"
	end charge KILL
	charge
	to $((END + 60))
	[ "$(reports)" = "c1 draw 900 ev-1" ] || fail "$(reports)"
	run3 mkt charge run --clock "$HOME/clock"
	status_is 7
	err_has "another process writes"
}

@test "a cable is pulled and comes back: it catches up" {
	market ev-1
	contract buy 900
	calendar
	openevse 1
	serve l1
	charge
	to $((WIN + 300))
	tell l1 hangup for=1
	until_true grep -qE 'ev-1: (absent|gone|.*lost|.*line)' driverd-l1.log
	until_true is ev-1 code spread
	end_window 1
	[ "$(meter ev-1 import)" = 900 ] || fail "meter $(meter ev-1 import)"
	[ "$(reports)" = "c1 draw 900 ev-1" ] || fail "$(reports)"
}

# wrong STATUS SENTENCE CALL...: that is all that is said
wrong() {
	local code=$1 sentence=$2
	shift 2
	run3 timeout 20 "$BUILD_DIR/mkt" "$@"
	status_is "$code"
	[[ ${err%%$'\n'*} == "mkt: $sentence"* ]] || fail "expected: $sentence"
	[ "$(grep -cv '^hint: ' <<<"$err")" = 1 ] || fail "more than a sentence"
}

@test "what is wrong is said in a sentence, with its status" {
	wrong 5 "cannot open 'none.conf': No such file" charge list --devices none.conf
	wrong 5 "cannot open 'none.conf': No such file" charge status --devices none.conf
	wrong 5 "there is no journal '" charge log
	printf '[device.a]\nline = no\ndriver = rapi\n' >bad.conf
	wrong 2 "bad.conf: [device.a]: there is no [line.no]" charge status --devices bad.conf
	printf '[line.l1]\nport = %s\n' "$HOME/l1" >>devices.conf
	device ev-1 l1 rapi
	wrong 5 "there is no device 'ev-9'" charge status ev-9
	wrong 5 "there is no device 'ev-9'" charge stop ev-9
	wrong 7 "no mkt-driverd at '" charge stop ev-1
	wrong 7 "'mkt charge run' does not run here" charge start ev-1 --yes
	wrong 7 "'mkt charge run' does not run here" charge limit ev-1 10A --yes
	wrong 2 "'blue' is no limit: a current (16A), a power (3kW), or none" charge limit ev-1 blue --yes
	wrong 7 "cannot reach 'unix:$HOME/no.sock'" --server "unix:$HOME/no.sock" charge run --once
	wrong 5 "cannot open the clock '$HOME/no'" charge run --once --clock "$HOME/no"
	wrong 2 "'mkt charge' needs a command" charge
	run3 mkt charge list
	status_is 0
	out_has "no mkt-driverd on its line"
	run3 mkt charge status
	status_is 0
	out_has "no mkt-driverd on its line"
	market ev-1
	wrong 2 "bad.conf: [device.a]: there is no [line.no]" charge run --once --devices bad.conf
	wrong 5 "cannot open 'none.conf': No such file" charge run --once --devices none.conf
	mkt key new -q stranger
	wrong 4 "" --identity stranger charge run --once
	spawn charge "$BUILD_DIR/mkt" charge run -v
	until_true charging
	until_true is ev-1 code stale
	is ev-1 state absent || fail "$(state ev-1 state)"
	wrong 5 "ev-9: no such device" charge stop ev-9
	wrong 5 "there is no device 'ev-9'" charge status ev-9
}

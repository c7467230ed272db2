#!/usr/bin/env bats
# Agents: what they bid and why, once and as a service, killed and cut off.
load chain

car() {
	cat >car.conf <<-END
	[agent]
	kind = phev
	retail = 27/kWh
	feed_in = 8/kWh
	ahead = 48
	interval = 200ms
	$1

	[car.ev1]
	energy = ${2:-4kWh}
	max = 3kW
	plug_in = 18:00
	departure = 07:00
	END
}

# Bids that stand: side, energy, number of legs.
standing() { as "$1" bids --json | json -c '.data[] | [.side, .left_wh, (.legs | length)]' | sort | tr '\n' ' '; }

# until CONDITION...: the condition, with a limit of 30 s
wait_for() {
	local i
	for ((i = 0; i < 1500; i++)); do
		if "$@"; then return 0; fi
		read -rt 0.02 <> <(:) || :
	done
	fail "waited in vain for: $*"
}

journal() { cat "$XDG_STATE_HOME"/mkt/agent/*/journal 2>/dev/null; }
# Each slot has got one bid: nothing was kept twice.
has_post() { journal | grep -q "$(printf 'post\t')"; }
slots_once() { [ "$(journal | awk -F'\t' '/ bid\t/ || $1 ~ / bid$/ { print $4 }' | sort | uniq -d)" = "" ]; }

@test "a car: dry run, step, nothing the second time, why" {
	accounts a
	car
	run3 as a agent step --dry-run car.conf
	status_is 0
	err_is ""
	out_has "ev1@"
	[ "$(standing a)" = "" ] || fail "a dry run bids"
	[ ! -e "$XDG_STATE_HOME/mkt/agent" ] || fail "a dry run keeps"
	run3 as a agent step car.conf
	status_is 0
	# 4 kWh at 1.5 kWh a window: three parts, none more than a window gives.
	[ "$(as a bids --json | json '[.data[].left_wh] | add')" = 4000 ] || fail sum
	[ "$(as a bids --json | json '[.data[].left_wh] | max')" = 1500 ] || fail most
	before=$(standing a)
	run3 as a agent step car.conf
	status_is 0
	[[ $out != *cancel* && $out != *ev1@* ]] || fail "bid twice"
	[ "$(standing a)" = "$before" ] || fail changed
	run3 as a why b1
	status_is 0
	out_has "agent, "
	out_has "ev1 needs 4000 Wh by departure"
	# Sold to it in one window: the rest is still bid for, and not more.
	accounts b
	as b bid sell 10kWh --at "2026-11-22 20:00-20:30" --price green=10/kWh -q
	run3 as a agent step car.conf
	status_is 0
	bought=$(as a contracts --json | json '[.data[].energy_wh] | add')
	[ "$bought" -le 1500 ] || fail "more than a window gives: $bought"
	[ "$(as a bids --json | json '[.data[].left_wh] | add')" = $((4000 - bought)) ] || fail rest
}

@test "what cannot be delivered is told in Wh, and a budget holds" {
	accounts a
	car "" 60kWh
	run3 as a agent step car.conf
	status_is 0
	out_has "ev1 will lack "
	out_has " Wh at departure"
	[ "$(as a bids --json | json '[.data[].left_wh] | max')" -le 1500 ] || fail most
	as a cancel --all -q --yes
	car "budget = 20JPY"
	run3 as a agent step car.conf
	status_is 0
	out_has "the budget pays for"
	run3 as a bids --json
	[ "$(json '[.data[] | .left_wh * ([.legs[].price_ujpy_per_wh] | max)] | add <= 20000000' <<<"$out")" = true ] || fail spent
}

@test "a changed configuration changes only what differs" {
	accounts a
	cat >shop.conf <<-END
	[agent]
	kind = retailer
	ahead = 3
	[maker]
	reference = 20/kWh
	spread = 4/kWh
	amount = 5kWh
	END
	run3 as a agent step shop.conf
	status_is 0
	[ "$(standing a)" = '["buy",5000,1] ["buy",5000,1] ["buy",5000,1] ["sell",5000,1] ["sell",5000,1] ["sell",5000,1] ' ] || fail first
	first=$(as a bids --json | json -c '[.data[].bid]')
	sed -i 's/5kWh/3kWh/' shop.conf
	run3 as a agent step shop.conf
	status_is 0
	out_has reduce
	[ "$(as a bids --json | json -c '[.data[].bid]')" = "$first" ] || fail "their places were lost"
	sed -i 's/reference = 20/reference = 21/' shop.conf
	as a bid buy 1kWh --at "2026-11-22 20:00-20:30" --price 5/kWh -q
	run3 as a agent step shop.conf
	status_is 0
	[ "$(as a bids --json | json -c '[.data[] | select(.left_wh == 3000)] | length')" = 6 ] || fail again
	[ "$(as a bids --json | json -c '[.data[] | select(.left_wh == 1000)] | length')" = 1 ] || fail "a person's bid is a person's"
	echo '[agnt]' >>shop.conf
	echo 'x = 1' >>shop.conf
	run3 as a agent step shop.conf
	status_is 2
	err_has "there is no setting 'agnt.x'"
}

@test "a household buys what the forecast says" {
	accounts a
	cat >home.conf <<-END
	[agent]
	kind = household
	retail = 27/kWh
	feed_in = 8/kWh
	ahead = 2
	history = meter.csv
	mode = green
	green_premium = 2/kWh
	END
	# 2026-11-22 00:00 UTC is the chain's time: two weeks of 400 Wh each half hour.
	t=$(date -u -d 2026-11-22T00:00:00Z +%s)
	for ((i = 672; i > 0; i--)); do echo "$((t - i * 1800)),400,0"; done >meter.csv
	run3 as a agent step home.conf
	status_is 0
	out_has "forecast: 400 Wh drawn"
	[ "$(standing a)" = '["buy",400,2] ["buy",400,2] ' ] || fail amount
	[ "$(as a bids --json | json -c '[.data[0].legs[] | [.tag, .price_ujpy_per_wh]]')" = '[["green",29000],["brown",27000]]' ] || fail premium
	echo "17,oops" >>meter.csv
	run3 as a agent step home.conf
	status_is 2
	err_has "line 673 of the history"
}

@test "killed between sending and answer: nothing twice, nothing lost" {
	accounts a
	car
	"$BATS_TEST_DIRNAME/lossy.pl" "$HOME/lossy" "$HOME/m/ledgerd.sock" 1000 3>&- &
	wait_for test -S lossy
	"$BUILD_DIR/mkt" --identity a agent step car.conf --server "unix:$HOME/lossy" >/dev/null 2>&1 3>&- &
	pid=$!
	wait_for has_post
	placed() { [ "$(as a bids --json | json '[.data[].left_wh] | add')" = 4000 ]; }
	wait_for placed
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	[ "$(journal | grep -c "$(printf 'done\t')")" = 0 ] || fail "the answer came"
	run3 as a agent step car.conf
	status_is 0
	placed || fail "bid twice or lost"
	slots_once || fail "a slot has two bids"
	run3 as a why b1
	out_has "ev1 needs 4000 Wh"
	[ "$(journal | grep -c "$(printf 'done\t')")" = 1 ] || fail "not finished"
}

@test "as a service: bids on, waits for the ledger, ends on SIGTERM" {
	accounts a
	cat >shop.conf <<-END
	[agent]
	kind = maker
	ahead = 2
	interval = 100ms
	[maker]
	reference = 20/kWh
	spread = 4/kWh
	amount = 5kWh
	END
	"$BUILD_DIR/mkt" --identity a agent run shop.conf >run.out 2>run.err 3>&- &
	pid=$!
	four() { [ "$(as a bids --json 2>/dev/null | json '.data | length')" = 4 ]; }
	wait_for four
	run3 as a agent step shop.conf
	status_is 7
	err_has "another process"
	stop_ledgerd
	wait_for grep -q "trying again" run.err
	start_ledgerd
	clock "2026-11-22 10:00"
	six() { [ "$(as a bids --past --json 2>/dev/null | json '.data | length')" -ge 2 ] && four; }
	wait_for six
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	status_is 0
}

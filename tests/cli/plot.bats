#!/usr/bin/env bats
# mkt plot: what stands in the pictures, the same for machines, SVG files, narrow and plain terminals.
load chain

trade() {
	accounts a b
	as a bid buy 10kWh --at "$W" --price green=25.50/kWh -q
	as a bid buy 2500Wh --at "$W" --price green=25.10/kWh -q
	as b bid sell 4200Wh --at "$W" --price green=25.80/kWh -q
	as b bid sell 12kWh --at "$W" --price green=26/kWh -q
	as b bid sell 2kWh --at "$W" --price green=25/kWh -q # c1 at 25.50
	as b bid sell 3kWh --at "$W2" --price green=25/kWh --price brown=22/kWh -q
	as a bid buy 2kWh --at "$W2" --price green=25/kWh -q
	as a bid buy 0.7kWh --at "$W2" --price brown=25/kWh -q
}
plot() { COLUMNS=72 LC_ALL=C mkt --identity a plot "$@"; }

@test "prices: best limits, what was paid, gaps where nothing is" {
	trade
	run3 plot price --at "$DAY 10:00-11:30"
	status_is 0
	err_is ""
	out_is "Prices, 2026-11-23 10:00-11:30 JST
       best buy      paid best sell 25.50                  25.80 JPY/kWh
10:00         -         -         -
10:30     25.50     25.50     25.80 p----------------------------------s
11:00         -         -         -
b buy   p paid on average   s sell"
	run3 plot price --at "$DAY 10:00-15:00" --tag brown
	status_is 0
	out_has "14:00         -     22.00     22.00 p"
	run3 plot price --at "$DAY 10:30-11:00" --json
	[ "$(json -c '.data' <<<"$out")" = \
		'[{"window":{"start":"2026-11-23T01:30:00Z","end":"2026-11-23T02:00:00Z"},"buy_ujpy_per_wh":25500,"paid_ujpy_per_wh":25500,"sell_ujpy_per_wh":25800}]' ] || fail "$out"
}

@test "a day: today unless said otherwise, a date, yesterday" {
	trade
	run3 plot price
	status_is 0
	out_is "Prices, 2026-11-22 00:00-24:00 JST: no bids, and nothing was paid"
	run3 plot load --all --at yesterday
	status_is 0
	run3 plot price --at "$DAY"
	status_is 0
	out_has "10:30     25.50     25.50     25.80  "
	[ "$(grep -cE '^[0-9]{2}:[03]0 ' <<<"$out")" -eq 48 ] || fail "$out"
}

@test "depth: sums from the best level on, the dearest above" {
	trade
	run3 plot depth --at "$W"
	status_is 0
	out_is "Depth of green, 2026-11-23 10:30-11:00 JST
          limit       kWh   sum kWh 0                         16.200 kWh
sell      26.00    12.000    16.200 ++++++++++++++++++++++++++++++++++++
sell      25.80     4.200     4.200 ++++++++++
buy       25.50     8.000     8.000 ##################
buy       25.10     2.500    10.500 #######################"
	# Two books: which one must be said, and one without bids is empty.
	as a bid buy 1kWh --at "$W" --price brown=12/kWh -q
	run3 plot depth --at "$W"
	status_is 2
	err_has "--tag says it: "
	run3 plot depth --at "$W" --tag brown --porcelain
	status_is 0
	[ "$(grep '^level' <<<"$out")" = $'level\tbuy\t12000\t1000\t1000' ] || fail "$out"
	run3 plot depth --at "$DAY 20:00-20:30"
	status_is 0
	out_is "Depth of no book, 2026-11-23 20:00-20:30 JST: no bids"
}

@test "load by tags: what was bought, what was sold, everybody's" {
	trade
	run3 plot load --at "$DAY 14:00-15:00"
	status_is 0
	out_is "Contracted energy, bought by #1, 2026-11-23 14:00-15:00 JST
# green   . brown
            kWh 0                                              2.700 kWh
14:00     2.700 #########################################...............
14:30         -"
	run3 plot load --at "$DAY 14:00-15:00" --sold
	status_is 0
	out_is "Contracted energy, sold by #1, 2026-11-23 14:00-15:00 JST: nothing is contracted"
	run3 plot load --at "$DAY 00:00-24:00" --all --porcelain
	status_is 0
	[ "$(grep '^load' <<<"$out" | cut -f3-)" = $'green\t2000\ngreen\t2000\nbrown\t700' ] || fail "$out"
	run3 mkt --identity b plot load --at "$DAY 00:00-24:00" --sold --json
	[ "$(json '[.data[].energy_wh] | add' <<<"$out")" = 4700 ] || fail "$out"
}

@test "delivery: delivered, short, not settled yet" {
	trade
	run3 plot delivery --at "$DAY 10:30-11:30" --json
	status_is 0
	[ "$(json -c '.data[0] | [.delivered_wh, .short_wh, .open_wh]' <<<"$out")" = '[0,0,2000]' ] || fail "$out"
	clock "$DAY 11:00"
	as b report c1 1500Wh -q
	as a report c1 2000Wh -q
	mkt wait contract 1 --state settled -q
	run3 plot delivery --at "$DAY 10:30-11:30"
	status_is 0
	out_is "Contracted and delivered, bought by #1, 2026-11-23 10:30-11:30 JST
# delivered   . short   = not settled
            kWh delivered 0                                    2.000 kWh
10:30     2.000     1.500 ##################################............
11:00         -         -"
}

@test "SVG: whole files that parse, or none" {
	trade
	for kind in price "depth --tag green" load delivery; do
		at="$DAY 10:30-11:30"
		[[ $kind != depth* ]] || at=$W
		run3 mkt --identity a plot $kind --at "$at" --svg a.svg
		status_is 0
		out_has "a.svg: "
		python3 -c 'import sys, xml.dom.minidom as m; d = m.parse(sys.argv[1]); assert d.documentElement.tagName == "svg"' a.svg
		run3 mkt --identity a plot $kind --at "$at" --svg -
		[ "$out" = "$(cat a.svg)" ] || fail "another picture"
		! grep -qE 'script|href' a.svg || fail "not alone"
	done
	run3 mkt --identity a plot price --at "$W" --svg no/where.svg
	status_is 7
	[ ! -e no ] || fail "left something"
	run3 mkt --identity a plot price --at "$W" --svg a.svg --json
	status_is 2
}

@test "terminals: letters of UTF-8, narrow and wide" {
	trade
	run3 env LC_ALL=C.UTF-8 COLUMNS=60 "$BUILD_DIR/mkt" --identity a plot load --at "$W2"
	out_has $'\xe2\x96\x88 green   \xe2\x96\x91 brown'
	for c in 1 40 41 79 200 9999; do
		run3 env COLUMNS=$c LC_ALL=C "$BUILD_DIR/mkt" --identity a plot price --at "$DAY 10:30-15:00"
		status_is 0
		out_has "14:00"
		[ "$(awk '{ if (length > m) m = length } END { print m }' <<<"$out")" -le $((c < 40 ? 70 : c)) ] || fail "too wide for $c"
	done
}

@test "what is wrong is said in a sentence" {
	trade
	run3 plot price --tag purple
	status_is 3
	err_has "purple"
	run3 plot depth --at "$DAY 10:30-11:30"
	status_is 2
	err_has "more than one window"
	run3 plot load --all --sold
	status_is 2
	run3 plot
	status_is 2
}

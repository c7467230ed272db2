#!/usr/bin/env bats
# The worked examples of mkt-market(7), Tables 4 and 5 and V1 to V8, through the command line.
load chain

left_of() { mkt bids --all --porcelain --fields bid,left_wh | awk -F'\t' -v b="$1" '$2 == b { print $3 }'; }
held_by() { mkt account "$1" --porcelain --fields held_ujpy | awk '/^account/ { print $2 }'; }
locked_by() { mkt account "$1" --porcelain --fields locked_ujpy | awk '/^account/ { print $2 }'; }

is() { [ "$1" = "$2" ] || { printf 'got:  %s\nwant: %s\n' "$1" "$2" >&2; return 1; }; }

@test "Table 4: what is worth more to the buyer is taken, though it costs more" {
	accounts a b c
	as a bid sell 100Wh --at "$W" --price brown=7.20/kWh -q
	as b bid sell 100Wh --at "$W" --price green=9/kWh -q
	run3 as c bid buy 150Wh --at "$W" --price green=10/kWh --price brown=8/kWh
	status_is 0
	err_is ""
	out_is "b3 buy 0.150 kWh: filled, 0.150 kWh matched in 2 contracts for 1.26 JPY; block 9
  c1 2026-11-23 10:30-11:00 JST green 0.100 kWh at 9.00 JPY/kWh
  c2 2026-11-23 10:30-11:00 JST brown 0.050 kWh at 7.20 JPY/kWh"
	is "$(trades c)" "100Wh green 9000
50Wh brown 7200"
	is "$(left_of 1)" 50
	is "$(depth "$W" sell)" "50@7200 "
	is "$(locked_by c)" 1260000
	is "$(held_by c)" 0
}

@test "Table 5: with equal limits the cheapest way" {
	accounts a b c
	as a bid sell 100Wh --at "$W" --price brown=9/kWh -q
	as b bid sell 100Wh --at "$W" --price green=7.20/kWh -q
	as b bid sell 100Wh --at "$W2" --price brown=8/kWh -q
	run3 as c bid buy 250Wh --at "$W" --price brown=10/kWh --price green=10/kWh --leg "$W2,brown,10/kWh"
	status_is 0
	err_is ""
	out_is "b4 buy 0.250 kWh: filled, 0.250 kWh matched in 3 contracts for 1.97 JPY; block 10
  c1 2026-11-23 10:30-11:00 JST green 0.100 kWh at 7.20 JPY/kWh
  c2 2026-11-23 14:00-14:30 JST brown 0.100 kWh at 8.00 JPY/kWh
  c3 2026-11-23 10:30-11:00 JST brown 0.050 kWh at 9.00 JPY/kWh"
	is "$(trades c)" "100Wh green 7200
100Wh brown 8000
50Wh brown 9000"
	is "$(locked_by c)" 1970000
}

@test "V1: green at 85 for one to whom it is worth 20 more" {
	accounts a b c
	as a bid sell 50Wh --at "$W" --price green=85/kWh -q
	as b bid sell 50Wh --at "$W" --price brown=75/kWh -q
	run3 as c bid buy 50Wh --at "$W" --price green=100/kWh --price brown=80/kWh
	status_is 0
	out_is "b3 buy 0.050 kWh: filled, 0.050 kWh matched in 1 contract for 4.25 JPY; block 9
  c1 2026-11-23 10:30-11:00 JST green 0.050 kWh at 85.00 JPY/kWh"
	is "$(trades c)" "50Wh green 85000"
	is "$(depth "$W" sell)" "50@75000 "
	run3 mkt why c1
	status_is 0
	out_has "the next best was leg 2 at 75.00 JPY/kWh: a surplus of 5.00 JPY/kWh there, of 15.00 JPY/kWh here"
}

@test "V2: one amount in two windows is never sold twice" {
	accounts a b
	as a bid buy 50Wh --at "$W2" --at "$W3" --price green=100/kWh -q
	is "$(held_by a)" 5000000
	as b bid sell 30Wh --at "$W3" --price green=90/kWh -q
	is "$(trades a)" "30Wh green 100000"
	is "$(depth "$W2" buy)" "20@100000 "
	is "$(depth "$W3" buy)" "20@100000 "
	is "$(held_by a)" 2000000
	run3 as b bid sell 30Wh --at "$W2" --price green=90/kWh
	status_is 0
	out_is "b3 sell 0.030 kWh: open, 0.020 kWh matched in 1 contract for 2 JPY, 0.010 kWh left; block 7
  c2 2026-11-23 14:00-14:30 JST green 0.020 kWh at 100.00 JPY/kWh"
	run3 mkt wait bid 1 --state filled
	status_is 0
	is "$(left_of 3)" 10
	is "$(held_by a)" 0
	is "$(locked_by a)" 5000000
}

@test "V3: ten in all, though there are ten in each window" {
	accounts a b c
	as a bid buy 10Wh --at "$DAY 16:00-17:00" --price brown=50/kWh -q
	as b bid sell 10Wh --at "$DAY 16:00-16:30" --price brown=40/kWh -q
	run3 as c bid sell 10Wh --at "$DAY 16:30-17:00" --price brown=40/kWh
	status_is 0
	out_is "b3 sell 0.010 kWh: open, 0.010 kWh left; block 9"
	is "$(trades a)" "10Wh brown 50000"
}

@test "V4: fill or kill sees one amount behind two legs" {
	accounts a b
	as a bid sell 40Wh --at "$W2" --at "$W3" --price brown=50/kWh -q
	run3 as b bid buy 60Wh --at "$W2" --at "$W3" --price brown=60/kWh --fok
	status_is 3
	out_is ""
	err_has "mkt: cannot place bid: the whole amount is not to be had now"
	is "$(trades b)" ""
	is "$(left_of 1)" 40
	is "$(held_by b)" 0
	run3 as b bid buy 40Wh --at "$W2" --at "$W3" --price brown=60/kWh --fok
	status_is 0
	is "$(trades b)" "40Wh brown 50000"
}

@test "V5: of two equal offers the earlier, whichever leg it is on" {
	accounts a b c
	as a bid sell 10Wh --at "$W3" --price brown=70/kWh -q
	as b bid sell 10Wh --at "$W2" --price brown=70/kWh -q
	run3 as c bid buy 10Wh --at "$W2" --at "$W3" --price brown=80/kWh
	status_is 0
	out_is "b3 buy 0.010 kWh: filled, 0.010 kWh matched in 1 contract for 0.70 JPY; block 9
  c1 2026-11-23 18:00-18:30 JST brown 0.010 kWh at 70.00 JPY/kWh"
	is "$(left_of 2)" 10
	run3 mkt why b3
	out_has "the surplus of 10.00 JPY/kWh is the same; then the offer that came first is taken"
}

@test "V6: own offers are passed by and hide nothing" {
	accounts a b
	as a bid sell 10Wh --at "$W2" --price brown=70/kWh -q
	as b bid sell 10Wh --at "$W2" --price brown=75/kWh -q
	run3 as a bid buy 10Wh --at "$W2" --price brown=80/kWh
	status_is 0
	is "$(trades a)" "10Wh brown 75000"
	is "$(left_of 1)" 10
	run3 as a bid buy 10Wh --at "$W2" --price brown=80/kWh
	run3 mkt why b4
	status_is 0
	out_has "rests: the best price there is 70.00 JPY/kWh, of the same account; bids of one account do not match"
}

@test "V7: a gate takes its legs; what is left waits in the other window" {
	accounts a b
	as a bid buy 50Wh --leg "$W2,brown,90/kWh" --leg "$W3,brown,60/kWh" -q
	as b bid sell 30Wh --at "$W2" --price brown=80/kWh -q
	is "$(held_by a)" 1800000
	clock "$DAY 13:55"
	is "$(depth "$W2" buy)" ""
	is "$(depth "$W3" buy)" "20@60000 "
	is "$(held_by a)" 1200000
	run3 mkt wait bid b1 --state matched
	status_is 0
	out_is "bid b1: open"
	is "$(trades a)" "30Wh brown 90000"
	run3 as b bid sell 5Wh --at "$W2" --price brown=80/kWh
	status_is 3
	out_is ""
	err_is "mkt: cannot place bid: gate closed for 2026-11-23 14:00-14:30 JST (brown)
hint: next open window is 2026-11-23 14:30-15:00 JST; see 'mkt market'
request: $(sed -n 's/^request: //p' <<<"$err")"
}

@test "V8: a direct market first, though the public one is cheaper" {
	accounts a b c
	mkt admin tag -q market club --direct --closed
	mkt admin member -q club a
	mkt admin member -q club b
	as a bid sell 10Wh --at "$W2" --price club=78/kWh -q
	as c bid sell 10Wh --at "$W2" --price brown=60/kWh -q
	run3 as b bid buy 10Wh --at "$W2" --price club=80/kWh --price brown=80/kWh
	status_is 0
	is "$(trades b)" "10Wh club 78000"
	is "$(left_of 2)" 10
	run3 mkt why b3
	out_has "the next best was leg 2 at 60.00 JPY/kWh: direct markets come first"
	run3 as c bid buy 10Wh --at "$W2" --price brown=80/kWh --price club=1/kWh
	status_is 3
	err_has "this market is for its members only for 2026-11-23 14:00-14:30 JST (club)"
}

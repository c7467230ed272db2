#!/usr/bin/env bats
# Events: pages, filters, cursor files, following over a restart.
load chain

trade() {
	accounts a b
	as a bid sell 3kWh --at "$W" --price 20/kWh -q
	as b bid buy 1kWh --at "$W" --price 20/kWh -q
	as b bid buy 2kWh --at "$W2" --at "$W" --price 20/kWh -q
}

@test "sentences, from where one likes" {
	trade
	run3 mkt log --from 6
	status_is 0
	err_is ""
	out_is "6:0        contract  c1: b buys 1.000 kWh from a, 2026-11-23 10:30-11:00 JST brown at 20.00 JPY/kWh (b2, b1)
6:1        gone      b2 of b is filled
6:2        result    b: bid b2, 0.000 kWh left
7:0        contract  c2: b buys 2.000 kWh from a, 2026-11-23 10:30-11:00 JST brown at 20.00 JPY/kWh (b3, b1)
7:1        gone      b1 of a is filled
7:2        gone      b3 of b is filled
7:3        result    b: bid b3, 0.000 kWh left"
	run3 mkt log --from 7:2
	[ "$(wc -l <<<"$out")" = 2 ] || fail place
	run3 mkt log --limit 1
	[[ $out == "1:0"* ]] || fail first
	run3 mkt log --from now
	out_is ""
	run3 mkt log --from x
	status_is 2
}

@test "json lines: every event has its own fields, keys once" {
	trade
	run3 mkt log --json
	status_is 0
	[ "$(json -c .schema <<<"$out" | sort -u)" = mkt.event/1 ] || fail schema
	while read -r line; do
		[ "$(grep -o '"height"' <<<"$line" | wc -l)" = 1 ] || fail "$line"
	done <<<"$out"
	[ "$(json -r 'select(.kind == "contract") | keys_unsorted | join(",")' <<<"$out" | sort -u)" = \
		schema,height,n,kind,tx,op,exec,window,tag,energy_wh,price_ujpy_per_wh,fee_ujpy_per_wh,buyer,buyer_name,seller,seller_name,buy_bid,buy_leg,sell_bid,sell_leg,taker ] || fail contract
	[ "$(json -r 'select(.kind == "gone") | keys_unsorted | join(",")' <<<"$out" | sort -u)" = \
		schema,height,n,kind,tx,op,account,account_name,bid,reason,amount_wh,left_wh ] || fail gone
	[ "$(json -r 'select(.kind == "money") | keys_unsorted | join(",")' <<<"$out" | sort -u)" = \
		schema,height,n,kind,tx,op,why,to,to_name,money_ujpy ] || fail money
	run3 mkt log --json --kind contract --fields exec,energy_wh
	out_is '{"schema":"mkt.event/1","exec":"1","energy_wh":1000}
{"schema":"mkt.event/1","exec":"2","energy_wh":2000}'
}

@test "filters: kind, window, account" {
	trade
	[ "$(mkt log --kind contract --kind money --json | json -r .kind | sort | uniq -c | tr -s ' ' | tr '\n' ';')" = " 2 contract; 2 money;" ] || fail kind
	[ "$(mkt log --window "$W" --json | json -r .kind | tr '\n' ' ')" = "contract contract " ] || fail window
	[ -z "$(mkt log --window "$W2" --json)" ] || fail "other window"
	[ "$(as a log --mine --kind gone --json | json -r .bid)" = 1 ] || fail mine
	run3 mkt log --kind nonsense
	status_is 2
	err_has "there are no events of kind 'nonsense'"
	run3 mkt log --kind block
	status_is 2
}

@test "a cursor file: each event once, over many calls" {
	trade
	run3 mkt log --kind contract --cursor-file c --limit 1 --json --fields exec
	out_is '{"schema":"mkt.event/1","exec":"1"}'
	[ "$(cat c)" = 6:0 ] || fail "$(cat c)"
	run3 mkt log --kind contract --cursor-file c --json --fields exec
	out_is '{"schema":"mkt.event/1","exec":"2"}'
	run3 mkt log --kind contract --cursor-file c --json
	out_is ""
	as a bid sell 1kWh --at "$W2" --price 20/kWh -q
	as b bid buy 1kWh --at "$W2" --price 20/kWh -q
	run3 mkt log --kind contract --cursor-file c --json --fields exec
	out_is '{"schema":"mkt.event/1","exec":"3"}'
	echo nonsense >bad
	run3 mkt log --cursor-file bad
	status_is 2
	err_is "mkt: 'bad' holds no cursor"
	run3 mkt log --cursor-file none/c
	status_is 7
	out_is ""
	err_has "cannot create 'none/c'"
}

@test "what was not written is not counted as seen" {
	trade
	status=0
	mkt log --cursor-file c >/dev/full 2>err || status=$?
	[ "$status" = 74 ] || fail status
	[ ! -e c ] || fail "cursor $(cat c)"
}

@test "follow: nothing is missed and nothing comes twice, over a restart" {
	accounts a b
	mkt log -f --kind contract --cursor-file c --limit 3 --json --fields exec >out 2>err 3>&- &
	follower=$!
	trade_one() {
		as a bid sell 1kWh --at "$W" --price 20/kWh -q
		as b bid buy 1kWh --at "$W" --price 20/kWh -q
	}
	# It begins with the block after those it found: wait until it has seen one.
	until [ -s out ]; do trade_one; done
	seen=$(wc -l <out)
	stop_ledgerd
	start_ledgerd
	while [ "$(wc -l <out)" -lt 3 ] && kill -0 $follower 2>/dev/null; do trade_one; done
	wait $follower
	[ "$(json -r '.exec | tonumber' <out | awk 'NR > 1 && $1 != last + 1 { print "gap" } { last = $1 }')" = "" ] || fail "$(cat out)"
	[ "$(wc -l <out)" = 3 ] || fail "$(cat out)"
	grep -q "trying again" err || [ "$seen" = 3 ]
}

@test "follow goes on behind a cursor, and Ctrl-C ends it with 130" {
	trade
	mkt log --kind contract --cursor-file c --limit 1 -q >/dev/null
	mkt log -f --kind contract --cursor-file c --limit 1 --json --fields exec >out
	[ "$(cat out)" = '{"schema":"mkt.event/1","exec":"2"}' ] || fail "$(cat out)"
	# bash lets its children in the background ignore SIGINT; setsid and perl give it back.
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$BUILD_DIR/mkt" log -f --from 0 >out2 3>&- &
	follower=$!
	until [ -s out2 ]; do :; done
	kill -INT $follower
	status=0
	wait $follower || status=$?
	[ "$status" = 130 ] || fail status
}

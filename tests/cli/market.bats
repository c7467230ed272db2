#!/usr/bin/env bats
# The market's parameters, tags and limits.
load chain

@test "parameters, tags, limits for people" {
	run3 mkt market
	status_is 0
	err_is ""
	[[ $out == "chain                 demo"* ]] || fail first
	out_has "first open window     2026-11-22 09:30-10:00 JST"
	out_has "tick                  0.01 JPY/kWh"
	out_has "energy     green  no      no "
	out_has "collateral            0%"
	out_has "block within          "
	[[ $out =~ block\ within\ +[0-9.]+\ s ]] || fail interval
	out_has "household        4096"
}

@test "json: the fields are these" {
	run3 mkt market --json
	[ "$(json '.schema, (.data | keys_unsorted | join(",")), (.data.market | keys_unsorted | join(",")), (.data.tag[0] | keys_unsorted | join(",")), (.data.limit[0] | keys_unsorted | join(","))' <<<"$out")" = \
		"mkt.market/1
market,tag,limit
name,chain,currency,zone,clock,now,window_s,open_first,open_count,opening_s,gate_s,tick_ujpy_per_wh,price_min_ujpy_per_wh,price_max_ujpy_per_wh,lot_wh,deadline_s,unreported,collateral_bp,imbalance_up_ujpy_per_wh,imbalance_down_ujpy_per_wh,interval_ms,validity_s,retention_s
dimension,tag,direct,closed,members,fee_ujpy_per_wh,fee_account
class,open_bids,tx_per_min,reads_per_min,rows_per_min" ] || fail fields
	[ "$(json -c '.data.market | [.currency, .now, .open_first.start, .tick_ujpy_per_wh, .gate_s]' <<<"$out")" = \
		'["JPY","2026-11-22T00:00:00.000Z","2026-11-22T00:30:00Z",10,300]' ] || fail values
	[ "$(json -c '[.data.tag[].tag]' <<<"$out")" = '["brown","green","lvm","shvm"]' ] || fail tags
}

@test "another currency names the fields; another zone the times" {
	stop_ledgerd
	rm -r m .config
	mkt init -q --name euro --currency EUR --zone Europe/Berlin --clock operator --start 2026-11-22T00:00:00Z --listen '' m
	start_ledgerd
	run3 mkt market --json
	[ "$(json .data.market.tick_ueur_per_wh <<<"$out")" = 10 ] || fail currency
	run3 mkt market --fields open_first
	out_is "first open window  2026-11-22 01:30-02:00 CET"
	run3 mkt market --fields open_first --tz UTC
	out_is "first open window  2026-11-22 00:30-01:00 UTC"
	run3 mkt market --tz Mars/Phobos
	status_is 2
	err_has "no time zone 'Mars/Phobos'"
}

@test "a server that is not there, or is something else" {
	run3 mkt market --server unix:/nowhere --timeout 100ms
	status_is 7
	out_is ""
	run3 mkt market --server ftp://x
	status_is 2
	err_has "bad server address 'ftp://x'"
	run3 mkt market --server unix:/nowhere --timeout 100ms --json
	[ "$(json -c '.error | [.code, .exit, .applied, .request_id]' <<<"$err")" = '["unavailable",7,"no",null]' ] || fail json
}

#!/usr/bin/env bats
# Bills: what was booked by account and month; sums are the ledger's, to the unit.
load chain
load examples

SEED=${MKT_SEED:-$(date +%s)} # before the environment is made private

# A fee, a short seller, a short buyer, a transfer: all that a bill can have.
village() {
	mkt admin enroll -q grid "$(mkt key new -q grid && key_of grid)"
	mkt admin tag market lvm --fee 0.5/kWh --fee-account grid -q
	accounts elm oak
	as elm bid sell 6kWh --at "$W" --price green=20/kWh -q
	as oak bid buy 4kWh --at "$W" --price green=22/kWh -q
	as elm bid sell 2kWh --at "$W2" --price green=18/kWh -q
	as oak bid buy 2kWh --at "$W2" --price green=18/kWh -q
	clock "$DAY 11:00"
	as elm report c1 3.5kWh -q
	as oak report c1 4kWh -q
	clock "$DAY 16:00"
	as elm account transfer oak 5JPY -q --yes
}

@test "in words, as the page shows" {
	village
	example mkt-bill.1 1 2 3
	run3 as elm bill
	out_is "elm  2026-11
  at the beginning                                        0 JPY
  sold 3.500 kWh, 2 contracts                            70 JPY
  short 2.500 kWh                                   -112.50 JPY
  transfers sent                                         -5 JPY
  deposits                                          1000000 JPY
  change                                          999952.50 JPY
  at the end                                      999952.50 JPY"
	as oak cert retire c1 -q --yes
	run3 as oak bill
	out_has "certificates: 1 from what was bought, 1 retired (3.500 kWh)"
	[ "$(as oak bill --json | json -c '.data[0] | [.certificates, .retired, .retired_wh]')" = "[1,1,3500]" ] || fail retired
	run3 as grid bill
	out_has "fees received                                        1.75 JPY"
}

@test "json: the fields are these; numbers and names of accounts; months" {
	village
	run3 mkt bill oak --json
	status_is 0
	err_is ""
	[ "$(json '.schema, (.data[0] | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.bill/1 month,account,account_name,bought,bought_wh,paid_ujpy,fees_ujpy,sold,sold_wh,earned_ujpy,short_wh,charges_ujpy,fees_received_ujpy,charges_received_ujpy,received_ujpy,sent_ujpy,deposited_ujpy,withdrawn_ujpy,certificates,retired,retired_wh,change_ujpy,opening_ujpy,closing_ujpy " ] || fail fields
	[ "$(json -c '.data[0] | [.month, .bought, .bought_wh, .paid_ujpy, .fees_ujpy, .short_wh, .charges_ujpy, .received_ujpy, .certificates, .opening_ujpy]' <<<"$out")" = \
		'["2026-11",2,3500,"70000000","1750000",2000,"40000000","5000000",1,"0"]' ] || fail values
	[ "$(mkt bill '#3' --month 2026-11 --json)" = "$out" ] || fail number
	[ "$(mkt bill oak --month 2026-10 --json | json -c '.data[0] | [.month, .change_ujpy, .closing_ujpy]')" = '["2026-10","0","0"]' ] || fail before
	[ "$(mkt bill oak --month last --json | json -r '.data[0].month')" = 2026-10 ] || fail last
	[ "$(mkt bill oak --month 2027-01 --json | json -c '.data[0] | [.change_ujpy, .opening_ujpy == .closing_ujpy]')" = '["0",true]' ] || fail after
	for month in 2026-13 2026-1 nov 1969-12; do
		run3 mkt bill oak --month $month
		status_is 2
		out_is ""
		err_has "month"
	done
	run3 mkt bill nobody
	status_is 5
	run3 mkt bill oak --all
	status_is 2
}

@test "csv: a line of names, quoted texts, one table only, more is told" {
	village
	run3 mkt bill --all --csv --fields month,account_name,change_ujpy
	status_is 0
	out_is "month,account_name,change_ujpy
2026-11,operator,152500000
2026-11,grid,1750000
2026-11,elm,999952500000
2026-11,oak,999893250000"
	run3 as elm settle --report --csv --fields window,paid_ujpy,short_names
	status_is 0
	out_is 'window,paid_ujpy,short_names
2026-11-23T01:30:00Z,70000000,elm
2026-11-23T05:00:00Z,0,"oak,elm"'
	run3 mkt account --all --csv --limit 1 --fields name
	out_is "name
operator"
	err_is "mkt: warning: there is more: --cursor 0"
	run3 mkt status --csv
	status_is 2
	err_has "--csv shows one table"
	run3 mkt bill --csv --json
	status_is 2
}

# ---- property: whatever is traded ---------------------------------------------------------------

WHO=(elm oak ash fir)

one_of() { local v=("$@"); echo "${v[RANDOM % ${#v[@]}]}"; }

# Bids for the two windows before midnight and one after, some of which meet.
trade_at_random() {
	local i who side
	as elm bid sell 1kWh --at "2026-11-30 22:30-23:00" --price green=19/kWh -q # one contract at least
	as oak bid buy 1kWh --at "2026-11-30 22:30-23:00" --price green=19/kWh -q
	for i in $(seq 16); do
		who=$(one_of "${WHO[@]}") side=$(one_of buy sell)
		as "$who" bid $side $((RANDOM % 5 + 1)).$((RANDOM % 10))kWh --leg "$(one_of "2026-11-30 22:30-23:00" \
			"2026-11-30 23:30-24:00" "2026-12-01 10:00-10:30"),$(one_of green brown),$((RANDOM % 8 + 18))/kWh" -q || true
	done
}

# Some report too little, some nothing, some what they did.
report_at_random() {
	local exec who n
	for exec in $(mkt contracts --all --json | jq -r '.data[] | select(.status == "matched" or .status == "reported") | .exec'); do
		for who in supply draw; do
			n=$((RANDOM % 4))
			[ $n -eq 0 ] || as "$(mkt contracts "$exec" --json | jq -r ".data[0].$([ $who = supply ] && echo seller_name || echo buyer_name)")" \
				report "$exec" --side $who $([ $n -eq 1 ] && echo 0.7kWh || echo 9kWh) -q || true
		done
	done
}

sum() { jq -c "[.data[] | $1 | tonumber] | add // 0"; }

# Everything that the ledger says elsewhere.
check_sums() {
	local who total
	mkt bill --all --month all --json >bills.json
	mkt account --all --json >accounts.json
	for who in operator grid "${WHO[@]}"; do
		total=$(jq -c ".data[] | select(.name == \"$who\") | (.available_ujpy | tonumber) + (.held_ujpy | tonumber) + (.locked_ujpy | tonumber)" accounts.json)
		[ "$(jq -c "[.data[] | select(.account_name == \"$who\") | .change_ujpy | tonumber] | add // 0" bills.json)" = "$total" ] || fail "$who: changes"
		[ "$(mkt bill $who --json | jq -r '.data[0].closing_ujpy')" = "$total" ] || fail "$who: closing"
		mkt bill $who --month all --json | jq -e '[.data[].closing_ujpy][:-1] == [.data[].opening_ujpy][1:]' >/dev/null || fail "$who: months"
		# The statement, added up by other means than ours.
		[ "$(mkt account $who --statement --limit 1000 --json | jq -c "def n(f): (f // \"0\" | tonumber); [.data[] |
			if .kind == \"settled\" and .buyer_name == \"$who\" then -n(.paid_ujpy) - n(.fee_ujpy) - n(.buyer_charge_ujpy)
			elif .kind == \"settled\" then n(.paid_ujpy) - n(.seller_charge_ujpy)
			elif .kind == \"money\" then (if .to_name == \"$who\" then n(.money_ujpy) else 0 end) -
				(if .from_name == \"$who\" and .why != \"fee\" and .why != \"charge\" then n(.money_ujpy) else 0 end)
			else 0 end] | add // 0")" = "$total" ] || fail "$who: statement"
	done
	[ "$(sum .paid_ujpy <bills.json)" = "$(sum .earned_ujpy <bills.json)" ] || fail paid
	[ "$(sum .fees_ujpy <bills.json)" = "$(sum .fees_received_ujpy <bills.json)" ] || fail fees
	[ "$(sum .charges_ujpy <bills.json)" = "$(sum .charges_received_ujpy <bills.json)" ] || fail charges
	[ "$(sum .sent_ujpy <bills.json)" = "$(sum .received_ujpy <bills.json)" ] || fail transfers
	[ "$(sum .change_ujpy <bills.json)" = $((4 * 1000000000000)) ] || fail "money came or went"
	mkt settle --all --json >settled.json
	[ "$(sum .paid_ujpy <settled.json)" = "$(sum .paid_ujpy <bills.json)" ] || fail settled
	[ "$(sum .delivered_wh <settled.json)" = "$(sum .bought_wh <bills.json)" ] || fail delivered
	[ "$(sum '(.buyer_charge_ujpy | tonumber) + (.seller_charge_ujpy | tonumber)' <settled.json)" = "$(sum .charges_ujpy <bills.json)" ] || fail "settled charges"
	for by in window day month; do
		mkt settle --all --by $by --json >sums.json
		for field in contracted_wh delivered_wh supply_wh draw_wh paid_ujpy; do
			[ "$(sum .$field <sums.json)" = "$(sum .$field <settled.json)" ] || fail "$by $field"
		done
	done
	for who in "${WHO[@]}"; do
		[ "$(mkt settle --account $who --json | jq -c "[.data[] | select(.buyer_name == \"$who\") | .paid_ujpy | tonumber] | add // 0")" = \
			"$(jq -c "[.data[] | select(.account_name == \"$who\") | .paid_ujpy | tonumber] | add // 0" bills.json)" ] || fail "$who: settle"
	done
}

@test "any trades, reports, fees and transfers over the turn of a month" {
	echo "# MKT_SEED=$SEED" >&3
	RANDOM=$((SEED % 32768))
	mkt admin enroll -q grid "$(mkt key new -q grid && key_of grid)"
	mkt admin tag market lvm --fee 0.37/kWh --fee-account grid -q
	accounts "${WHO[@]}"
	clock "2026-11-30 09:00"
	trade_at_random
	clock "2026-11-30 23:10"
	report_at_random
	as elm account transfer oak $((RANDOM + 1)).25JPY -q --yes
	clock "2026-12-01 00:10"
	report_at_random
	clock "2026-12-01 01:30"
	as oak account transfer elm $((RANDOM + 1))JPY -q --yes
	check_sums
	[ "$(jq -c '[.data[].month] | unique' bills.json)" = '["2026-11","2026-12"]' ] || fail months
	[ "$(sum .contracted_wh <settled.json)" -gt 0 ] || fail "nothing was traded"
}

# Two months in an archive, one here and half there, one whole: the sums told are whole ones.
@test "on a pruned node: no sum without a part of it, in no form" {
	local day
	accounts elm oak
	as elm account transfer oak 7JPY -q --yes
	for day in 2026-12-01 2026-12-25 2026-12-30 2027-01-02; do
		clock "$day 09:00"
		as oak account transfer elm 11JPY -q --yes
		as elm account transfer oak 3JPY -q --yes
	done
	clock "2027-01-10 09:00"
	as elm bill --month 2026-12 --json | json -e '.data[0] | [.change_ujpy, .opening_ujpy] == ["24000000", "999993000000"]' || fail before
	as elm account --statement >whole
	stop_ledgerd
	run3 "$BUILD_DIR/ledgerd" prune -f m/ledgerd.conf --keep 12
	status_is 0
	start_ledgerd

	run3 as elm bill
	status_is 0
	out_is "elm  2027-01
  transfers received                                     11 JPY
  transfers sent                                         -3 JPY
  change                                                  8 JPY"
	err_has "what was booked for 'elm' up to block "
	for month in 2026-11 2026-12; do
		run3 as elm bill --month $month
		status_is 5
		out_is ""
		err_has "a part of the bill of $month is in an archive, not here"
	done
	run3 as elm bill --month all --porcelain --fields month,change_ujpy,opening_ujpy
	status_is 0
	[ "$(grep -c '^bill' <<<"$out")" = 1 ] || fail "months: $out"
	out_has "2027-01	8000000	"
	err_has "a month of which a part is there is left out"
	run3 mkt bill --all --month 2026-12 --csv
	status_is 5
	! grep -q elm <<<"$out" || fail "a sum of a part: $out"

	run3 as elm account --statement
	status_is 0
	err_has "what happened up to block "
	[ "$out" = "$(head -n "$(wc -l <<<"$out")" whole)" ] || fail "the statement: $out"
	[ "$(wc -l <<<"$out")" -lt "$(wc -l <whole)" ] || fail "nothing left"
	as elm account --statement --json 2>err | json -e '.data | length == 6' || fail json
	grep -q "in an archive" err || fail "nothing said beside json"
}

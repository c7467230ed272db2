#!/usr/bin/env bats
# Reports: own side, meters, files, delegates; what is cut, refused or partial.
load chain

trade() {
	accounts a b
	as a bid sell 10kWh --at "$W" --price green=20/kWh -q
	as b bid buy 4kWh --at "$W" --price green=22/kWh -q
	as b bid buy 2kWh --at "$W" --price green=22/kWh -q
	clock "${1:-$DAY 11:00}"
}

@test "your side is found; more than the contract is cut; twice does nothing" {
	trade
	run3 as b report c1 5kWh
	status_is 0
	err_is ""
	out_is "c1 reported, 4.000 kWh taken; block 9"
	run3 as b report c1 5kWh
	status_is 0
	out_is "c1 reported, 4.000 kWh taken; block 10"
	run3 as b report c1 1kWh
	status_is 3
	err_has "mkt: cannot report: this side of the contract is reported already: 4.000 kWh"
	run3 as a report 1 0kWh
	status_is 0
	out_is "c1 reported, 0.000 kWh taken; block 12"
	[ "$(mkt contracts 1 --json | json -c '.data[0] | [.status, .delivered_wh]')" = '["settled",0]' ] || fail settled
}

@test "too early, too late, unknown, of others" {
	trade "$DAY 10:59"
	run3 as b report c1 4kWh
	status_is 3
	err_has "mkt: cannot report: the window is not over yet"
	clock "$DAY 12:00"
	run3 as b report c1 4kWh
	status_is 3
	out_is ""
	run3 as b report c9 4kWh
	status_is 5
	account c
	run3 as c report c2 4kWh
	status_is 2
	err_has "mkt: contract c2 is of others: give --side"
	run3 as c report c2 4kWh --side draw
	status_is 4
	run3 as b report c2
	status_is 2
	run3 as b report c2 4
	status_is 2
	err_has "has no unit"
}

@test "a meter's figure goes over the contracts of the window in order" {
	trade
	run3 as b report --window "$W" --side draw 5kWh --json
	status_is 0
	[ "$(json -c '.data.results[0] | [.op, .count, .energy_wh]' <<<"$out")" = '["meter",2,5000]' ] || fail receipt
	[ "$(mkt contracts --all --json | json -c '[.data[].draw_wh]')" = '[4000,1000]' ] || fail spread
	run3 as b report --window "$W" 5kWh
	status_is 2
	err_has "mkt: --window needs --side"
}

@test "a meter operator reports for others, a file at once" {
	trade
	account meter meter
	mkt admin meterop -q a meter
	mkt admin meterop -q b meter
	printf '%s\n' "account, contract, side, energy, charger" "a, c1, supply, 4kWh," "b, c1, draw, 3.5kWh," "b, c2, draw, 2kWh," >day.csv
	run3 as meter report --file day.csv
	status_is 0
	out_is "c1 reported, 4.000 kWh taken; block 13
c1 reported, 3.500 kWh taken; block 13
c2 reported, 2.000 kWh taken; block 13"
	[ "$(mkt contracts --all --json | json -c '[.data[].status]')" = '["settled","reported"]' ] || fail status
}

@test "a file with windows; partial; faults are named by line" {
	trade
	printf 'window,energy,side\n%s,5kWh,draw\n' "$W" >w.csv
	run3 as b report --file w.csv
	status_is 0
	out_is "2 contracts reported, 5.000 kWh taken; block 9"
	printf 'contract,energy,side\nc1,4kWh,supply\nc77,1kWh,supply\n' >p.csv
	run3 as a report --file p.csv
	status_is 10
	out_has "c1 reported, 4.000 kWh taken"
	out_has "refused: no such contract"
	while IFS='|' read -r text message; do
		printf "$text" >f.csv
		run3 as a report --file f.csv
		status_is 2
		[[ $(head -1 <<<"$err") == "mkt: "*"$message"* ]] || fail "$text"
	done <<'END'
contract,energy\nc1,4kWh\n|the file has no column 'side': give --side
contract,power\nc1,4kW\n|line 1: 'power' is no column
contract,energy,side\nc1,4,supply\n|line 2: energy '4' has no unit
contract,energy,side\nc1,4kWh\n|line 2: the row has too few columns
contract,energy,side\nc1,4kWh,up\n|line 2: the side is supply or draw, not 'up'
contract,energy,side\n|holds no reports
END
}

@test "a charger must be enrolled" {
	mkt key new -q ev
	mkt admin enroll -q ev "$(key_of ev)" --class ev --charger ev-03
	mkt admin deposit -q ev 1000JPY
	account a
	as a bid sell 1kWh --at "$W" --price 20/kWh -q
	as ev bid buy 1kWh --at "$W" --price 20/kWh -q
	clock "$DAY 11:00"
	run3 as ev report c1 1kWh --charger ev-99
	status_is 4
	err_has "mkt: cannot report: the charger is not enrolled for this account"
	run3 as ev report c1 1kWh --charger ev-03
	status_is 0
}

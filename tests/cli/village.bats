#!/usr/bin/env bats
# Examples of manual pages that need a market: one story of a village on one
# chain.  What stands between the examples brings about what they show.
load chain
load examples

teller() { export MKT_IDENTITY=$1; } # who speaks from now on
operator() { env -u MKT_IDENTITY "$BUILD_DIR/mkt" admin -q "$@"; }

begin() {
	local who
	for who in oak sun elm; do mkt key new -q $who || return 1; done
	key_of oak >oak.account
	example mkt-admin.1 1
	operator enroll sun "$(key_of sun)" && operator deposit sun 1000JPY &&
		operator enroll elm "$(key_of elm)" && operator deposit elm 3000JPY
	as sun bid sell -q 6kWh --at 10:30-11:00 --price green=24/kWh # b1
	as elm bid sell -q 4kWh --at 10:30-11:00 --price brown=22/kWh # b2
	as oak bid buy -q 2kWh --leg 14:00-14:30,green,25.5/kWh --leg 14:30-15:00,green,25/kWh # b3
}

trade() {
	teller oak
	example mkt-market.1 1 2
	mkt() { "$BUILD_DIR/mkt" "$@" | sed 's/	/->/g'; }
	example mkt-book.1 1 2 3
	mkt() { "$BUILD_DIR/mkt" "$@"; }
	example mkt-bid.1 1 2 3 4 # b4 to b6; c1, c2
	example mkt-bids.1 1 2
	example mkt-contracts.1 1
	example mkt-plot.1 1
	as sun bid sell -q 4kWh --at 13:00-13:30 --at 15:00-16:00 --price green=23/kWh # b7
	as elm bid sell -q 3kWh --at 13:00-13:30 --price brown=23/kWh # b8
	mkt bid buy -q 3kWh --at 13:00-13:30 --price green=27/kWh --price brown=25/kWh # b9, c3
	example mkt-why.1 1 2 3
	example mkt-wait.1 1
	mkt bid reduce b4 --left 1kWh --request-id 91d7de8015169bfcd33acab0dc1f0a57 && return 1
	example mkt-tx.1 1
	example mkt-block.1 1 2
}

settle() {
	unset MKT_IDENTITY
	example mkt-admin.1 5
	teller oak
	printf '%s\n' contract,energy,side c1,6kWh,draw c2,1kWh,draw >meters.csv
	example mkt-report.1 1 2
	as sun report -q c1 5.5kWh && as elm report -q c2 4kWh
	example mkt-contracts.1 2 3
	example mkt-wait.1 3
}

end() {
	example mkt-cancel.1 1 2
	mkt bid buy -q 1kWh --at 16:00-16:30 --price green=20/kWh # b10
	example mkt-cancel.1 3
	example mkt-account.1 1 2 3 4
	example mkt-log.1 1 2
	unset MKT_IDENTITY
	example mkt-admin.1 2 3 4
	example mkt-status.1 1
}

@test "examples of the pages that need a market" {
	begin
	trade
	settle
	end
}

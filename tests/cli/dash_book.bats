#!/usr/bin/env bats
# The pane Book against a real ledgerd: map, ladder, own bids, a bid of several legs counted once.
load chain

@test "map, ladder, unique energy, steps, the equal command" {
	accounts elm oak
	as elm bid sell 6kWh --at "$W" --price green=26/kWh -q
	as oak bid buy 4kWh --at "$W" --price green=22/kWh --price brown=19/kWh -q
	printf '%s\n' 'wait LIVE' 'key 2' 'wait 09:30 brown' >script
	for i in $(seq 50); do echo 'key ]'; done >>script
	printf '%s\n' 'wait 10:30 brown  19.00/-' 'key t' 'wait 10:30 green  22.00/26.00' 'wait unique 4.000' screen >>script
	run3 as oak dash --script script
	status_is 0
	out_has "buy gross 8.000 unique 4.000 kWh"
	out_has "spread 4.00"
	out_has "*"
}

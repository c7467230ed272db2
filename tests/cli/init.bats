#!/usr/bin/env bats
# One command makes a chain with keys and configuration, or nothing.
load helper

@test "init makes keys, chain and configuration, for the operator alone" {
	run3 mkt init market
	status_is 0
	err_is ""
	[[ $out =~ ^chain\ mkt\ [0-9a-f]{64}\ in\ $HOME/market ]] || fail "first line"
	out_has "ledgerd -f $HOME/market/ledgerd.conf"
	[ "$(cd market && find . -type f | sort | tr '\n' ' ')" = \
		"./authority.key ./chain/blocks/000001.seg ./chain/blocks/index ./chain/genesis ./ledgerd.conf ./mkt.conf ./operator.key " ] ||
		fail "files: $(find market)"
	[ "$(stat -c %a market market/operator.key market/authority.key | tr '\n' ' ')" = "700 600 600 " ] || fail modes
	run3 mkt config list --show-origin
	out_has "unix:$HOME/market/ledgerd.sock"
	run3 mkt config get core.identity
	out_is "$HOME/market/operator.key"
	[ -z "$(find . -name '*.new*')" ] || fail "left over"
}

@test "json: the fields are these; the operator is the key of the identity" {
	run3 mkt init --json market
	status_is 0
	[ "$(json '.schema, (.data | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.init/1 chain,name,dir,operator,authority,server,config,ledgerd_config " ] || fail fields
	operator=$(json .data.operator <<<"$out")
	run3 mkt key show --json
	[ "$(json .data.account <<<"$out")" = "$operator" ] || fail operator
}

@test "without DIR it is the data directory; twice is refused" {
	run3 mkt init -q
	status_is 0
	out_is ""
	[ -f .local/share/mkt/market/chain/genesis ] || fail place
	run3 mkt init
	status_is 3
	err_is "mkt: cannot make a chain: '$HOME/.local/share/mkt/market' exists already and is not empty
hint: name another directory: mkt init DIR"
}

@test "an empty directory will do, --dry-run makes nothing" {
	mkdir market
	run3 mkt init -n market
	status_is 0
	[ -z "$(ls market)" ] || fail made
	[ ! -e .config/mkt/config ] || fail config
	run3 mkt init market
	status_is 0
}

@test "the id of the chain is the hash of genesis; two chains differ" {
	run3 mkt init --json --no-config a
	id=$(json .data.chain <<<"$out")
	[ "$( (printf mkt:gnss; cat a/chain/genesis) | b2sum -l 256 | cut -d' ' -f1)" = "$id" ] || fail id
	run3 mkt init --json --no-config b
	[ "$(json .data.chain <<<"$out")" != "$id" ] || fail same
	[ ! -e .config/mkt/config ] || fail config
}

@test "a user with a server keeps it and is told the way" {
	mkt config set core.server http://x:1
	run3 mkt init market
	status_is 0
	err_is "hint: your configuration names another server: use --config $HOME/market/mkt.conf"
	run3 mkt config get core.server
	out_is http://x:1
	run3 mkt --config market/mkt.conf config get core.server
	out_is "unix:$HOME/market/ledgerd.sock"
}

@test "what the chain shall not be is told, and nothing is left" {
	while IFS='|' read -r option value sentence; do
		run3 mkt init "$option" "$value" market
		[ "$status" -eq 2 ] || fail "$option $value"
		err_has "$sentence"
		out_is ""
		[ "$(ls)" = run ] || fail "left: $(ls)"
	done <<-'EOF'
	--tick|3|price '3' has no unit at column 2
	--tick|0/kWh|the price tick must be positive
	--price-max|10.005/kWh|the ends of the price range are not on the tick
	--window|20m|option '--window' cannot be '20m'
	--gate|8d|the gate closes before the window opens
	--gate|1500ms|option '--gate' needs whole seconds
	--interval|0s|the block interval is out of range
	--lot|0Wh|the lot must be positive
	--zone|Nowhere|no time zone 'Nowhere'
	--currency|yen|currency 'yen' is not 1 to 7 capital letters
	--name|A b|chain name 'A b' is not well formed
	--collateral|101%|option '--collateral'
	--start|yesternight|option '--start'
	--socket|x.sock|needs a path from the root
	EOF
}

@test "a socket path that is too long is told before anything is made" {
	long=$(printf 'd%.0s' $(seq $((120 - ${#HOME})))) # too long for a socket, not for a file
	run3 mkt init "$long"
	status_is 2
	err_has "hint: give a shorter one with --socket"
	[ "$(ls)" = run ] || fail "left: $(ls)"
	run3 mkt init --socket "$HOME/s" "$long"
	status_is 0
}

@test "a place that cannot be written leaves nothing" {
	run3 mkt init /dev/full/market
	[ "$status" -ne 0 ] || fail status
	err_has "cannot make a chain"
}

@test "a sealed operator key, an open authority key" {
	(umask 077 && echo secret >pass)
	run3 mkt init --passphrase-file pass market
	status_is 0
	grep -q ^sealed market/operator.key || fail operator
	grep -q ^secret market/authority.key || fail authority
}

@test "all that genesis says can be said" {
	run3 mkt init --name osaka --currency EUR --zone Europe/Berlin --window 15m --opening 2d --gate 10m \
		--tick 0.1EUR/kWh --price-min -50/kWh --price-max 300/kWh --lot 10Wh --deadline 2h \
		--unreported zero --imbalance-up 60/kWh --imbalance-down 10/kWh --collateral 5% \
		--interval 5s --heartbeat 0s --retention 30d --clock operator --start 2026-01-01T00:00Z \
		--private-accounts --json market
	status_is 0
	[ "$(json .data.name <<<"$out")" = osaka ] || fail name
	grep -aq Europe/Berlin market/chain/genesis || fail zone
}

@test "several authorities: keys made here, or elsewhere; the rule of the quorum" {
	run3 mkt init --no-config --authorities 3 three
	status_is 0
	out_has "3 authorities; next:"
	[ "$(cd three && ls -d authority* ledgerd.conf 2>/dev/null | tr '\n' ' ')" = "authority-a1.key authority-a2.key authority-a3.key " ] || fail "files: $(ls three)"
	[ "$(stat -c %a three/authority-a2.key)" = 600 ] || fail mode
	for k in one two; do mkt key new -q $k; done
	one=$(mkt key show one --json | json -r .data.account) two=$(mkt key show two --json | json -r .data.account)
	run3 mkt init --no-config --json --authority a1="$one" --authority "$two" --quorum bft two
	status_is 0
	[ "$(json -c '.data | [.authority, .ledgerd_config]' <<<"$out")" = "[\"$one\",null]" ] || fail "json: $out"
	[ "$(head -c1 two/chain/genesis | od -An -tu1 | tr -d ' ')" = 2 ] || fail version
	[ "$(head -c1 three/chain/genesis | od -An -tu1 | tr -d ' ')" = 1 ] || fail version
	[ ! -e two/authority.key ] || fail key
	run3 mkt verify two
	status_is 0
	run3 mkt init --no-config --authority a2="$one" bad
	status_is 2
	err_has "authority 1 of '--authority' is called 'a1', not 'a2'"
	run3 mkt init --no-config --authority "$one" --authority "$one" bad
	status_is 2
	err_has "authorities 0 and 1 have the same key"
	run3 mkt init --no-config --authority nokey bad
	status_is 2
	err_has "'nokey' is no key (mkt1...)"
	run3 mkt init --no-config --authority "$one" --authorities 2 bad
	status_is 2
	[ ! -e bad ] || fail left
}

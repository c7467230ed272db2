# mkt shell from a pipe, against a real ledgerd.
load chain

# The lines, piped into a shell with the options in $opts.
lines() {
	printf '%s\n' "$@" >lines
	run3 piped
}
piped() { mkt ${who:+--identity "$who"} shell $opts <lines; }

@test "lines run in turn; no prompt, no colour" {
	opts= lines '# nothing' '' 'config get core.timeout' "config get 'core.timeout' # and again"
	status_is 0; err_is ""
	out_is "30s"$'\n'"30s"
}

@test "the first failure ends it with its status; -k goes on" {
	opts= lines 'config get core.nothing' 'config get core.timeout'
	[ "$status" -ne 0 ]; out_is ""
	first=$status
	mkt config get core.nothing || [ $? -eq "$first" ]
	opts=-k lines 'config get core.nothing' 'config get core.timeout'
	status_is "$first"; out_is "30s"
}

@test "?, \$? and exit" {
	opts=-k lines 'frobnicate' '?' 'let a = $?' 'set' 'exit' 'config get core.timeout'
	status_is 2; out_has "2"; out_lacks 30s
	err_has "'frobnicate' is not a mkt command"
}

@test "--eor ends each reply with a line of one stop" {
	opts=--eor lines 'config get core.timeout' 'config get core.timeout'
	status_is 0; out_is $'30s\n.\n30s\n.'
}

@test "a bid's id goes on to the next command" {
	account a
	who=a opts= lines "let b = bid buy 1kWh --at '$W' --price green=20/kWh" 'cancel $b -q'
	status_is 0; err_is ""
	[ -z "$(depth "$W" buy)" ]
}

@test "settings of the session: json, tz, account" {
	account a
	opts= lines 'set json on' 'set account a' 'account'
	status_is 0
	[ "$(json .schema <<<"$out")" = mkt.account/1 ]
	opts= lines 'set colour red'
	status_is 2; err_has "'colour' is no setting of the shell"
	opts= lines 'set json maybe'
	status_is 2; err_has "on or off"
}

@test "commands do not eat the lines that follow" {
	account a
	who=a opts=-k lines "bid buy --legs -" 'config get core.timeout'
	out_has 30s
}

@test "quotes, variables, long lines and control characters are refused in words" {
	opts= lines "let x = 'a"; status_is 2; err_has "quote ' is not closed"
	opts= lines 'status $nothing'; status_is 2; err_has "no variable 'nothing'"
	opts= lines "status $(printf '%5000s' x)"; status_is 2; err_has "longer than 4096"
	opts= lines "$(printf 'status \033[2J')"; status_is 2; err_has "control character"
	opts= lines 'shell'; status_is 2; err_has "shell already"
	opts= lines 'let x 1'; status_is 2; err_has "let NAME"
}

#!/usr/bin/env bats
# The dispatcher: names, suggestions, links, programs of others, aliases, help.
load helper

@test "mkt alone lists the common commands" {
	run3 mkt
	status_is 0
	err_is ""
	out_has "usage: mkt"
	out_has "config"
}

@test "every command prints one screen of usage" {
	for c in $(mkt --list-cmds=main); do
		run3 mkt "$c" -h
		status_is 0
		err_is ""
		[[ $out == "usage: mkt $c"* ]] || fail "$c -h"
	done
}

@test "version" {
	run3 mkt --version
	status_is 0
	[[ $out =~ ^mkt\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail version
}

@test "a typo gets suggestions and is not run" {
	run3 mkt confg list
	status_is 2
	out_is ""
	err_is "mkt: 'confg' is not a mkt command
hint: did you mean 'mkt config'?"
}

@test "names of commands are not abbreviated" {
	run3 mkt conf list
	status_is 2
	err_has "did you mean 'mkt config'"
}

@test "a wrong subcommand gets a suggestion" {
	run3 mkt config lst
	status_is 2
	err_is "mkt: 'mkt config' has no command 'lst'
hint: did you mean 'mkt config list'? see 'mkt config -h'"
}

@test "a wrong option gets one line and the way to the usage" {
	run3 mkt config list --show-orign
	status_is 2
	out_is ""
	err_is "mkt: unknown option '--show-orign'
hint: did you mean '--show-origin'? see 'mkt config list -h'"
}

@test "prefixes of long options work on a terminal only" {
	run3 mkt config list --show
	status_is 2
	run_tty "$BUILD_DIR/mkt" config list --show
	status_is 0
	out_has built-in
}

@test "common options stand before or after the command" {
	run3 mkt --json config get core.timeout
	status_is 0
	first=$out
	run3 mkt config --json get core.timeout
	out_is "$first"
	run3 mkt config get core.timeout --json
	out_is "$first"
}

@test "-- ends the options" {
	run3 mkt config get -- --json
	status_is 2
	err_has "unknown setting '--json'"
}

@test "errors under --json are one object, wherever the option stands" {
	run3 mkt config list --bogus --json
	status_is 2
	out_is ""
	[ "$(json '.schema + " " + .error.code + " " + (.error.exit|tostring) + " " + .error.applied' <<<"$err")" = \
		"mkt.error/1 usage 2 no" ] || fail json
	[ "$(json '.error | keys_unsorted | join(",")' <<<"$err")" = "code,exit,message,hint,request_id,applied" ] || fail keys
}

@test "-h of a subcommand names the page of its command" {
	run3 mkt config set -h
	status_is 0
	out_has "manual: mkt help config"
	out_lacks "mkt help config set"
}

@test "a link mkt-NAME is the command" {
	ln -s "$BUILD_DIR/mkt" "$HOME/mkt-config"
	run3 "$HOME/mkt-config" get core.timeout
	status_is 0
	out_is 30s
}

@test "programs of others are found, get the settings, and their status passes through" {
	mkdir bin
	printf '#!/bin/sh\necho "$MKT_SERVER $MKT_ACCOUNT $*"; exit 42\n' >bin/mkt-hello
	chmod +x bin/mkt-hello
	MKT_EXEC_PATH=$HOME/bin run3 mkt --server http://x:1 --account h7 hello a --b
	status_is 42
	out_is "http://x:1 h7 a --b"
	MKT_EXEC_PATH=$HOME/bin run3 mkt --list-cmds=others
	out_has hello
	MKT_EXEC_PATH=$HOME/bin run3 mkt help -a
	out_has hello
}

@test "programs in libexec beside the installed bin are found, wherever that is" {
	mkdir -p inst/bin inst/libexec/mkt
	cp "$BUILD_DIR/mkt" inst/bin/mkt
	printf '#!/bin/sh\necho from libexec\n' >inst/libexec/mkt/mkt-hello
	chmod +x inst/libexec/mkt/mkt-hello
	run3 inst/bin/mkt hello
	status_is 0
	out_is "from libexec"
}

@test "a program of others that cannot run is status 126" {
	mkdir bin
	echo >bin/mkt-hello
	MKT_EXEC_PATH=$HOME/bin run3 mkt hello
	status_is 126
	err_has "cannot run"
	MKT_EXEC_PATH=$HOME/bin run3 mkt --json hello
	status_is 126
	[ "$(json .error.exit <<<"$err")" = 126 ] || fail "$err"
}

@test "built-in commands win over programs of others" {
	mkdir bin
	printf '#!/bin/sh\necho outside\n' >bin/mkt-config
	chmod +x bin/mkt-config
	MKT_EXEC_PATH=$HOME/bin run3 mkt config get core.timeout
	out_is 30s
}

@test "aliases: words, quotes, more options behind; never over a built-in" {
	mkt config set alias.t "config get core.timeout"
	mkt config set alias.q "config set 'alias.x y' 'a b'"
	mkt config set alias.config "help"
	run3 mkt t --porcelain
	status_is 0
	out_has "setting	core.timeout	30s"
	run3 mkt config get core.timeout
	out_is 30s
	run3 mkt --list-cmds=alias
	out_is "config
q
t"
}

@test "an alias that leads to itself ends" {
	mkt config set alias.a b
	mkt config set alias.b a
	run3 mkt a
	status_is 2
	err_has "leads to itself"
}

@test "help of nothing is status 5" {
	run3 mkt help no-such-thing
	status_is 5
	out_is ""
}

@test "help opens the page of a command, of a topic, or of its own name" {
	mkdir bin
	printf '#!/bin/sh\necho "page $1"\n' >bin/man
	chmod +x bin/man
	local pair
	for pair in market=mkt-market matching=mkt-market.7 units=mkt-units exit=mkt \
		environment=mkt.conf mkt=mkt mkt-bid=mkt-bid ledgerd.conf=ledgerd.conf; do
		PATH=$HOME/bin:$PATH run3 mkt help "${pair%=*}"
		status_is 0
		out_is "page ${pair#*=}"
	done
}

@test "topics are listed" {
	run3 mkt help -g
	status_is 0
	out_has units
	out_has exit
}

@test "completion: options, value kinds, values" {
	run3 mkt config list --completion-helper
	status_is 0
	out_is "--show-origin	-	-	tell where each value comes from"
	run3 mkt config --completion-helper
	out_has "get	command	-	show one setting"
	run3 mkt --completion-helper
	out_has "--color	words:auto|always|never	auto|always|never	colours"
	run3 mkt --complete=setting core.time
	status_is 0
	out_is "core.timeout	deadline of a whole command
core.timezone	zone of times you read and type; without it the market's"
	run3 mkt --complete=nonsense x
	status_is 2
	out_is ""
	err_is ""
}

#!/usr/bin/env bats
# Settings: sources, precedence, origin; changing files; output forms of the frame.
load helper

@test "option over environment over user file over built-in" {
	run3 mkt config get core.timeout
	out_is 30s
	mkt config set core.timeout 20s
	run3 mkt config get core.timeout
	out_is 20s
	MKT_TIMEOUT=10s run3 mkt config get core.timeout
	out_is 10s
	MKT_TIMEOUT=10s run3 mkt -c core.timeout=7s config get core.timeout
	out_is 7s
	MKT_TIMEOUT=10s run3 mkt -c core.timeout=7s --timeout 5s config get core.timeout
	out_is 5s
}

@test "--show-origin tells which won" {
	mkt config set core.account house07
	MKT_SERVER=http://a:1 run3 mkt config --list --show-origin
	status_is 0
	out_has "core.account  house07     file:$HOME/.config/mkt/config:2"
	out_has "core.server   http://a:1  environment:MKT_SERVER"
	out_has "core.timeout  30s         built-in"
}

@test "json: the fields are these, in this order" {
	run3 mkt config list --json
	status_is 0
	[ "$(json 'keys_unsorted | join(",")' <<<"$out")" = "schema,data" ] || fail top
	[ "$(json .schema <<<"$out")" = mkt.settings/1 ] || fail schema
	[ "$(json '.data[0] | keys_unsorted | join(",")' <<<"$out")" = "name,value,origin,where" ] || fail row
	run3 mkt config get core.timeout --json
	out_is '{"schema":"mkt.setting/1","data":{"name":"core.timeout","value":"30s","origin":"built-in","where":"built-in"}}'
}

@test "porcelain: header, fields, TAB; escapes; -z" {
	mkt config set alias.x 'a\b'
	run3 mkt config list --porcelain=1 --fields name,value
	status_is 0
	[ "$(head -n 3 <<<"$out")" = "# mkt-settings 1
# fields type	name	value
setting	alias.x	a\\\\b" ] || fail lines
	mkt config list --porcelain -z --fields name,value >z
	[ "$(tr '\0' '\n' <z | sed -n 3p)" = "setting	alias.x	a\\b" ] || fail "not raw"
	[ "$(tr -cd '\n' <z | wc -c)" -eq 0 ] || fail "newline in -z"
}

@test "unknown fields list the known ones" {
	run3 mkt config list --json --fields nam
	status_is 2
	out_is ""
	err_has "unknown field 'nam'; there are name,value,origin,where"
}

@test "--json with --porcelain, -z without porcelain, unknown porcelain" {
	run3 mkt config list --json --porcelain
	status_is 2
	run3 mkt config list -z
	status_is 2
	run3 mkt config list --porcelain=2
	status_is 2
	err_has "option '--porcelain' cannot be '2'"
}

@test "set keeps comments and other lines, unset removes one" {
	mkdir -p .config/mkt
	cat >.config/mkt/config <<-'EOF'
	# mine
	[core]
	  timeout = 9s
	; more
	account = a

	[alias]
	t = config list
	EOF
	mkt config set core.timeout 8s
	mkt config set core.timezone Asia/Tokyo
	mkt config set ui.color never
	mkt config unset core.account
	run3 cat .config/mkt/config
	out_is "# mine
[core]
timeout = 8s
; more
timezone = Asia/Tokyo

[alias]
t = config list

[ui]
color = never"
	run3 mkt config unset core.account
	status_is 5
}

@test "set refuses what would not be read back" {
	run3 mkt config set core.timeout 20
	status_is 2
	err_is "mkt: setting 'core.timeout': duration '20' has no unit at column 3
hint: write 20s or 20m"
	run3 mkt config set core.timeout 0s
	status_is 2
	err_is "mkt: setting 'core.timeout': '0s' is out of range
hint: from 1ms to 7d"
	run3 mkt config set core.tmeout 20s
	status_is 2
	run3 mkt config set UI.Color never
	status_is 2
	err_has "unknown setting 'UI.Color'"
	run3 mkt config set core.timezone Nowhere/Land
	status_is 2
	err_has "no time zone 'Nowhere/Land'"
	run3 mkt config set nodot x
	status_is 2
	run3 mkt config set alias.x 'a ; b'
	status_is 2
	run3 mkt config set alias.x " a"
	status_is 2
	run3 mkt config set alias.x "$(printf 'a%.0s' {1..200})"
	status_is 2
	[ ! -e .config/mkt/config ]
}

@test "set under --dry-run changes nothing" {
	run3 mkt config set core.timeout 5s -n
	status_is 0
	[ ! -e .config/mkt/config ]
}

@test "a broken file names its line" {
	mkdir -p .config/mkt
	printf '[core]\nserver = x\nnonsense\n' >.config/mkt/config
	run3 mkt config list
	status_is 2
	err_has "line 3"
	printf '[core]\nserver = %s\n' "$(printf 'a%.0s' {1..300})" >.config/mkt/config
	run3 mkt config list
	status_is 2
	err_has "line 2"
}

@test "unknown settings warn, settings of others do not" {
	mkdir -p .config/mkt
	printf '[core]\nserv = x\n[hello]\ncolour = red\n' >.config/mkt/config
	run3 mkt config get hello.colour
	status_is 0
	out_is red
	err_is "mkt: warning: $HOME/.config/mkt/config:2: unknown setting 'core.serv'"
	run3 mkt -q config get hello.colour
	err_is ""
}

@test "--config names the file; it must be there" {
	printf '[core]\ntimeout = 3s\n' >mine
	run3 mkt --config mine config get core.timeout
	out_is 3s
	MKT_CONFIG=mine run3 mkt config get core.timeout
	out_is 3s
	run3 mkt --config none config get core.timeout
	status_is 2
	err_has "cannot open 'none'"
}

@test "an empty environment will do" {
	printf '[core]\ntimeout = 3s\n' >mine
	run3 env -i "$BUILD_DIR/mkt" --config "$HOME/mine" config get core.timeout
	status_is 0
	out_is 3s
	err_is ""
}

@test "a full disk is status 74, a closed stdout too" {
	status=0
	mkt config list >/dev/full 2>.err || status=$?
	err=$(cat .err)
	status_is 74
	err_has "cannot write the result"
	status=0
	mkt config list >&- 2>.err || status=$?
	status_is 74
}

@test "a reader that goes away ends it with SIGPIPE" {
	local tall=
	status=0
	mkdir -p .config/mkt
	{ echo '[alias]'; for i in $(seq 400); do echo "a$i = $(printf 'x%.0s' {1..170})"; done; } >.config/mkt/config
	set -o pipefail
	{ mkt config list; echo $? >.st; } | head -c 10 >/dev/null || true
	[ "$(cat .st)" = 141 ] || fail "status $(cat .st)"
}

@test "colour: option, NO_COLOR, CLICOLOR_FORCE, setting" {
	esc=$(printf '\033')
	run3 mkt
	out_lacks "$esc"
	run3 mkt --color always config nonsense
	err_has "$esc"
	CLICOLOR_FORCE=1 run3 mkt config nonsense
	status_is 2
	CLICOLOR_FORCE=1 run3 mkt
	out_has "$esc"
	CLICOLOR_FORCE=1 NO_COLOR=1 run3 mkt
	out_lacks "$esc"
	NO_COLOR=1 run3 mkt --color always
	out_has "$esc"
}

@test "control characters of users do not reach the terminal" {
	run3 mkt config get "$(printf 'core.\033[31mx')"
	status_is 2
	err_has "unknown setting 'core.?[31mx'"
}

@test "a narrow terminal shortens with ~; a pipe does not" {
	mkt config set alias.long "$(printf 'word %.0s' {1..30})end"
	COLUMNS=40 run_tty "$BUILD_DIR/mkt" -P config list
	status_is 0
	out_has "~"
	while IFS= read -r line; do [ ${#line} -le 40 ] || fail "wide: $line"; done <<<"$out"
	COLUMNS=40 run3 mkt config list
	out_has "word end"
}

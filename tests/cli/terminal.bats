#!/usr/bin/env bats
# What a person sees: pager, colour, questions.
load helper

long_config() {
	mkdir -p .config/mkt
	{ echo '[alias]'; for i in $(seq 60); do echo "a$i = config list"; done; } >.config/mkt/config
}

@test "long output is paged on a terminal, by MKT_PAGER, ui.pager, PAGER, less" {
	long_config
	MKT_PAGER='sed s/^/M:/' run_tty "$BUILD_DIR/mkt" config list
	status_is 0
	out_has "M:alias.a1"
	run_tty env PAGER='sed s/^/P:/' "$BUILD_DIR/mkt" config list
	out_has "P:alias.a1"
	run_tty env PAGER='sed s/^/P:/' "$BUILD_DIR/mkt" -c ui.pager='sed s/^/U:/' config list
	out_has "U:alias.a1"
}

@test "no pager: short output, -P, an empty MKT_PAGER, cat, --json, --porcelain, a pipe" {
	run_tty env MKT_PAGER='sed s/^/M:/' "$BUILD_DIR/mkt" config list
	out_lacks "M:"
	long_config
	run_tty env MKT_PAGER='sed s/^/M:/' "$BUILD_DIR/mkt" -P config list
	out_lacks "M:"
	run_tty env MKT_PAGER= PAGER='sed s/^/P:/' "$BUILD_DIR/mkt" config list
	out_has alias.a60
	out_lacks "P:"
	run_tty env MKT_PAGER=cat "$BUILD_DIR/mkt" config list
	out_has alias.a60
	run_tty env MKT_PAGER='sed s/^/M:/' "$BUILD_DIR/mkt" config list --json
	out_lacks "M:"
	run_tty env MKT_PAGER='sed s/^/M:/' "$BUILD_DIR/mkt" config list --porcelain
	out_lacks "M:"
	MKT_PAGER='sed s/^/M:/' run3 mkt config list
	out_lacks "M:"
}

@test "quitting the pager is success, a pager that is not there too" {
	long_config
	run_tty env MKT_PAGER='head -n 1' "$BUILD_DIR/mkt" config list
	status_is 0
	run_tty env MKT_PAGER='true' "$BUILD_DIR/mkt" config list
	status_is 0
	run_tty env MKT_PAGER='no-such-pager-here' "$BUILD_DIR/mkt" config list
	status_is 0
}

@test "colour on a terminal, not on a dumb one" {
	esc=$(printf '\033')
	run_tty env TERM=xterm "$BUILD_DIR/mkt" -P
	out_has "${esc}[1m"
	run_tty env TERM=dumb "$BUILD_DIR/mkt" -P
	out_lacks "$esc"
	run_tty env TERM=xterm NO_COLOR=1 "$BUILD_DIR/mkt" -P
	out_lacks "$esc"
	run_tty env TERM=xterm "$BUILD_DIR/mkt" -P --color never
	out_lacks "$esc"
}

@test "wide characters keep columns in line in UTF-8, and become ? elsewhere" {
	mkt config set alias.wide 'häuser 日本'
	mkt config set alias.z 'x'
	run_tty "$BUILD_DIR/mkt" -P config list --show-origin
	a=$(grep -o '^alias.wide.*file:' <<<"$out")
	b=$(grep -o '^alias.z .*file:' <<<"$out")
	[ "$(( ${#a} + 2 ))" -eq "${#b}" ] || fail "columns: '$a' '$b'"
	LC_ALL=C run3 mkt config list
	out_has "h??user ??????"
}

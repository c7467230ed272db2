#!/usr/bin/env bats
# Completion of bash, by its own function; zsh and fish where they are installed.
load helper

# The candidates for a line, as bash would offer them; the cursor is at its end.
candidates() {
	PATH=$BUILD_DIR:$PATH
	source "$ROOT/completions/mkt.bash"
	local line=$1
	read -ra COMP_WORDS <<<"$line"
	[[ $line == *" " ]] && COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_mkt
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

offers() { # line, candidates
	got=$(candidates "$1" | tr '\n' ' ')
	[ "$got" = "$2 " ] || { echo "for '$1': $got" >&2; return 1; }
}

@test "commands" {
	offers "mkt con" "config contracts"
	[[ $(candidates "mkt ") == *help* ]]
}

@test "subcommands, also behind options with values" {
	offers "mkt config s" "set"
	offers "mkt --server http://x:1 config un" "unset"
	offers "mkt config --json g" "get"
}

@test "options of the command and common ones" {
	offers "mkt key show --se" "--secret --server"
	offers "mkt config list --show" "--show-origin"
}

@test "values of options" {
	offers "mkt --color a" "always auto"
	offers "mkt config list --color " "always auto never"
}

@test "values of arguments" {
	offers "mkt config get core.time" "core.timeout core.timezone"
	offers "mkt help conf" "config"
	mkt key new -q house07
	mkt key new -q office
	offers "mkt key show ho" "house07"
}

@test "files" {
	touch mine.conf mine.key
	offers "mkt --config mine." "mine.conf mine.key"
}

@test "completion never waits, asks or prints an error" {
	printf 'broken\n' >broken
	MKT_CONFIG=$HOME/broken run3 mkt --complete=setting core
	err_is ""
	MKT_SERVER=http://192.0.2.1:9 run3 mkt --complete=command b
	err_is ""
}

@test "zsh and fish scripts have no fault of syntax" {
	command -v zsh >/dev/null || command -v fish >/dev/null || skip "neither zsh nor fish is installed"
	if command -v zsh >/dev/null; then zsh -n "$ROOT/completions/_mkt"; fi
	if command -v fish >/dev/null; then fish -n "$ROOT/completions/mkt.fish"; fi
}

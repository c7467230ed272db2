#!/usr/bin/env bats
# Examples of manual pages that need no server: each call gives what the page shows.
load helper

# The calls of a page's EXAMPLES and what they print, as a script: "# N" begins each literal block.
blocks() {
	awk '/^\.Sh/ { on = $2 == "EXAMPLES" } on && /^\.Bd -literal/ { lit = 1; n++; print "# " n; next }
	     /^\.Ed/ { lit = 0 } on && lit' "$ROOT/man/$1" | sed 's/\\&//g; s/\\e/\\/g'
}

# What changes from call to call: accounts, hashes and this directory.
steady() { sed -E "s/mkt1[02-9ac-hj-np-z]{58}/ACCOUNT/g; s/\b[0-9a-f]{64}\b/HASH/g; s|$HOME/||g"; }

# Run the calls of one block in order and show it as the page should have it.
replay() {
	local line last=0
	set +e
	while IFS= read -r line; do
		case $line in
		'$ '*)
			printf '%s\n' "$line"
			(exit $last) # for an example that shows $?
			eval "${line#\$ }" </dev/null 2>&1
			last=$?
			;;
		esac
	done
}

page_is_true() {
	local n=1 block
	while block=$(blocks "$1" | sed -n "/^# $n\$/,/^# $((n + 1))\$/p" | grep -v '^# [0-9]*$'); [ -n "$block" ]; do
		if grep -q '^\$ ' <<<"$block" && ! grep -qE '^\$ (man|env) |^passphrase:' <<<"$block"; then
			diff <(steady <<<"$block") <(replay <<<"$block" | steady) ||
				{ echo "man/$1: example $n" >&2; return 1; }
		fi
		n=$((n + 1))
	done
	[ $n -gt 1 ]
}

@test "examples of mkt(1)" { page_is_true mkt.1; }
@test "examples of mkt-config(1)" { page_is_true mkt-config.1; }
@test "examples of mkt-help(1)" { page_is_true mkt-help.1; }
@test "examples of mkt-init(1)" { page_is_true mkt-init.1; }
@test "examples of mkt-json(5)" { page_is_true mkt-json.5; }
@test "examples of mkt-key(1)" { page_is_true mkt-key.1; }
@test "examples of mkt-porcelain(5), with -> for TAB" {
	mkt() { "$BUILD_DIR/mkt" "$@" | sed 's/	/->/g'; }
	page_is_true mkt-porcelain.5
}
@test "examples of mkt-verify(1)" { page_is_true mkt-verify.1; }

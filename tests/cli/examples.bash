# Examples of manual pages: each call must give what the page shows.

# The calls of a page's EXAMPLES and what they print, as text: "# N" begins each literal block.
blocks() {
	awk '/^\.Sh/ { on = $2 == "EXAMPLES" } on && /^\.Bd -literal/ { lit = 1; n++; print "# " n; next }
	     /^\.Ed/ { lit = 0 } on && lit' "$ROOT/man/$1" | sed 's/\\&//g; s/\\e/\\/g'
}

block() { blocks "$1" | sed -n "/^# $2\$/,/^# $(($2 + 1))\$/p" | grep -v '^# [0-9]*$'; }

# What changes from call to call: accounts, hashes, request ids and this directory.
steady() {
	sed -E "s/mkt1[02-9ac-hj-np-z]{58}/ACCOUNT/g; s/\b[0-9a-f]{64}\b/HASH/g; s/\b[0-9a-f]{32}\b/REQUEST/g
		s|$HOME/||g; s/ +\$//"
}

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

# example PAGE N...: these blocks of the page are what the program does.
example() {
	local page=$1 n text
	shift
	for n; do
		text=$(block "$page" "$n")
		grep -q '^\$ ' <<<"$text" || { echo "man/$page: example $n has no call" >&2; return 1; }
		diff <(steady <<<"$text") <(replay <<<"$text" | steady) ||
			{ echo "man/$page: example $n" >&2; return 1; }
	done
}

# All blocks that have a call, but those that need a person, a manual or another machine.
page_is_true() {
	local n=1 text
	while text=$(block "$1" $n); [ -n "$text" ]; do
		if grep -q '^\$ ' <<<"$text" && ! grep -qE '^\$ (man|env) |^passphrase:' <<<"$text"; then
			example "$1" $n || return 1
		fi
		n=$((n + 1))
	done
	[ $n -gt 1 ]
}

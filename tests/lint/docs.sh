#!/usr/bin/env bash
# Documents agree with the program: man pages, synopses, exit table, error words, options.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${BUILD:-build}
n=0
fail=0

report() {
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | head -n 40 | sed 's/^/# /'
		fail=1
	fi
}

pages=$(git ls-files 'man/*.[1-9]')
report "mandoc finds nothing to say" "$(for p in $pages; do
	mandoc -Tlint -W warning "$p" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db|unknown section|missing date'; done)"

if [ -x "$build/mkt" ]; then
	commands=$("$build/mkt" --list-cmds=main)
	report "every command has a page" "$(for c in $commands; do [ -f "man/mkt-$c.1" ] || echo "man/mkt-$c.1"; done)"
	report "every page's synopsis is the command's usage" "$(for c in $commands; do
		[ -f "man/mkt-$c.1" ] || continue
		tests/lint/synopsis.sh "$c"; done)"
	report "every option of a command is on its page" "$(for c in $commands; do
		[ -f "man/mkt-$c.1" ] || continue
		text=$(mandoc -Tascii "man/mkt-$c.1" | col -b)
		"$build/mkt" "$c" --completion-helper 2>/dev/null | grep -oE '^--[a-z-]+' | sort -u | while read -r o; do
			printf '%s' "$text" | grep -qE -- "(^|[^a-z-])$o([^a-z-]|\$)" || echo "mkt-$c.1 lacks $o"; done; done)"
	report "every command prints its usage" "$(for c in $commands; do
		"$build/mkt" "$c" -h >/dev/null 2>&1 || echo "mkt $c -h"; done)"
fi
report "error words and numbers are unique" "$(grep -oE '^MKT_ERROR\([A-Z]+, [0-9]+, "[a-z-]+"' core/base/errors.def |
	awk -F'[(,]' '{ print $3; print $4 }' | sort | uniq -d)"
report "every error word is in mkt-errors(7)" "$([ -f man/mkt-errors.7 ] || echo 'man/mkt-errors.7'
	grep -oE '^MKT_ERROR\([A-Z]+, [0-9]+, "[a-z-]+"' core/base/errors.def | grep -oE '"[a-z-]+"' | tr -d '"' |
	while read -r w; do grep -qE "^\.It .*\b$w\b" man/mkt-errors.7 || echo "$w"; done)"
report "pages name no place of one machine" "$(git grep -nIE '/(work|farm|home/[a-z]+|root)/' -- man README.md ARCHITECTURE.md HACKING.md)"
echo "1..$n"
exit $fail

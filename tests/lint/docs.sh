#!/usr/bin/env bash
# Documents agree with the program: man pages, synopses, exit table, error words, options.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lint/report.sh
build=${BUILD:-build}

# "page call" for every call of mkt in an example: after a prompt, or displayed alone.
examples() {
	grep -HE '^(\.Dl |\$ |\.Ql )(.*[^a-z/-])?mkt ' $pages | sed -E 's/^([^:]*):(\.Dl |\$ |\.Ql )?/\1 /' |
		sed -E 's/^([^ ]+) .*(^| |\()mkt /\1 mkt /; s/[|;>)].*//; s/\\&//g'
}

# What --completion-helper of command $1 says, and of those subcommands that the call $2 names, or of all.
options_of() {
	"$build/mkt" "$1" --completion-helper
	"$build/mkt" "$1" --completion-helper | awk -F'\t' '$2 == "command" { print $1 }' | while read -r s; do
		case " ${2-$s} " in *" $s "*) "$build/mkt" "$1" "$s" --completion-helper ;; esac; done
}

pages=$(git ls-files 'man/*.[1-9]')
report "mandoc finds nothing to say" "$(for p in $pages; do
	mandoc -Tlint -W warning "$p" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db|unknown section|missing date'; done
	grep -nE '^\.S[hs] (In|No|Do|An|Bl|It|Op|Ex|At|Ad|Er|Li|Ms|Va)( |$)' $pages | sed 's/$/  (the first word is a macro: write \\\&)/')"

if [ -x "$build/mkt" ]; then
	commands=$("$build/mkt" --list-cmds=main)
	report "every command has a page" "$(for c in $commands; do [ -f "man/mkt-$c.1" ] || echo "man/mkt-$c.1"; done)"
	report "every page's synopsis is the command's usage" "$(for c in $commands; do
		[ -f "man/mkt-$c.1" ] || continue
		tests/lint/synopsis.sh "$c"; done)"
	report "every option of a command is on its page" "$(for c in $commands; do
		[ -f "man/mkt-$c.1" ] || continue
		text=$(mandoc -Tascii "man/mkt-$c.1" | col -b)
		options_of "$c" 2>/dev/null | grep -oE '^--[a-z0-9-]+' | sort -u | while read -r o; do
			printf '%s' "$text" | grep -qE -- "(^|[^a-z-])$o([^a-z-]|\$)" || echo "mkt-$c.1 lacks $o"; done; done)"
	page=$(mandoc -Tascii man/mkt.1 | col -b)
	report "mkt(1) lists every command and every common option" "$(for c in $commands; do
		grep -q "^\.It Xr mkt-$c 1" man/mkt.1 || echo "mkt.1 lacks mkt-$c"; done
		"$build/mkt" --completion-helper | grep -oE '^-[^	]+' | sort -u | while read -r o; do
			printf '%s' "$page" | grep -qE -- "(^|[^a-z-])$o([^a-z-]|\$)" || echo "mkt.1 lacks $o"; done)"
	report "examples of calls have only options that there are" "$(examples | while read -r p line; do
		name=$(printf '%s\n' "$line" | tr -s ' ' '\n' | grep -xF "$commands" | head -n 1)
		known=$("$build/mkt" --completion-helper; echo --list-cmds; echo --completion-helper
			[ -z "$name" ] || options_of "$name" "$line")
		printf '%s\n' "$line" | grep -oE '(^| )--[a-z0-9-]+' | tr -d ' ' | sort -u | while read -r o; do
			printf '%s\n' "$known" | cut -f1 | grep -qxE -- "$o|--${o#--no-}" ||
				echo "${p##*/}: $o in: $line"; done; done)"
	report "every command prints its usage" "$(for c in $commands; do
		"$build/mkt" "$c" -h >/dev/null 2>&1 || echo "mkt $c -h"; done)"
fi
report "error words and numbers are unique" "$(grep -oE '^MKT_ERROR\([A-Z]+, [0-9]+, "[a-z-]+"' core/base/errors.def |
	awk -F'[(,]' '{ print $3; print $4 }' | sort | uniq -d)"
report "every error word is in mkt-errors(7)" "$([ -f man/mkt-errors.7 ] || echo 'man/mkt-errors.7'
	grep -oE '^MKT_ERROR\([A-Z]+, [0-9]+, "[a-z-]+"' core/base/errors.def | grep -oE '"[a-z-]+"' | tr -d '"' |
	while read -r w; do grep -qE "^\.It .*\b$w\b" man/mkt-errors.7 || echo "$w"; done)"
report "mkt.conf(5) has every setting and variable" "$(sed -nE 's/^MKT_SETTING\("([^"]+)", (NULL|"([^"]+)").*/\1\n\3/p' \
	core/app/settings.def | grep . | while read -r w; do
	mandoc -Tascii man/mkt.conf.5 | col -b | grep -qwF "$w" || echo "$w"; done)"
report "the keys of mkt-dash(1) are those of tui/keymap.def" "$(awk -f man/keys.awk tui/keymap.def man/mkt-dash.1 |
	diff man/mkt-dash.1 - | head -n 5)"
report "pages that pages name are there" "$(grep -hoE '^\.(It )?Xr [a-z.-]+ [1-9]' $pages | sed -E 's/.*Xr ([^ ]+) ([1-9])/\1.\2/' |
	grep -E '^(mkt|ledgerd)' | sort -u | while read -r p; do [ -f "man/$p" ] || echo "man/$p"; done)"
report "pages name no place of one machine" "$(git grep -nIE '/(work|farm|home/[a-z]+|root)/' -- man README.md ARCHITECTURE.md HACKING.md)"
report_end

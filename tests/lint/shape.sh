#!/usr/bin/env bash
# Shape of the code: length of functions, files and lines; headers that compile alone; words left over.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lint/report.sh
code=$(git ls-files 'core/*.c' 'cmd/*.c' 'tui/*.c' 'drivers/*.c' 'ledgerd/*.c')
headers=$(git ls-files 'core/*.h' 'cmd/*.h' 'tui/*.h' 'drivers/*.h' 'ledgerd/*.h')

report "functions of at most 70 lines" "$(awk '
	FNR == 1 { start = 0 }
	/^\{/ { start = FNR }
	/^\}/ && start { if (FNR - start - 1 > 70) print FILENAME ":" start ": " FNR - start - 1 " lines"; start = 0 }' $code)"
report "files of at most 800 lines" "$(wc -l $code $headers | awk '$2 != "total" && $1 > 800 { print $2 ": " $1 }')"
report "lines of at most 100 columns" "$(for f in $code $headers; do
	expand -t 8 "$f" | awk -v f="$f" 'length > 100 { print f ":" FNR ": " length }'; done)"
report "headers compile alone" "$(for h in $headers; do
	echo "#include \"$h\"" | ${CC:-cc} -std=c17 -D_GNU_SOURCE -I. -Wall -Wextra -fsyntax-only -x c - 2>&1 | head -n 3; done)"
report "every header says what it is for" "$(for h in $headers; do head -n 2 "$h" | grep -q '^/\*' || echo "$h"; done)"
report "nothing is left open" "$(grep -nE 'TODO|FIXME|XXX|not implemented' $code $headers)"
report "no trailing blanks" "$(git grep -nIE '[ 	]+$' -- '*.c' '*.h' '*.sh' '*.bats' '*.mk' Makefile | head)"
report "no globals but constants" "$(grep -nE '^(static )?(struct [a-z_]+|[a-z_0-9]+|u?int[0-9]+_t|bool|char|unsigned( [a-z]+)?|volatile [a-z_]+) \**[a-z_]+(\[[^]]*\])*( = .*)?;' $code |
	grep -vE '\bconst\b|sig_atomic_t|: *extern|\btypedef\b|_Thread_local' )"
report_end

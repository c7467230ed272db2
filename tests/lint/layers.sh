#!/usr/bin/env bash
# Dependencies point one way: which folder may include which, and the one place of each library.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lint/report.sh

# includes FOLDER: "file:included folder" of our own headers
includes() {
	grep -nE '^#include "' -r "$1" --include='*.c' --include='*.h' 2>/dev/null |
		sed -E 's/^([^:]*):[0-9]+:#include "([^"]*)".*/\1 \2/' |
		awk '{ n = split($2, p, "/"); f = p[1]; if (p[1] == "core") f = p[1] "/" p[2]; print $1, f }'
}

allow() { # folder, allowed folders...
	local folder=$1
	shift
	report "$folder includes only: $*" "$(includes "$folder" | awk -v ok=" $* $folder " '
		index(ok, " " $2 " ") == 0 { print $1 " includes " $2 }')"
}

B=core/base U=core/units E=core/codec K=core/crypto S=core/store M=core/market L=core/ledger C=core/chain
Q=core/quorum D=core/device W=core/wire G=core/agent A=core/app
allow $B
allow $U $B
allow $E $B $U
allow $K $B $U $E
allow $S $B $U $E $K
allow $M $B $U $E
allow $L $B $U $E $K $M
allow $C $B $U $E $K $S $M $L
allow $Q $B $U $E $K $M $L $C
allow $D $B $U $E
allow $W $B $U $E $K $M $L $C $Q
allow $G $B $U $E $K $M $L
allow $A $B $U $E $K $D
allow drivers $B $U $E $D $A
allow ledgerd $B $U $E $K $S $M $L $C $Q $D $W $A
allow tui $B $U $E $K $M $L $C $D $W $A
allow cmd $B $U $E $K $S $M $L $C $Q $D $W $G $A tui

only() { # header pattern, files allowed (regex)
	report "<$1> only in $2" "$(grep -nE "^#include <($1)" -r core cmd tui drivers ledgerd --include='*.c' --include='*.h' 2>/dev/null |
		cut -d: -f1 | sort -u | grep -vE "^($2)\$")"
}
only 'sodium' 'core/crypto/.*\.c'
only 'lmdb' 'core/store/store_lmdb\.c'
only 'zstd' 'core/store/segment\.c'
only 'curl/' 'core/wire/(.*\.c|http\.h)'
only 'json-c/|json\.h' 'core/codec/json[a-z_]*\.c'
only 'microhttpd' 'ledgerd/http_mhd\.[ch]'
only 'gnutls' 'ledgerd/tls\.c'
only 'libsmartcols/|ini\.h' 'core/app/.*\.c'
only 'readline/' 'cmd/shell\.c|core/app/term\.c'
only 'libserialport' 'drivers/(link_serial|port)\.c'
only 'modbus' 'drivers/modbus\.c'
only 'ncurses|curses' 'tui/screen\.c'

report "core reads no clock and no randomness but through crypto" "$(grep -nE '\b(time|clock_gettime|gettimeofday|rand|random)\(' \
	-r $U $E $M $L $G --include='*.c' --include='*.h' | grep -vE ':\s*(\*|/\*)' )"
report "no floating point in core and ledgerd" "$(grep -nE '\b(double|float)\b' -r core ledgerd --include='*.c' --include='*.h' 2>/dev/null |
	grep -vE ':\s*(\*|/\*)|/\*.*(double|float).*\*/')"
report "every .c begins with compat.h" "$(for f in $(git ls-files '*.c'); do
	grep -m1 '^#include' "$f" | grep -q '"core/base/compat.h"' || echo "$f"; done)"
report "library code does not print or exit" "$(grep -nE '\b(printf|puts|exit|abort|perror)\(' -r core --include='*.c' |
	grep -v '^core/app/' | grep -vE ':\s*(\*|/\*)')"
report_end

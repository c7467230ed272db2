#!/usr/bin/env bash
# bench-match reads the stream format as told and writes the contracts that the rules give.
set -u
cd "$(dirname "$0")/../.." || exit 2
match=${BUILD:-build}/bench-match
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0
bad=0

u8() { printf "\\x$(printf '%02x' "$1")"; }
u32() { local i; for i in 0 8 16 24; do u8 $((($1 >> i) & 255)); done; }
stream() { printf MTOF0001; for v in "$1" "$2" "$3" 4 1 0; do u32 "$v"; done; } # windows tags operations
op() { # kind amount id owner, then pairs of book and price
	local kind=$1 wh=$2 id=$3 owner=$4
	shift 4
	u8 "$kind"; u8 $(($# / 2)); u8 0; u8 0
	u32 "$wh"; u32 "$id"; u32 "$owner"
	for v in "$@"; do u32 "$v"; done
}
sell() { op 1 "$@"; }
buy() { op 2 "$@"; }
cancel() { op 3 0 "$1" 0; }
close() { op 4 0 "$1" 0; }

verdict() { # condition's status, name
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		bad=1
	fi
}
gives() { # name, lines expected; the stream is in $dir/s
	rm -f "$dir/t"
	"$match" "$dir/s" --trades "$dir/t" >"$dir/out" 2>&1 && [ "$(cat "$dir/t")" = "$2" ]
	verdict $? "$1"
}
refused() { # name
	"$match" "$dir/s" >"$dir/out" 2>&1
	[ $? -eq 1 ] && grep -q '^bench-match: ' "$dir/out"
	verdict $? "$1"
}

{ stream 1 2 3; sell 50 1 1 0 85; sell 50 2 2 1 75; buy 50 3 3 0 100 1 80; } >"$dir/s"
gives "surplus decides, not price" "3 1 85 50"
{ stream 2 1 3; buy 50 7 1 0 100 1 100; sell 30 8 2 1 90; sell 30 9 3 0 90; } >"$dir/s"
gives "legs share one amount" $'8 7 100 30\n9 7 100 20'
{ stream 1 1 3; sell 10 1 1 0 70; sell 10 2 2 0 75; buy 10 3 1 0 80; } >"$dir/s"
gives "own bids are skipped" "3 2 75 10"
{ stream 1 1 3; sell 10 1 0 0 70; sell 10 2 0 0 75; buy 10 3 0 0 80; } >"$dir/s"
gives "owner 0 alone is nobody" "3 1 70 10"
{ stream 1 1 4; sell 10 1 1 0 -70; sell 10 4000000000 1 0 -2147483648; cancel 1; buy 30 0 2 0 2147483647; } >"$dir/s"
gives "any id, any price, cancels" "0 4000000000 -2147483648 10"
{ stream 2 1 5; sell 10 1 1 0 5 1 5; close 0; buy 10 2 2 0 5 1 5; buy 4 3 2 1 9; cancel 1; } >"$dir/s"
gives "a closed window takes its legs and no new bids" "3 1 5 4"
{ stream 1 1 0; } >"$dir/s"
gives "no operations" ""

{ printf MTOF0002; u32 1; } >"$dir/s"
refused "another format"
{ stream 1 1 2; sell 10 1 1 0 5; } >"$dir/s"
refused "too short"
{ stream 1 1 1; sell 10 1 1 0 5; u8 0; } >"$dir/s"
refused "too long"
{ stream 1 1 1; sell 10 1 1 1 5; } >"$dir/s"
refused "a book that is not"
{ stream 1 1 1; op 9 1 1 1; } >"$dir/s"
refused "an unknown operation"
{ stream 1 1 1; sell 10 1 1; } >"$dir/s"
refused "a bid without legs"

echo "1..$n"
exit $bad

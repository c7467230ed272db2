#!/usr/bin/env bash
# Matching alone, on the standard mix with 1, 4 and 16 legs: speed of a million
# operations, and instructions an operation of a fifth of that, which no other
# load on the machine disturbs.
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
dir=$(mktemp -d "$BUILD/bench-match.XXXXXX")
trap 'rm -rf "$dir"' EXIT

instructions() { # stream, operations
	local total
	total=$(valgrind --tool=callgrind --toggle-collect=run_stream \
		--callgrind-out-file="$dir/callgrind" "$BUILD/bench-match" "$1" 2>&1 |
		awk '/Collected/ { print $NF }')
	echo $(((total + $2 / 2) / $2))
}

echo "matching alone, 192 books, 60 % passive, 10 % aggressive, 30 % cancels"
printf '%6s %12s %8s %8s %8s %10s  %s\n' legs ops/s p50/ns p99/ns p99.9/ns instr/op mark
for k in 1 4 16; do
	"$BUILD/bench-gen" -k $k >"$dir/full"
	"$BUILD/bench-gen" -k $k -n 200000 >"$dir/short"
	"$BUILD/bench-match" "$dir/full" --latency >"$dir/out"
	value() { awk -v n="$1" '$1 == n { print $2 }' "$dir/out"; }
	count=-
	if command -v valgrind >/dev/null; then
		count=$(instructions "$dir/short" 200000)
	fi
	case $k in
	1) mark="at most 250" ;;
	4) mark="at most 500" ;;
	*) mark=- ;;
	esac
	printf '%6s %12s %8s %8s %8s %10s  %s\n' $k "$(value ops_per_second)" "$(value p50_ns)" \
		"$(value p99_ns)" "$(value p99.9_ns)" "$count" "$mark"
done

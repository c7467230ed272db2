#!/usr/bin/env bash
# A simulated day ends in the same state whichever build plays it: once more the same, and those
# that MKT_BUILDS names (make check-long: other compilers and sanitizers).
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${BUILD:-build}
n=0
fail=0

digest() { "$1/mkt" sim --days 2 --seed 11 --ledgerd "$1/ledgerd" --json --fields digest,holds | jq -c .data; }

first=$(digest "$build")
again=$(digest "$build")
check() { # description, result
	n=$((n + 1))
	if [ -n "$first" ] && [ "$2" = "$first" ] && [ "$(jq .holds <<<"$2")" = true ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '# %s\n' "first: $first" "this: $2"
		fail=1
	fi
}
check "the same build, the same state" "$again"
for other in ${MKT_BUILDS:-}; do
	check "$other, the same state as $build" "$(digest "$other")"
done
echo "1..$n"
exit $fail

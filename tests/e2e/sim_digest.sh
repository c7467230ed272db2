#!/usr/bin/env bash
# A simulated day ends in the same state whichever build plays it and however fast the machine is,
# with devices and without: once more the same, and those that MKT_BUILDS names (make check-long:
# other compilers and sanitizers).
# alone: one of its runs is on a busy machine, and the others are not
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${BUILD:-build}
n=0
fail=0
busy=

leave() {
	[ -z "$busy" ] || kill $busy 2>/dev/null
}
trap leave EXIT

digest() { # build, options...
	local in=$1
	shift
	"$in/mkt" sim --seed 11 --ledgerd "$in/ledgerd" --json --fields digest,holds "$@" | jq -c .data
}

check() { # description, the first, this one
	n=$((n + 1))
	if [ -n "$2" ] && [ "$3" = "$2" ] && [ "$(jq .holds <<<"$3")" = true ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '# %s\n' "first: $2" "this: $3"
		fail=1
	fi
}

plain=$(digest "$build" --days 2)
check "the same build, the same state" "$plain" "$(digest "$build" --days 2)"
driven=$(digest "$build" --devices)
# Three for each processor: what keeps real time with the devices is late all the time.
for _ in $(seq $((3 * $(nproc)))); do
	(while :; do :; done) &
	busy+=" $!"
done
check "devices on a machine that has no time for them, the same state" "$driven" \
	"$(digest "$build" --devices)"
kill $busy
wait 2>/dev/null
busy=
for other in ${MKT_BUILDS:-}; do
	check "$other, the same state as $build" "$plain" "$(digest "$other" --days 2)"
	check "$other with devices, the same state as $build" "$driven" "$(digest "$other" --devices)"
done
echo "1..$n"
exit $fail

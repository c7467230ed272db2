#!/usr/bin/env bash
# The dashboard while a real ledgerd seals a thousand events a second, and then as many as it can: every key is
# answered, pictures are few, memory is little and does not grow.  How fast is measured by make bench.  TAP.
# alone: answers are timed
set -u
cd "$(dirname "$0")/../.." || exit 2
export BUILD=${BUILD:-build}
events=60000 seconds=4
[ -z "${MKT_LONG:-}" ] || events=400000 seconds=10
case $BUILD in *asan* | *tsan*) events=15000 seconds=2 ;; esac # everything takes its time there
nr=0 failed=0

ok() { # status, what
	nr=$((nr + 1))
	if [ "$1" -eq 0 ]; then echo "ok $nr - $2"; return; fi
	echo "not ok $nr - $2"
	sed 's/^/# /' <<<"$figures"
	failed=1
}
is() { jq -e "$1" <<<"$figures" >/dev/null; }

figures=$("$BUILD/bench-dash" --seconds $seconds --events $events --json 2>&1 | tail -n 1)
is '.flood_events >= '$events
ok $? "a market with $events events and a dashboard on them"
is '.strokes > 0 and .lost == 0'
ok $? "every key is answered"
is '.busy_pictures <= 4.5'
ok $? "at most 4 pictures a second"
case $BUILD in
*asan* | *tsan*) ;; # what sanitizers hold is not the dashboard's
*)
	is '.most_kb < 32768'
	ok $? "less than 32 MB resident"
	is '.end_kb < .tenth_kb + 3072'
	ok $? "ten times as many events, not more memory"
	;;
esac
echo "1..$nr"
exit $failed

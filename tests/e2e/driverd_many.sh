#!/usr/bin/env bash
# Many mkt-driverd on one machine: each holds its polling period, and none is large or busy.
# Short: 8 lines.  MKT_LONG=1: 64.
# alone: periods are held, load is measured
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${BUILD:-build}" && pwd)
command -v socat >/dev/null || { echo "1..0 # SKIP no socat"; exit 0; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/many.XXXXXX")
lines=8 seconds=6
[ -z "${MKT_LONG:-}" ] || lines=64 seconds=20
pids=() daemons=()
cleanup() {
	kill "${pids[@]}" "${daemons[@]}" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
n=0 bad=0
verdict() { # condition's status, name
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; bad=1; fi
}
until_true() {
	local end=$((SECONDS + 60))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}
all_there() { # pattern of paths: one for each line
	[ "$(compgen -G "$1" | wc -l)" -eq "$lines" ]
}
all_ready() { [ "$(grep -lE '^state device ready ' "$dir"/*.log 2>/dev/null | wc -l)" -eq "$lines" ]; }
passes() { awk '/^counters device /{ n++ } END { print n + 0 }' "$1"; }
# Microseconds on a processor, all together: exact, where ticks of the clock miss short turns.
busy_us() {
	local p
	for p in "${daemons[@]}"; do cat "/proc/$p/schedstat"; done | awk '{ n += $1 } END { print int(n / 1000) }'
}

for ((i = 0; i < lines; i++)); do
	"$build/mkt-sim-rapi" --pty "$dir/$i.tty" </dev/null >"$dir/$i.sim" 2>&1 &
	pids+=($!)
done
until_true all_there "$dir/*.tty"
for ((i = 0; i < lines; i++)); do
	"$build/mkt-driverd" --sockets "$dir/d" --port "$dir/$i.tty" --driver rapi -o poll=1s "l$i" \
		</dev/null >"$dir/$i.out" 2>"$dir/$i.err" &
	daemons+=($!)
done
until_true all_there "$dir/d/*.sock"
verdict $? "$lines lines are served"
for ((i = 0; i < lines; i++)); do
	socat -u "UNIX-CONNECT:$dir/d/l$i.sock" STDOUT >"$dir/$i.log" 2>/dev/null &
	pids+=($!)
done
until_true all_ready
verdict $? "all devices are ready"

begin=$(busy_us)
for ((i = 0; i < lines; i++)); do before[i]=$(passes "$dir/$i.log"); done
t0=$(date +%s%N)
sleep "$seconds"
for ((i = 0; i < lines; i++)); do after[i]=$(passes "$dir/$i.log"); done
ms=$((($(date +%s%N) - t0) / 1000000))
used=$(($(busy_us) - begin))

least=999 sum=0
for ((i = 0; i < lines; i++)); do
	got=$((after[i] - before[i]))
	sum=$((sum + got))
	[ $got -ge $least ] || least=$got
done
missed=$((lines * (ms / 1000) - sum))
[ $missed -gt 0 ] || missed=0
echo "# $lines lines, $ms ms: $sum passes, at least $least each, $missed missed; $((used / lines)) us of a processor each"
# A loaded machine may lose some: one in ten, and one at the edge of each.
[ $((missed * 10)) -le $((sum + 10 * lines)) ] && [ $((least + 2 + ms / 5000)) -ge $((ms / 1000)) ]
verdict $? "polling periods are held"

largest=0
for p in "${daemons[@]}"; do
	kb=$(awk '/^Rss:/ { print $2 }' "/proc/$p/smaps_rollup")
	[ "$kb" -le $largest ] || largest=$kb
done
echo "# the largest has $largest kB resident"
if grep -q __asan_init "$build/mkt-driverd" || grep -q __tsan_init "$build/mkt-driverd"; then
	echo "ok $((n += 1)) - memory # SKIP a build with sanitizers"
	echo "ok $((n += 1)) - processor # SKIP a build with sanitizers"
else
	[ $largest -lt 4096 ]
	verdict $? "none has 4 MB"
	[ $used -le $((lines * ms * 2)) ]
	verdict $? "none takes 0.2 % of a core"
fi
kill "${daemons[@]}"
ended=0
for p in "${daemons[@]}"; do
	wait "$p" || ended=1
done
verdict $ended "all end when asked to"
daemons=()
echo "1..$n"
exit $bad

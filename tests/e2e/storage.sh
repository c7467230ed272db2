#!/usr/bin/env bash
# Old bodies into archives and back under a node that runs; snapshots; metrics; a small disk that
# fills; memory.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${BUILD:-build}" && pwd)
dir=$(mktemp -d)
export HOME=$dir XDG_DATA_HOME=$dir/data XDG_CONFIG_HOME=$dir XDG_STATE_HOME=$dir/state MKT_TZ=UTC LC_ALL=C
sock=$dir/m/ledgerd.sock
n=0 bad=0 node=

finish() {
	stop
	[ ! -e "$dir/disk.mounted" ] || umount "$dir/disk"
	rm -rf "$dir"
}
verdict() { # condition's status, name
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		tail -n 30 "$dir/log" "$dir/out" 2>/dev/null | sed 's/^/# /'
		bad=1
	fi
}
start() { # settings of ledgerd
	: >"$dir/log"
	"$build/ledgerd" -f "$dir/m/ledgerd.conf" "$@" >>"$dir/log" 2>&1 &
	node=$!
	until_true 200 get /v1/health?facts=1
}
stop() {
	[ -n "$node" ] && kill "$node" 2>/dev/null && wait "$node"
	node=
}
until_true() { # tries of 50 ms, command
	local tries=$1
	shift
	until "$@" >/dev/null 2>&1; do
		[ $((tries -= 1)) -gt 0 ] || return 1
		sleep 0.05
	done
}
get() { curl -s --fail-with-body -m 20 --unix-socket "$sock" "http://mkt$1"; }
status_of() { curl -s -m 20 -o "$dir/out" -w '%{http_code}' --unix-socket "$sock" "http://mkt$1"; }
mkt() { "$build/mkt" --server "unix:$sock" --identity "${who:-$dir/m/operator.key}" "$@"; }
facts() { get '/v1/health?facts=1' | jq -r "$1"; }
clock() { mkt admin clock -q --yes "$1"; }
alarm_told() { grep -qx "$1" "$dir/alarms"; }

trap finish EXIT
"$build/mkt" init -q --no-config --name storage --clock operator --start 2026-11-10T00:00:00Z --listen '' "$dir/m" || exit 2

# ---- bodies leave a node that runs --------------------------------------------------------------
start
for day in 10 11 12 13 14 15 16 17; do
	for i in 1 2 3 4; do
		mkt admin deposit -q --yes --note "$(head -c 180 /dev/urandom | base64 -w0)" operator "$day${i}JPY" || break 2
	done
	clock "2026-11-${day}T12:00:00Z" || break
done >"$dir/out" 2>&1
verdict $? "eight days of blocks"
head=$(facts .height)
clock 2026-11-18T00:00:00Z && mkt admin deposit -q --yes operator 1JPY
stop
before=$("$build/mkt" verify --json "$dir/m" | jq -r '.data | "\(.height) \(.transactions) \(.state)"')

start -o disk.keep_days=3
until_true 200 eval '[ "$(facts .disk.pruned_blocks)" -gt 0 ]'
[ "$(facts .disk.pruned_blocks)" -gt 15 ] && ls "$dir"/m/chain/archive/*.mkta >/dev/null
verdict $? "bodies older than keep_days are moved while the node runs"

[ "$(status_of /v1/blocks/3)" = 410 ] && [ "$(jq -r .error.code "$dir/out")" = pruned ] &&
	grep -q "'0000.*\.mkta'" "$dir/out" && [ "$(status_of /v1/chain?from=1)" = 410 ] &&
	[ "$(status_of /v1/events?from=3)" = 410 ] && [ "$(status_of '/v1/events/page?from=3')" = 410 ] &&
	[ "$(status_of "/v1/blocks/$head")" = 200 ]
verdict $? "a pruned block is gone in words that name its archive; a young one is there"

get '/v1/blocks?from=1&limit=3' | jq -e '[.data[].pruned] == [true,true,true] and .data[2].height == 3' >"$dir/out" &&
	get '/v1/accounts/operator/events?limit=1000' | jq -e '.pruned > 3 and (.data | length) > 0' >"$dir/out"
verdict $? "headers are listed, a story says up to where it ends"

get '/v1/chain?from=1&headers=1' >"$dir/headers" &&
	[ "$(wc -c <"$dir/headers")" -lt $((500 * (head + 10))) ] && [ "$(head -c 8 "$dir/headers" | tail -c 4)" = MKTR ]
verdict $? "the chain of headers is whole"

"$build/ledgerd" prune -f "$dir/m/ledgerd.conf" --keep 1 >"$dir/out" 2>&1
[ $? -eq 7 ] && grep -q "stop the node first" "$dir/out"
verdict $? "prune by hand leaves a node that runs alone: status 7"

# ---- snapshots ------------------------------------------------------------------------------------
until_true 200 get /v1/snapshot
get /v1/snapshot >"$dir/snap"
at=$(od -An -tu8 -j 40 -N 8 "$dir/snap" | tr -d ' ')
half=$(($(wc -c <"$dir/snap") / 2))
{ head -c $half "$dir/snap"; get "/v1/snapshot?offset=$half&height=$at"; } | cmp - "$dir/snap" >"$dir/out" 2>&1 &&
	[ "$(status_of "/v1/snapshot?offset=1&height=$((at + 1))")" = 404 ]
verdict $? "a snapshot is given out, and goes on where a reader stopped"

# ---- metrics --------------------------------------------------------------------------------------
get /metrics >"$dir/out" && awk '
	/^# HELP / { help[$3] = NF > 3; next }
	/^# TYPE / { if (type[$3] || !help[$3]) exit 1; type[$3] = $4; next }
	{
		name = $1; sub(/{.*/, "", name)
		if (name !~ /^mkt_[a-z][a-z0-9_]*$/ || !type[name] || NF != 2) exit 1
		if (type[name] == "counter" != (name ~ /_total$/)) exit 1
		if ($1 ~ /{/ && $1 !~ /{([a-z]+="[^"]*",?)+}$/) exit 1
		if ($2 !~ /^([0-9]+(\.[0-9]+)?|\+Inf)$/ || seen[$1]++) exit 1
		lines++
	}
	END { exit lines < 30 }' "$dir/out"
verdict $? "metrics are in Prometheus' form, each with help and type"

# ---- memory ---------------------------------------------------------------------------------------
read_all() { for _ in $(seq 20); do get '/v1/chain?headers=1' && get '/v1/blocks?limit=1000' && get "/v1/chain?from=$head"; done >/dev/null; }
read_all
was=$(facts .resident_bytes)
for _ in 1 2 3 4 5; do read_all; done
now=$(facts .resident_bytes)
echo "# resident: $was, after six times as many reads $now"
more=4000000
grep -qaE '__[at]san_init' "$build/ledgerd" && more=400000000 # what is given back is kept for a while there
[ "$now" -lt $((was + more)) ]
verdict $? "memory does not grow with the blocks that clients read"

# ---- back again -----------------------------------------------------------------------------------
stop
start && [ "$(get /v1/status | jq -r .data.height)" -ge "$head" ]
verdict $? "the node starts without the old bodies"
"$build/ledgerd" status -f "$dir/m/ledgerd.conf" >"$dir/out" && grep -q '^status *ok' "$dir/out" &&
	grep -q '^role *solo' "$dir/out" && "$build/ledgerd" status --json -f "$dir/m/ledgerd.conf" | jq -e '.alarms == []' >"$dir/out"
verdict $? "status: 0 and ok"
stop
"$build/ledgerd" status -f "$dir/m/ledgerd.conf" >"$dir/out" 2>&1
[ $? -eq 7 ]
verdict $? "status of a node that does not run: 7"
archives=$(for a in "$dir"/m/chain/archive/*.mkta; do printf -- '--archive %s ' "$a"; done)
"$build/mkt" verify "$dir/m" >"$dir/out" 2>&1 && grep -q 'not executed; the bodies of' "$dir/out" &&
	"$build/mkt" verify $archives "$dir/m" >"$dir/out" 2>&1 && grep -q 'as genesis and the rules' "$dir/out"
verdict $? "verify says what was not executed, and executes it with the archives"
"$build/ledgerd" restore -f "$dir/m/ledgerd.conf" "$dir"/m/chain/archive/*.mkta >"$dir/out" 2>&1 &&
	"$build/mkt" verify "$dir/m" >"$dir/out" 2>&1 && grep -q 'as genesis and the rules' "$dir/out"
verdict $? "restored, it is whole"
after=$("$build/mkt" verify --json "$dir/m" | jq -r '.data | "\(.height) \(.transactions) \(.state)"')
[ -n "$before" ] && [ "$after" = "$before" ]
verdict $? "and what it was before"

# ---- a small disk -----------------------------------------------------------------------------------
small_disk() {
	mkdir "$dir/disk" && mount -t tmpfs -o size=48m mkt-test "$dir/disk" 2>/dev/null && : >"$dir/disk.mounted"
}
if [ "$(id -u)" != 0 ] || ! small_disk; then
	n=$((n + 1))
	echo "ok $n - a small disk # SKIP no file system can be mounted here"
	echo "1..$n"
	exit $bad
fi
mv "$dir/m/chain" "$dir/disk/chain"
cat >"$dir/hook" <<'HOOK'
echo "$MKT_ALARM $MKT_ALARM_STATE" >>"$HOME/alarms"
[ -n "$MKT_HEIGHT" ] && [ -n "$MKT_FREE_BYTES" ] && [ -n "$MKT_DIR" ] || echo "facts are missing" >>"$HOME/alarms"
HOOK
: >"$dir/alarms"
start -o "node.dir=$dir/disk/chain" -o disk.alarm_free=30MB -o disk.refuse_free=20MB -o "disk.alarm_command=HOME=$dir; . $dir/hook"
clock 2026-11-18T00:00:30Z
"$build/mkt" key new -q "$dir/a.key" >"$dir/out" 2>&1
a=$("$build/mkt" key show "$dir/a.key" --json | jq -r .data.account)
mkt admin enroll -q house1 "$a" >"$dir/out" 2>&1
mkt admin deposit -q --yes house1 100000JPY >"$dir/out" 2>&1
bid() { who=$dir/a.key mkt bid buy 1kWh --at '2026-11-18 10:30-11:00' --price green=27/kWh --json; }
first=$(bid 2>"$dir/out" | jq -r .data.bid)
second=$(bid 2>"$dir/out" | jq -r .data.bid)
[ -n "$first" ] && [ -n "$second" ] && [ "$second" != null ]
verdict $? "bids are taken"
fill_to() { # bytes that stay free
	local free
	free=$(df -B1 --output=avail "$dir/disk" | tail -1)
	head -c $((free - $1)) /dev/zero >"$dir/disk/filler"
}
fill_to 15000000
until_true 100 alarm_told 'disk-refusing begin'
verdict $? "below the watermark the command is told"
bid >"$dir/out" 2>&1
[ $? -eq 7 ] && grep -q disk-full "$dir/out"
verdict $? "a bid is refused with the code"
who=$dir/a.key mkt cancel -q --yes "$first" >"$dir/out" 2>&1
verdict $? "a cancel passes"
"$build/ledgerd" status -f "$dir/m/ledgerd.conf" >"$dir/out"
[ $? -eq 1 ] && grep -q '^alarm *disk-refusing since' "$dir/out"
verdict $? "status: 1, and the alarm's sentence"
head -c 100000000 /dev/zero >>"$dir/disk/filler" 2>/dev/null # to the last byte
for i in 1 2; do mkt --timeout 1s admin deposit -q --yes operator "${i}JPY" >"$dir/out" 2>&1; done
rm "$dir/disk/filler"
until_true 200 eval '[ "$(facts .status)" = ok ]' && until_true 100 alarm_told 'disk-refusing end' && until_true 100 alarm_told 'disk end'
verdict $? "space back, service back, without a restart; the command is told"
bid >"$dir/out" 2>&1
verdict $? "bids are taken again"
[ "$(sort -u "$dir/alarms" | grep -c 'facts are missing')" = 0 ] && kill -0 "$node"
verdict $? "the command has its facts"
stop
"$build/mkt" verify "$dir/disk/chain" >"$dir/out" 2>&1 && grep -q 'as genesis and the rules' "$dir/out"
verdict $? "nothing is corrupt"
echo "1..$n"
exit $bad

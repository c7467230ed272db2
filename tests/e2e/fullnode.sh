#!/usr/bin/env bash
# Fullnodes: one behind a node that seals, one behind that one; commands against either; kill -9 of
# each; upstreams that lie (liar.c), that are dead.  MKT_LONG=1: 20 rounds of kills.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${BUILD:-build}" && pwd)
dir=$(mktemp -d)
export HOME=$dir XDG_DATA_HOME=$dir/data XDG_CONFIG_HOME=$dir XDG_STATE_HOME=$dir/state MKT_TZ=UTC LC_ALL=C
n=0 bad=0
declare -A pid=() up=()
rounds=2
[ -z "${MKT_LONG:-}" ] || rounds=20

finish() {
	local p
	for p in "${pid[@]}" $(jobs -p); do kill -9 "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$dir"
}
trap finish EXIT
verdict() { # condition's status, name
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		tail -n 8 "$dir"/*.log "$dir/out" 2>/dev/null | sed 's/^/# /'
		bad=1
	fi
}
until_true() { # tries of 50 ms, command
	local tries=$1
	shift
	until "$@" >/dev/null 2>&1; do
		[ $((tries -= 1)) -gt 0 ] || return 1
		sleep 0.05
	done
}
get() { curl -s -m 20 --unix-socket "$dir/$1" "http://mkt$2"; }
fact() { get "$1" "/v1/health?facts=1" | jq -r "$2"; }
height() { get "$1" /v1/status | jq -r '.data.height // empty'; }
digest() { get "$1" /v1/status | jq -r '"\(.data.height) \(.data.digest)"'; }
answers() { [ -n "$(height "$1")" ]; }
same() { local a b; a=$(digest "$1") b=$(digest "$2") && [ -n "$a" ] && [ "$a" = "$b" ]; }
on() { # node, command
	local node=$1
	shift
	"$build/mkt" --server "unix:$dir/$node" --identity "${who:-$dir/m/operator.key}" "$@"
}

# s seals, all others are fullnodes; up[x] is the upstream of x.
start() { # node, more settings
	local x=$1
	shift
	if [ "$x" = s ]; then
		set -- -f "$dir/m/ledgerd.conf" -o "node.socket=$dir/s" "$@"
	else
		set -- -o node.role=fullnode -o "node.dir=$dir/$x.chain" -o "node.socket=$dir/$x" \
			-o node.listen= -o "upstream.urls=${up[$x]}" -o disk.alarm_free=1MB \
			-o disk.refuse_free=1MB "$@"
	fi
	"$build/ledgerd" "$@" >>"$dir/$x.log" 2>&1 &
	pid[$x]=$!
	until_true 400 answers "$x"
}
killed() {
	kill -9 "${pid[$1]}"
	wait "${pid[$1]}" 2>/dev/null
	unset "pid[$1]"
}

"$build/mkt" init -q --no-config --name full --listen '' "$dir/m" || exit 2
cp -R "$dir/m/chain" "$dir/first"
cp -R "$dir/first" "$dir/f8.chain"
up[f8]=unix:$dir/nobody
start f8
start s
account() { # name
	"$build/mkt" key new -q "$1" &&
		on "$2" admin enroll -q "$1" "$("$build/mkt" key show "$1" --json | jq -r .data.account)" &&
		on "$2" admin deposit -q "$1" 100000JPY
}
account a s

# ---- two ways to begin ------------------------------------------------------------------------------
up[f1]=unix:$dir/s up[f2]=unix:$dir/f1
start f1
grep -q 'a snapshot of block' "$dir/f1.log"
verdict $? 'an empty fullnode begins with a snapshot'
start f2 -o upstream.from_genesis=yes -o "upstream.chain=$(get s /v1/status | jq -r .data.chain)"
until_true 200 same s f2 && until_true 200 same s f1 && ! grep -q 'a snapshot of' "$dir/f2.log"
verdict $? 'snapshot and execution from genesis give one digest'
up[f9]=unix:$dir/s
start f9 -o "upstream.chain=$(printf '%064d' 7)" || grep -q "as 'chain' in \[upstream\] says" "$dir/f9.log"
verdict $? 'another chain than the one that is pinned is refused'
[ "$(fact f2 .role)" = fullnode ] && [ "$(fact f2 .upstream.url)" = "unix:$dir/f1" ]
verdict $? 'health tells the role and the upstream'

# ---- commands, through two fullnodes ----------------------------------------------------------------
at=$(date -u -d 'tomorrow' +%Y-%m-%d)
at="$at 10:00-10:30"
account b f2
verdict $? 'an account is enrolled and paid through a fullnode of a fullnode'
export who=a
on f2 bid buy 1kWh --at "$at" --price 20/kWh --json >"$dir/out" 2>&1
bid=$(jq -r .data.bid "$dir/out")
[ "$(on f2 bids --json | jq -r '.data[0].bid')" = "$bid" ]
verdict $? 'a bid is read from the node that took it, at once'
who=b on f1 bid sell 1kWh --at "$at" --price 20/kWh -q && [ "$(on f1 contracts --json | jq '.data | length')" = 1 ]
verdict $? 'it matches one of another fullnode'
on f2 bid buy 1kWh --at "$at" --price 10/kWh --json >"$dir/out" 2>&1 &&
	on f2 cancel -q "$(jq -r .data.bid "$dir/out")"
verdict $? 'a cancel'
on f2 bid buy 9000kWh --at "$at" --price 190/kWh >"$dir/out" 2>&1
[ $? -eq 3 ] && grep -q 'not enough available' "$dir/out"
verdict $? 'a refusal of the authority comes with its code and sentence'
on f2 bid buy 1kWh --at "$at" --price 9/kWh --request-id 00000000000000000000000000000001 -q &&
	on f1 bid buy 1kWh --at "$at" --price 9/kWh --request-id 00000000000000000000000000000001 --json >"$dir/out" 2>&1
[ "$(on s bids --json | jq '[.data[] | select(.state == "open")] | length')" = 1 ]
verdict $? 'the same envelope through two fullnodes is executed once'

# ---- kill -9 of each -------------------------------------------------------------------------------
load() { # bids of 1 Wh until told to end; those that were answered are counted
	local i=0
	while [ ! -e "$dir/enough" ]; do
		i=$((i + 1))
		on f2 --timeout 30s bid buy 1Wh --at "$at" --price "1.$((i % 90 + 10))/kWh" --json 2>>"$dir/load.log" |
			jq -r .data.bid >>"$dir/bids"
	done
}
load &
loader=$!
for i in $(seq "$rounds"); do
	for x in f1 f2 s; do
		sleep "0.$((RANDOM % 3 + 1))"
		killed "$x"
		start "$x" || verdict 1 "$x starts again"
	done
done
touch "$dir/enough"
wait $loader
until_true 400 same s f2 && until_true 200 same s f1
verdict $? "$((3 * rounds)) nodes killed under load: all have one digest"
sort -n "$dir/bids" | grep -x '[0-9]*' >"$dir/sorted"
[ -s "$dir/sorted" ] && [ -z "$(uniq -d "$dir/sorted")" ] &&
	tail -n 40 "$dir/sorted" | while read -r id; do
		get f1 "/v1/bids/$id" | jq -e .data >/dev/null || exit 1
	done
verdict $? 'what was answered is on the chain, once'

# ---- upstreams that lie ----------------------------------------------------------------------------
block=$(get s "/v1/blocks?from=3&limit=20" | jq '[.data[] | select(.txs > 0)][0].height')
lie() { # what, what must be told, other upstreams
	"$build/tests/e2e/liar" "$dir/m/chain" "$dir/m/authority.key" "$dir/u-$1" "$block" "$1" 2>"$dir/liar-$1.log" &
	pid[liar-$1]=$!
	until_true 100 test -S "$dir/u-$1"
	cp -R "$dir/first" "$dir/l$1.chain"
	up[l$1]="unix:$dir/u-$1${3:+ $3}"
	start "l$1" && until_true 200 grep -q "block $block.*$2" "$dir/l$1.log" && grep -q "'unix:$dir/u-$1'" "$dir/l$1.log"
}
stands() { # what: its node stands before the block, tells it, and is read
	[ "$(height "l$1")" = $((block - 1)) ] && [ "$(fact "l$1" .status)" = ingest ] &&
		fact "l$1" '.alarms[].text' | grep -q "block $block" &&
		get "l$1" /v1/accounts | jq -e '.data | length > 0' >/dev/null
}
lie tx 'its signature is wrong' && until_true 100 stands tx && [ "$(fact ltx .upstream.halted)" = true ]
verdict $? 'a block with a wrong transaction is refused and named'
lie state 'executing it gives another state' && until_true 100 stands state && [ "$(fact lstate .upstream.halted)" = true ]
verdict $? 'one with a wrong digest'
lie prev 'the block before is not the one it names' && until_true 100 stands prev
verdict $? 'one of another chain of blocks'
lie body 'not those of its root' && until_true 100 stands body && [ "$(fact lbody .upstream.halted)" = false ]
verdict $? 'one with another body: its upstream is not believed'
lie votes 'the signature of an authority is wrong' "unix:$dir/f1" && until_true 200 same lvotes f1 &&
	until_true 100 eval '[ "$(fact lvotes ".alarms | length")" = 0 ]'
verdict $? 'one with a wrong certificate: the next upstream is asked'
killed lstate
start lstate && until_true 100 stands state
verdict $? 'it stands there after a restart, too'

# ---- no upstream -----------------------------------------------------------------------------------
killed s
get f1 /v1/accounts | jq -e '.data | length > 0' >/dev/null
verdict $? 'reads go on without the upstream'
on f1 --timeout 6s bid buy 1Wh --at "$at" --price 1/kWh >"$dir/out" 2>&1
[ $? -eq 7 ]
verdict $? 'a bid is refused, and surely was not applied'
until_true 340 eval '[ "$(fact f8 .status)" = stale ]' && [ "$(fact f8 .upstream.heard_ms)" -ge 15000 ]
verdict $? 'a node that hears of nobody tells that it is stale, and since when'

echo "1..$n"
exit $bad

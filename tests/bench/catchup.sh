#!/usr/bin/env bash
# How fast a fullnode that is behind catches up (fetch, check, execute, append, index), against
# `mkt verify` of the same chain on the same machine; its memory; and what a client that asks for
# every block at once costs the node that serves it.
#
#   BLOCKS=200000 BIDS=4
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
BLOCKS=${BLOCKS:-200000}
BIDS=${BIDS:-4}
dir=$(mktemp -d)
up='' full=''
trap 'kill -9 $up $full 2>/dev/null || :; wait 2>/dev/null; rm -rf "$dir"' EXIT

now_ms() { date +%s%3N; }
rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
peak_kb() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }
height() { curl -sf --unix-socket "$1" http://x/v1/status | jq .data.height; }
until_up() { # socket, process, log
	until [ -n "$(height "$1")" ]; do
		kill -0 "$2" 2>/dev/null || { cat "$3"; exit 1; }
		sleep 0.02
	done
}

TMPDIR=$dir "$BUILD/bench-blocks" --blocks "$BLOCKS" --bids "$BIDS" >"$dir/made"
head -n 1 "$dir/made"
made=$(tail -n 1 "$dir/made")
begun=$(now_ms)
TIMEFORMAT='%U %S'
verify_cpu=$({ time "$BUILD/mkt" -q verify "$made/chain" >/dev/null; } 2>&1 | awk '{ print $1 + $2 }')
verify=$(($(now_ms) - begun))

"$BUILD/ledgerd" -f "$made/ledgerd.conf" 2>"$dir/up.log" &
up=$!
until_up "$made/s" $up "$dir/up.log"
last=$(height "$made/s")

before=$(rss_kb $up)
curl -sf --unix-socket "$made/s" -o "$dir/bytes" 'http://x/v1/chain?from=0'
after=$(peak_kb $up)
bytes=$(stat -c %s "$dir/bytes")
rm "$dir/bytes"

begun=$(now_ms)
"$BUILD/ledgerd" -o node.role=fullnode -o "node.dir=$dir/full" -o "node.socket=$dir/f" -o node.listen= \
	-o "upstream.urls=unix:$made/s" -o upstream.from_genesis=yes 2>"$dir/full.log" &
full=$!
until_up "$dir/f" $full "$dir/full.log"
until [ "$(height "$dir/f")" -ge "$last" ]; do sleep 0.1; done
catchup=$(($(now_ms) - begun))
catchup_cpu=$(awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$full/stat")
awk -v v="$verify" -v c="$catchup" -v n="$last" -v vc="$verify_cpu" -v cc="$catchup_cpu" 'BEGIN {
	printf "mkt verify      %8.1f s  %8.0f blocks/s  %6.1f s of processor\n", v / 1000, n * 1000 / v, vc
	printf "fullnode        %8.1f s  %8.0f blocks/s  %6.1f s of processor\n", c / 1000, n * 1000 / c, cc
	printf "speed           %8.2f of verify (mark 0.80); by processor time %.2f\n", v / c, vc / cc }'
echo "its memory      $(($(peak_kb $full) / 1024)) MB at most; the upstream's $(($(rss_kb $up) / 1024)) MB"
echo "every block     $((bytes / 1000000)) MB asked for at once cost the node $(((after - before) / 1024)) MB (mark 16)"

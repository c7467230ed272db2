#!/usr/bin/env bash
# How long `mkt book` takes from start to end against curl that fetches the same
# answer from the same unix socket: medians of runs in turn.
#
#   RUNS=50
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
RUNS=${RUNS:-50}
dir=$(mktemp -d)
node=
trap 'kill $node 2>/dev/null || :; wait; rm -rf "$dir"' EXIT

TMPDIR=$dir "$BUILD/bench-blocks" --blocks 2000 --bids 4 >"$dir/made"
made=$(tail -n 1 "$dir/made")
"$BUILD/ledgerd" -f "$made/ledgerd.conf" 2>"$dir/log" &
node=$!
until curl -sf --unix-socket "$made/s" -o "$dir/market" http://x/v1/market; do
	kill -0 $node 2>/dev/null || { cat "$dir/log"; exit 1; }
	sleep 0.05
done

export HOME=$dir MKT_SERVER=unix:$made/s
unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME MKT_IDENTITY MKT_ACCOUNT
window=$(jq '(.data.now_ms / 1000 / .data.window_s | floor + 4) * .data.window_s' "$dir/market")
at=$(date -u -d "@$window" +%Y-%m-%dT%H:%MZ)/$(date -u -d "@$((window + 1800))" +%Y-%m-%dT%H:%MZ)
url="http://x/v1/books?from=$window&count=1&levels=10"
curl -sf --unix-socket "$made/s" "$url" >"$dir/books"
"$BUILD/mkt" book --at "$at" >"$dir/shown"
echo "mkt book against curl of the same answer ($(wc -c <"$dir/books") bytes), medians of $RUNS runs in turn"
"$BUILD/bench-turns" "$RUNS" "curl -s --unix-socket $made/s $url" "$BUILD/mkt book --at $at" \
	"$BUILD/mkt book --json --at $at" "$BUILD/mkt --version" >"$dir/us"
{ read -r curl; read -r book; read -r json; read -r version; } <"$dir/us"
row() { # name, us
	awk -v n="$1" -v us="$2" -v c="$curl" -v mark="$3" \
		'BEGIN { printf "%-18s %8.2f ms   ratio %5.2f  %s\n", n, us / 1000, us / c, mark }'
}
row curl "$curl" ''
row 'mkt book' "$book" '(mark 1.50)'
row 'mkt book --json' "$json" '(mark 1.50)'
row 'mkt --version' "$version" ''

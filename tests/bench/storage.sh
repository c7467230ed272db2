#!/bin/sh
# Old bodies to archives and back, and a snapshot, of a chain with some hundred thousand contracts.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
made=$("$build/bench-blocks" --blocks "${BLOCKS:-12000}" --bids "${BIDS:-50}" --accounts 1000 | tail -1)
trap 'rm -rf "$made"' EXIT
conf=$made/ledgerd.conf
size() { du -sm "$1" | cut -f1; }

echo "chain: $(size "$made/chain/blocks") MB of blocks, $(size "$made/chain/db") MB of store"
"$build/ledgerd" -f "$conf" >"$made/log" 2>&1 &
node=$!
sock=$(sed -n 's/^socket *= *//p' "$conf")
get() { curl -s --fail --unix-socket "$sock" "http://mkt$1"; }
until get /v1/health?facts=1 >/dev/null; do sleep 0.1; done
get /metrics | sed -n 's/^mkt_\(contracts_total\|transactions_total\) /\1 /p'
get /metrics | sed -n 's/^mkt_resident_memory_bytes /resident: /p'
for i in 1 2 3; do get '/v1/chain?from=0' >/dev/null; done
get /metrics | sed -n 's/^mkt_resident_memory_bytes /after reading all blocks three times: /p'
until get /v1/snapshot >/dev/null; do sleep 0.2; done
sed -n 's/.*\(snapshot of block.*\)/\1/p' "$made/log"
# All contracts settled and forgotten: their bodies may go.
for day in 20 40; do
	"$build/mkt" --server "unix:$sock" --identity "$made/authority.key" admin clock -q --yes \
		"$(date -u -d "@$((1767193200 + day * 86400))" +%Y-%m-%dT%H:%M:%SZ)"
done
kill "$node"
wait "$node"
"$build/ledgerd" prune -f "$conf" --before 1000000
echo "blocks now: $(size "$made/chain/blocks") MB"
"$build/ledgerd" restore -f "$conf" "$made"/chain/archive/*

#!/usr/bin/env bash
# Requests a second of /v1/market against /v1/health, the least that the same
# server can answer, in turn and over the same number of connections; and whether
# each of many connections that are ready at the same time is served.
#
#   ROUNDS=2   of a second for each
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
ROUNDS=${ROUNDS:-2}
if ! command -v wrk >/dev/null; then
	sudo=
	[ "$(id -u)" -eq 0 ] || sudo=sudo
	$sudo apt-get update -qq
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends wrk >/dev/null
fi
dir=$(mktemp -d)
node=
trap 'kill $node 2>/dev/null || :; wait; rm -rf "$dir"' EXIT

TMPDIR=$dir "$BUILD/bench-blocks" --blocks 2000 --bids 4 >"$dir/made"
made=$(tail -n 1 "$dir/made")
start() { # port
	"$BUILD/ledgerd" -f "$made/ledgerd.conf" -o "node.listen=127.0.0.1:$1" 2>"$dir/log" &
	node=$!
	until curl -sf --unix-socket "$made/s" -o "$dir/health" http://x/v1/health; do
		kill -0 $node 2>/dev/null || return 1
		sleep 0.05
	done
}
for port in $(shuf -i 20000-60000 -n 8); do
	start "$port" && break
	node=
done
[ -n "$node" ] || { cat "$dir/log" >&2; exit 1; }

# Requests a second, longest answer in ms, failures.
load() { # path, connections
	wrk -t 2 -c "$2" -d 1s --timeout 1s "http://127.0.0.1:$port$1" >"$dir/wrk"
	awk '
		function ms(t) {
			if (t ~ /us$/) return t * 0.001
			if (t ~ /ms$/) return t + 0
			return t ~ /m$/ ? t * 60000 : t * 1000
		}
		$1 == "Latency" { most = ms($4) }
		$1 == "Requests/sec:" { rate = $2 }
		/Socket errors/ { gsub(/[^0-9 ]/, ""); for (i = 1; i <= NF; i++) bad += $i }
		/Non-2xx/ { bad += $NF }
		END { printf "%d %d %d\n", rate, most, bad }' "$dir/wrk"
}

echo "the same server, /v1/market against /v1/health; wrk on the same cores"
printf '%11s %10s %10s %6s %12s %8s\n' connections health/s market/s ratio longest/ms failed
for c in 16 128 256 512; do
	for _ in $(seq "$ROUNDS"); do
		echo "health $(load /v1/health "$c")"
		echo "market $(load /v1/market "$c")"
	done >"$dir/rounds"
	awk -v c="$c" -v n="$ROUNDS" '
		{ rate[$1] += $2 / n; bad += $4 + ($2 == 0) }
		$3 > most { most = $3 }
		END {
			printf "%11d %10d %10d %6.2f %12d %8d\n", c, rate["health"],
				rate["market"], rate["market"] / rate["health"], most, bad
			if (bad) {
				print "http: not all connections were served" >"/dev/stderr"
				exit 1
			}
		}' "$dir/rounds"
done

echo "one request on each connection of the unix socket before any answer is read, 200 rounds"
printf '%11s %10s %16s\n' connections market/s longest-round/ms
for c in 16 128 256 512 1000; do
	"$BUILD/bench-conns" "$made/s" /v1/market $c 200 >"$dir/conns" || { cat "$dir/conns"; exit 1; }
	read -r rate most <"$dir/conns"
	printf '%11d %10d %16d\n' $c "$rate" "$most"
done

#!/usr/bin/env bash
# Memory of ledgerd while a long chain is read from its beginning: by 8 clients
# as stored blocks, by 8 as events, and by a slow one beside them.
#
#   BLOCKS=200000 CLIENTS=8   how long, how many
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
BLOCKS=${BLOCKS:-200000}
CLIENTS=${CLIENTS:-8}
MARK_KB=16384
dir=$(mktemp -d)
node=
trap 'kill $node 2>/dev/null || :; wait; rm -rf "$dir"' EXIT

field() { awk -v n="$1:" '$1 == n { print $2 }' "/proc/$node/status"; }
get() { curl -sS --fail --unix-socket "$sock" "$@"; }

# One line of resident and anonymous kB, every 20 ms until killed.
sample() {
	while echo "$(field VmRSS) $(field RssAnon)"; do
		sleep 0.02
	done 2>/dev/null
}

read_chain() { # number of the reader
	get -o "$dir/null.$1" -w '%{size_download}\n' 'http://x/v1/chain?from=0' >"$dir/read.$1"
}

# To the last block that there is; the stream itself has no end.
read_events() {
	local curl
	exec 3< <(exec curl -sSN --unix-socket "$sock" 'http://x/v1/events?from=0')
	curl=$!
	grep -a -b -m 1 "^id: $BLOCKS\$" <&3 | cut -d: -f1 >"$dir/read.$1"
	exec 3<&-
	kill $curl 2>/dev/null || :
}

# Reads on at 1 MB/s for as long as the others need.
read_slowly() { exec curl -sS --limit-rate 1M --unix-socket "$sock" -o /dev/null "http://x$1" 2>/dev/null; }

measure() { # name, reader, path of the slow reader or nothing
	local readers=() slow='' watch start end failed=0
	rm -f "$dir"/read.*
	before=$(field VmRSS)
	before_anon=$(field RssAnon)
	sample >"$dir/samples" &
	watch=$!
	start=$(date +%s%N)
	if [ -n "$3" ]; then
		read_slowly "$3" &
		slow=$!
	fi
	for i in $(seq "$CLIENTS"); do
		"$2" "$i" &
		readers+=($!)
	done
	for p in "${readers[@]}"; do wait "$p" || failed=1; done
	end=$(date +%s%N)
	kill "$watch" $slow 2>/dev/null || :
	wait "$watch" $slow 2>/dev/null || :
	if [ $failed = 1 ] || [ "$(cat "$dir"/read.* | sort -u | wc -l)" != 1 ]; then
		echo "$1: the clients did not all read the same" >&2
		exit 1
	fi
	awk -v name="$1" -v a="$before" -v b="$before_anon" -v ms=$(((end - start) / 1000000)) \
		-v bytes="$(cat "$dir/read.1")" -v mark=$MARK_KB '
		$1 > rss { rss = $1 }
		$2 > anon { anon = $2 }
		END {
			grown = rss - a
			printf "%-26s %7.1f %8.1f %9.1f %9.1f %8.1f %8.1f %8.1f  %s\n", name,
				bytes / 1e6, ms / 1e3, a / 1024, rss / 1024, grown / 1024, b / 1024,
				anon / 1024, grown <= mark ? "within 16" : "OVER 16"
		}' "$dir/samples"
}

TMPDIR=$dir "$BUILD/bench-blocks" --blocks "$BLOCKS" >"$dir/made"
sed -n '1s/# //p' "$dir/made"
made=$(tail -n 1 "$dir/made")
sock=$made/s
"$BUILD/ledgerd" -f "$made/ledgerd.conf" 2>"$dir/log" &
node=$!
until get -o "$dir/health" http://x/v1/health 2>/dev/null; do
	kill -0 $node || { cat "$dir/log"; exit 1; }
	sleep 0.05
done
printf '%-26s %7s %8s %9s %9s %8s %8s %8s  %s\n' "$CLIENTS clients read" MB/each s rss/MB peak/MB \
	grown anon/MB peak mark
measure "blocks" read_chain ''
measure "events" read_events ''
measure "blocks, and a slow one" read_chain '/v1/chain?from=0'
measure "events, and a slow one" read_events '/v1/events?from=0'

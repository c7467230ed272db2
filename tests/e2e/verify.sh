#!/usr/bin/env bash
# mkt verify on real chains: good ones pass and give the maker's digest, damage is named, nothing is written.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${BUILD:-build}" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export HOME=$dir XDG_DATA_HOME=$dir/data XDG_CONFIG_HOME=$dir XDG_STATE_HOME=$dir MKT_TZ=UTC LC_ALL=C
n=0
bad=0

verdict() { # condition's status, name
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$dir/out" "$dir/err"
		bad=1
	fi
}
verify() { # arguments of mkt verify; $status
	"$build/mkt" verify "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
sums() { find "$1" -type f -exec sha256sum {} + | sort; }
flip() { # file, offset: one bit
	local byte
	byte=$(od -An -tu1 -j "$2" -N1 "$1")
	printf "\\x$(printf '%02x' $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
size() { stat -c %s "$1"; }

made=$("$build/tests/e2e/mkchain" "$dir/good" 150 20)
read -r height txs digest <<<"$made"
before=$(sums "$dir/good")

verify "$dir/good"
[ $status -eq 0 ] && [ ! -s "$dir/err" ] && [ "$(cat "$dir/out")" = "$((height + 1)) blocks, $txs transactions: \
all as genesis and the rules make them
state $digest" ]
verdict $? "a good chain passes with the digest of its maker"

verify --json "$dir/good"
[ $status -eq 0 ] && [ "$(jq -c '.schema, .data.height, .data.blocks, .data.transactions, .data.state, .data.light' "$dir/out" |
	tr '\n' ' ')" = "\"mkt.verify/1\" $height $((height + 1)) $txs \"$digest\" false " ]
verdict $? "the same for programs"

verify -q "$dir/good"
[ $status -eq 0 ] && [ ! -s "$dir/out" ] && [ ! -s "$dir/err" ]
verdict $? "quiet is quiet"

verify --light "$dir/good"
[ $status -eq 0 ] && grep -q "not executed" "$dir/out" && grep -q "$digest" "$dir/out"
verdict $? "light looks at all blocks"

verify --block "$height" "$dir/good" && [ $status -eq 0 ] && verify --block 0 "$dir/good" && [ $status -eq 0 ]
verdict $? "one block"

verify --block $((height + 1)) "$dir/good"
[ $status -eq 5 ]
verdict $? "a block that is not there"

[ "$(sums "$dir/good")" = "$before" ]
verdict $? "nothing was written"

mkdir -p "$dir/data/mkt/market" && cp -r "$dir/good" "$dir/data/mkt/market/chain"
verify
[ $status -eq 0 ] && verify "$dir/data/mkt/market" && [ $status -eq 0 ]
verdict $? "the usual place, and what mkt init makes"

exec 9>>"$dir/good/lock"
flock -x 9
verify "$dir/good"
[ $status -eq 0 ]
verdict $? "a node may have the chain"
exec 9>&-

rm "$dir/good/blocks/index"
verify "$dir/good"
[ $status -eq 0 ] && [ ! -e "$dir/good/blocks/index" ] && grep -q "$digest" "$dir/out"
verdict $? "a lost index is done without"

verify "$dir/none"
[ $status -eq 5 ] && [ "$(head -n 1 "$dir/err")" = "mkt: there is no chain in '$dir/none'" ]
verdict $? "no chain"

verify "$dir/good" "$dir/good"
[ $status -eq 2 ]
verdict $? "one chain at a time"

named=0
for at in 40 100 1000 5000 $(($(size "$dir/good/blocks/000002.seg") / 2)); do
	rm -rf "$dir/bad" && cp -r "$dir/data/mkt/market/chain" "$dir/bad"
	flip "$dir/bad/blocks/000002.seg" "$at"
	verify "$dir/bad"
	[ $status -eq 11 ] && grep -q "000002.seg" "$dir/err" && grep -q "block" "$dir/err" && named=$((named + 1))
	verify --light "$dir/bad"
	[ $status -eq 11 ] && named=$((named + 1))
done
[ $named -eq 10 ]
verdict $? "a flipped bit is named with file and block"

rm -rf "$dir/bad" && "$build/tests/e2e/mkchain" "$dir/bad" 900 25 850 444 600 >/dev/null
verify "$dir/bad"
[ $status -eq 11 ] && grep -qE "^mkt: block 444, transaction [0-9]+: its signature is wrong" "$dir/err" &&
	[ ! -s "$dir/out" ]
verdict $? "the first of several forged transactions is named"

verify --json "$dir/bad"
[ $status -eq 11 ] && [ "$(jq -r .error.code "$dir/err")" = integrity ]
verdict $? "the same for programs"

rm -rf "$dir/bad" && cp -r "$dir/data/mkt/market/chain" "$dir/bad" && flip "$dir/bad/genesis" 90
verify "$dir/bad"
[ $status -ne 0 ]
verdict $? "another genesis is another chain"

rm -rf "$dir/bad" && cp -r "$dir/data/mkt/market/chain" "$dir/bad" && rm "$dir/bad/blocks/000001.seg"
verify "$dir/bad"
[ $status -eq 11 ] && grep -q "000001.seg' is missing" "$dir/err"
verdict $? "a missing file is named"

echo "1..$n"
exit $bad

#!/usr/bin/env bash
# The dashboard's panes Nodes and Blocks at a fullnode of three authorities: the set, the upstream; a block and
# a transaction proved by the signatures of a quorum.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/cluster.bash
command -v etcd >/dev/null || { echo "1..0 # SKIP etcd is not here"; exit 77; }
dir=$(mktemp -d)
export HOME=$dir XDG_STATE_HOME=$dir/state MKT_TZ=UTC LC_ALL=C
n=0 bad=0
trap 'cluster_down; rm -rf "$dir"' EXIT
verdict() { # condition's status, name
	n=$((n + 1))
	[ "$1" -eq 0 ] && echo "ok $n - $2" && return
	echo "not ok $n - $2"
	sed 's/^/# /' "$dir/out"
	bad=1
}
dash() { # server, lines of a script
	local server=$1
	shift
	printf '%s\n' "$@" >"$dir/script"
	"$cluster_build/mkt" --config "$cluster_config" --server "unix:${cluster_socket[$server]}" dash --script "$dir/script" \
		>"$dir/out" 2>&1
}

cluster_up "$dir/c" 3 1 1 --name nodes || { verdict 1 'a cluster comes up'; echo "1..$n"; exit 1; }
"$cluster_build/mkt" --config "$cluster_config" key new -q "$dir/oak" >"$dir/out" 2>&1 &&
	"$cluster_build/mkt" --config "$cluster_config" admin enroll -q oak "$("$cluster_build/mkt" key show "$dir/oak" --json |
		jq -r .data.account)" >>"$dir/out" 2>&1
verdict $? 'an account is enrolled through the fullnode'
dash f1 'wait LIVE' 'key 8' 'wait 3 authorities, 2 must sign (majority)' 'wait upstream' 'wait heard' screen
verdict $? 'a fullnode tells the set and its upstream'
grep -qE 'this node +(follows|behind)' "$dir/out" && grep -q '^fullnode, mkt ' "$dir/out"
verdict $? 'and that it follows'
# Up from block 0 to the first that has a transaction: there may be empty ones before it.
height=$(cluster_get f1 '/v1/blocks?from=1&limit=50' | jq '[.data[] | select(.txs > 0)][0].height')
mapfile -t up < <(yes 'key Up' | head -n "$height")
dash f1 'wait LIVE' 'key 5' 'wait genesis' 'key End' 'wait >0 ' "${up[@]}" "wait >$height " 'key p' 'wait PROVED: block' 'wait : proved' \
	'key Esc' 'key Enter' 'wait signed by' 'key p' 'wait PROVED: transaction' screen
verdict $? 'a block and its transaction are proved from the fullnode'
grep -q 'of 3 authorities, 2 needed: a' "$dir/out" && ! grep -q 'NOT PROVED' "$dir/out"
verdict $? 'by signatures of the authorities'

echo "1..$n"
exit $bad

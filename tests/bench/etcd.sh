#!/usr/bin/env bash
# Transactions of 1 KB with three etcd members over TLS: by the client of core/wire, and bare.
# COUNT=300 a round, five rounds of each in turns.
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
command -v etcd >/dev/null || { echo "etcd is not installed"; exit 0; }
. tests/e2e/etcd.bash
dir=$(mktemp -d)
trap 'etcd_down; rm -rf "$dir"' EXIT
etcd_up "$dir/e" 3
leader=$(etcd_leader)
follower=$((leader % 3 + 1))
echo "at the leader:"
"$BUILD/bench-etcd" "$dir/e" "${etcd_url[leader]}" "${COUNT:-300}"
echo "at a follower:"
"$BUILD/bench-etcd" "$dir/e" "${etcd_url[follower]}" "${COUNT:-300}"

#!/usr/bin/env bash
# A block of 300 KB with three authorities and three members of etcd on this machine, TLS for all.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/cluster.bash
dir=$(mktemp -d)
trap cluster_down EXIT
export HOME=$dir LC_ALL=C
cluster_start() { # as in cluster.bash, and says how long each block took
	case $1 in
	e*) etcd_start "${1#e}" ;;
	*)
		cluster_run "$1" "$cluster_build/ledgerd" -v -f "$cluster_dir/$1/conf" >>"$cluster_dir/$1.log" 2>&1 </dev/null &
		cluster_pid[$1]=$!
		;;
	esac
}
cluster_up "$dir" 3 3 0 --interval 50ms >"$dir/up" 2>&1 || { cat "$dir/up"; exit 1; }
until l=$(cluster_leader) && [ "$(cluster_status "$l" .data.node.leads)" = true ]; do sleep 0.1; done
"$cluster_build/tests/e2e/cluster_load" enroll "${cluster_chain[a1]}" "$cluster_operator" \
	"unix:${cluster_socket[$l]}" >/dev/null || exit 1
for kb in 3 50 300; do
	lines=$(wc -l <"$dir/$l.log")
	echo "commit of $kb KB, 3 authorities, 3 etcd, TLS: $("$cluster_build/bench-commit" \
		"${cluster_chain[a1]}" "unix:${cluster_socket[$l]}" 200 $((kb * 1000)))," \
		"block $(cluster_get "$l" "/v1/blocks?down=1&limit=1" | jq -r '.data[0].bytes') bytes"
	tail -n "+$lines" "$dir/$l.log" | sed -nE 's/.*final after ([0-9]+) ms/\1/p' | sort -n |
		awk '{ v[NR] = $1 } END { print "  of it from sealed by the leader to final: p50_ms", v[int(NR / 2) + 1], "p99_ms", v[int(NR * 0.99)] }'
done

#!/usr/bin/env bash
# Three authorities on three members of etcd: certificates, death of the leader, loss of all power,
# leaders that do wrong, an engine that was rolled back.  MKT_LONG=1: more deaths.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/cluster.bash
dir=$(mktemp -d)
trap cluster_down EXIT
export HOME=$dir LC_ALL=C
load=$cluster_build/tests/e2e/cluster_load
n=0 bad=0

verdict() { # condition's status, name
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		bad=1
		for x in a1 a2 a3; do tail -n 8 "$dir/$x.log" | sed "s/^/# $x: /"; done
	fi
}

# As in cluster.bash, but one authority may be a faulty one.
faulty= fault=
cluster_start() {
	local program=$cluster_build/ledgerd
	case $1 in
	e*) etcd_start "${1#e}" ;;
	*)
		[ "$1" != "$faulty" ] || program=$cluster_build/tests/faulty/run
		MKT_TEST_FAULT=$fault cluster_run "$1" "$program" -f "$cluster_dir/$1/conf" \
			>>"$cluster_dir/$1.log" 2>&1 </dev/null &
		cluster_pid[$1]=$!
		;;
	esac
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }
others() { local x; for x in a1 a2 a3; do [ "$x" = "$1" ] || echo "$x"; done; }
until_() { # seconds, command: until it is true
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
above() { local h; h=$(cluster_height "$1") && [ "${h:-0}" -gt "$2" ]; }
leads() { [ "$(cluster_status "$1" .data.node.leader)" = "$1" ] && cluster_status "$1" .data.node.leads | grep -q true; }
somebody_leads() { local x; for x in a1 a2 a3; do [ -z "${cluster_pid[$x]}" ] || ! leads "$x" || return 0; done; return 1; }
leader() { local x; for x in a1 a2 a3; do [ -z "${cluster_pid[$x]}" ] || ! leads "$x" || echo "$x"; done | head -n 1; }
same() { [ "$(for x; do cluster_digest "$x"; done | sort -u | wc -l)" -eq 1 ]; }
end_one() { # name: as an operator does
	kill "${cluster_pid[$1]}"
	wait "${cluster_pid[$1]}"
	cluster_pid[$1]=
}
loads=0
load_begin() { # each with request ids of its own
	loads=$((loads + 1))
	"$load" run "${cluster_chain[a1]}" "$dir/acks" "$loads" "${servers[@]}" >>"$dir/load" &
	load_pid=$!
}
load_end() {
	kill "$load_pid" 2>/dev/null
	wait "$load_pid" || { tail -n 3 "$dir/load"; return 1; }
}

cluster_up "$dir" 3 3 0 --interval 250ms >"$dir/up" 2>&1 || { cat "$dir/up"; echo "Bail out! no cluster"; exit 1; }
servers=()
for x in a1 a2 a3; do servers+=("unix:${cluster_socket[$x]}"); done
until_ 20 somebody_leads
l=$(leader)
"$load" enroll "${cluster_chain[a1]}" "$cluster_operator" "unix:${cluster_socket[$l]}" >"$dir/load" &&
	until_ 10 same a1 a2 a3
verdict $? "three authorities seal one chain"

served() { cluster_get a1 "$1" | jq -e 'has("data")' >/dev/null; }
served /v1/peer && served /v1/status && ! served /v1/market && ! served /v1/accounts && ! served /v1/books
verdict $? "an authority serves nodes, and no users"
picture=$("$cluster_build/mkt" --server "${servers[0]}" dash --once 2>&1)
[[ $picture == *"an authority does not serve '/v1/market'"* ]]
verdict $? "who asks one for the market is told so, by the dashboard too"

load_begin
rounds=1
[ -z "${MKT_LONG:-}" ] || rounds=8
for round in $(seq $rounds); do
	l=$(leader)
	h=$(cluster_height "$l")
	until_ 10 above "$l" "$h"
	cluster_kill "$l"
	t=$(now_ms)
	o=$(others "$l" | head -n 1)
	h=$(cluster_height "$o")
	until_ 20 above "$o" "$((h + 1))"
	t=$(($(now_ms) - t))
	echo "# round $round: sealing went on $t ms after the death of the leader"
	[ $t -lt 10000 ]
	verdict $? "another seals within 10 s of the leader's death"
	cluster_start "$l"
	cluster_ready "$l"
done

for x in a1 a2 a3 e1 e2 e3; do cluster_kill "$x"; done
cp -R "$dir/etcd" "$dir/etcd-old"
for x in e1 e2 e3 a1 a2 a3; do cluster_start "$x"; done
cluster_ready a1 a2 a3 && until_ 20 somebody_leads && h=$(cluster_height a1) && until_ 20 above a1 $((h + 2))
verdict $? "after the loss of all power it goes on"
load_end
verdict $? "everything that was sent was answered"

# ---- leaders that do wrong ----

begin_faulty() { # what it does: a1 does it, and leads
	local i l
	fault=$1 faulty=a1
	cluster_kill a1
	cluster_start a1
	cluster_ready a1 || return 1
	for i in 1 2 3 4 5 6; do
		until_ 20 somebody_leads || return 1
		l=$(leader)
		[ "$l" != a1 ] || return 0
		end_one "$l" # hands over to the next
		cluster_start "$l"
		cluster_ready "$l"
	done
	return 1
}

twice_proved() {
	cluster_get a2 /v1/evidence >"$dir/e2"
	cluster_get a3 /v1/evidence >"$dir/e3"
	jq -e '.data[] | select(.kind == "twice" and .name == "a1")' "$dir/e2" "$dir/e3" >"$dir/proof"
}

for f in match withhold twice; do
	begin_faulty $f
	verdict $? "a leader is made to do wrong: $f"
	h=$(cluster_height a2)
	t=$(now_ms)
	load_begin
	until_ 20 above a2 "$h"
	r=$?
	t=$(($(now_ms) - t))
	echo "# $f: sealing went on after $t ms"
	[ $r -eq 0 ] && [ $t -lt 10000 ] && [ "$(leader)" != a1 ]
	verdict $? "it gets no certificate and another takes over: $f"
	load_end
	verdict $? "nothing is lost: $f"
	[ $f != twice ] || {
		until_ 20 twice_proved
		verdict $? "who signs twice is proved to have done so"
	}
done
fault= faulty=
end_one a1
cluster_start a1
cluster_ready a1
until_ 20 same a1 a2 a3
verdict $? "all have the same state in the end"

# ---- the record ----

cluster_stop >"$dir/stop"
verdict $? "all stop cleanly"
"$load" check "$dir/acks" "${cluster_chain[a1]}" "${cluster_chain[a2]}" "${cluster_chain[a3]}" >"$dir/check"
verdict $? "every block is the same everywhere and what was told sealed is in one"
sed 's/^/# /' "$dir/check"
"$cluster_build/mkt" verify "${cluster_chain[a2]}" >"$dir/verify" 2>&1
verdict $? "every block has a certificate, executing them gives the same"

# ---- an engine of before ----

etcd_down
rm -rf "$dir/etcd"
cp -R "$dir/etcd-old" "$dir/etcd"
for x in e1 e2 e3; do cluster_start "$x"; done
etcd_healthy
for x in a1 a2 a3; do cluster_start "$x"; done
cluster_ready a1 a2 a3
halted() { [ -n "$(cluster_status "$1" .data.node.halt)" ]; }
until_ 20 halted a2
verdict $? "an etcd that was rolled back is refused: $(cluster_status a2 .data.node.halt)"
cluster_stop >"$dir/stop"

# ---- an engine that is lost: what two of three disks hold is enough ----

rebuild() { # directories
	"$cluster_build/ledgerd" rebuild -f "$dir/a1/conf" -k "$dir/market/authority-a1.key" \
		-k "$dir/market/authority-a3.key" "$@" >"$dir/rebuild" 2>&1
}
etcd_down
rm -rf "$dir"/etcd/m?
for x in e1 e2 e3; do cluster_start "$x"; done
etcd_healthy
! rebuild "${cluster_chain[a1]}" && grep -q "directories are given, 2 of 3" "$dir/rebuild"
verdict $? "one disk of three is not enough to rebuild an engine"
rebuild "${cluster_chain[a1]}" "${cluster_chain[a3]}"
r=$?
sed 's/^/# /' "$dir/rebuild"
! rebuild "${cluster_chain[a1]}" "${cluster_chain[a3]}" && [ $r -eq 0 ]
verdict $? "an engine is rebuilt, once"
for x in a1 a2 a3; do cluster_start "$x"; done
cluster_ready a1 a2 a3
until_ 20 somebody_leads
h=$(cluster_height a2)
load_begin
until_ 20 above a2 $((h + 2))
r=$?
load_end && [ $r -eq 0 ] && until_ 20 same a1 a2 a3
verdict $? "the rebuilt engine seals, for all three"
cluster_stop >"$dir/stop"
"$load" check "$dir/acks" "${cluster_chain[a1]}" "${cluster_chain[a2]}" "${cluster_chain[a3]}" >"$dir/check"
verdict $? "and nothing was lost"
echo "1..$n"
exit $bad

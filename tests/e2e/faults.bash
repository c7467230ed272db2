# Sourced by paper.sh and cluster.sh: $authorities, $members of etcd and $fullnodes under load, with
# TLS, and a seeded schedule of $faults: kill -9, SIGSTOP for longer than the leader's lease, networks
# cut.  After each fault sealing goes on within 10 s; at the end what was answered "sealed" is on every
# node, once, there are no two blocks of one height, and all states are the same.  MKT_SEED=N for
# another schedule, MKT_FAULTS=N for another length.

set -u
. tests/e2e/cluster.bash
seed=${MKT_SEED:-20261123}
random=$seed
load=$cluster_build/tests/e2e/cluster_load
limit_s=10
[ -z "${MKT_SLOW:-}" ] || limit_s=60
n=0 failed=0 worst_ms=0 load_pid=

end() {
	[ -z "$load_pid" ] || kill -9 "$load_pid" 2>/dev/null
	cluster_down
}
trap end EXIT
trap 'exit 1' INT TERM

result() { # status, description
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}
bail() { cluster_say "$*"; echo "Bail out! $*"; exit 1; }
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
# A number below $1 into $drawn.  Not RANDOM: that is another one in every subshell.
draw() {
	random=$(((random * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff))
	drawn=$(((random >> 33) % $1))
}

# ---- the schedule ------------------------------------------------------------------------------------

# A fault is a verb and a kind of node; whom it meets shows at its time.
if [ "$authorities" -gt 1 ]; then
	first="kill:leader pause:leader kill:etcd-leader cut:leader kill:full cut:etcd"
	more="kill:follower kill:etcd kill:both pause:follower pause:etcd-leader pause:full cut:follower
		cut:etcd-leader cut:full kill:all restart:leader"
else
	first="kill:leader kill:full pause:leader cut:leader kill:all cut:full"
	more="pause:full restart:leader"
fi

schedule=()
shuffle() { # words, to the end of the schedule
	local w=("$@")
	while [ ${#w[@]} -gt 0 ]; do
		draw ${#w[@]}
		schedule+=("${w[drawn]}")
		unset "w[drawn]"
		w=(${w[@]+"${w[@]}"})
	done
}
make_schedule() {
	# shellcheck disable=SC2086
	shuffle $first
	while [ ${#schedule[@]} -lt "$faults" ]; do
		# shellcheck disable=SC2086
		shuffle $first $more
	done
	schedule=("${schedule[@]:0:faults}")
}

# The names that a kind stands for now, into $who.
aim() { # kind
	local leader x
	leader=$(cluster_leader) || leader=a1
	case $1 in
	leader) who=("$leader") ;;
	follower)
		who=()
		for x in $(seq "$authorities"); do [ "a$x" = "$leader" ] || who+=("a$x"); done
		draw ${#who[@]}
		who=("${who[drawn]}")
		;;
	full) draw "$fullnodes" && who=("f$((drawn + 1))") ;;
	etcd) draw "$members" && who=("e$((drawn + 1))") ;;
	etcd-leader) who=("e$(etcd_leader)") ;;
	both) who=("$leader" "e$(etcd_leader)") ;;
	all) mapfile -t who < <(printf '%s\n' "${cluster_nodes[@]}"; seq -f 'e%g' "$members") ;;
	esac
}

# ---- one fault -----------------------------------------------------------------------------------------

strike() { # verb, names
	local x verb=$1
	shift
	for x; do
		case $verb in
		kill) cluster_kill "$x" ;;
		pause) cluster_pause "$x" ;;
		cut) cluster_cut "$x" ;;
		restart) kill "${cluster_pid[$x]}" && wait "${cluster_pid[$x]}" && cluster_pid[$x]= ;;
		esac
	done
}

mend() { # verb, names
	local x verb=$1
	shift
	for x; do
		case $verb in
		kill | restart) cluster_start "$x" ;;
		pause) cluster_resume "$x" ;;
		cut) cluster_heal "$x" ;;
		esac
	done
}

highest() { # names
	local x h best=0
	for x; do
		h=$(cluster_height "$x")
		[ "${h:-0}" -le "$best" ] || best=$h
	done
	echo "$best"
}

others() { # names: nodes that are none of these
	local x
	for x in "${cluster_nodes[@]}"; do
		[[ " $* " = *" $x "* ]] || echo "$x"
	done
}

# Milliseconds until two more blocks are sealed than there were.
resumes() { # height, seconds, names
	local start h=$1 s=$2
	start=$(now_ms)
	shift 2
	until [ "$(highest "$@")" -ge $((h + 2)) ]; do
		[ $(($(now_ms) - start)) -lt $((s * 1000)) ] || return 1
		sleep 0.05
	done
	took_ms=$(($(now_ms) - start))
}

# What nothing replaces is mended before anything can go on.
alone() { # kind
	case $1 in
	all) return 0 ;;
	full) [ "$fullnodes" -eq 1 ] ;;
	*) [ "$authorities" -eq 1 ] ;;
	esac
}

fault() { # verb, kind
	local who rest h x what took_ms=0 bad=0 s=$limit_s
	aim "$2"
	what="$1 ${who[*]} ($2)"
	if [ "$1" = cut ] && ! cluster_cuts; then
		n=$((n + 1))
		echo "ok $n - $1 $2 # skip network namespaces cannot be made here"
		return
	fi
	h=$(highest "${cluster_nodes[@]}")
	strike "$1" "${who[@]}"
	mapfile -t rest < <(others "${who[@]}")
	if alone "$2"; then
		[ "$1" = kill ] || sleep 1
		mend "$1" "${who[@]}"
		rest=("${cluster_nodes[@]}")
		s=60
	else
		h=$(highest "${rest[@]}") # what was sealed meanwhile is no sign of life
	fi
	resumes "$h" $s "${rest[@]}" || { bad=1; cluster_say "$what: no block after $h"; }
	[ $s -ne "$limit_s" ] || [ $took_ms -le $worst_ms ] || worst_ms=$took_ms
	# Longer than any lease: who led comes back and finds another.
	[ "$1" != pause ] || sleep 4
	alone "$2" || mend "$1" "${who[@]}"
	for x in "${who[@]}"; do
		case $x in
		e*) etcd_healthy "${x#e}" || bad=1 ;;
		*) cluster_ready "$x" && cluster_wait "$(highest "${rest[@]}")" 60 "$x" || bad=1 ;;
		esac
	done
	result $bad "$what: sealing again after $took_ms ms"
	[ $bad -eq 0 ] || bail "$what"
}

# ---- the story -----------------------------------------------------------------------------------------

echo "# cluster: seed $seed, $faults faults; MKT_SEED=$seed repeats them"
d=$(mktemp -d "${TMPDIR:-/tmp}/mkt-cluster.XXXXXX") || exit 2
cluster_up "$d" "$authorities" "$members" "$fullnodes" --interval 500ms || bail "the nodes do not start"
urls=()
for x in $(seq "$fullnodes"); do urls+=("${cluster_url[f$x]}"); done
export MKT_TLS_CA=$d/certs/users/ca.crt
h=$("$load" enroll "$d/market/chain" "$cluster_operator" "${urls[0]}") || bail "enrolments: $h"
cluster_wait "$h" 30 "${cluster_nodes[@]}" || bail "enrolments do not reach every node"
result 0 "$authorities authorities, $members members of etcd, $fullnodes fullnodes: one chain"

"$load" run "$d/market/chain" "$d/acks" "$seed" "${urls[@]}" >"$d/load.log" 2>&1 &
load_pid=$!
make_schedule
for x in "${schedule[@]}"; do
	fault "${x%%:*}" "${x#*:}"
done

kill -TERM "$load_pid"
wait "$load_pid"
status=$?
load_pid=
grep '^#' "$d/load.log"
result $status "every transaction got its answer: $(grep ^acked "$d/load.log")"
result $((worst_ms > limit_s * 1000)) "sealing went on within $limit_s s: $worst_ms ms at most"
# On a chain where nothing more happens: who comes back fetches what it missed, and does not wait for
# the next block to hear of it.
if [ "$authorities" -gt 1 ]; then
	aim leader
	cluster_kill "${who[0]}"
	"$cluster_build/mkt" --config "$cluster_config" admin deposit -q house0001 1JPY
	result $? "a deposit while ${who[0]}, which led, is dead"
	cluster_start "${who[0]}"
	cluster_ready "${who[0]}"
fi
h=$(highest "${cluster_nodes[@]}")
cluster_wait "$h" 30 "${cluster_nodes[@]}"
result $? "every node has block $h"
digests=$(for x in "${cluster_nodes[@]}"; do cluster_digest "$x"; done | sort -u)
result $(($(wc -l <<<"$digests") - 1)) "all states are the same: ${digests//$'\n'/, }"
cluster_stop
result $? "all nodes end cleanly"
seen=$("$load" check "$d/acks" "${cluster_chain[@]}")
status=$?
grep '^#' <<<"$seen"
result $status "one block of each height, every acknowledged transaction in it, once: $(grep -v '^#' <<<"$seen" | tr '\n' ' ')"
status=0
for x in "${cluster_nodes[@]}"; do
	"$cluster_build/mkt" verify -q "${cluster_chain[$x]}" || { echo "# mkt verify of $x: $?"; status=1; }
done
result $status "mkt verify passes on each node"
echo "1..$n"
exit $failed

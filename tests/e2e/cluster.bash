# Sourced by tests and demonstrations: authorities, etcd members and fullnodes with TLS, each in
# a network namespace with an address of its own on a bridge where such can be made, else on
# addresses of 127/8.  Nodes are called a1 a2 ..., e1 e2 ..., f1 f2 ....
#
#   cluster_up DIR M N K [INIT...]   M authorities, N members of etcd, K fullnodes; INIT for mkt init
#   cluster_down                     end and remove all of it; for the trap of the test
#   cluster_kill|pause|resume|start NAME
#   cluster_cut|heal NAME            take its network away, give it back (cluster_cuts: whether that can be)
#   cluster_ready NAME...            wait until these answer
#   cluster_height|digest NAME       of its chain, as it tells
#   cluster_wait HEIGHT SECONDS NAME...   until each of these has that height
#   cluster_leader                   name of the authority that leads
#   cluster_get NAME PATH            of its HTTP interface, by its socket
#   cluster_stop                     end all nodes cleanly; status 1 if one did not
#
# After cluster_up: $cluster_operator (key file), $cluster_config (for mkt --config), ${cluster_url[f1]} and
# ${cluster_socket[a1]}, ${cluster_chain[a1]} (directory), ${cluster_pid[a1]}; logs are DIR/NAME.log.

. "${BASH_SOURCE[0]%/*}/etcd.bash"
cluster_root=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
cluster_build=$(cd "$cluster_root" && cd "${BUILD:-build}" && pwd)

# ---- network ---------------------------------------------------------------------------------------

cluster_bridge=mk$$
cluster_cuts() { [ -n "$cluster_net" ] && [[ $cluster_net != 127.* ]]; }

# Namespaces of scripts that were killed before they could clean up.
cluster_sweep() {
	local name
	for name in $(ip -o link show type bridge 2>/dev/null | sed -nE 's/^[0-9]+: (mk[0-9]+):.*/\1/p'); do
		kill -0 "${name#mk}" 2>/dev/null || cluster_remove_net "$name"
	done
}

cluster_remove_net() { # bridge
	local ns
	for ns in $(ip netns list 2>/dev/null | awk '{ print $1 }' | grep "^$1\\."); do
		ip netns del "$ns"
	done
	ip link del "$1" 2>/dev/null
}

cluster_make_net() {
	cluster_net=127.$((1 + $$ % 254)).$(($$ / 254 % 256))
	[ -z "${CLUSTER_LOOPBACK:-}" ] && [ "$(id -u)" -eq 0 ] || return 0
	cluster_sweep
	ip link add "$cluster_bridge" type bridge 2>/dev/null || return 0
	cluster_net=10.$((64 + $$ % 128)).$(($$ / 128 % 256))
	if ! ip addr add "$cluster_net.254/24" dev "$cluster_bridge" || ! ip link set "$cluster_bridge" up ||
		! cluster_host e1 || ! ip netns exec "$cluster_bridge.e1" true; then
		cluster_remove_net "$cluster_bridge"
		cluster_net=127.$((1 + $$ % 254)).$(($$ / 254 % 256))
	fi
} 2>/dev/null

cluster_address() { # name
	local n=${1#?}
	case $1 in
	e*) n=$((n + 20)) ;;
	f*) n=$((n + 40)) ;;
	esac
	echo "$cluster_net.$n"
}

cluster_host() { # name: its namespace and line to the bridge
	local ns=$cluster_bridge.$1
	ip netns add "$ns" && ip link add "$ns" type veth peer name eth0 netns "$ns" &&
		ip link set "$ns" master "$cluster_bridge" up && ip -n "$ns" link set lo up &&
		ip -n "$ns" addr add "$(cluster_address "$1")/24" dev eth0 && ip -n "$ns" link set eth0 up
}

cluster_cut() { ip link set "$cluster_bridge.$1" down; }
cluster_heal() { ip link set "$cluster_bridge.$1" up; }

# Run as this host, in a subshell, in the place of it: its number is the program's.  It dies with us.
cluster_run() { # name, command
	local in=()
	cluster_cuts && in=(ip netns exec "$cluster_bridge.$1")
	shift
	exec ${in[@]+"${in[@]}"} setpriv --pdeathsig KILL -- "$@"
}
etcd_host() { cluster_address "e$1"; }
etcd_run() { cluster_run "e$1" "${@:2}"; }

# ---- what nodes are made of ------------------------------------------------------------------------

cluster_certs() { "$cluster_root/contrib/mkt-certs" -d "$cluster_dir/certs" "$@" >/dev/null; }

cluster_make_certs() {
	local x c=$cluster_dir/certs/etcd
	cluster_certs init || return 1
	for x in "${cluster_nodes[@]}"; do
		cluster_certs node "$x" "$(cluster_address "$x")" || return 1
		[[ $x != f* ]] || cluster_certs door "$x" "$(cluster_address "$x")" || return 1
		[[ $x != a* ]] || cluster_certs client "$x" || return 1
	done
	mkdir -p "$cluster_dir/etcd" # as etcd.bash calls them
	cp "$c/ca.crt" "$cluster_dir/etcd/ca.pem"
	cp "$c/ca.key" "$cluster_dir/etcd/ca.key"
	cp "$c/a1-client.crt" "$cluster_dir/etcd/client.pem"
	cp "$c/a1-client.key" "$cluster_dir/etcd/client.key"
}

cluster_conf() { # name: what every node has
	local c=$cluster_dir/certs
	cat <<C
[node]
dir = ${cluster_chain[$1]}
socket = ${cluster_socket[$1]}
role = $([[ $1 = a* ]] && echo authority || echo fullnode)
$([[ $1 = a* ]] && echo "listen =" || echo "listen = ${cluster_url[$1]#https://}
tls_cert = $c/users/$1.crt
tls_key = $c/users/$1.key")

[peers]
ca = $c/nodes/ca.crt
cert = $c/nodes/$1.crt
key = $c/nodes/$1.key
$([[ $1 = a* ]] && echo "listen = ${cluster_url[$1]#https://}")

[disk]
alarm_free = 1MB
refuse_free = 1MB
C
}

cluster_conf_authority() { # name
	local x c=$cluster_dir/certs/etcd
	cluster_conf "$1"
	printf '\n[authority]\nkey = %s\n' "$cluster_dir/market/${cluster_key[$1]}"
	for x in "${cluster_nodes[@]}"; do
		[ "$x" != "$1" ] || continue
		printf '\n[peer %s]\nurl =%s\n' "$x" "$([[ $x != a* ]] || echo " ${cluster_url[$x]}")"
	done
	[ "$etcd_n" -eq 0 ] || printf '\n[etcd]\nendpoints = %s\nca = %s\ncert = %s\nkey = %s\n' \
		"$etcd_endpoints" "$c/ca.crt" "$c/$1-client.crt" "$c/$1-client.key"
}

cluster_conf_fullnode() { # name: each begins with another authority
	local i n=${1#?} urls=
	cluster_conf "$1"
	for i in $(seq "$cluster_m"); do
		urls+=" ${cluster_url[a$(((i + n - 2) % cluster_m + 1))]}"
	done
	printf '\n[upstream]\nurls =%s\n' "$urls"
}

cluster_make_chain() { # mkt init's options
	local x market=$cluster_dir/market
	[ "$cluster_m" -eq 1 ] || set -- --authorities "$cluster_m" "$@"
	"$cluster_build/mkt" init -q --no-config --listen '' "$@" "$market" || return 1
	for x in "${cluster_nodes[@]}"; do
		mkdir -p "$cluster_dir/$x"
		cp -R "$market/chain" "${cluster_chain[$x]}"
		cluster_key[$x]=authority.key
		[ "$cluster_m" -eq 1 ] || cluster_key[$x]=authority-$x.key
	done
	cluster_operator=$market/operator.key
}

cluster_up() { # directory, authorities, etcd members, fullnodes, options of mkt init
	local x i
	cluster_dir=$1 cluster_m=$2 etcd_n=$3 cluster_k=$4
	shift 4
	declare -gA cluster_pid=() cluster_url=() cluster_socket=() cluster_chain=() cluster_key=()
	cluster_nodes=() etcd_endpoints=
	for i in $(seq "$cluster_m"); do cluster_nodes+=("a$i"); done
	for i in $(seq "$cluster_k"); do cluster_nodes+=("f$i"); done
	mkdir -p "$cluster_dir"
	cluster_make_net
	for x in "${cluster_nodes[@]}" $(seq -f 'e%g' "$etcd_n"); do
		! cluster_cuts || [ -e "/run/netns/$cluster_bridge.$x" ] || cluster_host "$x" || return 1
	done
	for x in "${cluster_nodes[@]}"; do
		cluster_socket[$x]=$cluster_dir/$x/s cluster_chain[$x]=$cluster_dir/$x/chain
		cluster_url[$x]=https://$(cluster_address "$x"):$(cluster_port "$x") || return 1
	done
	cluster_make_certs && cluster_make_chain "$@" || return 1
	[ "$etcd_n" -eq 0 ] || etcd_up "$cluster_dir/etcd" "$etcd_n" || return 1
	for x in "${cluster_nodes[@]}"; do
		if [[ $x = a* ]]; then cluster_conf_authority "$x"; else cluster_conf_fullnode "$x"; fi \
			>"$cluster_dir/$x/conf"
		cluster_start "$x"
	done
	printf '[core]\nserver = unix:%s\nidentity = %s\nstate = %s\n' \
		"${cluster_socket[f1]:-${cluster_socket[a1]}}" "$cluster_operator" "$cluster_dir/state" \
		>"$cluster_dir/mkt.conf"
	cluster_config=$cluster_dir/mkt.conf
	cluster_ready "${cluster_nodes[@]}"
}

cluster_port() { # name: a free one
	local a b
	read -r a b <<<"$(cluster_run "$1" python3 -c 'import socket, sys
s = socket.socket(); s.bind((sys.argv[1], 0)); print(s.getsockname()[1])' "$(cluster_address "$1")")"
	echo "$a"
	[ -n "$a" ]
}

# ---- while it runs -----------------------------------------------------------------------------------

cluster_start() { # name
	case $1 in
	e*) etcd_start "${1#e}" ;;
	*)
		cluster_run "$1" "$cluster_build/ledgerd" -f "$cluster_dir/$1/conf" >>"$cluster_dir/$1.log" 2>&1 </dev/null &
		cluster_pid[$1]=$!
		;;
	esac
}

cluster_signal() { # signal, name
	case $2 in
	e*) kill "-$1" "${etcd_pid[${2#e}]}" ;;
	*) kill "-$1" "${cluster_pid[$2]}" ;;
	esac
}
cluster_pause() { cluster_signal STOP "$1"; }
cluster_resume() { cluster_signal CONT "$1"; }

cluster_kill() { # name
	case $1 in
	e*) etcd_kill "${1#e}" ;;
	*)
		kill -9 "${cluster_pid[$1]}" 2>/dev/null
		wait "${cluster_pid[$1]}" 2>/dev/null
		cluster_pid[$1]=
		;;
	esac
}

cluster_get() { # name, path
	curl -s --max-time 2 --unix-socket "${cluster_socket[$1]}" "http://node$2"
}
cluster_status() { cluster_get "$1" /v1/status | jq -r "$2 // empty" 2>/dev/null; }
cluster_height() { cluster_status "$1" .data.height; }
cluster_digest() { cluster_status "$1" '"\(.data.height) \(.data.digest)"'; }

cluster_leader() {
	local x leader
	for x in "${cluster_nodes[@]}"; do
		[[ $x = a* ]] && [ -n "${cluster_pid[$x]}" ] || continue
		leader=$(cluster_status "$x" .data.node.leader)
		[ -z "$leader" ] || { echo "$leader"; return 0; }
	done
	return 1
}

cluster_say() { # what failed
	local x
	echo "# $*"
	for x in "${cluster_nodes[@]}"; do
		tail -n 6 "$cluster_dir/$x.log" 2>/dev/null | sed "s/^/# $x: /"
	done
	return 1
}

cluster_ready() { # names
	local x until=$((SECONDS + 60))
	for x; do
		until [ -n "$(cluster_height "$x")" ]; do
			kill -0 "${cluster_pid[$x]}" 2>/dev/null || { cluster_say "$x has ended"; return 1; }
			[ $SECONDS -lt $until ] || { cluster_say "$x does not answer"; return 1; }
			sleep 0.05
		done
	done
}

cluster_wait() { # height, seconds, names
	local x h height=$1 until=$((SECONDS + $2 + 1))
	shift 2
	for x; do
		until h=$(cluster_height "$x") && [ "${h:-0}" -ge "$height" ]; do
			[ $SECONDS -lt $until ] || { cluster_say "$x is at block ${h:-?}, not $height"; return 1; }
			sleep 0.05
		done
	done
}

# ---- the end -----------------------------------------------------------------------------------------

cluster_stop() {
	local x until=$((SECONDS + 60)) bad=0
	for x in "${cluster_nodes[@]}"; do
		[ -z "${cluster_pid[$x]:-}" ] || kill "${cluster_pid[$x]}" 2>/dev/null
	done
	for x in "${cluster_nodes[@]}"; do
		[ -n "${cluster_pid[$x]:-}" ] || continue
		while kill -0 "${cluster_pid[$x]}" 2>/dev/null && [ $SECONDS -lt $until ]; do sleep 0.05; done
		kill -9 "${cluster_pid[$x]}" 2>/dev/null
		wait "${cluster_pid[$x]}" || { echo "# $x ended with status $?"; bad=1; }
		cluster_pid[$x]=
	done
	return $bad
}

cluster_down() {
	local x
	[ -n "${cluster_dir:-}" ] || return 0
	for x in "${cluster_nodes[@]}"; do
		[ -z "${cluster_pid[$x]:-}" ] || { cluster_signal CONT "$x"; cluster_kill "$x"; } 2>/dev/null
	done
	etcd_down
	! cluster_cuts || cluster_remove_net "$cluster_bridge"
	[ -n "${MKT_KEEP:-}" ] || rm -rf "$cluster_dir"
}

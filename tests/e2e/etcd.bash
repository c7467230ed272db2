# Sourced by tests: certificates, and real etcd members on loopback, with TLS for all.
#
#   pki_make DIR                       a CA: DIR/ca.pem, DIR/ca.key
#   pki_cert DIR NAME SAN [EKU [CN]]   DIR/NAME.pem and NAME.key, signed by DIR/ca; NAME named expired* is.
#                                      SAN as "DNS:x,IP:127.0.0.1"; EKU "serverAuth,clientAuth" if not given
#   etcd_up DIR [N [FLAG...]]          N (3) members with data, logs and certificates below DIR; healthy at return.
#                                      Clients show DIR/client.pem (of an empty name, as etcd 3.4 wants).
#   etcd_down                          kill all members; to be called by the trap of the test
#   etcd_kill I, etcd_start I          kill -9 of member I (1..N), and start it again with its data
#   etcd_pause I, etcd_resume I        SIGSTOP, SIGCONT
#   etcd_healthy [I...]                wait until these (all) members answer with a leader
#   etcd_leader                        print the number of the leading member
#   etcd_ctl ARG...                    etcdctl with endpoints and certificates
#   etcd_host I, etcd_run I CMD...     the address of a member, and how its programs are run: may be
#                                      defined anew after this file by who has hosts for them
#
# After etcd_up: $etcd_endpoints ("https://... https://..."), ${etcd_url[I]}, ${etcd_pid[I]}, $etcd_n.
# Members have addresses 127.x.y.I of this test alone, so that no port is taken while one is down.

pki_make() { # directory
	mkdir -p "$1"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=test CA" \
		-keyout "$1/ca.key" -out "$1/ca.pem" 2>"$1/openssl.log" || { cat "$1/openssl.log" >&2; return 1; }
}

pki_cert() { # directory, name, SAN, EKU, CN
	local dir=$1 name=$2 san=$3 eku=${4:-serverAuth,clientAuth} cn=${5:-} days=30
	[[ $name != expired* ]] || days=-1
	printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=%s\nsubjectAltName=%s%s\n' \
		"$eku" "$([ -n "$cn" ] || echo critical,)" "$san" >"$dir/$name.ext"
	{
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/${cn:+CN=$cn}" \
			-keyout "$dir/$name.key" -out "$dir/$name.csr" &&
			openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
				-set_serial "0x$(openssl rand -hex 8)" -days $days -extfile "$dir/$name.ext" \
				-out "$dir/$name.pem"
	} 2>"$dir/openssl.log" || { cat "$dir/openssl.log" >&2; return 1; }
	rm -f "$dir/$name.ext" "$dir/$name.csr"
}

etcd_curl() { # member, path, body
	curl -s --max-time 2 --cacert "$etcd_dir/ca.pem" --cert "$etcd_dir/client.pem" \
		--key "$etcd_dir/client.key" -d "${3:-{\}}" "${etcd_url[$1]}$2"
}

etcd_ports() { # member, address: two free ports of it
	etcd_run "$1" python3 -c 'import socket, sys
s = [socket.socket() for _ in range(2)]
for x in s: x.bind((sys.argv[1], 0))
print(*(x.getsockname()[1] for x in s))' "$2"
}

etcd_host() { echo "127.$((1 + $$ % 254)).$(($$ / 254 % 256)).$1"; } # member
etcd_run() { shift; exec "$@"; } # member, command; in a subshell

etcd_start() { # member
	local i=$1 d=$etcd_dir
	etcd_run "$i" etcd --name "m$i" --data-dir "$d/m$i" \
		--listen-client-urls "${etcd_url[i]}" --advertise-client-urls "${etcd_url[i]}" \
		--listen-peer-urls "${etcd_peer[i]}" --initial-advertise-peer-urls "${etcd_peer[i]}" \
		--initial-cluster "$etcd_cluster" --initial-cluster-token "$etcd_token" \
		--client-cert-auth --trusted-ca-file "$d/ca.pem" --cert-file "$d/server.pem" --key-file "$d/server.key" \
		--peer-client-cert-auth --peer-trusted-ca-file "$d/ca.pem" \
		--peer-cert-file "$d/server.pem" --peer-key-file "$d/server.key" \
		--pre-vote --snapshot-count 10000 --auto-compaction-mode revision --auto-compaction-retention 5000 \
		--quota-backend-bytes 1073741824 --strict-reconfig-check --experimental-initial-corrupt-check \
		--heartbeat-interval 100 --election-timeout 1000 --logger zap --log-level warn --log-outputs stderr \
		"${etcd_flags[@]}" >>"$d/m$i.log" 2>&1 </dev/null &
	etcd_pid[i]=$!
}

etcd_healthy() { # members; none: all
	local i until=$((SECONDS + 30))
	[ $# -gt 0 ] || set -- $(seq "$etcd_n")
	for i; do
		until curl -s --max-time 2 --cacert "$etcd_dir/ca.pem" --cert "$etcd_dir/client.pem" \
			--key "$etcd_dir/client.key" "${etcd_url[i]}/health" | grep -q '"health":"true"'; do
			if [ $SECONDS -ge $until ] || ! kill -0 "${etcd_pid[i]}" 2>/dev/null; then
				echo "etcd member $i is not healthy:" >&2
				tail -n 5 "$etcd_dir/m$i.log" >&2
				return 1
			fi
			sleep 0.05
		done
	done
}

etcd_up() { # directory, members, flags
	local i a b host san='DNS:localhost'
	etcd_dir=$1 etcd_n=${2:-3} etcd_cluster='' etcd_endpoints='' etcd_token=test-$$-$RANDOM
	[ $# -le 2 ] || shift 2
	etcd_flags=()
	[[ ${1:-} != --* ]] || etcd_flags=("$@")
	etcd_pid=() etcd_url=() etcd_peer=()
	for i in $(seq "$etcd_n"); do
		host=$(etcd_host "$i")
		read -r a b <<<"$(etcd_ports "$i" "$host")"
		etcd_url[i]=https://$host:$a etcd_peer[i]=https://$host:$b
		etcd_cluster+=${etcd_cluster:+,}m$i=${etcd_peer[i]}
		etcd_endpoints+=${etcd_endpoints:+ }${etcd_url[i]}
		san+=,IP:$host
	done
	[ -e "$etcd_dir/ca.pem" ] || pki_make "$etcd_dir" || return 1
	pki_cert "$etcd_dir" server "$san" || return 1
	[ -e "$etcd_dir/client.pem" ] || pki_cert "$etcd_dir" client DNS:client.test || return 1
	for i in $(seq "$etcd_n"); do
		etcd_start "$i"
	done
	etcd_healthy
}

etcd_kill() { # member
	kill -9 "${etcd_pid[$1]}" 2>/dev/null
	wait "${etcd_pid[$1]}" 2>/dev/null
	etcd_pid[$1]=
}
etcd_pause() { kill -STOP "${etcd_pid[$1]}"; }
etcd_resume() { kill -CONT "${etcd_pid[$1]}"; }

etcd_down() {
	local p
	for p in ${etcd_pid[@]+"${etcd_pid[@]}"}; do
		kill -9 "$p" 2>/dev/null
	done
	for p in ${etcd_pid[@]+"${etcd_pid[@]}"}; do
		wait "$p" 2>/dev/null
	done
	etcd_pid=()
}

etcd_leader() {
	local i s
	for i in $(seq "$etcd_n"); do
		[ -n "${etcd_pid[i]:-}" ] || continue
		s=$(etcd_curl "$i" /v3/maintenance/status) || continue
		if [ "$(jq -r .leader <<<"$s")" = "$(jq -r .header.member_id <<<"$s")" ]; then
			echo "$i"
			return 0
		fi
	done
	return 1
}

etcd_ctl() {
	ETCDCTL_API=3 etcdctl --endpoints "${etcd_endpoints// /,}" --cacert "$etcd_dir/ca.pem" \
		--cert "$etcd_dir/client.pem" --key "$etcd_dir/client.key" "$@"
}

#!/usr/bin/env bash
# The doors of a real ledgerd: who is refused while hands are shaken, certificates renewed by a signal, clients that are
# slow or many, what they cost, and whom a flood slows.  MKT_LONG=1: more connections, longer floods.
# alone: whom a flood slows is a ratio of times
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/etcd.bash
BUILD_DIR=$(cd "${BUILD:-build}" && pwd)
PATH=$BUILD_DIR:$PATH
door=$BUILD_DIR/tests/e2e/door
D=$(mktemp -d "${TMPDIR:-/tmp}/mkt-door.XXXXXX") || exit 2
export HOME=$D XDG_DATA_HOME=$D/data XDG_STATE_HOME=$D/state XDG_CONFIG_HOME=$D/config
nr=0 bad=0 pid='' limit_kb=65536
crowd=128
if grep -qaE '__[at]san_init' "$BUILD_DIR/ledgerd"; then
	limit_kb=$((limit_kb * 8)) # each allocation has a wall around it
	crowd=32		   # hands are shaken at a fifth of the speed, but the client has no more time
fi

check() { # what, command...
	local what=$1
	shift
	nr=$((nr + 1))
	if "$@"; then echo "ok $nr - $what"; else echo "not ok $nr - $what" && bad=1; fi
}

stop() {
	[ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
	pid=
}

leave() {
	local job
	for job in $(jobs -p); do kill -9 "$job" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$D"
}
trap leave EXIT

free_port() { python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

serve() { # configuration, settings...
	local conf=$1
	shift
	ledgerd -f "$conf" "$@" >>"$D/log" 2>&1 3>&- &
	pid=$!
	for _ in $(seq 200); do
		curl -s --unix-socket "$S" http://x/v1/health >/dev/null && return
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	tail -n 3 "$D/log" | sed 's/^/# /'
	return 1
}

rss() { awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; }

cd "$D" || exit 2
S=$D/m/ledgerd.sock
pki_make pki && pki_make foreign || exit 2
for n in node stranger full1 expired1; do pki_cert pki $n "DNS:$n,IP:127.0.0.1" || exit 2; done
pki_cert pki renewed DNS:node,IP:127.0.0.1
pki_cert pki cnonly IP:127.0.0.1 serverAuth,clientAuth full2
pki_cert pki badcn DNS:stranger serverAuth,clientAuth full1
pki_cert pki server DNS:full1 serverAuth
pki_cert foreign full1 DNS:full1
mkt init -q --name door --listen '' m >/dev/null || exit 2
users=$(free_port) peers=$(free_port)
tls=(-o node.listen="127.0.0.1:$users" -o node.tls_cert="$D/use.pem" -o node.tls_key="$D/use.key"
	-o peers.listen="127.0.0.1:$peers" -o peers.cert="$D/pki/node.pem" -o peers.key="$D/pki/node.key"
	-o peers.ca="$D/pki/ca.pem" -o 'peer full1.url=' -o 'peer full2.url=' -o 'peer expired1.url=')
cp pki/node.pem use.pem && cp pki/node.key use.key

# ---- hands -----------------------------------------------------------------------------------------------------------

get() { curl -s -m 5 -o "$D/body" --cacert pki/ca.pem "$@"; }
as() { get --cert "$1.pem" --key "$1.key" "https://127.0.0.1:$peers/v1/${2:-health}" "${@:3}"; }
refused() { ! "$@" && [ "$(curl -s --unix-socket "$S" http://x/v1/health)" ]; }
not_found() { as "$@" && grep -q not-found body; }

check "a node with all doors starts" serve m/ledgerd.conf "${tls[@]}"
check "users need no certificate" get "https://127.0.0.1:$users/v1/market"
check "a peer with a name of ours is heard" as pki/full1
check "so is one whose name is its CN" as pki/cnonly
check "TLS 1.2 will do" as pki/full1 health --tls-max 1.2
check "TLS 1.1 will not" refused get --ciphers 'DEFAULT@SECLEVEL=0' --tls-max 1.1 "https://127.0.0.1:$users/v1/health"
for v in 1.2 1.3; do
	check "without a certificate: refused (TLS $v)" refused get --tls-max $v "https://127.0.0.1:$peers/v1/health"
	check "a certificate of another authority: refused (TLS $v)" refused as foreign/full1 health --tls-max $v
	check "an expired certificate: refused (TLS $v)" refused as pki/expired1 health --tls-max $v
	check "a name that is not ours: refused (TLS $v)" refused as pki/stranger health --tls-max $v
	check "a DNS name goes before the CN: refused (TLS $v)" refused as pki/badcn health --tls-max $v
	check "a certificate that is for servers only: refused (TLS $v)" refused as pki/server health --tls-max $v
done
check "no TLS: refused" refused get "http://127.0.0.1:$peers/v1/health"
check "each refusal is logged with its reason" grep -q 'a peer was refused: there is no \[peer stranger\]' log
check "peers have their own routes" as pki/full1 chain?from=0
check "and no others" not_found pki/full1 market

serial() {
	openssl s_client -connect "127.0.0.1:$users" -CAfile pki/ca.pem </dev/null 2>/dev/null |
		openssl x509 -noout -serial
}
renewed() {
	local i
	cp pki/renewed.pem use.pem && cp pki/renewed.key use.key
	[ "$(serial)" = "$(openssl x509 -noout -serial -in pki/node.pem)" ] || return 1
	kill -HUP "$pid"
	for i in $(seq 100); do
		[ "$(serial)" != "$(openssl x509 -noout -serial -in pki/renewed.pem)" ] || return 0
		sleep 0.05
	done
	return 1
}
kept() {
	echo no certificate >use.pem
	kill -HUP "$pid"
	for _ in $(seq 100); do ! grep -q 'certificates stay as they were' log || break; sleep 0.05; done
	grep -q 'certificates stay as they were' log && get "https://127.0.0.1:$users/v1/health"
}
check "a certificate is renewed by SIGHUP" renewed
check "one that cannot be read changes nothing" kept
cp pki/renewed.pem use.pem

# ---- many, slow, idle ------------------------------------------------------------------------------------------------

many() { "$door" many "$@" >"$D/many"; }
# To shake hands costs the client 20 ms, and 10 s is what it has: 512 at once is for serve, without TLS.
for n in $crowd ${MKT_LONG:+256}; do
	check "$n connections at once, with TLS" many $n "https://127.0.0.1:$users/v1/health" pki/ca.pem
	sed 's/^/# /' many
done

# As many streams as said, idle at the end of the chain; their cost in kB below the limit.
idle() { # streams, limit, address, port; with hold=hold: url, ca
	local before after n=$1 limit=$2
	before=$(rss)
	mkfifo hold.in
	"$door" "${hold:-idle}" "$n" "$3" "$4" <hold.in >hold.out &
	exec 4>hold.in
	for _ in $(seq 1800); do ! grep -q ready hold.out || break; sleep 0.05; done
	after=$(rss)
	exec 4>&-
	wait $!
	rm hold.in
	echo "# $n streams: $((after - before)) kB"
	grep -q ready hold.out && [ $((after - before)) -lt "$limit" ]
}
stop
check "the node starts again, without TLS" serve m/ledgerd.conf -o node.listen="127.0.0.1:$users" \
	-o limits.connections_per_address=0
ulimit -n 4096 2>/dev/null
"$door" loris 500 127.0.0.1 "$users" >loris &
slow=$!
check "1000 idle streams cost under 64 MB" idle 1000 $limit_kb 127.0.0.1 "$users"
check "beside 500 clients that send a byte now and then, others are served" \
	get -m 2 "http://127.0.0.1:$users/v1/health"
wait $slow
check "and those are ended by their deadline: $(cat loris)" grep -q '^0 left' loris
stop
if [ -n "${MKT_LONG:-}" ]; then
	check "the node starts again, with TLS" serve m/ledgerd.conf "${tls[@]}"
	hold=hold
	check "1000 idle streams over TLS cost under 64 MB" idle 1000 $limit_kb "https://127.0.0.1:$users/v1/events" pki/ca.pem
	stop
fi

# ---- whom a flood slows ----------------------------------------------------------------------------------------------

quota() {
	mkt key new -q home && mkt admin enroll -q home "$(mkt key show home --json | jq -r .data.account)" --class household &&
		mkt admin limits -q reader --reads-per-min 600 --rows-per-min 0
}
export MKT_SERVER=unix:$S MKT_IDENTITY=$D/m/operator.key
serve m/ledgerd.conf -o node.listen="127.0.0.1:$users" || exit 1
quota >quota 2>&1 || sed 's/^/# /' quota
chain=$(mkt status --json | jq -r .data.node.chain)
# Other work on the machine shows in a p99: what the flood does shows each time.
alone() {
	local i
	for i in 1 2 3; do
		"$door" ratio "http://127.0.0.1:$users" "http://127.0.0.1:$users/v1/market" data/mkt/keys/home.key "$chain" >ratio && return
		sleep 1
	done
	return 1
}
check "ten times the rate of one class: the other's p99 is at most doubled" alone
sed 's/^/# /' ratio
stop
echo "1..$nr"
exit $bad

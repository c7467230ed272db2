#!/usr/bin/env bash
# The client of etcd against three real members: races, a killed leader, a compacted watch, leases,
# tokens, certificates, other clusters.  MKT_LONG=1: five leaders are killed.
set -u
cd "$(dirname "$0")/../.." || exit 2
client=${BUILD:-build}/tests/e2e/etcd
. tests/e2e/etcd.bash
command -v etcd >/dev/null && command -v etcdctl >/dev/null || { echo "1..0 # SKIP etcd is not installed"; exit 0; }
dir=$(mktemp -d)
jobs_=()
trap 'for p in ${jobs_[@]+"${jobs_[@]}"}; do kill -9 "$p" 2>/dev/null; done; etcd_down; wait; rm -rf "$dir"' EXIT
n=0
bad=0

verdict() { # condition's status, name, output file
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		bad=1
	fi
	[ ! -s "${3:-}" ] || sed 's/^/# /' "$3"
}
has() { grep -qE "$1" "$2" 2>/dev/null; }
until_has() { # pattern, file
	local end=$((SECONDS + 10))
	until has "$1" "$2"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# A cluster of one, with users and tokens of two seconds; its log is the last to be said.
tokens() {
	trap 'etcd_down' EXIT
	etcd_up "$dir/users" 1 --auth-token-ttl 2 || return 1
	{
		etcd_ctl user add root:secret && etcd_ctl role add root && etcd_ctl user grant-role root root &&
			etcd_ctl auth enable
	} >/dev/null || return 1
	export ETCD_TEST_USER=root ETCD_TEST_PASSWORD=secret
	"$client" try "$dir/users" "$etcd_endpoints" 4500 >"$dir/token.out" &
	local p=$!
	sleep 0.7
	kill -STOP $p
	sleep 3.2 # longer than the token, and than the lease
	kill -CONT $p
	wait $p
	ETCD_TEST_PASSWORD=wrong "$client" try "$dir/users" "$etcd_endpoints" 300 >"$dir/wrong.out"
	unset ETCD_TEST_USER
	"$client" try "$dir/users" "$etcd_endpoints" 300 >"$dir/nobody.out"
	echo "$etcd_endpoints" >"$dir/other"
}
tokens >"$dir/tokens.log" 2>&1 &
tokens=$!
jobs_+=($tokens)

etcd_up "$dir/e" 3 || { verdict 1 "three members start"; echo "1..$n"; exit 1; }
e=$dir/e

"$client" race "$e" "$etcd_endpoints" 40 >"$dir/out" 2>&1
verdict $? "of four that make a key at once one does, and the others read it" "$dir/out"

# ---- the leader dies while keys are written ----
kills=${MKT_LONG:+5}
kills=${kills:-1}
"$client" write "$e" "$etcd_endpoints" $((kills * 4000 + 1000)) >"$dir/write.out" 2>&1 &
writer=$!
jobs_+=($writer)
for _ in $(seq $kills); do
	sleep 0.8
	leader=$(etcd_leader)
	etcd_kill "$leader"
	sleep 2.4
	etcd_start "$leader"
	etcd_healthy "$leader" || echo "# member $leader did not come back"
done
wait $writer
status=$?
[ $status -eq 0 ] && has ' 0 out of order' "$dir/write.out" && has ' [1-9][0-9]* asked again' "$dir/write.out"
verdict $? "killed leader: every write is there once, the watch saw each in order" "$dir/write.out"
gap=$(sed -n 's/.*gap \([0-9]*\) ms/\1/p' "$dir/write.out")
[ "${gap:-99999}" -lt 10000 ]
verdict $? "and it goes on within seconds"

# ---- a lease, beside the rest ----
"$client" hold "$e" "${etcd_url[3]} ${etcd_url[2]}" 2 >"$dir/hold.out" 2>&1 &
holder=$!
jobs_+=($holder)
until_has held "$dir/hold.out"
[ "$(etcd_ctl get --print-value-only /L/test/live/me)" = here ]
verdict $? "a key stands on the lease"
kill -STOP $holder

# ---- certificates ----
pki_make "$dir/foreign" && pki_cert "$dir/foreign" client DNS:client.test
cp "$dir/foreign/client.pem" "$e/foreign.pem" && cp "$dir/foreign/client.key" "$e/foreign.key"
pki_cert "$e" expired DNS:client.test
for cert in foreign expired ''; do
	CERT=$cert "$client" try "$e" "${etcd_url[2]} ${etcd_url[3]}" 300 >"$dir/out" 2>&1
	has '^done 0 else 0 ' "$dir/out" && has 'cluster 0 lost .*(certificate|handshake|TLS)' "$dir/out"
	verdict $? "a client with ${cert:-no} certificate is refused at the handshake" "$dir/out"
done

# ---- endpoints that are none ----
python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(64); print(s.getsockname()[1], flush=True); time.sleep(60)' >"$dir/mute" &
mute=$!
jobs_+=($mute)
until_has '[0-9]' "$dir/mute"
"$client" try "$e" "https://127.0.0.1:$(cat "$dir/mute") https://127.0.0.1:1 ${etcd_url[2]}" 2500 >"$dir/out" 2>&1
has '^done [1-9]' "$dir/out" && has 'lost -$' "$dir/out"
verdict $? "beside one that never answers and one that is not there, the third serves" "$dir/out"
kill $mute

CLUSTER=4711 "$client" try "$e" "${etcd_url[2]}" 2000 >"$dir/out" 2>&1
[ $? -eq 3 ] && has '^foreign: an etcd of another cluster than 1267 answers' "$dir/out"
verdict $? "another cluster than the one expected is refused" "$dir/out"

# ---- the lease that was lost ----
until [ -z "$(etcd_ctl get /L/test/live/me)" ] || [ $SECONDS -gt 120 ]; do sleep 0.1; done
kill -CONT $holder
wait $holder
has '^2 leases, 1 deleted' "$dir/hold.out"
verdict $? "a lease lost in a pause is granted anew, and its key's end is told" "$dir/hold.out"
[ -z "$(etcd_ctl get --prefix /L/test/live/)" ]
verdict $? "who leaves gives the lease back"

# ---- compaction while the watcher is stopped and its member gone ----
mkfifo "$dir/go"
etcd_ctl put /L/test/w/15000 x >/dev/null
seen=$(etcd_ctl get --prefix --keys-only /L/test/w/ | grep -c w/)
"$client" gap "$e" "$etcd_endpoints" $((seen + 5)) <"$dir/go" >"$dir/gap.out" 2>&1 &
watcher=$!
jobs_+=($watcher)
exec 7>"$dir/go"
until_has paused "$dir/gap.out"
etcd_kill 1
for i in 1 2 3 4 5; do # it may have led: again until it is known
	until etcd_curl 2 /v3/kv/put "{\"key\":\"$(printf /L/test/w/1600$i | base64)\",\"value\":\"eA==\"}" |
		grep -q revision; do [ $SECONDS -lt 120 ] || break; done
done
revision=$(etcd_curl 2 /v3/kv/range '{"key":"AA=="}' | jq -r .header.revision)
etcd_curl 2 /v3/kv/compaction "{\"revision\":\"$revision\",\"physical\":true}" >/dev/null
echo >&7
exec 7>&-
wait $watcher
verdict $? "history compacted under a stopped watcher: it reads again what stands" "$dir/gap.out"
etcd_start 1

# ---- users ----
wait $tokens
verdict $? "an etcd with users" "$dir/tokens.log"
has '^done [1-9][0-9]* else 0 unknown 0 refused 0 leases 2' "$dir/token.out"
verdict $? "a token that expired is fetched anew, and no transaction fails" "$dir/token.out"
has '^done 0 .*authentication failed' "$dir/wrong.out"
verdict $? "a wrong password is told" "$dir/wrong.out"
has '^done 0 else 0 unknown 0 refused [1-9]' "$dir/nobody.out"
verdict $? "without a user nothing is done" "$dir/nobody.out"

echo "1..$n"
exit $bad

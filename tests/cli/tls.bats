#!/usr/bin/env bats
# Servers of https: who is believed, who is accepted, and what is said when not.
# A terminator of TLS stands before a real ledgerd.
load chain
source "$BATS_TEST_DIRNAME/../e2e/etcd.bash"

# front CERT [OPTION]: listen with this certificate; $url, $front
front() {
	port=$(etcd_ports 1 127.0.0.1 | cut -d' ' -f1)
	socat "OPENSSL-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,cert=pki/$1.pem,key=pki/$1.key,cafile=pki/ca.pem,${2:-verify=0}" \
		"UNIX-CONNECT:$HOME/m/ledgerd.sock" 2>>socat.log 3>&- &
	front=$! url=https://127.0.0.1:$port
	until (exec 8<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do read -rt 0.01 <> <(:) || :; done
}

behind() { kill "$front" && wait "$front" || :; }

says() { # status, sentence
	status_is "$1"
	[ "$(head -n 1 <<<"$err")" = "mkt: $2" ] || fail "instead of: $2"
}

@test "believed or not, accepted or not" {
	pki_make pki
	pki_make other
	pki_cert pki good IP:127.0.0.1
	pki_cert pki named DNS:node.test
	pki_cert pki expired IP:127.0.0.1
	pki_cert pki client DNS:me
	pki_cert other client DNS:me

	front good
	run3 mkt status --server "$url" -c "core.tls_ca=$HOME/pki/ca.pem" --json
	status_is 0
	[ "$(json .data.node.name <<<"$out")" = demo ] || fail status
	MKT_SERVER=$url MKT_TLS_CA=$HOME/pki/ca.pem run3 mkt log --limit 1
	status_is 0
	run3 mkt status --server "$url" -c "core.tls_ca=$HOME/other/ca.pem"
	says 7 "the certificate of '$url' is of an unknown CA"
	err_has "hint: core.tls_ca names the file of the CA to believe"
	run3 mkt status --server "$url"
	says 7 "the certificate of '$url' is of an unknown CA"
	run3 mkt status --server "$url" -c "core.tls_ca=$HOME/none.pem"
	says 2 "cannot read the CA file '$HOME/none.pem'"
	run3 mkt status --server "http://127.0.0.1:$port" --timeout 2s
	status_is 7
	behind

	export MKT_TLS_CA=$HOME/pki/ca.pem
	front expired
	run3 mkt status --server "$url"
	says 7 "the certificate of '$url' has expired"
	behind
	front named
	run3 mkt status --server "$url" --json
	status_is 7
	[ "$(json -c '.error | [.code, .applied]' <<<"$err")" = '["unavailable","no"]' ] || fail json
	run3 mkt status --server "$url"
	says 7 "the certificate of '$url' is for another name"
	MKT_TLS_NAME=node.test run3 mkt status --server "$url"
	status_is 0
	behind

	front good verify=1
	run3 mkt status --server "$url"
	says 4 "'$url' wants a certificate"
	run3 mkt status --server "$url" -c core.tls_cert=other/client.pem -c core.tls_key=other/client.key
	says 4 "'$url' does not accept the certificate 'other/client.pem'"
	run3 mkt log --follow --server "$url" -c core.tls_cert=other/client.pem -c core.tls_key=other/client.key
	status_is 4
	run3 mkt status --server "$url" -c core.tls_cert=pki/client.pem -c core.tls_key=other/client.key
	says 2 "cannot use the certificate 'pki/client.pem' with the key 'other/client.key'"
	cat pki/client.key >>pki/client.pem
	run3 mkt status --server "$url" -c core.tls_cert=pki/client.pem
	status_is 0
	behind
}

# mkt-certs: who is believed by whom.

load helper

setup() { private_home; }

certs() { "$ROOT/contrib/mkt-certs" -d "$HOME/c" "$@"; }

field() { openssl x509 -in "c/$1" -noout "${@:2}"; }

@test "three issuers that do not vouch for each other" {
	certs init
	certs node a1 10.0.0.1 a1.example.net >/dev/null
	certs client a1 >/dev/null
	certs door full1 market.example.net >/dev/null
	openssl verify -CAfile c/nodes/ca.crt c/nodes/a1.crt
	openssl verify -CAfile c/etcd/ca.crt c/etcd/a1-client.crt
	openssl verify -CAfile c/users/ca.crt c/users/full1.crt
	run3 openssl verify -CAfile c/etcd/ca.crt c/nodes/a1.crt
	status_is 2
	run3 certs list
	status_is 0
	out_has "DNS:a1, IP:10.0.0.1, DNS:a1.example.net"
}

@test "etcd's have an empty subject, a node's its name; keys are nobody else's" {
	certs init
	certs client a1 >/dev/null
	certs etcd e1 10.0.0.1 >/dev/null
	certs node a1 10.0.0.1 >/dev/null
	[ "$(field etcd/a1-client.crt -subject)" = "subject=" ]
	[ "$(field etcd/e1.crt -subject)" = "subject=" ]
	[ "$(field nodes/a1.crt -subject)" = "subject=CN = a1" ]
	field etcd/a1-client.crt -ext extendedKeyUsage | grep -q "TLS Web Client Authentication"
	run3 grep Server <(field etcd/a1-client.crt -ext extendedKeyUsage)
	status_is 1
	[ "$(stat -c %a c/nodes/a1.key c/nodes/ca.key | sort -u)" = 600 ]
}

@test "renewal keeps key and names, and only what ends soon is touched" {
	certs init
	certs node old 10.0.0.1 >/dev/null
	certs -t 400 node new 10.0.0.2 >/dev/null
	certs -t 10 door soon localhost >/dev/null
	local key names
	key=$(field users/soon.crt -pubkey) names=$(field users/soon.crt -ext subjectAltName)
	run3 certs renew
	status_is 0
	out_is "$HOME/c/users/soon.crt"
	err_is "1 signed again; copy them, then 'systemctl reload ledgerd' on their nodes"
	[ "$key" = "$(field users/soon.crt -pubkey)" ]
	[ "$names" = "$(field users/soon.crt -ext subjectAltName)" ]
	field users/soon.crt -checkend $((300 * 86400))
	run3 certs renew
	out_is ""
}

@test "wrong calls change nothing" {
	run3 certs node a1 10.0.0.1
	status_is 5
	certs init
	run3 certs init
	status_is 3
	run3 certs node A1 10.0.0.1
	status_is 2
	err_has "'A1' is no name"
	run3 certs node a1 "10.0.0.1, DNS:bank"
	status_is 2
	run3 certs node a1
	status_is 2
	run3 certs -t soon node a1 h
	status_is 2
	[ "$(ls c/nodes)" = "$(printf 'ca.crt\nca.key')" ]
	run3 certs -h
	status_is 0
}

#!/usr/bin/env bats
# The daemon's own command line: options, configuration, exit statuses.
load helper

ledgerd() { "$BUILD_DIR/ledgerd" "$@"; }

# A chain in m, without a port.
make_chain() { mkt init -q --listen '' m; }

start() {
	"$BUILD_DIR/ledgerd" "$@" >ledgerd.log 2>&1 3>&- &
	LEDGERD=$!
	for _ in $(seq 200); do
		curl -sf --unix-socket m/ledgerd.sock -o /dev/null http://mkt/v1/health && return 0
		kill -0 "$LEDGERD" 2>/dev/null || return 1
		sleep 0.02
	done
	return 1
}

teardown() { [ -z "${LEDGERD:-}" ] || { kill "$LEDGERD"; wait "$LEDGERD"; } 2>/dev/null || true; }

@test "-h is the synopsis of the page" {
	run3 ledgerd -h
	status_is 0
	err_is ""
	out_has "usage: ledgerd [-dhnvV] [-f FILE] [-o SECTION.NAME=VALUE]..."
	mandoc -Tascii "$ROOT/man/ledgerd.8" | col -b | grep -q 'ledgerd \[-dhnvV\] \[-f file\] \[-o section.name=value\]'
}

@test "-V names program and version" {
	run3 ledgerd -V
	status_is 0
	[[ $out =~ ^ledgerd\ [0-9.]+$ ]] || fail version
}

@test "-n: the configuration that mkt init writes is right" {
	make_chain
	run3 ledgerd -n -f m/ledgerd.conf
	status_is 0
	out_is "configuration ok"
	err_is ""
}

@test "a configuration with a fault: status 2, file, line and setting" {
	printf '[node]\ndir = /tmp/x\nsokcet = /tmp/s\n' >c
	run3 ledgerd -n -f c
	status_is 2
	err_has "c:3: there is no setting 'sokcet' in [node]"
	printf '[node]\nrole = king\n' >c
	run3 ledgerd -n -f c
	status_is 2
	err_has "'role' is 'king', which is none of solo, fullnode and authority"
	printf '[disk]\nalarm_free = much\n' >c
	run3 ledgerd -n -f c
	err_has "'alarm_free' is 'much', which is no size such as 500MB or 2GB"
	printf '[node]\ndir = x\n[authority]\nkey = k\n[disk]\nalarm_free = 1GB\nrefuse_free = 2GB\n' >c
	run3 ledgerd -n -f c
	status_is 2
	err_has "'refuse_free' in [disk] is above 'alarm_free'"
	run3 ledgerd -n -f nothing
	status_is 2
	err_has "'nothing'"
}

@test "-n: what cannot be listened on, or sealed, has its own sentence and status 2" {
	make_chain
	refused() { # setting, sentence
		run3 ledgerd -n -f m/ledgerd.conf -o "$1"
		status_is 2
		out_is ""
		err_has "$2"
	}
	refused node.listen=foo "'listen' is 'foo', which is not HOST:PORT"
	refused node.listen=127.0.0.1:99999 "'99999' is no port up to 65535"
	refused node.listen=127.0.0.1: "'' is no port up to 65535"
	refused node.socket=x.sock "'socket' is 'x.sock', which is no path from the root"
	refused "node.socket=/$(printf '%0120d' 0)" "'socket' is longer than 107 bytes"
	refused "node.dir=$HOME/none" "there is no chain in '$HOME/none'"
	refused "authority.key=$HOME/none" "'$HOME/none'"
	mkt key new -q other
	refused "authority.key=$XDG_DATA_HOME/mkt/keys/other.key" "is not one of the authorities of chain 'mkt'"
	mkdir bad && printf x >bad/genesis
	refused "node.dir=$HOME/bad" "'$HOME/bad/genesis'"
	refused upstream.urls=http://x "only a fullnode follows another node"
	refused "peer a.b.url=x" "'url' in [peer a.b] has 'x', which does not begin with http:// or https://"
	run3 ledgerd -n -f m/ledgerd.conf -o 'node.listen=[::1]:7460'
	status_is 0
}

@test "mkt and ledgerd are of one version" {
	[ "$(ledgerd -V | cut -d' ' -f2)" = "$(mkt --version | cut -d' ' -f2)" ]
}

@test "what must be set is asked for" {
	run3 ledgerd -n -o node.socket=/tmp/s
	status_is 2
	err_has "'dir' in [node] is not set"
	run3 ledgerd -n -o node.dir=/tmp/c
	err_has "'key' in [authority] is not set"
	run3 ledgerd -n -o node.dir=/tmp/c -o authority.key=k -o node.socket= -o node.listen=
	err_has "neither 'socket' nor 'listen' is set"
}

@test "wrong options: status 2" {
	run3 ledgerd -x
	status_is 2
	err_has "see 'ledgerd -h'"
	run3 ledgerd chain
	status_is 2
	err_has "'chain' is not an option"
	run3 ledgerd -n -o nonsense
	status_is 2
	err_has "'nonsense' is not SECTION.NAME=VALUE"
}

@test "it serves, says so, and ends with status 0 on SIGTERM" {
	make_chain
	start -f m/ledgerd.conf
	grep -q "listening on $HOME/m/ledgerd.sock" ledgerd.log
	[ "$(stat -c %a m/ledgerd.sock)" = 660 ] || [ "$(stat -c %a m/ledgerd.sock)" = 600 ]
	status=0
	kill "$LEDGERD"
	wait "$LEDGERD" || status=$?
	LEDGERD=
	status_is 0
	[ ! -e m/ledgerd.sock ]
}

@test "a second daemon for the chain, or for the socket: status 7" {
	make_chain
	start -f m/ledgerd.conf
	run3 ledgerd -f m/ledgerd.conf -o "node.socket=$HOME/other"
	status_is 7
	mkt init -q --no-config --listen '' m2
	run3 ledgerd -f m2/ledgerd.conf -o "node.socket=$HOME/m/ledgerd.sock"
	status_is 7
	err_has "another process listens on '$HOME/m/ledgerd.sock'"
	curl -sf --unix-socket m/ledgerd.sock http://mkt/v1/health
}

@test "a port that is taken: status 7; one that is none: status 2" {
	make_chain
	start -f m/ledgerd.conf -o node.listen=127.0.0.1:28761
	mkt init -q --no-config --listen '' m2
	run3 ledgerd -f m2/ledgerd.conf -o node.listen=127.0.0.1:28761
	status_is 7
	err_has "cannot listen on '127.0.0.1:28761'"
	run3 ledgerd -f m2/ledgerd.conf -o node.listen=nowhere
	status_is 2
	err_has "'listen' is 'nowhere', which is not HOST:PORT"
}

@test "a key that may not seal, one that others may read, none: refused" {
	make_chain
	mkt key new -q other
	run3 ledgerd -f m/ledgerd.conf -o "authority.key=$XDG_DATA_HOME/mkt/keys/other.key"
	status_is 2
	err_has "is not one of the authorities"
	chmod 644 m/authority.key
	run3 ledgerd -f m/ledgerd.conf
	status_is 2
	rm m/authority.key
	run3 ledgerd -f m/ledgerd.conf
	status_is 2
}

@test "a socket that a crash left behind is no obstacle" {
	make_chain
	start -f m/ledgerd.conf
	kill -9 "$LEDGERD"
	wait "$LEDGERD" || true
	[ -S m/ledgerd.sock ]
	start -f m/ledgerd.conf
}

@test "no chain there: status 2; a damaged one: status 11" {
	make_chain
	run3 ledgerd -f m/ledgerd.conf -o node.dir=nothing
	status_is 2
	start -f m/ledgerd.conf
	mkt status -q
	kill "$LEDGERD"
	wait "$LEDGERD"
	LEDGERD=
	printf x | dd of=m/chain/genesis bs=1 seek=40 conv=notrunc status=none
	run3 ledgerd -f m/ledgerd.conf
	status_is 11
}

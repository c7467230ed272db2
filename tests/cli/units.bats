# Units of the service manager and sample configurations, as `make install` leaves them.

load helper

setup_file() {
	export TREE=$BATS_FILE_TMPDIR/root
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	make -s --no-print-directory install BUILD="${BUILD:-build}" DESTDIR="$TREE" PREFIX=/usr
	# What systemd's own tools ask of a root.
	mkdir -p "$TREE/etc/mkt" "$TREE/run" "$TREE/usr/lib/systemd/system"
}

setup() { private_home; }

units() { ls "$TREE"/usr/lib/systemd/system/*.service; }

have() { command -v "$1" >/dev/null || skip "$1 is not here"; }

@test "every program that a unit starts is installed" {
	local path
	for path in $(units | xargs sed -nE "s,^Exec[A-Za-z]*=(/usr[^ ]+).*,\1,p" | sort -u); do
		[ -x "$TREE$path" ] || fail "$path"
	done
}

@test "no unit names another prefix" {
	! grep -r /usr/local "$TREE/usr/lib"
}

@test "users and groups of units are made by sysusers" {
	local name
	for name in $(units | xargs sed -nE 's/^(User|Group|SupplementaryGroups)=//p' | tr ' ' '\n' | sort -u); do
		grep -qE "^[ug] $name |^m [^ ]+ $name\$" "$TREE/usr/lib/sysusers.d/mkt.conf" || fail "$name"
	done
	have systemd-sysusers
	run3 systemd-sysusers --root="$TREE"
	status_is 0
	grep -q '^mkt-ledger:' "$TREE/etc/passwd"
	grep -qE '^mkt:[^:]*:[0-9]+:(.*,)?mkt-charge(,|$)' "$TREE/etc/group"
}

@test "systemd knows every directive, and finds nothing to say" {
	have systemd-analyze
	local u
	for u in $(units); do
		# An instance of a template; the manual pages are no matter of the unit's.
		cp "$u" "$HOME/$(basename "$u" | sed 's/@/@one/')"
		sed -i "/^Documentation/d; s,=/usr/s\?bin/[a-z-]*,=/bin/true," "$HOME/$(basename "$u" | sed 's/@/@one/')"
	done
	run3 systemd-analyze verify "$HOME"/*.service
	status_is 0
	out_is ""
	err_is ""
}

@test "units are hardened: exposure below 2 of 10" {
	have systemd-analyze
	local u
	for u in $(units); do
		cp "$u" "$HOME/$(basename "$u" | sed 's/@/@one/')"
	done
	for u in "$HOME"/*.service; do
		run3 systemd-analyze security --offline=yes --threshold=20 "$u"
		status_is 0
	done
}

@test "the unit for one node and that for several differ in the configuration only" {
	cd "$TREE/usr/lib/systemd/system"
	diff <(sed -E 's/^Description=.*//; s,/etc/mkt/ledgerd-%i,/etc/mkt/ledgerd,' ledgerd@.service) \
		<(sed -E 's/^Description=.*//' ledgerd.service)
}

# samples DIR: below this home, with the chain, keys and certificates that they name.
samples() {
	cp -R "$TREE/usr/share/doc/mkt/examples/$1" conf
	sed -i "s,/etc/mkt/,$HOME/etc/,; s,/var/lib/mkt/,$HOME/lib/,; s,/run/mkt/,$HOME/run/," conf/*.conf
	mkdir -p etc lib
}

@test "sample of the paper's setting: configurations are right as they stand" {
	samples paper
	"$TREE/usr/bin/mkt-certs" -d etc/certs init
	"$TREE/usr/bin/mkt-certs" -d etc/certs node a1 10.0.0.1 >/dev/null
	"$TREE/usr/bin/mkt-certs" -d etc/certs node full1 10.0.0.1 >/dev/null
	"$TREE/usr/bin/mkt-certs" -d etc/certs door full1 market.example.net >/dev/null
	mkt init -q --no-config m
	cp -R m/chain lib/authority
	cp -R m/chain lib/full
	cp m/authority.key etc/authority.key
	local c
	for c in authority fullnode; do
		run3 "$BUILD_DIR/ledgerd" -n -f "conf/$c.conf"
		status_is 0
		out_is "configuration ok"
	done
}

@test "sample of three: configurations are right as they stand" {
	samples three
	local i c
	"$TREE/usr/bin/mkt-certs" -d etc/certs init
	for i in 1 2 3; do
		"$TREE/usr/bin/mkt-certs" -d etc/certs node a$i 10.0.0.$i >/dev/null
		"$TREE/usr/bin/mkt-certs" -d etc/certs client a$i >/dev/null
	done
	for i in 1 2; do
		"$TREE/usr/bin/mkt-certs" -d etc/certs node full$i 10.0.0.1$i >/dev/null
		"$TREE/usr/bin/mkt-certs" -d etc/certs door full$i 10.0.0.1$i >/dev/null
	done
	mkt init -q --no-config --authorities 3 --listen '' m
	cp -R m/chain lib/chain
	for i in 1 2 3; do cp m/authority-a$i.key etc/a$i.key; done
	for c in a1 a2 a3 full1 full2; do
		run3 "$BUILD_DIR/ledgerd" -n -f "conf/$c.conf"
		status_is 0
		out_is "configuration ok"
	done
}

@test "sample of three: members of etcd start as they are told, and only with certificates" {
	have etcd
	samples three
	local i net=127.$((1 + $$ % 254)).$(($$ / 254 % 256))
	"$TREE/usr/bin/mkt-certs" -d etc/certs init
	"$TREE/usr/bin/mkt-certs" -d etc/certs client a1 >/dev/null
	for i in 1 2 3; do
		"$TREE/usr/bin/mkt-certs" -d etc/certs etcd e$i "$net.$i" 127.0.0.1 >/dev/null # on loopback members call from there
		sed -i "s,10\.0\.0\.,$net.,g; s,/etc/etcd/certs,$HOME/etc/certs/etcd,; s,/var/lib/etcd,$HOME/etcd$i," conf/etcd-e$i.env
		mkdir -p "etcd$i"
		env -i PATH="$PATH" HOME="$HOME" $(grep -v '^#' conf/etcd-e$i.env) \
			setpriv --pdeathsig KILL etcd --log-level error >"etcd$i.log" 2>&1 3>&- &
	done
	local ask=(curl -s --max-time 0.2 --cacert etc/certs/etcd/ca.crt "https://$net.3:2379/health")
	for i in $(seq 100); do
		run3 "${ask[@]}" --cert etc/certs/etcd/a1-client.crt --key etc/certs/etcd/a1-client.key
		[[ $out != *true* ]] || break
		sleep 0.05
	done
	out_is '{"health":"true"}'
	run3 "${ask[@]}"
	out_is ""
	grep -h "unrecognized\|unknown" etcd?.log && return 1
	kill $(jobs -p)
}

teardown() {
	local job
	for job in $(jobs -p); do kill -9 "$job" 2>/dev/null || true; done
}

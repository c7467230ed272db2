#!/usr/bin/env bats
# Keys: made once, shown, sealed, never for others' eyes.
load helper

KEYS=.local/share/mkt/keys

@test "new makes a file of mode 0600 in a directory of mode 0700" {
	run3 mkt key new
	status_is 0
	err_is ""
	[[ $out =~ ^key\ default\ mkt1[a-z0-9]+\ in\ $HOME/$KEYS/default.key$ ]] || fail receipt
	[ "$(stat -c %a $KEYS/default.key)" = 600 ] || fail mode
	[ "$(stat -c %a $KEYS)" = 700 ] || fail "directory mode"
	[ "$(head -n 1 $KEYS/default.key)" = "mkt-secret-key 1" ] || fail form
}

@test "a key is never overwritten" {
	mkt key new -q a
	before=$(cat $KEYS/a.key)
	run3 mkt key new a
	status_is 3
	err_is "mkt: key file '$HOME/$KEYS/a.key' exists already
hint: keys are never overwritten: give another name"
	[ "$(cat $KEYS/a.key)" = "$before" ] || fail overwritten
}

@test "-q prints nothing, --dry-run makes nothing" {
	run3 mkt key new -q
	out_is ""
	run3 mkt key new -n b
	status_is 0
	out_has "dry run"
	[ ! -e $KEYS/b.key ] || fail made
}

@test "--identity says where" {
	run3 mkt --identity "$HOME/x/my.key" key new
	status_is 0
	[ -f x/my.key ]
	MKT_IDENTITY=$HOME/x/my.key run3 mkt key show --porcelain --fields name
	status_is 0
	out_is "# mkt-key 1
# fields type	name
key	my"
}

@test "show and list have the same fields" {
	mkt key new -q a
	mkt key new -q b
	run3 mkt key show a --json
	status_is 0
	[ "$(json '.schema, (.data | keys_unsorted | join(","))' <<<"$out" | tr '\n' ' ')" = \
		"mkt.key/1 name,account,sealed,file " ] || fail fields
	account=$(json .data.account <<<"$out")
	run3 mkt key list --json
	[ "$(json '.data | length' <<<"$out")" = 2 ] || fail count
	[ "$(json '.data[0].account' <<<"$out")" = "$account" ] || fail account
	[ "$(json '.data[0].sealed' <<<"$out")" = false ] || fail sealed
}

@test "an empty list is fine" {
	run3 mkt key list --json
	status_is 0
	out_is '{"schema":"mkt.keys/1","data":[]}'
}

@test "no key: status 5 and the way to one" {
	run3 mkt key show
	status_is 5
	out_is ""
	err_has "hint: make one with 'mkt key new'"
}

@test "a key file that others can read is refused" {
	mkt key new -q
	chmod 640 $KEYS/default.key
	run3 mkt key show
	status_is 4
	err_has "is open to others (mode 0640)"
	err_has "hint: chmod 600"
	run3 mkt key list
	status_is 0
	err_has "mkt: warning: key file"
}

@test "the secret goes to a terminal or a private file only" {
	mkt key new -q
	umask 022
	run3 mkt key show --secret
	status_is 4
	out_is ""
	status=0
	mkt key show --secret 2>.err | cat >got || true
	[ ! -s got ] || fail "a pipe got it"
	(umask 077 && mkt key show --secret >private)
	[[ $(cat private) =~ ^[0-9a-f]{64}$ ]] || fail secret
	run_tty "$BUILD_DIR/mkt" key show --secret
	status_is 0
	[ "$out" = "$(cat private)" ] || fail terminal
}

@test "import makes the same key" {
	mkt key new -q a
	(umask 077 && mkt key show a --secret >secret)
	mkt key import -q b --from secret
	mkt key import -q c <secret
	[ "$(cat $KEYS/a.key)" = "$(cat $KEYS/b.key)" ] || fail b
	[ "$(cat $KEYS/a.key)" = "$(cat $KEYS/c.key)" ] || fail c
	run3 mkt key import d --from /dev/null
	status_is 2
	err_has "a secret is 64 hexadecimal digits"
	[ ! -e $KEYS/d.key ] || fail made
}

@test "a sealed key: no secret inside, the passphrase opens it, another does not" {
	umask 077
	echo "correct horse" >pass
	echo "wrong horse" >wrong
	mkt key new -q a
	mkt key show a --secret >secret
	mkt key import -q s --from secret --passphrase-file pass
	! grep -q "$(cat secret)" $KEYS/s.key || fail "secret in the file"
	run3 mkt key show s --json
	[ "$(json .data.sealed <<<"$out")" = true ] || fail sealed
	mkt -c core.passphrase_file=pass key show s --secret >got
	[ "$(cat got)" = "$(cat secret)" ] || fail "not the same"
	status=0
	MKT_PASSPHRASE_FILE=wrong mkt key show s --secret >got 2>.err || status=$?
	err=$(cat .err)
	status_is 4
	err_has "passphrase of key file '$HOME/$KEYS/s.key' is wrong"
	[ ! -s got ] || fail "wrote"
	mkt -c core.passphrase_file=/dev/fd/7 key show s --secret >got 7<pass
	[ "$(cat got)" = "$(cat secret)" ] || fail "by descriptor"
}

@test "a passphrase is asked for on a terminal only, and not shown" {
	umask 077
	run3 mkt key new -p
	status_is 2
	err_has "nobody can be asked"
	coproc TTY { script -qec "'$BUILD_DIR/mkt' key new -p" /dev/null 2>&1; }
	read -r -d : first <&"${TTY[0]}"
	echo "pw one" >&"${TTY[1]}"
	read -r -d : second <&"${TTY[0]}"
	echo "pw one" >&"${TTY[1]}"
	rest=$(cat <&"${TTY[0]}")
	out=$first$second$rest
	out_has "key default"
	out_lacks "pw one"
	printf 'pw one' >pass
	mkt -c core.passphrase_file=pass key show --secret >got
	[[ $(cat got) =~ ^[0-9a-f]{64}$ ]] || fail secret
}

@test "a passphrase file that others can read is refused" {
	echo x >pass
	chmod 644 pass
	run3 mkt key new --passphrase-file pass
	status_is 4
	err_has "hint: chmod 600"
	[ ! -e $KEYS/default.key ] || fail made
}

@test "a damaged key file is told" {
	mkt key new -q
	sed -i 's/^secret ./secret g/' $KEYS/default.key
	run3 mkt key show
	status_is 2
	err_has "is not a key file of mkt"
	mkt key new -q b
	mkt key new -q c
	{ sed -n 1,2p $KEYS/b.key; sed -n 3p $KEYS/c.key; } >$KEYS/d.key
	chmod 600 $KEYS/d.key
	umask 077
	status=0
	mkt key show d --secret >got 2>.err || status=$?
	err=$(cat .err)
	status_is 11
	err_has "do not belong together"
}

@test "names stay in the directory" {
	for n in .. .x -- "a b" ""; do
		run3 mkt key new -- "$n"
		[ "$status" -eq 2 ] || fail "name '$n'"
	done
}

@test "a disk without room leaves no file" {
	mkdir -p full
	run3 mkt --identity /dev/full/x key new
	[ "$status" -ne 0 ] || fail status
	out_is ""
}

# mkt dash without a terminal: pictures, lines, scripts; against a real ledgerd.  tests/e2e/tui.sh has terminals.
load chain

# The lines of a script, as arguments, done off-screen.
script() {
	printf '%s\n' "$@" >script
	run3 mkt dash --script script
}

# Until @1 is in file @2; 20 s.
appears() {
	local i
	for i in $(seq 200); do
		grep -qF -- "$1" "$2" && return
		sleep 0.1
	done
	echo "no '$1' in:" >&2
	cat "$2" >&2
	return 1
}

@test "--once prints one picture: head, words, tabs, keys" {
	run3 mkt dash --once
	status_is 0; err_is ""
	[ "$(wc -l <<<"$out")" -eq 24 ]
	[[ $(sed -n 1p <<<"$out") == *"solo #"*"LIVE  READ-ONLY"* ]] || fail "header"
	[[ $(sed -n 3p <<<"$out") == "[1 Overview] 2 Book 3 Contracts"*"8 Nodes" ]] || fail "tabs"
	[[ $(tail -n 1 <<<"$out") == *"? help"*"q quit" ]] || fail "keys"
	! grep -q "$(printf '\033')" <<<"$out"
}

@test "every pane is printed in every size" {
	for pane in overview book contracts devices blocks account events nodes; do
		for size in 80x24 132x43 40x12 30x8; do
			run3 mkt dash "$pane" --once --size $size
			status_is 0; err_is ""; out_has LIVE
			[ "$(wc -l <"$HOME/.out")" -eq "${size#*x}" ] || fail "$pane $size: lines"
			[ "$(LC_ALL=C.UTF-8 wc -L <<<"$out")" -le "${size%x*}" ] || fail "$pane $size: columns"
		done
	done
}

@test "ASCII alone with --ascii, and where the locale is C" {
	run3 mkt dash --once --ascii --size 132x43
	status_is 0
	! LC_ALL=C grep -q '[^ -~]' <<<"$out"
	LC_ALL=C run3 mkt dash --once --size 132x43
	status_is 0
	! LC_ALL=C grep -q '[^ -~]' <<<"$out"
}

@test "the account of the key, and --account" {
	accounts a
	run3 as a dash --once
	status_is 0; out_has " a  available 1000000 JPY"
	run3 mkt --account a dash --once
	out_has " a  available 1000000 JPY"
	run3 mkt --account nobody dash --once
	status_is 0; out_has "account nobody is not on this chain"
}

@test "without a terminal it says what to do" {
	run3 mkt dash
	status_is 2
	err_is "mkt: the dashboard needs a terminal
hint: '--once' and '--text' need none"
}

@test "a node that is not there: --once tells so" {
	run3 mkt --server "unix:$HOME/none" --timeout 1s dash --once
	status_is 7; out_is ""; err_has "cannot reach"
}

@test "wrong calls" {
	run3 mkt dash nix --once
	status_is 2; err_has "there is no pane 'nix'"
	run3 mkt dash --once --size 80
	status_is 2; err_has "--size is COLSxROWS as 100x40, not '80'"
	run3 mkt dash --once --text
	status_is 2; err_has "exclude each other"
	run3 mkt dash book --pane book --once
	status_is 2; err_has "the pane is named twice"
	run3 mkt dash --script none
	status_is 2; err_has "cannot open 'none'"
}

@test "settings: ui.control, ui.theme, keys of one's own" {
	run3 mkt -c ui.control=yes dash --once
	status_is 0; out_has CONTROL; out_lacks READ-ONLY
	run3 mkt -c ui.control=yes dash --once --no-control
	out_has READ-ONLY
	run3 mkt config set ui.theme pink
	status_is 2
	run3 mkt config set ui.theme deuteranopia
	status_is 0
	printf 'wait LIVE\nkey F5\nscreen\n' >script
	run3 mkt -c keys.all.pause=F5 dash --script script
	status_is 0; out_has PAUSED
	run3 mkt -c keys.all.pause=q dash --once
	status_is 2; err_has "setting 'keys.all.pause' (option): 'q' in 'all' is 'QUIT' already"
	run3 mkt -c keys.book.nix=x dash --once
	status_is 2; err_has "there is no action 'nix' in pane 'book'"
}

@test "a script: keys, help, words that cannot be done" {
	script 'wait LIVE' 'key 2' 'key x' 'wait does nothing here' 'key b' 'wait read-only: start with' \
		'key ?' 'wait keys of book' 'keys leave' 'screen' 'key Enter'
	status_is 0; out_has "search: leave"; out_lacks "next pane"
	script 'wait LIVE' 'key 8' 'resize 132x43' 'screen' 'resize 40x12' 'screen' 'resize 30x8' 'screen' 'key q'
	status_is 0
	[ "$(wc -l <"$HOME/.out")" -eq $((43 + 12 + 8)) ]
	[[ $out == *"[8 Nodes]"*"[8 Nodes]"*"too small"* ]] || fail "sizes"
}

@test "a script that is wrong names its line; one that waits in vain shows the picture" {
	script 'wait LIVE' 'jump'
	status_is 2; err_has "line 2 of the script: 'jump' is no word of scripts"
	script 'gone READ-ONLY'
	status_is 1; err_has "line 1 of the script: waited in vain for the picture to lose 'READ-ONLY'"
	out_has "READ-ONLY"
}

@test "the command line: panes, zones, commands that look, commands that change" {
	accounts a
	script 'wait LIVE' 'keys :nodes' 'key Enter' 'wait [8 Nodes]' 'keys :tz UTC' 'key Enter' 'wait UTC' \
		'keys :theme pink' 'key Enter' 'wait theme is default' \
		'keys :account --account a' 'key Enter' 'wait 1000000' 'key Esc' 'gone 1000000' \
		'keys :bid buy 1kWh --at next --price green=25/kWh' 'key Enter' 'wait it may change something' \
		'keys :nix' 'key Enter' 'wait it is no command of ours' 'keys :quit' 'key Enter'
	status_is 0; err_is ""
}

@test "commands beside the dashboard act for its account" {
	accounts a
	printf '%s\n' 'wait LIVE' 'keys :mkt account --color never' 'key Enter' 'wait Esc close' screen >script
	run3 mkt --account a dash --script script
	status_is 0; out_has "name       a"
}

@test "--text: how it stands and what is new, as lines; SIGTERM ends it" {
	accounts a b
	MKT_IDENTITY=a "$BUILD_DIR/mkt" dash contracts --text >lines 2>err 3>&- &
	local pid=$!
	appears "LIVE  alarms 0" lines
	as a bid -q sell 40Wh --at "$W" --price green=85/kWh
	as b bid -q buy 40Wh --at "$W" --price green=85/kWh
	appears ">c1 " lines
	kill "$pid"
	status=0; wait "$pid" || status=$?
	[ "$status" -eq 143 ]
	! grep -q "$(printf '\033')" lines
	[ ! -s err ]
}

@test "--text --json: one object a line" {
	"$BUILD_DIR/mkt" dash nodes --text --json >lines 3>&- &
	local pid=$!
	appears '"text":"LIVE  alarms 0"' lines
	kill -INT "$pid"
	status=0; wait "$pid" || status=$?
	[ "$status" -eq 130 ]
	[ "$(jq -r .pane <lines | sort -u)" = nodes ]
}

@test "completion of panes" {
	run3 mkt --complete=pane b
	out_has "book"; out_has "blocks"; out_lacks "nodes"
}

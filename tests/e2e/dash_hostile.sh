#!/usr/bin/env bash
# The whole dashboard on a chain whose notes and charger ids are as hostile as the chain lets them in: pictures,
# dialogs, files and a real terminal keep their columns and hold nothing that steers a terminal.  TAP.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${BUILD:-build}" && pwd)
export LC_ALL=C.UTF-8 TZ=UTC
unset TMUX NO_COLOR MKT_SERVER MKT_CONFIG MKT_TZ MKT_ACCOUNT MKT_IDENTITY CLICOLOR CLICOLOR_FORCE
dir=$(mktemp -d "${TMPDIR:-/tmp}/hostile.XXXXXX") || exit 2
export HOME=$dir XDG_CONFIG_HOME=$dir/config XDG_DATA_HOME=$dir/data XDG_STATE_HOME=$dir/state
nr=0 failed=0 ledgerd= txs=()

t() { tmux -S "$dir/tmux" -f /dev/null -u "$@"; }
end() {
	t kill-server 2>/dev/null
	[ -z "$ledgerd" ] || { kill "$ledgerd"; wait "$ledgerd"; } 2>/dev/null
	for _ in $(seq 50); do rm -rf "$dir" 2>/dev/null && break; sleep 0.1; done
}
trap end EXIT

ok() { # status, what
	nr=$((nr + 1))
	if [ "$1" -eq 0 ]; then echo "ok $nr - $2"; return; fi
	echo "not ok $nr - $2"
	sed 's/^/# /' "$dir/why" 2>/dev/null | LC_ALL=C tr -c '\n -~' '?'
	failed=1
}
mkt() { "$build/mkt" --config "$dir/m/mkt.conf" "$@"; }

# Letters in two columns, right to left, overrides, joiners, marks without a letter, without end: no control
# characters, for the chain refuses those.
wide=電気市場電気市場
rtl=$'\u05e9\u05dc\u05d5\u05dd'
over=$'\u202egnp.live\u202c\u2066x\u2069'
joined=$'\U1f469\u200d\U1f469\u200d\U1f467'
marks=$'\u0301e\u0301\u0302\u0303\u0304\u0305\u0306\u0307'
tags=$'\U000e0041\ufe0f\ufeff\u200b'
lines=$'\u2028\u2029'
notes=("$wide$wide" "$rtl $over" "$joined$joined" "$marks$marks$marks" "$tags$lines" '%s%n%1$s' "'; rm -rf ~; '"
	"a|b+-+|----+ q quit" "$(printf '電%.0s' $(seq 80))" "$(printf 'e\u0301%.0s' $(seq 80))")

# clean FILE COLS: nothing in it steers, no line is longer than COLS columns.
clean() {
	: >"$dir/why"
	[ -s "$1" ] || echo "$1 is empty" >>"$dir/why"
	LC_ALL=C grep -anP '[\x00-\x08\x0b-\x1f\x7f]' "$1" >>"$dir/why"
	iconv -f UTF-8 -t UTF-8 "$1" >/dev/null 2>>"$dir/why"
	grep -anP '[\x{80}-\x{9f}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}\x{e0000}-\x{e007f}]' "$1" >>"$dir/why"
	[ "$(wc -L <"$1")" -le "$2" ] || echo "$1: $(wc -L <"$1") columns" >>"$dir/why"
	[ ! -s "$dir/why" ]
}

bad=0
for text in $'a\033[2J' "$over" $'\u009b' $'\xff' "$joined" "$(printf '電%.0s' $(seq 41))"; do
	printf '%s\n' "$text" >"$dir/out"
	clean "$dir/out" 80 && bad=1
done
ok $bad "what is looked for is found"

"$build/mkt" init -q --name demo --listen '' "$dir/m" &&
	{ "$build/ledgerd" -f "$dir/m/ledgerd.conf" >>"$dir/log" 2>&1 & ledgerd=$!; } &&
	mkt --timeout 30s status >/dev/null &&
	mkt key new -q a && mkt admin enroll -q a "$(mkt key show a --json | jq -r .data.account)" \
		--charger "$wide" --charger "$rtl$over" --charger "$marks" &&
	mkt admin deposit -q a 1000JPY --note "${notes[0]}"
ok $? "a market with hostile charger ids"
for note in "${notes[@]:1}"; do
	tx=$(mkt admin deposit a 1JPY --note "$note" --json | jq -r .data.tx) || failed=1
	txs+=("$tx")
done
ok $failed "hostile notes"
for bad in $'\033[2J' $'\u009b31m' $'\xff'; do mkt admin deposit -q a 1JPY --note "$bad" 2>/dev/null && break; done
[ $? -ne 0 ]
ok $? "what steers does not even get in"

bad=0
for pane in overview book contracts devices blocks account events nodes; do
	mkt --identity a dash $pane --once --size 80x24 >"$dir/out" && clean "$dir/out" 80 &&
		[ "$(wc -l <"$dir/out")" -eq 24 ] || { bad=1; cat "$dir/why"; }
done
ok $bad "every pane"

# Statement, its rows opened, searched, filtered and written to files; a text from a command beside the dashboard.
cat >"$dir/script" <<-END
	wait LIVE
	key 6
	wait statement
	key Right
	wait deposit
	screen
	keys /$wide
	key Enter
	screen
	keys \\$rtl
	key Enter
	screen
	key Esc
	keys \\!$over
	key Enter
	screen
	key Esc
	key Enter
	screen
	key Esc
	resize 41x12
	screen
	keys :account --json
	key Enter
	wait Esc close
	key G
	wait 電気市場
	screen
	key Esc
	gone Esc close
	$(for tx in "${txs[@]}"; do printf '%s\n' "keys :tx $tx" 'key Enter' 'wait Esc close' 'key G' screen 'key Esc' \
		'gone Esc close'; done)
	key e
	wait file
	key C-u
	keys $dir/rows.txt
	key Enter
	wait written to
	key e
	wait file
	key C-u
	keys $dir/rows.json
	key Enter
	wait written to
	keys :no $wide$over '$marks
	screen
	key Esc
	resize 80x24
	screen
END
mkt --identity a dash --script "$dir/script" --size 80x24 >"$dir/out" 2>"$dir/err"
s=$?
cat "$dir/out" "$dir/err" >"$dir/why"
ok $s "statement, search, filter, detail, command, files"
clean "$dir/out" 80 && grep -q 電気市場 "$dir/out" && grep -q 'gnp.live' "$dir/out"
ok $? "its pictures, and the letters that harm nobody are in them"
clean "$dir/rows.txt" 100000
ok $? "its rows as text"
clean "$dir/rows.json" 100000 && jq -e 'length == 10' "$dir/rows.json" >/dev/null
ok $? "its rows as JSON"

# A real terminal: rows end where they should, and its title is its own.
t new-session -d -s s -x 80 -y 24 "exec '$build/mkt' --config '$dir/m/mkt.conf' --identity a dash account"
t set-option -g allow-rename on
for _ in $(seq 300); do
	t capture-pane -p -t s >"$dir/out" && grep -q statement "$dir/out" && break
	sleep 0.1
done
t send-keys -t s Right
for _ in $(seq 300); do
	t capture-pane -p -t s >"$dir/out" && grep -q deposit "$dir/out" && break
	sleep 0.1
done
clean "$dir/out" 80 && grep -q deposit "$dir/out"
ok $? "on a terminal"
[ "$(wc -l <"$dir/out")" -eq 24 ] && sed -n 1p "$dir/out" | grep -q 'LIVE' && sed -n 24p "$dir/out" | grep -q 'q quit'
ok $? "its first and last lines are where they were"
t set-option -s set-clipboard on
t send-keys -t s y
for _ in $(seq 300); do
	t show-buffer >"$dir/why" 2>/dev/null && t capture-pane -p -t s | grep -qF "copied: $(cat "$dir/why")" && break
	sleep 0.1
done
[ -s "$dir/why" ] && t capture-pane -p -t s | grep -qF "copied: $(cat "$dir/why")"
ok $? "y: the terminal's clipboard has what it says"
case $(t display-message -p -t s '#{pane_title}') in *gnp* | *evil* | *電*) false ;; *) true ;; esac
ok $? "its title is its own"
echo "1..$nr"
exit $failed

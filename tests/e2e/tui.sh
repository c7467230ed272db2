#!/usr/bin/env bash
# The dashboard on real terminals (tmux): sizes, locales, colours, every pane resized, a node that stops, dies and
# comes back, and a terminal that is as it was before whatever ended the dashboard.  TAP.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${BUILD:-build}" && pwd)
export LC_ALL=C.UTF-8 TZ=UTC
unset TMUX NO_COLOR MKT_SERVER MKT_CONFIG MKT_TZ MKT_ACCOUNT MKT_IDENTITY CLICOLOR CLICOLOR_FORCE
dir=$(mktemp -d "${TMPDIR:-/tmp}/tui.XXXXXX") || exit 2
export HOME=$dir XDG_CONFIG_HOME=$dir/config XDG_DATA_HOME=$dir/data XDG_STATE_HOME=$dir/state
nr=0 failed=0 ledgerd=

t() { tmux -S "$dir/tmux" -f /dev/null -u "$@"; }
end() {
	t kill-server 2>/dev/null
	[ -z "$ledgerd" ] || { kill -CONT "$ledgerd"; kill "$ledgerd"; wait "$ledgerd"; } 2>/dev/null
	# The shells of the terminals end with it, each in its own time.
	for _ in $(seq 50); do rm -rf "$dir" 2>/dev/null && break; sleep 0.1; done
}
trap end EXIT

ok() { # status, what
	nr=$((nr + 1))
	if [ "$1" -eq 0 ]; then echo "ok $nr - $2"; return; fi
	echo "not ok $nr - $2"
	t capture-pane -p -t s 2>/dev/null | sed 's/^/# /'
	failed=1
}

# Until the screen shows (or with gone: does not show) a text; 30 s at most.
shows() {
	local i
	for i in $(seq 300); do
		case $(t capture-pane -p -t s) in *"$1"*) return 0 ;; esac
		sleep 0.1
	done
	return 1
}
gone() {
	local i
	for i in $(seq 300); do
		case $(t capture-pane -p -t s) in *"$1"*) ;; *) return 0 ;; esac
		sleep 0.1
	done
	return 1
}
keys() { t send-keys -t s "$@"; }

start_node() {
	"$build/ledgerd" -f "$dir/m/ledgerd.conf" >>"$dir/log" 2>&1 &
	ledgerd=$!
	"$build/mkt" --config "$dir/m/mkt.conf" --timeout 30s status >/dev/null
}

# A terminal of the size COLS ROWS with a shell in it, and the dashboard with VARIABLES and options.
terminal() {
	t new-session -d -s s -x "$1" -y "$2" "env PS1='sh> ' HISTFILE= bash --norc" || return 1
	shows 'sh>'
}
dash() { # words before and behind
	keys -l "stty -a >$dir/before; ${1:-} sh -c 'echo \$\$ >$dir/pid; exec $build/mkt --config $dir/m/mkt.conf dash ${2:-}'"
	keys Enter
	shows 'READ-ONLY' && shows 'LIVE'
}

# The shell answers, and the terminal is as it was.
as_before() {
	keys -l "stty -a >$dir/after; echo us''able"
	keys Enter
	shows 'usable' && cmp -s "$dir/before" "$dir/after"
}
coloured() { t capture-pane -p -e -t s | grep -qE $'\033''\[([0-9;]*;)?[34][0-7](;[0-9;]*)?m'; }
close_terminal() { t kill-session -t s; }

"$build/mkt" init -q --name demo --listen '' "$dir/m" && start_node
ok $? "a market"

terminal 80 24 && dash
ok $? "the dashboard at 80x24"
bad=0
n=0
for name in Overview Book Contracts Devices Blocks Account Events Nodes; do
	n=$((n + 1))
	t resize-window -t s -x 80 -y 24
	keys $n
	shows "[$n $name]" || bad=1
	t resize-window -t s -x 132 -y 43
	shows "8 Nodes" && shows "q quit" || bad=1
	t resize-window -t s -x 40 -y 12
	gone "8 Nodes" || [ $n -eq 8 ] || bad=1
	shows "[$n $name]" || bad=1
done
ok $bad "every pane, resized to 132x43 and 40x12"
t resize-window -t s -x 30 -y 8
shows "too small"
ok $? "30x8: one line"
keys 1
t resize-window -t s -x 80 -y 24
shows "[8 Nodes]"
ok $? "its keys were ignored, and the pane is the same again"
keys x
shows "'x' does nothing here"
ok $? "an unknown key says so"
coloured
ok $? "colours"

kill -STOP "$ledgerd"
shows "STALE "
ok $? "a node that says nothing: STALE"
kill -CONT "$ledgerd"
gone "STALE " && shows "LIVE"
ok $? "it goes on: LIVE"
kill -KILL "$ledgerd"
wait "$ledgerd" 2>/dev/null
shows "OFFLINE"
ok $? "a node that is dead: OFFLINE"
shows "operator"
ok $? "what was known stays"
start_node
gone "OFFLINE" && shows "LIVE"
ok $? "it is back: LIVE"

t resize-window -t s -x 80 -y 24
keys q
as_before
ok $? "q: the terminal is as before"
dash
kill -TERM "$(cat "$dir/pid")"
as_before
ok $? "SIGTERM: the terminal is as before"
dash
kill -INT "$(cat "$dir/pid")"
kill -INT "$(cat "$dir/pid")" 2>/dev/null
as_before
ok $? "SIGINT twice: the terminal is as before"
dash
kill -SEGV "$(cat "$dir/pid")"
as_before && shows 'Segmentation fault'
ok $? "a crash: the terminal is as before, and the shell's message can be read"
close_terminal

terminal 80 24 && dash NO_COLOR=1
! coloured
ok $? "NO_COLOR: none"
keys q
as_before
dash "" "--theme contrast"
ok $? "another theme"
close_terminal

terminal 132 43 && dash LC_ALL=C
shows '|' && ! t capture-pane -p -t s | LC_ALL=C grep -q '[^ -~]'
ok $? "the locale C: ASCII alone"
keys q
as_before
ok $? "and left"
echo "1..$nr"
exit $failed

#!/usr/bin/env bash
# What `make demo` runs, on a real terminal: the dashboard over a market that is being played, the table after it, and
# nothing left of either, also when it is interrupted.  TAP.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${BUILD:-build}" && pwd)
export LC_ALL=C.UTF-8 TZ=UTC
unset TMUX NO_COLOR MKT_SERVER MKT_CONFIG MKT_TZ MKT_ACCOUNT MKT_IDENTITY CLICOLOR CLICOLOR_FORCE
# Sockets are in here: their paths must be short.
dir=$(mktemp -d "${TMPDIR:-/tmp}/d.XXXXXX") || exit 2
export HOME=$dir XDG_CONFIG_HOME=$dir/config XDG_DATA_HOME=$dir/data XDG_STATE_HOME=$dir/state
mkdir "$dir/t"
nr=0 failed=0 round=0

# A server for each demo: one that is ending takes no new session.
t() { tmux -S "$dir/tmux.$round" -f /dev/null -u "$@"; }
end() {
	t kill-server 2>/dev/null
	for _ in $(seq 50); do rm -rf "$dir" 2>/dev/null && break; sleep 0.1; done
}
trap end EXIT
ok() { # status, what
	nr=$((nr + 1))
	if [ "$1" -eq 0 ]; then echo "ok $nr - $2"; return; fi
	echo "not ok $nr - $2"
	t capture-pane -p -S -100 -t s 2>/dev/null | sed 's/^/# /'
	failed=1
}
shows() { # text; a minute at most
	for _ in $(seq 600); do
		case $(t capture-pane -p -t s) in *"$1"*) return 0 ;; esac
		sleep 0.1
	done
	return 1
}
keys() { t send-keys -t s "$@"; }
demo() { # variables
	t kill-server 2>/dev/null
	round=$((round + 1))
	t new-session -d -s s -x 80 -y 40 "env TMPDIR='$dir/t' BUILD='$build' $* bash --norc -c 'contrib/demo; echo status=\$?; exec cat'"
}
# Programs end in their own time; none of them may stay, nor a file.
nothing_left() {
	for _ in $(seq 300); do
		[ -n "$(ls -A "$dir/t")" ] || ! pgrep -f "$dir/t/" >/dev/null || { sleep 0.1; continue; }
		[ -z "$(ls -A "$dir/t")" ] && return 0
		sleep 0.1
	done
	ls -lR "$dir/t" | sed 's/^/# /'
	pgrep -af "$dir/t/" | sed 's/^/# /'
	return 1
}

demo PACE=150ms
shows LIVE && shows "tx/block" && keys 3 && shows "kWh reported or settled"
ok $? "the dashboard shows the market at work"
keys 4 && shows " devices  " && shows "ready A" && shows "no car" && shows "p20-ba"
ok $? "and the chargers and batteries"
keys q
shows "money conserved" && shows "status=0"
ok $? "after the dashboard comes the table"
nothing_left
ok $? "and nothing is left"

demo PACE=10s
shows LIVE && keys q && shows "Ctrl-C ends it" && keys C-c && shows "status=130"
ok $? "the day can be ended before its end"
nothing_left
ok $? "and then nothing is left either"

demo PACE=10s TERM=dumb
shows "money conserved" && shows "status=0"
ok $? "without a terminal for it the day is played at once"
nothing_left
ok $? "and leaves nothing"
echo "1..$nr"
exit $failed

# mkt shell on a real terminal (tmux), against a real ledgerd.
load chain

t() { tmux -S "$HOME/tmux" -f /dev/null -u "$@"; }
keys() { t send-keys -t s "$@"; }
shown() { t capture-pane -p -t s; }

# Until the screen shows a text; 30 s at most.
shows() {
	local i
	for i in $(seq 300); do
		[[ $(shown) != *"$1"* ]] || return 0
		sleep 0.1
	done
	echo "no '$1' on the screen:" >&2
	shown >&2
	return 1
}

setup() {
	private_home && start_chain && account a || return 1
	export TERM=screen INPUTRC=/dev/null
	unset TMUX
	t new-session -d -s s -x 100 -y 30 "env PS1='sh> ' HISTFILE= bash --norc"
	shows 'sh>'
	keys "MKT_IDENTITY=a $BUILD_DIR/mkt shell; echo left=\$?" Enter
	shows 'a #'
}

teardown() {
	t kill-server 2>/dev/null || true
	stop_ledgerd 2>/dev/null || true
}

@test "commands, status, completion, Ctrl-C, Ctrl-D, history without secrets" {
	keys 'config get core.timeout' Enter; shows 30s
	keys 'conf' Tab 'get core.name'; shows 'config get core.name'
	keys C-c; shows 'config get core.name^C'; shows $'^C\na #'
	keys 'con' Tab Tab; shows 'contracts'; shows 'show and change settings'
	keys C-u
	keys 'let x = my-secret-1' Enter
	keys 'frobnicate' Enter; shows "'frobnicate' is not a mkt command"
	keys '?' Enter; shows $'\n2\n'
	keys C-d; shows 'left=2'
	[ "$(stat -c %a "$XDG_STATE_HOME/mkt/history")" = 600 ]
	grep -qx 'config get core.timeout' "$XDG_STATE_HOME/mkt/history"
	! grep -q secret "$XDG_STATE_HOME/mkt/history"
}

@test "an event stands above the half-typed line, which stays; STALE when the node is gone" {
	keys 'half a li'; shows 'half a li'
	as a bid buy -q 1kWh --at "$W" --price green=20/kWh
	as a bid sell -q 1kWh --at "$W" --price green=30/kWh
	account b
	as b bid sell -q 1kWh --at "$W" --price green=20/kWh
	shows 'kWh'
	keys 'ne'; shows 'half a line'
	[[ $(shown | grep -v '^$' | tail -n 1) == *'> half a line' ]]
	stop_ledgerd
	shows 'STALE'
	[[ $(shown | grep -v '^$' | tail -n 1) == *'> half a line' ]]
}

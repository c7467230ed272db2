# A simulated device, its mkt-driverd and clients.  What does not come within WAIT seconds is in vain.
WAIT=${WAIT:-20}

until_true() {
	local end=$((SECONDS + WAIT))
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "in vain: $*" >&2
			tail -n 15 "$HOME"/*.err "$HOME"/*.log "$HOME"/sim.out >&2 2>/dev/null
			return 1
		fi
		sleep 0.05
	done
}

# sim KIND OPTION...: a simulator behind the pty $HOME/tty; $sim_pid
sim() {
	local kind=$1
	shift
	[ -p "$HOME/script" ] || mkfifo "$HOME/script"
	exec 9<>"$HOME/script"
	"$BUILD_DIR/mkt-sim-$kind" --pty "$HOME/tty" "$@" <"$HOME/script" >>"$HOME/sim.out" 2>&1 3>&- 9>&- &
	sim_pid=$!
	until_true test -e "$HOME/tty"
}
tell_sim() { echo "$*" >&9; }

# What the simulator shows of itself: "limit_ma=16000"
shows() {
	: >"$HOME/sim.out"
	tell_sim show
	until_true grep -q unit= "$HOME/sim.out"
	grep -q -- "$1" "$HOME/sim.out"
}

# driverd OPTION...: in the background; $driverd_pid
driverd() {
	"$BUILD_DIR/mkt-driverd" --sockets "$HOME/d" "$@" >"$HOME/driverd.out" 2>>"$HOME/driverd.err" </dev/null 3>&- 9>&- &
	driverd_pid=$!
	until_true test -S "$HOME/d/device.sock"
}

# client NAME: what it is told is in $HOME/NAME.log
client() {
	local fd
	[ -p "$HOME/$1.in" ] || mkfifo "$HOME/$1.in"
	exec {fd}<>"$HOME/$1.in"
	eval "fd_$1=$fd"
	socat -t 1 - "UNIX-CONNECT:$HOME/d/device.sock,retry=200,interval=0.1" <"$HOME/$1.in" >"$HOME/$1.log" 2>/dev/null 3>&- 9>&- &
	eval "pid_$1=$!"
	until_true told "$1" '^ready$'
}
ask() {
	local fd="fd_$1"
	echo "$2" >&"${!fd}"
}
told() { grep -qE -- "$2" "$HOME/$1.log" 2>/dev/null; }
lose() {
	local pid="pid_$1"
	kill -9 "${!pid}"
}

# The last line of client $1 that begins as $2 matches $3.
now() { [[ $(grep -E -- "^$2" "$HOME/$1.log" | tail -n 1) =~ $3 ]]; }

gone() { ! kill -0 "$1" 2>/dev/null; }

end_all() {
	local p
	exec 9>&- || true
	for p in ${driverd_pid-} ${sim_pid-} ${pid_a-} ${pid_b-}; do
		kill "$p" 2>/dev/null || true
		until_true gone "$p" || kill -9 "$p" 2>/dev/null || true
	done
	wait 2>/dev/null || true
}

# A charger with a vehicle, ready, and a client of its mkt-driverd: a.
charger() {
	sim rapi --plugged "$@"
	driverd --port "$HOME/tty" --driver rapi -o lost=2s -o poll=300ms ${more-}
	client a
	until_true now a 'state' ' ready '
}

# A site for mkt charge: a chain on the operator's clock, simulated devices behind ptys with a
# mkt-driverd for each line, contracts, and a calendar that stands until a test moves it.
WAIT=${WAIT:-60}
load chain
load driverd

START=$(date -u -d 2026-11-23T01:00:00Z +%s) # 10:00 JST
WIN=$((START + 5400))                        # 11:30-12:00 JST, the window of contracts
HALF=$((WIN + 900))
END=$((WIN + 1800))
declare -gA proc=()

setup() {
	private_home
	export MKT_DEVICES=$HOME/devices.conf
	printf '[site]\nsockets = %s/run\n' "$HOME" >devices.conf
}

teardown() {
	local name
	for name in "${!proc[@]}"; do end "$name" TERM; done
	stop_ledgerd 2>/dev/null || true
}

# spawn NAME PROGRAM...: in the background, its output in NAME.log
spawn() {
	local name=$1
	shift
	"$@" <&0 >>"$name.log" 2>&1 3>&- &
	proc[$name]=$!
}
# end NAME SIGNAL; its status is in $ended
end() {
	ended=0
	kill -"$2" "${proc[$1]}" 2>/dev/null || true
	wait "${proc[$1]}" 2>/dev/null || ended=$?
	unset "proc[$1]"
}

# market CHARGER...: a ledger, the accounts grid and home, home with these chargers
market() {
	local c args=()
	for c; do args+=(--charger "$c"); done
	mkt init -q --name demo --clock operator --start 2026-11-23T01:00:00Z --listen '' m
	start_ledgerd
	account grid
	mkt key new -q home
	mkt admin enroll -q home "$(key_of home)" --class household "${args[@]}"
	mkt admin deposit -q home 1000000JPY
	export MKT_IDENTITY=home
}

# contract buy|sell WH: what home buys or sells in the window
contract() {
	local other=sell at
	[ "$1" = buy ] || other=buy
	at="$(date -u -d "@$WIN" +%Y-%m-%dT%H:%MZ)/$(date -u -d "@$END" +%H:%MZ)"
	as grid bid $other "$2Wh" --at "$at" --price 20/kWh -q
	as home bid "$1" "$2Wh" --at "$at" --price 20/kWh -q
}

calendar() {
	mkfifo cal
	exec {cal_fd}<>cal
	spawn calendar "$BUILD_DIR/tests/e2e/calendar" "$HOME/clock" $((START * 1000)) <cal
	until_true grep -q ready calendar.log
}
# to SECONDS: the calendar goes there, from decision to decision
to() {
	echo "to $(($1 * 1000))" >&"$cal_fd"
	until_true grep -qE "^at ${1}000 |^error" calendar.log
	! grep '^error' calendar.log
}

# line NAME SIMULATOR OPTION...: a simulator, and its line in devices.conf
line() {
	local name=$1 kind=$2 fd
	shift 2
	mkfifo "$name.in"
	exec {fd}<>"$name.in"
	eval "fd_$name=$fd"
	spawn "$name" "$BUILD_DIR/mkt-sim-$kind" --pty "$HOME/$name" --clock "$HOME/clock" "$@" <"$name.in"
	until_true grep -q '^ready' "$name.log"
	printf '[line.%s]\nport = %s\n' "$name" "$HOME/$name" >>devices.conf
}
# device NAME LINE DRIVER SETTING...: a section of devices.conf
device() {
	printf '[device.%s]\nline = %s\ndriver = %s\nlost = 20s\n' "$1" "$2" "$3" >>devices.conf
	shift 3
	printf '%s\n' "$@" >>devices.conf
}
tell() { # LINE VERB...
	local fd="fd_$1"
	shift
	echo "$*" >&"${!fd}"
}

serve() { # LINE
	rm -f "run/$1.sock"
	spawn "driverd-$1" "$BUILD_DIR/mkt-driverd" --clock "$HOME/clock" -f devices.conf "$1"
	until_true test -S "run/$1.sock"
}

# mkt charge run, in the background until it answers
charge() {
	spawn charge "$BUILD_DIR/mkt" --identity home charge run --clock "$HOME/clock" -v "$@"
	until_true charging
}
charging() {
	mkt charge status --json 2>/dev/null |
		jq -e '.data | length > 0 and all(.code != null)' >/dev/null 2>&1
}

# state DEV FIELD: what mkt charge status says
state() { mkt charge status "$1" --json | jq -r ".data[0].$2"; }
is() { [ "$(state "$1" "$2")" = "$3" ]; }

# The device's own counter, Wh.
meter() {
	mkt device read "$1" --json | jq -r ".data.reading[] | select(.reading == \"energy.$2\") | .value"
}

# What devices draw together by their own meters, W.
power() {
	local d sum=0
	for d; do sum=$((sum + $(mkt device read "$d" --json | jq '.data.reading[] | select(.reading == "power") | .value'))); done
	echo $sum
}

# openevse N SETTING...: ev-N on line lN, with a vehicle of one phase and up to 16 A
openevse() {
	local n=$1
	shift
	line "l$n" rapi --plugged --capacity 100000 --soc 100 --phases 1 --voltage 230000 --max 16000
	device "ev-$n" "l$n" rapi "poll = 500ms" "$@"
}

# What the chain was told of home's side: "c1 draw 900 ev-1", a line each
reports() {
	mkt log --kind report --json |
		jq -r 'select(.kind == "report" and .account_name == "home") | "c\(.exec) \(.side) \(.reported_wh) \(.charger)"'
}

# end_window N: the chain's clock passes the window's end, and N reports of home are there.
reported() { [ "$(reports | wc -l)" -ge "$1" ]; }
end_window() {
	to $END
	close_window
	until_true reported "$1"
}
close_window() { clock "$(date -u -d "@$END" +%Y-%m-%dT%H:%M:%SZ)"; }

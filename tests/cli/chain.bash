# For tests that need a market: a private chain for every test, on the operator's
# clock, which stands at 2026-11-22 09:00 JST until a test moves it; accounts on
# demand.  The server is stopped by its own number at the end.
#
#	load chain
#	@test "..." { account a; run3 as a bid buy 1kWh ...; }

load helper

DAY=2026-11-23
W="$DAY 10:30-11:00"
W2="$DAY 14:00-14:30"
W3="$DAY 18:00-18:30"

start_chain() {
	mkt init -q --name demo --clock operator --start 2026-11-22T00:00:00Z --listen '' "$@" m || return 1
	start_ledgerd
}

start_ledgerd() {
	"$BUILD_DIR/ledgerd" -f m/ledgerd.conf >>ledgerd.log 2>&1 3>&- &
	LEDGERD=$!
	mkt status -q >/dev/null || { cat ledgerd.log >&2; return 1; }
}

stop_ledgerd() {
	[ -z "$LEDGERD" ] || { kill "$LEDGERD" && wait "$LEDGERD"; }
	LEDGERD=
}

setup() { private_home && start_chain; }

# A test that fails in the middle leaves helpers behind: only those that it started are ended.
teardown() {
	local job
	stop_ledgerd 2>/dev/null || true
	for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
}

as() { local who=$1; shift; mkt --identity "$who" "$@"; }

key_of() { mkt key show "$1" --json | jq -r .data.account; }

# account NAME [CLASS]: a key, enrolled, with money
account() {
	mkt key new -q "$1" && mkt admin enroll -q "$1" "$(key_of "$1")" --class "${2:-household}" &&
		mkt admin deposit -q "$1" 1000000JPY
}

accounts() { local a; for a; do account "$a" || return 1; done; }

clock() { (unset MKT_IDENTITY && mkt admin clock -q --yes "$1"); }

# Number of the bid that a call places: bid_of as a bid sell ...
bid_of() { "$@" --json | jq -r .data.bid; }

# One line a contract of the account: "40Wh green 85000"
trades() {
	as "$1" contracts --all --porcelain --fields energy_wh,tag,price_ujpy_per_wh |
		awk -F'\t' '/^contract/ { print $3 "Wh", $2, $4 }'
}

# What a book's side holds: depth a "$W" buy
depth() {
	mkt book --at "$1" --porcelain ${3:+--tag "$3"} --fields side,energy_wh,price_ujpy_per_wh |
		awk -F'\t' -v side="$2" '$1 == "level" && $2 == side { print $4 "@" $3 }' | tr '\n' ' '
}

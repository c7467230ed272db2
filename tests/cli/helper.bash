# For every test of the command line: a home of its own, fixed zone, locale and
# width, and no settings from outside.  Tests check stdout, stderr and status each:
#
#	run3 mkt config get core.timeout
#	status_is 0; out_is "30s"; err_is ""

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD_DIR=$(cd "$ROOT" && cd "${BUILD:-build}" && pwd)

mkt() { "$BUILD_DIR/mkt" "$@"; }

private_home() {
	HOME=$(mktemp -d "${BATS_TEST_TMPDIR:-/tmp}/home.XXXXXX")
	export HOME TZ=UTC LC_ALL=C.UTF-8 COLUMNS=80 LINES=24 TERM=dumb
	export XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share
	export XDG_STATE_HOME=$HOME/.local/state XDG_RUNTIME_DIR=$HOME/run
	mkdir -p "$XDG_RUNTIME_DIR"
	local name
	for name in $(compgen -e | grep -E '^MKT_|^NO_COLOR$|^CLICOLOR|^PAGER$|^LESS$'); do
		unset "$name"
	done
	cd "$HOME" || return 1
}

setup() { private_home; }

# Run a command; $status, $out and $err are what came of it, a last newline taken off.
run3() {
	status=0
	"$@" >"$HOME/.out" 2>"$HOME/.err" </dev/null || status=$?
	out=$(cat "$HOME/.out")
	err=$(cat "$HOME/.err")
}

fail() {
	printf '%s\n' "$*" "status: $status" "stdout: $out" "stderr: $err" >&2
	return 1
}

status_is() { [ "$status" -eq "$1" ] || fail "expected status $1"; }
out_is() { [ "$out" = "$1" ] || fail "expected stdout: $1"; }
err_is() { [ "$err" = "$1" ] || fail "expected stderr: $1"; }
out_has() { [[ $out == *"$1"* ]] || fail "expected in stdout: $1"; }
out_lacks() { [[ $out != *"$1"* ]] || fail "not expected in stdout: $1"; }
err_has() { [[ $err == *"$1"* ]] || fail "expected in stderr: $1"; }

# A field of JSON on stdin or in a variable: json .data[0].name <<<"$out"
json() { jq -rc "$@"; }

# The same on a terminal of 80 x 24: script(1) makes one.  stdout and stderr come together.
run_tty() {
	status=0
	script -qec "$(printf '%q ' "$@")" /dev/null >"$HOME/.out" 2>&1 </dev/null || status=$?
	out=$(tr -d '\r' <"$HOME/.out")
	err=
}

#!/usr/bin/env bash
# Run the suites named on the command line and count: lint unit sim cli e2e fuzz determinism long.
# The last line is "N passed, N failed" with the skipped ones behind it.
set -u
cd "$(dirname "$0")/.." || exit 2
export BUILD=${BUILD:-build}
mkdir -p "$BUILD"
results=$(mktemp "$BUILD/results.XXXXXX") || exit 2
# Tests make their files below $scratch, and it is by its name that processes they left are found.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/mkt.XXXX") || exit 2
trap 'rm -rf "$results"* "$scratch"' EXIT

run() { TMPDIR=$scratch tests/run "$results" "$@"; }

# Programs that keep time with devices, nodes and people may come too late on a machine that does
# other things.  One that fails is run once more, with nothing beside it; both runs are shown, and what
# fails twice has failed.
timely() { MKT_TEST_AGAIN=$results.again run "$@"; }
again() {
	local line
	settle
	[ -s "$results.again" ] || return 0
	mv "$results.again" "$results.these"
	while read -r line; do
		eval "run $line"
	done <"$results.these"
}

# The same beside others: most wait more than they work.  settle waits for all of them.
jobs_max=$(($(nproc) + 1))
beside() {
	while [ "$(jobs -rp | wc -l)" -ge "$jobs_max" ]; do wait -n; done
	"$@" &
}
settle() { wait; }

built() { # a variant of the tree: directory, variables...
	local dir=$1
	shift
	run "build $dir" make --no-print-directory -j2 BUILD="$dir" "$@" tests-build
}

label() { # name, build directory
	if [ "$2" = "$BUILD" ]; then echo "$1"; else echo "$1 ($2)"; fi
}

# Device code has no threads: what is about it alone needs no second look for races.
wanted() { # test
	[ -z "${threads_only:-}" ] || ! grep -qE \
		'"(drivers|core/device|tests/(drvtest|memlink|memsim|simdev))|mkt-driverd|mkt-sim-|load driverd' "$1"
}

programs() { # suite folder, build directory
	local t name
	for t in tests/"$1"/*.c; do
		wanted "$t" || continue
		name=$(basename "$t" .c)
		beside timely "$(label "$1/$name" "$2")" env BUILD="$2" "$2/tests/$1/$name"
	done
	again
}

# Those that measure time or load say "alone" in a comment, and get the machine for themselves.
scripts() { # suite folder, build directory
	local t alone=()
	for t in tests/"$1"/*.sh; do
		wanted "$t" || continue
		if grep -q '^# alone:' "$t"; then
			alone+=("$t")
			continue
		fi
		beside timely "$(label "$1/$(basename "$t" .sh)" "$2")" env BUILD="$2" "$t"
	done
	settle
	for t in ${alone[@]+"${alone[@]}"}; do
		timely "$(label "$1/$(basename "$t" .sh)" "$2")" env BUILD="$2" "$t"
	done
	again
}

commands() { # build directory
	local t
	for t in tests/cli/*.bats; do
		wanted "$t" || continue
		beside timely "$(label "cli/$(basename "$t" .bats)" "$1")" env BUILD="$1" bats -t "$t"
	done
	again
}

suite_lint() {
	for t in layers shape docs; do
		run "lint/$t" "tests/lint/$t.sh"
	done
}
suite_unit() { programs unit "$BUILD"; }
suite_sim() { programs sim "$BUILD"; }
suite_cli() { commands "$BUILD"; }
suite_e2e() { scripts e2e "$BUILD"; }
suite_fuzz() {
	run "build fuzz" make --no-print-directory -j2 fuzz-build
	for t in tests/fuzz/*.c; do
		beside run "fuzz/$(basename "$t" .c)" make --no-print-directory "fuzz-$(basename "$t" .c)" \
			FUZZ_SECONDS="${FUZZ_SECONDS:-5}"
	done
	settle
}

# The same seeds give the same digest whatever compiler and optimisation made the program.
suite_determinism() { run determinism tests/determinism.sh; }

# Everything that runs, in its short form, in a build with sanitizers.  They write to files: a
# ledgerd that is killed or whose end nobody looks at must not keep its report to itself.
sanitized() { # directory, variables...
	local dir=$1 log=$PWD/$1/report
	built "$@"
	rm -f "$log".*
	export ASAN_OPTIONS=log_path=$log UBSAN_OPTIONS=log_path=$log:print_stacktrace=1 \
		TSAN_OPTIONS=log_path=$log
	programs unit "$dir"
	# One command is one thread; what a daemon does with many of them is in e2e.
	[ -n "${threads_only:-}" ] || commands "$dir"
	scripts e2e "$dir"
	run "reports of sanitizers ($dir)" sh -c '! cat "$1".* 2>/dev/null' sh "$log"
	unset ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS
}

suite_long() {
	sanitized build-asan SAN=address,undefined OPT='-O1 -g'
	threads_only=1
	sanitized build-tsan SAN=thread OPT='-O1 -g' CC=clang
	threads_only=
	for t in tests/unit/*.c; do
		t=$(basename "$t" .c)
		beside timely "valgrind/$t" valgrind -q --error-exitcode=9 --leak-check=full \
			--errors-for-leak-kinds=definite "$BUILD/tests/unit/$t"
	done
	again
	run analyse/clang-tidy tests/lint/tidy.sh
	run analyse/cppcheck tests/lint/cppcheck.sh
	export MKT_BUILDS="build-asan build-tsan" MKT_LONG=1 FUZZ_SECONDS=${FUZZ_SECONDS:-20}
	programs sim build-asan
	suite_e2e
	suite_fuzz
}

for s in "$@"; do
	"suite_$s"
done
tests/run "$results" "nothing is left behind" tests/leftovers.sh "$scratch"
tests/run --sum "$results"

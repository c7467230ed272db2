#!/usr/bin/env bash
# Run the suites named on the command line and count: lint unit sim cli e2e fuzz determinism long.
# The last line is "N passed, N failed" with the skipped ones behind it.
set -u
cd "$(dirname "$0")/.." || exit 2
export BUILD=${BUILD:-build}
mkdir -p "$BUILD"
results=$(mktemp "$BUILD/results.XXXXXX")
trap 'rm -f "$results"' EXIT

run() { tests/run "$results" "$@"; }

built() { # a variant of the tree: directory, variables...
	local dir=$1
	shift
	run "build $dir" make --no-print-directory -j2 BUILD="$dir" "$@" tests-build
}

programs() { # suite folder, build directory, environment...
	local folder=$1 dir=$2
	shift 2
	for t in tests/"$folder"/*.c; do
		[ -f "$t" ] || continue
		name=$(basename "$t" .c)
		run "$folder/$name${*:+ ($dir)}" env "$@" "$dir/tests/$folder/$name"
	done
}

suite_lint() {
	for t in layers shape docs; do
		run "lint/$t" "tests/lint/$t.sh"
	done
}
suite_unit() { programs unit "$BUILD"; }
suite_sim() { programs sim "$BUILD"; }
suite_cli() {
	for t in tests/cli/*.bats; do
		run "cli/$(basename "$t" .bats)" bats -t "$t"
	done
}
suite_e2e() {
	for t in tests/e2e/*.sh; do
		run "e2e/$(basename "$t" .sh)" "$t"
	done
}
suite_fuzz() {
	for t in tests/fuzz/*.c; do
		run "fuzz/$(basename "$t" .c)" make --no-print-directory "fuzz-$(basename "$t" .c)" \
			FUZZ_SECONDS="${FUZZ_SECONDS:-5}"
	done
}

# The same seeds give the same digest whatever compiler and optimisation made the program.
suite_determinism() { run determinism tests/determinism.sh; }

suite_long() {
	export MKT_LONG=1 FUZZ_SECONDS=60
	built build-asan SAN=address,undefined OPT='-O1 -g'
	programs unit build-asan SAN=1
	programs sim build-asan SAN=1
	for t in tests/cli/*.bats; do
		run "cli/$(basename "$t" .bats) (build-asan)" env BUILD=build-asan bats -t "$t"
	done
	built build-tsan SAN=thread OPT='-O1 -g' CC=clang
	for t in tests/e2e/*.sh; do
		run "e2e/$(basename "$t" .sh) (build-tsan)" env BUILD=build-tsan MKT_LONG= "$t"
	done
	built build-clang CC=clang
	programs unit build-clang CC=clang
	for t in tests/unit/*.c; do
		name=$(basename "$t" .c)
		run "valgrind/$name" valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
			"$BUILD/tests/unit/$name"
	done
	run analyse/clang-tidy tests/lint/tidy.sh
	run analyse/cppcheck tests/lint/cppcheck.sh
	suite_e2e
	suite_fuzz
}

for s in "$@"; do
	"suite_$s"
done
tests/run --sum "$results"

#!/usr/bin/env bash
# Build the core three ways (gcc -O2, clang -O2, gcc -O0) and run the same seeded streams; all digests must be equal.
# Each program of tests/sim prints lines "digest NAME HEX".
set -u
cd "$(dirname "$0")/.." || exit 2
export MKT_SEED=20190617 MKT_SEEDS=500
digests() { # directory, make variables...
	local dir=$1
	shift
	make --no-print-directory -j2 BUILD="$dir" "$@" $(ls tests/sim/*.c | sed "s,^,$dir/,; s,\.c\$,,") >"$dir.log" 2>&1 ||
		{ tail -n 20 "$dir.log" >&2; return 1; }
	for t in tests/sim/*.c; do
		"$dir/tests/sim/$(basename "$t" .c)" | grep '^digest '
	done
}
mkdir -p build-det
n=0
fail=0
first=$(digests build-det/gcc CC=gcc) || fail=1
[ -n "$first" ] || fail=1
for v in "clang CC=clang" "gcc-O0 CC=gcc OPT=-O0"; do
	n=$((n + 1))
	# shellcheck disable=SC2086
	other=$(digests "build-det/${v%% *}" ${v#* }) || fail=1
	if [ $fail -eq 0 ] && [ "$first" = "$other" ]; then
		echo "ok $n - digests of gcc -O2 and $v are equal"
	else
		echo "not ok $n - digests of gcc -O2 and $v"
		diff <(echo "$first") <(echo "$other") | sed 's/^/# /'
		fail=1
	fi
done
echo "1..$n"
exit $fail

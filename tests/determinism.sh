#!/usr/bin/env bash
# Build the core three ways (gcc -O2, clang -O2, gcc -O0) and run the same seeded streams; all digests must be equal.
# Programs of tests/sim print lines "digest NAME HEX"; those of the terminal have none.
set -u
cd "$(dirname "$0")/.." || exit 2
export MKT_SEED=20190617 MKT_SEEDS=500
programs=$(grep -l '"digest ' tests/sim/*.c | sed 's,\.c$,,')
digests() { # directory, make variables...
	local dir=$1 t
	shift
	# shellcheck disable=SC2086
	make --no-print-directory -j2 BUILD="$dir" "$@" $(printf "$dir/%s " $programs) >"$dir.log" 2>&1 ||
		{ tail -n 20 "$dir.log" >&2; return 1; }
	for t in $programs; do
		"$dir/$t" | grep '^digest ' || return 1
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

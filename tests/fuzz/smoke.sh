#!/bin/sh
# Run fuzz targets: smoke.sh DIR SECONDS NAME...  Prints TAP; the log of one that failed before it.
# The same seed each time, so that what fails is not chance; MKT_SEED=0 takes one from the clock.
set -eu
dir=$1
seconds=$2
shift 2
status=0
n=0
for name in "$@"; do
	n=$((n + 1))
	work=$dir/work/$name
	rm -rf "$work/tmp"
	mkdir -p "$work/found" "$work/tmp"
	seed=tests/fuzz/corpus/$name
	[ -d "$seed" ] || seed=
	# New inputs go to the first folder; the corpus of the source tree is only read.
	# shellcheck disable=SC2086
	if TMPDIR=$work/tmp "$dir/bin/$name" -max_total_time="$seconds" -seed="${MKT_SEED:-1}" -timeout=10 -rss_limit_mb=1024 \
		-max_len=8192 -print_final_stats=1 -artifact_prefix="$work/" \
		"$work/found" $seed >"$work/log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
		echo "ok $n - fuzz/$name, $runs runs"
	else
		tail -n 40 "$work/log" | sed 's/^/# /'
		echo "not ok $n - fuzz/$name: see $work/log"
		status=1
	fi
done
echo "1..$n"
exit $status

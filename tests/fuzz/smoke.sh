#!/bin/sh
# Run fuzz targets: smoke.sh DIR SECONDS NAME...
# One line a target: "PASS fuzz/NAME ..." or "FAIL fuzz/NAME ..." with the end of its log.
set -eu
dir=$1
seconds=$2
shift 2
status=0
for name in "$@"; do
	work=$dir/work/$name
	mkdir -p "$work/found"
	seed=tests/fuzz/corpus/$name
	[ -d "$seed" ] || seed=
	# New inputs go to the first folder; the corpus of the source tree is only read.
	# shellcheck disable=SC2086
	if "$dir/bin/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
		-max_len=8192 -print_final_stats=1 -artifact_prefix="$work/" \
		"$work/found" $seed >"$work/log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
		echo "PASS fuzz/$name ($runs runs)"
	else
		echo "FAIL fuzz/$name: see $work/log"
		tail -n 40 "$work/log" | sed 's/^/  /'
		status=1
	fi
done
exit $status

#!/usr/bin/env bash
# Fail if processes whose TMPDIR is $1 still run, or if anything is in it.
set -u
dir=$1

processes() {
	local p
	for p in $(grep -lzxF "TMPDIR=$dir" /proc/[0-9]*/environ 2>/dev/null); do
		echo "process ${p//[!0-9]/}: $(tr '\0' ' ' <"${p%environ}cmdline")"
	done
}

# What a test has just killed may take a moment to go.
until=$((SECONDS + 5))
while [ -n "$(processes)" ] && [ $SECONDS -lt $until ]; do
	sleep 0.1
done
left=$(processes; find "$dir" -mindepth 1 -maxdepth 1)
[ -z "$left" ] || { echo "$left"; exit 1; }

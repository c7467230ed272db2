# For the lints: report DESCRIPTION OFFENDERS prints a line of TAP, report_end the plan.
n=0
fail=0

report() {
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | head -n 40 | sed 's/^/# /'
		fail=1
	fi
}

report_end() {
	echo "1..$n"
	exit $fail
}

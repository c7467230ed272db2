# Make mkt-errors(7) from core/base/errors.def: awk -f man/errors.awk core/base/errors.def >man/mkt-errors.7
function unquote(s) { sub(/^ *"/, "", s); sub(/"$/, "", s); gsub(/\\"/, "\"", s); return s }
BEGIN {
	print ".\\\" Made by man/errors.awk from core/base/errors.def; do not edit."
	print ".Dd November 22, 2026\n.Dt MKT-ERRORS 7\n.Os\n.Sh NAME\n.Nm mkt-errors\n.Nd every outcome with its word, number and exit status"
	print ".Sh DESCRIPTION\nEvery failure has a word, which stands in"
	print ".Li error.code\nof JSON, a number, which stands in blocks, and an exit status."
	print "Words and numbers never change.\nThe sentence may be longer where more is known.\n.Bl -tag -width Ds"
}
/^MKT_ERROR\(/ {
	line = $0
	sub(/^MKT_ERROR\(/, "", line); sub(/\)$/, "", line)
	split(line, f, ", ")
	word = f[3]; exit_status = f[4]
	rest = line
	for (i = 0; i < 4; i++) sub(/^[^,]*, /, "", rest)
	split(rest, t, /", "/)
	text = unquote(t[1] (t[1] ~ /"$/ ? "" : "\"")); hint = t[2]
	sub(/"$/, "", hint)
	printf ".It %s Pq number %s , exit status %s\n", unquote(word), f[2], exit_status
	print toupper(substr(text, 1, 1)) substr(text, 2) "."
	if (hint != "") print ".Em Hint :\n" hint "."
}
END { print ".El\n.Sh SEE ALSO\n.Xr mkt 1 ,\n.Xr mkt-protocol 7" }

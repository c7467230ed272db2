# Make the keys of mkt-dash(1) anew: awk -f man/keys.awk tui/keymap.def man/mkt-dash.1
function unquote(s) { sub(/^[^"]*"/, "", s); sub(/"$/, "", s); gsub(/\\"/, "\"", s); gsub(/\\\\/, "\\e", s); return s }
function sentence(s) { return toupper(substr(s, 1, 1)) substr(s, 2) "." }
function title(pane) { return pane == "ALL" ? "Keys of every pane" : "Keys of " tolower(pane) }
/^TUI_KEY\(/ {
	line = $0
	sub(/^TUI_KEY\(/, "", line); sub(/\)$/, "", line)
	pane = line; sub(/,.*/, "", pane)
	rest = line; sub(/^[^,]*, /, "", rest)
	keys = rest; sub(/", [A-Z_0-9]+, .*/, "\"", keys); keys = unquote(keys)
	action = rest; sub(/^"[^"]*", /, "", action); sub(/,.*/, "", action)
	help = line; sub(/^.*, "/, "\"", help); help = unquote(help)
	n = split(keys, k, " "); it = ".It Ic"
	for (i = 1; i <= n; i++) it = it " \\&" k[i]
	if (!(pane in text)) order[++panes] = pane
	text[pane] = text[pane] it " Pq Li " tolower(action) "\n" sentence(help) "\n"
	if (line ~ /TUI_F_CONTROL/) text[pane] = text[pane] "Needs\n.Fl -control .\n"
	next
}
FILENAME ~ /\.def$/ { next }
/^\.\\" end of keys/ { skip = 0 }
!skip { print }
/^\.\\" keys: made by/ {
	skip = 1
	for (p = 1; p <= panes; p++)
		printf ".Ss %s\n.Bl -tag -compact -width \"PgDn C-f (page_down)\"\n%s.El\n", title(order[p]), text[order[p]]
}

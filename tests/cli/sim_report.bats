#!/usr/bin/env bats
# The page of mkt sim: a document that parses, alone, with the figures of the other reports; or none.
load helper

setup() {
	private_home
	export TMPDIR=$HOME/tmp
	mkdir "$TMPDIR"
}

# parsed FILE EXPRESSION: of the document d, in python
parsed() {
	python3 - "$1" "$2" <<'EOF'
import sys, xml.dom.minidom
d = xml.dom.minidom.parse(sys.argv[1])
def text(e): return "".join(n.data if n.nodeType == n.TEXT_NODE else text(n) for n in e.childNodes)
def rows(i): return [[text(c) for c in r.childNodes if c.nodeType == c.ELEMENT_NODE]
                     for r in d.getElementsByTagName("tbody")[i].getElementsByTagName("tr")]
def figure(name): return next(r[1] for r in rows(1) if r[0] == name)
print(eval(sys.argv[2]))
EOF
}

@test "a page of charts and tables, with the figures that are told elsewhere" {
	run3 mkt sim --days 2 --report page.html --json
	status_is 0
	err_is ""
	[ "$(parsed page.html 'len(d.getElementsByTagName("svg"))')" = 4 ] || fail charts
	[ "$(parsed page.html '[text(t) for t in d.getElementsByTagName("title")][1:]')" = \
		"['Price by hour of the day', 'Contracted against metered', \"Where each participant's energy came from\", 'Bills']" ] || fail titles
	[ "$(parsed page.html 'len(rows(0))')" = 21 ] || fail participants
	# The sums of the table are the figures of the report, to the hundredth.
	local sums
	sums=$(parsed page.html '[round(sum(float(r[k]) for r in rows(0)) * 1000) for k in (1, 6)]')
	[ "$sums" = "$(json -r '.data | "[\(.load_wh + .cars_wh), \(.metered_supply_wh)]"' <<<"$out")" ] || fail "$sums"
	[ "$(parsed page.html "abs(sum(float(r[7]) for r in rows(0)) - $(json .data.bills_uc <<<"$out") / 1e6) < 0.25")" = True ] || fail bills
	[ "$(parsed page.html "abs(sum(float(r[8]) for r in rows(0)) - $(json .data.retailer_alone_uc <<<"$out") / 1e6) < 0.25")" = True ] || fail alone
	[ "$(parsed page.html 'figure("contracts").replace(",", "")')" = "$(json .data.contracts <<<"$out")" ] || fail contracts
	[ "$(parsed page.html 'figure("over-contracted")')" = "0 Wh" ] || fail over
	# Alone: nothing to run and nothing to fetch but the names of its languages.
	! grep -qiE '<script|<link|url\(|src=|href=|@import' page.html || fail "not alone"
	! grep -q "$HOME" page.html || fail "tells of this machine"
}

@test "the same run gives the same page" {
	mkt sim --report a.html -q >/dev/null
	mkt sim --report b.html -q >/dev/null
	mkt sim --seed 2 --report c.html -q >/dev/null
	diff <(sed '/>disk</d; />bytes a transaction</d' a.html) <(sed '/>disk</d; />bytes a transaction</d' b.html)
	! cmp -s a.html c.html
}

@test "a file that cannot be written is told, and nothing is left" {
	run3 mkt sim --days 3000 --report no/page.html # told before they are played
	status_is 7
	err_has "no/page.html"
	[ ! -e no ] && [ -z "$(ls -A "$TMPDIR")" ] || fail left
	for option in --compare --green-curve --table9; do
		run3 mkt sim --report page.html $option
		status_is 2
		[ ! -e page.html ] || fail "a page of several runs"
	done
}

#!/usr/bin/env bats
# The page of mkt sim: a document that parses, alone, with the figures of the other reports; or none.
load helper

setup() {
	private_home
	export TMPDIR=$HOME/tmp
	mkdir "$TMPDIR"
}

# parsed FILE EXPRESSION: of the document d, in python; "wh" and "uc" are sums of a column in base units
parsed() {
	python3 - "$1" "$2" <<'EOF'
import sys, xml.dom.minidom
d = xml.dom.minidom.parse(sys.argv[1])
def text(e): return "".join(n.data if n.nodeType == n.TEXT_NODE else text(n) for n in e.childNodes)
def by(name): return d.getElementsByTagName(name)
def id(name): return next(e for e in by("*") if e.getAttribute("id") == name)
def rows(table, part="tbody"): return [[text(c) for c in r.childNodes if c.nodeType == c.ELEMENT_NODE]
                     for r in id(table).getElementsByTagName(part)[0].getElementsByTagName("tr")]
def wh(table, *columns): return sum(round(float(r[k]) * 1000) for r in rows(table) for k in columns)
def all(k): return rows("participants", "tfoot")[0][k]
def figure(name): return next(r[1] for r in rows("figures") if r[0] == name)
print(eval(sys.argv[2]))
EOF
}

# same_sums FILE: are the sums of its tables the figures of the JSON report in $out?
same_sums() {
	local sums
	sums=$(parsed "$1" '[wh("participants", 1), wh("participants", 3, 4, 5), wh("participants", 3, 4), wh("participants", 6), wh("times", 1), wh("times", 2)]')
	[ "$sums" = "$(json -r '.data | "[\(.load_wh + .cars_wh), \(.metered_draw_wh), \(.bought_wh), \(.metered_supply_wh), \(.contracted_wh), \(.delivered_wh)]"' <<<"$out")" ] || fail "$sums"
	# Money is shown to the hundredth.
	[ "$(parsed "$1" "abs(float(all(7)) - $(json .data.bills_uc <<<"$out") / 1e6) < 0.01 and abs(float(all(8)) - $(json .data.retailer_alone_uc <<<"$out") / 1e6) < 0.01")" = True ] || fail bills
	[ "$(parsed "$1" 'wh("participants", 1) == round(float(all(1)) * 1000)')" = True ] || fail "sum of the table"
	[ "$(parsed "$1" 'figure("contracts").replace(",", "")')" = "$(json .data.contracts <<<"$out")" ] || fail contracts
	[ "$(parsed "$1" 'figure("over-contracted")')" = "$(json .data.over_contracted_wh <<<"$out") Wh" ] || fail over
	[ "$(parsed "$1" 'figure("bytes a transaction")')" = "$(json .data.bytes_per_transaction <<<"$out")" ] || fail bytes
	[ "$(parsed "$1" 'text(id("digest"))')" = "$(json .data.digest <<<"$out")" ] || fail digest
	[[ $(parsed "$1" 'text(id("verdict"))') == "Everything held"* ]] || fail verdict
}

@test "a page of charts and tables, with the figures that are told elsewhere" {
	run3 mkt sim --days 2 --report page.html --json
	status_is 0
	err_is ""
	[ "$(parsed page.html 'len(by("svg"))')" = 5 ] || fail charts
	[ "$(parsed page.html '[text(t) for t in by("title")][1:]')" = \
		"['Price by hour of the day', 'Contracted against metered', \"Where each participant's energy came from\", 'The same in parts of each', 'Bills']" ] || fail titles
	[ "$(parsed page.html '[len(rows(t)) for t in ("prices", "times", "participants")]')" = "[24, 2, 21]" ] || fail rows
	# Everybody's name is at the charts.
	[ "$(parsed page.html '[[text(t) for t in s.getElementsByTagName("text")].count("p21") for s in by("svg")]')" = "[0, 0, 1, 1, 1]" ] || fail names
	same_sums page.html
	# Alone: nothing to run and nothing to fetch but the names of its languages.
	! grep -qiE '<script|<link|url\(|src=|href=|@import' page.html || fail "not alone"
	! grep -q "$HOME" page.html || fail "tells of this machine"
}

@test "more participants than have room beside one another, and the way without tags" {
	run3 mkt sim --scale 70 --untagged --markets 2 --report page.html --json
	status_is 0
	same_sums page.html
	[ "$(parsed page.html 'len(by("svg"))')" = 14 ] || fail charts
	# All charts of one kind have one scale: their axes say the same.
	[ "$(parsed page.html '[len({tuple(text(t) for t in s.getElementsByTagName("text") if t.getAttribute("text-anchor") == "end") for s in by("svg")[k:k + 4]}) for k in (2, 6, 10)]')" = "[1, 1, 1]" ] || fail scales
	[ "$(parsed page.html '[text(c) for c in by("figcaption")][-1].endswith("The first 60 of 70 participants.")')" = True ] || fail caption
	grep -q 'without tags' page.html || fail "what was played"
}

@test "the same run gives the same page, and so does one that is taken up" {
	run3 mkt sim --report a.html --keep run
	status_is 0
	[ "${out##*$'\n'}" = "page a.html" ] || fail "not told"
	mkt sim --resume run --report b.html -q >/dev/null
	mkt sim --seed 2 --report c.html -q >/dev/null
	diff <(sed '/>disk</d; />bytes a transaction</d' a.html) <(sed '/>disk</d; />bytes a transaction</d' b.html)
	! cmp -s a.html c.html
}

@test "a page that cannot be written is told before the days, and nothing is left" {
	run3 mkt sim --days 3000 --report no/page.html
	status_is 7
	err_has "no/page.html"
	mkdir d
	for file in "" - d d/ /dev/null; do
		run3 mkt sim --days 3000 --report "$file"
		status_is 2
		err_has "'$file' is no file to write a page to"
	done
	[ ! -e no ] && [ -z "$(ls -A "$TMPDIR")$(ls -A d)" ] || fail left
	for option in --compare --green-curve --table9; do
		run3 mkt sim --report page.html $option
		status_is 2
		[ ! -e page.html ] || fail "a page of several runs"
	done
}

/*
 * A bid from the dashboard: a form to fill in, with what it would do now by the node's own preview
 * as one types, a question, and only then the bid.
 *
 * The fields hold what `mkt bid` takes: windows parted by ';', prices by blanks, and any of its
 * options; a fault is told in its words, in the form.  Enter shows the question; the question holds
 * the command by value: prices that move below it change what becomes of the bid, as at any
 * market, but not what is sent.  Answered with no, the form is there again.
 */
#ifndef TUI_BID_H
#define TUI_BID_H

#include "tui/dash.h"

/* What is known when the form is opened; copied. */
struct tui_bid_start {
	bool sell;
	const char *window; /* as `mkt bid --at` takes it, or NULL */
	const char *tags;   /* as `--price` takes them, or NULL */
};

/* Without --control the reason is said instead. */
void tui_bid_open(struct tui_dash *d, const struct tui_bid_start *start);

#endif

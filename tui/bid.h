/*
 * A bid from the dashboard: a line to fill in, what it would do now by the node's own preview, a
 * question, and only then the bid.
 *
 * What is typed is what `mkt bid` takes.  A fault is said in its words, and the line comes back to
 * be mended.  The question holds the command by value: prices that move below it change what
 * becomes of the bid, as at any market, but not what is sent.
 */
#ifndef TUI_BID_H
#define TUI_BID_H

#include "tui/dash.h"

/* What is known when the line is opened; copied. */
struct tui_bid_start {
	bool sell;
	const char *window; /* as `mkt bid --at` takes it, or NULL */
	const char *tags;   /* as `--price` takes them, or NULL */
};

/* Without --control the reason is said instead. */
void tui_bid_open(struct tui_dash *d, const struct tui_bid_start *start);

#endif

/*
 * What mkt plot draws: values over windows or price levels, read from the node and drawn as text or
 * as SVG.
 *
 * Integers all the way: prices in micro-currency per Wh, energy in Wh.
 */
#ifndef MKT_CMD_PLOT_H
#define MKT_CMD_PLOT_H

#include "cmd/session.h"
#include "cmd/svg.h"
#include "tui/heat.h"

enum plot_kind {
	PLOT_PRICE,    /* of each window: best buy, what was paid on average, best sell */
	PLOT_DEPTH,    /* of each level of one book: buys and sells, summed from the best on */
	PLOT_LOAD,     /* of each window: contracted energy by tag set */
	PLOT_DELIVERY, /* of each window: delivered, short, not settled yet */
};

enum { PLOT_BUY, PLOT_PAID, PLOT_SELL };	/* series of PLOT_PRICE; 0 and 2 of PLOT_DEPTH */
enum { PLOT_DELIVERED, PLOT_SHORT, PLOT_OPEN }; /* series of PLOT_DELIVERY */

#define PLOT_GAP SVG_GAP /* not known */

struct plot_place {
	uint64_t start_s;   /* window; of all but PLOT_DEPTH */
	int64_t price_upwh; /* level; of PLOT_DEPTH, the dearest first */
	int64_t energy_wh;  /* of that level alone */
	int64_t v[SVG_SERIES_MAX];
};

struct plot {
	struct mkt_session *s; /* borrowed, open */
	enum plot_kind kind;
	char title[384]; /* tags as long as the chain lets them be, and a window */
	struct plot_place *at; /* owned */
	unsigned n;
	unsigned nseries;
	char name[SVG_SERIES_MAX][TUI_HEAT_TAG_MAX]; /* of series; anybody's text */
	bool part; /* levels beyond the best 500 of a side are not there */
};

/* Whose contracts count. */
struct plot_filter {
	bool all;	  /* everybody's */
	uint32_t account; /* else of this one, */
	bool sold;	  /* what it sold, not what it bought */
	const char *tags; /* of one book, as the node prints it; NULL: of all */
};

/* Zeroed @p with its session and kind; on failure there is still plot_release() to call. */
int plot_read_windows(struct plot *p, const struct mkt_windows *w,
		      const struct plot_filter *f) MKT_MUST_CHECK;
/* The book of @tags in the window that starts at @start_s; NULL: the only one with bids. */
int plot_read_depth(struct plot *p, uint64_t start_s, const char *tags) MKT_MUST_CHECK;
void plot_release(struct plot *p);

/* True if there is no value at all. */
bool plot_empty(const struct plot *p);

/* Rows of text with bars or marks, as wide as the terminal. */
int plot_text(const struct plot *p) MKT_MUST_CHECK;

/* A whole SVG document. */
int plot_svg(const struct plot *p, struct mkt_buf *out) MKT_MUST_CHECK;

#endif

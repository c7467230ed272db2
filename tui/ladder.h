/*
 * One book as a ladder: buys on the left, dearest first, sells on the right, cheapest first,
 * energy as bars, levels with own bids marked *.
 *
 *        ██████  10.000    25.50 |    25.80    4.200 ███
 *   *        ██   2.500    25.10 |    26.00   12.000 ████████
 *
 * Not thread-safe; bounded memory.
 */
#ifndef TUI_LADDER_H
#define TUI_LADDER_H

#include "core/wire/api.h"
#include "tui/canvas.h"

#define TUI_LADDER_LEVELS 100 /* a side */

struct tui_level {
	int32_t price_upwh;
	uint64_t energy_wh, own_wh, bids;
};

enum { TUI_LADDER_BUY, TUI_LADDER_SELL, TUI_LADDER_SIDES };

/* Zeroed is an empty one. */
struct tui_ladder {
	struct tui_level v[TUI_LADDER_SIDES][TUI_LADDER_LEVELS];
	unsigned n[TUI_LADDER_SIDES];
	/* Of all books of the window: with each leg of a bid, and each bid counted once. */
	uint64_t gross_wh[TUI_LADDER_SIDES], unique_wh[TUI_LADDER_SIDES];
	bool depth; /* they were read */
};

/* Levels of GET /v1/books for one book, instead of those that are there. */
void tui_ladder_levels(struct tui_ladder *l, const struct mkt_answer *a);

/* The rows with gross_wh and unique_wh of depth=1. */
void tui_ladder_depth(struct tui_ladder *l, const struct mkt_answer *a);

/* Levels from the @skip-th on; the numbers of bids when @bids and there is room. */
void tui_ladder_draw(const struct tui_ladder *l, struct tui_area a, unsigned skip, bool bids);

#endif

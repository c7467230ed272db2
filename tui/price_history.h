/*
 * What was paid in one book: the prices of its contracts, oldest first, the last
 * TUI_PRICES of them.  Pages of GET /v1/contracts?window= and events bring them, in any mixture:
 * a contract counts once, as their numbers ascend.  Bounded memory.  Not thread-safe.
 */
#ifndef TUI_PRICE_HISTORY_H
#define TUI_PRICE_HISTORY_H

#include "core/codec/json.h"
#include "tui/canvas.h"

#define TUI_PRICES 480

struct tui_price_history {
	int64_t upwh[TUI_PRICES];
	uint64_t exec[TUI_PRICES];
	unsigned n;
	uint64_t seen; /* contracts in all */
};

void tui_price_history_clear(struct tui_price_history *h);

/* A contract of the book; true if it is a new one. */
bool tui_price_history_put(struct tui_price_history *h, const struct mkt_jval *contract);

/* Title, least and greatest, and a graph below. */
void tui_price_history_draw(const struct tui_price_history *h, struct tui_area a, bool reading);

#endif

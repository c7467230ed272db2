/*
 * Open bids of an account in memory, with what is left of each and what its legs are.
 */
#ifndef TUI_MYBIDS_H
#define TUI_MYBIDS_H

#include "core/base/err.h"
#include "core/codec/json.h"
#include "core/units/zone.h"
#include "tui/list.h"

#define TUI_BIDS_MAX 10000u /* more are counted, and not shown */
#define TUI_BID_TAGS_MAX 24

struct tui_bid {
	uint64_t bid, time_ms;
	uint64_t held_uc;
	uint32_t left_wh, amount_wh;
	uint32_t start_s; /* window of the first leg that is open, else of the first */
	int32_t least_upwh, most_upwh;	/* limits of open legs */
	uint16_t legs, open_legs;
	bool buys;
	char tags[TUI_BID_TAGS_MAX]; /* of that leg; anybody's text */
};

struct tui_bids {
	const struct mkt_zone *zone; /* of its rows' times; borrowed */
	struct tui_bid *v; /* as they were given: oldest first; owned */
	uint32_t n, cap;
	uint32_t dropped;
	uint64_t held_uc; /* of all */
};

void tui_bids_release(struct tui_bids *b);
/* Forget all; memory is kept for the next. */
void tui_bids_clear(struct tui_bids *b);

/* One object of GET /v1/bids at the end.  -MKT_EUNAVAILABLE names what is wrong; -MKT_ENOMEM. */
int tui_bids_add(struct tui_bids *b, const struct mkt_jval *at, struct mkt_err *err) MKT_MUST_CHECK;

/* The row of a bid, or UINT32_MAX. */
uint32_t tui_bids_find(const struct tui_bids *b, uint64_t bid);

/* Rows for lists; the context is a struct tui_bids. */
extern const struct tui_rows tui_bid_rows;

#endif

#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/units/fmt.h"
#include "core/wire/api.h"
#include "tui/mybids.h"

void tui_bids_release(struct tui_bids *b)
{
	free(b->v);
	*b = (struct tui_bids){.zone = b->zone};
}

void tui_bids_clear(struct tui_bids *b)
{
	b->n = b->dropped = 0;
	b->held_uc = 0;
}

uint32_t tui_bids_find(const struct tui_bids *b, uint64_t bid)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (b->v[i].bid == bid)
			return i;
	return UINT32_MAX;
}

static int read_leg(const struct mkt_jval *leg, struct tui_bid *bid, struct mkt_err *err)
{
	bool first = !bid->legs, open = false;
	int64_t price = 0;
	uint64_t start = 0;
	const char *tags = "";
	int rc = mkt_jget_bool(leg, "open", &open, err);

	if (!rc)
		rc = mkt_jget_i64(leg, "price_upwh", INT32_MIN, INT32_MAX, &price, err);
	if (!rc)
		rc = mkt_jget_u64(leg, "window_s", UINT32_MAX, &start, err);
	if (!rc)
		rc = mkt_jget_str(leg, "tags", &tags, NULL, err);
	if (rc)
		return rc;
	if (first || (open && !bid->open_legs)) {
		bid->start_s = (uint32_t)start;
		snprintf(bid->tags, sizeof(bid->tags), "%s", tags);
	}
	if (open && (!bid->open_legs || price < bid->least_upwh))
		bid->least_upwh = (int32_t)price;
	if (open && (!bid->open_legs || price > bid->most_upwh))
		bid->most_upwh = (int32_t)price;
	bid->legs++;
	bid->open_legs = (uint16_t)(bid->open_legs + open);
	return 0;
}

static int read_legs(const struct mkt_jval *at, struct tui_bid *bid, struct mkt_err *err)
{
	struct mkt_jiter it = {0};
	struct mkt_jval legs, leg;
	int rc = mkt_jget_arr(at, "legs", &legs, err);

	if (!rc && mkt_jval_count(&legs) > MKT_LEGS_MAX)
		rc = mkt_err_code(err, MKT_ELIMIT);
	while (!rc && mkt_jval_next(&legs, &it, &leg))
		rc = read_leg(&leg, bid, err);
	return rc;
}

static int read_bid(const struct mkt_jval *at, struct tui_bid *bid, struct mkt_err *err)
{
	const char *side = "";
	uint64_t left = 0, amount = 0;
	int rc = mkt_jget_u64(at, "bid", UINT64_MAX, &bid->bid, err);

	if (!rc)
		rc = mkt_jget_str(at, "side", &side, NULL, err);
	if (!rc)
		rc = mkt_jget_u64(at, "left_wh", UINT32_MAX, &left, err);
	if (!rc)
		rc = mkt_jget_u64(at, "amount_wh", UINT32_MAX, &amount, err);
	if (!rc)
		rc = mkt_jget_u64(at, "held_uc", INT64_MAX, &bid->held_uc, err);
	if (!rc)
		rc = mkt_jget_time(at, "time", &bid->time_ms, err);
	if (rc)
		return rc;
	bid->buys = !strcmp(side, "buy");
	bid->left_wh = (uint32_t)left;
	bid->amount_wh = (uint32_t)amount;
	return read_legs(at, bid, err);
}

int tui_bids_add(struct tui_bids *b, const struct mkt_jval *at, struct mkt_err *err)
{
	struct tui_bid bid = {0}, *bigger;
	int rc = read_bid(at, &bid, err);

	if (rc)
		return mkt_api_foreign(err);
	b->held_uc += bid.held_uc;
	if (b->n == TUI_BIDS_MAX) {
		b->dropped++;
		return 0;
	}
	if (b->n == b->cap) {
		uint32_t cap = b->cap ? b->cap * 2 : 32;

		bigger = reallocarray(b->v, cap, sizeof(*bigger));
		if (!bigger)
			return mkt_err_code(err, MKT_ENOMEM);
		b->v = bigger;
		b->cap = cap;
	}
	b->v[b->n++] = bid;
	return 0;
}

/* ---- as rows ------------------------------------------------------------------------------ */

enum { B_ID, B_SIDE, B_LEFT, B_AMOUNT, B_LIMIT, B_LEGS, B_WINDOW, B_TAGS, B_HELD, B_COLS };

static const struct tui_column bid_columns[B_COLS] = {
	[B_ID] = {.name = "bid", .title = "bid", .width = 7, .least = 5, .rank = 0},
	[B_SIDE] = {.name = "side", .title = "side", .width = 4, .rank = 1},
	[B_LEFT] = {.name = "left", .title = "left kWh", .width = 8, .rank = 1,
		    .align = TUI_RIGHT, .number = true},
	[B_AMOUNT] = {.name = "amount", .title = "of kWh", .width = 8, .rank = 5,
		      .align = TUI_RIGHT, .number = true},
	[B_LIMIT] = {.name = "limit", .title = "limit/kWh", .width = 13, .least = 6, .rank = 2,
		     .align = TUI_RIGHT},
	[B_LEGS] = {.name = "legs", .title = "legs", .width = 5, .rank = 4, .align = TUI_RIGHT},
	[B_WINDOW] = {.name = "window", .title = "first open", .width = 11, .rank = 3},
	[B_TAGS] = {.name = "tags", .title = "tags", .width = 10, .least = 5, .rank = 6,
		    .grows = true},
	[B_HELD] = {.name = "held", .title = "held", .width = 10, .rank = 5, .align = TUI_RIGHT,
		    .number = true},
};

static void limit_text(const struct tui_bid *b, char *out)
{
	if (!b->open_legs)
		snprintf(out, TUI_CELL_MAX, "-");
	else if (b->least_upwh == b->most_upwh)
		snprintf(out, TUI_CELL_MAX, "%s", mkt_fmt_per_kwh(b->least_upwh).s);
	else
		snprintf(out, TUI_CELL_MAX, "%.40s..%.40s", mkt_fmt_per_kwh(b->least_upwh).s,
			 mkt_fmt_per_kwh(b->most_upwh).s);
}

static enum tui_style bid_cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	const struct tui_bids *all = ctx;
	const struct tui_bid *b = &all->v[row];

	switch (column) {
	case B_ID:
		snprintf(out, TUI_CELL_MAX, "b%llu", (unsigned long long)b->bid);
		break;
	case B_SIDE:
		snprintf(out, TUI_CELL_MAX, "%s", b->buys ? "buy" : "sell");
		return b->buys ? TUI_BUY : TUI_SELL;
	case B_LEFT:
		snprintf(out, TUI_CELL_MAX, "%s", mkt_fmt_kwh(b->left_wh).s);
		break;
	case B_AMOUNT:
		snprintf(out, TUI_CELL_MAX, "%s", mkt_fmt_kwh(b->amount_wh).s);
		break;
	case B_LIMIT:
		limit_text(b, out);
		break;
	case B_LEGS:
		snprintf(out, TUI_CELL_MAX, "%u/%u", b->open_legs, b->legs);
		break;
	case B_WINDOW:
		snprintf(out, TUI_CELL_MAX, "%.5s %.5s",
			 mkt_fmt_date(all->zone, b->start_s).s + 5,
			 mkt_fmt_clock(all->zone, b->start_s).s);
		break;
	case B_TAGS:
		snprintf(out, TUI_CELL_MAX, "%s", b->tags);
		break;
	default:
		snprintf(out, TUI_CELL_MAX, "%s", mkt_fmt_currency((int64_t)b->held_uc).s);
	}
	return TUI_PLAIN;
}

static uint64_t bid_id(void *ctx, uint32_t row)
{
	return ((const struct tui_bids *)ctx)->v[row].bid;
}

static int order(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int bid_compare(void *ctx, uint32_t row, uint32_t other, unsigned column)
{
	const struct tui_bids *all = ctx;
	const struct tui_bid *a = &all->v[row], *b = &all->v[other];

	switch (column) {
	case B_SIDE:
		return order(b->buys, a->buys);
	case B_LEFT:
		return order(a->left_wh, b->left_wh);
	case B_AMOUNT:
		return order(a->amount_wh, b->amount_wh);
	case B_LIMIT:
		return order(a->most_upwh, b->most_upwh);
	case B_LEGS:
		return order(a->open_legs, b->open_legs);
	case B_WINDOW:
		return order(a->start_s, b->start_s);
	case B_TAGS:
		return strcmp(a->tags, b->tags);
	case B_HELD:
		return order((int64_t)a->held_uc, (int64_t)b->held_uc);
	default:
		return a->bid < b->bid ? -1 : a->bid > b->bid;
	}
}

const struct tui_rows tui_bid_rows = {
	.columns = bid_columns,
	.ncolumns = B_COLS,
	.cell = bid_cell,
	.id = bid_id,
	.compare = bid_compare,
};

/*
 * A battery: buys in the cheapest window and sells in the dearest one behind it, if what is sold
 * pays for what is bought, the loss between them, and the least gain that its owner wants.
 */
#include "core/base/compat.h"

#include "core/agent/trade.h"

struct pair {
	uint32_t buy, sell; /* places of windows */
	int64_t gain;	    /* per Wh that is bought */
};

static uint32_t at_most(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The pair that gains most: sell price after loss, less buy price. */
static bool best_pair(const struct mkt_trade *t, struct pair *out)
{
	*out = (struct pair){.gain = t->spread_upwh};
	for (uint32_t i = 0; i < t->nwindows; i++)
		for (uint32_t k = i + 1; t->windows[i].sells && k < t->nwindows; k++) {
			int64_t back = (int64_t)t->windows[k].buy_upwh * t->efficiency_bp / 10000;
			int64_t gain = back - t->windows[i].sell_upwh;

			if (t->windows[k].buys && gain > out->gain)
				*out = (struct pair){i, k, gain};
		}
	return out->gain > t->spread_upwh;
}

/* The least that a Wh costs now; where nobody offers any, the retailer's price, which is sure. */
static int64_t least_ask(const struct mkt_trade *t)
{
	int64_t least = t->high_upwh;

	for (uint32_t i = 0; i < t->nwindows; i++)
		if (t->windows[i].sells && t->windows[i].sell_upwh < least)
			least = t->windows[i].sell_upwh;
	return least;
}

/* Charge that stands already is sold where it brings most, above what it costs to put back. */
static void sell_stored(const struct mkt_trade *t, struct mkt_trade_plan *p, uint32_t wh,
			uint32_t step)
{
	int64_t floor = least_ask(t) * 10000 / t->efficiency_bp + t->spread_upwh;
	struct mkt_trade_bid *b;
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < t->nwindows; i++)
		if (t->windows[i].buys && t->windows[i].buy_upwh >= floor &&
		    (best == UINT32_MAX || t->windows[i].buy_upwh > t->windows[best].buy_upwh))
			best = i;
	if (best == UINT32_MAX || step <= t->windows[best].sold_wh)
		return;
	wh = at_most(wh, step - t->windows[best].sold_wh);
	b = mkt_trade_add(p, MKT_SELL, wh - wh % t->lot_wh);
	if (!b)
		return;
	mkt_trade_legs(t, b, t->first + best, t->windows[best].buy_upwh);
	snprintf(b->slot, sizeof(b->slot), "battery/sell");
	snprintf(b->why, sizeof(b->why), "%u Wh are stored above the lower bound, and window %u "
		 "pays most: %d millionths a Wh, more than putting it back costs", wh,
		 t->first + best, t->windows[best].buy_upwh);
}

void mkt_trade_battery(const struct mkt_trade *t, struct mkt_trade_plan *p)
{
	uint32_t step = (uint32_t)((uint64_t)t->battery_w * t->window_s / 3600);
	uint32_t sold = 0, bought = 0, stored, space, wh;
	struct mkt_trade_bid *b;
	struct pair best;

	for (uint32_t i = 0; i < t->nwindows; i++) {
		sold += t->windows[i].sold_wh;
		bought += t->windows[i].bought_wh;
	}
	stored = t->soc_wh > t->soc_min_wh ? t->soc_wh - t->soc_min_wh : 0;
	stored = stored > sold ? stored - sold : 0;
	space = t->soc_max_wh > t->soc_wh ? t->soc_max_wh - t->soc_wh : 0;
	space = space > bought ? space - bought : 0;
	if (stored)
		sell_stored(t, p, stored, step);
	if (!best_pair(t, &best)) {
		mkt_trade_note(p, "no two windows differ by more than loss and least gain");
		return;
	}
	wh = at_most(space, step > t->windows[best.buy].bought_wh
				    ? step - t->windows[best.buy].bought_wh : 0);
	b = mkt_trade_add(p, MKT_BUY, wh - wh % t->lot_wh);
	if (!b)
		return;
	mkt_trade_legs(t, b, t->first + best.buy, t->windows[best.buy].sell_upwh);
	snprintf(b->slot, sizeof(b->slot), "battery/buy");
	snprintf(b->why, sizeof(b->why),
		 "window %u sells at %d and window %u buys at %d millionths a Wh: after the loss "
		 "that gains %lld", t->first + best.buy,
		 t->windows[best.buy].sell_upwh, t->first + best.sell,
		 t->windows[best.sell].buy_upwh, (long long)best.gain);
}

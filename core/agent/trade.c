#include "core/base/compat.h"

#include <stdarg.h>

#include "core/agent/trade.h"
#include "core/units/checked.h"

static const char *const way_names[] = {"the last reading", "yesterday", "the same weekday"};

void mkt_trade_note(struct mkt_trade_plan *p, const char *fmt, ...)
{
	va_list ap;

	if (p->nnotes == MKT_ARRAY_SIZE(p->notes))
		return;
	va_start(ap, fmt);
	vsnprintf(p->notes[p->nnotes++], sizeof(p->notes[0]), fmt, ap);
	va_end(ap);
}

struct mkt_trade_bid *mkt_trade_add(struct mkt_trade_plan *p, uint8_t side, uint32_t amount_wh)
{
	struct mkt_trade_bid *b;

	if (p->n == MKT_TRADE_BIDS_MAX || !amount_wh)
		return NULL;
	b = &p->bids[p->n++];
	b->slot[0] = b->why[0] = '\0';
	b->side = side;
	b->amount_wh = amount_wh;
	b->nlegs = 0;
	return b;
}

static int32_t fit_price(const struct mkt_trade *t, int64_t price)
{
	if (price > t->price_max_upwh)
		price = t->price_max_upwh;
	if (price < t->price_min_upwh)
		price = t->price_min_upwh;
	return (int32_t)(price - price % t->tick_upwh);
}

int32_t mkt_trade_between(const struct mkt_trade *t, uint32_t share)
{
	int64_t span = (int64_t)t->high_upwh - t->low_upwh;

	return fit_price(t, t->low_upwh + span * (share > 1000 ? 1000 : share) / 1000);
}

void mkt_trade_legs(const struct mkt_trade *t, struct mkt_trade_bid *b, uint32_t w, int32_t price)
{
	for (unsigned i = 0; b && i < t->ntags && b->nlegs < MKT_LEGS_MAX; i++) {
		bool more = b->side == MKT_BUY && t->green[i];

		b->legs[b->nlegs++] = (struct mkt_bid_leg){
			.window = w,
			.tags = t->tags[i],
			.price_upwh = fit_price(t, (int64_t)price + (more ? t->premium_upwh : 0)),
		};
	}
}

/* ---- household and roof ------------------------------------------------------------------- */

static void plan_meter(const struct mkt_trade *t, struct mkt_trade_plan *p)
{
	bool sell = t->kind == MKT_TRADE_PV;

	for (uint32_t i = 0; i < t->nwindows; i++) {
		const struct mkt_trade_window *m = &t->windows[i];
		uint32_t w = t->first + i, done = sell ? m->sold_wh : m->bought_wh, want;
		struct mkt_history_guess g;
		struct mkt_trade_bid *b;
		int64_t net;

		mkt_history_guess(t->history, w, &g);
		net = (int64_t)g.load_wh - g.pv_wh;
		net = sell ? -net : net;
		if (net <= (int64_t)done)
			continue;
		want = (uint32_t)(net - done);
		b = mkt_trade_add(p, sell ? MKT_SELL : MKT_BUY, want - want % t->lot_wh);
		if (!b)
			continue;
		/* Nearer windows are worth more to a buyer, and less can be asked for in them. */
		mkt_trade_legs(t, b, w, mkt_trade_between(t, sell ? 500 + 500 * i / t->nwindows
								  : 1000 - 500 * i / t->nwindows));
		snprintf(b->slot, sizeof(b->slot), "%s/%u", sell ? "roof" : "home", w);
		snprintf(b->why, sizeof(b->why),
			 "forecast: %u Wh drawn (as %s, off by %u Wh lately), %u Wh of the roof "
			 "(as %s, off by %u Wh); %u Wh contracted already",
			 g.load_wh, way_names[g.load_way], g.load_off_wh, g.pv_wh,
			 way_names[g.pv_way], g.pv_off_wh, done);
	}
}

/* ---- both sides --------------------------------------------------------------------------- */

static void plan_maker_side(const struct mkt_trade *t, struct mkt_trade_plan *p, uint32_t i,
			    uint8_t side)
{
	const struct mkt_trade_window *m = &t->windows[i];
	uint32_t done = side == MKT_SELL ? m->sold_wh : m->bought_wh;
	uint32_t want = t->base_wh > done ? t->base_wh - done : 0;
	struct mkt_trade_bid *b = mkt_trade_add(p, side, want - want % t->lot_wh);
	int64_t half = t->spread_upwh / 2;

	if (!b)
		return;
	mkt_trade_legs(t, b, t->first + i,
		       fit_price(t, t->reference_upwh + (side == MKT_SELL ? half : -half)));
	snprintf(b->slot, sizeof(b->slot), "%s/%u", side == MKT_SELL ? "offer" : "ask",
		 t->first + i);
	snprintf(b->why, sizeof(b->why), "%s the reference price by half the spread; %u of %u Wh "
		 "contracted already",
		 side == MKT_SELL ? "sells above" : "buys below", done, t->base_wh);
}

static void plan_maker(const struct mkt_trade *t, struct mkt_trade_plan *p)
{
	for (uint32_t i = 0; i < t->nwindows; i++) {
		plan_maker_side(t, p, i, MKT_SELL);
		plan_maker_side(t, p, i, MKT_BUY);
	}
}

/* ---- budget ------------------------------------------------------------------------------- */

/* Bids to buy shrink to what the budget pays at their dearest leg; the first come first. */
static void keep_budget(const struct mkt_trade *t, struct mkt_trade_plan *p)
{
	int64_t left = t->budget_uc;
	unsigned kept = 0;

	for (unsigned i = 0; i < p->n; i++) {
		struct mkt_trade_bid *b = &p->bids[i];
		int32_t dear = 0;
		uint64_t can;

		for (unsigned k = 0; b->side == MKT_BUY && k < b->nlegs; k++)
			dear = b->legs[k].price_upwh > dear ? b->legs[k].price_upwh : dear;
		can = left > 0 && dear ? (uint64_t)(left / dear) : dear ? 0 : UINT32_MAX;
		if (can < b->amount_wh) {
			mkt_trade_note(p, "%s: the budget pays for %llu of %u Wh", b->slot,
				       (unsigned long long)(can - can % t->lot_wh), b->amount_wh);
			b->amount_wh = (uint32_t)(can - can % t->lot_wh);
		}
		left -= mkt_cost_uc(dear, b->amount_wh);
		if (b->amount_wh)
			p->bids[kept++] = *b;
	}
	p->n = kept;
}

static int check(const struct mkt_trade *t, struct mkt_err *err)
{
	if (!t->ntags || t->ntags > MKT_TRADE_TAGS_MAX || !t->lot_wh || t->tick_upwh <= 0 ||
	    !t->window_s || t->nwindows > MKT_TRADE_WINDOWS_MAX)
		return mkt_err_set(err, MKT_EINVAL, "the market's figures are out of range");
	if (t->kind != MKT_TRADE_MAKER && t->low_upwh >= t->high_upwh)
		return mkt_err_set(err, MKT_EINVAL,
				   "what the retailer pays is not below what it takes");
	if ((t->kind == MKT_TRADE_HOUSEHOLD || t->kind == MKT_TRADE_PV) &&
	    (!t->history || !t->history->n))
		return mkt_err_set(err, MKT_EINVAL, "without a history there is no forecast");
	if (t->kind == MKT_TRADE_BATTERY &&
	    (!t->efficiency_bp || t->efficiency_bp > 10000 || t->soc_min_wh > t->soc_max_wh))
		return mkt_err_set(err, MKT_EINVAL, "the battery's figures are out of range");
	return 0;
}

int mkt_trade_plan(const struct mkt_trade *t, struct mkt_trade_plan *p, struct mkt_err *err)
{
	int r = check(t, err);

	if (r < 0)
		return r;
	p->n = p->nnotes = 0;
	switch (t->kind) {
	case MKT_TRADE_HOUSEHOLD:
	case MKT_TRADE_PV:
		plan_meter(t, p);
		break;
	case MKT_TRADE_CARS:
		mkt_trade_cars(t, p);
		break;
	case MKT_TRADE_BATTERY:
		mkt_trade_battery(t, p);
		break;
	default:
		plan_maker(t, p);
	}
	if (t->bounded)
		keep_budget(t, p);
	return 0;
}

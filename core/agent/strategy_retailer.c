/* The retailer: sells brown energy and buys green surplus in every window, and never runs short. */
#include "core/base/compat.h"

#include "core/agent/strategy.h"

#define SELL_WH_SITE 25000 /* a window: more than a site can draw */
#define BUY_WH_SITE 10000

/* Green energy of its own, to those who want it at a price: surcharge on brown, Wh a site. */
#define GREEN_WH_SITE 80
static const int32_t green_steps_upwh[] = {400, 900, 1800, 3500, 7000};

static void offer_green(const struct mkt_retailer *r, const struct mkt_terms *t, uint32_t window,
			int32_t retail_upwh, struct mkt_plan *p)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(green_steps_upwh); i++) {
		int64_t price = (int64_t)retail_upwh + green_steps_upwh[i];
		struct mkt_intent *in;

		if (price > t->price_max_upwh)
			return;
		in = mkt_plan_bid(p, r->account, MKT_SELL, r->green_wh);
		in->purpose = MKT_FOR_RETAIL;
		mkt_plan_leg(p, window, t->green, (int32_t)(price - price % t->tick_upwh));
	}
}

void mkt_retailer_init(struct mkt_retailer *r, uint32_t account, unsigned nsites)
{
	memset(r, 0, sizeof(*r));
	r->account = account;
	r->sell_wh = SELL_WH_SITE * nsites;
	r->buy_wh = BUY_WH_SITE * nsites;
	r->green_wh = GREEN_WH_SITE * nsites;
}

void mkt_retailer_bid(const struct mkt_retailer *r, const struct mkt_terms *t,
		      const struct mkt_outlook *o, struct mkt_plan *p)
{
	for (uint32_t i = 0; i < o->n; i++) {
		struct mkt_intent *in = mkt_plan_bid(p, r->account, MKT_SELL, r->sell_wh);

		in->purpose = MKT_FOR_RETAIL;
		mkt_plan_leg(p, o->first + i, t->brown, o->retail_upwh[i]);
		in = mkt_plan_bid(p, r->account, MKT_BUY, r->buy_wh);
		in->purpose = MKT_FOR_RETAIL;
		mkt_plan_leg(p, o->first + i, t->green, t->feed_in_upwh);
		if (t->green_mode)
			offer_green(r, t, o->first + i, o->retail_upwh[i], p);
	}
}

void mkt_retailer_contract(struct mkt_retailer *r, uint32_t window, enum mkt_side side, uint32_t wh)
{
	uint32_t i = window % MKT_POSITIONS;

	if (r->window[i] != window) {
		r->window[i] = window;
		r->sold_wh[i] = r->bought_wh[i] = 0;
	}
	*(side == MKT_SELL ? &r->sold_wh[i] : &r->bought_wh[i]) += wh;
}

static void report(const struct mkt_retailer *r, uint32_t w, enum mkt_report_side side, uint32_t wh,
		   struct mkt_plan *p)
{
	struct mkt_intent *in;

	if (!wh)
		return;
	in = mkt_plan_add(p, MKT_OP_METER, r->account);
	in->op.u.meter.window = w;
	in->op.u.meter.side = (uint8_t)side;
	in->op.u.meter.wh = wh;
}

void mkt_retailer_meter(struct mkt_retailer *r, uint32_t w, struct mkt_plan *p)
{
	uint32_t i = w % MKT_POSITIONS;

	if (r->window[i] != w)
		return;
	report(r, w, MKT_SUPPLY, r->sold_wh[i], p);
	report(r, w, MKT_DRAW, r->bought_wh[i], p);
}

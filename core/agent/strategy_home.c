/*
 * A home, or an office: uses its own sun first, stores next, sells the rest
 * between feed-in and retail price; buys what it lacks, green before brown.
 */
#include "core/base/compat.h"

#include "core/agent/fixed.h"
#include "core/agent/strategy.h"

#define ASK_MIN 300 /* thousandths of the spread that sellers ask for ... */
#define ASK_RANGE 300
#define CAR_SHARE 700 /* cars offer more than anybody asks, so no surplus is left beside them */
#define NOISE_CHARACTER (1u << 16)

int32_t mkt_retail_upwh(const struct mkt_terms *t, int32_t day_ahead_upwh)
{
	int64_t price = (int64_t)day_ahead_upwh + t->margin_upwh;
	int64_t least = (int64_t)t->feed_in_upwh + 10 * t->tick_upwh;

	if (price < least)
		price = least;
	if (price > t->price_max_upwh)
		price = t->price_max_upwh;
	return (int32_t)(price - price % t->tick_upwh);
}

int32_t mkt_between_upwh(const struct mkt_terms *t, int32_t retail_upwh, int32_t share)
{
	int64_t price = t->feed_in_upwh + ((int64_t)retail_upwh - t->feed_in_upwh) * share / 1000;

	return (int32_t)(price - price % t->tick_upwh);
}

void mkt_agent_init(struct mkt_agent *a, const struct mkt_site *site, uint32_t account,
		    uint64_t seed)
{
	memset(a, 0, sizeof(*a));
	a->site = site;
	a->account = account;
	a->ask_share = ASK_MIN + (int32_t)mkt_noise_below(mkt_noise(seed, NOISE_CHARACTER, account),
							  ASK_RANGE);
	a->car_share = CAR_SHARE;
	mkt_forecast_init(&a->load, MKT_AGENT_LAG);
	mkt_forecast_init(&a->pv, MKT_AGENT_LAG);
}

void mkt_agent_release(struct mkt_agent *a)
{
	for (int i = 0; i < MKT_POSITIONS; i++)
		free(a->at[i].cars);
	free(a->cars);
	memset(a, 0, sizeof(*a));
}

void mkt_agent_remember(struct mkt_agent *a, uint32_t load_wh, uint32_t pv_wh)
{
	mkt_forecast_observe(&a->load, load_wh);
	mkt_forecast_observe(&a->pv, pv_wh);
}

struct mkt_position *mkt_agent_position(struct mkt_agent *a, uint32_t w)
{
	struct mkt_position *at = &a->at[w % MKT_POSITIONS];

	if (at->window != w) {
		struct mkt_car_contract *cars = at->cars;
		uint32_t cap = at->cars_cap;

		*at = (struct mkt_position){.window = w, .cars = cars, .cars_cap = cap};
	}
	return at;
}

/* The battery's charge when window @k begins, if the window that runs goes as planned. */
static int64_t charge_at(struct mkt_agent *a, uint32_t k)
{
	int64_t wh = (int64_t)(a->soc_x100 / 100) + mkt_agent_position(a, k - 1)->battery_wh;

	if (wh < 0)
		return 0;
	return wh > a->site->battery_wh ? a->site->battery_wh : wh;
}

/* How much of the surplus @net_wh (lack if negative) the battery is to take (give). */
static int32_t plan_battery(struct mkt_agent *a, uint32_t k, int64_t net_wh)
{
	int64_t most = a->site->battery_w / 2, charge, room;

	if (!a->site->battery_wh)
		return 0;
	charge = charge_at(a, k);
	room = (a->site->battery_wh - charge) * 100 / a->site->battery_pct;
	if (net_wh > most)
		net_wh = most;
	if (net_wh < -most)
		net_wh = -most;
	if (net_wh > room)
		net_wh = room;
	return (int32_t)(net_wh < -charge ? -charge : net_wh);
}

/* Green below the retailer's price, else brown at it: the greater surplus goes first (R3). */
static void buy(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		uint32_t wh, struct mkt_plan *p)
{
	struct mkt_intent *in = mkt_plan_bid(p, a->account, MKT_BUY, wh);

	in->purpose = MKT_FOR_HOME_BUY;
	mkt_plan_leg(p, o->first, t->green, o->retail_upwh[0] - t->tick_upwh);
	mkt_plan_leg(p, o->first, t->brown, o->retail_upwh[0]);
}

static void sell(struct mkt_agent *a, const struct mkt_terms *t, uint32_t k, int32_t price_upwh,
		 uint32_t wh, struct mkt_plan *p)
{
	struct mkt_intent *in = mkt_plan_bid(p, a->account, MKT_SELL, wh);

	in->purpose = MKT_FOR_HOME_SELL;
	mkt_plan_leg(p, k, t->green, price_upwh);
}

void mkt_agent_bid(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		   struct mkt_plan *p)
{
	uint32_t k = o->first;
	struct mkt_position *at = mkt_agent_position(a, k);
	int64_t net = (int64_t)(a->site->pv_w ? mkt_forecast(&a->pv, NULL) : 0) -
		      mkt_forecast(&a->load, NULL);

	a->sell_bid = a->buy_bid = 0;
	a->sell_left_wh = 0;
	at->battery_wh = plan_battery(a, k, net);
	net -= at->battery_wh;
	if (net > 0)
		sell(a, t, k, mkt_between_upwh(t, o->retail_upwh[0], a->ask_share), (uint32_t)net,
		     p);
	else if (net < 0)
		buy(a, t, o, (uint32_t)-net, p);
	mkt_cars_bid(a, t, o, p);
}

void mkt_agent_placed(struct mkt_agent *a, const struct mkt_intent *in, uint64_t bid)
{
	struct mkt_car *car;

	if (in->purpose == MKT_FOR_HOME_BUY) {
		a->buy_bid = bid;
	} else if (in->purpose == MKT_FOR_HOME_SELL) {
		a->sell_bid = bid;
		a->sell_left_wh = bid ? in->op.u.bid.amount_wh : 0;
	} else if (in->purpose == MKT_FOR_CAR) {
		car = mkt_agent_car(a, in->car);
		if (car)
			car->parts[in->part].bid = bid;
	}
}

/* The car's part that this bid stands for. */
static struct mkt_car_part *part_of(struct mkt_agent *a, uint64_t bid, uint64_t *car)
{
	for (uint32_t i = 0; i < a->ncars; i++)
		for (unsigned k = 0; k < a->cars[i].nparts; k++)
			if (a->cars[i].parts[k].bid == bid) {
				*car = a->cars[i].number;
				return &a->cars[i].parts[k];
			}
	return NULL;
}

static int add_car_contract(struct mkt_position *at, const struct mkt_agent_deal *d, uint64_t car)
{
	if (at->ncars == at->cars_cap) {
		uint32_t cap = at->cars_cap ? at->cars_cap * 2 : 8;
		struct mkt_car_contract *more = reallocarray(at->cars, cap, sizeof(*more));

		if (!more)
			return -MKT_ENOMEM;
		at->cars = more;
		at->cars_cap = cap;
	}
	at->cars[at->ncars++] = (struct mkt_car_contract){.exec = d->exec, .car = car, .wh = d->wh};
	return 0;
}

static int too_much(const struct mkt_agent_deal *d, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EINVAL, "contract %llu takes more than bid %llu had left",
			   (unsigned long long)d->exec, (unsigned long long)d->bid);
}

int mkt_agent_contract(struct mkt_agent *a, const struct mkt_agent_deal *d, struct mkt_err *err)
{
	struct mkt_position *at = &a->at[d->window % MKT_POSITIONS];
	struct mkt_car_part *part;
	uint64_t car;

	if (at->window != d->window)
		return mkt_err_set(err, MKT_EINVAL,
				   "contract %llu is for a window that was not bid for",
				   (unsigned long long)d->exec);
	if (d->side == MKT_SELL) {
		if (d->bid != a->sell_bid || d->wh > a->sell_left_wh)
			return too_much(d, err);
		at->sold_wh += d->wh;
		a->sell_left_wh -= d->wh;
		return 0;
	}
	part = part_of(a, d->bid, &car);
	if (!part) {
		at->bought_wh += d->wh;
		return 0;
	}
	if (d->wh > part->left_wh)
		return too_much(d, err);
	part->left_wh -= d->wh;
	if (add_car_contract(at, d, car))
		return mkt_err_code(err, MKT_ENOMEM);
	return 0;
}

void mkt_agent_cars(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		    struct mkt_plan *p)
{
	a->sell_left_wh -= mkt_cars_take_own(a, o->first, a->sell_left_wh, p);
	mkt_cars_rest(a, t, o, p);
}

void mkt_agent_rest(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		    struct mkt_plan *p)
{
	uint32_t left = a->sell_left_wh;

	if (!a->sell_bid || (!left && mkt_agent_position(a, o->first)->own_wh == 0))
		return; /* all of it was sold */
	mkt_plan_cancel(p, a->account, a->sell_bid);
	a->sell_left_wh = 0;
	if (left)
		sell(a, t, o->first, t->feed_in_upwh, left, p);
}

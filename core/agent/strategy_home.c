/*
 * A home, or an office: uses its own sun first, stores next, sells the rest
 * between feed-in and retail price; buys what it lacks, green before brown.
 *
 * Who contracts more than is metered pays for the shortfall, and who contracts
 * less pays and earns as without a market.  So only what is as good as certain is
 * contracted: the forecast, less the most that it was off at about this time of
 * the last days, plus what the battery can make up for.  And who has no battery
 * trades on paper first: it contracts by its forecast only while that would have gained
 * clearly more than the charges for what it fell short, and risks a part of what that gained.
 */
#include "core/base/compat.h"

#include "core/agent/fixed.h"
#include "core/agent/strategy.h"

#define ASK_MIN 300 /* thousandths of the spread that sellers ask for ... */
#define ASK_RANGE 300
#define ASK_USUAL (ASK_MIN + ASK_RANGE / 2)
#define CAR_SHARE 700 /* cars offer more than anybody asks, so no surplus is left beside them */
#define MARKET_DIM 1  /* of the tags, as genesis has them */
#define NOISE_CHARACTER (1u << 16)
#define PAPER_MEMORY 960 /* windows over which paper trades fade: twenty days */
#define PAPER_PAYS 4	 /* times the charges must be gained */
#define STAKE_UC 1000000 /* to begin with: one unit of the currency */
#define OFF_DAYS 20	 /* days whose forecasts are looked back at ... */
#define OFF_BESIDE 2	 /* windows before and after the same time of the day */
#define OFF_LEAST 20 /* with fewer a battery must make up for three mean errors */

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

int32_t mkt_green_upwh(const struct mkt_terms *t, int32_t retail_upwh)
{
	int64_t price = (int64_t)retail_upwh - t->tick_upwh + t->premium_upwh;

	return (int32_t)(price < t->price_max_upwh ? price - price % t->tick_upwh
						   : t->price_max_upwh);
}

void mkt_agent_leg(const struct mkt_terms *t, struct mkt_plan *p, uint32_t window, mkt_tags tags,
		   int32_t price_upwh)
{
	for (uint8_t m = 0; m == 0 || m < t->markets; m++)
		mkt_plan_leg(p, window, mkt_tags_with(tags, MARKET_DIM, m), price_upwh);
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
	a->stake_uc = STAKE_UC;
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

/* What the roof gives beyond the load, and the range in which it lately was off that. */
struct net {
	int64_t wh, low, high; /* low <= 0 <= high */
};

/* Widen the range to what it was in the last days at about this time; from how many windows. */
static unsigned look_back(const struct mkt_agent *a, struct net *net)
{
	enum mkt_forecast_way load = mkt_forecast_best_way(&a->load),
			      pv = mkt_forecast_best_way(&a->pv);
	int64_t target = (int64_t)a->load.n + MKT_AGENT_LAG - 1;
	unsigned n = 0;

	for (int64_t day = 1; day <= OFF_DAYS; day++)
		for (int64_t i = -OFF_BESIDE; i <= OFF_BESIDE; i++) {
			int64_t at = target - day * MKT_FORECAST_DAY + i;
			int32_t more = 0, roof = 0;

			if (!mkt_forecast_off(&a->load, load, at, &more) ||
			    (a->site->pv_w && !mkt_forecast_off(&a->pv, pv, at, &roof)))
				continue;
			n++;
			if (roof - more < net->low)
				net->low = roof - more;
			if (roof - more > net->high)
				net->high = roof - more;
		}
	return n;
}

static struct net net_of(const struct mkt_agent *a)
{
	uint32_t load_error, pv_error = 0;
	struct net net = {.wh = -(int64_t)mkt_forecast(&a->load, &load_error)};

	if (a->site->pv_w)
		net.wh += mkt_forecast(&a->pv, &pv_error);
	if (look_back(a, &net) < OFF_LEAST) {
		net.high = a->site->battery_wh ? 3 * ((int64_t)load_error + pv_error) : UINT32_MAX;
		net.low = -net.high;
	}
	return net;
}

/* What the battery can take and give in window @k, the window before being off as well. */
struct reach {
	int64_t take, give;
};

static int64_t within(int64_t v, int64_t low, int64_t high)
{
	if (v > high)
		v = high;
	return v < low ? low : v;
}

static struct reach reach_of(struct mkt_agent *a, uint32_t k, const struct net *net)
{
	int64_t most = a->site->battery_w / 2, charge, room;

	if (!a->site->battery_wh)
		return (struct reach){0};
	charge = charge_at(a, k);
	room = (a->site->battery_wh - charge) * 100 / a->site->battery_pct;
	return (struct reach){.take = within(room - net->high, 0, most),
			      .give = within(charge + net->low, 0, most)};
}

/* May it contract what its forecast says? */
static bool forecast_pays(const struct mkt_agent *a)
{
	return a->site->battery_wh || a->paper_gain_uc > PAPER_PAYS * a->paper_charge_uc;
}

/* Without a battery that makes up for it, no more than half of the stake may be lost at once. */
static uint32_t risked_wh(const struct mkt_agent *a, uint32_t wh, int32_t charge_upwh)
{
	if (a->site->battery_wh || !charge_upwh)
		return wh;
	return (uint32_t)within(a->stake_uc / 2 / charge_upwh, 0, wh);
}

void mkt_agent_learn(struct mkt_agent *a, const struct mkt_position *at, uint32_t supply_wh,
		     uint32_t draw_wh)
{
	const struct mkt_paper *t = &at->paper;
	int64_t most = t->wh > 0 ? t->wh : -(int64_t)t->wh, shown = t->wh > 0 ? supply_wh : draw_wh,
		kept = within(shown, 0, most), sure = t->wh > 0 ? at->sold_wh : at->bought_wh;

	a->paper_gain_uc += kept * t->gain_upwh - a->paper_gain_uc / PAPER_MEMORY;
	a->paper_charge_uc += (most - kept) * t->charge_upwh - a->paper_charge_uc / PAPER_MEMORY;
	kept = within(shown, 0, sure);
	a->stake_uc += kept * t->gain_upwh - (sure - kept) * t->charge_upwh;
}

/*
 * Green below the retailer's price, if there is some; else brown at it: the greater surplus goes
 * first (R3).  At the retailer's own price a contract gains nothing over what the meter shows
 * beyond contracts, and only with a battery it is sure to be kept: without there is no such leg.
 */
static void buy(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		uint32_t wh, struct mkt_plan *p)
{
	const int32_t retail_upwh = o->retail_upwh[0];
	struct mkt_intent *in;
	bool green = o->green_wh || t->green_mode;

	if (green)
		mkt_agent_position(a, o->first)->paper = (struct mkt_paper){
			-(int32_t)wh, retail_upwh - mkt_between_upwh(t, retail_upwh, ASK_USUAL),
			t->short_bought_upwh};
	wh = risked_wh(a, wh, t->short_bought_upwh);
	if (!wh || !forecast_pays(a) || (!green && !a->site->battery_wh))
		return;
	in = mkt_plan_bid(p, a->account, MKT_BUY, wh);
	in->purpose = MKT_FOR_HOME_BUY;
	if (green)
		mkt_agent_leg(t, p, o->first, t->green, mkt_green_upwh(t, retail_upwh));
	if (a->site->battery_wh)
		mkt_agent_leg(t, p, o->first, t->brown, retail_upwh);
}

static void sell(struct mkt_agent *a, const struct mkt_terms *t, uint32_t k, int32_t price_upwh,
		 uint32_t wh, struct mkt_plan *p)
{
	struct mkt_intent *in = mkt_plan_bid(p, a->account, MKT_SELL, wh);

	in->purpose = MKT_FOR_HOME_SELL;
	mkt_agent_leg(t, p, k, t->green, price_upwh);
}

static void offer(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		  uint32_t wh, struct mkt_plan *p)
{
	int32_t price = mkt_between_upwh(t, o->retail_upwh[0], a->ask_share);

	mkt_agent_position(a, o->first)->paper =
		(struct mkt_paper){(int32_t)wh, price - t->feed_in_upwh, t->short_sold_upwh};
	wh = risked_wh(a, wh, t->short_sold_upwh);
	if (wh && forecast_pays(a))
		sell(a, t, o->first, price, wh, p);
}

void mkt_agent_offer(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		     struct mkt_plan *p)
{
	uint32_t k = o->first;
	struct mkt_position *at = mkt_agent_position(a, k);
	const struct net net = net_of(a);
	const struct reach battery = reach_of(a, k, &net);
	int64_t rest;

	a->sell_bid = a->buy_bid = 0;
	a->sell_left_wh = a->lacks_wh = 0;
	at->battery_wh = (int32_t)within(net.wh, -battery.give, battery.take);
	rest = net.wh - at->battery_wh;
	if (rest > 0)
		rest = within(net.wh + net.low + battery.give, 0, rest);
	else
		rest = within(net.wh + net.high - battery.take, rest, 0);
	if (rest > 0)
		offer(a, t, o, (uint32_t)rest, p);
	else if (rest < 0)
		a->lacks_wh = (uint32_t)-rest;
}

void mkt_agent_want(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		    struct mkt_plan *p)
{
	if (a->lacks_wh)
		buy(a, t, o, a->lacks_wh, p);
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
	at->cars[at->ncars++] =
		(struct mkt_car_contract){.exec = d->exec, .car = car, .wh = d->wh + d->over_wh};
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
		at->sold_wh += d->wh + d->over_wh;
		a->sell_left_wh -= d->wh;
		return 0;
	}
	part = part_of(a, d->bid, &car);
	if (!part) {
		at->bought_wh += d->wh + d->over_wh;
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
	if (left && a->site->battery_wh)
		sell(a, t, o->first, t->feed_in_upwh, left, p);
}

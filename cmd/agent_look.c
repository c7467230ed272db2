/* What the ledger tells the agent: its contracts and bids, and the prices there are. */
#include "core/base/compat.h"

#include "cmd/agent.h"
#include "cmd/events.h"
#include "core/units/checked.h"

#define DAY_S 86400
#define PAGES_MAX 100 /* of a list */

typedef int row_fn(struct agent *a, const struct mkt_jval *row);

/* All rows of a list, page by page. */
static int each_row(struct agent *a, const char *path, row_fn *fn)
{
	struct mkt_answer ans = MKT_ANSWER_INIT;
	char after[64] = "";
	int rc, page = 0;

	do {
		struct mkt_jiter it = {0};
		struct mkt_jval row;

		rc = mkt_session_get(a->s, &ans, "%s%s%s", path, after[0] ? "&after=" : "", after);
		while (!rc && mkt_jval_next(&ans.data, &it, &row))
			rc = fn(a, &row);
		snprintf(after, sizeof(after), "%s", !rc && ans.next ? ans.next : "");
	} while (!rc && after[0] && ++page < PAGES_MAX);
	mkt_answer_release(&ans);
	return rc;
}

/* ---- contracts ---------------------------------------------------------------------------- */

static int64_t local_day(const struct agent *a, uint64_t time_s)
{
	return mkt_zone_local(&a->s->zone, (int64_t)time_s) / DAY_S;
}

/* A contract on a bid for a car: "ev1@1795392000/0". */
static void count_for_cars(struct agent_view *v, const struct agent_made *made, uint32_t window,
			   uint32_t wh)
{
	for (unsigned k = 0; made && k < v->trade.ncars; k++) {
		struct mkt_trade_car *c = &v->cars[k];
		char stay[MKT_TRADE_SLOT_MAX + 1];

		snprintf(stay, sizeof(stay), "%s@%llu/", c->name,
			 (unsigned long long)c->departure_s);
		if (strncmp(made->slot, stay, strlen(stay)) != 0)
			continue;
		if (window < v->trade.first)
			c->before_wh += wh;
		else if (window - v->trade.first < v->trade.nwindows)
			v->contracted[k][window - v->trade.first] += wh;
	}
}

static int take_contract(struct agent *a, const struct mkt_jval *row)
{
	struct agent_view *v = a->view;
	bool buys = mkt_count(row, "buyer") == a->s->account;
	uint64_t start = mkt_count(row, "window_s");
	uint32_t window = (uint32_t)(start / v->trade.window_s);
	uint32_t wh = (uint32_t)mkt_count(row, "energy_wh");
	int64_t price = mkt_act_number(row, "price_upwh", 0) + mkt_act_number(row, "fee_upwh", 0);

	if (buys)
		count_for_cars(v, agent_book_find(&a->book, mkt_count(row, "buy_bid")), window,
			       wh);
	if (buys && local_day(a, start) >= local_day(a, a->s->facts.now_ms / 1000))
		v->spent_uc += mkt_cost_uc((int32_t)price, wh);
	if (window < v->trade.first || window - v->trade.first >= v->trade.nwindows)
		return 0;
	if (buys)
		v->windows[window - v->trade.first].bought_wh += wh;
	else
		v->windows[window - v->trade.first].sold_wh += wh;
	return 0;
}

/* ---- own bids ----------------------------------------------------------------------------- */

static int take_legs(struct agent *a, struct agent_open *o, const struct mkt_jval *row)
{
	struct mkt_jiter it = {0};
	struct mkt_jval legs, at;
	int rc = mkt_jget_arr(row, "legs", &legs, &a->app->err);

	while (!rc && o->nlegs < MKT_LEGS_MAX && mkt_jval_next(&legs, &it, &at)) {
		struct mkt_bid_leg *l = &o->legs[o->nlegs];
		bool open = false;

		rc = mkt_jget_bool(&at, "open", &open, &a->app->err);
		if (rc || !open)
			continue;
		l->window = (uint32_t)(mkt_count(&at, "window_s") / a->view->trade.window_s);
		l->price_upwh = (int32_t)mkt_act_number(&at, "price_upwh", 0);
		rc = mkt_tags_parse(&a->s->facts.tags, mkt_word(&at, "tags"), &l->tags,
				    &a->app->err);
		o->nlegs++;
	}
	return rc;
}

/* Bids that a person made are a person's: they are left alone. */
static int take_bid(struct agent *a, const struct mkt_jval *row)
{
	struct agent_view *v = a->view;
	uint64_t id = mkt_count(row, "bid");
	const struct agent_made *made = agent_book_find(&a->book, id);
	struct agent_open *o = &v->open[v->nopen];

	if (!made || v->nopen == MKT_ARRAY_SIZE(v->open))
		return 0;
	o->id = id;
	o->made = made;
	o->left_wh = (uint32_t)mkt_count(row, "left_wh");
	o->side = !strcmp(mkt_word(row, "side"), "buy") ? MKT_BUY : MKT_SELL;
	o->wanted = false;
	o->nlegs = 0;
	v->nopen++;
	return take_legs(a, o, row);
}

/* ---- prices ------------------------------------------------------------------------------- */

/* A level that others have something in. */
static int take_level(struct agent *a, const struct mkt_jval *row)
{
	struct agent_view *v = a->view;
	uint32_t window = (uint32_t)(mkt_count(row, "window_s") / v->trade.window_s);
	int32_t price = (int32_t)mkt_act_number(row, "price_upwh", 0), fee = 0;
	struct mkt_trade_window *w;
	bool mine = false;
	mkt_tags tags = 0;

	if (window < v->trade.first || window - v->trade.first >= v->trade.nwindows ||
	    mkt_count(row, "energy_wh") <= mkt_count(row, "own_wh") ||
	    mkt_tags_parse(&a->s->facts.tags, mkt_word(row, "tags"), &tags, NULL))
		return 0;
	for (unsigned i = 0; i < v->trade.ntags; i++)
		mine |= v->trade.tags[i] == tags;
	if (!mine || mkt_tags_fee(&a->s->facts.tags, tags, &fee))
		return 0;
	w = &v->windows[window - v->trade.first];
	if (!strcmp(mkt_word(row, "side"), "sell")) {
		/* The buyer's limit is on the price alone, so the fee is only compared. */
		if (!w->sells || price + fee < w->sell_upwh)
			w->sell_upwh = price + fee;
		w->sells = true;
	} else {
		if (!w->buys || price > w->buy_upwh)
			w->buy_upwh = price;
		w->buys = true;
	}
	return 0;
}

/* ---- all ---------------------------------------------------------------------------------- */

/* The stay that is going on, or the next one: from plug-in to departure, local times. */
static void place_car(struct agent *a, const struct agent_car_conf *c, struct mkt_trade_car *car)
{
	const struct agent_view *v = a->view;
	int64_t now = (int64_t)(a->s->facts.now_ms / 1000);
	int64_t local = mkt_zone_local(&a->s->zone, now), day = local - local % DAY_S;
	int64_t leave = day + c->departure_s, come;

	if (leave <= local)
		leave += DAY_S;
	come = leave - leave % DAY_S + c->plug_in_s;
	if (come >= leave)
		come -= DAY_S;
	*car = (struct mkt_trade_car){.need_wh = c->need_wh, .max_w = c->max_w};
	snprintf(car->name, sizeof(car->name), "%s", c->name);
	/* The zone's offset of now: on the night of a clock change a stay is an hour off. */
	car->departure_s = (uint64_t)(leave - (local - now));
	car->first = (uint32_t)(((uint64_t)(come - (local - now)) + v->trade.window_s - 1) /
				v->trade.window_s);
	car->last = (uint32_t)(car->departure_s / v->trade.window_s) - 1;
}

static void begin(struct agent *a)
{
	const struct mkt_facts *f = &a->s->facts;
	struct agent_view *v = a->view;
	uint32_t n = f->open_count < a->conf.ahead ? f->open_count : a->conf.ahead;

	v->trade = (struct mkt_trade){
		.window_s = f->window_s,
		.lot_wh = f->lot_wh,
		.tick_upwh = f->tick_upwh,
		.price_min_upwh = f->price_min_upwh,
		.price_max_upwh = f->price_max_upwh,
		.first = (uint32_t)(f->open_first_s / f->window_s),
		.nwindows = n < MKT_TRADE_WINDOWS_MAX ? n : MKT_TRADE_WINDOWS_MAX,
		.windows = v->windows,
		.cars = v->cars,
		.ncars = a->conf.ncars,
	};
	memset(v->windows, 0, sizeof(v->windows));
	memset(v->contracted, 0, AGENT_CARS_MAX * sizeof(v->contracted[0]));
	for (unsigned i = 0; i < a->conf.ncars; i++) {
		place_car(a, &a->conf.cars[i], &v->cars[i]);
		v->cars[i].contracted_wh = v->contracted[i];
	}
	v->spent_uc = 0;
	v->nopen = 0;
}

int agent_look(struct agent *a)
{
	struct agent_view *v = a->view;
	char path[128];
	int rc;

	begin(a);
	rc = agent_conf_market(a, &v->trade);
	snprintf(path, sizeof(path), "/v1/contracts?limit=1000&account=%u", a->s->account);
	if (!rc)
		rc = each_row(a, path, take_contract);
	snprintf(path, sizeof(path), "/v1/bids?limit=1000&account=%u", a->s->account);
	if (!rc)
		rc = each_row(a, path, take_bid);
	snprintf(path, sizeof(path), "/v1/books?limit=1000&levels=20&from=%llu&count=%u&account=%u",
		 (unsigned long long)a->s->facts.open_first_s, v->trade.nwindows, a->s->account);
	if (!rc && v->trade.kind == MKT_TRADE_BATTERY && v->trade.nwindows)
		rc = each_row(a, path, take_level);
	v->trade.budget_uc -= v->spent_uc;
	return rc;
}

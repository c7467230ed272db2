/*
 * Agents against a market that fills their bids at random: what they ask for can
 * be delivered, prices stay between feed-in and retail, energy balances behind
 * every meter, and cars leave with what their drivers wanted.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/agent/strategy.h"
#include "core/market/book.h"
#include "tests/rng.h"

#define W MKT_PROFILE_WINDOW_S
#define FIRST (1560697200 / W)

static const struct mkt_terms terms = {
	.green = 1,
	.brown = 0,
	.tick_upwh = 10,
	.price_max_upwh = 200000,
	.margin_upwh = 14000,
	.feed_in_upwh = 8000,
	.short_sold_upwh = 45000,
	.short_bought_upwh = 10000,
};

struct world {
	struct rng rng;
	struct mkt_site site;
	struct mkt_agent agent;
	struct mkt_plan plan;
	struct mkt_outlook look;
	uint64_t next_bid, next_exec;
	/* Independent books: what was contracted for the window that is bid for. */
	uint32_t car_wh[MKT_CHARGERS_MAX];
};

static int32_t price_of(uint32_t k)
{
	return mkt_retail_upwh(&terms, (int32_t)((k * 2654435761u) >> 18)); /* 0 .. 16 a kWh */
}

static void set_prices(struct world *w, uint32_t k)
{
	w->look.first = k;
	w->look.n = 300;
	w->look.known = 24 + k % 48; /* the others are guessed wrong */
	for (uint32_t i = 0; i < w->look.n; i++)
		w->look.retail_upwh[i] = price_of(k + i + (i < w->look.known ? 0 : 48));
	w->look.green_wh = k % 3 ? 4000 : 0;
}

static void start(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->rng.state = seed;
	w->next_bid = w->next_exec = 1;
	w->site = (struct mkt_site){.id = "x", .charger_w = 3600, .nchargers = 2};
	snprintf(w->site.chargers[0], sizeof(w->site.chargers[0]), "xc1");
	snprintf(w->site.chargers[1], sizeof(w->site.chargers[1]), "xc2");
	if (rng_below(&w->rng, 4))
		w->site.pv_w = 4000;
	if (rng_below(&w->rng, 2)) {
		w->site.battery_wh = 6400;
		w->site.battery_w = 5000;
		w->site.battery_pct = 90;
	}
	mkt_agent_init(&w->agent, &w->site, 5, seed);
}

static void check_leg(const struct world *w, const struct mkt_bid_leg *leg)
{
	uint32_t ix = leg->window - w->look.first;

	assert_true(leg->window >= w->look.first && ix < w->look.n);
	assert_int_equal(leg->price_upwh % terms.tick_upwh, 0);
	/* What the price will be in truth, known or not. */
	assert_in_range(leg->price_upwh, terms.feed_in_upwh, price_of(leg->window));
}

/* Contract some of a bid, in a window that it is open in; all of it if @all. */
static void fill(struct world *w, const struct mkt_intent *in, uint64_t bid, bool all)
{
	const struct mkt_bid_leg *legs = &w->plan.legs[in->op.u.bid.first_leg];
	uint32_t wh = in->op.u.bid.amount_wh, k = w->look.first;
	struct mkt_agent_deal d = {.bid = bid, .window = k, .side = in->op.u.bid.side};

	if (!all)
		wh = (uint32_t)rng_below(&w->rng, wh + 1);
	if (!wh || legs[0].window != k)
		return;
	while (wh) { /* several contracts */
		d.exec = w->next_exec++;
		d.wh = wh > 700 ? 700 : wh;
		wh -= d.wh;
		assert_int_equal(mkt_agent_contract(&w->agent, &d, NULL), 0);
		if (in->purpose == MKT_FOR_CAR)
			w->car_wh[mkt_agent_car(&w->agent, in->car)->s.charger] += d.wh;
	}
}

/* Bids of cars that stand from earlier windows and are open in this one. */
static void fill_standing(struct world *w)
{
	for (uint32_t i = 0; i < w->agent.ncars; i++)
		for (unsigned n = 0; n < w->agent.cars[i].nparts; n++) {
			struct mkt_car_part *part = &w->agent.cars[i].parts[n];
			struct mkt_agent_deal d = {
				.bid = part->bid, .window = w->look.first, .side = MKT_BUY};

			if (!part->bid || d.window <= part->first || d.window > part->last ||
			    (d.window - part->first) % part->step || rng_below(&w->rng, 3))
				continue;
			d.wh = (uint32_t)rng_below(&w->rng, part->left_wh + 1);
			if (!d.wh)
				continue;
			d.exec = w->next_exec++;
			assert_int_equal(mkt_agent_contract(&w->agent, &d, NULL), 0);
			w->car_wh[w->agent.cars[i].s.charger] += d.wh;
		}
}

static void send(struct world *w, bool all)
{
	assert_false(w->plan.bad);
	for (uint32_t i = 0; i < w->plan.n; i++) {
		const struct mkt_intent *in = &w->plan.v[i];
		uint64_t bid = w->next_bid;

		if (in->op.kind != MKT_OP_BID)
			continue;
		assert_true(in->op.u.bid.nlegs > 0 && in->op.u.bid.nlegs <= MKT_LEGS_MAX);
		assert_true(in->op.u.bid.amount_wh > 0);
		for (uint16_t l = 0; l < in->op.u.bid.nlegs; l++)
			check_leg(w, &w->plan.legs[in->op.u.bid.first_leg + l]);
		w->next_bid++;
		mkt_agent_placed(&w->agent, in, bid);
		fill(w, in, bid, all);
	}
	mkt_plan_clear(&w->plan);
}

static void plug_in_some(struct world *w, uint64_t now_s, uint64_t free_s[2])
{
	for (uint8_t c = 0; c < 2; c++) {
		struct mkt_session s = {.plug_in_s = now_s - rng_below(&w->rng, 1200),
					.charger = c};

		if (s.plug_in_s < free_s[c] || rng_below(&w->rng, 12))
			continue;
		s.plug_out_s = s.plug_in_s + 600 + rng_below(&w->rng, 40 * 3600);
		s.energy_wh =
			(uint32_t)((s.plug_out_s - s.plug_in_s) * rng_below(&w->rng, 3500) / 3600);
		if (s.energy_wh > 30000)
			s.energy_wh = 30000;
		if (!s.energy_wh)
			continue;
		free_s[c] = s.plug_out_s;
		assert_int_equal(mkt_agent_plug_in(&w->agent, &s), 0);
	}
}

/* Reports name contracts and chargers, and never more than was metered. */
static void check_reports(struct world *w, const struct mkt_metered *m)
{
	uint64_t cars = 0, home = 0;

	for (uint32_t i = 0; i < w->plan.n; i++) {
		const struct mkt_op *op = &w->plan.v[i].op;

		if (op->kind == MKT_OP_REPORT) {
			assert_int_equal(op->u.report.side, MKT_DRAW);
			assert_true(!strcmp(op->u.report.charger, "xc1") ||
				    !strcmp(op->u.report.charger, "xc2"));
			cars += op->u.report.wh;
		} else {
			assert_int_equal(op->kind, MKT_OP_METER);
			if (op->u.meter.side == MKT_SUPPLY)
				assert_int_equal(op->u.meter.wh, m->supply_wh);
			else
				home += op->u.meter.wh;
		}
	}
	assert_true(cars <= m->car_wh);
	assert_true(home + cars <= m->draw_wh);
	mkt_plan_clear(&w->plan);
}

static void run_window(struct world *w, uint32_t k, uint64_t free_s[2])
{
	uint32_t load = (uint32_t)rng_below(&w->rng, 1500), pv = 0;
	uint64_t soc_before = w->agent.soc_x100;
	struct mkt_metered m;
	int64_t into_battery;

	if (w->site.pv_w && k % 48 > 14 && k % 48 < 34)
		pv = (uint32_t)rng_below(&w->rng, 2000);
	mkt_agent_meter(&w->agent, k - MKT_AGENT_LAG, load, pv, NULL, &w->plan, &m);
	assert_int_equal((int64_t)pv - load - m.car_wh - m.battery_wh,
			 (int64_t)m.supply_wh - m.draw_wh);
	assert_true(w->agent.soc_x100 <= (uint64_t)w->site.battery_wh * 100);
	into_battery = (int64_t)w->agent.soc_x100 - (int64_t)soc_before;
	assert_int_equal(into_battery, m.battery_wh > 0 ? m.battery_wh * 90 : m.battery_wh * 100);
	assert_int_equal(m.car_missed_wh, 0);
	check_reports(w, &m);

	set_prices(w, k);
	memset(w->car_wh, 0, sizeof(w->car_wh));
	plug_in_some(w, (uint64_t)k * W - 600, free_s);
	mkt_agent_offer(&w->agent, &terms, &w->look, &w->plan);
	mkt_agent_want(&w->agent, &terms, &w->look, &w->plan);
	fill_standing(w);
	send(w, false);
	mkt_agent_cars(&w->agent, &terms, &w->look, &w->plan);
	send(w, true);
	mkt_agent_rest(&w->agent, &terms, &w->look, &w->plan);
	fill_standing(w); /* what others sell at the feed-in price may be taken by cars */
	send(w, true);
	/* With what its own roof gives: no window asks for more than the charger has. */
	for (int c = 0; c < 2; c++)
		assert_true(w->car_wh[c] <= w->site.charger_w / 2);
}

static void agents_can_do_what_they_promise(void **state)
{
	struct rng r = rng_start("strategy");
	static struct world w;

	(void)state;
	for (int run = 0; run < 24; run++) {
		uint64_t free_s[2] = {0, 0};

		start(&w, rng_u64(&r));
		for (uint32_t k = FIRST; k < FIRST + 10 * 48; k++)
			run_window(&w, k, free_s);
		mkt_agent_release(&w.agent);
		mkt_plan_release(&w.plan);
	}
}

/* A stay of a night: the parts share out its windows, and each ends in the later half. */
static void parts_of_a_car_share_its_windows(void **state)
{
	struct mkt_session s = {.plug_in_s = (uint64_t)FIRST * W - 900, .energy_wh = 5000};
	uint32_t sum = 0;
	static struct world w;
	uint8_t seen[40] = {0};

	(void)state;
	start(&w, 1);
	s.plug_out_s = (uint64_t)(FIRST + 20) * W + 100;
	set_prices(&w, FIRST);
	assert_int_equal(mkt_agent_plug_in(&w.agent, &s), 0);
	mkt_cars_bid(&w.agent, &terms, &w.look, &w.plan);
	assert_int_equal(w.plan.n, 3); /* of 1800 Wh at most */
	for (uint32_t i = 0; i < w.plan.n; i++) {
		const struct mkt_op_bid *bid = &w.plan.v[i].op.u.bid;
		const struct mkt_car_part *part = &w.agent.cars[0].parts[i];

		sum += bid->amount_wh;
		assert_true(bid->amount_wh <= 1800);
		assert_true(part->last >= FIRST + 9 && part->last < FIRST + 20);
		for (uint16_t l = 0; l < bid->nlegs; l++)
			assert_int_equal(seen[w.plan.legs[bid->first_leg + l].window - FIRST]++, 0);
	}
	assert_int_equal(sum, 5000);
	mkt_plan_clear(&w.plan);
	mkt_cars_bid(&w.agent, &terms, &w.look, &w.plan);
	assert_int_equal(w.plan.n, 0); /* once is enough */
	mkt_agent_release(&w.agent);
	mkt_plan_release(&w.plan);
}

static void prices_stand_in_order(void **state)
{
	(void)state;
	assert_int_equal(mkt_retail_upwh(&terms, 7003), 21000);	 /* on the tick */
	assert_int_equal(mkt_retail_upwh(&terms, -20000), 8100); /* above feed-in */
	assert_int_equal(mkt_retail_upwh(&terms, 1000000), 200000);
	assert_int_equal(mkt_between_upwh(&terms, 21000, 0), 8000);
	assert_int_equal(mkt_between_upwh(&terms, 21000, 1000), 21000);
	assert_int_equal(mkt_between_upwh(&terms, 21000, 500), 14500);
}

static void the_retailer_is_always_there(void **state)
{
	struct mkt_plan p = MKT_PLAN_INIT;
	struct mkt_retailer r;
	static struct world w;

	(void)state;
	set_prices(&w, FIRST);
	w.look.n = w.look.known = 48;
	mkt_retailer_init(&r, 1, 21);
	mkt_retailer_bid(&r, &terms, &w.look, &p);
	assert_int_equal(p.n, 96);
	for (uint32_t i = 0; i < p.n; i++) {
		const struct mkt_bid_leg *leg = &p.legs[p.v[i].op.u.bid.first_leg];
		bool sells = p.v[i].op.u.bid.side == MKT_SELL;

		assert_int_equal(p.v[i].op.u.bid.nlegs, 1);
		assert_int_equal(leg->window, FIRST + i / 2);
		assert_int_equal(leg->tags, sells ? terms.brown : terms.green);
		assert_int_equal(leg->price_upwh,
				 sells ? w.look.retail_upwh[i / 2] : terms.feed_in_upwh);
	}
	mkt_plan_clear(&p);
	mkt_retailer_meter(&r, FIRST, &p);
	assert_int_equal(p.n, 0); /* nothing sold, nothing to report */
	mkt_retailer_contract(&r, FIRST, MKT_SELL, 300);
	mkt_retailer_contract(&r, FIRST, MKT_SELL, 400);
	mkt_retailer_meter(&r, FIRST, &p);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.v[0].op.u.meter.wh, 700);
	assert_int_equal(p.v[0].op.u.meter.side, MKT_SUPPLY);
	mkt_plan_release(&p);
}

/* What a stay is too short for is known when it begins, to the Wh, and is what lacks at its end. */
static void a_car_is_told_what_it_will_lack(void **state)
{
	struct mkt_session s = {.plug_in_s = (uint64_t)FIRST * W + 60, .energy_wh = 9000};
	struct mkt_metered m;
	struct world w;

	(void)state;
	start(&w, 3);
	for (int hours = 1; hours <= 3; hours++) {
		uint32_t left = 0, could = 0, filled = 0, told = 0, told_wh = 0, missed = 0;

		mkt_agent_release(&w.agent);
		w.site.battery_wh = w.site.pv_w = 0;
		mkt_agent_init(&w.agent, &w.site, 5, 3);
		s.plug_out_s = s.plug_in_s + (uint64_t)hours * 3600;
		assert_int_equal(mkt_agent_plug_in(&w.agent, &s), 0);
		assert_int_equal(w.agent.cars[0].told_wh, hours < 3 ? 9000 - hours * 3600 : 0);
		for (uint32_t k = FIRST; k < FIRST + 8; k++) {
			mkt_plan_clear(&w.plan);
			mkt_agent_meter(&w.agent, k, 0, 0, NULL, &w.plan, &m);
			left += m.cars_left, could += m.cars_could, filled += m.cars_filled;
			told += m.cars_told, told_wh += m.cars_told_wh, missed += m.car_missed_wh;
			assert_int_equal(m.cars_untold, 0);
		}
		assert_int_equal(left, 1);
		assert_int_equal(could, hours == 3);
		assert_int_equal(filled, hours == 3);
		assert_int_equal(told, hours < 3);
		assert_int_equal(told_wh, missed);
	}
	mkt_agent_release(&w.agent);
	mkt_plan_release(&w.plan);
}

/* Loads that jump between two values: only the lower one is bought, whichever came last. */
static void only_what_is_certain_is_contracted(void **state)
{
	struct mkt_site site = {.id = "x"};
	struct mkt_agent a;
	struct mkt_plan p = MKT_PLAN_INIT;
	struct mkt_outlook o = {
		.first = FIRST, .n = 1, .known = 1, .retail_upwh = {20000}, .green_wh = 5000};
	struct rng rng = {.state = 5};
	uint32_t load, bids = 0;

	(void)state;
	mkt_agent_init(&a, &site, 5, 1);
	for (int i = 0; i < MKT_FORECAST_KEEP; i++)
		mkt_agent_remember(&a, rng_below(&rng, 2) ? 900 : 300, 0);
	for (uint32_t k = FIRST; k < FIRST + 100; k++) {
		o.first = k;
		mkt_plan_clear(&p);
		mkt_agent_offer(&a, &terms, &o, &p);
		mkt_agent_want(&a, &terms, &o, &p);
		assert_true(p.n <= 1);
		if (p.n) {
			assert_int_equal(p.v[0].op.u.bid.side, MKT_BUY);
			assert_in_range(p.v[0].op.u.bid.amount_wh, 1, 300);
		}
		load = rng_below(&rng, 2) ? 900 : 300;
		mkt_agent_learn(&a, mkt_agent_position(&a, k), 0, load);
		mkt_agent_remember(&a, load, 0);
		bids += p.n;
	}
	assert_in_range(bids, 20, 99); /* the first is on paper only */
	mkt_plan_release(&p);
	mkt_agent_release(&a);
}

/* A home begins on paper, goes on with money when that pays, and ends when it does no more. */
static void forecasts_are_traded_on_paper_first(void **state)
{
	struct mkt_site site = {.id = "x"};
	struct mkt_agent a;
	struct mkt_plan p = MKT_PLAN_INIT;
	struct mkt_outlook o = {.n = 1, .known = 1, .retail_upwh = {20000}, .green_wh = 5000};

	(void)state;
	mkt_agent_init(&a, &site, 5, 1);
	for (int i = 0; i < MKT_FORECAST_KEEP; i++)
		mkt_agent_remember(&a, 400, 0);
	for (o.first = FIRST; o.first < FIRST + 30; o.first++) {
		bool drawn = o.first < FIRST + 20;
		struct mkt_position *at;

		mkt_plan_clear(&p);
		mkt_agent_offer(&a, &terms, &o, &p);
		mkt_agent_want(&a, &terms, &o, &p);
		assert_int_equal(p.n, o.first > FIRST && a.paper_gain_uc > 4 * a.paper_charge_uc);
		at = mkt_agent_position(&a, o.first);
		if (p.n) { /* somebody sells it all */
			at->bought_wh = p.v[0].op.u.bid.amount_wh;
			assert_in_range(at->bought_wh, 1, 400);
			assert_true((int64_t)at->bought_wh * 10000 <= a.stake_uc / 2);
		}
		mkt_agent_learn(&a, at, 0, drawn ? 400 : 0);
		assert_true(a.stake_uc > 0);
		if (o.first == FIRST + 19)
			assert_int_equal(p.n, 1);
	}
	assert_int_equal(p.n, 0);
	o.green_wh =
		0; /* nothing but the retailer's, which is not cheaper: no bid, nor one on paper */
	a.paper_charge_uc = 0;
	mkt_plan_clear(&p);
	mkt_agent_offer(&a, &terms, &o, &p);
	mkt_agent_want(&a, &terms, &o, &p);
	assert_int_equal(p.n, 0);
	assert_int_equal(mkt_agent_position(&a, o.first)->paper.wh, 0);
	mkt_plan_release(&p);
	mkt_agent_release(&a);
}

/* Green mode: buyers reach as many of the retailer's steps as their premium pays for. */
static void a_premium_reaches_dearer_green(void **state)
{
	static const int32_t premiums[] = {0, 500, 1000, 2000, 4000, 8000};
	struct mkt_terms t = terms;
	struct mkt_retailer r;
	struct mkt_plan p = MKT_PLAN_INIT;
	struct mkt_outlook o = {.first = FIRST, .n = 1, .known = 1, .retail_upwh = {20000}};

	(void)state;
	t.green_mode = true;
	mkt_retailer_init(&r, 1, 21);
	mkt_retailer_bid(&r, &t, &o, &p);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(premiums); i++) {
		uint32_t reached = 0;

		t.premium_upwh = premiums[i];
		assert_int_equal(mkt_green_upwh(&t, 20000), 20000 - t.tick_upwh + premiums[i]);
		for (uint32_t k = 0; k < p.n; k++) {
			const struct mkt_bid_leg *leg = &p.legs[p.v[k].op.u.bid.first_leg];

			if (p.v[k].op.u.bid.side == MKT_SELL && leg->tags == t.green)
				reached += leg->price_upwh <= mkt_green_upwh(&t, 20000);
		}
		assert_int_equal(reached, i);
	}
	t.premium_upwh = 1000000;
	assert_int_equal(mkt_green_upwh(&t, 20000), t.price_max_upwh);
	t.green_mode = false;
	mkt_plan_clear(&p);
	mkt_retailer_bid(&r, &t, &o, &p);
	assert_int_equal(p.n, 2);
	mkt_plan_release(&p);
}

/* Two markets: a leg in each.  Without tags the same energy can come twice, and is held. */
static void two_markets_have_two_legs(void **state)
{
	/* A battery too small to count, but for its owner. */
	struct mkt_site site = {.id = "x", .battery_wh = 1, .battery_pct = 100};
	struct mkt_terms t = terms;
	struct mkt_agent a;
	struct mkt_plan p = MKT_PLAN_INIT;
	struct mkt_outlook o = {
		.first = FIRST, .n = 1, .known = 1, .retail_upwh = {20000}, .green_wh = 5000};
	struct mkt_agent_deal d = {.exec = 1, .bid = 9, .window = FIRST, .side = MKT_BUY};

	(void)state;
	t.markets = 2;
	mkt_agent_init(&a, &site, 5, 1);
	for (int i = 0; i < MKT_FORECAST_KEEP; i++)
		mkt_agent_remember(&a, 400, 0);
	mkt_agent_offer(&a, &t, &o, &p);
	mkt_agent_want(&a, &t, &o, &p);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.v[0].op.u.bid.amount_wh, 400);
	assert_int_equal(p.nlegs, 4);
	assert_int_equal(p.legs[0].tags, t.green);
	assert_int_equal(p.legs[1].tags, mkt_tags_with(t.green, 1, 1));
	assert_int_equal(p.legs[2].tags, t.brown);
	mkt_agent_placed(&a, &p.v[0], 9);
	d.wh = 400;
	assert_int_equal(mkt_agent_contract(&a, &d, NULL), 0);
	d.wh = 0, d.over_wh = 150;
	assert_int_equal(mkt_agent_contract(&a, &d, NULL), 0);
	assert_int_equal(mkt_agent_position(&a, FIRST)->bought_wh, 550);
	mkt_plan_release(&p);
	mkt_agent_release(&a);
}

static void a_contract_of_nowhere_is_refused(void **state)
{
	struct mkt_agent_deal d = {
		.exec = 1, .bid = 1, .window = FIRST + 9, .wh = 1, .side = MKT_BUY};
	static struct world w;
	struct mkt_err err;

	(void)state;
	start(&w, 1);
	assert_int_equal(mkt_agent_contract(&w.agent, &d, &err), -MKT_EINVAL);
	mkt_agent_release(&w.agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agents_can_do_what_they_promise),
		cmocka_unit_test(parts_of_a_car_share_its_windows),
		cmocka_unit_test(prices_stand_in_order),
		cmocka_unit_test(the_retailer_is_always_there),
		cmocka_unit_test(a_car_is_told_what_it_will_lack),
		cmocka_unit_test(only_what_is_certain_is_contracted),
		cmocka_unit_test(forecasts_are_traded_on_paper_first),
		cmocka_unit_test(a_premium_reaches_dearer_green),
		cmocka_unit_test(two_markets_have_two_legs),
		cmocka_unit_test(a_contract_of_nowhere_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

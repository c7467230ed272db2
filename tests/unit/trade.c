/*
 * What agents want to bid: never more than charger, circuit, battery or budget give, and what is
 * missing is told.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/agent/trade.h"
#include "core/units/checked.h"
#include "tests/rng.h"

#define FIRST 997000u
#define N 48u

static struct mkt_trade_window windows[MKT_TRADE_WINDOWS_MAX];
static uint32_t contracted[4][MKT_TRADE_WINDOWS_MAX];
static struct mkt_trade_car cars[4];
static struct mkt_trade_plan *plan;

static struct mkt_trade start(enum mkt_trade_kind kind)
{
	memset(windows, 0, sizeof(windows));
	memset(contracted, 0, sizeof(contracted));
	return (struct mkt_trade){
		.kind = kind, .window_s = 1800, .lot_wh = 10, .tick_upwh = 10,
		.price_max_upwh = 200000, .first = FIRST, .nwindows = N, .windows = windows,
		.ntags = 2, .tags = {1, 0}, .green = {true, false}, .high_upwh = 27000,
		.low_upwh = 8000, .cars = cars,
	};
}

static struct mkt_trade_car car(unsigned k, uint32_t from, uint32_t to, uint32_t need, uint32_t w)
{
	struct mkt_trade_car c = {
		.departure_s = (uint64_t)(FIRST + to + 1) * 1800, .first = FIRST + from,
		.last = FIRST + to, .need_wh = need, .max_w = w, .contracted_wh = contracted[k]};

	snprintf(c.name, sizeof(c.name), "ev%u", k);
	return c;
}

static void make(const struct mkt_trade *t)
{
	struct mkt_err err;

	if (mkt_trade_plan(t, plan, &err) < 0)
		fail_msg("%s", err.text);
}

/* The most that can be contracted in a window, by bids whose slot begins with @who. */
static uint64_t worst(uint32_t window, const char *who)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < plan->n; i++) {
		const struct mkt_trade_bid *b = &plan->bids[i];
		bool there = false;

		for (unsigned k = 0; k < b->nlegs; k++)
			there |= b->legs[k].window == window;
		if (there && !strncmp(b->slot, who, strlen(who)))
			sum += b->amount_wh;
	}
	return sum;
}

static uint64_t total(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < plan->n; i++)
		sum += plan->bids[i].amount_wh;
	return sum;
}

static void test_one_bid(void **state)
{
	struct mkt_trade t = start(MKT_TRADE_CARS);

	(void)state;
	t.ncars = 1;
	cars[0] = car(0, 10, 25, 1400, 3000);
	make(&t);
	/* It fits into any window: one bid over all of them. */
	assert_int_equal(plan->n, 1);
	assert_int_equal(plan->bids[0].nlegs, 16 * 2);
	assert_int_equal(plan->bids[0].amount_wh, 1400);
	assert_int_equal(plan->nnotes, 0);
}

static void test_price_rises(void **state)
{
	struct mkt_trade t = start(MKT_TRADE_CARS);
	int32_t last = 0;

	(void)state;
	t.ncars = 1;
	for (uint32_t need = 1500; need <= 24000; need += 1500) {
		cars[0] = car(0, 10, 25, need, 3000);
		make(&t);
		assert_int_equal(total(), need);
		assert_true(plan->bids[0].legs[0].price_upwh > last);
		last = plan->bids[0].legs[0].price_upwh;
	}
	assert_int_equal(last, 27000);
	cars[0] = car(0, 10, 25, 25230, 3000);
	make(&t);
	assert_int_equal(total(), 24000);
	assert_int_equal(plan->nnotes, 1);
	assert_non_null(strstr(plan->notes[0], "ev0 will lack 1230 Wh"));
}

/* Whatever cars, contracts and circuits there are. */
static void test_never_more(void **state)
{
	struct rng r = rng_start("trade");

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		struct mkt_trade t = start(MKT_TRADE_CARS);
		uint64_t need = 0;

		t.ncars = 1 + (unsigned)rng_below(&r, 4);
		t.circuit_w = rng_below(&r, 3) ? 2000 + (uint32_t)rng_below(&r, 9000) : 0;
		for (unsigned k = 0; k < t.ncars; k++) {
			uint32_t from = (uint32_t)rng_below(&r, N - 1);
			uint32_t to = from + (uint32_t)rng_below(&r, N - from);

			cars[k] = car(k, from, to, (uint32_t)rng_below(&r, 40000),
				      1000 + (uint32_t)rng_below(&r, 6000));
			need += cars[k].need_wh;
			for (unsigned i = from; i <= to; i++)
				if (!rng_below(&r, 6))
					contracted[k][i] = 10 * (uint32_t)rng_below(&r, 50);
		}
		make(&t);
		assert_true(total() <= need);
		for (uint32_t i = 0; i < N; i++) {
			uint64_t all = 0;

			for (unsigned k = 0; k < t.ncars; k++) {
				char who[16];
				uint64_t wh = contracted[k][i];

				snprintf(who, sizeof(who), "ev%u@", k);
				if (worst(FIRST + i, who))
					assert_true(worst(FIRST + i, who) + wh <=
						    cars[k].max_w / 2);
				all += worst(FIRST + i, who) + wh;
			}
			if (t.circuit_w && worst(FIRST + i, "ev"))
				assert_true(all <= t.circuit_w / 2);
		}
	}
}

static void test_contracts_count(void **state)
{
	struct mkt_trade t = start(MKT_TRADE_CARS);

	(void)state;
	t.ncars = 1;
	cars[0] = car(0, 0, 9, 6000, 3000);
	cars[0].before_wh = 1000;
	contracted[0][3] = 1500;
	contracted[0][4] = 500;
	make(&t);
	assert_int_equal(total(), 3000);
	assert_int_equal(worst(FIRST + 3, "ev0"), 0);
	assert_true(worst(FIRST + 4, "ev0") <= 1000);
}

static void test_battery(void **state)
{
	struct mkt_trade t = start(MKT_TRADE_BATTERY);

	(void)state;
	t.ntags = 1;
	t.tags[0] = 0;
	t.soc_wh = t.soc_min_wh = 1000;
	t.soc_max_wh = 9000;
	t.battery_w = 3000;
	t.efficiency_bp = 8000;
	t.spread_upwh = 1000;
	windows[3] = (struct mkt_trade_window){.sells = true, .sell_upwh = 10000};
	windows[9] = (struct mkt_trade_window){.buys = true, .buy_upwh = 13000};
	make(&t); /* 13 after the loss is 10.4: less than 1 more than 10 */
	assert_int_equal(plan->n, 0);
	windows[9].buy_upwh = 14000;
	make(&t);
	assert_int_equal(plan->n, 1);
	assert_int_equal(plan->bids[0].side, MKT_BUY);
	assert_int_equal(plan->bids[0].amount_wh, 1500);
	assert_int_equal(plan->bids[0].legs[0].window, FIRST + 3);
	windows[3].bought_wh = 1500; /* as much as it can take in that window */
	make(&t);
	assert_int_equal(plan->n, 0);
	/* What is stored is sold, not what is below the lower bound; nothing before it is there. */
	t.soc_wh = 1700;
	make(&t);
	assert_int_equal(plan->n, 1);
	assert_int_equal(plan->bids[0].side, MKT_SELL);
	assert_int_equal(plan->bids[0].amount_wh, 700);
	windows[9].sold_wh = 700;
	make(&t);
	assert_int_equal(plan->n, 0);
	/* To put it back costs 10 / 0.8, and where nobody offers any what the retailer takes. */
	windows[9] = (struct mkt_trade_window){.buys = true, .buy_upwh = 13400};
	make(&t);
	assert_int_equal(plan->n, 0);
	windows[9].buy_upwh = 13500;
	make(&t);
	assert_int_equal(plan->n, 1);
	windows[3].sells = false;
	make(&t);
	assert_int_equal(plan->n, 0);
	t.efficiency_bp = 0;
	assert_int_equal(mkt_trade_plan(&t, plan, NULL), -MKT_EINVAL);
}

static void test_maker_and_budget(void **state)
{
	struct mkt_trade t = start(MKT_TRADE_MAKER);
	int64_t cost = 0;

	(void)state;
	t.nwindows = 4;
	t.base_wh = 5000;
	t.reference_upwh = 20000;
	t.spread_upwh = 4000;
	windows[1].sold_wh = 2000;
	make(&t);
	assert_int_equal(plan->n, 8);
	assert_int_equal(total(), 8 * 5000 - 2000);
	for (unsigned i = 0; i < plan->n; i++)
		assert_int_equal(plan->bids[i].legs[0].price_upwh,
				 plan->bids[i].side == MKT_SELL ? 22000 : 18000);
	t.bounded = true;
	t.budget_uc = INT64_C(150000000); /* pays for 8333 Wh at 18 */
	make(&t);
	for (unsigned i = 0; i < plan->n; i++)
		if (plan->bids[i].side == MKT_BUY)
			cost += mkt_cost_uc(18000, plan->bids[i].amount_wh);
	assert_true(cost <= t.budget_uc && cost > t.budget_uc - 18000 * 10);
	t.budget_uc = -1;
	make(&t);
	assert_int_equal(plan->n, 4);
}

static void test_forecasts(void **state)
{
	static const char good[] = "# start,load,roof\n1793707200,400,0\n1793709000,300,900\n"
				   "1793712600,500,100";
	struct mkt_history *h = calloc(1, sizeof(*h));
	struct mkt_trade t = start(MKT_TRADE_HOUSEHOLD);
	struct mkt_err err = {0};

	(void)state;
	assert_int_equal(mkt_history_parse(good, strlen(good), 1800, h, &err), 0);
	assert_int_equal(h->n, 4); /* the gap is as the one before */
	assert_int_equal(h->load_wh[2], 300);
	assert_int_equal(h->pv_wh[3], 100);
	t.history = h;
	t.first = h->last + 2;
	t.nwindows = 1;
	make(&t);
	assert_int_equal(plan->n, 1);
	assert_int_equal(plan->bids[0].amount_wh, 400);
	assert_int_equal(plan->bids[0].legs[1].price_upwh, 27000);
	t.premium_upwh = 2000;
	make(&t);
	assert_int_equal(plan->bids[0].legs[0].price_upwh, 29000);
	assert_int_equal(plan->bids[0].legs[1].price_upwh, 27000);
	windows[0].bought_wh = 400;
	make(&t);
	assert_int_equal(plan->n, 0);
	/* The roof sells nothing while the house needs it. */
	t.kind = MKT_TRADE_PV;
	make(&t);
	assert_int_equal(plan->n, 0);
	h->pv_wh[3] = 1500;
	make(&t);
	assert_int_equal(plan->bids[0].side, MKT_SELL);
	assert_int_equal(plan->bids[0].amount_wh, 1000);
	h->n = 0;
	assert_int_equal(mkt_trade_plan(&t, plan, &err), -MKT_EINVAL);
	free(h);
}

static void test_history_faults(void **state)
{
	static const char *const bad[] = {
		"x", "1793707200", "1793707200,", "1793707201,1", "1793707200,-1", "1793707200,1,",
		"1793707200,1,2,3", "1793707200,4294967296", " 1793707200,1",
		"1793709000,1\n1793707200,1", "1793707200,1\n1793707200,1", "99999999999999999,1",
	};
	struct mkt_history *h = calloc(1, sizeof(*h));
	struct mkt_err err = {0};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		assert_int_equal(mkt_history_parse(bad[i], strlen(bad[i]), 1800, h, &err),
				 -MKT_EINVAL);
		assert_non_null(strstr(err.text, "of the history"));
		assert_int_equal(h->n, 0);
	}
	assert_int_equal(mkt_history_parse("", 0, 1800, h, &err), 0);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_bid),		 cmocka_unit_test(test_price_rises),
		cmocka_unit_test(test_never_more),	 cmocka_unit_test(test_contracts_count),
		cmocka_unit_test(test_battery),		 cmocka_unit_test(test_maker_and_budget),
		cmocka_unit_test(test_forecasts),	 cmocka_unit_test(test_history_faults),
	};
	int failed;

	plan = calloc(1, sizeof(*plan));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(plan);
	return failed;
}

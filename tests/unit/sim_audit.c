/* The second set of accounts of mkt sim: it must find what a wrong ledger would do. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cmd/sim_audit.c"

#define W 1000u

static const struct sim_spread spread = {.retailer = 1, .feed_in_upwh = 8000, .retail_upwh = 20000};

static void bid(struct sim_audit *a, uint64_t id, uint32_t account, uint8_t side, uint32_t wh)
{
	const struct mkt_bid_leg legs[] = {{.window = 1, .price_upwh = 1, .tags = 9},
					   {.window = W, .price_upwh = 15000, .tags = 1},
					   {.window = W + 3, .price_upwh = 12000, .tags = 0}};
	struct mkt_op op = {.kind = MKT_OP_BID, .account = account};

	op.u.bid.side = side;
	op.u.bid.amount_wh = wh;
	op.u.bid.first_leg = 1;
	op.u.bid.nlegs = 2;
	assert_int_equal(sim_audit_bid(a, id, &op, legs), 0);
}

/* A buy of 100 by 3 and a sale of 60 by 4, numbered with a gap as refused bids leave it. */
static struct sim_audit *two_bids(void)
{
	struct sim_audit *a = sim_audit_new();

	assert_non_null(a);
	bid(a, 2, 3, MKT_BUY, 100);
	bid(a, 5, 4, MKT_SELL, 60);
	return a;
}

static struct sim_contract contract(uint32_t wh)
{
	return (struct sim_contract){.exec = 1, .buy_bid = 2, .sell_bid = 5, .buyer = 3, .seller = 4,
				     .window = W, .wh = wh, .price_upwh = 15000, .tags = 1};
}

static struct sim_findings judge(const struct sim_audit *a)
{
	struct sim_findings f;

	sim_audit_findings(a, &f);
	return f;
}

static void what_bids_allow_is_fine(void **state)
{
	struct sim_audit *a = two_bids();
	struct sim_contract c = contract(25);
	struct sim_findings f;

	(void)state;
	sim_audit_contract(a, &c, &spread);
	c.wh = 35;
	sim_audit_contract(a, &c, &spread);
	f = judge(a);
	assert_int_equal(f.bids, 2);
	assert_int_equal(f.contracts, 2);
	assert_int_equal(f.contracted_wh, 60);
	assert_int_equal(f.over_wh + f.strays + f.outside, 0);
	assert_int_equal(f.neighbours_wh, 60);
	assert_int_equal(f.neighbours_uc, 60 * 15000);
	sim_audit_free(a);
}

static void over_contracting_is_counted_to_the_wh(void **state)
{
	struct sim_audit *a = two_bids();
	struct sim_contract c = contract(50);

	(void)state;
	sim_audit_contract(a, &c, &spread);
	assert_int_equal(judge(a).over_wh, 0);
	sim_audit_contract(a, &c, &spread);
	assert_int_equal(judge(a).over_wh, 40); /* of the sale */
	c.wh = 7;
	sim_audit_contract(a, &c, &spread);
	assert_int_equal(judge(a).over_wh, 40 + 7 + 7); /* both are full now */
	sim_audit_free(a);
}

static void what_no_bid_allows_is_a_stray(void **state)
{
	struct sim_contract wrong[10];
	struct sim_audit *a = two_bids();

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(wrong); i++)
		wrong[i] = contract(1);
	wrong[0].buy_bid = 3;         /* never taken */
	wrong[1].sell_bid = 99;
	wrong[2].buyer = 7;
	wrong[3].window = W + 1;
	wrong[4].tags = 0;
	wrong[5].price_upwh = 15010;  /* above the buyer's limit */
	wrong[6].price_upwh = 14990;  /* below the seller's */
	wrong[7].buy_leg = 2;         /* there are two */
	wrong[8].wh = 0;
	wrong[9].buy_bid = 5;         /* a sale does not buy */
	wrong[9].buyer = 4;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(wrong); i++) {
		sim_audit_contract(a, &wrong[i], &spread);
		assert_int_equal(judge(a).strays, i + 1);
	}
	assert_int_equal(judge(a).over_wh, 0);
	sim_audit_free(a);
}

static void prices_between_neighbours_stay_in_the_spread(void **state)
{
	struct sim_spread narrow = spread;
	struct sim_audit *a = two_bids();
	struct sim_contract c = contract(1);

	(void)state;
	narrow.retail_upwh = 14990;
	sim_audit_contract(a, &c, &narrow);
	assert_int_equal(judge(a).outside, 1);
	narrow.retailer = 4; /* the retailer's own price is no matter of neighbours */
	sim_audit_contract(a, &c, &narrow);
	assert_int_equal(judge(a).outside, 1);
	assert_int_equal(judge(a).neighbours, 1);
	sim_audit_free(a);
}

static void nothing_is_settled_that_was_not_metered(void **state)
{
	struct sim_audit *a = two_bids();
	struct sim_contract c = contract(50);

	(void)state;
	sim_audit_settled(a, &c); /* it is not settled */
	assert_int_equal(judge(a).settled, 0);
	c.settled = true;
	c.supply_wh = 50;
	c.draw_wh = 30;
	c.delivered_wh = 30;
	sim_audit_settled(a, &c);
	assert_int_equal(judge(a).excess_wh, 0);
	c.delivered_wh = 31;
	sim_audit_settled(a, &c);
	assert_int_equal(judge(a).excess_wh, 1);
	assert_int_equal(judge(a).settled, 2);
	assert_int_equal(judge(a).delivered_wh, 61);
	sim_audit_free(a);
}

/* Years of bids: what is over is forgotten, what is not is found. */
static void windows_that_are_over_are_forgotten(void **state)
{
	struct sim_audit *a = sim_audit_new();
	struct sim_contract c = contract(1);

	(void)state;
	assert_non_null(a);
	for (uint64_t id = 1; id <= 100000; id++) {
		struct mkt_bid_leg leg = {.window = (uint32_t)(id / 10), .price_upwh = 15000, .tags = 1};
		struct mkt_op op = {.kind = MKT_OP_BID, .account = 3 + (uint32_t)(id % 2)};

		op.u.bid.side = id % 2 ? MKT_SELL : MKT_BUY;
		op.u.bid.amount_wh = 1;
		op.u.bid.nlegs = 1;
		assert_int_equal(sim_audit_bid(a, id, &op, &leg), 0);
		sim_audit_forget(a, leg.window - 1);
		assert_true(a->n <= 64);
	}
	c.buy_bid = 99998;
	c.sell_bid = 99999;
	c.window = 9999;
	sim_audit_contract(a, &c, &spread);
	assert_int_equal(judge(a).strays, 0);
	c.buy_bid = 10;
	sim_audit_contract(a, &c, &spread);
	assert_int_equal(judge(a).strays, 1);
	sim_audit_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_bids_allow_is_fine),
		cmocka_unit_test(over_contracting_is_counted_to_the_wh),
		cmocka_unit_test(what_no_bid_allows_is_a_stray),
		cmocka_unit_test(prices_between_neighbours_stay_in_the_spread),
		cmocka_unit_test(nothing_is_settled_that_was_not_metered),
		cmocka_unit_test(windows_that_are_over_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

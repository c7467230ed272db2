/* What agents plan, sent as the predecessor did: an envelope for each operation, a bid for each book. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cmd/sim_split.c"

#define W 1000u
#define BUYER 2
#define SELLER 3
#define PARTIES 4
#define SENT_MAX 64

/* What has left: the only operation of each envelope, and the legs if it is a bid. */
struct sent {
	struct sim_party *party;
	struct mkt_intent in;
	struct mkt_bid_leg legs[8];
};

struct desk {
	struct sim s;
	struct mkt_app app;
	struct sim_party parties[PARTIES];
	struct sent sent[SENT_MAX];
	uint32_t n;
	uint64_t next_bid; /* of the ledger */
};

/* ---- in place of the post and the accounts ------------------------------------------------ */

int sim_post_frame(struct sim *s, struct sim_party *p, const struct mkt_plan *plan)
{
	struct desk *d = (struct desk *)s;
	struct sent *at = &d->sent[d->n];

	assert_true(d->n++ < SENT_MAX);
	assert_int_equal(plan->n, 1); /* one operation an envelope: that is the point */
	assert_false(plan->bad);
	*at = (struct sent){.party = p, .in = plan->v[0]};
	if (at->in.op.kind == MKT_OP_BID) {
		assert_in_range(at->in.op.u.bid.nlegs, 1, MKT_ARRAY_SIZE(at->legs));
		memcpy(at->legs, &plan->legs[at->in.op.u.bid.first_leg],
		       at->in.op.u.bid.nlegs * sizeof(at->legs[0]));
	}
	return 0;
}

struct sim_party *sim_party(const struct sim *s, uint32_t account)
{
	return account && account < PARTIES ? &s->parties[account] : NULL;
}

/* ---- the desk ----------------------------------------------------------------------------- */

static struct desk *set_up(void)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->s.app = &d->app;
	d->s.parties = d->parties;
	d->s.nparties = PARTIES;
	d->s.look.first = W;
	d->next_bid = 7; /* others have bid before */
	for (uint32_t i = 0; i < PARTIES; i++)
		d->parties[i].account = i;
	d->s.split = sim_split_new();
	assert_non_null(d->s.split);
	return d;
}

static void tear_down(struct desk *d)
{
	sim_split_free(d->s.split);
	free(d);
}

/* All that was sent is through: the ledger numbers the bids in order, but not number @refused. */
static void deliver_but(struct desk *d, uint32_t refused)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (d->sent[i].in.op.kind == MKT_OP_BID)
			d->s.placed(d->s.placed_who, d->sent[i].party, &d->sent[i].in,
				    i == refused ? 0 : d->next_bid++);
	d->n = 0;
	sim_split_sent(d->s.split);
}

static void deliver(struct desk *d)
{
	deliver_but(d, UINT32_MAX);
}

static mkt_tags in_market(uint8_t market, uint8_t color)
{
	return mkt_tags_with(mkt_tags_with(0, 0, color), MARKET_DIM, market);
}

/* A purchase of @wh in windows W and W + 1, each in both markets, in two colors in the first. */
static void add_bid(struct desk *d, uint32_t account, enum mkt_side side, uint32_t wh,
		    uint8_t purpose)
{
	struct mkt_plan p = MKT_PLAN_INIT;

	mkt_plan_bid(&p, account, side, wh)->purpose = purpose;
	mkt_plan_leg(&p, W, in_market(1, 1), 100);
	mkt_plan_leg(&p, W + 1, in_market(1, 1), 101);
	mkt_plan_leg(&p, W, in_market(2, 1), 102);
	mkt_plan_leg(&p, W, in_market(1, 2), 103);
	mkt_plan_leg(&p, W + 1, in_market(2, 1), 104);
	assert_int_equal(sim_split_add(&d->s, &d->parties[account], &p), 0);
	mkt_plan_release(&p);
}

static struct mkt_agent_deal contract(struct desk *d, uint32_t account, uint64_t bid, uint32_t wh)
{
	struct mkt_agent_deal deal = {.exec = 40 + bid, .bid = bid, .window = W, .wh = wh,
				      .side = account == SELLER ? MKT_SELL : MKT_BUY};

	assert_int_equal(sim_split_contract(&d->s, account, &deal), 0);
	return deal;
}

static void is_reduce(const struct sent *at, uint64_t bid, uint32_t left_wh)
{
	assert_int_equal(at->in.op.kind, MKT_OP_REDUCE);
	assert_int_equal(at->in.op.u.reduce.bid, bid);
	assert_int_equal(at->in.op.u.reduce.left_wh, left_wh);
}

static void is_cancel(const struct sent *at, uint64_t bid)
{
	assert_int_equal(at->in.op.kind, MKT_OP_CANCEL);
	assert_int_equal(at->in.op.u.cancel.what, MKT_CANCEL_ONE);
	assert_int_equal(at->in.op.u.cancel.bid, bid);
}

/* ---- bids --------------------------------------------------------------------------------- */

static void a_bid_becomes_one_for_each_window_and_market(void **state)
{
	static const struct {
		uint32_t window;
		int32_t price_upwh;
		uint16_t nlegs;
	} want[] = {{W, 100, 2}, {W + 1, 101, 1}, {W, 102, 1}, {W + 1, 104, 1}};
	struct desk *d = set_up();

	(void)state;
	add_bid(d, BUYER, MKT_BUY, 500, MKT_FOR_HOME_BUY);
	assert_int_equal(d->n, MKT_ARRAY_SIZE(want));
	for (uint32_t i = 0; i < d->n; i++) {
		const struct mkt_op *op = &d->sent[i].in.op;

		assert_int_equal(op->kind, MKT_OP_BID);
		assert_int_equal(op->account, BUYER);
		assert_int_equal(op->u.bid.side, MKT_BUY);
		assert_int_equal(op->u.bid.amount_wh, 500); /* each of all of it */
		assert_int_equal(op->u.bid.nlegs, want[i].nlegs);
		assert_int_equal(d->sent[i].legs[0].window, want[i].window);
		assert_int_equal(d->sent[i].legs[0].price_upwh, want[i].price_upwh);
		assert_ptr_equal(d->sent[i].party, &d->parties[BUYER]);
	}
	/* Colors of one window in one market are one book, as the predecessor had it. */
	assert_int_equal(d->sent[0].legs[1].price_upwh, 103);
	tear_down(d);
}

static void the_agent_knows_one_bid(void **state)
{
	struct desk *d = set_up();
	struct mkt_site site = {.id = "a"};
	struct mkt_agent a;

	(void)state;
	mkt_agent_init(&a, &site, BUYER, 1);
	d->parties[BUYER].agent = &a;
	add_bid(d, SELLER, MKT_SELL, 500, MKT_FOR_HOME_SELL);
	add_bid(d, BUYER, MKT_BUY, 500, MKT_FOR_HOME_BUY);
	assert_int_equal(a.buy_bid, 2);
	deliver(d);
	/* Whichever of its pieces contracts, the agent hears of that one. */
	assert_int_equal(contract(d, BUYER, 11, 10).bid, 2);
	assert_int_equal(contract(d, BUYER, 14, 10).bid, 2);
	assert_int_equal(contract(d, SELLER, 7, 10).bid, 1);
	mkt_agent_release(&a);
	tear_down(d);
}

/* ---- withdrawals after the fact ----------------------------------------------------------- */

static void what_one_piece_contracts_is_taken_from_the_others(void **state)
{
	struct desk *d = set_up();

	(void)state;
	add_bid(d, BUYER, MKT_BUY, 500, MKT_FOR_HOME_BUY);
	deliver(d);
	contract(d, BUYER, 8, 200);
	assert_int_equal(sim_split_withdraw(&d->s), 0);
	assert_int_equal(d->n, 3); /* the ledger has lowered the one that met by itself */
	is_reduce(&d->sent[0], 7, 300);
	is_reduce(&d->sent[1], 9, 300);
	is_reduce(&d->sent[2], 10, 300);
	deliver(d);
	assert_int_equal(sim_split_withdraw(&d->s), 0);
	assert_int_equal(d->n, 0); /* once is enough */
	contract(d, BUYER, 7, 300);
	assert_int_equal(sim_split_withdraw(&d->s), 0);
	assert_int_equal(d->n, 3);
	is_cancel(&d->sent[0], 8);
	is_cancel(&d->sent[1], 9);
	is_cancel(&d->sent[2], 10);
	assert_int_equal(sim_split_over_wh(d->s.split), 0);
	tear_down(d);
}

static void windows_that_are_over_and_refused_pieces_are_left_alone(void **state)
{
	struct desk *d = set_up();

	(void)state;
	add_bid(d, BUYER, MKT_BUY, 500, MKT_FOR_HOME_BUY);
	deliver_but(d, 3); /* pieces 7 (W), 8 (W + 1), 9 (W); the last one is refused */
	d->s.look.first = W + 1;
	contract(d, BUYER, 7, 100);
	assert_int_equal(sim_split_withdraw(&d->s), 0);
	assert_int_equal(d->n, 1);
	is_reduce(&d->sent[0], 8, 400);
	tear_down(d);
}

static void contracts_before_the_withdrawal_go_over(void **state)
{
	struct desk *d = set_up();
	struct mkt_agent_deal deal;

	(void)state;
	add_bid(d, BUYER, MKT_BUY, 500, MKT_FOR_HOME_BUY);
	deliver(d);
	deal = contract(d, BUYER, 7, 400);
	assert_int_equal(deal.wh, 400);
	assert_int_equal(deal.over_wh, 0);
	deal = contract(d, BUYER, 9, 250); /* nobody has heard of the first one */
	assert_int_equal(deal.wh, 100);
	assert_int_equal(deal.over_wh, 150);
	deal = contract(d, BUYER, 10, 30);
	assert_int_equal(deal.wh, 0);
	assert_int_equal(deal.over_wh, 30);
	assert_int_equal(sim_split_over_wh(d->s.split), 180);
	assert_int_equal(sim_split_withdraw(&d->s), 0);
	assert_int_equal(d->n, 4);
	for (uint32_t i = 0; i < 4; i++)
		is_cancel(&d->sent[i], 7 + i);
	tear_down(d);
}

static void the_grid_has_as_much_as_is_wanted(void **state)
{
	struct desk *d = set_up();
	struct mkt_agent_deal deal;

	(void)state;
	add_bid(d, 1, MKT_SELL, 500, MKT_FOR_RETAIL);
	deliver(d);
	deal = contract(d, 1, 7, 500);
	deal = contract(d, 1, 8, 500);
	assert_int_equal(deal.wh, 500);
	assert_int_equal(deal.over_wh, 0);
	assert_int_equal(sim_split_over_wh(d->s.split), 0);
	assert_int_equal(sim_split_withdraw(&d->s), 0);
	assert_int_equal(d->n, 0);
	tear_down(d);
}

/* ---- what agents change ------------------------------------------------------------------- */

static int change(struct desk *d, enum mkt_op_kind kind, uint64_t bid, uint32_t left_wh)
{
	struct mkt_plan p = MKT_PLAN_INIT;
	struct mkt_op *op = &mkt_plan_add(&p, kind, BUYER)->op;
	int rc;

	if (kind == MKT_OP_CANCEL) {
		op->u.cancel.what = MKT_CANCEL_ONE;
		op->u.cancel.bid = bid;
	} else {
		op->u.reduce.bid = bid;
		op->u.reduce.left_wh = left_wh;
	}
	rc = sim_split_add(&d->s, &d->parties[BUYER], &p);
	mkt_plan_release(&p);
	return rc;
}

static void a_change_is_one_envelope_a_piece(void **state)
{
	struct desk *d = set_up();

	(void)state;
	add_bid(d, BUYER, MKT_BUY, 500, MKT_FOR_CAR);
	deliver(d);
	contract(d, BUYER, 7, 200);
	assert_int_equal(sim_split_withdraw(&d->s), 0);
	deliver(d);
	/* "left" is beside what is contracted: 100 more may be, and then no more. */
	assert_int_equal(change(d, MKT_OP_REDUCE, 1, 100), 0);
	assert_int_equal(d->n, 4);
	for (uint32_t i = 0; i < 4; i++)
		is_reduce(&d->sent[i], 7 + i, 100);
	deliver(d);
	assert_int_equal(contract(d, BUYER, 8, 130).over_wh, 30);
	assert_int_equal(change(d, MKT_OP_CANCEL, 1, 0), 0);
	assert_int_equal(d->n, 4);
	for (uint32_t i = 0; i < 4; i++)
		is_cancel(&d->sent[i], 7 + i);
	deliver(d);
	assert_int_equal(change(d, MKT_OP_CANCEL, 1, 0), 0);
	assert_int_equal(d->n, 0); /* nothing of it stands */
	tear_down(d);
}

static void bids_that_never_were_are_told(void **state)
{
	struct desk *d = set_up();
	struct mkt_agent_deal deal = {.exec = 1, .bid = 99, .window = W, .wh = 1, .side = MKT_BUY};

	(void)state;
	assert_int_equal(change(d, MKT_OP_CANCEL, 1, 0), -MKT_EINTEGRITY);
	assert_int_equal(change(d, MKT_OP_REDUCE, 0, 5), -MKT_EINTEGRITY);
	assert_int_equal(sim_split_contract(&d->s, BUYER, &deal), -MKT_EINTEGRITY);
	assert_string_equal(d->app.err.text, "contract 1 has no bid");
	assert_int_equal(d->n, 0);
	tear_down(d);
}

/* ---- reports ------------------------------------------------------------------------------ */

static void meter(struct desk *d, uint32_t window, uint8_t side, uint32_t wh)
{
	struct mkt_plan p = MKT_PLAN_INIT;
	struct mkt_op *op = &mkt_plan_add(&p, MKT_OP_METER, BUYER)->op;

	op->u.meter.window = window;
	op->u.meter.side = side;
	op->u.meter.wh = wh;
	assert_int_equal(sim_split_add(&d->s, &d->parties[BUYER], &p), 0);
	mkt_plan_release(&p);
}

static void is_report(const struct sent *at, uint64_t exec, uint32_t wh)
{
	assert_int_equal(at->in.op.kind, MKT_OP_REPORT);
	assert_int_equal(at->in.op.account, BUYER);
	assert_int_equal(at->in.op.u.report.exec, exec);
	assert_int_equal(at->in.op.u.report.side, MKT_DRAW);
	assert_int_equal(at->in.op.u.report.wh, wh);
}

static void a_meter_is_told_contract_by_contract(void **state)
{
	struct desk *d = set_up();

	(void)state;
	add_bid(d, BUYER, MKT_BUY, 500, MKT_FOR_HOME_BUY);   /* 7 to 10 */
	add_bid(d, SELLER, MKT_SELL, 500, MKT_FOR_HOME_SELL); /* 11 to 14: not of this meter */
	add_bid(d, BUYER, MKT_BUY, 500, MKT_FOR_CAR);	     /* 15 to 18: the charger tells */
	deliver(d);
	contract(d, BUYER, 7, 200);
	contract(d, SELLER, 11, 200);
	contract(d, BUYER, 15, 60);
	contract(d, BUYER, 9, 250);
	contract(d, BUYER, 10, 30);
	meter(d, W, MKT_DRAW, 310);
	assert_int_equal(d->n, 3);
	is_report(&d->sent[0], 47, 200);
	is_report(&d->sent[1], 49, 110);
	is_report(&d->sent[2], 50, 0); /* nothing is left for it, and that is said too */
	deliver(d);
	meter(d, W, MKT_SUPPLY, 310);
	meter(d, W + 1, MKT_DRAW, 310);
	meter(d, W + MKT_POSITIONS, MKT_DRAW, 310); /* has the same place as W */
	assert_int_equal(d->n, 0);
	tear_down(d);
}

static void other_operations_go_as_they_are(void **state)
{
	struct desk *d = set_up();
	struct mkt_plan p = MKT_PLAN_INIT;

	(void)state;
	for (uint64_t exec = 1; exec <= 3; exec++)
		mkt_plan_add(&p, MKT_OP_REPORT, BUYER)->op.u.report.exec = exec;
	assert_int_equal(sim_split_add(&d->s, &d->parties[BUYER], &p), 0);
	assert_int_equal(d->n, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(d->sent[i].in.op.kind, MKT_OP_REPORT);
		assert_int_equal(d->sent[i].in.op.u.report.exec, i + 1);
	}
	mkt_plan_release(&p);
	tear_down(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bid_becomes_one_for_each_window_and_market),
		cmocka_unit_test(the_agent_knows_one_bid),
		cmocka_unit_test(what_one_piece_contracts_is_taken_from_the_others),
		cmocka_unit_test(windows_that_are_over_and_refused_pieces_are_left_alone),
		cmocka_unit_test(contracts_before_the_withdrawal_go_over),
		cmocka_unit_test(the_grid_has_as_much_as_is_wanted),
		cmocka_unit_test(a_change_is_one_envelope_a_piece),
		cmocka_unit_test(bids_that_never_were_are_told),
		cmocka_unit_test(a_meter_is_told_contract_by_contract),
		cmocka_unit_test(other_operations_go_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The worked examples of the market, through envelopes, with the money: what is
 * held for what rests, and what the contracts lock.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/ledger.h"

#define BROWN 0
#define GREEN 1
#define YEN(y) ((int32_t)((y) * 1000)) /* per kWh, as micro-currency per Wh */
#define WEALTH INT64_C(1000000000)

/* Windows of the examples. */
#define AT_10 (W0 + 20)
#define AT_14 (W0 + 28)
#define AT_16 (W0 + 32)
#define AT_1630 (W0 + 33)
#define AT_18 (W0 + 36)

static struct ledger ledger;

static void want_contract(const struct ledger *l, uint64_t exec, uint32_t buyer, uint32_t seller,
			  uint32_t wh, int32_t price_upwh)
{
	struct mkt_contract c;

	assert_true(mkt_state_contract(l->s, exec, &c));
	assert_int_equal(c.what.buyer, buyer);
	assert_int_equal(c.what.seller, seller);
	assert_int_equal(c.what.wh, wh);
	assert_int_equal(c.what.price_upwh, price_upwh);
	assert_int_equal(c.status, MKT_CONTRACT_MATCHED);
}

static void want_money(const struct ledger *l, uint32_t account, int64_t held_uc, int64_t locked_uc)
{
	struct mkt_account a = ledger_account(l, account);

	assert_int_equal(a.held_uc, held_uc);
	assert_int_equal(a.locked_uc, locked_uc);
	assert_int_equal(a.available_uc, WEALTH - held_uc - locked_uc);
}

static void want_left(const struct ledger *l, uint64_t bid, uint32_t left_wh)
{
	struct mkt_bid b;

	assert_int_equal(mkt_state_bid(l->s, bid, &b), left_wh > 0);
	if (left_wh)
		assert_int_equal(b.left_wh, left_wh);
}

static uint32_t contracts(const struct ledger *l)
{
	return (uint32_t)mkt_state_next_exec(l->s) - 1;
}

static void want_ok(struct lresult r, uint64_t bid, uint32_t left_wh)
{
	assert_int_equal(r.code, 0);
	assert_int_equal(r.ref, bid);
	assert_int_equal(r.more, left_wh);
}

static int setup(void **state)
{
	*state = &ledger;
	ledger_default(&ledger, 6, WEALTH);
	return 0;
}

/* Table 4: what is worth more to the buyer is taken, though it costs more. */
static void table4(void **state)
{
	struct ledger *l = *state;

	want_ok(SELL(l, 1, 100, {AT_10, YEN(7.20), BROWN}), 1, 100);
	want_ok(SELL(l, 2, 100, {AT_10, YEN(9.00), GREEN}), 2, 100);
	want_ok(BUY(l, 3, 150, {AT_10, YEN(10), GREEN}, {AT_10, YEN(8), BROWN}), 3, 0);
	assert_int_equal(contracts(l), 2);
	want_contract(l, 1, 3, 2, 100, YEN(9));
	want_contract(l, 2, 3, 1, 50, YEN(7.20));
	want_left(l, 1, 50);
	want_left(l, 2, 0);
	want_left(l, 3, 0);
	want_money(l, 3, 0, 100 * YEN(9) + 50 * YEN(7.20));
	want_money(l, 1, 0, 0);
	want_money(l, 2, 0, 0);
}

/* Table 5: with equal limits the cheapest way. */
static void table5(void **state)
{
	struct ledger *l = *state;

	want_ok(SELL(l, 1, 100, {AT_10, YEN(9.00), BROWN}), 1, 100);
	want_ok(SELL(l, 2, 100, {AT_10, YEN(7.20), GREEN}), 2, 100);
	want_ok(SELL(l, 2, 100, {AT_14, YEN(8.00), BROWN}), 3, 100);
	want_ok(BUY(l, 3, 250, {AT_10, YEN(10), BROWN}, {AT_10, YEN(10), GREEN},
		    {AT_14, YEN(10), BROWN}),
		4, 0);
	assert_int_equal(contracts(l), 3);
	want_contract(l, 1, 3, 2, 100, YEN(7.20));
	want_contract(l, 2, 3, 2, 100, YEN(8));
	want_contract(l, 3, 3, 1, 50, YEN(9));
	want_money(l, 3, 0, 100 * YEN(7.20) + 100 * YEN(8) + 50 * YEN(9));
}

static void v1(void **state)
{
	struct ledger *l = *state;

	want_ok(SELL(l, 1, 50, {AT_10, YEN(85), GREEN}), 1, 50);
	want_ok(SELL(l, 2, 50, {AT_10, YEN(75), BROWN}), 2, 50);
	want_ok(BUY(l, 3, 50, {AT_10, YEN(100), GREEN}, {AT_10, YEN(80), BROWN}), 3, 0);
	assert_int_equal(contracts(l), 1);
	want_contract(l, 1, 3, 1, 50, YEN(85));
	want_left(l, 2, 50);
	want_money(l, 3, 0, 50 * YEN(85));
}

static void v2(void **state)
{
	struct ledger *l = *state;

	want_ok(BUY(l, 1, 50, {AT_14, YEN(100), GREEN}, {AT_18, YEN(100), GREEN}), 1, 50);
	want_money(l, 1, 50 * YEN(100), 0);
	want_ok(SELL(l, 2, 30, {AT_18, YEN(90), GREEN}), 2, 0);
	want_contract(l, 1, 1, 2, 30, YEN(100));
	want_left(l, 1, 20);
	want_money(l, 1, 20 * YEN(100), 30 * YEN(100));
	want_ok(SELL(l, 2, 30, {AT_14, YEN(90), GREEN}), 3, 10);
	want_contract(l, 2, 1, 2, 20, YEN(100));
	want_left(l, 1, 0);
	want_left(l, 3, 10);
	want_money(l, 1, 0, 50 * YEN(100));
}

static void v3(void **state)
{
	struct ledger *l = *state;

	want_ok(BUY(l, 1, 10, {AT_16, YEN(50), BROWN}, {AT_1630, YEN(50), BROWN}), 1, 10);
	want_ok(SELL(l, 2, 10, {AT_16, YEN(40), BROWN}), 2, 0);
	want_ok(SELL(l, 3, 10, {AT_1630, YEN(40), BROWN}), 3, 10);
	assert_int_equal(contracts(l), 1);
	want_contract(l, 1, 1, 2, 10, YEN(50));
	want_money(l, 1, 0, 10 * YEN(50));
}

static void v4(void **state)
{
	struct ledger *l = *state;
	struct mkt_op fok = op_bid(2, MKT_BUY, 60, 2);

	want_ok(SELL(l, 1, 40, {AT_14, YEN(50), BROWN}, {AT_18, YEN(50), BROWN}), 1, 40);
	fok.u.bid.flags = MKT_BID_FOK;
	assert_int_equal(
		ledger_bid(l, 2, fok, LEGS({AT_14, YEN(60), BROWN}, {AT_18, YEN(60), BROWN})).code,
		MKT_EFOK);
	assert_int_equal(contracts(l), 0);
	want_left(l, 1, 40);
	want_money(l, 2, 0, 0);
	fok.u.bid.amount_wh = 40;
	want_ok(ledger_bid(l, 2, fok, LEGS({AT_14, YEN(60), BROWN}, {AT_18, YEN(60), BROWN})), 2, 0);
	want_money(l, 2, 0, 40 * YEN(50));
}

static void v5(void **state)
{
	struct ledger *l = *state;

	want_ok(SELL(l, 1, 10, {AT_18, YEN(70), BROWN}), 1, 10);
	want_ok(SELL(l, 2, 10, {AT_14, YEN(70), BROWN}), 2, 10);
	want_ok(BUY(l, 3, 10, {AT_14, YEN(80), BROWN}, {AT_18, YEN(80), BROWN}), 3, 0);
	want_contract(l, 1, 3, 1, 10, YEN(70));
	want_left(l, 2, 10);
}

static void v6(void **state)
{
	struct ledger *l = *state;

	want_ok(SELL(l, 1, 10, {AT_14, YEN(70), BROWN}), 1, 10);
	want_ok(SELL(l, 2, 10, {AT_14, YEN(75), BROWN}), 2, 10);
	want_ok(BUY(l, 1, 10, {AT_14, YEN(80), BROWN}), 3, 0);
	want_contract(l, 1, 1, 2, 10, YEN(75));
	want_left(l, 1, 10);
}

static void v7(void **state)
{
	struct ledger *l = *state;
	struct mkt_event ev;
	struct mkt_bid_leg leg;
	bool open;

	want_ok(BUY(l, 1, 50, {AT_14, YEN(90), BROWN}, {AT_18, YEN(60), BROWN}), 1, 50);
	want_ok(SELL(l, 2, 30, {AT_14, YEN(80), BROWN}), 2, 0);
	want_money(l, 1, 20 * YEN(90), 30 * YEN(90));
	ledger_end(l);
	ledger_begin(l, T0_S + 14 * 3600 - 300);
	assert_int_equal(l->ev.n, 1);
	ev = ledger_event(l, 0);
	assert_int_equal(ev.kind, MKT_EV_GATE);
	assert_int_equal(ev.tx, MKT_EVENT_NO_TX);
	assert_int_equal(ev.u.gate.window, AT_14);
	assert_int_equal(ev.u.gate.legs, 1);
	assert_int_equal(ev.u.gate.expired, 0);
	want_left(l, 1, 20);
	want_money(l, 1, 20 * YEN(60), 30 * YEN(90)); /* the dearest open leg is another now */
	assert_true(mkt_state_bid_leg(l->s, 1, 0, &leg, &open));
	assert_false(open);
	assert_true(mkt_state_bid_leg(l->s, 1, 1, &leg, &open));
	assert_true(open);
	assert_int_equal(leg.window, AT_18);
	want_contract(l, 1, 1, 2, 30, YEN(90));
}

static void v8(void **state)
{
	struct ledger *l = *state;
	struct mkt_op tag = {.kind = MKT_OP_TAG, .u.tag = {.dim = 1, .flags = MKT_TAG_DIRECT, .name = "club"}};
	struct mkt_op member = {.kind = MKT_OP_MEMBER, .u.member = {.dim = 1, .value = 2, .in = 1}};

	assert_int_equal(ledger_do(l, 0, &tag, NULL, NULL).ref, 2);
	for (uint32_t i = 1; i <= 2; i++) {
		member.u.member.account = i;
		assert_int_equal(ledger_do(l, 0, &member, NULL, NULL).code, 0);
	}
	want_ok(SELL(l, 1, 10, {AT_14, YEN(78), ledger_tags(BROWN, 2)}), 1, 10);
	want_ok(SELL(l, 3, 10, {AT_14, YEN(60), BROWN}), 2, 10);
	want_ok(BUY(l, 2, 10, {AT_14, YEN(80), ledger_tags(BROWN, 2)}, {AT_14, YEN(80), BROWN}), 3,
		0);
	want_contract(l, 1, 2, 1, 10, YEN(78));
	want_left(l, 2, 10);
	assert_int_equal(BUY(l, 3, 10, {AT_14, YEN(80), BROWN}, {AT_14, YEN(1), ledger_tags(0, 2)}).code,
			 MKT_EMEMBER);
}

/* The fee is in the escrow, in the surplus and in the contract. */
static void fees(void **state)
{
	struct ledger *l = *state;
	struct mkt_op tag = {
		.kind = MKT_OP_TAG,
		.u.tag = {.dim = 1, .fee_upwh = YEN(4), .fee_account = 6, .name = "far"}};
	struct mkt_contract c;

	assert_int_equal(ledger_do(l, 0, &tag, NULL, NULL).ref, 2);
	want_ok(SELL(l, 1, 10, {AT_14, YEN(50), ledger_tags(BROWN, 2)}), 1, 10);
	want_ok(SELL(l, 2, 10, {AT_14, YEN(53), BROWN}), 2, 10);
	want_ok(BUY(l, 3, 30, {AT_14, YEN(60), ledger_tags(BROWN, 2)}, {AT_14, YEN(60), BROWN}), 3,
		10);
	want_contract(l, 1, 3, 2, 10, YEN(53)); /* 50 and 4 is more than 53 */
	want_contract(l, 2, 3, 1, 10, YEN(50));
	assert_true(mkt_state_contract(l->s, 2, &c));
	assert_int_equal(c.what.fee_upwh, YEN(4));
	assert_int_equal(c.locked_uc, 10 * YEN(54));
	want_money(l, 3, 10 * YEN(64), 10 * YEN(53) + 10 * YEN(54));
	/* A fee that changes concerns bids from then on. */
	tag.u.tag.fee_upwh = YEN(9);
	assert_int_equal(ledger_do(l, 0, &tag, NULL, NULL).code, 0);
	want_money(l, 3, 10 * YEN(64), 10 * YEN(53) + 10 * YEN(54));
	want_ok(SELL(l, 1, 10, {AT_14, YEN(50), ledger_tags(BROWN, 2)}), 4, 0);
	assert_true(mkt_state_contract(l->s, 3, &c));
	assert_int_equal(c.what.fee_upwh, YEN(4));
	want_money(l, 3, 0, 10 * YEN(53) + 10 * YEN(54) + 10 * YEN(64));
}

static void kinds_of_bids(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = op_bid(2, MKT_BUY, 60, 1);
	struct mkt_event ev;

	want_ok(SELL(l, 1, 40, {AT_14, YEN(50), BROWN}), 1, 40);
	op.u.bid.flags = MKT_BID_POST_ONLY;
	assert_int_equal(ledger_bid(l, 2, op, LEGS({AT_14, YEN(50), BROWN})).code, MKT_EPOSTONLY);
	want_ok(ledger_bid(l, 2, op, LEGS({AT_14, YEN(49), BROWN})), 2, 60);
	op.u.bid.flags = MKT_BID_IOC;
	want_ok(ledger_bid(l, 3, (op.account = 3, op), LEGS({AT_14, YEN(55), BROWN})), 3, 20);
	want_money(l, 3, 0, 40 * YEN(50));
	want_left(l, 3, 0);
	assert_true(l->ev.n >= 2);
	ev = ledger_event(l, l->ev.n - 2);
	assert_int_equal(ev.kind, MKT_EV_GONE);
	assert_int_equal(ev.u.gone.reason, MKT_GONE_IOC);
	assert_int_equal(ev.u.gone.left_wh, 20);
	assert_int_equal(ev.u.gone.amount_wh, 60);
}

/* Events in order: contract, the maker that is used up, the taker, the result. */
static void story_of_a_fill(void **state)
{
	struct ledger *l = *state;
	struct mkt_event ev;
	uint32_t first;

	want_ok(SELL(l, 1, 40, {AT_14, YEN(50), BROWN}), 1, 40);
	first = l->ev.n;
	want_ok(BUY(l, 2, 40, {AT_14, YEN(55), BROWN}), 2, 0);
	assert_int_equal(l->ev.n, first + 4);
	ev = ledger_event(l, first);
	assert_int_equal(ev.kind, MKT_EV_CONTRACT);
	assert_int_equal(ev.u.contract.taker_side, MKT_BUY);
	assert_int_equal(ev.u.contract.sell_bid, 1);
	assert_int_equal(ev.u.contract.buy_bid, 2);
	assert_int_equal(ev.u.contract.alt_leg, MKT_NO_LEG);
	ev = ledger_event(l, first + 1);
	assert_int_equal(ev.kind, MKT_EV_GONE);
	assert_int_equal(ev.u.gone.bid, 1);
	assert_int_equal(ev.u.gone.reason, MKT_GONE_FILLED);
	ev = ledger_event(l, first + 2);
	assert_int_equal(ev.kind, MKT_EV_GONE);
	assert_int_equal(ev.u.gone.bid, 2);
	ev = ledger_event(l, first + 3);
	assert_int_equal(ev.kind, MKT_EV_RESULT);
	assert_int_equal(ev.tx, l->ntx - 1);
}

static void cancel_and_reduce(void **state)
{
	struct ledger *l = *state;
	struct mkt_op cancel = {.kind = MKT_OP_CANCEL, .account = 1};
	struct mkt_op reduce = {.kind = MKT_OP_REDUCE, .account = 1, .u.reduce = {1, 30}};
	struct lresult r;

	want_ok(BUY(l, 1, 50, {AT_14, YEN(50), BROWN}), 1, 50);
	want_ok(BUY(l, 2, 50, {AT_14, YEN(50), BROWN}), 2, 50);
	want_ok(BUY(l, 1, 10, {AT_14, YEN(40), BROWN}, {AT_18, YEN(40), BROWN}), 3, 10);
	want_ok(BUY(l, 1, 10, {AT_18, YEN(30), BROWN}), 4, 10);
	r = ledger_do(l, 1, &reduce, NULL, NULL);
	assert_int_equal(r.code, 0);
	assert_int_equal(r.more, 20);
	want_money(l, 1, 30 * YEN(50) + 10 * YEN(40) + 10 * YEN(30), 0);
	want_ok(SELL(l, 3, 40, {AT_14, YEN(45), BROWN}), 5, 0);
	want_contract(l, 1, 1, 3, 30, YEN(50)); /* a reduced bid keeps its place */
	want_contract(l, 2, 2, 3, 10, YEN(50));
	cancel.u.cancel.what = MKT_CANCEL_WINDOW;
	cancel.u.cancel.window = AT_14;
	r = ledger_do(l, 1, &cancel, NULL, NULL);
	assert_int_equal(r.ref, 1);
	assert_int_equal(r.more, 10);
	want_left(l, 3, 0);
	want_left(l, 4, 10);
	cancel.u.cancel.what = MKT_CANCEL_ALL;
	r = ledger_do(l, 1, &cancel, NULL, NULL);
	assert_int_equal(r.code, 0);
	assert_int_equal(r.ref, 1);
	r = ledger_do(l, 1, &cancel, NULL, NULL);
	assert_int_equal(r.code, 0);
	assert_int_equal(r.ref, 0);
	want_money(l, 1, 0, 30 * YEN(50));
	cancel = (struct mkt_op){.kind = MKT_OP_CANCEL, .account = 2, .u.cancel = {.bid = 2}};
	r = ledger_do(l, 2, &cancel, NULL, NULL);
	assert_int_equal(r.code, 0);
	assert_int_equal(r.more, 40);
	want_money(l, 2, 0, 10 * YEN(50));
}

static void dry_run_tells_the_same(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = op_bid(3, MKT_BUY, 250, 4);
	const struct mkt_bid_leg *legs = LEGS({AT_1630, YEN(5), BROWN}, {AT_10, YEN(10), BROWN},
					      {AT_10, YEN(10), GREEN}, {AT_14, YEN(10), BROWN});
	struct mkt_preview p;

	want_ok(SELL(l, 1, 100, {AT_10, YEN(9.00), BROWN}), 1, 100);
	want_ok(SELL(l, 2, 100, {AT_10, YEN(7.20), GREEN}), 2, 100);
	p = ledger_preview(l, 3, &op, legs, NULL);
	assert_int_equal(p.err.code, 0);
	assert_int_equal(p.fills.n, 2);
	assert_int_equal(p.fills.v[0].taker_leg, 2);
	assert_int_equal(p.fills.v[0].alt_leg, 1);
	assert_int_equal(p.left_wh, 50);
	assert_int_equal(p.escrow_uc, 50 * YEN(10));
	assert_int_equal(p.cost_uc, 100 * YEN(9) + 100 * YEN(7.20));
	want_ok(ledger_bid(l, 3, op, legs), 3, 50);
	assert_int_equal(ledger_account(l, 3).available_uc, p.available_uc);
	mkt_preview_release(&p);
	op.u.bid.flags = MKT_BID_FOK;
	p = ledger_preview(l, 3, &op, LEGS({AT_1630, YEN(5), BROWN}, {AT_10, YEN(10), BROWN},
					   {AT_10, YEN(10), GREEN}, {AT_18, YEN(10), BROWN}),
			   NULL);
	assert_int_equal(p.err.code, MKT_EFOK);
	mkt_preview_release(&p);
	op.u.bid.nlegs = 1; /* no book of it exists */
	p = ledger_preview(l, 3, &op, LEGS({AT_18, YEN(10), BROWN}), NULL);
	assert_int_equal(p.err.code, MKT_EFOK);
	mkt_preview_release(&p);
	op.u.bid.nlegs = 2;
	p = ledger_preview(l, 3, &op, LEGS({AT_18, YEN(10), BROWN}, {AT_18, YEN(10), BROWN}), NULL);
	assert_int_equal(p.err.code, MKT_EDUPLEG);
	assert_int_equal(p.leg, 1);
	assert_non_null(strstr(p.err.text, "leg 2"));
	mkt_preview_release(&p);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, ledger_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(table4), T(table5), T(v1), T(v2), T(v3), T(v4), T(v5), T(v6), T(v7), T(v8),
		T(fees), T(kinds_of_bids), T(story_of_a_fill), T(cancel_and_reduce),
		T(dry_run_tells_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * From contract to money: who is paid, who is charged, what is freed, who may
 * report, and what happens when nobody does.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/ledger.h"

#define WEALTH INT64_C(1000000000)
#define W (W0 + 20)
#define END ((W0 + 21) * 1800ull)
#define DEADLINE (END + 3600)
#define UP INT64_C(45000) /* imbalance prices of the default genesis */
#define DOWN INT64_C(20000)

static struct ledger ledger;

static int setup(void **state)
{
	*state = &ledger;
	ledger_default(&ledger, 5, WEALTH);
	return 0;
}

static struct lresult report(struct ledger *l, uint32_t account, uint64_t exec, uint8_t side,
			     uint32_t wh)
{
	struct mkt_op op = {.kind = MKT_OP_REPORT, .account = account,
			    .u.report = {exec, wh, side, ""}};

	return ledger_do(l, account, &op, NULL, NULL);
}

/* Contract 1 of @wh at @price between seller 1 and buyer 2, at the end of its window. */
static void contract(struct ledger *l, uint32_t wh, int32_t price_upwh)
{
	assert_int_equal(SELL(l, 1, wh, {W, price_upwh, 0}).code, 0);
	assert_int_equal(BUY(l, 2, wh, {W, price_upwh, 0}).more, 0);
	ledger_to_time(l, END);
}

/* Account @number has nothing held or locked, and @available. */
static void want_free(const struct ledger *l, uint32_t number, int64_t available_uc)
{
	struct mkt_account a = ledger_account(l, number);

	assert_int_equal(a.available_uc, available_uc);
	assert_int_equal(a.held_uc, 0);
	assert_int_equal(a.locked_uc, 0);
}

static struct mkt_contract get(const struct ledger *l, uint64_t exec)
{
	struct mkt_contract c;

	assert_true(mkt_state_contract(l->s, exec, &c));
	return c;
}

/* The last event of a kind. */
static struct mkt_event last(const struct ledger *l, uint8_t kind)
{
	struct mkt_event ev;

	for (uint32_t i = l->ev.n; i-- > 0;) {
		ev = ledger_event(l, i);
		if (ev.kind == kind)
			return ev;
	}
	fail_msg("no event '%s'", mkt_event_name(kind));
	return (struct mkt_event){0};
}

static void delivered_as_contracted(void **state)
{
	struct ledger *l = *state;
	struct mkt_event ev;

	contract(l, 100, 5000);
	assert_int_equal(ledger_account(l, 2).locked_uc, 500000);
	assert_int_equal(report(l, 1, 1, MKT_SUPPLY, 100).more, 100);
	assert_int_equal(get(l, 1).status, MKT_CONTRACT_REPORTED);
	ev = last(l, MKT_EV_REPORT);
	assert_int_equal(ev.u.report.account, 1);
	assert_int_equal(report(l, 2, 1, MKT_DRAW, 100).more, 100);
	assert_int_equal(get(l, 1).status, MKT_CONTRACT_SETTLED);
	want_free(l, 1, WEALTH + 500000);
	want_free(l, 2, WEALTH - 500000);
	want_free(l, 0, 0);
	ev = last(l, MKT_EV_SETTLED);
	assert_int_equal(ev.u.settled.paid_uc, 500000);
	assert_int_equal(ev.u.settled.how, 3);
	assert_int_equal(ev.u.settled.buyer_charge_uc, 0);
}

static void who_falls_short_pays(void **state)
{
	struct ledger *l = *state;
	struct mkt_event ev;

	contract(l, 100, 5000);
	assert_int_equal(report(l, 1, 1, MKT_SUPPLY, 80).more, 80);
	assert_int_equal(report(l, 2, 1, MKT_DRAW, 70).more, 70);
	assert_int_equal(get(l, 1).delivered_wh, 70);
	want_free(l, 1, WEALTH + 70 * 5000 - 20 * UP);
	want_free(l, 2, WEALTH - 70 * 5000 - 30 * DOWN);
	want_free(l, 0, 20 * UP + 30 * DOWN);
	ev = last(l, MKT_EV_SETTLED);
	assert_int_equal(ev.u.settled.buyer_charge_uc, 30 * DOWN);
	assert_int_equal(ev.u.settled.seller_charge_uc, 20 * UP);
	ev = last(l, MKT_EV_MONEY);
	assert_int_equal(ev.u.money.why, MKT_MONEY_CHARGE);
	assert_int_equal(ev.u.money.from, 1);
	assert_int_equal(ev.u.money.to, 0);
	assert_int_equal(ev.u.money.ref, 1);
}

static void more_than_contracted_is_cut(void **state)
{
	struct ledger *l = *state;
	struct mkt_event ev;

	contract(l, 100, 5000);
	assert_int_equal(report(l, 1, 1, MKT_SUPPLY, 500).more, 100);
	ev = last(l, MKT_EV_REPORT);
	assert_int_equal(ev.u.report.wh, 100);
	assert_int_equal(ev.u.report.reported_wh, 500);
	/* Once more the same does nothing and says what was taken; also after settlement. */
	for (int i = 0; i < 2; i++) {
		uint32_t events = l->ev.n;

		assert_int_equal(report(l, 1, 1, MKT_SUPPLY, 500).more, 100);
		assert_int_equal(report(l, 1, 1, MKT_SUPPLY, 100).code, 0);
		assert_int_equal(l->ev.n, events + 2);
		report(l, 2, 1, MKT_DRAW, 100);
	}
	assert_int_equal(report(l, 1, 1, MKT_SUPPLY, 99).code, MKT_EREPORTED);
	want_free(l, 1, WEALTH + 500000);
	ledger_to_time(l, DEADLINE + 5);
	assert_int_equal(report(l, 1, 1, MKT_SUPPLY, 500).code, 0);
}

static void available_may_go_below_zero(void **state)
{
	struct ledger *l = *state;

	contract(l, 100000, 9000); /* 900 of 1000 */
	report(l, 1, 1, MKT_SUPPLY, 100000);
	report(l, 2, 1, MKT_DRAW, 0);
	want_free(l, 2, WEALTH - 100000 * DOWN);
	assert_true(ledger_account(l, 2).available_uc < 0);
	assert_int_equal(BUY(l, 2, 1, {W + 20, 10, 0}).code, MKT_EFUNDS);
}

/* ---- nobody reports --------------------------------------------------------------------- */

static void the_other_figure_counts(void **state)
{
	struct ledger *l = *state;
	struct mkt_event ev;

	contract(l, 100, 5000);
	report(l, 2, 1, MKT_DRAW, 90);
	ledger_to_time(l, DEADLINE - 1);
	assert_int_equal(l->ev.n, 0);
	assert_int_equal(mkt_state_next_ms(l->s), DEADLINE * 1000);
	ledger_to_time(l, DEADLINE);
	assert_int_equal(l->ev.n, 3); /* settled, two charges */
	ev = ledger_event(l, 0);
	assert_int_equal(ev.kind, MKT_EV_SETTLED);
	assert_int_equal(ev.tx, MKT_EVENT_NO_TX);
	assert_int_equal(ev.u.settled.supply_wh, 90);
	assert_int_equal(ev.u.settled.how, 2);
	want_free(l, 1, WEALTH + 90 * 5000 - 10 * UP);
	want_free(l, 2, WEALTH - 90 * 5000 - 10 * DOWN);
}

static void no_figure_is_none(void **state)
{
	struct ledger *l = *state;

	contract(l, 100, 5000);
	ledger_to_time(l, DEADLINE);
	assert_int_equal(get(l, 1).delivered_wh, 0);
	want_free(l, 1, WEALTH - 100 * UP);
	want_free(l, 2, WEALTH - 100 * DOWN);
}

static void zero_counts_where_genesis_says_so(void **state)
{
	struct ledger l;

	(void)state;
	ledger_init(&l);
	l.g.unreported = MKT_UNREPORTED_ZERO;
	ledger_start(&l);
	ledger_begin(&l, T0_S + 1);
	ledger_people(&l, 2, WEALTH);
	contract(&l, 100, 5000);
	report(&l, 1, 1, MKT_SUPPLY, 100);
	ledger_to_time(&l, DEADLINE);
	assert_int_equal(get(&l, 1).delivered_wh, 0);
	want_free(&l, 1, WEALTH);
	want_free(&l, 2, WEALTH - 100 * DOWN);
	ledger_end(&l);
	ledger_stop(&l);
}

/* ---- fees, collateral, negative prices -------------------------------------------------- */

static void fees_go_to_the_accounts_of_the_tags(void **state)
{
	struct ledger *l = *state;
	struct mkt_op green = {.kind = MKT_OP_TAG, .u.tag = {.name = "green", .fee_upwh = 300, .fee_account = 3}};
	struct mkt_op shvm = {.kind = MKT_OP_TAG,
			      .u.tag = {.dim = 1, .name = "shvm", .fee_upwh = 700, .fee_account = 4}};
	struct mkt_event ev;

	ledger_do(l, 0, &green, NULL, NULL);
	ledger_do(l, 0, &shvm, NULL, NULL);
	SELL(l, 1, 100, {W, 5000, ledger_tags(1, 1)});
	BUY(l, 2, 100, {W, 5000, ledger_tags(1, 1)});
	SELL(l, 1, 100, {W, 5000, ledger_tags(1, 1)});
	BUY(l, 2, 100, {W, 5000, ledger_tags(1, 1)});
	assert_int_equal(ledger_account(l, 2).locked_uc, 2 * 100 * 6000);
	ledger_to_time(l, END);
	report(l, 1, 1, MKT_SUPPLY, 60);
	report(l, 2, 1, MKT_DRAW, 100);
	want_free(l, 3, WEALTH + 60 * 300);
	want_free(l, 4, WEALTH + 60 * 700);
	ev = last(l, MKT_EV_SETTLED);
	assert_int_equal(ev.u.settled.fee_uc, 60 * 1000);
	/* Fees that change before settlement share out what the contract has. */
	green.u.tag.fee_upwh = 900;
	ledger_do(l, 0, &green, NULL, NULL);
	report(l, 1, 2, MKT_SUPPLY, 100);
	report(l, 2, 2, MKT_DRAW, 100);
	want_free(l, 3, WEALTH + 60 * 300 + 100 * 900);
	want_free(l, 4, WEALTH + 60 * 700 + 100 * 100);
	want_free(l, 2, WEALTH - 160 * 6000);
}

static void fees_without_a_taker_go_to_the_operator(void **state)
{
	struct ledger *l = *state;
	struct mkt_op green = {.kind = MKT_OP_TAG, .u.tag = {.name = "green", .fee_upwh = 300, .fee_account = 3}};

	ledger_do(l, 0, &green, NULL, NULL);
	SELL(l, 1, 100, {W, 5000, 1});
	BUY(l, 2, 100, {W, 5000, 1});
	green.u.tag.fee_upwh = 100;
	ledger_do(l, 0, &green, NULL, NULL);
	ledger_to_time(l, END);
	report(l, 1, 1, MKT_SUPPLY, 100);
	report(l, 2, 1, MKT_DRAW, 100);
	want_free(l, 3, WEALTH + 100 * 100);
	want_free(l, 0, 100 * 200);
	want_free(l, 2, WEALTH - 100 * 5300);
}

static void sellers_hold_collateral(void **state)
{
	struct ledger l;

	(void)state;
	ledger_init(&l);
	l.g.collateral_bp = 333; /* of 200000: 6660 per Wh */
	ledger_start(&l);
	ledger_begin(&l, T0_S + 1);
	ledger_people(&l, 2, WEALTH);
	assert_int_equal(SELL(&l, 1, 200000, {W, 0, 0}).code, MKT_EFUNDS);
	assert_int_equal(SELL(&l, 1, 100, {W, 0, 0}).code, 0);
	assert_int_equal(ledger_account(&l, 1).held_uc, 100 * 6660);
	BUY(&l, 2, 40, {W, 5000, 0});
	assert_int_equal(ledger_account(&l, 1).held_uc, 60 * 6660);
	assert_int_equal(ledger_account(&l, 1).locked_uc, 40 * 6660);
	ledger_to_time(&l, END);
	report(&l, 1, 1, MKT_SUPPLY, 30);
	report(&l, 2, 1, MKT_DRAW, 40);
	want_free(&l, 1, WEALTH - 10 * UP);
	ledger_end(&l);
	ledger_stop(&l);
}

/* Below zero the seller pays; a fee can turn that around. */
static void negative_prices(void **state)
{
	struct ledger l;
	struct mkt_op green = {.kind = MKT_OP_TAG, .u.tag = {.name = "green", .fee_upwh = 3000, .fee_account = 3}};

	(void)state;
	ledger_init(&l);
	l.g.price_min_upwh = -20000;
	ledger_start(&l);
	ledger_begin(&l, T0_S + 1);
	ledger_people(&l, 3, WEALTH);
	ledger_do(&l, 0, &green, NULL, NULL);
	SELL(&l, 1, 100, {W, -5000, 1}, {W + 1, -2000, 0});
	assert_int_equal(ledger_account(&l, 1).held_uc, 100 * 5000);
	BUY(&l, 2, 60, {W, -5000, 1});
	assert_int_equal(ledger_account(&l, 1).held_uc, 40 * 5000);
	assert_int_equal(ledger_account(&l, 1).locked_uc, 60 * 5000);
	want_free(&l, 2, WEALTH);
	BUY(&l, 2, 40, {W + 1, -2000, 0});
	assert_int_equal(ledger_account(&l, 1).locked_uc, 60 * 5000 + 40 * 2000);
	SELL(&l, 1, 10, {W, -1000, 1});
	BUY(&l, 2, 10, {W, -1000, 1}); /* -1000 and 3000: the buyer pays after all */
	assert_int_equal(ledger_account(&l, 2).locked_uc, 10 * 2000);
	ledger_to_time(&l, END);
	report(&l, 1, 1, MKT_SUPPLY, 60);
	report(&l, 2, 1, MKT_DRAW, 60);
	report(&l, 1, 3, MKT_SUPPLY, 10);
	report(&l, 2, 3, MKT_DRAW, 10);
	ledger_to_time(&l, END + 1800);
	report(&l, 1, 2, MKT_SUPPLY, 40);
	report(&l, 2, 2, MKT_DRAW, 40);
	want_free(&l, 1, WEALTH - 60 * 5000 - 40 * 2000 - 10 * 1000);
	want_free(&l, 2, WEALTH + 60 * 2000 + 40 * 2000 - 10 * 2000);
	want_free(&l, 3, WEALTH + 70 * 3000);
	ledger_end(&l);
	ledger_stop(&l);
}

/* Charges stop at what money can count; the ledger stays whole. */
static void charges_have_an_end(void **state)
{
	struct ledger *l = *state;
	struct mkt_op price = {.kind = MKT_OP_IMBALANCE, .u.imbalance = {MKT_IMBALANCE_MAX, MKT_IMBALANCE_MAX}};
	struct mkt_totals t;

	assert_int_equal(ledger_do(l, 0, &price, NULL, NULL).code, 0);
	SELL(l, 1, UINT32_MAX, {W, 0, 0});
	BUY(l, 2, UINT32_MAX, {W, 0, 0});
	ledger_to_time(l, DEADLINE);
	mkt_state_totals(l->s, &t);
	assert_int_equal(t.charges_uc, MKT_MONEY_MAX);
	assert_int_equal(ledger_account(l, 0).available_uc, MKT_MONEY_MAX);
	assert_int_equal(ledger_account(l, 2).available_uc, WEALTH - MKT_MONEY_MAX);
	assert_int_equal(ledger_account(l, 1).available_uc, WEALTH);
}

/* ---- metering --------------------------------------------------------------------------- */

static void metered_energy_goes_in_contract_order(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_METER, .account = 1, .u.meter = {W, 75, MKT_SUPPLY, ""}};
	struct lresult r;

	for (int i = 0; i < 4; i++) {
		SELL(l, 1, 30, {W, 5000, 0});
		BUY(l, i % 2 ? 2 : 3, 30, {W, 5000, 0});
	}
	SELL(l, 4, 30, {W, 5000, 0});
	BUY(l, 1, 30, {W, 5000, 0}); /* account 1 as buyer: the other side */
	ledger_to_time(l, END);
	assert_int_equal(report(l, 1, 2, MKT_SUPPLY, 30).code, 0);
	r = ledger_do(l, 1, &op, NULL, NULL);
	assert_int_equal(r.code, 0);
	assert_int_equal(r.ref, 3);
	assert_int_equal(r.more, 75);
	assert_int_equal(get(l, 1).supply_wh, 30);
	assert_int_equal(get(l, 3).supply_wh, 30);
	assert_int_equal(get(l, 4).supply_wh, 15);
	assert_int_equal(get(l, 4).reported, 1);
	assert_int_equal(get(l, 5).reported, 0);
	assert_int_equal(ledger_do(l, 1, &op, NULL, NULL).code, MKT_ECLOSING);
	op.u.meter.side = MKT_DRAW;
	assert_int_equal(ledger_do(l, 1, &op, NULL, NULL).more, 30); /* the rest of 75 is of no contract */
	op.u.meter.side = MKT_DRAW;
	op.account = 2;
	op.u.meter.wh = 40;
	assert_int_equal(ledger_do(l, 2, &op, NULL, NULL).ref, 2);
	assert_int_equal(get(l, 2).status, MKT_CONTRACT_SETTLED);
	assert_int_equal(get(l, 4).draw_wh, 10);
	assert_int_equal(get(l, 4).delivered_wh, 10);
}

static void meter_operators_report_both_sides(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_REPORT, .account = 1, .u.report = {1, 100, MKT_SUPPLY, ""}};
	struct mkt_op meter = {.kind = MKT_OP_METER, .account = 2, .u.meter = {W, 100, MKT_DRAW, "evse-1"}};
	struct mkt_op enroll = {.kind = MKT_OP_ENROLL,
				.u.enroll = {.cls = MKT_CLASS_EV, .name = "h2", .nchargers = 1, .chargers_len = 7}};
	struct mkt_op suspend = {.kind = MKT_OP_SUSPEND, .u.suspend = {2, 1}};
	struct mkt_op bid = op_bid(1, MKT_BUY, 1, 1);
	struct mkt_op on = {.kind = MKT_OP_METEROP, .u.meterop = {1, 5, 1}};

	memcpy(enroll.u.enroll.key.b, "h2", 2);
	enroll.u.enroll.key.b[31] = 1;
	contract(l, 100, 5000);
	assert_int_equal(ledger_do(l, 5, &op, NULL, NULL).code, MKT_EDELEGATION);
	assert_int_equal(ledger_do(l, 0, &on, NULL, NULL).code, 0);
	on.u.meterop.account = 2;
	assert_int_equal(ledger_do(l, 0, &on, NULL, NULL).code, 0);
	assert_int_equal(ledger_bid(l, 5, bid, LEGS({W + 9, 10, 0})).code, MKT_EDELEGATION);
	assert_int_equal(ledger_do(l, 5, &op, NULL, NULL).code, 0);
	assert_int_equal(ledger_do(l, 5, &meter, NULL, NULL).code, MKT_ECHARGER);
	assert_int_equal(ledger_do(l, 0, &enroll, NULL, "\006evse-1").ref, 2);
	assert_int_equal(ledger_do(l, 0, &suspend, NULL, NULL).code, 0); /* meters go on */
	assert_int_equal(ledger_do(l, 5, &meter, NULL, NULL).code, 0);
	assert_string_equal(last(l, MKT_EV_REPORT).u.report.charger, "evse-1");
	want_free(l, 1, WEALTH + 500000);
	on.u.meterop.on = 0;
	assert_int_equal(ledger_do(l, 0, &on, NULL, NULL).code, 0);
	assert_int_equal(ledger_do(l, 5, &meter, NULL, NULL).code, MKT_ESUSPENDED);
}

static bool count_grant(void *ctx, const struct mkt_grant *g)
{
	assert_int_equal(g->from, 1);
	++*(unsigned *)ctx;
	return true;
}

static void delegations_name_what_and_until(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_DELEGATE, .account = 1,
			    .u.delegate = {3, 1u << MKT_OP_BID, T0_S + 600}};
	struct mkt_op revoke = {.kind = MKT_OP_REVOKE, .account = 1, .u.delegate = {.to = 3}};
	struct mkt_op bid = op_bid(1, MKT_SELL, 1, 1);
	struct mkt_op cancel = {.kind = MKT_OP_CANCEL, .account = 1, .u.cancel = {.what = MKT_CANCEL_ALL}};
	unsigned grants = 0;

	assert_int_equal(ledger_do(l, 1, &op, NULL, NULL).code, 0);
	op.u.delegate.to = 4;
	op.u.delegate.until_s = 0;
	op.u.delegate.rights = 1u << MKT_OP_CANCEL | 1u << MKT_OP_BID;
	assert_int_equal(ledger_do(l, 1, &op, NULL, NULL).code, 0);
	mkt_state_grants(l->s, 1, count_grant, &grants);
	assert_int_equal(grants, 2);
	assert_int_equal(ledger_bid(l, 3, bid, LEGS({W, 10, 0})).code, 0);
	assert_int_equal(ledger_do(l, 3, &cancel, NULL, NULL).code, MKT_EDELEGATION);
	assert_int_equal(ledger_do(l, 4, &cancel, NULL, NULL).ref, 1);
	ledger_to_time(l, T0_S + 600);
	assert_int_equal(ledger_bid(l, 3, bid, LEGS({W, 10, 0})).code, 0);
	ledger_to_time(l, T0_S + 601);
	assert_int_equal(ledger_bid(l, 3, bid, LEGS({W, 10, 0})).code, MKT_EDELEGATION);
	assert_int_equal(ledger_do(l, 1, &revoke, NULL, NULL).more, 1u << MKT_OP_BID);
	assert_int_equal(ledger_do(l, 1, &revoke, NULL, NULL).code, MKT_ENOTFOUND);
	assert_int_equal(ledger_bid(l, 4, bid, LEGS({W, 10, 0})).code, 0);
	grants = 0;
	mkt_state_grants(l->s, 1, count_grant, &grants);
	assert_int_equal(grants, 1);
}

/* ---- retirement and forgetting ---------------------------------------------------------- */

static void contracts_are_forgotten_in_time(void **state)
{
	struct ledger *l = *state;
	struct mkt_contract c;

	contract(l, 100, 5000);
	SELL(l, 1, 10, {W + 2, 5000, 0});
	BUY(l, 2, 10, {W + 2, 5000, 0});
	ledger_to_time(l, DEADLINE + 1800 * 2 + 7 * 86400); /* both are due for everything */
	assert_int_equal(get(l, 1).status, MKT_CONTRACT_SETTLED);
	assert_int_equal(get(l, 2).status, MKT_CONTRACT_SETTLED); /* not in the block that settles */
	ledger_to_time(l, DEADLINE + 1800 * 2 + 7 * 86400);
	assert_false(mkt_state_contract(l->s, 1, &c));
	assert_false(mkt_state_contract(l->s, 2, &c));
	assert_int_equal(report(l, 1, 1, MKT_SUPPLY, 1).code, MKT_ECONTRACT);
}

static void contracts_stay_until_then(void **state)
{
	struct ledger *l = *state;
	struct mkt_op retire = {.kind = MKT_OP_RETIRE, .account = 2, .u.retire = {1}};
	struct mkt_contract c;

	contract(l, 100, 5000);
	ledger_to_time(l, DEADLINE);
	ledger_to_time(l, DEADLINE + 7 * 86400 - 1);
	assert_int_equal(ledger_do(l, 2, &retire, NULL, "x").code, 0);
	assert_int_equal(get(l, 1).status, MKT_CONTRACT_RETIRED);
	ledger_to_time(l, DEADLINE + 7 * 86400);
	assert_false(mkt_state_contract(l->s, 1, &c));
	assert_int_equal(ledger_do(l, 2, &retire, NULL, "x").code, MKT_ECONTRACT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, ledger_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(delivered_as_contracted), T(who_falls_short_pays), T(more_than_contracted_is_cut),
		T(available_may_go_below_zero), T(the_other_figure_counts), T(no_figure_is_none),
		cmocka_unit_test(zero_counts_where_genesis_says_so),
		T(fees_go_to_the_accounts_of_the_tags), T(fees_without_a_taker_go_to_the_operator),
		cmocka_unit_test(sellers_hold_collateral), cmocka_unit_test(negative_prices),
		T(charges_have_an_end), T(metered_energy_goes_in_contract_order),
		T(meter_operators_report_both_sides), T(delegations_name_what_and_until),
		T(contracts_are_forgotten_in_time), T(contracts_stay_until_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

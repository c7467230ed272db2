/*
 * Every refusal of admission and of operations: its code, what RESULT says of it,
 * that the dry run says the same with a sentence, and that it changes nothing.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/ledger.h"

#define WEALTH INT64_C(1000000000)
#define W (W0 + 20)
#define OPEN (W0 * 1800ull)

static struct ledger ledger;

static int setup(void **state)
{
	*state = &ledger;
	ledger_default(&ledger, 4, WEALTH);
	return 0;
}

/* All records but the counters. */
static struct mkt_delta records(const struct ledger *l)
{
	struct mkt_delta d = {0};

	assert_int_equal(mkt_state_dump(l->s, &d), 0);
	d.rows[0].len = 0;
	return d;
}

static void want_same(struct mkt_delta *a, struct mkt_delta *b)
{
	size_t skip = a->rows[1].at;

	assert_int_equal(a->n, b->n);
	assert_int_equal(a->bytes.len, b->bytes.len);
	assert_memory_equal(a->bytes.data + skip, b->bytes.data + skip, a->bytes.len - skip);
	mkt_delta_release(a);
	mkt_delta_release(b);
}

static void refused_as(struct ledger *l, uint32_t signer, const struct mkt_op *op,
		       const struct mkt_bid_leg *legs, struct lresult want)
{
	struct mkt_delta before = records(l), after;
	struct mkt_preview p = ledger_preview(l, signer, op, legs, NULL);
	struct lresult r = ledger_do(l, signer, op, legs, NULL);

	assert_string_equal(mkt_code_word(r.code), mkt_code_word(want.code));
	assert_int_equal(r.ref, want.ref);
	assert_int_equal(r.more, want.more);
	assert_int_equal(p.err.code, want.code);
	assert_true(p.err.text[0] != 0);
	if (op->kind != MKT_OP_BID || want.ref) {
		assert_int_equal(p.ref, want.ref);
		assert_int_equal(p.more, want.more);
	}
	assert_int_equal(p.leg, op->kind == MKT_OP_BID && want.ref ? want.ref - 1 : MKT_NO_LEG);
	after = records(l);
	want_same(&before, &after);
	mkt_preview_release(&p);
}

#define REFUSED(signer, op, code, more) refused_as(l, signer, &(op), NULL, (struct lresult){code, 0, more})
#define BID_REFUSED(op, code, ref, more, ...)                                                   \
	refused_as(l, (op).account, &(op), LEGS(__VA_ARGS__), (struct lresult){code, ref, more})

/* ---- bids ------------------------------------------------------------------------------- */

static void legs_at_fault_are_named(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = op_bid(1, MKT_BUY, 10, 2);

	BID_REFUSED(op, MKT_EDUPLEG, 2, 0, {W, 100, 0}, {W, 200, 0});
	BID_REFUSED(op, MKT_EWINDOW, 2, 0, {W, 100, 0}, {UINT32_MAX, 100, 0});
	BID_REFUSED(op, MKT_EGATE, 1, OPEN - 300, {W0, 100, 0}, {W, 100, 0});
	BID_REFUSED(op, MKT_ENOTOPEN, 2, OPEN + 97 * 1800 - 2 * 86400, {W, 100, 0}, {W0 + 97, 100, 0});
	BID_REFUSED(op, MKT_ETICK, 2, 10, {W, 100, 0}, {W + 1, 105, 0});
	BID_REFUSED(op, MKT_EPRICE, 2, 0, {W, 100, 0}, {W + 1, -10, 0});
	BID_REFUSED(op, MKT_EPRICE, 1, 0, {W, 200010, 0}, {W + 1, 0, 0});
	BID_REFUSED(op, MKT_ETAG, 2, 0, {W, 100, 0}, {W, 100, 2});
	BID_REFUSED(op, MKT_ETAG, 1, 0, {W, 100, ledger_tags(0, 2)}, {W, 100, 0});
	BID_REFUSED(op, MKT_ETAG, 1, 0, {W, 100, 1ull << 16}, {W, 100, 0});
}

static void legs_of_a_long_bid_are_compared(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = op_bid(1, MKT_BUY, 1, 256);
	struct mkt_bid_leg legs[256];

	for (unsigned i = 0; i < 256; i++)
		legs[i] = (struct mkt_bid_leg){W + i / 4, 100, ledger_tags(i & 1, i >> 1 & 1)};
	legs[255] = legs[3];
	refused_as(l, 1, &op, legs, (struct lresult){MKT_EDUPLEG, 256, 0});
	legs[255] = (struct mkt_bid_leg){W + 64, 100, 0};
	assert_int_equal(ledger_do(l, 1, &op, legs, NULL).code, 0);
}

static void amounts_and_money(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = op_bid(1, MKT_BUY, 0, 1);

	BID_REFUSED(op, MKT_ELOT, 0, 1, {W, 100, 0});
	op.u.bid.amount_wh = 10001;
	BID_REFUSED(op, MKT_EFUNDS, 0, 10001 * 100000, {W, 100000, 0});
	op.u.bid.amount_wh = 10000;
	assert_int_equal(ledger_bid(l, 1, op, LEGS({W, 100000, 0})).code, 0);
	assert_int_equal(ledger_account(l, 1).available_uc, 0);
	op.u.bid.amount_wh = 1;
	BID_REFUSED(op, MKT_EFUNDS, 0, 10, {W, 10, 0});
	assert_int_equal(ledger_bid(l, 1, op, LEGS({W, 0, 0})).code, 0); /* costs nothing */
	op = op_bid(2, MKT_BUY, UINT32_MAX, 1);
	BID_REFUSED(op, MKT_EFUNDS, 0, 200000ull * UINT32_MAX, {W, 200000, 0});
}

static void fees_that_overflow(void **state)
{
	struct ledger *l = *state;
	struct mkt_op tag = {.kind = MKT_OP_TAG, .u.tag = {.fee_upwh = INT32_MAX, .name = "green"}};
	struct mkt_op op = op_bid(1, MKT_BUY, UINT32_MAX, 1);

	assert_int_equal(ledger_do(l, 0, &tag, NULL, NULL).code, 0);
	/* (2^31 - 1 + 200000) x (2^32 - 1) is past money */
	BID_REFUSED(op, MKT_EOVERFLOW, 0, 0, {W, 200000, 1});
	memcpy(tag.u.tag.name, "shvm", 5);
	tag.u.tag.dim = 1;
	assert_int_equal(ledger_do(l, 0, &tag, NULL, NULL).code, 0);
	op.u.bid.amount_wh = 1;
	op.u.bid.nlegs = 2;
	BID_REFUSED(op, MKT_EOVERFLOW, 2, 0, {W, 10, 0}, {W, 10, ledger_tags(1, 1)});
	op.u.bid.side = MKT_SELL; /* sellers pay no fee */
	assert_int_equal(ledger_bid(l, 1, op, LEGS({W, 10, 0}, {W, 10, ledger_tags(1, 1)})).code, 0);
}

static void kinds_and_limits(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = op_bid(1, MKT_BUY, 10, 1);
	struct mkt_op limits = {.kind = MKT_OP_LIMITS,
				.u.limits = {MKT_CLASS_HOUSEHOLD, {2, 1, 1, 1}}};

	op.u.bid.until_s = T0_S + 1;
	BID_REFUSED(op, MKT_EUNTIL, 0, 0, {W, 100, 0});
	op.u.bid.until_s = 0;
	op.u.bid.flags = MKT_BID_FOK;
	BID_REFUSED(op, MKT_EFOK, 0, 0, {W, 100, 0});
	assert_int_equal(SELL(l, 2, 5, {W, 100, 0}).code, 0);
	BID_REFUSED(op, MKT_EFOK, 0, 0, {W, 100, 0});
	op.u.bid.flags = MKT_BID_POST_ONLY;
	BID_REFUSED(op, MKT_EPOSTONLY, 0, 0, {W, 100, 0});
	op.u.bid.flags = 0;
	assert_int_equal(ledger_do(l, 0, &limits, NULL, NULL).code, 0);
	assert_int_equal(ledger_bid(l, 1, op, LEGS({W, 50, 0})).code, 0);
	assert_int_equal(ledger_bid(l, 1, op, LEGS({W, 50, 0})).code, 0);
	BID_REFUSED(op, MKT_EOPENBIDS, 0, 2, {W, 50, 0});
	op.u.bid.flags = MKT_BID_IOC; /* never rests */
	assert_int_equal(ledger_bid(l, 1, op, LEGS({W, 100, 0})).code, 0);
}

static void own_bids_of_one_book_are_bounded(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = op_bid(1, MKT_BUY, 1, 2);

	for (uint32_t i = 0; i < MKT_OWN_SKIP_MAX; i++)
		assert_int_equal(ledger_bid(l, 1, op, LEGS({W, 10, 0}, {W + i % 50 + 1, 10, 0})).code, 0);
	BID_REFUSED(op, MKT_EOPENBIDS, 2, MKT_OWN_SKIP_MAX, {W + 1, 10, 0}, {W, 10, 0});
	op.account = 2;
	assert_int_equal(ledger_bid(l, 2, op, LEGS({W + 1, 10, 0}, {W, 10, 0})).code, 0);
}

static void bids_of_others_and_none(void **state)
{
	struct ledger *l = *state;
	struct mkt_op cancel = {.kind = MKT_OP_CANCEL, .account = 1, .u.cancel = {.bid = 1}};
	struct mkt_op reduce = {.kind = MKT_OP_REDUCE, .account = 1, .u.reduce = {1, 5}};

	REFUSED(1, cancel, MKT_EBID, 0);
	REFUSED(1, reduce, MKT_EBID, 0);
	cancel.u.cancel.bid = 0;
	REFUSED(1, cancel, MKT_EBID, 0);
	cancel.u.cancel.bid = 1;
	assert_int_equal(SELL(l, 1, 10, {W, 100, 0}).code, 0);
	cancel.account = reduce.account = 2;
	REFUSED(2, cancel, MKT_EDENIED, 0);
	REFUSED(2, reduce, MKT_EDENIED, 0);
	reduce.account = 1;
	reduce.u.reduce.left_wh = 10;
	REFUSED(1, reduce, MKT_EREDUCE, 10);
	reduce.u.reduce.left_wh = 0;
	REFUSED(1, reduce, MKT_EREDUCE, 10);
	assert_int_equal(BUY(l, 2, 10, {W, 100, 0}).code, 0);
	cancel.account = 1;
	REFUSED(1, cancel, MKT_ETOOLATE, 0);
	REFUSED(1, reduce, MKT_ETOOLATE, 0);
	cancel.u.cancel.what = MKT_CANCEL_WINDOW;
	cancel.u.cancel.window = UINT32_MAX;
	REFUSED(1, cancel, MKT_EWINDOW, 0);
}

/* ---- reports ---------------------------------------------------------------------------- */

static void reports_are_judged(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_REPORT, .account = 1, .u.report = {1, 90, MKT_SUPPLY, ""}};
	struct mkt_op meter = {.kind = MKT_OP_METER, .account = 1, .u.meter = {W, 50, MKT_SUPPLY, ""}};
	struct mkt_op retire = {.kind = MKT_OP_RETIRE, .account = 2, .u.retire = {1}};
	uint64_t end = OPEN + 21 * 1800;

	REFUSED(1, op, MKT_ECONTRACT, 0);
	assert_int_equal(SELL(l, 1, 100, {W, 100, 0}).code, 0);
	assert_int_equal(BUY(l, 2, 100, {W, 100, 0}).code, 0);
	REFUSED(1, op, MKT_EEARLY, end);
	REFUSED(1, meter, MKT_EEARLY, end);
	REFUSED(2, retire, MKT_EUNSETTLED, 0);
	ledger_end(l);
	ledger_begin(l, end);
	op.account = 2;
	REFUSED(2, op, MKT_EDENIED, 0);
	op.account = 1;
	memcpy(op.u.report.charger, "evse", 5);
	REFUSED(1, op, MKT_ECHARGER, 0);
	op.u.report.charger[0] = 0;
	memcpy(meter.u.meter.charger, "evse", 5);
	REFUSED(1, meter, MKT_ECHARGER, 0);
	meter.u.meter.charger[0] = 0;
	meter.u.meter.window = UINT32_MAX;
	REFUSED(1, meter, MKT_EWINDOW, 0);
	meter.u.meter.window = W;
	meter.u.meter.side = MKT_DRAW;
	REFUSED(1, meter, MKT_ECLOSING, 0);
	meter.u.meter.side = MKT_SUPPLY;
	assert_int_equal(ledger_do(l, 1, &op, NULL, NULL).more, 90);
	REFUSED(1, meter, MKT_ECLOSING, 0);
	op.u.report.wh = 91;
	REFUSED(1, op, MKT_EREPORTED, 90);
	ledger_end(l);
	ledger_begin(l, end + 3600);
	op.account = 2;
	op.u.report.side = MKT_DRAW;
	REFUSED(2, op, MKT_ELATE, end + 3600);
	meter.account = 2;
	meter.u.meter.side = MKT_DRAW;
	REFUSED(2, meter, MKT_ELATE, end + 3600);
	retire.account = 1;
	REFUSED(1, retire, MKT_EDENIED, 0);
	retire.account = 2;
	assert_int_equal(ledger_do(l, 2, &retire, NULL, "claim").more, 90);
	REFUSED(2, retire, MKT_ERETIRED, 0);
}

/* ---- money, rights, the operator -------------------------------------------------------- */

static void money_is_judged(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_TRANSFER, .account = 1, .u.transfer = {2, WEALTH + 1}};

	REFUSED(1, op, MKT_EFUNDS, WEALTH + 1);
	op.u.transfer.to = 99;
	REFUSED(1, op, MKT_EACCOUNT, 0);
	op.u.transfer.to = 1;
	REFUSED(1, op, MKT_EINVAL, 0);
	op = (struct mkt_op){.kind = MKT_OP_WITHDRAW, .u.transfer = {1, WEALTH + 1}};
	REFUSED(0, op, MKT_EFUNDS, WEALTH + 1);
	REFUSED(1, op, MKT_EDENIED, 0);
	op.kind = MKT_OP_DEPOSIT;
	op.u.transfer.money_uc = MKT_MONEY_MAX;
	REFUSED(0, op, MKT_EOVERFLOW, 0);
	op.u.transfer.money_uc = INT64_MAX;
	REFUSED(0, op, MKT_EOVERFLOW, 0);
	op.u.transfer.to = 99;
	REFUSED(0, op, MKT_EACCOUNT, 0);
}

static void rights_are_judged(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_DELEGATE, .account = 1, .u.delegate = {2, MKT_RIGHTS_ALL, T0_S}};
	struct mkt_op revoke = {.kind = MKT_OP_REVOKE, .account = 1, .u.delegate = {.to = 2}};
	struct mkt_op bid = op_bid(1, MKT_BUY, 1, 1);

	REFUSED(1, op, MKT_EUNTIL, 0);
	op.u.delegate.until_s = 0;
	op.u.delegate.to = 1;
	REFUSED(1, op, MKT_EINVAL, 0);
	op.u.delegate.to = 99;
	REFUSED(1, op, MKT_EACCOUNT, 0);
	op.u.delegate.to = 2;
	REFUSED(2, op, MKT_EDELEGATION, 0); /* nobody delegates for another */
	REFUSED(1, revoke, MKT_ENOTFOUND, 0);
	refused_as(l, 2, &bid, LEGS({W, 10, 0}), (struct lresult){MKT_EDELEGATION, 0, 0});
	bid.account = 99;
	refused_as(l, 2, &bid, LEGS({W, 10, 0}), (struct lresult){MKT_EACCOUNT, 0, 0});
	for (uint32_t i = 0; i < MKT_GRANTS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%u", i);
		op.u.delegate.to = (uint32_t)ledger_enroll(l, name, MKT_CLASS_HOUSEHOLD).ref;
		assert_int_equal(ledger_do(l, 1, &op, NULL, NULL).code, 0);
	}
	op.u.delegate.to = 2;
	REFUSED(1, op, MKT_ELIMIT, MKT_GRANTS_MAX);
}

static void the_operators_are_judged(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_ENROLL, .u.enroll = {.key = {{9}}, .cls = MKT_CLASS_EV, .name = "h1"}};

	REFUSED(0, op, MKT_ENAME, 1);
	memcpy(op.u.enroll.name, "Bad", 4);
	REFUSED(0, op, MKT_ENAME, 0);
	memcpy(op.u.enroll.name, "mkt1abc", 8);
	REFUSED(0, op, MKT_ENAME, 0);
	memcpy(op.u.enroll.name, "good", 5);
	op.u.enroll.cls = MKT_CLASS_OPERATOR;
	REFUSED(0, op, MKT_EINVAL, 0);
	op.u.enroll.cls = MKT_CLASS_EV;
	memset(op.u.enroll.key.b, 0, MKT_PUBKEY_LEN);
	REFUSED(0, op, MKT_EINVAL, 0);
	memset(op.u.enroll.key.b, 0xfe, MKT_PUBKEY_LEN); /* the operator's key */
	REFUSED(0, op, MKT_EINVAL, 0);
	op = (struct mkt_op){.kind = MKT_OP_SUSPEND, .u.suspend = {0, 1}};
	REFUSED(0, op, MKT_EDENIED, 0);
	op.u.suspend.account = 99;
	REFUSED(0, op, MKT_EACCOUNT, 0);
	REFUSED(1, op, MKT_EDENIED, 0);
	op = (struct mkt_op){.kind = MKT_OP_DIMENSION, .u.dimension = {"energy", "x"}};
	REFUSED(0, op, MKT_EEXISTS, 0);
	op = (struct mkt_op){.kind = MKT_OP_DIMENSION, .u.dimension = {"place", "green"}};
	REFUSED(0, op, MKT_EEXISTS, 0);
	op = (struct mkt_op){.kind = MKT_OP_DIMENSION, .u.dimension = {"place", "+"}};
	REFUSED(0, op, MKT_ENAME, 0);
	op = (struct mkt_op){.kind = MKT_OP_TAG, .u.tag = {.dim = 2, .name = "x"}};
	REFUSED(0, op, MKT_ETAG, 0);
	op = (struct mkt_op){.kind = MKT_OP_TAG, .u.tag = {.dim = 1, .name = "X"}};
	REFUSED(0, op, MKT_ENAME, 0);
	op = (struct mkt_op){.kind = MKT_OP_TAG, .u.tag = {.dim = 1, .name = "green"}};
	REFUSED(0, op, MKT_EEXISTS, 0);
	op = (struct mkt_op){.kind = MKT_OP_TAG, .u.tag = {.dim = 1, .name = "lvm", .flags = MKT_TAG_DIRECT}};
	REFUSED(0, op, MKT_EEXISTS, 0);
	op = (struct mkt_op){.kind = MKT_OP_TAG, .u.tag = {.dim = 1, .name = "x", .fee_upwh = -1}};
	REFUSED(0, op, MKT_EPRICE, 0);
	op = (struct mkt_op){.kind = MKT_OP_TAG, .u.tag = {.dim = 1, .name = "x", .fee_account = 99}};
	REFUSED(0, op, MKT_EACCOUNT, 0);
	op = (struct mkt_op){.kind = MKT_OP_MEMBER, .u.member = {1, 2, 1, 1}};
	REFUSED(0, op, MKT_ETAG, 0);
	op = (struct mkt_op){.kind = MKT_OP_MEMBER, .u.member = {1, 1, 1, 99}};
	REFUSED(0, op, MKT_EACCOUNT, 0);
	op = (struct mkt_op){.kind = MKT_OP_LIMITS, .u.limits = {MKT_CLASS_EV, {65536, 0, 0, 0}}};
	REFUSED(0, op, MKT_ELIMIT, MKT_OPEN_BIDS_ACCOUNT_MAX);
	op = (struct mkt_op){.kind = MKT_OP_IMBALANCE, .u.imbalance = {-1, 0}};
	REFUSED(0, op, MKT_EPRICE, MKT_IMBALANCE_MAX);
	op = (struct mkt_op){.kind = MKT_OP_METEROP, .u.meterop = {1, 99, 1}};
	REFUSED(0, op, MKT_EACCOUNT, 0);
	op = (struct mkt_op){.kind = MKT_OP_METEROP, .u.meterop = {1, 1, 1}};
	REFUSED(0, op, MKT_EINVAL, 0);
}

static void tables_are_bounded(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_DIMENSION};

	for (int i = 2; i < MKT_DIMS_MAX; i++) {
		snprintf(op.u.dimension.dim, sizeof(op.u.dimension.dim), "d%d", i);
		snprintf(op.u.dimension.first, sizeof(op.u.dimension.first), "f%d", i);
		assert_int_equal(ledger_do(l, 0, &op, NULL, NULL).ref, i);
	}
	memcpy(op.u.dimension.dim, "more", 5);
	memcpy(op.u.dimension.first, "most", 5);
	REFUSED(0, op, MKT_ELIMIT, MKT_DIMS_MAX);
	op = (struct mkt_op){.kind = MKT_OP_TAG};
	for (int i = 2; i < MKT_TAG_VALUES_MAX; i++) {
		snprintf(op.u.tag.name, sizeof(op.u.tag.name), "v%d", i);
		assert_int_equal(ledger_do(l, 0, &op, NULL, NULL).ref, i);
	}
	memcpy(op.u.tag.name, "more", 5);
	REFUSED(0, op, MKT_ELIMIT, MKT_TAG_VALUES_MAX);
}

/* ---- admission -------------------------------------------------------------------------- */

static int admit(struct ledger *l, uint32_t signer, uint64_t valid_until_s, uint64_t request,
		 const struct mkt_op *op)
{
	struct mkt_tx_head h = {.chain = l->chain, .account = signer, .valid_until_s = valid_until_s};

	memcpy(h.request, &request, sizeof(request));
	mkt_tx_begin(&l->build, &h);
	mkt_tx_add(&l->build, op, NULL, NULL);
	assert_int_equal(ledger_tx_end(l), 0);
	l->err.text[0] = 0;
	return ledger_apply(l);
}

static void admission(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_CANCEL, .account = 1, .u.cancel = {.what = MKT_CANCEL_ALL}};
	struct mkt_op suspend = {.kind = MKT_OP_SUSPEND, .u.suspend = {1, 1}};
	uint64_t now = T0_S + 1, id = 1000;

	assert_int_equal(admit(l, 99, now, id, &op), MKT_EACCOUNT);
	assert_int_equal(admit(l, 1, now - 1, id, &op), MKT_EEXPIRED);
	assert_int_equal(admit(l, 1, now + 86401, id, &op), MKT_EVALIDITY);
	assert_int_equal(admit(l, 1, UINT64_MAX, id, &op), MKT_EVALIDITY);
	assert_true(l->err.text[0] != 0);
	assert_int_equal(admit(l, 1, now, id, &op), 0);
	assert_int_equal(admit(l, 1, now, id, &op), MKT_ECONFLICT);
	assert_int_equal(admit(l, 1, now + 86400, id + 1, &op), 0);
	op.account = 2;
	assert_int_equal(admit(l, 2, now, id, &op), 0); /* ids of another account */
	assert_int_equal(ledger_do(l, 0, &suspend, NULL, NULL).code, 0);
	op.account = 1;
	assert_int_equal(admit(l, 1, now, id + 2, &op), MKT_ESUSPENDED);
	ledger_end(l);
	ledger_begin_ms(l, now * 1000 + 1);
	op.account = 2;
	assert_int_equal(admit(l, 2, now, id + 3, &op), MKT_EEXPIRED); /* by a millisecond */
	suspend.u.suspend.on = 0;
	assert_int_equal(ledger_do(l, 0, &suspend, NULL, NULL).code, 0);
	op.account = 1;
	assert_int_equal(admit(l, 1, now + 86400, id + 1, &op), MKT_ECONFLICT);
	assert_int_equal(admit(l, 1, now + 600, id, &op), 0); /* forgotten: it could not come again */
}

static void clocks(void **state)
{
	struct mkt_op op = {.kind = MKT_OP_CLOCK, .u.clock = {T0_S * 1000 + 5000}};
	struct mkt_op cancel = {.kind = MKT_OP_CANCEL, .u.cancel = {.what = MKT_CANCEL_ALL}};
	struct ledger *l = *state, m;
	struct mkt_preview p;

	assert_int_equal(ledger_do(l, 0, &op, NULL, NULL).code, MKT_ECLOCK); /* its own clock */
	assert_int_equal(mkt_state_check_clock(l->s, NULL), 0);
	ledger_init(&m);
	m.g.clock = MKT_CLOCK_OPERATOR;
	ledger_start(&m);
	ledger_begin_ms(&m, T0_S * 1000);
	assert_int_equal(mkt_state_check_clock(m.s, NULL), 0); /* no time has passed */
	p = ledger_preview(&m, 0, &op, NULL, NULL);
	assert_int_equal(p.err.code, 0);
	ledger_people(&m, 1, 0);
	ledger_end(&m);
	ledger_begin_ms(&m, T0_S * 1000 + 5000);
	assert_int_equal(mkt_state_check_clock(m.s, &m.err), -MKT_ECLOCK);
	op.u.clock.time_ms--;
	assert_int_equal(ledger_do(&m, 0, &op, NULL, NULL).code, MKT_ECLOCK);
	op.u.clock.time_ms++;
	assert_int_equal(ledger_do(&m, 1, &op, NULL, NULL).code, MKT_ECLOCK);
	assert_int_equal(ledger_do(&m, 0, &op, NULL, NULL).more, T0_S * 1000 + 5000);
	assert_int_equal(mkt_state_check_clock(m.s, NULL), 0);
	assert_int_equal(ledger_do(&m, 0, &op, NULL, NULL).code, MKT_ECLOCK); /* not the first */
	op.u.clock.time_ms = 1;
	p = ledger_preview(&m, 0, &op, NULL, NULL);
	assert_int_equal(p.err.code, MKT_ECLOCK);
	ledger_end(&m);
	ledger_begin_ms(&m, T0_S * 1000 + 9000);
	assert_int_equal(ledger_do(&m, 0, &cancel, NULL, NULL).code, 0);
	assert_int_equal(mkt_state_check_clock(m.s, NULL), -MKT_ECLOCK);
	ledger_end(&m);
	ledger_stop(&m);
}

static void blocks_follow_each_other(void **state)
{
	struct ledger *l = *state;

	assert_int_equal(mkt_state_begin(l->s, 1, T0_S * 1000 + 2000, &l->ev, &l->err), -MKT_EINVAL);
	assert_int_equal(mkt_state_begin(l->s, 3, T0_S * 1000 + 2000, &l->ev, &l->err), -MKT_EINVAL);
	assert_int_equal(mkt_state_begin(l->s, 2, T0_S * 1000, &l->ev, &l->err), -MKT_EINVAL);
	assert_int_equal(mkt_state_begin(l->s, 2, UINT64_MAX, &l->ev, &l->err), -MKT_EINVAL);
	assert_int_equal(mkt_state_height(l->s), 1);
	assert_int_equal(mkt_state_time_ms(l->s), (T0_S + 1) * 1000);
}

static void genesis_must_be_good(void **state)
{
	struct ledger *l = *state;
	struct mkt_genesis g = l->g;
	struct mkt_state *s = NULL;

	g.window_s = 7;
	assert_int_equal(mkt_state_new(&g, &s, &l->err), -MKT_EINVAL);
	assert_null(s);
	mkt_state_free(NULL);
}

/* Dry runs answer for signers that admission would refuse. */
static void dry_runs_look_at_the_signer(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = op_bid(1, MKT_BUY, 10, 1);
	struct mkt_op suspend = {.kind = MKT_OP_SUSPEND, .u.suspend = {1, 1}};
	struct mkt_preview p = ledger_preview(l, 99, &op, LEGS({W, 100, 0}), NULL);

	assert_int_equal(p.err.code, MKT_EACCOUNT);
	assert_int_equal(ledger_do(l, 0, &suspend, NULL, NULL).code, 0);
	p = ledger_preview(l, 1, &op, LEGS({W, 100, 0}), NULL);
	assert_int_equal(p.err.code, MKT_ESUSPENDED);
	p = ledger_preview(l, 0, &op, LEGS({W, 100, 0}), NULL);
	assert_int_equal(p.err.code, MKT_ESUSPENDED); /* acting for it */
	refused_as(l, 0, &op, LEGS({W, 100, 0}), (struct lresult){MKT_ESUSPENDED, 0, 0});
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, ledger_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(legs_at_fault_are_named), T(legs_of_a_long_bid_are_compared), T(amounts_and_money),
		T(fees_that_overflow), T(kinds_and_limits), T(own_bids_of_one_book_are_bounded),
		T(bids_of_others_and_none), T(reports_are_judged), T(money_is_judged),
		T(rights_are_judged), T(the_operators_are_judged), T(tables_are_bounded), T(admission),
		T(clocks), T(blocks_follow_each_other), T(genesis_must_be_good),
		T(dry_runs_look_at_the_signer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What blocks do: time alone, envelopes of many operations, records and digest,
 * restarts, and what readers see.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/ledger.h"

#define WEALTH INT64_C(1000000000)
#define W (W0 + 20)
#define GATE(w) ((uint64_t)(w) * 1800 - 300)

static struct ledger ledger;

static int setup(void **state)
{
	*state = &ledger;
	ledger_default(&ledger, 5, WEALTH);
	return 0;
}

/* ---- time alone ------------------------------------------------------------------------- */

static void gates_close_in_order(void **state)
{
	static const struct {
		uint8_t kind;
		uint64_t id;
	} want[] = {{MKT_EV_GONE, 2}, {MKT_EV_GONE, 1}, {MKT_EV_GATE, W}, {MKT_EV_GONE, 3}, {MKT_EV_GATE, W + 2}};
	struct ledger *l = *state;

	SELL(l, 1, 10, {W, 100, 1});
	SELL(l, 2, 10, {W, 100, 0});
	SELL(l, 3, 10, {W + 2, 100, 0}, {W, 90, 1});
	ledger_end(l);
	assert_int_equal(mkt_state_next_ms(l->s), GATE(W) * 1000);
	ledger_begin_ms(l, GATE(W) * 1000 - 1);
	assert_int_equal(l->ev.n, 0);
	assert_int_equal(SELL(l, 1, 10, {W, 100, 0}).ref, 4); /* the last moment */
	ledger_to_time(l, GATE(W + 2));
	/* One block late for W: both gates, each with its books by tags. */
	assert_int_equal(l->ev.n, 6);
	assert_int_equal(ledger_event(l, 0).u.gone.bid, want[0].id);
	assert_int_equal(ledger_event(l, 1).u.gone.bid, 4);
	for (uint32_t i = 1; i < 5; i++) {
		struct mkt_event ev = ledger_event(l, i + 1);

		assert_int_equal(ev.kind, want[i].kind);
		if (ev.kind == MKT_EV_GATE) {
			assert_int_equal(ev.u.gate.window, want[i].id);
			assert_int_equal(ev.u.gate.legs, i == 2 ? 4 : 1);
			assert_int_equal(ev.u.gate.expired, i == 2 ? 3 : 1);
		} else {
			assert_int_equal(ev.u.gone.bid, want[i].id);
			assert_int_equal(ev.u.gone.reason, MKT_GONE_EXPIRED);
		}
	}
	assert_int_equal(mkt_state_bids(l->s, UINT32_MAX, 0, NULL, 0), 0);
	ledger_end(l);
	assert_int_equal(mkt_state_next_ms(l->s), UINT64_MAX);
	ledger_begin(l, GATE(W + 3));
}

static void untils_come_in_order(void **state)
{
	struct ledger *l = *state;
	static const uint64_t untils[] = {50, 20, 30, 20, 90};
	struct mkt_op cancel = {.kind = MKT_OP_CANCEL, .account = 1, .u.cancel = {.bid = 2}};

	for (uint32_t i = 0; i < 5; i++) {
		struct mkt_op op = op_bid(1, MKT_SELL, 10, 1);

		op.u.bid.until_s = T0_S + untils[i];
		assert_int_equal(ledger_bid(l, 1, op, LEGS({W, 100, 0})).ref, i + 1);
	}
	ledger_end(l);
	assert_int_equal(mkt_state_next_ms(l->s), (T0_S + 20) * 1000);
	ledger_begin(l, T0_S + 2);
	assert_int_equal(ledger_do(l, 1, &cancel, NULL, NULL).code, 0);
	cancel.u.cancel.bid = 4;
	assert_int_equal(ledger_do(l, 1, &cancel, NULL, NULL).code, 0);
	ledger_end(l);
	assert_int_equal(mkt_state_next_ms(l->s), (T0_S + 30) * 1000);
	ledger_begin(l, T0_S + 50);
	assert_int_equal(l->ev.n, 2);
	assert_int_equal(ledger_event(l, 0).u.gone.bid, 3);
	assert_int_equal(ledger_event(l, 1).u.gone.bid, 1);
	assert_int_equal(ledger_event(l, 1).u.gone.reason, MKT_GONE_UNTIL);
	ledger_end(l);
	assert_int_equal(mkt_state_next_ms(l->s), (T0_S + 90) * 1000);
	ledger_begin(l, T0_S + 60);
}

static void gone_untils_do_not_pile_up(void **state)
{
	struct ledger *l = *state;
	struct mkt_op cancel = {.kind = MKT_OP_CANCEL, .account = 1, .u.cancel = {.what = MKT_CANCEL_ALL}};
	struct mkt_op keep = op_bid(2, MKT_SELL, 10, 1);

	keep.u.bid.until_s = T0_S + 4000;
	assert_int_equal(ledger_bid(l, 2, keep, LEGS({W, 100, 0})).code, 0);
	for (uint32_t round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < 30; i++) {
			struct mkt_op op = op_bid(1, MKT_SELL, 10, 1);

			op.u.bid.until_s = T0_S + 5000 + (i * 7919) % 100;
			assert_int_equal(ledger_bid(l, 1, op, LEGS({W, 100, 0})).code, 0);
		}
		assert_int_equal(ledger_do(l, 1, &cancel, NULL, NULL).ref, 30);
		ledger_to_time(l, T0_S + 2 + round);
	}
	ledger_to_time(l, T0_S + 4000);
	assert_int_equal(l->ev.n, 1);
	assert_int_equal(ledger_event(l, 0).u.gone.bid, 1);
}

/* ---- all or nothing --------------------------------------------------------------------- */

static struct mkt_delta records(const struct ledger *l)
{
	struct mkt_delta d = {0};

	assert_int_equal(mkt_state_dump(l->s, &d), 0);
	return d;
}

/* Equal but for the counters of META. */
static void want_same(struct mkt_delta *a, struct mkt_delta *b)
{
	size_t skip = a->rows[1].at;

	assert_int_equal(a->bytes.len, b->bytes.len);
	assert_memory_equal(a->bytes.data + skip, b->bytes.data + skip, a->bytes.len - skip);
	assert_int_equal(a->n, b->n);
}

/* Every kind that may stand in such an envelope, each with an effect; then @end. */
static void all_kinds(struct ledger *l, uint64_t reduced, const struct mkt_op *end)
{
	const struct mkt_op ops[] = {
		{.kind = MKT_OP_BID, .account = 1, .u.bid = {.side = MKT_BUY, .amount_wh = 70, .nlegs = 2}},
		{.kind = MKT_OP_BID,
		 .account = 1,
		 .u.bid = {.side = MKT_SELL, .amount_wh = 5, .nlegs = 2, .until_s = T0_S + 86400}},
		{.kind = MKT_OP_REDUCE, .account = 1, .u.reduce = {reduced, 10}},
		{.kind = MKT_OP_CANCEL, .account = 1, .u.cancel = {.what = MKT_CANCEL_ALL}},
		{.kind = MKT_OP_REPORT, .account = 1, .u.report = {1, 9, MKT_DRAW, ""}},
		{.kind = MKT_OP_METER, .account = 1, .u.meter = {W, 100, MKT_SUPPLY, ""}},
		{.kind = MKT_OP_TRANSFER, .account = 1, .u.transfer = {2, 1000}},
		{.kind = MKT_OP_RETIRE, .account = 1, .u.retire = {1}},
		{.kind = MKT_OP_DELEGATE, .account = 1, .u.delegate = {3, MKT_RIGHTS_ALL, 0}},
		{.kind = MKT_OP_REVOKE, .account = 1, .u.delegate = {.to = 2}},
	};
	const struct mkt_bid_leg *legs = LEGS({W + 4, 200, 0}, {W + 5, 200, 0});

	ledger_tx_begin(l, 1, MKT_TX_ALL_OR_NOTHING);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(ops); i++)
		mkt_tx_add(&l->build, &ops[i], legs, NULL);
	if (end)
		mkt_tx_add(&l->build, end, legs, NULL);
	assert_int_equal(ledger_tx_end(l), 0);
	assert_int_equal(ledger_apply(l), 0);
}

static void envelopes_succeed_or_leave_no_trace(void **state)
{
	struct ledger *l = *state;
	struct mkt_op delegate = {.kind = MKT_OP_DELEGATE, .account = 1, .u.delegate = {2, MKT_RIGHTS_ALL, 0}};
	struct mkt_op fails = {.kind = MKT_OP_TRANSFER, .account = 1, .u.transfer = {2, WEALTH * 10}};
	struct mkt_op supply = {.kind = MKT_OP_REPORT, .account = 2, .u.report = {1, 10, MKT_SUPPLY, ""}};
	struct mkt_delta before, after;
	uint64_t next_bid, next_exec;
	uint32_t events;

	assert_int_equal(ledger_do(l, 1, &delegate, NULL, NULL).code, 0);
	SELL(l, 2, 10, {W, 100, 0});
	BUY(l, 1, 10, {W, 100, 0});
	SELL(l, 1, 20, {W, 100, 0}); /* bid 3, sold to 3 */
	BUY(l, 3, 5, {W, 100, 0});
	SELL(l, 2, 40, {W + 4, 150, 0});
	SELL(l, 4, 50, {W + 5, 120, 0}, {W + 4, 110, 1});
	SELL(l, 1, 33, {W + 6, 110, 1});
	ledger_to_time(l, ((uint64_t)W + 1) * 1800);
	SELL(l, 1, 33, {W + 7, 110, 1}); /* bid 8 takes the place of expired ones */
	assert_int_equal(ledger_do(l, 2, &supply, NULL, NULL).code, 0);
	ledger_end(l);
	ledger_begin(l, ((uint64_t)W + 1) * 1800);
	before = records(l);
	next_bid = mkt_state_next_bid(l->s);
	next_exec = mkt_state_next_exec(l->s);
	all_kinds(l, 3, &fails);
	assert_int_equal(l->ev.n, 11);
	for (uint16_t i = 0; i < 11; i++)
		assert_int_equal(ledger_result(l, i).code, i == 2 ? MKT_ETOOLATE : MKT_EABORTED);
	after = records(l);
	want_same(&before, &after);
	mkt_delta_release(&after);
	/* The reduce was of an expired bid: with an open one all but the last succeed. */
	SELL(l, 1, 20, {W + 9, 100, 0});
	assert_int_equal(mkt_state_next_bid(l->s), next_bid + 1);
	events = l->ev.n;
	mkt_delta_release(&before);
	before = records(l);
	all_kinds(l, next_bid, &fails);
	assert_int_equal(l->ev.n, events + 11);
	for (uint16_t i = 0; i < 11; i++)
		assert_int_equal(ledger_result(l, i).code, i == 10 ? MKT_EFUNDS : MKT_EABORTED);
	after = records(l);
	want_same(&before, &after);
	assert_int_equal(mkt_state_next_exec(l->s), next_exec);
	assert_int_equal(mkt_state_check(l->s, &l->err), 0);
	all_kinds(l, next_bid, NULL);
	for (uint16_t i = 0; i < 10; i++)
		assert_int_equal(ledger_result(l, i).code, 0);
	assert_int_equal(mkt_state_next_exec(l->s), next_exec + 2);
	mkt_delta_release(&before);
	mkt_delta_release(&after);
}

static void operations_fail_one_by_one_otherwise(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_TRANSFER, .account = 1};

	ledger_tx_begin(l, 1, 0);
	for (uint32_t i = 0; i < 4; i++) {
		op.u.transfer.to = 2;
		op.u.transfer.money_uc = i % 2 ? WEALTH * 2 : 10;
		mkt_tx_add(&l->build, &op, NULL, NULL);
	}
	assert_int_equal(ledger_tx_end(l), 0);
	assert_int_equal(ledger_apply(l), 0);
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(ledger_result(l, i).code, i % 2 ? MKT_EFUNDS : 0);
	assert_int_equal(ledger_account(l, 2).available_uc, WEALTH + 20);
}

/* ---- records and digest ----------------------------------------------------------------- */

static void digest_follows_the_records_alone(void **state)
{
	struct ledger *l = *state, m;
	struct mkt_op cancel = {.kind = MKT_OP_CANCEL, .account = 1, .u.cancel = {.what = MKT_CANCEL_ALL}};
	struct mkt_hash empty;

	ledger_end(l);
	ledger_begin(l, T0_S + 2);
	ledger_end(l);
	assert_int_equal(l->delta.n, 1); /* META alone */
	assert_int_equal(l->delta.rows[0].type, MKT_REC_META);
	empty = l->digest;
	ledger_begin(l, T0_S + 3);
	SELL(l, 1, 10, {W, 100, 0});
	ledger_do(l, 1, &cancel, NULL, NULL);
	ledger_end(l);
	assert_int_equal(l->delta.n, 1); /* the bid came and went; no money stayed moved */
	ledger_begin(l, T0_S + 4);
	BUY(l, 1, 10, {W, 100, 0});
	ledger_end(l);
	assert_int_equal(l->delta.n, 3);
	assert_int_equal(l->delta.rows[1].type, MKT_REC_ACCOUNT);
	assert_int_equal(l->delta.rows[2].type, MKT_REC_BID);
	assert_int_equal(l->delta.rows[2].len, 33);
	ledger_begin(l, T0_S + 5);
	ledger_do(l, 1, &cancel, NULL, NULL);
	ledger_end(l);
	assert_int_equal(l->delta.n, 3);
	assert_true(l->delta.rows[2].drop);
	assert_false(mkt_hash_eq(&empty, &l->digest)); /* counters tell what was */
	/* The same blocks give the same digest. */
	ledger_default(&m, 5, WEALTH);
	ledger_to_time(&m, T0_S + 2);
	ledger_to_time(&m, T0_S + 3);
	SELL(&m, 1, 10, {W, 100, 0});
	ledger_do(&m, 1, &cancel, NULL, NULL);
	ledger_to_time(&m, T0_S + 4);
	BUY(&m, 1, 10, {W, 100, 0});
	ledger_to_time(&m, T0_S + 5);
	ledger_do(&m, 1, &cancel, NULL, NULL);
	ledger_end(&m);
	assert_true(mkt_hash_eq(&m.digest, &l->digest));
	ledger_stop(&m);
	ledger_begin(l, T0_S + 6);
}

static void genesis_comes_with_block_1_if_not_before(void **state)
{
	struct ledger *l = *state, m;
	struct mkt_state *s;
	struct mkt_events ev = MKT_EVENTS_INIT;
	struct mkt_delta d = {0};
	struct mkt_hash h;

	ledger_init(&m);
	ledger_start(&m);
	assert_int_equal(m.delta.n, 1 + 2 + MKT_CLASS_COUNT + 1);
	assert_int_equal(mkt_state_new(&l->g, &s, NULL), 0);
	assert_int_equal(mkt_state_begin(s, 1, T0_S * 1000, &ev, NULL), 0);
	assert_int_equal(mkt_state_end(s, &d, &h), 0);
	assert_int_equal(d.n, m.delta.n);
	ledger_begin_ms(&m, T0_S * 1000);
	ledger_end(&m);
	assert_true(mkt_hash_eq(&h, &m.digest));
	mkt_state_free(s);
	mkt_events_release(&ev);
	mkt_delta_release(&d);
	ledger_stop(&m);
}

/* ---- restarts --------------------------------------------------------------------------- */

/* A ledger with records of every type, between two blocks. */
static void full_ledger(struct ledger *l)
{
	struct mkt_op grant = {.kind = MKT_OP_DELEGATE, .account = 1, .u.delegate = {2, MKT_RIGHTS_ALL, 0}};
	struct mkt_op bid = op_bid(3, MKT_BUY, 10, 2);

	assert_int_equal(ledger_do(l, 1, &grant, NULL, NULL).code, 0);
	SELL(l, 1, 10, {W, 100, 0});
	BUY(l, 2, 10, {W, 100, 0});
	bid.u.bid.until_s = T0_S + 86400;
	assert_int_equal(ledger_bid(l, 3, bid, LEGS({W, 90, 0}, {W + 9, 80, ledger_tags(1, 1)})).code, 0);
	ledger_to_time(l, GATE(W));
	ledger_end(l);
}

/* Load all of @d into a fresh state; row @bad may be skipped (@how 1), cut (2) or changed (3). */
static int reload(struct ledger *l, const struct mkt_delta *d, uint32_t bad, int how,
		  const struct mkt_hash *digest)
{
	struct mkt_state *s;
	uint8_t bytes[512];
	int rc = 0;

	assert_int_equal(mkt_state_new(&l->g, &s, NULL), 0);
	for (uint32_t i = 0; i < d->n && !rc; i++) {
		const struct mkt_delta_row *r = &d->rows[i];
		uint32_t len = r->len;

		assert_true(len <= sizeof(bytes));
		memcpy(bytes, d->bytes.data + r->at, len);
		if (i == bad && how == 1)
			continue;
		if (i == bad && how == 2)
			len--;
		if (i == bad && how == 3)
			bytes[0] ^= 0x55;
		rc = mkt_state_load(s, r->type, r->id, bytes, len, &l->err);
	}
	if (!rc)
		rc = mkt_state_loaded(s, digest, &l->err);
	mkt_state_free(s);
	return rc;
}

static void damaged_records_are_found(void **state)
{
	struct ledger *l = *state;
	struct mkt_delta d;
	struct mkt_hash other = {{1}};
	struct mkt_state *s;

	full_ledger(l);
	d = records(l);
	assert_int_equal(d.rows[d.n - 1].type, MKT_REC_CONTRACT);
	assert_int_equal(reload(l, &d, d.n, 0, &l->digest), 0);
	assert_int_equal(reload(l, &d, d.n, 0, NULL), 0);
	assert_int_equal(reload(l, &d, d.n, 0, &other), -MKT_ESTORE);
	for (uint32_t i = 0; i < d.n; i++) {
		for (int how = 1; how <= 3; how++) {
			l->err.text[0] = 0;
			assert_int_equal(reload(l, &d, i, how, &l->digest), -MKT_ESTORE);
			assert_true(l->err.text[0] != 0);
		}
	}
	assert_int_equal(mkt_state_new(&l->g, &s, NULL), 0);
	assert_int_equal(mkt_state_loaded(s, NULL, &l->err), -MKT_ESTORE); /* nothing came */
	mkt_state_free(s);
	assert_int_equal(mkt_state_new(&l->g, &s, NULL), 0);
	assert_int_equal(mkt_state_load(s, 9, 0, "x", 1, &l->err), -MKT_ESTORE);
	assert_int_equal(mkt_state_load(s, MKT_REC_BID, 1, "x", 1, &l->err), -MKT_ESTORE);
	mkt_state_free(s);
	mkt_delta_release(&d);
	ledger_begin(l, GATE(W) + 1);
}

static void contract_record_goes_both_ways(void **state)
{
	struct ledger *l = *state;
	struct mkt_contract c, back;
	struct mkt_buf b = MKT_BUF_INIT, again = MKT_BUF_INIT;

	full_ledger(l);
	assert_true(mkt_state_contract(l->s, 1, &c));
	mkt_contract_enc(&c, &b);
	assert_int_equal(b.len, 105);
	assert_int_equal(mkt_contract_dec(b.data, b.len, &back), 0);
	mkt_contract_enc(&back, &again);
	assert_memory_equal(b.data, again.data, b.len);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(mkt_contract_dec(b.data, n, &back), -MKT_ETRUNCATED);
	mkt_buf_addch(&b, 0);
	assert_int_equal(mkt_contract_dec(b.data, b.len, &back), -MKT_EOVERLONG);
	b.data[36] = 3; /* side of the taker */
	assert_int_equal(mkt_contract_dec(b.data, b.len - 1, &back), -MKT_ENONCANONICAL);
	mkt_buf_release(&b);
	mkt_buf_release(&again);
	ledger_begin(l, GATE(W) + 1);
}

/* ---- readers ---------------------------------------------------------------------------- */

static void bids_and_contracts_are_paged(void **state)
{
	struct ledger *l = *state;
	struct mkt_op cancel = {.kind = MKT_OP_CANCEL, .account = 1};
	struct mkt_bid b[10];
	struct mkt_contract c[10];

	for (uint32_t i = 0; i < 20; i++)
		SELL(l, 1 + i % 2, 10, {W + i, 100, 0});
	for (uint64_t id = 5; id <= 9; id += 2) { /* cursors that are gone */
		cancel.u.cancel.bid = id;
		assert_int_equal(ledger_do(l, 1, &cancel, NULL, NULL).code, 0);
	}
	assert_int_equal(mkt_state_bids(l->s, UINT32_MAX, 0, b, 3), 3);
	assert_int_equal(b[2].id, 3);
	assert_int_equal(mkt_state_bids(l->s, UINT32_MAX, 4, b, 3), 3);
	assert_int_equal(b[0].id, 6);
	assert_int_equal(mkt_state_bids(l->s, UINT32_MAX, 5, b, 3), 3);
	assert_int_equal(b[0].id, 6);
	assert_int_equal(mkt_state_bids(l->s, UINT32_MAX, 20, b, 3), 0);
	assert_int_equal(mkt_state_bids(l->s, 1, 3, b, 10), 5);
	assert_int_equal(b[0].id, 11);
	assert_int_equal(mkt_state_bids(l->s, 1, 7, b, 10), 5);
	assert_int_equal(mkt_state_bids(l->s, 2, 18, b, 10), 1);
	assert_int_equal(mkt_state_bids(l->s, 99, 0, b, 10), 0);
	assert_false(mkt_state_bid(l->s, 5, b));
	for (uint32_t i = 10; i < 20; i++)
		BUY(l, i % 3 ? 3 : 4 - i % 2, 10, {W + i, 100, 0}); /* 4 or 3 for i of 12, 15, 18 */
	assert_int_equal(mkt_state_contracts(l->s, UINT32_MAX, 0, c, 4), 4);
	assert_int_equal(c[3].what.exec, 4);
	assert_int_equal(mkt_state_contracts(l->s, UINT32_MAX, 8, c, 4), 2);
	assert_int_equal(mkt_state_contracts(l->s, 3, 0, c, 10), 8);
	assert_int_equal(mkt_state_contracts(l->s, 1, 2, c, 10), 4);
	assert_int_equal(c[0].what.exec, 3);
	assert_int_equal(c[0].what.seller, 1);
	assert_int_equal(mkt_state_contracts(l->s, 1, 3, c, 10), 3);
	assert_int_equal(mkt_state_contracts(l->s, 99, 0, c, 10), 0);
}

static void books_are_walked(void **state)
{
	struct ledger *l = *state;
	uint32_t window = 0, book, n = 0, first, count;
	mkt_tags tags = 0;

	SELL(l, 1, 10, {W + 3, 100, 0}, {W, 100, 1}, {W, 100, ledger_tags(1, 1)}, {W, 100, 0});
	assert_true(mkt_state_book(l->s, W, 1, &book));
	assert_false(mkt_state_book(l->s, W + 1, 1, &book));
	while (mkt_state_next_book(l->s, &window, &tags, &book)) {
		static const mkt_tags want[] = {0, 1, 0x101, 0};

		assert_int_equal(window, n < 3 ? W : W + 3);
		assert_int_equal(tags, want[n]);
		n++;
	}
	assert_int_equal(n, 4);
	window = W;
	tags = UINT64_MAX;
	assert_true(mkt_state_next_book(l->s, &window, &tags, &book));
	assert_int_equal(window, W + 3);
	mkt_state_open_windows(l->s, T0_S * 1000, &first, &count);
	assert_int_equal(first, W0 + 1);
	assert_int_equal(count, 96);
	mkt_state_open_windows(l->s, (T0_S + 1500) * 1000, &first, &count);
	assert_int_equal(first, W0 + 2); /* the gate of the next has come */
	mkt_state_open_windows(l->s, (T0_S + 1500) * 1000 - 1, &first, &count);
	assert_int_equal(first, W0 + 1);
}

static void accounts_are_found(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_ENROLL,
			    .u.enroll = {.cls = MKT_CLASS_BATTERY, .name = "store", .nchargers = 1, .chargers_len = 2}};
	struct mkt_account a;
	int32_t up, down;
	uint32_t n;

	memcpy(op.u.enroll.key.b, "h3", 2);
	op.u.enroll.key.b[31] = 1;
	assert_true(mkt_state_find_name(l->s, "h3", &n));
	assert_int_equal(n, 3);
	assert_int_equal(ledger_do(l, 0, &op, NULL, "\001x").ref, 3); /* known by its key */
	assert_false(mkt_state_find_name(l->s, "h3", &n));
	assert_true(mkt_state_find_name(l->s, "store", &n));
	assert_true(mkt_state_find_key(l->s, &op.u.enroll.key, &n));
	assert_int_equal(n, 3);
	assert_false(mkt_state_find_name(l->s, "a name that is much too long for one", &n));
	a = ledger_account(l, 3);
	assert_int_equal(a.cls, MKT_CLASS_BATTERY);
	assert_int_equal(a.available_uc, WEALTH);
	assert_int_equal(a.nchargers, 1);
	assert_string_equal(a.chargers[0], "x");
	assert_int_equal(ledger_enroll(l, "h3x", MKT_CLASS_EV).ref, 6);
	assert_int_equal(mkt_state_accounts(l->s), 7);
	assert_false(mkt_state_account(l->s, 7, &a));
	assert_string_equal(ledger_account(l, 0).name, "operator");
	op.u.enroll = (struct mkt_op_enroll){.key = l->g.operator_key, .name = "boss"};
	assert_int_equal(ledger_do(l, 0, &op, NULL, NULL).ref, 0);
	assert_string_equal(ledger_account(l, 0).name, "boss");
	mkt_state_imbalance(l->s, &up, &down);
	assert_int_equal(up, l->g.imbalance_up_upwh);
	assert_null(mkt_state_limits(l->s, MKT_CLASS_COUNT));
	assert_int_equal(mkt_state_limits(l->s, MKT_CLASS_EV)->open_bids, 4096);
	assert_int_equal(mkt_state_genesis(l->s)->window_s, 1800);
}

static void suspension_takes_the_bids(void **state)
{
	struct ledger *l = *state;
	struct mkt_op op = {.kind = MKT_OP_SUSPEND, .u.suspend = {1, 1}};
	struct lresult r;
	struct mkt_event ev;

	BUY(l, 1, 10, {W, 100, 0});
	BUY(l, 1, 10, {W + 1, 100, 0});
	r = ledger_do(l, 0, &op, NULL, NULL);
	assert_int_equal(r.code, 0);
	assert_int_equal(r.ref, 1);
	assert_int_equal(r.more, 2);
	ev = ledger_event(l, l->ev.n - 3);
	assert_int_equal(ev.u.gone.bid, 1);
	assert_int_equal(ev.u.gone.reason, MKT_GONE_SUSPENDED);
	assert_int_equal(ledger_account(l, 1).held_uc, 0);
	assert_true(ledger_account(l, 1).suspended);
	assert_int_equal(ledger_do(l, 0, &op, NULL, NULL).more, 0); /* once more does nothing */
	op.u.suspend.on = 0;
	assert_int_equal(ledger_do(l, 0, &op, NULL, NULL).code, 0);
	assert_int_equal(BUY(l, 1, 10, {W, 100, 0}).code, 0);
}

static void totals_are_counted(void **state)
{
	struct ledger *l = *state;
	struct mkt_totals t;

	SELL(l, 1, 10, {W, 100, 0});
	BUY(l, 2, 4, {W, 100, 0});
	BUY(l, 2, 4, {W, 105, 0});
	mkt_state_totals(l->s, &t);
	assert_int_equal(t.txs, 13);
	assert_int_equal(t.ops, 13);
	assert_int_equal(t.refused, 1);
	assert_int_equal(t.bids, 2);
	assert_int_equal(t.contracts, 1);
	assert_int_equal(t.contracted_wh, 4);
	assert_int_equal(t.money_uc, 5 * WEALTH);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, ledger_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(gates_close_in_order), T(untils_come_in_order), T(gone_untils_do_not_pile_up),
		T(envelopes_succeed_or_leave_no_trace), T(operations_fail_one_by_one_otherwise),
		T(digest_follows_the_records_alone), T(genesis_comes_with_block_1_if_not_before),
		T(damaged_records_are_found), T(contract_record_goes_both_ways),
		T(bids_and_contracts_are_paged), T(books_are_walked), T(accounts_are_found),
		T(suspension_takes_the_bids), T(totals_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

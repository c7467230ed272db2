/*
 * Memory: once the pools have grown, blocks of bids, fills, cancels, reports and
 * settlements allocate nothing; and when memory fails at any point, the call says
 * so and the state can still be freed.
 *
 * The allocator is wrapped by the linker (tests/tests.mk).
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/ledger.h"

#define W (W0 + 20)

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static uint64_t allocations;
static uint64_t good = UINT64_MAX; /* before they fail */

static bool fails(void)
{
	allocations++;
	if (good == UINT64_MAX)
		return false;
	return !good || !good--;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

/* ---- nothing after warm-up -------------------------------------------------------------- */

/* A window's life: bids of several legs, half of them matched, cancels, a gate, reports. */
static void window_life(struct ledger *l, uint32_t window)
{
	struct mkt_op cancel = {.kind = MKT_OP_CANCEL, .account = 1, .u.cancel = {.what = MKT_CANCEL_ALL}};
	struct mkt_op meter = {.kind = MKT_OP_METER, .u.meter = {window, 50, MKT_SUPPLY, ""}};
	struct mkt_op until = op_bid(3, MKT_BUY, 10, 1);

	ledger_begin(l, window * 1800ull - 3600);
	for (int i = 0; i < 20; i++) {
		SELL(l, 1, 10, {window, 100, 0}, {window, 100, 1}, {window + 1, 120, 0});
		BUY(l, 2, 10, {window, i % 2 ? 100 : 90, 0}, {window + 1, 50, 0});
	}
	until.u.bid.until_s = window * 1800ull - 1800;
	ledger_bid(l, 3, until, LEGS({window, 50, 0}));
	ledger_do(l, 1, &cancel, NULL, NULL);
	LEDGER_WANT(mkt_state_end(l->s, &l->delta, &l->digest) == 0);
	ledger_begin(l, window * 1800ull - 300);
	LEDGER_WANT(mkt_state_end(l->s, &l->delta, &l->digest) == 0);
	ledger_begin(l, window * 1800ull + 1800);
	for (uint32_t i = 1; i <= 2; i++) {
		meter.account = i;
		meter.u.meter.side = i == 1 ? MKT_SUPPLY : MKT_DRAW;
		ledger_do(l, i, &meter, NULL, NULL);
	}
	LEDGER_WANT(mkt_state_end(l->s, &l->delta, &l->digest) == 0);
}

static void blocks_allocate_nothing_when_warm(void **state)
{
	struct ledger l;

	(void)state;
	ledger_init(&l);
	l.g.validity_s = 3600;
	l.g.retention_s = 1;
	ledger_start(&l);
	ledger_begin(&l, T0_S + 1);
	ledger_people(&l, 3, INT64_C(1) << 50);
	ledger_end(&l);
	for (uint32_t w = W; w < W + 60; w += 4) {
		allocations = 0;
		window_life(&l, w);
		if (w >= W + 40)
			assert_int_equal(allocations, 2); /* the lists of books of the two windows */
	}
	ledger_begin(&l, (W + 64) * 1800ull);
	ledger_end(&l);
	ledger_stop(&l);
}

/* ---- memory that fails ------------------------------------------------------------------ */

/* A block that grows everything; true if memory held out. */
static bool growing_block(struct ledger *l)
{
	const struct mkt_op ops[] = {
		{.kind = MKT_OP_BID, .account = 1, .u.bid = {.side = MKT_SELL, .amount_wh = 70, .nlegs = 3}},
		{.kind = MKT_OP_BID, .account = 2, .u.bid = {.side = MKT_BUY, .amount_wh = 30, .nlegs = 3}},
		{.kind = MKT_OP_DELEGATE, .account = 1, .u.delegate = {2, MKT_RIGHTS_ALL, 0}},
		{.kind = MKT_OP_CANCEL, .account = 1, .u.cancel = {.what = MKT_CANCEL_ALL}},
		{.kind = MKT_OP_TRANSFER, .account = 1, .u.transfer = {2, INT64_MAX}},
	};
	const struct mkt_bid_leg *legs = LEGS({W, 100, 0}, {W, 100, 1}, {W + 1, 100, 0});
	struct mkt_op enroll = {.kind = MKT_OP_ENROLL,
				.u.enroll = {.key = {{5}}, .cls = MKT_CLASS_EV, .name = "new", .nchargers = 1, .chargers_len = 2}};
	struct mkt_op tag = {.kind = MKT_OP_TAG, .u.tag = {.dim = 1, .name = "club"}};
	int rc;

	for (uint8_t flags = 0; flags <= MKT_TX_ALL_OR_NOTHING; flags++) {
		ledger_tx_begin(l, 0, flags);
		for (size_t i = 0; i < MKT_ARRAY_SIZE(ops); i++)
			mkt_tx_add(&l->build, &ops[i], legs, NULL);
		l->tx.account = 0;
		if (l->build.buf.bad || ledger_tx_end(l) < 0)
			return false;
		rc = mkt_state_apply(l->s, &l->tx, 0, &l->ev);
		if (rc)
			return false;
	}
	ledger_tx_begin(l, 0, 0);
	mkt_tx_add(&l->build, &enroll, NULL, "\001x");
	mkt_tx_add(&l->build, &tag, NULL, NULL);
	if (l->build.buf.bad || ledger_tx_end(l) < 0)
		return false;
	if (mkt_state_apply(l->s, &l->tx, 1, &l->ev) < 0)
		return false;
	return mkt_state_end(l->s, &l->delta, &l->digest) == 0;
}

static void every_failure_is_told(void **state)
{
	uint64_t n;

	(void)state;
	for (n = 0;; n++) {
		struct ledger l;
		struct mkt_op grant = {.kind = MKT_OP_DELEGATE, .u.delegate = {0, MKT_RIGHTS_ALL, 0}};
		bool held;

		ledger_default(&l, 3, INT64_C(1) << 40);
		for (uint32_t i = 1; i <= 2; i++) {
			grant.account = i;
			LEDGER_WANT(ledger_do(&l, i, &grant, NULL, NULL).code == 0);
		}
		good = n;
		held = growing_block(&l);
		good = UINT64_MAX;
		ledger_stop(&l);
		if (held)
			break;
	}
	assert_true(n > 20);
}

static void making_a_state_may_fail(void **state)
{
	struct mkt_genesis g;
	struct mkt_state *s = NULL;
	struct ledger l;
	uint64_t n;
	int rc;

	(void)state;
	ledger_init(&l);
	g = l.g;
	for (n = 0;; n++) {
		good = n;
		rc = mkt_state_new(&g, &s, NULL);
		good = UINT64_MAX;
		if (!rc)
			break;
		assert_int_equal(rc, -MKT_ENOMEM);
		assert_null(s);
	}
	assert_true(n > 10);
	mkt_state_free(s);
	mkt_genesis_release(&l.g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_allocate_nothing_when_warm),
		cmocka_unit_test(every_failure_is_told),
		cmocka_unit_test(making_a_state_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

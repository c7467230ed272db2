#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The daemon's parts are not in a library. */
#include "ledgerd/guard.c"
#include "ledgerd/growth.c"

static void test_bucket_holds_a_minutes_worth(void **state)
{
	struct ld_bucket b = {0};
	struct ld_rate rate;

	(void)state;
	for (uint32_t i = 0; i < 60; i++)
		assert_true(ld_bucket_take(&b, 60, 1, 1000, &rate));
	assert_false(ld_bucket_take(&b, 60, 1, 1000, &rate));
	assert_int_equal(rate.limit, 60);
	assert_int_equal(rate.left, 0);
	assert_int_equal(rate.reset_s, 60);
	assert_int_equal(rate.retry_s, 1);
	/* One a second comes back, not before. */
	assert_false(ld_bucket_take(&b, 60, 1, 1999, &rate));
	assert_true(ld_bucket_take(&b, 60, 1, 2000, &rate));
	assert_false(ld_bucket_take(&b, 60, 1, 2000, &rate));
	/* After a minute all, and never more. */
	for (uint32_t i = 0; i < 60; i++)
		assert_true(ld_bucket_take(&b, 60, 1, 200000, &rate));
	assert_false(ld_bucket_take(&b, 60, 1, 200000, &rate));
}

static void test_bucket_edges(void **state)
{
	struct ld_bucket b = {0};
	struct ld_rate rate = {9, 9, 9, 9};

	(void)state;
	/* No limit: always, and nothing is told. */
	assert_true(ld_bucket_take(&b, 0, 1000000, 5, &rate));
	assert_int_equal(rate.limit, 0);
	/* A clock that goes back gives nothing and takes nothing. */
	assert_true(ld_bucket_take(&b, 2, 2, 10000, NULL));
	assert_false(ld_bucket_take(&b, 2, 1, 0, NULL));
	assert_false(ld_bucket_take(&b, 2, 1, 39999, NULL));
	assert_true(ld_bucket_take(&b, 2, 1, 40000, NULL));
	/* The largest limit does not overflow. */
	b = (struct ld_bucket){0};
	assert_true(ld_bucket_take(&b, UINT32_MAX, UINT32_MAX, 1, &rate));
	assert_int_equal(rate.left, 0);
	assert_true(ld_bucket_take(&b, UINT32_MAX, UINT32_MAX, UINT64_MAX, &rate));
	/* A limit that is lowered holds at once. */
	assert_true(ld_bucket_take(&b, 100, 0, UINT64_MAX, &rate));
	assert_true(rate.left <= 100);
}

static void test_accounts_are_apart(void **state)
{
	struct ld_guard g;
	struct ld_rate rate;

	(void)state;
	assert_int_equal(ld_guard_init(&g), 0);
	assert_true(ld_guard_tx(&g, 7, 1, 1));
	assert_false(ld_guard_tx(&g, 7, 1, 1));
	assert_true(ld_guard_tx(&g, 8, 1, 1));
	assert_true(ld_guard_tx(&g, 100000, 1, 1));
	assert_false(ld_guard_tx(&g, 7, 1, 2));
	ld_guard_tx_rate(&g, 7, 1, 2, &rate);
	assert_int_equal(rate.left, 0);
	assert_int_equal(rate.retry_s, 60);
	ld_guard_release(&g);
}

static void test_peers_make_room(void **state)
{
	struct mkt_class_limits lim = {.reads_per_min = 1};
	struct ld_who who = {0};
	struct ld_guard g;
	struct ld_rate rate;

	(void)state;
	assert_int_equal(ld_guard_init(&g), 0);
	assert_true(ld_guard_read(&g, &who, &lim, true, 1, &rate)); /* a look takes nothing */
	assert_true(ld_guard_read(&g, &who, &lim, false, 1, &rate));
	assert_false(ld_guard_read(&g, &who, &lim, false, 2, &rate));
	assert_false(ld_guard_read(&g, &who, &lim, true, 2, &rate));
	assert_int_equal(rate.retry_s, 60);
	/* Many others: the longest idle goes, the table never grows. */
	for (uint32_t i = 1; i <= 2 * LD_PEERS_MAX; i++) {
		memcpy(who.addr, &i, sizeof(i));
		assert_true(ld_guard_read(&g, &who, &lim, false, 2 + i, &rate));
	}
	assert_int_equal(g.npeers, LD_PEERS_MAX);
	assert_false(ld_guard_read(&g, &who, &lim, false, 3 + 2 * LD_PEERS_MAX, &rate));
	/* An account that signed has buckets of its own, wherever it comes from. */
	who.signed_by = true;
	assert_true(ld_guard_read(&g, &who, &lim, false, 3 + 2 * LD_PEERS_MAX, &rate));
	assert_int_equal(rate.limit, 1);
	assert_false(ld_guard_read(&g, &who, &lim, false, 3 + 2 * LD_PEERS_MAX, &rate));
	ld_guard_release(&g);
}

static void test_rows_are_paid_after(void **state)
{
	struct mkt_class_limits lim = {.rows_per_min = 100};
	struct ld_who who = {.addr = {1}};
	struct ld_rate reads, rows;
	struct ld_guard g;

	(void)state;
	assert_int_equal(ld_guard_init(&g), 0);
	assert_true(ld_guard_read(&g, &who, &lim, false, 1, &reads));
	ld_guard_rows(&g, &who, 100, 10, 1);
	ld_guard_look(&g, &who, &lim, 1, &reads, &rows);
	assert_int_equal(rows.left, 90);
	ld_guard_rows(&g, &who, 100, 1000, 1); /* more than there was: nothing is left */
	assert_false(ld_guard_read(&g, &who, &lim, false, 2, &reads));
	assert_true(reads.retry_s > 0);
	ld_guard_look(&g, &who, &lim, 2, &reads, &rows);
	assert_int_equal(rows.left, 0);
	assert_true(ld_guard_read(&g, &who, &lim, false, 1000, &reads));
	ld_guard_release(&g);
}

static void test_nonces_serve_once(void **state)
{
	uint8_t nonce[16] = {0};
	struct ld_guard g;
	unsigned busy = 0;

	(void)state;
	assert_int_equal(ld_guard_init(&g), 0);
	assert_int_equal(ld_guard_nonce(&g, 1, nonce, 1000, 1), 0);
	assert_int_equal(ld_guard_nonce(&g, 1, nonce, 1000, 1000), -MKT_ECONFLICT);
	assert_int_equal(ld_guard_nonce(&g, 2, nonce, 1000, 1), 0);
	/* When its time is over the read is refused for that, and the place is free. */
	assert_int_equal(ld_guard_nonce(&g, 1, nonce, 3000, 2000), 0);
	/* Half of the places are found without a refusal; no number of reads takes memory. */
	for (uint32_t i = 1; i <= 2 * LD_NONCES; i++) {
		memcpy(nonce, &i, sizeof(i));
		busy += ld_guard_nonce(&g, 3, nonce, 9000, 4000) == -MKT_EBUSY;
		if (i == LD_NONCES / 2)
			assert_true(busy < LD_NONCES / 50);
	}
	assert_true(busy >= LD_NONCES);
	ld_guard_release(&g);
}

static void test_watermarks(void **state)
{
	struct ld_guard g;

	(void)state;
	assert_int_equal(ld_guard_init(&g), 0);
	ld_guard_free(&g, 1000, 500, 100);
	assert_false(g.alarm || g.refuse);
	assert_true(g.free_bytes == 1000);
	ld_guard_free(&g, 499, 500, 100);
	assert_true(g.alarm && !g.refuse);
	ld_guard_free(&g, 99, 500, 100);
	assert_true(g.alarm && g.refuse);
	ld_guard_free(&g, 500, 500, 100);
	assert_false(g.alarm || g.refuse);
	ld_guard_release(&g);
}

static void test_growth_tells_the_days_that_are_left(void **state)
{
	struct ld_growth g = {.n = 0};
	uint64_t now = 1000000, bytes = 5000;

	(void)state;
	assert_true(ld_growth_note(&g, now, bytes));
	assert_false(ld_growth_note(&g, now + LD_GROWTH_STEP_S - 1, bytes));
	/* Nothing is said before an hour is over, nor without growth. */
	assert_true(ld_growth_days(&g, now + 3599, 9000, 1000000) == UINT64_MAX);
	assert_true(ld_growth_days(&g, now + 3600, 5000, 1000000) == UINT64_MAX);
	assert_true(ld_growth_days(&g, now + 3600, 4000, 1000000) == UINT64_MAX);
	/* 1000 bytes an hour, 24000 a day. */
	assert_true(ld_growth_days(&g, now + 3600, 6000, 240000) == 10);
	assert_true(ld_growth_days(&g, now + 3600, 6000, 23999) == 0);
	assert_true(ld_growth_days(&g, now + 3600, 6000, UINT64_MAX) == UINT64_MAX);
	/* A week of notes and no more; the oldest leave. */
	for (unsigned i = 1; i < 400; i++)
		assert_true(ld_growth_note(&g, now + i * LD_GROWTH_STEP_S, bytes + 10 * i));
	assert_int_equal(g.n, LD_GROWTH_SAMPLES);
	assert_true(g.v[0].at_s == now + (400 - LD_GROWTH_SAMPLES) * LD_GROWTH_STEP_S);
	/* The clock is set back: notes of the future go. */
	assert_true(ld_growth_note(&g, g.v[5].at_s - 1, bytes) || g.n == 5);
	assert_true(g.n <= 6 && g.v[g.n - 1].at_s <= now + 400 * LD_GROWTH_STEP_S);
}

static void test_growth_reads_what_is_well_formed(void **state)
{
	static struct ld_growth g;

	(void)state;
	ld_growth_parse(&g, "100 5\nrubbish\n90 7\n200 6\n-1 -1\n300");
	assert_int_equal(g.n, 2);
	assert_true(g.v[0].at_s == 100 && g.v[0].bytes == 5);
	assert_true(g.v[1].at_s == 200 && g.v[1].bytes == 6);
	ld_growth_parse(&g, "");
	assert_int_equal(g.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket_holds_a_minutes_worth),
		cmocka_unit_test(test_bucket_edges),
		cmocka_unit_test(test_accounts_are_apart),
		cmocka_unit_test(test_peers_make_room),
		cmocka_unit_test(test_rows_are_paid_after),
		cmocka_unit_test(test_nonces_serve_once),
		cmocka_unit_test(test_watermarks),
		cmocka_unit_test(test_growth_tells_the_days_that_are_left),
		cmocka_unit_test(test_growth_reads_what_is_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The daemon's parts are not in a library. */
#include "ledgerd/guard.c"

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
	struct ld_guard g;
	struct ld_rate rate;
	uint8_t addr[16] = {0};

	(void)state;
	assert_int_equal(ld_guard_init(&g), 0);
	assert_true(ld_guard_read(&g, addr, 1, 0, 1, &rate));
	assert_false(ld_guard_read(&g, addr, 1, 0, 2, &rate));
	/* Many others: the longest idle goes, the table never grows. */
	for (uint32_t i = 1; i <= 2 * LD_PEERS_MAX; i++) {
		memcpy(addr, &i, sizeof(i));
		assert_true(ld_guard_read(&g, addr, 1, 0, 2 + i, &rate));
	}
	assert_int_equal(g.npeers, LD_PEERS_MAX);
	assert_false(ld_guard_read(&g, addr, 1, 0, 3 + 2 * LD_PEERS_MAX, &rate));
	ld_guard_release(&g);
}

static void test_rows_are_paid_after(void **state)
{
	struct ld_guard g;
	struct ld_rate reads, rows = {.limit = 100};
	uint8_t addr[16] = {1};

	(void)state;
	assert_int_equal(ld_guard_init(&g), 0);
	assert_true(ld_guard_read(&g, addr, 0, 100, 1, &reads));
	ld_guard_rows(&g, addr, 100, 1000, 1); /* more than there was: nothing is left */
	assert_false(ld_guard_read(&g, addr, 0, 100, 2, &reads));
	assert_true(reads.retry_s > 0);
	reads.limit = 0;
	ld_guard_peer(&g, addr, 2, &reads, &rows);
	assert_int_equal(rows.left, 0);
	assert_true(ld_guard_read(&g, addr, 0, 100, 1000, &reads));
	ld_guard_release(&g);
}

static void test_watermarks(void **state)
{
	struct ld_guard g;

	(void)state;
	mkt_log_level(0);
	assert_int_equal(ld_guard_init(&g), 0);
	ld_guard_disk(&g, ".", 0, 0, 0, 0);
	assert_false(g.alarm || g.refuse);
	assert_true(g.free_bytes > 0 && g.free_bytes < UINT64_MAX);
	ld_guard_disk(&g, ".", UINT64_MAX, 0, 0, 0);
	assert_true(g.alarm && !g.refuse);
	ld_guard_disk(&g, ".", UINT64_MAX, UINT64_MAX, 0, 0);
	assert_true(g.alarm && g.refuse);
	ld_guard_disk(&g, ".", 0, 0, 0, 0);
	assert_false(g.alarm || g.refuse);
	/* Growth of an hour and more tells the days that are left. */
	assert_true(g.days_left == UINT64_MAX);
	ld_guard_disk(&g, ".", 0, 0, g.free_bytes / 24, 3600000);
	assert_true(g.days_left <= 1);
	ld_guard_release(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket_holds_a_minutes_worth),
		cmocka_unit_test(test_bucket_edges),
		cmocka_unit_test(test_accounts_are_apart),
		cmocka_unit_test(test_peers_make_room),
		cmocka_unit_test(test_rows_are_paid_after),
		cmocka_unit_test(test_watermarks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

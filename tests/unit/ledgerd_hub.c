#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "ledgerd/hub.c"

static void count(struct ld_waiter *w)
{
	++*(unsigned *)w->ctx;
}

static struct ld_waiter waiter(enum ld_wait_for what, uint64_t height, unsigned *woken)
{
	return (struct ld_waiter){
		.what = what, .height = height, .deadline_ms = 1000, .wake = count, .ctx = woken};
}

static void test_woken_once_at_its_height(void **state)
{
	struct ld_hub h;
	unsigned a = 0, b = 0, c = 0;
	struct ld_waiter wa = waiter(LD_APPENDED, 5, &a), wb = waiter(LD_APPENDED, 6, &b),
			 wc = waiter(LD_INDEXED, 5, &c);

	(void)state;
	ld_hub_init(&h, 3, 2);
	assert_true(ld_hub_wait(&h, &wa, 0));
	assert_true(ld_hub_wait(&h, &wb, 0));
	assert_true(ld_hub_wait(&h, &wc, 0));
	ld_hub_advance(&h, LD_APPENDED, 4);
	assert_int_equal(a + b + c, 0);
	ld_hub_advance(&h, LD_APPENDED, 5);
	assert_true(a == 1 && !b && !c);
	ld_hub_advance(&h, LD_APPENDED, 9);
	assert_true(a == 1 && b == 1 && !c);
	ld_hub_advance(&h, LD_INDEXED, 5);
	assert_int_equal(c, 1);
	assert_int_equal(ld_hub_height(&h, LD_APPENDED), 9);
	assert_int_equal(ld_hub_height(&h, LD_INDEXED), 5);
	ld_hub_release(&h);
}

static void test_nothing_to_wait_for(void **state)
{
	struct ld_hub h;
	unsigned n = 0;
	struct ld_waiter w = waiter(LD_APPENDED, 3, &n);

	(void)state;
	ld_hub_init(&h, 3, 3);
	assert_false(ld_hub_wait(&h, &w, 0)); /* true already */
	w.height = 4;
	assert_false(ld_hub_wait(&h, &w, 1000)); /* too late */
	ld_hub_stop(&h);
	assert_true(ld_hub_stopped(&h));
	assert_false(ld_hub_wait(&h, &w, 0));
	assert_int_equal(n, 0);
	ld_hub_release(&h);
}

static void test_deadline_leave_stop(void **state)
{
	struct ld_hub h;
	unsigned a = 0, b = 0, c = 0;
	struct ld_waiter wa = waiter(LD_APPENDED, 9, &a), wb = waiter(LD_APPENDED, 9, &b),
			 wc = waiter(LD_APPENDED, 9, &c);

	(void)state;
	ld_hub_init(&h, 0, 0);
	wb.deadline_ms = 2000;
	wc.deadline_ms = UINT64_MAX;
	assert_true(ld_hub_wait(&h, &wa, 0) && ld_hub_wait(&h, &wb, 0) && ld_hub_wait(&h, &wc, 0));
	ld_hub_tick(&h, 999);
	assert_int_equal(a, 0);
	ld_hub_tick(&h, 1000);
	assert_true(a == 1 && !b);
	ld_hub_leave(&h, &wb);
	ld_hub_leave(&h, &wb); /* twice is nothing */
	ld_hub_leave(&h, &wa);
	ld_hub_tick(&h, 5000);
	assert_true(!b && !c);
	ld_hub_stop(&h);
	assert_true(a == 1 && !b && c == 1);
	ld_hub_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_woken_once_at_its_height),
		cmocka_unit_test(test_nothing_to_wait_for),
		cmocka_unit_test(test_deadline_leave_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "core/app/par.h"

#define N 5000u

struct work {
	_Atomic unsigned calls[N];
	unsigned plain[N]; /* written without care: seen after mkt_par_wait() */
};

static void count(void *ctx, uint32_t ix)
{
	struct work *w = ctx;

	w->calls[ix]++;
	w->plain[ix] = ix + 1;
}

static void check(unsigned threads)
{
	struct work *w = calloc(1, sizeof(*w));
	struct mkt_par *p;
	struct mkt_err err;

	assert_int_equal(mkt_par_new(threads, &p, &err), 0);
	assert_true(mkt_par_threads(p) >= 1);
	mkt_par_wait(p); /* nothing was started */
	for (unsigned round = 1; round <= 20; round++) {
		uint32_t n = round % 3 ? N : round;

		memset(w, 0, sizeof(*w));
		mkt_par_start(p, n, count, w);
		mkt_par_wait(p);
		for (uint32_t i = 0; i < N; i++) {
			assert_int_equal(w->calls[i], i < n);
			assert_int_equal(w->plain[i], i < n ? i + 1 : 0);
		}
		mkt_par_start(p, 0, count, w);
		mkt_par_wait(p);
	}
	memset(w, 0, sizeof(*w));
	mkt_par_start(p, N, count, w);
	mkt_par_free(p); /* waits */
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(w->calls[i], 1);
	free(w);
}

static void every_index_is_called_once(void **state)
{
	(void)state;
	check(0);
	check(1);
	check(2);
	check(7);
}

static void no_pool_is_freed_in_peace(void **state)
{
	(void)state;
	mkt_par_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_index_is_called_once),
		cmocka_unit_test(no_pool_is_freed_in_peace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

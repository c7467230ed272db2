#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/agent/fixed.h"
#include "core/agent/forecast.h"
#include "tests/rng.h"

static void without_history_it_says_nothing(void **state)
{
	struct mkt_forecast f;
	uint32_t off = 7;

	(void)state;
	mkt_forecast_init(&f, 2);
	assert_int_equal(mkt_forecast(&f, &off), 0);
	assert_int_equal(off, 0);
	mkt_forecast_observe(&f, 120);
	for (unsigned way = 0; way < MKT_FORECAST_WAYS; way++)
		assert_int_equal(mkt_forecast_by(&f, way), 120); /* all there is */
}

/* Each way against the plain history, for every number of windows ahead that is used. */
static void each_way_says_what_it_promises(void **state)
{
	static uint32_t seen[MKT_FORECAST_KEEP + 3 * MKT_FORECAST_WEEK];
	struct rng r = rng_start("forecast");
	struct mkt_forecast f;

	(void)state;
	for (uint32_t ahead = 1; ahead <= 3; ahead++) {
		mkt_forecast_init(&f, ahead);
		for (uint32_t n = 0; n < MKT_ARRAY_SIZE(seen); n++) {
			uint32_t target = n + ahead, sum = 0, count = 0; /* after this observation */

			seen[n] = (uint32_t)rng_below(&r, 5000);
			mkt_forecast_observe(&f, seen[n]);
			assert_int_equal(mkt_forecast_by(&f, MKT_FORECAST_LAST), seen[n]);
			assert_int_equal(mkt_forecast_by(&f, MKT_FORECAST_YESTERDAY),
					 target >= MKT_FORECAST_DAY ? seen[target - MKT_FORECAST_DAY] : seen[n]);
			for (uint32_t w = 1; w <= 4 && target >= w * MKT_FORECAST_WEEK; w++) {
				sum += seen[target - w * MKT_FORECAST_WEEK];
				count++;
			}
			assert_int_equal(mkt_forecast_by(&f, MKT_FORECAST_WEEKDAY),
					 count ? (sum + count / 2) / count : seen[n]);
		}
	}
}

/* What the day before or the week before tells, the best way finds out. */
static void the_best_way_is_found(void **state)
{
	struct mkt_forecast f;
	uint32_t off;

	(void)state;
	mkt_forecast_init(&f, 2);
	for (uint32_t n = 0; n < 5 * MKT_FORECAST_DAY; n++)
		mkt_forecast_observe(&f, n % MKT_FORECAST_DAY * 100);
	assert_int_equal(mkt_forecast_best_way(&f), MKT_FORECAST_YESTERDAY);
	assert_int_equal(mkt_forecast(&f, &off), 100);
	assert_true(off < 100); /* the day it had to learn on fades */

	mkt_forecast_init(&f, 2);
	for (uint32_t n = 0; n < 5 * MKT_FORECAST_WEEK; n++)
		mkt_forecast_observe(&f, n / MKT_FORECAST_DAY % 7 * 1000 + n % MKT_FORECAST_DAY);
	assert_int_equal(mkt_forecast_best_way(&f), MKT_FORECAST_WEEKDAY);
	assert_int_equal(mkt_forecast(&f, &off), 1);
	assert_int_equal(off, 0);

	mkt_forecast_init(&f, 2);
	for (uint32_t n = 0; n < 3 * MKT_FORECAST_DAY; n++)
		mkt_forecast_observe(&f, n * 10); /* ever more: the last one is nearest */
	assert_int_equal(mkt_forecast_best_way(&f), MKT_FORECAST_LAST);
	assert_int_equal(mkt_forecast(&f, &off), (3 * MKT_FORECAST_DAY - 1) * 10);
	assert_in_range(off, 10, 20);
}

static void sine_is_a_sine(void **state)
{
	static const struct {
		uint32_t degrees;
		int32_t q16;
	} known[] = {
		{0, 0}, {15, 16962}, {30, 32768}, {45, 46341}, {60, 56756}, {90, 65536}, {150, 32768},
		{180, 0}, {210, -32768}, {270, -65536}, {345, -16962},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(known); i++) {
		uint32_t turn = (uint32_t)(((uint64_t)known[i].degrees << 32) / 360);
		int32_t d = mkt_sin_q16(turn) - known[i].q16;

		assert_true(d >= -1 && d <= 1);
		d = mkt_cos_q16(turn - 0x40000000u) - known[i].q16;
		assert_true(d >= -1 && d <= 1);
	}
	for (uint32_t i = 0; i < 4096; i++) {
		int64_t s = mkt_sin_q16(i << 20), c = mkt_cos_q16(i << 20), one = s * s + c * c;

		assert_in_range(one, (65536LL - 2) * (65536 - 2), (65536LL + 2) * (65536 + 2));
	}
}

static void noise_has_the_spread_it_says(void **state)
{
	const int64_t n = 100000;
	int64_t sum = 0, sum2 = 0, slow = 0, slow2 = 0;

	(void)state;
	for (int64_t i = 0; i < n; i++) {
		int64_t z = mkt_noise_normal(mkt_noise(5, 6, (uint64_t)i));
		int64_t y = mkt_noise_slow(5, 7, (uint64_t)i, 8);

		sum += z;
		sum2 += z * z / 65536;
		slow += y;
		slow2 += y * y / 65536;
	}
	assert_in_range(sum / n + 1000, 0, 2000);
	assert_in_range(sum2 / n, 65536 * 97 / 100, 65536 * 103 / 100);
	assert_in_range(slow / n + 2000, 0, 4000);
	assert_in_range(slow2 / n, 65536 * 94 / 100, 65536 * 106 / 100);
	assert_int_equal(mkt_noise(1, 2, 3), mkt_noise(1, 2, 3));
	assert_int_not_equal(mkt_noise(1, 2, 3), mkt_noise(1, 3, 2));
	assert_int_not_equal(mkt_noise(1, 2, 3), mkt_noise(2, 2, 3));
}

static void quantiles_are_lines_between(void **state)
{
	struct mkt_quantiles q = {{-6, -5, -4, -3, -2, -1, 0, 100, 200, 300, 400, 500, 600}};

	(void)state;
	assert_int_equal(mkt_quantile(&q, 0), 0);
	assert_int_equal(mkt_quantile(&q, MKT_Q16 / 4), 50);
	assert_int_equal(mkt_quantile(&q, MKT_Q16), 200);
	assert_int_equal(mkt_quantile(&q, -3 * MKT_Q16), -6);
	assert_int_equal(mkt_quantile(&q, -30000 * 60), -6);
	assert_int_equal(mkt_quantile(&q, 3 * MKT_Q16), 600);
	assert_int_equal(mkt_quantile(&q, INT32_MAX), 600);
	assert_int_equal(mkt_quantile(&q, INT32_MIN), -6);
}

/* Residuals are what was said then, recounted from an own list. */
static void what_was_off_is_told(void **state)
{
	static struct mkt_forecast f;
	static uint32_t all[3000];
	int32_t off;

	(void)state;
	mkt_forecast_init(&f, 2);
	assert_false(mkt_forecast_off(&f, MKT_FORECAST_LAST, 0, &off));
	for (uint32_t i = 0; i < 3000; i++) {
		all[i] = i * 2654435761u >> 20;
		mkt_forecast_observe(&f, all[i]);
	}
	for (int64_t i = 3000 - MKT_FORECAST_KEEP + MKT_FORECAST_WEEK; i < 3000; i++) {
		assert_true(mkt_forecast_off(&f, MKT_FORECAST_LAST, i, &off));
		assert_int_equal(off, (int32_t)(all[i] - all[i - 2]));
		assert_true(mkt_forecast_off(&f, MKT_FORECAST_YESTERDAY, i, &off));
		assert_int_equal(off, (int32_t)(all[i] - all[i - 48]));
		assert_true(mkt_forecast_off(&f, MKT_FORECAST_WEEKDAY, i, &off));
	}
	assert_false(mkt_forecast_off(&f, MKT_FORECAST_LAST, 3000, &off));
	assert_false(mkt_forecast_off(&f, MKT_FORECAST_LAST, 3000 - MKT_FORECAST_KEEP - 1, &off));
	assert_false(mkt_forecast_off(&f, MKT_FORECAST_YESTERDAY, 3000 - MKT_FORECAST_KEEP, &off));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_off_is_told),
		cmocka_unit_test(without_history_it_says_nothing),
		cmocka_unit_test(each_way_says_what_it_promises),
		cmocka_unit_test(the_best_way_is_found),
		cmocka_unit_test(sine_is_a_sine),
		cmocka_unit_test(noise_has_the_spread_it_says),
		cmocka_unit_test(quantiles_are_lines_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

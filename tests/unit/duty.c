/* Duties: records make the state, whatever is cut off the end; figures of reports. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/device/duty.h"
#include "tests/rng.h"

#define W 1795397400ull
#define AT 1795397400000ull

static void apply(struct mkt_duties *d, struct mkt_buf *r)
{
	struct mkt_err err = {0};

	assert_int_equal(mkt_duties_apply(d, r->data, r->len, &err), 0);
	mkt_buf_release(r);
}

static void contract(struct mkt_duties *d, uint64_t exec, unsigned dir, uint32_t wh)
{
	struct mkt_duty_contract c = {.exec = exec, .wh = wh};
	struct mkt_buf r = MKT_BUF_INIT;

	mkt_duty_put_contract(&r, AT, W, dir, &c);
	apply(d, &r);
}

static void reading(struct mkt_duties *d, const char *kind, const char *dev, uint64_t import_wh,
		    uint64_t export_wh)
{
	struct mkt_duty_reading v = {.window_s = W,
				     .dev = dev,
				     .charger = dev,
				     .wh = {import_wh, export_wh},
				     .exact = true};
	struct mkt_buf r = MKT_BUF_INIT;

	mkt_duty_put_reading(&r, AT, kind, &v);
	apply(d, &r);
}

static void figures_in_contract_order(void **state)
{
	struct mkt_duties d = MKT_DUTIES_INIT;
	struct mkt_duty_figure f[3];
	struct mkt_buf r = MKT_BUF_INIT;
	const struct mkt_duty *w;

	(void)state;
	contract(&d, 9, 0, 300);
	contract(&d, 7, 0, 500);
	contract(&d, 8, 0, 200);
	contract(&d, 7, 0, 500); /* told twice */
	reading(&d, "begin", "ev-1", 1000, 0);
	reading(&d, "begin", "ev-2", 50, 0);
	reading(&d, "mark", "ev-1", 1300, 0);
	reading(&d, "end", "ev-1", 1600, 0);
	reading(&d, "end", "ev-2", 200, 0);
	reading(&d, "mark", "ev-1", 9999, 0); /* after its end */
	w = mkt_duties_find(&d, W);
	assert_non_null(w);
	assert_int_equal(mkt_duty_wh(w, 0), 1000);
	assert_int_equal(mkt_duty_metered(w, 0), 750);
	assert_int_equal(mkt_duty_figures(w, 0, f), 3);
	assert_int_equal(f[0].exec, 7);
	assert_int_equal(f[0].wh, 500);
	assert_string_equal(f[0].charger, "ev-1");
	assert_int_equal(f[1].wh, 200);
	assert_string_equal(f[1].charger, "ev-1");
	assert_int_equal(f[2].wh, 50);
	assert_string_equal(f[2].charger, "ev-2");
	assert_true(mkt_duty_exact(w));
	/* One that somebody else reported has no line, but keeps its part. */
	mkt_duty_put_closed(&r, AT, 7, 0);
	apply(&d, &r);
	assert_int_equal(mkt_duty_figures(w, 0, f), 2);
	assert_int_equal(f[0].exec, 8);
	assert_int_equal(f[0].wh, 200);
	assert_int_equal(f[1].wh, 50);
	mkt_duties_release(&d);
}

static void more_than_contracted_is_told(void **state)
{
	struct mkt_duties d = MKT_DUTIES_INIT;
	struct mkt_duty_figure f[2];

	(void)state;
	contract(&d, 1, 1, 100);
	contract(&d, 2, 1, 100);
	reading(&d, "begin", "bat", 0, 0);
	reading(&d, "end", "bat", 40, 230);
	assert_int_equal(mkt_duty_figures(mkt_duties_find(&d, W), 1, f), 2);
	assert_int_equal(f[0].wh, 100);
	assert_int_equal(f[1].wh, 130);
	mkt_duties_release(&d);
}

static void a_replaced_meter(void **state)
{
	struct mkt_duties d = MKT_DUTIES_INIT, again = MKT_DUTIES_INIT;
	struct mkt_buf all = MKT_BUF_INIT;
	struct mkt_err err = {0};

	(void)state;
	contract(&d, 1, 0, 1000);
	reading(&d, "begin", "ev", 5000, 0);
	reading(&d, "mark", "ev", 5300, 0);
	reading(&d, "mark", "ev", 10, 0);
	reading(&d, "mark", "ev", 110, 0);
	assert_int_equal(mkt_duty_metered(mkt_duties_find(&d, W), 0), 400);
	mkt_duties_dump(&d, AT, &all);
	for (char *p = (char *)all.data, *nl; p && (nl = strchr(p, '\n')); p = nl + 1)
		assert_int_equal(mkt_duties_apply(&again, p, (size_t)(nl - p), &err), 0);
	assert_int_equal(mkt_duty_metered(mkt_duties_find(&again, W), 0), 400);
	reading(&again, "end", "ev", 150, 0);
	assert_int_equal(mkt_duty_metered(mkt_duties_find(&again, W), 0), 440);
	mkt_buf_release(&all);
	mkt_duties_release(&d);
	mkt_duties_release(&again);
}

static void at(struct mkt_duties *d, const char *kind, unsigned after_s, uint64_t import_wh)
{
	struct mkt_duty_reading v = {.window_s = W,
				     .dev = "ev",
				     .charger = "ev",
				     .wh = {import_wh, 0},
				     .rated_w = 36000,
				     .step_wh = 1,
				     .exact = true};
	struct mkt_buf r = MKT_BUF_INIT;

	mkt_duty_put_reading(&r, AT + after_s * 1000, kind, &v);
	apply(d, &r);
}

/* A counter goes on over its end; what no device can have moved is another meter. */
static void a_meter_that_jumps(void **state)
{
	static const struct {
		uint64_t begin, mark, end, wh;
		unsigned end_s;
	} cases[] = {
		{99900, 99990, 20, 120, 60},
		{999999290, 999999990, 45, 755, 60},
		{4294967000, 4294967290, 4, 300, 60},
		{42949672200, 42949672950, 40, 800, 60},
		{999998800, 999999000, 45, 200, 60},   /* 1 kWh in no time */
		{999998800, 999999000, 45, 1245, 160}, /* but not in 100 s */
		{5000, 5800, 3, 800, 60},
		{UINT64_C(4000000000000000), UINT64_C(4000000000000100), 3, 100, 60},
		{1000, 1800, 2900, 800, 60},
		{1000, 1800, 2900, 1900, 160},
		{1000, 1100, 1500, 500, 60}, /* one reading may be late */
		{0, 800, 999999300, 800, 1800},
		{0, 800, 1500, 1500, 30}, /* a clock that was set back */
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(cases); i++) {
		struct mkt_duties d = MKT_DUTIES_INIT, again = MKT_DUTIES_INIT;
		struct mkt_buf all = MKT_BUF_INIT;
		struct mkt_err err = {0};

		contract(&d, 1, 0, 5000);
		at(&d, "begin", 0, cases[i].begin);
		at(&d, "mark", 60, cases[i].mark);
		mkt_duties_dump(&d, AT, &all);
		for (char *p = (char *)all.data, *nl; p && (nl = strchr(p, '\n')); p = nl + 1)
			assert_int_equal(mkt_duties_apply(&again, p, (size_t)(nl - p), &err), 0);
		at(&d, "end", cases[i].end_s, cases[i].end);
		at(&again, "end", cases[i].end_s, cases[i].end);
		assert_int_equal(mkt_duty_metered(mkt_duties_find(&d, W), 0), cases[i].wh);
		assert_int_equal(mkt_duty_metered(mkt_duties_find(&again, W), 0), cases[i].wh);
		mkt_buf_release(&all);
		mkt_duties_release(&d);
		mkt_duties_release(&again);
	}
}

static void life_of_a_report(void **state)
{
	struct mkt_duties d = MKT_DUTIES_INIT;
	struct mkt_buf r = MKT_BUF_INIT;
	uint8_t id[16] = {1, 2, 3};
	struct mkt_duty *w;

	(void)state;
	contract(&d, 1, 0, 100);
	w = mkt_duties_find(&d, W);
	assert_false(mkt_duty_over(w));
	assert_int_equal(mkt_duties_next_ms(&d, AT - 1), AT);
	assert_true(mkt_duties_next_ms(&d, AT) == MKT_PLAN_NEVER);
	mkt_duty_put_report(&r, AT, W, 0, id);
	apply(&d, &r);
	assert_int_equal(w->side[0].report, MKT_DUTY_SENT);
	assert_memory_equal(w->side[0].request, id, 16);
	mkt_duties_trim(&d, UINT64_MAX);
	assert_int_equal(d.n, 1);
	mkt_duty_put_reported(&r, AT, W, 0, 77);
	apply(&d, &r);
	assert_true(mkt_duty_over(mkt_duties_find(&d, W)));
	mkt_duties_trim(&d, W);
	assert_int_equal(d.n, 1);
	mkt_duties_trim(&d, W + 1);
	assert_int_equal(d.n, 0);
	mkt_duties_release(&d);
}

static void wills_and_site(void **state)
{
	struct mkt_duties d = MKT_DUTIES_INIT;
	struct mkt_duty_will will = {.dev = "ev-03", .stopped = true, .limit = 10000};
	struct mkt_buf r = MKT_BUF_INIT;
	uint8_t chain[8] = {9};

	(void)state;
	mkt_duty_put_will(&r, AT, &will);
	apply(&d, &r);
	will.stopped = false;
	mkt_duty_put_will(&r, AT, &will);
	apply(&d, &r);
	assert_int_equal(d.nwills, 1);
	assert_false(mkt_duties_will(&d, "ev-03")->stopped);
	assert_int_equal(mkt_duties_will(&d, "ev-03")->limit, 10000);
	assert_null(mkt_duties_will(&d, "ev-04"));
	mkt_duty_put_site(&r, AT, chain, 42);
	apply(&d, &r);
	assert_true(d.has_site && d.account == 42 && d.chain[0] == 9);
	mkt_duty_put_cursor(&r, AT, "18231:4");
	apply(&d, &r);
	assert_string_equal(d.cursor, "18231:4");
	mkt_duty_put_note(&r, AT, NULL, 0, "a sentence");
	apply(&d, &r);
	mkt_duties_release(&d);
}

/* One exec id in two windows: closing it would close both, or one, by the order of records. */
static void a_contract_has_one_window(void **state)
{
	struct mkt_duty_contract c = {.exec = 7, .wh = 500};
	struct mkt_duties d = MKT_DUTIES_INIT;
	struct mkt_buf r = MKT_BUF_INIT;
	struct mkt_err err = {0};

	(void)state;
	contract(&d, 7, 0, 500);
	mkt_duty_put_contract(&r, AT, W + 1800, 0, &c);
	assert_int_equal(mkt_duties_apply(&d, r.data, r.len, &err), -MKT_EINVAL);
	assert_null(mkt_duties_find(&d, W + 1800));
	mkt_buf_release(&r);
	mkt_duties_release(&d);
}

static void what_is_no_record(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"k\":1}",
		"{\"k\":\"contract\"}",
		"{\"k\":\"contract\",\"exec\":1,\"window\":5,\"dir\":2,\"wh\":1}",
		"{\"k\":\"contract\",\"exec\":1,\"window\":5,\"dir\":0,\"wh\":5000000000}",
		"{\"k\":\"report\",\"window\":5,\"dir\":0,\"request\":\"12\"}",
	};
	struct mkt_duties d = MKT_DUTIES_INIT;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++)
		assert_true(mkt_duties_apply(&d, bad[i], strlen(bad[i]), NULL) < 0);
	assert_int_equal(mkt_duties_apply(&d, "{\"k\":\"newer\"}", 13, NULL), 0);
	assert_int_equal(d.n, 0);
	mkt_duties_release(&d);
}

/* One random change as a record. */
static void random_record(struct rng *r, struct mkt_buf *out)
{
	static const char *const devs[] = {"ev-1", "ev-2", "bat"};
	uint64_t window = W + rng_below(r, 5) * 1800;
	struct mkt_duty_contract c = {.exec = 1 + rng_below(r, 40),
				      .wh = (uint32_t)rng_below(r, 5000)};
	struct mkt_duty_reading v = {.window_s = window,
				     .dev = devs[rng_below(r, 3)],
				     .charger = "p07c1",
				     .wh = {rng_below(r, 9000), rng_below(r, 9000)},
				     .exact = rng_below(r, 2)};
	uint8_t id[16];

	memset(id, (int)rng_below(r, 256), sizeof(id));
	switch (rng_below(r, 8)) {
	case 0:
		mkt_duty_put_closed(out, AT, c.exec, (unsigned)rng_below(r, 2));
		break;
	case 1:
		mkt_duty_put_reading(out, AT, "begin", &v);
		break;
	case 2:
		mkt_duty_put_reading(out, AT + 5, "mark", &v);
		break;
	case 3:
		mkt_duty_put_reading(out, AT + 9, "end", &v);
		break;
	case 4:
		mkt_duty_put_report(out, AT, window, (unsigned)rng_below(r, 2), id);
		break;
	case 5:
		mkt_duty_put_reported(out, AT, window, (unsigned)rng_below(r, 2), 3);
		break;
	default:
		mkt_duty_put_contract(out, AT, window, (unsigned)rng_below(r, 2), &c);
		break;
	}
}

/* What is dumped makes the same state. */
static void dumped_and_read(void **state)
{
	struct rng r = rng_start("duty");

	(void)state;
	for (unsigned n = 0; n < 300; n++) {
		struct mkt_duties d = MKT_DUTIES_INIT, again = MKT_DUTIES_INIT;
		struct mkt_buf all = MKT_BUF_INIT, twice = MKT_BUF_INIT;
		struct mkt_err err = {0};

		for (uint64_t k = rng_below(&r, 60); k; k--) {
			struct mkt_buf one = MKT_BUF_INIT;

			random_record(&r, &one);
			(void)!mkt_duties_apply(&d, one.data, one.len, NULL);
			mkt_buf_release(&one);
		}
		mkt_duties_dump(&d, AT, &all);
		for (const char *p = mkt_buf_str(&all), *nl; (nl = strchr(p, '\n')); p = nl + 1)
			assert_int_equal(mkt_duties_apply(&again, p, (size_t)(nl - p), &err), 0);
		mkt_duties_dump(&again, AT, &twice);
		assert_string_equal(mkt_buf_str(&all), mkt_buf_str(&twice));
		for (uint32_t i = 0; i < d.n; i++)
			for (unsigned dir = 0; dir < 2 && again.n == d.n; dir++)
				assert_int_equal(mkt_duty_metered(&d.v[i], dir),
						 mkt_duty_metered(&again.v[i], dir));
		mkt_buf_release(&all);
		mkt_buf_release(&twice);
		mkt_duties_release(&d);
		mkt_duties_release(&again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_in_contract_order),
		cmocka_unit_test(more_than_contracted_is_told),
		cmocka_unit_test(a_replaced_meter),
		cmocka_unit_test(a_meter_that_jumps),
		cmocka_unit_test(life_of_a_report),
		cmocka_unit_test(wills_and_site),
		cmocka_unit_test(a_contract_has_one_window),
		cmocka_unit_test(what_is_no_record),
		cmocka_unit_test(dumped_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

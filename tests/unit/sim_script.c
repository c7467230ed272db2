/* Scripts of simulators, and what faults do to frames. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "drivers/sim/faults.h"
#include "drivers/sim/script.h"
#include "drivers/sim/sim.h"
#include "tests/rng.h"

#define NOW 1700000000000u

static void lines_are_read(void **state)
{
	static const struct {
		const char *line;
		int r;
		uint64_t at_ms;
		uint16_t unit;
		const char *verb, *rest;
	} rows[] = {
		{"", 0, 0, 0, NULL, NULL},
		{"  # nothing", 0, 0, 0, NULL, NULL},
		{"unplug", 1, NOW, 0, "unplug", ""},
		{" plug  soc=300\tmax=16000 # a car\n", 1, NOW, 0, "plug", "soc=300 max=16000"},
		{"@1700000100 unplug", 1, NOW + 100000, 0, "unplug", ""},
		{"@+2.5 unit=3 soc 700", 1, NOW + 2500, 3, "soc", "700"},
		{"@+0.007 quit", 1, NOW + 7, 0, "quit", ""},
		{"@soon unplug", -MKT_EUSAGE, 0, 0, NULL, NULL},
		{"@ unplug", -MKT_EUSAGE, 0, 0, NULL, NULL},
		{"@+ unplug", -MKT_EUSAGE, 0, 0, NULL, NULL},
		{"@+1.2345 unplug", -MKT_EUSAGE, 0, 0, NULL, NULL},
		{"@99999999999999999999 unplug", -MKT_EUSAGE, 0, 0, NULL, NULL},
		{"unit=0 unplug", -MKT_EUSAGE, 0, 0, NULL, NULL},
		{"unit=70000 unplug", -MKT_EUSAGE, 0, 0, NULL, NULL},
		{"@+1", -MKT_EUSAGE, 0, 0, NULL, NULL},
		{"unit=2 # nobody", -MKT_EUSAGE, 0, 0, NULL, NULL},
		{"averyveryverylongverbindeed", -MKT_EUSAGE, 0, 0, NULL, NULL},
	};
	struct sim_event e;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		int r = sim_script_parse(rows[i].line, strlen(rows[i].line), NOW, &e, &err);

		if (r != rows[i].r)
			fail_msg("'%s' gives %d, not %d", rows[i].line, r, rows[i].r);
		if (r <= 0)
			continue;
		assert_int_equal(e.at_ms, rows[i].at_ms);
		assert_int_equal(e.unit, rows[i].unit);
		assert_string_equal(e.verb, rows[i].verb);
		assert_string_equal(e.rest, rows[i].rest);
	}
	assert_int_equal(sim_script_parse("a\0b", 3, NOW, &e, &err), -MKT_EUSAGE);
}

static void arguments_are_found(void **state)
{
	static const char *const names[] = {"capacity", "soc", NULL};
	uint64_t v = 7;

	(void)state;
	assert_true(sim_arg("capacity=40000 soc=300", "soc", &v));
	assert_int_equal(v, 300);
	assert_false(sim_arg("capacity=40000 xsoc=300 soc=", "soc", &v));
	assert_false(sim_arg("soc=12a", "soc", &v));
	assert_int_equal(v, 300);
	assert_int_equal(sim_args_check("soc=1 capacity=2", names, NULL), 0);
	assert_int_equal(sim_args_check("soc=1 size=2", names, NULL), -MKT_EUSAGE);
	assert_int_equal(sim_args_check("soc", names, NULL), -MKT_EUSAGE);
}

static void events_come_in_order(void **state)
{
	struct rng r = rng_start("sim_script");
	struct sim_events q = {0};
	struct sim_event e = {.verb = "x"}, last = {0};

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		e.at_ms = rng_below(&r, 50);
		snprintf(e.rest, sizeof(e.rest), "%u", i);
		assert_int_equal(sim_events_add(&q, &e, NULL), 0);
	}
	assert_false(sim_events_take(&q, 0, &e) && e.at_ms > 0);
	while (sim_events_take(&q, 49, &e)) {
		assert_true(e.at_ms >= last.at_ms);
		if (e.at_ms == last.at_ms && *last.rest)
			assert_true(strtoul(e.rest, NULL, 10) > strtoul(last.rest, NULL, 10));
		last = e;
	}
	assert_int_equal(q.n, 0);
	assert_int_equal(sim_events_next(&q), UINT64_MAX);
	sim_events_release(&q);
}

static void events_are_bounded(void **state)
{
	struct sim_events q = {0};
	struct sim_event e = {.verb = "x"};

	(void)state;
	for (unsigned i = 0; i < SIM_EVENTS_MAX; i++)
		assert_int_equal(sim_events_add(&q, &e, NULL), 0);
	assert_int_equal(sim_events_add(&q, &e, NULL), -MKT_ELIMIT);
	sim_events_release(&q);
}

/* ---- faults -------------------------------------------------------------------------------- */

static void faults_strike_as_told(void **state)
{
	struct sim_faults f = {.random = 1};
	unsigned hits = 0;
	uint32_t arg = 0;

	(void)state;
	assert_int_equal(sim_faults_add(&f, 2, "late=700 every=3 count=2", 1000, NULL), 0);
	for (int i = 0; i < 20; i++) {
		assert_false(sim_faults_strike(&f, 1, "late", 1000, &arg));
		assert_false(sim_faults_strike(&f, 2, "half", 1000, &arg));
		hits += sim_faults_strike(&f, 2, "late", 1000, &arg);
		assert_int_equal(hits, i < 2 ? 0 : i < 5 ? 1 : 2);
	}
	assert_int_equal(arg, 700);
	assert_int_equal(f.n, 0); /* forgotten at the next look */
	assert_int_equal(sim_faults_add(&f, 0, "silence for=5", 1000, NULL), 0);
	assert_true(sim_faults_strike(&f, 9, "silence", 5999, NULL));
	assert_false(sim_faults_strike(&f, 9, "silence", 6000, NULL));
	assert_int_equal(f.n, 0);
	assert_int_equal(sim_faults_add(&f, 1, "noise", 0, NULL), 0);
	assert_int_equal(sim_faults_add(&f, 2, "noise", 0, NULL), 0);
	sim_faults_clear(&f, 1);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.v[0].unit, 2);
	sim_faults_clear(&f, 0);
	assert_int_equal(f.n, 0);
	assert_int_equal(sim_faults_add(&f, 1, "", 0, NULL), -MKT_EUSAGE);
	assert_int_equal(sim_faults_add(&f, 1, "late=x", 0, NULL), -MKT_EUSAGE);
	assert_int_equal(sim_faults_add(&f, 1, "noise often", 0, NULL), -MKT_EUSAGE);
}

/* All pieces one after the other; *@pieces: how many. */
static size_t collect(struct sim_queue *q, uint8_t *out, unsigned *pieces, uint64_t *last_ms)
{
	const uint8_t *bytes;
	size_t n, len = 0;

	*pieces = 0;
	*last_ms = 0;
	while (q->n) {
		assert_true(q->v[0].due_ms >= *last_ms);
		*last_ms = q->v[0].due_ms;
		assert_null(sim_queue_first(q, *last_ms - 1, &n));
		bytes = sim_queue_first(q, *last_ms, &n);
		assert_non_null(bytes);
		memcpy(out + len, bytes, n);
		len += n;
		++*pieces;
		sim_queue_drop(q);
	}
	return len;
}

static void faults_change_frames(void **state)
{
	static const char frame[] = "$OK 16^07\r";
	static const size_t size = sizeof(frame) - 1;
	static struct sim_queue q;
	struct sim_faults f = {.random = 1};
	uint8_t out[8192];
	unsigned pieces, differ = 0;
	uint64_t last;
	size_t n;

	(void)state;
#define RUN(fault, serial)                                                                         \
	do {                                                                                       \
		sim_faults_clear(&f, 0);                                                           \
		assert_int_equal(sim_faults_add(&f, 0, fault, 0, NULL), 0);                        \
		sim_faults_frame(&f, 1, serial, frame, size, 1000, &q);                            \
		n = collect(&q, out, &pieces, &last);                                              \
	} while (0)
	RUN("busy", true);
	assert_int_equal(n, size);
	assert_int_equal(pieces, 1);
	RUN("silence", true);
	assert_int_equal(n, 0);
	RUN("half", true);
	assert_int_equal(n, size / 2);
	RUN("split", true);
	assert_int_equal(pieces, size);
	assert_memory_equal(out, frame, size);
	RUN("late=700", true);
	assert_int_equal(last, 1700);
	RUN("noise", true);
	assert_true(n > size);
	assert_memory_equal(out + n - size, frame, size);
	RUN("checksum", true);
	assert_int_equal(n, size);
	for (size_t i = 0; i < size; i++)
		differ += out[i] != (uint8_t)frame[i];
	assert_int_equal(differ, 1);
	RUN("checksum", false);
	assert_int_equal(n, 0);
	RUN("split", false);
	assert_int_equal(pieces, 1);
#undef RUN
	mkt_buf_release(&q.bytes);
}

static void long_frames_are_cut_coarsely(void **state)
{
	static struct sim_queue q;
	struct sim_faults f = {.random = 1};
	uint8_t frame[3000], out[8192];
	unsigned pieces;
	uint64_t last;

	(void)state;
	memset(frame, 'x', sizeof(frame));
	assert_int_equal(sim_faults_add(&f, 0, "split", 0, NULL), 0);
	sim_faults_frame(&f, 1, true, frame, sizeof(frame), 1000, &q);
	assert_int_equal(collect(&q, out, &pieces, &last), sizeof(frame));
	assert_in_range(pieces, 32, 64);
	mkt_buf_release(&q.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read),
		cmocka_unit_test(arguments_are_found),
		cmocka_unit_test(events_come_in_order),
		cmocka_unit_test(events_are_bounded),
		cmocka_unit_test(faults_strike_as_told),
		cmocka_unit_test(faults_change_frames),
		cmocka_unit_test(long_frames_are_cut_coarsely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Traces: what is written reads back; what people type by hand is read as well;
 * everything else is refused with its column.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "drivers/link.h"
#include "tests/rng.h"

static void test_worked(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	assert_int_equal(drv_trace_line(&b, 1000, 13345, '>', "$GV\r", 4), 0);
	assert_string_equal(mkt_buf_str(&b), "12.345 > 24 47 56 0D  |$GV.|\n");
	mkt_buf_clear(&b);
	assert_int_equal(drv_trace_line(&b, 1000, 999, '#', "line /dev/ttyUSB0\n", 18), 0);
	assert_string_equal(mkt_buf_str(&b), "0.000 # line /dev/ttyUSB0.\n");
	mkt_buf_release(&b);
}

static void check_good(const char *line, uint64_t at_ms, char dir, const char *bytes, size_t n)
{
	struct drv_trace_entry e;
	struct mkt_err err;

	assert_int_equal(drv_trace_parse(line, strlen(line), &e, &err), 1);
	assert_int_equal(e.at_ms, at_ms);
	assert_int_equal(e.dir, dir);
	assert_int_equal(e.n, n);
	assert_memory_equal(e.bytes, bytes, n);
}

static void test_read(void **state)
{
	struct drv_trace_entry e;

	(void)state;
	check_good("12.345 > 24 47 56 0D  |$GV.|\n", 12345, '>', "$GV\r", 4);
	check_good("0 < 2447560d", 0, '<', "$GV\r", 4);
	check_good("  7.5\t< 24  47\t560D\r\n", 7500, '<', "$GV\r", 4);
	check_good("1.2345 <", 1234, '<', "", 0);
	check_good("1.000 > 7C 7C  ||||", 1000, '>', "||", 2);
	check_good("0.001 # line tcp:[::1]:502", 1, '#', "line tcp:[::1]:502", 18);
	assert_int_equal(drv_trace_parse("", 0, &e, NULL), 0);
	assert_int_equal(drv_trace_parse("   \n", 4, &e, NULL), 0);
	assert_int_equal(drv_trace_parse("; by hand", 9, &e, NULL), 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *text;
	} bad[] = {
		{"x", "column 1: a time in seconds is expected"},
		{"1.0 ! 24", "column 5: '>', '<' or '#' is expected"},
		{"1.0", "column 4: '>', '<' or '#' is expected"},
		{"1.0 > 2", "column 7: two hexadecimal digits are expected"},
		{"1.0 > 24 4g", "column 10: two hexadecimal digits are expected"},
		{"99999999999999999999 > 24", "column 14: the time is too large"},
	};
	struct drv_trace_entry e;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		assert_int_equal(drv_trace_parse(bad[i].line, strlen(bad[i].line), &e, &err),
				 -MKT_EINVAL);
		assert_string_equal(err.text, bad[i].text);
	}
}

static void test_longest(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;
	uint8_t frame[DRV_FRAME_MAX];
	struct drv_trace_entry e;
	struct mkt_err err;

	(void)state;
	memset(frame, 0xa5, sizeof(frame));
	assert_int_equal(drv_trace_line(&b, 0, 1, '<', frame, sizeof(frame)), 0);
	assert_int_equal(drv_trace_parse(mkt_buf_str(&b), b.len, &e, &err), 1);
	assert_int_equal(e.n, DRV_FRAME_MAX);
	mkt_buf_clear(&b);
	mkt_buf_addstr(&b, "1 <");
	for (int i = 0; i <= DRV_FRAME_MAX; i++)
		mkt_buf_addstr(&b, " 00");
	assert_int_equal(drv_trace_parse(mkt_buf_str(&b), b.len, &e, &err), -MKT_EINVAL);
	mkt_buf_release(&b);
}

static void test_round_trip(void **state)
{
	struct rng r = rng_start("trace");
	struct mkt_buf b = MKT_BUF_INIT;
	struct drv_trace_entry e;
	struct mkt_err err;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		uint8_t bytes[300];
		size_t n = (size_t)rng_below(&r, sizeof(bytes));
		uint64_t at_ms = rng_below(&r, 1u << 30);
		char dir = rng_below(&r, 2) ? '>' : '<';

		for (size_t k = 0; k < n; k++)
			bytes[k] = (uint8_t)rng_u64(&r);
		mkt_buf_clear(&b);
		assert_int_equal(drv_trace_line(&b, 0, at_ms, dir, bytes, n), 0);
		assert_int_equal(drv_trace_parse(mkt_buf_str(&b), b.len, &e, &err), 1);
		assert_int_equal(e.at_ms, at_ms);
		assert_int_equal(e.dir, dir);
		assert_int_equal(e.n, n);
		assert_memory_equal(e.bytes, bytes, n);
	}
	mkt_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worked),	   cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),	   cmocka_unit_test(test_longest),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

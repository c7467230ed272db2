/* Lines of mkt-driverd's protocol, and its requests. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/device/line.h"
#include "drivers/proto.h"
#include "tests/rng.h"

static int split(struct mkt_line *l, const char *text)
{
	struct mkt_err err = {0};
	int rc = mkt_line_split(l, text, strlen(text), &err);

	assert_true(rc >= 0 || err.text[0]);
	return rc;
}

static void words_and_values(void **state)
{
	struct mkt_line l;
	char out[32];
	uint64_t n = 0;

	(void)state;
	assert_int_equal(split(&l, "state ev-03 ready age=12 error=no%20answer%25 x="), 0);
	assert_int_equal(l.n, 6);
	assert_string_equal(l.word[2], "ready");
	assert_string_equal(mkt_line_get(&l, "age"), "12");
	assert_null(mkt_line_get(&l, "ag"));
	assert_int_equal(mkt_line_text(&l, "error", out, sizeof(out)), 0);
	assert_string_equal(out, "no answer%");
	assert_int_equal(mkt_line_text(&l, "x", out, sizeof(out)), 0);
	assert_string_equal(out, "");
	assert_int_equal(mkt_line_text(&l, "y", out, sizeof(out)), -MKT_ENOTFOUND);
	assert_int_equal(mkt_line_text(&l, "error", out, 5), -MKT_EINVAL);
	assert_int_equal(mkt_line_u64(&l, "age", 12, &n), 0);
	assert_int_equal(n, 12);
	assert_int_equal(mkt_line_u64(&l, "age", 11, &n), -MKT_EINVAL);
	assert_int_equal(mkt_line_u64(&l, "error", 11, &n), -MKT_EINVAL);
	assert_int_equal(split(&l, "ping\r"), 0); /* typed by hand */
	assert_string_equal(l.word[0], "ping");
}

static void wrong_lines_are_refused(void **state)
{
	static const char *const wrong[] = {"", " ", "a  b", " a", "a ", "a\tb", "a\x01", "\x7f"};
	char text[MKT_LINE_MAX + 8];
	struct mkt_line l;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(wrong); i++)
		assert_int_equal(split(&l, wrong[i]), -MKT_EINVAL);
	memset(text, 'x', sizeof(text));
	text[MKT_LINE_MAX - 1] = 0;
	assert_int_equal(split(&l, text), 0);
	text[MKT_LINE_MAX - 1] = 'x';
	text[MKT_LINE_MAX] = 0;
	assert_int_equal(split(&l, text), -MKT_EINVAL);
	for (size_t i = 0; i < 2 * MKT_LINE_WORDS + 2; i++)
		text[i] = i % 2 ? ' ' : 'x';
	text[2 * MKT_LINE_WORDS + 1] = 0;
	assert_int_equal(split(&l, text), -MKT_EINVAL);
	assert_int_equal(split(&l, "a=%2 b=%zz c=%00 d=%0a e=%41"), 0);
	for (const char *key = "abcd"; *key; key++) {
		char name[2] = {*key, 0};

		assert_int_equal(mkt_line_text(&l, name, text, sizeof(text)), -MKT_EINVAL);
	}
	assert_int_equal(mkt_line_text(&l, "e", text, sizeof(text)), 0);
	assert_string_equal(text, "A");
}

static void numbers_are_whole(void **state)
{
	static const char *const wrong[] = {"", "-", "+1", "1.5", "0x1", "1 ", "1234567890123456789"};
	int64_t v = 0;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(wrong); i++)
		assert_false(mkt_line_number(wrong[i], &v));
	assert_true(mkt_line_number("-42", &v));
	assert_int_equal(v, -42);
	assert_true(mkt_line_number("999999999999999999", &v));
	assert_true(v == 999999999999999999);
}

static void set_points_read_back(void **state)
{
	static const struct mkt_setpoint sets[] = {
		{MKT_SET_NONE, 0},	   {MKT_SET_CURRENT, 16000}, {MKT_SET_CURRENT, 0},
		{MKT_SET_POWER, INT32_MIN}, {MKT_SET_POWER, 5},	     {MKT_SET_MODE, MKT_MODE_HOLD},
	};
	static const char *const wrong[] = {"", "current", "current:", "current:x", "amps:5",
					    "power:2147483648", "mode:", "mode:off", "curren:5"};
	struct mkt_setpoint set;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(sets); i++) {
		struct mkt_buf b = MKT_BUF_INIT;

		mkt_line_add_set(&b, "set", &sets[i]);
		assert_true(mkt_line_set(mkt_buf_str(&b) + 5, &set));
		assert_int_equal(set.kind, sets[i].kind);
		assert_int_equal(set.value, sets[i].value);
		mkt_buf_release(&b);
	}
	for (size_t i = 0; i < MKT_ARRAY_SIZE(wrong); i++)
		assert_false(mkt_line_set(wrong[i], &set));
}

/* Any text goes through, cut where the line would be too long. */
static void text_comes_through(void **state)
{
	struct rng r = rng_start("line");

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char text[300], back[MKT_LINE_MAX];
		struct mkt_buf b = MKT_BUF_INIT;
		struct mkt_line l;
		size_t n = rng_below(&r, sizeof(text));

		for (size_t k = 0; k < n; k++)
			text[k] = (char)(1 + rng_below(&r, i % 2 ? 255 : 40));
		text[n] = 0;
		mkt_buf_addstr(&b, "state ev");
		mkt_line_add(&b, 0, "error", text);
		assert_true(b.len < MKT_LINE_MAX);
		assert_int_equal(split(&l, mkt_buf_str(&b)), 0);
		assert_int_equal(mkt_line_text(&l, "error", back, sizeof(back)), 0);
		assert_memory_equal(back, text, strlen(back));
		assert_true(strlen(back) == n || b.len > MKT_LINE_MAX - 5);
		mkt_buf_release(&b);
	}
}

static void requests_are_read(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint32_t id;
		enum drv_verb verb;
		const char *name;
	} rows[] = {
		{"7 ping", 0, 7, DRV_V_PING, ""},
		{"0 refresh ev-03", 0, 0, DRV_V_REFRESH, "ev-03"},
		{"4294967295 release a", 0, UINT32_MAX, DRV_V_RELEASE, "a"},
		{"1 order ev set=current:0 lease=60", 0, 1, DRV_V_ORDER, "ev"},
		{"1 order ev lease=60 stop.export=5 set=mode:auto later=1", 0, 1, DRV_V_ORDER, "ev"},
		{"2 trace on", 0, 2, DRV_V_TRACE, ""},
		{"2 history ev", 0, 2, DRV_V_HISTORY, "ev"},
		{"2 probe port=/dev/x", 0, 2, DRV_V_PROBE, ""},
		{"ping", -MKT_EINVAL, 0, 0, ""},
		{"-1 ping", -MKT_EINVAL, 0, 0, ""},
		{"4294967296 ping", -MKT_EINVAL, 0, 0, ""},
		{"9", -MKT_EINVAL, 9, 0, ""},
		{"9 pin", -MKT_EINVAL, 9, 0, ""},
		{"9 refresh", -MKT_EINVAL, 9, 0, ""},
		{"9 refresh 01234567890123456789012345678901x", -MKT_EINVAL, 9, 0, ""},
		{"9 trace", -MKT_EINVAL, 9, 0, ""},
		{"9 trace maybe", -MKT_EINVAL, 9, 0, ""},
		{"9 history ev since=x", -MKT_EINVAL, 9, 0, ""},
		{"9 order ev lease=60", -MKT_EINVAL, 9, 0, ""},
		{"9 order ev set=current:16000", -MKT_EINVAL, 9, 0, ""},
		{"9 order ev set=current:16000 lease=-1", -MKT_EINVAL, 9, 0, ""},
		{"9 order ev set=current:16000 lease=9 stop.import=1kWh", -MKT_EINVAL, 9, 0, ""},
		{"9 order ev set=current:16000 lease=9 stop.export=-1", -MKT_EINVAL, 9, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct drv_request r;
		struct mkt_err err = {0};
		int rc = drv_request_parse(rows[i].text, strlen(rows[i].text), &r, &err);

		assert_int_equal(rc, rows[i].rc);
		assert_int_equal(r.id, rows[i].id);
		if (rc < 0) {
			assert_true(err.text[0]);
			continue;
		}
		assert_int_equal(r.verb, rows[i].verb);
		assert_string_equal(r.name, rows[i].name);
	}
}

static void orders_have_their_fields(void **state)
{
	static const char text[] =
		"3 order ev set=power:-3000 lease=86400 stop.import=12 stop.export=34";
	struct drv_request r;
	struct mkt_err err;

	(void)state;
	assert_int_equal(drv_request_parse(text, sizeof(text) - 1, &r, &err), 0);
	assert_int_equal(r.order.set.kind, MKT_SET_POWER);
	assert_int_equal(r.order.set.value, -3000);
	assert_int_equal(r.order.lease_s, 86400);
	assert_int_equal(r.order.stop_import_wh, 12);
	assert_int_equal(r.order.stop_export_wh, 34);
}

/* However many readings and however long the texts: lines stay short. */
static void what_is_told_fits(void **state)
{
	static struct drv_unit u;
	static const struct drv_driver driver = {.name = "fake"};
	static struct drv_bus bus;
	struct mkt_buf b = MKT_BUF_INIT;
	int lines = 0, readings = 0;

	(void)state;
	u.bus = &bus;
	u.dev.driver = &driver;
	memset(u.conf.name, 'n', MKT_DEV_NAME_MAX);
	memset(u.dev.id.maker, '%', MKT_DEV_TEXT_MAX);
	memset(u.dev.id.serial, ' ', MKT_DEV_TEXT_MAX);
	memset(u.error, '\n', sizeof(u.error) - 1);
	u.dev.caps = ~0u;
	u.hold.held = u.hold.safe = true;
	u.hold.order = (struct mkt_order){{MKT_SET_POWER, INT32_MIN}, 86400, INT64_MAX, INT64_MAX};
	for (int i = 0; i < MKT_READINGS; i++)
		u.dev.r.v[i] = (struct mkt_value){INT64_MIN, 0, true};
	for (int i = 0; i < DRV_COUNTERS; i++)
		u.dev.counters[i] = UINT64_MAX;
	drv_say_unit(&b, &u, DRV_CH_ALL, 1, 0);
	drv_say_event(&b, &u, MKT_LOG_NOTICE, u.error);
	for (const char *at = mkt_buf_str(&b), *end; *at; at = end + 1) {
		end = strchr(at, '\n');
		assert_non_null(end);
		assert_true(end - at < MKT_LINE_MAX);
		lines++;
		if (!strncmp(at, "reading ", 8))
			for (const char *c = at; c < end; c++)
				readings += *c == '=';
	}
	assert_true(lines > 7);
	assert_int_equal(readings, MKT_READINGS);
	mkt_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_values),
		cmocka_unit_test(wrong_lines_are_refused),
		cmocka_unit_test(numbers_are_whole),
		cmocka_unit_test(set_points_read_back),
		cmocka_unit_test(text_comes_through),
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(orders_have_their_fields),
		cmocka_unit_test(what_is_told_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

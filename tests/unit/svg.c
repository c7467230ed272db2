/* Charts as SVG: what stands in them, hostile names, extreme values, nothing to draw. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/svg.h"

static const char *hour(void *ctx, unsigned i, char out[64])
{
	(void)ctx;
	snprintf(out, 64, "%02u:00", i);
	return out;
}

static struct svg_chart chart(enum svg_kind kind, unsigned places, const int64_t *a,
			      const int64_t *b)
{
	return (struct svg_chart){.kind = kind,
				  .title = "Load",
				  .y_title = "kWh",
				  .x_title = "hour",
				  .places = places,
				  .place = hour,
				  .nseries = b ? 2 : 1,
				  .series = {{"green", a}, {"brown", b}},
				  .decimals = 3};
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what)) != NULL) {
		n++;
		text += strlen(what);
	}
	return n;
}

/* One element, its quotes and brackets paired, all numbers of attributes finite and not negative widths. */
static void whole(const struct mkt_buf *b)
{
	const char *text = mkt_buf_str(b);

	assert_false(b->bad);
	assert_int_equal(strncmp(text, "<svg ", 5), 0);
	assert_int_equal(count(text, "<svg"), 1);
	assert_int_equal(count(text, "</svg>"), 1);
	assert_int_equal(count(text, "<"), count(text, ">"));
	assert_int_equal(count(text, "\"") % 2, 0);
	assert_null(strstr(text, "=\"-"));
	assert_null(strstr(text, "<script"));
}

static void bars_and_lines(void **state)
{
	static const int64_t a[] = {1000, 2000, 0, 4000}, b[] = {500, SVG_GAP, 250, 0};

	(void)state;
	for (int kind = SVG_BARS; kind <= SVG_LINES; kind++) {
		struct svg_chart c = chart((enum svg_kind)kind, 4, a, b);
		struct mkt_buf out = MKT_BUF_INIT, again = MKT_BUF_INIT;

		svg_chart(&out, &c);
		whole(&out);
		assert_non_null(strstr(mkt_buf_str(&out), ">Load<"));
		assert_non_null(strstr(mkt_buf_str(&out), ">green<"));
		assert_non_null(strstr(mkt_buf_str(&out), ">brown<"));
		assert_non_null(strstr(mkt_buf_str(&out), ">00:00<"));
		assert_non_null(strstr(mkt_buf_str(&out), "kWh"));
		svg_chart(&again, &c);
		assert_string_equal(mkt_buf_str(&out), mkt_buf_str(&again));
		mkt_buf_release(&out);
		mkt_buf_release(&again);
	}
}

static void names_are_text(void **state)
{
	static const int64_t a[] = {1};
	struct svg_chart c = chart(SVG_BARS, 1, a, NULL);
	struct mkt_buf out = MKT_BUF_INIT;

	(void)state;
	c.title = "</svg><script>alert('&\"')</script>\x1b[2J\xff";
	c.series[0].name = "\"><a href=x>";
	svg_chart(&out, &c);
	whole(&out);
	assert_non_null(strstr(mkt_buf_str(&out), "&lt;script&gt;"));
	assert_null(strchr(mkt_buf_str(&out), '\x1b'));
	assert_null(strchr(mkt_buf_str(&out), '\xff'));
	mkt_buf_release(&out);
}

static void extremes(void **state)
{
	static const int64_t sets[][3] = {
		{0, 0, 0},
		{SVG_GAP, SVG_GAP, SVG_GAP},
		{INT64_MAX, INT64_MIN + 1, 0},
		{INT64_MAX, INT64_MAX, INT64_MAX},
		{-1, -1, -1},
		{1, INT64_MAX - 1, INT64_MAX},
	};

	(void)state;
	for (int kind = SVG_BARS; kind <= SVG_LINES; kind++)
		for (size_t i = 0; i < MKT_ARRAY_SIZE(sets); i++) {
			struct svg_chart c = chart((enum svg_kind)kind, 3, sets[i], NULL);
			struct mkt_buf out = MKT_BUF_INIT;

			c.decimals = (unsigned)i + 3;
			svg_chart(&out, &c);
			assert_int_equal(count(mkt_buf_str(&out), "</svg>"), 1);
			assert_null(strstr(mkt_buf_str(&out), "width=\"-"));
			assert_null(strstr(mkt_buf_str(&out), "height=\"-"));
			mkt_buf_release(&out);
		}
}

static void none_and_many(void **state)
{
	int64_t *v = calloc(SVG_PLACES_MAX, sizeof(*v));
	struct svg_chart c;
	struct mkt_buf out = MKT_BUF_INIT;

	(void)state;
	assert_non_null(v);
	c = chart(SVG_LINES, 0, v, NULL);
	svg_chart(&out, &c);
	whole(&out);
	mkt_buf_clear(&out);
	for (unsigned i = 0; i < SVG_PLACES_MAX; i++)
		v[i] = (int64_t)(i * 7919 % 1000);
	c = chart(SVG_BARS, SVG_PLACES_MAX, v, v);
	svg_chart(&out, &c);
	whole(&out);
	/* As many names as fit, not one a place. */
	assert_in_range(count(mkt_buf_str(&out), ":00<"), 2, 40);
	mkt_buf_release(&out);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bars_and_lines),
		cmocka_unit_test(names_are_text),
		cmocka_unit_test(extremes),
		cmocka_unit_test(none_and_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

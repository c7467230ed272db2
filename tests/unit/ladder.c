/* One book as a ladder: levels of an answer, what is damaged is left out, pictures at all widths. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/rng.h"
#include "tui/ladder.h"

#define HEAD "{\"schema\":\"mkt.book/1\",\"height\":7,\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":["

static void answered(struct mkt_answer *a, const char *data)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_err err;

	mkt_buf_addf(&b, HEAD "%s]}", data);
	assert_int_equal(mkt_answer_read(&b, a, &err), 0);
	mkt_buf_release(&b);
}

static void levels(struct tui_ladder *l, const char *data)
{
	struct mkt_answer a = MKT_ANSWER_INIT;

	answered(&a, data);
	tui_ladder_levels(l, &a);
	mkt_answer_release(&a);
}

#define TWO_SIDES                                                                                  \
	"{\"side\":\"buy\",\"price_upwh\":25500,\"energy_wh\":10000,\"bids\":3},"                  \
	"{\"side\":\"buy\",\"price_upwh\":25100,\"energy_wh\":2500,\"own_wh\":500,\"bids\":1},"    \
	"{\"side\":\"sell\",\"price_upwh\":25800,\"energy_wh\":5000,\"bids\":12}"

static char *drawn(const struct tui_ladder *l, unsigned rows, unsigned cols, unsigned skip)
{
	struct tui_canvas c = {.utf8 = true, .glyphs = TUI_ASCII};
	struct mkt_buf b = MKT_BUF_INIT;
	size_t n;

	assert_int_equal(tui_canvas_resize(&c, rows, cols), 0);
	tui_ladder_draw(l, tui_whole(&c), skip, true);
	tui_canvas_text(&c, &b);
	mkt_buf_addch(&b, '\0');
	tui_canvas_release(&c);
	return (char *)mkt_buf_take(&b, &n);
}

static void shows(const struct tui_ladder *l, unsigned rows, unsigned cols, unsigned skip,
		  const char *want)
{
	char *have = drawn(l, rows, cols, skip);

	assert_string_equal(have, want);
	free(have);
}

static void read_and_drawn(void **state)
{
	static struct tui_ladder l;

	(void)state;
	shows(&l, 3, 61, 0,
	      "              BUY kWh  per kWh|  per kWh SELL kWh\n"
	      "nobody offers anything        |\n"
	      "                              |\n");
	levels(&l, TWO_SIDES);
	assert_int_equal(l.n[TUI_LADDER_BUY], 2);
	assert_int_equal(l.n[TUI_LADDER_SELL], 1);
	assert_int_equal(l.v[TUI_LADDER_BUY][1].own_wh, 500);
	shows(&l, 4, 61, 0,
	      "              BUY kWh  per kWh|  per kWh SELL kWh\n"
	      " #####     3   10.000    25.50|    25.80    5.000    12 ###\n"
	      "*   ##     1    2.500    25.10|\n"
	      "                              |\n");
	/* Down by one level. */
	shows(&l, 2, 61, 1,
	      "              BUY kWh  per kWh|  per kWh SELL kWh\n"
	      "*   ##     1    2.500    25.10|\n");
	/* The next answer is in place of this one. */
	levels(&l, "{\"side\":\"sell\",\"price_upwh\":-100,\"energy_wh\":1,\"bids\":1}");
	assert_int_equal(l.n[TUI_LADDER_BUY], 0);
	assert_int_equal(l.v[TUI_LADDER_SELL][0].price_upwh, -100);
}

static void bounded(void **state)
{
	static struct tui_ladder l;
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	for (unsigned i = 0; i < 2 * TUI_LADDER_LEVELS; i++)
		mkt_buf_addf(&b,
			     "%s{\"side\":\"buy\",\"price_upwh\":%u,\"energy_wh\":1,\"bids\":1}",
			     i ? "," : "", 100000 - i);
	levels(&l, mkt_buf_str(&b));
	mkt_buf_release(&b);
	assert_int_equal(l.n[TUI_LADDER_BUY], TUI_LADDER_LEVELS);
	assert_int_equal(l.v[TUI_LADDER_BUY][TUI_LADDER_LEVELS - 1].price_upwh,
			 100001 - TUI_LADDER_LEVELS);
	/* What has no price, or one that no book can have, is no level. */
	levels(&l, "{\"side\":\"buy\",\"energy_wh\":1},{\"side\":\"buy\",\"price_upwh\":\"x\"},"
		   "{\"side\":\"buy\",\"price_upwh\":4294967296},{},null,7");
	assert_int_equal(l.n[TUI_LADDER_BUY] + l.n[TUI_LADDER_SELL], 0);
}

static void depth_of_all_books(void **state)
{
	static struct tui_ladder l;
	struct mkt_answer a = MKT_ANSWER_INIT;

	(void)state;
	answered(&a, "{\"side\":\"buy\",\"gross_wh\":7000,\"unique_wh\":3000},"
		     "{\"side\":\"sell\",\"gross_wh\":2,\"unique_wh\":1},{\"side\":\"sell\"}");
	tui_ladder_depth(&l, &a);
	mkt_answer_release(&a);
	assert_true(l.depth);
	assert_int_equal(l.gross_wh[TUI_LADDER_BUY], 7000);
	assert_int_equal(l.unique_wh[TUI_LADDER_BUY], 3000);
	assert_int_equal(l.unique_wh[TUI_LADDER_SELL], 1);
}

/* Any size of picture: no line is wider than it, and numbers that fit stand whole. */
static void any_size(void **state)
{
	static struct tui_ladder l;
	struct rng r = rng_start("any_size");

	(void)state;
	levels(&l, TWO_SIDES);
	for (unsigned i = 0; i < 300; i++) {
		unsigned rows = 1 + (unsigned)rng_below(&r, 12),
			 cols = 1 + (unsigned)rng_below(&r, 140);
		char *have = drawn(&l, rows, cols, (unsigned)rng_below(&r, 4));
		unsigned lines = 0;

		for (char *line = have; *line; line += strcspn(line, "\n") + 1, lines++)
			assert_in_range(strcspn(line, "\n"), 0, cols);
		assert_int_equal(lines, rows);
		free(have);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_and_drawn),
		cmocka_unit_test(bounded),
		cmocka_unit_test(depth_of_all_books),
		cmocka_unit_test(any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The map of best prices: passes of pages, cells found again, pictures, the mouse, any size. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/rng.h"
#include "tui/heat.h"

#define FIRST 1795395600u /* 2026-11-23 01:00 UTC */
#define HEAD                                                                                       \
	"{\"schema\":\"mkt.books/1\",\"height\":7,\"as_of\":\"2026-11-23T01:00:00Z\",\"data\":["

static struct mkt_zone zone;

static struct tui_heat *begin(void)
{
	struct tui_heat *h = calloc(1, sizeof(*h)); /* too large for a stack */

	assert_non_null(h);
	tui_heat_begin(h);
	return h;
}

static void page(struct tui_heat *h, const char *data)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_err err;

	mkt_buf_addf(&b, HEAD "%s]}", data);
	assert_int_equal(mkt_answer_read(&b, &a, &err), 0);
	tui_heat_page(h, &a);
	mkt_answer_release(&a);
	mkt_buf_release(&b);
}

#define CELL(window, tags, prices) "{\"window_s\":" #window ",\"tags\":\"" tags "\"" prices "}"
#define TWO_WINDOWS                                                                                \
	CELL(1795395600, "green", ",\"buy_upwh\":24100,\"sell_upwh\":25500")                       \
	"," CELL(1795395600, "brown", ",\"sell_upwh\":27000") "," CELL(1795397400, "green",        \
								       ",\"buy_upwh\":-10")

static struct tui_heat_view view_at(uint64_t at_s, unsigned tag)
{
	return (struct tui_heat_view){.zone = &zone,
				      .first_s = FIRST,
				      .at_s = at_s,
				      .window_s = 1800,
				      .count = 48,
				      .at_tag = tag};
}

static char *drawn(struct tui_heat *h, const struct tui_heat_view *v, unsigned rows, unsigned cols)
{
	struct tui_canvas c = {.utf8 = true, .glyphs = TUI_ASCII};
	struct mkt_buf b = MKT_BUF_INIT;
	size_t n;

	assert_int_equal(tui_canvas_resize(&c, rows, cols), 0);
	tui_heat_draw(h, v, tui_whole(&c));
	tui_canvas_text(&c, &b);
	mkt_buf_addch(&b, '\0');
	tui_canvas_release(&c);
	return (char *)mkt_buf_take(&b, &n);
}

static void pass_and_picture(void **state)
{
	struct tui_heat *h = begin();
	struct tui_heat_view v = view_at(FIRST, 1);
	char *have;

	(void)state;
	page(h, TWO_WINDOWS);
	assert_null(tui_heat_find(h, FIRST, 0)); /* the pass has not ended */
	tui_heat_end(h);
	assert_int_equal(tui_heat_find(h, FIRST, 0)->buy_upwh, 24100);
	assert_int_equal(tui_heat_find(h, FIRST, 1)->buy_upwh, TUI_NO_PRICE);
	assert_null(tui_heat_find(h, FIRST + 1800, 1));
	assert_int_equal(tui_heat_width(h), 7 + 2 * 15);
	have = drawn(h, &v, 4, 40);
	assert_string_equal(have, "window  green          brown\n"
				  "01:00   24.10/25.50   >-/27.00\n"
				  "01:30   -0.01/-             .\n"
				  "02:00        .              .\n");
	free(have);
	/* One column at a time: the selected one is in sight, and it says of how many. */
	have = drawn(h, &v, 2, 24);
	assert_string_equal(have, "2-2/2   brown\n01:00  >-/27.00\n");
	free(have);
	/* What the next pass does not tell is forgotten, but only at its end. */
	tui_heat_begin(h);
	page(h, CELL(1795397400, "green", ",\"buy_upwh\":20"));
	assert_non_null(tui_heat_find(h, FIRST, 0));
	tui_heat_end(h);
	assert_null(tui_heat_find(h, FIRST, 0));
	assert_int_equal(tui_heat_find(h, FIRST + 1800, 0)->buy_upwh, 20);
	free(h);
}

/* The narrower the spread, the stronger; one side alone has its own colour. */
static void shades(void **state)
{
	static const struct {
		const char *prices;
		enum tui_style style;
	} cases[] = {
		{",\"buy_upwh\":97500,\"sell_upwh\":100000", TUI_HEAT4},
		{",\"buy_upwh\":97499,\"sell_upwh\":100000", TUI_HEAT3},
		{",\"buy_upwh\":90000,\"sell_upwh\":100000", TUI_HEAT2},
		{",\"buy_upwh\":89999,\"sell_upwh\":100000", TUI_HEAT1},
		{",\"buy_upwh\":1", TUI_BUY},
		{",\"sell_upwh\":1", TUI_SELL},
		{"", TUI_BUY}, /* neither: both sides are "-" */
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(cases); i++) {
		struct tui_canvas c = {.utf8 = true, .glyphs = TUI_ASCII};
		struct tui_heat_view v = view_at(FIRST + 1800, 0);
		struct tui_heat *h = begin();
		char data[160];

		snprintf(data, sizeof(data), "{\"window_s\":%u,\"tags\":\"green\"%s}", FIRST,
			 cases[i].prices);
		page(h, data);
		tui_heat_end(h);
		assert_int_equal(tui_canvas_resize(&c, 3, 40), 0);
		tui_heat_draw(h, &v, tui_whole(&c));
		if (c.cells[1 * 40 + 8].style != cases[i].style)
			fail_msg("'%s': style %u", cases[i].prices, c.cells[1 * 40 + 8].style);
		tui_canvas_release(&c);
		free(h);
	}
}

static void what_a_server_may_say(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct tui_heat *h = begin();

	(void)state;
	/* Not by window: what comes late is not taken, and nothing is found twice. */
	page(h, CELL(1795397400, "green", ",\"buy_upwh\":1") "," CELL(
			1795395600, "green", ",\"buy_upwh\":2") ",{},null,7");
	tui_heat_end(h);
	assert_null(tui_heat_find(h, FIRST, 0));
	assert_int_equal(tui_heat_find(h, FIRST + 1800, 0)->buy_upwh, 1);
	/* More tag sets, and more cells, than there is room for. */
	tui_heat_begin(h);
	for (unsigned i = 0; i < TUI_HEAT_TAGS + 5; i++)
		mkt_buf_addf(&b, "%s{\"window_s\":%u,\"tags\":\"t%u\",\"buy_upwh\":1}",
			     i ? "," : "", FIRST, i);
	page(h, mkt_buf_str(&b));
	assert_true(h->more);
	assert_int_equal(h->ntags, TUI_HEAT_TAGS);
	tui_heat_begin(h);
	assert_false(h->more);
	mkt_buf_clear(&b);
	for (unsigned i = 0; i <= TUI_HEAT_CELLS; i++)
		mkt_buf_addf(&b, "%s{\"window_s\":%u,\"tags\":\"t1\",\"buy_upwh\":%u}",
			     i ? "," : "", FIRST + 1800 * i, i);
	page(h, mkt_buf_str(&b));
	tui_heat_end(h);
	assert_true(h->more);
	assert_int_equal(h->n, TUI_HEAT_CELLS);
	assert_int_equal(tui_heat_tag(h, ""), TUI_HEAT_TAGS);
	mkt_buf_release(&b);
	free(h);
}

/* Any size, any place: no line is too wide, the selected cell is in sight, the mouse finds it. */
static void any_size(void **state)
{
	struct rng r = rng_start("any_size");
	struct tui_heat *h = begin();

	(void)state;
	page(h, TWO_WINDOWS "," CELL(1795399200, "local, green", ",\"buy_upwh\":5"));
	tui_heat_end(h);
	for (unsigned i = 0; i < 500; i++) {
		unsigned rows = 2 + (unsigned)rng_below(&r, 20),
			 cols = 1 + (unsigned)rng_below(&r, 80);
		unsigned tag = (unsigned)rng_below(&r, h->ntags), found = 0;
		struct tui_heat_view v = view_at(FIRST + 1800 * rng_below(&r, 48), tag);
		char *have = drawn(h, &v, rows, cols);

		for (char *line = have; *line; line += strcspn(line, "\n") + 1)
			assert_in_range(strcspn(line, "\n"), 0, cols);
		free(have);
		for (unsigned y = 0; y < rows; y++)
			for (unsigned x = 0; x < cols; x++) {
				uint64_t at_s;
				unsigned at_tag;

				if (!tui_heat_at(h, &v, y, x, &at_s, &at_tag))
					continue;
				assert_in_range(at_tag, 0, h->ntags - 1);
				assert_in_range(at_s, FIRST, FIRST + 47 * 1800);
				found += at_s == v.at_s && at_tag == tag;
			}
		if (cols > 8)
			assert_in_range(found, 1, 15);
	}
	free(h);
}

static int open_zone(void **state)
{
	struct mkt_err err;

	(void)state;
	return mkt_zone_load(&zone, "UTC", NULL, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pass_and_picture),
		cmocka_unit_test(shades),
		cmocka_unit_test(what_a_server_may_say),
		cmocka_unit_test(any_size),
	};

	return cmocka_run_group_tests(tests, open_zone, NULL);
}

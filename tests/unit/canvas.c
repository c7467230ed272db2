/* The canvas: clipping, wide letters, hostile text, graphs at every level of glyphs. */
#include "core/base/compat.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "core/codec/enc.h"
#include "tests/rng.h"
#include "tui/graph.h"
#include "tui/scheme.h"

static struct tui_canvas canvas_of(unsigned rows, unsigned cols, bool utf8, enum tui_glyphs g)
{
	struct tui_canvas c = {.utf8 = utf8, .glyphs = g};

	assert_int_equal(tui_canvas_resize(&c, rows, cols), 0);
	return c;
}

static void shows(struct tui_canvas *c, const char *want)
{
	struct mkt_buf b = MKT_BUF_INIT;

	tui_canvas_text(c, &b);
	mkt_buf_addch(&b, '\0');
	assert_string_equal((const char *)b.data, want);
	mkt_buf_release(&b);
}

static void text_is_clipped(void **state)
{
	struct tui_canvas c = canvas_of(3, 10, true, TUI_BRAILLE);
	struct tui_area part = tui_part(tui_whole(&c), 1, 2, 9, 5);

	(void)state;
	assert_int_equal(part.rows, 2);
	assert_int_equal(part.cols, 5);
	assert_int_equal(tui_print(part, 0, 0, TUI_PLAIN, "%s", "abcdefgh"), 5);
	tui_print(part, 7, 0, TUI_PLAIN, "below");
	tui_text(part, 1, 1, 99, TUI_RIGHT, TUI_PLAIN, "xy");
	shows(&c, "\n  abcd~\n     xy\n");
	tui_canvas_release(&c);
}

static void wide_letters_are_whole(void **state)
{
	struct tui_canvas c = canvas_of(1, 8, true, TUI_BRAILLE);
	struct tui_area a = tui_whole(&c);

	(void)state;
	tui_text(a, 0, 0, 8, TUI_LEFT, TUI_PLAIN, "電気市場");
	shows(&c, "電気市場\n");
	tui_text(a, 0, 0, 7, TUI_LEFT, TUI_PLAIN, "電気市場");
	tui_glyph(a, 0, 7, TUI_PLAIN, "|");
	shows(&c, "電気市~|\n");
	tui_glyph(a, 0, 1, TUI_PLAIN,
		  "x"); /* half of the first goes, the other half does not stay */
	shows(&c, " x気市~|\n");
	tui_glyph(a, 0, 2, TUI_PLAIN, "y");
	shows(&c, " xy 市~|\n");
	tui_canvas_release(&c);
}

static void marks_and_meddlers(void **state)
{
	struct tui_canvas c = canvas_of(1, 12, true, TUI_BRAILLE);
	struct tui_area a = tui_whole(&c);

	(void)state;
	assert_int_equal(tui_width(&c, "e\xcc\x81t"), 2);
	tui_text(a, 0, 0, 12, TUI_LEFT, TUI_PLAIN,
		 "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81t"); /* two stay */
	shows(&c, "e\xcc\x81\xcc\x81t\n");
	tui_text(a, 0, 0, 12, TUI_LEFT, TUI_PLAIN,
		 "a\xe2\x80\xae"
		 "b\x1b[2Jc\xff\n");
	shows(&c, "a?b?[2Jc??\n");
	c.utf8 = false;
	tui_text(a, 0, 0, 12, TUI_LEFT, TUI_PLAIN, "caf\xc3\xa9 \xe9\x9b\xbb!");
	shows(&c, "caf? ?!\n");
	tui_canvas_release(&c);
}

/* Any bytes in a field of any width: it takes its columns, and nothing else changes. */
static void hostile_text(void **state)
{
	static const char *const nasty[] = {"\x1b]0;x\x07",
					    "\xe2\x80\xae",
					    "\xe2\x80\x8d",
					    "電",
					    "\xcc\x81",
					    "\xd7\x90",
					    "\xf0\x9f\x98\x80",
					    "\xc2\x9b",
					    "\xff",
					    "a",
					    " ",
					    "\t",
					    "\r",
					    "\n",
					    "\xe2\x80\xa8",
					    "\xf3\xa0\x80\x81",
					    "\x7f"};
	struct rng r = rng_start("hostile_text");

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct tui_canvas c = canvas_of(1, 24, rng_below(&r, 4) > 0, TUI_BRAILLE);
		unsigned width = (unsigned)rng_below(&r, 20), columns = 0;
		char text[200] = "";
		size_t n = 0;

		while (n < 150 && rng_below(&r, 24)) {
			const char *s = nasty[rng_below(&r, MKT_ARRAY_SIZE(nasty))];

			memcpy(text + n, s, strlen(s) + 1);
			n += strlen(s);
		}
		tui_clear(tui_whole(&c), TUI_PLAIN);
		tui_glyph(tui_whole(&c), 0, 1, TUI_PLAIN, "<");
		tui_glyph(tui_whole(&c), 0, 2 + width, TUI_PLAIN, ">");
		tui_text(tui_whole(&c), 0, 2, width, (enum tui_align)rng_below(&r, 2), TUI_PLAIN,
			 text);
		for (unsigned x = 0; x < c.cols; x++) {
			const uint8_t *s = (const uint8_t *)c.cells[x].text;

			for (size_t i = 0; s[i];) {
				size_t len = mkt_utf8_len(s + i, strlen((const char *)s + i));

				assert_int_not_equal(len, 0);
				assert_true(s[i] >= 0x20 && s[i] != 0x7f);
				i += len;
			}
			columns += s[0] ? 1u + c.cells[x].wide : 0;
		}
		assert_int_equal(columns, c.cols);
		assert_string_equal(c.cells[1].text, "<");
		assert_string_equal(c.cells[2 + width].text, ">");
		tui_canvas_release(&c);
	}
}

static void graphs_degrade(void **state)
{
	static const int64_t v[] = {0, 1, 2, 3, 4, TUI_GAP, 8, 8};
	struct tui_canvas c = canvas_of(2, 8, true, TUI_BRAILLE);

	(void)state;
	tui_graph(tui_whole(&c), TUI_GRAPH, v, 8, 0, 8);
	shows(&c, "       ⣿\n    ⢀⣴⡇⣿\n");
	tui_canvas_release(&c);
	c = canvas_of(2, 8, true, TUI_BLOCK);
	tui_graph(tui_whole(&c), TUI_GRAPH, v, 8, 0, 8);
	shows(&c, "      ██\n ▂▄▆█ ██\n");
	tui_canvas_release(&c);
	c = canvas_of(2, 8, false, TUI_BRAILLE);
	tui_graph(tui_whole(&c), TUI_GRAPH, v, 8, 0, 8);
	shows(&c, "      ##\n .:## ##\n");
	tui_canvas_release(&c);
}

static void meters(void **state)
{
	struct tui_canvas c = canvas_of(1, 8, true, TUI_BLOCK);
	struct tui_area a = tui_whole(&c);

	(void)state;
	assert_int_equal(tui_meter(a, 0, 0, 8, false, TUI_BUY, 3, 16), 2);
	shows(&c, "█▌\n");
	assert_int_equal(tui_meter(a, 0, 0, 8, true, TUI_BUY, 3, 16), 2);
	shows(&c, "      ██\n");
	assert_int_equal(tui_meter(a, 0, 0, 8, false, TUI_BUY, UINT64_MAX, 1), 8);
	shows(&c, "████████\n");
	assert_int_equal(tui_meter(a, 0, 0, 8, false, TUI_BUY, 5, 0), 0);
	c.utf8 = false;
	tui_meter(a, 0, 0, 8, false, TUI_BUY, 1, 2);
	shows(&c, "####\n");
	assert_int_equal(tui_shade(0, 9), 0);
	assert_int_equal(tui_shade(1, 9), 1);
	assert_int_equal(tui_shade(9, 9), 4);
	tui_canvas_release(&c);
}

/* Extremes of the range neither overflow nor leave the area. */
static void graphs_of_anything(void **state)
{
	struct rng r = rng_start("graphs_of_anything");

	(void)state;
	for (unsigned round = 0; round < 5000; round++) {
		struct tui_canvas c =
			canvas_of(1 + (unsigned)rng_below(&r, 6), 1 + (unsigned)rng_below(&r, 30),
				  rng_below(&r, 3) > 0, (enum tui_glyphs)rng_below(&r, 3));
		int64_t v[64], least = 0, most = 0;
		unsigned n = (unsigned)rng_below(&r, 64);

		for (unsigned i = 0; i < n; i++)
			v[i] = rng_below(&r, 5) ? (int64_t)rng_u64(&r)
						: (int64_t)rng_below(&r, 3) - 1;
		if (tui_range(v, n, &least, &most))
			tui_graph(tui_whole(&c), TUI_GRAPH, v, n, least, most);
		tui_spark(tui_whole(&c), 0, 0, c.cols, TUI_GRAPH, v, n);
		tui_canvas_release(&c);
	}
}

static void schemes(void **state)
{
	(void)state;
	for (unsigned s = 0; s < TUI_SCHEMES; s++) {
		const struct tui_look *l = tui_scheme((enum tui_scheme)s);

		assert_int_equal(tui_scheme_find(tui_scheme_name((enum tui_scheme)s)), s);
		for (unsigned k = 0; k < TUI_STYLES; k++)
			assert_true(s != TUI_SCHEME_MONO || (l[k].fg < 0 && l[k].bg < 0));
		assert_true(memcmp(&l[TUI_SELECT], &l[TUI_PLAIN], sizeof(*l)) != 0);
		assert_true(memcmp(&l[TUI_BAD], &l[TUI_GOOD], sizeof(*l)) != 0);
	}
	assert_int_equal(tui_scheme_find("pink"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_clipped),    cmocka_unit_test(wide_letters_are_whole),
		cmocka_unit_test(marks_and_meddlers), cmocka_unit_test(hostile_text),
		cmocka_unit_test(graphs_degrade),     cmocka_unit_test(meters),
		cmocka_unit_test(graphs_of_anything), cmocka_unit_test(schemes),
	};

	if (!setlocale(LC_ALL, "C.UTF-8"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

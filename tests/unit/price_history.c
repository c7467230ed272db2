/* What was paid: in the order of contracts whatever brings them, each once, the last ones kept. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/rng.h"
#include "tui/price_history.h"

static bool put(struct tui_price_history *h, const char *json)
{
	struct mkt_jdoc *doc;
	struct mkt_jval root;
	struct mkt_err err;
	bool is_new;

	assert_int_equal(mkt_jdoc_parse(json, strlen(json), NULL, &doc, &err), 0);
	root = mkt_jdoc_root(doc);
	is_new = tui_price_history_put(h, &root);
	mkt_jdoc_free(doc);
	return is_new;
}

static bool put_one(struct tui_price_history *h, unsigned exec)
{
	char json[96];

	snprintf(json, sizeof(json), "{\"exec\":\"%u\",\"price_upwh\":%u}", exec, exec * 10);
	return put(h, json);
}

static void check(const struct tui_price_history *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		assert_int_equal(h->upwh[i], h->exec[i] * 10);
		if (i)
			assert_true(h->exec[i - 1] < h->exec[i]);
	}
}

static void in_any_order_once(void **state)
{
	static struct tui_price_history h;
	struct rng r = rng_start("in_any_order_once");

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		put_one(&h, 1 + (unsigned)rng_below(&r, 300));
		check(&h);
	}
	assert_in_range(h.n, 290, 300);
	assert_int_equal(h.seen, h.n);
	assert_false(put_one(&h, (unsigned)h.exec[0]));
	tui_price_history_clear(&h);
	assert_int_equal(h.n + h.seen, 0);
}

static void the_last_are_kept(void **state)
{
	static struct tui_price_history h;

	(void)state;
	for (unsigned i = 1; i <= TUI_PRICES + 20; i++)
		assert_true(put_one(&h, 2 * i));
	assert_int_equal(h.n, TUI_PRICES);
	assert_int_equal(h.exec[0], 42);
	assert_int_equal(h.seen, TUI_PRICES + 20);
	assert_false(put_one(&h, 1)); /* older than all that is kept */
	assert_true(put_one(&h, 43)); /* between: the oldest goes */
	assert_int_equal(h.exec[0], 43);
	assert_int_equal(h.n, TUI_PRICES);
	check(&h);
}

static void nonsense_is_passed_over(void **state)
{
	static struct tui_price_history h;
	static const char *const bad[] = {
		"{}",
		"{\"exec\":\"1\"}",
		"{\"price_upwh\":5}",
		"{\"exec\":\"-1\",\"price_upwh\":5}",
		"{\"exec\":\"x\",\"price_upwh\":5}",
		"{\"exec\":\"1\",\"price_upwh\":\"dear\"}",
		"{\"exec\":\"1\",\"price_upwh\":99999999999}",
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++)
		assert_false(put(&h, bad[i]));
	assert_int_equal(h.n, 0);
}

static void drawn_at_any_size(void **state)
{
	static struct tui_price_history h;
	struct tui_canvas c = {.glyphs = TUI_ASCII};
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	for (unsigned i = 1; i < 100; i++)
		put_one(&h, i);
	put(&h, "{\"exec\":\"100\",\"price_upwh\":-2147483648}");
	put(&h, "{\"exec\":\"101\",\"price_upwh\":2147483647}");
	for (unsigned rows = 1; rows < 8; rows++)
		for (unsigned cols = 1; cols < 90; cols++) {
			assert_int_equal(tui_canvas_resize(&c, rows, cols), 0);
			tui_price_history_draw(&h, tui_whole(&c), cols % 2);
		}
	tui_canvas_text(&c, &b);
	assert_non_null(strstr(mkt_buf_str(&b), "paid, by contract: 101, "));
	mkt_buf_release(&b);
	tui_canvas_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_any_order_once),
		cmocka_unit_test(the_last_are_kept),
		cmocka_unit_test(nonsense_is_passed_over),
		cmocka_unit_test(drawn_at_any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

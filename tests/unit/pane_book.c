/* Book: sizes, the selected book, own levels, depth, failed reads, hostile tags. */
#include "core/base/compat.h"

#include "tests/panes.h"

#define FRAME(data)                                                                                \
	"{\"schema\":\"mkt.x/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":[" data \
	"]}"
#define W "\"window_s\":1795401000,"

static const char *answer(struct desk *k, const char *path, struct mkt_buf *buf)
{
	(void)k, (void)buf;
	if (strstr(path, "summary=1"))
		return FRAME("{" W "\"tags\":\"green\",\"buy_upwh\":24100,\"sell_upwh\":25500},"
			     "{" W
			     "\"tags\":\"\\u001b[2Jx\",\"buy_upwh\":null,\"sell_upwh\":7000}");
	if (strstr(path, "depth=1"))
		return FRAME("{" W "\"side\":\"buy\",\"gross_wh\":8000,\"unique_wh\":4000}");
	if (strstr(path, "tags=green"))
		return FRAME("{" W "\"side\":\"sell\",\"price_upwh\":25500,\"energy_wh\":1000,"
			     "\"bids\":1},{" W "\"side\":\"buy\",\"price_upwh\":24100,"
			     "\"energy_wh\":4000,\"bids\":1,\"own_wh\":4000}");
	if (strstr(path, "/v1/books"))
		return FRAME("");
	return FRAME("{" W "\"tags\":\"green\",\"exec\":\"1\",\"price_upwh\":24500}");
}

static void pictures(void **state)
{
	struct desk *k = desk_begin(&tui_pane_book, "oak");
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	k->answer = answer;
	k->d.facts.open_first_s = 1795401000;
	k->d.facts.open_count = 40;
	k->down = true;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	assert_non_null(strstr(desk_draw(k, 19, 80), "reading"));
	k->down = false;
	for (unsigned i = 0; i < 12; i++)
		desk_tick(k);
	desk_draw(k, 30, 80);
	assert_non_null(strstr(k->picture, ">24.10/25.50"));
	assert_non_null(strstr(k->picture, "spread 1.40"));
	assert_non_null(strstr(k->picture, "buy gross 8.000 unique 4.000 kWh"));
	assert_non_null(strstr(k->picture, "*"));
	assert_non_null(strstr(k->picture, "?[2Jx"));
	assert_non_null(strstr(k->picture, "1, 24.50 to 24.50"));
	desk_event(k, "{\"height\":15,\"kind\":\"contract\",\"exec\":\"2\"," W
		      "\"tags\":\"green\",\"price_upwh\":25000}");
	assert_non_null(strstr(desk_draw(k, 30, 80), "2, 24.50 to 25.00, last 25.00"));
	for (unsigned rows = 1; rows <= 43; rows += 3)
		for (unsigned cols = 1; cols <= 132; cols += 7)
			desk_draw(k, rows, cols);
	assert_true(k->ops.copy(&k->d, k->self, &b));
	assert_non_null(strstr(mkt_buf_str(&b), "--tag green"));
	mkt_buf_release(&b);
	desk_act(k, TUI_A_LATER);
	desk_tick(k);
	assert_non_null(strstr(desk_draw(k, 10, 40), "12:00 green  24.10/25.50"));
	desk_end(k);
}

static bool begun_in_the_middle;

/* Two pages of contracts a window. */
static const char *answer_pages(struct desk *k, const char *path, struct mkt_buf *buf)
{
	bool later = strstr(path, "window=1795402800"), second = strstr(path, "after=");

	if (!strstr(path, "/v1/contracts"))
		return answer(k, path, buf);
	begun_in_the_middle |= later && second && !strstr(path, "after=22");
	mkt_buf_addf(
		buf,
		"{\"schema\":\"mkt.x/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":"
		"[{\"window_s\":%s,\"tags\":\"green\",\"exec\":\"%d\",\"price_upwh\":24500}]%s}",
		later ? "1795402800" : "1795401000", (later ? 20 : 0) + (second ? 9 : 2),
		second	? ""
		: later ? ",\"next\":\"22\""
			: ",\"next\":\"2\"");
	return mkt_buf_str(buf);
}

/* A page of the book that was selected before says nothing of where the next one is to begin. */
static void a_page_comes_late(void **state)
{
	struct desk *k = desk_begin(&tui_pane_book, "oak");

	(void)state;
	k->answer = answer_pages;
	k->d.facts.open_first_s = 1795401000;
	k->d.facts.open_count = 40;
	begun_in_the_middle = false;
	k->ops.visit(&k->d, k->self);
	for (unsigned i = 0; i < 12; i++) {
		bool asked = false;

		k->d.steady_ms += 1000;
		k->ops.tick(&k->d, k->self);
		for (unsigned a = 0; a < k->nasks; a++)
			asked |= strstr(k->asks[a].path, "/v1/contracts?window=1795401000") != NULL;
		if (asked) {
			k->ops.act(&k->d, k->self, TUI_A_LATER);
			desk_answer(k);
			break;
		}
		desk_answer(k);
	}
	for (unsigned i = 0; i < 12; i++)
		desk_tick(k);
	assert_false(begun_in_the_middle);
	assert_non_null(strstr(desk_draw(k, 30, 80), "2, 24.50 to 24.50"));
	desk_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(pictures),
					   cmocka_unit_test(a_page_comes_late)};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

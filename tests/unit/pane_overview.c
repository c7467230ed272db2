/*
 * Overview: blocks before and after it began, prices, energy of today by pages and by events, what
 * needs a human and is acknowledged; all sizes; hostile words.
 */
#include "core/base/compat.h"

#include "tests/panes.h"
#include "tui/today.h"

#define FRAME(data)                                                                                \
	"{\"schema\":\"mkt.x/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":[" data "]}"
#define BOOK(window, tags, side, price)                                                            \
	"{\"window_s\":" window ",\"tags\":\"" tags "\",\"side\":\"" side "\",\"price_upwh\":" price "}"

static const char *answer(struct desk *k, const char *path, struct mkt_buf *buf)
{
	(void)k, (void)buf;
	if (!strncmp(path, "/v1/books", 9))
		return FRAME(BOOK("1795402800", "green", "sell", "25500") "," BOOK(
			"1795402800", "green", "buy", "24100") "," BOOK("1795404600", "brown", "buy",
									"-1500"));
	if (!strcmp(path, "/v1/blocks?from=0&limit=240"))
		return FRAME("{\"height\":12,\"txs\":3},{\"height\":13,\"txs\":5},{\"height\":14,"
			     "\"txs\":1}");
	/* The first page of the first window, and its second one. */
	if (!strcmp(path, "/v1/contracts?window=1795359600&limit=250"))
		return "{\"schema\":\"mkt.x/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00Z\","
		       "\"data\":[{\"window_s\":1795359600,\"energy_wh\":1000,\"delivered_wh\":0}],"
		       "\"next\":\"7\"}";
	if (!strcmp(path, "/v1/contracts?window=1795359600&limit=250&after=7"))
		return FRAME("{\"window_s\":1795359600,\"energy_wh\":500,\"delivered_wh\":400}");
	if (!strncmp(path, "/v1/contracts?window=", 21))
		return FRAME("");
	return NULL;
}

static struct desk *begin(const char *who)
{
	struct desk *k = desk_begin(&tui_pane_overview, who);

	k->answer = answer;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	return k;
}

static void pictures(void **state)
{
	struct desk *k = begin("");

	(void)state;
	desk_draw(k, 19, 80);
	assert_non_null(strstr(k->picture, "tx/block, last 3: 9, at most 5"));
	assert_non_null(strstr(k->picture, "next windows           buy     sell\n"));
	assert_non_null(strstr(k->picture, "12:00 green          24.10    25.50\n"));
	assert_non_null(strstr(k->picture, "12:30 brown          -1.50        -\n"));
	assert_non_null(strstr(k->picture, "today 0.400 of 1.500 kWh metered"));
	assert_non_null(strstr(k->picture, "nothing"));
	desk_draw(k, 7, 40);
	assert_non_null(strstr(k->picture, "today 0.400 of 1.500 kWh"));
	for (unsigned rows = 1; rows < 20; rows++)
		for (unsigned cols = 1; cols < 90; cols += 8)
			desk_draw(k, rows, cols);
	desk_end(k);
}

static void events_go_on_from_there(void **state)
{
	struct desk *k = begin("");

	(void)state;
	desk_event(k, "{\"height\":15,\"kind\":\"block\",\"txs\":40,\"events\":1}");
	desk_event(k, "{\"height\":15,\"kind\":\"block\",\"txs\":40,\"events\":1}"); /* twice */
	desk_event(k, "{\"height\":15,\"n\":1,\"kind\":\"contract\",\"window_s\":1795359600,"
		      "\"energy_wh\":250}");
	desk_event(k, "{\"height\":15,\"n\":2,\"kind\":\"settled\",\"window_s\":1795359600,"
		      "\"delivered_wh\":100,\"contracted_wh\":100}");
	/* Of tomorrow. */
	desk_event(k, "{\"height\":15,\"n\":3,\"kind\":\"contract\",\"window_s\":1795446000,"
		      "\"energy_wh\":9000}");
	desk_draw(k, 19, 80);
	assert_non_null(strstr(k->picture, "last 4: 49, at most 40"));
	assert_non_null(strstr(k->picture, "0.500 of 1.750 kWh metered"));
	desk_end(k);
}

static void history_that_comes_late(void **state)
{
	struct desk *k = desk_begin(&tui_pane_overview, "");

	(void)state;
	k->answer = answer;
	k->ops.visit(&k->d, k->self);
	desk_event(k, "{\"height\":14,\"kind\":\"block\",\"txs\":1,\"events\":1}");
	desk_event(k, "{\"height\":15,\"kind\":\"block\",\"txs\":2,\"events\":1}");
	desk_answer(k);
	desk_draw(k, 19, 80);
	assert_non_null(strstr(k->picture, "last 4: 11, at most 5"));
	desk_end(k);
}

static void what_needs_a_human(void **state)
{
	struct desk *k = begin("oak");
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	k->d.money.known = true;
	snprintf(k->d.money.name, sizeof(k->d.money.name), "oak");
	k->d.node.nalarms = 1;
	snprintf(k->d.node.alarms[0], sizeof(k->d.node.alarms[0]), "the disk is nearly full");
	desk_tick(k);
	desk_event(k, "{\"height\":15,\"n\":1,\"kind\":\"result\",\"account_name\":\"elm\",\"what\":"
		      "\"bid\",\"code\":\"balance\",\"message\":\"not enough available\"}");
	desk_event(k, "{\"height\":15,\"n\":2,\"kind\":\"result\",\"account_name\":\"oak\",\"what\":"
		      "\"bid\",\"code\":\"balance\",\"message\":\"not \\u001b[31menough\"}");
	desk_draw(k, 19, 80);
	assert_non_null(strstr(k->picture, ">alarm    the disk is nearly full"));
	assert_non_null(strstr(k->picture, "refused  oak: bid refused: not ?[31menough"));
	assert_null(strstr(k->picture, "elm"));
	desk_act(k, TUI_A_ACKNOWLEDGE);
	k->ops.line(&k->d, k->self, &b);
	assert_string_equal(mkt_buf_str(&b), "block 14  1 need a human");
	mkt_buf_release(&b);
	/* The node takes its alarm back. */
	k->d.node.nalarms = 0;
	desk_tick(k);
	desk_draw(k, 19, 80);
	assert_null(strstr(k->picture, "alarm"));
	/* However many refusals come, the list is bounded. */
	for (unsigned i = 0; i < 500; i++) {
		char text[160];

		snprintf(text, sizeof(text),
			 "{\"height\":16,\"n\":%u,\"kind\":\"result\",\"account_name\":\"oak\","
			 "\"what\":\"bid\",\"code\":\"tick\",\"message\":\"m%u\"}",
			 i, i);
		desk_event(k, text);
	}
	assert_int_equal(k->ops.list(&k->d, k->self)->count, 48);
	desk_end(k);
}

static void lost_answers(void **state)
{
	struct desk *k = desk_begin(&tui_pane_overview, "");

	(void)state;
	k->answer = answer;
	k->down = true;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	desk_draw(k, 19, 80);
	assert_non_null(strstr(k->picture, "reading"));
	k->down = false;
	for (unsigned i = 0; i < 4; i++) {
		desk_tick(k);
		desk_answer(k);
	}
	desk_draw(k, 19, 80);
	assert_non_null(strstr(k->picture, "today 0.400 of 1.500 kWh metered"));
	assert_non_null(strstr(k->picture, "last 3"));
	desk_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures),
		cmocka_unit_test(events_go_on_from_there),
		cmocka_unit_test(history_that_comes_late),
		cmocka_unit_test(what_needs_a_human),
		cmocka_unit_test(lost_answers),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

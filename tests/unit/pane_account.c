/*
 * Account: balance, bids, statement, the month so far; cancelling holds numbers; pictures at all
 * sizes; hostile names; lost answers.
 */
#include "core/base/compat.h"

#include "tests/panes.h"
#include "tui/mybids.h"
#include "tui/statement.h"

static const char *answer(struct desk *k, const char *path, struct mkt_buf *buf)
{
	(void)k, (void)buf;
	if (!strcmp(path, "/v1/accounts/oak"))
		return canned_account;
	if (!strcmp(path, "/v1/bids?account=oak&limit=250"))
		return canned_bids;
	if (!strcmp(path, "/v1/bids/5"))
		return canned_bid;
	if (!strcmp(path, "/v1/accounts/oak/events?down=1&limit=100"))
		return canned_story_down;
	if (!strcmp(path, "/v1/accounts/2/events?limit=250&from=0"))
		return canned_story_up;
	if (!strncmp(path, "/v1/accounts/2/events?", 22))
		return "{\"schema\":\"mkt.events/1\",\"height\":15,"
		       "\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":[]}"; /* nothing new */
	if (!strncmp(path, "/v1/blocks?limit=1&from=", 24))
		return canned_block; /* all of them in this month */
	return NULL;
}

static struct desk *begin(void)
{
	struct desk *k = desk_begin(&tui_pane_account, "oak");

	k->answer = answer;
	snprintf(k->d.money.name, sizeof(k->d.money.name), "oak");
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	desk_tick(k);
	return k;
}

static void pictures(void **state)
{
	struct desk *k = begin();

	(void)state;
	/* As much as the frame leaves of 80x24, 40x12 and 132x43. */
	begins(desk_draw(k, 19, 80),
		"oak  #2  household\n"
		"available 999881 JPY  held 18 JPY  locked 36 JPY\n"
		"held: what is left of each bid at its dearest open leg with fee, 2 bids\n"
		"2026-11 so far:  +999935 JPY  bought 3.500 kWh -70  transfers +5\n"
		"[bids 2]  statement  Left and Right change\n"
		" bid     side left kWh   of kWh     limit/kWh  legs first open  tags    "
		"    held\n"
		">b5      buy     1.000    1.000  17.00..18.00   2/2 11-23 14:00 green   "
		"      18\n"
		" b6      sell    3.000    3.000         25.00   1/1 11-23 18:00 brown   "
		"       0\n");
	begins(desk_draw(k, 7, 40),
		"available 999881 JPY  held 18 JPY\n"
		"[bids 2]  statement\n"
		" bid    side left kWh limit~ first open\n"
		">b5     buy     1.000 17.00~ 11-23 14:00\n"
		" b6     sell    3.000  25.00 11-23 18:00\n");
	begins(desk_draw(k, 38, 132),
		"oak  #2  household\n"
		"available 999881 JPY  held 18 JPY for what is left of bids  locked 36 JP"
		"Y for contracts\n"
		"held: what is left of each bid at its dearest open leg with fee, 2 bids "
		" locked: until settled\n"
		"2026-11 so far:  +999935 JPY  bought 3.500 kWh -70  transfers +5  deposi"
		"ts +1000000\n"
		"[bids 2]  statement  Left and Right change\n"
		" bid     side left kWh   of kWh     limit/kWh  legs first open  tags    "
		"                                                        held\n"
		">b5      buy     1.000    1.000  17.00..18.00   2/2 11-23 14:00 green   "
		"                                                          18\n"
		" b6      sell    3.000    3.000         25.00   1/1 11-23 18:00 brown   "
		"                                                           0\n");
	desk_act(k, TUI_A_RIGHT);
	begins(desk_draw(k, 7, 40),
		"available 999881 JPY  held 18 JPY\n"
		"bids 2  [statement]\n"
		" block   what happened             money\n"
		">14      transfer from elm            +5\n"
		" 13      report c1\n"
		" 13      c1 settled: 3.500 kWh~      -70\n"
		" 13      c1: 4.000 kWh reporte~\n");
	begins(desk_draw(k, 19, 80),
		"oak  #2  household\n"
		"available 999881 JPY  held 18 JPY  locked 36 JPY\n"
		"held: what is left of each bid at its dearest open leg with fee, 2 bids\n"
		"2026-11 so far:  +999935 JPY  bought 3.500 kWh -70  transfers +5\n"
		"bids 2  [statement]  Left and Right change\n"
		" block      kind     what happened                                      "
		"   money\n"
		">14         money    transfer from elm                                  "
		"      +5\n"
		" 13         result   report c1\n"
		" 13         settled  c1 settled: 3.500 kWh of 4.000 kWh from elm        "
		"     -70\n"
		" 13         report   c1: 4.000 kWh reported as draw\n"
		" 10         result   bid b6, 3.000 kWh left\n"
		" 9          result   bid b5, 1.000 kWh left\n"
		" 8          result   bid b4, 0.000 kWh left\n"
		" 8          gone     b4 filled\n"
		" 8          contract c2: bought 2.000 kWh from elm, 2026-11-23 14~\n"
		" 6          result   bid b2, 0.000 kWh left\n"
		" 6          gone     b2 filled\n"
		" 6          contract c1: bought 4.000 kWh from elm, 2026-11-23 10~\n"
		" 4          money    deposit                                            "
		"+1000000\n");
	desk_end(k);
}

static void nobody(void **state)
{
	struct desk *k = desk_begin(&tui_pane_account, "");

	(void)state;
	k->ops.visit(&k->d, k->self);
	assert_int_equal(k->nasks, 0);
	begins(desk_draw(k, 5, 60), "no account: start with --account NAME, or with a key\n");
	desk_end(k);
}

static void one_bid(void **state)
{
	struct desk *k = begin();
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	desk_draw(k, 19, 80);
	desk_act(k, TUI_A_OPEN);
	assert_string_equal(k->title, "bid b5");
	assert_non_null(strstr(k->text, "buy 1.000 kWh, open\n"));
	assert_non_null(strstr(k->text,
			       "  leg 2   2026-11-23 14:00-14:30 JST  brown at 17.00 JPY/kWh\n"));
	desk_act(k, TUI_A_WHY);
	assert_string_equal(k->ran, "why b5");
	k->ran_done(&k->d, k->ran_ctx, &(struct tui_outcome){.out = "so", .err = ""});
	assert_string_equal(k->title, "mkt why b5");
	assert_true(k->ops.copy(&k->d, k->self, &b));
	assert_string_equal(mkt_buf_str(&b), "b5");
	mkt_buf_release(&b);
	desk_end(k);
}

/* What is acted on are the numbers, whatever comes to stand in their rows. */
static void cancelling(void **state)
{
	struct desk *k = begin();

	(void)state;
	desk_draw(k, 19, 80);
	desk_act(k, TUI_A_CANCEL);
	assert_string_equal(k->title, "Cancel bid b5");
	assert_string_equal(k->dialog, "cancel b5");
	assert_non_null(strstr(k->text, "b5: buy, 1.000 kWh of 1.000 kWh left\n"));
	desk_act(k, TUI_A_MARK);
	desk_act(k, TUI_A_MARK);
	desk_act(k, TUI_A_CANCEL);
	assert_string_equal(k->title, "Cancel 2 bids");
	assert_string_equal(k->dialog, "cancel b5 b6");
	desk_act(k, TUI_A_RIGHT);
	k->dialog[0] = '\0';
	desk_act(k, TUI_A_CANCEL);
	assert_string_equal(k->dialog, "");
	assert_non_null(strstr(SAID(k), "Left shows them"));
	desk_end(k);
}

static const char *answer_sixty(struct desk *k, const char *path, struct mkt_buf *buf)
{
	bool second = strstr(path, "&after=30") != NULL;

	if (strncmp(path, "/v1/bids?", 9) != 0)
		return answer(k, path, buf);
	mkt_buf_addstr(buf, "{\"schema\":\"mkt.bids/1\",\"height\":15,"
			    "\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":[");
	for (unsigned i = second ? 31 : 1; i <= (second ? 60 : 30); i++)
		mkt_buf_addf(buf,
			     "%s{\"bid\":\"%u\",\"side\":\"sell\",\"amount_wh\":2,\"left_wh\":1,"
			     "\"held_uc\":\"7\",\"time\":\"2026-11-22T00:00:00Z\",\"legs\":[]}",
			     i % 30 == 1 ? "" : ",", i);
	mkt_buf_addstr(buf, second ? "]}" : "],\"next\":\"30\"}");
	return mkt_buf_str(buf);
}

static void too_many_marks(void **state)
{
	struct desk *k = desk_begin(&tui_pane_account, "oak");

	(void)state;
	k->answer = answer_sixty;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	desk_draw(k, 19, 80);
	assert_non_null(strstr(k->picture, "[bids 60]"));
	for (unsigned i = 0; i < 60; i++)
		desk_act(k, TUI_A_MARK);
	desk_act(k, TUI_A_CANCEL);
	assert_string_equal(k->dialog, "");
	assert_non_null(strstr(SAID(k), "60 bids are marked, at most 50 at once"));
	desk_end(k);
}

/* ---- statement ---------------------------------------------------------------------------- */

static void statement(void **state)
{
	struct desk *k = begin();

	(void)state;
	desk_act(k, TUI_A_RIGHT);
	desk_draw(k, 19, 80);
	assert_non_null(strstr(k->picture, ">14         money    transfer from elm"));
	assert_non_null(strstr(k->picture, "+5\n"));
	assert_non_null(strstr(k->picture, "c1 settled: 3.500 kWh of 4.000 kWh from elm"));
	assert_non_null(strstr(k->picture, "-70\n"));
	desk_act(k, TUI_A_DOWN);
	desk_act(k, TUI_A_DOWN);
	desk_act(k, TUI_A_OPEN);
	assert_string_equal(k->title, "block 13, event 1");
	assert_non_null(strstr(k->text, "-70 JPY"));
	desk_end(k);
}

/* Pages of a long story: newest first, each event once. */
static const char *answer_long(struct desk *k, const char *path, struct mkt_buf *buf)
{
	const char *from = strstr(path, "&from=");
	unsigned last = from ? (unsigned)(strtoul(from + 6, NULL, 10) >> 24) : 900, n = 250;

	if (strstr(path, "down=1") == NULL)
		return answer(k, path, buf);
	n = from ? 250 : 100;
	mkt_buf_addstr(buf, "{\"schema\":\"mkt.events/1\",\"height\":900,"
			    "\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":[");
	for (unsigned i = 0; i < n && i < last; i++)
		mkt_buf_addf(buf,
			     "%s{\"height\":%u,\"n\":0,\"kind\":\"money\",\"why\":\"deposit\","
			     "\"from\":null,\"from_name\":null,\"to\":2,\"to_name\":\"oak\","
			     "\"money_uc\":\"%u\"}",
			     i ? "," : "", last - i, last - i);
	mkt_buf_addstr(buf, "]");
	if (last > n)
		mkt_buf_addf(buf, ",\"next\":\"%llu\"", (unsigned long long)(last - n) << 24);
	mkt_buf_addstr(buf, "}");
	return mkt_buf_str(buf);
}

static void older_entries(void **state)
{
	struct desk *k = desk_begin(&tui_pane_account, "oak");
	struct tui_list *l;

	(void)state;
	k->answer = answer_long;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	desk_act(k, TUI_A_RIGHT);
	desk_draw(k, 19, 80);
	l = k->ops.list(&k->d, k->self);
	assert_int_equal(l->count, 100);
	assert_non_null(strstr(k->picture, ">900 "));
	for (unsigned i = 0; i < 5; i++) {
		desk_act(k, TUI_A_LAST);
		desk_draw(k, 19, 80);
	}
	assert_int_equal(l->count, 900);
	assert_non_null(strstr(k->picture, ">1 "));
	desk_end(k);
}

/* ---- events ------------------------------------------------------------------------------- */

static void only_own_events_are_read_for(void **state)
{
	struct desk *k = begin();
	unsigned before;

	(void)state;
	desk_tick(k);
	before = k->answered;
	desk_event(k, "{\"kind\":\"result\",\"account\":5,\"what\":\"bid\",\"code\":\"ok\"}");
	desk_tick(k);
	assert_int_equal(k->answered, before);
	desk_event(k, "{\"kind\":\"gone\",\"account\":2,\"bid\":\"5\"}");
	desk_tick(k);
	assert_int_equal(k->answered, before + 4); /* account, bids, statement, month */
	desk_event(k, "{\"kind\":\"gate\",\"window_s\":1}");
	desk_tick(k);
	assert_int_equal(k->answered, before + 5);
	desk_end(k);
}

static void answers_are_lost(void **state)
{
	struct desk *k = desk_begin(&tui_pane_account, "oak");

	(void)state;
	k->answer = answer;
	k->full = true;
	k->ops.visit(&k->d, k->self);
	desk_tick(k);
	begins(desk_draw(k, 19, 80), "reading ...\n");
	k->full = false;
	k->down = true;
	desk_tick(k);
	desk_tick(k);
	k->down = false;
	for (unsigned i = 0; i < 4; i++)
		desk_tick(k);
	desk_draw(k, 19, 80);
	assert_non_null(strstr(k->picture, "[bids 2]"));
	assert_non_null(strstr(k->picture, "2026-11 so far:"));
	desk_end(k);
}

static const char *answer_hostile(struct desk *k, const char *path, struct mkt_buf *buf)
{
	if (strstr(path, "down=1"))
		return "{\"schema\":\"mkt.events/1\",\"height\":15,"
		       "\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":[{\"height\":14,\"n\":0,"
		       "\"kind\":\"money\",\"why\":\"transfer\",\"from\":9,\"from_name\":"
		       "\"\\u001b]0;x\\u0007\\u202e\\u96fb\",\"to\":2,\"to_name\":\"oak\","
		       "\"money_uc\":\"1\"}]}";
	if (!strncmp(path, "/v1/bids?", 9))
		return "{\"schema\":\"mkt.bids/1\",\"height\":15,"
		       "\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":[{\"bid\":\"5\","
		       "\"side\":\"buy\",\"amount_wh\":1,\"left_wh\":1,\"held_uc\":\"1\","
		       "\"time\":\"2026-11-22T00:00:00Z\",\"legs\":[{\"window_s\":1795410000,"
		       "\"tags\":\"\\u001b[31m\\u202egr\\u00e9\\u96fb\\u6c17\\u5e02\\u5834\\u96fb\","
		       "\"price_upwh\":1,\"open\":true}]}]}";
	return answer(k, path, buf);
}

static void names_are_only_names(void **state)
{
	struct desk *k = desk_begin(&tui_pane_account, "oak");

	(void)state;
	k->answer = answer_hostile;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	for (unsigned turn = 0; turn < 2; turn++) {
		for (unsigned cols = 1; cols < 140; cols += 13) {
			desk_draw(k, 12, cols);
			for (const char *p = k->picture; *p; p++)
				assert_true((uint8_t)*p >= ' ' || *p == '\n');
			assert_null(strstr(k->picture, "\xe2\x80\xae"));
		}
		desk_act(k, TUI_A_RIGHT);
	}
	assert_non_null(strstr(desk_draw(k, 12, 80), "transfer from ?]0;x??電"));
	desk_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures),
		cmocka_unit_test(nobody),
		cmocka_unit_test(one_bid),
		cmocka_unit_test(cancelling),
		cmocka_unit_test(too_many_marks),
		cmocka_unit_test(statement),
		cmocka_unit_test(older_entries),
		cmocka_unit_test(only_own_events_are_read_for),
		cmocka_unit_test(answers_are_lost),
		cmocka_unit_test(names_are_only_names),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

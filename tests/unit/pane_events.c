/*
 * Events: history and what comes, pictures, one event opened, a ring that forgets the oldest, text
 * that is damaged, too long, or hostile.
 */
#include "core/base/compat.h"

#include "tests/panes.h"

static const char *answer(struct desk *k, const char *path, struct mkt_buf *buf)
{
	(void)k, (void)buf;
	return strncmp(path, "/v1/events/page?from=", 21) ? NULL : canned_story_up;
}

static struct desk *begin(void)
{
	struct desk *k = desk_begin(&tui_pane_events, "");

	k->answer = answer;
	k->d.have_facts = true;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	return k;
}

static void pictures(void **state)
{
	struct desk *k = begin();

	(void)state;
	desk_draw(k, 16, 100);
	assert_non_null(strstr(k->picture, " block:n    kind     account      what\n"));
	assert_non_null(strstr(k->picture,
			       " 6:0        contract oak          c1: oak buys 4.000 kWh from elm, "));
	assert_non_null(strstr(k->picture, " 8:2        gone     oak          b4 of oak is filled\n"));
	assert_non_null(strstr(k->picture, ">14:0       money    elm          transfer of "));
	/* Narrow: the sentence stays. */
	desk_draw(k, 5, 40);
	assert_non_null(strstr(k->picture, "transfer of 5 JPY"));
	desk_draw(k, 1, 1);
	desk_end(k);
}

static void opened_and_copied(void **state)
{
	struct desk *k = begin();
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	desk_draw(k, 16, 100);
	desk_act(k, TUI_A_OPEN);
	assert_string_equal(k->title, "event of block 14");
	assert_non_null(strstr(k->text, "transfer of 5 JPY from elm to oak\n"));
	assert_non_null(strstr(k->text, "\"why\":\"transfer\"\n"));
	assert_true(k->ops.copy(&k->d, k->self, &b));
	assert_string_equal(mkt_buf_str(&b), "14:0");
	mkt_buf_clear(&b);
	k->ops.line(&k->d, k->self, &b);
	assert_string_equal(mkt_buf_str(&b), "transfer of 5 JPY from elm to oak");
	mkt_buf_release(&b);
	desk_end(k);
}

static void the_oldest_are_forgotten(void **state)
{
	struct desk *k = begin();

	(void)state;
	for (unsigned i = 1; i <= 5000; i++) {
		char text[160];

		snprintf(text, sizeof(text),
			 "{\"height\":%u,\"n\":0,\"kind\":\"gone\",\"bid\":\"%u\",\"account_name\":"
			 "\"oak\",\"reason\":\"filled\",\"left_wh\":0}",
			 100 + i, i);
		desk_event(k, text);
	}
	assert_int_equal(k->ops.list(&k->d, k->self)->count, 1024);
	desk_draw(k, 6, 60);
	assert_non_null(strstr(k->picture, "b5000 of oak is filled"));
	k->ops.list(&k->d, k->self)->follow = false;
	assert_true(tui_list_act(k->ops.list(&k->d, k->self), TUI_A_FIRST));
	desk_draw(k, 6, 60);
	assert_non_null(strstr(k->picture, "b3977 of oak is filled"));
	desk_end(k);
}

static void odd_ones(void **state)
{
	struct desk *k = begin();
	char longer[2048];

	(void)state;
	desk_event(k, "{\"height\":20,\"n\":1,\"kind\":\"gone\"}");
	desk_event(k, "{\"height\":20,\"n\":2,\"kind\":\"result\",\"account_name\":\"\\u001b[2Jx\","
		      "\"what\":\"bid\",\"code\":\"balance\",\"message\":\"\\u202e\\u0007\"}");
	snprintf(longer, sizeof(longer), "{\"height\":20,\"n\":3,\"kind\":\"contract\",\"tags\":\"%0*d\"}",
		 1500, 7);
	desk_event(k, longer);
	desk_draw(k, 8, 70);
	assert_non_null(strstr(k->picture, "b0 of ? ?"));
	assert_non_null(strstr(k->picture, "?[2Jx"));
	assert_null(strchr(k->picture, 27));
	assert_null(strstr(k->picture, "\xe2\x80\xae"));
	assert_non_null(strstr(k->picture, "too long to be kept here: see 'mkt log'"));
	desk_end(k);
}

/* Nothing was there to be read: what comes is enough. */
static void without_history(void **state)
{
	struct desk *k = desk_begin(&tui_pane_events, "");

	(void)state;
	k->answer = answer;
	k->down = true;
	k->d.have_facts = true;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	desk_draw(k, 4, 60);
	assert_non_null(strstr(k->picture, "nothing has happened since this began"));
	desk_act(k, TUI_A_OPEN);
	assert_string_equal(SAID(k), "no event is selected");
	desk_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures),
		cmocka_unit_test(opened_and_copied),
		cmocka_unit_test(the_oldest_are_forgotten),
		cmocka_unit_test(odd_ones),
		cmocka_unit_test(without_history),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

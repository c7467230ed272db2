/*
 * Contracts: states and their order, pictures at all sizes, hostile names, events, a hundred
 * thousand of them in bounded memory, lost answers.
 */
#include "core/base/compat.h"

#include "tests/panes.h"
#include "tui/contracts.h"

static const char *answer(struct desk *k, const char *path, struct mkt_buf *buf)
{
	(void)k, (void)buf;
	if (!strcmp(path, "/v1/accounts/oak"))
		return canned_account;
	if (!strcmp(path, "/v1/contracts?account=oak&limit=250"))
		return canned_contracts;
	if (!strcmp(path, "/v1/contracts/1"))
		return canned_contract;
	return NULL;
}

static struct desk *begin(void)
{
	struct desk *k = desk_begin(&tui_pane_contracts, "oak");

	k->answer = answer;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	return k;
}

#define SETTLED_2                                                                                  \
	"{\"height\":20,\"n\":1,\"kind\":\"settled\",\"exec\":\"2\",\"buyer\":2,\"seller\":1,"      \
	"\"window_s\":1795410000,\"contracted_wh\":2000,\"supply_wh\":2000,\"draw_wh\":2000,"      \
	"\"delivered_wh\":2000,\"paid_uc\":\"36000000\",\"fee_uc\":\"0\",\"supply_reported\":true," \
	"\"draw_reported\":true}"

static void pictures(void **state)
{
	struct desk *k = begin();

	(void)state;
	/* As much as the frame leaves of 80x24, 40x12 and 132x43. */
	begins(desk_draw(k, 19, 80),
		"1 short  1 coming  3.500 of 6.000 kWh reported or settled\n"
		" contract state▲  window      side partner tags       kWh  per kWh delivery\n"
		">c1       short   11-23 10:30 buy  elm     green    4.000    20.00 ███████   87%\n"
		" c2       coming  11-23 14:00 buy  elm     green    2.000    18.00 -\n");
	begins(desk_draw(k, 7, 40),
		"1 short  1 coming\n"
		" contract state▲  window      delivery\n"
		">c1       short   11-23 10:30 ████▍  87%\n"
		" c2       coming  11-23 14:00 -\n");
	begins(desk_draw(k, 38, 132),
		"1 short  1 coming  3.500 of 6.000 kWh reported or settled\n"
		" contract state▲  window      side partner                              "
		"                   tags           kWh  per kWh delivery\n"
		">c1       short   11-23 10:30 buy  elm                                  "
		"                   green        4.000    20.00 ███████   87%\n"
		" c2       coming  11-23 14:00 buy  elm                                  "
		"                   green        2.000    18.00 -\n");
	begins(desk_draw(k, 2, 12),
		"1 short  1 ~\n");
	k->d.canvas.utf8 = false;
	k->d.canvas.glyphs = TUI_ASCII;
	begins(desk_draw(k, 5, 80),
		"1 short  1 coming  3.500 of 6.000 kWh reported or settled\n"
		" contract state^  window      side partner tags       kWh  per kWh delivery\n"
		">c1       short   11-23 10:30 buy  elm     green    4.000    20.00 #######   87%\n"
		" c2       coming  11-23 14:00 buy  elm     green    2.000    18.00 -\n");
	desk_end(k);
}

static void opened(void **state)
{
	struct desk *k = begin();

	(void)state;
	desk_draw(k, 10, 80);
	desk_act(k, TUI_A_OPEN);
	assert_string_equal(k->title, "contract c1");
	assert_non_null(strstr(k->text, "elm sells 4.000 kWh to oak\n"));
	assert_non_null(strstr(k->text, "supplied               3.500 kWh\n"));
	assert_non_null(strstr(k->text, "oak reported 4.000 kWh of draw\n"));
	assert_non_null(strstr(k->text, "charged to the seller  22.50 JPY\n"));
	desk_act(k, TUI_A_WHY);
	assert_string_equal(k->ran, "why c1");
	k->ran_done(&k->d, k->ran_ctx, &(struct tui_outcome){.out = "because", .err = ""});
	assert_string_equal(k->title, "mkt why c1");
	assert_string_equal(k->text, "because");
	k->ran_done(&k->d, k->ran_ctx, &(struct tui_outcome){.status = 7, .out = "", .err = "gone"});
	assert_string_equal(SAID(k), "gone");
	k->full = true;
	desk_act(k, TUI_A_OPEN);
	assert_non_null(strstr(SAID(k), "try again"));
	k->full = false;
	k->down = true;
	desk_act(k, TUI_A_OPEN);
	assert_non_null(strstr(SAID(k), "cannot read contract c1"));
	desk_end(k);
}

static void events(void **state)
{
	struct desk *k = begin();
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	desk_event(k, SETTLED_2);
	assert_non_null(strstr(desk_draw(k, 6, 80), "1 short  1 done"));
	/* Of others: not ours. */
	desk_event(k, "{\"height\":20,\"n\":2,\"kind\":\"contract\",\"exec\":\"7\",\"buyer\":5,"
		      "\"seller\":6,\"buyer_name\":\"x\",\"seller_name\":\"y\",\"window_s\":1795410000,"
		      "\"tags\":\"green\",\"energy_wh\":1,\"price_upwh\":1,\"fee_upwh\":0}");
	desk_event(k, "{\"height\":20,\"n\":3,\"kind\":\"contract\",\"exec\":\"8\",\"buyer\":5,"
		      "\"seller\":2,\"buyer_name\":\"fir\",\"seller_name\":\"oak\","
		      "\"window_s\":1795395600,\"tags\":\"green\",\"energy_wh\":1000,"
		      "\"price_upwh\":1,\"fee_upwh\":0}");
	assert_non_null(strstr(desk_draw(k, 6, 80), "1 short  1 due  1 done"));
	assert_non_null(strstr(k->picture, "c8       due"));
	assert_non_null(strstr(k->picture, "sell fir"));
	assert_null(strstr(k->picture, "c7"));
	desk_event(k, "{\"kind\":\"report\",\"exec\":\"8\",\"side\":\"supply\",\"energy_wh\":400}");
	assert_non_null(strstr(desk_draw(k, 6, 80), "2 short  1 done"));
	desk_event(k, "{\"kind\":\"result\",\"exec\":\"2\",\"what\":\"retire\",\"code\":\"ok\"}");
	assert_non_null(strstr(desk_draw(k, 6, 80), "2 short  1 retired"));
	/* Damaged ones change nothing. */
	desk_event(k, "{\"kind\":\"report\",\"exec\":\"8\"}");
	desk_event(k, "{\"kind\":\"settled\",\"exec\":\"8\"}");
	desk_event(k, "{\"kind\":\"contract\",\"exec\":\"9\",\"buyer\":2,\"seller\":1}");
	assert_non_null(strstr(desk_draw(k, 6, 80), "2 short  1 retired"));
	/* The latest shortfall is first; copying names it. */
	assert_true(k->ops.copy(&k->d, k->self, &b));
	assert_string_equal(mkt_buf_str(&b), "c1");
	mkt_buf_release(&b);
	desk_end(k);
}

/* The state has forgotten one that never was settled here: it is gone; the settled one stays. */
static const char *answer_less(struct desk *k, const char *path, struct mkt_buf *buf)
{
	if (!strcmp(path, "/v1/contracts?account=oak&limit=250"))
		return "{\"schema\":\"mkt.contracts/1\",\"height\":15,"
		       "\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":[]}";
	return answer(k, path, buf);
}

static void reloaded(void **state)
{
	struct desk *k = begin();

	(void)state;
	k->answer = answer_less;
	k->ops.reload(&k->d, k->self);
	assert_non_null(strstr(desk_draw(k, 6, 80), "reading"));
	desk_answer(k);
	assert_non_null(strstr(desk_draw(k, 6, 80), "1 short  3.500 of 4.000"));
	desk_end(k);
}

static void answers_are_lost(void **state)
{
	struct desk *k = desk_begin(&tui_pane_contracts, "oak");

	(void)state;
	k->answer = answer;
	k->full = true;
	k->ops.visit(&k->d, k->self);
	assert_int_equal(k->nasks, 0);
	k->full = false;
	k->down = true;
	desk_tick(k);
	assert_int_equal(k->answered, 1);
	assert_non_null(strstr(desk_draw(k, 6, 80), "reading"));
	k->down = false;
	for (unsigned i = 0; i < 8; i++)
		desk_tick(k);
	assert_non_null(strstr(desk_draw(k, 6, 80), "1 short  1 coming"));
	desk_end(k);
}

/* ---- hostile names ------------------------------------------------------------------------ */

static const char *answer_hostile(struct desk *k, const char *path, struct mkt_buf *buf)
{
	if (strcmp(path, "/v1/contracts?account=oak&limit=250") != 0)
		return answer(k, path, buf);
	return "{\"schema\":\"mkt.contracts/1\",\"height\":15,\"as_of\":\"2026-11-23T02:00:00Z\","
	       "\"data\":[{\"exec\":\"3\",\"buyer\":2,\"seller\":9,\"buyer_name\":\"oak\","
	       "\"seller_name\":\"a\\u001b[2J\\u202eelm\\u0301\\u0301\\u0301\","
	       "\"window_s\":1795410000,\"tags\":\"\\u0007gr\\u200b\\u96fb\\u6c17\\u5e02\\u5834\","
	       "\"energy_wh\":2000,\"price_upwh\":18000,\"fee_upwh\":0,\"status\":\"matched\","
	       "\"supply_reported\":false,\"draw_reported\":false,\"supply_wh\":0,\"draw_wh\":0,"
	       "\"delivered_wh\":0}]}";
}

static void names_are_only_names(void **state)
{
	struct desk *k = desk_begin(&tui_pane_contracts, "oak");
	const char *p;

	(void)state;
	k->answer = answer_hostile;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	for (unsigned cols = 1; cols < 140; cols += 13) {
		desk_draw(k, 5, cols);
		for (p = k->picture; *p; p++)
			assert_true((uint8_t)*p >= ' ' || *p == '\n');
		assert_null(strstr(k->picture, "\xe2\x80\xae"));
		assert_null(strstr(k->picture, "\xe2\x80\x8b"));
	}
	assert_non_null(strstr(desk_draw(k, 5, 132), "a?[2J?elm"));
	desk_end(k);
}

/* ---- a hundred thousand ------------------------------------------------------------------- */

#define MANY 100000u

static const char *answer_many(struct desk *k, const char *path, struct mkt_buf *buf)
{
	const char *after = strstr(path, "&after=");
	unsigned from = after ? (unsigned)strtoul(after + 7, NULL, 10) : 0, to = from + 250;

	if (!strncmp(path, "/v1/accounts", 12))
		return answer(k, path, buf);
	mkt_buf_addstr(buf, "{\"schema\":\"mkt.contracts/1\",\"height\":15,"
			    "\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":[");
	for (unsigned i = from; i < to; i++)
		mkt_buf_addf(buf,
			     "%s{\"exec\":\"%u\",\"buyer\":2,\"seller\":%u,\"buyer_name\":\"oak\","
			     "\"seller_name\":\"home%u\",\"window_s\":%u,\"tags\":\"green\","
			     "\"energy_wh\":2000,\"price_upwh\":18000,\"fee_upwh\":0,"
			     "\"status\":\"%s\",\"supply_reported\":true,\"draw_reported\":true,"
			     "\"supply_wh\":2000,\"draw_wh\":2000,\"delivered_wh\":%u}",
			     i > from ? "," : "", i + 1, i % 5000, i % 5000,
			     1795410000 + i % 336 * 1800, i % 2 ? "settled" : "reported",
			     i == 777 ? 1999 : 2000);
	mkt_buf_addstr(buf, "]");
	if (to < MANY)
		mkt_buf_addf(buf, ",\"next\":\"%u\"", to);
	mkt_buf_addstr(buf, "}");
	return mkt_buf_str(buf);
}

static void a_hundred_thousand(void **state)
{
	struct desk *k = desk_begin(&tui_pane_contracts, "oak");
	struct tui_list *l;

	(void)state;
	k->answer = answer_many;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	assert_non_null(strstr(desk_draw(k, 24, 80), "1 short  50000 coming  49999 done"));
	assert_non_null(strstr(k->picture, ">c778     short"));
	l = k->ops.list(&k->d, k->self);
	assert_int_equal(l->count, MANY);
	assert_int_equal(l->shown, MANY);
	/* One more: the oldest that are over make room for it. */
	desk_event(k, "{\"kind\":\"contract\",\"exec\":\"100001\",\"buyer\":2,\"seller\":1,"
		      "\"buyer_name\":\"oak\",\"seller_name\":\"elm\",\"window_s\":1795410000,"
		      "\"tags\":\"green\",\"energy_wh\":1,\"price_upwh\":1,\"fee_upwh\":0}");
	assert_true(l->count < MANY);
	desk_draw(k, 24, 80);
	assert_non_null(strstr(k->picture, "50001 coming"));
	assert_non_null(strstr(k->picture, "more have no room here"));
	desk_end(k);
}

/* ---- the store ---------------------------------------------------------------------------- */

static void names_have_an_end(void **state)
{
	struct tui_contracts s = {0};
	char json[512];

	(void)state;
	for (unsigned i = 1; i <= TUI_TEXTS_MAX + 10; i++) {
		struct mkt_jdoc *doc;
		struct mkt_jval root;
		struct mkt_err err;

		snprintf(json, sizeof(json),
			 "{\"exec\":\"%u\",\"buyer\":2,\"seller\":1,\"buyer_name\":\"oak\","
			 "\"seller_name\":\"n%u\",\"window_s\":1,\"tags\":\"green\","
			 "\"energy_wh\":1,\"price_upwh\":1,\"fee_upwh\":0}",
			 i, i);
		assert_int_equal(mkt_jdoc_parse(json, strlen(json), NULL, &doc, &err), 0);
		root = mkt_jdoc_root(doc);
		assert_int_equal(tui_contracts_put(&s, &root, &err), 0);
		mkt_jdoc_free(doc);
	}
	assert_int_equal(s.n, TUI_TEXTS_MAX + 10);
	assert_int_equal(s.ntexts, TUI_TEXTS_MAX);
	assert_string_equal(tui_contracts_text(&s, s.v[5].seller_name), "n6");
	assert_string_equal(tui_contracts_text(&s, s.v[s.n - 1].seller_name), "?");
	assert_int_equal(tui_contracts_find(&s, 17), 16);
	assert_int_equal(tui_contracts_find(&s, 0), UINT32_MAX);
	assert_int_equal(tui_contracts_find(&s, 1u << 30), UINT32_MAX);
	tui_contracts_release(&s);
}

static void states(void **state)
{
	const struct tui_contract t[] = {
		{.start_s = 1800, .energy_wh = 5},
		{.start_s = 1800, .energy_wh = 5, .supply_reported = 1, .supply_wh = 5,
		 .status = TUI_CONTRACT_REPORTED},
		{.start_s = 1800, .energy_wh = 5, .draw_reported = 1, .draw_wh = 4,
		 .status = TUI_CONTRACT_REPORTED},
		{.start_s = 1800, .energy_wh = 5, .delivered_wh = 5,
		 .status = TUI_CONTRACT_SETTLED},
		{.start_s = 1800, .energy_wh = 5, .delivered_wh = 4,
		 .status = TUI_CONTRACT_RETIRED},
		{.start_s = 1800, .energy_wh = 5, .delivered_wh = 5,
		 .status = TUI_CONTRACT_RETIRED},
	};
	static const uint8_t at_1799[] = {TUI_DELIVERY_COMING, TUI_DELIVERY_COMING,
					  TUI_DELIVERY_SHORT,  TUI_DELIVERY_DONE,
					  TUI_DELIVERY_SHORT,  TUI_DELIVERY_RETIRED};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++)
		assert_int_equal(tui_contract_stands(&t[i], 1799, 1800), at_1799[i]);
	assert_int_equal(tui_contract_stands(&t[0], 1800, 1800), TUI_DELIVERY_NOW);
	assert_int_equal(tui_contract_stands(&t[0], 3599, 1800), TUI_DELIVERY_NOW);
	assert_int_equal(tui_contract_stands(&t[0], 3600, 1800), TUI_DELIVERY_DUE);
	assert_int_equal(tui_contract_stands(&t[1], 3600, 1800), TUI_DELIVERY_DUE);
	assert_int_equal(tui_contract_moved(&t[0]), 0);
	assert_int_equal(tui_contract_moved(&t[1]), 5);
	assert_int_equal(tui_contract_moved(&t[2]), 4);
	assert_int_equal(tui_contract_moved(&t[4]), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures),
		cmocka_unit_test(opened),
		cmocka_unit_test(events),
		cmocka_unit_test(reloaded),
		cmocka_unit_test(answers_are_lost),
		cmocka_unit_test(names_are_only_names),
		cmocka_unit_test(a_hundred_thousand),
		cmocka_unit_test(names_have_an_end),
		cmocka_unit_test(states),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

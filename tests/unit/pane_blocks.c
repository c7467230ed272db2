/*
 * Blocks: follows the head, pages back in bounded memory, goes in and out; lost answers and others'
 * texts; pictures at all sizes.  Proofs are tests/unit/prove.c's.
 */
#include "core/base/compat.h"

#include "tests/panes.h"
#include "tui/blocks.h"

static unsigned head = 5000; /* of the node */

static void add_block(struct mkt_buf *b, unsigned h)
{
	mkt_buf_addf(b,
		     "{\"height\":%u,\"time\":\"2026-11-23T02:00:00Z\",\"time_ms\":%llu,\"hash\":"
		     "\"%064x\",\"txs\":%u,\"events\":%u,\"authority\":%u,\"bytes\":%u,"
		     "\"pruned\":false",
		     h, 1795399200000ull + h * 1000, h, h % 5, h % 7, h % 2, h < 100 ? 0 : 300 + h);
}

static unsigned param(const char *path, const char *name, unsigned otherwise)
{
	const char *at = strstr(path, name);

	return at ? (unsigned)strtoul(at + strlen(name), NULL, 10) : otherwise;
}

static void begin_answer(struct mkt_buf *b, const char *schema)
{
	mkt_buf_addf(b, "{\"schema\":\"mkt.%s/1\",\"height\":%u,\"as_of\":\"2026-11-23T02:00:00Z\","
			"\"data\":",
		     schema, head);
}

static void answer_blocks(const char *path, struct mkt_buf *b)
{
	bool down = strstr(path, "down=1") != NULL;
	unsigned at = param(path, "from=", head), limit = param(path, "limit=", 100);

	begin_answer(b, "blocks");
	mkt_buf_addch(b, '[');
	for (unsigned i = 0; i < limit && at <= head; i++) {
		mkt_buf_addstr(b, i ? "," : "");
		add_block(b, at);
		mkt_buf_addch(b, '}');
		if (down && !at--)
			break;
		at += !down;
	}
	mkt_buf_addstr(b, "]}");
}

/* 600 transactions of somebody with a hostile name. */
static void answer_block(const char *path, struct mkt_buf *b)
{
	unsigned from = param(path, "after=", UINT32_MAX) + 1, limit = param(path, "limit=", 100);

	begin_answer(b, "block");
	add_block(b, param(path, "/v1/blocks/", 0));
	mkt_buf_addstr(b, ",\"certificate\":{\"epoch\":7,\"votes\":2,\"needed\":2,\"authorities\":3,"
			  "\"signed_by\":[\"a1\",\"a\\u001b[2Jx\"]},\"transactions\":[");
	for (unsigned i = from; i < from + limit && i < 600; i++)
		mkt_buf_addf(b,
			     "%s{\"index\":%u,\"tx\":\"%064x\",\"account\":2,\"account_name\":"
			     "\"o\\u001b[31mak\\u202e\",\"ops\":[\"bid\",\"bid\",\"cancel\"]}",
			     i > from ? "," : "", i, i + 1);
	mkt_buf_addf(b, "]}%s", from + limit < 600 ? ",\"next\":\"" : "");
	if (from + limit < 600)
		mkt_buf_addf(b, "%u\"", from + limit - 1);
	mkt_buf_addch(b, '}');
}

static const char *answer(struct desk *k, const char *path, struct mkt_buf *buf)
{
	(void)k;
	if (!strncmp(path, "/v1/blocks?", 11))
		answer_blocks(path, buf);
	else if (!strncmp(path, "/v1/blocks/", 11))
		answer_block(path, buf);
	else if (!strcmp(path, "/v1/status"))
		mkt_buf_addstr(buf,
			       "{\"schema\":\"mkt.status/1\",\"height\":1,\"as_of\":"
			       "\"2026-11-23T02:00:00Z\",\"data\":{\"node\":{\"since\":4990,"
			       "\"members\":[{\"number\":0,\"name\":\"a1\"},"
			       "{\"number\":1,\"name\":\"north\"}]}}}");
	return buf->len ? mkt_buf_str(buf) : NULL;
}

static struct desk *begin(void)
{
	struct desk *k = desk_begin(&tui_pane_blocks, "oak");

	head = 5000;
	k->answer = answer;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	return k;
}

static void has(struct desk *k, const char *want)
{
	desk_draw(k, 19, 80);
	if (!strstr(k->picture, want))
		fail_msg("no '%s' in:\n%s", want, k->picture);
}

static void pictures(void **state)
{
	struct desk *k = begin();

	(void)state;
	begins(desk_draw(k, 7, 80),
	       "blocks 5000 to 4901, following the head\n"
	       " block     time                tx  events     bytes sealer       hash\n"
	       ">5000      11-23 12:23:20       0       2      5300 a1           00000000000000~\n"
	       " 4999      11-23 12:23:19       4       1      5299 north        00000000000000~\n"
	       " 4998      11-23 12:23:18       3       0      5298 a1           00000000000000~\n"
	       " 4997      11-23 12:23:17       2       6      5297 north        00000000000000~\n"
	       "following the newest\n");
	begins(desk_draw(k, 5, 40),
	       "blocks 5000 to 4901, following the head\n"
	       " block     time                tx sealer\n"
	       ">5000      11-23 12:23:20       0 a1\n"
	       " 4999      11-23 12:23:19       4 north\n"
	       "following the newest\n");
	for (unsigned rows = 1; rows < 9; rows++)
		for (unsigned cols = 1; cols < 140; cols += 13)
			desk_draw(k, rows, cols);
	/* Before the set in force: numbers. */
	for (unsigned i = 0; i < 12; i++)
		desk_act(k, TUI_A_DOWN);
	has(k, " 4990      11-23 12:23:10       0       6      5290 #0 ");
	desk_end(k);
}

static void follows_the_head(void **state)
{
	struct desk *k = begin();

	(void)state;
	head = 5003;
	desk_event(k, "{\"kind\":\"block\",\"height\":5003,\"txs\":1}");
	desk_tick(k);
	has(k, "blocks 5003 to 4901, following the head");
	has(k, ">5003 ");
	/* Who looks at a row keeps it. */
	desk_act(k, TUI_A_DOWN);
	has(k, ">5002 ");
	head = 5004;
	desk_event(k, "{\"kind\":\"block\",\"height\":5004,\"txs\":1}");
	desk_tick(k);
	has(k, "blocks 5004 to 4901");
	has(k, ">5002 ");
	/* Far behind, as after a night on another pane: the newest page, without a gap. */
	head = 9000;
	desk_event(k, "{\"kind\":\"block\",\"height\":9000,\"txs\":1}");
	desk_tick(k);
	has(k, "blocks 9000 to 8901, following the head");
	desk_end(k);
}

static void pages_back_and_forth(void **state)
{
	struct desk *k = begin();
	unsigned most = 0, keys = 0;

	(void)state;
	desk_draw(k, 19, 80);
	for (; keys < 2000 && !strstr(k->picture, ">0 "); keys++) {
		uint32_t n;

		desk_act(k, TUI_A_PAGE_DOWN);
		desk_draw(k, 19, 80);
		n = k->ops.list(&k->d, k->self)->count;
		most = n > most ? n : most;
	}
	assert_true(keys < 1000); /* every block on the way, a page a key */
	assert_int_equal(most, TUI_BLOCKS_KEEP);
	has(k, "blocks 2047 to 0, of 5000: Home goes to the head");
	has(k, ">0         11-23 11:00:00       0       0  archived genesis");
	/* New blocks do not move who reads far back. */
	head = 5001;
	desk_event(k, "{\"kind\":\"block\",\"height\":5001,\"txs\":1}");
	desk_tick(k);
	has(k, "blocks 2047 to 0, of 5001");
	for (keys = 0; keys < 2000 && !strstr(k->picture, ">5001 "); keys++) {
		desk_act(k, TUI_A_PAGE_UP);
		desk_draw(k, 19, 80);
		assert_true(k->ops.list(&k->d, k->self)->count <= TUI_BLOCKS_KEEP);
	}
	assert_true(keys < 1000);
	has(k, "blocks 5001 to 2954, following the head");
	/* The ends at once. */
	desk_act(k, TUI_A_LAST);
	has(k, ">0 ");
	has(k, "blocks 249 to 0, of 5001");
	desk_act(k, TUI_A_FIRST);
	has(k, ">5001 ");
	has(k, "following the head");
	desk_end(k);
}

static void into_a_block(void **state)
{
	struct desk *k = begin();
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	desk_draw(k, 19, 80);
	assert_true(k->ops.copy(&k->d, k->self, &b));
	assert_string_equal(mkt_buf_str(&b), "5000");
	desk_act(k, TUI_A_OPEN);
	begins(desk_draw(k, 7, 80),
	       "block 5000  2026-11-23 12:23:20 JST  0 tx  2 events  5.3 kB\n"
	       "signed by a1, a?[2Jx: 2 of 3, 2 needed, epoch 7\n"
	       "     nr transaction          signer           operations\n"
	       ">     0 0000000000000000000~ o?[31mak?        bid 2, cancel\n"
	       "      1 0000000000000000000~ o?[31mak?        bid 2, cancel\n"
	       "      2 0000000000000000000~ o?[31mak?        bid 2, cancel\n"
	       "      3 0000000000000000000~ o?[31mak?        bid 2, cancel\n");
	for (unsigned i = 0; i < 300; i++) {
		desk_act(k, TUI_A_PAGE_DOWN);
		desk_draw(k, 19, 80);
	}
	has(k, ">   599 ");
	mkt_buf_clear(&b);
	assert_true(k->ops.copy(&k->d, k->self, &b));
	assert_string_equal(mkt_buf_str(&b), "00000000000000000000000000000000000000000000000000000000"
					     "00000258");
	mkt_buf_release(&b);
	desk_act(k, TUI_A_BACK);
	has(k, ">5000 ");
	desk_end(k);
}

/* An envelope that is none: said, and the way back is open. */
static void a_transaction_that_does_not_come(void **state)
{
	struct desk *k = begin();

	(void)state;
	desk_draw(k, 19, 80);
	desk_act(k, TUI_A_OPEN);
	desk_draw(k, 19, 80);
	desk_act(k, TUI_A_OPEN);
	has(k, "block 5000, transaction 0000000000000000...");
	has(k, "no answer");
	desk_act(k, TUI_A_BACK);
	has(k, "signed by a1");
	desk_act(k, TUI_A_BACK);
	has(k, "blocks 5000 to 4901");
	desk_end(k);
}

static void lost_answers_keep_what_was_shown(void **state)
{
	struct desk *k = begin();

	(void)state;
	k->down = true;
	head = 5001;
	desk_event(k, "{\"kind\":\"block\",\"height\":5001,\"txs\":1}");
	desk_tick(k);
	k->ops.reload(&k->d, k->self);
	desk_answer(k);
	has(k, ">5000 ");
	k->down = false;
	desk_tick(k);
	has(k, ">5001 ");
	desk_end(k);
}

/* Answers that are none change nothing. */
static const char *answer_wrong(struct desk *k, const char *path, struct mkt_buf *buf)
{
	(void)k, (void)path;
	begin_answer(buf, "blocks");
	mkt_buf_addch(buf, '[');
	add_block(buf, 5001);
	mkt_buf_addstr(buf, "},");
	add_block(buf, 5003);
	mkt_buf_addstr(buf, "}]}");
	return mkt_buf_str(buf);
}

static void blocks_with_a_gap_are_refused(void **state)
{
	struct desk *k = begin();

	(void)state;
	k->answer = answer_wrong;
	desk_event(k, "{\"kind\":\"block\",\"height\":5003,\"txs\":1}");
	desk_tick(k);
	assert_non_null(strstr(SAID(k), "blocks do not follow each other"));
	has(k, "blocks 5000 to 4901");
	desk_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures),
		cmocka_unit_test(follows_the_head),
		cmocka_unit_test(pages_back_and_forth),
		cmocka_unit_test(into_a_block),
		cmocka_unit_test(a_transaction_that_does_not_come),
		cmocka_unit_test(lost_answers_keep_what_was_shown),
		cmocka_unit_test(blocks_with_a_gap_are_refused),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

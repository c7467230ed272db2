/*
 * Nodes: a node alone, a fullnode, an authority among three; what is silent, behind or used up is first
 * and in words; ages; lost answers; hostile names; pictures at all sizes.
 */
#include "core/base/compat.h"

#include "tests/panes.h"

#define FRAME "\"height\":18231,\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":"
#define DISK                                                                                       \
	"\"disk\":{\"blocks_bytes\":1000000,\"store_bytes\":500000,\"free_bytes\":83000000000,"    \
	"\"days_left\":%s,\"state\":\"%s\"}"

static const char *node, *disk_days, *disk_state, *health, *limits;

static const char solo[] =
	"\"role\":\"solo\",\"name\":\"a1\",\"generation\":0,\"since\":0,\"quorum\":\"majority\","
	"\"needed\":1,\"members\":[{\"number\":0,\"name\":\"a1\",\"key\":\"mkt1abc\"}],"
	"\"alarms\":[]";
/* a2 leads, a3 is silent, a1 is this node. */
static const char authority[] =
	"\"role\":\"authority\",\"number\":0,\"name\":\"a1\",\"leader\":\"a2\",\"leads\":false,"
	"\"engine\":true,\"epoch\":4,\"head\":18231,\"lag_blocks\":0,\"proposal\":18232,"
	"\"votes\":1,\"generation\":1,\"since\":9,\"quorum\":\"majority\",\"needed\":2,\"members\":["
	"{\"number\":0,\"name\":\"a1\",\"key\":\"k\",\"alive\":true,\"height\":18231,\"url\":\"u1\"},"
	"{\"number\":1,\"name\":\"a2\",\"key\":\"k\",\"alive\":true,\"height\":18231,\"url\":\"u2\"},"
	"{\"number\":2,\"name\":\"a3\",\"key\":\"k\",\"alive\":false,\"height\":18102,"
	"\"url\":\"u\\u001b[2J3\"}],\"alarms\":[]";
static const char behind[] =
	"\"role\":\"authority\",\"number\":0,\"name\":\"a1\",\"leader\":\"a2\",\"leads\":false,"
	"\"engine\":false,\"epoch\":4,\"lag_blocks\":0,\"needed\":2,\"quorum\":\"bft\",\"members\":["
	"{\"number\":0,\"name\":\"a1\",\"key\":\"k\",\"alive\":true,\"height\":18231,\"url\":\"u1\"},"
	"{\"number\":1,\"name\":\"a2\",\"key\":\"k\",\"alive\":true,\"height\":18240,\"url\":\"u2\"}],"
	"\"alarms\":[{\"alarm\":\"engine\",\"text\":\"etcd does not answer\",\"since\":\"x\"}]";
static const char fullnode[] =
	"\"role\":\"fullnode\",\"lag_blocks\":12,\"lag_ms\":21000,"
	"\"stale_since\":\"2026-11-23T02:00:00Z\",\"quorum\":\"majority\",\"needed\":1,\"members\":["
	"{\"number\":0,\"name\":\"a1\",\"key\":\"mkt1abc\"}],\"alarms\":[]";

static const char *answer(struct desk *k, const char *path, struct mkt_buf *buf)
{
	(void)k;
	if (!strcmp(path, "/v1/status"))
		mkt_buf_addf(buf,
			     "{\"schema\":\"mkt.status/1\"," FRAME
			     "{\"version\":\"0.1\",\"role\":\"%s\",\"height\":18231,\"uptime_s\":11100,"
			     "\"node\":{%s}," DISK "}}",
			     node == solo	? "solo"
			     : node == fullnode ? "fullnode"
						: "authority",
			     node, disk_days, disk_state);
	else if (!strcmp(path, "/v1/health?facts=1"))
		mkt_buf_addf(buf,
			     "{\"status\":\"%s\",\"queue\":3,\"connections\":4,\"streams\":1,"
			     "\"resident_bytes\":30000000%s}",
			     health,
			     node == fullnode
				     ? ",\"upstream\":{\"url\":\"https://a1:1\",\"height\":18243,"
				       "\"lag_blocks\":12,\"heard_ms\":21000,\"stale\":true,"
				       "\"halted\":false}"
				     : "");
	else if (!strcmp(path, "/v1/limits?account=oak") && limits)
		mkt_buf_addf(buf, "{\"schema\":\"mkt.limits/1\"," FRAME "%s}", limits);
	return buf->len ? mkt_buf_str(buf) : NULL;
}

static const char some_limits[] =
	"{\"class\":\"household\",\"open_bids\":{\"limit\":100,\"used\":12},"
	"\"tx_per_min\":{\"limit\":600,\"left\":50,\"reset_s\":30},"
	"\"reads_per_min\":{\"limit\":60,\"left\":0,\"reset_s\":30},"
	"\"rows_per_min\":{\"limit\":0,\"left\":0,\"reset_s\":0}}";

static struct desk *begin(const char *is, const char *who)
{
	struct desk *k = desk_begin(&tui_pane_nodes, who);

	node = is;
	disk_days = "null";
	disk_state = health = "ok";
	limits = some_limits;
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

static void alone(void **state)
{
	struct desk *k = begin(solo, "");

	(void)state;
	begins(desk_draw(k, 19, 80),
	       "solo, mkt 0.1, up 3 h 5 min\n"
	       "leader -  epoch 0  1 authority, 1 must sign (majority)  0 changes\n"
	       " what           state              block   use    age more\n"
	       ">this node      seals              18231          1 s solo a1\n"
	       " a1             authority                         1 s key mkt1abc\n"
	       " disk           ok                                1 s 83.0 GB free, days left n~\n"
	       " service        ok                                1 s 3 waiting, 4 connections,~\n");
	begins(desk_draw(k, 6, 40),
	       "solo, mkt 0.1, up 3 h 5 min\n"
	       "leader -  epoch 0  1 authority, 1 must ~\n"
	       " what          state          use    age\n"
	       ">this node     seals                 2 s\n"
	       " a1            authority             2 s\n"
	       " disk          ok                    2 s\n");
	for (unsigned rows = 1; rows < 9; rows++)
		for (unsigned cols = 1; cols < 140; cols += 13)
			desk_draw(k, rows, cols);
	desk_end(k);
}

static void among_three(void **state)
{
	struct desk *k = begin(authority, "");

	(void)state;
	begins(desk_draw(k, 19, 100),
	       "authority, mkt 0.1, up 3 h 5 min\n"
	       "leader a2  epoch 4  3 authorities, 2 must sign (majority)  1 change\n"
	       " what           state              block   use    age more\n"
	       ">a3             silent             18102          1 s 129 blocks behind; u?[2J3\n"
	       " this node      votes              18231          1 s block 18232 under vote: 1 of 2 "
	       "needed votes\n"
	       " a1             alive              18231          1 s u1\n"
	       " a2             leads              18231          1 s u2\n"
	       " disk           ok                                1 s 83.0 GB free, days left not known; "
	       "chain take~\n"
	       " service        ok                                1 s 3 waiting, 4 connections, 1 "
	       "streams, 30.0 MB ~\n");
	desk_act(k, TUI_A_OPEN);
	assert_string_equal(k->title, "a3");
	assert_non_null(strstr(k->text, "a3: silent\n129 blocks behind"));
	assert_non_null(strstr(k->text, "  node.leader  a2\n"));
	/* It comes back: no more the first, and still the one that is selected. */
	desk_act(k, TUI_A_DOWN);
	desk_act(k, TUI_A_UP);
	node = solo;
	desk_tick(k);
	desk_tick(k);
	has(k, "this node      seals");
	node = authority;
	desk_tick(k);
	desk_tick(k);
	has(k, ">a3             silent");
	desk_end(k);
}

static void what_worries_is_first(void **state)
{
	struct desk *k = begin(behind, "");

	(void)state;
	has(k, "no engine");
	has(k, "engine         ALARM                             2 s etcd does not answer");
	has(k, "a1             behind 9           18231 ");
	desk_end(k);
	k = begin(fullnode, "");
	has(k, ">this node      stale              18231          1 s heard of its upstream 21 ~");
	has(k, "upstream       silent             18243          2 s 21 s ago, https://a1:1");
	disk_days = "3";
	disk_state = "alarm";
	health = "disk-refusing";
	desk_tick(k);
	desk_tick(k);
	has(k, "disk           alarm                             2 s 83.0 GB free, 3 days left~");
	has(k, "service        disk-refusing");
	desk_end(k);
}

static void limits_in_percent(void **state)
{
	struct desk *k = begin(solo, "oak");

	(void)state;
	has(k, ">reads/min      used up                   100%    1 s 60 of 60 used");
	has(k, " tx/min         nearly used                91%    2 s 550 of 600 used");
	has(k, " open bids      ok                         12%    3 s 12 of 100 used");
	has(k, " rows/min       no limit                          4 s 0 used");
	desk_end(k);
}

/* What was shown stays, with its age, and is marked when that is great. */
static void lost_answers(void **state)
{
	struct desk *k = begin(authority, "oak");

	(void)state;
	has(k, ">a3             silent             18102          1 s ");
	k->down = true;
	for (unsigned i = 0; i < 12; i++)
		desk_tick(k);
	has(k, "a3             silent ?           18102         14 s ");
	k->down = false;
	desk_tick(k);
	desk_tick(k);
	has(k, "a3             silent             18102          2 s ");
	/* No permission for limits: the rest is there. */
	limits = NULL;
	desk_tick(k);
	desk_tick(k);
	has(k, "service        ok                                2 s");
	desk_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone),
		cmocka_unit_test(among_three),
		cmocka_unit_test(what_worries_is_first),
		cmocka_unit_test(limits_in_percent),
		cmocka_unit_test(lost_answers),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

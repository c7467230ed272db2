/*
 * mkt status: the health of the node on one page, and unfinished requests.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/tables.h"
#include "core/app/request.h"

static const struct mkt_col node_cols[] = {
	{"server", MKT_COL_TEXT, .head = "server"},
	{"role", MKT_COL_TEXT, .head = "role"},
	{"version", MKT_COL_TEXT, .head = "version"},
	{"name", MKT_COL_TEXT, .head = "chain"},
	{"chain", MKT_COL_TEXT, .head = "id", .wide = true},
	{"clock", MKT_COL_TEXT, .head = "clock"},
	{"height", MKT_COL_UINT, .head = "block"},
	{"time_ms", MKT_COL_TIME_MS, .json = "time", .head = "block time"},
	{"indexed", MKT_COL_UINT, .head = "indexed", .wide = true},
	{"queue", MKT_COL_UINT, .head = "waiting transactions"},
	{"txs", MKT_COL_UINT, .head = "transactions"},
	{"contracts", MKT_COL_UINT, .head = "contracts"},
	{"accounts", MKT_COL_UINT, .head = "accounts"},
	{"open_bids", MKT_COL_UINT, .head = "open bids"},
	{"contracted_wh", MKT_COL_ENERGY, .head = "contracted"},
	{"delivered_wh", MKT_COL_ENERGY, .head = "delivered"},
	{"money_u$", MKT_COL_MONEY, .head = "money in accounts"},
	{"refused", MKT_COL_UINT, .head = "refused operations"},
	{"disk", MKT_COL_TEXT, .head = "disk"},
	{"disk_free_bytes", MKT_COL_BYTES, .head = "disk free"},
	{"disk_days_left", MKT_COL_UINT, .head = "days until full"},
	{"blocks_bytes", MKT_COL_BYTES, .head = "blocks take", .wide = true},
	{"store_bytes", MKT_COL_BYTES, .head = "store takes", .wide = true},
	{"digest", MKT_COL_TEXT, .head = "state digest", .wide = true},
	{"uptime_s", MKT_COL_DURATION, .head = "up for"},
	{.name = NULL}};
static const struct mkt_table node_table = {"node", node_cols, true};
static const struct mkt_source node_source[] = {
	{NULL, 0, NULL},
	{"role", 0, NULL},
	{"version", 0, NULL},
	{"name", 0, NULL},
	{"chain", 0, NULL},
	{"clock", 0, NULL},
	{"height", 0, NULL},
	{"time", 0, NULL},
	{"indexed", 0, NULL},
	{"queue", 0, NULL},
	{"txs", 0, NULL},
	{"contracts", 0, NULL},
	{"accounts", 0, NULL},
	{"open_bids", 0, NULL},
	{"totals.contracted_wh", 0, NULL},
	{"totals.delivered_wh", 0, NULL},
	{"totals.money_uc", 0, NULL},
	{"totals.refused", 0, NULL},
	{"disk.state", 0, NULL},
	{"disk.free_bytes", 0, NULL},
	{"disk.days_left", 0, NULL},
	{"disk.blocks_bytes", 0, NULL},
	{"disk.store_bytes", 0, NULL},
	{"digest", 0, NULL},
	{"uptime_s", 0, NULL},
};
_Static_assert(MKT_ARRAY_SIZE(node_cols) == MKT_ARRAY_SIZE(node_source) + 1, "all columns");

/* What the node is among the others; people see it where there are others. */
static const struct mkt_col set_cols[] = {
	{"authority", MKT_COL_TEXT, .head = "this authority"},
	{"leader", MKT_COL_TEXT, .head = "leader"},
	{"epoch", MKT_COL_UINT, .head = "epoch"},
	{"head", MKT_COL_UINT, .head = "last committed block"},
	{"lag_blocks", MKT_COL_UINT, .head = "blocks behind"},
	{"lag_ms", MKT_COL_DURATION_MS, .head = "time behind"},
	{"proposal", MKT_COL_UINT, .head = "block under vote"},
	{"votes", MKT_COL_UINT, .head = "votes for it"},
	{"needed", MKT_COL_UINT, .head = "votes needed"},
	{"quorum", MKT_COL_TEXT, .head = "quorum"},
	{"generation", MKT_COL_UINT, .head = "changes of the set"},
	{"since", MKT_COL_UINT, .head = "last change in block", .wide = true},
	{"halt", MKT_COL_TEXT, .head = "halted"},
	{.name = NULL}};
static const struct mkt_table set_table = {"set", set_cols, true};
static const struct mkt_source set_source[] = {
	{"node.name", 0, NULL},	      {"node.leader", 0, NULL}, {"node.epoch", 0, NULL},
	{"node.head", 0, NULL},	      {"node.lag_blocks", 0, NULL}, {"node.lag_ms", 0, NULL},
	{"node.proposal", 0, NULL},   {"node.votes", 0, NULL},	{"node.needed", 0, NULL},
	{"node.quorum", 0, NULL},     {"node.generation", 0, NULL}, {"node.since", 0, NULL},
	{"node.halt", 0, NULL},
};
_Static_assert(MKT_ARRAY_SIZE(set_cols) == MKT_ARRAY_SIZE(set_source) + 1, "all columns");

/* Other names than those of the parts above: --fields name means the chain's. */
static const struct mkt_col authority_cols[] = {
	{"number", MKT_COL_UINT, .head = "authority"},
	{"member", MKT_COL_TEXT, .head = "name"},
	{"alive", MKT_COL_BOOL, .head = "alive"},
	{"durable", MKT_COL_UINT, .head = "block"},
	{"url", MKT_COL_TEXT, .head = "url", .cut = true},
	{"key", MKT_COL_TEXT, .head = "key", .wide = true},
	{.name = NULL}};
static const struct mkt_table authority_table = {"authority", authority_cols, false};
static const struct mkt_source authority_source[] = {{"number", 0, NULL}, {"name", 0, NULL},
						     {"alive", 0, NULL},  {"height", 0, NULL},
						     {"url", 0, NULL},	  {"key", 0, NULL}};

static const struct mkt_col alarm_cols[] = {
	{"alarm", MKT_COL_TEXT, .head = "alarm"},
	{"since_ms", MKT_COL_TIME_MS, .json = "since", .head = "since"},
	{"text", MKT_COL_TEXT, .head = "what"},
	{.name = NULL}};
static const struct mkt_table alarm_table = {"alarm", alarm_cols, false};
static const struct mkt_source alarm_source[] = {
	{"alarm", 0, NULL}, {"since", 0, NULL}, {"text", 0, NULL}};

enum { R_ID, R_TIME, R_COMMAND, R_ACCOUNT, R_COLS };

static const struct mkt_col request_cols[] = {
	[R_ID] = {"request_id", MKT_COL_TEXT, .head = "unfinished request"},
	[R_TIME] = {"time", MKT_COL_TIME, .head = "since"},
	[R_COMMAND] = {"command", MKT_COL_TEXT, .head = "command"},
	[R_ACCOUNT] = {"account", MKT_COL_TEXT, .head = "account"},
	{.name = NULL}};
static const struct mkt_table request_table = {"request", request_cols, false};
static const struct mkt_doc status_doc = {
	"status",
	1,
	{&node_table, &set_table, &authority_table, &alarm_table, &request_table},
	false};

struct unfinished {
	struct mkt_app *app;
	unsigned n;
};

static int add_request(void *arg, const struct mkt_request *r)
{
	struct unfinished *u = arg;
	char id[MKT_REQUEST_ID_TEXT];
	struct mkt_val v[R_COLS];

	if (r->state != MKT_REQUEST_UNFINISHED)
		return 0;
	/* Without any the part is not shown to people at all. */
	if (!u->n++ && mkt_for_people(u->app))
		mkt_out_part(&u->app->out, &request_table);
	mkt_request_text(&r->id, id);
	v[R_ID] = mkt_v_colored(mkt_v_text(id), MKT_COLOR_YELLOW);
	v[R_TIME] = mkt_v_uint(r->time_s);
	v[R_COMMAND] = mkt_v_text(r->command);
	v[R_ACCOUNT] = mkt_v_text(r->account);
	mkt_out_row(&u->app->out, v);
	return 0;
}

/* The array @key of @node as rows; people do not see an empty one. */
static int add_list(struct mkt_session *s, const struct mkt_jval *node, const char *key,
		    const struct mkt_table *t, const struct mkt_source *from)
{
	struct mkt_jval rows;
	bool there = mkt_jval_has(node, key);
	int rc = there ? mkt_jget_arr(node, key, &rows, &s->app->err) : 0;

	if (rc)
		return rc;
	there = there && mkt_jval_count(&rows);
	if (there || !mkt_for_people(s->app))
		mkt_out_part(&s->app->out, t);
	return there ? mkt_rows_add(s, t, from, &rows) : 0;
}

/* Where there is one authority and this is it, people see alarms only. */
static int add_node(struct mkt_session *s, const struct mkt_jval *data)
{
	bool all = !mkt_for_people(s->app) || strcmp(mkt_word(data, "role"), "solo") != 0;
	struct mkt_jval node;
	int rc = mkt_jget_obj(data, "node", &node, &s->app->err);

	if (!rc && all) {
		mkt_out_part(&s->app->out, &set_table);
		rc = mkt_rows_one(s, &set_table, set_source, data);
		if (!rc)
			rc = add_list(s, &node, "members", &authority_table, authority_source);
	}
	return rc ? rc : add_list(s, &node, "alarms", &alarm_table, alarm_source);
}

static int print(struct mkt_session *s, const struct mkt_answer *a)
{
	struct mkt_app *app = s->app;
	struct unfinished u = {app, 0};
	int rc = mkt_out_open(&app->out, &status_doc, &app->err);

	if (rc)
		return rc;
	mkt_out_part(&app->out, &node_table);
	rc = mkt_rows_named(s, &node_table, node_source, &a->data, mkt_client_server(s->client));
	if (!rc)
		rc = add_node(s, &a->data);
	if (!mkt_for_people(app))
		mkt_out_part(&app->out, &request_table);
	if (!rc)
		rc = mkt_request_each(app, add_request, &u);
	mkt_out_close(&app->out);
	if (u.n && app->out.form == MKT_FORM_HUMAN)
		mkt_app_hint(app, "'mkt tx --request-id ID' tells what became of a request");
	return rc;
}

static int status_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_session s;
	int rc = mkt_session_open(&s, app, MKT_NEED_MARKET);

	(void)values, (void)argc, (void)argv;
	if (rc)
		return rc;
	rc = mkt_session_get(&s, &a, "/v1/status");
	if (!rc)
		rc = print(&s, &a);
	mkt_answer_release(&a);
	mkt_session_close(&s);
	return rc;
}

const struct mkt_spec cmd_status = {
	.name = "status",
	.summary = "show the health of the node and unfinished requests",
	.run = status_run,
};

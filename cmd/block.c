/*
 * mkt block: a block with its transactions, or a range of blocks.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/tables.h"

struct block_values {
	struct mkt_list_opts list;
};

static const struct mkt_opt block_opts[] = {
	MKT_O_GROUP(struct block_values, list, struct mkt_list_opts, mkt_list_options), MKT_O_END};

static const struct mkt_col block_cols[] = {
	{"height", MKT_COL_UINT, .head = "block"},
	{"time_ms", MKT_COL_TIME_MS, .json = "time", .head = "time"},
	{"txs", MKT_COL_UINT, .head = "transactions"},
	{"events", MKT_COL_UINT, .head = "events"},
	{"bytes", MKT_COL_UINT, .head = "bytes"},
	{"hash", MKT_COL_ID, .head = "hash"},
	{"prev", MKT_COL_ID, .head = "previous", .wide = true},
	{"state", MKT_COL_ID, .head = "state digest", .wide = true},
	{"tx_root", MKT_COL_ID, .head = "transactions' root", .wide = true},
	{"event_root", MKT_COL_ID, .head = "events' root", .wide = true},
	{"authority", MKT_COL_UINT, .head = "authority", .wide = true},
	{"first_tx", MKT_COL_BIG, .head = "first transaction", .wide = true},
	{"first_bid", MKT_COL_BIG, .head = "first bid", .wide = true},
	{"first_exec", MKT_COL_BIG, .head = "first contract", .wide = true},
	{.name = NULL}};
static const struct mkt_source block_source[] = {
	{"height", 0, NULL}, {"time", 0, NULL}, {"txs", 0, NULL},
	{"events", 0, NULL}, {"bytes", 0, NULL}, {"hash", 0, NULL},
	{"prev", 0, NULL}, {"state", 0, NULL}, {"tx_root", 0, NULL},
	{"event_root", 0, NULL},  {"authority", 0, NULL},    {"first_tx", 0, NULL},
	{"first_bid", 'b', NULL}, {"first_exec", 'c', NULL},
};
static const struct mkt_table blocks_table = {"block", block_cols, false};
static const struct mkt_table block_table = {"block", block_cols, true};
static const struct mkt_doc blocks_doc = {"blocks", 1, {&blocks_table}, false};

enum { S_VOTES, S_NEEDED, S_OF, S_EPOCH, S_BY, S_COLS };

static const struct mkt_col sign_cols[] = {
	[S_VOTES] = {"votes", MKT_COL_UINT, .head = "signatures"},
	[S_NEEDED] = {"needed", MKT_COL_UINT, .head = "needed"},
	[S_OF] = {"authorities", MKT_COL_UINT, .head = "authorities"},
	[S_EPOCH] = {"epoch", MKT_COL_UINT, .head = "epoch", .wide = true},
	[S_BY] = {"signed_by", MKT_COL_TEXT, .head = "signed by"},
	{.name = NULL}};
static const struct mkt_table sign_table = {"certificate", sign_cols, true};

enum { T_INDEX, T_TX, T_ACCOUNT, T_NAME, T_OPS, T_COLS };

static const struct mkt_col tx_cols[] = {
	[T_INDEX] = {"index", MKT_COL_UINT, .head = "index"},
	[T_TX] = {"tx", MKT_COL_ID, .head = "transaction"},
	[T_ACCOUNT] = {"account", MKT_COL_UINT, .head = "account"},
	[T_NAME] = {"account_name", MKT_COL_TEXT, .head = "name", .cut = true},
	[T_OPS] = {"ops", MKT_COL_TEXT, .head = "operations", .cut = true},
	{.name = NULL}};
static const struct mkt_table tx_table = {"transaction", tx_cols, false};
static const struct mkt_doc block_doc = {
	"block", 1, {&block_table, &sign_table, &tx_table}, false};

/* "bid,bid,cancel" */
static void join_words(const struct mkt_jval *words, struct mkt_buf *out)
{
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	const char *word;

	while (mkt_jval_next(words, &it, &at))
		if (!mkt_jval_str(&at, &word, NULL, NULL))
			mkt_buf_addf(out, "%s%s", out->len ? "," : "", word);
}

static int add_tx(struct mkt_session *s, const struct mkt_jval *at)
{
	struct mkt_val v[T_COLS];
	struct mkt_buf ops = MKT_BUF_INIT;
	struct mkt_jval words;
	uint64_t account;
	int rc = mkt_jget_u64(at, "account", UINT32_MAX, &account, &s->app->err);

	if (!rc)
		rc = mkt_jget_arr(at, "ops", &words, &s->app->err);
	if (!rc) {
		join_words(&words, &ops);
		v[T_INDEX] = mkt_v_uint(mkt_count(at, "index"));
		v[T_TX] = mkt_v_text(mkt_word(at, "tx"));
		v[T_ACCOUNT] = mkt_v_uint(account);
		v[T_NAME] = mkt_v_text(mkt_word(at, "account_name"));
		v[T_OPS] = mkt_v_text(mkt_buf_str(&ops));
		mkt_out_row(&s->app->out, v);
	}
	mkt_buf_release(&ops);
	return rc;
}

/* Who has signed the block. */
static int add_certificate(struct mkt_session *s, const struct mkt_jval *block)
{
	struct mkt_val v[S_COLS];
	struct mkt_buf by = MKT_BUF_INIT;
	struct mkt_jval at, names;
	int rc = mkt_jget_obj(block, "certificate", &at, &s->app->err);

	if (!rc)
		rc = mkt_jget_arr(&at, "signed_by", &names, &s->app->err);
	if (!rc) {
		join_words(&names, &by);
		v[S_VOTES] = mkt_v_uint(mkt_count(&at, "votes"));
		v[S_NEEDED] = mkt_v_uint(mkt_count(&at, "needed"));
		v[S_OF] = mkt_v_uint(mkt_count(&at, "authorities"));
		v[S_EPOCH] = mkt_v_uint(mkt_count(&at, "epoch"));
		v[S_BY] = mkt_v_text(mkt_buf_str(&by));
		mkt_out_row(&s->app->out, v);
	}
	mkt_buf_release(&by);
	return rc;
}

static int print_one(struct mkt_session *s, const struct mkt_answer *a)
{
	struct mkt_out *out = &s->app->out;
	struct mkt_jval txs, at;
	struct mkt_jiter it = {0};
	int rc = mkt_out_open(out, &block_doc, &s->app->err);

	if (rc)
		return rc;
	mkt_out_part(out, &block_table);
	rc = mkt_rows_one(s, &block_table, block_source, &a->data);
	mkt_out_part(out, &sign_table);
	if (!rc)
		rc = add_certificate(s, &a->data);
	mkt_out_part(out, &tx_table);
	if (!rc)
		rc = mkt_jget_arr(&a->data, "transactions", &txs, &s->app->err);
	while (!rc && mkt_jval_next(&txs, &it, &at))
		rc = add_tx(s, &at);
	if (a->next)
		mkt_out_next(out, a->next);
	mkt_out_close(out);
	return rc;
}

/* "12", "12..20", "12.." */
struct range {
	uint64_t first, last;
	bool one;
};

static bool read_range(const char *text, struct range *r)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	r->first = strtoull(text, &end, 10);
	r->last = r->first;
	r->one = !*end;
	if (r->one)
		return true;
	if (strncmp(end, "..", 2))
		return false;
	end += 2;
	r->last = UINT64_MAX;
	if (!*end)
		return true;
	if (*end < '0' || *end > '9')
		return false;
	r->last = strtoull(end, &end, 10);
	return !*end && r->last >= r->first;
}

static int show_one(struct mkt_session *s, const char *height, const struct mkt_list_opts *list)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf query = MKT_BUF_INIT;
	int rc;

	mkt_list_query(&query, list, "after");
	rc = mkt_session_get(s, &a, "/v1/blocks/%s?%s", height, mkt_buf_str(&query));
	if (!rc)
		rc = print_one(s, &a);
	mkt_answer_release(&a);
	mkt_buf_release(&query);
	return rc;
}

static int show_range(struct mkt_session *s, const struct range *r,
		      const struct mkt_list_opts *list)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	uint64_t from = r->first, limit = (uint64_t)list->limit.v;
	uint64_t count = r->last - r->first < limit ? r->last - r->first + 1 : limit;
	char *end;
	int rc;

	if (list->cursor) {
		from = strtoull(list->cursor, &end, 10);
		if (*end || from < r->first || from > r->last)
			return mkt_app_usage(s->app, "'%s' is no cursor of this range",
					     list->cursor);
		count = r->last - from < limit ? r->last - from + 1 : limit;
	}
	rc = mkt_session_get(s, &a, "/v1/blocks?from=%llu&limit=%llu", (unsigned long long)from,
			     (unsigned long long)count);
	if (!rc && from + count > r->last)
		a.next = NULL; /* the range ends here, though the chain does not */
	if (!rc)
		rc = mkt_list_print(s, &blocks_doc, block_source, &a);
	mkt_answer_release(&a);
	return rc;
}

/* Without an argument: the newest, newest first. */
static int show_newest(struct mkt_session *s, const struct mkt_list_opts *list)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf query = MKT_BUF_INIT;
	int rc;

	mkt_list_query(&query, list, "from");
	rc = mkt_session_get(s, &a, "/v1/blocks?down=1&%s", mkt_buf_str(&query));
	if (!rc)
		rc = mkt_list_print(s, &blocks_doc, block_source, &a);
	mkt_answer_release(&a);
	mkt_buf_release(&query);
	return rc;
}

static int block_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct block_values *v = values;
	struct range r = {0};
	struct mkt_session s;
	int rc;

	if (argc && !read_range(argv[0], &r))
		return mkt_app_usage(app, "a block is HEIGHT, a range HEIGHT..HEIGHT, not '%s'",
				     argv[0]);
	rc = mkt_session_open(&s, app, MKT_NEED_MARKET);
	if (rc)
		return rc;
	if (!argc)
		rc = show_newest(&s, &v->list);
	else if (r.one)
		rc = show_one(&s, argv[0], &v->list);
	else
		rc = show_range(&s, &r, &v->list);
	mkt_session_close(&s);
	return rc;
}

const struct mkt_spec cmd_block = {
	.name = "block",
	.summary = "show a block or a range",
	.args = "[HEIGHT[..HEIGHT]]",
	.complete = "block",
	.opts = block_opts,
	.values_size = sizeof(struct block_values),
	.run = block_run,
	.args_max = 1,
};

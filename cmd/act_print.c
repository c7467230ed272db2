/*
 * What became of an action: receipts.
 */
#include "core/base/compat.h"

#include "cmd/act.h"

enum { S_OP, S_CODE, S_MESSAGE, S_BID, S_EXEC, S_ACCOUNT, S_ENERGY, S_COUNT, S_COLS };

static const struct mkt_col result_cols[] = {
	[S_OP] = {"op", MKT_COL_TEXT, .head = "operation"},
	[S_CODE] = {"code", MKT_COL_TEXT, .head = "code"},
	[S_MESSAGE] = {"message", MKT_COL_TEXT, .head = "message"},
	[S_BID] = {"bid", MKT_COL_BIG, .head = "bid"},
	[S_EXEC] = {"exec", MKT_COL_BIG, .head = "contract"},
	[S_ACCOUNT] = {"account", MKT_COL_UINT, .head = "account"},
	[S_ENERGY] = {"energy_wh", MKT_COL_ENERGY, .head = "energy"},
	[S_COUNT] = {"count", MKT_COL_UINT, .head = "count"},
	{.name = NULL}};

static const struct mkt_table result_table = {"result", result_cols, false};

enum { R_REQUEST, R_TX, R_STATE, R_HEIGHT, R_TIME, R_ACCOUNT, R_RESULTS, R_COLS };

static const struct mkt_col receipt_cols[] = {
	[R_REQUEST] = {"request_id", MKT_COL_TEXT, .head = "request"},
	[R_TX] = {"tx", MKT_COL_TEXT, .head = "transaction"},
	[R_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
	[R_HEIGHT] = {"height", MKT_COL_UINT, .head = "block"},
	[R_TIME] = {"time_ms", MKT_COL_TIME_MS, .json = "time", .head = "time"},
	[R_ACCOUNT] = {"account", MKT_COL_UINT, .head = "account"},
	[R_RESULTS] = {"results", MKT_COL_LIST, .sub = &result_table, .head = "operations"},
	{.name = NULL}};

static const struct mkt_table receipt_table = {"receipt", receipt_cols, true};
static const struct mkt_doc receipt_doc = {"receipt", 1, {&receipt_table}, false};

int64_t mkt_act_number(const struct mkt_jval *at, const char *key, int64_t none)
{
	int64_t v = none;

	if (mkt_jval_has(at, key) && mkt_jget_i64(at, key, INT64_MIN, INT64_MAX, &v, NULL))
		return none;
	return v;
}

static struct mkt_val number_or_none(int64_t v)
{
	return v < 0 ? mkt_v_none() : mkt_v_uint((uint64_t)v);
}

/* All that is said of one operation; texts in @v are borrowed from @r. */
struct told {
	struct mkt_result r;
	struct mkt_act_row row;
};

static int tell(struct mkt_act *a, size_t i, mkt_act_row_fn *fill, struct told *t,
		struct mkt_val v[S_COLS])
{
	struct mkt_jval at;
	int rc = mkt_act_result(a, i, &at, &t->r);

	if (rc)
		return rc;
	t->row = (struct mkt_act_row){.account = -1, .energy_wh = -1, .count = -1};
	fill(a, i, &at, &t->row);
	v[S_OP] = mkt_v_text(t->r.op);
	v[S_CODE] = mkt_v_text(mkt_code_word(t->r.err.code));
	v[S_MESSAGE] = mkt_v_text(t->r.err.code ? t->r.err.text : NULL);
	v[S_BID] = t->row.bid ? mkt_v_uint(t->row.bid) : mkt_v_none();
	v[S_EXEC] = t->row.exec ? mkt_v_uint(t->row.exec) : mkt_v_none();
	v[S_ACCOUNT] = number_or_none(t->row.account);
	v[S_ENERGY] = number_or_none(t->row.energy_wh);
	v[S_COUNT] = number_or_none(t->row.count);
	return 0;
}

static void say(struct mkt_act *a, const struct told *t, const char *state)
{
	struct mkt_buf b = MKT_BUF_INIT;

	if (t->r.err.code)
		mkt_buf_addf(&b, "%s%srefused: %s", t->row.line, t->row.line[0] ? " " : "",
			     t->r.err.text);
	else
		mkt_buf_addstr(&b, t->row.line);
	mkt_out_say(&a->s.app->out, "%s; %s\n", mkt_buf_str(&b), state);
	mkt_buf_release(&b);
}

static int print_people(struct mkt_act *a, const struct told *all, size_t n, const char *state)
{
	if (a->s.app->out.quiet)
		return 0;
	for (size_t i = 0; i < n; i++)
		say(a, &all[i], state);
	if (!n)
		mkt_out_say(&a->s.app->out, "request %s: %s\n", a->s.app->request_id, state);
	return 0;
}

static int print_scripts(struct mkt_act *a, const struct mkt_val *results, size_t n)
{
	const struct mkt_receipt *r = &a->receipt;
	bool dry = a->s.app->opt.dry_run;
	struct mkt_val v[R_COLS] = {
		[R_REQUEST] = mkt_v_text(dry ? NULL : a->s.app->request_id),
		[R_TX] = mkt_v_text(dry || !r->tx[0] ? NULL : r->tx),
		[R_STATE] = mkt_v_text(dry ? "dry-run" : mkt_receipt_name(r->status)),
		[R_HEIGHT] = r->height ? mkt_v_uint(r->height) : mkt_v_none(),
		[R_TIME] = r->time_ms ? mkt_v_uint(r->time_ms) : mkt_v_none(),
		[R_ACCOUNT] = mkt_v_uint(a->s.account),
		[R_RESULTS] = mkt_v_list(results, n),
	};

	if (a->s.app->out.quiet)
		return 0;
	return mkt_out_one(&a->s.app->out, &receipt_doc, v, &a->s.app->err);
}

int mkt_act_print(struct mkt_act *a, mkt_act_row_fn *fill)
{
	size_t n = mkt_jval_count(&a->results);
	struct told *all = calloc(n + 1, sizeof(*all));
	struct mkt_val *results = calloc(n * S_COLS + 1, sizeof(*results));
	char state[64];
	int rc = all && results ? 0 : mkt_err_code(&a->s.app->err, MKT_ENOMEM);

	mkt_act_state(a, state, sizeof(state));
	for (size_t i = 0; !rc && i < n; i++)
		rc = tell(a, i, fill, &all[i], results + i * S_COLS);
	if (!rc && a->s.app->out.form == MKT_FORM_HUMAN && !a->s.app->out.fields)
		rc = print_people(a, all, n, state);
	else if (!rc)
		rc = print_scripts(a, results, n);
	free(results);
	free(all);
	return rc;
}

void mkt_act_plain_row(struct mkt_act *a, size_t i, const struct mkt_jval *at,
		       struct mkt_act_row *row)
{
	(void)i, (void)at;
	snprintf(row->line, sizeof(row->line), "%s", a->line);
}

int mkt_act_do(struct mkt_act *a, const char *doing)
{
	int rc = mkt_act_send(a);

	if (rc)
		return mkt_err_wrap(&a->s.app->err, "cannot %s", doing);
	return mkt_act_print(a, mkt_act_plain_row);
}

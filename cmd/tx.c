/*
 * mkt tx: a transaction, its results and what it caused; by id or by request id.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/tables.h"
#include "core/app/request.h"

struct tx_values {
	const char *request_id;
	bool proof;
};

static const struct mkt_opt tx_opts[] = {
	MKT_O_TEXT(struct tx_values, request_id, "request-id", 0, "ID", "request",
		   "what became of this request of the account"),
	MKT_O_FLAG(struct tx_values, proof, "proof", 0,
		   "with envelope, Merkle path, header and votes; for --json and --porcelain"),
	MKT_O_END};

static const struct mkt_col tx_cols[] = {
	{"tx", MKT_COL_TEXT, .head = "transaction"},
	{"height", MKT_COL_UINT, .head = "block"},
	{"index", MKT_COL_UINT, .head = "index"},
	{"time_ms", MKT_COL_TIME_MS, .json = "time", .head = "time"},
	{"account", MKT_COL_UINT, .head = "signer"},
	{"valid_until", MKT_COL_TIME, .head = "valid until"},
	{"request_id", MKT_COL_TEXT, .head = "request"},
	{"all_or_nothing", MKT_COL_BOOL, .head = "all or nothing"},
	{.name = NULL}};
static const struct mkt_table tx_table = {"tx", tx_cols, true};
static const struct mkt_source tx_source[] = {
	{"tx", 0, NULL},      {"height", 0, NULL}, {"index", 0, NULL},
	{"time", 0, NULL},    {"account", 0, NULL}, {"valid_until", 0, NULL},
	{"request", 0, NULL}, {"all_or_nothing", 0, NULL},
};

enum { O_OP, O_ACCOUNT, O_CODE, O_MESSAGE, O_BID, O_EXEC, O_COLS };

static const struct mkt_col op_cols[] = {
	[O_OP] = {"op", MKT_COL_TEXT, .head = "operation"},
	[O_ACCOUNT] = {"account", MKT_COL_UINT, .head = "for"},
	[O_CODE] = {"code", MKT_COL_TEXT, .head = "code"},
	[O_MESSAGE] = {"message", MKT_COL_TEXT, .head = "message", .cut = true},
	[O_BID] = {"bid", MKT_COL_BIG, .head = "bid"},
	[O_EXEC] = {"exec", MKT_COL_BIG, .head = "contract"},
	{.name = NULL}};
static const struct mkt_table op_table = {"op", op_cols, false};

static const struct mkt_col vote_cols[] = {{"authority", MKT_COL_UINT, .head = "authority"},
					   {"key", MKT_COL_TEXT, .head = "key"},
					   {"sig", MKT_COL_TEXT, .head = "signature"},
					   {.name = NULL}};
static const struct mkt_table vote_table = {"vote", vote_cols, false};
static const struct mkt_source vote_source[] = {
	{"authority", 0, NULL},
	{"key", 0, NULL},
	{"sig", 0, NULL},
};

static const struct mkt_col proof_cols[] = {
	{"path", MKT_COL_TEXT, .head = "path"}, /* hashes from the leaf up, joined by commas */
	{"tree_size", MKT_COL_UINT, .head = "transactions of the block"},
	{"tree_index", MKT_COL_UINT, .head = "index"},
	{"envelope", MKT_COL_TEXT, .head = "envelope"},
	{"header", MKT_COL_TEXT, .head = "header"},
	{"votes", MKT_COL_LIST, .sub = &vote_table, .head = "votes"},
	{.name = NULL}};
static const struct mkt_table proof_table = {"proof", proof_cols, true};
static const struct mkt_source proof_source[] = {
	{NULL, 0, NULL},       {"proof.n", 0, NULL}, {"proof.ix", 0, NULL},
	{"envelope", 0, NULL}, {"header", 0, NULL},  {"votes", 0, vote_source},
};

static const struct mkt_doc proof_doc = {
	"tx", 1, {&tx_table, &op_table, &mkt_event_table, &proof_table}, false};
static const struct mkt_doc tx_doc = {"tx", 1, {&tx_table, &op_table, &mkt_event_table}, false};

/* One operation with its result, which stands at the same place of the other list. */
static int add_op(struct mkt_session *s, const struct mkt_jval *op, const struct mkt_jval *results,
		  size_t i)
{
	struct mkt_jiter it = {0};
	struct mkt_jval r = {0};
	struct mkt_val v[O_COLS] = {{0}};
	uint64_t account, bid, exec;
	bool people = s->app->out.form == MKT_FORM_HUMAN;
	char b[24], c[24];
	int rc = mkt_jget_u64(op, "account", UINT32_MAX, &account, &s->app->err);

	for (size_t k = 0; !rc && k <= i; k++)
		if (!mkt_jval_next(results, &it, &r))
			return mkt_err_set(&s->app->err, MKT_EUNAVAILABLE,
					   "the server's answer has too few results");
	if (rc)
		return rc;
	bid = mkt_count(&r, "bid");
	exec = mkt_count(&r, "exec");
	v[O_OP] = mkt_v_text(mkt_word(op, "op"));
	v[O_ACCOUNT] = mkt_v_uint(account);
	v[O_CODE] = mkt_v_text(mkt_word(&r, "code"));
	v[O_MESSAGE] =
		mkt_jval_has(&r, "message") ? mkt_v_text(mkt_word(&r, "message")) : mkt_v_none();
	snprintf(b, sizeof(b), "b%llu", (unsigned long long)bid);
	snprintf(c, sizeof(c), "c%llu", (unsigned long long)exec);
	v[O_BID] = !bid ? mkt_v_none() : people ? mkt_v_text(b) : mkt_v_uint(bid);
	v[O_EXEC] = !exec ? mkt_v_none() : people ? mkt_v_text(c) : mkt_v_uint(exec);
	mkt_out_row(&s->app->out, v);
	return 0;
}

static int add_ops(struct mkt_session *s, const struct mkt_jval *data)
{
	struct mkt_jval ops, results, op;
	struct mkt_jiter it = {0};
	int rc = mkt_jget_arr(data, "ops", &ops, &s->app->err);

	if (!rc)
		rc = mkt_jget_arr(data, "results", &results, &s->app->err);
	for (size_t i = 0; !rc && mkt_jval_next(&ops, &it, &op); i++)
		rc = add_op(s, &op, &results, i);
	return rc;
}

static int add_events(struct mkt_session *s, const struct mkt_jval *data)
{
	struct mkt_jval events, ev;
	struct mkt_jiter it = {0};
	int rc = mkt_jget_arr(data, "events", &events, &s->app->err);

	if (!rc && !mkt_for_people(s->app))
		return mkt_rows_add(s, &mkt_event_table, mkt_event_source, &events);
	while (!rc && mkt_jval_next(&events, &it, &ev)) {
		struct mkt_buf b = MKT_BUF_INIT;

		mkt_event_sentence(s, &ev, &b);
		mkt_out_say(&s->app->out, "%s\n", mkt_buf_str(&b));
		mkt_buf_release(&b);
	}
	return rc;
}

static int add_proof(struct mkt_session *s, const struct mkt_jval *data)
{
	struct mkt_buf path = MKT_BUF_INIT;
	struct mkt_jval proof, list, at;
	struct mkt_jiter it = {0};
	const char *hash;
	int rc = mkt_jget_obj(data, "proof", &proof, &s->app->err);

	if (!rc)
		rc = mkt_jget_arr(&proof, "path", &list, &s->app->err);
	while (!rc && mkt_jval_next(&list, &it, &at)) {
		rc = mkt_jval_str(&at, &hash, NULL, &s->app->err);
		if (!rc)
			mkt_buf_addf(&path, "%s%s", path.len ? "," : "", hash);
	}
	if (!rc)
		rc = mkt_rows_named(s, &proof_table, proof_source, data, mkt_buf_str(&path));
	mkt_buf_release(&path);
	return rc;
}

static int print(struct mkt_session *s, const struct mkt_answer *a, bool proof)
{
	static const struct mkt_doc people_doc = {"tx", 1, {&tx_table, &op_table}, false};
	struct mkt_out *out = &s->app->out;
	bool people = mkt_for_people(s->app);
	int rc = mkt_out_open(out,
			      people  ? &people_doc
			      : proof ? &proof_doc
				      : &tx_doc,
			      &s->app->err);

	if (rc)
		return rc;
	mkt_out_part(out, &tx_table);
	rc = mkt_rows_one(s, &tx_table, tx_source, &a->data);
	mkt_out_part(out, &op_table);
	if (!rc)
		rc = add_ops(s, &a->data);
	if (!people)
		mkt_out_part(out, &mkt_event_table);
	if (!rc && !people)
		rc = add_events(s, &a->data);
	if (!rc && proof) {
		mkt_out_part(out, &proof_table);
		rc = add_proof(s, &a->data);
	}
	mkt_out_close(out);
	if (!rc && people) {
		mkt_out_say(out, "\n");
		rc = add_events(s, &a->data);
	}
	return rc;
}

/* Not on the chain: what the store of this machine knows of it. */
static int show_kept(struct mkt_session *s, const struct mkt_request_id *id)
{
	struct mkt_app *app = s->app;
	struct mkt_request r = MKT_REQUEST_INIT;
	struct mkt_err err = app->err;
	char text[MKT_REQUEST_ID_TEXT];
	int rc = mkt_request_load(app, id, &r);

	mkt_request_text(id, text);
	if (rc == -MKT_ENOTFOUND)
		return mkt_err_set(&app->err, MKT_ENOTFOUND,
				   "request '%s' is neither on the chain nor kept here", text);
	if (rc)
		return rc;
	app->err = err;
	if (r.state == MKT_REQUEST_DONE) {
		mkt_err_set(&app->err, MKT_ENOTFOUND,
			    "request '%s' of 'mkt %s' is not on the chain: %s", text, r.command,
			    r.receipt);
	} else {
		mkt_err_set(&app->err, MKT_ENOTFOUND,
			    "request '%s' of 'mkt %s' is not on the chain yet", text, r.command);
		mkt_err_hint(&app->err, "make the same call again with --request-id %s", text);
	}
	mkt_request_release(&r);
	return -MKT_ENOTFOUND;
}

static int by_request(struct mkt_session *s, const struct tx_values *v, struct mkt_answer *a)
{
	struct mkt_request_id id;
	char text[MKT_REQUEST_ID_TEXT];
	int rc = mkt_request_parse(v->request_id, &id, &s->app->err);

	if (rc)
		return rc;
	mkt_request_text(&id, text);
	rc = mkt_session_get(s, a, "/v1/tx?account=%s&request=%s%s", s->who, text,
			     v->proof ? "&proof=1" : "");
	return rc == -MKT_ENOTFOUND ? show_kept(s, &id) : rc;
}

/* Prefixes are for people: what a script says must be the whole id. */
static int by_id(struct mkt_session *s, const struct tx_values *v, const char *id,
		 struct mkt_answer *a)
{
	size_t n = strlen(id);

	if (n < 8 || n > 64 || id[strspn(id, "0123456789abcdefABCDEF")])
		return mkt_app_usage(s->app, "'%s' is not the id of a transaction", id);
	if (n < 64 && !mkt_term_interactive(&s->app->term))
		return mkt_app_usage(s->app, "a script must give the whole id of 64 digits");
	return mkt_session_get(s, a, "/v1/tx/%s%s", id, v->proof ? "?proof=1" : "");
}

static int tx_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct tx_values *v = values;
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_session s;
	int rc;

	if (!argc == !v->request_id)
		return mkt_app_usage(app, "give the id of a transaction, or --request-id");
	if (v->proof && mkt_for_people(app))
		return mkt_app_usage(app, "--proof needs --json or --porcelain");
	rc = mkt_session_open(&s, app, MKT_NEED_MARKET | (v->request_id ? MKT_NEED_WHO : 0));
	if (rc)
		return rc;
	rc = argc ? by_id(&s, v, argv[0], &a) : by_request(&s, v, &a);
	app->out.sparse = true;
	if (!rc)
		rc = print(&s, &a, v->proof);
	mkt_answer_release(&a);
	mkt_session_close(&s);
	return rc;
}

const struct mkt_spec cmd_tx = {
	.name = "tx",
	.summary = "show a transaction and what became of it",
	.args = "[ID]",
	.complete = "tx",
	.opts = tx_opts,
	.values_size = sizeof(struct tx_values),
	.run = tx_run,
	.args_max = 1,
};

/*
 * mkt account: balances, statement, delegations; transfer, delegate, revoke.
 */
#include "core/base/compat.h"

#include "cmd/act.h"
#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/tables.h"
#include "core/units/fmt.h"
#include "core/units/parse.h"

struct account_values {
	bool statement, delegations, all;
	struct mkt_list_opts list;
};

static const struct mkt_opt account_opts[] = {
	MKT_O_FLAG(struct account_values, statement, "statement", 0,
		   "what happened to the account, newest first"),
	MKT_O_FLAG(struct account_values, delegations, "delegations", 0, "who may act for it"),
	MKT_O_FLAG(struct account_values, all, "all", 0, "all accounts"),
	MKT_O_GROUP(struct account_values, list, struct mkt_list_opts, mkt_list_options),
	MKT_O_END};

/* ---- balances ----------------------------------------------------------------------------- */

static const struct mkt_col account_cols[] = {
	{"account", MKT_COL_UINT, .head = "account"},
	{"name", MKT_COL_TEXT, .head = "name", .cut = true},
	{"class", MKT_COL_TEXT, .head = "class"},
	{"available_u$", MKT_COL_MONEY, .head = "available"},
	{"held_u$", MKT_COL_MONEY, .head = "held"},
	{"locked_u$", MKT_COL_MONEY, .head = "locked"},
	{"open_bids", MKT_COL_UINT, .head = "open bids"},
	{"suspended", MKT_COL_BOOL, .head = "suspended"},
	{"key", MKT_COL_TEXT, .head = "key", .wide = true},
	{"chargers", MKT_COL_TEXT, .head = "chargers", .wide = true, .cut = true},
	{.name = NULL}};
static const struct mkt_table account_table = {"account", account_cols, true};
static const struct mkt_table accounts_table = {"account", account_cols, false};
static const struct mkt_doc account_doc = {"account", 1, {&account_table}, false};
static const struct mkt_doc accounts_doc = {"accounts", 1, {&accounts_table}, false};

enum {
	A_ACCOUNT,
	A_NAME,
	A_CLASS,
	A_AVAILABLE,
	A_HELD,
	A_LOCKED,
	A_OPEN,
	A_SUSPENDED,
	A_KEY,
	A_CHARGERS,
	A_COLS
};

static void join_words(const struct mkt_jval *obj, const char *key, struct mkt_buf *out)
{
	struct mkt_jiter it = {0};
	struct mkt_jval list, at;
	const char *word;

	if (mkt_jget_arr(obj, key, &list, NULL))
		return;
	while (mkt_jval_next(&list, &it, &at))
		if (!mkt_jval_str(&at, &word, NULL, NULL))
			mkt_buf_addf(out, "%s%s", out->len ? "," : "", word);
}

static int add_account(struct mkt_session *s, const struct mkt_jval *at)
{
	struct mkt_buf chargers = MKT_BUF_INIT;
	struct mkt_val v[A_COLS];
	uint64_t number;
	bool suspended;
	int rc = mkt_jget_u64(at, "account", UINT32_MAX, &number, &s->app->err);

	if (!rc)
		rc = mkt_jget_bool(at, "suspended", &suspended, &s->app->err);
	if (rc)
		return rc;
	join_words(at, "chargers", &chargers);
	v[A_ACCOUNT] = mkt_v_uint(number);
	v[A_NAME] = mkt_v_text(*mkt_word(at, "name") ? mkt_word(at, "name") : NULL);
	v[A_CLASS] = mkt_v_text(mkt_word(at, "class"));
	v[A_AVAILABLE] = mkt_v_int(mkt_act_number(at, "available_uc", 0));
	v[A_HELD] = mkt_v_int(mkt_act_number(at, "held_uc", 0));
	v[A_LOCKED] = mkt_v_int(mkt_act_number(at, "locked_uc", 0));
	v[A_OPEN] = mkt_v_uint(mkt_count(at, "open_bids"));
	v[A_SUSPENDED] = mkt_v_bool(suspended);
	v[A_KEY] = mkt_v_text(mkt_word(at, "key"));
	v[A_CHARGERS] = mkt_v_text(chargers.len ? mkt_buf_str(&chargers) : NULL);
	mkt_out_row(&s->app->out, v);
	mkt_buf_release(&chargers);
	return 0;
}

static int show_one(struct mkt_session *s, const struct mkt_answer *a)
{
	int rc = mkt_out_open(&s->app->out, &account_doc, &s->app->err);

	if (rc)
		return rc;
	mkt_out_part(&s->app->out, &account_table);
	rc = add_account(s, &a->data);
	mkt_out_close(&s->app->out);
	return rc;
}

static int show_all(struct mkt_session *s, const struct mkt_list_opts *list)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf query = MKT_BUF_INIT;
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	int rc;

	mkt_list_query(&query, list, "after");
	rc = mkt_session_get(s, &a, "/v1/accounts?%s", mkt_buf_str(&query));
	if (!rc)
		rc = mkt_out_open(&s->app->out, &accounts_doc, &s->app->err);
	if (!rc) {
		mkt_out_part(&s->app->out, &accounts_table);
		while (!rc && mkt_jval_next(&a.data, &it, &at))
			rc = add_account(s, &at);
		if (a.next)
			mkt_out_next(&s->app->out, a.next);
		mkt_out_close(&s->app->out);
	}
	mkt_answer_release(&a);
	mkt_buf_release(&query);
	return rc;
}

/* ---- delegations -------------------------------------------------------------------------- */

enum { G_TO, G_RIGHTS, G_UNTIL, G_METER, G_COLS };

static const struct mkt_col grant_cols[] = {
	[G_TO] = {"to", MKT_COL_UINT, .head = "account"},
	[G_RIGHTS] = {"rights", MKT_COL_TEXT, .head = "may"},
	[G_UNTIL] = {"until", MKT_COL_TIME, .head = "until"},
	[G_METER] = {"meter", MKT_COL_BOOL, .head = "meter operator"},
	{.name = NULL}};
static const struct mkt_table grant_table = {"delegation", grant_cols, false};
static const struct mkt_doc grants_doc = {"delegations", 1, {&grant_table}, false};

static int add_grant(struct mkt_session *s, const struct mkt_jval *at)
{
	struct mkt_buf rights = MKT_BUF_INIT;
	struct mkt_val v[G_COLS];
	uint64_t to, until_ms = 0;
	bool meter;
	int rc = mkt_jget_u64(at, "to", UINT32_MAX, &to, &s->app->err);

	if (!rc)
		rc = mkt_jget_bool(at, "meter", &meter, &s->app->err);
	if (!rc && mkt_jval_has(at, "until"))
		rc = mkt_jget_time(at, "until", &until_ms, &s->app->err);
	if (rc)
		return rc;
	join_words(at, "rights", &rights);
	v[G_TO] = mkt_v_uint(to);
	v[G_RIGHTS] = mkt_v_text(mkt_buf_str(&rights));
	v[G_UNTIL] = until_ms ? mkt_v_uint(until_ms / 1000) : mkt_v_none();
	v[G_METER] = mkt_v_bool(meter);
	mkt_out_row(&s->app->out, v);
	mkt_buf_release(&rights);
	return 0;
}

static int show_grants(struct mkt_session *s, const struct mkt_answer *a)
{
	struct mkt_jval grants, at;
	struct mkt_jiter it = {0};
	int rc = mkt_jget_arr(&a->data, "grants", &grants, &s->app->err);

	if (!rc)
		rc = mkt_out_open(&s->app->out, &grants_doc, &s->app->err);
	if (rc)
		return rc;
	mkt_out_part(&s->app->out, &grant_table);
	while (!rc && mkt_jval_next(&grants, &it, &at))
		rc = add_grant(s, &at);
	mkt_out_close(&s->app->out);
	return rc;
}

/* ---- statement ---------------------------------------------------------------------------- */

static int show_statement(struct mkt_session *s, const char *who, const struct mkt_list_opts *list)
{
	static const struct mkt_doc doc = {"statement", 1, {&mkt_event_table}, false};
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf query = MKT_BUF_INIT;
	struct mkt_jiter it = {0};
	struct mkt_jval ev;
	int rc;

	mkt_list_query(&query, list, "from");
	rc = mkt_session_get(s, &a, "/v1/accounts/%s/events?down=1&%s", who, mkt_buf_str(&query));
	s->app->out.sparse = true;
	if (!rc && !mkt_for_people(s->app))
		rc = mkt_list_print(s, &doc, mkt_event_source, &a);
	while (!rc && mkt_for_people(s->app) && mkt_jval_next(&a.data, &it, &ev)) {
		struct mkt_buf b = MKT_BUF_INIT;
		char place[40];

		mkt_event_place(&ev, place, sizeof(place));
		mkt_event_sentence(s, &ev, &b);
		mkt_out_say(&s->app->out, "%-10s  %s\n", place, mkt_buf_str(&b));
		mkt_buf_release(&b);
	}
	if (!rc && mkt_for_people(s->app) && a.next)
		mkt_out_say(&s->app->out, "~ more: --cursor %s\n", a.next);
	if (!rc && mkt_jval_has(&a.root, "pruned"))
		mkt_app_warn(s->app, "what happened up to block %llu is in an archive, not here",
			     (unsigned long long)mkt_count(&a.root, "pruned"));
	mkt_answer_release(&a);
	mkt_buf_release(&query);
	return rc;
}

static int show(struct mkt_session *s, const struct account_values *v)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	int rc;

	if (v->all)
		return show_all(s, &v->list);
	if (v->statement)
		return show_statement(s, s->who, &v->list);
	rc = mkt_session_get(s, &a, "/v1/accounts/%s", s->who);
	if (!rc)
		rc = v->delegations ? show_grants(s, &a) : show_one(s, &a);
	mkt_answer_release(&a);
	return rc;
}

static int account_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct account_values *v = values;
	struct mkt_session s;
	int rc = 0;

	if (v->statement + v->delegations + v->all > 1 || (v->all && argc))
		return mkt_app_usage(app,
				     "--statement, --delegations and --all exclude each other");
	if (argc)
		rc = mkt_conf_option(&app->conf, "core.account", argv[0], &app->err);
	if (!rc)
		rc = mkt_session_open(&s, app, MKT_NEED_MARKET | (v->all ? 0 : MKT_NEED_WHO));
	if (rc)
		return rc;
	rc = show(&s, v);
	mkt_session_close(&s);
	return rc;
}

/* ---- transfer ----------------------------------------------------------------------------- */

struct transfer_values {
	const char *note;
	struct mkt_act_opts act;
};

static const struct mkt_opt transfer_opts[] = {
	MKT_O_TEXT(struct transfer_values, note, "note", 0, "TEXT", NULL,
		   "kept with it on the chain"),
	MKT_O_GROUP(struct transfer_values, act, struct mkt_act_opts, mkt_act_options), MKT_O_END};

static int transfer_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct transfer_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_TRANSFER};
	struct mkt_text money;
	struct mkt_act a;
	int rc = mkt_act_open(&a, app, &v->act);

	(void)argc;
	if (rc)
		return rc;
	rc = mkt_session_account(&a.s, argv[0], &op.u.transfer.to);
	if (!rc)
		rc = mkt_parse_money(argv[1], a.s.facts.currency, &op.u.transfer.money_uc,
				     &app->err);
	money = mkt_fmt_money(op.u.transfer.money_uc, a.s.facts.currency);
	if (!rc && !app->opt.dry_run)
		rc = mkt_app_confirm(app, "send %s to '%s'? it cannot be taken back", money.s,
				     argv[0]);
	if (!rc) {
		mkt_act_add(&a, &op, NULL, v->note);
		snprintf(a.line, sizeof(a.line), "%s to '%s'", money.s, argv[0]);
		rc = mkt_act_do(&a, "transfer");
	}
	mkt_act_close(&a);
	return rc;
}

/* ---- delegate, revoke --------------------------------------------------------------------- */

struct delegate_values {
	const char *may;
	const char *until;
	struct mkt_act_opts act;
};

static const struct mkt_opt delegate_opts[] = {
	{.kind = MKT_OPT_TEXT,
	 .name = "may",
	 .metavar = "OPERATIONS",
	 .required = true,
	 .at = MKT_O_AT(struct delegate_values, may, const char *),
	 .help = "bid, cancel, reduce, report, meter, transfer, retire; joined by commas"},
	MKT_O_TEXT(struct delegate_values, until, "until", 0, "TIME", NULL,
		   "end of it (default: until revoked)"),
	MKT_O_GROUP(struct delegate_values, act, struct mkt_act_opts, mkt_act_options),
	MKT_O_END};

static int read_rights(struct mkt_app *app, const char *text, uint32_t *rights)
{
	*rights = 0;
	while (*text) {
		size_t n = strcspn(text, ",");
		unsigned k = MKT_OP_BID;

		while (k <= MKT_OP_RETIRE &&
		       (strncmp(mkt_op_name(k), text, n) || mkt_op_name(k)[n]))
			k++;
		if (k > MKT_OP_RETIRE)
			return mkt_app_usage(app, "'%.*s' is no operation that can be delegated",
					     (int)n, text);
		*rights |= 1u << k;
		text += n + (text[n] == ',');
	}
	return *rights ? 0 : mkt_app_usage(app, "--may names no operation");
}

static int delegate_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct delegate_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_DELEGATE};
	struct mkt_when when;
	struct mkt_act a;
	int rc = read_rights(app, v->may, &op.u.delegate.rights);

	(void)argc;
	if (!rc)
		rc = mkt_act_open(&a, app, &v->act);
	if (rc)
		return rc;
	when = mkt_session_when(&a.s, false);
	rc = mkt_session_account(&a.s, argv[0], &op.u.delegate.to);
	if (!rc && v->until)
		rc = mkt_instant_parse(v->until, &when, &op.u.delegate.until_s, &app->err);
	if (!rc) {
		mkt_act_note(&a, "to %u rights %u until %s", op.u.delegate.to, op.u.delegate.rights,
			     v->until ? v->until : "-");
		mkt_act_add(&a, &op, NULL, NULL);
		snprintf(a.line, sizeof(a.line), "'%s' may %s%s%s", argv[0], v->may,
			 v->until ? " until " : "",
			 v->until ? mkt_fmt_local(&a.s.zone, op.u.delegate.until_s).s : "");
		rc = mkt_act_do(&a, "delegate");
	}
	mkt_act_close(&a);
	return rc;
}

struct revoke_values {
	struct mkt_act_opts act;
};

static const struct mkt_opt revoke_opts[] = {
	MKT_O_GROUP(struct revoke_values, act, struct mkt_act_opts, mkt_act_options), MKT_O_END};

static int revoke_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct revoke_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_REVOKE};
	struct mkt_act a;
	int rc = mkt_act_open(&a, app, &v->act);

	(void)argc;
	if (rc)
		return rc;
	rc = mkt_session_account(&a.s, argv[0], &op.u.delegate.to);
	if (!rc) {
		mkt_act_add(&a, &op, NULL, NULL);
		snprintf(a.line, sizeof(a.line), "'%s' may do nothing more", argv[0]);
		rc = mkt_act_do(&a, "revoke");
	}
	mkt_act_close(&a);
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

static const struct mkt_spec account_subs[] = {
	{.name = "transfer",
	 .summary = "send money to another account",
	 .args = "ACCOUNT MONEY",
	 .complete = "account money",
	 .opts = transfer_opts,
	 .values_size = sizeof(struct transfer_values),
	 .run = transfer_run,
	 .args_min = 2,
	 .args_max = 2,
	 .flags = MKT_CMD_SIGNS},
	{.name = "delegate",
	 .summary = "let another account act for yours",
	 .args = "ACCOUNT",
	 .complete = "account",
	 .opts = delegate_opts,
	 .values_size = sizeof(struct delegate_values),
	 .run = delegate_run,
	 .args_min = 1,
	 .args_max = 1,
	 .flags = MKT_CMD_SIGNS},
	{.name = "revoke",
	 .summary = "take such a right back",
	 .args = "ACCOUNT",
	 .complete = "account",
	 .opts = revoke_opts,
	 .values_size = sizeof(struct revoke_values),
	 .run = revoke_run,
	 .args_min = 1,
	 .args_max = 1,
	 .flags = MKT_CMD_SIGNS},
	{.name = NULL},
};

const struct mkt_spec cmd_account = {
	.name = "account",
	.summary = "show balances, statement and delegations; transfer",
	.args = "[ACCOUNT]",
	.complete = "account",
	.opts = account_opts,
	.values_size = sizeof(struct account_values),
	.subs = account_subs,
	.run = account_run,
	.args_max = 1,
};

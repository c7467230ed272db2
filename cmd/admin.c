/*
 * mkt admin: transactions of the operator.
 */
#include "core/base/compat.h"

#include "cmd/act.h"
#include "cmd/admin.h"
#include "cmd/cmd.h"
#include "cmd/events.h"
#include "core/units/fmt.h"
#include "core/units/parse.h"

/* Options that most of them take. */
struct admin_values {
	const char *note;
	struct mkt_act_opts act;
};

#define ACT(S) MKT_O_GROUP(S, act, struct mkt_act_opts, mkt_act_admin_options), MKT_O_END

static const struct mkt_opt plain_opts[] = {ACT(struct admin_values)};

static const struct mkt_opt money_opts[] = {
	MKT_O_TEXT(struct admin_values, note, "note", 0, "TEXT", NULL, "kept with it on the chain"),
	ACT(struct admin_values)};

/* Build the only operation, send it, say a->line. */
static int finish(struct mkt_act *a, struct mkt_op *op, const char *text, const char *doing)
{
	mkt_act_add(a, op, NULL, text);
	return mkt_act_do(a, doing);
}

int mkt_admin_open(struct mkt_act *a, struct mkt_app *app, const struct mkt_act_opts *opts)
{
	/* core.account is for those who act for others; the operator acts for nobody. */
	int rc = mkt_conf_option(&app->conf, "core.account", "", &app->err);

	return rc ? rc : mkt_act_open(a, app, opts);
}

/* ---- accounts ----------------------------------------------------------------------------- */

struct enroll_values {
	const char *cls;
	struct mkt_list charger;
	struct mkt_act_opts act;
};

static const struct mkt_opt enroll_opts[] = {
	{.kind = MKT_OPT_TEXT,
	 .name = "class",
	 .metavar = "CLASS",
	 .dflt = "household",
	 .at = MKT_O_AT(struct enroll_values, cls, const char *),
	 .help = "household, office, ev, battery, retailer, aggregator, meter or reader"},
	MKT_O_LIST(struct enroll_values, charger, "charger", 0, "ID", NULL,
		   "a charger or meter of the account"),
	ACT(struct enroll_values)};

static void enroll_row(struct mkt_act *a, size_t i, const struct mkt_jval *at,
		       struct mkt_act_row *row)
{
	(void)i;
	row->account = mkt_act_number(at, "enrolled", -1);
	if (row->account >= 0)
		snprintf(row->line, sizeof(row->line), "%s is account #%lld", a->line,
			 (long long)row->account);
	else
		snprintf(row->line, sizeof(row->line), "%s would be enrolled", a->line);
}

static int read_enroll(struct mkt_app *app, const struct enroll_values *v, char **argv,
		       struct mkt_op_enroll *e, struct mkt_buf *chargers)
{
	int cls = mkt_class_find(v->cls);

	if (strlen(argv[0]) > MKT_NAME_MAX)
		return mkt_app_usage(app, "the name '%s' has more than %d letters", argv[0],
				     MKT_NAME_MAX);
	snprintf(e->name, sizeof(e->name), "%s", argv[0]);
	if (mkt_pubkey_parse(argv[1], &e->key))
		return mkt_app_usage(app, "'%s' is no account key (mkt1...)", argv[1]);
	if (cls < 0)
		return mkt_app_usage(app, "'%s' is no class; see 'mkt market'", v->cls);
	if (v->charger.n > MKT_CHARGERS_MAX)
		return mkt_app_usage(app, "an account has at most %d chargers", MKT_CHARGERS_MAX);
	e->cls = (uint8_t)cls;
	e->nchargers = (uint8_t)v->charger.n;
	for (size_t i = 0; i < v->charger.n; i++) {
		size_t n = strlen(v->charger.v[i]);

		if (!n || n > MKT_CHARGER_MAX)
			return mkt_app_usage(app, "a charger's id has 1 to %d letters, not '%s'",
					     MKT_CHARGER_MAX, v->charger.v[i]);
		mkt_enc_text(chargers, v->charger.v[i], n);
	}
	e->chargers_len = (uint32_t)chargers->len;
	return chargers->bad ? mkt_err_code(&app->err, MKT_ENOMEM) : 0;
}

static int enroll_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct enroll_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_ENROLL};
	struct mkt_buf chargers = MKT_BUF_INIT;
	struct mkt_act a;
	int rc = read_enroll(app, v, argv, &op.u.enroll, &chargers);

	(void)argc;
	if (!rc)
		rc = mkt_admin_open(&a, app, &v->act);
	if (!rc) {
		snprintf(a.line, sizeof(a.line), "'%s'", op.u.enroll.name);
		mkt_act_add(&a, &op, NULL, (const char *)chargers.data);
		rc = mkt_act_send(&a);
		if (rc)
			rc = mkt_err_wrap(&app->err, "cannot enroll '%s'", op.u.enroll.name);
		else
			rc = mkt_act_print(&a, enroll_row);
		mkt_act_close(&a);
	}
	mkt_buf_release(&chargers);
	return rc;
}

static int suspend(struct mkt_app *app, const struct admin_values *v, const char *who, bool on)
{
	struct mkt_op op = {.kind = MKT_OP_SUSPEND};
	struct mkt_act a;
	int rc = mkt_admin_open(&a, app, &v->act);

	if (rc)
		return rc;
	op.u.suspend.on = on;
	rc = mkt_session_account(&a.s, who, &op.u.suspend.account);
	if (!rc && on && !app->opt.dry_run)
		rc = mkt_app_confirm(app, "suspend '%s'? its open bids are withdrawn for good",
				     who);
	if (!rc) {
		snprintf(a.line, sizeof(a.line), "'%s' %s", who,
			 on ? "is suspended" : "may act again");
		rc = finish(&a, &op, NULL, on ? "suspend" : "resume");
	}
	mkt_act_close(&a);
	return rc;
}

static int suspend_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	(void)argc;
	return suspend(app, values, argv[0], true);
}

static int resume_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	(void)argc;
	return suspend(app, values, argv[0], false);
}

/* ---- money -------------------------------------------------------------------------------- */

static int move_money(struct mkt_app *app, const struct admin_values *v, char **argv, uint8_t kind)
{
	struct mkt_op op = {.kind = kind};
	bool in = kind == MKT_OP_DEPOSIT;
	struct mkt_act a;
	struct mkt_text money;
	int rc = mkt_admin_open(&a, app, &v->act);

	if (rc)
		return rc;
	rc = mkt_session_account(&a.s, argv[0], &op.u.transfer.to);
	if (!rc)
		rc = mkt_parse_money(argv[1], a.s.facts.currency, &op.u.transfer.money_uc,
				     &app->err);
	money = mkt_fmt_money(op.u.transfer.money_uc, a.s.facts.currency);
	if (!rc && !in && !app->opt.dry_run)
		rc = mkt_app_confirm(app, "withdraw %s from '%s'?", money.s, argv[0]);
	if (!rc) {
		snprintf(a.line, sizeof(a.line), "%s %s '%s'", money.s,
			 in ? "deposited for" : "withdrawn from", argv[0]);
		rc = finish(&a, &op, v->note, in ? "deposit" : "withdraw");
	}
	mkt_act_close(&a);
	return rc;
}

static int deposit_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	(void)argc;
	return move_money(app, values, argv, MKT_OP_DEPOSIT);
}

static int withdraw_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	(void)argc;
	return move_money(app, values, argv, MKT_OP_WITHDRAW);
}

/* ---- tags --------------------------------------------------------------------------------- */

static int copy_name(struct mkt_app *app, const char *text, char out[MKT_NAME_MAX + 1])
{
	if (strlen(text) > MKT_NAME_MAX)
		return mkt_app_usage(app, "the name '%s' has more than %d letters", text,
				     MKT_NAME_MAX);
	snprintf(out, MKT_NAME_MAX + 1, "%s", text);
	return 0;
}

static int dimension_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct admin_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_DIMENSION};
	struct mkt_act a;
	int rc = copy_name(app, argv[0], op.u.dimension.dim);

	(void)argc;
	if (!rc)
		rc = copy_name(app, argv[1], op.u.dimension.first);
	if (!rc)
		rc = mkt_admin_open(&a, app, &v->act);
	if (rc)
		return rc;
	if (!app->opt.dry_run)
		rc = mkt_app_confirm(app, "add dimension '%s'? it can never be taken away",
				     argv[0]);
	if (!rc) {
		snprintf(a.line, sizeof(a.line), "dimension '%s' with '%s' for all that is",
			 argv[0], argv[1]);
		rc = finish(&a, &op, NULL, "add the dimension");
	}
	mkt_act_close(&a);
	return rc;
}

struct tag_values {
	bool direct, closed;
	const char *fee;
	const char *fee_account;
	struct mkt_act_opts act;
};

static const struct mkt_opt tag_opts[] = {
	MKT_O_FLAG(struct tag_values, direct, "direct", 0, "its books are matched before others"),
	MKT_O_FLAG(struct tag_values, closed, "closed", 0, "only members bid there"),
	MKT_O_TEXT(struct tag_values, fee, "fee", 0, "PRICE", "price", "what buyers pay on top"),
	MKT_O_TEXT(struct tag_values, fee_account, "fee-account", 0, "ACCOUNT", "account",
		   "who gets it (default: the operator)"),
	ACT(struct tag_values)};

static int read_tag(struct mkt_act *a, const struct tag_values *v, char **argv, struct mkt_op *op)
{
	struct mkt_app *app = a->s.app;
	int dim = mkt_tag_find_dim(&a->s.facts.tags, argv[0]);
	int rc = copy_name(app, argv[1], op->u.tag.name);

	if (dim < 0)
		return mkt_app_usage(app, "there is no dimension '%s'; see 'mkt market'", argv[0]);
	op->u.tag.dim = (uint8_t)dim;
	op->u.tag.flags = (uint8_t)((v->direct ? 1 : 0) | (v->closed ? 2 : 0));
	op->u.tag.fee_account = MKT_OPERATOR;
	if (!rc && v->fee)
		rc = mkt_parse_price(v->fee, a->s.facts.currency, &op->u.tag.fee_upwh, &app->err);
	if (!rc && v->fee_account)
		rc = mkt_session_account(&a->s, v->fee_account, &op->u.tag.fee_account);
	return rc;
}

static int tag_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct tag_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_TAG};
	struct mkt_act a;
	int rc = mkt_admin_open(&a, app, &v->act);

	(void)argc;
	if (rc)
		return rc;
	rc = read_tag(&a, v, argv, &op);
	if (!rc) {
		snprintf(a.line, sizeof(a.line), "tag '%s' of '%s'%s%s", argv[1], argv[0],
			 v->direct ? ", direct" : "", v->closed ? ", members only" : "");
		rc = finish(&a, &op, NULL, "set the tag");
	}
	mkt_act_close(&a);
	return rc;
}

static const struct mkt_opt member_opts[] = {
	MKT_O_FLAG(struct tag_values, closed, "out", 0, "take the account out again"),
	ACT(struct tag_values)};

static int member_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct tag_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_MEMBER};
	bool out = v->closed;
	struct mkt_act a;
	unsigned dim;
	int rc = mkt_admin_open(&a, app, &v->act);

	(void)argc;
	if (rc)
		return rc;
	if (mkt_tag_find(&a.s.facts.tags, argv[0], &dim, &op.u.member.value) < 0)
		rc = mkt_err_set(&app->err, MKT_ETAG, "there is no tag '%s'", argv[0]);
	if (!rc) {
		op.u.member.dim = (uint8_t)dim;
		op.u.member.in = !out;
		rc = mkt_session_account(&a.s, argv[1], &op.u.member.account);
	}
	if (!rc) {
		snprintf(a.line, sizeof(a.line), "'%s' %s '%s'", argv[1],
			 out ? "is no longer member of" : "is member of", argv[0]);
		rc = finish(&a, &op, NULL, "change the members");
	}
	mkt_act_close(&a);
	return rc;
}

/* ---- rules -------------------------------------------------------------------------------- */

struct limits_values {
	struct mkt_num open_bids, tx, reads, rows;
	struct mkt_act_opts act;
};

static const struct mkt_opt limits_opts[] = {
	MKT_O_UINT(struct limits_values, open_bids, "open-bids", 0, "N", 0,
		   MKT_OPEN_BIDS_ACCOUNT_MAX, NULL, "open bids of one account; 0: no limit"),
	MKT_O_UINT(struct limits_values, tx, "tx-per-min", 0, "N", 0, UINT32_MAX, NULL,
		   "transactions a minute; 0: no limit"),
	MKT_O_UINT(struct limits_values, reads, "reads-per-min", 0, "N", 0, UINT32_MAX, NULL,
		   "reads a minute; 0: no limit"),
	MKT_O_UINT(struct limits_values, rows, "rows-per-min", 0, "N", 0, UINT32_MAX, NULL,
		   "rows a minute; 0: no limit"),
	ACT(struct limits_values)};

/* What is not said stays as it is: the operation sets all four. */
static int read_limits(struct mkt_act *a, const struct limits_values *v, const char *cls,
		       struct mkt_class_limits *lim)
{
	const struct {
		const char *key;
		const struct mkt_num *given;
		uint32_t *out;
	} t[] = {
		{"open_bids", &v->open_bids, &lim->open_bids},
		{"tx_per_min", &v->tx, &lim->tx_per_min},
		{"reads_per_min", &v->reads, &lim->reads_per_min},
		{"rows_per_min", &v->rows, &lim->rows_per_min},
	};
	struct mkt_answer m = MKT_ANSWER_INIT;
	struct mkt_jval list, at;
	struct mkt_jiter it = {0};
	int rc = mkt_api_get(a->s.client, "/v1/market", &m, &a->s.app->err);

	if (!rc)
		rc = mkt_jget_arr(&m.data, "limits", &list, &a->s.app->err);
	while (!rc && mkt_jval_next(&list, &it, &at)) {
		if (strcmp(mkt_word(&at, "class"), cls))
			continue;
		for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++)
			*t[i].out = t[i].given->given ? (uint32_t)t[i].given->v
						      : (uint32_t)mkt_count(&at, t[i].key);
	}
	mkt_answer_release(&m);
	return rc;
}

static int limits_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct limits_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_LIMITS};
	struct mkt_act a;
	int cls = mkt_class_find(argv[0]), rc;

	(void)argc;
	if (cls < 0)
		return mkt_app_usage(app, "'%s' is no class; see 'mkt market'", argv[0]);
	if (!v->open_bids.given && !v->tx.given && !v->reads.given && !v->rows.given)
		return mkt_app_usage(app, "name a limit to set");
	rc = mkt_admin_open(&a, app, &v->act);
	if (rc)
		return rc;
	op.u.limits.cls = (uint8_t)cls;
	rc = read_limits(&a, v, argv[0], &op.u.limits.lim);
	if (!rc) {
		snprintf(a.line, sizeof(a.line), "limits of class '%s' are set", argv[0]);
		rc = finish(&a, &op, NULL, "set the limits");
	}
	mkt_act_close(&a);
	return rc;
}

static int clock_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct admin_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_CLOCK};
	struct mkt_when when;
	struct mkt_text shown;
	struct mkt_act a;
	uint64_t time_s;
	int rc = mkt_admin_open(&a, app, &v->act);

	(void)argc;
	if (rc)
		return rc;
	when = mkt_session_when(&a.s, true);
	rc = mkt_instant_parse(argv[0], &when, &time_s, &app->err);
	shown = mkt_fmt_local(&a.s.zone, rc ? 0 : time_s);
	/* Its envelope would be told to have expired. */
	if (!rc && time_s < a.s.facts.now_ms / 1000)
		rc = mkt_err_set(&app->err, MKT_ECLOCK, "the clock never goes back: it is %s now",
				 mkt_fmt_local(&a.s.zone, a.s.facts.now_ms / 1000).s);
	if (!rc && !app->opt.dry_run)
		rc = mkt_app_confirm(app, "set the clock of chain '%s' to %s? it never goes back",
				     a.s.facts.name, shown.s);
	if (!rc) {
		op.u.clock.time_ms = time_s * 1000;
		mkt_act_note(&a, "clock %s", argv[0]);
		/* Its own envelope must still be valid at the time it sets. */
		a.clock_s = time_s;
		snprintf(a.line, sizeof(a.line), "clock is %s", shown.s);
		rc = finish(&a, &op, NULL, "set the clock");
	}
	mkt_act_close(&a);
	return rc;
}

struct imbalance_values {
	const char *up, *down;
	struct mkt_act_opts act;
};

static const struct mkt_opt imbalance_opts[] = {
	{.kind = MKT_OPT_TEXT,
	 .name = "up",
	 .metavar = "PRICE",
	 .complete = "price",
	 .required = true,
	 .at = MKT_O_AT(struct imbalance_values, up, const char *),
	 .help = "what who supplies too little pays"},
	{.kind = MKT_OPT_TEXT,
	 .name = "down",
	 .metavar = "PRICE",
	 .complete = "price",
	 .required = true,
	 .at = MKT_O_AT(struct imbalance_values, down, const char *),
	 .help = "what who draws too little pays"},
	ACT(struct imbalance_values)};

static int imbalance_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct imbalance_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_IMBALANCE};
	struct mkt_act a;
	const char *currency;
	int rc = mkt_admin_open(&a, app, &v->act);

	(void)argc, (void)argv;
	if (rc)
		return rc;
	currency = a.s.facts.currency;
	rc = mkt_parse_price(v->up, currency, &op.u.imbalance.up_upwh, &app->err);
	if (!rc)
		rc = mkt_parse_price(v->down, currency, &op.u.imbalance.down_upwh, &app->err);
	if (!rc) {
		snprintf(a.line, sizeof(a.line), "imbalance prices are %s up, %s down",
			 mkt_fmt_price(op.u.imbalance.up_upwh, currency).s,
			 mkt_fmt_price(op.u.imbalance.down_upwh, currency).s);
		rc = finish(&a, &op, NULL, "set the imbalance prices");
	}
	mkt_act_close(&a);
	return rc;
}

static const struct mkt_opt meterop_opts[] = {
	MKT_O_FLAG(struct tag_values, closed, "off", 0, "no longer"), ACT(struct tag_values)};

static int meterop_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct tag_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_METEROP};
	struct mkt_act a;
	int rc = mkt_admin_open(&a, app, &v->act);

	(void)argc;
	if (rc)
		return rc;
	op.u.meterop.on = !v->closed;
	rc = mkt_session_account(&a.s, argv[0], &op.u.meterop.account);
	if (!rc)
		rc = mkt_session_account(&a.s, argv[1], &op.u.meterop.meter);
	if (!rc) {
		snprintf(a.line, sizeof(a.line), "'%s' %s for '%s'", argv[1],
			 v->closed ? "no longer reports" : "reports", argv[0]);
		rc = finish(&a, &op, NULL, "set the meter operator");
	}
	mkt_act_close(&a);
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

#define SUB(name_, summary_, args_, complete_, opts_, S, run_, n_)                                 \
	{                                                                                          \
		.name = (name_), .summary = (summary_), .args = (args_), .complete = (complete_),  \
		.opts = (opts_), .values_size = sizeof(struct S), .run = (run_), .args_min = (n_), \
		.args_max = (n_), .flags = MKT_CMD_SIGNS                                           \
	}

static const struct mkt_spec admin_subs[] = {
	SUB("enroll", "enroll an account, or change its name, class and chargers", "NAME KEY",
	    "name key", enroll_opts, enroll_values, enroll_run, 2),
	SUB("suspend", "suspend an account and withdraw its bids", "ACCOUNT", "account", plain_opts,
	    admin_values, suspend_run, 1),
	SUB("resume", "let a suspended account act again", "ACCOUNT", "account", plain_opts,
	    admin_values, resume_run, 1),
	SUB("deposit", "bring money in", "ACCOUNT MONEY", "account money", money_opts, admin_values,
	    deposit_run, 2),
	SUB("withdraw", "take money out", "ACCOUNT MONEY", "account money", money_opts,
	    admin_values, withdraw_run, 2),
	SUB("dimension", "add a dimension of tags", "NAME FIRST", NULL, plain_opts, admin_values,
	    dimension_run, 2),
	SUB("tag", "add a tag, or change its flags and fee", "DIMENSION TAG", "dimension tag",
	    tag_opts, tag_values, tag_run, 2),
	SUB("member", "let an account into the market of a tag", "TAG ACCOUNT", "tag account",
	    member_opts, tag_values, member_run, 2),
	SUB("limits", "set the limits of a class", "CLASS", "class", limits_opts, limits_values,
	    limits_run, 1),
	SUB("clock", "set the clock of a chain that takes it from the operator", "TIME", NULL,
	    plain_opts, admin_values, clock_run, 1),
	SUB("imbalance", "set the prices of what is short", NULL, NULL, imbalance_opts,
	    imbalance_values, imbalance_run, 0),
	SUB("meterop", "let a meter operator report for an account", "ACCOUNT METER",
	    "account account", meterop_opts, tag_values, meterop_run, 2),
	{
		.name = "authority",
		.summary = "list those who seal, and change who does",
		.args = "list|propose|sign|add|remove [ARG...]",
		.complete = "list|propose|sign|add|remove file",
		.opts = mkt_admin_authority_options,
		.values_size = sizeof(struct mkt_admin_authority_values),
		.run = mkt_admin_authority_run,
		.args_min = 1,
		.args_max = -1,
		.flags = MKT_CMD_SIGNS,
	},
	{
		.name = "evidence",
		.summary = "proofs against authorities that the node has kept",
		.args = "[list|save|check ARG...]",
		.complete = "list|save|check file",
		.run = mkt_admin_evidence_run,
		.args_max = -1,
	},
	{.name = NULL},
};

const struct mkt_spec cmd_admin = {
	.name = "admin",
	.summary = "the operator's transactions",
	.subs = admin_subs,
};

/*
 * mkt bill: what was booked for an account in a month.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/months.h"
#include "cmd/tables.h"
#include "core/units/checked.h"
#include "core/units/fmt.h"
#include "core/wire/booked.h"

struct bill_values {
	const char *month;
	bool all;
};

static const struct mkt_opt bill_opts[] = {
	{.kind = MKT_OPT_TEXT,
	 .name = "month",
	 .metavar = "MONTH",
	 .dflt = "this",
	 .at = MKT_O_AT(struct bill_values, month, const char *),
	 .help = "2026-11, this, last, or all with something booked"},
	MKT_O_FLAG(struct bill_values, all, "all", 0, "every account"),
	MKT_O_END};

enum {
	C_MONTH,
	C_ACCOUNT,
	C_NAME,
	C_BOUGHT,
	C_BOUGHT_WH,
	C_PAID,
	C_FEES,
	C_SOLD,
	C_SOLD_WH,
	C_EARNED,
	C_SHORT_WH,
	C_CHARGES,
	C_FEES_IN,
	C_CHARGES_IN,
	C_RECEIVED,
	C_SENT,
	C_DEPOSITED,
	C_WITHDRAWN,
	C_CERTIFICATES,
	C_RETIRED,
	C_RETIRED_WH,
	C_CHANGE,
	C_OPENING,
	C_CLOSING,
	C_COLS
};

static const struct mkt_col bill_cols[] = {
	[C_MONTH] = {"month", MKT_COL_TEXT, .head = "month"},
	[C_ACCOUNT] = {"account", MKT_COL_UINT, .head = "account", .wide = true},
	[C_NAME] = {"account_name", MKT_COL_TEXT, .head = "name", .cut = true},
	[C_BOUGHT] = {"bought", MKT_COL_UINT, .head = "bought", .wide = true},
	[C_BOUGHT_WH] = {"bought_wh", MKT_COL_ENERGY, .head = "bought"},
	[C_PAID] = {"paid_u$", MKT_COL_MONEY, .head = "paid"},
	[C_FEES] = {"fees_u$", MKT_COL_MONEY, .head = "fees"},
	[C_SOLD] = {"sold", MKT_COL_UINT, .head = "sold", .wide = true},
	[C_SOLD_WH] = {"sold_wh", MKT_COL_ENERGY, .head = "sold"},
	[C_EARNED] = {"earned_u$", MKT_COL_MONEY, .head = "earned"},
	[C_SHORT_WH] = {"short_wh", MKT_COL_ENERGY, .head = "short", .wide = true},
	[C_CHARGES] = {"charges_u$", MKT_COL_MONEY, .head = "charges"},
	[C_FEES_IN] = {"fees_received_u$", MKT_COL_MONEY, .head = "fees received", .wide = true},
	[C_CHARGES_IN] = {"charges_received_u$", MKT_COL_MONEY, .head = "charges received",
			  .wide = true},
	[C_RECEIVED] = {"received_u$", MKT_COL_MONEY, .head = "received", .wide = true},
	[C_SENT] = {"sent_u$", MKT_COL_MONEY, .head = "sent", .wide = true},
	[C_DEPOSITED] = {"deposited_u$", MKT_COL_MONEY, .head = "deposited", .wide = true},
	[C_WITHDRAWN] = {"withdrawn_u$", MKT_COL_MONEY, .head = "withdrawn", .wide = true},
	[C_CERTIFICATES] = {"certificates", MKT_COL_UINT, .head = "certificates", .wide = true},
	[C_RETIRED] = {"retired", MKT_COL_UINT, .head = "retired", .wide = true},
	[C_RETIRED_WH] = {"retired_wh", MKT_COL_ENERGY, .head = "retired", .wide = true},
	[C_CHANGE] = {"change_u$", MKT_COL_MONEY, .head = "change"},
	[C_OPENING] = {"opening_u$", MKT_COL_MONEY, .head = "opening", .wide = true},
	[C_CLOSING] = {"closing_u$", MKT_COL_MONEY, .head = "closing", .wide = true},
	[C_COLS] = {.name = NULL}};
static const struct mkt_table bill_table = {"bill", bill_cols, false};
static const struct mkt_doc bill_doc = {"bill", 1, {&bill_table}, false};

struct billing {
	struct mkt_session *s;
	bool every_month, words;
	struct mkt_span only;	/* unless every_month */
	struct mkt_spans spans; /* months seen, of all accounts */
	uint64_t number;
	char name[64];
	/* Of the account that is read. */
	bool open; /* @span and @b are of a month */
	struct mkt_span span;
	struct mkt_booked b;
	int64_t balance_uc; /* before @span */
	uint64_t pruned;    /* what was booked up to this block is not told */
	bool partly;	    /* a month is left out, of some account */
};

/* ---- one row ------------------------------------------------------------------------------ */

static int table_row(struct billing *l, int64_t change_uc, int64_t closing_uc)
{
	const struct mkt_booked *b = &l->b;
	struct mkt_val v[C_COLS];

	v[C_MONTH] = mkt_v_text(l->span.month.text);
	v[C_ACCOUNT] = mkt_v_uint(l->number);
	v[C_NAME] = mkt_v_text(l->name[0] ? l->name : NULL);
	v[C_BOUGHT] = mkt_v_uint(b->bought);
	v[C_BOUGHT_WH] = mkt_v_uint(b->bought_wh);
	v[C_PAID] = mkt_v_int(b->paid_uc);
	v[C_FEES] = mkt_v_int(b->fees_uc);
	v[C_SOLD] = mkt_v_uint(b->sold);
	v[C_SOLD_WH] = mkt_v_uint(b->sold_wh);
	v[C_EARNED] = mkt_v_int(b->earned_uc);
	v[C_SHORT_WH] = mkt_v_uint(b->short_wh);
	v[C_CHARGES] = mkt_v_int(b->charges_uc);
	v[C_FEES_IN] = mkt_v_int(b->fees_in_uc);
	v[C_CHARGES_IN] = mkt_v_int(b->charges_in_uc);
	v[C_RECEIVED] = mkt_v_int(b->received_uc);
	v[C_SENT] = mkt_v_int(b->sent_uc);
	v[C_DEPOSITED] = mkt_v_int(b->deposited_uc);
	v[C_WITHDRAWN] = mkt_v_int(b->withdrawn_uc);
	v[C_CERTIFICATES] = mkt_v_uint(b->certificates);
	v[C_RETIRED] = mkt_v_uint(b->retired);
	v[C_RETIRED_WH] = mkt_v_uint(b->retired_wh);
	v[C_CHANGE] = mkt_v_int(change_uc);
	/* Without its beginning a story has changes, and no balance. */
	v[C_OPENING] = l->pruned ? mkt_v_none() : mkt_v_int(l->balance_uc);
	v[C_CLOSING] = l->pruned ? mkt_v_none() : mkt_v_int(closing_uc);
	mkt_out_row(&l->s->app->out, v);
	return 0;
}

/* One line of the bill in words; nothing if there is neither a count nor money. */
static void item(struct billing *l, const char *what, int64_t money_uc, bool even_zero)
{
	if (!money_uc && !even_zero)
		return;
	mkt_out_say(&l->s->app->out, "  %-40s %20s\n", what,
		    mkt_fmt_money(money_uc, l->s->facts.currency).s);
}

static void energy_item(struct billing *l, const char *what, uint64_t wh, uint64_t contracts,
			int64_t money_uc)
{
	char line[160];

	if (!contracts)
		return;
	snprintf(line, sizeof(line), "%s %s, %llu contract%s", what, mkt_fmt_energy(wh).s,
		 (unsigned long long)contracts, contracts == 1 ? "" : "s");
	item(l, line, money_uc, true);
}

static void in_words(struct billing *l, int64_t change_uc, int64_t closing_uc)
{
	const struct mkt_booked *b = &l->b;
	struct mkt_out *out = &l->s->app->out;
	char line[160];

	mkt_out_say(out, "%s%s  %s\n", l->name[0] ? "" : "#",
		    l->name[0] ? l->name : mkt_fmt_decimal((int64_t)l->number, 0, 0).s,
		    l->span.month.text);
	if (!l->pruned)
		item(l, "at the beginning", l->balance_uc, true);
	energy_item(l, "bought", b->bought_wh, b->bought, -b->paid_uc);
	item(l, "fees", -b->fees_uc, false);
	energy_item(l, "sold", b->sold_wh, b->sold, b->earned_uc);
	snprintf(line, sizeof(line), "short %s", mkt_fmt_energy(b->short_wh).s);
	item(l, line, -b->charges_uc, b->short_wh > 0);
	item(l, "fees received", b->fees_in_uc, false);
	item(l, "charges received", b->charges_in_uc, false);
	item(l, "transfers received", b->received_uc, false);
	item(l, "transfers sent", -b->sent_uc, false);
	item(l, "deposits", b->deposited_uc, false);
	item(l, "withdrawals", -b->withdrawn_uc, false);
	item(l, "change", change_uc, true);
	if (!l->pruned)
		item(l, "at the end", closing_uc, true);
	if (b->certificates || b->retired)
		mkt_out_say(out, "  certificates: %llu from what was bought, %llu retired (%s)\n",
			    (unsigned long long)b->certificates, (unsigned long long)b->retired,
			    mkt_fmt_energy(b->retired_wh).s);
}

/* The open month is whole: show it if it is wanted, and go on from its balance. */
static int end_month(struct billing *l)
{
	struct mkt_err *err = &l->s->app->err;
	int64_t change_uc = 0, closing_uc = 0;
	int rc = mkt_booked_change(&l->b, &change_uc, err);

	if (!rc && mkt_add_i64(l->balance_uc, change_uc, &closing_uc))
		rc = mkt_err_code(err, MKT_EOVERFLOW);
	if (rc)
		return rc;
	if (l->every_month || l->span.from == l->only.from) {
		/* A sum without a part of what was booked would be believed. */
		if (l->pruned && l->pruned >= l->span.from)
			l->partly = true;
		else if (l->words)
			in_words(l, change_uc, closing_uc);
		else
			rc = table_row(l, change_uc, closing_uc);
	}
	l->balance_uc = closing_uc;
	l->b = (struct mkt_booked){0};
	l->open = false;
	return rc;
}

/* ---- the story ---------------------------------------------------------------------------- */

/* What is before the one month that is wanted is one span. */
static int span_of(struct billing *l, uint64_t height, struct mkt_span *out)
{
	if (l->every_month)
		return mkt_spans_find(l->s, &l->spans, height, out);
	if (height >= l->only.from) {
		*out = l->only;
		return 0;
	}
	*out = (struct mkt_span){.from = UINT64_MAX, .to = l->only.from};
	return 0;
}

/* 1: nothing behind this event counts. */
static int add_event(struct billing *l, const struct mkt_jval *ev)
{
	struct mkt_err *err = &l->s->app->err;
	uint64_t height;
	int rc = 0;

	if (mkt_jget_u64(ev, "height", UINT64_MAX, &height, err))
		return mkt_api_foreign(err);
	/* The bill is of one instant: what comes while we read is not in it. */
	if (height > l->s->facts.height || (!l->every_month && height >= l->only.to))
		return 1;
	if (l->open && height >= l->span.to)
		rc = end_month(l);
	if (!rc && !l->open) {
		rc = span_of(l, height, &l->span);
		l->open = true;
	}
	return rc ? rc : mkt_booked_add(&l->b, (uint32_t)l->number, ev, err);
}

static int read_page(struct billing *l, const char *from, char next[64], bool *end)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_jiter it = {0};
	struct mkt_jval ev;
	int rc = mkt_session_get(l->s, &a, "/v1/accounts/%llu/events?limit=1000&from=%s",
				 (unsigned long long)l->number, from);

	/* Before the events: months that end in this page must know. */
	if (!rc && mkt_jval_has(&a.root, "pruned") && mkt_count(&a.root, "pruned") > l->pruned)
		l->pruned = mkt_count(&a.root, "pruned");
	while (!rc && mkt_jval_next(&a.data, &it, &ev))
		rc = add_event(l, &ev);
	*end = rc == 1 || !a.next;
	if (rc >= 0)
		snprintf(next, 64, "%s", a.next ? a.next : "");
	mkt_answer_release(&a);
	return rc == 1 ? 0 : rc;
}

/* The month that is wanted is told even if nothing was booked in it. */
static int end_story(struct billing *l)
{
	int rc = 0;

	if (l->open && (l->every_month || l->span.from != l->only.from))
		rc = end_month(l);
	if (rc || l->every_month)
		return rc;
	l->span = l->only;
	return end_month(l);
}

static int bill_account(struct billing *l, const struct mkt_jval *account)
{
	struct mkt_err *err = &l->s->app->err;
	char from[64] = "0", next[64];
	bool end = false;
	int rc = mkt_jget_u64(account, "account", UINT32_MAX, &l->number, err);

	if (!rc)
		rc = mkt_jget_text(account, "name", l->name, sizeof(l->name), err);
	if (rc)
		return mkt_api_foreign(err);
	l->balance_uc = 0;
	l->pruned = 0;
	l->b = (struct mkt_booked){0};
	while (!rc && !end) {
		rc = read_page(l, from, next, &end);
		memcpy(from, next, sizeof(from));
	}
	if (!rc)
		rc = end_story(l);
	if (!rc && l->pruned)
		mkt_app_warn(
			l->s->app,
			"what was booked for '%s' up to block %llu is in an archive, not here%s",
			l->name[0] ? l->name : mkt_fmt_decimal((int64_t)l->number, 0, 0).s,
			(unsigned long long)l->pruned,
			l->partly ? ": a month of which a part is there is left out" : "");
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

static int bill_all(struct billing *l)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	char after[64] = "";
	int rc = 0;

	do {
		struct mkt_jiter it = {0};
		struct mkt_jval at;

		rc = mkt_session_get(l->s, &a, "/v1/accounts?limit=1000%s%s",
				     after[0] ? "&after=" : "", after);
		while (!rc && mkt_jval_next(&a.data, &it, &at))
			rc = bill_account(l, &at);
		snprintf(after, sizeof(after), "%s", !rc && a.next ? a.next : "");
	} while (!rc && after[0]);
	mkt_answer_release(&a);
	return rc;
}

static int bill_one(struct billing *l)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	int rc = mkt_session_get(l->s, &a, "/v1/accounts/%s", l->s->who);

	if (!rc)
		rc = bill_account(l, &a.data);
	mkt_answer_release(&a);
	return rc;
}

static int read_month(struct billing *l, const char *text)
{
	struct mkt_month month;
	int rc;

	l->every_month = !strcmp(text, "all");
	if (l->every_month)
		return 0;
	rc = mkt_month_parse(&l->s->zone, l->s->facts.now_ms / 1000, text, &month, &l->s->app->err);
	return rc ? rc : mkt_spans_month(l->s, &month, &l->only);
}

static int make_bill(struct mkt_session *s, const struct bill_values *v)
{
	struct billing l = {.s = s, .words = mkt_for_people(s->app) && !v->all};
	struct mkt_out *out = &s->app->out;
	int rc = read_month(&l, v->month);

	mkt_out_meta(out, s->facts.height, s->facts.as_of_ms, false);
	if (!rc && !l.words)
		rc = mkt_out_open(out, &bill_doc, &s->app->err);
	if (rc) {
		mkt_spans_release(&l.spans);
		return rc;
	}
	if (!l.words)
		mkt_out_part(out, &bill_table);
	rc = v->all ? bill_all(&l) : bill_one(&l);
	if (!rc && l.partly && !l.every_month)
		rc = mkt_err_set(&s->app->err, MKT_EPRUNED,
				 "a part of the bill of %s is in an archive, not here",
				 l.only.month.text);
	if (!l.words)
		mkt_out_close(out);
	mkt_spans_release(&l.spans);
	return rc;
}

static int bill_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct bill_values *v = values;
	struct mkt_session s;
	int rc = 0;

	if (v->all && argc)
		return mkt_app_usage(app, "--all is every account");
	if (argc)
		rc = mkt_conf_option(&app->conf, "core.account", argv[0], &app->err);
	if (!rc)
		rc = mkt_session_open(&s, app, MKT_NEED_MARKET | (v->all ? 0 : MKT_NEED_WHO));
	if (rc)
		return rc;
	rc = make_bill(&s, v);
	mkt_session_close(&s);
	return rc;
}

const struct mkt_spec cmd_bill = {
	.name = "bill",
	.summary = "show what was bought, sold, paid and earned by month",
	.args = "[ACCOUNT]",
	.complete = "account",
	.opts = bill_opts,
	.values_size = sizeof(struct bill_values),
	.run = bill_run,
	.args_max = 1,
};

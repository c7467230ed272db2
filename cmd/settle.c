/*
 * mkt settle: settlements, one by one or summed by window, day or month.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/months.h"
#include "cmd/settled.h"
#include "cmd/tables.h"
#include "core/units/fmt.h"

enum by { BY_CONTRACT = 1, BY_WINDOW, BY_DAY, BY_MONTH };

struct settle_values {
	bool report, all;
	int by; /* enum by; 0: not given */
	const char *window, *month;
};

static const struct mkt_opt settle_opts[] = {
	MKT_O_FLAG(struct settle_values, report, "report", 0, "sums by window: --by window"),
	MKT_O_WORD(struct settle_values, by, "by", 0, "contract|window|day|month", NULL,
		   "what a row is (default: contract)"),
	MKT_O_TEXT(struct settle_values, window, "window", 0, "WINDOW", "window",
		   "energy of these windows"),
	MKT_O_TEXT(struct settle_values, month, "month", 0, "MONTH", NULL,
		   "energy of a month: 2026-11, this or last"),
	MKT_O_FLAG(struct settle_values, all, "all", 0, "of everybody"), MKT_O_END};

/* ---- one row a contract ------------------------------------------------------------------- */

enum {
	C_EXEC,
	C_WINDOW,
	C_BUYER,
	C_BUYER_NAME,
	C_SELLER,
	C_SELLER_NAME,
	C_CONTRACTED,
	C_SUPPLY,
	C_DRAW,
	C_DELIVERED,
	C_PAID,
	C_FEE,
	C_BUYER_CHARGE,
	C_SELLER_CHARGE,
	C_SHORT,
	C_UNREPORTED,
	C_HEIGHT,
	C_COLS
};

static const struct mkt_col contract_cols[] = {
	[C_EXEC] = {"exec", MKT_COL_BIG, .head = "contract"},
	[C_WINDOW] = {"window", MKT_COL_WINDOW, .head = "window"},
	[C_BUYER] = {.name = "buyer", .kind = MKT_COL_UINT},
	[C_BUYER_NAME] = {"buyer_name", MKT_COL_TEXT, .head = "buyer", .cut = true},
	[C_SELLER] = {.name = "seller", .kind = MKT_COL_UINT},
	[C_SELLER_NAME] = {"seller_name", MKT_COL_TEXT, .head = "seller", .cut = true},
	[C_CONTRACTED] = {"contracted_wh", MKT_COL_ENERGY, .head = "contracted"},
	[C_SUPPLY] = {"supply_wh", MKT_COL_ENERGY, .head = "supply", .wide = true},
	[C_DRAW] = {"draw_wh", MKT_COL_ENERGY, .head = "draw", .wide = true},
	[C_DELIVERED] = {"delivered_wh", MKT_COL_ENERGY, .head = "delivered"},
	[C_PAID] = {"paid_u$", MKT_COL_MONEY, .head = "paid"},
	[C_FEE] = {"fee_u$", MKT_COL_MONEY, .head = "fee", .wide = true},
	[C_BUYER_CHARGE] = {"buyer_charge_u$", MKT_COL_MONEY, .head = "buyer's charge",
			    .wide = true},
	[C_SELLER_CHARGE] = {"seller_charge_u$", MKT_COL_MONEY, .head = "seller's charge",
			     .wide = true},
	[C_SHORT] = {"short", MKT_COL_TEXT, .head = "short"},
	[C_UNREPORTED] = {"unreported", MKT_COL_TEXT, .head = "unreported", .wide = true},
	[C_HEIGHT] = {"height", MKT_COL_UINT, .head = "block", .wide = true},
	[C_COLS] = {.name = NULL}};
static const struct mkt_table contract_table = {"settlement", contract_cols, false};
static const struct mkt_doc contract_doc = {"settlements", 1, {&contract_table}, false};

static struct mkt_val which(bool first, bool second, const char *a, const char *b)
{
	return mkt_v_text(first && second ? "both" : first ? a : second ? b : NULL);
}

static void contract_row(struct mkt_session *s, const struct mkt_settled *t)
{
	char id[24];
	struct mkt_val v[C_COLS];

	snprintf(id, sizeof(id), "c%llu", (unsigned long long)t->exec);
	v[C_EXEC] = s->app->out.form == MKT_FORM_HUMAN ? mkt_v_text(id) : mkt_v_uint(t->exec);
	v[C_WINDOW] = mkt_v_window(t->window_s, s->facts.window_s);
	v[C_BUYER] = mkt_v_uint(t->buyer);
	v[C_BUYER_NAME] = mkt_v_text(t->buyer_name);
	v[C_SELLER] = mkt_v_uint(t->seller);
	v[C_SELLER_NAME] = mkt_v_text(t->seller_name);
	v[C_CONTRACTED] = mkt_v_uint(t->contracted_wh);
	v[C_SUPPLY] = mkt_v_uint(t->supply_wh);
	v[C_DRAW] = mkt_v_uint(t->draw_wh);
	v[C_DELIVERED] = mkt_v_uint(t->delivered_wh);
	v[C_PAID] = mkt_v_int(t->paid_uc);
	v[C_FEE] = mkt_v_int(t->fee_uc);
	v[C_BUYER_CHARGE] = mkt_v_int(t->buyer_charge_uc);
	v[C_SELLER_CHARGE] = mkt_v_int(t->seller_charge_uc);
	v[C_SHORT] = which(t->draw_wh < t->contracted_wh, t->supply_wh < t->contracted_wh, "buyer",
			   "seller");
	v[C_UNREPORTED] = which(!t->supply_reported, !t->draw_reported, "supply", "draw");
	v[C_HEIGHT] = mkt_v_uint(t->height);
	mkt_out_row(&s->app->out, v);
}

/* ---- one row a window, day or month ------------------------------------------------------- */

enum {
	S_WHEN,
	S_CONTRACTS,
	S_CONTRACTED,
	S_SUPPLY,
	S_DRAW,
	S_DELIVERED,
	S_PAID,
	S_FEES,
	S_BUYER_CHARGES,
	S_SELLER_CHARGES,
	S_SHORT_CONTRACTS,
	S_BUYERS_SHORT,
	S_SELLERS_SHORT,
	S_UNREPORTED,
	S_WHO,
	S_COLS
};

#define SUM_COLS                                                                                   \
	[S_CONTRACTS] = {"contracts", MKT_COL_UINT, .head = "contracts"},                          \
	[S_CONTRACTED] = {"contracted_wh", MKT_COL_ENERGY, .head = "contracted"},                  \
	[S_SUPPLY] = {"supply_wh", MKT_COL_ENERGY, .head = "supply", .wide = true},                \
	[S_DRAW] = {"draw_wh", MKT_COL_ENERGY, .head = "draw", .wide = true},                      \
	[S_DELIVERED] = {"delivered_wh", MKT_COL_ENERGY, .head = "delivered"},                     \
	[S_PAID] = {"paid_u$", MKT_COL_MONEY, .head = "paid"},                                     \
	[S_FEES] = {"fees_u$", MKT_COL_MONEY, .head = "fees", .wide = true},                       \
	[S_BUYER_CHARGES] = {"buyer_charges_u$", MKT_COL_MONEY, .head = "buyers' charges",         \
			     .wide = true},                                                        \
	[S_SELLER_CHARGES] = {"seller_charges_u$", MKT_COL_MONEY, .head = "sellers' charges",      \
			      .wide = true},                                                       \
	[S_SHORT_CONTRACTS] = {"short_contracts", MKT_COL_UINT, .head = "short"},                  \
	[S_BUYERS_SHORT] = {"buyers_short_wh", MKT_COL_ENERGY, .head = "not drawn",                \
			    .wide = true},                                                         \
	[S_SELLERS_SHORT] = {"sellers_short_wh", MKT_COL_ENERGY, .head = "not supplied",           \
			     .wide = true},                                                        \
	[S_UNREPORTED] = {"unreported", MKT_COL_UINT, .head = "unreported", .wide = true},         \
	[S_WHO] = {"short_names", MKT_COL_TEXT, .head = "who", .cut = true},                       \
	[S_COLS] = {.name = NULL}

static const struct mkt_col window_cols[] = {
	[S_WHEN] = {"window", MKT_COL_WINDOW, .head = "window"}, SUM_COLS};
static const struct mkt_col period_cols[] = {
	[S_WHEN] = {"period", MKT_COL_TEXT, .head = "period"}, SUM_COLS};
static const struct mkt_table window_table = {"settle", window_cols, false};
static const struct mkt_table period_table = {"settle", period_cols, false};
static const struct mkt_doc window_doc = {"settle-windows", 1, {&window_table}, false};
static const struct mkt_doc period_doc = {"settle-periods", 1, {&period_table}, false};

static void sum_row(struct mkt_session *s, const struct mkt_settle_sum *t, enum by by)
{
	struct mkt_month month;
	struct mkt_text day = mkt_fmt_date(&s->zone, t->start_s);
	struct mkt_val v[S_COLS];

	mkt_month_at(&s->zone, t->start_s, &month);
	v[S_WHEN] = by == BY_WINDOW ? mkt_v_window(t->start_s, s->facts.window_s)
				    : mkt_v_text(by == BY_DAY ? day.s : month.text);
	v[S_CONTRACTS] = mkt_v_uint(t->contracts);
	v[S_CONTRACTED] = mkt_v_uint(t->contracted_wh);
	v[S_SUPPLY] = mkt_v_uint(t->supply_wh);
	v[S_DRAW] = mkt_v_uint(t->draw_wh);
	v[S_DELIVERED] = mkt_v_uint(t->delivered_wh);
	v[S_PAID] = mkt_v_int(t->paid_uc);
	v[S_FEES] = mkt_v_int(t->fees_uc);
	v[S_BUYER_CHARGES] = mkt_v_int(t->buyer_charges_uc);
	v[S_SELLER_CHARGES] = mkt_v_int(t->seller_charges_uc);
	v[S_SHORT_CONTRACTS] = mkt_v_uint(t->short_contracts);
	v[S_BUYERS_SHORT] = mkt_v_uint(t->buyers_short_wh);
	v[S_SELLERS_SHORT] = mkt_v_uint(t->sellers_short_wh);
	v[S_UNREPORTED] = mkt_v_uint(t->unreported);
	v[S_WHO] = mkt_v_text(t->who[0] ? t->who : NULL);
	mkt_out_row(&s->app->out, v);
}

/* ---- reading ------------------------------------------------------------------------------ */

struct settling {
	struct mkt_session *s;
	enum by by;
	uint64_t from_s, to_s; /* starts of windows that count */
	uint64_t from_h, to_h; /* blocks in which those are settled; @to_h exclusive */
	struct mkt_settle_sums sums;
	struct mkt_settle_sum total;
};

/* Where the sum begins to which a window counts. */
static uint64_t start_of(const struct settling *l, uint64_t window_s)
{
	const struct mkt_zone *z = &l->s->zone;
	struct mkt_month month;

	if (l->by == BY_WINDOW)
		return window_s;
	if (l->by == BY_DAY) {
		int64_t local = mkt_zone_local(z, (int64_t)window_s);
		int64_t start = mkt_zone_day_start(z, local / 86400 - (local % 86400 < 0));

		return start > 0 ? (uint64_t)start : 0;
	}
	mkt_month_at(z, window_s, &month);
	return month.from_s;
}

/* 1: nothing behind this event counts. */
static int take_event(struct settling *l, const struct mkt_jval *ev)
{
	struct mkt_err *err = &l->s->app->err;
	struct mkt_settle_sum *sum;
	struct mkt_settled t;
	uint64_t height;
	int rc;

	if (mkt_jget_u64(ev, "height", UINT64_MAX, &height, err))
		return mkt_api_foreign(err);
	if (height >= l->to_h)
		return 1;
	if (strcmp(mkt_word(ev, "kind"), "settled"))
		return 0;
	rc = mkt_settled_read(ev, &t, err);
	if (rc || t.window_s < l->from_s || t.window_s >= l->to_s)
		return rc;
	rc = mkt_settle_add(&l->total, &t, err);
	if (rc)
		return rc;
	if (l->by == BY_CONTRACT) {
		contract_row(l->s, &t);
		return 0;
	}
	sum = mkt_settle_sum(&l->sums, start_of(l, t.window_s), err);
	return sum ? mkt_settle_add(sum, &t, err) : -err->code;
}

static int get_page(struct settling *l, bool all, const char *from, struct mkt_answer *a)
{
	if (all)
		return mkt_session_get(l->s, a, "/v1/events/page?kind=settled&limit=1000&from=%s",
				       from);
	return mkt_session_get(l->s, a, "/v1/accounts/%s/events?limit=1000&from=%s", l->s->who,
			       from);
}

static int read_events(struct settling *l, bool all)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	char from[64];
	int rc;

	/* A place in a story is the block's height and 24 bits for the event's. */
	snprintf(from, sizeof(from), "%llu",
		 (unsigned long long)(all ? l->from_h : l->from_h << 24));
	do {
		struct mkt_jiter it = {0};
		struct mkt_jval ev;

		rc = get_page(l, all, from, &a);
		while (!rc && mkt_jval_next(&a.data, &it, &ev))
			rc = take_event(l, &ev);
		snprintf(from, sizeof(from), "%s", !rc && a.next ? a.next : "");
		if (!rc && mkt_jval_has(&a.root, "pruned"))
			mkt_app_warn(l->s->app,
				     "what is before block %llu is in an archive, not here",
				     (unsigned long long)mkt_count(&a.root, "pruned") + 1);
	} while (!rc && from[0]);
	mkt_answer_release(&a);
	return rc == 1 ? 0 : rc;
}

/* Which windows count, and in which blocks they can have been settled. */
static int set_range(struct settling *l, const struct settle_values *v)
{
	struct mkt_session *s = l->s;
	struct mkt_when when = mkt_session_when(s, true);
	struct mkt_windows w;
	struct mkt_month month;
	int rc = 0;

	l->to_s = UINT64_MAX;
	l->to_h = s->facts.height + 1;
	if (v->window) {
		rc = mkt_windows_parse(v->window, &when, &w, &s->app->err);
		if (!rc) {
			l->from_s = w.first_s;
			l->to_s = w.first_s + (uint64_t)w.count * s->facts.window_s;
		}
	} else if (v->month) {
		rc = mkt_month_parse(&s->zone, when.now_s, v->month, &month, &s->app->err);
		if (!rc) {
			l->from_s = month.from_s;
			l->to_s = month.to_s;
		}
	} else {
		return 0;
	}
	if (!rc)
		rc = mkt_block_since(s, l->from_s, &l->from_h);
	/* The first block after the last deadline settles what is left. */
	if (!rc)
		rc = mkt_block_since(s, l->to_s + s->facts.deadline_s, &l->to_h);
	if (!rc && l->to_h <= s->facts.height)
		l->to_h++;
	return rc;
}

static void say_total(struct settling *l)
{
	const char *currency = l->s->facts.currency;
	const struct mkt_settle_sum *t = &l->total;
	struct mkt_out *out = &l->s->app->out;

	if (!mkt_for_people(l->s->app) || !t->contracts)
		return;
	mkt_out_say(out, "\n%llu contract%s: %s contracted, %s delivered; %s paid, %s in fees\n",
		    (unsigned long long)t->contracts, t->contracts == 1 ? "" : "s",
		    mkt_fmt_energy(t->contracted_wh).s, mkt_fmt_energy(t->delivered_wh).s,
		    mkt_fmt_money(t->paid_uc, currency).s, mkt_fmt_money(t->fees_uc, currency).s);
	mkt_out_say(out, "%llu short: %s not supplied, %s not drawn; charges of %s to sellers",
		    (unsigned long long)t->short_contracts, mkt_fmt_energy(t->sellers_short_wh).s,
		    mkt_fmt_energy(t->buyers_short_wh).s,
		    mkt_fmt_money(t->seller_charges_uc, currency).s);
	mkt_out_say(out, ", %s to buyers\n", mkt_fmt_money(t->buyer_charges_uc, currency).s);
}

static const struct mkt_doc *doc_of(enum by by)
{
	return by == BY_CONTRACT ? &contract_doc : by == BY_WINDOW ? &window_doc : &period_doc;
}

static int settle_show(struct settling *l, bool all)
{
	struct mkt_out *out = &l->s->app->out;
	const struct mkt_doc *doc = doc_of(l->by);
	int rc;

	mkt_out_meta(out, l->s->facts.height, l->s->facts.as_of_ms, false);
	rc = mkt_out_open(out, doc, &l->s->app->err);
	if (rc)
		return rc;
	mkt_out_part(out, doc->parts[0]);
	rc = read_events(l, all);
	for (size_t i = 0; !rc && i < l->sums.n; i++)
		sum_row(l->s, &l->sums.v[i], l->by);
	mkt_out_close(out);
	if (!rc)
		say_total(l);
	return rc;
}

static int settle_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct settle_values *v = values;
	struct mkt_session s;
	struct settling l = {.s = &s, .by = BY_CONTRACT};
	int rc;

	(void)argc, (void)argv;
	if (v->report && v->by)
		return mkt_app_usage(app, "--report is --by window");
	if (v->window && v->month)
		return mkt_app_usage(app, "--window and --month exclude each other");
	if (v->by || v->report)
		l.by = v->report ? BY_WINDOW : (enum by)v->by;
	rc = mkt_session_open(&s, app, MKT_NEED_MARKET | (v->all ? 0 : MKT_NEED_WHO));
	if (rc)
		return rc;
	rc = set_range(&l, v);
	if (!rc)
		rc = settle_show(&l, v->all);
	mkt_settle_sums_release(&l.sums);
	mkt_session_close(&s);
	return rc;
}

const struct mkt_spec cmd_settle = {
	.name = "settle",
	.summary = "show what was delivered, paid and charged when contracts were settled",
	.opts = settle_opts,
	.values_size = sizeof(struct settle_values),
	.run = settle_run,
};

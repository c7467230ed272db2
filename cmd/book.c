/*
 * mkt book: the depth of markets, a window x tags each.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/identity.h"
#include "cmd/tables.h"
#include "core/units/fmt.h"

struct book_values {
	const char *at;
	const char *tag;
	bool summary, depth;
	struct mkt_num levels;
	const char *cursor;
};

static const struct mkt_opt book_opts[] = {
	{.kind = MKT_OPT_TEXT,
	 .name = "at",
	 .metavar = "WINDOWS",
	 .complete = "window",
	 .dflt = "next",
	 .at = MKT_O_AT(struct book_values, at, const char *),
	 .help = "which windows"},
	MKT_O_TEXT(struct book_values, tag, "tag", 0, "TAGS", "tag",
		   "only this book of each window"),
	MKT_O_UINT(struct book_values, levels, "levels", 0, "N", 1, 500, "10", "levels a side"),
	MKT_O_FLAG(struct book_values, summary, "summary", 0, "best prices only"),
	MKT_O_FLAG(struct book_values, depth, "depth", 0, "gross and unique energy of each window"),
	MKT_O_TEXT(struct book_values, cursor, "cursor", 0, "CURSOR", NULL,
		   "go on where a list ended"),
	MKT_O_END};

static const struct mkt_col level_cols[] = {{"window", MKT_COL_WINDOW, .head = "window"},
					    {"tag", MKT_COL_TEXT, .head = "tags"},
					    {"side", MKT_COL_TEXT, .head = "side"},
					    {"price_u$_per_wh", MKT_COL_PRICE, .head = "limit"},
					    {"energy_wh", MKT_COL_ENERGY, .head = "energy"},
					    {"bids", MKT_COL_UINT, .head = "bids"},
					    {"own_wh", MKT_COL_ENERGY, .head = "own"},
					    {.name = NULL}};
static const struct mkt_table level_table = {"level", level_cols, false};
static const struct mkt_doc book_doc = {"book", 1, {&level_table}, false};
static const struct mkt_source level_source[] = {
	{"window_s", 0, NULL}, {"tags", 0, NULL}, {"side", 0, NULL}, {"price_upwh", 0, NULL},
	{"energy_wh", 0, NULL}, {"bids", 0, NULL}, {"own_wh", 0, NULL},
};

static const struct mkt_col best_cols[] = {{"window", MKT_COL_WINDOW, .head = "window"},
					   {"tag", MKT_COL_TEXT, .head = "tags"},
					   {"buy_u$_per_wh", MKT_COL_PRICE, .head = "best buy"},
					   {"sell_u$_per_wh", MKT_COL_PRICE, .head = "best sell"},
					   {.name = NULL}};
static const struct mkt_table best_table = {"best", best_cols, false};
static const struct mkt_doc best_doc = {"book-summary", 1, {&best_table}, false};
static const struct mkt_source best_source[] = {
	{"window_s", 0, NULL},
	{"tags", 0, NULL},
	{"buy_upwh", 0, NULL},
	{"sell_upwh", 0, NULL},
};

static const struct mkt_col depth_cols[] = {{"window", MKT_COL_WINDOW, .head = "window"},
					    {"side", MKT_COL_TEXT, .head = "side"},
					    {"gross_wh", MKT_COL_ENERGY, .head = "gross"},
					    {"unique_wh", MKT_COL_ENERGY, .head = "unique"},
					    {.name = NULL}};
static const struct mkt_table depth_table = {"depth", depth_cols, false};
static const struct mkt_doc depth_doc = {"book-depth", 1, {&depth_table}, false};
static const struct mkt_source depth_source[] = {
	{"window_s", 0, NULL},
	{"side", 0, NULL},
	{"gross_wh", 0, NULL},
	{"unique_wh", 0, NULL},
};

/* ---- for people: two sides of a book beside each other ------------------------------------ */

struct level {
	int64_t price_upwh;
	uint64_t energy_wh, own_wh;
};

struct side {
	struct level *v; /* room for all rows of the answer */
	size_t n;
};

struct picture {
	struct mkt_session *s;
	const char *tags; /* of the book being read; NULL: none yet */
	uint64_t start_s;
	struct side buy, sell;
	size_t levels; /* asked for */
	unsigned books; /* shown */
};

static void say_head(struct picture *p)
{
	struct mkt_session *s = p->s;
	const struct mkt_facts *f = &s->facts;
	uint64_t now = f->now_ms / 1000, gate = p->start_s - f->gate_s;
	struct mkt_out *out = &s->app->out;
	char unit[16];

	mkt_out_say(out, "%sMarket %s   %s   tick %s   ", p->books++ ? "\n" : "",
		    mkt_fmt_window(&s->zone, p->start_s, f->window_s).s, p->tags,
		    mkt_fmt_price(f->tick_upwh, f->currency).s);
	if (gate > now)
		mkt_out_say(out, "closes in %s", mkt_fmt_span(gate - now).s);
	else
		mkt_out_say(out, "closed");
	mkt_out_say(out, "   block %llu", (unsigned long long)f->height);
	if (f->now_ms > f->as_of_ms)
		mkt_out_say(out, ", %s ago", mkt_fmt_span((f->now_ms - f->as_of_ms) / 1000).s);
	snprintf(unit, sizeof(unit), "%s/kWh", f->currency);
	mkt_out_say(out, "\n   %12s %12s | %-12s %12s\n", "BUY kWh", unit, unit, "SELL kWh");
}

static void say_level(struct mkt_out *out, const struct level *buy, const struct level *sell)
{
	struct mkt_text e = {""}, p = {""};

	if (buy) {
		e = mkt_fmt_kwh(buy->energy_wh);
		p = mkt_fmt_per_kwh((int32_t)buy->price_upwh);
	}
	mkt_out_say(out, " %c %12s %12s | ", buy && buy->own_wh ? '*' : ' ', e.s, p.s);
	if (sell) {
		e = mkt_fmt_kwh(sell->energy_wh);
		p = mkt_fmt_per_kwh((int32_t)sell->price_upwh);
		mkt_out_say(out, "%-12s %12s%s", p.s, e.s, sell->own_wh ? " *" : "");
	}
	mkt_out_say(out, "\n");
}

/* The book is read whole. */
static void end_book(struct picture *p)
{
	size_t n = p->buy.n > p->sell.n ? p->buy.n : p->sell.n;

	if (!p->tags)
		return;
	say_head(p);
	for (size_t i = 0; i < n; i++)
		say_level(&p->s->app->out, i < p->buy.n ? &p->buy.v[i] : NULL,
			  i < p->sell.n ? &p->sell.v[i] : NULL);
	if (n == p->levels)
		mkt_out_say(&p->s->app->out, "   ~ there may be more: --levels\n");
	p->buy.n = p->sell.n = 0;
	p->tags = NULL;
}

static int read_depth(struct picture *p, const struct mkt_jval *at, const char *side)
{
	uint64_t gross, unique;
	struct mkt_err *err = &p->s->app->err;
	int rc = mkt_jget_u64(at, "gross_wh", INT64_MAX, &gross, err);

	if (!rc)
		rc = mkt_jget_u64(at, "unique_wh", INT64_MAX, &unique, err);
	if (rc)
		return rc;
	end_book(p);
	mkt_out_say(&p->s->app->out, "   all books of the window: %s %s gross, %s unique\n", side,
		    mkt_fmt_energy(gross).s, mkt_fmt_energy(unique).s);
	return 0;
}

static int read_level(struct picture *p, const struct mkt_jval *at, const char *side)
{
	struct mkt_err *err = &p->s->app->err;
	struct side *to = strcmp(side, "buy") ? &p->sell : &p->buy;
	struct level *l = &to->v[to->n];
	const char *tags;
	uint64_t start;
	int rc = mkt_jget_str(at, "tags", &tags, NULL, err);

	if (!rc)
		rc = mkt_jget_u64(at, "window_s", INT64_MAX, &start, err);
	if (rc)
		return rc;
	if (p->tags && (start != p->start_s || strcmp(tags, p->tags))) {
		end_book(p);
		l = &to->v[0];
	}
	p->tags = tags;
	p->start_s = start;
	rc = mkt_jget_i64(at, "price_upwh", INT32_MIN, INT32_MAX, &l->price_upwh, err);
	if (!rc)
		rc = mkt_jget_u64(at, "energy_wh", INT64_MAX, &l->energy_wh, err);
	l->own_wh = 0;
	if (!rc && mkt_jval_has(at, "own_wh"))
		rc = mkt_jget_u64(at, "own_wh", INT64_MAX, &l->own_wh, err);
	to->n += !rc;
	return rc;
}

static int print_people(struct mkt_session *s, const struct mkt_answer *a, size_t levels)
{
	size_t n = mkt_jval_count(&a->data);
	struct picture p = {.s = s, .levels = levels};
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	int rc = 0;

	p.buy.v = calloc(n + 1, sizeof(*p.buy.v));
	p.sell.v = calloc(n + 1, sizeof(*p.sell.v));
	if (!p.buy.v || !p.sell.v)
		rc = mkt_err_code(&s->app->err, MKT_ENOMEM);
	while (!rc && mkt_jval_next(&a->data, &it, &at)) {
		const char *side;

		rc = mkt_jget_str(&at, "side", &side, NULL, &s->app->err);
		if (!rc)
			rc = mkt_jval_has(&at, "gross_wh") ? read_depth(&p, &at, side)
							   : read_level(&p, &at, side);
	}
	if (!rc)
		end_book(&p);
	if (!rc && !n)
		mkt_out_say(&s->app->out, "no bids\n");
	if (!rc && a->next)
		mkt_out_say(&s->app->out, "~ more: --cursor %s\n", a->next);
	free(p.buy.v);
	free(p.sell.v);
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

/* Own bids are marked when there is a key; without one the book is read all the same. */
static void add_self(struct mkt_session *s, struct mkt_buf *query)
{
	const char *named = mkt_app_setting(s->app, "core.account");
	char text[MKT_PUBKEY_TEXT];
	struct mkt_pubkey pub;

	if (named && *named) {
		mkt_buf_addstr(query, "&account=");
		mkt_account_path(query, named);
	} else if (!mkt_identity_public(s->app, &pub)) {
		mkt_pubkey_text(&pub, text);
		mkt_buf_addf(query, "&account=%s", text);
	}
	memset(&s->app->err, 0, sizeof(s->app->err));
}

static int make_query(struct mkt_session *s, const struct book_values *v, bool self,
		      struct mkt_buf *query)
{
	struct mkt_when when = mkt_session_when(s, true);
	struct mkt_windows w;
	int rc = mkt_windows_parse(v->at, &when, &w, &s->app->err);

	if (rc)
		return rc;
	mkt_buf_addf(query, "from=%llu&count=%u", (unsigned long long)w.first_s, w.count);
	if (v->tag) {
		mkt_buf_addstr(query, "&tags=");
		mkt_url_escape(query, v->tag);
	}
	if (v->cursor) {
		mkt_buf_addstr(query, "&after=");
		mkt_url_escape(query, v->cursor);
	}
	if (v->summary)
		mkt_buf_addstr(query, "&summary=1");
	else if (v->depth)
		mkt_buf_addstr(query, "&depth=1&levels=0");
	else
		mkt_buf_addf(query, "&levels=%lld%s", (long long)v->levels.v,
			     mkt_for_people(s->app) ? "&depth=1" : "");
	if (self)
		add_self(s, query);
	return 0;
}

/* A key that the chain does not know marks nothing. */
static int ask(struct mkt_session *s, const struct book_values *v, struct mkt_answer *a)
{
	struct mkt_buf query = MKT_BUF_INIT;
	bool levels = !v->summary && !v->depth;
	int rc = make_query(s, v, levels, &query);

	if (!rc)
		rc = mkt_session_get(s, a, "/v1/books?%s", mkt_buf_str(&query));
	if (rc == -MKT_ENOTFOUND && levels) {
		mkt_buf_clear(&query);
		memset(&s->app->err, 0, sizeof(s->app->err));
		rc = make_query(s, v, false, &query);
		if (!rc)
			rc = mkt_session_get(s, a, "/v1/books?%s", mkt_buf_str(&query));
	}
	mkt_buf_release(&query);
	return rc;
}

static int book_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct book_values *v = values;
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_session s;
	int rc;

	(void)argc, (void)argv;
	if (v->summary && v->depth)
		return mkt_app_usage(app, "--summary and --depth exclude each other");
	rc = mkt_session_open(&s, app, MKT_NEED_MARKET);
	if (rc)
		return rc;
	rc = ask(&s, v, &a);
	if (!rc && v->summary)
		rc = mkt_list_print(&s, &best_doc, best_source, &a);
	else if (!rc && v->depth)
		rc = mkt_list_print(&s, &depth_doc, depth_source, &a);
	else if (!rc && mkt_for_people(app))
		rc = print_people(&s, &a, (size_t)v->levels.v);
	else if (!rc)
		rc = mkt_list_print(&s, &book_doc, level_source, &a);
	mkt_answer_release(&a);
	mkt_session_close(&s);
	return rc;
}

const struct mkt_spec cmd_book = {
	.name = "book",
	.summary = "show the depth of markets",
	.opts = book_opts,
	.values_size = sizeof(struct book_values),
	.run = book_run,
};

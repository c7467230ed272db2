/* What mkt plot draws, read from the node. */
#include "core/base/compat.h"

#include <stdlib.h>

#include "cmd/plot.h"
#include "core/units/checked.h"
#include "core/units/fmt.h"
#include "core/wire/story.h"

#define LEVELS 500 /* of a side; what the node tells at most */

/* While contracts are read: sums whose quotient is the price that was paid. */
struct paid {
	int64_t cost_uc, energy_wh;
};

struct reading {
	struct plot *p;
	const struct plot_filter *f;
	struct paid *paid; /* of each window; owned */
};

void plot_release(struct plot *p)
{
	free(p->at);
	*p = (struct plot){0};
}

bool plot_empty(const struct plot *p)
{
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < p->nseries; k++)
			if (p->at[i].v[k] != PLOT_GAP && (p->at[i].v[k] || p->kind == PLOT_PRICE))
				return false;
	return true;
}

static int make_places(struct plot *p, unsigned n)
{
	p->at = calloc(n ? n : 1, sizeof(*p->at));
	if (!p->at)
		return mkt_err_code(&p->s->app->err, MKT_ENOMEM);
	p->n = n;
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < SVG_SERIES_MAX; k++)
			p->at[i].v[k] =
				p->kind == PLOT_PRICE || p->kind == PLOT_DEPTH ? PLOT_GAP : 0;
	return 0;
}

static void add_series(struct plot *p, const char *name)
{
	snprintf(p->name[p->nseries++], sizeof(p->name[0]), "%s", name);
}

/* All pages of @path, which ends with '?' or '&', row by row. */
static int each_row(struct plot *p, const char *path,
		    int (*take)(void *ctx, const struct mkt_jval *at), void *ctx)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf query = MKT_BUF_INIT;
	char after[96] = "";
	int rc;

	do {
		struct mkt_jiter it = {0};
		struct mkt_jval at;

		mkt_buf_clear(&query);
		mkt_buf_addf(&query, "%slimit=1000%s", path, after[0] ? "&after=" : "");
		mkt_url_escape(&query, after);
		rc = mkt_session_get(p->s, &a, "%s", mkt_buf_str(&query));
		while (!rc && mkt_jval_next(&a.data, &it, &at))
			rc = take(ctx, &at);
		snprintf(after, sizeof(after), "%s", !rc && a.next ? a.next : "");
	} while (!rc && after[0]);
	mkt_answer_release(&a);
	mkt_buf_release(&query);
	return rc;
}

/* ---- contracts ---------------------------------------------------------------------------- */

/* The series of a tag set; what comes after the last one is counted together. */
static unsigned series_of(struct plot *p, const char *tags)
{
	for (unsigned k = 0; k < p->nseries; k++)
		if (!strncmp(p->name[k], tags, sizeof(p->name[k]) - 1))
			return k;
	if (p->nseries < SVG_SERIES_MAX - 1)
		add_series(p, tags);
	else if (p->nseries == SVG_SERIES_MAX - 1)
		add_series(p, "others");
	return p->nseries - 1;
}

static bool counts(const struct plot_filter *f, const struct mkt_jval *at)
{
	if (f->tags && strcmp(mkt_word(at, "tags"), f->tags) != 0)
		return false;
	return f->all || mkt_count(at, f->sold ? "seller" : "buyer") == f->account;
}

static int add_wh(struct plot *p, struct plot_place *w, unsigned series, uint64_t energy_wh)
{
	if (energy_wh > INT64_MAX || mkt_add_i64(w->v[series], (int64_t)energy_wh, &w->v[series]))
		return mkt_err_code(&p->s->app->err, MKT_EOVERFLOW);
	return 0;
}

static int add_delivery(struct plot *p, struct plot_place *w, const struct mkt_jval *at)
{
	const char *status = mkt_word(at, "status");
	uint64_t contracted = mkt_count(at, "energy_wh"), delivered;
	int rc;

	if (!strcmp(status, "matched") || !strcmp(status, "reported"))
		return add_wh(p, w, PLOT_OPEN, contracted);
	delivered = mkt_count(at, "delivered_wh");
	delivered = delivered < contracted ? delivered : contracted;
	rc = add_wh(p, w, PLOT_DELIVERED, delivered);
	return rc ? rc : add_wh(p, w, PLOT_SHORT, contracted - delivered);
}

static int add_paid(struct plot *p, struct paid *sum, const struct mkt_jval *at)
{
	struct mkt_err *err = &p->s->app->err;
	uint64_t energy;
	int64_t price;
	int rc = mkt_jget_i64(at, "price_upwh", INT32_MIN, INT32_MAX, &price, err);

	if (!rc)
		rc = mkt_jget_u64(at, "energy_wh", UINT32_MAX, &energy, err);
	if (rc)
		return mkt_api_foreign(err);
	if (mkt_add_i64(sum->cost_uc, mkt_cost_uc((int32_t)price, (uint32_t)energy),
			&sum->cost_uc) ||
	    mkt_add_i64(sum->energy_wh, (int64_t)energy, &sum->energy_wh))
		return mkt_err_code(err, MKT_EOVERFLOW);
	return 0;
}

static int take_contract(void *ctx, const struct mkt_jval *at)
{
	struct reading *r = ctx;
	struct plot *p = r->p;
	uint64_t start = mkt_count(at, "window_s");
	uint64_t i = p->n && start >= p->at[0].start_s
			     ? (start - p->at[0].start_s) / p->s->facts.window_s
			     : p->n;

	if (i >= p->n || p->at[i].start_s != start || !counts(r->f, at))
		return 0;
	if (p->kind == PLOT_PRICE)
		return add_paid(p, &r->paid[i], at);
	if (p->kind == PLOT_DELIVERY)
		return add_delivery(p, &p->at[i], at);
	return add_wh(p, &p->at[i], series_of(p, mkt_word(at, "tags")), mkt_count(at, "energy_wh"));
}

static int read_contracts(struct reading *r)
{
	struct plot *p = r->p;
	char path[96], who[32] = "";
	int rc = 0;

	if (!r->f->all)
		snprintf(who, sizeof(who), "account=%u&", (unsigned)r->f->account);
	for (unsigned i = 0; !rc && i < p->n; i++) {
		snprintf(path, sizeof(path), "/v1/contracts?window=%llu&%s",
			 (unsigned long long)p->at[i].start_s, who);
		rc = each_row(p, path, take_contract, r);
	}
	return rc;
}

/* ---- best prices -------------------------------------------------------------------------- */

/* "buy_upwh": a number or null. */
static int64_t limit_of(const struct mkt_jval *at, const char *key)
{
	int64_t v;

	return mkt_jget_i64(at, key, INT32_MIN, INT32_MAX, &v, NULL) ? PLOT_GAP : v;
}

static int take_best(void *ctx, const struct mkt_jval *at)
{
	struct reading *r = ctx;
	struct plot *p = r->p;
	int64_t buy = limit_of(at, "buy_upwh"), sell = limit_of(at, "sell_upwh");
	uint64_t start = mkt_count(at, "window_s");

	for (unsigned i = 0; i < p->n; i++) {
		int64_t *v = p->at[i].v;

		if (p->at[i].start_s != start)
			continue;
		if (buy != PLOT_GAP && (v[PLOT_BUY] == PLOT_GAP || buy > v[PLOT_BUY]))
			v[PLOT_BUY] = buy;
		if (sell != PLOT_GAP && (v[PLOT_SELL] == PLOT_GAP || sell < v[PLOT_SELL]))
			v[PLOT_SELL] = sell;
	}
	return 0;
}

static int read_best(struct reading *r)
{
	struct plot *p = r->p;
	struct mkt_buf path = MKT_BUF_INIT;
	int rc;

	mkt_buf_addf(&path, "/v1/books?summary=1&from=%llu&count=%u&",
		     (unsigned long long)p->at[0].start_s, p->n);
	if (r->f->tags) {
		mkt_buf_addstr(&path, "tags=");
		mkt_url_escape(&path, r->f->tags);
		mkt_buf_addch(&path, '&');
	}
	rc = each_row(p, mkt_buf_str(&path), take_best, r);
	mkt_buf_release(&path);
	return rc;
}

static void divide(const struct reading *r)
{
	for (unsigned i = 0; i < r->p->n; i++)
		if (r->paid[i].energy_wh)
			r->p->at[i].v[PLOT_PAID] = r->paid[i].cost_uc / r->paid[i].energy_wh;
}

/* ---- over windows ------------------------------------------------------------------------- */

static void name_series(struct plot *p)
{
	if (p->kind == PLOT_PRICE) {
		add_series(p, "best buy");
		add_series(p, "paid");
		add_series(p, "best sell");
	} else if (p->kind == PLOT_DELIVERY) {
		add_series(p, "delivered");
		add_series(p, "short");
		add_series(p, "not settled");
	}
}

static void name_plot(struct plot *p, const struct mkt_windows *w, const struct plot_filter *f)
{
	static const char *const what[] = {
		[PLOT_PRICE] = "Prices",
		[PLOT_LOAD] = "Contracted energy",
		[PLOT_DELIVERY] = "Contracted and delivered",
	};
	struct mkt_session *s = p->s;
	struct mkt_text t =
		mkt_fmt_window(&s->zone, w->first_s, (uint64_t)w->count * s->facts.window_s);
	char who[40] = "";

	if (!f->all)
		snprintf(who, sizeof(who), ", %s by #%u", f->sold ? "sold" : "bought",
			 (unsigned)f->account);
	snprintf(p->title, sizeof(p->title), "%s%s%s%s, %s", what[p->kind], f->tags ? " of " : "",
		 f->tags ? f->tags : "", who, t.s);
}

int plot_read_windows(struct plot *p, const struct mkt_windows *w, const struct plot_filter *f)
{
	struct reading r = {.p = p, .f = f};
	int rc = make_places(p, w->count);

	if (rc)
		return rc;
	for (unsigned i = 0; i < p->n; i++)
		p->at[i].start_s = w->first_s + (uint64_t)i * p->s->facts.window_s;
	name_series(p);
	name_plot(p, w, f);
	r.paid = calloc(p->n ? p->n : 1, sizeof(*r.paid));
	if (!r.paid)
		rc = mkt_err_code(&p->s->app->err, MKT_ENOMEM);
	if (!rc && p->kind == PLOT_PRICE)
		rc = read_best(&r);
	if (!rc)
		rc = read_contracts(&r);
	if (!rc && p->kind == PLOT_PRICE)
		divide(&r);
	free(r.paid);
	return rc;
}

/* ---- one book ----------------------------------------------------------------------------- */

/* Tag sets with bids. */
struct books {
	struct mkt_buf names; /* as people read them */
	char first[TUI_HEAT_TAG_MAX];
	unsigned n;
};

static int take_book(void *ctx, const struct mkt_jval *at)
{
	struct books *b = ctx;
	const char *tags = mkt_word(at, "tags");

	if (!b->n++)
		snprintf(b->first, sizeof(b->first), "%s", tags);
	mkt_buf_addf(&b->names, "%s%s", b->n > 1 ? ", " : "", tags);
	return 0;
}

static int choose_book(struct plot *p, uint64_t start_s, char *tags, size_t size)
{
	struct books b = {.n = 0};
	char path[96];
	int rc;

	snprintf(path, sizeof(path), "/v1/books?summary=1&from=%llu&", (unsigned long long)start_s);
	rc = each_row(p, path, take_book, &b);
	if (!rc && b.n > 1)
		rc = mkt_app_usage(p->s->app, "which book? --tag says it: %s",
				   mkt_buf_str(&b.names));
	snprintf(tags, size, "%s", b.first);
	mkt_buf_release(&b.names);
	return rc;
}

/* Best first, sells before buys. */
static int take_level(void *ctx, const struct mkt_jval *at)
{
	struct plot *p = ctx;
	struct plot_place *l = &p->at[p->n];
	struct mkt_err *err = &p->s->app->err;
	unsigned side = strcmp(mkt_word(at, "side"), "buy") ? PLOT_SELL : PLOT_BUY;
	int64_t before = 0;
	int rc;

	if (p->n == 2 * LEVELS)
		return 0;
	if (p->n && l[-1].v[side] != PLOT_GAP)
		before = l[-1].v[side];
	l->v[PLOT_BUY] = l->v[PLOT_PAID] = l->v[PLOT_SELL] = PLOT_GAP;
	rc = mkt_jget_i64(at, "price_upwh", INT32_MIN, INT32_MAX, &l->price_upwh, err);
	if (!rc)
		rc = mkt_jget_i64(at, "energy_wh", 0, INT64_MAX, &l->energy_wh, err);
	if (rc)
		return mkt_api_foreign(err);
	if (mkt_add_i64(before, l->energy_wh, &l->v[side]))
		return mkt_err_code(err, MKT_EOVERFLOW);
	p->n++;
	return 0;
}

/* Sells come with the cheapest first: turned round, prices fall from first to last. */
static void order_levels(struct plot *p)
{
	unsigned sells = 0;

	while (sells < p->n && p->at[sells].v[PLOT_SELL] != PLOT_GAP)
		sells++;
	p->part = sells == LEVELS || p->n - sells == LEVELS;
	for (unsigned i = 0; i < sells / 2; i++) {
		struct plot_place t = p->at[i];

		p->at[i] = p->at[sells - 1 - i];
		p->at[sells - 1 - i] = t;
	}
}

int plot_read_depth(struct plot *p, uint64_t start_s, const char *tags)
{
	struct mkt_session *s = p->s;
	struct mkt_buf path = MKT_BUF_INIT;
	char only[TUI_HEAT_TAG_MAX] = "";
	int rc = make_places(p, 2 * LEVELS);

	p->n = 0;
	if (!rc && !tags)
		rc = choose_book(p, start_s, only, sizeof(only));
	tags = tags ? tags : only;
	add_series(p, "buy");
	add_series(p, "");
	add_series(p, "sell");
	snprintf(p->title, sizeof(p->title), "Depth of %s, %s", *tags ? tags : "no book",
		 mkt_fmt_window(&s->zone, start_s, s->facts.window_s).s);
	mkt_buf_addf(&path, "/v1/books?from=%llu&levels=%u&tags=", (unsigned long long)start_s,
		     LEVELS);
	mkt_url_escape(&path, tags);
	mkt_buf_addch(&path, '&');
	if (!rc && *tags)
		rc = each_row(p, mkt_buf_str(&path), take_level, p);
	mkt_buf_release(&path);
	if (!rc)
		order_levels(p);
	return rc;
}

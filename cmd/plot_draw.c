/* What mkt plot has read, as rows of text and as SVG. */
#include "core/base/compat.h"

#include <stdlib.h>

#include "cmd/plot.h"
#include "core/units/fmt.h"
#include "tui/graph.h"

#define COLS_MIN 40
#define COLS_MAX 240
#define LABEL 6	  /* "10:30 " */
#define NUMBERS 3 /* at most */
#define NUMBER 10 /* "   123.45 " */

/* A row at a time: as many as there are windows. */
struct pen {
	const struct plot *p;
	struct tui_canvas c;
	struct tui_area a;
	unsigned bar, width; /* columns of marks and bars: first, and how many */
	int64_t least, most; /* at their ends */
	unsigned numbers;    /* columns of numbers before them */
	struct mkt_text day; /* of the last row */
};

/* ---- rows --------------------------------------------------------------------------------- */

static void flush(struct pen *n)
{
	struct mkt_buf b = MKT_BUF_INIT;

	tui_canvas_text(&n->c, &b);
	mkt_out_say(&n->p->s->app->out, "%s", mkt_buf_str(&b));
	mkt_buf_release(&b);
	tui_clear(n->a, TUI_PLAIN);
}

static unsigned column_of(const struct pen *n, int64_t v)
{
	uint64_t range = (uint64_t)n->most - (uint64_t)n->least;

	if (v <= n->least || !range)
		return 0;
	if (v >= n->most)
		return n->width - 1;
	return (unsigned)((unsigned __int128)((uint64_t)v - (uint64_t)n->least) * (n->width - 1) /
			  range);
}

static const char *segment(const struct pen *n, unsigned series)
{
	static const char *const ascii[SVG_SERIES_MAX] = {"#", ".", "=", "+", "o", "-", "*", ":"};
	static const char *const blocks[SVG_SERIES_MAX] = {
		"\xe2\x96\x88", "\xe2\x96\x91", "\xe2\x96\x93", "\xe2\x96\x92", "#", "=", "+", "-"};

	return n->c.utf8 ? blocks[series] : ascii[series];
}

static void number(struct pen *n, unsigned i, const char *text)
{
	if (i < n->numbers)
		tui_text(n->a, 0, LABEL + i * NUMBER, NUMBER - 1, TUI_RIGHT, TUI_PLAIN, text);
}

static struct mkt_text in_unit(const struct plot *p, int64_t v)
{
	struct mkt_text none = {"-"};

	if (v == PLOT_GAP || (!v && p->kind != PLOT_PRICE))
		return none;
	return p->kind == PLOT_PRICE ? mkt_fmt_per_kwh((int32_t)v) : mkt_fmt_kwh((uint64_t)v);
}

/* "10:30"; a row with the date before the first window of each day. */
static void label_window(struct pen *n, const struct plot_place *w)
{
	const struct mkt_zone *z = &n->p->s->zone;
	struct mkt_text day = mkt_fmt_date(z, w->start_s), clock = mkt_fmt_clock(z, w->start_s);

	if (strcmp(day.s, n->day.s) != 0) {
		if (n->day.s[0]) {
			tui_text(n->a, 0, 0, n->a.cols, TUI_LEFT, TUI_PLAIN, day.s);
			flush(n);
		}
		n->day = day;
	}
	clock.s[5] = '\0'; /* the zone stands in the title */
	tui_text(n->a, 0, 0, LABEL - 1, TUI_LEFT, TUI_PLAIN, clock.s);
}

/* ---- price: a mark each ------------------------------------------------------------------- */

static void price_row(struct pen *n, const struct plot_place *w)
{
	static const char *const marks[] = {[PLOT_BUY] = "b", [PLOT_PAID] = "p", [PLOT_SELL] = "s"};
	static const unsigned order[] = {PLOT_BUY, PLOT_SELL, PLOT_PAID};
	const int64_t *v = w->v;

	label_window(n, w);
	for (unsigned k = 0; k < n->p->nseries; k++)
		number(n, k, in_unit(n->p, v[k]).s);
	if (v[PLOT_BUY] != PLOT_GAP && v[PLOT_SELL] != PLOT_GAP)
		for (unsigned x = column_of(n, v[PLOT_BUY]); x < column_of(n, v[PLOT_SELL]); x++)
			tui_glyph(n->a, 0, n->bar + x, TUI_PLAIN, "-");
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(order); i++)
		if (v[order[i]] != PLOT_GAP)
			tui_glyph(n->a, 0, n->bar + column_of(n, v[order[i]]), TUI_PLAIN,
				  marks[order[i]]);
	flush(n);
}

/* ---- load, delivery: parts beside each other ---------------------------------------------- */

static int64_t whole_of(const struct plot *p, const struct plot_place *w)
{
	int64_t sum = 0;

	for (unsigned k = 0; k < p->nseries; k++)
		if (__builtin_add_overflow(sum, w->v[k], &sum))
			return INT64_MAX;
	return sum;
}

static void parts_row(struct pen *n, const struct plot_place *w)
{
	unsigned from = 0;
	int64_t sum = 0;

	label_window(n, w);
	number(n, 0, in_unit(n->p, whole_of(n->p, w)).s);
	if (n->p->kind == PLOT_DELIVERY)
		number(n, 1, in_unit(n->p, w->v[PLOT_DELIVERED]).s);
	for (unsigned k = 0; k < n->p->nseries; k++) {
		unsigned to;

		if (!w->v[k] || __builtin_add_overflow(sum, w->v[k], &sum))
			continue;
		to = column_of(n, sum) + 1;
		for (unsigned x = from; x < to; x++)
			tui_glyph(n->a, 0, n->bar + x, TUI_PLAIN, segment(n, k));
		from = to > from ? to : from;
	}
	flush(n);
}

/* ---- depth: sums from the best level on --------------------------------------------------- */

static void depth_row(struct pen *n, const struct plot_place *l)
{
	unsigned side = l->v[PLOT_BUY] != PLOT_GAP ? PLOT_BUY : PLOT_SELL;
	unsigned to = column_of(n, l->v[side]) + 1;

	tui_text(n->a, 0, 0, LABEL - 1, TUI_LEFT, TUI_PLAIN, n->p->name[side]);
	number(n, 0, mkt_fmt_per_kwh((int32_t)l->price_upwh).s);
	number(n, 1, mkt_fmt_kwh((uint64_t)l->energy_wh).s);
	number(n, 2, mkt_fmt_kwh((uint64_t)l->v[side]).s);
	for (unsigned x = 0; x < to; x++)
		tui_glyph(n->a, 0, n->bar + x, TUI_PLAIN, segment(n, side == PLOT_BUY ? 0 : 3));
	flush(n);
}

/* ---- heads -------------------------------------------------------------------------------- */

static const char *const heads[][NUMBERS] = {
	[PLOT_PRICE] = {"best buy", "paid", "best sell"},
	[PLOT_DEPTH] = {"limit", "kWh", "sum kWh"},
	[PLOT_LOAD] = {"kWh", NULL, NULL},
	[PLOT_DELIVERY] = {"kWh", "delivered", NULL},
};

static unsigned numbers_of(enum plot_kind kind)
{
	unsigned n = 0;

	while (n < NUMBERS && heads[kind][n])
		n++;
	return n;
}

/* "█ green  ░ brown" */
static void say_legend(struct pen *n)
{
	struct mkt_out *out = &n->p->s->app->out;
	struct mkt_buf name = MKT_BUF_INIT;

	for (unsigned k = 0; k < n->p->nseries; k++) {
		mkt_buf_clear(&name);
		tui_clean(&name, n->p->name[k], strlen(n->p->name[k]), false);
		mkt_out_say(out, "%s%s %s", k ? "   " : "", segment(n, k), mkt_buf_str(&name));
	}
	mkt_out_say(out, "\n");
	mkt_buf_release(&name);
}

/* Titles of the numbers, and what the ends of the bars mean. */
static void say_head(struct pen *n)
{
	const struct plot *p = n->p;
	bool money = p->kind == PLOT_PRICE;
	char least[96], most[128];
	unsigned wide;

	tui_text(n->a, 0, 0, n->a.cols, TUI_LEFT, TUI_PLAIN, p->title);
	flush(n);
	if (p->kind == PLOT_LOAD || p->kind == PLOT_DELIVERY)
		say_legend(n);
	for (unsigned i = 0; i < NUMBERS && heads[p->kind][i]; i++)
		number(n, i, heads[p->kind][i]);
	snprintf(least, sizeof(least), "%s", money ? in_unit(p, n->least).s : "0");
	snprintf(most, sizeof(most), "%s %s%s",
		 money ? in_unit(p, n->most).s : mkt_fmt_kwh((uint64_t)n->most).s,
		 money ? p->s->facts.currency : "kWh", money ? "/kWh" : "");
	wide = (unsigned)strlen(most);
	tui_text(n->a, 0, n->bar, n->width, TUI_LEFT, TUI_PLAIN, least);
	if (wide + strlen(least) + 1 < n->width)
		tui_text(n->a, 0, n->bar + n->width - wide, wide, TUI_RIGHT, TUI_PLAIN, most);
	flush(n);
}

/* The ends of the bars: of prices the least and the most, of energy nothing and the most. */
static void measure(struct pen *n)
{
	const struct plot *p = n->p;
	bool any = false;

	n->least = n->most = 0;
	for (unsigned i = 0; i < p->n; i++) {
		if (p->kind == PLOT_LOAD || p->kind == PLOT_DELIVERY) {
			int64_t whole = whole_of(p, &p->at[i]);

			n->most = whole > n->most ? whole : n->most;
			continue;
		}
		for (unsigned k = 0; k < p->nseries; k++) {
			int64_t v = p->at[i].v[k];

			if (v == PLOT_GAP)
				continue;
			if (p->kind == PLOT_PRICE && (!any || v < n->least))
				n->least = v;
			if (v > n->most || !any)
				n->most = v;
			any = true;
		}
	}
}

static int make_pen(struct pen *n, const struct plot *p)
{
	const struct mkt_term *t = &p->s->app->term;
	unsigned cols = t->columns < COLS_MIN ? COLS_MIN : t->columns;

	*n = (struct pen){.p = p, .numbers = numbers_of(p->kind)};
	cols = cols > COLS_MAX ? COLS_MAX : cols;
	if (tui_canvas_resize(&n->c, 1, cols))
		return mkt_err_code(&p->s->app->err, MKT_ENOMEM);
	n->c.utf8 = t->utf8;
	n->c.glyphs = t->utf8 ? TUI_BLOCK : TUI_ASCII;
	n->a = tui_whole(&n->c);
	while (n->numbers && LABEL + n->numbers * NUMBER + 16 > cols)
		n->numbers--;
	n->bar = LABEL + n->numbers * NUMBER;
	n->width = cols - n->bar;
	measure(n);
	return 0;
}

int plot_text(const struct plot *p)
{
	static void (*const rows[])(struct pen *, const struct plot_place *) = {
		[PLOT_PRICE] = price_row,
		[PLOT_DEPTH] = depth_row,
		[PLOT_LOAD] = parts_row,
		[PLOT_DELIVERY] = parts_row,
	};
	struct pen n;
	int rc = make_pen(&n, p);

	if (rc)
		return rc;
	say_head(&n);
	for (unsigned i = 0; i < p->n; i++)
		rows[p->kind](&n, &p->at[i]);
	if (p->part)
		mkt_out_say(&p->s->app->out, "~ only the best levels of each side are told\n");
	if (p->kind == PLOT_PRICE)
		mkt_out_say(&p->s->app->out, "b buy   p paid on average   s sell\n");
	tui_canvas_release(&n.c);
	return 0;
}

/* ---- SVG ---------------------------------------------------------------------------------- */

static const char *place_name(void *ctx, unsigned i, char out[64])
{
	const struct plot *p = ctx;
	const struct mkt_zone *z = &p->s->zone;
	const struct plot_place *at = &p->at[p->kind == PLOT_DEPTH ? p->n - 1 - i : i];

	if (p->kind == PLOT_DEPTH)
		snprintf(out, 64, "%.63s", mkt_fmt_per_kwh((int32_t)at->price_upwh).s);
	else if (p->n <= 96)
		snprintf(out, 64, "%.5s", mkt_fmt_clock(z, at->start_s).s);
	else
		snprintf(out, 64, "%.63s", mkt_fmt_date(z, at->start_s).s);
	return out;
}

/* What the columns of the chart are, by series; the caller frees it. */
static int64_t *columns_of(const struct plot *p)
{
	int64_t *v = calloc((size_t)p->n * SVG_SERIES_MAX + 1, sizeof(*v));

	for (unsigned k = 0; v && k < p->nseries; k++)
		for (unsigned i = 0; i < p->n; i++)
			v[(size_t)k * p->n + i] =
				p->at[p->kind == PLOT_DEPTH ? p->n - 1 - i : i].v[k];
	return v;
}

int plot_svg(const struct plot *p, struct mkt_buf *out)
{
	bool money = p->kind == PLOT_PRICE;
	int64_t *v = columns_of(p);
	char unit[32];
	struct svg_chart c = {.kind = money || p->kind == PLOT_DEPTH ? SVG_LINES : SVG_STACKED,
			      .title = p->title,
			      .y_title = unit,
			      .x_title = p->kind == PLOT_DEPTH ? "limit per kWh" : "windows",
			      .places = p->n,
			      .place = place_name,
			      .ctx = (void *)(uintptr_t)p,
			      .decimals = 3};

	if (!v)
		return mkt_err_code(&p->s->app->err, MKT_ENOMEM);
	snprintf(unit, sizeof(unit), "%s%s", money ? p->s->facts.currency : "kWh",
		 money ? "/kWh" : "");
	for (unsigned k = 0; k < p->nseries; k++)
		if (p->name[k][0])
			c.series[c.nseries++] =
				(struct svg_series){p->name[k], v + (size_t)k * p->n};
	mkt_buf_addstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	svg_chart(out, &c);
	free(v);
	return out->bad ? mkt_err_code(&p->s->app->err, MKT_ENOMEM) : 0;
}

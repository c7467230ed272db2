/*
 * mkt plot: prices, depth, load and delivery for those who would rather look than read.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/plot.h"
#include "cmd/tables.h"
#include "core/base/file.h"
#include "core/units/fmt.h"

/* One struct for all: each kind takes the options that it has. */
struct plot_values {
	const char *at, *tag, *svg;
	bool all, sold;
};

#define AT(dflt_, help_)                                                                           \
	{                                                                                          \
		.kind = MKT_OPT_TEXT, .name = "at", .metavar = "WINDOWS", .complete = "window",    \
		.dflt = (dflt_), .at = MKT_O_AT(struct plot_values, at, const char *),             \
		.help = (help_)                                                                    \
	}
#define TAG MKT_O_TEXT(struct plot_values, tag, "tag", 0, "TAGS", "tag", "only this book")
#define SVG                                                                                        \
	MKT_O_FILE(struct plot_values, svg, "svg", 0, "FILE", "write an SVG picture; - is stdout")
#define ALL MKT_O_FLAG(struct plot_values, all, "all", 0, "of everybody")

static const struct mkt_opt price_opts[] = {AT("today", "which windows"), TAG, SVG, MKT_O_END};
static const struct mkt_opt depth_opts[] = {AT("next", "which window"), TAG, SVG, MKT_O_END};
static const struct mkt_opt load_opts[] = {
	AT("today", "which windows"), ALL,
	MKT_O_FLAG(struct plot_values, sold, "sold", 0, "what is sold, not what is bought"), SVG,
	MKT_O_END};
static const struct mkt_opt delivery_opts[] = {
	AT("today", "which windows"), ALL,
	MKT_O_FLAG(struct plot_values, sold, "sold", 0, "what is sold, not what is bought"), SVG,
	MKT_O_END};

/* ---- for machines ------------------------------------------------------------------------- */

static const struct mkt_col price_cols[] = {{"window", MKT_COL_WINDOW, .head = "window"},
					    {"buy_u$_per_wh", MKT_COL_PRICE, .head = "best buy"},
					    {"paid_u$_per_wh", MKT_COL_PRICE, .head = "paid"},
					    {"sell_u$_per_wh", MKT_COL_PRICE, .head = "best sell"},
					    {.name = NULL}};
static const struct mkt_col depth_cols[] = {{"side", MKT_COL_TEXT, .head = "side"},
					    {"price_u$_per_wh", MKT_COL_PRICE, .head = "limit"},
					    {"energy_wh", MKT_COL_ENERGY, .head = "energy"},
					    {"sum_wh", MKT_COL_ENERGY, .head = "sum"},
					    {.name = NULL}};
static const struct mkt_col load_cols[] = {{"window", MKT_COL_WINDOW, .head = "window"},
					   {"tag", MKT_COL_TEXT, .head = "tags"},
					   {"energy_wh", MKT_COL_ENERGY, .head = "contracted"},
					   {.name = NULL}};
static const struct mkt_col delivery_cols[] = {
	{"window", MKT_COL_WINDOW, .head = "window"},
	{"delivered_wh", MKT_COL_ENERGY, .head = "delivered"},
	{"short_wh", MKT_COL_ENERGY, .head = "short"},
	{"open_wh", MKT_COL_ENERGY, .head = "not settled"},
	{.name = NULL}};
static const struct mkt_table tables[] = {
	[PLOT_PRICE] = {"price", price_cols, false},
	[PLOT_DEPTH] = {"level", depth_cols, false},
	[PLOT_LOAD] = {"load", load_cols, false},
	[PLOT_DELIVERY] = {"delivery", delivery_cols, false},
};
static const struct mkt_doc docs[] = {
	[PLOT_PRICE] = {"plot-price", 1, {&tables[PLOT_PRICE]}, false},
	[PLOT_DEPTH] = {"plot-depth", 1, {&tables[PLOT_DEPTH]}, false},
	[PLOT_LOAD] = {"plot-load", 1, {&tables[PLOT_LOAD]}, false},
	[PLOT_DELIVERY] = {"plot-delivery", 1, {&tables[PLOT_DELIVERY]}, false},
};

static struct mkt_val known(int64_t v, bool money)
{
	if (v == PLOT_GAP)
		return mkt_v_none();
	return money ? mkt_v_int(v) : mkt_v_uint((uint64_t)v);
}

static void level_row(const struct plot *p, const struct plot_place *l)
{
	unsigned side = l->v[PLOT_BUY] != PLOT_GAP ? PLOT_BUY : PLOT_SELL;

	mkt_out_row(&p->s->app->out,
		    (struct mkt_val[]){mkt_v_text(p->name[side]), mkt_v_int(l->price_upwh),
				       known(l->energy_wh, false), known(l->v[side], false)});
}

static void window_rows(const struct plot *p, const struct plot_place *w)
{
	struct mkt_val window = mkt_v_window(w->start_s, p->s->facts.window_s);
	bool money = p->kind == PLOT_PRICE;

	if (p->kind != PLOT_LOAD) {
		mkt_out_row(&p->s->app->out,
			    (struct mkt_val[]){window, known(w->v[0], money), known(w->v[1], money),
					       known(w->v[2], money)});
		return;
	}
	for (unsigned k = 0; k < p->nseries; k++)
		if (w->v[k])
			mkt_out_row(&p->s->app->out,
				    (struct mkt_val[]){window, mkt_v_text(p->name[k]),
						       known(w->v[k], false)});
}

static int print_rows(const struct plot *p)
{
	struct mkt_out *out = &p->s->app->out;
	int rc;

	mkt_out_meta(out, p->s->facts.height, p->s->facts.as_of_ms, false);
	rc = mkt_out_open(out, &docs[p->kind], &p->s->app->err);
	if (rc)
		return rc;
	mkt_out_part(out, &tables[p->kind]);
	for (unsigned i = 0; i < p->n; i++)
		if (p->kind == PLOT_DEPTH)
			level_row(p, &p->at[i]);
		else
			window_rows(p, &p->at[i]);
	mkt_out_close(out);
	return 0;
}

/* ---- the picture -------------------------------------------------------------------------- */

static int write_svg(const struct plot *p, const char *path)
{
	struct mkt_app *app = p->s->app;
	struct mkt_buf b = MKT_BUF_INIT;
	int rc = plot_svg(p, &b);

	if (!rc && !strcmp(path, "-"))
		mkt_out_raw(&app->out, b.data, b.len);
	else if (!rc)
		rc = mkt_file_write(path, b.data, b.len, (struct mkt_file_how){.mode = 0644},
				    &app->err);
	if (!rc && strcmp(path, "-") != 0 && !app->out.quiet)
		mkt_out_say(&app->out, "%s: %zu bytes\n", path, b.len);
	mkt_buf_release(&b);
	return rc;
}

static int show(const struct plot *p, const struct plot_values *v)
{
	static const char *const nothing[] = {
		[PLOT_PRICE] = "no bids, and nothing was paid",
		[PLOT_DEPTH] = "no bids",
		[PLOT_LOAD] = "nothing is contracted",
		[PLOT_DELIVERY] = "nothing is contracted",
	};

	if (v->svg)
		return write_svg(p, v->svg);
	if (!mkt_for_people(p->s->app))
		return print_rows(p);
	if (!plot_empty(p))
		return plot_text(p);
	mkt_out_say(&p->s->app->out, "%s: %s\n", p->title, nothing[p->kind]);
	return 0;
}

/* --tag as the node prints it, into @b. */
static int name_book(struct mkt_session *s, const char *tag, struct mkt_buf *b)
{
	mkt_tags tags;
	int rc = tag ? mkt_tags_parse(&s->facts.tags, tag, &tags, &s->app->err) : 0;

	if (!rc && tag)
		mkt_tags_text(&s->facts.tags, tags, b);
	return rc;
}

static int read_plot(struct plot *p, const struct plot_values *v, const char *tags)
{
	struct mkt_session *s = p->s;
	struct mkt_when when = mkt_session_when(s, true);
	struct plot_filter f = {
		.all = v->all || p->kind == PLOT_PRICE, .sold = v->sold, .tags = tags};
	struct mkt_windows w;
	int rc = mkt_windows_parse(v->at, &when, &w, &s->app->err);

	if (!rc && p->kind == PLOT_DEPTH && w.count != 1)
		rc = mkt_app_usage(s->app, "'%s' is more than one window", v->at);
	if (rc)
		return rc;
	if (p->kind == PLOT_DEPTH)
		return plot_read_depth(p, w.first_s, tags);
	if (!f.all)
		rc = mkt_session_account(s, s->who, &f.account);
	return rc ? rc : plot_read_windows(p, &w, &f);
}

static int plot(struct mkt_app *app, const struct plot_values *v, enum plot_kind kind)
{
	struct mkt_session s;
	struct plot p = {.s = &s, .kind = kind};
	struct mkt_buf tags = MKT_BUF_INIT;
	bool mine = !v->all && (kind == PLOT_LOAD || kind == PLOT_DELIVERY);
	int rc;

	if (v->all && v->sold)
		return mkt_app_usage(app, "--all and --sold exclude each other: what one sells "
					  "another buys");
	if (v->svg && app->out.form != MKT_FORM_HUMAN)
		return mkt_app_usage(app, "--svg excludes --json, --porcelain and --csv");
	rc = mkt_session_open(&s, app, MKT_NEED_MARKET | (mine ? MKT_NEED_WHO : 0));
	if (rc)
		return rc;
	rc = name_book(&s, v->tag, &tags);
	if (!rc)
		rc = read_plot(&p, v, v->tag ? mkt_buf_str(&tags) : NULL);
	if (!rc)
		rc = show(&p, v);
	plot_release(&p);
	mkt_buf_release(&tags);
	mkt_session_close(&s);
	return rc;
}

#define RUN(name_, kind_)                                                                          \
	static int name_##_run(struct mkt_app *app, void *values, int argc, char **argv)           \
	{                                                                                          \
		(void)argc, (void)argv;                                                            \
		return plot(app, values, kind_);                                                   \
	}
RUN(price, PLOT_PRICE)
RUN(depth, PLOT_DEPTH)
RUN(load, PLOT_LOAD)
RUN(delivery, PLOT_DELIVERY)

static const struct mkt_spec plot_subs[] = {{.name = "price",
					     .summary = "best limits and what was paid, by window",
					     .opts = price_opts,
					     .values_size = sizeof(struct plot_values),
					     .run = price_run,
					     .flags = MKT_CMD_READS},
					    {.name = "depth",
					     .summary = "one book: what rests up to each limit",
					     .opts = depth_opts,
					     .values_size = sizeof(struct plot_values),
					     .run = depth_run,
					     .flags = MKT_CMD_READS},
					    {.name = "load",
					     .summary = "contracted energy by window and tags",
					     .opts = load_opts,
					     .values_size = sizeof(struct plot_values),
					     .run = load_run,
					     .flags = MKT_CMD_READS},
					    {.name = "delivery",
					     .summary = "contracted against delivered, by window",
					     .opts = delivery_opts,
					     .values_size = sizeof(struct plot_values),
					     .run = delivery_run,
					     .flags = MKT_CMD_READS},
					    {.name = NULL}};

const struct mkt_spec cmd_plot = {
	.name = "plot",
	.summary = "look at prices, depth, load and delivery",
	.subs = plot_subs,
};

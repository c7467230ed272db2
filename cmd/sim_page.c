#include "core/base/compat.h"

#include <stdlib.h>

#include "cmd/sim_page.h"
#include "cmd/svg.h"
#include "core/units/checked.h"
#include "core/units/fmt.h"

#define HOURS 24
#define DAYS_APART 62  /* so many have a place each; more are drawn by month */
#define CHART_SITES 60 /* more participants are in the table alone */
#define TABLE_SITES 1000
#define LETTER_PX 8
#define CHART_PX 1000 /* for places of a chart of participants */
#define MARGINS_PX 100
#define SHARES 1000
#define DAY_S 86400u

struct mean {
	int64_t cost_uc; /* price times energy, or prices alone with @weight their number */
	uint64_t weight;
};

struct home {
	uint64_t use_wh, draw_wh;	    /* of the site with its cars; through its meter */
	uint64_t neighbour_wh, retailer_wh; /* bought under contracts */
};

struct day {
	uint64_t contracted_wh, delivered_wh;
};

struct sim_page {
	const struct mkt_zone *zone;
	uint64_t from_s;
	struct mean all[HOURS], neighbours[HOURS], retail[HOURS];
	struct home *homes; /* of the sites */
	struct day *days;
	uint32_t nsites, ndays;
};

struct sim_page *sim_page_new(const struct sim *s)
{
	struct sim_page *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->zone = &s->zone;
	p->from_s = s->from_s;
	p->nsites = s->profile->nsites;
	p->ndays = s->days;
	p->homes = calloc(p->nsites, sizeof(*p->homes));
	p->days = calloc(p->ndays, sizeof(*p->days));
	if (p->homes && p->days)
		return p;
	sim_page_free(p);
	return NULL;
}

void sim_page_free(struct sim_page *p)
{
	if (!p)
		return;
	free(p->homes);
	free(p->days);
	free(p);
}

/* ---- gathering ---------------------------------------------------------------------------- */

static unsigned hour_of(const struct sim_page *p, uint64_t start_s)
{
	return (unsigned)((uint64_t)mkt_zone_local(p->zone, (int64_t)start_s) % DAY_S / 3600);
}

static uint32_t day_of(const struct sim_page *p, uint64_t start_s)
{
	int64_t first = mkt_zone_local(p->zone, (int64_t)p->from_s) / DAY_S;
	int64_t day = mkt_zone_local(p->zone, (int64_t)start_s) / DAY_S - first;

	return day < 0 ? 0 : day >= p->ndays ? p->ndays - 1 : (uint32_t)day;
}

/* A sum that does not fit any more stays as it is: years of a city would be needed. */
static void add(struct mean *m, int64_t cost_uc, uint64_t weight)
{
	if (!mkt_add_i64(m->cost_uc, cost_uc, &m->cost_uc))
		m->weight += weight;
}

static int64_t mean_of(const struct mean *m)
{
	return m->weight ? m->cost_uc / (int64_t)m->weight : SVG_GAP;
}

void sim_page_metered(struct sim_page *p, uint32_t site, const struct mkt_reading *r,
		      const struct mkt_metered *m)
{
	struct home *h = &p->homes[site];

	h->use_wh += (uint64_t)r->load_wh[site] + m->car_wh;
	h->draw_wh += m->draw_wh;
}

void sim_page_settled(struct sim_page *p, const struct sim *s, const struct sim_contract *c)
{
	const struct sim_party *buyer = sim_party(s, c->buyer);
	uint64_t start_s = (uint64_t)c->window * MKT_PROFILE_WINDOW_S;
	struct day *day = &p->days[day_of(p, start_s)];
	unsigned hour = hour_of(p, start_s);
	int64_t cost_uc = mkt_cost_uc(c->price_upwh, c->delivered_wh);
	bool retailer = c->seller == s->retailer.account;

	day->contracted_wh += c->wh;
	day->delivered_wh += c->delivered_wh;
	add(&p->all[hour], cost_uc, c->delivered_wh);
	if (!retailer && c->buyer != s->retailer.account)
		add(&p->neighbours[hour], cost_uc, c->delivered_wh);
	if (buyer && buyer >= s->parties + 2) {
		struct home *h = &p->homes[buyer - s->parties - 2];

		*(retailer ? &h->retailer_wh : &h->neighbour_wh) += c->delivered_wh;
	}
}

void sim_page_window(struct sim_page *p, uint64_t start_s, int32_t retail_upwh)
{
	add(&p->retail[hour_of(p, start_s)], retail_upwh, 1);
}

/* ---- where a home's energy came from ------------------------------------------------------ */

enum { FROM_OWN, FROM_NEIGHBOURS, FROM_CONTRACTS, FROM_RETAILER, SOURCES };

static const char *const sources[SOURCES] = {
	[FROM_OWN] = "own roof and battery",
	[FROM_NEIGHBOURS] = "neighbours",
	[FROM_CONTRACTS] = "retailer, contracted",
	[FROM_RETAILER] = "retailer, beyond contracts",
};

/* A battery that was filled from the grid may draw more than was used: nothing is its own then. */
static void split(const struct home *h, int64_t wh[SOURCES])
{
	uint64_t bought = h->neighbour_wh + h->retailer_wh;

	wh[FROM_OWN] = h->use_wh > h->draw_wh ? (int64_t)(h->use_wh - h->draw_wh) : 0;
	wh[FROM_NEIGHBOURS] = (int64_t)h->neighbour_wh;
	wh[FROM_CONTRACTS] = (int64_t)h->retailer_wh;
	wh[FROM_RETAILER] = h->draw_wh > bought ? (int64_t)(h->draw_wh - bought) : 0;
}

/* ---- cells -------------------------------------------------------------------------------- */

static void number(struct mkt_buf *out, const char *text)
{
	mkt_buf_addf(out, "<td class=\"n\">%s</td>", text);
}

/* To the hundredth, rounded down towards 0. */
static void money(struct mkt_buf *out, int64_t money_uc)
{
	number(out, mkt_fmt_decimal(money_uc / 10000, 2, 2).s);
}

static void row_begin(struct mkt_buf *out, const char *name)
{
	mkt_buf_addstr(out, "<tr><th scope=\"row\">");
	svg_text(out, name);
	mkt_buf_addstr(out, "</th>");
}

/* Numbers of a chart, for who asks for them. */
static void details_begin(struct mkt_buf *out, const char *id, const char *heads)
{
	mkt_buf_addf(out,
		     "<details><summary>Numbers</summary><div class=\"wide\"><table id=\"%s\">"
		     "\n<thead><tr>%s</tr></thead>\n<tbody>\n",
		     id, heads);
}

static void details_end(struct mkt_buf *out)
{
	mkt_buf_addstr(out, "</tbody></table></div></details>\n");
}

/* ---- charts ------------------------------------------------------------------------------- */

static void figure(struct mkt_buf *out, const struct svg_chart *c, const char *caption)
{
	mkt_buf_addstr(out, "<figure>\n");
	svg_chart(out, c);
	if (caption[0])
		mkt_buf_addf(out, "<figcaption>%s</figcaption>\n", caption);
	mkt_buf_addstr(out, "</figure>\n");
}

static const char *hour_name(void *ctx, unsigned i, char out[64])
{
	(void)ctx;
	snprintf(out, 64, "%02u", i);
	return out;
}

static void prices(const struct sim_page *p, const char *unit, struct mkt_buf *out)
{
	int64_t v[3][HOURS];
	char name[64];

	for (unsigned i = 0; i < HOURS; i++) {
		v[0][i] = mean_of(&p->retail[i]);
		v[1][i] = mean_of(&p->all[i]);
		v[2][i] = mean_of(&p->neighbours[i]);
	}
	figure(out,
	       &(struct svg_chart){.kind = SVG_LINES,
				   .title = "Price by hour of the day",
				   .y_title = unit,
				   .x_title = "hour",
				   .places = HOURS,
				   .place = hour_name,
				   .nseries = 3,
				   .series = {{"retailer", v[0]},
					      {"all contracts", v[1]},
					      {"between neighbours", v[2]}},
				   .decimals = 3},
	       "Means: the retailer&#39;s over windows, the others&#39; over delivered energy.");
	details_begin(out, "prices",
		      "<th>hour</th><th>retailer</th><th>all contracts</th>"
		      "<th>between neighbours</th>");
	for (unsigned i = 0; i < HOURS; i++) {
		row_begin(out, hour_name(NULL, i, name));
		for (unsigned k = 0; k < 3; k++)
			number(out, v[k][i] == SVG_GAP ? "" : mkt_fmt_decimal(v[k][i], 3, 2).s);
		mkt_buf_addstr(out, "</tr>\n");
	}
	details_end(out);
}

/* Days, or months: places of a chart, the first day of each, and what is drawn. */
struct times {
	const struct sim_page *p;
	uint32_t *first; /* owned, as the values */
	int64_t *contracted_wh, *delivered_wh;
	unsigned n;
	bool months;
};

static struct mkt_text date_of(const struct sim_page *p, uint32_t day)
{
	int64_t first = mkt_zone_local(p->zone, (int64_t)p->from_s) / DAY_S;

	return mkt_fmt_date(p->zone, (uint64_t)mkt_zone_day_start(p->zone, first + day));
}

static const char *time_name(void *ctx, unsigned i, char out[64])
{
	const struct times *t = ctx;

	snprintf(out, 64, "%.*s", t->months ? 7 : 10, date_of(t->p, t->first[i]).s);
	return out;
}

static void times_release(struct times *t)
{
	free(t->first);
	free(t->contracted_wh);
	free(t->delivered_wh);
}

static int times_sum(const struct sim_page *p, struct times *t)
{
	char before[16] = "";

	*t = (struct times){.p = p, .months = p->ndays > DAYS_APART};
	t->first = calloc(p->ndays, sizeof(*t->first));
	t->contracted_wh = calloc(p->ndays, sizeof(*t->contracted_wh));
	t->delivered_wh = calloc(p->ndays, sizeof(*t->delivered_wh));
	if (!t->first || !t->contracted_wh || !t->delivered_wh)
		return -MKT_ENOMEM;
	for (uint32_t i = 0; i < p->ndays; i++) {
		struct mkt_text date = date_of(p, i);

		if (!t->months || strncmp(date.s, before, 7) != 0)
			t->first[t->n++] = i;
		snprintf(before, sizeof(before), "%.7s", date.s);
		t->contracted_wh[t->n - 1] += (int64_t)p->days[i].contracted_wh;
		t->delivered_wh[t->n - 1] += (int64_t)p->days[i].delivered_wh;
	}
	return 0;
}

static void draw_times(struct times *t, struct mkt_buf *out)
{
	char name[64];

	figure(out,
	       &(struct svg_chart){.kind = SVG_BARS,
				   .title = "Contracted against metered",
				   .y_title = "kWh",
				   .x_title = t->months ? "month" : "day",
				   .places = t->n,
				   .place = time_name,
				   .ctx = t,
				   .nseries = 2,
				   .series = {{"contracted", t->contracted_wh},
					      {"metered", t->delivered_wh}},
				   .decimals = 3},
	       "Metered is what both sides of a contract reported, at most the contract.");
	details_begin(out, "times",
		      t->months ? "<th>month</th><th>contracted kWh</th><th>metered kWh</th>"
				: "<th>day</th><th>contracted kWh</th><th>metered kWh</th>");
	for (unsigned i = 0; i < t->n; i++) {
		row_begin(out, time_name(t, i, name));
		number(out, mkt_fmt_kwh((uint64_t)t->contracted_wh[i]).s);
		number(out, mkt_fmt_kwh((uint64_t)t->delivered_wh[i]).s);
		mkt_buf_addstr(out, "</tr>\n");
	}
	details_end(out);
}

static void energy_of_days(const struct sim_page *p, struct mkt_buf *out)
{
	struct times t;

	if (times_sum(p, &t) < 0)
		out->bad = true;
	else
		draw_times(&t, out);
	times_release(&t);
}

/* As many participants beside one another as have room for their names, at least one. */
static unsigned fit_sites(const struct sim *s, unsigned n)
{
	unsigned widest = 0, fit;

	for (unsigned i = 0; i < n; i++) {
		unsigned len = (unsigned)strlen(s->profile->sites[i].id);

		widest = len > widest ? len : widest;
	}
	fit = CHART_PX / ((widest + 2) * LETTER_PX);
	return fit ? fit : 1;
}

/* Participants of one chart: the first one and how many. */
struct sites {
	const struct sim *s;
	unsigned first;
};

static const char *site_name(void *ctx, unsigned i, char out[64])
{
	const struct sites *at = ctx;

	snprintf(out, 64, "%s", at->s->profile->sites[at->first + i].id);
	return out;
}

/*
 * One chart, or several of about the same size and with the same scale, so that paper and a small
 * screen have room.  @c: what they have in common; its values are of @n participants.
 */
static void charts_of_sites(const struct sim *s, const struct svg_chart *c, unsigned n,
			    const char *caption, struct mkt_buf *out)
{
	unsigned fit = fit_sites(s, n), charts = n ? (n - 1) / fit + 1 : 1,
		 each = (n + charts - 1) / charts;
	struct mkt_buf told = MKT_BUF_INIT;

	mkt_buf_addstr(&told, caption);
	if (n < s->profile->nsites)
		mkt_buf_addf(&told, " The first %u of %u participants.", n, s->profile->nsites);
	for (unsigned i = 0; i < n; i += each) {
		struct sites at = {.s = s, .first = i};
		struct svg_chart part = *c;

		part.places = n - i < each ? n - i : each;
		part.place = site_name;
		part.ctx = &at;
		part.x_title = "participant";
		part.width = CHART_PX + MARGINS_PX;
		for (unsigned k = 0; k < c->nseries; k++)
			part.series[k].values += i;
		figure(out, &part, i + part.places < n ? "" : mkt_buf_str(&told));
	}
	out->bad |= told.bad;
	mkt_buf_release(&told);
}

static void reach(struct svg_chart *c, int64_t v)
{
	c->least = v < c->least ? v : c->least;
	c->most = v > c->most ? v : c->most;
}

/* Energy by source of @n participants, series after series, to thousandths of what each got. */
static void to_shares(int64_t *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int64_t sum = 0;

		for (unsigned k = 0; k < SOURCES; k++)
			sum += v[k * n + i];
		for (unsigned k = 0; k < SOURCES; k++)
			v[k * n + i] = sum ? v[k * n + i] * SHARES / sum : 0;
	}
}

static void origins(const struct sim_page *p, const struct sim *s, struct mkt_buf *out)
{
	unsigned n = p->nsites < CHART_SITES ? p->nsites : CHART_SITES;
	int64_t *v = calloc((size_t)SOURCES * n + 1, sizeof(*v)), wh[SOURCES], sum;
	struct svg_chart c = {.kind = SVG_STACKED,
			      .title = "Where each participant's energy came from",
			      .y_title = "kWh",
			      .decimals = 3,
			      .nseries = SOURCES};

	if (!v) {
		out->bad = true;
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		split(&p->homes[i], wh);
		sum = 0;
		for (unsigned k = 0; k < SOURCES; k++) {
			v[k * n + i] = wh[k];
			sum += wh[k];
		}
		reach(&c, sum);
	}
	for (unsigned k = 0; k < SOURCES; k++)
		c.series[k] = (struct svg_series){sources[k], v + (size_t)k * n};
	charts_of_sites(s, &c, n,
			"Homes, offices and their cars. What batteries lost is in it.", out);
	to_shares(v, n);
	c.title = "The same in parts of each";
	c.y_title = "%";
	c.decimals = 1;
	c.most = SHARES;
	charts_of_sites(s, &c, n, "Who used little is seen here too.", out);
	free(v);
}

static void bills(const struct sim_page *p, const struct sim *s, struct mkt_buf *out)
{
	unsigned n = p->nsites < CHART_SITES ? p->nsites : CHART_SITES;
	int64_t *v = calloc(2 * (size_t)n + 1, sizeof(*v));
	struct svg_chart c = {.kind = SVG_BARS,
			      .title = "Bills",
			      .y_title = s->chain.genesis.currency,
			      .decimals = 6,
			      .nseries = 2};

	if (!v) {
		out->bad = true;
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		v[i] = sim_bill_uc(&s->parties[2 + i].bill);
		v[n + i] = s->parties[2 + i].bill.alone_uc;
		reach(&c, v[i]);
		reach(&c, v[n + i]);
	}
	c.series[0] = (struct svg_series){"in the market", v};
	c.series[1] = (struct svg_series){"at the retailer alone", v + n};
	charts_of_sites(s, &c, n, "Below zero: it earned. Shortfall charges and fees are in it.",
			out);
	free(v);
}

/* ---- participants, one by one ------------------------------------------------------------- */

struct site_row {
	uint64_t used_wh, supplied_wh;
	int64_t from_wh[SOURCES];
	int64_t bill_uc, alone_uc;
};

static struct site_row row_of(const struct sim_page *p, const struct sim *s, uint32_t i)
{
	const struct sim_bill *b = &s->parties[2 + i].bill;
	struct site_row r = {.used_wh = p->homes[i].use_wh,
			     .supplied_wh = b->sold_wh + b->rest_supply_wh,
			     .bill_uc = sim_bill_uc(b),
			     .alone_uc = b->alone_uc};

	split(&p->homes[i], r.from_wh);
	return r;
}

static void add_row(struct site_row *sum, const struct site_row *r)
{
	sum->used_wh += r->used_wh;
	sum->supplied_wh += r->supplied_wh;
	for (unsigned k = 0; k < SOURCES; k++)
		sum->from_wh[k] += r->from_wh[k];
	sum->bill_uc += r->bill_uc;
	sum->alone_uc += r->alone_uc;
}

static void print_row(struct mkt_buf *out, const char *name, const struct site_row *r)
{
	row_begin(out, name);
	number(out, mkt_fmt_kwh(r->used_wh).s);
	for (unsigned k = 0; k < SOURCES; k++)
		number(out, mkt_fmt_kwh((uint64_t)r->from_wh[k]).s);
	number(out, mkt_fmt_kwh(r->supplied_wh).s);
	money(out, r->bill_uc);
	money(out, r->alone_uc);
	money(out, r->alone_uc - r->bill_uc);
	mkt_buf_addstr(out, "</tr>\n");
}

static void site_table(const struct sim_page *p, const struct sim *s, struct mkt_buf *out)
{
	const char *currency = s->chain.genesis.currency;
	struct site_row r, sum = {0};

	mkt_buf_addstr(out, "<h2>Participants</h2>\n<div class=\"wide\">"
			    "<table id=\"participants\">\n<thead><tr>"
			    "<th>participant</th><th>used kWh</th>");
	for (unsigned k = 0; k < SOURCES; k++)
		mkt_buf_addf(out, "<th>%s kWh</th>", sources[k]);
	mkt_buf_addf(out,
		     "<th>supplied kWh</th><th>bill %s</th><th>alone %s</th><th>saved %s</th>"
		     "</tr></thead>\n<tbody>\n",
		     currency, currency, currency);
	for (uint32_t i = 0; i < p->nsites; i++) {
		r = row_of(p, s, i);
		add_row(&sum, &r);
		if (i < TABLE_SITES)
			print_row(out, s->profile->sites[i].id, &r);
	}
	mkt_buf_addstr(out, "</tbody>\n<tfoot>\n");
	print_row(out, "all", &sum);
	mkt_buf_addstr(out, "</tfoot></table></div>\n");
	if (p->nsites > TABLE_SITES)
		mkt_buf_addf(out, "<p>The first %d of %u participants; the sums are of all.</p>\n",
			     TABLE_SITES, p->nsites);
}

/* ---- the document ------------------------------------------------------------------------- */

/* Colors of the page's own scheme for charts too, except those of the series. */
static const char style[] =
	":root{color-scheme:light dark}\n"
	"body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
	"figure{margin:2rem 0 .5rem;overflow-x:auto}figcaption,summary{font-size:.85em}\n"
	"svg{max-width:100%;min-width:44rem;height:auto}\n"
	"svg>rect:first-of-type{fill:Canvas}svg text{fill:CanvasText}line{stroke:#8884}\n"
	"line[stroke=\"#555\"]{stroke:#888}\n"
	".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9em}\n"
	"th,td{padding:.2em .8em;border-bottom:1px solid #8888;text-align:left}\n"
	"td.n{text-align:right;font-variant-numeric:tabular-nums}tfoot *{font-weight:bold}\n"
	"code{overflow-wrap:anywhere}.bad{border:2px solid #d55e00;padding:.5em}\n"
	"@media print{body{max-width:none}svg{min-width:0}figure,tr{break-inside:avoid}"
	".wide{font-size:.7em}}\n";

/* What was played, in a sentence or two. */
static void tell_played(const struct sim_page *p, const struct sim *s, struct mkt_buf *out)
{
	mkt_buf_addf(out, "<p>%u participants, %s; hours and days of ", p->nsites,
		     s->profiles ? "measured profiles" : "made up from the seed");
	svg_text(out, s->zone.name);
	mkt_buf_addf(out, ". Bids %s, %s; chargers and batteries %s.",
		     s->untagged ? "without tags, one for each window and market" : "with tags",
		     s->markets > 1 ? "two energy markets" : "one energy market",
		     s->with_devices ? "as programs behind mkt-driverd" : "computed");
	if (s->charger_w != UINT32_MAX)
		mkt_buf_addf(out, " Chargers give %u W at most.", s->charger_w);
	if (s->green_mode)
		mkt_buf_addf(out, " Buyers pay %s more for green.",
			     mkt_fmt_price(s->premium_upwh, s->chain.genesis.currency).s);
	mkt_buf_addstr(out, "</p>\n");
}

static void tell_verdict(const struct sim_page_words *w, struct mkt_buf *out)
{
	if (!w->broken) {
		mkt_buf_addstr(out, "<p id=\"verdict\">Everything held: money, contracts, meters "
				    "and bills agree with the ledger.</p>\n");
		return;
	}
	mkt_buf_addstr(out, "<p id=\"verdict\" class=\"bad\">Something did not hold: ");
	svg_text(out, w->broken);
	mkt_buf_addstr(out, ".</p>\n");
}

int sim_page_write(const struct sim_page *p, const struct sim *s, const struct sim_page_words *w,
		   struct mkt_buf *out)
{
	struct mkt_text from = mkt_fmt_date(&s->zone, s->from_s);
	char unit[16], title[160];

	snprintf(unit, sizeof(unit), "%s/kWh", s->chain.genesis.currency);
	snprintf(title, sizeof(title), "%u %s of a market from %.60s, seed %llu", s->days,
		 s->days == 1 ? "day" : "days", from.s, (unsigned long long)s->seed);
	mkt_buf_addf(out,
		     "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
		     "<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
		     "content=\"width=device-width\"/>\n<title>%s</title>\n<style>\n%s</style>\n"
		     "</head>\n<body>\n<h1>%s</h1>\n",
		     title, style, title);
	tell_played(p, s, out);
	tell_verdict(w, out);
	prices(p, unit, out);
	energy_of_days(p, out);
	origins(p, s, out);
	bills(p, s, out);
	site_table(p, s, out);
	mkt_buf_addf(out,
		     "<h2>Figures</h2>\n<div class=\"wide\"><table id=\"figures\">\n"
		     "<thead><tr><th></th><th>this run</th><th>the paper</th></tr></thead>\n"
		     "<tbody>\n%s</tbody></table></div>\n<p>A transaction a contract counts every "
		     "signed transaction of participants, retailer and operator, with enrollments, "
		     "deposits and the clock.</p>\n<p>State <code id=\"digest\">%s</code></p>\n"
		     "</body>\n</html>\n",
		     w->figures, w->digest);
	return out->bad ? mkt_err_code(&s->app->err, MKT_ENOMEM) : 0;
}

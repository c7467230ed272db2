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

/* ---- charts ------------------------------------------------------------------------------- */

static void figure(struct mkt_buf *out, const struct svg_chart *c, const char *caption)
{
	mkt_buf_addstr(out, "<figure>\n");
	svg_chart(out, c);
	mkt_buf_addf(out, "<figcaption>%s</figcaption>\n</figure>\n", caption);
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
}

/* Days, or months: places of the chart, and the first day of each. */
struct times {
	const struct sim_page *p;
	uint32_t *first;
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

static void energy_of_days(const struct sim_page *p, struct mkt_buf *out)
{
	struct times t = {.p = p, .months = p->ndays > DAYS_APART};
	int64_t *v = calloc(2 * (size_t)p->ndays, sizeof(*v)), *w = v ? v + p->ndays : NULL;
	char before[16] = "";

	t.first = calloc(p->ndays, sizeof(*t.first));
	if (!v || !t.first)
		out->bad = true;
	for (uint32_t i = 0; !out->bad && i < p->ndays; i++) {
		struct mkt_text date = date_of(p, i);

		if (!t.months || strncmp(date.s, before, 7) != 0)
			t.first[t.n++] = i;
		snprintf(before, sizeof(before), "%.7s", date.s);
		v[t.n - 1] += (int64_t)p->days[i].contracted_wh;
		w[t.n - 1] += (int64_t)p->days[i].delivered_wh;
	}
	if (!out->bad)
		figure(out,
		       &(struct svg_chart){.kind = SVG_BARS,
					   .title = "Contracted against metered",
					   .y_title = "kWh",
					   .x_title = t.months ? "month" : "day",
					   .places = t.n,
					   .place = time_name,
					   .ctx = &t,
					   .nseries = 2,
					   .series = {{"contracted", v}, {"metered", w}},
					   .decimals = 3},
		       "Metered is what both sides of a contract reported, at most the contract.");
	free(v);
	free(t.first);
}

static const char *site_name(void *ctx, unsigned i, char out[64])
{
	const struct sim *s = ctx;

	snprintf(out, 64, "%s", s->profile->sites[i].id);
	return out;
}

/* So wide that every participant's name has room. */
static struct svg_chart of_sites(const struct sim *s, unsigned n)
{
	unsigned widest = 4;

	for (unsigned i = 0; i < n; i++) {
		unsigned len = (unsigned)strlen(s->profile->sites[i].id);

		widest = len > widest ? len : widest;
	}
	return (struct svg_chart){.x_title = "participant",
				  .places = n,
				  .place = site_name,
				  .ctx = (void *)(uintptr_t)s,
				  .width = n * (widest + 2) * LETTER_PX + 100};
}

static void origins(const struct sim_page *p, const struct sim *s, struct mkt_buf *out)
{
	unsigned n = p->nsites < CHART_SITES ? p->nsites : CHART_SITES;
	struct svg_chart c = of_sites(s, n);
	int64_t *v = calloc((size_t)SOURCES * n + 1, sizeof(*v)), wh[SOURCES];

	c.kind = SVG_STACKED;
	c.title = "Where each participant's energy came from";
	c.y_title = "kWh";
	c.decimals = 3;
	c.nseries = SOURCES;
	if (!v)
		out->bad = true;
	for (unsigned i = 0; v && i < n; i++) {
		split(&p->homes[i], wh);
		for (unsigned k = 0; k < SOURCES; k++)
			v[k * n + i] = wh[k];
	}
	for (unsigned k = 0; v && k < SOURCES; k++)
		c.series[k] = (struct svg_series){sources[k], v + (size_t)k * n};
	if (v)
		figure(out, &c, "Homes, offices and their cars. What batteries lost is in it.");
	free(v);
}

static void bills(const struct sim_page *p, const struct sim *s, struct mkt_buf *out)
{
	unsigned n = p->nsites < CHART_SITES ? p->nsites : CHART_SITES;
	struct svg_chart c = of_sites(s, n);
	int64_t *v = calloc(2 * (size_t)n + 1, sizeof(*v));

	c.kind = SVG_BARS;
	c.title = "Bills";
	c.y_title = s->chain.genesis.currency;
	c.decimals = 6;
	c.nseries = 2;
	if (!v)
		out->bad = true;
	for (unsigned i = 0; v && i < n; i++) {
		v[i] = sim_bill_uc(&s->parties[2 + i].bill);
		v[n + i] = s->parties[2 + i].bill.alone_uc;
	}
	c.series[0] = (struct svg_series){"in the market", v};
	c.series[1] = (struct svg_series){"at the retailer alone", v ? v + n : NULL};
	if (v)
		figure(out, &c, "Below zero: it earned. Shortfall charges and fees are in it.");
	free(v);
}

/* ---- tables ------------------------------------------------------------------------------- */

static void number(struct mkt_buf *out, const char *text)
{
	mkt_buf_addf(out, "<td class=\"n\">%s</td>", text);
}

static void site_row(const struct sim_page *p, const struct sim *s, uint32_t i, struct mkt_buf *out)
{
	const struct sim_bill *b = &s->parties[2 + i].bill;
	int64_t wh[SOURCES], bill_uc = sim_bill_uc(b);

	split(&p->homes[i], wh);
	mkt_buf_addstr(out, "<tr><th scope=\"row\">");
	svg_text(out, s->profile->sites[i].id);
	mkt_buf_addstr(out, "</th>");
	number(out, mkt_fmt_kwh(p->homes[i].use_wh).s);
	for (unsigned k = 0; k < SOURCES; k++)
		number(out, mkt_fmt_kwh((uint64_t)wh[k]).s);
	number(out, mkt_fmt_kwh(b->sold_wh + b->rest_supply_wh).s);
	number(out, mkt_fmt_decimal(bill_uc / 10000, 2, 2).s);
	number(out, mkt_fmt_decimal(b->alone_uc / 10000, 2, 2).s);
	number(out, mkt_fmt_decimal((b->alone_uc - bill_uc) / 10000, 2, 2).s);
	mkt_buf_addstr(out, "</tr>\n");
}

static void site_table(const struct sim_page *p, const struct sim *s, struct mkt_buf *out)
{
	const char *currency = s->chain.genesis.currency;
	uint32_t n = p->nsites < TABLE_SITES ? p->nsites : TABLE_SITES;

	mkt_buf_addstr(out, "<h2>Participants</h2>\n<div class=\"wide\"><table>\n<thead><tr>"
			    "<th>participant</th><th>used kWh</th>");
	for (unsigned k = 0; k < SOURCES; k++)
		mkt_buf_addf(out, "<th>%s kWh</th>", sources[k]);
	mkt_buf_addf(out,
		     "<th>supplied kWh</th><th>bill %s</th><th>alone %s</th><th>saved %s</th>"
		     "</tr></thead>\n<tbody>\n",
		     currency, currency, currency);
	for (uint32_t i = 0; i < n; i++)
		site_row(p, s, i, out);
	mkt_buf_addstr(out, "</tbody></table></div>\n");
	if (n < p->nsites)
		mkt_buf_addf(out, "<p>The first %u of %u participants.</p>\n", (unsigned)n,
			     (unsigned)p->nsites);
}

/* ---- the document ------------------------------------------------------------------------- */

static const char style[] =
	":root{color-scheme:light dark}\n"
	"body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
	"figure{margin:2rem 0;overflow-x:auto}figcaption{font-size:.85em}\n"
	".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9em}\n"
	"th,td{padding:.2em .8em;border-bottom:1px solid #8888;text-align:left}\n"
	"td.n{text-align:right;font-variant-numeric:tabular-nums}\n"
	"@media print{figure,tr{break-inside:avoid}}\n";

int sim_page_write(const struct sim_page *p, const struct sim *s, const char *figures,
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
		     "</head>\n<body>\n<h1>%s</h1>\n<p>%u participants, %s.</p>\n",
		     title, style, title, (unsigned)p->nsites,
		     s->profiles ? "measured profiles" : "made up from the seed");
	prices(p, unit, out);
	energy_of_days(p, out);
	origins(p, s, out);
	bills(p, s, out);
	site_table(p, s, out);
	mkt_buf_addf(out,
		     "<h2>Figures</h2>\n<div class=\"wide\"><table>\n<thead><tr><th></th>"
		     "<th>this run</th><th>the paper</th></tr></thead>\n<tbody>\n%s</tbody>"
		     "</table></div>\n<p>A transaction a contract counts every signed transaction "
		     "of participants, retailer and operator, with enrollments, deposits and the "
		     "clock.</p>\n</body>\n</html>\n",
		     figures);
	return out->bad ? mkt_err_code(&s->app->err, MKT_ENOMEM) : 0;
}

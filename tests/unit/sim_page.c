/* The page of a run: what it tells of a run that went wrong, of odd names, and of many of anything. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cmd/sim_page.h"
#include "core/units/fmt.h"

#define FROM_S 1560729600ull /* 2019-06-17 00:00 UTC */
#define DAY_S 86400u
#define RETAILER 1

struct desk {
	struct sim s;
	struct mkt_app app;
	struct mkt_profile profile;
	struct mkt_buf out;
};

/* In place of the accounts: a party's number is its place. */
struct sim_party *sim_party(const struct sim *s, uint32_t account)
{
	return account && account < s->nparties ? &s->parties[account] : NULL;
}

static struct desk *set_up(uint16_t nsites, uint32_t days)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->s.app = &d->app;
	d->s.profile = &d->profile;
	d->s.from_s = FROM_S;
	d->s.days = days;
	d->s.seed = 4;
	d->s.charger_w = UINT32_MAX;
	d->s.markets = 1;
	d->s.nparties = nsites + 2u;
	d->s.retailer.account = RETAILER;
	mkt_zone_utc(&d->s.zone);
	snprintf(d->s.chain.genesis.currency, sizeof(d->s.chain.genesis.currency), "JPY");
	d->s.parties = calloc(d->s.nparties, sizeof(*d->s.parties));
	d->profile.nsites = nsites;
	d->profile.sites = calloc(nsites, sizeof(*d->profile.sites));
	assert_non_null(d->s.parties);
	assert_non_null(d->profile.sites);
	for (uint16_t i = 0; i < nsites; i++)
		snprintf(d->profile.sites[i].id, sizeof(d->profile.sites[i].id), "p%02u", i + 1u);
	d->s.page = sim_page_new(&d->s);
	assert_non_null(d->s.page);
	return d;
}

static void tear_down(struct desk *d)
{
	sim_page_free(d->s.page);
	mkt_buf_release(&d->out);
	free(d->s.parties);
	free(d->profile.sites);
	free(d);
}

static const char *page_of(struct desk *d, const char *broken)
{
	struct sim_page_words w = {.figures = "<tr><td>1</td></tr>", .digest = "abc", .broken = broken};

	mkt_buf_clear(&d->out);
	assert_int_equal(sim_page_write(d->s.page, &d->s, &w, &d->out), 0);
	return mkt_buf_str(&d->out);
}

static void has(const char *page, const char *what)
{
	if (!strstr(page, what))
		fail_msg("'%s' is not on the page", what);
}

static void lacks(const char *page, const char *what)
{
	if (strstr(page, what))
		fail_msg("'%s' is on the page", what);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what)) != NULL) {
		n++;
		text += strlen(what);
	}
	return n;
}

/* Rows of the body of table @id. */
static unsigned rows(const char *page, const char *id)
{
	char mark[64], *body;
	const char *at;
	unsigned n;

	snprintf(mark, sizeof(mark), "<table id=\"%s\">", id);
	has(page, mark);
	at = strstr(strstr(page, mark), "<tbody>");
	body = strndup(at, (size_t)(strstr(at, "</tbody>") - at));
	assert_non_null(body);
	n = count(body, "<tr>");
	free(body);
	return n;
}

static void settled(struct desk *d, uint32_t seller, uint32_t buyer, uint64_t start_s, uint32_t wh)
{
	struct sim_contract c = {.seller = seller,
				 .buyer = buyer,
				 .window = (uint32_t)(start_s / MKT_PROFILE_WINDOW_S),
				 .wh = wh + 100,
				 .delivered_wh = wh,
				 .price_upwh = seller == RETAILER ? 20000 : 14000,
				 .settled = true};

	sim_page_settled(d->s.page, &d->s, &c);
}

static void metered(struct desk *d, uint32_t site, uint32_t load_wh, uint32_t draw_wh)
{
	uint32_t loads[8] = {0};
	struct mkt_reading r = {.load_wh = loads};
	struct mkt_metered m = {.draw_wh = draw_wh, .car_wh = 7};

	loads[site] = load_wh - 7;
	sim_page_metered(d->s.page, site, &r, &m);
}

static void what_went_wrong_is_told(void **state)
{
	struct desk *d = set_up(2, 1);
	const char *page = page_of(d, NULL);

	(void)state;
	has(page, "Everything held");
	lacks(page, "did not hold");
	has(page, "<code id=\"digest\">abc</code>");
	page = page_of(d, "a < b");
	lacks(page, "Everything held");
	has(page, "class=\"bad\">Something did not hold: a &lt; b.</p>");
	tear_down(d);
}

static void names_are_text(void **state)
{
	struct desk *d = set_up(2, 1);
	const char *page;

	(void)state;
	snprintf(d->profile.sites[1].id, sizeof(d->profile.sites[1].id), "</svg><script>'\"&\x1b");
	page = page_of(d, NULL);
	lacks(page, "<script");
	lacks(page, "\x1b");
	/* At three charts and in the table. */
	assert_int_equal(count(page, "&lt;/svg&gt;&lt;script&gt;&#39;&quot;&amp;?"), 4);
	assert_int_equal(count(page, "<svg"), 5);
	assert_int_equal(count(page, "</svg>"), 5);
	assert_int_equal(count(page, "<"), count(page, ">") - 1); /* one in the style */
	tear_down(d);
}

static void energy_has_its_sources(void **state)
{
	struct desk *d = set_up(3, 1);
	const char *page;

	(void)state;
	/* 10 kWh used, 6 drawn: 1 from p03, 2 from the retailer, 3 more without a contract. */
	metered(d, 0, 4000, 1000);
	metered(d, 0, 6000, 5000);
	settled(d, 4, 2, FROM_S, 1000);
	settled(d, RETAILER, 2, FROM_S + 1800, 2000);
	settled(d, 2, RETAILER, FROM_S, 50); /* the grid's own */
	metered(d, 1, 1000, 1500); /* a battery that was filled from the grid */
	page = page_of(d, NULL);
	has(page, "<th scope=\"row\">p01</th><td class=\"n\">10.000</td><td class=\"n\">4.000</td>"
		  "<td class=\"n\">1.000</td><td class=\"n\">2.000</td><td class=\"n\">3.000</td>");
	has(page, "<th scope=\"row\">p02</th><td class=\"n\">1.000</td><td class=\"n\">0.000</td>"
		  "<td class=\"n\">0.000</td><td class=\"n\">0.000</td><td class=\"n\">1.500</td>");
	has(page, "<th scope=\"row\">all</th><td class=\"n\">11.000</td><td class=\"n\">4.000</td>"
		  "<td class=\"n\">1.000</td><td class=\"n\">2.000</td><td class=\"n\">4.500</td>");
	/* In parts, all of the height is what p02 got, whatever that is. */
	has(page, ">%</text>");
	has(page, "height=\"210\" fill=\"#cc79a7\"");
	/* Contracted and metered of the day; prices of its first hour, by energy. */
	has(page, "<th scope=\"row\">2019-06-17</th><td class=\"n\">3.350</td>"
		  "<td class=\"n\">3.050</td>");
	has(page, "<th scope=\"row\">00</th><td class=\"n\"></td><td class=\"n\">17.934</td>"
		  "<td class=\"n\">14.00</td>");
	has(page, "<th scope=\"row\">23</th><td class=\"n\"></td><td class=\"n\"></td>"
		  "<td class=\"n\"></td>");
	tear_down(d);
}

static void bills_stand_beside_the_retailer_s(void **state)
{
	struct desk *d = set_up(2, 1);
	const char *page;

	(void)state;
	d->s.parties[2].bill = (struct sim_bill){.paid_uc = 100000000, .alone_uc = 120500000};
	d->s.parties[3].bill = (struct sim_bill){.earned_uc = 30000000, .alone_uc = -20000000,
						 .sold_wh = 2000, .rest_supply_wh = 500};
	page = page_of(d, NULL);
	has(page, "<td class=\"n\">0.000</td><td class=\"n\">100.00</td><td class=\"n\">120.50</td>"
		  "<td class=\"n\">20.50</td></tr>");
	has(page, "<td class=\"n\">2.500</td><td class=\"n\">-30.00</td><td class=\"n\">-20.00</td>"
		  "<td class=\"n\">10.00</td></tr>");
	has(page, "<td class=\"n\">2.500</td><td class=\"n\">70.00</td><td class=\"n\">100.50</td>"
		  "<td class=\"n\">30.50</td></tr>\n</tfoot>");
	tear_down(d);
}

static void many_days_are_told_by_month(void **state)
{
	static const struct {
		uint32_t days;
		unsigned places;
		const char *first, *last;
	} cases[] = {{62, 62, "2019-06-17", "2019-08-17"},
		     {63, 3, "2019-06", "2019-08"},
		     {442, 15, "2019-06", "2020-08"}};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(cases); i++) {
		struct desk *d = set_up(2, cases[i].days);
		const char *page;
		char row[80];

		for (uint32_t k = 0; k < cases[i].days; k++)
			settled(d, RETAILER, 2, FROM_S + (uint64_t)k * DAY_S, 900);
		page = page_of(d, NULL);
		assert_int_equal(rows(page, "times"), cases[i].places);
		snprintf(row, sizeof(row), "<tbody>\n<tr><th scope=\"row\">%s</th>", cases[i].first);
		has(page, row);
		snprintf(row, sizeof(row), "<tr><th scope=\"row\">%s</th>", cases[i].last);
		has(page, row);
		tear_down(d);
	}
}

/* The last day's end, or a contract that is told late, has no day of its own. */
static void times_beside_the_days_harm_nothing(void **state)
{
	struct desk *d = set_up(2, 1);
	const char *page;

	(void)state;
	settled(d, RETAILER, 2, FROM_S - DAY_S, 1000);
	settled(d, RETAILER, 2, FROM_S + 9 * DAY_S, 1000);
	settled(d, RETAILER, 99, FROM_S, 1000); /* nobody's account */
	sim_page_window(d->s.page, FROM_S + 9 * DAY_S, 25000);
	page = page_of(d, NULL);
	assert_int_equal(rows(page, "times"), 1);
	has(page, "<th scope=\"row\">2019-06-17</th><td class=\"n\">3.300</td>");
	has(page, "<th scope=\"row\">00</th><td class=\"n\">25.00</td>");
	tear_down(d);
}

static void many_participants_have_several_charts(void **state)
{
	static const struct {
		uint16_t nsites;
		unsigned charts, rows;
		const char *says;
	} cases[] = {{0, 0, 0, NULL},
		     {1, 1, 1, NULL},
		     {21, 1, 21, NULL},
		     {26, 2, 26, NULL},
		     {60, 3, 60, NULL},
		     {61, 3, 61, "The first 60 of 61 participants."},
		     {1001, 3, 1000, "The first 1000 of 1001 participants; the sums are of all."}};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(cases); i++) {
		struct desk *d = set_up(cases[i].nsites, 1);
		const char *page;

		for (uint16_t k = 0; k < cases[i].nsites; k++)
			d->s.parties[2 + k].bill.sold_wh = 10;
		page = page_of(d, NULL);
		assert_int_equal(count(page, "<svg"), 2 + 3 * cases[i].charts);
		assert_int_equal(rows(page, "participants"), cases[i].rows);
		if (cases[i].says)
			has(page, cases[i].says);
		else
			lacks(page, "The first");
		has(strstr(page, "<tfoot>"), mkt_fmt_kwh(10ull * cases[i].nsites).s);
		tear_down(d);
	}
}

static void it_says_what_was_played(void **state)
{
	struct desk *d = set_up(2, 3);
	const char *page = page_of(d, NULL);

	(void)state;
	has(page, "<h1>3 days of a market from 2019-06-17, seed 4</h1>");
	has(page, "with tags, one energy market; chargers and batteries computed.</p>");
	d->s.untagged = d->s.with_devices = d->s.green_mode = true;
	d->s.profiles = "/home/somebody/profiles";
	d->s.markets = 2;
	d->s.charger_w = 1500;
	d->s.premium_upwh = 2000;
	page = page_of(d, NULL);
	has(page, "measured profiles");
	lacks(page, "somebody");
	has(page, "without tags");
	has(page, "two energy markets; chargers and batteries as programs behind mkt-driverd.");
	has(page, "Chargers give 1500 W at most. Buyers pay 2.00 JPY/kWh more for green.");
	tear_down(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_went_wrong_is_told),
		cmocka_unit_test(names_are_text),
		cmocka_unit_test(energy_has_its_sources),
		cmocka_unit_test(bills_stand_beside_the_retailer_s),
		cmocka_unit_test(many_days_are_told_by_month),
		cmocka_unit_test(times_beside_the_days_harm_nothing),
		cmocka_unit_test(many_participants_have_several_charts),
		cmocka_unit_test(it_says_what_was_played),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

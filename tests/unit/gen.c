/*
 * The generator: it repeats, it is plausible, and its means and spreads are
 * those of the measured community, where that is there (MKT_PROFILES, else
 * ../shared/data).
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/agent/gen.h"
#include "core/units/civil.h"
#include "tests/rng.h"

#define DAYS 442
#define DAY_WINDOWS 48
#define FIRST_S 1560697200 /* 2019-06-17 00:00 JST */
#define JST_S 32400
#define MKT_WORK 12

enum { FLAT, HOUSE, OFFICE, KINDS };

struct moments {
	uint64_t n, sum;
	double sum2;
};

struct figures {
	struct moments load[KINDS], pv, home, work;
	uint64_t pv_w, months_pv[12];
	uint32_t sites[KINDS];
	int32_t *price;
	uint32_t nprice;
};

static int kind_of(unsigned site)
{
	if (site == 20)
		return OFFICE;
	return site < 4 || (site >= 6 && site < 12) ? FLAT : HOUSE;
}

static void add(struct moments *m, uint32_t v)
{
	m->n++;
	m->sum += v;
	m->sum2 += (double)v * v;
}

static uint64_t mean_x10(const struct moments *m)
{
	return m->n ? m->sum * 10 / m->n : 0;
}

/* Integer square root, so that tests need no libm. */
static uint64_t root(double v)
{
	uint64_t r = 0;

	for (uint64_t bit = 1u << 30; bit; bit >>= 1)
		if ((double)(r + bit) * (double)(r + bit) <= v)
			r += bit;
	return r;
}

static uint64_t spread_x10(const struct moments *m)
{
	double mean = (double)m->sum / (double)m->n;

	return root((m->sum2 / (double)m->n - mean * mean) * 100);
}

static int by_value(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static void measure(struct mkt_profile *s, struct figures *f)
{
	uint32_t load_wh[MKT_SITES_MAX], pv_wh[MKT_SITES_MAX];
	struct mkt_reading r = {.load_wh = load_wh, .pv_wh = pv_wh};
	struct mkt_session e;

	memset(f, 0, sizeof(*f));
	f->price = malloc(sizeof(*f->price) * DAYS * DAY_WINDOWS);
	assert_non_null(f->price);
	for (uint16_t i = 0; i < s->nsites; i++)
		f->pv_w += s->sites[i].pv_w;
	for (unsigned w = 0; w < DAYS * DAY_WINDOWS; w++) {
		assert_int_equal(mkt_profile_next(s, &r, NULL), 1);
		assert_int_equal(r.window_s, FIRST_S + w * MKT_PROFILE_WINDOW_S);
		f->price[f->nprice++] = r.price_upwh;
		for (unsigned i = 0; i < 21; i++) {
			struct mkt_civil c;

			add(&f->load[kind_of(i)], r.load_wh[i]);
			if (!s->sites[i].pv_w)
				continue;
			mkt_civil_from((int64_t)r.window_s + JST_S, &c);
			f->months_pv[c.month - 1] += r.pv_wh[i];
			add(&f->pv, (uint32_t)((uint64_t)r.pv_wh[i] * 1000 / s->sites[i].pv_w));
		}
	}
	while (mkt_profile_session(s, FIRST_S + (uint64_t)DAYS * MKT_DAY_S, &e, NULL) == 1)
		add(e.site == 20 ? &f->work : &f->home, e.energy_wh);
	qsort(f->price, f->nprice, sizeof(*f->price), by_value);
}

static unsigned compare(const char *what, uint64_t made, uint64_t measured, unsigned percent)
{
	uint64_t apart = made > measured ? made - measured : measured - made;
	bool far = apart * 100 > measured * percent;

	printf("  %-38s %8llu.%llu %8llu.%llu %+5lld %%%s\n", what, (unsigned long long)made / 10,
	       (unsigned long long)made % 10, (unsigned long long)measured / 10, (unsigned long long)measured % 10,
	       measured ? ((long long)made - (long long)measured) * 100 / (long long)measured : 0, far ? "  <-- far" : "");
	return far;
}

static struct mkt_profile *make(uint64_t seed, struct mkt_zone *zone)
{
	struct mkt_gen_conf conf = {.seed = seed, .first_s = FIRST_S, .latitude_cdeg = 3520, .zone = zone};
	struct mkt_profile *s = NULL;

	assert_int_equal(mkt_zone_load(zone, "+09:00", NULL, NULL), 0);
	assert_int_equal(mkt_gen_new(&conf, &s, NULL), 0);
	return s;
}

static unsigned compare_loads(const struct figures *a, const struct figures *b)
{
	static const char *const names[KINDS] = {"flats", "houses", "office"};
	unsigned far = 0;
	char what[64];

	for (int k = 0; k < KINDS; k++) {
		snprintf(what, sizeof(what), "load of %s, mean Wh a window", names[k]);
		far += compare(what, mean_x10(&a->load[k]), mean_x10(&b->load[k]), 10);
		snprintf(what, sizeof(what), "load of %s, spread", names[k]);
		far += compare(what, spread_x10(&a->load[k]), spread_x10(&b->load[k]), 15);
		snprintf(what, sizeof(what), "load of %s, Wh a day of one", names[k]);
		far += compare(what, mean_x10(&a->load[k]) * DAY_WINDOWS, mean_x10(&b->load[k]) * DAY_WINDOWS, 10);
	}
	return far;
}

static unsigned compare_suns(const struct figures *a, const struct figures *b)
{
	uint64_t winter_a = a->months_pv[11] + a->months_pv[0] + a->months_pv[1];
	uint64_t winter_b = b->months_pv[11] + b->months_pv[0] + b->months_pv[1];
	unsigned far = 0;

	/* 17520 windows a year. */
	far += compare("sun, kWh a kW and year", mean_x10(&a->pv) * 17520 / 1000, mean_x10(&b->pv) * 17520 / 1000, 10);
	far += compare("sun, spread of a kW's window", spread_x10(&a->pv), spread_x10(&b->pv), 15);
	far += compare("sun, MWh of a winter, all roofs", winter_a / 100000, winter_b / 100000, 15);
	return far;
}

static unsigned compare_cars(const struct figures *a, const struct figures *b)
{
	unsigned far = 0;

	far += compare("cars at home, sessions", a->home.n * 10, b->home.n * 10, 15);
	far += compare("cars at home, mean Wh", mean_x10(&a->home), mean_x10(&b->home), 10);
	far += compare("cars at home, spread", spread_x10(&a->home), spread_x10(&b->home), 15);
	far += compare("cars at work, sessions", a->work.n * 10, b->work.n * 10, 15);
	far += compare("cars at work, mean Wh", mean_x10(&a->work), mean_x10(&b->work), 10);
	far += compare("cars at work, spread", spread_x10(&a->work), spread_x10(&b->work), 15);
	return far;
}

static unsigned compare_prices(const struct figures *a, const struct figures *b)
{
	static const unsigned at[] = {5, 25, 50, 75, 90, 95, 99};
	struct moments ma = {0}, mb = {0};
	unsigned far = 0;
	char what[64];

	for (uint32_t i = 0; i < a->nprice; i++) {
		add(&ma, (uint32_t)a->price[i]);
		add(&mb, (uint32_t)b->price[i]);
	}
	far += compare("price, mean", mean_x10(&ma), mean_x10(&mb), 10);
	far += compare("price, spread", spread_x10(&ma), spread_x10(&mb), 20);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(at); i++) {
		uint32_t k = a->nprice * at[i] / 100;

		snprintf(what, sizeof(what), "price, quantile %u %%", at[i]);
		/* The last one hangs on how many days of scarcity a seed brings. */
		far += compare(what, (uint64_t)a->price[k] * 10, (uint64_t)b->price[k] * 10, at[i] == 99 ? 25 : 15);
	}
	return far;
}

static void made_and_measured_agree(void **state)
{
	const char *dir = getenv("MKT_PROFILES");
	struct mkt_profile *made, *measured;
	struct mkt_zone zone;
	struct figures a, b;
	struct mkt_err err;
	unsigned far = 0;

	(void)state;
	if (!dir)
		dir = "../shared/data";
	if (access(dir, R_OK)) {
		printf("no measured profiles in '%s': set MKT_PROFILES\n", dir);
		skip();
	}
	if (mkt_profile_open(dir, &measured, &err))
		fail_msg("%s", err.text);
	assert_int_equal(measured->first_s, FIRST_S);
	measure(measured, &b);
	for (uint64_t seed = 1; seed <= 3; seed++) {
		made = make(seed, &zone);
		measure(made, &a);
		printf("seed %llu %41s %10s\n", (unsigned long long)seed, "made", "measured");
		far += compare_loads(&a, &b) + compare_suns(&a, &b) + compare_cars(&a, &b) + compare_prices(&a, &b);
		free(a.price);
		mkt_profile_free(made);
	}
	free(b.price);
	mkt_profile_free(measured);
	assert_int_equal(far, 0);
}

static void the_same_seed_makes_the_same_community(void **state)
{
	struct mkt_profile *a, *b, *other;
	uint32_t load_wh[3][MKT_SITES_MAX] = {{0}}, pv_wh[3][MKT_SITES_MAX] = {{0}};
	struct mkt_reading ra = {.load_wh = load_wh[0], .pv_wh = pv_wh[0]};
	struct mkt_reading rb = {.load_wh = load_wh[1], .pv_wh = pv_wh[1]};
	struct mkt_reading ro = {.load_wh = load_wh[2], .pv_wh = pv_wh[2]};
	struct mkt_session ea, eb;
	struct mkt_zone zone;
	bool differs = false;

	(void)state;
	a = make(7, &zone);
	b = make(7, &zone);
	other = make(8, &zone);
	for (int w = 0; w < 30 * DAY_WINDOWS; w++) {
		assert_int_equal(mkt_profile_next(a, &ra, NULL), 1);
		assert_int_equal(mkt_profile_next(b, &rb, NULL), 1);
		assert_int_equal(mkt_profile_next(other, &ro, NULL), 1);
		assert_int_equal(ra.window_s, rb.window_s);
		assert_int_equal(ra.price_upwh, rb.price_upwh);
		assert_memory_equal(load_wh[0], load_wh[1], sizeof(load_wh[0]));
		assert_memory_equal(pv_wh[0], pv_wh[1], sizeof(pv_wh[0]));
		differs |= ra.load_wh[0] != ro.load_wh[0];
	}
	assert_true(differs);
	/* Asked for at once or bit by bit: the sessions are the same. */
	for (uint64_t t = FIRST_S; t < FIRST_S + 30 * MKT_DAY_S; t += 600)
		while (mkt_profile_session(a, t, &ea, NULL)) {
			assert_int_equal(mkt_profile_session(b, UINT64_MAX, &eb, NULL), 1);
			assert_memory_equal(&ea, &eb, sizeof(ea));
		}
	mkt_profile_free(a);
	mkt_profile_free(b);
	mkt_profile_free(other);
}

static void sessions_fit_their_chargers(void **state)
{
	uint64_t free_s[21][MKT_WORK] = {{0}}, last = 0;
	struct mkt_profile *s;
	struct mkt_session e;
	struct mkt_zone zone;
	unsigned n = 0;

	(void)state;
	s = make(3, &zone);
	while (mkt_profile_session(s, FIRST_S + 400 * MKT_DAY_S, &e, NULL)) {
		const struct mkt_site *site = &s->sites[e.site];

		assert_true(e.plug_in_s >= FIRST_S && e.plug_in_s >= last);
		assert_true(e.charger < site->nchargers && e.energy_wh > 0);
		assert_true(e.plug_in_s >= free_s[e.site][e.charger]);
		assert_true((uint64_t)e.energy_wh * 3600 <= (e.plug_out_s - e.plug_in_s) * site->charger_w);
		last = e.plug_in_s;
		free_s[e.site][e.charger] = e.plug_out_s;
		n++;
	}
	assert_true(n > 1000);
	mkt_profile_free(s);
}

/* kWh of a kW by month of 2021, at a latitude. */
static void sun_of_year(int32_t latitude_cdeg, const char *name, uint64_t month_wh[12])
{
	struct mkt_gen_conf conf = {.seed = 1, .first_s = 1609459200, .latitude_cdeg = latitude_cdeg};
	uint32_t load_wh[MKT_SITES_MAX], pv_wh[MKT_SITES_MAX];
	struct mkt_reading r = {.load_wh = load_wh, .pv_wh = pv_wh};
	struct mkt_profile *s;
	struct mkt_zone zone;

	if (mkt_zone_load(&zone, name, NULL, NULL))
		mkt_zone_utc(&zone);
	conf.zone = &zone;
	memset(month_wh, 0, 12 * sizeof(*month_wh));
	assert_int_equal(mkt_gen_new(&conf, &s, NULL), 0);
	for (int w = 0; w < 365 * DAY_WINDOWS; w++) {
		struct mkt_civil c;

		assert_int_equal(mkt_profile_next(s, &r, NULL), 1);
		mkt_civil_from(mkt_zone_local(&zone, (int64_t)r.window_s), &c);
		month_wh[c.month - 1] += r.pv_wh[20] / 20;
		if (c.hour <= 2 || c.hour >= 23)
			assert_int_equal(r.pv_wh[20], 0); /* south of the polar circle */
		assert_int_equal(r.pv_wh[0], 0);
	}
	mkt_profile_free(s);
}

static void the_sun_knows_where_it_is(void **state)
{
	uint64_t tokyo[12], oslo[12], quito[12], sydney[12];

	(void)state;
	sun_of_year(3520, "Asia/Tokyo", tokyo);
	sun_of_year(5991, "Europe/Oslo", oslo);
	sun_of_year(-20, "America/Guayaquil", quito);
	sun_of_year(-3390, "Australia/Sydney", sydney);
	assert_true(tokyo[5] > tokyo[11] * 3 / 2);
	assert_true(oslo[5] > oslo[11] * 5);
	assert_true(oslo[11] < tokyo[11] / 2);
	assert_true(sydney[11] > sydney[5] * 3 / 2);
	assert_true(quito[11] > tokyo[11]);
}

static void wrong_settings_are_refused(void **state)
{
	struct mkt_gen_conf conf = {.first_s = FIRST_S + 1};
	struct mkt_profile *s = NULL;
	struct mkt_zone zone;
	struct mkt_err err;

	(void)state;
	mkt_zone_utc(&zone);
	conf.zone = &zone;
	assert_int_equal(mkt_gen_new(&conf, &s, &err), -MKT_EINVAL);
	conf.first_s = FIRST_S;
	conf.latitude_cdeg = MKT_GEN_LATITUDE_MAX + 1;
	assert_int_equal(mkt_gen_new(&conf, &s, &err), -MKT_EINVAL);
	conf.latitude_cdeg = -MKT_GEN_LATITUDE_MAX - 1;
	assert_int_equal(mkt_gen_new(&conf, &s, &err), -MKT_EINVAL);
	assert_null(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_and_measured_agree),
		cmocka_unit_test(the_same_seed_makes_the_same_community),
		cmocka_unit_test(sessions_fit_their_chargers),
		cmocka_unit_test(the_sun_knows_where_it_is),
		cmocka_unit_test(wrong_settings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

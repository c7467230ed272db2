#include "core/base/compat.h"

#include <assert.h>

#include "core/agent/gen.h"
#include "core/agent/gen_fit.h"
#include "core/units/civil.h"

#define SITES 21
#define CHARGERS 32 /* of all sites, at least nine cars and MKT_WORK_CHARGERS */
#define CDEG_TURN 36000
#define TILT_AXIS_CDEG 2344   /* of the earth */
#define EQUINOX_DAY_X100 7950 /* March 20, hundredths of a day after new year of 1970 */
#define YEAR_DAYS_X10000 3652422
#define SKY_ROOM_Q16 66847 /* 1.02: how clear a day can get */
#define HOME_CHARGER_W 3600
#define WORK_CHARGER_W 5200
#define MINUTE_S 60

/* Streams of noise; the site's number is added, so they stand far apart. */
enum {
	NOISE_RANK = 1 << 8,
	NOISE_LOAD_DAY = 2 << 8,
	NOISE_LOAD_SLOW = 3 << 8,
	NOISE_LOAD_QUICK = 4 << 8,
	NOISE_SKY_DAY = 5 << 8,
	NOISE_SKY_SLOW = 6 << 8,
	NOISE_SKY_HOUR = 7 << 8,
	NOISE_ROOF = 8 << 8,
	NOISE_PRICE_DAY = 9 << 8,
	NOISE_PRICE_SLOW = 10 << 8,
	NOISE_PRICE_QUICK = 11 << 8,
	NOISE_SCARCE_DAY = 12 << 8,
	NOISE_CAR = 13 << 8, /* + 8 x charger + what is drawn */
};

struct gen_car {
	uint16_t site;
	uint8_t charger;
	bool work;
	int32_t tries;	 /* thousandths */
	int32_t energy;	 /* thousandths */
	uint64_t free_s; /* the last plug-out */
};

struct gen {
	struct mkt_profile base;
	struct mkt_gen_conf conf;
	int64_t sun_offset_s; /* standard time */
	uint64_t read;
	uint8_t load_kind[SITES];
	int32_t mean_wh[SITES];
	int32_t yield[SITES];
	unsigned ncars;
	struct gen_car cars[CHARGERS];
	int64_t next_day;			/* whose sessions are not made yet; local */
	struct mkt_session today[2 * CHARGERS]; /* by plug-in */
	unsigned ntoday, at_today;
};

/* What a window's time is to people. */
struct gen_when {
	uint64_t window_s;
	uint64_t place;	     /* number of the window since 1970 */
	int64_t day;	     /* local, since 1970 */
	uint8_t hour, month; /* month 0..11, six on in the south */
	bool weekend;
};

/* ---- who there is ------------------------------------------------------------------------ */

/* The value at @p thousandths of the way through quartiles. */
static int32_t quartile(int32_t a, int32_t b, uint32_t p)
{
	uint32_t off = p % 250;

	return (int32_t)((a * (int64_t)(250 - off) + b * (int64_t)off) / 250);
}

/*
 * Place of member @i of @n in an order made by the seed, in thousandths, spread
 * evenly over 0..1000: so @n members have the mean that many would have.
 */
static uint32_t rank(const struct gen *g, unsigned what, unsigned i, unsigned n)
{
	uint64_t own = mkt_noise(g->conf.seed, NOISE_RANK + what, i);
	unsigned before = 0;

	assert(i < n);
	for (unsigned k = 0; k < n; k++) {
		uint64_t other = mkt_noise(g->conf.seed, NOISE_RANK + what, k);

		before += other < own || (other == own && k < i);
	}
	return (before * 1000 + 200 + mkt_noise_below(own << 13, 600)) / n;
}

static int32_t rank16(const int16_t q[5], uint32_t p)
{
	return p >= 1000 ? q[4] : quartile(q[p / 250], q[p / 250 + 1], p);
}

static int32_t rank32(const int32_t q[5], uint32_t p)
{
	return p >= 1000 ? q[4] : quartile(q[p / 250], q[p / 250 + 1], p);
}

struct site_plan {
	uint32_t pv_w, battery_wh, battery_w, charger_w;
	uint8_t load_kind, kind;
	uint8_t count, chargers;
};

/* The paper's Table 6. */
static const struct site_plan table6[] = {
	{.load_kind = MKT_LOAD_FLAT, .count = 4},
	{.load_kind = MKT_LOAD_HOUSE, .count = 2},
	{.load_kind = MKT_LOAD_FLAT, .count = 6, .charger_w = HOME_CHARGER_W, .chargers = 1},
	{.load_kind = MKT_LOAD_HOUSE, .count = 2, .pv_w = 4000},
	{.load_kind = MKT_LOAD_HOUSE,
	 .count = 3,
	 .pv_w = 4000,
	 .battery_wh = 6400,
	 .battery_w = 5000},
	{.load_kind = MKT_LOAD_HOUSE,
	 .count = 2,
	 .pv_w = 5000,
	 .charger_w = HOME_CHARGER_W,
	 .chargers = 1},
	{.load_kind = MKT_LOAD_HOUSE,
	 .count = 1,
	 .pv_w = 5000,
	 .battery_wh = 6400,
	 .battery_w = 5000,
	 .charger_w = HOME_CHARGER_W,
	 .chargers = 1},
	{.load_kind = MKT_LOAD_OFFICE,
	 .kind = MKT_SITE_OFFICE,
	 .count = 1,
	 .pv_w = 20000,
	 .battery_wh = 60000,
	 .battery_w = 15000,
	 .charger_w = WORK_CHARGER_W,
	 .chargers = MKT_WORK_CHARGERS},
};

static void add_site(struct gen *g, const struct site_plan *plan)
{
	uint16_t ix = g->base.nsites++;
	struct mkt_site *s = &g->base.sites[ix];

	snprintf(s->id, sizeof(s->id), "p%02u", ix + 1u);
	s->kind = plan->kind;
	s->pv_w = plan->pv_w;
	s->battery_wh = plan->battery_wh;
	s->battery_w = plan->battery_w;
	s->battery_pct = plan->battery_wh ? 90 : 0;
	s->charger_w = plan->charger_w;
	s->nchargers = plan->chargers;
	g->load_kind[ix] = plan->load_kind;
	for (unsigned k = 0; k < plan->chargers; k++) {
		struct gen_car *car = &g->cars[g->ncars++];

		snprintf(s->chargers[k], sizeof(s->chargers[k]), "p%02uc%u", ix + 1u, k + 1u);
		*car = (struct gen_car){
			.site = ix, .charger = (uint8_t)k, .work = plan->kind == MKT_SITE_OFFICE};
	}
}

static void make_sites(struct gen *g)
{
	unsigned of_kind[MKT_LOAD_KINDS] = {0}, at_kind[MKT_LOAD_KINDS] = {0}, roofs = 0, roof = 0,
		 home_cars = 0;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(table6); i++)
		for (unsigned k = 0; k < table6[i].count; k++)
			add_site(g, &table6[i]);
	for (unsigned i = 0; i < SITES; i++) {
		of_kind[g->load_kind[i]]++;
		roofs += g->base.sites[i].pv_w > 0;
	}
	for (unsigned i = 0; i < SITES; i++) {
		unsigned kind = g->load_kind[i];

		g->mean_wh[i] = rank32(mkt_load_fit[kind].mean_wh,
				       rank(g, kind, at_kind[kind]++, of_kind[kind]));
		if (g->base.sites[i].pv_w)
			g->yield[i] = rank16(mkt_roof_yield, rank(g, 16, roof++, roofs));
	}
	while (home_cars < g->ncars && !g->cars[home_cars].work)
		home_cars++;
	for (unsigned i = 0; i < g->ncars; i++) {
		struct gen_car *car = &g->cars[i];

		car->tries = car->work ? mkt_work_tries[car->charger]
				       : rank16(mkt_car_tries, rank(g, 17, i, home_cars));
		car->energy = car->work ? 1000 : rank16(mkt_car_energy, rank(g, 18, i, home_cars));
	}
}

/* ---- readings ------------------------------------------------------------------------------ */

static struct gen_when when_of(const struct gen *g, uint64_t window_s)
{
	int64_t local = mkt_zone_local(g->conf.zone, (int64_t)window_s);
	struct mkt_civil c;
	struct gen_when w = {.window_s = window_s, .place = window_s / MKT_PROFILE_WINDOW_S};
	unsigned weekday;

	mkt_civil_from(local, &c);
	w.day = mkt_civil_days(c.year, c.month, c.day);
	weekday = mkt_civil_weekday(w.day);
	w.weekend = weekday == 0 || weekday == 6;
	w.hour = c.hour;
	w.month = (uint8_t)((c.month - 1 + (g->conf.latitude_cdeg < 0 ? 6 : 0)) % 12);
	return w;
}

/* A normal draw of three parts, weights in thousandths. */
static int32_t weigh(int32_t a, int32_t wa, int32_t b, int32_t wb, int32_t c, int32_t wc)
{
	return (int32_t)(((int64_t)a * wa + (int64_t)b * wb + (int64_t)c * wc) / 1000);
}

static int32_t normal(const struct gen *g, unsigned stream, uint64_t place)
{
	return mkt_noise_normal(mkt_noise(g->conf.seed, stream, place));
}

static uint32_t load_wh(const struct gen *g, unsigned site, const struct gen_when *w)
{
	const struct mkt_load_fit *fit = &mkt_load_fit[g->load_kind[site]];
	int32_t z = weigh(
		normal(g, NOISE_LOAD_DAY + site, (uint64_t)w->day), fit->day,
		mkt_noise_slow(g->conf.seed, NOISE_LOAD_SLOW + site, w->place, fit->slow_windows),
		fit->slow, normal(g, NOISE_LOAD_QUICK + site, w->place / fit->quick_windows),
		fit->quick);
	int64_t wh = g->mean_wh[site];

	wh = wh * fit->month[w->month] * fit->hour[w->weekend][w->hour] / 1000;
	return (uint32_t)((wh * mkt_quantile(&fit->rest, z) + 500000) / 1000000);
}

/* Afternoons of scarcity have prices of their own. */
static bool scarce(const struct gen *g, const struct gen_when *w)
{
	uint32_t part =
		mkt_noise_below(mkt_noise(g->conf.seed, NOISE_SCARCE_DAY, (uint64_t)w->day), 1000);

	return !w->weekend && w->hour >= MKT_SCARCE_FROM_H && w->hour < MKT_SCARCE_TO_H &&
	       part < (uint32_t)mkt_scarce_month[w->month];
}

static int32_t price_upwh(const struct gen *g, const struct gen_when *w)
{
	int32_t z = weigh(normal(g, NOISE_PRICE_DAY, (uint64_t)w->day), 640,
			  mkt_noise_slow(g->conf.seed, NOISE_PRICE_SLOW, w->place, 8), 720,
			  normal(g, NOISE_PRICE_QUICK, w->place), 268);
	int64_t price = mkt_price_mean_upwh;

	if (scarce(g, w))
		return mkt_quantile(&mkt_scarce_upwh, z) / 10 * 10;
	price = price * mkt_price_month[w->month] * mkt_price_hour[w->weekend][w->hour] / 1000;
	price = price * mkt_quantile(&mkt_price_rest, z) / 1000000;
	return (int32_t)(price / 10 * 10); /* markets quote hundredths per kWh */
}

static uint32_t turn_of(int64_t num, int64_t den)
{
	int64_t part = num % den;

	if (part < 0)
		part += den;
	return (uint32_t)(((uint64_t)part << 32) / (uint64_t)den);
}

/* Part of the year since the spring equinox (northern). */
static uint32_t season(const struct gen *g, int64_t day)
{
	uint32_t t = turn_of(day * 10000 - EQUINOX_DAY_X100 * 100, YEAR_DAYS_X10000);

	return g->conf.latitude_cdeg < 0 ? t + 0x80000000u : t;
}

/*
 * sin(a) sin(b) + cos(a) cos(b) cos(h), q16: how straight the sun stands on a plane facing
 * the equator.
 */
static int64_t straightness(uint32_t a, uint32_t b, uint32_t hour)
{
	return mkt_mul_q16(mkt_sin_q16(a), mkt_sin_q16(b)) +
	       mkt_mul_q16(mkt_mul_q16(mkt_cos_q16(a), mkt_cos_q16(b)), mkt_cos_q16(hour));
}

/* Wh of this window that one kW of a roof has from a clear sky, q16. */
static int64_t clear_sky_q16(const struct gen *g, const struct gen_when *w)
{
	int64_t mid_s = (int64_t)w->window_s + MKT_PROFILE_WINDOW_S / 2 + g->sun_offset_s;
	int32_t lat = g->conf.latitude_cdeg < 0 ? -g->conf.latitude_cdeg : g->conf.latitude_cdeg;
	uint32_t hour = turn_of(mid_s - MKT_SUN_NOON_S, MKT_DAY_S);
	int64_t axis = (int64_t)turn_of(TILT_AXIS_CDEG, CDEG_TURN);
	uint32_t decl = (uint32_t)mkt_mul_q16(axis, mkt_sin_q16(season(g, w->day)));
	int64_t height = straightness(turn_of(lat, CDEG_TURN), decl, hour);
	int64_t panel = straightness(turn_of(lat - MKT_ROOF_TILT_CDEG, CDEG_TURN), decl, hour);

	if (height <= 0 || panel <= 0)
		return 0;
	return panel * height / (height + MKT_AIR_Q16) * MKT_CLEAR_WH_KW;
}

/* Share of the clear sky's energy that comes through the clouds, q16; one sky for all roofs. */
static int64_t sky_q16(const struct gen *g, const struct gen_when *w)
{
	uint64_t day = (uint64_t)w->day;
	int32_t z = weigh(mkt_sin_q16(season(g, w->day)), MKT_SKY_SEASON,
			  mkt_noise_slow(g->conf.seed, NOISE_SKY_SLOW, day, 3), 650,
			  normal(g, NOISE_SKY_DAY, day), 580);
	int64_t clear = (int64_t)mkt_quantile(&mkt_sky_rest, z) * MKT_Q16 / 1000;
	int64_t unrest = SKY_ROOM_Q16 > clear ? (SKY_ROOM_Q16 - clear) * 9 / 10 : 0;
	int64_t share;

	if (unrest > MKT_Q16 / 2)
		unrest = MKT_Q16 / 2;
	share = MKT_Q16 +
		mkt_mul_q16(unrest, mkt_noise_slow(g->conf.seed, NOISE_SKY_HOUR, w->place, 3));
	if (share < 0)
		share = 0;
	share = mkt_mul_q16(clear, share);
	return share > SKY_ROOM_Q16 ? SKY_ROOM_Q16 : share;
}

static void make_pv(const struct gen *g, const struct gen_when *w, uint32_t *pv_wh)
{
	int64_t clear = clear_sky_q16(g, w), sky = clear ? mkt_mul_q16(clear, sky_q16(g, w)) : 0;

	for (unsigned i = 0; i < SITES; i++) {
		int64_t share = g->yield[i];

		pv_wh[i] = 0;
		if (!share || !sky)
			continue;
		share = share *
			(1000 + (int64_t)normal(g, NOISE_ROOF + i, w->place) * 20 / MKT_Q16);
		pv_wh[i] =
			(uint32_t)(sky * g->base.sites[i].pv_w / 1000 * share / 1000000 / MKT_Q16);
	}
}

static int gen_next(struct mkt_profile *src, struct mkt_reading *out, struct mkt_err *err)
{
	struct gen *g = (struct gen *)src;
	struct gen_when w = when_of(g, src->first_s + g->read * MKT_PROFILE_WINDOW_S);

	(void)err;
	out->window_s = w.window_s;
	out->price_upwh = price_upwh(g, &w);
	for (unsigned i = 0; i < SITES; i++)
		out->load_wh[i] = load_wh(g, i, &w);
	make_pv(g, &w, out->pv_wh);
	g->read++;
	return 1;
}

/* ---- cars ------------------------------------------------------------------------------------ */

static uint64_t draw(const struct gen *g, const struct gen_car *car, unsigned what, uint64_t place)
{
	return mkt_noise(g->conf.seed, NOISE_CAR + 8u * (unsigned)(car - g->cars) + what, place);
}

/* Minute of the day at which the car comes. */
static uint32_t come(const struct mkt_car_fit *fit, uint64_t noise)
{
	int32_t left = (int32_t)mkt_noise_below(noise, 1000);
	uint32_t hour = 0;

	while (hour < 23 && left >= fit->hour[hour])
		left -= fit->hour[hour++];
	return hour * 60 + mkt_noise_below(noise << 32, 60);
}

/* A car that comes in this part of the day, if it does and stands free. */
static void try_car(struct gen *g, struct gen_car *car, enum mkt_car_kind kind, int32_t tries,
		    int64_t day)
{
	const struct mkt_car_fit *fit = &mkt_car_fit[kind];
	uint64_t place = (uint64_t)day * MKT_CAR_KINDS + kind, fits;
	struct mkt_session *s = &g->today[g->ntoday];
	uint32_t power = g->base.sites[car->site].charger_w;
	int32_t z_time = mkt_noise_normal(draw(g, car, 1, place));
	int32_t z_energy = weigh(z_time, 500, mkt_noise_normal(draw(g, car, 2, place)), 866, 0, 0);
	int64_t utc[2], wh = mkt_quantile(&fit->energy_wh, z_energy);

	if (mkt_noise_below(draw(g, car, 0, place), 1000) >= (uint32_t)tries)
		return;
	mkt_zone_to_utc(g->conf.zone,
			day * MKT_DAY_S + come(fit, draw(g, car, 3, place)) * MINUTE_S, utc);
	s->plug_in_s = (uint64_t)utc[0];
	s->plug_out_s = s->plug_in_s + (uint64_t)mkt_quantile(&fit->minutes, z_time) * MINUTE_S;
	if (s->plug_in_s < car->free_s + 10 * MINUTE_S || s->plug_in_s < g->base.first_s)
		return;
	/* No more than the charger gives in the time. */
	fits = (s->plug_out_s - s->plug_in_s) * power * 95 / 360000;
	wh = wh * car->energy / 1000;
	s->energy_wh = (uint32_t)((uint64_t)wh < fits ? (uint64_t)wh : fits);
	s->site = car->site;
	s->charger = car->charger;
	if (s->energy_wh < 100)
		return;
	car->free_s = s->plug_out_s;
	g->ntoday++;
}

static int by_plug_in(const void *a, const void *b)
{
	const struct mkt_session *x = a, *y = b;

	if (x->plug_in_s != y->plug_in_s)
		return x->plug_in_s < y->plug_in_s ? -1 : 1;
	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return x->charger < y->charger ? -1 : x->charger > y->charger;
}

static void make_day(struct gen *g, int64_t day)
{
	unsigned weekday = mkt_civil_weekday(day);

	g->ntoday = g->at_today = 0;
	for (unsigned i = 0; i < g->ncars; i++) {
		struct gen_car *car = &g->cars[i];
		int32_t early = car->tries * MKT_WORK_EARLY / 1000;

		if (!car->work) {
			try_car(g, car, MKT_CAR_DAY, car->tries, day);
			try_car(g, car, MKT_CAR_EVENING, car->tries, day);
		} else if (weekday != 0 && weekday != 6) {
			try_car(g, car, MKT_CAR_MORNING_WORK, early, day);
			try_car(g, car, MKT_CAR_LATE_WORK, car->tries - early, day);
		}
	}
	qsort(g->today, g->ntoday, sizeof(g->today[0]), by_plug_in);
}

static int gen_session(struct mkt_profile *src, uint64_t before_s, struct mkt_session *out,
		       struct mkt_err *err)
{
	struct gen *g = (struct gen *)src;

	(void)err;
	while (g->at_today == g->ntoday) {
		if ((uint64_t)mkt_zone_day_start(g->conf.zone, g->next_day) >= before_s)
			return 0;
		make_day(g, g->next_day++);
	}
	if (g->today[g->at_today].plug_in_s >= before_s)
		return 0;
	*out = g->today[g->at_today++];
	return 1;
}

/* ---- making one ------------------------------------------------------------------------------ */

static void gen_free(struct mkt_profile *s)
{
	free(s->sites);
	free(s);
}

static const struct mkt_profile_ops gen_ops = {
	.next = gen_next,
	.session = gen_session,
	.free = gen_free,
};

/* Standard time is the lesser of the offsets of January and July. */
static int64_t standard_offset(const struct mkt_zone *z, int64_t year_s)
{
	int32_t jan = mkt_zone_at(z, year_s)->offset_s,
		jul = mkt_zone_at(z, year_s + 182 * MKT_DAY_S)->offset_s;

	return jan < jul ? jan : jul;
}

int mkt_gen_new(const struct mkt_gen_conf *conf, struct mkt_profile **out, struct mkt_err *err)
{
	struct mkt_civil c;
	struct gen *g;

	if (conf->first_s % MKT_PROFILE_WINDOW_S || conf->first_s >= MKT_TIME_MAX_S)
		return mkt_err_set(err, MKT_EINVAL,
				   "the first window is not on a border of windows");
	if (conf->latitude_cdeg < -MKT_GEN_LATITUDE_MAX ||
	    conf->latitude_cdeg > MKT_GEN_LATITUDE_MAX)
		return mkt_err_set(err, MKT_EINVAL,
				   "the latitude is not within 66 degrees of the equator");
	g = calloc(1, sizeof(*g));
	if (!g)
		return mkt_err_code(err, MKT_ENOMEM);
	g->base.sites = calloc(SITES, sizeof(*g->base.sites));
	if (!g->base.sites) {
		free(g);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	g->base.ops = &gen_ops;
	g->base.first_s = conf->first_s;
	g->base.windows = UINT64_MAX;
	g->conf = *conf;
	make_sites(g);
	mkt_civil_from((int64_t)conf->first_s, &c);
	g->sun_offset_s = standard_offset(conf->zone, mkt_civil_days(c.year, 1, 1) * MKT_DAY_S);
	g->next_day = when_of(g, conf->first_s).day;
	*out = &g->base;
	return 0;
}

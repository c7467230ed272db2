#include "core/base/compat.h"

#include <assert.h>
#include <stdarg.h>

#include "core/units/civil.h"
#include "core/units/fmt.h"

static void MKT_PRINTF(2, 3) add(struct mkt_text *t, const char *fmt, ...)
{
	size_t used = strlen(t->s);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->s + used, sizeof(t->s) - used, fmt, ap);
	va_end(ap);
}

static void add_decimal(struct mkt_text *t, bool negative, uint64_t v, unsigned digits,
			unsigned decimals_min)
{
	uint64_t one = 1;

	assert(digits <= 18);
	for (unsigned i = 0; i < digits; i++)
		one *= 10;
	add(t, "%s%llu", negative ? "-" : "", (unsigned long long)(v / one));
	v %= one;
	for (; digits > decimals_min && v % 10 == 0; digits--)
		v /= 10;
	if (digits)
		add(t, ".%0*llu", (int)digits, (unsigned long long)v);
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

struct mkt_text mkt_fmt_decimal(int64_t v, unsigned digits, unsigned decimals_min)
{
	struct mkt_text t = {""};

	add_decimal(&t, v < 0, magnitude(v), digits, decimals_min);
	return t;
}

struct mkt_text mkt_fmt_kwh(uint64_t energy_wh)
{
	struct mkt_text t = {""};

	add_decimal(&t, false, energy_wh, 3, 3);
	return t;
}

struct mkt_text mkt_fmt_per_kwh(int32_t price_upwh)
{
	return mkt_fmt_decimal(price_upwh, 3, 2);
}

/* Whole amounts stand without decimals, others with two at least. */
struct mkt_text mkt_fmt_currency(int64_t money_uc)
{
	return mkt_fmt_decimal(money_uc, 6, money_uc % 1000000 ? 2 : 0);
}

struct mkt_text mkt_fmt_energy(uint64_t energy_wh)
{
	struct mkt_text t = mkt_fmt_kwh(energy_wh);

	add(&t, " kWh");
	return t;
}

struct mkt_text mkt_fmt_power(int32_t power_w)
{
	struct mkt_text t = mkt_fmt_decimal(power_w, 3, 3);

	add(&t, " kW");
	return t;
}

struct mkt_text mkt_fmt_current(uint32_t current_ma)
{
	struct mkt_text t = mkt_fmt_decimal(current_ma, 3, 1);

	add(&t, " A");
	return t;
}

struct mkt_text mkt_fmt_price(int32_t price_upwh, const char *currency)
{
	struct mkt_text t = mkt_fmt_per_kwh(price_upwh);

	add(&t, " %s/kWh", currency);
	return t;
}

struct mkt_text mkt_fmt_money(int64_t money_uc, const char *currency)
{
	struct mkt_text t = mkt_fmt_currency(money_uc);

	add(&t, " %s", currency);
	return t;
}

struct mkt_text mkt_fmt_share(uint32_t parts, uint32_t whole)
{
	struct mkt_text t;
	unsigned digits = 0;

	for (; whole > 100; whole /= 10)
		digits++;
	assert(whole == 100);
	t = mkt_fmt_decimal(parts, digits, 0);
	add(&t, "%%");
	return t;
}

struct mkt_text mkt_fmt_bytes(uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	struct mkt_text t = {""};
	uint64_t tenth = 100;
	size_t i = 0;

	if (bytes < 1000) {
		add(&t, "%llu B", (unsigned long long)bytes);
		return t;
	}
	for (; bytes / tenth >= 10000; i++)
		tenth *= 1000;
	add(&t, "%llu.%llu %s", (unsigned long long)(bytes / tenth / 10),
	    (unsigned long long)(bytes / tenth % 10), units[i]);
	return t;
}

struct mkt_text mkt_fmt_duration(uint64_t time_ms)
{
	static const struct {
		uint64_t ms;
		const char *name;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	struct mkt_text t = {"0s"};

	for (size_t i = 0; time_ms && i < MKT_ARRAY_SIZE(units); i++) {
		if (time_ms % units[i].ms)
			continue;
		t.s[0] = 0;
		add(&t, "%llu%s", (unsigned long long)(time_ms / units[i].ms), units[i].name);
		break;
	}
	return t;
}

struct mkt_text mkt_fmt_span(uint64_t time_s)
{
	struct mkt_text t = {""};
	unsigned long long s = time_s;

	if (s < 60)
		add(&t, "%llu s", s);
	else if (s < 3600)
		add(&t, "%llu min", s / 60);
	else if (s < MKT_DAY_S)
		add(&t, s / 60 % 60 ? "%llu h %llu min" : "%llu h", s / 3600, s / 60 % 60);
	else
		add(&t, s / 3600 % 24 ? "%llu d %llu h" : "%llu d", s / MKT_DAY_S, s / 3600 % 24);
	return t;
}

/* ---- times ---- */

static void add_date(struct mkt_text *t, const struct mkt_civil *c)
{
	add(t, "%04d-%02u-%02u", (int)c->year, c->month, c->day);
}

static void add_time(struct mkt_text *t, const struct mkt_civil *c)
{
	add(t, "%02u:%02u:%02u", c->hour, c->minute, c->second);
}

/* Not every instant has a date of four digits; damaged data show what they hold. */
static bool add_beyond(struct mkt_text *t, uint64_t time_s)
{
	if (time_s <= MKT_TIME_MAX_S - 2 * MKT_DAY_S)
		return false;
	add(t, "@%llu", (unsigned long long)time_s);
	return true;
}

static void add_utc(struct mkt_text *t, uint64_t time_s, const char *rest)
{
	struct mkt_civil c;

	if (add_beyond(t, time_s))
		return;
	mkt_civil_from((int64_t)time_s, &c);
	add_date(t, &c);
	add(t, "T");
	add_time(t, &c);
	add(t, "%sZ", rest);
}

struct mkt_text mkt_fmt_utc(uint64_t time_s)
{
	struct mkt_text t = {""};

	add_utc(&t, time_s, "");
	return t;
}

struct mkt_text mkt_fmt_utc_ms(uint64_t time_ms)
{
	struct mkt_text t = {""};
	char ms[8];

	snprintf(ms, sizeof(ms), ".%03u", (unsigned)(time_ms % 1000));
	add_utc(&t, time_ms / 1000, ms);
	return t;
}

static void local_civil(const struct mkt_zone *z, uint64_t time_s, struct mkt_civil *c)
{
	mkt_civil_from(mkt_zone_local(z, (int64_t)time_s), c);
}

struct mkt_text mkt_fmt_local(const struct mkt_zone *z, uint64_t time_s)
{
	struct mkt_text t = {""};
	struct mkt_civil c;

	if (add_beyond(&t, time_s))
		return t;
	local_civil(z, time_s, &c);
	add_date(&t, &c);
	add(&t, " ");
	add_time(&t, &c);
	add(&t, " %s", mkt_zone_at(z, (int64_t)time_s)->abbr);
	return t;
}

struct mkt_text mkt_fmt_clock(const struct mkt_zone *z, uint64_t time_s)
{
	struct mkt_text t = {""};
	struct mkt_civil c;

	if (add_beyond(&t, time_s))
		return t;
	local_civil(z, time_s, &c);
	add(&t, "%02u:%02u %s", c.hour, c.minute, mkt_zone_at(z, (int64_t)time_s)->abbr);
	return t;
}

struct mkt_text mkt_fmt_date(const struct mkt_zone *z, uint64_t time_s)
{
	struct mkt_text t = {""};
	struct mkt_civil c;

	if (add_beyond(&t, time_s))
		return t;
	local_civil(z, time_s, &c);
	add_date(&t, &c);
	return t;
}

/* ---- windows ---- */

static int64_t day_of(int64_t local_s)
{
	return local_s / MKT_DAY_S - (local_s % MKT_DAY_S < 0);
}

/* hh:mm, and seconds only where the zone's offset once had some. */
static void add_hm(struct mkt_text *t, int64_t local_s, bool end_of_day)
{
	struct mkt_civil c;

	mkt_civil_from(local_s, &c);
	add(t, "%02u:%02u", end_of_day ? 24u : c.hour, c.minute);
	if (c.second)
		add(t, ":%02u", c.second);
}

static struct mkt_text window(const struct mkt_zone *z, uint64_t start_s, uint64_t length_s,
			      bool dated)
{
	struct mkt_text t = {""};
	const struct mkt_zone_type *first, *last;
	uint64_t end_s = start_s + length_s;
	int64_t start, end;
	struct mkt_civil c;
	bool midnight;

	if (end_s < start_s || !length_s || end_s > MKT_TIME_MAX_S - 2 * MKT_DAY_S) {
		add(&t, "@%llu+%llu", (unsigned long long)start_s, (unsigned long long)length_s);
		return t;
	}
	first = mkt_zone_at(z, (int64_t)start_s);
	last = mkt_zone_at(z, (int64_t)end_s - 1);
	start = (int64_t)start_s + first->offset_s;
	end = (int64_t)end_s + last->offset_s;
	midnight = end % MKT_DAY_S == 0;
	if (dated || day_of(start) != day_of(end) - midnight) {
		mkt_civil_from(start, &c);
		add_date(&t, &c);
		add(&t, " ");
	}
	add_hm(&t, start, false);
	if (strcmp(first->abbr, last->abbr) != 0)
		add(&t, " %s", first->abbr);
	add(&t, "-");
	if (day_of(start) != day_of(end) - midnight) {
		mkt_civil_from(end - midnight, &c);
		add_date(&t, &c);
		add(&t, " ");
	}
	add_hm(&t, end, midnight);
	add(&t, " %s", last->abbr);
	return t;
}

struct mkt_text mkt_fmt_window(const struct mkt_zone *z, uint64_t start_s, uint64_t length_s)
{
	return window(z, start_s, length_s, true);
}

struct mkt_text mkt_fmt_window_short(const struct mkt_zone *z, uint64_t start_s, uint64_t length_s)
{
	return window(z, start_s, length_s, false);
}

struct mkt_text mkt_fmt_window_utc(uint64_t start_s, uint64_t length_s)
{
	struct mkt_text t = mkt_fmt_utc(start_s);

	add(&t, "/%s", mkt_fmt_utc(start_s + length_s).s);
	return t;
}

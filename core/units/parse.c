#include "core/base/compat.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>

#include "core/units/fmt.h"
#include "core/units/parse.h"

__extension__ typedef unsigned __int128 u128;

struct unit {
	const char *name;
	uint64_t factor; /* base units in one; at most 10^9 */
};

/* What may be written for one kind of value. */
struct kind {
	const char *what;       /* "energy" */
	const char *base;       /* "Wh": the base unit, as one may write it */
	const char *finest;     /* "1Wh": what the base unit is in words of the user */
	const struct unit *units;
	size_t nunits;          /* the first is the one to advise */
	const char *currency;   /* stands before the unit; NULL: none */
	bool currency_needed;
	bool negative;          /* allowed */
	bool positive;          /* nothing is too little */
	uint64_t max;           /* of the magnitude, in base units */
};

#define UNITS(table) .units = (table), .nunits = MKT_ARRAY_SIZE(table)

static const struct unit energy_units[] = {
	{"kWh", 1000}, {"Wh", 1}, {"MWh", 1000000}, {"GWh", 1000000000}};
static const struct unit power_units[] = {{"kW", 1000}, {"W", 1}, {"MW", 1000000}};
static const struct unit current_units[] = {{"A", 1000}, {"mA", 1}};
static const struct unit price_units[] = {{"/kWh", 1000}, {"/Wh", 1000000}, {"/MWh", 1}};
static const struct unit money_units[] = {{"", 1000000}};
static const struct unit duration_units[] = {
	{"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"ms", 1}};

/* A number as it was written: mantissa / 10^scale. */
struct number {
	bool negative;
	u128 mantissa;
	unsigned scale;
	size_t point; /* offset of the point, or of the end where there is none */
	size_t end;
};

/* The sentence about what is wrong in @text at offset @at; the value of fault() is the error. */
static void MKT_PRINTF(5, 6) tell_fault(struct mkt_err *err, const struct kind *k,
					const char *text, size_t at, const char *fmt, ...)
{
	char why[96];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	mkt_err_set(err, MKT_EINVAL, "%s '%.64s' %s at column %zu", k->what, text, why, at + 1);
}

#define fault(...) (tell_fault(__VA_ARGS__), -MKT_EINVAL)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits into the mantissa; returns how many. */
static size_t take_digits(const char *s, struct number *n)
{
	size_t i = 0;

	for (; is_digit(s[i]); i++)
		if (i <= MKT_NUMBER_DIGITS_MAX)
			n->mantissa = n->mantissa * 10 + (unsigned)(s[i] - '0');
	return i;
}

static int read_number(const struct kind *k, const char *text, struct number *n,
		       struct mkt_err *err)
{
	size_t at, whole, decimals = 0;

	*n = (struct number){.negative = text[0] == '-'};
	at = n->negative;
	if (n->negative && !k->negative)
		return fault(err, k, text, 0, "is negative");
	whole = take_digits(text + at, n);
	if (!whole)
		return fault(err, k, text, at, text[at] == '.' ? "has no digit before the point"
							       : "has no number");
	at += whole;
	n->point = at;
	if (text[at] == '.') {
		decimals = take_digits(text + at + 1, n);
		if (!decimals)
			return fault(err, k, text, at + 1, "has no digit after the point");
		at += 1 + decimals;
	}
	if (whole + decimals > MKT_NUMBER_DIGITS_MAX)
		return fault(err, k, text, n->negative, "has more than %d digits",
			     MKT_NUMBER_DIGITS_MAX);
	if (text[at] == ',' || text[at] == '.' || text[at] == '\'' || text[at] == '_') {
		int rc = fault(err, k, text, at, "has a '%c'", text[at]);

		mkt_err_hint(err, "one point for decimals, no grouping: 1000.5");
		return rc;
	}
	for (; decimals && n->mantissa % 10 == 0; decimals--)
		n->mantissa /= 10;
	n->scale = (unsigned)decimals;
	n->end = at;
	return 0;
}

static void hint_units(const struct kind *k, struct mkt_err *err)
{
	char list[96];
	size_t used = 0;

	for (size_t i = 0; i < k->nunits && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
					 k->units[i].name);
	mkt_err_hint(err, "units are %s", list);
}

static void no_unit(const struct kind *k, const char *text, size_t at, struct mkt_err *err)
{
	const char *currency = k->currency ? k->currency : "";

	tell_fault(err, k, text, at, "has no unit");
	while (at && text[at - 1] == ' ')
		at--;
	if (k->nunits > 1)
		mkt_err_hint(err, "write %.*s%s%s or %.*s%s", (int)at, text, currency,
			     k->units[0].name, (int)at, text, k->units[1 - !!k->currency].name);
	else
		mkt_err_hint(err, "write %.*s%s%s", (int)at, text, currency, k->units[0].name);
}

/* The unit at @at, which is the rest of the text; NULL with @err filled. */
static const struct unit *read_unit(const struct kind *k, const char *text, size_t at,
				    struct mkt_err *err)
{
	size_t len = k->currency ? strlen(k->currency) : 0;
	bool has_currency = len && !strncmp(text + at, k->currency, len);

	if (!text[at]) {
		no_unit(k, text, at, err);
		return NULL;
	}
	if (k->currency && !has_currency && (k->currency_needed || text[at] != '/')) {
		tell_fault(err, k, text, at, "is not in %s", k->currency);
		mkt_err_hint(err, "write %.*s%s%s", (int)at, text, k->currency, k->units[0].name);
		return NULL;
	}
	if (has_currency)
		at += len;
	for (size_t i = 0; i < k->nunits; i++)
		if (!strcmp(text + at, k->units[i].name))
			return &k->units[i];
	if (!text[at]) {
		no_unit(k, text, at - len, err);
		return NULL;
	}
	if (k->currency_needed) {
		tell_fault(err, k, text, at, "goes on");
		return NULL;
	}
	tell_fault(err, k, text, at, "has an unknown unit");
	hint_units(k, err);
	return NULL;
}

/* Decimals that a factor of ten to the n allows; 0 for factors of time. */
static unsigned decimals_of(uint64_t factor)
{
	unsigned n = 0;

	for (; factor % 10 == 0; factor /= 10)
		n++;
	return factor == 1 ? n : 0;
}

static int too_large(const struct kind *k, const char *text, struct mkt_err *err)
{
	int rc = fault(err, k, text, 0, "is too large");

	if (k->units[0].name[0] == '%')
		mkt_err_hint(err, "the largest is 100%%");
	else if (!k->currency)
		mkt_err_hint(err, "the largest is %llu%s", (unsigned long long)k->max, k->base);
	return rc;
}

static void hint_neighbours(const char *suffix, const struct kind *k, const struct unit *unit,
			    bool negative, uint64_t below, struct mkt_err *err)
{
	unsigned digits = decimals_of(unit->factor);
	uint64_t low = negative ? below + 1 : below;
	uint64_t high = negative ? below : below + 1;
	const char *low_sign = negative ? "-" : "";
	const char *high_sign = negative && high ? "-" : "";

	if (k->positive && !below) {
		mkt_err_hint(err, "use %s", k->finest);
		return;
	}
	if (!digits || below > INT64_MAX - 1) {
		/* Not in tenths, or beyond what fmt writes: in the base unit. */
		mkt_err_hint(err, "use %s%llu%s or %s%llu%s", low_sign, (unsigned long long)low,
			     k->base, high_sign, (unsigned long long)high, k->base);
		return;
	}
	mkt_err_hint(err, "use %s%s%s or %s%s%s", low_sign,
		     mkt_fmt_decimal((int64_t)low, digits, 0).s, suffix, high_sign,
		     mkt_fmt_decimal((int64_t)high, digits, 0).s, suffix);
}

static u128 power_of_ten(unsigned n)
{
	u128 p = 1;

	while (n--)
		p *= 10;
	return p;
}

/* Sign and magnitude in base units. */
static int parse(const struct kind *k, const char *text, bool *negative, uint64_t *magnitude,
		 struct mkt_err *err)
{
	const struct unit *unit;
	u128 product, divisor, whole;
	struct number n;
	size_t at;
	int rc = read_number(k, text, &n, err);

	if (rc < 0)
		return rc;
	at = n.end + (text[n.end] == ' ');
	unit = read_unit(k, text, at, err);
	if (!unit)
		return -MKT_EINVAL;
	product = n.mantissa * unit->factor;
	divisor = power_of_ten(n.scale);
	whole = product / divisor;
	if (whole > k->max || (whole == k->max && product % divisor))
		return too_large(k, text, err);
	if (product % divisor) {
		rc = fault(err, k, text, n.point + 1 + decimals_of(unit->factor),
			   "is finer than %s", k->finest);
		hint_neighbours(text + at, k, unit, n.negative, (uint64_t)whole, err);
		return rc;
	}
	*negative = n.negative && whole;
	*magnitude = (uint64_t)whole;
	return 0;
}

int mkt_parse_energy(const char *text, uint64_t *energy_wh, struct mkt_err *err)
{
	static const struct kind k = {
		.what = "energy", .base = "Wh", .finest = "1Wh",
		UNITS(energy_units), .max = UINT64_MAX};
	bool negative;

	return parse(&k, text, &negative, energy_wh, err);
}

int mkt_parse_amount(const char *text, uint32_t *energy_wh, struct mkt_err *err)
{
	static const struct kind k = {
		.what = "amount", .base = "Wh", .finest = "1Wh",
		UNITS(energy_units), .positive = true,
		.max = UINT32_MAX};
	bool negative;
	uint64_t v;
	int rc = parse(&k, text, &negative, &v, err);

	if (rc < 0)
		return rc;
	if (!v)
		return fault(err, &k, text, 0, "is nothing");
	*energy_wh = (uint32_t)v;
	return 0;
}

int mkt_parse_power(const char *text, int32_t *power_w, struct mkt_err *err)
{
	static const struct kind k = {.what = "power",
				      .base = "W",
				      .finest = "1W",
				      UNITS(power_units),
				      .negative = true,
				      .max = INT32_MAX};
	bool negative;
	uint64_t v;
	int rc = parse(&k, text, &negative, &v, err);

	if (rc < 0)
		return rc;
	*power_w = negative ? -(int32_t)v : (int32_t)v;
	return 0;
}

int mkt_parse_current(const char *text, uint32_t *current_ma, struct mkt_err *err)
{
	static const struct kind k = {
		.what = "current", .base = "mA", .finest = "1mA",
		UNITS(current_units), .max = UINT32_MAX};
	bool negative;
	uint64_t v;
	int rc = parse(&k, text, &negative, &v, err);

	if (rc < 0)
		return rc;
	*current_ma = (uint32_t)v;
	return 0;
}

int mkt_parse_price(const char *text, const char *currency, int32_t *price_upwh,
		    struct mkt_err *err)
{
	struct kind k = {.what = "price",
			 .base = "/MWh", /* a micro-currency per Wh is a currency per MWh */
			 .finest = "0.001/kWh",
			 UNITS(price_units),
			 .currency = currency,
			 .negative = true,
			 .max = INT32_MAX};
	bool negative;
	uint64_t v;
	int rc = parse(&k, text, &negative, &v, err);

	if (rc < 0)
		return rc;
	*price_upwh = negative ? -(int32_t)v : (int32_t)v;
	return 0;
}

int mkt_parse_money(const char *text, const char *currency, int64_t *money_uc, struct mkt_err *err)
{
	struct kind k = {.what = "money",
			 .base = "",
			 .finest = "a millionth",
			 UNITS(money_units),
			 .currency = currency,
			 .currency_needed = true,
			 .negative = true,
			 .max = INT64_MAX};
	bool negative;
	uint64_t v;
	int rc = parse(&k, text, &negative, &v, err);

	if (rc < 0)
		return rc;
	*money_uc = negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

int mkt_parse_share(const char *text, uint32_t whole, uint32_t *parts, struct mkt_err *err)
{
	const struct unit percent[] = {{"%", whole / 100}};
	struct kind k = {.what = "share", .base = "%", UNITS(percent), .max = whole};
	char finest[32];
	bool negative;
	uint64_t v;
	int rc;

	assert(whole >= 100 && power_of_ten(decimals_of(whole)) == whole);
	snprintf(finest, sizeof(finest), "1/%u", whole);
	k.finest = finest;
	rc = parse(&k, text, &negative, &v, err);
	if (rc < 0)
		return rc;
	*parts = (uint32_t)v;
	return 0;
}

int mkt_parse_duration(const char *text, uint64_t *time_ms, struct mkt_err *err)
{
	static const struct kind k = {
		.what = "duration", .base = "ms", .finest = "1ms",
		UNITS(duration_units), .max = UINT64_MAX};
	bool negative;

	return parse(&k, text, &negative, time_ms, err);
}

int mkt_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *count,
		    struct mkt_err *err)
{
	static const struct kind k = {.what = "number"};
	uint64_t v = 0;
	size_t i = 0;

	for (; is_digit(text[i]); i++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
			break;
	if (!i || (text[i] && !is_digit(text[i])))
		return fault(err, &k, text, i, "is not a whole number");
	if (text[i] || v < min || v > max)
		return mkt_err_set(err, MKT_EINVAL, "number '%.64s' is not in %llu..%llu", text,
				   (unsigned long long)min, (unsigned long long)max);
	*count = v;
	return 0;
}

int mkt_check_tick(int32_t price_upwh, int32_t tick_upwh, const char *currency,
		   struct mkt_err *err)
{
	int64_t below = (int64_t)price_upwh - price_upwh % tick_upwh;
	int64_t above;
	int rc;

	if (price_upwh % tick_upwh == 0)
		return 0;
	if (price_upwh < 0)
		below -= tick_upwh;
	above = below + tick_upwh;
	rc = mkt_err_set(err, MKT_EINVAL, "price %s is not on the tick of %s",
			 mkt_fmt_price(price_upwh, currency).s,
			 mkt_fmt_price(tick_upwh, currency).s);
	mkt_err_hint(err, "use %s/kWh or %s/kWh", mkt_fmt_decimal(below, 3, 2).s,
		     mkt_fmt_decimal(above, 3, 2).s);
	return rc;
}

int mkt_check_lot(uint64_t energy_wh, uint32_t lot_wh, struct mkt_err *err)
{
	uint64_t below = energy_wh - energy_wh % lot_wh;
	int rc;

	if (energy_wh && below == energy_wh)
		return 0;
	rc = mkt_err_set(err, MKT_EINVAL, "energy %s is not a multiple of the lot of %s",
			 mkt_fmt_energy(energy_wh).s, mkt_fmt_energy(lot_wh).s);
	if (!below)
		mkt_err_hint(err, "use %uWh", lot_wh);
	else if (below > UINT64_MAX - lot_wh)
		mkt_err_hint(err, "use %lluWh", (unsigned long long)below);
	else
		mkt_err_hint(err, "use %" PRIu64 "Wh or %" PRIu64 "Wh", below, below + lot_wh);
	return rc;
}

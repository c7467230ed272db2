#include "core/base/compat.h"

#include <string.h>

#include "core/units/civil.h"
#include "drivers/p1.h"

/* ---- the stream --------------------------------------------------------------------------- */

uint16_t p1_crc(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint16_t crc = 0;

	for (size_t i = 0; i < n; i++) {
		crc ^= b[i];
		for (unsigned k = 0; k < 8; k++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
	}
	return crc;
}

static void begin(struct p1_stream *s, bool dropped)
{
	s->n = 0;
	s->ends = false;
	s->dropped += dropped;
}

/* '/' begins a telegram wherever it stands at the start of a line, and before the first. */
static bool take_byte(struct p1_stream *s, uint8_t b)
{
	if (b == '/' && (!s->n || s->line_start))
		begin(s, s->n > 0);
	else if (!s->n)
		return false;
	if (s->n == sizeof(s->bytes)) {
		begin(s, true);
		return false;
	}
	s->bytes[s->n++] = b;
	s->ends |= b == '!' && s->line_start;
	s->line_start = b == '\n';
	return s->ends && b == '\n';
}

int p1_take(struct p1_stream *s, const uint8_t **p, size_t *n)
{
	if (s->whole)
		begin(s, false);
	s->whole = false;
	while (*n && !s->whole) {
		s->whole = take_byte(s, **p);
		(*p)++;
		(*n)--;
	}
	return s->whole;
}

/* ---- lines -------------------------------------------------------------------------------- */

/* "1581.123" with three decimals kept; *@kept: how many there were.  False: no number. */
static bool decimal(const char *s, size_t n, int64_t *out, unsigned *kept)
{
	bool point = false;
	int64_t v = 0;

	*kept = 0;
	if (!n || n > 14 || s[0] == '.' || s[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return false;
		if (*kept == 3)
			continue; /* finer than anything here */
		v = v * 10 + (s[i] - '0');
		*kept += point;
	}
	for (unsigned k = *kept; k < 3; k++)
		v *= 10;
	*out = v;
	return true;
}

/* "(VALUE*UNIT)" in thousandths of the unit of @kilo: kWh as Wh, V as mV. */
static bool quantity(const char *s, size_t n, const char *kilo, int64_t *out, unsigned *kept)
{
	const char *star = memchr(s, '*', n);
	size_t len = star ? (size_t)(star - s) : 0, unit = star ? n - len - 1 : 0;

	if (!star || unit != strlen(kilo) || strncmp(star + 1, kilo, unit) != 0)
		return false;
	return decimal(s, len, out, kept);
}

struct line {
	const char *code, *value; /* value: what stands in the first brackets */
	size_t code_n, value_n;
};

/* True if it is "CODE(VALUE)..." */
static bool split(const char *s, size_t n, struct line *out)
{
	const char *open = memchr(s, '(', n), *close;

	if (!open || s[n - 1] != ')')
		return false;
	close = memchr(open, ')', n - (size_t)(open - s));
	*out = (struct line){s, open + 1, (size_t)(open - s), (size_t)(close - open - 1)};
	return true;
}

static bool is(const struct line *l, const char *code)
{
	return l->code_n == strlen(code) && !strncmp(l->code, code, l->code_n);
}

static bool digits(const char *s, size_t n, int32_t *out)
{
	int32_t v = 0;

	if (!n || n > 6)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	*out = v;
	return true;
}

/* ---- what lines tell ---------------------------------------------------------------------- */

struct reading {
	struct p1_values *v;
	int64_t total[2];     /* 1.8.0, 2.8.0 */
	int64_t tariffs[2];   /* sum of 1.8.1 .. 4, 2.8.1 .. 4 */
};

/* "YYMMDDhhmmssW": central European time, S one hour further in summer. */
static bool meter_time(const char *s, size_t n, int64_t *out)
{
	struct mkt_civil c = {0};
	int32_t part[6];

	if (n != 13 || (s[12] != 'S' && s[12] != 'W'))
		return false;
	for (unsigned i = 0; i < 6; i++)
		if (!digits(s + 2 * i, 2, &part[i]))
			return false;
	c.year = 2000 + part[0];
	if (part[1] < 1 || part[1] > 12 || part[2] < 1 ||
	    part[2] > (int32_t)mkt_civil_month_days(c.year, (unsigned)part[1]) || part[3] > 23 ||
	    part[4] > 59 || part[5] > 59)
		return false;
	c.month = (uint8_t)part[1];
	c.day = (uint8_t)part[2];
	c.hour = (uint8_t)part[3];
	c.minute = (uint8_t)part[4];
	c.second = (uint8_t)part[5];
	*out = mkt_civil_seconds(&c) - (s[12] == 'S' ? 7200 : 3600);
	return true;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

/* Texts are sent as hexadecimal digits; what is none is taken as it is. */
static void text(char out[MKT_DEV_TEXT_MAX + 1], const char *s, size_t n)
{
	uint8_t raw[MKT_DEV_TEXT_MAX];
	size_t len = 0;

	for (; 2 * len + 1 < n && len < sizeof(raw); len++) {
		int hi = nibble(s[2 * len]), lo = nibble(s[2 * len + 1]);

		if (hi < 0 || lo < 0)
			break;
		raw[len] = (uint8_t)(hi << 4 | lo);
	}
	if (n && 2 * len == n)
		mkt_dev_text(out, raw, len);
	else
		mkt_dev_text(out, s, n);
}

/* 1-0:D.8.E: counters.  D 1 import, 2 export; E 0 total, 1 .. 4 by tariff. */
static bool counter(struct reading *r, const struct line *l)
{
	static const int64_t steps[] = {1000, 100, 10, 1};
	unsigned way, kept;
	int64_t wh;

	if (l->code_n != 9 || strncmp(l->code, "1-0:", 4) != 0 ||
	    strncmp(l->code + 5, ".8.", 3) != 0)
		return false;
	way = (unsigned)(l->code[4] - '1');
	if (way > 1 || l->code[8] < '0' || l->code[8] > '4' ||
	    !quantity(l->value, l->value_n, "kWh", &wh, &kept))
		return false;
	if (l->code[8] == '0')
		r->total[way] = wh;
	else
		r->tariffs[way] = (r->tariffs[way] == P1_NONE ? 0 : r->tariffs[way]) + wh;
	r->v->step_wh = steps[kept];
	return true;
}

/* 1-0:CC.7.0: what flows now. */
static bool flow(struct p1_values *v, const struct line *l)
{
	const struct {
		const char *code, *kilo;
		int64_t *out;
	} rows[] = {
		{"1-0:1.7.0", "kW", &v->import_w},
		{"1-0:2.7.0", "kW", &v->export_w},
		{"1-0:21.7.0", "kW", &v->phase_import_w[0]},
		{"1-0:41.7.0", "kW", &v->phase_import_w[1]},
		{"1-0:61.7.0", "kW", &v->phase_import_w[2]},
		{"1-0:22.7.0", "kW", &v->phase_export_w[0]},
		{"1-0:42.7.0", "kW", &v->phase_export_w[1]},
		{"1-0:62.7.0", "kW", &v->phase_export_w[2]},
		{"1-0:32.7.0", "V", &v->phase_mv[0]},
		{"1-0:52.7.0", "V", &v->phase_mv[1]},
		{"1-0:72.7.0", "V", &v->phase_mv[2]},
		{"1-0:31.7.0", "A", &v->phase_ma[0]},
		{"1-0:51.7.0", "A", &v->phase_ma[1]},
		{"1-0:71.7.0", "A", &v->phase_ma[2]},
	};
	unsigned kept;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++)
		if (is(l, rows[i].code))
			return quantity(l->value, l->value_n, rows[i].kilo, rows[i].out, &kept);
	return false;
}

static void take_line(struct reading *r, const struct line *l)
{
	struct p1_values *v = r->v;

	if (is(l, "1-3:0.2.8"))
		(void)digits(l->value, l->value_n, &v->version);
	else if (is(l, "0-0:1.0.0"))
		(void)meter_time(l->value, l->value_n, &v->time_s);
	else if (is(l, "0-0:96.14.0"))
		(void)digits(l->value, l->value_n, &v->tariff);
	else if (is(l, "0-0:96.1.1") || is(l, "0-0:42.0.0"))
		text(v->serial, l->value, l->value_n);
	else if (!counter(r, l))
		(void)flow(v, l);
}

/* ---- telegrams ---------------------------------------------------------------------------- */

/* What stands between '!' and CR LF: four digits, or nothing. */
static int check_crc(const uint8_t *t, size_t n, size_t bang, bool *has, struct mkt_err *err)
{
	const char *s = (const char *)t + bang + 1;
	uint16_t said = 0, is = p1_crc(t, bang + 1);
	size_t len = n - bang - 1;

	while (len && (s[len - 1] == '\n' || s[len - 1] == '\r'))
		len--;
	*has = len > 0;
	if (!len)
		return 0;
	for (size_t i = 0; i < len; i++) {
		int d = nibble(s[i]);

		if (len != 4 || d < 0)
			return mkt_err_set(err, MKT_EDEVFRAME,
					   "the telegram does not end in a checksum of four "
					   "digits");
		said = (uint16_t)(said << 4 | d);
	}
	if (said == is)
		return 0;
	return mkt_err_set(err, MKT_EDEVFRAME, "checksum %04X of a telegram of %zu bytes, expected "
					       "%04X",
			   said, bang + 1, is);
}

static bool printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)s[i] < ' ' || (uint8_t)s[i] > '~')
			return false;
	return true;
}

/* From the first line's end to '!'. */
static int take_lines(struct reading *r, const uint8_t *t, size_t at, size_t bang,
		      struct mkt_err *err)
{
	while (at < bang) {
		const uint8_t *eol = memchr(t + at, '\n', bang - at);
		size_t end = eol ? (size_t)(eol - t) : bang, n = end - at;
		const char *s = (const char *)t + at;
		struct line l;

		while (n && (s[n - 1] == '\r' || s[n - 1] == ' '))
			n--;
		if (n && !printable(s, n))
			return mkt_err_set(err, MKT_EDEVFRAME, "a line that is not text");
		if (n && !split(s, n, &l))
			return mkt_err_set(err, MKT_EDEVFRAME, "'%.*s' is no line of a telegram",
					   (int)(n < 40 ? n : 40), s);
		if (n)
			take_line(r, &l);
		at = end + 1;
	}
	return 0;
}

static void nothing_told(struct p1_values *v)
{
	memset(v, 0, sizeof(*v));
	v->import_wh = v->export_wh = v->import_w = v->export_w = P1_NONE;
	for (unsigned i = 0; i < 3; i++)
		v->phase_import_w[i] = v->phase_export_w[i] = v->phase_mv[i] = v->phase_ma[i] =
			P1_NONE;
}

/* The last line's '!'; @n when there is none. */
static size_t find_bang(const uint8_t *t, size_t n)
{
	for (size_t i = n; i > 1; i--)
		if (t[i - 1] == '!' && t[i - 2] == '\n')
			return i - 1;
	return n;
}

int p1_parse(const uint8_t *telegram, size_t n, struct p1_values *out, struct mkt_err *err)
{
	struct reading r = {out, {P1_NONE, P1_NONE}, {P1_NONE, P1_NONE}};
	size_t bang = find_bang(telegram, n);
	const uint8_t *eol = memchr(telegram, '\n', bang);
	size_t ident_n;
	int res;

	nothing_told(out);
	if (bang == n || telegram[0] != '/' || !eol)
		return mkt_err_set(err, MKT_EDEVFRAME, "%zu bytes that are no telegram", n);
	res = check_crc(telegram, n, bang, &out->has_crc, err);
	if (res < 0)
		return res;
	ident_n = (size_t)(eol - telegram) - 1;
	ident_n -= ident_n && telegram[ident_n] == '\r';
	mkt_dev_text(out->ident, telegram + 1, ident_n);
	res = take_lines(&r, telegram, (size_t)(eol - telegram) + 1, bang, err);
	if (res < 0)
		return res;
	if (!out->has_crc && out->version >= 40)
		return mkt_err_set(err, MKT_EDEVFRAME, "a telegram of version %d without checksum",
				   out->version);
	out->import_wh = r.total[0] != P1_NONE ? r.total[0] : r.tariffs[0];
	out->export_wh = r.total[1] != P1_NONE ? r.total[1] : r.tariffs[1];
	return 0;
}

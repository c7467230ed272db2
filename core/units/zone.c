#include "core/base/compat.h"

#include <errno.h>
#include <sys/stat.h>

#include "core/units/civil.h"
#include "core/units/zone.h"

#define OFFSET_MIN_S (-25 * 3600 + 1) /* RFC 8536, 3.2 */
#define OFFSET_MAX_S (26 * 3600 - 1)
#define RULE_HOURS_MAX 167            /* RFC 8536, 3.3.1 */

/* ---- bytes of a TZif file ---- */

struct bytes {
	const uint8_t *at;
	size_t left;
	bool bad; /* something was asked for that is not there or not allowed */
};

static const uint8_t *take(struct bytes *b, size_t n)
{
	const uint8_t *p = b->at;

	if (b->bad || b->left < n) {
		b->bad = true;
		return NULL;
	}
	b->at += n;
	b->left -= n;
	return p;
}

static uint64_t big_endian(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

struct header {
	uint8_t version;
	uint32_t isut;
	uint32_t isstd;
	uint32_t leap;
	uint32_t time;
	uint32_t type;
	uint32_t chars;
};

static void read_header(struct bytes *b, struct header *h)
{
	const uint8_t *p = take(b, 44);

	*h = (struct header){0};
	if (!p)
		return;
	if (memcmp(p, "TZif", 4) != 0) {
		b->bad = true;
		return;
	}
	h->version = p[4];
	h->isut = (uint32_t)big_endian(p + 20, 4);
	h->isstd = (uint32_t)big_endian(p + 24, 4);
	h->leap = (uint32_t)big_endian(p + 28, 4);
	h->time = (uint32_t)big_endian(p + 32, 4);
	h->type = (uint32_t)big_endian(p + 36, 4);
	h->chars = (uint32_t)big_endian(p + 40, 4);
}

/* Pass over the block of version 1, which has times of 32 bits. */
static void skip_v1(struct bytes *b, const struct header *h)
{
	take(b, (size_t)h->time * 5 + (size_t)h->type * 6 + h->chars + (size_t)h->leap * 8 +
			h->isstd + h->isut);
}

static void read_types(struct bytes *b, const struct header *h, struct mkt_zone *z)
{
	const uint8_t *types = take(b, (size_t)h->type * 6);
	const uint8_t *chars = take(b, h->chars);

	if (!types || !chars)
		return;
	for (uint32_t i = 0; i < h->type; i++) {
		const uint8_t *p = types + 6 * i;
		struct mkt_zone_type *t = &z->types[i];
		size_t len;

		t->offset_s = (int32_t)(uint32_t)big_endian(p, 4);
		t->dst = p[4] == 1;
		if (p[4] > 1 || p[5] >= h->chars || t->offset_s < OFFSET_MIN_S ||
		    t->offset_s > OFFSET_MAX_S) {
			b->bad = true;
			return;
		}
		len = strnlen((const char *)chars + p[5], h->chars - p[5]);
		if (len == h->chars - p[5] || len > MKT_ZONE_ABBR_MAX) {
			b->bad = true;
			return;
		}
		memcpy(t->abbr, chars + p[5], len + 1);
		for (size_t k = 0; k < len; k++) /* these go to terminals */
			if (t->abbr[k] <= ' ' || t->abbr[k] >= 0x7f)
				b->bad = true;
	}
}

static void read_block(struct bytes *b, const struct header *h, struct mkt_zone *z)
{
	const uint8_t *times = take(b, (size_t)h->time * 8);
	const uint8_t *kinds = take(b, h->time);

	if (!times || !kinds)
		return;
	for (uint32_t i = 0; i < h->time; i++) {
		z->times[i] = (int64_t)big_endian(times + 8 * (size_t)i, 8);
		z->kinds[i] = kinds[i];
		if (kinds[i] >= h->type || (i && z->times[i] <= z->times[i - 1])) {
			b->bad = true;
			return;
		}
	}
	read_types(b, h, z);
	take(b, (size_t)h->isstd + h->isut);
	z->ntimes = h->time;
	z->ntypes = h->type;
}

/* ---- the footer: a POSIX TZ string ---- */

struct text {
	const char *at;
	const char *end;
	bool bad;
};

static bool accept(struct text *t, char c)
{
	if (t->bad || t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static void expect(struct text *t, char c)
{
	if (!accept(t, c))
		t->bad = true;
}

static bool digit_next(const struct text *t)
{
	return !t->bad && t->at < t->end && *t->at >= '0' && *t->at <= '9';
}

static int32_t rule_number(struct text *t, int32_t min, int32_t max)
{
	int32_t v = 0;

	if (!digit_next(t))
		t->bad = true;
	while (digit_next(t) && v <= max)
		v = v * 10 + (*t->at++ - '0');
	if (v < min || v > max)
		t->bad = true;
	return v;
}

/* [+-]hh[:mm[:ss]] */
static int32_t rule_time(struct text *t, int32_t hours_max)
{
	int32_t s;
	bool neg = accept(t, '-');

	if (!neg)
		accept(t, '+');
	s = rule_number(t, 0, hours_max) * 3600;
	if (accept(t, ':')) {
		s += rule_number(t, 0, 59) * 60;
		if (accept(t, ':'))
			s += rule_number(t, 0, 59);
	}
	return neg ? -s : s;
}

static bool abbr_char(char c, bool quoted)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	return quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-');
}

static void rule_abbr(struct text *t, char *abbr)
{
	bool quoted = accept(t, '<');
	size_t n = 0;

	while (!t->bad && t->at < t->end && n < MKT_ZONE_ABBR_MAX && abbr_char(*t->at, quoted))
		abbr[n++] = *t->at++;
	abbr[n] = 0;
	if (n < 3)
		t->bad = true;
	if (quoted)
		expect(t, '>');
}

static void rule_date(struct text *t, struct mkt_zone_date *d)
{
	expect(t, ',');
	if (accept(t, 'M')) {
		d->kind = 'M';
		d->month = (uint8_t)rule_number(t, 1, 12);
		expect(t, '.');
		d->week = (uint8_t)rule_number(t, 1, 5);
		expect(t, '.');
		d->day = (uint16_t)rule_number(t, 0, 6);
	} else if (accept(t, 'J')) {
		d->kind = 'J';
		d->day = (uint16_t)rule_number(t, 1, 365);
	} else {
		d->kind = 'N';
		d->day = (uint16_t)rule_number(t, 0, 365);
	}
	d->time_s = accept(t, '/') ? rule_time(t, RULE_HOURS_MAX) : 2 * 3600;
}

/* "CET-1CEST,M3.5.0,M10.5.0/3": POSIX counts offsets west. */
static bool read_rule(const char *s, size_t n, struct mkt_zone *z)
{
	struct text t = {s, s + n, false};

	rule_abbr(&t, z->std.abbr);
	z->std.offset_s = -rule_time(&t, 24);
	z->ruled = true;
	if (t.bad || t.at == t.end)
		return !t.bad;
	rule_abbr(&t, z->dst.abbr);
	z->dst.dst = true;
	z->dst.offset_s = z->std.offset_s + 3600;
	if (!t.bad && t.at < t.end && *t.at != ',')
		z->dst.offset_s = -rule_time(&t, 24);
	rule_date(&t, &z->dst_begin);
	rule_date(&t, &z->dst_end);
	z->rule_dst = true;
	return !t.bad && t.at == t.end;
}

static void read_footer(struct bytes *b, struct mkt_zone *z)
{
	const char *s, *end;

	if (b->bad || b->left < 2 || b->at[0] != '\n') {
		b->bad = true;
		return;
	}
	s = (const char *)b->at + 1;
	end = memchr(s, '\n', b->left - 1);
	if (!end || (end > s && !read_rule(s, (size_t)(end - s), z)))
		b->bad = true;
}

/* Where a date of the rule falls in @year, in local seconds. */
static int64_t date_in_year(const struct mkt_zone_date *d, int32_t year)
{
	int64_t days = mkt_civil_days(year, 1, 1);

	if (d->kind == 'N') {
		days += d->day;
	} else if (d->kind == 'J') {
		days += d->day - 1;
		if (d->day >= 60 && mkt_civil_month_days(year, 2) == 29)
			days++;
	} else {
		unsigned last = mkt_civil_month_days(year, d->month);
		unsigned day;

		days = mkt_civil_days(year, d->month, 1);
		day = (d->day + 7u - mkt_civil_weekday(days)) % 7 + 7u * (d->week - 1u);
		days += day < last ? day : day - 7;
	}
	return days * MKT_DAY_S + d->time_s;
}

/* The latest change of this and the neighbour years decides; dates may lie up to a week outside. */
static const struct mkt_zone_type *by_rule(const struct mkt_zone *z, int64_t utc_s)
{
	const struct mkt_zone_type *found = &z->std;
	int64_t latest = INT64_MIN;
	struct mkt_civil c;

	if (!z->rule_dst)
		return &z->std;
	mkt_civil_from(utc_s, &c);
	for (int32_t year = c.year - 1; year <= c.year + 1; year++) {
		int64_t end = date_in_year(&z->dst_end, year) - z->dst.offset_s;
		int64_t begin = date_in_year(&z->dst_begin, year) - z->std.offset_s;

		if (end <= utc_s && end > latest) {
			latest = end;
			found = &z->std;
		}
		/* Where one year's end is the next one's beginning, DST lasts all year. */
		if (begin <= utc_s && begin >= latest) {
			latest = begin;
			found = &z->dst;
		}
	}
	return found;
}

const struct mkt_zone_type *mkt_zone_at(const struct mkt_zone *z, int64_t utc_s)
{
	uint32_t lo = 0, hi = z->ntimes;

	if (utc_s < -MKT_TIME_MAX_S)
		utc_s = -MKT_TIME_MAX_S;
	if (utc_s > MKT_TIME_MAX_S + 2 * MKT_DAY_S)
		utc_s = MKT_TIME_MAX_S + 2 * MKT_DAY_S;
	if (z->ruled && (!z->ntimes || utc_s >= z->times[z->ntimes - 1]))
		return by_rule(z, utc_s);
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (z->times[mid] <= utc_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	return &z->types[lo ? z->kinds[lo - 1] : 0];
}

int64_t mkt_zone_local(const struct mkt_zone *z, int64_t utc_s)
{
	return utc_s + mkt_zone_at(z, utc_s)->offset_s;
}

/*
 * @local_s is in no reading: then local time jumps over it between two seconds.
 * Returns the first instant after the jump.  The ends are far enough apart for
 * any offset, and each step keeps local(lo) < @local_s < local(hi).
 */
static int64_t find_gap(const struct mkt_zone *z, int64_t local_s)
{
	int64_t lo = local_s - OFFSET_MAX_S - 1;
	int64_t hi = local_s - OFFSET_MIN_S + 1;

	while (hi - lo > 1) {
		int64_t mid = lo + (hi - lo) / 2;

		if (mkt_zone_local(z, mid) < local_s)
			lo = mid;
		else
			hi = mid;
	}
	return hi;
}

static void reading(const struct mkt_zone *z, int64_t local_s, int32_t offset_s, int64_t utc[2],
		    int *n)
{
	int64_t u = local_s - offset_s;

	if (mkt_zone_at(z, u)->offset_s != offset_s)
		return;
	if (!*n || u < utc[0])
		utc[0] = u;
	if (!*n || u > utc[1])
		utc[1] = u;
	*n = utc[0] == utc[1] ? 1 : 2;
}

int mkt_zone_to_utc(const struct mkt_zone *z, int64_t local_s, int64_t utc[2])
{
	int64_t after;
	int n = 0;

	/* Each offset that the zone knows is tried: few, and no neighbourhood to guess. */
	for (uint32_t i = 0; i < z->ntypes; i++)
		reading(z, local_s, z->types[i].offset_s, utc, &n);
	if (z->ruled)
		reading(z, local_s, z->std.offset_s, utc, &n);
	if (z->rule_dst)
		reading(z, local_s, z->dst.offset_s, utc, &n);
	if (n)
		return n;
	after = find_gap(z, local_s);
	utc[0] = local_s - mkt_zone_at(z, after)->offset_s;
	utc[1] = local_s - mkt_zone_at(z, after - 1)->offset_s;
	return 0;
}

int64_t mkt_zone_day_start(const struct mkt_zone *z, int64_t days)
{
	int64_t utc[2];

	if (mkt_zone_to_utc(z, days * MKT_DAY_S, utc))
		return utc[0];
	return find_gap(z, days * MKT_DAY_S);
}

/* ---- loading ---- */

static void set_name(struct mkt_zone *z, const char *name)
{
	*z = (struct mkt_zone){0};
	snprintf(z->name, sizeof(z->name), "%s", name);
}

void mkt_zone_utc(struct mkt_zone *z)
{
	set_name(z, "UTC");
	z->ruled = true;
	memcpy(z->std.abbr, "UTC", 4);
}

/* "+09:00", "-0330", "+09": as RFC 3339 writes offsets, east positive. */
static bool fixed_offset(struct mkt_zone *z, const char *name)
{
	size_t n = strlen(name);
	struct text t = {name + 1, name + n, false};
	char two[2] = {0};
	int32_t s;

	if ((name[0] != '+' && name[0] != '-') || (n != 3 && n != 5 && n != 6))
		return false;
	if (n == 5) { /* split hhmm */
		memcpy(two, name + 1, 2);
		s = rule_number(&(struct text){two, two + 2, false}, 0, 99) * 3600;
		t.at = name + 3;
		s += rule_number(&t, 0, 59) * 60;
	} else {
		if (!digit_next(&t) || (n == 6 && name[3] != ':'))
			return false;
		s = rule_time(&t, 23);
	}
	if (t.bad || t.at != t.end || s > 24 * 3600 - 60)
		return false;
	set_name(z, name);
	z->ruled = true;
	z->std.offset_s = name[0] == '-' ? -s : s;
	/* As the tz database writes zones without letters: "+09", "+0545". */
	snprintf(z->std.abbr, sizeof(z->std.abbr), "%c%02d", name[0], s / 3600);
	if (s % 3600)
		snprintf(z->std.abbr + 3, sizeof(z->std.abbr) - 3, "%02d", s / 60 % 60);
	return true;
}

int mkt_zone_parse(struct mkt_zone *z, const char *name, const void *tzif, size_t n,
		   struct mkt_err *err)
{
	struct bytes b = {tzif, n, false};
	struct mkt_zone in;
	struct header h;

	set_name(&in, name);
	read_header(&b, &h);
	if (h.version < '2') { /* tzdata writes version 2 since 2006; the first ends in 2038 */
		b.bad = true;
	} else {
		skip_v1(&b, &h);
		read_header(&b, &h);
	}
	/* Leap seconds: files of "right/", whose clock is not Unix time. */
	if (!h.type || h.leap || h.time > MKT_ZONE_TIMES_MAX || h.type > MKT_ZONE_TYPES_MAX)
		b.bad = true;
	if (!b.bad)
		read_block(&b, &h, &in);
	read_footer(&b, &in);
	if (b.bad)
		return mkt_err_set(err, MKT_EINVAL,
				   "the file of time zone '%.64s' is damaged or of an unknown kind",
				   name);
	*z = in;
	return 0;
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > MKT_ZONE_NAME_MAX || name[0] == '/' || strstr(name, ".."))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!abbr_char(name[i], true) && name[i] != '/' && name[i] != '_')
			return false;
	return true;
}

static int no_such_zone(const char *name, const char *dir, struct mkt_err *err)
{
	struct stat st;
	int rc;

	if (stat(dir, &st) < 0) {
		rc = mkt_err_set(err, MKT_EINVAL,
				 "no time zone '%.64s': this machine has no time zone data in '%s'",
				 name, dir);
		mkt_err_hint(err, "install the package tzdata, or use UTC or an offset as +09:00");
		return rc;
	}
	rc = mkt_err_set(err, MKT_EINVAL, "no time zone '%.64s'", name);
	mkt_err_hint(err, "zones are UTC, offsets as +09:00, and names as Asia/Tokyo from %s", dir);
	return rc;
}

int mkt_zone_load(struct mkt_zone *z, const char *name, const char *dir, struct mkt_err *err)
{
	uint8_t *bytes;
	char path[512];
	size_t n;
	FILE *f;
	int rc;

	if (!dir)
		dir = MKT_ZONE_DIR;
	if (!strcmp(name, "UTC") || !strcmp(name, "Z")) {
		mkt_zone_utc(z);
		return 0;
	}
	if (fixed_offset(z, name))
		return 0;
	if (!name_ok(name) ||
	    snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return no_such_zone(name, dir, err);
	f = fopen(path, "rbe");
	if (!f && errno == EACCES)
		return mkt_err_sys(err, MKT_EINVAL, errno, "cannot open '%s'", path);
	if (!f)
		return no_such_zone(name, dir, err);
	bytes = malloc(MKT_ZONE_FILE_MAX);
	n = bytes ? fread(bytes, 1, MKT_ZONE_FILE_MAX, f) : 0;
	if (!bytes)
		rc = mkt_err_code(err, MKT_ENOMEM);
	else if (ferror(f)) /* a folder, "Asia" */
		rc = no_such_zone(name, dir, err);
	else
		rc = mkt_zone_parse(z, name, bytes, n, err);
	free(bytes);
	fclose(f);
	return rc;
}

#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/units/civil.h"
#include "core/units/zone.h"
#include "tests/rng.h"

static void load(struct mkt_zone *z, const char *name)
{
	struct mkt_err err;

	if (access(MKT_ZONE_DIR, R_OK) < 0)
		skip();
	if (mkt_zone_load(z, name, NULL, &err) < 0)
		fail_msg("%s: %s", name, err.text);
}

static void calendar_round_trip(void **state)
{
	struct rng r = rng_start("civil");
	struct mkt_civil c;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t s = (int64_t)rng_below(&r, 2 * (uint64_t)MKT_TIME_MAX_S) - MKT_TIME_MAX_S;
		time_t t = (time_t)s;
		struct tm tm;

		mkt_civil_from(s, &c);
		assert_int_equal(mkt_civil_seconds(&c), s);
		assert_non_null(gmtime_r(&t, &tm));
		assert_int_equal(c.year, tm.tm_year + 1900);
		assert_int_equal(c.month, tm.tm_mon + 1);
		assert_int_equal(c.day, tm.tm_mday);
		assert_int_equal(c.hour, tm.tm_hour);
		assert_int_equal(c.minute, tm.tm_min);
		assert_int_equal(c.second, tm.tm_sec);
		assert_int_equal(mkt_civil_weekday(mkt_civil_days(c.year, c.month, c.day)),
				 tm.tm_wday);
	}
	assert_int_equal(mkt_civil_month_days(2000, 2), 29);
	assert_int_equal(mkt_civil_month_days(2100, 2), 28);
	assert_int_equal(mkt_civil_month_days(2026, 2), 28);
	assert_int_equal(mkt_civil_month_days(2026, 11), 30);
}

static void check_instant(const struct mkt_zone *z, int64_t utc_s)
{
	const struct mkt_zone_type *type = mkt_zone_at(z, utc_s);
	time_t t = (time_t)utc_s;
	int64_t local, utc[2];
	struct tm tm;
	int n;

	assert_non_null(localtime_r(&t, &tm));
	if (type->offset_s != tm.tm_gmtoff || strcmp(type->abbr, tm.tm_zone) != 0 ||
	    type->dst != (tm.tm_isdst > 0))
		fail_msg("%s at %lld: %d %s, libc %ld %s", z->name, (long long)utc_s,
			 type->offset_s, type->abbr, tm.tm_gmtoff, tm.tm_zone);
	local = mkt_zone_local(z, utc_s);
	n = mkt_zone_to_utc(z, local, utc);
	if (n < 1 || (utc[0] != utc_s && utc[1] != utc_s))
		fail_msg("%s: %lld is not among its %d readings", z->name, (long long)utc_s, n);
	for (int i = 0; i < 2; i++)
		assert_int_equal(mkt_zone_local(z, utc[i]), local);
	assert_int_equal(n, utc[0] == utc[1] ? 1 : 2);
}

/* Every zone of the tz database against libc, at random and around every change. */
static void agrees_with_libc(void **state)
{
	static struct mkt_zone z;
	struct rng r = rng_start("zone");
	char line[256], name[128];
	unsigned zones = 0;
	FILE *f = fopen(MKT_ZONE_DIR "/zone1970.tab", "re");

	(void)state;
	if (!f)
		skip();
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#' || sscanf(line, "%*s %*s %127s", name) != 1)
			continue;
		load(&z, name);
		setenv("TZ", name, 1);
		tzset();
		for (int i = 0; i < 100; i++) /* 1850 to 2200 */
			check_instant(&z, -3786825600 + (int64_t)rng_below(&r, 11045000000));
		for (uint32_t i = 0; i < z.ntimes; i++)
			for (int d = -1; d <= 1; d++)
				check_instant(&z, z.times[i] + d * (int64_t)rng_below(&r, 4000));
		zones++;
	}
	fclose(f);
	setenv("TZ", "UTC", 1);
	tzset();
	assert_true(zones > 100);
}

/* Local times that clocks jump over have no reading, and the two to show lie around the change. */
static void gaps_have_no_reading(void **state)
{
	static const char *const names[] = {"Europe/Berlin", "America/New_York", "Europe/Dublin",
					    "Australia/Lord_Howe", "Africa/Cairo"};
	static struct mkt_zone z;
	unsigned gaps = 0;

	(void)state;
	for (size_t k = 0; k < MKT_ARRAY_SIZE(names); k++) {
		load(&z, names[k]);
		for (uint32_t i = 1; i < z.ntimes; i++) {
			int64_t at = z.times[i], utc[2];
			int32_t before = mkt_zone_at(&z, at - 1)->offset_s;
			int32_t after = mkt_zone_at(&z, at)->offset_s;

			if (at < 0 || after <= before)
				continue;
			for (int32_t in = 0; in < after - before; in += 450) {
				int64_t local = at + before + in;

				assert_int_equal(mkt_zone_to_utc(&z, local, utc), 0);
				assert_int_equal(utc[0], local - after);
				assert_int_equal(utc[1], local - before);
				assert_true(utc[0] < at && at <= utc[1]);
			}
			gaps++;
		}
	}
	assert_true(gaps > 150);
}

static void known_changes(void **state)
{
	static const struct {
		const char *zone;
		struct mkt_civil local;
		int n;
		int64_t utc[2];
	} rows[] = {
		{"Asia/Tokyo", {2026, 11, 23, 10, 30, 0}, 1, {1795397400, 1795397400}},
		{"Europe/Berlin", {2026, 3, 29, 2, 30, 0}, 0, {1774744200, 1774747800}},
		{"Europe/Berlin", {2026, 3, 29, 3, 0, 0}, 1, {1774746000, 1774746000}},
		{"Europe/Berlin", {2026, 10, 25, 2, 0, 0}, 2, {1792886400, 1792890000}},
		{"America/New_York", {2026, 11, 1, 1, 59, 59}, 2, {1793512799, 1793516399}},
		{"America/New_York", {2150, 7, 1, 0, 0, 0}, 1, {5695934400, 5695934400}}, /* rule */
		{"UTC", {1970, 1, 1, 0, 0, 0}, 1, {0, 0}},
		{"+09:00", {1970, 1, 1, 9, 0, 0}, 1, {0, 0}},
		{"-0330", {1970, 1, 1, 0, 0, 0}, 1, {12600, 12600}},
		{"+05", {1970, 1, 1, 5, 0, 0}, 1, {0, 0}},
	};
	static struct mkt_zone z;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		int64_t utc[2];

		load(&z, rows[i].zone);
		assert_int_equal(mkt_zone_to_utc(&z, mkt_civil_seconds(&rows[i].local), utc),
				 rows[i].n);
		assert_int_equal(utc[0], rows[i].utc[0]);
		assert_int_equal(utc[1], rows[i].utc[1]);
	}
	load(&z, "+05:45");
	assert_string_equal(mkt_zone_at(&z, 0)->abbr, "+0545");
	load(&z, "-03:00");
	assert_string_equal(mkt_zone_at(&z, 0)->abbr, "-03");
}

/* Cairo sets its clocks from 0:00 to 1:00: that day begins at 1:00. */
static void day_start_where_midnight_is_skipped(void **state)
{
	static struct mkt_zone z;
	int64_t at;

	(void)state;
	load(&z, "Africa/Cairo");
	at = mkt_zone_day_start(&z, mkt_civil_days(2026, 4, 24));
	assert_int_equal(mkt_zone_local(&z, at), mkt_civil_days(2026, 4, 24) * MKT_DAY_S + 3600);
	assert_true(mkt_zone_local(&z, at - 1) < mkt_civil_days(2026, 4, 24) * MKT_DAY_S);
	at = mkt_zone_day_start(&z, mkt_civil_days(2026, 4, 25));
	assert_int_equal(mkt_zone_local(&z, at), mkt_civil_days(2026, 4, 25) * MKT_DAY_S);
}

static void bad_names_are_refused(void **state)
{
	static const char *const names[] = {
		"", "Nowhere/Town", "../passwd", "/etc/passwd", "Asia", "Asia/..", "asia tokyo",
		"+9", "+09:60", "+25:00", "+24:00", "+9:0:0", "++9:00", "+0900x", "-", "+", "zone.tab",
		"Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	static struct mkt_zone z;
	struct mkt_err err;

	(void)state;
	mkt_zone_utc(&z);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(names); i++) {
		if (mkt_zone_load(&z, names[i], NULL, &err) != -MKT_EINVAL)
			fail_msg("'%s' was taken", names[i]);
		assert_string_equal(z.name, "UTC"); /* untouched */
	}
	assert_int_equal(mkt_zone_load(&z, "Asia/Tokyo", "/nowhere", &err), -MKT_EINVAL);
	assert_string_equal(err.text, "no time zone 'Asia/Tokyo': this machine has no time zone "
				      "data in '/nowhere'");
	assert_string_equal(err.hint, "install the package tzdata, or use UTC or an offset as "
				      "+09:00");
}

/* A small file: version 2, one change at 100 from AAA+0 to BBB+3600, footer as given. */
static size_t make_tzif(uint8_t *out, size_t cap, const char *footer)
{
	static const uint8_t head[44] = {'T', 'Z', 'i', 'f', '2'};
	uint8_t second[44] = {'T', 'Z', 'i', 'f', '2'};
	static const uint8_t data[] = {
		0, 0, 0, 0, 0, 0, 0, 100, /* times */
		1,                        /* kinds */
		0, 0, 0, 0, 0, 0,         /* AAA */
		0, 0, 0x0e, 0x10, 1, 4,   /* BBB */
		'A', 'A', 'A', 0, 'B', 'B', 'B', 0,
	};
	size_t n = 0;

	second[35] = 1; /* timecnt */
	second[39] = 2; /* typecnt */
	second[43] = 8; /* charcnt */
	assert_true(cap >= 88 + sizeof(data) + strlen(footer) + 2);
	memcpy(out, head, 44);
	memcpy(out + 44, second, 44);
	memcpy(out + 88, data, sizeof(data));
	n = 88 + sizeof(data);
	out[n++] = '\n';
	memcpy(out + n, footer, strlen(footer));
	n += strlen(footer);
	out[n++] = '\n';
	return n;
}

static void every_cut_of_a_file_is_refused(void **state)
{
	static struct mkt_zone z;
	struct mkt_err err;
	uint8_t file[256];
	size_t n = make_tzif(file, sizeof(file), "CET-1CEST,M3.5.0,M10.5.0/3");

	(void)state;
	assert_int_equal(mkt_zone_parse(&z, "x", file, n, &err), 0);
	assert_string_equal(mkt_zone_at(&z, 0)->abbr, "AAA");
	assert_string_equal(mkt_zone_at(&z, 99)->abbr, "AAA");
	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1); /* so that reading on is seen by ASan */

		assert_non_null(copy);
		memcpy(copy, file, cut);
		assert_int_equal(mkt_zone_parse(&z, "x", copy, cut, &err), -MKT_EINVAL);
		free(copy);
	}
}

static void damaged_fields_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {
		{0, 'X'}, {4, 0}, {44, 'X'},
		{44 + 31, 1},  /* leap seconds */
		{44 + 34, 8},  /* too many times */
		{44 + 39, 0},  /* no type */
		{44 + 39, 65}, /* too many types */
		{96, 2},       /* kind out of range */
		{97, 0x7f},    /* offset out of range */
		{101, 2},      /* dst neither 0 nor 1 */
		{102, 8},      /* abbreviation out of range */
		{109, 27},     /* control character in it */
		{116, 'B'},    /* not ended */
	};
	static struct mkt_zone z;
	uint8_t file[256];

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		size_t n = make_tzif(file, sizeof(file), "CET-1");

		assert_int_equal(mkt_zone_parse(&z, "x", file, n, NULL), 0);
		file[rows[i].at] = rows[i].value;
		if (mkt_zone_parse(&z, "x", file, n, NULL) != -MKT_EINVAL)
			fail_msg("byte %zu = %u was taken", rows[i].at, rows[i].value);
	}
}

static void footers(void **state)
{
	static const struct {
		const char *rule;
		int ok;
		int64_t utc_s;
		const char *abbr;
		int32_t offset_s;
	} rows[] = {
		{"", 1, 1000, "BBB", 3600},
		{"JST-9", 1, 1000, "JST", 32400},
		{"<-03>3", 1, 1000, "-03", -10800},
		{"NST3:30NDT,M3.2.0,M11.1.0", 1, 1783000000, "NDT", -9000},
		/* Negative DST: winter is the exception. */
		{"IST-1GMT0,M10.5.0,M3.5.0/1", 1, 1783000000, "IST", 3600},
		{"IST-1GMT0,M10.5.0,M3.5.0/1", 1, 1767225600, "GMT", 0},
		/* DST all year, RFC 8536 3.3.1. */
		{"XXX3EDT4,0/0,J365/23", 1, 1767236400, "EDT", -14400},
		{"EST5EDT,0/0,J365/25", 1, 1767243600, "EDT", -14400},
		{"EST5EDT,0/0,J365/25", 1, 1767243599, "EDT", -14400},
		{"EST5EDT,0/0,J365/25", 1, 1783000000, "EDT", -14400},
		{"AAA0BBB,0/0,365/0", 1, 1783000000, "BBB", 3600},
		/* South of the equator, and a date with negative hours: Saturday night. */
		{"<-03>3<-02>,M3.5.0/-1,M10.5.0/-1", 1, 1783000000, "-02", -7200},
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", 1, 1767225600, "AEDT", 39600},
		{"AB1", 0, 0, "", 0}, {"ABC", 0, 0, "", 0}, {"ABC25", 0, 0, "", 0},
		{"ABC1DEF", 0, 0, "", 0}, {"ABC1DEF,J0,J5", 0, 0, "", 0},
		{"ABC1DEF,M13.1.0,M1.1.0", 0, 0, "", 0}, {"ABC1DEF,M1.6.0,M1.1.0", 0, 0, "", 0},
		{"ABC1DEF,M1.1.0/168,M1.1.0", 0, 0, "", 0}, {"<ABC1", 0, 0, "", 0},
		{"ABC1DEF,J1,J5x", 0, 0, "", 0}, {"ABC1 ", 0, 0, "", 0},
		{"ABCDEFGHIJKL1", 0, 0, "", 0},
	};
	static struct mkt_zone z;
	uint8_t file[256];

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		size_t n = make_tzif(file, sizeof(file), rows[i].rule);
		int rc = mkt_zone_parse(&z, "x", file, n, NULL);

		if ((rc == 0) != rows[i].ok)
			fail_msg("rule %s: %d", rows[i].rule, rc);
		if (!rows[i].ok)
			continue;
		assert_string_equal(mkt_zone_at(&z, rows[i].utc_s)->abbr, rows[i].abbr);
		assert_int_equal(mkt_zone_at(&z, rows[i].utc_s)->offset_s, rows[i].offset_s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calendar_round_trip),
		cmocka_unit_test(agrees_with_libc),
		cmocka_unit_test(gaps_have_no_reading),
		cmocka_unit_test(known_changes),
		cmocka_unit_test(day_start_where_midnight_is_skipped),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(every_cut_of_a_file_is_refused),
		cmocka_unit_test(damaged_fields_are_refused),
		cmocka_unit_test(footers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

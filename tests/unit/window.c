#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/units/civil.h"
#include "core/units/fmt.h"
#include "core/units/window.h"
#include "tests/rng.h"

#define NOW 1795396020u   /* 2026-11-23 10:07 in Tokyo, 01:07 UTC */
#define W1030 1795397400u /* 10:30 there */

static struct mkt_zone tokyo, berlin, new_york, kathmandu;

static int load_zones(void **state)
{
	(void)state;
	if (access(MKT_ZONE_DIR, R_OK) < 0)
		return 0;
	return mkt_zone_load(&tokyo, "Asia/Tokyo", NULL, NULL) ||
	       mkt_zone_load(&berlin, "Europe/Berlin", NULL, NULL) ||
	       mkt_zone_load(&new_york, "America/New_York", NULL, NULL) ||
	       mkt_zone_load(&kathmandu, "Asia/Kathmandu", NULL, NULL);
}

static struct mkt_when at(const struct mkt_zone *z, uint64_t now_s)
{
	if (!z->ntypes)
		skip(); /* no tzdata on this machine */
	return (struct mkt_when){.now_s = now_s, .zone = z, .window_s = 1800};
}

static void windows_people_write(void **state)
{
	static const struct {
		const char *text;
		uint64_t first_s;
		uint32_t count;
	} rows[] = {
		{"10:30-11:30", W1030, 2},
		{"today 10:30-11:30", W1030, 2},
		{"tomorrow 10:30-11:30", W1030 + 86400, 2},
		{"2026-11-23T10:30/11:30", W1030, 2},
		{"2026-11-23 10:30-11:30", W1030, 2},
		{"2026-11-23T01:30Z/02:30Z", W1030, 2},
		{"2026-11-23T01:30:00Z/2026-11-23T02:00:00Z", W1030, 1},
		{"2026-11-23T01:30Z/02:30", W1030, 2},
		{"2026-11-22T20:30-05:00/21:00-05:00", W1030, 1},
		{"10:30-11:00 JST", W1030, 1},
		{"10:30 JST-11:00 JST", W1030, 1},
		{"2026-11-23 01:30-02:00 UTC", W1030, 1},
		{"23:30-24:00", W1030 + 13 * 3600, 1},
		{"2026-11-23T23:30/2026-11-24T00:30", W1030 + 13 * 3600, 2},
		{"2026-11-23 23:30-2026-11-24 24:00 JST", W1030 + 13 * 3600, 49},
		{"tomorrow 00:00-24:00", 1795446000, 48},
		{"tomorrow", 1795446000, 48},
		{"2026-11-24", 1795446000, 48},
		{"next", W1030, 1},
		{"next 4", W1030, 4},
		{"+2h", W1030 + 5400, 1}, /* 12:07 lies in 12:00-12:30 */
		{"+23m", W1030, 1},
		{"@1795397400", W1030, 1},
	};
	struct mkt_when when = at(&tokyo, NOW);

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_windows w = {0};
		struct mkt_err err = {0};

		if (mkt_windows_parse(rows[i].text, &when, &w, &err) < 0)
			fail_msg("'%s': %s", rows[i].text, err.text);
		if (w.first_s != rows[i].first_s || w.count != rows[i].count)
			fail_msg("'%s' is %llu, %u", rows[i].text, (unsigned long long)w.first_s,
				 w.count);
	}
}

static void windows_that_are_refused(void **state)
{
	static const char forms[] = "windows are 10:30-11:30, tomorrow 10:30-11:30, "
				    "2026-11-23T10:30/11:30, next, next 4, +2h";
	static const struct {
		const char *text;
		const char *sentence;
		const char *hint;
	} rows[] = {
		{"10:30-11:10", "window end '11:10' is not on a market border",
		 "use 10:30-11:00 or 10:30-11:30"},
		{"10:40-11:30", "window start '10:40' is not on a market border",
		 "use 10:30-11:30 or 11:00-11:30"},
		{"10:40-10:50", "window start '10:40' is not on a market border",
		 "use 10:30-11:00"},
		{"10:30-10:50", "window end '10:50' is not on a market border", "use 10:30-11:00"},
		{"2026-11-23T10:30/11:10", "window end '11:10' is not on a market border",
		 "use 10:30-11:00 or 10:30-11:30"},
		{"2026-11-23T01:30Z/01:45Z", "window end '01:45' is not on a market border",
		 "use 2026-11-23T01:30:00Z/2026-11-23T02:00:00Z"},
		{"23:30-23:50", "window end '23:50' is not on a market border", "use 23:30-24:00"},
		{"10:00-11:00", "window start '10:00' is in the past",
		 "it is 10:07 JST; the next window is 10:30-11:00 JST"},
		{"+10m", "the start of window '+10m' is in the past",
		 "it is 10:07 JST; the next window is 10:30-11:00 JST"},
		{"@1795395600", "the start of window '@1795395600' is in the past",
		 "it is 10:07 JST; the next window is 10:30-11:00 JST"},
		{"@1795397401", "window start '@1795397401' is not on a market border",
		 "use @1795397400 or @1795399200"},
		{"today", "window start 'today' is in the past",
		 "it is 10:07 JST; the next window is 10:30-11:00 JST"},
		{"2026-11-23 ", "window '2026-11-23 ' is not understood at column 12", forms},
		{"2026-11-23T", "window '2026-11-23T' is not understood at column 12", forms},
		{"yesterday 10:30-11:30", "window start '10:30' is in the past",
		 "it is 10:07 JST; the next window is 10:30-11:00 JST"},
		{"-2h", "window '-2h' is not understood at column 1", forms},
		{"11:30-10:30", "window '11:30-10:30' ends before it begins",
		 "over midnight both ends need a date: 2026-11-23T23:00/2026-11-24T01:00"},
		{"10:30-10:30", "window '10:30-10:30' ends before it begins",
		 "over midnight both ends need a date: 2026-11-23T23:00/2026-11-24T01:00"},
		{"10:30", "window '10:30' has no end at column 6", "write 10:30-11:00"},
		{"2026-11-23T23:30", "window '2026-11-23T23:30' has no end at column 17",
		 "write 2026-11-23T23:30/24:00"},
		{"24:00-24:30", "window '24:00-24:30' is not understood at column 1", forms},
		{"10:30-24:30", "window '10:30-24:30' is not understood at column 10", forms},
		{"10:30-25:00", "window '10:30-25:00' is not understood at column 7", forms},
		{"10:60-11:00", "window '10:60-11:00' is not understood at column 4", forms},
		{"1:30-2:30", "window '1:30-2:30' is not understood at column 2", forms},
		{"10:30-11:30 ", "window '10:30-11:30 ' is not understood at column 12", forms},
		{"10:30 - 11:30", "window '10:30 - 11:30' is not understood at column 6", forms},
		{"10:30-11:30 CET",
		 "window start '10:30': clocks in Asia/Tokyo do not show 'CET' then", forms},
		{"2026-13-23 10:30-11:30",
		 "window '2026-13-23 10:30-11:30' is not understood at column 6", forms},
		{"2026-02-29 10:30-11:30",
		 "window '2026-02-29 10:30-11:30' is not understood at column 9", forms},
		{"2026-11-23T10:30-11:30",
		 "window '2026-11-23T10:30-11:30' has no end at column 23", NULL},
		{"someday 10:30-11:30", "window 'someday 10:30-11:30' is not understood at column 1",
		 forms},
		{"todayish 10:30-11:30",
		 "window 'todayish 10:30-11:30' is not understood at column 1", forms},
		{"", "window '' is not understood at column 1", forms},
		{"next 0", "window 'next 0': number '0' is not in 1..4096", ""},
		{"next x", "window 'next x': number 'x' is not a whole number at column 1", ""},
		{"nextday", "window 'nextday' is not understood at column 1", forms},
		{"+2", "duration '2' has no unit at column 2", "write 2s or 2m"},
		{"+0.5s", "window '+0.5s' is finer than 1s", ""},
		{"+999999999999d", "duration '999999999999d' is too large at column 1", NULL},
		{"+9999999d", "window '+9999999d' is not in the years 1970 to 9999", ""},
		{"2026-11-23T23:00/2027-11-24T01:00",
		 "window '2026-11-23T23:00/2027-11-24T01:00' is more than 4096 windows", forms},
		{"9999-12-31 10:30-11:30",
		 "window start '10:30' is not in the years 1970 to 9999", forms},
	};
	struct mkt_when when = at(&tokyo, NOW);

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_windows w = {7, 7};
		struct mkt_err err = {0};

		if (mkt_windows_parse(rows[i].text, &when, &w, &err) != -MKT_EINVAL)
			fail_msg("'%s' was taken", rows[i].text);
		assert_string_equal(err.text, rows[i].sentence);
		if (rows[i].hint)
			assert_string_equal(err.hint, rows[i].hint);
		assert_true(w.first_s == 7 && w.count == 7);
		assert_int_equal(mkt_windows_parse(rows[i].text, &when, &w, NULL), -MKT_EINVAL);
	}
}

static void next_is_the_first_that_can_be_bid_for(void **state)
{
	struct mkt_when when = at(&tokyo, W1030 - 301);
	struct mkt_windows w;

	(void)state;
	when.gate_s = 300;
	assert_int_equal(mkt_windows_parse("next", &when, &w, NULL), 0);
	assert_int_equal(w.first_s, W1030);
	when.now_s++; /* the gate itself is excluded */
	assert_int_equal(mkt_windows_parse("next", &when, &w, NULL), 0);
	assert_int_equal(w.first_s, W1030 + 1800);
	when.gate_s = 0;
	when.now_s = W1030;
	assert_int_equal(mkt_windows_parse("next", &when, &w, NULL), 0);
	assert_int_equal(w.first_s, W1030 + 1800);
	/* Named by its time, a window that begins this second is not past: the gate decides. */
	assert_int_equal(mkt_windows_parse("10:30-11:00", &when, &w, NULL), 0);
}

static void the_past_may_be_read(void **state)
{
	struct mkt_when when = at(&tokyo, NOW);
	struct mkt_windows w;

	(void)state;
	when.past_ok = true;
	assert_int_equal(mkt_windows_parse("yesterday 10:30-11:30", &when, &w, NULL), 0);
	assert_int_equal(w.first_s, W1030 - 86400);
	assert_int_equal(mkt_windows_parse("-2h", &when, &w, NULL), 0);
	assert_int_equal(w.first_s, W1030 - 9000); /* 8:07 lies in 8:00-8:30 */
	assert_int_equal(mkt_windows_parse("+0s", &when, &w, NULL), 0);
	assert_int_equal(w.first_s, W1030 - 1800);
}

static void clock_changes_print_both_readings(void **state)
{
	struct mkt_when when = at(&berlin, 1774700000); /* 2026-03-28 */
	struct mkt_windows w;
	struct mkt_err err;

	(void)state;
	assert_int_equal(mkt_windows_parse("2026-03-29 02:30-03:30", &when, &w, &err),
			 -MKT_EINVAL);
	assert_string_equal(err.text,
			    "window start '02:30' is skipped by a clock change on 2026-03-29 in "
			    "Europe/Berlin: it may be 2026-03-29T00:30:00Z or "
			    "2026-03-29T01:30:00Z");
	assert_string_equal(err.hint, "write the one you mean in UTC, with its Z");
	assert_int_equal(mkt_windows_parse("2026-10-25 01:30-02:30", &when, &w, &err),
			 -MKT_EINVAL);
	assert_string_equal(err.text,
			    "window end '02:30' happens twice on 2026-10-25 in Europe/Berlin: "
			    "it may be 2026-10-25T00:30:00Z or 2026-10-25T01:30:00Z");
	/* The zone's letters, or UTC, tell the readings apart. */
	assert_int_equal(mkt_windows_parse("2026-10-25 02:30-03:00 CEST", &when, &w, &err), 0);
	assert_int_equal(w.first_s, 1792888200);
	assert_int_equal(mkt_windows_parse("2026-10-25 02:30-03:00 CET", &when, &w, &err), 0);
	assert_int_equal(w.first_s, 1792891800);
	assert_int_equal(mkt_windows_parse("2026-10-25T00:30Z/01:00Z", &when, &w, &err), 0);
	assert_int_equal(w.first_s, 1792888200);
	assert_int_equal(mkt_windows_parse("2026-10-25 02:30 CEST-02:30 CET", &when, &w, &err), 0);
	assert_int_equal(w.count, 2);
	/* A window that ends with the change keeps its length. */
	assert_int_equal(mkt_windows_parse("2026-03-29 01:30-02:00 CET", &when, &w, &err), 0);
	assert_int_equal(w.count, 1);
	assert_string_equal(mkt_fmt_window(&berlin, w.first_s, 1800).s,
			    "2026-03-29 01:30-02:00 CET");
	assert_int_equal(mkt_windows_parse("2026-03-29 01:30-03:00", &when, &w, &err), 0);
	assert_int_equal(w.count, 1); /* the clock goes from 2:00 to 3:00 */
}

static void days_with_a_clock_change(void **state)
{
	static const struct {
		const struct mkt_zone *zone;
		const char *day;
		uint32_t windows;
	} rows[] = {
		{&berlin, "2026-03-29 00:00-24:00", 46}, {&berlin, "2026-10-25 00:00-24:00", 50},
		{&berlin, "2026-03-29", 46}, {&berlin, "2026-10-25", 50},
		{&berlin, "2026-10-26 00:00-24:00", 48}, {&new_york, "2026-03-08 00:00-24:00", 46},
		{&new_york, "2026-11-01 00:00-24:00", 50}, {&tokyo, "2026-03-29 00:00-24:00", 48},
		{&tokyo, "2026-11-01 00:00-24:00", 48},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_when when = at(rows[i].zone, 1767225600);
		struct mkt_windows w;

		for (when.window_s = 900; when.window_s <= 3600; when.window_s *= 2) {
			assert_int_equal(mkt_windows_parse(rows[i].day, &when, &w, NULL), 0);
			assert_int_equal(w.count * when.window_s, rows[i].windows * 1800);
		}
	}
}

/* Nepal is 5:45 ahead: borders of hours fall on a quarter there, and the hints know. */
static void odd_offsets_have_their_own_borders(void **state)
{
	struct mkt_when when = at(&kathmandu, NOW);
	struct mkt_windows w;
	struct mkt_err err;

	(void)state;
	when.window_s = 3600;
	assert_int_equal(mkt_windows_parse("10:45-11:45", &when, &w, &err), 0);
	assert_int_equal(mkt_windows_parse("10:00-12:00", &when, &w, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "window start '10:00' is not on a market border");
	assert_string_equal(err.hint, "use 09:45-12:45 or 10:45-12:45");
}

/* Every window of 4000 days in the zones, printed and read again, is the same one. */
static void what_is_printed_reads_back(void **state)
{
	const struct mkt_zone *zones[] = {&tokyo, &berlin, &new_york, &kathmandu};
	struct rng r = rng_start("window");

	(void)state;
	for (int i = 0; i < 40000; i++) {
		struct mkt_when when = at(zones[rng_below(&r, 4)], NOW);
		uint32_t len = 900u << rng_below(&r, 3);
		uint64_t start = 1767225600 + rng_below(&r, 4000 * 24) * 3600 +
				 rng_below(&r, 3600 / len) * len;
		uint32_t count = 1 + (uint32_t)(rng_below(&r, 4) ? 0 : rng_below(&r, 100));
		struct mkt_text text[3];
		struct mkt_windows w;
		struct mkt_err err;

		/* Around a change more often than chance would have it. */
		if (i % 4 == 0) {
			uint64_t t = (uint64_t)berlin.times[berlin.ntimes - 1 - rng_below(&r, 20)];

			when.zone = &berlin;
			start = t - 7200 + rng_below(&r, 4 * 3600 / len) * len;
		}
		when.window_s = len;
		when.past_ok = true;
		text[0] = mkt_fmt_window(when.zone, start, (uint64_t)len * count);
		text[1] = mkt_fmt_window_utc(start, (uint64_t)len * count);
		when.now_s = start; /* the short form is read on its day */
		text[2] = mkt_fmt_window_short(when.zone, start, (uint64_t)len * count);
		for (int k = 0; k < 3; k++) {
			if (mkt_windows_parse(text[k].s, &when, &w, &err) < 0)
				fail_msg("'%s': %s", text[k].s, err.text);
			if (w.first_s != start || w.count != count)
				fail_msg("'%s' is %llu, %u", text[k].s,
					 (unsigned long long)w.first_s, w.count);
		}
	}
}

static void instants_people_write(void **state)
{
	static const struct {
		const char *text;
		uint64_t time_s;
	} rows[] = {
		{"now", NOW},
		{"today", 1795359600},
		{"tomorrow", 1795446000},
		{"yesterday", 1795273200},
		{"today 10:30", W1030},
		{"-2h", NOW - 7200},
		{"+30m", NOW + 1800},
		{"-0s", NOW},
		{"10:30", W1030},
		{"10:30:05", W1030 + 5},
		{"10:30:05 JST", W1030 + 5},
		{"24:00", 1795446000},
		{"2026-11-23", 1795359600},
		{"2026-11-23 10:30", W1030},
		{"2026-11-23T10:30", W1030},
		{"2026-11-23T01:30:00Z", W1030},
		{"2026-11-23T01:30:00.000Z", W1030},
		{"2026-11-23T10:30:00+09:00", W1030},
		{"2026-11-22T20:30:00-05:00", W1030},
		{"2026-11-23 01:30 UTC", W1030},
		{"@1795397400", W1030},
		{"1970-01-01T00:00:00Z", 0},
	};
	struct mkt_when when = at(&tokyo, NOW);

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_err err = {0};
		uint64_t t = 0;

		if (mkt_instant_parse(rows[i].text, &when, &t, &err) < 0)
			fail_msg("'%s': %s", rows[i].text, err.text);
		if (t != rows[i].time_s)
			fail_msg("'%s' is %llu", rows[i].text, (unsigned long long)t);
	}
}

static void instants_that_are_refused(void **state)
{
	static const struct {
		const char *text;
		const char *sentence;
	} rows[] = {
		{"", "time '' is not understood at column 1"},
		{"1795397400", "time '1795397400' is not understood at column 3"},
		{"noon", "time 'noon' is not understood at column 1"},
		{"2026-11-23T", "time '2026-11-23T' is not understood at column 12"},
		{"2026-11-23t10:30", "time '2026-11-23t10:30' is not understood at column 11"},
		{"2026-11-23T01:30:60Z", "time '2026-11-23T01:30:60Z' is not understood at column 18"},
		{"2026-11-23T01:30:00.5Z", "time '2026-11-23T01:30:00.5Z' is finer than 1s at column 21"},
		{"2026-11-23T01:30:00.Z", "time '2026-11-23T01:30:00.Z' is not understood at column 21"},
		{"2026-11-23T01:30Zx", "time '2026-11-23T01:30Zx' is not understood at column 18"},
		{"2026-11-23T01:30+9:00", "time '2026-11-23T01:30+9:00' is not understood at column 19"},
		{"1969-12-31", "time '1969-12-31' is not understood at column 1"},
		{"1970-01-01", "time '1970-01-01' is not in the years 1970 to 9999"},
		{"9999-12-31", "time '9999-12-31' is not in the years 1970 to 9999"},
		{"-99999999h", "time '-99999999h' is not in the years 1970 to 9999"},
		{"@99999999999999", "time '@99999999999999': number '99999999999999' is not in "
				    "0..253402041599"},
		{"24:00:01", "time '24:00:01' is not understood at column 7"},
	};
	struct mkt_when when = at(&tokyo, NOW);

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_err err = {0};
		uint64_t t = 7;

		if (mkt_instant_parse(rows[i].text, &when, &t, &err) != -MKT_EINVAL)
			fail_msg("'%s' was taken: %llu", rows[i].text, (unsigned long long)t);
		assert_string_equal(err.text, rows[i].sentence);
		assert_int_equal(t, 7);
	}
	when.now_s = UINT64_MAX;
	assert_int_equal(mkt_instant_parse("now", &when, &(uint64_t){0}, NULL), -MKT_EINVAL);
	assert_int_equal(mkt_windows_parse("next", &when, &(struct mkt_windows){0}, NULL),
			 -MKT_EINVAL);
}

static void instants_read_back(void **state)
{
	const struct mkt_zone *zones[] = {&tokyo, &berlin, &new_york, &kathmandu};
	struct rng r = rng_start("instant");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t t = rng_below(&r, i % 2 ? 4102444800 : 253402000000), back;
		struct mkt_when when = at(zones[rng_below(&r, 4)], NOW);
		struct mkt_err err;

		if (t < 2 * MKT_DAY_S)
			continue;
		assert_int_equal(mkt_instant_parse(mkt_fmt_utc(t).s, &when, &back, NULL), 0);
		assert_true(back == t);
		assert_int_equal(mkt_instant_parse(mkt_fmt_utc_ms(t * 1000).s, &when, &back, NULL),
				 0);
		assert_true(back == t);
		if (mkt_instant_parse(mkt_fmt_local(when.zone, t).s, &when, &back, &err) < 0)
			fail_msg("%s", err.text);
		assert_true(back == t);
	}
}

static void times_in_print(void **state)
{
	(void)state;
	at(&tokyo, NOW);
	assert_string_equal(mkt_fmt_utc(W1030).s, "2026-11-23T01:30:00Z");
	assert_string_equal(mkt_fmt_utc_ms(W1030 * 1000ull + 250).s, "2026-11-23T01:30:00.250Z");
	assert_string_equal(mkt_fmt_local(&tokyo, W1030).s, "2026-11-23 10:30:00 JST");
	assert_string_equal(mkt_fmt_clock(&tokyo, W1030).s, "10:30 JST");
	assert_string_equal(mkt_fmt_date(&tokyo, W1030).s, "2026-11-23");
	assert_string_equal(mkt_fmt_window(&tokyo, W1030, 1800).s, "2026-11-23 10:30-11:00 JST");
	assert_string_equal(mkt_fmt_window_short(&tokyo, W1030, 1800).s, "10:30-11:00 JST");
	assert_string_equal(mkt_fmt_window_short(&tokyo, W1030 + 13 * 3600, 1800).s,
			    "23:30-24:00 JST");
	assert_string_equal(mkt_fmt_window_short(&tokyo, W1030 + 13 * 3600, 3600).s,
			    "2026-11-23 23:30-2026-11-24 00:30 JST");
	assert_string_equal(mkt_fmt_window(&berlin, 1792886400, 7200).s,
			    "2026-10-25 02:00 CEST-03:00 CET");
	assert_string_equal(mkt_fmt_window_utc(W1030, 1800).s,
			    "2026-11-23T01:30:00Z/2026-11-23T02:00:00Z");
	assert_string_equal(mkt_fmt_utc(UINT64_MAX).s, "@18446744073709551615");
	assert_string_equal(mkt_fmt_local(&tokyo, UINT64_MAX).s, "@18446744073709551615");
	assert_string_equal(mkt_fmt_clock(&tokyo, UINT64_MAX).s, "@18446744073709551615");
	assert_string_equal(mkt_fmt_date(&tokyo, UINT64_MAX).s, "@18446744073709551615");
	assert_string_equal(mkt_fmt_window(&tokyo, UINT64_MAX, 1800).s,
			    "@18446744073709551615+1800");
	assert_string_equal(mkt_fmt_utc(0).s, "1970-01-01T00:00:00Z");
	assert_string_equal(mkt_fmt_local(&new_york, 0).s, "1969-12-31 19:00:00 EST");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_people_write),
		cmocka_unit_test(windows_that_are_refused),
		cmocka_unit_test(next_is_the_first_that_can_be_bid_for),
		cmocka_unit_test(the_past_may_be_read),
		cmocka_unit_test(clock_changes_print_both_readings),
		cmocka_unit_test(days_with_a_clock_change),
		cmocka_unit_test(odd_offsets_have_their_own_borders),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(instants_people_write),
		cmocka_unit_test(instants_that_are_refused),
		cmocka_unit_test(instants_read_back),
		cmocka_unit_test(times_in_print),
	};

	return cmocka_run_group_tests(tests, load_zones, NULL);
}

/*
 * The parsers of windows and instants on any text.  The first byte chooses zone,
 * window length and whether the past may be named.  Needs no tz database: the
 * zones are built in, one with two clock changes a year.
 */
#include "core/base/compat.h"

#include "core/base/limits.h"
#include "core/units/civil.h"
#include "core/units/fmt.h"
#include "core/units/window.h"
#include "tests/fuzz/fuzz.h"

static void make_zone(struct mkt_zone *z, unsigned which)
{
	mkt_zone_utc(z);
	if (which == 1)
		FUZZ_CHECK(mkt_zone_load(z, "+05:45", NULL, NULL) == 0);
	if (which < 2)
		return;
	/* CET-1CEST,M3.5.0,M10.5.0/3 */
	snprintf(z->name, sizeof(z->name), "Test/Berlin");
	z->std = (struct mkt_zone_type){3600, false, "CET"};
	z->dst = (struct mkt_zone_type){7200, true, "CEST"};
	z->rule_dst = true;
	z->dst_begin = (struct mkt_zone_date){'M', 0, 3, 5, 7200};
	z->dst_end = (struct mkt_zone_date){'M', 0, 10, 5, 10800};
}

static void check_windows(const char *text, const struct mkt_when *when, struct mkt_err *err)
{
	struct mkt_windows w, back;
	struct mkt_when then = *when;
	uint64_t length;

	if (mkt_windows_parse(text, when, &w, err) < 0) {
		FUZZ_CHECK(err->code == MKT_EINVAL && err->text[0]);
		return;
	}
	FUZZ_CHECK(w.first_s % when->window_s == 0);
	FUZZ_CHECK(w.count >= 1 && w.count <= MKT_WINDOWS_MAX);
	FUZZ_CHECK(when->past_ok || w.first_s >= when->now_s);
	length = (uint64_t)w.count * when->window_s;
	if (w.first_s < 2 * MKT_DAY_S || w.first_s + length > MKT_TIME_MAX_S - 5 * MKT_DAY_S)
		return;
	then.past_ok = true;
	FUZZ_CHECK(mkt_windows_parse(mkt_fmt_window(when->zone, w.first_s, length).s, &then, &back,
				     err) == 0);
	FUZZ_CHECK(back.first_s == w.first_s && back.count == w.count);
	FUZZ_CHECK(mkt_windows_parse(mkt_fmt_window_utc(w.first_s, length).s, &then, &back, err) ==
		   0);
	FUZZ_CHECK(back.first_s == w.first_s && back.count == w.count);
}

static void check_instant(const char *text, const struct mkt_when *when, struct mkt_err *err)
{
	uint64_t t, back;

	if (mkt_instant_parse(text, when, &t, err) < 0) {
		FUZZ_CHECK(err->code == MKT_EINVAL && err->text[0]);
		return;
	}
	FUZZ_CHECK(t <= MKT_TIME_MAX_S);
	FUZZ_CHECK(mkt_instant_parse(mkt_fmt_utc(t).s, when, &back, err) == 0 && back == t);
	if (t < 2 * MKT_DAY_S)
		return;
	FUZZ_CHECK(mkt_instant_parse(mkt_fmt_local(when->zone, t).s, when, &back, err) == 0 &&
		   back == t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mkt_zone zones[3];
	struct mkt_when when;
	struct mkt_err err;
	char *text;

	if (!size)
		return 0;
	if (!zones[0].name[0])
		for (unsigned i = 0; i < 3; i++)
			make_zone(&zones[i], i);
	when = (struct mkt_when){
		.now_s = data[0] & 0x80 ? 1774746000 : 1795396020,
		.zone = &zones[data[0] % 3],
		.window_s = 900u << data[0] / 3 % 3,
		.gate_s = data[0] & 0x20 ? 300 : 0,
		.past_ok = data[0] & 0x40,
	};
	text = malloc(size);
	FUZZ_CHECK(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	check_windows(text, &when, &err);
	check_instant(text, &when, &err);
	free(text);
	return 0;
}

/*
 * The reader of time zone files on any bytes.  A zone that it takes has sane
 * offsets at every instant, and local times and instants agree both ways.
 */
#include "core/base/compat.h"

#include "core/units/civil.h"
#include "core/units/zone.h"
#include "tests/fuzz/fuzz.h"

static void check_local(const struct mkt_zone *z, int64_t local_s)
{
	int64_t utc[2];
	int n = mkt_zone_to_utc(z, local_s, utc);

	FUZZ_CHECK(n >= 0 && n <= 2);
	FUZZ_CHECK(utc[0] <= utc[1]);
	if (n == 0)
		FUZZ_CHECK(utc[0] < utc[1]);
	else
		FUZZ_CHECK(mkt_zone_local(z, utc[0]) == local_s &&
			   mkt_zone_local(z, utc[1]) == local_s);
	FUZZ_CHECK((n == 2) == (n && utc[0] != utc[1]));
}

static void check_instant(const struct mkt_zone *z, int64_t utc_s)
{
	const struct mkt_zone_type *t = mkt_zone_at(z, utc_s);

	FUZZ_CHECK(t->offset_s > -25 * 3600 && t->offset_s < 26 * 3600);
	FUZZ_CHECK(strlen(t->abbr) <= MKT_ZONE_ABBR_MAX);
	if (utc_s < -MKT_TIME_MAX_S || utc_s > MKT_TIME_MAX_S)
		return;
	check_local(z, utc_s);
	check_local(z, mkt_zone_local(z, utc_s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t some[] = {INT64_MIN, -MKT_TIME_MAX_S, 0, 1795397400, 1792886400,
				       4102444800, MKT_TIME_MAX_S, INT64_MAX};
	static struct mkt_zone z;
	struct mkt_err err;

	if (mkt_zone_parse(&z, "fuzz", data, size, &err) < 0) {
		FUZZ_CHECK(err.text[0]);
		return 0;
	}
	for (size_t i = 0; i < MKT_ARRAY_SIZE(some); i++)
		check_instant(&z, some[i]);
	for (uint32_t i = 0; i < z.ntimes; i++) {
		check_instant(&z, z.times[i]);
		if (z.times[i] > INT64_MIN)
			check_instant(&z, z.times[i] - 1);
	}
	mkt_zone_day_start(&z, 20000);
	return 0;
}

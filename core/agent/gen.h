/*
 * A made-up community for when no measured profiles are at hand: the 21
 * participants of the paper's Table 6, their loads, roofs and cars, and a
 * day-ahead price.  A source (core/agent/profile.h) without end.
 *
 * Everything follows from the seed, in integers.  Means and spreads are fitted
 * to a measured community of the same make-up: ten homes in flats, ten detached
 * houses, an office, nine cars at home, twelve chargers at work.  Only these
 * figures are here, no measured series (core/agent/gen_fit.c).
 */
#ifndef MKT_AGENT_GEN_H
#define MKT_AGENT_GEN_H

#include "core/agent/profile.h"
#include "core/units/zone.h"

#define MKT_GEN_LATITUDE_MAX 6600 /* hundredths of a degree: the sun rises every day */

struct mkt_gen_conf {
	uint64_t seed;
	uint64_t first_s;             /* first window */
	int32_t latitude_cdeg;        /* north positive, within +-MKT_GEN_LATITUDE_MAX */
	const struct mkt_zone *zone;  /* by which people live; borrowed for the source's life */
};

/* -MKT_EINVAL (border of windows, latitude), -MKT_ENOMEM.  Free with mkt_profile_free(). */
int mkt_gen_new(const struct mkt_gen_conf *conf, struct mkt_profile **out, struct mkt_err *err)
	MKT_MUST_CHECK;

#endif

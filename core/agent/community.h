/*
 * A community of any size out of a small one: participant i lives as participant
 * i mod n of the measured ones does, some weeks earlier or later.
 *
 * The first n are those of the source as they are.  Copy c of each has the
 * source's load, roof and cars of up to MKT_COMMUNITY_WEEKS weeks before or
 * after (each site its own), so weekdays and seasons stay what they were; from the
 * second dozen of copies on its load is scaled as well, by 700 to 1300
 * thousandths from the seed.  Prices are those of the day.  Its charging sessions
 * move with it; what would lie before the first or behind the last window comes
 * from the other end of the source.
 *
 * All of the source is read at the start: 8 bytes a site and window, 32 a session.
 */
#ifndef MKT_AGENT_COMMUNITY_H
#define MKT_AGENT_COMMUNITY_H

#include "core/agent/profile.h"

#define MKT_COMMUNITY_MAX 50000
#define MKT_COMMUNITY_WEEKS 4

struct mkt_community_conf {
	uint32_t sites;   /* 1..MKT_COMMUNITY_MAX */
	uint64_t windows; /* read of a source without end */
	uint64_t seed;
};

/*
 * @base is freed with the community, or at once on failure.  -MKT_EINVAL: the source is shorter
 * than the weeks that it is moved by, or has no participant; -MKT_ENOMEM; what @base says.
 */
int mkt_community_new(struct mkt_profile *base, const struct mkt_community_conf *conf,
		      struct mkt_profile **out, struct mkt_err *err) MKT_MUST_CHECK;

#endif

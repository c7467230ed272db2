/*
 * Market windows and instants as people write them.
 *
 * A window is named by its start, Unix seconds UTC, a multiple of the chain's
 * window length (900, 1800 or 3600 s).  A range of windows has an exclusive end.
 *
 *	10:30-11:30                            today, in the zone of the context
 *	tomorrow 10:30-11:30                   also today, yesterday
 *	2026-11-23 10:30-11:30                 a day alone is all of it
 *	2026-11-23T10:30/11:30                 also 2026-11-23T23:00/2026-11-24T01:00
 *	2026-11-23T01:30Z/02:30Z               in UTC; also with an offset, 10:30+09:00
 *	next, next 4                           the first, or four from the first, that
 *	                                       can still be bid for
 *	+2h                                    the window in which now + 2 h lies
 *
 * An end may be 24:00.  Start and end must be on borders of windows; a start
 * before now is an error unless the context allows it, and never moved.  A time
 * may carry the abbreviation that its zone has then (10:30-11:00 JST, as
 * core/units/fmt prints); that also tells apart the two readings of a time that
 * clocks show twice.  Without it, a time that a clock change skips or doubles is
 * an error that prints both UTC readings.
 *
 * Instants: now, today, tomorrow, yesterday (the day's first moment), -2h, +30m,
 * 2026-11-23, 10:30, 10:30:00 JST, 2026-11-23 10:30, RFC 3339.
 *
 * No clock is read: now is in the context.  All errors are -MKT_EINVAL (exit
 * status 2); outputs are written on success only.  No allocation.
 */
#ifndef MKT_UNITS_WINDOW_H
#define MKT_UNITS_WINDOW_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/units/zone.h"

struct mkt_when {
	uint64_t now_s;
	const struct mkt_zone *zone; /* borrowed */
	uint32_t window_s;           /* window length; divides 3600 */
	uint32_t gate_s;             /* bids close this long before the start: for "next" */
	bool past_ok;                /* for reading, not for bidding */
};

struct mkt_windows {
	uint64_t first_s; /* start of the first */
	uint32_t count;   /* 1 .. MKT_WINDOWS_MAX, consecutive */
};

MKT_MUST_CHECK int mkt_windows_parse(const char *text, const struct mkt_when *when,
				     struct mkt_windows *out, struct mkt_err *err);

MKT_MUST_CHECK int mkt_instant_parse(const char *text, const struct mkt_when *when,
				     uint64_t *time_s, struct mkt_err *err);

#endif

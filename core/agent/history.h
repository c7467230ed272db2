/*
 * What a site's meter measured, window by window: a text file that the meter's reader appends to.
 *
 *	# start (Unix seconds), Wh drawn by the house, Wh of the roof
 *	1795392000,412,0
 *	1795393800,388,120
 *
 * Ascending; windows that are missing count as the one before.  The roof may be left out.
 */
#ifndef MKT_AGENT_HISTORY_H
#define MKT_AGENT_HISTORY_H

#include "core/agent/forecast.h"
#include "core/base/err.h"

#define MKT_HISTORY_BYTES_MAX (4u << 20) /* ten years of half hours */

struct mkt_history {
	uint32_t last; /* window of the last observation, by number */
	uint32_t n;    /* at most MKT_FORECAST_KEEP: the newest */
	uint32_t load_wh[MKT_FORECAST_KEEP], pv_wh[MKT_FORECAST_KEEP]; /* oldest first */
};

/* -MKT_EINVAL names the line.  @h is written on success only. */
int mkt_history_parse(const char *p, size_t n, uint32_t window_s, struct mkt_history *h,
		      struct mkt_err *err) MKT_MUST_CHECK;

/* Forecast of @window, later than the last one seen; its error so far. */
struct mkt_history_guess {
	uint32_t load_wh, load_off_wh, pv_wh, pv_off_wh;
	enum mkt_forecast_way load_way, pv_way;
};
void mkt_history_guess(const struct mkt_history *h, uint32_t window, struct mkt_history_guess *out);

#endif

/*
 * Forecasts of one meter's next windows from its last four weeks.
 *
 * Three simple ways, and a running record of how far each was off; the one that
 * was least off of late is believed.  Gaps are the caller's: one observation for
 * each window, in order.  Plain value, about 5 kB; no allocation.
 *
 * Energy in Wh a window.  Windows are half hours: a day has 48.  On days with a
 * clock change "yesterday" is 24 hours ago.
 */
#ifndef MKT_AGENT_FORECAST_H
#define MKT_AGENT_FORECAST_H

#include "core/base/compat.h"

#define MKT_FORECAST_DAY 48
#define MKT_FORECAST_WEEK (7 * MKT_FORECAST_DAY)
#define MKT_FORECAST_KEEP (4 * MKT_FORECAST_WEEK)

enum mkt_forecast_way {
	MKT_FORECAST_LAST,      /* as the last one seen */
	MKT_FORECAST_YESTERDAY, /* as at this time yesterday */
	MKT_FORECAST_WEEKDAY,   /* as this weekday at this time, mean of up to four weeks */
	MKT_FORECAST_WAYS
};

struct mkt_forecast {
	uint64_t n;           /* observations so far */
	uint32_t ahead;       /* windows between the last observation and what is asked for */
	uint32_t error_x16[MKT_FORECAST_WAYS]; /* mean Wh off, lately, in sixteenths */
	uint32_t seen[MKT_FORECAST_KEEP]; /* ring: observation i stands at i % KEEP */
};

/*
 * @ahead >= 1 is what the record of errors is kept for; 1: the window after the last
 * observation.
 */
void mkt_forecast_init(struct mkt_forecast *f, uint32_t ahead);

/* The next window's energy; the error record is brought up to date first. */
void mkt_forecast_observe(struct mkt_forecast *f, uint32_t wh);

/*
 * One way's forecast, f->ahead windows on.  A way that lacks history gives what LAST does;
 * 0 before all.
 */
uint32_t mkt_forecast_by(const struct mkt_forecast *f, enum mkt_forecast_way way);

/* The way that was least off lately; at equal error the simpler one. */
enum mkt_forecast_way mkt_forecast_best_way(const struct mkt_forecast *f);

/* Its forecast; *@error_wh (may be NULL) is how far it was off lately, on average. */
uint32_t mkt_forecast(const struct mkt_forecast *f, uint32_t *error_wh);

/*
 * How far @way was off at observation @i, counted from 0: what was seen less what had been
 * said.  False if it, or what the forecast was made of, is not kept any more.
 */
bool mkt_forecast_off(const struct mkt_forecast *f, enum mkt_forecast_way way, int64_t i,
		      int32_t *off_wh);

#endif

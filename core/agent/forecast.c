#include "core/base/compat.h"

#include "core/agent/forecast.h"

#define ERROR_MEMORY 96 /* windows over which errors fade: two days */

void mkt_forecast_init(struct mkt_forecast *f, uint32_t ahead)
{
	memset(f, 0, sizeof(*f));
	f->ahead = ahead;
}

/* Observation @i, counted from 0; kept for MKT_FORECAST_KEEP more. */
static uint32_t seen(const struct mkt_forecast *f, uint64_t i)
{
	return f->seen[i % MKT_FORECAST_KEEP];
}

/* Is observation @i there when @n have been made? */
static bool kept(uint64_t n, int64_t i)
{
	return i >= 0 && (uint64_t)i < n && (uint64_t)i + MKT_FORECAST_KEEP >= n;
}

/* The mean of the same time of the week, or false without any. */
static bool weekday_mean(const struct mkt_forecast *f, uint64_t n, uint64_t target, uint32_t *out)
{
	uint64_t sum = 0, count = 0;

	for (int64_t i = (int64_t)target - MKT_FORECAST_WEEK; kept(n, i); i -= MKT_FORECAST_WEEK) {
		sum += seen(f, (uint64_t)i);
		count++;
	}
	if (!count)
		return false;
	*out = (uint32_t)((sum + count / 2) / count);
	return true;
}

/* What @way said of the window that follows @n observations by f->ahead. */
static uint32_t said(const struct mkt_forecast *f, uint64_t n, enum mkt_forecast_way way)
{
	uint64_t target = n + f->ahead - 1;
	int64_t day = (int64_t)target - MKT_FORECAST_DAY;
	uint32_t wh;

	if (!n)
		return 0;
	if (way == MKT_FORECAST_YESTERDAY && kept(n, day))
		return seen(f, (uint64_t)day);
	if (way == MKT_FORECAST_WEEKDAY && weekday_mean(f, n, target, &wh))
		return wh;
	return seen(f, n - 1);
}

/* A mean of what is kept today: by now the oldest weeks of then are gone. */
bool mkt_forecast_off(const struct mkt_forecast *f, enum mkt_forecast_way way, int64_t i,
		      int32_t *off_wh)
{
	int64_t from = way == MKT_FORECAST_YESTERDAY ? i - MKT_FORECAST_DAY : i - f->ahead;
	uint32_t wh;

	if (!kept(f->n, i))
		return false;
	if (way == MKT_FORECAST_WEEKDAY) {
		if (!weekday_mean(f, f->n, (uint64_t)i, &wh))
			return false;
	} else if (kept(f->n, from)) {
		wh = seen(f, (uint64_t)from);
	} else {
		return false;
	}
	*off_wh = (int32_t)((int64_t)seen(f, (uint64_t)i) - wh);
	return true;
}

static void note_error(uint32_t *error_x16, uint32_t forecast, uint32_t wh)
{
	int64_t off = forecast > wh ? (int64_t)forecast - wh : (int64_t)wh - forecast;

	*error_x16 =
		(uint32_t)(((int64_t)*error_x16 * (ERROR_MEMORY - 1) + off * 16) / ERROR_MEMORY);
}

void mkt_forecast_observe(struct mkt_forecast *f, uint32_t wh)
{
	if (f->n >= f->ahead)
		for (unsigned way = 0; way < MKT_FORECAST_WAYS; way++)
			note_error(&f->error_x16[way], said(f, f->n - f->ahead + 1, way), wh);
	f->seen[f->n % MKT_FORECAST_KEEP] = wh;
	f->n++;
}

uint32_t mkt_forecast_by(const struct mkt_forecast *f, enum mkt_forecast_way way)
{
	return said(f, f->n, way);
}

enum mkt_forecast_way mkt_forecast_best_way(const struct mkt_forecast *f)
{
	enum mkt_forecast_way best = MKT_FORECAST_LAST;

	for (unsigned way = 1; way < MKT_FORECAST_WAYS; way++)
		if (f->error_x16[way] < f->error_x16[best])
			best = way;
	return best;
}

uint32_t mkt_forecast(const struct mkt_forecast *f, uint32_t *error_wh)
{
	enum mkt_forecast_way way = mkt_forecast_best_way(f);

	if (error_wh)
		*error_wh = f->error_x16[way] / 16;
	return mkt_forecast_by(f, way);
}

#include "core/base/compat.h"

#include "core/agent/history.h"

#define AHEAD_MAX MKT_FORECAST_WEEK

/* Digits at *at, at most @max; false if there are none or too many. */
static bool number(const char **at, const char *end, uint64_t max, uint64_t *out)
{
	const char *s = *at;
	uint64_t v = 0;

	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return false;
	}
	if (s == *at)
		return false;
	*at = s;
	*out = v;
	return true;
}

static bool comma(const char **at, const char *end)
{
	if (*at == end || **at != ',')
		return false;
	++*at;
	return true;
}

static void push(struct mkt_history *h, uint32_t load, uint32_t pv)
{
	if (h->n == MKT_FORECAST_KEEP) {
		memmove(h->load_wh, h->load_wh + 1, (h->n - 1) * sizeof(h->load_wh[0]));
		memmove(h->pv_wh, h->pv_wh + 1, (h->n - 1) * sizeof(h->pv_wh[0]));
		h->n--;
	}
	h->load_wh[h->n] = load;
	h->pv_wh[h->n++] = pv;
}

/* One line; false if it is not well formed or not after the one before. */
static bool take_line(struct mkt_history *h, const char *s, const char *end, uint32_t window_s)
{
	uint64_t start, load, pv = 0;
	uint32_t w;

	if (s == end || *s == '#')
		return true;
	if (!number(&s, end, (uint64_t)UINT32_MAX * window_s, &start) || start % window_s ||
	    !comma(&s, end) || !number(&s, end, UINT32_MAX, &load))
		return false;
	if (s != end && (!comma(&s, end) || !number(&s, end, UINT32_MAX, &pv)))
		return false;
	w = (uint32_t)(start / window_s);
	if (s != end || (h->n && w <= h->last))
		return false;
	/* A gap longer than all that is kept begins anew. */
	if (h->n && w - h->last > MKT_FORECAST_KEEP)
		h->n = 0;
	for (uint32_t k = h->last + 1; h->n && k < w; k++)
		push(h, h->load_wh[h->n - 1], h->pv_wh[h->n - 1]);
	push(h, (uint32_t)load, (uint32_t)pv);
	h->last = w;
	return true;
}

int mkt_history_parse(const char *p, size_t n, uint32_t window_s, struct mkt_history *h,
		      struct mkt_err *err)
{
	struct mkt_history *v = calloc(1, sizeof(*v));
	const char *end = p + n;
	unsigned long line = 1;
	int r = v ? 0 : mkt_err_code(err, MKT_ENOMEM);

	for (; !r && p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;

		if (!take_line(v, p, stop, window_s))
			r = mkt_err_set(err, MKT_EINVAL,
					"line %lu of the history is not 'START,WH[,WH]', a window "
					"after the one before", line);
		p = nl ? nl + 1 : end;
	}
	if (!r)
		*h = *v;
	free(v);
	return r;
}

static uint32_t guess(const uint32_t *seen, uint32_t n, uint32_t ahead, uint32_t *off,
		      enum mkt_forecast_way *way)
{
	struct mkt_forecast f;

	mkt_forecast_init(&f, ahead);
	for (uint32_t i = 0; i < n; i++)
		mkt_forecast_observe(&f, seen[i]);
	*way = mkt_forecast_best_way(&f);
	return mkt_forecast(&f, off);
}

void mkt_history_guess(const struct mkt_history *h, uint32_t window, struct mkt_history_guess *out)
{
	uint32_t ahead = window > h->last ? window - h->last : 1;

	/* What is further away than a week is as on that weekday. */
	ahead = (ahead - 1) % AHEAD_MAX + 1;
	out->load_wh = guess(h->load_wh, h->n, ahead, &out->load_off_wh, &out->load_way);
	out->pv_wh = guess(h->pv_wh, h->n, ahead, &out->pv_off_wh, &out->pv_way);
}

#include "core/base/compat.h"

#include <stdlib.h>

#include "cmd/months.h"

int mkt_block_time(struct mkt_session *s, uint64_t height, uint64_t *time_s)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_jiter it = {0};
	struct mkt_jval row;
	uint64_t ms;
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/v1/blocks?from=%llu&limit=1", (unsigned long long)height);
	rc = mkt_api_get(s->client, path, &a, &s->app->err);
	if (!rc && !mkt_jval_next(&a.data, &it, &row))
		rc = mkt_err_set(&s->app->err, MKT_EUNAVAILABLE, "there is no block %llu",
				 (unsigned long long)height);
	if (!rc)
		rc = mkt_jget_time(&row, "time", &ms, &s->app->err);
	if (!rc)
		*time_s = ms / 1000;
	mkt_answer_release(&a);
	return rc;
}

int mkt_block_since(struct mkt_session *s, uint64_t time_s, uint64_t *height)
{
	uint64_t low = 0, high = s->facts.height + 1;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2, at_s = 0;
		int rc = mkt_block_time(s, mid, &at_s);

		if (rc)
			return rc;
		if (at_s < time_s)
			low = mid + 1;
		else
			high = mid;
	}
	*height = low;
	return 0;
}

void mkt_spans_release(struct mkt_spans *sp)
{
	free(sp->v);
	*sp = (struct mkt_spans){0};
}

int mkt_spans_month(struct mkt_session *s, const struct mkt_month *month, struct mkt_span *out)
{
	int rc = mkt_block_since(s, month->from_s, &out->from);

	if (!rc)
		rc = mkt_block_since(s, month->to_s, &out->to);
	out->month = *month;
	return rc;
}

int mkt_spans_find(struct mkt_session *s, struct mkt_spans *sp, uint64_t height,
		   struct mkt_span *out)
{
	struct mkt_month month;
	struct mkt_span *v;
	uint64_t time_s;
	int rc;

	for (size_t i = 0; i < sp->n; i++)
		if (height >= sp->v[i].from && height < sp->v[i].to) {
			*out = sp->v[i];
			return 0;
		}
	rc = mkt_block_time(s, height, &time_s);
	if (rc)
		return rc;
	mkt_month_at(&s->zone, time_s, &month);
	rc = mkt_spans_month(s, &month, out);
	if (rc)
		return rc;
	v = reallocarray(sp->v, sp->n + 1, sizeof(*v));
	if (!v)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	sp->v = v;
	sp->v[sp->n++] = *out;
	return 0;
}

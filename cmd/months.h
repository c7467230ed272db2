/*
 * Blocks by time: at which height a month begins and ends.
 */
#ifndef MKT_CMD_MONTHS_H
#define MKT_CMD_MONTHS_H

#include "cmd/session.h"
#include "core/units/month.h"

/* Time of a block, s, rounded down. */
int mkt_block_time(struct mkt_session *s, uint64_t height, uint64_t *time_s) MKT_MUST_CHECK;

/*
 * The first block at or after @time_s; the one after the session's last (facts.height) if there is
 * none.  Some twenty reads.
 */
int mkt_block_since(struct mkt_session *s, uint64_t time_s, uint64_t *height) MKT_MUST_CHECK;

/* Blocks [from, to) are of @month. */
struct mkt_span {
	uint64_t from, to;
	struct mkt_month month;
};

/* Spans that are known already; zeroed at first. */
struct mkt_spans {
	struct mkt_span *v;
	size_t n;
};
void mkt_spans_release(struct mkt_spans *sp);

/* The month of a block, and its borders. */
int mkt_spans_find(struct mkt_session *s, struct mkt_spans *sp, uint64_t height,
		   struct mkt_span *out) MKT_MUST_CHECK;
/* The blocks of a month. */
int mkt_spans_month(struct mkt_session *s, const struct mkt_month *month,
		    struct mkt_span *out) MKT_MUST_CHECK;

#endif

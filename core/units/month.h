/*
 * Months of the calendar, as a zone's clocks show them.
 */
#ifndef MKT_UNITS_MONTH_H
#define MKT_UNITS_MONTH_H

#include "core/base/err.h"
#include "core/units/zone.h"

struct mkt_month {
	int32_t year;
	uint8_t month;		/* 1..12 */
	uint64_t from_s, to_s;	/* its first second, and that of the next month; UTC */
	char text[16];		/* "2026-11" */
};

/* The month in which an instant lies; instants after 9999 lie in its last month. */
void mkt_month_at(const struct mkt_zone *z, uint64_t time_s, struct mkt_month *out);

/* "2026-11", "this" or "last" (seen from @now_s).  -MKT_EINVAL with a sentence. */
MKT_MUST_CHECK int mkt_month_parse(const struct mkt_zone *z, uint64_t now_s, const char *text,
				   struct mkt_month *out, struct mkt_err *err);

#endif

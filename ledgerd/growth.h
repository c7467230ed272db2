/*
 * Growth of a chain on the disk, measured over days, and the days that are left.
 *
 * What the chain takes is noted every hour, for a week; the oldest note that is at
 * least an hour old tells the growth of a day, over restarts too.  Pure.
 */
#ifndef LEDGERD_GROWTH_H
#define LEDGERD_GROWTH_H

#include "core/base/compat.h"

#define LD_GROWTH_SAMPLES 168u /* hours: a week knows weekdays from weekends */
#define LD_GROWTH_STEP_S 3600u

struct ld_growth {
	uint32_t n;
	struct {
		uint64_t at_s, bytes;
	} v[LD_GROWTH_SAMPLES]; /* oldest first */
};

/* Notes from a text; lines that are none, or out of order, are passed over. */
void ld_growth_parse(struct ld_growth *g, const char *text);

/*
 * Note @bytes at @now_s if an hour has passed since the last note: true.  Notes of the
 * future (the clock was set back) are dropped.
 */
bool ld_growth_note(struct ld_growth *g, uint64_t now_s, uint64_t bytes);

/* Days until @free_bytes are used up; UINT64_MAX: it does not grow, or nobody knows yet. */
uint64_t ld_growth_days(const struct ld_growth *g, uint64_t now_s, uint64_t bytes,
			uint64_t free_bytes);

#endif

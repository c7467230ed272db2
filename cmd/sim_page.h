/*
 * The page of a run: charts of what was paid, contracted, metered and billed, and the figures as
 * tables, in one HTML file that needs nothing else.
 *
 * What its charts show beyond the figures of the other reports is gathered as the days are played.
 * The page tells nothing of the machine: the same run gives the same bytes, but for the size on
 * the disk.
 */
#ifndef MKT_CMD_SIM_PAGE_H
#define MKT_CMD_SIM_PAGE_H

#include "cmd/sim.h"

struct sim_page;

/* For @s, whose profile and days are known.  NULL: no memory. */
struct sim_page *sim_page_new(const struct sim *s);
/* NULL is fine. */
void sim_page_free(struct sim_page *p);

/* Participant @site in one window: @r as it was measured, @m as it was metered. */
void sim_page_metered(struct sim_page *p, uint32_t site, const struct mkt_reading *r,
		      const struct mkt_metered *m);
/* A contract was settled. */
void sim_page_settled(struct sim_page *p, const struct sim *s, const struct sim_contract *c);
/* All contracts of the window that starts at @start_s are settled. */
void sim_page_window(struct sim_page *p, uint64_t start_s, int32_t retail_upwh);

/* What the other reports tell too; borrowed. */
struct sim_page_words {
	const char *figures; /* rows of a table as HTML */
	const char *digest;
	const char *broken;  /* what did not hold, or NULL */
};

/* The whole document, appended to @out.  -MKT_ENOMEM. */
int sim_page_write(const struct sim_page *p, const struct sim *s, const struct sim_page_words *w,
		   struct mkt_buf *out) MKT_MUST_CHECK;

#endif

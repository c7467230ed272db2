/*
 * Energy of today's windows: what is contracted, and what was metered under contracts.
 *
 * Each window is read once by pages, then events keep it right: contracts that come while
 * its page is under way are in the page.  One number a window; no contract is kept.
 */
#ifndef TUI_TODAY_H
#define TUI_TODAY_H

#include "tui/dash.h"

#define TUI_TODAY_MAX 100 /* windows of the longest day: 25 hours of quarters */

struct tui_today {
	struct tui_dash *d;
	uint64_t first_s; /* local midnight; 0: nothing is known */
	uint32_t n;	  /* windows of the day */
	uint32_t read;	  /* of them, from the first, whole */
	bool waiting;
	char after[32]; /* cursor in window @read */
	uint64_t contracted_wh[TUI_TODAY_MAX], delivered_wh[TUI_TODAY_MAX];
};

/* About once a second: begins the day, and asks for the next page. */
void tui_today_tick(struct tui_today *t);
void tui_today_reload(struct tui_today *t);
/* "contract" and "settled"; others change nothing. */
void tui_today_event(struct tui_today *t, const struct tui_event *ev);
/* Of all windows that were read. */
void tui_today_sum(const struct tui_today *t, uint64_t *contracted_wh, uint64_t *delivered_wh);

#endif

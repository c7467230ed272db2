/*
 * What the header knows of node, chain and account, and when it asks again.
 *
 * Read: GET /v1/status every 3 s (it is also the sign of life of a quiet node), the account when
 * blocks came since it was read last, /v1/market every 30 s.  The chain's facts are there
 * before any pane is told to read.
 */
#ifndef TUI_KNOWN_H
#define TUI_KNOWN_H

#include "tui/dash.h"

#define TUI_STATUS_MS 3000
#define TUI_ACCOUNT_MS 2000
#define TUI_FACTS_MS 30000
#define TUI_FACTS_SOON_MS 1000 /* while there are none */

/* About once a second: ask for what is due. */
void tui_known_tick(struct tui_dash *d);

/* Ask for all of it at the next tick. */
void tui_known_reload(struct tui_dash *d);

/* Head of the chain, from block events. */
void tui_known_event(struct tui_dash *d, const struct tui_event *ev);

/* Load the zone that people read: `:tz`, --tz, the chain's, UTC.  -MKT_EINVAL: there is no such. */
int tui_known_zone(struct tui_dash *d, struct mkt_err *err) MKT_MUST_CHECK;

#endif

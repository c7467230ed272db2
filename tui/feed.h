/*
 * Where a dashboard's data come from: the event stream and reads, and how it stands with the node.
 *
 * Nothing waits: the loop polls what tui_feed_fds() says and calls tui_feed_turn(), which works
 * for a few milliseconds at most and then lets the person's keys come first.  Events are
 * taken from the line a block at a time (so that each can tell its block's time), read from
 * JSON once and handed to all panes; what is held in between is bounded by
 * TUI_FEED_BYTES_MAX and one event.  The line is read every TUI_FEED_PAUSE_MS at most,
 * which costs a busy chain's reader nothing that a person could see, and saves the wake-ups.
 *
 * LIVE: connected, and a word within TUI_STALE_MS; STALE: connected, no word; OFFLINE: not
 * connected, it tries for ever with growing pauses.  After each loss the panes are told to read
 * again.  What was missed comes with the cursor; after TUI_GAP_MS it begins anew with the
 * next block.
 *
 * While the dashboard is paused there is no stream; it goes on behind the same cursor.
 */
#ifndef TUI_FEED_H
#define TUI_FEED_H

#include "core/wire/client.h"
#include "tui/dash.h"

#define TUI_STALE_MS 6000
#define TUI_GAP_MS 60000
#define TUI_FEED_BYTES_MAX (1u << 20)
#define TUI_FEED_PAUSE_MS 50
#define TUI_FEED_WORK_MS 5
#define TUI_FEED_FDS (MKT_PULL_LINES + 1)

struct pollfd;
struct tui_feed;

/* @conf is copied.  Nothing is sent before the first turn.  Errors as mkt_client_new(). */
int tui_feed_new(const struct mkt_client_conf *conf, struct tui_feed **out,
		 struct mkt_err *err) MKT_MUST_CHECK;
void tui_feed_free(struct tui_feed *f);

/* Reads of a dashboard by @f's pulls. */
struct tui_source tui_feed_source(struct tui_feed *f);

/* What to poll, at most TUI_FEED_FDS; *@wait_ms is lowered to when to turn at the latest. */
unsigned tui_feed_fds(const struct tui_feed *f, struct pollfd *out, int *wait_ms);

/* Go on; @d hears of everything.  d->steady_ms and now_ms are of this turn. */
void tui_feed_turn(struct tui_feed *f, struct tui_dash *d);

#endif

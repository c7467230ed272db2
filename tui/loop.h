/*
 * The one loop: keys, node, children, signals, time; and when to paint.
 *
 * Keys come first and are painted at once.  What data change is painted four times a second at
 * most.  Nothing is waited for but in poll(2); each turn works for a few milliseconds.
 *
 * Without a screen the picture is made in d->canvas only: for scripts, --once and tests.
 */
#ifndef TUI_LOOP_H
#define TUI_LOOP_H

#include "tui/dash.h"
#include "tui/feed.h"

#define TUI_PAINT_MS 250
#define TUI_TICK_MS 1000

struct tui_loop {
	struct tui_dash *d;	   /* borrowed, as the others */
	struct tui_feed *feed;	   /* NULL: no node, only keys */
	struct tui_screen *screen; /* NULL: off-screen */
	int wake[2];		   /* signals write, the loop polls */
	uint64_t tick_ms, painted_ms;
	enum tui_scheme scheme; /* as the screen has it */
	uint64_t paints;	/* pictures made because of data */
	bool working, awaited;	/* the canvas has more to do; a person waits for it */
	int cursor_y, cursor_x;
};

/*
 * From here until the process ends SIGINT, SIGTERM and SIGHUP end the loop (a second SIGINT even a
 * dialog), SIGWINCH resizes; they are kept so that none of them kills while the terminal is
 * put back.  -MKT_EIO.
 */
int tui_loop_init(struct tui_loop *l, struct tui_dash *d, struct tui_feed *feed,
		  struct mkt_err *err) MKT_MUST_CHECK;
void tui_loop_release(struct tui_loop *l);

/* Show on @screen from now on; its size becomes the canvas'.  -MKT_ENOMEM. */
int tui_loop_screen(struct tui_loop *l, struct tui_screen *screen,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* One turn that waits for @wait_ms at most, -1: until something happens. */
void tui_loop_turn(struct tui_loop *l, int wait_ms);

/* Turns until somebody leaves.  Returns the exit status: 128 + signal, or the dashboard's. */
int tui_loop_run(struct tui_loop *l);

#endif

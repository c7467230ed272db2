/*
 * What stands around the panes, and which key goes where.
 *
 *   mkt dash  solo #18231  3 s ago  412 tx/block              LIVE READ-ONLY  10:49 JST
 *   acc7  available 12480 JPY  held 1275 JPY  alarms 1  disk 61 GB
 *   1 Overview [2 Book] 3 Contracts ...
 *   (panes: two beside each other from TUI_COLS_TWO columns on)
 *   (what is said)
 *   Enter detail  / filter  : command  ? help  q quit
 *
 * Below TUI_ROWS_LEAST x TUI_COLS_LEAST there is one line, and no key but quitting counts.
 */
#ifndef TUI_FRAME_H
#define TUI_FRAME_H

#include "tui/dash.h"

#define TUI_COLS_TWO 120
#define TUI_COLS_LEAST 40
#define TUI_ROWS_LEAST 12

/* All of it into d->canvas.  *@cursor_y is -1 unless something is typed. */
void tui_frame_draw(struct tui_dash *d, int *cursor_y, int *cursor_x);

/* A key, a mouse's act, a resize (of the canvas, which was resized before). */
void tui_frame_key(struct tui_dash *d, const struct tui_input *in);

/* About once a second: overlay and panes ask for what has changed. */
void tui_frame_tick(struct tui_dash *d);

/* Somebody wants to leave: asks first while something is being typed or done. */
void tui_frame_leave(struct tui_dash *d, int exit_status);

/* True if the canvas is too small for panes. */
bool tui_frame_small(const struct tui_dash *d);

/* "LIVE", "STALE 12s", "OFFLINE retry 4s"; for d->steady_ms. */
void tui_frame_link(const struct tui_dash *d, char *out, size_t size);

/* One line that tells the most important: for small terminals and --text. */
void tui_frame_line(struct tui_dash *d, struct mkt_buf *out);

#endif

/*
 * The dashboard without a screen: one picture as text, or its changes as lines.
 */
#ifndef TUI_PEEK_H
#define TUI_PEEK_H

#include "core/app/out.h"
#include "tui/loop.h"

#define TUI_PEEK_SETTLE_MS 300 /* nothing is asked for any more for so long */

/*
 * Turn until the pane that is shown has what it asked for.  -MKT_EUNAVAILABLE with the node's
 * or the line's reason: nothing came until @until_ms (steady clock).
 */
int tui_peek_wait(struct tui_loop *l, uint64_t until_ms, struct mkt_err *err) MKT_MUST_CHECK;

/* The picture as it is now, as text. */
void tui_peek_print(struct tui_loop *l, struct mkt_out *out);

/*
 * What changes, as lines behind the time, until somebody leaves: how it stands with the node, and
 * rows of the pane that were not there before.  Numbers that only count time are no change.
 * @json: objects of time, pane and text.  Returns the exit status.
 */
int tui_peek_lines(struct tui_loop *l, struct mkt_out *out, bool json);

#endif

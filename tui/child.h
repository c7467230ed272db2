/*
 * Commands of mkt beside the dashboard: what tui_run() of overlay.h is made of.
 *
 * A child gets arguments and no shell, an empty stdin, a session of its own (it can ask nobody on
 * the terminal, and Ctrl-C there is not for it), and MKT_SERVER.  It ends with the dashboard,
 * however that ends.  Its output is read while the loop polls; TUI_OUTPUT_MAX of each stream is
 * kept and the rest is read and dropped.
 */
#ifndef TUI_CHILD_H
#define TUI_CHILD_H

#include "tui/overlay.h"

#define TUI_CHILDREN_MAX 4
#define TUI_CHILD_FDS 3 /* of each, at most: its streams and its end */

/* As tui_run(); @ctx is freed after @done returned, or when that is not called any more. */
int tui_run_keep(struct tui_dash *d, const char *const *argv, tui_ran_fn *done,
		 void *ctx) MKT_MUST_CHECK;

/* What to say of an outcome: the first line it wrote, errors first, else its status. */
void tui_outcome_line(const struct tui_outcome *o, char *out, size_t size);

#endif

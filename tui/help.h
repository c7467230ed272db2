/* The keys of the pane that is shown: a list to search in, from which a key can be done. */
#ifndef TUI_HELP_H
#define TUI_HELP_H

#include "tui/dash.h"

void tui_help_open(struct tui_dash *d);

#endif

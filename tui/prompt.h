/* Lines that were typed into prompts (overlay.h), remembered while the dashboard runs. */
#ifndef TUI_PROMPT_H
#define TUI_PROMPT_H

#include "tui/overlay.h"

#define TUI_HISTORY_LINES 50

/* The lines of one letter; @v[0] is the newest. */
struct tui_history {
	struct tui_history *next;
	char letter;
	unsigned n;
	char v[TUI_HISTORY_LINES][TUI_LINE_MAX];
};

void tui_history_release(struct tui_dash *d);

#endif

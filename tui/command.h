/*
 * The line behind ':': the name of a pane, tz ZONE, theme NAME, quit, or any command of mkt.
 *
 * Commands run beside the dashboard (overlay.h) and their output is shown as a text.
 * Those that change something need --control; who runs the dashboard says which (conf.refusal).
 */
#ifndef TUI_COMMAND_H
#define TUI_COMMAND_H

#include "tui/dash.h"

/* Ask for a line and do it. */
void tui_command_open(struct tui_dash *d);

/* Do what @line says; a fault is said on the status line. */
void tui_command_do(struct tui_dash *d, const char *line);

/*
 * Split @text in place into words: blanks part them, '...' and "..." hold together.  How many there
 * are; -1: more than @max - 1, or a quote that is open.  words[n] is NULL.
 */
int tui_command_split(char *text, const char **words, int max);

#endif

/*
 * Colour schemes: how each style looks.  Colours are the eight of every terminal;
 * what must be told apart without them has a letter or word as well.
 *
 * mono uses attributes alone and is what NO_COLOR gives.  deuteranopia tells good
 * from bad by blue and yellow, not by green and red; contrast has no dim text.
 */
#ifndef TUI_SCHEME_H
#define TUI_SCHEME_H

#include "tui/canvas.h"

enum tui_color {
	TUI_COLOR_NONE = -1, /* the terminal's own */
	TUI_BLACK,
	TUI_RED,
	TUI_GREEN,
	TUI_YELLOW,
	TUI_BLUE,
	TUI_MAGENTA,
	TUI_CYAN,
	TUI_WHITE,
};

#define TUI_BOLD (1 << 0)
#define TUI_FAINT (1 << 1)
#define TUI_REVERSE (1 << 2)
#define TUI_UNDERLINE (1 << 3)

struct tui_look {
	int8_t fg, bg; /* enum tui_color */
	uint8_t attr;
};

enum tui_scheme {
	TUI_SCHEME_DEFAULT,
	TUI_SCHEME_LIGHT,
	TUI_SCHEME_MONO,
	TUI_SCHEME_CONTRAST,
	TUI_SCHEME_DEUTERANOPIA,
	TUI_SCHEMES
};

/* Looks of all styles; static. */
const struct tui_look *tui_scheme(enum tui_scheme s);

/* "default"; -1: no scheme has this name. */
int tui_scheme_find(const char *name);
const char *tui_scheme_name(enum tui_scheme s);

#endif

/*
 * The terminal: the only file that includes curses.  Shows a canvas, gives keys
 * and mouse, follows resizes, and puts the terminal back whatever happens.
 *
 * Nothing here waits: the loop polls tui_screen_fd() and reads keys until there
 * is none.  One screen at a time; not thread-safe.
 */
#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

#include "core/base/err.h"
#include "tui/scheme.h"

struct tui_screen;

/* A key is a Unicode code point, or one of these. */
enum tui_key {
	TUI_K_NONE = 0,
	TUI_K_TAB = '\t',
	TUI_K_ENTER = '\n',
	TUI_K_ESC = 27,
	TUI_K_BACKSPACE = 127,
	TUI_K_UP = 0x110000, /* beyond Unicode */
	TUI_K_DOWN,
	TUI_K_LEFT,
	TUI_K_RIGHT,
	TUI_K_HOME,
	TUI_K_END,
	TUI_K_PGUP,
	TUI_K_PGDN,
	TUI_K_INSERT,
	TUI_K_DELETE,
	TUI_K_BACKTAB,
	TUI_K_F1, /* to F12, in order */
	TUI_K_F12 = TUI_K_F1 + 11,
	TUI_K_MOUSE,
	TUI_K_RESIZE,
};

enum tui_mouse { TUI_CLICK, TUI_DOUBLE, TUI_WHEEL_UP, TUI_WHEEL_DOWN };

struct tui_input {
	uint32_t key;	      /* TUI_K_... or a code point */
	enum tui_mouse mouse; /* of TUI_K_MOUSE, */
	unsigned y, x;	      /* where */
};

struct tui_screen_conf {
	enum tui_scheme scheme;
	bool mouse;
	int in, out; /* the terminal's descriptors; borrowed */
};

/*
 * Take the terminal: alternate screen, no echo.  -MKT_EUSAGE: not a terminal, or
 * TERM unknown, and what to do instead.  From here until tui_screen_close()
 * signals that end the process put the terminal back first.
 */
int tui_screen_open(const struct tui_screen_conf *conf, struct tui_screen **out,
		    struct mkt_err *err) MKT_MUST_CHECK;
void tui_screen_close(struct tui_screen *s);

int tui_screen_fd(const struct tui_screen *s);
void tui_screen_size(const struct tui_screen *s, unsigned *rows, unsigned *cols);

/* Show @c: only what differs is written.  The cursor is hidden unless @cursor_y >= 0. */
void tui_screen_show(struct tui_screen *s, const struct tui_canvas *c, int cursor_y, int cursor_x);

/* Write everything again at the next show: others may have written to the terminal. */
void tui_screen_repaint(struct tui_screen *s);

void tui_screen_scheme(struct tui_screen *s, enum tui_scheme scheme);

/* The next key: 1; none is waiting: 0; the terminal is gone: -MKT_EOUTPUT. */
int tui_screen_key(struct tui_screen *s, struct tui_input *in) MKT_MUST_CHECK;

/* The size of the terminal has changed: called by the loop on SIGWINCH; gives TUI_K_RESIZE. */
void tui_screen_resized(struct tui_screen *s);

/* Give the terminal to another program for a while, and take it back. */
void tui_screen_leave(struct tui_screen *s);
void tui_screen_return(struct tui_screen *s);

/* Ask the terminal to keep @text (our own, or anybody's: it is sent as base64) as its clipboard. */
void tui_screen_copy(struct tui_screen *s, const char *text);

/* Ring: something needs a human. */
void tui_screen_bell(struct tui_screen *s);

#endif

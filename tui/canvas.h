/*
 * A picture of character cells in memory, and areas of it to draw on.
 *
 * Panes draw here and know no terminal: screen.c carries what differs to one, a
 * test or `mkt dash --once` prints it as text.  Everything is clipped to its
 * area, so a pane that is too small shows less and spoils nothing.
 *
 * Text that comes from others (names, tags, reasons) goes through tui_text():
 * control characters, directions and joiners become '?', invalid bytes as well;
 * combining marks stay with their letter, two at most; wide letters that would be
 * cut become '~'.  So whatever a peer is called, it takes the columns it is given.
 *
 * Widths are those of wcwidth(3) in the locale of the process; without UTF-8
 * what is not ASCII is '?'.  Not thread-safe.
 */
#ifndef TUI_CANVAS_H
#define TUI_CANVAS_H

#include "core/base/buf.h"
#include "core/base/compat.h"

#define TUI_ROWS_MAX 512
#define TUI_COLS_MAX 1024
#define TUI_CELL_BYTES 14 /* a letter and two marks */

/* What a cell means; scheme.h says how that looks. */
enum tui_style {
	TUI_PLAIN,
	TUI_DIM, /* old, or beside the point */
	TUI_STRONG,
	TUI_TITLE,  /* of a pane */
	TUI_HEAD,   /* of a table */
	TUI_BAR,    /* lines at top and bottom */
	TUI_KEY,    /* a key's name in the bottom line */
	TUI_SELECT, /* the row under the cursor */
	TUI_MARKED, /* rows that were marked */
	TUI_MATCH,  /* what a search found */
	TUI_GOOD,
	TUI_WARN,
	TUI_BAD,
	TUI_STALE, /* a value older than it may be */
	TUI_BUY,
	TUI_SELL,
	TUI_OWN, /* of the own account */
	TUI_GRAPH,
	TUI_HEAT1, /* shades of a map, from little ... */
	TUI_HEAT2,
	TUI_HEAT3,
	TUI_HEAT4, /* ... to much */
	TUI_DIALOG,
	TUI_STYLES
};

/* The letters that pictures are made of. */
enum tui_glyphs { TUI_ASCII, TUI_BLOCK, TUI_BRAILLE };

struct tui_cell {
	char text[TUI_CELL_BYTES]; /* UTF-8 with NUL; "": the right half of a wide letter */
	uint8_t wide;		   /* 1: takes the next cell as well */
	uint8_t style;
};

struct tui_canvas {
	unsigned rows, cols;
	bool utf8;
	enum tui_glyphs glyphs;
	struct tui_cell *cells; /* rows * cols; owned */
	bool again;		/* who drew has more to do: draw once more, soon */
};

/* Part of a canvas; positions in it count from its upper left. */
struct tui_area {
	struct tui_canvas *c;
	unsigned y, x, rows, cols;
};

/* Blank, of the given size (bounded by TUI_..._MAX).  -MKT_ENOMEM: the old one stays. */
int tui_canvas_resize(struct tui_canvas *c, unsigned rows, unsigned cols) MKT_MUST_CHECK;
void tui_canvas_release(struct tui_canvas *c);

/* All of it; a part, cut to what is there. */
struct tui_area tui_whole(struct tui_canvas *c);
struct tui_area tui_part(struct tui_area a, unsigned y, unsigned x, unsigned rows, unsigned cols);

void tui_clear(struct tui_area a, enum tui_style style);

/* Our own words, printf-like; at most up to the area's right.  Returns the columns used. */
unsigned tui_print(struct tui_area a, unsigned y, unsigned x, enum tui_style style, const char *fmt,
		   ...) MKT_PRINTF(5, 6);

enum tui_align { TUI_LEFT, TUI_RIGHT };

/* Anybody's text in exactly @width columns, filled with blanks; '~' ends one that is cut. */
void tui_text(struct tui_area a, unsigned y, unsigned x, unsigned width, enum tui_align align,
	      enum tui_style style, const char *text);

/* One of our own glyphs (UTF-8, one column). */
void tui_glyph(struct tui_area a, unsigned y, unsigned x, enum tui_style style, const char *glyph);

/* Restyle a stretch of a row; the letters stay. */
void tui_paint(struct tui_area a, unsigned y, unsigned x, unsigned cols, enum tui_style style);

/* Lines: between two columns of a row, and a frame with a title around the area. */
void tui_rule(struct tui_area a, unsigned y, enum tui_style style);
void tui_frame(struct tui_area a, enum tui_style style, const char *title);

/* Columns that @text, or @n bytes of it, take when they are drawn. */
unsigned tui_width(const struct tui_canvas *c, const char *text);
unsigned tui_width_n(const struct tui_canvas *c, const char *text, size_t n);

/* Bytes of @n that fit into @cols columns, whole letters; the first one always. */
size_t tui_fit(const struct tui_canvas *c, const char *text, size_t n, unsigned cols);

/*
 * Anybody's text as it may be written where no canvas is: what tui_text() shows as '?' because
 * it steers or is no UTF-8 is '?' here too.  With @newlines those stay and tabs are blanks.
 */
void tui_clean(struct mkt_buf *out, const char *text, size_t n, bool newlines);

/* The picture as lines of text, without blanks at their ends; for --once and tests. */
void tui_canvas_text(const struct tui_canvas *c, struct mkt_buf *out);

#endif

/*
 * Long texts as rows of so many columns: broken at newlines, then at blanks, else
 * where the column ends.  Every byte but blanks and newlines at breaks is in a row.
 */
#ifndef TUI_WRAP_H
#define TUI_WRAP_H

#include "tui/canvas.h"

struct tui_wrap_row {
	uint32_t at, n; /* bytes of the text */
};

struct tui_wrap {
	struct tui_wrap_row *rows; /* owned */
	uint32_t n, cap;
	unsigned cols; /* they were made for */
	bool utf8;
};

/* Rows of @text for @cols columns; nothing is done if they are made already.  -MKT_ENOMEM. */
int tui_wrap(struct tui_wrap *w, const struct tui_canvas *c, const char *text,
	     unsigned cols) MKT_MUST_CHECK;
/* Forget the rows: the text has changed. */
void tui_wrap_clear(struct tui_wrap *w);
void tui_wrap_release(struct tui_wrap *w);

/* Row @i of @text into row @y of @a, all columns; what @find names is marked (NULL: nothing). */
void tui_wrap_draw(const struct tui_wrap *w, const char *text, uint32_t i, struct tui_area a,
		   unsigned y, enum tui_style style, const char *find);

#endif

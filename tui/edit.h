/*
 * A line that is typed: letters, cursor, and the keys that everybody's fingers know: arrows, Home,
 * End, Backspace, Delete, and Ctrl with a b d e f k u w as a shell has them.
 */
#ifndef TUI_EDIT_H
#define TUI_EDIT_H

#include "tui/canvas.h"
#include "tui/overlay.h"

#define TUI_CTRL(c) ((uint32_t)((c) - 'a' + 1))

struct tui_edit {
	char line[TUI_LINE_MAX]; /* UTF-8, whole letters */
	size_t at;		 /* byte of the cursor; at most the length */
};

/* The line is @text, anybody's, cut where it is too long; the cursor is behind it. */
void tui_edit_set(struct tui_edit *e, const char *text);

/* A key (keymap.h); what is none of the line's does nothing.  False: the line is full. */
bool tui_edit_key(struct tui_edit *e, uint32_t key);

/* Bytes [@from, @to) go; the cursor is where they were. */
void tui_edit_cut(struct tui_edit *e, size_t from, size_t to);
/* @n bytes of whole letters at the cursor.  False: there is no room, nothing is changed. */
bool tui_edit_insert(struct tui_edit *e, const char *text, size_t n);

/* In the first row of @a; as much of it as keeps the cursor in sight, which is put there. */
void tui_edit_draw(const struct tui_edit *e, struct tui_area a, enum tui_style style, int *cursor_y,
		   int *cursor_x);

#endif

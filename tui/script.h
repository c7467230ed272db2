/*
 * A dashboard driven by lines instead of a person: for tests, and for pictures in documents.
 *
 *   key Enter         a key as tui_key_parse() names it
 *   keys :book        each letter of the rest of the line
 *   wait TEXT         until the picture has it
 *   gone TEXT         until the picture has it no more
 *   mouse 5 10        click in row 5, column 10, from 0; "double", "up" or "down" may follow
 *   resize 80x24      columns x rows
 *   screen            print the picture
 *   # ...             nothing
 *
 * A wait that is in vain for TUI_SCRIPT_MS ends the script with the picture as it was.
 */
#ifndef TUI_SCRIPT_H
#define TUI_SCRIPT_H

#include <stdio.h>

#include "core/app/out.h"
#include "tui/loop.h"

#define TUI_SCRIPT_MS 20000
#define TUI_SCRIPT_LINE_MAX 512

enum tui_script_verb {
	TUI_SCRIPT_NOTHING,
	TUI_SCRIPT_KEY,
	TUI_SCRIPT_KEYS,
	TUI_SCRIPT_WAIT,
	TUI_SCRIPT_GONE,
	TUI_SCRIPT_MOUSE,
	TUI_SCRIPT_RESIZE,
	TUI_SCRIPT_SCREEN,
};

struct tui_script_step {
	enum tui_script_verb verb;
	struct tui_input in; /* KEY, MOUSE */
	const char *text;    /* KEYS, WAIT, GONE; borrowed from the line */
	unsigned rows, cols; /* RESIZE */
};

/* One line without its newline.  -MKT_EUSAGE with a sentence. */
int tui_script_read(const char *line, struct tui_script_step *step,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* "100x40": columns x rows within TUI_COLS_MAX and TUI_ROWS_MAX.  False: it is not. */
bool tui_script_size(const char *text, unsigned *rows, unsigned *cols);

/*
 * Do what @in says; pictures go to @out.  -MKT_EUSAGE names the line; -MKT_ENO: waited in
 * vain, told after the picture; -MKT_EIO; -MKT_ENOMEM.
 */
int tui_script_run(struct tui_loop *l, FILE *in, struct mkt_out *out,
		   struct mkt_err *err) MKT_MUST_CHECK;

#endif

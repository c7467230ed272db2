/*
 * The terminal: the only place that decides what is one, how wide, in which
 * colours and characters; starts the pager; draws the progress line.
 *
 * Nothing here is needed for a command to work: with no TERM, LANG or terminal
 * everything is off.
 */
#ifndef MKT_APP_TERM_H
#define MKT_APP_TERM_H

#include <stdio.h>
#include <sys/types.h>

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"

enum mkt_color_when { MKT_WHEN_AUTO = 1, MKT_WHEN_ALWAYS, MKT_WHEN_NEVER };

/* The eight colours of every terminal; the background stays as it is. */
enum mkt_color {
	MKT_COLOR_NONE = 0,
	MKT_COLOR_RED,
	MKT_COLOR_GREEN,
	MKT_COLOR_YELLOW,
	MKT_COLOR_BLUE,
	MKT_COLOR_CYAN,
	MKT_COLOR_BOLD,
	MKT_COLOR_DIM,
	MKT_COLOR_COUNT
};

struct mkt_term {
	bool in_tty, out_tty, err_tty;
	bool color;       /* on stdout */
	bool err_color;   /* on stderr */
	bool utf8;        /* the locale says so */
	unsigned columns; /* width of stdout's terminal; 80 if it does not tell */
	unsigned rows;    /* 24 if it does not tell */
};

/*
 * Look at the three standard streams and the environment.  Calls setlocale()
 * for characters only: numbers keep their decimal point.
 * @option is --color (0: not given), @setting is ui.color (0: not set); between
 * them stand NO_COLOR and CLICOLOR_FORCE.
 */
void mkt_term_init(struct mkt_term *t, enum mkt_color_when option, enum mkt_color_when setting);

/* Somebody sits there: asks, prefixes of options and progress are for people. */
bool mkt_term_interactive(const struct mkt_term *t);

/* The sequence that starts a colour; "" when @on is false or the colour is none. */
const char *mkt_term_paint(bool on, enum mkt_color c);
const char *mkt_term_plain(bool on);

/* Columns that UTF-8 @text takes; bytes when the terminal is not UTF-8. */
unsigned mkt_term_width(const struct mkt_term *t, const char *text);

/* Shorten @text to @columns at most, in place; a last '~' tells that it was longer. */
void mkt_term_cut(const struct mkt_term *t, char *text, unsigned columns);

/*
 * Append @text to @b as the terminal may see it: control characters become '?',
 * and so does what is not ASCII when the terminal is not UTF-8.
 */
void mkt_term_clean(const struct mkt_term *t, const char *text, struct mkt_buf *b);

/*
 * A pager over stdout.  @command is run by the shell; NULL: MKT_PAGER, then
 * @setting, then PAGER, then less; empty: none.
 */
struct mkt_pager {
	FILE *in;   /* what the pager shows */
	pid_t pid;
};

/* The command to page with, or NULL for none.  Borrowed. */
const char *mkt_pager_command(const char *setting);

int mkt_pager_start(struct mkt_pager *p, const char *command, struct mkt_err *err) MKT_MUST_CHECK;

/* Close and wait.  A person who quits early is no error. */
void mkt_pager_finish(struct mkt_pager *p);

/*
 * One line on stderr that tells how far a long call is: on a terminal only, not
 * before two seconds have passed, wiped at the end.  With @plain, a sentence
 * every ten seconds instead.  Callers pass the monotonic time.
 */
struct mkt_progress {
	bool on;
	bool plain;
	bool shown;
	unsigned columns;
	uint64_t begun_ms;
	uint64_t drawn_ms;
	uint64_t deadline_ms; /* 0: none is shown */
	char verb[48];        /* "verifying blocks" */
};

/* @deadline_ms is monotonic. */
void mkt_progress_begin(struct mkt_progress *p, const char *verb, uint64_t now_ms,
			uint64_t deadline_ms);
/* @total 0: not known. */
void mkt_progress_update(struct mkt_progress *p, uint64_t done, uint64_t total, uint64_t now_ms);
void mkt_progress_end(struct mkt_progress *p);

#endif

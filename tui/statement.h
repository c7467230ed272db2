/*
 * The statement of an account in memory: its newest events as lines with the money they moved,
 * and what was booked in the month so far.
 */
#ifndef TUI_STATEMENT_H
#define TUI_STATEMENT_H

#include "core/units/month.h"
#include "core/wire/booked.h"
#include "tui/dash.h"
#include "tui/list.h"

#define TUI_ENTRIES_MAX 2000u
#define TUI_ENTRY_TEXT_MAX 112

struct tui_entry {
	uint64_t place; /* height << 24 | n, as cursors of a story have it; ascending */
	int64_t change_uc;
	char kind[12];
	char text[TUI_ENTRY_TEXT_MAX]; /* may hold others' text */
};

struct tui_statement {
	struct tui_entry *v; /* oldest first; owned */
	uint32_t n, cap;
	char older[24]; /* cursor of what is before the first; "": nothing is */
};

void tui_statement_release(struct tui_statement *s);

/*
 * A page of GET /v1/accounts/X/events?down=1: newest ones join at the end (or replace everything,
 * if there is a gap between), older ones at the beginning.  -MKT_EUNAVAILABLE names what is wrong.
 */
int tui_statement_newest(struct tui_statement *s, const struct tui_dash *d, uint32_t me,
			 const struct mkt_answer *a, struct mkt_err *err) MKT_MUST_CHECK;
int tui_statement_older(struct tui_statement *s, const struct tui_dash *d, uint32_t me,
			const struct mkt_answer *a, struct mkt_err *err) MKT_MUST_CHECK;

/* Rows for lists; the context is a struct tui_statement. */
extern const struct tui_rows tui_entry_rows;

/* ---- the month so far ----------------------------------------------------------------------- */

/* Zeroed before.  Everything is asked for piece by piece; @known says that @sum is whole. */
struct tui_monthbill {
	struct mkt_month month;
	struct mkt_booked sum;
	uint32_t me;
	uint64_t low, high; /* blocks between which the month begins, until they are one */
	uint64_t from;	    /* place from which the story was not read yet; 0: not begun */
	bool waiting, known;
	bool stale; /* there is more to read: set it when the account's events come */
};

/* About once a second while it is shown: begins, goes on, begins anew with a new month. */
void tui_monthbill_tick(struct tui_dash *d, struct tui_monthbill *b, uint32_t me);

#endif

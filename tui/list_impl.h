/* What the files of the list share: list.c, list_make.c, list_sort.c, list_match.c, list_draw.c. */
#ifndef TUI_LIST_IMPL_H
#define TUI_LIST_IMPL_H

#include "tui/list.h"

/* What a filter or a search asks for. */
struct tui_match {
	bool without;
	int column; /* -1: any */
	const char *text;
};

/* @text as "!field:text"; -MKT_EUSAGE: no such field, or too long. */
int tui_match_read(const struct tui_list *l, const char *text, struct tui_match *m,
		   struct mkt_err *err) MKT_MUST_CHECK;
/* Asks for the cells of @row; adds their number to @cells. */
bool tui_match_row(const struct tui_list *l, const struct tui_match *m, uint32_t row,
		   uint64_t *cells);
/* Where @needle begins in @text, letters of ASCII being equal in both cases; NULL: nowhere. */
const char *tui_match_in(const char *text, const char *needle);

#define TUI_CELL_COST 8	      /* a cell is written by printf, a compare looks at two numbers */
#define TUI_LIST_SLICE 200000 /* cost of a slice: some milliseconds */

enum tui_phase { TUI_GATHERS, TUI_SORTS, TUI_MADE };
enum tui_sorting { TUI_SORT_KEYS, TUI_SORT_TAKE_OUT, TUI_SORT_MERGE, TUI_SORT_PUT_BACK };

/* The next order while it is made. */
struct tui_making {
	enum tui_phase phase;
	uint32_t rows, cap; /* rows of the pane when it began; room */
	bool again;	    /* rows changed since it began */
	/* Gathering. */
	struct tui_match match;
	uint64_t at;	 /* next to be looked at: the old order first, then by number */
	uint8_t *looked; /* a bit a row: was looked at; owned */
	uint32_t *v, n;	 /* what is to be shown; cap; owned */
	/* Sorting; list_sort.c. */
	enum tui_sorting sorting;
	uint64_t *keys; /* first eight bytes of each row's text, or NULL; by row; owned */
	uint32_t *out;	/* what stood wrong, and room to merge it; 2 * n; owned */
	uint32_t i, kept, outs, width;
	bool swapped; /* what is merged stands in the upper half of @out */
};

/*
 * Sort making->v, until the list's cost is @until.  1: there is more to do; 0: done;
 * -MKT_ENOMEM.
 */
int tui_list_sort(struct tui_list *l, uint64_t until);

/* Make the order now.  Without memory the old one stays, and `changed`. */
void tui_list_make(struct tui_list *l);
/* Begin to make it, and end if it is one slice. */
void tui_list_begin(struct tui_list *l);
/* Go on for @cost; true: nothing is under way any more. */
bool tui_list_step(struct tui_list *l, uint64_t cost);
/* Drop what is under way. */
void tui_list_stop(struct tui_list *l);
/* As tui_list_make() when rows have changed, none is under way and it costs little. */
void tui_list_refresh(struct tui_list *l);
/* The cursor to the row that was chosen, else to the one it stood on, else to its place. */
void tui_list_place(struct tui_list *l);
/* The id of the row shown at @place; 0: there is none. */
uint64_t tui_list_id_at(const struct tui_list *l, uint32_t place);
/* The person selects place @at, cut to what is there. */
void tui_list_go(struct tui_list *l, uint32_t at);
/* The person sorts by @column, or inverts it if that is the order. */
void tui_list_sort_by(struct tui_list *l, int column);
/* The next row with what is searched for, in slices.  False: there is none. */
bool tui_list_find(struct tui_list *l, bool back);
/* Another slice of a search. */
void tui_list_look(struct tui_list *l);
bool tui_list_is_marked(const struct tui_list *l, uint64_t id);

#endif

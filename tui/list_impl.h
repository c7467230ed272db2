/* What the files of the list share: list.c, list_sort.c, list_match.c, list_draw.c. */
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

/* Sort order[0..shown).  False: no memory for keys, and the order is the pane's. */
bool tui_list_sort(struct tui_list *l);

/* Make the order now.  Without memory the old one stays. */
void tui_list_make(struct tui_list *l);
/* As tui_list_make() when rows have changed and that costs little. */
void tui_list_refresh(struct tui_list *l);
/* The person selects place @at, cut to what is there. */
void tui_list_go(struct tui_list *l, uint32_t at);
/* The person sorts by @column, or inverts it if that is the order. */
void tui_list_sort_by(struct tui_list *l, int column);
/* The next row with what is searched for.  False: there is none. */
bool tui_list_find(struct tui_list *l, bool back);
bool tui_list_is_marked(const struct tui_list *l, uint64_t id);

#endif

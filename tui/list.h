/*
 * Tables with a selection: what panes show rows with.
 *
 * The pane keeps its rows as it likes and tells of them by functions: row numbers 0 to
 * count - 1 in its own order, an id for each that stays the same while it lives.  The
 * list holds which rows are shown, in which order, and where the cursor stands; the
 * selection and the marks are ids, so rows may come, go and move under them.
 *
 * 100,000 rows: drawing asks for cells of visible rows only.  tui_list_changed() costs
 * nothing; the order is made again at most four times a second when the list is drawn
 * (steady clock of tui_list_draw()), at once after a key that changes it.  Making it starts
 * from the old one: with n rows of which k moved that is about 2n + k log k compares, and n
 * calls of id().  A filter or a search asks for cells of all rows; the dearer an order is, the
 * longer it is kept, up to TUI_LIST_KEEP_MS.
 *
 * What takes longer than some milliseconds is done in slices, one with each picture: the canvas
 * says `again` as long as there is more, and the old order is shown until the new one is whole.
 *
 * A row selected that goes is stood in for by the one in its place, until it comes back or the
 * person moves.
 *
 * Memory: 4 bytes a row, up to 20 while an order is made, and marks.  Not thread-safe.
 */
#ifndef TUI_LIST_H
#define TUI_LIST_H

#include <stdio.h>

#include "core/base/err.h"
#include "tui/canvas.h"
#include "tui/keymap.h"

#define TUI_COLUMNS_MAX 16
#define TUI_CELL_MAX 128 /* bytes of a cell's text, with NUL */
#define TUI_FILTER_MAX 64
#define TUI_NO_ROW UINT32_MAX
#define TUI_LIST_KEEP_MS 5000

struct tui_column {
	const char *name;  /* for field:text and JSON: "price" */
	const char *title; /* head; "JPY/kWh" */
	uint8_t width;	   /* columns wanted */
	uint8_t least;	   /* it is left out below that; 0: @width */
	uint8_t rank;	   /* 0 stays to the last; the greatest leaves first */
	uint8_t align;	   /* enum tui_align */
	bool grows;	   /* takes what is left over */
	bool number;	   /* JSON: without quotes */
};

struct tui_rows {
	const struct tui_column *columns; /* static */
	uint8_t ncolumns;
	/* Text of a cell into @out (TUI_CELL_MAX); returns its style. */
	enum tui_style (*cell)(void *ctx, uint32_t row, unsigned column, char *out);
	/* Not 0; the same for one thing as long as it lives. */
	uint64_t (*id)(void *ctx, uint32_t row);
	/* As strcmp, by a column's value and not by its text; NULL: all are compared as texts. */
	int (*compare)(void *ctx, uint32_t a, uint32_t b, unsigned column);
	uint32_t texts; /* bits of columns that it does not know */
	/* Draw over a cell, a bar say; NULL or false: the text is drawn. */
	bool (*paint)(void *ctx, uint32_t row, unsigned column, struct tui_area at,
		      enum tui_style base);
};

struct tui_list {
	const struct tui_rows *rows; /* static */
	void *ctx;
	uint32_t count;	 /* rows of the pane */
	uint32_t *order; /* rows shown, in order; owned */
	uint32_t shown, cap;
	uint64_t cost;	/* of the order made last: calls of cell() and others, weighed */
	uint64_t *seen; /* ids of the rows drawn last, from @top; 0: none; owned */
	uint32_t nseen, seen_cap;
	uint64_t *marks; /* ids, ascending; owned */
	uint32_t nmarks, marks_cap;
	uint64_t selected; /* id; 0: none */
	uint64_t wanted;   /* the one the person chose; 0: none */
	uint32_t at;	   /* its place in @order */
	uint32_t top;	   /* first place drawn */
	uint32_t height;   /* rows drawn last */
	int8_t sort;	   /* column, -1: the pane's own order */
	bool inverted;
	bool follow;		   /* the selection goes with the newest (last) row */
	bool changed;		   /* the order is not of the rows as they are */
	uint64_t made_ms;	   /* steady: when an order was begun */
	struct tui_making *making; /* the next order, under way; NULL: none; owned */
	bool looking, nowhere;	   /* a search is under way; it found nothing */
	bool back, from_next;	   /* it goes up; it began beside the cursor */
	uint32_t looked;	   /* places it has been to */
	char filter[TUI_FILTER_MAX], search[TUI_FILTER_MAX];
	struct tui_area drawn; /* where: for the mouse */
	uint16_t column_x[TUI_COLUMNS_MAX],
		column_w[TUI_COLUMNS_MAX]; /* of the last picture; w 0: left out */
};

/* @sort: the column at first, -1: the pane's order. */
void tui_list_init(struct tui_list *l, const struct tui_rows *rows, void *ctx, int sort);
void tui_list_release(struct tui_list *l);

/* Rows came, went or changed; @count of them now. */
void tui_list_changed(struct tui_list *l, uint32_t count);

/* The row selected, TUI_NO_ROW if there is none; by id, even when the picture is old. */
uint32_t tui_list_row(struct tui_list *l);
/* Select by id; false: it is not shown. */
bool tui_list_select(struct tui_list *l, uint64_t id);

/* Head and rows. @steady_ms: of this turn. @empty: a sentence when there is no row. */
void tui_list_draw(struct tui_list *l, struct tui_area a, uint64_t steady_ms, const char *empty);

/* Actions that are the list's: moving, sorting, marking, following, next match.  False: not its. */
bool tui_list_act(struct tui_list *l, enum tui_action action);

/* Select, sort by head, wheel.  1: a row was opened (double click); 0: done; -1: not in it. */
int tui_list_mouse(struct tui_list *l, const struct tui_input *in);

/* "text", "!text" (without), "field:text"; "" ends it.  -MKT_EUSAGE: no such field. */
int tui_list_filter(struct tui_list *l, const char *text, struct mkt_err *err) MKT_MUST_CHECK;
/* Matches are marked; the selection goes to the next, in a later picture perhaps.  False: none. */
bool tui_list_search(struct tui_list *l, const char *text);

/* Marked rows, or the selected one: ids into @out, at most @max; returns how many there are. */
uint32_t tui_list_chosen(struct tui_list *l, uint64_t *out, uint32_t max);

/* All rows shown, whole, in order, written piece by piece.  -MKT_EOUTPUT. */
int tui_list_export(struct tui_list *l, FILE *f, bool json, struct mkt_err *err) MKT_MUST_CHECK;

#endif

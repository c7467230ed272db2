#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "tui/list_impl.h"

#define MAKE_MS 250    /* four orders a second */
#define COST_A_MS 1000 /* an order is kept 1 ms for so much: some hundredths of a core */
#define ROWS_FOR_INFO 4

/* ---- columns ------------------------------------------------------------------------------ */

static unsigned least_of(const struct tui_column *c)
{
	return c->least && c->least < c->width ? c->least : c->width;
}

/* Columns that all @n of those with a width need, gaps included. */
static unsigned total(const uint16_t *w, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += w[i] ? w[i] + 1u : 0;
	return sum; /* one for the marks before, none after the last */
}

/* Of those with a width the one that goes first; the last of equals.  -1: one at most is left. */
static int first_to_go(const struct tui_rows *rows, const uint16_t *w)
{
	int worst = -1, n = 0;

	for (int i = 0; i < rows->ncolumns; i++) {
		if (!w[i])
			continue;
		n++;
		if (worst < 0 || rows->columns[i].rank >= rows->columns[worst].rank)
			worst = i;
	}
	return n > 1 ? worst : -1;
}

/* Take what is too much from the columns of the greatest ranks, as far as they let; of equals from
 * the last: the first names the row. */
static void shrink(const struct tui_rows *rows, uint16_t *w, unsigned cols)
{
	for (int rank = UINT8_MAX; rank >= 0; rank--)
		for (unsigned i = rows->ncolumns; i-- > 0;) {
			unsigned all = total(w, rows->ncolumns), least;

			if (all <= cols)
				return;
			if (!w[i] || rows->columns[i].rank != rank)
				continue;
			least = least_of(&rows->columns[i]);
			w[i] = (uint16_t)(w[i] - least > all - cols ? w[i] - (all - cols) : least);
		}
}

static void grow(const struct tui_rows *rows, uint16_t *w, unsigned cols)
{
	unsigned all = total(w, rows->ncolumns), growing = 0, left;

	for (unsigned i = 0; i < rows->ncolumns; i++)
		growing += w[i] && rows->columns[i].grows;
	left = all < cols ? cols - all : 0;
	for (unsigned i = 0; growing && i < rows->ncolumns; i++) {
		unsigned share = left / growing;

		if (!w[i] || !rows->columns[i].grows)
			continue;
		w[i] = (uint16_t)(w[i] + share);
		left -= share;
		growing--;
	}
}

static void lay_out(struct tui_list *l, unsigned cols)
{
	const struct tui_rows *rows = l->rows;
	uint16_t *w = l->column_w;
	unsigned x = 1;
	int gone;

	for (unsigned i = 0; i < rows->ncolumns; i++)
		w[i] = (uint16_t)least_of(&rows->columns[i]);
	while (total(w, rows->ncolumns) > cols && (gone = first_to_go(rows, w)) >= 0)
		w[gone] = 0;
	for (unsigned i = 0; i < rows->ncolumns; i++)
		w[i] = w[i] ? rows->columns[i].width : 0;
	shrink(rows, w, cols);
	grow(rows, w, cols);
	for (unsigned i = 0; i < rows->ncolumns; i++) {
		l->column_x[i] = (uint16_t)x;
		x += w[i] ? w[i] + 1u : 0;
	}
}

/* ---- head --------------------------------------------------------------------------------- */

static const char *arrow(const struct tui_list *l, const struct tui_canvas *c)
{
	if (c->utf8 && c->glyphs != TUI_ASCII)
		return l->inverted ? "▼" : "▲";
	return l->inverted ? "v" : "^";
}

static void draw_head(const struct tui_list *l, struct tui_area a)
{
	tui_clear(tui_part(a, 0, 0, 1, a.cols), TUI_HEAD);
	for (int i = 0; i < l->rows->ncolumns; i++) {
		const struct tui_column *c = &l->rows->columns[i];
		unsigned x = l->column_x[i], w = l->column_w[i], wide, sorted = i == l->sort;

		if (!w)
			continue;
		tui_text(a, 0, x, w - sorted, (enum tui_align)c->align, TUI_HEAD, c->title);
		wide = tui_width(a.c, c->title);
		if (sorted)
			tui_glyph(a, 0, x + (c->align == TUI_RIGHT || wide > w - 1 ? w - 1 : wide),
				  TUI_HEAD, arrow(l, a.c));
	}
}

/* ---- rows --------------------------------------------------------------------------------- */

/* Letters that a search found, in a cell that was drawn at @x. */
static void mark_match(const struct tui_list *l, struct tui_area a, unsigned x, unsigned column,
		       const char *text)
{
	const char *at = l->search[0] ? tui_match_in(text, l->search) : NULL;
	unsigned w = l->column_w[column], before, wide, all;

	if (!at)
		return;
	before = tui_width_n(a.c, text, (size_t)(at - text));
	wide = tui_width_n(a.c, at, strlen(l->search));
	all = tui_width(a.c, text);
	if (l->rows->columns[column].align == TUI_RIGHT && all < w)
		before += w - all;
	if (before >= w)
		before = w - 1; /* beyond the '~' */
	tui_paint(a, 0, x + before, wide < w - before ? wide : w - before, TUI_MATCH);
}

static void draw_cell(const struct tui_list *l, struct tui_area a, uint32_t row, unsigned i,
		      enum tui_style base)
{
	const struct tui_column *c = &l->rows->columns[i];
	unsigned x = l->column_x[i], w = l->column_w[i];
	char text[TUI_CELL_MAX] = "";
	enum tui_style style;

	if (x >= a.cols)
		return;
	w = w < a.cols - x ? w : a.cols - x;
	if (l->rows->paint && l->rows->paint(l->ctx, row, i, tui_part(a, 0, x, 1, w), base))
		return;
	style = l->rows->cell(l->ctx, row, i, text);
	tui_text(a, 0, x, w, (enum tui_align)c->align, base == TUI_PLAIN ? style : base, text);
	mark_match(l, a, x, i, text);
}

/* @a is the row's.  Returns the row's id. */
static uint64_t draw_row(const struct tui_list *l, struct tui_area a, uint32_t row)
{
	uint64_t id = l->rows->id(l->ctx, row);
	bool here = id == l->selected, marked = l->nmarks && tui_list_is_marked(l, id);
	enum tui_style base = here ? TUI_SELECT : marked ? TUI_MARKED : TUI_PLAIN;

	tui_clear(a, base);
	if (here || marked)
		tui_glyph(a, 0, 0, base, marked ? "*" : ">");
	for (unsigned i = 0; i < l->rows->ncolumns; i++)
		if (l->column_w[i])
			draw_cell(l, a, row, i, base);
	return id;
}

static void scroll(struct tui_list *l, unsigned height)
{
	l->height = height;
	if (l->top + height > l->shown)
		l->top = l->shown > height ? l->shown - height : 0;
	if (l->at < l->top)
		l->top = l->at;
	if (height && l->at >= l->top + height)
		l->top = l->at - height + 1;
}

static void remember(struct tui_list *l, unsigned height)
{
	uint64_t *bigger;

	if (height > l->seen_cap) {
		bigger = realloc(l->seen, height * sizeof(*bigger));
		if (bigger) {
			l->seen = bigger;
			l->seen_cap = height;
		}
	}
	l->nseen = height < l->seen_cap ? height : l->seen_cap;
}

static void draw_rows(struct tui_list *l, struct tui_area a)
{
	scroll(l, a.rows);
	remember(l, a.rows);
	for (unsigned y = 0; y < a.rows; y++) {
		struct tui_area at = tui_part(a, y, 0, 1, a.cols);
		uint32_t place = l->top + y, row = TUI_NO_ROW;
		uint64_t id = 0;

		if (place < l->shown)
			row = l->order[place];
		if (row < l->count)
			id = draw_row(l, at, row);
		else
			tui_clear(at, TUI_PLAIN);
		if (y < l->nseen)
			l->seen[y] = id;
	}
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* What is not seen from the rows themselves: that some are missing, or marked, or new ones come. */
static void draw_info(const struct tui_list *l, struct tui_area a)
{
	struct mkt_buf b = MKT_BUF_INIT;

	if (l->filter[0] && l->making)
		mkt_buf_addf(&b, "only %s: looking  ", l->filter);
	else if (l->filter[0])
		mkt_buf_addf(&b, "only %s: %u of %u  ", l->filter, (unsigned)l->shown,
			     (unsigned)l->count);
	if (l->search[0])
		mkt_buf_addf(&b, "/%s%s  ", l->search,
			     l->looking	  ? ": looking"
			     : l->nowhere ? ": nowhere"
					  : "");
	if (l->nmarks)
		mkt_buf_addf(&b, "%u marked  ", (unsigned)l->nmarks);
	if (l->follow)
		mkt_buf_addstr(&b, "following the newest");
	tui_text(a, 0, 0, a.cols, TUI_LEFT, TUI_STRONG, mkt_buf_str(&b));
	mkt_buf_release(&b);
}

static bool due(const struct tui_list *l, uint64_t steady_ms)
{
	uint64_t keep = l->cost / COST_A_MS;

	keep = keep < MAKE_MS ? MAKE_MS : keep > TUI_LIST_KEEP_MS ? TUI_LIST_KEEP_MS : keep;
	return (!l->shown && !l->filter[0]) || steady_ms - l->made_ms >= keep;
}

/* What is under way goes on; an order that is due is begun. */
static void work(struct tui_list *l, uint64_t steady_ms)
{
	if (l->making) {
		(void)tui_list_step(l, TUI_LIST_SLICE);
	} else if (l->changed && due(l, steady_ms)) {
		tui_list_begin(l);
		l->made_ms = steady_ms;
	} else if (l->looking) {
		tui_list_look(l);
	}
}

void tui_list_draw(struct tui_list *l, struct tui_area a, uint64_t steady_ms, const char *empty)
{
	bool info =
		a.rows >= ROWS_FOR_INFO && (l->filter[0] || l->search[0] || l->nmarks || l->follow);
	unsigned head = a.rows > 1, below = a.rows - head - info;

	work(l, steady_ms);
	a.c->again |= l->making || l->looking;
	l->drawn = a;
	if (!a.rows || !a.cols)
		return;
	lay_out(l, a.cols);
	if (head)
		draw_head(l, a);
	draw_rows(l, tui_part(a, head, 0, below, a.cols));
	if (!l->shown && below)
		tui_text(a, head, 0, a.cols, TUI_LEFT, TUI_DIM,
			 l->count && l->filter[0] ? "no row fits the filter"
			 : empty		  ? empty
						  : "");
	if (info)
		draw_info(l, tui_part(a, a.rows - 1, 0, 1, a.cols));
}

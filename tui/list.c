#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "tui/list_impl.h"

#define WHEEL_ROWS 3

void tui_list_init(struct tui_list *l, const struct tui_rows *rows, void *ctx, int sort)
{
	*l = (struct tui_list){.rows = rows, .ctx = ctx, .sort = (int8_t)sort};
}

void tui_list_release(struct tui_list *l)
{
	tui_list_stop(l);
	free(l->order);
	free(l->marks);
	free(l->seen);
	memset(l, 0, sizeof(*l));
}

void tui_list_changed(struct tui_list *l, uint32_t count)
{
	/* What is under way has numbers of rows that are no more. */
	if (l->making && count < l->making->rows)
		tui_list_stop(l);
	else if (l->making)
		l->making->again = true;
	l->count = count;
	l->changed = true;
}

/* ---- the selection ------------------------------------------------------------------------ */

void tui_list_go(struct tui_list *l, uint32_t at)
{
	uint64_t id;

	l->follow = l->looking = l->nowhere = false;
	at = at < l->shown || !l->shown ? at : l->shown - 1;
	id = tui_list_id_at(l, at);
	if (!id)
		return; /* gone since the order was made */
	l->at = at;
	l->selected = l->wanted = id;
}

uint32_t tui_list_row(struct tui_list *l)
{
	tui_list_refresh(l);
	if (!l->selected || !l->shown)
		return TUI_NO_ROW;
	if (tui_list_id_at(l, l->at) == l->selected)
		return l->order[l->at];
	for (uint32_t row = 0; l->changed && row < l->count; row++)
		if (l->rows->id(l->ctx, row) == l->selected)
			return row;
	return TUI_NO_ROW;
}

bool tui_list_select(struct tui_list *l, uint64_t id)
{
	for (unsigned pass = 0; id && pass < 2; pass++) {
		for (uint32_t i = 0; i < l->shown; i++)
			if (tui_list_id_at(l, i) == id) {
				tui_list_go(l, i);
				return true;
			}
		if (!l->changed)
			break;
		tui_list_make(l);
	}
	return false;
}

/* ---- marks -------------------------------------------------------------------------------- */

/* Where @id stands among the marks, or would. */
static uint32_t mark_place(const struct tui_list *l, uint64_t id)
{
	uint32_t from = 0, to = l->nmarks;

	while (from < to) {
		uint32_t mid = from + (to - from) / 2;

		if (l->marks[mid] < id)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

bool tui_list_is_marked(const struct tui_list *l, uint64_t id)
{
	uint32_t at = mark_place(l, id);

	return at < l->nmarks && l->marks[at] == id;
}

static bool room_for_mark(struct tui_list *l)
{
	uint32_t cap = l->marks_cap ? l->marks_cap * 2 : 16;
	uint64_t *bigger;

	if (l->nmarks < l->marks_cap)
		return true;
	bigger = realloc(l->marks, cap * sizeof(*bigger));
	if (!bigger)
		return false;
	l->marks = bigger;
	l->marks_cap = cap;
	return true;
}

static void toggle_mark(struct tui_list *l)
{
	uint32_t at = mark_place(l, l->selected);
	size_t after = (l->nmarks - at) * sizeof(*l->marks);

	if (!l->selected || !l->shown)
		return;
	if (tui_list_is_marked(l, l->selected)) {
		memmove(l->marks + at, l->marks + at + 1, after - sizeof(*l->marks));
		l->nmarks--;
	} else if (room_for_mark(l)) {
		memmove(l->marks + at + 1, l->marks + at, after);
		l->marks[at] = l->selected;
		l->nmarks++;
	}
	tui_list_go(l, l->at + 1);
}

uint32_t tui_list_chosen(struct tui_list *l, uint64_t *out, uint32_t max)
{
	uint32_t row = tui_list_row(l), n = 0;

	for (uint32_t i = 0; l->nmarks && i < l->count; i++) {
		uint64_t id = l->rows->id(l->ctx, i);

		if (!tui_list_is_marked(l, id))
			continue;
		if (n < max)
			out[n] = id;
		n++;
	}
	if (l->nmarks || row == TUI_NO_ROW)
		return n;
	if (max)
		out[0] = l->selected;
	return 1;
}

/* ---- actions ------------------------------------------------------------------------------ */

void tui_list_sort_by(struct tui_list *l, int column)
{
	if (column == l->sort)
		l->inverted = !l->inverted;
	else
		l->inverted = false;
	l->sort = (int8_t)column;
	tui_list_begin(l);
}

/* The next column that is drawn, or the pane's own order between last and first. */
static void sort_beside(struct tui_list *l, int step)
{
	int n = l->rows->ncolumns + 1, column = l->sort;

	do
		column = (column + 1 + n + step) % n - 1;
	while (column >= 0 && column != l->sort && l->drawn.c && !l->column_w[column]);
	if (column != l->sort)
		tui_list_sort_by(l, column);
}

static bool move(struct tui_list *l, enum tui_action action)
{
	uint32_t page = l->height > 1 ? l->height - 1 : 1;

	switch (action) {
	case TUI_A_UP:
		tui_list_go(l, l->at ? l->at - 1 : 0);
		return true;
	case TUI_A_DOWN:
		tui_list_go(l, l->at + 1);
		return true;
	case TUI_A_PAGE_UP:
		tui_list_go(l, l->at > page ? l->at - page : 0);
		return true;
	case TUI_A_PAGE_DOWN:
		tui_list_go(l, l->at + page);
		return true;
	case TUI_A_FIRST:
		tui_list_go(l, 0);
		return true;
	case TUI_A_LAST:
		tui_list_go(l, l->shown ? l->shown - 1 : 0);
		return true;
	default:
		return false;
	}
}

static void toggle_follow(struct tui_list *l)
{
	l->follow = !l->follow;
	if (l->follow)
		tui_list_place(l);
}

bool tui_list_act(struct tui_list *l, enum tui_action action)
{
	tui_list_refresh(l);
	switch (action) {
	case TUI_A_SORT_PREV:
		sort_beside(l, -1);
		return true;
	case TUI_A_SORT_NEXT:
		sort_beside(l, 1);
		return true;
	case TUI_A_INVERT:
		tui_list_sort_by(l, l->sort);
		return true;
	case TUI_A_MARK:
		toggle_mark(l);
		return true;
	case TUI_A_UNMARK:
		l->nmarks = 0;
		return true;
	case TUI_A_FOLLOW:
		toggle_follow(l);
		return true;
	case TUI_A_FIND_NEXT:
	case TUI_A_FIND_PREV:
		return tui_list_find(l, action == TUI_A_FIND_PREV);
	default:
		return move(l, action);
	}
}

int tui_list_mouse(struct tui_list *l, const struct tui_input *in)
{
	struct tui_area a = l->drawn;
	uint32_t y = in->y - a.y, x = in->x - a.x;
	bool head = a.rows > 1;

	if (!a.c || in->y < a.y || in->x < a.x || y >= a.rows || x >= a.cols)
		return -1;
	if (in->mouse == TUI_WHEEL_UP || in->mouse == TUI_WHEEL_DOWN) {
		uint32_t up = l->at > WHEEL_ROWS ? l->at - WHEEL_ROWS : 0;

		tui_list_go(l, in->mouse == TUI_WHEEL_UP ? up : l->at + WHEEL_ROWS);
		return 0;
	}
	if (head && y == 0) {
		for (int i = 0; i < l->rows->ncolumns; i++)
			if (l->column_w[i] && x >= l->column_x[i] &&
			    x < l->column_x[i] + l->column_w[i])
				tui_list_sort_by(l, i);
		return 0;
	}
	/* What was seen there is meant, wherever it stands by now. */
	y -= head;
	if (y >= l->nseen || !l->seen[y] || !tui_list_select(l, l->seen[y]))
		return 0;
	return in->mouse == TUI_DOUBLE;
}

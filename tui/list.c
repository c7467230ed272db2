#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "tui/list_impl.h"

#define CHEAP 1000000 /* of cost: made again at once for a key; some ten milliseconds */
#define CELL_WEIGHT 8
#define WHEEL_ROWS 3

void tui_list_init(struct tui_list *l, const struct tui_rows *rows, void *ctx, int sort)
{
	*l = (struct tui_list){.rows = rows, .ctx = ctx, .sort = (int8_t)sort};
}

void tui_list_release(struct tui_list *l)
{
	free(l->order);
	free(l->marks);
	free(l->seen);
	memset(l, 0, sizeof(*l));
}

void tui_list_changed(struct tui_list *l, uint32_t count)
{
	l->count = count;
	l->changed = true;
}

/* ---- the order ---------------------------------------------------------------------------- */

static bool make_room(struct tui_list *l)
{
	uint32_t cap = l->cap ? l->cap : 64;
	uint32_t *bigger;

	if (l->count <= l->cap)
		return true;
	while (cap < l->count)
		cap += cap / 2;
	bigger = malloc((size_t)cap * 2 * sizeof(*bigger));
	if (!bigger)
		return false;
	if (l->shown)
		memcpy(bigger, l->order, l->shown * sizeof(*bigger));
	free(l->order);
	l->order = bigger;
	l->cap = cap;
	return true;
}

/* Rows that are to be shown, the old ones in their old order; false: no memory. */
static bool gather(struct tui_list *l)
{
	struct tui_match m = {.text = ""};
	uint64_t cells = 0;
	uint8_t *looked;
	uint32_t n = 0;

	if (l->filter[0] && tui_match_read(l, l->filter, &m, NULL))
		return false;
	looked = calloc(l->count / 8 + 1, 1);
	if (!looked)
		return false;
	/* Without a column to sort by, the order is the pane's and the old one says nothing. */
	for (uint32_t i = 0, old = l->sort < 0 ? 0 : l->shown; i < old + l->count; i++) {
		uint32_t row = i < old ? l->order[i] : i - old;
		uint8_t bit = (uint8_t)(1u << row % 8);

		if (row >= l->count || (looked[row / 8] & bit))
			continue;
		looked[row / 8] |= bit;
		if (!m.text[0] || tui_match_row(l, &m, row, &cells))
			l->order[n++] = row;
	}
	free(looked);
	l->shown = n;
	l->cost += cells * CELL_WEIGHT;
	return true;
}

static void reverse(struct tui_list *l)
{
	for (uint32_t i = 0; i < l->shown / 2; i++) {
		uint32_t t = l->order[i];

		l->order[i] = l->order[l->shown - 1 - i];
		l->order[l->shown - 1 - i] = t;
	}
}

static uint64_t id_at(const struct tui_list *l, uint32_t place)
{
	uint32_t row = place < l->shown ? l->order[place] : TUI_NO_ROW;

	return row < l->count ? l->rows->id(l->ctx, row) : 0;
}

/* Where the newest of the rows shown stands. */
static uint32_t place_of_newest(const struct tui_list *l)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < l->shown; i++)
		if (l->order[i] > l->order[best])
			best = i;
	return best;
}

/* The cursor to the row that was chosen, else to the one it stood on, else to its place. */
static void place_cursor(struct tui_list *l)
{
	uint32_t at = TUI_NO_ROW;

	if (!l->shown)
		return; /* the selection waits for its row to come back */
	if (l->follow) {
		l->at = place_of_newest(l);
		l->selected = l->wanted = id_at(l, l->at);
		return;
	}
	for (uint32_t i = 0; i < l->shown && (l->selected || l->wanted); i++) {
		uint64_t id = id_at(l, i);

		if (id == l->selected)
			at = i;
		if (id == l->wanted) {
			at = i;
			break;
		}
		if (at != TUI_NO_ROW && !l->wanted)
			break;
	}
	if (at == TUI_NO_ROW)
		at = l->at < l->shown ? l->at : l->shown - 1;
	l->at = at;
	l->selected = id_at(l, at);
}

void tui_list_make(struct tui_list *l)
{
	l->cost = l->count;
	if (!make_room(l) || !gather(l))
		return; /* the old one stays, and it is tried again */
	if (l->sort >= 0 && !tui_list_sort(l))
		return;
	if (l->sort < 0 && l->inverted)
		reverse(l);
	place_cursor(l);
	l->changed = l->urgent = false;
}

void tui_list_refresh(struct tui_list *l)
{
	if (l->changed && l->cost + l->count < CHEAP)
		tui_list_make(l);
}

/* ---- the selection ------------------------------------------------------------------------ */

void tui_list_go(struct tui_list *l, uint32_t at)
{
	uint64_t id;

	l->follow = false;
	at = at < l->shown || !l->shown ? at : l->shown - 1;
	id = id_at(l, at);
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
	if (id_at(l, l->at) == l->selected)
		return l->order[l->at];
	for (uint32_t row = 0; l->changed && row < l->count; row++)
		if (l->rows->id(l->ctx, row) == l->selected)
			return row;
	return TUI_NO_ROW;
}

bool tui_list_select(struct tui_list *l, uint64_t id)
{
	if (l->changed)
		tui_list_make(l);
	for (uint32_t i = 0; id && i < l->shown; i++)
		if (id_at(l, i) == id) {
			tui_list_go(l, i);
			return true;
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
	tui_list_make(l);
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
		place_cursor(l);
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

/*
 * Which rows are shown, and in which order: made in slices, so that a key never waits for a
 * hundred thousand rows.  The order before it stays on the screen until the new one is whole.
 */
#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "tui/list_impl.h"

#define CHEAP 1000000 /* of cost: made again at once for a key; some ten milliseconds */

/* ---- beginning and end -------------------------------------------------------------------- */

void tui_list_stop(struct tui_list *l)
{
	struct tui_making *m = l->making;

	if (!m)
		return;
	free(m->v);
	free(m->looked);
	free(m->keys);
	free(m->out);
	free(m);
	l->making = NULL;
}

static struct tui_making *making_of(struct tui_list *l)
{
	struct tui_making *m = calloc(1, sizeof(*m));
	uint32_t cap = l->cap ? l->cap : 64;

	if (!m)
		return NULL;
	while (cap < l->count)
		cap += cap / 2;
	m->rows = l->count;
	m->cap = cap;
	m->v = malloc((size_t)cap * sizeof(*m->v));
	m->looked = calloc(l->count / 8 + 1, 1);
	if (m->v && m->looked)
		return m;
	free(m->v);
	free(m->looked);
	free(m);
	return NULL;
}

/* True if there was memory for it. */
static bool start(struct tui_list *l)
{
	struct tui_match match = {.text = ""};

	if (l->filter[0] && tui_match_read(l, l->filter, &match, NULL))
		return false;
	tui_list_stop(l);
	l->making = making_of(l);
	if (!l->making)
		return false;
	l->making->match = match;
	l->cost = l->count;
	return true;
}

static void reverse(uint32_t *v, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		uint32_t t = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = t;
	}
}

/* The new order takes the place of the old one. */
static void finish(struct tui_list *l)
{
	struct tui_making *m = l->making;

	if (l->sort < 0 && l->inverted)
		reverse(m->v, m->n);
	free(l->order);
	l->order = m->v;
	l->cap = m->cap;
	l->shown = m->n;
	l->changed = m->again;
	m->v = NULL;
	tui_list_stop(l);
	tui_list_place(l);
}

/* ---- rows that are to be shown ------------------------------------------------------------ */

/*
 * The old ones in their old order first, so that sorting finds little to do.  Without a column to
 * sort by, the order is the pane's and the old one says nothing.
 */
static bool gather(struct tui_list *l, uint64_t until)
{
	struct tui_making *m = l->making;
	uint32_t old = l->sort < 0 ? 0 : l->shown;

	for (; m->at < (uint64_t)old + m->rows; m->at++) {
		uint32_t row = m->at < old ? l->order[m->at] : (uint32_t)(m->at - old);
		uint8_t bit = (uint8_t)(1u << row % 8);
		uint64_t cells = 0;

		if (l->cost >= until)
			return false;
		if (row >= m->rows || (m->looked[row / 8] & bit))
			continue;
		m->looked[row / 8] |= bit;
		if (!m->match.text[0] || tui_match_row(l, &m->match, row, &cells))
			m->v[m->n++] = row;
		l->cost += cells * TUI_CELL_COST;
	}
	return true;
}

/* ---- slices ------------------------------------------------------------------------------- */

bool tui_list_step(struct tui_list *l, uint64_t cost)
{
	struct tui_making *m = l->making;
	uint64_t until = cost < UINT64_MAX - l->cost ? l->cost + cost : UINT64_MAX;

	if (!m)
		return true;
	if (m->phase == TUI_GATHERS) {
		if (!gather(l, until))
			return false;
		m->phase = l->sort >= 0 ? TUI_SORTS : TUI_MADE;
	}
	if (m->phase == TUI_SORTS) {
		int rc = tui_list_sort(l, until);

		if (rc < 0)
			tui_list_stop(l); /* no memory: the old one stays, and it is tried again */
		if (rc)
			return rc < 0;
	}
	finish(l);
	return true;
}

void tui_list_begin(struct tui_list *l)
{
	l->changed = true; /* until the new one is whole */
	if (start(l))
		(void)tui_list_step(l, TUI_LIST_SLICE);
}

void tui_list_make(struct tui_list *l)
{
	l->changed = true;
	if (start(l))
		(void)tui_list_step(l, UINT64_MAX);
}

void tui_list_refresh(struct tui_list *l)
{
	if (l->changed && !l->making && l->cost + l->count < CHEAP)
		tui_list_make(l);
}

/* ---- the cursor --------------------------------------------------------------------------- */

uint64_t tui_list_id_at(const struct tui_list *l, uint32_t place)
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

void tui_list_place(struct tui_list *l)
{
	uint32_t at = TUI_NO_ROW;

	if (!l->shown)
		return; /* the selection waits for its row to come back */
	if (l->follow) {
		l->at = place_of_newest(l);
		l->selected = l->wanted = tui_list_id_at(l, l->at);
		return;
	}
	for (uint32_t i = 0; i < l->shown && (l->selected || l->wanted); i++) {
		uint64_t id = tui_list_id_at(l, i);

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
	l->selected = tui_list_id_at(l, at);
}

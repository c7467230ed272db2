#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "tui/list_impl.h"

/* Upper case is lower case, as in searches; the first byte weighs most. */
static uint64_t key_of(const char *text)
{
	uint64_t key = 0;

	for (unsigned i = 0; i < 8; i++) {
		uint8_t c = (uint8_t)*text;

		key = key << 8 | (c >= 'A' && c <= 'Z' ? c + 32u : c);
		text += c != 0;
	}
	return key;
}

static bool by_text(const struct tui_list *l)
{
	return !l->rows->compare || (l->rows->texts >> l->sort & 1u);
}

static int compare_texts(struct tui_list *l, uint32_t a, uint32_t b)
{
	const uint64_t *keys = l->making->keys;
	unsigned column = (unsigned)l->sort;
	char one[TUI_CELL_MAX] = "", two[TUI_CELL_MAX] = "";

	if (keys[a] != keys[b])
		return keys[a] < keys[b] ? -1 : 1;
	if (!(keys[a] & 0xff))
		return 0; /* both end within their keys */
	l->rows->cell(l->ctx, a, column, one);
	l->rows->cell(l->ctx, b, column, two);
	l->cost += 2 * TUI_CELL_COST;
	return strcasecmp(one, two);
}

/* Never 0: rows that are equal stand as in the pane's order. */
static int compare(struct tui_list *l, uint32_t a, uint32_t b)
{
	int c;

	l->cost++;
	c = l->making->keys ? compare_texts(l, a, b)
			    : l->rows->compare(l->ctx, a, b, (unsigned)l->sort);
	if (c)
		return l->inverted ? -c : c;
	return a < b ? -1 : 1;
}

/* ---- phases: each true when it is done ---------------------------------------------------- */

static bool make_keys(struct tui_list *l, uint64_t until)
{
	struct tui_making *m = l->making;

	for (; by_text(l) && m->i < m->n; m->i++) {
		char text[TUI_CELL_MAX] = "";

		if (l->cost >= until)
			return false;
		l->rows->cell(l->ctx, m->v[m->i], (unsigned)l->sort, text);
		m->keys[m->v[m->i]] = key_of(text);
		l->cost += TUI_CELL_COST;
	}
	return true;
}

/*
 * Out of the rows what stands wrong.  At each fault both neighbours go: one of them is where it
 * should be and comes back by the merge.
 */
static bool take_out(struct tui_list *l, uint64_t until)
{
	struct tui_making *m = l->making;

	for (; m->i < m->n; m->i++) {
		if (l->cost >= until)
			return false;
		if (m->kept && compare(l, m->v[m->i], m->v[m->kept - 1]) < 0) {
			m->out[m->outs++] = m->v[--m->kept];
			m->out[m->outs++] = m->v[m->i];
		} else {
			m->v[m->kept++] = m->v[m->i];
		}
	}
	return true;
}

static void merge(struct tui_list *l, const uint32_t *v, uint32_t mid, uint32_t n, uint32_t *out)
{
	uint32_t a = 0, b = mid;

	for (uint32_t i = 0; i < n; i++) {
		bool left = a < mid && (b >= n || compare(l, v[a], v[b]) < 0);

		out[i] = left ? v[a++] : v[b++];
	}
}

/* From the bottom up, to and fro between the halves; the last merges are a slice each. */
static bool merge_sort(struct tui_list *l, uint64_t until)
{
	struct tui_making *m = l->making;

	for (; m->width < m->outs; m->width *= 2, m->i = 0, m->swapped = !m->swapped) {
		const uint32_t *from = m->out + (m->swapped ? m->n : 0);
		uint32_t *to = m->out + (m->swapped ? 0 : m->n);

		while (m->i < m->outs) {
			uint32_t left = m->outs - m->i;
			uint32_t size = left < 2 * m->width ? left : 2 * m->width;

			if (l->cost >= until)
				return false;
			merge(l, from + m->i, m->width < size ? m->width : size, size, to + m->i);
			m->i += size;
		}
	}
	return true;
}

/* What was taken out, sorted by now, in among what stayed, from the back. */
static bool put_back(struct tui_list *l, uint64_t until)
{
	struct tui_making *m = l->making;
	const uint32_t *out = m->out + (m->swapped ? m->n : 0);

	while (m->outs) {
		if (l->cost >= until)
			return false;
		if (m->kept && compare(l, m->v[m->kept - 1], out[m->outs - 1]) > 0) {
			m->v[m->kept + m->outs - 1] = m->v[m->kept - 1];
			m->kept--;
		} else {
			m->v[m->kept + m->outs - 1] = out[m->outs - 1];
			m->outs--;
		}
	}
	return true;
}

static bool get_room(struct tui_list *l)
{
	struct tui_making *m = l->making;

	m->out = malloc(((size_t)m->n * 2 + 1) * sizeof(*m->out));
	if (by_text(l))
		m->keys = malloc(((size_t)m->rows + 1) * sizeof(*m->keys));
	m->width = 1;
	return m->out && (m->keys || !by_text(l));
}

int tui_list_sort(struct tui_list *l, uint64_t until)
{
	static bool (*const phases[])(struct tui_list * l, uint64_t until) = {
		[TUI_SORT_KEYS] = make_keys,
		[TUI_SORT_TAKE_OUT] = take_out,
		[TUI_SORT_MERGE] = merge_sort,
		[TUI_SORT_PUT_BACK] = put_back,
	};
	struct tui_making *m = l->making;

	if (!m->out && !get_room(l))
		return -MKT_ENOMEM;
	for (; m->sorting <= TUI_SORT_PUT_BACK; m->sorting++, m->i = 0)
		if (!phases[m->sorting](l, until))
			return 1;
	return 0;
}

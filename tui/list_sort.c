#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "tui/list_impl.h"

#define CELL_WEIGHT 8 /* a cell is written by printf, a compare looks at two numbers */

/* Sorting under way. */
struct sorter {
	struct tui_list *l;
	uint64_t *keys; /* first eight bytes of each row's text, or NULL; by row */
};

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

static int compare_texts(struct sorter *s, uint32_t a, uint32_t b)
{
	const struct tui_rows *rows = s->l->rows;
	unsigned column = (unsigned)s->l->sort;
	char one[TUI_CELL_MAX] = "", two[TUI_CELL_MAX] = "";

	if (s->keys[a] != s->keys[b])
		return s->keys[a] < s->keys[b] ? -1 : 1;
	if (!(s->keys[a] & 0xff))
		return 0; /* both end within their keys */
	rows->cell(s->l->ctx, a, column, one);
	rows->cell(s->l->ctx, b, column, two);
	s->l->cost += 2 * CELL_WEIGHT;
	return strcasecmp(one, two);
}

/* Never 0: rows that are equal stand as in the pane's order. */
static int compare(struct sorter *s, uint32_t a, uint32_t b)
{
	struct tui_list *l = s->l;
	int c;

	l->cost++;
	c = s->keys ? compare_texts(s, a, b) : l->rows->compare(l->ctx, a, b, (unsigned)l->sort);
	if (c)
		return l->inverted ? -c : c;
	return a < b ? -1 : 1;
}

/*
 * Take out of @v what stands wrong, into @out; returns how many stay.  At each fault both
 * neighbours go: one of them is where it should be and comes back by the merge.
 */
static uint32_t take_out(struct sorter *s, uint32_t *v, uint32_t n, uint32_t *out)
{
	uint32_t kept = 0, outs = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (kept && compare(s, v[i], v[kept - 1]) < 0) {
			out[outs++] = v[--kept];
			out[outs++] = v[i];
		} else {
			v[kept++] = v[i];
		}
	}
	return kept;
}

static void merge(struct sorter *s, const uint32_t *v, uint32_t mid, uint32_t n, uint32_t *out)
{
	uint32_t a = 0, b = mid;

	for (uint32_t i = 0; i < n; i++) {
		bool left = a < mid && (b >= n || compare(s, v[a], v[b]) < 0);

		out[i] = left ? v[a++] : v[b++];
	}
}

/* From the bottom up; @tmp has room for @n. */
static void merge_sort(struct sorter *s, uint32_t *v, uint32_t n, uint32_t *tmp)
{
	uint32_t *from = v, *to = tmp;

	for (uint32_t width = 1; width < n; width *= 2) {
		for (uint32_t i = 0; i < n; i += 2 * width) {
			uint32_t left = n - i, size = left < 2 * width ? left : 2 * width;

			merge(s, from + i, width < size ? width : size, size, to + i);
		}
		from = to;
		to = from == v ? tmp : v;
	}
	if (from != v)
		memcpy(v, from, n * sizeof(*v));
}

/* @outs of @out, sorted, in among the @kept of @v, from the back. */
static void put_back(struct sorter *s, uint32_t *v, uint32_t kept, const uint32_t *out,
		     uint32_t outs)
{
	while (outs) {
		if (kept && compare(s, v[kept - 1], out[outs - 1]) > 0) {
			v[kept + outs - 1] = v[kept - 1];
			kept--;
		} else {
			v[kept + outs - 1] = out[outs - 1];
			outs--;
		}
	}
}

static bool make_keys(struct sorter *s)
{
	struct tui_list *l = s->l;
	char text[TUI_CELL_MAX];

	s->keys = malloc(((size_t)l->count + 1) * sizeof(*s->keys));
	if (!s->keys)
		return false;
	for (uint32_t i = 0; i < l->shown; i++) {
		uint32_t row = l->order[i];

		text[0] = '\0';
		l->rows->cell(l->ctx, row, (unsigned)l->sort, text);
		s->keys[row] = key_of(text);
	}
	l->cost += (uint64_t)l->shown * CELL_WEIGHT;
	return true;
}

bool tui_list_sort(struct tui_list *l)
{
	struct sorter s = {.l = l};
	uint32_t *v = l->order, *out = l->order + l->cap, n = l->shown, kept;

	if (l->rows->compare == NULL && !make_keys(&s))
		return false;
	kept = take_out(&s, v, n, out);
	merge_sort(&s, out, n - kept, v + kept);
	put_back(&s, v, kept, out, n - kept);
	free(s.keys);
	return true;
}

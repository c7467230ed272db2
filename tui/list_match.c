/* Filters and searches: what a row must hold. */
#include "core/base/compat.h"

#include <string.h>
#include <strings.h>

#include "tui/list_impl.h"

const char *tui_match_in(const char *text, const char *needle)
{
	return strcasestr(text, needle);
}

static int column_of(const struct tui_list *l, const char *name, size_t n)
{
	for (int i = 0; i < l->rows->ncolumns; i++) {
		const char *have = l->rows->columns[i].name;

		if (have && strlen(have) == n && !strncasecmp(have, name, n))
			return i;
	}
	return -1;
}

/* "10:30" is a text to look for, "price:10" names a field. */
static size_t field_in(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");

	return text[n] == ':' ? n : 0;
}

int tui_match_read(const struct tui_list *l, const char *text, struct tui_match *m,
		   struct mkt_err *err)
{
	size_t n;

	if (strlen(text) >= TUI_FILTER_MAX)
		return mkt_err_set(err, MKT_EUSAGE, "that is more than %d letters",
				   TUI_FILTER_MAX - 1);
	*m = (struct tui_match){.column = -1};
	m->without = text[0] == '!';
	text += m->without;
	n = field_in(text);
	if (n) {
		m->column = column_of(l, text, n);
		if (m->column < 0)
			return mkt_err_set(err, MKT_EUSAGE, "these rows have no field '%.*s'",
					   (int)n, text);
		text += n + 1;
	}
	m->text = text;
	return 0;
}

bool tui_match_row(const struct tui_list *l, const struct tui_match *m, uint32_t row,
		   uint64_t *cells)
{
	unsigned from = m->column < 0 ? 0 : (unsigned)m->column;
	unsigned to = m->column < 0 ? l->rows->ncolumns : from + 1;

	for (unsigned i = from; i < to; i++) {
		char text[TUI_CELL_MAX] = "";

		l->rows->cell(l->ctx, row, i, text);
		++*cells;
		if (tui_match_in(text, m->text))
			return !m->without;
	}
	return m->without;
}

int tui_list_filter(struct tui_list *l, const char *text, struct mkt_err *err)
{
	struct tui_match m;
	int rc = tui_match_read(l, text, &m, err);

	if (rc)
		return rc;
	/* "!" or "field:" alone say nothing yet. */
	memset(l->filter, 0, sizeof(l->filter));
	if (m.text[0])
		memcpy(l->filter, text, strlen(text));
	tui_list_begin(l);
	return 0;
}

/* ---- searching ---------------------------------------------------------------------------- */

/* From the cursor on, up or down and around the end; its own row is the first or the last. */
void tui_list_look(struct tui_list *l)
{
	struct tui_match m = {.column = -1, .text = l->search};
	uint64_t cells = 0;

	for (; l->looked < l->shown + l->from_next; l->looked++) {
		uint32_t off = l->looked % l->shown;
		uint32_t place = (l->at + (l->back ? l->shown - off : off)) % l->shown;

		if (cells * TUI_CELL_COST >= TUI_LIST_SLICE)
			return;
		if (l->order[place] < l->count && tui_match_row(l, &m, l->order[place], &cells)) {
			tui_list_go(l, place);
			return;
		}
	}
	l->looking = false;
	l->nowhere = true;
}

static bool look(struct tui_list *l, bool from_next, bool back)
{
	l->from_next = from_next;
	l->back = back;
	l->looked = from_next;
	l->nowhere = false;
	l->looking = l->search[0] != '\0';
	if (!l->looking)
		return false;
	tui_list_look(l);
	return !l->nowhere;
}

bool tui_list_search(struct tui_list *l, const char *text)
{
	size_t n = strnlen(text, sizeof(l->search) - 1);

	tui_list_refresh(l);
	memset(l->search, 0, sizeof(l->search));
	memcpy(l->search, text, n);
	return look(l, false, false);
}

bool tui_list_find(struct tui_list *l, bool back)
{
	tui_list_refresh(l);
	return look(l, true, back);
}

#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "tui/wrap.h"

static int add_row(struct tui_wrap *w, size_t at, size_t n)
{
	if (w->n == w->cap) {
		uint32_t cap = w->cap ? w->cap * 2 : 64;
		struct tui_wrap_row *bigger = realloc(w->rows, cap * sizeof(*bigger));

		if (!bigger)
			return -MKT_ENOMEM;
		w->rows = bigger;
		w->cap = cap;
	}
	w->rows[w->n++] = (struct tui_wrap_row){.at = (uint32_t)at, .n = (uint32_t)n};
	return 0;
}

/* Bytes of a line's beginning that make one row. */
static size_t break_at(const struct tui_canvas *c, const char *line, size_t n, unsigned cols)
{
	size_t fit = tui_fit(c, line, n, cols), blank;

	if (fit == n || line[fit] == ' ')
		return fit;
	for (blank = fit; blank > fit / 2; blank--)
		if (line[blank - 1] == ' ')
			return blank;
	return fit;
}

int tui_wrap(struct tui_wrap *w, const struct tui_canvas *c, const char *text, unsigned cols)
{
	size_t at = 0, all = strlen(text);
	int rc = 0;

	cols = cols ? cols : 1;
	if (w->n && w->cols == cols && w->utf8 == c->utf8)
		return 0;
	w->n = 0;
	while (!rc && at < all) {
		size_t line = strcspn(text + at, "\n"), n = break_at(c, text + at, line, cols);

		rc = add_row(w, at, n);
		at += n;
		if (n < line)
			at += strspn(text + at, " ");
		at += text[at] == '\n';
	}
	w->cols = cols;
	w->utf8 = c->utf8;
	if (rc)
		w->n = 0;
	return rc;
}

void tui_wrap_clear(struct tui_wrap *w)
{
	w->n = 0;
}

void tui_wrap_release(struct tui_wrap *w)
{
	free(w->rows);
	*w = (struct tui_wrap){0};
}

void tui_wrap_draw(const struct tui_wrap *w, const char *text, uint32_t i, struct tui_area a,
		   unsigned y, enum tui_style style, const char *find)
{
	char *row = i < w->n ? strndup(text + w->rows[i].at, w->rows[i].n) : NULL;
	const char *hit = row;

	tui_text(a, y, 0, a.cols, TUI_LEFT, style, row ? row : "");
	while (row && find && *find && (hit = strcasestr(hit, find)) != NULL) {
		size_t n = strlen(find);

		tui_paint(a, y, tui_width_n(a.c, row, (size_t)(hit - row)),
			  tui_width_n(a.c, hit, n), TUI_MATCH);
		hit += n;
	}
	free(row);
}

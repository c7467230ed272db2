/* All rows shown into a stream, one at a time. */
#include "core/base/compat.h"

#include <errno.h>
#include <string.h>

#include "core/codec/json.h"
#include "tui/list_impl.h"

static int failed(struct mkt_err *err)
{
	return mkt_err_sys(err, MKT_EOUTPUT, errno, "cannot write");
}

/* As RFC 8259 has them; others stay texts. */
static bool is_number(const char *s)
{
	size_t n;

	s += *s == '-';
	n = strspn(s, "0123456789");
	if (!n || (n > 1 && s[0] == '0'))
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(s + 1, "0123456789");
		if (!n)
			return false;
		s += n + 1;
	}
	return !*s;
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void put_object(const struct tui_list *l, uint32_t row, struct mkt_buf *b)
{
	struct mkt_jw w;

	mkt_jw_init(&w, b);
	mkt_jw_obj(&w);
	for (unsigned i = 0; i < l->rows->ncolumns; i++) {
		const struct tui_column *c = &l->rows->columns[i];
		char text[TUI_CELL_MAX] = "";

		l->rows->cell(l->ctx, row, i, text);
		mkt_jw_key(&w, c->name);
		if (c->number && !text[0])
			mkt_jw_null(&w);
		else if (c->number && is_number(text))
			mkt_jw_raw(&w, text, strlen(text));
		else
			mkt_jw_str(&w, text);
	}
	mkt_jw_obj_end(&w);
}

/* ---- text --------------------------------------------------------------------------------- */

struct widths {
	struct tui_canvas c; /* only to ask for widths: letters are as in UTF-8 */
	unsigned of[TUI_COLUMNS_MAX];
};

static void widen(struct widths *w, unsigned column, const char *text)
{
	unsigned wide = tui_width(&w->c, text);

	w->of[column] = wide > w->of[column] ? wide : w->of[column];
}

static void measure(const struct tui_list *l, struct widths *w)
{
	for (unsigned i = 0; i < l->rows->ncolumns; i++)
		widen(w, i, l->rows->columns[i].title);
	for (uint32_t k = 0; k < l->shown; k++)
		for (unsigned i = 0; l->order[k] < l->count && i < l->rows->ncolumns; i++) {
			char text[TUI_CELL_MAX] = "";

			l->rows->cell(l->ctx, l->order[k], i, text);
			widen(w, i, text);
		}
}

static void put_text(const struct tui_list *l, const struct widths *w, unsigned i, const char *text,
		     struct mkt_buf *b)
{
	unsigned wide = tui_width(&w->c, text);
	int pad = w->of[i] > wide ? (int)(w->of[i] - wide) : 0;
	bool last = i + 1u == l->rows->ncolumns;

	if (l->rows->columns[i].align == TUI_RIGHT)
		mkt_buf_addf(b, "%*s", pad, "");
	tui_clean(b, text, strlen(text), false);
	if (l->rows->columns[i].align == TUI_LEFT && !last)
		mkt_buf_addf(b, "%*s", pad, "");
	mkt_buf_addstr(b, last ? "\n" : "  ");
}

static void put_line(const struct tui_list *l, const struct widths *w, uint32_t row,
		     struct mkt_buf *b)
{
	for (unsigned i = 0; i < l->rows->ncolumns; i++) {
		char text[TUI_CELL_MAX] = "";

		l->rows->cell(l->ctx, row, i, text);
		put_text(l, w, i, text, b);
	}
}

/* ---- both --------------------------------------------------------------------------------- */

static int flush(struct mkt_buf *b, FILE *f, struct mkt_err *err)
{
	if (b->bad)
		return mkt_err_code(err, MKT_ENOMEM);
	if (b->len && fwrite(b->data, 1, b->len, f) != b->len)
		return failed(err);
	mkt_buf_clear(b);
	return 0;
}

static int put_rows(const struct tui_list *l, FILE *f, const struct widths *w, struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	const char *before = "";
	int rc = 0;

	for (uint32_t k = 0; !rc && k < l->shown; k++) {
		if (l->order[k] >= l->count)
			continue;
		if (w) {
			put_line(l, w, l->order[k], &b);
		} else {
			mkt_buf_addstr(&b, before);
			put_object(l, l->order[k], &b);
			before = ",\n";
		}
		rc = flush(&b, f, err);
	}
	mkt_buf_release(&b);
	return rc;
}

static int put_heads(const struct tui_list *l, FILE *f, const struct widths *w, struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	int rc;

	for (unsigned i = 0; i < l->rows->ncolumns; i++)
		put_text(l, w, i, l->rows->columns[i].title, &b);
	rc = flush(&b, f, err);
	mkt_buf_release(&b);
	return rc;
}

int tui_list_export(struct tui_list *l, FILE *f, bool json, struct mkt_err *err)
{
	struct widths w = {.c = {.utf8 = true}};
	int rc;

	if (l->changed)
		tui_list_make(l);
	if (json) {
		if (fputs("[\n", f) < 0)
			return failed(err);
		rc = put_rows(l, f, NULL, err);
		if (!rc && fputs(l->shown ? "\n]\n" : "]\n", f) < 0)
			return failed(err);
	} else {
		measure(l, &w);
		rc = put_heads(l, f, &w, err);
		if (!rc)
			rc = put_rows(l, f, &w, err);
	}
	if (!rc && fflush(f))
		return failed(err);
	return rc;
}

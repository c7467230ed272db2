#include "core/base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "core/base/err.h"
#include "core/codec/enc.h"
#include "tui/canvas.h"

#define MARKS_MAX 2

int tui_canvas_resize(struct tui_canvas *c, unsigned rows, unsigned cols)
{
	struct tui_cell *cells;

	rows = rows > TUI_ROWS_MAX ? TUI_ROWS_MAX : rows;
	cols = cols > TUI_COLS_MAX ? TUI_COLS_MAX : cols;
	cells = calloc((size_t)rows * cols + 1, sizeof(*cells));
	if (!cells)
		return -MKT_ENOMEM;
	free(c->cells);
	c->cells = cells;
	c->rows = rows;
	c->cols = cols;
	tui_clear(tui_whole(c), TUI_PLAIN);
	return 0;
}

void tui_canvas_release(struct tui_canvas *c)
{
	free(c->cells);
	c->cells = NULL;
	c->rows = c->cols = 0;
}

struct tui_area tui_whole(struct tui_canvas *c)
{
	return (struct tui_area){c, 0, 0, c->rows, c->cols};
}

static unsigned cut(unsigned at, unsigned want, unsigned all)
{
	if (at >= all)
		return 0;
	return want < all - at ? want : all - at;
}

struct tui_area tui_part(struct tui_area a, unsigned y, unsigned x, unsigned rows, unsigned cols)
{
	rows = cut(y, rows, a.rows);
	cols = cut(x, cols, a.cols);
	return (struct tui_area){a.c, a.y + y, a.x + x, rows, cols};
}

static struct tui_cell *cell_at(struct tui_area a, unsigned y, unsigned x)
{
	return &a.c->cells[(size_t)(a.y + y) * a.c->cols + a.x + x];
}

/* A letter that is half overwritten leaves a blank, never half of itself. */
static void free_cell(struct tui_area a, unsigned y, unsigned x)
{
	struct tui_cell *c = cell_at(a, y, x);

	if (!c->text[0] && a.x + x) {
		memcpy(c[-1].text, " ", 2);
		c[-1].wide = 0;
	}
	if (c->wide && a.x + x + 1 < a.c->cols)
		memcpy(c[1].text, " ", 2);
	c->wide = 0;
}

static void put(struct tui_area a, unsigned y, unsigned x, enum tui_style style, const char *text,
		size_t n, unsigned width)
{
	struct tui_cell *c = cell_at(a, y, x);

	free_cell(a, y, x);
	if (width == 2)
		free_cell(a, y, x + 1);
	memcpy(c->text, text, n);
	c->text[n] = '\0';
	c->style = (uint8_t)style;
	c->wide = width == 2;
	if (width == 2)
		c[1] = (struct tui_cell){.style = (uint8_t)style};
}

void tui_clear(struct tui_area a, enum tui_style style)
{
	for (unsigned y = 0; y < a.rows; y++)
		for (unsigned x = 0; x < a.cols; x++)
			put(a, y, x, style, " ", 1, 1);
}

/* ---- letters ------------------------------------------------------------------------------ */

/* One letter with its marks, as it may be shown. */
struct letter {
	char text[TUI_CELL_BYTES];
	size_t n;
	unsigned width; /* columns; 1 or 2 */
};

static wchar_t code_of(const uint8_t *s, size_t n)
{
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = s[0] & mask[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return (wchar_t)c;
}

/* What changes the direction of others, joins them, or has no picture of its own. */
static bool meddles(wchar_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x34f ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff ||
	       (c >= 0xfff0 && c <= 0xfffb) || c >= 0xe0000;
}

static void unknown(struct letter *l)
{
	*l = (struct letter){.text = "?", .n = 1, .width = 1};
}

/* Marks that belong to the letter just read; more than fit are passed over. */
static size_t take_marks(const uint8_t *s, size_t left, struct letter *l)
{
	size_t used = 0, len;
	unsigned marks = 0;

	while (used < left && s[used] >= 0x80 && (len = mkt_utf8_len(s + used, left - used)) > 0) {
		wchar_t c = code_of(s + used, len);

		if (meddles(c) || wcwidth(c) != 0)
			break;
		if (marks++ < MARKS_MAX && l->n + len < sizeof(l->text)) {
			memcpy(l->text + l->n, s + used, len);
			l->n += len;
		}
		used += len;
	}
	return used;
}

/* The next letter of @s; returns the bytes it took, at least 1. */
static size_t next_letter(const struct tui_canvas *c, const char *text, size_t left,
			  struct letter *l)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t len = mkt_utf8_len(s, left);
	wchar_t code;
	int width;

	if (!len) {
		unknown(l);
		return 1;
	}
	code = code_of(s, len);
	width = meddles(code) ? -1 : len == 1 ? 1 : c->utf8 ? wcwidth(code) : -1;
	if (width < 1 || width > 2) {
		unknown(l);
		return len;
	}
	memset(l, 0, sizeof(*l));
	memcpy(l->text, s, len);
	l->n = len;
	l->width = (unsigned)width;
	return len + (c->utf8 ? take_marks(s + len, left - len, l) : 0);
}

unsigned tui_width(const struct tui_canvas *c, const char *text)
{
	return tui_width_n(c, text, strlen(text));
}

size_t tui_fit(const struct tui_canvas *c, const char *text, size_t n, unsigned cols)
{
	unsigned width = 0;
	size_t i = 0;

	while (i < n) {
		struct letter l;
		size_t took = next_letter(c, text + i, n - i, &l);

		if (i && width + l.width > cols)
			break;
		width += l.width;
		i += took;
	}
	return i;
}

unsigned tui_width_n(const struct tui_canvas *c, const char *text, size_t n)
{
	unsigned width = 0;
	struct letter l;

	for (size_t i = 0; i < n;) {
		i += next_letter(c, text + i, n - i, &l);
		width += l.width;
	}
	return width;
}

/* Draw into @width columns from @x; returns those used.  '~' in the last if there was more. */
static unsigned draw(struct tui_area a, unsigned y, unsigned x, unsigned width,
		     enum tui_style style, const char *text)
{
	size_t n = strlen(text);
	unsigned used = 0;
	struct letter l;

	width = cut(x, width, a.cols);
	if (y >= a.rows)
		return 0;
	for (size_t i = 0; i < n;) {
		size_t took = next_letter(a.c, text + i, n - i, &l);
		bool more = i + took < n;

		if (used + l.width > width || (more && used + l.width == width)) {
			for (; used < width; used++)
				put(a, y, x + used, style, used + 1 == width ? "~" : " ", 1, 1);
			break;
		}
		put(a, y, x + used, style, l.text, l.n, l.width);
		used += l.width;
		i += took;
	}
	return used;
}

void tui_text(struct tui_area a, unsigned y, unsigned x, unsigned width, enum tui_align align,
	      enum tui_style style, const char *text)
{
	unsigned wide = tui_width(a.c, text), before = 0;

	width = cut(x, width, a.cols);
	if (align == TUI_RIGHT && wide < width)
		before = width - wide;
	tui_clear(tui_part(a, y, x, 1, width), style);
	(void)draw(a, y, x + before, width - before, style, text);
}

unsigned tui_print(struct tui_area a, unsigned y, unsigned x, enum tui_style style, const char *fmt,
		   ...)
{
	char line[TUI_COLS_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return draw(a, y, x, a.cols, style, line);
}

void tui_glyph(struct tui_area a, unsigned y, unsigned x, enum tui_style style, const char *glyph)
{
	if (y < a.rows && x < a.cols)
		put(a, y, x, style, glyph, strlen(glyph), 1);
}

void tui_paint(struct tui_area a, unsigned y, unsigned x, unsigned cols, enum tui_style style)
{
	struct tui_area part = tui_part(a, y, x, 1, cols);

	for (unsigned i = 0; part.rows && i < part.cols; i++)
		cell_at(part, 0, i)->style = (uint8_t)style;
}

/* ---- lines -------------------------------------------------------------------------------- */

struct lines {
	const char *across, *down,
		*corner[4]; /* corners: upper left, upper right, lower left, right */
};

static const struct lines *lines_of(const struct tui_canvas *c)
{
	static const struct lines ascii = {"-", "|", {"+", "+", "+", "+"}};
	static const struct lines box = {"─", "│", {"┌", "┐", "└", "┘"}};

	return c->utf8 && c->glyphs != TUI_ASCII ? &box : &ascii;
}

void tui_rule(struct tui_area a, unsigned y, enum tui_style style)
{
	for (unsigned x = 0; x < a.cols; x++)
		tui_glyph(a, y, x, style, lines_of(a.c)->across);
}

void tui_frame(struct tui_area a, enum tui_style style, const char *title)
{
	const struct lines *l = lines_of(a.c);
	unsigned wide;

	if (a.rows < 2 || a.cols < 2)
		return;
	tui_rule(a, 0, style);
	tui_rule(a, a.rows - 1, style);
	for (unsigned y = 1; y + 1 < a.rows; y++) {
		tui_glyph(a, y, 0, style, l->down);
		tui_glyph(a, y, a.cols - 1, style, l->down);
	}
	for (unsigned i = 0; i < 4; i++)
		tui_glyph(a, i / 2 ? a.rows - 1 : 0, i % 2 ? a.cols - 1 : 0, style, l->corner[i]);
	wide = tui_width(a.c, title);
	if (wide && a.cols > 6) {
		wide = wide < a.cols - 6 ? wide : a.cols - 6;
		tui_glyph(a, 0, 2, style, " ");
		tui_text(a, 0, 3, wide, TUI_LEFT, style, title);
		tui_glyph(a, 0, 3 + wide, style, " ");
	}
}

void tui_clean(struct mkt_buf *out, const char *text, size_t n, bool newlines)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t len;

	for (size_t i = 0; i < n; i += len ? len : 1) {
		len = mkt_utf8_len(s + i, n - i);
		if (newlines && s[i] == '\n')
			mkt_buf_addch(out, '\n');
		else if (newlines && s[i] == '\t')
			mkt_buf_addstr(out, "    ");
		else if (!len || meddles(code_of(s + i, len)))
			mkt_buf_addch(out, '?');
		else
			mkt_buf_add(out, s + i, len);
	}
}

void tui_canvas_text(const struct tui_canvas *c, struct mkt_buf *out)
{
	for (unsigned y = 0; y < c->rows; y++) {
		const struct tui_cell *row = c->cells + (size_t)y * c->cols;
		unsigned end = c->cols;

		while (end && !strcmp(row[end - 1].text, " "))
			end--;
		for (unsigned x = 0; x < end; x++)
			mkt_buf_addstr(out, row[x].text);
		mkt_buf_addch(out, '\n');
	}
}

#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "core/codec/enc.h"
#include "tui/edit.h"

/* What others wrote is made of whole letters before it comes into the line. */
void tui_edit_set(struct tui_edit *e, const char *text)
{
	struct mkt_buf b = MKT_BUF_INIT;

	tui_clean(&b, text, strnlen(text, sizeof(e->line) - 1), false);
	snprintf(e->line, sizeof(e->line), "%s", mkt_buf_str(&b));
	e->at = strlen(e->line);
	mkt_buf_release(&b);
}

static bool inside_letter(const struct tui_edit *e, size_t at)
{
	return ((uint8_t)e->line[at] & 0xc0) == 0x80;
}

static size_t before(const struct tui_edit *e, size_t at)
{
	if (at)
		at--;
	while (at && inside_letter(e, at))
		at--;
	return at;
}

static size_t behind(const struct tui_edit *e, size_t at)
{
	if (e->line[at])
		at++;
	while (inside_letter(e, at))
		at++;
	return at;
}

static size_t word_before(const struct tui_edit *e)
{
	size_t at = e->at;

	while (at && e->line[at - 1] == ' ')
		at--;
	while (at && e->line[at - 1] != ' ')
		at--;
	return at;
}

void tui_edit_cut(struct tui_edit *e, size_t from, size_t to)
{
	memmove(e->line + from, e->line + to, strlen(e->line + to) + 1);
	e->at = from;
}

bool tui_edit_insert(struct tui_edit *e, const char *text, size_t n)
{
	size_t have = strlen(e->line);

	if (have + n >= sizeof(e->line))
		return false;
	memmove(e->line + e->at + n, e->line + e->at, have - e->at + 1);
	memcpy(e->line + e->at, text, n);
	e->at += n;
	return true;
}

static bool type_letter(struct tui_edit *e, uint32_t c)
{
	char utf8[4];
	size_t n = 0;

	if (c < 0x80) {
		utf8[n++] = (char)c;
	} else if (c < 0x800) {
		utf8[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		utf8[n++] = (char)(0xe0 | c >> 12);
		utf8[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		utf8[n++] = (char)(0xf0 | c >> 18);
		utf8[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		utf8[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		utf8[n++] = (char)(0x80 | (c & 0x3f));
	/* What is no letter, half of a pair, is passed over. */
	return !mkt_utf8_len((const uint8_t *)utf8, n) || tui_edit_insert(e, utf8, n);
}

static bool move(struct tui_edit *e, uint32_t key)
{
	if (key == TUI_K_LEFT || key == TUI_CTRL('b'))
		e->at = before(e, e->at);
	else if (key == TUI_K_RIGHT || key == TUI_CTRL('f'))
		e->at = behind(e, e->at);
	else if (key == TUI_K_HOME || key == TUI_CTRL('a'))
		e->at = 0;
	else if (key == TUI_K_END || key == TUI_CTRL('e'))
		e->at = strlen(e->line);
	else
		return false;
	return true;
}

bool tui_edit_key(struct tui_edit *e, uint32_t key)
{
	if (move(e, key))
		return true;
	if (key == TUI_K_BACKSPACE)
		tui_edit_cut(e, before(e, e->at), e->at);
	else if (key == TUI_K_DELETE || key == TUI_CTRL('d'))
		tui_edit_cut(e, e->at, behind(e, e->at));
	else if (key == TUI_CTRL('u'))
		tui_edit_cut(e, 0, e->at);
	else if (key == TUI_CTRL('k'))
		e->line[e->at] = '\0';
	else if (key == TUI_CTRL('w'))
		tui_edit_cut(e, word_before(e), e->at);
	else if (key >= ' ' && key < 0x110000 && (key < 0x7f || key >= 0xa0))
		return type_letter(e, key);
	return true;
}

void tui_edit_draw(const struct tui_edit *e, struct tui_area a, enum tui_style style, int *cursor_y,
		   int *cursor_x)
{
	unsigned wide;
	size_t from = 0;

	if (!a.rows || !a.cols)
		return;
	/* The cursor has a column for itself. */
	while ((wide = tui_width_n(a.c, e->line + from, e->at - from)) >= a.cols && from < e->at)
		from = behind(e, from);
	tui_text(a, 0, 0, a.cols, TUI_LEFT, style, e->line + from);
	*cursor_y = (int)a.y;
	*cursor_x = (int)(a.x + wide);
}

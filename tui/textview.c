/* A text to read: what tui_text_open() puts over the panes. */
#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/overlay.h"
#include "tui/wrap.h"

#define TEXT_MAX (256u << 10)
#define TITLE_MAX 200
#define FIND_MAX 64
#define CUT_NOTE "\n(the rest is not shown: the text is longer than 256 KiB)\n"

struct view {
	char title[TITLE_MAX];
	char find[FIND_MAX];
	struct mkt_buf text;
	struct tui_wrap wrap;
	uint32_t top, height;
};

static uint32_t last_top(const struct view *v)
{
	return v->wrap.n > v->height ? v->wrap.n - v->height : 0;
}

/* ---- drawing ------------------------------------------------------------------------------ */

static void draw_rows(struct view *v, struct tui_area a)
{
	const char *text = mkt_buf_str(&v->text);
	uint32_t at = v->top < v->wrap.n ? v->wrap.rows[v->top].at : 0;
	bool fresh = v->wrap.cols != a.cols;

	if (tui_wrap(&v->wrap, a.c, text, a.cols))
		return; /* no memory: nothing is drawn until there is some */
	v->height = a.rows;
	/* The text stays where it was read, whatever its rows are now. */
	for (v->top = fresh ? 0 : v->top;
	     fresh && v->top + 1 < v->wrap.n && v->wrap.rows[v->top + 1].at <= at; v->top++)
		continue;
	if (v->top > last_top(v))
		v->top = last_top(v);
	for (unsigned y = 0; y < a.rows; y++)
		tui_wrap_draw(&v->wrap, text, v->top + y, a, y, TUI_DIALOG, v->find);
}

static void draw(struct tui_dash *d, void *self, struct tui_area a, int *cursor_y, int *cursor_x)
{
	struct view *v = self;
	char foot[160];
	uint32_t end;

	(void)d;
	(void)cursor_y;
	(void)cursor_x;
	a.rows -= a.rows > 6; /* what is said stays in sight */
	tui_clear(a, TUI_DIALOG);
	if (a.rows < 4 || a.cols < 8) {
		draw_rows(v, a);
		return;
	}
	tui_frame(a, TUI_DIALOG, v->title);
	draw_rows(v, tui_part(a, 1, 1, a.rows - 2, a.cols - 2));
	end = v->top + v->height < v->wrap.n ? v->top + v->height : v->wrap.n;
	snprintf(foot, sizeof(foot), " %u-%u of %u  Esc close  / search  y copy ",
		 (unsigned)(v->wrap.n ? v->top + 1 : 0), (unsigned)end, (unsigned)v->wrap.n);
	tui_print(tui_part(a, 0, 0, a.rows, a.cols - 1), a.rows - 1, 2, TUI_DIALOG, "%s", foot);
}

/* ---- searching ---------------------------------------------------------------------------- */

static bool has(struct view *v, uint32_t row)
{
	const char *text = mkt_buf_str(&v->text) + v->wrap.rows[row].at;
	char *copy = strndup(text, v->wrap.rows[row].n);
	bool found = copy && strcasestr(copy, v->find);

	free(copy);
	return found;
}

/* The next row with what is searched for becomes the uppermost, or as near as there is. */
static void find(struct tui_dash *d, struct view *v, uint32_t from, bool back)
{
	for (uint32_t i = 0; v->find[0] && i < v->wrap.n; i++) {
		uint32_t row = (from + (back ? v->wrap.n - i : i)) % v->wrap.n;

		if (has(v, row)) {
			v->top = row;
			return;
		}
	}
	if (v->find[0])
		tui_dash_say(d, TUI_WARN, "'%s' is nowhere in this text", v->find);
}

static void search(struct tui_dash *d, void *ctx, const char *line)
{
	struct view *v = ctx;

	snprintf(v->find, sizeof(v->find), "%s", line);
	find(d, v, v->top, false);
}

static void search_left(struct tui_dash *d, void *ctx, const char *line)
{
	struct view *v = ctx;

	(void)d;
	(void)line;
	v->find[0] = '\0';
}

static void find_on(struct tui_dash *d, struct view *v, bool back)
{
	if (!v->find[0])
		tui_dash_say(d, TUI_WARN, "nothing was searched for yet: '/' does");
	else if (v->wrap.n)
		find(d, v, back ? (v->top + v->wrap.n - 1) % v->wrap.n : v->top + 1, back);
}

/* ---- keys --------------------------------------------------------------------------------- */

static void scroll(struct view *v, int64_t rows)
{
	int64_t to = (int64_t)v->top + rows;

	v->top = to < 0 ? 0 : to > last_top(v) ? last_top(v) : (uint32_t)to;
}

static bool move(struct view *v, const struct tui_input *in)
{
	int64_t page = v->height > 1 ? v->height - 1 : 1;

	if (in->key == TUI_K_UP || in->key == 'k')
		scroll(v, -1);
	else if (in->key == TUI_K_DOWN || in->key == 'j')
		scroll(v, 1);
	else if (in->key == TUI_K_PGUP || in->key == 'b' || in->key == 2)
		scroll(v, -page);
	else if (in->key == TUI_K_PGDN || in->key == ' ' || in->key == 6)
		scroll(v, page);
	else if (in->key == TUI_K_HOME || in->key == 'g')
		v->top = 0;
	else if (in->key == TUI_K_END || in->key == 'G')
		v->top = last_top(v);
	else if (in->key == TUI_K_MOUSE && in->mouse == TUI_WHEEL_UP)
		scroll(v, -3);
	else if (in->key == TUI_K_MOUSE && in->mouse == TUI_WHEEL_DOWN)
		scroll(v, 3);
	else
		return false;
	return true;
}

static void key(struct tui_dash *d, void *self, const struct tui_input *in)
{
	struct view *v = self;

	d->said[0] = '\0';
	if (move(v, in))
		return;
	switch (in->key) {
	case '/':
		tui_prompt_open(d, &(struct tui_prompt_conf){.label = "/",
							     .done = search,
							     .live = search,
							     .left = search_left,
							     .ctx = v,
							     .history = '/'});
		break;
	case 'n':
	case 'N':
		find_on(d, v, in->key == 'N');
		break;
	case 'y':
		mkt_buf_clear(&d->clip);
		mkt_buf_add(&d->clip, v->text.data, v->text.len);
		tui_dash_say(d, TUI_PLAIN, "copied the text");
		break;
	case TUI_K_ESC:
	case TUI_K_ENTER:
	case '-':
	case 'q':
		tui_overlay_pop(d);
		break;
	default:
		break;
	}
}

static void release(struct tui_dash *d, void *self)
{
	struct view *v = self;

	(void)d;
	mkt_buf_release(&v->text);
	tui_wrap_release(&v->wrap);
}

static const struct tui_overlay_ops ops = {.draw = draw, .key = key, .release = release};

void tui_text_open(struct tui_dash *d, const char *title, const char *text)
{
	struct view *v = tui_overlay_push(d, &ops, sizeof(*v));
	size_t n = strnlen(text, TEXT_MAX);

	if (!v)
		return;
	snprintf(v->title, sizeof(v->title), "%s", title);
	tui_clean(&v->text, text, n, true);
	if (text[n])
		mkt_buf_addstr(&v->text, CUT_NOTE);
	if (v->text.bad) {
		tui_overlay_pop(d);
		tui_dash_say(d, TUI_BAD, "out of memory");
	}
}

#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "tui/frame.h"
#include "tui/help.h"
#include "tui/overlay.h"

#define KEYS_WIDTH 14
#define FIND_MAX 32

struct help {
	char find[FIND_MAX];
	unsigned n; /* rows that have the text */
	unsigned at, top, height;
	uint8_t row[MKT_ARRAY_SIZE(((struct tui_keymap *)0)->v)];
};

static void keys_text(const struct tui_binding *b, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < b->nkeys && used < size; i++) {
		char name[TUI_KEY_NAME_MAX + 1];

		tui_key_name(b->keys[i], name);
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "", name);
	}
}

static bool has_text(const struct help *h, const struct tui_binding *b)
{
	char keys[64];

	keys_text(b, keys, sizeof(keys));
	return !h->find[0] || strcasestr(b->help, h->find) || strcasestr(keys, h->find);
}

/* The pane's own keys first. */
static void choose(struct tui_dash *d, struct help *h)
{
	h->n = 0;
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < d->keys.n; i++) {
			const struct tui_binding *b = &d->keys.v[i];

			if (b->pane == (pass ? (unsigned)TUI_PANE_ALL : (unsigned)d->shown) &&
			    has_text(h, b))
				h->row[h->n++] = (uint8_t)i;
		}
	if (h->at >= h->n)
		h->at = h->n ? h->n - 1 : 0;
}

static void draw_row(struct tui_dash *d, struct help *h, struct tui_area a, unsigned y)
{
	const struct tui_binding *b = &d->keys.v[h->row[h->top + y]];
	bool off = (b->flags & TUI_F_CONTROL) && !d->conf.control;
	enum tui_style base = h->top + y == h->at ? TUI_SELECT : off ? TUI_DIM : TUI_DIALOG;
	char keys[64], text[160];

	keys_text(b, keys, sizeof(keys));
	snprintf(text, sizeof(text), "%s%s", b->help, off ? "  (off: needs --control)" : "");
	tui_text(a, y, 0, a.cols < KEYS_WIDTH ? a.cols : KEYS_WIDTH, TUI_LEFT,
		 base == TUI_DIALOG ? TUI_KEY : base, keys);
	if (a.cols > KEYS_WIDTH)
		tui_text(a, y, KEYS_WIDTH, a.cols - KEYS_WIDTH, TUI_LEFT, base, text);
}

static void draw(struct tui_dash *d, void *self, struct tui_area a, int *cursor_y, int *cursor_x)
{
	struct help *h = self;
	unsigned cols = a.cols > 76 ? 76 : a.cols;
	struct tui_area box = tui_part(a, 0, (a.cols - cols) / 2, a.rows, cols);
	struct tui_area in = tui_part(box, 1, 2, box.rows > 3 ? box.rows - 3 : 0, cols - 4);
	char title[48];

	choose(d, h);
	h->height = in.rows ? in.rows : 1;
	if (h->at < h->top)
		h->top = h->at;
	if (h->at >= h->top + h->height)
		h->top = h->at - h->height + 1;
	snprintf(title, sizeof(title), "keys of %s", tui_pane_name(d->shown));
	tui_clear(box, TUI_DIALOG);
	tui_frame(box, TUI_DIALOG, title);
	for (unsigned y = 0; y < in.rows && h->top + y < h->n; y++)
		draw_row(d, h, in, y);
	if (!h->n)
		tui_print(in, 0, 0, TUI_DIM, "no key does that");
	if (box.rows < 3)
		return;
	tui_print(box, box.rows - 2, 2, TUI_DIALOG, "search: %s", h->find);
	if (!h->find[0] && cols > 60)
		tui_print(box, box.rows - 2, 12, TUI_DIM,
			  "type to search; Enter does it, Esc closes");
	*cursor_y = (int)(box.y + box.rows - 2);
	*cursor_x = (int)(box.x + 2 + strlen("search: ") + strlen(h->find));
}

/* What the row stands for, as if its key had been pressed in the pane. */
static void do_row(struct tui_dash *d, struct help *h)
{
	struct tui_input in = {.key = TUI_K_NONE};

	if (h->at < h->n)
		in.key = d->keys.v[h->row[h->at]].keys[0];
	tui_overlay_pop(d);
	if (in.key)
		tui_frame_key(d, &in);
}

static void move(struct help *h, uint32_t key)
{
	unsigned last = h->n ? h->n - 1 : 0;

	if (key == TUI_K_UP)
		h->at -= h->at > 0;
	else if (key == TUI_K_DOWN)
		h->at += h->at < last;
	else if (key == TUI_K_PGUP)
		h->at -= h->at < h->height ? h->at : h->height;
	else if (key == TUI_K_PGDN)
		h->at = h->at + h->height > last ? last : h->at + h->height;
	else if (key == TUI_K_HOME)
		h->at = 0;
	else if (key == TUI_K_END)
		h->at = last;
}

static void key(struct tui_dash *d, void *self, const struct tui_input *in)
{
	struct help *h = self;
	size_t n = strlen(h->find);

	if (in->key == TUI_K_ESC || (!n && (in->key == '?' || in->key == 'q')))
		tui_overlay_pop(d);
	else if (in->key == TUI_K_ENTER)
		do_row(d, h);
	else if (in->key == TUI_K_BACKSPACE && n)
		h->find[n - 1] = '\0';
	else if (in->key == TUI_K_MOUSE && in->mouse == TUI_WHEEL_UP)
		move(h, TUI_K_UP);
	else if (in->key == TUI_K_MOUSE && in->mouse == TUI_WHEEL_DOWN)
		move(h, TUI_K_DOWN);
	else if (in->key >= ' ' && in->key < 127 && n + 1 < sizeof(h->find))
		h->find[n] = (char)in->key;
	else
		move(h, in->key);
}

static const struct tui_overlay_ops ops = {.draw = draw, .key = key};

void tui_help_open(struct tui_dash *d)
{
	struct help *h = tui_overlay_push(d, &ops, sizeof(*h));

	if (h)
		choose(d, h);
}

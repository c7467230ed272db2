/*
 * Hostile text through lists, texts, dialogs and prompts at every size from 1x1 to 60x20: no cell
 * holds what steers a terminal, every row has exactly its columns, nothing outside the area
 * changes, and a list's selection stays on its id whatever happens to the rows.
 *
 * MKT_SEED repeats a run; MKT_ROUNDS asks for more than one.
 */
#include "core/base/compat.h"

#include <assert.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "core/codec/enc.h"
#include "tests/rng.h"
#include "tui/list.h"
#include "tui/overlay.h"

#define ROWS 20
#define COLS 60
#define EDGE "#"
#define LONG 10240 /* bytes, now and then */

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* ---- strings ------------------------------------------------------------------------------ */

static const char *const nasty[] = {
	"\x1b]0;owned\x07", /* terminal titles */
	"\x1b[2J\x1b[H",
	"\x1b[31;7m",
	"\x1bP1$r\x1b\\",
	"\xc2\x9b"
	"31m", /* C1 in UTF-8, and raw */
	"\x9b"
	"31m",
	"\xc2\x85",
	"\x08\x08\x08",
	"\r",
	"\n",
	"\t",
	"\x7f",
	"\x0e\x0f",
	"電気",
	"\xf0\x9f\x94\x8c",				/* a plug: two columns */
	"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9", /* joined */
	"e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85",
	"\xcc\x81",		    /* a mark without a letter */
	"\xd7\xa9\xd7\x9c\xd7\x95", /* right to left */
	"\xe2\x80\xae"
	"evil"
	"\xe2\x80\xac",
	"\xe2\x81\xa6\xe2\x81\xa9",
	"\xe2\x80\x8b\xe2\x80\x8c\xe2\x80\x8d\xef\xbb\xbf",
	"\xe2\x80\xa8\xe2\x80\xa9",
	"\xf3\xa0\x81\x81", /* tags */
	"\xef\xb8\x8f",
	"\xff\xfe\xc0\xaf",
	"\xed\xa0\x80", /* half of a pair */
	"\xf4\x90\x80\x80",
	"\xe9\x9b",
	"!",
	"price:",
	"%s%n",
	"house07",
	" ",
	"~",
};

/* Into @out, cut as a peer would cut: in the middle of letters as well. */
static void hostile(struct rng *r, char *out, size_t size)
{
	size_t want = rng_below(r, 8) ? rng_below(r, 60) : rng_below(r, LONG), n = 0;

	want = want < size - 1 ? want : size - 1;
	while (n < want) {
		const char *piece = nasty[rng_below(r, MKT_ARRAY_SIZE(nasty))];
		size_t len = strlen(piece);

		len = len < want - n ? len : want - n;
		memcpy(out + n, piece, len);
		n += len;
	}
	out[n] = '\0';
}

/* ---- what a picture must be ---------------------------------------------------------------- */

static wchar_t next_code(const char **p)
{
	const uint8_t *s = (const uint8_t *)*p;
	size_t n = mkt_utf8_len(s, strlen(*p));
	uint32_t c;

	MUST(n > 0);
	c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	*p += n;
	return (wchar_t)c;
}

static bool steers(wchar_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       c >= 0xe0000;
}

static void check_cell(const struct tui_canvas *c, const struct tui_cell *cell)
{
	const char *p = cell->text;
	wchar_t code = next_code(&p);

	MUST(!steers(code));
	MUST(wcwidth(code) == (cell->wide ? 2 : 1));
	MUST(c->utf8 || (!*p && code < 0x80));
	while (*p) {
		code = next_code(&p);
		MUST(!steers(code) && wcwidth(code) == 0);
	}
}

static void check_picture(const struct tui_canvas *c)
{
	for (unsigned y = 0; y < c->rows; y++)
		for (unsigned x = 0; x < c->cols; x++) {
			const struct tui_cell *cell = &c->cells[y * c->cols + x];
			bool edge = !y || !x || y + 1 == c->rows || x + 1 == c->cols;

			MUST(cell->style < TUI_STYLES);
			if (edge)
				MUST(!strcmp(cell->text, EDGE) && cell->style == TUI_HEAT4);
			else if (cell->text[0])
				check_cell(c, cell);
			else
				MUST(cell[-1].wide); /* and its letter is beside it */
			if (cell->wide)
				MUST(x + 1 < c->cols && !cell[1].text[0]);
		}
}

/* A canvas with an edge around the area that is drawn to. */
static struct tui_area fresh(struct tui_canvas *c, unsigned rows, unsigned cols)
{
	MUST(!tui_canvas_resize(c, rows + 2, cols + 2));
	for (unsigned y = 0; y < c->rows; y++)
		for (unsigned x = 0; x < c->cols; x++)
			tui_glyph(tui_whole(c), y, x, TUI_HEAT4, EDGE);
	return tui_part(tui_whole(c), 1, 1, rows, cols);
}

/* ---- lists -------------------------------------------------------------------------------- */

#define THINGS_MAX 40

struct thing {
	uint64_t id;
	char name[TUI_CELL_MAX], tag[TUI_CELL_MAX];
	int64_t price;
};

struct things {
	struct thing v[THINGS_MAX];
	uint32_t n;
	uint64_t last_id;
};

static const struct tui_column columns[] = {
	{.name = "name", .title = "Name", .width = 12, .least = 3, .grows = true},
	{.name = "tag", .title = "Tag", .width = 9, .rank = 2, .align = TUI_RIGHT},
	{.name = "price", .title = "JPY/kWh", .width = 8, .rank = 1, .align = TUI_RIGHT},
};

static enum tui_style cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	const struct thing *t = &((struct things *)ctx)->v[row];

	MUST(row < ((struct things *)ctx)->n);
	if (column < 2)
		snprintf(out, TUI_CELL_MAX, "%s", column ? t->tag : t->name);
	else
		snprintf(out, TUI_CELL_MAX, "%lld", (long long)t->price);
	return column == 2 ? TUI_BUY : TUI_PLAIN;
}

static uint64_t id(void *ctx, uint32_t row)
{
	MUST(row < ((struct things *)ctx)->n);
	return ((struct things *)ctx)->v[row].id;
}

static int compare(void *ctx, uint32_t a, uint32_t b, unsigned column)
{
	const struct thing *one = &((struct things *)ctx)->v[a],
			   *two = &((struct things *)ctx)->v[b];

	if (column == 2)
		return (one->price > two->price) - (one->price < two->price);
	return column ? strcmp(one->tag, two->tag) : strcmp(one->name, two->name);
}

static const struct tui_rows with_compare = {
	.columns = columns, .ncolumns = 3, .cell = cell, .id = id, .compare = compare};
static const struct tui_rows by_text = {.columns = columns, .ncolumns = 3, .cell = cell, .id = id};

static void set_thing(struct rng *r, struct things *t, uint32_t row)
{
	struct thing *one = &t->v[row];

	hostile(r, one->name, sizeof(one->name));
	hostile(r, one->tag, sizeof(one->tag));
	one->price = (int64_t)rng_below(r, 100);
}

static void come(struct rng *r, struct things *t)
{
	uint32_t at = (uint32_t)rng_below(r, t->n + 1);

	if (t->n == THINGS_MAX)
		return;
	memmove(&t->v[at + 1], &t->v[at], (t->n - at) * sizeof(t->v[0]));
	t->n++;
	t->v[at].id = ++t->last_id;
	set_thing(r, t, at);
}

/* One that is not @but goes. */
static void go(struct rng *r, struct things *t, uint64_t but)
{
	uint32_t at = t->n ? (uint32_t)rng_below(r, t->n) : 0;

	if (t->n < 2 || t->v[at].id == but)
		return;
	t->n--;
	memmove(&t->v[at], &t->v[at + 1], (t->n - at) * sizeof(t->v[0]));
}

static void swap(struct rng *r, struct things *t)
{
	uint32_t a = (uint32_t)rng_below(r, t->n), b = (uint32_t)rng_below(r, t->n);
	struct thing kept = t->v[a];

	t->v[a] = t->v[b];
	t->v[b] = kept;
}

static void disturb(struct rng *r, struct things *t, uint64_t but)
{
	for (unsigned i = 0; i < 6; i++) {
		uint64_t what = rng_below(r, 4);

		if (what == 0 || !t->n)
			come(r, t);
		else if (what == 1)
			go(r, t, but);
		else if (what == 2)
			swap(r, t);
		else
			set_thing(r, t, (uint32_t)rng_below(r, t->n));
	}
}

static uint64_t selected(struct tui_list *l, struct things *t)
{
	uint32_t row = tui_list_row(l);

	MUST(row < t->n);
	return t->v[row].id;
}

static unsigned rows_selected(const struct tui_canvas *c)
{
	unsigned n = 0;

	for (unsigned y = 1; y + 1 < c->rows; y++)
		n += c->cells[y * c->cols + 1].style == TUI_SELECT;
	return n;
}

static void move_about(struct rng *r, struct tui_list *l)
{
	static const enum tui_action acts[] = {
		TUI_A_UP,	 TUI_A_DOWN,   TUI_A_PAGE_UP,	TUI_A_PAGE_DOWN,
		TUI_A_FIRST,	 TUI_A_LAST,   TUI_A_SORT_NEXT, TUI_A_MARK,
		TUI_A_SORT_PREV, TUI_A_INVERT, TUI_A_UNMARK,
	};
	struct tui_input click = {.key = TUI_K_MOUSE,
				  .mouse = (enum tui_mouse)rng_below(r, 4),
				  .y = (unsigned)rng_below(r, ROWS + 2),
				  .x = (unsigned)rng_below(r, COLS + 2)};

	if (rng_below(r, 4))
		MUST(tui_list_act(l, acts[rng_below(r, MKT_ARRAY_SIZE(acts))]));
	else
		(void)tui_list_mouse(l, &click);
}

/* A filter and a search of hostile text; without them the row chosen is back. */
static void narrow(struct rng *r, struct tui_list *l, struct tui_canvas *c, uint64_t *ms)
{
	char text[TUI_FILTER_MAX];
	struct mkt_err err;

	hostile(r, text, sizeof(text));
	if (tui_list_filter(l, text, &err) < 0)
		MUST(err.code == MKT_EUSAGE);
	tui_list_draw(l, tui_part(tui_whole(c), 1, 1, c->rows - 2, c->cols - 2), *ms += 300, "");
	check_picture(c);
	MUST(!tui_list_filter(l, "", &err));
}

static void list_at(struct rng *r, struct tui_list *l, struct things *t, unsigned rows,
		    unsigned cols, struct tui_canvas *c, uint64_t *ms)
{
	struct tui_area a = fresh(c, rows, cols);
	char text[TUI_FILTER_MAX];
	uint64_t chosen;

	move_about(r, l);
	tui_list_draw(l, a, *ms += 300, "");
	chosen = selected(l, t);
	disturb(r, t, chosen);
	tui_list_changed(l, t->n);
	MUST(selected(l, t) == chosen); /* the picture is old */
	tui_list_draw(l, a, *ms += 300, "");
	check_picture(c);
	MUST(selected(l, t) == chosen);
	MUST(rows_selected(c) == 1);
	if (!rng_below(r, 4)) {
		l->wanted = chosen;
		narrow(r, l, c, ms);
		MUST(selected(l, t) == chosen);
	}
	hostile(r, text, sizeof(text));
	(void)tui_list_search(l, text);
	tui_list_draw(l, a, *ms += 300, "");
	check_picture(c);
}

static void lists(struct rng *r, bool utf8)
{
	struct tui_canvas c = {.utf8 = utf8, .glyphs = TUI_BRAILLE};
	struct things *t = calloc(1, sizeof(*t));
	struct tui_list l;
	uint64_t ms = 1000;

	MUST(t);
	tui_list_init(&l, utf8 ? &with_compare : &by_text, t, 0);
	come(r, t);
	tui_list_changed(&l, t->n);
	tui_list_draw(&l, fresh(&c, 5, 5), ms, "");
	for (unsigned rows = 1; rows <= ROWS; rows++)
		for (unsigned cols = 1; cols <= COLS; cols++)
			list_at(r, &l, t, rows, cols, &c, &ms);
	tui_list_release(&l);
	tui_canvas_release(&c);
	free(t);
}

/* ---- overlays ----------------------------------------------------------------------------- */

static int no_source(void *ctx, const char *path, mkt_pull_fn *done, void *done_ctx)
{
	(void)ctx;
	(void)path;
	(void)done;
	(void)done_ctx;
	return -MKT_EBUSY;
}

static void draw_top(struct tui_dash *d, unsigned rows, unsigned cols)
{
	struct tui_area a = fresh(&d->canvas, rows, cols);
	int y = -1, x = -1;

	MUST(d->top);
	d->top->ops->draw(d, d->top->self, a, &y, &x);
	check_picture(&d->canvas);
	MUST(y == -1 || ((unsigned)y - 1 < rows && (unsigned)x - 1 < cols));
}

/* Letters and keys that do not run anything. */
static void press(struct rng *r, struct tui_dash *d)
{
	static const uint32_t keys[] = {TUI_K_UP,   TUI_K_DOWN,	  TUI_K_LEFT, TUI_K_RIGHT,
					TUI_K_HOME, TUI_K_END,	  TUI_K_PGUP, TUI_K_PGDN,
					TUI_K_TAB,  TUI_K_DELETE, TUI_K_MOUSE};
	struct tui_input in = {.key = keys[rng_below(r, MKT_ARRAY_SIZE(keys))],
			       .mouse = (enum tui_mouse)(TUI_WHEEL_UP + rng_below(r, 2))};

	if (d->top)
		d->top->ops->key(d, d->top->self, &in);
}

static void text_at(struct rng *r, struct tui_dash *d, unsigned rows, unsigned cols)
{
	char title[256], *text = malloc(LONG);

	MUST(text);
	hostile(r, title, sizeof(title));
	hostile(r, text, LONG);
	tui_text_open(d, title, text);
	for (unsigned i = 0; i < 3; i++) {
		draw_top(d, rows, cols);
		press(r, d);
	}
	tui_overlay_pop(d);
	free(text);
}

static void dialog_at(struct rng *r, struct tui_dash *d, unsigned rows, unsigned cols)
{
	char title[256], word[100], id_text[300], text[2000];
	const char *argv[] = {"cancel", id_text, NULL};

	hostile(r, title, sizeof(title));
	hostile(r, word, sizeof(word));
	hostile(r, id_text, sizeof(id_text));
	hostile(r, text, sizeof(text));
	tui_dialog_open(d, &(struct tui_dialog){.title = title,
						.text = text,
						.argv = argv,
						.type = rng_below(r, 2) ? word : NULL});
	draw_top(d, rows, cols);
	d->top->ops->key(d, d->top->self, &(struct tui_input){.key = TUI_K_DOWN});
	draw_top(d, rows, cols);
	tui_overlay_pop(d);
}

static bool complete(struct tui_dash *d, const char *line, unsigned i, char *out, size_t size)
{
	(void)d;
	(void)line;
	snprintf(out, size, "%s", nasty[i % MKT_ARRAY_SIZE(nasty)]);
	return i < 5;
}

static void prompt_at(struct rng *r, struct tui_dash *d, unsigned rows, unsigned cols)
{
	char label[300], initial[TUI_LINE_MAX];

	hostile(r, label, sizeof(label));
	hostile(r, initial, sizeof(initial));
	tui_prompt_open(d, &(struct tui_prompt_conf){
				   .label = label, .initial = initial, .complete = complete});
	for (unsigned i = 0; i < 8 && d->top; i++) {
		struct tui_input in = {.key = (uint32_t)rng_below(r, 0x120000)};

		draw_top(d, rows, cols);
		if (in.key != TUI_K_ENTER && in.key != TUI_K_ESC)
			d->top->ops->key(d, d->top->self, &in);
		press(r, d);
	}
	if (d->top)
		tui_overlay_pop(d);
}

static void overlays(struct rng *r, bool utf8)
{
	struct tui_dash_conf conf = {.program = "/nonexistent/mkt", .control = true};
	struct tui_source source = {.get = no_source};
	struct tui_dash *d = calloc(1, sizeof(*d));
	struct mkt_err err;

	MUST(d);
	MUST(!tui_dash_init(d, &conf, &source, &err));
	d->canvas.utf8 = utf8;
	d->canvas.glyphs = TUI_BRAILLE;
	for (unsigned rows = 1; rows <= ROWS; rows++)
		for (unsigned cols = 1; cols <= COLS; cols++) {
			text_at(r, d, rows, cols);
			dialog_at(r, d, rows, cols);
			prompt_at(r, d, rows, cols);
			MUST(!d->top && !d->children);
		}
	tui_dash_release(d);
	free(d);
}

int main(void)
{
	struct rng r = rng_start("tui_hostile");
	const char *env = getenv("MKT_ROUNDS");
	unsigned long rounds = env ? strtoul(env, NULL, 10) : 1;

	if (!setlocale(LC_ALL, "C.UTF-8"))
		return 2;
	for (unsigned long i = 0; i < rounds; i++)
		for (unsigned utf8 = 0; utf8 < 2; utf8++) {
			lists(&r, utf8);
			overlays(&r, utf8);
		}
	printf("tui_hostile: %u sizes of a list, a text, a dialog and a prompt, twice\n",
	       ROWS * COLS);
	return 0;
}

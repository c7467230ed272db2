#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "core/units/fmt.h"
#include "core/wire/story.h"
#include "tui/heat.h"

#define TIME_COLS 7
#define CELL_COLS 15
#define PRODUCT_MAX 12 /* tag sets that are shown though nobody quotes them */

unsigned tui_heat_tag(struct tui_heat *h, const char *tags)
{
	unsigned i = 0;

	while (i < h->ntags && strcmp(h->tags[i], tags) != 0)
		i++;
	if (i < h->ntags || i == TUI_HEAT_TAGS || !tags[0] || strlen(tags) >= TUI_HEAT_TAG_MAX)
		return i < h->ntags ? i : TUI_HEAT_TAGS;
	memcpy(h->tags[i], tags, strlen(tags) + 1);
	h->ntags++;
	return i;
}

void tui_heat_learn(struct tui_heat *h, const struct mkt_tag_table *t)
{
	struct mkt_buf name = MKT_BUF_INIT;
	unsigned product = 1;

	for (unsigned i = 0; i < t->ndims && product <= PRODUCT_MAX; i++)
		product *= t->dims[i].nvalues;
	if (!t->ndims || product > PRODUCT_MAX)
		return;
	for (unsigned k = 0; k < product; k++) {
		mkt_tags tags = 0;
		unsigned rest = k;

		for (unsigned i = 0; i < t->ndims; i++) {
			tags = mkt_tags_with(tags, i, (uint8_t)(rest % t->dims[i].nvalues));
			rest /= t->dims[i].nvalues;
		}
		mkt_buf_clear(&name);
		mkt_tags_text(t, tags, &name);
		tui_heat_tag(h, mkt_buf_str(&name));
	}
	mkt_buf_release(&name);
}

/* ---- reading ------------------------------------------------------------------------------ */

void tui_heat_begin(struct tui_heat *h)
{
	h->ncoming = 0;
	h->more = false;
}

static int32_t price(const struct mkt_jval *at, const char *key)
{
	int64_t v;

	if (!mkt_jval_has(at, key) ||
	    mkt_jget_i64(at, key, TUI_NO_PRICE + 1, INT32_MAX, &v, NULL))
		return TUI_NO_PRICE;
	return (int32_t)v;
}

void tui_heat_page(struct tui_heat *h, const struct mkt_answer *a)
{
	struct mkt_jiter it = {0};
	struct mkt_jval at;

	while (mkt_jval_next(&a->data, &it, &at)) {
		struct tui_heat_cell c = {mkt_count(&at, "window_s"), 0, price(&at, "buy_upwh"),
					  price(&at, "sell_upwh")};
		uint64_t last = h->ncoming ? h->coming[h->ncoming - 1].window_s : 0;

		c.tag = tui_heat_tag(h, mkt_word(&at, "tags"));
		if (c.tag == TUI_HEAT_TAGS || h->ncoming == TUI_HEAT_CELLS)
			h->more = true;
		else if (c.window_s >= last) /* a server that sorts otherwise is not followed */
			h->coming[h->ncoming++] = c;
	}
}

void tui_heat_end(struct tui_heat *h)
{
	memcpy(h->cells, h->coming, h->ncoming * sizeof(h->cells[0]));
	h->n = h->ncoming;
}

const struct tui_heat_cell *tui_heat_find(const struct tui_heat *h, uint64_t window_s,
					  unsigned tag)
{
	unsigned lo = 0, hi = h->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (h->cells[mid].window_s < window_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < h->n && h->cells[lo].window_s == window_s; lo++)
		if (h->cells[lo].tag == tag)
			return &h->cells[lo];
	return NULL;
}

/* ---- the picture -------------------------------------------------------------------------- */

unsigned tui_heat_width(const struct tui_heat *h)
{
	return TIME_COLS + CELL_COLS * (h->ntags ? h->ntags : 1);
}

void tui_heat_quote(const struct tui_heat_cell *c, char *out, size_t size)
{
	char buy[16] = "-", sell[16] = "-";

	if (c && c->buy_upwh != TUI_NO_PRICE)
		snprintf(buy, sizeof(buy), "%.15s", mkt_fmt_per_kwh(c->buy_upwh).s);
	if (c && c->sell_upwh != TUI_NO_PRICE)
		snprintf(sell, sizeof(sell), "%.15s", mkt_fmt_per_kwh(c->sell_upwh).s);
	snprintf(out, size, "%s/%s", buy, sell);
}

/* A quarter, half, all of a tenth of the price, or more. */
static enum tui_style shade(const struct tui_heat_cell *c)
{
	int64_t spread, price_upwh;

	if (!c)
		return TUI_DIM;
	if (c->sell_upwh == TUI_NO_PRICE)
		return TUI_BUY;
	if (c->buy_upwh == TUI_NO_PRICE)
		return TUI_SELL;
	spread = (int64_t)c->sell_upwh - c->buy_upwh;
	price_upwh = c->sell_upwh < 0 ? -(int64_t)c->sell_upwh : c->sell_upwh;
	return spread * 40 <= price_upwh   ? TUI_HEAT4
	       : spread * 20 <= price_upwh ? TUI_HEAT3
	       : spread * 10 <= price_upwh ? TUI_HEAT2
					   : TUI_HEAT1;
}

static void draw_row(const struct tui_heat *h, const struct tui_heat_view *v, struct tui_area a,
		     unsigned y, uint64_t window_s)
{
	bool here = window_s == v->at_s;
	char quote[48];

	tui_print(a, y, 0, here ? TUI_STRONG : TUI_PLAIN, "%.5s",
		  mkt_fmt_clock(v->zone, window_s).s);
	for (unsigned i = 0; i < h->columns; i++) {
		const struct tui_heat_cell *c = tui_heat_find(h, window_s, h->left + i);
		bool at = here && h->left + i == v->at_tag;
		unsigned x = TIME_COLS + i * CELL_COLS;

		tui_heat_quote(c, quote, sizeof(quote));
		tui_print(a, y, x, at ? TUI_SELECT : TUI_PLAIN, at ? ">" : " ");
		tui_text(a, y, x + 1, CELL_COLS - 2, TUI_LEFT, at ? TUI_SELECT : shade(c),
			 c ? quote : "     .");
	}
}

/* The selected row and column are in sight. */
static void scroll(struct tui_heat *h, const struct tui_heat_view *v, unsigned rows, unsigned cols)
{
	uint64_t at = v->at_s > v->first_s ? (v->at_s - v->first_s) / v->window_s : 0;
	uint64_t top = h->top_s > v->first_s ? (h->top_s - v->first_s) / v->window_s : 0;

	if (at < top)
		top = at;
	if (at >= top + rows)
		top = at - rows + 1;
	if (top + rows > v->count)
		top = v->count > rows ? v->count - rows : 0;
	h->top_s = v->first_s + top * v->window_s;
	h->columns = cols > TIME_COLS + CELL_COLS ? (cols - TIME_COLS) / CELL_COLS : 1;
	if (h->columns > h->ntags)
		h->columns = h->ntags;
	if (v->at_tag < h->left)
		h->left = v->at_tag;
	if (h->columns && v->at_tag >= h->left + h->columns)
		h->left = v->at_tag - h->columns + 1;
	if (h->left + h->columns > h->ntags)
		h->left = h->ntags - h->columns;
}

void tui_heat_draw(struct tui_heat *h, const struct tui_heat_view *v, struct tui_area a)
{
	h->drawn = a;
	h->columns = 0;
	if (!v->window_s || a.rows < 2 || !a.cols)
		return;
	scroll(h, v, a.rows - 1, a.cols);
	tui_print(a, 0, 0, TUI_HEAD, h->left || h->columns < h->ntags ? "%u-%u/%u" : "window",
		  h->left + 1, h->left + h->columns, h->ntags);
	for (unsigned i = 0; i < h->columns; i++)
		tui_text(a, 0, TIME_COLS + 1 + i * CELL_COLS, CELL_COLS - 2, TUI_LEFT,
			 h->left + i == v->at_tag ? TUI_STRONG : TUI_HEAD, h->tags[h->left + i]);
	for (unsigned y = 1; y < a.rows; y++) {
		uint64_t window_s = h->top_s + (uint64_t)(y - 1) * v->window_s;

		if (window_s < v->first_s + (uint64_t)v->count * v->window_s)
			draw_row(h, v, a, y, window_s);
	}
}

bool tui_heat_at(const struct tui_heat *h, const struct tui_heat_view *v, unsigned y, unsigned x,
		 uint64_t *window_s, unsigned *tag)
{
	uint64_t at;

	if (!v->window_s || y <= h->drawn.y || y >= h->drawn.y + h->drawn.rows || x < h->drawn.x ||
	    x >= h->drawn.x + h->drawn.cols)
		return false;
	at = h->top_s + (uint64_t)(y - h->drawn.y - 1) * v->window_s;
	x -= h->drawn.x;
	if (at >= v->first_s + (uint64_t)v->count * v->window_s || x < TIME_COLS ||
	    (x - TIME_COLS) / CELL_COLS >= h->columns)
		return false;
	*window_s = at;
	*tag = h->left + (x - TIME_COLS) / CELL_COLS;
	return true;
}

#include "core/base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/units/fmt.h"
#include "tui/frame.h"
#include "tui/overlay.h"

#define PIECES_MAX 12
#define SIDE_COLS 40
#define MAIN_COLS 79

/* A word of the upper lines; those of the highest rank leave first when there is no room. */
struct piece {
	char text[TUI_SAY_MAX];
	enum tui_style style;
	uint8_t rank;
	bool right;
};

struct pieces {
	struct piece v[PIECES_MAX];
	unsigned n;
};

static void piece(struct pieces *p, uint8_t rank, bool right, enum tui_style style, const char *fmt,
		  ...) MKT_PRINTF(5, 6);

static void piece(struct pieces *p, uint8_t rank, bool right, enum tui_style style, const char *fmt,
		  ...)
{
	struct piece *one = &p->v[p->n];
	va_list ap;

	if (p->n == PIECES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(one->text, sizeof(one->text), fmt, ap);
	va_end(ap);
	one->style = style;
	one->rank = rank;
	one->right = right;
	p->n++;
}

static unsigned columns_of(const struct tui_dash *d, const struct pieces *p)
{
	unsigned sum = 1;

	for (unsigned i = 0; i < p->n; i++)
		sum += tui_width(&d->canvas, p->v[i].text) + 2;
	return sum;
}

static void drop_worst(struct pieces *p)
{
	unsigned worst = 0;

	for (unsigned i = 1; i < p->n; i++)
		if (p->v[i].rank >= p->v[worst].rank)
			worst = i;
	p->n--;
	memmove(&p->v[worst], &p->v[worst + 1], (p->n - worst) * sizeof(p->v[0]));
}

static void draw_pieces(struct tui_dash *d, struct tui_area a, unsigned y, struct pieces *p)
{
	unsigned x = 1, right = a.cols > 0 ? a.cols - 1 : 0;

	tui_clear(tui_part(a, y, 0, 1, a.cols), TUI_BAR);
	while (p->n > 1 && columns_of(d, p) > a.cols)
		drop_worst(p);
	for (unsigned i = 0; i < p->n; i++) {
		unsigned w = tui_width(&d->canvas, p->v[i].text);

		if (p->v[i].right)
			right -= right >= w + 2 ? w + 2 : right;
	}
	right += 2;
	for (unsigned i = 0; i < p->n; i++) {
		unsigned w = tui_width(&d->canvas, p->v[i].text), *at = p->v[i].right ? &right : &x;

		if (*at < a.cols)
			tui_text(a, y, *at, w < a.cols - *at ? w : a.cols - *at, TUI_LEFT,
				 p->v[i].style, p->v[i].text);
		*at += w + 2;
	}
}

/* ---- header ------------------------------------------------------------------------------- */

void tui_frame_link(const struct tui_dash *d, char *out, size_t size)
{
	uint64_t silent_s = (d->steady_ms - d->word_ms) / 1000;

	switch (d->link) {
	case TUI_LINK_STARTING:
		snprintf(out, size, "CONNECTING");
		break;
	case TUI_LINK_LIVE:
		snprintf(out, size, "LIVE");
		break;
	case TUI_LINK_STALE:
		snprintf(out, size, "STALE %llus", (unsigned long long)silent_s);
		break;
	case TUI_LINK_OFFLINE:
		if (d->retry_ms > d->steady_ms)
			snprintf(out, size, "OFFLINE retry %llus",
				 (unsigned long long)(d->retry_ms - d->steady_ms + 999) / 1000);
		else
			snprintf(out, size, "OFFLINE trying");
		break;
	}
}

static uint64_t age_of_block_s(const struct tui_dash *d)
{
	uint64_t now = tui_dash_chain_ms(d);

	return now > d->node.block_ms ? (now - d->node.block_ms) / 1000 : 0;
}

static void age_words(const struct tui_dash *d, char *out, size_t size)
{
	uint64_t s = age_of_block_s(d);

	if (s < 60)
		snprintf(out, size, "%llu s ago", (unsigned long long)s);
	else
		snprintf(out, size, "%s ago", mkt_fmt_span(s).s);
}

static void draw_header(struct tui_dash *d, struct tui_area a)
{
	struct pieces p = {.n = 0};
	enum tui_style worry = d->link == TUI_LINK_LIVE ? TUI_BAR : TUI_BAD;
	char text[MKT_FMT_MAX + 8];

	piece(&p, 7, false, TUI_BAR, "mkt dash");
	if (d->node.role[0]) {
		piece(&p, 1, false, TUI_BAR, "%s #%llu", d->node.role,
		      (unsigned long long)d->node.height);
		age_words(d, text, sizeof(text));
		piece(&p, 3, false, TUI_BAR, "%s", text);
	}
	if (d->node.block_seen)
		piece(&p, 5, false, TUI_BAR, "%u tx/block", d->node.block_txs);
	if (d->node.lag)
		piece(&p, 4, false, TUI_WARN, "%llu behind", (unsigned long long)d->node.lag);
	tui_frame_link(d, text, sizeof(text));
	piece(&p, 0, true, worry, "%s", text);
	if (d->paused)
		piece(&p, 0, true, TUI_WARN, "PAUSED");
	piece(&p, 2, true, d->conf.control ? TUI_WARN : TUI_BAR, "%s",
	      d->conf.control ? "CONTROL" : "READ-ONLY");
	if (d->have_facts) {
		piece(&p, 4, true, TUI_BAR, "%s",
		      mkt_fmt_clock(&d->zone, tui_dash_chain_ms(d) / 1000).s);
	}
	draw_pieces(d, a, 0, &p);
}

static void draw_account(struct tui_dash *d, struct tui_area a)
{
	const struct tui_node *n = &d->node;
	const struct tui_money *m = &d->money;
	struct pieces p = {.n = 0};

	if (m->known) {
		piece(&p, 3, false, TUI_BAR, "%s", m->name[0] ? m->name : d->conf.who);
		piece(&p, 1, false, TUI_BAR, "available %s",
		      mkt_fmt_money(m->available_uc, d->facts.currency).s);
		piece(&p, 4, false, TUI_BAR, "held %s",
		      mkt_fmt_money(m->held_uc, d->facts.currency).s);
		piece(&p, 6, false, TUI_BAR, "open bids %u", m->open_bids);
	} else if (!d->conf.who[0]) {
		piece(&p, 3, false, TUI_BAR, "no account");
	} else {
		piece(&p, 3, false, TUI_BAR, "account %s%s", d->conf.who,
		      m->missing ? " is not on this chain" : "");
	}
	piece(&p, 0, true, n->nalarms ? TUI_BAD : TUI_BAR, "alarms %u", n->nalarms);
	if (n->disk_free_bytes >= 0)
		piece(&p, 2, true, strcmp(n->disk_state, "ok") ? TUI_BAD : TUI_BAR, "disk free %s",
		      mkt_fmt_bytes((uint64_t)n->disk_free_bytes).s);
	if (n->disk_days >= 0)
		piece(&p, 5, true, n->disk_days < 14 ? TUI_WARN : TUI_BAR, "full in %lld d",
		      (long long)n->disk_days);
	draw_pieces(d, a, 1, &p);
}

/* ---- tabs --------------------------------------------------------------------------------- */

static void tab_text(const struct tui_dash *d, unsigned i, bool names, char out[24])
{
	char name[16];

	snprintf(name, sizeof(name), "%s", tui_pane_name((enum tui_pane)i));
	name[0] = (char)(name[0] - 'a' + 'A');
	if (i == d->shown)
		snprintf(out, 24, "[%u %s]", i + 1, name);
	else if (names)
		snprintf(out, 24, " %u %s", i + 1, name);
	else
		snprintf(out, 24, " %u", i + 1);
}

static void draw_tabs(struct tui_dash *d, struct tui_area a)
{
	unsigned x = 0, all = 0;
	char text[24];

	for (unsigned i = 0; i < TUI_PANES; i++) {
		tab_text(d, i, true, text);
		all += (unsigned)strlen(text);
	}
	tui_clear(tui_part(a, 2, 0, 1, a.cols), TUI_PLAIN);
	d->places.tab_y = 2;
	for (unsigned i = 0; i < TUI_PANES; i++) {
		tab_text(d, i, all <= a.cols, text);
		d->places.tab[i].x = (uint16_t)x;
		d->places.tab[i].w = (uint16_t)tui_print(
			a, 2, x, i == d->shown ? TUI_TITLE : TUI_PLAIN, "%s", text);
		x += d->places.tab[i].w;
	}
}

/* ---- bottom ------------------------------------------------------------------------------- */

/* The pane's own keys first, then those that everybody needs. */
static void draw_bar(struct tui_dash *d, struct tui_area a)
{
	unsigned x = 1, y = a.rows - 1, shown = 0;
	char key[TUI_KEY_NAME_MAX + 1];

	tui_clear(tui_part(a, y, 0, 1, a.cols), TUI_BAR);
	d->places.bar_y = a.y + y;
	d->places.nbar = 0;
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < d->keys.n && d->places.nbar < 8; i++) {
			const struct tui_binding *b = &d->keys.v[i];
			unsigned own = b->pane == d->shown, w;

			if (!b->label[0] || (pass ? b->pane != TUI_PANE_ALL : !own) ||
			    (!pass && shown == 3))
				continue;
			tui_key_name(b->keys[0], key);
			w = tui_width(a.c, key) + 1 + tui_width(a.c, b->label);
			if (x + w + 2 > a.cols)
				continue;
			d->places.bar[d->places.nbar].x = (uint16_t)x;
			d->places.bar[d->places.nbar].w = (uint16_t)w;
			d->places.bar[d->places.nbar++].key = b->keys[0];
			tui_print(a, y, x, TUI_KEY, "%s", key);
			tui_print(a, y, x + tui_width(a.c, key) + 1, TUI_BAR, "%s", b->label);
			x += w + 2;
			shown++;
		}
}

/* What was said, or else how old the picture is. */
static void draw_said(struct tui_dash *d, struct tui_area a)
{
	unsigned y = a.rows - 2;
	bool room = a.rows >= 16;

	if (d->said[0] && d->steady_ms - d->said_ms >= 10000)
		d->said[0] = '\0';
	if (!room && !d->said[0])
		return;
	tui_clear(tui_part(a, y, 0, 1, a.cols), TUI_PLAIN);
	if (d->said[0])
		tui_text(a, y, 1, a.cols > 1 ? a.cols - 1 : 0, TUI_LEFT, d->said_style, d->said);
	else if (d->link > TUI_LINK_LIVE && d->word_ms)
		tui_print(a, y, 1, TUI_STALE, "all this is %s old: no word from %s since then",
			  mkt_fmt_span((d->steady_ms - d->word_ms) / 1000).s,
			  d->conf.server ? d->conf.server : "the node");
}

/* ---- panes -------------------------------------------------------------------------------- */

/* What is not known to be so any more is dim; cursor and marks stay. */
static void dim(struct tui_area a)
{
	for (unsigned y = 0; y < a.rows; y++)
		for (unsigned x = 0; x < a.cols; x++) {
			struct tui_cell *c = &a.c->cells[(a.y + y) * a.c->cols + a.x + x];

			if (c->style != TUI_SELECT && c->style != TUI_MARKED &&
			    c->style != TUI_MATCH && c->style != TUI_HEAD && c->style != TUI_STALE)
				c->style = TUI_DIM;
		}
}

static void draw_pane(struct tui_dash *d, enum tui_pane which, struct tui_area a)
{
	const struct tui_pane_ops *ops = tui_pane_ops(which);

	tui_clear(a, TUI_PLAIN);
	if (!a.rows || !a.cols)
		return;
	if (!d->have_facts)
		tui_print(a, 0, 1, TUI_DIM, "waiting for %s",
			  d->conf.server ? d->conf.server : "the node");
	else if (ops)
		ops->draw(d, d->pane[which], a);
	if (d->link > TUI_LINK_LIVE)
		dim(a);
}

static void draw_panes(struct tui_dash *d, struct tui_area a)
{
	unsigned bottom = a.rows >= 16 ? 2 : 1, side = 0;
	struct tui_area all = tui_part(a, 3, 0, a.rows - 3 - bottom, a.cols);

	if (a.cols >= TUI_COLS_TWO && d->shown != TUI_PANE_EVENTS)
		side = a.cols / 3 > SIDE_COLS ? a.cols / 3 : SIDE_COLS;
	if (side && a.cols - side - 1 < MAIN_COLS)
		side = a.cols - 1 - MAIN_COLS;
	d->places.main = tui_part(all, 0, 0, all.rows, side ? all.cols - side - 1 : all.cols);
	d->places.side = tui_part(all, 0, all.cols - side, all.rows, side);
	draw_pane(d, d->shown, d->places.main);
	if (!side)
		return;
	for (unsigned y = 0; y < all.rows; y++)
		tui_glyph(all, y, all.cols - side - 1, TUI_DIM,
			  a.c->utf8 && a.c->glyphs != TUI_ASCII ? "│" : "|");
	draw_pane(d, TUI_PANE_EVENTS, d->places.side);
}

/* ---- all ---------------------------------------------------------------------------------- */

bool tui_frame_small(const struct tui_dash *d)
{
	return d->canvas.rows < TUI_ROWS_LEAST || d->canvas.cols < TUI_COLS_LEAST;
}

void tui_frame_line(struct tui_dash *d, struct mkt_buf *out)
{
	const struct tui_pane_ops *ops = tui_pane_ops(d->shown);
	char link[40], age[MKT_FMT_MAX + 8];
	size_t before;

	tui_frame_link(d, link, sizeof(link));
	age_words(d, age, sizeof(age));
	mkt_buf_addf(out, "%s", link);
	if (d->paused)
		mkt_buf_addstr(out, " PAUSED");
	if (d->node.role[0])
		mkt_buf_addf(out, " #%llu %s", (unsigned long long)d->node.height, age);
	mkt_buf_addf(out, " alarms %u", d->node.nalarms);
	if (!ops || !ops->line || !d->have_facts)
		return;
	mkt_buf_addstr(out, "  ");
	before = out->len;
	ops->line(d, d->pane[d->shown], out);
	if (out->len == before)
		out->len -= 2;
}

static void draw_small(struct tui_dash *d, struct tui_area a)
{
	struct mkt_buf b = MKT_BUF_INIT;

	tui_clear(a, TUI_PLAIN);
	d->places.main = d->places.side = tui_part(a, 0, 0, 0, 0);
	d->places.nbar = 0;
	memset(d->places.tab, 0, sizeof(d->places.tab));
	tui_frame_line(d, &b);
	tui_text(a, 0, 0, a.cols, TUI_LEFT, d->link > TUI_LINK_LIVE ? TUI_BAD : TUI_PLAIN,
		 mkt_buf_str(&b));
	if (a.rows > 1)
		tui_text(a, 1, 0, a.cols, TUI_LEFT, TUI_DIM, "too small: 40x12 at least; q quits");
	mkt_buf_release(&b);
}

void tui_frame_draw(struct tui_dash *d, int *cursor_y, int *cursor_x)
{
	struct tui_area a = tui_whole(&d->canvas);

	*cursor_y = *cursor_x = -1;
	d->canvas.again = false;
	if (tui_frame_small(d)) {
		draw_small(d, a);
		return;
	}
	draw_header(d, a);
	draw_account(d, a);
	draw_tabs(d, a);
	draw_panes(d, a);
	draw_said(d, a);
	draw_bar(d, a);
	if (d->top)
		d->top->ops->draw(d, d->top->self, tui_part(a, 3, 0, a.rows - 4, a.cols), cursor_y,
				  cursor_x);
}

/*
 * Book: the map of best prices, the ladder of the selected book, and what was paid in it.
 *
 * Small: the ladder alone.  From 70 columns the map stands beside it; from 24 rows the history
 * stands below.  What is selected is a window and a tag set by value, not a place.
 */
#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "core/units/fmt.h"
#include "core/wire/client.h"
#include "core/wire/story.h"
#include "tui/bid.h"
#include "tui/heat.h"
#include "tui/ladder.h"
#include "tui/overlay.h"
#include "tui/price_history.h"

#define LADDER_MS 2000
#define HEAT_MS 4000
#define PAGE 250

struct pane {
	struct tui_dash *d;
	struct tui_heat heat;
	struct tui_ladder ladder;
	struct tui_price_history paid;
	uint64_t at_s;
	unsigned tag;
	uint64_t ladder_s; /* the book that the ladder and the history are of */
	unsigned ladder_tag;
	uint64_t asked_s; /* the book that was asked for */
	unsigned asked_tag;
	uint64_t ladder_ms, heat_ms; /* steady: when they were asked for; 0: never */
	bool ladder_old, heat_old, ladder_waits, heat_waits, paid_waits, paid_whole, no_own;
	char heat_after[64], paid_after[32];
	uint64_t paid_s; /* the book whose contracts were asked for */
	unsigned paid_tag;
	bool large;
	unsigned skip;
};

static struct tui_heat_view view_of(const struct pane *p)
{
	const struct mkt_facts *f = &p->d->facts;
	struct tui_heat_view v = {&p->d->zone, f->open_first_s, p->at_s, f->window_s,
				  f->open_count, p->tag};
	uint64_t now = tui_dash_chain_ms(p->d) / 1000 + f->gate_s;

	/* The facts may be older than the last gate. */
	if (v.window_s && v.first_s <= now)
		v.first_s = (now / v.window_s + 1) * v.window_s;
	return v;
}

static bool shown_is_selected(const struct pane *p)
{
	return p->ladder_s == p->at_s && p->ladder_tag == p->tag && p->at_s;
}

/* ---- reading ------------------------------------------------------------------------------ */

static void got_depth(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		      const struct mkt_err *err)
{
	struct pane *p = ctx;

	p->ladder_waits = false;
	if (err)
		p->ladder_old = true;
	else if (p->asked_s == p->ladder_s)
		tui_ladder_depth(&p->ladder, a);
	tui_dash_touch(d);
}

static void got_ladder(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		       const struct mkt_err *err)
{
	struct pane *p = ctx;

	p->ladder_waits = false;
	if (err) { /* a key that the chain does not know marks nothing */
		p->no_own = p->no_own || err->code == MKT_ENOTFOUND || err->code == MKT_EDENIED;
		p->ladder_old = true;
		return;
	}
	if (p->asked_s != p->at_s || p->asked_tag != p->tag)
		return; /* somebody went on; the next tick asks again */
	if (p->ladder_s != p->asked_s || p->ladder_tag != p->asked_tag)
		memset(&p->ladder, 0, sizeof(p->ladder));
	p->ladder_s = p->asked_s;
	p->ladder_tag = p->asked_tag;
	tui_ladder_levels(&p->ladder, a);
	p->ladder_waits = !tui_dash_get(d, got_depth, p,
					"/v1/books?from=%llu&count=1&levels=0&depth=1",
					(unsigned long long)p->asked_s);
	tui_dash_touch(d);
}

static void ask_ladder(struct pane *p)
{
	struct tui_dash *d = p->d;
	struct mkt_buf path = MKT_BUF_INIT;

	mkt_buf_addf(&path, "/v1/books?from=%llu&count=1&levels=%d&tags=",
		     (unsigned long long)p->at_s, TUI_LADDER_LEVELS);
	mkt_url_escape(&path, p->heat.tags[p->tag]);
	if (d->conf.who[0] && !p->no_own)
		mkt_buf_addf(&path, "&account=%s", d->conf.who);
	p->ladder_waits = !tui_dash_get(d, got_ladder, p, "%s", mkt_buf_str(&path));
	if (p->ladder_waits) {
		p->asked_s = p->at_s;
		p->asked_tag = p->tag;
		p->ladder_ms = d->steady_ms;
		p->ladder_old = false;
	}
	mkt_buf_release(&path);
}

static void got_heat(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		     const struct mkt_err *err)
{
	struct pane *p = ctx;

	p->heat_waits = false;
	if (err) {
		p->heat_old = true;
		p->heat_after[0] = '\0';
		return;
	}
	tui_heat_page(&p->heat, a);
	snprintf(p->heat_after, sizeof(p->heat_after), "%s", a->next ? a->next : "");
	if (!a->next)
		tui_heat_end(&p->heat);
	tui_dash_touch(d);
}

static void ask_heat(struct pane *p)
{
	bool on = p->heat_after[0];

	if (!on)
		tui_heat_begin(&p->heat);
	p->heat_waits = !tui_dash_get(p->d, got_heat, p, "/v1/books?summary=1&limit=500%s%s",
				      on ? "&after=" : "", p->heat_after);
	if (p->heat_waits && !on) {
		p->heat_ms = p->d->steady_ms;
		p->heat_old = false;
	}
}

static void got_paid(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		     const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_jiter it = {0};
	struct mkt_jval at;

	p->paid_waits = false;
	if (err || p->paid_s != p->at_s || p->paid_tag != p->tag)
		return; /* another book is selected by now: its pages begin at the first */
	while (mkt_jval_next(&a->data, &it, &at))
		if (mkt_count(&at, "window_s") == p->at_s &&
		    !strcmp(mkt_word(&at, "tags"), p->heat.tags[p->tag]))
			tui_price_history_put(&p->paid, &at);
	snprintf(p->paid_after, sizeof(p->paid_after), "%s", a->next ? a->next : "");
	p->paid_whole = !a->next;
	tui_dash_touch(d);
}

static void go(struct pane *p, uint64_t at_s, unsigned tag)
{
	if (at_s == p->at_s && tag == p->tag)
		return;
	p->at_s = at_s;
	p->tag = tag;
	p->skip = 0;
	p->ladder_old = true;
	p->ladder_ms = 0;
	p->paid_whole = false;
	p->paid_after[0] = '\0';
	tui_price_history_clear(&p->paid);
	if (!p->ladder_waits && p->tag < p->heat.ntags)
		ask_ladder(p);
	tui_dash_touch(p->d);
}

static void tick(struct tui_dash *d, void *self)
{
	struct pane *p = self;
	struct tui_heat_view v = view_of(p);
	uint64_t now = d->steady_ms;

	if (!d->have_facts || !v.window_s)
		return;
	tui_heat_learn(&p->heat, &d->facts.tags);
	if (p->at_s < v.first_s)
		go(p, v.first_s, p->tag);
	if (!p->heat_waits &&
	    (p->heat_after[0] || !p->heat_ms || (p->heat_old && now - p->heat_ms >= HEAT_MS)))
		ask_heat(p);
	if (p->tag >= p->heat.ntags)
		return;
	if (!p->ladder_waits && (!p->ladder_ms || !shown_is_selected(p) ||
				 (p->ladder_old && now - p->ladder_ms >= LADDER_MS))) {
		ask_ladder(p);
	} else if (!p->paid_waits && !p->paid_whole) {
		p->paid_s = p->at_s;
		p->paid_tag = p->tag;
		p->paid_waits = !tui_dash_get(d, got_paid, p,
					      "/v1/contracts?window=%llu&limit=%d%s%s",
					      (unsigned long long)p->at_s, PAGE,
					      p->paid_after[0] ? "&after=" : "", p->paid_after);
	}
}

static void event(struct tui_dash *d, void *self, const struct tui_event *ev)
{
	struct pane *p = self;

	if (!strcmp(ev->kind, "block"))
		p->ladder_old = p->heat_old = true;
	else if (!strcmp(ev->kind, "contract") && p->tag < p->heat.ntags &&
		 mkt_count(&ev->data, "window_s") == p->at_s &&
		 !strcmp(mkt_word(&ev->data, "tags"), p->heat.tags[p->tag]) &&
		 tui_price_history_put(&p->paid, &ev->data) && d->shown == TUI_PANE_BOOK)
		tui_dash_touch(d);
}

static void reload(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	p->ladder_ms = p->heat_ms = 0;
	p->heat_after[0] = p->paid_after[0] = '\0';
	p->no_own = p->paid_whole = false;
	if (d->shown == TUI_PANE_BOOK)
		tick(d, self);
}

/* ---- the picture -------------------------------------------------------------------------- */

static void head(const struct pane *p, bool wide, struct mkt_buf *out)
{
	const struct tui_ladder *l = &p->ladder;
	struct tui_heat_cell c = {0, 0, TUI_NO_PRICE, TUI_NO_PRICE};
	char quote[48];

	if (p->tag >= p->heat.ntags || !shown_is_selected(p)) {
		mkt_buf_addstr(out, "reading ...");
		return;
	}
	if (l->n[TUI_LADDER_BUY])
		c.buy_upwh = l->v[TUI_LADDER_BUY][0].price_upwh;
	if (l->n[TUI_LADDER_SELL])
		c.sell_upwh = l->v[TUI_LADDER_SELL][0].price_upwh;
	tui_heat_quote(&c, quote, sizeof(quote));
	mkt_buf_addf(out, "%.5s %s  %s", mkt_fmt_clock(&p->d->zone, p->at_s).s,
		     p->heat.tags[p->tag], quote);
	if (wide && c.buy_upwh != TUI_NO_PRICE && c.sell_upwh != TUI_NO_PRICE)
		mkt_buf_addf(out, "  spread %s", mkt_fmt_decimal((int64_t)c.sell_upwh - c.buy_upwh,
								3, 2).s);
}

static void draw_ladder(const struct pane *p, struct tui_area a, bool depth)
{
	static const char *const words[] = {"buy", "sell"};
	const struct tui_ladder *l = &p->ladder;
	struct mkt_buf b = MKT_BUF_INIT;
	unsigned y = 1, x = 0;

	head(p, a.cols > 36, &b);
	tui_text(a, 0, 0, a.cols, TUI_LEFT, TUI_TITLE, mkt_buf_str(&b));
	mkt_buf_release(&b);
	if (!shown_is_selected(p) || a.rows < 2)
		return;
	for (unsigned s = 0; depth && l->depth && s < TUI_LADDER_SIDES; s++) {
		x = tui_print(a, y, 0, TUI_PLAIN, "%s gross %s", words[s],
			      mkt_fmt_kwh(l->gross_wh[s]).s);
		tui_print(a, y++, x, TUI_PLAIN, " unique %s kWh", mkt_fmt_kwh(l->unique_wh[s]).s);
	}
	if (a.rows > y)
		tui_ladder_draw(l, tui_part(a, y, 0, a.rows - y, a.cols), p->skip, p->large);
}

static void draw(struct tui_dash *d, void *self, struct tui_area a)
{
	struct pane *p = self;
	struct tui_heat_view v = view_of(p);
	unsigned rows = a.rows >= 24 ? a.rows - a.rows / 3 : a.rows, left;

	(void)d;
	p->heat.drawn = tui_part(a, 0, 0, 0, 0);
	if (p->large || a.cols < 70 || a.rows < 6) {
		draw_ladder(p, a, a.rows >= 12);
		return;
	}
	left = tui_heat_width(&p->heat) < a.cols / 2 ? tui_heat_width(&p->heat) : a.cols / 2;
	tui_heat_draw(&p->heat, &v, tui_part(a, 0, 0, rows, left));
	draw_ladder(p, tui_part(a, 0, left + 1, rows, a.cols - left - 1), true);
	if (rows < a.rows)
		tui_price_history_draw(&p->paid, tui_part(a, rows, 0, a.rows - rows, a.cols),
				       !p->paid_whole);
}

/* ---- the pane ----------------------------------------------------------------------------- */

static int init(struct tui_dash *d, void *self)
{
	((struct pane *)self)->d = d;
	return 0;
}

static void step(struct pane *p, int64_t by)
{
	struct tui_heat_view v = view_of(p);
	int64_t at, last = (int64_t)v.count - 1;

	if (!v.window_s || last < 0)
		return;
	at = p->at_s > v.first_s ? (int64_t)((p->at_s - v.first_s) / v.window_s) : 0;
	at = at + by < 0 ? 0 : at + by > last ? last : at + by;
	go(p, v.first_s + (uint64_t)at * v.window_s, p->tag);
}

static void turn(struct pane *p, unsigned by)
{
	if (p->heat.ntags)
		go(p, p->at_s, (p->tag + by) % p->heat.ntags);
}

static bool scroll(struct pane *p, int by)
{
	unsigned n = p->ladder.n[0] > p->ladder.n[1] ? p->ladder.n[0] : p->ladder.n[1];
	int to = (int)p->skip + by;

	p->skip = to < 0 || !n ? 0 : (unsigned)to >= n ? n - 1 : (unsigned)to;
	tui_dash_touch(p->d);
	return true;
}

/* In the selected book. */
static void bid(struct pane *p, bool sell)
{
	const struct tui_dash *d = p->d;
	bool known = p->tag < p->heat.ntags && p->at_s;
	struct mkt_text window = mkt_fmt_window(&d->zone, p->at_s, d->facts.window_s);

	tui_bid_open(p->d, &(struct tui_bid_start){.sell = sell,
						   .window = known ? window.s : NULL,
						   .tags = known ? p->heat.tags[p->tag] : NULL});
}

static bool act(struct tui_dash *d, void *self, enum tui_action action)
{
	struct pane *p = self;
	int by = action == TUI_A_UP || action == TUI_A_EARLIER	? -1
		 : action == TUI_A_DOWN || action == TUI_A_LATER ? 1
		 : action == TUI_A_PAGE_UP			? -10
		 : action == TUI_A_PAGE_DOWN			? 10
		 : action == TUI_A_FIRST			? -10000
		 : action == TUI_A_LAST				? 10000
								: 0;

	if (action == TUI_A_BUY || action == TUI_A_SELL) {
		bid(p, action == TUI_A_SELL);
		return true;
	}
	if (by && p->large && action != TUI_A_EARLIER && action != TUI_A_LATER)
		return scroll(p, by);
	if (by)
		step(p, by);
	else if (action == TUI_A_NEXT_TAG || action == TUI_A_RIGHT)
		turn(p, 1);
	else if (action == TUI_A_PREV_TAG || action == TUI_A_LEFT)
		turn(p, p->heat.ntags - 1);
	else if (action == TUI_A_OPEN || (action == TUI_A_BACK && p->large))
		p->large = action == TUI_A_OPEN;
	else
		return false;
	p->skip = 0;
	tui_dash_touch(d);
	return true;
}

static bool mouse(struct tui_dash *d, void *self, const struct tui_input *in)
{
	struct pane *p = self;
	struct tui_heat_view v = view_of(p);
	uint64_t at_s;
	unsigned tag;

	(void)d;
	if (in->mouse == TUI_WHEEL_UP || in->mouse == TUI_WHEEL_DOWN) {
		act(d, self, in->mouse == TUI_WHEEL_UP ? TUI_A_UP : TUI_A_DOWN);
		return true;
	}
	if (!tui_heat_at(&p->heat, &v, in->y, in->x, &at_s, &tag))
		return false;
	go(p, at_s, tag);
	return true;
}

static bool copy(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	struct mkt_text window = mkt_fmt_window(&d->zone, p->at_s, d->facts.window_s);

	if (p->tag >= p->heat.ntags || !p->at_s)
		return false;
	tui_command_text(d, (const char *const[]){"book", "--at", window.s, "--tag",
					       p->heat.tags[p->tag], NULL},
			 out);
	return true;
}

static void line(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	(void)d;
	head(self, true, out);
}

const struct tui_pane_ops tui_pane_book = {
	.which = TUI_PANE_BOOK,
	.size = sizeof(struct pane),
	.init = init,
	.visit = tick,
	.reload = reload,
	.event = event,
	.tick = tick,
	.draw = draw,
	.act = act,
	.mouse = mouse,
	.copy = copy,
	.line = line,
};

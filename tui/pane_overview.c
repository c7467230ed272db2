/*
 * Overview: the chain's head, what the next windows cost, energy of today, and what needs
 * a human.
 *
 *   tx/block, last 240: 3121, at most 40    next windows      buy    sell
 *   ▁▂▅▇▃▁▂▂                                14:00 green      24.10  25.50
 *   today 301.123 of 412.300 kWh metered    14:00 brown          -  27.00
 *   ██████████████████
 *   needs a human
 *   >alarm   the disk is nearly full
 */
#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "core/units/fmt.h"
#include "core/wire/story.h"
#include "tui/graph.h"
#include "tui/list.h"
#include "tui/overlay.h"
#include "tui/today.h"
#include "tui/worry.h"

#define BLOCKS 240 /* of the graph */
#define PRICES 24  /* rows of windows and tags */
#define NEEDS 48   /* things for a human */
#define BOOKS_MS 3000
#define DEVICES_MS 10000
#define DEVICES 16 /* among the needs, at most */

struct price {
	uint64_t window_s;
	char tags[32];
	int32_t buy_upwh, sell_upwh; /* INT32_MIN: nobody offers */
};

/* Something that somebody should look at. */
struct need {
	uint64_t id;   /* not 0 */
	char what[10]; /* "alarm", "device", "refused", "short" */
	char text[160];
	bool seen; /* acknowledged */
};

struct pane {
	struct tui_dash *d;
	struct tui_list list;
	struct tui_today today;
	int64_t txs[BLOCKS]; /* by block, oldest first */
	unsigned nblocks;
	uint64_t block; /* height of the last of them */
	struct price prices[PRICES];
	unsigned nprices;
	uint64_t asked_ms;   /* steady: when prices were asked for, */
	uint64_t devices_ms; /* and states of chargers and batteries */
	struct need needs[NEEDS];
	unsigned nneeds;
	uint64_t next_id;
	bool blocks_read;
};

enum { C_WHAT, C_TEXT, C_COLS };
static const struct tui_column columns[C_COLS] = {
	[C_WHAT] = {.name = "what", .title = "needs", .width = 8, .rank = 1},
	[C_TEXT] = {.name = "text", .title = "a human", .width = 60, .least = 8, .grows = true},
};

/* ---- what needs a human ------------------------------------------------------------------ */

static uint64_t hash_of(const char *text)
{
	uint64_t h = 14695981039346656037u;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 1099511628211u;
	return h | 1;
}

static struct need *find_need(struct pane *p, uint64_t id)
{
	for (unsigned i = 0; i < p->nneeds; i++)
		if (p->needs[i].id == id)
			return &p->needs[i];
	return NULL;
}

static void drop_need(struct pane *p, unsigned i)
{
	memmove(&p->needs[i], &p->needs[i + 1], (--p->nneeds - i) * sizeof(p->needs[0]));
}

/* The same words again are the same need; when there are too many the oldest goes. */
static void add_need(struct pane *p, const char *what, const char *text)
{
	uint64_t id = hash_of(text);
	struct need *n;

	if (find_need(p, id))
		return;
	if (p->nneeds == NEEDS)
		drop_need(p, 0);
	n = &p->needs[p->nneeds++];
	*n = (struct need){.id = id};
	snprintf(n->what, sizeof(n->what), "%s", what);
	snprintf(n->text, sizeof(n->text), "%s", text);
	tui_list_changed(&p->list, p->nneeds);
	tui_dash_touch(p->d);
}

static bool is_alarm(const struct tui_node *n, const char *text)
{
	for (unsigned i = 0; i < n->nalarms && i < TUI_ALARMS_MAX; i++)
		if (!strcmp(n->alarms[i], text))
			return true;
	return false;
}

/* Alarms stand as long as the node says so. */
static void follow_alarms(struct pane *p)
{
	const struct tui_node *n = &p->d->node;

	for (unsigned i = 0; i < p->nneeds;) {
		if (!strcmp(p->needs[i].what, "alarm") && !is_alarm(n, p->needs[i].text))
			drop_need(p, i);
		else
			i++;
	}
	for (unsigned i = 0; i < n->nalarms && i < TUI_ALARMS_MAX; i++)
		if (n->alarms[i][0])
			add_need(p, "alarm", n->alarms[i]);
	tui_list_changed(&p->list, p->nneeds);
}

static bool is_ours(const struct pane *p, const char *name)
{
	return p->d->money.known && !strcmp(p->d->money.name, name);
}

/* "ev-3 of home: silent"; without what changes from word to word, so that it stays one need. */
static void say_device(const struct mkt_telemetry_row *t, enum tui_worry worry, char *out,
		       size_t size)
{
	snprintf(out, size, "%s of %s: %s", t->t.charger, t->account_name,
		 worry == TUI_SILENT		? "silent"
		 : strcmp(t->t.vehicle, "F") ? t->t.state
					     : "its car is at fault");
}

/* Silent ones and those at fault need somebody; the own ones, if there is an account. */
static void got_devices(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
			const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_telemetry_row row;
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	char texts[DEVICES][160];
	unsigned n = 0;

	if (err)
		return;
	while (n < DEVICES && mkt_jval_next(&a->data, &it, &at)) {
		enum tui_worry worry;

		if (mkt_telemetry_read(&at, &row, &(struct mkt_err){0}) < 0 ||
		    (d->conf.who[0] && !is_ours(p, row.account_name)))
			continue;
		worry = tui_worry(&row.t, row.age_ms);
		if (worry != TUI_NO_WORRY)
			say_device(&row, worry, texts[n++], sizeof(texts[0]));
	}
	for (unsigned i = 0, k; i < p->nneeds;) {
		for (k = 0; k < n && strcmp(p->needs[i].text, texts[k]) != 0;)
			k++;
		if (k == n && !strcmp(p->needs[i].what, "device"))
			drop_need(p, i);
		else
			i++;
	}
	for (unsigned k = 0; k < n; k++)
		add_need(p, "device", texts[k]);
	tui_list_changed(&p->list, p->nneeds);
	tui_dash_touch(d);
}

/* Refusals of the own account, or of all where there is none; contracts that fell short. */
static void note_event(struct pane *p, const struct tui_event *ev)
{
	const struct mkt_story story = {&p->d->facts, &p->d->zone};
	bool chain = !p->d->conf.who[0], result = !strcmp(ev->kind, "result");
	struct mkt_buf b = MKT_BUF_INIT;

	if (result && (!strcmp(mkt_word(&ev->data, "code"), "ok") ||
		       (!chain && !is_ours(p, mkt_word(&ev->data, "account_name")))))
		return;
	if (!result &&
	    (mkt_count(&ev->data, "delivered_wh") >= mkt_count(&ev->data, "contracted_wh") ||
	     (!chain && !is_ours(p, mkt_word(&ev->data, "buyer_name")) &&
	      !is_ours(p, mkt_word(&ev->data, "seller_name")))))
		return;
	mkt_story_event(&story, &ev->data, &b);
	add_need(p, result ? "refused" : "short", mkt_buf_str(&b));
	mkt_buf_release(&b);
}

static enum tui_style cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	const struct need *n = &((const struct pane *)ctx)->needs[row];

	snprintf(out, TUI_CELL_MAX, "%.127s", column == C_WHAT ? n->what : n->text);
	return n->seen ? TUI_DIM : strcmp(n->what, "alarm") ? TUI_WARN : TUI_BAD;
}

static uint64_t id(void *ctx, uint32_t row)
{
	return ((const struct pane *)ctx)->needs[row].id;
}

static const struct tui_rows rows = {
	.columns = columns, .ncolumns = C_COLS, .cell = cell, .id = id};

/* ---- blocks and prices ---------------------------------------------------------------------- */

static void add_block(struct pane *p, uint64_t height, uint64_t txs)
{
	if (height <= p->block && p->nblocks)
		return;
	if (p->nblocks == BLOCKS)
		memmove(p->txs, p->txs + 1, --p->nblocks * sizeof(p->txs[0]));
	p->txs[p->nblocks++] = (int64_t)txs;
	p->block = height;
}

static void got_blocks(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		       const struct mkt_err *err)
{
	struct pane *p = ctx;
	unsigned nlater = p->nblocks;
	uint64_t first = p->block - nlater + 1;
	int64_t later[BLOCKS];
	struct mkt_jiter it = {0};
	struct mkt_jval b;

	if (err) {
		p->blocks_read = false;
		return;
	}
	/* What came by itself in the meantime follows. */
	memcpy(later, p->txs, sizeof(later));
	p->nblocks = 0;
	while (mkt_jval_next(&a->data, &it, &b))
		if (!nlater || mkt_count(&b, "height") < first)
			add_block(p, mkt_count(&b, "height"), mkt_count(&b, "txs"));
	for (unsigned i = 0; i < nlater; i++)
		add_block(p, first + i, (uint64_t)later[i]);
	tui_dash_touch(d);
}

static struct price *price_of(struct pane *p, uint64_t window_s, const char *tags)
{
	struct price *at;

	for (unsigned i = 0; i < p->nprices; i++)
		if (p->prices[i].window_s == window_s && !strcmp(p->prices[i].tags, tags))
			return &p->prices[i];
	if (p->nprices == PRICES)
		return NULL;
	at = &p->prices[p->nprices++];
	*at = (struct price){window_s, "", INT32_MIN, INT32_MIN};
	snprintf(at->tags, sizeof(at->tags), "%s", tags);
	return at;
}

static void got_books(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		      const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_jiter it = {0};
	struct mkt_jval b;

	if (err)
		return;
	p->nprices = 0;
	while (mkt_jval_next(&a->data, &it, &b)) {
		struct price *at = price_of(p, mkt_count(&b, "window_s"), mkt_word(&b, "tags"));
		int64_t upwh;

		if (!at || mkt_jget_i64(&b, "price_upwh", INT32_MIN + 1, INT32_MAX, &upwh, NULL))
			continue;
		if (strcmp(mkt_word(&b, "side"), "buy") == 0)
			at->buy_upwh = (int32_t)upwh;
		else
			at->sell_upwh = (int32_t)upwh;
	}
	tui_dash_touch(d);
}

static void tick(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	follow_alarms(p);
	if (!d->have_facts)
		return;
	tui_today_tick(&p->today);
	if (!p->blocks_read && d->node.height) {
		uint64_t from = d->node.height > BLOCKS ? d->node.height - BLOCKS + 1 : 0;

		p->blocks_read = !tui_dash_get(d, got_blocks, p, "/v1/blocks?from=%llu&limit=%d",
					       (unsigned long long)from, BLOCKS);
	}
	if ((!p->asked_ms || d->steady_ms - p->asked_ms >= BOOKS_MS) &&
	    !tui_dash_get(d, got_books, p, "/v1/books?count=6&levels=1"))
		p->asked_ms = d->steady_ms;
	if ((!p->devices_ms || d->steady_ms - p->devices_ms >= DEVICES_MS) &&
	    !tui_dash_get(d, got_devices, p, "/v1/telemetry"))
		p->devices_ms = d->steady_ms;
}

static void event(struct tui_dash *d, void *self, const struct tui_event *ev)
{
	struct pane *p = self;

	if (!strcmp(ev->kind, "block")) {
		add_block(p, ev->height, mkt_count(&ev->data, "txs"));
		if (d->shown == TUI_PANE_OVERVIEW)
			tui_dash_touch(d);
	} else if (!strcmp(ev->kind, "result") || !strcmp(ev->kind, "settled")) {
		note_event(p, ev);
	}
	tui_today_event(&p->today, ev);
}

static void reload(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	p->asked_ms = p->devices_ms = 0;
	p->blocks_read = false;
	p->nblocks = 0;
	p->block = 0;
	p->today.first_s = 0;
	tick(d, self);
}

/* ---- the picture ----------------------------------------------------------------------------- */

static void draw_blocks(const struct pane *p, struct tui_area a)
{
	int64_t least, most = 1;
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->nblocks; i++)
		sum += (uint64_t)p->txs[i];
	if (p->nblocks)
		tui_range(p->txs, p->nblocks, &least, &most);
	tui_print(a, 0, 0, TUI_TITLE, "tx/block, last %u: %llu, at most %lld", p->nblocks,
		  (unsigned long long)sum, (long long)(p->nblocks ? most : 0));
	if (a.rows > 1 && a.cols)
		tui_graph(tui_part(a, 1, 0, a.rows - 1, a.cols), TUI_GRAPH, p->txs, p->nblocks, 0,
		  most > 0 ? most : 1);
}

static void draw_today(const struct pane *p, struct tui_area a)
{
	uint64_t contracted, delivered;
	unsigned x;

	tui_today_sum(&p->today, &contracted, &delivered);
	x = tui_print(a, 0, 0, TUI_TITLE, "today ");
	x += tui_print(a, 0, x, TUI_PLAIN, "%s of %s kWh metered", mkt_fmt_kwh(delivered).s,
		       mkt_fmt_kwh(contracted).s);
	if (p->today.read < p->today.n)
		tui_print(a, 0, x, TUI_DIM, "  reading");
	if (a.rows > 1)
		tui_meter(a, 1, 0, a.cols, false, TUI_GOOD, delivered, contracted);
}

static void draw_price(const struct pane *p, struct tui_area a, unsigned y, const struct price *at)
{
	char buy[24] = "-", sell[24] = "-";

	if (at->buy_upwh != INT32_MIN)
		snprintf(buy, sizeof(buy), "%.23s", mkt_fmt_per_kwh(at->buy_upwh).s);
	if (at->sell_upwh != INT32_MIN)
		snprintf(sell, sizeof(sell), "%.23s", mkt_fmt_per_kwh(at->sell_upwh).s);
	tui_print(a, y, 0, TUI_PLAIN, "%.5s", mkt_fmt_clock(&p->d->zone, at->window_s).s);
	tui_text(a, y, 6, a.cols > 26 ? a.cols - 24 : 2, TUI_LEFT, TUI_PLAIN, at->tags);
	if (a.cols > 26) {
		tui_text(a, y, a.cols - 18, 8, TUI_RIGHT, TUI_BUY, buy);
		tui_text(a, y, a.cols - 9, 8, TUI_RIGHT, TUI_SELL, sell);
	}
}

static void draw_prices(const struct pane *p, struct tui_area a)
{
	tui_print(a, 0, 0, TUI_TITLE, "next windows");
	if (a.cols > 26) {
		tui_text(a, 0, a.cols - 18, 8, TUI_RIGHT, TUI_HEAD, "buy");
		tui_text(a, 0, a.cols - 9, 8, TUI_RIGHT, TUI_HEAD, "sell");
	}
	for (unsigned i = 0; i < p->nprices && i + 1 < a.rows; i++)
		draw_price(p, a, i + 1, &p->prices[i]);
	if (!p->nprices && a.rows > 1)
		tui_print(a, 1, 0, TUI_DIM, "nobody offers anything");
}

static void draw(struct tui_dash *d, void *self, struct tui_area a)
{
	struct pane *p = self;
	bool wide = a.cols >= 70;
	unsigned top = a.rows >= 14 ? a.rows / 2 : a.rows >= 7 ? 4 : a.rows;
	unsigned left = wide ? a.cols - 36 : a.cols;

	if (top >= 4) {
		draw_blocks(p, tui_part(a, 0, 0, top - 2, left - 1));
		draw_today(p, tui_part(a, top - 2, 0, 2, left - 1));
	} else {
		draw_today(p, tui_part(a, 0, 0, top, left));
	}
	if (wide)
		draw_prices(p, tui_part(a, 0, left, top, a.cols - left));
	if (a.rows > top)
		tui_list_draw(&p->list, tui_part(a, top, 0, a.rows - top, a.cols), d->steady_ms,
			      "nothing");
}

/* ---- the pane ------------------------------------------------------------------------ */

static int init(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	p->d = d;
	p->today.d = d;
	tui_list_init(&p->list, &rows, p, -1);
	return 0;
}

static void release(struct tui_dash *d, void *self)
{
	(void)d;
	tui_list_release(&((struct pane *)self)->list);
}

static bool act(struct tui_dash *d, void *self, enum tui_action action)
{
	struct pane *p = self;
	uint32_t row = tui_list_row(&p->list);

	if (action != TUI_A_ACKNOWLEDGE && action != TUI_A_OPEN)
		return false;
	if (row == TUI_NO_ROW) {
		tui_dash_say(d, TUI_GOOD, "nothing needs a human");
		return true;
	}
	if (action == TUI_A_OPEN) {
		tui_text_open(d, p->needs[row].what, p->needs[row].text);
		return true;
	}
	p->needs[row].seen = true;
	tui_dash_say(d, TUI_PLAIN, "acknowledged, for as long as this dashboard runs");
	tui_dash_touch(d);
	return true;
}

static struct tui_list *list(struct tui_dash *d, void *self)
{
	(void)d;
	return &((struct pane *)self)->list;
}

static bool copy(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	uint32_t row = tui_list_row(&p->list);

	(void)d;
	if (row == TUI_NO_ROW)
		return false;
	mkt_buf_addstr(out, p->needs[row].text);
	return true;
}

static void line(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	unsigned open = 0;

	for (unsigned i = 0; i < p->nneeds; i++)
		open += !p->needs[i].seen;
	mkt_buf_addf(out, "block %llu  %u need a human", (unsigned long long)d->node.height, open);
}

const struct tui_pane_ops tui_pane_overview = {
	.which = TUI_PANE_OVERVIEW,
	.size = sizeof(struct pane),
	.init = init,
	.release = release,
	.visit = tick,
	.reload = reload,
	.event = event,
	.tick = tick,
	.draw = draw,
	.act = act,
	.list = list,
	.copy = copy,
	.line = line,
};

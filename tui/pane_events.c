/*
 * Events: what happens on the chain, as sentences, the newest last.
 *
 *   block:n   kind      what
 *   18231:4   contract  c991: house01 buys 4.000 kWh from pv07, ...
 *
 * A ring of the last ones, kept as they came; words are made when a row is drawn, so
 * that a thousand events a second cost a copy each.
 */
#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/story.h"
#include "tui/list.h"
#include "tui/overlay.h"

#define KEEP 1024	  /* events */
#define BYTES 640	  /* of one's JSON; longer ones keep kind and place only */
#define FIRST_PAGE 200	  /* read when the pane is first shown */

struct kept {
	uint64_t seq; /* from 1, in order of coming */
	uint64_t height;
	uint32_t n;
	char kind[12];
	char json[BYTES]; /* "": it was too long */
};

struct pane {
	struct tui_dash *d;
	struct tui_list list;
	struct kept *ring; /* KEEP; event seq at seq % KEEP; owned */
	uint64_t last;	   /* seq of the newest; 0: none */
	bool read;	   /* history was asked for */
};

enum { C_PLACE, C_KIND, C_WHO, C_WHAT, C_COLS };

static const struct tui_column columns[C_COLS] = {
	[C_PLACE] = {.name = "block", .title = "block:n", .width = 10, .least = 7, .rank = 1},
	[C_KIND] = {.name = "kind", .title = "kind", .width = 8, .rank = 2},
	[C_WHO] = {.name = "account", .title = "account", .width = 12, .least = 6, .rank = 3},
	[C_WHAT] = {.name = "what", .title = "what", .width = 60, .least = 28, .rank = 0,
		    .grows = true},
};

static uint32_t count(const struct pane *p)
{
	return p->last < KEEP ? (uint32_t)p->last : KEEP;
}

/* Row 0 is the oldest. */
static const struct kept *at(const struct pane *p, uint32_t row)
{
	return &p->ring[(p->last - count(p) + 1 + row) % KEEP];
}

/* Whom it is about: whose operation, or who buys. */
static void say_who(const struct mkt_jval *ev, char *out)
{
	static const char *const keys[] = {"account_name", "buyer_name", "from_name", "to_name"};

	out[0] = '\0';
	for (size_t i = 0; i < MKT_ARRAY_SIZE(keys) && !out[0]; i++)
		if (mkt_jval_has(ev, keys[i]))
			snprintf(out, TUI_CELL_MAX, "%s", mkt_word(ev, keys[i]));
}

static void say(struct pane *p, const struct kept *k, bool who, char *out)
{
	struct mkt_jdoc *doc;
	struct mkt_buf b = MKT_BUF_INIT;
	const struct mkt_story story = {&p->d->facts, &p->d->zone};

	out[0] = '\0';
	if (!k->json[0] || mkt_jdoc_parse(k->json, strlen(k->json), NULL, &doc, NULL)) {
		if (!who)
			snprintf(out, TUI_CELL_MAX, "too long to be kept here: see 'mkt log'");
		return;
	}
	const struct mkt_jval root = mkt_jdoc_root(doc);

	if (who) {
		say_who(&root, out);
	} else {
		mkt_story_event(&story, &root, &b);
		snprintf(out, TUI_CELL_MAX, "%s", mkt_buf_str(&b));
	}
	mkt_buf_release(&b);
	mkt_jdoc_free(doc);
}

static enum tui_style style_of(const struct kept *k)
{
	static const struct {
		const char *kind;
		enum tui_style style;
	} t[] = {{"contract", TUI_GOOD}, {"block", TUI_DIM}, {"gate", TUI_DIM}, {"gone", TUI_DIM}};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++)
		if (!strcmp(t[i].kind, k->kind))
			return t[i].style;
	return strstr(k->json, "\"code\":\"") && !strstr(k->json, "\"code\":\"ok\"") ? TUI_WARN
										    : TUI_PLAIN;
}

static enum tui_style cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	struct pane *p = ctx;
	const struct kept *k = at(p, row);

	switch (column) {
	case C_PLACE:
		snprintf(out, TUI_CELL_MAX, k->n == UINT32_MAX ? "%llu" : "%llu:%u",
			 (unsigned long long)k->height, k->n);
		return TUI_DIM;
	case C_KIND:
		snprintf(out, TUI_CELL_MAX, "%s", k->kind);
		return style_of(k);
	default:
		say(p, k, column == C_WHO, out);
		return style_of(k);
	}
}

static uint64_t id(void *ctx, uint32_t row)
{
	return at(ctx, row)->seq;
}

static int by_place(void *ctx, uint32_t row, uint32_t other, unsigned column)
{
	(void)ctx, (void)column;
	return row < other ? -1 : row > other;
}

static const struct tui_rows rows = {
	.columns = columns, .ncolumns = C_COLS, .cell = cell, .id = id, .compare = by_place,
	.texts = ~(1u << C_PLACE)};

/* ---- what comes ------------------------------------------------------------------------ */

static void keep(struct pane *p, const char *kind, uint64_t height, uint32_t n,
		 const struct mkt_jval *ev)
{
	struct kept *k = &p->ring[(p->last + 1) % KEEP];
	size_t len = BYTES;
	const char *text = mkt_jval_json(ev, &len);

	k->seq = ++p->last;
	k->height = height;
	k->n = strcmp(kind, "block") ? n : UINT32_MAX;
	snprintf(k->kind, sizeof(k->kind), "%s", kind);
	if (text && len < BYTES)
		memcpy(k->json, text, len + 1);
	else
		k->json[0] = '\0';
}

static void event(struct tui_dash *d, void *self, const struct tui_event *ev)
{
	struct pane *p = self;

	keep(p, ev->kind, ev->height, ev->n, &ev->data);
	tui_list_changed(&p->list, count(p));
	if (d->shown == TUI_PANE_EVENTS || d->places.side.cols)
		tui_dash_touch(d);
}

static void got_page(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		     const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_jiter it = {0};
	struct mkt_jval ev;
	uint64_t before = p->last;

	if (err || before) /* what came by itself in the meantime is newer, and enough */
		return;
	while (mkt_jval_next(&a->data, &it, &ev))
		keep(p, mkt_word(&ev, "kind"), mkt_count(&ev, "height"),
		     (uint32_t)mkt_count(&ev, "n"), &ev);
	tui_list_changed(&p->list, count(p));
	tui_dash_touch(d);
}

static void visit(struct tui_dash *d, void *self)
{
	struct pane *p = self;
	uint64_t height = d->node.height;

	if (p->read || p->last || !d->have_facts)
		return;
	p->read = !tui_dash_get(d, got_page, p, "/v1/events/page?from=%llu&limit=%d",
				(unsigned long long)(height > 10 ? height - 10 : 0), FIRST_PAGE);
}

/* ---- one event --------------------------------------------------------------------------- */

/* {"a":1,"b":"x"} as a line for each member; strings keep their marks. */
static void unfold(const char *json, struct mkt_buf *b)
{
	bool quoted = false;

	for (const char *c = json; *c; c++) {
		if (*c == '"' && (c == json || c[-1] != '\\'))
			quoted = !quoted;
		if (!quoted && (*c == '{' || *c == '}'))
			continue;
		if (!quoted && *c == ',')
			mkt_buf_addch(b, '\n');
		else
			mkt_buf_addch(b, (uint8_t)*c);
	}
	mkt_buf_addch(b, '\n');
}

static bool act(struct tui_dash *d, void *self, enum tui_action action)
{
	struct pane *p = self;
	uint32_t row = tui_list_row(&p->list);
	struct mkt_buf b = MKT_BUF_INIT;
	char title[48], words[TUI_CELL_MAX];

	if (action != TUI_A_OPEN)
		return false;
	if (row == TUI_NO_ROW) {
		tui_dash_say(d, TUI_WARN, "no event is selected");
		return true;
	}
	say(p, at(p, row), false, words);
	mkt_buf_addf(&b, "%s\n\n", words);
	unfold(at(p, row)->json, &b);
	snprintf(title, sizeof(title), "event of block %llu",
		 (unsigned long long)at(p, row)->height);
	tui_text_open(d, title, mkt_buf_str(&b));
	mkt_buf_release(&b);
	return true;
}

/* ---- the pane ----------------------------------------------------------------------------- */

static int init(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	p->d = d;
	p->ring = calloc(KEEP, sizeof(*p->ring));
	if (!p->ring)
		return -MKT_ENOMEM;
	tui_list_init(&p->list, &rows, p, -1);
	p->list.follow = true;
	return 0;
}

static void release(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	(void)d;
	tui_list_release(&p->list);
	free(p->ring);
}

static void draw(struct tui_dash *d, void *self, struct tui_area a)
{
	struct pane *p = self;

	tui_list_draw(&p->list, a, d->steady_ms, "nothing has happened since this began");
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
	mkt_buf_addf(out, "%llu:%u", (unsigned long long)at(p, row)->height, at(p, row)->n);
	return true;
}

static void line(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	char words[TUI_CELL_MAX];

	(void)d;
	if (!p->last)
		return;
	say(p, at(p, count(p) - 1), false, words);
	mkt_buf_addstr(out, words);
}

const struct tui_pane_ops tui_pane_events = {
	.which = TUI_PANE_EVENTS,
	.size = sizeof(struct pane),
	.init = init,
	.release = release,
	.visit = visit,
	.reload = visit,
	.event = event,
	.tick = visit,
	.draw = draw,
	.act = act,
	.list = list,
	.copy = copy,
	.line = line,
};

/*
 * Blocks: the chain from its head back; Enter goes into a block, and into a transaction with
 * what it asked for and what became of it; p checks either against the authorities' signatures.
 *
 *   blocks 18231 to 17982, following the head                   End: to block 0
 *   block     time                    tx  events     bytes  sealed by
 *   >18231    2026-11-23 10:49:10    412     958     81240  a1
 */
#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "core/units/fmt.h"
#include "tui/blocks.h"
#include "tui/overlay.h"
#include "tui/prove.h"

#define FIRST_PAGE 100

enum view { VIEW_CHAIN, VIEW_BLOCK, VIEW_TX };

/* What is read, each at most once at a time. */
enum { READ_NEWEST, READ_NEWER, READ_OLDER, READ_OLDEST, READ_TXS, READ_TX, READ_SEALERS, READS };

struct pane {
	struct tui_dash *d;
	enum view view;
	uint64_t head;	   /* height of the last block heard of */
	bool live;	   /* the newest block kept is followed by those to come */
	bool known;	   /* a page was read */
	struct tui_blocks blocks;
	struct tui_txs txs;
	struct tui_txlines lines;
	char signer[MKT_NAME_MAX + 1]; /* of the transaction that is shown */
	char fault[128];	       /* why the view's read failed; "": it did not */
	struct tui_list block_list, tx_list, line_list;
	struct tui_prove prove;
	bool wanted[READS], waiting[READS];
};

/* ---- reading ------------------------------------------------------------------------------ */

static void ask(struct pane *p);

/* False: nothing usable came; it stays wanted and is asked for at the next tick. */
static bool came(struct pane *p, unsigned what, const struct mkt_err *err)
{
	p->waiting[what] = false;
	p->wanted[what] |= err != NULL;
	return !err;
}

/* An answer that is none is not asked for again: it would come again. */
static void foreign(struct pane *p, const struct mkt_err *err)
{
	tui_dash_say(p->d, TUI_BAD, "%s", err->text);
}

static uint64_t last_of(const struct pane *p)
{
	return p->blocks.n ? p->blocks.v[p->blocks.n - 1].height : 0;
}

static bool take_page(struct pane *p, unsigned what, const struct mkt_answer *a,
		      const struct mkt_err *err)
{
	struct mkt_err why;

	if (!came(p, what, err))
		return false;
	if (tui_blocks_take(&p->blocks, a, what == READ_NEWEST || what == READ_OLDEST, &why)) {
		foreign(p, &why);
		return false;
	}
	if (a->height > p->head)
		p->head = a->height;
	p->known = true;
	p->live = what == READ_OLDEST ? false : p->live;
	p->live |= p->blocks.n && last_of(p) >= p->head;
	tui_list_changed(&p->block_list, p->blocks.n);
	tui_dash_touch(p->d);
	return true;
}

static void got_newest(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		       const struct mkt_err *err)
{
	(void)d;
	take_page(ctx, READ_NEWEST, a, err);
}

static void got_newer(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		      const struct mkt_err *err)
{
	(void)d;
	take_page(ctx, READ_NEWER, a, err);
}

static void got_older(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		      const struct mkt_err *err)
{
	struct pane *p = ctx;
	uint64_t last = last_of(p);

	(void)d;
	if (take_page(p, READ_OLDER, a, err) && last_of(p) < last)
		p->live = false; /* the newest made room */
}

static void got_oldest(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		       const struct mkt_err *err)
{
	struct pane *p = ctx;

	(void)d;
	if (take_page(p, READ_OLDEST, a, err) && p->blocks.n)
		tui_list_select(&p->block_list, tui_block_id(p->blocks.v[0].height));
}

static void got_sealers(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
			const struct mkt_err *err)
{
	struct pane *p = ctx;

	if (!came(p, READ_SEALERS, err))
		return;
	tui_sealers_read(&p->blocks.sealers, a);
	tui_dash_touch(d);
}

/* What a view could not read is said in its place; it is tried again with `r`, or by going back. */
static bool view_came(struct pane *p, unsigned what, const struct mkt_err *err)
{
	p->waiting[what] = false;
	p->fault[0] = '\0';
	if (err)
		snprintf(p->fault, sizeof(p->fault), "%.127s", err->text);
	tui_dash_touch(p->d);
	return !err;
}

static void got_txs(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		    const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_err why;

	(void)d;
	/* Another block was opened meanwhile: its own read follows. */
	if (p->wanted[READ_TXS]) {
		p->waiting[READ_TXS] = false;
		ask(p);
		return;
	}
	if (!view_came(p, READ_TXS, err))
		return;
	if (tui_txs_take(&p->txs, a, &why))
		view_came(p, READ_TXS, &why);
	tui_list_changed(&p->tx_list, p->txs.n);
}

static void got_tx(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		   const struct mkt_err *err)
{
	const struct mkt_story story = {&d->facts, &d->zone};
	struct pane *p = ctx;
	struct mkt_err why;

	if (p->wanted[READ_TX]) {
		p->waiting[READ_TX] = false;
		ask(p);
		return;
	}
	if (!view_came(p, READ_TX, err))
		return;
	if (tui_txlines_take(&p->lines, &story, a, p->signer, &why))
		view_came(p, READ_TX, &why);
	tui_list_changed(&p->line_list, p->lines.n);
}

static void put_id(const struct mkt_hash *h, char out[2 * MKT_HASH_LEN + 1])
{
	for (unsigned i = 0; i < MKT_HASH_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", h->b[i]);
}

static int ask_older(struct pane *p)
{
	uint64_t first = p->blocks.n ? p->blocks.v[0].height : 0;

	if (!first) {
		p->waiting[READ_OLDER] = false;
		return 0;
	}
	return tui_dash_get(p->d, got_older, p, "/v1/blocks?down=1&from=%llu&limit=%d",
			    (unsigned long long)first - 1, TUI_BLOCKS_PAGE);
}

static int ask_for(struct pane *p, unsigned what)
{
	char id[2 * MKT_HASH_LEN + 1];

	switch (what) {
	case READ_NEWEST:
		return tui_dash_get(p->d, got_newest, p, "/v1/blocks?down=1&limit=%d", FIRST_PAGE);
	case READ_NEWER:
		return tui_dash_get(p->d, got_newer, p, "/v1/blocks?from=%llu&limit=%d",
				    (unsigned long long)last_of(p) + 1, TUI_BLOCKS_PAGE);
	case READ_OLDER:
		return ask_older(p);
	case READ_OLDEST:
		return tui_dash_get(p->d, got_oldest, p, "/v1/blocks?from=0&limit=%d",
				    TUI_BLOCKS_PAGE);
	case READ_TXS:
		if (!p->txs.known)
			return tui_dash_get(p->d, got_txs, p, "/v1/blocks/%llu?limit=%d",
					    (unsigned long long)p->txs.block.height,
					    TUI_BLOCKS_PAGE);
		return tui_dash_get(p->d, got_txs, p, "/v1/blocks/%llu?limit=%d&after=%u",
				    (unsigned long long)p->txs.block.height, TUI_BLOCKS_PAGE,
				    (unsigned)p->txs.after);
	case READ_TX:
		put_id(&p->lines.id, id);
		return tui_dash_get(p->d, got_tx, p, "/v1/tx/%s?proof=1", id);
	default:
		return tui_dash_get(p->d, got_sealers, p, "/v1/status");
	}
}

static void ask(struct pane *p)
{
	for (unsigned i = 0; i < READS; i++) {
		if (!p->wanted[i] || p->waiting[i])
			continue;
		p->wanted[i] = false;
		p->waiting[i] = true;
		if (!ask_for(p, i))
			continue;
		/* Too much is under way: at the next tick. */
		p->wanted[i] = true;
		p->waiting[i] = false;
		return;
	}
}

static void want(struct pane *p, unsigned what)
{
	p->wanted[what] = true;
	ask(p);
}

/* ---- the pane ----------------------------------------------------------------------------- */

static int init(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	p->d = d;
	p->live = true;
	tui_list_init(&p->block_list, &tui_block_rows, &p->blocks, -1);
	tui_list_init(&p->tx_list, &tui_tx_rows, &p->txs, -1);
	tui_list_init(&p->line_list, &tui_txline_rows, &p->lines, -1);
	p->block_list.inverted = true; /* the newest first */
	p->block_list.follow = true;
	tui_prove_init(&p->prove, d);
	return tui_blocks_init(&p->blocks, &d->zone);
}

static void release(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	(void)d;
	tui_list_release(&p->block_list);
	tui_list_release(&p->tx_list);
	tui_list_release(&p->line_list);
	tui_blocks_release(&p->blocks);
	tui_txs_release(&p->txs);
	tui_txlines_release(&p->lines);
	tui_prove_release(&p->prove);
}

static void want_all(struct pane *p)
{
	p->wanted[READ_SEALERS] = true;
	if (p->live || !p->known)
		p->wanted[READ_NEWEST] = true;
	if (p->view == VIEW_BLOCK && p->fault[0])
		p->wanted[READ_TXS] = true;
	if (p->view == VIEW_TX)
		p->wanted[READ_TX] = true;
}

/* Coming back to it, what was missed follows; the place where one reads stays. */
static void visit(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	(void)d;
	p->wanted[READ_SEALERS] = true;
	p->wanted[READ_NEWEST] |= !p->known;
	ask(p);
}

static void reload(struct tui_dash *d, void *self)
{
	want_all(self);
	if (d->shown == TUI_PANE_BLOCKS)
		ask(self);
}

static void event(struct tui_dash *d, void *self, const struct tui_event *ev)
{
	struct pane *p = self;

	(void)d;
	if (!strcmp(ev->kind, "block") && ev->height > p->head)
		p->head = ev->height;
}

/* Full, and the person looks at the old end: what is read there does not go away. */
static bool reads_far_back(const struct pane *p)
{
	return p->blocks.n == TUI_BLOCKS_KEEP && p->block_list.at > p->block_list.shown / 2;
}

static void tick(struct tui_dash *d, void *self)
{
	struct pane *p = self;
	uint64_t behind = p->known && p->head > last_of(p) ? p->head - last_of(p) : 0;

	(void)d;
	if (p->live && reads_far_back(p))
		p->live = false;
	else if (p->live && behind > TUI_BLOCKS_PAGE)
		p->wanted[READ_NEWEST] = true;
	else if (p->live && behind)
		p->wanted[READ_NEWER] = true;
	ask(p);
}

/* ---- the picture -------------------------------------------------------------------------- */

static void draw_chain(struct pane *p, struct tui_area a)
{
	unsigned x;

	if (!p->blocks.n) {
		tui_print(a, 0, 0, TUI_TITLE, "blocks");
		return;
	}
	x = tui_print(a, 0, 0, TUI_TITLE, "blocks %llu to %llu", (unsigned long long)last_of(p),
		      (unsigned long long)p->blocks.v[0].height);
	if (p->live)
		tui_print(a, 0, x, TUI_DIM, ", following the head");
	else
		tui_print(a, 0, x, TUI_WARN, ", of %llu: Home goes to the head",
			  (unsigned long long)p->head);
}

/* Where we are, in one line: the widest that fits. */
static void draw_block_head(struct pane *p, struct tui_area a)
{
	const struct tui_block *b = &p->txs.block;
	unsigned x = tui_print(a, 0, 0, TUI_TITLE, "block %llu", (unsigned long long)b->height);

	if (!p->txs.known)
		return;
	x += tui_print(a, 0, x, TUI_PLAIN, "  %s", mkt_fmt_local(&p->d->zone, b->time_ms / 1000).s);
	x += tui_print(a, 0, x, TUI_PLAIN, "  %u tx  %u events  %s", (unsigned)b->txs,
		       (unsigned)b->events, mkt_fmt_bytes(b->bytes).s);
	if (p->txs.n == TUI_TXS_KEEP && b->txs > TUI_TXS_KEEP)
		tui_print(a, 0, x, TUI_WARN, "  the first %u are shown", TUI_TXS_KEEP);
	if (a.rows > 1 && p->txs.signed_by[0]) {
		x = tui_print(a, 1, 0, TUI_DIM, "signed by ");
		tui_text(a, 1, x, a.cols > x ? a.cols - x : 0, TUI_LEFT, TUI_PLAIN,
			 p->txs.signed_by);
	}
}

static void draw_tx_head(struct pane *p, struct tui_area a)
{
	char id[2 * MKT_HASH_LEN + 1];
	unsigned x;

	put_id(&p->lines.id, id);
	x = tui_print(a, 0, 0, TUI_TITLE, "block %llu, transaction %.16s...",
		      (unsigned long long)p->txs.block.height, id);
	if (p->lines.cut)
		tui_print(a, 0, x, TUI_WARN, "  the first %u lines", TUI_TXLINES_KEEP);
}

/* The sentence of a list without rows. */
static const char *empty_words(const struct pane *p)
{
	if (p->view != VIEW_CHAIN && p->fault[0])
		return p->fault;
	if (p->view == VIEW_BLOCK && p->txs.known)
		return "no transactions";
	return "reading ...";
}

static struct tui_list *list(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	(void)d;
	switch (p->view) {
	case VIEW_BLOCK:
		return &p->tx_list;
	case VIEW_TX:
		return &p->line_list;
	default:
		return &p->block_list;
	}
}

static void draw(struct tui_dash *d, void *self, struct tui_area a)
{
	struct pane *p = self;
	unsigned head = p->view == VIEW_BLOCK && a.rows >= 7 ? 2 : a.rows > 2 ? 1 : 0;
	struct tui_area top = tui_part(a, 0, 0, head, a.cols);

	if (head && p->view == VIEW_CHAIN)
		draw_chain(p, top);
	else if (head && p->view == VIEW_BLOCK)
		draw_block_head(p, top);
	else if (head)
		draw_tx_head(p, top);
	tui_list_draw(list(d, self), tui_part(a, head, 0, a.rows - head, a.cols), d->steady_ms,
		      empty_words(p));
}

static void line(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	const struct tui_block *b = p->blocks.n ? &p->blocks.v[p->blocks.n - 1] : NULL;

	mkt_buf_addf(out, "block %llu", (unsigned long long)d->node.height);
	if (b && b->height == d->node.height)
		mkt_buf_addf(out, "  %u tx  %u events", (unsigned)b->txs, (unsigned)b->events);
}

/* ---- going in and out --------------------------------------------------------------------- */

static void open_block(struct pane *p)
{
	uint32_t row = tui_list_row(&p->block_list);

	if (row == TUI_NO_ROW) {
		tui_dash_say(p->d, TUI_WARN, "no block is selected");
		return;
	}
	p->view = VIEW_BLOCK;
	if (p->txs.known && p->txs.block.height == p->blocks.v[row].height)
		return; /* sealed blocks stay as they are */
	tui_txs_clear(&p->txs, p->blocks.v[row].height);
	tui_list_release(&p->tx_list);
	tui_list_init(&p->tx_list, &tui_tx_rows, &p->txs, -1);
	p->fault[0] = '\0';
	want(p, READ_TXS);
}

static void open_tx(struct pane *p)
{
	uint32_t row = tui_list_row(&p->tx_list);

	if (row == TUI_NO_ROW) {
		tui_dash_say(p->d, TUI_WARN, "no transaction is selected");
		return;
	}
	p->view = VIEW_TX;
	if (p->lines.known && mkt_hash_eq(&p->lines.id, &p->txs.v[row].id))
		return;
	tui_txlines_clear(&p->lines, &p->txs.v[row].id);
	snprintf(p->signer, sizeof(p->signer), "%s", p->txs.v[row].name);
	tui_list_release(&p->line_list);
	tui_list_init(&p->line_list, &tui_txline_rows, &p->lines, -1);
	p->fault[0] = '\0';
	want(p, READ_TX);
}

static void open_line(struct pane *p)
{
	uint32_t row = tui_list_row(&p->line_list);

	if (row != TUI_NO_ROW)
		tui_text_open(p->d, p->lines.v[row].what, p->lines.v[row].text);
}

static bool back(struct pane *p)
{
	struct tui_list *l = list(p->d, p);

	/* A filter goes first, as everywhere. */
	if (p->view == VIEW_CHAIN || l->filter[0] || l->search[0])
		return false;
	p->view = p->view == VIEW_TX ? VIEW_BLOCK : VIEW_CHAIN;
	p->fault[0] = '\0';
	tui_dash_touch(p->d);
	return true;
}

/* ---- proofs ------------------------------------------------------------------------------- */

/* What the list of transactions shows, for a proof of its block. */
static bool shown_tx(void *ctx, uint32_t ix, struct mkt_hash *id)
{
	const struct pane *p = ctx;

	if (p->txs.block.height != p->prove.shown.height || ix >= p->txs.n)
		return false;
	*id = p->txs.v[ix].id;
	return true;
}

static void prove_block(struct pane *p, const struct tui_block *b)
{
	if (b->pruned) {
		tui_dash_say(p->d, TUI_WARN, "the body of block %llu is in an archive: 'mkt verify'"
					     " at its node reads that",
			     (unsigned long long)b->height);
		return;
	}
	tui_prove_block(&p->prove, &(struct tui_shown_block){
					   .height = b->height,
					   .time_ms = b->time_ms,
					   .txs = b->txs,
					   .events = b->events,
					   .bytes = b->bytes,
					   .hash = b->hash,
					   .tx = shown_tx,
					   .ctx = p,
				   });
}

static void prove(struct pane *p)
{
	uint32_t row = tui_list_row(p->view == VIEW_CHAIN ? &p->block_list : &p->tx_list);

	if (p->view == VIEW_TX)
		tui_prove_tx(&p->prove, &p->lines.id);
	else if (p->view == VIEW_BLOCK && row != TUI_NO_ROW)
		tui_prove_tx(&p->prove, &p->txs.v[row].id);
	else if (p->view == VIEW_BLOCK && p->txs.known)
		prove_block(p, &p->txs.block);
	else if (p->view == VIEW_CHAIN && row != TUI_NO_ROW)
		prove_block(p, &p->blocks.v[row]);
	else
		tui_dash_say(p->d, TUI_WARN, "nothing is selected that could be proved");
}

/* ---- keys --------------------------------------------------------------------------------- */

/* Near the end of what is kept: read on, before it is reached. */
static void read_on(struct pane *p)
{
	const struct tui_list *l = p->view == VIEW_CHAIN ? &p->block_list : &p->tx_list;
	bool near = l->at + 2 * l->height >= l->shown;

	if (!near || p->view == VIEW_TX)
		return;
	if (p->view == VIEW_BLOCK && p->txs.more && !p->waiting[READ_TXS])
		want(p, READ_TXS);
	else if (p->view == VIEW_CHAIN && p->blocks.n && !p->waiting[READ_OLDER])
		want(p, READ_OLDER);
}

static void read_back(struct pane *p)
{
	const struct tui_list *l = &p->block_list;

	if (p->view != VIEW_CHAIN || p->live || l->at > 2 * l->height || p->waiting[READ_NEWER])
		return;
	want(p, READ_NEWER);
}

/* The ends of the chain, not of what is kept of it.  False: the list's ends are those. */
static bool to_end(struct pane *p, enum tui_action action)
{
	bool inverted = p->block_list.sort < 0 && p->block_list.inverted;

	if (p->view != VIEW_CHAIN || !inverted || !p->blocks.n)
		return false;
	if (action == TUI_A_FIRST && p->live)
		return false;
	if (action == TUI_A_LAST && !p->blocks.v[0].height)
		return false;
	p->block_list.follow = action == TUI_A_FIRST;
	want(p, action == TUI_A_FIRST ? READ_NEWEST : READ_OLDEST);
	return true;
}

static bool act(struct tui_dash *d, void *self, enum tui_action action)
{
	struct pane *p = self;

	(void)d;
	switch (action) {
	case TUI_A_OPEN:
		if (p->view == VIEW_CHAIN)
			open_block(p);
		else if (p->view == VIEW_BLOCK)
			open_tx(p);
		else
			open_line(p);
		return true;
	case TUI_A_BACK:
		return back(p);
	case TUI_A_PROVE:
		prove(p);
		return true;
	case TUI_A_DOWN:
	case TUI_A_PAGE_DOWN:
		read_on(p);
		return false; /* and the list moves */
	case TUI_A_UP:
	case TUI_A_PAGE_UP:
		read_back(p);
		return false;
	case TUI_A_FIRST:
	case TUI_A_LAST:
		if (p->view == VIEW_BLOCK && action == TUI_A_LAST)
			read_on(p);
		return to_end(p, action);
	default:
		return false;
	}
}

static bool mouse(struct tui_dash *d, void *self, const struct tui_input *in)
{
	(void)d;
	if (in->mouse == TUI_WHEEL_DOWN)
		read_on(self);
	else if (in->mouse == TUI_WHEEL_UP)
		read_back(self);
	return false; /* and the list moves */
}

static bool copy(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	uint32_t row = tui_list_row(p->view == VIEW_CHAIN ? &p->block_list : &p->tx_list);
	char id[2 * MKT_HASH_LEN + 1];

	(void)d;
	if (p->view != VIEW_TX && row == TUI_NO_ROW)
		return false;
	if (p->view == VIEW_CHAIN) {
		mkt_buf_addf(out, "%llu", (unsigned long long)p->blocks.v[row].height);
		return true;
	}
	put_id(p->view == VIEW_TX ? &p->lines.id : &p->txs.v[row].id, id);
	mkt_buf_addstr(out, id);
	return true;
}

const struct tui_pane_ops tui_pane_blocks = {
	.which = TUI_PANE_BLOCKS,
	.size = sizeof(struct pane),
	.init = init,
	.release = release,
	.visit = visit,
	.reload = reload,
	.event = event,
	.tick = tick,
	.draw = draw,
	.act = act,
	.mouse = mouse,
	.list = list,
	.copy = copy,
	.line = line,
};

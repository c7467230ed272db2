/* GET /v1/books: levels, best prices, depth. */
#include "core/base/compat.h"

#include <ctype.h>
#include <errno.h>

#include "core/base/map.h"
#include "ledgerd/api.h"
#include "ledgerd/reader.h"

#define BOOK_LEVELS 10u
#define BOOK_LEVELS_MAX (MKT_PAGE_ROWS_MAX / 2) /* both sides of a book are one page at most */
#define NO_ACCOUNT UINT32_MAX

struct ask {
	uint32_t first, count; /* windows */
	bool all_tags;
	mkt_tags tags;
	uint32_t levels, limit, account;
	bool depth, summary;
	uint32_t after_window; /* cursor: the last book that was given */
	mkt_tags after_tags;
};

enum row_kind { ROW_LEVEL, ROW_BEST, ROW_DEPTH };

struct row {
	uint8_t kind, side;
	bool has_buy, has_sell;
	uint32_t window, bids;
	mkt_tags tags;
	int32_t price_upwh, sell_upwh; /* ROW_BEST: of the buys and of the sells */
	uint64_t wh, own_wh;	       /* ROW_DEPTH: gross and unique */
};

/* What is copied out under the state's lock. */
struct page {
	const struct ask *ask;
	struct row *rows;
	uint32_t n, cap;
	bool more;
	uint32_t last_window; /* of the last whole book */
	mkt_tags last_tags;
	uint64_t gross[3], unique[3]; /* by side, of the window being read */
	struct mkt_map seen;	      /* bids of the window, for unique */
};

static struct row *add_row(struct page *p)
{
	if (!p->rows || p->n == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : 64;
		struct row *rows = realloc(p->rows, cap * sizeof(*rows));

		if (!rows)
			return NULL;
		p->rows = rows;
		p->cap = cap;
	}
	p->rows[p->n] = (struct row){0};
	return &p->rows[p->n++];
}

struct walk {
	struct page *p;
	uint32_t window, levels;
	mkt_tags tags;
	bool failed;
};

static bool each_bid(void *ctx, uint32_t slot, const struct mkt_resting *bid, uint16_t leg,
		     int32_t price_upwh)
{
	struct walk *w = ctx;
	struct page *p = w->p;
	struct row *row = w->levels ? &p->rows[p->n - 1] : NULL;

	(void)slot;
	(void)leg;
	if (!row || row->price_upwh != price_upwh) {
		if (w->levels == p->ask->levels)
			return false;
		w->levels++;
		row = add_row(p);
		if (!row) {
			w->failed = true;
			return false;
		}
		row->kind = ROW_LEVEL;
		row->side = bid->side;
		row->window = w->window;
		row->tags = w->tags;
		row->price_upwh = price_upwh;
	}
	row->bids++;
	row->wh += bid->left_wh;
	if (bid->owner == p->ask->account)
		row->own_wh += bid->left_wh;
	return true;
}

static bool each_depth(void *ctx, uint32_t slot, const struct mkt_resting *bid, uint16_t leg,
		       int32_t price_upwh)
{
	struct walk *w = ctx;
	struct page *p = w->p;
	int res = mkt_map_put(&p->seen, bid->id, 0);

	(void)slot;
	(void)leg;
	(void)price_upwh;
	if (res < 0) {
		w->failed = true;
		return false;
	}
	p->gross[bid->side] += bid->left_wh;
	if (!res)
		p->unique[bid->side] += bid->left_wh;
	return true;
}

static bool read_best(struct page *p, const struct mkt_books *b, uint32_t book,
		      const struct walk *w)
{
	struct row *row = add_row(p);
	uint32_t wh;

	if (!row)
		return false;
	row->kind = ROW_BEST;
	row->window = w->window;
	row->tags = w->tags;
	row->has_buy = mkt_book_best(b, book, MKT_BUY, &row->price_upwh, &wh);
	row->has_sell = mkt_book_best(b, book, MKT_SELL, &row->sell_upwh, &wh);
	if (!row->has_buy && !row->has_sell)
		p->n--;
	return true;
}

static bool read_book(struct page *p, const struct mkt_books *b, uint32_t book, struct walk *w)
{
	if (p->ask->summary)
		return read_best(p, b, book, w);
	for (enum mkt_side side = MKT_SELL; side <= MKT_BUY; side++) {
		w->levels = 0;
		mkt_book_walk(b, book, side, each_bid, w);
		if (p->ask->depth && !w->failed)
			mkt_book_walk(b, book, side, each_depth, w);
	}
	return !w->failed;
}

/* The window is read to its end: its two rows of depth. */
static bool end_window(struct page *p, uint32_t window)
{
	for (enum mkt_side side = MKT_SELL; p->ask->depth && side <= MKT_BUY; side++) {
		struct row *row;

		if (p->gross[side]) {
			row = add_row(p);
			if (!row)
				return false;
			row->kind = ROW_DEPTH;
			row->side = (uint8_t)side;
			row->window = window;
			row->wh = p->gross[side];
			row->own_wh = p->unique[side];
		}
		p->gross[side] = p->unique[side] = 0;
	}
	mkt_map_clear(&p->seen);
	return true;
}

/*
 * With the state's lock.  Depth is a property of a whole window, so with it a
 * page ends between windows; else between books.
 */
static bool read_page(struct page *p, const struct ld_node *n)
{
	const struct ask *ask = p->ask;
	uint32_t window = ask->after_window, book, at = UINT32_MAX;
	mkt_tags tags = ask->after_tags;

	while (mkt_state_next_book(n->state, &window, &tags, &book)) {
		struct walk w = {.p = p, .window = window, .tags = tags};

		if (window - ask->first >= ask->count)
			break;
		if (at != window && at != UINT32_MAX && !end_window(p, at))
			return false;
		if (p->n >= ask->limit && (!ask->depth || at != window)) {
			p->more = true;
			return true;
		}
		at = window;
		if ((ask->all_tags || tags == ask->tags) &&
		    !read_book(p, mkt_state_books(n->state), book, &w))
			return false;
		p->last_window = window;
		p->last_tags = tags;
	}
	return at == UINT32_MAX || end_window(p, at);
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void put_row(struct mkt_jw *w, const struct ld_node *n, const struct row *row,
		    const struct ask *ask)
{
	mkt_jw_obj(w);
	ld_json_window(w, n, row->window);
	if (row->kind != ROW_DEPTH)
		ld_json_tags(w, n, row->tags);
	if (row->kind == ROW_BEST) {
		mkt_jw_key(w, "buy_upwh");
		if (row->has_buy)
			mkt_jw_i64(w, row->price_upwh);
		else
			mkt_jw_null(w);
		mkt_jw_key(w, "sell_upwh");
		if (row->has_sell)
			mkt_jw_i64(w, row->sell_upwh);
		else
			mkt_jw_null(w);
		mkt_jw_obj_end(w);
		return;
	}
	mkt_jw_kstr(w, "side", row->side == MKT_BUY ? "buy" : "sell");
	if (row->kind == ROW_DEPTH) {
		mkt_jw_ku64(w, "gross_wh", row->wh);
		mkt_jw_ku64(w, "unique_wh", row->own_wh);
	} else {
		mkt_jw_ki64(w, "price_upwh", row->price_upwh);
		mkt_jw_ku64(w, "energy_wh", row->wh);
		mkt_jw_ku64(w, "bids", row->bids);
		if (ask->account != NO_ACCOUNT)
			mkt_jw_ku64(w, "own_wh", row->own_wh);
	}
	mkt_jw_obj_end(w);
}

/* after=<window start s>:<tags in hexadecimal>, as "next" gives it. */
static int param_after(struct ld_req *r, struct ask *ask, struct mkt_err *err)
{
	const char *text = ld_param(r, "after");
	unsigned long long start, tags = 0;
	char *end = NULL;

	if (!text)
		return 0;
	errno = 0;
	start = strtoull(text, &end, 10);
	if (*end == ':' && isxdigit((unsigned char)end[1]))
		tags = strtoull(end + 1, &end, 16);
	if (!isdigit((unsigned char)*text) || *end || errno ||
	    start % r->node->g->window_s || start / r->node->g->window_s > UINT32_MAX)
		return mkt_err_set(err, MKT_EUSAGE,
				   "'after' is '%s', which no answer gave as 'next'", text);
	ask->after_window = (uint32_t)(start / r->node->g->window_s);
	ask->after_tags = tags;
	return 0;
}

static int param_windows(struct ld_req *r, struct ask *ask, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	uint32_t window_s = n->g->window_s;
	uint64_t now_ms = ld_node_now_ms(n), from, count;
	int res;

	ld_node_read(n);
	mkt_state_open_windows(n->state, now_ms, &ask->first, &ask->count);
	ld_node_unread(n);
	from = (uint64_t)ask->first * window_s;
	res = ld_param_u64(r, "from", (uint64_t)UINT32_MAX * window_s, &from, err);
	if (res < 0)
		return res;
	if (from % window_s)
		return mkt_err_set(err, MKT_EUSAGE, "'from' is not the start of a window of %u s",
				   window_s);
	if (res)
		ask->count = 1;
	ask->first = (uint32_t)(from / window_s);
	count = ask->count;
	res = ld_param_u64(r, "count", UINT32_MAX, &count, err);
	if (res < 0)
		return res;
	ask->count = (uint32_t)count;
	ask->after_window = ask->first - 1;
	ask->after_tags = UINT64_MAX;
	return 0;
}

static int param_tags(struct ld_req *r, struct ask *ask, struct mkt_err *err)
{
	const char *text = ld_param(r, "tags");
	char names[256];
	size_t len = text ? strlen(text) : 0;
	int res;

	ask->all_tags = !text;
	if (!text)
		return 0;
	if (len >= sizeof(names))
		return mkt_err_set(err, MKT_EUSAGE, "'tags' is too long");
	/* '+' is a blank in a query that was written by hand. */
	for (size_t i = 0; i <= len; i++)
		names[i] = text[i] == ' ' ? '+' : text[i];
	ld_node_read(r->node);
	res = mkt_tags_parse(mkt_state_tags(r->node->state), names, &ask->tags, err);
	ld_node_unread(r->node);
	return res;
}

/* account=X: whose own bids are told apart.  As ld_param_account(). */
static int own_account(struct ld_req *r, uint32_t *number, struct mkt_err *err)
{
	int res = ld_param_account(r, number, err);
	int may = res > 0 ? ld_reader_may(r, *number, err) : 0;

	return may < 0 ? may : res;
}

static int parse(struct ld_req *r, struct ask *ask, struct mkt_err *err)
{
	uint64_t levels = BOOK_LEVELS;
	int res = param_windows(r, ask, err);

	ask->account = NO_ACCOUNT;
	ask->limit = MKT_PAGE_ROWS_MAX;
	if (!res)
		res = param_after(r, ask, err);
	if (!res)
		res = param_tags(r, ask, err);
	if (!res)
		res = ld_param_u64(r, "levels", BOOK_LEVELS_MAX, &levels, err);
	ask->levels = (uint32_t)levels;
	if (res >= 0)
		res = own_account(r, &ask->account, err);
	if (res >= 0)
		res = ld_param_flag(r, "depth", &ask->depth, err);
	if (res >= 0)
		res = ld_param_flag(r, "summary", &ask->summary, err);
	if (res >= 0 && ld_param(r, "limit"))
		res = ld_param_limit(r, &ask->limit, err);
	return res < 0 ? res : ld_params_done(r, err);
}

int ld_get_books(struct ld_req *r, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	struct ask ask = {0};
	struct page p = {.ask = &ask};
	struct mkt_jw w;
	char next[64];
	bool ok;
	int res = parse(r, &ask, err);

	if (res < 0)
		return res;
	mkt_map_init(&p.seen);
	ld_node_read(n);
	ok = read_page(&p, n);
	if (ok) {
		ld_begin(r, &w, "mkt.books/1");
		mkt_jw_arr(&w);
		for (uint32_t i = 0; i < p.n; i++) {
			put_row(&w, n, &p.rows[i], &ask);
			ld_breathe(n, i);
		}
		mkt_jw_arr_end(&w);
	}
	ld_node_unread(n);
	snprintf(next, sizeof(next), "%llu:%llx",
		 (unsigned long long)p.last_window * n->g->window_s,
		 (unsigned long long)p.last_tags);
	r->rows = p.n;
	res = ok ? ld_end(r, &w, p.more ? next : NULL, err) : mkt_err_code(err, MKT_ENOMEM);
	mkt_map_release(&p.seen);
	free(p.rows);
	return res;
}

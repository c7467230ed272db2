/* Events: a stream from any height at the reader's pace, and the same as pages. */
#include "core/base/compat.h"

#include "ledgerd/api.h"
#include "ledgerd/reader.h"

#define ALL_ACCOUNTS UINT32_MAX
#define QUIET_MS 15000u	       /* a comment line after so long without an event */
#define PIECE_BYTES 16384u     /* formatted at once */
#define STREAM_KEEP (1u << 20) /* room of a block that is kept for the next */
#define PAGE_BLOCKS_MAX 10000u /* blocks looked at for one page */

struct filter {
	uint32_t account; /* ALL_ACCOUNTS */
	uint32_t kinds;	  /* bit k: kind k; 0: all */
	bool by_window;
	uint32_t window;
};

/* A walk over the events of the chain, in constant memory: one block is open. */
struct cursor {
	struct ld_node *node;
	struct filter filter;
	uint64_t height; /* of the block that is open, or opens next */
	uint32_t skip;	 /* events of it that were given already */
	bool open;
	uint32_t n;	      /* of the next event */
	const uint8_t *at;    /* of the next event; NULL at the first */
	const uint8_t *tx_at; /* of the last transaction */
	uint32_t ntx;	      /* transactions passed */
	struct mkt_buf bytes;
	size_t held; /* of it, as the guard knows */
	struct mkt_block b;
	struct mkt_tx tx; /* number ntx - 1, decoded, if tx_ready */
	bool tx_ready;
};

static void cursor_release(struct cursor *c)
{
	mkt_buf_release(&c->bytes);
	mkt_tx_release(&c->tx);
}

static int cursor_open(struct cursor *c, struct mkt_err *err)
{
	int res;

	if (c->bytes.cap > STREAM_KEEP)
		mkt_buf_release(&c->bytes);
	mkt_buf_clear(&c->bytes);
	res = mkt_chain_read(c->node->chain, c->height, &c->bytes, err);
	if (res >= 0)
		res = mkt_block_dec(c->bytes.data, c->bytes.len, &c->b, err);
	if (res < 0)
		return res;
	c->open = true;
	c->n = 0;
	c->at = c->tx_at = NULL;
	c->ntx = 0;
	c->tx_ready = false;
	return 0;
}

/*
 * Before a pause of unknown length: keep the block if there is room for that among all
 * streams, else (or if @empty) let go of it and open it again at the event that comes next.
 */
static void cursor_rest(struct cursor *c, bool empty)
{
	struct ld_guard *g = &c->node->guard;
	bool room = ld_guard_hold(g, c->held, empty ? 0 : c->bytes.cap);

	c->held = empty ? 0 : c->bytes.cap;
	if (room && !empty)
		return;
	ld_guard_hold(g, c->held, 0);
	c->held = 0;
	if (c->open)
		c->skip = c->n;
	c->open = false;
	mkt_buf_release(&c->bytes);
	mkt_tx_release(&c->tx);
	c->tx_ready = false;
}

static void cursor_next_block(struct cursor *c)
{
	c->open = false;
	c->height++;
	c->skip = 0;
}

/* Operation @op of transaction @ix, or NULL; events come in the order of transactions. */
static const struct mkt_op *find_op(struct cursor *c, uint32_t ix, uint16_t op)
{
	const uint8_t *p;
	uint32_t len;

	while (c->ntx <= ix) {
		if (!mkt_block_next_tx(&c->b, &c->tx_at, &p, &len))
			return NULL;
		c->ntx++;
		c->tx_ready =
			c->ntx > ix && mkt_tx_dec(p, len, &c->node->chain_id, &c->tx, NULL) >= 0;
	}
	return c->tx_ready && c->ntx == ix + 1 && op < c->tx.nops ? &c->tx.ops[op] : NULL;
}

static bool window_of(const struct mkt_event *ev, uint32_t *window)
{
	switch (ev->kind) {
	case MKT_EV_CONTRACT:
		*window = ev->u.contract.window;
		return true;
	case MKT_EV_GATE:
		*window = ev->u.gate.window;
		return true;
	case MKT_EV_SETTLED:
		*window = ev->u.settled.window;
		return true;
	default:
		return false;
	}
}

static bool wanted(const struct filter *f, const struct mkt_event *ev)
{
	uint32_t accounts[2], window;
	unsigned n;

	if (f->kinds && !(f->kinds >> ev->kind & 1))
		return false;
	if (f->by_window && (!window_of(ev, &window) || window != f->window))
		return false;
	if (f->account == ALL_ACCOUNTS)
		return true;
	n = mkt_event_accounts(ev, accounts);
	for (unsigned i = 0; i < n; i++)
		if (accounts[i] == f->account)
			return true;
	return false;
}

/* The next wanted event of the open block; false at its end. */
static bool cursor_event(struct cursor *c, struct mkt_event *ev, struct ld_event_at *at)
{
	while (mkt_block_next_event(&c->b, &c->at, ev)) {
		uint32_t n = c->n++;

		if (n < c->skip || !wanted(&c->filter, ev))
			continue;
		*at = (struct ld_event_at){.height = c->height, .n = n};
		if (ev->kind == MKT_EV_RESULT && ev->tx != MKT_EVENT_NO_TX)
			at->operation = find_op(c, ev->tx, ev->op);
		return true;
	}
	return false;
}

/* ---- parameters ----------------------------------------------------------------------------- */

/* "H" or "H:n": from event n of block H. */
static bool parse_place(const char *text, uint64_t *height, uint32_t *n)
{
	const char *colon = strchr(text, ':');
	char first[24];
	uint64_t v = 0;
	size_t len = colon ? (size_t)(colon - text) : strlen(text);

	if (len >= sizeof(first))
		return false;
	memcpy(first, text, len);
	first[len] = 0;
	if (!ld_parse_u64(first, UINT64_MAX >> 1, height) ||
	    (colon && !ld_parse_u64(colon + 1, UINT32_MAX, &v)))
		return false;
	*n = (uint32_t)v;
	return true;
}

static int param_kinds(struct ld_req *r, struct filter *f, struct mkt_err *err)
{
	const char *text = ld_param(r, "kind");

	while (text && *text) {
		size_t len = strcspn(text, ",");
		unsigned k = MKT_EV_RESULT;

		for (; k <= MKT_EV_MONEY; k++)
			if (strlen(mkt_event_name(k)) == len &&
			    !memcmp(mkt_event_name(k), text, len))
				break;
		if (k > MKT_EV_MONEY)
			return mkt_err_set(err, MKT_EUSAGE, "there are no events of kind '%.*s'",
					   (int)len, text);
		f->kinds |= 1u << k;
		text += len + (text[len] == ',');
	}
	return 0;
}

static int param_filter(struct ld_req *r, struct filter *f, struct mkt_err *err)
{
	uint32_t window_s = r->node->g->window_s;
	uint64_t start = 0;
	int res = ld_private(r, err);

	f->account = ALL_ACCOUNTS;
	if (res >= 0)
		res = ld_param_account(r, &f->account, err);
	if (res >= 0)
		res = ld_reader_may(r, f->account, err);
	if (res >= 0)
		res = param_kinds(r, f, err);
	if (res >= 0)
		res = ld_param_u64(r, "window", (uint64_t)UINT32_MAX * window_s, &start, err);
	if (res < 0)
		return res;
	f->by_window = res == 1;
	f->window = (uint32_t)(start / window_s);
	return 0;
}

/* from=, or after the event that Last-Event-ID names, or from now. */
static int param_from(struct ld_req *r, struct cursor *c, struct mkt_err *err)
{
	const char *text = ld_param(r, "from");

	c->height = mkt_chain_height(r->node->chain) + 1;
	if (text && !parse_place(text, &c->height, &c->skip))
		return mkt_err_set(err, MKT_EUSAGE, "'from' is '%s', not HEIGHT or HEIGHT:EVENT",
				   text);
	if (r->last_event_id && parse_place(r->last_event_id, &c->height, &c->skip)) {
		/* "H:n" was seen: go on after it; "H" is that of a whole block. */
		if (strchr(r->last_event_id, ':'))
			c->skip++;
		else
			c->height++;
	}
	return 0;
}

/* ---- the stream ----------------------------------------------------------------------------- */

struct events_stream {
	struct ld_stream base;
	struct ld_req *req;
	struct ld_waiter waiter;
	struct cursor c;
	struct mkt_buf out;
	size_t given;
	uint64_t quiet_since_ms;
};

static void add_event(struct events_stream *s, const struct mkt_event *ev,
		      const struct ld_event_at *at)
{
	struct mkt_jw w;

	mkt_buf_addf(&s->out, "id: %llu:%u\nevent: %s\ndata: ", (unsigned long long)at->height,
		     at->n, mkt_event_name(ev->kind));
	mkt_jw_init(&w, &s->out);
	ld_json_event(&w, s->c.node, ev, at);
	mkt_buf_addstr(&s->out, "\n\n");
}

static void add_block(struct events_stream *s)
{
	const struct mkt_header *h = &s->c.b.h;
	struct mkt_jw w;

	mkt_buf_addf(&s->out, "id: %llu\nevent: block\ndata: ", (unsigned long long)h->height);
	mkt_jw_init(&w, &s->out);
	mkt_jw_obj(&w);
	mkt_jw_ku64(&w, "height", h->height);
	mkt_jw_kstr(&w, "kind", "block");
	ld_json_time_ms(&w, "time", h->time_ms);
	mkt_jw_ku64(&w, "time_ms", h->time_ms);
	mkt_jw_ku64(&w, "txs", h->ntxs);
	mkt_jw_ku64(&w, "events", h->nevents);
	mkt_jw_obj_end(&w);
	mkt_buf_addstr(&s->out, "\n\n");
}

/* Format on until the piece is full or the chain's end is reached; false on a fault. */
static bool fill(struct events_stream *s)
{
	struct ld_event_at at;
	struct mkt_event ev;

	mkt_buf_clear(&s->out);
	s->given = 0;
	while (s->out.len < PIECE_BYTES) {
		if (!s->c.open) {
			if (s->c.height > mkt_chain_height(s->c.node->chain))
				break;
			if (cursor_open(&s->c, NULL) < 0)
				return false;
		}
		ld_node_read(s->c.node);
		for (unsigned i = 0; i < LD_BREATH_ROWS && s->c.open && s->out.len < PIECE_BYTES;
		     i++) {
			if (cursor_event(&s->c, &ev, &at)) {
				add_event(s, &ev, &at);
			} else {
				add_block(s);
				cursor_next_block(&s->c);
			}
		}
		ld_node_unread(s->c.node);
	}
	return !s->out.bad;
}

static void wake_stream(struct ld_waiter *w)
{
	struct events_stream *s = w->ctx;

	ld_req_wake(s->req);
}

/* Nothing to give: park until there is, or until it has been quiet for too long. */
static ssize_t wait_for_more(struct events_stream *s, uint64_t now)
{
	/* Most streams wait most of the time, with nothing in their hands. */
	cursor_rest(&s->c, true);
	mkt_buf_release(&s->out);
	s->given = 0;
	s->waiter = (struct ld_waiter){
		.what = LD_APPENDED,
		.height = s->c.height,
		.deadline_ms = s->quiet_since_ms + QUIET_MS,
		.wake = wake_stream,
		.ctx = s,
	};
	ld_req_park(s->req);
	if (!ld_hub_wait(&s->c.node->hub, &s->waiter, now))
		ld_req_wake(s->req);
	return LD_STREAM_WAIT;
}

static ssize_t events_read(struct ld_stream *base, char *to, size_t max)
{
	struct events_stream *s = (struct events_stream *)(void *)base;
	uint64_t now = ld_mono_ms();
	size_t n;

	if (s->given == s->out.len && !fill(s))
		return LD_STREAM_BROKEN;
	if (s->given == s->out.len) {
		if (ld_hub_stopped(&s->c.node->hub))
			return LD_STREAM_END;
		if (now < s->quiet_since_ms + QUIET_MS)
			return wait_for_more(s, now);
		mkt_buf_addstr(&s->out, ": quiet\n\n");
	}
	s->quiet_since_ms = now;
	n = s->out.len - s->given < max ? s->out.len - s->given : max;
	memcpy(to, s->out.data + s->given, n);
	s->given += n;
	cursor_rest(&s->c, false);
	return (ssize_t)n;
}

static void events_free(struct ld_stream *base)
{
	struct events_stream *s = (struct events_stream *)(void *)base;

	ld_hub_leave(&s->c.node->hub, &s->waiter);
	ld_guard_stream_end(&s->c.node->guard);
	ld_guard_hold(&s->c.node->guard, s->c.held, 0);
	cursor_release(&s->c);
	mkt_buf_release(&s->out);
	free(s);
}

/* A stream that begins with a pruned block is refused in words. */
static int check_there(const struct cursor *c, struct mkt_err *err)
{
	struct mkt_buf raw = MKT_BUF_INIT;
	int res = 0;

	if (c->height <= mkt_chain_height(c->node->chain))
		res = mkt_chain_read_raw(c->node->chain, c->height, &raw, err);
	mkt_buf_release(&raw);
	return res;
}

int ld_get_events(struct ld_req *r, struct mkt_err *err)
{
	struct events_stream *s;
	int res;

	res = ld_guard_stream(&r->node->guard, r->node->conf->streams, err);
	if (res < 0)
		return res;
	s = calloc(1, sizeof(*s));
	if (!s) {
		ld_guard_stream_end(&r->node->guard);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	s->base.read = events_read;
	s->base.free = events_free;
	s->req = r;
	s->c.node = r->node;
	s->quiet_since_ms = ld_mono_ms();
	mkt_buf_addstr(&s->out, ": mkt events\n\n"); /* the head goes out at once */
	res = param_filter(r, &s->c.filter, err);
	if (res >= 0)
		res = param_from(r, &s->c, err);
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0) {
		events_free(&s->base);
		return res;
	}
	res = check_there(&s->c, err);
	if (res < 0) {
		events_free(&s->base);
		return res;
	}
	r->reply.stream = &s->base;
	r->reply.type = "text/event-stream";
	r->reply.status = 200;
	return 0;
}

/* ---- pages ---------------------------------------------------------------------------------- */

/* Rows up to @limit.  *@more: the list goes on where the cursor stands. */
static int page_rows(struct cursor *c, struct mkt_jw *w, struct ld_req *r, uint32_t limit,
		     bool *more, struct mkt_err *err)
{
	uint64_t head = mkt_chain_height(c->node->chain), last = c->height + PAGE_BLOCKS_MAX;
	struct ld_event_at at;
	struct mkt_event ev;

	*more = false;
	for (; c->height <= head; cursor_next_block(c)) {
		int res = cursor_open(c, err);

		if (res < 0)
			return res;
		*more = true;
		if (c->height == last)
			return 0;
		for (;;) {
			if (!cursor_event(c, &ev, &at))
				break;
			if (r->rows == limit) {
				c->skip = at.n;
				return 0;
			}
			ld_node_read(c->node);
			ld_json_event(w, c->node, &ev, &at);
			ld_node_unread(c->node);
			r->rows++;
		}
		*more = false;
	}
	return 0;
}

int ld_get_events_page(struct ld_req *r, struct mkt_err *err)
{
	struct cursor c = {.node = r->node};
	struct mkt_jw w;
	uint32_t limit;
	bool more;
	char next[40];
	int res = param_filter(r, &c.filter, err);

	if (res >= 0)
		res = param_from(r, &c, err);
	if (res >= 0)
		res = ld_param_limit(r, &limit, err);
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	ld_begin(r, &w, "mkt.events/1");
	mkt_jw_arr(&w);
	res = page_rows(&c, &w, r, limit, &more, err);
	mkt_jw_arr_end(&w);
	snprintf(next, sizeof(next), "%llu:%u", (unsigned long long)c.height, c.skip);
	cursor_release(&c);
	return res < 0 ? res : ld_end(r, &w, more ? next : NULL, err);
}

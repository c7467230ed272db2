/* GET /v1/bids and /v1/bids/ID: open ones from the state, past ones from the chain. */
#include "core/base/compat.h"

#include "ledgerd/api.h"
#include "ledgerd/reader.h"
#include "ledgerd/look.h"

#define ALL_ACCOUNTS UINT32_MAX
#define STORY_PIECE 256u      /* entries of a story read at once */
#define STORY_SCAN_MAX 20000u /* entries looked at for one request */
#define PAGE_LEGS_MAX 8192u   /* legs of one page: a page of bids with 256 each stays small */

/* A bid, wherever it comes from. */
struct view {
	struct mkt_bid bid;
	const char *state;
	const struct mkt_bid_leg *legs; /* NULL: open, legs are in the state */
};

static void put_open_legs(struct mkt_jw *w, const struct ld_node *n, const struct mkt_bid *bid)
{
	struct mkt_bid_leg leg;
	bool open;

	mkt_jw_key(w, "legs");
	mkt_jw_arr(w);
	for (uint16_t i = 0; i < bid->nlegs; i++) {
		if (!mkt_state_bid_leg(n->state, bid->id, i, &leg, &open))
			continue;
		mkt_jw_obj(w);
		ld_json_window(w, n, leg.window);
		ld_json_tags(w, n, leg.tags);
		mkt_jw_ki64(w, "price_upwh", leg.price_upwh);
		mkt_jw_kbool(w, "open", open);
		mkt_jw_obj_end(w);
	}
	mkt_jw_arr_end(w);
}

static void put_closed_legs(struct mkt_jw *w, const struct ld_node *n, const struct view *v)
{
	mkt_jw_key(w, "legs");
	mkt_jw_arr(w);
	for (uint16_t i = 0; i < v->bid.nlegs; i++) {
		mkt_jw_obj(w);
		ld_json_window(w, n, v->legs[i].window);
		ld_json_tags(w, n, v->legs[i].tags);
		mkt_jw_ki64(w, "price_upwh", v->legs[i].price_upwh);
		mkt_jw_kbool(w, "open", false);
		mkt_jw_obj_end(w);
	}
	mkt_jw_arr_end(w);
}

/* The members, without braces.  With the state's lock. */
static void put_bid(struct mkt_jw *w, const struct ld_node *n, const struct view *v)
{
	const struct mkt_bid *b = &v->bid;

	mkt_jw_ku64s(w, "bid", b->id);
	mkt_jw_ku64(w, "account", b->account);
	ld_json_name(w, n, "account_name", b->account);
	mkt_jw_kstr(w, "side", b->side == MKT_BUY ? "buy" : "sell");
	mkt_jw_ku64(w, "amount_wh", b->amount_wh);
	mkt_jw_ku64(w, "left_wh", b->left_wh);
	mkt_jw_ku64(w, "filled_wh", b->amount_wh - b->left_wh);
	mkt_jw_kstr(w, "state", v->state);
	ld_json_time_ms(w, "time", b->time_ms);
	ld_json_until(w, b->until_s);
	mkt_jw_ki64s(w, "held_uc", b->held_uc);
	ld_json_flags(w, b->flags);
	if (v->legs)
		put_closed_legs(w, n, v);
	else
		put_open_legs(w, n, b);
}

/* ---- open bids ------------------------------------------------------------------------------ */

static int open_page(struct ld_req *r, uint32_t account, uint64_t after, uint32_t limit,
		     struct mkt_err *err)
{
	struct ld_node *n = r->node;
	struct mkt_bid *bids = malloc(((size_t)limit + 1) * sizeof(*bids));
	struct view v = {.state = "open"};
	uint32_t count, i, legs = 0;
	char next[24];
	struct mkt_jw w;

	if (!bids)
		return mkt_err_code(err, MKT_ENOMEM);
	ld_node_read(n);
	count = mkt_state_bids(n->state, account, after, bids, limit + 1);
	ld_begin(r, &w, "mkt.bids/1");
	mkt_jw_arr(&w);
	for (i = 0; i < count && i < limit && legs < PAGE_LEGS_MAX; i++) {
		legs += bids[i].nlegs;
		/* It may be gone, or smaller, since the last breath. */
		if (mkt_state_bid(n->state, bids[i].id, &v.bid)) {
			mkt_jw_obj(&w);
			put_bid(&w, n, &v);
			mkt_jw_obj_end(&w);
		}
		ld_breathe(n, i);
	}
	mkt_jw_arr_end(&w);
	ld_node_unread(n);
	if (i < count)
		snprintf(next, sizeof(next), "%llu", (unsigned long long)bids[i - 1].id);
	free(bids);
	r->rows = i;
	return ld_end(r, &w, i < count ? next : NULL, err);
}

/* ---- closed bids ---------------------------------------------------------------------------- */

static int view_closed(struct ld_look *l, const struct mkt_event *gone, struct view *v,
		       struct mkt_err *err)
{
	struct ld_look_bid found;
	int res = ld_look_bid(l, gone->u.gone.bid, &found, err);

	if (res < 0)
		return res;
	*v = (struct view){
		.bid =
			{
				.id = gone->u.gone.bid,
				.account = gone->u.gone.account,
				.side = found.bid->u.bid.side,
				.flags = found.bid->u.bid.flags,
				.amount_wh = gone->u.gone.amount_wh,
				.left_wh = gone->u.gone.left_wh,
				.until_s = found.bid->u.bid.until_s,
				.time_ms = found.time_ms,
				.nlegs = found.bid->u.bid.nlegs,
			},
		.state = mkt_gone_name(gone->u.gone.reason),
		.legs = found.legs,
	};
	return 0;
}

/* One entry of a story: put it if a bid of @account ends there.  1 put, 0 not. */
static int put_if_gone(struct ld_look *l, struct mkt_jw *w, uint64_t entry, uint32_t account,
		       struct mkt_err *err)
{
	struct ld_node *n = l->node;
	struct mkt_event ev;
	struct view v;
	int res = ld_look_event(l, entry >> 24, (uint32_t)(entry & 0xffffff), &ev, err);

	if (res < 0 || ev.kind != MKT_EV_GONE || ev.u.gone.account != account)
		return res < 0 ? res : 0;
	res = view_closed(l, &ev, &v, err);
	if (res < 0)
		return res;
	mkt_jw_obj(w);
	ld_node_read(n);
	put_bid(w, n, &v);
	ld_node_unread(n);
	mkt_jw_obj_end(w);
	return 1;
}

struct past {
	uint32_t account, limit, rows, scanned;
	uint64_t at; /* next entry to look at, going down */
	bool end;    /* the story is told */
};

static int past_piece(struct ld_look *l, struct mkt_jw *w, struct past *p, struct mkt_err *err)
{
	uint64_t entries[STORY_PIECE];
	int n = mkt_chain_story(l->node->chain, p->account, p->at, true, entries, STORY_PIECE, err);

	if (n < 0)
		return n;
	for (int i = 0; i < n && p->rows < p->limit; i++) {
		int res = put_if_gone(l, w, entries[i], p->account, err);

		if (res < 0)
			return res;
		p->rows += (uint32_t)res;
		p->scanned++;
		if (!entries[i])
			p->end = true;
		else
			p->at = entries[i] - 1;
	}
	if (n < (int)STORY_PIECE && p->rows < p->limit)
		p->end = true;
	return 0;
}

static int past_page(struct ld_req *r, uint32_t account, uint64_t from, uint32_t limit,
		     struct mkt_err *err)
{
	struct past p = {.account = account, .limit = limit, .at = from};
	struct ld_look look;
	struct mkt_jw w;
	char next[24];
	int res = 0;

	ld_look_init(&look, r->node);
	ld_begin(r, &w, "mkt.bids/1");
	mkt_jw_arr(&w);
	while (!res && !p.end && p.rows < limit && p.scanned < STORY_SCAN_MAX)
		res = past_piece(&look, &w, &p, err);
	ld_look_release(&look);
	if (res < 0)
		return res;
	mkt_jw_arr_end(&w);
	snprintf(next, sizeof(next), "%llu", (unsigned long long)p.at);
	r->rows = p.rows;
	return ld_end(r, &w, p.end ? NULL : next, err);
}

int ld_get_bids(struct ld_req *r, struct mkt_err *err)
{
	uint32_t account = ALL_ACCOUNTS, limit;
	uint64_t after = 0;
	bool past, has_after;
	int res = ld_private(r, err);

	if (res >= 0)
		res = ld_param_account(r, &account, err);
	if (res >= 0)
		res = ld_reader_may(r, account, err);
	if (res >= 0)
		res = ld_param_flag(r, "past", &past, err);
	if (res >= 0)
		res = ld_param_limit(r, &limit, err);
	if (res >= 0)
		res = ld_param_u64(r, "after", UINT64_MAX, &after, err);
	has_after = res == 1;
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	if (!past)
		return open_page(r, account, after, limit, err);
	if (account == ALL_ACCOUNTS)
		return mkt_err_set(err, MKT_EUSAGE, "'past' needs 'account'");
	return past_page(r, account, has_after ? after : UINT64_MAX, limit, err);
}

/* ---- one bid -------------------------------------------------------------------------------- */

/* What the chain tells of a bid after its placing. */
struct tale {
	uint64_t id;
	struct mkt_event gone;
	bool is_gone;
	bool is_cut; /* too long a story: its end was not looked for */
	uint64_t *events;    /* entries; owned */
	uint64_t *contracts; /* exec ids; owned */
	uint32_t nevents, ncontracts;
};

#define TALE_MAX MKT_PAGE_ROWS_MAX

static bool about(const struct mkt_event *ev, uint64_t id, unsigned kind)
{
	switch (ev->kind) {
	case MKT_EV_CONTRACT:
		return ev->u.contract.buy_bid == id || ev->u.contract.sell_bid == id;
	case MKT_EV_GONE:
		return ev->u.gone.bid == id;
	case MKT_EV_RESULT:
		return ev->u.result.ref == id && !ev->u.result.code &&
		       (kind == MKT_OP_BID || kind == MKT_OP_CANCEL || kind == MKT_OP_REDUCE);
	default:
		return false;
	}
}

static unsigned kind_of(struct ld_look *l, uint64_t height, const struct mkt_event *ev)
{
	const struct mkt_tx *tx;

	if (ev->tx == MKT_EVENT_NO_TX || ld_look_tx(l, height, ev->tx, &tx, NULL) < 0 ||
	    ev->op >= tx->nops)
		return 0;
	return tx->ops[ev->op].kind;
}

static int hear(struct ld_look *l, struct tale *t, uint64_t entry, struct mkt_err *err)
{
	struct mkt_event ev;
	unsigned kind = 0;
	int res = ld_look_event(l, entry >> 24, (uint32_t)(entry & 0xffffff), &ev, err);

	if (res < 0)
		return res;
	if (ev.kind == MKT_EV_RESULT && ev.u.result.ref == t->id)
		kind = kind_of(l, entry >> 24, &ev);
	if (!about(&ev, t->id, kind))
		return 0;
	if (ev.kind == MKT_EV_GONE) {
		t->gone = ev;
		t->is_gone = true;
	}
	if (ev.kind == MKT_EV_CONTRACT && t->ncontracts < TALE_MAX)
		t->contracts[t->ncontracts++] = ev.u.contract.exec;
	if (t->nevents < TALE_MAX)
		t->events[t->nevents++] = entry;
	return 0;
}

/* The account's story from the bid's block to its end, or to the bid's. */
static int tell(struct ld_look *l, struct tale *t, uint32_t account, uint64_t height,
		struct mkt_err *err)
{
	uint64_t entries[STORY_PIECE], at = height << 24;
	uint32_t scanned = 0;

	t->events = calloc(TALE_MAX, sizeof(*t->events));
	t->contracts = calloc(TALE_MAX, sizeof(*t->contracts));
	if (!t->events || !t->contracts)
		return mkt_err_code(err, MKT_ENOMEM);
	while (scanned < STORY_SCAN_MAX) {
		int n = mkt_chain_story(l->node->chain, account, at, false, entries, STORY_PIECE,
					err);

		if (n < 0)
			return n;
		for (int i = 0; i < n; i++) {
			/* The result of a bid that ends at once stands after its end. */
			if (t->is_gone && entries[i] >> 24 != at >> 24)
				return 0;
			int res = hear(l, t, entries[i], err);

			if (res < 0)
				return res;
			at = entries[i];
		}
		if (n < (int)STORY_PIECE)
			return 0;
		at++;
		scanned += (uint32_t)n;
	}
	t->is_cut = true;
	return 0;
}

static int put_tale(struct ld_look *l, struct mkt_jw *w, const struct tale *t, struct mkt_err *err)
{
	struct ld_node *n = l->node;
	int res = 0;

	mkt_jw_key(w, "contracts");
	mkt_jw_arr(w);
	for (uint32_t i = 0; i < t->ncontracts && res >= 0; i++)
		res = ld_put_contract(n, w, t->contracts[i], err);
	mkt_jw_arr_end(w);
	mkt_jw_key(w, "events");
	mkt_jw_arr(w);
	for (uint32_t i = 0; i < t->nevents && res >= 0; i++)
		res = ld_put_entry(l, w, t->events[i], err);
	mkt_jw_arr_end(w);
	return res;
}

static void tale_release(struct tale *t)
{
	free(t->events);
	free(t->contracts);
}

/*
 * With @found and the tale: how the bid stands.  False: it has ended, and the tale, which was read
 * from the indexes before, does not tell how yet.
 */
static bool view_now(struct ld_node *n, const struct ld_look_bid *found, const struct tale *t,
		     struct view *v)
{
	bool open;

	ld_node_read(n);
	open = mkt_state_bid(n->state, t->id, &v->bid);
	ld_node_unread(n);
	v->state = "open";
	v->legs = NULL;
	if (open && !t->is_gone)
		return true;
	if (!t->is_gone && !t->is_cut)
		return false;
	v->legs = found->legs;
	v->state = t->is_gone ? mkt_gone_name(t->gone.u.gone.reason) : "closed";
	v->bid = (struct mkt_bid){
		.id = t->id,
		.account = found->account,
		.side = found->bid->u.bid.side,
		.flags = found->bid->u.bid.flags,
		.amount_wh = t->is_gone ? t->gone.u.gone.amount_wh : found->bid->u.bid.amount_wh,
		.left_wh = t->is_gone ? t->gone.u.gone.left_wh : 0,
		.until_s = found->bid->u.bid.until_s,
		.time_ms = found->time_ms,
		.nlegs = found->bid->u.bid.nlegs,
	};
	return true;
}

static int put_one(struct ld_req *r, struct ld_look *l, struct tale *t, struct mkt_err *err)
{
	struct ld_look_bid found;
	struct ld_look legs; /* keeps the transaction that @found points into */
	struct view v;
	struct mkt_jw w;
	int res;

	ld_look_init(&legs, r->node);
	res = ld_look_bid(&legs, t->id, &found, err);
	if (res >= 0)
		res = ld_reader_may(r, found.account, err);
	if (res >= 0)
		res = tell(l, t, found.account, found.height, err);
	if (res >= 0 && !view_now(r->node, &found, t, &v))
		res = mkt_err_set(err, MKT_EBUSY, "the end of bid '%s' is not on the disk yet",
				  r->arg);
	if (res >= 0) {
		ld_begin(r, &w, "mkt.bid/1");
		mkt_jw_obj(&w);
		ld_node_read(r->node);
		put_bid(&w, r->node, &v);
		ld_node_unread(r->node);
		mkt_jw_ku64(&w, "height", found.height);
		mkt_jw_ku64(&w, "tx_index", found.ix);
		mkt_jw_ku64(&w, "op_index", found.op);
		res = put_tale(l, &w, t, err);
		mkt_jw_obj_end(&w);
	}
	ld_look_release(&legs);
	return res < 0 ? res : ld_end(r, &w, NULL, err);
}

int ld_get_bid(struct ld_req *r, struct mkt_err *err)
{
	struct tale t = {0};
	struct ld_look look;
	uint64_t next;
	int res = ld_private(r, err);

	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	ld_node_read(r->node);
	next = mkt_state_next_bid(r->node->state);
	ld_node_unread(r->node);
	if (!ld_parse_u64(r->arg, UINT64_MAX, &t.id) || !t.id || t.id >= next)
		return mkt_err_set(err, MKT_EBID, "there is no bid '%s'", r->arg);
	ld_look_init(&look, r->node);
	res = put_one(r, &look, &t, err);
	/* Executed, but its block is not on the disk yet. */
	if (res < 0 && ld_wait_indexed(r, ld_pipe_pending_height(r->node)))
		res = LD_WAITS;
	ld_look_release(&look);
	tale_release(&t);
	return res;
}

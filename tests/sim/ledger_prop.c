/*
 * Long random streams of envelopes through the ledger.  After every block:
 * everything is counted again (mkt_state_check), and
 *
 *   - contracts are those of the slow matcher, in the same order;
 *   - what every account owns follows from the events alone;
 *   - no bid gets more than its amount, and what left it is told once;
 *   - the dry run of an operation tells what it then does;
 *   - a twin that is thrown away and made anew from the records goes on with the
 *     same events, the same digest and the same next instant;
 *   - an all-or-nothing envelope that fails leaves no trace but its results.
 *
 *   ledger_prop [SEED]     or MKT_SEED; MKT_LONG=1 runs more and longer
 */
#include "core/base/compat.h"

#include <inttypes.h>

#include "core/base/map.h"
#include "tests/ledger.h"
#include "tests/rng.h"
#include "tests/slow/slow_match.h"

struct kind {
	const char *name;
	uint32_t blocks;
	uint32_t ops_max;     /* of a block */
	uint32_t accounts;
	uint32_t windows;     /* that bids aim at */
	uint32_t legs_max;
	uint32_t spread;      /* ticks around the middle that prices stand in */
	int32_t price_min;
	uint16_t collateral_bp;
	uint32_t lot;
	uint8_t unreported;
	uint8_t clock;
	uint32_t check_every; /* blocks */
};

static const struct kind kinds[] = {
	{"few accounts, few books", 1500, 30, 4, 3, 4, 12, 0, 0, 1, 0, 0, 1},
	{"collateral and negative prices", 1200, 30, 6, 3, 4, 16, -200000, 500, 1, 1, 0, 1},
	{"lots of ten, operator clock", 900, 40, 8, 6, 12, 20, 0, 100, 10, 0, 1, 1},
	{"many legs", 400, 40, 10, 40, 64, 30, -50000, 0, 1, 0, 0, 5},
	{"many accounts, full blocks", 150, 600, 60, 8, 6, 40, 0, 250, 1, 1, 0, 10},
};

struct world {
	const struct kind *k;
	struct rng r;
	struct ledger l;         /* the state under test */
	struct mkt_state *twin;
	struct mkt_events twin_ev;
	struct mkt_delta twin_delta;
	struct slow *slow;
	struct mkt_map book;     /* window << 16 | tags -> book of the slow matcher */
	uint32_t nbooks;
	uint64_t book_key[65536];
	int64_t *wealth;         /* by account, from events alone */
	uint64_t *asked, *gone;  /* by bid: amount; contracted, withdrawn, reduced */
	uint64_t bids_cap;
	struct { uint32_t account; uint8_t request[16]; uint64_t until_s; } *log;
	uint32_t nlog, log_cap;
	uint64_t sum;            /* of all events and digests */
	uint64_t seen[128];      /* results by code */
	uint64_t aborted, restarts, settled;
};

static struct world world;

static void fault(const struct world *w, const char *what)
{
	printf("not ok - %s: block %" PRIu64 " envelope %u: %s\n", w->k->name,
	       mkt_state_height(w->l.s), w->l.ntx, what);
	exit(1);
}

#define WANT(cond)                        \
	do {                              \
		if (!(cond))              \
			fault(w, #cond);  \
	} while (0)

static uint32_t below(struct world *w, uint64_t n)
{
	return (uint32_t)rng_below(&w->r, n);
}

static bool one_in(struct world *w, uint64_t n)
{
	return !rng_below(&w->r, n);
}

static void digest(struct world *w, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		w->sum = (w->sum ^ b[i]) * 0x100000001b3u;
}

/* ---- the model: books of the slow matcher ----------------------------------------------- */

static uint64_t book_key(uint32_t window, mkt_tags tags)
{
	return (uint64_t)window << 16 | tags;
}

static uint32_t model_book(struct world *w, uint32_t window, mkt_tags tags)
{
	uint64_t key = book_key(window, tags);
	uint32_t book;
	int32_t fee;

	if (mkt_map_get(&w->book, key, &book))
		return book;
	book = w->nbooks++;
	WANT(book < MKT_ARRAY_SIZE(w->book_key));
	WANT(mkt_map_put(&w->book, key, book) == 0);
	WANT(mkt_tags_fee(mkt_state_tags(w->l.s), tags, &fee) == 0);
	slow_open(w->slow, book, mkt_tags_direct(mkt_state_tags(w->l.s), tags), fee);
	w->book_key[book] = key;
	return book;
}

static void model_fees(struct world *w)
{
	for (uint32_t i = 0; i < w->nbooks; i++)
		WANT(mkt_tags_fee(mkt_state_tags(w->l.s), (mkt_tags)(w->book_key[i] & 0xffff),
				  &w->slow->books[i].fee_upwh) == 0);
}

static void model_gates(struct world *w, uint64_t time_s)
{
	const struct mkt_genesis *g = &w->l.g;

	for (uint32_t i = 0; i < w->nbooks; i++)
		if (w->slow->books[i].open &&
		    (w->book_key[i] >> 16) * g->window_s <= time_s + g->gate_s)
			slow_close(w->slow, i);
}

/* ---- the model: accounts and bids from events ------------------------------------------- */

static void model_bid(struct world *w, uint64_t id, uint32_t amount_wh)
{
	if (id >= w->bids_cap) {
		uint64_t cap = (id + 1) * 2;

		w->asked = realloc(w->asked, cap * sizeof(*w->asked));
		w->gone = realloc(w->gone, cap * sizeof(*w->gone));
		WANT(w->asked && w->gone);
		w->bids_cap = cap;
	}
	w->asked[id] = amount_wh;
	w->gone[id] = 0;
}

static void event_money(struct world *w, const struct mkt_event *ev)
{
	if (ev->u.money.from != MKT_NO_ACCOUNT && ev->u.money.why < MKT_MONEY_FEE)
		w->wealth[ev->u.money.from] -= ev->u.money.money_uc;
	if (ev->u.money.to != MKT_NO_ACCOUNT)
		w->wealth[ev->u.money.to] += ev->u.money.money_uc;
}

static void event_settled(struct world *w, const struct mkt_ev_settled *t)
{
	w->wealth[t->buyer] -= t->paid_uc + t->fee_uc + t->buyer_charge_uc;
	w->wealth[t->seller] += t->paid_uc - t->seller_charge_uc;
	WANT(t->delivered_wh <= t->contracted_wh && t->delivered_wh <= t->supply_wh &&
	     t->delivered_wh <= t->draw_wh);
	w->settled++;
}

static void event_gone(struct world *w, const struct mkt_event *ev)
{
	uint64_t id = ev->u.gone.bid;

	WANT(w->asked[id] == ev->u.gone.amount_wh);
	w->gone[id] += ev->u.gone.left_wh;
	WANT(w->gone[id] == w->asked[id]);
	switch (ev->u.gone.reason) {
	case MKT_GONE_FILLED:
	case MKT_GONE_IOC:
		WANT((ev->u.gone.left_wh == 0) == (ev->u.gone.reason == MKT_GONE_FILLED));
		break;
	case MKT_GONE_EXPIRED:
		break;
	default:
		WANT(slow_cancel(w->slow, id));
	}
	WANT(!slow_get(w->slow, id));
}

static void event_contract(struct world *w, const struct mkt_ev_contract *c)
{
	w->gone[c->buy_bid] += c->wh;
	w->gone[c->sell_bid] += c->wh;
	WANT(c->buyer != c->seller && c->wh);
}

static void event(struct world *w, const struct mkt_event *ev)
{
	switch (ev->kind) {
	case MKT_EV_MONEY:
		event_money(w, ev);
		break;
	case MKT_EV_SETTLED:
		event_settled(w, &ev->u.settled);
		break;
	case MKT_EV_GONE:
		event_gone(w, ev);
		break;
	case MKT_EV_CONTRACT:
		event_contract(w, &ev->u.contract);
		break;
	default:
		break;
	}
}

static void check_wealth(struct world *w)
{
	for (uint32_t i = 0; i < mkt_state_accounts(w->l.s); i++) {
		struct mkt_account a = ledger_account(&w->l, i);

		WANT(a.available_uc + a.held_uc + a.locked_uc == w->wealth[i]);
	}
}

/* ---- comparing one operation with the model --------------------------------------------- */

/* Contracts of operation @op from event *@at on, against the slow matcher's. */
static void check_fills(struct world *w, const struct mkt_op *op, const struct mkt_fills *fills,
			uint32_t *at)
{
	bool buys = op->u.bid.side == MKT_BUY;

	for (uint32_t i = 0; i < fills->n; i++) {
		const struct mkt_fill *f = &fills->v[i];
		struct mkt_event ev = ledger_event(&w->l, (*at)++);
		const struct mkt_ev_contract *c = &ev.u.contract;

		WANT(ev.kind == MKT_EV_CONTRACT);
		WANT((buys ? c->sell_bid : c->buy_bid) == f->maker_id);
		WANT((buys ? c->sell_leg : c->buy_leg) == f->maker_leg);
		WANT((buys ? c->buy_leg : c->sell_leg) == f->taker_leg);
		WANT(c->wh == f->wh && c->price_upwh == f->price_upwh);
		WANT(c->alt_leg == f->alt_leg);
		WANT(c->alt_leg == MKT_NO_LEG || c->alt_price_upwh == f->alt_price_upwh);
		WANT((buys ? c->buyer : c->seller) == op->account && c->taker_side == op->u.bid.side);
		event(w, &ev);
		if (!f->maker_left_wh) {
			ev = ledger_event(&w->l, (*at)++);
			WANT(ev.kind == MKT_EV_GONE && ev.u.gone.bid == f->maker_id);
			WANT(ev.u.gone.reason == MKT_GONE_FILLED);
			event(w, &ev);
		}
	}
}

static void check_bid(struct world *w, const struct mkt_tx *tx, const struct mkt_op *op,
		      struct lresult r, uint64_t id, uint32_t *at)
{
	static struct mkt_fills fills;
	struct mkt_leg legs[MKT_LEGS_MAX];
	struct mkt_incoming o = {.id = id, .owner = op->account, .amount_wh = op->u.bid.amount_wh,
			      .side = op->u.bid.side, .flags = op->u.bid.flags,
			      .nlegs = op->u.bid.nlegs, .legs = legs};
	uint32_t left;
	int rc;

	if (r.code && r.code != MKT_EFOK && r.code != MKT_EPOSTONLY)
		return;
	for (unsigned i = 0; i < o.nlegs; i++) {
		const struct mkt_bid_leg *l = &tx->legs[op->u.bid.first_leg + i];

		legs[i] = (struct mkt_leg){model_book(w, l->window, l->tags), l->price_upwh};
	}
	rc = slow_match(w->slow, &o, &fills, &left);
	WANT(rc == -r.code);
	if (rc)
		return;
	WANT(r.ref == id && r.more == left);
	model_bid(w, id, o.amount_wh);
	check_fills(w, op, &fills, at);
}

static uint16_t op_of(const struct world *w, uint32_t i)
{
	return ledger_event(&w->l, i).op;
}

/* The events from *@at on that belong to operation @i, up to and with its RESULT. */
static void check_op(struct world *w, const struct mkt_tx *tx, uint16_t i, uint64_t *next_bid,
		     uint32_t *at)
{
	const struct mkt_op *op = &tx->ops[i];
	struct lresult r = ledger_result(&w->l, i);
	struct mkt_event ev;

	w->seen[r.code]++;
	if (op->kind == MKT_OP_BID) {
		check_bid(w, tx, op, r, *next_bid, at);
		*next_bid += r.code == 0;
	}
	if (op->kind == MKT_OP_REDUCE && !r.code) {
		WANT(slow_reduce(w->slow, op->u.reduce.bid, op->u.reduce.left_wh) == 0);
		w->gone[op->u.reduce.bid] += r.more;
	}
	for (;; (*at)++) {
		WANT(op_of(w, *at) == i);
		ev = ledger_event(&w->l, *at);
		WANT(ev.tx == w->l.ntx - 1);
		if (ev.kind == MKT_EV_RESULT)
			break;
		event(w, &ev);
	}
	(*at)++;
	if (op->kind == MKT_OP_TAG)
		model_fees(w);
}

static void check_aborted(struct world *w, const struct mkt_tx *tx, uint32_t at)
{
	unsigned failed = 0;

	WANT(w->l.ev.n == at + tx->nops);
	for (uint16_t i = 0; i < tx->nops; i++) {
		int code = ledger_result(&w->l, i).code;

		w->seen[code]++;
		failed += code != MKT_EABORTED;
		WANT(code != 0);
	}
	WANT(failed == 1);
	w->aborted++;
}

/* ---- dry runs --------------------------------------------------------------------------- */

static struct mkt_preview preview(struct world *w)
{
	struct mkt_preview p = MKT_PREVIEW_INIT;

	if (w->l.tx.nops == 1)
		WANT(mkt_state_preview(w->l.s, &w->l.tx, 0, mkt_state_time_ms(w->l.s), &p) == 0);
	return p;
}

static void check_preview(struct world *w, struct mkt_preview *p, uint32_t first)
{
	const struct mkt_op *op = &w->l.tx.ops[0];
	struct lresult r;
	uint32_t contracts = 0;

	if (w->l.tx.nops == 1) {
		r = ledger_result(&w->l, 0);
		WANT(p->err.code == r.code);
		WANT(!r.code || (p->ref == r.ref && p->more == r.more));
		for (uint32_t i = first; i < w->l.ev.n; i++)
			contracts += ledger_event(&w->l, i).kind == MKT_EV_CONTRACT;
		WANT(contracts == p->fills.n);
		if (op->kind == MKT_OP_BID && !r.code)
			WANT(p->available_uc == ledger_account(&w->l, op->account).available_uc &&
			     p->left_wh == r.more);
	}
	mkt_preview_release(p);
}

/* ---- envelopes -------------------------------------------------------------------------- */

static void log_request(struct world *w)
{
	if (w->nlog == w->log_cap) {
		w->log_cap = w->log_cap ? w->log_cap * 2 : 1024;
		w->log = realloc(w->log, w->log_cap * sizeof(*w->log));
		WANT(w->log);
	}
	w->log[w->nlog].account = w->l.tx.account;
	w->log[w->nlog].until_s = w->l.tx.valid_until_s;
	memcpy(w->log[w->nlog++].request, w->l.tx.request, MKT_REQUEST_LEN);
}

/* Admit, preview and apply what was built; compare everything. */
static void submit(struct world *w)
{
	struct ledger *l = &w->l;
	uint64_t next_bid = mkt_state_next_bid(l->s), next_exec = mkt_state_next_exec(l->s);
	uint32_t at = l->ev.n, first = at;
	struct mkt_preview p;
	int rc = ledger_tx_end(l);

	if (rc < 0)
		fault(w, l->err.text);
	rc = mkt_state_admit(l->s, &l->tx, &l->err);
	WANT(mkt_state_admit(w->twin, &l->tx, NULL) == rc);
	if (rc < 0) {
		w->seen[-rc]++;
		return;
	}
	p = preview(w);
	WANT(mkt_state_apply(w->twin, &l->tx, l->ntx, &w->twin_ev) == 0);
	WANT(mkt_state_apply(l->s, &l->tx, l->ntx++, &l->ev) == 0);
	WANT(mkt_state_admit(l->s, &l->tx, NULL) == -MKT_ECONFLICT || l->tx.ops[0].kind == MKT_OP_SUSPEND);
	log_request(w);
	check_preview(w, &p, first);
	if (l->tx.flags & MKT_TX_ALL_OR_NOTHING && ledger_result(l, 0).code) {
		check_aborted(w, &l->tx, at);
		WANT(mkt_state_next_bid(l->s) == next_bid && mkt_state_next_exec(l->s) == next_exec);
	} else if (l->tx.flags & MKT_TX_ALL_OR_NOTHING && ledger_result(l, (uint16_t)(l->tx.nops - 1)).code) {
		check_aborted(w, &l->tx, at);
	} else {
		for (uint16_t i = 0; i < l->tx.nops; i++)
			check_op(w, &l->tx, i, &next_bid, &at);
		WANT(at == l->ev.n && next_bid == mkt_state_next_bid(l->s));
	}
}

/* ---- random operations ------------------------------------------------------------------ */

static uint32_t any_account(struct world *w)
{
	if (one_in(w, 100))
		return mkt_state_accounts(w->l.s) + below(w, 2);
	return below(w, mkt_state_accounts(w->l.s));
}

/* Some window around now: mostly open, now and then not. */
static uint32_t any_window(struct world *w)
{
	uint32_t first, count;

	mkt_state_open_windows(w->l.s, mkt_state_time_ms(w->l.s), &first, &count);
	if (one_in(w, 60))
		return first - 1 + below(w, 3) * (count + 1);
	return first + below(w, w->k->windows < count ? w->k->windows : count);
}

static mkt_tags any_tags(struct world *w)
{
	const struct mkt_tag_table *t = mkt_state_tags(w->l.s);
	mkt_tags tags = 0;

	for (unsigned d = 0; d < t->ndims; d++)
		tags = mkt_tags_with(tags, d, (uint8_t)below(w, t->dims[d].nvalues));
	if (one_in(w, 200))
		tags = mkt_tags_with(tags, below(w, 3), 200);
	return tags;
}

static int32_t any_price(struct world *w, uint8_t side)
{
	const struct mkt_genesis *g = &w->l.g;
	int32_t middle = (g->price_min_upwh + g->price_max_upwh) / 20 * 10;
	int32_t at = (int32_t)below(w, w->k->spread) - (int32_t)w->k->spread / 2;

	if (one_in(w, 2)) /* the side's own half, so that books have depth */
		at = side == MKT_SELL ? (at < 0 ? -at : at) : (at < 0 ? at : -at);
	if (one_in(w, 300))
		return middle + 5;
	if (one_in(w, 300))
		return g->price_max_upwh + 10;
	if (one_in(w, 20))
		return g->price_min_upwh +
		       (int32_t)below(w, (uint64_t)(g->price_max_upwh - g->price_min_upwh) / 10 + 1) * 10;
	return middle + at * 10 * 100;
}

static void add_bid(struct world *w, uint32_t account)
{
	static const uint8_t flags[24] = {MKT_BID_IOC, MKT_BID_IOC, MKT_BID_FOK, MKT_BID_FOK,
					  MKT_BID_POST_ONLY, MKT_BID_POST_ONLY};
	struct mkt_bid_leg legs[MKT_LEGS_MAX];
	struct mkt_op op = {.kind = MKT_OP_BID, .account = account};
	uint32_t n = one_in(w, 2) ? 1 : 1 + below(w, w->k->legs_max);
	uint32_t have = 0;

	op.u.bid.side = one_in(w, 2) ? MKT_BUY : MKT_SELL;
	op.u.bid.flags = flags[below(w, MKT_ARRAY_SIZE(flags))];
	op.u.bid.amount_wh = (1 + below(w, 200)) * w->k->lot + (one_in(w, 300) ? 1 : 0);
	if (one_in(w, 400))
		op.u.bid.amount_wh = one_in(w, 2) ? 0 : UINT32_MAX / w->k->lot * w->k->lot;
	if (one_in(w, 8))
		op.u.bid.until_s = mkt_state_time_ms(w->l.s) / 1000 - 60 + below(w, 7200);
	for (uint32_t i = 0; i < n; i++) {
		struct mkt_bid_leg l = {any_window(w), any_price(w, op.u.bid.side), any_tags(w)};
		bool twice = false;

		for (uint32_t k = 0; k < have; k++)
			twice |= legs[k].window == l.window && legs[k].tags == l.tags;
		if (!twice || one_in(w, 300))
			legs[have++] = l;
	}
	op.u.bid.nlegs = (uint16_t)have;
	mkt_tx_add(&w->l.build, &op, legs, NULL);
}

/* An open bid of @account if it has one; now and then any number at all. */
static uint64_t any_bid(struct world *w, uint32_t account)
{
	struct mkt_bid b[8];
	uint32_t n;

	if (one_in(w, 10))
		return below(w, mkt_state_next_bid(w->l.s) + 1);
	n = mkt_state_bids(w->l.s, account, below(w, mkt_state_next_bid(w->l.s)), b, 8);
	if (!n)
		n = mkt_state_bids(w->l.s, account, 0, b, 8);
	return n ? b[below(w, n)].id : below(w, mkt_state_next_bid(w->l.s));
}

static void add_cancel(struct world *w, uint32_t account)
{
	struct mkt_op op = {.kind = MKT_OP_CANCEL, .account = account};

	if (one_in(w, 15))
		op.u.cancel.what = MKT_CANCEL_ALL;
	else if (one_in(w, 10))
		op.u.cancel.what = MKT_CANCEL_WINDOW;
	op.u.cancel.window = any_window(w);
	op.u.cancel.bid = any_bid(w, account);
	mkt_tx_add(&w->l.build, &op, NULL, NULL);
}

static void add_reduce(struct world *w, uint32_t account)
{
	struct mkt_op op = {.kind = MKT_OP_REDUCE, .account = account};
	struct mkt_bid b;

	op.u.reduce.bid = any_bid(w, account);
	op.u.reduce.left_wh = w->k->lot;
	if (mkt_state_bid(w->l.s, op.u.reduce.bid, &b))
		op.u.reduce.left_wh = below(w, b.left_wh / w->k->lot + 2) * w->k->lot;
	mkt_tx_add(&w->l.build, &op, NULL, NULL);
}

/* A contract of @account; half of the time one whose window is over. */
static bool any_contract(struct world *w, uint32_t account, struct mkt_contract *c)
{
	struct mkt_contract v[16];
	uint64_t after = one_in(w, 2) ? 0 : below(w, mkt_state_next_exec(w->l.s));
	uint32_t n = mkt_state_contracts(w->l.s, account, after, v, 16);

	if (!n)
		return false;
	*c = v[below(w, n)];
	return true;
}

static void add_report(struct world *w, uint32_t account)
{
	struct mkt_op op = {.kind = MKT_OP_REPORT, .account = account};
	struct mkt_contract c = {.what = {.exec = 99999999, .wh = 10}};

	if (!any_contract(w, account, &c) && !one_in(w, 20)) {
		add_bid(w, account);
		return;
	}
	op.u.report.exec = c.what.exec;
	op.u.report.side = (c.what.seller == account) != one_in(w, 20) ? MKT_SUPPLY : MKT_DRAW;
	op.u.report.wh = one_in(w, 2) ? c.what.wh : below(w, c.what.wh + c.what.wh / 4 + 2);
	if (one_in(w, 30))
		memcpy(op.u.report.charger, "evse", 5);
	mkt_tx_add(&w->l.build, &op, NULL, NULL);
}

static void add_meter(struct world *w, uint32_t account)
{
	struct mkt_op op = {.kind = MKT_OP_METER, .account = account};
	struct mkt_contract c;

	op.u.meter.window = any_window(w);
	if (any_contract(w, account, &c))
		op.u.meter.window = c.what.window;
	op.u.meter.side = one_in(w, 2) ? MKT_SUPPLY : MKT_DRAW;
	op.u.meter.wh = below(w, 2000);
	mkt_tx_add(&w->l.build, &op, NULL, NULL);
}

static void add_retire(struct world *w, uint32_t account)
{
	struct mkt_op op = {.kind = MKT_OP_RETIRE, .account = account};
	struct mkt_contract c = {0};

	if (!any_contract(w, account, &c) && !one_in(w, 20)) {
		add_cancel(w, account);
		return;
	}
	op.u.retire.exec = c.what.exec;
	mkt_tx_add(&w->l.build, &op, NULL, "claim");
}

static void add_transfer(struct world *w, uint32_t account)
{
	struct mkt_op op = {.kind = MKT_OP_TRANSFER, .account = account};

	op.u.transfer.to = any_account(w);
	op.u.transfer.money_uc = 1 + (int64_t)rng_below(&w->r, one_in(w, 4) ? 1ull << 40 : 1 << 20);
	mkt_tx_add(&w->l.build, &op, NULL, NULL);
}

static void add_delegate(struct world *w, uint32_t account)
{
	struct mkt_op op = {.kind = MKT_OP_DELEGATE, .account = account};

	op.u.delegate.to = any_account(w);
	op.u.delegate.rights = MKT_RIGHTS_ALL;
	if (one_in(w, 3)) {
		op.u.delegate.rights = 1u << (1 + below(w, 7));
		op.u.delegate.until_s = mkt_state_time_ms(w->l.s) / 1000 + below(w, 4000);
	}
	if (one_in(w, 3))
		op.kind = MKT_OP_REVOKE;
	mkt_tx_add(&w->l.build, &op, NULL, NULL);
}

static void add_one(struct world *w, uint32_t account)
{
	uint32_t dice = below(w, 1000);

	if (dice < 560)
		add_bid(w, account);
	else if (dice < 680)
		add_cancel(w, account);
	else if (dice < 740)
		add_reduce(w, account);
	else if (dice < 860)
		add_report(w, account);
	else if (dice < 910)
		add_meter(w, account);
	else if (dice < 940)
		add_transfer(w, account);
	else if (dice < 965)
		add_retire(w, account);
	else
		add_delegate(w, account);
}

/* The operator: money in and out, suspensions, tags, members, limits, prices, meter operators. */
static void add_operator(struct world *w)
{
	struct mkt_op op = {0};
	uint32_t dice = below(w, 100);

	if (dice < 50) {
		op.kind = dice < 40 ? MKT_OP_DEPOSIT : MKT_OP_WITHDRAW;
		op.u.transfer.to = any_account(w);
		op.u.transfer.money_uc = 1 + (int64_t)rng_below(&w->r, 1u << 31);
	} else if (dice < 70) {
		op.kind = MKT_OP_SUSPEND;
		op.u.suspend.account = any_account(w);
		op.u.suspend.on = dice < 53;
	} else if (dice < 76) {
		op.kind = MKT_OP_TAG;
		op.u.tag.dim = 1;
		op.u.tag.flags = MKT_TAG_DIRECT * (dice == 70);
		op.u.tag.fee_upwh = (int32_t)below(w, 3) * 1000;
		op.u.tag.fee_account = any_account(w);
		snprintf(op.u.tag.name, sizeof(op.u.tag.name), "m%u", dice - 70);
	} else if (dice < 80) {
		op.kind = MKT_OP_MEMBER;
		op.u.member.dim = 1;
		op.u.member.value = (uint8_t)(2 + below(w, 2));
		op.u.member.account = any_account(w);
		op.u.member.in = !one_in(w, 4);
	} else if (dice < 85) {
		op.kind = MKT_OP_LIMITS;
		op.u.limits.cls = MKT_CLASS_HOUSEHOLD;
		op.u.limits.lim.open_bids = 5 + below(w, 200);
	} else if (dice < 90) {
		op.kind = MKT_OP_IMBALANCE;
		op.u.imbalance.up_upwh = (int32_t)below(w, 100000);
		op.u.imbalance.down_upwh = (int32_t)below(w, 100000) - 1000;
	} else {
		op.kind = MKT_OP_METEROP;
		op.u.meterop.account = any_account(w);
		op.u.meterop.meter = any_account(w);
		op.u.meterop.on = !one_in(w, 3);
	}
	mkt_tx_add(&w->l.build, &op, NULL, "by test");
}

/* ---- authorities ------------------------------------------------------------------------ */

#define AUTHORITIES 40 /* keys that come and go; number 0 is that of genesis */

static void authority_key(unsigned i, struct mkt_pubkey *pub, struct mkt_seckey *sec)
{
	uint8_t seed[MKT_SEED_LEN] = {(uint8_t)i, 0xa0};

	mkt_keypair(pub, sec, seed);
}

/* Signatures of members of @set for @c, now and then one too few, or for something else. */
static unsigned cosign(struct world *w, const struct mkt_authority_change *c, uint8_t *out)
{
	const struct mkt_authorities *set = mkt_state_authorities(w->l.s);
	unsigned most = one_in(w, 6) ? 1 : mkt_authorities_quorum(set), n = 0;
	struct mkt_buf text = MKT_BUF_INIT;

	mkt_authority_signed(c, &w->l.chain, &text);
	for (unsigned k = 0; k < set->n && n < most; k++, n++, out += MKT_COSIGN_LEN) {
		struct mkt_pubkey pub = {{0}};
		struct mkt_seckey sec;
		struct mkt_sig sig;

		for (unsigned i = 0; memcmp(&pub, &set->v[k].key, sizeof(pub)) != 0; i++)
			authority_key(i, &pub, &sec);
		mkt_sign(&sig, &sec, text.data, one_in(w, 20) ? text.len - 1 : text.len);
		out[0] = (uint8_t)k;
		out[1] = 0;
		memcpy(out + 2, sig.b, sizeof(sig.b));
	}
	mkt_buf_release(&text);
	return n;
}

/* At the start of a block, so that it may be alone; what comes behind it is refused then. */
static void change_authorities(struct world *w)
{
	const struct mkt_authorities *set = mkt_state_authorities(w->l.s);
	struct mkt_op op = {.kind = MKT_OP_AUTHORITY};
	struct mkt_authority_change *c = &op.u.authority.change;
	uint8_t sigs[MKT_AUTHORITIES_MAX * MKT_COSIGN_LEN];
	unsigned key = below(w, AUTHORITIES);
	struct mkt_seckey sec;

	c->what = one_in(w, 2) ? MKT_AUTHORITY_ADD : MKT_AUTHORITY_REMOVE;
	c->generation = set->generation - one_in(w, 12);
	authority_key(key, &c->who.key, &sec);
	snprintf(c->who.name, sizeof(c->who.name), "k%u", key);
	if (c->what == MKT_AUTHORITY_REMOVE)
		c->who = set->v[below(w, set->n)];
	op.u.authority.nsigs = (uint8_t)cosign(w, c, sigs);
	ledger_tx_begin(&w->l, one_in(w, 20) ? any_account(w) : MKT_OPERATOR, 0);
	mkt_tx_add(&w->l.build, &op, NULL, (const char *)sigs);
	submit(w);
}

static uint32_t envelope(struct world *w)
{
	uint32_t signer = any_account(w), n = 1;
	uint8_t flags = 0;

	if (one_in(w, 12)) {
		ledger_tx_begin(&w->l, 0, 0);
		add_operator(w);
		submit(w);
		return 1;
	}
	if (one_in(w, 5)) {
		flags = one_in(w, 2) ? MKT_TX_ALL_OR_NOTHING : 0;
		n = 1 + below(w, flags ? 5 : 12);
	}
	ledger_tx_begin(&w->l, signer, flags);
	for (uint32_t i = 0; i < n; i++)
		add_one(w, one_in(w, 25) ? any_account(w) : signer);
	submit(w);
	return n;
}

/* ---- blocks ----------------------------------------------------------------------------- */

/* Throw the twin away and make it anew from the records. */
static void restart(struct world *w)
{
	struct mkt_delta d = {0};
	struct mkt_state *s;

	WANT(mkt_state_dump(w->l.s, &d) == 0);
	WANT(mkt_state_new(&w->l.g, &s, NULL) == 0);
	for (uint32_t i = 0; i < d.n; i++)
		if (mkt_state_load(s, d.rows[i].type, d.rows[i].id, d.bytes.data + d.rows[i].at,
				   d.rows[i].len, &w->l.err) < 0)
			fault(w, w->l.err.text);
	if (mkt_state_loaded(s, &w->l.digest, &w->l.err) < 0)
		fault(w, w->l.err.text);
	for (uint32_t i = 0; i < w->nlog; i++)
		WANT(mkt_state_restore_request(s, w->log[i].account, w->log[i].request,
					       w->log[i].until_s) == 0);
	mkt_state_free(w->twin);
	w->twin = s;
	mkt_delta_release(&d);
	if (mkt_state_check(s, &w->l.err) < 0)
		fault(w, w->l.err.text);
	w->restarts++;
}

static bool same_bytes(const struct mkt_buf *a, const struct mkt_buf *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

static void block_begin(struct world *w)
{
	struct ledger *l = &w->l;
	uint64_t now = mkt_state_time_ms(l->s), next = mkt_state_next_ms(l->s), t;

	WANT(mkt_state_next_ms(w->twin) == next);
	t = now + below(w, 120000);
	if (one_in(w, 6) && next < now + 7200000)
		t = next > now ? next - one_in(w, 3) : now; /* that instant, or just before it */
	else if (one_in(w, 40))
		t = now + below(w, 5400000);
	else if (one_in(w, 300))
		t = now + 86400000ull * (1 + below(w, 3));
	model_gates(w, t / 1000);
	ledger_begin_ms(l, t);
	WANT(mkt_state_begin(w->twin, mkt_state_height(l->s), t, &w->twin_ev, &l->err) == 0);
	if (next > t)
		WANT(l->ev.n == 0);
	else if (next > now)
		WANT(l->ev.n > 0);
	for (uint32_t i = 0; i < l->ev.n; i++) {
		struct mkt_event ev = ledger_event(l, i);

		WANT(ev.tx == MKT_EVENT_NO_TX);
		event(w, &ev);
	}
}

/* On a chain with an operator clock the block begins with it, or stays at its time. */
static void block_clock(struct world *w, uint64_t before_ms)
{
	struct mkt_op op = {.kind = MKT_OP_CLOCK};
	uint64_t t = mkt_state_time_ms(w->l.s);

	if (w->k->clock != MKT_CLOCK_OPERATOR)
		return;
	if (t != before_ms)
		WANT(mkt_state_check_clock(w->l.s, NULL) == -MKT_ECLOCK);
	ledger_tx_begin(&w->l, 0, 0);
	op.u.clock.time_ms = t;
	mkt_tx_add(&w->l.build, &op, NULL, NULL);
	submit(w);
	WANT(mkt_state_check_clock(w->l.s, NULL) == 0);
}

static void block_end(struct world *w, uint32_t n)
{
	struct ledger *l = &w->l;
	struct mkt_hash twin;

	WANT(same_bytes(&l->ev.bytes, &w->twin_ev.bytes));
	WANT(mkt_state_end(l->s, &l->delta, &l->digest) == 0);
	WANT(mkt_state_end(w->twin, &w->twin_delta, &twin) == 0);
	WANT(mkt_hash_eq(&l->digest, &twin));
	WANT(same_bytes(&l->delta.bytes, &w->twin_delta.bytes) && l->delta.n == w->twin_delta.n);
	for (uint32_t i = 1; i < l->delta.n; i++)
		WANT(l->delta.rows[i - 1].type < l->delta.rows[i].type ||
		     l->delta.rows[i - 1].id < l->delta.rows[i].id);
	digest(w, l->ev.bytes.data, l->ev.bytes.len);
	digest(w, l->digest.b, sizeof(l->digest.b));
	if (n % w->k->check_every == 0) {
		if (mkt_state_check(l->s, &l->err) < 0)
			fault(w, l->err.text);
		check_wealth(w);
	}
	if (one_in(w, 20))
		restart(w);
}

static void start(struct world *w)
{
	struct ledger *l = &w->l;

	ledger_init(l);
	l->g.opening_s = 6 * 3600;
	if (w->k->windows > 10)
		l->g.opening_s = 86400;
	l->g.retention_s = 3 * 3600;
	l->g.validity_s = 3600;
	l->g.price_min_upwh = w->k->price_min;
	l->g.collateral_bp = w->k->collateral_bp;
	l->g.lot_wh = w->k->lot;
	l->g.unreported = w->k->unreported;
	l->g.clock = w->k->clock;
	authority_key(0, &l->g.authorities[0], &(struct mkt_seckey){{0}});
	ledger_start(l);
	WANT(mkt_state_new(&l->g, &w->twin, NULL) == 0);
	WANT(mkt_state_end(w->twin, &w->twin_delta, &l->digest) == 0);
	w->slow = slow_new(MKT_OPEN_BIDS_MAX);
	w->wealth = calloc(w->k->accounts + 1, sizeof(*w->wealth));
	WANT(w->wealth);
}

static void people(struct world *w)
{
	struct mkt_op op = {.kind = MKT_OP_ENROLL, .u.enroll = {.cls = MKT_CLASS_HOUSEHOLD}};

	for (uint32_t i = 1; i <= w->k->accounts; i++) {
		memset(op.u.enroll.key.b, 0, MKT_PUBKEY_LEN);
		memcpy(op.u.enroll.key.b, &i, sizeof(i));
		snprintf(op.u.enroll.name, sizeof(op.u.enroll.name), "house%02u", i);
		ledger_tx_begin(&w->l, 0, 0);
		mkt_tx_add(&w->l.build, &op, NULL, NULL);
		submit(w);
		ledger_tx_begin(&w->l, 0, 0);
		mkt_tx_add(&w->l.build,
			   &(struct mkt_op){.kind = MKT_OP_DEPOSIT, .u.transfer = {i, 2000000000}},
			   NULL, NULL);
		submit(w);
	}
}

static void stop(struct world *w)
{
	ledger_stop(&w->l);
	mkt_state_free(w->twin);
	mkt_events_release(&w->twin_ev);
	mkt_delta_release(&w->twin_delta);
	slow_free(w->slow);
	mkt_map_release(&w->book);
	free(w->wealth);
	free(w->asked);
	free(w->gone);
	free(w->log);
}

static void run_kind(const struct kind *k, uint64_t seed, uint32_t times, uint64_t *sum,
		     uint64_t *seen)
{
	struct world *w = &world;
	struct mkt_totals t;

	*w = (struct world){.k = k, .r = {seed}, .sum = 0xcbf29ce484222325u};
	start(w);
	for (uint32_t b = 0; b < k->blocks * times; b++) {
		uint64_t before_ms = mkt_state_time_ms(w->l.s);
		uint32_t n = 1 + below(w, k->ops_max), done = 0;

		block_begin(w);
		block_clock(w, before_ms);
		if (!b)
			people(w);
		if (one_in(w, 12))
			change_authorities(w);
		while (done < n)
			done += envelope(w);
		block_end(w, b);
	}
	if (mkt_state_check(w->l.s, &w->l.err) < 0)
		fault(w, w->l.err.text);
	check_wealth(w);
	mkt_state_totals(w->l.s, &t);
	printf("# %s: %" PRIu64 " operations, %" PRIu64 " refused, %" PRIu64 " contracts, %" PRIu64
	       " settled, %" PRIu64 " envelopes undone, %" PRIu64 " restarts\n",
	       k->name, t.ops, t.refused, t.contracts, t.settled, w->aborted, w->restarts);
	WANT(t.contracts > 50 && t.settled > 5 && w->aborted > 5 && w->restarts > 0);
	*sum = *sum * 31 + w->sum;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(w->seen); i++)
		seen[i] += w->seen[i];
	stop(w);
}

/* Refusals that a stream must meet, or it proves nothing about them. */
static const int must_see[] = {
	0,           MKT_EDENIED,   MKT_EACCOUNT,  MKT_ESUSPENDED, MKT_EDUPLEG,     MKT_EGATE,
	MKT_ENOTOPEN, MKT_ETICK,    MKT_EPRICE,    MKT_ELOT,       MKT_EFUNDS,      MKT_ETAG,
	MKT_EMEMBER, MKT_EFOK,      MKT_EPOSTONLY, MKT_EBID,       MKT_ETOOLATE,    MKT_EREDUCE,
	MKT_ECONTRACT, MKT_EREPORTED, MKT_EEARLY,  MKT_ELATE,      MKT_ECHARGER,    MKT_EOPENBIDS,
	MKT_ERETIRED, MKT_EUNSETTLED, MKT_EABORTED, MKT_EDELEGATION, MKT_ECLOSING,  MKT_EUNTIL,
	MKT_EAUTHORITY,
};

int main(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : getenv("MKT_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 20190617, sum = 0, seen[128] = {0};
	bool longer = getenv("MKT_LONG") && *getenv("MKT_LONG");
	uint32_t n = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint32_t run = 0; run < (longer ? 5u : 1u); run++) {
		for (size_t i = 0; i < MKT_ARRAY_SIZE(kinds); i++) {
			printf("# %s: MKT_SEED=%" PRIu64 "\n", kinds[i].name, seed + run);
			run_kind(&kinds[i], seed + run, longer ? 2 : 1, &sum, seen);
			printf("ok %u - %s\n", ++n, kinds[i].name);
		}
	}
	for (size_t i = 0; i < MKT_ARRAY_SIZE(must_see); i++) {
		if (seen[must_see[i]])
			continue;
		printf("not ok - outcome '%s' was never met\n", mkt_code_word(must_see[i]));
		return 1;
	}
	printf("1..%u\ndigest ledger_prop %016" PRIx64 "\n", n, sum);
	return 0;
}

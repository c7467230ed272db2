/*
 * Bids: admission (R0), placing, cancelling, reducing.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"
#include "core/units/fmt.h"

/* ---- R0 --------------------------------------------------------------------------------- */

#define FEW_LEGS 8    /* compared one with another */
#define SEEN_SIZE 512 /* twice the legs of a bid: a table that is never full */

struct seen {
	uint16_t v[SEEN_SIZE]; /* number of the leg + 1 */
};

static bool same_book(const struct mkt_bid_leg *a, const struct mkt_bid_leg *b)
{
	return a->window == b->window && a->tags == b->tags;
}

static bool leg_twice(struct seen *seen, const struct mkt_bid_leg *legs, unsigned i, unsigned n)
{
	uint64_t h = (legs[i].tags ^ (uint64_t)legs[i].window << 17) * 0x9e3779b97f4a7c15u;
	uint32_t at = (uint32_t)(h >> 40) % SEEN_SIZE;

	if (n <= FEW_LEGS) {
		for (unsigned k = 0; k < i; k++)
			if (same_book(&legs[k], &legs[i]))
				return true;
		return false;
	}
	for (; seen->v[at]; at = (at + 1) % SEEN_SIZE)
		if (same_book(&legs[seen->v[at] - 1], &legs[i]))
			return true;
	seen->v[at] = (uint16_t)(i + 1);
	return false;
}

static int refuse_window(const struct mkt_state *s, struct answer *r, int code, unsigned i,
			 uint32_t number)
{
	uint64_t start_s = (uint64_t)number * s->g.window_s;
	uint32_t before_s = code == MKT_EGATE ? s->g.gate_s : s->g.opening_s;
	time_t t = (time_t)start_s;
	char what[96] = "", at[32];
	struct tm tm;

	if (r->err && gmtime_r(&t, &tm) && strftime(at, sizeof(at), "%Y-%m-%dT%H:%MZ", &tm))
		snprintf(what, sizeof(what), "%s for window %s",
			 code == MKT_EGATE ? "gate closed" : "the gate is not open yet", at);
	return refuse_leg(r, code, i, start_s > before_s ? start_s - before_s : 0, what);
}

static int check_window(const struct mkt_state *s, const struct act *a, unsigned i, uint32_t number,
			struct answer *r)
{
	if (number > s->window_max)
		return refuse_leg(r, MKT_EWINDOW, i, 0, "the window is after year 9999");
	if (number < a->open_first)
		return refuse_window(s, r, MKT_EGATE, i, number);
	if (number > a->open_last)
		return refuse_window(s, r, MKT_ENOTOPEN, i, number);
	return 0;
}

static int check_price(const struct mkt_state *s, unsigned i, int32_t price_upwh, struct answer *r)
{
	if (price_upwh < s->g.price_min_upwh || price_upwh > s->g.price_max_upwh)
		return refuse_leg(r, MKT_EPRICE, i, 0, NULL);
	if (price_upwh % s->g.tick_upwh) /* the range begins on the tick */
		return refuse_leg(r, MKT_ETICK, i, (uint64_t)s->g.tick_upwh, NULL);
	return 0;
}

/* One leg of a bid of @account: everything but its being unique. */
static int check_leg(const struct mkt_state *s, const struct act *a, unsigned i,
		     const struct mkt_bid_leg *leg, struct answer *r)
{
	const struct mkt_op_bid *bid = &a->op->u.bid;
	uint32_t window;
	int rc;

	if (!mkt_tags_known(&s->tags, leg->tags))
		return refuse_leg(r, MKT_ETAG, i, 0, NULL);
	rc = check_window(s, a, i, leg->window, r);
	if (!rc)
		rc = check_price(s, i, leg->price_upwh, r);
	if (rc < 0)
		return rc;
	if (!mkt_tags_open_to(&s->tags, leg->tags, a->op->account))
		return refuse_leg(r, MKT_EMEMBER, i, 0, NULL);
	a->plan->fee_upwh[i] = 0;
	if (bid->side == MKT_BUY && mkt_tags_fee(&s->tags, leg->tags, &a->plan->fee_upwh[i]) < 0)
		return refuse_leg(r, MKT_EOVERFLOW, i, 0, "the fees are too large");
	window = window_find(s, leg->window);
	a->plan->book[i] = window == NONE ? NONE : window_book(s, window, leg->tags);
	if (a->plan->book[i] != NONE && !(bid->flags & (MKT_BID_IOC | MKT_BID_FOK)) &&
	    own_count(s, a->op->account, a->plan->book[i]) >= MKT_OWN_SKIP_MAX)
		return refuse_leg(r, MKT_EOPENBIDS, i, MKT_OWN_SKIP_MAX,
				  "too many open bids in one book");
	return 0;
}

static int check_legs(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	const struct mkt_op_bid *bid = &a->op->u.bid;
	const struct mkt_bid_leg *legs = &a->tx->legs[bid->first_leg];
	struct seen seen;

	if (bid->nlegs > FEW_LEGS)
		memset(&seen, 0, sizeof(seen));
	a->plan->rate_upwh = 0;
	for (unsigned i = 0; i < bid->nlegs; i++) {
		int rc = check_leg(s, a, i, &legs[i], r);
		int64_t rate;

		if (rc < 0)
			return rc;
		if (leg_twice(&seen, legs, i, bid->nlegs))
			return refuse_leg(r, MKT_EDUPLEG, i, 0, NULL);
		rate = leg_rate(s, bid->side, legs[i].price_upwh, a->plan->fee_upwh[i]);
		if (rate > a->plan->rate_upwh)
			a->plan->rate_upwh = rate;
	}
	return 0;
}

static int check_escrow(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	const struct account *acct = &s->account[a->op->account];
	int64_t amount = a->op->u.bid.amount_wh;

	if (mkt_mul_i64(a->plan->rate_upwh, amount, &a->plan->need_uc))
		return refuse(r, MKT_EOVERFLOW, 0, "%s", mkt_code_text(MKT_EOVERFLOW));
	if (a->plan->need_uc > 0 && acct->available_uc < a->plan->need_uc)
		return refuse(r, MKT_EFUNDS, (uint64_t)a->plan->need_uc,
			      "not enough available: %s needed, %s available",
			      mkt_fmt_money(a->plan->need_uc, s->g.currency).s,
			      mkt_fmt_money(acct->available_uc, s->g.currency).s);
	return 0;
}

int check_bid(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	const struct mkt_op_bid *bid = &a->op->u.bid;
	const struct account *acct = &s->account[a->op->account];
	uint32_t limit = s->limits[acct->cls].open_bids;
	int rc;

	if (!bid->amount_wh || bid->amount_wh % s->g.lot_wh)
		return refuse(r, MKT_ELOT, s->g.lot_wh,
			      "the amount is not a positive multiple of %u Wh", s->g.lot_wh);
	if (bid->until_s && bid->until_s <= a->now_ms / 1000)
		return refuse(r, MKT_EUNTIL, 0, "%s", mkt_code_text(MKT_EUNTIL));
	if (!limit)
		limit = MKT_OPEN_BIDS_ACCOUNT_MAX;
	if (!(bid->flags & (MKT_BID_IOC | MKT_BID_FOK)) && acct->open_bids >= limit)
		return refuse(r, MKT_EOPENBIDS, limit, "account '%s' has %u open bids", acct->name,
			      acct->open_bids);
	rc = check_legs(s, a, r);
	return rc < 0 ? rc : check_escrow(s, a, r);
}

/* ---- placing ---------------------------------------------------------------------------- */

/* The bid being placed and where it stands. */
struct taker {
	const struct act *a;
	const struct mkt_op_bid *bid;
	const struct mkt_bid_leg *legs;
	uint64_t id;
};

/* Find or make the books of all legs; the order of legs of the engine's call. */
static int open_books(struct mkt_state *s, const struct taker *t)
{
	struct plan *plan = t->a->plan;

	for (unsigned i = 0; i < t->bid->nlegs; i++) {
		if (plan->book[i] == NONE)
			plan->book[i] = window_open_book(s, t->legs[i].window, t->legs[i].tags);
		if (plan->book[i] == NONE)
			return -MKT_ENOMEM;
		s->order_legs[i] = (struct mkt_leg){plan->book[i], t->legs[i].price_upwh};
	}
	return 0;
}

static struct mkt_ev_contract contract_of(const struct mkt_state *s, const struct taker *t,
					  const struct mkt_fill *f, const struct bid *maker)
{
	const struct mkt_bid_leg *leg = &t->legs[f->taker_leg];
	bool buys = t->bid->side == MKT_BUY;
	int32_t maker_fee = legs_of(s, maker)[f->maker_leg].fee_upwh;

	return (struct mkt_ev_contract){
		.exec = s->next_exec,
		.buy_bid = buys ? t->id : maker->id,
		.sell_bid = buys ? maker->id : t->id,
		.buy_leg = buys ? f->taker_leg : f->maker_leg,
		.sell_leg = buys ? f->maker_leg : f->taker_leg,
		.taker_side = t->bid->side,
		.buyer = buys ? t->a->op->account : maker->account,
		.seller = buys ? maker->account : t->a->op->account,
		.window = leg->window,
		.tags = leg->tags,
		.wh = f->wh,
		.price_upwh = f->price_upwh,
		.fee_upwh = buys ? t->a->plan->fee_upwh[f->taker_leg] : maker_fee,
		.alt_leg = f->alt_leg,
		.alt_price_upwh = f->alt_leg == MKT_NO_LEG ? 0 : f->alt_price_upwh,
	};
}

static void take(struct mkt_state *s, const struct taker *t, const struct mkt_fill *f)
{
	uint32_t ix = s->by_slot[f->maker_slot];
	struct bid *maker = bid_touch(s, ix);
	struct mkt_contract c = {.what = contract_of(s, t, f, maker),
				 .height = s->height,
				 .status = MKT_CONTRACT_MATCHED};
	struct mkt_event ev = {.kind = MKT_EV_CONTRACT, .u.contract = c.what};

	assert(maker->id == f->maker_id);
	c.locked_uc = contract_lock(s, &c.what, 1);
	c.collateral_uc = contract_lock(s, &c.what, 0);
	s->next_exec++;
	s->totals.contracts++;
	s->totals.contracted_wh += f->wh;
	escrow_free(s, maker->account, maker->rate_upwh * f->wh);
	maker->left_wh = f->maker_left_wh;
	escrow_lock(s, c.what.buyer, c.locked_uc);
	escrow_lock(s, c.what.seller, c.collateral_uc);
	contract_enter(s, &c);
	emit(s, &ev);
	if (!f->maker_left_wh)
		bid_leave(s, ix, MKT_GONE_FILLED);
}

static void rest(struct mkt_state *s, const struct taker *t, uint32_t slot, uint32_t left_wh)
{
	const struct plan *plan = t->a->plan;
	struct leg legs[MKT_LEGS_MAX];
	struct bid b = {
		.id = t->id,
		.until_s = t->bid->until_s,
		.time_ms = s->time_ms,
		.rate_upwh = plan->rate_upwh,
		.account = t->a->op->account,
		.amount_wh = t->bid->amount_wh,
		.left_wh = left_wh,
		.slot = slot,
		.nlegs = t->bid->nlegs,
		.open = t->bid->nlegs,
		.side = t->bid->side,
		.flags = t->bid->flags,
	};

	for (unsigned i = 0; i < b.nlegs; i++)
		legs[i] = (struct leg){t->legs[i].tags, t->legs[i].window, t->legs[i].price_upwh,
				       plan->fee_upwh[i], plan->book[i]};
	bid_enter(s, &b, legs);
	escrow_hold(s, b.account, b.rate_upwh * left_wh);
}

int run_bid(struct mkt_state *s, const struct act *a, struct answer *r)
{
	const struct mkt_op_bid *bid = &a->op->u.bid;
	struct taker t = {a, bid, &a->tx->legs[bid->first_leg], s->next_bid};
	struct mkt_incoming o = {.id = t.id, .owner = a->op->account, .amount_wh = bid->amount_wh,
			      .side = bid->side, .flags = bid->flags, .nlegs = bid->nlegs,
			      .legs = s->order_legs};
	uint32_t slot = MKT_NO_SLOT, left_wh = 0;
	int rc = open_books(s, &t);

	if (!rc)
		rc = mkt_books_place(s->books, &o, &s->fills, &slot, &left_wh);
	if (rc == -MKT_ENOMEM) {
		s->nomem = true;
		return 0;
	}
	if (rc < 0)
		return refuse(r, -rc, 0, "%s", mkt_code_text(-rc));
	s->next_bid++;
	s->totals.bids++;
	for (uint32_t i = 0; i < s->fills.n; i++)
		take(s, &t, &s->fills.v[i]);
	if (slot != MKT_NO_SLOT)
		rest(s, &t, slot, left_wh);
	else
		bid_gone_event(s, t.id, a->op->account, left_wh ? MKT_GONE_IOC : MKT_GONE_FILLED,
			       left_wh, bid->amount_wh);
	r->ref = t.id;
	r->more = left_wh;
	return 0;
}

/* ---- cancelling and reducing ------------------------------------------------------------ */

uint32_t bid_cancel(struct mkt_state *s, uint32_t ix, uint8_t reason)
{
	uint32_t left_wh = s->bid[ix].left_wh;
	int rc = mkt_books_cancel(s->books, s->bid[ix].slot, s->bid[ix].id);

	assert(!rc);
	(void)rc;
	bid_leave(s, ix, reason);
	return left_wh;
}

/* The open bid @id of the acting account. */
static int check_own_bid(const struct mkt_state *s, const struct act *a, uint64_t id,
			 const struct bid **bid, struct answer *r)
{
	*bid = bid_find(s, id);
	if (!*bid && (!id || id >= s->next_bid))
		return refuse(r, MKT_EBID, 0, "no such bid: %llu", (unsigned long long)id);
	if (!*bid)
		return refuse(r, MKT_ETOOLATE, 0, "too late: bid %llu is closed",
			      (unsigned long long)id);
	if ((*bid)->account != a->op->account)
		return refuse(r, MKT_EDENIED, 0, "bid %llu is of another account",
			      (unsigned long long)id);
	return 0;
}

int check_cancel(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	const struct bid *bid;

	if (a->op->u.cancel.what == MKT_CANCEL_ONE)
		return check_own_bid(s, a, a->op->u.cancel.bid, &bid, r);
	if (a->op->u.cancel.what == MKT_CANCEL_WINDOW && a->op->u.cancel.window > s->window_max)
		return refuse(r, MKT_EWINDOW, 0, "%s", mkt_code_text(MKT_EWINDOW));
	return 0;
}

/* How many legs of @account rest in window @number. */
static uint32_t legs_in_window(const struct mkt_state *s, uint32_t account, uint32_t number)
{
	uint32_t w = window_find(s, number), n = 0;

	if (w == NONE)
		return 0;
	for (uint32_t i = 0; i < s->window[w].nbooks; i++)
		n += own_count(s, account, s->window[w].books[i].book);
	return n;
}

static uint32_t bid_legs_in(const struct mkt_state *s, const struct bid *b, uint32_t number)
{
	const struct leg *legs = legs_of(s, b);
	uint32_t n = 0;

	for (unsigned i = 0; i < b->nlegs; i++)
		n += legs[i].window == number && legs[i].book != NONE;
	return n;
}

static void cancel_window(struct mkt_state *s, uint32_t account, uint32_t number, struct answer *r)
{
	uint32_t legs = legs_in_window(s, account, number), next;

	for (uint32_t ix = s->account[account].bids.head; legs; ix = next) {
		uint32_t here = bid_legs_in(s, &s->bid[ix], number);

		next = s->bid[ix].own.next;
		if (!here)
			continue;
		legs -= here;
		r->ref++;
		r->more += bid_cancel(s, ix, MKT_GONE_CANCELLED);
	}
}

int run_cancel(struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t account = a->op->account, ix;

	switch (a->op->u.cancel.what) {
	case MKT_CANCEL_ONE:
		r->ref = a->op->u.cancel.bid;
		if (mkt_map_get(&s->by_bid, r->ref, &ix))
			r->more = bid_cancel(s, ix, MKT_GONE_CANCELLED);
		break;
	case MKT_CANCEL_ALL:
		while (s->account[account].bids.head != NONE) {
			r->ref++;
			r->more += bid_cancel(s, s->account[account].bids.head, MKT_GONE_CANCELLED);
		}
		break;
	default:
		cancel_window(s, account, a->op->u.cancel.window, r);
	}
	return 0;
}

int check_reduce(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t left_wh = a->op->u.reduce.left_wh;
	const struct bid *bid;
	int rc = check_own_bid(s, a, a->op->u.reduce.bid, &bid, r);

	if (rc < 0)
		return rc;
	if (!left_wh || left_wh >= bid->left_wh)
		return refuse(r, MKT_EREDUCE, bid->left_wh,
			      "a reduction must leave less than the %u Wh before", bid->left_wh);
	if (left_wh % s->g.lot_wh)
		return refuse(r, MKT_ELOT, s->g.lot_wh,
			      "the amount is not a positive multiple of %u Wh", s->g.lot_wh);
	return 0;
}

int run_reduce(struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t left_wh = a->op->u.reduce.left_wh, ix;
	struct bid *b;
	int rc;

	r->ref = a->op->u.reduce.bid;
	if (!mkt_map_get(&s->by_bid, r->ref, &ix))
		return 0;
	b = bid_touch(s, ix);
	rc = mkt_books_reduce(s->books, b->slot, b->id, left_wh);
	assert(!rc);
	(void)rc;
	r->more = b->left_wh - left_wh;
	escrow_free(s, b->account, b->rate_upwh * (int64_t)r->more);
	b->left_wh = left_wh;
	return 0;
}

/*
 * The predecessor: markets without tags.  What an agent says in one envelope becomes
 * one for each operation, and a bid becomes one for each window and market, each of
 * the whole amount.  What one of them has contracted is withdrawn from the others when
 * it is heard of; until then they can contract it once more.
 *
 * Agents know none of this: they speak of a bid by a number that is made here.
 */
#include "core/base/compat.h"

#include "cmd/sim_split.h"

#define MARKET_DIM 1

/* One bid on the chain. */
struct piece {
	uint64_t bid; /* 0: refused, withdrawn or filled */
	uint32_t window, left_wh;
};

/* What an agent calls a bid; its number is its place from 1. */
struct whole {
	uint32_t account, amount_wh, contracted_wh;
	uint16_t npieces;
	uint8_t purpose;
	bool touched;          /* contracted since the last withdrawals */
	struct piece *pieces;  /* owned */
};

struct note {
	uint64_t exec;
	uint32_t account, wh;
	uint8_t side;
	bool car; /* is reported by the car itself */
};

struct notes {
	struct note *v; /* owned */
	uint32_t window, n, cap;
};

struct sim_split {
	struct whole *wholes; /* owned, as all below */
	uint32_t n, cap;
	uint32_t *whole_of;   /* of bid i: number of its whole; 0: none */
	uint64_t nbids;
	struct mkt_plan **plans; /* of one operation each, until they are sent */
	uint32_t used, nplans;
	struct notes at[MKT_POSITIONS];
	uint32_t *touched;    /* wholes that have contracted since the last withdrawals */
	uint32_t ntouched, touched_cap;
	uint64_t over_wh;
	bool bad;             /* memory ran out */
};

/* Room for one more of @size; false and bad without. */
static bool grow(struct sim_split *t, void *vp, uint32_t n, uint32_t *cap, size_t size)
{
	void **v = vp, *more;
	uint32_t want = *cap ? *cap * 2 : 64;

	if (n < *cap)
		return true;
	more = reallocarray(*v, want, size);
	if (!more) {
		t->bad = true;
		return false;
	}
	*v = more;
	*cap = want;
	return true;
}

struct sim_split *sim_split_new(void)
{
	return calloc(1, sizeof(struct sim_split));
}

void sim_split_free(struct sim_split *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n; i++)
		free(t->wholes[i].pieces);
	for (uint32_t i = 0; i < t->nplans; i++) {
		mkt_plan_release(t->plans[i]);
		free(t->plans[i]);
	}
	for (int i = 0; i < MKT_POSITIONS; i++)
		free(t->at[i].v);
	free(t->wholes);
	free(t->whole_of);
	free(t->plans);
	free(t->touched);
	free(t);
}

uint64_t sim_split_over_wh(const struct sim_split *t)
{
	return t->over_wh;
}

/* ---- envelopes of one operation --------------------------------------------------------- */

static struct mkt_plan *next_plan(struct sim_split *t)
{
	uint32_t cap = t->nplans;

	if (t->used == t->nplans) {
		struct mkt_plan **more = reallocarray(t->plans, cap + 1, sizeof(struct mkt_plan *));

		if (more)
			t->plans = more;
		if (!more || !(t->plans[cap] = calloc(1, sizeof(**t->plans)))) {
			t->bad = true;
			return NULL;
		}
		t->nplans++;
	}
	mkt_plan_clear(t->plans[t->used]);
	return t->plans[t->used++];
}

static int post_op(struct sim *s, struct sim_party *p, const struct mkt_op *op)
{
	struct mkt_plan *one = next_plan(s->split);

	if (!one)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	mkt_plan_add(one, (enum mkt_op_kind)op->kind, op->account)->op = *op;
	return sim_post_frame(s, p, one);
}

static int post_cancel(struct sim *s, struct sim_party *p, uint64_t bid)
{
	struct mkt_op op = {.kind = MKT_OP_CANCEL, .account = p->account};

	op.u.cancel.what = MKT_CANCEL_ONE;
	op.u.cancel.bid = bid;
	return post_op(s, p, &op);
}

static int post_reduce(struct sim *s, struct sim_party *p, uint64_t bid, uint32_t left_wh)
{
	struct mkt_op op = {.kind = MKT_OP_REDUCE, .account = p->account};

	op.u.reduce.bid = bid;
	op.u.reduce.left_wh = left_wh;
	return post_op(s, p, &op);
}

/* ---- bids ------------------------------------------------------------------------------- */

static bool same_book(const struct mkt_bid_leg *a, const struct mkt_bid_leg *b)
{
	return a->window == b->window &&
	       mkt_tags_value(a->tags, MARKET_DIM) == mkt_tags_value(b->tags, MARKET_DIM);
}

/* One bid with the legs of @legs that are in the market and window of leg @first. */
static int post_piece(struct sim *s, struct sim_party *p, const struct mkt_intent *in,
		      const struct mkt_bid_leg *legs, uint16_t first)
{
	struct sim_split *t = s->split;
	struct whole *w = &t->wholes[t->n - 1];
	struct mkt_plan *one = next_plan(t);
	struct mkt_intent *out;

	if (!one)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	w->pieces[w->npieces] = (struct piece){.window = legs[first].window,
					       .left_wh = in->op.u.bid.amount_wh};
	out = mkt_plan_bid(one, in->op.account, (enum mkt_side)in->op.u.bid.side,
			   in->op.u.bid.amount_wh);
	out->purpose = in->purpose;
	out->car = t->n;
	out->part = (uint8_t)w->npieces++;
	for (uint16_t i = first; i < in->op.u.bid.nlegs; i++)
		if (same_book(&legs[i], &legs[first]))
			mkt_plan_leg(one, legs[i].window, legs[i].tags, legs[i].price_upwh);
	return sim_post_frame(s, p, one);
}

static int split_bid(struct sim *s, struct sim_party *p, const struct mkt_intent *in,
		     const struct mkt_bid_leg *legs)
{
	struct sim_split *t = s->split;
	uint16_t nlegs = in->op.u.bid.nlegs;
	struct whole *w;
	int rc = 0;

	if (!grow(t, &t->wholes, t->n, &t->cap, sizeof(*t->wholes)))
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	w = &t->wholes[t->n++];
	*w = (struct whole){.account = in->op.account,
			    .amount_wh = in->op.u.bid.amount_wh,
			    .purpose = in->purpose,
			    .pieces = calloc(nlegs, sizeof(*w->pieces))};
	if (!w->pieces)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	for (uint16_t i = 0; !rc && i < nlegs; i++) {
		bool seen = false;

		for (uint16_t k = 0; k < i; k++)
			seen |= same_book(&legs[i], &legs[k]);
		if (!seen)
			rc = post_piece(s, p, in, legs, i);
	}
	if (p->agent)
		mkt_agent_placed(p->agent, in, t->n);
	return rc;
}

/* The chain's number of a piece. */
static void piece_placed(void *who, struct sim_party *p, const struct mkt_intent *in, uint64_t bid)
{
	struct sim_split *t = who;
	uint64_t want = bid + 1;

	(void)p;
	if (!bid || in->car > t->n)
		return;
	if (want > t->nbids) {
		uint32_t *more = reallocarray(t->whole_of, want + want / 2, sizeof(*more));

		if (!more) {
			t->bad = true;
			return;
		}
		memset(more + t->nbids, 0, (want + want / 2 - t->nbids) * sizeof(*more));
		t->whole_of = more;
		t->nbids = want + want / 2;
	}
	t->whole_of[bid] = (uint32_t)in->car;
	t->wholes[in->car - 1].pieces[in->part].bid = bid;
}

/* Lower all that stands of @w to @left_wh; what is for windows that are over has left by itself. */
static int lower(struct sim *s, struct sim_party *p, struct whole *w, uint32_t left_wh)
{
	int rc = 0;

	for (uint16_t i = 0; !rc && i < w->npieces; i++) {
		struct piece *at = &w->pieces[i];

		if (!at->bid || at->window < s->look.first || at->left_wh <= left_wh)
			continue;
		rc = left_wh ? post_reduce(s, p, at->bid, left_wh) : post_cancel(s, p, at->bid);
		at->left_wh = left_wh;
		if (!left_wh)
			at->bid = 0;
	}
	return rc;
}

static struct whole *whole_at(struct sim_split *t, uint64_t number)
{
	return number && number <= t->n ? &t->wholes[number - 1] : NULL;
}

static int lower_whole(struct sim *s, struct sim_party *p, uint64_t number, uint32_t left_wh)
{
	struct whole *w = whole_at(s->split, number);

	if (!w)
		return mkt_err_set(&s->app->err, MKT_EINTEGRITY, "there is no bid %llu to lower",
				   (unsigned long long)number);
	w->amount_wh = w->contracted_wh + left_wh;
	return lower(s, p, w, left_wh);
}

/* ---- reports ---------------------------------------------------------------------------- */

/* A meter's figure, contract by contract, in their order. */
static int split_meter(struct sim *s, struct sim_party *p, const struct mkt_op *op)
{
	const struct notes *at = &s->split->at[op->u.meter.window % MKT_POSITIONS];
	uint32_t wh = op->u.meter.wh;
	int rc = 0;

	for (uint32_t i = 0; !rc && at->window == op->u.meter.window && i < at->n; i++) {
		const struct note *c = &at->v[i];
		struct mkt_op one = {.kind = MKT_OP_REPORT, .account = op->account};

		if (c->account != op->account || c->side != op->u.meter.side || c->car)
			continue;
		one.u.report.exec = c->exec;
		one.u.report.side = c->side;
		one.u.report.wh = wh < c->wh ? wh : c->wh;
		wh -= one.u.report.wh;
		rc = post_op(s, p, &one);
	}
	return rc;
}

static int note_contract(struct sim_split *t, const struct mkt_agent_deal *d, uint32_t account,
			 bool car)
{
	struct notes *at = &t->at[d->window % MKT_POSITIONS];

	if (at->window != d->window) {
		at->window = d->window;
		at->n = 0;
	}
	if (!grow(t, &at->v, at->n, &at->cap, sizeof(*at->v)))
		return -MKT_ENOMEM;
	at->v[at->n++] = (struct note){.exec = d->exec,
				       .account = account,
				       .wh = d->wh,
				       .side = d->side == MKT_SELL ? MKT_SUPPLY : MKT_DRAW,
				       .car = car};
	return 0;
}

/* ---- what the days call ----------------------------------------------------------------- */

int sim_split_add(struct sim *s, struct sim_party *p, const struct mkt_plan *plan)
{
	int rc = 0;

	s->placed = piece_placed;
	s->placed_who = s->split;
	for (uint32_t i = 0; !rc && i < plan->n; i++) {
		const struct mkt_intent *in = &plan->v[i];
		const struct mkt_op *op = &in->op;

		if (op->kind == MKT_OP_BID)
			rc = split_bid(s, p, in, &plan->legs[op->u.bid.first_leg]);
		else if (op->kind == MKT_OP_CANCEL)
			rc = lower_whole(s, p, op->u.cancel.bid, 0);
		else if (op->kind == MKT_OP_REDUCE)
			rc = lower_whole(s, p, op->u.reduce.bid, op->u.reduce.left_wh);
		else if (op->kind == MKT_OP_METER)
			rc = split_meter(s, p, op);
		else
			rc = post_op(s, p, op);
	}
	return rc;
}

void sim_split_sent(struct sim_split *t)
{
	t->used = 0;
}

int sim_split_contract(struct sim *s, uint32_t account, struct mkt_agent_deal *d)
{
	struct sim_split *t = s->split;
	uint64_t number = d->bid < t->nbids ? t->whole_of[d->bid] : 0;
	struct whole *w = whole_at(t, number);
	uint32_t left;

	if (!w)
		return mkt_err_set(&s->app->err, MKT_EINTEGRITY, "contract %llu has no bid",
				   (unsigned long long)d->exec);
	if (t->bad || note_contract(t, d, account, w->purpose == MKT_FOR_CAR) < 0)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	for (uint16_t i = 0; i < w->npieces; i++)
		if (w->pieces[i].bid == d->bid) {
			w->pieces[i].left_wh -= d->wh;
			if (!w->pieces[i].left_wh)
				w->pieces[i].bid = 0;
		}
	d->bid = number;
	if (w->purpose == MKT_FOR_RETAIL)
		return 0; /* the grid has as much as is wanted */
	if (!w->touched && !grow(t, &t->touched, t->ntouched, &t->touched_cap, sizeof(*t->touched)))
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	if (!w->touched)
		t->touched[t->ntouched++] = (uint32_t)number;
	w->touched = true;
	left = w->amount_wh > w->contracted_wh ? w->amount_wh - w->contracted_wh : 0;
	d->over_wh = d->wh > left ? d->wh - left : 0;
	d->wh -= d->over_wh;
	w->contracted_wh += d->wh;
	t->over_wh += d->over_wh;
	return 0;
}

int sim_split_withdraw(struct sim *s)
{
	struct sim_split *t = s->split;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < t->ntouched; i++) {
		struct whole *w = &t->wholes[t->touched[i] - 1];
		struct sim_party *p = sim_party(s, w->account);

		w->touched = false;
		if (p)
			rc = lower(s, p, w, w->amount_wh - w->contracted_wh);
	}
	t->ntouched = 0;
	return rc;
}

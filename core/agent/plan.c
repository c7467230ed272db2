#include "core/base/compat.h"

#include "core/agent/plan.h"

#define CAP_FIRST 16

void mkt_plan_release(struct mkt_plan *p)
{
	free(p->v);
	free(p->legs);
	memset(p, 0, sizeof(*p));
}

void mkt_plan_clear(struct mkt_plan *p)
{
	p->n = p->nlegs = 0;
	p->bad = false;
}

/* Room for one more in an array that begins with room for one. */
static bool grow(void **v, uint32_t n, uint32_t *cap, size_t size)
{
	uint32_t want = *cap ? *cap * 2 : CAP_FIRST;
	void *more;

	if (n < *cap)
		return true;
	more = reallocarray(*v, want, size);
	if (!more)
		return false;
	*v = more;
	*cap = want;
	return true;
}

struct mkt_intent *mkt_plan_add(struct mkt_plan *p, enum mkt_op_kind kind, uint32_t account)
{
	void *v = p->v;
	struct mkt_intent *in;

	if (!grow(&v, p->n, &p->cap, sizeof(*p->v)))
		p->bad = true;
	p->v = v;
	in = p->bad ? &p->spare : &p->v[p->n++];
	memset(in, 0, sizeof(*in));
	in->op.kind = (uint8_t)kind;
	in->op.account = account;
	return in;
}

struct mkt_intent *mkt_plan_bid(struct mkt_plan *p, uint32_t account, enum mkt_side side,
				uint32_t amount_wh)
{
	struct mkt_intent *in = mkt_plan_add(p, MKT_OP_BID, account);

	in->op.u.bid.side = (uint8_t)side;
	in->op.u.bid.amount_wh = amount_wh;
	in->op.u.bid.first_leg = p->nlegs;
	return in;
}

void mkt_plan_leg(struct mkt_plan *p, uint32_t window, mkt_tags tags, int32_t price_upwh)
{
	void *legs = p->legs;

	if (p->bad || !grow(&legs, p->nlegs, &p->legs_cap, sizeof(*p->legs))) {
		p->bad = true;
		return;
	}
	p->legs = legs;
	p->legs[p->nlegs++] =
		(struct mkt_bid_leg){.window = window, .price_upwh = price_upwh, .tags = tags};
	p->v[p->n - 1].op.u.bid.nlegs++;
}

void mkt_plan_cancel(struct mkt_plan *p, uint32_t account, uint64_t bid)
{
	struct mkt_intent *in = mkt_plan_add(p, MKT_OP_CANCEL, account);

	in->op.u.cancel.what = MKT_CANCEL_ONE;
	in->op.u.cancel.bid = bid;
}

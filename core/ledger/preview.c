/*
 * Dry run: the checks of mkt_state_apply(), and for a bid the matching on a
 * scratch copy.  Nothing is written to the state, so any number may run at once.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"

void mkt_preview_release(struct mkt_preview *p)
{
	mkt_fills_release(&p->fills);
}

/* Books that do not exist have no bids: such legs stay out of the engine's call. */
static uint16_t known_legs(const struct act *a, struct mkt_leg *legs, uint16_t *from)
{
	const struct mkt_op_bid *bid = &a->op->u.bid;
	uint16_t n = 0;

	for (uint16_t i = 0; i < bid->nlegs; i++) {
		if (a->plan->book[i] == NONE)
			continue;
		legs[n] = (struct mkt_leg){a->plan->book[i],
					   a->tx->legs[bid->first_leg + i].price_upwh};
		from[n++] = i;
	}
	return n;
}

/* What the fills would move and lock for the account that bids. */
static void cost_fills(const struct mkt_state *s, const struct act *a, struct mkt_preview *out,
		       int64_t *locked_uc)
{
	bool buys = a->op->u.bid.side == MKT_BUY;

	for (uint32_t i = 0; i < out->fills.n; i++) {
		const struct mkt_fill *f = &out->fills.v[i];
		struct mkt_ev_contract c = {.wh = f->wh, .price_upwh = f->price_upwh};

		c.fee_upwh = buys ? a->plan->fee_upwh[f->taker_leg] : 0;
		out->cost_uc += mkt_cost_uc(c.price_upwh, c.wh) + mkt_cost_uc(c.fee_upwh, c.wh);
		*locked_uc += contract_lock(s, &c, buys);
	}
}

static int try_bid(const struct mkt_state *s, const struct act *a, struct answer *r,
		   struct mkt_preview *out)
{
	const struct mkt_op_bid *bid = &a->op->u.bid;
	struct mkt_leg legs[MKT_LEGS_MAX];
	uint16_t from[MKT_LEGS_MAX];
	struct mkt_incoming o = {.owner = a->op->account, .amount_wh = bid->amount_wh,
			      .side = bid->side, .flags = bid->flags, .legs = legs};
	int64_t locked_uc = 0;
	int rc = 0;

	out->left_wh = bid->amount_wh;
	o.nlegs = known_legs(a, legs, from);
	if (o.nlegs)
		rc = mkt_books_try(s->books, &o, &out->fills, &out->left_wh);
	else if (bid->flags & MKT_BID_FOK)
		rc = -MKT_EFOK;
	if (rc < 0)
		return rc == -MKT_ENOMEM ? rc : refuse(r, -rc, 0, "%s", mkt_code_text(-rc));
	for (uint32_t i = 0; i < out->fills.n; i++) {
		struct mkt_fill *f = &out->fills.v[i];

		f->taker_leg = from[f->taker_leg];
		if (f->alt_leg != MKT_NO_LEG)
			f->alt_leg = from[f->alt_leg];
	}
	cost_fills(s, a, out, &locked_uc);
	if (!(bid->flags & MKT_BID_IOC))
		out->escrow_uc = a->plan->rate_upwh * out->left_wh;
	out->available_uc -= locked_uc + out->escrow_uc;
	return 0;
}

/* What mkt_state_admit() would say of the signer. */
static int check_signer(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	if (!account_known(s, a->tx->account))
		return refuse(r, MKT_EACCOUNT, 0, "account %u is not enrolled", a->tx->account);
	if (s->account[a->tx->account].suspended)
		return refuse(r, MKT_ESUSPENDED, 0, "account '%s' is suspended",
			      s->account[a->tx->account].name);
	return 0;
}

int mkt_state_preview(const struct mkt_state *s, const struct mkt_tx *tx, uint16_t op,
		      uint64_t now_ms, struct mkt_preview *out)
{
	struct mkt_fills fills = out->fills;
	struct plan plan;
	struct act a = {.tx = tx, .op = &tx->ops[op], .now_ms = now_ms, .plan = &plan};
	struct answer r = {.err = &out->err};
	int rc;

	fills.n = 0;
	*out = (struct mkt_preview){.leg = MKT_NO_LEG, .fills = fills};
	windows_open_at(s, now_ms, &a.open_first, &a.open_last);
	rc = check_signer(s, &a, &r);
	if (!rc)
		rc = check_op(s, &a, &r);
	if (account_known(s, a.op->account))
		out->available_uc = s->account[a.op->account].available_uc;
	if (!rc && a.op->kind == MKT_OP_BID)
		rc = try_bid(s, &a, &r, out);
	if (rc == -MKT_ENOMEM)
		return rc;
	if (!rc && a.op->kind == MKT_OP_TRANSFER)
		out->available_uc -= a.op->u.transfer.money_uc;
	out->ref = r.ref;
	out->more = r.more;
	if (rc < 0 && a.op->kind == MKT_OP_BID && r.ref)
		out->leg = (uint16_t)(r.ref - 1);
	return 0;
}

/*
 * All-or-nothing envelopes: what the operations so far changed is kept as a log
 * of copies, and taken back in reverse order.  Going back step by step means that
 * each step finds lists and pools as they were right after it was done.
 *
 * Counters and events are kept as a whole.  Records that were put on the list of
 * changed ones stay there: a record that is as before changes nothing.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"

struct money_copy {
	int64_t available_uc, held_uc, locked_uc;
};

void undo_begin(struct mkt_state *s)
{
	struct undo *u = &s->undo;

	u->on = true;
	u->seq++;
	u->n = 0;
	mkt_buf_clear(&u->bytes);
	u->totals = s->totals;
	u->next_bid = s->next_bid;
	u->next_exec = s->next_exec;
	u->nevents = s->ev->n;
}

void undo_row(struct mkt_state *s, enum undo_what what, unsigned side, uint32_t ix,
	      const void *copy, size_t n)
{
	struct undo *u = &s->undo;

	if (ROOM(u->v, u->cap, (uint64_t)u->n + 1) < 0) {
		s->nomem = true;
		return;
	}
	u->v[u->n++] = (struct undo_row){(uint8_t)what, (uint8_t)side, ix, (uint32_t)u->bytes.len};
	undo_more(s, copy, n);
}

void undo_more(struct mkt_state *s, const void *copy, size_t n)
{
	mkt_buf_add(&s->undo.bytes, copy, n);
	if (s->undo.bytes.bad || s->undo.bytes.len > UINT32_MAX)
		s->nomem = true;
}

static void undo_money(struct mkt_state *s, uint32_t number, const uint8_t *copy)
{
	struct account *a = &s->account[number];
	struct money_copy m;

	memcpy(&m, copy, sizeof(m));
	a->available_uc = m.available_uc;
	a->held_uc = m.held_uc;
	a->locked_uc = m.locked_uc;
}

static void undo_left(struct mkt_state *s, uint32_t ix, const uint8_t *copy)
{
	uint32_t left_wh;

	memcpy(&left_wh, copy, sizeof(left_wh));
	bid_unwind_left(s, ix, left_wh);
}

static void undo_gone(struct mkt_state *s, const uint8_t *copy)
{
	struct leg legs[MKT_LEGS_MAX];
	struct bid b;

	memcpy(&b, copy, sizeof(b));
	memcpy(legs, copy + sizeof(b), b.nlegs * sizeof(*legs));
	bid_unwind_gone(s, &b, legs);
}

static void undo_contract(struct mkt_state *s, uint32_t ix, const uint8_t *copy)
{
	struct contract *c = &s->contract[ix];
	bool settled = c->c.status >= MKT_CONTRACT_SETTLED;

	memcpy(&c->c, copy, sizeof(c->c));
	if (settled && c->c.status < MKT_CONTRACT_SETTLED)
		s->window[c->window].unsettled++;
}

static void undo_grant(struct mkt_state *s, const uint8_t *copy)
{
	struct mkt_grant g;

	memcpy(&g, copy, sizeof(g));
	grant_put(s, &g);
}

static void undo_one(struct mkt_state *s, const struct undo_row *row)
{
	const uint8_t *copy = s->undo.bytes.data + row->at;

	switch ((enum undo_what)row->what) {
	case U_MONEY:
		undo_money(s, row->ix, copy);
		break;
	case U_BID_LEFT:
		undo_left(s, row->ix, copy);
		break;
	case U_BID_NEW:
		bid_unwind_new(s, row->ix);
		break;
	case U_BID_GONE:
		undo_gone(s, copy);
		break;
	case U_CONTRACT:
		undo_contract(s, row->ix, copy);
		break;
	case U_CONTRACT_NEW:
		contract_drop(s, row->ix);
		break;
	case U_REPORTED:
		contract_open_side(s, row->ix, row->side);
		break;
	case U_GRANT:
		undo_grant(s, copy);
		break;
	}
}

void undo_all(struct mkt_state *s)
{
	struct undo *u = &s->undo;

	u->on = false; /* what follows is not kept */
	if (s->nomem)
		return; /* the state is lost anyway, and the log may have holes */
	while (u->n)
		undo_one(s, &u->v[--u->n]);
	s->totals = u->totals;
	s->next_bid = u->next_bid;
	s->next_exec = u->next_exec;
	mkt_events_cut(s->ev, u->nevents);
}

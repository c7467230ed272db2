/*
 * Contracts: the pool, and the lists that find them by time, window, account,
 * and by what is still to be reported.
 */
#include "core/base/compat.h"

#include "core/ledger/put.h"
#include "core/ledger/state_impl.h"

#define CONTRACT_BYTES 105

struct contract *contract_touch(struct mkt_state *s, uint32_t ix)
{
	struct contract *c = &s->contract[ix];

	note(s, MKT_REC_CONTRACT, c->c.what.exec, &c->mark);
	if (undo_wants(s, &c->saved))
		undo_row(s, U_CONTRACT, 0, ix, &c->c, sizeof(c->c));
	return c;
}

bool contract_find(const struct mkt_state *s, uint64_t exec, uint32_t *ix)
{
	return mkt_map_get(&s->by_exec, exec, ix);
}

struct links contract_links(const struct mkt_state *s, unsigned list)
{
	return (struct links){&s->contract->link[list], sizeof(struct contract)};
}

/* ---- open contracts of a side ----------------------------------------------------------- */

static uint64_t party_key(uint32_t window, uint32_t account, unsigned side)
{
	return (uint64_t)window << 33 | (uint64_t)account << 1 | side;
}

struct list party_open(const struct mkt_state *s, uint32_t window, uint32_t account, unsigned side)
{
	uint32_t at;

	return mkt_map_get(&s->parties, party_key(window, account, side), &at) ? s->party[at]
									       : LIST_EMPTY;
}

static uint32_t party_get(struct mkt_state *s, uint64_t key)
{
	uint32_t at = s->parties_free;

	if (mkt_map_get(&s->parties, key, &at))
		return at;
	if (at != NONE) {
		s->parties_free = s->party[at].tail;
	} else {
		if (ROOM(s->party, s->parties_cap, (uint64_t)s->nparties + 1) < 0)
			return NONE;
		at = s->nparties++;
	}
	s->party[at] = LIST_EMPTY;
	return mkt_map_put(&s->parties, key, at) < 0 ? NONE : at;
}

static uint32_t party_of(struct mkt_state *s, uint32_t ix, unsigned side)
{
	const struct contract *c = &s->contract[ix];

	return party_get(s, party_key(c->window, contract_account(c, side), side));
}

void contract_close_side(struct mkt_state *s, uint32_t ix, unsigned side)
{
	const struct contract *c = &s->contract[ix];
	uint32_t at = party_of(s, ix, side); /* stands: the contract is in it */

	list_unlink(&s->party[at], contract_links(s, C_OPEN + side), ix);
	if (s->party[at].head == NONE) {
		mkt_map_del(&s->parties, party_key(c->window, contract_account(c, side), side),
			    NULL);
		s->party[at].tail = s->parties_free;
		s->parties_free = at;
	}
	if (s->undo.on)
		undo_row(s, U_REPORTED, side, ix, NULL, 0);
}

void contract_open_side(struct mkt_state *s, uint32_t ix, unsigned side)
{
	uint32_t at = party_of(s, ix, side);

	if (at == NONE)
		s->nomem = true;
	else
		list_relink(&s->party[at], contract_links(s, C_OPEN + side), ix);
}

/* ---- coming and going ------------------------------------------------------------------- */

static uint32_t contract_alloc(struct mkt_state *s)
{
	uint32_t ix = s->contracts_free;

	if (ix != NONE) {
		s->contracts_free = (uint32_t)s->contract[ix].c.what.buy_bid;
		return ix;
	}
	if (ROOM(s->contract, s->contracts_cap, (uint64_t)s->ncontracts + 1) < 0)
		return NONE;
	return s->ncontracts++;
}

static bool is_settled(const struct mkt_contract *c)
{
	return c->status >= MKT_CONTRACT_SETTLED;
}

static void lists_join(struct mkt_state *s, uint32_t ix)
{
	struct contract *c = &s->contract[ix];
	struct window *w = &s->window[c->window];

	list_append(&s->contracts, contract_links(s, C_ALL), ix);
	list_append(&w->contracts, contract_links(s, C_WINDOW), ix);
	w->unsettled += !is_settled(&c->c);
	for (unsigned side = 0; side < 2; side++) {
		uint32_t at;

		list_append(&s->account[contract_account(c, side)].contracts[side],
			    contract_links(s, C_ACCOUNT + side), ix);
		if (is_settled(&c->c) || c->c.reported & 1u << side)
			continue;
		at = party_of(s, ix, side);
		if (at == NONE)
			s->nomem = true;
		else
			list_append(&s->party[at], contract_links(s, C_OPEN + side), ix);
	}
}

uint32_t contract_enter(struct mkt_state *s, const struct mkt_contract *c)
{
	uint32_t window = window_get(s, c->what.window);
	uint32_t ix = window == NONE ? NONE : contract_alloc(s);
	uint64_t deadline_ms = window_deadline_s(s, c->what.window) * 1000;

	if (ix == NONE || mkt_map_put(&s->by_exec, c->what.exec, ix) < 0) {
		s->nomem = true;
		return NONE;
	}
	s->contract[ix] = (struct contract){.c = *c, .window = window};
	s->contract[ix].saved = s->undo.on ? s->undo.seq : 0; /* undone as a whole */
	lists_join(s, ix);
	note(s, MKT_REC_CONTRACT, c->what.exec, &s->contract[ix].mark);
	if (deadline_ms < s->deadline_ms)
		s->deadline_ms = deadline_ms;
	if (deadline_ms + s->g.retention_s * 1000ull < s->retire_ms)
		s->retire_ms = deadline_ms + s->g.retention_s * 1000ull;
	if (s->undo.on)
		undo_row(s, U_CONTRACT_NEW, 0, ix, NULL, 0);
	return ix;
}

/* Sides still open leave first. */
void contract_drop(struct mkt_state *s, uint32_t ix)
{
	struct contract *c = &s->contract[ix];
	struct window *w = &s->window[c->window];

	note(s, MKT_REC_CONTRACT, c->c.what.exec, &c->mark);
	for (unsigned side = 0; side < 2; side++) {
		if (!is_settled(&c->c) && !(c->c.reported & 1u << side))
			contract_close_side(s, ix, side);
		list_unlink(&s->account[contract_account(c, side)].contracts[side],
			    contract_links(s, C_ACCOUNT + side), ix);
	}
	w->unsettled -= !is_settled(&c->c);
	list_unlink(&w->contracts, contract_links(s, C_WINDOW), ix);
	list_unlink(&s->contracts, contract_links(s, C_ALL), ix);
	mkt_map_del(&s->by_exec, c->c.what.exec, NULL);
	c->c.what.buy_bid = s->contracts_free;
	c->c.what.exec = 0;
	s->contracts_free = ix;
}

/* ---- bytes ------------------------------------------------------------------------------ */

/*
 * u64 exec, u64 height, u64 buy bid, u16 buy leg, u64 sell bid, u16 sell leg, u8 taker
 * side, u32 buyer, u32 seller, u32 window, u64 tags, u32 wh, i32 price, i32 fee, u16 alt leg,
 * i32 alt price, u8 status, u8 reported, u32 supply, u32 draw, u32 delivered, i64 locked,
 * i64 collateral
 */
void mkt_contract_enc(const struct mkt_contract *c, struct mkt_buf *out)
{
	const struct mkt_ev_contract *w = &c->what;
	uint8_t bytes[CONTRACT_BYTES], *p = bytes;

	p = put_u64(p, w->exec);
	p = put_u64(p, c->height);
	p = put_u64(p, w->buy_bid);
	p = put_u16(p, w->buy_leg);
	p = put_u64(p, w->sell_bid);
	p = put_u16(p, w->sell_leg);
	p = put_u8(p, w->taker_side);
	p = put_u32(p, w->buyer);
	p = put_u32(p, w->seller);
	p = put_u32(p, w->window);
	p = put_u64(p, w->tags);
	p = put_u32(p, w->wh);
	p = put_i32(p, w->price_upwh);
	p = put_i32(p, w->fee_upwh);
	p = put_u16(p, w->alt_leg);
	p = put_i32(p, w->alt_price_upwh);
	p = put_u8(p, c->status);
	p = put_u8(p, c->reported);
	p = put_u32(p, c->supply_wh);
	p = put_u32(p, c->draw_wh);
	p = put_u32(p, c->delivered_wh);
	p = put_i64(p, c->locked_uc);
	p = put_i64(p, c->collateral_uc);
	mkt_buf_add(out, bytes, (size_t)(p - bytes));
}

static bool contract_sane(const struct mkt_contract *c)
{
	const struct mkt_ev_contract *w = &c->what;

	return w->exec && w->wh && (w->taker_side == MKT_SELL || w->taker_side == MKT_BUY) &&
	       (w->alt_leg != MKT_NO_LEG || !w->alt_price_upwh) &&
	       c->status >= MKT_CONTRACT_MATCHED && c->status <= MKT_CONTRACT_RETIRED &&
	       c->reported <= 3 && c->supply_wh <= w->wh && c->draw_wh <= w->wh &&
	       c->delivered_wh <= w->wh && c->locked_uc >= 0 && c->collateral_uc >= 0 &&
	       w->fee_upwh >= 0 && w->buyer != w->seller;
}

int mkt_contract_dec(const void *p, size_t n, struct mkt_contract *c)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	struct mkt_contract got = {0};
	struct mkt_ev_contract *w = &got.what;
	int rc;

	w->exec = mkt_dec_u64(&in);
	got.height = mkt_dec_u64(&in);
	w->buy_bid = mkt_dec_u64(&in);
	w->buy_leg = mkt_dec_u16(&in);
	w->sell_bid = mkt_dec_u64(&in);
	w->sell_leg = mkt_dec_u16(&in);
	w->taker_side = mkt_dec_u8(&in);
	w->buyer = mkt_dec_u32(&in);
	w->seller = mkt_dec_u32(&in);
	w->window = mkt_dec_u32(&in);
	w->tags = mkt_dec_u64(&in);
	w->wh = mkt_dec_u32(&in);
	w->price_upwh = mkt_dec_i32(&in);
	w->fee_upwh = mkt_dec_i32(&in);
	w->alt_leg = mkt_dec_u16(&in);
	w->alt_price_upwh = mkt_dec_i32(&in);
	got.status = mkt_dec_u8(&in);
	got.reported = mkt_dec_u8(&in);
	got.supply_wh = mkt_dec_u32(&in);
	got.draw_wh = mkt_dec_u32(&in);
	got.delivered_wh = mkt_dec_u32(&in);
	got.locked_uc = mkt_dec_i64(&in);
	got.collateral_uc = mkt_dec_i64(&in);
	rc = mkt_dec_end(&in);
	if (rc < 0)
		return rc;
	if (!contract_sane(&got))
		return -MKT_ENONCANONICAL;
	*c = got;
	return 0;
}

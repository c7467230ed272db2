/*
 * Escrow and money.  Every change of a balance is here, so that a reader can
 * see that money only moves between the three parts of an account and between
 * accounts.
 *
 * Why nothing overflows: deposits less withdrawals and the sum of all charges are
 * each at most MKT_MONEY_MAX = 2^61.  Balances below zero come from charges alone,
 * so all positive balances together are at most 2^62.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"

static int64_t above_zero(int64_t v)
{
	return v > 0 ? v : 0;
}

int64_t leg_rate(const struct mkt_state *s, uint8_t side, int32_t price_upwh, int32_t fee_upwh)
{
	if (side == MKT_BUY)
		return above_zero((int64_t)price_upwh + fee_upwh);
	return above_zero(-(int64_t)price_upwh) + s->collateral_upwh;
}

int64_t escrow_rate(const struct mkt_state *s, uint8_t side, const struct leg *legs, unsigned n)
{
	int64_t rate = 0;

	for (unsigned i = 0; i < n; i++) {
		int64_t one;

		if (legs[i].book == NONE)
			continue;
		one = leg_rate(s, side, legs[i].price_upwh, legs[i].fee_upwh);
		if (one > rate)
			rate = one;
	}
	return rate;
}

int64_t contract_lock(const struct mkt_state *s, const struct mkt_ev_contract *c, unsigned side)
{
	/* No overflow: this much was held for these Wh, at a rate that is not smaller. */
	return leg_rate(s, side ? MKT_BUY : MKT_SELL, c->price_upwh, c->fee_upwh) * c->wh;
}

static void add(int64_t *part, int64_t money_uc)
{
	bool over = mkt_add_i64(*part, money_uc, part);

	assert(!over); /* see above */
	(void)over;
}

static void shift(int64_t *from, int64_t *to, int64_t money_uc)
{
	add(from, -money_uc);
	add(to, money_uc);
}

void escrow_hold(struct mkt_state *s, uint32_t account, int64_t money_uc)
{
	struct account *a;

	if (!money_uc)
		return;
	a = account_touch(s, account);
	shift(&a->available_uc, &a->held_uc, money_uc);
}

void escrow_free(struct mkt_state *s, uint32_t account, int64_t money_uc)
{
	escrow_hold(s, account, -money_uc);
}

void escrow_lock(struct mkt_state *s, uint32_t account, int64_t money_uc)
{
	struct account *a;

	if (!money_uc)
		return;
	a = account_touch(s, account);
	shift(&a->available_uc, &a->locked_uc, money_uc);
}

void escrow_unlock(struct mkt_state *s, uint32_t account, int64_t money_uc)
{
	escrow_lock(s, account, -money_uc);
}

void money_add(struct mkt_state *s, uint32_t account, int64_t money_uc)
{
	if (money_uc)
		add(&account_touch(s, account)->available_uc, money_uc);
}

void money_event(struct mkt_state *s, uint8_t why, uint32_t from, uint32_t to, int64_t money_uc,
		 uint64_t ref)
{
	struct mkt_event ev = {.kind = MKT_EV_MONEY};

	ev.u.money.why = why;
	ev.u.money.from = from;
	ev.u.money.to = to;
	ev.u.money.money_uc = money_uc;
	ev.u.money.ref = ref;
	emit(s, &ev);
}

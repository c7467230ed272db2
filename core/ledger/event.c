#include "core/base/compat.h"

#include "core/base/err.h"
#include "core/ledger/event.h"
#include "core/ledger/put.h"
#include "core/market/book.h"

#define EVENT_BYTES_MAX 128 /* the longest kind and some */

static const char *const kind_names[] = {
	[MKT_EV_RESULT] = "result", [MKT_EV_CONTRACT] = "contract", [MKT_EV_GONE] = "gone",
	[MKT_EV_GATE] = "gate",     [MKT_EV_REPORT] = "report",     [MKT_EV_SETTLED] = "settled",
	[MKT_EV_MONEY] = "money",
};

static const char *const gone_names[] = {
	[MKT_GONE_FILLED] = "filled",   [MKT_GONE_CANCELLED] = "cancelled",
	[MKT_GONE_EXPIRED] = "expired", [MKT_GONE_UNTIL] = "until",
	[MKT_GONE_IOC] = "ioc",         [MKT_GONE_SUSPENDED] = "suspended",
};

static const char *const money_names[] = {
	[MKT_MONEY_TRANSFER] = "transfer", [MKT_MONEY_DEPOSIT] = "deposit",
	[MKT_MONEY_WITHDRAW] = "withdraw", [MKT_MONEY_FEE] = "fee",
	[MKT_MONEY_CHARGE] = "charge",
};

const char *mkt_event_name(unsigned kind)
{
	return kind < MKT_ARRAY_SIZE(kind_names) ? kind_names[kind] : NULL;
}

const char *mkt_gone_name(unsigned reason)
{
	return reason < MKT_ARRAY_SIZE(gone_names) ? gone_names[reason] : NULL;
}

const char *mkt_money_name(unsigned why)
{
	return why < MKT_ARRAY_SIZE(money_names) ? money_names[why] : NULL;
}

void mkt_events_release(struct mkt_events *e)
{
	mkt_buf_release(&e->bytes);
	free(e->at);
	*e = (struct mkt_events)MKT_EVENTS_INIT;
}

void mkt_events_clear(struct mkt_events *e)
{
	mkt_buf_clear(&e->bytes);
	e->n = 0;
	if (e->at)
		e->at[0] = 0;
}

void mkt_events_cut(struct mkt_events *e, uint32_t n)
{
	if (n >= e->n)
		return;
	e->n = n;
	e->bytes.len = e->at[n];
	e->bytes.data[e->bytes.len] = 0;
}

struct mkt_bytes_ref mkt_events_at(const struct mkt_events *e, uint32_t i)
{
	return (struct mkt_bytes_ref){e->bytes.data + e->at[i], e->at[i + 1] - e->at[i]};
}

/* ---- writing ---------------------------------------------------------------------------- */

static uint8_t *contract_put(uint8_t *p, const struct mkt_ev_contract *c)
{
	p = put_u64(p, c->exec);
	p = put_u64(p, c->buy_bid);
	p = put_u16(p, c->buy_leg);
	p = put_u64(p, c->sell_bid);
	p = put_u16(p, c->sell_leg);
	p = put_u8(p, c->taker_side);
	p = put_u32(p, c->buyer);
	p = put_u32(p, c->seller);
	p = put_u32(p, c->window);
	p = put_u64(p, c->tags);
	p = put_u32(p, c->wh);
	p = put_i32(p, c->price_upwh);
	p = put_i32(p, c->fee_upwh);
	p = put_u16(p, c->alt_leg);
	return put_i32(p, c->alt_price_upwh);
}

static uint8_t *settled_put(uint8_t *p, const struct mkt_ev_settled *t)
{
	p = put_u64(p, t->exec);
	p = put_u32(p, t->buyer);
	p = put_u32(p, t->seller);
	p = put_u32(p, t->window);
	p = put_u32(p, t->contracted_wh);
	p = put_u32(p, t->supply_wh);
	p = put_u32(p, t->draw_wh);
	p = put_u32(p, t->delivered_wh);
	p = put_i64(p, t->paid_uc);
	p = put_i64(p, t->fee_uc);
	p = put_i64(p, t->buyer_charge_uc);
	p = put_i64(p, t->seller_charge_uc);
	return put_u8(p, t->how);
}

static uint8_t *body_put(uint8_t *p, const struct mkt_event *ev)
{
	switch (ev->kind) {
	case MKT_EV_RESULT:
		p = put_u32(p, ev->u.result.account);
		p = put_u16(p, ev->u.result.code);
		p = put_u64(p, ev->u.result.ref);
		return put_u64(p, ev->u.result.more);
	case MKT_EV_CONTRACT:
		return contract_put(p, &ev->u.contract);
	case MKT_EV_GONE:
		p = put_u64(p, ev->u.gone.bid);
		p = put_u32(p, ev->u.gone.account);
		p = put_u8(p, ev->u.gone.reason);
		p = put_u32(p, ev->u.gone.left_wh);
		return put_u32(p, ev->u.gone.amount_wh);
	case MKT_EV_GATE:
		p = put_u32(p, ev->u.gate.window);
		p = put_u32(p, ev->u.gate.legs);
		return put_u32(p, ev->u.gate.expired);
	case MKT_EV_REPORT:
		p = put_u64(p, ev->u.report.exec);
		p = put_u8(p, ev->u.report.side);
		p = put_u32(p, ev->u.report.account);
		p = put_u32(p, ev->u.report.wh);
		p = put_u32(p, ev->u.report.reported_wh);
		return put_text(p, ev->u.report.charger, strlen(ev->u.report.charger));
	case MKT_EV_SETTLED:
		return settled_put(p, &ev->u.settled);
	case MKT_EV_MONEY:
		p = put_u8(p, ev->u.money.why);
		p = put_u32(p, ev->u.money.from);
		p = put_u32(p, ev->u.money.to);
		p = put_i64(p, ev->u.money.money_uc);
		return put_u64(p, ev->u.money.ref);
	default:
		return NULL;
	}
}

/* Room for the offsets of event number e->n: its own and its end. */
static int offsets_room(struct mkt_events *e)
{
	uint32_t cap = e->cap ? e->cap * 2 : 64;
	uint32_t *at;

	if (e->n + 1 < e->cap)
		return 0;
	at = realloc(e->at, cap * sizeof(*at));
	if (!at)
		return -MKT_ENOMEM;
	if (!e->cap)
		at[0] = 0;
	e->at = at;
	e->cap = cap;
	return 0;
}

int mkt_event_add(struct mkt_events *e, const struct mkt_event *ev)
{
	uint8_t buf[EVENT_BYTES_MAX], *p = buf;

	if (offsets_room(e) < 0)
		return -MKT_ENOMEM;
	p = put_u8(p, ev->kind);
	p = put_u32(p, ev->tx);
	p = put_u16(p, ev->op);
	p = body_put(p, ev);
	if (!p)
		return -MKT_EINTERNAL;
	mkt_buf_add(&e->bytes, buf, (size_t)(p - buf));
	if (e->bytes.bad || e->bytes.len > UINT32_MAX)
		return -MKT_ENOMEM;
	e->at[++e->n] = (uint32_t)e->bytes.len;
	return 0;
}

/* ---- reading ---------------------------------------------------------------------------- */

static bool side_known(uint8_t side)
{
	return side == 1 || side == 2;
}

static bool contract_dec(struct mkt_dec *in, struct mkt_ev_contract *c)
{
	c->exec = mkt_dec_u64(in);
	c->buy_bid = mkt_dec_u64(in);
	c->buy_leg = mkt_dec_u16(in);
	c->sell_bid = mkt_dec_u64(in);
	c->sell_leg = mkt_dec_u16(in);
	c->taker_side = mkt_dec_u8(in);
	c->buyer = mkt_dec_u32(in);
	c->seller = mkt_dec_u32(in);
	c->window = mkt_dec_u32(in);
	c->tags = mkt_dec_u64(in);
	c->wh = mkt_dec_u32(in);
	c->price_upwh = mkt_dec_i32(in);
	c->fee_upwh = mkt_dec_i32(in);
	c->alt_leg = mkt_dec_u16(in);
	c->alt_price_upwh = mkt_dec_i32(in);
	return side_known(c->taker_side) && (c->alt_leg != MKT_NO_LEG || !c->alt_price_upwh);
}

static bool settled_dec(struct mkt_dec *in, struct mkt_ev_settled *t)
{
	t->exec = mkt_dec_u64(in);
	t->buyer = mkt_dec_u32(in);
	t->seller = mkt_dec_u32(in);
	t->window = mkt_dec_u32(in);
	t->contracted_wh = mkt_dec_u32(in);
	t->supply_wh = mkt_dec_u32(in);
	t->draw_wh = mkt_dec_u32(in);
	t->delivered_wh = mkt_dec_u32(in);
	t->paid_uc = mkt_dec_i64(in);
	t->fee_uc = mkt_dec_i64(in);
	t->buyer_charge_uc = mkt_dec_i64(in);
	t->seller_charge_uc = mkt_dec_i64(in);
	t->how = mkt_dec_u8(in);
	return t->how <= 3;
}

static bool report_dec(struct mkt_dec *in, struct mkt_event *ev)
{
	uint8_t n;
	const uint8_t *p;

	ev->u.report.exec = mkt_dec_u64(in);
	ev->u.report.side = mkt_dec_u8(in);
	ev->u.report.account = mkt_dec_u32(in);
	ev->u.report.wh = mkt_dec_u32(in);
	ev->u.report.reported_wh = mkt_dec_u32(in);
	n = mkt_dec_u8(in);
	p = mkt_dec_bytes(in, n);
	if (!p)
		return true; /* in->bad tells */
	if (n > MKT_CHARGER_MAX || !mkt_text_ok((const char *)p, n))
		return false;
	memcpy(ev->u.report.charger, p, n);
	return side_known(ev->u.report.side);
}

/* False: a value that no event has. */
static bool body_dec(struct mkt_dec *in, struct mkt_event *ev)
{
	switch (ev->kind) {
	case MKT_EV_RESULT:
		ev->u.result.account = mkt_dec_u32(in);
		ev->u.result.code = mkt_dec_u16(in);
		ev->u.result.ref = mkt_dec_u64(in);
		ev->u.result.more = mkt_dec_u64(in);
		return true;
	case MKT_EV_CONTRACT:
		return contract_dec(in, &ev->u.contract);
	case MKT_EV_GONE:
		ev->u.gone.bid = mkt_dec_u64(in);
		ev->u.gone.account = mkt_dec_u32(in);
		ev->u.gone.reason = mkt_dec_u8(in);
		ev->u.gone.left_wh = mkt_dec_u32(in);
		ev->u.gone.amount_wh = mkt_dec_u32(in);
		return mkt_gone_name(ev->u.gone.reason);
	case MKT_EV_GATE:
		ev->u.gate.window = mkt_dec_u32(in);
		ev->u.gate.legs = mkt_dec_u32(in);
		ev->u.gate.expired = mkt_dec_u32(in);
		return true;
	case MKT_EV_REPORT:
		return report_dec(in, ev);
	case MKT_EV_SETTLED:
		return settled_dec(in, &ev->u.settled);
	case MKT_EV_MONEY:
		ev->u.money.why = mkt_dec_u8(in);
		ev->u.money.from = mkt_dec_u32(in);
		ev->u.money.to = mkt_dec_u32(in);
		ev->u.money.money_uc = mkt_dec_i64(in);
		ev->u.money.ref = mkt_dec_u64(in);
		return mkt_money_name(ev->u.money.why);
	default:
		return false;
	}
}

int mkt_event_dec(struct mkt_dec *in, struct mkt_event *ev)
{
	struct mkt_event got = {.kind = mkt_dec_u8(in)};
	bool known;

	got.tx = mkt_dec_u32(in);
	got.op = mkt_dec_u16(in);
	if (in->bad)
		return -MKT_ETRUNCATED;
	known = body_dec(in, &got);
	if (in->bad)
		return -MKT_ETRUNCATED;
	if (!known)
		return -MKT_ENONCANONICAL;
	*ev = got;
	return 0;
}

static unsigned both(uint32_t accounts[2], uint32_t a, uint32_t b)
{
	accounts[0] = a;
	accounts[1] = b;
	return a == b ? 1 : 2;
}

static unsigned one(uint32_t accounts[2], uint32_t a)
{
	accounts[0] = a;
	return 1;
}

unsigned mkt_event_accounts(const struct mkt_event *ev, uint32_t accounts[2])
{
	switch (ev->kind) {
	case MKT_EV_RESULT:
		return one(accounts, ev->u.result.account);
	case MKT_EV_CONTRACT:
		return both(accounts, ev->u.contract.buyer, ev->u.contract.seller);
	case MKT_EV_GONE:
		return one(accounts, ev->u.gone.account);
	case MKT_EV_REPORT:
		return one(accounts, ev->u.report.account);
	case MKT_EV_SETTLED:
		return both(accounts, ev->u.settled.buyer, ev->u.settled.seller);
	case MKT_EV_MONEY:
		if (ev->u.money.why == MKT_MONEY_TRANSFER)
			return both(accounts, ev->u.money.from, ev->u.money.to);
		return one(accounts, ev->u.money.to == MKT_NO_ACCOUNT ? ev->u.money.from
								      : ev->u.money.to);
	default:
		return 0;
	}
}

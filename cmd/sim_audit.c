/*
 * A second set of accounts.  It knows only what was bid and what the API says
 * was contracted, and keeps a sum for each bid; nothing is taken over from the
 * ledger's own counters.
 */
#include "core/base/compat.h"

#include "cmd/sim.h"

/* A bid; its number is its place. */
struct noted {
	uint64_t contracted_wh;
	uint32_t account, amount_wh, last_window;
	uint16_t nlegs; /* 0: there is no such bid, or it is forgotten */
	uint8_t side;
	struct mkt_bid_leg *legs; /* owned */
};

struct sim_audit {
	struct noted *bids; /* bid first + i at i */
	uint64_t first;
	uint32_t n, cap;
	struct sim_findings found;
};

struct sim_audit *sim_audit_new(void)
{
	struct sim_audit *a = calloc(1, sizeof(*a));

	if (a)
		a->first = 1;
	return a;
}

void sim_audit_free(struct sim_audit *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->n; i++)
		free(a->bids[i].legs);
	free(a->bids);
	free(a);
}

/* Room up to bid @id, in steps of a half. */
static int make_room(struct sim_audit *a, uint64_t id)
{
	uint64_t want = id - a->first + 1;
	struct noted *more;

	if (want > a->cap) {
		if (want > UINT32_MAX / 2)
			return -MKT_ENOMEM;
		want += want / 2 + 1024;
		more = reallocarray(a->bids, want, sizeof(*more));
		if (!more)
			return -MKT_ENOMEM;
		a->bids = more;
		a->cap = (uint32_t)want;
	}
	while (a->first + a->n <= id)
		a->bids[a->n++] = (struct noted){.nlegs = 0};
	return 0;
}

int sim_audit_bid(struct sim_audit *a, uint64_t id, const struct mkt_op *op,
		  const struct mkt_bid_leg *legs)
{
	const struct mkt_op_bid *bid = &op->u.bid;
	size_t bytes = bid->nlegs * sizeof(*legs);
	struct noted *b;

	if (id < a->first || make_room(a, id) < 0)
		return -MKT_ENOMEM;
	b = &a->bids[id - a->first];
	*b = (struct noted){.account = op->account,
			    .amount_wh = bid->amount_wh,
			    .nlegs = bid->nlegs,
			    .side = bid->side,
			    .legs = malloc(bytes)};
	if (!b->legs)
		return -MKT_ENOMEM;
	memcpy(b->legs, &legs[bid->first_leg], bytes);
	for (uint16_t i = 0; i < b->nlegs; i++)
		if (b->legs[i].window > b->last_window)
			b->last_window = b->legs[i].window;
	a->found.bids++;
	return 0;
}

static struct noted *find(struct sim_audit *a, uint64_t id)
{
	if (id < a->first || id >= a->first + a->n || !a->bids[id - a->first].nlegs)
		return NULL;
	return &a->bids[id - a->first];
}

/* One side of a contract against its bid: does the bid allow it? */
static bool allowed(const struct noted *b, uint32_t account, uint16_t leg,
		    const struct sim_contract *c)
{
	if (!b || b->account != account || leg >= b->nlegs || b->legs[leg].window != c->window ||
	    b->legs[leg].tags != c->tags)
		return false;
	return b->side == MKT_BUY ? c->price_upwh <= b->legs[leg].price_upwh
				  : c->price_upwh >= b->legs[leg].price_upwh;
}

static void charge(struct sim_audit *a, struct noted *b, uint32_t wh)
{
	uint64_t before = b->contracted_wh > b->amount_wh ? b->contracted_wh : b->amount_wh;

	b->contracted_wh += wh;
	if (b->contracted_wh > before)
		a->found.over_wh += b->contracted_wh - before;
}

void sim_audit_contract(struct sim_audit *a, const struct sim_contract *c,
			const struct sim_spread *s)
{
	struct noted *buy = find(a, c->buy_bid), *sell = find(a, c->sell_bid);

	a->found.contracts++;
	a->found.contracted_wh += c->wh;
	if (!allowed(buy, c->buyer, c->buy_leg, c) || !allowed(sell, c->seller, c->sell_leg, c) ||
	    buy->side != MKT_BUY || sell->side != MKT_SELL || c->buyer == c->seller || !c->wh) {
		a->found.strays++;
		return;
	}
	charge(a, buy, c->wh);
	charge(a, sell, c->wh);
	if (c->buyer == s->retailer || c->seller == s->retailer)
		return;
	a->found.neighbours++;
	a->found.neighbours_wh += c->wh;
	a->found.neighbours_uc += (int64_t)c->price_upwh * c->wh;
	if (c->price_upwh < s->feed_in_upwh || c->price_upwh > s->retail_upwh)
		a->found.outside++;
}

void sim_audit_settled(struct sim_audit *a, const struct sim_contract *c)
{
	uint32_t most = c->wh;

	if (!c->settled)
		return;
	if (c->supply_wh < most)
		most = c->supply_wh;
	if (c->draw_wh < most)
		most = c->draw_wh;
	a->found.settled++;
	a->found.delivered_wh += c->delivered_wh;
	if (c->delivered_wh > most)
		a->found.excess_wh += c->delivered_wh - most;
}

void sim_audit_forget(struct sim_audit *a, uint32_t window)
{
	uint32_t gone = 0;

	while (gone < a->n && a->bids[gone].last_window < window)
		free(a->bids[gone++].legs);
	if (gone < a->n / 2 || !gone)
		for (uint32_t i = 0; i < gone; i++)
			a->bids[i] = (struct noted){.nlegs = 0}; /* moved down later */
	else {
		memmove(a->bids, a->bids + gone, (a->n - gone) * sizeof(*a->bids));
		a->first += gone;
		a->n -= gone;
	}
}

void sim_audit_findings(const struct sim_audit *a, struct sim_findings *out)
{
	*out = a->found;
}

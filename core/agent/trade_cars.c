/*
 * Cars: so many Wh by a departure time.
 *
 * A bid's amount may all be contracted in one of its windows, so it must not be more than the
 * charger can give in any of them, less what is contracted there.  The energy is therefore cut
 * into the fewest parts that fit; part k of n takes windows k, k + n, k + 2n: no two parts meet
 * in a window.  What the parts of a car may take of the circuit is kept from the cars behind it.
 */
#include "core/base/compat.h"

#include "core/agent/trade.h"

struct room {
	uint32_t n;
	uint32_t window[MKT_TRADE_WINDOWS_MAX];
	uint32_t wh[MKT_TRADE_WINDOWS_MAX]; /* that the car can still get there */
};

static uint32_t per_window(const struct mkt_trade *t, uint32_t w)
{
	return (uint32_t)((uint64_t)w * t->window_s / 3600);
}

/* Where the car can get something, in order of time; and how much in all. */
static uint64_t find_room(const struct mkt_trade *t, const struct mkt_trade_car *c,
			  const uint32_t *circuit, struct room *r)
{
	uint32_t cap = per_window(t, c->max_w);
	uint64_t sum = 0;

	r->n = 0;
	for (uint32_t i = 0; i < t->nwindows; i++) {
		uint32_t w = t->first + i, done = c->contracted_wh[i];
		uint32_t wh = cap > done ? cap - done : 0;

		if (wh > circuit[i])
			wh = circuit[i];
		wh -= wh % t->lot_wh;
		if (w < c->first || w > c->last || !wh)
			continue;
		r->window[r->n] = w;
		r->wh[r->n++] = wh;
		sum += wh;
	}
	return sum;
}

/* The least that windows k, k + n, ... have. */
static uint32_t part_room(const struct room *r, uint32_t k, uint32_t n)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = k; i < r->n; i += n)
		least = r->wh[i] < least ? r->wh[i] : least;
	return least;
}

static uint32_t count_parts(const struct mkt_trade *t, const struct room *r, uint64_t need)
{
	/* A bid has so many legs, too. */
	uint32_t least = (r->n * t->ntags + MKT_LEGS_MAX - 1) / MKT_LEGS_MAX;

	for (uint32_t n = least ? least : 1; n < r->n; n++) {
		uint64_t sum = 0;

		for (uint32_t k = 0; k < n; k++)
			sum += part_room(r, k, n);
		if (sum >= need)
			return n;
	}
	return r->n;
}

static void add_parts(const struct mkt_trade *t, struct mkt_trade_plan *p,
		      const struct mkt_trade_car *c, const struct room *r, uint64_t need,
		      uint32_t *circuit, const char *why)
{
	uint32_t n = count_parts(t, r, need);
	uint64_t sum = 0;
	uint32_t share;

	for (uint32_t i = 0; i < r->n; i++)
		sum += r->wh[i];
	if (!sum)
		return;
	/* All of it needed: the retailer's price.  A tenth of it: nearly the least. */
	share = (uint32_t)(400 + 600 * need / sum);
	for (uint32_t k = 0; k < n && need; k++) {
		uint32_t wh = part_room(r, k, n);
		struct mkt_trade_bid *b;

		wh = wh < need ? wh : (uint32_t)need;
		b = mkt_trade_add(p, MKT_BUY, wh);
		if (!b)
			return;
		need -= wh;
		snprintf(b->slot, sizeof(b->slot), "%s@%llu/%u", c->name,
			 (unsigned long long)c->departure_s, k);
		snprintf(b->why, sizeof(b->why), "%s; part %u of %u, price at %u/1000 of the way "
			 "to the retailer's", why, k + 1, n, share);
		for (uint32_t i = k; i < r->n; i += n) {
			mkt_trade_legs(t, b, r->window[i], mkt_trade_between(t, share));
			circuit[r->window[i] - t->first] -= wh;
		}
	}
}

static void plan_car(const struct mkt_trade *t, struct mkt_trade_plan *p,
		     const struct mkt_trade_car *c, uint32_t *circuit)
{
	uint64_t done = c->before_wh, sum, need;
	struct room r;
	char why[160];

	for (uint32_t i = 0; i < t->nwindows; i++)
		done += c->contracted_wh[i];
	need = c->need_wh > done ? c->need_wh - done : 0;
	sum = find_room(t, c, circuit, &r);
	if (need > sum) {
		mkt_trade_note(p, "%s will lack %llu Wh at departure: charger and circuit give "
			       "%llu Wh more until then", c->name,
			       (unsigned long long)(need - sum), (unsigned long long)sum);
		need = sum;
	}
	need -= need % t->lot_wh;
	if (!need)
		return;
	snprintf(why, sizeof(why), "%s needs %u Wh by departure, %llu Wh contracted; %llu Wh can "
		 "be had in %u windows", c->name, c->need_wh, (unsigned long long)done,
		 (unsigned long long)sum, r.n);
	add_parts(t, p, c, &r, need, circuit, why);
}

void mkt_trade_cars(const struct mkt_trade *t, struct mkt_trade_plan *p)
{
	uint32_t circuit[MKT_TRADE_WINDOWS_MAX];
	uint64_t before = 0;

	for (uint32_t i = 0; i < t->nwindows; i++) {
		uint64_t all = t->circuit_w ? per_window(t, t->circuit_w) : UINT32_MAX;

		for (unsigned k = 0; k < t->ncars; k++)
			all -= t->cars[k].contracted_wh[i] < all ? t->cars[k].contracted_wh[i]
								  : all;
		circuit[i] = (uint32_t)all;
	}
	/* Who leaves first is served first. */
	for (unsigned k = 0; k < t->ncars; k++) {
		uint64_t next = UINT64_MAX;

		for (unsigned i = 0; i < t->ncars; i++)
			if (t->cars[i].departure_s > before && t->cars[i].departure_s < next)
				next = t->cars[i].departure_s;
		for (unsigned i = 0; i < t->ncars; i++)
			if (t->cars[i].departure_s == next)
				plan_car(t, p, &t->cars[i], circuit);
		before = next;
		if (next == UINT64_MAX)
			break;
	}
}

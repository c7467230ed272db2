#include "core/base/compat.h"

#include "tests/slow/slow_match.h"

static void *grown(void *p, size_t n, size_t size)
{
	void *v = realloc(p, (n ? n : 1) * size);

	if (!v)
		abort();
	return v;
}

struct slow *slow_new(uint32_t bids_max)
{
	struct slow *s = grown(NULL, 1, sizeof(*s));

	*s = (struct slow){.bids_max = bids_max};
	return s;
}

static void drop(struct slow *s, uint32_t i)
{
	free(s->bids[i].legs);
	free(s->bids[i].open);
	s->n--;
	memmove(&s->bids[i], &s->bids[i + 1], (s->n - i) * sizeof(*s->bids));
}

void slow_free(struct slow *s)
{
	while (s->n)
		drop(s, s->n - 1);
	free(s->bids);
	free(s->books);
	free(s);
}

void slow_open(struct slow *s, uint32_t book, bool direct, int32_t fee_upwh)
{
	if (book >= s->nbooks) {
		s->books = grown(s->books, book + 1, sizeof(*s->books));
		s->nbooks = book + 1;
	}
	s->books[book] = (struct slow_book){true, direct, fee_upwh};
}

/* ---- R2, R3 ---------------------------------------------------------------------------------- */

struct candidate {
	bool found;
	bool direct;
	uint16_t i, j; /* leg of the taker, leg of the resting bid */
	uint32_t y;    /* index of the resting bid */
	int64_t surplus;
};

static bool crosses(uint8_t side, int32_t taker, int32_t maker)
{
	return side == MKT_BUY ? maker <= taker : maker >= taker;
}

static bool goes_first(const struct slow *s, const struct candidate *a, const struct candidate *b)
{
	if (!b->found)
		return true;
	if (a->direct != b->direct)
		return a->direct;
	if (a->surplus != b->surplus)
		return a->surplus > b->surplus;
	if (a->y != b->y)
		return s->bids[a->y].id < s->bids[b->y].id;
	return a->i < b->i;
}

/* The best of what leg @i of the taker may match, or @best if that goes first. */
static struct candidate find_leg(const struct slow *s, const struct mkt_incoming *o,
				 const uint32_t *left, uint16_t i, struct candidate best)
{
	const struct mkt_leg *x = &o->legs[i];
	const struct slow_book *book = &s->books[x->book];

	for (uint32_t y = 0; y < s->n; y++) {
		const struct slow_bid *r = &s->bids[y];

		if (!left[y] || r->side == o->side || r->owner == o->owner)
			continue;
		for (uint16_t j = 0; j < r->nlegs; j++) {
			struct candidate c = {true, book->direct, i, j, y, 0};

			if (!r->open[j] || r->legs[j].book != x->book ||
			    !crosses(o->side, x->price_upwh, r->legs[j].price_upwh))
				continue;
			c.surplus = (int64_t)x->price_upwh - r->legs[j].price_upwh;
			if (o->side == MKT_SELL)
				c.surplus = -c.surplus;
			c.surplus -= book->fee_upwh;
			if (goes_first(s, &c, &best))
				best = c;
		}
	}
	return best;
}

/* The candidate that goes first, leg @without of the taker left out. */
static struct candidate find(const struct slow *s, const struct mkt_incoming *o, const uint32_t *left,
			     uint32_t without)
{
	struct candidate best = {.found = false};

	for (uint16_t i = 0; i < o->nlegs; i++)
		if (i != without)
			best = find_leg(s, o, left, i, best);
	return best;
}

/* ---- R4 to R6 -------------------------------------------------------------------------------- */

static void add_fill(struct mkt_fills *f, const struct mkt_fill *fill)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 16;
		f->v = grown(f->v, f->cap, sizeof(*f->v));
	}
	f->v[f->n++] = *fill;
}

static void rest(struct slow *s, const struct mkt_incoming *o, uint32_t left_wh)
{
	struct slow_bid x = {.id = o->id, .owner = o->owner, .left_wh = left_wh,
			     .side = o->side, .nlegs = o->nlegs};

	x.legs = grown(NULL, o->nlegs, sizeof(*x.legs));
	x.open = grown(NULL, o->nlegs, sizeof(*x.open));
	for (uint16_t i = 0; i < o->nlegs; i++) {
		x.legs[i] = o->legs[i];
		x.open[i] = true;
	}
	s->bids = grown(s->bids, s->n + 1, sizeof(*s->bids));
	s->bids[s->n++] = x;
}

/* Match against @left, a scratch copy of what the resting bids have left. */
static uint32_t run(const struct slow *s, const struct mkt_incoming *o, uint32_t *left,
		    struct mkt_fills *fills)
{
	uint32_t mine = o->amount_wh;
	struct candidate c, alt;

	while (mine && (c = find(s, o, left, UINT32_MAX)).found) {
		const struct slow_bid *y = &s->bids[c.y];
		uint32_t wh = mine < left[c.y] ? mine : left[c.y];
		struct mkt_fill fill = {.maker_id = y->id, .maker_slot = MKT_NO_SLOT,
					.maker_leg = c.j, .taker_leg = c.i, .wh = wh,
					.price_upwh = y->legs[c.j].price_upwh,
					.alt_leg = MKT_NO_LEG};

		alt = find(s, o, left, c.i);
		if (alt.found) {
			fill.alt_leg = alt.i;
			fill.alt_price_upwh = s->bids[alt.y].legs[alt.j].price_upwh;
		}
		mine -= wh;
		left[c.y] -= wh;
		fill.maker_left_wh = left[c.y];
		add_fill(fills, &fill);
	}
	return mine;
}

static int verdict(const struct slow *s, const struct mkt_incoming *o, uint32_t mine)
{
	if (o->flags & MKT_BID_POST_ONLY && mine < o->amount_wh)
		return -MKT_EPOSTONLY;
	if (o->flags & MKT_BID_FOK && mine)
		return -MKT_EFOK;
	if (mine && !(o->flags & MKT_BID_IOC) && s->n >= s->bids_max)
		return -MKT_ELIMIT;
	return 0;
}

static void commit(struct slow *s, const struct mkt_incoming *o, const uint32_t *left, uint32_t mine)
{
	for (uint32_t y = s->n; y--;) {
		s->bids[y].left_wh = left[y];
		if (!left[y])
			drop(s, y);
	}
	if (mine && !(o->flags & MKT_BID_IOC))
		rest(s, o, mine);
}

int slow_match(struct slow *s, const struct mkt_incoming *o, struct mkt_fills *fills,
	       uint32_t *left_wh)
{
	uint32_t *left = grown(NULL, s->n, sizeof(*left));
	uint32_t mine;
	int rc;

	for (uint32_t y = 0; y < s->n; y++)
		left[y] = s->bids[y].left_wh;
	fills->n = 0;
	mine = run(s, o, left, fills);
	rc = verdict(s, o, mine);
	if (rc) {
		fills->n = 0;
	} else {
		commit(s, o, left, mine);
		*left_wh = mine;
	}
	free(left);
	return rc;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static uint32_t find_id(const struct slow *s, uint64_t id)
{
	uint32_t i = 0;

	while (i < s->n && s->bids[i].id != id)
		i++;
	return i;
}

const struct slow_bid *slow_get(const struct slow *s, uint64_t id)
{
	uint32_t i = find_id(s, id);

	return i < s->n ? &s->bids[i] : NULL;
}

bool slow_cancel(struct slow *s, uint64_t id)
{
	uint32_t i = find_id(s, id);

	if (i == s->n)
		return false;
	drop(s, i);
	return true;
}

int slow_reduce(struct slow *s, uint64_t id, uint32_t left_wh)
{
	uint32_t i = find_id(s, id);

	if (i == s->n)
		return -MKT_ETOOLATE;
	if (!left_wh || left_wh >= s->bids[i].left_wh)
		return -MKT_EREDUCE;
	s->bids[i].left_wh = left_wh;
	return 0;
}

void slow_close(struct slow *s, uint32_t book)
{
	for (uint32_t i = s->n; i--;) {
		struct slow_bid *x = &s->bids[i];
		bool any = false;

		for (uint16_t j = 0; j < x->nlegs; j++) {
			if (x->legs[j].book == book)
				x->open[j] = false;
			any |= x->open[j];
		}
		if (!any)
			drop(s, i);
	}
	s->books[book].open = false;
}

static int by_arrival(const struct slow_place *a, const struct slow_place *b)
{
	return a->bid->id < b->bid->id ? -1 : 1;
}

static int by_sell_priority(const void *va, const void *vb)
{
	const struct slow_place *a = va, *b = vb;

	if (a->price_upwh != b->price_upwh)
		return a->price_upwh < b->price_upwh ? -1 : 1;
	return by_arrival(a, b);
}

static int by_buy_priority(const void *va, const void *vb)
{
	const struct slow_place *a = va, *b = vb;

	if (a->price_upwh != b->price_upwh)
		return a->price_upwh > b->price_upwh ? -1 : 1;
	return by_arrival(a, b);
}

struct slow_place *slow_queue(const struct slow *s, uint32_t book, uint8_t side, uint32_t *n)
{
	struct slow_place *v = NULL;

	*n = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		const struct slow_bid *x = &s->bids[i];

		for (uint16_t j = 0; j < x->nlegs && x->side == side; j++) {
			if (!x->open[j] || x->legs[j].book != book)
				continue;
			v = grown(v, *n + 1, sizeof(*v));
			v[(*n)++] = (struct slow_place){x, j, x->legs[j].price_upwh};
		}
	}
	if (*n)
		qsort(v, *n, sizeof(*v), side == MKT_SELL ? by_sell_priority : by_buy_priority);
	return v;
}

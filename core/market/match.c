/*
 * Matching of one incoming bid, the taker (design 4, R2 to R6).
 *
 * First the fills are found on books that stay as they are, then they are
 * applied: so whatever is refused (fill or kill, post only, no memory) leaves
 * nothing to repair, and no list changes under the one who walks it.  While
 * fills are found, each leg of the taker has a cursor on its best candidate.
 * Cursors only move forward: over own bids, which stay where they are, and
 * over makers that another leg used up in this call.
 */
#include "core/base/compat.h"

#include "core/market/book.h"
#include "core/market/book_impl.h"

/* ---- makers used up in a dry run ------------------------------------------------------------- */

/* An open hash set of slots + 1; only makers that stand in several books get in. */
struct used {
	uint32_t *v;
	uint32_t n;
	uint32_t cap; /* power of two */
};

static uint32_t used_place(const struct used *u, uint32_t slot)
{
	uint32_t i = slot * 0x9e3779b1u & (u->cap - 1);

	while (u->v[i] && u->v[i] != slot + 1)
		i = (i + 1) & (u->cap - 1);
	return i;
}

static bool used_has(const struct used *u, uint32_t slot)
{
	return u->n && u->v[used_place(u, slot)];
}

static int used_add(struct used *u, uint32_t slot)
{
	struct used more = {.n = u->n, .cap = u->cap ? u->cap * 2 : 64};

	if (u->n * 2 >= u->cap) {
		more.v = calloc(more.cap, sizeof(*more.v));
		if (!more.v)
			return -MKT_ENOMEM;
		for (uint32_t i = 0; i < u->cap; i++)
			if (u->v[i])
				more.v[used_place(&more, u->v[i] - 1)] = u->v[i];
		free(u->v);
		*u = more;
	}
	u->v[used_place(u, slot)] = slot + 1;
	u->n++;
	return 0;
}

/* ---- fills ----------------------------------------------------------------------------------- */

static int fills_grow(struct mkt_fills *f)
{
	uint64_t cap = f->cap ? (uint64_t)f->cap * 2 : 16;
	struct mkt_fill *v;

	if (cap > UINT32_MAX)
		return -MKT_ENOMEM;
	v = realloc(f->v, (size_t)cap * sizeof(*v));
	if (!v)
		return -MKT_ENOMEM;
	f->v = v;
	f->cap = (uint32_t)cap;
	return 0;
}

/* A new fill at the end of @f, of as much as taker (@left_wh, lowered) and maker have; or NULL. */
static inline struct mkt_fill *fills_add(struct mkt_fills *f, const struct mkt_books *b,
					 uint32_t leg, uint32_t *left_wh)
{
	const struct leg *l = &b->legs[leg];
	const struct bid *x = &b->bids[l->slot];
	struct mkt_fill *fill;
	uint32_t wh = *left_wh < x->left_wh ? *left_wh : x->left_wh;

	if (MKT_UNLIKELY(f->n == f->cap) && fills_grow(f) < 0)
		return NULL;
	fill = &f->v[f->n++];
	fill->maker_id = x->id;
	fill->maker_slot = l->slot;
	fill->maker_left_wh = x->left_wh - wh;
	fill->maker_leg = (uint16_t)(leg - x->leg);
	fill->wh = wh;
	fill->price_upwh = price_of(b, x->side == MKT_BUY, leg_index(b, l));
	*left_wh -= wh;
	return fill;
}

static void apply(struct mkt_books *b, const struct mkt_fills *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		const struct mkt_fill *fill = &f->v[i];

		if (fill->maker_left_wh)
			b->bids[fill->maker_slot].left_wh = fill->maker_left_wh;
		else
			books_remove(b, fill->maker_slot);
	}
}

/* ---- what taker and books come to ------------------------------------------------------------ */

/* What becomes of a call that leaves @left_wh unmatched: 0 or the refusal. */
static inline int verdict(const struct mkt_books *b, const struct mkt_order *o, uint32_t left_wh)
{
	if (!left_wh)
		return 0;
	if (o->flags & MKT_BID_FOK)
		return -MKT_EFOK;
	if (o->flags & MKT_BID_IOC)
		return 0;
	return b->count >= b->bids_max ? -MKT_ELIMIT : 0;
}

static inline bool rests(const struct mkt_order *o, uint32_t left_wh)
{
	return left_wh && !(o->flags & MKT_BID_IOC);
}

/* Enter a bid whose legs are linked next; returns its first leg. */
static inline uint32_t enter(struct mkt_books *b, const struct mkt_order *o, uint32_t slot,
			     uint32_t left_wh)
{
	struct bid *x = &b->bids[slot];
	uint32_t leg = legs_alloc(b, o->nlegs);

	x->id = o->id;
	x->left_wh = left_wh;
	x->owner = o->owner;
	x->leg = leg;
	x->nlegs = o->nlegs;
	x->open = o->nlegs;
	x->side = o->side;
	b->count++;
	return leg;
}

/* ---- bids of one leg ------------------------------------------------------------------------- */

/* A taker with one leg meets no maker twice, so the books alone say what is left. */
static int find_one(const struct mkt_books *b, const struct mkt_order *o, uint32_t limit,
		    struct mkt_fills *fills, uint32_t *left_wh)
{
	const struct side *s = &b->books[o->legs[0].book].side[!side_of(o->side)];
	uint32_t leg = first_leg(b, s, limit);
	struct mkt_fill *fill;

	for (; leg && *left_wh; leg = next_leg(b, leg, limit)) {

		if (b->bids[b->legs[leg].slot].owner == o->owner)
			continue;
		if (o->flags & MKT_BID_POST_ONLY)
			return -MKT_EPOSTONLY;
		fill = fills_add(fills, b, leg, left_wh);
		if (!fill)
			return -MKT_ENOMEM;
		fill->taker_leg = 0;
		fill->alt_leg = MKT_NO_LEG;
		fill->alt_price_upwh = 0;
	}
	return 0;
}

static int place_one(struct mkt_books *b, const struct mkt_order *o, struct mkt_fills *fills,
		     uint32_t *slot, uint32_t *left_wh)
{
	uint32_t book = o->legs[0].book, index, left = o->amount_wh, leg, at;
	unsigned int side = side_of(o->side);
	int rc = 0;

	if (book >= b->books_n || !b->books[book].open ||
	    !index_of(b, side, o->legs[0].price_upwh, &index))
		return -MKT_EINVAL;
	if (b->books[book].side[!side].best <= b->last - index)
		rc = find_one(b, o, b->last - index, fills, &left);
	if (!rc)
		rc = verdict(b, o, left);
	if (rc)
		return rc;
	*slot = MKT_NO_SLOT;
	*left_wh = left;
	if (!rests(o, left)) {
		apply(b, fills);
		return 0;
	}
	at = slot_alloc(b); /* before a slot is freed: it must not be one that @fills names */
	if (fills->n)
		apply(b, fills);
	leg = enter(b, o, at, left);
	b->legs[leg].slot = at;
	leg_link(b, book, side, index, leg);
	*slot = at;
	return 0;
}

/* ---- bids of several legs -------------------------------------------------------------------- */

/* The best candidate of one leg of the taker. */
struct cand {
	uint64_t key;   /* R3: direct markets, then surplus; greater goes first */
	uint64_t id;    /* then the smaller; then the place in this list, which is the taker's */
	uint32_t leg;
	uint32_t slot;
	uint32_t limit; /* index up to which the leg crosses */
	uint16_t taker_leg;
};

struct taker {
	const struct mkt_books *b;
	const struct mkt_order *o;
	struct mkt_books *live; /* used up makers are marked in the books; NULL: in @used */
	struct used used;
	struct mkt_fills *fills;
	uint32_t left_wh;
	uint32_t n;
	struct cand cand[MKT_LEGS_MAX]; /* in the order of the taker's legs */
};

static inline bool is_candidate(const struct taker *t, uint32_t slot)
{
	const struct bid *x = &t->b->bids[slot];

	if (x->owner == t->o->owner || !x->left_wh)
		return false;
	return t->live || x->open == 1 || !used_has(&t->used, slot);
}

/* Move @c to the first candidate at or after @leg; false if there is none. */
static bool seek(const struct taker *t, struct cand *c, uint32_t leg)
{
	const struct book *book = &t->b->books[t->o->legs[c->taker_leg].book];
	int64_t surplus;

	while (leg && !is_candidate(t, t->b->legs[leg].slot))
		leg = next_leg(t->b, leg, c->limit);
	if (!leg)
		return false;
	c->leg = leg;
	c->slot = t->b->legs[leg].slot;
	c->id = t->b->bids[c->slot].id;
	surplus = (int64_t)(c->limit - leg_index(t->b, &t->b->legs[leg])) * t->b->tick -
		  book->fee_upwh;
	/* |surplus| < 2^33, so the sum is positive and bit 40 is free. */
	c->key = (uint64_t)(surplus + ((int64_t)1 << 34)) | (uint64_t)book->direct << 40;
	return true;
}

static inline bool goes_before(const struct cand *a, const struct cand *b)
{
	return a->key > b->key || (a->key == b->key && a->id < b->id);
}

/* The candidate that goes first, and in *@second the one after it (NULL: none). */
static struct cand *choose(struct taker *t, struct cand **second)
{
	struct cand *first = &t->cand[0], *next = NULL;

	for (struct cand *c = first + 1, *end = first + t->n; c < end; c++) {
		if (goes_before(c, first)) {
			next = first;
			first = c;
		} else if (!next || goes_before(c, next)) {
			next = c;
		}
	}
	*second = next;
	return first;
}

/* @slot is used up: every cursor that stands on it moves on, and goes if nothing is behind. */
static void move_on(struct taker *t, uint32_t slot)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		struct cand *c = &t->cand[i];

		if (c->slot == slot && !seek(t, c, next_leg(t->b, c->leg, c->limit)))
			continue;
		if (kept != i)
			t->cand[kept] = *c;
		kept++;
	}
	t->n = kept;
}

static int mark_used(struct taker *t, uint32_t slot)
{
	if (t->live) {
		t->live->bids[slot].left_wh = 0;
		return 0;
	}
	return t->b->bids[slot].open > 1 ? used_add(&t->used, slot) : 0;
}

/* Undo what mark_used() did to the books. */
static void unmark(struct mkt_books *b, const struct mkt_fills *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (!f->v[i].maker_left_wh)
			b->bids[f->v[i].maker_slot].left_wh = f->v[i].wh;
}

static int find_many(struct taker *t)
{
	struct cand *first, *second;
	struct mkt_fill *fill;
	uint32_t slot;

	if (t->n && t->o->flags & MKT_BID_POST_ONLY)
		return -MKT_EPOSTONLY;
	while (t->n && t->left_wh) {
		first = choose(t, &second);
		slot = first->slot;
		fill = fills_add(t->fills, t->b, first->leg, &t->left_wh);
		if (!fill)
			return -MKT_ENOMEM;
		fill->taker_leg = first->taker_leg;
		fill->alt_leg = MKT_NO_LEG;
		fill->alt_price_upwh = 0;
		if (second) {
			fill->alt_leg = second->taker_leg;
			fill->alt_price_upwh = price_of(t->b, !side_of(t->o->side),
							leg_index(t->b, &t->b->legs[second->leg]));
		}
		if (fill->maker_left_wh)
			break; /* the taker is used up */
		if (mark_used(t, slot) < 0)
			return -MKT_ENOMEM;
		move_on(t, slot);
	}
	return 0;
}

/* Put leg @i of the taker at index @index of its side in the race, if it crosses anything. */
static inline void race(struct taker *t, uint32_t i, uint32_t index)
{
	uint32_t limit = t->b->last - index;
	const struct side *s = &t->b->books[t->o->legs[i].book].side[!side_of(t->o->side)];
	struct cand *c = &t->cand[t->n];

	if (MKT_LIKELY(s->best > limit))
		return;
	c->limit = limit;
	c->taker_leg = (uint16_t)i;
	if (seek(t, c, first_leg(t->b, s, limit)))
		t->n++;
}

static int place_many(struct mkt_books *b, const struct mkt_order *o, struct mkt_fills *fills,
		      uint32_t *slot, uint32_t *left_wh)
{
	struct taker t;
	uint32_t index[MKT_LEGS_MAX], leg, at;
	int rc = 0;

	t.b = t.live = b;
	t.o = o;
	t.fills = fills;
	t.left_wh = o->amount_wh;
	t.n = 0;
	b->calls++;
	for (uint32_t i = 0; i < o->nlegs; i++) {
		uint32_t book = o->legs[i].book;

		if (book >= b->books_n || !b->books[book].open ||
		    !index_of(b, side_of(o->side), o->legs[i].price_upwh, &index[i]))
			return -MKT_EINVAL;
		if (b->books[book].seen == b->calls)
			return -MKT_EDUPLEG;
		b->books[book].seen = b->calls;
		race(&t, i, index[i]);
	}
	if (t.n)
		rc = find_many(&t);
	if (!rc)
		rc = verdict(b, o, t.left_wh);
	if (rc) {
		unmark(b, fills);
		return rc;
	}
	*slot = MKT_NO_SLOT;
	*left_wh = t.left_wh;
	if (!rests(o, t.left_wh)) {
		apply(b, fills);
		return 0;
	}
	at = slot_alloc(b); /* as in place_one() */
	apply(b, fills);
	leg = enter(b, o, at, t.left_wh);
	for (uint32_t i = 0; i < o->nlegs; i++) {
		b->legs[leg + i].slot = at;
		leg_link(b, o->legs[i].book, side_of(o->side), index[i], leg + i);
	}
	*slot = at;
	return 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static inline bool order_ok(const struct mkt_order *o)
{
	return o->amount_wh && (o->side == MKT_SELL || o->side == MKT_BUY) && o->nlegs &&
	       o->nlegs <= MKT_LEGS_MAX;
}

int mkt_books_place(struct mkt_books *b, const struct mkt_order *o, struct mkt_fills *fills,
		    uint32_t *slot, uint32_t *left_wh)
{
	int rc;

	fills->n = 0;
	if (!order_ok(o))
		return -MKT_EINVAL;
	if (MKT_UNLIKELY(!has_room(b, o->nlegs)) && books_make_room(b, o->nlegs) < 0)
		return -MKT_ENOMEM;
	if (o->nlegs == 1)
		rc = place_one(b, o, fills, slot, left_wh);
	else
		rc = place_many(b, o, fills, slot, left_wh);
	if (MKT_UNLIKELY(rc))
		fills->n = 0;
	return rc;
}

/* Check the legs of @o, put them in the race.  Writes nothing to the books, unlike place. */
static int try_legs(struct taker *t)
{
	const struct mkt_order *o = t->o;

	for (uint32_t i = 0; i < o->nlegs; i++) {
		uint32_t book = o->legs[i].book, index;

		if (book >= t->b->books_n || !t->b->books[book].open ||
		    !index_of(t->b, side_of(o->side), o->legs[i].price_upwh, &index))
			return -MKT_EINVAL;
		for (uint32_t j = 0; j < i; j++)
			if (o->legs[j].book == book)
				return -MKT_EDUPLEG;
		race(t, i, index);
	}
	return 0;
}

int mkt_books_try(const struct mkt_books *b, const struct mkt_order *o, struct mkt_fills *fills,
		  uint32_t *left_wh)
{
	struct taker t;
	int rc;

	fills->n = 0;
	if (!order_ok(o))
		return -MKT_EINVAL;
	t.b = b;
	t.o = o;
	t.live = NULL;
	t.used = (struct used){0};
	t.fills = fills;
	t.left_wh = o->amount_wh;
	t.n = 0;
	rc = try_legs(&t);
	if (!rc)
		rc = find_many(&t);
	if (!rc)
		rc = verdict(b, o, t.left_wh);
	free(t.used.v);
	if (rc)
		fills->n = 0;
	else
		*left_wh = t.left_wh;
	return rc;
}

/* Move the last leg of a queue forward past those of bids with a greater id. */
static void leg_to_its_place(struct mkt_books *b, uint32_t leg)
{
	struct leg *l = &b->legs[leg];
	struct level *lv = &b->chunks[l->at >> 6].level[l->at & 63];
	uint64_t id = b->bids[l->slot].id;
	uint32_t before = l->prev, after = 0;

	while (before && b->bids[b->legs[before].slot].id > id) {
		after = before;
		before = b->legs[before].prev;
	}
	if (!after)
		return;
	lv->tail = l->prev;
	b->legs[l->prev].next = 0;
	l->prev = before;
	l->next = after;
	b->legs[after].prev = leg;
	if (before)
		b->legs[before].next = leg;
	else
		lv->head = leg;
}

int mkt_books_restore(struct mkt_books *b, const struct mkt_order *o, const bool *open_legs,
		      uint32_t *slot)
{
	unsigned int side = side_of(o->side);
	uint32_t index[MKT_LEGS_MAX], leg, at;
	uint16_t open = 0;

	if (!order_ok(o))
		return -MKT_EINVAL;
	if (b->count >= b->bids_max)
		return -MKT_ELIMIT;
	b->calls++;
	for (uint32_t i = 0; i < o->nlegs; i++) {
		uint32_t book = o->legs[i].book;

		if (open_legs && !open_legs[i])
			continue;
		if (book >= b->books_n || !b->books[book].open ||
		    !index_of(b, side, o->legs[i].price_upwh, &index[i]))
			return -MKT_EINVAL;
		if (b->books[book].seen == b->calls)
			return -MKT_EDUPLEG;
		b->books[book].seen = b->calls;
		open++;
	}
	if (!open)
		return -MKT_EINVAL;
	if (!has_room(b, o->nlegs) && books_make_room(b, o->nlegs) < 0)
		return -MKT_ENOMEM;
	at = slot_alloc(b);
	leg = enter(b, o, at, o->amount_wh);
	b->bids[at].open = open;
	for (uint32_t i = 0; i < o->nlegs; i++) {
		b->legs[leg + i] = (struct leg){.slot = at};
		if (open_legs && !open_legs[i])
			continue;
		leg_link(b, o->legs[i].book, side, index[i], leg + i);
		if (b->legs[leg + i].prev)
			leg_to_its_place(b, leg + i);
	}
	*slot = at;
	return 0;
}

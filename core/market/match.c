/*
 * Matching of one incoming bid, the taker (design 4, R2 to R6).
 *
 * First the fills are found on books whose queues stay as they are, then they are
 * applied: so whatever is refused (fill or kill, post only, no memory) leaves
 * nothing to repair but the marks on makers used up, and no list changes under
 * the one who walks it.  While fills are found, each leg of the taker has a cursor
 * on its best candidate.  Cursors only move forward: over own bids, which stay
 * where they are, and over makers that another leg used up in this call.
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
					 uint32_t leg, int32_t price_upwh, uint32_t *left_wh)
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
	fill->price_upwh = price_upwh;
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
static inline int verdict(const struct mkt_books *b, const struct mkt_incoming *o, uint32_t left_wh)
{
	if (!left_wh)
		return 0;
	if (o->flags & MKT_BID_FOK)
		return -MKT_EFOK;
	if (o->flags & MKT_BID_IOC)
		return 0;
	return b->count >= b->bids_max ? -MKT_ELIMIT : 0;
}

/*
 * The book of leg @x and the index of its limit, if the book is open and the
 * limit good.  @call is one of b->calls, or CLOSED to skip the look for doubles.
 */
INLINE_A_SIDE int leg_check(const struct mkt_books *b, const struct mkt_leg *x, unsigned int side,
			    uint64_t call, struct book **book, uint32_t *index)
{
	if (MKT_UNLIKELY(x->book >= b->books_n))
		return -MKT_EINVAL;
	*book = &b->books[x->book];
	if (MKT_UNLIKELY((*book)->seen >= call))
		return (*book)->seen == CLOSED ? -MKT_EINVAL : -MKT_EDUPLEG;
	return index_of(b, side, x->price_upwh, index) ? 0 : -MKT_EINVAL;
}

/* Enter a bid of @nlegs legs, which are linked next; returns the first. */
static inline uint32_t enter(struct mkt_books *b, const struct mkt_incoming *o, uint32_t nlegs,
			     uint32_t slot, uint32_t left_wh)
{
	struct bid *x = &b->bids[slot];
	uint32_t leg = legs_alloc(b, nlegs);

	x->id = o->id;
	x->left_wh = left_wh;
	x->owner = o->owner;
	x->leg = leg;
	x->nlegs = (uint16_t)nlegs;
	x->open = (uint16_t)nlegs;
	x->side = o->side;
	b->count++;
	b->ready -= nlegs;
	return leg;
}

/* ---- bids of one leg ------------------------------------------------------------------------- */

/* A taker with one leg meets no maker twice, so the books alone say what is left. */
static int find_one(const struct mkt_books *b, const struct mkt_incoming *o, uint32_t limit,
		    struct mkt_fills *fills, uint32_t *left_wh)
{
	const unsigned int opposite = !side_of(o->side);
	const struct side *s = &b->books[o->legs[0].book].side[opposite];
	struct mkt_fill *fill;

	for (uint32_t leg = first_leg(b, s, limit); leg; leg = next_leg(b, leg, limit)) {
		if (b->bids[b->legs[leg].slot].owner == o->owner)
			continue;
		if (o->flags & MKT_BID_POST_ONLY)
			return -MKT_EPOSTONLY;
		fill = fills_add(fills, b, leg,
				 price_of(b, opposite, leg_index(b, &b->legs[leg])), left_wh);
		if (!fill)
			return -MKT_ENOMEM;
		fill->taker_leg = 0;
		fill->alt_leg = MKT_NO_LEG;
		fill->alt_price_upwh = 0;
		if (!*left_wh)
			break;
	}
	return 0;
}

INLINE_A_SIDE void rest_one(struct mkt_books *b, const struct mkt_incoming *o, unsigned int side,
			    uint32_t index, uint32_t slot, uint32_t left_wh)
{
	uint32_t leg = enter(b, o, 1, slot, left_wh);

	b->legs[leg].slot = slot;
	leg_link(b, o->legs[0].book, side, index, leg);
}

/* A bid with flags, or whose limit crosses: whatever is not simply put to rest. */
APART int take_one(struct mkt_books *b, const struct mkt_incoming *o, uint32_t index,
		   struct mkt_fills *fills, uint32_t *slot, uint32_t *left_wh)
{
	uint32_t left = o->amount_wh, at;
	int rc = find_one(b, o, b->last - index, fills, &left);

	if (!rc)
		rc = verdict(b, o, left);
	if (rc) {
		fills->n = 0;
		return rc;
	}
	*slot = MKT_NO_SLOT;
	*left_wh = left;
	if (!left || o->flags & MKT_BID_IOC) {
		apply(b, fills);
		return 0;
	}
	at = slot_alloc(b); /* before a slot is freed: it must not be one that @fills names */
	apply(b, fills);
	rest_one(b, o, side_of(o->side), index, at, left);
	*slot = at;
	return 0;
}

INLINE_A_SIDE int place_one(struct mkt_books *b, const struct mkt_incoming *o, unsigned int side,
			    struct mkt_fills *fills, uint32_t *slot, uint32_t *left_wh)
{
	struct book *book;
	uint32_t index, at;

	if (MKT_UNLIKELY(!b->ready) && books_make_room(b) < 0)
		return -MKT_ENOMEM;
	if (leg_check(b, &o->legs[0], side, CLOSED, &book, &index))
		return -MKT_EINVAL;
	if (MKT_UNLIKELY(book->side[!side].best <= b->last - index || o->flags) ||
	    MKT_UNLIKELY(b->count >= b->bids_max))
		return take_one(b, o, index, fills, slot, left_wh);
	at = slot_alloc(b);
	rest_one(b, o, side, index, at, o->amount_wh);
	*slot = at;
	*left_wh = o->amount_wh;
	return 0;
}

APART int place_one_sell(struct mkt_books *b, const struct mkt_incoming *o, struct mkt_fills *fills,
			 uint32_t *slot, uint32_t *left_wh)
{
	return place_one(b, o, 0, fills, slot, left_wh);
}

APART int place_one_buy(struct mkt_books *b, const struct mkt_incoming *o, struct mkt_fills *fills,
			uint32_t *slot, uint32_t *left_wh)
{
	return place_one(b, o, 1, fills, slot, left_wh);
}

/* ---- bids of several legs -------------------------------------------------------------------- */

/* The best candidate of one leg of the taker. */
struct cand {
	uint64_t key;   /* R3: direct markets, then surplus; greater goes first */
	uint64_t id;    /* then the smaller; then the place in this list, which is the taker's */
	uint32_t leg;
	uint32_t slot;
	uint32_t index; /* of its price, on its side */
	uint32_t limit; /* index up to which the leg crosses */
	uint16_t taker_leg;
};

struct taker {
	const struct mkt_books *b;
	const struct mkt_incoming *o;
	struct mkt_books *live; /* used up makers are marked in the books; NULL: in @used */
	struct used used;
	struct mkt_fills *fills;
	uint32_t left_wh;
	uint32_t n;
	struct cand cand[MKT_LEGS_MAX]; /* in the order of the taker's legs */
};

static inline void taker_init(struct taker *t, const struct mkt_books *b, struct mkt_books *live,
			      const struct mkt_incoming *o, struct mkt_fills *fills)
{
	t->b = b;
	t->o = o;
	t->live = live;
	t->used = (struct used){0};
	t->fills = fills;
	t->left_wh = o->amount_wh;
	t->n = 0; /* so nothing of cand[] is read */
}

static inline bool is_candidate(const struct taker *t, uint32_t slot)
{
	const struct bid *x = &t->b->bids[slot];

	if (x->owner == t->o->owner || !x->left_wh)
		return false;
	return t->live || x->open == 1 || !used_has(&t->used, slot);
}

/* @c stands on @leg, of a price of index @index, from now. */
static inline void stand_on(const struct taker *t, struct cand *c, const struct book *book,
			    uint32_t leg, uint32_t index)
{
	int64_t surplus = (int64_t)(c->limit - index) * t->b->tick - book->fee_upwh;

	/* |surplus| < 2^33, so the sum is positive and bit 40 is free. */
	c->key = (uint64_t)(surplus + ((int64_t)1 << 34)) | (uint64_t)book->direct << 40;
	c->leg = leg;
	c->index = index;
	c->slot = t->b->legs[leg].slot;
	c->id = t->b->bids[c->slot].id;
}

/* Move @c to the first candidate at or after @leg; false if there is none. */
APART bool seek(const struct taker *t, struct cand *c, uint32_t leg)
{
	while (leg && !is_candidate(t, t->b->legs[leg].slot))
		leg = next_leg(t->b, leg, c->limit);
	if (leg)
		stand_on(t, c, &t->b->books[t->o->legs[c->taker_leg].book], leg,
			 leg_index(t->b, &t->b->legs[leg]));
	return leg != 0;
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
	const unsigned int opposite = !side_of(t->o->side);
	struct cand *first, *second;
	struct mkt_fill *fill;
	uint32_t slot;

	if (t->n && t->o->flags & MKT_BID_POST_ONLY)
		return -MKT_EPOSTONLY;
	while (t->n && t->left_wh) {
		first = choose(t, &second);
		slot = first->slot;
		fill = fills_add(t->fills, t->b, first->leg, price_of(t->b, opposite, first->index),
				 &t->left_wh);
		if (!fill)
			return -MKT_ENOMEM;
		fill->taker_leg = first->taker_leg;
		fill->alt_leg = MKT_NO_LEG;
		fill->alt_price_upwh = 0;
		if (second) {
			fill->alt_leg = second->taker_leg;
			fill->alt_price_upwh = price_of(t->b, opposite, second->index);
		}
		if (fill->maker_left_wh)
			break; /* the taker is used up */
		if (mark_used(t, slot) < 0)
			return -MKT_ENOMEM;
		move_on(t, slot);
	}
	return 0;
}

/* Leg @i of the taker crosses up to index @limit of side @opposite of @book: put it in the race. */
APART void race(struct taker *t, const struct book *book, unsigned int opposite, uint32_t i,
		uint32_t limit)
{
	const struct side *s = &book->side[opposite];
	struct cand *c = &t->cand[t->n];
	uint32_t leg = first_leg(t->b, s, limit);

	c->limit = limit;
	c->taker_leg = (uint16_t)i;
	if (MKT_LIKELY(leg && is_candidate(t, t->b->legs[leg].slot)))
		stand_on(t, c, book, leg, s->best);
	else if (!seek(t, c, leg))
		return;
	t->n++;
}

/* Check the legs of the taker, note their indexes, put those that cross in the race. */
INLINE_A_SIDE int check_legs(struct mkt_books *b, struct taker *t, unsigned int side, uint32_t n,
			     uint32_t *index)
{
	const struct mkt_leg *x = t->o->legs;
	const uint64_t call = ++b->calls;
	struct book *book;
	uint32_t own;
	int rc;

	for (uint32_t i = 0; i < n; i++) {
		rc = leg_check(b, &x[i], side, call, &book, &own);
		if (MKT_UNLIKELY(rc))
			return rc;
		book->seen = call;
		index[i] = own;
		if (MKT_UNLIKELY(book->side[!side].best <= b->last - own))
			race(t, book, !side, i, b->last - own);
	}
	return 0;
}

/* Rest what the taker has left; @n and @index as check_legs() had them. */
INLINE_A_SIDE void rest_many(struct mkt_books *b, const struct taker *t, unsigned int side,
			     uint32_t n, const uint32_t *index, uint32_t slot)
{
	const struct mkt_leg *x = t->o->legs;
	const uint32_t leg = enter(b, t->o, n, slot, t->left_wh);

	for (uint32_t i = 0; i < n; i++) {
		b->legs[leg + i].slot = slot;
		leg_link(b, x[i].book, side, index[i], leg + i);
	}
}

/*
 * A bid with flags, or whose limits cross somewhere.  Returns 1 if what is left is
 * to rest at *@slot, 0 if nothing is, or the refusal.
 */
APART int take_many(struct mkt_books *b, struct taker *t, uint32_t *slot, uint32_t *left_wh)
{
	int rc = find_many(t);

	if (!rc)
		rc = verdict(b, t->o, t->left_wh);
	if (rc) {
		unmark(b, t->fills);
		t->fills->n = 0;
		return rc;
	}
	*slot = MKT_NO_SLOT;
	*left_wh = t->left_wh;
	if (t->left_wh && !(t->o->flags & MKT_BID_IOC)) {
		*slot = slot_alloc(b); /* as in take_one() */
		rc = 1;
	}
	apply(b, t->fills);
	return rc;
}

APART int place_many(struct mkt_books *b, const struct mkt_incoming *o, struct mkt_fills *fills,
		     uint32_t *slot, uint32_t *left_wh)
{
	const uint32_t n = o->nlegs;
	uint32_t index[MKT_LEGS_MAX], at;
	struct taker t;
	int rc;

	if (MKT_UNLIKELY(b->ready < n) && books_make_room(b) < 0)
		return -MKT_ENOMEM;
	taker_init(&t, b, b, o, fills);
	rc = o->side == MKT_SELL ? check_legs(b, &t, 0, n, index) : check_legs(b, &t, 1, n, index);
	if (rc)
		return rc;
	if (MKT_UNLIKELY(t.n || o->flags || b->count >= b->bids_max)) {
		rc = take_many(b, &t, slot, left_wh);
		if (rc <= 0)
			return rc;
		at = *slot;
	} else {
		at = slot_alloc(b);
		*slot = at;
		*left_wh = t.left_wh;
	}
	if (o->side == MKT_SELL)
		rest_many(b, &t, 0, n, index, at);
	else
		rest_many(b, &t, 1, n, index, at);
	return 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static inline bool order_ok(const struct mkt_incoming *o)
{
	return o->amount_wh && (unsigned int)o->side - MKT_SELL <= MKT_BUY - MKT_SELL &&
	       (unsigned int)o->nlegs - 1 < MKT_LEGS_MAX;
}

int mkt_books_place(struct mkt_books *b, const struct mkt_incoming *o, struct mkt_fills *fills,
		    uint32_t *slot, uint32_t *left_wh)
{
	fills->n = 0;
	if (!order_ok(o) || !o->id)
		return -MKT_EINVAL;
	if (o->nlegs > 1)
		return place_many(b, o, fills, slot, left_wh);
	if (o->side == MKT_SELL)
		return place_one_sell(b, o, fills, slot, left_wh);
	return place_one_buy(b, o, fills, slot, left_wh);
}

/* As check_legs(), without writing anything to the books. */
static int try_legs(struct taker *t)
{
	const struct mkt_incoming *o = t->o;
	const unsigned int side = side_of(o->side);
	struct book *book;
	uint32_t index;

	for (uint32_t i = 0; i < o->nlegs; i++) {
		if (leg_check(t->b, &o->legs[i], side, CLOSED, &book, &index))
			return -MKT_EINVAL;
		for (uint32_t j = 0; j < i; j++)
			if (o->legs[j].book == o->legs[i].book)
				return -MKT_EDUPLEG;
		if (book->side[!side].best <= t->b->last - index)
			race(t, book, !side, i, t->b->last - index);
	}
	return 0;
}

int mkt_books_try(const struct mkt_books *b, const struct mkt_incoming *o, struct mkt_fills *fills,
		  uint32_t *left_wh)
{
	struct taker t;
	int rc;

	fills->n = 0;
	if (!order_ok(o))
		return -MKT_EINVAL;
	taker_init(&t, b, NULL, o, fills);
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
	struct level *lv = &b->levels[l->at];
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

int mkt_books_restore(struct mkt_books *b, const struct mkt_incoming *o, const bool *open_legs,
		      uint32_t *slot)
{
	unsigned int side = side_of(o->side);
	uint32_t index[MKT_LEGS_MAX], leg, at;
	uint64_t call = ++b->calls;
	struct book *book;
	uint16_t open = 0;
	int rc;

	if (!order_ok(o) || !o->id)
		return -MKT_EINVAL;
	if (b->count >= b->bids_max)
		return -MKT_ELIMIT;
	for (uint32_t i = 0; i < o->nlegs; i++) {
		if (open_legs && !open_legs[i])
			continue;
		rc = leg_check(b, &o->legs[i], side, call, &book, &index[i]);
		if (rc)
			return rc;
		book->seen = call;
		open++;
	}
	if (!open)
		return -MKT_EINVAL;
	if (b->ready < o->nlegs && books_make_room(b) < 0)
		return -MKT_ENOMEM;
	at = slot_alloc(b);
	leg = enter(b, o, o->nlegs, at, o->amount_wh);
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

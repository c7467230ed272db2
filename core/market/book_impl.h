/*
 * Inside of the books; only book.c and match.c include this.
 *
 * Everything lives in growing arrays and is named by 32-bit handles, never by
 * pointers, so an array may move when it grows.  Handle 0 of legs, chunks and
 * nodes means "none"; slots of bids start at 0.
 *
 * Prices are counted in steps from the best price there can be: a sell at the
 * lowest price of the range and a buy at the highest have index 0.  So on both
 * sides the smaller index is the better one and every search is a ctz, and the
 * index of a price on one side is b->last minus its index on the other.
 *
 * One side of a book is a tree of 64-way nodes with a bitmap each, over chunks of
 * 64 levels.  The root is a row of up to 64 nodes and stands as long as the book;
 * with its 4096 children it covers 262,144 ticks.  A longer range has storeys of
 * nodes between, made where there are bids, as chunks are.  What is below node n
 * is children[n << 6] and the 63 after it; the levels of chunk c are levels[c << 6]
 * and the 63 after it.  Nodes and chunks are named by these multiples of 64
 * wherever a place is formed from them.  The best index is kept in the side, so
 * that most incoming legs read nothing else of the opposite side.
 */
#ifndef MKT_MARKET_BOOK_IMPL_H
#define MKT_MARKET_BOOK_IMPL_H

#include "core/base/limits.h"
#include "core/market/book.h"

/* Made once for each side: which side it is costs an instruction or two a leg. */
#define INLINE_A_SIDE static inline __attribute__((always_inline))

/* Kept out of a path that would save registers for it. */
#define APART static __attribute__((noinline))

#define LEG_CLASSES 9      /* blocks of 1, 2, 4 ... 256 legs */
#define NO_BEST UINT32_MAX /* side without bids; then side.top is 0 too */
#define CLOSED UINT64_MAX  /* book.seen: the book is not open */

/* An open bid: 32 bytes, two a cache line. */
struct bid {
	uint64_t id;      /* 0: the slot is free */
	uint32_t left_wh; /* 0 only inside a call that matches: used up, legs not yet unlinked */
	uint32_t owner;
	uint32_t leg;     /* first of nlegs legs in a row; in a free slot the next free slot */
	uint16_t nlegs;
	uint16_t open;
	uint8_t side;
	uint8_t unused[7];
};

struct leg {
	uint32_t next; /* in the queue of its level; in a free block the next free block */
	uint32_t prev;
	uint32_t slot;
	uint32_t at;   /* its level in levels[]; 0: no longer in a book */
};

struct level {
	uint32_t head; /* both 0 if empty, also in free chunks */
	uint32_t tail;
};

struct chunk {
	uint64_t bits;  /* levels with bids */
	uint32_t first; /* index of its first level, a multiple of 64 */
	uint32_t up;    /* node above, << 6; in a free chunk the next free one, << 6 */
	uint32_t side;  /* book * 2 + side */
	uint32_t unused;
};

struct node {
	uint64_t bits;  /* children that are there; the others are 0 */
	uint32_t up;    /* << 6; 0 in the root row; in a free node the next free one */
	uint32_t place; /* which child of up; in the root row which of the row */
};

struct side {
	uint32_t best; /* index of the best level */
	uint32_t top;  /* its chunk */
	uint32_t root; /* first node of the root row, << 6 */
	uint32_t unused;
	uint64_t bits; /* nodes of the root row with something below */
};

/* One cache line. */
struct book {
	struct side side[2]; /* 0 sells, 1 buys */
	uint64_t seen;       /* last call that named the book: finds one named twice */
	int32_t fee_upwh;
	uint32_t direct;     /* 0 or 1; in a free book the next free one */
};

struct mkt_books {
	struct bid *bids;
	struct leg *legs;
	struct level *levels;
	uint32_t *children;
	struct book *books;
	struct chunk *chunks;
	struct node *nodes;

	uint32_t price_min; /* of the range, as unsigned: differences never overflow */
	uint32_t tick;
	uint32_t span;      /* highest price on the tick minus lowest */
	uint32_t last;      /* highest index */
	uint32_t root_shift; /* index >> root_shift is the child of the root row */
	uint32_t root_nodes; /* in the row */

	uint32_t ready; /* legs that may come before anything has to grow: see books_make_room() */
	uint32_t bids_free, bids_n, bids_cap; /* free list, ever used, room */
	uint32_t legs_n, legs_cap;
	uint32_t legs_free[LEG_CLASSES];
	uint32_t chunks_free, chunks_n, chunks_cap, chunks_spare; /* spare: free or never used */
	uint32_t nodes_free, nodes_n, nodes_cap, nodes_spare, rows_free;
	uint32_t books_free, books_n, books_cap;

	uint32_t bids_max;
	uint32_t count;   /* open bids */
	uint64_t calls;   /* what book.seen is compared with */
};

/* Slow paths, in book.c. */
int books_make_room(struct mkt_books *b);
uint32_t books_make_chunk(struct mkt_books *b, uint32_t side, uint32_t index);
void books_drop_chunk(struct mkt_books *b, uint32_t chunk);
uint32_t books_next_level(const struct mkt_books *b, uint32_t at, uint32_t limit);
void books_remove(struct mkt_books *b, uint32_t slot);

static inline unsigned int lowest_bit(uint64_t bits)
{
	return (unsigned int)__builtin_ctzll(bits);
}

static inline unsigned int side_of(uint8_t mkt_side)
{
	return mkt_side == MKT_BUY;
}

static inline unsigned int leg_class(uint32_t nlegs)
{
	return nlegs <= 1 ? 0 : 32 - (unsigned int)__builtin_clz(nlegs - 1);
}

/* Index of a price on side @side; false if it is out of range or off the tick. */
INLINE_A_SIDE bool index_of(const struct mkt_books *b, unsigned int side, int32_t price_upwh,
			    uint32_t *index)
{
	uint32_t above = (uint32_t)price_upwh - b->price_min;
	uint32_t i = above / b->tick;

	if (MKT_UNLIKELY(above > b->span || above % b->tick))
		return false;
	*index = side ? b->last - i : i;
	return true;
}

static inline int32_t price_of(const struct mkt_books *b, unsigned int side, uint32_t index)
{
	return (int32_t)(b->price_min + (side ? b->last - index : index) * b->tick);
}

static inline uint32_t leg_index(const struct mkt_books *b, const struct leg *l)
{
	return b->chunks[l->at >> 6].first | (l->at & 63);
}

/* The first leg of the best level, if that is not beyond @limit; else 0. */
static inline uint32_t first_leg(const struct mkt_books *b, const struct side *s, uint32_t limit)
{
	if (s->best > limit || !s->top)
		return 0;
	return b->levels[s->top | (s->best & 63)].head;
}

/* The leg after @leg in order of priority, up to @limit; 0 at the end. */
static inline uint32_t next_leg(const struct mkt_books *b, uint32_t leg, uint32_t limit)
{
	const struct leg *l = &b->legs[leg];

	return l->next ? l->next : books_next_level(b, l->at, limit);
}

/* The calls below need b->ready legs; bid slots also count < bids_max. */
static inline uint32_t slot_alloc(struct mkt_books *b)
{
	uint32_t slot = b->bids_free;

	if (slot == MKT_NO_SLOT)
		return b->bids_n++;
	b->bids_free = b->bids[slot].leg;
	return slot;
}

static inline void slot_free(struct mkt_books *b, uint32_t slot)
{
	b->bids[slot].id = 0;
	b->bids[slot].leg = b->bids_free;
	b->bids_free = slot;
}

static inline uint32_t legs_alloc(struct mkt_books *b, uint32_t nlegs)
{
	unsigned int class = leg_class(nlegs);
	uint32_t leg = b->legs_free[class];

	if (leg) {
		b->legs_free[class] = b->legs[leg].next;
	} else {
		leg = b->legs_n;
		b->legs_n += 1u << class;
	}
	return leg;
}

/* Put a leg at the end of its queue. */
INLINE_A_SIDE void leg_link(struct mkt_books *b, uint32_t book, unsigned int side, uint32_t index,
			    uint32_t leg)
{
	struct side *s = &b->books[book].side[side];
	uint32_t shift = b->root_shift;
	uint32_t at = b->children[s->root + (index >> shift)];
	struct leg *l = &b->legs[leg];
	struct level *lv;

	while (shift > 6 && at) {
		shift -= 6;
		at = b->children[at | (index >> shift & 63)];
	}
	if (MKT_UNLIKELY(!at))
		at = books_make_chunk(b, book * 2 + side, index);
	at |= index & 63;
	lv = &b->levels[at];
	l->at = at;
	l->next = 0;
	l->prev = lv->tail;
	if (lv->tail) {
		b->legs[lv->tail].next = leg;
		lv->tail = leg;
		return;
	}
	lv->head = lv->tail = leg;
	b->chunks[at >> 6].bits |= (uint64_t)1 << (index & 63);
	if (index <= s->best) { /* equal only if there was none */
		s->best = index;
		s->top = at & ~(uint32_t)63;
	}
}

/* The last leg of a level has gone. */
static inline void level_empty(struct mkt_books *b, uint32_t at)
{
	struct chunk *c = &b->chunks[at >> 6];
	struct side *s;

	c->bits &= ~((uint64_t)1 << (at & 63));
	if (!c->bits) {
		books_drop_chunk(b, at & ~(uint32_t)63);
		return;
	}
	s = &b->books[c->side >> 1].side[c->side & 1];
	if (s->best == (c->first | (at & 63)))
		s->best = c->first | lowest_bit(c->bits);
}

static inline void leg_unlink(struct mkt_books *b, struct leg *l)
{
	uint32_t at = l->at, next = l->next, prev = l->prev;
	struct level *lv = &b->levels[at];

	l->at = 0;
	if (prev)
		b->legs[prev].next = next;
	else
		lv->head = next;
	if (next)
		b->legs[next].prev = prev;
	else
		lv->tail = prev;
	if (!(prev | next))
		level_empty(b, at);
}

#endif

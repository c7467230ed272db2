#include "core/base/compat.h"

#include "core/market/book.h"
#include "core/market/book_impl.h"

/* ---- memory ---------------------------------------------------------------------------------- */

/*
 * @v, moved if it has to be to hold @need > 0 elements of @size bytes; *@cap
 * follows.  NULL, and nothing changed, if there is no memory or @need is above @max.
 */
static void *grown(void *v, uint32_t *cap, uint64_t need, uint64_t max, size_t size)
{
	uint64_t want = *cap < 32 ? 64 : (uint64_t)*cap * 2;
	void *p;

	if (need <= *cap)
		return v;
	if (want < need)
		want = need;
	if (want > max)
		want = max;
	if (want < need || want > SIZE_MAX / 2 / size)
		return NULL;
	p = realloc(v, (size_t)want * size);
	if (p)
		*cap = (uint32_t)want;
	return p;
}

static int grow_bids(struct mkt_books *b, uint64_t need)
{
	struct bid *p = grown(b->bids, &b->bids_cap, need, b->bids_max, sizeof(*p));

	if (!p)
		return -MKT_ENOMEM;
	b->bids = p;
	return 0;
}

static int grow_legs(struct mkt_books *b, uint64_t need)
{
	struct leg *p = grown(b->legs, &b->legs_cap, need, UINT32_MAX, sizeof(*p));

	if (!p)
		return -MKT_ENOMEM;
	b->legs = p;
	return 0;
}

static int grow_books(struct mkt_books *b, uint64_t need)
{
	struct book *p = grown(b->books, &b->books_cap, need, UINT32_MAX >> 1, sizeof(*p));

	if (!p)
		return -MKT_ENOMEM;
	b->books = p;
	return 0;
}

/* Chunks and nodes are two arrays each; the room is that of both. */
static int grow_chunks(struct mkt_books *b, uint64_t need)
{
	uint32_t cap = b->chunks_cap, cap_levels = cap;
	struct level *levels;
	struct chunk *chunks;

	levels = grown(b->levels, &cap_levels, need, UINT32_MAX >> 6, 64 * sizeof(*levels));
	if (!levels)
		return -MKT_ENOMEM;
	b->levels = levels;
	chunks = grown(b->chunks, &cap, need, UINT32_MAX >> 6, sizeof(*chunks));
	if (!chunks)
		return -MKT_ENOMEM;
	b->chunks = chunks;
	b->chunks_spare += cap - b->chunks_cap;
	b->chunks_cap = cap;
	return 0;
}

static int grow_nodes(struct mkt_books *b, uint64_t need)
{
	uint32_t cap = b->nodes_cap, cap_children = cap;
	uint32_t *children;
	struct node *nodes;

	children = grown(b->children, &cap_children, need, UINT32_MAX >> 6, 64 * sizeof(*children));
	if (!children)
		return -MKT_ENOMEM;
	b->children = children;
	nodes = grown(b->nodes, &cap, need, UINT32_MAX >> 6, sizeof(*nodes));
	if (!nodes)
		return -MKT_ENOMEM;
	b->nodes = nodes;
	b->nodes_spare += cap - b->nodes_cap;
	b->nodes_cap = cap;
	return 0;
}

/*
 * Room for at least MKT_LEGS_MAX more legs, with slots only up to bids_max.  How
 * many legs may come before the next call is left in b->ready: each leg may need
 * a slot, a chunk, a node on each storey below the row and, blocks of legs being
 * powers of two, two places among the legs.
 */
int books_make_room(struct mkt_books *b)
{
	const uint32_t more = 2 * MKT_LEGS_MAX;
	uint32_t storeys = b->root_shift / 6 - 1;
	uint64_t slots = (uint64_t)b->bids_n + more;
	uint32_t ready;

	if (slots > b->bids_max)
		slots = b->bids_max;
	if (grow_bids(b, slots) < 0 || grow_legs(b, (uint64_t)b->legs_n + 2 * more) < 0)
		return -MKT_ENOMEM;
	if (b->chunks_spare < more && grow_chunks(b, (uint64_t)b->chunks_cap + more) < 0)
		return -MKT_ENOMEM;
	if (b->nodes_spare < more * storeys &&
	    grow_nodes(b, (uint64_t)b->nodes_cap + more * storeys) < 0)
		return -MKT_ENOMEM;
	ready = (b->legs_cap - b->legs_n) / 2;
	if (ready > b->chunks_spare)
		ready = b->chunks_spare;
	if (storeys && ready > b->nodes_spare / storeys)
		ready = b->nodes_spare / storeys;
	if (b->bids_cap < b->bids_max && ready > b->bids_cap - b->bids_n)
		ready = b->bids_cap - b->bids_n;
	b->ready = ready;
	return 0;
}

void mkt_fills_release(struct mkt_fills *f)
{
	free(f->v);
	*f = (struct mkt_fills){0};
}

static int check_conf(const struct mkt_books_conf *conf, struct mkt_err *err)
{
	if (conf->tick <= 0)
		return mkt_err_set(err, MKT_EINVAL, "the price tick must be positive");
	if (conf->price_min > conf->price_max)
		return mkt_err_set(err, MKT_EINVAL, "the price range is empty");
	if (!conf->bids_max || conf->bids_max == MKT_NO_SLOT)
		return mkt_err_set(err, MKT_EINVAL, "the number of open bids is out of range");
	return 0;
}

int mkt_books_new(const struct mkt_books_conf *conf, struct mkt_books **out, struct mkt_err *err)
{
	struct mkt_books *b;
	int rc = check_conf(conf, err);

	if (rc < 0)
		return rc;
	b = calloc(1, sizeof(*b));
	if (!b)
		return mkt_err_code(err, MKT_ENOMEM);
	b->price_min = (uint32_t)conf->price_min;
	b->tick = (uint32_t)conf->tick;
	b->last = ((uint32_t)conf->price_max - b->price_min) / b->tick;
	b->span = b->last * b->tick;
	b->root_shift = 6;
	while (b->last >> b->root_shift > 4095)
		b->root_shift += 6;
	b->root_nodes = (b->last >> b->root_shift) / 64 + 1;
	b->bids_max = conf->bids_max;
	b->bids_free = MKT_NO_SLOT;
	b->books_free = UINT32_MAX;
	b->legs_n = b->chunks_n = b->nodes_n = 1; /* 0 is "none" */
	if (grow_legs(b, 1) < 0 || grow_chunks(b, 1) < 0 || grow_nodes(b, 1) < 0) {
		mkt_books_free(b);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	b->chunks_spare--;
	b->nodes_spare--;
	*out = b;
	return 0;
}

void mkt_books_free(struct mkt_books *b)
{
	if (!b)
		return;
	free(b->bids);
	free(b->legs);
	free(b->levels);
	free(b->chunks);
	free(b->children);
	free(b->nodes);
	free(b->books);
	free(b);
}

/* ---- the tree of one side -------------------------------------------------------------------- */

static void node_make(struct mkt_books *b, uint32_t node, uint32_t up, uint32_t place)
{
	b->nodes[node >> 6] = (struct node){.up = up, .place = place};
	memset(&b->children[node], 0, 64 * sizeof(*b->children));
}

static uint32_t node_alloc(struct mkt_books *b, uint32_t up, uint32_t place)
{
	uint32_t node = b->nodes_free;

	if (node)
		b->nodes_free = b->nodes[node >> 6].up;
	else
		node = b->nodes_n++ << 6;
	b->nodes_spare--;
	node_make(b, node, up, place);
	return node;
}

static void node_free(struct mkt_books *b, uint32_t node)
{
	b->nodes[node >> 6].up = b->nodes_free;
	b->nodes_free = node;
	b->nodes_spare++;
}

static void node_add(struct mkt_books *b, uint32_t node, uint32_t place, uint32_t child)
{
	b->nodes[node >> 6].bits |= (uint64_t)1 << place;
	b->children[node | place] = child;
}

static void node_del(struct mkt_books *b, uint32_t node, uint32_t place)
{
	b->nodes[node >> 6].bits &= ~((uint64_t)1 << place);
	b->children[node | place] = 0;
}

uint32_t books_make_chunk(struct mkt_books *b, uint32_t side, uint32_t index)
{
	struct side *s = &b->books[side >> 1].side[side & 1];
	uint32_t root = index >> b->root_shift;
	uint32_t node = s->root + (root & ~(uint32_t)63);
	uint32_t chunk = b->chunks_free;
	struct chunk *c;

	s->bits |= (uint64_t)1 << (root >> 6);
	for (uint32_t shift = b->root_shift; shift > 6; shift -= 6) {
		uint32_t place = index >> shift & 63;
		uint32_t below = b->children[node | place];

		if (!below) {
			below = node_alloc(b, node, place);
			node_add(b, node, place, below);
		}
		node = below;
	}
	if (chunk) {
		b->chunks_free = b->chunks[chunk >> 6].up;
	} else {
		chunk = b->chunks_n++ << 6;
		memset(&b->levels[chunk], 0, 64 * sizeof(*b->levels));
	}
	b->chunks_spare--;
	c = &b->chunks[chunk >> 6];
	c->bits = 0;
	c->first = index & ~(uint32_t)63;
	c->up = node;
	c->side = side;
	node_add(b, node, index >> 6 & 63, chunk);
	return chunk;
}

static struct side *side_at(const struct mkt_books *b, const struct chunk *c)
{
	return &b->books[c->side >> 1].side[c->side & 1];
}

/* The first chunk below @at, which stands @up storeys above chunks and is not empty. */
static uint32_t first_chunk(const struct mkt_books *b, uint32_t at, unsigned int up)
{
	for (unsigned int i = 0; i < up; i++)
		at = b->children[at | lowest_bit(b->nodes[at >> 6].bits)];
	return at;
}

static void find_best(struct mkt_books *b, struct side *s)
{
	s->best = NO_BEST;
	s->top = 0;
	if (!s->bits)
		return;
	s->top = first_chunk(b, s->root + (lowest_bit(s->bits) << 6), b->root_shift / 6);
	s->best = b->chunks[s->top >> 6].first | lowest_bit(b->chunks[s->top >> 6].bits);
}

/* Free an empty chunk, and the nodes that have nothing else below them. */
void books_drop_chunk(struct mkt_books *b, uint32_t chunk)
{
	struct chunk *c = &b->chunks[chunk >> 6];
	struct side *s = side_at(b, c);
	uint32_t node = c->up;

	node_del(b, node, c->first >> 6 & 63);
	while (!b->nodes[node >> 6].bits && b->nodes[node >> 6].up) {
		uint32_t up = b->nodes[node >> 6].up;

		node_del(b, up, b->nodes[node >> 6].place);
		node_free(b, node);
		node = up;
	}
	if (!b->nodes[node >> 6].bits)
		s->bits &= ~((uint64_t)1 << b->nodes[node >> 6].place);
	c->up = b->chunks_free;
	b->chunks_free = chunk;
	b->chunks_spare++;
	if (s->top == chunk)
		find_best(b, s);
}

/* The chunk after @c on its side, or 0. */
static uint32_t next_chunk(const struct mkt_books *b, const struct chunk *c)
{
	const struct side *s = side_at(b, c);
	uint32_t node = c->up, place = c->first >> 6 & 63;
	unsigned int up = 0; /* storeys from what is below @node down to chunks */
	uint64_t after;

	for (;; up++) {
		const struct node *n = &b->nodes[node >> 6];

		after = n->bits & ~(uint64_t)1 << place;
		if (after)
			return first_chunk(b, b->children[node | lowest_bit(after)], up);
		place = n->place;
		if (!n->up)
			break;
		node = n->up;
	}
	after = s->bits & ~(uint64_t)1 << place;
	return after ? first_chunk(b, s->root + (lowest_bit(after) << 6), up + 1) : 0;
}

/* The first leg of the level after @at, if not beyond @limit; else 0. */
uint32_t books_next_level(const struct mkt_books *b, uint32_t at, uint32_t limit)
{
	uint32_t chunk = at & ~(uint32_t)63;
	const struct chunk *c = &b->chunks[at >> 6];
	uint64_t bits = c->bits & ~(uint64_t)1 << (at & 63);
	unsigned int level;

	if (!bits) {
		chunk = next_chunk(b, c);
		if (!chunk)
			return 0;
		c = &b->chunks[chunk >> 6];
		bits = c->bits;
	}
	level = lowest_bit(bits);
	return (c->first | level) <= limit ? b->levels[chunk | level].head : 0;
}

/* ---- books ----------------------------------------------------------------------------------- */

static uint32_t row_alloc(struct mkt_books *b)
{
	uint32_t row = b->rows_free;

	if (row) {
		b->rows_free = b->nodes[row >> 6].up;
	} else {
		row = b->nodes_n << 6;
		b->nodes_n += b->root_nodes;
		b->nodes_spare -= b->root_nodes;
	}
	for (uint32_t i = 0; i < b->root_nodes; i++)
		node_make(b, row + (i << 6), 0, i);
	return row;
}

static void row_free(struct mkt_books *b, uint32_t row)
{
	b->nodes[row >> 6].up = b->rows_free;
	b->rows_free = row;
}

int mkt_book_open(struct mkt_books *b, bool direct, int32_t fee_upwh, uint32_t *book)
{
	uint32_t n = b->books_free;
	struct book *k;

	if (grow_nodes(b, (uint64_t)b->nodes_n + 2 * b->root_nodes) < 0)
		return -MKT_ENOMEM;
	b->ready = 0; /* it takes nodes away */
	if (n != UINT32_MAX) {
		b->books_free = b->books[n].direct;
	} else {
		if (grow_books(b, (uint64_t)b->books_n + 1) < 0)
			return -MKT_ENOMEM;
		n = b->books_n++;
	}
	k = &b->books[n];
	*k = (struct book){.fee_upwh = fee_upwh, .direct = direct};
	for (int i = 0; i < 2; i++)
		k->side[i] = (struct side){.best = NO_BEST, .root = row_alloc(b)};
	*book = n;
	return 0;
}

static bool is_open(const struct mkt_books *b, uint32_t book)
{
	return book < b->books_n && b->books[book].seen != CLOSED;
}

void mkt_book_set_fee(struct mkt_books *b, uint32_t book, int32_t fee_upwh)
{
	if (is_open(b, book))
		b->books[book].fee_upwh = fee_upwh;
}

static struct mkt_resting resting_of(const struct bid *x)
{
	return (struct mkt_resting){.id = x->id, .owner = x->owner, .left_wh = x->left_wh,
				    .side = x->side, .nlegs = x->nlegs, .open = x->open};
}

/* Give back the slot and the block of legs of a bid that is in no book. */
static inline void bid_free(struct mkt_books *b, uint32_t slot)
{
	struct bid *x = &b->bids[slot];
	unsigned int class = leg_class(x->nlegs);

	b->legs[x->leg].next = b->legs_free[class];
	b->legs_free[class] = x->leg;
	slot_free(b, slot);
	b->count--;
}

/* Take a bid out of all books it is still in, and forget it. */
void books_remove(struct mkt_books *b, uint32_t slot)
{
	struct bid *x = &b->bids[slot];

	for (struct leg *l = &b->legs[x->leg], *end = l + x->nlegs; l < end; l++)
		if (MKT_LIKELY(l->at))
			leg_unlink(b, l);
	bid_free(b, slot);
}

void mkt_book_close(struct mkt_books *b, uint32_t book, mkt_book_gone_fn *gone, void *ctx)
{
	struct book *k;
	uint32_t leg;

	if (!is_open(b, book))
		return;
	k = &b->books[book];
	for (int i = 0; i < 2; i++) {
		while ((leg = first_leg(b, &k->side[i], NO_BEST)) != 0) {
			uint32_t slot = b->legs[leg].slot;
			struct bid *x = &b->bids[slot];
			struct mkt_resting r;

			leg_unlink(b, &b->legs[leg]);
			x->open--;
			r = resting_of(x);
			leg -= x->leg;
			if (!x->open)
				bid_free(b, slot);
			if (gone)
				gone(ctx, slot, &r, (uint16_t)leg);
		}
		row_free(b, k->side[i].root);
	}
	k->seen = CLOSED;
	k->direct = b->books_free;
	b->books_free = book;
}

/* ---- bids ------------------------------------------------------------------------------------ */

static struct bid *bid_at(const struct mkt_books *b, uint32_t slot, uint64_t id)
{
	if (slot >= b->bids_n || b->bids[slot].id != id || !id)
		return NULL;
	return &b->bids[slot];
}

int mkt_books_cancel(struct mkt_books *b, uint32_t slot, uint64_t id)
{
	if (!bid_at(b, slot, id))
		return -MKT_ETOOLATE;
	books_remove(b, slot);
	return 0;
}

int mkt_books_reduce(struct mkt_books *b, uint32_t slot, uint64_t id, uint32_t left_wh)
{
	struct bid *x = bid_at(b, slot, id);

	if (!x)
		return -MKT_ETOOLATE;
	if (!left_wh || left_wh >= x->left_wh)
		return -MKT_EREDUCE;
	x->left_wh = left_wh;
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

bool mkt_books_get(const struct mkt_books *b, uint32_t slot, uint64_t id, struct mkt_resting *out)
{
	if (slot >= b->bids_n || !b->bids[slot].id || (id && b->bids[slot].id != id))
		return false;
	*out = resting_of(&b->bids[slot]);
	return true;
}

bool mkt_books_leg(const struct mkt_books *b, uint32_t slot, uint16_t leg, struct mkt_leg *out)
{
	const struct leg *l;
	uint32_t side;

	if (slot >= b->bids_n || !b->bids[slot].id || leg >= b->bids[slot].nlegs)
		return false;
	l = &b->legs[b->bids[slot].leg + leg];
	if (!l->at)
		return false;
	side = b->chunks[l->at >> 6].side;
	*out = (struct mkt_leg){.book = side >> 1,
				.price_upwh = price_of(b, side & 1, leg_index(b, l))};
	return true;
}

uint32_t mkt_books_count(const struct mkt_books *b)
{
	return b->count;
}

void mkt_book_walk(const struct mkt_books *b, uint32_t book, enum mkt_side side,
		   mkt_book_each_fn *each, void *ctx)
{
	unsigned int i = side_of((uint8_t)side);

	if (!is_open(b, book))
		return;
	for (uint32_t leg = first_leg(b, &b->books[book].side[i], NO_BEST); leg;
	     leg = next_leg(b, leg, NO_BEST)) {
		const struct leg *l = &b->legs[leg];
		const struct bid *x = &b->bids[l->slot];
		struct mkt_resting r = resting_of(x);

		if (!each(ctx, l->slot, &r, (uint16_t)(leg - x->leg),
			  price_of(b, i, leg_index(b, l))))
			return;
	}
}

bool mkt_book_best(const struct mkt_books *b, uint32_t book, enum mkt_side side,
		   int32_t *price_upwh, uint32_t *bid_wh)
{
	unsigned int i = side_of((uint8_t)side);
	uint32_t leg;

	if (!is_open(b, book))
		return false;
	leg = first_leg(b, &b->books[book].side[i], NO_BEST);
	if (!leg)
		return false;
	*price_upwh = price_of(b, i, leg_index(b, &b->legs[leg]));
	*bid_wh = b->bids[b->legs[leg].slot].left_wh;
	return true;
}

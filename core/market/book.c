#include "core/base/compat.h"

#include "core/market/book.h"
#include "core/market/book_impl.h"

/* ---- memory ---------------------------------------------------------------------------------- */

/* Make *@v hold at least @need elements of @size bytes; *@cap follows. */
static int grow(void *v, uint32_t *cap, uint64_t need, uint64_t max, size_t size)
{
	uint64_t want = *cap < 32 ? 64 : (uint64_t)*cap * 2;
	void *old, *p;

	if (need <= *cap)
		return 0;
	if (want < need)
		want = need;
	if (want > max)
		want = max;
	if (want < need || want > SIZE_MAX / 2 / size)
		return -MKT_ENOMEM;
	memcpy(&old, v, sizeof(old));
	p = realloc(old, (size_t)want * size);
	if (!p)
		return -MKT_ENOMEM;
	memcpy(v, &p, sizeof(p));
	*cap = (uint32_t)want;
	return 0;
}

static int grow_chunks(struct mkt_books *b, uint32_t more)
{
	uint32_t was = b->chunks_cap;
	uint64_t need = (uint64_t)was - b->chunks_spare + more;
	int rc = grow(&b->chunks, &b->chunks_cap, need, UINT32_MAX >> 6, sizeof(*b->chunks));

	b->chunks_spare += b->chunks_cap - was;
	return rc;
}

static int grow_nodes(struct mkt_books *b, uint32_t more)
{
	uint32_t was = b->nodes_cap;
	uint64_t need = (uint64_t)was - b->nodes_spare + more;
	int rc = grow(&b->nodes, &b->nodes_cap, need, UINT32_MAX, sizeof(*b->nodes));

	b->nodes_spare += b->nodes_cap - was;
	return rc;
}

/* Room for one more bid of @nlegs legs, a slot only while there are less than bids_max. */
int books_make_room(struct mkt_books *b, uint32_t nlegs)
{
	unsigned int class = leg_class(nlegs);
	uint64_t legs = (uint64_t)b->legs_n + (1u << class);

	if (b->bids_free == MKT_NO_SLOT && b->bids_n < b->bids_max &&
	    grow(&b->bids, &b->bids_cap, b->bids_n + 1, b->bids_max, sizeof(*b->bids)) < 0)
		return -MKT_ENOMEM;
	if (!b->legs_free[class] &&
	    grow(&b->legs, &b->legs_cap, legs, UINT32_MAX, sizeof(*b->legs)) < 0)
		return -MKT_ENOMEM;
	if (b->chunks_spare < nlegs && grow_chunks(b, nlegs) < 0)
		return -MKT_ENOMEM;
	/* A leg far from all others needs a node on each storey below the root. */
	return grow_nodes(b, nlegs * (b->root_shift / 6));
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
	while (b->last >> b->root_shift > 63)
		b->root_shift += 6;
	b->bids_max = conf->bids_max;
	b->bids_free = MKT_NO_SLOT;
	b->books_free = UINT32_MAX;
	b->legs_n = b->chunks_n = b->nodes_n = 1; /* 0 is "none" */
	if (grow(&b->legs, &b->legs_cap, 1, UINT32_MAX, sizeof(*b->legs)) < 0 ||
	    grow_chunks(b, 1) < 0 || grow_nodes(b, 1) < 0) {
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
	free(b->chunks);
	free(b->nodes);
	free(b->books);
	free(b);
}

/* ---- the tree of one side -------------------------------------------------------------------- */

static uint32_t node_alloc(struct mkt_books *b, uint32_t up, uint32_t place)
{
	uint32_t node = b->nodes_free;

	if (node)
		b->nodes_free = b->nodes[node].up;
	else
		node = b->nodes_n++;
	b->nodes_spare--;
	b->nodes[node] = (struct node){.up = up, .place = place};
	return node;
}

static void node_free(struct mkt_books *b, uint32_t node)
{
	b->nodes[node].up = b->nodes_free;
	b->nodes_free = node;
	b->nodes_spare++;
}

static void node_add(struct node *n, uint32_t place, uint32_t child)
{
	n->bits |= (uint64_t)1 << place;
	n->child[place] = child;
}

static void node_del(struct node *n, uint32_t place)
{
	n->bits &= ~((uint64_t)1 << place);
	n->child[place] = 0;
}

uint32_t books_make_chunk(struct mkt_books *b, uint32_t side, uint32_t index)
{
	uint32_t node = b->books[side >> 1].side[side & 1].root;
	uint32_t chunk = b->chunks_free;
	struct chunk *c;

	for (uint32_t shift = b->root_shift; shift > 6; shift -= 6) {
		uint32_t place = (index >> shift) & 63;
		uint32_t below = b->nodes[node].child[place];

		if (!below) {
			below = node_alloc(b, node, place);
			node_add(&b->nodes[node], place, below);
		}
		node = below;
	}
	if (chunk)
		b->chunks_free = b->chunks[chunk].up;
	else
		chunk = b->chunks_n++;
	b->chunks_spare--;
	c = &b->chunks[chunk];
	c->bits = 0;
	c->first = index & ~(uint32_t)63;
	c->up = node;
	c->side = side;
	node_add(&b->nodes[node], (index >> 6) & 63, chunk);
	return chunk;
}

/* The first chunk below @node, which is @storeys above the lowest nodes and not empty. */
static uint32_t first_chunk(const struct mkt_books *b, uint32_t node, unsigned int storeys)
{
	uint32_t at = node;

	for (unsigned int i = 0; i <= storeys; i++)
		at = b->nodes[at].child[lowest_bit(b->nodes[at].bits)];
	return at;
}

static void find_best(struct mkt_books *b, struct side *s)
{
	s->best = NO_BEST;
	s->top = 0;
	if (!b->nodes[s->root].bits)
		return;
	s->top = first_chunk(b, s->root, b->root_shift / 6 - 1);
	s->best = b->chunks[s->top].first | lowest_bit(b->chunks[s->top].bits);
}

/* Free an empty chunk, and the nodes that have nothing else below them but the root. */
void books_drop_chunk(struct mkt_books *b, uint32_t chunk)
{
	struct chunk *c = &b->chunks[chunk];
	struct side *s = &b->books[c->side >> 1].side[c->side & 1];
	uint32_t node = c->up;

	node_del(&b->nodes[node], (c->first >> 6) & 63);
	while (!b->nodes[node].bits && b->nodes[node].up) {
		uint32_t up = b->nodes[node].up;

		node_del(&b->nodes[up], b->nodes[node].place);
		node_free(b, node);
		node = up;
	}
	c->up = b->chunks_free;
	b->chunks_free = chunk;
	b->chunks_spare++;
	if (s->top == chunk)
		find_best(b, s);
}

/* The chunk after @c on its side, or 0. */
static uint32_t next_chunk(const struct mkt_books *b, const struct chunk *c)
{
	uint32_t place = (c->first >> 6) & 63;
	uint32_t node = c->up;
	unsigned int storeys = 0;

	while (node) {
		const struct node *n = &b->nodes[node];
		uint64_t after = n->bits & ~(uint64_t)1 << place;

		if (after) {
			uint32_t below = n->child[lowest_bit(after)];

			return storeys ? first_chunk(b, below, storeys - 1) : below;
		}
		place = n->place;
		node = n->up;
		storeys++;
	}
	return 0;
}

/* The first leg of the level after that of place @at, if not beyond @limit; else 0. */
uint32_t books_next_level(const struct mkt_books *b, uint32_t at, uint32_t limit)
{
	const struct chunk *c = &b->chunks[at >> 6];
	uint64_t bits = c->bits & ~(uint64_t)1 << (at & 63);
	unsigned int level;

	if (!bits) {
		uint32_t chunk = next_chunk(b, c);

		if (!chunk)
			return 0;
		c = &b->chunks[chunk];
		bits = c->bits;
	}
	level = lowest_bit(bits);
	return (c->first | level) <= limit ? c->level[level].head : 0;
}

/* ---- books ----------------------------------------------------------------------------------- */

int mkt_book_open(struct mkt_books *b, bool direct, int32_t fee_upwh, uint32_t *book)
{
	uint32_t n = b->books_free;
	struct book *k;

	if (grow_nodes(b, 2) < 0)
		return -MKT_ENOMEM;
	if (n != UINT32_MAX) {
		b->books_free = b->books[n].next;
	} else {
		if (grow(&b->books, &b->books_cap, (uint64_t)b->books_n + 1, UINT32_MAX >> 1,
			 sizeof(*b->books)) < 0)
			return -MKT_ENOMEM;
		n = b->books_n++;
	}
	k = &b->books[n];
	*k = (struct book){.fee_upwh = fee_upwh, .open = true, .direct = direct};
	for (int i = 0; i < 2; i++)
		k->side[i] = (struct side){.best = NO_BEST, .root = node_alloc(b, 0, 0)};
	*book = n;
	return 0;
}

static bool is_open(const struct mkt_books *b, uint32_t book)
{
	return book < b->books_n && b->books[book].open;
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
static void bid_free(struct mkt_books *b, uint32_t slot)
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

	for (uint32_t leg = x->leg, end = leg + x->nlegs; leg < end; leg++)
		if (MKT_LIKELY(b->legs[leg].at))
			leg_unlink(b, leg);
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

			leg_unlink(b, leg);
			x->open--;
			r = resting_of(x);
			leg -= x->leg;
			if (!x->open)
				bid_free(b, slot);
			if (gone)
				gone(ctx, slot, &r, (uint16_t)leg);
		}
		node_free(b, k->side[i].root);
	}
	k->open = false;
	k->next = b->books_free;
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

/*
 * State and indexes of new blocks into the store.
 *
 * All that goes into one table is gathered first and sorted, so that the store
 * touches each of its pages once: random order would cost several times more.
 */
#include "core/base/compat.h"

#include "core/chain/chain_impl.h"

#define TRIES 8 /* the store doubles each time */

void chain_scratch_release(struct chain_scratch *s)
{
	free(s->accounts.v);
	free(s->windows.v);
	free(s->txs);
	mkt_buf_release(&s->buf);
}

static int add_pair(struct chain_pairs *p, uint64_t key, uint64_t val)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 1024;
		struct chain_pair *v = realloc(p->v, cap * sizeof(*v));

		if (!v)
			return -MKT_ENOMEM;
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = (struct chain_pair){key, val};
	return 0;
}

static int cmp_pair(const void *a, const void *b)
{
	const struct chain_pair *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->val > y->val) - (x->val < y->val);
}

/* One set for each key, whose lowest @key_len bytes are the table's. */
static int put_pairs(struct mkt_chain *c, struct mkt_store_tx *t, enum mkt_store_table tab,
		     struct chain_pairs *p, size_t key_len, struct mkt_err *err)
{
	struct mkt_buf *buf = &c->scratch.buf;
	int r = 0;

	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), cmp_pair);
	for (size_t i = 0; !r && i < p->n;) {
		uint8_t key[8], val[8];
		size_t from = i;

		mkt_buf_clear(buf);
		for (; i < p->n && p->v[i].key == p->v[from].key; i++) {
			if (i > from && p->v[i].val == p->v[i - 1].val)
				continue;
			chain_be64(val, p->v[i].val);
			mkt_buf_add(buf, val, sizeof(val));
		}
		if (buf->bad)
			return mkt_err_code(err, MKT_ENOMEM);
		chain_be64(key, p->v[from].key);
		r = mkt_store_put_set(t, tab, (struct mkt_bytes){key + 8 - key_len, key_len},
				      buf->data, sizeof(val), buf->len / sizeof(val), err);
	}
	return r;
}

/* ---- events ---- */

static int gather_event(struct mkt_chain *c, const struct mkt_event *ev, uint64_t run,
			uint64_t story)
{
	uint32_t who[2];
	unsigned n = mkt_event_accounts(ev, who);
	int r = 0;

	for (unsigned i = 0; !r && i < n; i++)
		r = add_pair(&c->scratch.accounts, chain_story_key(run, who[i]), story);
	if (!r && ev->kind == MKT_EV_CONTRACT)
		r = add_pair(&c->scratch.windows, ev->u.contract.window, ev->u.contract.exec);
	return r;
}

static int gather_events(struct mkt_chain *c, const struct mkt_sealed *s, struct mkt_err *err)
{
	const uint8_t *at = NULL;
	struct mkt_block b;
	struct mkt_event ev;
	uint64_t story = s->h.height << 24;
	int r = mkt_block_dec(s->bytes.data, s->bytes.len, &b, err);

	while (!r && mkt_block_next_event(&b, &at, &ev))
		if (gather_event(c, &ev, chain_run(s->h.first_tx), story++) < 0)
			r = mkt_err_code(err, MKT_ENOMEM);
	return r;
}

static int put_events(struct mkt_chain *c, struct mkt_store_tx *t, struct mkt_sealed *const *blocks,
		      unsigned n, struct mkt_err *err)
{
	int r = 0;

	c->scratch.accounts.n = c->scratch.windows.n = 0;
	for (unsigned i = 0; !r && i < n; i++)
		r = gather_events(c, blocks[i], err);
	if (!r)
		r = put_pairs(c, t, MKT_TAB_ACCOUNT, &c->scratch.accounts, 8, err);
	if (!r)
		r = put_pairs(c, t, MKT_TAB_WINDOW, &c->scratch.windows, 4, err);
	return r;
}

/* ---- transactions ---- */

static int cmp_txid(const void *a, const void *b)
{
	const struct chain_txid *x = a, *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static size_t gather_txs(struct mkt_chain *c, struct mkt_sealed *const *blocks, unsigned n)
{
	struct chain_scratch *s = &c->scratch;
	size_t total = 0, at = 0;

	for (unsigned i = 0; i < n; i++)
		total += blocks[i]->h.ntxs;
	if (total > s->txs_cap) {
		free(s->txs);
		s->txs = malloc(total * sizeof(*s->txs));
		s->txs_cap = s->txs ? total : 0;
		if (!s->txs)
			return SIZE_MAX;
	}
	for (unsigned i = 0; i < n; i++)
		for (uint32_t k = 0; k < blocks[i]->h.ntxs; k++)
			s->txs[at++] = (struct chain_txid){chain_get64(blocks[i]->tx_ids[k].b),
							   blocks[i]->h.first_tx + k};
	return total;
}

/* Transactions of one run: numbers that differ in their low bits only. */
static int put_run(struct mkt_chain *c, struct mkt_store_tx *t, struct chain_txid *v, size_t n,
		   struct mkt_err *err)
{
	struct mkt_buf *buf = &c->scratch.buf;
	uint8_t key[4], *p;

	mkt_buf_clear(buf);
	if (mkt_buf_grow(buf, n * CHAIN_TX_VALUE) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	chain_be32(key, (uint32_t)chain_run(v[0].number));
	qsort(v, n, sizeof(*v), cmp_txid);
	p = buf->data;
	for (size_t i = 0; i < n; i++, p += CHAIN_TX_VALUE) {
		chain_be64(p, v[i].prefix);
		chain_be16(p + 8, (uint16_t)v[i].number);
	}
	return mkt_store_put_set(t, MKT_TAB_TX, (struct mkt_bytes){key, sizeof(key)}, buf->data,
				 CHAIN_TX_VALUE, n, err);
}

static int put_txs(struct mkt_chain *c, struct mkt_store_tx *t, struct mkt_sealed *const *blocks,
		   unsigned n, struct mkt_err *err)
{
	size_t total = gather_txs(c, blocks, n);
	struct chain_txid *v = c->scratch.txs;

	if (total == SIZE_MAX)
		return mkt_err_code(err, MKT_ENOMEM);
	for (size_t from = 0, to; from < total; from = to) {
		uint64_t run = chain_run(v[from].number);
		int r;

		for (to = from + 1; to < total && chain_run(v[to].number) == run; to++)
			;
		r = put_run(c, t, v + from, to - from, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- state ---- */

/* A row of one of several deltas; the last one of a key counts. */
struct row_ref {
	const struct mkt_delta_row *row;
	unsigned block;
};

static int cmp_row(const void *a, const void *b)
{
	const struct row_ref *x = a, *y = b;

	if (x->row->type != y->row->type)
		return x->row->type < y->row->type ? -1 : 1;
	if (x->row->id != y->row->id)
		return x->row->id < y->row->id ? -1 : 1;
	return (x->block > y->block) - (x->block < y->block);
}

/* Settled contracts leave the state one day: they are archived as they are now. */
static int archive(struct mkt_store_tx *t, uint64_t exec, struct mkt_bytes bytes,
		   struct mkt_err *err)
{
	struct mkt_contract contract;
	uint8_t key[8];

	if (mkt_contract_dec(bytes.p, bytes.n, &contract) < 0)
		return mkt_err_set(err, MKT_EINTERNAL, "the record of contract %llu is bad",
				   (unsigned long long)exec);
	if (contract.status < MKT_CONTRACT_SETTLED)
		return 0;
	chain_be64(key, exec);
	return mkt_store_put(t, MKT_TAB_CONTRACT, (struct mkt_bytes){key, sizeof(key)}, bytes, err);
}

static int put_row(struct mkt_store_tx *t, const struct mkt_delta *d,
		   const struct mkt_delta_row *row, bool last, struct mkt_err *err)
{
	struct mkt_bytes bytes = {row->drop ? NULL : d->bytes.data + row->at, row->len};
	enum mkt_store_table tab = chain_state_table(row->type);
	uint8_t key[CHAIN_STATE_KEY];
	int r = 0;

	if (row->type == MKT_REC_CONTRACT && !row->drop)
		r = archive(t, row->id, bytes, err);
	if (r < 0 || !last)
		return r;
	chain_state_key(key, row->type, row->id);
	if (row->drop)
		return mkt_store_del(t, tab, (struct mkt_bytes){key, sizeof(key)}, err);
	return mkt_store_put(t, tab, (struct mkt_bytes){key, sizeof(key)}, bytes, err);
}

static int put_state(struct mkt_store_tx *t, struct mkt_sealed *const *blocks, unsigned n,
		     struct mkt_err *err)
{
	size_t total = 0, at = 0;
	struct row_ref *v;
	int r = 0;

	for (unsigned i = 0; i < n; i++)
		total += blocks[i]->delta.n;
	v = malloc((total + 1) * sizeof(*v));
	if (!v)
		return mkt_err_code(err, MKT_ENOMEM);
	for (unsigned i = 0; i < n; i++)
		for (uint32_t k = 0; k < blocks[i]->delta.n; k++)
			v[at++] = (struct row_ref){&blocks[i]->delta.rows[k], i};
	if (n > 1) /* rows of one block are in order */
		qsort(v, total, sizeof(*v), cmp_row);
	for (size_t i = 0; !r && i < total; i++) {
		bool last = i + 1 == total || v[i + 1].row->id != v[i].row->id ||
			    v[i + 1].row->type != v[i].row->type;

		r = put_row(t, &blocks[v[i].block]->delta, v[i].row, last, err);
	}
	free(v);
	return r;
}

/* ---- all of it ---- */

static int index_once(struct mkt_chain *c, struct mkt_sealed *const *blocks, unsigned n,
		      struct mkt_err *err)
{
	struct mkt_store_tx *t;
	int r = mkt_store_begin(c->store, true, &t, err);

	if (r < 0)
		return r;
	r = put_state(t, blocks, n, err);
	if (!r)
		r = put_txs(c, t, blocks, n, err);
	if (!r)
		r = put_events(c, t, blocks, n, err);
	if (!r)
		r = chain_store_put_head(c, t, blocks[n - 1], err);
	if (r < 0) {
		mkt_store_abort(t);
		return r;
	}
	return mkt_store_commit(t, err);
}

static int past_once(struct mkt_chain *c, struct mkt_sealed *const *blocks, unsigned n,
		     struct mkt_err *err)
{
	struct mkt_store_tx *t;
	int r = mkt_store_begin(c->store, true, &t, err);

	if (r < 0)
		return r;
	r = put_txs(c, t, blocks, n, err);
	if (!r)
		r = put_events(c, t, blocks, n, err);
	if (r < 0) {
		mkt_store_abort(t);
		return r;
	}
	return mkt_store_commit(t, err);
}

int chain_index_past(struct mkt_chain *c, struct mkt_sealed *const *blocks, unsigned n,
		     struct mkt_err *err)
{
	int r = -MKT_EBUSY;

	for (unsigned i = 0; i < TRIES && r == -MKT_EBUSY; i++)
		r = past_once(c, blocks, n, err);
	return r;
}

int mkt_chain_index(struct mkt_chain *c, struct mkt_sealed *const *blocks, unsigned n,
		    struct mkt_err *err)
{
	int r = -MKT_EBUSY;

	if (!c->store || !n || blocks[0]->h.height != c->nindexed ||
	    blocks[n - 1]->h.height != c->nindexed + n - 1 ||
	    blocks[n - 1]->h.height > mkt_chain_height(c))
		return mkt_err_set(err, MKT_EINVAL, "these are not the next blocks to index");
	for (unsigned i = 0; i < TRIES && r == -MKT_EBUSY; i++)
		r = index_once(c, blocks, n, err);
	if (!r)
		c->nindexed += n;
	return r;
}

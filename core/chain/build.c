/*
 * A chain from a snapshot: rows into state and store first, then the blocks below
 * it, each checked as far as it can be without executing, then the comparison.
 */
#include "core/base/compat.h"

#include "core/chain/snapshot_impl.h"

#define BATCH_BLOCKS 256 /* of one append, or of one store transaction */
#define BATCH_BYTES (8u << 20)
#define ROWS_BYTES (1u << 20)
#define TRIES 8

struct mkt_chain_builder {
	char tmp[PATH_MAX], *dir;
	struct mkt_snapshot_info info;
	struct mkt_chain c; /* of @tmp; never locked, nobody else knows it */
	struct mkt_verify_prev prev;
	struct mkt_authorities set; /* in force for the next block */
	struct mkt_hash state; /* digest of the rows; of the last header */
	struct mkt_hash last_state;
	bool tail_ok;
	struct mkt_buf bytes[BATCH_BLOCKS];
	struct mkt_segment_record recs[BATCH_BLOCKS];
	unsigned n;
	size_t nbytes;
};

/* ---- rows ---- */

static int put_rows_once(struct mkt_chain *c, const struct mkt_buf *rows, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(rows->data, rows->len);
	struct mkt_store_tx *t;
	int r = mkt_store_begin(c->store, true, &t, err);

	if (r < 0)
		return r;
	while (!r && in.at != in.end) {
		uint8_t key[CHAIN_STATE_KEY], type = mkt_dec_u8(&in);
		uint64_t id = mkt_dec_u64(&in);
		uint32_t n = mkt_dec_u32(&in);

		chain_state_key(key, type, id);
		r = mkt_store_put(t, chain_state_table(type), (struct mkt_bytes){key, sizeof(key)},
				  (struct mkt_bytes){mkt_dec_bytes(&in, n), n}, err);
	}
	if (!r)
		return mkt_store_commit(t, err);
	mkt_store_abort(t);
	return r;
}

static int put_rows(struct mkt_chain *c, struct mkt_buf *rows, struct mkt_err *err)
{
	int r = -MKT_EBUSY;

	if (rows->bad)
		return mkt_err_code(err, MKT_ENOMEM);
	for (unsigned i = 0; i < TRIES && r == -MKT_EBUSY; i++)
		r = put_rows_once(c, rows, err);
	mkt_buf_clear(rows);
	return r;
}

static int take_row(struct mkt_chain *c, const struct snapshot_row *row, struct mkt_buf *rows,
		    struct mkt_err *err)
{
	int r = mkt_state_load(c->state, row->type, row->id, row->p, row->n, err);

	if (r < 0)
		return r;
	mkt_enc_u8(rows, row->type);
	mkt_enc_u64(rows, row->id);
	mkt_enc_u32(rows, row->n);
	mkt_enc_bytes(rows, row->p, row->n);
	return rows->len < ROWS_BYTES ? 0 : put_rows(c, rows, err);
}

/* All rows into state and store; they have the digest that the file says. */
static int take_rows(struct mkt_chain_builder *b, struct snapshot_reader *s, struct mkt_err *err)
{
	struct mkt_buf rows = MKT_BUF_INIT;
	struct snapshot_row row;
	int r;

	while ((r = snapshot_next(s, &row, err)) == 1) {
		r = take_row(&b->c, &row, &rows, err);
		if (r < 0)
			break;
	}
	if (!r)
		r = put_rows(&b->c, &rows, err);
	if (!r)
		r = mkt_state_loaded(b->c.state, &s->digest, err);
	if (r == -MKT_ESTORE) {
		mkt_err_wrap(err, "'%s'", s->path);
		if (err)
			err->code = MKT_EINTEGRITY;
		r = -MKT_EINTEGRITY;
	}
	mkt_buf_release(&rows);
	b->state = s->digest;
	return r;
}

/* ---- begin ---- */

static int open_store(struct mkt_chain *c, struct mkt_err *err)
{
	struct chain_store_head head = {.there = false};

	return chain_store_open(c, &head, err);
}

static int begin(struct mkt_chain_builder *b, const struct mkt_genesis *g,
		 struct snapshot_reader *s, struct mkt_err *err)
{
	struct mkt_block first;
	int r = chain_dir_new(b->dir, g, b->tmp, err);

	if (r < 0) {
		b->tmp[0] = 0;
		return r;
	}
	b->c.dir = b->tmp;
	r = chain_segments_open(b->tmp, &b->c.id, &b->c.seg, err);
	if (!r)
		r = open_store(&b->c, err);
	if (!r)
		r = mkt_state_new(g, &b->c.state, err);
	if (!r)
		r = take_rows(b, s, err);
	if (!r)
		r = mkt_chain_read_head(&b->c, 0, &first, err);
	if (!r)
		b->prev = mkt_verify_prev_of(&first);
	mkt_authorities_of(g, &b->set);
	return r;
}

/* The builder's own copy of @g, and the chain's id. */
static int copy_genesis(struct mkt_chain *c, const struct mkt_genesis *g, struct mkt_err *err)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	int r;

	mkt_genesis_enc(g, &bytes);
	r = bytes.bad ? mkt_err_code(err, MKT_ENOMEM)
		      : mkt_genesis_dec(bytes.data, bytes.len, &c->g, err);
	if (!r) {
		mkt_genesis_id(bytes.data, bytes.len, &c->id);
	}
	mkt_buf_release(&bytes);
	return r;
}

int mkt_chain_build(const char *dir, const struct mkt_genesis *g, const char *path,
		    struct mkt_chain_builder **out, struct mkt_err *err)
{
	struct mkt_chain_builder *b = calloc(1, sizeof(*b));
	struct snapshot_reader s;
	int r;

	if (!b)
		return mkt_err_code(err, MKT_ENOMEM);
	b->c.lock_fd = -1;
	pthread_mutex_init(&b->c.head_lock, NULL);
	b->dir = strdup(dir);
	r = b->dir ? copy_genesis(&b->c, g, err) : mkt_err_code(err, MKT_ENOMEM);
	if (!r)
		r = snapshot_open(&s, path, err);
	if (!r) {
		b->info = s.info;
		if (!mkt_hash_eq(&s.info.chain, &b->c.id))
			r = mkt_err_set(err, MKT_EINTEGRITY, "'%s' is of another chain", path);
		if (!r)
			r = begin(b, &b->c.g, &s, err);
		snapshot_close(&s);
	}
	if (r < 0) {
		mkt_chain_build_abort(b);
		return r;
	}
	*out = b;
	return 0;
}

static void close_all(struct mkt_chain_builder *b)
{
	for (unsigned i = 0; i < BATCH_BLOCKS; i++)
		mkt_buf_release(&b->bytes[i]);
	mkt_state_free(b->c.state);
	mkt_segments_close(b->c.seg);
	mkt_store_close(b->c.store);
	mkt_genesis_release(&b->c.g);
	chain_scratch_release(&b->c.scratch);
	pthread_mutex_destroy(&b->c.head_lock);
	b->c = (struct mkt_chain){.lock_fd = -1};
	b->n = 0;
}

static void builder_free(struct mkt_chain_builder *b)
{
	free(b->dir);
	free(b);
}

void mkt_chain_build_abort(struct mkt_chain_builder *b)
{
	if (!b)
		return;
	close_all(b);
	if (b->tmp[0])
		chain_dir_drop(b->tmp);
	builder_free(b);
}

/* ---- blocks ---- */

static int append(struct mkt_chain_builder *b, struct mkt_err *err)
{
	int r = b->n ? mkt_segments_append(b->c.seg, b->recs, b->n, err) : 0;

	b->n = 0;
	b->nbytes = 0;
	return r;
}

/* Does the tail begin early enough?  The block before it must be too old for its ids to count. */
static int check_tail(struct mkt_chain_builder *b, const struct mkt_header *h, struct mkt_err *err)
{
	if (h->height != b->info.tail || h->height == 1 ||
	    b->prev.time_ms < chain_valid_since(&b->c.g, b->info.time_ms))
		return 0;
	return mkt_err_set(err, MKT_EINTEGRITY,
			   "the snapshot's tail is block %llu, but earlier request ids still count",
			   (unsigned long long)h->height);
}

static int check_block(struct mkt_chain_builder *b, const struct mkt_buf *bytes, bool whole,
		       struct mkt_block *blk, struct mkt_err *err)
{
	int r = whole ? mkt_block_dec(bytes->data, bytes->len, blk, err)
		      : mkt_block_dec_head(bytes->data, bytes->len, blk, NULL, err);

	if (!r)
		r = mkt_verify_follows(blk, &b->prev, &b->c.id, err);
	if (!r)
		r = mkt_verify_head(blk, &b->set, &b->c.id, err);
	if (!r && whole)
		r = mkt_verify_roots(blk, err);
	if (!r && whole)
		r = mkt_verify_next_set(blk, &b->c.id, &b->set, err);
	if (!r)
		r = check_tail(b, &blk->h, err);
	if (!r && !whole && blk->h.height >= b->info.tail)
		r = mkt_err_set(err, MKT_EPRUNED, "the body of block %llu is needed",
				(unsigned long long)blk->h.height);
	return r;
}

int mkt_chain_build_block(struct mkt_chain_builder *b, const void *record, size_t n,
			  struct mkt_err *err)
{
	struct mkt_buf *bytes = &b->bytes[b->n];
	struct mkt_block blk;
	uint64_t height;
	unsigned flags;
	int r;

	if (b->prev.height >= b->info.height)
		return mkt_err_set(err, MKT_EINVAL, "the snapshot ends with block %llu",
				   (unsigned long long)b->info.height);
	r = mkt_segments_unpack(b->c.seg, record, n, &height, bytes, err);
	if (r == -MKT_ETRUNCATED && err)
		err->code = MKT_EINTEGRITY;
	if (r < 0) {
		mkt_err_wrap(err, "block %llu", (unsigned long long)b->prev.height + 1);
		return r == -MKT_ETRUNCATED ? -MKT_EINTEGRITY : r;
	}
	flags = mkt_record_flags(record) & MKT_RECORD_PRUNED;
	r = check_block(b, bytes, !flags, &blk, err);
	if (r < 0)
		return r;
	b->recs[b->n++] = (struct mkt_segment_record){
		bytes->data,
		bytes->len,
		{{blk.h.time_ms, blk.h.first_tx, blk.h.first_bid, blk.h.first_exec}},
		(uint8_t)flags,
	};
	b->prev = mkt_verify_prev_of(&blk);
	b->last_state = blk.h.state;
	b->nbytes += bytes->len;
	return b->n == BATCH_BLOCKS || b->nbytes > BATCH_BYTES ? append(b, err) : 0;
}

uint64_t mkt_chain_build_next(const struct mkt_chain_builder *b)
{
	return b->prev.height + 1;
}

/* ---- end ---- */

static int read_sealed(struct mkt_chain *c, uint64_t height, struct mkt_sealed *s,
		       struct mkt_err *err)
{
	struct mkt_block blk;
	int r = chain_read_block(c, height, &s->bytes, &blk, err);

	if (!r && chain_tx_ids(&blk, &s->tx_ids) < 0)
		r = mkt_err_code(err, MKT_ENOMEM);
	if (!r) {
		s->h = blk.h;
		s->hash = blk.hash;
	}
	return r;
}

/* Transactions and stories of the tail; the last block is the store's head. */
static int index_tail(struct mkt_chain_builder *b, struct mkt_err *err)
{
	int r = 0;

	for (uint64_t h = b->info.tail; !r && h <= b->info.height;) {
		struct mkt_sealed s[64] = {{.delta = {.rows = NULL}}}, *p[64];
		unsigned n = 0;

		for (size_t bytes = 0; !r && n < 64 && h <= b->info.height && bytes < BATCH_BYTES;
		     n++, h++) {
			p[n] = &s[n];
			r = read_sealed(&b->c, h, &s[n], err);
			bytes += s[n].bytes.len;
		}
		if (!r)
			r = chain_index_past(&b->c, p, n, err);
		if (!r && h > b->info.height)
			r = chain_store_set_head(&b->c, &s[n - 1], err);
		for (unsigned i = 0; i < n; i++)
			mkt_sealed_release(&s[i]);
	}
	return r;
}

static int finish(struct mkt_chain_builder *b, struct mkt_err *err)
{
	int r;

	if (b->prev.height != b->info.height)
		return mkt_err_set(err, MKT_EINVAL, "block %llu is missing",
				   (unsigned long long)b->prev.height + 1);
	if (!mkt_hash_eq(&b->prev.hash, &b->info.hash) || b->prev.time_ms != b->info.time_ms)
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "the snapshot is of another block %llu than the chain's",
				   (unsigned long long)b->info.height);
	if (!mkt_hash_eq(&b->last_state, &b->state) ||
	    mkt_state_height(b->c.state) != b->info.height)
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "the snapshot's state is not that of block %llu",
				   (unsigned long long)b->info.height);
	r = append(b, err);
	return r < 0 ? r : index_tail(b, err);
}

int mkt_chain_build_end(struct mkt_chain_builder *b, struct mkt_err *err)
{
	int r = finish(b, err);

	close_all(b);
	if (!r)
		r = chain_dir_publish(b->tmp, b->dir, err);
	if (r < 0)
		chain_dir_drop(b->tmp);
	builder_free(b);
	return r;
}

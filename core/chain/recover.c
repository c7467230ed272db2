#include "core/base/compat.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "core/chain/chain_impl.h"

#define BATCH_BLOCKS 64 /* of one store transaction while catching up */
#define BATCH_BYTES (8u << 20)

/* ---- the store's head ---- */

static struct mkt_bytes text(const char *s)
{
	return (struct mkt_bytes){s, strlen(s)};
}

int chain_store_put_head(struct mkt_chain *c, struct mkt_store_tx *t, const struct mkt_sealed *s,
			 struct mkt_err *err)
{
	uint8_t raw[8 + 2 * MKT_HASH_LEN];
	struct mkt_bytes id = {c->id.b, MKT_HASH_LEN};
	int r;

	chain_be64(raw, s->h.height);
	memcpy(raw + 8, s->hash.b, MKT_HASH_LEN);
	memcpy(raw + 8 + MKT_HASH_LEN, s->h.state.b, MKT_HASH_LEN);
	r = mkt_store_put(t, MKT_TAB_META, text("head"), (struct mkt_bytes){raw, sizeof(raw)}, err);
	if (!r && !c->nindexed)
		r = mkt_store_put(t, MKT_TAB_META, text("format"), text(CHAIN_STORE_FORMAT), err);
	if (!r && !c->nindexed)
		r = mkt_store_put(t, MKT_TAB_META, text("chain"), id, err);
	return r;
}

static bool same(struct mkt_bytes a, struct mkt_bytes b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

/* 1: ours, with @head; 0: empty or of another format, to be made anew. */
static int get_head(struct mkt_chain *c, struct mkt_store_tx *t, struct chain_store_head *head,
		    struct mkt_err *err)
{
	struct mkt_bytes v;
	int r = mkt_store_get(t, MKT_TAB_META, text("format"), &v, err);

	if (r == 1 && !same(v, text(CHAIN_STORE_FORMAT)))
		r = 0;
	if (r == 1)
		r = mkt_store_get(t, MKT_TAB_META, text("chain"), &v, err);
	if (r == 1 && !same(v, (struct mkt_bytes){c->id.b, MKT_HASH_LEN}))
		r = mkt_err_set(err, MKT_ESTORE, "'%s/db' belongs to another chain", c->dir);
	if (r == 1)
		r = mkt_store_get(t, MKT_TAB_META, text("head"), &v, err);
	if (r == 1 && v.n == 8 + 2 * MKT_HASH_LEN) {
		head->there = true;
		head->height = chain_get64(v.p);
		memcpy(head->hash.b, (const uint8_t *)v.p + 8, MKT_HASH_LEN);
		memcpy(head->state.b, (const uint8_t *)v.p + 8 + MKT_HASH_LEN, MKT_HASH_LEN);
	} else if (r == 1) {
		r = mkt_err_set(err, MKT_ESTORE, "'%s/db' has no whole head", c->dir);
	}
	return r;
}

int chain_store_get_head(struct mkt_chain *c, struct mkt_store_tx *t,
			 struct chain_store_head *head, struct mkt_err *err)
{
	int r = get_head(c, t, head, err);

	return r < 0 ? r : 0;
}

static int read_store_head(struct mkt_chain *c, struct chain_store_head *head, struct mkt_err *err)
{
	struct mkt_store_tx *t;
	int r = mkt_store_begin(c->store, false, &t, err);

	if (r < 0)
		return r;
	r = get_head(c, t, head, err);
	mkt_store_abort(t);
	return r;
}

int chain_store_set_head(struct mkt_chain *c, const struct mkt_sealed *s, struct mkt_err *err)
{
	struct mkt_store_tx *t;
	int r = mkt_store_begin(c->store, true, &t, err);

	if (r < 0)
		return r;
	r = chain_store_put_head(c, t, s, err);
	if (!r)
		return mkt_store_commit(t, err);
	mkt_store_abort(t);
	return r;
}

static int remove_store(const char *path, struct mkt_err *err)
{
	static const char *const files[] = {"data.mdb", "lock.mdb"};
	char file[PATH_MAX + 16];

	for (size_t i = 0; i < MKT_ARRAY_SIZE(files); i++) {
		snprintf(file, sizeof(file), "%s/%s", path, files[i]);
		if (unlink(file) < 0 && errno != ENOENT)
			return mkt_err_sys(err, MKT_EIO, errno, "cannot remove '%s'", file);
	}
	return 0;
}

static int damaged(struct mkt_chain *c, struct mkt_err *err)
{
	mkt_err_hint(err, "remove '%s/db' and start again: it is made anew from the blocks",
		     c->dir);
	return -MKT_ESTORE;
}

int chain_store_open(struct mkt_chain *c, struct chain_store_head *head, struct mkt_err *err)
{
	char path[PATH_MAX];
	int r, n = snprintf(path, sizeof(path), "%s/db", c->dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return mkt_err_set(err, MKT_EINVAL, "'%s' is too long", c->dir);
	r = mkt_store_open_lmdb(path, 0, &c->store, err);
	if (!r)
		r = read_store_head(c, head, err);
	if (r == -MKT_ESTORE)
		return damaged(c, err);
	if (r)
		return r < 0 ? r : 0;
	mkt_store_close(c->store);
	c->store = NULL;
	r = remove_store(path, err);
	return r < 0 ? r : mkt_store_open_lmdb(path, 0, &c->store, err);
}

/* ---- the state of the store ---- */

struct loading {
	struct mkt_state *s;
	struct mkt_err *err;
	int r;
};

static bool load_one(void *ctx, struct mkt_bytes key, struct mkt_bytes val)
{
	struct loading *l = ctx;
	const uint8_t *k = key.p;

	if (key.n != CHAIN_STATE_KEY)
		l->r = mkt_err_set(l->err, MKT_ESTORE, "a record of the store has no whole key");
	else
		l->r = mkt_state_load(l->s, k[0], chain_get64(k + 1), val.p, val.n, l->err);
	return !l->r;
}

static int load_records(struct mkt_chain *c, struct mkt_store_tx *t,
			const struct chain_store_head *head, struct mkt_err *err)
{
	static const enum mkt_store_table tables[] = CHAIN_STATE_TABLES;
	struct loading l = {c->state, err, 0};
	struct mkt_bytes none = {NULL, 0};
	int r = 0;

	for (size_t i = 0; !r && i < MKT_ARRAY_SIZE(tables); i++) {
		r = mkt_store_walk(t, tables[i], none, none, load_one, &l, err);
		if (!r)
			r = l.r;
	}
	return r < 0 ? r : mkt_state_loaded(c->state, &head->state, err);
}

/* The used request ids follow from the envelopes of the last validity period. */
static int restore_requests(struct mkt_chain *c, const struct mkt_block *b, struct mkt_err *err)
{
	const uint8_t *at = NULL, *tx, *request;
	uint32_t len, account;

	while (mkt_block_next_tx(b, &at, &tx, &len)) {
		struct mkt_dec in;

		if (mkt_tx_peek(tx, len, &account, &request) < 0)
			return mkt_err_set(err, MKT_EINTEGRITY,
					   "block %llu holds half a transaction",
					   (unsigned long long)b->h.height);
		in = mkt_dec_init(request - 8, 8); /* valid-until stands before it */
		if (mkt_state_restore_request(c->state, account, request, mkt_dec_u64(&in)) < 0)
			return mkt_err_code(err, MKT_ENOMEM);
	}
	return 0;
}

static int load_requests(struct mkt_chain *c, uint64_t last, struct mkt_err *err)
{
	uint64_t since = chain_valid_since(&c->g, mkt_state_time_ms(c->state)), from = 0;
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_block b;
	int r = since ? mkt_segments_find(c->seg, MKT_BY_TIME_MS, since - 1, &from, err)
		      : -MKT_ENOTFOUND;

	if (r < 0 && r != -MKT_ENOTFOUND)
		return r;
	from = r < 0 ? 0 : from + 1;
	r = 0;
	for (uint64_t h = from; !r && h <= last; h++) {
		r = chain_read_block(c, h, &bytes, &b, err);
		if (!r)
			r = restore_requests(c, &b, err);
		if (c->opt.progress && h % 1024 == 1023)
			c->opt.progress(c->opt.ctx, MKT_CHAIN_LOAD, h - from, last - from + 1);
	}
	mkt_buf_release(&bytes);
	return r;
}

/* The block at the store's head must be the one it was made from. */
static int check_head(struct mkt_chain *c, const struct chain_store_head *head,
		      struct mkt_verify_prev *at, struct mkt_err *err)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_block b;
	int r = chain_read_block(c, head->height, &bytes, &b, err);

	if (!r && (!mkt_hash_eq(&b.hash, &head->hash) || !mkt_hash_eq(&b.h.state, &head->state)))
		r = mkt_err_set(err, MKT_ESTORE,
				"'%s/db' is not of these blocks: block %llu differs", c->dir,
				(unsigned long long)head->height);
	if (!r)
		*at = mkt_verify_prev_of(&b);
	mkt_buf_release(&bytes);
	return r;
}

/*
 * Take the state of the store, and where it stands: head and records as one reading gives
 * them, because the indexer may be writing.
 */
static int load_store(struct mkt_chain *c, struct mkt_verify_prev *at, struct mkt_err *err)
{
	struct chain_store_head head = {.there = false};
	struct mkt_store_tx *t;
	int r = mkt_store_begin(c->store, false, &t, err);

	if (r < 0)
		return r;
	r = get_head(c, t, &head, err);
	if (!r)
		r = mkt_err_set(err, MKT_ESTORE, "'%s/db' is empty", c->dir);
	if (r > 0)
		r = check_head(c, &head, at, err);
	if (!r)
		r = load_records(c, t, &head, err);
	mkt_store_abort(t);
	return r;
}

/* The state after the block at the store's head, and all that goes with it. */
static int load_state(struct mkt_chain *c, struct mkt_verify_prev *at, struct mkt_err *err)
{
	int r = load_store(c, at, err);

	if (r == -MKT_ESTORE)
		r = damaged(c, err);
	return r ? r : load_requests(c, at->height, err);
}

/* ---- blocks above it ---- */

/* Executed blocks on their way into the store. */
struct batch {
	struct mkt_sealed sealed[BATCH_BLOCKS];
	struct mkt_sealed *p[BATCH_BLOCKS];
	unsigned n;
	size_t bytes;
};

static int flush(struct mkt_chain *c, struct batch *bt, struct mkt_err *err)
{
	int r = bt->n ? mkt_chain_index(c, bt->p, bt->n, err) : 0;

	for (unsigned i = 0; i < bt->n; i++)
		mkt_sealed_release(&bt->sealed[i]);
	bt->n = 0;
	bt->bytes = 0;
	return r;
}

int chain_tx_ids(const struct mkt_block *b, struct mkt_hash **out)
{
	const uint8_t *at = NULL, *tx;
	struct mkt_hash *ids = malloc((b->h.ntxs + 1u) * sizeof(*ids));
	uint32_t len;

	*out = ids;
	if (!ids)
		return -MKT_ENOMEM;
	while (mkt_block_next_tx(b, &at, &tx, &len))
		mkt_tx_id(tx, len, ids++);
	return 0;
}

/* Block 0 into an empty store. */
static int take_first(struct mkt_chain *c, struct batch *bt, struct mkt_verify_prev *prev,
		      struct mkt_err *err)
{
	struct mkt_sealed *s = &bt->sealed[0];
	struct mkt_buf want = MKT_BUF_INIT;
	struct mkt_block b;
	int r = chain_read_block(c, 0, &s->bytes, &b, err);

	if (!r && mkt_block_first(c->state, &c->id, &s->delta, &want) < 0)
		r = mkt_err_code(err, MKT_ENOMEM);
	if (!r && (want.len != s->bytes.len || memcmp(want.data, s->bytes.data, want.len) != 0))
		r = mkt_err_set(err, MKT_EINTEGRITY, "block 0 is not the one that genesis makes");
	mkt_buf_release(&want);
	if (!r && chain_tx_ids(&b, &s->tx_ids) < 0)
		r = mkt_err_code(err, MKT_ENOMEM);
	if (r < 0) {
		mkt_sealed_release(s);
		return r;
	}
	s->h = b.h;
	s->hash = b.hash;
	*prev = mkt_verify_prev_of(&b);
	bt->n = 1;
	return 0;
}

/* Check and execute block @height, and fill @s with it. */
static int replay_one(struct mkt_chain *c, uint64_t height, struct mkt_sealed *s,
		      struct mkt_verify_prev *prev, struct mkt_events *ev, struct mkt_err *err)
{
	struct mkt_block b;
	int r = chain_read_block(c, height, &s->bytes, &b, err);

	if (!r)
		r = mkt_verify_static(&b, mkt_state_authorities(c->state), &c->id, err);
	if (!r)
		r = mkt_verify_execute(c->state, &b, prev, &c->id, ev, &s->delta, err);
	if (!r && chain_tx_ids(&b, &s->tx_ids) < 0)
		r = mkt_err_code(err, MKT_ENOMEM);
	if (r < 0)
		return r;
	s->h = b.h;
	s->hash = b.hash;
	*prev = mkt_verify_prev_of(&b);
	return 0;
}

static int replay(struct mkt_chain *c, struct batch *bt, struct mkt_verify_prev prev,
		  struct mkt_err *err)
{
	uint64_t count = mkt_segments_count(c->seg), from = prev.height + 1;
	struct mkt_events ev = MKT_EVENTS_INIT;
	int r = 0;

	for (uint64_t h = from; !r && h < count; h++) {
		r = replay_one(c, h, &bt->sealed[bt->n], &prev, &ev, err);
		if (r < 0) {
			mkt_sealed_release(&bt->sealed[bt->n]);
			break;
		}
		bt->bytes += bt->sealed[bt->n++].bytes.len;
		c->recovered.replayed++;
		if (bt->n == BATCH_BLOCKS || bt->bytes > BATCH_BYTES) {
			r = flush(c, bt, err);
			if (!r && c->opt.progress)
				c->opt.progress(c->opt.ctx, MKT_CHAIN_REPLAY, h + 1 - from,
						count - from);
		}
	}
	mkt_events_release(&ev);
	return r;
}

int chain_recover(struct mkt_chain *c, const struct chain_store_head *head, struct mkt_err *err)
{
	struct batch *bt = calloc(1, sizeof(*bt));
	struct mkt_verify_prev prev = {.height = 0};
	int r, r2;

	if (!bt)
		return mkt_err_code(err, MKT_ENOMEM);
	for (unsigned i = 0; i < BATCH_BLOCKS; i++)
		bt->p[i] = &bt->sealed[i];
	r = mkt_state_new(&c->g, &c->state, err);
	if (!r && head->there) {
		r = load_state(c, &prev, err);
		if (!r)
			c->nindexed = prev.height + 1;
	} else if (!r) {
		r = take_first(c, bt, &prev, err);
	}
	if (!r && !head->there) {
		c->recovered.store_made = mkt_segments_count(c->seg) > 1;
		r = flush(c, bt, err);
	}
	if (!r)
		r = replay(c, bt, prev, err);
	/* What was executed before a bad block is right and need not be done again. */
	r2 = flush(c, bt, r < 0 ? NULL : err);
	free(bt);
	return r < 0 ? r : r2;
}

/* ---- back to the last appended block ---- */

static int replay_to_head(struct mkt_chain *c, struct mkt_verify_prev prev, struct mkt_err *err)
{
	uint64_t count = mkt_segments_count(c->seg);
	struct mkt_events ev = MKT_EVENTS_INIT;
	int r = 0;

	for (uint64_t h = prev.height + 1; !r && h < count; h++) {
		struct mkt_sealed s = {.bytes = MKT_BUF_INIT};

		r = replay_one(c, h, &s, &prev, &ev, err);
		mkt_sealed_release(&s);
	}
	mkt_events_release(&ev);
	return r;
}

int mkt_chain_rewind(struct mkt_chain *c, struct mkt_err *err)
{
	struct mkt_state *old = c->state;
	struct mkt_verify_prev prev = {.height = 0};
	int r;

	if (c->read_only)
		return mkt_err_set(err, MKT_EUNAVAILABLE, "the chain is open for reading only");
	r = mkt_state_new(&c->g, &c->state, err);
	if (r < 0) {
		c->state = old;
		return r;
	}
	r = load_state(c, &prev, err);
	if (!r)
		r = replay_to_head(c, prev, err);
	if (r < 0) {
		mkt_state_free(c->state);
		c->state = old;
		return r;
	}
	mkt_state_free(old);
	return 0;
}

#include "core/base/compat.h"

#include "core/chain/chain_impl.h"

#define CANDIDATES_MAX 64 /* transactions with the same 8 bytes; more is nobody's request id */

static int need_store(const struct mkt_chain *c, struct mkt_err *err)
{
	if (c->store)
		return 0;
	return mkt_err_set(err, MKT_EUNAVAILABLE, "opened without its indexes");
}

/* ---- transactions ---- */

/* Numbers of transactions whose first 16 digits lie in lo .. hi, newest runs first. */
struct candidates {
	uint64_t run, lo, hi;
	uint64_t number[CANDIDATES_MAX];
	unsigned n;
};

static bool take_candidate(void *ctx, struct mkt_bytes key, struct mkt_bytes val)
{
	struct candidates *c = ctx;
	uint8_t want[4];
	uint16_t low;

	chain_be32(want, (uint32_t)c->run);
	if (key.n != 4 || memcmp(key.p, want, 4) != 0 || val.n != CHAIN_TX_VALUE ||
	    chain_get64(val.p) > c->hi)
		return false;
	memcpy(&low, (const uint8_t *)val.p + 8, sizeof(low));
	c->number[c->n++] = c->run << CHAIN_RUN_BITS | __builtin_bswap16(low);
	return c->n < CANDIDATES_MAX;
}

/* Transactions in the store: those of the blocks that are indexed. */
static int count_txs(struct mkt_chain *c, uint64_t *n, struct mkt_err *err)
{
	struct mkt_segment_keys keys;
	uint64_t next = c->nindexed;
	int r;

	if (next < mkt_segments_count(c->seg)) {
		r = mkt_segments_keys(c->seg, next, &keys, err);
		*n = keys.v[MKT_BY_TX];
		return r;
	}
	pthread_mutex_lock(&c->head_lock);
	*n = c->head.next_tx;
	pthread_mutex_unlock(&c->head_lock);
	return 0;
}

static int find_candidates(struct mkt_chain *c, struct candidates *found, struct mkt_err *err)
{
	struct mkt_store_tx *t;
	uint64_t total = 0;
	int r = need_store(c, err);

	if (!r)
		r = count_txs(c, &total, err);
	if (r < 0 || !total)
		return r;
	r = mkt_store_begin(c->store, false, &t, err);
	if (r)
		return r;
	found->run = chain_run(total - 1) + 1;
	while (!r && found->run-- > 0 && found->n < CANDIDATES_MAX) {
		uint8_t key[4], val[CHAIN_TX_VALUE] = {0};

		chain_be32(key, (uint32_t)found->run);
		chain_be64(val, found->lo);
		r = mkt_store_walk(t, MKT_TAB_TX, (struct mkt_bytes){key, sizeof(key)},
				   (struct mkt_bytes){val, sizeof(val)}, take_candidate, found,
				   err);
	}
	mkt_store_abort(t);
	return r;
}

/* A transaction from its number: place and envelope, which points into @bytes. */
struct looked_up {
	struct mkt_tx_place place;
	struct mkt_buf bytes;
	const uint8_t *tx;
	uint32_t len;
};

static int look_up(struct mkt_chain *c, uint64_t number, struct looked_up *l, struct mkt_err *err)
{
	struct mkt_block b;
	uint64_t height;
	int r = mkt_segments_find(c->seg, MKT_BY_TX, number, &height, err);

	if (!r)
		r = chain_read_block(c, height, &l->bytes, &b, err);
	if (r)
		return r;
	l->place.height = height;
	l->place.ix = (uint32_t)(number - b.h.first_tx);
	if (number - b.h.first_tx >= b.h.ntxs || !mkt_block_tx(&b, l->place.ix, &l->tx, &l->len))
		return mkt_err_set(err, MKT_ESTORE,
				   "the indexes name a transaction that is not there");
	mkt_tx_id(l->tx, l->len, &l->place.id);
	return 0;
}

typedef bool matches_fn(const void *what, const struct looked_up *l);

/* The newest candidate that matches, and whether another one does. */
static int pick(struct mkt_chain *c, const struct candidates *found, matches_fn *matches,
		const void *what, struct mkt_tx_place *out, struct mkt_err *err)
{
	struct looked_up l = {.bytes = MKT_BUF_INIT};
	int n = 0;

	for (unsigned i = 0; i < found->n && n < 2; i++) {
		int r = look_up(c, found->number[i], &l, err);

		if (r < 0) {
			n = r;
			break;
		}
		if (matches(what, &l) && n++ == 0)
			*out = l.place;
	}
	mkt_buf_release(&l.bytes);
	return n;
}

static bool is_id(const void *what, const struct looked_up *l)
{
	return mkt_hash_eq(what, &l->place.id);
}

int mkt_chain_find_tx(struct mkt_chain *c, const struct mkt_hash *id, struct mkt_tx_place *out,
		      struct mkt_err *err)
{
	uint64_t prefix = chain_get64(id->b);
	struct candidates found = {.lo = prefix, .hi = prefix};
	int r = find_candidates(c, &found, err);

	if (!r)
		r = pick(c, &found, is_id, id, out, err);
	return r > 0 ? 1 : r;
}

struct request {
	uint32_t account;
	const uint8_t *id;
};

static bool is_request(const void *what, const struct looked_up *l)
{
	const struct request *want = what;
	const uint8_t *request;
	uint32_t account;

	return mkt_tx_peek(l->tx, l->len, &account, &request) == 0 && account == want->account &&
	       !memcmp(request, want->id, MKT_REQUEST_LEN);
}

int mkt_chain_find_request(struct mkt_chain *c, uint32_t account,
			   const uint8_t request[MKT_REQUEST_LEN], struct mkt_tx_place *out,
			   struct mkt_err *err)
{
	struct request want = {account, request};
	struct candidates found = {.n = 0};
	uint8_t prefix[8];
	int r;

	mkt_tx_id_prefix(account, request, prefix);
	found.lo = found.hi = chain_get64(prefix);
	r = find_candidates(c, &found, err);
	if (!r)
		r = pick(c, &found, is_request, &want, out, err);
	return r > 0 ? 1 : r;
}

struct digits {
	const char *hex;
	size_t n;
};

static int digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

static bool begins_with(const void *what, const struct looked_up *l)
{
	const struct digits *d = what;

	for (size_t i = 0; i < d->n; i++)
		if ((l->place.id.b[i / 2] >> (i % 2 ? 0 : 4) & 15) != digit(d->hex[i]))
			return false;
	return true;
}

int mkt_chain_find_prefix(struct mkt_chain *c, const char *hex, size_t n, struct mkt_tx_place *out,
			  struct mkt_err *err)
{
	struct digits want = {hex, n};
	struct candidates found = {.lo = 0, .hi = UINT64_MAX};
	int r;

	if (n < 8 || n > 2 * MKT_HASH_LEN)
		return mkt_err_set(err, MKT_EINVAL, "an id is 8 to 64 hexadecimal digits");
	for (size_t i = 0; i < n; i++) {
		unsigned shift = 60 - 4 * (unsigned)i;

		if (digit(hex[i]) < 0)
			return mkt_err_set(err, MKT_EINVAL, "'%.*s' is not hexadecimal", (int)n,
					   hex);
		if (i >= 16)
			continue;
		found.lo |= (uint64_t)digit(hex[i]) << shift;
		found.hi &= ~((uint64_t)15 << shift) | (uint64_t)digit(hex[i]) << shift;
	}
	r = find_candidates(c, &found, err);
	if (!r)
		r = pick(c, &found, begins_with, &want, out, err);
	if (r > 1)
		return mkt_err_set(err, MKT_ECONFLICT, "several transactions begin with '%.*s'",
				   (int)n, hex);
	return r;
}

/* ---- blocks ---- */

int mkt_chain_height_of_bid(struct mkt_chain *c, uint64_t bid, uint64_t *height,
			    struct mkt_err *err)
{
	return mkt_segments_find(c->seg, MKT_BY_BID, bid, height, err);
}

int mkt_chain_height_of_exec(struct mkt_chain *c, uint64_t exec, uint64_t *height,
			     struct mkt_err *err)
{
	return mkt_segments_find(c->seg, MKT_BY_EXEC, exec, height, err);
}

int mkt_chain_height_at(struct mkt_chain *c, uint64_t time_ms, uint64_t *height,
			struct mkt_err *err)
{
	return mkt_segments_find(c->seg, MKT_BY_TIME_MS, time_ms, height, err);
}

/* ---- contracts, accounts, windows ---- */

int mkt_chain_contract(struct mkt_chain *c, uint64_t exec, struct mkt_contract *out,
		       struct mkt_err *err)
{
	struct mkt_store_tx *t;
	struct mkt_bytes v;
	uint8_t key[8];
	int r = need_store(c, err);

	if (!r)
		r = mkt_store_begin(c->store, false, &t, err);
	if (r)
		return r;
	chain_be64(key, exec);
	r = mkt_store_get(t, MKT_TAB_CONTRACT, (struct mkt_bytes){key, sizeof(key)}, &v, err);
	if (r == 1 && mkt_contract_dec(v.p, v.n, out) < 0)
		r = mkt_err_set(err, MKT_ESTORE, "the record of contract %llu is damaged",
				(unsigned long long)exec);
	mkt_store_abort(t);
	return r;
}

struct taking {
	uint8_t key[8];
	size_t key_len;
	uint64_t *out;
	unsigned n, max;
};

static bool take_value(void *ctx, struct mkt_bytes key, struct mkt_bytes val)
{
	struct taking *k = ctx;

	if (k->n == k->max || key.n != k->key_len || memcmp(key.p, k->key, key.n) != 0 ||
	    val.n != 8)
		return false;
	k->out[k->n++] = chain_get64(val.p);
	return k->n < k->max;
}

static int take_values(struct mkt_store_tx *t, enum mkt_store_table tab, bool down, uint64_t from,
		       struct taking *k, struct mkt_err *err)
{
	struct mkt_bytes key = {k->key, k->key_len}, val;
	uint8_t raw[8];

	chain_be64(raw, from);
	val = (struct mkt_bytes){raw, sizeof(raw)};
	return down ? mkt_store_walk_back(t, tab, key, val, take_value, k, err)
		    : mkt_store_walk(t, tab, key, val, take_value, k, err);
}

/* Run of the block that @story names; above the last block the last run. */
static int run_of_story(struct mkt_chain *c, uint64_t story, uint64_t *run, struct mkt_err *err)
{
	uint64_t height = story >> 24, last = mkt_segments_count(c->seg) - 1;
	struct mkt_segment_keys keys;
	int r = mkt_segments_keys(c->seg, height < last ? height : last, &keys, err);

	if (!r)
		*run = chain_run(keys.v[MKT_BY_TX]);
	return r;
}

int mkt_chain_story(struct mkt_chain *c, uint32_t account, uint64_t from, bool down, uint64_t *out,
		    unsigned max, struct mkt_err *err)
{
	struct taking k = {.key_len = 8, .out = out, .max = max < INT32_MAX ? max : INT32_MAX};
	struct mkt_store_tx *t;
	uint64_t run = 0, last = 0;
	int r = need_store(c, err);

	if (!r)
		r = run_of_story(c, from, &run, err);
	if (!r)
		r = run_of_story(c, UINT64_MAX, &last, err);
	if (!r)
		r = mkt_store_begin(c->store, false, &t, err);
	if (r)
		return r;
	while (!r && k.n < k.max) {
		chain_be64(k.key, chain_story_key(run, account));
		r = take_values(t, MKT_TAB_ACCOUNT, down, from, &k, err);
		if (run == (down ? 0 : last))
			break;
		run += down ? UINT64_MAX : 1;
	}
	mkt_store_abort(t);
	return r < 0 ? r : (int)k.n;
}

int mkt_chain_window(struct mkt_chain *c, uint32_t window, uint64_t from, uint64_t *out,
		     unsigned max, struct mkt_err *err)
{
	struct taking k = {.key_len = 4, .out = out, .max = max < INT32_MAX ? max : INT32_MAX};
	struct mkt_store_tx *t;
	int r = need_store(c, err);

	if (!r)
		r = mkt_store_begin(c->store, false, &t, err);
	if (r)
		return r;
	chain_be32(k.key, window);
	r = take_values(t, MKT_TAB_WINDOW, false, from, &k, err);
	mkt_store_abort(t);
	return r < 0 ? r : (int)k.n;
}

/* ---- authorities -------------------------------------------------------------------------- */

/* Block @height - 1 changed the set: take what it did. */
static int take_change(struct mkt_chain *c, uint64_t height, struct mkt_authorities *set,
		       struct mkt_err *err)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_block b;
	int r = mkt_chain_read(c, height - 1, &bytes, err);

	if (!r)
		r = mkt_block_dec(bytes.data, bytes.len, &b, err);
	if (!r)
		r = mkt_verify_next_set(&b, &c->id, set, err);
	mkt_buf_release(&bytes);
	return r;
}

int mkt_chain_authorities(struct mkt_chain *c, uint64_t height, struct mkt_authorities *out,
			  struct mkt_err *err)
{
	struct mkt_block b;
	struct mkt_hash mine, want;
	int r = mkt_chain_read_head(c, height, &b, err);

	if (r < 0)
		return r;
	want = b.h.authorities;
	mkt_authorities_of(&c->g, out);
	mkt_authorities_set_hash(out, &mine);
	for (uint64_t h = 1; !mkt_hash_eq(&mine, &want) && h <= height; h++) {
		r = mkt_chain_read_head(c, h, &b, err);
		if (r >= 0 && !mkt_hash_eq(&b.h.authorities, &mine)) {
			r = take_change(c, h, out, err);
			mkt_authorities_set_hash(out, &mine);
		}
		if (r < 0)
			return r;
	}
	if (!mkt_hash_eq(&mine, &want))
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "block %llu names an unknown set of authorities",
				   (unsigned long long)height);
	return 0;
}

#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/chain/chain_impl.h"
#include "tests/chain.h"

#define BLOCKS 70

/* A chain, and what is known of it without asking it. */
struct story {
	struct node n;
	struct mkt_hash digest[BLOCKS + 1]; /* state after each block */
	struct mkt_hash hash[BLOCKS + 1];
	uint64_t seg_len[BLOCKS + 1]; /* of the last segment when the block was durable */
	unsigned seg[BLOCKS + 1];
};

static void seg_path(char out[PATH_MAX], const char *dir, unsigned seg)
{
	snprintf(out, PATH_MAX, "%.3000s/blocks/%06u.seg", dir, seg);
}

static void note(struct story *s, const struct mkt_sealed *b)
{
	char path[PATH_MAX];
	uint64_t h = b->h.height;

	s->digest[h] = b->h.state;
	s->hash[h] = b->hash;
	s->seg[h] = s->seg[h - 1];
	seg_path(path, s->n.dir, s->seg[h] + 1);
	if (!access(path, F_OK))
		s->seg[h]++;
	seg_path(path, s->n.dir, s->seg[h]);
	s->seg_len[h] = file_size(path);
}

static void append_and_index(struct story *s, struct mkt_sealed *const *v, unsigned n)
{
	struct mkt_err err;

	NODE_OK(mkt_chain_append(s->n.c, v, n, &err), &err);
	for (unsigned i = 0; i < n; i++)
		note(s, v[i]); /* all but the last have the last one's place: fine for cutting */
	NODE_OK(mkt_chain_index(s->n.c, v, n, &err), &err);
}

static void grow(struct story *s, unsigned blocks)
{
	struct mkt_sealed b[4], *v[4] = {&b[0], &b[1], &b[2], &b[3]};
	unsigned group = 0;

	for (unsigned i = 0; i < blocks; i++) {
		node_block(&s->n, (unsigned)rng_below(&s->n.r, 30), &b[group++]);
		if (group == MKT_ARRAY_SIZE(b) || rng_below(&s->n.r, 2) || i + 1 == blocks) {
			append_and_index(s, v, group);
			while (group)
				mkt_sealed_release(&b[--group]);
		}
	}
}

static void begin(struct story *s, const char *name, unsigned blocks)
{
	struct mkt_err err;
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_block blk;

	memset(s, 0, sizeof(*s));
	node_start(&s->n, name, rng_start(name));
	s->seg[0] = 1;
	NODE_OK(mkt_chain_read(s->n.c, 0, &b, &err), &err);
	NODE_OK(mkt_block_dec(b.data, b.len, &blk, &err), &err);
	s->digest[0] = blk.h.state;
	s->hash[0] = blk.hash;
	mkt_buf_release(&b);
	grow(s, blocks);
}

/* ---- comparing ---- */

static bool add_row(void *ctx, struct mkt_bytes key, struct mkt_bytes val)
{
	mkt_buf_addhex(ctx, key.p, key.n);
	mkt_buf_addch(ctx, '=');
	mkt_buf_addhex(ctx, val.p, val.n);
	mkt_buf_addch(ctx, '\n');
	return true;
}

/* Everything that the store of @c holds. */
static void dump_store(struct mkt_chain *c, struct mkt_buf *out)
{
	struct mkt_bytes none = {NULL, 0};
	struct mkt_store_tx *t;
	struct mkt_err err;

	mkt_buf_clear(out);
	NODE_OK(mkt_store_begin(c->store, false, &t, &err), &err);
	for (unsigned tab = 0; tab < MKT_TAB_COUNT; tab++) {
		mkt_buf_addf(out, "table %u\n", tab);
		NODE_OK(mkt_store_walk(t, tab, none, none, add_row, out, &err), &err);
	}
	mkt_store_abort(t);
}

static void assert_same_bytes(const struct mkt_buf *a, const struct mkt_buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

static void dump_state(struct mkt_chain *c, struct mkt_buf *out)
{
	struct mkt_delta d = {.rows = NULL};

	NODE_WANT(mkt_state_dump(mkt_chain_state(c), &d) == 0);
	mkt_buf_clear(out);
	for (uint32_t i = 0; i < d.n; i++) {
		mkt_buf_addf(out, "%u %llu ", d.rows[i].type, (unsigned long long)d.rows[i].id);
		mkt_buf_addhex(out, d.bytes.data + d.rows[i].at, d.rows[i].len);
		mkt_buf_addch(out, '\n');
	}
	mkt_delta_release(&d);
}

/* Open @dir: it is at some block of the story's, whole, and goes on from there. */
static uint64_t assert_recovers(struct story *s, const char *dir, uint64_t least, uint64_t most)
{
	struct node copy = s->n;
	struct mkt_sealed b, *v = &b;
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_err err;
	uint64_t height, time_ms;
	struct mkt_hash hash, again;

	snprintf(copy.dir, sizeof(copy.dir), "%.3000s", dir);
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(copy.tx); i++)
		copy.tx[i] = (struct mkt_buf)MKT_BUF_INIT;
	copy.ev = (struct mkt_events)MKT_EVENTS_INIT;
	node_open(&copy);
	mkt_chain_head(copy.c, &height, &hash, &time_ms);
	assert_in_range(height, least, most);
	assert_int_equal(mkt_chain_indexed(copy.c), height);
	assert_int_equal(mkt_state_height(mkt_chain_state(copy.c)), height);
	assert_true(mkt_hash_eq(&hash, &s->hash[height]));
	for (uint64_t h = 0; h <= height; h++) {
		struct mkt_block blk;

		NODE_OK(mkt_chain_read(copy.c, h, &bytes, &err), &err);
		NODE_OK(mkt_block_dec(bytes.data, bytes.len, &blk, &err), &err);
		assert_true(mkt_hash_eq(&blk.hash, &s->hash[h]));
	}
	assert_int_equal(mkt_state_check(mkt_chain_state(copy.c), &err), 0);
	node_block(&copy, 10, &b);
	NODE_OK(mkt_chain_append(copy.c, &v, 1, &err), &err);
	NODE_OK(mkt_chain_index(copy.c, &v, 1, &err), &err);
	again = b.h.state;
	mkt_sealed_release(&b);
	mkt_chain_close(copy.c);
	node_open(&copy);
	mkt_chain_head(copy.c, &time_ms, &hash, &time_ms);
	NODE_OK(mkt_chain_read(copy.c, height + 1, &bytes, &err), &err);
	assert_memory_equal(bytes.data + MKT_HEADER_BYTES - 2 - 2 * MKT_HASH_LEN, again.b,
			    MKT_HASH_LEN);
	mkt_chain_close(copy.c);
	mkt_buf_release(&bytes);
	mkt_events_release(&copy.ev);
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(copy.tx); i++)
		mkt_buf_release(&copy.tx[i]);
	return height;
}

/* ---- life ---- */

static void a_chain_is_made_once_and_held_by_one(void **state)
{
	struct node n;
	struct mkt_chain_open look = {.read_only = true};
	struct mkt_chain *c;
	struct mkt_tx_place place;
	struct mkt_err err;
	char path[PATH_MAX];

	(void)state;
	node_start(&n, "chain", rng_start("chain"));
	assert_int_equal(mkt_chain_height(n.c), 0);
	assert_int_equal(mkt_chain_create(n.dir, &n.g, &err), -MKT_EEXISTS);
	assert_int_equal(mkt_chain_open(n.dir, NULL, &c, &err), -MKT_ELOCKED);
	assert_int_equal(mkt_chain_open(n.dir, &look, &c, &err), 0);
	assert_null(mkt_chain_state(c));
	assert_int_equal(mkt_chain_find_tx(c, mkt_chain_id(c), &place, &err), -MKT_EUNAVAILABLE);
	mkt_chain_close(c);
	assert_int_equal(mkt_chain_open(n.top, NULL, &c, &err), -MKT_ENOTFOUND);
	snprintf(path, sizeof(path), "%.3000s/none/chain", n.top);
	assert_int_equal(mkt_chain_create(path, &n.g, &err), -MKT_EIO);
	snprintf(path, sizeof(path), "%.3000s/bad", n.top);
	n.g.window_s = 7;
	assert_int_equal(mkt_chain_create(path, &n.g, &err), -MKT_EINVAL);
	n.g.window_s = 1800;
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%.3000s/empty//", n.top);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(mkt_chain_create(path, &n.g, &err), 0);
	assert_int_equal(mkt_chain_open(path, NULL, &c, &err), 0);
	mkt_chain_close(c);
	node_stop(&n);
}

static void closing_and_opening_changes_nothing(void **state)
{
	struct story s;
	struct mkt_buf before = MKT_BUF_INIT, after = MKT_BUF_INIT, rows = MKT_BUF_INIT;
	struct mkt_chain_recovery rec;
	uint64_t blocks, store;

	(void)state;
	begin(&s, "chain reopen", BLOCKS);
	assert_true(s.seg[BLOCKS] > 2);
	dump_state(s.n.c, &before);
	dump_store(s.n.c, &rows);
	mkt_chain_close(s.n.c);
	node_open(&s.n);
	mkt_chain_recovered(s.n.c, &rec);
	assert_int_equal(rec.cut_bytes + rec.rescanned + rec.replayed + rec.store_made, 0);
	dump_state(s.n.c, &after);
	assert_same_bytes(&before, &after);
	dump_store(s.n.c, &after);
	assert_same_bytes(&rows, &after);
	mkt_chain_bytes(s.n.c, &blocks, &store);
	assert_true(blocks > 20000 && store > 0);
	mkt_buf_release(&before);
	mkt_buf_release(&after);
	mkt_buf_release(&rows);
	node_stop(&s.n);
}

static void only_the_next_block_is_taken(void **state)
{
	struct story s;
	struct mkt_sealed b[2], *v[2] = {&b[1], &b[0]};
	struct mkt_err err;

	(void)state;
	begin(&s, "chain order", 3);
	node_block(&s.n, 5, &b[0]);
	node_block(&s.n, 5, &b[1]);
	assert_int_equal(mkt_chain_append(s.n.c, v, 2, &err), -MKT_EINVAL);
	assert_int_equal(mkt_chain_append(s.n.c, v, 1, &err), -MKT_EINVAL);
	assert_int_equal(mkt_chain_index(s.n.c, v + 1, 1, &err), -MKT_EINVAL); /* not durable yet */
	assert_int_equal(mkt_chain_append(s.n.c, v + 1, 1, &err), 0);
	assert_int_equal(mkt_chain_append(s.n.c, v, 1, &err), 0);
	assert_int_equal(mkt_chain_index(s.n.c, v, 1, &err), -MKT_EINVAL);
	assert_int_equal(mkt_chain_indexed(s.n.c), 3);
	assert_int_equal(mkt_chain_index(s.n.c, v + 1, 1, &err), 0);
	assert_int_equal(mkt_chain_indexed(s.n.c), 4);
	assert_int_equal(mkt_chain_height(s.n.c), 5);
	mkt_sealed_release(&b[0]);
	mkt_sealed_release(&b[1]);
	node_stop(&s.n);
}

/* ---- recovery ---- */

/*
 * Copies of the directory as crashes leave it: the segments end anywhere after
 * what was durable, the index anywhere before, the store is that of an earlier block.
 */
static void a_crash_at_any_moment_loses_no_durable_block(void **state)
{
	struct story s;
	char copy[PATH_MAX], path[PATH_MAX], db[PATH_MAX];
	uint64_t store_height[8], deepest = 0;

	(void)state;
	begin(&s, "chain crash", 5);
	for (unsigned k = 0; k < 8; k++) { /* the store as it was at several heights */
		struct mkt_err err;

		snprintf(db, sizeof(db), "%.3000s/db%u", s.n.top, k);
		store_height[k] = s.n.prev.height;
		mkt_chain_close(s.n.c);
		snprintf(path, sizeof(path), "%.3000s/db", s.n.dir);
		tmpdir_copy(path, db);
		NODE_OK(mkt_chain_open(s.n.dir, &s.n.opt, &s.n.c, &err), &err);
		grow(&s, 8);
	}
	mkt_chain_close(s.n.c);
	snprintf(copy, sizeof(copy), "%.3000s/crash", s.n.top);
	for (unsigned round = 0; round < 60; round++) {
		unsigned k = (unsigned)rng_below(&s.n.r, 8);
		uint64_t top = s.n.prev.height;
		uint64_t durable = store_height[k] + rng_below(&s.n.r, top - store_height[k]);
		uint64_t keep, reached;

		while (durable && s.seg_len[durable] == s.seg_len[durable + 1])
			durable--; /* blocks of one append become durable together */
		if (durable < store_height[k])
			continue;
		tmpdir_copy(s.n.dir, copy);
		snprintf(path, sizeof(path), "%.3000s/crash/db", s.n.top);
		tmpdir_remove(path);
		snprintf(db, sizeof(db), "%.3000s/db%u", s.n.top, k);
		tmpdir_copy(db, path);
		for (unsigned seg = s.seg[top]; seg > s.seg[durable + 1]; seg--) {
			seg_path(path, copy, seg);
			unlink(path);
		}
		seg_path(path, copy, s.seg[durable + 1]);
		keep = s.seg[durable + 1] == s.seg[durable] ? s.seg_len[durable] : 0;
		keep += rng_below(&s.n.r, s.seg_len[durable + 1] - keep + 1);
		assert_int_equal(truncate(path, (off_t)keep), 0);
		snprintf(path, sizeof(path), "%.3000s/crash/blocks/index", s.n.top);
		assert_int_equal(truncate(path, (off_t)rng_below(&s.n.r, durable * 56 + 56)), 0);
		if (rng_below(&s.n.r, 6) == 0) {
			snprintf(path, sizeof(path), "%.3000s/crash/db", s.n.top);
			tmpdir_remove(path);
		}
		reached = assert_recovers(&s, copy, durable, top);
		deepest = reached - store_height[k] > deepest ? reached - store_height[k] : deepest;
		tmpdir_remove(copy);
	}
	assert_true(deepest > 8); /* blocks were executed again */
	node_open(&s.n);
	node_stop(&s.n);
}

static void a_lost_store_is_made_again_from_the_blocks(void **state)
{
	struct story s;
	struct mkt_buf before = MKT_BUF_INIT, after = MKT_BUF_INIT, rows = MKT_BUF_INIT;
	struct mkt_chain_recovery rec;
	char path[PATH_MAX];

	(void)state;
	begin(&s, "chain store", BLOCKS);
	dump_state(s.n.c, &before);
	dump_store(s.n.c, &rows);
	mkt_chain_close(s.n.c);
	snprintf(path, sizeof(path), "%.3000s/db", s.n.dir);
	tmpdir_remove(path);
	node_open(&s.n);
	mkt_chain_recovered(s.n.c, &rec);
	assert_true(rec.store_made);
	assert_int_equal(rec.replayed, BLOCKS);
	dump_state(s.n.c, &after);
	assert_same_bytes(&before, &after);
	dump_store(s.n.c, &after); /* many blocks in one transaction give what one by one gave */
	assert_same_bytes(&rows, &after);
	mkt_buf_release(&before);
	mkt_buf_release(&after);
	mkt_buf_release(&rows);
	node_stop(&s.n);
}

/* Set one row of the store's META to something else. */
static void set_meta(struct node *n, const char *key, const void *val, size_t len)
{
	char path[PATH_MAX];
	struct mkt_store *s;
	struct mkt_store_tx *t;
	struct mkt_err err;

	snprintf(path, sizeof(path), "%.3000s/db", n->dir);
	NODE_OK(mkt_store_open_lmdb(path, 0, &s, &err), &err);
	NODE_OK(mkt_store_begin(s, true, &t, &err), &err);
	NODE_OK(mkt_store_put(t, MKT_TAB_META, (struct mkt_bytes){key, strlen(key)},
			      (struct mkt_bytes){val, len}, &err),
		&err);
	NODE_OK(mkt_store_commit(t, &err), &err);
	mkt_store_close(s);
}

static void a_store_that_does_not_fit_is_named_or_made_again(void **state)
{
	struct story s;
	struct mkt_chain_recovery rec;
	struct mkt_err err;
	struct mkt_chain *c;
	char path[PATH_MAX];
	uint8_t head[8 + 2 * MKT_HASH_LEN] = {0};

	(void)state;
	begin(&s, "chain misfit", 20);
	mkt_chain_close(s.n.c);
	set_meta(&s.n, "format", "mkt-store 0", 11);
	node_open(&s.n);
	mkt_chain_recovered(s.n.c, &rec);
	assert_true(rec.store_made);
	assert_int_equal(rec.replayed, 20);
	mkt_chain_close(s.n.c);

	chain_be64(head, 20); /* right height, wrong hash */
	set_meta(&s.n, "head", head, sizeof(head));
	assert_int_equal(mkt_chain_open(s.n.dir, NULL, &c, &err), -MKT_ESTORE);
	assert_non_null(strstr(err.text, "block 20 differs"));
	assert_non_null(strstr(err.hint, "remove"));
	chain_be64(head, 21); /* knows more than there is */
	set_meta(&s.n, "head", head, sizeof(head));
	assert_int_equal(mkt_chain_open(s.n.dir, NULL, &c, &err), -MKT_ESTORE);
	assert_non_null(strstr(err.text, "missing"));
	set_meta(&s.n, "chain", head, MKT_HASH_LEN);
	assert_int_equal(mkt_chain_open(s.n.dir, NULL, &c, &err), -MKT_ESTORE);
	assert_non_null(strstr(err.text, "another chain"));
	snprintf(path, sizeof(path), "%.3000s/db/data.mdb", s.n.dir);
	file_write(path, "this is no store at all, whatever its name says", 40);
	assert_int_equal(mkt_chain_open(s.n.dir, NULL, &c, &err), -MKT_ESTORE);
	unlink(path);
	node_open(&s.n);
	assert_int_equal(mkt_chain_indexed(s.n.c), 20);
	node_stop(&s.n);
}

static void damage_in_records_of_the_store_is_found(void **state)
{
	struct story s;
	struct mkt_store *store;
	struct mkt_store_tx *t;
	struct mkt_chain *c;
	struct mkt_err err;
	struct mkt_bytes val;
	char path[PATH_MAX];
	uint8_t key[CHAIN_STATE_KEY], rec[512];

	(void)state;
	begin(&s, "chain record", 20);
	mkt_chain_close(s.n.c);
	snprintf(path, sizeof(path), "%.3000s/db", s.n.dir);
	NODE_OK(mkt_store_open_lmdb(path, 0, &store, &err), &err);
	NODE_OK(mkt_store_begin(store, true, &t, &err), &err);
	chain_state_key(key, MKT_REC_ACCOUNT, 3);
	assert_int_equal(
		mkt_store_get(t, MKT_TAB_STATE, (struct mkt_bytes){key, sizeof(key)}, &val, &err),
		1);
	memcpy(rec, val.p, val.n);
	rec[val.n - 20]++; /* a little more money */
	NODE_OK(mkt_store_put(t, MKT_TAB_STATE, (struct mkt_bytes){key, sizeof(key)},
			      (struct mkt_bytes){rec, val.n}, &err),
		&err);
	NODE_OK(mkt_store_commit(t, &err), &err);
	mkt_store_close(store);
	assert_int_equal(mkt_chain_open(s.n.dir, NULL, &c, &err), -MKT_ESTORE);
	assert_non_null(strstr(err.hint, "db"));
	tmpdir_remove(path);
	node_open(&s.n);
	node_stop(&s.n);
}

static void damage_in_blocks_is_named(void **state)
{
	struct story s;
	struct mkt_buf b = MKT_BUF_INIT, out = MKT_BUF_INIT;
	struct mkt_chain_open look = {.read_only = true};
	char path[PATH_MAX];

	(void)state;
	begin(&s, "chain damage", 40);
	mkt_chain_close(s.n.c);
	for (unsigned round = 0; round < 40; round++) {
		unsigned seg = 1 + (unsigned)rng_below(&s.n.r, s.seg[40]);
		struct mkt_chain *c;
		struct mkt_err err;
		uint64_t at;
		bool named;
		int r;

		seg_path(path, s.n.dir, seg);
		assert_true(file_read(path, &b));
		at = 32 + rng_below(&s.n.r, b.len - 32);
		b.data[at] ^= 1;
		file_write(path, b.data, b.len);
		r = mkt_chain_open(s.n.dir, round % 2 ? &look : NULL, &c, &err);
		named = r < 0;
		if (!r) {
			for (uint64_t h = 0; !named && h <= mkt_chain_height(c); h++)
				named = mkt_chain_read(c, h, &out, &err) < 0;
			mkt_chain_close(c);
		}
		assert_true(named);
		assert_true(err.code == MKT_ESTORE || err.code == MKT_EINTEGRITY);
		snprintf(path, sizeof(path), "%06u.seg", seg);
		assert_non_null(strstr(err.text, path));
		seg_path(path, s.n.dir, seg);
		b.data[at] ^= 1;
		file_write(path, b.data, b.len);
	}
	mkt_buf_release(&b);
	mkt_buf_release(&out);
	node_open(&s.n);
	node_stop(&s.n);
}

/* A request that stands in the chain is known after a restart too. */
static void used_requests_are_remembered(void **state)
{
	struct story s;
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_tx tx = MKT_TX_INIT;
	struct mkt_block blk;
	struct mkt_err err;
	unsigned tried = 0;

	(void)state;
	begin(&s, "chain requests", 40);
	mkt_chain_close(s.n.c);
	node_open(&s.n);
	node_begin(&s.n, s.n.prev.time_ms);
	for (uint64_t h = 1; h <= 40; h++) {
		const uint8_t *at = NULL, *p;
		uint32_t len;

		NODE_OK(mkt_chain_read(s.n.c, h, &bytes, &err), &err);
		NODE_OK(mkt_block_dec(bytes.data, bytes.len, &blk, &err), &err);
		while (mkt_block_next_tx(&blk, &at, &p, &len)) {
			int r;

			NODE_OK(mkt_tx_dec(p, len, mkt_chain_id(s.n.c), &tx, &err), &err);
			r = mkt_state_admit(mkt_chain_state(s.n.c), &tx, &err);
			if (tx.valid_until_s * 1000 >= s.n.time_ms) {
				assert_int_equal(r, -MKT_ECONFLICT);
				tried++;
			} else {
				assert_int_equal(r, -MKT_EEXPIRED);
			}
		}
	}
	assert_true(tried > 0);
	mkt_tx_release(&tx);
	mkt_buf_release(&bytes);
	node_stop(&s.n);
}

/* ---- finding ---- */

#define MANY 4096

/* What a walk over all blocks finds; the indexes must say the same. */
struct walked {
	uint64_t story[NODE_PEOPLE + 1][MANY];
	unsigned nstory[NODE_PEOPLE + 1];
	uint64_t exec_window[MANY], exec_height[MANY];
	bool settled[MANY];
	uint64_t nexec;
	uint32_t first_window, last_window;
};

static void walk_event(struct walked *w, const struct mkt_event *ev, uint64_t height,
		       uint64_t story)
{
	uint32_t who[2];
	unsigned n = mkt_event_accounts(ev, who);

	for (unsigned i = 0; i < n; i++)
		if (who[i] <= NODE_PEOPLE && !(i && who[1] == who[0]))
			w->story[who[i]][w->nstory[who[i]]++] = story;
	if (ev->kind == MKT_EV_SETTLED)
		w->settled[ev->u.settled.exec] = true;
	if (ev->kind != MKT_EV_CONTRACT)
		return;
	w->nexec = ev->u.contract.exec;
	w->exec_window[w->nexec] = ev->u.contract.window;
	w->exec_height[w->nexec] = height;
	if (!w->first_window || ev->u.contract.window < w->first_window)
		w->first_window = ev->u.contract.window;
	if (ev->u.contract.window > w->last_window)
		w->last_window = ev->u.contract.window;
}

static void check_txs(struct mkt_chain *c, const struct mkt_block *b)
{
	const uint8_t *at = NULL, *p, *request;
	uint32_t len, account, ix = 0;
	struct mkt_buf hex = MKT_BUF_INIT;
	struct mkt_tx_place place;
	struct mkt_hash id;
	struct mkt_err err;

	while (mkt_block_next_tx(b, &at, &p, &len)) {
		mkt_tx_id(p, len, &id);
		assert_int_equal(mkt_chain_find_tx(c, &id, &place, &err), 1);
		assert_true(place.height == b->h.height && place.ix == ix &&
			    mkt_hash_eq(&place.id, &id));
		mkt_buf_clear(&hex);
		mkt_buf_addhex(&hex, id.b, sizeof(id.b));
		assert_int_equal(
			mkt_chain_find_prefix(c, mkt_buf_str(&hex), 12 + ix % 52, &place, &err), 1);
		assert_true(place.height == b->h.height && place.ix == ix);
		assert_int_equal(mkt_tx_peek(p, len, &account, &request), 0);
		assert_int_equal(mkt_chain_find_request(c, account, request, &place, &err), 1);
		assert_true(place.height == b->h.height && place.ix == ix);
		assert_int_equal(mkt_chain_find_request(c, account + 1, request, &place, &err), 0);
		id.b[31] ^= 1;
		assert_int_equal(mkt_chain_find_tx(c, &id, &place, &err), 0);
		ix++;
	}
	mkt_buf_release(&hex);
}

static void check_heights(struct mkt_chain *c, const struct mkt_block *b, uint64_t next_bid)
{
	struct mkt_err err;
	uint64_t h;

	for (uint64_t bid = b->h.first_bid; bid < next_bid; bid++) {
		assert_int_equal(mkt_chain_height_of_bid(c, bid, &h, &err), 0);
		assert_int_equal(h, b->h.height);
	}
	assert_int_equal(mkt_chain_height_at(c, b->h.time_ms, &h, &err), 0);
	assert_true(h >= b->h.height);
	assert_int_equal(mkt_chain_height_at(c, NODE_T0_S * 1000 - 1, &h, &err), -MKT_ENOTFOUND);
}

/* Both ways and page by page. */
static void check_story(struct mkt_chain *c, uint32_t account, const uint64_t *want, unsigned n)
{
	uint64_t out[7], from = 0;
	struct mkt_err err;
	unsigned at = 0;
	int got;

	while ((got = mkt_chain_story(c, account, from, false, out, 7, &err)) > 0) {
		assert_true(at + (unsigned)got <= n);
		for (int i = 0; i < got; i++)
			assert_int_equal(out[i], want[at++]);
		from = out[got - 1] + 1;
	}
	assert_int_equal(got, 0);
	assert_int_equal(at, n);
	from = UINT64_MAX;
	while ((got = mkt_chain_story(c, account, from, true, out, 7, &err)) > 0) {
		for (int i = 0; i < got; i++)
			assert_int_equal(out[i], want[--at]);
		from = out[got - 1] - 1;
	}
	assert_int_equal(got, 0);
	assert_int_equal(at, 0);
}

static void check_contracts(struct mkt_chain *c, const struct walked *w)
{
	struct mkt_contract live, kept;
	uint64_t h, out[MANY];
	struct mkt_err err;
	unsigned forgotten = 0;
	int got;

	for (uint64_t exec = 1; exec <= w->nexec; exec++) {
		bool alive = mkt_state_contract(mkt_chain_state(c), exec, &live);

		assert_int_equal(mkt_chain_height_of_exec(c, exec, &h, &err), 0);
		assert_int_equal(h, w->exec_height[exec]);
		assert_int_equal(mkt_chain_contract(c, exec, &kept, &err), w->settled[exec]);
		forgotten += !alive;
		if (!w->settled[exec]) {
			assert_true(alive);
			continue;
		}
		assert_int_equal(kept.what.exec, exec);
		assert_true(kept.status >= MKT_CONTRACT_SETTLED);
		assert_int_equal(kept.height, w->exec_height[exec]);
		if (alive) {
			assert_int_equal(kept.status, live.status);
			assert_int_equal(kept.delivered_wh, live.delivered_wh);
		}
	}
	assert_true(forgotten > 0);
	for (uint32_t win = w->first_window; win <= w->last_window; win++) {
		int at = 0;

		got = mkt_chain_window(c, win, 0, out, MANY, &err);
		for (uint64_t exec = 1; exec <= w->nexec; exec++)
			if (w->exec_window[exec] == win)
				assert_true(at < got && out[at++] == exec);
		assert_int_equal(at, got);
	}
}

static void indexes_say_what_the_blocks_say(void **state)
{
	struct walked *w = calloc(1, sizeof(*w));
	struct mkt_buf bytes = MKT_BUF_INIT, next = MKT_BUF_INIT;
	struct mkt_tx_place place;
	struct mkt_err err;
	struct story s;

	(void)state;
	begin(&s, "chain find", BLOCKS);
	for (uint64_t h = 0; h <= BLOCKS; h++) {
		const uint8_t *at = NULL;
		struct mkt_block b, after;
		struct mkt_event ev;
		uint64_t n = h << 24, next_bid = mkt_state_next_bid(mkt_chain_state(s.n.c));

		NODE_OK(mkt_chain_read(s.n.c, h, &bytes, &err), &err);
		NODE_OK(mkt_block_dec(bytes.data, bytes.len, &b, &err), &err);
		if (h < BLOCKS) {
			NODE_OK(mkt_chain_read(s.n.c, h + 1, &next, &err), &err);
			NODE_OK(mkt_block_dec(next.data, next.len, &after, &err), &err);
			next_bid = after.h.first_bid;
		}
		while (mkt_block_next_event(&b, &at, &ev))
			walk_event(w, &ev, h, n++);
		assert_int_equal(n & 0xffffff, b.h.nevents);
		check_txs(s.n.c, &b);
		check_heights(s.n.c, &b, next_bid);
	}
	for (uint32_t a = 0; a <= NODE_PEOPLE; a++)
		check_story(s.n.c, a, w->story[a], w->nstory[a]);
	assert_int_equal(mkt_chain_story(s.n.c, 99, 0, false, w->exec_window, 9, &err), 0);
	check_contracts(s.n.c, w);
	assert_int_equal(mkt_chain_find_prefix(s.n.c, "1234567", 7, &place, &err), -MKT_EINVAL);
	assert_int_equal(mkt_chain_find_prefix(s.n.c, "1234567g", 8, &place, &err), -MKT_EINVAL);
	mkt_buf_release(&bytes);
	mkt_buf_release(&next);
	free(w);
	node_stop(&s.n);
}

/* ---- many transactions ---- */

#define FAKES 50000u

/*
 * A block of many short envelopes that nobody executes: only appended and
 * indexed, to see numbers pass from one run of 65536 to the next.
 */
static void fake_block(struct node *n, struct mkt_hash *ids, struct mkt_sealed *out)
{
	static const uint8_t zeros[MKT_TX_FIXED_BYTES + MKT_SIG_LEN];
	uint8_t *bytes = calloc(FAKES, sizeof(zeros));
	struct mkt_bytes *txs = calloc(FAKES, sizeof(*txs));
	struct mkt_hash *leaves = calloc(FAKES, sizeof(*leaves));
	struct mkt_delta delta = {.rows = NULL};
	struct mkt_seal in = {
		.prev = &n->prev.hash,
		.height = n->prev.height + 1,
		.time_ms = n->prev.time_ms + 1,
		.first_tx = n->prev.next_tx,
		.txs = txs,
		.tx_ids = ids,
		.tx_leaves = leaves,
		.ntxs = FAKES,
		.ev = &n->ev,
		.delta = &delta,
		.key = &n->authority_key,
	};

	mkt_authorities_set_hash(mkt_state_authorities(mkt_chain_state(n->c)), &in.authorities);
	mkt_events_clear(&n->ev);
	for (uint32_t i = 0; i < FAKES; i++) {
		uint8_t *p = bytes + i * sizeof(zeros);
		uint64_t number = in.first_tx + i;
		struct mkt_event ev = {.kind = MKT_EV_RESULT, .tx = i};

		memcpy(p + 22, &number, sizeof(number)); /* request id */
		txs[i] = (struct mkt_bytes){p, sizeof(zeros)};
		mkt_tx_id(p, sizeof(zeros), &ids[i]);
		ev.u.result.account = 1 + i % 7;
		if (i % 1000 == 0)
			NODE_WANT(mkt_event_add(&n->ev, &ev) == 0);
	}
	NODE_WANT(mkt_chain_seal(n->c, &in, out) == 0);
	n->prev = (struct mkt_verify_prev){out->hash, in.height, in.time_ms,
					   in.first_tx + FAKES, 0};
	free(bytes);
	free(txs);
	free(leaves);
}

static void runs_are_crossed(void **state)
{
	struct mkt_hash *ids = calloc(4 * FAKES, sizeof(*ids));
	uint64_t want[4 * FAKES / 1000];
	unsigned n_want = 0;
	struct mkt_sealed b[4], *v[4] = {&b[0], &b[1], &b[2], &b[3]};
	struct mkt_tx_place place;
	struct mkt_err err;
	struct node n;

	(void)state;
	node_start(&n, "chain runs", rng_start("chain runs"));
	for (unsigned i = 0; i < 4; i++)
		fake_block(&n, ids + i * FAKES, &b[i]);
	NODE_OK(mkt_chain_append(n.c, v, 4, &err), &err);
	NODE_OK(mkt_chain_index(n.c, v, 1, &err), &err);
	NODE_OK(mkt_chain_index(n.c, v + 1, 3, &err), &err); /* one transaction over two borders */
	for (unsigned i = 0; i < 300; i++) {
		uint32_t number = (uint32_t)rng_below(&n.r, 4 * FAKES);

		if (i < 8)
			number = (i / 4 + 1) * 65536 - 2 + i % 4;
		assert_int_equal(mkt_chain_find_tx(n.c, &ids[number], &place, &err), 1);
		assert_int_equal(place.height, 1 + number / FAKES);
		assert_int_equal(place.ix, number % FAKES);
	}
	for (uint64_t h = 1; h <= 4; h++)
		for (uint64_t e = 0; e < FAKES / 1000; e++)
			if (1 + e * 1000 % 7 == 3)
				want[n_want++] = h << 24 | e;
	check_story(n.c, 3, want, n_want);
	for (unsigned i = 0; i < 4; i++)
		mkt_sealed_release(&b[i]);
	free(ids);
	node_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_made_once_and_held_by_one),
		cmocka_unit_test(closing_and_opening_changes_nothing),
		cmocka_unit_test(only_the_next_block_is_taken),
		cmocka_unit_test(a_crash_at_any_moment_loses_no_durable_block),
		cmocka_unit_test(a_lost_store_is_made_again_from_the_blocks),
		cmocka_unit_test(a_store_that_does_not_fit_is_named_or_made_again),
		cmocka_unit_test(damage_in_records_of_the_store_is_found),
		cmocka_unit_test(damage_in_blocks_is_named),
		cmocka_unit_test(used_requests_are_remembered),
		cmocka_unit_test(indexes_say_what_the_blocks_say),
		cmocka_unit_test(runs_are_crossed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The store on LMDB: copy-on-write pages, one writer, readers that never wait.
 *
 * The map grows by mdb_env_set_mapsize(), which no transaction of this process
 * may see, so all of them hold a read-write lock for reading and growth holds
 * it for writing.  Every write transaction begins with much room to spare; one
 * that fills it all the same is told to begin again.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <sys/stat.h>

#include "core/store/store_impl.h"

#define MAP_FIRST (256ull << 20)
#define MAP_SPARE (128ull << 20) /* besides a quarter of what is used */
#define MAP_CEILING (1ull << 40)
#define READERS_MAX 256u

static const char *const names[MKT_TAB_COUNT] = {
	[MKT_TAB_META] = "meta",	 [MKT_TAB_STATE] = "state",   [MKT_TAB_BID] = "bid",
	[MKT_TAB_LIVE] = "live",	 [MKT_TAB_TX] = "tx",	      [MKT_TAB_ACCOUNT] = "account",
	[MKT_TAB_CONTRACT] = "contract", [MKT_TAB_WINDOW] = "window",
};

struct lmdb_store {
	struct mkt_store base;
	MDB_env *env;
	MDB_dbi dbi[MKT_TAB_COUNT];
	pthread_rwlock_t map_lock;
	struct lmdb_map conf;
	uint64_t map;
	bool full; /* the last write transaction filled the map */
};

struct lmdb_tx {
	struct mkt_store_tx base;
	MDB_txn *txn;
	MDB_cursor *cur[MKT_TAB_COUNT]; /* opened when first used */
};

static struct lmdb_store *store_of(struct mkt_store_tx *t)
{
	return (struct lmdb_store *)t->store;
}

static int fail(struct lmdb_store *s, int rc, const char *what, struct mkt_err *err)
{
	int code = MKT_EIO;

	if (rc == MDB_MAP_FULL) {
		s->full = true;
		code = s->map < s->conf.ceiling ? MKT_EBUSY : MKT_EDISKFULL;
	} else if (rc == ENOSPC || rc == EDQUOT || rc == EFBIG) {
		code = MKT_EDISKFULL;
	} else if (rc == ENOMEM) {
		code = MKT_ENOMEM;
	} else if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID ||
		   rc == MDB_PANIC || rc == MDB_VERSION_MISMATCH || rc == MDB_INCOMPATIBLE) {
		code = MKT_ESTORE;
	} else if (rc < 0) {
		code = MKT_EINTERNAL; /* our use of it is wrong */
	}
	return mkt_err_set(err, code, "%s: %s", what, mdb_strerror(rc));
}

static MDB_val val_of(struct mkt_bytes b)
{
	return (MDB_val){b.n, (void *)(uintptr_t)b.p};
}

static struct mkt_bytes bytes_of(const MDB_val *v)
{
	return (struct mkt_bytes){v->mv_data, v->mv_size};
}

/* ---- the map ---- */

static uint64_t used_bytes(struct lmdb_store *s)
{
	MDB_envinfo info;
	MDB_stat st;

	mdb_env_info(s->env, &info);
	mdb_env_stat(s->env, &st);
	return ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
}

/* Before a write transaction: no reader is active while the map is replaced. */
static int grow_map(struct lmdb_store *s, struct mkt_err *err)
{
	uint64_t used = used_bytes(s), want = used + used / 4 + s->conf.spare, size = s->map;
	int rc;

	if (s->full)
		want = 2 * s->map;
	if (want <= s->map)
		return 0;
	while (size < want)
		size *= 2;
	if (size > s->conf.ceiling)
		size = s->conf.ceiling;
	if (size <= s->map)
		return 0;
	pthread_rwlock_wrlock(&s->map_lock);
	rc = mdb_env_set_mapsize(s->env, size);
	if (!rc) {
		s->map = size;
		s->full = false;
	}
	pthread_rwlock_unlock(&s->map_lock);
	return rc ? fail(s, rc, "cannot grow the store", err) : 0;
}

/* ---- transactions ---- */

static int lmdb_begin(struct mkt_store *base, bool write, struct mkt_store_tx **out,
		      struct mkt_err *err)
{
	struct lmdb_store *s = (struct lmdb_store *)base;
	struct lmdb_tx *t;
	int rc = write ? grow_map(s, err) : 0;

	if (rc < 0)
		return rc;
	t = calloc(1, sizeof(*t));
	if (!t)
		return mkt_err_code(err, MKT_ENOMEM);
	t->base = (struct mkt_store_tx){base, write};
	pthread_rwlock_rdlock(&s->map_lock);
	rc = mdb_txn_begin(s->env, NULL, write ? 0 : MDB_RDONLY, &t->txn);
	if (rc) {
		pthread_rwlock_unlock(&s->map_lock);
		free(t);
		return fail(s, rc, "cannot begin a transaction of the store", err);
	}
	*out = &t->base;
	return 0;
}

static void close_cursors(struct lmdb_tx *t)
{
	for (unsigned i = 0; i < MKT_TAB_COUNT; i++)
		if (t->cur[i])
			mdb_cursor_close(t->cur[i]);
}

static int lmdb_commit(struct mkt_store_tx *base, struct mkt_err *err)
{
	struct lmdb_tx *t = (struct lmdb_tx *)base;
	struct lmdb_store *s = store_of(base);
	int rc;

	close_cursors(t);
	rc = mdb_txn_commit(t->txn);
	pthread_rwlock_unlock(&s->map_lock);
	free(t);
	/* LMDB says EIO when a write was cut short, which is what a disk that fills up does. */
	if (rc == EIO)
		return mkt_err_set(err, MKT_EDISKFULL,
				   "cannot write the store: a write was cut short");
	return rc ? fail(s, rc, "cannot write the store", err) : 0;
}

static void lmdb_abort(struct mkt_store_tx *base)
{
	struct lmdb_tx *t = (struct lmdb_tx *)base;

	close_cursors(t);
	mdb_txn_abort(t->txn);
	pthread_rwlock_unlock(&store_of(base)->map_lock);
	free(t);
}

static int cursor(struct mkt_store_tx *base, enum mkt_store_table tab, MDB_cursor **out,
		  struct mkt_err *err)
{
	struct lmdb_tx *t = (struct lmdb_tx *)base;
	int rc = t->cur[tab] ? 0 : mdb_cursor_open(t->txn, store_of(base)->dbi[tab], &t->cur[tab]);

	*out = t->cur[tab];
	return rc ? fail(store_of(base), rc, "cannot use the store", err) : 0;
}

/* ---- writing ---- */

/* What grows at its end is tried there first: that keeps pages full, a split leaves two halves. */
static unsigned at_end(enum mkt_store_table tab)
{
	if (mkt_table_is_set(tab))
		return MDB_APPENDDUP;
	return mkt_table_grows(tab) ? MDB_APPEND : 0;
}

static int put_flags(MDB_cursor *c, unsigned end, MDB_val *k, MDB_val *v, unsigned flags)
{
	MDB_val key = *k, val[2] = {v[0], flags ? v[1] : (MDB_val){0, NULL}};
	int rc = mdb_cursor_put(c, &key, val, flags | end);

	if (!end || rc != MDB_KEYEXIST)
		return rc;
	if (flags)
		val[1] = v[1];
	val[0] = v[0];
	return mdb_cursor_put(c, k, val, flags);
}

static int lmdb_put(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		    struct mkt_bytes val, struct mkt_err *err)
{
	MDB_val k = val_of(key), v = val_of(val);
	MDB_cursor *c;
	int rc = cursor(t, tab, &c, err);

	if (rc < 0)
		return rc;
	rc = put_flags(c, at_end(tab), &k, &v, 0);
	return rc ? fail(store_of(t), rc, "cannot write the store", err) : 0;
}

static int lmdb_put_set(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
			const void *vals, size_t width, size_t n, struct mkt_err *err)
{
	MDB_val k = val_of(key), v[2] = {{width, (void *)(uintptr_t)vals}, {n, NULL}};
	MDB_cursor *c;
	int rc = cursor(t, tab, &c, err);

	if (rc < 0)
		return rc;
	rc = put_flags(c, at_end(tab), &k, v, MDB_MULTIPLE);
	return rc ? fail(store_of(t), rc, "cannot write the store", err) : 0;
}

static int lmdb_del(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		    struct mkt_err *err)
{
	MDB_val k = val_of(key), v;
	MDB_cursor *c;
	int rc = cursor(t, tab, &c, err);

	if (rc < 0)
		return rc;
	rc = mdb_cursor_get(c, &k, &v, MDB_SET);
	if (!rc)
		rc = mdb_cursor_del(c, mkt_table_is_set(tab) ? MDB_NODUPDATA : 0);
	return rc && rc != MDB_NOTFOUND ? fail(store_of(t), rc, "cannot write the store", err) : 0;
}

/* ---- reading ---- */

static int lmdb_get(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		    struct mkt_bytes *val, struct mkt_err *err)
{
	MDB_val k = val_of(key), v;
	int rc = mdb_get(((struct lmdb_tx *)t)->txn, store_of(t)->dbi[tab], &k, &v);

	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return fail(store_of(t), rc, "cannot read the store", err);
	*val = bytes_of(&v);
	return 1;
}

static bool same(const MDB_val *a, struct mkt_bytes b)
{
	return a->mv_size == b.n && !memcmp(a->mv_data, b.p, b.n);
}

static int seek(MDB_cursor *c, bool set, struct mkt_bytes key, struct mkt_bytes val, MDB_val *k,
		MDB_val *v)
{
	int rc;

	if (!key.n)
		return mdb_cursor_get(c, k, v, MDB_FIRST);
	*k = val_of(key);
	rc = mdb_cursor_get(c, k, v, MDB_SET_RANGE);
	if (rc || !set || !val.n || !same(k, key))
		return rc;
	*k = val_of(key);
	*v = val_of(val);
	rc = mdb_cursor_get(c, k, v, MDB_GET_BOTH_RANGE);
	if (rc != MDB_NOTFOUND)
		return rc;
	*k = val_of(key);
	rc = mdb_cursor_get(c, k, v, MDB_SET_KEY);
	return rc ? rc : mdb_cursor_get(c, k, v, MDB_NEXT_NODUP);
}

/* Within the set at @key, which exists: the last value <= @val, or what is before the set. */
static int seek_back_in_set(MDB_cursor *c, struct mkt_bytes key, struct mkt_bytes val, MDB_val *k,
			    MDB_val *v)
{
	int rc = MDB_NOTFOUND;

	*k = val_of(key);
	*v = val_of(val);
	if (val.n)
		rc = mdb_cursor_get(c, k, v, MDB_GET_BOTH_RANGE);
	if (!rc)
		return same(v, val) ? 0 : mdb_cursor_get(c, k, v, MDB_PREV);
	if (rc != MDB_NOTFOUND)
		return rc;
	/* All values are below: the last of the set is the one before the next key. */
	*k = val_of(key);
	rc = mdb_cursor_get(c, k, v, MDB_SET_KEY);
	if (!rc)
		rc = mdb_cursor_get(c, k, v, MDB_NEXT_NODUP);
	if (rc == MDB_NOTFOUND)
		return mdb_cursor_get(c, k, v, MDB_LAST);
	return rc ? rc : mdb_cursor_get(c, k, v, MDB_PREV);
}

static int seek_back(MDB_cursor *c, bool set, struct mkt_bytes key, struct mkt_bytes val,
		     MDB_val *k, MDB_val *v)
{
	int rc;

	if (!key.n)
		return mdb_cursor_get(c, k, v, MDB_LAST);
	*k = val_of(key);
	rc = mdb_cursor_get(c, k, v, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		return mdb_cursor_get(c, k, v, MDB_LAST);
	if (rc)
		return rc;
	if (!same(k, key))
		return mdb_cursor_get(c, k, v, MDB_PREV);
	return set ? seek_back_in_set(c, key, val, k, v) : 0;
}

static int walk(struct mkt_store_tx *t, MDB_cursor *c, int rc, MDB_val k, MDB_val v,
		MDB_cursor_op next, mkt_store_each_fn *each, void *ctx, struct mkt_err *err)
{
	while (!rc && each(ctx, bytes_of(&k), bytes_of(&v)))
		rc = mdb_cursor_get(c, &k, &v, next);
	return rc && rc != MDB_NOTFOUND ? fail(store_of(t), rc, "cannot read the store", err) : 0;
}

static int lmdb_walk(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		     struct mkt_bytes val, mkt_store_each_fn *each, void *ctx, struct mkt_err *err)
{
	MDB_val k = {0, NULL}, v = {0, NULL};
	MDB_cursor *c;
	int rc = cursor(t, tab, &c, err);

	if (rc < 0)
		return rc;
	rc = seek(c, mkt_table_is_set(tab), key, val, &k, &v);
	return walk(t, c, rc, k, v, MDB_NEXT, each, ctx, err);
}

static int lmdb_walk_back(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
			  struct mkt_bytes val, mkt_store_each_fn *each, void *ctx,
			  struct mkt_err *err)
{
	MDB_val k = {0, NULL}, v = {0, NULL};
	MDB_cursor *c;
	int rc = cursor(t, tab, &c, err);

	if (rc < 0)
		return rc;
	rc = seek_back(c, mkt_table_is_set(tab), key, val, &k, &v);
	return walk(t, c, rc, k, v, MDB_PREV, each, ctx, err);
}

static uint64_t lmdb_bytes(struct mkt_store *base)
{
	struct lmdb_store *s = (struct lmdb_store *)base;
	uint64_t used;

	pthread_rwlock_rdlock(&s->map_lock);
	used = used_bytes(s);
	pthread_rwlock_unlock(&s->map_lock);
	return used;
}

/* ---- open and close ---- */

static void lmdb_close(struct mkt_store *base)
{
	struct lmdb_store *s = (struct lmdb_store *)base;

	if (s->env)
		mdb_env_close(s->env);
	pthread_rwlock_destroy(&s->map_lock);
	free(s);
}

static const struct mkt_store_ops lmdb_ops = {
	.close = lmdb_close,
	.begin = lmdb_begin,
	.commit = lmdb_commit,
	.drop = lmdb_abort,
	.put = lmdb_put,
	.put_set = lmdb_put_set,
	.del = lmdb_del,
	.get = lmdb_get,
	.walk = lmdb_walk,
	.walk_back = lmdb_walk_back,
	.bytes = lmdb_bytes,
};

static int open_tables(struct lmdb_store *s)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, 0, &txn);

	if (rc)
		return rc;
	for (unsigned i = 0; i < MKT_TAB_COUNT; i++) {
		unsigned flags =
			mkt_table_is_set(i) ? MDB_CREATE | MDB_DUPSORT | MDB_DUPFIXED : MDB_CREATE;

		rc = mdb_dbi_open(txn, names[i], flags, &s->dbi[i]);
		if (rc) {
			mdb_txn_abort(txn);
			return rc;
		}
	}
	return mdb_txn_commit(txn);
}

static int open_env(struct lmdb_store *s, const char *dir)
{
	MDB_envinfo info;
	int rc = mdb_env_create(&s->env);

	if (!rc)
		rc = mdb_env_set_maxdbs(s->env, MKT_TAB_COUNT);
	if (!rc)
		rc = mdb_env_set_maxreaders(s->env, READERS_MAX);
	if (!rc)
		rc = mdb_env_set_mapsize(s->env, s->conf.first);
	/* Readers are threads of a pool; reads are by key, so the kernel should not read ahead. */
	if (!rc)
		rc = mdb_env_open(s->env, dir, MDB_NOTLS | MDB_NORDAHEAD, 0644);
	if (!rc)
		rc = open_tables(s);
	if (rc)
		return rc;
	mdb_env_info(s->env, &info);
	s->map = info.me_mapsize; /* at least what a larger file needs */
	return 0;
}

static void init_lock(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	/* Growth must not wait for ever behind readers that come and go. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

int lmdb_open(const char *dir, const struct lmdb_map *map, struct mkt_store **out,
	      struct mkt_err *err)
{
	struct lmdb_store *s;
	int rc;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot make '%s'", dir);
	s = calloc(1, sizeof(*s));
	if (!s)
		return mkt_err_code(err, MKT_ENOMEM);
	s->base.ops = &lmdb_ops;
	s->conf = *map;
	init_lock(&s->map_lock);
	rc = open_env(s, dir);
	if (rc) {
		rc = fail(s, rc, "cannot open the store", err);
		lmdb_close(&s->base);
		return rc;
	}
	*out = &s->base;
	return 0;
}

int mkt_store_open_lmdb(const char *dir, uint64_t map_bytes, struct mkt_store **out,
			struct mkt_err *err)
{
	struct lmdb_map map = {MAP_FIRST, MAP_SPARE, map_bytes ? map_bytes : MAP_CEILING};

	if (map.ceiling < map.first)
		map.first = map.ceiling;
	return lmdb_open(dir, &map, out, err);
}

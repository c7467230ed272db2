/*
 * The store in memory: each table a sorted array of pointers to rows that never
 * change.  A transaction works on arrays of its own, so that what it sees stays
 * as it was and a commit is one exchange of pointers.
 */
#include "core/base/compat.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/store/store_impl.h"

struct row {
	_Atomic unsigned refs;
	size_t klen, vlen;
	uint8_t b[]; /* key, then value */
};

struct rows {
	struct row **v;
	size_t n, cap;
};

struct snap {
	_Atomic unsigned refs;
	struct rows tab[MKT_TAB_COUNT];
};

struct mem_store {
	struct mkt_store base;
	pthread_mutex_t lock;	/* of now */
	pthread_mutex_t writer; /* held by the write transaction */
	struct snap *now;
};

struct mem_tx {
	struct mkt_store_tx base;
	struct snap *snap;
};

static void row_unref(struct row *r)
{
	if (--r->refs == 0)
		free(r);
}

static void snap_unref(struct snap *s)
{
	if (!s || --s->refs)
		return;
	for (unsigned t = 0; t < MKT_TAB_COUNT; t++) {
		for (size_t i = 0; i < s->tab[t].n; i++)
			row_unref(s->tab[t].v[i]);
		free(s->tab[t].v);
	}
	free(s);
}

static struct snap *snap_copy(const struct snap *from)
{
	struct snap *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	for (unsigned t = 0; from && t < MKT_TAB_COUNT; t++) {
		const struct rows *f = &from->tab[t];
		struct rows *r = &s->tab[t];

		if (!f->n)
			continue;
		r->v = malloc(f->n * sizeof(struct row *));
		if (!r->v) {
			snap_unref(s);
			return NULL;
		}
		memcpy(r->v, f->v, f->n * sizeof(struct row *));
		r->n = r->cap = f->n;
		for (size_t i = 0; i < r->n; i++)
			r->v[i]->refs++;
	}
	return s;
}

static int cmp_bytes(const void *a, size_t an, const void *b, size_t bn)
{
	size_t n = an < bn ? an : bn;
	int c = n ? memcmp(a, b, n) : 0;

	return c ? c : (an > bn) - (an < bn);
}

/* By key, then for sets by value. */
static int cmp_row(const struct row *r, bool set, struct mkt_bytes key, struct mkt_bytes val)
{
	int c = cmp_bytes(r->b, r->klen, key.p, key.n);

	return c || !set ? c : cmp_bytes(r->b + r->klen, r->vlen, val.p, val.n);
}

/* Index of the first row >= (key, val). */
static size_t lower(const struct rows *t, bool set, struct mkt_bytes key, struct mkt_bytes val)
{
	size_t from = 0, to = t->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (cmp_row(t->v[mid], set, key, val) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static struct rows *rows_of(struct mkt_store_tx *t, enum mkt_store_table tab)
{
	return &((struct mem_tx *)t)->snap->tab[tab];
}

static int mem_put(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		   struct mkt_bytes val, struct mkt_err *err)
{
	struct rows *rows = rows_of(t, tab);
	bool set = mkt_table_is_set(tab);
	size_t at = lower(rows, set, key, val);
	struct row *r = malloc(sizeof(*r) + key.n + val.n);

	if (!r)
		return mkt_err_code(err, MKT_ENOMEM);
	r->refs = 1;
	r->klen = key.n;
	r->vlen = val.n;
	memcpy(r->b, key.p, key.n);
	if (val.n)
		memcpy(r->b + key.n, val.p, val.n);
	if (at < rows->n && !cmp_row(rows->v[at], set, key, val)) {
		row_unref(rows->v[at]);
		rows->v[at] = r;
		return 0;
	}
	if (rows->n == rows->cap) {
		size_t cap = rows->cap ? 2 * rows->cap : 16;
		struct row **v = realloc(rows->v, cap * sizeof(struct row *));

		if (!v) {
			free(r);
			return mkt_err_code(err, MKT_ENOMEM);
		}
		rows->v = v;
		rows->cap = cap;
	}
	memmove(rows->v + at + 1, rows->v + at, (rows->n - at) * sizeof(struct row *));
	rows->v[at] = r;
	rows->n++;
	return 0;
}

static int mem_put_set(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		       const void *vals, size_t width, size_t n, struct mkt_err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct mkt_bytes val = {(const uint8_t *)vals + i * width, width};
		int r = mem_put(t, tab, key, val, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int mem_del(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		   struct mkt_err *err)
{
	struct rows *rows = rows_of(t, tab);
	size_t at = lower(rows, true, key, (struct mkt_bytes){NULL, 0}), end = at;

	(void)err;
	while (end < rows->n && !cmp_row(rows->v[end], false, key, key))
		row_unref(rows->v[end++]);
	if (end > at)
		memmove(rows->v + at, rows->v + end, (rows->n - end) * sizeof(struct row *));
	rows->n -= end - at;
	return 0;
}

static int mem_get(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		   struct mkt_bytes *val, struct mkt_err *err)
{
	struct rows *rows = rows_of(t, tab);
	size_t at = lower(rows, true, key, (struct mkt_bytes){NULL, 0});

	(void)err;
	if (at == rows->n || cmp_row(rows->v[at], false, key, key))
		return 0;
	*val = (struct mkt_bytes){rows->v[at]->b + rows->v[at]->klen, rows->v[at]->vlen};
	return 1;
}

static bool give(const struct row *r, mkt_store_each_fn *each, void *ctx)
{
	return each(ctx, (struct mkt_bytes){r->b, r->klen},
		    (struct mkt_bytes){r->b + r->klen, r->vlen});
}

static int mem_walk(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		    struct mkt_bytes val, mkt_store_each_fn *each, void *ctx, struct mkt_err *err)
{
	struct rows *rows = rows_of(t, tab);

	(void)err;
	for (size_t i = lower(rows, mkt_table_is_set(tab), key, val); i < rows->n; i++)
		if (!give(rows->v[i], each, ctx))
			break;
	return 0;
}

static int mem_walk_back(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
			 struct mkt_bytes val, mkt_store_each_fn *each, void *ctx,
			 struct mkt_err *err)
{
	struct rows *rows = rows_of(t, tab);
	bool set = mkt_table_is_set(tab) && val.n;
	size_t i = key.n ? lower(rows, set, key, val) : rows->n;

	(void)err;
	while (key.n && i < rows->n && !cmp_row(rows->v[i], set, key, val))
		i++;
	while (i-- > 0)
		if (!give(rows->v[i], each, ctx))
			break;
	return 0;
}

static uint64_t mem_bytes(struct mkt_store *s)
{
	struct mem_store *m = (struct mem_store *)s;
	uint64_t sum = 0;

	pthread_mutex_lock(&m->lock);
	for (unsigned t = 0; t < MKT_TAB_COUNT; t++)
		for (size_t i = 0; i < m->now->tab[t].n; i++)
			sum += m->now->tab[t].v[i]->klen + m->now->tab[t].v[i]->vlen;
	pthread_mutex_unlock(&m->lock);
	return sum;
}

static int mem_begin(struct mkt_store *s, bool write, struct mkt_store_tx **out,
		     struct mkt_err *err)
{
	struct mem_store *m = (struct mem_store *)s;
	struct mem_tx *t = calloc(1, sizeof(*t));

	if (!t)
		return mkt_err_code(err, MKT_ENOMEM);
	t->base = (struct mkt_store_tx){s, write};
	if (write)
		pthread_mutex_lock(&m->writer);
	pthread_mutex_lock(&m->lock);
	t->snap = m->now;
	t->snap->refs++;
	pthread_mutex_unlock(&m->lock);
	if (write) {
		struct snap *own = snap_copy(t->snap);

		snap_unref(t->snap);
		t->snap = own;
		if (!own) {
			pthread_mutex_unlock(&m->writer);
			free(t);
			return mkt_err_code(err, MKT_ENOMEM);
		}
	}
	*out = &t->base;
	return 0;
}

static void mem_abort(struct mkt_store_tx *base)
{
	struct mem_tx *t = (struct mem_tx *)base;

	snap_unref(t->snap);
	if (base->write)
		pthread_mutex_unlock(&((struct mem_store *)base->store)->writer);
	free(t);
}

static int mem_commit(struct mkt_store_tx *base, struct mkt_err *err)
{
	struct mem_store *m = (struct mem_store *)base->store;
	struct mem_tx *t = (struct mem_tx *)base;
	struct snap *old;

	(void)err;
	if (base->write) {
		pthread_mutex_lock(&m->lock);
		old = m->now;
		m->now = t->snap;
		t->snap = old;
		pthread_mutex_unlock(&m->lock);
	}
	mem_abort(base);
	return 0;
}

static void mem_close(struct mkt_store *s)
{
	struct mem_store *m = (struct mem_store *)s;

	snap_unref(m->now);
	pthread_mutex_destroy(&m->lock);
	pthread_mutex_destroy(&m->writer);
	free(m);
}

static const struct mkt_store_ops mem_ops = {
	.close = mem_close,
	.begin = mem_begin,
	.commit = mem_commit,
	.drop = mem_abort,
	.put = mem_put,
	.put_set = mem_put_set,
	.del = mem_del,
	.get = mem_get,
	.walk = mem_walk,
	.walk_back = mem_walk_back,
	.bytes = mem_bytes,
};

int mkt_store_open_mem(struct mkt_store **out, struct mkt_err *err)
{
	struct mem_store *m = calloc(1, sizeof(*m));

	if (!m)
		return mkt_err_code(err, MKT_ENOMEM);
	m->base.ops = &mem_ops;
	m->now = snap_copy(NULL);
	if (!m->now) {
		free(m);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->writer, NULL);
	*out = &m->base;
	return 0;
}

#include "core/base/compat.h"

#include "core/store/store_impl.h"

void mkt_store_close(struct mkt_store *s)
{
	if (s)
		s->ops->close(s);
}

int mkt_store_begin(struct mkt_store *s, bool write, struct mkt_store_tx **out, struct mkt_err *err)
{
	return s->ops->begin(s, write, out, err);
}

int mkt_store_commit(struct mkt_store_tx *t, struct mkt_err *err)
{
	return t->store->ops->commit(t, err);
}

void mkt_store_abort(struct mkt_store_tx *t)
{
	if (t)
		t->store->ops->drop(t);
}

static int read_only(struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EINVAL, "a read transaction cannot write");
}

int mkt_store_put(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		  struct mkt_bytes val, struct mkt_err *err)
{
	return t->write ? t->store->ops->put(t, tab, key, val, err) : read_only(err);
}

int mkt_store_put_set(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		      const void *vals, size_t width, size_t n, struct mkt_err *err)
{
	if (!n)
		return 0;
	if (!mkt_table_is_set(tab))
		return mkt_err_set(err, MKT_EINVAL, "this table holds no sets");
	return t->write ? t->store->ops->put_set(t, tab, key, vals, width, n, err) : read_only(err);
}

int mkt_store_del(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		  struct mkt_err *err)
{
	return t->write ? t->store->ops->del(t, tab, key, err) : read_only(err);
}

int mkt_store_get(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		  struct mkt_bytes *val, struct mkt_err *err)
{
	return t->store->ops->get(t, tab, key, val, err);
}

int mkt_store_walk(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		   struct mkt_bytes val, mkt_store_each_fn *each, void *ctx, struct mkt_err *err)
{
	return t->store->ops->walk(t, tab, key, val, each, ctx, err);
}

int mkt_store_walk_back(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
			struct mkt_bytes val, mkt_store_each_fn *each, void *ctx,
			struct mkt_err *err)
{
	return t->store->ops->walk_back(t, tab, key, val, each, ctx, err);
}

uint64_t mkt_store_bytes(struct mkt_store *s)
{
	return s->ops->bytes(s);
}

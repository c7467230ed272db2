/*
 * What a back end of the store provides.  For core/store only.
 */
#ifndef MKT_STORE_IMPL_H
#define MKT_STORE_IMPL_H

#include "core/store/store.h"

struct mkt_store_ops {
	void (*close)(struct mkt_store *s);
	int (*begin)(struct mkt_store *s, bool write, struct mkt_store_tx **out,
		     struct mkt_err *err);
	int (*commit)(struct mkt_store_tx *t, struct mkt_err *err);
	void (*drop)(struct mkt_store_tx *t);
	int (*put_set)(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		       const void *vals, size_t width, size_t n, struct mkt_err *err);
	int (*put)(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		   struct mkt_bytes val, struct mkt_err *err);
	int (*del)(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		   struct mkt_err *err);
	int (*get)(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		   struct mkt_bytes *val, struct mkt_err *err);
	int (*walk)(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		    struct mkt_bytes val, mkt_store_each_fn *each, void *ctx, struct mkt_err *err);
	int (*walk_back)(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
			 struct mkt_bytes val, mkt_store_each_fn *each, void *ctx,
			 struct mkt_err *err);
	uint64_t (*bytes)(struct mkt_store *s);
};

/* First member of a back end's own structures. */
struct mkt_store {
	const struct mkt_store_ops *ops;
};

struct mkt_store_tx {
	struct mkt_store *store;
	bool write;
};

/* Sizes of the LMDB map: at first, to spare before a write transaction, and the most. */
struct lmdb_map {
	uint64_t first, spare, ceiling;
};

/* mkt_store_open_lmdb() with other sizes, so that tests see the map grow. */
int lmdb_open(const char *dir, const struct lmdb_map *map, struct mkt_store **out,
	      struct mkt_err *err) MKT_MUST_CHECK;

static inline bool mkt_table_is_set(enum mkt_store_table tab)
{
	return tab == MKT_TAB_TX || tab == MKT_TAB_ACCOUNT || tab == MKT_TAB_WINDOW;
}

/* New keys come after all that are there. */
static inline bool mkt_table_grows(enum mkt_store_table tab)
{
	return tab == MKT_TAB_BID || tab == MKT_TAB_LIVE || tab == MKT_TAB_CONTRACT;
}

#endif

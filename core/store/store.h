/*
 * Key-value storage of a node: state records and indexes.
 *
 * Tables are ordered by key bytes.  A write transaction is wholly there or
 * wholly not after a crash; mkt_store_commit() returns when it is on the disk
 * (LMDB back end: fully synced).  One write transaction at a time, from one
 * thread.  Read transactions may run in any number of threads, each sees one
 * commit; keep them short (a page of rows), because pages they see are not reused.
 * A transaction ends in the thread that began it, and a thread has one at a time.
 */
#ifndef MKT_STORE_STORE_H
#define MKT_STORE_STORE_H

#include "core/base/compat.h"
#include "core/base/err.h"

enum mkt_store_table {
	MKT_TAB_META,     /* text key -> bytes: format, height, digest */
	MKT_TAB_STATE,    /* u8 type, u64 id -> record of the state */
	MKT_TAB_BID,      /* the same for the records of open bids ... */
	MKT_TAB_LIVE,     /* ... and of contracts: their ids grow, so new ones fill pages */
	MKT_TAB_TX,       /* u32 run -> set of 8 bytes of id, u16 low bits of the number */
	MKT_TAB_ACCOUNT,  /* u32 run, u32 account -> set of u64 (height << 24 | event number) */
	MKT_TAB_CONTRACT, /* u64 exec -> contract as settled, when the state forgets it */
	MKT_TAB_WINDOW,   /* u32 window number -> set of u64 exec */
	MKT_TAB_COUNT
};
/*
 * TX, ACCOUNT and WINDOW hold sets of values of one length (LMDB: DUPFIXED).
 * Integers are big endian.  A run is 65536 transactions (an event belongs to the
 * run of its block's first), so that what comes in random order, ids and
 * accounts, touches the few hundred pages of the last run and no others.
 */

struct mkt_store;
struct mkt_store_tx;

struct mkt_bytes {
	const void *p;
	size_t n;
};

/*
 * Open or make @dir.  @map_bytes is the ceiling of the LMDB map, which the back
 * end grows as needed; 0: 1 TiB.  -MKT_ESTORE on damage or another format.
 */
int mkt_store_open_lmdb(const char *dir, uint64_t map_bytes, struct mkt_store **out,
			struct mkt_err *err) MKT_MUST_CHECK;
/* In memory, for tests: every transaction copies pointers to all rows. */
int mkt_store_open_mem(struct mkt_store **out, struct mkt_err *err) MKT_MUST_CHECK;
void mkt_store_close(struct mkt_store *s);

int mkt_store_begin(struct mkt_store *s, bool write, struct mkt_store_tx **out,
		    struct mkt_err *err) MKT_MUST_CHECK;
/*
 * On failure nothing of it is stored: -MKT_EDISKFULL, -MKT_EIO, -MKT_EBUSY.  The
 * transaction is over either way.
 */
int mkt_store_commit(struct mkt_store_tx *t, struct mkt_err *err) MKT_MUST_CHECK;
void mkt_store_abort(struct mkt_store_tx *t);

/*
 * Writing: set the value of a key, or add it to the key's set (values of one
 * length a table).  -MKT_EBUSY from any of these means that
 * the store has to become larger, which it does with the next begin: abort, and
 * do the whole transaction again.
 */
int mkt_store_put(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		  struct mkt_bytes val, struct mkt_err *err) MKT_MUST_CHECK;
/* Add @n values of @width bytes, ascending, to the set at @key. */
int mkt_store_put_set(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		      const void *vals, size_t width, size_t n, struct mkt_err *err) MKT_MUST_CHECK;
/* Drop a key with all its values; no such key is no error. */
int mkt_store_del(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		  struct mkt_err *err) MKT_MUST_CHECK;
/* 1 found, 0 not.  *val is valid until the transaction ends. */
int mkt_store_get(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		  struct mkt_bytes *val, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Walk: keys (and within a key the values of a set) in ascending order from the
 * first (@key, @val) >= the given ones (@key.n 0: from the table's first, @val.n
 * 0: from the key's first; @val is for sets only).  @each returns false to stop
 * and must not write.
 */
typedef bool mkt_store_each_fn(void *ctx, struct mkt_bytes key, struct mkt_bytes val);
int mkt_store_walk(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
		   struct mkt_bytes val, mkt_store_each_fn *each, void *ctx,
		   struct mkt_err *err) MKT_MUST_CHECK;
/*
 * The same downwards, from the last (@key, @val) <= the given ones (@key.n 0:
 * from the table's end; @val.n 0: from the key's last).
 */
int mkt_store_walk_back(struct mkt_store_tx *t, enum mkt_store_table tab, struct mkt_bytes key,
			struct mkt_bytes val, mkt_store_each_fn *each, void *ctx,
			struct mkt_err *err) MKT_MUST_CHECK;

/* Bytes in use on the disk. */
uint64_t mkt_store_bytes(struct mkt_store *s);

#endif

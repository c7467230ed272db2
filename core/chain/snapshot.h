/*
 * Snapshots: the state after a block, in a file, from which a node starts without
 * executing what came before.
 *
 *   head      "mktsnap1", 32 chain id, u64 height, 32 header hash, u64 tail (the first height whose
 *             body the new node needs), u64 time of the head in ms
 *   chunks    each a record as in segment files (core/store/segment.h), numbered from 0:
 *             rows of the state in the order of loading: u8 type, u64 id, u32 length, bytes
 *   end       one more record: u8 0, u64 rows, 32 state digest
 *
 * All little endian.  Nothing in it is believed: the records must give the state
 * digest of the header of that height, and that header must have the votes of the
 * authorities in force, which follow from genesis on through all headers.  So a
 * node that starts takes, in this order:
 *
 *   1  GET /v1/snapshot                              into a file: mkt_snapshot_look()
 *   2  GET /v1/chain?headers=1&from=1&limit=tail-1   records without bodies (but for blocks
 *      that change the authorities): about 350 bytes each
 *   3  GET /v1/chain?from=TAIL&limit=height-tail+1   whole records: the request ids of the
 *      validity period are in their bodies
 *
 * and gives every record, in order, to a builder; what it makes is a chain that
 * mkt_chain_open() opens, with the bodies below the tail pruned.
 *
 * Threads: one a builder.
 */
#ifndef MKT_CHAIN_SNAPSHOT_H
#define MKT_CHAIN_SNAPSHOT_H

#include "core/chain/chain.h"

struct mkt_snapshot_info {
	struct mkt_hash chain;
	uint64_t height;
	struct mkt_hash hash; /* of the header at @height */
	uint64_t tail;	      /* 1 .. height: bodies from here on are needed */
	uint64_t time_ms;     /* of the block at @height */
	uint64_t bytes;	      /* of the file; mkt_snapshot_look() and _write() */
};

#define MKT_SNAPSHOT_HEAD_BYTES (8 + MKT_HASH_LEN + 8 + MKT_HASH_LEN + 8 + 8)

/*
 * Write the state of the last indexed block to @path: a temporary name, synced and
 * renamed.  One read transaction of the store: the chain goes on meanwhile, and
 * memory is that of two chunks.  -MKT_EDISKFULL, -MKT_EIO, -MKT_EUNAVAILABLE (read only).
 */
int mkt_snapshot_write(struct mkt_chain *c, const char *path, struct mkt_snapshot_info *out,
		       struct mkt_err *err) MKT_MUST_CHECK;

/* The head of a file, for form only.  -MKT_ENOTFOUND, -MKT_EINTEGRITY, -MKT_EIO. */
int mkt_snapshot_look(const char *path, struct mkt_snapshot_info *out,
		      struct mkt_err *err) MKT_MUST_CHECK;

/* The same from bytes. */
int mkt_snapshot_head_dec(const void *p, size_t n, struct mkt_snapshot_info *out,
			  struct mkt_err *err) MKT_MUST_CHECK;

struct mkt_chain_builder;

/*
 * Begin a chain in a new directory beside @dir (which must not be there, or be
 * empty) from the snapshot at @path: all of its records are read, checked and
 * loaded.  -MKT_EINTEGRITY names what is wrong with the snapshot; -MKT_EEXISTS.
 */
int mkt_chain_build(const char *dir, const struct mkt_genesis *g, const char *path,
		    struct mkt_chain_builder **out, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The next block as a stored record (mkt_chain_read_raw(), /v1/chain): from height 1 up to the
 * snapshot's.  Below the tail a record without body is enough, but where the set of
 * authorities changes: there, and from the tail on, it must be whole.  What is given is kept.
 * Checked: link, votes of the set in force, roots of whole ones.
 * -MKT_EINTEGRITY names block and fault; -MKT_EPRUNED: the body is needed.
 */
int mkt_chain_build_block(struct mkt_chain_builder *b, const void *record, size_t n,
			  struct mkt_err *err) MKT_MUST_CHECK;

/* Height of the block that is wanted next; above the snapshot's: all are there. */
uint64_t mkt_chain_build_next(const struct mkt_chain_builder *b);

/*
 * Compare with the header of the snapshot's height, write the store, sync, give the
 * directory its name.  On failure nothing is left.  The builder is freed either way.
 */
int mkt_chain_build_end(struct mkt_chain_builder *b, struct mkt_err *err) MKT_MUST_CHECK;

/* Give up; nothing is left. */
void mkt_chain_build_abort(struct mkt_chain_builder *b);

#endif

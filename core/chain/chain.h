/*
 * A chain on disk: segment files (the truth), the store (state and indexes),
 * and what ties them to a running state.
 *
 *   DIR/genesis          canonical genesis bytes
 *   DIR/blocks/NNNNNN.seg  append-only records, zstd, checksummed; fdatasync is the commit point
 *   DIR/blocks/index     56 bytes a block: where it is, its time, its first numbers
 *   DIR/db/              LMDB
 *   DIR/lock             flock: one process a chain
 *
 * Order of a block's life: executed in memory -> appended (durable: "sealed" may
 * be said) -> indexed (one store transaction for one or more blocks).  After a
 * crash mkt_chain_open() loads the state of the last indexed block, cuts a
 * half-written record off the end of the last segment, re-executes the blocks
 * above and indexes them.  A store that is missing or of another format is made
 * again from the blocks; one that is damaged is left alone and named.
 *
 * Threads: append and index from one thread each (they may differ); reads from any.
 */
#ifndef MKT_CHAIN_CHAIN_H
#define MKT_CHAIN_CHAIN_H

#include "core/chain/block.h"
#include "core/chain/merkle.h"
#include "core/ledger/state.h"
#include "core/store/store.h"

struct mkt_chain;

/* Make DIR with genesis and block 0.  -MKT_EEXISTS; a failure leaves nothing. */
int mkt_chain_create(const char *dir, const struct mkt_genesis *g,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* What mkt_chain_open() is busy with when it takes long. */
enum mkt_chain_step {
	MKT_CHAIN_SCAN,   /* reading segments without index entries; bytes */
	MKT_CHAIN_LOAD,   /* reading the requests of the last validity period; blocks */
	MKT_CHAIN_REPLAY, /* executing blocks above the store's height; blocks */
};
typedef void mkt_chain_progress_fn(void *ctx, enum mkt_chain_step step, uint64_t done,
				   uint64_t total);

struct mkt_chain_open {
	/*
	 * Blocks only, of a chain that may be in use: no lock, no repair, nothing
	 * written; no state (NULL) and no store (calls that need it: -MKT_EUNAVAILABLE).
	 */
	bool read_only;
	uint64_t segment_max; /* bytes of one segment file; 0: 256 MiB */
	mkt_chain_progress_fn *progress; /* may be NULL */
	void *ctx;
};

/*
 * Open, recover, and give the state at the last block.  @out owns the state.
 *   -MKT_ENOTFOUND  no chain there       -MKT_ELOCKED  another process has it
 *   -MKT_ESTORE     damage, with file and place
 *   -MKT_EINTEGRITY a block does not follow from those before it
 *   -MKT_EDISKFULL, -MKT_EIO, -MKT_ENOMEM
 */
int mkt_chain_open(const char *dir, const struct mkt_chain_open *opt, struct mkt_chain **out,
		   struct mkt_err *err) MKT_MUST_CHECK;
void mkt_chain_close(struct mkt_chain *c);

/* What opening had to do. */
struct mkt_chain_recovery {
	uint64_t cut_bytes;   /* of an append that never returned */
	uint64_t rescanned;   /* index entries made again */
	uint64_t replayed;    /* blocks executed */
	bool store_made;      /* the store was missing or of another format */
};
void mkt_chain_recovered(const struct mkt_chain *c, struct mkt_chain_recovery *out);

struct mkt_state *mkt_chain_state(struct mkt_chain *c);

/*
 * Make the state anew as it was after the last appended block: what was executed above it is
 * forgotten.  The state of before is freed (on success only): mkt_chain_state() gives the new
 * one.  The caller keeps everybody from state and append meanwhile; indexing may go on.
 * Costs a reading of all of the state's records.  Errors as mkt_chain_open().
 */
int mkt_chain_rewind(struct mkt_chain *c, struct mkt_err *err) MKT_MUST_CHECK;
const struct mkt_genesis *mkt_chain_genesis(const struct mkt_chain *c);
const struct mkt_hash *mkt_chain_id(const struct mkt_chain *c);

/* The last appended block (durable).  Thread-safe. */
uint64_t mkt_chain_height(const struct mkt_chain *c);
void mkt_chain_head(const struct mkt_chain *c, uint64_t *height, struct mkt_hash *hash,
		    uint64_t *time_ms);
/* The last block in the store's indexes. */
uint64_t mkt_chain_indexed(const struct mkt_chain *c);

/* A sealed block on its way to the disk. */
struct mkt_sealed {
	struct mkt_buf bytes; /* encoded block */
	struct mkt_header h;
	struct mkt_hash hash;
	struct mkt_hash *tx_ids; /* h.ntxs ids; owned */
	struct mkt_delta delta;
};
void mkt_sealed_release(struct mkt_sealed *s);

/*
 * A block that others sealed, checked and executed: @b was decoded from @bytes, @delta is what
 * the state gave.  Both move into @out on success.  -MKT_ENOMEM.
 */
int mkt_sealed_take(const struct mkt_block *b, struct mkt_buf *bytes, struct mkt_delta *delta,
		    struct mkt_sealed *out) MKT_MUST_CHECK;

/*
 * Give an encoded block these votes instead of its own: 1..MKT_AUTHORITIES_MAX, ascending by
 * number.  Header and hash stay.  -MKT_EINVAL, -MKT_ENOMEM; @s is unchanged then.
 */
int mkt_sealed_certify(struct mkt_sealed *s, const struct mkt_vote *votes,
		       unsigned n) MKT_MUST_CHECK;

/*
 * Append @n blocks and sync once: all are durable on return.  On failure none is:
 *   -MKT_EDISKFULL  may be tried again
 *   -MKT_EIO        the chain must be closed
 *   -MKT_EINVAL     not the next
 */
int mkt_chain_append(struct mkt_chain *c, struct mkt_sealed *const *blocks, unsigned n,
		     struct mkt_err *err) MKT_MUST_CHECK;
/* Write state and indexes of the next @n appended blocks in one store transaction.  Same errors. */
int mkt_chain_index(struct mkt_chain *c, struct mkt_sealed *const *blocks, unsigned n,
		    struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Build a block from what was executed: roots, header, signature, bytes.
 * @txs are the envelopes in order; @ev and @delta as the state gave them
 * (@delta's contents move into @out).
 */
struct mkt_seal {
	const struct mkt_hash *prev;
	uint64_t height, time_ms, epoch, first_tx, first_bid, first_exec;
	const struct mkt_bytes *txs;
	const struct mkt_hash *tx_ids;
	const struct mkt_hash *tx_leaves; /* MKT_DOM_LEAF of each envelope */
	uint32_t ntxs;
	const struct mkt_events *ev;
	struct mkt_delta *delta;
	struct mkt_hash state;
	struct mkt_hash authorities; /* mkt_authorities_set_hash() of the set before the block */
	uint16_t authority;
	const struct mkt_seckey *key;
};
/*
 * -MKT_ENOMEM; -MKT_ELIMIT if it would be longer than MKT_BLOCK_BYTES_MAX.  @out is written on
 * success only.
 */
int mkt_chain_seal(const struct mkt_chain *c, const struct mkt_seal *in,
		   struct mkt_sealed *out) MKT_MUST_CHECK;

/*
 * The encoded block at @height, unpacked into @out.  Takes no lock.
 * -MKT_ENOTFOUND; -MKT_EPRUNED: its body is not here, and which archive has it;
 * -MKT_EINTEGRITY on damage, naming file and offset.
 */
int mkt_chain_read(struct mkt_chain *c, uint64_t height, struct mkt_buf *out,
		   struct mkt_err *err) MKT_MUST_CHECK;
/*
 * Header and votes of the block, whose body may be pruned; @b points nowhere.
 * 0 whole, 1 pruned.
 */
int mkt_chain_read_head(struct mkt_chain *c, uint64_t height, struct mkt_block *b,
			struct mkt_err *err) MKT_MUST_CHECK;
/* The record as stored, as /v1/chain hands it out; mkt_record_unpack() opens it. */
int mkt_chain_read_raw(struct mkt_chain *c, uint64_t height, struct mkt_buf *out,
		       struct mkt_err *err) MKT_MUST_CHECK;

/* Open a record from elsewhere as mkt_record_unpack() does; many cost less.  Any thread. */
int mkt_chain_unpack(struct mkt_chain *c, const void *p, size_t n, uint64_t *height,
		     struct mkt_buf *out, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The record with header and votes only (flag MKT_RECORD_PRUNED); the whole one if the block
 * changes the set of authorities, has no body, or is the last.
 */
int mkt_chain_read_short(struct mkt_chain *c, uint64_t height, struct mkt_buf *out,
			 struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The authorities whose votes block @height must have.  At once while the set is that of
 * genesis; else the blocks that changed it are looked for from the start.  Takes no lock.
 */
int mkt_chain_authorities(struct mkt_chain *c, uint64_t height, struct mkt_authorities *out,
			  struct mkt_err *err) MKT_MUST_CHECK;

/* Where a transaction is.  By id, or by account and request id.  1 found, 0 not, or an error. */
struct mkt_tx_place {
	uint64_t height;
	uint32_t ix;
	struct mkt_hash id;
};
int mkt_chain_find_tx(struct mkt_chain *c, const struct mkt_hash *id, struct mkt_tx_place *out,
		      struct mkt_err *err) MKT_MUST_CHECK;
/* By the first @n hexadecimal digits (>= 8); -MKT_ECONFLICT if several. */
int mkt_chain_find_prefix(struct mkt_chain *c, const char *hex, size_t n, struct mkt_tx_place *out,
			  struct mkt_err *err) MKT_MUST_CHECK;
int mkt_chain_find_request(struct mkt_chain *c, uint32_t account,
			   const uint8_t request[MKT_REQUEST_LEN], struct mkt_tx_place *out,
			   struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Block that placed a bid or made a contract (from the headers' first ids; for
 * ids not given yet the last block), or whose time is the last <= @time_ms.
 * -MKT_ENOTFOUND if it is before the first.
 */
int mkt_chain_height_of_bid(struct mkt_chain *c, uint64_t bid, uint64_t *height,
			    struct mkt_err *err) MKT_MUST_CHECK;
int mkt_chain_height_of_exec(struct mkt_chain *c, uint64_t exec, uint64_t *height,
			     struct mkt_err *err) MKT_MUST_CHECK;
int mkt_chain_height_at(struct mkt_chain *c, uint64_t time_ms, uint64_t *height,
			struct mkt_err *err) MKT_MUST_CHECK;

/* A contract from the archive: settled, perhaps forgotten by the state.  1 found, 0 not. */
int mkt_chain_contract(struct mkt_chain *c, uint64_t exec, struct mkt_contract *out,
		       struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Entries of an account's story: (height << 24 | event number) from @from up (or
 * down), at most @max.  Returns how many.
 */
int mkt_chain_story(struct mkt_chain *c, uint32_t account, uint64_t from, bool down, uint64_t *out,
		    unsigned max, struct mkt_err *err) MKT_MUST_CHECK;
/* Contracts of a window, ascending from @from. */
int mkt_chain_window(struct mkt_chain *c, uint32_t window, uint64_t from, uint64_t *out,
		     unsigned max, struct mkt_err *err) MKT_MUST_CHECK;

/* Bytes on disk: segments and index file, store. */
void mkt_chain_bytes(struct mkt_chain *c, uint64_t *blocks, uint64_t *store);

#endif

/*
 * Inside of the chain, shared by the files of core/chain.  Not for others.
 *
 *   chain.c    create, open, close, append, read
 *   recover.c  the state from the store; blocks above it
 *   seal.c     a block from what was executed
 *   index.c    state and indexes into the store
 *   find.c     asking the indexes
 */
#ifndef MKT_CHAIN_IMPL_H
#define MKT_CHAIN_IMPL_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/chain/chain.h"
#include "core/chain/verify.h"
#include "core/store/segment.h"

#define CHAIN_RUN_BITS 16 /* transactions of one run */
#define CHAIN_TX_VALUE 10 /* 8 bytes of id, u16 */
#define CHAIN_STATE_KEY 9 /* u8 type, u64 id */
#define CHAIN_ARCHIVE_MAX 63 /* bytes of an archive's name in a pruned record */
#define CHAIN_STORE_FORMAT "mkt-store 1"

/* One entry of an index whose values are u64; the key is u32, or u32 run and u32. */
struct chain_pair {
	uint64_t key;
	uint64_t val;
};

struct chain_pairs {
	struct chain_pair *v;
	size_t n, cap;
};

/* A transaction's id and number, for sorting. */
struct chain_txid {
	uint64_t prefix;
	uint64_t number;
};

/* What mkt_chain_index() works with; kept from one call to the next. */
struct chain_scratch {
	struct chain_pairs accounts, windows;
	struct chain_txid *txs;
	size_t txs_cap;
	struct mkt_buf buf;
};

struct mkt_chain {
	char *dir;
	int lock_fd;
	bool read_only;
	struct mkt_genesis g;
	struct mkt_hash id;
	struct mkt_segments *seg;
	struct mkt_store *store; /* NULL when read only */
	struct mkt_state *state; /* NULL when read only */
	struct mkt_chain_open opt;
	struct mkt_chain_recovery recovered;
	pthread_mutex_t head_lock; /* of head */
	struct mkt_verify_prev head;
	_Atomic uint64_t nindexed; /* blocks in the store */
	struct chain_scratch scratch;
};

static inline void chain_be16(uint8_t *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void chain_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void chain_be64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint64_t chain_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline uint64_t chain_run(uint64_t tx_number)
{
	return tx_number >> CHAIN_RUN_BITS;
}

/* Key of a part of an account's story in MKT_TAB_ACCOUNT. */
static inline uint64_t chain_story_key(uint64_t run, uint32_t account)
{
	return run << 32 | account;
}

static inline void chain_state_key(uint8_t key[CHAIN_STATE_KEY], uint8_t type, uint64_t id)
{
	key[0] = type;
	chain_be64(key + 1, id);
}

/* The tables of the state in the order of record types. */
#define CHAIN_STATE_TABLES {MKT_TAB_STATE, MKT_TAB_BID, MKT_TAB_LIVE}

static inline enum mkt_store_table chain_state_table(uint8_t type)
{
	if (type == MKT_REC_BID)
		return MKT_TAB_BID;
	/* Authorities load last, so they stand behind the contracts. */
	return type >= MKT_REC_CONTRACT ? MKT_TAB_LIVE : MKT_TAB_STATE;
}

/* What META says of the store. */
struct chain_store_head {
	bool there;
	uint64_t height;
	struct mkt_hash hash;  /* of that block's header */
	struct mkt_hash state; /* digest after it */
};

int chain_store_open(struct mkt_chain *c, struct chain_store_head *head,
		     struct mkt_err *err) MKT_MUST_CHECK;
int chain_store_put_head(struct mkt_chain *c, struct mkt_store_tx *t, const struct mkt_sealed *s,
			 struct mkt_err *err) MKT_MUST_CHECK;

/* The same as chain_store_open() finds it, in a transaction; and in one of its own. */
int chain_store_get_head(struct mkt_chain *c, struct mkt_store_tx *t,
			 struct chain_store_head *head, struct mkt_err *err) MKT_MUST_CHECK;
int chain_store_set_head(struct mkt_chain *c, const struct mkt_sealed *s,
			 struct mkt_err *err) MKT_MUST_CHECK;

/* Request ids of blocks from this time on may still be used when block time is @now_ms. */
static inline uint64_t chain_valid_since(const struct mkt_genesis *g, uint64_t now_ms)
{
	uint64_t span = g->validity_s * 1000ull;

	return now_ms > span ? now_ms - span : 0;
}

/* The code of a failed write. */
int chain_io_code(int errnum);
/* Give the synced @tmp its name, and sync the directory. */
int chain_file_publish(const char *tmp, const char *path, struct mkt_err *err) MKT_MUST_CHECK;

/* Make c->state that of the last block: from the store, then by executing. */
int chain_recover(struct mkt_chain *c, const struct chain_store_head *head,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* Read and take apart block @height; @b points into @bytes. */
int chain_read_block(struct mkt_chain *c, uint64_t height, struct mkt_buf *bytes,
		     struct mkt_block *b, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Replace @out by the pruned record of a block, of which @used bytes are header and
 * votes: those, then the name of the archive that has the rest ("": not told).
 */
int chain_pack_short(struct mkt_segments *seg, unsigned flags, const struct mkt_buf *block,
		     size_t used, const char *archive, struct mkt_buf *out,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* Making a chain in a directory beside its place (chain.c). */
int chain_dir_new(const char *dir, const struct mkt_genesis *g, char tmp[PATH_MAX],
		  struct mkt_err *err) MKT_MUST_CHECK;
int chain_dir_publish(const char *tmp, const char *dir, struct mkt_err *err) MKT_MUST_CHECK;
void chain_dir_drop(const char *tmp);
/* Segments of the chain in @dir, for appending. */
int chain_segments_open(const char *dir, const struct mkt_hash *id, struct mkt_segments **out,
			struct mkt_err *err) MKT_MUST_CHECK;

/* Ids of a block's transactions, in order; owned by the caller. */
int chain_tx_ids(const struct mkt_block *b, struct mkt_hash **out) MKT_MUST_CHECK;

/* Transactions and events of blocks below the store's head, without their state. */
int chain_index_past(struct mkt_chain *c, struct mkt_sealed *const *blocks, unsigned n,
		     struct mkt_err *err) MKT_MUST_CHECK;

void chain_scratch_release(struct chain_scratch *s);

#endif

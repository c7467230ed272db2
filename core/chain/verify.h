/*
 * Checking a chain: the one implementation used by recovery, by fullnodes and
 * by `mkt verify`.
 */
#ifndef MKT_CHAIN_VERIFY_H
#define MKT_CHAIN_VERIFY_H

#include "core/chain/block.h"
#include "core/ledger/state.h"

/* What is needed from the block before. */
struct mkt_verify_prev {
	struct mkt_hash hash;
	uint64_t height, time_ms, next_tx, epoch;
};

static inline struct mkt_verify_prev mkt_verify_prev_of(const struct mkt_block *b)
{
	return (struct mkt_verify_prev){b->hash, b->h.height, b->h.time_ms,
					b->h.first_tx + b->h.ntxs, b->h.epoch};
}

/*
 * Signatures, roots, order and form of one block without executing it: may run
 * for many blocks in parallel, each with its own scratch.  Keys of accounts come
 * from @key_of (false: unknown account).  -MKT_EINTEGRITY says what differs.
 */
typedef bool mkt_key_of_fn(void *ctx, uint32_t account, struct mkt_pubkey *key);
/*
 * Of a header alone: its chain, and that it names @set, the authorities in force before it
 * (mkt_state_authorities() of the state before), and enough of them have signed it.
 */
int mkt_verify_head(const struct mkt_block *b, const struct mkt_authorities *set,
		    const struct mkt_hash *chain, struct mkt_err *err) MKT_MUST_CHECK;
/* Of a whole block: transactions and events are those of the header's roots. */
int mkt_verify_roots(const struct mkt_block *b, struct mkt_err *err) MKT_MUST_CHECK;
/* Both. */
int mkt_verify_static(const struct mkt_block *b, const struct mkt_authorities *set,
		      const struct mkt_hash *chain, struct mkt_err *err) MKT_MUST_CHECK;
/*
 * The set in force after a block, without a state: @set as it is, or as the block's one
 * operation AUTHORITY changes it.  The block's votes and roots are checked already.
 * -MKT_EINTEGRITY: a change that was taken and may not be; -MKT_ENOMEM.
 */
int mkt_verify_next_set(const struct mkt_block *b, const struct mkt_hash *chain,
			struct mkt_authorities *set, struct mkt_err *err) MKT_MUST_CHECK;
/* Signatures of transactions @first .. @first + @n - 1. */
int mkt_verify_txs(const struct mkt_block *b, uint32_t first, uint32_t n, mkt_key_of_fn *key_of,
		   void *ctx, struct mkt_err *err) MKT_MUST_CHECK;

/* Chain, height, previous hash, time, epoch, count of transactions: as the block before says. */
int mkt_verify_follows(const struct mkt_block *b, const struct mkt_verify_prev *prev,
		       const struct mkt_hash *chain, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Block 0 from a state fresh of mkt_state_new(): its bytes, and its records in
 * @delta.  A chain's block 0 is right if it has these bytes.  -MKT_ENOMEM.
 */
int mkt_block_first(struct mkt_state *s, const struct mkt_hash *chain, struct mkt_delta *delta,
		    struct mkt_buf *out) MKT_MUST_CHECK;

/*
 * Execute a block (not block 0) on the state of the one before and compare its
 * place in the chain, events, ids and digest.  @ev and @delta are scratch and
 * hold the block's after.  After -MKT_EINTEGRITY or -MKT_ENOMEM the state is good
 * for nothing but free.
 */
int mkt_verify_execute(struct mkt_state *s, const struct mkt_block *b,
		       const struct mkt_verify_prev *prev, const struct mkt_hash *chain,
		       struct mkt_events *ev, struct mkt_delta *delta,
		       struct mkt_err *err) MKT_MUST_CHECK;

#endif

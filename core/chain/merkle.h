/*
 * Merkle trees over leaf hashes (MKT_DOM_LEAF), inner nodes MKT_DOM_NODE(left ||
 * right); an odd node goes up unchanged (as RFC 6962 splits: the left part is
 * the largest power of two below n).  The root of no leaves is MKT_DOM_NODE of nothing.
 */
#ifndef MKT_CHAIN_MERKLE_H
#define MKT_CHAIN_MERKLE_H

#include "core/base/err.h"
#include "core/crypto/hash.h"

#define MKT_MERKLE_DEPTH_MAX 32

/* Root over @n leaves; @leaves is used as scratch and holds rubbish after. */
void mkt_merkle_root(struct mkt_hash *leaves, uint32_t n, struct mkt_hash *root);

struct mkt_proof {
	uint32_t n;  /* leaves of the tree */
	uint32_t ix; /* this leaf */
	uint8_t depth;
	struct mkt_hash path[MKT_MERKLE_DEPTH_MAX]; /* siblings from the leaf up */
};

/* Proof for leaf @ix < @n; @leaves is not changed.  -MKT_ENOMEM, -MKT_EINVAL. */
int mkt_merkle_prove(const struct mkt_hash *leaves, uint32_t n, uint32_t ix,
		     struct mkt_proof *out) MKT_MUST_CHECK;

/* True if @leaf at its place leads to @root. */
bool mkt_merkle_ok(const struct mkt_proof *p, const struct mkt_hash *leaf,
		   const struct mkt_hash *root) MKT_MUST_CHECK;

#endif

/*
 * A hash of a set that can be changed by one member at a time: LtHash16
 * (Bellare and Micciancio 1997; parameters as in Lewi et al. 2019: 1024 sums
 * modulo 2^16).  The state digest is built on it: a block adds and removes the
 * records that it touched, whatever the size of the state, and the order in
 * which records come does not matter.
 *
 * A member's contribution is its record hash stretched by ChaCha20.
 */
#ifndef MKT_CRYPTO_LTHASH_H
#define MKT_CRYPTO_LTHASH_H

#include "core/crypto/hash.h"

#define MKT_LTHASH_LANES 1024

struct mkt_lthash {
	uint16_t v[MKT_LTHASH_LANES]; /* all zero: the empty set */
};

void mkt_lthash_add(struct mkt_lthash *s, const struct mkt_hash *member);
void mkt_lthash_sub(struct mkt_lthash *s, const struct mkt_hash *member);

/* BLAKE2b-256 of the sums, little endian. */
void mkt_lthash_digest(const struct mkt_lthash *s, struct mkt_hash *out);

#endif

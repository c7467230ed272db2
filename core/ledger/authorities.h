/*
 * The authorities of a chain: who may seal, and how many must sign.
 *
 * The set of genesis holds until an AUTHORITY operation changes it: one at a time,
 * alone in its block, signed by the operator and, inside it, by a quorum of the set
 * that is in force.  The new set is in force from the next block on: a block at
 * height h is signed by the set that the state after h - 1 names.
 *
 * Quorum of n: floor(n / 2) + 1; with `quorum = bft` floor((n + f) / 2) + 1, where
 * f = (n - 1) / 3 of them may lie.  That is 2 f + 1 of n = 3 f + 1, and more when n
 * lies between: any two quorums then share one that does not lie.
 */
#ifndef MKT_LEDGER_AUTHORITIES_H
#define MKT_LEDGER_AUTHORITIES_H

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/codec/enc.h"
#include "core/crypto/hash.h"
#include "core/crypto/sign.h"
#include "core/ledger/genesis.h"

struct mkt_authority {
	struct mkt_pubkey key;
	char name[MKT_NAME_MAX + 1]; /* unique in the set; of genesis: "a1", "a2", ... */
};

/* Numbers of authorities (in headers and votes) are places in the set in force. */
struct mkt_authorities {
	uint32_t generation; /* changes since genesis: what co-signatures name */
	uint64_t since;	     /* height of the block that made it */
	uint8_t quorum;	     /* enum mkt_quorum_rule */
	uint8_t n;
	struct mkt_authority v[MKT_AUTHORITIES_MAX];
};

/* The set of @g. */
void mkt_authorities_of(const struct mkt_genesis *g, struct mkt_authorities *out);

/* How many must sign. */
unsigned mkt_authorities_quorum(const struct mkt_authorities *set);

/* Number of a key, of a name; -1: not in the set. */
int mkt_authorities_find(const struct mkt_authorities *set, const struct mkt_pubkey *key);
int mkt_authorities_named(const struct mkt_authorities *set, const char *name);

/* ---- changes ------------------------------------------------------------------------------ */

enum mkt_authority_what { MKT_AUTHORITY_ADD = 1, MKT_AUTHORITY_REMOVE = 2 };

/* What an AUTHORITY operation asks for; @who has key and name, both as in the set to remove. */
struct mkt_authority_change {
	uint8_t what;
	uint32_t generation; /* of the set it changes: an old signature is good for nothing */
	struct mkt_authority who;
};

/* A co-signature as the operation carries it: u16 number, 64 signature. */
#define MKT_COSIGN_LEN (2 + MKT_SIG_LEN)

/*
 * The bytes that authorities sign: "mkt:sign-au:v1:\0" || 32 chain id || u32 generation ||
 * u8 what || 32 key || text name.  Appended to @out.
 */
void mkt_authority_signed(const struct mkt_authority_change *c, const struct mkt_hash *chain,
			  struct mkt_buf *out);

/*
 * May @set be changed so?  @cosigns are @n of MKT_COSIGN_LEN bytes each, numbers ascending.
 * -MKT_EAUTHORITY with the reason: another generation, a key or name that is or is not there,
 * too many or too few authorities, a wrong signature, fewer than the quorum; -MKT_ENOMEM.
 */
int mkt_authorities_check(const struct mkt_authorities *set, const struct mkt_hash *chain,
			  const struct mkt_authority_change *c, const uint8_t *cosigns, unsigned n,
			  struct mkt_err *err) MKT_MUST_CHECK;

/* Do what was checked, in the block at @height. */
void mkt_authorities_change(struct mkt_authorities *set, const struct mkt_authority_change *c,
			    uint64_t height);

/* ---- bytes -------------------------------------------------------------------------------- */

/* Record of the state: u32 generation, u64 since, u8 quorum, u8 n, n x (32 key, text name). */
void mkt_authorities_enc(const struct mkt_authorities *set, struct mkt_buf *out);
/* Takes the whole of @in.  -MKT_ETRUNCATED, -MKT_EOVERLONG, -MKT_ENONCANONICAL. */
int mkt_authorities_dec(struct mkt_dec *in, struct mkt_authorities *set) MKT_MUST_CHECK;

/* What headers name: MKT_DOM_AUTHS over u8 count and the keys in order. */
void mkt_authorities_set_hash(const struct mkt_authorities *set, struct mkt_hash *out);

#endif

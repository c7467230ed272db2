/*
 * Hashes: BLAKE2b-256 with a prefix that says what is hashed.
 *
 * Every hash of the system is BLAKE2b-256(prefix || data) with one of the
 * eight-byte prefixes below, so that bytes of one kind never pass for another
 * and anyone can repeat a hash with `b2sum -l 256`.
 */
#ifndef MKT_CRYPTO_HASH_H
#define MKT_CRYPTO_HASH_H

#include "core/base/compat.h"

#define MKT_HASH_LEN 32

struct mkt_hash {
	uint8_t b[MKT_HASH_LEN];
};

/* What is hashed.  The prefixes are in hash_sodium.c and mkt-protocol(7); both are for ever. */
enum mkt_domain {
	MKT_DOM_GENESIS, /* "mkt:gnss" the genesis file: the chain's id */
	MKT_DOM_TX,      /* "mkt:trnx" an envelope with its signature */
	MKT_DOM_REQUEST, /* "mkt:rqst" account and request id */
	MKT_DOM_LEAF,    /* "mkt:leaf" Merkle leaf */
	MKT_DOM_NODE,    /* "mkt:node" Merkle inner node */
	MKT_DOM_HEADER,  /* "mkt:head" block header */
	MKT_DOM_RECORD,  /* "mkt:recd" one record of the state */
	MKT_DOM_STATE,   /* "mkt:stat" the sum of all records */
	MKT_DOM_SEGMENT, /* "mkt:segm" a record of a segment file */
	MKT_DOM_KEY,     /* "mkt:keyf" request ids and file checks of the client */
	MKT_DOM_AUTHS,   /* "mkt:auth" a set of authorities */
	MKT_DOM_COUNT
};

/* One-time set-up of the library behind this; call before threads start.  0 or -MKT_EINTERNAL. */
int mkt_crypto_init(void) MKT_MUST_CHECK;

void mkt_hash(struct mkt_hash *out, enum mkt_domain dom, const void *p, size_t n);

/* Two parts, as if joined. */
void mkt_hash2(struct mkt_hash *out, enum mkt_domain dom, const void *p, size_t n, const void *q,
	       size_t m);

static inline bool mkt_hash_eq(const struct mkt_hash *a, const struct mkt_hash *b)
{
	return !memcmp(a->b, b->b, MKT_HASH_LEN);
}

/* Fill @p with @n random bytes from the kernel. */
void mkt_random(void *p, size_t n);

/* Wipe a secret; not optimised away. */
void mkt_wipe(void *p, size_t n);

#endif

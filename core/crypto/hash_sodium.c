#include "core/base/compat.h"

#include <sodium.h>

#include "core/base/err.h"
#include "core/crypto/hash.h"

#define PREFIX_LEN 8

static const char prefixes[MKT_DOM_COUNT][PREFIX_LEN + 1] = {
	[MKT_DOM_GENESIS] = "mkt:gnss",
	[MKT_DOM_TX] = "mkt:trnx",
	[MKT_DOM_REQUEST] = "mkt:rqst",
	[MKT_DOM_LEAF] = "mkt:leaf",
	[MKT_DOM_NODE] = "mkt:node",
	[MKT_DOM_HEADER] = "mkt:head",
	[MKT_DOM_RECORD] = "mkt:recd",
	[MKT_DOM_STATE] = "mkt:stat",
	[MKT_DOM_SEGMENT] = "mkt:segm",
	[MKT_DOM_KEY] = "mkt:keyf",
	[MKT_DOM_AUTHS] = "mkt:auth",
};

int mkt_crypto_init(void)
{
	return sodium_init() < 0 ? -MKT_EINTERNAL : 0;
}

void mkt_hash2(struct mkt_hash *out, enum mkt_domain dom, const void *p, size_t n, const void *q,
	       size_t m)
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, MKT_HASH_LEN);
	crypto_generichash_update(&st, (const uint8_t *)prefixes[dom], PREFIX_LEN);
	if (n)
		crypto_generichash_update(&st, p, n);
	if (m)
		crypto_generichash_update(&st, q, m);
	crypto_generichash_final(&st, out->b, MKT_HASH_LEN);
}

void mkt_hash(struct mkt_hash *out, enum mkt_domain dom, const void *p, size_t n)
{
	mkt_hash2(out, dom, p, n, NULL, 0);
}

void mkt_random(void *p, size_t n)
{
	randombytes_buf(p, n);
}

void mkt_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

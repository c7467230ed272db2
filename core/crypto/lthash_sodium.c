#include "core/base/compat.h"

#include <sodium.h>

#include "core/crypto/lthash.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "lanes are little endian in the digest");

static void stretch(const struct mkt_hash *member, uint16_t lanes[MKT_LTHASH_LANES])
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];

	crypto_stream_chacha20((uint8_t *)lanes, MKT_LTHASH_LANES * sizeof(*lanes), nonce,
			       member->b);
}

void mkt_lthash_add(struct mkt_lthash *s, const struct mkt_hash *member)
{
	uint16_t lanes[MKT_LTHASH_LANES];

	stretch(member, lanes);
	for (size_t i = 0; i < MKT_LTHASH_LANES; i++)
		s->v[i] = (uint16_t)(s->v[i] + lanes[i]);
}

void mkt_lthash_sub(struct mkt_lthash *s, const struct mkt_hash *member)
{
	uint16_t lanes[MKT_LTHASH_LANES];

	stretch(member, lanes);
	for (size_t i = 0; i < MKT_LTHASH_LANES; i++)
		s->v[i] = (uint16_t)(s->v[i] - lanes[i]);
}

void mkt_lthash_digest(const struct mkt_lthash *s, struct mkt_hash *out)
{
	mkt_hash(out, MKT_DOM_STATE, s->v, sizeof(s->v));
}

#include "core/base/compat.h"

#include <sodium.h>

#include "core/crypto/sign.h"

void mkt_keypair(struct mkt_pubkey *pub, struct mkt_seckey *sec, const uint8_t seed[MKT_SEED_LEN])
{
	crypto_sign_seed_keypair(pub->b, sec->b, seed);
}

void mkt_seckey_public(const struct mkt_seckey *sec, struct mkt_pubkey *pub)
{
	crypto_sign_ed25519_sk_to_pk(pub->b, sec->b);
}

void mkt_sign(struct mkt_sig *out, const struct mkt_seckey *sec, const void *p, size_t n)
{
	crypto_sign_detached(out->b, NULL, p, n, sec->b);
}

bool mkt_sig_ok(const struct mkt_sig *sig, const struct mkt_pubkey *pub, const void *p, size_t n)
{
	return crypto_sign_verify_detached(sig->b, p, n, pub->b) == 0;
}

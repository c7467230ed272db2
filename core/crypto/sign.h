/*
 * Signatures: Ed25519 (RFC 8032) by libsodium, which refuses encodings and
 * small-order points that would make two verifiers disagree.
 *
 * What is signed is (purpose || message): a transaction's signature can never
 * serve as a header's.  Secret keys are 64 bytes (seed and public key) and are
 * wiped by whoever holds them, with mkt_wipe().
 */
#ifndef MKT_CRYPTO_SIGN_H
#define MKT_CRYPTO_SIGN_H

#include "core/base/compat.h"

#define MKT_PUBKEY_LEN 32
#define MKT_SECKEY_LEN 64
#define MKT_SEED_LEN 32
#define MKT_SIG_LEN 64

struct mkt_pubkey {
	uint8_t b[MKT_PUBKEY_LEN];
};

struct mkt_seckey {
	uint8_t b[MKT_SECKEY_LEN];
};

struct mkt_sig {
	uint8_t b[MKT_SIG_LEN];
};

/* The pair that @seed (32 bytes) makes. */
void mkt_keypair(struct mkt_pubkey *pub, struct mkt_seckey *sec, const uint8_t seed[MKT_SEED_LEN]);

/* The public half. */
void mkt_seckey_public(const struct mkt_seckey *sec, struct mkt_pubkey *pub);

/* Sign @n bytes at @p.  @p includes the purpose; see mkt_tx_sign() and mkt_header_sign(). */
void mkt_sign(struct mkt_sig *out, const struct mkt_seckey *sec, const void *p, size_t n);

/* True if @sig is @pub's signature of the bytes.  About 70 us; thread-safe. */
bool mkt_sig_ok(const struct mkt_sig *sig, const struct mkt_pubkey *pub, const void *p,
		size_t n) MKT_MUST_CHECK;

/*
 * Account text: bech32m (BIP-350) with the prefix "mkt".
 * mkt_pubkey_text() writes MKT_PUBKEY_TEXT bytes with NUL; mkt_pubkey_parse()
 * takes all lower or all upper case and returns 0 or -MKT_EINVAL.
 */
#define MKT_PUBKEY_TEXT 63
void mkt_pubkey_text(const struct mkt_pubkey *pub, char out[MKT_PUBKEY_TEXT]);
int mkt_pubkey_parse(const char *text, struct mkt_pubkey *pub) MKT_MUST_CHECK;

#endif

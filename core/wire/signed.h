/*
 * Signed reads: who asks, where the accounts of a chain are private.
 *
 *   Authorization: Mkt-Sig account=A, time=MS, nonce=N, sig=S
 *
 *   A   the reader's account: number, name or key
 *   MS  the reader's UTC clock in milliseconds, decimal
 *   N   16 random bytes, S 64 bytes of Ed25519; both as lower case hexadecimal digits
 *
 * Signed are, in this order:
 *
 *   16  "mkt:sign-rd:v1:\0"
 *   32  the chain's id
 *   u64 MS, little endian
 *   16  the bytes of N
 *   the method, a 0 byte, and path and query as they stand in the request's first line
 *
 * A server takes it for MKT_SIGNED_MS before and after its own clock, and a nonce of an
 * account once in that time.  What is read may still be seen on the way: TLS or loopback.
 */
#ifndef MKT_WIRE_SIGNED_H
#define MKT_WIRE_SIGNED_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/crypto/hash.h"
#include "core/crypto/sign.h"

#define MKT_SIGNED_MS 60000u
#define MKT_SIGNED_NONCE 16
#define MKT_SIGNED_URI_MAX 8192
#define MKT_SIGNED_SCHEME "Mkt-Sig"

struct mkt_signed {
	char account[MKT_PUBKEY_TEXT];
	uint64_t time_ms;
	uint8_t nonce[MKT_SIGNED_NONCE];
	struct mkt_sig sig;
};

/* Who signs; wiped by its owner. */
struct mkt_reader {
	char account[MKT_PUBKEY_TEXT];
	struct mkt_seckey key;
	struct mkt_hash chain;
};

/* The value of the header.  -MKT_EINVAL: anything else than the above, in any other order. */
int mkt_signed_parse(const char *value, struct mkt_signed *out, struct mkt_err *err) MKT_MUST_CHECK;

/* Is the signature that of @key for this request? */
bool mkt_signed_ok(const struct mkt_signed *s, const struct mkt_hash *chain, const char *method,
		   const char *uri, const struct mkt_pubkey *key) MKT_MUST_CHECK;

/* Append the value for a request at @time_ms (UTC), with @nonce.  -MKT_ELIMIT: a longer @uri. */
int mkt_signed_add(struct mkt_buf *value, const struct mkt_reader *r, const char *method,
		   const char *uri, uint64_t time_ms, const uint8_t nonce[MKT_SIGNED_NONCE],
		   struct mkt_err *err) MKT_MUST_CHECK;

#endif

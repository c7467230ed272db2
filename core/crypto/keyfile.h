/*
 * Key files: one secret key each, for its owner's eyes only.
 *
 * Text of two or three lines, so that a person sees what it is:
 *
 *	mkt-secret-key 1
 *	public mkt1...
 *	secret <seed, 64 hex digits>
 *
 * or, sealed with a passphrase, instead of the last line:
 *
 *	kdf argon2id <passes> <bytes of memory> <salt, 32 hex digits>
 *	sealed <nonce, 48 hex digits> <seed and tag, 96 hex digits>
 *
 * The passphrase is stretched by Argon2id (version 1.3, one lane), the seed is
 * sealed by XChaCha20-Poly1305 with the first two lines as associated data.
 * A file that others may read or write is refused.  Whoever gets a secret key
 * from here wipes it with mkt_wipe().
 */
#ifndef MKT_CRYPTO_KEYFILE_H
#define MKT_CRYPTO_KEYFILE_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/crypto/sign.h"

#define MKT_PASSPHRASE_MAX 1024
#define MKT_KDF_BYTES_MAX (1ull << 30) /* a file that asks for more is refused, not obeyed */
#define MKT_KDF_PASSES_MAX 16

/* What a file says without its passphrase. */
struct mkt_keyfile {
	struct mkt_pubkey pub;
	bool sealed;
};

/* How a passphrase is stretched. */
struct mkt_kdf {
	uint32_t passes;
	uint64_t bytes;
};

/* 3 passes over 64 MiB: about a fifth of a second. */
#define MKT_KDF_DEFAULT ((struct mkt_kdf){3, 64u << 20})

/* Secrets: a passphrase of @n bytes; @p NULL: none. */
struct mkt_pass {
	const void *p;
	size_t n;
};

/*
 * -MKT_ENOTFOUND; -MKT_EDENIED if others may use the file; -MKT_EIO;
 * -MKT_EINVAL if it is no key file.
 */
int mkt_keyfile_peek(const char *path, struct mkt_keyfile *out, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The key of @path.  As mkt_keyfile_peek(), and -MKT_EUSAGE if it is sealed and
 * @pass is empty; -MKT_EDENIED if the passphrase is wrong; -MKT_EINTEGRITY if
 * secret and public key do not belong together; -MKT_ENOMEM.
 */
int mkt_keyfile_load(const char *path, struct mkt_pass pass, struct mkt_seckey *sec,
		     struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Write a new file of mode 0600, sealed if @pass is not empty, synced.
 * -MKT_EEXISTS: there is one; a key is never overwritten.  -MKT_EIO: nothing is left.
 */
int mkt_keyfile_create(const char *path, const struct mkt_seckey *sec, struct mkt_pass pass,
		       struct mkt_kdf kdf, struct mkt_err *err) MKT_MUST_CHECK;

/* The seed that makes the pair: what import and export pass on. */
void mkt_seckey_seed(const struct mkt_seckey *sec, uint8_t seed[MKT_SEED_LEN]);

#endif

#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/crypto/hash.h"
#include "core/crypto/keyfile.h"

#define FIRST_LINE "mkt-secret-key 1"
#define FILE_BYTES_MAX 1024
#define SALT_LEN crypto_pwhash_argon2id_SALTBYTES
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define BOX_LEN (MKT_SEED_LEN + crypto_aead_xchacha20poly1305_ietf_ABYTES)

/* A file taken apart. */
struct parts {
	char public_text[MKT_PUBKEY_TEXT];
	struct mkt_pubkey pub;
	bool sealed;
	uint8_t seed[MKT_SEED_LEN];
	struct mkt_kdf kdf;
	uint8_t salt[SALT_LEN];
	uint8_t nonce[NONCE_LEN];
	uint8_t box[BOX_LEN];
};

/* ---- reading ------------------------------------------------------------------------------ */

/* The fields of one line, walked from the left. */
struct line {
	const char *at;
	bool bad;
};

static void expect(struct line *l, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(l->at, word, n) != 0)
		l->bad = true;
	else
		l->at += n;
}

static void read_text(struct line *l, char *out, size_t size)
{
	size_t n = strcspn(l->at, " \n");

	if (n >= size) {
		l->bad = true;
		return;
	}
	memcpy(out, l->at, n);
	out[n] = 0;
	l->at += n;
}

static void read_hex(struct line *l, uint8_t *out, size_t n)
{
	size_t got;
	const char *end;

	if (l->bad || strnlen(l->at, 2 * n) < 2 * n ||
	    sodium_hex2bin(out, n, l->at, 2 * n, NULL, &got, &end) || got != n) {
		l->bad = true;
		return;
	}
	l->at += 2 * n;
}

static uint64_t read_number(struct line *l, uint64_t max)
{
	uint64_t v = 0;

	if (*l->at < '1' || *l->at > '9')
		l->bad = true;
	for (; *l->at >= '0' && *l->at <= '9'; l->at++) {
		v = v * 10 + (uint64_t)(*l->at - '0');
		if (v > max) {
			l->bad = true;
			return 0;
		}
	}
	return v;
}

static void read_sealed(struct line *l, struct parts *k)
{
	expect(l, "kdf argon2id ");
	k->kdf.passes = (uint32_t)read_number(l, MKT_KDF_PASSES_MAX);
	expect(l, " ");
	k->kdf.bytes = read_number(l, MKT_KDF_BYTES_MAX);
	expect(l, " ");
	read_hex(l, k->salt, sizeof(k->salt));
	expect(l, "\nsealed ");
	read_hex(l, k->nonce, sizeof(k->nonce));
	expect(l, " ");
	read_hex(l, k->box, sizeof(k->box));
	expect(l, "\n");
}

static bool take_apart(const char *text, struct parts *k)
{
	struct line l = {text, false};

	expect(&l, FIRST_LINE "\npublic ");
	read_text(&l, k->public_text, sizeof(k->public_text));
	expect(&l, "\n");
	if (l.bad || mkt_pubkey_parse(k->public_text, &k->pub) < 0)
		return false;
	k->sealed = !strncmp(l.at, "kdf ", 4);
	if (k->sealed) {
		read_sealed(&l, k);
	} else {
		expect(&l, "secret ");
		read_hex(&l, k->seed, sizeof(k->seed));
		expect(&l, "\n");
	}
	return !l.bad && !*l.at;
}

static int check_owner(int fd, const char *path, struct mkt_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot read key file '%s'", path);
	if (!S_ISREG(st.st_mode))
		return mkt_err_set(err, MKT_EINVAL, "key file '%s' is not a regular file", path);
	if (st.st_mode & 077) {
		mkt_err_set(err, MKT_EDENIED, "key file '%s' is open to others (mode %04o)", path,
			    (unsigned)(st.st_mode & 07777));
		mkt_err_hint(err, "chmod 600 '%s'; make a new key if others may have read it",
			     path);
		return -MKT_EDENIED;
	}
	return 0;
}

static int read_text_of(const char *path, char text[FILE_BYTES_MAX + 1], struct mkt_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;
	size_t used = 0;
	ssize_t n = 0;

	if (fd < 0)
		return mkt_err_sys(err, errno == ENOENT ? MKT_ENOTFOUND : MKT_EIO, errno,
				   "cannot open key file '%s'", path);
	rc = check_owner(fd, path, err);
	while (!rc && used < FILE_BYTES_MAX) {
		n = read(fd, text + used, FILE_BYTES_MAX - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	if (!rc && n < 0)
		rc = mkt_err_sys(err, MKT_EIO, errno, "cannot read key file '%s'", path);
	text[used] = 0;
	close(fd);
	return rc;
}

static int read_parts(const char *path, struct parts *k, struct mkt_err *err)
{
	char text[FILE_BYTES_MAX + 1];
	int rc = read_text_of(path, text, err);

	if (!rc && !take_apart(text, k))
		rc = mkt_err_set(err, MKT_EINVAL, "'%s' is not a key file of mkt", path);
	mkt_wipe(text, sizeof(text));
	if (rc < 0)
		mkt_wipe(k, sizeof(*k));
	return rc;
}

int mkt_keyfile_peek(const char *path, struct mkt_keyfile *out, struct mkt_err *err)
{
	struct parts k;
	int rc = read_parts(path, &k, err);

	if (!rc)
		*out = (struct mkt_keyfile){k.pub, k.sealed};
	mkt_wipe(&k, sizeof(k));
	return rc;
}

/* ---- the seal ----------------------------------------------------------------------------- */

static int stretch(const struct parts *k, struct mkt_pass pass, uint8_t key[32])
{
	return crypto_pwhash_argon2id(key, 32, pass.p, pass.n, k->salt, k->kdf.passes,
				      (size_t)k->kdf.bytes, crypto_pwhash_argon2id_ALG_ARGON2ID13);
}

/* The lines before the seal: nobody moves a box into another key's file. */
static size_t associated(const struct parts *k, char out[FILE_BYTES_MAX])
{
	return (size_t)snprintf(out, FILE_BYTES_MAX, FIRST_LINE "\npublic %s\n", k->public_text);
}

static int open_seal(struct parts *k, struct mkt_pass pass, const char *path, struct mkt_err *err)
{
	uint8_t key[32];
	char ad[FILE_BYTES_MAX];
	size_t ad_len = associated(k, ad);
	int rc;

	if (!pass.p || !pass.n) {
		mkt_err_set(err, MKT_EUSAGE, "key file '%s' needs its passphrase", path);
		mkt_err_hint(err, "give it with core.passphrase_file, or call from a terminal");
		return -MKT_EUSAGE;
	}
	if (stretch(k, pass, key))
		return mkt_err_code(err, MKT_ENOMEM);
	rc = crypto_aead_xchacha20poly1305_ietf_decrypt(k->seed, NULL, NULL, k->box, BOX_LEN,
							(const uint8_t *)ad, ad_len, k->nonce, key);
	mkt_wipe(key, sizeof(key));
	if (!rc)
		return 0;
	mkt_err_set(err, MKT_EDENIED, "the passphrase of key file '%s' is wrong", path);
	mkt_err_hint(err, "%s", "");
	return -MKT_EDENIED;
}

static int make_seal(struct parts *k, struct mkt_pass pass, struct mkt_err *err)
{
	uint8_t key[32];
	char ad[FILE_BYTES_MAX];
	size_t ad_len = associated(k, ad);

	mkt_random(k->salt, sizeof(k->salt));
	mkt_random(k->nonce, sizeof(k->nonce));
	if (stretch(k, pass, key))
		return mkt_err_code(err, MKT_ENOMEM);
	crypto_aead_xchacha20poly1305_ietf_encrypt(k->box, NULL, k->seed, MKT_SEED_LEN,
						   (const uint8_t *)ad, ad_len, NULL, k->nonce,
						   key);
	mkt_wipe(key, sizeof(key));
	return 0;
}

int mkt_keyfile_load(const char *path, struct mkt_pass pass, struct mkt_seckey *sec,
		     struct mkt_err *err)
{
	struct parts k;
	struct mkt_pubkey pub;
	struct mkt_seckey made;
	int rc = read_parts(path, &k, err);

	if (!rc && k.sealed)
		rc = open_seal(&k, pass, path, err);
	if (!rc) {
		mkt_keypair(&pub, &made, k.seed);
		if (memcmp(pub.b, k.pub.b, sizeof(pub.b)) != 0)
			rc = mkt_err_set(err, MKT_EINTEGRITY,
					 "secret and public key of '%s' do not belong together",
					 path);
		else
			*sec = made;
		mkt_wipe(&made, sizeof(made));
	}
	mkt_wipe(&k, sizeof(k));
	return rc;
}

/* ---- writing ------------------------------------------------------------------------------ */

void mkt_seckey_seed(const struct mkt_seckey *sec, uint8_t seed[MKT_SEED_LEN])
{
	memcpy(seed, sec->b, MKT_SEED_LEN);
}

static size_t add_hex(char *out, size_t at, const uint8_t *p, size_t n)
{
	sodium_bin2hex(out + at, FILE_BYTES_MAX - at, p, n);
	return at + 2 * n;
}

static size_t put_together(const struct parts *k, char out[FILE_BYTES_MAX])
{
	size_t n = associated(k, out);

	if (!k->sealed) {
		n += (size_t)snprintf(out + n, FILE_BYTES_MAX - n, "secret ");
		n = add_hex(out, n, k->seed, sizeof(k->seed));
	} else {
		n += (size_t)snprintf(out + n, FILE_BYTES_MAX - n, "kdf argon2id %u %llu ",
				      k->kdf.passes, (unsigned long long)k->kdf.bytes);
		n = add_hex(out, n, k->salt, sizeof(k->salt));
		n += (size_t)snprintf(out + n, FILE_BYTES_MAX - n, "\nsealed ");
		n = add_hex(out, n, k->nonce, sizeof(k->nonce));
		out[n++] = ' ';
		n = add_hex(out, n, k->box, sizeof(k->box));
	}
	out[n++] = '\n';
	return n;
}

int mkt_keyfile_create(const char *path, const struct mkt_seckey *sec, struct mkt_pass pass,
		       struct mkt_kdf kdf, struct mkt_err *err)
{
	struct parts k = {.sealed = pass.p && pass.n, .kdf = kdf};
	char text[FILE_BYTES_MAX];
	size_t n;
	int rc = 0;

	mkt_seckey_public(sec, &k.pub);
	mkt_pubkey_text(&k.pub, k.public_text);
	mkt_seckey_seed(sec, k.seed);
	if (k.sealed)
		rc = make_seal(&k, pass, err);
	if (!rc) {
		n = put_together(&k, text);
		rc = mkt_file_write(path, text, n, (struct mkt_file_how){0600, true}, err);
		mkt_wipe(text, sizeof(text));
	}
	mkt_wipe(&k, sizeof(k));
	return rc;
}

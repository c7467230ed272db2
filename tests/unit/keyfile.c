/*
 * Key files: what is written is read back, sealed or not; everything else is refused.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/crypto/hash.h"
#include "core/crypto/keyfile.h"
#include "tests/tmpdir.h"

#define FAST ((struct mkt_kdf){1, 8192})
#define PASS ((struct mkt_pass){"correct horse", 13})
#define NO_PASS ((struct mkt_pass){NULL, 0})

struct fixture {
	char dir[PATH_MAX];
	char path[PATH_MAX + 16];
	struct mkt_pubkey pub;
	struct mkt_seckey sec;
	struct mkt_err err;
};

static int set_up(void **state)
{
	static const uint8_t seed[MKT_SEED_LEN] = {1, 2, 3};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(mkt_crypto_init(), 0);
	tmpdir_make(f->dir, "key");
	snprintf(f->path, sizeof(f->path), "%s/k.key", f->dir);
	mkt_keypair(&f->pub, &f->sec, seed);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->dir); /* fails, and the test with it, if a temporary file was left */
	assert_int_not_equal(access(f->dir, F_OK), 0);
	free(f);
	return 0;
}

static void test_plain(void **state)
{
	struct fixture *f = *state;
	struct mkt_keyfile seen;
	struct mkt_seckey got;
	struct stat st;

	assert_int_equal(mkt_keyfile_create(f->path, &f->sec, NO_PASS, FAST, &f->err), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(mkt_keyfile_peek(f->path, &seen, &f->err), 0);
	assert_false(seen.sealed);
	assert_memory_equal(&seen.pub, &f->pub, sizeof(f->pub));
	assert_int_equal(mkt_keyfile_load(f->path, NO_PASS, &got, &f->err), 0);
	assert_memory_equal(&got, &f->sec, sizeof(got));
	/* A passphrase that is not needed does no harm. */
	assert_int_equal(mkt_keyfile_load(f->path, PASS, &got, &f->err), 0);
}

static void test_sealed(void **state)
{
	struct fixture *f = *state;
	struct mkt_keyfile seen;
	struct mkt_seckey got = {{7}};

	assert_int_equal(mkt_keyfile_create(f->path, &f->sec, PASS, FAST, &f->err), 0);
	assert_int_equal(mkt_keyfile_peek(f->path, &seen, &f->err), 0);
	assert_true(seen.sealed);
	assert_int_equal(mkt_keyfile_load(f->path, NO_PASS, &got, &f->err), -MKT_EUSAGE);
	assert_int_equal(mkt_keyfile_load(f->path, (struct mkt_pass){"correct horsf", 13}, &got, &f->err),
			 -MKT_EDENIED);
	assert_int_equal(mkt_keyfile_load(f->path, (struct mkt_pass){"correct hors", 12}, &got, &f->err),
			 -MKT_EDENIED);
	assert_int_equal(got.b[0], 7); /* written on success only */
	assert_int_equal(mkt_keyfile_load(f->path, PASS, &got, &f->err), 0);
	assert_memory_equal(&got, &f->sec, sizeof(got));
}

static void test_never_overwritten(void **state)
{
	struct fixture *f = *state;
	struct mkt_seckey got, other;
	struct mkt_pubkey pub;
	static const uint8_t seed[MKT_SEED_LEN] = {9};

	mkt_keypair(&pub, &other, seed);
	assert_int_equal(mkt_keyfile_create(f->path, &f->sec, NO_PASS, FAST, &f->err), 0);
	assert_int_equal(mkt_keyfile_create(f->path, &other, NO_PASS, FAST, &f->err), -MKT_EEXISTS);
	assert_int_equal(mkt_keyfile_load(f->path, NO_PASS, &got, &f->err), 0);
	assert_memory_equal(&got, &f->sec, sizeof(got));
}

static void test_modes(void **state)
{
	static const mode_t bad[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0777};
	struct fixture *f = *state;
	struct mkt_keyfile seen;

	assert_int_equal(mkt_keyfile_create(f->path, &f->sec, NO_PASS, FAST, &f->err), 0);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		assert_int_equal(chmod(f->path, bad[i]), 0);
		assert_int_equal(mkt_keyfile_peek(f->path, &seen, &f->err), -MKT_EDENIED);
	}
	assert_int_equal(chmod(f->path, 0400), 0);
	assert_int_equal(mkt_keyfile_peek(f->path, &seen, &f->err), 0);
}

static void test_not_there(void **state)
{
	struct fixture *f = *state;
	struct mkt_keyfile seen;

	assert_int_equal(mkt_keyfile_peek(f->path, &seen, &f->err), -MKT_ENOTFOUND);
	assert_int_equal(mkt_keyfile_peek("/dev/null", &seen, &f->err), -MKT_EINVAL);
	assert_int_equal(mkt_keyfile_create("/tmp/mkt-none/x/k", &f->sec, NO_PASS, FAST, &f->err), -MKT_EIO);
	assert_int_equal(mkt_keyfile_create("/dev/full/k", &f->sec, NO_PASS, FAST, &f->err), -MKT_EIO);
}

/* Any single byte changed, cut or added: an error, or the same key (upper case of hex). */
static void damage(struct fixture *f, struct mkt_pass pass)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_seckey got;

	assert_int_equal(mkt_keyfile_create(f->path, &f->sec, pass, FAST, &f->err), 0);
	assert_int_equal(mkt_file_read(f->path, 4096, &b, &f->err), 0);
	for (size_t i = 0; i <= b.len; i++) {
		struct mkt_file_how how = {0600, false};
		uint8_t was = i < b.len ? b.data[i] : 0;
		int rc;

		/* Parameters of the KDF cost what they say: leave their digits alone. */
		if (i < b.len && was >= '0' && was <= '9' && pass.n && i > 80 && i < 110)
			continue;
		assert_int_equal(mkt_file_write(f->path, b.data, i, how, &f->err), 0);
		assert_true(i == b.len || mkt_keyfile_load(f->path, pass, &got, &f->err) < 0);
		if (i == b.len)
			continue;
		b.data[i] ^= 1;
		assert_int_equal(mkt_file_write(f->path, b.data, b.len, how, &f->err), 0);
		rc = mkt_keyfile_load(f->path, pass, &got, &f->err);
		assert_true(rc < 0 || !memcmp(&got, &f->sec, sizeof(got)));
		assert_true(rc < 0);
		b.data[i] = was;
	}
	mkt_buf_addstr(&b, "\n");
	assert_int_equal(mkt_file_write(f->path, b.data, b.len, (struct mkt_file_how){0600, false},
					&f->err), 0);
	assert_int_equal(mkt_keyfile_load(f->path, pass, &got, &f->err), -MKT_EINVAL);
	mkt_buf_release(&b);
}

static void test_damaged(void **state)
{
	damage(*state, NO_PASS);
}

static void test_damaged_sealed(void **state)
{
	damage(*state, PASS);
}

static void test_greedy_kdf(void **state)
{
	static const char *const lines[] = {
		"kdf argon2id 17 8192", "kdf argon2id 1 1073741825", "kdf argon2id 0 8192",
		"kdf argon2id 1 99999999999999999999999", "kdf argon2id -1 8192", "kdf scrypt 1 8192",
	};
	struct fixture *f = *state;
	struct mkt_keyfile seen;
	char account[MKT_PUBKEY_TEXT];

	mkt_pubkey_text(&f->pub, account);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(lines); i++) {
		struct mkt_buf b = MKT_BUF_INIT;

		mkt_buf_addf(&b, "mkt-secret-key 1\npublic %s\n%s %032d\nsealed %048d %096d\n", account,
			     lines[i], 0, 0, 0);
		assert_int_equal(mkt_file_write(f->path, b.data, b.len,
						(struct mkt_file_how){0600, false}, &f->err), 0);
		assert_int_equal(mkt_keyfile_peek(f->path, &seen, &f->err), -MKT_EINVAL);
		mkt_buf_release(&b);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_plain), T(test_sealed), T(test_never_overwritten), T(test_modes),
		T(test_not_there), T(test_damaged), T(test_damaged_sealed), T(test_greedy_kdf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

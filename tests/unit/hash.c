#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/crypto/hash.h"
#include "core/crypto/lthash.h"
#include "core/crypto/sign.h"
#include "tests/rng.h"

static void assert_hex(const void *p, size_t n, const char *hex)
{
	struct mkt_buf b = MKT_BUF_INIT;

	mkt_buf_addhex(&b, p, n);
	assert_string_equal(mkt_buf_str(&b), hex);
	mkt_buf_release(&b);
}

/* The figures are those of: printf 'mkt:leafabc' | b2sum -l 256 */
static void hashes_are_those_of_b2sum(void **state)
{
	struct mkt_hash h;

	(void)state;
	mkt_hash(&h, MKT_DOM_LEAF, "abc", 3);
	assert_hex(h.b, sizeof(h.b),
		   "b40897a2588e9e0d4c7f224ed1c0ef52ba05a4c962e318c9e9aa8f6353b1fcd8");
	mkt_hash(&h, MKT_DOM_HEADER, "abc", 3);
	assert_hex(h.b, sizeof(h.b),
		   "8762085d16e5c32e3f4a6517245809a909676b885d1cb47833bfb7236f595e6f");
	mkt_hash(&h, MKT_DOM_AUTHS, "abc", 3);
	assert_hex(h.b, sizeof(h.b),
		   "eed3561917cdcd649f5e974eccca4d45eed7d43a2782b1666a4cc64a625babdf");
}

static void two_parts_hash_as_one(void **state)
{
	static const char text[] = "the parts of a thing are the thing";
	struct mkt_hash whole, parts;

	(void)state;
	mkt_hash(&whole, MKT_DOM_TX, text, sizeof(text));
	for (size_t i = 0; i <= sizeof(text); i++) {
		mkt_hash2(&parts, MKT_DOM_TX, text, i, text + i, sizeof(text) - i);
		assert_true(mkt_hash_eq(&whole, &parts));
	}
}

static void every_domain_has_a_hash_of_its_own(void **state)
{
	struct mkt_hash h[MKT_DOM_COUNT];

	(void)state;
	for (unsigned i = 0; i < MKT_DOM_COUNT; i++) {
		mkt_hash(&h[i], i, "x", 1);
		for (unsigned k = 0; k < i; k++)
			assert_false(mkt_hash_eq(&h[i], &h[k]));
	}
}

/* RFC 8032 7.1, test 2. */
static void signatures_are_those_of_rfc_8032(void **state)
{
	static const uint8_t seed[MKT_SEED_LEN] = {0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda,
						   0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e, 0x0f,
						   0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24,
						   0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb};
	struct mkt_pubkey pub, again;
	struct mkt_seckey sec;
	struct mkt_sig sig;

	(void)state;
	mkt_keypair(&pub, &sec, seed);
	assert_hex(pub.b, sizeof(pub.b),
		   "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
	mkt_seckey_public(&sec, &again);
	assert_memory_equal(pub.b, again.b, sizeof(pub.b));
	mkt_sign(&sig, &sec, "\x72", 1);
	assert_hex(sig.b, sizeof(sig.b),
		   "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		   "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
	assert_true(mkt_sig_ok(&sig, &pub, "\x72", 1));
	assert_false(mkt_sig_ok(&sig, &pub, "\x73", 1));
	for (unsigned bit = 0; bit < 8 * MKT_SIG_LEN; bit += 7) {
		sig.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(mkt_sig_ok(&sig, &pub, "\x72", 1));
		sig.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* A set's hash does not depend on the order in which members came and went. */
static void set_hash_is_of_the_set(void **state)
{
	struct rng r = rng_start("lthash");
	struct mkt_lthash a = {{0}}, b = {{0}};
	struct mkt_hash member[20], ha, hb, empty;

	(void)state;
	mkt_lthash_digest(&a, &empty);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t v = rng_u64(&r);

		mkt_hash(&member[i], MKT_DOM_RECORD, &v, sizeof(v));
		mkt_lthash_add(&a, &member[i]);
	}
	for (unsigned i = 20; i-- > 0;)
		mkt_lthash_add(&b, &member[i]);
	mkt_lthash_digest(&a, &ha);
	mkt_lthash_digest(&b, &hb);
	assert_true(mkt_hash_eq(&ha, &hb));
	mkt_lthash_sub(&a, &member[7]);
	mkt_lthash_digest(&a, &ha);
	assert_false(mkt_hash_eq(&ha, &hb));
	mkt_lthash_add(&a, &member[7]);
	mkt_lthash_add(&a, &member[7]); /* twice in is not once in */
	mkt_lthash_digest(&a, &ha);
	assert_false(mkt_hash_eq(&ha, &hb));
	for (unsigned i = 0; i < 20; i++)
		mkt_lthash_sub(&b, &member[i]);
	mkt_lthash_digest(&b, &hb);
	assert_true(mkt_hash_eq(&hb, &empty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_b2sum),
		cmocka_unit_test(two_parts_hash_as_one),
		cmocka_unit_test(every_domain_has_a_hash_of_its_own),
		cmocka_unit_test(signatures_are_those_of_rfc_8032),
		cmocka_unit_test(set_hash_is_of_the_set),
	};

	return mkt_crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

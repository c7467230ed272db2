#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "core/wire/signed.h"

static const uint8_t nonce[MKT_SIGNED_NONCE] = {0xa0, 1, 2,  3,	 4,  5,	 6,  7,
						8,    9, 10, 11, 12, 13, 14, 0x0f};

static void make(struct mkt_buf *value, struct mkt_reader *r, struct mkt_pubkey *pub)
{
	uint8_t seed[MKT_SEED_LEN] = {7};
	struct mkt_err err;

	memset(r, 0, sizeof(*r));
	memset(r->chain.b, 0x5a, sizeof(r->chain.b));
	mkt_keypair(pub, &r->key, seed);
	snprintf(r->account, sizeof(r->account), "17");
	assert_int_equal(
		mkt_signed_add(value, r, "GET", "/v1/bids?account=17", 1795397400123, nonce, &err),
		0);
}

static void test_what_is_written_is_read(void **state)
{
	struct mkt_buf v = MKT_BUF_INIT;
	struct mkt_pubkey pub, other;
	struct mkt_reader r;
	struct mkt_signed s;
	struct mkt_hash chain;
	struct mkt_seckey sec;
	struct mkt_err err;
	uint8_t seed[MKT_SEED_LEN] = {8};

	(void)state;
	make(&v, &r, &pub);
	assert_int_equal(mkt_signed_parse(mkt_buf_str(&v), &s, &err), 0);
	assert_string_equal(s.account, "17");
	assert_true(s.time_ms == 1795397400123);
	assert_memory_equal(s.nonce, nonce, sizeof(nonce));
	assert_true(mkt_signed_ok(&s, &r.chain, "GET", "/v1/bids?account=17", &pub));
	/* Of this key, chain, method, path, query, time and nonce, and of no other. */
	mkt_keypair(&other, &sec, seed);
	chain = r.chain;
	chain.b[31] ^= 1;
	assert_false(mkt_signed_ok(&s, &r.chain, "GET", "/v1/bids?account=17", &other));
	assert_false(mkt_signed_ok(&s, &chain, "GET", "/v1/bids?account=17", &pub));
	assert_false(mkt_signed_ok(&s, &r.chain, "POST", "/v1/bids?account=17", &pub));
	assert_false(mkt_signed_ok(&s, &r.chain, "GET", "/v1/bids?account=18", &pub));
	assert_false(mkt_signed_ok(&s, &r.chain, "GET", "/v1/bids", &pub));
	s.time_ms++;
	assert_false(mkt_signed_ok(&s, &r.chain, "GET", "/v1/bids?account=17", &pub));
	s.time_ms--;
	s.nonce[0] ^= 1;
	assert_false(mkt_signed_ok(&s, &r.chain, "GET", "/v1/bids?account=17", &pub));
	mkt_buf_release(&v);
}

static void test_the_bytes_are_those_of_the_manual(void **state)
{
	struct mkt_buf v = MKT_BUF_INIT, m = MKT_BUF_INIT;
	const uint64_t ms = 1795397400123;
	struct mkt_pubkey pub;
	struct mkt_reader r;
	struct mkt_signed s;
	struct mkt_err err;

	(void)state;
	make(&v, &r, &pub);
	assert_int_equal(mkt_signed_parse(mkt_buf_str(&v), &s, &err), 0);
	mkt_buf_add(&m, "mkt:sign-rd:v1:\0", 16);
	mkt_buf_add(&m, r.chain.b, 32);
	for (unsigned i = 0; i < 8; i++)
		mkt_buf_addch(&m, (uint8_t)(ms >> 8 * i));
	mkt_buf_add(&m, nonce, 16);
	mkt_buf_add(&m, "GET\0/v1/bids?account=17", 4 + 19);
	assert_true(mkt_sig_ok(&s.sig, &pub, m.data, m.len));
	mkt_buf_release(&v);
	mkt_buf_release(&m);
}

/* Every single byte that is cut, put in or changed is a refusal, or another value that fails. */
static void test_nothing_else_is_read(void **state)
{
	static const char *const wrong[] = {
		"",
		"Mkt-Sig",
		"Mkt-Sig ",
		"mkt-sig account=1, time=1, nonce=00, sig=00",
		"Mkt-Sig account=, time=1, nonce=00000000000000000000000000000000, sig=",
		"Mkt-Sig time=1, account=1",
	};
	struct mkt_buf v = MKT_BUF_INIT;
	struct mkt_pubkey pub;
	struct mkt_reader r;
	struct mkt_signed s;
	struct mkt_err err;
	char text[512];
	size_t n;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(wrong); i++)
		assert_int_equal(mkt_signed_parse(wrong[i], &s, &err), -MKT_EINVAL);
	make(&v, &r, &pub);
	n = v.len;
	for (size_t i = 0; i < n; i++) {
		for (unsigned how = 0; how < 3; how++) {
			snprintf(text, sizeof(text), "%s", mkt_buf_str(&v));
			if (how == 0)
				memmove(text + i, text + i + 1, n - i);
			else if (how == 1)
				text[i] = text[i] == '0' ? '1' : '0';
			else
				text[i] = 'F';
			assert_false(
				mkt_signed_parse(text, &s, &err) == 0 &&
				!strcmp(s.account, r.account) &&
				mkt_signed_ok(&s, &r.chain, "GET", "/v1/bids?account=17", &pub));
		}
	}
	snprintf(text, sizeof(text), "%s, x=1", mkt_buf_str(&v));
	assert_int_equal(mkt_signed_parse(text, &s, &err), -MKT_EINVAL);
	mkt_buf_release(&v);
}

static void test_long_paths_are_not_signed(void **state)
{
	char *uri = malloc(MKT_SIGNED_URI_MAX + 2);
	struct mkt_buf v = MKT_BUF_INIT;
	struct mkt_pubkey pub;
	struct mkt_reader r;
	struct mkt_signed s;
	struct mkt_err err;

	(void)state;
	assert_non_null(uri);
	make(&v, &r, &pub);
	assert_int_equal(mkt_signed_parse(mkt_buf_str(&v), &s, &err), 0);
	memset(uri, 'a', MKT_SIGNED_URI_MAX + 1);
	uri[MKT_SIGNED_URI_MAX + 1] = 0;
	assert_int_equal(mkt_signed_add(&v, &r, "GET", uri, 1, nonce, &err), -MKT_ELIMIT);
	assert_false(mkt_signed_ok(&s, &r.chain, "GET", uri, &pub));
	free(uri);
	mkt_buf_release(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_the_bytes_are_those_of_the_manual),
		cmocka_unit_test(test_nothing_else_is_read),
		cmocka_unit_test(test_long_paths_are_not_signed),
	};

	if (mkt_crypto_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

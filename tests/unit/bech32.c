#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/crypto/sign.h"
#include "tests/rng.h"

/* Made with the reference code of BIP-350. */
static const struct {
	uint8_t first, step;
	const char *text;
} known[] = {
	{0x00, 0, "mkt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzad6t6"},
	{0xff, 0, "mkt1lllllllllllllllllllllllllllllllllllllllllllllllllllsqrwtzd"},
	{0x00, 1, "mkt1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0stfxctr"},
};

static void texts_are_those_of_bip_350(void **state)
{
	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(known); i++) {
		struct mkt_pubkey key, back;
		char text[MKT_PUBKEY_TEXT];

		for (unsigned k = 0; k < MKT_PUBKEY_LEN; k++)
			key.b[k] = (uint8_t)(known[i].first + k * known[i].step);
		mkt_pubkey_text(&key, text);
		assert_string_equal(text, known[i].text);
		assert_int_equal(mkt_pubkey_parse(text, &back), 0);
		assert_memory_equal(key.b, back.b, MKT_PUBKEY_LEN);
	}
}

static void upper_case_is_the_same_and_mixed_is_refused(void **state)
{
	struct mkt_pubkey key;
	char text[MKT_PUBKEY_TEXT];

	(void)state;
	memcpy(text, known[2].text, sizeof(text));
	for (char *c = text; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	assert_int_equal(mkt_pubkey_parse(text, &key), 0);
	assert_int_equal(key.b[31], 31);
	text[10] = known[2].text[10] == 'q' ? 'q' : 'c';
	assert_int_equal(mkt_pubkey_parse(text, &key), -MKT_EINVAL);
}

static void faults_are_refused(void **state)
{
	static const char
		*const
			bad[] =
				{
					"",
					"mkt1",
					"mkt1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0stf"
					"xct", /* short */
					"mkt1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0stf"
					"xctrq", /* long */
					"mkx1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0stf"
					"xctr", /* prefix */
					"mkt2qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0stf"
					"xctr", /* separator */
					"mkt1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0stf"
					"xct\xff", /* no character */
					"mkt1bqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0stf"
					"xctr", /* b is not in use */
				};
	struct mkt_pubkey key;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++)
		assert_int_equal(mkt_pubkey_parse(bad[i], &key), -MKT_EINVAL);
}

/* BCH codes of this length find any four wrong characters. */
static void typing_errors_are_found(void **state)
{
	static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	struct rng r = rng_start("bech32");

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct mkt_pubkey key, back;
		char text[MKT_PUBKEY_TEXT];
		unsigned wrong = 1 + (unsigned)rng_below(&r, 4);

		for (unsigned i = 0; i < MKT_PUBKEY_LEN; i++)
			key.b[i] = (uint8_t)rng_u64(&r);
		mkt_pubkey_text(&key, text);
		for (unsigned i = 0; i < wrong; i++)
			text[4 + rng_below(&r, MKT_PUBKEY_TEXT - 5)] = alphabet[rng_below(&r, 32)];
		if (mkt_pubkey_parse(text, &back) == 0)
			assert_memory_equal(key.b, back.b,
					    MKT_PUBKEY_LEN); /* nothing was changed */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_those_of_bip_350),
		cmocka_unit_test(upper_case_is_the_same_and_mixed_is_refused),
		cmocka_unit_test(faults_are_refused),
		cmocka_unit_test(typing_errors_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

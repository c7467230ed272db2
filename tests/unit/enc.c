#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/codec/enc.h"
#include "tests/rng.h"

static void bytes_are_little_endian_and_fixed(void **state)
{
	static const uint8_t want[] = {
		0xab, 0x02, 0x01, 0x04, 0x03, 0x02, 0x01,
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
		0xfe, 0xff, 0xff, 0xff,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80,
		0x05, 'g', 'r', 'e', 'e', 'n', 0x00, 0xde, 0xad,
	};
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	mkt_enc_u8(&b, 0xab);
	mkt_enc_u16(&b, 0x0102);
	mkt_enc_u32(&b, 0x01020304);
	mkt_enc_u64(&b, 0x0102030405060708);
	mkt_enc_i32(&b, -2);
	mkt_enc_i64(&b, INT64_MIN);
	mkt_enc_text(&b, "green", 5);
	mkt_enc_text(&b, "", 0);
	mkt_enc_bytes(&b, "\xde\xad", 2);
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.data, want, sizeof(want));
	mkt_buf_release(&b);
}

static void values_survive_the_round(void **state)
{
	struct rng r = rng_start("enc");
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		uint64_t v = rng_wide(&r);
		struct mkt_dec d;

		mkt_buf_clear(&b);
		mkt_enc_u8(&b, (uint8_t)v);
		mkt_enc_u16(&b, (uint16_t)v);
		mkt_enc_u32(&b, (uint32_t)v);
		mkt_enc_u64(&b, v);
		mkt_enc_i32(&b, (int32_t)(uint32_t)v);
		mkt_enc_i64(&b, (int64_t)~v);
		d = mkt_dec_init(b.data, b.len);
		assert_int_equal(mkt_dec_u8(&d), (uint8_t)v);
		assert_int_equal(mkt_dec_u16(&d), (uint16_t)v);
		assert_int_equal(mkt_dec_u32(&d), (uint32_t)v);
		assert_true(mkt_dec_u64(&d) == v);
		assert_int_equal(mkt_dec_i32(&d), (int32_t)(uint32_t)v);
		assert_true(mkt_dec_i64(&d) == (int64_t)~v);
		assert_int_equal(mkt_dec_end(&d), 0);
	}
	mkt_buf_release(&b);
}

/* A read past the end gives zeros from there on, and the end says so; bytes beyond say so too. */
static void the_end_is_checked_once(void **state)
{
	uint8_t *five = malloc(5); /* exact, so that ASan sees a read behind it */
	struct mkt_dec d;

	(void)state;
	assert_non_null(five);
	memset(five, 1, 5);
	d = mkt_dec_init(five, 5);
	assert_int_equal(mkt_dec_u32(&d), 0x01010101);
	assert_int_equal(mkt_dec_end(&d), -MKT_EOVERLONG);
	assert_int_equal(mkt_dec_u16(&d), 0);
	assert_true(d.bad);
	assert_int_equal(mkt_dec_u8(&d), 0); /* one byte is left, but it is over */
	assert_null(mkt_dec_bytes(&d, 1));
	assert_int_equal(mkt_dec_end(&d), -MKT_ETRUNCATED);
	d = mkt_dec_init(five, 5);
	assert_null(mkt_dec_bytes(&d, SIZE_MAX));
	assert_int_equal(mkt_dec_end(&d), -MKT_ETRUNCATED);
	d = mkt_dec_init(five, 0);
	assert_int_equal(mkt_dec_end(&d), 0);
	assert_true(mkt_dec_u64(&d) == 0 && d.bad);
	free(five);
}

static void text_is_bounded_and_well_formed(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		size_t max;
		const char *want; /* NULL: refused */
	} rows[] = {
		{"\x05green", 6, 31, "green"},
		{"\x00", 1, 31, ""},
		{"\x05green", 6, 5, "green"},
		{"\x05green", 6, 4, NULL},
		{"\x06green", 6, 31, NULL},
		{"", 0, 31, NULL},
		{"\x03\xe5\xae\xb6", 4, 31, "\xe5\xae\xb6"},
		{"\x02\xe5\xae", 3, 31, NULL},
		{"\x02\xc0\x80", 3, 31, NULL},
		{"\x03\xed\xa0\x80", 4, 31, NULL},
		{"\x01\n", 2, 31, NULL},
		{"\x01\x00", 2, 31, NULL},
		{"\x01\x7f", 2, 31, NULL},
		{"\x02\xc2\x9b", 3, 31, NULL},
		{"\x02\xc2\xa0", 3, 31, "\xc2\xa0"},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_dec d = mkt_dec_init(rows[i].bytes, rows[i].n);
		char out[32] = "before";

		mkt_dec_text(&d, out, rows[i].max);
		assert_string_equal(out, rows[i].want ? rows[i].want : "");
		assert_int_equal(mkt_dec_end(&d), rows[i].want ? 0 : -MKT_ETRUNCATED);
	}
}

static void long_text_is_a_fault_of_the_writer(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;
	char text[256];

	(void)state;
	memset(text, 'a', sizeof(text));
	mkt_enc_text(&b, text, 255);
	assert_false(b.bad);
	assert_int_equal(b.len, 256);
	mkt_enc_text(&b, text, 256);
	assert_true(b.bad);
	mkt_buf_release(&b);
}

/* Against the definition: decode, and see that the shortest encoding gives the bytes again. */
static size_t utf8_by_definition(const uint8_t *s, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80       ? 1
		     : s[0] >> 5 == 6  ? 2
		     : s[0] >> 4 == 14 ? 3
		     : s[0] >> 3 == 30 ? 4
				       : 0;
	uint32_t c = len == 1 ? s[0] : len ? s[0] & (0x7fu >> len) : 0;

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

static void utf8_length_is_right_for_every_three_bytes(void **state)
{
	uint8_t s[4];

	(void)state;
	for (uint32_t v = 0; v < 1u << 24; v++) {
		s[0] = (uint8_t)(v >> 16);
		s[1] = (uint8_t)(v >> 8);
		s[2] = (uint8_t)v;
		s[3] = 0xbf;
		for (size_t n = 3; n <= 4; n++)
			if (mkt_utf8_len(s, n) != utf8_by_definition(s, n))
				fail_msg("%06x of %zu", v, n);
	}
	assert_int_equal(mkt_utf8_len((const uint8_t *)"\xe5", 1), 0);
	assert_int_equal(mkt_utf8_len((const uint8_t *)"a", 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_little_endian_and_fixed),
		cmocka_unit_test(values_survive_the_round),
		cmocka_unit_test(the_end_is_checked_once),
		cmocka_unit_test(text_is_bounded_and_well_formed),
		cmocka_unit_test(long_text_is_a_fault_of_the_writer),
		cmocka_unit_test(utf8_length_is_right_for_every_three_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

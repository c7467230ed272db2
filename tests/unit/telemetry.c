#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/codec/base64.h"
#include "core/codec/enc.h"
#include "core/wire/telemetry.h"

static struct mkt_pubkey pub;
static struct mkt_seckey sec;

/* Everything told, at its longest or largest. */
static struct mkt_telemetry full(void)
{
	struct mkt_telemetry t = {
		.chain = {{1, 2, 3, 4, 5, 6, 7, 8}},
		.account = 5,
		.signer = 9,
		.time_ms = 1795400000123,
		.charger = "p07c1",
		.kind = "evse",
		.state = "ready",
		.vehicle = "C",
		.fields = MKT_TM_ALL,
		.power_w = -3680,
		.limit_ma = 16000,
		.limit_w = -11000,
		.import_wh = MKT_TELEMETRY_WH_MAX,
		.export_wh = 7,
		.soc = 1000,
		.window = 997444,
		.side = 2,
		.contracted_wh = 5000,
		.moved_wh = 1234,
		.reason = "until 14:30: 3.766 kWh to go",
	};

	return t;
}

static void encode(const struct mkt_telemetry *t, struct mkt_buf *out)
{
	struct mkt_err err = {0};

	mkt_buf_clear(out);
	if (mkt_telemetry_enc(t, &sec, out, &err))
		fail_msg("%s", err.text);
}

static void test_round_trip(void **state)
{
	struct mkt_telemetry t = full(), back;
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	for (unsigned fields = 0; fields <= MKT_TM_ALL; fields++) {
		struct mkt_telemetry want = full();

		t.fields = (uint8_t)fields;
		encode(&t, &b);
		assert_int_equal(mkt_telemetry_dec(b.data, b.len, &t.chain, &back, NULL), 0);
		assert_int_equal(back.fields, fields);
		assert_int_equal(back.power_w, fields & MKT_TM_POWER ? want.power_w : 0);
		assert_int_equal(back.limit_ma, fields & MKT_TM_LIMIT_MA ? want.limit_ma : 0);
		assert_int_equal(back.limit_w, fields & MKT_TM_LIMIT_W ? want.limit_w : 0);
		assert_true(back.import_wh == (fields & MKT_TM_IMPORT ? want.import_wh : 0));
		assert_true(back.export_wh == (fields & MKT_TM_EXPORT ? want.export_wh : 0));
		assert_int_equal(back.soc, fields & MKT_TM_SOC ? want.soc : 0);
		assert_int_equal(back.window, fields & MKT_TM_CONTRACT ? want.window : 0);
		assert_int_equal(back.moved_wh, fields & MKT_TM_CONTRACT ? want.moved_wh : 0);
		assert_int_equal(back.account, 5);
		assert_int_equal(back.signer, 9);
		assert_true(back.time_ms == want.time_ms);
		assert_string_equal(back.charger, want.charger);
		assert_string_equal(back.reason, want.reason);
		assert_true(mkt_telemetry_sig_ok(b.data, b.len, &pub));
	}
	mkt_buf_release(&b);
}

/* The bytes that mkt-protocol(7) tells, written by hand. */
static void test_bytes(void **state)
{
	static const uint8_t want[] = {
		1, 1, 2, 3, 4, 5, 6, 7, 8, 5, 0, 0, 0, 9, 0, 0, 0, 0x7b, 0x5e, 0xc7, 0x05, 0xa2, 0x01,
		0, 0, 1, 'c', 4, 'e', 'v', 's', 'e', 5, 'r', 'e', 'a', 'd', 'y', 0,
		MKT_TM_POWER | MKT_TM_SOC, 0xa0, 0xf1, 0xff, 0xff, 0x2c, 0x01, 2, 'o', 'k'};
	struct mkt_telemetry t = full();
	struct mkt_buf b = MKT_BUF_INIT;
	uint8_t m[16 + sizeof(want)] = "mkt:sign-ts:v1:";
	struct mkt_sig sig;

	(void)state;
	t.fields = MKT_TM_POWER | MKT_TM_SOC;
	t.soc = 300;
	t.time_ms = 0x01a205c75e7b;
	t.vehicle[0] = 0;
	snprintf(t.charger, sizeof(t.charger), "c");
	snprintf(t.reason, sizeof(t.reason), "ok");
	encode(&t, &b);
	assert_int_equal(b.len, sizeof(want) + MKT_SIG_LEN);
	assert_memory_equal(b.data, want, sizeof(want));
	memcpy(m + 16, want, sizeof(want));
	memcpy(sig.b, b.data + sizeof(want), sizeof(sig.b));
	assert_true(mkt_sig_ok(&sig, &pub, m, sizeof(m)));
	mkt_buf_release(&b);
}

static void test_longest(void **state)
{
	struct mkt_telemetry t = full();
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	memset(t.charger, 'c', MKT_CHARGER_MAX);
	memset(t.kind, 'k', MKT_TELEMETRY_WORD_MAX);
	memset(t.state, 's', MKT_TELEMETRY_WORD_MAX);
	memset(t.vehicle, 'v', MKT_TELEMETRY_WORD_MAX);
	memset(t.reason, 'r', MKT_TEXT_MAX);
	encode(&t, &b);
	assert_true(b.len <= MKT_TELEMETRY_BYTES_MAX);
	assert_true(mkt_telemetry_sig_ok(b.data, b.len, &pub));
	mkt_buf_release(&b);
}

/* A changed byte: another value, or refused; never the same value, never a good signature. */
static void test_every_byte(void **state)
{
	struct mkt_telemetry t = full(), back;
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	encode(&t, &b);
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 1;
		assert_false(mkt_telemetry_sig_ok(b.data, b.len, &pub));
		if (i < b.len - MKT_SIG_LEN &&
		    !mkt_telemetry_dec(b.data, b.len, &t.chain, &back, NULL))
			assert_true(memcmp(&back, &t, sizeof(t)) != 0);
		b.data[i] ^= 1;
	}
	mkt_buf_release(&b);
}

static void test_lengths(void **state)
{
	struct mkt_telemetry t = full(), back;
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	encode(&t, &b);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(mkt_telemetry_dec(b.data, n, &t.chain, &back, NULL),
				 -MKT_ETRUNCATED);
	mkt_buf_addch(&b, 0);
	assert_int_equal(mkt_telemetry_dec(b.data, b.len, &t.chain, &back, NULL), -MKT_EOVERLONG);
	mkt_buf_release(&b);
}

static void refused_to_encode(const struct mkt_telemetry *t)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_err err = {0};

	assert_int_equal(mkt_telemetry_enc(t, &sec, &b, &err), -MKT_EINVAL);
	assert_int_equal(err.code, MKT_EINVAL);
	assert_true(err.text[0]);
	assert_int_equal(b.len, 0);
	mkt_buf_release(&b);
}

static void test_refused(void **state)
{
	struct mkt_telemetry t, back;
	struct mkt_hash other = {{9}};
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	t = full(), t.charger[0] = 0, refused_to_encode(&t);
	t = full(), t.kind[0] = 0, refused_to_encode(&t);
	t = full(), t.state[0] = ' ', refused_to_encode(&t);
	t = full(), t.reason[3] = '\n', refused_to_encode(&t);
	t = full(), t.soc = 1001, refused_to_encode(&t);
	t = full(), t.side = 0, refused_to_encode(&t);
	t = full(), t.import_wh++, refused_to_encode(&t);
	t = full(), t.fields = 0x80, refused_to_encode(&t);
	t = full();
	encode(&t, &b);
	assert_int_equal(mkt_telemetry_dec(b.data, b.len, &other, &back, NULL), -MKT_ECHAIN);
	b.data[0] = 2;
	assert_int_equal(mkt_telemetry_dec(b.data, b.len, &t.chain, &back, NULL), -MKT_EVERSION);
	mkt_buf_release(&b);
}

static void test_base64(void **state)
{
	static const char *const texts[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=",
					    "Zm9vYmFy"};
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm9v\n",
					  "Zg==Zg==", "Z-=="};
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	for (size_t n = 0; n < MKT_ARRAY_SIZE(texts); n++) {
		mkt_buf_clear(&b);
		mkt_base64_put(&b, "foobar", n);
		assert_string_equal(mkt_buf_str(&b), texts[n]);
		mkt_buf_clear(&b);
		assert_true(mkt_base64_add(&b, texts[n], strlen(texts[n])));
		assert_int_equal(b.len, n);
		if (n)
			assert_memory_equal(b.data, "foobar", n);
	}
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		mkt_buf_clear(&b);
		assert_false(mkt_base64_add(&b, bad[i], strlen(bad[i])));
	}
	mkt_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_longest),	   cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_lengths),	   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_base64),
	};
	static const uint8_t seed[MKT_SEED_LEN] = {42};

	if (mkt_crypto_init() < 0)
		return 2;
	mkt_keypair(&pub, &sec, seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

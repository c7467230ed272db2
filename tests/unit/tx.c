#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/codec/enc.h"
#include "core/ledger/tx.h"

static const struct mkt_hash chain = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};
static struct mkt_pubkey pub;
static struct mkt_seckey sec;

static const struct mkt_bid_leg legs[] = {
	{998000, 25500, 0x0001}, {998001, -10, 0}, {998001, 20000, 0x0100}, {0, 0, 0xff00000000000000},
};

static struct mkt_tx_head head(uint8_t flags)
{
	struct mkt_tx_head h = {.flags = flags, .chain = chain, .account = 5, .valid_until_s = 1795400000};

	memset(h.request, 0xab, sizeof(h.request));
	return h;
}

/* One operation of every kind; @text goes with it. */
static const struct sample {
	struct mkt_op op;
	const char *text;
} samples[] = {
	{{.kind = MKT_OP_BID, .account = 5, .u.bid = {.side = MKT_BUY, .nlegs = 4, .amount_wh = 10000}}, NULL},
	{{.kind = MKT_OP_BID,
	  .account = 9,
	  .u.bid = {.side = MKT_SELL, .flags = MKT_BID_POST_ONLY, .nlegs = 1, .amount_wh = 1, .until_s = 77}},
	 NULL},
	{{.kind = MKT_OP_CANCEL, .account = 5, .u.cancel = {.what = MKT_CANCEL_ONE, .bid = 1ull << 50}}, NULL},
	{{.kind = MKT_OP_CANCEL, .account = 5, .u.cancel = {.what = MKT_CANCEL_ALL}}, NULL},
	{{.kind = MKT_OP_CANCEL, .account = 5, .u.cancel = {.what = MKT_CANCEL_WINDOW, .window = 9}}, NULL},
	{{.kind = MKT_OP_REDUCE, .account = 5, .u.reduce = {3, 50}}, NULL},
	{{.kind = MKT_OP_REPORT, .account = 5, .u.report = {4, 100, MKT_SUPPLY, "evse-1"}}, NULL},
	{{.kind = MKT_OP_METER, .account = 5, .u.meter = {998000, 100, MKT_DRAW, ""}}, NULL},
	{{.kind = MKT_OP_TRANSFER, .account = 5, .u.transfer = {6, 1000}}, "rent"},
	{{.kind = MKT_OP_RETIRE, .account = 5, .u.retire = {4}}, "2026 claim"},
	{{.kind = MKT_OP_DELEGATE, .account = 5, .u.delegate = {6, MKT_RIGHTS_ALL, 0}}, NULL},
	{{.kind = MKT_OP_REVOKE, .account = 5, .u.delegate = {.to = 6}}, NULL},
	{{.kind = MKT_OP_ENROLL,
	  .u.enroll = {.key = {{7}}, .cls = MKT_CLASS_EV, .nchargers = 2, .name = "car", .chargers_len = 5}},
	 "\001a\002bc"},
	{{.kind = MKT_OP_SUSPEND, .u.suspend = {6, 1}}, NULL},
	{{.kind = MKT_OP_DEPOSIT, .u.transfer = {6, INT64_MAX}}, NULL},
	{{.kind = MKT_OP_WITHDRAW, .u.transfer = {6, 1}}, "out"},
	{{.kind = MKT_OP_DIMENSION, .u.dimension = {"place", "town"}}, NULL},
	{{.kind = MKT_OP_TAG, .u.tag = {1, MKT_TAG_DIRECT | MKT_TAG_CLOSED, 500, 6, "club"}}, NULL},
	{{.kind = MKT_OP_MEMBER, .u.member = {1, 2, 1, 6}}, NULL},
	{{.kind = MKT_OP_LIMITS, .u.limits = {MKT_CLASS_EV, {1, 2, 3, 4}}}, NULL},
	{{.kind = MKT_OP_CLOCK, .u.clock = {1795400000123}}, NULL},
	{{.kind = MKT_OP_IMBALANCE, .u.imbalance = {1, -2}}, NULL},
	{{.kind = MKT_OP_METEROP, .u.meterop = {5, 6, 1}}, NULL},
};

static void build(struct mkt_tx_build *t, uint8_t flags, const struct sample *s, unsigned n)
{
	struct mkt_tx_head h = head(flags);

	mkt_tx_begin(t, &h);
	for (unsigned i = 0; i < n; i++)
		mkt_tx_add(t, &s[i].op, legs, s[i].text);
	assert_int_equal(mkt_tx_end(t, &sec, NULL), 0);
}

static void every_kind_goes_both_ways(void **state)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT, again = MKT_TX_BUILD_INIT;
	struct mkt_tx tx = MKT_TX_INIT;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(samples); i++) {
		struct mkt_tx_head h = head(0);
		const struct mkt_op *op;
		char text[64] = "";

		build(&t, 0, &samples[i], 1);
		assert_int_equal(mkt_tx_dec(t.buf.data, t.buf.len, &chain, &tx, NULL), 0);
		assert_int_equal(tx.nops, 1);
		assert_int_equal(tx.account, 5);
		assert_int_equal(tx.valid_until_s, 1795400000);
		assert_memory_equal(tx.request, h.request, MKT_REQUEST_LEN);
		op = &tx.ops[0];
		assert_int_equal(op->kind, samples[i].op.kind);
		if (op->kind == MKT_OP_ENROLL)
			memcpy(text, tx.raw + op->u.enroll.chargers_at, op->u.enroll.chargers_len);
		else
			memcpy(text, tx.raw + op->text_at, op->text_len);
		assert_string_equal(text, samples[i].text ? samples[i].text : "");
		mkt_tx_begin(&again, &h);
		mkt_tx_add(&again, op, tx.legs, text);
		assert_int_equal(mkt_tx_end(&again, &sec, NULL), 0);
		assert_int_equal(t.buf.len, again.buf.len);
		assert_memory_equal(t.buf.data, again.buf.data, t.buf.len);
		assert_true(mkt_tx_sig_ok(t.buf.data, t.buf.len, &pub));
		assert_non_null(mkt_op_name(op->kind));
	}
	assert_null(mkt_op_name(0));
	assert_null(mkt_op_name(10));
	assert_null(mkt_op_name(200));
	mkt_tx_release(&tx);
	mkt_tx_build_release(&t);
	mkt_tx_build_release(&again);
}

static void bids_are_read_as_written(void **state)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx tx = MKT_TX_INIT;

	(void)state;
	build(&t, MKT_TX_ALL_OR_NOTHING, samples, 6);
	assert_int_equal(mkt_tx_dec(t.buf.data, t.buf.len, &chain, &tx, NULL), 0);
	assert_int_equal(tx.flags, MKT_TX_ALL_OR_NOTHING);
	assert_int_equal(tx.nops, 6);
	assert_int_equal(tx.nlegs, 5);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(tx.legs[i].window, legs[i].window);
		assert_int_equal(tx.legs[i].price_upwh, legs[i].price_upwh);
		assert_true(tx.legs[i].tags == legs[i].tags);
	}
	assert_int_equal(tx.ops[1].u.bid.first_leg, 4);
	assert_int_equal(tx.ops[1].u.bid.flags, MKT_BID_POST_ONLY);
	assert_int_equal(tx.ops[1].u.bid.until_s, 77);
	assert_int_equal(tx.ops[1].account, 9);
	mkt_tx_release(&tx);
	mkt_tx_build_release(&t);
}

static void one_leg_bid_is_small(void **state)
{
	static const struct sample one = {
		{.kind = MKT_OP_BID, .account = 5, .u.bid = {.side = MKT_BUY, .nlegs = 1, .amount_wh = 9}}, NULL};
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;

	(void)state;
	build(&t, 0, &one, 1);
	assert_int_equal(t.buf.len, 40 + 5 + 8 + 10 + 64);
	mkt_tx_build_release(&t);
}

static void truncated_and_overlong(void **state)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx tx = MKT_TX_INIT;
	struct mkt_err err;
	uint8_t *big;

	(void)state;
	build(&t, 0, samples, 20);
	for (size_t n = 0; n < t.buf.len; n++) {
		assert_int_equal(mkt_tx_dec(t.buf.data, n, &chain, &tx, &err), -MKT_ETRUNCATED);
		assert_int_equal(tx.nops, 0);
	}
	mkt_enc_u8(&t.buf, 0);
	assert_int_equal(mkt_tx_dec(t.buf.data, t.buf.len, &chain, &tx, &err), -MKT_EOVERLONG);
	big = calloc(1, MKT_TX_BYTES_MAX + 1);
	assert_non_null(big);
	assert_int_equal(mkt_tx_dec(big, MKT_TX_BYTES_MAX + 1, &chain, &tx, &err), -MKT_EOVERLONG);
	free(big);
	mkt_tx_release(&tx);
	mkt_tx_build_release(&t);
}

/* Change one byte of one sample and see the code. */
static const struct {
	unsigned sample;
	int at; /* from the start; negative: before the signature */
	uint8_t value;
	int code;
} broken[] = {
	{0, 0, 2, MKT_EVERSION},
	{0, 1, 2, MKT_ENONCANONICAL},
	{0, 2, 9, MKT_ECHAIN},
	{0, 9, 9, MKT_ECHAIN},
	{0, 38, 0, MKT_EOPCOUNT},
	{0, 39, 4, MKT_EOPCOUNT}, /* 1025 */
	{0, 40, 0, MKT_EOPCODE},
	{0, 40, 10, MKT_EOPCODE},
	{0, 40, 28, MKT_EOPCODE},
	{0, 45, 0, MKT_ENONCANONICAL}, /* side */
	{0, 46, 3, MKT_ENONCANONICAL}, /* ioc and fok */
	{0, 46, 16, MKT_ENONCANONICAL},
	{0, 51, 0, MKT_ELEGS},
	{0, 52, 2, MKT_ELEGS},
	{0, 57, 9, MKT_ENONCANONICAL}, /* nine tags */
	{0, 58, 0, MKT_ENONCANONICAL}, /* trailing zero */
	{1, 51, 0, MKT_ENONCANONICAL}, /* until 0 */
	{2, 45, 3, MKT_ENONCANONICAL},
	{6, 53, 3, MKT_ENONCANONICAL}, /* side of a report */
	{6, 58, 32, MKT_ENONCANONICAL}, /* longer than a charger */
	{6, 59, 7, MKT_ENONCANONICAL}, /* control byte */
	{7, 49, 0, MKT_ENONCANONICAL},
	{8, 56, 0x80, MKT_ENONCANONICAL}, /* negative money */
	{10, 49, 1, MKT_ENONCANONICAL},   /* right 0 */
	{10, 52, 1, MKT_ENONCANONICAL},   /* right 24 */
	{12, 41, 1, MKT_ENONCANONICAL},   /* acts for another */
	{12, 77, 9, MKT_ENONCANONICAL},   /* class */
	{12, 82, 65, MKT_ENONCANONICAL},  /* chargers */
	{12, 83, 0, MKT_ENONCANONICAL},   /* a charger without a name */
	{13, 49, 2, MKT_ENONCANONICAL},
	{17, 51, 4, MKT_ENONCANONICAL}, /* flags of a tag */
	{18, 51, 2, MKT_ENONCANONICAL},
	{19, 45, 9, MKT_ENONCANONICAL},
	{22, -1, 2, MKT_ENONCANONICAL},
};

static void what_is_not_canonical_is_refused(void **state)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx tx = MKT_TX_INIT;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(broken); i++) {
		size_t at;

		build(&t, 0, &samples[broken[i].sample], 1);
		at = broken[i].at >= 0 ? (size_t)broken[i].at
				       : t.buf.len - MKT_SIG_LEN - (size_t)-broken[i].at;
		if (t.buf.data[at] == broken[i].value)
			fail_msg("row %zu changes nothing", i);
		t.buf.data[at] = broken[i].value;
		if (mkt_tx_dec(t.buf.data, t.buf.len, &chain, &tx, &err) != -broken[i].code)
			fail_msg("row %zu: %s", i, err.text);
		assert_true(err.text[0] != 0);
	}
	mkt_tx_release(&tx);
	mkt_tx_build_release(&t);
}

static int decode(uint8_t flags, const struct sample *s, unsigned n)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx tx = MKT_TX_INIT;
	struct mkt_err err;
	int rc;

	build(&t, flags, s, n);
	rc = mkt_tx_dec(t.buf.data, t.buf.len, &chain, &tx, &err);
	mkt_tx_release(&tx);
	mkt_tx_build_release(&t);
	return rc;
}

static void operations_that_may_not_stand_together(void **state)
{
	struct sample s[2] = {samples[20], samples[20]};

	(void)state;
	assert_int_equal(decode(0, s, 1), 0);
	assert_int_equal(decode(0, s, 2), -MKT_ENONCANONICAL); /* a clock stands alone */
	for (unsigned i = 12; i < MKT_ARRAY_SIZE(samples); i++)
		assert_int_equal(decode(MKT_TX_ALL_OR_NOTHING, &samples[i], 1), -MKT_ENONCANONICAL);
	s[0] = samples[12]; /* a charger twice */
	s[0].text = "\002ab\002ab";
	s[0].op.u.enroll.chargers_len = 6;
	assert_int_equal(decode(0, s, 1), -MKT_ENONCANONICAL);
}

static void builder_knows_its_bounds(void **state)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx_head h = head(0);
	char text[300];

	(void)state;
	mkt_tx_begin(&t, &h);
	assert_int_equal(mkt_tx_end(&t, &sec, NULL), -MKT_EOPCOUNT);
	mkt_tx_begin(&t, &h);
	for (int i = 0; i < 1001; i++)
		mkt_tx_add(&t, &samples[3].op, NULL, NULL);
	assert_int_equal(mkt_tx_end(&t, &sec, NULL), -MKT_EOPCOUNT);
	memset(text, 'x', sizeof(text));
	text[256] = 0;
	mkt_tx_begin(&t, &h);
	mkt_tx_add(&t, &samples[8].op, NULL, text);
	assert_int_equal(mkt_tx_end(&t, &sec, NULL), -MKT_EOVERLONG);
	text[255] = 0;
	mkt_tx_begin(&t, &h);
	mkt_tx_add(&t, &samples[8].op, NULL, text);
	assert_int_equal(mkt_tx_end(&t, &sec, NULL), 0);
	mkt_tx_build_release(&t);
}

static void signature_covers_every_byte(void **state)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;

	(void)state;
	build(&t, 0, samples, 2);
	assert_true(mkt_tx_sig_ok(t.buf.data, t.buf.len, &pub));
	for (size_t i = 0; i < t.buf.len; i++) {
		t.buf.data[i] ^= 1;
		assert_false(mkt_tx_sig_ok(t.buf.data, t.buf.len, &pub));
		t.buf.data[i] ^= 1;
	}
	assert_false(mkt_tx_sig_ok(t.buf.data, 50, &pub));
	mkt_tx_build_release(&t);
}

static void large_envelopes_are_signed_too(void **state)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx_head h = head(0);
	struct mkt_tx tx = MKT_TX_INIT;

	(void)state;
	mkt_tx_begin(&t, &h);
	for (int i = 0; i < 1000; i++)
		mkt_tx_add(&t, &samples[0].op, legs, NULL);
	assert_int_equal(mkt_tx_end(&t, &sec, NULL), 0);
	assert_true(mkt_tx_sig_ok(t.buf.data, t.buf.len, &pub));
	assert_int_equal(mkt_tx_dec(t.buf.data, t.buf.len, &chain, &tx, NULL), 0);
	assert_int_equal(tx.nops, 1000);
	assert_int_equal(tx.nlegs, 4000);
	mkt_tx_release(&tx);
	mkt_tx_build_release(&t);
}

static void id_is_found_from_the_request(void **state)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx tx = MKT_TX_INIT;
	const uint8_t *request;
	uint8_t prefix[8];
	uint32_t account;
	struct mkt_hash id;

	(void)state;
	build(&t, 0, samples, 1);
	assert_int_equal(mkt_tx_peek(t.buf.data, t.buf.len, &account, &request), 0);
	assert_int_equal(account, 5);
	mkt_tx_id_prefix(account, request, prefix);
	assert_int_equal(mkt_tx_dec(t.buf.data, t.buf.len, &chain, &tx, NULL), 0);
	assert_memory_equal(tx.id.b, prefix, 8);
	mkt_tx_id(t.buf.data, t.buf.len, &id);
	assert_true(mkt_hash_eq(&id, &tx.id));
	t.buf.data[t.buf.len - 1] ^= 1;
	mkt_tx_id(t.buf.data, t.buf.len, &id);
	assert_memory_equal(id.b, prefix, 8);
	assert_memory_not_equal(id.b, tx.id.b, 32);
	mkt_tx_id(t.buf.data, 3, &id); /* any bytes have an id */
	assert_int_equal(mkt_tx_peek(t.buf.data, 39, &account, &request), -MKT_ETRUNCATED);
	mkt_tx_release(&tx);
	mkt_tx_build_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_goes_both_ways),
		cmocka_unit_test(bids_are_read_as_written),
		cmocka_unit_test(one_leg_bid_is_small),
		cmocka_unit_test(truncated_and_overlong),
		cmocka_unit_test(what_is_not_canonical_is_refused),
		cmocka_unit_test(operations_that_may_not_stand_together),
		cmocka_unit_test(builder_knows_its_bounds),
		cmocka_unit_test(signature_covers_every_byte),
		cmocka_unit_test(large_envelopes_are_signed_too),
		cmocka_unit_test(id_is_found_from_the_request),
	};
	static const uint8_t seed[MKT_SEED_LEN] = {42};

	if (mkt_crypto_init() < 0)
		return 1;
	mkt_keypair(&pub, &sec, seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

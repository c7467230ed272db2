#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/chain/block.h"
#include "core/chain/merkle.h"
#include "tests/rng.h"

static void fill_hash(struct rng *r, struct mkt_hash *h)
{
	for (unsigned i = 0; i < MKT_HASH_LEN; i++)
		h->b[i] = (uint8_t)rng_u64(r);
}

static struct mkt_header random_header(struct rng *r)
{
	struct mkt_header h = {
		.height = rng_wide(r) | 1,
		.time_ms = rng_wide(r),
		.epoch = rng_wide(r),
		.first_tx = rng_wide(r),
		.first_bid = rng_wide(r),
		.first_exec = rng_wide(r),
		.authority = (uint16_t)rng_u64(r),
	};

	fill_hash(r, &h.chain);
	fill_hash(r, &h.prev);
	fill_hash(r, &h.tx_root);
	fill_hash(r, &h.event_root);
	fill_hash(r, &h.state);
	fill_hash(r, &h.authorities);
	return h;
}

/* A well formed block; what its transactions and events say is looked at elsewhere. */
static void random_block(struct rng *r, struct mkt_buf *out, struct mkt_header *h)
{
	unsigned nvotes = 1 + (unsigned)rng_below(r, 4);

	*h = random_header(r);
	h->ntxs = (uint32_t)rng_below(r, 6);
	h->nevents = (uint32_t)rng_below(r, 4);
	mkt_buf_clear(out);
	mkt_header_enc(h, out);
	mkt_enc_u8(out, (uint8_t)nvotes);
	for (unsigned i = 0; i < nvotes; i++) {
		mkt_enc_u16(out, (uint16_t)(i * 3));
		for (unsigned k = 0; k < MKT_SIG_LEN; k++)
			mkt_enc_u8(out, (uint8_t)rng_u64(r));
	}
	for (unsigned i = 0; i < h->ntxs; i++) {
		uint32_t len = 1 + (uint32_t)rng_below(r, 200);

		mkt_enc_u32(out, len);
		for (unsigned k = 0; k < len; k++)
			mkt_enc_u8(out, (uint8_t)(i + k));
	}
	for (unsigned i = 0; i < h->nevents * 9; i++)
		mkt_enc_u8(out, (uint8_t)rng_u64(r));
}

static void headers_come_back_as_they_were(void **state)
{
	struct rng r = rng_start("header");
	struct mkt_buf b = MKT_BUF_INIT, again = MKT_BUF_INIT;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct mkt_header h = random_header(&r), back;
		struct mkt_hash whole, direct;
		struct mkt_dec in;

		h.ntxs = (uint32_t)rng_wide(&r);
		h.nevents = (uint32_t)rng_wide(&r);
		mkt_buf_clear(&b);
		mkt_header_enc(&h, &b);
		assert_int_equal(b.len, MKT_HEADER_BYTES);
		in = mkt_dec_init(b.data, b.len);
		assert_int_equal(mkt_header_dec(&in, &back), 0);
		assert_int_equal(mkt_dec_end(&in), 0);
		mkt_buf_clear(&again);
		mkt_header_enc(&back, &again);
		assert_memory_equal(b.data, again.data, b.len);
		mkt_hash(&whole, MKT_DOM_HEADER, b.data, b.len);
		mkt_header_hash(&h, &direct);
		assert_true(mkt_hash_eq(&whole, &direct));
		in = mkt_dec_init(b.data, rng_below(&r, b.len));
		assert_int_equal(mkt_header_dec(&in, &back), -MKT_ETRUNCATED);
		b.data[0]++;
		in = mkt_dec_init(b.data, b.len);
		assert_int_equal(mkt_header_dec(&in, &back), -MKT_EVERSION);
	}
	mkt_buf_release(&b);
	mkt_buf_release(&again);
}

static void signatures_bind_key_and_header(void **state)
{
	uint8_t seed[MKT_SEED_LEN] = {1}, other_seed[MKT_SEED_LEN] = {2};
	struct rng r = rng_start("header signature");
	struct mkt_header h = random_header(&r);
	struct mkt_pubkey pub, other;
	struct mkt_seckey sec, sec2;
	struct mkt_hash hash, plain;
	struct mkt_sig sig;

	(void)state;
	mkt_keypair(&pub, &sec, seed);
	mkt_keypair(&other, &sec2, other_seed);
	mkt_header_hash(&h, &hash);
	mkt_header_sign(&hash, &sec, &sig);
	assert_true(mkt_header_sig_ok(&hash, &pub, &sig));
	assert_false(mkt_header_sig_ok(&hash, &other, &sig));
	assert_false(
		mkt_sig_ok(&sig, &pub, hash.b, sizeof(hash.b))); /* the purpose is signed too */
	h.epoch++;
	mkt_header_hash(&h, &plain);
	assert_false(mkt_header_sig_ok(&plain, &pub, &sig));
}

static void a_set_of_authorities_is_its_keys_in_order(void **state)
{
	struct mkt_pubkey k[3] = {{{1}}, {{2}}, {{3}}}, swapped[3] = {{{2}}, {{1}}, {{3}}};
	struct mkt_hash a, b;

	(void)state;
	mkt_authorities_hash(k, 3, &a);
	mkt_authorities_hash(swapped, 3, &b);
	assert_false(mkt_hash_eq(&a, &b));
	mkt_authorities_hash(k, 2, &b);
	assert_false(mkt_hash_eq(&a, &b));
	mkt_authorities_hash(k, 3, &b);
	assert_true(mkt_hash_eq(&a, &b));
}

static void blocks_are_taken_apart(void **state)
{
	struct rng r = rng_start("block");
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_err err;

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		const uint8_t *at = NULL, *tx, *same;
		struct mkt_hash leaves[6], want;
		struct mkt_header h;
		struct mkt_block blk;
		uint32_t len, len2, n = 0;

		random_block(&r, &b, &h);
		assert_int_equal(mkt_block_dec(b.data, b.len, &blk, &err), 0);
		assert_memory_equal(&blk.h.state, &h.state, sizeof(h.state));
		mkt_header_hash(&h, &want);
		assert_true(mkt_hash_eq(&blk.hash, &want));
		mkt_block_tx_leaves(&blk, leaves);
		while (mkt_block_next_tx(&blk, &at, &tx, &len)) {
			assert_int_equal(tx[0], n);
			assert_true(mkt_block_tx(&blk, n, &same, &len2));
			assert_ptr_equal(tx, same);
			assert_int_equal(len, len2);
			mkt_hash(&want, MKT_DOM_LEAF, tx, len);
			assert_true(mkt_hash_eq(&want, &leaves[n]));
			n++;
		}
		assert_int_equal(n, h.ntxs);
		assert_false(mkt_block_tx(&blk, n, &tx, &len));
		assert_ptr_equal(blk.events + blk.events_len, b.data + b.len);
		assert_int_equal(blk.events_len, h.nevents * 9);
	}
	mkt_buf_release(&b);
}

static void every_truncation_is_refused(void **state)
{
	struct rng r = rng_start("block truncation");
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		struct mkt_header h;
		struct mkt_block blk = {.nvotes = 77};
		struct mkt_err err;
		size_t to;

		random_block(&r, &b, &h);
		assert_int_equal(mkt_block_dec(b.data, b.len, &blk, &err), 0);
		to = b.len - blk.events_len +
		     (h.nevents ? 1 : 0); /* events are counted by their walk */
		blk.nvotes = 77;
		for (size_t n = 0; n < to; n++) {
			uint8_t *exact =
				malloc(n ? n : 1); /* a byte too far is a fault under ASan */

			memcpy(exact, b.data, n);
			err.text[0] = 0;
			assert_int_equal(mkt_block_dec(exact, n, &blk, &err), -MKT_EINTEGRITY);
			assert_true(err.text[0]);
			assert_int_equal(blk.nvotes, 77);
			free(exact);
		}
	}
	mkt_buf_release(&b);
}

static void faults_of_form_are_named(void **state)
{
	struct rng r = {5};
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_block blk;
	struct mkt_header h;
	struct mkt_err err;

	(void)state;
	do
		random_block(&r, &b, &h);
	while (!h.ntxs || h.nevents || b.data[MKT_HEADER_BYTES] < 2);
	b.data[MKT_HEADER_BYTES + 1 + 66] = 0; /* the second vote's authority becomes the first's */
	assert_int_equal(mkt_block_dec(b.data, b.len, &blk, &err), -MKT_EINTEGRITY);
	assert_non_null(strstr(err.text, "not in order"));
	b.data[MKT_HEADER_BYTES + 1 + 66] = 3;
	b.data[MKT_HEADER_BYTES] = 33;
	assert_int_equal(mkt_block_dec(b.data, b.len, &blk, &err), -MKT_EINTEGRITY);
	assert_non_null(strstr(err.text, "number of votes"));
	mkt_enc_u8(&b, 0);
	b.data[MKT_HEADER_BYTES] = 0;
	assert_int_equal(mkt_block_dec(b.data, b.len, &blk, &err), -MKT_EINTEGRITY);
	random_block(&r, &b, &h);
	while (h.nevents)
		random_block(&r, &b, &h);
	mkt_enc_u8(&b, 1);
	assert_int_equal(mkt_block_dec(b.data, b.len, &blk, &err), -MKT_EINTEGRITY);
	assert_non_null(strstr(err.text, "events"));
	mkt_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_come_back_as_they_were),
		cmocka_unit_test(signatures_bind_key_and_header),
		cmocka_unit_test(a_set_of_authorities_is_its_keys_in_order),
		cmocka_unit_test(blocks_are_taken_apart),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(faults_of_form_are_named),
	};

	return mkt_crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

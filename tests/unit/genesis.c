#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/ledger/authorities.h"
#include "core/ledger/genesis.h"

static struct mkt_genesis good(void)
{
	struct mkt_genesis g;

	assert_int_equal(mkt_genesis_default(&g), 0);
	g.time_ms = 1795400000000u;
	memset(g.operator_key.b, 1, MKT_PUBKEY_LEN);
	g.nauthorities = 2;
	memset(g.authorities[0].b, 2, MKT_PUBKEY_LEN);
	memset(g.authorities[1].b, 3, MKT_PUBKEY_LEN);
	return g;
}

static void default_is_what_the_header_tells(void **state)
{
	struct mkt_genesis g = good();
	struct mkt_buf text = MKT_BUF_INIT;

	(void)state;
	assert_int_equal(mkt_genesis_check(&g, NULL), 0);
	assert_string_equal(g.currency, "JPY");
	assert_string_equal(g.zone, "Asia/Tokyo");
	assert_int_equal(g.window_s, 1800);
	assert_int_equal(g.opening_s, 604800);
	assert_int_equal(g.gate_s, 300);
	assert_int_equal(g.tick_upwh, 10);
	assert_int_equal(g.price_min_upwh, 0);
	assert_int_equal(g.price_max_upwh, 200000);
	assert_int_equal(g.lot_wh, 1);
	assert_int_equal(g.deadline_s, 3600);
	mkt_tags_text(&g.tags, mkt_tags_with(mkt_tags_with(0, 0, 1), 1, 1), &text);
	assert_string_equal(mkt_buf_str(&text), "green+shvm");
	mkt_buf_release(&text);
	mkt_genesis_release(&g);
}

static void bytes_go_both_ways(void **state)
{
	struct mkt_genesis g = good(), back;
	struct mkt_buf out = MKT_BUF_INIT, again = MKT_BUF_INIT;
	struct mkt_hash id, other;
	struct mkt_err err;

	(void)state;
	g.private_accounts = true;
	g.price_min_upwh = -5000;
	mkt_genesis_enc(&g, &out);
	assert_int_equal(mkt_genesis_dec(out.data, out.len, &back, NULL), 0);
	mkt_genesis_enc(&back, &again);
	assert_int_equal(out.len, again.len);
	assert_memory_equal(out.data, again.data, out.len);
	mkt_genesis_id(out.data, out.len, &id);
	again.data[out.len - 1] ^= 1;
	mkt_genesis_id(again.data, again.len, &other);
	assert_false(mkt_hash_eq(&id, &other));
	mkt_genesis_release(&back);
	for (size_t n = 0; n < out.len; n++) {
		int rc = mkt_genesis_dec(out.data, n, &back, &err);

		assert_true(rc == -MKT_ETRUNCATED);
		assert_true(err.text[0] != 0);
	}
	mkt_enc_u8(&out, 0);
	assert_int_equal(mkt_genesis_dec(out.data, out.len, &back, NULL), -MKT_EOVERLONG);
	out.data[0] = 3;
	assert_int_equal(mkt_genesis_dec(out.data, out.len, &back, NULL), -MKT_EVERSION);
	mkt_buf_release(&out);
	mkt_buf_release(&again);
	mkt_genesis_release(&g);
}

/* A majority is version 1, byte for byte; another rule is version 2; no value has two encodings. */
static void quorum_rule_has_one_encoding(void **state)
{
	struct mkt_genesis g = good(), back;
	struct mkt_authorities set;
	struct mkt_buf plain = MKT_BUF_INIT, out = MKT_BUF_INIT;
	size_t at;

	(void)state;
	mkt_genesis_enc(&g, &plain);
	assert_int_equal(plain.data[0], MKT_GENESIS_VERSION);
	g.quorum = MKT_QUORUM_BFT;
	mkt_genesis_enc(&g, &out);
	assert_int_equal(out.data[0], MKT_GENESIS_VERSION_QUORUM);
	assert_int_equal(out.len, plain.len + 1);
	assert_int_equal(mkt_genesis_dec(out.data, out.len, &back, NULL), 0);
	assert_int_equal(back.quorum, MKT_QUORUM_BFT);
	mkt_authorities_of(&back, &set);
	assert_int_equal(set.quorum, MKT_QUORUM_BFT);
	mkt_genesis_release(&back);
	for (size_t n = 0; n < out.len; n++)
		assert_int_equal(mkt_genesis_dec(out.data, n, &back, NULL), -MKT_ETRUNCATED);
	for (at = 1; out.data[at] == plain.data[at];)
		at++; /* the byte that version 2 has more */
	assert_int_equal(out.data[at], MKT_QUORUM_BFT);
	out.data[at] = MKT_QUORUM_MAJORITY;
	assert_int_equal(mkt_genesis_dec(out.data, out.len, &back, NULL), -MKT_ENONCANONICAL);
	out.data[at] = 2;
	assert_int_equal(mkt_genesis_dec(out.data, out.len, &back, NULL), -MKT_EINVAL);
	mkt_buf_release(&plain);
	mkt_buf_release(&out);
	mkt_genesis_release(&g);
}

/* Each line breaks one bound; the sentence must tell which, so all sentences differ. */
#define BREAK(change)                                                                              \
	do {                                                                                       \
		struct mkt_genesis g = good();                                                     \
		struct mkt_err err;                                                                \
                                                                                                   \
		change;                                                                            \
		assert_int_equal(mkt_genesis_check(&g, &err), -MKT_EINVAL);                        \
		for (unsigned i_ = 0; i_ < nseen; i_++)                                            \
			assert_string_not_equal(seen[i_], err.text);                               \
		memcpy(seen[nseen++], err.text, sizeof(err.text));                                 \
		mkt_genesis_release(&g);                                                           \
	} while (0)

static void each_bound_has_its_sentence(void **state)
{
	static char seen[64][MKT_ERR_TEXT_MAX];
	unsigned nseen = 0;

	(void)state;
	BREAK(g.name[0] = 'X');
	BREAK(g.currency[0] = 'j');
	BREAK(memcpy(g.zone, "../etc", 7));
	BREAK(g.time_ms = MKT_TIME_MS_MAX + 1);
	BREAK(g.clock = 2);
	BREAK(g.window_s = 1000);
	BREAK(g.opening_s = MKT_SPAN_S_MAX + 1);
	BREAK(g.gate_s = g.opening_s);
	BREAK(g.deadline_s = 0);
	BREAK(g.retention_s = 0);
	BREAK(g.tick_upwh = 0);
	BREAK(g.price_max_upwh = -10);
	BREAK(g.price_min_upwh = -5);
	BREAK((g.price_min_upwh = -2000000000, g.price_max_upwh = 2000000000));
	BREAK(g.lot_wh = 0);
	BREAK(g.collateral_bp = 10001);
	BREAK(g.imbalance_up_upwh = -1);
	BREAK(g.unreported = 2);
	BREAK(g.interval_ms = 0);
	BREAK(g.heartbeat_s = UINT32_MAX);
	BREAK(g.block_txs = 0);
	BREAK(g.validity_s = MKT_VALIDITY_MAX_S + 1);
	BREAK(g.limits[MKT_CLASS_EV].open_bids = MKT_OPEN_BIDS_ACCOUNT_MAX + 1);
	BREAK(memset(&g.operator_key, 0, sizeof(g.operator_key)));
	BREAK(g.nauthorities = 0);
	BREAK(memset(&g.authorities[1], 0, sizeof(g.authorities[1])));
	BREAK(g.authorities[1] = g.authorities[0]);
	BREAK(g.quorum = 2);
	BREAK(mkt_tag_table_release(&g.tags));
	BREAK(g.tags.dims[0].name[0] = '0');
	BREAK(memcpy(g.tags.dims[1].name, "energy", 7));
	BREAK(g.tags.dims[0].values[1].name[0] = '-');
	BREAK(memcpy(g.tags.dims[0].values[1].name, "lvm", 4));
	BREAK(g.tags.dims[0].values[1].fee_upwh = -1);
	BREAK(g.tags.dims[0].values[1].fee_account = 1);
	BREAK(assert_int_equal(mkt_tag_set_member(&g.tags, 0, 1, 5, true), 0));
}

static void classes_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MKT_CLASS_COUNT; i++)
		assert_int_equal(mkt_class_find(mkt_class_name(i)), i);
	assert_null(mkt_class_name(MKT_CLASS_COUNT));
	assert_int_equal(mkt_class_find("king"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_is_what_the_header_tells),
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(quorum_rule_has_one_encoding),
		cmocka_unit_test(each_bound_has_its_sentence),
		cmocka_unit_test(classes_have_names),
	};

	if (mkt_crypto_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

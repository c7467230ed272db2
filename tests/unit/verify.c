#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/chain/merkle.h"
#include "tests/chain.h"

#define BLOCKS 12

/* A good chain in memory. */
struct kept {
	struct node n;
	struct mkt_buf bytes[BLOCKS + 1];
};

static void make_chain(struct kept *k)
{
	struct mkt_err err;

	memset(k, 0, sizeof(*k));
	node_start(&k->n, "verify", rng_start("verify"));
	NODE_OK(mkt_chain_read(k->n.c, 0, &k->bytes[0], &err), &err);
	for (unsigned h = 1; h <= BLOCKS; h++) {
		struct mkt_sealed b;

		node_block(&k->n, 25, &b);
		k->bytes[h] = b.bytes;
		b.bytes = (struct mkt_buf)MKT_BUF_INIT;
		mkt_sealed_release(&b);
	}
}

static void drop_chain(struct kept *k)
{
	for (unsigned h = 0; h <= BLOCKS; h++)
		mkt_buf_release(&k->bytes[h]);
	node_stop(&k->n);
}

static bool key_of(void *ctx, uint32_t account, struct mkt_pubkey *key)
{
	struct mkt_account a;

	if (!mkt_state_account(ctx, account, &a))
		return false;
	*key = a.key;
	return true;
}

/* All checks on blocks 1 .. @to, block @to being @last; the first fault. */
static int verify(struct kept *k, unsigned to, const struct mkt_buf *last, struct mkt_err *err)
{
	const struct mkt_hash *id = mkt_chain_id(k->n.c);
	struct mkt_events ev = MKT_EVENTS_INIT;
	struct mkt_delta delta = {.rows = NULL};
	struct mkt_buf first = MKT_BUF_INIT;
	struct mkt_verify_prev prev;
	struct mkt_state *s;
	struct mkt_block b;
	int r = mkt_state_new(&k->n.g, &s, err);

	NODE_WANT(!r && mkt_block_first(s, id, &delta, &first) == 0);
	NODE_WANT(first.len == k->bytes[0].len && !memcmp(first.data, k->bytes[0].data, first.len));
	NODE_OK(mkt_block_dec(first.data, first.len, &b, err), err);
	NODE_OK(mkt_verify_static(&b, mkt_state_authorities(s), id, err), err);
	prev = mkt_verify_prev_of(&b);
	for (unsigned h = 1; !r && h <= to; h++) {
		const struct mkt_buf *bytes = h == to ? last : &k->bytes[h];

		r = mkt_block_dec(bytes->data, bytes->len, &b, err);
		if (!r)
			r = mkt_verify_static(&b, mkt_state_authorities(s), id, err);
		if (!r)
			r = mkt_verify_execute(s, &b, &prev, id, &ev, &delta, err);
		if (!r)
			r = mkt_verify_txs(&b, 0, b.h.ntxs, key_of, s, err);
		prev = mkt_verify_prev_of(&b);
	}
	mkt_state_free(s);
	mkt_events_release(&ev);
	mkt_delta_release(&delta);
	mkt_buf_release(&first);
	return r;
}

static void a_good_chain_passes(void **state)
{
	struct mkt_err err;
	struct kept k;

	(void)state;
	make_chain(&k);
	NODE_OK(verify(&k, BLOCKS, &k.bytes[BLOCKS], &err), &err);
	drop_chain(&k);
}

/* ---- blocks that an authority signed although they are wrong ---- */

/* Block @b with header @h, and with its roots if @roots, signed again. */
static void forge(const struct kept *k, const struct mkt_block *b, struct mkt_header h, bool roots,
		  struct mkt_buf *out)
{
	uint32_t most = h.ntxs > h.nevents ? h.ntxs : h.nevents;
	struct mkt_hash *leaves = calloc(most + 1u, sizeof(*leaves)), hash;
	struct mkt_sig sig;
	struct mkt_err err;

	if (roots) {
		mkt_block_tx_leaves(b, leaves);
		mkt_merkle_root(leaves, h.ntxs, &h.tx_root);
		NODE_OK(mkt_block_event_leaves(b, leaves, &err), &err);
		mkt_merkle_root(leaves, h.nevents, &h.event_root);
	}
	free(leaves);
	mkt_header_hash(&h, &hash);
	mkt_header_sign(&hash, &k->n.authority_key, &sig);
	mkt_buf_clear(out);
	mkt_header_enc(&h, out);
	mkt_enc_u8(out, 1);
	mkt_enc_u16(out, h.authority);
	mkt_enc_bytes(out, sig.b, sizeof(sig.b));
	mkt_enc_bytes(out, b->txs, b->txs_len);
	mkt_enc_bytes(out, b->events, b->events_len);
}

typedef void change_fn(struct mkt_header *h);

static void other_chain(struct mkt_header *h)
{
	h->chain.b[0] ^= 1;
}
static void other_height(struct mkt_header *h)
{
	h->height++;
}
static void other_prev(struct mkt_header *h)
{
	h->prev.b[5] ^= 1;
}
static void early(struct mkt_header *h)
{
	h->time_ms = 1000;
}
static void later(struct mkt_header *h)
{
	h->time_ms += 40000000;
}
static void other_first_tx(struct mkt_header *h)
{
	h->first_tx--;
}
static void other_first_bid(struct mkt_header *h)
{
	h->first_bid++;
}
static void other_first_exec(struct mkt_header *h)
{
	h->first_exec++;
}
static void other_tx_root(struct mkt_header *h)
{
	h->tx_root.b[0] ^= 1;
}
static void other_event_root(struct mkt_header *h)
{
	h->event_root.b[31] ^= 1;
}
static void other_state(struct mkt_header *h)
{
	h->state.b[9] ^= 1;
}
static void other_set(struct mkt_header *h)
{
	h->authorities.b[9] ^= 1;
}
static void other_authority(struct mkt_header *h)
{
	h->authority = 1;
}
static void fewer_events(struct mkt_header *h)
{
	h->nevents--;
}

static void wrong_headers_are_named(void **state)
{
	static const struct {
		change_fn *change;
		const char *says;
	} cases[] = {
		{other_chain, "another chain"},
		{other_height, "in height"},
		{other_prev, "the block before is not the one"},
		{early, "before that of the block before"},
		{later, ""}, /* what it is depends on what was in it */
		{other_first_tx, "counts the transactions before it"},
		{other_first_bid, "first bid's number"},
		{other_first_exec, "first contract's number"},
		{other_tx_root, "transactions are not those of its root"},
		{other_event_root, "events are not those of its root"},
		{other_state, "another state"},
		{other_set, "another set of authorities"},
		{other_authority, "a vote is of no authority"},
		{fewer_events, "bytes follow its last event"},
	};
	struct mkt_buf out = MKT_BUF_INIT;
	struct mkt_block b;
	struct mkt_err err;
	struct kept k;

	(void)state;
	make_chain(&k);
	NODE_OK(mkt_block_dec(k.bytes[BLOCKS].data, k.bytes[BLOCKS].len, &b, &err), &err);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(cases); i++) {
		struct mkt_header h = b.h;
		char where[32];

		cases[i].change(&h);
		forge(&k, &b, h, false, &out);
		assert_int_equal(verify(&k, BLOCKS, &out, &err), -MKT_EINTEGRITY);
		assert_non_null(strstr(err.text, cases[i].says));
		snprintf(where, sizeof(where), "block %llu", (unsigned long long)h.height);
		assert_non_null(strstr(err.text, where));
	}
	mkt_buf_release(&out);
	drop_chain(&k);
}

/* One bit anywhere in a block is found by one check or the other. */
static void any_bit_is_found(void **state)
{
	struct mkt_buf out = MKT_BUF_INIT;
	struct mkt_err err;
	struct kept k;

	(void)state;
	make_chain(&k);
	for (unsigned i = 0; i < 100; i++) {
		const struct mkt_buf *good = &k.bytes[BLOCKS];
		uint64_t bit = rng_below(&k.n.r, 8 * good->len);

		mkt_buf_clear(&out);
		mkt_buf_add(&out, good->data, good->len);
		out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		err.text[0] = 0;
		assert_int_equal(verify(&k, BLOCKS, &out, &err), -MKT_EINTEGRITY);
		assert_true(err.text[0]);
	}
	mkt_buf_release(&out);
	drop_chain(&k);
}

/* A lying authority makes roots and signature fit; users' signatures and execution do not. */
static void a_lying_authority_is_found(void **state)
{
	struct mkt_buf bytes = MKT_BUF_INIT, out = MKT_BUF_INIT;
	bool signature = false, events = false;
	struct mkt_block b;
	struct mkt_err err;
	struct kept k;

	(void)state;
	make_chain(&k);
	for (unsigned i = 0; i < 100; i++) {
		const struct mkt_buf *good = &k.bytes[1 + i % BLOCKS];
		size_t at;

		mkt_buf_clear(&bytes);
		mkt_buf_add(&bytes, good->data, good->len);
		NODE_OK(mkt_block_dec(bytes.data, bytes.len, &b, &err), &err);
		at = (size_t)(b.txs - bytes.data) + rng_below(&k.n.r, b.txs_len + b.events_len);
		bytes.data[at] ^= 1;
		if (mkt_block_dec(bytes.data, bytes.len, &b, &err) < 0)
			continue; /* a length: found by its form */
		{
			struct mkt_hash *leaves = calloc(b.h.nevents + 1u, sizeof(*leaves));
			int bad = mkt_block_event_leaves(&b, leaves, &err);

			free(leaves);
			if (bad)
				continue;
		}
		forge(&k, &b, b.h, true, &out);
		assert_int_equal(verify(&k, 1 + i % BLOCKS, &out, &err), -MKT_EINTEGRITY);
		signature |= strstr(err.text, "its signature is wrong") != NULL;
		events |= strstr(err.text, "other events from event") != NULL;
	}
	assert_true(signature);
	assert_true(events);
	mkt_buf_release(&bytes);
	mkt_buf_release(&out);
	drop_chain(&k);
}

/* ---- votes ---- */

static void quorums_are_counted(void **state)
{
	struct mkt_genesis g = {.nauthorities = 5};
	struct mkt_authorities all;
	struct mkt_seckey sec[5];
	struct mkt_hash chain = {{7}};
	struct mkt_header h = {.height = 1, .authority = 2, .chain = chain};
	struct mkt_hash hash;
	struct mkt_buf out = MKT_BUF_INIT;
	struct mkt_block b;
	struct mkt_err err;

	(void)state;
	for (uint8_t i = 0; i < 5; i++)
		node_key(i, &g.authorities[i], &sec[i]);
	mkt_authorities_of(&g, &all);
	mkt_authorities_set_hash(&all, &h.authorities);
	mkt_merkle_root(NULL, 0, &h.tx_root);
	mkt_merkle_root(NULL, 0, &h.event_root);
	mkt_header_hash(&h, &hash);
	for (unsigned set = 1; set < 32; set++) {
		bool enough = __builtin_popcount(set) >= 3, own = set >> 2 & 1;

		mkt_buf_clear(&out);
		mkt_header_enc(&h, &out);
		mkt_enc_u8(&out, (uint8_t)__builtin_popcount(set));
		for (uint16_t i = 0; i < 5; i++) {
			struct mkt_sig sig;

			if (!(set >> i & 1))
				continue;
			mkt_header_sign(&hash, &sec[i], &sig);
			mkt_enc_u16(&out, i);
			mkt_enc_bytes(&out, sig.b, sizeof(sig.b));
		}
		NODE_OK(mkt_block_dec(out.data, out.len, &b, &err), &err);
		assert_int_equal(mkt_verify_static(&b, &all, &chain, &err),
				 enough && own ? 0 : -MKT_EINTEGRITY);
		out.data[MKT_HEADER_BYTES + 1 + 2 + 5] ^= 1;
		NODE_OK(mkt_block_dec(out.data, out.len, &b, &err), &err);
		assert_int_equal(mkt_verify_static(&b, &all, &chain, &err), -MKT_EINTEGRITY);
	}
	mkt_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_chain_passes), cmocka_unit_test(wrong_headers_are_named),
		cmocka_unit_test(any_bit_is_found),    cmocka_unit_test(a_lying_authority_is_found),
		cmocka_unit_test(quorums_are_counted),
	};

	return mkt_crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

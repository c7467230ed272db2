/*
 * Certificates: made from a chain, checked without it; no byte of one can be another,
 * and what was put together wrongly is found though each part is true.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/chain/cert.h"
#include "tests/chain.h"

#define BUY_BID 2 /* numbers of the bids and contracts below */

struct setup {
	struct node n;
	struct mkt_hash chain;
	struct mkt_buf one, two; /* certificates of contracts 1 and 2 */
};

static void seal(struct node *n)
{
	struct mkt_sealed b, *v = &b;
	struct mkt_err err;

	node_seal(n, &b);
	NODE_OK(mkt_chain_append(n->c, &v, 1, &err), &err);
	NODE_OK(mkt_chain_index(n->c, &v, 1, &err), &err);
	mkt_sealed_release(&b);
}

static void bid(struct node *n, uint32_t who, uint8_t side, uint32_t window, int32_t price)
{
	struct mkt_op op = {.kind = MKT_OP_BID, .account = who};
	struct mkt_bid_leg legs[2] = {{.window = window, .price_upwh = price, .tags = 1},
				      {.window = window + 1, .price_upwh = price}};

	op.u.bid.side = side;
	op.u.bid.nlegs = 2;
	op.u.bid.amount_wh = 1000;
	NODE_WANT(node_do(n, who, &op, legs, NULL));
}

static void report(struct node *n, uint64_t exec, uint32_t who, uint8_t side, uint32_t wh)
{
	struct mkt_op op = {.kind = MKT_OP_REPORT, .account = who};

	op.u.report.exec = exec;
	op.u.report.side = side;
	op.u.report.wh = wh;
	NODE_WANT(node_do(n, who, &op, NULL, NULL));
}

/* Two contracts of one window: the first reported by both, the second by the seller only. */
static void trade(struct node *n)
{
	uint32_t window = (uint32_t)(NODE_T0_S / 1800) + 4;
	uint64_t end_ms = (window + 1) * 1800000ull;

	node_begin(n, n->prev.time_ms + 1000);
	node_people(n);
	seal(n);
	node_begin(n, n->prev.time_ms + 1000);
	bid(n, 1, MKT_SELL, window, 20000);
	seal(n);
	node_begin(n, n->prev.time_ms + 1000);
	bid(n, 2, MKT_BUY, window, 25000);
	bid(n, 3, MKT_SELL, window, 21000);
	bid(n, 4, MKT_BUY, window, 22000);
	seal(n);
	node_begin(n, end_ms + 1000);
	report(n, 1, 1, MKT_SUPPLY, 900);
	report(n, 2, 3, MKT_SUPPLY, 800);
	seal(n);
	node_begin(n, end_ms + 2000);
	report(n, 1, 2, MKT_DRAW, 950);
	seal(n);
	node_begin(n, end_ms + 7200000);
	seal(n);
}

static int begin(void **state)
{
	struct setup *s = calloc(1, sizeof(*s));
	struct mkt_err err;

	node_start(&s->n, "cert", rng_start("cert"));
	s->chain = *mkt_chain_id(s->n.c);
	trade(&s->n);
	NODE_OK(mkt_cert_build(s->n.c, 1, &s->one, &err), &err);
	NODE_OK(mkt_cert_build(s->n.c, 2, &s->two, &err), &err);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct setup *s = *state;

	mkt_buf_release(&s->one);
	mkt_buf_release(&s->two);
	node_stop(&s->n);
	free(s);
	return 0;
}

static int verify(const struct mkt_buf *b, const struct mkt_cert_trust *t, struct mkt_cert_facts *f,
		  struct mkt_err *err)
{
	struct mkt_cert_check how = {.trust = t};
	struct mkt_cert *c = malloc(sizeof(*c));
	int r = mkt_cert_dec(b->data, b->len, c, err);

	if (!r)
		r = mkt_cert_verify(c, &how, f, err);
	free(c);
	return r;
}

static void test_whole(void **state)
{
	struct setup *s = *state;
	struct mkt_cert_trust t = {.chain = &s->chain};
	struct mkt_cert_facts f;
	struct mkt_err err = {0};

	NODE_OK(verify(&s->one, &t, &f, &err), &err);
	assert_int_equal(f.contract.exec, 1);
	assert_int_equal(f.contract.buy_bid, BUY_BID);
	assert_int_equal(f.contract.wh, 1000);
	assert_int_equal(f.contract.price_upwh, 20000);
	assert_int_equal(f.buy_limit_upwh, 25000);
	assert_int_equal(f.sell_limit_upwh, 20000);
	assert_int_equal(f.settled.supply_wh, 900);
	assert_int_equal(f.settled.draw_wh, 950);
	assert_int_equal(f.settled.delivered_wh, 900);
	assert_int_equal(f.settled.paid_uc, 900 * 20000);
	assert_int_equal(f.authorities, 1);
	assert_string_equal(f.tags, "green");
	NODE_OK(verify(&s->two, &t, &f, &err), &err);
	assert_int_equal(f.contract.exec, 2);
	assert_int_equal(f.settled.how, 1);
	assert_int_equal(f.settled.delivered_wh, 800);
}

static void test_trust(void **state)
{
	struct setup *s = *state;
	struct mkt_pubkey keys[3] = {s->n.g.authorities[0], s->n.g.operator_key,
				     s->n.g.operator_key};
	struct mkt_hash other = s->chain;
	struct mkt_cert_trust t = {.keys = keys, .nkeys = 1};
	struct mkt_cert_facts f;
	struct mkt_err err = {0};

	NODE_OK(verify(&s->one, &t, &f, &err), &err);
	t.nkeys = 3; /* one of three is not enough */
	assert_int_equal(verify(&s->one, &t, &f, &err), -MKT_EINTEGRITY);
	t = (struct mkt_cert_trust){.keys = &keys[1], .nkeys = 1};
	assert_int_equal(verify(&s->one, &t, &f, &err), -MKT_EINTEGRITY);
	other.b[31] ^= 1;
	t = (struct mkt_cert_trust){.chain = &other};
	assert_int_equal(verify(&s->one, &t, &f, &err), -MKT_EINTEGRITY);
	t = (struct mkt_cert_trust){.chain = NULL};
	assert_int_equal(verify(&s->one, &t, &f, &err), -MKT_EINVAL);
}

static void test_every_byte(void **state)
{
	struct setup *s = *state;
	struct mkt_cert_trust t = {.chain = &s->chain};
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_cert_facts f;
	struct mkt_err err = {0};

	mkt_buf_add(&b, s->one.data, s->one.len);
	for (size_t i = 0; i < b.len; i++) {
		uint8_t flip = (uint8_t)(1u << rng_below(&s->n.r, 8));

		b.data[i] ^= flip;
		if (verify(&b, &t, &f, &err) != -MKT_EINTEGRITY)
			fail_msg("byte %zu, bits %02x: not found", i, flip);
		b.data[i] ^= flip;
	}
	NODE_OK(verify(&b, &t, &f, &err), &err);
	for (size_t n = 0; n < b.len; n++) {
		struct mkt_buf cut = {.data = b.data, .len = n};

		assert_int_equal(verify(&cut, &t, &f, &err), -MKT_EINTEGRITY);
	}
	mkt_buf_addch(&b, 0);
	assert_int_equal(verify(&b, &t, &f, &err), -MKT_EINTEGRITY);
	mkt_buf_release(&b);
}

/* Parts of another certificate of the same chain are true, and still not of this contract. */
static void test_mixed(void **state)
{
	struct setup *s = *state;
	struct mkt_cert_trust t = {.chain = &s->chain};
	struct mkt_cert_check how = {.trust = &t};
	struct mkt_cert *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
	struct mkt_cert_facts f;
	struct mkt_err err = {0};
	unsigned tried = 0;

	NODE_OK(mkt_cert_dec(s->two.data, s->two.len, b, &err), &err);
	for (unsigned what = 1; what < MKT_CERT_END; what++) {
		NODE_OK(mkt_cert_dec(s->one.data, s->one.len, a, &err), &err);
		for (unsigned h = 0; h < a->nheads && b->items[what].there; h++) {
			if (!mkt_hash_eq(&a->heads[h].hash, &b->heads[b->items[what].head].hash))
				continue;
			a->items[what] = b->items[what];
			a->items[what].head = (uint8_t)h;
			assert_int_equal(mkt_cert_verify(a, &how, &f, &err), -MKT_EINTEGRITY);
			tried++;
		}
	}
	/* Without its report the settlement does not hold. */
	NODE_OK(mkt_cert_dec(s->one.data, s->one.len, a, &err), &err);
	a->items[MKT_CERT_DRAW].there = a->items[MKT_CERT_DRAW_DONE].there = false;
	assert_int_equal(mkt_cert_verify(a, &how, &f, &err), -MKT_EINTEGRITY);
	assert_true(tried >= 6);
	free(a);
	free(b);
}

static void test_refused(void **state)
{
	struct setup *s = *state;
	struct mkt_buf out = MKT_BUF_INIT;
	struct mkt_err err = {0};

	assert_int_equal(mkt_cert_build(s->n.c, 3, &out, &err), -MKT_EUNSETTLED);
	assert_int_equal(out.len, 0);
	assert_true(mkt_cert_is(s->one.data, s->one.len));
	assert_false(mkt_cert_is("mktcert\x02", 8));
	mkt_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	   cmocka_unit_test(test_trust),
		cmocka_unit_test(test_every_byte), cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

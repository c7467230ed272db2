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

/* ---- another set of authorities ------------------------------------------------------------ */

/* Seal by the first authority, and by the second where it is in the set. */
static void seal_by_all(struct node *n, const struct mkt_seckey *second)
{
	struct mkt_vote votes[2] = {{.authority = 0}, {.authority = 1}};
	unsigned signers = n->signers.n;
	struct mkt_sealed b, *v = &b;
	struct mkt_err err;

	node_seal(n, &b);
	mkt_header_sign(&b.hash, &n->authority_key, &votes[0].sig);
	mkt_header_sign(&b.hash, second, &votes[1].sig);
	NODE_WANT(mkt_sealed_certify(&b, votes, signers) == 0);
	NODE_OK(mkt_chain_append(n->c, &v, 1, &err), &err);
	NODE_OK(mkt_chain_index(n->c, &v, 1, &err), &err);
	mkt_sealed_release(&b);
}

/* The second authority comes or goes, signed by all that are there, in a block of its own. */
static void change(struct node *n, struct mkt_seckey *second)
{
	struct mkt_op op = {.kind = MKT_OP_AUTHORITY};
	struct mkt_authority_change *c = &op.u.authority.change;
	char sigs[2 * MKT_COSIGN_LEN + 1] = {0};
	struct mkt_buf b = MKT_BUF_INIT;

	c->what = n->signers.n == 1 ? MKT_AUTHORITY_ADD : MKT_AUTHORITY_REMOVE;
	c->generation = n->signers.generation;
	node_key(202, &c->who.key, second);
	snprintf(c->who.name, MKT_NAME_MAX, "second");
	op.u.authority.nsigs = (uint8_t)n->signers.n;
	mkt_authority_signed(c, mkt_chain_id(n->c), &b);
	for (unsigned i = 0; i < n->signers.n; i++) {
		struct mkt_sig sig;

		mkt_sign(&sig, i ? second : &n->authority_key, b.data, b.len);
		sigs[i * MKT_COSIGN_LEN] = (char)i;
		memcpy(sigs + i * MKT_COSIGN_LEN + 2, sig.b, MKT_SIG_LEN);
	}
	mkt_buf_release(&b);
	node_begin(n, n->prev.time_ms + 1000);
	NODE_WANT(node_do(n, 0, &op, NULL, sigs));
	seal_by_all(n, second);
	NODE_WANT(n->signers.generation == c->generation + 1);
}

/* One contract, with @changes[i] changes of the set before its i-th block. */
static void trade_over(struct node *n, const unsigned changes[4], struct mkt_seckey *second)
{
	uint32_t window = (uint32_t)(NODE_T0_S / 1800) + 4;
	uint64_t end_ms = (window + 1) * 1800000ull;

	node_begin(n, n->prev.time_ms + 1000);
	node_people(n);
	seal(n);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned k = 0; k < changes[i]; k++)
			change(n, second);
		node_begin(n, i < 2 ? n->prev.time_ms + 1000 : i == 2 ? end_ms : end_ms + 7200000);
		if (i == 0)
			bid(n, 1, MKT_SELL, window, 20000);
		if (i == 1)
			bid(n, 2, MKT_BUY, window, 25000);
		if (i == 2)
			report(n, 1, 1, MKT_SUPPLY, 900);
		seal_by_all(n, second);
	}
}

/* Every way in which a set of one or two can change, come back, and change again. */
static void test_authorities_change(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 81; way++) {
		unsigned changes[4] = {way % 3, way / 3 % 3, way / 9 % 3, way / 27};
		struct mkt_buf b = MKT_BUF_INIT;
		struct mkt_seckey second;
		struct mkt_cert_facts f;
		struct mkt_hash chain;
		struct mkt_cert_trust t = {.chain = &chain};
		struct mkt_err err = {0};
		unsigned sum = changes[0] + changes[1] + changes[2] + changes[3];
		struct node n;

		node_start(&n, "cert-authorities", rng_start("cert"));
		chain = *mkt_chain_id(n.c);
		trade_over(&n, changes, &second);
		NODE_OK(mkt_cert_build(n.c, 1, &b, &err), &err);
		if (verify(&b, &t, &f, &err) < 0)
			fail_msg("changes %u %u %u %u: %s", changes[0], changes[1], changes[2],
				 changes[3], err.text);
		assert_int_equal(f.authorities, 1 + sum % 2);
		t = (struct mkt_cert_trust){.keys = n.g.authorities, .nkeys = 1};
		NODE_OK(verify(&b, &t, &f, &err), &err);
		/* Who has been in the set and is not any more proves nothing. */
		node_key(202, &n.g.operator_key, &second);
		t.keys = &n.g.operator_key;
		if (!(sum % 2))
			assert_int_equal(verify(&b, &t, &f, &err), -MKT_EINTEGRITY);
		mkt_buf_release(&b);
		node_stop(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	   cmocka_unit_test(test_trust),
		cmocka_unit_test(test_every_byte), cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_refused),	   cmocka_unit_test(test_authorities_change),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

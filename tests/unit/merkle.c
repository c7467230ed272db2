#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/chain/merkle.h"
#include "tests/rng.h"

#define LEAVES 67

static void leaf(uint32_t i, struct mkt_hash *out)
{
	mkt_hash(out, MKT_DOM_LEAF, &i, sizeof(i));
}

static void make_leaves(struct mkt_hash *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		leaf(i, &v[i]);
}

/* RFC 6962 2.1, word for word: split at the largest power of two below n. */
static void rfc6962(const struct mkt_hash *v, uint32_t n, struct mkt_hash *out)
{
	struct mkt_hash pair[2];
	uint32_t k = 1;

	if (!n) {
		mkt_hash(out, MKT_DOM_NODE, "", 0);
		return;
	}
	if (n == 1) {
		*out = v[0];
		return;
	}
	while (2 * k < n)
		k *= 2;
	rfc6962(v, k, &pair[0]);
	rfc6962(v + k, n - k, &pair[1]);
	mkt_hash(out, MKT_DOM_NODE, pair, sizeof(pair));
}

static void root_is_that_of_rfc_6962(void **state)
{
	struct mkt_hash v[LEAVES], scratch[LEAVES], got, want;

	(void)state;
	make_leaves(v, LEAVES);
	for (uint32_t n = 0; n <= LEAVES; n++) {
		memcpy(scratch, v, sizeof(v));
		mkt_merkle_root(scratch, n, &got);
		rfc6962(v, n, &want);
		assert_memory_equal(got.b, want.b, MKT_HASH_LEN);
	}
}

static void every_leaf_is_proved(void **state)
{
	struct mkt_hash v[LEAVES], root;
	struct mkt_proof p;

	(void)state;
	make_leaves(v, LEAVES);
	for (uint32_t n = 1; n <= LEAVES; n++) {
		rfc6962(v, n, &root);
		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(mkt_merkle_prove(v, n, i, &p), 0);
			assert_true(mkt_merkle_ok(&p, &v[i], &root));
			assert_false(mkt_merkle_ok(&p, &v[(i + 1) % n], &root) && n > 1);
		}
		assert_int_equal(mkt_merkle_prove(v, n, n, &p), -MKT_EINVAL);
	}
	assert_int_equal(mkt_merkle_prove(v, 0, 0, &p), -MKT_EINVAL);
}

static void a_proof_holds_only_as_it_is(void **state)
{
	struct rng r = rng_start("merkle");
	struct mkt_hash v[LEAVES], root;

	(void)state;
	make_leaves(v, LEAVES);
	for (int round = 0; round < 20000; round++) {
		uint32_t n = 2 + (uint32_t)rng_below(&r, LEAVES - 1);
		uint32_t i = (uint32_t)rng_below(&r, n);
		struct mkt_proof p, q;

		rfc6962(v, n, &root);
		assert_int_equal(mkt_merkle_prove(v, n, i, &p), 0);
		q = p;
		switch (rng_below(&r, 5)) {
		case 0:
			q.path[rng_below(&r, q.depth)].b[rng_below(&r, 32)] ^=
				(uint8_t)(1u << rng_below(&r, 8));
			break;
		case 1:
			q.depth = (uint8_t)(q.depth + 1);
			break;
		case 2:
			q.depth = (uint8_t)(q.depth - 1);
			break;
		case 3: /* another place; a place of the same shape and sides is another leaf */
			q.ix = (q.ix + 1 + (uint32_t)rng_below(&r, n - 1)) % n;
			break;
		default:
			q.depth = (uint8_t)rng_u64(&r);
			q.n = (uint32_t)rng_wide(&r);
			q.ix = (uint32_t)rng_wide(&r);
			if (q.n == p.n && q.ix == p.ix && q.depth == p.depth)
				continue;
			/* A tree of another size may give this leaf the same path; only the root's header says n. */
			if (q.depth == p.depth)
				continue;
			break;
		}
		assert_false(mkt_merkle_ok(&q, &v[i], &root));
	}
}

static void inner_nodes_do_not_pass_for_leaves(void **state)
{
	struct mkt_hash v[4], pair[2], root, node;
	struct mkt_proof p = {.n = 2, .ix = 0, .depth = 1};

	(void)state;
	make_leaves(v, 4);
	rfc6962(v, 4, &root);
	rfc6962(v, 2, &pair[0]);
	rfc6962(v + 2, 2, &pair[1]);
	p.path[0] = pair[1];
	/* An envelope whose bytes are two hashes has another leaf hash than the node over them. */
	mkt_hash(&node, MKT_DOM_LEAF, v, 2 * sizeof(v[0]));
	assert_false(mkt_merkle_ok(&p, &node, &root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_is_that_of_rfc_6962),
		cmocka_unit_test(every_leaf_is_proved),
		cmocka_unit_test(a_proof_holds_only_as_it_is),
		cmocka_unit_test(inner_nodes_do_not_pass_for_leaves),
	};

	return mkt_crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

/* What was executed and never appended is forgotten; a block gets its certificate. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/chain/chain_impl.h"
#include "tests/chain.h"

static void digest_now(struct mkt_chain *c, struct mkt_buf *out)
{
	struct mkt_delta d = {.rows = NULL};

	NODE_WANT(mkt_state_dump(mkt_chain_state(c), &d) == 0);
	mkt_buf_clear(out);
	for (uint32_t i = 0; i < d.n; i++) {
		mkt_buf_addf(out, "%u %llu ", d.rows[i].type, (unsigned long long)d.rows[i].id);
		mkt_buf_addhex(out, d.bytes.data + d.rows[i].at, d.rows[i].len);
		mkt_buf_addch(out, '\n');
	}
	mkt_delta_release(&d);
}

static void same(const struct mkt_buf *a, const struct mkt_buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

/* Blocks on the disk, some of them not indexed; then work that is thrown away. */
static void one_story(struct node *n, unsigned indexed, unsigned appended, unsigned executed)
{
	struct mkt_sealed b[8], *v[8];
	struct mkt_buf want = MKT_BUF_INIT, got = MKT_BUF_INIT;
	struct mkt_verify_prev prev;
	struct mkt_err err;

	for (unsigned i = 0; i < appended; i++) {
		v[i] = &b[i];
		node_block(n, (unsigned)rng_below(&n->r, 30), v[i]);
		NODE_OK(mkt_chain_append(n->c, &v[i], 1, &err), &err);
		if (i < indexed)
			NODE_OK(mkt_chain_index(n->c, &v[i], 1, &err), &err);
	}
	digest_now(n->c, &want);
	prev = n->prev;
	for (unsigned i = 0; i < executed; i++) {
		struct mkt_sealed lost;

		node_block(n, 10 + (unsigned)rng_below(&n->r, 30), &lost);
		mkt_sealed_release(&lost);
	}
	NODE_OK(mkt_chain_rewind(n->c, &err), &err);
	n->prev = prev;
	digest_now(n->c, &got);
	same(&want, &got);
	assert_int_equal(mkt_chain_indexed(n->c) + appended - indexed, mkt_chain_height(n->c));
	for (unsigned i = indexed; i < appended; i++)
		NODE_OK(mkt_chain_index(n->c, &v[i], 1, &err), &err);
	for (unsigned i = 0; i < appended; i++)
		mkt_sealed_release(v[i]);
	mkt_buf_release(&want);
	mkt_buf_release(&got);
}

static void executed_work_is_forgotten(void **state)
{
	static const unsigned story[][3] = {
		{3, 3, 2}, {0, 4, 1}, {1, 6, 3}, {0, 0, 1}, {0, 0, 0}, {2, 2, 1}, {0, 8, 0},
	};
	struct node n;

	(void)state;
	node_start(&n, "rewind", rng_start("rewind"));
	for (size_t i = 0; i < MKT_ARRAY_SIZE(story); i++)
		one_story(&n, story[i][0], story[i][1], story[i][2]);
	node_stop(&n);
}

/* The same envelope after a rewind is new again: its request id went with the block. */
static void request_ids_are_forgotten_too(void **state)
{
	struct mkt_sealed b, again, *v = &b;
	struct mkt_err err;
	struct node n;

	(void)state;
	node_start(&n, "rewind-ids", rng_start("rewind-ids"));
	node_block(&n, 20, v);
	NODE_OK(mkt_chain_append(n.c, &v, 1, &err), &err);
	NODE_OK(mkt_chain_index(n.c, &v, 1, &err), &err);
	mkt_sealed_release(v);
	for (int i = 0; i < 3; i++) {
		struct mkt_verify_prev prev = n.prev;
		uint64_t request = n.request;
		struct rng r = n.r;
		struct mkt_hash first;

		node_block(&n, 20, v);
		first = b.hash;
		NODE_OK(mkt_chain_rewind(n.c, &err), &err);
		n.prev = prev;
		n.request = request;
		n.r = r;
		node_block(&n, 20, &again);
		assert_true(mkt_hash_eq(&first, &again.hash));
		NODE_OK(mkt_chain_rewind(n.c, &err), &err);
		n.prev = prev;
		mkt_sealed_release(v);
		mkt_sealed_release(&again);
	}
	node_stop(&n);
}

static void a_block_gets_its_certificate(void **state)
{
	struct mkt_vote votes[3] = {{.authority = 0}, {.authority = 2}, {.authority = 5}};
	struct mkt_sealed b;
	struct mkt_buf before = MKT_BUF_INIT;
	struct mkt_block x, y;
	struct mkt_err err;
	struct node n;

	(void)state;
	node_start(&n, "certify", rng_start("certify"));
	node_block(&n, 20, &b);
	mkt_buf_add(&before, b.bytes.data, b.bytes.len);
	NODE_OK(mkt_block_dec(before.data, before.len, &x, &err), &err);
	for (unsigned i = 0; i < 3; i++)
		memset(votes[i].sig.b, 'a' + (int)i, sizeof(votes[i].sig.b));
	assert_int_equal(mkt_sealed_certify(&b, votes, 0), -MKT_EINVAL);
	assert_int_equal(mkt_sealed_certify(&b, votes, MKT_AUTHORITIES_MAX + 1), -MKT_EINVAL);
	votes[1].authority = 0;
	assert_int_equal(mkt_sealed_certify(&b, votes, 3), -MKT_EINVAL);
	assert_int_equal(b.bytes.len, before.len);
	assert_memory_equal(b.bytes.data, before.data, before.len);
	votes[1].authority = 2;
	assert_int_equal(mkt_sealed_certify(&b, votes, 3), 0);
	NODE_OK(mkt_block_dec(b.bytes.data, b.bytes.len, &y, &err), &err);
	assert_int_equal(y.nvotes, 3);
	assert_memory_equal(y.votes, votes, sizeof(votes));
	assert_true(mkt_hash_eq(&x.hash, &y.hash));
	assert_int_equal(x.txs_len, y.txs_len);
	assert_memory_equal(x.txs, y.txs, x.txs_len);
	assert_memory_equal(x.events, y.events, x.events_len);
	assert_int_equal(mkt_sealed_certify(&b, x.votes, x.nvotes), 0);
	assert_int_equal(b.bytes.len, before.len);
	assert_memory_equal(b.bytes.data, before.data, before.len);
	mkt_buf_release(&before);
	mkt_sealed_release(&b);
	node_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(executed_work_is_forgotten),
		cmocka_unit_test(request_ids_are_forgotten_too),
		cmocka_unit_test(a_block_gets_its_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/quorum/value.h"

#define N 4

struct names {
	struct mkt_seckey key[N];
	struct mkt_authorities set;
	struct mkt_hash chain;
};

static struct names w;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(mkt_crypto_init(), 0);
	memset(&w, 0, sizeof(w));
	w.set.n = N;
	for (unsigned i = 0; i < N; i++) {
		uint8_t seed[MKT_SEED_LEN] = {(uint8_t)(i + 1)};

		mkt_keypair(&w.set.v[i].key, &w.key[i], seed);
		snprintf(w.set.v[i].name, sizeof(w.set.v[i].name), "a%u", i + 1);
	}
	memset(&w.chain, 3, sizeof(w.chain));
	return 0;
}

static struct mkt_header header(uint64_t height, uint64_t epoch, unsigned who)
{
	struct mkt_header h = {.height = height, .epoch = epoch, .authority = (uint16_t)who};

	h.chain = w.chain;
	mkt_authorities_set_hash(&w.set, &h.authorities);
	return h;
}

static void votes(struct mkt_vote *v, const struct mkt_hash *hash, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		v[i].authority = (uint16_t)i;
		mkt_header_sign(hash, &w.key[i], &v[i].sig);
	}
}

static void keys(void **state)
{
	static const char *const bad[] = {
		"",
		"idx",
		"heads",
		"live/",
		"live/a/b",
		"live/\xc3\xa9",
		"p/1/2",
		"p/00000000000000000001/00000000000000000002/",
		"p/0000000000000000000x/00000000000000000002",
		"p/99999999999999999999/00000000000000000002",
		"a/00000000000000000001/00000000000000000002",
		"a/00000000000000000001/00000000000000000002/",
		"a/00000000000000000001/00000000000000000002/a/b",
		"live/12345678901234567890123456789012",
	};
	static const struct mkt_q_key good[] = {
		{.kind = MKT_QK_ID},
		{.kind = MKT_QK_EP},
		{.kind = MKT_QK_HEAD},
		{.kind = MKT_QK_LIVE, .name = "a1"},
		{.kind = MKT_QK_PROPOSAL, .height = 1, .epoch = UINT64_MAX},
		{.kind = MKT_QK_VOTE, .height = UINT64_MAX, .epoch = 7, .name = "North-2_x.y"},
	};
	char text[MKT_KV_KEY_MAX + 1], next[MKT_KV_KEY_MAX + 1];
	struct mkt_q_key k;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		mkt_q_key_parse(bad[i], &k);
		assert_int_equal(k.kind, MKT_QK_OTHER);
	}
	for (size_t i = 0; i < MKT_ARRAY_SIZE(good); i++) {
		mkt_q_key_text(&good[i], text);
		mkt_q_key_parse(text, &k);
		assert_int_equal(k.kind, good[i].kind);
		assert_true(k.height == good[i].height && k.epoch == good[i].epoch);
		assert_string_equal(k.name, good[i].name);
	}
	mkt_q_key_epoch(MKT_QK_PROPOSAL, 9, 99, text);
	mkt_q_key_epoch(MKT_QK_PROPOSAL, 9, 100, next);
	assert_true(strcmp(text, next) < 0);
	mkt_q_key_height(MKT_QK_PROPOSAL, 10, next);
	assert_true(strcmp(text, next) < 0);
}

/* Any byte changed, any byte gone, one too many: refused. */
typedef int getter(const uint8_t *p, size_t n);

static void spoiled(const uint8_t *v, uint16_t n, getter *get)
{
	uint8_t c[MKT_KV_VALUE_MAX + 1];

	assert_int_equal(get(v, n), 0);
	for (uint16_t i = 0; i < n; i++) {
		memcpy(c, v, n);
		c[i] ^= 1;
		assert_true(get(c, n) < 0);
		assert_true(get(v, i) < 0);
	}
	memcpy(c, v, n);
	c[n] = 0;
	assert_int_equal(get(c, n + 1u), -MKT_EOVERLONG);
}

static int get_id(const uint8_t *p, size_t n)
{
	struct mkt_q_id v;

	return mkt_q_id_get(p, n, &w.chain, &w.set, &v);
}

static int get_ep(const uint8_t *p, size_t n)
{
	struct mkt_q_ep v;

	return mkt_q_ep_get(p, n, &w.chain, &w.set, &v);
}

static int get_head(const uint8_t *p, size_t n)
{
	struct mkt_q_head v;

	return mkt_q_head_get(p, n, &w.chain, &w.set, &v);
}

static int get_proposal(const uint8_t *p, size_t n)
{
	struct mkt_q_key k = {.kind = MKT_QK_PROPOSAL, .height = 5, .epoch = 2};
	struct mkt_q_proposal v;

	return mkt_q_proposal_get(p, n, &w.chain, &w.set, &k, &v);
}

static int get_vote(const uint8_t *p, size_t n)
{
	struct mkt_q_key k = {.kind = MKT_QK_VOTE, .height = 5, .epoch = 2, .name = "a3"};
	struct mkt_q_vote v;

	return mkt_q_vote_get(p, n, &w.set, &k, &v);
}

static int get_live(const uint8_t *p, size_t n)
{
	struct mkt_q_key k = {.kind = MKT_QK_LIVE, .name = "a2"};
	struct mkt_q_live v;

	return mkt_q_live_get(p, n, &w.chain, &w.set, &k, &v);
}

static void values(void **state)
{
	uint8_t b[MKT_KV_VALUE_MAX];
	struct mkt_q_id id = {.generation = 2, .cluster = 7, .base = 3, .nvotes = 3};
	struct mkt_q_ep ep = {.epoch = 4, .holder = "a2", .writer = "a1"};
	struct mkt_q_head head;
	struct mkt_q_proposal p = {.body_len = 77};
	struct mkt_q_vote vote;
	struct mkt_q_live live = {.url = "https://a2:1234", .durable = 9};

	(void)state;
	id.chain = w.chain;
	for (unsigned i = 0; i < 3; i++) {
		id.votes[i].authority = (uint16_t)i;
		mkt_q_id_sign(&id, &w.key[i], &id.votes[i].sig);
	}
	spoiled(b, mkt_q_id_put(&id, b), get_id);
	id.nvotes = 2; /* no quorum of four */
	assert_int_equal(get_id(b, mkt_q_id_put(&id, b)), -MKT_EDENIED);
	spoiled(b, mkt_q_ep_put(&ep, &w.chain, &w.key[0], b), get_ep);
	assert_int_equal(get_ep(b, mkt_q_ep_put(&ep, &w.chain, &w.key[1], b)), -MKT_EDENIED);
	memset(&head, 0, sizeof(head));
	head.header = header(5, 2, 1);
	mkt_header_hash(&head.header, &head.hash);
	head.nvotes = 3;
	votes(head.votes, &head.hash, 3);
	spoiled(b, mkt_q_head_put(&head, b), get_head);
	head.nvotes = 2;
	assert_int_equal(get_head(b, mkt_q_head_put(&head, b)), -MKT_EDENIED);
	p.header = header(5, 2, 1);
	mkt_header_hash(&p.header, &p.hash);
	mkt_header_sign(&p.hash, &w.key[1], &p.sig);
	spoiled(b, mkt_q_proposal_put(&p, &w.key[1], b), get_proposal);
	vote.hash = p.hash;
	mkt_header_sign(&p.hash, &w.key[2], &vote.sig);
	spoiled(b, mkt_q_vote_put(&vote, b), get_vote);
	spoiled(b, mkt_q_live_put(&live, &w.chain, "a2", &w.key[1], b), get_live);
	/* A value serves under its own key and for its own chain only. */
	assert_int_equal(get_live(b, mkt_q_live_put(&live, &w.chain, "a3", &w.key[1], b)),
			 -MKT_EDENIED);
	p.header.height = 6;
	assert_int_equal(get_proposal(b, mkt_q_proposal_put(&p, &w.key[1], b)), -MKT_EINVAL);
}

/* One vote twice is one vote. */
static void votes_count_once(void **state)
{
	struct mkt_header h = header(5, 2, 1);
	struct mkt_vote v[3];
	struct mkt_hash hash;

	(void)state;
	mkt_header_hash(&h, &hash);
	votes(v, &hash, 3);
	assert_int_equal(mkt_q_votes_good(&hash, v, 3, &w.set), 3);
	v[2] = v[1];
	assert_int_equal(mkt_q_votes_good(&hash, v, 3, &w.set), 2);
	v[2].authority = N;
	assert_int_equal(mkt_q_votes_good(&hash, v, 3, &w.set), 2);
}

static int evidence_of(const uint8_t *p, size_t n)
{
	struct mkt_evidence ev;
	struct mkt_err err;

	return mkt_evidence_check(p, n, &w.chain, &w.set, &ev, &err);
}

static void evidence(void **state)
{
	struct mkt_evidence ev;
	uint8_t b[MKT_EVIDENCE_BYTES_MAX];
	uint8_t c[MKT_EVIDENCE_BYTES_MAX];
	uint32_t n;

	(void)state;
	memset(&ev, 0, sizeof(ev));
	ev.kind = MKT_EVIDENCE_TWICE;
	ev.key = w.set.v[1].key;
	ev.a = ev.b = header(5, 2, 1);
	ev.b.ntxs = 1;
	mkt_header_hash(&ev.a, &ev.a_hash);
	mkt_header_hash(&ev.b, &ev.b_hash);
	mkt_header_sign(&ev.a_hash, &w.key[1], &ev.a_sig);
	mkt_header_sign(&ev.b_hash, &w.key[1], &ev.b_sig);
	n = mkt_evidence_put(&ev, b);
	assert_int_equal(evidence_of(b, n), 0);
	for (uint32_t i = 0; i < n; i++) {
		memcpy(c, b, n);
		c[i] ^= 1;
		assert_true(evidence_of(c, n) < 0);
		assert_true(evidence_of(b, i) < 0);
	}
	ev.b = ev.a; /* the same twice is no fault */
	ev.b_sig = ev.a_sig;
	assert_true(evidence_of(b, mkt_evidence_put(&ev, b)) < 0);
	ev.b.epoch = 1; /* of another epoch, with a quorum */
	mkt_header_hash(&ev.b, &ev.b_hash);
	mkt_header_sign(&ev.b_hash, &w.key[1], &ev.b_sig);
	assert_true(evidence_of(b, mkt_evidence_put(&ev, b)) < 0);
	ev.kind = MKT_EVIDENCE_AGAINST;
	ev.nvotes = 3;
	votes(ev.votes, &ev.b_hash, 3);
	assert_int_equal(evidence_of(b, mkt_evidence_put(&ev, b)), 0);
	ev.nvotes = 2;
	assert_true(evidence_of(b, mkt_evidence_put(&ev, b)) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(values),
		cmocka_unit_test(votes_count_once),
		cmocka_unit_test(evidence),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

/* The set of authorities: quorums, changes, each refusal with its sentence, blocks across changes. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/chain.h"
#include "tests/ledger.h"
#include "tests/rng.h"

#define KEYS 40

struct keys {
	struct mkt_pubkey pub[KEYS];
	struct mkt_seckey sec[KEYS];
};

static void make_keys(struct keys *k)
{
	for (uint8_t i = 0; i < KEYS; i++)
		node_key(i, &k->pub[i], &k->sec[i]);
}

static const struct mkt_seckey *secret_of(const struct keys *k, const struct mkt_pubkey *pub)
{
	for (unsigned i = 0; i < KEYS; i++)
		if (!memcmp(&k->pub[i], pub, sizeof(*pub)))
			return &k->sec[i];
	NODE_WANT(pub == NULL);
	return NULL;
}

/* Signatures of the members of @set whose bit is in @who. */
static unsigned cosign(const struct keys *k, const struct mkt_authorities *set, uint64_t who,
		       const struct mkt_authority_change *c, const struct mkt_hash *chain,
		       uint8_t *out)
{
	struct mkt_buf text = MKT_BUF_INIT;
	unsigned n = 0;

	mkt_authority_signed(c, chain, &text);
	for (unsigned i = 0; i < set->n; i++) {
		uint8_t *at = out + (size_t)n * MKT_COSIGN_LEN;
		struct mkt_sig sig;

		if (!(who >> i & 1))
			continue;
		mkt_sign(&sig, secret_of(k, &set->v[i].key), text.data, text.len);
		at[0] = (uint8_t)i;
		at[1] = 0;
		memcpy(at + 2, sig.b, MKT_SIG_LEN);
		n++;
	}
	mkt_buf_release(&text);
	return n;
}

static struct mkt_authority_change change(uint8_t what, uint32_t generation,
					  const struct mkt_pubkey *key, const char *name)
{
	struct mkt_authority_change c = {.what = what, .generation = generation};

	c.who.key = *key;
	snprintf(c.who.name, sizeof(c.who.name), "%s", name);
	return c;
}

/* ---- quorums ------------------------------------------------------------------------------ */

static void quorums_of_both_rules(void **state)
{
	static const uint8_t majority[] = {1, 2, 2, 3, 3, 4, 4, 5, 5, 6};
	static const uint8_t bft[] = {1, 2, 2, 3, 4, 4, 5, 6, 6, 7};
	struct mkt_authorities set = {.n = 0};

	(void)state;
	for (unsigned n = 1; n <= MKT_AUTHORITIES_MAX; n++) {
		unsigned f = (n - 1) / 3, q;

		set.n = (uint8_t)n;
		set.quorum = MKT_QUORUM_MAJORITY;
		q = mkt_authorities_quorum(&set);
		assert_true(2 * q > n && 2 * (q - 1) <= n);
		if (n <= sizeof(majority))
			assert_int_equal(q, majority[n - 1]);
		set.quorum = MKT_QUORUM_BFT;
		q = mkt_authorities_quorum(&set);
		/* Two quorums share more than lie; and those who do not lie are a quorum. */
		assert_true(2 * q >= n + f + 1 && q <= n - f);
		if (n <= sizeof(bft))
			assert_int_equal(q, bft[n - 1]);
	}
}

/* ---- refusals ----------------------------------------------------------------------------- */

struct three {
	struct keys k;
	struct mkt_authorities set;
	struct mkt_hash chain;
	uint8_t sigs[KEYS * MKT_COSIGN_LEN];
	unsigned n;
	struct mkt_err err;
};

static void three_start(struct three *t)
{
	struct mkt_genesis g = {.nauthorities = 3};

	assert_int_equal(mkt_crypto_init(), 0);
	*t = (struct three){.chain = {{9}}};
	make_keys(&t->k);
	memcpy(g.authorities, t->k.pub, 3 * sizeof(*g.authorities));
	mkt_authorities_of(&g, &t->set);
}

static int three_check(struct three *t, const struct mkt_authority_change *c)
{
	return mkt_authorities_check(&t->set, &t->chain, c, t->sigs, t->n, &t->err);
}

#define REFUSED(t, c, text_)                                                                       \
	do {                                                                                       \
		assert_int_equal(three_check(t, c), -MKT_EAUTHORITY);                              \
		assert_string_equal((t)->err.text, text_);                                         \
	} while (0)

static void refused_with(struct three *t, uint8_t what, unsigned key, const char *name,
			 const char *text)
{
	struct mkt_authority_change c = change(what, t->set.generation, &t->k.pub[key], name);

	t->n = cosign(&t->k, &t->set, 7, &c, &t->chain, t->sigs);
	REFUSED(t, &c, text);
}

static void each_refusal_has_its_sentence(void **state)
{
	struct three t;
	struct mkt_authority_change c;

	(void)state;
	three_start(&t);
	c = change(MKT_AUTHORITY_ADD, 0, &t.k.pub[3], "east");
	t.n = cosign(&t.k, &t.set, 5, &c, &t.chain, t.sigs);
	assert_int_equal(three_check(&t, &c), 0);
	t.n = 1;
	REFUSED(&t, &c, "1 of 3 authorities have signed, 2 must");
	t.n = 2;
	t.sigs[2] ^= 1;
	REFUSED(&t, &c, "the signature of 'a1' is wrong");
	t.sigs[2] ^= 1;
	t.sigs[MKT_COSIGN_LEN] = 0; /* a1 twice */
	REFUSED(&t, &c, "signature 2 is of no authority, or out of order");
	t.sigs[MKT_COSIGN_LEN] = 3;
	REFUSED(&t, &c, "signature 2 is of no authority, or out of order");
	t.chain.b[0] ^= 1; /* signed for another chain */
	REFUSED(&t, &c, "the signature of 'a1' is wrong");
	t.chain.b[0] ^= 1;
	c.generation = 1;
	REFUSED(&t, &c, "the change is of set 1, but set 0 is in force");
	refused_with(&t, MKT_AUTHORITY_ADD, 1, "east", "the key is that of authority 'a2'");
	refused_with(&t, MKT_AUTHORITY_ADD, 3, "a2", "there is an authority 'a2'");
	refused_with(&t, MKT_AUTHORITY_REMOVE, 3, "a2", "there is no authority 'a2' with this key");
	refused_with(&t, MKT_AUTHORITY_REMOVE, 1, "a1", "there is no authority 'a1' with this key");
	refused_with(&t, MKT_AUTHORITY_REMOVE, 1, "east",
		     "there is no authority 'east' with this key");
	t.set.n = 1;
	refused_with(&t, MKT_AUTHORITY_REMOVE, 0, "a1", "'a1' is the last authority");
	for (t.set.n = 3; t.set.n < MKT_AUTHORITIES_MAX; t.set.n++)
		t.set.v[t.set.n].key = t.k.pub[t.set.n];
	refused_with(&t, MKT_AUTHORITY_ADD, 39, "east", "a chain has at most 32 authorities");
}

/* What was signed once is good for one set only, whether it was done or another change was. */
static void old_signatures_are_good_for_nothing(void **state)
{
	struct three t;
	struct mkt_authority_change add, drop;

	(void)state;
	three_start(&t);
	add = change(MKT_AUTHORITY_ADD, 0, &t.k.pub[3], "east");
	t.n = cosign(&t.k, &t.set, 3, &add, &t.chain, t.sigs);
	assert_int_equal(three_check(&t, &add), 0);
	mkt_authorities_change(&t.set, &add, 5);
	assert_int_equal(t.set.generation, 1);
	assert_int_equal(t.set.since, 5);
	drop = change(MKT_AUTHORITY_REMOVE, 1, &t.k.pub[3], "east");
	mkt_authorities_change(&t.set, &drop, 6);
	/* The set is as at first, but the signatures are of set 0. */
	REFUSED(&t, &add, "the change is of set 0, but set 2 is in force");
	add.generation = 2;
	REFUSED(&t, &add, "the signature of 'a1' is wrong");
}

static void bytes_go_both_ways(void **state)
{
	struct three t;
	struct mkt_authorities back;
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_dec in;

	(void)state;
	three_start(&t);
	t.set.generation = 7;
	t.set.since = 1u << 20;
	t.set.quorum = MKT_QUORUM_BFT;
	mkt_authorities_enc(&t.set, &b);
	in = mkt_dec_init(b.data, b.len);
	assert_int_equal(mkt_authorities_dec(&in, &back), 0);
	assert_memory_equal(&back, &t.set, sizeof(back));
	for (size_t n = 0; n < b.len; n++) {
		in = mkt_dec_init(b.data, n);
		assert_int_equal(mkt_authorities_dec(&in, &back), -MKT_ETRUNCATED);
	}
	memcpy(b.data + 14 + MKT_PUBKEY_LEN + 3, b.data + 14, MKT_PUBKEY_LEN); /* a2 has a1's key */
	in = mkt_dec_init(b.data, b.len);
	assert_int_equal(mkt_authorities_dec(&in, &back), -MKT_ENONCANONICAL);
	mkt_buf_release(&b);
}

/* ---- the state ---------------------------------------------------------------------------- */

static struct lresult propose(struct ledger *l, const struct keys *k, uint64_t who,
			      const struct mkt_authority_change *c)
{
	struct mkt_op op = {.kind = MKT_OP_AUTHORITY};
	uint8_t sigs[KEYS * MKT_COSIGN_LEN];

	op.u.authority.change = *c;
	op.u.authority.nsigs =
		(uint8_t)cosign(k, mkt_state_authorities(l->s), who, c, &l->chain, sigs);
	return ledger_do(l, MKT_OPERATOR, &op, NULL, (const char *)sigs);
}

/* The state from its records alone is the same state, and gives the same digest. */
static void reload(struct ledger *l)
{
	struct mkt_delta d = {0};
	struct mkt_state *s;

	LEDGER_WANT(mkt_state_dump(l->s, &d) == 0);
	LEDGER_WANT(mkt_state_new(&l->g, &s, NULL) == 0);
	for (uint32_t i = 0; i < d.n; i++)
		LEDGER_WANT(mkt_state_load(s, d.rows[i].type, d.rows[i].id,
					   d.bytes.data + d.rows[i].at, d.rows[i].len,
					   &l->err) == 0);
	LEDGER_WANT(mkt_state_loaded(s, &l->digest, &l->err) == 0);
	assert_memory_equal(mkt_state_authorities(s), mkt_state_authorities(l->s),
			    sizeof(struct mkt_authorities));
	mkt_state_free(s);
	mkt_delta_release(&d);
}

/* Does the last block's change of records hold the set? */
static bool recorded(const struct ledger *l)
{
	for (uint32_t i = 0; i < l->delta.n; i++)
		if (l->delta.rows[i].type == MKT_REC_AUTHORITIES)
			return true;
	return false;
}

static bool alone_or_not_at_all(struct ledger *l, const struct keys *k)
{
	struct mkt_authority_change c = change(MKT_AUTHORITY_ADD, 0, &k->pub[9], "late");

	return ledger_deposit(l, 1, 5).code == 0 && propose(l, k, 7, &c).code == MKT_EAUTHORITY &&
	       ledger_deposit(l, 1, 5).code == 0;
}

static void start_ledger(struct ledger *l, const struct keys *k, uint8_t rule)
{
	ledger_init(l);
	l->g.nauthorities = 3;
	l->g.quorum = rule;
	memcpy(l->g.authorities, k->pub, 3 * sizeof(*k->pub));
	ledger_start(l);
}

static void alone_in_its_block(void **state)
{
	struct mkt_authority_change c;
	struct ledger l;
	struct keys k;

	(void)state;
	make_keys(&k);
	start_ledger(&l, &k, MKT_QUORUM_MAJORITY);
	ledger_begin(&l, T0_S + 1);
	assert_int_equal(ledger_enroll(&l, "oak", MKT_CLASS_HOUSEHOLD).code, 0);
	assert_true(alone_or_not_at_all(&l, &k));
	ledger_end(&l);
	assert_false(recorded(&l)); /* as long as it is genesis' set there is no record */
	reload(&l);
	ledger_begin(&l, T0_S + 2);
	c = change(MKT_AUTHORITY_ADD, 0, &k.pub[3], "Not A Name");
	assert_int_equal(propose(&l, &k, 7, &c).code, MKT_ENAME);
	ledger_end(&l);
	ledger_begin(&l, T0_S + 3);
	c = change(MKT_AUTHORITY_ADD, 0, &k.pub[3], "east");
	assert_int_equal(propose(&l, &k, 6, &c).code, 0);
	assert_int_equal(ledger_deposit(&l, 1, 5).code, MKT_EAUTHORITY);
	ledger_end(&l);
	assert_true(recorded(&l));
	assert_int_equal(mkt_state_authorities(l.s)->since, 3);
	reload(&l);
	ledger_begin(&l, T0_S + 4);
	assert_int_equal(ledger_deposit(&l, 1, 5).code, 0);
	ledger_end(&l);
	assert_false(recorded(&l));
	/* Nobody but the operator, whoever has signed. */
	ledger_begin(&l, T0_S + 5);
	{
		struct mkt_op op = {.kind = MKT_OP_AUTHORITY};
		uint8_t sigs[KEYS * MKT_COSIGN_LEN];

		op.u.authority.change = change(MKT_AUTHORITY_ADD, 1, &k.pub[4], "west");
		op.u.authority.nsigs = (uint8_t)cosign(&k, mkt_state_authorities(l.s), 15,
						       &op.u.authority.change, &l.chain, sigs);
		assert_int_equal(ledger_do(&l, 1, &op, NULL, (const char *)sigs).code, MKT_EDENIED);
	}
	ledger_end(&l);
	ledger_stop(&l);
}

/* Random changes against a list of numbers of keys: who may be added, removed, and when. */
static void random_changes(struct rng *r, struct ledger *l, const struct keys *k, unsigned rounds)
{
	uint8_t model[MKT_AUTHORITIES_MAX] = {0, 1, 2};
	unsigned n = 3, generation = 0;

	for (unsigned round = 0; round < rounds; round++) {
		const struct mkt_authorities *set = mkt_state_authorities(l->s);
		bool adding = rng_below(r, 100) < (n < 20 ? 55 : 45), in = false;
		uint8_t key = (uint8_t)rng_below(r, KEYS);
		uint64_t who = rng_u64(r) | rng_u64(r);
		unsigned at, old = rng_below(r, 8) ? 0 : 1, want, f = (n - 1) / 3;
		struct mkt_authority_change c;
		char name[16];
		bool ok;

		for (at = 0; at < n && !in; at += !in)
			in = model[at] == key;
		/* Those of genesis are called by place, the others after their key. */
		snprintf(name, sizeof(name), key < 3 ? "a%u" : "k%u", key < 3 ? key + 1u : key);
		c = change(adding ? MKT_AUTHORITY_ADD : MKT_AUTHORITY_REMOVE, generation - old,
			   &k->pub[key], name);
		want = l->g.quorum == MKT_QUORUM_BFT ? (n + f) / 2 + 1 : n / 2 + 1;
		who &= (1ull << n) - 1;
		ok = !old && (adding ? !in && n < MKT_AUTHORITIES_MAX : in && n > 1) &&
		     (unsigned)__builtin_popcountll(who) >= want;
		if (!who)
			continue; /* an envelope without a signature has no encoding */
		ledger_begin_ms(l, mkt_state_time_ms(l->s) + 1);
		assert_int_equal(propose(l, k, who, &c).code, ok ? 0 : MKT_EAUTHORITY);
		ledger_end(l);
		assert_int_equal(recorded(l), ok);
		if (ok && adding) {
			model[n++] = key;
		} else if (ok) {
			n--;
			memmove(&model[at], &model[at + 1], n - at);
		}
		generation += ok;
		assert_int_equal(set->n, n);
		assert_int_equal(set->generation, generation);
		for (unsigned i = 0; i < n; i++)
			assert_memory_equal(&set->v[i].key, &k->pub[model[i]], MKT_PUBKEY_LEN);
		if (!rng_below(r, 16))
			reload(l);
	}
	assert_true(generation > 3);
}

static void changes_agree_with_a_list(void **state)
{
	struct rng r = rng_start("authorities");
	struct ledger l;
	struct keys k;

	(void)state;
	make_keys(&k);
	for (uint8_t rule = MKT_QUORUM_MAJORITY; rule <= MKT_QUORUM_BFT; rule++) {
		start_ledger(&l, &k, rule);
		random_changes(&r, &l, &k, 150);
		ledger_stop(&l);
	}
}

/* ---- blocks ------------------------------------------------------------------------------- */

static struct mkt_block taken_apart(const struct mkt_sealed *s)
{
	struct mkt_block b;
	struct mkt_err err;

	NODE_OK(mkt_block_dec(s->bytes.data, s->bytes.len, &b, &err), &err);
	return b;
}

static void seal_change(struct node *n, const struct keys *k, uint8_t what, struct mkt_sealed *out)
{
	const struct mkt_authorities *set = mkt_state_authorities(mkt_chain_state(n->c));
	struct mkt_op op = {.kind = MKT_OP_AUTHORITY};
	struct keys all = *k;
	uint8_t sigs[KEYS * MKT_COSIGN_LEN];

	all.pub[0] = n->g.authorities[0];
	all.sec[0] = n->authority_key;
	op.u.authority.change = change(what, set->generation, &k->pub[5], "east");
	op.u.authority.nsigs = (uint8_t)cosign(&all, set, 3, &op.u.authority.change,
					       mkt_chain_id(n->c), sigs);
	node_begin(n, n->prev.time_ms + 1000);
	NODE_WANT(node_do(n, MKT_OPERATOR, &op, NULL, (const char *)sigs));
	node_seal(n, out);
}

static void certify_by_both(struct mkt_sealed *s, const struct node *n, const struct keys *k)
{
	struct mkt_vote votes[2] = {{.authority = 0}, {.authority = 1}};

	mkt_header_sign(&s->hash, &n->authority_key, &votes[0].sig);
	mkt_header_sign(&s->hash, &k->sec[5], &votes[1].sig);
	NODE_WANT(mkt_sealed_certify(s, votes, 2) == 0);
}

static void append(struct node *n, struct mkt_sealed *s)
{
	struct mkt_sealed *p = s;
	struct mkt_err err;

	NODE_OK(mkt_chain_append(n->c, &p, 1, &err), &err);
	NODE_OK(mkt_chain_index(n->c, &p, 1, &err), &err);
	mkt_sealed_release(s);
}

/* Each block is held against the set before it; the chain finds that set, and opens again. */
static void blocks_are_checked_by_the_set_before_them(void **state)
{
	struct mkt_authorities first, second, set;
	struct mkt_sealed s;
	struct mkt_block b;
	struct mkt_err err;
	struct node n;
	struct keys k;

	(void)state;
	make_keys(&k);
	node_start(&n, "authorities", (struct rng){1});
	first = second = n.signers;
	seal_change(&n, &k, MKT_AUTHORITY_ADD, &s);
	b = taken_apart(&s);
	assert_int_equal(mkt_verify_static(&b, &first, mkt_chain_id(n.c), &err), 0);
	assert_int_equal(mkt_verify_next_set(&b, mkt_chain_id(n.c), &second, &err), 0);
	assert_memory_equal(&second, mkt_state_authorities(mkt_chain_state(n.c)), sizeof(second));
	append(&n, &s);

	node_begin(&n, n.prev.time_ms + 1000);
	node_seal(&n, &s);
	b = taken_apart(&s);
	assert_int_equal(mkt_verify_static(&b, &first, mkt_chain_id(n.c), &err), -MKT_EINTEGRITY);
	assert_string_equal(err.text, "block 2: it names another set of authorities");
	assert_int_equal(mkt_verify_static(&b, &second, mkt_chain_id(n.c), &err), -MKT_EINTEGRITY);
	assert_string_equal(err.text, "block 2: too few authorities have signed it");
	certify_by_both(&s, &n, &k);
	b = taken_apart(&s);
	assert_int_equal(mkt_verify_static(&b, &second, mkt_chain_id(n.c), &err), 0);
	append(&n, &s);

	seal_change(&n, &k, MKT_AUTHORITY_REMOVE, &s);
	certify_by_both(&s, &n, &k);
	append(&n, &s);
	node_begin(&n, n.prev.time_ms + 1000);
	node_seal(&n, &s);
	append(&n, &s);
	mkt_chain_close(n.c);
	node_open(&n);
	assert_int_equal(n.signers.generation, 2);
	for (uint64_t h = 1; h <= 4; h++) {
		NODE_OK(mkt_chain_authorities(n.c, h, &set, &err), &err);
		assert_int_equal(set.n, h == 2 || h == 3 ? 2 : 1);
	}
	node_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quorums_of_both_rules),
		cmocka_unit_test(each_refusal_has_its_sentence),
		cmocka_unit_test(old_signatures_are_good_for_nothing),
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(alone_in_its_block),
		cmocka_unit_test(changes_agree_with_a_list),
		cmocka_unit_test(blocks_are_checked_by_the_set_before_them),
	};

	if (mkt_crypto_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

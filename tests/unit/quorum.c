#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/quorum/quorum.h"
#include "core/quorum/value.h"
#include "tests/slow/sim_kv.h"

#define N 5
#define UTC UINT64_C(1800000000000)

/* One authority, a2 of five unless told, and a store that answers as the test wants. */
struct one {
	struct mkt_quorum *q;
	struct mkt_q_out out;
	struct sim_kv kv;
	uint64_t now, utc;
	unsigned me;
	struct mkt_seckey key[N];
	struct mkt_authorities set;
	struct mkt_quorum_conf conf;
	struct mkt_header genesis;
	struct mkt_hash hash; /* of genesis */
	/* what came since the last look */
	unsigned n[16];		      /* actions by kind */
	struct mkt_q_action last[16]; /* the latest of each kind */
	struct {
		uint32_t id;
		struct mkt_kv_answer a;
	} queue[4];
	unsigned nqueue;
	struct mkt_kv_txn held; /* not answered: the latest that puts under @hold */
	uint32_t held_id;
	const char *hold;
};

static struct one world;

static bool puts_under(const struct mkt_kv_txn *t, const char *prefix)
{
	for (unsigned i = 0; i < t->nthen; i++)
		if (t->then[i].kind == MKT_KV_PUT &&
		    !strncmp(t->then[i].key, prefix, strlen(prefix)))
			return true;
	return false;
}

/* One event; what it asks of the store is done and waits in the queue to be answered. */
static void event(struct one *o, struct mkt_q_event *ev)
{
	ev->mono_ms = o->now;
	ev->utc_ms = o->utc;
	mkt_quorum_step(o->q, ev, &o->out);
	for (unsigned i = 0; i < o->out.n; i++) {
		const struct mkt_q_action *act = &o->out.v[i];

		o->n[act->kind]++;
		o->last[act->kind] = *act;
		if (act->kind != MKT_QA_TXN)
			continue;
		if (o->hold && puts_under(act->txn, o->hold)) {
			o->held = *act->txn;
			o->held_id = act->txn_id;
			continue;
		}
		assert_true(o->nqueue < MKT_ARRAY_SIZE(o->queue));
		o->queue[o->nqueue].id = act->txn_id;
		sim_kv_run(&o->kv, act->txn, (int)o->me, 0, &o->queue[o->nqueue++].a);
	}
}

static void events(struct one *o, struct mkt_q_event *ev)
{
	static struct mkt_kv_answer a;

	event(o, ev);
	while (o->nqueue) {
		uint32_t id = o->queue[0].id;

		a = o->queue[0].a;
		memmove(&o->queue[0], &o->queue[1], --o->nqueue * sizeof(o->queue[0]));
		event(o, &(struct mkt_q_event){.kind = MKT_QE_ANSWER, .txn_id = id, .answer = &a});
	}
}

static void answered(struct one *o, uint32_t id, const struct mkt_kv_answer *a)
{
	events(o, &(struct mkt_q_event){.kind = MKT_QE_ANSWER, .txn_id = id, .answer = a});
}

static void wait_ms(struct one *o, uint64_t ms)
{
	uint64_t end = o->now + ms;

	while (o->now < end) {
		o->now = o->out.timer_ms > o->now && o->out.timer_ms < end ? o->out.timer_ms : end;
		events(o, &(struct mkt_q_event){.kind = MKT_QE_TICK});
	}
}

static void forget(struct one *o)
{
	memset(o->n, 0, sizeof(o->n));
}

static void begin(struct one *o, unsigned me)
{
	memset(o, 0, sizeof(*o));
	assert_int_equal(mkt_crypto_init(), 0);
	sim_kv_reset(&o->kv, 77);
	o->now = 10000;
	o->utc = UTC;
	o->me = me;
	o->set = (struct mkt_authorities){.n = N};
	for (unsigned i = 0; i < N; i++) {
		uint8_t seed[MKT_SEED_LEN] = {(uint8_t)(i + 1)};

		mkt_keypair(&o->set.v[i].key, &o->key[i], seed);
		snprintf(o->set.v[i].name, sizeof(o->set.v[i].name), "a%u", i + 1);
	}
	memset(&o->conf.chain, 9, sizeof(o->conf.chain));
	o->genesis.chain = o->conf.chain;
	o->genesis.time_ms = UTC - 1000;
	mkt_header_hash(&o->genesis, &o->hash);
	o->conf.key = o->key[me];
	snprintf(o->conf.name, sizeof(o->conf.name), "a%u", me + 1);
	snprintf(o->conf.url, sizeof(o->conf.url), "https://me");
	o->conf.interval_ms = 1000;
	o->conf.hash = o->hash;
	o->conf.time_ms = o->genesis.time_ms;
	o->conf.set = o->set;
}

static void start(struct one *o, const struct mkt_quorum_vote *votes, unsigned n)
{
	struct mkt_err err;

	assert_int_equal(mkt_quorum_new(&o->conf, votes, n, &o->q, &err), 0);
	events(o, &(struct mkt_q_event){.kind = MKT_QE_TICK});
}

/* ---- what others write ----------------------------------------------------------------------- */

static struct mkt_kv_pair put(struct one *o, const struct mkt_q_key *key, const uint8_t *v,
			      uint16_t n)
{
	static struct mkt_kv_txn t;
	static struct mkt_kv_answer a;
	struct mkt_kv_pair p;

	t.ncmps = t.nels = 0;
	t.nthen = 1;
	t.then[0] = (struct mkt_kv_op){
		.kind = MKT_KV_PUT, .leased = key->kind == MKT_QK_LIVE, .len = n};
	mkt_q_key_text(key, t.then[0].key);
	memcpy(t.then[0].value, v, n);
	sim_kv_run(&o->kv, &t, 99, 0, &a);
	assert_true(sim_kv_get(&o->kv, t.then[0].key, &p));
	return p;
}

static void put_seen(struct one *o, const struct mkt_q_key *key, const uint8_t *v, uint16_t n)
{
	struct mkt_kv_pair p = put(o, key, v, n);

	events(o, &(struct mkt_q_event){.kind = MKT_QE_SEEN, .pair = &p});
}

static void put_id(struct one *o, uint64_t cluster)
{
	struct mkt_q_id id = {.generation = 1, .cluster = cluster, .nvotes = 1};
	uint8_t v[MKT_KV_VALUE_MAX];

	id.chain = o->conf.chain;
	id.hash = o->hash;
	mkt_q_id_sign(&id, &o->key[0], &id.votes[0].sig);
	put(o, &(struct mkt_q_key){.kind = MKT_QK_ID}, v, mkt_q_id_put(&id, v));
}

static void put_ep(struct one *o, uint64_t epoch, unsigned who)
{
	struct mkt_q_ep ep = {.epoch = epoch};
	uint8_t v[MKT_KV_VALUE_MAX];

	snprintf(ep.holder, sizeof(ep.holder), "a%u", who + 1);
	snprintf(ep.writer, sizeof(ep.writer), "a%u", who + 1);
	put(o, &(struct mkt_q_key){.kind = MKT_QK_EP}, v,
	    mkt_q_ep_put(&ep, &o->conf.chain, &o->key[who], v));
}

static void put_live(struct one *o, unsigned who)
{
	struct mkt_q_key key = {.kind = MKT_QK_LIVE};
	struct mkt_q_live live = {.durable = 0};
	uint8_t v[MKT_KV_VALUE_MAX];

	snprintf(key.name, sizeof(key.name), "a%u", who + 1);
	snprintf(live.url, sizeof(live.url), "https://a%u", who + 1);
	put(o, &key, v, mkt_q_live_put(&live, &o->conf.chain, key.name, &o->key[who], v));
}

static struct mkt_header block(const struct one *o, uint64_t epoch, unsigned who, uint8_t salt)
{
	struct mkt_header h = {.height = 1, .epoch = epoch, .time_ms = UTC};

	h.chain = o->conf.chain;
	h.prev = o->hash;
	h.authority = (uint16_t)who;
	h.state.b[0] = salt;
	mkt_authorities_set_hash(&o->set, &h.authorities);
	return h;
}

static void put_proposal(struct one *o, const struct mkt_header *h)
{
	struct mkt_q_proposal p = {.header = *h, .body_len = 10};
	struct mkt_q_key key = {.kind = MKT_QK_PROPOSAL, .height = h->height, .epoch = h->epoch};
	uint8_t v[MKT_KV_VALUE_MAX];

	mkt_header_hash(h, &p.hash);
	mkt_header_sign(&p.hash, &o->key[h->authority], &p.sig);
	put_seen(o, &key, v, mkt_q_proposal_put(&p, &o->key[h->authority], v));
}

static void put_vote(struct one *o, const struct mkt_header *h, unsigned who)
{
	struct mkt_q_key key = {.kind = MKT_QK_VOTE, .height = h->height, .epoch = h->epoch};
	struct mkt_q_vote vote;
	uint8_t v[MKT_KV_VALUE_MAX];

	snprintf(key.name, sizeof(key.name), "a%u", who + 1);
	mkt_header_hash(h, &vote.hash);
	mkt_header_sign(&vote.hash, &o->key[who], &vote.sig);
	put_seen(o, &key, v, mkt_q_vote_put(&vote, v));
}

static void put_head(struct one *o, const struct mkt_header *h, unsigned nvotes)
{
	struct mkt_q_head head;
	uint8_t v[MKT_KV_VALUE_MAX];

	memset(&head, 0, sizeof(head));
	head.header = *h;
	head.nvotes = (uint8_t)nvotes;
	mkt_header_hash(h, &head.hash);
	for (unsigned i = 0; i < nvotes; i++) {
		head.votes[i].authority = (uint16_t)i;
		mkt_header_sign(&head.hash, &o->key[i], &head.votes[i].sig);
	}
	put_seen(o, &(struct mkt_q_key){.kind = MKT_QK_HEAD}, v, mkt_q_head_put(&head, v));
}

static void checked(struct one *o, const struct mkt_header *h, uint8_t verdict)
{
	struct mkt_q_event ev = {
		.kind = MKT_QE_CHECKED, .height = h->height, .epoch = h->epoch, .verdict = verdict};

	mkt_header_hash(h, &ev.hash);
	events(o, &ev);
}

static void applied(struct one *o, const struct mkt_header *h)
{
	struct mkt_q_event ev = {.kind = MKT_QE_APPLIED, .header = h, .set = &o->set};

	mkt_header_hash(h, &ev.hash);
	events(o, &ev);
}

/* a1 leads in epoch 1 and lives. */
static void follow(struct one *o)
{
	begin(o, 1);
	put_id(o, 77);
	put_ep(o, 1, 0);
	for (unsigned i = 0; i < N; i++)
		put_live(o, i);
	start(o, NULL, 0);
	wait_ms(o, 100);
}

static struct mkt_quorum_view look(const struct one *o)
{
	struct mkt_quorum_view v;

	mkt_quorum_look(o->q, &v);
	return v;
}

static bool stands(const struct one *o, const struct mkt_header *h, const char *name)
{
	struct mkt_q_key key = {.kind = MKT_QK_VOTE, .height = h->height, .epoch = h->epoch};
	char text[MKT_KV_KEY_MAX + 1];
	struct mkt_kv_pair p;

	snprintf(key.name, sizeof(key.name), "%s", name);
	mkt_q_key_text(&key, text);
	return sim_kv_get(&o->kv, text, &p);
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void the_first_begins(void **state)
{
	struct one *o = &world;
	struct mkt_kv_pair p;

	(void)state;
	begin(o, 1);
	start(o, NULL, 0);
	wait_ms(o, 100);
	assert_true(sim_kv_get(&o->kv, "id", &p) && sim_kv_get(&o->kv, "ep", &p));
	assert_int_equal(o->n[MKT_QA_JOINED], 1);
	assert_int_equal(o->last[MKT_QA_JOINED].cluster, 77);
	assert_int_equal(o->n[MKT_QA_LEAD], 1);
	assert_int_equal(o->n[MKT_QA_BUILD], 1);
	assert_int_equal(o->last[MKT_QA_BUILD].height, 1);
	assert_true(look(o).leading);
	mkt_quorum_free(o->q);
}

static void a_leader_commits(void **state)
{
	struct one *o = &world;
	struct mkt_header h;

	(void)state;
	begin(o, 1);
	start(o, NULL, 0);
	wait_ms(o, 100);
	h = block(o, o->last[MKT_QA_BUILD].epoch, 1, 0);
	events(o, &(struct mkt_q_event){.kind = MKT_QE_BUILT, .header = &h, .body_len = 10});
	assert_true(stands(o, &h, "a2"));
	put_vote(o, &h, 3);
	assert_int_equal(o->n[MKT_QA_COMMIT], 0);
	put_vote(o, &h, 4);
	assert_int_equal(o->n[MKT_QA_COMMIT], 1);
	assert_int_equal(o->last[MKT_QA_COMMIT].nvotes, 3);
	applied(o, &h);
	assert_int_equal(o->n[MKT_QA_BUILD], 2);
	assert_int_equal(o->last[MKT_QA_BUILD].height, 2);
	assert_int_equal(look(o).head, 1);
	mkt_quorum_free(o->q);
}

static void an_unknown_outcome_is_asked_again(void **state)
{
	struct one *o = &world;
	static const struct mkt_kv_answer unknown = {.outcome = MKT_KV_UNKNOWN};
	static struct mkt_kv_txn first;
	static struct mkt_kv_answer a;
	struct mkt_header h;

	(void)state;
	begin(o, 1);
	start(o, NULL, 0);
	wait_ms(o, 100);
	h = block(o, o->last[MKT_QA_BUILD].epoch, 1, 0);
	o->hold = "p/";
	events(o, &(struct mkt_q_event){.kind = MKT_QE_BUILT, .header = &h, .body_len = 10});
	first = o->held;
	sim_kv_run(&o->kv, &first, 1, 0, &a); /* it was done, and the answer was lost */
	answered(o, o->held_id, &unknown);
	memset(&o->held, 0, sizeof(o->held));
	wait_ms(o, 300);
	assert_int_equal(o->held.nthen, first.nthen);
	assert_int_equal(o->held.then[0].len, first.then[0].len);
	assert_memory_equal(o->held.then[0].value, first.then[0].value, first.then[0].len);
	o->hold = NULL;
	sim_kv_run(&o->kv, &o->held, 1, 0, &a);
	assert_int_equal(a.outcome, MKT_KV_ELSE);
	answered(o, o->held_id, &a);
	assert_true(look(o).leading);
	put_vote(o, &h, 3);
	put_vote(o, &h, 4);
	assert_int_equal(o->n[MKT_QA_COMMIT], 1);
	mkt_quorum_free(o->q);
}

static void a_follower_attests(void **state)
{
	struct one *o = &world;
	struct mkt_header h;

	(void)state;
	follow(o);
	h = block(o, 1, 0, 0);
	put_proposal(o, &h);
	assert_int_equal(o->n[MKT_QA_CHECK], 1);
	assert_int_equal(o->last[MKT_QA_CHECK].body_len, 10);
	assert_int_equal(o->last[MKT_QA_CHECK].nurls, N - 1);
	assert_false(stands(o, &h, "a2"));
	checked(o, &h, MKT_Q_NO_BODY);
	assert_int_equal(o->n[MKT_QA_CHECK], 1);
	wait_ms(o, 300);
	assert_int_equal(o->n[MKT_QA_CHECK], 2);
	checked(o, &h, MKT_Q_GOOD);
	assert_true(stands(o, &h, "a2"));
	put_head(o, &h, 2);
	assert_int_equal(o->n[MKT_QA_COMMIT], 0); /* two of five are no quorum */
	assert_true(o->n[MKT_QA_ALARM] > 0);
	put_head(o, &h, 3);
	assert_int_equal(o->n[MKT_QA_COMMIT], 1);
	mkt_quorum_free(o->q);
}

static void a_wrong_block_gets_no_vote(void **state)
{
	struct one *o = &world;
	struct mkt_header h;

	(void)state;
	follow(o);
	h = block(o, 1, 0, 0);
	put_proposal(o, &h);
	checked(o, &h, MKT_Q_BAD);
	wait_ms(o, 1000);
	assert_int_equal(o->n[MKT_QA_CHECK], 1);
	assert_false(stands(o, &h, "a2"));
	wait_ms(o, 2500); /* three intervals: this node is the next */
	assert_int_equal(o->n[MKT_QA_LEAD], 1);
	assert_int_equal(look(o).epoch, 2);
	mkt_quorum_free(o->q);
}

static void not_before_its_time(void **state)
{
	struct one *o = &world;
	struct mkt_header h;

	(void)state;
	follow(o);
	h = block(o, 1, 0, 0);
	h.time_ms = o->utc + 2500;
	put_proposal(o, &h);
	assert_int_equal(o->n[MKT_QA_CHECK], 0);
	o->utc += 600;
	wait_ms(o, 300);
	assert_int_equal(o->n[MKT_QA_CHECK], 1);
	mkt_quorum_free(o->q);
}

/* Wrong parent, a time before the parent's, not who leads: each is refused. */
static void headers_that_do_not_fit(void **state)
{
	struct one *o = &world;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct mkt_header h;

		follow(o);
		h = block(o, 1, i == 2 ? 3 : 0, 0);
		if (i == 0)
			h.prev.b[0] ^= 1;
		if (i == 1)
			h.time_ms = o->genesis.time_ms - 1;
		put_proposal(o, &h);
		wait_ms(o, 500);
		assert_int_equal(o->n[MKT_QA_CHECK], 0);
		assert_true(o->n[MKT_QA_ALARM] > 0);
		mkt_quorum_free(o->q);
	}
}

static void a_vote_on_disk_binds(void **state)
{
	struct one *o = &world;
	struct mkt_quorum_vote v = {.height = 1, .epoch = 1};
	struct mkt_header signed_ = {.height = 0}, h;

	(void)state;
	begin(o, 1);
	signed_ = block(o, 1, 0, 1);
	h = block(o, 1, 0, 0);
	mkt_header_hash(&signed_, &v.hash);
	put_id(o, 77);
	put_ep(o, 1, 0);
	for (unsigned i = 0; i < N; i++)
		put_live(o, i);
	start(o, &v, 1);
	put_proposal(o, &h);
	wait_ms(o, 500);
	assert_int_equal(o->n[MKT_QA_CHECK], 0);
	mkt_quorum_free(o->q);
}

/* An earlier epoch's block has a quorum; the leader of this one proposes another. */
static void leading_against_a_quorum(void **state)
{
	struct one *o = &world;
	struct mkt_evidence ev;
	struct mkt_header x, y;
	struct mkt_err err;

	(void)state;
	follow(o);
	x = block(o, 1, 0, 1);
	put_proposal(o, &x);
	put_vote(o, &x, 2);
	put_vote(o, &x, 3);
	put_ep(o, 2, 4);
	y = block(o, 2, 4, 2);
	forget(o);
	put_proposal(o, &y);
	wait_ms(o, 1500);
	assert_int_equal(o->n[MKT_QA_CHECK], 0);
	assert_int_equal(o->n[MKT_QA_EVIDENCE], 1);
	assert_int_equal(mkt_evidence_check(o->last[MKT_QA_EVIDENCE].evidence,
					    o->last[MKT_QA_EVIDENCE].evidence_len, &o->conf.chain,
					    &o->set, &ev, &err),
			 0);
	assert_int_equal(ev.kind, MKT_EVIDENCE_AGAINST);
	assert_memory_equal(&ev.key, &o->set.v[4].key, sizeof(ev.key));
	mkt_quorum_free(o->q);
}

static void who_takes_over_commits_what_has_a_quorum(void **state)
{
	struct one *o = &world;
	struct mkt_header x;
	struct mkt_hash hash;

	(void)state;
	follow(o);
	x = block(o, 1, 0, 1);
	put_proposal(o, &x);
	put_vote(o, &x, 2);
	put_vote(o, &x, 3);
	sim_kv_expire(&o->kv, 99); /* the leader is gone */
	wait_ms(o, 3000);
	assert_true(look(o).epoch > 1);
	assert_int_equal(o->n[MKT_QA_COMMIT], 1);
	mkt_header_hash(&x, &hash);
	assert_memory_equal(&o->last[MKT_QA_COMMIT].hash, &hash, sizeof(hash));
	assert_int_equal(o->n[MKT_QA_LEAD], 0); /* not before it is on the chain */
	applied(o, &x);
	assert_int_equal(o->n[MKT_QA_LEAD], 1);
	assert_int_equal(o->last[MKT_QA_BUILD].height, 2);
	mkt_quorum_free(o->q);
}

static void two_blocks_of_one_leader(void **state)
{
	struct one *o = &world;
	struct mkt_q_event ev = {.kind = MKT_QE_HEARD};
	struct mkt_evidence proof;
	struct mkt_header x, y;
	struct mkt_hash hash;
	struct mkt_err err;

	(void)state;
	follow(o);
	x = block(o, 1, 0, 1);
	y = block(o, 1, 0, 2);
	put_proposal(o, &x);
	mkt_header_hash(&y, &hash);
	mkt_header_sign(&hash, &o->key[2], &ev.sig); /* by another: proves nothing */
	ev.header = &y;
	events(o, &ev);
	assert_int_equal(o->n[MKT_QA_EVIDENCE], 0);
	mkt_header_sign(&hash, &o->key[0], &ev.sig);
	events(o, &ev);
	assert_int_equal(o->n[MKT_QA_EVIDENCE], 1);
	assert_int_equal(mkt_evidence_check(o->last[MKT_QA_EVIDENCE].evidence,
					    o->last[MKT_QA_EVIDENCE].evidence_len, &o->conf.chain,
					    NULL, &proof, &err),
			 0);
	assert_int_equal(proof.kind, MKT_EVIDENCE_TWICE);
	events(o, &ev);
	assert_int_equal(o->n[MKT_QA_EVIDENCE], 1); /* told once */
	mkt_quorum_free(o->q);
}

static void steps_down(void **state)
{
	struct one *o = &world;
	struct mkt_kv_pair p;

	(void)state;
	begin(o, 1);
	start(o, NULL, 0);
	wait_ms(o, 100);
	put_ep(o, 9, 3);
	assert_true(sim_kv_get(&o->kv, "ep", &p));
	events(o, &(struct mkt_q_event){.kind = MKT_QE_SEEN, .pair = &p});
	assert_int_equal(o->n[MKT_QA_FOLLOW], 1);
	assert_string_equal(look(o).leader, "a4");
	mkt_quorum_free(o->q);
}

static void hands_over(void **state)
{
	struct one *o = &world;
	struct mkt_q_ep ep;
	struct mkt_kv_pair p;

	(void)state;
	begin(o, 1);
	put_live(o, 4);
	start(o, NULL, 0);
	wait_ms(o, 100);
	assert_true(look(o).leading);
	events(o, &(struct mkt_q_event){.kind = MKT_QE_STOP});
	assert_int_equal(o->n[MKT_QA_STOPPED], 1);
	assert_true(sim_kv_get(&o->kv, "ep", &p));
	assert_int_equal(mkt_q_ep_get(p.value, p.len, &o->conf.chain, &o->set, &ep), 0);
	assert_string_equal(ep.holder, "a5");
	assert_string_equal(ep.writer, "a2");
	assert_false(sim_kv_get(&o->kv, "live/a2", &p));
	mkt_quorum_free(o->q);
}

static void a_store_that_went_back(void **state)
{
	struct one *o = &world;

	(void)state;
	begin(o, 1);
	put_id(o, 77);
	put_ep(o, 1, 0);
	o->conf.height = 5; /* this node has more than the store */
	o->conf.generation = 1;
	start(o, NULL, 0);
	wait_ms(o, 2000);
	assert_int_equal(o->n[MKT_QA_HALT], 1);
	assert_true(look(o).halted);
	forget(o);
	wait_ms(o, 2000);
	assert_int_equal(o->n[MKT_QA_TXN], 0);
	mkt_quorum_free(o->q);
}

static void other_stores(void **state)
{
	struct one *o = &world;

	(void)state;
	for (int i = 0; i < 4; i++) {
		begin(o, 1);
		if (i != 2)
			put_id(o, i == 3 ? 78 : 77);
		if (i != 2)
			put_ep(o, 1, 0);
		o->conf.generation = i == 0 ? 2 : 1;
		o->conf.cluster = i == 1 ? 76 : 0;
		if (i == 1)
			o->kv.cluster = 79;
		start(o, NULL, 0);
		wait_ms(o, 2000);
		assert_int_equal(o->n[MKT_QA_HALT], 1);
		mkt_quorum_free(o->q);
	}
}

static void a_learner_follows_only(void **state)
{
	struct one *o = &world;
	struct mkt_authorities five;
	struct mkt_header h;

	(void)state;
	begin(o, 4);
	five = o->set;
	o->set.n = 4;
	o->conf.set = o->set;
	put_id(o, 77);
	put_ep(o, 1, 0);
	put_live(o, 0);
	start(o, NULL, 0);
	wait_ms(o, 100);
	h = block(o, 1, 0, 0);
	put_proposal(o, &h);
	wait_ms(o, 500);
	assert_int_equal(o->n[MKT_QA_CHECK], 0);
	put_head(o, &h, 3);
	assert_int_equal(o->n[MKT_QA_COMMIT], 1);
	assert_false(look(o).member);
	five.generation = 1;
	o->set = five; /* the block made it a member */
	applied(o, &h);
	assert_true(look(o).member);
	sim_kv_expire(&o->kv, 99);
	wait_ms(o, 5000); /* nobody else lives: it leads */
	assert_int_equal(o->n[MKT_QA_LEAD], 1);
	mkt_quorum_free(o->q);
}

static void far_behind(void **state)
{
	struct one *o = &world;
	struct mkt_header h;

	(void)state;
	follow(o);
	h = block(o, 1, 0, 0);
	h.height = 7;
	put_head(o, &h, 3);
	assert_int_equal(o->n[MKT_QA_COMMIT], 0);
	assert_int_equal(o->n[MKT_QA_CATCH_UP], 1);
	assert_int_equal(o->last[MKT_QA_CATCH_UP].height, 7);
	wait_ms(o, 20000); /* and does not try to lead meanwhile */
	assert_int_equal(o->n[MKT_QA_LEAD], 0);
	mkt_quorum_free(o->q);
}

static void configurations(void **state)
{
	struct one *o = &world;
	struct mkt_err err;

	(void)state;
	begin(o, 4);
	o->conf.set.n = 4;
	snprintf(o->conf.name, sizeof(o->conf.name), "a1"); /* another's */
	assert_int_equal(mkt_quorum_new(&o->conf, NULL, 0, &o->q, &err), -MKT_EINVAL);
	snprintf(o->conf.name, sizeof(o->conf.name), "x/y");
	assert_int_equal(mkt_quorum_new(&o->conf, NULL, 0, &o->q, &err), -MKT_EINVAL);
	o->conf.set.n = 0;
	assert_int_equal(mkt_quorum_new(&o->conf, NULL, 0, &o->q, &err), -MKT_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_begins),
		cmocka_unit_test(a_leader_commits),
		cmocka_unit_test(an_unknown_outcome_is_asked_again),
		cmocka_unit_test(a_follower_attests),
		cmocka_unit_test(a_wrong_block_gets_no_vote),
		cmocka_unit_test(not_before_its_time),
		cmocka_unit_test(headers_that_do_not_fit),
		cmocka_unit_test(a_vote_on_disk_binds),
		cmocka_unit_test(leading_against_a_quorum),
		cmocka_unit_test(who_takes_over_commits_what_has_a_quorum),
		cmocka_unit_test(two_blocks_of_one_leader),
		cmocka_unit_test(steps_down),
		cmocka_unit_test(hands_over),
		cmocka_unit_test(a_store_that_went_back),
		cmocka_unit_test(other_stores),
		cmocka_unit_test(a_learner_follows_only),
		cmocka_unit_test(far_behind),
		cmocka_unit_test(configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

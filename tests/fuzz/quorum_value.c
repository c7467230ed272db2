/*
 * Any bytes as values of the shared store, and any events to an authority: what is decoded is
 * canonical, evidence is checked without fault, and the protocol never signs two blocks at one
 * height and epoch, votes for a block that was not checked, or acts after it halted.
 *
 * Input: u8 kind (0..6: that value; above: events, each u8 what and its arguments).
 */
#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "core/quorum/quorum.h"
#include "core/quorum/value.h"
#include "tests/fuzz/fuzz.h"

#define N 3

static struct mkt_seckey key[N];
static struct mkt_authorities set;
static struct mkt_hash chain;
static struct mkt_header genesis;
static struct mkt_hash genesis_hash;

static void names(void)
{
	if (set.n)
		return;
	FUZZ_CHECK(mkt_crypto_init() == 0);
	memset(&chain, 5, sizeof(chain));
	for (unsigned i = 0; i < N; i++) {
		uint8_t seed[MKT_SEED_LEN] = {(uint8_t)(i + 1)};

		mkt_keypair(&set.v[i].key, &key[i], seed);
		snprintf(set.v[i].name, sizeof(set.v[i].name), "a%u", i + 1);
	}
	set.n = N;
	genesis.chain = chain;
	mkt_header_hash(&genesis, &genesis_hash);
}

/* ---- values -------------------------------------------------------------------------------- */

static void value(unsigned kind, const uint8_t *p, size_t n)
{
	struct mkt_q_key k = {.height = 1, .epoch = 2, .name = "a1"};
	uint8_t out[MKT_KV_VALUE_MAX];
	struct mkt_evidence ev;
	struct mkt_err err;
	union {
		struct mkt_q_id id;
		struct mkt_q_ep ep;
		struct mkt_q_head head;
		struct mkt_q_proposal p;
		struct mkt_q_vote vote;
		struct mkt_q_live live;
	} v;

	k.kind = (uint8_t)kind;
	if (kind == MKT_QK_ID && mkt_q_id_get(p, n, &chain, NULL, &v.id) == 0)
		FUZZ_CHECK(mkt_q_id_put(&v.id, out) == n && !memcmp(out, p, n));
	if (kind == MKT_QK_EP && mkt_q_ep_get(p, n, &chain, NULL, &v.ep) == 0)
		FUZZ_CHECK(mkt_q_ep_put(&v.ep, &chain, &key[0], out) == n &&
			   !memcmp(out, p, n - MKT_SIG_LEN));
	if (kind == MKT_QK_HEAD && mkt_q_head_get(p, n, &chain, NULL, &v.head) == 0)
		FUZZ_CHECK(mkt_q_head_put(&v.head, out) == n && !memcmp(out, p, n));
	if (kind == MKT_QK_PROPOSAL && mkt_q_proposal_get(p, n, &chain, &set, &k, &v.p) == 0)
		FUZZ_CHECK(v.p.header.height == 1 && v.p.header.epoch == 2);
	if (kind == MKT_QK_VOTE && mkt_q_vote_get(p, n, &set, &k, &v.vote) == 0)
		FUZZ_CHECK(mkt_q_vote_put(&v.vote, out) == n && !memcmp(out, p, n));
	if (kind == MKT_QK_LIVE && mkt_q_live_get(p, n, &chain, &set, &k, &v.live) == 0)
		FUZZ_CHECK(mkt_q_live_put(&v.live, &chain, "a1", &key[0], out) == n);
	if (kind == MKT_QK_OTHER && mkt_evidence_check(p, n, &chain, &set, &ev, &err) < 0)
		FUZZ_CHECK(err.code == MKT_EINTEGRITY && err.text[0]);
}

/* ---- events -------------------------------------------------------------------------------- */

struct run {
	struct mkt_quorum *q;
	struct mkt_q_out out;
	struct mkt_dec in;
	uint64_t now, mod;
	uint32_t txn[2], flying; /* ids not answered */
	uint64_t height, asked_h, asked_e;
	struct mkt_hash hash, asked, good;
	struct mkt_header build;
	bool halted, checking;
};

static void look(struct run *r)
{
	FUZZ_CHECK(r->out.n <= MKT_Q_ACTIONS_MAX && (!r->halted || !r->out.n));
	for (unsigned i = 0; i < r->out.n; i++) {
		const struct mkt_q_action *a = &r->out.v[i];

		if (a->kind == MKT_QA_TXN) {
			const struct mkt_kv_txn *t = a->txn;

			FUZZ_CHECK(t->ncmps <= MKT_KV_CMPS_MAX && t->nthen <= MKT_KV_OPS_MAX &&
				   t->nels <= MKT_KV_OPS_MAX);
			FUZZ_CHECK(r->flying < 2);
			r->txn[r->flying++] = a->txn_id;
			/* A vote alone is T2: only for what was checked. */
			if (t->nthen == 1 && t->then[0].key[0] == 'a')
				FUZZ_CHECK(!memcmp(t->then[0].value + 1, r->good.b, MKT_HASH_LEN));
		}
		if (a->kind == MKT_QA_CHECK) {
			FUZZ_CHECK(a->height == r->height + 1);
			FUZZ_CHECK(!(r->asked_h == a->height && r->asked_e == a->epoch) ||
				   mkt_hash_eq(&r->asked, &a->hash));
			r->asked_h = a->height;
			r->asked_e = a->epoch;
			r->asked = a->hash;
			r->checking = true;
		}
		if (a->kind == MKT_QA_BUILD)
			r->build = (struct mkt_header){.height = a->height, .epoch = a->epoch};
		r->halted = r->halted || a->kind == MKT_QA_HALT;
	}
}

static void event(struct run *r, struct mkt_q_event ev)
{
	ev.mono_ms = r->now;
	ev.utc_ms = 1000 + r->now;
	mkt_quorum_step(r->q, &ev, &r->out);
	look(r);
}

static struct mkt_header header_of(struct run *r)
{
	uint8_t b = mkt_dec_u8(&r->in);
	struct mkt_header h = {.height = r->height + 1 + (b >> 6),
			       .epoch = b & 7,
			       .authority = b >> 3 & 3,
			       .time_ms = r->now};

	h.chain = chain;
	h.prev = r->hash;
	h.state.b[0] = mkt_dec_u8(&r->in);
	mkt_authorities_set_hash(&set, &h.authorities);
	return h;
}

static uint16_t id_value(struct run *r, uint8_t *v)
{
	struct mkt_q_id id = {.generation = 1, .cluster = 7, .nvotes = 1, .chain = chain};

	(void)r;
	id.hash = genesis_hash;
	mkt_q_id_sign(&id, &key[0], &id.votes[0].sig);
	return mkt_q_id_put(&id, v);
}

static uint16_t ep_value(struct run *r, uint8_t *v)
{
	uint8_t b = mkt_dec_u8(&r->in);
	struct mkt_q_ep ep = {.epoch = b >> 4};

	snprintf(ep.holder, sizeof(ep.holder), "a%u", (b & 3u) + 1);
	snprintf(ep.writer, sizeof(ep.writer), "a%u", (b >> 2 & 1u) + 1);
	return mkt_q_ep_put(&ep, &chain, &key[b >> 2 & 1], v);
}

static uint16_t head_value(struct run *r, uint8_t *v)
{
	struct mkt_q_head head = {.nvotes = 2};

	head.header = header_of(r);
	mkt_header_hash(&head.header, &head.hash);
	for (uint16_t i = 0; i < 2; i++) {
		head.votes[i].authority = i;
		mkt_header_sign(&head.hash, &key[i], &head.votes[i].sig);
	}
	return mkt_q_head_put(&head, v);
}

static uint16_t round_value(struct run *r, struct mkt_q_key *k, uint8_t *v)
{
	struct mkt_q_proposal p = {.body_len = 9};
	struct mkt_q_vote vote;
	unsigned who;

	p.header = header_of(r);
	who = p.header.authority % N;
	k->height = p.header.height;
	k->epoch = p.header.epoch;
	snprintf(k->name, sizeof(k->name), "a%u", who + 1);
	mkt_header_hash(&p.header, &p.hash);
	mkt_header_sign(&p.hash, &key[who], &p.sig);
	if (k->kind == MKT_QK_PROPOSAL)
		return mkt_q_proposal_put(&p, &key[who], v);
	vote.hash = p.hash;
	vote.sig = p.sig;
	return mkt_q_vote_put(&vote, v);
}

/* A pair that somebody may have put; now and then with a byte changed. */
static void pair(struct run *r, char *text, uint8_t *v, struct mkt_kv_pair *out)
{
	uint8_t b = mkt_dec_u8(&r->in);
	struct mkt_q_key k = {.kind = (uint8_t)(1 + (b & 7) % MKT_QK_LIVE)};
	struct mkt_q_live live = {.url = "https://x", .durable = r->height};

	*out = (struct mkt_kv_pair){.key = text, .value = v, .mod = ++r->mod};
	out->deleted = b == 0xff;
	if (k.kind == MKT_QK_ID)
		out->len = id_value(r, v);
	else if (k.kind == MKT_QK_EP)
		out->len = ep_value(r, v);
	else if (k.kind == MKT_QK_HEAD)
		out->len = head_value(r, v);
	else if (k.kind != MKT_QK_LIVE)
		out->len = round_value(r, &k, v);
	else {
		snprintf(k.name, sizeof(k.name), "a%u", (b >> 3 & 3u) % N + 1);
		out->len = mkt_q_live_put(&live, &chain, k.name, &key[(b >> 3 & 3) % N], v);
	}
	if ((b & 0xc0) == 0xc0)
		v[mkt_dec_u8(&r->in) % out->len] ^= 1;
	mkt_q_key_text(&k, text);
}

static void answer(struct run *r)
{
	static struct mkt_kv_answer a;
	static char text[6][MKT_KV_KEY_MAX + 1];
	static uint8_t v[6][MKT_KV_VALUE_MAX];
	uint8_t b = mkt_dec_u8(&r->in);
	uint32_t id;

	if (!r->flying)
		return;
	id = r->txn[b & 1 && r->flying > 1];
	r->txn[0] = id == r->txn[0] ? r->txn[1] : r->txn[0];
	r->flying--;
	a.outcome = b >> 1 & 3;
	a.cluster = b == 0xfe ? 8 : 7;
	a.npairs = (b >> 3) % 6;
	for (unsigned i = 0; i < a.npairs; i++)
		pair(r, text[i], v[i], &a.pairs[i]);
	a.revision = ++r->mod;
	event(r, (struct mkt_q_event){.kind = MKT_QE_ANSWER, .txn_id = id, .answer = &a});
}

static void check_done(struct run *r, uint8_t verdict)
{
	if (!r->checking)
		return;
	r->checking = false;
	if (verdict == MKT_Q_GOOD)
		r->good = r->asked;
	event(r, (struct mkt_q_event){.kind = MKT_QE_CHECKED,
				      .height = r->asked_h,
				      .epoch = r->asked_e,
				      .hash = r->asked,
				      .verdict = verdict});
}

static void grow(struct run *r)
{
	struct mkt_header h = header_of(r);
	struct mkt_q_event ev = {.kind = MKT_QE_APPLIED, .header = &h, .set = &set};

	h.height = r->height + 1;
	mkt_header_hash(&h, &ev.hash);
	r->height++;
	r->hash = ev.hash;
	event(r, ev);
}

static void build(struct run *r)
{
	struct mkt_header h = r->build;

	h.chain = chain;
	h.prev = r->hash;
	h.time_ms = r->now + 1000;
	mkt_authorities_set_hash(&set, &h.authorities);
	event(r, (struct mkt_q_event){.kind = MKT_QE_BUILT, .header = &h, .body_len = 5});
}

static void one(struct run *r)
{
	uint8_t what = mkt_dec_u8(&r->in);
	char text[MKT_KV_KEY_MAX + 1];
	uint8_t v[MKT_KV_VALUE_MAX];
	struct mkt_kv_pair p;

	r->now += what;
	switch (what % 10) {
	case MKT_QE_TICK:
		event(r, (struct mkt_q_event){.kind = MKT_QE_TICK});
		break;
	case MKT_QE_SEEN:
		pair(r, text, v, &p);
		event(r, (struct mkt_q_event){.kind = MKT_QE_SEEN, .pair = &p});
		break;
	case MKT_QE_WORK:
	case MKT_QE_LOST:
		event(r, (struct mkt_q_event){.kind = what % 10, .yes = what & 64});
		break;
	case MKT_QE_BUILT:
		build(r);
		break;
	case MKT_QE_CHECKED:
		check_done(r, what >> 4 & 3);
		break;
	case MKT_QE_APPLIED:
		grow(r);
		break;
	case MKT_QE_STOP:
		if (what == 249)
			event(r, (struct mkt_q_event){.kind = MKT_QE_STOP});
		break;
	default:
		answer(r);
		break;
	}
}

static void run(const uint8_t *p, size_t n)
{
	struct mkt_quorum_conf c = {.chain = chain, .name = "a1", .interval_ms = 100, .set = set};
	struct run r = {.now = 1000};

	c.key = key[0];
	c.hash = r.hash = genesis_hash;
	r.in = mkt_dec_init(p, n);
	FUZZ_CHECK(mkt_quorum_new(&c, NULL, 0, &r.q, NULL) == 0);
	while (r.in.at < r.in.end)
		one(&r);
	mkt_quorum_free(r.q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	names();
	if (!size)
		return 0;
	if (data[0] <= MKT_QK_LIVE)
		value(data[0], data + 1, size - 1 < MKT_KV_VALUE_MAX ? size - 1 : MKT_KV_VALUE_MAX);
	else
		run(data + 1, size - 1);
	return 0;
}

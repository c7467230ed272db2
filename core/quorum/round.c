#include "core/base/compat.h"

#include "core/quorum/quorum_impl.h"

void mkt_q_rounds_clear(struct mkt_quorum *q)
{
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		q->rounds[i].used = false;
}

struct round *mkt_q_round(struct mkt_quorum *q, uint64_t epoch)
{
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		if (q->rounds[i].used && q->rounds[i].epoch == epoch)
			return &q->rounds[i];
	return NULL;
}

/* The leader's vote stands in the proposal. */
static const struct mkt_sig *vote_of(const struct round *r, unsigned who)
{
	const struct cell *c = &r->votes[who];

	if (r->p.header.authority == who)
		return &r->p.sig;
	return c->have && mkt_hash_eq(&c->v.hash, &r->p.hash) ? &c->v.sig : NULL;
}

unsigned mkt_q_round_votes(const struct mkt_quorum *q, const struct round *r)
{
	unsigned n = 0;

	for (unsigned i = 0; r->have && i < q->set.n; i++)
		n += vote_of(r, i) != NULL;
	return n;
}

unsigned mkt_q_round_list(const struct mkt_quorum *q, const struct round *r, struct mkt_vote *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < q->set.n; i++) {
		const struct mkt_sig *sig = vote_of(r, i);

		if (sig)
			out[n++] = (struct mkt_vote){.authority = (uint16_t)i, .sig = *sig};
	}
	return n;
}

bool mkt_q_round_final(const struct mkt_quorum *q, const struct round *r)
{
	return mkt_q_round_votes(q, r) >= mkt_authorities_quorum(&q->set);
}

struct round *mkt_q_round_before(struct mkt_quorum *q, uint64_t epoch)
{
	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		struct round *r = &q->rounds[i];

		if (r->used && r->epoch < epoch && mkt_q_round_final(q, r))
			return r;
	}
	return NULL;
}

/* All votes of epochs before the present one, at the present height, have been read. */
bool mkt_q_clear(const struct mkt_quorum *q)
{
	return q->ep_good && q->clear_mod == q->ep_mod && q->head + 1 >= q->clear_height;
}

/* ---- evidence --------------------------------------------------------------------------- */

static void publish(struct mkt_quorum *q, const struct mkt_evidence *ev)
{
	struct mkt_q_action *a = mkt_q_act(q, MKT_QA_EVIDENCE);
	int who = mkt_authorities_find(&q->set, &ev->key);

	q->accused = true;
	a->evidence_len = mkt_evidence_put(ev, q->evidence);
	a->evidence = q->evidence;
	a->height = ev->a.height;
	a->epoch = ev->a.epoch;
	mkt_q_alarm(q, "authority %s %s at height %llu, epoch %llu: evidence is kept",
		    who < 0 ? "?" : q->set.v[who].name,
		    ev->kind == MKT_EVIDENCE_TWICE ? "signed two blocks"
						   : "leads against a block that has a quorum",
		    (unsigned long long)ev->a.height, (unsigned long long)ev->a.epoch);
}

static void twice(struct mkt_quorum *q, struct round *r, const struct mkt_header *h,
		  const struct mkt_hash *hash, const struct mkt_sig *sig)
{
	struct mkt_evidence ev;

	if (r->told || q->accused)
		return;
	r->told = true;
	memset(&ev, 0, sizeof(ev));
	ev.kind = MKT_EVIDENCE_TWICE;
	ev.key = q->set.v[h->authority].key;
	ev.a = r->p.header;
	ev.a_hash = r->p.hash;
	ev.a_sig = r->p.sig;
	ev.b = *h;
	ev.b_hash = *hash;
	ev.b_sig = *sig;
	publish(q, &ev);
}

void mkt_q_refuse(struct mkt_quorum *q, struct round *r, const struct round *final)
{
	struct mkt_evidence ev;

	if (r->refused || q->accused)
		return;
	r->refused = true;
	memset(&ev, 0, sizeof(ev));
	ev.kind = MKT_EVIDENCE_AGAINST;
	ev.key = q->set.v[r->p.header.authority].key;
	ev.a = r->p.header;
	ev.a_sig = r->p.sig;
	ev.b = final->p.header;
	ev.nvotes = (uint8_t)mkt_q_round_list(q, final, ev.votes);
	publish(q, &ev);
}

/* A second header of the same authority at the same (height, epoch). */
void mkt_q_heard(struct mkt_quorum *q, const struct mkt_header *h, const struct mkt_sig *sig)
{
	struct round *r;
	struct mkt_hash hash;

	if (q->applied != q->head || h->height != q->head + 1 || h->authority >= q->set.n ||
	    !mkt_hash_eq(&h->chain, &q->conf.chain))
		return;
	r = mkt_q_round(q, h->epoch);
	if (!r || !r->have || r->told || r->p.header.authority != h->authority)
		return;
	mkt_header_hash(h, &hash);
	if (!mkt_hash_eq(&hash, &r->p.hash) &&
	    mkt_header_sig_ok(&hash, &q->set.v[h->authority].key, sig))
		twice(q, r, h, &hash, sig);
}

/* ---- what the store says ----------------------------------------------------------------- */

static bool at_hand(struct mkt_quorum *q, const struct mkt_q_key *key)
{
	if (q->head_known && q->applied == q->head && key->height == q->head + 1)
		return true;
	if (key->height > q->applied)
		q->missed = true;
	return false;
}

/* Room for an epoch: the lowest one without a quorum goes, if it is lower. */
static struct round *make_room(struct mkt_quorum *q, uint64_t epoch)
{
	struct round *low = NULL;

	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		struct round *r = &q->rounds[i];

		if (!r->used)
			return r;
		if (!mkt_q_round_final(q, r) && (!low || r->epoch < low->epoch))
			low = r;
	}
	return low && low->epoch < epoch ? low : NULL;
}

void mkt_q_learn_proposal(struct mkt_quorum *q, const struct mkt_kv_pair *pair,
			  const struct mkt_q_key *key)
{
	struct mkt_q_proposal p;
	struct round *r;
	int e;

	if (!at_hand(q, key) || pair->deleted)
		return;
	r = mkt_q_round(q, key->epoch);
	if (r && r->mod >= pair->mod)
		return;
	e = mkt_q_proposal_get(pair->value, pair->len, &q->conf.chain, &q->set, key, &p);
	if (e < 0) {
		mkt_q_alarm(q, "'%s' in the store is not good (%s)", pair->key, mkt_code_word(-e));
		return;
	}
	if (r && r->have) {
		r->mod = pair->mod;
		if (!mkt_hash_eq(&r->p.hash, &p.hash) &&
		    r->p.header.authority == p.header.authority)
			twice(q, r, &p.header, &p.hash, &p.sig);
		return; /* the first one counts: what was voted for may be it */
	}
	r = make_room(q, key->epoch);
	if (!r)
		return;
	memset(r, 0, sizeof(*r));
	r->used = r->have = true;
	r->epoch = key->epoch;
	r->mod = pair->mod;
	r->p = p;
	if (r->epoch == q->epoch)
		q->round_ms = q->now_ms;
}

void mkt_q_learn_vote(struct mkt_quorum *q, const struct mkt_kv_pair *pair,
		      const struct mkt_q_key *key)
{
	struct round *r;
	struct cell *c;
	struct mkt_q_vote v;
	int who, e;

	if (!at_hand(q, key) || pair->deleted)
		return;
	who = mkt_authorities_named(&q->set, key->name);
	r = mkt_q_round(q, key->epoch);
	if (who < 0)
		return;
	if (!r) {
		q->missed = q->missed || key->epoch >= q->epoch;
		return;
	}
	c = &r->votes[who];
	if (c->mod >= pair->mod)
		return;
	c->mod = pair->mod;
	e = mkt_q_vote_get(pair->value, pair->len, &q->set, key, &v);
	if (e < 0) {
		mkt_q_alarm(q, "'%s' in the store is not good (%s)", pair->key, mkt_code_word(-e));
		return;
	}
	if (c->have && !mkt_hash_eq(&c->v.hash, &v.hash)) {
		mkt_q_alarm(q, "'%s' in the store was changed", pair->key);
		return;
	}
	c->have = true;
	c->v = v;
}

static bool is_kind(const struct mkt_kv_pair *p, uint8_t kind, struct mkt_q_key *key)
{
	if (p->key[0] != (kind == MKT_QK_PROPOSAL ? 'p' : 'a'))
		return false;
	mkt_q_key_parse(p->key, key);
	return key->kind == kind;
}

static unsigned count_proposals(const struct mkt_kv_answer *a)
{
	struct mkt_q_key key;
	unsigned n = 0;

	for (uint32_t i = 0; i < a->npairs; i++)
		n += is_kind(&a->pairs[i], MKT_QK_PROPOSAL, &key);
	return n;
}

static void learn_votes(struct mkt_quorum *q, const struct mkt_kv_answer *a, uint64_t epoch)
{
	struct mkt_q_key key;

	for (uint32_t i = 0; i < a->npairs; i++)
		if (is_kind(&a->pairs[i], MKT_QK_VOTE, &key) && key.epoch == epoch)
			mkt_q_learn_vote(q, &a->pairs[i], &key);
}

/*
 * All proposals and votes of an answer.  When there are more rounds than fit, each is looked at
 * with its votes before the next, so that one with a quorum is never pushed out.
 */
void mkt_q_learn_rounds(struct mkt_quorum *q, const struct mkt_kv_answer *a)
{
	bool many = count_proposals(a) > ROUNDS_MAX / 2;
	struct mkt_q_key key;

	for (uint32_t i = 0; i < a->npairs; i++) {
		if (!is_kind(&a->pairs[i], MKT_QK_PROPOSAL, &key))
			continue;
		mkt_q_learn_proposal(q, &a->pairs[i], &key);
		if (many)
			learn_votes(q, a, key.epoch);
	}
	for (uint32_t i = 0; !many && i < a->npairs; i++)
		if (is_kind(&a->pairs[i], MKT_QK_VOTE, &key))
			mkt_q_learn_vote(q, &a->pairs[i], &key);
}

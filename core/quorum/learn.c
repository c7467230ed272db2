#include "core/base/compat.h"

#include "core/quorum/quorum_impl.h"

static const struct mkt_kv_pair *find(const struct mkt_kv_answer *a, const char *key)
{
	for (uint32_t i = 0; i < a->npairs; i++)
		if (!strcmp(a->pairs[i].key, key))
			return &a->pairs[i];
	return NULL;
}

static unsigned long long llu(uint64_t v)
{
	return v;
}

/* ---- id: which engine -------------------------------------------------------------------- */

static bool id_same(struct mkt_quorum *q, const struct mkt_q_id *id)
{
	if (q->generation && id->generation < q->generation)
		mkt_q_halt(q, "the store is of generation %llu, this chain's is %llu",
			   llu(id->generation), llu(q->generation));
	else if (q->cluster && id->cluster && id->cluster != q->cluster)
		mkt_q_halt(q, "the store was made as cluster %llx and answers as %llx",
			   llu(id->cluster), llu(q->cluster));
	else if (q->joined && id->generation != q->generation)
		mkt_q_halt(q, "the store's generation changed to %llu", llu(id->generation));
	else
		return true;
	return false;
}

/* An engine that was rebuilt begins where a quorum says; nothing above may be on this disk. */
static bool may_join(struct mkt_quorum *q, const struct mkt_kv_pair *pair,
		     const struct mkt_q_id *id)
{
	struct mkt_q_id checked;
	bool rebuilt = q->generation && id->generation > q->generation;
	bool known = id->base == q->applied || rebuilt;

	if (known && mkt_q_id_get(pair->value, pair->len, &q->conf.chain, &q->set, &checked) < 0) {
		mkt_q_halt(q, "the store's 'id' is not signed by whom it must be");
		return false;
	}
	if (rebuilt && id->base < q->applied) {
		mkt_q_halt(q, "the store was rebuilt from height %llu, this node is at %llu",
			   llu(id->base), llu(q->applied));
		return false;
	}
	return true;
}

static void learn_id(struct mkt_quorum *q, const struct mkt_kv_pair *pair)
{
	struct mkt_q_id id;
	struct mkt_q_action *a;
	int r = mkt_q_id_get(pair->value, pair->len, &q->conf.chain, NULL, &id);

	if (r == -MKT_EFOREIGN) {
		mkt_q_halt(q, "the store is another chain's");
		return;
	}
	if (r < 0) {
		mkt_q_alarm(q, "'id' in the store is not good (%s)", mkt_code_word(-r));
		return;
	}
	if (!id_same(q, &id) || q->joined || !may_join(q, pair, &id))
		return;
	q->joined = true;
	q->generation = id.generation;
	q->cluster = id.cluster ? id.cluster : q->cluster;
	if (!q->head_known) {
		q->head = id.base;
		q->head_hash = id.hash;
		q->head_known = q->head_good = true;
		q->want_read = true;
	}
	a = mkt_q_act(q, MKT_QA_JOINED);
	a->generation = q->generation;
	a->cluster = q->cluster;
}

/* ---- ep: who leads ----------------------------------------------------------------------- */

static void ep_changed(struct mkt_quorum *q, uint64_t mod)
{
	q->ep_known = true;
	q->ep_mod = mod;
	q->ep_ms = q->now_ms;
	q->proposed = false;
	q->checking = q->checked = false;
	if (q->fails < 16)
		q->fails++;
	mkt_q_lead_no_more(q);
}

void mkt_q_ep_is(struct mkt_quorum *q, const struct mkt_q_ep *v, uint64_t mod)
{
	q->ep_seen = mod;
	ep_changed(q, mod);
	q->ep_good = true;
	q->epoch = v->epoch;
	snprintf(q->holder, sizeof(q->holder), "%s", v->holder);
}

/* A value that is wrong holds nobody back: whoever takes over goes on from the last good epoch. */
static void learn_ep(struct mkt_quorum *q, const struct mkt_kv_pair *pair)
{
	struct mkt_q_ep v;
	int r;

	if (pair->mod <= q->ep_seen)
		return;
	q->ep_seen = pair->mod;
	r = pair->deleted ? -MKT_ENOTFOUND
			  : mkt_q_ep_get(pair->value, pair->len, &q->conf.chain, &q->set, &v);
	if (r == 0 && v.epoch > q->epoch && v.epoch >= q->signed_epoch) {
		mkt_q_ep_is(q, &v, pair->mod);
		return;
	}
	/* The next epoch is above it all the same: it may be of an authority of a later set. */
	if (!pair->deleted && mkt_q_ep_get(pair->value, pair->len, &q->conf.chain, NULL, &v) == 0 &&
	    v.epoch > q->epoch_floor)
		q->epoch_floor = v.epoch;
	ep_changed(q, pair->deleted ? 0 : pair->mod);
	q->ep_good = false;
	q->holder[0] = '\0';
	if (q->applied == q->head) /* else the set that signed may be a later one */
		mkt_q_alarm(q, "'ep' in the store is not good (%s)",
			    r < 0 ? mkt_code_word(-r) : "epoch went back");
}

/* ---- head -------------------------------------------------------------------------------- */

static void commit(struct mkt_quorum *q)
{
	struct mkt_q_action *a = mkt_q_act(q, MKT_QA_COMMIT);

	q->told_commit = q->head;
	a->height = q->head;
	a->epoch = q->last.header.epoch;
	a->hash = q->head_hash;
	a->header = &q->last.header;
	a->nvotes = q->last.nvotes;
	a->votes = q->last.votes;
	mkt_q_urls(q, a, q->last.votes, q->last.nvotes, q->last.header.authority);
}

static bool votes_good(const struct mkt_quorum *q, const struct mkt_q_head *v)
{
	return mkt_q_votes_good(&v->hash, v->votes, v->nvotes, &q->set) >=
	       mkt_authorities_quorum(&q->set);
}

/* The head is the next block of this chain: its votes can be checked now. */
static bool next_is_good(struct mkt_quorum *q)
{
	if (!q->head_good && !votes_good(q, &q->last)) {
		mkt_q_alarm(q, "'head' in the store has no quorum of votes");
		q->head = q->applied;
		q->head_hash = q->applied_hash;
		return false;
	}
	q->head_good = true;
	if (mkt_hash_eq(&q->last.header.prev, &q->applied_hash))
		return true;
	mkt_q_halt(q, "the final block %llu does not follow this node's block %llu", llu(q->head),
		   llu(q->applied));
	return false;
}

/* Tell the owner what is final and not on its chain. */
void mkt_q_catch_up(struct mkt_quorum *q)
{
	struct mkt_q_action *a;

	if (!q->head_known || q->halted || q->applied > q->head)
		return;
	if (q->applied == q->head) {
		if (!mkt_hash_eq(&q->applied_hash, &q->head_hash))
			mkt_q_halt(q, "the final block %llu is another than this node's",
				   llu(q->head));
		return;
	}
	if (q->told_commit >= q->head || q->catch_to >= q->head)
		return;
	if (q->head == q->applied + 1 && q->last.header.height == q->head) {
		if (next_is_good(q))
			commit(q);
		return;
	}
	q->catch_to = q->head;
	a = mkt_q_act(q, MKT_QA_CATCH_UP);
	a->height = q->head;
	a->hash = q->head_hash;
	mkt_q_urls(q, a, q->last.votes, q->last.nvotes, q->last.header.authority);
}

void mkt_q_head_moved(struct mkt_quorum *q, const struct mkt_q_head *v, uint64_t mod, bool good)
{
	q->head_mod = q->head_seen = mod;
	q->head_known = true;
	q->head_good = good;
	q->head = v->header.height;
	q->head_hash = v->hash;
	q->last = *v;
	q->progress_ms = q->now_ms;
	q->fails = 0;
	q->proposed = false;
	q->checking = q->checked = false;
	mkt_q_rounds_clear(q);
	mkt_q_catch_up(q);
}

/* What can be checked of a head that is not the next block: votes, if the set is still the same. */
static bool believable(struct mkt_quorum *q, const struct mkt_q_head *v, bool *good)
{
	bool next = v->header.height == q->applied + 1;
	bool same = mkt_hash_eq(&v->header.authorities, &q->set_hash);

	*good = false;
	if (v->header.height <= q->applied)
		return true; /* compared with what is on the chain */
	if (!next && !same)
		return true; /* a hint: blocks are checked as they come */
	*good = votes_good(q, v);
	return *good;
}

static void learn_head(struct mkt_quorum *q, const struct mkt_kv_pair *pair)
{
	struct mkt_q_head v;
	bool good;
	int r;

	if (pair->mod <= q->head_seen)
		return;
	q->head_seen = pair->mod;
	q->head_mod = pair->deleted ? 0 : pair->mod;
	r = pair->deleted ? -MKT_ENOTFOUND
			  : mkt_q_head_get(pair->value, pair->len, &q->conf.chain, NULL, &v);
	if (r < 0) {
		mkt_q_alarm(q, "'head' in the store is not good (%s)", mkt_code_word(-r));
		return;
	}
	if (q->head_known && q->last.header.height == q->head &&
	    mkt_hash_eq(&v.hash, &q->head_hash))
		return; /* as known, from the answer to this node's own transaction */
	if (q->head_known && v.header.height < q->head) {
		mkt_q_alarm(q, "'head' in the store went back to %llu", llu(v.header.height));
		return;
	}
	if (!believable(q, &v, &good)) {
		mkt_q_alarm(q, "'head' in the store has no quorum of votes");
		return;
	}
	mkt_q_head_moved(q, &v, pair->mod, good);
}

/* ---- live -------------------------------------------------------------------------------- */

static void gone(struct mkt_quorum *q, struct live *l)
{
	if (l->alive || !l->gone_ms)
		l->gone_ms = q->now_ms;
	l->alive = false;
}

static void learn_live(struct mkt_quorum *q, const struct mkt_kv_pair *pair,
		       const struct mkt_q_key *key)
{
	int who = mkt_authorities_named(&q->set, key->name);
	struct mkt_q_live v;
	struct live *l;

	if (!strcmp(key->name, q->name))
		q->live_me = !pair->deleted;
	if (who < 0)
		return;
	l = &q->live[who];
	if (pair->mod < l->mod || (pair->mod == l->mod && l->alive))
		return;
	l->mod = pair->mod;
	if (pair->deleted) {
		gone(q, l);
		return;
	}
	if (mkt_q_live_get(pair->value, pair->len, &q->conf.chain, &q->set, key, &v) < 0) {
		mkt_q_alarm(q, "'%s' in the store is not good", pair->key);
		return;
	}
	l->alive = true;
	l->durable = v.durable;
	snprintf(l->url, sizeof(l->url), "%s", v.url);
}

/* Who is not in a reading of all has gone. */
static void learn_gone(struct mkt_quorum *q, const struct mkt_kv_answer *a)
{
	char key[MKT_KV_KEY_MAX + 1];

	for (unsigned i = 0; i < q->set.n; i++) {
		mkt_q_key_text(&(struct mkt_q_key){.kind = MKT_QK_LIVE}, key);
		snprintf(key + strlen(key), sizeof(key) - strlen(key), "%s", q->set.v[i].name);
		if (!find(a, key)) {
			gone(q, &q->live[i]);
			q->live_me = q->live_me && q->me != (int)i;
		}
	}
	q->live_known = true;
}

/* ---- a pair, an answer ------------------------------------------------------------------- */

static void learn(struct mkt_quorum *q, const struct mkt_kv_pair *pair, bool rounds)
{
	struct mkt_q_key key;

	mkt_q_key_parse(pair->key, &key);
	if (key.kind == MKT_QK_ID && !pair->deleted)
		learn_id(q, pair);
	else if (key.kind == MKT_QK_EP)
		learn_ep(q, pair);
	else if (key.kind == MKT_QK_HEAD)
		learn_head(q, pair);
	else if (key.kind == MKT_QK_LIVE)
		learn_live(q, pair, &key);
	else if (rounds && key.kind == MKT_QK_PROPOSAL)
		mkt_q_learn_proposal(q, pair, &key);
	else if (rounds && key.kind == MKT_QK_VOTE)
		mkt_q_learn_vote(q, pair, &key);
}

void mkt_q_learn(struct mkt_quorum *q, const struct mkt_kv_pair *pair)
{
	learn(q, pair, true);
}

static bool head_back(struct mkt_quorum *q, const struct slot *s, uint64_t height,
		      const struct mkt_hash *hash)
{
	if (height < s->applied) {
		mkt_q_halt(q, "the store was rolled back: its head is %llu, this node's %llu",
			   llu(height), llu(s->applied));
		return true;
	}
	if (height == s->applied && !mkt_hash_eq(hash, &s->applied_hash)) {
		mkt_q_halt(q, "the store's block %llu is another than this node's", llu(height));
		return true;
	}
	return false;
}

/*
 * An answer to a write is not old: what it says against what this node knew when it sent the
 * write tells whether the store is still the one it was.
 */
static bool rolled_back(struct mkt_quorum *q, const struct slot *s, const struct mkt_kv_answer *a)
{
	const struct mkt_kv_pair *id = find(a, "id"), *ep = find(a, "ep"), *head = find(a, "head");
	struct mkt_q_id idv;
	struct mkt_q_ep epv;
	struct mkt_q_head v;

	if (!id || !ep) {
		mkt_q_halt(q, "the store has lost what it held: '%s' is not there",
			   id ? "ep" : "id");
		return true;
	}
	if (mkt_q_ep_get(ep->value, ep->len, &q->conf.chain, &q->set, &epv) == 0 &&
	    epv.epoch < s->signed_epoch) {
		mkt_q_halt(q, "the store was rolled back: its epoch is %llu, this node knew %llu",
			   llu(epv.epoch), llu(s->signed_epoch));
		return true;
	}
	if (head)
		return mkt_q_head_get(head->value, head->len, &q->conf.chain, NULL, &v) == 0 &&
		       head_back(q, s, v.header.height, &v.hash);
	return mkt_q_id_get(id->value, id->len, &q->conf.chain, NULL, &idv) == 0 &&
	       head_back(q, s, idv.base, &idv.hash);
}

void mkt_q_learn_all(struct mkt_quorum *q, const struct slot *s, const struct mkt_kv_answer *a)
{
	bool all = s->purpose == FOR_READ || s->purpose == FOR_LIVE;
	const struct mkt_kv_pair *ep = find(a, "ep");

	if (s->purpose == FOR_LIVE && a->outcome == MKT_KV_DONE) {
		q->live_me = true;
		if (rolled_back(q, s, a))
			return;
	}
	for (uint32_t i = 0; i < a->npairs && !q->halted; i++)
		learn(q, &a->pairs[i], false);
	if (q->halted)
		return;
	if (all)
		learn_gone(q, a);
	if (all && !find(a, "id"))
		mkt_q_join(q);
	mkt_q_learn_rounds(q, a);
	if (all && ep && ep->mod == q->ep_mod && s->height == q->head + 1 && q->head_known &&
	    q->applied == q->head && a->npairs < MKT_KV_PAIRS_MAX) {
		q->clear_mod = q->ep_mod;
		q->clear_height = s->height;
	}
	mkt_q_catch_up(q);
}

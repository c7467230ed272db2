#include "core/base/compat.h"

#include "core/quorum/quorum_impl.h"

static bool may_act(const struct mkt_quorum *q)
{
	return q->joined && q->me >= 0 && !q->halted && !q->stopping &&
	       q->main.purpose == FOR_NOTHING && q->ep_known && q->head_known &&
	       q->applied == q->head;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t next_epoch(const struct mkt_quorum *q)
{
	return later(later(q->epoch, q->epoch_floor), q->signed_epoch) + 1;
}

/* ---- joining, leaving -------------------------------------------------------------------- */

/* The store holds nothing: the first authority begins, unless this chain was kept by one before. */
void mkt_q_join(struct mkt_quorum *q)
{
	struct mkt_q_id id = {.generation = 1, .base = q->applied, .nvotes = 1};
	struct mkt_kv_txn *t;
	struct mkt_kv_op *op;

	if (q->joined || q->generation || q->me < 0 || q->stopping ||
	    q->main.purpose != FOR_NOTHING)
		return;
	id.chain = q->conf.chain;
	id.cluster = q->cluster;
	id.hash = q->applied_hash;
	id.votes[0].authority = (uint16_t)q->me;
	mkt_q_id_sign(&id, &q->conf.key, &id.votes[0].sig);
	t = mkt_q_begin(q, &q->main, FOR_JOIN);
	mkt_q_cmp(t, "id", 0);
	mkt_q_cmp(t, "ep", 0);
	mkt_q_cmp(t, "head", 0);
	op = mkt_q_then(t, MKT_KV_PUT, "id");
	op->len = mkt_q_id_put(&id, op->value);
	mkt_q_put_ep(q, mkt_q_then(t, MKT_KV_PUT, "ep"), 1, q->name);
	mkt_q_else(t, MKT_KV_GET, "id");
	mkt_q_else(t, MKT_KV_GET, "ep");
	mkt_q_send(q, &q->main);
}

/* Who is to lead after this node: the next that lives. */
static const char *next_of(const struct mkt_quorum *q)
{
	for (unsigned i = 1; i < q->set.n; i++) {
		unsigned who = ((unsigned)q->me + i) % q->set.n;

		if (q->live[who].alive)
			return q->set.v[who].name;
	}
	return NULL;
}

void mkt_q_leave(struct mkt_quorum *q)
{
	struct mkt_q_key live = {.kind = MKT_QK_LIVE};
	const char *next = q->leading ? next_of(q) : NULL;
	char key[MKT_KV_KEY_MAX + 1];
	struct mkt_kv_txn *t;

	if (q->main.purpose != FOR_NOTHING)
		return;
	mkt_q_lead_no_more(q);
	if (!q->joined || q->lost || q->me < 0) {
		q->stopped = true;
		mkt_q_act(q, MKT_QA_STOPPED);
		return;
	}
	t = mkt_q_begin(q, &q->main, FOR_HANDOVER);
	snprintf(live.name, sizeof(live.name), "%s", q->name);
	mkt_q_key_text(&live, key);
	if (next) {
		mkt_q_cmp(t, "ep", q->ep_mod);
		mkt_q_put_ep(q, mkt_q_then(t, MKT_KV_PUT, "ep"), next_epoch(q), next);
		mkt_q_else(t, MKT_KV_DELETE, key);
	}
	mkt_q_then(t, MKT_KV_DELETE, key);
	mkt_q_send(q, &q->main);
}

/* ---- T0: taking over --------------------------------------------------------------------- */

static uint64_t patience(const struct mkt_quorum *q)
{
	uint64_t ms = 3 * (uint64_t)q->conf.interval_ms;
	unsigned shift = q->fails > 1 ? q->fails - 1 : 0;

	ms = ms < PATIENCE_MIN_MS ? PATIENCE_MIN_MS : ms;
	return ms << (shift < 3 ? shift : 3);
}

static bool pending(const struct mkt_quorum *q)
{
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		if (q->rounds[i].used)
			return true;
	return q->work;
}

/* Since when somebody else should lead; UINT64_MAX: there is no reason. */
static uint64_t reason_ms(const struct mkt_quorum *q, int holder)
{
	uint64_t since = UINT64_MAX, wait = patience(q), idle;

	if (holder < 0)
		return q->ep_ms;
	if (holder != q->me && q->live_known && !q->live[holder].alive)
		since = later(q->live[holder].gone_ms, q->ep_ms);
	idle = later(later(q->progress_ms, q->round_ms), q->ep_ms);
	if (q->work)
		idle = later(idle, q->work_ms);
	if (q->leading)
		wait *= 2;
	if (pending(q) && (!q->leading || q->proposed) && idle + wait < since)
		since = idle + wait;
	return since;
}

/*
 * Who leads and fails waits twice as long as the others: with a wrong state it would fail for
 * ever.  A node that is named and does not lead (it was restarted, or is handed over to) begins
 * at once.
 */
uint64_t mkt_q_takeover_ms(const struct mkt_quorum *q)
{
	int holder = q->ep_good ? mkt_authorities_named(&q->set, q->holder) : -1;
	uint64_t since;
	unsigned rank;

	if (!may_act(q) || q->lost)
		return UINT64_MAX;
	if (holder >= 0 && holder == q->me && !q->leading)
		return q->sick_ms;
	since = reason_ms(q, holder);
	if (since == UINT64_MAX)
		return since;
	rank = holder < 0 ? (unsigned)q->me
			  : ((unsigned)q->me + q->set.n - 1 - (unsigned)holder) % q->set.n;
	return later(since + rank * RANK_MS, q->sick_ms);
}

static void take(struct mkt_quorum *q)
{
	struct mkt_kv_txn *t = mkt_q_begin(q, &q->main, FOR_TAKE);

	q->main.epoch = next_epoch(q);
	mkt_q_cmp(t, "ep", q->ep_mod);
	mkt_q_cmp(t, "head", q->head_mod);
	mkt_q_put_ep(q, mkt_q_then(t, MKT_KV_PUT, "ep"), q->main.epoch, q->name);
	mkt_q_then_rounds(t, q->head + 1);
	mkt_q_else(t, MKT_KV_GET, "ep");
	mkt_q_else(t, MKT_KV_GET, "head");
	mkt_q_send(q, &q->main);
}

void mkt_q_took(struct mkt_quorum *q, const struct mkt_kv_answer *a)
{
	struct mkt_q_ep ep = {.epoch = q->main.epoch};

	if (a->outcome == MKT_KV_DONE && a->revision > q->ep_seen) {
		snprintf(ep.holder, sizeof(ep.holder), "%s", q->name);
		mkt_q_ep_is(q, &ep, a->revision);
		if (q->main.height == q->head + 1 && q->applied == q->head &&
		    a->npairs < MKT_KV_PAIRS_MAX) {
			q->clear_mod = q->ep_mod;
			q->clear_height = q->main.height;
		}
	} else {
		q->want_read = true;
	}
	/* Or an earlier sending of the same was done, and the watch or this answer says so. */
	q->leading = q->ep_good && q->epoch == q->main.epoch && !strcmp(q->holder, q->name);
	if (!q->leading) /* somebody else was first, or the store is not what it was */
		q->sick_ms = q->now_ms + RANK_MS;
}

/* ---- clearing away ----------------------------------------------------------------------- */

static void delete_rounds(struct mkt_kv_txn *t, uint8_t kind, uint64_t height, uint64_t epoch)
{
	char key[MKT_KV_KEY_MAX + 1];
	struct mkt_kv_op *op;

	mkt_q_key_height(kind, height, key);
	op = mkt_q_then(t, MKT_KV_DELETE_RANGE, key);
	mkt_q_key_epoch(kind, height, epoch, op->end);
}

/*
 * Rounds of earlier epochs that had no quorum when this epoch began never get one: everything
 * compares `ep`.  They go before there are more than can be read at once.
 */
static bool clean(struct mkt_quorum *q)
{
	unsigned n = 0;
	struct mkt_kv_txn *t;

	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		n += q->rounds[i].used;
	if (n < ROUNDS_CLEAN || q->epoch <= ROUNDS_KEEP)
		return false;
	t = mkt_q_begin(q, &q->main, FOR_CLEAN);
	mkt_q_cmp(t, "ep", q->ep_mod);
	mkt_q_cmp(t, "head", q->head_mod);
	delete_rounds(t, MKT_QK_PROPOSAL, q->head + 1, q->epoch - ROUNDS_KEEP);
	delete_rounds(t, MKT_QK_VOTE, q->head + 1, q->epoch - ROUNDS_KEEP);
	mkt_q_else(t, MKT_KV_GET, "ep");
	mkt_q_else(t, MKT_KV_GET, "head");
	mkt_q_send(q, &q->main);
	return true;
}

void mkt_q_cleaned(struct mkt_quorum *q, const struct mkt_kv_answer *a)
{
	if (a->outcome != MKT_KV_DONE || q->main.height != q->head + 1)
		return;
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		if (q->rounds[i].epoch + ROUNDS_KEEP < q->main.epoch)
			q->rounds[i].used = false;
}

/* The height that a quorum has on its disks. */
static uint64_t durable(const struct mkt_quorum *q)
{
	unsigned needed = mkt_authorities_quorum(&q->set);
	uint64_t best = 0;

	for (unsigned i = 0; i < q->set.n; i++) {
		unsigned n = 0;

		for (unsigned j = 0; j < q->set.n; j++)
			n += q->live[j].durable >= q->live[i].durable;
		if (n >= needed && q->live[i].durable > best)
			best = q->live[i].durable;
	}
	return best;
}

void mkt_q_prune(struct mkt_quorum *q)
{
	static const char *const first[] = {"p/", "a/"};
	static const uint8_t kind[] = {MKT_QK_PROPOSAL, MKT_QK_VOTE};
	uint64_t to = durable(q);
	struct mkt_kv_txn *t;

	if (!q->leading || q->side.purpose != FOR_NOTHING || q->head <= KEEP_BLOCKS)
		return;
	if (to > q->head - KEEP_BLOCKS)
		to = q->head - KEEP_BLOCKS;
	if (to < q->pruned + PRUNE_EVERY)
		return;
	t = mkt_q_begin(q, &q->side, FOR_PRUNE);
	q->side.height = to;
	mkt_q_cmp(t, "ep", q->ep_mod);
	for (unsigned i = 0; i < 2; i++)
		mkt_q_key_height(kind[i], to, mkt_q_then(t, MKT_KV_DELETE_RANGE, first[i])->end);
	mkt_q_else(t, MKT_KV_GET, "ep");
	mkt_q_send(q, &q->side);
}

/* ---- T1, T3 ------------------------------------------------------------------------------ */

static void put_vote(struct mkt_quorum *q, struct mkt_kv_txn *t)
{
	struct mkt_q_key key = {.kind = MKT_QK_VOTE, .height = q->head + 1, .epoch = q->epoch};
	struct mkt_q_vote v = {.hash = q->mine.hash, .sig = q->mine.sig};
	char text[MKT_KV_KEY_MAX + 1];
	struct mkt_kv_op *op;

	snprintf(key.name, sizeof(key.name), "%s", q->name);
	mkt_q_key_text(&key, text);
	op = mkt_q_then(t, MKT_KV_PUT, text);
	op->len = mkt_q_vote_put(&v, op->value);
}

static void propose(struct mkt_quorum *q)
{
	struct mkt_kv_txn *t = mkt_q_begin(q, &q->main, FOR_PROPOSE);
	char key[MKT_KV_KEY_MAX + 1];
	struct mkt_kv_op *op;

	q->proposed = true;
	q->built = false;
	q->round_ms = q->now_ms;
	q->main.hash = q->mine.hash;
	mkt_q_key_epoch(MKT_QK_PROPOSAL, q->head + 1, q->epoch, key);
	mkt_q_cmp(t, "ep", q->ep_mod);
	mkt_q_cmp(t, "head", q->head_mod);
	mkt_q_cmp(t, key, 0);
	op = mkt_q_then(t, MKT_KV_PUT, key);
	op->len = mkt_q_proposal_put(&q->mine, &q->conf.key, op->value);
	put_vote(q, t);
	mkt_q_else(t, MKT_KV_GET, "ep");
	mkt_q_else(t, MKT_KV_GET, "head");
	mkt_q_else(t, MKT_KV_GET, key);
	mkt_q_send(q, &q->main);
}

void mkt_q_proposed(struct mkt_quorum *q, const struct mkt_kv_answer *a)
{
	struct mkt_q_key key = {
		.kind = MKT_QK_PROPOSAL, .height = q->main.height, .epoch = q->main.epoch};
	char text[MKT_KV_KEY_MAX + 1];
	struct mkt_kv_pair pair = {.key = text};
	const struct mkt_kv_op *op = &q->main.txn.then[0];
	struct round *r;

	if (a->outcome == MKT_KV_DONE) {
		mkt_q_key_text(&key, text);
		pair.value = op->value;
		pair.len = op->len;
		pair.mod = a->revision;
		mkt_q_learn_proposal(q, &pair, &key);
		return;
	}
	/* Done by an earlier sending, or not to be done any more: `ep` or `head` moved. */
	r = mkt_q_round(q, q->main.epoch);
	if (!q->leading || q->epoch != q->main.epoch || q->head + 1 != q->main.height)
		return;
	if (!r || !mkt_hash_eq(&r->p.hash, &q->main.hash)) {
		mkt_q_alarm(q, "another proposal stands at height %llu, epoch %llu",
			    (unsigned long long)q->main.height, (unsigned long long)q->main.epoch);
		mkt_q_lead_no_more(q);
	}
}

static void commit(struct mkt_quorum *q, const struct round *r)
{
	struct mkt_kv_txn *t = mkt_q_begin(q, &q->main, FOR_COMMIT);
	struct mkt_q_head v;
	struct mkt_kv_op *op;

	memset(&v, 0, sizeof(v));
	v.header = r->p.header;
	v.hash = r->p.hash;
	v.nvotes = (uint8_t)mkt_q_round_list(q, r, v.votes);
	q->main.hash = v.hash;
	mkt_q_cmp(t, "ep", q->ep_mod);
	mkt_q_cmp(t, "head", q->head_mod);
	op = mkt_q_then(t, MKT_KV_PUT, "head");
	op->len = mkt_q_head_put(&v, op->value);
	mkt_q_else(t, MKT_KV_GET, "ep");
	mkt_q_else(t, MKT_KV_GET, "head");
	mkt_q_send(q, &q->main);
}

void mkt_q_committed(struct mkt_quorum *q, const struct mkt_kv_answer *a)
{
	const struct mkt_kv_op *op = &q->main.txn.then[0];
	struct mkt_kv_pair pair = {
		.key = "head", .value = op->value, .len = op->len, .mod = a->revision};

	if (a->outcome == MKT_KV_DONE)
		mkt_q_learn(q, &pair);
}

void mkt_q_built(struct mkt_quorum *q, const struct mkt_header *h, uint32_t body_len)
{
	bool good;

	if (!q->leading || !q->building || h->height != q->build_height || h->epoch != q->epoch ||
	    h->height != q->head + 1 || q->applied != q->head)
		return; /* void since */
	q->building = false;
	memset(&q->mine, 0, sizeof(q->mine));
	q->mine.header = *h;
	q->mine.body_len = body_len;
	mkt_header_hash(h, &q->mine.hash);
	good = mkt_hash_eq(&h->chain, &q->conf.chain) && h->authority == q->me &&
	       mkt_hash_eq(&h->prev, &q->applied_hash) &&
	       mkt_hash_eq(&h->authorities, &q->set_hash) && h->time_ms >= q->applied_ms &&
	       mkt_q_own_allows(q, h->height, h->epoch, &q->mine.hash);
	if (!good) {
		mkt_q_alarm(q, "the block built at height %llu, epoch %llu may not be proposed",
			    (unsigned long long)h->height, (unsigned long long)h->epoch);
		mkt_q_lead_no_more(q);
		q->sick_ms = q->now_ms + patience(q);
		return;
	}
	mkt_header_sign(&q->mine.hash, &q->conf.key, &q->mine.sig);
	mkt_q_own_add(q, h->height, h->epoch, &q->mine.hash);
	q->built = true;
}

static void ask_for_block(struct mkt_quorum *q)
{
	struct mkt_q_action *a;

	if (!q->lead_told) {
		q->lead_told = true;
		a = mkt_q_act(q, MKT_QA_LEAD);
		a->height = q->head;
		a->hash = q->head_hash;
		a->epoch = q->epoch;
	}
	if (q->building)
		return;
	q->building = true;
	q->build_height = q->head + 1;
	a = mkt_q_act(q, MKT_QA_BUILD);
	a->height = q->build_height;
	a->hash = q->head_hash;
	a->epoch = q->epoch;
}

/* One step of who leads; nothing is sent while another transaction is under way. */
static void lead(struct mkt_quorum *q)
{
	struct round *r;

	if (!mkt_q_clear(q)) {
		q->want_read = true;
		return;
	}
	r = mkt_q_round_before(q, q->epoch);
	if (!r) {
		r = mkt_q_round(q, q->epoch);
		r = r && mkt_q_round_final(q, r) ? r : NULL;
	}
	if (r)
		commit(q, r);
	else if (q->proposed)
		return; /* waiting for votes */
	else if (clean(q))
		return;
	else if (q->built)
		propose(q);
	else
		ask_for_block(q);
}

void mkt_q_lead(struct mkt_quorum *q)
{
	if (may_act(q) && mkt_q_takeover_ms(q) <= q->now_ms)
		take(q);
	else if (may_act(q) && q->leading)
		lead(q);
}

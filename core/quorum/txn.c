#include "core/base/compat.h"

#include "core/quorum/quorum_impl.h"

/* ---- building --------------------------------------------------------------------------- */

static void set_key(char *to, const char *key)
{
	snprintf(to, MKT_KV_KEY_MAX + 1, "%s", key);
}

/* The slot for one of @purpose; its transaction is empty.  What it replaces is over. */
struct mkt_kv_txn *mkt_q_begin(struct mkt_quorum *q, struct slot *s, uint8_t purpose)
{
	s->purpose = purpose;
	s->flying = false;
	s->height = q->head_known ? q->head + 1 : 0;
	s->epoch = q->epoch;
	s->applied = q->applied;
	s->revision = q->revision;
	s->applied_hash = q->applied_hash;
	s->signed_epoch = q->signed_epoch > q->epoch ? q->signed_epoch : q->epoch;
	s->txn.ncmps = s->txn.nthen = s->txn.nels = 0;
	return &s->txn;
}

void mkt_q_cmp(struct mkt_kv_txn *t, const char *key, uint64_t rev)
{
	struct mkt_kv_cmp *c = &t->cmp[t->ncmps++];

	c->kind = rev ? MKT_KV_MOD : MKT_KV_ABSENT;
	c->rev = rev;
	set_key(c->key, key);
}

static struct mkt_kv_op *add_op(struct mkt_kv_op *op, uint8_t kind, const char *key)
{
	op->kind = kind;
	op->leased = false;
	op->len = 0;
	op->end[0] = '\0';
	set_key(op->key, key);
	return op;
}

struct mkt_kv_op *mkt_q_then(struct mkt_kv_txn *t, uint8_t kind, const char *key)
{
	return add_op(&t->then[t->nthen++], kind, key);
}

struct mkt_kv_op *mkt_q_else(struct mkt_kv_txn *t, uint8_t kind, const char *key)
{
	return add_op(&t->els[t->nels++], kind, key);
}

void mkt_q_put_ep(struct mkt_quorum *q, struct mkt_kv_op *op, uint64_t epoch, const char *holder)
{
	struct mkt_q_ep ep = {.epoch = epoch};

	snprintf(ep.holder, sizeof(ep.holder), "%s", holder);
	snprintf(ep.writer, sizeof(ep.writer), "%s", q->name);
	op->len = mkt_q_ep_put(&ep, &q->conf.chain, &q->conf.key, op->value);
}

void mkt_q_then_rounds(struct mkt_kv_txn *t, uint64_t height)
{
	char key[MKT_KV_KEY_MAX + 1];

	mkt_q_key_height(MKT_QK_PROPOSAL, height, key);
	mkt_q_then(t, MKT_KV_PREFIX, key);
	mkt_q_key_height(MKT_QK_VOTE, height, key);
	mkt_q_then(t, MKT_KV_PREFIX, key);
}

void mkt_q_send(struct mkt_quorum *q, struct slot *s)
{
	struct mkt_q_action *a = mkt_q_act(q, MKT_QA_TXN);

	s->flying = true;
	s->again_ms = 0;
	s->id = ++q->next_id;
	a->txn_id = s->id;
	a->txn = &s->txn;
}

/* ---- reading ---------------------------------------------------------------------------- */

static bool may_write_live(const struct mkt_quorum *q)
{
	return q->cluster && (q->joined || q->generation) && !q->stopping &&
	       (q->me >= 0 || mkt_authorities_named(&q->set, q->name) < 0);
}

static void put_live(struct mkt_quorum *q, struct mkt_kv_txn *t)
{
	struct mkt_q_key key = {.kind = MKT_QK_LIVE};
	struct mkt_q_live v = {.durable = q->applied};
	char text[MKT_KV_KEY_MAX + 1];
	struct mkt_kv_op *op;

	snprintf(key.name, sizeof(key.name), "%s", q->name);
	snprintf(v.url, sizeof(v.url), "%s", q->conf.url);
	mkt_q_key_text(&key, text);
	op = mkt_q_then(t, MKT_KV_PUT, text);
	op->leased = true;
	op->len = mkt_q_live_put(&v, &q->conf.chain, q->name, &q->conf.key, op->value);
	q->live_ms = q->now_ms;
	q->live_height = q->applied;
}

/* All that matters at one revision.  Now and then with a write, which no stale store answers. */
static void read_all(struct mkt_quorum *q)
{
	bool write = may_write_live(q) && (!q->live_me || q->live_height != q->applied ||
					   q->now_ms >= q->live_ms + LIVE_MS);
	bool often = q->live_ms && q->live_me && q->now_ms < q->live_ms + POLL_MS;
	struct mkt_kv_txn *t;

	write = write && !often;
	t = mkt_q_begin(q, &q->side, write ? FOR_LIVE : FOR_READ);
	if (write)
		put_live(q, t);
	mkt_q_then(t, MKT_KV_GET, "id");
	mkt_q_then(t, MKT_KV_GET, "ep");
	mkt_q_then(t, MKT_KV_GET, "head");
	mkt_q_then(t, MKT_KV_PREFIX, "live/");
	if (q->head_known)
		mkt_q_then_rounds(t, q->head + 1);
	q->want_read = q->missed = false;
	q->read_ms = q->now_ms;
	q->poll_ms = q->now_ms + POLL_MS;
	mkt_q_send(q, &q->side);
}

void mkt_q_poll(struct mkt_quorum *q)
{
	bool wanted = (q->want_read || q->missed) && q->now_ms >= q->read_ms + READ_MIN_MS;

	if (q->side.purpose == FOR_NOTHING && (wanted || q->now_ms >= q->poll_ms))
		read_all(q);
	if (q->main.purpose != FOR_NOTHING && !q->main.flying && q->now_ms >= q->main.again_ms)
		mkt_q_send(q, &q->main);
}

/* ---- answers ---------------------------------------------------------------------------- */

static bool foreign(struct mkt_quorum *q, const struct mkt_kv_answer *a)
{
	if (!a->cluster)
		return false;
	if (!q->cluster)
		q->cluster = a->cluster;
	if (q->cluster == a->cluster)
		return false;
	mkt_q_halt(q, "the store answers as cluster %llx; this chain's is %llx",
		   (unsigned long long)a->cluster, (unsigned long long)q->cluster);
	return true;
}

/* What was put has a later revision than all that was known when it was first sent. */
static bool went_back(struct mkt_quorum *q, const struct slot *s, const struct mkt_kv_answer *a)
{
	bool put = s->txn.nthen && s->txn.then[0].kind == MKT_KV_PUT;

	if (a->outcome == MKT_KV_DONE && put && a->revision <= s->revision) {
		mkt_q_halt(q, "the store was rolled back: it is at revision %llu and was at %llu",
			   (unsigned long long)a->revision, (unsigned long long)s->revision);
		return true;
	}
	if (a->revision > q->revision)
		q->revision = a->revision;
	return false;
}

/* The store did nothing, or perhaps something. */
static void no_answer(struct mkt_quorum *q, struct slot *s)
{
	if (s == &q->side) {
		s->purpose = FOR_NOTHING;
		q->poll_ms = q->now_ms + 3 * RETRY_MS;
		return;
	}
	if (s->purpose == FOR_HANDOVER) { /* on the way out: others find out by the lease */
		s->purpose = FOR_NOTHING;
		q->stopped = true;
		mkt_q_act(q, MKT_QA_STOPPED);
		return;
	}
	s->again_ms = q->now_ms + RETRY_MS;
}

static void main_answer(struct mkt_quorum *q, uint8_t purpose, const struct mkt_kv_answer *a)
{
	switch (purpose) {
	case FOR_TAKE:
		mkt_q_took(q, a);
		break;
	case FOR_CLEAN:
		mkt_q_cleaned(q, a);
		break;
	case FOR_PROPOSE:
		mkt_q_proposed(q, a);
		break;
	case FOR_ATTEST:
		mkt_q_attested(q, a);
		break;
	case FOR_COMMIT:
		mkt_q_committed(q, a);
		break;
	case FOR_HANDOVER:
		q->stopped = true;
		mkt_q_act(q, MKT_QA_STOPPED);
		break;
	default: /* FOR_JOIN: what is there now is read */
		q->want_read = true;
		break;
	}
}

void mkt_q_answer(struct mkt_quorum *q, uint32_t id, const struct mkt_kv_answer *a)
{
	struct slot *s = q->main.flying && q->main.id == id   ? &q->main
			 : q->side.flying && q->side.id == id ? &q->side
							      : NULL;
	uint8_t purpose;

	if (!s || foreign(q, a))
		return;
	s->flying = false;
	if (a->outcome != MKT_KV_DONE && a->outcome != MKT_KV_ELSE) {
		no_answer(q, s);
		return;
	}
	purpose = s->purpose;
	if (went_back(q, s, a))
		return;
	if (purpose == FOR_PRUNE && a->outcome == MKT_KV_DONE)
		q->pruned = s->height;
	mkt_q_learn_all(q, s, a);
	s->purpose = FOR_NOTHING; /* what follows may begin another */
	if (s == &q->main && !q->halted)
		main_answer(q, purpose, a);
}

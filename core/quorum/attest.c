#include "core/base/compat.h"

#include "core/quorum/quorum_impl.h"

/* ---- what this node has signed ------------------------------------------------------------ */

static bool at_or_below(uint64_t epoch, uint64_t height, uint64_t e, uint64_t h)
{
	return epoch < e || (epoch == e && height <= h);
}

/* Never two hashes at one (height, epoch). */
bool mkt_q_own_allows(const struct mkt_quorum *q, uint64_t height, uint64_t epoch,
		      const struct mkt_hash *hash)
{
	for (unsigned i = 0; i < q->nown; i++)
		if (q->own[i].height == height && q->own[i].epoch == epoch)
			return mkt_hash_eq(&q->own[i].hash, hash);
	return !at_or_below(epoch, height, q->own_floor_epoch, q->own_floor_height);
}

/* When there are too many the lowest is forgotten, and nothing at or below it signed again. */
static unsigned forget_lowest(struct mkt_quorum *q)
{
	unsigned low = 0;

	for (unsigned i = 1; i < q->nown; i++)
		if (at_or_below(q->own[i].epoch, q->own[i].height, q->own[low].epoch,
				q->own[low].height))
			low = i;
	q->own_floor_epoch = q->own[low].epoch;
	q->own_floor_height = q->own[low].height;
	return low;
}

void mkt_q_own_add(struct mkt_quorum *q, uint64_t height, uint64_t epoch,
		   const struct mkt_hash *hash)
{
	unsigned at = q->nown;

	if (epoch > q->signed_epoch)
		q->signed_epoch = epoch;
	for (unsigned i = 0; i < q->nown; i++)
		if (q->own[i].height == height && q->own[i].epoch == epoch)
			return;
	if (at == OWN_MAX)
		at = forget_lowest(q);
	else
		q->nown++;
	q->own[at] = (struct mkt_quorum_vote){.height = height, .epoch = epoch, .hash = *hash};
}

/* ---- T2 ----------------------------------------------------------------------------------- */

/* The proposal that may be voted for now; NULL.  A time in the future comes. */
static struct round *candidate(struct mkt_quorum *q)
{
	struct round *r = mkt_q_round(q, q->epoch), *final;
	const struct mkt_header *h;
	int holder = mkt_authorities_named(&q->set, q->holder);

	if (!r || !r->have || r->bad || r->refused)
		return NULL;
	if (!mkt_q_clear(q)) {
		q->want_read = true;
		return NULL;
	}
	h = &r->p.header;
	final = mkt_q_round_before(q, r->epoch);
	if (final) {
		mkt_q_refuse(q, r, final);
		return NULL;
	}
	if (h->authority != holder || !mkt_hash_eq(&h->prev, &q->applied_hash) ||
	    h->time_ms < q->applied_ms || !mkt_q_own_allows(q, h->height, h->epoch, &r->p.hash)) {
		r->bad = true;
		mkt_q_alarm(q, "the proposal of '%s' at height %llu, epoch %llu is refused",
			    q->holder, (unsigned long long)h->height, (unsigned long long)h->epoch);
		return NULL;
	}
	return h->time_ms > q->utc_ms + AHEAD_MS ? NULL : r;
}

static void ask_for_check(struct mkt_quorum *q, const struct round *r)
{
	struct mkt_q_action *a = mkt_q_act(q, MKT_QA_CHECK);
	struct mkt_vote votes[MKT_AUTHORITIES_MAX];
	unsigned n = mkt_q_round_list(q, r, votes);

	q->checking = true;
	q->checked = false;
	q->check_epoch = r->epoch;
	q->check_hash = r->p.hash;
	q->check_ms = 0;
	a->height = r->p.header.height;
	a->epoch = r->epoch;
	a->hash = r->p.hash;
	a->header = &r->p.header;
	a->body_len = r->p.body_len;
	a->sig = r->p.sig;
	mkt_q_urls(q, a, votes, n, r->p.header.authority);
}

static void send_vote(struct mkt_quorum *q, const struct round *r)
{
	struct mkt_q_key key = {.kind = MKT_QK_VOTE, .height = q->head + 1, .epoch = q->epoch};
	struct mkt_q_vote v = {.hash = r->p.hash};
	struct mkt_kv_txn *t = mkt_q_begin(q, &q->main, FOR_ATTEST);
	char text[MKT_KV_KEY_MAX + 1];
	struct mkt_kv_op *op;

	snprintf(key.name, sizeof(key.name), "%s", q->name);
	mkt_q_key_text(&key, text);
	mkt_header_sign(&v.hash, &q->conf.key, &v.sig);
	q->main.hash = v.hash;
	mkt_q_cmp(t, "ep", q->ep_mod);
	mkt_q_cmp(t, text, 0);
	op = mkt_q_then(t, MKT_KV_PUT, text);
	op->len = mkt_q_vote_put(&v, op->value);
	mkt_q_else(t, MKT_KV_GET, "ep");
	mkt_q_else(t, MKT_KV_GET, text);
	mkt_q_send(q, &q->main);
}

void mkt_q_attest(struct mkt_quorum *q)
{
	struct round *r;

	if (!q->joined || q->me < 0 || q->halted || q->stopping || q->leading || !q->ep_good ||
	    !q->head_known || q->applied != q->head)
		return;
	r = candidate(q);
	if (!r || r->votes[q->me].have)
		return;
	if (!q->checking || q->check_epoch != r->epoch ||
	    !mkt_hash_eq(&q->check_hash, &r->p.hash) || (q->check_ms && q->now_ms >= q->check_ms))
		ask_for_check(q, r);
	else if (q->checked && q->main.purpose == FOR_NOTHING)
		send_vote(q, r);
}

void mkt_q_checked(struct mkt_quorum *q, const struct mkt_q_event *ev)
{
	struct round *r;

	/* A vote that is on the disk counts, asked for or not. */
	if (ev->verdict == MKT_Q_GOOD && ev->height > q->applied)
		mkt_q_own_add(q, ev->height, ev->epoch, &ev->hash);
	if (!q->checking || ev->height != q->head + 1 || ev->epoch != q->check_epoch ||
	    !mkt_hash_eq(&ev->hash, &q->check_hash))
		return;
	r = mkt_q_round(q, ev->epoch);
	switch (ev->verdict) {
	case MKT_Q_GOOD:
		q->checked = true;
		break;
	case MKT_Q_BAD:
		if (r)
			r->bad = true;
		mkt_q_alarm(q, "the block of '%s' at height %llu, epoch %llu is wrong: no vote",
			    q->holder, (unsigned long long)ev->height,
			    (unsigned long long)ev->epoch);
		break;
	default:
		q->check_ms = q->now_ms + RECHECK_MS;
		break;
	}
}

void mkt_q_attested(struct mkt_quorum *q, const struct mkt_kv_answer *a)
{
	const struct mkt_kv_op *op = &q->main.txn.then[0];
	struct mkt_kv_pair pair = {
		.key = op->key, .value = op->value, .len = op->len, .mod = a->revision};

	if (a->outcome == MKT_KV_DONE)
		mkt_q_learn(q, &pair);
	else /* the own vote was there, by an earlier sending or before a restart, or `ep` moved */
		for (uint32_t i = 0; i < a->npairs; i++)
			mkt_q_learn(q, &a->pairs[i]);
}

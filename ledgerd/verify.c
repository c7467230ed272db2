/* Verify workers: form, id and signature of envelopes, in parallel. */
#include "core/base/compat.h"

#include "ledgerd/pipe_impl.h"

/* The keys of a chunk's accounts, copied under one lock. */
static void find_keys(struct ld_node *n, struct ld_item *items, uint32_t count,
		      struct mkt_pubkey *keys)
{
	ld_node_read(n);
	for (uint32_t i = 0; i < count; i++) {
		struct mkt_account acc;

		if (items[i].form_code)
			continue;
		items[i].unsure = !mkt_state_account(n->state, items[i].tx.account, &acc);
		if (!items[i].unsure)
			keys[i] = acc.key;
	}
	ld_node_unread(n);
}

static void check_form(struct ld_node *n, struct ld_item *it)
{
	struct mkt_err err = {0};

	it->unsure = false;
	it->form_code = 0;
	if (mkt_tx_dec(it->p, it->len, &n->chain_id, &it->tx, &err) < 0) {
		it->form_code = err.code;
		ld_item_refuse(it, &err);
		return;
	}
	mkt_hash(&it->leaf, MKT_DOM_LEAF, it->p, it->len);
}

static bool signed_by(const struct ld_item *it, const struct mkt_pubkey *key, struct mkt_err *err)
{
	if (mkt_tx_sig_ok(it->p, it->len, key))
		return true;
	mkt_err_set(err, MKT_ESIGNATURE, "the signature is not that of account %u", it->tx.account);
	return false;
}

static void check_signature(struct ld_item *it, const struct mkt_pubkey *key)
{
	struct mkt_err err = {0};

	if (signed_by(it, key, &err))
		return;
	it->form_code = err.code;
	ld_item_refuse(it, &err);
}

/* The account may have been enrolled since; the sequencer reads without a lock. */
int ld_item_verify_late(struct ld_node *n, const struct ld_item *it, struct mkt_err *err)
{
	struct mkt_account acc;

	if (!mkt_state_account(n->state, it->tx.account, &acc))
		return mkt_err_set(err, MKT_EACCOUNT, "account %u is not enrolled", it->tx.account);
	return signed_by(it, &acc.key, err) ? 0 : -MKT_ESIGNATURE;
}

static bool has_bid(const struct mkt_tx *tx)
{
	for (uint16_t i = 0; i < tx->nops; i++)
		if (tx->ops[i].kind == MKT_OP_BID)
			return true;
	return false;
}

int ld_item_admit(struct ld_node *n, const struct ld_item *it, uint64_t now_ms, struct mkt_err *err)
{
	struct ld_guard *g = &n->guard;
	const struct mkt_class_limits *lim;
	struct mkt_account acc;

	if (atomic_load(&g->refuse) && has_bid(&it->tx))
		return mkt_err_code(err, MKT_EDISKFULL);
	if (!mkt_state_account(n->state, it->tx.account, &acc))
		return mkt_err_set(err, MKT_EACCOUNT, "account %u is not enrolled", it->tx.account);
	lim = mkt_state_limits(n->state, acc.cls);
	if (lim->tx_per_min && !ld_guard_tx(g, it->tx.account, lim->tx_per_min, now_ms)) {
		atomic_fetch_add(&g->limited, 1);
		return mkt_err_set(err, MKT_ERATE,
				   "account %u has sent its %u transactions of this minute",
				   it->tx.account, lim->tx_per_min);
	}
	return 0;
}

static void verify_chunk(struct ld_node *n, struct ld_item *items, uint32_t count)
{
	struct mkt_pubkey keys[LD_CHUNK];

	for (uint32_t i = 0; i < count; i++)
		check_form(n, &items[i]);
	find_keys(n, items, count, keys);
	for (uint32_t i = 0; i < count; i++)
		if (!items[i].form_code && !items[i].unsure)
			check_signature(&items[i], &keys[i]);
}

/* With p->mu: the next chunk in order of arrival, or NULL. */
static struct ld_batch *claim(struct ld_pipe *p, uint32_t *chunk)
{
	struct ld_batch *b = p->claim;

	if (!b)
		return NULL;
	*chunk = b->next_chunk++;
	if (b->next_chunk == b->nchunks)
		p->claim = b->next;
	return b;
}

void *ld_verify_main(void *arg)
{
	struct ld_node *n = arg;
	struct ld_pipe *p = n->pipe;

	pthread_setname_np(pthread_self(), "verify");
	pthread_mutex_lock(&p->mu);
	for (;;) {
		struct ld_batch *b;
		uint32_t chunk, at, count;
		bool answer;

		while (!(b = claim(p, &chunk)) && !p->stop)
			pthread_cond_wait(&p->work, &p->mu);
		if (!b)
			break;
		pthread_mutex_unlock(&p->mu);
		at = chunk * LD_CHUNK;
		count = b->nitems - at < LD_CHUNK ? b->nitems - at : LD_CHUNK;
		verify_chunk(n, b->items + at, count);
		pthread_mutex_lock(&p->mu);
		b->verified[chunk] = 1;
		answer = ++b->nverified == b->nchunks && b->wait == LD_WAIT_NONE;
		if (answer)
			b->refs++; /* the sequencer may be done with it before we are */
		if (b == p->head && chunk == b->seq_chunk)
			pthread_cond_signal(&p->verified);
		if (!answer)
			continue;
		pthread_mutex_unlock(&p->mu);
		ld_batch_answer(b);
		ld_batch_put(b);
		pthread_mutex_lock(&p->mu);
	}
	pthread_mutex_unlock(&p->mu);
	return NULL;
}

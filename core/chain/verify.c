#include "core/base/compat.h"

#include "core/chain/merkle.h"
#include "core/chain/verify.h"

static int differs(const struct mkt_block *b, struct mkt_err *err, const char *what)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "block %llu: %s", (unsigned long long)b->h.height,
			   what);
}

/* ---- without the state ---- */

static int check_votes(const struct mkt_block *b, const struct mkt_authorities *set,
		       struct mkt_err *err)
{
	bool own = false;

	if (b->nvotes < mkt_authorities_quorum(set))
		return differs(b, err, "too few authorities have signed it");
	for (unsigned i = 0; i < b->nvotes; i++) {
		const struct mkt_vote *v = &b->votes[i];

		if (v->authority >= set->n)
			return differs(b, err, "a vote is of no authority");
		if (!mkt_header_sig_ok(&b->hash, &set->v[v->authority].key, &v->sig))
			return differs(b, err, "the signature of an authority is wrong");
		own |= v->authority == b->h.authority;
	}
	return own ? 0 : differs(b, err, "the authority that sealed it has not signed it");
}

int mkt_verify_roots(const struct mkt_block *b, struct mkt_err *err)
{
	uint32_t most = b->h.ntxs > b->h.nevents ? b->h.ntxs : b->h.nevents;
	struct mkt_hash *leaves = malloc((most + 1u) * sizeof(*leaves));
	struct mkt_hash root;
	int r;

	if (!leaves)
		return mkt_err_code(err, MKT_ENOMEM);
	mkt_block_tx_leaves(b, leaves);
	mkt_merkle_root(leaves, b->h.ntxs, &root);
	if (!mkt_hash_eq(&root, &b->h.tx_root)) {
		free(leaves);
		return differs(b, err, "the transactions are not those of its root");
	}
	r = mkt_block_event_leaves(b, leaves, err);
	if (!r) {
		mkt_merkle_root(leaves, b->h.nevents, &root);
		if (!mkt_hash_eq(&root, &b->h.event_root))
			r = differs(b, err, "the events are not those of its root");
	}
	free(leaves);
	return r;
}

int mkt_verify_head(const struct mkt_block *b, const struct mkt_authorities *set,
		    const struct mkt_hash *chain, struct mkt_err *err)
{
	struct mkt_hash hash;

	if (!mkt_hash_eq(&b->h.chain, chain))
		return differs(b, err, "it belongs to another chain");
	mkt_authorities_set_hash(set, &hash);
	if (!mkt_hash_eq(&b->h.authorities, &hash))
		return differs(b, err, "it names another set of authorities");
	return b->h.height ? check_votes(b, set, err) : 0;
}

int mkt_verify_static(const struct mkt_block *b, const struct mkt_authorities *set,
		      const struct mkt_hash *chain, struct mkt_err *err)
{
	int r = mkt_verify_head(b, set, chain, err);

	return r < 0 ? r : mkt_verify_roots(b, err);
}

static int tx_differs(const struct mkt_block *b, uint32_t ix, struct mkt_err *err, const char *what)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "block %llu, transaction %lu: %s",
			   (unsigned long long)b->h.height, (unsigned long)ix, what);
}

int mkt_verify_txs(const struct mkt_block *b, uint32_t first, uint32_t n, mkt_key_of_fn *key_of,
		   void *ctx, struct mkt_err *err)
{
	const uint8_t *at = NULL, *tx, *request;
	uint32_t len, account;

	for (uint32_t i = 0; i < first + n && mkt_block_next_tx(b, &at, &tx, &len); i++) {
		struct mkt_pubkey key;

		if (i < first)
			continue;
		if (mkt_tx_peek(tx, len, &account, &request) < 0)
			return tx_differs(b, i, err, "it ends too early");
		if (!key_of(ctx, account, &key))
			return tx_differs(b, i, err, "its account is not enrolled");
		if (!mkt_tx_sig_ok(tx, len, &key))
			return tx_differs(b, i, err, "its signature is wrong");
	}
	return 0;
}

/* The first operation of the block's only transaction, and whether it was done. */
static bool only_change(const struct mkt_block *b, const uint8_t **tx, uint32_t *len)
{
	const uint8_t *at = NULL, *op;
	struct mkt_event ev;

	if (b->h.ntxs != 1 || !mkt_block_tx(b, 0, tx, len) || *len <= MKT_TX_FIXED_BYTES)
		return false;
	op = *tx + MKT_TX_FIXED_BYTES;
	if (*op != MKT_OP_AUTHORITY)
		return false;
	while (mkt_block_next_event(b, &at, &ev))
		if (ev.kind == MKT_EV_RESULT)
			return !ev.u.result.code;
	return false;
}

int mkt_verify_next_set(const struct mkt_block *b, const struct mkt_hash *chain,
			struct mkt_authorities *set, struct mkt_err *err)
{
	struct mkt_tx tx = MKT_TX_INIT;
	const uint8_t *p;
	struct mkt_err why = {0};
	uint32_t len;
	int r;

	if (!only_change(b, &p, &len))
		return 0;
	r = mkt_tx_dec(p, len, chain, &tx, &why);
	if (!r) {
		const struct mkt_op_authority *o = &tx.ops[0].u.authority;

		r = mkt_authorities_check(set, chain, &o->change, p + o->sigs_at, o->nsigs, &why);
		if (!r)
			mkt_authorities_change(set, &o->change, b->h.height);
	}
	mkt_tx_release(&tx);
	if (r == -MKT_ENOMEM)
		return mkt_err_code(err, MKT_ENOMEM);
	return r < 0 ? differs(b, err, why.text) : 0;
}

/* ---- with the state ---- */

int mkt_block_first(struct mkt_state *s, const struct mkt_hash *chain, struct mkt_delta *delta,
		    struct mkt_buf *out)
{
	const struct mkt_genesis *g = mkt_state_genesis(s);
	struct mkt_header h = {
		.chain = *chain,
		.prev = *chain,
		.time_ms = g->time_ms,
		.first_bid = mkt_state_next_bid(s),
		.first_exec = mkt_state_next_exec(s),
	};
	int r = mkt_state_end(s, delta, &h.state);

	if (r < 0)
		return r;
	mkt_merkle_root(NULL, 0, &h.tx_root);
	mkt_merkle_root(NULL, 0, &h.event_root);
	mkt_authorities_set_hash(mkt_state_authorities(s), &h.authorities);
	mkt_buf_clear(out);
	mkt_header_enc(&h, out);
	mkt_enc_u8(out, 0); /* nobody votes on what genesis says */
	return out->bad ? -MKT_ENOMEM : 0;
}

int mkt_verify_follows(const struct mkt_block *b, const struct mkt_verify_prev *prev,
		       const struct mkt_hash *chain, struct mkt_err *err)
{
	if (b->h.height != prev->height + 1)
		return differs(b, err, "it does not follow the block before in height");
	if (!mkt_hash_eq(&b->h.chain, chain))
		return differs(b, err, "it belongs to another chain");
	if (!mkt_hash_eq(&b->h.prev, &prev->hash))
		return differs(b, err, "the block before is not the one it names");
	if (b->h.time_ms < prev->time_ms)
		return differs(b, err, "its time is before that of the block before");
	if (b->h.epoch < prev->epoch)
		return differs(b, err, "its epoch is before that of the block before");
	if (b->h.first_tx != prev->next_tx)
		return differs(b, err, "it counts the transactions before it differently");
	return 0;
}

static int check_place(const struct mkt_state *s, const struct mkt_block *b,
		       const struct mkt_verify_prev *prev, const struct mkt_hash *chain,
		       struct mkt_err *err)
{
	int r = mkt_verify_follows(b, prev, chain, err);

	if (r < 0)
		return r;
	if (b->h.first_bid != mkt_state_next_bid(s))
		return differs(b, err, "its first bid's number is not the next");
	if (b->h.first_exec != mkt_state_next_exec(s))
		return differs(b, err, "its first contract's number is not the next");
	return 0;
}

static int execute_txs(struct mkt_state *s, const struct mkt_block *b, struct mkt_events *ev,
		       struct mkt_tx *tx, struct mkt_err *err)
{
	const uint8_t *at = NULL, *p;
	uint32_t len, i = 0;
	struct mkt_err why;

	while (mkt_block_next_tx(b, &at, &p, &len)) {
		int r = mkt_tx_dec(p, len, &b->h.chain, tx, &why);

		if (!r)
			r = mkt_state_admit(s, tx, &why);
		if (r == -MKT_ENOMEM)
			return mkt_err_code(err, MKT_ENOMEM);
		if (r < 0)
			return tx_differs(b, i, err, why.text);
		if (mkt_state_apply(s, tx, i++, ev) < 0)
			return mkt_err_code(err, MKT_ENOMEM);
	}
	return 0;
}

static uint32_t first_difference(const struct mkt_block *b, const struct mkt_events *ev)
{
	uint32_t i = 0;

	while (i < ev->n && ev->at[i + 1] <= b->events_len &&
	       !memcmp(b->events + ev->at[i], ev->bytes.data + ev->at[i],
		       ev->at[i + 1] - ev->at[i]))
		i++;
	return i;
}

static int compare(const struct mkt_block *b, const struct mkt_events *ev,
		   const struct mkt_hash *digest, struct mkt_err *err)
{
	if (ev->n != b->h.nevents || ev->bytes.len != b->events_len ||
	    (ev->bytes.len && memcmp(ev->bytes.data, b->events, b->events_len) != 0))
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "block %llu: executing it gives other events from event %lu on",
				   (unsigned long long)b->h.height,
				   (unsigned long)first_difference(b, ev));
	if (!mkt_hash_eq(digest, &b->h.state))
		return differs(b, err, "executing it gives another state");
	return 0;
}

static int execute(struct mkt_state *s, const struct mkt_block *b, struct mkt_events *ev,
		   struct mkt_tx *tx, struct mkt_err *err)
{
	struct mkt_err why;
	int r = mkt_state_begin(s, b->h.height, b->h.time_ms, ev, &why);

	if (!r) {
		r = execute_txs(s, b, ev, tx, err);
		if (r < 0)
			return r;
		r = mkt_state_check_clock(s, &why);
	}
	if (r == -MKT_ENOMEM)
		return mkt_err_code(err, MKT_ENOMEM);
	return r < 0 ? differs(b, err, why.text) : 0;
}

int mkt_verify_execute(struct mkt_state *s, const struct mkt_block *b,
		       const struct mkt_verify_prev *prev, const struct mkt_hash *chain,
		       struct mkt_events *ev, struct mkt_delta *delta, struct mkt_err *err)
{
	struct mkt_tx tx = MKT_TX_INIT;
	struct mkt_hash digest;
	int r = check_place(s, b, prev, chain, err);

	if (r < 0)
		return r;
	mkt_events_clear(ev);
	mkt_delta_clear(delta);
	r = execute(s, b, ev, &tx, err);
	mkt_tx_release(&tx);
	if (r < 0)
		return r;
	if (mkt_state_end(s, delta, &digest) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	return compare(b, ev, &digest, err);
}

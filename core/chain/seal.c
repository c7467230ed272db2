#include "core/base/compat.h"

#include "core/chain/chain_impl.h"

static void root_of_txs(const struct mkt_seal *in, struct mkt_hash *scratch, struct mkt_hash *root)
{
	if (in->ntxs)
		memcpy(scratch, in->tx_leaves, in->ntxs * sizeof(*scratch));
	mkt_merkle_root(scratch, in->ntxs, root);
}

static void root_of_events(const struct mkt_events *ev, struct mkt_hash *scratch,
			   struct mkt_hash *root)
{
	for (uint32_t i = 0; i < ev->n; i++)
		mkt_hash(&scratch[i], MKT_DOM_LEAF, ev->bytes.data + ev->at[i],
			 ev->at[i + 1] - ev->at[i]);
	mkt_merkle_root(scratch, ev->n, root);
}

static struct mkt_header header_of(const struct mkt_chain *c, const struct mkt_seal *in)
{
	return (struct mkt_header){
		.chain = c->id,
		.prev = *in->prev,
		.height = in->height,
		.time_ms = in->time_ms,
		.epoch = in->epoch,
		.ntxs = in->ntxs,
		.nevents = in->ev->n,
		.first_tx = in->first_tx,
		.first_bid = in->first_bid,
		.first_exec = in->first_exec,
		.state = in->state,
		.authorities = in->authorities,
		.authority = in->authority,
	};
}

static size_t bytes_of(const struct mkt_seal *in)
{
	size_t n = MKT_HEADER_BYTES + 1 + 2 + MKT_SIG_LEN + in->ev->bytes.len;

	for (uint32_t i = 0; i < in->ntxs; i++)
		n += 4 + in->txs[i].n;
	return n;
}

static void encode(const struct mkt_seal *in, const struct mkt_header *h,
		   const struct mkt_hash *hash, struct mkt_buf *out)
{
	struct mkt_sig sig;

	mkt_header_sign(hash, in->key, &sig);
	mkt_header_enc(h, out);
	mkt_enc_u8(out, 1);
	mkt_enc_u16(out, in->authority);
	mkt_enc_bytes(out, sig.b, sizeof(sig.b));
	for (uint32_t i = 0; i < in->ntxs; i++) {
		mkt_enc_u32(out, (uint32_t)in->txs[i].n);
		mkt_enc_bytes(out, in->txs[i].p, in->txs[i].n);
	}
	mkt_enc_bytes(out, in->ev->bytes.data, in->ev->bytes.len);
}

int mkt_chain_seal(const struct mkt_chain *c, const struct mkt_seal *in, struct mkt_sealed *out)
{
	uint32_t most = in->ntxs > in->ev->n ? in->ntxs : in->ev->n;
	struct mkt_hash *scratch = malloc((most + 1u) * sizeof(*scratch));
	struct mkt_sealed s = {.bytes = MKT_BUF_INIT, .h = header_of(c, in)};
	size_t n = bytes_of(in);
	int r = -MKT_ENOMEM;

	s.tx_ids = malloc((in->ntxs + 1u) * sizeof(*s.tx_ids));
	if (n > MKT_BLOCK_BYTES_MAX)
		r = -MKT_ELIMIT;
	if (!scratch || !s.tx_ids || n > MKT_BLOCK_BYTES_MAX || mkt_buf_grow(&s.bytes, n) < 0) {
		free(scratch);
		mkt_sealed_release(&s);
		return r;
	}
	root_of_txs(in, scratch, &s.h.tx_root);
	root_of_events(in->ev, scratch, &s.h.event_root);
	free(scratch);
	mkt_header_hash(&s.h, &s.hash);
	encode(in, &s.h, &s.hash, &s.bytes);
	if (in->ntxs)
		memcpy(s.tx_ids, in->tx_ids, in->ntxs * sizeof(*s.tx_ids));
	s.delta = *in->delta;
	*in->delta = (struct mkt_delta){.rows = NULL};
	*out = s;
	return 0;
}

int mkt_sealed_take(const struct mkt_block *b, struct mkt_buf *bytes, struct mkt_delta *delta,
		    struct mkt_sealed *out)
{
	struct mkt_sealed s = {.h = b->h, .hash = b->hash};

	if (chain_tx_ids(b, &s.tx_ids) < 0)
		return -MKT_ENOMEM;
	s.bytes = *bytes;
	s.delta = *delta;
	*bytes = (struct mkt_buf)MKT_BUF_INIT;
	*delta = (struct mkt_delta){.rows = NULL};
	*out = s;
	return 0;
}

#define VOTE_BYTES (2 + MKT_SIG_LEN)

int mkt_sealed_certify(struct mkt_sealed *s, const struct mkt_vote *votes, unsigned n)
{
	struct mkt_buf out = MKT_BUF_INIT;
	size_t old;

	if (!n || n > MKT_AUTHORITIES_MAX || s->bytes.len <= MKT_HEADER_BYTES)
		return -MKT_EINVAL;
	for (unsigned i = 1; i < n; i++)
		if (votes[i].authority <= votes[i - 1].authority)
			return -MKT_EINVAL;
	old = MKT_HEADER_BYTES + 1 + (size_t)s->bytes.data[MKT_HEADER_BYTES] * VOTE_BYTES;
	if (old > s->bytes.len)
		return -MKT_EINVAL;
	mkt_buf_grow(&out, s->bytes.len - old + MKT_HEADER_BYTES + 1 + n * VOTE_BYTES);
	mkt_buf_add(&out, s->bytes.data, MKT_HEADER_BYTES);
	mkt_enc_u8(&out, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		mkt_enc_u16(&out, votes[i].authority);
		mkt_enc_bytes(&out, votes[i].sig.b, MKT_SIG_LEN);
	}
	mkt_buf_add(&out, s->bytes.data + old, s->bytes.len - old);
	if (out.bad) {
		mkt_buf_release(&out);
		return -MKT_ENOMEM;
	}
	mkt_buf_release(&s->bytes);
	s->bytes = out;
	return 0;
}

void mkt_sealed_release(struct mkt_sealed *s)
{
	mkt_buf_release(&s->bytes);
	free(s->tx_ids);
	mkt_delta_release(&s->delta);
	*s = (struct mkt_sealed){.bytes = MKT_BUF_INIT};
}

#include "core/base/compat.h"

#include "core/chain/verify.h"
#include "core/codec/enc.h"
#include "core/wire/txproof.h"

void mkt_txproof_release(struct mkt_txproof *p)
{
	mkt_buf_release(&p->envelope);
	*p = (struct mkt_txproof)MKT_TXPROOF_INIT;
}

static int wrong(struct mkt_err *err, const char *what)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "%s", what);
}

/* A getter's sentence about the answer's form is a reason like any other. */
static int malformed(struct mkt_err *err)
{
	if (err && err->code == MKT_EINVAL)
		err->code = MKT_EINTEGRITY;
	return err && err->code == MKT_ENOMEM ? -MKT_ENOMEM : -MKT_EINTEGRITY;
}

/* ---- taking apart ------------------------------------------------------------------------- */

static int read_envelope(const struct mkt_jval *data, struct mkt_buf *out, struct mkt_err *err)
{
	const char *hex;
	size_t len;

	if (mkt_jget_str(data, "envelope", &hex, &len, err) < 0)
		return malformed(err);
	if (!len || len % 2 || len / 2 > MKT_TX_BYTES_MAX)
		return wrong(err, "the envelope's length is out of range");
	if (mkt_buf_grow(out, len / 2) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	if (mkt_jget_hex(data, "envelope", out->data, len / 2, err) < 0)
		return malformed(err);
	out->len = len / 2;
	return 0;
}

static int read_path(const struct mkt_jval *data, struct mkt_proof *out, struct mkt_err *err)
{
	struct mkt_jval proof, path, at;
	struct mkt_jiter it = {0};
	uint64_t n, ix;

	if (mkt_jget_obj(data, "proof", &proof, err) < 0 ||
	    mkt_jget_u64(&proof, "n", UINT32_MAX, &n, err) < 0 ||
	    mkt_jget_u64(&proof, "ix", UINT32_MAX, &ix, err) < 0 ||
	    mkt_jget_arr(&proof, "path", &path, err) < 0)
		return malformed(err);
	out->n = (uint32_t)n;
	out->ix = (uint32_t)ix;
	while (mkt_jval_next(&path, &it, &at)) {
		if (out->depth == MKT_MERKLE_DEPTH_MAX)
			return wrong(err, "the Merkle path is longer than any tree is high");
		if (mkt_jval_hex(&at, out->path[out->depth].b, MKT_HASH_LEN, err) < 0)
			return malformed(err);
		out->depth++;
	}
	return 0;
}

static int read_vote(const struct mkt_jval *at, struct mkt_pubkey *key, struct mkt_buf *out,
		     struct mkt_err *err)
{
	uint8_t sig[MKT_SIG_LEN];
	const char *text;
	uint64_t number;

	if (mkt_jget_u64(at, "authority", UINT16_MAX, &number, err) < 0 ||
	    mkt_jget_hex(at, "sig", sig, sizeof(sig), err) < 0 ||
	    mkt_jget_str(at, "key", &text, NULL, err) < 0)
		return malformed(err);
	if (mkt_pubkey_parse(text, key) < 0)
		return wrong(err, "the key of a vote is no key");
	mkt_enc_u16(out, (uint16_t)number);
	mkt_enc_bytes(out, sig, sizeof(sig));
	return 0;
}

/* Header and votes as a block begins, so that the one decoder of blocks looks at their form. */
static int read_head(const struct mkt_jval *data, struct mkt_txproof *out, struct mkt_buf *bytes,
		     struct mkt_err *err)
{
	struct mkt_jval votes, at;
	struct mkt_jiter it = {0};
	uint8_t header[MKT_HEADER_BYTES];
	unsigned n = 0;
	int r = 0;

	if (mkt_jget_hex(data, "header", header, sizeof(header), err) < 0 ||
	    mkt_jget_arr(data, "votes", &votes, err) < 0)
		return malformed(err);
	if (mkt_jval_count(&votes) > MKT_AUTHORITIES_MAX)
		return wrong(err, "there are more votes than authorities can be");
	mkt_enc_bytes(bytes, header, sizeof(header));
	mkt_enc_u8(bytes, (uint8_t)mkt_jval_count(&votes));
	while (!r && mkt_jval_next(&votes, &it, &at))
		r = read_vote(&at, &out->keys[n++], bytes, err);
	if (!r && bytes->bad)
		r = mkt_err_code(err, MKT_ENOMEM);
	return r ? r : mkt_block_dec_head(bytes->data, bytes->len, &out->head, NULL, err);
}

static int read_claims(const struct mkt_jval *data, struct mkt_txproof *out, struct mkt_err *err)
{
	uint64_t height, index, account;

	if (mkt_jget_hex(data, "tx", out->id.b, sizeof(out->id.b), err) < 0 ||
	    mkt_jget_u64(data, "height", UINT64_MAX, &height, err) < 0 ||
	    mkt_jget_u64(data, "index", UINT32_MAX, &index, err) < 0 ||
	    mkt_jget_u64(data, "account", UINT32_MAX, &account, err) < 0)
		return malformed(err);
	out->height = height;
	out->index = (uint32_t)index;
	out->account = (uint32_t)account;
	return 0;
}

int mkt_txproof_read(const struct mkt_jval *data, struct mkt_txproof *out, struct mkt_err *err)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_err why = {0};
	int r;

	mkt_txproof_release(out);
	r = read_claims(data, out, &why);
	if (!r)
		r = read_envelope(data, &out->envelope, &why);
	if (!r)
		r = read_path(data, &out->path, &why);
	if (!r)
		r = read_head(data, out, &bytes, &why);
	mkt_buf_release(&bytes);
	if (r < 0) {
		mkt_txproof_release(out);
		if (err)
			*err = why;
	}
	return r;
}

/* ---- checks ------------------------------------------------------------------------------- */

int mkt_txproof_signed(const struct mkt_txproof *p, const struct mkt_authorities *set,
		       const struct mkt_hash *chain, struct mkt_err *err)
{
	const struct mkt_block *b = &p->head;

	if (b->h.height != p->height)
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "the header is of block %llu, not of %llu as told",
				   (unsigned long long)b->h.height, (unsigned long long)p->height);
	for (unsigned i = 0; i < b->nvotes; i++) {
		unsigned who = b->votes[i].authority;

		if (who < set->n &&
		    memcmp(p->keys[i].b, set->v[who].key.b, sizeof(p->keys[i].b)) != 0)
			return mkt_err_set(err, MKT_EINTEGRITY,
					   "block %llu: the key named for authority %u is not its "
					   "key",
					   (unsigned long long)b->h.height, who);
	}
	return mkt_verify_head(b, set, chain, err);
}

int mkt_txproof_path(const struct mkt_txproof *p, struct mkt_err *err)
{
	const struct mkt_header *h = &p->head.h;
	struct mkt_hash leaf;

	if (p->path.n != h->ntxs || p->path.ix != p->index)
		return wrong(err, "the Merkle path is of another place than the one told");
	mkt_hash(&leaf, MKT_DOM_LEAF, p->envelope.data, p->envelope.len);
	if (!mkt_merkle_ok(&p->path, &leaf, &h->tx_root))
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "the Merkle path does not lead from the transaction to the root "
				   "of block %llu",
				   (unsigned long long)h->height);
	return 0;
}

int mkt_txproof_envelope(const struct mkt_txproof *p, const struct mkt_hash *id,
			 const struct mkt_hash *chain, struct mkt_tx *tx, struct mkt_err *err)
{
	struct mkt_err why = {0};
	int r = mkt_tx_dec(p->envelope.data, p->envelope.len, chain, tx, &why);

	if (r == -MKT_ENOMEM)
		return mkt_err_code(err, MKT_ENOMEM);
	if (r < 0)
		return wrong(err, why.text);
	if (!mkt_hash_eq(&tx->id, id) || !mkt_hash_eq(&p->id, id))
		return wrong(err, "it is another transaction than the one asked for");
	if (tx->account != p->account)
		return wrong(err, "its signer is another account than the one told");
	return 0;
}

#include "core/base/compat.h"

#include "core/chain/block.h"
#include "core/codec/enc.h"

#define PURPOSE_LEN 16

static const char purpose[PURPOSE_LEN] = "mkt:sign-hd:v1:";

static void put_hash(struct mkt_buf *out, const struct mkt_hash *h)
{
	mkt_enc_bytes(out, h->b, MKT_HASH_LEN);
}

static void get_hash(struct mkt_dec *in, struct mkt_hash *h)
{
	const uint8_t *p = mkt_dec_bytes(in, MKT_HASH_LEN);

	if (p)
		memcpy(h->b, p, MKT_HASH_LEN);
}

void mkt_header_enc(const struct mkt_header *h, struct mkt_buf *out)
{
	mkt_enc_u8(out, MKT_BLOCK_VERSION);
	put_hash(out, &h->chain);
	mkt_enc_u64(out, h->height);
	put_hash(out, &h->prev);
	mkt_enc_u64(out, h->time_ms);
	mkt_enc_u64(out, h->epoch);
	mkt_enc_u32(out, h->ntxs);
	mkt_enc_u32(out, h->nevents);
	mkt_enc_u64(out, h->first_tx);
	mkt_enc_u64(out, h->first_bid);
	mkt_enc_u64(out, h->first_exec);
	put_hash(out, &h->tx_root);
	put_hash(out, &h->event_root);
	put_hash(out, &h->state);
	put_hash(out, &h->authorities);
	mkt_enc_u16(out, h->authority);
}

int mkt_header_dec(struct mkt_dec *in, struct mkt_header *h)
{
	struct mkt_header v = {.height = 0};
	uint8_t version = mkt_dec_u8(in);

	get_hash(in, &v.chain);
	v.height = mkt_dec_u64(in);
	get_hash(in, &v.prev);
	v.time_ms = mkt_dec_u64(in);
	v.epoch = mkt_dec_u64(in);
	v.ntxs = mkt_dec_u32(in);
	v.nevents = mkt_dec_u32(in);
	v.first_tx = mkt_dec_u64(in);
	v.first_bid = mkt_dec_u64(in);
	v.first_exec = mkt_dec_u64(in);
	get_hash(in, &v.tx_root);
	get_hash(in, &v.event_root);
	get_hash(in, &v.state);
	get_hash(in, &v.authorities);
	v.authority = mkt_dec_u16(in);
	if (in->bad)
		return -MKT_ETRUNCATED;
	if (version != MKT_BLOCK_VERSION)
		return -MKT_EVERSION;
	*h = v;
	return 0;
}

/* The encoded header on the stack: hashing needs no allocation that could fail. */
struct raw_header {
	uint8_t b[MKT_HEADER_BYTES + 1]; /* a buffer keeps a NUL after its contents */
};

void mkt_header_hash(const struct mkt_header *h, struct mkt_hash *out)
{
	struct raw_header raw;
	struct mkt_buf b = {.data = raw.b, .cap = sizeof(raw.b)};

	mkt_header_enc(h, &b);
	mkt_hash(out, MKT_DOM_HEADER, raw.b, MKT_HEADER_BYTES);
}

static void signed_bytes(const struct mkt_hash *hash, uint8_t out[PURPOSE_LEN + MKT_HASH_LEN])
{
	memcpy(out, purpose, PURPOSE_LEN);
	memcpy(out + PURPOSE_LEN, hash->b, MKT_HASH_LEN);
}

void mkt_header_sign(const struct mkt_hash *hash, const struct mkt_seckey *key, struct mkt_sig *out)
{
	uint8_t m[PURPOSE_LEN + MKT_HASH_LEN];

	signed_bytes(hash, m);
	mkt_sign(out, key, m, sizeof(m));
}

bool mkt_header_sig_ok(const struct mkt_hash *hash, const struct mkt_pubkey *key,
		       const struct mkt_sig *sig)
{
	uint8_t m[PURPOSE_LEN + MKT_HASH_LEN];

	signed_bytes(hash, m);
	return mkt_sig_ok(sig, key, m, sizeof(m));
}

void mkt_authorities_hash(const struct mkt_pubkey *keys, unsigned n, struct mkt_hash *out)
{
	uint8_t count = (uint8_t)n;

	mkt_hash2(out, MKT_DOM_AUTHS, &count, 1, keys, n * sizeof(*keys));
}

static int bad(struct mkt_err *err, const struct mkt_block *b, const char *what)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "block %llu: %s", (unsigned long long)b->h.height,
			   what);
}

static int dec_votes(struct mkt_dec *in, struct mkt_block *b, struct mkt_err *err)
{
	b->nvotes = mkt_dec_u8(in);
	if (b->nvotes > MKT_AUTHORITIES_MAX || (!b->nvotes && b->h.height))
		return bad(err, b, "the number of votes is not 1 to 32");
	for (unsigned i = 0; i < b->nvotes; i++) {
		struct mkt_vote *v = &b->votes[i];
		const uint8_t *sig;

		v->authority = mkt_dec_u16(in);
		sig = mkt_dec_bytes(in, MKT_SIG_LEN);
		if (!sig)
			return bad(err, b, "it ends within its votes");
		memcpy(v->sig.b, sig, MKT_SIG_LEN);
		if (i && v->authority <= b->votes[i - 1].authority)
			return bad(err, b, "the votes are not in order");
	}
	return in->bad ? bad(err, b, "it ends before its votes") : 0;
}

static int dec_txs(struct mkt_dec *in, struct mkt_block *b, struct mkt_err *err)
{
	if (b->h.ntxs > MKT_BLOCK_TXS_MAX)
		return bad(err, b, "it counts too many transactions");
	b->txs = in->at;
	for (uint32_t i = 0; i < b->h.ntxs; i++) {
		uint32_t len = mkt_dec_u32(in);

		if (!mkt_dec_bytes(in, len))
			return bad(err, b, "it ends within its transactions");
		if (!len || len > MKT_TX_BYTES_MAX)
			return bad(err, b, "a transaction's length is out of range");
	}
	b->txs_len = (size_t)(in->at - b->txs);
	return 0;
}

static int dec_head(struct mkt_dec *in, const void *p, struct mkt_block *b, struct mkt_err *err)
{
	int r = mkt_header_dec(in, &b->h);

	if (r == -MKT_EVERSION)
		return mkt_err_set(err, MKT_EINTEGRITY, "the block's version is not known");
	if (r < 0)
		return mkt_err_set(err, MKT_EINTEGRITY, "the block ends within its header");
	mkt_hash(&b->hash, MKT_DOM_HEADER, p, MKT_HEADER_BYTES);
	return dec_votes(in, b, err);
}

int mkt_block_dec_head(const void *p, size_t n, struct mkt_block *b, size_t *used,
		       struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	struct mkt_block v = {.txs = NULL};
	int r = dec_head(&in, p, &v, err);

	if (r < 0)
		return r;
	*b = v;
	if (used)
		*used = (size_t)(in.at - (const uint8_t *)p);
	return 0;
}

int mkt_block_dec(const void *p, size_t n, struct mkt_block *b, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	struct mkt_block v;
	int r;

	if (n > MKT_BLOCK_BYTES_MAX)
		return mkt_err_set(err, MKT_EINTEGRITY, "the block is longer than a block may be");
	r = dec_head(&in, p, &v, err);
	if (r < 0)
		return r;
	r = dec_txs(&in, &v, err);
	if (r < 0)
		return r;
	v.events = in.at;
	v.events_len = (size_t)(in.end - in.at);
	if (v.h.nevents > v.events_len || (!v.h.nevents && v.events_len))
		return bad(err, &v, "the number of events is not what follows");
	*b = v;
	return 0;
}

bool mkt_block_next_tx(const struct mkt_block *b, const uint8_t **at, const uint8_t **tx,
		       uint32_t *len)
{
	const uint8_t *from = *at ? *at : b->txs;
	struct mkt_dec in = mkt_dec_init(from, (size_t)(b->txs + b->txs_len - from));

	if (in.at == in.end)
		return false;
	*len = mkt_dec_u32(&in);
	*tx = mkt_dec_bytes(&in, *len);
	*at = in.at;
	return *tx != NULL;
}

bool mkt_block_tx(const struct mkt_block *b, uint32_t ix, const uint8_t **tx, uint32_t *len)
{
	const uint8_t *at = NULL;

	if (ix >= b->h.ntxs)
		return false;
	do {
		if (!mkt_block_next_tx(b, &at, tx, len))
			return false;
	} while (ix--);
	return true;
}

void mkt_block_tx_leaves(const struct mkt_block *b, struct mkt_hash *out)
{
	const uint8_t *at = NULL, *tx;
	uint32_t len;

	while (mkt_block_next_tx(b, &at, &tx, &len))
		mkt_hash(out++, MKT_DOM_LEAF, tx, len);
}

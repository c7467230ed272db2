/* The bytes of a certificate: taking apart. */
#include "core/base/compat.h"

#include "core/chain/cert.h"

#define ITEM_BYTES_MIN 11 /* an item without path and leaf */

bool mkt_cert_is(const void *p, size_t n)
{
	return n >= sizeof(MKT_CERT_MAGIC) - 1 &&
	       !memcmp(p, MKT_CERT_MAGIC, sizeof(MKT_CERT_MAGIC) - 1);
}

static int bad(struct mkt_err *err, const char *what)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "the certificate is damaged: %s", what);
}

/* A length and its bytes; not empty. */
static bool take_bytes(struct mkt_dec *in, struct mkt_bytes *out)
{
	uint32_t n = mkt_dec_u32(in);

	out->n = n;
	out->p = mkt_dec_bytes(in, n);
	return !in->bad && n;
}

static int dec_heads(struct mkt_dec *in, struct mkt_cert *c, struct mkt_err *err)
{
	c->nheads = mkt_dec_u8(in);
	if (in->bad || !c->nheads || c->nheads > MKT_CERT_HEADS_MAX)
		return bad(err, "the number of headers");
	for (unsigned i = 0; i < c->nheads; i++) {
		size_t used;

		if (mkt_block_dec_head(in->at, (size_t)(in->end - in->at), &c->heads[i], &used,
				       NULL) < 0)
			return bad(err, "a header is not well formed");
		mkt_dec_bytes(in, used);
		if (!c->heads[i].h.height ||
		    (i && c->heads[i].h.height <= c->heads[i - 1].h.height))
			return bad(err, "the headers are not in order");
	}
	return 0;
}

static int dec_item(struct mkt_dec *in, struct mkt_cert *c, unsigned *last, struct mkt_err *err)
{
	unsigned what = mkt_dec_u8(in), head = mkt_dec_u8(in);
	struct mkt_cert_item *it;
	const uint8_t *path;
	struct mkt_bytes leaf;

	if (in->bad || what <= *last || what >= MKT_CERT_END || head >= c->nheads)
		return bad(err, "its parts are not in order");
	*last = what;
	it = &c->items[what];
	it->head = (uint8_t)head;
	it->proof.n = mkt_cert_is_tx(what) ? c->heads[head].h.ntxs : c->heads[head].h.nevents;
	it->proof.ix = mkt_dec_u32(in);
	it->proof.depth = mkt_dec_u8(in);
	if (it->proof.depth > MKT_MERKLE_DEPTH_MAX)
		return bad(err, "a Merkle path is too long");
	path = mkt_dec_bytes(in, (size_t)it->proof.depth * MKT_HASH_LEN);
	if (path)
		memcpy(it->proof.path, path, (size_t)it->proof.depth * MKT_HASH_LEN);
	if (!take_bytes(in, &leaf))
		return bad(err, "it ends too early");
	it->there = true;
	it->p = leaf.p;
	it->n = leaf.n;
	return 0;
}

/* All parts that must be there, pairs whole, and no header for nothing. */
static int check_parts(const struct mkt_cert *c, struct mkt_err *err)
{
	unsigned used = 0;

	for (unsigned i = 1; i < MKT_CERT_END; i++) {
		if (c->items[i].there)
			used |= 1u << c->items[i].head;
		else if (i <= MKT_CERT_CONTRACT || i == MKT_CERT_SETTLED)
			return bad(err, "a part is missing");
	}
	if (c->items[MKT_CERT_SUPPLY].there != c->items[MKT_CERT_SUPPLY_DONE].there ||
	    c->items[MKT_CERT_DRAW].there != c->items[MKT_CERT_DRAW_DONE].there)
		return bad(err, "half a report is missing");
	if (used != (1u << c->nheads) - 1)
		return bad(err, "a header is there for nothing");
	return 0;
}

int mkt_cert_dec(const void *p, size_t n, struct mkt_cert *c, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	unsigned last = 0;
	int r;

	if (!mkt_cert_is(p, n))
		return mkt_err_set(err, MKT_EINTEGRITY, "this is not a certificate");
	if (n > MKT_CERT_BYTES_MAX)
		return bad(err, "it is longer than a certificate may be");
	memset(c, 0, sizeof(*c));
	mkt_dec_bytes(&in, sizeof(MKT_CERT_MAGIC) - 1);
	c->exec = mkt_dec_u64(&in);
	if (!take_bytes(&in, &c->genesis))
		return bad(err, "it ends too early");
	c->nchanges = mkt_dec_u8(&in);
	for (unsigned i = 0; i < c->nchanges; i++)
		if (!take_bytes(&in, &c->changes[i]))
			return bad(err, "it ends too early");
	r = dec_heads(&in, c, err);
	while (!r && (size_t)(in.end - in.at) >= ITEM_BYTES_MIN)
		r = dec_item(&in, c, &last, err);
	if (!r && mkt_dec_end(&in) < 0)
		r = bad(err, "bytes are left over or missing");
	return r ? r : check_parts(c, err);
}

#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "core/quorum/value.h"

/* Largest: both headers, two signatures, a vote of each authority. */
_Static_assert(2 + MKT_PUBKEY_LEN + 2 * (MKT_HEADER_BYTES + MKT_SIG_LEN) + 1 +
			       MKT_AUTHORITIES_MAX * (2 + MKT_SIG_LEN) <
		       MKT_EVIDENCE_BYTES_MAX,
	       "evidence fits");

uint32_t mkt_evidence_put(const struct mkt_evidence *v, uint8_t out[MKT_EVIDENCE_BYTES_MAX])
{
	struct mkt_buf b = {.data = out, .cap = MKT_EVIDENCE_BYTES_MAX};

	mkt_enc_u8(&b, MKT_Q_VERSION);
	mkt_enc_u8(&b, v->kind);
	mkt_enc_bytes(&b, v->key.b, MKT_PUBKEY_LEN);
	mkt_header_enc(&v->a, &b);
	mkt_enc_bytes(&b, v->a_sig.b, MKT_SIG_LEN);
	mkt_header_enc(&v->b, &b);
	if (v->kind == MKT_EVIDENCE_TWICE) {
		mkt_enc_bytes(&b, v->b_sig.b, MKT_SIG_LEN);
		return (uint32_t)b.len;
	}
	mkt_enc_u8(&b, v->nvotes);
	for (unsigned i = 0; i < v->nvotes; i++) {
		mkt_enc_u16(&b, v->votes[i].authority);
		mkt_enc_bytes(&b, v->votes[i].sig.b, MKT_SIG_LEN);
	}
	return (uint32_t)b.len;
}

static void get(struct mkt_dec *in, void *out, size_t n)
{
	const uint8_t *p = mkt_dec_bytes(in, n);

	if (p)
		memcpy(out, p, n);
}

static int wrong(struct mkt_err *err, const char *what)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "the evidence proves nothing: %s", what);
}

static int dec(struct mkt_dec *in, struct mkt_evidence *v, struct mkt_err *err)
{
	if (mkt_dec_u8(in) != MKT_Q_VERSION)
		return wrong(err, "its version is not known");
	v->kind = mkt_dec_u8(in);
	if (v->kind != MKT_EVIDENCE_TWICE && v->kind != MKT_EVIDENCE_AGAINST)
		return wrong(err, "its kind is not known");
	get(in, v->key.b, MKT_PUBKEY_LEN);
	if (mkt_header_dec(in, &v->a) < 0)
		return wrong(err, "its first header is not one");
	get(in, v->a_sig.b, MKT_SIG_LEN);
	if (mkt_header_dec(in, &v->b) < 0)
		return wrong(err, "its second header is not one");
	if (v->kind == MKT_EVIDENCE_TWICE) {
		get(in, v->b_sig.b, MKT_SIG_LEN);
	} else {
		v->nvotes = mkt_dec_u8(in);
		if (v->nvotes > MKT_AUTHORITIES_MAX)
			return wrong(err, "it has more votes than there can be authorities");
		for (unsigned i = 0; i < v->nvotes; i++) {
			v->votes[i].authority = mkt_dec_u16(in);
			get(in, v->votes[i].sig.b, MKT_SIG_LEN);
		}
	}
	if (mkt_dec_end(in) < 0)
		return wrong(err, "it is too short or too long");
	mkt_header_hash(&v->a, &v->a_hash);
	mkt_header_hash(&v->b, &v->b_hash);
	return 0;
}

static int check_headers(const struct mkt_evidence *v, const struct mkt_hash *chain,
			 struct mkt_err *err)
{
	bool twice = v->kind == MKT_EVIDENCE_TWICE;

	if (!mkt_hash_eq(&v->a.chain, chain) || !mkt_hash_eq(&v->b.chain, chain))
		return wrong(err, "it is of another chain");
	if (mkt_hash_eq(&v->a_hash, &v->b_hash))
		return wrong(err, "both headers are the same");
	if (v->a.height != v->b.height)
		return wrong(err, "the headers are of different heights");
	if (twice && v->a.epoch != v->b.epoch)
		return wrong(err, "the headers are of different epochs");
	if (!twice && v->b.epoch >= v->a.epoch)
		return wrong(err, "the block with a quorum is not of an earlier epoch");
	return 0;
}

static int check_sigs(const struct mkt_evidence *v, const struct mkt_authorities *set,
		      struct mkt_err *err)
{
	int who = set ? mkt_authorities_find(set, &v->key) : -1;

	if (set && who < 0)
		return wrong(err, "who is accused was no authority");
	if (!mkt_header_sig_ok(&v->a_hash, &v->key, &v->a_sig))
		return wrong(err, "the first header's signature is wrong");
	if (v->kind == MKT_EVIDENCE_TWICE)
		return mkt_header_sig_ok(&v->b_hash, &v->key, &v->b_sig)
			       ? 0
			       : wrong(err, "the second header's signature is wrong");
	if (!set)
		return wrong(err, "the set of authorities at its height is not known");
	if (v->a.authority != who)
		return wrong(err, "who is accused did not lead with that block");
	if (mkt_q_votes_good(&v->b_hash, v->votes, v->nvotes, set) < mkt_authorities_quorum(set))
		return wrong(err, "the other block has no quorum of votes");
	return 0;
}

int mkt_evidence_check(const void *p, size_t n, const struct mkt_hash *chain,
		       const struct mkt_authorities *set, struct mkt_evidence *out,
		       struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	struct mkt_evidence v;
	int r;

	memset(&v, 0, sizeof(v));
	r = dec(&in, &v, err);
	if (r >= 0)
		r = check_headers(&v, chain, err);
	if (r >= 0)
		r = check_sigs(&v, set, err);
	if (r < 0)
		return r;
	*out = v;
	return 0;
}

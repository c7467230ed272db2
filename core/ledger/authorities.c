#include "core/base/compat.h"

#include "core/ledger/authorities.h"

void mkt_authorities_of(const struct mkt_genesis *g, struct mkt_authorities *out)
{
	*out = (struct mkt_authorities){.quorum = g->quorum, .n = g->nauthorities};
	for (unsigned i = 0; i < g->nauthorities; i++) {
		out->v[i].key = g->authorities[i];
		snprintf(out->v[i].name, sizeof(out->v[i].name), "a%u", i + 1);
	}
}

unsigned mkt_authorities_quorum(const struct mkt_authorities *set)
{
	unsigned n = set->n, faulty = set->quorum == MKT_QUORUM_BFT ? (n - 1) / 3 : 0;

	return (n + faulty) / 2 + 1;
}

int mkt_authorities_find(const struct mkt_authorities *set, const struct mkt_pubkey *key)
{
	for (int i = 0; i < set->n; i++)
		if (!memcmp(&set->v[i].key, key, sizeof(*key)))
			return i;
	return -1;
}

int mkt_authorities_named(const struct mkt_authorities *set, const char *name)
{
	for (int i = 0; i < set->n; i++)
		if (!strcmp(set->v[i].name, name))
			return i;
	return -1;
}

void mkt_authorities_set_hash(const struct mkt_authorities *set, struct mkt_hash *out)
{
	struct mkt_pubkey keys[MKT_AUTHORITIES_MAX];
	uint8_t count = set->n;

	for (unsigned i = 0; i < set->n; i++)
		keys[i] = set->v[i].key;
	mkt_hash2(out, MKT_DOM_AUTHS, &count, 1, keys, set->n * sizeof(*keys));
}

/* ---- changes ------------------------------------------------------------------------------ */

void mkt_authority_signed(const struct mkt_authority_change *c, const struct mkt_hash *chain,
			  struct mkt_buf *out)
{
	static const char purpose[16] = "mkt:sign-au:v1:";

	mkt_enc_bytes(out, purpose, sizeof(purpose));
	mkt_enc_bytes(out, chain->b, sizeof(chain->b));
	mkt_enc_u32(out, c->generation);
	mkt_enc_u8(out, c->what);
	mkt_enc_bytes(out, c->who.key.b, sizeof(c->who.key.b));
	mkt_enc_text(out, c->who.name, strlen(c->who.name));
}

static int check_who(const struct mkt_authorities *set, const struct mkt_authority_change *c,
		     struct mkt_err *err)
{
	int key = mkt_authorities_find(set, &c->who.key);
	int name = mkt_authorities_named(set, c->who.name);

	if (c->generation != set->generation)
		return mkt_err_set(err, MKT_EAUTHORITY,
				   "the change is of set %u, but set %u is in force", c->generation,
				   set->generation);
	if (c->what == MKT_AUTHORITY_REMOVE) {
		if (key < 0 || key != name)
			return mkt_err_set(err, MKT_EAUTHORITY,
					   "there is no authority '%s' with this key", c->who.name);
		if (set->n == 1)
			return mkt_err_set(err, MKT_EAUTHORITY, "'%s' is the last authority",
					   c->who.name);
		return 0;
	}
	if (key >= 0)
		return mkt_err_set(err, MKT_EAUTHORITY, "the key is that of authority '%s'",
				   set->v[key].name);
	if (name >= 0)
		return mkt_err_set(err, MKT_EAUTHORITY, "there is an authority '%s'", c->who.name);
	if (set->n == MKT_AUTHORITIES_MAX)
		return mkt_err_set(err, MKT_EAUTHORITY, "a chain has at most %d authorities",
				   MKT_AUTHORITIES_MAX);
	return 0;
}

static int check_cosigns(const struct mkt_authorities *set, const struct mkt_buf *text,
			 const uint8_t *p, unsigned n, struct mkt_err *err)
{
	int last = -1;

	for (unsigned i = 0; i < n; i++, p += MKT_COSIGN_LEN) {
		struct mkt_dec in = mkt_dec_init(p, MKT_COSIGN_LEN);
		int number = mkt_dec_u16(&in);
		struct mkt_sig sig;

		memcpy(sig.b, in.at, sizeof(sig.b));
		if (number <= last || number >= set->n)
			return mkt_err_set(err, MKT_EAUTHORITY,
					   "signature %u is of no authority, or out of order",
					   i + 1);
		if (!mkt_sig_ok(&sig, &set->v[number].key, text->data, text->len))
			return mkt_err_set(err, MKT_EAUTHORITY, "the signature of '%s' is wrong",
					   set->v[number].name);
		last = number;
	}
	if (n < mkt_authorities_quorum(set))
		return mkt_err_set(err, MKT_EAUTHORITY, "%u of %u authorities have signed, %u must",
				   n, set->n, mkt_authorities_quorum(set));
	return 0;
}

int mkt_authorities_check(const struct mkt_authorities *set, const struct mkt_hash *chain,
			  const struct mkt_authority_change *c, const uint8_t *cosigns, unsigned n,
			  struct mkt_err *err)
{
	struct mkt_buf text = MKT_BUF_INIT;
	int rc = check_who(set, c, err);

	if (rc < 0)
		return rc;
	mkt_authority_signed(c, chain, &text);
	rc = text.bad ? mkt_err_code(err, MKT_ENOMEM) : check_cosigns(set, &text, cosigns, n, err);
	mkt_buf_release(&text);
	return rc;
}

void mkt_authorities_change(struct mkt_authorities *set, const struct mkt_authority_change *c,
			    uint64_t height)
{
	if (c->what == MKT_AUTHORITY_ADD) {
		set->v[set->n++] = c->who;
	} else {
		unsigned at = (unsigned)mkt_authorities_find(set, &c->who.key);

		set->n--;
		memmove(&set->v[at], &set->v[at + 1], (set->n - at) * sizeof(*set->v));
		memset(&set->v[set->n], 0, sizeof(*set->v));
	}
	set->generation++;
	set->since = height;
}

/* ---- bytes -------------------------------------------------------------------------------- */

void mkt_authorities_enc(const struct mkt_authorities *set, struct mkt_buf *out)
{
	mkt_enc_u32(out, set->generation);
	mkt_enc_u64(out, set->since);
	mkt_enc_u8(out, set->quorum);
	mkt_enc_u8(out, set->n);
	for (unsigned i = 0; i < set->n; i++) {
		mkt_enc_bytes(out, set->v[i].key.b, MKT_PUBKEY_LEN);
		mkt_enc_text(out, set->v[i].name, strlen(set->v[i].name));
	}
}

int mkt_authorities_dec(struct mkt_dec *in, struct mkt_authorities *set)
{
	struct mkt_authorities v = {.generation = mkt_dec_u32(in)};
	unsigned n;
	int rc;

	v.since = mkt_dec_u64(in);
	v.quorum = mkt_dec_u8(in);
	n = mkt_dec_u8(in);
	if (in->bad)
		return -MKT_ETRUNCATED;
	if (!v.generation || v.quorum > MKT_QUORUM_BFT || !n || n > MKT_AUTHORITIES_MAX)
		return -MKT_ENONCANONICAL;
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *key = mkt_dec_bytes(in, MKT_PUBKEY_LEN);
		struct mkt_authority *a = &v.v[i];

		if (key)
			memcpy(a->key.b, key, MKT_PUBKEY_LEN);
		mkt_dec_text(in, a->name, MKT_NAME_MAX);
		if (in->bad)
			return -MKT_ETRUNCATED;
		if (mkt_authorities_find(&v, &a->key) >= 0 ||
		    mkt_authorities_named(&v, a->name) >= 0)
			return -MKT_ENONCANONICAL;
		v.n++;
	}
	rc = mkt_dec_end(in);
	if (!rc)
		*set = v;
	return rc;
}

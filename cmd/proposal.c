#include "core/base/compat.h"

#include "cmd/proposal.h"
#include "core/base/file.h"
#include "core/codec/enc.h"
#include "core/codec/json.h"
#include "core/crypto/keyfile.h"

#define SCHEMA "mkt.proposal-file/1"

const char *mkt_proposal_word(const struct mkt_proposal *p)
{
	return p->change.what == MKT_AUTHORITY_ADD ? "add" : "remove";
}

static const struct mkt_cosign *find(const struct mkt_proposal *p, const struct mkt_pubkey *key)
{
	for (unsigned i = 0; i < p->n; i++)
		if (!memcmp(&p->signed_by[i].key, key, sizeof(*key)))
			return &p->signed_by[i];
	return NULL;
}

static int add(struct mkt_proposal *p, const struct mkt_cosign *c, struct mkt_err *err)
{
	char key[MKT_PUBKEY_TEXT];

	if (find(p, &c->key)) {
		mkt_pubkey_text(&c->key, key);
		return mkt_err_set(err, MKT_EEXISTS, "'%s' has signed it already", key);
	}
	if (p->n == MKT_AUTHORITIES_MAX)
		return mkt_err_set(err, MKT_ELIMIT, "it has %d signatures already",
				   MKT_AUTHORITIES_MAX);
	p->signed_by[p->n++] = *c;
	return 0;
}

/* ---- reading ------------------------------------------------------------------------------ */

static int read_key(const struct mkt_jval *obj, struct mkt_pubkey *key, struct mkt_err *err)
{
	const char *text;
	int rc = mkt_jget_str(obj, "key", &text, NULL, err);

	if (!rc && mkt_pubkey_parse(text, key))
		rc = mkt_err_set(err, MKT_EINVAL, "'%s' is no key (mkt1...)", text);
	return rc;
}

static int read_change(const struct mkt_jval *root, struct mkt_proposal *p, struct mkt_err *err)
{
	const char *schema = "", *what = "";
	uint64_t generation = 0;
	int rc = mkt_jget_str(root, "schema", &schema, NULL, err);

	if (!rc && strcmp(schema, SCHEMA))
		rc = mkt_err_set(err, MKT_EINVAL, "its schema is '%s', not '%s'", schema, SCHEMA);
	if (!rc)
		rc = mkt_jget_hex(root, "chain", p->chain.b, sizeof(p->chain.b), err);
	if (!rc)
		rc = mkt_jget_u64(root, "generation", UINT32_MAX, &generation, err);
	if (!rc)
		rc = mkt_jget_str(root, "what", &what, NULL, err);
	if (!rc)
		rc = mkt_jget_text(root, "name", p->change.who.name, sizeof(p->change.who.name),
				   err);
	if (!rc)
		rc = read_key(root, &p->change.who.key, err);
	if (rc < 0)
		return rc;
	if (strcmp(what, "add") != 0 && strcmp(what, "remove") != 0)
		return mkt_err_set(err, MKT_EINVAL, "'%s' is neither 'add' nor 'remove'", what);
	if (!mkt_name_ok(p->change.who.name))
		return mkt_err_set(err, MKT_EINVAL, "name '%s' is not well formed",
				   p->change.who.name);
	p->change.what = *what == 'a' ? MKT_AUTHORITY_ADD : MKT_AUTHORITY_REMOVE;
	p->change.generation = (uint32_t)generation;
	return 0;
}

static int read_cosigns(const struct mkt_jval *root, struct mkt_proposal *p, struct mkt_err *err)
{
	struct mkt_buf text = MKT_BUF_INIT;
	struct mkt_jiter it = {0};
	struct mkt_jval all, at;
	struct mkt_cosign c;
	int rc = mkt_jget_arr(root, "signatures", &all, err);

	mkt_authority_signed(&p->change, &p->chain, &text);
	while (!rc && mkt_jval_next(&all, &it, &at)) {
		rc = read_key(&at, &c.key, err);
		if (!rc)
			rc = mkt_jget_hex(&at, "sig", c.sig.b, sizeof(c.sig.b), err);
		if (!rc && !mkt_sig_ok(&c.sig, &c.key, text.data, text.len))
			rc = mkt_err_set(err, MKT_ESIGNATURE, "signature %zu is wrong",
					 (size_t)at.index + 1);
		if (!rc)
			rc = add(p, &c, err);
	}
	if (!rc && text.bad)
		rc = mkt_err_code(err, MKT_ENOMEM);
	mkt_buf_release(&text);
	return rc;
}

int mkt_proposal_read(const char *path, struct mkt_proposal *p, struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_jdoc *doc = NULL;
	struct mkt_jval root;
	int rc = mkt_file_read(path, MKT_PROPOSAL_BYTES_MAX, &b, err);

	if (rc < 0) {
		mkt_buf_release(&b);
		return rc;
	}
	memset(p, 0, sizeof(*p));
	rc = mkt_jdoc_parse(b.data, b.len, NULL, &doc, err);
	mkt_buf_release(&b);
	if (!rc) {
		root = mkt_jdoc_root(doc);
		rc = read_change(&root, p, err);
		if (!rc)
			rc = read_cosigns(&root, p, err);
		mkt_jdoc_free(doc);
	}
	if (rc < 0)
		mkt_err_wrap(err, "'%s' is no proposal", path);
	return rc;
}

/* ---- writing ------------------------------------------------------------------------------ */

int mkt_proposal_write(const char *path, const struct mkt_proposal *p, bool fresh,
		       struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	char key[MKT_PUBKEY_TEXT];
	struct mkt_jw w;
	int rc;

	mkt_jw_init(&w, &b);
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "schema", SCHEMA);
	mkt_jw_khex(&w, "chain", p->chain.b, sizeof(p->chain.b));
	mkt_jw_ku64(&w, "generation", p->change.generation);
	mkt_jw_kstr(&w, "what", mkt_proposal_word(p));
	mkt_jw_kstr(&w, "name", p->change.who.name);
	mkt_pubkey_text(&p->change.who.key, key);
	mkt_jw_kstr(&w, "key", key);
	mkt_jw_key(&w, "signatures");
	mkt_jw_arr(&w);
	for (unsigned i = 0; i < p->n; i++) {
		mkt_jw_obj(&w);
		mkt_pubkey_text(&p->signed_by[i].key, key);
		mkt_jw_kstr(&w, "key", key);
		mkt_jw_khex(&w, "sig", p->signed_by[i].sig.b, MKT_SIG_LEN);
		mkt_jw_obj_end(&w);
	}
	mkt_jw_arr_end(&w);
	mkt_jw_obj_end(&w);
	mkt_buf_addstr(&b, "\n");
	rc = b.bad ? mkt_err_code(err, MKT_ENOMEM)
		   : mkt_file_write(path, b.data, b.len, (struct mkt_file_how){0644, fresh}, err);
	mkt_buf_release(&b);
	return rc;
}

/* ---- signatures --------------------------------------------------------------------------- */

int mkt_proposal_sign(struct mkt_proposal *p, const struct mkt_seckey *key, struct mkt_err *err)
{
	struct mkt_buf text = MKT_BUF_INIT;
	struct mkt_cosign c;
	int rc;

	mkt_authority_signed(&p->change, &p->chain, &text);
	mkt_seckey_public(key, &c.key);
	if (!text.bad)
		mkt_sign(&c.sig, key, text.data, text.len);
	rc = text.bad ? mkt_err_code(err, MKT_ENOMEM) : add(p, &c, err);
	mkt_buf_release(&text);
	return rc;
}

int mkt_proposal_merge(struct mkt_proposal *p, const struct mkt_proposal *other,
		       struct mkt_err *err)
{
	const struct mkt_authority_change *a = &p->change, *b = &other->change;
	int rc = 0;

	if (!mkt_hash_eq(&p->chain, &other->chain) || a->what != b->what ||
	    a->generation != b->generation ||
	    memcmp(&a->who.key, &b->who.key, sizeof(b->who.key)) != 0 ||
	    strcmp(a->who.name, b->who.name) != 0)
		return mkt_err_set(err, MKT_ECONFLICT, "the files propose different things");
	for (unsigned i = 0; !rc && i < other->n; i++)
		if (!find(p, &other->signed_by[i].key))
			rc = add(p, &other->signed_by[i], err);
	return rc;
}

unsigned mkt_proposal_cosigns(const struct mkt_proposal *p, const struct mkt_authorities *set,
			      uint8_t *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < set->n; i++) {
		const struct mkt_cosign *c = find(p, &set->v[i].key);

		if (!c)
			continue;
		out[0] = (uint8_t)i;
		out[1] = 0; /* u16, and there are at most MKT_AUTHORITIES_MAX */
		memcpy(out + 2, c->sig.b, MKT_SIG_LEN);
		out += MKT_COSIGN_LEN;
		n++;
	}
	return n;
}

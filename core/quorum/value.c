#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "core/quorum/value.h"

#define PURPOSE_LEN 16
#define NUMBER_LEN 20

static const char purpose[PURPOSE_LEN] = "mkt:sign-kv:v1:";

/* ---- keys ------------------------------------------------------------------------------- */

bool mkt_q_name_ok(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t n = strlen(name);

	return n && n <= MKT_NAME_MAX && strspn(name, letters) == n;
}

static void number_text(uint64_t v, char out[NUMBER_LEN])
{
	for (int i = NUMBER_LEN - 1; i >= 0; i--, v /= 10)
		out[i] = (char)('0' + v % 10);
}

void mkt_q_key_height(uint8_t kind, uint64_t height, char out[MKT_KV_KEY_MAX + 1])
{
	out[0] = kind == MKT_QK_PROPOSAL ? 'p' : 'a';
	out[1] = '/';
	number_text(height, out + 2);
	out[2 + NUMBER_LEN] = '/';
	out[3 + NUMBER_LEN] = '\0';
}

void mkt_q_key_epoch(uint8_t kind, uint64_t height, uint64_t epoch, char out[MKT_KV_KEY_MAX + 1])
{
	mkt_q_key_height(kind, height, out);
	number_text(epoch, out + 3 + NUMBER_LEN);
	out[3 + 2 * NUMBER_LEN] = '\0';
}

static void add_name(char *out, size_t at, const char *name)
{
	size_t n = strnlen(name, MKT_NAME_MAX);

	memcpy(out + at, name, n);
	out[at + n] = '\0';
}

void mkt_q_key_text(const struct mkt_q_key *key, char out[MKT_KV_KEY_MAX + 1])
{
	static const char *const fixed[] = {
		[MKT_QK_OTHER] = "",	[MKT_QK_ID] = "id",	 [MKT_QK_EP] = "ep",
		[MKT_QK_HEAD] = "head", [MKT_QK_LIVE] = "live/",
	};

	if (key->kind == MKT_QK_PROPOSAL || key->kind == MKT_QK_VOTE) {
		mkt_q_key_epoch(key->kind, key->height, key->epoch, out);
		if (key->kind == MKT_QK_VOTE) {
			out[3 + 2 * NUMBER_LEN] = '/';
			add_name(out, 4 + 2 * NUMBER_LEN, key->name);
		}
		return;
	}
	snprintf(out, MKT_KV_KEY_MAX + 1, "%s", fixed[key->kind]);
	if (key->kind == MKT_QK_LIVE)
		add_name(out, strlen(out), key->name);
}

/* Exactly NUMBER_LEN digits that fit. */
static const char *number_parse(const char *s, uint64_t *out)
{
	uint64_t v = 0;

	for (int i = 0; i < NUMBER_LEN; i++, s++) {
		if (*s < '0' || *s > '9' || v > UINT64_MAX / 10)
			return NULL;
		v *= 10;
		if (__builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return NULL;
	}
	*out = v;
	return s;
}

static bool name_parse(const char *s, char out[MKT_NAME_MAX + 1])
{
	if (!mkt_q_name_ok(s))
		return false;
	memcpy(out, s, strlen(s) + 1);
	return true;
}

static uint8_t round_parse(const char *s, struct mkt_q_key *out)
{
	bool vote = s[0] == 'a';
	const char *at = number_parse(s + 2, &out->height);

	if (!at || *at++ != '/')
		return MKT_QK_OTHER;
	at = number_parse(at, &out->epoch);
	if (!at)
		return MKT_QK_OTHER;
	if (!vote)
		return *at ? MKT_QK_OTHER : MKT_QK_PROPOSAL;
	return *at == '/' && name_parse(at + 1, out->name) ? MKT_QK_VOTE : MKT_QK_OTHER;
}

void mkt_q_key_parse(const char *text, struct mkt_q_key *out)
{
	*out = (struct mkt_q_key){.kind = MKT_QK_OTHER};
	if (!strcmp(text, "id"))
		out->kind = MKT_QK_ID;
	else if (!strcmp(text, "ep"))
		out->kind = MKT_QK_EP;
	else if (!strcmp(text, "head"))
		out->kind = MKT_QK_HEAD;
	else if (!strncmp(text, "live/", 5))
		out->kind = name_parse(text + 5, out->name) ? MKT_QK_LIVE : MKT_QK_OTHER;
	else if ((text[0] == 'p' || text[0] == 'a') && text[1] == '/')
		out->kind = round_parse(text, out);
}

/* ---- signing ---------------------------------------------------------------------------- */

/* What is signed: purpose, chain, key, value so far. */
struct to_sign {
	uint8_t b[PURPOSE_LEN + MKT_HASH_LEN + 1 + MKT_KV_KEY_MAX + MKT_KV_VALUE_MAX];
	size_t n;
};

static void to_sign(struct to_sign *s, const struct mkt_hash *chain, const struct mkt_q_key *key,
		    const uint8_t *value, size_t n)
{
	char text[MKT_KV_KEY_MAX + 1];
	size_t len;

	mkt_q_key_text(key, text);
	len = strlen(text);
	memcpy(s->b, purpose, PURPOSE_LEN);
	memcpy(s->b + PURPOSE_LEN, chain->b, MKT_HASH_LEN);
	s->n = PURPOSE_LEN + MKT_HASH_LEN;
	s->b[s->n++] = (uint8_t)len;
	memcpy(s->b + s->n, text, len);
	s->n += len;
	memcpy(s->b + s->n, value, n);
	s->n += n;
}

/* An encoder over the caller's array: it never grows. */
static struct mkt_buf over(uint8_t *out)
{
	return (struct mkt_buf){.data = out, .cap = MKT_KV_VALUE_MAX};
}

static void sign_value(struct mkt_buf *b, const struct mkt_hash *chain, const struct mkt_q_key *key,
		       const struct mkt_seckey *sec)
{
	struct to_sign s;
	struct mkt_sig sig;

	to_sign(&s, chain, key, b->data, b->len);
	mkt_sign(&sig, sec, s.b, s.n);
	mkt_enc_bytes(b, sig.b, MKT_SIG_LEN);
}

/* The signature is the last of the value. */
static bool value_sig_ok(const uint8_t *p, size_t n, const struct mkt_hash *chain,
			 const struct mkt_q_key *key, const struct mkt_pubkey *pub)
{
	struct to_sign s;
	struct mkt_sig sig;

	if (n < MKT_SIG_LEN || n > MKT_KV_VALUE_MAX)
		return false;
	memcpy(sig.b, p + n - MKT_SIG_LEN, MKT_SIG_LEN);
	to_sign(&s, chain, key, p, n - MKT_SIG_LEN);
	return mkt_sig_ok(&sig, pub, s.b, s.n);
}

unsigned mkt_q_votes_good(const struct mkt_hash *hash, const struct mkt_vote *votes, unsigned n,
			  const struct mkt_authorities *set)
{
	uint32_t seen = 0;
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned who = votes[i].authority;

		if (who >= set->n || seen >> who & 1)
			continue;
		if (!mkt_header_sig_ok(hash, &set->v[who].key, &votes[i].sig))
			continue;
		seen |= 1u << who;
		good++;
	}
	return good;
}

/* ---- parts of values -------------------------------------------------------------------- */

static void put_hash(struct mkt_buf *b, const struct mkt_hash *h)
{
	mkt_enc_bytes(b, h->b, MKT_HASH_LEN);
}

static void get_hash(struct mkt_dec *in, struct mkt_hash *h)
{
	const uint8_t *p = mkt_dec_bytes(in, MKT_HASH_LEN);

	if (p)
		memcpy(h->b, p, MKT_HASH_LEN);
}

static void get_sig(struct mkt_dec *in, struct mkt_sig *s)
{
	const uint8_t *p = mkt_dec_bytes(in, MKT_SIG_LEN);

	if (p)
		memcpy(s->b, p, MKT_SIG_LEN);
}

static void put_votes(struct mkt_buf *b, const struct mkt_vote *v, unsigned n)
{
	mkt_enc_u8(b, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		mkt_enc_u16(b, v[i].authority);
		mkt_enc_bytes(b, v[i].sig.b, MKT_SIG_LEN);
	}
}

/* False: too many, or not ascending. */
static bool get_votes(struct mkt_dec *in, struct mkt_vote *v, uint8_t *n)
{
	*n = mkt_dec_u8(in);
	if (*n > MKT_AUTHORITIES_MAX) {
		*n = 0;
		return false;
	}
	for (unsigned i = 0; i < *n; i++) {
		v[i].authority = mkt_dec_u16(in);
		get_sig(in, &v[i].sig);
		if (!in->bad && i && v[i].authority <= v[i - 1].authority)
			return false;
	}
	return true;
}

static bool get_name(struct mkt_dec *in, char out[MKT_NAME_MAX + 1])
{
	mkt_dec_text(in, out, MKT_NAME_MAX);
	return !in->bad && mkt_q_name_ok(out);
}

static bool get_header(struct mkt_dec *in, struct mkt_header *h, struct mkt_hash *hash)
{
	if (mkt_header_dec(in, h) < 0) {
		in->bad = true;
		return false;
	}
	mkt_header_hash(h, hash);
	return true;
}

/* Version first, the end last; every value goes through both. */
static int begin(struct mkt_dec *in, const void *p, size_t n)
{
	*in = mkt_dec_init(p, n);
	if (n > MKT_KV_VALUE_MAX)
		return -MKT_EOVERLONG;
	if (mkt_dec_u8(in) != MKT_Q_VERSION)
		return in->bad ? -MKT_ETRUNCATED : -MKT_EVERSION;
	return 0;
}

static int end(const struct mkt_dec *in, bool good)
{
	int r = mkt_dec_end(in);

	return r < 0 ? r : good ? 0 : -MKT_EINVAL;
}

/* ---- id --------------------------------------------------------------------------------- */

static void id_body(struct mkt_buf *b, const struct mkt_q_id *v)
{
	mkt_enc_u8(b, MKT_Q_VERSION);
	put_hash(b, &v->chain);
	mkt_enc_u64(b, v->generation);
	mkt_enc_u64(b, v->cluster);
	mkt_enc_u64(b, v->base);
	put_hash(b, &v->hash);
}

static void id_to_sign(const struct mkt_q_id *v, struct to_sign *s)
{
	uint8_t raw[MKT_KV_VALUE_MAX];
	struct mkt_buf b = over(raw);

	id_body(&b, v);
	to_sign(s, &v->chain, &(struct mkt_q_key){.kind = MKT_QK_ID}, raw, b.len);
}

void mkt_q_id_sign(const struct mkt_q_id *id, const struct mkt_seckey *key, struct mkt_sig *out)
{
	struct to_sign s;

	id_to_sign(id, &s);
	mkt_sign(out, key, s.b, s.n);
}

uint16_t mkt_q_id_put(const struct mkt_q_id *v, uint8_t *out)
{
	struct mkt_buf b = over(out);

	id_body(&b, v);
	put_votes(&b, v->votes, v->nvotes);
	return (uint16_t)b.len;
}

static int id_check(const struct mkt_q_id *v, const struct mkt_authorities *set)
{
	unsigned needed = v->generation > 1 ? mkt_authorities_quorum(set) : 1;
	unsigned good = 0;
	struct to_sign s;

	id_to_sign(v, &s);
	for (unsigned i = 0; i < v->nvotes; i++) {
		const struct mkt_vote *vote = &v->votes[i];

		if (vote->authority < set->n &&
		    mkt_sig_ok(&vote->sig, &set->v[vote->authority].key, s.b, s.n))
			good++;
	}
	return good < needed ? -MKT_EDENIED : 0;
}

int mkt_q_id_get(const void *p, size_t n, const struct mkt_hash *chain,
		 const struct mkt_authorities *set, struct mkt_q_id *out)
{
	struct mkt_q_id v = {.generation = 0};
	struct mkt_dec in;
	bool good;
	int r = begin(&in, p, n);

	if (r < 0)
		return r;
	get_hash(&in, &v.chain);
	v.generation = mkt_dec_u64(&in);
	v.cluster = mkt_dec_u64(&in);
	v.base = mkt_dec_u64(&in);
	get_hash(&in, &v.hash);
	good = get_votes(&in, v.votes, &v.nvotes);
	r = end(&in, good && v.generation);
	if (r < 0)
		return r;
	if (!mkt_hash_eq(&v.chain, chain))
		return -MKT_EFOREIGN;
	r = set ? id_check(&v, set) : 0;
	if (r < 0)
		return r;
	*out = v;
	return 0;
}

/* ---- ep --------------------------------------------------------------------------------- */

uint16_t mkt_q_ep_put(const struct mkt_q_ep *v, const struct mkt_hash *chain,
		      const struct mkt_seckey *key, uint8_t *out)
{
	struct mkt_buf b = over(out);

	mkt_enc_u8(&b, MKT_Q_VERSION);
	mkt_enc_u64(&b, v->epoch);
	mkt_enc_text(&b, v->holder, strlen(v->holder));
	mkt_enc_text(&b, v->writer, strlen(v->writer));
	sign_value(&b, chain, &(struct mkt_q_key){.kind = MKT_QK_EP}, key);
	return (uint16_t)b.len;
}

int mkt_q_ep_get(const void *p, size_t n, const struct mkt_hash *chain,
		 const struct mkt_authorities *set, struct mkt_q_ep *out)
{
	struct mkt_q_ep v = {.epoch = 0};
	struct mkt_dec in;
	struct mkt_sig sig;
	bool good;
	int r = begin(&in, p, n);
	int who;

	if (r < 0)
		return r;
	v.epoch = mkt_dec_u64(&in);
	good = v.epoch && v.epoch <= MKT_Q_EPOCH_MAX;
	good = get_name(&in, v.holder) && good;
	good = get_name(&in, v.writer) && good;
	get_sig(&in, &sig);
	r = end(&in, good);
	if (r < 0)
		return r;
	who = set ? mkt_authorities_named(set, v.writer) : 0;
	if (who < 0 || (set && !value_sig_ok(p, n, chain, &(struct mkt_q_key){.kind = MKT_QK_EP},
					     &set->v[who].key)))
		return -MKT_EDENIED;
	*out = v;
	return 0;
}

/* ---- head ------------------------------------------------------------------------------- */

uint16_t mkt_q_head_put(const struct mkt_q_head *v, uint8_t *out)
{
	struct mkt_buf b = over(out);

	mkt_enc_u8(&b, MKT_Q_VERSION);
	mkt_header_enc(&v->header, &b);
	put_votes(&b, v->votes, v->nvotes);
	return (uint16_t)b.len;
}

int mkt_q_head_get(const void *p, size_t n, const struct mkt_hash *chain,
		   const struct mkt_authorities *set, struct mkt_q_head *out)
{
	struct mkt_q_head v;
	struct mkt_dec in;
	bool good;
	int r = begin(&in, p, n);

	if (r < 0)
		return r;
	memset(&v, 0, sizeof(v));
	get_header(&in, &v.header, &v.hash);
	good = get_votes(&in, v.votes, &v.nvotes);
	r = end(&in, good);
	if (r < 0)
		return r;
	if (!mkt_hash_eq(&v.header.chain, chain))
		return -MKT_EFOREIGN;
	if (set && mkt_q_votes_good(&v.hash, v.votes, v.nvotes, set) < mkt_authorities_quorum(set))
		return -MKT_EDENIED;
	*out = v;
	return 0;
}

/* ---- proposal, vote, live --------------------------------------------------------------- */

static struct mkt_q_key proposal_key(const struct mkt_header *h)
{
	return (struct mkt_q_key){.kind = MKT_QK_PROPOSAL, .height = h->height, .epoch = h->epoch};
}

uint16_t mkt_q_proposal_put(const struct mkt_q_proposal *v, const struct mkt_seckey *key,
			    uint8_t *out)
{
	struct mkt_buf b = over(out);
	struct mkt_q_key k = proposal_key(&v->header);

	mkt_enc_u8(&b, MKT_Q_VERSION);
	mkt_header_enc(&v->header, &b);
	mkt_enc_u32(&b, v->body_len);
	mkt_enc_bytes(&b, v->sig.b, MKT_SIG_LEN);
	sign_value(&b, &v->header.chain, &k, key);
	return (uint16_t)b.len;
}

static int proposal_check(const struct mkt_q_proposal *v, const struct mkt_authorities *set,
			  const struct mkt_q_key *key)
{
	struct mkt_hash hash;

	if (v->header.height != key->height || v->header.epoch != key->epoch ||
	    v->header.authority >= set->n)
		return -MKT_EINVAL;
	mkt_authorities_set_hash(set, &hash);
	return mkt_hash_eq(&hash, &v->header.authorities) ? 0 : -MKT_EINVAL;
}

int mkt_q_proposal_get(const void *p, size_t n, const struct mkt_hash *chain,
		       const struct mkt_authorities *set, const struct mkt_q_key *key,
		       struct mkt_q_proposal *out)
{
	struct mkt_q_proposal v;
	struct mkt_dec in;
	struct mkt_sig sig;
	const struct mkt_pubkey *pub;
	int r = begin(&in, p, n);

	if (r < 0)
		return r;
	memset(&v, 0, sizeof(v));
	get_header(&in, &v.header, &v.hash);
	v.body_len = mkt_dec_u32(&in);
	get_sig(&in, &v.sig);
	get_sig(&in, &sig);
	r = end(&in, v.body_len && v.body_len <= MKT_BLOCK_BYTES_MAX);
	if (r < 0)
		return r;
	if (!mkt_hash_eq(&v.header.chain, chain))
		return -MKT_EFOREIGN;
	r = proposal_check(&v, set, key);
	if (r < 0)
		return r;
	pub = &set->v[v.header.authority].key;
	if (!mkt_header_sig_ok(&v.hash, pub, &v.sig) || !value_sig_ok(p, n, chain, key, pub))
		return -MKT_EDENIED;
	*out = v;
	return 0;
}

uint16_t mkt_q_vote_put(const struct mkt_q_vote *v, uint8_t *out)
{
	struct mkt_buf b = over(out);

	mkt_enc_u8(&b, MKT_Q_VERSION);
	put_hash(&b, &v->hash);
	mkt_enc_bytes(&b, v->sig.b, MKT_SIG_LEN);
	return (uint16_t)b.len;
}

int mkt_q_vote_get(const void *p, size_t n, const struct mkt_authorities *set,
		   const struct mkt_q_key *key, struct mkt_q_vote *out)
{
	struct mkt_q_vote v;
	struct mkt_dec in;
	int r = begin(&in, p, n);
	int who;

	if (r < 0)
		return r;
	memset(&v, 0, sizeof(v));
	get_hash(&in, &v.hash);
	get_sig(&in, &v.sig);
	r = end(&in, true);
	if (r < 0)
		return r;
	who = mkt_authorities_named(set, key->name);
	if (who < 0 || !mkt_header_sig_ok(&v.hash, &set->v[who].key, &v.sig))
		return -MKT_EDENIED;
	*out = v;
	return 0;
}

static struct mkt_q_key live_key(const char *name)
{
	struct mkt_q_key k = {.kind = MKT_QK_LIVE};

	add_name(k.name, 0, name);
	return k;
}

uint16_t mkt_q_live_put(const struct mkt_q_live *v, const struct mkt_hash *chain, const char *name,
			const struct mkt_seckey *key, uint8_t *out)
{
	struct mkt_buf b = over(out);
	struct mkt_q_key k = live_key(name);

	mkt_enc_u8(&b, MKT_Q_VERSION);
	mkt_enc_text(&b, v->url, strlen(v->url));
	mkt_enc_u64(&b, v->durable);
	sign_value(&b, chain, &k, key);
	return (uint16_t)b.len;
}

int mkt_q_live_get(const void *p, size_t n, const struct mkt_hash *chain,
		   const struct mkt_authorities *set, const struct mkt_q_key *key,
		   struct mkt_q_live *out)
{
	struct mkt_q_live v = {.durable = 0};
	struct mkt_dec in;
	struct mkt_sig sig;
	int r = begin(&in, p, n);
	int who;

	if (r < 0)
		return r;
	mkt_dec_text(&in, v.url, MKT_Q_URL_MAX);
	v.durable = mkt_dec_u64(&in);
	get_sig(&in, &sig);
	r = end(&in, true);
	if (r < 0)
		return r;
	who = mkt_authorities_named(set, key->name);
	if (who < 0 || !value_sig_ok(p, n, chain, key, &set->v[who].key))
		return -MKT_EDENIED;
	*out = v;
	return 0;
}

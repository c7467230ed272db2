/*
 * A state from its records, which come in ascending (type, id): accounts stand
 * before the bids that name them, and bids come in the order of their arrival.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"

/* Forget what mkt_state_new() made of genesis: all of it comes as records. */
static void load_start(struct mkt_state *s)
{
	s->loading = true;
	s->load_type = 0;
	for (uint32_t i = 0; i < s->naccounts; i++)
		account_release(&s->account[i]);
	s->naccounts = 0;
	mkt_idmap_clear(&s->by_key);
	mkt_idmap_clear(&s->by_name);
	mkt_tag_table_release(&s->tags);
	mkt_authorities_of(&s->g, &s->authorities);
	memset(&s->sum, 0, sizeof(s->sum));
	memset(s->dim_mark, 0, sizeof(s->dim_mark));
	memset(s->limits_mark, 0, sizeof(s->limits_mark));
	s->meta_mark = s->authorities_mark = (struct mark){0};
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(s->dirty); i++)
		s->dirty[i].n = 0;
}

static int load_dim(struct mkt_state *s, uint64_t id, struct mkt_dec *in)
{
	struct mkt_tag_dim dim;
	int rc;

	if (id != s->tags.ndims || id >= MKT_DIMS_MAX)
		return -MKT_ENONCANONICAL;
	rc = mkt_tag_dim_dec(in, &dim);
	if (!rc)
		rc = mkt_dec_end(in);
	else
		return rc;
	if (rc < 0) {
		mkt_tag_dim_release(&dim);
		return rc;
	}
	s->tags.dims[s->tags.ndims++] = dim;
	return 0;
}

static int load_account(struct mkt_state *s, uint64_t id, struct mkt_dec *in)
{
	struct account a = {0};
	int rc;

	if (id != s->naccounts || id >= MKT_ACCOUNTS_MAX)
		return -MKT_ENONCANONICAL;
	rc = account_dec(in, &a);
	if (rc < 0)
		return rc;
	if (mkt_idmap_get(&s->by_key, a.key.b, NULL) || account_by_name(s, a.name, NULL))
		rc = -MKT_EEXISTS;
	else
		rc = account_add(s, &a);
	if (rc < 0)
		account_release(&a);
	return rc;
}

static int load_grant(struct mkt_state *s, uint64_t id, struct mkt_dec *in)
{
	struct mkt_grant g;
	int rc = grant_dec(in, id, &g);

	if (rc < 0)
		return rc;
	if (!account_known(s, g.from) || !account_known(s, g.to) || g.from == g.to)
		return -MKT_EACCOUNT;
	grant_put(s, &g);
	return 0;
}

/* Books for the legs, and the legs as the engine takes them. */
static int load_legs(struct mkt_state *s, const struct bid *b, struct leg *legs, bool *open)
{
	for (unsigned i = 0; i < b->nlegs; i++) {
		struct leg *l = &legs[i];

		if (!mkt_tags_known(&s->tags, l->tags))
			return -MKT_ETAG;
		if (l->window > s->window_max)
			return -MKT_EWINDOW;
		if (b->side == MKT_SELL && l->fee_upwh)
			return -MKT_ENONCANONICAL;
		open[i] = l->book != NONE;
		s->order_legs[i] = (struct mkt_leg){0, l->price_upwh};
		if (!open[i])
			continue;
		l->book = window_open_book(s, l->window, l->tags);
		if (l->book == NONE)
			return -MKT_ENOMEM;
		s->order_legs[i].book = l->book;
	}
	return 0;
}

static int load_bid(struct mkt_state *s, uint64_t id, struct mkt_dec *in)
{
	struct leg legs[MKT_LEGS_MAX];
	bool open[MKT_LEGS_MAX];
	struct bid b = {.id = id};
	struct mkt_incoming o = {.id = id, .legs = s->order_legs};
	int rc = bid_dec(in, &b, legs);

	if (rc < 0)
		return rc;
	if (!account_known(s, b.account))
		return -MKT_EACCOUNT;
	if (!id || id >= s->next_bid)
		return -MKT_EBID;
	rc = load_legs(s, &b, legs, open);
	if (rc < 0)
		return rc;
	o.owner = b.account;
	o.amount_wh = b.left_wh;
	o.side = b.side;
	o.nlegs = b.nlegs;
	rc = mkt_books_restore(s->books, &o, open, &b.slot);
	if (rc < 0)
		return rc;
	b.rate_upwh = escrow_rate(s, b.side, legs, b.nlegs);
	bid_enter(s, &b, legs);
	return 0;
}

static int load_contract(struct mkt_state *s, uint64_t id, struct mkt_dec *in)
{
	struct mkt_contract c;
	int rc = mkt_contract_dec(in->at, (size_t)(in->end - in->at), &c);

	if (rc < 0)
		return rc;
	if (!account_known(s, c.what.buyer) || !account_known(s, c.what.seller))
		return -MKT_EACCOUNT;
	if (c.what.exec != id || id >= s->next_exec)
		return -MKT_ECONTRACT;
	if (c.what.window > s->window_max || !mkt_tags_known(&s->tags, c.what.tags))
		return -MKT_EWINDOW;
	contract_enter(s, &c);
	return 0;
}

static int load_record(struct mkt_state *s, uint8_t type, uint64_t id, struct mkt_dec *in)
{
	switch (type) {
	case MKT_REC_META:
		return id ? -MKT_ENONCANONICAL : meta_dec(in, s);
	case MKT_REC_DIM:
		return load_dim(s, id, in);
	case MKT_REC_LIMITS:
		if (id >= MKT_CLASS_COUNT)
			return -MKT_ENONCANONICAL;
		return limits_dec(in, &s->limits[id]);
	case MKT_REC_ACCOUNT:
		return load_account(s, id, in);
	case MKT_REC_GRANT:
		return load_grant(s, id, in);
	case MKT_REC_BID:
		return load_bid(s, id, in);
	case MKT_REC_CONTRACT:
		return load_contract(s, id, in);
	case MKT_REC_AUTHORITIES:
		return id ? -MKT_ENONCANONICAL : mkt_authorities_dec(in, &s->authorities);
	default:
		return -MKT_ENONCANONICAL;
	}
}

/* The record as we would write it must be the bytes given; into the sum with it. */
static int load_sum(struct mkt_state *s, uint8_t type, uint64_t id, const void *p, size_t n)
{
	struct mark *m = record_mark(s, type, id);

	mkt_buf_clear(&s->bytes);
	record_enc(s, type, id, &s->bytes);
	if (s->bytes.bad)
		return -MKT_ENOMEM;
	if (!m || s->bytes.len != n || memcmp(s->bytes.data, p, n) != 0)
		return -MKT_ENONCANONICAL;
	record_hash(type, id, p, n, &m->hash);
	m->in = true;
	mkt_lthash_add(&s->sum, &m->hash);
	return 0;
}

int mkt_state_load(struct mkt_state *s, uint8_t type, uint64_t id, const void *p, size_t n,
		   struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	int rc = 0;

	if (!s->loading)
		load_start(s);
	if (type < s->load_type || (type == s->load_type && id <= s->load_id))
		rc = -MKT_EINVAL; /* order */
	else if (!s->load_type && type != MKT_REC_META)
		rc = -MKT_EINVAL;
	if (!rc)
		rc = load_record(s, type, id, &in);
	if (!rc)
		rc = load_sum(s, type, id, p, n);
	s->load_type = type;
	s->load_id = id;
	if (s->nomem || rc == -MKT_ENOMEM)
		return mkt_err_code(err, MKT_ENOMEM);
	if (rc < 0)
		return mkt_err_set(err, MKT_ESTORE, "record %u of type %u is damaged (%s)",
				   (unsigned)id, type, mkt_code_word(-rc));
	return 0;
}

static int load_complete(const struct mkt_state *s, struct mkt_err *err)
{
	if (!s->tags.ndims || !s->naccounts)
		return mkt_err_set(err, MKT_ESTORE, "records of tags or accounts are missing");
	for (unsigned i = 0; i < MKT_CLASS_COUNT; i++)
		if (!s->limits_mark[i].in)
			return mkt_err_set(err, MKT_ESTORE,
					   "the record of limits of '%s' is missing",
					   mkt_class_name(i));
	if (check_money(s, err) < 0) {
		mkt_err_wrap(err, "the store is damaged");
		return -MKT_ESTORE;
	}
	return 0;
}

int mkt_state_loaded(struct mkt_state *s, const struct mkt_hash *digest, struct mkt_err *err)
{
	struct mkt_hash mine;
	int rc;

	if (!s->loading)
		return mkt_err_set(err, MKT_ESTORE, "there are no records");
	rc = load_complete(s, err);
	if (rc < 0)
		return rc;
	mkt_lthash_digest(&s->sum, &mine);
	if (digest && !mkt_hash_eq(&mine, digest))
		return mkt_err_set(err, MKT_ESTORE,
				   "the records do not give the digest of the block");
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(s->dirty); i++)
		s->dirty[i].n = 0;
	s->seq++; /* so that the records just made count as untouched */
	s->loading = false;
	s->in_block = false;
	s->expired_s = (s->time_ms + 999) / 1000;
	windows_open_at(s, s->time_ms, &s->open_first, &s->open_last);
	return 0;
}

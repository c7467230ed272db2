/*
 * What changed in a block, and the digest.
 *
 * A record is put on the list of its type when it is first touched in a block,
 * with the hash that the sum holds of it.  At the end each record of the lists is
 * written once: if its bytes differ, its old hash is taken out of the sum and the
 * new one added.  A record that came and went within the block costs nothing.
 */
#include "core/base/compat.h"

#include "core/ledger/put.h"
#include "core/ledger/state_impl.h"

void note(struct mkt_state *s, uint8_t type, uint64_t id, struct mark *m)
{
	struct dirty_list *l = &s->dirty[type];

	if (m->block == s->seq)
		return;
	m->block = s->seq;
	if (ROOM(l->v, l->cap, (uint64_t)l->n + 1) < 0) {
		s->nomem = true;
		return;
	}
	l->v[l->n++] = (struct dirty){id, m->hash, m->in};
}

/* ---- records by key --------------------------------------------------------------------- */

static struct mark *grant_mark(struct mkt_state *s, uint64_t id)
{
	const struct grant *g = grant_find(s, (uint32_t)(id >> 32), (uint32_t)id);

	if (!g)
		return NULL;
	return &s->account[id >> 32].grants[g - s->account[id >> 32].grants].mark;
}

struct mark *record_mark(struct mkt_state *s, uint8_t type, uint64_t id)
{
	uint32_t ix;

	switch (type) {
	case MKT_REC_META:
		return &s->meta_mark;
	case MKT_REC_DIM:
		return &s->dim_mark[id];
	case MKT_REC_LIMITS:
		return &s->limits_mark[id];
	case MKT_REC_ACCOUNT:
		return &s->account[id].mark;
	case MKT_REC_GRANT:
		return grant_mark(s, id);
	case MKT_REC_AUTHORITIES:
		return &s->authorities_mark;
	case MKT_REC_BID:
		return mkt_map_get(&s->by_bid, id, &ix) ? &s->bid[ix].mark : NULL;
	default:
		return mkt_map_get(&s->by_exec, id, &ix) ? &s->contract[ix].mark : NULL;
	}
}

static void grant_record(const struct mkt_state *s, uint64_t id, struct mkt_buf *out)
{
	const struct grant *g = grant_find(s, (uint32_t)(id >> 32), (uint32_t)id);

	if (g)
		grant_enc(&g->g, out);
}

void record_enc(const struct mkt_state *s, uint8_t type, uint64_t id, struct mkt_buf *out)
{
	uint32_t ix;

	switch (type) {
	case MKT_REC_META:
		meta_enc(s, out);
		break;
	case MKT_REC_DIM:
		mkt_tag_dim_enc(&s->tags.dims[id], out);
		break;
	case MKT_REC_LIMITS:
		limits_enc(&s->limits[id], out);
		break;
	case MKT_REC_ACCOUNT:
		account_enc(&s->account[id], out);
		break;
	case MKT_REC_GRANT:
		grant_record(s, id, out);
		break;
	case MKT_REC_AUTHORITIES:
		mkt_authorities_enc(&s->authorities, out);
		break;
	case MKT_REC_BID:
		if (mkt_map_get(&s->by_bid, id, &ix))
			bid_enc(&s->bid[ix], legs_of(s, &s->bid[ix]), out);
		break;
	default:
		if (mkt_map_get(&s->by_exec, id, &ix))
			mkt_contract_enc(&s->contract[ix].c, out);
	}
}

void record_hash(uint8_t type, uint64_t id, const void *p, size_t n, struct mkt_hash *out)
{
	uint8_t key[1 + 8];

	put_u64(put_u8(key, type), id);
	mkt_hash2(out, MKT_DOM_RECORD, key, sizeof(key), p, n);
}

/* ---- order of the changed records ------------------------------------------------------- */

static bool is_sorted(const struct dirty_list *l)
{
	for (uint32_t i = 1; i < l->n; i++)
		if (l->v[i - 1].id > l->v[i].id)
			return false;
	return true;
}

static void merge(const struct dirty *a, uint32_t na, const struct dirty *b, uint32_t nb,
		  struct dirty *out)
{
	while (na && nb) {
		if (b->id < a->id) {
			*out++ = *b++;
			nb--;
		} else {
			*out++ = *a++;
			na--;
		}
	}
	memcpy(out, a, na * sizeof(*a));
	memcpy(out + na, b, nb * sizeof(*b));
}

/* Stable, ascending by id: equal ids stay in the order of their touching. */
static int sort(struct mkt_state *s, struct dirty_list *l)
{
	struct dirty *from = l->v, *to;

	if (is_sorted(l))
		return 0;
	if (ROOM(s->scratch, s->scratch_cap, l->n) < 0)
		return -MKT_ENOMEM;
	to = s->scratch;
	for (uint32_t run = 1; run < l->n; run *= 2) {
		struct dirty *t = from;

		for (uint32_t i = 0; i < l->n; i += 2 * run) {
			uint32_t na = l->n - i < run ? l->n - i : run;
			uint32_t nb = l->n - i - na < run ? l->n - i - na : run;

			merge(from + i, na, from + i + na, nb, to + i);
		}
		from = to;
		to = t;
	}
	if (from != l->v)
		memcpy(l->v, from, l->n * sizeof(*from));
	return 0;
}

/* One row a key: the first touch knows what the sum holds. */
static void unique(struct dirty_list *l)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		if (kept && l->v[kept - 1].id == l->v[i].id) {
			if (l->v[i].was)
				l->v[kept - 1] = l->v[i];
			continue;
		}
		l->v[kept++] = l->v[i];
	}
	l->n = kept;
}

/* ---- the end of a block ----------------------------------------------------------------- */

void mkt_delta_release(struct mkt_delta *d)
{
	free(d->rows);
	mkt_buf_release(&d->bytes);
	*d = (struct mkt_delta){0};
}

void mkt_delta_clear(struct mkt_delta *d)
{
	d->n = 0;
	mkt_buf_clear(&d->bytes);
}

static int delta_row(struct mkt_delta *d, uint8_t type, uint64_t id, size_t at)
{
	size_t len = d->bytes.len - at;

	if (d->bytes.bad || d->bytes.len > UINT32_MAX ||
	    ROOM(d->rows, d->cap, (uint64_t)d->n + 1) < 0)
		return -MKT_ENOMEM;
	d->rows[d->n++] = (struct mkt_delta_row){type, !len, id, (uint32_t)at, (uint32_t)len};
	return 0;
}

static int end_record(struct mkt_state *s, uint8_t type, const struct dirty *row,
		      struct mkt_delta *d)
{
	struct mark *m = record_mark(s, type, row->id);
	size_t at = d->bytes.len;
	struct mkt_hash hash;

	if (!m && !row->was)
		return 0;
	if (m) {
		record_enc(s, type, row->id, &d->bytes);
		if (d->bytes.bad)
			return -MKT_ENOMEM;
		record_hash(type, row->id, d->bytes.data + at, d->bytes.len - at, &hash);
		m->hash = hash;
		m->in = true;
		if (row->was && mkt_hash_eq(&hash, &row->old)) {
			d->bytes.len = at;
			return 0;
		}
		mkt_lthash_add(&s->sum, &hash);
	}
	if (row->was)
		mkt_lthash_sub(&s->sum, &row->old);
	return delta_row(d, type, row->id, at);
}

int mkt_state_end(struct mkt_state *s, struct mkt_delta *delta, struct mkt_hash *digest)
{
	mkt_delta_clear(delta);
	untils_trim(s);
	note(s, MKT_REC_META, 0, &s->meta_mark);
	for (unsigned type = MKT_REC_META; type <= MKT_REC_LAST; type++) {
		struct dirty_list *l = &s->dirty[type];

		if (s->nomem || sort(s, l) < 0)
			return -MKT_ENOMEM;
		unique(l);
		for (uint32_t i = 0; i < l->n; i++)
			if (end_record(s, (uint8_t)type, &l->v[i], delta) < 0)
				return -MKT_ENOMEM;
		l->n = 0;
	}
	s->seq++;
	s->in_block = false;
	s->block_txs = 0;
	s->set_changed = false;
	mkt_lthash_digest(&s->sum, digest);
	return 0;
}

/* ---- dump ------------------------------------------------------------------------------- */

static int dump_one(const struct mkt_state *s, uint8_t type, uint64_t id, struct mkt_delta *out)
{
	size_t at = out->bytes.len;

	record_enc(s, type, id, &out->bytes);
	return delta_row(out, type, id, at);
}

static int dump_accounts(const struct mkt_state *s, struct mkt_delta *out)
{
	int rc = 0;

	for (uint32_t i = 0; i < s->naccounts && !rc; i++)
		rc = dump_one(s, MKT_REC_ACCOUNT, i, out);
	for (uint32_t i = 0; i < s->naccounts; i++)
		for (uint32_t k = 0; k < s->account[i].ngrants && !rc; k++)
			rc = dump_one(s, MKT_REC_GRANT, grant_id(i, s->account[i].grants[k].g.to),
				      out);
	return rc;
}

int mkt_state_dump(const struct mkt_state *s, struct mkt_delta *out)
{
	int rc;

	mkt_delta_clear(out);
	rc = dump_one(s, MKT_REC_META, 0, out);
	for (unsigned i = 0; i < s->tags.ndims && !rc; i++)
		rc = dump_one(s, MKT_REC_DIM, i, out);
	for (unsigned i = 0; i < MKT_CLASS_COUNT && !rc; i++)
		rc = dump_one(s, MKT_REC_LIMITS, i, out);
	if (!rc)
		rc = dump_accounts(s, out);
	for (uint32_t ix = s->bids.head; ix != NONE && !rc; ix = s->bid[ix].all.next)
		rc = dump_one(s, MKT_REC_BID, s->bid[ix].id, out);
	for (uint32_t ix = s->contracts.head; ix != NONE && !rc;
	     ix = s->contract[ix].link[C_ALL].next)
		rc = dump_one(s, MKT_REC_CONTRACT, s->contract[ix].c.what.exec, out);
	if (!rc && s->authorities.generation)
		rc = dump_one(s, MKT_REC_AUTHORITIES, 0, out);
	return rc;
}

/*
 * Records of the state to canonical bytes and back.
 *
 *   META      u64 height, u64 time_ms, u64 next bid, u64 next exec, i32 up, i32 down, u64 x 9 and
 *             i64 x 3 of struct mkt_totals in order
 *   DIM       mkt_tag_dim_enc()
 *   LIMITS    4 x u32
 *   ACCOUNT   32 key, text name, u8 class, u8 suspended, u8 n, n x text charger, i64 available, i64
 *             held, i64 locked
 *   GRANT     u32 rights, u64 until_s, u8 meter
 *   BID       u32 account, u8 side, u8 flags (bits 0..2, bit 3: until follows), u32 amount, u32
 *             left, [u64 until_s], u64 time_ms, u16 nlegs, nlegs x (u32 window, u8 n tag bytes and
 *             bit 6: has left its book, bit 7: fee follows, tag bytes, i32 price, [i32 fee])
 *   CONTRACT  mkt_contract_enc()
 *
 * What follows from other records (escrow of a bid, its rate, open bids of an
 * account) is not written.
 */
#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "core/ledger/put.h"
#include "core/ledger/state_impl.h"

#define LEG_LEFT (1 << 6)
#define LEG_FEE (1 << 7)
#define LEG_BYTES_MAX (4u + 1 + MKT_DIMS_MAX + 4 + 4)
#define BID_BYTES_MAX (4u + 1 + 1 + 4 + 4 + 8 + 8 + 2)

/* ---- meta and limits -------------------------------------------------------------------- */

void meta_enc(const struct mkt_state *s, struct mkt_buf *out)
{
	const struct mkt_totals *t = &s->totals;
	uint8_t bytes[192], *p = bytes;

	p = put_u64(p, s->height);
	p = put_u64(p, s->time_ms);
	p = put_u64(p, s->next_bid);
	p = put_u64(p, s->next_exec);
	p = put_i32(p, s->up_upwh);
	p = put_i32(p, s->down_upwh);
	p = put_u64(p, t->txs);
	p = put_u64(p, t->ops);
	p = put_u64(p, t->refused);
	p = put_u64(p, t->bids);
	p = put_u64(p, t->contracts);
	p = put_u64(p, t->settled);
	p = put_u64(p, t->reports);
	p = put_u64(p, t->contracted_wh);
	p = put_u64(p, t->delivered_wh);
	p = put_i64(p, t->money_uc);
	p = put_i64(p, t->charges_uc);
	p = put_i64(p, t->fees_uc);
	mkt_buf_add(out, bytes, (size_t)(p - bytes));
}

int meta_dec(struct mkt_dec *in, struct mkt_state *s)
{
	struct mkt_totals *t = &s->totals;

	s->height = mkt_dec_u64(in);
	s->time_ms = mkt_dec_u64(in);
	s->next_bid = mkt_dec_u64(in);
	s->next_exec = mkt_dec_u64(in);
	s->up_upwh = mkt_dec_i32(in);
	s->down_upwh = mkt_dec_i32(in);
	t->txs = mkt_dec_u64(in);
	t->ops = mkt_dec_u64(in);
	t->refused = mkt_dec_u64(in);
	t->bids = mkt_dec_u64(in);
	t->contracts = mkt_dec_u64(in);
	t->settled = mkt_dec_u64(in);
	t->reports = mkt_dec_u64(in);
	t->contracted_wh = mkt_dec_u64(in);
	t->delivered_wh = mkt_dec_u64(in);
	t->money_uc = mkt_dec_i64(in);
	t->charges_uc = mkt_dec_i64(in);
	t->fees_uc = mkt_dec_i64(in);
	if (s->time_ms > MKT_TIME_MS_MAX || s->time_ms < s->g.time_ms || !s->next_bid ||
	    !s->next_exec || s->up_upwh < 0 || s->down_upwh < 0 || t->money_uc > MKT_MONEY_MAX ||
	    t->charges_uc < 0 || t->charges_uc > MKT_MONEY_MAX)
		return -MKT_ENONCANONICAL;
	s->prev_time_ms = s->time_ms;
	return mkt_dec_end(in);
}

void limits_enc(const struct mkt_class_limits *l, struct mkt_buf *out)
{
	mkt_enc_u32(out, l->open_bids);
	mkt_enc_u32(out, l->tx_per_min);
	mkt_enc_u32(out, l->reads_per_min);
	mkt_enc_u32(out, l->rows_per_min);
}

int limits_dec(struct mkt_dec *in, struct mkt_class_limits *l)
{
	l->open_bids = mkt_dec_u32(in);
	l->tx_per_min = mkt_dec_u32(in);
	l->reads_per_min = mkt_dec_u32(in);
	l->rows_per_min = mkt_dec_u32(in);
	if (l->open_bids > MKT_OPEN_BIDS_ACCOUNT_MAX)
		return -MKT_ENONCANONICAL;
	return mkt_dec_end(in);
}

/* ---- accounts --------------------------------------------------------------------------- */

void account_enc(const struct account *a, struct mkt_buf *out)
{
	uint8_t bytes[MKT_PUBKEY_LEN + 1 + MKT_NAME_MAX + 3], *p = bytes;

	memcpy(p, a->key.b, MKT_PUBKEY_LEN);
	p = put_text(p + MKT_PUBKEY_LEN, a->name, strlen(a->name));
	p = put_u8(p, a->cls);
	p = put_u8(p, a->suspended);
	p = put_u8(p, a->nchargers);
	mkt_buf_add(out, bytes, (size_t)(p - bytes));
	for (unsigned i = 0; i < a->nchargers; i++)
		mkt_enc_text(out, a->chargers[i], strlen(a->chargers[i]));
	p = put_i64(bytes, a->available_uc);
	p = put_i64(p, a->held_uc);
	p = put_i64(p, a->locked_uc);
	mkt_buf_add(out, bytes, (size_t)(p - bytes));
}

static int chargers_dec(struct mkt_dec *in, struct account *a)
{
	a->nchargers = mkt_dec_u8(in);
	if (a->nchargers > MKT_CHARGERS_MAX)
		return -MKT_ENONCANONICAL;
	if (!a->nchargers)
		return 0;
	a->chargers = calloc(a->nchargers, sizeof(*a->chargers));
	if (!a->chargers)
		return -MKT_ENOMEM;
	for (unsigned i = 0; i < a->nchargers; i++)
		mkt_dec_text(in, a->chargers[i], MKT_CHARGER_MAX);
	return 0;
}

int account_dec(struct mkt_dec *in, struct account *a)
{
	const uint8_t *key = mkt_dec_bytes(in, MKT_PUBKEY_LEN);
	uint8_t suspended;
	int rc;

	if (!key)
		return -MKT_ETRUNCATED;
	memcpy(a->key.b, key, MKT_PUBKEY_LEN);
	mkt_dec_text(in, a->name, MKT_NAME_MAX);
	a->cls = mkt_dec_u8(in);
	suspended = mkt_dec_u8(in);
	a->suspended = suspended;
	if (in->bad || !mkt_name_ok(a->name) || a->cls >= MKT_CLASS_COUNT || suspended > 1)
		return -MKT_ENONCANONICAL;
	rc = chargers_dec(in, a);
	a->available_uc = mkt_dec_i64(in);
	a->held_uc = mkt_dec_i64(in);
	a->locked_uc = mkt_dec_i64(in);
	if (!rc)
		rc = mkt_dec_end(in);
	if (!rc && (a->held_uc < 0 || a->locked_uc < 0))
		rc = -MKT_ENONCANONICAL;
	if (rc < 0)
		account_release(a);
	return rc;
}

void grant_enc(const struct mkt_grant *g, struct mkt_buf *out)
{
	mkt_enc_u32(out, g->rights);
	mkt_enc_u64(out, g->until_s);
	mkt_enc_u8(out, g->meter);
}

int grant_dec(struct mkt_dec *in, uint64_t id, struct mkt_grant *g)
{
	uint8_t meter;

	g->from = (uint32_t)(id >> 32);
	g->to = (uint32_t)id;
	g->rights = mkt_dec_u32(in);
	g->until_s = mkt_dec_u64(in);
	meter = mkt_dec_u8(in);
	g->meter = meter;
	if (g->rights & ~MKT_RIGHTS_ALL || meter > 1 || (!g->rights && !meter) ||
	    (!g->rights && g->until_s))
		return -MKT_ENONCANONICAL;
	return mkt_dec_end(in);
}

/* ---- bids ------------------------------------------------------------------------------- */

static uint8_t *leg_put(uint8_t *p, const struct leg *l)
{
	unsigned n = l->tags ? (71 - (unsigned)__builtin_clzll(l->tags)) / 8 : 0;
	unsigned flags = (l->book == NONE ? LEG_LEFT : 0) | (l->fee_upwh ? LEG_FEE : 0);

	p = put_u32(p, l->window);
	p = put_u8(p, (uint8_t)(n | flags));
	for (unsigned d = 0; d < n; d++)
		p = put_u8(p, mkt_tags_value(l->tags, d));
	p = put_i32(p, l->price_upwh);
	return l->fee_upwh ? put_i32(p, l->fee_upwh) : p;
}

void bid_enc(const struct bid *b, const struct leg *legs, struct mkt_buf *out)
{
	uint8_t *start, *p;

	if (mkt_buf_grow(out, BID_BYTES_MAX + b->nlegs * LEG_BYTES_MAX) < 0)
		return;
	start = p = out->data + out->len;
	p = put_u32(p, b->account);
	p = put_u8(p, b->side);
	p = put_u8(p, (uint8_t)(b->flags | (b->until_s ? MKT_BID_UNTIL : 0)));
	p = put_u32(p, b->amount_wh);
	p = put_u32(p, b->left_wh);
	if (b->until_s)
		p = put_u64(p, b->until_s);
	p = put_u64(p, b->time_ms);
	p = put_u16(p, b->nlegs);
	for (unsigned i = 0; i < b->nlegs; i++)
		p = leg_put(p, &legs[i]);
	out->len += (size_t)(p - start);
	*p = 0;
}

static int leg_dec(struct mkt_dec *in, struct leg *l)
{
	const uint8_t *tags;
	unsigned flags, n;

	*l = (struct leg){.window = mkt_dec_u32(in)};
	flags = mkt_dec_u8(in);
	n = flags & (LEG_LEFT - 1);
	if (n > MKT_DIMS_MAX)
		return -MKT_ENONCANONICAL;
	tags = mkt_dec_bytes(in, n);
	l->price_upwh = mkt_dec_i32(in);
	if (flags & LEG_FEE)
		l->fee_upwh = mkt_dec_i32(in);
	if (in->bad)
		return -MKT_ETRUNCATED;
	for (unsigned d = 0; d < n; d++)
		l->tags = mkt_tags_with(l->tags, d, tags[d]);
	if (l->fee_upwh < 0)
		return -MKT_ENONCANONICAL;
	l->book = (flags & LEG_LEFT) ? NONE : 0; /* load finds the book */
	return 0;
}

int bid_dec(struct mkt_dec *in, struct bid *b, struct leg legs[MKT_LEGS_MAX])
{
	uint8_t flags;

	b->account = mkt_dec_u32(in);
	b->side = mkt_dec_u8(in);
	flags = mkt_dec_u8(in);
	b->flags = flags & (MKT_BID_IOC | MKT_BID_FOK | MKT_BID_POST_ONLY);
	b->amount_wh = mkt_dec_u32(in);
	b->left_wh = mkt_dec_u32(in);
	b->until_s = (flags & MKT_BID_UNTIL) ? mkt_dec_u64(in) : 0;
	b->time_ms = mkt_dec_u64(in);
	b->nlegs = mkt_dec_u16(in);
	if (in->bad)
		return -MKT_ETRUNCATED;
	if ((b->side != MKT_SELL && b->side != MKT_BUY) || flags & ~15 || !b->nlegs ||
	    b->nlegs > MKT_LEGS_MAX || !b->left_wh || b->left_wh > b->amount_wh)
		return -MKT_ENONCANONICAL;
	b->open = 0;
	for (unsigned i = 0; i < b->nlegs; i++) {
		int rc = leg_dec(in, &legs[i]);

		if (rc < 0)
			return rc;
		b->open = (uint16_t)(b->open + (legs[i].book != NONE));
	}
	return b->open ? mkt_dec_end(in) : -MKT_ENONCANONICAL;
}

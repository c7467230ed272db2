#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "core/ledger/tx.h"

/*
 * The first fault wins and stops the reading.  "op" and "leg" of the place are
 * counted from 1 in sentences, as people count.
 */
struct reader {
	struct mkt_dec in;
	const uint8_t *start;
	struct mkt_tx *tx;
	struct mkt_err *err;
	unsigned op, leg;
};

static int fault(struct reader *r, int code, const char *what)
{
	if (r->leg)
		return mkt_err_set(r->err, code, "%s (operation %u, leg %u)", what, r->op, r->leg);
	if (r->op)
		return mkt_err_set(r->err, code, "%s (operation %u)", what, r->op);
	return mkt_err_set(r->err, code, "%s", what);
}

static int noncanonical(struct reader *r, const char *what)
{
	return fault(r, MKT_ENONCANONICAL, what);
}

static int truncated(struct reader *r)
{
	return fault(r, MKT_ETRUNCATED, mkt_code_text(MKT_ETRUNCATED));
}

/* After fixed-width fields: was there enough? */
static int whole(struct reader *r)
{
	return r->in.bad ? truncated(r) : 0;
}

/* A text of at most @max bytes: where it is. */
static int text_ref(struct reader *r, size_t max, uint32_t *at, uint8_t *len)
{
	uint8_t n = mkt_dec_u8(&r->in);
	const uint8_t *p = mkt_dec_bytes(&r->in, n);

	if (!p)
		return truncated(r);
	if (n > max)
		return noncanonical(r, "a text is too long");
	if (!mkt_text_ok((const char *)p, n))
		return noncanonical(r, "a text is not printable UTF-8");
	*at = (uint32_t)(p - r->start);
	*len = n;
	return 0;
}

/* The same, copied to @out of @max + 1 bytes. */
static int text_copy(struct reader *r, char *out, size_t max)
{
	uint32_t at;
	uint8_t len;
	int rc = text_ref(r, max, &at, &len);

	if (rc < 0)
		return rc;
	memset(out, 0, max + 1);
	memcpy(out, r->start + at, len);
	return 0;
}

static int note(struct reader *r, struct mkt_op *op)
{
	return text_ref(r, MKT_TEXT_MAX, &op->text_at, &op->text_len);
}

/* ---- bids ------------------------------------------------------------------------------- */

static int leg_dec(struct reader *r, struct mkt_bid_leg *leg)
{
	const uint8_t *tags;
	uint8_t n;

	leg->window = mkt_dec_u32(&r->in);
	n = mkt_dec_u8(&r->in);
	if (n > MKT_DIMS_MAX)
		return noncanonical(r, "more tags than dimensions");
	tags = mkt_dec_bytes(&r->in, n);
	leg->price_upwh = mkt_dec_i32(&r->in);
	if (r->in.bad)
		return truncated(r);
	if (n && !tags[n - 1])
		return noncanonical(r, "the tags end in a zero");
	leg->tags = 0;
	for (unsigned d = 0; d < n; d++)
		leg->tags = mkt_tags_with(leg->tags, d, tags[d]);
	return 0;
}

static int legs_room(struct mkt_tx *tx, uint32_t more)
{
	struct mkt_bid_leg *legs;
	uint32_t cap = tx->legs_cap ? tx->legs_cap : 16;

	while (cap < tx->nlegs + more)
		cap *= 2; /* nlegs is bounded by the envelope's length */
	if (cap == tx->legs_cap)
		return 0;
	legs = realloc(tx->legs, cap * sizeof(*legs));
	if (!legs)
		return -MKT_ENOMEM;
	tx->legs = legs;
	tx->legs_cap = cap;
	return 0;
}

static int legs_dec(struct reader *r, struct mkt_op_bid *bid)
{
	struct mkt_tx *tx = r->tx;

	if (bid->nlegs < 1 || bid->nlegs > MKT_LEGS_MAX)
		return fault(r, MKT_ELEGS, mkt_code_text(MKT_ELEGS));
	if (legs_room(tx, bid->nlegs) < 0)
		return fault(r, MKT_ENOMEM, mkt_code_text(MKT_ENOMEM));
	bid->first_leg = tx->nlegs;
	for (unsigned i = 0; i < bid->nlegs; i++) {
		int rc;

		r->leg = i + 1;
		rc = leg_dec(r, &tx->legs[tx->nlegs]);
		if (rc < 0)
			return rc;
		tx->nlegs++;
	}
	r->leg = 0;
	return 0;
}

static int bid_dec(struct reader *r, struct mkt_op *op)
{
	const uint8_t known = MKT_BID_IOC | MKT_BID_FOK | MKT_BID_POST_ONLY;
	struct mkt_op_bid *bid = &op->u.bid;
	uint8_t flags;

	bid->side = mkt_dec_u8(&r->in);
	flags = mkt_dec_u8(&r->in);
	bid->amount_wh = mkt_dec_u32(&r->in);
	bid->until_s = (flags & MKT_BID_UNTIL) ? mkt_dec_u64(&r->in) : 0;
	bid->nlegs = mkt_dec_u16(&r->in);
	if (r->in.bad)
		return truncated(r);
	if (bid->side != MKT_SELL && bid->side != MKT_BUY)
		return noncanonical(r, "a bid neither sells nor buys");
	if (flags & ~(known | MKT_BID_UNTIL))
		return noncanonical(r, "a bid has unknown flags");
	bid->flags = flags & known;
	if (bid->flags & (bid->flags - 1))
		return noncanonical(r, "a bid is more than one of ioc, fok and post-only");
	if (flags & MKT_BID_UNTIL && !bid->until_s)
		return noncanonical(r, "the until of a bid is zero");
	return legs_dec(r, bid);
}

static int cancel_dec(struct reader *r, struct mkt_op *op)
{
	uint8_t what = mkt_dec_u8(&r->in);

	op->u.cancel.what = what;
	op->u.cancel.window = what == MKT_CANCEL_WINDOW ? mkt_dec_u32(&r->in) : 0;
	op->u.cancel.bid = what == MKT_CANCEL_ONE ? mkt_dec_u64(&r->in) : 0;
	if (what > MKT_CANCEL_WINDOW)
		return noncanonical(r, "a cancel of an unknown kind");
	return whole(r);
}

static int reduce_dec(struct reader *r, struct mkt_op *op)
{
	op->u.reduce.bid = mkt_dec_u64(&r->in);
	op->u.reduce.left_wh = mkt_dec_u32(&r->in);
	return whole(r);
}

/* ---- energy ----------------------------------------------------------------------------- */

static int side_ok(struct reader *r, uint8_t side)
{
	if (r->in.bad)
		return truncated(r);
	if (side != MKT_SUPPLY && side != MKT_DRAW)
		return noncanonical(r, "a report is neither of supply nor of draw");
	return 0;
}

static int report_dec(struct reader *r, struct mkt_op *op)
{
	int rc;

	op->u.report.exec = mkt_dec_u64(&r->in);
	op->u.report.side = mkt_dec_u8(&r->in);
	op->u.report.wh = mkt_dec_u32(&r->in);
	rc = side_ok(r, op->u.report.side);
	return rc < 0 ? rc : text_copy(r, op->u.report.charger, MKT_CHARGER_MAX);
}

static int meter_dec(struct reader *r, struct mkt_op *op)
{
	int rc;

	op->u.meter.window = mkt_dec_u32(&r->in);
	op->u.meter.side = mkt_dec_u8(&r->in);
	op->u.meter.wh = mkt_dec_u32(&r->in);
	rc = side_ok(r, op->u.meter.side);
	return rc < 0 ? rc : text_copy(r, op->u.meter.charger, MKT_CHARGER_MAX);
}

static int retire_dec(struct reader *r, struct mkt_op *op)
{
	op->u.retire.exec = mkt_dec_u64(&r->in);
	return note(r, op);
}

/* ---- money and rights ------------------------------------------------------------------- */

static int money_dec(struct reader *r, struct mkt_op *op)
{
	op->u.transfer.to = mkt_dec_u32(&r->in);
	op->u.transfer.money_uc = mkt_dec_i64(&r->in);
	if (r->in.bad)
		return truncated(r);
	if (op->u.transfer.money_uc <= 0)
		return noncanonical(r, "money is not positive");
	return note(r, op);
}

static int delegate_dec(struct reader *r, struct mkt_op *op)
{
	op->u.delegate.to = mkt_dec_u32(&r->in);
	op->u.delegate.rights = mkt_dec_u32(&r->in);
	op->u.delegate.until_s = mkt_dec_u64(&r->in);
	if (r->in.bad)
		return truncated(r);
	if (!op->u.delegate.rights || op->u.delegate.rights & ~MKT_RIGHTS_ALL)
		return noncanonical(r, "a delegation of no or unknown rights");
	return 0;
}

static int revoke_dec(struct reader *r, struct mkt_op *op)
{
	op->u.delegate.to = mkt_dec_u32(&r->in);
	return whole(r);
}

/* ---- the operator's --------------------------------------------------------------------- */

/* True if one of the texts from @first to before @last equals the one at @last. */
static bool charger_twice(const uint8_t *first, const uint8_t *last)
{
	for (const uint8_t *p = first; p < last; p += 1 + *p)
		if (*p == *last && !memcmp(p + 1, last + 1, *p))
			return true;
	return false;
}

static int chargers_dec(struct reader *r, struct mkt_op_enroll *e)
{
	const uint8_t *first;

	e->nchargers = mkt_dec_u8(&r->in);
	if (r->in.bad)
		return truncated(r);
	if (e->nchargers > MKT_CHARGERS_MAX)
		return noncanonical(r, "too many chargers");
	first = r->in.at;
	for (unsigned i = 0; i < e->nchargers; i++) {
		const uint8_t *p = r->in.at;
		uint32_t at;
		uint8_t len;
		int rc = text_ref(r, MKT_CHARGER_MAX, &at, &len);

		if (rc < 0)
			return rc;
		if (!len)
			return noncanonical(r, "a charger has no name");
		if (charger_twice(first, p))
			return noncanonical(r, "a charger is named twice");
	}
	e->chargers_at = (uint32_t)(first - r->start);
	e->chargers_len = (uint32_t)(r->in.at - first);
	return 0;
}

static int enroll_dec(struct reader *r, struct mkt_op *op)
{
	struct mkt_op_enroll *e = &op->u.enroll;
	const uint8_t *key = mkt_dec_bytes(&r->in, MKT_PUBKEY_LEN);
	int rc;

	if (!key)
		return truncated(r);
	memcpy(e->key.b, key, MKT_PUBKEY_LEN);
	e->cls = mkt_dec_u8(&r->in);
	if (e->cls >= MKT_CLASS_COUNT)
		return noncanonical(r, "no such class of accounts");
	rc = text_copy(r, e->name, MKT_NAME_MAX);
	return rc < 0 ? rc : chargers_dec(r, e);
}

static int suspend_dec(struct reader *r, struct mkt_op *op)
{
	op->u.suspend.account = mkt_dec_u32(&r->in);
	op->u.suspend.on = mkt_dec_u8(&r->in);
	if (op->u.suspend.on > 1)
		return noncanonical(r, "a flag is neither 0 nor 1");
	return whole(r);
}

static int dimension_dec(struct reader *r, struct mkt_op *op)
{
	int rc = text_copy(r, op->u.dimension.dim, MKT_NAME_MAX);

	return rc < 0 ? rc : text_copy(r, op->u.dimension.first, MKT_NAME_MAX);
}

static int tag_dec(struct reader *r, struct mkt_op *op)
{
	int rc;

	op->u.tag.dim = mkt_dec_u8(&r->in);
	rc = text_copy(r, op->u.tag.name, MKT_NAME_MAX);
	if (rc < 0)
		return rc;
	op->u.tag.flags = mkt_dec_u8(&r->in);
	op->u.tag.fee_upwh = mkt_dec_i32(&r->in);
	op->u.tag.fee_account = mkt_dec_u32(&r->in);
	if (op->u.tag.flags & ~(MKT_TAG_DIRECT | MKT_TAG_CLOSED))
		return noncanonical(r, "a tag has unknown flags");
	return whole(r);
}

static int member_dec(struct reader *r, struct mkt_op *op)
{
	op->u.member.dim = mkt_dec_u8(&r->in);
	op->u.member.value = mkt_dec_u8(&r->in);
	op->u.member.account = mkt_dec_u32(&r->in);
	op->u.member.in = mkt_dec_u8(&r->in);
	if (op->u.member.in > 1)
		return noncanonical(r, "a flag is neither 0 nor 1");
	return whole(r);
}

static int limits_dec(struct reader *r, struct mkt_op *op)
{
	struct mkt_class_limits *l = &op->u.limits.lim;

	op->u.limits.cls = mkt_dec_u8(&r->in);
	l->open_bids = mkt_dec_u32(&r->in);
	l->tx_per_min = mkt_dec_u32(&r->in);
	l->reads_per_min = mkt_dec_u32(&r->in);
	l->rows_per_min = mkt_dec_u32(&r->in);
	if (op->u.limits.cls >= MKT_CLASS_COUNT)
		return noncanonical(r, "no such class of accounts");
	return whole(r);
}

static int clock_dec(struct reader *r, struct mkt_op *op)
{
	op->u.clock.time_ms = mkt_dec_u64(&r->in);
	if (r->tx->nops != 1)
		return noncanonical(r, "a clock is not alone in its envelope");
	return whole(r);
}

static int imbalance_dec(struct reader *r, struct mkt_op *op)
{
	op->u.imbalance.up_upwh = mkt_dec_i32(&r->in);
	op->u.imbalance.down_upwh = mkt_dec_i32(&r->in);
	return whole(r);
}

static int meterop_dec(struct reader *r, struct mkt_op *op)
{
	op->u.meterop.account = mkt_dec_u32(&r->in);
	op->u.meterop.meter = mkt_dec_u32(&r->in);
	op->u.meterop.on = mkt_dec_u8(&r->in);
	if (op->u.meterop.on > 1)
		return noncanonical(r, "a flag is neither 0 nor 1");
	return whole(r);
}

static int authority_dec(struct reader *r, struct mkt_op *op)
{
	struct mkt_op_authority *a = &op->u.authority;
	const uint8_t *key;
	int rc;

	a->change.what = mkt_dec_u8(&r->in);
	key = mkt_dec_bytes(&r->in, MKT_PUBKEY_LEN);
	if (!key)
		return truncated(r);
	memcpy(a->change.who.key.b, key, MKT_PUBKEY_LEN);
	rc = text_copy(r, a->change.who.name, MKT_NAME_MAX);
	if (rc < 0)
		return rc;
	a->change.generation = mkt_dec_u32(&r->in);
	a->nsigs = mkt_dec_u8(&r->in);
	a->sigs_at = (uint32_t)(r->in.at - r->start);
	if (!mkt_dec_bytes(&r->in, (size_t)a->nsigs * MKT_COSIGN_LEN))
		return truncated(r);
	if (a->change.what != MKT_AUTHORITY_ADD && a->change.what != MKT_AUTHORITY_REMOVE)
		return noncanonical(r, "authorities are neither added nor removed");
	if (!a->nsigs || a->nsigs > MKT_AUTHORITIES_MAX)
		return noncanonical(r, "the number of signatures is not 1 to 32");
	if (r->tx->nops != 1)
		return noncanonical(r, "a change of the authorities is not alone in its envelope");
	return 0;
}

/* ---- the envelope ----------------------------------------------------------------------- */

typedef int body_fn(struct reader *r, struct mkt_op *op);

static const struct {
	const char *name;
	body_fn *body;
} kinds[] = {
	[MKT_OP_BID] = {"bid", bid_dec},
	[MKT_OP_CANCEL] = {"cancel", cancel_dec},
	[MKT_OP_REDUCE] = {"reduce", reduce_dec},
	[MKT_OP_REPORT] = {"report", report_dec},
	[MKT_OP_METER] = {"meter", meter_dec},
	[MKT_OP_TRANSFER] = {"transfer", money_dec},
	[MKT_OP_RETIRE] = {"retire", retire_dec},
	[MKT_OP_DELEGATE] = {"delegate", delegate_dec},
	[MKT_OP_REVOKE] = {"revoke", revoke_dec},
	[MKT_OP_ENROLL] = {"enroll", enroll_dec},
	[MKT_OP_SUSPEND] = {"suspend", suspend_dec},
	[MKT_OP_DEPOSIT] = {"deposit", money_dec},
	[MKT_OP_WITHDRAW] = {"withdraw", money_dec},
	[MKT_OP_DIMENSION] = {"dimension", dimension_dec},
	[MKT_OP_TAG] = {"tag", tag_dec},
	[MKT_OP_MEMBER] = {"member", member_dec},
	[MKT_OP_LIMITS] = {"limits", limits_dec},
	[MKT_OP_CLOCK] = {"clock", clock_dec},
	[MKT_OP_IMBALANCE] = {"imbalance", imbalance_dec},
	[MKT_OP_METEROP] = {"meterop", meterop_dec},
	[MKT_OP_AUTHORITY] = {"authority", authority_dec},
};

const char *mkt_op_name(unsigned kind)
{
	return kind < MKT_ARRAY_SIZE(kinds) ? kinds[kind].name : NULL;
}

static int op_dec(struct reader *r, struct mkt_op *op)
{
	int rc;

	*op = (struct mkt_op){.kind = mkt_dec_u8(&r->in)};
	op->account = mkt_dec_u32(&r->in);
	if (r->in.bad)
		return truncated(r);
	if (op->kind >= MKT_ARRAY_SIZE(kinds) || !kinds[op->kind].body)
		return fault(r, MKT_EOPCODE, mkt_code_text(MKT_EOPCODE));
	rc = kinds[op->kind].body(r, op);
	if (rc < 0 || op->kind < MKT_OP_FIRST_OPERATOR)
		return rc;
	if (op->account != MKT_OPERATOR)
		return noncanonical(r, "an operator's operation acts for another account");
	if (r->tx->flags & MKT_TX_ALL_OR_NOTHING)
		return noncanonical(r, "an operator's operation in an all-or-nothing envelope");
	return 0;
}

static int head_dec(struct reader *r, const struct mkt_hash *chain)
{
	struct mkt_tx *tx = r->tx;
	const uint8_t *id, *request;
	uint8_t version = mkt_dec_u8(&r->in);

	if (!r->in.bad && version != MKT_TX_VERSION)
		return fault(r, MKT_EVERSION, mkt_code_text(MKT_EVERSION));
	tx->flags = mkt_dec_u8(&r->in);
	id = mkt_dec_bytes(&r->in, 8);
	tx->account = mkt_dec_u32(&r->in);
	tx->valid_until_s = mkt_dec_u64(&r->in);
	request = mkt_dec_bytes(&r->in, MKT_REQUEST_LEN);
	tx->nops = mkt_dec_u16(&r->in);
	if (r->in.bad)
		return truncated(r);
	if (tx->flags & ~MKT_TX_ALL_OR_NOTHING)
		return noncanonical(r, "the envelope has unknown flags");
	if (memcmp(id, chain->b, 8) != 0)
		return fault(r, MKT_ECHAIN, mkt_code_text(MKT_ECHAIN));
	if (tx->nops < 1 || tx->nops > MKT_OPS_MAX)
		return fault(r, MKT_EOPCOUNT, mkt_code_text(MKT_EOPCOUNT));
	memcpy(tx->request, request, MKT_REQUEST_LEN);
	return 0;
}

static int ops_dec(struct reader *r)
{
	struct mkt_tx *tx = r->tx;

	if (tx->nops > tx->ops_cap) {
		struct mkt_op *ops = realloc(tx->ops, tx->nops * sizeof(*ops));

		if (!ops)
			return fault(r, MKT_ENOMEM, mkt_code_text(MKT_ENOMEM));
		tx->ops = ops;
		tx->ops_cap = tx->nops;
	}
	for (unsigned i = 0; i < tx->nops; i++) {
		int rc;

		r->op = i + 1;
		rc = op_dec(r, &tx->ops[i]);
		if (rc < 0)
			return rc;
	}
	r->op = 0;
	return 0;
}

static int envelope_dec(struct reader *r, const struct mkt_hash *chain)
{
	int rc = head_dec(r, chain);

	if (!rc)
		rc = ops_dec(r);
	if (rc < 0)
		return rc;
	if (!mkt_dec_bytes(&r->in, MKT_SIG_LEN))
		return truncated(r);
	if (r->in.at != r->in.end)
		return fault(r, MKT_EOVERLONG, mkt_code_text(MKT_EOVERLONG));
	return 0;
}

/* Forget the contents, keep the arrays. */
static void tx_clear(struct mkt_tx *tx)
{
	*tx = (struct mkt_tx){
		.ops = tx->ops,
		.legs = tx->legs,
		.ops_cap = tx->ops_cap,
		.legs_cap = tx->legs_cap,
	};
}

int mkt_tx_dec(const void *p, size_t n, const struct mkt_hash *chain, struct mkt_tx *tx,
	       struct mkt_err *err)
{
	struct reader r = {.in = mkt_dec_init(p, n), .start = p, .tx = tx, .err = err};
	int rc;

	tx_clear(tx);
	if (n > MKT_TX_BYTES_MAX)
		return fault(&r, MKT_EOVERLONG, mkt_code_text(MKT_EOVERLONG));
	rc = envelope_dec(&r, chain);
	if (rc < 0) {
		tx_clear(tx);
		return rc;
	}
	mkt_tx_id(p, n, &tx->id);
	tx->raw = p;
	tx->raw_len = (uint32_t)n;
	return 0;
}

void mkt_tx_release(struct mkt_tx *tx)
{
	free(tx->ops);
	free(tx->legs);
	*tx = (struct mkt_tx)MKT_TX_INIT;
}

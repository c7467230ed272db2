#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "core/ledger/tx.h"

/* Where the fixed fields of an envelope are. */
#define AT_ACCOUNT (1 + 1 + 8)
#define AT_REQUEST (AT_ACCOUNT + 4 + 8)
#define AT_NOPS (AT_REQUEST + MKT_REQUEST_LEN)

static const char purpose[16] = "mkt:sign-tx:v1:";

/* ---- ids and signatures ----------------------------------------------------------------- */

int mkt_tx_peek(const void *p, size_t n, uint32_t *account, const uint8_t **request)
{
	struct mkt_dec in = mkt_dec_init(p, n);

	if (n < MKT_TX_FIXED_BYTES)
		return -MKT_ETRUNCATED;
	(void)mkt_dec_bytes(&in, AT_ACCOUNT);
	*account = mkt_dec_u32(&in);
	*request = (const uint8_t *)p + AT_REQUEST;
	return 0;
}

void mkt_tx_id_prefix(uint32_t account, const uint8_t request[MKT_REQUEST_LEN], uint8_t prefix[8])
{
	uint8_t le[4] = {(uint8_t)account, (uint8_t)(account >> 8), (uint8_t)(account >> 16),
			 (uint8_t)(account >> 24)};
	struct mkt_hash h;

	mkt_hash2(&h, MKT_DOM_REQUEST, le, sizeof(le), request, MKT_REQUEST_LEN);
	memcpy(prefix, h.b, 8);
}

/* Bytes too short to have an account and a request id count as zeros for them. */
void mkt_tx_id(const void *p, size_t n, struct mkt_hash *id)
{
	static const uint8_t none[MKT_REQUEST_LEN];
	const uint8_t *request = none;
	uint32_t account = 0;
	struct mkt_hash body;

	if (mkt_tx_peek(p, n, &account, &request) < 0)
		request = none;
	mkt_hash(&body, MKT_DOM_TX, p, n);
	mkt_tx_id_prefix(account, request, id->b);
	memcpy(id->b + 8, body.b, MKT_HASH_LEN - 8);
}

/* What is signed, in one piece: @small if it fits, else new memory; NULL without memory. */
static uint8_t *signed_bytes(const void *p, size_t n, uint8_t *small, size_t small_len)
{
	size_t len = sizeof(purpose) + n;
	uint8_t *m = len <= small_len ? small : malloc(len);

	if (!m)
		return NULL;
	memcpy(m, purpose, sizeof(purpose));
	memcpy(m + sizeof(purpose), p, n);
	return m;
}

bool mkt_tx_sig_ok(const void *p, size_t n, const struct mkt_pubkey *key)
{
	uint8_t small[2048], *m;
	struct mkt_sig sig;
	bool ok;

	if (n < MKT_TX_FIXED_BYTES + MKT_SIG_LEN || n > MKT_TX_BYTES_MAX)
		return false;
	n -= MKT_SIG_LEN;
	m = signed_bytes(p, n, small, sizeof(small));
	if (!m)
		return false;
	memcpy(sig.b, (const uint8_t *)p + n, MKT_SIG_LEN);
	ok = mkt_sig_ok(&sig, key, m, sizeof(purpose) + n);
	if (m != small)
		free(m);
	return ok;
}

/* ---- building --------------------------------------------------------------------------- */

void mkt_tx_begin(struct mkt_tx_build *t, const struct mkt_tx_head *head)
{
	mkt_buf_clear(&t->buf);
	t->nops = 0;
	t->overlong = false;
	mkt_enc_u8(&t->buf, MKT_TX_VERSION);
	mkt_enc_u8(&t->buf, head->flags);
	mkt_enc_bytes(&t->buf, head->chain.b, 8);
	mkt_enc_u32(&t->buf, head->account);
	mkt_enc_u64(&t->buf, head->valid_until_s);
	mkt_enc_bytes(&t->buf, head->request, MKT_REQUEST_LEN);
	mkt_enc_u16(&t->buf, 0); /* mkt_tx_end() knows */
}

static void add_text(struct mkt_tx_build *t, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n > MKT_TEXT_MAX) {
		t->overlong = true;
		return;
	}
	mkt_enc_text(&t->buf, s ? s : "", n);
}

static void add_leg(struct mkt_tx_build *t, const struct mkt_bid_leg *leg)
{
	unsigned n = 0;

	for (unsigned d = 0; d < MKT_DIMS_MAX; d++)
		if (mkt_tags_value(leg->tags, d))
			n = d + 1;
	mkt_enc_u32(&t->buf, leg->window);
	mkt_enc_u8(&t->buf, (uint8_t)n);
	for (unsigned d = 0; d < n; d++)
		mkt_enc_u8(&t->buf, mkt_tags_value(leg->tags, d));
	mkt_enc_i32(&t->buf, leg->price_upwh);
}

static void add_bid(struct mkt_tx_build *t, const struct mkt_op_bid *bid,
		    const struct mkt_bid_leg *legs)
{
	mkt_enc_u8(&t->buf, bid->side);
	mkt_enc_u8(&t->buf, (uint8_t)(bid->flags | (bid->until_s ? MKT_BID_UNTIL : 0)));
	mkt_enc_u32(&t->buf, bid->amount_wh);
	if (bid->until_s)
		mkt_enc_u64(&t->buf, bid->until_s);
	mkt_enc_u16(&t->buf, bid->nlegs);
	for (unsigned i = 0; i < bid->nlegs; i++)
		add_leg(t, &legs[i]);
}

static void add_cancel(struct mkt_tx_build *t, const struct mkt_op *op)
{
	mkt_enc_u8(&t->buf, op->u.cancel.what);
	if (op->u.cancel.what == MKT_CANCEL_ONE)
		mkt_enc_u64(&t->buf, op->u.cancel.bid);
	if (op->u.cancel.what == MKT_CANCEL_WINDOW)
		mkt_enc_u32(&t->buf, op->u.cancel.window);
}

static void add_enroll(struct mkt_tx_build *t, const struct mkt_op_enroll *e, const char *chargers)
{
	mkt_enc_bytes(&t->buf, e->key.b, MKT_PUBKEY_LEN);
	mkt_enc_u8(&t->buf, e->cls);
	add_text(t, e->name);
	mkt_enc_u8(&t->buf, e->nchargers);
	mkt_enc_bytes(&t->buf, chargers, chargers ? e->chargers_len : 0);
}

static void add_money(struct mkt_tx_build *t, const struct mkt_op *op, const char *text)
{
	mkt_enc_u32(&t->buf, op->u.transfer.to);
	mkt_enc_i64(&t->buf, op->u.transfer.money_uc);
	add_text(t, text);
}

static void add_limits(struct mkt_tx_build *t, const struct mkt_op *op)
{
	mkt_enc_u8(&t->buf, op->u.limits.cls);
	mkt_enc_u32(&t->buf, op->u.limits.lim.open_bids);
	mkt_enc_u32(&t->buf, op->u.limits.lim.tx_per_min);
	mkt_enc_u32(&t->buf, op->u.limits.lim.reads_per_min);
	mkt_enc_u32(&t->buf, op->u.limits.lim.rows_per_min);
}

/* Kinds of a participant. */
static void add_participant(struct mkt_tx_build *t, const struct mkt_op *op,
			    const struct mkt_bid_leg *legs, const char *text)
{
	switch (op->kind) {
	case MKT_OP_BID:
		add_bid(t, &op->u.bid, legs);
		break;
	case MKT_OP_CANCEL:
		add_cancel(t, op);
		break;
	case MKT_OP_REDUCE:
		mkt_enc_u64(&t->buf, op->u.reduce.bid);
		mkt_enc_u32(&t->buf, op->u.reduce.left_wh);
		break;
	case MKT_OP_REPORT:
		mkt_enc_u64(&t->buf, op->u.report.exec);
		mkt_enc_u8(&t->buf, op->u.report.side);
		mkt_enc_u32(&t->buf, op->u.report.wh);
		add_text(t, op->u.report.charger);
		break;
	case MKT_OP_METER:
		mkt_enc_u32(&t->buf, op->u.meter.window);
		mkt_enc_u8(&t->buf, op->u.meter.side);
		mkt_enc_u32(&t->buf, op->u.meter.wh);
		add_text(t, op->u.meter.charger);
		break;
	case MKT_OP_TRANSFER:
		add_money(t, op, text);
		break;
	case MKT_OP_RETIRE:
		mkt_enc_u64(&t->buf, op->u.retire.exec);
		add_text(t, text);
		break;
	case MKT_OP_DELEGATE:
		mkt_enc_u32(&t->buf, op->u.delegate.to);
		mkt_enc_u32(&t->buf, op->u.delegate.rights);
		mkt_enc_u64(&t->buf, op->u.delegate.until_s);
		break;
	case MKT_OP_REVOKE:
		mkt_enc_u32(&t->buf, op->u.delegate.to);
		break;
	default:
		break;
	}
}

static void add_authority(struct mkt_tx_build *t, const struct mkt_op_authority *a,
			  const char *cosigns)
{
	mkt_enc_u8(&t->buf, a->change.what);
	mkt_enc_bytes(&t->buf, a->change.who.key.b, MKT_PUBKEY_LEN);
	add_text(t, a->change.who.name);
	mkt_enc_u32(&t->buf, a->change.generation);
	mkt_enc_u8(&t->buf, a->nsigs);
	mkt_enc_bytes(&t->buf, cosigns, (size_t)a->nsigs * MKT_COSIGN_LEN);
}

static void add_operator(struct mkt_tx_build *t, const struct mkt_op *op, const char *text)
{
	switch (op->kind) {
	case MKT_OP_ENROLL:
		add_enroll(t, &op->u.enroll, text);
		break;
	case MKT_OP_SUSPEND:
		mkt_enc_u32(&t->buf, op->u.suspend.account);
		mkt_enc_u8(&t->buf, op->u.suspend.on);
		break;
	case MKT_OP_DEPOSIT:
	case MKT_OP_WITHDRAW:
		add_money(t, op, text);
		break;
	case MKT_OP_DIMENSION:
		add_text(t, op->u.dimension.dim);
		add_text(t, op->u.dimension.first);
		break;
	case MKT_OP_TAG:
		mkt_enc_u8(&t->buf, op->u.tag.dim);
		add_text(t, op->u.tag.name);
		mkt_enc_u8(&t->buf, op->u.tag.flags);
		mkt_enc_i32(&t->buf, op->u.tag.fee_upwh);
		mkt_enc_u32(&t->buf, op->u.tag.fee_account);
		break;
	case MKT_OP_MEMBER:
		mkt_enc_u8(&t->buf, op->u.member.dim);
		mkt_enc_u8(&t->buf, op->u.member.value);
		mkt_enc_u32(&t->buf, op->u.member.account);
		mkt_enc_u8(&t->buf, op->u.member.in);
		break;
	case MKT_OP_LIMITS:
		add_limits(t, op);
		break;
	case MKT_OP_CLOCK:
		mkt_enc_u64(&t->buf, op->u.clock.time_ms);
		break;
	case MKT_OP_IMBALANCE:
		mkt_enc_i32(&t->buf, op->u.imbalance.up_upwh);
		mkt_enc_i32(&t->buf, op->u.imbalance.down_upwh);
		break;
	case MKT_OP_METEROP:
		mkt_enc_u32(&t->buf, op->u.meterop.account);
		mkt_enc_u32(&t->buf, op->u.meterop.meter);
		mkt_enc_u8(&t->buf, op->u.meterop.on);
		break;
	case MKT_OP_AUTHORITY:
		add_authority(t, &op->u.authority, text);
		break;
	default:
		break;
	}
}

void mkt_tx_add(struct mkt_tx_build *t, const struct mkt_op *op, const struct mkt_bid_leg *legs,
		const char *text)
{
	mkt_enc_u8(&t->buf, op->kind);
	mkt_enc_u32(&t->buf, op->account);
	t->nops++;
	if (op->kind < MKT_OP_FIRST_OPERATOR)
		add_participant(t, op, legs, text);
	else
		add_operator(t, op, text);
}

int mkt_tx_end(struct mkt_tx_build *t, const struct mkt_seckey *key, struct mkt_err *err)
{
	uint8_t small[2048], *m;
	struct mkt_sig sig;

	if (t->buf.bad)
		return mkt_err_code(err, MKT_ENOMEM);
	if (t->nops < 1 || t->nops > MKT_OPS_MAX)
		return mkt_err_code(err, MKT_EOPCOUNT);
	if (t->overlong || t->buf.len + MKT_SIG_LEN > MKT_TX_BYTES_MAX)
		return mkt_err_code(err, MKT_EOVERLONG);
	t->buf.data[AT_NOPS] = (uint8_t)t->nops;
	t->buf.data[AT_NOPS + 1] = (uint8_t)(t->nops >> 8);
	m = signed_bytes(t->buf.data, t->buf.len, small, sizeof(small));
	if (!m)
		return mkt_err_code(err, MKT_ENOMEM);
	mkt_sign(&sig, key, m, sizeof(purpose) + t->buf.len);
	if (m != small)
		free(m);
	mkt_enc_bytes(&t->buf, sig.b, MKT_SIG_LEN);
	return t->buf.bad ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

void mkt_tx_build_release(struct mkt_tx_build *t)
{
	mkt_buf_release(&t->buf);
	t->nops = 0;
	t->overlong = false;
}

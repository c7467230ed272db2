/* Operations of a transaction as JSON, for /v1/tx. */
#include "core/base/compat.h"

#include "ledgerd/api.h"

static void put_text(struct mkt_jw *w, const char *key, const struct mkt_tx *tx,
		     const struct mkt_op *op)
{
	mkt_jw_key(w, key);
	if (op->text_at && op->text_at + op->text_len <= tx->raw_len)
		mkt_jw_strn(w, (const char *)tx->raw + op->text_at, op->text_len);
	else
		mkt_jw_str(w, "");
}

void ld_json_legs(struct mkt_jw *w, const struct ld_node *n, const struct mkt_bid_leg *legs,
		  uint16_t nlegs)
{
	mkt_jw_key(w, "legs");
	mkt_jw_arr(w);
	for (uint16_t i = 0; i < nlegs; i++) {
		mkt_jw_obj(w);
		ld_json_window(w, n, legs[i].window);
		ld_json_tags(w, n, legs[i].tags);
		mkt_jw_ki64(w, "price_upwh", legs[i].price_upwh);
		mkt_jw_obj_end(w);
	}
	mkt_jw_arr_end(w);
}

void ld_json_flags(struct mkt_jw *w, uint8_t flags)
{
	mkt_jw_kbool(w, "ioc", flags & MKT_BID_IOC);
	mkt_jw_kbool(w, "fok", flags & MKT_BID_FOK);
	mkt_jw_kbool(w, "post_only", flags & MKT_BID_POST_ONLY);
}

void ld_json_until(struct mkt_jw *w, uint64_t until_s)
{
	if (until_s)
		ld_json_time_s(w, "until", until_s);
	else
		mkt_jw_knull(w, "until");
}

void ld_json_rights(struct mkt_jw *w, uint32_t rights)
{
	mkt_jw_key(w, "rights");
	mkt_jw_arr(w);
	for (unsigned k = 0; k < 32; k++)
		if ((rights >> k & 1) && mkt_op_name(k))
			mkt_jw_str(w, mkt_op_name(k));
	mkt_jw_arr_end(w);
}

static void put_bid(struct mkt_jw *w, const struct ld_node *n, const struct mkt_tx *tx,
		    const struct mkt_op *op)
{
	const struct mkt_op_bid *bid = &op->u.bid;

	mkt_jw_kstr(w, "side", bid->side == MKT_BUY ? "buy" : "sell");
	mkt_jw_ku64(w, "amount_wh", bid->amount_wh);
	ld_json_until(w, bid->until_s);
	ld_json_flags(w, bid->flags);
	ld_json_legs(w, n, tx->legs + bid->first_leg, bid->nlegs);
}

static void put_cancel(struct mkt_jw *w, const struct ld_node *n, const struct mkt_op *op)
{
	switch (op->u.cancel.what) {
	case MKT_CANCEL_ONE:
		mkt_jw_kstr(w, "what", "one");
		mkt_jw_ku64s(w, "bid", op->u.cancel.bid);
		break;
	case MKT_CANCEL_WINDOW:
		mkt_jw_kstr(w, "what", "window");
		ld_json_window(w, n, op->u.cancel.window);
		break;
	default:
		mkt_jw_kstr(w, "what", "all");
		break;
	}
}

static void put_chargers(struct mkt_jw *w, const struct mkt_tx *tx, const struct mkt_op_enroll *e)
{
	struct mkt_dec in = mkt_dec_init(tx->raw + e->chargers_at, e->chargers_len);
	char text[MKT_CHARGER_MAX + 1];

	mkt_jw_key(w, "chargers");
	mkt_jw_arr(w);
	for (unsigned i = 0; i < e->nchargers && !in.bad; i++) {
		mkt_dec_text(&in, text, MKT_CHARGER_MAX);
		mkt_jw_str(w, text);
	}
	mkt_jw_arr_end(w);
}

static void put_enroll(struct mkt_jw *w, const struct mkt_tx *tx, const struct mkt_op_enroll *e)
{
	char key[MKT_PUBKEY_TEXT];

	mkt_pubkey_text(&e->key, key);
	mkt_jw_kstr(w, "key", key);
	mkt_jw_kstr(w, "class", mkt_class_name(e->cls));
	mkt_jw_kstr(w, "name", e->name);
	put_chargers(w, tx, e);
}

static const char *report_side(uint8_t side)
{
	return side == MKT_SUPPLY ? "supply" : "draw";
}

static void put_user_op(struct mkt_jw *w, const struct ld_node *n, const struct mkt_tx *tx,
			const struct mkt_op *op)
{
	switch (op->kind) {
	case MKT_OP_BID:
		put_bid(w, n, tx, op);
		break;
	case MKT_OP_CANCEL:
		put_cancel(w, n, op);
		break;
	case MKT_OP_REDUCE:
		mkt_jw_ku64s(w, "bid", op->u.reduce.bid);
		mkt_jw_ku64(w, "left_wh", op->u.reduce.left_wh);
		break;
	case MKT_OP_REPORT:
		mkt_jw_ku64s(w, "exec", op->u.report.exec);
		mkt_jw_kstr(w, "side", report_side(op->u.report.side));
		mkt_jw_ku64(w, "energy_wh", op->u.report.wh);
		mkt_jw_kstr(w, "charger", op->u.report.charger);
		break;
	case MKT_OP_METER:
		ld_json_window(w, n, op->u.meter.window);
		mkt_jw_kstr(w, "side", report_side(op->u.meter.side));
		mkt_jw_ku64(w, "energy_wh", op->u.meter.wh);
		mkt_jw_kstr(w, "charger", op->u.meter.charger);
		break;
	case MKT_OP_RETIRE:
		mkt_jw_ku64s(w, "exec", op->u.retire.exec);
		put_text(w, "purpose", tx, op);
		break;
	case MKT_OP_DELEGATE:
		mkt_jw_ku64(w, "to", op->u.delegate.to);
		ld_json_rights(w, op->u.delegate.rights);
		ld_json_until(w, op->u.delegate.until_s);
		break;
	case MKT_OP_REVOKE:
		mkt_jw_ku64(w, "to", op->u.delegate.to);
		break;
	default: /* TRANSFER, DEPOSIT, WITHDRAW */
		mkt_jw_ku64(w, "to", op->u.transfer.to);
		mkt_jw_ki64s(w, "money_uc", op->u.transfer.money_uc);
		put_text(w, "note", tx, op);
		break;
	}
}

static void put_limits(struct mkt_jw *w, const struct mkt_op *op)
{
	const struct mkt_class_limits *lim = &op->u.limits.lim;

	mkt_jw_kstr(w, "class", mkt_class_name(op->u.limits.cls));
	mkt_jw_ku64(w, "open_bids", lim->open_bids);
	mkt_jw_ku64(w, "tx_per_min", lim->tx_per_min);
	mkt_jw_ku64(w, "reads_per_min", lim->reads_per_min);
	mkt_jw_ku64(w, "rows_per_min", lim->rows_per_min);
}

/* Who signed is told by number: places in the set that was in force before the block. */
static void put_authority(struct mkt_jw *w, const struct mkt_tx *tx,
			  const struct mkt_op_authority *a)
{
	struct mkt_dec in = mkt_dec_init(tx->raw + a->sigs_at, (size_t)a->nsigs * MKT_COSIGN_LEN);
	char key[MKT_PUBKEY_TEXT];

	mkt_pubkey_text(&a->change.who.key, key);
	mkt_jw_kstr(w, "what", a->change.what == MKT_AUTHORITY_ADD ? "add" : "remove");
	mkt_jw_kstr(w, "name", a->change.who.name);
	mkt_jw_kstr(w, "key", key);
	mkt_jw_ku64(w, "generation", a->change.generation);
	mkt_jw_key(w, "signed_by");
	mkt_jw_arr(w);
	for (unsigned i = 0; i < a->nsigs; i++) {
		mkt_jw_u64(w, mkt_dec_u16(&in));
		(void)mkt_dec_bytes(&in, MKT_SIG_LEN);
	}
	mkt_jw_arr_end(w);
}

static void put_operator_op(struct mkt_jw *w, const struct mkt_tx *tx, const struct mkt_op *op)
{
	switch (op->kind) {
	case MKT_OP_ENROLL:
		put_enroll(w, tx, &op->u.enroll);
		break;
	case MKT_OP_SUSPEND:
		mkt_jw_ku64(w, "who", op->u.suspend.account);
		mkt_jw_kbool(w, "on", op->u.suspend.on);
		break;
	case MKT_OP_DIMENSION:
		mkt_jw_kstr(w, "dimension", op->u.dimension.dim);
		mkt_jw_kstr(w, "first", op->u.dimension.first);
		break;
	case MKT_OP_TAG:
		mkt_jw_ku64(w, "dimension", op->u.tag.dim);
		mkt_jw_kstr(w, "name", op->u.tag.name);
		mkt_jw_kbool(w, "direct", op->u.tag.flags & 1);
		mkt_jw_kbool(w, "closed", op->u.tag.flags & 2);
		mkt_jw_ki64(w, "fee_upwh", op->u.tag.fee_upwh);
		mkt_jw_ku64(w, "fee_account", op->u.tag.fee_account);
		break;
	case MKT_OP_MEMBER:
		mkt_jw_ku64(w, "dimension", op->u.member.dim);
		mkt_jw_ku64(w, "value", op->u.member.value);
		mkt_jw_ku64(w, "who", op->u.member.account);
		mkt_jw_kbool(w, "in", op->u.member.in);
		break;
	case MKT_OP_LIMITS:
		put_limits(w, op);
		break;
	case MKT_OP_CLOCK:
		ld_json_time_ms(w, "time", op->u.clock.time_ms);
		break;
	case MKT_OP_IMBALANCE:
		mkt_jw_ki64(w, "up_upwh", op->u.imbalance.up_upwh);
		mkt_jw_ki64(w, "down_upwh", op->u.imbalance.down_upwh);
		break;
	case MKT_OP_METEROP:
		mkt_jw_ku64(w, "who", op->u.meterop.account);
		mkt_jw_ku64(w, "meter", op->u.meterop.meter);
		mkt_jw_kbool(w, "on", op->u.meterop.on);
		break;
	case MKT_OP_AUTHORITY:
		put_authority(w, tx, &op->u.authority);
		break;
	default:
		break;
	}
}

void ld_json_op(struct mkt_jw *w, const struct ld_node *n, const struct mkt_tx *tx,
		const struct mkt_op *op)
{
	mkt_jw_obj(w);
	mkt_jw_kstr(w, "op", mkt_op_name(op->kind));
	mkt_jw_ku64(w, "account", op->account);
	ld_json_name(w, n, "account_name", op->account);
	if (op->kind < MKT_OP_ENROLL || op->kind == MKT_OP_DEPOSIT || op->kind == MKT_OP_WITHDRAW)
		put_user_op(w, n, tx, op);
	else
		put_operator_op(w, tx, op);
	mkt_jw_obj_end(w);
}

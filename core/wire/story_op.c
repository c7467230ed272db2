/* Operations of an envelope in words. */
#include "core/base/compat.h"

#include "core/units/fmt.h"
#include "core/wire/story.h"

static void add_window(const struct mkt_story *s, uint32_t window, struct mkt_buf *b)
{
	uint64_t start_s = (uint64_t)window * s->facts->window_s;

	mkt_buf_addstr(b, mkt_fmt_window(s->zone, start_s, s->facts->window_s).s);
}

/* A value added after these facts were read has a number only. */
static void add_tags(const struct mkt_story *s, mkt_tags tags, struct mkt_buf *b)
{
	if (mkt_tags_known(&s->facts->tags, tags))
		mkt_tags_text(&s->facts->tags, tags, b);
	else
		mkt_buf_addf(b, "tags 0x%llx", (unsigned long long)tags);
}

void mkt_story_leg(const struct mkt_story *s, const struct mkt_bid_leg *leg, struct mkt_buf *out)
{
	add_window(s, leg->window, out);
	mkt_buf_addch(out, ' ');
	add_tags(s, leg->tags, out);
	mkt_buf_addf(out, " at %s", mkt_fmt_price(leg->price_upwh, s->facts->currency).s);
}

static void add_until(const struct mkt_story *s, uint64_t until_s, struct mkt_buf *b)
{
	if (until_s)
		mkt_buf_addf(b, ", until %s", mkt_fmt_local(s->zone, until_s).s);
}

static void say_bid(const struct mkt_story *s, const struct mkt_op_bid *bid, struct mkt_buf *b)
{
	mkt_buf_addf(b, "%s %s, %u leg%s", bid->side == MKT_BUY ? "buy" : "sell",
		     mkt_fmt_energy(bid->amount_wh).s, bid->nlegs, bid->nlegs == 1 ? "" : "s");
	if (bid->flags & MKT_BID_IOC)
		mkt_buf_addstr(b, ", what matches at once");
	if (bid->flags & MKT_BID_FOK)
		mkt_buf_addstr(b, ", all at once or nothing");
	if (bid->flags & MKT_BID_POST_ONLY)
		mkt_buf_addstr(b, ", only if nothing matches at once");
	add_until(s, bid->until_s, b);
}

static void say_cancel(const struct mkt_story *s, const struct mkt_op *op, struct mkt_buf *b)
{
	switch (op->u.cancel.what) {
	case MKT_CANCEL_ONE:
		mkt_buf_addf(b, "b%llu", (unsigned long long)op->u.cancel.bid);
		break;
	case MKT_CANCEL_WINDOW:
		mkt_buf_addstr(b, "what is open in ");
		add_window(s, op->u.cancel.window, b);
		break;
	default:
		mkt_buf_addstr(b, "all bids");
		break;
	}
}

static void add_side(uint8_t side, uint32_t wh, const char *charger, struct mkt_buf *b)
{
	mkt_buf_addf(b, "%s %s", mkt_fmt_energy(wh).s, side == MKT_SUPPLY ? "supplied" : "drawn");
	if (charger[0])
		mkt_buf_addf(b, ", charger %s", charger);
}

static void add_note(const struct mkt_tx *tx, const struct mkt_op *op, struct mkt_buf *b)
{
	if (!op->text_at || !op->text_len || op->text_at + op->text_len > tx->raw_len)
		return;
	mkt_buf_addstr(b, ": ");
	mkt_buf_add(b, tx->raw + op->text_at, op->text_len);
}

static void say_money(const struct mkt_story *s, const struct mkt_tx *tx, const struct mkt_op *op,
		      struct mkt_buf *b)
{
	mkt_buf_addf(b, "%s %s #%u", mkt_fmt_money(op->u.transfer.money_uc, s->facts->currency).s,
		     op->kind == MKT_OP_WITHDRAW ? "from" : "to", (unsigned)op->u.transfer.to);
	add_note(tx, op, b);
}

static void say_rights(const struct mkt_story *s, const struct mkt_op *op, struct mkt_buf *b)
{
	const char *sep = ", may ";

	mkt_buf_addf(b, "to #%u", (unsigned)op->u.delegate.to);
	for (unsigned k = 0; k < 32; k++) {
		if (!(op->u.delegate.rights >> k & 1) || !mkt_op_name(k))
			continue;
		mkt_buf_addf(b, "%s%s", sep, mkt_op_name(k));
		sep = ", ";
	}
	add_until(s, op->u.delegate.until_s, b);
}

static void say_user_op(const struct mkt_story *s, const struct mkt_tx *tx, const struct mkt_op *op,
			struct mkt_buf *b)
{
	switch (op->kind) {
	case MKT_OP_BID:
		say_bid(s, &op->u.bid, b);
		break;
	case MKT_OP_CANCEL:
		say_cancel(s, op, b);
		break;
	case MKT_OP_REDUCE:
		mkt_buf_addf(b, "b%llu to %s", (unsigned long long)op->u.reduce.bid,
			     mkt_fmt_energy(op->u.reduce.left_wh).s);
		break;
	case MKT_OP_REPORT:
		mkt_buf_addf(b, "c%llu, ", (unsigned long long)op->u.report.exec);
		add_side(op->u.report.side, op->u.report.wh, op->u.report.charger, b);
		break;
	case MKT_OP_METER:
		add_window(s, op->u.meter.window, b);
		mkt_buf_addstr(b, ", ");
		add_side(op->u.meter.side, op->u.meter.wh, op->u.meter.charger, b);
		break;
	case MKT_OP_RETIRE:
		mkt_buf_addf(b, "c%llu", (unsigned long long)op->u.retire.exec);
		add_note(tx, op, b);
		break;
	case MKT_OP_DELEGATE:
		say_rights(s, op, b);
		break;
	case MKT_OP_REVOKE:
		mkt_buf_addf(b, "of #%u", (unsigned)op->u.delegate.to);
		break;
	default: /* TRANSFER, DEPOSIT, WITHDRAW */
		say_money(s, tx, op, b);
		break;
	}
}

static void say_tag(const struct mkt_story *s, const struct mkt_op *op, struct mkt_buf *b)
{
	mkt_buf_addf(b, "%s in dimension %u", op->u.tag.name, op->u.tag.dim);
	if (op->u.tag.flags & MKT_TAG_DIRECT)
		mkt_buf_addstr(b, ", direct");
	if (op->u.tag.flags & MKT_TAG_CLOSED)
		mkt_buf_addstr(b, ", closed");
	if (op->u.tag.fee_upwh)
		mkt_buf_addf(b, ", fee %s to #%u",
			     mkt_fmt_price(op->u.tag.fee_upwh, s->facts->currency).s,
			     (unsigned)op->u.tag.fee_account);
}

static void say_limits(const struct mkt_op *op, struct mkt_buf *b)
{
	const struct mkt_class_limits *l = &op->u.limits.lim;
	const char *name = mkt_class_name(op->u.limits.cls);

	mkt_buf_addf(b, "class %s: %u open bids; a minute %u transactions, %u reads, %u rows",
		     name ? name : "?", (unsigned)l->open_bids, (unsigned)l->tx_per_min,
		     (unsigned)l->reads_per_min, (unsigned)l->rows_per_min);
}

static void say_enroll(const struct mkt_op *op, struct mkt_buf *b)
{
	const char *name = mkt_class_name(op->u.enroll.cls);
	char key[MKT_PUBKEY_TEXT];

	mkt_pubkey_text(&op->u.enroll.key, key);
	mkt_buf_addf(b, "%s as %s, %u charger%s, key %s", op->u.enroll.name, name ? name : "?",
		     op->u.enroll.nchargers, op->u.enroll.nchargers == 1 ? "" : "s", key);
}

static void say_authority(const struct mkt_op *op, struct mkt_buf *b)
{
	const struct mkt_op_authority *a = &op->u.authority;
	char key[MKT_PUBKEY_TEXT];

	mkt_pubkey_text(&a->change.who.key, key);
	mkt_buf_addf(b, "%s %s, signed by %u, key %s",
		     a->change.what == MKT_AUTHORITY_ADD ? "add" : "remove", a->change.who.name,
		     a->nsigs, key);
}

static void say_operator_op(const struct mkt_story *s, const struct mkt_op *op, struct mkt_buf *b)
{
	switch (op->kind) {
	case MKT_OP_ENROLL:
		say_enroll(op, b);
		break;
	case MKT_OP_SUSPEND:
		mkt_buf_addf(b, "#%u %s", (unsigned)op->u.suspend.account,
			     op->u.suspend.on ? "from now on" : "no more");
		break;
	case MKT_OP_DIMENSION:
		mkt_buf_addf(b, "%s, at first %s", op->u.dimension.dim, op->u.dimension.first);
		break;
	case MKT_OP_TAG:
		say_tag(s, op, b);
		break;
	case MKT_OP_MEMBER:
		mkt_buf_addf(b, "#%u %s value %u of dimension %u", (unsigned)op->u.member.account,
			     op->u.member.in ? "may use" : "may no more use", op->u.member.value,
			     op->u.member.dim);
		break;
	case MKT_OP_LIMITS:
		say_limits(op, b);
		break;
	case MKT_OP_CLOCK:
		mkt_buf_addstr(b, mkt_fmt_local(s->zone, op->u.clock.time_ms / 1000).s);
		break;
	case MKT_OP_IMBALANCE:
		mkt_buf_addf(b, "up %s",
			     mkt_fmt_price(op->u.imbalance.up_upwh, s->facts->currency).s);
		mkt_buf_addf(b, ", down %s",
			     mkt_fmt_price(op->u.imbalance.down_upwh, s->facts->currency).s);
		break;
	case MKT_OP_METEROP:
		mkt_buf_addf(b, "#%u %s for #%u", (unsigned)op->u.meterop.meter,
			     op->u.meterop.on ? "may report" : "may no more report",
			     (unsigned)op->u.meterop.account);
		break;
	case MKT_OP_AUTHORITY:
		say_authority(op, b);
		break;
	default:
		break;
	}
}

void mkt_story_op(const struct mkt_story *s, const struct mkt_tx *tx, const struct mkt_op *op,
		  struct mkt_buf *out)
{
	const char *name = mkt_op_name(op->kind);

	mkt_buf_addf(out, "%s", name ? name : "?");
	if (op->kind < MKT_OP_FIRST_OPERATOR && op->account != tx->account)
		mkt_buf_addf(out, " for #%u", (unsigned)op->account);
	mkt_buf_addstr(out, ": ");
	if (op->kind < MKT_OP_FIRST_OPERATOR || op->kind == MKT_OP_DEPOSIT ||
	    op->kind == MKT_OP_WITHDRAW)
		say_user_op(s, tx, op, out);
	else
		say_operator_op(s, op, out);
}

/* Events and results as JSON: the same words in receipts, streams, stories and transactions. */
#include "core/base/compat.h"

#include "core/units/fmt.h"
#include "ledgerd/api.h"

#define DETAIL_MAX 112

/* What ref and more of a RESULT mean: participants' operations. */
static void put_done(struct mkt_jw *w, const struct mkt_op *op, uint64_t ref, uint64_t more)
{
	switch (op->kind) {
	case MKT_OP_BID:
		mkt_jw_ku64s(w, "bid", ref);
		mkt_jw_ku64(w, "left_wh", more);
		break;
	case MKT_OP_CANCEL:
		if (op->u.cancel.what == MKT_CANCEL_ONE)
			mkt_jw_ku64s(w, "bid", ref);
		else
			mkt_jw_ku64(w, "bids", ref);
		mkt_jw_ku64(w, "freed_wh", more);
		break;
	case MKT_OP_REDUCE:
		mkt_jw_ku64s(w, "bid", ref);
		mkt_jw_ku64(w, "freed_wh", more);
		break;
	case MKT_OP_REPORT:
		mkt_jw_ku64s(w, "exec", ref);
		mkt_jw_ku64(w, "taken_wh", more);
		break;
	case MKT_OP_METER:
		mkt_jw_ku64(w, "contracts", ref);
		mkt_jw_ku64(w, "taken_wh", more);
		break;
	case MKT_OP_RETIRE:
		mkt_jw_ku64s(w, "exec", ref);
		mkt_jw_ku64(w, "delivered_wh", more);
		break;
	case MKT_OP_TRANSFER:
	case MKT_OP_DEPOSIT:
	case MKT_OP_WITHDRAW:
		mkt_jw_ku64(w, "other", ref);
		mkt_jw_ku64s(w, "money_uc", more);
		break;
	case MKT_OP_DELEGATE:
	case MKT_OP_REVOKE:
		mkt_jw_ku64(w, "to", ref);
		ld_json_rights(w, (uint32_t)more);
		break;
	default:
		break;
	}
}

/* The operator's. */
static void put_done_admin(struct mkt_jw *w, const struct mkt_op *op, uint64_t ref, uint64_t more)
{
	switch (op->kind) {
	case MKT_OP_ENROLL:
		mkt_jw_ku64(w, "enrolled", ref);
		break;
	case MKT_OP_SUSPEND:
		mkt_jw_ku64(w, "who", ref);
		mkt_jw_ku64(w, "bids", more);
		break;
	case MKT_OP_DIMENSION:
	case MKT_OP_TAG:
		mkt_jw_ku64(w, "number", ref);
		break;
	case MKT_OP_MEMBER:
		mkt_jw_ku64(w, "who", ref);
		break;
	case MKT_OP_LIMITS:
		mkt_jw_kstr(w, "class", mkt_class_name((unsigned)(ref & 0xff)));
		break;
	case MKT_OP_CLOCK:
		mkt_jw_ku64(w, "time_ms", more);
		break;
	case MKT_OP_METEROP:
		mkt_jw_ku64(w, "who", ref);
		mkt_jw_ku64(w, "meter", more);
		break;
	case MKT_OP_AUTHORITY:
		mkt_jw_ku64(w, "generation", ref);
		mkt_jw_ku64(w, "authorities", more);
		break;
	default:
		break;
	}
}

/* What the numbers of a refusal say beyond its code; "" if nothing. */
static void refusal_detail(char out[DETAIL_MAX], const struct ld_node *n,
			   unsigned code, uint64_t more)
{
	out[0] = 0;
	switch (code) {
	case MKT_EFUNDS:
		snprintf(out, DETAIL_MAX, ": %s needed",
			 mkt_fmt_money((int64_t)(more & INT64_MAX), n->g->currency).s);
		break;
	case MKT_ELOT:
		snprintf(out, DETAIL_MAX, ": the lot is %s", mkt_fmt_energy(more).s);
		break;
	case MKT_ETICK:
		snprintf(out, DETAIL_MAX, ": the tick is %s",
			 mkt_fmt_price((int32_t)(more & INT32_MAX), n->g->currency).s);
		break;
	case MKT_EOPENBIDS:
		snprintf(out, DETAIL_MAX, ": at most %llu", (unsigned long long)more);
		break;
	case MKT_EGATE:
	case MKT_ENOTOPEN:
	case MKT_EEARLY:
	case MKT_ELATE:
		snprintf(out, DETAIL_MAX, ": %s", mkt_fmt_utc(more).s);
		break;
	case MKT_EREPORTED:
		snprintf(out, DETAIL_MAX, ": %s", mkt_fmt_energy(more).s);
		break;
	default:
		break;
	}
}

bool ld_refusal(char out[MKT_ERR_TEXT_MAX], const struct ld_node *n, unsigned code, uint64_t leg,
		uint64_t more)
{
	char detail[DETAIL_MAX], where[24] = "";

	refusal_detail(detail, n, code, more);
	if (leg && leg <= MKT_LEGS_MAX)
		snprintf(where, sizeof(where), " (leg %u)", (unsigned)leg);
	snprintf(out, MKT_ERR_TEXT_MAX, "%s%s%s", mkt_code_text((int)code), detail, where);
	return detail[0] != 0;
}

static void put_refusal(struct mkt_jw *w, const struct ld_node *n, const struct mkt_event *ev)
{
	uint64_t leg = ev->u.result.ref; /* from 1; 0: none */
	char line[MKT_ERR_TEXT_MAX];

	if (leg && leg <= MKT_LEGS_MAX)
		mkt_jw_ku64(w, "leg", leg - 1);
	ld_refusal(line, n, ev->u.result.code, leg, ev->u.result.more);
	mkt_jw_kstr(w, "message", line);
	mkt_jw_kstr(w, "hint", mkt_code_hint(ev->u.result.code));
}

/* The members that tell an outcome.  @op NULL: not known. */
static void put_outcome(struct mkt_jw *w, const struct ld_node *n, const struct mkt_op *op,
			const struct mkt_event *ev)
{
	mkt_jw_kstr(w, "code", mkt_code_word(ev->u.result.code));
	if (ev->u.result.code) {
		put_refusal(w, n, ev);
	} else if (op) {
		put_done(w, op, ev->u.result.ref, ev->u.result.more);
		put_done_admin(w, op, ev->u.result.ref, ev->u.result.more);
	}
}

void ld_json_results(struct mkt_jw *w, const struct ld_node *n, const struct mkt_tx *tx,
		     const void *events, size_t len)
{
	struct mkt_dec in = mkt_dec_init(events, len);
	uint64_t filled_wh = 0, contracts = 0;
	struct mkt_event ev;

	mkt_jw_key(w, "results");
	mkt_jw_arr(w);
	while (in.at < in.end && mkt_event_dec(&in, &ev) >= 0) {
		const struct mkt_op *op = ev.op < tx->nops ? &tx->ops[ev.op] : NULL;

		if (ev.kind == MKT_EV_CONTRACT) {
			filled_wh += ev.u.contract.wh;
			contracts++;
		}
		if (ev.kind != MKT_EV_RESULT)
			continue;
		mkt_jw_obj(w);
		mkt_jw_kstr(w, "op", op ? mkt_op_name(op->kind) : "?");
		put_outcome(w, n, op, &ev);
		if (op && op->kind == MKT_OP_BID && !ev.u.result.code) {
			mkt_jw_ku64(w, "filled_wh", filled_wh);
			mkt_jw_ku64(w, "contracts", contracts);
		}
		mkt_jw_obj_end(w);
		filled_wh = contracts = 0;
	}
	mkt_jw_arr_end(w);
}

/* ---- events, each kind -------------------------------------------------------------------- */

void ld_json_contract_terms(struct mkt_jw *w, const struct ld_node *n,
			    const struct mkt_ev_contract *c)
{
	mkt_jw_ku64s(w, "exec", c->exec);
	mkt_jw_ku64(w, "buyer", c->buyer);
	mkt_jw_ku64(w, "seller", c->seller);
	ld_json_name(w, n, "buyer_name", c->buyer);
	ld_json_name(w, n, "seller_name", c->seller);
	mkt_jw_ku64s(w, "buy_bid", c->buy_bid);
	mkt_jw_ku64s(w, "sell_bid", c->sell_bid);
	mkt_jw_ku64(w, "buy_leg", c->buy_leg);
	mkt_jw_ku64(w, "sell_leg", c->sell_leg);
	mkt_jw_kstr(w, "taker", c->taker_side == MKT_BUY ? "buy" : "sell");
	ld_json_window(w, n, c->window);
	ld_json_tags(w, n, c->tags);
	mkt_jw_ku64(w, "energy_wh", c->wh);
	mkt_jw_ki64(w, "price_upwh", c->price_upwh);
	mkt_jw_ki64(w, "fee_upwh", c->fee_upwh);
	if (c->alt_leg == MKT_NO_LEG) {
		mkt_jw_knull(w, "alt_leg");
		mkt_jw_knull(w, "alt_price_upwh");
	} else {
		mkt_jw_ku64(w, "alt_leg", c->alt_leg);
		mkt_jw_ki64(w, "alt_price_upwh", c->alt_price_upwh);
	}
}

static void put_result(struct mkt_jw *w, const struct ld_node *n, const struct mkt_event *ev,
		       const struct mkt_op *op)
{
	mkt_jw_ku64(w, "account", ev->u.result.account);
	ld_json_name(w, n, "account_name", ev->u.result.account);
	mkt_jw_kstr(w, "what", op ? mkt_op_name(op->kind) : "?");
	put_outcome(w, n, op, ev);
}

static void put_party(struct mkt_jw *w, const struct ld_node *n, const char *const keys[2],
		      uint32_t account)
{
	if (account == MKT_NO_ACCOUNT) {
		mkt_jw_knull(w, keys[0]);
		mkt_jw_knull(w, keys[1]);
		return;
	}
	mkt_jw_ku64(w, keys[0], account);
	ld_json_name(w, n, keys[1], account);
}

static void put_money(struct mkt_jw *w, const struct ld_node *n, const struct mkt_event *ev)
{
	static const char *const from[2] = {"from", "from_name"}, *const to[2] = {"to", "to_name"};

	mkt_jw_kstr(w, "why", mkt_money_name(ev->u.money.why));
	put_party(w, n, from, ev->u.money.from);
	put_party(w, n, to, ev->u.money.to);
	mkt_jw_ki64s(w, "money_uc", ev->u.money.money_uc);
	if (ev->u.money.why == MKT_MONEY_FEE || ev->u.money.why == MKT_MONEY_CHARGE)
		mkt_jw_ku64s(w, "exec", ev->u.money.ref);
}

static void put_gone(struct mkt_jw *w, const struct ld_node *n, const struct mkt_event *ev)
{
	mkt_jw_ku64s(w, "bid", ev->u.gone.bid);
	mkt_jw_ku64(w, "account", ev->u.gone.account);
	ld_json_name(w, n, "account_name", ev->u.gone.account);
	mkt_jw_kstr(w, "reason", mkt_gone_name(ev->u.gone.reason));
	mkt_jw_ku64(w, "left_wh", ev->u.gone.left_wh);
	mkt_jw_ku64(w, "amount_wh", ev->u.gone.amount_wh);
}

static void put_report(struct mkt_jw *w, const struct ld_node *n, const struct mkt_event *ev)
{
	mkt_jw_ku64s(w, "exec", ev->u.report.exec);
	mkt_jw_kstr(w, "side", ev->u.report.side == MKT_SUPPLY ? "supply" : "draw");
	mkt_jw_ku64(w, "account", ev->u.report.account);
	ld_json_name(w, n, "account_name", ev->u.report.account);
	mkt_jw_ku64(w, "energy_wh", ev->u.report.wh);
	mkt_jw_ku64(w, "reported_wh", ev->u.report.reported_wh);
	mkt_jw_kstr(w, "charger", ev->u.report.charger);
}

static void put_settled(struct mkt_jw *w, const struct ld_node *n, const struct mkt_ev_settled *s)
{
	mkt_jw_ku64s(w, "exec", s->exec);
	mkt_jw_ku64(w, "buyer", s->buyer);
	mkt_jw_ku64(w, "seller", s->seller);
	ld_json_name(w, n, "buyer_name", s->buyer);
	ld_json_name(w, n, "seller_name", s->seller);
	ld_json_window(w, n, s->window);
	mkt_jw_ku64(w, "contracted_wh", s->contracted_wh);
	mkt_jw_ku64(w, "supply_wh", s->supply_wh);
	mkt_jw_ku64(w, "draw_wh", s->draw_wh);
	mkt_jw_ku64(w, "delivered_wh", s->delivered_wh);
	mkt_jw_ki64s(w, "paid_uc", s->paid_uc);
	mkt_jw_ki64s(w, "fee_uc", s->fee_uc);
	mkt_jw_ki64s(w, "buyer_charge_uc", s->buyer_charge_uc);
	mkt_jw_ki64s(w, "seller_charge_uc", s->seller_charge_uc);
	mkt_jw_kbool(w, "supply_reported", s->how & 1);
	mkt_jw_kbool(w, "draw_reported", s->how & 2);
}

void ld_json_event(struct mkt_jw *w, const struct ld_node *n, const struct mkt_event *ev,
		   const struct ld_event_at *at)
{
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "height", at->height);
	mkt_jw_ku64(w, "n", at->n);
	mkt_jw_kstr(w, "kind", mkt_event_name(ev->kind));
	if (ev->tx != MKT_EVENT_NO_TX) {
		mkt_jw_ku64(w, "tx", ev->tx);
		mkt_jw_ku64(w, "op", ev->op);
	}
	switch (ev->kind) {
	case MKT_EV_RESULT:
		put_result(w, n, ev, at->operation);
		break;
	case MKT_EV_CONTRACT:
		ld_json_contract_terms(w, n, &ev->u.contract);
		break;
	case MKT_EV_GONE:
		put_gone(w, n, ev);
		break;
	case MKT_EV_GATE:
		ld_json_window(w, n, ev->u.gate.window);
		mkt_jw_ku64(w, "legs", ev->u.gate.legs);
		mkt_jw_ku64(w, "expired", ev->u.gate.expired);
		break;
	case MKT_EV_REPORT:
		put_report(w, n, ev);
		break;
	case MKT_EV_SETTLED:
		put_settled(w, n, &ev->u.settled);
		break;
	case MKT_EV_MONEY:
		put_money(w, n, ev);
		break;
	default:
		break;
	}
	mkt_jw_obj_end(w);
}

/*
 * From contract to money: reports of both sides, metering over all contracts of
 * a window, settlement, and the retirement of certificates.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"

/* ---- settlement ------------------------------------------------------------------------- */

/* What counts as supplied and drawn, reported or not. */
static void figures(const struct mkt_state *s, struct mkt_contract *c)
{
	bool other = s->g.unreported == MKT_UNREPORTED_OTHER;

	if (!(c->reported & 1))
		c->supply_wh = other ? c->draw_wh : 0; /* 0 while not reported */
	if (!(c->reported & 2))
		c->draw_wh = other && c->reported & 1 ? c->supply_wh : 0;
	c->delivered_wh = c->what.wh;
	if (c->supply_wh < c->delivered_wh)
		c->delivered_wh = c->supply_wh;
	if (c->draw_wh < c->delivered_wh)
		c->delivered_wh = c->draw_wh;
}

static void fee_part(struct mkt_state *s, const struct mkt_contract *c, uint32_t to,
		     int32_t fee_upwh)
{
	int64_t money_uc = mkt_cost_uc(fee_upwh, c->delivered_wh);

	if (!money_uc)
		return;
	money_add(s, to, money_uc);
	money_event(s, MKT_MONEY_FEE, c->what.buyer, to, money_uc, c->what.exec);
}

/* The buyer's fee to the accounts of the tags, in order of dimension. */
static void fee_split(struct mkt_state *s, const struct mkt_contract *c)
{
	int32_t left_upwh = c->what.fee_upwh;

	for (unsigned d = 0; d < s->tags.ndims && left_upwh; d++) {
		const struct mkt_tag_value *v =
			&s->tags.dims[d].values[mkt_tags_value(c->what.tags, d)];
		int32_t part = v->fee_upwh < left_upwh ? v->fee_upwh : left_upwh;

		fee_part(s, c, v->fee_account, part);
		left_upwh -= part;
	}
	fee_part(s, c, MKT_OPERATOR, left_upwh);
}

/* What @short_wh costs at @price; no more than what is left of all charges (see escrow.c). */
static int64_t charge(struct mkt_state *s, uint32_t short_wh, int32_t price_upwh)
{
	int64_t money_uc = mkt_cost_uc(price_upwh, short_wh);

	if (money_uc > MKT_MONEY_MAX - s->totals.charges_uc)
		money_uc = MKT_MONEY_MAX - s->totals.charges_uc;
	s->totals.charges_uc += money_uc;
	return money_uc;
}

static void charge_pay(struct mkt_state *s, uint64_t exec, uint32_t from, int64_t money_uc)
{
	if (!money_uc)
		return;
	money_add(s, from, -money_uc);
	money_add(s, MKT_OPERATOR, money_uc);
	money_event(s, MKT_MONEY_CHARGE, from, MKT_OPERATOR, money_uc, exec);
}

static struct mkt_ev_settled settle_figures(struct mkt_state *s, const struct mkt_contract *c)
{
	/* In this order: what is left of all charges may not be enough for both. */
	int64_t buyer_uc = charge(s, c->what.wh - c->draw_wh, s->down_upwh);
	int64_t seller_uc = charge(s, c->what.wh - c->supply_wh, s->up_upwh);

	return (struct mkt_ev_settled){
		.exec = c->what.exec,
		.buyer = c->what.buyer,
		.seller = c->what.seller,
		.window = c->what.window,
		.contracted_wh = c->what.wh,
		.supply_wh = c->supply_wh,
		.draw_wh = c->draw_wh,
		.delivered_wh = c->delivered_wh,
		.paid_uc = mkt_cost_uc(c->what.price_upwh, c->delivered_wh),
		.fee_uc = mkt_cost_uc(c->what.fee_upwh, c->delivered_wh),
		.buyer_charge_uc = buyer_uc,
		.seller_charge_uc = seller_uc,
		.how = c->reported,
	};
}

void contract_settle(struct mkt_state *s, uint32_t ix)
{
	struct contract *k = contract_touch(s, ix);
	struct mkt_contract *c = &k->c;
	struct mkt_event ev = {.kind = MKT_EV_SETTLED};
	struct mkt_ev_settled *t = &ev.u.settled;

	figures(s, c);
	*t = settle_figures(s, c);
	escrow_unlock(s, c->what.buyer, c->locked_uc);
	escrow_unlock(s, c->what.seller, c->collateral_uc);
	c->locked_uc = c->collateral_uc = 0;
	for (unsigned side = 0; side < 2; side++)
		if (!(c->reported & 1u << side))
			contract_close_side(s, ix, side);
	c->status = MKT_CONTRACT_SETTLED;
	s->window[k->window].unsettled--;
	s->window[k->window].settled_height = s->height;
	s->totals.settled++;
	s->totals.delivered_wh += c->delivered_wh;
	count_uc(&s->totals.fees_uc, t->fee_uc);
	emit(s, &ev);
	money_add(s, c->what.buyer, -(t->paid_uc + t->fee_uc));
	money_add(s, c->what.seller, t->paid_uc);
	fee_split(s, c);
	charge_pay(s, c->what.exec, c->what.buyer, t->buyer_charge_uc);
	charge_pay(s, c->what.exec, c->what.seller, t->seller_charge_uc);
}

/* ---- reports ---------------------------------------------------------------------------- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Enter a figure for a side that has none; returns the Wh taken. */
static uint32_t report_side(struct mkt_state *s, uint32_t ix, unsigned side, uint32_t wh,
			    const char *charger)
{
	struct contract *c = contract_touch(s, ix);
	struct mkt_event ev = {.kind = MKT_EV_REPORT};
	uint32_t taken = least(wh, c->c.what.wh);

	*(side ? &c->c.draw_wh : &c->c.supply_wh) = taken;
	c->c.reported |= (uint8_t)(1u << side);
	c->c.status = MKT_CONTRACT_REPORTED;
	s->totals.reports++;
	contract_close_side(s, ix, side);
	ev.u.report.exec = c->c.what.exec;
	ev.u.report.side = (uint8_t)(side + 1);
	ev.u.report.account = contract_account(c, side);
	ev.u.report.wh = taken;
	ev.u.report.reported_wh = wh;
	memcpy(ev.u.report.charger, charger, sizeof(ev.u.report.charger));
	emit(s, &ev);
	if (c->c.reported == 3)
		contract_settle(s, ix);
	return taken;
}

/* Between the end of the window and the deadline. */
static int check_time(const struct mkt_state *s, const struct act *a, uint32_t window,
		      struct answer *r)
{
	uint64_t end_s = window_end_s(s, window), late_s = window_deadline_s(s, window);

	if (a->now_ms < end_s * 1000)
		return refuse(r, MKT_EEARLY, end_s, "%s", mkt_code_text(MKT_EEARLY));
	if (a->now_ms >= late_s * 1000)
		return refuse(r, MKT_ELATE, late_s, "%s", mkt_code_text(MKT_ELATE));
	return 0;
}

static int check_charger(const struct mkt_state *s, const struct act *a, const char *charger,
			 struct answer *r)
{
	if (*charger && !account_has_charger(&s->account[a->op->account], charger))
		return refuse(r, MKT_ECHARGER, 0, "charger '%s' is not enrolled for '%s'", charger,
			      s->account[a->op->account].name);
	return 0;
}

static int check_exec(const struct mkt_state *s, uint64_t exec, uint32_t *ix, struct answer *r)
{
	if (contract_find(s, exec, ix))
		return 0;
	if (exec && exec < s->next_exec)
		return refuse(r, MKT_ECONTRACT, 0, "contract %llu is closed for good",
			      (unsigned long long)exec);
	return refuse(r, MKT_ECONTRACT, 0, "no such contract: %llu", (unsigned long long)exec);
}

static uint32_t taken_of(const struct mkt_contract *c, unsigned side)
{
	return side ? c->draw_wh : c->supply_wh;
}

int check_report(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	unsigned side = a->op->u.report.side - 1u;
	const struct mkt_contract *c;
	uint32_t ix, taken;
	int rc = check_exec(s, a->op->u.report.exec, &ix, r);

	if (rc < 0)
		return rc;
	c = &s->contract[ix].c;
	if (contract_account(&s->contract[ix], side) != a->op->account)
		return refuse(r, MKT_EDENIED, 0,
			      "account '%s' is not on that side of contract %llu",
			      s->account[a->op->account].name, (unsigned long long)c->what.exec);
	taken = taken_of(c, side);
	if (c->reported & 1u << side) {
		if (least(a->op->u.report.wh, c->what.wh) == taken)
			return 0; /* once more the same */
		return refuse(r, MKT_EREPORTED, taken, "this side is reported already: %u Wh",
			      taken);
	}
	rc = check_time(s, a, c->what.window, r);
	return rc < 0 ? rc : check_charger(s, a, a->op->u.report.charger, r);
}

int run_report(struct mkt_state *s, const struct act *a, struct answer *r)
{
	unsigned side = a->op->u.report.side - 1u;
	uint32_t ix;

	r->ref = a->op->u.report.exec;
	if (!contract_find(s, r->ref, &ix))
		return 0;
	if (s->contract[ix].c.reported & 1u << side)
		r->more = taken_of(&s->contract[ix].c, side);
	else
		r->more = report_side(s, ix, side, a->op->u.report.wh, a->op->u.report.charger);
	return 0;
}

int check_meter(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t number = a->op->u.meter.window, window;
	int rc;

	if (number > s->window_max)
		return refuse(r, MKT_EWINDOW, 0, "%s", mkt_code_text(MKT_EWINDOW));
	rc = check_time(s, a, number, r);
	if (!rc)
		rc = check_charger(s, a, a->op->u.meter.charger, r);
	if (rc < 0)
		return rc;
	window = window_find(s, number);
	if (window == NONE ||
	    party_open(s, window, a->op->account, a->op->u.meter.side - 1u).head == NONE)
		return refuse(r, MKT_ECLOSING, 0, "%s", mkt_code_text(MKT_ECLOSING));
	return 0;
}

int run_meter(struct mkt_state *s, const struct act *a, struct answer *r)
{
	unsigned side = a->op->u.meter.side - 1u;
	uint32_t left_wh = a->op->u.meter.wh, next;
	uint32_t window = window_find(s, a->op->u.meter.window);
	struct list open = party_open(s, window, a->op->account, side);

	for (uint32_t ix = open.head; ix != NONE; ix = next) {
		uint32_t wh = least(left_wh, s->contract[ix].c.what.wh);

		next = s->contract[ix].link[C_OPEN + side].next;
		report_side(s, ix, side, wh, a->op->u.meter.charger);
		left_wh -= wh;
		r->ref++;
		r->more += wh;
	}
	return 0;
}

/* ---- certificates ----------------------------------------------------------------------- */

int check_retire(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	const struct mkt_contract *c;
	uint32_t ix;
	int rc = check_exec(s, a->op->u.retire.exec, &ix, r);

	if (rc < 0)
		return rc;
	c = &s->contract[ix].c;
	if (c->what.buyer != a->op->account)
		return refuse(r, MKT_EDENIED, 0, "account '%s' is not the buyer of contract %llu",
			      s->account[a->op->account].name, (unsigned long long)c->what.exec);
	if (c->status == MKT_CONTRACT_RETIRED)
		return refuse(r, MKT_ERETIRED, 0, "%s", mkt_code_text(MKT_ERETIRED));
	if (c->status != MKT_CONTRACT_SETTLED)
		return refuse(r, MKT_EUNSETTLED, 0, "%s", mkt_code_text(MKT_EUNSETTLED));
	return 0;
}

int run_retire(struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t ix;

	r->ref = a->op->u.retire.exec;
	if (!contract_find(s, r->ref, &ix))
		return 0;
	contract_touch(s, ix)->c.status = MKT_CONTRACT_RETIRED;
	r->more = s->contract[ix].c.delivered_wh;
	return 0;
}

/* Bills of all participants. */
#include "core/base/compat.h"

#include "cmd/sim.h"
#include "cmd/sim_bills.h"
#include "core/units/checked.h"

int64_t sim_bill_uc(const struct sim_bill *b)
{
	return b->paid_uc + b->fees_uc + b->charges_uc + b->rest_paid_uc - b->earned_uc -
	       b->rest_earned_uc;
}

static struct sim_bill *bill_of(struct sim *s, uint32_t account)
{
	struct sim_party *p = sim_party(s, account);

	return p ? &p->bill : NULL;
}

static uint32_t less(uint32_t a, uint32_t b)
{
	return a < b ? 0 : a - b;
}

void sim_bill_metered(struct sim *s, uint32_t w, uint32_t site, const struct mkt_metered *m)
{
	struct sim_bill *b = &s->parties[2 + site].bill;

	b->draw_wh[w % 2] = m->draw_wh;
	b->supply_wh[w % 2] = m->supply_wh;
}

/* By the figures as they were reported: @c->draw_wh and supply_wh are cut at the contract. */
void sim_bill_settled(struct sim *s, const struct sim_contract *c, int32_t retail_upwh)
{
	const struct mkt_genesis *g = &s->chain.genesis;
	const uint32_t at = c->window % 2;
	struct sim_bill *buyer = bill_of(s, c->buyer), *seller = bill_of(s, c->seller);

	if (!c->settled || !buyer || !seller)
		return;
	buyer->bought_wh += c->delivered_wh;
	buyer->paid_uc += mkt_cost_uc(c->price_upwh, c->delivered_wh);
	buyer->retail_uc += mkt_cost_uc(retail_upwh, c->delivered_wh);
	buyer->fees_uc += mkt_cost_uc(c->fee_upwh, c->delivered_wh);
	buyer->charges_uc += mkt_cost_uc(g->imbalance_down_upwh, less(c->wh, c->draw_wh));
	buyer->draw_wh[at] = less(buyer->draw_wh[at], c->delivered_wh);
	seller->sold_wh += c->delivered_wh;
	seller->earned_uc += mkt_cost_uc(c->price_upwh, c->delivered_wh);
	seller->feed_in_uc += mkt_cost_uc(s->terms.feed_in_upwh, c->delivered_wh);
	seller->charges_uc += mkt_cost_uc(g->imbalance_up_upwh, less(c->wh, c->supply_wh));
	seller->supply_wh[at] = less(seller->supply_wh[at], c->delivered_wh);
	/* Alone the same energy went through the same meters. */
	buyer->alone_uc += mkt_cost_uc(retail_upwh, c->delivered_wh);
	seller->alone_uc -= mkt_cost_uc(s->terms.feed_in_upwh, c->delivered_wh);
}

void sim_bill_close(struct sim *s, uint32_t w, int32_t retail_upwh)
{
	const uint32_t at = w % 2;

	for (uint32_t i = 2; i < s->nparties; i++) {
		struct sim_bill *b = &s->parties[i].bill;
		int64_t draw_uc = mkt_cost_uc(retail_upwh, b->draw_wh[at]);
		int64_t supply_uc = mkt_cost_uc(s->terms.feed_in_upwh, b->supply_wh[at]);

		b->rest_draw_wh += b->draw_wh[at];
		b->rest_supply_wh += b->supply_wh[at];
		b->rest_paid_uc += draw_uc;
		b->rest_earned_uc += supply_uc;
		b->alone_uc += draw_uc - supply_uc;
		b->draw_wh[at] = b->supply_wh[at] = 0;
	}
}

struct sim_bill_sums sim_bill_sums(const struct sim *s)
{
	struct sim_bill_sums sums = {0};

	for (uint32_t i = 2; i < s->nparties; i++) {
		const struct sim_bill *b = &s->parties[i].bill;

		sums.bills_uc += sim_bill_uc(b);
		sums.alone_uc += b->alone_uc;
		sums.charges_uc += b->charges_uc;
		if (sim_bill_uc(b) > b->alone_uc) {
			sums.worse++;
			sums.worse_uc += sim_bill_uc(b) - b->alone_uc;
		}
		sums.dearer += b->paid_uc + b->fees_uc >
			       b->retail_uc + (int64_t)b->bought_wh * s->premium_upwh;
		sums.cheaper += b->earned_uc < b->feed_in_uc;
	}
	return sums;
}

int sim_bill_check(struct sim *s)
{
	for (uint32_t i = 1; i < s->nparties; i++) {
		const struct sim_party *p = &s->parties[i];
		const struct sim_bill *b = &p->bill;
		int64_t want =
			p->deposits_uc + b->earned_uc - b->paid_uc - b->fees_uc - b->charges_uc;

		if (p->holds_uc != want)
			return mkt_err_set(
				&s->app->err, MKT_EINTEGRITY,
				"account %u holds %lld micro-units and its bill says %lld",
				p->account, (long long)p->holds_uc, (long long)want);
	}
	return 0;
}

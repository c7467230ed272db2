/*
 * Bills: what each participant paid and earned, and what the same energy through the
 * same meter would have cost at the retailer alone.
 *
 * Kept from contracts as the API tells them and from meters, by the rules of
 * settlement (core/ledger/settle.c), not from the ledger's accounts; at the end
 * each account of the ledger must hold what was deposited and what its bill says.
 *
 * What a meter shows beyond the contracts is bought from the retailer at its price of the
 * window or sold to it at the feed-in price; this part does not pass through the ledger.
 */
#ifndef MKT_CMD_SIM_BILLS_H
#define MKT_CMD_SIM_BILLS_H

#include "core/base/compat.h"
#include "core/base/err.h"

struct sim;
struct sim_contract;
struct mkt_metered;

/* Of one participant; money in micro-currency, positive. */
struct sim_bill {
	uint64_t bought_wh, sold_wh;   /* delivered under contracts */
	int64_t paid_uc, earned_uc;    /* for them */
	int64_t retail_uc, feed_in_uc; /* what they would have been at the retailer's prices */
	int64_t fees_uc, charges_uc;   /* of tags; for what was contracted and not moved */
	uint64_t rest_draw_wh, rest_supply_wh;
	int64_t rest_paid_uc, rest_earned_uc; /* beyond contracts */
	int64_t alone_uc;              /* all of it without the market: may be below zero */
	uint32_t draw_wh[2], supply_wh[2]; /* of window w at w % 2, while it is not settled */
};

/* What it comes to: below zero it earns. */
int64_t sim_bill_uc(const struct sim_bill *b);

/* All together, and what of it does not hold. */
struct sim_bill_sums {
	int64_t bills_uc, alone_uc, charges_uc;
	uint32_t worse;     /* participants who pay more than alone, charges and all */
	int64_t worse_uc;   /* how much more */
	uint32_t dearer;    /* who paid above the retailer's price for what they drew: must be 0 */
	uint32_t cheaper;   /* who earned less than the feed-in price: must be 0 */
};

/* Window @w of participant @site was metered. */
void sim_bill_metered(struct sim *s, uint32_t w, uint32_t site, const struct mkt_metered *m);
/* A contract was settled. @retail_upwh: the retailer's price of its window. */
void sim_bill_settled(struct sim *s, const struct sim_contract *c, int32_t retail_upwh);
/* All contracts of window @w are settled. */
void sim_bill_close(struct sim *s, uint32_t w, int32_t retail_upwh);

struct sim_bill_sums sim_bill_sums(const struct sim *s);

/* Does each account of the ledger hold what its bill says?  -MKT_EINTEGRITY names the first. */
int sim_bill_check(struct sim *s) MKT_MUST_CHECK;

#endif

/*
 * Settlements read from events, and sums of them by the start of something: a window, a day.
 */
#ifndef MKT_CMD_SETTLED_H
#define MKT_CMD_SETTLED_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/codec/json.h"

#define MKT_SETTLE_WHO_MAX 64

/* Names are borrowed from the event. */
struct mkt_settled {
	uint64_t exec, height, window_s, buyer, seller;
	const char *buyer_name, *seller_name;
	uint64_t contracted_wh, supply_wh, draw_wh, delivered_wh;
	int64_t paid_uc, fee_uc, buyer_charge_uc, seller_charge_uc;
	bool supply_reported, draw_reported;
};

/* Of an event of kind settled.  -MKT_EUNAVAILABLE: a member is missing or of another type. */
int mkt_settled_read(const struct mkt_jval *ev, struct mkt_settled *out,
		     struct mkt_err *err) MKT_MUST_CHECK;

struct mkt_settle_sum {
	uint64_t start_s;
	uint64_t contracts, short_contracts, unreported; /* contracts with a side not reported */
	uint64_t contracted_wh, supply_wh, draw_wh, delivered_wh, buyers_short_wh, sellers_short_wh;
	int64_t paid_uc, fees_uc, buyer_charges_uc, seller_charges_uc;
	char who[MKT_SETTLE_WHO_MAX]; /* who fell short, each once; "..." when there are more */
};

/* -MKT_EOVERFLOW. */
int mkt_settle_add(struct mkt_settle_sum *sum, const struct mkt_settled *t,
		   struct mkt_err *err) MKT_MUST_CHECK;

/* Sums by ascending start; zeroed at first. */
struct mkt_settle_sums {
	struct mkt_settle_sum *v; /* owned */
	size_t n, cap;
};
void mkt_settle_sums_release(struct mkt_settle_sums *sums);

/* That of @start_s, made if it is new; valid until the next call.  NULL: @err says why. */
struct mkt_settle_sum *mkt_settle_sum(struct mkt_settle_sums *sums, uint64_t start_s,
				      struct mkt_err *err);

#endif

/*
 * A plan: the operations that an agent wants to send next, in order, and what
 * each is for, so that its outcome finds the way back to the agent.  Building
 * and signing envelopes of them is the caller's.
 */
#ifndef MKT_AGENT_PLAN_H
#define MKT_AGENT_PLAN_H

#include "core/base/compat.h"
#include "core/ledger/tx.h"

enum mkt_purpose {
	MKT_FOR_NOTHING = 0, /* reports, cancels: nothing comes back */
	MKT_FOR_HOME_BUY,
	MKT_FOR_HOME_SELL,
	MKT_FOR_CAR,         /* @car and @part say which */
	MKT_FOR_RETAIL,
};

struct mkt_intent {
	struct mkt_op op;     /* a bid's first_leg counts in the plan's legs */
	uint8_t purpose;      /* enum mkt_purpose */
	uint8_t part;
	uint64_t car;
};

struct mkt_plan {
	struct mkt_intent *v; /* owned, as the legs; reused from one plan to the next */
	uint32_t n, cap;
	struct mkt_bid_leg *legs;
	uint32_t nlegs, legs_cap;
	bool bad;             /* memory ran out: something is missing */
	struct mkt_intent spare;
};

#define MKT_PLAN_INIT {.v = NULL}

void mkt_plan_release(struct mkt_plan *p);
void mkt_plan_clear(struct mkt_plan *p);

/*
 * Add an operation for @account; fields of the kind are the caller's to fill in,
 * before the next call.  Never NULL: once @bad is set it is a spare one.
 */
struct mkt_intent *mkt_plan_add(struct mkt_plan *p, enum mkt_op_kind kind, uint32_t account);

/* Begin a bid; its legs follow. */
struct mkt_intent *mkt_plan_bid(struct mkt_plan *p, uint32_t account, enum mkt_side side,
				uint32_t amount_wh);

/* Add a leg to the bid that was added last. */
void mkt_plan_leg(struct mkt_plan *p, uint32_t window, mkt_tags tags, int32_t price_upwh);

/* Withdraw a bid. */
void mkt_plan_cancel(struct mkt_plan *p, uint32_t account, uint64_t bid);

#endif

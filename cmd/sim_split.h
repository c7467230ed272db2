/*
 * Markets without tags, as a way to send what agents plan: one transaction for each
 * operation, one bid for each window and market, withdrawals after the fact.
 */
#ifndef MKT_CMD_SIM_SPLIT_H
#define MKT_CMD_SIM_SPLIT_H

#include "cmd/sim.h"

struct sim_split;

struct sim_split *sim_split_new(void);
void sim_split_free(struct sim_split *t);

/* Add a plan, cut into envelopes of one operation each. */
int sim_split_add(struct sim *s, struct sim_party *p, const struct mkt_plan *plan) MKT_MUST_CHECK;
/* All that was added is through. */
void sim_split_sent(struct sim_split *t);

/*
 * A contract on a bid of the chain: d->bid becomes the agent's number of it, and what of
 * d->wh goes beyond its amount moves to d->over_wh.
 */
int sim_split_contract(struct sim *s, uint32_t account, struct mkt_agent_deal *d) MKT_MUST_CHECK;

/* Add withdrawals of what stands beside bids that have contracted. */
int sim_split_withdraw(struct sim *s) MKT_MUST_CHECK;

/* Contracted beyond the amounts of bids so far. */
uint64_t sim_split_over_wh(const struct sim_split *t);

#endif

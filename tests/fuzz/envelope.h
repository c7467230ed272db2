/*
 * The ledger that envelopes of the fuzz target meet: four households, open bids,
 * a contract that waits for reports, delegations, an open block.
 */
#ifndef MKT_TESTS_FUZZ_ENVELOPE_H
#define MKT_TESTS_FUZZ_ENVELOPE_H

#include "tests/ledger.h"

static inline void envelope_world(struct ledger *l)
{
	struct mkt_op grant = {.kind = MKT_OP_DELEGATE,
			       .account = 1,
			       .u.delegate = {2, MKT_RIGHTS_ALL, 0}};
	struct mkt_op meter = {.kind = MKT_OP_METEROP, .u.meterop = {2, 1, 1}};

	ledger_default(l, 4, INT64_C(1000000000));
	LEDGER_WANT(ledger_do(l, 1, &grant, NULL, NULL).code == 0);
	LEDGER_WANT(ledger_do(l, 0, &meter, NULL, NULL).code == 0);
	SELL(l, 2, 10, {W0 + 20, 4000, 0}, {W0 + 21, 4000, 0x0101});
	SELL(l, 3, 50, {W0 + 20, 4500, 0x0001});
	SELL(l, 2, 10, {W0 + 1, 4000, 0});
	BUY(l, 1, 10, {W0 + 1, 4000, 0});
	BUY(l, 4, 30, {W0 + 22, 90, 0x0100}, {W0 + 20, 100, 0});
	LEDGER_WANT(mkt_state_end(l->s, &l->delta, &l->digest) == 0);
	ledger_begin(l, (W0 + 2) * 1800ull);
}

#endif

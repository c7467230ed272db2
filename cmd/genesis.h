/*
 * Options that say what a new chain is, for commands that make one.
 */
#ifndef MKT_CMD_GENESIS_H
#define MKT_CMD_GENESIS_H

#include "core/app/app.h"
#include "core/ledger/genesis.h"

struct mkt_genesis_values {
	const char *name, *currency, *zone;
	int window, clock, unreported;
	const char *start;
	const char *tick, *price_min, *price_max, *imbalance_up, *imbalance_down;
	const char *collateral;
	struct mkt_num opening, gate, deadline, interval, heartbeat, retention, lot;
	bool private_accounts;
};

extern const struct mkt_opt mkt_genesis_options[];

/*
 * The genesis that the options ask for, on top of mkt_genesis_default(), without
 * keys.  The time of block 0 is --start, else now.  The caller releases @g.
 */
int mkt_genesis_from_options(struct mkt_app *app, const struct mkt_genesis_values *v,
			     struct mkt_genesis *g) MKT_MUST_CHECK;

#endif

/*
 * What was booked for an account: its story of events (mkt-api(7)) as sums.
 *
 * Every event that moves the account's money is counted, each once, so that the sum over
 * a whole story is what the account has: available, held and locked together.  A
 * settlement tells the payer what it paid; fees and charges are told to their receivers
 * by events of their own.
 */
#ifndef MKT_WIRE_BOOKED_H
#define MKT_WIRE_BOOKED_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/codec/json.h"

struct mkt_booked {
	uint64_t bought, bought_wh; /* settled contracts as buyer; what was delivered */
	uint64_t sold, sold_wh;
	uint64_t short_wh; /* contracted, and not drawn or not supplied by this account */
	uint64_t certificates;	       /* settled as buyer with something delivered */
	uint64_t retired, retired_wh;  /* of them, used up */
	int64_t paid_uc, fees_uc;      /* to sellers; to the accounts of tags */
	int64_t charges_uc;	       /* for what was short */
	int64_t earned_uc;	       /* from buyers */
	int64_t fees_in_uc, charges_in_uc; /* received as account of a tag, as operator */
	int64_t received_uc, sent_uc;	   /* transfers */
	int64_t deposited_uc, withdrawn_uc;
};

/*
 * Count one event of the story of account @number.  Events without money change nothing.
 * -MKT_EUNAVAILABLE: a member is missing or of another type; -MKT_EOVERFLOW.
 */
MKT_MUST_CHECK int mkt_booked_add(struct mkt_booked *b, uint32_t number, const struct mkt_jval *ev,
				  struct mkt_err *err);

/* What it changed: all that came less all that went.  -MKT_EOVERFLOW. */
MKT_MUST_CHECK int mkt_booked_change(const struct mkt_booked *b, int64_t *change_uc,
				     struct mkt_err *err);

#endif

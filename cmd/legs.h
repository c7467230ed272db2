/*
 * Legs of a bid from the words of the command line.
 *
 *	--at WINDOWS ... --price [TAGS=]PRICE ...   every window with every price, windows first
 *	--leg WINDOWS,[TAGS,]PRICE                  as it stands
 *	--legs FILE                                 the same, one a line; '#' begins a comment
 *
 * Prices carry their unit and are on the chain's tick.  The order is the order
 * of R3: for one offer in two books, the leg that comes first is taken.
 */
#ifndef MKT_CMD_LEGS_H
#define MKT_CMD_LEGS_H

#include "cmd/act.h"

struct mkt_legs {
	struct mkt_bid_leg v[MKT_LEGS_MAX];
	unsigned n;
};

struct mkt_leg_words {
	const struct mkt_list *at;
	const struct mkt_list *price;
	const struct mkt_list *leg;
	const char *file; /* --legs; NULL: none */
};

/* Fills @legs and notes the words in @a.  Errors name the word at fault: exit status 2. */
int mkt_legs_read(struct mkt_act *a, const struct mkt_leg_words *w,
		  struct mkt_legs *legs) MKT_MUST_CHECK;

/* "2026-11-23 10:30-11:00 JST (green)" */
void mkt_leg_text(const struct mkt_session *s, const struct mkt_bid_leg *leg, struct mkt_buf *out);

#endif

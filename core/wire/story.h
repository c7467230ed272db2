/*
 * What happened on a chain, as sentences for people: of events as mkt-api(7) tells them.
 *
 * Names, tags and messages in them are others' text; whoever shows a sentence neutralises it.
 */
#ifndef MKT_WIRE_STORY_H
#define MKT_WIRE_STORY_H

#include "core/base/buf.h"
#include "core/ledger/tx.h"
#include "core/units/zone.h"
#include "core/wire/api.h"

/* For whom it is told; borrowed. */
struct mkt_story {
	const struct mkt_facts *facts; /* currency, length of windows */
	const struct mkt_zone *zone;
};

/* Text of a member, or "?"; for sentences about objects whose form was checked. */
const char *mkt_word(const struct mkt_jval *obj, const char *key);
/* A member as unsigned number; 0 if it is not there. */
uint64_t mkt_count(const struct mkt_jval *obj, const char *key);

/* Append "2026-11-23 10:30-11:00 JST" of the member "window_s". */
void mkt_story_window(const struct mkt_story *s, const struct mkt_jval *obj, struct mkt_buf *out);

/* Append what happened: "c991: house01 buys 2.000 kWh from pv07 ...". */
void mkt_story_event(const struct mkt_story *s, const struct mkt_jval *ev, struct mkt_buf *out);

/*
 * Append what an operation of an envelope asks for: "bid: buy 4.000 kWh, 1 leg"; its legs follow by
 * mkt_story_leg().  Of the signed bytes alone, so accounts are numbers: "#3".
 */
void mkt_story_op(const struct mkt_story *s, const struct mkt_tx *tx, const struct mkt_op *op,
		  struct mkt_buf *out);
/* Append "2026-11-23 10:30-11:00 JST green at 20 JPY/kWh". */
void mkt_story_leg(const struct mkt_story *s, const struct mkt_bid_leg *leg, struct mkt_buf *out);

#endif

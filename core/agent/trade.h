/*
 * Trading agents of real sites: what to bid now, and why.
 *
 * Pure: the market as it is, the site's own figures and what is contracted already go in, wanted
 * bids come out, each with its reason.  Who calls compares them with the bids that stand and
 * changes only what differs.  The same input gives the same bids.
 *
 * Energy Wh, prices micro-currency per Wh, windows by number (start / length).
 */
#ifndef MKT_AGENT_TRADE_H
#define MKT_AGENT_TRADE_H

#include "core/agent/history.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/ledger/tx.h"

#define MKT_TRADE_BIDS_MAX 256
#define MKT_TRADE_WINDOWS_MAX 336 /* looked ahead: a week of half hours */
#define MKT_TRADE_TAGS_MAX 6	  /* books a leg is made for: direct partners, green, brown */
#define MKT_TRADE_SLOT_MAX 63

enum mkt_trade_kind {
	MKT_TRADE_HOUSEHOLD, /* buys what the forecast says is drawn beyond the own roof */
	MKT_TRADE_PV,	     /* sells what the roof gives beyond own use */
	MKT_TRADE_CARS,	     /* a PHEV, or several at the circuit of an office */
	MKT_TRADE_BATTERY,   /* buys low and sells high */
	MKT_TRADE_MAKER,     /* both sides around a reference price; so does a retailer */
	MKT_TRADE_KINDS
};

/* Best prices of one window over the books that the agent trades in. */
struct mkt_trade_window {
	bool sells, buys;	     /* somebody else offers, asks */
	int32_t sell_upwh, buy_upwh; /* best of them; the fee is in the first */
	uint32_t bought_wh, sold_wh; /* contracted already, of this agent */
};

/* A car's stay. */
struct mkt_trade_car {
	char name[MKT_NAME_MAX + 1];
	uint64_t departure_s;	     /* also names the stay */
	uint32_t first, last;	     /* windows in which it is plugged in, both included */
	uint32_t need_wh;	     /* of the whole stay */
	uint32_t max_w;		     /* that its charger gives */
	const uint32_t *contracted_wh; /* by window from trade.first on; nwindows of them */
	uint32_t before_wh;	     /* contracted in windows before trade.first */
};

struct mkt_trade {
	enum mkt_trade_kind kind;
	uint32_t window_s, lot_wh;
	int32_t tick_upwh, price_min_upwh, price_max_upwh;
	uint32_t first, nwindows; /* that take bids */
	const struct mkt_trade_window *windows;
	/* Books: direct partners' first.  Sellers use all, buyers all and what premium says. */
	unsigned ntags;
	mkt_tags tags[MKT_TRADE_TAGS_MAX];
	bool green[MKT_TRADE_TAGS_MAX]; /* of these, those whose energy is green */
	int32_t high_upwh;	 /* the retailer's price: nothing is bought above, but green */
	int32_t low_upwh;	 /* what the retailer pays: nothing is sold below */
	int32_t premium_upwh;	 /* that green is worth more; 0: economy */
	bool bounded;
	int64_t budget_uc;	 /* left of today's, for bids to buy; if bounded */
	uint32_t base_wh;	 /* maker: offered and asked for in each window */
	int32_t spread_upwh;	 /* maker: between its two prices; battery: the least gain */
	int32_t reference_upwh;	 /* maker */
	const struct mkt_history *history; /* household, PV */
	const struct mkt_trade_car *cars;
	unsigned ncars;
	uint32_t circuit_w;	 /* cars together; 0: no limit */
	uint32_t soc_wh, soc_min_wh, soc_max_wh, battery_w; /* battery */
	uint32_t efficiency_bp;	 /* battery: of a round trip, 1..10000 */
};

struct mkt_trade_bid {
	char slot[MKT_TRADE_SLOT_MAX + 1]; /* what it is for: one bid stands for each */
	uint8_t side;
	uint32_t amount_wh;
	uint16_t nlegs;
	struct mkt_bid_leg legs[MKT_LEGS_MAX];
	char why[240];
};

/* Wanted bids, and what else there is to say ("ev1 will lack 1200 Wh"). */
struct mkt_trade_plan {
	unsigned n;
	unsigned nnotes;
	char notes[16][200];
	struct mkt_trade_bid bids[MKT_TRADE_BIDS_MAX];
};

/* Fill @p, which is large: 1 MB.  -MKT_EINVAL with a sentence when the site's figures are wrong. */
int mkt_trade_plan(const struct mkt_trade *t, struct mkt_trade_plan *p,
		   struct mkt_err *err) MKT_MUST_CHECK;

/* For the files of this room: a bid to fill, NULL when there are too many; and its legs. */
struct mkt_trade_bid *mkt_trade_add(struct mkt_trade_plan *p, uint8_t side, uint32_t amount_wh);
/* Window @w in every book; buyers pay the premium on green, nobody leaves the chain's range. */
void mkt_trade_legs(const struct mkt_trade *t, struct mkt_trade_bid *b, uint32_t w, int32_t price);
void mkt_trade_note(struct mkt_trade_plan *p, const char *fmt, ...) MKT_PRINTF(2, 3);
int32_t mkt_trade_between(const struct mkt_trade *t, uint32_t share); /* thousandths, low to high */

/* One kind each. */
void mkt_trade_cars(const struct mkt_trade *t, struct mkt_trade_plan *p);
void mkt_trade_battery(const struct mkt_trade *t, struct mkt_trade_plan *p);

#endif

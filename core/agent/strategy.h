/*
 * Agents: who bids what.  One struct for each participant; one file for each
 * kind of bidding:
 *
 *   strategy_home.c      load, roof and battery of a site
 *   strategy_car.c       cars at its chargers
 *   strategy_retailer.c  the retailer, who stands for the grid
 *   site.c               what then physically happens, and what is reported
 *
 * Pure: agents see their own meters up to the window before last, their cars,
 * the retailer's prices and the contracts they have; they know nothing of the
 * future but the day-ahead price and when their driver wants to leave.
 *
 * The market's round for window k, some minutes before it begins:
 *
 *   1  every agent reports window k - 2 (mkt_agent_meter) and bids for window k:
 *      roofs first (mkt_agent_offer), then the others (mkt_agent_want)
 *   2  what has become a contract is told (mkt_agent_contract)
 *   3  own cars take of own surplus, and cars whose last window has come buy the
 *      rest from the retailer (mkt_agent_cars); when all have done that, what is
 *      left of surplus is sold at the feed-in price (mkt_agent_rest)
 *
 * Energy Wh, prices micro-currency per Wh, windows by number (start / length).
 * Memory: an agent owns what it holds; no globals; one thread an agent.
 */
#ifndef MKT_AGENT_STRATEGY_H
#define MKT_AGENT_STRATEGY_H

#include "core/agent/forecast.h"
#include "core/agent/plan.h"
#include "core/agent/profile.h"

#define MKT_AGENT_LAG 2           /* windows between the last reading and the one that is bid for */
#define MKT_POSITIONS 4           /* windows with contracts: bid for, running, read, and one */
#define MKT_CAR_PARTS_MAX 64      /* bids of one car */
#define MKT_OUTLOOK_MAX 384       /* windows that agents look ahead: a week, and a day */

/* What everybody knows: tags, ticks, and how the retailer makes prices. */
struct mkt_terms {
	mkt_tags green, brown;
	int32_t tick_upwh;
	int32_t price_max_upwh;
	int32_t margin_upwh;   /* on the day-ahead price: grid, balancing and the retailer's own */
	int32_t feed_in_upwh;  /* what the retailer pays for surplus */
	int32_t short_sold_upwh;   /* charged for what was sold and not supplied ... */
	int32_t short_bought_upwh; /* ... and for what was bought and not drawn */
	/*
	 * Green mode: what buyers pay for green beyond the retailer's price of brown.  The
	 * retailer then has green energy of its own, in steps, each dearer.
	 */
	bool green_mode;
	int32_t premium_upwh;
	uint8_t markets; /* 0, 1: one; 2: agents trade in either, the retailer in the first */
};

/* The retailer's price by window: told for the first @known, guessed for the others. */
struct mkt_outlook {
	uint32_t first;        /* number of the window of retail_upwh[0] */
	uint32_t n;
	uint32_t known;        /* at least 1, at most n */
	int32_t retail_upwh[MKT_OUTLOOK_MAX];
	uint64_t green_wh;     /* neighbours' surplus that the book shows for the first window */
};

/*
 * The retailer's price for a day-ahead price: on the tick, above feed-in, at most the
 * chain's highest.
 */
int32_t mkt_retail_upwh(const struct mkt_terms *t, int32_t day_ahead_upwh);

/* The price @share thousandths of the way from feed-in to @retail_upwh, on the tick. */
int32_t mkt_between_upwh(const struct mkt_terms *t, int32_t retail_upwh, int32_t share);

/* The most that buyers pay for green: just below the retailer's brown, or their premium above. */
int32_t mkt_green_upwh(const struct mkt_terms *t, int32_t retail_upwh);

/* Add a leg in each market to the bid that was added last. */
void mkt_agent_leg(const struct mkt_terms *t, struct mkt_plan *p, uint32_t window, mkt_tags tags,
		   int32_t price_upwh);

/* One bid of a car: a share of its energy that its charger can give in any one of its windows. */
struct mkt_car_part {
	uint64_t bid;          /* 0: none stands */
	uint32_t left_wh;      /* not yet contracted */
	uint32_t first, step;  /* windows first, first + step, ... last */
	uint32_t last;         /* the window in which the retailer gives what is left */
};

/* A car at a charger. */
struct mkt_car {
	uint64_t number;       /* of the agent's sessions, from 1 */
	struct mkt_session s;
	uint32_t left_wh;      /* not yet charged */
	uint32_t told_wh;      /* what will be missing, as told when it came */
	bool planned;          /* bids were made */
	uint8_t nparts;
	struct mkt_car_part parts[MKT_CAR_PARTS_MAX];
};

/* A contract of a car; reported by itself, with the charger's name. */
struct mkt_car_contract {
	uint64_t exec, car;
	uint32_t wh;
};

/*
 * What a home would contract by its forecast: sale positive, purchase negative; what a Wh of it
 * gains over the retailer, and costs when it fails.
 */
struct mkt_paper {
	int32_t wh, gain_upwh, charge_upwh;
};

/* What an agent has sold and bought for one window. */
struct mkt_position {
	uint32_t window;
	struct mkt_paper paper;
	uint32_t sold_wh;
	uint32_t bought_wh;    /* for the home, without cars */
	int32_t battery_wh;    /* planned: charge positive */
	uint32_t own_wh;       /* of the roof, planned for own cars */
	uint64_t own_car;
	struct mkt_car_contract *cars; /* owned */
	uint32_t ncars, cars_cap;
};

struct mkt_agent {
	const struct mkt_site *site; /* borrowed */
	uint32_t account;
	int32_t ask_share;           /* of the spread, thousandths: asked for surplus */
	int32_t car_share;           /* offered for green energy for cars */
	struct mkt_forecast load, pv;
	uint64_t soc_x100;           /* battery's charge in hundredths of a Wh */
	uint64_t sell_bid, buy_bid;  /* of this round */
	uint32_t sell_left_wh;
	uint32_t lacks_wh;           /* of the home in this round */
	int64_t paper_gain_uc, paper_charge_uc; /* of the last weeks' struct mkt_paper */
	int64_t stake_uc;            /* to risk on forecasts: what they have gained, and a little */
	struct mkt_position at[MKT_POSITIONS]; /* window w at w % MKT_POSITIONS */
	struct mkt_car *cars;        /* owned; in order of plug-in */
	uint32_t ncars, cars_cap;
	uint64_t ncars_ever;
};

/* @seed gives the agent its character.  Release with mkt_agent_release(). */
void mkt_agent_init(struct mkt_agent *a, const struct mkt_site *site, uint32_t account,
		    uint64_t seed);
void mkt_agent_release(struct mkt_agent *a);

/* A reading from before the market began: history for the forecasts. */
void mkt_agent_remember(struct mkt_agent *a, uint32_t load_wh, uint32_t pv_wh);

/*
 * A car has come.  What its charger cannot give in the time it stays is known from here on
 * (told_wh).  -MKT_ENOMEM.
 */
int mkt_agent_plug_in(struct mkt_agent *a, const struct mkt_session *s) MKT_MUST_CHECK;

/*
 * The window of @at is over, and the home's meter showed this: money is gained and lost, on paper
 * by what the forecast said and truly by what was contracted.  Called by mkt_agent_meter().
 */
void mkt_agent_learn(struct mkt_agent *a, const struct mkt_position *at, uint32_t supply_wh,
		     uint32_t draw_wh);

/*
 * Step 1, first half: what the roof gives beyond home and battery is offered for window
 * @k = @o->first; @o->green_wh is not looked at.
 */
void mkt_agent_offer(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		     struct mkt_plan *p);
/* Second half: what the home lacks in window @k, and cars' bids for it and for later ones. */
void mkt_agent_want(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		    struct mkt_plan *p);

/* The outcome of a bid in a plan: its id, or 0 if it was refused. */
void mkt_agent_placed(struct mkt_agent *a, const struct mkt_intent *in, uint64_t bid);

/*
 * Step 2: a contract on one of its bids.  -MKT_EINVAL for a window that it cannot have bid
 * for, or more than a bid had left; -MKT_ENOMEM.
 */
struct mkt_agent_deal {
	uint64_t exec, bid;
	uint32_t window, wh;
	uint32_t over_wh; /* beyond what the bid had left: without tags this can happen */
	enum mkt_side side;
};
int mkt_agent_contract(struct mkt_agent *a, const struct mkt_agent_deal *d, struct mkt_err *err)
	MKT_MUST_CHECK;

/* Step 3, first part.  No green energy changes hands here, so what is left of bids is known. */
void mkt_agent_cars(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		    struct mkt_plan *p);

/* Step 3, second part. */
void mkt_agent_rest(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		    struct mkt_plan *p);

/* What was metered at a site in one window. */
struct mkt_metered {
	uint32_t supply_wh;    /* fed into the grid */
	uint32_t draw_wh;      /* drawn from it, cars included */
	uint32_t car_wh;       /* all that cars took */
	uint32_t car_missed_wh; /* of cars that left: what they did not get */
	int32_t battery_wh;    /* charged, or discharged if negative */
	/* Of its contracts, bought and sold: by cars, by the site itself; and how much was kept. */
	uint32_t car_contracted_wh, car_kept_wh;
	uint32_t site_contracted_wh, site_kept_wh;
	bool battery_could;    /* it has a battery, which was at no end of what it can do */
	/* Cars that left: whose stay was long enough, and which of those have what they wanted; */
	uint16_t cars_left, cars_could, cars_filled;
	/* the others, told when they came, and what; which lack more than was told. */
	uint16_t cars_told, cars_untold;
	uint32_t cars_told_wh;
};

/*
 * What a car is to take in window @w when it still needs @left_wh: what is contracted
 * and what the own roof gives, and at the end of its stay whatever it still needs.
 * What of it is not contracted is *@own_wh: it goes through the home's meter.
 */
uint32_t mkt_agent_car_wants(struct mkt_agent *a, const struct mkt_car *car, uint32_t w,
			     uint32_t left_wh, uint32_t *own_wh);

/*
 * What the battery is to take (positive) or give in window @w, so that the meter
 * shows what was sold or bought; @own_wh goes into cars without a contract.
 */
int32_t mkt_agent_battery_wants(struct mkt_agent *a, uint32_t w, uint32_t load_wh, uint32_t pv_wh,
				uint32_t own_wh);

/* What devices moved in a window, as their meters say. */
struct mkt_moved {
	const uint32_t *car_wh; /* of each of agent->cars */
	int32_t battery_wh;	/* charged positive */
	uint64_t soc_x100;	/* of the battery, at the end of the window */
};

/*
 * Window @w is over and was read: battery and cars did what they were to do, or
 * what @moved says (NULL: there are no devices), forecasts learn, and the reports
 * of its contracts are added to @p: one REPORT with its charger for each contract
 * of a car, one METER for what else was drawn and one for what was supplied.
 */
void mkt_agent_meter(struct mkt_agent *a, uint32_t w, uint32_t load_wh, uint32_t pv_wh,
		     const struct mkt_moved *moved, struct mkt_plan *p, struct mkt_metered *out);

/* Cars' part, for the files of this room. */
void mkt_cars_bid(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		  struct mkt_plan *p);
void mkt_cars_rest(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		   struct mkt_plan *p);
/* Own surplus for own cars in window @k: how much of @wh they take; their bids shrink by that. */
uint32_t mkt_cars_take_own(struct mkt_agent *a, uint32_t k, uint32_t wh, struct mkt_plan *p);
struct mkt_car *mkt_agent_car(struct mkt_agent *a, uint64_t number);
/* The position of window @w; a stale one in its place is emptied. */
struct mkt_position *mkt_agent_position(struct mkt_agent *a, uint32_t w);
/* Wh that the site's charger gives a car in window @w. */
uint32_t mkt_car_room_wh(const struct mkt_agent *a, const struct mkt_session *s, uint32_t w);

/* ---- the retailer ---------------------------------------------------------------------------- */

struct mkt_retailer {
	uint32_t account;
	uint32_t sell_wh, buy_wh;  /* offered and asked for, each window */
	uint32_t green_wh;         /* in each step of its green energy */
	uint32_t sold_wh[MKT_POSITIONS], bought_wh[MKT_POSITIONS], window[MKT_POSITIONS];
};

/* For a community of @nsites. */
void mkt_retailer_init(struct mkt_retailer *r, uint32_t account, unsigned nsites);

/*
 * Offers for the windows of a day whose prices came out: a sale of brown and a purchase of
 * green each, and in green mode sales of green in steps.
 */
void mkt_retailer_bid(const struct mkt_retailer *r, const struct mkt_terms *t,
		      const struct mkt_outlook *o,
		      struct mkt_plan *p);
void mkt_retailer_contract(struct mkt_retailer *r, uint32_t window, enum mkt_side side,
			   uint32_t wh);

/* The grid gives and takes what was contracted: the reports of window @w. */
void mkt_retailer_meter(struct mkt_retailer *r, uint32_t w, struct mkt_plan *p);

#endif

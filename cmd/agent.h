/*
 * mkt agent: bids for a site without a human.
 *
 *	agent.c	      run, step: look, plan, compare, send
 *	agent_conf.c  the configuration FILE
 *	agent_look.c  what the ledger tells: own bids and contracts, prices
 *	agent_book.c  the journal: request ids before they are sent, bids and their reasons after
 *
 * What is to be bid is said by core/agent/trade.h, a pure function.
 */
#ifndef MKT_CMD_AGENT_H
#define MKT_CMD_AGENT_H

#include "cmd/act.h"
#include "core/agent/trade.h"
#include "core/app/journal.h"

#define AGENT_CARS_MAX 32
#define AGENT_OPS_MAX 32      /* of one envelope */
#define AGENT_BIDS_KEPT 4096  /* in the journal: weeks of bids */

struct agent_car_conf {
	char name[MKT_NAME_MAX + 1];
	uint32_t need_wh, max_w;
	uint32_t plug_in_s, departure_s; /* of the day, local */
};

/* FILE as it was read; prices in text until the chain's currency is known. */
struct agent_conf {
	enum mkt_trade_kind kind;
	struct mkt_conf file;
	uint64_t interval_ms;
	uint32_t ahead;
	uint32_t circuit_w;
	unsigned ncars;
	struct agent_car_conf cars[AGENT_CARS_MAX];
	uint32_t capacity_wh, soc_bp, soc_min_bp, soc_max_bp, battery_w, efficiency_bp;
	uint32_t base_wh;
	struct mkt_history *history; /* owned; NULL: none */
};

/* A bid that this agent has made. */
struct agent_made {
	uint64_t id, time_s;
	char slot[MKT_TRADE_SLOT_MAX + 1];
	char why[240];
};

/* What was about to be sent when the journal was written. */
struct agent_post {
	char request[MKT_REQUEST_ID_TEXT]; /* "": nothing */
	bool sent;			   /* the line before the sending is there */
	unsigned n;
	struct agent_made made[AGENT_OPS_MAX]; /* of operations that bid; slot "" for others */
};

struct agent_book {
	struct mkt_journal *journal;
	char chain[2 * MKT_HASH_LEN + 1];
	uint32_t account;
	bool has_site;
	unsigned n;
	struct agent_made *made; /* AGENT_BIDS_KEPT of them; ascending in time */
	struct agent_post post;
};

/* An own bid that stands. */
struct agent_open {
	uint64_t id;
	const struct agent_made *made; /* in the book */
	uint32_t left_wh;
	uint8_t side;
	bool wanted;
	uint16_t nlegs;
	struct mkt_bid_leg legs[MKT_LEGS_MAX];
};

struct agent_view {
	struct mkt_trade trade;
	struct mkt_trade_window windows[MKT_TRADE_WINDOWS_MAX];
	uint32_t (*contracted)[MKT_TRADE_WINDOWS_MAX]; /* of each car */
	struct mkt_trade_car cars[AGENT_CARS_MAX];
	int64_t spent_uc; /* of today's budget */
	unsigned nopen;
	struct agent_open open[MKT_TRADE_BIDS_MAX];
};

struct agent {
	struct mkt_app *app;
	struct mkt_session *s; /* of the step that runs */
	struct agent_conf conf;
	struct agent_book book;
	struct agent_view *view;
	struct mkt_trade_plan *plan;
	unsigned changed, refused; /* in this step */
};

/* ---- agent_conf.c ---- */
int agent_conf_read(struct mkt_app *app, const char *file, struct agent_conf *c) MKT_MUST_CHECK;
void agent_conf_release(struct agent_conf *c);
/* Prices and tags, by the chain's currency and names, into @t. */
int agent_conf_market(struct agent *a, struct mkt_trade *t) MKT_MUST_CHECK;

/* ---- agent_look.c ---- */
int agent_look(struct agent *a) MKT_MUST_CHECK;

/* ---- agent_book.c ---- */
/* Under core.state, one for each account of a chain; -MKT_ELOCKED: another agent has it. */
int agent_book_open(struct agent *a) MKT_MUST_CHECK;
void agent_book_close(struct agent_book *b);
const struct agent_made *agent_book_find(const struct agent_book *b, uint64_t bid);
/* The request is in the journal when this is back: now it may be sent. */
int agent_book_begin(struct agent *a, const struct agent_post *post) MKT_MUST_CHECK;
/* Operation @i became bid @id (0: it did not); then the end. */
int agent_book_bid(struct agent *a, unsigned i, uint64_t id) MKT_MUST_CHECK;
int agent_book_end(struct agent *a) MKT_MUST_CHECK;

/* What an agent of this user thought when it made bid @id of the chain: for `mkt why`. */
typedef void agent_why_fn(void *arg, uint64_t time_s, const char *slot, const char *why);
int agent_why(struct mkt_app *app, const struct mkt_hash *chain, uint64_t bid, agent_why_fn *each,
	      void *arg) MKT_MUST_CHECK;

#endif

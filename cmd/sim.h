/*
 * mkt sim: a community plays days of the market against a ledgerd of its own.
 *
 *   sim.c        options, from the first line to the last
 *   sim_chain.c  a private chain and the ledgerd that keeps it
 *   sim_post.c   plans to signed envelopes, envelopes to receipts
 *   sim_play.c   the days, window by window
 *   sim_accounts.c  whose account is which, and deposits
 *   sim_devices.h chargers and batteries as programs behind mkt-driverd
 *   sim_bills.h  what each pays and earns, and would pay at the retailer alone
 *   sim_audit.c  a second set of accounts, kept from bids and contracts alone
 *   sim_report.c what it came to, beside the paper's figures
 *   sim_page.h   the same as a page with charts
 *   sim_split.h  the predecessor: markets without tags
 *   sim_journal.c how a run that was interrupted goes on
 *   sim_compare.c several runs side by side
 *   sim_table9.c the case of the paper's Table 9, both ways
 *
 * Everything that reaches the chain follows from profiles, seed and options: keys
 * and request ids are made from the seed, time is the operator's, and every post
 * waits until it is sealed, so that blocks have the same borders each time.
 */
#ifndef MKT_CMD_SIM_H
#define MKT_CMD_SIM_H

#include <sys/types.h>

#include "cmd/cmd.h"
#include "cmd/sim_bills.h"
#include "core/agent/strategy.h"
#include "core/ledger/genesis.h"
#include "core/units/zone.h"
#include "core/wire/api.h"
#include "core/wire/client.h"

#define SIM_PATH_MAX 512
#define SIM_LEAD_S 600       /* bids for a window are made this long before it begins */
#define SIM_CALL_MS 60000    /* deadline of one call */

/*
 * Where a program is: @given (-MKT_EUSAGE if it is none), or @name in $MKT_EXEC_PATH,
 * beside this one, in ../sbin and ../libexec/mkt; else for PATH to find.
 */
int sim_find(struct mkt_app *app, const char *given, const char *name, char *out,
	     size_t size) MKT_MUST_CHECK;

/* ---- sim_chain.c ----------------------------------------------------------------------- */

struct sim_chain {
	struct mkt_app *app;
	struct mkt_genesis genesis;
	struct mkt_hash id;
	struct mkt_seckey operator_key;
	char run[SIM_PATH_MAX];    /* private: socket, key, configuration, log; "": not made */
	char dir[SIM_PATH_MAX];    /* the chain's */
	bool keep;
	pid_t pid;                 /* of ledgerd; 0: none */
	struct mkt_client *client;
};

struct sim_chain_conf {
	uint64_t seed;
	uint64_t time_s;           /* of block 0 */
	const char *zone;
	const char *keep;          /* directory for the chain, or NULL */
	bool resume;               /* the chain is in it */
	const char *ledgerd;       /* path, or NULL: look for it */
};

/* The pair of member @number of this simulation. */
void sim_key(uint64_t seed, uint64_t number, struct mkt_pubkey *pub, struct mkt_seckey *sec);

/* Make the chain, start ledgerd, wait until it answers.  On failure nothing is left running. */
int sim_chain_start(struct sim_chain *c, struct mkt_app *app, const struct sim_chain_conf *conf)
	MKT_MUST_CHECK;

/*
 * If ledgerd has ended, or ends within @wait_ms (its sockets are closed a moment
 * before): -MKT_EUNAVAILABLE with the last line that it said.
 */
int sim_chain_alive(struct sim_chain *c, uint32_t wait_ms) MKT_MUST_CHECK;

/* End ledgerd and wait for it.  -MKT_EUNAVAILABLE if it did not end well. */
int sim_chain_stop(struct sim_chain *c) MKT_MUST_CHECK;

/* Stop if it still runs, remove what is not kept. */
void sim_chain_release(struct sim_chain *c);

/* ---- sim_audit.c ----------------------------------------------------------------------- */

/* One contract as the API tells it. */
struct sim_contract {
	uint64_t exec, buy_bid, sell_bid;
	uint32_t buyer, seller;
	uint16_t buy_leg, sell_leg;
	uint32_t window, wh;
	int32_t price_upwh, fee_upwh;
	mkt_tags tags;
	bool settled;
	uint32_t delivered_wh, supply_wh, draw_wh;
	uint64_t height; /* of its block */
};

struct sim_audit;

struct sim_findings {
	uint64_t bids, contracts, settled;
	uint64_t over_wh;          /* contracted beyond a bid's amount: must be 0 */
	uint64_t strays;           /* contracts that no bid of ours allows */
	uint64_t contracted_wh, delivered_wh;
	uint64_t excess_wh;        /* delivered beyond contract, supply or draw: must be 0 */
	uint64_t neighbours, neighbours_wh; /* contracts without the retailer */
	int64_t neighbours_uc;     /* and what they cost */
	uint64_t outside;          /* of these, with a price outside feed-in .. retail */
};

struct sim_audit *sim_audit_new(void);
void sim_audit_free(struct sim_audit *a);

/* A bid that the ledger took. */
int sim_audit_bid(struct sim_audit *a, uint64_t id, const struct mkt_op *op,
		  const struct mkt_bid_leg *legs) MKT_MUST_CHECK;

struct sim_spread {
	uint32_t retailer;
	int32_t feed_in_upwh, retail_upwh; /* of the contract's window */
};
void sim_audit_contract(struct sim_audit *a, const struct sim_contract *c,
			const struct sim_spread *s);
void sim_audit_settled(struct sim_audit *a, const struct sim_contract *c);

/* Windows before @window are over: their bids are not needed any more. */
void sim_audit_forget(struct sim_audit *a, uint32_t window);
void sim_audit_findings(const struct sim_audit *a, struct sim_findings *out);

#define SIM_RETAILER "retailer"

/* ---- sim_post.c ------------------------------------------------------------------------ */

/* Whoever signs: the operator, the retailer, a site. */
struct sim_party {
	struct mkt_seckey key;
	uint32_t account;
	struct mkt_agent *agent;   /* NULL: the operator or the retailer */
	struct mkt_plan plan;      /* of the round that runs */
	struct mkt_plan rest;      /* of its last part */
	struct mkt_plan reports;   /* held back: they go with those of the next window */
	struct sim_bill bill;
	int64_t deposits_uc;
	int64_t holds_uc;          /* at the end, as the ledger says */
};

/* An envelope on its way. */
struct sim_frame {
	struct sim_party *party;   /* whom it is about */
	const struct mkt_plan *plan; /* NULL: without bids */
	size_t end;                /* of its bytes in the body */
};

struct sim_post {
	struct mkt_buf body;
	struct mkt_tx_build build;
	struct sim_frame *frames;  /* owned */
	uint32_t n, cap;
	uint64_t request;          /* number of the next request id */
	/* What came of it all. */
	uint64_t txs, ops, refused;
	uint64_t party_txs, party_ops; /* without the operator's */
	char first_refusal[MKT_ERR_TEXT_MAX];
	uint64_t height;           /* of the last block */
	uint32_t in_block, block_txs_max;
};

struct sim;

/*
 * Add a plan as one envelope that @p signs; an empty one adds nothing.  It must last until
 * the post is sent.
 */
int sim_post_add(struct sim *s, struct sim_party *p, const struct mkt_plan *plan) MKT_MUST_CHECK;

/* Add one envelope as it is. */
int sim_post_frame(struct sim *s, struct sim_party *p, const struct mkt_plan *plan) MKT_MUST_CHECK;

/* What the battery of a site is called where it is driven. */
void sim_battery_id(const struct mkt_site *site, char out[MKT_CHARGER_MAX + 1]);

/* The operator enrolls a site, or the retailer (@site NULL), under its name. */
int sim_post_enroll(struct sim *s, const struct mkt_site *site, const struct mkt_pubkey *pub)
	MKT_MUST_CHECK;

/* The operator moves the chain's time; in an envelope of its own. */
int sim_post_clock(struct sim *s, uint64_t time_s) MKT_MUST_CHECK;

/* Send what was added and hand out the results; then nothing is added. */
int sim_post_send(struct sim *s) MKT_MUST_CHECK;

void sim_post_release(struct sim_post *p);

/* ---- sim_play.c ------------------------------------------------------------------------ */

#define SIM_AHEAD 256          /* windows held: from the one that is read to the last known price */

/* What happened behind all meters together. */
struct sim_energy {
	uint64_t load_wh, pv_wh, car_wh, supply_wh, draw_wh, car_missed_wh, sessions;
	uint64_t charged_wh, discharged_wh;
	/* Contracts of cars, of sites whose battery could, of other homes: and what was kept. */
	uint64_t car_contracted_wh, car_kept_wh;
	uint64_t battery_contracted_wh, battery_kept_wh;
	uint64_t home_contracted_wh, home_kept_wh;
	uint64_t bought_wh, green_wh;  /* delivered to sites under contracts; of it green */
	/* Cars that left; could be filled; were; were told; were not, and lack something. */
	uint64_t cars_left, cars_could, cars_filled, cars_told, cars_told_wh, cars_untold;
};

struct sim_devices;
struct sim_split;
struct sim_journal;
struct sim_page;

/* A party's bid was taken as number @bid, or refused (0). */
typedef void sim_placed_fn(void *who, struct sim_party *p, const struct mkt_intent *in,
			   uint64_t bid);

struct sim {
	struct mkt_app *app;
	uint64_t seed;
	uint64_t from_s, end_s;    /* local midnights */
	uint32_t days;
	uint32_t pace_ms;          /* between windows, for people who watch */
	const char *profiles;      /* NULL: made up */
	bool green_mode;           /* buyers pay a premium for green */
	int32_t premium_upwh;
	int32_t latitude_cdeg;
	struct mkt_zone zone;
	struct mkt_profile *profile;
	struct sim_chain chain;
	struct sim_post post;
	struct sim_audit *audit;
	bool with_devices;
	struct sim_devices *devices; /* NULL: what they would do is computed; sim_devices.h */
	struct mkt_terms terms;
	struct mkt_outlook look;
	struct mkt_outlook fresh;  /* windows whose prices have just come out */
	struct mkt_retailer retailer;
	struct mkt_agent *agents;  /* of profile->nsites */
	struct mkt_site *sites;    /* the profile's, with chargers of at most charger_w */
	uint32_t charger_w;
	struct sim_party *parties; /* operator, retailer, then the sites */
	uint32_t nparties;
	struct mkt_reading *ring;  /* window w at w % SIM_AHEAD */
	uint32_t *ring_wh;         /* their loads and roofs */
	uint32_t *party_of;        /* of account n: its place in @parties; 0: none */
	uint32_t naccounts;
	uint32_t read_end;         /* windows before this were read */
	uint32_t posted_end;       /* the retailer has bid for windows before this */
	bool profile_ended;
	uint64_t now_s;            /* the chain's time */
	uint64_t last_exec;        /* contracts up to this were seen */
	/* Of window w at w % MKT_POSITIONS: how many contracts, and the last one before them. */
	uint32_t contracts_at[MKT_POSITIONS];
	uint64_t exec_before[MKT_POSITIONS];
	int64_t deposits_uc;
	int64_t accounts_uc;       /* a sum under way */
	struct sim_energy energy;
	uint64_t begun_ms, ended_ms; /* of the playing, wall time */
	bool untagged;               /* as the predecessor: sim_split.h */
	uint8_t markets;             /* 1 or 2 */
	struct sim_split *split;     /* if untagged */
	struct sim_journal *journal; /* of a run that is kept, else NULL */
	struct sim_page *page;       /* of a run that is told as one, else NULL */
	struct mkt_buf *rows;        /* figures go there as HTML; NULL: to the output */
	bool replayed;               /* the ledger had the last post already */
	sim_placed_fn *placed;       /* who hears of bids; NULL: the agents */
	void *placed_who;
};

/* What was read for window @w, which is in the ring. */
struct mkt_reading *sim_reading(struct sim *s, uint32_t w);

/* Make parties, enroll them, deposit. */
int sim_begin(struct sim *s) MKT_MUST_CHECK;

/*
 * Contracts after .after, up to .end (UINT64_MAX: all), in order; no more once @each
 * returns 1.
 */
typedef int sim_contract_fn(void *who, struct sim *s, const struct sim_contract *c);
struct sim_range {
	uint64_t after, end;
	uint32_t window; /* all of them are for this one */
};
int sim_contracts(struct sim *s, struct sim_range which, sim_contract_fn *each, void *who)
	MKT_MUST_CHECK;

/* A car has come to a charger: its agent knows, and what it will lack is told. */
int sim_plug_in(struct sim *s, const struct mkt_session *e) MKT_MUST_CHECK;

/* Begin, play all days, settle.  -MKT_ECANCELLED after Ctrl-C. */
int sim_play(struct sim *s) MKT_MUST_CHECK;

/* ---- sim_accounts.c -------------------------------------------------------------------- */

/* Ask the ledger which number each party's account has got. */
int sim_number_parties(struct sim *s) MKT_MUST_CHECK;

/* The party of account @account; NULL: nobody's. */
struct sim_party *sim_party(const struct sim *s, uint32_t account);

/* Those who have spent half of their budget pay in: an envelope of the operator is added. */
int sim_top_up(struct sim *s) MKT_MUST_CHECK;

/* Available, held and locked money of all accounts together. */
int sim_sum_accounts(struct sim *s, int64_t *sum_uc) MKT_MUST_CHECK;

/* ---- sim_journal.c --------------------------------------------------------------------- */

/*
 * Begin the journal of a kept run, or take it up: -MKT_EUSAGE if the run was begun with
 * something else than @what.
 */
int sim_journal_open(struct sim *s, const char *what, bool resume) MKT_MUST_CHECK;
/* Are the deposits of this midnight in it?  Without a journal they are not. */
bool sim_journal_knows(struct sim *s);
/* If so: 1 and the next of them, 0 behind the last. */
int sim_journal_next(struct sim *s, uint32_t *account, int64_t *money_uc) MKT_MUST_CHECK;
/* If not: note each, and then that these were all, before they are sent. */
int sim_journal_note(struct sim *s, uint32_t account, int64_t money_uc) MKT_MUST_CHECK;
int sim_journal_end(struct sim *s) MKT_MUST_CHECK;
void sim_journal_free(struct sim_journal *j);

/* ---- sim_report.c ---------------------------------------------------------------------- */

/* What the ledger says of itself at the end. */
struct sim_ledger {
	uint64_t txs, ops, contracts, settled, contracted_wh, delivered_wh, height;
	int64_t money_uc;          /* its own count of deposits */
	int64_t accounts_uc;       /* sum over all accounts */
	uint64_t blocks_bytes, store_bytes;
	char digest[2 * MKT_HASH_LEN + 1];
};

/* --fields, before anything is played. */
int sim_report_check(struct mkt_app *app) MKT_MUST_CHECK;

/* Counters and disk alone; then with all accounts, each compared with its bill. */
int sim_totals_read(struct sim *s, struct sim_ledger *out) MKT_MUST_CHECK;
int sim_ledger_read(struct sim *s, struct sim_ledger *out) MKT_MUST_CHECK;

/* Recount the chain from its files, now that ledgerd is gone.  -MKT_EINTEGRITY. */
int sim_recount(struct sim *s, const struct sim_ledger *l) MKT_MUST_CHECK;

/*
 * Print, and write the page to @path unless it is NULL; then -MKT_EINTEGRITY if something does not
 * hold, with the first thing named.
 */
int sim_report(struct sim *s, const struct sim_ledger *l, const char *path) MKT_MUST_CHECK;

/* The first thing that does not hold, as @err. */
int sim_judge(const struct sim *s, const struct sim_ledger *l, const struct sim_findings *f,
	      struct mkt_err *err) MKT_MUST_CHECK;

/* ---- sim.c ----------------------------------------------------------------------------- */

struct sim_values; /* of the options */

/* How one of several runs differs from the others. */
struct sim_variant {
	bool untagged, green_mode;
	uint8_t markets;
	int32_t premium_upwh;
};

struct sim_figures {
	struct sim_ledger ledger;
	struct sim_findings found;
	struct sim_energy energy;
	struct sim_bill_sums bills;
	uint64_t txs, ops; /* of participants and the retailer */
	uint64_t over_wh;  /* contracted beyond bids by way of several bids for the same energy */
};

/*
 * Play the days of the options in this variant, on a chain that is thrown away.  What must
 * hold is judged where it is promised: with tags.
 */
int sim_variant(struct mkt_app *app, const struct sim_values *v, const struct sim_variant *how,
		struct sim_figures *out) MKT_MUST_CHECK;

/* ---- sim_compare.c --------------------------------------------------------------------- */

int sim_compare_check(struct mkt_app *app) MKT_MUST_CHECK;
int sim_green_check(struct mkt_app *app) MKT_MUST_CHECK;
/* Play and print; -MKT_EINTEGRITY if tags cost more than promised. */
int sim_compare(struct mkt_app *app, const struct sim_values *v) MKT_MUST_CHECK;
/* Play and print; -MKT_EINTEGRITY if a higher premium brings less green. */
int sim_green_curve(struct mkt_app *app, const struct sim_values *v) MKT_MUST_CHECK;

/* ---- sim_table9.c ---------------------------------------------------------------------- */

/* --fields, before anything is played. */
int sim_table9_check(struct mkt_app *app) MKT_MUST_CHECK;

/* Play and print; -MKT_EINTEGRITY if the chain counts other transactions than the paper. */
int sim_table9(struct sim *s) MKT_MUST_CHECK;

#endif

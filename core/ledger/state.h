/*
 * The ledger: accounts, bids, contracts, settlement.  The only writer of state.
 *
 * Deterministic: the same genesis and the same blocks give the same records,
 * events and digest on every machine.  It reads no clock (block time is an
 * argument), does no I/O, uses no floating point, iterates in defined orders
 * only, and allocates nothing on the hot path once its pools have grown.
 *
 * A block is begin, any number of apply, end:
 *
 *     mkt_state_begin(s, height, time_ms, ev, err)    gates, deadlines, until
 *     mkt_state_apply(s, tx, ix, ev)                  each transaction
 *     mkt_state_end(s, delta, digest)                 records that changed
 *
 * The state persists as records, each a (type, id) key and canonical bytes:
 * what mkt_state_end() tells to put or drop, applied to a store, is what
 * mkt_state_load() takes after a restart.  The digest is a set hash
 * (core/crypto/lthash.h) of all records, so it also proves a snapshot.
 *
 * Money: micro-currency, int64, every sum checked.  The sum over all accounts
 * of available + held + locked changes only by DEPOSIT and WITHDRAW.
 *   available  free to spend; negative only through an imbalance charge
 *   held       escrow of open bids (R7)
 *   locked     what contracts not yet settled will cost, buyer's price and fee,
 *              and the seller's collateral
 *
 * Escrow of an open bid (R7), recomputed after each change; the rest is freed at once:
 *   buyer   left x max(0, dearest open leg's limit + fee)
 *   seller  left x (max(0, -cheapest open leg's limit) + c), where c = ceil(max(0, price_max) x
 *           collateral_bp / 10000) does not depend on the limit: a shortfall costs the same
 * The fee of a leg is what its tags cost when the bid is taken, and stays so for that bid.
 *
 * A contract locks wh x max(0, price + fee) of the buyer and wh x (max(0, -price) + c) of
 * the seller; both come out of the escrow that the bid held for these Wh.
 *
 * Settlement, as soon as both sides are reported, else at the deadline (window end +
 * deadline_s): a side that nobody reported counts as the other side's figure
 * (MKT_UNREPORTED_OTHER; zero if there is none either) or as zero.  Delivered
 * is min(contracted, supply, draw).  All that was locked is free; the buyer pays delivered x
 * (price + fee), the seller gets delivered x price (below zero it pays).  The fee goes to the fee
 * accounts of the tags in order of dimension, each what it costs now as far as the contract's
 * fee reaches; what is left over to the operator.  Who fell short pays for it, whatever the other
 * side did: the seller (contracted - supply) x up price, the buyer (contracted - draw) x down
 * price, to the operator.
 *
 * Acting for an account (operation field) may: itself; who holds its delegation with that
 * right, until not before block time; for REPORT and METER also its meter operators, on
 * both sides of what it contracted, even while it is suspended.
 *
 * All or nothing: when an operation of such an envelope is refused, the state is as
 * before it, its events are gone, and every operation has a RESULT: the refused one its code,
 * the others EABORTED.
 *
 * Threads: one writer; all functions that take a const state may run together
 * with each other but not with the writer (the caller has a read-write lock).
 */
#ifndef MKT_LEDGER_STATE_H
#define MKT_LEDGER_STATE_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/crypto/hash.h"
#include "core/ledger/authorities.h"
#include "core/ledger/event.h"
#include "core/ledger/genesis.h"
#include "core/ledger/tx.h"
#include "core/market/book.h"

struct mkt_state;

/*
 * Make the state of block 0: the operator's account (named "operator") and the
 * genesis' tags and limits; @g is copied.  mkt_state_end() right after gives the
 * records and the digest of block 0; left out, they come with block 1's.
 * -MKT_EINVAL as mkt_genesis_check().
 */
int mkt_state_new(const struct mkt_genesis *g, struct mkt_state **out, struct mkt_err *err)
	MKT_MUST_CHECK;
void mkt_state_free(struct mkt_state *s);

/* ---- records ------------------------------------------------------------------------- */

/* Record types; the order is for ever and is the order of loading. */
enum mkt_record_type {
	MKT_REC_META = 1,     /* id 0: height, time, counters, imbalance prices */
	MKT_REC_DIM = 2,      /* id: dimension */
	MKT_REC_LIMITS = 3,   /* id: class */
	MKT_REC_ACCOUNT = 4,  /* id: account */
	MKT_REC_GRANT = 5,    /* id: giver << 32 | receiver: delegation or meter operator */
	MKT_REC_BID = 6,      /* id: bid */
	MKT_REC_CONTRACT = 7, /* id: exec */
	MKT_REC_AUTHORITIES = 8, /* id 0: the set in force, once it is not that of genesis */
};
#define MKT_REC_LAST MKT_REC_AUTHORITIES

struct mkt_delta_row {
	uint8_t type;
	bool drop;
	uint64_t id;
	uint32_t at, len; /* bytes in mkt_delta.bytes */
};

/* What a block changed: rows in ascending (type, id), each key once.  The caller's, reused. */
struct mkt_delta {
	struct mkt_delta_row *rows;
	uint32_t n, cap;
	struct mkt_buf bytes;
};

void mkt_delta_release(struct mkt_delta *d);
void mkt_delta_clear(struct mkt_delta *d);

/*
 * Rebuild from records, given in ascending (type, id) order after
 * mkt_state_new(); finish with mkt_state_loaded(), which checks counters and
 * totals and that the digest equals @digest (NULL: not compared).
 * -MKT_ESTORE with the record named; the state is then good for free only.
 */
int mkt_state_load(struct mkt_state *s, uint8_t type, uint64_t id, const void *p, size_t n,
		   struct mkt_err *err) MKT_MUST_CHECK;
int mkt_state_loaded(struct mkt_state *s, const struct mkt_hash *digest, struct mkt_err *err)
	MKT_MUST_CHECK;

/*
 * The set of used request ids is no record: it follows from the envelopes of the
 * blocks of the last validity_s.  After mkt_state_loaded() give it those of every
 * envelope in the blocks with time >= state's time - validity_s (more do no harm).
 * -MKT_ENOMEM.
 */
int mkt_state_restore_request(struct mkt_state *s, uint32_t account,
			      const uint8_t request[MKT_REQUEST_LEN], uint64_t valid_until_s)
	MKT_MUST_CHECK;

/*
 * All records of the state after the last mkt_state_end(), as it would put them
 * on an empty store.  -MKT_ENOMEM.
 */
int mkt_state_dump(const struct mkt_state *s, struct mkt_delta *out) MKT_MUST_CHECK;

/* ---- blocks --------------------------------------------------------------------------- */

/*
 * Open block @height at @time_ms; then in this order: gates by window, untils by
 * (time, bid), settlement deadlines by window and exec, retention.  Events of
 * time alone have tx MKT_EVENT_NO_TX.  A window's contracts leave the state at its
 * deadline + retention_s, but never in the block that settles one of them.  @ev is
 * cleared first.
 * -MKT_EINVAL if height is not the next or time goes back or past year 9999;
 * -MKT_ENOMEM is fatal for the state.
 */
int mkt_state_begin(struct mkt_state *s, uint64_t height, uint64_t time_ms, struct mkt_events *ev,
		    struct mkt_err *err) MKT_MUST_CHECK;

/*
 * May this envelope stand in the open block?  Account known and not suspended,
 * valid-until in [block time, + validity], request id not used before; a CLOCK only
 * on a chain with an operator clock, by the operator, as first of the block, with
 * the block's time.  Signature is the caller's check.  -MKT_EACCOUNT ESUSPENDED
 * EEXPIRED EVALIDITY ECONFLICT (the id was used) ECLOCK, each with a sentence.
 */
int mkt_state_admit(const struct mkt_state *s, const struct mkt_tx *tx, struct mkt_err *err)
	MKT_MUST_CHECK;

/*
 * Execute an admitted envelope as transaction @ix of the block.  Adds one
 * RESULT event for each operation (and what it caused, before it).  Returns 0;
 * operations that are refused are results, not errors.  -MKT_ENOMEM is fatal.
 */
int mkt_state_apply(struct mkt_state *s, const struct mkt_tx *tx, uint32_t ix,
		    struct mkt_events *ev) MKT_MUST_CHECK;

/*
 * On a chain with an operator clock a block's time is that of the CLOCK it begins
 * with, or else that of the block before.  Call before mkt_state_end(); other
 * chains pass.  -MKT_ECLOCK.
 */
int mkt_state_check_clock(const struct mkt_state *s, struct mkt_err *err) MKT_MUST_CHECK;

/* Close the block: what changed and the digest after it.  -MKT_ENOMEM is fatal. */
int mkt_state_end(struct mkt_state *s, struct mkt_delta *delta, struct mkt_hash *digest)
	MKT_MUST_CHECK;

/*
 * After mkt_state_end(): the next instant at which time alone moves bids or money
 * (gate with bids, until, deadline with contracts); UINT64_MAX if none.
 */
uint64_t mkt_state_next_ms(const struct mkt_state *s);

/* Height and time of the last begun block. */
uint64_t mkt_state_height(const struct mkt_state *s);
uint64_t mkt_state_time_ms(const struct mkt_state *s);

/* ---- dry run ---------------------------------------------------------------------------- */

/* What one operation would do now. */
struct mkt_preview {
	struct mkt_err err;       /* err.code 0: it would be taken */
	uint16_t leg;             /* leg at fault, counted from 0; MKT_NO_LEG */
	uint64_t ref, more;       /* as in the RESULT event of a refusal */
	struct mkt_fills fills;   /* BID: contracts it would make */
	uint32_t left_wh;         /* BID: what would rest */
	int64_t escrow_uc;        /* held for what rests */
	int64_t cost_uc;          /* price and fees of the fills, for a buyer; income of a seller */
	int64_t available_uc;     /* of the account after it */
};

#define MKT_PREVIEW_INIT {{0}, MKT_NO_LEG, 0, 0, {NULL, 0, 0}, 0, 0, 0, 0}

void mkt_preview_release(struct mkt_preview *p);

/*
 * Every check that mkt_state_apply() makes for operation @op of @tx at time
 * @now_ms, and for a bid its matching on a scratch copy; nothing changes.  All
 * operations are seen against the present state, not after one another.  The
 * answer is @out->err; the result is 0 or -MKT_ENOMEM.
 */
int mkt_state_preview(const struct mkt_state *s, const struct mkt_tx *tx, uint16_t op,
		      uint64_t now_ms, struct mkt_preview *out) MKT_MUST_CHECK;

/* ---- reading ---------------------------------------------------------------------------- */

const struct mkt_genesis *mkt_state_genesis(const struct mkt_state *s);

/* The authorities that must sign the block after this state's. */
const struct mkt_authorities *mkt_state_authorities(const struct mkt_state *s);
const struct mkt_tag_table *mkt_state_tags(const struct mkt_state *s);
const struct mkt_class_limits *mkt_state_limits(const struct mkt_state *s, unsigned cls);
void mkt_state_imbalance(const struct mkt_state *s, int32_t *up_upwh, int32_t *down_upwh);

struct mkt_account {
	uint32_t number;
	uint8_t cls;
	bool suspended;
	struct mkt_pubkey key;
	char name[MKT_NAME_MAX + 1];
	int64_t available_uc, held_uc, locked_uc;
	uint32_t open_bids;
	uint8_t nchargers;
	const char (*chargers)[MKT_CHARGER_MAX + 1]; /* borrowed until the state changes */
};

uint32_t mkt_state_accounts(const struct mkt_state *s); /* numbers are 0 .. n-1 */
bool mkt_state_account(const struct mkt_state *s, uint32_t number, struct mkt_account *out);
bool mkt_state_find_key(const struct mkt_state *s, const struct mkt_pubkey *key, uint32_t *number);
bool mkt_state_find_name(const struct mkt_state *s, const char *name, uint32_t *number);

struct mkt_grant {
	uint32_t from, to;
	uint32_t rights;   /* bit k: operation kind k; 0: no delegation */
	uint64_t until_s;  /* of the delegation; 0: until revoked */
	bool meter;        /* enrolled by the operator as meter operator of @from */
};
/* Grants given by @from, receivers ascending; calls back until false. */
typedef bool mkt_grant_fn(void *ctx, const struct mkt_grant *g);
void mkt_state_grants(const struct mkt_state *s, uint32_t from, mkt_grant_fn *each, void *ctx);

struct mkt_bid {
	uint64_t id;
	uint32_t account;
	uint8_t side;
	uint8_t flags;
	uint32_t amount_wh, left_wh;
	uint64_t until_s;
	uint64_t time_ms;   /* of the block that took it */
	int64_t held_uc;
	uint16_t nlegs;
};

bool mkt_state_bid(const struct mkt_state *s, uint64_t id, struct mkt_bid *out);
/* Leg @leg of an open bid; *open: still in its book. */
bool mkt_state_bid_leg(const struct mkt_state *s, uint64_t id, uint16_t leg,
		       struct mkt_bid_leg *out, bool *open);
/* Open bids with id > @after ascending, of one account or of all (UINT32_MAX); at most @max. */
uint32_t mkt_state_bids(const struct mkt_state *s, uint32_t account, uint64_t after,
			struct mkt_bid *out, uint32_t max);

enum mkt_contract_status {
	MKT_CONTRACT_MATCHED = 1,   /* before its window */
	MKT_CONTRACT_REPORTED = 2,  /* at least one side reported */
	MKT_CONTRACT_SETTLED = 3,
	MKT_CONTRACT_RETIRED = 4,   /* settled, and its certificate used */
};

struct mkt_contract {
	struct mkt_ev_contract what;
	uint64_t height;       /* block that made it */
	uint8_t status;        /* enum mkt_contract_status */
	uint8_t reported;      /* bit 0 supply, bit 1 draw */
	uint32_t supply_wh, draw_wh, delivered_wh;
	int64_t locked_uc;     /* of the buyer */
	int64_t collateral_uc; /* of the seller */
};

bool mkt_state_contract(const struct mkt_state *s, uint64_t exec, struct mkt_contract *out);
/* Contracts still in the state with exec > @after ascending; @account UINT32_MAX: all. */
uint32_t mkt_state_contracts(const struct mkt_state *s, uint32_t account, uint64_t after,
			     struct mkt_contract *out, uint32_t max);
uint64_t mkt_state_next_exec(const struct mkt_state *s);
uint64_t mkt_state_next_bid(const struct mkt_state *s);

/* Canonical bytes of a contract record, which is also its row in the archive, and back. */
void mkt_contract_enc(const struct mkt_contract *c, struct mkt_buf *out);
int mkt_contract_dec(const void *p, size_t n, struct mkt_contract *c) MKT_MUST_CHECK;

/* A book that exists (has had a bid), by window number and tags; false otherwise. */
bool mkt_state_book(const struct mkt_state *s, uint32_t window, mkt_tags tags, uint32_t *book);
/* The book after (@window, @tags), which need not exist, in ascending order; false at the end. */
bool mkt_state_next_book(const struct mkt_state *s, uint32_t *window, mkt_tags *tags,
			 uint32_t *book);
const struct mkt_books *mkt_state_books(const struct mkt_state *s);

/* Windows that take bids at @now_ms: first number and count. */
void mkt_state_open_windows(const struct mkt_state *s, uint64_t now_ms, uint32_t *first,
			    uint32_t *count);

/* Totals, kept as counters: what invariants are checked against and sim prints. */
struct mkt_totals {
	uint64_t txs, ops, refused, bids, contracts, settled, reports;
	uint64_t contracted_wh, delivered_wh;
	int64_t money_uc;   /* deposits - withdrawals */
	int64_t charges_uc; /* imbalance charges */
	int64_t fees_uc;
};
void mkt_state_totals(const struct mkt_state *s, struct mkt_totals *out);

/*
 * Recount everything from scratch and compare: money, escrow of every bid by
 * R7, every bid's contracts against its amount, books not crossed between
 * different accounts, indexes.  Slow; for tests, `mkt verify` and the end of
 * `mkt sim`.  -MKT_EINTEGRITY names the first thing that is wrong.
 */
int mkt_state_check(const struct mkt_state *s, struct mkt_err *err) MKT_MUST_CHECK;

#endif

/*
 * The books: price levels with queues, for any number of (window, tags) books,
 * and the matching of one incoming bid at a time (design 4, rules R2 to R6).
 *
 * A bid has one amount and 1..256 legs, each in a book of its own; what one leg
 * obtains is gone from all others at the same instant.  The engine knows no
 * accounts, money, windows or tags: owners, books and bids are numbers that the
 * caller gives meaning to.  It reads no clock, does no I/O, and once its pools
 * have grown to the working set it allocates nothing.
 *
 * Handles: a resting bid has a slot (dense, reused) and an id (never reused,
 * growing with arrival: id order is time priority).  Calls that name a bid take
 * both and refuse a slot whose id has changed, so a late cancel can never hit
 * the bid that reused the slot.  Slots are below bids_max.  A slot that a call
 * frees is not reused before the next call that changes the books, so the fills
 * of a call may be worked off with the slots they name; the engine itself knows
 * nothing about a freed slot any more.
 *
 * One writer.  Readers (depth, dry runs) may run together with each other, not
 * with the writer: the caller holds a read-write lock.
 *
 * Own bids are skipped and keep their place, so bids of one owner may rest
 * crossed, and every bid of that owner walks past them: callers bound the open
 * bids of one owner in one book (MKT_OWN_SKIP_MAX).  Matching is greedy, not
 * volume-maximal: a taker may use the one maker that another bid could have used.
 *
 * Cost: resting and removing are O(1) a leg; the best price of a side is kept,
 * the next one found through bitmaps; no per-level totals are kept.  Memory:
 * 32 bytes a bid, 16 a leg, some 8 a tick where bids rest, in steps of 64 ticks;
 * it is not given back before mkt_books_free().
 */
#ifndef MKT_MARKET_BOOK_H
#define MKT_MARKET_BOOK_H

#include "core/base/compat.h"
#include "core/base/err.h"

struct mkt_books;

enum mkt_side { MKT_SELL = 1, MKT_BUY = 2 };

enum mkt_bid_flags {
	MKT_BID_IOC = 1 << 0,       /* drop what does not match at once */
	MKT_BID_FOK = 1 << 1,       /* all at once or nothing */
	MKT_BID_POST_ONLY = 1 << 2, /* refuse to match at once */
};

#define MKT_NO_SLOT UINT32_MAX
#define MKT_NO_LEG UINT16_MAX

/*
 * Prices in micro-currency per Wh.  The range is closed, may be any part of the
 * numbers an int32_t holds, zero and below included, and is counted in ticks from price_min.
 */
struct mkt_books_conf {
	int32_t price_min;
	int32_t price_max;
	int32_t tick;      /* > 0; price_min is on it */
	uint32_t bids_max; /* open bids; > 0, < UINT32_MAX */
};

struct mkt_leg {
	uint32_t book;
	int32_t price_upwh;
};

/* An incoming bid.  @legs is borrowed for the call; no book stands twice in it. */
struct mkt_incoming {
	uint64_t id;    /* greater than that of every bid that rests */
	uint32_t owner; /* bids of one owner never match each other */
	uint32_t amount_wh;
	uint8_t side;   /* enum mkt_side */
	uint8_t flags;  /* enum mkt_bid_flags */
	uint16_t nlegs;
	const struct mkt_leg *legs;
};

/* One step of matching: a contract of taker and maker in one book. */
struct mkt_fill {
	uint64_t maker_id;
	uint32_t maker_slot;
	uint32_t maker_left_wh; /* 0: the maker is gone from all its books */
	uint16_t maker_leg;     /* position in the maker's list */
	uint16_t taker_leg;     /* position in the taker's list */
	uint32_t wh;
	int32_t price_upwh;     /* the maker's limit: R4 */
	/* What would have been taken without this candidate: the best of the taker's other legs. */
	uint16_t alt_leg;       /* MKT_NO_LEG: no other leg had one */
	int32_t alt_price_upwh;
};

/* Fills of one call.  Owned by the caller, reused between calls, grows as needed. */
struct mkt_fills {
	struct mkt_fill *v;
	uint32_t n;
	uint32_t cap;
};

void mkt_fills_release(struct mkt_fills *f);

/* A resting bid as seen from outside. */
struct mkt_resting {
	uint64_t id;
	uint32_t owner;
	uint32_t left_wh;
	uint8_t side;
	uint16_t nlegs; /* as placed */
	uint16_t open;  /* legs still in a book */
};

/* Errors: -MKT_EINVAL range, tick or bids_max; -MKT_ENOMEM. */
int mkt_books_new(const struct mkt_books_conf *conf, struct mkt_books **out,
		  struct mkt_err *err) MKT_MUST_CHECK;
void mkt_books_free(struct mkt_books *b);

/*
 * Make an empty book.  @direct books are taken before others (R3); @fee_upwh,
 * what a buyer pays on top of the price in this book, is subtracted from the
 * surplus.  Returns 0 and its number (dense, reused after close) or -MKT_ENOMEM.
 */
int mkt_book_open(struct mkt_books *b, bool direct, int32_t fee_upwh,
		  uint32_t *book) MKT_MUST_CHECK;

/* Change the fee of a book from now on; affects order of choice only. */
void mkt_book_set_fee(struct mkt_books *b, uint32_t book, int32_t fee_upwh);

/*
 * Close a book: every leg in it leaves (R1), and its number may be given out
 * again.  For each leg, in order (sells then buys, best level first, queue
 * order), @gone (may be NULL) is called after that leg is unlinked, with the slot
 * and its legs still open; at @open == 0 the bid is freed (slot valid as told
 * above).  @gone must not call back into the engine.
 */
typedef void mkt_book_gone_fn(void *ctx, uint32_t slot, const struct mkt_resting *bid,
			      uint16_t leg);
void mkt_book_close(struct mkt_books *b, uint32_t book, mkt_book_gone_fn *gone, void *ctx);

/*
 * Match @o and rest what is left (R2 to R6).  The caller checked R0 and says
 * which leg is wrong; what is refused here as invalid is a fault of the caller.
 * @fills is cleared and filled in order of execution.  *@slot is where the rest
 * of the bid rests, or MKT_NO_SLOT when nothing rests; *@left_wh what was not
 * matched.
 * Returns 0, or with the books unchanged, @fills empty and the others unwritten:
 *   -MKT_EFOK       FOK and not all to be had
 *   -MKT_EPOSTONLY  POST_ONLY and something would match
 *   -MKT_ELIMIT     something would rest, and bids_max bids were open before
 *   -MKT_EINVAL     id or amount zero, no or too many legs, a limit off the tick or
 *                   out of range, a book that is not open
 *   -MKT_EDUPLEG    two legs in one book
 *   -MKT_ENOMEM
 */
int mkt_books_place(struct mkt_books *b, const struct mkt_incoming *o, struct mkt_fills *fills,
		    uint32_t *slot, uint32_t *left_wh) MKT_MUST_CHECK;

/*
 * What mkt_books_place() would do: nothing changes, and any number of callers
 * may run at once.  Same results but *slot; o->id is not looked at.  Slots named
 * in @fills are those of the live books.
 */
int mkt_books_try(const struct mkt_books *b, const struct mkt_incoming *o, struct mkt_fills *fills,
		  uint32_t *left_wh) MKT_MUST_CHECK;

/* Take a bid out of all its books.  -MKT_ETOOLATE if @slot does not hold @id. */
int mkt_books_cancel(struct mkt_books *b, uint32_t slot, uint64_t id) MKT_MUST_CHECK;

/* Lower what is left, keeping the place.  -MKT_ETOOLATE; -MKT_EREDUCE unless 0 < @left_wh < it. */
int mkt_books_reduce(struct mkt_books *b, uint32_t slot, uint64_t id,
		     uint32_t left_wh) MKT_MUST_CHECK;

/*
 * Put a bid back as it rested: after a restart, or when an all-or-nothing
 * envelope is undone.  No matching; in each queue it stands behind all bids of
 * smaller id, found from the end, so going in order of id costs nothing.
 * o->amount_wh is what is left, o->flags is not looked at.  A leg with @open_legs
 * false (NULL: all open) has left its book and keeps only its place in the list;
 * one at least is open.  Errors as mkt_books_place().
 */
int mkt_books_restore(struct mkt_books *b, const struct mkt_incoming *o, const bool *open_legs,
		      uint32_t *slot) MKT_MUST_CHECK;

/* False if @slot does not hold @id (any id if @id is 0). */
bool mkt_books_get(const struct mkt_books *b, uint32_t slot, uint64_t id, struct mkt_resting *out);

/* True if leg number @leg of the bid is still in its book; then *@out tells where. */
bool mkt_books_leg(const struct mkt_books *b, uint32_t slot, uint16_t leg, struct mkt_leg *out);

/* Number of open bids. */
uint32_t mkt_books_count(const struct mkt_books *b);

/*
 * Walk one side of one book, best level first, queue order.  @each returns
 * false to stop.  Depth, dashboards and checks are built on it.
 */
typedef bool mkt_book_each_fn(void *ctx, uint32_t slot, const struct mkt_resting *bid,
			      uint16_t leg, int32_t price_upwh);
void mkt_book_walk(const struct mkt_books *b, uint32_t book, enum mkt_side side,
		   mkt_book_each_fn *each, void *ctx);

/*
 * Best limit of a side, whoever's it is; false if the side is empty or the book not open.
 * *@bid_wh: what is left of the bid at the head of that queue.
 */
bool mkt_book_best(const struct mkt_books *b, uint32_t book, enum mkt_side side,
		   int32_t *price_upwh, uint32_t *bid_wh);

#endif

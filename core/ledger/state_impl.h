/*
 * Inside of the ledger; only core/ledger includes this.
 *
 * Everything lives in growing arrays and is named by 32-bit indexes, never by
 * pointers kept over a call that may grow them.  NONE ends lists.
 *
 *   account.c   accounts, names, grants; the operations on them
 *   admin.c     operations of the operator on the chain's rules
 *   bids.c      open bids: pool, legs, lists; until heap
 *   place.c     R0, placing, cancelling and reducing a bid
 *   escrow.c    the one place where money moves
 *   contract.c  contracts: pool and lists; their record
 *   settle.c    reports, metering, settlement, retirement
 *   window.c    windows and their books; gates, deadlines, retention
 *   request.c   used request ids
 *   record.c    records to bytes and back
 *   digest.c    what changed in a block; the set hash; dump
 *   load.c      a state from records
 *   undo.c      all-or-nothing envelopes
 *   state.c     life, blocks, dispatch of operations
 *   preview.c   dry run
 *   read.c      what readers ask
 *   check.c     everything counted again
 *
 * An operation is a check, which is const and shared with the dry run, and a run
 * that does what was checked.  Whatever changes a record calls its *_touch()
 * first: that puts it on the block's list of changed records, and in an
 * all-or-nothing envelope keeps what is needed to undo.
 *
 * Running out of memory is fatal for a state, so functions deep inside set
 * s->nomem and go on; the public call ends with -MKT_ENOMEM.
 */
#ifndef MKT_LEDGER_STATE_IMPL_H
#define MKT_LEDGER_STATE_IMPL_H

#include "core/base/compat.h"

#include <assert.h>

#include "core/base/map.h"
#include "core/crypto/lthash.h"
#include "core/ledger/state.h"
#include "core/units/checked.h"

#define NONE UINT32_MAX
#define LEG_CLASSES 9 /* blocks of 1, 2, 4 ... 256 legs */

/* ---- lists ------------------------------------------------------------------------------ */

struct list {
	uint32_t head, tail;
};

#define LIST_EMPTY ((struct list){NONE, NONE})

struct link {
	uint32_t prev, next;
};

/* The links of one list in an array of objects: that of object ix is at base + ix * stride. */
struct links {
	struct link *base;
	size_t stride;
};

static inline struct link *link_at(struct links l, uint32_t ix)
{
	return (struct link *)(void *)((char *)l.base + ix * l.stride);
}

static inline void list_append(struct list *list, struct links l, uint32_t ix)
{
	*link_at(l, ix) = (struct link){list->tail, NONE};
	if (list->tail == NONE)
		list->head = ix;
	else
		link_at(l, list->tail)->next = ix;
	list->tail = ix;
}

/* The link of @ix keeps its neighbours, so that list_relink() can undo this. */
static inline void list_unlink(struct list *list, struct links l, uint32_t ix)
{
	struct link *k = link_at(l, ix);

	if (k->prev == NONE)
		list->head = k->next;
	else
		link_at(l, k->prev)->next = k->next;
	if (k->next == NONE)
		list->tail = k->prev;
	else
		link_at(l, k->next)->prev = k->prev;
}

/* Undo list_unlink(); everything done to the list since is undone already. */
static inline void list_relink(struct list *list, struct links l, uint32_t ix)
{
	struct link *k = link_at(l, ix);

	if (k->prev == NONE)
		list->head = ix;
	else
		link_at(l, k->prev)->next = ix;
	if (k->next == NONE)
		list->tail = ix;
	else
		link_at(l, k->next)->prev = ix;
}

/* ---- objects ---------------------------------------------------------------------------- */

/* Where a record stands in the digest. */
struct mark {
	struct mkt_hash hash; /* what the sum holds, if in */
	uint32_t block;       /* s->seq when it was put on the list of changed records */
	bool in;
};

struct grant {
	struct mkt_grant g;
	struct mark mark;
};

/* Index 0 of pairs is the seller (sell, supply), 1 the buyer (buy, draw). */
struct account {
	struct mkt_pubkey key;
	char name[MKT_NAME_MAX + 1];
	uint8_t cls;
	bool suspended;
	uint8_t nchargers;
	char (*chargers)[MKT_CHARGER_MAX + 1]; /* owned */
	int64_t available_uc, held_uc, locked_uc;
	uint32_t open_bids;
	struct list bids;         /* ascending id */
	struct list contracts[2]; /* ascending exec */
	struct grant *grants;     /* given, ascending receiver; owned */
	uint32_t ngrants, grants_cap;
	struct mark mark;
	uint32_t saved; /* s->undo.seq of the envelope that kept a copy */
};

struct leg {
	mkt_tags tags;
	uint32_t window;
	int32_t price_upwh;
	int32_t fee_upwh; /* 0 in a sell */
	uint32_t book;    /* NONE: has left */
};

struct bid {
	uint64_t id; /* in a free slot of the pool: index of the next free one */
	uint64_t until_s, time_ms;
	int64_t rate_upwh; /* escrow is left x rate */
	uint32_t account;
	uint32_t amount_wh, left_wh;
	uint32_t slot; /* in the books */
	uint32_t leg;  /* first of its block */
	uint16_t nlegs, open;
	uint8_t side, flags;
	struct link all, own;
	struct mark mark;
	uint32_t saved;
};

enum contract_list {
	C_ALL,
	C_WINDOW,
	C_ACCOUNT,  /* + side */
	C_OPEN = 4, /* + side: not reported, by (window, account) */
	C_LISTS = 6
};

struct contract {
	struct mkt_contract c; /* what.exec 0: free slot, what.buy_bid the next one */
	uint32_t window;       /* index of its struct window */
	struct link link[C_LISTS];
	struct mark mark;
	uint32_t saved;
};

struct window_book {
	mkt_tags tags;
	uint32_t book;
};

/* A window that has books or contracts. */
struct window {
	uint32_t number; /* in a free slot: next free one */
	uint32_t nbooks, books_cap;
	struct window_book *books; /* ascending tags; owned */
	uint32_t legs;             /* open ones in its books */
	uint32_t unsettled;
	struct list contracts;
	uint64_t settled_height; /* block that settled the last one here; not recorded */
};

/* What is known of book number i of the engine. */
struct book_of {
	mkt_tags tags;
	uint32_t window; /* index */
};

struct until {
	uint64_t until_s, id;
};

struct request {
	uint8_t key[32]; /* u32 account, 16 request id, zeros */
	uint32_t next;   /* in the same second, or free */
};

struct dirty {
	uint64_t id;
	struct mkt_hash old;
	bool was; /* @old is in the sum */
};

struct dirty_list {
	struct dirty *v;
	uint32_t n, cap;
};

/* ---- undo ------------------------------------------------------------------------------- */

enum undo_what {
	U_MONEY,
	U_BID_LEFT,
	U_BID_NEW,
	U_BID_GONE,
	U_CONTRACT,
	U_CONTRACT_NEW,
	U_REPORTED, /* taken off the list of open contracts of a side */
	U_GRANT,
};

struct undo_row {
	uint8_t what;
	uint8_t side;
	uint32_t ix;
	uint32_t at; /* of the copy in undo.bytes */
};

struct undo {
	bool on;
	uint32_t seq; /* counts envelopes; 0 never */
	struct undo_row *v;
	uint32_t n, cap;
	struct mkt_buf bytes;
	struct mkt_totals totals;
	uint64_t next_bid, next_exec;
	uint32_t nevents;
};

/* ---- operations ------------------------------------------------------------------------- */

/* Result of looking at or doing an operation: what goes into RESULT. */
struct answer {
	int code; /* 0 or enum mkt_code */
	uint64_t ref, more;
	struct mkt_err *err; /* NULL while blocks are executed: nobody reads sentences there */
};

/* A bid that passed R0. */
struct plan {
	int64_t rate_upwh;
	int64_t need_uc;
	uint32_t book[MKT_LEGS_MAX]; /* NONE: not made yet */
	int32_t fee_upwh[MKT_LEGS_MAX];
};

struct act {
	const struct mkt_tx *tx;
	const struct mkt_op *op;
	uint64_t now_ms;
	uint32_t open_first, open_last; /* windows that take bids now */
	struct plan *plan;
};

typedef int check_fn(const struct mkt_state *s, const struct act *a, struct answer *r);
typedef int run_fn(struct mkt_state *s, const struct act *a, struct answer *r);

/* ---- the state -------------------------------------------------------------------------- */

struct mkt_state {
	struct mkt_genesis g;
	struct mkt_tag_table tags;
	struct mkt_class_limits limits[MKT_CLASS_COUNT];
	int32_t up_upwh, down_upwh;
	int64_t collateral_upwh; /* what a seller holds per Wh */
	uint64_t height, time_ms, prev_time_ms;
	uint64_t next_bid, next_exec;
	struct mkt_totals totals;
	uint32_t window_max;            /* the last window number of year 9999 */
	uint32_t open_first, open_last; /* at the block's time */
	uint32_t block_txs;             /* applied in the open block */
	bool clock_seen;                /* the open block begins with a CLOCK */
	bool set_changed;               /* the open block holds an AUTHORITY and nothing else */

	struct account *account;
	uint32_t naccounts, accounts_cap;
	struct mkt_idmap by_key, by_name; /* names as 32 bytes with zeros */

	struct mkt_books *books;
	struct book_of *book_of; /* by book number */
	uint32_t book_of_cap;
	struct mkt_map own; /* account << 32 | book -> open bids there */

	struct bid *bid;
	uint32_t nbids, bids_cap, bids_free;
	uint32_t *by_slot; /* slot of the engine -> bid */
	uint32_t by_slot_cap;
	struct mkt_map by_bid;
	struct list bids;
	struct leg *leg;
	uint32_t nlegs, legs_cap;
	uint32_t legs_free[LEG_CLASSES]; /* first of a free block; its book is the next one */
	struct until *until; /* heap by (until, id); rows of gone bids stay until met */
	uint32_t nuntil, until_cap, until_live;

	struct contract *contract;
	uint32_t ncontracts, contracts_cap, contracts_free;
	struct mkt_map by_exec;
	struct list contracts;

	struct window *window;
	uint32_t nwindows, windows_cap, windows_free;
	struct mkt_map by_window;
	uint32_t *order; /* indexes of windows by ascending number */
	uint32_t norder, order_cap;
	uint64_t gate_ms, deadline_ms, retire_ms; /* nothing is due before */
	struct mkt_map parties; /* index of window << 33 | account << 1 | side -> party */
	struct list *party;     /* open contracts of a side; free: tail is the next free */
	uint32_t nparties, parties_cap, parties_free;

	struct mkt_idmap by_request;
	struct request *request;
	uint32_t nrequests, requests_cap, requests_free;
	uint32_t *expiry;      /* ring by second of valid-until: first request */
	uint32_t expiry_n;     /* seconds of the ring */
	uint64_t expired_s;    /* requests with valid-until before this are gone */

	struct mkt_lthash sum;
	uint32_t seq; /* counts blocks executed since start; 0 never */
	struct dirty_list dirty[MKT_REC_LAST + 1];
	struct dirty *scratch; /* of sorting */
	uint32_t scratch_cap;
	struct mkt_hash chain; /* its id */
	struct mkt_authorities authorities;
	struct mark authorities_mark;
	struct mark meta_mark, dim_mark[MKT_DIMS_MAX], limits_mark[MKT_CLASS_COUNT];
	struct mkt_buf bytes; /* one record */

	struct undo undo;
	struct plan plan;
	struct mkt_fills fills;
	struct mkt_leg order_legs[MKT_LEGS_MAX];
	struct mkt_events *ev; /* of the open call */
	uint32_t tx_ix;
	uint16_t op_ix;
	bool nomem;
	bool in_block; /* the records are ahead of the sum */

	bool loading;
	uint8_t load_type; /* last record taken */
	uint64_t load_id;
};

/*
 * @v, moved if it has to be to hold @need > 0 elements of @size bytes; *@cap
 * follows.  NULL, and nothing changed, if there is no memory.
 */
static inline void *grown(void *v, uint32_t *cap, uint64_t need, size_t size)
{
	uint64_t want = *cap < 32 ? 64 : (uint64_t)*cap * 2;
	void *p;

	if (need <= *cap)
		return v;
	if (want < need)
		want = need;
	if (want >= UINT32_MAX)
		return NULL;
	p = realloc(v, (size_t)want * size);
	if (p)
		*cap = (uint32_t)want;
	return p;
}

/* Make the array @v hold at least @need > 0 elements; @cap follows.  0 or -MKT_ENOMEM. */
#define ROOM(v, cap, need)                                                                         \
	__extension__({                                                                            \
		__typeof__(v) grown_ = grown((v), &(cap), (need), sizeof(*(v)));                   \
                                                                                                   \
		if (grown_)                                                                        \
			(v) = grown_;                                                              \
		grown_ ? 0 : -MKT_ENOMEM;                                                          \
	})

/* ---- state.c ---------------------------------------------------------------------------- */

/* Refuse: code, what RESULT says, and a sentence where somebody reads it.  Returns -@code. */
int refuse(struct answer *r, int code, uint64_t more, const char *fmt, ...) MKT_PRINTF(4, 5);

/* The same for leg @leg (from 0) of a bid. */
int refuse_leg(struct answer *r, int code, unsigned leg, uint64_t more, const char *what);

void emit(struct mkt_state *s, struct mkt_event *ev);

/* Every check of an operation: who may, then what.  Const, for dry runs too. */
int check_op(const struct mkt_state *s, const struct act *a, struct answer *r);

/* A counter that people look at; it stops at its end. */
static inline void count_uc(int64_t *total, int64_t more)
{
	if (mkt_add_i64(*total, more, total))
		*total = INT64_MAX;
}

/* ---- account.c -------------------------------------------------------------------------- */

static inline bool account_known(const struct mkt_state *s, uint32_t number)
{
	return number < s->naccounts;
}

struct account *account_touch(struct mkt_state *s, uint32_t number);
int account_add(struct mkt_state *s, const struct account *a); /* takes what @a owns */
void account_release(struct account *a);
bool account_by_name(const struct mkt_state *s, const char *name, uint32_t *number);
bool account_has_charger(const struct account *a, const char *charger);
const struct grant *grant_find(const struct mkt_state *s, uint32_t from, uint32_t to);
/* Put @g as it is (no rights and no meter: remove it). */
void grant_put(struct mkt_state *s, const struct mkt_grant *g);
int check_actor(const struct mkt_state *s, const struct act *a, struct answer *r);

extern check_fn check_transfer, check_delegate, check_revoke, check_enroll, check_suspend,
	check_deposit, check_withdraw, check_meterop;
extern run_fn run_transfer, run_delegate, run_revoke, run_enroll, run_suspend, run_deposit,
	run_withdraw, run_meterop;

/* ---- admin.c ---------------------------------------------------------------------------- */

extern check_fn check_dimension, check_tag, check_member, check_limits, check_clock_op,
	check_imbalance, check_authority;
extern run_fn run_dimension, run_tag, run_member, run_limits, run_clock, run_imbalance,
	run_authority;

/* ---- bids.c ----------------------------------------------------------------------------- */

struct bid *bid_touch(struct mkt_state *s, uint32_t ix);
const struct bid *bid_find(const struct mkt_state *s, uint64_t id);


/* Enter a bid that rests in the engine already.  NONE: no memory. */
uint32_t bid_enter(struct mkt_state *s, const struct bid *b, const struct leg *legs);
void bid_set_slot(struct mkt_state *s, uint32_t ix, uint32_t slot);

/* Forget a bid that is out of the books already: escrow, lists, counts. */
void bid_leave(struct mkt_state *s, uint32_t ix, uint8_t reason);
void bid_unwind_new(struct mkt_state *s, uint32_t ix);
void bid_unwind_gone(struct mkt_state *s, const struct bid *b, const struct leg *legs);
void bid_unwind_left(struct mkt_state *s, uint32_t ix, uint32_t left_wh);

/* A leg of an open bid has left its book (its gate). */
void leg_leave(struct mkt_state *s, uint32_t ix, uint16_t leg);
uint32_t own_count(const struct mkt_state *s, uint32_t account, uint32_t book);
void bid_gone_event(struct mkt_state *s, uint64_t id, uint32_t account, uint8_t reason,
		    uint32_t left_wh, uint32_t amount_wh);
void untils_run(struct mkt_state *s);
void untils_trim(struct mkt_state *s); /* so that the first row stands */

static inline struct leg *legs_of(const struct mkt_state *s, const struct bid *b)
{
	return &s->leg[b->leg];
}

/* ---- place.c ---------------------------------------------------------------------------- */

extern check_fn check_bid, check_cancel, check_reduce;
extern run_fn run_bid, run_cancel, run_reduce;

/* Take a bid out of books and state.  Returns the Wh freed. */
uint32_t bid_cancel(struct mkt_state *s, uint32_t ix, uint8_t reason);

/* ---- escrow.c --------------------------------------------------------------------------- */

/* Escrow per Wh of a bid with these legs, open ones only. */
int64_t escrow_rate(const struct mkt_state *s, uint8_t side, const struct leg *legs, unsigned n);
int64_t leg_rate(const struct mkt_state *s, uint8_t side, int32_t price_upwh, int32_t fee_upwh);
void escrow_hold(struct mkt_state *s, uint32_t account, int64_t money_uc);
void escrow_free(struct mkt_state *s, uint32_t account, int64_t money_uc);
void escrow_lock(struct mkt_state *s, uint32_t account, int64_t money_uc);
void escrow_unlock(struct mkt_state *s, uint32_t account, int64_t money_uc);
/* Available money; @money_uc may be negative. */
void money_add(struct mkt_state *s, uint32_t account, int64_t money_uc);
void money_event(struct mkt_state *s, uint8_t why, uint32_t from, uint32_t to, int64_t money_uc,
		 uint64_t ref);
/* What a contract locks of side @side. */
int64_t contract_lock(const struct mkt_state *s, const struct mkt_ev_contract *c, unsigned side);

/* ---- contract.c ------------------------------------------------------------------------- */

struct contract *contract_touch(struct mkt_state *s, uint32_t ix);
bool contract_find(const struct mkt_state *s, uint64_t exec, uint32_t *ix);
uint32_t contract_enter(struct mkt_state *s, const struct mkt_contract *c); /* NONE: no memory */
void contract_drop(struct mkt_state *s, uint32_t ix);
void contract_close_side(struct mkt_state *s, uint32_t ix, unsigned side);
void contract_open_side(struct mkt_state *s, uint32_t ix, unsigned side);
struct list party_open(const struct mkt_state *s, uint32_t window, uint32_t account, unsigned side);
struct links contract_links(const struct mkt_state *s, unsigned list);

static inline uint32_t contract_account(const struct contract *c, unsigned side)
{
	return side ? c->c.what.buyer : c->c.what.seller;
}

/* ---- settle.c --------------------------------------------------------------------------- */

extern check_fn check_report, check_meter, check_retire;
extern run_fn run_report, run_meter, run_retire;
void contract_settle(struct mkt_state *s, uint32_t ix);

/* ---- window.c --------------------------------------------------------------------------- */

uint32_t window_find(const struct mkt_state *s, uint32_t number);
uint32_t window_get(struct mkt_state *s, uint32_t number); /* makes it; NONE: no memory */
uint32_t window_book(const struct mkt_state *s, uint32_t window, mkt_tags tags);
uint32_t window_open_book(struct mkt_state *s, uint32_t number, mkt_tags tags);
void window_release(struct window *w);
uint64_t window_gate_ms(const struct mkt_state *s, uint32_t number);
uint64_t window_end_s(const struct mkt_state *s, uint32_t number);
uint64_t window_deadline_s(const struct mkt_state *s, uint32_t number);
void windows_open_at(const struct mkt_state *s, uint64_t now_ms, uint32_t *first, uint32_t *last);
void gates_run(struct mkt_state *s);
void deadlines_run(struct mkt_state *s);
void retention_run(struct mkt_state *s);
uint64_t windows_next_ms(const struct mkt_state *s);

/* ---- request.c -------------------------------------------------------------------------- */

int requests_init(struct mkt_state *s);
void requests_release(struct mkt_state *s);
void requests_purge(struct mkt_state *s);
bool request_used(const struct mkt_state *s, uint32_t account, const uint8_t *request);
int request_add(struct mkt_state *s, uint32_t account, const uint8_t *request, uint64_t until_s);

/* ---- record.c --------------------------------------------------------------------------- */

void meta_enc(const struct mkt_state *s, struct mkt_buf *out);
void limits_enc(const struct mkt_class_limits *l, struct mkt_buf *out);
void account_enc(const struct account *a, struct mkt_buf *out);
void grant_enc(const struct mkt_grant *g, struct mkt_buf *out);
void bid_enc(const struct bid *b, const struct leg *legs, struct mkt_buf *out);

/* Each takes the whole of @in; 0 or a negative code. */
int meta_dec(struct mkt_dec *in, struct mkt_state *s);
int limits_dec(struct mkt_dec *in, struct mkt_class_limits *l);
int account_dec(struct mkt_dec *in, struct account *a);
int grant_dec(struct mkt_dec *in, uint64_t id, struct mkt_grant *g);
int bid_dec(struct mkt_dec *in, struct bid *b, struct leg legs[MKT_LEGS_MAX]);

/* ---- digest.c --------------------------------------------------------------------------- */

void note(struct mkt_state *s, uint8_t type, uint64_t id, struct mark *m);
struct mark *record_mark(struct mkt_state *s, uint8_t type, uint64_t id); /* NULL: no such record */
void record_enc(const struct mkt_state *s, uint8_t type, uint64_t id, struct mkt_buf *out);
void record_hash(uint8_t type, uint64_t id, const void *p, size_t n, struct mkt_hash *out);
static inline uint64_t grant_id(uint32_t from, uint32_t to)
{
	return (uint64_t)from << 32 | to;
}

/* ---- check.c ---------------------------------------------------------------------------- */

int check_money(const struct mkt_state *s, struct mkt_err *err);

/* ---- undo.c ----------------------------------------------------------------------------- */

void undo_begin(struct mkt_state *s);
void undo_row(struct mkt_state *s, enum undo_what what, unsigned side, uint32_t ix,
	      const void *copy, size_t n);
/* More bytes of the last row's copy. */
void undo_more(struct mkt_state *s, const void *copy, size_t n);
void undo_all(struct mkt_state *s);

/* True once an envelope, for an object whose stamp is @saved. */
static inline bool undo_wants(const struct mkt_state *s, uint32_t *saved)
{
	if (MKT_LIKELY(!s->undo.on) || *saved == s->undo.seq)
		return false;
	*saved = s->undo.seq;
	return true;
}

#endif

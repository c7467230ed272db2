/*
 * Events: what a block did.  Each is one canonical record, a leaf of the
 * block's event tree, and the whole of what is needed to tell an account its
 * story without executing anything again.
 *
 *   u8 kind, u32 tx (index in the block; 2^32-1: by time alone), u16 op, then by kind:
 *    1 RESULT    u32 account, u16 code (0 ok), u64 ref, u64 more: the outcome of an operation,
 *                after all that it caused.  Account: the one it acted for.  By operation:
 *                BID ref = bid id, more = Wh left after matching; CANCEL ref = bid id (ONE) or
 *                number of bids, more = Wh freed; REDUCE ref = bid id, more = Wh freed; REPORT
 *                ref = exec id, more = Wh taken; METER ref = contracts, more = Wh taken;
 *                TRANSFER, DEPOSIT, WITHDRAW ref = the other account, more = money; RETIRE ref =
 *                exec id, more = Wh delivered; DELEGATE, REVOKE ref = receiver, more = rights;
 *                ENROLL ref = account number; SUSPEND ref = account, more = bids cancelled;
 *                DIMENSION and TAG ref = number, MEMBER ref = account; LIMITS ref = class; CLOCK
 *                more = time in ms; METEROP ref = account, more = meter operator.
 *                Refusals: ref = number of the leg at fault counted from 1, 0 where it is not a
 *                leg; more = what the sentence needs, else 0: EFUNDS money needed, EGATE and
 *                ENOTOPEN that instant in seconds, EEARLY and ELATE likewise, ELOT the lot, ETICK
 *                the tick, EOPENBIDS the limit, EREPORTED Wh taken before, ENAME the account
 *                that has the name
 *    2 CONTRACT  u64 exec, u64 buy bid, u16 buy leg, u64 sell bid, u16 sell leg, u8 taker side,
 *                u32 buyer, u32 seller, u32 window, u64 tags, u32 wh, i32 price, i32 fee,
 *                u16 alt leg, i32 alt price.  Legs are counted from 0 here
 *    3 GONE      u64 bid, u32 account, u8 reason, u32 left_wh, u32 amount_wh: once for every
 *                bid that was taken, also for one that never rested
 *    4 GATE      u32 window, u32 legs that left, u32 bids that expired; not if no leg left
 *    5 REPORT    u64 exec, u8 side, u32 account whose side it is, u32 wh taken, u32 wh reported,
 *                text charger
 *    6 SETTLED   u64 exec, u32 buyer, u32 seller, u32 window, u32 contracted_wh, u32 supply_wh,
 *                u32 draw_wh, u32 delivered_wh, i64 paid, i64 fee, i64 buyer charge, i64 seller
 *                charge, u8 how (bits: 0 supply reported, 1 draw reported)
 *    7 MONEY     u8 why, u32 from, u32 to, i64 money, u64 ref: money that came or went by other
 *                ways than a settlement's price.  FEE and CHARGE (ref = exec) are told here to
 *                the receiver, because SETTLED tells the payer; DEPOSIT is from, WITHDRAW to
 *                MKT_NO_ACCOUNT
 */
#ifndef MKT_LEDGER_EVENT_H
#define MKT_LEDGER_EVENT_H

#include "core/base/limits.h"
#include "core/codec/enc.h"
#include "core/market/tag.h"

#define MKT_EVENT_NO_TX UINT32_MAX
#define MKT_NO_ACCOUNT UINT32_MAX

enum mkt_event_kind {
	MKT_EV_RESULT = 1,
	MKT_EV_CONTRACT = 2,
	MKT_EV_GONE = 3,
	MKT_EV_GATE = 4,
	MKT_EV_REPORT = 5,
	MKT_EV_SETTLED = 6,
	MKT_EV_MONEY = 7,
};

enum mkt_money_why {
	MKT_MONEY_TRANSFER = 1,
	MKT_MONEY_DEPOSIT = 2,
	MKT_MONEY_WITHDRAW = 3,
	MKT_MONEY_FEE = 4,
	MKT_MONEY_CHARGE = 5, /* imbalance, to the operator */
};

enum mkt_gone_reason {
	MKT_GONE_FILLED = 1,
	MKT_GONE_CANCELLED = 2,
	MKT_GONE_EXPIRED = 3,   /* the gate of its last leg */
	MKT_GONE_UNTIL = 4,
	MKT_GONE_IOC = 5,
	MKT_GONE_SUSPENDED = 6, /* its account was suspended */
};

struct mkt_ev_contract {
	uint64_t exec, buy_bid, sell_bid;
	uint16_t buy_leg, sell_leg;
	uint8_t taker_side;
	uint32_t buyer, seller, window;
	mkt_tags tags;
	uint32_t wh;
	int32_t price_upwh, fee_upwh;
	uint16_t alt_leg;      /* MKT_NO_LEG: none */
	int32_t alt_price_upwh;
};

struct mkt_ev_settled {
	uint64_t exec;
	uint32_t buyer, seller, window;
	uint32_t contracted_wh, supply_wh, draw_wh, delivered_wh;
	int64_t paid_uc, fee_uc, buyer_charge_uc, seller_charge_uc;
	uint8_t how;
};

struct mkt_event {
	uint8_t kind;
	uint32_t tx;
	uint16_t op;
	union {
		struct { uint32_t account; uint16_t code; uint64_t ref, more; } result;
		struct mkt_ev_contract contract;
		struct { uint64_t bid; uint32_t account, left_wh, amount_wh; uint8_t reason; } gone;
		struct { uint32_t window, legs, expired; } gate;
		struct {
			uint64_t exec;
			uint8_t side;
			uint32_t account, wh, reported_wh;
			char charger[MKT_CHARGER_MAX + 1];
		} report;
		struct mkt_ev_settled settled;
		struct { uint8_t why; uint32_t from, to; int64_t money_uc; uint64_t ref; } money;
	} u;
};

/* All events of a block, one after the other, and where each begins. */
struct mkt_events {
	struct mkt_buf bytes;
	uint32_t *at;  /* n + 1 offsets; owned */
	uint32_t n, cap;
};

#define MKT_EVENTS_INIT {MKT_BUF_INIT, NULL, 0, 0}

void mkt_events_release(struct mkt_events *e);
void mkt_events_clear(struct mkt_events *e);
int mkt_event_add(struct mkt_events *e, const struct mkt_event *ev) MKT_MUST_CHECK;

/* Forget event @n and all after it. */
void mkt_events_cut(struct mkt_events *e, uint32_t n);

/* Event @i of @e. */
struct mkt_bytes_ref {
	const uint8_t *p;
	size_t n;
};
struct mkt_bytes_ref mkt_events_at(const struct mkt_events *e, uint32_t i);

/*
 * Decode one; @in is left after it.  -MKT_ETRUNCATED, -MKT_ENONCANONICAL.
 * Numbers are not compared with a state; the side, reason and the like are known ones.
 */
int mkt_event_dec(struct mkt_dec *in, struct mkt_event *ev) MKT_MUST_CHECK;

/* Accounts that an event is about (at most 2), for the account index.  Returns how many. */
unsigned mkt_event_accounts(const struct mkt_event *ev, uint32_t accounts[2]);

const char *mkt_event_name(unsigned kind);   /* "contract" */
const char *mkt_gone_name(unsigned reason);  /* "filled" */
const char *mkt_money_name(unsigned why);    /* "transfer" */

#endif

/*
 * Genesis: what a chain is, fixed for ever.  The hash of its canonical bytes is
 * the chain's id.  Byte layout: mkt-protocol(7).
 */
#ifndef MKT_LEDGER_GENESIS_H
#define MKT_LEDGER_GENESIS_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/crypto/hash.h"
#include "core/crypto/sign.h"
#include "core/market/tag.h"

#define MKT_GENESIS_VERSION 1
#define MKT_GENESIS_VERSION_QUORUM 2 /* has a quorum rule, which is not the majority */
#define MKT_AUTHORITIES_MAX 32
#define MKT_CURRENCY_MAX 7
#define MKT_ZONE_MAX 63
#define MKT_OPERATOR 0 /* account number of the operator: made by genesis */

enum mkt_clock_kind { MKT_CLOCK_SYSTEM = 0, MKT_CLOCK_OPERATOR = 1 };

/* What counts for a side of a contract that nobody reported by the deadline. */
enum mkt_unreported { MKT_UNREPORTED_OTHER = 0, MKT_UNREPORTED_ZERO = 1 };

/* How many authorities must sign a block (core/ledger/authorities.h). */
enum mkt_quorum_rule { MKT_QUORUM_MAJORITY = 0, MKT_QUORUM_BFT = 1 };

/* Participant classes; the order is for ever. */
enum mkt_class {
	MKT_CLASS_OPERATOR,
	MKT_CLASS_HOUSEHOLD,
	MKT_CLASS_OFFICE,
	MKT_CLASS_EV,
	MKT_CLASS_BATTERY,
	MKT_CLASS_RETAILER,
	MKT_CLASS_AGGREGATOR,
	MKT_CLASS_METER,  /* meter operator */
	MKT_CLASS_READER,
	MKT_CLASS_COUNT
};

/* Limits of one class; 0 = unlimited.  On the chain: an operation changes them. */
struct mkt_class_limits {
	uint32_t open_bids;      /* open bids of one account; enforced by the state machine */
	uint32_t tx_per_min;     /* transactions; by admission, bursts of a minute's worth */
	uint32_t reads_per_min;
	uint32_t rows_per_min;
};

struct mkt_genesis {
	char name[MKT_NAME_MAX + 1];
	char currency[MKT_CURRENCY_MAX + 1]; /* "JPY" */
	char zone[MKT_ZONE_MAX + 1];         /* "Asia/Tokyo": how people read windows */
	uint64_t time_ms;           /* of block 0 */
	uint8_t clock;              /* enum mkt_clock_kind */
	bool private_accounts;      /* account data only to signed reads (enforced by nodes) */
	uint32_t window_s;          /* 900, 1800 or 3600 */
	uint32_t opening_s;         /* bids are taken from window start - opening_s ... */
	uint32_t gate_s;            /* ... to window start - gate_s, that instant excluded */
	int32_t tick_upwh;
	int32_t price_min_upwh;     /* on the tick */
	int32_t price_max_upwh;
	uint32_t lot_wh;
	uint32_t deadline_s;        /* reports until window end + deadline_s */
	uint8_t unreported;         /* enum mkt_unreported */
	uint16_t collateral_bp;     /* a seller holds this many 1/10000 of price_max per Wh */
	int32_t imbalance_up_upwh;  /* who supplied too little pays this per Wh short */
	int32_t imbalance_down_upwh; /* who drew too little pays this per Wh */
	uint32_t interval_ms;       /* block interval */
	uint32_t heartbeat_s;       /* an empty block after this much quiet; 0: none */
	uint32_t block_txs;         /* 1..MKT_BLOCK_TXS_MAX */
	uint32_t validity_s;        /* how far ahead valid-until may be; <= MKT_VALIDITY_MAX_S */
	uint32_t retention_s;       /* contracts stay this long after their deadline; > 0 */
	struct mkt_pubkey operator_key;
	uint8_t nauthorities;
	struct mkt_pubkey authorities[MKT_AUTHORITIES_MAX];
	uint8_t quorum;             /* enum mkt_quorum_rule */
	struct mkt_class_limits limits[MKT_CLASS_COUNT];
	struct mkt_tag_table tags;  /* at start; owned */
};

/*
 * Fill with what `mkt init` uses unless told: JPY, Asia/Tokyo, 1800 s windows
 * open 7 days ahead until 5 minutes before start, tick 10 (0.01/kWh), 0..200
 * per kWh, lot 1 Wh, deadline 1 h, dimensions energy {brown, green} and market
 * {lvm, shvm}.  Keys and time are left zero.
 */
int mkt_genesis_default(struct mkt_genesis *g) MKT_MUST_CHECK;
void mkt_genesis_release(struct mkt_genesis *g);

/*
 * Every bound above and below, each fault with its own sentence (-MKT_EINVAL).
 * Tags of genesis have no members, and their fees go to the operator: no other
 * account exists yet.
 */
#define MKT_TIME_MS_MAX 253402300799999u /* the end of year 9999 */
#define MKT_SPAN_S_MAX 31622400u         /* opening, gate, deadline, retention: a leap year */
#define MKT_IMBALANCE_MAX 1000000000     /* 1,000 per Wh; charges of a contract fit money */
int mkt_genesis_check(const struct mkt_genesis *g, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Canonical bytes: u8 version, then the fields of struct mkt_genesis in order,
 * texts with a length byte, flags as u8; u8 number of authorities and their
 * keys; in version 2 u8 quorum rule; u8 number of classes and 4 x u32 each; u8
 * number of dimensions and mkt_tag_dim_enc() of each.  The version is 1 if the
 * quorum is a majority, else 2.
 */
void mkt_genesis_enc(const struct mkt_genesis *g, struct mkt_buf *out);
/*
 * Decode and check.  -MKT_EVERSION; -MKT_ETRUNCATED, -MKT_EOVERLONG,
 * -MKT_ENONCANONICAL; -MKT_EINVAL; -MKT_ENOMEM.  @g is written on success only.
 */
int mkt_genesis_dec(const void *p, size_t n, struct mkt_genesis *g, struct mkt_err *err)
	MKT_MUST_CHECK;

/* Copy with all that is owned.  -MKT_ENOMEM. */
int mkt_genesis_copy(struct mkt_genesis *to, const struct mkt_genesis *from) MKT_MUST_CHECK;

/* The chain's id: MKT_DOM_GENESIS over the canonical bytes. */
void mkt_genesis_id(const void *bytes, size_t n, struct mkt_hash *id);

const char *mkt_class_name(unsigned cls);   /* "household"; NULL if unknown */
int mkt_class_find(const char *name);       /* -1 if unknown */

#endif

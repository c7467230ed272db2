/*
 * Transactions: signed envelopes of 1..1000 operations.
 *
 * Envelope, canonical, little endian (mkt-protocol(7)):
 *
 *   u8  version = 1
 *   u8  flags            bit 0: all or nothing
 *   8   chain            first 8 bytes of the chain's id
 *   u32 account          number of the signer
 *   u64 valid_until      Unix seconds; taken while block time <= it
 *   16  request id
 *   u16 nops
 *   nops operations: u8 kind, u32 account it acts for, then by kind:
 *      1 BID       u8 side, u8 flags (bits 0..2 enum mkt_bid_flags, bit 3: until follows),
 *                  u32 amount_wh, [u64 until_s], u16 nlegs, nlegs x leg
 *                  leg: u32 window number (start / window_s), u8 n, n tag bytes (no trailing
 *                  zero), i32 price
 *      2 CANCEL    u8 what (0 one, 1 all, 2 window), u64 bid id | nothing | u32 window number
 *      3 REDUCE    u64 bid id, u32 left_wh
 *      4 REPORT    u64 exec id, u8 side (1 supply, 2 draw), u32 wh, text charger
 *      5 METER     u32 window number, u8 side, u32 wh, text charger: over the account's contracts
 *                  of the window in contract order
 *      6 TRANSFER  u32 to, i64 money (> 0), text note
 *      7 RETIRE    u64 exec id, text purpose
 *      8 DELEGATE  u32 to, u32 rights (bit k: operation kind k), u64 until_s (0: until revoked)
 *      9 REVOKE    u32 to
 *     operator only:
 *     16 ENROLL    32 key, u8 class, text name, u8 nchargers, nchargers x text; sets class, name
 *                  and chargers of an account that has the key already
 *     17 SUSPEND   u32 account, u8 on
 *     18 DEPOSIT   u32 account, i64 money (> 0), text note
 *     19 WITHDRAW  u32 account, i64 money (> 0), text note
 *     20 DIMENSION text dimension, text first value
 *     21 TAG       u8 dimension, text name, u8 flags (bit 0 direct, bit 1 closed), i32 fee,
 *                  u32 fee account
 *     22 MEMBER    u8 dimension, u8 value, u32 account, u8 in
 *     23 LIMITS    u8 class, 4 x u32 (struct mkt_class_limits)
 *     24 CLOCK     u64 time_ms; only alone in its envelope, only as first transaction of a block
 *     25 IMBALANCE i32 up, i32 down
 *     26 METEROP   u32 account, u32 meter operator, u8 on: may report for the account
 *     27 AUTHORITY u8 what (1 add, 2 remove), 32 key, text name, u32 generation of the set it
 *                  changes, u8 n (1..32), n x (u16 number in that set, ascending, 64 signature);
 *                  only alone in its envelope, only alone in its block (core/ledger/authorities.h)
 *   64  Ed25519 signature of "mkt:sign-tx:v1:\0" (16 bytes) and all bytes before it
 *
 * Numbers in brackets are present when a flag says so.  For operator operations
 * the "acts for" account is 0, and they do not stand in an all-or-nothing
 * envelope.  A bid is at most one of ioc, fok and post-only; its until is not 0.
 * Rights of a delegation are some of MKT_RIGHTS_ALL.  Chargers of an account are
 * not empty and differ.  Anything else is refused with a code of its own.
 *
 * The id of a transaction: its first 8 bytes are the first 8 of
 * MKT_DOM_REQUEST(u32 account || request id), the other 24 the first 24 of
 * MKT_DOM_TX(envelope).  One index of 8-byte prefixes thus finds a transaction
 * by id and by request id.
 */
#ifndef MKT_LEDGER_TX_H
#define MKT_LEDGER_TX_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/crypto/hash.h"
#include "core/crypto/sign.h"
#include "core/ledger/authorities.h"
#include "core/ledger/genesis.h"
#include "core/market/book.h"
#include "core/market/tag.h"

#define MKT_TX_VERSION 1
#define MKT_TX_ALL_OR_NOTHING (1 << 0)
#define MKT_TX_FIXED_BYTES (1 + 1 + 8 + 4 + 8 + 16 + 2)
#define MKT_REQUEST_LEN 16

enum mkt_op_kind {
	MKT_OP_BID = 1,
	MKT_OP_CANCEL = 2,
	MKT_OP_REDUCE = 3,
	MKT_OP_REPORT = 4,
	MKT_OP_METER = 5,
	MKT_OP_TRANSFER = 6,
	MKT_OP_RETIRE = 7,
	MKT_OP_DELEGATE = 8,
	MKT_OP_REVOKE = 9,
	MKT_OP_ENROLL = 16,
	MKT_OP_SUSPEND = 17,
	MKT_OP_DEPOSIT = 18,
	MKT_OP_WITHDRAW = 19,
	MKT_OP_DIMENSION = 20,
	MKT_OP_TAG = 21,
	MKT_OP_MEMBER = 22,
	MKT_OP_LIMITS = 23,
	MKT_OP_CLOCK = 24,
	MKT_OP_IMBALANCE = 25,
	MKT_OP_METEROP = 26,
	MKT_OP_AUTHORITY = 27,
};

#define MKT_OP_FIRST_OPERATOR MKT_OP_ENROLL /* kinds from here on are the operator's */

/* What may be delegated: bids, cancels, reduces, reports, metering, transfers, retiring. */
#define MKT_RIGHTS_ALL                                                                             \
	(1u << MKT_OP_BID | 1u << MKT_OP_CANCEL | 1u << MKT_OP_REDUCE | 1u << MKT_OP_REPORT |      \
	 1u << MKT_OP_METER | 1u << MKT_OP_TRANSFER | 1u << MKT_OP_RETIRE)

/* Flags of TAG. */
#define MKT_TAG_DIRECT (1 << 0)
#define MKT_TAG_CLOSED (1 << 1)

enum mkt_report_side { MKT_SUPPLY = 1, MKT_DRAW = 2 };
enum mkt_cancel_what { MKT_CANCEL_ONE = 0, MKT_CANCEL_ALL = 1, MKT_CANCEL_WINDOW = 2 };

#define MKT_BID_UNTIL (1 << 3) /* wire flag beside enum mkt_bid_flags */

/* A leg as people and the wire name it. */
struct mkt_bid_leg {
	uint32_t window;    /* number: start / window_s */
	int32_t price_upwh;
	mkt_tags tags;
};

struct mkt_op_bid {
	uint8_t side;
	uint8_t flags;
	uint16_t nlegs;
	uint32_t amount_wh;
	uint64_t until_s;   /* 0: none */
	uint32_t first_leg; /* legs are tx->legs[first_leg .. first_leg + nlegs) */
};

struct mkt_op_enroll {
	struct mkt_pubkey key;
	uint8_t cls;
	uint8_t nchargers;
	char name[MKT_NAME_MAX + 1];
	uint32_t chargers_at;  /* offset of the encoded chargers in the envelope */
	uint32_t chargers_len;
};

struct mkt_op_authority {
	struct mkt_authority_change change;
	uint8_t nsigs;
	uint32_t sigs_at; /* offset of the first (number, signature) in the envelope */
};

/* One decoded operation.  Texts are offsets into the envelope where they may be long. */
struct mkt_op {
	uint8_t kind;     /* enum mkt_op_kind */
	uint32_t account; /* acts for */
	union {
		struct mkt_op_bid bid;
		struct { uint8_t what; uint32_t window; uint64_t bid; } cancel;
		struct { uint64_t bid; uint32_t left_wh; } reduce;
		struct {
			uint64_t exec;
			uint32_t wh;
			uint8_t side;
			char charger[MKT_CHARGER_MAX + 1];
		} report;
		struct {
			uint32_t window;
			uint32_t wh;
			uint8_t side;
			char charger[MKT_CHARGER_MAX + 1];
		} meter;
		struct { uint32_t to; int64_t money_uc; } transfer; /* also deposit, withdraw */
		struct { uint64_t exec; } retire;
		struct {
			uint32_t to;
			uint32_t rights;
			uint64_t until_s;
		} delegate; /* also revoke */
		struct mkt_op_enroll enroll;
		struct { uint32_t account; uint8_t on; } suspend;
		struct { char dim[MKT_NAME_MAX + 1]; char first[MKT_NAME_MAX + 1]; } dimension;
		struct {
			uint8_t dim;
			uint8_t flags;
			int32_t fee_upwh;
			uint32_t fee_account;
			char name[MKT_NAME_MAX + 1];
		} tag;
		struct { uint8_t dim; uint8_t value; uint8_t in; uint32_t account; } member;
		struct { uint8_t cls; struct mkt_class_limits lim; } limits;
		struct { uint64_t time_ms; } clock;
		struct { int32_t up_upwh; int32_t down_upwh; } imbalance;
		struct { uint32_t account; uint32_t meter; uint8_t on; } meterop;
		struct mkt_op_authority authority;
	} u;
	uint32_t text_at;  /* note or purpose: offset in the envelope; 0 where the kind has none */
	uint8_t text_len;
};

/* A decoded envelope.  Arrays are owned and reused from one decode to the next. */
struct mkt_tx {
	uint8_t flags;
	uint32_t account;
	uint64_t valid_until_s;
	uint8_t request[MKT_REQUEST_LEN];
	uint16_t nops;
	struct mkt_op *ops;
	uint32_t nlegs;
	struct mkt_bid_leg *legs;
	struct mkt_hash id;
	const uint8_t *raw;  /* the envelope, borrowed from the caller of mkt_tx_dec() */
	uint32_t raw_len;
	uint32_t ops_cap;
	uint32_t legs_cap;
};

#define MKT_TX_INIT {0}

void mkt_tx_release(struct mkt_tx *tx);

/*
 * Decode and check form: version, chain (@chain: the chain's id), counts,
 * canonical order of bytes, text.  Signature, account and limits that depend on
 * the state are not looked at.  @p must live as long as @tx is used.
 * Errors: ETRUNCATED EOVERLONG ENONCANONICAL EVERSION ECHAIN EOPCODE EOPCOUNT ELEGS ENOMEM,
 * each with a sentence that names the operation and leg.  @tx is then empty.
 */
int mkt_tx_dec(const void *p, size_t n, const struct mkt_hash *chain, struct mkt_tx *tx,
	       struct mkt_err *err) MKT_MUST_CHECK;

/* True if the envelope's signature is @key's.  Thread-safe. */
bool mkt_tx_sig_ok(const void *p, size_t n, const struct mkt_pubkey *key) MKT_MUST_CHECK;

/* Account and request id of an envelope without decoding it; -MKT_ETRUNCATED. */
int mkt_tx_peek(const void *p, size_t n, uint32_t *account, const uint8_t **request) MKT_MUST_CHECK;

/* The id as told above. */
void mkt_tx_id(const void *p, size_t n, struct mkt_hash *id);
/* Its first 8 bytes from account and request id alone. */
void mkt_tx_id_prefix(uint32_t account, const uint8_t request[MKT_REQUEST_LEN], uint8_t prefix[8]);

/*
 * Build an envelope: begin, any number of operations, end.  Operations whose
 * texts are offsets take the texts as arguments here.
 */
struct mkt_tx_build {
	struct mkt_buf buf;
	uint32_t nops;
	bool overlong; /* a text or list did not fit its count */
};

#define MKT_TX_BUILD_INIT {MKT_BUF_INIT, 0, false}

struct mkt_tx_head {
	uint8_t flags;
	struct mkt_hash chain;
	uint32_t account;
	uint64_t valid_until_s;
	uint8_t request[MKT_REQUEST_LEN];
};

void mkt_tx_begin(struct mkt_tx_build *t, const struct mkt_tx_head *head);
/*
 * @legs: op->u.bid.nlegs legs, for BID (first_leg is not looked at).  @text: for
 * TRANSFER, DEPOSIT, WITHDRAW the note and for RETIRE the purpose, a string (NULL:
 * empty; text_at and text_len are not looked at); for ENROLL u.enroll.nchargers
 * texts as mkt_enc_text() writes them, u.enroll.chargers_len bytes in all; for AUTHORITY
 * u.authority.nsigs signatures of MKT_COSIGN_LEN bytes.
 * Values are written as given: mkt_tx_dec() is what checks them.
 */
void mkt_tx_add(struct mkt_tx_build *t, const struct mkt_op *op, const struct mkt_bid_leg *legs,
		const char *text);
/* Sign and close.  -MKT_ENOMEM, -MKT_EOPCOUNT, -MKT_EOVERLONG.  The envelope is t->buf. */
int mkt_tx_end(struct mkt_tx_build *t, const struct mkt_seckey *key, struct mkt_err *err)
	MKT_MUST_CHECK;
void mkt_tx_build_release(struct mkt_tx_build *t);

const char *mkt_op_name(unsigned kind); /* "bid"; NULL if unknown */

#endif

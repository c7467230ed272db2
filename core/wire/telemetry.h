/*
 * Telemetry: what a charger or battery does now, signed, off the chain.
 *
 * Whoever drives a device says it of a charger id that is enrolled for an
 * account; ledgerd keeps the latest state of each and no history
 * (mkt-api(7)), and anyone can check the signature.  Canonical, little endian
 * (mkt-protocol(7)):
 *
 *   u8  version = 1
 *   8   chain         first 8 bytes of the chain's id
 *   u32 account       whose charger it is
 *   u32 signer        the account itself, or one that may report for it
 *   u64 time_ms       chain time in ms: later for every state of a charger
 *   text charger      1..31 bytes
 *   text kind         word of what it is, as mkt_dev_kind_word(): a-z A-Z 0-9 -, 1..15 bytes
 *   text state        word of how it is, as mkt_dev_state_word(), likewise
 *   text vehicle      word, likewise, or empty: not told
 *   u8  fields        enum mkt_telemetry_field: which of these follow, in this order
 *   [i32 power_w] [u32 limit_ma] [i32 limit_w] [u64 import_wh] [u64 export_wh]
 *   [u16 soc, permille, up to 1000]
 *   [u32 window number, u8 side (1 supply, 2 draw), u32 contracted_wh, u32 moved_wh]
 *   text reason       up to 255 bytes: why it does what it does, in words
 *   64  Ed25519 signature of "mkt:sign-ts:v1:\0" (16 bytes) and all bytes before it
 *
 * Counters are at most 2^53 - 1.  Anything else is refused.
 */
#ifndef MKT_WIRE_TELEMETRY_H
#define MKT_WIRE_TELEMETRY_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/crypto/hash.h"
#include "core/crypto/sign.h"
#include "core/wire/api.h"

#define MKT_TELEMETRY_VERSION 1
#define MKT_TELEMETRY_WORD_MAX 15
#define MKT_TELEMETRY_BYTES_MAX 512 /* no state is longer */
#define MKT_TELEMETRY_WH_MAX ((UINT64_C(1) << 53) - 1)

enum mkt_telemetry_field {
	MKT_TM_POWER = 1 << 0,
	MKT_TM_LIMIT_MA = 1 << 1,
	MKT_TM_LIMIT_W = 1 << 2,
	MKT_TM_IMPORT = 1 << 3,
	MKT_TM_EXPORT = 1 << 4,
	MKT_TM_SOC = 1 << 5,
	MKT_TM_CONTRACT = 1 << 6,
	MKT_TM_ALL = (1 << 7) - 1
};

struct mkt_telemetry {
	struct mkt_hash chain; /* the first 8 bytes; the rest is not looked at */
	uint32_t account, signer;
	uint64_t time_ms;
	char charger[MKT_CHARGER_MAX + 1];
	char kind[MKT_TELEMETRY_WORD_MAX + 1];
	char state[MKT_TELEMETRY_WORD_MAX + 1];
	char vehicle[MKT_TELEMETRY_WORD_MAX + 1];
	uint8_t fields;	    /* which of the following are told; the others are 0 */
	int32_t power_w;    /* drawn positive, supplied negative */
	uint32_t limit_ma;  /* per phase, in force; 0: paused */
	int32_t limit_w;    /* set-point in force */
	uint64_t import_wh; /* the device's counters */
	uint64_t export_wh;
	uint16_t soc;	    /* permille */
	uint32_t window;    /* contract window being served: start / window_s */
	uint8_t side;	    /* enum mkt_report_side */
	uint32_t contracted_wh, moved_wh; /* in that window */
	char reason[MKT_TEXT_MAX + 1];
};

/*
 * Append the signed bytes of @t.  -MKT_EINVAL names what mkt_telemetry_dec()
 * would refuse; -MKT_ENOMEM.
 */
int mkt_telemetry_enc(const struct mkt_telemetry *t, const struct mkt_seckey *key,
		      struct mkt_buf *out, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Decode and check the form; @chain NULL: any chain.  The signature is not
 * looked at.  -MKT_ETRUNCATED, -MKT_EOVERLONG, -MKT_ENONCANONICAL, -MKT_EVERSION,
 * -MKT_ECHAIN; *@out is then of no use.
 */
int mkt_telemetry_dec(const void *p, size_t n, const struct mkt_hash *chain,
		      struct mkt_telemetry *out, struct mkt_err *err) MKT_MUST_CHECK;

/* True if the signature of these bytes is @key's.  Thread-safe. */
bool mkt_telemetry_sig_ok(const void *p, size_t n, const struct mkt_pubkey *key) MKT_MUST_CHECK;

/* ---- calls to ledgerd ----------------------------------------------------------------------- */

/*
 * Post states, framed with mkt_api_frame(); one receipt for each, in their
 * order, is a.data, for mkt_telemetry_receipt().  A lost answer is asked for
 * again: the same state twice is no harm.
 */
int mkt_api_publish(struct mkt_client *c, const struct mkt_buf *body, struct mkt_answer *a,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* Why state @i of a.data was refused: 0 it is held, else *@why and its negative code. */
int mkt_telemetry_receipt(const struct mkt_answer *a, size_t i, struct mkt_err *why) MKT_MUST_CHECK;

/* A held state as GET /v1/telemetry tells it. */
struct mkt_telemetry_row {
	struct mkt_telemetry t;
	char account_name[MKT_NAME_MAX + 1], signer_name[MKT_NAME_MAX + 1];
	uint64_t age_ms;			 /* at the node when it answered */
	uint8_t bytes[MKT_TELEMETRY_BYTES_MAX]; /* as signed */
	size_t nbytes;
};

/* Read one element of a.data of GET /v1/telemetry. */
int mkt_telemetry_read(const struct mkt_jval *at, struct mkt_telemetry_row *out,
		       struct mkt_err *err) MKT_MUST_CHECK;

#endif

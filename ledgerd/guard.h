/*
 * What keeps a node alive: rates of accounts and readers, watermarks of the
 * disk, counters for metrics.
 *
 * Rates are token buckets of one minute's worth; the limits come from the chain
 * (mkt_state_limits), 0 is unlimited.  Time is the chain's for transactions (an
 * operator's clock runs faster than ours) and the monotonic clock for reads.
 * All calls are thread-safe.
 */
#ifndef LEDGERD_GUARD_H
#define LEDGERD_GUARD_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/err.h"
#include "core/ledger/genesis.h"

#define LD_PEERS_MAX 1024 /* addresses whose reads are counted; the longest idle makes room */
#define LD_STREAM_HELD_BYTES (16u << 20) /* of blocks, by all streams together */
#define LD_NONCES 262144u /* of signed reads that are remembered: 2,000 a second */

struct ld_bucket {
	uint64_t level; /* 1/60000 of a token */
	uint64_t last_ms;
	uint32_t limit; /* per minute, when it was last used; 0: never */
};

struct ld_rate {
	uint32_t limit, left; /* limit 0: unlimited */
	uint32_t reset_s;     /* until full again */
	uint32_t retry_s;     /* until one more is allowed; 0: now */
};

/* Who reads: the account that signed, else an address. */
struct ld_who {
	bool signed_by;
	uint32_t account;
	uint8_t addr[16];
};

struct ld_quota { /* of an account */
	struct ld_bucket tx, reads, rows;
};

struct ld_nonce {
	uint64_t tag, until_ms; /* UTC */
};

struct ld_peer {
	uint8_t addr[16];
	uint64_t used_ms;
	struct ld_bucket reads, rows;
};

struct ld_guard {
	pthread_mutex_t mu;
	struct ld_quota *accounts; /* by number; owned */
	uint32_t naccounts;
	struct ld_peer *peers; /* LD_PEERS_MAX; owned */
	uint32_t npeers;
	struct ld_nonce *nonces; /* LD_NONCES; owned */
	uint64_t nonce_seed[2];
	/* disk, by the ticker */
	_Atomic uint64_t free_bytes;
	atomic_bool alarm, refuse;
	_Atomic uint64_t days_left; /* see ledgerd/disk.h; UINT64_MAX: no growth */
	/* metrics */
	_Atomic size_t held; /* by streams */
	_Atomic uint64_t requests, errors, limited, streams, connections;
};

int ld_guard_init(struct ld_guard *g) MKT_MUST_CHECK;
void ld_guard_release(struct ld_guard *g);

/* Take @n tokens of a bucket; false and nothing taken if they are not there.  @out may be NULL. */
bool ld_bucket_take(struct ld_bucket *b, uint32_t limit, uint32_t n, uint64_t now_ms,
		    struct ld_rate *out);

/* One transaction of @account, whose class allows @limit a minute. */
bool ld_guard_tx(struct ld_guard *g, uint32_t account, uint32_t limit, uint64_t now_ms);

/* How it stands, without taking any. */
void ld_guard_tx_rate(struct ld_guard *g, uint32_t account, uint32_t limit, uint64_t now_ms,
		      struct ld_rate *out);

/*
 * One read under @lim, if one read and one row are left; @look: without taking any.  Rows
 * that were given out beyond the first are taken after, and the next reads wait for them.
 * @out tells of reads, or of rows when those are what is missing.
 */
bool ld_guard_read(struct ld_guard *g, const struct ld_who *who, const struct mkt_class_limits *lim,
		   bool look, uint64_t now_ms, struct ld_rate *out);
void ld_guard_rows(struct ld_guard *g, const struct ld_who *who, uint32_t limit, uint32_t rows,
		   uint64_t now_ms);

/* How the reads of @who stand, without taking any. */
void ld_guard_look(struct ld_guard *g, const struct ld_who *who, const struct mkt_class_limits *lim,
		   uint64_t now_ms, struct ld_rate *reads, struct ld_rate *rows);

/*
 * Remember the nonce of a signed read until @until_ms.  0: it is new; -MKT_ECONFLICT: it was
 * used; -MKT_EBUSY: there is no room until others are forgotten.
 */
int ld_guard_nonce(struct ld_guard *g, uint32_t account, const uint8_t nonce[16], uint64_t until_ms,
		   uint64_t now_ms) MKT_MUST_CHECK;

/*
 * What streams hold between two calls, blocks that are given out in part, counts in one
 * sum: @now bytes instead of @before.  False: the sum is above LD_STREAM_HELD_BYTES, and
 * the stream should let go of its block and open it again when its reader goes on.
 */
bool ld_guard_hold(struct ld_guard *g, size_t before, size_t now);

/* One of @max slots for streams, to be given back by ld_guard_stream_end().  -MKT_EBUSY. */
int ld_guard_stream(struct ld_guard *g, uint32_t max, struct mkt_err *err) MKT_MUST_CHECK;
void ld_guard_stream_end(struct ld_guard *g);

/* Compare the free space with the watermarks. */
void ld_guard_free(struct ld_guard *g, uint64_t free_bytes, uint64_t alarm, uint64_t refuse);

#endif

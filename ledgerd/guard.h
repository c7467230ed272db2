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

#define LD_PEERS_MAX 1024  /* addresses whose reads are counted; the longest idle makes room */
#define LD_STREAMS_MAX 256 /* streams at once; each may hold one block open */

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

struct ld_peer {
	uint8_t addr[16];
	uint64_t used_ms;
	struct ld_bucket reads, rows;
};

struct ld_guard {
	pthread_mutex_t mu;
	struct ld_bucket *accounts; /* by number; owned */
	uint32_t naccounts;
	struct ld_peer *peers; /* LD_PEERS_MAX; owned */
	uint32_t npeers;
	/* disk, by the ticker */
	_Atomic uint64_t free_bytes;
	atomic_bool alarm, refuse;
	_Atomic uint64_t days_left; /* see ledgerd/disk.h; UINT64_MAX: no growth */
	/* metrics */
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

/* One read of a peer; and the rows it was given, which the next reads wait for. */
bool ld_guard_read(struct ld_guard *g, const uint8_t addr[16], uint32_t reads, uint32_t rows,
		   uint64_t now_ms, struct ld_rate *out);
void ld_guard_rows(struct ld_guard *g, const uint8_t addr[16], uint32_t limit, uint32_t rows,
		   uint64_t now_ms);

/* How the reads of a peer stand under the limits given in @reads->limit and @rows->limit. */
void ld_guard_peer(struct ld_guard *g, const uint8_t addr[16], uint64_t now_ms,
		   struct ld_rate *reads, struct ld_rate *rows);

/* A slot for a stream, to be given back by ld_guard_stream_end().  -MKT_EBUSY: all are taken. */
int ld_guard_stream(struct ld_guard *g, struct mkt_err *err) MKT_MUST_CHECK;
void ld_guard_stream_end(struct ld_guard *g);

/* Compare the free space with the watermarks. */
void ld_guard_free(struct ld_guard *g, uint64_t free_bytes, uint64_t alarm, uint64_t refuse);

#endif

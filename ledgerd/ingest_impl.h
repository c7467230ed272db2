/*
 * What the two halves of ingest share: ingest_fetch.c fills pages, ingest.c checks,
 * executes and hands them over.
 *
 * Whom to believe: a block that has the votes of the set in force and comes out
 * differently here is a fault of the authorities, and the node grows no more.  One
 * without them, or whose body is not that of its header, says nothing of the chain: its
 * upstream lies, and the next one is asked.
 */
#ifndef LEDGERD_INGEST_IMPL_H
#define LEDGERD_INGEST_IMPL_H

#include "core/app/par.h"
#include "core/chain/verify.h"
#include "core/wire/client.h"
#include "ledgerd/ingest.h"
#include "ledgerd/node.h"

#define LD_PAGE_BLOCKS 256u
#define LD_PAGE_TXS 4096u	 /* 80 ms of two cores */
#define LD_PAGE_BYTES (8u << 20) /* and one block more */
#define LD_PAGES 3u		 /* filled, checked, executed */
#define LD_JOB_TXS 32u		 /* of a small block: short jobs end together ... */
#define LD_JOBS_A_BLOCK 64u	 /* ... but each walks its block from the start */
#define LD_JOBS_MAX (LD_PAGE_BLOCKS * 2 + LD_PAGE_TXS / LD_JOB_TXS + LD_JOBS_A_BLOCK)
#define LD_UPSTREAMS_MAX 32u
#define LD_STALL_MS (LD_POLL_MS + 2500u) /* without a byte from an upstream: it is given up */

/* A part of a block: with no transactions, its votes and roots. */
struct ld_job {
	uint32_t block, first, n;
};

struct ld_page {
	struct ld_page *next;
	uint32_t n, njobs, ntxs;
	size_t nbytes;
	struct mkt_buf bytes[LD_PAGE_BLOCKS];
	struct mkt_block b[LD_PAGE_BLOCKS];
	struct mkt_hash *ids[LD_PAGE_BLOCKS]; /* of transactions; owned */
	struct ld_job jobs[LD_JOBS_MAX];
	/* By the jobs: what is not true is looked at again when it is the block's turn. */
	struct mkt_authorities set; /* taken to be in force */
	atomic_bool head_ok[LD_PAGE_BLOCKS], roots_ok[LD_PAGE_BLOCKS], txs_bad[LD_PAGE_BLOCKS];
};

struct ld_ingest {
	struct ld_node *n;
	const char *urls[LD_UPSTREAMS_MAX];
	unsigned nurls;
	char *texts;	/* of @urls */
	uint64_t until; /* UINT64_MAX: for ever */

	pthread_mutex_t mu;
	pthread_cond_t changed; /* any of the following */
	struct ld_page *free, *ready_head, *ready_tail;
	bool hungry;	  /* nothing is left to be done: hand over what is there */
	atomic_bool stop; /* the end */
	bool out;	  /* no upstream has what is wanted (@until only) */
	bool poked;
	atomic_uint round;  /* moves when an upstream lied: what is fetched is void */
	uint64_t next;	    /* height to be fetched */
	uint64_t byte_ms;   /* monotonic: when the last byte came; 0: none is waited for */
	struct mkt_err why; /* of @out */
	struct ld_ingest_numbers numbers;

	volatile sig_atomic_t cancel; /* of the transfer under way */

	/* Of the executing thread. */
	struct ld_page pages[LD_PAGES];
	struct ld_page *checking;
	struct mkt_par *par;
	struct mkt_verify_prev prev;
	struct ld_block *burst_head, *burst_tail; /* executed, not yet handed over */
	uint32_t burst;
	size_t burst_bytes;
	struct mkt_pubkey *keys; /* of the accounts; grows while nothing is checked */
	uint32_t nkeys;
	atomic_bool alarmed; /* an upstream lied, and nothing right has come since */

	pthread_t fetcher, executor;
	bool fetching, executing; /* threads that were started */
};

/* Has the transfer to end? */
static inline void ld_ingest_cancel(struct ld_ingest *in, bool yes)
{
	__atomic_store_n(&in->cancel, yes, __ATOMIC_RELAXED);
}

/* The thread that fetches; argument: struct ld_ingest. */
void *ld_fetch_main(void *arg);

/* The upstream in use is not to be believed: tell it. */
void ld_ingest_tell_lie(struct ld_ingest *in, const struct mkt_err *err);

/* A client for @url with this node's certificates; @stop as in mkt_client_conf. */
int ld_upstream_client(const struct ld_conf *conf, const char *url,
		       const volatile sig_atomic_t *stop, struct mkt_client **out,
		       struct mkt_err *err) MKT_MUST_CHECK;

/* What an upstream says of itself. */
struct ld_upstream_status {
	struct mkt_hash chain;
	uint64_t height;
};
int ld_upstream_ask(struct mkt_client *c, struct ld_upstream_status *out,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* "a b c" apart; *texts is the storage.  -MKT_ENOMEM, -MKT_EINVAL: none, or too many. */
int ld_upstream_split(const char *list, const char *urls[LD_UPSTREAMS_MAX], unsigned *n,
		      char **texts, struct mkt_err *err) MKT_MUST_CHECK;

#endif

/*
 * etcd through its /v3 JSON gateway: transactions, one watch, one lease.
 *
 * One thread owns a client and drives it: mkt_etcd_step() waits for what comes
 * first and calls back.  The callbacks may start transactions; they must not step,
 * leave or free.  Keys here are those below the prefix ("ep", "a/7/1/alpha"); the
 * client puts the prefix in front and takes it away again.
 *
 * A transaction is sent once and answered once.  One that is not answered in
 * `request_ms` is UNKNOWN and the next goes to the next endpoint; members hold
 * requests during an election, so the time is short and the caller asks again with
 * the same transaction.  REFUSED is said only of what surely was not done: nothing
 * was sent, or etcd names a reason that it finds before anything is applied (no space,
 * a lease that is gone, no permission).  Tokens (when a user is given) are fetched
 * anew when they have expired; the transaction waits for that.
 *
 * The watch delivers every change below the prefix in order of revisions, behind one
 * reading of the whole prefix at the start.  After a broken connection it goes on behind
 * the last revision seen.  When that revision is compacted it reads the whole prefix
 * again: nothing is skipped that still stands, but deletions in the gap are not told.  A
 * change may be delivered twice, with the same revision.
 *
 * The lease is granted at the first step and kept alive at a third of its time.  Puts with
 * `leased` before it is granted are REFUSED.  If it is lost another is granted, and told:
 * what was put with the old one is gone, or will be.
 *
 * Answers are untrusted: bounded (MKT_ETCD_ANSWER_MAX), parsed with the limits of
 * core/codec/json.h; keys that were not asked for are refused, and such an answer is
 * UNKNOWN.  Every answer names the cluster; one of another cluster than the first (or
 * than conf.cluster) is an error (-MKT_EFOREIGN) for ever, and nothing more is sent.
 *
 * Source: etcd 3.4 and 3.5 documentation of the gRPC gateway; ledger-engine
 * sections 3 and 5.4.
 */
#ifndef MKT_WIRE_ETCD_H
#define MKT_WIRE_ETCD_H

#include "core/base/err.h"
#include "core/quorum/kv.h"
#include "core/wire/tls.h"

#define MKT_ETCD_ENDPOINTS_MAX 9
#define MKT_ETCD_TXNS_MAX 64 /* under way at once */
#define MKT_ETCD_ANSWER_MAX (4u << 20)

struct mkt_etcd_conf {
	const char *endpoints; /* "https://10.0.0.1:2379 https://10.0.0.2:2379" */
	const char *prefix;    /* "/L/<chain>/"; at most 64 bytes */
	struct mkt_tls tls;
	const char *user, *password; /* NULL: none */
	uint32_t request_ms;	     /* 0: 400 */
	uint32_t lease_s;	     /* 0: 3 */
	uint64_t cluster;	     /* expected; 0: that of the first answer */
};

struct mkt_etcd_calls {
	/* A transaction's answer, or UNKNOWN, or REFUSED.  Pairs live until return. */
	void (*answer)(void *ctx, uint32_t txn_id, const struct mkt_kv_answer *a);
	/* A change, or (at the start, and after a gap) a pair as it stands.  Lives until return. */
	void (*seen)(void *ctx, const struct mkt_kv_pair *p);
	/* No endpoint answers (true), or one does again (false).  @why: the last failure. */
	void (*lost)(void *ctx, bool lost, const char *why);
	/* A lease was granted: the first, or one after the last was lost. */
	void (*leased)(void *ctx);
	void *ctx;
};

struct mkt_etcd;

/* Connects nothing yet.  @conf and @calls are copied.  -MKT_EUSAGE; -MKT_ENOMEM. */
int mkt_etcd_new(const struct mkt_etcd_conf *conf, const struct mkt_etcd_calls *calls,
		 struct mkt_etcd **out, struct mkt_err *err) MKT_MUST_CHECK;
void mkt_etcd_free(struct mkt_etcd *e);

/*
 * Start a transaction; @t is encoded before this returns.  -MKT_EBUSY: MKT_ETCD_TXNS_MAX
 * are under way; -MKT_EFOREIGN; -MKT_ENOMEM.  Then it will not be answered.
 */
int mkt_etcd_txn(struct mkt_etcd *e, uint32_t txn_id, const struct mkt_kv_txn *t,
		 struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Drive all transfers.  Returns 0 after callbacks were made, at @until_ms (monotonic),
 * or after mkt_etcd_wake().  Keeps lease and watch alive, so it must be called without
 * pauses.  -MKT_EFOREIGN: another cluster answers; -MKT_ENOMEM.
 */
int mkt_etcd_step(struct mkt_etcd *e, uint64_t until_ms, struct mkt_err *err) MKT_MUST_CHECK;

/* Make mkt_etcd_step() return, now or when it is next called.  From any thread. */
void mkt_etcd_wake(struct mkt_etcd *e);

/*
 * At the end of an orderly stop: give the lease back, so that the others need not wait
 * for its time; until @until_ms at the latest.  No callbacks.  Only free comes after.
 */
void mkt_etcd_leave(struct mkt_etcd *e, uint64_t until_ms);

uint64_t mkt_etcd_cluster(const struct mkt_etcd *e); /* 0: no answer yet */

#endif

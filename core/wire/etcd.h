/*
 * etcd through its /v3 JSON gateway: transactions, one watch, one lease.
 *
 * One thread owns a client and drives it: mkt_etcd_step() waits for what comes
 * first and calls back.  Any number of transactions may be under way.  Requests
 * that are not answered in `request_ms` are UNKNOWN and the next goes to the next
 * endpoint; members hold requests during an election, so the time is short and
 * the core asks again.  Tokens (when a user is given) are fetched anew when they
 * have expired.
 *
 * The watch delivers every change below the prefix from a revision on; when that
 * revision is compacted, or the connection breaks, it tells so (LOST), reads the
 * prefix again and goes on: nothing is skipped that still stands.
 *
 * Answers are untrusted: bounded (MKT_ETCD_ANSWER_MAX), parsed with the limits of
 * core/codec/json.h, keys outside the prefix refused.  Every answer names the
 * cluster; one of another cluster than the first is an error (EFOREIGN) for ever.
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
#define MKT_ETCD_ANSWER_MAX (4u << 20)

struct mkt_etcd_conf {
	const char *endpoints; /* "https://10.0.0.1:2379 https://10.0.0.2:2379" */
	const char *prefix;    /* "/L/<chain>/" */
	struct mkt_tls tls;
	const char *user, *password; /* NULL: none */
	uint32_t request_ms;	     /* 0: 400 */
	uint32_t lease_s;	     /* 0: 3 */
	uint64_t cluster;	     /* expected; 0: that of the first answer */
};

struct mkt_etcd_calls {
	/* A transaction's answer, or UNKNOWN, or REFUSED.  Pairs live until return. */
	void (*answer)(void *ctx, uint32_t txn_id, const struct mkt_kv_answer *a);
	/* A change, or (after a loss) a pair as it stands. */
	void (*seen)(void *ctx, const struct mkt_kv_pair *p);
	/* No endpoint answers (true), or one does again (false). */
	void (*lost)(void *ctx, bool lost, const char *why);
	void *ctx;
};

struct mkt_etcd;

/* Connects nothing yet.  @conf and @calls are copied.  -MKT_EUSAGE; -MKT_ENOMEM. */
int mkt_etcd_new(const struct mkt_etcd_conf *conf, const struct mkt_etcd_calls *calls,
		 struct mkt_etcd **out, struct mkt_err *err) MKT_MUST_CHECK;
void mkt_etcd_free(struct mkt_etcd *e);

/* Start a transaction; @t is encoded before this returns.  -MKT_EBUSY: 64 are under way. */
int mkt_etcd_txn(struct mkt_etcd *e, uint32_t txn_id, const struct mkt_kv_txn *t,
		 struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Drive all transfers until @until_ms (monotonic) or mkt_etcd_wake().  Keeps lease and
 * watch alive.  -MKT_EINTEGRITY: a foreign cluster answers; nothing more is sent.
 */
int mkt_etcd_step(struct mkt_etcd *e, uint64_t until_ms, struct mkt_err *err) MKT_MUST_CHECK;

/* Make mkt_etcd_step() return.  From any thread. */
void mkt_etcd_wake(struct mkt_etcd *e);

uint64_t mkt_etcd_cluster(const struct mkt_etcd *e); /* 0: no answer yet */

#endif

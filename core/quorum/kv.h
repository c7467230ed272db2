/*
 * What the protocol of several authorities needs of a store that all of them
 * share: transactions of compares and operations on keys, revisions, watches,
 * leases.  etcd gives it (core/wire/etcd.h); the simulator of the tests too.
 *
 * Keys are short texts below one prefix, values bytes of at most MKT_KV_VALUE_MAX.
 * Nothing read from the store is trusted: whoever reads checks signatures.
 *
 * Source: ledger-engine protocol section 5.1, 5.2; etcd's /v3/kv/txn.
 */
#ifndef MKT_QUORUM_KV_H
#define MKT_QUORUM_KV_H

#include "core/base/buf.h"
#include "core/base/err.h"

#define MKT_KV_KEY_MAX 127
#define MKT_KV_VALUE_MAX 8192 /* a header, a certificate of 32 votes and addresses */
#define MKT_KV_CMPS_MAX 4
#define MKT_KV_OPS_MAX 8
#define MKT_KV_PAIRS_MAX 512 /* of one answer: proposals and votes of some epochs at one height */

enum mkt_kv_cmp_kind {
	MKT_KV_MOD,    /* mod revision equals @rev; 0: the key is absent */
	MKT_KV_ABSENT, /* never made, or deleted */
};

struct mkt_kv_cmp {
	uint8_t kind;
	uint64_t rev;
	char key[MKT_KV_KEY_MAX + 1];
};

enum mkt_kv_op_kind {
	MKT_KV_GET,    /* one key */
	MKT_KV_PREFIX, /* all keys that begin with it */
	MKT_KV_PUT,
	MKT_KV_DELETE,	     /* one key */
	MKT_KV_DELETE_RANGE, /* keys from @key up to, not including, @end */
};

struct mkt_kv_op {
	uint8_t kind;
	bool leased; /* PUT: goes with this node's lease */
	char key[MKT_KV_KEY_MAX + 1];
	char end[MKT_KV_KEY_MAX + 1];
	uint16_t len;
	uint8_t value[MKT_KV_VALUE_MAX];
};

/* If all compares hold then @then, else @els; both in one step that nothing comes between. */
struct mkt_kv_txn {
	uint8_t ncmps, nthen, nels;
	struct mkt_kv_cmp cmp[MKT_KV_CMPS_MAX];
	struct mkt_kv_op then[MKT_KV_OPS_MAX], els[MKT_KV_OPS_MAX];
};

struct mkt_kv_pair {
	const char *key; /* below the prefix; in the answer's buffer */
	const uint8_t *value;
	uint32_t len;
	uint64_t mod; /* revision of its last change */
	bool deleted; /* in a watch */
};

enum mkt_kv_outcome {
	MKT_KV_DONE,	/* compares held; @then was done */
	MKT_KV_ELSE,	/* a compare failed; @els was done */
	MKT_KV_UNKNOWN, /* no answer, or one that does not tell: it may have been done */
	MKT_KV_REFUSED, /* it surely did nothing: no quorum of its own, no space */
};

struct mkt_kv_answer {
	uint8_t outcome;
	uint64_t cluster;  /* who answered; 0: not told */
	uint64_t revision; /* of the store after it: the mod revision of what it put */
	uint32_t npairs;   /* of all gets, in order of the operations, keys ascending in each */
	struct mkt_kv_pair pairs[MKT_KV_PAIRS_MAX];
};

#endif

/*
 * A store as etcd is one, in memory: transactions one after the other, revisions, all versions
 * of all keys (so that a read may be an old one), keys that go with a lease, and the log of
 * changes that watches are made of.  It can be set back to an earlier revision.
 */
#ifndef MKT_TESTS_SIM_KV_H
#define MKT_TESTS_SIM_KV_H

#include "core/quorum/kv.h"

struct sim_version {
	uint64_t mod;
	const uint8_t *value;
	uint32_t len;
	int lease; /* node, -1 */
	bool deleted;
};

struct sim_key {
	char key[MKT_KV_KEY_MAX + 1];
	uint32_t n, cap;
	struct sim_version *v;
};

struct sim_change {
	struct sim_key *key;
	uint32_t version;
	uint64_t mod;
};

struct sim_kv {
	uint64_t revision, cluster;
	uint32_t nkeys, keys_cap, nlog, log_cap;
	struct sim_key **keys; /* sorted */
	struct sim_change *log;
};

void sim_kv_reset(struct sim_kv *kv, uint64_t cluster);
/* Memory until the next reset. */
void *sim_kv_alloc(size_t n);

/* The pair as it stands; false: absent. */
bool sim_kv_get(const struct sim_kv *kv, const char *key, struct mkt_kv_pair *out);

/* Run @t, its leased keys with @lease.  Gets see revision @at; 0: now. */
void sim_kv_run(struct sim_kv *kv, const struct mkt_kv_txn *t, int lease, uint64_t at,
		struct mkt_kv_answer *a);

/* @lease is over. */
void sim_kv_expire(struct sim_kv *kv, int lease);

/* As it was at @revision. */
void sim_kv_rollback(struct sim_kv *kv, uint64_t revision);

void sim_kv_pair(const struct sim_change *c, struct mkt_kv_pair *out);

#endif

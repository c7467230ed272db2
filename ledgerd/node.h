/*
 * One node of a chain: the chain on disk, the running state, the pipeline that
 * feeds it, and those who wait.  Role solo: takes, orders, seals and serves.
 *
 * Reading the state: ld_node_read(), copy out what is needed, ld_node_unread().
 * Writers are preferred and wait for the readers, so a reader copies a page and
 * formats after; it never takes the lock twice.
 */
#ifndef LEDGERD_NODE_H
#define LEDGERD_NODE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/version.h"
#include "core/chain/chain.h"
#include "core/crypto/sign.h"
#include "ledgerd/conf.h"
#include "ledgerd/guard.h"
#include "ledgerd/hub.h"
#include "ledgerd/pipe.h"

struct ld_alarms;
struct ld_api_cache;
struct ld_engine;
struct ld_ingest;
struct ld_keeper;
struct ld_telemetry;

struct ld_node {
	const struct ld_conf *conf;
	struct mkt_chain *chain;
	struct mkt_state *state; /* of @chain */
	const struct mkt_genesis *g;
	struct mkt_hash chain_id;
	struct mkt_seckey key;
	struct mkt_pubkey pub;	  /* of @key */
	pthread_rwlock_t lock;	  /* of @state */
	_Atomic uint64_t version; /* moves whenever the state has changed */
	struct ld_pipe *pipe;
	struct ld_engine *engine; /* NULL: this node seals alone, or not at all */
	struct ld_ingest *ingest; /* of a fullnode; NULL: this node follows nobody */
	struct ld_hub hub;
	struct ld_guard guard;
	struct ld_keeper *keeper; /* snapshot and archive */
	struct ld_alarms *alarms; /* what needs a person (alarm.h) */
	struct ld_api_cache *cache; /* formatted answers (api_market.c) */
	struct ld_telemetry *telemetry; /* latest states of chargers */
	uint64_t started_ms;	    /* monotonic */
	pthread_t ticker;
	bool ticking;
	atomic_bool stopping;
};

/*
 * Open the chain of @conf (recovering what a crash left), check that the key
 * may seal it, and start the pipeline.  @conf is borrowed for the node's life.
 * -MKT_ELOCKED another process has it; -MKT_ESTORE, -MKT_EINTEGRITY damaged;
 * -MKT_EDENIED the key is not in the authority set; what mkt_chain_open() says.
 */
int ld_node_open(const struct ld_conf *conf, struct ld_node **out,
		 struct mkt_err *err) MKT_MUST_CHECK;

/*
 * What `ledgerd -n` looks at besides the settings: a chain is there, and the key may
 * seal it (a fullnode has none).  Takes no lock and recovers nothing.
 * -MKT_ENOTFOUND, -MKT_EDENIED; what mkt_keyfile_load() and mkt_genesis_dec() say.
 */
int ld_node_check(const struct ld_conf *conf, struct mkt_err *err) MKT_MUST_CHECK;

/* Refuse new transactions and finish those taken: after it all of them are on the disk. */
void ld_node_stop(struct ld_node *n);
void ld_node_free(struct ld_node *n);

struct ld_api_cache *ld_api_cache_new(void); /* api_market.c */
void ld_api_cache_free(struct ld_api_cache *c);

static inline void ld_node_read(struct ld_node *n)
{
	pthread_rwlock_rdlock(&n->lock);
}

static inline void ld_node_unread(struct ld_node *n)
{
	pthread_rwlock_unlock(&n->lock);
}

/* Blocks come from elsewhere, at least at first: the pipeline starts parked. */
bool ld_node_follows(const struct ld_node *n);

/* The authorities in force above the state's block; with the lock, or as writer. */
void ld_node_authorities(const struct ld_node *n, struct mkt_authorities *out);

static inline bool ld_node_operator_clock(const struct ld_node *n)
{
	return n->g->clock == MKT_CLOCK_OPERATOR;
}

/* The last block on the disk. */
static inline void ld_node_head(struct ld_node *n, uint64_t *height, uint64_t *time_ms)
{
	struct mkt_hash hash;

	mkt_chain_head(n->chain, height, &hash, time_ms);
}

/* Milliseconds of the system's UTC clock. */
uint64_t ld_utc_ms(void);

/* Now, as the chain counts: block time under an operator, else the clock, not before the chain. */
uint64_t ld_node_now_ms(struct ld_node *n);

#endif

/*
 * What the two threads of an authority share.
 *
 *   engine.c        the thread of the protocol: etcd, events, actions
 *   engine_work.c   the worker: what takes time, one job after another
 *
 * Locks: e->mu, of all below it.  Nothing else is taken while it is held.
 */
#ifndef LEDGERD_ENGINE_IMPL_H
#define LEDGERD_ENGINE_IMPL_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "core/chain/verify.h"
#include "core/wire/client.h"
#include "core/wire/etcd.h"
#include "ledgerd/engine.h"
#include "ledgerd/node.h"
#include "ledgerd/prepared.h"

#define ENGINE_JOBS 8	/* later jobs take the place of earlier ones: there are never more */
#define ENGINE_EVENTS 64 /* for the protocol, from other threads */
#define ENGINE_URL 256

enum job_kind { JOB_FOLLOW, JOB_LEAD, JOB_CHECK, JOB_COMMIT, JOB_CATCH_UP };

struct job {
	uint8_t kind;
	uint64_t height, epoch;
	struct mkt_hash hash;
	uint32_t body_len;
	unsigned nurls, nvotes;
	char urls[MKT_Q_URLS_MAX][ENGINE_URL];
	struct mkt_vote votes[MKT_AUTHORITIES_MAX];
};

/* Events as they wait: what struct mkt_q_event points to is here. */
struct news {
	uint8_t kind, verdict;
	uint64_t height, epoch;
	struct mkt_hash hash;
	uint32_t body_len;
	struct mkt_header header;
	struct mkt_sig sig;
	struct mkt_authorities set;
};

struct peer {
	char url[ENGINE_URL];
	struct mkt_client *client;
};

struct ld_engine {
	struct ld_node *n;
	struct mkt_quorum *q;	/* of the protocol's thread, as is etcd */
	struct mkt_etcd *etcd;
	struct ld_prepared *prepared;
	uint64_t timer_ms, cluster;
	uint32_t refused[4]; /* transactions that could not be sent: answered by the loop */
	unsigned nrefused;
	bool work, stop_told, stopped, foreign, lost;
	pthread_t thread, worker;
	bool threading, working;

	pthread_mutex_t mu;
	pthread_cond_t changed; /* anything below */
	struct news *news;	/* ENGINE_EVENTS, a ring */
	unsigned news_at, nnews;
	struct job *jobs; /* ENGINE_JOBS, a queue */
	unsigned njobs;
	struct mkt_verify_prev prev; /* the last block on the disk */
	bool ending;		     /* no more jobs */
	bool may_lead;		     /* what is executed here may be proposed */
	bool building;		     /* BUILD stands for: */
	uint64_t build_height, build_epoch;
	bool waiting, committed; /* the committer waits for COMMIT of: */
	struct mkt_hash wait_hash;
	unsigned nvotes;
	struct mkt_vote votes[MKT_AUTHORITIES_MAX];
	uint64_t asked_ms; /* when somebody wanted something sealed here, and we did not lead */
	struct mkt_quorum_view view;
	unsigned nmembers;
	struct mkt_quorum_member members[MKT_AUTHORITIES_MAX];
	uint64_t lost_ms; /* monotonic: since when the store is not reached; 0: it is */

	/* Of the worker. */
	volatile sig_atomic_t cancel; /* the running job is not wanted any more */
	struct peer *peers;	      /* MKT_AUTHORITIES_MAX */
	unsigned npeers;
	bool leads;		/* the sequencer runs */
	bool dirty;		/* the state is not the one after the last block */
	struct ld_block *exec;	/* executed and prepared, not final; NULL: none */
};

/* An event for the protocol; waits while ENGINE_EVENTS are there and the engine lives. */
void ld_engine_tell(struct ld_engine *e, const struct news *v);

/* Is the job that runs to be given up? */
bool ld_engine_cancelled(struct ld_engine *e);

void *ld_engine_work_main(void *arg);

#endif

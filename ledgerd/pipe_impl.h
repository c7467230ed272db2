/* What the threads of the pipeline share; see pipe.h. */
#ifndef LEDGERD_PIPE_IMPL_H
#define LEDGERD_PIPE_IMPL_H

#include "ledgerd/node.h"

#define LD_WORKERS_MAX 64u
#define LD_POOL_BATCHES 256u /* kept for reuse */

struct ld_pipe {
	/* Batches in order of arrival, until the sequencer has done with them. */
	pthread_mutex_t mu;
	pthread_cond_t work;	 /* workers: a chunk to claim */
	pthread_cond_t verified; /* sequencer: its next chunk is ready, or stop */
	struct ld_batch *head, *tail;
	struct ld_batch *claim; /* first with unclaimed chunks */
	struct ld_batch *spare; /* pool */
	uint32_t nspare;
	uint32_t queued_txs;
	size_t queued_bytes;
	bool stop; /* take nothing more; workers end when nothing is left */
	bool park; /* take nothing more, void what is there */
	bool parked;		 /* the sequencer has done so and touches nothing */
	pthread_cond_t parking;	 /* one of the two has changed */
	uint64_t submitted;

	uint64_t next_tx; /* after the last block: at start and after ld_pipe_resume() */

	/* Blocks, and batches that wait for one. */
	pthread_mutex_t cm;
	pthread_cond_t ended;	 /* committer: a block has ended, or no more will come */
	pthread_cond_t appended; /* indexer: the same for appended ones */
	pthread_cond_t freed;	 /* sequencer: a block is free */
	struct ld_block *free_blocks;
	struct ld_block *ended_head, *ended_tail;
	struct ld_block *append_head, *append_tail;
	uint32_t nblocks;			      /* not free */
	size_t held;				      /* bytes of those that others sealed */
	struct ld_batch *sealing_head, *sealing_tail; /* executed; by growing done_height */
	bool no_more_ended, no_more_appended;
	bool committing_now; /* the committer holds blocks */
	pthread_cond_t idle;	      /* committer: it holds none; or more is on the disk */
	bool voiding;		      /* parking: what is not committed is void; take no block */
	bool abandon; /* stopping while the disk is full: give up what was never promised */
	uint64_t appended_height;
	struct mkt_hash digest; /* of the last appended block */
	atomic_bool append_full, index_full;
	_Atomic uint64_t pending_height; /* see ld_pipe_pending_height() */
	_Atomic uint64_t executed, refused;

	pthread_t workers[LD_WORKERS_MAX];
	uint32_t nworkers;
	pthread_t sequencer, committer, indexer;
	bool sequencing, committing, indexing; /* threads that were started */
};

/* Thread bodies; argument: struct ld_node. */
void *ld_verify_main(void *arg);
void *ld_sequence_main(void *arg);
void *ld_forward_main(void *arg); /* in its place, in a fullnode */
void *ld_commit_main(void *arg);
void *ld_index_main(void *arg);

void ld_block_free(struct ld_block *b);

/* Back to the pool, whatever it holds. */
void ld_blocks_put(struct ld_pipe *p, struct ld_block *const *blocks, unsigned count);

/* A cleared block; waits.  NULL: stopping with a full disk, or parking (@parked: not that). */
struct ld_block *ld_block_take(struct ld_pipe *p, bool parked);

/* To the committer. */
void ld_block_ended(struct ld_pipe *p, struct ld_block *b);

/* Refuse it because this node does not lead. */
void ld_item_void(struct ld_item *it);

/* Batches whose blocks are not on the disk and never will be, as things stand. */
void ld_void_sealing(struct ld_pipe *p);

/* Call b->done once; the caller holds a reference. */
void ld_batch_answer(struct ld_batch *b);

/* Refuse: before the sequencer is done with it, by the stage that holds it. */
void ld_item_refuse(struct ld_item *it, const struct mkt_err *err);

/* For the sequencer: the signature of an item that is still unsure. */
int ld_item_verify_late(struct ld_node *n, const struct ld_item *it,
			struct mkt_err *err) MKT_MUST_CHECK;

/* What a node refuses of its own: disk and rate.  With the state's lock, or as its writer. */
int ld_item_admit(struct ld_node *n, const struct ld_item *it, uint64_t now_ms,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* A fault that no code can go on after: log and end; the store recovers at the next start. */
_Noreturn void ld_fatal(const char *what, const struct mkt_err *err);

#endif

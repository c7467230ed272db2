/*
 * The way of a transaction: from an HTTP thread into a block on the disk.
 *
 *   HTTP threads   frame a body into a batch and submit it: its place in the
 *                  order is fixed here, and no other thing decides it
 *   verify workers one a core; take chunks of a batch: form, id, leaf hash,
 *                  account key, Ed25519
 *   sequencer      one thread, the only writer of the state: takes verified
 *                  chunks in order, admits, executes, opens and ends blocks;
 *                  in a fullnode forward.c stands here and sends them on
 *   committer      one thread: roots, header and signature of ended blocks,
 *                  appends several with one sync; then "sealed" is said
 *   indexer        one thread: state and indexes of appended blocks, grouped
 *                  when behind
 *
 * Every queue is bounded: by LD_QUEUE_TXS and LD_QUEUE_BYTES for batches, by
 * LD_BLOCKS for blocks.  A full queue of batches is -MKT_EBUSY to the client; a
 * lack of blocks makes the sequencer wait.  Items, their decoded operations
 * and blocks are pooled and keep their storage.
 *
 * Locks: p->mu (queue of batches and pools), p->cm (blocks and batches that
 * wait for them), n->lock (state).  None is held while another is taken, but
 * n->lock may be taken for reading by any thread that holds no other.
 */
#ifndef LEDGERD_PIPE_H
#define LEDGERD_PIPE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/buf.h"
#include "core/chain/chain.h"
#include "core/ledger/authorities.h"
#include "core/ledger/state.h"
#include "core/ledger/tx.h"

#define LD_QUEUE_TXS MKT_BLOCK_TXS_MAX /* envelopes under way: a whole block of them */
#define LD_QUEUE_BYTES (128u << 20) /* of bodies under way */
#define LD_BATCH_TXS 16384u	    /* envelopes of one body */
#define LD_CHUNK 32u		    /* envelopes a verify worker takes at once: 1.5 ms */
#define LD_BLOCKS 24u		    /* blocks open, ended, appended, not yet indexed */
#define LD_BLOCKS_FOLLOW 768u	    /* the same of a fullnode: it comes from far behind */
#define LD_HELD_BYTES (64u << 20)   /* of blocks that others sealed, until they are indexed */
#define LD_GROUP_APPEND 256u	    /* blocks of one sync */
#define LD_GROUP_INDEX 256u	    /* blocks of one store transaction */

#define LD_SEAL_WAIT_MS 25000u /* that a client waits for "sealed" at most */

struct ld_node;
struct ld_pipe;

/* What the client wants to wait for. */
enum ld_wait { LD_WAIT_NONE, LD_WAIT_EXECUTED, LD_WAIT_SEALED };

enum ld_verdict {
	LD_PENDING = 0,
	LD_REFUSED,  /* not in a block: code and text */
	LD_EXECUTED, /* in block height at ix */
	LD_SEEN,     /* its request id was used, or it expired: the chain's indexes know more */
	LD_FORWARDED, /* executed upstream in block height: found in our store then */
	LD_VOID,     /* taken, but this node leads no more: to be sent again, to who does */
};

/* One envelope of a batch. */
struct ld_item {
	const uint8_t *p; /* in the batch's body */
	uint32_t len;
	/* By the verify worker; read-only after. */
	int form_code; /* enum mkt_code; 0: well formed and well signed (or @unsure) */
	bool unsure;   /* account not known then: the sequencer looks again */
	struct mkt_tx tx;
	struct mkt_hash leaf;
	/* By the sequencer. */
	uint8_t verdict; /* enum ld_verdict */
	int code;
	uint32_t ix;
	uint64_t height, time_ms;
	struct mkt_buf events; /* of this transaction, encoded, in order */
	/* By whoever refuses it: never both. */
	char *text, *hint; /* owned; NULL: those of the code */
};

struct ld_batch {
	struct ld_batch *next; /* of the queue or the list it is in */
	struct ld_node *node;
	struct mkt_buf body;
	struct ld_item *items;
	uint32_t nitems, items_cap;
	uint8_t wait; /* enum ld_wait */
	/* Called once, from any thread, when @wait is reached; must not block. */
	void (*done)(void *ctx);
	void *done_ctx;
	uint64_t submitted_ms; /* monotonic */
	/* p->mu */
	uint32_t nchunks, next_chunk, seq_chunk, nverified;
	uint8_t verified[(LD_BATCH_TXS + LD_CHUNK - 1) / LD_CHUNK];
	int refs;
	/* By the sequencer; read by the client's thread after @done. */
	uint64_t done_height; /* all its blocks are on the disk at this height */
	bool on_disk; /* they were when it was answered: later another block may be there */
	int lost;	      /* code: no upstream has answered; 0: one has, or none is asked */
	uint64_t seen_height; /* indexes must reach this before LD_SEEN is looked up; 0: none */
	atomic_bool answered; /* @done was called */
};

/* One block from its opening until it is indexed. */
struct ld_block {
	struct ld_block *next;
	uint64_t height, time_ms;
	uint64_t first_tx, first_bid, first_exec;
	uint32_t ntxs, cap;
	struct mkt_bytes *txs; /* in the bodies of batches that live until this block is appended */
	struct mkt_hash *ids, *leaves;
	size_t bytes; /* of the envelopes */
	size_t held;  /* bytes, if others sealed it */
	struct mkt_events ev;
	struct mkt_delta delta;
	struct mkt_hash digest;
	struct mkt_hash signers;    /* the set in force for it, as its header names it, */
	uint16_t authority;	    /* and this node's number there */
	struct mkt_authorities set; /* in force above it */
	bool is_sealed;
	struct mkt_sealed sealed;
};

/* ---- for HTTP threads ---------------------------------------------------------------- */

/* A batch with room for a body; -MKT_EBUSY when LD_QUEUE_BYTES are under way. */
int ld_batch_new(struct ld_node *n, size_t body_bytes, struct ld_batch **out) MKT_MUST_CHECK;

/* Add one envelope that lies in b->body.  -MKT_ELIMIT past LD_BATCH_TXS, -MKT_ENOMEM. */
int ld_batch_add(struct ld_batch *b, const uint8_t *p, size_t len) MKT_MUST_CHECK;

/*
 * Fix its place in the order and start.  b->done is called when b->wait is
 * reached, perhaps before this returns.  -MKT_EBUSY, -MKT_EDISKFULL,
 * -MKT_EUNAVAILABLE (stopping), -MKT_ENOTLEADER (parked): the batch is still the
 * caller's alone.
 */
int ld_batch_submit(struct ld_batch *b) MKT_MUST_CHECK;

/* The caller's hold ends; b->done is not called after this. */
void ld_batch_put(struct ld_batch *b);

/* ---- the pipeline as a whole --------------------------------------------------------- */

int ld_pipe_start(struct ld_node *n, struct mkt_err *err) MKT_MUST_CHECK;

/* Take nothing more, seal and index what was taken, end all threads. */
void ld_pipe_stop(struct ld_node *n);
void ld_pipe_free(struct ld_node *n);

/* Every second or so: answer those who have waited too long. */
void ld_pipe_tick(struct ld_node *n, uint64_t now_ms);

/* ---- blocks that others sealed (ingest.c, engine_work.c) ------------------------------- */

/*
 * Park the sequencer: nothing more is taken (-MKT_ENOTLEADER), and what was executed here
 * and is not on the disk is void; who waits for it is told so.  On return the caller alone
 * changes the state, which may be ahead of the disk: mkt_chain_rewind().
 */
void ld_pipe_park(struct ld_node *n);

/* The state is that of the last block on the disk: the sequencer goes on from there. */
void ld_pipe_resume(struct ld_node *n);

/* An empty block; waits for one.  NULL: the node is stopping.  Only while parked. */
struct ld_block *ld_pipe_block(struct ld_node *n);

/* It is not needed. */
void ld_pipe_block_put(struct ld_node *n, struct ld_block *b);

/*
 * Hand over a block to be appended and indexed behind those handed over before: b->height,
 * b->digest and b->sealed are set (votes included), and the state is the one after it.  Only
 * while parked.
 */
void ld_pipe_append(struct ld_node *n, struct ld_block *b);

/* Wait until block @height is on the disk.  -MKT_EUNAVAILABLE: the node is stopping. */
int ld_pipe_wait_appended(struct ld_node *n, uint64_t height, struct mkt_err *err) MKT_MUST_CHECK;

/* Is there anything that waits to be executed, or a block open or under way? */
bool ld_pipe_busy(struct ld_node *n);

struct ld_pipe_numbers {
	uint32_t queued_txs; /* envelopes under way */
	uint32_t blocks;     /* ended and not yet indexed */
	bool disk_full;	     /* the last append or index failed for lack of space */
	uint64_t submitted, executed, refused;
	struct mkt_hash digest; /* of the state after the last block on the disk */
};
void ld_pipe_numbers(struct ld_node *n, struct ld_pipe_numbers *out);

/* The height at which all that is executed now will be: what reads of indexes wait for. */
uint64_t ld_pipe_pending_height(struct ld_node *n);

#endif

/*
 * Blocks that others sealed: verify, execute, append, index.  The way of every
 * block into a fullnode, and into an authority that is behind.
 *
 *   fetch      one connection an upstream, pages of records, a page ahead
 *   static     workers: form, votes of the set in force, roots, signatures
 *   execute    in order, on the state (n->lock for writing), digests compared
 *   append     groups of blocks and one sync: the pipeline's committer and indexer (pipe.h)
 *
 * The first block that differs stops the node's growth for good: an alarm names
 * block and difference, reads go on with what was right.  One that lacks the votes, or
 * whose body is not its header's, proves nothing but that its upstream lies: the alarm
 * names it, and the next upstream is asked.  Memory: a bounded number of blocks and bytes
 * between the stages, whatever the distance.
 */
#ifndef LEDGERD_INGEST_H
#define LEDGERD_INGEST_H

#include "core/base/err.h"
#include "core/chain/block.h"

struct ld_node;
struct ld_ingest;

#define LD_POLL_MS 3000u   /* an upstream keeps a question for the next block so long */
#define LD_STALE_MS 15000u /* without news of an upstream */

/* What was fetched from where, and how far behind. */
struct ld_ingest_numbers {
	uint64_t height;	/* of the last appended block */
	uint64_t upstream;	/* head of the upstream, as last heard */
	uint64_t heard_ms;	/* monotonic: when it was last heard of, at the latest the start */
	uint64_t blocks, bytes; /* taken since the start */
	bool halted;		/* a block differed */
	char halt[MKT_ERR_TEXT_MAX];
	char url[256]; /* in use, or last in use */
};

/*
 * Follow @urls (separated by spaces; the first that answers and is not behind the
 * others) for ever, in threads of its own; -MKT_ENOMEM.
 */
int ld_ingest_start(struct ld_node *n, const char *urls, struct ld_ingest **out,
		    struct mkt_err *err) MKT_MUST_CHECK;
/* End the threads; what was taken may be looked at until it is freed.  NULL is allowed. */
void ld_ingest_stop(struct ld_ingest *in);
void ld_ingest_free(struct ld_ingest *in);

/* There is a block above ours: look now and not at the next poll.  Any thread. */
void ld_ingest_poke(struct ld_ingest *in);

/*
 * For authorities: fetch blocks from @urls until the chain stands at @height on the disk,
 * and return; @hash (may be NULL) is what block @height must be.  The pipeline is parked and
 * the state that of the last block on the disk.  -MKT_EUNAVAILABLE: none of them has it, or
 * the node is stopping; -MKT_EINTEGRITY names the block.
 */
int ld_ingest_until(struct ld_node *n, const char *const *urls, unsigned nurls, uint64_t height,
		    const struct mkt_hash *hash, struct mkt_err *err) MKT_MUST_CHECK;

void ld_ingest_look(struct ld_ingest *in, struct ld_ingest_numbers *out);

#endif

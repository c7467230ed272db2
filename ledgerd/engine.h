/*
 * An authority among several: the thread that ties core/quorum to etcd, to the
 * other authorities and to this node's chain.
 *
 * It owns the etcd client and the protocol; it never executes anything itself.
 * While this node leads, the sequencer (sequence.c) runs and the committer asks
 * ld_engine_commit() before it appends; while it follows, blocks proposed by the
 * leader are fetched, executed on the state, kept in DIR/prepared with the vote,
 * and appended when the head says so.  What was executed and is not committed is
 * void as soon as another block is: mkt_chain_rewind().
 */
#ifndef LEDGERD_ENGINE_H
#define LEDGERD_ENGINE_H

#include "core/chain/chain.h"
#include "core/quorum/quorum.h"
#include "core/quorum/value.h"
#include "core/wire/etcd.h"
#include "ledgerd/conf.h"

struct ld_node;
struct ld_engine;

/*
 * Connect to [etcd], join, and begin to follow.  @n->engine is set.  What mkt_quorum_new() and
 * mkt_etcd_new() say; -MKT_ESTORE: DIR/engine is no such file.
 */
int ld_engine_start(struct ld_node *n, struct ld_engine **out, struct mkt_err *err) MKT_MUST_CHECK;
/* The client of [etcd] for a chain.  @cluster: expected; 0: any. */
int ld_engine_etcd(const struct ld_conf *c, const struct mkt_hash *chain, uint64_t cluster,
		   const struct mkt_etcd_calls *calls, struct mkt_etcd **out,
		   struct mkt_err *err) MKT_MUST_CHECK;

/* DIR/engine: which engine keeps the chain; 0 and 0: none was joined.  @cluster 0: any. */
int ld_engine_recall(const char *dir, uint64_t *generation, uint64_t *cluster,
		     struct mkt_err *err) MKT_MUST_CHECK;
int ld_engine_remember(const char *dir, uint64_t generation, uint64_t cluster,
		       struct mkt_err *err) MKT_MUST_CHECK;

/* With n->stopping: hand over if leading; end.  What is not final is void. */
void ld_engine_stop(struct ld_engine *e);
void ld_engine_free(struct ld_engine *e);

/*
 * Called by the committer: wait until block @height is this node's to seal, and in which
 * epoch.  -MKT_ENOTLEADER: it is not, and what was executed is void.
 */
int ld_engine_turn(struct ld_engine *e, uint64_t height, uint64_t *epoch) MKT_MUST_CHECK;

/*
 * Called by the committer of a leader: get @s, executed and sealed by this node, committed;
 * its votes are in @s->bytes then.  Waits.  -MKT_ENOTLEADER: it is void, and so is all that
 * was executed after it.
 */
int ld_engine_commit(struct ld_engine *e, struct mkt_sealed *s, struct mkt_err *err) MKT_MUST_CHECK;

/* Called by the committer for every block on the disk; @set is in force above it. */
void ld_engine_appended(struct ld_engine *e, const struct mkt_sealed *s,
			const struct mkt_authorities *set);

/* Somebody wanted something sealed here, and was refused because another leads. */
void ld_engine_work(struct ld_engine *e);

/* The name of who leads, "" if unknown; true if it is this node. */
bool ld_engine_leads(struct ld_engine *e, char leader[MKT_NAME_MAX + 1]);

/* What the protocol sees. */
void ld_engine_look(struct ld_engine *e, struct mkt_quorum_view *out);

/* Who is in the set, who lives, how far each is, as far as etcd tells; how many. */
unsigned ld_engine_members(struct ld_engine *e, struct mkt_quorum_member *out, unsigned max);

/* Since when etcd is not reached (monotonic ms); 0: it is. */
uint64_t ld_engine_lost_ms(struct ld_engine *e);

/* Bodies of what was signed and is not final. */
struct ld_prepared *ld_engine_prepared(struct ld_engine *e);

#endif

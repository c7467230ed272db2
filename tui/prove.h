/*
 * Checking on the spot that a block, or a transaction in one, is what the authorities of the
 * chain have signed: nothing that the node says is believed.
 *
 * What it rests on is the chain's id that the dashboard began with.  Genesis must hash to it and
 * names the first authorities; each later set is proved by the block that made it, which the
 * set before has signed.  Those blocks are found by bisection, a read of 350 bytes a step, so
 * a chain of any length is checked in a moment.  Then the header must be signed by a quorum of
 * the set in force, and what was asked for must lead to its roots.
 *
 * Reads are asked for one after the other and nobody waits; what was checked, with what, and
 * the verdict come as a text over the panes.  One at a time.  Memory: one block.
 */
#ifndef TUI_PROVE_H
#define TUI_PROVE_H

#include "core/wire/txproof.h"
#include "tui/dash.h"

#define TUI_PROVE_BLOCK_MAX (4u << 20) /* bytes of a block that is checked here */
#define TUI_PROVE_READS_MAX 2048       /* while authorities are looked for */

/* A block as the pane shows it: a node that showed something else is told. */
struct tui_shown_block {
	uint64_t height, time_ms;
	uint32_t txs, events;
	uint64_t bytes;
	struct mkt_hash hash;
	/* The id shown for transaction @ix of it; false: none is.  May be NULL. */
	bool (*tx)(void *ctx, uint32_t ix, struct mkt_hash *id);
	void *ctx; /* lasts as long as the dashboard */
};

enum tui_prove_what { TUI_PROVE_NOTHING, TUI_PROVE_TX, TUI_PROVE_BLOCK };

struct tui_prove {
	struct tui_dash *d;
	enum tui_prove_what what; /* under way */
	struct mkt_hash id;	  /* of the transaction */
	struct tui_shown_block shown;
	struct mkt_txproof tx;
	struct mkt_buf bytes; /* of the block; owned */
	struct mkt_block block;
	struct mkt_buf part; /* of the block read last on the way; owned */
	struct mkt_hash chain;
	struct mkt_authorities set; /* in force for block @from */
	uint64_t from, at, to;	    /* the change is in a block of [at, to) */
	unsigned reads, nsteps;
	struct mkt_tx op; /* the transaction, decoded */
	struct mkt_buf steps;
};

void tui_prove_init(struct tui_prove *p, struct tui_dash *d);
/* Before that no read may be answered any more. */
void tui_prove_release(struct tui_prove *p);

/* Check; when one is under way that is said instead. */
void tui_prove_tx(struct tui_prove *p, const struct mkt_hash *id);
void tui_prove_block(struct tui_prove *p, const struct tui_shown_block *shown);

#endif

/*
 * What a node does slowly, in a thread of its own: the snapshot that others start
 * from, and moving old bodies to the archive.
 */
#ifndef LEDGERD_KEEPER_H
#define LEDGERD_KEEPER_H

#include "core/chain/snapshot.h"

#define LD_SNAPSHOT_FILE "snapshot" /* in the chain's directory */
#define LD_SNAPSHOT_S 3600u	    /* it may be so old */
#define LD_PRUNE_S 3600u	    /* from one pass to the next */

struct ld_node;
struct ld_keeper;

/* NULL: no memory, or no thread. */
struct ld_keeper *ld_keeper_new(struct ld_node *n);
/* Ends what it does at the next block. */
void ld_keeper_free(struct ld_keeper *k);

/* DIR/snapshot */
void ld_keeper_snapshot_path(const struct ld_node *n, char *out, size_t size);

/* Where archives are: [disk] archive, or DIR/archive. */
struct ld_conf;
void ld_keeper_archive(const struct ld_conf *conf, char *out, size_t size);

/* What the pruning of this run has done. */
struct ld_keeper_numbers {
	uint64_t pruned_blocks, pruned_bytes;
	uint64_t snapshot_height; /* 0: none was made */
};
void ld_keeper_look(struct ld_keeper *k, struct ld_keeper_numbers *out);

/* Make the snapshot anew, unless that is under way. */
void ld_keeper_want_snapshot(struct ld_keeper *k);

#endif

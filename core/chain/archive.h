/*
 * Archives: the bodies of old blocks (transactions and events) in files of their
 * own, and back.  Headers, votes and state stay, so that the chain of headers with
 * its certificates is whole at every node.
 *
 *   FIRST-LAST.mkta   heights with 12 digits
 *     head      "mktarch1", 32 chain id, u64 first height, u64 last height
 *     records   as they stood in the segment file (core/store/segment.h), heights ascending;
 *               blocks without body, and those that stay whole, are not among them
 *     end       "MKTE", u64 records, 16 bytes of MKT_DOM_SEGMENT over the head and these 12
 *
 * All little endian.  One archive is made for each segment file that bodies leave.
 * In the segment file a pruned record (flag MKT_RECORD_PRUNED) takes the place: header and
 * votes as in the block, then u8 length and the archive's name.
 *
 * What stays whole: block 0; blocks after which the set of authorities is another;
 * and all from mkt_chain_prune_limit() on.
 *
 * Order of one file: archive written, synced, named; segment file made anew
 * (mkt_segments_rewrite()).  Cut short anywhere, every body is in the segments, or in
 * an archive, or in both; doing it again finishes.
 */
#ifndef MKT_CHAIN_ARCHIVE_H
#define MKT_CHAIN_ARCHIVE_H

#include "core/chain/chain.h"

#define MKT_ARCHIVE_HEAD_BYTES (8 + MKT_HASH_LEN + 8 + 8)
#define MKT_ARCHIVE_END_BYTES (4 + 8 + 16)

struct mkt_archive;

/*
 * Open a file of this chain (NULL: of any); its head and end are checked.
 * -MKT_ENOTFOUND, -MKT_EINTEGRITY, -MKT_EIO, -MKT_ENOMEM.
 */
int mkt_archive_open(const char *path, const struct mkt_hash *chain, struct mkt_archive **out,
		     struct mkt_err *err) MKT_MUST_CHECK;
void mkt_archive_close(struct mkt_archive *a);

const char *mkt_archive_path(const struct mkt_archive *a);
uint64_t mkt_archive_first(const struct mkt_archive *a);
uint64_t mkt_archive_last(const struct mkt_archive *a);

/*
 * The record of a block, checked, into @rec: 1; 0: it is not in this archive.  Cheap for
 * heights that grow.  -MKT_EINTEGRITY names file and offset.
 */
int mkt_archive_read(struct mkt_archive *a, uint64_t height, struct mkt_buf *rec,
		     struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The first height whose body must stay: request ids of the validity period are in it
 * or above, or a contract or open bid of the state was made there.  The caller holds the state.
 */
int mkt_chain_prune_limit(struct mkt_chain *c, uint64_t *before,
			  struct mkt_err *err) MKT_MUST_CHECK;

/* The first height whose block is not older than @keep_s seconds before the last one. */
int mkt_chain_prune_before(struct mkt_chain *c, uint64_t keep_s, uint64_t *before,
			   struct mkt_err *err) MKT_MUST_CHECK;

struct mkt_prune {
	uint64_t before;   /* bodies below it leave; at most mkt_chain_prune_limit() */
	const char *dir;   /* of archives; made if missing */
	bool all;	   /* also where less than a quarter of a segment file would go */
	bool (*stop)(void *ctx); /* asked for each block: true ends it between two files; or NULL */
	void *ctx;
};

struct mkt_pruned {
	uint64_t blocks; /* whose bodies moved */
	uint64_t bytes;	 /* of their records */
	unsigned files;	 /* segment files made anew */
	char name[64];	 /* of the last archive */
};

/*
 * Move bodies to archives.  The chain may be in use, and grows meanwhile; one at a
 * time.  @out counts what was done, also when it fails.  -MKT_ECANCELLED by @stop;
 * -MKT_EDISKFULL, -MKT_EIO, -MKT_EINTEGRITY: what was not moved is where it was.
 */
int mkt_chain_prune(struct mkt_chain *c, const struct mkt_prune *p, struct mkt_pruned *out,
		    struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Bring the bodies of @from .. @to back that @a has.  Each must be that of the header:
 * -MKT_EINTEGRITY names block and archive, and its segment file stays as it was.
 */
int mkt_chain_restore(struct mkt_chain *c, struct mkt_archive *a, uint64_t from, uint64_t to,
		      struct mkt_pruned *out, struct mkt_err *err) MKT_MUST_CHECK;

#endif

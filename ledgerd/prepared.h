/*
 * What an authority has signed and what is not final yet: bodies of proposed blocks with this
 * node's vote, in DIR/prepared, one file for each (height, epoch).
 *
 * A file is there, whole and synced with its directory, before ld_prepared_put() returns 0, or
 * it is not there at all.  Never two blocks at one (height, epoch): the file is the vote, and
 * says so after every crash.  One that cannot be read as it was written stands for a vote of
 * which nothing is known: nothing else is signed at its place.
 *
 *   file NNN-EEE   "mktprep1", u64 height, u64 epoch, 32 header hash, u32 length, block,
 *                  32 BLAKE2b-256 of all before; integers little-endian
 *
 * Threads: any.
 */
#ifndef LEDGERD_PREPARED_H
#define LEDGERD_PREPARED_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/quorum/quorum.h"

#define LD_PREPARED_MAX 4096 /* files */

struct ld_prepared;

/* Make @dir/prepared, read what is there, drop what is half written.  -MKT_EIO, -MKT_ENOMEM. */
int ld_prepared_open(const char *dir, struct ld_prepared **out, struct mkt_err *err) MKT_MUST_CHECK;
void ld_prepared_close(struct ld_prepared *p);

/* The votes above @height, for mkt_quorum_new(); how many.  A hash of zeros: not known. */
unsigned ld_prepared_votes(struct ld_prepared *p, uint64_t height, struct mkt_quorum_vote *out,
			   unsigned max);

/*
 * Keep an encoded block and the vote for it.  0: durable, now or before.  -MKT_ECONFLICT:
 * another block was signed there; -MKT_EDISKFULL, -MKT_EIO, -MKT_ELIMIT, -MKT_ENOMEM: nothing
 * is left of it.
 */
int ld_prepared_put(struct ld_prepared *p, uint64_t height, uint64_t epoch,
		    const struct mkt_hash *hash, const void *block, size_t n,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* The block at (height, epoch) into @out.  -MKT_ENOTFOUND; -MKT_EINTEGRITY: damaged. */
int ld_prepared_get(struct ld_prepared *p, uint64_t height, uint64_t epoch, struct mkt_buf *out,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* The block of this hash, of whatever epoch.  Same errors. */
int ld_prepared_find(struct ld_prepared *p, uint64_t height, const struct mkt_hash *hash,
		     struct mkt_buf *out, struct mkt_err *err) MKT_MUST_CHECK;

/* Remove what is at and below @height. */
void ld_prepared_forget(struct ld_prepared *p, uint64_t height);

#endif

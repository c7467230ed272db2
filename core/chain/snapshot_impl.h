/*
 * Inside of snapshots, shared by snapshot.c (the file) and build.c (a chain from
 * it).  Not for others.
 */
#ifndef MKT_CHAIN_SNAPSHOT_IMPL_H
#define MKT_CHAIN_SNAPSHOT_IMPL_H

#include "core/chain/chain_impl.h"
#include "core/chain/snapshot.h"

#define SNAPSHOT_CHUNK_MAX (16u << 20) /* a chunk is 1 MB, or one row */

struct snapshot_row {
	uint8_t type;
	uint64_t id;
	uint32_t n;
	const void *p; /* until the next call */
};

struct snapshot_reader {
	const char *path;
	int fd;
	struct mkt_snapshot_info info;
	struct mkt_buf rec, rows;
	struct mkt_dec in; /* of @rows */
	uint64_t nchunks, nrows;
	struct mkt_hash digest; /* after the last row */
};

int snapshot_open(struct snapshot_reader *s, const char *path, struct mkt_err *err) MKT_MUST_CHECK;
void snapshot_close(struct snapshot_reader *s);
/* 1 and @row; 0 at the end, which is whole; -MKT_EINTEGRITY names the chunk. */
int snapshot_next(struct snapshot_reader *s, struct snapshot_row *row,
		  struct mkt_err *err) MKT_MUST_CHECK;

#endif

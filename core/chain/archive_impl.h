/* Inside of archives, shared by archive.c (the file) and prune.c.  Not for others. */
#ifndef MKT_CHAIN_ARCHIVE_IMPL_H
#define MKT_CHAIN_ARCHIVE_IMPL_H

#include "core/chain/archive.h"
#include "core/chain/chain_impl.h"

void archive_head_enc(const struct mkt_hash *chain, uint64_t first, uint64_t last,
		      struct mkt_buf *out);
void archive_end_enc(const uint8_t head[MKT_ARCHIVE_HEAD_BYTES], uint64_t records,
		     struct mkt_buf *out);

#endif

/*
 * One block as GET /v1/chain?from=H&limit=1 hands it out: u32 length, and the record
 * as it is stored.
 */
#ifndef MKT_CHAIN_FRAMED_H
#define MKT_CHAIN_FRAMED_H

#include "core/chain/block.h"

/*
 * Unpack the block at @height into @bytes, which @b then points into.  Returns 0 for a whole block,
 * 1 for header and votes only.  Form and checksum are looked at, no signature and no root.
 * -MKT_EINTEGRITY: what is wrong, or that it unpacks to more than @max bytes; -MKT_ENOMEM.
 */
int mkt_framed_block(const void *p, size_t n, uint64_t height, uint32_t max, struct mkt_buf *bytes,
		     struct mkt_block *b, struct mkt_err *err) MKT_MUST_CHECK;

#endif

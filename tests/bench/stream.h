/*
 * The stream of operations that bench-gen writes and bench-match reads.  Little endian:
 *
 *   header   "MTOF0001", then u32 each: windows, tags, operations, largest k, seed, 0
 *   operation (16 bytes) u8 kind, u8 k, u16 0, u32 amount in Wh, u32 id of the bid or window,
 *            u32 owner
 *   k legs   (8 bytes each) u32 book = window * tags + tag, i32 price
 */
#ifndef MKT_TESTS_BENCH_STREAM_H
#define MKT_TESTS_BENCH_STREAM_H

#include "core/base/compat.h"

#define STREAM_MAGIC "MTOF0001"

enum { OP_SELL = 1, OP_BUY, OP_CANCEL, OP_CLOSE };

struct stream_head {
	char magic[8];
	uint32_t windows;
	uint32_t tags;
	uint32_t ops;
	uint32_t legs_max;
	uint32_t seed;
	uint32_t zero;
};

struct stream_op {
	uint8_t kind;
	uint8_t k;
	uint16_t zero;
	uint32_t amount_wh;
	uint32_t id; /* OP_CLOSE: window */
	uint32_t owner;
};

/* As struct mkt_leg. */
struct stream_leg {
	uint32_t book;
	int32_t price_upwh;
};

#endif

/*
 * Looking back: blocks of the chain, opened and kept for the length of one
 * request.  Takes no lock of the state.  Not thread-safe: one a request.
 */
#ifndef LEDGERD_LOOK_H
#define LEDGERD_LOOK_H

#include "core/chain/chain.h"

#define LD_LOOK_BLOCKS 4	/* opened at once; the longest unused makes room */
#define LD_LOOK_KEEP (1u << 20) /* bytes of a block that are kept when another takes its place */

struct ld_node;

struct ld_look_event {
	uint32_t at; /* offset in the block's events */
	uint32_t tx; /* index of its transaction; MKT_EVENT_NO_TX */
};

struct ld_look_block {
	uint64_t height; /* UINT64_MAX: empty */
	uint64_t used;
	struct mkt_buf bytes;
	struct mkt_block b;
	struct ld_look_event *events; /* b.h.nevents + 1 of them; NULL until asked for */
};

struct ld_look {
	struct ld_node *node;
	struct ld_look_block blocks[LD_LOOK_BLOCKS];
	uint64_t clock;
	struct mkt_tx tx; /* the last decoded */
	uint64_t tx_height;
	uint32_t tx_ix;
};

void ld_look_init(struct ld_look *l, struct ld_node *n);
void ld_look_release(struct ld_look *l);

/*
 * What these give stays until LD_LOOK_BLOCKS other blocks were opened.
 * -MKT_ENOTFOUND, -MKT_EPRUNED (not ld_look_time()), -MKT_EINTEGRITY, -MKT_EIO, -MKT_ENOMEM.
 */
int ld_look_block(struct ld_look *l, uint64_t height, const struct ld_look_block **out,
		  struct mkt_err *err) MKT_MUST_CHECK;
int ld_look_time(struct ld_look *l, uint64_t height, uint64_t *time_ms,
		 struct mkt_err *err) MKT_MUST_CHECK;

/* Event @n of a block. */
int ld_look_event(struct ld_look *l, uint64_t height, uint32_t n, struct mkt_event *ev,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* The events of transaction @ix, encoded, and the number of the first. */
int ld_look_tx_events(struct ld_look *l, uint64_t height, uint32_t ix, const uint8_t **p,
		      size_t *len, struct mkt_err *err) MKT_MUST_CHECK;
int ld_look_tx_first(struct ld_look *l, uint64_t height, uint32_t ix, uint32_t *first,
		     uint32_t *count, struct mkt_err *err) MKT_MUST_CHECK;

/* Transaction @ix, decoded; until the next call. */
int ld_look_tx(struct ld_look *l, uint64_t height, uint32_t ix, const struct mkt_tx **tx,
	       struct mkt_err *err) MKT_MUST_CHECK;

/* Where a bid was placed, and its operation. */
struct ld_look_bid {
	uint64_t height, time_ms;
	uint32_t ix;
	uint16_t op;
	uint32_t account;
	uint32_t left_wh; /* after its own matching */
	const struct mkt_op *bid;
	const struct mkt_bid_leg *legs;
};
int ld_look_bid(struct ld_look *l, uint64_t id, struct ld_look_bid *out,
		struct mkt_err *err) MKT_MUST_CHECK;

#endif

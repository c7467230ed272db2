/*
 * Blocks and what is in one, as lists show it: a stretch of the chain that moves with
 * whoever reads it, the transactions of a block, the lines of a transaction.
 *
 * All of it is bounded: of the chain TUI_BLOCKS_KEEP blocks without a gap, of a block the first
 * TUI_TXS_KEEP transactions, of a transaction TUI_TXLINES_KEEP lines.  What an answer holds is
 * checked before anything is changed.
 */
#ifndef TUI_BLOCKS_H
#define TUI_BLOCKS_H

#include "core/wire/story.h"
#include "tui/dash.h"
#include "tui/list.h"

#define TUI_BLOCKS_KEEP 2048
#define TUI_BLOCKS_PAGE 250
#define TUI_TXS_KEEP 8192
#define TUI_TXLINES_KEEP 4096

/* ---- the chain ---------------------------------------------------------------------------- */

struct tui_block {
	uint64_t height, time_ms, bytes;
	uint32_t txs, events;
	uint32_t authority; /* number in the set before it */
	bool pruned;
	struct mkt_hash hash;
};

/* Names of the set in force, for blocks that it has sealed. */
struct tui_sealers {
	uint64_t since; /* the set is in force for blocks after this one */
	unsigned n;
	char name[MKT_AUTHORITIES_MAX][MKT_NAME_MAX + 1];
};

struct tui_blocks {
	const struct mkt_zone *zone;
	struct tui_sealers sealers;
	struct tui_block *v; /* heights ascend without a gap; TUI_BLOCKS_KEEP; owned */
	uint32_t n;
};

extern const struct tui_rows tui_block_rows; /* ctx: struct tui_blocks; the oldest is row 0 */

/* -MKT_ENOMEM. */
int tui_blocks_init(struct tui_blocks *b, const struct mkt_zone *zone) MKT_MUST_CHECK;
void tui_blocks_release(struct tui_blocks *b);

/*
 * Take a page of GET /v1/blocks in either order.  One that touches what is there extends it, and
 * what is too much leaves at the other end; any other page, and each with @anew, takes its place.
 * -MKT_EUNAVAILABLE with a sentence when the answer is none: nothing has changed then.
 */
int tui_blocks_take(struct tui_blocks *b, const struct mkt_answer *a, bool anew,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* Names of the authorities, of GET /v1/status. */
void tui_sealers_read(struct tui_sealers *s, const struct mkt_answer *a);

/* The row's id in the list. */
static inline uint64_t tui_block_id(uint64_t height)
{
	return height + 1;
}

/* ---- one block ---------------------------------------------------------------------------- */

struct tui_tx {
	struct mkt_hash id;
	uint32_t account;
	char name[MKT_NAME_MAX + 1];
	char ops[48]; /* "bid, cancel 2" */
};

struct tui_txs {
	struct tui_block block; /* as the node tells it */
	char signed_by[160];	/* "a1, a2: 2 of 3, 2 needed, epoch 7" */
	struct tui_tx *v;	/* by index, from 0; owned */
	uint32_t n, cap;
	uint32_t after; /* cursor of the page that follows */
	bool more;	/* there is one */
	bool known;	/* the first page was read */
};

extern const struct tui_rows tui_tx_rows; /* ctx: struct tui_txs */

void tui_txs_clear(struct tui_txs *t, uint64_t height);
void tui_txs_release(struct tui_txs *t);
/* Take a page of GET /v1/blocks/H, in order.  -MKT_EUNAVAILABLE, -MKT_ENOMEM. */
int tui_txs_take(struct tui_txs *t, const struct mkt_answer *a, struct mkt_err *err) MKT_MUST_CHECK;

/* One element of a list of GET /v1/blocks, or the data of one block. */
int tui_block_read(const struct mkt_jval *at, struct tui_block *out,
		   struct mkt_err *err) MKT_MUST_CHECK;

/* ---- one transaction ---------------------------------------------------------------------- */

struct tui_txline {
	const char *what; /* "op 1" is made of @number; static */
	unsigned number;  /* 0: none */
	enum tui_style style;
	char *text; /* owned */
};

struct tui_txlines {
	struct mkt_hash id;
	struct tui_txline *v; /* owned */
	uint32_t n, cap;
	bool known, cut; /* read; lines are missing at the end */
};

extern const struct tui_rows tui_txline_rows; /* ctx: struct tui_txlines */

void tui_txlines_clear(struct tui_txlines *t, const struct mkt_hash *id);
void tui_txlines_release(struct tui_txlines *t);
/*
 * What GET /v1/tx/ID?proof=1 says, in words: the operations of its envelope, what became of each,
 * and events.  @name: of the signer, or NULL.  -MKT_EUNAVAILABLE, -MKT_ENOMEM: nothing changed.
 */
int tui_txlines_take(struct tui_txlines *t, const struct mkt_story *story,
		     const struct mkt_answer *a, const char *name,
		     struct mkt_err *err) MKT_MUST_CHECK;

#endif

/*
 * What GET /v1/tx/ID?proof=1 says, taken apart and checked: that a transaction is in a block
 * which enough authorities of a chain have signed.
 *
 * Each check is a call of its own, so that whoever asks can tell step by step what was looked
 * at.  All of them are needed: signed() says that the header is the chain's, path() that the
 * envelope is under it, envelope() that it is the transaction that was asked for.  Nothing here
 * is believed but the chain's id and the authorities in force before the block.
 */
#ifndef MKT_WIRE_TXPROOF_H
#define MKT_WIRE_TXPROOF_H

#include "core/chain/block.h"
#include "core/chain/merkle.h"
#include "core/codec/json.h"
#include "core/ledger/authorities.h"
#include "core/ledger/tx.h"

struct mkt_txproof {
	/* What the answer claims beside its proof. */
	struct mkt_hash id;
	uint64_t height;
	uint32_t index, account;
	struct mkt_pubkey keys[MKT_AUTHORITIES_MAX]; /* of each vote, as the answer names it */

	struct mkt_buf envelope; /* owned */
	struct mkt_proof path;
	struct mkt_block head; /* header, its hash, votes; no body */
};

#define MKT_TXPROOF_INIT {.envelope = MKT_BUF_INIT}

void mkt_txproof_release(struct mkt_txproof *p);

/*
 * Take apart the data of an answer into @out, which is released first.  -MKT_EINTEGRITY with what
 * is missing or malformed; -MKT_ENOMEM.
 */
int mkt_txproof_read(const struct mkt_jval *data, struct mkt_txproof *out,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* The header is of @chain, names @set, and enough of @set have signed it.  -MKT_EINTEGRITY. */
int mkt_txproof_signed(const struct mkt_txproof *p, const struct mkt_authorities *set,
		       const struct mkt_hash *chain, struct mkt_err *err) MKT_MUST_CHECK;

/* The envelope leads to the transactions' root, at the place that is claimed.  -MKT_EINTEGRITY. */
int mkt_txproof_path(const struct mkt_txproof *p, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The envelope is the transaction @id, of the account that is claimed; decoded into @tx, which
 * borrows @p.  -MKT_EINTEGRITY, -MKT_ENOMEM.
 */
int mkt_txproof_envelope(const struct mkt_txproof *p, const struct mkt_hash *id,
			 const struct mkt_hash *chain, struct mkt_tx *tx,
			 struct mkt_err *err) MKT_MUST_CHECK;

#endif

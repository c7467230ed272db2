/*
 * Blocks: header, transactions, events, and the authorities' signatures.
 *
 * Encoded block (mkt-protocol(7)):
 *
 *   header   u8 version = 1, 32 chain id, u64 height, 32 previous header's hash, u64 time_ms,
 *            u64 epoch, u32 ntxs, u32 nevents, u64 first tx (transactions in all blocks
 *            before), u64 first bid id, u64 first exec id, 32 tx root, 32 event root,
 *            32 state digest, 32 authority set hash, u16 authority (number in the set)
 *   votes    u8 n (1..32), n x (u16 authority ascending, 64 signature of
 *            "mkt:sign-hd:v1:\0" || header hash); the sealing authority's own is one of them
 *   txs      ntxs x (u32 length, envelope)
 *   events   nevents x event, to the end
 *
 * Header hash: MKT_DOM_HEADER over the header bytes.  Leaves: MKT_DOM_LEAF over
 * an envelope, or over an event.  Block 0 has no transactions, no votes needed
 * and previous hash = chain id.
 */
#ifndef MKT_CHAIN_BLOCK_H
#define MKT_CHAIN_BLOCK_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/crypto/hash.h"
#include "core/crypto/sign.h"
#include "core/ledger/event.h"
#include "core/ledger/genesis.h"

#define MKT_BLOCK_VERSION 1
#define MKT_HEADER_BYTES (1 + 32 + 8 + 32 + 8 + 8 + 4 + 4 + 8 + 8 + 8 + 32 + 32 + 32 + 32 + 2)

struct mkt_header {
	struct mkt_hash chain, prev;
	uint64_t height, time_ms, epoch;
	uint32_t ntxs, nevents;
	uint64_t first_tx, first_bid, first_exec;
	struct mkt_hash tx_root, event_root, state, authorities;
	uint16_t authority;
};

struct mkt_vote {
	uint16_t authority;
	struct mkt_sig sig;
};

/* A block taken apart; everything points into the bytes it was decoded from. */
struct mkt_block {
	struct mkt_header h;
	struct mkt_hash hash; /* header hash */
	uint8_t nvotes;
	struct mkt_vote votes[MKT_AUTHORITIES_MAX];
	const uint8_t *txs; /* first length */
	size_t txs_len;
	const uint8_t *events;
	size_t events_len;
};

void mkt_header_enc(const struct mkt_header *h, struct mkt_buf *out);
/* -MKT_ETRUNCATED, -MKT_EVERSION; @h is written on success only. */
int mkt_header_dec(struct mkt_dec *in, struct mkt_header *h) MKT_MUST_CHECK;
void mkt_header_hash(const struct mkt_header *h, struct mkt_hash *out);
void mkt_header_sign(const struct mkt_hash *hash, const struct mkt_seckey *key,
		     struct mkt_sig *out);
bool mkt_header_sig_ok(const struct mkt_hash *hash, const struct mkt_pubkey *key,
		       const struct mkt_sig *sig);

/* Hash of an authority set: MKT_DOM_AUTHS over u8 count and the keys in order. */
void mkt_authorities_hash(const struct mkt_pubkey *keys, unsigned n, struct mkt_hash *out);

/*
 * Take apart and check form: lengths, counts, order of votes.  No signature,
 * root or rule is looked at.  Errors: -MKT_EINTEGRITY with what is wrong.
 */
int mkt_block_dec(const void *p, size_t n, struct mkt_block *b, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Header and votes only, of a whole block or of one whose body was cut off: @b->txs and
 * events are NULL.  *@used (may be NULL) is where the votes end.  -MKT_EINTEGRITY.
 */
int mkt_block_dec_head(const void *p, size_t n, struct mkt_block *b, size_t *used,
		       struct mkt_err *err) MKT_MUST_CHECK;

/* Walk transactions: *at starts NULL; false at the end. */
bool mkt_block_next_tx(const struct mkt_block *b, const uint8_t **at, const uint8_t **tx,
		       uint32_t *len);

/* Transaction number @ix of the block; false if there is none. */
bool mkt_block_tx(const struct mkt_block *b, uint32_t ix, const uint8_t **tx, uint32_t *len);

/*
 * Walk events: *at starts NULL and is left after the event, so that its bytes
 * run from the *at before (b->events at first); false at the end, and at an
 * event that is not well formed.
 */
bool mkt_block_next_event(const struct mkt_block *b, const uint8_t **at, struct mkt_event *ev);

/* Leaf hashes in order, for roots and proofs; @out has room for h.ntxs or h.nevents of them. */
void mkt_block_tx_leaves(const struct mkt_block *b, struct mkt_hash *out);
int mkt_block_event_leaves(const struct mkt_block *b, struct mkt_hash *out,
			   struct mkt_err *err) MKT_MUST_CHECK;

#endif

/*
 * Certificates: one file that proves, with nothing else at hand, that a contract was
 * made, reported and settled on a chain.
 *
 * It holds the two signed envelopes that bid, what they became, the contract, the
 * envelopes and events of its reports and its settlement, each with a Merkle path
 * to a block header, the headers with the authorities' votes, and genesis with the
 * blocks that changed the set of authorities since.
 *
 *   8   "mktcert" 0x01
 *   u64 exec id
 *   u32 length, genesis
 *   u8  n, n x (u32 length, block): each changed the set of authorities; heights ascend
 *   u8  n (1..6), n x (header, u8 votes, votes as in a block); heights ascend
 *   n x item to the end, u8 what ascending: u8 what, u8 head (from 0), u32 index of the
 *       leaf, u8 depth, depth x 32 path, u32 length, the leaf's bytes
 *
 * Items 1..5 and 10 are always there; of 6 and 7, and of 8 and 9, both or none.
 * One content has one encoding; everything else is refused.
 */
#ifndef MKT_CHAIN_CERT_H
#define MKT_CHAIN_CERT_H

#include "core/chain/chain.h"

#define MKT_CERT_MAGIC "mktcert\x01"
#define MKT_CERT_HEADS_MAX 6	      /* buy, sell, two reports, settlement, contract */
#define MKT_CERT_CHANGES_MAX 255      /* of the authorities since genesis: one byte */
#define MKT_CERT_BYTES_MAX (8u << 20) /* four envelopes of 1 MiB, and what proves them */

enum mkt_cert_what {
	MKT_CERT_BUY = 1,  /* envelope of the buyer's bid */
	MKT_CERT_BUY_DONE, /* event RESULT: which number it got */
	MKT_CERT_SELL,
	MKT_CERT_SELL_DONE,
	MKT_CERT_CONTRACT,    /* event CONTRACT */
	MKT_CERT_SUPPLY,      /* envelope that reported the supply */
	MKT_CERT_SUPPLY_DONE, /* event REPORT */
	MKT_CERT_DRAW,
	MKT_CERT_DRAW_DONE,
	MKT_CERT_SETTLED, /* event SETTLED */
	MKT_CERT_END
};

/* An envelope, a leaf of the transactions' tree; the others are events. */
static inline bool mkt_cert_is_tx(unsigned what)
{
	return what == MKT_CERT_BUY || what == MKT_CERT_SELL || what == MKT_CERT_SUPPLY ||
	       what == MKT_CERT_DRAW;
}

struct mkt_cert_item {
	bool there;
	uint8_t head;
	struct mkt_proof proof; /* n is the header's count */
	const uint8_t *p;
	size_t n;
};

/* A certificate taken apart; everything points into the bytes it was decoded from. */
struct mkt_cert {
	uint64_t exec;
	struct mkt_bytes genesis;
	uint8_t nchanges, nheads;
	struct mkt_bytes changes[MKT_CERT_CHANGES_MAX];
	struct mkt_block heads[MKT_CERT_HEADS_MAX];
	struct mkt_cert_item items[MKT_CERT_END];
};

/* True if the bytes begin as a certificate does. */
bool mkt_cert_is(const void *p, size_t n);

/*
 * Take apart and check form: no hash, signature or number is looked at.
 * -MKT_EINTEGRITY with what is wrong.
 */
int mkt_cert_dec(const void *p, size_t n, struct mkt_cert *c, struct mkt_err *err) MKT_MUST_CHECK;

/* What the checker believes in already: at least one of the two. */
struct mkt_cert_trust {
	const struct mkt_hash *chain;  /* id of the chain; NULL: not given */
	const struct mkt_pubkey *keys; /* authorities: more than half of these must have signed */
	unsigned nkeys;
};

/* What is proved. */
struct mkt_cert_facts {
	struct mkt_hash chain;
	char name[MKT_NAME_MAX + 1], currency[MKT_CURRENCY_MAX + 1], zone[MKT_ZONE_MAX + 1];
	char tags[256]; /* as in genesis; values added later are numbers: "energy.7" */
	uint32_t window_s;
	struct mkt_ev_contract contract;
	struct mkt_ev_settled settled;
	int32_t buy_limit_upwh, sell_limit_upwh;
	uint64_t contract_height, settled_height, settled_ms;
	unsigned authorities; /* that have signed the settlement */
};

/* One step was done: a sentence without full stop.  May be NULL. */
typedef void mkt_cert_say_fn(void *ctx, const char *sentence);

/*
 * Check all of it.  @facts is written on success only.  -MKT_EINTEGRITY with the step that
 * failed, -MKT_EINVAL without anything to trust, -MKT_ENOMEM.
 */
struct mkt_cert_check {
	const struct mkt_cert_trust *trust;
	mkt_cert_say_fn *say;
	void *ctx;
};
int mkt_cert_verify(const struct mkt_cert *c, const struct mkt_cert_check *how,
		    struct mkt_cert_facts *facts, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Make the certificate of a settled contract from the chain's blocks and indexes; appended to
 * @out, which is unchanged on failure.  Takes no lock of the state.
 *   -MKT_EUNSETTLED it is not settled, or not known    -MKT_EPRUNED which archive has a block
 *   -MKT_ELIMIT     too many changes of authorities, or events to look through
 *   -MKT_EINTEGRITY, -MKT_EIO, -MKT_ENOMEM
 */
int mkt_cert_build(struct mkt_chain *c, uint64_t exec, struct mkt_buf *out,
		   struct mkt_err *err) MKT_MUST_CHECK;

#endif

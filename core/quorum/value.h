/*
 * Keys and values that authorities keep in the shared store: layout, signing, checking.
 *
 *   id               what chain, which engine, from which block on
 *   ep               epoch and who leads in it
 *   head             the last final block: header and votes
 *   p/<h>/<e>        proposal: header, body length, the leader's vote
 *   a/<h>/<e>/<name> vote: header hash and signature
 *   live/<name>      an authority lives: where it is found, what is on its disk
 *
 * Heights and epochs in keys have 20 digits, so that keys sort as numbers do.  Names are
 * those of the authority set.  A vote's signature is the one of block certificates,
 * mkt_header_sign(); others are Ed25519 over "mkt:sign-kv:v1:\0" || chain id || u8 length and
 * text of the key || the value's bytes before the signature: no value can serve under another
 * key or for another chain.  Byte layout: mkt-protocol(7).
 *
 * Readers take these values for untrusted: every function that reads checks lengths, version,
 * the end, and signatures against the set given.  Nothing here allocates.
 *
 * Source: ledger-engine protocol section 5.1.
 */
#ifndef MKT_QUORUM_VALUE_H
#define MKT_QUORUM_VALUE_H

#include "core/chain/block.h"
#include "core/ledger/authorities.h"
#include "core/quorum/kv.h"

#define MKT_Q_VERSION 1
#define MKT_Q_EPOCH_MAX UINT64_C(1000000000000000000) /* 10^18: e + 1 never wraps */
#define MKT_Q_URL_MAX 255

enum mkt_q_kind {
	MKT_QK_OTHER, /* not one of ours */
	MKT_QK_ID,
	MKT_QK_EP,
	MKT_QK_HEAD,
	MKT_QK_PROPOSAL,
	MKT_QK_VOTE,
	MKT_QK_LIVE,
};

struct mkt_q_key {
	uint8_t kind;
	uint64_t height, epoch;
	char name[MKT_NAME_MAX + 1];
};

/* Take a key apart; one that is not exactly of a form above is OTHER. */
void mkt_q_key_parse(const char *text, struct mkt_q_key *out);

/* Write it: of a kind; p/<h>/ and a/<h>/ of a height; p/<h>/<e> or a/<h>/<e> as end of a range. */
void mkt_q_key_text(const struct mkt_q_key *key, char out[MKT_KV_KEY_MAX + 1]);
void mkt_q_key_height(uint8_t kind, uint64_t height, char out[MKT_KV_KEY_MAX + 1]);
void mkt_q_key_epoch(uint8_t kind, uint64_t height, uint64_t epoch, char out[MKT_KV_KEY_MAX + 1]);

/* 1..31 bytes of ASCII letters, digits, '.', '_' and '-'. */
bool mkt_q_name_ok(const char *name);

/*
 * Which engine: made once by the first authority, in the same step with the first `ep`.  Of
 * generation 1 one authority of the set above @base signs, of a later one a quorum of them.
 * Without a `head` the head is the base.
 */
struct mkt_q_id {
	struct mkt_hash chain;
	uint64_t generation;  /* 1, and one more for each engine that was rebuilt */
	uint64_t cluster;     /* of the store that it was made in */
	uint64_t base;	      /* height of the block above which this store keeps the head */
	struct mkt_hash hash; /* of that block */
	uint8_t nvotes;
	struct mkt_vote votes[MKT_AUTHORITIES_MAX]; /* by number in the set above the base */
};

struct mkt_q_ep {
	uint64_t epoch;		       /* 1..MKT_Q_EPOCH_MAX */
	char holder[MKT_NAME_MAX + 1]; /* who leads, or may begin to */
	char writer[MKT_NAME_MAX +
		    1]; /* who wrote and signed this: the holder, or who hands over */
};

struct mkt_q_head {
	struct mkt_header header;
	struct mkt_hash hash;
	uint8_t nvotes;
	struct mkt_vote votes[MKT_AUTHORITIES_MAX]; /* ascending */
};

struct mkt_q_proposal {
	struct mkt_header header;
	struct mkt_hash hash;
	uint32_t body_len;  /* bytes of the encoded block without its votes */
	struct mkt_sig sig; /* the leader's vote */
};

struct mkt_q_vote {
	struct mkt_hash hash;
	struct mkt_sig sig;
};

struct mkt_q_live {
	char url[MKT_Q_URL_MAX + 1];
	uint64_t durable; /* height on its disk */
};

/* Sign one share of an `id`; the other fields are set. */
void mkt_q_id_sign(const struct mkt_q_id *id, const struct mkt_seckey *key, struct mkt_sig *out);

/* Encode into @out (MKT_KV_VALUE_MAX bytes) and sign; returns the length. */
uint16_t mkt_q_id_put(const struct mkt_q_id *v, uint8_t *out);
uint16_t mkt_q_ep_put(const struct mkt_q_ep *v, const struct mkt_hash *chain,
		      const struct mkt_seckey *key, uint8_t *out);
uint16_t mkt_q_head_put(const struct mkt_q_head *v, uint8_t *out);
uint16_t mkt_q_proposal_put(const struct mkt_q_proposal *v, const struct mkt_seckey *key,
			    uint8_t *out);
uint16_t mkt_q_vote_put(const struct mkt_q_vote *v, uint8_t *out);
uint16_t mkt_q_live_put(const struct mkt_q_live *v, const struct mkt_hash *chain, const char *name,
			const struct mkt_seckey *key, uint8_t *out);

/*
 * Decode.  0; -MKT_EVERSION, -MKT_ETRUNCATED, -MKT_EOVERLONG; -MKT_EINVAL: a field out of
 * range, or not what the key says; -MKT_EFOREIGN: another chain; -MKT_EDENIED: not signed by
 * whom it must.  @out is written on success only.
 *
 * With @set NULL `id`, `ep` and `head` are taken apart without looking at signatures: for who
 * does not know the set in force there.  Votes of `head` and `id` that are checked are a quorum's.
 */
int mkt_q_id_get(const void *p, size_t n, const struct mkt_hash *chain,
		 const struct mkt_authorities *set, struct mkt_q_id *out) MKT_MUST_CHECK;
int mkt_q_ep_get(const void *p, size_t n, const struct mkt_hash *chain,
		 const struct mkt_authorities *set, struct mkt_q_ep *out) MKT_MUST_CHECK;
int mkt_q_head_get(const void *p, size_t n, const struct mkt_hash *chain,
		   const struct mkt_authorities *set, struct mkt_q_head *out) MKT_MUST_CHECK;
/* Of p/<h>/<e>: height, epoch, chain and set of the header agree, its authority signed. */
int mkt_q_proposal_get(const void *p, size_t n, const struct mkt_hash *chain,
		       const struct mkt_authorities *set, const struct mkt_q_key *key,
		       struct mkt_q_proposal *out) MKT_MUST_CHECK;
/* Of a/<h>/<e>/<name>. */
int mkt_q_vote_get(const void *p, size_t n, const struct mkt_authorities *set,
		   const struct mkt_q_key *key, struct mkt_q_vote *out) MKT_MUST_CHECK;
int mkt_q_live_get(const void *p, size_t n, const struct mkt_hash *chain,
		   const struct mkt_authorities *set, const struct mkt_q_key *key,
		   struct mkt_q_live *out) MKT_MUST_CHECK;

/* How many of @votes are good signatures of members for @hash; each member counts once. */
unsigned mkt_q_votes_good(const struct mkt_hash *hash, const struct mkt_vote *votes, unsigned n,
			  const struct mkt_authorities *set);

/* ---- evidence ------------------------------------------------------------------------------ */

enum mkt_evidence_kind {
	/* One authority signed two blocks at one (height, epoch): proves itself. */
	MKT_EVIDENCE_TWICE = 1,
	/*
	 * An authority led with another block at a height where an earlier epoch's had a quorum.
	 * Proves it as long as no voter of that quorum signed later, outside the store.
	 */
	MKT_EVIDENCE_AGAINST = 2,
};

#define MKT_EVIDENCE_BYTES_MAX 4096

struct mkt_evidence {
	uint8_t kind;
	struct mkt_pubkey key;	/* whose fault it is */
	struct mkt_header a, b; /* what it signed; the other one, or the one with a quorum */
	struct mkt_hash a_hash, b_hash;
	struct mkt_sig a_sig, b_sig; /* @key's; b_sig of TWICE */
	uint8_t nvotes;
	struct mkt_vote votes[MKT_AUTHORITIES_MAX]; /* for b; of AGAINST */
};

/* Encode; returns the length. */
uint32_t mkt_evidence_put(const struct mkt_evidence *v, uint8_t out[MKT_EVIDENCE_BYTES_MAX]);

/*
 * Take apart and check all of it: form, chain, that the headers contradict each other, every
 * signature.  @set: in force at that height; NULL (TWICE only): whether @key was an authority
 * is not looked at.  0; -MKT_EINTEGRITY with what is wrong.
 */
int mkt_evidence_check(const void *p, size_t n, const struct mkt_hash *chain,
		       const struct mkt_authorities *set, struct mkt_evidence *out,
		       struct mkt_err *err) MKT_MUST_CHECK;

#endif

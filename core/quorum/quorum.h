/*
 * Several authorities, one chain: who leads, what is proposed, who has attested it,
 * what is committed.  A pure function: an event goes in, actions come out.  It
 * reads no clock and does no I/O; ledgerd drives it with a real etcd, the tests
 * with a seeded simulator of clocks, store, network and disks.
 *
 * The life of block h at epoch e
 *
 *   T0 take over   compare `ep`; put `ep` {e, me}; read `ep`, `head`, p/h/, a/h/ in the same step
 *   build          LEAD and BUILD; the owner executes, syncs body and own vote to its disk: BUILT
 *   T1 propose     compare `ep`, `head`, p/h/e absent; put p/h/e and the own a/h/e/NAME
 *   check          the others fetch the body, check and execute it, sync body and vote: CHECKED
 *   T2 attest      compare `ep`, own a/h/e/NAME absent; put it
 *   T3 commit      with a quorum of votes: compare `ep`, `head`; put `head` with the votes
 *   apply          everyone appends the block with these votes: APPLIED
 *
 * Rules that keep one chain
 *   - a vote is on the voter's disk, with the body, before it is in the store;
 *     never two hashes at one (h, e)
 *   - keys of proposals and votes are only ever created, never changed; one
 *     proposal for each (h, e)
 *   - who takes over commits a proposal at h that has a quorum before it builds its own
 *   - an attester refuses a proposal if one of an earlier epoch has a quorum for another
 *     hash, and publishes the proof
 *   - epochs fence: everything compares `ep`.  Leases only tell who is alive
 *   - an answer that did not come is asked for again with the same transaction, and
 *     nothing else is built at that (h, e)
 *   - a head below what this node has applied, another chain, another generation or
 *     another cluster: HALT
 *
 * Values are signed by the authority that wrote them and are checked when read; what
 * is wrong is passed over and told (ALARM), what proves a fault of an authority is
 * kept (EVIDENCE).  Layout of keys and values: value.h.
 *
 * Threads: none; one owner.  Memory: fixed, allocated by mkt_quorum_new() alone.
 *
 * Source: ledger-engine protocol sections 5 and 6.
 */
#ifndef MKT_QUORUM_QUORUM_H
#define MKT_QUORUM_QUORUM_H

#include "core/chain/block.h"
#include "core/ledger/authorities.h"
#include "core/quorum/kv.h"

struct mkt_quorum;

struct mkt_quorum_conf {
	struct mkt_hash chain;
	struct mkt_seckey key; /* this authority's; copied, wiped by mkt_quorum_free() */
	char name[MKT_NAME_MAX + 1]; /* as in the authority set */
	char url[256];		     /* where the others fetch bodies from this node */
	uint32_t interval_ms;	     /* of blocks: three without progress and another takes over */
	uint32_t lease_ms;	     /* how long a silent leader is taken to live; 3000 */
	uint64_t height;	     /* head of this node's chain, */
	struct mkt_hash hash;	     /* its hash, */
	struct mkt_authorities set;  /* and the set in force above it */
	uint64_t generation;	     /* of the engine, as this node last knew it; 0: never joined */
};

/* What this node has signed above its head, from its disk at start. */
struct mkt_quorum_vote {
	uint64_t height, epoch;
	struct mkt_hash hash;
};

/* -MKT_ENOMEM; -MKT_EDENIED: the key is not in the set (the node may follow only). */
int mkt_quorum_new(const struct mkt_quorum_conf *conf, const struct mkt_quorum_vote *votes,
		   unsigned nvotes, struct mkt_quorum **out, struct mkt_err *err) MKT_MUST_CHECK;
void mkt_quorum_free(struct mkt_quorum *q);

/* ---- events ------------------------------------------------------------------------------- */

enum mkt_q_event_kind {
	MKT_QE_TICK,	/* time has passed: every 50 ms or so, and when a timer is due */
	MKT_QE_SEEN,	/* a watch or a poll: @pair */
	MKT_QE_ANSWER,	/* to a transaction: @txn_id, @answer */
	MKT_QE_WORK,	/* @yes: there is something to seal (or nothing any more) */
	MKT_QE_BUILT,	/* to BUILD: @header; body and vote are synced.  Or @yes false: nothing to build */
	MKT_QE_CHECKED, /* to CHECK: @height, @epoch, @hash, @verdict */
	MKT_QE_APPLIED, /* the chain of this node has grown to @height, @hash; @set from now on */
	MKT_QE_LOST,	/* the store cannot be reached (@yes), or can again */
	MKT_QE_STOP,	/* hand over if leading, then stay quiet */
};

enum mkt_q_verdict {
	MKT_Q_GOOD,	/* executed with the same state; body and vote are synced */
	MKT_Q_BAD,	/* the body is there and wrong: never to be voted for */
	MKT_Q_NO_BODY,	/* nobody has it yet; asked for again */
	MKT_Q_NOT_NOW,	/* disk full, or behind: asked for again */
};

struct mkt_q_event {
	uint8_t kind;
	uint64_t mono_ms;    /* of every event: monotonic time */
	uint64_t utc_ms;     /* and the calendar's, for bounds of block times */
	bool yes;
	uint32_t txn_id;
	const struct mkt_kv_answer *answer;
	const struct mkt_kv_pair *pair;
	const struct mkt_header *header;
	uint64_t height, epoch;
	struct mkt_hash hash;
	uint8_t verdict;
	const struct mkt_authorities *set;
};

/* ---- actions ------------------------------------------------------------------------------ */

enum mkt_q_action_kind {
	MKT_QA_TXN,	 /* run @txn; answered under @txn_id.  UNKNOWN is answered too: q sends it again */
	MKT_QA_LEAD,	 /* lead at @epoch on top of @height, @hash: take transactions */
	MKT_QA_FOLLOW,	 /* do not lead: what was built and is not committed is void */
	MKT_QA_BUILD,	 /* seal the next block at @height, @epoch */
	MKT_QA_CHECK,	 /* fetch from @urls, check, execute, sync with the vote: @header, @sig of its leader */
	MKT_QA_COMMIT,	 /* block @height, @hash is final: append it with @votes */
	MKT_QA_CATCH_UP, /* the head is at @height, @hash: fetch the blocks below from other nodes */
	MKT_QA_FORGET,	 /* prepared bodies below @height are not needed any more */
	MKT_QA_EVIDENCE, /* keep and export @evidence */
	MKT_QA_ALARM,	 /* log @text */
	MKT_QA_HALT,	 /* serve reads, seal and sign nothing more: @text */
};

#define MKT_Q_ACTIONS_MAX 8
#define MKT_Q_URLS_MAX MKT_AUTHORITIES_MAX

struct mkt_q_action {
	uint8_t kind;
	uint32_t txn_id;
	const struct mkt_kv_txn *txn; /* of q; until the next call */
	uint64_t height, epoch;
	struct mkt_hash hash;
	const struct mkt_header *header; /* of q; until the next call */
	struct mkt_sig sig;
	unsigned nurls;
	const char *urls[MKT_Q_URLS_MAX]; /* of q; until the next call */
	unsigned nvotes;
	const struct mkt_vote *votes; /* by number, ascending; of q; until the next call */
	const struct mkt_buf *evidence;
	char text[200];
};

struct mkt_q_out {
	unsigned n;
	struct mkt_q_action v[MKT_Q_ACTIONS_MAX];
	uint64_t timer_ms; /* monotonic: a TICK is wanted then at the latest */
};

/* One step.  @out is written anew. */
void mkt_quorum_step(struct mkt_quorum *q, const struct mkt_q_event *ev, struct mkt_q_out *out);

/* ---- looking ------------------------------------------------------------------------------ */

struct mkt_quorum_view {
	char leader[MKT_NAME_MAX + 1]; /* ""; unknown */
	bool leading, halted, reachable;
	uint64_t epoch, head, applied;
	uint64_t proposal;  /* height under vote; 0: none */
	unsigned votes, needed, members;
	uint64_t progress_ms; /* monotonic: when the head last moved */
	char halt[200];
};
void mkt_quorum_look(const struct mkt_quorum *q, struct mkt_quorum_view *out);

/* Who of the set is alive and how far it is, as far as the store tells. */
struct mkt_quorum_member {
	char name[MKT_NAME_MAX + 1], url[256];
	bool alive;
	uint64_t durable; /* height on its disk */
};
unsigned mkt_quorum_members(const struct mkt_quorum *q, struct mkt_quorum_member *out, unsigned max);

#endif

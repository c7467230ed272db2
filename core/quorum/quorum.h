/*
 * Several authorities, one chain: who leads, what is proposed, who has attested it,
 * what is committed.  A pure function: an event goes in, actions come out.  It
 * reads no clock and does no I/O; ledgerd drives it with a real etcd, the tests
 * with a seeded simulator of clocks, store, network and disks.
 *
 * The life of block h at epoch e
 *
 *   T0 take over   compare `ep`, `head`; put `ep` {e, me}; read p/h/, a/h/ in the same step
 *   build          LEAD, then BUILD; the owner seals, syncs body and own vote to its disk: BUILT
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
 *   - an attester knows all votes of earlier epochs at h before it has anything checked; it
 *     refuses a proposal if one of an earlier epoch has a quorum for another hash, and
 *     publishes the proof
 *   - epochs fence: everything compares `ep`.  Leases only tell who is alive
 *   - an answer that did not come is asked for again with the same transaction, and
 *     nothing else is built at that (h, e)
 *   - a head below what this node has applied, an epoch below one it has signed in, another
 *     chain, another generation or another cluster: HALT.  Told only by answers to
 *     transactions that wrote something: a read may be old, a write cannot
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
	struct mkt_seckey key;	     /* copied; wiped by mkt_quorum_free() */
	char name[MKT_NAME_MAX + 1]; /* while it is not in the set; in it, the set's name counts */
	char url[256];		     /* where the others fetch bodies from this node */
	uint32_t interval_ms;	     /* of blocks: three without progress, another leads */
	uint64_t height;	     /* head of this node's chain, */
	struct mkt_hash hash;	     /* its hash, */
	uint64_t time_ms;	     /* the time of that block, */
	struct mkt_authorities set;  /* and the set in force above it */
	uint64_t generation;	     /* of the engine, as JOINED told last; 0: never joined */
	uint64_t cluster;	     /* likewise */
};

/* What this node has signed above its head, from its disk at start. */
struct mkt_quorum_vote {
	uint64_t height, epoch;
	struct mkt_hash hash;
};

/*
 * A node whose key is not in the set follows only: no action of it is LEAD, BUILD or CHECK.
 * It may be in the set later (APPLIED).  -MKT_ENOMEM; -MKT_EINVAL: no name, a name that a
 * key cannot hold, or one that is another authority's in the set.
 */
int mkt_quorum_new(const struct mkt_quorum_conf *conf, const struct mkt_quorum_vote *votes,
		   unsigned nvotes, struct mkt_quorum **out, struct mkt_err *err) MKT_MUST_CHECK;
void mkt_quorum_free(struct mkt_quorum *q);

/* ---- events ------------------------------------------------------------------------------- */

enum mkt_q_event_kind {
	MKT_QE_TICK,   /* time has passed: at @timer_ms of the last step; more often does no harm */
	MKT_QE_SEEN,   /* a watch: @pair.  A hint: may be lost, late, repeated */
	MKT_QE_ANSWER, /* to a transaction: @txn_id, @answer */
	MKT_QE_WORK,  /* @yes: there is something to seal, here or at a fullnode (or nothing now) */
	MKT_QE_BUILT, /* to BUILD: @header, @body_len; body and own vote are synced */
	MKT_QE_CHECKED, /* to CHECK: @height, @epoch, @hash, @verdict */
	MKT_QE_APPLIED, /* the chain of this node has grown by @header, @hash; @set from now on */
	MKT_QE_HEARD, /* a @header with @sig of its authority that came another way, with a body */
	MKT_QE_LOST,  /* the store cannot be reached (@yes), or can again */
	MKT_QE_STOP,  /* hand over if leading; STOPPED comes, at once if there is nothing to do */
};

enum mkt_q_verdict {
	MKT_Q_GOOD,    /* executed with the same state; body and vote are synced */
	MKT_Q_BAD,     /* the body is there and wrong: never to be voted for */
	MKT_Q_NO_BODY, /* nobody has it yet; CHECK comes again */
	MKT_Q_NOT_NOW, /* disk full, or behind: CHECK comes again */
};

/* Everything pointed to is only looked at during the call. */
struct mkt_q_event {
	uint8_t kind;
	uint64_t mono_ms; /* of every event: monotonic time */
	uint64_t utc_ms;  /* and the calendar's, for bounds of block times */
	bool yes;
	uint32_t txn_id;
	const struct mkt_kv_answer *answer;
	const struct mkt_kv_pair *pair;
	const struct mkt_header *header;
	struct mkt_sig sig;
	uint64_t height, epoch;
	struct mkt_hash hash;
	uint32_t body_len;
	uint8_t verdict;
	const struct mkt_authorities *set;
};

/* ---- actions ------------------------------------------------------------------------------ */

/*
 * What the owner does, in the order given, and what it owes:
 *
 * TXN       Exactly one ANSWER for each txn_id, UNKNOWN or REFUSED included; within seconds.  At
 *           most two are under way.  One that is sent again has a new id.
 * LEAD      Take transactions and execute them on top of @height, @hash.  Nothing is owed.
 * BUILD     One BUILT, whenever a block at (@height, @epoch) on top of the head is sealed (at
 *           the interval, when full, as heartbeat): seconds or hours later.  Header: @height,
 *           @epoch, authority number of this node, and the set hash of the set in force.  Sync
 *           body and vote first.  Void after FOLLOW: no BUILT any more.  One at a time.
 * FOLLOW    Lead no more.  What was executed and is not committed is void, except a block built
 *           or checked before, whose body must be kept until FORGET: COMMIT may still name it.
 * CHECK     One CHECKED with the same (@height, @epoch, @hash).  One at a time: a later CHECK, a
 *           COMMIT and a CATCH_UP take back an earlier CHECK (its CHECKED may still come and is
 *           not heeded).  Body and vote of an earlier CHECK that was GOOD may be there already:
 *           then the answer is GOOD at once.  Never sync a vote for two hashes at one (h, e).
 *           @height is that of this node's chain + 1.  Time and signature of the header were
 *           looked at; body, roots, state, body length @body_len and the rest were not.
 * COMMIT    The block @header, @hash is final, the next of this node's chain.  Append it with
 *           @votes, from the prepared area or fetched from @urls, tried until it is there:
 *           APPLIED.  Also for a block that this node built.
 * CATCH_UP  The head is at @height, @hash.  Fetch, check (certificates) and append blocks up to
 *           and not above it, from other nodes; APPLIED for each, in order.  A later CATCH_UP
 *           names a later head.
 * FORGET    Prepared bodies and votes at and below @height may go.
 * EVIDENCE  Keep and export @evidence, @evidence_len bytes (value.h, mkt_evidence_check()).
 * JOINED    Sync @generation and @cluster for the next start; before the next call.
 * ALARM     Log @text.
 * STOPPED   After STOP: nothing more comes.
 * HALT      Serve reads, seal and sign nothing more until an operator has looked; @text.  As
 *           FOLLOW, and for ever: later calls of step give no actions.
 */
enum mkt_q_action_kind {
	MKT_QA_TXN,
	MKT_QA_LEAD,
	MKT_QA_FOLLOW,
	MKT_QA_BUILD,
	MKT_QA_CHECK,
	MKT_QA_COMMIT,
	MKT_QA_CATCH_UP,
	MKT_QA_FORGET,
	MKT_QA_EVIDENCE,
	MKT_QA_JOINED,
	MKT_QA_ALARM,
	MKT_QA_STOPPED,
	MKT_QA_HALT,
};

#define MKT_Q_ACTIONS_MAX 16
#define MKT_Q_URLS_MAX MKT_AUTHORITIES_MAX

/* What is pointed to belongs to q and lasts until the next call. */
struct mkt_q_action {
	uint8_t kind;
	uint32_t txn_id;
	const struct mkt_kv_txn *txn;
	uint64_t height, epoch;
	struct mkt_hash hash;
	const struct mkt_header *header;
	uint32_t body_len;
	struct mkt_sig sig; /* of @header by its authority: its vote */
	unsigned nurls;	    /* the leader first, then who voted for it, then the rest */
	const char *urls[MKT_Q_URLS_MAX];
	unsigned nvotes;
	const struct mkt_vote *votes; /* by number, ascending */
	const uint8_t *evidence;
	uint32_t evidence_len;
	uint64_t generation, cluster;
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
	bool leading, halted, stopped, reachable;
	bool member; /* this node is in the set */
	uint64_t epoch, head, applied;
	uint64_t proposal; /* height under vote; 0: none */
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
unsigned mkt_quorum_members(const struct mkt_quorum *q, struct mkt_quorum_member *out,
			    unsigned max);

#endif

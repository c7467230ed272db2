/*
 * Inside the protocol: what a node knows, and the parts that act on it.
 *
 *   quorum.c   events in, actions out; what is owed and when
 *   learn.c    what keys of the store say, checked
 *   round.c    proposals and votes at the next height: who has a quorum, what proves a fault
 *   txn.c      building transactions, sending them again, what their answers mean
 *   lead.c     taking over, proposing, committing, handing over, clearing away
 *   attest.c   checking and voting
 */
#ifndef MKT_QUORUM_QUORUM_IMPL_H
#define MKT_QUORUM_QUORUM_IMPL_H

#include "core/quorum/quorum.h"
#include "core/quorum/value.h"

/*
 * Epochs at one height that are remembered.  A leader clears away those that came to nothing
 * (ROUNDS_CLEAN of them), so that more are there only while leaders die one after the other.
 */
#define ROUNDS_MAX 16
#define ROUNDS_CLEAN 8
#define ROUNDS_KEEP 4 /* of the latest epochs, when it clears away */
#define OWN_MAX 64
#define KEEP_BLOCKS 256 /* proposals and votes below the head */
#define PRUNE_EVERY 64
#define RANK_MS 200
#define POLL_MS 1000
#define LIVE_MS 5000 /* an own write at least this often: only writes tell of a rolled back store */
#define RETRY_MS 100 /* an unknown outcome is asked for again */
#define READ_MIN_MS 20 /* between reads that were wanted at once */
#define RECHECK_MS 200
#define AHEAD_MS 2000 /* of a block's time over this node's clock */
#define PATIENCE_MIN_MS 600
#define ALARMS_MAX 6 /* of one step */

enum purpose {
	FOR_NOTHING,
	/* main: one at a time */
	FOR_JOIN,
	FOR_TAKE,
	FOR_CLEAN,
	FOR_PROPOSE,
	FOR_ATTEST,
	FOR_COMMIT,
	FOR_HANDOVER,
	/* side */
	FOR_READ,
	FOR_LIVE,
	FOR_PRUNE,
};

/* A transaction under way, or to be sent again. */
struct slot {
	uint8_t purpose;
	bool flying;
	uint32_t id;
	uint64_t again_ms;
	uint64_t height, epoch; /* what it is about */
	struct mkt_hash hash;
	/* as they were when it was first sent: a written answer below them tells of a roll back */
	uint64_t applied, signed_epoch, revision;
	struct mkt_hash applied_hash;
	struct mkt_kv_txn txn;
};

struct cell {
	bool have;
	uint64_t mod; /* of the value looked at, good or not */
	struct mkt_q_vote v;
};

struct round {
	bool used, have, bad, told, refused;
	uint64_t epoch, mod;
	struct mkt_q_proposal p;
	struct cell votes[MKT_AUTHORITIES_MAX];
};

struct live {
	bool alive;
	uint64_t mod, gone_ms, durable;
	char url[MKT_Q_URL_MAX + 1];
};

struct mkt_quorum {
	struct mkt_quorum_conf conf; /* key and names; not what changes */
	struct mkt_hash set_hash;
	struct mkt_authorities set;
	char name[MKT_NAME_MAX + 1];
	int me; /* number in the set, -1 */

	uint64_t now_ms, utc_ms;
	struct mkt_q_out *out;
	unsigned alarms;
	bool accused; /* the buffer is in use: one piece of evidence a step */
	uint8_t evidence[MKT_EVIDENCE_BYTES_MAX];
	char urls[MKT_Q_URLS_MAX][MKT_Q_URL_MAX + 1]; /* as last given to CHECK or COMMIT */

	bool halted, stopping, stopped, lost, joined;
	char why[200];
	uint64_t generation, cluster;
	uint64_t revision; /* latest of the store that an answer told */

	uint64_t applied, applied_ms;
	struct mkt_hash applied_hash;

	/* ep */
	bool ep_known, ep_good;
	uint64_t ep_mod;       /* what transactions compare; 0: absent */
	uint64_t ep_seen;      /* latest revision looked at */
	uint64_t epoch;	       /* highest that `ep` said */
	uint64_t epoch_floor;  /* highest of values that were not good */
	uint64_t signed_epoch; /* highest that this node has signed in */
	char holder[MKT_NAME_MAX + 1];
	uint64_t ep_ms; /* when it changed */

	/* head; before the first, the base of `id` */
	bool head_known, head_good; /* good: votes were checked */
	uint64_t head_mod, head_seen;
	uint64_t head;
	struct mkt_hash head_hash;
	struct mkt_q_head last; /* the value, when head_mod is not 0 */
	uint64_t told_commit, catch_to;

	/* rounds at height head + 1, while applied == head */
	struct round rounds[ROUNDS_MAX];
	uint64_t clear_mod, clear_height; /* all votes before the epoch of `ep` at that revision */
	bool missed;			  /* something was passed over that counts now: read */
	struct live live[MKT_AUTHORITIES_MAX];
	bool live_known, live_me;

	/* leading */
	bool leading, lead_told, building, built;
	uint64_t build_height;
	struct mkt_q_proposal mine;
	bool proposed;	  /* at (head + 1, epoch) */
	uint64_t sick_ms; /* not to take over before */
	uint64_t pruned;

	/* attesting */
	bool checking, checked;
	uint64_t check_epoch, check_ms; /* again at; 0: it is with the owner */
	struct mkt_hash check_hash;
	struct mkt_quorum_vote own[OWN_MAX];
	unsigned nown;
	uint64_t own_floor_epoch, own_floor_height; /* forgotten up to here: no vote there */

	bool work;
	uint64_t work_ms, progress_ms;
	uint64_t round_ms; /* when a proposal of the present epoch came */
	unsigned fails;	   /* changes of epoch since the head moved */

	uint64_t poll_ms, read_ms, live_ms, live_height;
	bool want_read;
	uint32_t next_id;
	struct slot main, side;
};

/* quorum.c */
struct mkt_q_action *mkt_q_act(struct mkt_quorum *q, uint8_t kind);
void mkt_q_alarm(struct mkt_quorum *q, const char *fmt, ...) MKT_PRINTF(2, 3);
void mkt_q_halt(struct mkt_quorum *q, const char *fmt, ...) MKT_PRINTF(2, 3);
void mkt_q_lead_no_more(struct mkt_quorum *q);
void mkt_q_urls(struct mkt_quorum *q, struct mkt_q_action *a, const struct mkt_vote *votes,
		unsigned nvotes, unsigned leader);

/* learn.c: a pair of a watch or an answer; all of an answer */
void mkt_q_learn(struct mkt_quorum *q, const struct mkt_kv_pair *pair);
void mkt_q_learn_all(struct mkt_quorum *q, const struct slot *s, const struct mkt_kv_answer *a);
void mkt_q_head_moved(struct mkt_quorum *q, const struct mkt_q_head *v, uint64_t mod, bool good);
void mkt_q_ep_is(struct mkt_quorum *q, const struct mkt_q_ep *v, uint64_t mod);
void mkt_q_catch_up(struct mkt_quorum *q);

/* round.c */
void mkt_q_rounds_clear(struct mkt_quorum *q);
void mkt_q_learn_proposal(struct mkt_quorum *q, const struct mkt_kv_pair *pair,
			  const struct mkt_q_key *key);
void mkt_q_learn_vote(struct mkt_quorum *q, const struct mkt_kv_pair *pair,
		      const struct mkt_q_key *key);
void mkt_q_learn_rounds(struct mkt_quorum *q, const struct mkt_kv_answer *a);
struct round *mkt_q_round(struct mkt_quorum *q, uint64_t epoch);
unsigned mkt_q_round_votes(const struct mkt_quorum *q, const struct round *r);
/* Its votes, ascending, into room for MKT_AUTHORITIES_MAX. */
unsigned mkt_q_round_list(const struct mkt_quorum *q, const struct round *r, struct mkt_vote *out);
bool mkt_q_round_final(const struct mkt_quorum *q, const struct round *r);
/* One with a quorum, of an epoch below @epoch; NULL. */
struct round *mkt_q_round_before(struct mkt_quorum *q, uint64_t epoch);
void mkt_q_refuse(struct mkt_quorum *q, struct round *r, const struct round *final);
void mkt_q_heard(struct mkt_quorum *q, const struct mkt_header *h, const struct mkt_sig *sig);
bool mkt_q_clear(const struct mkt_quorum *q);

/* txn.c */
struct mkt_kv_txn *mkt_q_begin(struct mkt_quorum *q, struct slot *s, uint8_t purpose);
void mkt_q_cmp(struct mkt_kv_txn *t, const char *key, uint64_t rev);
struct mkt_kv_op *mkt_q_then(struct mkt_kv_txn *t, uint8_t kind, const char *key);
struct mkt_kv_op *mkt_q_else(struct mkt_kv_txn *t, uint8_t kind, const char *key);
void mkt_q_put_ep(struct mkt_quorum *q, struct mkt_kv_op *op, uint64_t epoch, const char *holder);
void mkt_q_then_rounds(struct mkt_kv_txn *t, uint64_t height);
void mkt_q_send(struct mkt_quorum *q, struct slot *s);
void mkt_q_answer(struct mkt_quorum *q, uint32_t id, const struct mkt_kv_answer *a);
void mkt_q_poll(struct mkt_quorum *q);

/* lead.c: step() of each part, and answers to its transactions */
uint64_t mkt_q_takeover_ms(const struct mkt_quorum *q); /* UINT64_MAX: not at all */
void mkt_q_lead(struct mkt_quorum *q);
void mkt_q_join(struct mkt_quorum *q);
void mkt_q_leave(struct mkt_quorum *q);
void mkt_q_prune(struct mkt_quorum *q);
void mkt_q_built(struct mkt_quorum *q, const struct mkt_header *h, uint32_t body_len);
void mkt_q_took(struct mkt_quorum *q, const struct mkt_kv_answer *a);
void mkt_q_proposed(struct mkt_quorum *q, const struct mkt_kv_answer *a);
void mkt_q_committed(struct mkt_quorum *q, const struct mkt_kv_answer *a);
void mkt_q_cleaned(struct mkt_quorum *q, const struct mkt_kv_answer *a);

/* attest.c */
void mkt_q_attest(struct mkt_quorum *q);
void mkt_q_checked(struct mkt_quorum *q, const struct mkt_q_event *ev);
void mkt_q_attested(struct mkt_quorum *q, const struct mkt_kv_answer *a);
bool mkt_q_own_allows(const struct mkt_quorum *q, uint64_t height, uint64_t epoch,
		      const struct mkt_hash *hash);
void mkt_q_own_add(struct mkt_quorum *q, uint64_t height, uint64_t epoch,
		   const struct mkt_hash *hash);

#endif

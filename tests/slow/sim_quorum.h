/*
 * A world of authorities around core/quorum: clocks that run unequally, a store (sim_kv.h), a
 * network that delays, loses, repeats and is cut, disks that forget what was not synced, and
 * owners that do what quorum.h asks of them.  Time is virtual; all chance comes from one seed.
 *
 * After each step sim_check.c looks whether what must hold, holds; the first fault ends the run.
 */
#ifndef MKT_TESTS_SIM_QUORUM_H
#define MKT_TESTS_SIM_QUORUM_H

#include "core/quorum/quorum.h"
#include "core/quorum/value.h"
#include "tests/rng.h"
#include "tests/slow/sim_kv.h"

#define SIM_NODES 6
#define SIM_BLOCKS 4096
#define SIM_HEIGHTS 2048
#define SIM_UTC_MS UINT64_C(1800000000000)
#define SIM_SKEW_MS 400 /* of clocks that are right */

enum sim_faulty {
	SIM_HONEST,
	SIM_BAD_ROOT, /* proposes a wrong state */
	SIM_WITHHOLD, /* gives nobody its bodies */
	SIM_TWICE,    /* tells one peer of another block at the same (height, epoch) */
	SIM_STALE,    /* proposes on an old parent */
	SIM_FUTURE,   /* an hour ahead */
	SIM_AGAINST,  /* passes over blocks that have a quorum */
	SIM_FAULTS
};

struct sim_block {
	struct mkt_header h;
	struct mkt_hash hash;
	uint64_t txs, all; /* in it; in the chain up to it */
	uint16_t prev;
	uint8_t set_after; /* number of the set that holds above it */
	bool bad;
	uint32_t votes; /* nodes that attested it in the store */
};

struct sim_node {
	struct mkt_quorum *q;
	struct mkt_seckey key;
	struct mkt_pubkey pub;
	char name[MKT_NAME_MAX + 1];
	uint8_t faulty;
	bool up, halted;
	uint32_t life; /* counts restarts: what belongs to an earlier one is void */
	uint64_t paused_us;
	bool cut; /* from the store */
	uint32_t peers_cut;
	int64_t skew_ms, jump_ms;
	uint32_t rate_ppm; /* 1,000,000: right */

	/* disk */
	uint64_t height, generation, cluster;
	uint16_t chain[SIM_HEIGHTS];
	uint8_t body[SIM_BLOCKS]; /* with the vote: 0 none, 1 written, 2 synced */
	bool signed_[SIM_BLOCKS]; /* no disk: what the tests saw it sign */

	/* the owner's memory */
	uint64_t pool, built_us, tick_us, lease_us, build_h, build_e;
	uint64_t target;
	struct mkt_hash target_hash;
	bool working, building, chasing, watching, lost;
	uint32_t unknowns, watch;
	uint64_t watch_us;
};

enum sim_kind {
	SIM_TICK,
	SIM_REQUEST,
	SIM_ANSWER,
	SIM_TIMEOUT,
	SIM_WATCH,
	SIM_RESYNC,
	SIM_CHECK,
	SIM_SYNC,
	SIM_SEAL,
	SIM_SEALED,
	SIM_CHASE,
	SIM_APPEND,
	SIM_HEARD,
	SIM_KEEPALIVE,
	SIM_SUBMIT,
	SIM_FAULT,
	SIM_RESTART,
	SIM_HEAL,
};

struct sim_request {
	struct sim_request *next;
	struct mkt_kv_answer *answer; /* in the arena, with room for its pairs only */
	uint32_t refs, id;
	uint64_t sent_us;
	bool answered;
	struct mkt_kv_txn t;
};

struct sim_event {
	uint64_t at_us, order;
	uint8_t kind, node;
	uint32_t life, arg;
	uint64_t more;
	struct sim_request *req;
};

/* What goes wrong, and how much. */
struct sim_plan {
	unsigned n, learner; /* authorities; one more that joins later */
	int remove;	     /* who leaves, -1 */
	bool bft, slow, stale, jumps, rollback, foreign, long_run;
	uint32_t loss_ppm, repeat_ppm;
	uint64_t faults_us, end_us;
};

struct sim {
	uint64_t seed, now_us, order;
	struct rng r;
	struct sim_plan plan;
	struct sim_kv kv;
	bool store_down, calm, rolled;
	uint64_t store_down_us;

	unsigned n; /* nodes */
	struct sim_node node[SIM_NODES];
	struct mkt_authorities sets[2], everybody;
	struct mkt_hash chain;
	uint64_t txs, change_us;

	uint32_t nblocks;
	struct sim_block block[SIM_BLOCKS];

	/* what is known to be */
	uint64_t head, epoch;
	uint16_t final[SIM_HEIGHTS], certified[SIM_HEIGHTS];
	uint32_t checked;  /* changes of the store looked at */
	unsigned stepping; /* node */
	char fault[200];

	uint64_t steps, nfaults, evidence, commits, takeovers;

	uint32_t nevents, events_cap;
	struct sim_event *events; /* heap */
	struct sim_request *spare;
};

/* Planted faults: the simulator must find them. */
enum sim_plant { SIM_NO_PLANT, SIM_NO_CERTIFICATES, SIM_NO_EPOCH };
extern unsigned sim_plant;
extern bool sim_trace; /* print every action */

/* Run one seed.  True: nothing was wrong; else s->fault says what was. */
bool sim_run(struct sim *s, uint64_t seed);

/* ---- among the parts ---- */
uint64_t sim_below(struct sim *s, uint64_t n);
bool sim_chance(struct sim *s, uint32_t ppm);
void sim_at(struct sim *s, uint64_t delay_us, uint8_t kind, unsigned node, uint32_t arg,
	    uint64_t more, struct sim_request *req);
void sim_wrong(struct sim *s, const char *fmt, ...) MKT_PRINTF(2, 3);
uint16_t sim_find(const struct sim *s, const struct mkt_hash *hash); /* 0: none */
const struct mkt_authorities *sim_set(const struct sim *s, const struct sim_block *b);
bool sim_reach(const struct sim *s, unsigned a, unsigned b);
uint64_t sim_utc_ms(const struct sim *s, const struct sim_node *n);

/* sim_node.c */
void sim_start(struct sim *s, unsigned node);
void sim_crash(struct sim *s, unsigned node);
void sim_happens(struct sim *s, struct sim_event *e); /* to a node */
void sim_drop(struct sim *s, struct sim_event *e);
void sim_step(struct sim *s, unsigned node, struct mkt_q_event *ev);
void sim_store_changed(struct sim *s);
bool sim_works(const struct sim *s, const struct sim_node *n);

/* sim_check.c */
void sim_check_store(struct sim *s);
void sim_check_action(struct sim *s, unsigned node, const struct mkt_q_action *a);
void sim_check_signature(struct sim *s, const struct mkt_pubkey *pub, const struct mkt_hash *hash);
bool sim_check_settled(const struct sim *s);

#endif

/*
 * The sequencer: the one thread that changes the state.  It takes verified
 * chunks in the order in which their batches were submitted, and decides when
 * blocks open and end:
 *
 *   system clock    a block opens with its first transaction, or when time alone
 *                   changes the state, or as a heartbeat.  It ends when the
 *                   interval since the last one is over, or at a limit.  If
 *                   nothing was sealed within the last interval, what is queued
 *                   is drained and the block ends at once
 *   operator clock  only CLOCK moves time: it ends the open block and opens the
 *                   next.  A block ends when the queue is drained
 */
#include "core/base/compat.h"

#include <errno.h>
#include <time.h>

#include "core/app/log.h"
#include "ledgerd/pipe_impl.h"

#define NAP_MS_MAX 1000u /* the system clock may be set while we sleep */
#define HOLD_WORK 256u	 /* operations and legs executed under one hold of the lock */
#define CLOCK_BACK_MS 2000u

struct seq {
	struct ld_node *n;
	struct ld_pipe *p;
	struct ld_block *open;	      /* NULL: none */
	uint64_t height;	      /* of the last begun block */
	uint64_t time_ms;	      /* its time */
	uint64_t next_tx;	      /* transactions in all blocks before the next to open */
	uint64_t opened_ms, ended_ms; /* monotonic: of the open block; of the last end */
	bool quick;		      /* the chain was quiet when it opened */
	bool held;		      /* n->lock, for writing */
	uint32_t work;
	bool clock_warned;
};

static void hold(struct seq *s)
{
	if (!s->held)
		pthread_rwlock_wrlock(&s->n->lock);
	s->held = true;
}

static void drop(struct seq *s)
{
	if (s->held) {
		atomic_fetch_add(&s->n->version, 1);
		pthread_rwlock_unlock(&s->n->lock);
	}
	s->held = false;
	s->work = 0;
}

/* ---- blocks ------------------------------------------------------------------------------ */

/* False only while stopping with a full disk, and when the lead is lost. */
static bool open_block(struct seq *s, uint64_t time_ms)
{
	const struct mkt_authorities *set;
	struct ld_block *b;
	struct mkt_err err = {0};

	drop(s);
	b = ld_block_take(s->p, false);
	if (!b)
		return false;
	hold(s);
	b->height = s->height + 1;
	b->time_ms = time_ms;
	b->first_tx = s->next_tx;
	b->first_bid = mkt_state_next_bid(s->n->state);
	b->first_exec = mkt_state_next_exec(s->n->state);
	set = mkt_state_authorities(s->n->state);
	mkt_authorities_set_hash(set, &b->signers);
	b->authority = (uint16_t)mkt_authorities_find(set, &s->n->pub);
	if (mkt_state_begin(s->n->state, b->height, time_ms, &b->ev, &err) < 0)
		ld_fatal("cannot open a block", &err);
	s->open = b;
	s->height = b->height;
	s->time_ms = time_ms;
	s->opened_ms = ld_mono_ms();
	s->quick = s->opened_ms - s->ended_ms >= s->n->g->interval_ms;
	atomic_store(&s->p->pending_height, b->height);
	return true;
}

static void end_block(struct seq *s)
{
	struct ld_block *b = s->open;
	struct mkt_err err = {0};

	hold(s);
	if (mkt_state_end(s->n->state, &b->delta, &b->digest) < 0) {
		mkt_err_code(&err, MKT_ENOMEM);
		ld_fatal("cannot end a block", &err);
	}
	ld_node_authorities(s->n, &b->set);
	drop(s);
	s->open = NULL;
	s->next_tx += b->ntxs;
	s->ended_ms = ld_mono_ms();
	ld_block_ended(s->p, b);
}

static bool full(const struct seq *s, const struct ld_item *it)
{
	const struct ld_block *b = s->open;

	/* Half of the bytes are left for events of what is to come. */
	return b->ntxs >= s->n->g->block_txs ||
	       b->bytes + it->len + b->ev.bytes.len > MKT_BLOCK_BYTES_MAX / 2;
}

/* The time of a block that would open now. */
static uint64_t block_time(struct seq *s)
{
	uint64_t now;

	if (ld_node_operator_clock(s->n))
		return s->time_ms;
	now = ld_utc_ms();
	if (now + CLOCK_BACK_MS < s->time_ms && !s->clock_warned)
		mkt_log(MKT_LOG_WARNING,
		       "the system clock is %llu s behind the chain: block time stands still",
		       (unsigned long long)((s->time_ms - now) / 1000));
	s->clock_warned = now + CLOCK_BACK_MS < s->time_ms;
	return now > s->time_ms ? now : s->time_ms;
}

/* ---- transactions -------------------------------------------------------------------------- */

static bool is_clock(const struct mkt_tx *tx)
{
	return tx->nops == 1 && tx->ops[0].kind == MKT_OP_CLOCK;
}

static bool is_authority(const struct mkt_tx *tx)
{
	return tx->ops[0].kind == MKT_OP_AUTHORITY;
}

/* May this node seal the next block?  The set may have grown beyond it, or dropped it. */
static int may_seal(const struct seq *s, struct mkt_err *err)
{
	const struct mkt_authorities *set = mkt_state_authorities(s->n->state);

	if (mkt_authorities_find(set, &s->n->pub) < 0)
		return mkt_err_set(err, MKT_EHALTED, "this node is not an authority any more");
	if (!s->n->engine && mkt_authorities_quorum(set) > 1)
		return mkt_err_set(err, MKT_EHALTED,
				   "%u of %u authorities must sign the next block: set [etcd]",
				   mkt_authorities_quorum(set), set->n);
	return 0;
}

/*
 * Before a block is opened for @tx: would it be refused?  The state still stands
 * at the last block, so what it says of time is looked at here, for @time_ms.
 */
static int admit_ahead(struct seq *s, const struct mkt_tx *tx, uint64_t time_ms, bool clock,
		       struct mkt_err *err)
{
	uint64_t validity_s = s->n->g->validity_s;
	int res = mkt_state_admit(s->n->state, tx, err);

	if (res < 0 && res != -MKT_EVALIDITY && !(clock && res == -MKT_ECLOCK) &&
	    !(is_authority(tx) && res == -MKT_EAUTHORITY))
		return res;
	if (time_ms > tx->valid_until_s * 1000)
		return mkt_err_set(err, MKT_EEXPIRED, "the transaction's valid-until has passed");
	if (tx->valid_until_s > time_ms / 1000 + validity_s)
		return mkt_err_set(err, MKT_EVALIDITY,
				   "the transaction's valid-until is more than %llu s ahead",
				   (unsigned long long)validity_s);
	return 0;
}

/*
 * A block for @tx: the open one, or a new one.  CLOCK always gets a new one, with its time;
 * AUTHORITY one for itself.
 */
static int ready_block(struct seq *s, const struct ld_item *it, struct mkt_err *err)
{
	const struct mkt_tx *tx = &it->tx;
	bool clock = is_clock(tx) && ld_node_operator_clock(s->n);
	uint64_t time_ms;
	int res;

	if (s->open && !clock && !is_authority(tx) && !full(s, it))
		return 0;
	res = may_seal(s, err);
	if (res < 0)
		return res;
	time_ms = clock ? tx->ops[0].u.clock.time_ms : block_time(s);
	res = admit_ahead(s, tx, time_ms, clock, err);
	if (res < 0)
		return res;
	if (clock && tx->account != MKT_OPERATOR)
		return mkt_err_set(err, MKT_EDENIED, "only the operator moves the clock");
	if (clock && time_ms < s->time_ms)
		return mkt_err_set(err, MKT_ECLOCK, "the clock may only go forward");
	if (clock && time_ms > MKT_TIME_MS_MAX)
		return mkt_err_set(err, MKT_ECLOCK, "the clock ends with the year 9999");
	if (s->open)
		end_block(s);
	if (!open_block(s, time_ms))
		return mkt_err_code(err, atomic_load(&s->p->append_full) ? MKT_EDISKFULL
									 : MKT_ENOTLEADER);
	return 0;
}

static int grow_block(struct ld_block *b)
{
	uint32_t cap = b->cap ? b->cap * 2 : 256;
	struct mkt_bytes *txs;
	struct mkt_hash *ids, *leaves;

	if (b->ntxs < b->cap)
		return 0;
	txs = realloc(b->txs, cap * sizeof(*txs));
	if (txs)
		b->txs = txs;
	ids = realloc(b->ids, cap * sizeof(*ids));
	if (ids)
		b->ids = ids;
	leaves = realloc(b->leaves, cap * sizeof(*leaves));
	if (leaves)
		b->leaves = leaves;
	if (!txs || !ids || !leaves)
		return -MKT_ENOMEM;
	b->cap = cap;
	return 0;
}

static void execute(struct seq *s, struct ld_item *it)
{
	struct ld_block *b = s->open;
	uint32_t first = b->ev.n;
	uint32_t ix = b->ntxs;

	if (grow_block(b) < 0 || mkt_state_apply(s->n->state, &it->tx, ix, &b->ev) < 0)
		ld_fatal("cannot execute a transaction: out of memory", NULL);
	b->txs[ix] = (struct mkt_bytes){it->p, it->len};
	b->ids[ix] = it->tx.id;
	b->leaves[ix] = it->leaf;
	b->bytes += it->len + 4;
	b->ntxs++;
	if (b->ev.n > first)
		mkt_buf_add(&it->events, b->ev.bytes.data + b->ev.at[first],
			    b->ev.at[b->ev.n] - b->ev.at[first]);
	if (it->events.bad)
		ld_fatal("cannot keep the results of a transaction: out of memory", NULL);
	it->verdict = LD_EXECUTED;
	it->height = b->height;
	it->time_ms = b->time_ms;
	it->ix = ix;
	s->work += it->tx.nops + it->tx.nlegs;
}

static void run_item(struct seq *s, struct ld_batch *b, struct ld_item *it)
{
	struct mkt_err err = {0};
	int res = 0;

	if (it->unsure)
		res = ld_item_verify_late(s->n, it, &err);
	if (!res)
		res = ld_item_admit(s->n, it,
				    ld_node_operator_clock(s->n) ? s->time_ms : ld_mono_ms(), &err);
	if (!res)
		res = ready_block(s, it, &err);
	if (!res) {
		hold(s);
		res = mkt_state_admit(s->n->state, &it->tx, &err);
	}
	if (!res) {
		execute(s, it);
		if (is_authority(&it->tx))
			end_block(s); /* what follows is signed by another set */
		atomic_fetch_add(&s->p->executed, 1);
		return;
	}
	if (res == -MKT_ENOTLEADER) {
		ld_item_void(it);
		return;
	}
	ld_item_refuse(it, &err);
	atomic_fetch_add(&s->p->refused, 1);
	if (res == -MKT_ECONFLICT || res == -MKT_EEXPIRED) {
		it->verdict = LD_SEEN;
		b->seen_height = s->height;
	}
}

/* ---- batches ------------------------------------------------------------------------------- */

/* All of @b is executed or refused. */
static void finish_batch(struct seq *s, struct ld_batch *b)
{
	struct ld_pipe *p = s->p;
	bool waits;

	for (uint32_t i = 0; i < b->nitems; i++)
		if (b->items[i].verdict == LD_EXECUTED && b->items[i].height > b->done_height)
			b->done_height = b->items[i].height;
	b->next = NULL;
	pthread_mutex_lock(&p->cm);
	waits = b->done_height > p->appended_height;
	b->on_disk = !waits;
	if (waits && b->wait == LD_WAIT_EXECUTED) {
		pthread_mutex_unlock(&p->cm);
		ld_batch_answer(b); /* our hold is still on it */
		pthread_mutex_lock(&p->cm);
		waits = b->done_height > p->appended_height;
	}
	if (waits) {
		if (p->sealing_tail)
			p->sealing_tail->next = b;
		else
			p->sealing_head = b;
		p->sealing_tail = b;
	}
	pthread_mutex_unlock(&p->cm);
	if (waits)
		return;
	ld_batch_answer(b);
	ld_batch_put(b);
}

static void run_chunk(struct seq *s, struct ld_batch *b, bool parking)
{
	struct ld_pipe *p = s->p;
	uint32_t at = b->seq_chunk * LD_CHUNK;
	uint32_t end = at + LD_CHUNK < b->nitems ? at + LD_CHUNK : b->nitems;
	bool last;

	for (; at < end; at++) {
		if (b->items[at].form_code)
			atomic_fetch_add(&p->refused, 1);
		else if (parking)
			ld_item_void(&b->items[at]);
		else
			run_item(s, b, &b->items[at]);
		if (s->work >= HOLD_WORK)
			drop(s);
	}
	drop(s);
	pthread_mutex_lock(&p->mu);
	last = ++b->seq_chunk == b->nchunks;
	if (last) {
		p->head = b->next;
		if (!p->head)
			p->tail = NULL;
	}
	pthread_mutex_unlock(&p->mu);
	if (last)
		finish_batch(s, b);
}

/* ---- time ---------------------------------------------------------------------------------- */

/* Monotonic time of the UTC instant @ms, at most a nap away. */
static uint64_t mono_of(uint64_t ms, uint64_t mono_now)
{
	uint64_t now = ld_utc_ms();

	if (ms <= now)
		return mono_now;
	return mono_now + (ms - now < NAP_MS_MAX ? ms - now : NAP_MS_MAX);
}

/* The UTC instant at which a block is due though no transaction comes. */
static uint64_t time_alone(const struct seq *s)
{
	uint64_t at = mkt_state_next_ms(s->n->state);
	uint64_t heartbeat_ms = (uint64_t)s->n->g->heartbeat_s * 1000;

	if (heartbeat_ms && s->time_ms + heartbeat_ms < at)
		at = s->time_ms + heartbeat_ms;
	return at;
}

/* When to act if no chunk becomes ready (monotonic); UINT64_MAX: never. */
static uint64_t next_deadline(const struct seq *s, bool drained, uint64_t now)
{
	bool operator_clock = ld_node_operator_clock(s->n);
	uint32_t interval = s->n->g->interval_ms;

	if (s->open && drained && (s->quick || operator_clock))
		return now;
	if (s->open)
		return (s->quick ? s->opened_ms : s->ended_ms) + interval;
	if (operator_clock)
		return UINT64_MAX;
	return mono_of(time_alone(s), now);
}

static void on_time(struct seq *s)
{
	if (s->open) {
		end_block(s);
		return;
	}
	if (ld_node_operator_clock(s->n) || time_alone(s) > ld_utc_ms() || may_seal(s, NULL) < 0)
		return;
	if (open_block(s, block_time(s)))
		end_block(s);
}

/* ---- the thread ---------------------------------------------------------------------------- */

/* Where the chain stands. */
static void begin(struct seq *s)
{
	s->height = mkt_state_height(s->n->state);
	s->time_ms = mkt_state_time_ms(s->n->state);
	s->next_tx = s->p->next_tx;
	s->opened_ms = s->ended_ms = 0;
}

/*
 * The lead is lost, or never was there: forget the open block, and wait.  The state is left as
 * it is, to whoever parked us.
 */
static void park(struct seq *s)
{
	bool stop;

	struct ld_pipe *p = s->p;

	drop(s);
	if (s->open)
		ld_blocks_put(p, &s->open, 1);
	s->open = NULL;
	pthread_mutex_lock(&p->mu);
	p->parked = true;
	pthread_cond_broadcast(&p->parking);
	while (p->park && !p->stop)
		pthread_cond_wait(&p->parking, &p->mu);
	stop = p->park;
	p->parked = stop;
	pthread_mutex_unlock(&p->mu);
	if (!stop)
		begin(s);
}

enum what { RUN_CHUNK, VOID_CHUNK, ON_TIME, PARK, ALL_DONE };

/* With p->mu. */
static enum what what_now(struct seq *s, struct ld_batch *b, uint64_t at, uint64_t now)
{
	bool ready = b && b->verified[b->seq_chunk];

	if (s->p->park)
		return ready ? VOID_CHUNK : b ? ALL_DONE : PARK;
	if (s->open && now >= at)
		return ON_TIME;
	if (ready)
		return RUN_CHUNK;
	return now >= at ? ON_TIME : ALL_DONE;
}

/* ALL_DONE: the node stops and nothing is left. */
static enum what wait_for_work(struct seq *s, struct ld_batch **batch)
{
	struct ld_pipe *p = s->p;
	enum what what;

	pthread_mutex_lock(&p->mu);
	for (;;) {
		struct ld_batch *b = p->head;
		uint64_t now = ld_mono_ms();
		uint64_t at = next_deadline(s, !b, now);
		struct timespec ts = {.tv_sec = (time_t)(at / 1000),
				      .tv_nsec = (long)(at % 1000) * 1000000};

		*batch = b;
		what = what_now(s, b, at, now);
		if (what == PARK && p->stop)
			what = ALL_DONE;
		if (what != ALL_DONE || (p->stop && !b))
			break;
		if (at == UINT64_MAX || p->park)
			pthread_cond_wait(&p->verified, &p->mu);
		else
			pthread_cond_timedwait(&p->verified, &p->mu, &ts);
	}
	pthread_mutex_unlock(&p->mu);
	return what;
}

void *ld_sequence_main(void *arg)
{
	struct ld_node *n = arg;
	struct seq s = {.n = n, .p = n->pipe};
	enum what what;
	struct ld_batch *b;

	pthread_setname_np(pthread_self(), "sequence");
	if (!s.p->park)
		begin(&s);
	while ((what = wait_for_work(&s, &b)) != ALL_DONE) {
		if (what == RUN_CHUNK || what == VOID_CHUNK) {
			run_chunk(&s, b, what == VOID_CHUNK);
		} else if (what == PARK) {
			park(&s);
		} else {
			on_time(&s);
		}
	}
	if (s.open && !s.p->park)
		end_block(&s);
	else if (s.open)
		ld_blocks_put(s.p, &s.open, 1);
	return NULL;
}

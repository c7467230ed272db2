/* The committer (seal, append, say "sealed") and the indexer. */
#include "core/base/compat.h"

#include <errno.h>
#include <time.h>

#include "core/app/log.h"
#include "ledgerd/engine.h"
#include "ledgerd/pipe_impl.h"

#define RETRY_MS 500u

static struct timespec in_ms(uint64_t ms)
{
	uint64_t at = ld_mono_ms() + ms;

	return (struct timespec){.tv_sec = (time_t)(at / 1000),
				 .tv_nsec = (long)(at % 1000) * 1000000};
}

/* With p->cm: cut up to @max blocks off a list. */
static unsigned take_blocks(struct ld_block **head, struct ld_block **tail, struct ld_block **out,
			    unsigned max)
{
	unsigned n = 0;

	while (*head && n < max) {
		out[n++] = *head;
		*head = (*head)->next;
	}
	if (!*head)
		*tail = NULL;
	return n;
}

/* ---- committer ---------------------------------------------------------------------------- */

static void seal(struct ld_node *n, struct ld_block *b, const struct mkt_hash *prev,
		 uint64_t epoch)
{
	struct mkt_seal in = {
		.prev = prev,
		.height = b->height,
		.time_ms = b->time_ms,
		.epoch = epoch,
		.first_tx = b->first_tx,
		.first_bid = b->first_bid,
		.first_exec = b->first_exec,
		.txs = b->txs,
		.tx_ids = b->ids,
		.tx_leaves = b->leaves,
		.ntxs = b->ntxs,
		.ev = &b->ev,
		.delta = &b->delta,
		.state = b->digest,
		.authorities = b->signers,
		.authority = b->authority,
		.key = &n->key,
	};
	struct mkt_err err = {0};

	memset(&b->sealed, 0, sizeof(b->sealed));
	if (mkt_chain_seal(n->chain, &in, &b->sealed) < 0) {
		mkt_err_code(&err, MKT_ENOMEM);
		ld_fatal("cannot seal a block", &err);
	}
	b->is_sealed = true;
}

static void answer_all(struct ld_batch *b)
{
	while (b) {
		struct ld_batch *next = b->next;

		ld_batch_answer(b);
		ld_batch_put(b);
		b = next;
	}
}

/* Batches whose last block is on the disk are answered and let go. */
static void answer_sealed(struct ld_pipe *p, uint64_t height, const struct mkt_hash *digest)
{
	struct ld_batch *b, *next;

	pthread_mutex_lock(&p->cm);
	p->appended_height = height;
	p->digest = *digest;
	pthread_cond_broadcast(&p->idle);
	b = p->sealing_head;
	for (next = b; next && next->done_height <= height;)
		next = next->next;
	p->sealing_head = next;
	if (!next)
		p->sealing_tail = NULL;
	pthread_mutex_unlock(&p->cm);
	while (b != next) {
		struct ld_batch *after = b->next;

		if (!atomic_load(&b->answered))
			b->on_disk = true;
		ld_batch_answer(b);
		ld_batch_put(b);
		b = after;
	}
}

void ld_void_sealing(struct ld_pipe *p)
{
	struct ld_batch *b;

	pthread_mutex_lock(&p->cm);
	b = p->sealing_head;
	p->sealing_head = p->sealing_tail = NULL;
	for (struct ld_batch *v = b; v; v = v->next)
		for (uint32_t i = 0; i < v->nitems && !atomic_load(&v->answered); i++)
			if (v->items[i].verdict == LD_EXECUTED &&
			    v->items[i].height > p->appended_height)
				ld_item_void(&v->items[i]);
	pthread_mutex_unlock(&p->cm);
	answer_all(b);
}

/* Until it is done; false if given up because the node stops. */
static bool append(struct ld_node *n, struct ld_block **blocks, unsigned count)
{
	struct mkt_sealed *sealed[LD_GROUP_APPEND];
	struct ld_pipe *p = n->pipe;
	struct mkt_err err = {0};

	for (unsigned i = 0; i < count; i++)
		sealed[i] = &blocks[i]->sealed;
	while (mkt_chain_append(n->chain, sealed, count, &err) < 0) {
		struct timespec ts = in_ms(RETRY_MS);

		if (!atomic_exchange(&p->append_full, true))
			mkt_log(MKT_LOG_ERROR, "cannot append block %llu: %s; trying again",
			       (unsigned long long)blocks[0]->height, err.text);
		if (err.code != MKT_EDISKFULL)
			ld_fatal("cannot append", &err);
		pthread_mutex_lock(&p->cm);
		if (atomic_load(&n->stopping)) {
			p->abandon = true;
			pthread_cond_broadcast(&p->freed);
			pthread_cond_broadcast(&p->idle);
		} else {
			pthread_cond_timedwait(&p->ended, &p->cm, &ts);
		}
		pthread_mutex_unlock(&p->cm);
		if (p->abandon)
			return false;
	}
	if (atomic_exchange(&p->append_full, false))
		mkt_log(MKT_LOG_NOTICE, "block %llu is appended: the disk has room again",
		       (unsigned long long)blocks[count - 1]->height);
	return true;
}

static void hand_to_indexer(struct ld_pipe *p, struct ld_block **blocks, unsigned count)
{
	pthread_mutex_lock(&p->cm);
	for (unsigned i = 0; i < count; i++) {
		blocks[i]->next = NULL;
		if (p->append_tail)
			p->append_tail->next = blocks[i];
		else
			p->append_head = blocks[i];
		p->append_tail = blocks[i];
	}
	pthread_cond_signal(&p->appended);
	pthread_mutex_unlock(&p->cm);
}

/*
 * A client that waits for "sealed" while the disk is full is told "executed"
 * after a while: it may ask again by its request id.
 */
void ld_pipe_tick(struct ld_node *n, uint64_t now_ms)
{
	struct ld_pipe *p = n->pipe;

	pthread_mutex_lock(&p->cm);
	for (struct ld_batch *b = p->sealing_head; b; b = b->next)
		if (now_ms - b->submitted_ms > LD_SEAL_WAIT_MS)
			ld_batch_answer(b);
	pthread_mutex_unlock(&p->cm);
}

/* Blocks that will never be appended: nobody was told that they were. */
static void give_up(struct ld_pipe *p)
{
	struct ld_batch *b;

	pthread_mutex_lock(&p->cm);
	b = p->sealing_head;
	p->sealing_head = p->sealing_tail = NULL;
	pthread_mutex_unlock(&p->cm);
	answer_all(b);
}

/* Append them and tell everybody.  False: given up, they are gone. */
static bool finish(struct ld_node *n, struct ld_block **blocks, unsigned count)
{
	struct ld_pipe *p = n->pipe;
	struct mkt_hash digest = blocks[count - 1]->digest;
	uint64_t height = blocks[count - 1]->height;

	if (!append(n, blocks, count)) {
		ld_blocks_put(p, blocks, count);
		give_up(p);
		return false;
	}
	for (unsigned i = 0; n->engine && i < count; i++)
		ld_engine_appended(n->engine, &blocks[i]->sealed, &blocks[i]->set);
	hand_to_indexer(p, blocks, count);
	answer_sealed(p, height, &digest);
	ld_hub_advance(&n->hub, LD_APPENDED, height);
	return true;
}

/* Blocks that this node alone seals. */
static bool commit_alone(struct ld_node *n, struct ld_block **blocks, unsigned count)
{
	struct mkt_hash prev;
	uint64_t height, time_ms;

	mkt_chain_head(n->chain, &height, &prev, &time_ms);
	for (unsigned i = 0; i < count; i++) {
		if (!blocks[i]->is_sealed)
			seal(n, blocks[i], &prev, 0);
		prev = blocks[i]->sealed.hash;
	}
	return finish(n, blocks, count);
}

/*
 * Blocks that several authorities seal, one after the other.  When the lead is lost the rest is
 * void: dropped here, and told to those who wait by who parks the sequencer.
 */
static bool commit_together(struct ld_node *n, struct ld_block **blocks, unsigned count)
{
	struct mkt_err err = {0};

	for (unsigned i = 0; i < count; i++) {
		struct mkt_hash prev;
		uint64_t height, time_ms, epoch;
		int res = ld_engine_turn(n->engine, blocks[i]->height, &epoch);

		if (!res) {
			mkt_chain_head(n->chain, &height, &prev, &time_ms);
			seal(n, blocks[i], &prev, epoch);
			res = ld_engine_commit(n->engine, &blocks[i]->sealed, &err);
		}
		if (res < 0) {
			ld_blocks_put(n->pipe, blocks + i, count - i);
			return true;
		}
		if (!finish(n, blocks + i, 1)) {
			ld_blocks_put(n->pipe, blocks + i + 1, count - i - 1);
			return false;
		}
	}
	return true;
}

/* 0: no more will come. */
static unsigned next_blocks(struct ld_pipe *p, struct ld_block **blocks)
{
	unsigned count;

	pthread_mutex_lock(&p->cm);
	p->committing_now = false;
	pthread_cond_broadcast(&p->idle);
	while (!p->ended_head && !p->no_more_ended)
		pthread_cond_wait(&p->ended, &p->cm);
	count = take_blocks(&p->ended_head, &p->ended_tail, blocks, LD_GROUP_APPEND);
	p->committing_now = count > 0;
	pthread_mutex_unlock(&p->cm);
	return count;
}

void *ld_commit_main(void *arg)
{
	struct ld_node *n = arg;
	struct ld_block *blocks[LD_GROUP_APPEND];
	unsigned count;
	bool more = true;

	pthread_setname_np(pthread_self(), "commit");
	while (more && (count = next_blocks(n->pipe, blocks))) {
		if (n->engine && !blocks[0]->is_sealed)
			more = commit_together(n, blocks, count);
		else
			more = commit_alone(n, blocks, count);
	}
	return NULL;
}

/* ---- indexer ------------------------------------------------------------------------------ */

/* Until it is done; false if given up because the node stops: the next start indexes them. */
static bool index_blocks(struct ld_node *n, struct ld_block **blocks, unsigned count)
{
	struct mkt_sealed *sealed[LD_GROUP_INDEX];
	struct ld_pipe *p = n->pipe;
	struct mkt_err err = {0};
	bool stop = false;

	for (unsigned i = 0; i < count; i++)
		sealed[i] = &blocks[i]->sealed;
	while (!stop && mkt_chain_index(n->chain, sealed, count, &err) < 0) {
		struct timespec ts = in_ms(RETRY_MS);

		if (!atomic_exchange(&p->index_full, true))
			mkt_log(MKT_LOG_ERROR, "cannot index block %llu: %s; trying again",
			       (unsigned long long)blocks[0]->height, err.text);
		if (err.code != MKT_EDISKFULL && err.code != MKT_EBUSY)
			ld_fatal("cannot index", &err);
		pthread_mutex_lock(&p->cm);
		stop = atomic_load(&n->stopping);
		if (!stop)
			pthread_cond_timedwait(&p->appended, &p->cm, &ts);
		pthread_mutex_unlock(&p->cm);
	}
	if (!stop && atomic_exchange(&p->index_full, false))
		mkt_log(MKT_LOG_NOTICE, "block %llu is indexed: the disk has room again",
		       (unsigned long long)blocks[count - 1]->height);
	return !stop;
}

void *ld_index_main(void *arg)
{
	struct ld_node *n = arg;
	struct ld_pipe *p = n->pipe;
	struct ld_block *blocks[LD_GROUP_INDEX];

	pthread_setname_np(pthread_self(), "index");
	for (;;) {
		unsigned count;
		uint64_t height;

		pthread_mutex_lock(&p->cm);
		while (!p->append_head && !p->no_more_appended)
			pthread_cond_wait(&p->appended, &p->cm);
		count = take_blocks(&p->append_head, &p->append_tail, blocks, LD_GROUP_INDEX);
		pthread_mutex_unlock(&p->cm);
		if (!count)
			break;
		height = blocks[count - 1]->height;
		if (index_blocks(n, blocks, count))
			ld_hub_advance(&n->hub, LD_INDEXED, height);
		ld_blocks_put(p, blocks, count);
	}
	return NULL;
}

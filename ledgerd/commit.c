/* The committer (seal, append, say "sealed") and the indexer. */
#include "core/base/compat.h"

#include <errno.h>
#include <time.h>

#include "core/app/log.h"
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

static void seal(struct ld_node *n, struct ld_block *b, const struct mkt_hash *prev)
{
	struct mkt_seal in = {
		.prev = prev,
		.height = b->height,
		.time_ms = b->time_ms,
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
		.authority = n->authority,
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

/* Batches whose last block is on the disk are answered and let go. */
static void answer_sealed(struct ld_pipe *p, uint64_t height, const struct mkt_hash *digest)
{
	struct ld_batch *b, *next;

	pthread_mutex_lock(&p->cm);
	p->appended_height = height;
	p->digest = *digest;
	b = p->sealing_head;
	for (next = b; next && next->done_height <= height;)
		next = next->next;
	p->sealing_head = next;
	if (!next)
		p->sealing_tail = NULL;
	pthread_mutex_unlock(&p->cm);
	while (b != next) {
		struct ld_batch *after = b->next;

		ld_batch_answer(b);
		ld_batch_put(b);
		b = after;
	}
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
	while (b) {
		struct ld_batch *next = b->next;

		ld_batch_answer(b);
		ld_batch_put(b);
		b = next;
	}
}

void *ld_commit_main(void *arg)
{
	struct ld_node *n = arg;
	struct ld_pipe *p = n->pipe;
	struct ld_block *blocks[LD_GROUP_APPEND];
	struct mkt_hash prev, digest;
	uint64_t height;

	pthread_setname_np(pthread_self(), "commit");
	prev = p->prev;
	for (;;) {
		unsigned count;

		pthread_mutex_lock(&p->cm);
		while (!p->ended_head && !p->no_more_ended)
			pthread_cond_wait(&p->ended, &p->cm);
		count = take_blocks(&p->ended_head, &p->ended_tail, blocks, LD_GROUP_APPEND);
		pthread_mutex_unlock(&p->cm);
		if (!count)
			break;
		for (unsigned i = 0; i < count; i++) {
			seal(n, blocks[i], &prev);
			prev = blocks[i]->sealed.hash;
		}
		if (!append(n, blocks, count)) {
			for (unsigned i = 0; i < count; i++)
				ld_block_free(blocks[i]);
			give_up(p);
			break;
		}
		height = blocks[count - 1]->height;
		digest = blocks[count - 1]->digest;
		hand_to_indexer(p, blocks, count);
		answer_sealed(p, height, &digest);
		ld_hub_advance(&n->hub, LD_APPENDED, height);
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

static void free_blocks(struct ld_pipe *p, struct ld_block **blocks, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		mkt_sealed_release(&blocks[i]->sealed);
		blocks[i]->is_sealed = false;
	}
	pthread_mutex_lock(&p->cm);
	for (unsigned i = 0; i < count; i++) {
		blocks[i]->next = p->free_blocks;
		p->free_blocks = blocks[i];
	}
	p->nblocks -= count;
	pthread_cond_signal(&p->freed);
	pthread_mutex_unlock(&p->cm);
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
		free_blocks(p, blocks, count);
	}
	return NULL;
}

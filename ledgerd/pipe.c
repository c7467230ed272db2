#include "core/base/compat.h"

#include <unistd.h>

#include "core/app/log.h"
#include "ledgerd/pipe_impl.h"

#define KEEP_ITEMS 1024u /* pooled batches keep room for so many envelopes */
#define KEEP_BYTES 4096u /* pooled items keep so many bytes of events */
#define KEEP_OPS 64u
#define KEEP_BODY (256u << 10)

_Noreturn void ld_fatal(const char *what, const struct mkt_err *err)
{
	mkt_log(MKT_LOG_ERROR, "%s: %s: stopping; the chain is whole up to the last sealed block",
		what,
		err && err->text[0] ? err->text : "fault");
	_exit(mkt_code_exit(MKT_EINTERNAL));
}

/* ---- items ----------------------------------------------------------------------------- */

void ld_item_refuse(struct ld_item *it, const struct mkt_err *err)
{
	it->verdict = LD_REFUSED;
	it->code = err->code;
	free(it->text);
	free(it->hint);
	it->text = err->text[0] ? strdup(err->text) : NULL;
	it->hint = err->hint[0] ? strdup(err->hint) : NULL;
}

void ld_item_void(struct ld_item *it)
{
	it->verdict = LD_VOID;
	it->code = MKT_ENOTLEADER;
}

/* Forget what is in an item but keep its storage, unless that has grown large. */
static void item_clear(struct ld_item *it)
{
	struct mkt_tx tx = it->tx;
	struct mkt_buf events = it->events;

	free(it->text);
	free(it->hint);
	if (tx.ops_cap > KEEP_OPS || tx.legs_cap > KEEP_OPS) {
		mkt_tx_release(&tx);
		tx = (struct mkt_tx)MKT_TX_INIT;
	}
	if (events.cap > KEEP_BYTES)
		mkt_buf_release(&events);
	else
		mkt_buf_clear(&events);
	*it = (struct ld_item){.tx = tx, .events = events};
}

static void batch_free(struct ld_batch *b)
{
	for (uint32_t i = 0; i < b->items_cap; i++) {
		free(b->items[i].text);
		free(b->items[i].hint);
		mkt_tx_release(&b->items[i].tx);
		mkt_buf_release(&b->items[i].events);
	}
	free(b->items);
	mkt_buf_release(&b->body);
	free(b);
}

/* ---- batches --------------------------------------------------------------------------- */

int ld_batch_new(struct ld_node *n, size_t body_bytes, struct ld_batch **out)
{
	struct ld_pipe *p = n->pipe;
	struct ld_batch *b;

	pthread_mutex_lock(&p->mu);
	if (body_bytes > LD_QUEUE_BYTES - p->queued_bytes) {
		pthread_mutex_unlock(&p->mu);
		return -MKT_EBUSY;
	}
	b = p->spare;
	if (b) {
		p->spare = b->next;
		p->nspare--;
	}
	pthread_mutex_unlock(&p->mu);
	if (!b)
		b = calloc(1, sizeof(*b));
	if (!b)
		return -MKT_ENOMEM;
	b->next = NULL;
	b->node = n;
	b->nitems = 0;
	b->nchunks = 0; /* not submitted: not counted */
	b->refs = 1;
	*out = b;
	return 0;
}

int ld_batch_add(struct ld_batch *b, const uint8_t *p, size_t len)
{
	if (b->nitems == LD_BATCH_TXS || len > UINT32_MAX)
		return -MKT_ELIMIT;
	if (b->nitems == b->items_cap) {
		uint32_t cap = b->items_cap ? b->items_cap * 2 : 8;
		struct ld_item *items = realloc(b->items, cap * sizeof(*items));

		if (!items)
			return -MKT_ENOMEM;
		memset(items + b->items_cap, 0, (cap - b->items_cap) * sizeof(*items));
		b->items = items;
		b->items_cap = cap;
	}
	b->items[b->nitems].p = p;
	b->items[b->nitems].len = (uint32_t)len;
	b->nitems++;
	return 0;
}

int ld_batch_submit(struct ld_batch *b)
{
	struct ld_pipe *p = b->node->pipe;
	uint32_t nchunks = (b->nitems + LD_CHUNK - 1) / LD_CHUNK;
	int res = 0;

	b->next_chunk = b->seq_chunk = b->nverified = 0;
	memset(b->verified, 0, nchunks);
	b->done_height = b->seen_height = 0;
	b->on_disk = false;
	b->lost = 0;
	atomic_store(&b->answered, false);
	b->submitted_ms = ld_mono_ms();
	b->next = NULL;
	if (atomic_load(&p->append_full) || atomic_load(&p->index_full))
		return -MKT_EDISKFULL;
	pthread_mutex_lock(&p->mu);
	if (p->stop) {
		res = -MKT_EUNAVAILABLE;
	} else if (p->park) {
		res = -MKT_ENOTLEADER;
	} else if (b->nitems > LD_QUEUE_TXS - p->queued_txs ||
		   b->body.len > LD_QUEUE_BYTES - p->queued_bytes) {
		res = -MKT_EBUSY;
	} else {
		p->queued_txs += b->nitems;
		p->queued_bytes += b->body.len;
		p->submitted += b->nitems;
		b->nchunks = nchunks;
		b->refs++;
		if (p->tail)
			p->tail->next = b;
		else
			p->head = b;
		p->tail = b;
		if (!p->claim)
			p->claim = b;
		if (nchunks > 1)
			pthread_cond_broadcast(&p->work);
		else
			pthread_cond_signal(&p->work);
	}
	pthread_mutex_unlock(&p->mu);
	return res;
}

void ld_batch_answer(struct ld_batch *b)
{
	if (!atomic_exchange(&b->answered, true))
		b->done(b->done_ctx);
}

/* The last hold is gone: clear it, and keep it for the next unless it is large. */
static void recycle(struct ld_pipe *p, struct ld_batch *b)
{
	bool keep = b->items_cap <= KEEP_ITEMS;

	if (keep) {
		for (uint32_t i = 0; i < b->nitems; i++)
			item_clear(&b->items[i]);
		if (b->body.cap > KEEP_BODY)
			mkt_buf_release(&b->body);
		mkt_buf_clear(&b->body);
		b->nitems = 0;
		pthread_mutex_lock(&p->mu);
		keep = p->nspare < LD_POOL_BATCHES;
		if (keep) {
			b->next = p->spare;
			p->spare = b;
			p->nspare++;
		}
		pthread_mutex_unlock(&p->mu);
	}
	if (!keep)
		batch_free(b);
}

void ld_batch_put(struct ld_batch *b)
{
	struct ld_pipe *p = b->node->pipe;
	bool last;

	pthread_mutex_lock(&p->mu);
	last = !--b->refs;
	if (last && b->nchunks) {
		p->queued_txs -= b->nitems;
		p->queued_bytes -= b->body.len;
	}
	pthread_mutex_unlock(&p->mu);
	if (last) {
		b->nchunks = 0;
		recycle(p, b);
	}
}

/* ---- start and stop -------------------------------------------------------------------- */

static void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

/* What the pipeline goes on from. */
static int read_head(struct ld_node *n, struct ld_pipe *p, struct mkt_err *err)
{
	struct mkt_buf buf = MKT_BUF_INIT;
	struct mkt_block b = {0};
	int res;

	res = mkt_chain_read(n->chain, mkt_chain_height(n->chain), &buf, err);
	if (res >= 0)
		res = mkt_block_dec(buf.data, buf.len, &b, err);
	if (res >= 0) {
		atomic_store(&p->pending_height, b.h.height);
		p->next_tx = b.h.first_tx + b.h.ntxs;
		pthread_mutex_lock(&p->cm);
		p->appended_height = b.h.height;
		p->digest = b.h.state;
		pthread_mutex_unlock(&p->cm);
	}
	mkt_buf_release(&buf);
	return res;
}

static int pipe_new(struct ld_node *n, struct mkt_err *err)
{
	uint32_t nblocks = n->conf->role == LD_FULLNODE ? LD_BLOCKS_FOLLOW : LD_BLOCKS;
	struct ld_pipe *p = calloc(1, sizeof(*p));

	if (!p)
		return mkt_err_code(err, MKT_ENOMEM);
	pthread_mutex_init(&p->mu, NULL);
	pthread_mutex_init(&p->cm, NULL);
	cond_init(&p->work);
	cond_init(&p->verified);
	cond_init(&p->parking);
	cond_init(&p->idle);
	cond_init(&p->ended);
	cond_init(&p->appended);
	cond_init(&p->freed);
	for (uint32_t i = 0; i < nblocks; i++) {
		struct ld_block *b = calloc(1, sizeof(*b));

		if (!b)
			break;
		b->next = p->free_blocks;
		p->free_blocks = b;
	}
	n->pipe = p;
	return p->free_blocks ? read_head(n, p, err) : mkt_err_code(err, MKT_ENOMEM);
}

int ld_pipe_start(struct ld_node *n, struct mkt_err *err)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	bool forwards = n->conf->role == LD_FULLNODE;
	struct ld_pipe *p;
	int res = pipe_new(n, err);

	if (res < 0)
		return res;
	p = n->pipe;
	/* A fullnode takes transactions, to send them on. */
	p->park = p->voiding = ld_node_follows(n) && !forwards;
	cores = cores < 1 ? 1 : cores > (long)LD_WORKERS_MAX ? (long)LD_WORKERS_MAX : cores;
	for (long i = 0; i < cores; i++) {
		if (pthread_create(&p->workers[p->nworkers], NULL, ld_verify_main, n))
			goto fail;
		p->nworkers++;
	}
	p->indexing = !pthread_create(&p->indexer, NULL, ld_index_main, n);
	p->committing = !pthread_create(&p->committer, NULL, ld_commit_main, n);
	p->sequencing = !pthread_create(&p->sequencer, NULL,
					forwards ? ld_forward_main : ld_sequence_main, n);
	if (p->indexing && p->committing && p->sequencing)
		return 0;
fail:
	ld_pipe_stop(n);
	return mkt_err_set(err, MKT_ENOMEM, "cannot start the threads of the pipeline");
}

void ld_pipe_stop(struct ld_node *n)
{
	struct ld_pipe *p = n->pipe;

	if (!p)
		return;
	pthread_mutex_lock(&p->mu);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_cond_broadcast(&p->verified);
	pthread_cond_broadcast(&p->parking);
	pthread_mutex_unlock(&p->mu);
	for (uint32_t i = 0; i < p->nworkers; i++)
		pthread_join(p->workers[i], NULL);
	p->nworkers = 0;
	if (p->sequencing)
		pthread_join(p->sequencer, NULL);
	p->sequencing = false;
	pthread_mutex_lock(&p->cm);
	p->no_more_ended = true;
	pthread_cond_broadcast(&p->ended);
	pthread_mutex_unlock(&p->cm);
	if (p->committing)
		pthread_join(p->committer, NULL);
	p->committing = false;
	pthread_mutex_lock(&p->cm);
	p->no_more_appended = true;
	pthread_cond_broadcast(&p->appended);
	pthread_mutex_unlock(&p->cm);
	if (p->indexing)
		pthread_join(p->indexer, NULL);
	p->indexing = false;
}

/* ---- blocks ---------------------------------------------------------------------------- */

void ld_block_free(struct ld_block *b)
{
	free(b->txs);
	free(b->ids);
	free(b->leaves);
	mkt_events_release(&b->ev);
	mkt_delta_release(&b->delta);
	if (b->is_sealed)
		mkt_sealed_release(&b->sealed);
	free(b);
}

static void blocks_free(struct ld_block *b)
{
	while (b) {
		struct ld_block *next = b->next;

		ld_block_free(b);
		b = next;
	}
}

void ld_blocks_put(struct ld_pipe *p, struct ld_block *const *blocks, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (blocks[i]->is_sealed)
			mkt_sealed_release(&blocks[i]->sealed);
		blocks[i]->is_sealed = false;
	}
	pthread_mutex_lock(&p->cm);
	for (unsigned i = 0; i < count; i++) {
		p->held -= blocks[i]->held;
		blocks[i]->held = 0;
		blocks[i]->next = p->free_blocks;
		p->free_blocks = blocks[i];
	}
	p->nblocks -= count;
	pthread_cond_broadcast(&p->freed);
	pthread_mutex_unlock(&p->cm);
}

struct ld_block *ld_block_take(struct ld_pipe *p, bool parked)
{
	struct ld_block *b;

	pthread_mutex_lock(&p->cm);
	while ((!p->free_blocks || p->held > LD_HELD_BYTES) && !p->abandon &&
	       (parked || !p->voiding))
		pthread_cond_wait(&p->freed, &p->cm);
	b = (parked || !p->voiding) && p->held <= LD_HELD_BYTES ? p->free_blocks : NULL;
	if (b) {
		p->free_blocks = b->next;
		p->nblocks++;
	}
	pthread_mutex_unlock(&p->cm);
	if (b) {
		b->next = NULL;
		b->ntxs = 0;
		b->bytes = 0;
		mkt_events_clear(&b->ev);
		mkt_delta_clear(&b->delta);
	}
	return b;
}

void ld_block_ended(struct ld_pipe *p, struct ld_block *b)
{
	b->next = NULL;
	pthread_mutex_lock(&p->cm);
	if (p->ended_tail)
		p->ended_tail->next = b;
	else
		p->ended_head = b;
	p->ended_tail = b;
	pthread_cond_signal(&p->ended);
	pthread_mutex_unlock(&p->cm);
}

/* ---- blocks that others sealed --------------------------------------------------------- */

void ld_pipe_park(struct ld_node *n)
{
	struct ld_pipe *p = n->pipe;

	pthread_mutex_lock(&p->cm);
	p->voiding = true;
	pthread_cond_broadcast(&p->freed);
	pthread_mutex_unlock(&p->cm);
	pthread_mutex_lock(&p->mu);
	p->park = true;
	pthread_cond_broadcast(&p->verified);
	while (!p->parked && !p->stop)
		pthread_cond_wait(&p->parking, &p->mu);
	pthread_mutex_unlock(&p->mu);
	pthread_mutex_lock(&p->cm);
	while ((p->committing_now || p->ended_head) && !p->abandon)
		pthread_cond_wait(&p->idle, &p->cm);
	pthread_mutex_unlock(&p->cm);
	ld_void_sealing(p);
	atomic_store(&p->pending_height, mkt_chain_height(n->chain));
}

void ld_pipe_resume(struct ld_node *n)
{
	struct ld_pipe *p = n->pipe;
	struct mkt_err err = {0};

	if (read_head(n, p, &err) < 0)
		ld_fatal("cannot read the last block", &err);
	pthread_mutex_lock(&p->cm);
	p->voiding = false;
	pthread_mutex_unlock(&p->cm);
	pthread_mutex_lock(&p->mu);
	p->park = false;
	pthread_cond_broadcast(&p->parking);
	pthread_mutex_unlock(&p->mu);
}

struct ld_block *ld_pipe_block(struct ld_node *n)
{
	return ld_block_take(n->pipe, true);
}

void ld_pipe_block_put(struct ld_node *n, struct ld_block *b)
{
	ld_blocks_put(n->pipe, &b, 1);
}

void ld_pipe_append(struct ld_node *n, struct ld_block *b)
{
	b->is_sealed = true;
	b->held = b->sealed.bytes.len;
	ld_node_authorities(n, &b->set);
	pthread_mutex_lock(&n->pipe->cm);
	n->pipe->held += b->held;
	pthread_mutex_unlock(&n->pipe->cm);
	atomic_store(&n->pipe->pending_height, b->height);
	ld_block_ended(n->pipe, b);
}

int ld_pipe_wait_appended(struct ld_node *n, uint64_t height, struct mkt_err *err)
{
	struct ld_pipe *p = n->pipe;
	bool there;

	pthread_mutex_lock(&p->cm);
	while (p->appended_height < height && !p->abandon)
		pthread_cond_wait(&p->idle, &p->cm);
	there = p->appended_height >= height;
	pthread_mutex_unlock(&p->cm);
	return there ? 0 : mkt_err_set(err, MKT_EUNAVAILABLE, "the node is stopping");
}

bool ld_pipe_busy(struct ld_node *n)
{
	struct ld_pipe *p = n->pipe;
	bool busy;

	pthread_mutex_lock(&p->mu);
	busy = p->head;
	pthread_mutex_unlock(&p->mu);
	pthread_mutex_lock(&p->cm);
	busy |= p->ended_head || p->committing_now;
	pthread_mutex_unlock(&p->cm);
	return busy;
}

void ld_pipe_free(struct ld_node *n)
{
	struct ld_pipe *p = n->pipe;

	if (!p)
		return;
	blocks_free(p->free_blocks);
	blocks_free(p->ended_head);
	blocks_free(p->append_head);
	while (p->spare) {
		struct ld_batch *b = p->spare;

		p->spare = b->next;
		batch_free(b);
	}
	pthread_mutex_destroy(&p->mu);
	pthread_mutex_destroy(&p->cm);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->verified);
	pthread_cond_destroy(&p->parking);
	pthread_cond_destroy(&p->idle);
	pthread_cond_destroy(&p->ended);
	pthread_cond_destroy(&p->appended);
	pthread_cond_destroy(&p->freed);
	free(p);
	n->pipe = NULL;
}

void ld_pipe_numbers(struct ld_node *n, struct ld_pipe_numbers *out)
{
	struct ld_pipe *p = n->pipe;

	pthread_mutex_lock(&p->mu);
	out->queued_txs = p->queued_txs;
	out->submitted = p->submitted;
	pthread_mutex_unlock(&p->mu);
	pthread_mutex_lock(&p->cm);
	out->blocks = p->nblocks;
	out->digest = p->digest;
	pthread_mutex_unlock(&p->cm);
	out->disk_full = atomic_load(&p->append_full) || atomic_load(&p->index_full);
	out->executed = atomic_load(&p->executed);
	out->refused = atomic_load(&p->refused);
}

uint64_t ld_pipe_pending_height(struct ld_node *n)
{
	return atomic_load(&n->pipe->pending_height);
}

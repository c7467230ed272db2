/*
 * Checking and executing what was fetched, and handing it to the pipeline.
 *
 * One page is checked by all cores while the one before is executed.  What a job does
 * not find right is looked at again when it is the block's turn, with the state before
 * it: an account or a set of authorities may be of the page that was executed meanwhile.
 * A block is executed and compared under one hold of the state's lock, so that nobody
 * reads what may turn out to be wrong.
 */
#include "core/base/compat.h"

#include <time.h>

#include "core/app/log.h"
#include "core/codec/enc.h"
#include "ledgerd/alarm.h"
#include "ledgerd/ingest_impl.h"
#include "ledgerd/pipe_impl.h"

#define LOOK_MS 250u
#define TELL_MS 5000u
#define BURST_BLOCKS LD_PAGE_BLOCKS
#define BURST_BYTES (8u << 20)

/* ---- checks of a page, in parallel ---------------------------------------------------------- */

static bool key_of(void *ctx, uint32_t account, struct mkt_pubkey *key)
{
	const struct ld_ingest *in = ctx;

	if (account >= in->nkeys)
		return false;
	*key = in->keys[account];
	return true;
}

static void find_ids(struct ld_page *p, uint32_t ix)
{
	const struct mkt_block *b = &p->b[ix];
	const uint8_t *at = NULL, *tx;
	struct mkt_hash *id = p->ids[ix] = malloc((b->h.ntxs + 1u) * sizeof(*id));
	uint32_t len;

	while (id && mkt_block_next_tx(b, &at, &tx, &len))
		mkt_tx_id(tx, len, id++);
}

static void run_job(void *ctx, uint32_t ix)
{
	struct ld_ingest *in = ctx;
	struct ld_page *p = in->checking;
	const struct ld_job *j = &p->jobs[ix];
	const struct mkt_block *b = &p->b[j->block];
	struct mkt_err ignored;

	if (!j->n) {
		p->head_ok[j->block] = mkt_verify_head(b, &p->set, &in->n->chain_id, &ignored) == 0;
		p->roots_ok[j->block] = mkt_verify_roots(b, &ignored) == 0;
		find_ids(p, j->block);
	} else if (mkt_verify_txs(b, j->first, j->n, key_of, in, &ignored) < 0) {
		p->txs_bad[j->block] = true;
	}
}

/* Keys of accounts that the state has got since; this thread alone changes it. */
static void learn_keys(struct ld_ingest *in)
{
	uint32_t n = mkt_state_accounts(in->n->state);
	struct mkt_pubkey *keys;
	struct mkt_account a;

	if (n <= in->nkeys)
		return;
	keys = realloc(in->keys, n * sizeof(*keys));
	if (!keys)
		return; /* they are looked up later */
	in->keys = keys;
	for (; in->nkeys < n && mkt_state_account(in->n->state, in->nkeys, &a); in->nkeys++)
		keys[in->nkeys] = a.key;
}

static void start_checks(struct ld_ingest *in, struct ld_page *p)
{
	learn_keys(in);
	p->set = *mkt_state_authorities(in->n->state);
	for (uint32_t i = 0; i < p->n; i++)
		p->txs_bad[i] = false;
	in->checking = p;
	mkt_par_start(in->par, p->njobs, run_job, in);
}

/* ---- faults --------------------------------------------------------------------------------- */

void ld_ingest_tell_lie(struct ld_ingest *in, const struct mkt_err *err)
{
	char url[sizeof(in->numbers.url)];

	pthread_mutex_lock(&in->mu);
	snprintf(url, sizeof(url), "%s", in->numbers.url);
	pthread_mutex_unlock(&in->mu);
	ld_alarm_set(in->n->alarms, LD_ALARM_INGEST, true, "upstream '%s' is not believed: %s", url,
		     err->text);
	in->alarmed = true;
}

/* What was fetched is void: another upstream from @next on. */
static void start_over(struct ld_ingest *in, uint64_t next)
{
	pthread_mutex_lock(&in->mu);
	while (in->ready_head) {
		struct ld_page *p = in->ready_head;

		in->ready_head = p->next;
		p->next = in->free;
		in->free = p;
	}
	in->ready_tail = NULL;
	in->next = next;
	in->round++;
	ld_ingest_cancel(in, true);
	pthread_cond_broadcast(&in->changed);
	pthread_mutex_unlock(&in->mu);
}

static void halt(struct ld_ingest *in, const struct mkt_err *err)
{
	char url[sizeof(in->numbers.url)];

	pthread_mutex_lock(&in->mu);
	in->numbers.halted = true;
	snprintf(in->numbers.halt, sizeof(in->numbers.halt), "%s", err->text);
	snprintf(url, sizeof(url), "%s", in->numbers.url);
	in->why = *err;
	in->stop = true;
	ld_ingest_cancel(in, true);
	pthread_cond_broadcast(&in->changed);
	pthread_mutex_unlock(&in->mu);
	mkt_log(MKT_LOG_ERROR, "%s, as '%s' gave it: this node grows no more; reads go on",
		err->text, url);
	ld_alarm_set(in->n->alarms, LD_ALARM_INGEST, true, "%s, as '%s' gave it", err->text, url);
}

/* ---- one block ------------------------------------------------------------------------------ */

enum outcome { TAKEN, LIE, HALT, END };

static bool state_key(void *ctx, uint32_t account, struct mkt_pubkey *key)
{
	const struct ld_node *n = ctx;
	struct mkt_account a;

	if (!mkt_state_account(n->state, account, &a))
		return false;
	*key = a.key;
	return true;
}

/* Its votes and its body, where the jobs had a doubt. */
static int check_again(struct ld_ingest *in, struct ld_page *p, uint32_t ix, struct mkt_err *err)
{
	const struct mkt_authorities *set = mkt_state_authorities(in->n->state);
	int res = 0;

	if (!p->head_ok[ix] || set->generation != p->set.generation)
		res = mkt_verify_head(&p->b[ix], set, &in->n->chain_id, err);
	if (!res && !p->roots_ok[ix])
		res = mkt_verify_roots(&p->b[ix], err);
	return res;
}

/*
 * With the lock: the state is half of a wrong block, and becomes again that of the last one
 * before it, which may still be on its way to the disk.
 */
static void rewind_state(struct ld_node *n, uint64_t height)
{
	struct mkt_err err = {0};

	if (ld_pipe_wait_appended(n, height, &err) < 0)
		return; /* the node stops */
	if (mkt_chain_rewind(n->chain, &err) < 0)
		ld_fatal("cannot go back to the last good block", &err);
	n->state = mkt_chain_state(n->chain);
}

/* Executed blocks to the pipeline, many at a time: each time may cost a sync. */
static void hand_over(struct ld_ingest *in)
{
	while (in->burst_head) {
		struct ld_block *blk = in->burst_head;

		in->burst_head = blk->next;
		ld_pipe_append(in->n, blk);
	}
	in->burst_tail = NULL;
	in->burst = 0;
	in->burst_bytes = 0;
}

static int execute(struct ld_ingest *in, struct ld_page *p, uint32_t ix, struct ld_block *blk,
		   struct mkt_err *err)
{
	struct ld_node *n = in->n;
	const struct mkt_block *b = &p->b[ix];
	int res;

	pthread_rwlock_wrlock(&n->lock);
	res = mkt_verify_execute(n->state, b, &in->prev, &n->chain_id, &blk->ev, &blk->delta, err);
	if (!res && p->txs_bad[ix])
		res = mkt_verify_txs(b, 0, b->h.ntxs, state_key, n, err);
	if (res < 0) {
		hand_over(in);
		rewind_state(n, in->prev.height);
	}
	atomic_fetch_add(&n->version, 1);
	pthread_rwlock_unlock(&n->lock);
	return res;
}

static void keep_block(struct ld_ingest *in, struct ld_page *p, uint32_t ix, struct ld_block *blk)
{
	const struct mkt_block *b = &p->b[ix];

	blk->height = b->h.height;
	blk->time_ms = b->h.time_ms;
	blk->digest = b->h.state;
	blk->sealed = (struct mkt_sealed){
		.bytes = p->bytes[ix],
		.h = b->h,
		.hash = b->hash,
		.tx_ids = p->ids[ix],
		.delta = blk->delta,
	};
	p->bytes[ix] = (struct mkt_buf)MKT_BUF_INIT;
	p->ids[ix] = NULL;
	blk->delta = (struct mkt_delta){.rows = NULL};
	in->prev = mkt_verify_prev_of(b);
	blk->next = NULL;
	if (in->burst_tail)
		in->burst_tail->next = blk;
	else
		in->burst_head = blk;
	in->burst_tail = blk;
	in->burst_bytes += blk->sealed.bytes.len;
	/* An authority has few blocks, and its engine wants each with the set after it. */
	if (++in->burst >= BURST_BLOCKS || in->burst_bytes > BURST_BYTES ||
	    in->n->conf->role != LD_FULLNODE)
		hand_over(in);
}

static enum outcome take_block(struct ld_ingest *in, struct ld_page *p, uint32_t ix,
			       struct mkt_err *err)
{
	struct ld_block *blk;
	int res = check_again(in, p, ix, err);

	if (res < 0)
		return LIE;
	if (!p->ids[ix]) {
		mkt_err_code(err, MKT_ENOMEM);
		ld_fatal("cannot take a block", err);
	}
	blk = ld_pipe_block(in->n);
	if (!blk)
		return END;
	res = execute(in, p, ix, blk, err);
	if (res < 0) {
		ld_pipe_block_put(in->n, blk);
		if (res != -MKT_EINTEGRITY)
			ld_fatal("cannot execute a block", err);
		return HALT;
	}
	keep_block(in, p, ix, blk);
	if (in->alarmed)
		ld_alarm_set(in->n->alarms, LD_ALARM_INGEST, false, "block %llu is right",
			     (unsigned long long)in->prev.height);
	in->alarmed = false;
	return TAKEN;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static void put_page(struct ld_ingest *in, struct ld_page *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		free(p->ids[i]);
		p->ids[i] = NULL;
		mkt_buf_release(&p->bytes[i]);
	}
	pthread_mutex_lock(&in->mu);
	p->next = in->free;
	in->free = p;
	pthread_cond_broadcast(&in->changed);
	pthread_mutex_unlock(&in->mu);
}

/* A transfer that gives nothing for too long is ended: the fetcher asks the next. */
static void watch_fetcher(struct ld_ingest *in)
{
	if (in->byte_ms && ld_mono_ms() - in->byte_ms > LD_STALL_MS)
		ld_ingest_cancel(in, true);
}

/* The next page in order; NULL: none yet (@wait: the end, or nothing to be had). */
static struct ld_page *take_page(struct ld_ingest *in, bool wait)
{
	struct ld_page *p;

	pthread_mutex_lock(&in->mu);
	in->hungry = wait && !in->ready_head;
	while (wait && !in->ready_head && !in->stop && !in->out && !atomic_load(&in->n->stopping)) {
		uint64_t at = ld_mono_ms() + LOOK_MS;
		struct timespec ts = {.tv_sec = (time_t)(at / 1000),
				      .tv_nsec = (long)(at % 1000) * 1000000};

		watch_fetcher(in);
		pthread_cond_timedwait(&in->changed, &in->mu, &ts);
	}
	p = in->stop ? NULL : in->ready_head;
	if (p) {
		in->ready_head = p->next;
		if (!in->ready_head)
			in->ready_tail = NULL;
	}
	pthread_mutex_unlock(&in->mu);
	if (p)
		start_checks(in, p);
	return p;
}

static void count(struct ld_ingest *in, uint32_t blocks)
{
	pthread_mutex_lock(&in->mu);
	in->numbers.height = in->prev.height;
	in->numbers.blocks += blocks;
	pthread_mutex_unlock(&in->mu);
}

static enum outcome take_blocks(struct ld_ingest *in, struct ld_page *p, struct mkt_err *err)
{
	enum outcome out = TAKEN;
	uint32_t i;

	for (i = 0; i < p->n && out == TAKEN && !in->stop; i++)
		out = take_block(in, p, i, err);
	hand_over(in);
	count(in, out == TAKEN ? i : i - 1);
	return out;
}

static void tell_progress(struct ld_ingest *in, uint64_t *told_ms)
{
	uint64_t now = ld_mono_ms(), upstream;

	pthread_mutex_lock(&in->mu);
	upstream = in->numbers.upstream;
	pthread_mutex_unlock(&in->mu);
	if (now - *told_ms < TELL_MS)
		return;
	*told_ms = now;
	if (upstream > in->prev.height + LD_PAGE_BLOCKS)
		mkt_log(MKT_LOG_INFO, "catching up: block %llu of %llu",
			(unsigned long long)in->prev.height, (unsigned long long)upstream);
}

/* Until the end, a fault, or @until. */
static enum outcome run(struct ld_ingest *in, struct mkt_err *err)
{
	struct ld_page *now = NULL, *next;
	uint64_t told_ms = ld_mono_ms();
	enum outcome out = TAKEN;

	while (out != HALT && out != END && in->prev.height < in->until) {
		if (!now)
			now = take_page(in, true);
		if (!now)
			break;
		mkt_par_wait(in->par);
		next = take_page(in, false);
		out = take_blocks(in, now, err);
		put_page(in, now);
		if (out != TAKEN && next) { /* void: it was fetched behind a wrong one */
			mkt_par_wait(in->par);
			put_page(in, next);
			next = NULL;
		}
		if (out == LIE) {
			ld_ingest_tell_lie(in, err);
			start_over(in, in->prev.height + 1);
		}
		now = next;
		tell_progress(in, &told_ms);
	}
	mkt_par_wait(in->par);
	if (now)
		put_page(in, now);
	if (out == HALT)
		halt(in, err);
	return out;
}

static void *execute_main(void *arg)
{
	struct mkt_err err = {0};

	pthread_setname_np(pthread_self(), "execute");
	run(arg, &err);
	return NULL;
}

/* ---- start and end -------------------------------------------------------------------------- */

/* What the next block must follow. */
static int read_prev(struct ld_ingest *in, struct mkt_err *err)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_block b;
	int res = mkt_chain_read(in->n->chain, mkt_chain_height(in->n->chain), &bytes, err);

	if (!res)
		res = mkt_block_dec(bytes.data, bytes.len, &b, err);
	if (!res) {
		in->prev = mkt_verify_prev_of(&b);
		in->next = in->prev.height + 1;
		in->numbers.height = in->numbers.upstream = in->prev.height;
		in->numbers.heard_ms = ld_mono_ms();
	}
	mkt_buf_release(&bytes);
	return res;
}

static void ingest_free(struct ld_ingest *in)
{
	mkt_par_free(in->par);
	for (unsigned i = 0; i < LD_PAGES; i++)
		for (unsigned k = 0; k < LD_PAGE_BLOCKS; k++) {
			mkt_buf_release(&in->pages[i].bytes[k]);
			free(in->pages[i].ids[k]);
		}
	pthread_mutex_destroy(&in->mu);
	pthread_cond_destroy(&in->changed);
	free(in->keys);
	free(in->texts);
	free(in);
}

static void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

static int ingest_new(struct ld_node *n, uint64_t until, struct ld_ingest **out,
		      struct mkt_err *err)
{
	struct ld_ingest *in = calloc(1, sizeof(*in));
	int res;

	if (!in)
		return mkt_err_code(err, MKT_ENOMEM);
	in->n = n;
	in->until = until;
	pthread_mutex_init(&in->mu, NULL);
	cond_init(&in->changed);
	for (unsigned i = 0; i < LD_PAGES; i++) {
		in->pages[i].next = in->free;
		in->free = &in->pages[i];
	}
	res = read_prev(in, err);
	if (!res)
		res = mkt_par_new(0, &in->par, err);
	if (res < 0) {
		ingest_free(in);
		return res;
	}
	*out = in;
	return 0;
}

static void end_fetcher(struct ld_ingest *in)
{
	pthread_mutex_lock(&in->mu);
	in->stop = true;
	ld_ingest_cancel(in, true);
	pthread_cond_broadcast(&in->changed);
	pthread_mutex_unlock(&in->mu);
	if (in->fetching)
		pthread_join(in->fetcher, NULL);
	in->fetching = false;
}

int ld_ingest_start(struct ld_node *n, const char *urls, struct ld_ingest **out,
		    struct mkt_err *err)
{
	struct ld_ingest *in;
	int res = ingest_new(n, UINT64_MAX, &in, err);

	if (res < 0)
		return res;
	res = ld_upstream_split(urls, in->urls, &in->nurls, &in->texts, err);
	if (res < 0) {
		ingest_free(in);
		return res;
	}
	in->fetching = !pthread_create(&in->fetcher, NULL, ld_fetch_main, in);
	in->executing = in->fetching && !pthread_create(&in->executor, NULL, execute_main, in);
	if (!in->executing) {
		ld_ingest_stop(in);
		ld_ingest_free(in);
		return mkt_err_set(err, MKT_ENOMEM, "cannot start the threads that follow");
	}
	*out = in;
	return 0;
}

void ld_ingest_stop(struct ld_ingest *in)
{
	if (!in)
		return;
	end_fetcher(in);
	if (in->executing)
		pthread_join(in->executor, NULL);
	in->executing = false;
}

void ld_ingest_free(struct ld_ingest *in)
{
	if (in)
		ingest_free(in);
}

void ld_ingest_poke(struct ld_ingest *in)
{
	pthread_mutex_lock(&in->mu);
	in->poked = true;
	pthread_cond_broadcast(&in->changed);
	pthread_mutex_unlock(&in->mu);
}

void ld_ingest_look(struct ld_ingest *in, struct ld_ingest_numbers *out)
{
	pthread_mutex_lock(&in->mu);
	*out = in->numbers;
	pthread_mutex_unlock(&in->mu);
}

/* ---- up to a height ------------------------------------------------------------------------- */

static int until_outcome(struct ld_ingest *in, enum outcome out, const struct mkt_hash *hash,
			 struct mkt_err *err)
{
	if (out == HALT)
		return -err->code;
	if (in->prev.height < in->until) {
		/* What was executed stays: who goes back must find it on the disk. */
		(void)!ld_pipe_wait_appended(in->n, in->prev.height, NULL);
		if (in->out)
			return mkt_err_set(err, MKT_EUNAVAILABLE, "no node gives block %llu: %s",
					   (unsigned long long)in->prev.height + 1, in->why.text);
		return mkt_err_set(err, MKT_EUNAVAILABLE, "the node is stopping");
	}
	if (hash && !mkt_hash_eq(&in->prev.hash, hash))
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "block %llu is not the one that was committed",
				   (unsigned long long)in->until);
	return ld_pipe_wait_appended(in->n, in->until, err);
}

int ld_ingest_until(struct ld_node *n, const char *const *urls, unsigned nurls, uint64_t height,
		    const struct mkt_hash *hash, struct mkt_err *err)
{
	struct ld_ingest *in;
	enum outcome out;
	int res;

	if (mkt_chain_height(n->chain) >= height)
		return 0;
	res = ingest_new(n, height, &in, err);
	if (res < 0)
		return res;
	for (; in->nurls < nurls && in->nurls < LD_UPSTREAMS_MAX; in->nurls++)
		in->urls[in->nurls] = urls[in->nurls];
	in->fetching = in->nurls && !pthread_create(&in->fetcher, NULL, ld_fetch_main, in);
	if (!in->fetching) {
		ingest_free(in);
		return mkt_err_set(err, MKT_EUNAVAILABLE, "there is nobody to fetch blocks from");
	}
	out = run(in, err);
	end_fetcher(in);
	res = until_outcome(in, out, hash, err);
	ingest_free(in);
	return res;
}

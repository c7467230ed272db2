/*
 * mkt verify: execute a chain again from genesis and check every signature.
 *
 * Signatures are nine tenths of the work and need no state: while the main
 * thread reads and executes one batch of blocks, all cores check the signatures
 * and roots of the batch before.  That works because an account's key never
 * changes: what it is after a batch is what it was within.
 */
#include "core/base/compat.h"

#include <pthread.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "core/app/par.h"
#include "core/chain/archive.h"
#include "core/chain/chain.h"
#include "core/chain/verify.h"
#include "core/store/segment.h"

#define BATCH_BLOCKS 256
#define BATCH_TXS 4096 /* 80 ms of two cores */
#define BATCH_BYTES (16u << 20)
#define KEEP_BYTES (256u << 10) /* a buffer larger than that is given back */
#define JOB_TXS 32		/* of a small block: short jobs end together ... */
#define JOBS_A_BLOCK 64		/* ... but each walks its block from the start */
#define JOBS_MAX (BATCH_BLOCKS * 2 + BATCH_TXS / JOB_TXS + JOBS_A_BLOCK)

struct verify_values {
	struct mkt_num block;
	bool light;
	struct mkt_list archives;
};

static const struct mkt_opt verify_opts[] = {
	MKT_O_UINT(struct verify_values, block, "block", 'b', "N", 0, INT64_MAX, NULL,
		   "look at this block only, and that it follows the one before"),
	MKT_O_FLAG(struct verify_values, light, "light", 0,
		   "roots, links and authorities only: execute nothing"),
	MKT_O_LIST(struct verify_values, archives, "archive", 'a', "FILE", NULL,
		   "bodies that are not in the chain any more; may be repeated"),
	MKT_O_END};

/* ---- what runs ---- */

/* A part of a block: with no transactions, its roots and votes. */
struct job {
	unsigned block;
	uint32_t first, n;
};

struct batch {
	bool pruned[BATCH_BLOCKS]; /* header and votes only */
	struct mkt_buf bytes[BATCH_BLOCKS];
	struct mkt_block b[BATCH_BLOCKS];
	struct mkt_authorities set[BATCH_BLOCKS]; /* in force before each */
	unsigned n;
	uint32_t njobs;
	struct job jobs[JOBS_MAX];
};

/* The first fault: lowest block, and in it the check that says most. */
enum rank { RANK_STATIC, RANK_SIGNATURE, RANK_EXECUTION };

struct fault {
	bool found;
	uint64_t height;
	enum rank rank;
	struct mkt_err err;
};

struct archives {
	struct mkt_archive **v;
	size_t n;
};

struct verify {
	struct mkt_app *app;
	struct mkt_chain *c;
	const struct archives *archives;
	struct mkt_buf rec; /* of an archive */
	uint64_t pruned;    /* blocks without their bodies */
	bool light;
	struct mkt_par *par;
	struct mkt_state *s;
	struct mkt_events ev;
	struct mkt_delta delta;
	struct mkt_verify_prev prev; /* of the next block to execute */
	struct mkt_authorities set;  /* in force for it */
	uint64_t next, last;
	struct batch *batch[2];
	struct batch *running;	 /* its jobs are under way */
	struct mkt_pubkey *keys; /* of the accounts; grows while nothing runs */
	uint32_t nkeys;
	pthread_mutex_t lock; /* of fault */
	struct fault fault;
	struct mkt_progress progress;
	uint64_t txs, txs_total;
};

static void note_fault(struct verify *v, uint64_t height, enum rank rank, const struct mkt_err *err)
{
	struct fault *f = &v->fault;

	pthread_mutex_lock(&v->lock);
	if (!f->found || height < f->height || (height == f->height && rank < f->rank))
		*f = (struct fault){true, height, rank, *err};
	pthread_mutex_unlock(&v->lock);
}

static bool fault_found(struct verify *v)
{
	bool found;

	pthread_mutex_lock(&v->lock);
	found = v->fault.found;
	pthread_mutex_unlock(&v->lock);
	return found;
}

static bool key_of(void *ctx, uint32_t account, struct mkt_pubkey *key)
{
	const struct verify *v = ctx;

	if (account >= v->nkeys)
		return false;
	*key = v->keys[account];
	return true;
}

static void run_job(void *ctx, uint32_t ix)
{
	struct verify *v = ctx;
	const struct job *j = &v->running->jobs[ix];
	const struct mkt_block *b = &v->running->b[j->block];
	struct mkt_err err;

	if (!j->n && v->running->pruned[j->block]) {
		if (mkt_verify_head(b, &v->running->set[j->block], mkt_chain_id(v->c), &err) < 0)
			note_fault(v, b->h.height, RANK_STATIC, &err);
	} else if (!j->n) {
		if (mkt_verify_static(b, &v->running->set[j->block], mkt_chain_id(v->c), &err) < 0)
			note_fault(v, b->h.height, RANK_STATIC, &err);
	} else if (mkt_verify_txs(b, j->first, j->n, key_of, v, &err) < 0) {
		note_fault(v, b->h.height, RANK_SIGNATURE, &err);
	}
}

static void add_jobs(struct verify *v, struct batch *bt, unsigned ix)
{
	uint32_t ntxs = bt->pruned[ix] ? 0 : bt->b[ix].h.ntxs, n = JOB_TXS + ntxs / JOBS_A_BLOCK;

	bt->jobs[bt->njobs++] = (struct job){ix, 0, 0};
	for (uint32_t at = 0; !v->light && at < ntxs; at += n)
		bt->jobs[bt->njobs++] = (struct job){ix, at, n};
}

/* ---- one batch ---- */

static int execute_first(struct verify *v, const struct mkt_buf *bytes, struct mkt_err *err)
{
	struct mkt_buf want = MKT_BUF_INIT;
	int r = mkt_block_first(v->s, mkt_chain_id(v->c), &v->delta, &want);

	if (r < 0)
		r = mkt_err_code(err, -r);
	else if (want.len != bytes->len || memcmp(want.data, bytes->data, want.len) != 0)
		r = mkt_err_set(err, MKT_EINTEGRITY, "block 0 is not the one that genesis makes");
	mkt_buf_release(&want);
	return r;
}

static int execute(struct verify *v, const struct mkt_buf *bytes, const struct mkt_block *b,
		   struct mkt_err *err)
{
	int r;

	if (!b->h.height)
		return execute_first(v, bytes, err);
	if (v->light) {
		r = mkt_verify_follows(b, &v->prev, mkt_chain_id(v->c), err);
		if (r < 0 || !b->txs)
			return r;
		return mkt_verify_next_set(b, mkt_chain_id(v->c), &v->set, err);
	}
	r = mkt_verify_execute(v->s, b, &v->prev, mkt_chain_id(v->c), &v->ev, &v->delta, err);
	if (!r)
		v->set = *mkt_state_authorities(v->s);
	return r;
}

/* From the archives, if they have it; -MKT_EPRUNED with @err as it is. */
static int from_archive(struct verify *v, uint64_t height, struct mkt_buf *bytes,
			struct mkt_err *err)
{
	uint64_t same;
	int r = 0;

	for (size_t i = 0; !r && i < v->archives->n; i++)
		r = mkt_archive_read(v->archives->v[i], height, &v->rec, err);
	if (r <= 0)
		return r < 0 ? r : -MKT_EPRUNED;
	return mkt_record_unpack(v->rec.data, v->rec.len, MKT_BLOCK_BYTES_MAX, &same, bytes, NULL,
				 err);
}

/* 1: header and votes only. */
static int read_next(struct verify *v, struct mkt_buf *bytes, struct mkt_block *b,
		     struct mkt_err *err)
{
	int r = mkt_chain_read(v->c, v->next, bytes, err);

	if (r == -MKT_EPRUNED)
		r = from_archive(v, v->next, bytes, err);
	if (!r)
		return mkt_block_dec(bytes->data, bytes->len, b, err);
	if (r != -MKT_EPRUNED || !v->light)
		return r;
	v->pruned++;
	r = mkt_chain_read_head(v->c, v->next, b, err);
	mkt_buf_clear(bytes);
	return r < 0 ? r : 1;
}

/* The next block into @bt; -MKT_EINTEGRITY is noted, and what was read is still checked. */
static int take_block(struct verify *v, struct batch *bt, struct mkt_err *err)
{
	struct mkt_buf *bytes = &bt->bytes[bt->n];
	struct mkt_block *b = &bt->b[bt->n];
	int r = read_next(v, bytes, b, err);

	if (r < 0) {
		if (r == -MKT_EINTEGRITY)
			note_fault(v, v->next, RANK_STATIC, err);
		return r;
	}
	bt->pruned[bt->n] = r;
	bt->set[bt->n] = v->set;
	r = execute(v, bytes, b, err);
	if (r < 0 && r != -MKT_EINTEGRITY)
		return r;
	if (r < 0)
		note_fault(v, v->next, RANK_EXECUTION, err);
	add_jobs(v, bt, bt->n++);
	v->prev = mkt_verify_prev_of(b);
	v->next++;
	return r;
}

static int fill(struct verify *v, struct batch *bt, struct mkt_err *err)
{
	size_t bytes = 0;
	uint32_t txs = 0;
	int r = 0;

	bt->n = bt->njobs = 0;
	while (!r && v->next <= v->last && bt->n < BATCH_BLOCKS && bytes < BATCH_BYTES &&
	       txs < BATCH_TXS) {
		r = take_block(v, bt, err);
		if (r)
			break;
		bytes += bt->bytes[bt->n - 1].len;
		txs += bt->b[bt->n - 1].h.ntxs;
	}
	return r;
}

/* Keys of accounts that came with the last batch. */
static int learn_keys(struct verify *v, struct mkt_err *err)
{
	uint32_t n = v->light ? 0 : mkt_state_accounts(v->s);
	struct mkt_pubkey *keys;
	struct mkt_account a;

	if (n <= v->nkeys)
		return 0;
	keys = realloc(v->keys, n * sizeof(*keys));
	if (!keys)
		return mkt_err_code(err, MKT_ENOMEM);
	v->keys = keys;
	for (; v->nkeys < n && mkt_state_account(v->s, v->nkeys, &a); v->nkeys++)
		keys[v->nkeys] = a.key;
	return 0;
}

/* ---- all of them ---- */

static void finish_batch(struct verify *v)
{
	mkt_par_wait(v->par);
	for (unsigned i = 0; v->running && i < v->running->n; i++) {
		v->txs += v->running->b[i].h.ntxs;
		if (v->running->bytes[i].cap > KEEP_BYTES)
			mkt_buf_release(&v->running->bytes[i]);
	}
	v->running = NULL;
	mkt_progress_update(&v->progress, v->txs, v->txs_total, mkt_app_mono_ms());
}

/* Ctrl-C, or a deadline that was asked for: a chain may take hours. */
static int stopped(struct verify *v, struct mkt_err *err)
{
	if (mkt_app_stopped())
		return 128 + mkt_app_stopped();
	if (v->app->opt.timeout && !mkt_app_left_ms(v->app))
		return mkt_err_set(err, MKT_ETIMEOUT, "the time is over at block %llu",
				   (unsigned long long)v->next);
	return 0;
}

static int verify_blocks(struct verify *v, struct mkt_err *err)
{
	unsigned turn = 0;
	int r = 0;

	while (!r && v->next <= v->last && !fault_found(v)) {
		struct batch *bt = v->batch[turn ^= 1];

		r = fill(v, bt, err);
		finish_batch(v);
		if (!r || r == -MKT_EINTEGRITY) {
			int keys = learn_keys(v, err);

			r = keys < 0 ? keys : r;
			v->running = bt;
			mkt_par_start(v->par, bt->njobs, run_job, v);
		}
		if (!r)
			r = stopped(v, err);
	}
	finish_batch(v);
	if (v->fault.found) {
		*err = v->fault.err;
		return -err->code;
	}
	return r;
}

static int begin(struct verify *v, struct mkt_err *err)
{
	struct mkt_block b;
	int r = mkt_chain_read_head(v->c, v->last, &b, err);

	if (r >= 0) {
		v->txs_total = b.h.first_tx + b.h.ntxs;
		r = mkt_state_new(mkt_chain_genesis(v->c), &v->s, err);
	}
	if (!r)
		v->set = *mkt_state_authorities(v->s);
	if (!r)
		r = mkt_par_new(0, &v->par, err);
	for (unsigned i = 0; !r && i < 2; i++) {
		v->batch[i] = calloc(1, sizeof(*v->batch[i]));
		if (!v->batch[i])
			r = mkt_err_code(err, MKT_ENOMEM);
	}
	return r;
}

static void end(struct verify *v)
{
	mkt_par_free(v->par);
	mkt_state_free(v->s);
	mkt_events_release(&v->ev);
	mkt_delta_release(&v->delta);
	for (unsigned i = 0; i < 2 && v->batch[i]; i++) {
		for (unsigned k = 0; k < BATCH_BLOCKS; k++)
			mkt_buf_release(&v->batch[i]->bytes[k]);
		free(v->batch[i]);
	}
	free(v->keys);
	mkt_buf_release(&v->rec);
	pthread_mutex_destroy(&v->lock);
}

/* ---- the answer ---- */

enum {
	C_CHAIN,
	C_DIR,
	C_LIGHT,
	C_HEIGHT,
	C_HASH,
	C_STATE,
	C_TIME,
	C_BLOCKS,
	C_TXS,
	C_WALL,
	C_PRUNED,
	C_COUNT
};

static const struct mkt_col verify_cols[] = {
	[C_CHAIN] = {.name = "chain", .kind = MKT_COL_ID},
	[C_DIR] = {.name = "dir", .kind = MKT_COL_TEXT},
	[C_LIGHT] = {.name = "light", .kind = MKT_COL_BOOL},
	[C_HEIGHT] = {.name = "height", .kind = MKT_COL_UINT},
	[C_HASH] = {.name = "hash", .kind = MKT_COL_ID},
	[C_STATE] = {.name = "state", .kind = MKT_COL_ID},
	[C_TIME] = {.name = "time_ms", .kind = MKT_COL_TIME_MS, .json = "time"},
	[C_BLOCKS] = {.name = "blocks", .kind = MKT_COL_UINT},
	[C_TXS] = {.name = "transactions", .kind = MKT_COL_UINT},
	[C_WALL] = {.name = "wall_ms", .kind = MKT_COL_UINT},
	[C_PRUNED] = {.name = "pruned", .kind = MKT_COL_UINT},
	{.name = NULL},
};
static const struct mkt_table verify_table = {"verify", verify_cols, true};
static const struct mkt_doc verify_doc = {"verify", 1, {&verify_table}, false};

struct answer {
	const char *dir;
	bool light, one;
	uint64_t blocks, txs, wall_ms;
	uint64_t pruned; /* blocks whose bodies were not looked at */
	struct mkt_header h; /* of the last block */
	struct mkt_hash hash;
};

static int tell(struct mkt_app *app, struct mkt_chain *c, const struct answer *a)
{
	struct mkt_val row[C_COUNT] = {
		[C_CHAIN] = mkt_v_bytes(mkt_chain_id(c)->b, MKT_HASH_LEN),
		[C_DIR] = mkt_v_text(a->dir),
		[C_LIGHT] = mkt_v_bool(a->light),
		[C_HEIGHT] = mkt_v_uint(a->h.height),
		[C_HASH] = mkt_v_bytes(a->hash.b, MKT_HASH_LEN),
		[C_STATE] = mkt_v_bytes(a->h.state.b, MKT_HASH_LEN),
		[C_TIME] = mkt_v_uint(a->h.time_ms),
		[C_BLOCKS] = mkt_v_uint(a->blocks),
		[C_TXS] = mkt_v_uint(a->txs),
		[C_WALL] = mkt_v_uint(a->wall_ms),
		[C_PRUNED] = mkt_v_uint(a->pruned),
	};
	struct mkt_buf state = MKT_BUF_INIT, pruned = MKT_BUF_INIT;
	int rc;

	if (a->pruned)
		mkt_buf_addf(&pruned, "; the bodies of %llu blocks are not here",
			     (unsigned long long)a->pruned);
	mkt_buf_addhex(&state, a->h.state.b, MKT_HASH_LEN);
	if (a->one)
		rc = mkt_out_receipt(&app->out, &verify_doc, row, &app->err,
				     "block %llu is whole%s", (unsigned long long)a->h.height,
				     a->h.height ? ", signed, and follows the one before" : "");
	else
		rc = mkt_out_receipt(&app->out, &verify_doc, row, &app->err,
				     "%llu block%s, %llu transaction%s: %s%s\nstate %s",
				     (unsigned long long)a->blocks, a->blocks == 1 ? "" : "s",
				     (unsigned long long)a->txs, a->txs == 1 ? "" : "s",
				     a->light ? "whole, linked and signed; not executed"
					      : "all as genesis and the rules make them",
				     mkt_buf_str(&pruned), mkt_buf_str(&state));
	mkt_buf_release(&pruned);
	mkt_buf_release(&state);
	return rc;
}

/* ---- the command ---- */

static int verify_once(struct mkt_app *app, struct mkt_chain *c, const struct archives *archives,
		       struct answer *a)
{
	struct verify v = {.app = app,
			   .c = c,
			   .archives = archives,
			   .light = a->light,
			   .last = mkt_chain_height(c)};
	struct mkt_block b;
	int r;

	pthread_mutex_init(&v.lock, NULL);
	mkt_app_catch_signals();
	mkt_app_progress(app, &v.progress,
			 a->light ? "checking transactions" : "verifying transactions");
	r = begin(&v, &app->err);
	if (!r)
		r = verify_blocks(&v, &app->err);
	if (!r && !a->light)
		r = mkt_state_check(v.s, &app->err);
	mkt_progress_end(&v.progress);
	if (!r)
		r = mkt_chain_read_head(c, v.last, &b, &app->err);
	if (r >= 0) {
		a->blocks = v.last + 1;
		a->txs = v.txs;
		a->pruned = v.pruned;
		a->h = b.h;
		a->hash = b.hash;
	}
	end(&v);
	return r < 0 || r >= 128 ? r : 0;
}

/* Without all bodies nothing can be executed: then the rest is checked, and the answer says so. */
static int verify_chain(struct mkt_app *app, struct mkt_chain *c, const struct archives *archives,
			struct answer *a)
{
	int r = verify_once(app, c, archives, a);

	if (r != -MKT_EPRUNED || a->light)
		return r;
	app->err = (struct mkt_err){0};
	a->light = true;
	return verify_once(app, c, archives, a);
}

static void close_archives(struct archives *a)
{
	for (size_t i = 0; i < a->n; i++)
		mkt_archive_close(a->v[i]);
	free(a->v);
}

static int open_archives(const struct mkt_list *names, const struct mkt_chain *c,
			 struct archives *a, struct mkt_err *err)
{
	int r = 0;

	*a = (struct archives){.v = calloc(names->n + 1, sizeof(struct mkt_archive *))};
	if (!a->v)
		return mkt_err_code(err, MKT_ENOMEM);
	for (; !r && a->n < names->n; a->n += !r)
		r = mkt_archive_open(names->v[a->n], mkt_chain_id(c), &a->v[a->n], err);
	return r;
}

static int read_block(struct mkt_chain *c, uint64_t height, struct mkt_buf *bytes,
		      struct mkt_block *b, struct mkt_err *err)
{
	int r = mkt_chain_read(c, height, bytes, err);

	return r < 0 ? r : mkt_block_dec(bytes->data, bytes->len, b, err);
}

static int verify_one(struct mkt_app *app, struct mkt_chain *c, uint64_t height, struct answer *a)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_authorities set;
	struct mkt_verify_prev prev;
	struct mkt_block b, before;
	struct mkt_err *err = &app->err;
	int r = read_block(c, height, &bytes, &b, err);

	if (!r)
		r = mkt_chain_authorities(c, height, &set, err);
	if (!r)
		r = mkt_verify_static(&b, &set, mkt_chain_id(c), err);
	if (!r && height) {
		r = mkt_chain_read_head(c, height - 1, &before, err);
		if (r >= 0) {
			prev = mkt_verify_prev_of(&before);
			r = mkt_verify_follows(&b, &prev, mkt_chain_id(c), err);
		}
	}
	if (!r) {
		a->light = a->one = true;
		a->blocks = 1;
		a->txs = b.h.ntxs;
		a->h = b.h;
		a->hash = b.hash;
	}
	mkt_buf_release(&bytes);
	return r;
}

/* DIR is a chain, or what mkt init made around one. */
static int chain_dir(struct mkt_app *app, const char *arg, struct mkt_buf *out)
{
	int r = arg ? 0 : mkt_conf_dir(&app->conf, MKT_DIR_DATA, out, &app->err);

	if (r < 0)
		return r;
	mkt_buf_addstr(out, arg ? arg : "/market");
	mkt_buf_addstr(out, "/chain/genesis");
	if (out->bad)
		return mkt_err_code(&app->err, MKT_ENOMEM);
	if (access(mkt_buf_str(out), F_OK) < 0)
		out->len -= strlen("/chain/genesis");
	else
		out->len -= strlen("/genesis");
	out->data[out->len] = 0;
	return 0;
}

static void scan_progress(void *ctx, enum mkt_chain_step step, uint64_t done, uint64_t total)
{
	(void)step;
	mkt_progress_update(ctx, done, total, mkt_app_mono_ms());
}

static int open_chain(struct mkt_app *app, const char *dir, struct mkt_chain **c)
{
	struct mkt_progress p = {.on = false};
	struct mkt_chain_open how = {.read_only = true, .progress = scan_progress, .ctx = &p};
	int r;

	mkt_app_progress(app, &p, "reading bytes without index");
	r = mkt_chain_open(dir, &how, c, &app->err);
	mkt_progress_end(&p);
	if (r == -MKT_ENOTFOUND)
		r = mkt_err_set(&app->err, MKT_ENOTFOUND, "there is no chain in '%s'", dir);
	return r;
}

static int verify_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct verify_values *v = values;
	struct mkt_buf dir = MKT_BUF_INIT;
	struct mkt_chain *c = NULL;
	struct archives archives = {.v = NULL};
	struct answer a = {.light = v->light};
	uint64_t begun = mkt_app_mono_ms();
	int r = mkt_out_check(&app->out, &verify_doc, &app->err);

	if (!r)
		r = chain_dir(app, argc ? argv[0] : NULL, &dir);
	a.dir = mkt_buf_str(&dir);
	if (!r)
		r = open_chain(app, a.dir, &c);
	if (!r)
		r = open_archives(&v->archives, c, &archives, &app->err);
	if (!r)
		r = v->block.given ? verify_one(app, c, (uint64_t)v->block.v, &a)
				   : verify_chain(app, c, &archives, &a);
	a.wall_ms = mkt_app_mono_ms() - begun;
	if (!r)
		r = tell(app, c, &a);
	close_archives(&archives);
	mkt_chain_close(c);
	mkt_buf_release(&dir);
	return r;
}

const struct mkt_spec cmd_verify = {
	.name = "verify",
	.summary = "execute a chain again from genesis and check every signature",
	.args = "[DIR]",
	.complete = "directory",
	.opts = verify_opts,
	.values_size = sizeof(struct verify_values),
	.run = verify_run,
	.args_max = 1,
};

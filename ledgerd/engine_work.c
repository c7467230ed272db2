/* The worker of an authority: fetches, checks, executes, appends, rewinds. */
#include "core/base/compat.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "core/app/log.h"
#include "core/store/segment.h"
#include "ledgerd/alarm.h"
#include "ledgerd/engine_impl.h"
#include "ledgerd/ingest.h"
#include "ledgerd/pipe_impl.h"

#define FETCH_MS 4000u /* for one body from one node */
#define CONNECT_MS 1000u
#define RETRY_MS 200u	/* a final block that nobody gave yet */
#define PART_TXS 48u	/* signatures that are worth a thread of their own */
#define THREADS_MAX 16u

/* ---- the other nodes ----------------------------------------------------------------------- */

static const char *or_null(const char *s)
{
	return s[0] ? s : NULL;
}

static struct mkt_client *client_of(struct ld_engine *e, const char *url)
{
	const struct ld_conf *c = e->n->conf;
	struct mkt_client_conf conf = {
		.timeout_ms = FETCH_MS,
		.connect_ms = CONNECT_MS,
		.tls = {or_null(c->peer_ca), or_null(c->peer_cert), or_null(c->peer_key), NULL},
		.agent = "ledgerd",
		.stop = &e->cancel,
	};
	struct peer *p = e->peers;
	struct mkt_err err;

	while (p < e->peers + e->npeers && strcmp(p->url, url) != 0)
		p++;
	if (p == e->peers + MKT_AUTHORITIES_MAX) /* they move: begin anew */
		while (e->npeers)
			mkt_client_free(e->peers[--e->npeers].client);
	if (p >= e->peers + e->npeers) {
		p = &e->peers[e->npeers];
		snprintf(p->url, sizeof(p->url), "%s", url);
		conf.server = p->url;
		if (mkt_client_new(&conf, &p->client, &err) < 0)
			return NULL;
		e->npeers++;
	}
	mkt_client_restart(p->client, FETCH_MS);
	return p->client;
}

/* Forget a connection that was given up in the midst of an answer. */
static void drop_clients(struct ld_engine *e)
{
	while (e->npeers)
		mkt_client_free(e->peers[--e->npeers].client);
}

static int fetch_prepared(struct ld_engine *e, const char *url, uint64_t height, uint64_t epoch,
			  struct mkt_buf *out, struct mkt_err *err)
{
	struct mkt_client *c = client_of(e, url);
	char path[96];

	if (!c)
		return mkt_err_code(err, MKT_ENOMEM);
	snprintf(path, sizeof(path), "/v1/prepared/%llu?epoch=%llu", (unsigned long long)height,
		 (unsigned long long)epoch);
	return mkt_client_get(c, path, out, err);
}

/* A final block out of another node's chain. */
static int fetch_final(struct ld_engine *e, const char *url, uint64_t height, struct mkt_buf *out,
		       struct mkt_err *err)
{
	struct mkt_client *c = client_of(e, url);
	struct mkt_buf answer = MKT_BUF_INIT;
	struct mkt_dec in;
	const uint8_t *record;
	uint64_t there;
	char path[96];
	uint32_t len;
	int res;

	if (!c)
		return mkt_err_code(err, MKT_ENOMEM);
	snprintf(path, sizeof(path), "/v1/chain?from=%llu&limit=1", (unsigned long long)height);
	res = mkt_client_get(c, path, &answer, err);
	in = mkt_dec_init(answer.data, answer.len);
	len = mkt_dec_u32(&in);
	record = in.bad ? NULL : mkt_dec_bytes(&in, len);
	mkt_buf_clear(out);
	if (res >= 0 && !record)
		res = mkt_err_set(err, MKT_ENOTFOUND, "'%s' has no block %llu", url,
				  (unsigned long long)height);
	if (res >= 0)
		res = mkt_record_unpack(record, len, MKT_BLOCK_BYTES_MAX, &there, out, NULL, err);
	mkt_buf_release(&answer);
	return res < 0 ? res : 0;
}

/* ---- executing ----------------------------------------------------------------------------- */

static void drop_exec(struct ld_engine *e)
{
	if (e->exec) {
		ld_pipe_block_put(e->n, e->exec);
		e->dirty = true;
	}
	e->exec = NULL;
}

/* Back to the last block on the disk. */
static void rewind_state(struct ld_engine *e)
{
	struct ld_node *n = e->n;
	struct mkt_err err = {0};

	drop_exec(e);
	if (!e->dirty && mkt_state_height(n->state) == mkt_chain_height(n->chain))
		return;
	pthread_rwlock_wrlock(&n->lock);
	if (mkt_chain_rewind(n->chain, &err) < 0)
		ld_fatal("cannot go back to the last block", &err);
	n->state = mkt_chain_state(n->chain);
	atomic_fetch_add(&n->version, 1);
	pthread_rwlock_unlock(&n->lock);
	e->dirty = false;
}

struct part {
	struct ld_node *n;
	const struct mkt_block *b;
	uint32_t first, count;
	int res;
	struct mkt_err err;
};

static bool key_of(void *ctx, uint32_t account, struct mkt_pubkey *key)
{
	const struct ld_node *n = ctx;
	struct mkt_account acc;

	if (!mkt_state_account(n->state, account, &acc))
		return false;
	*key = acc.key;
	return true;
}

static void *check_part(void *arg)
{
	struct part *p = arg;

	p->res = mkt_verify_txs(p->b, p->first, p->count, key_of, p->n, &p->err);
	return NULL;
}

/* The worker alone changes the state while it follows, so all of these read it unlocked. */
static int check_signatures(struct ld_engine *e, const struct mkt_block *b, struct mkt_err *err)
{
	struct part part[THREADS_MAX];
	pthread_t thread[THREADS_MAX];
	bool started[THREADS_MAX] = {false};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t parts = b->h.ntxs / PART_TXS + 1, at = 0;
	int res = 0;

	if (parts > (uint32_t)(cores < 1 ? 1 : cores))
		parts = (uint32_t)(cores < 1 ? 1 : cores);
	if (parts > THREADS_MAX)
		parts = THREADS_MAX;
	for (uint32_t i = 0; i < parts; i++) {
		uint32_t end = (uint32_t)((uint64_t)b->h.ntxs * (i + 1) / parts);

		part[i] = (struct part){.n = e->n, .b = b, .first = at, .count = end - at};
		at = end;
		if (i + 1 < parts)
			started[i] = !pthread_create(&thread[i], NULL, check_part, &part[i]);
		if (!started[i])
			check_part(&part[i]);
	}
	for (uint32_t i = 0; i < parts; i++) {
		if (started[i])
			pthread_join(thread[i], NULL);
		if (!res && part[i].res < 0) {
			res = part[i].res;
			*err = part[i].err;
		}
	}
	return res;
}

/*
 * Execute a block whose roots are right on the state of the one before.  @bytes are taken over
 * on success: e->exec is the block then.  -MKT_EINTEGRITY: it is wrong; the state is behind
 * nothing then, and is made anew when next needed.
 */
static int execute(struct ld_engine *e, struct mkt_buf *bytes, const struct mkt_block *b,
		   struct mkt_err *err)
{
	struct ld_node *n = e->n;
	struct mkt_verify_prev prev;
	struct ld_block *x;
	bool unsure = check_signatures(e, b, err) < 0; /* or of an account that the block enrols */
	int res;

	pthread_mutex_lock(&e->mu);
	prev = e->prev;
	pthread_mutex_unlock(&e->mu);
	x = ld_pipe_block(n);
	if (!x)
		return mkt_err_set(err, MKT_EUNAVAILABLE, "the node is stopping");
	e->dirty = true;
	pthread_rwlock_wrlock(&n->lock);
	res = mkt_verify_execute(n->state, b, &prev, &n->chain_id, &x->ev, &x->delta, err);
	atomic_fetch_add(&n->version, 1);
	pthread_rwlock_unlock(&n->lock);
	if (!res && unsure)
		res = check_signatures(e, b, err);
	if (!res)
		res = mkt_sealed_take(b, bytes, &x->delta, &x->sealed);
	if (res < 0) {
		ld_pipe_block_put(n, x);
		return res;
	}
	x->is_sealed = true;
	x->height = b->h.height;
	x->digest = b->h.state;
	e->exec = x;
	return 0;
}

/* ---- following ----------------------------------------------------------------------------- */

/* Another block than the one asked for: if its authority signed it, that may prove something. */
static void tell_other(struct ld_engine *e, const struct mkt_block *b)
{
	struct news v = {.kind = MKT_QE_HEARD, .header = b->h};

	for (unsigned i = 0; i < b->nvotes; i++)
		if (b->votes[i].authority == b->h.authority) {
			v.sig = b->votes[i].sig;
			ld_engine_tell(e, &v);
		}
}

/* Is it the block of this hash, with everything that the hash stands for? */
static int check_body(struct ld_engine *e, const struct mkt_buf *bytes, const struct job *j,
		      struct mkt_block *b, struct mkt_err *err)
{
	struct mkt_authorities set;
	struct mkt_hash names;
	int res = mkt_block_dec(bytes->data, bytes->len, b, err);

	if (res < 0)
		return res;
	if (!mkt_hash_eq(&b->hash, &j->hash) || b->h.height != j->height) {
		tell_other(e, b);
		return mkt_err_set(err, MKT_EINTEGRITY, "another block %llu was given",
				   (unsigned long long)j->height);
	}
	if (j->kind == JOB_CHECK &&
	    bytes->len - b->nvotes * (size_t)(2 + MKT_SIG_LEN) != j->body_len)
		return mkt_err_set(err, MKT_EINTEGRITY, "block %llu has another length",
				   (unsigned long long)j->height);
	ld_node_authorities(e->n, &set);
	mkt_authorities_set_hash(&set, &names);
	if (!mkt_hash_eq(&names, &b->h.authorities))
		return mkt_err_set(err, MKT_EINTEGRITY, "block %llu: it names other authorities",
				   (unsigned long long)j->height);
	return mkt_verify_roots(b, err);
}

/* The body of @j from the disk, else from who has it.  -MKT_EUNAVAILABLE: nobody does now. */
static int find_body(struct ld_engine *e, const struct job *j, struct mkt_buf *out,
		     struct mkt_block *b, struct mkt_err *err)
{
	bool final = j->kind == JOB_COMMIT;

	if (!ld_prepared_find(e->prepared, j->height, &j->hash, out, err) &&
	    !check_body(e, out, j, b, err))
		return 0;
	for (unsigned i = 0; i < j->nurls && !ld_engine_cancelled(e); i++) {
		int res = fetch_prepared(e, j->urls[i], j->height, j->epoch, out, err);

		if (res >= 0)
			res = check_body(e, out, j, b, err);
		if (res < 0 && final) {
			res = fetch_final(e, j->urls[i], j->height, out, err);
			if (!res)
				res = check_body(e, out, j, b, err);
		}
		if (!res)
			return 0;
		mkt_log(MKT_LOG_DEBUG, "block %llu from '%s': %s", (unsigned long long)j->height,
			j->urls[i], err->text);
	}
	return mkt_err_code(err, MKT_EUNAVAILABLE);
}

static uint8_t check(struct ld_engine *e, const struct job *j)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_block b;
	struct mkt_err err = {0};
	int res;

	if (e->leads || j->height != mkt_chain_height(e->n->chain) + 1)
		return MKT_Q_NOT_NOW;
	if (!e->exec || !mkt_hash_eq(&e->exec->sealed.hash, &j->hash)) {
		rewind_state(e);
		res = find_body(e, j, &bytes, &b, &err);
		if (res < 0) {
			mkt_buf_release(&bytes);
			return MKT_Q_NO_BODY;
		}
		res = execute(e, &bytes, &b, &err);
		mkt_buf_release(&bytes);
		if (res == -MKT_ENOMEM || res == -MKT_EUNAVAILABLE)
			return MKT_Q_NOT_NOW;
		if (res < 0) {
			mkt_log(MKT_LOG_ERROR, "refused: %s", err.text);
			return MKT_Q_BAD;
		}
	}
	res = ld_prepared_put(e->prepared, j->height, j->epoch, &j->hash,
			      e->exec->sealed.bytes.data, e->exec->sealed.bytes.len, &err);
	if (!res)
		return MKT_Q_GOOD;
	mkt_log(MKT_LOG_ERROR, "cannot prepare block %llu: %s", (unsigned long long)j->height,
		err.text);
	return res == -MKT_ECONFLICT ? MKT_Q_BAD : MKT_Q_NOT_NOW;
}

static void do_check(struct ld_engine *e, const struct job *j)
{
	struct news v = {
		.kind = MKT_QE_CHECKED, .height = j->height, .epoch = j->epoch, .hash = j->hash};

	v.verdict = check(e, j);
	ld_engine_tell(e, &v);
}

/* Wait a little; false: give up. */
static bool nap(struct ld_engine *e)
{
	struct timespec ts = {.tv_nsec = (long)RETRY_MS * 1000000};

	nanosleep(&ts, NULL);
	return !ld_engine_cancelled(e);
}

/* What a quorum has signed comes out differently here: nothing that follows would be right. */
static void diverged(struct ld_engine *e, const struct mkt_err *err)
{
	mkt_log(MKT_LOG_ERROR, "a final block is refused: %s", err->text);
	ld_alarm_set(e->n->alarms, LD_ALARM_ENGINE, true, "a final block is refused: %.150s",
		     err->text);
}

static int append_exec(struct ld_engine *e, struct mkt_err *err)
{
	struct ld_block *x = e->exec;
	uint64_t height = x->height;

	e->exec = NULL;
	e->dirty = false;
	ld_pipe_append(e->n, x);
	return ld_pipe_wait_appended(e->n, height, err);
}

/* One final block: out of the prepared area, or from others. */
static int commit(struct ld_engine *e, const struct job *j, struct mkt_err *err)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_block b;
	int res = 0;

	if (!e->exec || !mkt_hash_eq(&e->exec->sealed.hash, &j->hash)) {
		rewind_state(e);
		res = find_body(e, j, &bytes, &b, err);
		if (!res)
			res = execute(e, &bytes, &b, err);
		if (res == -MKT_EINTEGRITY)
			diverged(e, err);
		mkt_buf_release(&bytes);
	}
	if (!res && mkt_sealed_certify(&e->exec->sealed, j->votes, j->nvotes) < 0)
		res = mkt_err_code(err, MKT_ENOMEM);
	return res ? res : append_exec(e, err);
}

/* What is final was given up for another job: it is for later, unless that brings it too. */
static void put_off(struct ld_engine *e, const struct job *j)
{
	bool comes = false;

	pthread_mutex_lock(&e->mu);
	for (unsigned i = 0; i < e->njobs; i++)
		comes |= (e->jobs[i].kind == JOB_COMMIT || e->jobs[i].kind == JOB_CATCH_UP) &&
			 e->jobs[i].height >= j->height;
	if (!comes && e->njobs < ENGINE_JOBS)
		e->jobs[e->njobs++] = *j;
	pthread_mutex_unlock(&e->mu);
}

static void do_commit(struct ld_engine *e, const struct job *j)
{
	struct mkt_err err = {0};
	int res;

	while (mkt_chain_height(e->n->chain) + 1 == j->height) {
		res = commit(e, j, &err);
		if (res == -MKT_EINTEGRITY)
			return;
		if (res < 0 && !nap(e)) {
			put_off(e, j);
			return;
		}
	}
}

/* ---- behind -------------------------------------------------------------------------------- */

static void do_catch_up(struct ld_engine *e, const struct job *j)
{
	const char *urls[MKT_Q_URLS_MAX];
	struct mkt_err err = {0};
	int res;

	for (unsigned i = 0; i < j->nurls; i++)
		urls[i] = j->urls[i];
	do {
		rewind_state(e);
		res = ld_ingest_until(e->n, urls, j->nurls, j->height, &j->hash, &err);
		e->dirty = res < 0;
		if (res == -MKT_EINTEGRITY)
			diverged(e, &err);
	} while (res < 0 && res != -MKT_EINTEGRITY && nap(e));
	if (res < 0 && res != -MKT_EINTEGRITY)
		put_off(e, j);
}

/* ---- leading ------------------------------------------------------------------------------- */

static void may_lead(struct ld_engine *e, bool yes)
{
	pthread_mutex_lock(&e->mu);
	e->may_lead = yes; /* whether to build is the protocol's thread's: it may be ahead of us */
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->mu);
}

static void do_lead(struct ld_engine *e)
{
	if (e->leads)
		return;
	rewind_state(e);
	may_lead(e, true);
	ld_pipe_resume(e->n);
	e->leads = true;
}

static void do_follow(struct ld_engine *e)
{
	if (!e->leads)
		return;
	may_lead(e, false);
	ld_pipe_park(e->n);
	e->leads = false;
	e->dirty = true;
	rewind_state(e);
}

static void run(struct ld_engine *e, const struct job *j)
{
	bool lead = e->leads;

	if (j->kind == JOB_LEAD) {
		do_lead(e);
		return;
	}
	if (j->kind == JOB_FOLLOW) {
		do_follow(e);
		return;
	}
	/* A block that others sealed, while this node leads: not from the protocol as it is. */
	if (lead && j->kind != JOB_CHECK)
		do_follow(e);
	if (j->kind == JOB_CHECK)
		do_check(e, j);
	else if (j->kind == JOB_COMMIT)
		do_commit(e, j);
	else
		do_catch_up(e, j);
	if (lead && j->kind != JOB_CHECK)
		do_lead(e);
}

/* False: the engine ends. */
static bool next_job(struct ld_engine *e, struct job *out)
{
	bool there;

	pthread_mutex_lock(&e->mu);
	while (!e->njobs && !e->ending)
		pthread_cond_wait(&e->changed, &e->mu);
	there = !e->ending;
	if (there) {
		*out = e->jobs[0];
		memmove(e->jobs, e->jobs + 1, --e->njobs * sizeof(*e->jobs));
		__atomic_store_n(&e->cancel, 0, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&e->mu);
	return there;
}

void *ld_engine_work_main(void *arg)
{
	struct ld_engine *e = arg;
	struct job *j = calloc(1, sizeof(*j));

	pthread_setname_np(pthread_self(), "authority");
	if (!j)
		ld_fatal("cannot start the engine", NULL);
	while (next_job(e, j)) {
		run(e, j);
		if (ld_engine_cancelled(e))
			drop_clients(e);
	}
	if (e->leads)
		ld_pipe_park(e->n);
	drop_exec(e);
	free(j);
	return NULL;
}

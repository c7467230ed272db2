#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "core/app/log.h"
#include "core/base/file.h"
#include "ledgerd/alarm.h"
#include "ledgerd/engine_impl.h"
#include "ledgerd/evidence.h"
#include "ledgerd/pipe_impl.h"

#define ASKED_MS 10000u	   /* so long is what was refused for want of the lead held for work */
#define LEAVE_MS 1500u	   /* for handing over at the end */
#define DISK_RETRY_MS 500u /* a block that could not be prepared */
#define PASSWORD_MAX 255

/* ---- between threads ----------------------------------------------------------------------- */

void ld_engine_tell(struct ld_engine *e, const struct news *v)
{
	pthread_mutex_lock(&e->mu);
	while (e->nnews == ENGINE_EVENTS && !e->ending)
		pthread_cond_wait(&e->changed, &e->mu);
	if (e->nnews < ENGINE_EVENTS)
		e->news[(e->news_at + e->nnews++) % ENGINE_EVENTS] = *v;
	pthread_mutex_unlock(&e->mu);
	mkt_etcd_wake(e->etcd);
}

static bool next_news(struct ld_engine *e, struct news *out)
{
	bool there;

	pthread_mutex_lock(&e->mu);
	there = e->nnews > 0;
	if (there) {
		*out = e->news[e->news_at];
		e->news_at = (e->news_at + 1) % ENGINE_EVENTS;
		e->nnews--;
		pthread_cond_broadcast(&e->changed);
	}
	pthread_mutex_unlock(&e->mu);
	return there;
}

bool ld_engine_cancelled(struct ld_engine *e)
{
	return __atomic_load_n(&e->cancel, __ATOMIC_RELAXED);
}

/* With e->mu: does @later make the job @j needless? */
static bool replaces(uint8_t later, uint8_t j)
{
	if (j == JOB_CHECK)
		return later != JOB_LEAD;
	if (j == JOB_LEAD)
		return later == JOB_FOLLOW;
	return j == later && (j == JOB_CATCH_UP || j == JOB_FOLLOW || j == JOB_COMMIT);
}

/* What was to be done and is not begun gives way; what is under way is told. */
static void give_job(struct ld_engine *e, const struct job *j)
{
	unsigned n = 0;

	pthread_mutex_lock(&e->mu);
	for (unsigned i = 0; i < e->njobs; i++)
		if (!replaces(j->kind, e->jobs[i].kind))
			e->jobs[n++] = e->jobs[i];
	e->njobs = n;
	if (n < ENGINE_JOBS)
		e->jobs[e->njobs++] = *j;
	if (j->kind != JOB_LEAD)
		__atomic_store_n(&e->cancel, 1, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->mu);
}

/* ---- the committer ------------------------------------------------------------------------- */

int ld_engine_turn(struct ld_engine *e, uint64_t height, uint64_t *epoch)
{
	int res = 0;

	pthread_mutex_lock(&e->mu);
	while (e->may_lead && !(e->building && e->build_height >= height))
		pthread_cond_wait(&e->changed, &e->mu);
	*epoch = e->build_epoch;
	if (!e->may_lead || e->build_height != height)
		res = -MKT_ENOTLEADER;
	pthread_mutex_unlock(&e->mu);
	return res;
}

/* Until it is durable or void. */
static int prepare(struct ld_engine *e, const struct mkt_sealed *s, struct mkt_err *err)
{
	bool lead = true;
	int res = -MKT_ENOTLEADER;

	while (lead) {
		struct timespec nap = {.tv_nsec = (long)DISK_RETRY_MS * 1000000};

		res = ld_prepared_put(e->prepared, s->h.height, s->h.epoch, &s->hash, s->bytes.data,
				      s->bytes.len, err);
		if (!res)
			return 0;
		mkt_log(MKT_LOG_ERROR, "cannot prepare block %llu: %s; trying again",
			(unsigned long long)s->h.height, err->text);
		nanosleep(&nap, NULL);
		pthread_mutex_lock(&e->mu);
		lead = e->may_lead;
		pthread_mutex_unlock(&e->mu);
	}
	return res;
}

/* Length of an encoded block but for its votes. */
static uint32_t body_len(const struct mkt_sealed *s)
{
	return (uint32_t)(s->bytes.len -
			  s->bytes.data[MKT_HEADER_BYTES] * (size_t)(2 + MKT_SIG_LEN));
}

int ld_engine_commit(struct ld_engine *e, struct mkt_sealed *s, struct mkt_err *err)
{
	struct news v = {.kind = MKT_QE_BUILT, .header = s->h, .body_len = body_len(s)};
	struct mkt_vote votes[MKT_AUTHORITIES_MAX];
	uint64_t begun = ld_mono_ms();
	unsigned nvotes;
	bool committed;

	if (prepare(e, s, err) < 0)
		return mkt_err_code(err, MKT_ENOTLEADER);
	pthread_mutex_lock(&e->mu);
	e->waiting = e->may_lead && e->building && e->build_height == s->h.height &&
		     e->build_epoch == s->h.epoch;
	e->committed = false;
	e->building = false;
	e->wait_hash = s->hash;
	committed = e->waiting;
	pthread_mutex_unlock(&e->mu);
	if (!committed)
		return mkt_err_code(err, MKT_ENOTLEADER);
	ld_engine_tell(e, &v);
	pthread_mutex_lock(&e->mu);
	while (!e->committed && e->may_lead)
		pthread_cond_wait(&e->changed, &e->mu);
	e->waiting = false;
	committed = e->committed;
	nvotes = e->nvotes;
	memcpy(votes, e->votes, nvotes * sizeof(*votes));
	pthread_mutex_unlock(&e->mu);
	if (!committed)
		return mkt_err_code(err, MKT_ENOTLEADER);
	mkt_log(MKT_LOG_DEBUG, "block %llu, %zu bytes: final after %llu ms",
		(unsigned long long)s->h.height, s->bytes.len,
		(unsigned long long)(ld_mono_ms() - begun));
	return mkt_sealed_certify(s, votes, nvotes) < 0 ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

void ld_engine_appended(struct ld_engine *e, const struct mkt_sealed *s,
			const struct mkt_authorities *set)
{
	struct news v = {
		.kind = MKT_QE_APPLIED, .header = s->h, .hash = s->hash, .set = *set};

	pthread_mutex_lock(&e->mu);
	e->prev = (struct mkt_verify_prev){s->hash, s->h.height, s->h.time_ms,
					   s->h.first_tx + s->h.ntxs, s->h.epoch};
	e->asked_ms = 0;
	pthread_mutex_unlock(&e->mu);
	ld_engine_tell(e, &v);
}

void ld_engine_work(struct ld_engine *e)
{
	pthread_mutex_lock(&e->mu);
	e->asked_ms = ld_mono_ms();
	pthread_mutex_unlock(&e->mu);
}

bool ld_engine_leads(struct ld_engine *e, char leader[MKT_NAME_MAX + 1])
{
	bool leads;

	pthread_mutex_lock(&e->mu);
	snprintf(leader, MKT_NAME_MAX + 1, "%s", e->view.leader);
	leads = e->view.leading;
	pthread_mutex_unlock(&e->mu);
	return leads;
}

void ld_engine_look(struct ld_engine *e, struct mkt_quorum_view *out)
{
	pthread_mutex_lock(&e->mu);
	*out = e->view;
	pthread_mutex_unlock(&e->mu);
}

unsigned ld_engine_members(struct ld_engine *e, struct mkt_quorum_member *out, unsigned max)
{
	unsigned n;

	pthread_mutex_lock(&e->mu);
	n = e->nmembers < max ? e->nmembers : max;
	memcpy(out, e->members, n * sizeof(*out));
	pthread_mutex_unlock(&e->mu);
	return n;
}

uint64_t ld_engine_lost_ms(struct ld_engine *e)
{
	uint64_t ms;

	pthread_mutex_lock(&e->mu);
	ms = e->lost_ms;
	pthread_mutex_unlock(&e->mu);
	return ms;
}

struct ld_prepared *ld_engine_prepared(struct ld_engine *e)
{
	return e->prepared;
}

/* ---- actions ------------------------------------------------------------------------------- */

static void may_lead_no_more(struct ld_engine *e)
{
	struct job j = {.kind = JOB_FOLLOW};

	pthread_mutex_lock(&e->mu);
	e->may_lead = e->building = false;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->mu);
	give_job(e, &j);
}

static void send_txn(struct ld_engine *e, const struct mkt_q_action *a)
{
	struct mkt_err err;

	if (mkt_etcd_txn(e->etcd, a->txn_id, a->txn, &err) < 0 &&
	    e->nrefused < MKT_ARRAY_SIZE(e->refused))
		e->refused[e->nrefused++] = a->txn_id;
}

/* At the start the store has not yet told who is where: the configuration does. */
static void add_peers(const struct ld_engine *e, struct job *j)
{
	const struct ld_conf *conf = e->n->conf;

	for (unsigned i = 0; i < conf->npeers && j->nurls < MKT_Q_URLS_MAX; i++) {
		const char *url = conf->peers[i].url;
		unsigned k = 0;

		while (k < j->nurls && strcmp(j->urls[k], url))
			k++;
		if (url[0] && k == j->nurls)
			snprintf(j->urls[j->nurls++], sizeof(j->urls[0]), "%.255s", url);
	}
}

static void to_worker(struct ld_engine *e, const struct mkt_q_action *a, uint8_t kind)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return; /* asked for again */
	j->kind = kind;
	j->height = a->height;
	j->epoch = a->epoch;
	j->hash = a->hash;
	j->body_len = a->body_len;
	if (a->header && kind == JOB_COMMIT)
		j->height = a->header->height;
	j->nurls = a->nurls;
	for (unsigned i = 0; i < a->nurls; i++)
		snprintf(j->urls[i], sizeof(j->urls[i]), "%s", a->urls[i]);
	add_peers(e, j);
	j->nvotes = a->nvotes;
	if (a->nvotes)
		memcpy(j->votes, a->votes, a->nvotes * sizeof(*a->votes));
	give_job(e, j);
	free(j);
}

static void on_commit(struct ld_engine *e, const struct mkt_q_action *a)
{
	bool ours;

	pthread_mutex_lock(&e->mu);
	ours = e->waiting && mkt_hash_eq(&e->wait_hash, &a->hash);
	if (ours) {
		e->committed = true;
		e->nvotes = a->nvotes;
		memcpy(e->votes, a->votes, a->nvotes * sizeof(*a->votes));
		pthread_cond_broadcast(&e->changed);
	}
	pthread_mutex_unlock(&e->mu);
	if (!ours)
		to_worker(e, a, JOB_COMMIT);
}

static void on_build(struct ld_engine *e, const struct mkt_q_action *a)
{
	pthread_mutex_lock(&e->mu);
	e->building = true;
	e->build_height = a->height;
	e->build_epoch = a->epoch;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->mu);
}

int ld_engine_remember(const char *dir, uint64_t generation, uint64_t cluster, struct mkt_err *err)
{
	char path[PATH_MAX], text[80];
	int n = snprintf(text, sizeof(text), "generation %llu\ncluster %016llx\n",
			 (unsigned long long)generation, (unsigned long long)cluster);

	snprintf(path, sizeof(path), "%.4000s/engine", dir);
	return mkt_file_write(path, text, (size_t)n, (struct mkt_file_how){.mode = 0644}, err);
}

int ld_engine_recall(const char *dir, uint64_t *generation, uint64_t *cluster, struct mkt_err *err)
{
	struct mkt_buf text = MKT_BUF_INIT;
	static const char head[] = "generation ", tail[] = "\ncluster ";
	char path[PATH_MAX], *end = path;
	const char *p;
	int res;

	snprintf(path, sizeof(path), "%.4000s/engine", dir);
	res = mkt_file_read(path, 200, &text, err);
	*generation = *cluster = 0;
	p = res ? "" : mkt_buf_str(&text);
	if (!res && !strncmp(p, head, strlen(head))) {
		*generation = strtoull(p + strlen(head), &end, 10);
		if (!strncmp(end, tail, strlen(tail)))
			*cluster = strtoull(end + strlen(tail), &end, 16);
	}
	if (!res && strcmp(end, "\n") != 0)
		res = mkt_err_set(err, MKT_ESTORE, "'%s' does not say which engine it is", path);
	mkt_buf_release(&text);
	return res == -MKT_ENOTFOUND ? 0 : res;
}

/* Which engine this chain is kept by: asked for again at the next start. */
static void on_joined(struct ld_engine *e, const struct mkt_q_action *a)
{
	struct mkt_err err;

	if (ld_engine_remember(e->n->conf->dir, a->generation, a->cluster, &err) < 0)
		ld_fatal("cannot remember the engine", &err);
	mkt_log(MKT_LOG_NOTICE, "joined: engine generation %llu, etcd cluster %016llx",
		(unsigned long long)a->generation, (unsigned long long)a->cluster);
}

static void halt(struct ld_engine *e, const char *why)
{
	mkt_log(MKT_LOG_ERROR, "halted: %s", why);
	ld_alarm_set(e->n->alarms, LD_ALARM_ENGINE, true, "%s", why);
	may_lead_no_more(e);
}

static void do_action(struct ld_engine *e, const struct mkt_q_action *a)
{
	struct job lead = {.kind = JOB_LEAD};
	struct mkt_err err;

	switch (a->kind) {
	case MKT_QA_TXN:
		send_txn(e, a);
		break;
	case MKT_QA_LEAD:
		mkt_log(MKT_LOG_NOTICE, "leading in epoch %llu, above block %llu",
			(unsigned long long)a->epoch, (unsigned long long)a->height);
		give_job(e, &lead);
		break;
	case MKT_QA_BUILD:
		on_build(e, a);
		break;
	case MKT_QA_FOLLOW:
		mkt_log(MKT_LOG_NOTICE, "leading no more");
		may_lead_no_more(e);
		break;
	case MKT_QA_CHECK:
		to_worker(e, a, JOB_CHECK);
		break;
	case MKT_QA_COMMIT:
		on_commit(e, a);
		break;
	case MKT_QA_CATCH_UP:
		to_worker(e, a, JOB_CATCH_UP);
		break;
	case MKT_QA_FORGET:
		ld_prepared_forget(e->prepared, a->height);
		break;
	case MKT_QA_EVIDENCE:
		if (ld_evidence_keep(e->n->conf->dir, a->evidence, a->evidence_len, &err) < 0)
			mkt_log(MKT_LOG_ERROR, "cannot keep evidence: %s", err.text);
		break;
	case MKT_QA_JOINED:
		on_joined(e, a);
		break;
	case MKT_QA_ALARM:
		mkt_log(MKT_LOG_WARNING, "%s", a->text);
		break;
	case MKT_QA_STOPPED:
		e->stopped = true;
		break;
	case MKT_QA_HALT:
		halt(e, a->text);
		break;
	default:
		break;
	}
}

static void act(struct ld_engine *e, const struct mkt_q_out *out)
{
	e->timer_ms = out->timer_ms;
	for (unsigned i = 0; i < out->n; i++)
		do_action(e, &out->v[i]);
}

static void step(struct ld_engine *e, struct mkt_q_event *ev)
{
	struct mkt_q_out out;

	ev->mono_ms = ld_mono_ms();
	ev->utc_ms = ld_utc_ms();
	mkt_quorum_step(e->q, ev, &out);
	act(e, &out);
}

/* ---- events -------------------------------------------------------------------------------- */

static void on_answer(void *ctx, uint32_t txn_id, const struct mkt_kv_answer *a)
{
	struct mkt_q_event ev = {.kind = MKT_QE_ANSWER, .txn_id = txn_id, .answer = a};

	step(ctx, &ev);
}

static void on_seen(void *ctx, const struct mkt_kv_pair *p)
{
	struct mkt_q_event ev = {.kind = MKT_QE_SEEN, .pair = p};

	step(ctx, &ev);
}

static void on_lost(void *ctx, bool lost, const char *why)
{
	struct mkt_q_event ev = {.kind = MKT_QE_LOST, .yes = lost};
	struct ld_engine *e = ctx;

	if (lost != e->lost)
		mkt_log(MKT_LOG_WARNING,
			lost ? "etcd is not reached: %s" : "etcd is reached again%s",
			lost ? why : "");
	e->lost = lost;
	pthread_mutex_lock(&e->mu);
	e->lost_ms = lost ? ld_mono_ms() : 0;
	pthread_mutex_unlock(&e->mu);
	step(e, &ev);
}

static void on_leased(void *ctx)
{
	struct mkt_q_event ev = {.kind = MKT_QE_TICK};

	step(ctx, &ev);
}

static void answer_refused(struct ld_engine *e)
{
	struct mkt_kv_answer *a;

	if (!e->nrefused)
		return;
	a = calloc(1, sizeof(*a));
	if (!a)
		return; /* tried again in the next round */
	a->outcome = MKT_KV_REFUSED;
	while (e->nrefused) {
		struct mkt_q_event ev = {
			.kind = MKT_QE_ANSWER, .txn_id = e->refused[0], .answer = a};

		memmove(e->refused, e->refused + 1, --e->nrefused * sizeof(*e->refused));
		step(e, &ev);
	}
	free(a);
}

static void tell_news(struct ld_engine *e)
{
	struct news v;

	while (next_news(e, &v)) {
		struct mkt_q_event ev = {
			.kind = v.kind,
			.verdict = v.verdict,
			.height = v.height,
			.epoch = v.epoch,
			.hash = v.hash,
			.body_len = v.body_len,
			.header = &v.header,
			.sig = v.sig,
			.set = &v.set,
		};

		step(e, &ev);
	}
}

static void tell_work(struct ld_engine *e, uint64_t now)
{
	struct mkt_q_event ev = {.kind = MKT_QE_WORK, .yes = ld_pipe_busy(e->n)};

	pthread_mutex_lock(&e->mu);
	ev.yes |= e->asked_ms && now - e->asked_ms < ASKED_MS;
	pthread_mutex_unlock(&e->mu);
	if (ev.yes != e->work)
		step(e, &ev);
	e->work = ev.yes;
}

static void publish_view(struct ld_engine *e)
{
	struct mkt_quorum_view view;
	struct mkt_quorum_member members[MKT_AUTHORITIES_MAX];
	unsigned n = mkt_quorum_members(e->q, members, MKT_AUTHORITIES_MAX);

	mkt_quorum_look(e->q, &view);
	if (e->foreign)
		view.halted = true;
	pthread_mutex_lock(&e->mu);
	e->view = view;
	e->nmembers = n;
	memcpy(e->members, members, n * sizeof(*members));
	pthread_mutex_unlock(&e->mu);
}

static void one_round(struct ld_engine *e)
{
	struct mkt_q_event tick = {.kind = MKT_QE_TICK};
	struct mkt_q_event stop = {.kind = MKT_QE_STOP};
	struct mkt_err err;
	uint64_t now = ld_mono_ms(), until;

	answer_refused(e);
	tell_news(e);
	tell_work(e, now);
	if (atomic_load(&e->n->stopping) && !e->stop_told) {
		e->stop_told = true;
		step(e, &stop);
	}
	if (now >= e->timer_ms)
		step(e, &tick);
	publish_view(e);
	until = e->timer_ms < now + 250 ? e->timer_ms : now + 250;
	if (e->stopped || mkt_etcd_step(e->etcd, until, &err) >= 0)
		return;
	if (err.code != MKT_EFOREIGN)
		ld_fatal("cannot go on with etcd", &err);
	if (!e->foreign)
		halt(e, err.text);
	e->foreign = true;
}

static void *engine_main(void *arg)
{
	struct ld_engine *e = arg;
	uint64_t end = 0;

	pthread_setname_np(pthread_self(), "engine");
	for (;;) {
		uint64_t now = ld_mono_ms();
		struct timespec nap = {.tv_nsec = 20000000};

		if (atomic_load(&e->n->stopping) && !end)
			end = now + LEAVE_MS;
		if (end && (now >= end || e->stopped || e->foreign))
			break;
		one_round(e);
		if (e->foreign)
			nanosleep(&nap, NULL);
	}
	if (!e->foreign)
		mkt_etcd_leave(e->etcd, ld_mono_ms() + LEAVE_MS);
	return NULL;
}

/* ---- start and stop ------------------------------------------------------------------------ */

/* Where the others reach this node: where it listens for them. */
static int own_url(const struct ld_engine *e, char out[ENGINE_URL], struct mkt_err *err)
{
	const char *listen = e->n->conf->peer_listen;

	if (!listen[0] || !strncmp(listen, "0.0.0.0:", 8) || !strncmp(listen, "[::]:", 5))
		return mkt_err_set(err, MKT_EINVAL,
				   "'listen' in [peers] is '%s', not an address that the other "
				   "authorities reach",
				   listen);
	snprintf(out, ENGINE_URL, "https://%.240s", listen);
	return 0;
}

static int read_prev(struct ld_engine *e, struct mkt_err *err)
{
	struct mkt_buf buf = MKT_BUF_INIT;
	struct mkt_block b;
	int res = mkt_chain_read(e->n->chain, mkt_chain_height(e->n->chain), &buf, err);

	if (!res)
		res = mkt_block_dec(buf.data, buf.len, &b, err);
	if (!res)
		e->prev = mkt_verify_prev_of(&b);
	mkt_buf_release(&buf);
	return res;
}

static int make_quorum(struct ld_engine *e, struct mkt_err *err)
{
	struct mkt_quorum_conf *conf = calloc(1, sizeof(*conf));
	struct mkt_quorum_vote *votes = calloc(LD_PREPARED_MAX, sizeof(*votes));
	unsigned nvotes;
	int res = 0;

	if (!conf || !votes)
		res = mkt_err_code(err, MKT_ENOMEM);
	if (!res)
		res = ld_engine_recall(e->n->conf->dir, &conf->generation, &conf->cluster, err);
	if (!res)
		res = own_url(e, conf->url, err);
	if (!res) {
		conf->chain = e->n->chain_id;
		conf->key = e->n->key;
		snprintf(conf->name, sizeof(conf->name), "key-%02x%02x%02x%02x", e->n->pub.b[0],
			 e->n->pub.b[1], e->n->pub.b[2], e->n->pub.b[3]);
		conf->interval_ms = e->n->g->interval_ms;
		conf->height = e->prev.height;
		conf->hash = e->prev.hash;
		conf->time_ms = e->prev.time_ms;
		ld_node_authorities(e->n, &conf->set);
		e->cluster = conf->cluster;
		nvotes = ld_prepared_votes(e->prepared, conf->height, votes, LD_PREPARED_MAX);
		res = mkt_quorum_new(conf, votes, nvotes, &e->q, err);
		mkt_wipe(&conf->key, sizeof(conf->key));
	}
	free(votes);
	free(conf);
	return res;
}

static int read_password(const char *path, char out[PASSWORD_MAX + 1], struct mkt_err *err)
{
	struct mkt_buf text = MKT_BUF_INIT;
	int res;

	out[0] = 0;
	if (!path[0])
		return 0;
	res = mkt_file_read(path, PASSWORD_MAX, &text, err);
	if (!res) {
		snprintf(out, PASSWORD_MAX + 1, "%s", mkt_buf_str(&text));
		out[strcspn(out, "\r\n")] = 0;
		mkt_wipe(text.data, text.len);
	}
	mkt_buf_release(&text);
	return res;
}

static const char *or_null(const char *s)
{
	return s[0] ? s : NULL;
}

int ld_engine_etcd(const struct ld_conf *c, const struct mkt_hash *chain, uint64_t cluster,
		   const struct mkt_etcd_calls *calls, struct mkt_etcd **out, struct mkt_err *err)
{
	char password[PASSWORD_MAX + 1];
	struct mkt_buf prefix = MKT_BUF_INIT;
	int res = read_password(c->etcd_password_file, password, err);

	mkt_buf_addstr(&prefix, "/L/");
	mkt_buf_addhex(&prefix, chain->b, 16);
	mkt_buf_addch(&prefix, '/');
	if (!res && prefix.bad)
		res = mkt_err_code(err, MKT_ENOMEM);
	if (!res) {
		struct mkt_etcd_conf conf = {
			.endpoints = c->etcd_endpoints,
			.prefix = mkt_buf_str(&prefix),
			.tls = {or_null(c->etcd_ca), or_null(c->etcd_cert), or_null(c->etcd_key),
				NULL},
			.user = or_null(c->etcd_user),
			.password = or_null(password),
			.cluster = cluster,
		};

		res = mkt_etcd_new(&conf, calls, out, err);
	}
	mkt_wipe(password, sizeof(password));
	mkt_buf_release(&prefix);
	return res;
}

static int make_etcd(struct ld_engine *e, struct mkt_err *err)
{
	struct mkt_etcd_calls calls = {on_answer, on_seen, on_lost, on_leased, e};

	return ld_engine_etcd(e->n->conf, &e->n->chain_id, e->cluster, &calls, &e->etcd, err);
}

static int start_threads(struct ld_engine *e, struct mkt_err *err)
{
	e->working = !pthread_create(&e->worker, NULL, ld_engine_work_main, e);
	e->threading = e->working && !pthread_create(&e->thread, NULL, engine_main, e);
	return e->threading ? 0 : mkt_err_set(err, MKT_ENOMEM, "cannot start the engine");
}

int ld_engine_start(struct ld_node *n, struct ld_engine **out, struct mkt_err *err)
{
	struct ld_engine *e = calloc(1, sizeof(*e));
	int res = 0;

	if (!e)
		return mkt_err_code(err, MKT_ENOMEM);
	e->n = n;
	pthread_mutex_init(&e->mu, NULL);
	pthread_cond_init(&e->changed, NULL);
	e->news = calloc(ENGINE_EVENTS, sizeof(*e->news));
	e->jobs = calloc(ENGINE_JOBS, sizeof(*e->jobs));
	e->peers = calloc(MKT_AUTHORITIES_MAX, sizeof(*e->peers));
	if (!e->news || !e->jobs || !e->peers)
		res = mkt_err_code(err, MKT_ENOMEM);
	if (!res)
		res = ld_prepared_open(n->conf->dir, &e->prepared, err);
	if (!res)
		res = read_prev(e, err);
	if (!res)
		res = make_quorum(e, err);
	if (!res)
		res = make_etcd(e, err);
	if (res < 0) {
		ld_engine_free(e);
		return res;
	}
	*out = n->engine = e; /* the committer may ask from the first block on */
	return start_threads(e, err);
}

void ld_engine_stop(struct ld_engine *e)
{
	if (!e)
		return;
	if (e->threading)
		pthread_join(e->thread, NULL);
	pthread_mutex_lock(&e->mu);
	e->ending = true;
	e->may_lead = e->building = false;
	__atomic_store_n(&e->cancel, 1, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->mu);
	if (e->working)
		pthread_join(e->worker, NULL);
	e->threading = e->working = false;
}

void ld_engine_free(struct ld_engine *e)
{
	if (!e)
		return;
	mkt_etcd_free(e->etcd);
	mkt_quorum_free(e->q);
	ld_prepared_close(e->prepared);
	for (unsigned i = 0; e->peers && i < e->npeers; i++)
		mkt_client_free(e->peers[i].client);
	free(e->peers);
	free(e->jobs);
	free(e->news);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->mu);
	free(e);
}

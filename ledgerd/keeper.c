#include "core/base/compat.h"

#include <limits.h>
#include <pthread.h>
#include <time.h>

#include "core/app/log.h"
#include "core/chain/archive.h"
#include "ledgerd/alarm.h"
#include "ledgerd/keeper.h"
#include "ledgerd/node.h"

#define FIRST_MS 2000u /* after the start */
#define PAUSE_BLOCKS 256u
#define PAUSE_MS 5
#define DAY_S UINT64_C(86400)

struct ld_keeper {
	struct ld_node *node;
	pthread_mutex_t mu;
	pthread_cond_t more;
	bool want_snapshot;
	atomic_bool stop;
	struct ld_keeper_numbers done; /* with mu */
	unsigned asked;		       /* of should_stop() */
	pthread_t thread;
};

void ld_keeper_archive(const struct ld_conf *conf, char *out, size_t size)
{
	if (conf->archive[0])
		snprintf(out, size, "%s", conf->archive);
	else
		snprintf(out, size, "%s/archive", conf->dir);
}

void ld_keeper_look(struct ld_keeper *k, struct ld_keeper_numbers *out)
{
	pthread_mutex_lock(&k->mu);
	*out = k->done;
	pthread_mutex_unlock(&k->mu);
}

/* ---- old bodies ------------------------------------------------------------------------------ */

/* Asked for every block.  A pause now and then leaves the disk to those who are in a hurry. */
static bool should_stop(void *ctx)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
	struct ld_keeper *k = ctx;

	if (++k->asked % PAUSE_BLOCKS == 0)
		nanosleep(&pause, NULL);
	return atomic_load(&k->stop);
}

static int find_before(struct ld_node *n, uint64_t *before, struct mkt_err *err)
{
	uint64_t limit;
	int res;

	ld_node_read(n);
	res = mkt_chain_prune_limit(n->chain, &limit, err);
	ld_node_unread(n);
	if (res >= 0)
		res = mkt_chain_prune_before(n->chain, n->conf->keep_days * DAY_S, before, err);
	if (res >= 0 && *before > limit)
		*before = limit;
	return res;
}

static void prune(struct ld_keeper *k)
{
	struct ld_node *n = k->node;
	char dir[PATH_MAX];
	struct mkt_prune p = {.dir = dir, .stop = should_stop, .ctx = k};
	struct mkt_pruned done = {.blocks = 0};
	struct mkt_err err = {0};
	int res = find_before(n, &p.before, &err);

	ld_keeper_archive(n->conf, dir, sizeof(dir));
	if (res >= 0)
		res = mkt_chain_prune(n->chain, &p, &done, &err);
	if (done.blocks)
		mkt_log(MKT_LOG_INFO, "%llu bodies, %llu kB, moved to %u archives in '%s'",
			(unsigned long long)done.blocks, (unsigned long long)done.bytes / 1000,
			done.files, dir);
	pthread_mutex_lock(&k->mu);
	k->done.pruned_blocks += done.blocks;
	k->done.pruned_bytes += done.bytes;
	pthread_mutex_unlock(&k->mu);
	if (res != -MKT_ECANCELLED)
		ld_alarm_set(n->alarms, LD_ALARM_PRUNE, res < 0, "%s",
			     res < 0 ? err.text : "old bodies are moved again");
}

/* ---- the snapshot ---------------------------------------------------------------------------- */

void ld_keeper_snapshot_path(const struct ld_node *n, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", n->conf->dir, LD_SNAPSHOT_FILE);
}

static void make_snapshot(struct ld_keeper *k)
{
	struct ld_node *n = k->node;
	char path[PATH_MAX];
	struct mkt_snapshot_info info;
	struct mkt_err err = {0};
	uint64_t begun = ld_mono_ms();

	ld_keeper_snapshot_path(n, path, sizeof(path));
	if (mkt_snapshot_write(n->chain, path, &info, &err) < 0) {
		mkt_log(MKT_LOG_WARNING, "cannot make a snapshot: %s", err.text);
	} else {
		pthread_mutex_lock(&k->mu);
		k->done.snapshot_height = info.height;
		pthread_mutex_unlock(&k->mu);
		mkt_log(MKT_LOG_INFO, "snapshot of block %llu: %llu kB in %llu ms",
			(unsigned long long)info.height, (unsigned long long)info.bytes / 1000,
			(unsigned long long)(ld_mono_ms() - begun));
	}
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* With k->mu: until there is something to do; true: pruning is due. */
static bool wait_for_work(struct ld_keeper *k, uint64_t prune_ms)
{
	struct timespec at = {.tv_sec = (time_t)(prune_ms / 1000),
			      .tv_nsec = (long)(prune_ms % 1000) * 1000000};

	while (!k->stop && !k->want_snapshot) {
		if (!k->node->conf->keep_days)
			pthread_cond_wait(&k->more, &k->mu);
		else if (ld_mono_ms() >= prune_ms)
			return true;
		else
			pthread_cond_timedwait(&k->more, &k->mu, &at);
	}
	return false;
}

static void *keep_main(void *arg)
{
	struct ld_keeper *k = arg;
	uint64_t prune_ms = ld_mono_ms() + FIRST_MS;
	bool due;

	pthread_setname_np(pthread_self(), "keeper");
	pthread_mutex_lock(&k->mu);
	while (!k->stop) {
		due = wait_for_work(k, prune_ms);
		if (k->stop)
			break;
		pthread_mutex_unlock(&k->mu);
		if (due) {
			prune(k);
			prune_ms = ld_mono_ms() + LD_PRUNE_S * 1000;
		} else {
			make_snapshot(k);
		}
		pthread_mutex_lock(&k->mu);
		if (!due)
			k->want_snapshot = false;
	}
	pthread_mutex_unlock(&k->mu);
	return NULL;
}

struct ld_keeper *ld_keeper_new(struct ld_node *n)
{
	struct ld_keeper *k = calloc(1, sizeof(*k));
	pthread_condattr_t attr;

	if (!k)
		return NULL;
	k->node = n;
	pthread_mutex_init(&k->mu, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->more, &attr);
	pthread_condattr_destroy(&attr);
	if (!pthread_create(&k->thread, NULL, keep_main, k))
		return k;
	pthread_cond_destroy(&k->more);
	pthread_mutex_destroy(&k->mu);
	free(k);
	return NULL;
}

void ld_keeper_free(struct ld_keeper *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->mu);
	k->stop = true;
	pthread_cond_signal(&k->more);
	pthread_mutex_unlock(&k->mu);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->more);
	pthread_mutex_destroy(&k->mu);
	free(k);
}

void ld_keeper_want_snapshot(struct ld_keeper *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->mu);
	k->want_snapshot = true;
	pthread_cond_signal(&k->more);
	pthread_mutex_unlock(&k->mu);
}

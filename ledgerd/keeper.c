#include "core/base/compat.h"

#include <limits.h>
#include <pthread.h>
#include <time.h>

#include "core/app/log.h"
#include "ledgerd/keeper.h"
#include "ledgerd/node.h"

struct ld_keeper {
	struct ld_node *node;
	pthread_mutex_t mu;
	pthread_cond_t more;
	bool stop, want_snapshot;
	pthread_t thread;
};

void ld_keeper_snapshot_path(const struct ld_node *n, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", n->conf->dir, LD_SNAPSHOT_FILE);
}

static void make_snapshot(struct ld_node *n)
{
	char path[PATH_MAX];
	struct mkt_snapshot_info info;
	struct mkt_err err = {0};
	uint64_t begun = ld_mono_ms();

	ld_keeper_snapshot_path(n, path, sizeof(path));
	if (mkt_snapshot_write(n->chain, path, &info, &err) < 0)
		mkt_log(MKT_LOG_WARNING, "cannot make a snapshot: %s", err.text);
	else
		mkt_log(MKT_LOG_INFO, "snapshot of block %llu: %llu kB in %llu ms",
			(unsigned long long)info.height, (unsigned long long)info.bytes / 1000,
			(unsigned long long)(ld_mono_ms() - begun));
}

static void *keep_main(void *arg)
{
	struct ld_keeper *k = arg;
	bool snapshot;

	pthread_setname_np(pthread_self(), "keeper");
	pthread_mutex_lock(&k->mu);
	while (!k->stop) {
		snapshot = k->want_snapshot;
		if (!snapshot) {
			pthread_cond_wait(&k->more, &k->mu);
			continue;
		}
		pthread_mutex_unlock(&k->mu);
		make_snapshot(k->node);
		pthread_mutex_lock(&k->mu);
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
	pthread_mutex_lock(&k->mu);
	k->want_snapshot = true;
	pthread_cond_signal(&k->more);
	pthread_mutex_unlock(&k->mu);
}

#include "core/base/compat.h"

#include <time.h>

#include "core/base/file.h"
#include "core/crypto/hash.h"
#include "core/crypto/keyfile.h"
#include "core/app/log.h"
#include "ledgerd/alarm.h"
#include "ledgerd/follow.h"
#include "ledgerd/ingest.h"
#include "ledgerd/disk.h"
#include "ledgerd/engine.h"
#include "ledgerd/keeper.h"
#include "ledgerd/node.h"
#include "ledgerd/telemetry.h"

#define TICK_MS 1000
#define PROGRESS_MS 2000u
#define STUCK_MS 30000u
#define STUCK_INTERVALS 10u
#define GENESIS_BYTES_MAX (1u << 20)

uint64_t ld_utc_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t ld_node_now_ms(struct ld_node *n)
{
	uint64_t block_ms, now;

	ld_node_read(n);
	block_ms = mkt_state_time_ms(n->state);
	ld_node_unread(n);
	if (ld_node_operator_clock(n))
		return block_ms;
	now = ld_utc_ms();
	return now > block_ms ? now : block_ms;
}

bool ld_node_follows(const struct ld_node *n)
{
	return n->conf->role == LD_FULLNODE ||
	       (n->conf->role == LD_AUTHORITY && n->conf->etcd_endpoints[0]);
}

void ld_node_authorities(const struct ld_node *n, struct mkt_authorities *out)
{
	*out = *mkt_state_authorities(n->state);
}

/* Transactions wait, and the head stands still for longer than any round of sealing takes. */
static void look_for_progress(struct ld_node *n, uint64_t *height, uint64_t *since_ms, uint64_t now)
{
	uint64_t at, time_ms, limit_ms = STUCK_MS + STUCK_INTERVALS * (uint64_t)n->g->interval_ms;
	struct ld_pipe_numbers p;
	bool stuck;

	ld_pipe_numbers(n, &p);
	ld_node_head(n, &at, &time_ms);
	if (at != *height || !p.queued_txs)
		*since_ms = now;
	*height = at;
	stuck = now - *since_ms > limit_ms;
	ld_alarm_set(n->alarms, LD_ALARM_PROGRESS, stuck,
		     "%u transactions wait above block %llu%s", p.queued_txs,
		     (unsigned long long)at, stuck ? "" : ", which has come");
}

/* Deadlines of those who wait, and the disk. */
static void *tick_main(void *arg)
{
	struct ld_node *n = arg;
	struct ld_disk disk = {.loaded = false};
	uint64_t height = 0, stuck_since_ms = ld_mono_ms();

	pthread_setname_np(pthread_self(), "tick");
	while (!atomic_load(&n->stopping)) {
		uint64_t now = ld_mono_ms();
		struct timespec nap = {.tv_nsec = TICK_MS / 4 * 1000000};

		ld_hub_tick(&n->hub, now);
		ld_pipe_tick(n, now);
		ld_disk_tick(n, &disk);
		look_for_progress(n, &height, &stuck_since_ms, now);
		for (int i = 0; i < 4 && !atomic_load(&n->stopping); i++)
			nanosleep(&nap, NULL);
	}
	return NULL;
}

/* The key must be one of the authorities'; among several one may still be waiting to be. */
static int find_authority(const struct ld_conf *conf, const struct mkt_genesis *g,
			  const struct mkt_authorities *set, const struct mkt_pubkey *pub,
			  struct mkt_err *err)
{
	if (mkt_authorities_find(set, pub) >= 0 || conf->etcd_endpoints[0])
		return 0;
	mkt_err_set(err, MKT_EDENIED, "the key '%s' is not one of the authorities of chain '%s'",
		    conf->key, g->name);
	mkt_err_hint(err, "'key' in [authority] is the one named to 'mkt init', or made by it");
	return -MKT_EDENIED;
}

static int load_key(const struct ld_conf *conf, struct mkt_seckey *key, struct mkt_err *err)
{
	return mkt_keyfile_load(conf->key, (struct mkt_pass){NULL, 0}, key, err);
}

int ld_node_check(const struct ld_conf *conf, struct mkt_err *err)
{
	char path[LD_PATH_MAX + sizeof("/genesis")];
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_authorities set;
	struct mkt_genesis g;
	struct mkt_seckey key = {{0}};
	struct mkt_pubkey pub;
	bool seals = conf->role != LD_FULLNODE;
	int res = seals ? load_key(conf, &key, err) : 0;

	if (res < 0)
		return res;
	snprintf(path, sizeof(path), "%s/genesis", conf->dir);
	res = mkt_file_read(path, GENESIS_BYTES_MAX, &bytes, err);
	if (res == -MKT_ENOTFOUND && !seals)
		return 0; /* it will come from an upstream */
	if (res == -MKT_ENOTFOUND)
		mkt_err_set(err, MKT_ENOTFOUND, "there is no chain in '%s'", conf->dir);
	if (!res) {
		res = mkt_genesis_dec(bytes.data, bytes.len, &g, err);
		if (res < 0)
			mkt_err_wrap(err, "'%s'", path);
	}
	if (!res) {
		mkt_authorities_of(&g, &set);
		mkt_seckey_public(&key, &pub);
		/* Later sets are known to the store alone, which a running node may hold. */
		if (seals && conf->role == LD_SOLO)
			res = find_authority(conf, &g, &set, &pub, err);
		mkt_genesis_release(&g);
	}
	mkt_wipe(&key, sizeof(key));
	mkt_buf_release(&bytes);
	return res < 0 ? res : 0;
}

/* Long recoveries tell that they live. */
static void on_progress(void *ctx, enum mkt_chain_step step, uint64_t done, uint64_t total)
{
	static const char *const what[] = {"scanning segments", "loading requests",
					   "executing blocks"};
	uint64_t *last_ms = ctx, now = ld_mono_ms();

	if (now - *last_ms < PROGRESS_MS)
		return;
	*last_ms = now;
	mkt_log(MKT_LOG_INFO, "recovering: %s, %llu of %llu", what[step], (unsigned long long)done,
	       (unsigned long long)total);
}

static void tell_recovery(struct ld_node *n)
{
	struct mkt_chain_recovery rec;

	mkt_chain_recovered(n->chain, &rec);
	if (rec.cut_bytes || rec.rescanned || rec.replayed || rec.store_made)
		mkt_log(MKT_LOG_NOTICE,
		       "recovered: %llu bytes cut, %llu index entries made, %llu blocks executed%s",
		       (unsigned long long)rec.cut_bytes, (unsigned long long)rec.rescanned,
		       (unsigned long long)rec.replayed, rec.store_made ? ", store made anew" : "");
}

static int open_chain(struct ld_node *n, struct mkt_err *err)
{
	uint64_t last_ms = ld_mono_ms();
	struct mkt_chain_open how = {.progress = on_progress, .ctx = &last_ms};
	const struct mkt_authorities *set;
	int res;

	res = mkt_chain_open(n->conf->dir, &how, &n->chain, err);
	if (res == -MKT_EINVAL) {
		/* A genesis that is none: our files are not as we wrote them. */
		err->code = MKT_ESTORE;
		return mkt_err_wrap(err, "'%s/genesis'", n->conf->dir);
	}
	if (res < 0)
		return res;
	tell_recovery(n);
	n->state = mkt_chain_state(n->chain);
	n->g = mkt_chain_genesis(n->chain);
	n->chain_id = *mkt_chain_id(n->chain);
	set = mkt_state_authorities(n->state);
	mkt_seckey_public(&n->key, &n->pub);
	if (n->conf->role != LD_FULLNODE)
		res = find_authority(n->conf, n->g, set, &n->pub, err);
	if (!res && n->conf->role == LD_SOLO && set->n != 1)
		res = mkt_err_set(err, MKT_EINVAL,
				  "chain '%s' has %u authorities; role solo is for one", n->g->name,
				  set->n);
	return res;
}

static void lock_init(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

int ld_node_open(const struct ld_conf *conf, struct ld_node **out, struct mkt_err *err)
{
	struct ld_node *n = calloc(1, sizeof(*n));
	int res;

	if (!n)
		return mkt_err_code(err, MKT_ENOMEM);
	n->conf = conf;
	n->started_ms = ld_mono_ms();
	lock_init(&n->lock);
	ld_hub_init(&n->hub, 0, 0);
	res = ld_guard_init(&n->guard);
	n->alarms = ld_alarms_new(n);
	n->cache = ld_api_cache_new();
	n->telemetry = ld_telemetry_new(LD_STATES_MAX);
	if (!res && (!n->alarms || !n->cache || !n->telemetry))
		res = mkt_err_code(err, MKT_ENOMEM);
	if (!res && conf->role != LD_FULLNODE)
		res = load_key(conf, &n->key, err);
	if (!res && conf->role == LD_FULLNODE)
		res = ld_follow_begin(conf, err);
	if (!res)
		res = open_chain(n, err);
	if (!res && conf->role == LD_FULLNODE)
		res = ld_follow_pinned(conf, &n->chain_id, err);
	if (!res) {
		ld_hub_advance(&n->hub, LD_APPENDED, mkt_chain_height(n->chain));
		ld_hub_advance(&n->hub, LD_INDEXED, mkt_chain_indexed(n->chain));
		res = ld_pipe_start(n, err);
	}
	if (!res && conf->role == LD_AUTHORITY && conf->etcd_endpoints[0])
		res = ld_engine_start(n, &n->engine, err);
	if (!res) {
		n->ticking = !pthread_create(&n->ticker, NULL, tick_main, n);
		if (!n->ticking)
			res = mkt_err_code(err, MKT_ENOMEM);
	}
	if (!res) {
		n->keeper = ld_keeper_new(n);
		if (!n->keeper)
			res = mkt_err_code(err, MKT_ENOMEM);
	}
	if (!res && conf->role == LD_FULLNODE)
		res = ld_ingest_start(n, conf->upstream, &n->ingest, err);
	if (res < 0) {
		ld_node_stop(n);
		ld_node_free(n);
		return res;
	}
	*out = n;
	return 0;
}

void ld_node_stop(struct ld_node *n)
{
	atomic_store(&n->stopping, true);
	ld_ingest_stop(n->ingest);
	ld_engine_stop(n->engine);
	ld_pipe_stop(n);
	if (n->ticking)
		pthread_join(n->ticker, NULL);
	n->ticking = false;
	ld_hub_stop(&n->hub);
}

void ld_node_free(struct ld_node *n)
{
	if (!n)
		return;
	ld_ingest_free(n->ingest);
	ld_keeper_free(n->keeper);
	ld_engine_free(n->engine);
	ld_pipe_free(n);
	ld_alarms_free(n->alarms);
	ld_api_cache_free(n->cache);
	ld_telemetry_free(n->telemetry);
	if (n->chain)
		mkt_chain_close(n->chain);
	ld_guard_release(&n->guard);
	ld_hub_release(&n->hub);
	pthread_rwlock_destroy(&n->lock);
	mkt_wipe(&n->key, sizeof(n->key));
	free(n);
}

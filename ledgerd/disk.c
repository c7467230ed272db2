#include "core/base/compat.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/app/log.h"
#include "core/base/file.h"
#include "ledgerd/alarm.h"
#include "ledgerd/disk.h"
#include "ledgerd/keeper.h"
#include "ledgerd/node.h"

#define NOTES_BYTES_MAX (64u << 10)
#define MB 1000000u

/* ---- growth ---------------------------------------------------------------------------------- */

static void notes_path(const struct ld_node *n, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/growth", n->conf->dir);
}

static void load_notes(struct ld_node *n, struct ld_disk *d)
{
	char path[PATH_MAX];
	struct mkt_buf text = MKT_BUF_INIT;

	notes_path(n, path);
	if (!mkt_file_read(path, NOTES_BYTES_MAX, &text, NULL))
		ld_growth_parse(&d->growth, mkt_buf_str(&text));
	mkt_buf_release(&text);
	d->loaded = true;
}

/* A disk that is full loses a note, nothing else. */
static void save_notes(struct ld_node *n, const struct ld_growth *g)
{
	char path[PATH_MAX];
	struct mkt_buf text = MKT_BUF_INIT;
	struct mkt_err err = {0};

	for (uint32_t i = 0; i < g->n; i++)
		mkt_buf_addf(&text, "%llu %llu\n", (unsigned long long)g->v[i].at_s,
			     (unsigned long long)g->v[i].bytes);
	notes_path(n, path);
	if (!text.bad && mkt_file_write(path, text.data, text.len,
					(struct mkt_file_how){.mode = 0644}, &err) < 0)
		mkt_log(MKT_LOG_DEBUG, "cannot note the growth: %s", err.text);
	mkt_buf_release(&text);
}

/* Bytes of the archives if they lie on the chain's file system. */
static uint64_t count_archives(const struct ld_node *n)
{
	char path[PATH_MAX];
	struct stat st, own;
	struct dirent *e;
	uint64_t sum = 0;
	DIR *dir;

	ld_keeper_archive(n->conf, path, sizeof(path));
	if (stat(path, &st) < 0 || stat(n->conf->dir, &own) < 0 || st.st_dev != own.st_dev)
		return 0;
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	if (dir)
		closedir(dir);
	return sum;
}

static void look_at_growth(struct ld_node *n, struct ld_disk *d, uint64_t free_bytes)
{
	uint64_t blocks, store, bytes, now_s = ld_utc_ms() / 1000;

	if (!d->loaded)
		load_notes(n, d);
	if (!d->archive_at_s || now_s - d->archive_at_s >= LD_GROWTH_STEP_S) {
		d->archive_bytes = count_archives(n);
		d->archive_at_s = now_s;
	}
	mkt_chain_bytes(n->chain, &blocks, &store);
	bytes = blocks + store + d->archive_bytes;
	if (ld_growth_note(&d->growth, now_s, bytes))
		save_notes(n, &d->growth);
	atomic_store(&n->guard.days_left, ld_growth_days(&d->growth, now_s, bytes, free_bytes));
}

/* ---- watermarks ------------------------------------------------------------------------------ */

static void tell_watermarks(struct ld_node *n)
{
	uint64_t free_mb = atomic_load(&n->guard.free_bytes) / MB;
	uint64_t days = atomic_load(&n->guard.days_left);
	bool alarm = atomic_load(&n->guard.alarm), refuse = atomic_load(&n->guard.refuse);
	char left[64] = "";

	if (days != UINT64_MAX)
		snprintf(left, sizeof(left), ", %llu days at the present growth",
			 (unsigned long long)days);
	ld_alarm_set(n->alarms, LD_ALARM_DISK, alarm, "%llu MB are free%s",
		     (unsigned long long)free_mb, left);
	ld_alarm_set(n->alarms, LD_ALARM_REFUSING, refuse, "%llu MB are free: new bids are %s",
		     (unsigned long long)free_mb, refuse ? "refused" : "taken");
}

void ld_disk_tick(struct ld_node *n, struct ld_disk *d)
{
	struct ld_pipe_numbers p;
	struct statvfs st;
	uint64_t free_bytes;

	if (statvfs(n->conf->dir, &st) < 0) {
		mkt_log(MKT_LOG_WARNING, "cannot look at the free space of '%s': %s", n->conf->dir,
			strerror(errno));
		return;
	}
	free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	look_at_growth(n, d, free_bytes);
	ld_guard_free(&n->guard, free_bytes, n->conf->alarm_free_bytes, n->conf->refuse_free_bytes);
	tell_watermarks(n);
	ld_pipe_numbers(n, &p);
	ld_alarm_set(n->alarms, LD_ALARM_FULL, p.disk_full, "%s",
		     p.disk_full ? "a block cannot be written for lack of space"
				 : "blocks are written again");
}

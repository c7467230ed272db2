#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/app/log.h"
#include "core/chain/snapshot.h"
#include "ledgerd/follow.h"
#include "ledgerd/ingest_impl.h"

#define TRY_MS 5000u
#define TRANSFER_MS 3600000u /* of a snapshot, of the records before it */
#define PAUSE_MS 300
#define KEEP_BYTES (1u << 20)
#define RECORD_BYTES_MAX (MKT_BLOCK_BYTES_MAX + (1u << 20))
#define TELL_MS 5000u

struct follow {
	const struct ld_conf *conf;
	struct mkt_client *client;
	struct mkt_genesis g;
	struct mkt_hash id;
	char path[LD_PATH_MAX + 16]; /* of the snapshot while it is needed */
	int fd;
	struct mkt_chain_builder *builder;
	struct mkt_buf bytes; /* records that are not whole yet */
	uint64_t told_ms;
	struct mkt_err err; /* why a sink ended the transfer */
};

static int asked_to_stop(struct mkt_err *err)
{
	sigset_t set;

	if (sigpending(&set) < 0 || (!sigismember(&set, SIGTERM) && !sigismember(&set, SIGINT)))
		return 0;
	return mkt_err_set(err, MKT_ECANCELLED, "stopped before the chain was there");
}

/* A sink's own fault says more than that the transfer ended. */
static int fetch(struct follow *f, const char *path, mkt_sink_fn *sink, struct mkt_err *err)
{
	int res;

	memset(&f->err, 0, sizeof(f->err));
	mkt_client_restart(f->client, TRANSFER_MS);
	res = mkt_client_fetch(f->client, path, sink, f, err);
	if (f->err.code) {
		*err = f->err;
		res = -err->code;
	}
	return res;
}

/* ---- genesis ------------------------------------------------------------------------------- */

int ld_follow_pinned(const struct ld_conf *conf, const struct mkt_hash *chain, struct mkt_err *err)
{
	struct mkt_buf hex = MKT_BUF_INIT;
	int res = 0;

	mkt_buf_addhex(&hex, chain->b, MKT_HASH_LEN);
	if (conf->upstream_chain[0] && strcasecmp(mkt_buf_str(&hex), conf->upstream_chain) != 0)
		res = mkt_err_set(err, MKT_ECHAIN,
				  "the chain is %s, not %s as 'chain' in [upstream] says",
				  mkt_buf_str(&hex), conf->upstream_chain);
	mkt_buf_release(&hex);
	return res;
}

static int fetch_genesis(struct follow *f, struct mkt_err *err)
{
	struct mkt_buf body = MKT_BUF_INIT, hex = MKT_BUF_INIT;
	int res;

	mkt_client_restart(f->client, TRY_MS);
	res = mkt_client_get(f->client, "/v1/genesis", &body, err);
	if (!res)
		res = mkt_genesis_dec(body.data, body.len, &f->g, err);
	if (res < 0) {
		mkt_buf_release(&body);
		return res;
	}
	mkt_genesis_id(body.data, body.len, &f->id);
	mkt_buf_release(&body);
	res = ld_follow_pinned(f->conf, &f->id, err);
	if (res < 0) {
		mkt_genesis_release(&f->g);
		return res;
	}
	mkt_buf_addhex(&hex, f->id.b, MKT_HASH_LEN);
	mkt_log(MKT_LOG_NOTICE, "chain '%s' is %s%s", f->g.name, mkt_buf_str(&hex),
		f->conf->upstream_chain[0]
			? ""
			: ", as its upstream says; compare, and set 'chain' in [upstream]");
	mkt_buf_release(&hex);
	return 0;
}

/* ---- snapshot ------------------------------------------------------------------------------ */

static int on_snapshot(void *ctx, const void *p, size_t n)
{
	struct follow *f = ctx;
	const uint8_t *at = p;

	if (asked_to_stop(&f->err) < 0)
		return -MKT_ECANCELLED;
	while (n) {
		ssize_t k = write(f->fd, at, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return mkt_err_sys(&f->err, errno == ENOSPC ? MKT_EDISKFULL : MKT_EIO,
					   errno, "cannot write '%s'", f->path);
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

static int fetch_snapshot(struct follow *f, struct mkt_err *err)
{
	int res;

	f->fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot write '%s'", f->path);
	res = fetch(f, "/v1/snapshot", on_snapshot, err);
	close(f->fd);
	return res;
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void tell(struct follow *f)
{
	uint64_t now = ld_mono_ms();

	if (now - f->told_ms < TELL_MS)
		return;
	f->told_ms = now;
	mkt_log(MKT_LOG_INFO, "checking the votes of block %llu",
		(unsigned long long)mkt_chain_build_next(f->builder));
}

static int on_records(void *ctx, const void *p, size_t n)
{
	struct follow *f = ctx;
	size_t at = 0;
	int res = asked_to_stop(&f->err);

	mkt_buf_add(&f->bytes, p, n);
	if (f->bytes.bad)
		return -MKT_ENOMEM;
	while (!res && f->bytes.len - at >= 4) {
		uint32_t len = get_u32(f->bytes.data + at);

		if (len > RECORD_BYTES_MAX)
			return mkt_err_set(
				&f->err, MKT_EINTEGRITY, "block %llu: its record has %u bytes",
				(unsigned long long)mkt_chain_build_next(f->builder), len);
		if (f->bytes.len - at - 4 < len)
			break;
		res = mkt_chain_build_block(f->builder, f->bytes.data + at + 4, len, &f->err);
		at += 4 + (size_t)len;
	}
	memmove(f->bytes.data, f->bytes.data + at, f->bytes.len - at);
	f->bytes.len -= at;
	if (!f->bytes.len && f->bytes.cap > KEEP_BYTES)
		mkt_buf_release(&f->bytes);
	tell(f);
	return res;
}

/* Blocks @from .. @to, @short_form: without the bodies that are not needed. */
static int fetch_records(struct follow *f, uint64_t from, uint64_t to, bool short_form,
			 struct mkt_err *err)
{
	char path[128];
	int res = 0;

	if (from > to)
		return 0;
	snprintf(path, sizeof(path), "/v1/chain?from=%llu&limit=%llu%s", (unsigned long long)from,
		 (unsigned long long)to - from + 1, short_form ? "&headers=1" : "");
	mkt_buf_clear(&f->bytes);
	res = fetch(f, path, on_records, err);
	if (!res && mkt_chain_build_next(f->builder) != to + 1)
		return mkt_err_set(err, MKT_EUNAVAILABLE, "it gave blocks up to %llu, not %llu",
				   (unsigned long long)mkt_chain_build_next(f->builder) - 1,
				   (unsigned long long)to);
	return res;
}

static int build(struct follow *f, struct mkt_err *err)
{
	struct mkt_snapshot_info info = {.height = 0};
	int res = fetch_snapshot(f, err);

	if (!res)
		res = mkt_snapshot_look(f->path, &info, err);
	if (!res)
		res = mkt_chain_build(f->conf->dir, &f->g, f->path, &f->builder, err);
	if (res < 0)
		return res;
	mkt_log(MKT_LOG_INFO, "a snapshot of block %llu, %llu kB", (unsigned long long)info.height,
		(unsigned long long)info.bytes / 1000);
	res = fetch_records(f, 1, info.tail - 1, true, err);
	if (!res)
		res = fetch_records(f, info.tail, info.height, false, err);
	if (!res)
		return mkt_chain_build_end(f->builder, err);
	mkt_chain_build_abort(f->builder);
	return res;
}

/* ---- one upstream after the other ------------------------------------------------------------ */

static int begin_from(struct follow *f, const char *url, struct mkt_err *err)
{
	int res = ld_upstream_client(f->conf, url, NULL, &f->client, err);

	if (!res)
		res = fetch_genesis(f, err);
	if (!res) {
		res = f->conf->from_genesis ? -MKT_ENOTFOUND : build(f, err);
		if (res == -MKT_ENOTFOUND) /* no snapshot, as of a chain that has just begun */
			res = mkt_chain_create(f->conf->dir, &f->g, err);
		mkt_genesis_release(&f->g);
	}
	mkt_client_free(f->client);
	f->client = NULL;
	unlink(f->path);
	return res < 0 ? mkt_err_wrap(err, "upstream '%s'", url) : 0;
}

/* Is it of no use to ask again? */
static bool ends(int res)
{
	return !res || res == -MKT_EDISKFULL || res == -MKT_ENOMEM || res == -MKT_EEXISTS ||
	       res == -MKT_ECANCELLED;
}

static int begin(struct follow *f, const char *const *urls, unsigned n, struct mkt_err *err)
{
	uint64_t until = ld_mono_ms() + LD_FOLLOW_WAIT_MS;
	struct timespec nap = {.tv_nsec = PAUSE_MS * 1000000L};
	bool told = false;
	int res;

	for (;;) {
		for (unsigned i = 0; i < n; i++) {
			res = begin_from(f, urls[i], err);
			if (ends(res))
				return res;
			if (!told)
				mkt_log(MKT_LOG_WARNING, "%s", err->text);
		}
		told = true;
		if (ld_mono_ms() > until || asked_to_stop(err) < 0)
			return -err->code;
		nanosleep(&nap, NULL);
	}
}

int ld_follow_begin(const struct ld_conf *conf, struct mkt_err *err)
{
	struct follow f = {.conf = conf, .bytes = MKT_BUF_INIT, .told_ms = ld_mono_ms()};
	const char *urls[LD_UPSTREAMS_MAX];
	char *texts = NULL;
	unsigned n;
	int res;

	snprintf(f.path, sizeof(f.path), "%s/genesis", conf->dir);
	if (access(f.path, F_OK) == 0)
		return 0;
	res = ld_upstream_split(conf->upstream, urls, &n, &texts, err);
	if (res < 0)
		return res;
	snprintf(f.path, sizeof(f.path), "%s.snapshot", conf->dir);
	res = begin(&f, urls, n, err);
	mkt_buf_release(&f.bytes);
	free(texts);
	return res;
}

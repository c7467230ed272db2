/* GET /v1/snapshot: the state in a file, for nodes that start. */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledgerd/api.h"
#include "ledgerd/reader.h"
#include "ledgerd/keeper.h"

struct file_stream {
	struct ld_stream base;
	struct ld_node *node;
	int fd; /* of the file as it was: a new one does not disturb */
	uint64_t at, end;
};

static ssize_t file_read(struct ld_stream *base, char *to, size_t max)
{
	struct file_stream *s = (struct file_stream *)(void *)base;
	size_t n = s->end - s->at < max ? (size_t)(s->end - s->at) : max;
	ssize_t got;

	if (!n)
		return LD_STREAM_END;
	do
		got = pread(s->fd, to, n, (off_t)s->at);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return LD_STREAM_BROKEN;
	s->at += (uint64_t)got;
	return got;
}

static void file_free(struct ld_stream *base)
{
	struct file_stream *s = (struct file_stream *)(void *)base;

	ld_guard_stream_end(&s->node->guard);
	close(s->fd);
	free(s);
}

/* Is there one, and is it young enough (or nothing new happened)? */
static bool fresh(const struct ld_node *n, int fd, const struct mkt_snapshot_info *info,
		  uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	*size = (uint64_t)st.st_size;
	return info->height >= mkt_chain_indexed(n->chain) ||
	       ld_utc_ms() / 1000 < (uint64_t)st.st_mtim.tv_sec + LD_SNAPSHOT_S;
}

static int read_head(int fd, struct mkt_snapshot_info *info)
{
	uint8_t raw[MKT_SNAPSHOT_HEAD_BYTES];
	struct mkt_err ignored;

	if (pread(fd, raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return -MKT_EIO;
	return mkt_snapshot_head_dec(raw, sizeof(raw), info, &ignored);
}

/* The file that stands there, if it may be given out; -1. */
static int open_file(struct ld_node *n, bool resumed, struct mkt_snapshot_info *info)
{
	char path[PATH_MAX];
	int fd;

	ld_keeper_snapshot_path(n, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read_head(fd, info) < 0 || (!fresh(n, fd, info, &info->bytes) && !resumed)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int answer(struct ld_req *r, int fd, uint64_t from, uint64_t end, struct mkt_err *err)
{
	struct file_stream *s;
	int res = ld_guard_stream(&r->node->guard, r->node->conf->streams, err);

	s = res < 0 ? NULL : calloc(1, sizeof(*s));
	if (!s) {
		if (!res)
			ld_guard_stream_end(&r->node->guard);
		close(fd);
		return res < 0 ? res : mkt_err_code(err, MKT_ENOMEM);
	}
	*s = (struct file_stream){{file_read, file_free}, r->node, fd, from, end};
	r->reply.stream = &s->base;
	r->reply.type = "application/octet-stream";
	r->reply.status = 200;
	return 0;
}

int ld_get_snapshot(struct ld_req *r, struct mkt_err *err)
{
	struct mkt_snapshot_info info = {.bytes = 0};
	uint64_t offset = 0, height = 0;
	bool resumed;
	int fd, res = ld_reader_may(r, LD_EVERYBODY, err);

	if (res >= 0)
		res = ld_param_u64(r, "offset", INT64_MAX, &offset, err);
	if (res >= 0)
		res = ld_param_u64(r, "height", UINT64_MAX, &height, err);
	resumed = res == 1;
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	fd = open_file(r->node, resumed, &info);
	if (fd >= 0 && resumed && info.height != height) {
		close(fd);
		return mkt_err_set(err, MKT_ENOTFOUND,
				   "the snapshot of block %llu is gone; there is one of block %llu",
				   (unsigned long long)height, (unsigned long long)info.height);
	}
	if (fd >= 0 && offset > info.bytes) {
		close(fd);
		return mkt_err_set(err, MKT_EUSAGE, "the snapshot has %llu bytes",
				   (unsigned long long)info.bytes);
	}
	if (fd >= 0)
		return answer(r, fd, offset, info.bytes, err);
	if (!mkt_chain_indexed(r->node->chain))
		return mkt_err_set(err, MKT_ENOTFOUND, "there is nothing but block 0 yet");
	ld_keeper_want_snapshot(r->node->keeper);
	return mkt_err_set(err, MKT_EBUSY, "a snapshot is being made");
}

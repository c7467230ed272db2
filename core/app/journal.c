#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/app/journal.h"
#include "core/base/file.h"

#define SUM_DIGITS 16u
#define HEAD (SUM_DIGITS + 1)
#define SUM_BEGIN 0xcbf29ce484222325ull

struct mkt_journal {
	char *path;
	int fd;
	size_t size;
	uint64_t sum;
	bool damaged;
};

/* ---- lines -------------------------------------------------------------------------------- */

static uint64_t checksum(uint64_t before, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t h = SUM_BEGIN;

	for (unsigned i = 0; i < 64; i += 8)
		h = (h ^ (before >> i & 0xff)) * 0x100000001b3ull;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3ull;
	return h;
}

static void put_line(struct mkt_buf *out, uint64_t *sum, const char *record, size_t n)
{
	*sum = checksum(*sum, record, n);
	mkt_buf_addf(out, "%016llx ", (unsigned long long)*sum);
	mkt_buf_add(out, record, n);
	mkt_buf_addch(out, '\n');
}

static bool get_sum(const char *p, uint64_t *sum)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < SUM_DIGITS; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*sum = v;
	return p[SUM_DIGITS] == ' ';
}

int mkt_journal_parse(const void *p, size_t n, mkt_journal_fn *each, void *arg,
		      struct mkt_journal_end *end)
{
	const char *text = p, *nl;
	int rc = 0;

	*end = (struct mkt_journal_end){.sum = SUM_BEGIN};
	while (!rc && end->good < n) {
		const char *line = text + end->good;
		size_t left = n - end->good, len;
		uint64_t sum;

		nl = memchr(line, '\n', left);
		len = nl ? (size_t)(nl - line) : 0;
		if (len <= HEAD || len - HEAD > MKT_JOURNAL_RECORD_MAX || !get_sum(line, &sum) ||
		    sum != checksum(end->sum, line + HEAD, len - HEAD))
			break;
		rc = each(arg, line + HEAD, len - HEAD);
		if (rc < 0)
			return rc;
		end->sum = sum;
		end->good += len + 1;
		end->records++;
	}
	end->torn = end->good < n;
	nl = end->torn ? memchr(text + end->good, '\n', n - end->good) : NULL;
	end->damaged = nl && nl + 1 < text + n;
	return 0;
}

int mkt_journal_read(const char *path, mkt_journal_fn *each, void *arg, struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_journal_end end;
	int rc = mkt_file_read(path, MKT_JOURNAL_BYTES_MAX, &b, err);

	if (!rc)
		rc = mkt_journal_parse(b.data, b.len, each, arg, &end);
	mkt_buf_release(&b);
	return rc;
}

/* ---- the file ----------------------------------------------------------------------------- */

static int fault(const struct mkt_journal *j, const char *what, struct mkt_err *err)
{
	return mkt_err_sys(err, MKT_EIO, errno, "cannot %s '%s'", what, j->path);
}

/* Open and lock; the file that has the name by then, not one that was replaced meanwhile. */
static int take(struct mkt_journal *j, struct mkt_err *err)
{
	struct stat mine, named;

	for (;;) {
		j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (j->fd < 0)
			return fault(j, "open", err);
		if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
			return mkt_err_set(err, MKT_ELOCKED, "another process writes '%s'",
					   j->path);
		if (fstat(j->fd, &mine) < 0)
			return fault(j, "look at", err);
		if (!stat(j->path, &named) && mine.st_ino == named.st_ino &&
		    mine.st_dev == named.st_dev)
			return 0;
		close(j->fd);
	}
}

/* What cannot be read is not thrown away. */
static int keep_copy(struct mkt_journal *j, const struct mkt_buf *b, struct mkt_err *err)
{
	struct mkt_buf name = MKT_BUF_INIT;
	int rc;

	j->damaged = true;
	mkt_buf_addf(&name, "%s.damaged", j->path);
	rc = mkt_file_write(mkt_buf_str(&name), b->data, b->len, (struct mkt_file_how){0600, false},
			    err);
	mkt_buf_release(&name);
	return rc;
}

bool mkt_journal_damaged(const struct mkt_journal *j)
{
	return j->damaged;
}

static int load(struct mkt_journal *j, mkt_journal_fn *each, void *arg, struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_journal_end end = {0};
	int rc = mkt_file_read(j->path, MKT_JOURNAL_BYTES_MAX, &b, err);

	if (!rc)
		rc = mkt_journal_parse(b.data, b.len, each, arg, &end);
	if (!rc && end.damaged)
		rc = keep_copy(j, &b, err);
	if (!rc && end.torn && (ftruncate(j->fd, (off_t)end.good) < 0 || fdatasync(j->fd) < 0))
		rc = fault(j, "cut", err);
	j->size = end.good;
	j->sum = end.records ? end.sum : SUM_BEGIN;
	mkt_buf_release(&b);
	return rc;
}

int mkt_journal_open(const char *path, mkt_journal_fn *each, void *arg, struct mkt_journal **out,
		     struct mkt_err *err)
{
	struct mkt_journal *j = calloc(1, sizeof(*j));
	int rc = 0;

	if (!j)
		return mkt_err_code(err, MKT_ENOMEM);
	j->fd = -1;
	j->path = strdup(path);
	if (!j->path)
		rc = mkt_err_code(err, MKT_ENOMEM);
	if (!rc)
		rc = take(j, err);
	if (!rc)
		rc = load(j, each, arg, err);
	if (rc) {
		mkt_journal_close(j);
		return rc;
	}
	*out = j;
	return 0;
}

void mkt_journal_close(struct mkt_journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	free(j->path);
	free(j);
}

size_t mkt_journal_size(const struct mkt_journal *j)
{
	return j->size;
}

static bool write_all(int fd, const uint8_t *p, size_t n, size_t at)
{
	while (n) {
		ssize_t got = pwrite(fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
		at += (size_t)got;
	}
	return true;
}

int mkt_journal_add(struct mkt_journal *j, const char *record, size_t n, bool sync,
		    struct mkt_err *err)
{
	struct mkt_buf line = MKT_BUF_INIT;
	uint64_t sum = j->sum;
	int rc = 0;

	if (!n || n > MKT_JOURNAL_RECORD_MAX || memchr(record, '\n', n))
		return mkt_err_set(err, MKT_EINVAL, "a record of %zu bytes is none", n);
	put_line(&line, &sum, record, n);
	if (line.bad)
		rc = mkt_err_code(err, MKT_ENOMEM);
	else if (!write_all(j->fd, line.data, line.len, j->size))
		rc = fault(j, "write", err);
	else if (sync && fdatasync(j->fd) < 0)
		rc = fault(j, "sync", err);
	if (!rc) {
		j->size += line.len;
		j->sum = sum;
	} else if (ftruncate(j->fd, (off_t)j->size) < 0) {
		/* The next line is written over it; what is longer is a torn tail. */
	}
	mkt_buf_release(&line);
	return rc;
}

/* ---- replacing ---------------------------------------------------------------------------- */

static int write_new(struct mkt_journal *to, const struct mkt_buf *lines, const char *path,
		     struct mkt_err *err)
{
	to->fd = open(to->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to->fd < 0)
		return fault(to, "create", err);
	if (flock(to->fd, LOCK_EX | LOCK_NB) < 0)
		return fault(to, "lock", err);
	if (!write_all(to->fd, lines->data, lines->len, 0) || fsync(to->fd) < 0)
		return fault(to, "write", err);
	if (rename(to->path, path) < 0)
		return fault(to, "rename", err);
	return 0;
}

static void sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	/* If the name is lost with the power, the old file has all that counts. */
	if (fd >= 0) {
		(void)!fsync(fd);
		close(fd);
	}
	free(dir);
}

int mkt_journal_replace(struct mkt_journal *j, const struct mkt_buf *records, struct mkt_err *err)
{
	struct mkt_journal to = {.fd = -1};
	struct mkt_buf lines = MKT_BUF_INIT, name = MKT_BUF_INIT;
	const char *p = mkt_buf_str(records);
	uint64_t sum = SUM_BEGIN;
	int rc = 0;

	mkt_buf_addf(&name, "%s.new", j->path);
	for (const char *nl; (nl = strchr(p, '\n')) != NULL; p = nl + 1)
		put_line(&lines, &sum, p, (size_t)(nl - p));
	if (lines.bad || name.bad)
		rc = mkt_err_code(err, MKT_ENOMEM);
	to.path = (char *)name.data;
	if (!rc)
		rc = write_new(&to, &lines, j->path, err);
	if (!rc) {
		sync_dir(j->path);
		close(j->fd);
		j->fd = to.fd;
		j->size = lines.len;
		j->sum = sum;
	} else if (to.fd >= 0) {
		close(to.fd);
	}
	mkt_buf_release(&lines);
	mkt_buf_release(&name);
	return rc;
}

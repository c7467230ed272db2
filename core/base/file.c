#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"

#define TEMP_TRIES 16

static int read_all(int fd, const char *path, size_t max, struct mkt_buf *b, struct mkt_err *err)
{
	size_t start = b->len;

	for (;;) {
		uint8_t chunk[4096];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mkt_err_sys(err, MKT_EIO, errno, "cannot read '%s'", path);
		if (!n)
			break;
		if (b->len - start + (size_t)n > max)
			return mkt_err_set(err, MKT_ELIMIT, "'%s' is longer than %zu bytes", path,
					   max);
		mkt_buf_add(b, chunk, (size_t)n);
	}
	return b->bad ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

int mkt_file_read(const char *path, size_t max, struct mkt_buf *b, struct mkt_err *err)
{
	int fd, rc;

	if (!strcmp(path, "-"))
		return read_all(STDIN_FILENO, path, max, b, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return mkt_err_sys(err, errno == ENOENT ? MKT_ENOTFOUND : MKT_EIO, errno,
				   "cannot open '%s'", path);
	rc = read_all(fd, path, max, b, err);
	close(fd);
	return rc;
}

static int write_fd(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return fsync(fd);
}

/*
 * A rename is safe on disk only when its directory is.  0, or errno; what a file system cannot
 * do, or a directory that may be written and not read, is no failure of this file.
 */
static int sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, failed = 0;

	if (fd < 0 || fsync(fd) < 0)
		failed = errno;
	if (fd >= 0)
		close(fd);
	free(dir);
	return failed == EACCES || failed == EINVAL || failed == EROFS ? 0 : failed;
}

static int open_temp(const char *path, mode_t mode, struct mkt_buf *temp)
{
	for (unsigned i = 0; i < TEMP_TRIES; i++) {
		int fd;

		mkt_buf_clear(temp);
		mkt_buf_addf(temp, "%s.tmp%ld.%u", path, (long)getpid(), i);
		if (temp->bad) {
			errno = ENOMEM;
			return -1;
		}
		fd = open(mkt_buf_str(temp), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			  mode);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

int mkt_file_write(const char *path, const void *p, size_t n, struct mkt_file_how how,
		   struct mkt_err *err)
{
	struct mkt_buf temp = MKT_BUF_INIT;
	const char *name;
	int fd = open_temp(path, how.mode, &temp), failed, rc = 0;

	name = mkt_buf_str(&temp);
	if (fd < 0) {
		rc = mkt_err_sys(err, MKT_EIO, errno, "cannot create '%s'", path);
		goto out;
	}
	failed = write_fd(fd, p, n) < 0 ? errno : 0;
	if (close(fd) < 0 && !failed)
		failed = errno;
	/* link() refuses a name that is taken; rename() replaces it. */
	if (!failed && (how.fresh ? link(name, path) : rename(name, path)) < 0)
		failed = errno;
	if (failed || how.fresh)
		unlink(name);
	if (!failed)
		failed = sync_parent(path);
	if (failed == EEXIST)
		rc = mkt_err_set(err, MKT_EEXISTS, "'%s' exists already", path);
	else if (failed)
		rc = mkt_err_sys(err, MKT_EIO, failed, "cannot write '%s'", path);
out:
	mkt_buf_release(&temp);
	return rc;
}

/* 0, or errno.  What is there already must be a directory. */
static int make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (!mkdir(path, mode))
		return 0;
	if (errno != EEXIST)
		return errno;
	return !stat(path, &st) && S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
}

int mkt_dir_make(const char *path, mode_t mode, struct mkt_err *err)
{
	char *part = strdup(path);
	int failed = 0;

	if (!part)
		return mkt_err_code(err, MKT_ENOMEM);
	for (char *at = part + 1; *at && !failed; at++) {
		if (*at != '/')
			continue;
		*at = 0;
		failed = make_one(part, mode);
		*at = '/';
	}
	if (!failed)
		failed = make_one(part, mode);
	free(part);
	if (failed)
		return mkt_err_sys(err, MKT_EIO, failed, "cannot make directory '%s'", path);
	return 0;
}

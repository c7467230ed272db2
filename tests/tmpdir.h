/*
 * Directories of tests: made below TMPDIR (or /tmp), removed with all that is
 * in them; and copies of flat directories, to try what a crash leaves behind.
 */
#ifndef MKT_TESTS_TMPDIR_H
#define MKT_TESTS_TMPDIR_H

#include "core/base/compat.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"

static inline void tmpdir_make(char path[PATH_MAX], const char *name)
{
	const char *base = getenv("TMPDIR");

	snprintf(path, PATH_MAX, "%s/mkt-%s.XXXXXX", base ? base : "/tmp", name);
	if (!mkdtemp(path)) {
		perror(path);
		exit(2);
	}
}

static inline int tmpdir_remove_one(const char *path, const struct stat *st, int type,
				    struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static inline void tmpdir_remove(const char *path)
{
	nftw(path, tmpdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Whole file into @b; false if there is none. */
static inline bool file_read(const char *path, struct mkt_buf *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t raw[4096];
	ssize_t n;

	mkt_buf_clear(b);
	if (fd < 0)
		return false;
	while ((n = read(fd, raw, sizeof(raw))) > 0)
		mkt_buf_add(b, raw, (size_t)n);
	close(fd);
	return !n && !b->bad;
}

static inline void file_write(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n || close(fd) < 0) {
		perror(path);
		exit(2);
	}
}

static inline uint64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

/* Make @to and copy the files of @from; folders within are copied one level deep. */
static inline void tmpdir_copy(const char *from, const char *to)
{
	DIR *d = opendir(from);
	struct dirent *e;
	struct mkt_buf b = MKT_BUF_INIT;

	mkdir(to, 0755);
	while (d && (e = readdir(d))) {
		char a[2 * PATH_MAX], z[2 * PATH_MAX];
		struct stat st;

		snprintf(a, sizeof(a), "%s/%s", from, e->d_name);
		snprintf(z, sizeof(z), "%s/%s", to, e->d_name);
		if (e->d_name[0] == '.' || stat(a, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			DIR *sub = opendir(a);
			struct dirent *f;

			mkdir(z, 0755);
			while (sub && (f = readdir(sub))) {
				char aa[3 * PATH_MAX], zz[3 * PATH_MAX];

				snprintf(aa, sizeof(aa), "%s/%s", a, f->d_name);
				snprintf(zz, sizeof(zz), "%s/%s", z, f->d_name);
				if (f->d_name[0] != '.' && file_read(aa, &b))
					file_write(zz, b.data ? b.data : (uint8_t *)"", b.len);
			}
			if (sub)
				closedir(sub);
		} else if (file_read(a, &b)) {
			file_write(z, b.data ? b.data : (uint8_t *)"", b.len);
		}
	}
	if (d)
		closedir(d);
	mkt_buf_release(&b);
}

#endif

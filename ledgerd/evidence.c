#include "core/base/compat.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>

#include "core/app/log.h"
#include "core/base/file.h"
#include "core/quorum/value.h"
#include "ledgerd/evidence.h"

#define NAME_LEN ((size_t)MKT_HASH_LEN * 2)

static void name_of(const void *p, size_t n, struct mkt_buf *out)
{
	struct mkt_hash h;

	mkt_hash(&h, MKT_DOM_LEAF, p, n);
	mkt_buf_addhex(out, h.b, sizeof(h.b));
}

static bool is_name(const char *s)
{
	return strlen(s) == NAME_LEN && strspn(s, "0123456789abcdef") == NAME_LEN;
}

int ld_evidence_keep(const char *dir, const void *p, size_t n, struct mkt_err *err)
{
	char folder[PATH_MAX - 128], path[PATH_MAX];
	char (*names)[NAME_LEN + 1] = calloc(LD_EVIDENCE_MAX, sizeof(*names));
	struct mkt_buf name = MKT_BUF_INIT;
	int res = -MKT_ENOMEM, count;

	snprintf(folder, sizeof(folder), "%.3800s/evidence", dir);
	if (names)
		res = mkt_dir_make(folder, 0755, err);
	else
		mkt_err_code(err, MKT_ENOMEM);
	count = res < 0 ? res : ld_evidence_list(dir, names, LD_EVIDENCE_MAX, err);
	free(names);
	if (count < 0)
		return count;
	if (count == LD_EVIDENCE_MAX)
		return mkt_err_set(err, MKT_ELIMIT, "'%s' holds %d files", folder, LD_EVIDENCE_MAX);
	name_of(p, n, &name);
	snprintf(path, sizeof(path), "%s/%s", folder, mkt_buf_str(&name));
	res = mkt_file_write(path, p, n, (struct mkt_file_how){.mode = 0644, .fresh = true}, err);
	if (!res)
		mkt_log(MKT_LOG_ERROR, "evidence against an authority is kept: '%s'", path);
	mkt_buf_release(&name);
	return res == -MKT_EEXISTS ? 0 : res;
}

static int cmp_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int ld_evidence_list(const char *dir, char (*names)[MKT_HASH_LEN * 2 + 1], unsigned max,
		     struct mkt_err *err)
{
	char path[PATH_MAX];
	const struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%.3900s/evidence", dir);
	d = opendir(path);
	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot read '%s'", path);
	while (n < max && (e = readdir(d)))
		if (is_name(e->d_name))
			memcpy(names[n++], e->d_name, NAME_LEN + 1);
	closedir(d);
	qsort(names, n, sizeof(*names), cmp_name);
	return (int)n;
}

int ld_evidence_read(const char *dir, const char *name, struct mkt_buf *out, struct mkt_err *err)
{
	char path[PATH_MAX];

	if (!is_name(name))
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no evidence '%s'", name);
	snprintf(path, sizeof(path), "%.3900s/evidence/%s", dir, name);
	return mkt_file_read(path, MKT_EVIDENCE_BYTES_MAX, out, err);
}

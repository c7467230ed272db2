/*
 * Small files of a user: read whole, written whole or not at all.
 */
#ifndef MKT_BASE_FILE_H
#define MKT_BASE_FILE_H

#include <sys/types.h>

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"

/*
 * Append the file to @b.  "-" is stdin.  -MKT_ENOTFOUND, -MKT_EIO, -MKT_ELIMIT
 * beyond @max bytes, -MKT_ENOMEM.
 */
int mkt_file_read(const char *path, size_t max, struct mkt_buf *b, struct mkt_err *err)
	MKT_MUST_CHECK;

/*
 * Write @n bytes to a temporary name beside @path, sync, rename over it, sync
 * the directory.  On failure nothing is left.  With @fresh an existing file is
 * an error: -MKT_EEXISTS.  -MKT_EIO.
 */
struct mkt_file_how {
	mode_t mode;
	bool fresh;
};
int mkt_file_write(const char *path, const void *p, size_t n, struct mkt_file_how how,
		   struct mkt_err *err) MKT_MUST_CHECK;

/* Make @path and what is missing above it, with @mode.  Existing is fine. */
int mkt_dir_make(const char *path, mode_t mode, struct mkt_err *err) MKT_MUST_CHECK;

#endif

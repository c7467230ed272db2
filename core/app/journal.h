/*
 * A journal: records of one line in a file that only grows, safe against kill -9
 * and power loss at any instant.
 *
 * Each line is 16 hexadecimal digits, a blank, the record, a newline.  The digits
 * are a checksum (FNV-1a, 64 bits) of the record and of the checksum before it,
 * so a line that is torn, changed, missing or out of its place is found.  Reading
 * ends there: what follows is a tail that was never completed.  If there are more
 * complete lines behind it, the file was damaged, and the caller is told.
 *
 * One process writes (flock); others may read at any time.
 */
#ifndef MKT_APP_JOURNAL_H
#define MKT_APP_JOURNAL_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"

#define MKT_JOURNAL_RECORD_MAX 4096
#define MKT_JOURNAL_BYTES_MAX (64u << 20)

struct mkt_journal;

/* Gets each record, in order; a negative value ends the reading and is returned. */
typedef int mkt_journal_fn(void *arg, const char *record, size_t n);

/* What reading found. */
struct mkt_journal_end {
	size_t good; /* bytes of complete records */
	uint64_t records;
	uint64_t sum; /* checksum of the last */
	bool torn;    /* something stands behind them */
	bool damaged; /* ... that is more than one line which was not completed */
};

/* Read bytes.  Pure. */
int mkt_journal_parse(const void *p, size_t n, mkt_journal_fn *each, void *arg,
		      struct mkt_journal_end *end) MKT_MUST_CHECK;

/* Read a file without taking it.  -MKT_ENOTFOUND: there is none. */
int mkt_journal_read(const char *path, mkt_journal_fn *each, void *arg,
		     struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Open for writing, make it if it is not there, hand over what is in it, cut the
 * torn tail.  A file that is damaged before its end is kept as PATH.damaged, and
 * what can be read of it is used.  -MKT_ELOCKED another process writes it.
 */
int mkt_journal_open(const char *path, mkt_journal_fn *each, void *arg, struct mkt_journal **out,
		     struct mkt_err *err) MKT_MUST_CHECK;
void mkt_journal_close(struct mkt_journal *j); /* NULL is fine */

/* More than a torn tail was missing when it was opened. */
bool mkt_journal_damaged(const struct mkt_journal *j);

/* Append one record (no newline within); with @sync it survives whatever comes. */
int mkt_journal_add(struct mkt_journal *j, const char *record, size_t n, bool sync,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* Bytes in the file. */
size_t mkt_journal_size(const struct mkt_journal *j);

/*
 * Put @records, each ended by a newline, in the place of everything: to another
 * file first, then renamed.  On failure the old ones stand.
 */
int mkt_journal_replace(struct mkt_journal *j, const struct mkt_buf *records,
			struct mkt_err *err) MKT_MUST_CHECK;

#endif

/*
 * Reading simple CSV: comma between cells, one header line, no quotes.  LF or
 * CR LF ends a line; a byte-order mark at the beginning is skipped.
 *
 * Faults are told as "file:line: column 'name': what is wrong" (-MKT_EINVAL);
 * trouble with the file itself is -MKT_EIO.  One row is kept at a time; cells
 * are borrowed until the next call.
 */
#ifndef MKT_AGENT_CSV_H
#define MKT_AGENT_CSV_H

#include <stdio.h>

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/base/limits.h"

struct mkt_csv {
	char name[64];  /* of the file, for sentences */
	FILE *f;
	uint64_t line;  /* number of the present line, from 1 */
	char *head;     /* header line, cut at the commas; owned */
	char *row;      /* present line, cut at the commas; owned */
	size_t row_cap;
	unsigned ncols;
	const char *col[MKT_CSV_CELLS_MAX]; /* into head */
	char *cell[MKT_CSV_CELLS_MAX];      /* into row */
};

#define MKT_CSV_INIT {.f = NULL}

/* Open @dir/@name and read its header; column names must differ. */
int mkt_csv_open(struct mkt_csv *c, const char *dir, const char *name, struct mkt_err *err)
	MKT_MUST_CHECK;
void mkt_csv_close(struct mkt_csv *c); /* also after a failed open, and twice */

/* Go back to before the first row. */
int mkt_csv_rewind(struct mkt_csv *c, struct mkt_err *err) MKT_MUST_CHECK;

/* 1 with the next row in @c, 0 at the end.  A row has as many cells as the header. */
int mkt_csv_row(struct mkt_csv *c, struct mkt_err *err) MKT_MUST_CHECK;

/* Number of the column, or -1. */
int mkt_csv_find(const struct mkt_csv *c, const char *col);
/* The same, but a missing one is a fault. */
int mkt_csv_need(const struct mkt_csv *c, const char *col, struct mkt_err *err) MKT_MUST_CHECK;

/* The cell as a whole number in [min, max]. */
int mkt_csv_int(const struct mkt_csv *c, unsigned col, int64_t min, int64_t max, int64_t *out,
		struct mkt_err *err)
	MKT_MUST_CHECK;

/* A fault in the present line; in @col if that is not negative.  Returns -MKT_EINVAL. */
int mkt_csv_fault(const struct mkt_csv *c, int col, struct mkt_err *err, const char *fmt, ...)
	MKT_PRINTF(4, 5);
#ifdef __clang_analyzer__ /* see core/base/err.h */
#define mkt_csv_fault(...) mkt_err_failed(mkt_csv_fault(__VA_ARGS__))
#endif

#endif

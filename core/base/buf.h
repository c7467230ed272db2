/*
 * Growable bytes.
 *
 * A buffer owns its storage.  It starts as MKT_BUF_INIT (no allocation) and
 * ends with mkt_buf_release(), after which it may be used again.  Appending
 * that fails for lack of memory sets @bad and leaves the contents as they were;
 * later appends do nothing, so one check of @bad at the end is enough.
 * Data are always followed by a NUL that does not count, so a buffer of text
 * is a C string.  Pointers into the buffer die with the next append.
 */
#ifndef MKT_BASE_BUF_H
#define MKT_BASE_BUF_H

#include "core/base/compat.h"

struct mkt_buf {
	uint8_t *data; /* NULL while nothing was ever appended */
	size_t len;
	size_t cap;
	bool bad;      /* an append failed */
};

#define MKT_BUF_INIT {NULL, 0, 0, false}

void mkt_buf_release(struct mkt_buf *b);

/* Forget the contents and @bad, keep the storage. */
void mkt_buf_clear(struct mkt_buf *b);

/* Make room for @more bytes.  Returns 0 or -MKT_ENOMEM. */
int mkt_buf_grow(struct mkt_buf *b, size_t more);

void mkt_buf_add(struct mkt_buf *b, const void *p, size_t n);
void mkt_buf_addch(struct mkt_buf *b, uint8_t c);
void mkt_buf_addstr(struct mkt_buf *b, const char *s);
void mkt_buf_addf(struct mkt_buf *b, const char *fmt, ...) MKT_PRINTF(2, 3);
void mkt_buf_addhex(struct mkt_buf *b, const void *p, size_t n);

/* The contents as a C string; "" while empty.  Owned by @b. */
const char *mkt_buf_str(const struct mkt_buf *b);

/* Hand the storage to the caller, who frees it with free(); @b is empty after. */
uint8_t *mkt_buf_take(struct mkt_buf *b, size_t *len);

#endif

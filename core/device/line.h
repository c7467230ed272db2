/*
 * Lines of the protocol between mkt-driverd and its clients (mkt-driverd(5)): words
 * with one blank between them, some of the form key=value, ended by a line feed.
 * Text in a value has its blanks, percent signs and control characters as %XX.
 * Used by both sides; what it reads is a stranger's.
 */
#ifndef MKT_DEVICE_LINE_H
#define MKT_DEVICE_LINE_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/device/model.h"

#define MKT_LINE_MAX 512 /* bytes, the line feed included */
#define MKT_LINE_WORDS 64

struct mkt_line {
	char text[MKT_LINE_MAX + 1];
	char *word[MKT_LINE_WORDS]; /* in text */
	unsigned n;
};

/* @n bytes without the line feed.  -MKT_EINVAL: too long, empty, wrong blanks or bytes. */
int mkt_line_split(struct mkt_line *l, const char *text, size_t n,
		   struct mkt_err *err) MKT_MUST_CHECK;

/* The value of a key as it stands, or NULL. */
const char *mkt_line_get(const struct mkt_line *l, const char *key);

/* The value as text.  -MKT_ENOTFOUND there is no such key; -MKT_EINVAL too long or wrong. */
int mkt_line_text(const struct mkt_line *l, const char *key, char *out,
		  size_t size) MKT_MUST_CHECK;

/* The value as a whole decimal number in the range; errors as above. */
int mkt_line_u64(const struct mkt_line *l, const char *key, uint64_t max,
		 uint64_t *out) MKT_MUST_CHECK;

/* Decimal text, all of it, to a number.  False: it is none. */
bool mkt_line_number(const char *text, int64_t *out);

/* Append " key=text", escaped, cut where the line since @begin would be too long. */
void mkt_line_add(struct mkt_buf *b, size_t begin, const char *key, const char *text);

/* "current:16000", "power:-3000", "mode:charge", "none". */
void mkt_line_add_set(struct mkt_buf *b, const char *key, const struct mkt_setpoint *set);
bool mkt_line_set(const char *text, struct mkt_setpoint *out);

#endif

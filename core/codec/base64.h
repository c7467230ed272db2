/*
 * Base64 of RFC 4648 section 4: the usual alphabet, with padding, nothing else.
 * One value, one text: bits that say nothing must be zero.
 */
#ifndef MKT_CODEC_BASE64_H
#define MKT_CODEC_BASE64_H

#include "core/base/buf.h"
#include "core/base/compat.h"

/* Append the bytes that @s stands for; false, and @out partly written, if it is not base64. */
bool mkt_base64_add(struct mkt_buf *out, const char *s, size_t n) MKT_MUST_CHECK;

/* Append @n bytes as text. */
void mkt_base64_put(struct mkt_buf *out, const void *p, size_t n);

#endif

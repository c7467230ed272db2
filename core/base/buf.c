#include "core/base/compat.h"

#include <stdarg.h>

#include "core/base/buf.h"
#include "core/base/err.h"

void mkt_buf_release(struct mkt_buf *b)
{
	free(b->data);
	*b = (struct mkt_buf)MKT_BUF_INIT;
}

void mkt_buf_clear(struct mkt_buf *b)
{
	b->len = 0;
	b->bad = false;
	if (b->data)
		b->data[0] = 0;
}

int mkt_buf_grow(struct mkt_buf *b, size_t more)
{
	size_t need, cap;
	uint8_t *p;

	if (b->bad)
		return -MKT_ENOMEM;
	if (__builtin_add_overflow(b->len, more, &need) || need > SIZE_MAX / 4)
		goto bad;
	if (need < b->cap)
		return 0;
	cap = b->cap ? b->cap : 64;
	while (cap <= need)
		cap *= 2;
	p = realloc(b->data, cap);
	if (!p)
		goto bad;
	b->data = p;
	b->cap = cap;
	return 0;
bad:
	b->bad = true;
	return -MKT_ENOMEM;
}

void mkt_buf_add(struct mkt_buf *b, const void *p, size_t n)
{
	if (mkt_buf_grow(b, n) < 0)
		return;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = 0;
}

void mkt_buf_addch(struct mkt_buf *b, uint8_t c)
{
	mkt_buf_add(b, &c, 1);
}

void mkt_buf_addstr(struct mkt_buf *b, const char *s)
{
	mkt_buf_add(b, s, strlen(s));
}

void mkt_buf_addf(struct mkt_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || mkt_buf_grow(b, (size_t)n) < 0) {
		b->bad = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void mkt_buf_addhex(struct mkt_buf *b, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *s = p;

	if (mkt_buf_grow(b, 2 * n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		b->data[b->len++] = (uint8_t)digits[s[i] >> 4];
		b->data[b->len++] = (uint8_t)digits[s[i] & 15];
	}
	b->data[b->len] = 0;
}

const char *mkt_buf_str(const struct mkt_buf *b)
{
	return b->data ? (const char *)b->data : "";
}

uint8_t *mkt_buf_take(struct mkt_buf *b, size_t *len)
{
	uint8_t *p = b->data;

	if (len)
		*len = b->len;
	*b = (struct mkt_buf)MKT_BUF_INIT;
	return p;
}

#include "core/base/compat.h"

#include "core/base/err.h"
#include "core/codec/enc.h"

static void put(struct mkt_buf *b, uint64_t v, size_t n)
{
	uint8_t raw[8];

	for (size_t i = 0; i < n; i++)
		raw[i] = (uint8_t)(v >> (8 * i));
	mkt_buf_add(b, raw, n);
}

void mkt_enc_u8(struct mkt_buf *b, uint8_t v)
{
	put(b, v, 1);
}

void mkt_enc_u16(struct mkt_buf *b, uint16_t v)
{
	put(b, v, 2);
}

void mkt_enc_u32(struct mkt_buf *b, uint32_t v)
{
	put(b, v, 4);
}

void mkt_enc_u64(struct mkt_buf *b, uint64_t v)
{
	put(b, v, 8);
}

void mkt_enc_i32(struct mkt_buf *b, int32_t v)
{
	put(b, (uint32_t)v, 4);
}

void mkt_enc_i64(struct mkt_buf *b, int64_t v)
{
	put(b, (uint64_t)v, 8);
}

void mkt_enc_bytes(struct mkt_buf *b, const void *p, size_t n)
{
	mkt_buf_add(b, p, n);
}

void mkt_enc_text(struct mkt_buf *b, const char *s, size_t n)
{
	if (n > 255) {
		b->bad = true;
		return;
	}
	mkt_enc_u8(b, (uint8_t)n);
	mkt_buf_add(b, s, n);
}

const uint8_t *mkt_dec_bytes(struct mkt_dec *d, size_t n)
{
	const uint8_t *p = d->at;

	if (d->bad || (size_t)(d->end - d->at) < n) {
		d->bad = true;
		return NULL;
	}
	d->at += n;
	return p;
}

static uint64_t get(struct mkt_dec *d, size_t n)
{
	const uint8_t *p = mkt_dec_bytes(d, n);
	uint64_t v = 0;

	if (!p)
		return 0;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint8_t mkt_dec_u8(struct mkt_dec *d)
{
	return (uint8_t)get(d, 1);
}

uint16_t mkt_dec_u16(struct mkt_dec *d)
{
	return (uint16_t)get(d, 2);
}

uint32_t mkt_dec_u32(struct mkt_dec *d)
{
	return (uint32_t)get(d, 4);
}

uint64_t mkt_dec_u64(struct mkt_dec *d)
{
	return get(d, 8);
}

int32_t mkt_dec_i32(struct mkt_dec *d)
{
	return (int32_t)(uint32_t)get(d, 4);
}

int64_t mkt_dec_i64(struct mkt_dec *d)
{
	return (int64_t)get(d, 8);
}

/* RFC 3629; table 3-7 of Unicode. */
size_t mkt_utf8_len(const uint8_t *s, size_t n)
{
	uint8_t lo = 0x80, hi = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	if (n < len || s[1] < lo || s[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool mkt_text_ok(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;

	for (size_t i = 0; i < n;) {
		size_t len = mkt_utf8_len(p + i, n - i);

		if (!len || p[i] < 0x20 || p[i] == 0x7f)
			return false;
		if (p[i] == 0xc2 && p[i + 1] < 0xa0) /* C1 controls */
			return false;
		i += len;
	}
	return true;
}

uint32_t mkt_utf8_code(const uint8_t *s, size_t len)
{
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = s[0] & mask[len];

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s[i] & 0x3fu);
	return c;
}

bool mkt_code_deceives(uint32_t c)
{
	return c == 0xad || c == 0x61c || c == 0x200b || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

void mkt_dec_text(struct mkt_dec *d, char *out, size_t max)
{
	size_t n = mkt_dec_u8(d);
	const uint8_t *p = mkt_dec_bytes(d, n);

	out[0] = 0;
	if (!p)
		return;
	if (n > max || !mkt_text_ok((const char *)p, n)) {
		d->bad = true;
		return;
	}
	memcpy(out, p, n);
	out[n] = 0;
}

int mkt_dec_end(const struct mkt_dec *d)
{
	if (d->bad)
		return -MKT_ETRUNCATED;
	return d->at == d->end ? 0 : -MKT_EOVERLONG;
}

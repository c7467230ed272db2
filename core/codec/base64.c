#include "core/base/compat.h"

#include "core/codec/base64.h"

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool mkt_base64_add(struct mkt_buf *out, const char *s, size_t n)
{
	size_t pad = n && s[n - 1] == '=' ? (n > 1 && s[n - 2] == '=' ? 2 : 1) : 0;
	uint32_t v = 0;

	if (n % 4)
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = i < n - pad ? digit(s[i]) : 0;

		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
		if (i % 4 < 3)
			continue;
		size_t keep = i + 1 == n ? 3 - pad : 3;

		for (size_t k = 0; k < keep; k++)
			mkt_buf_addch(out, (uint8_t)(v >> (16 - 8 * k)));
		if (v & ((1u << (8 * (3 - keep))) - 1))
			return false; /* bits that say nothing */
		v = 0;
	}
	return !out->bad;
}

void mkt_base64_put(struct mkt_buf *out, const void *p, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)b[i] << 16;

		v |= left > 1 ? (uint32_t)b[i + 1] << 8 : 0;
		v |= left > 2 ? b[i + 2] : 0;
		for (unsigned k = 0; k < 4; k++) {
			char c = k > left ? '=' : digits[v >> (18 - 6 * k) & 63];

			mkt_buf_addch(out, (uint8_t)c);
		}
	}
}

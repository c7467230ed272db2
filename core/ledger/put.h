/*
 * Canonical integers into memory that is large enough: what core/codec/enc.h
 * writes, for the records that are written a hundred thousand times a second.
 * Each returns the place after what it wrote.
 */
#ifndef MKT_LEDGER_PUT_H
#define MKT_LEDGER_PUT_H

#include "core/base/compat.h"

#include <endian.h>

static inline uint8_t *put_u8(uint8_t *p, uint8_t v)
{
	*p = v;
	return p + 1;
}

static inline uint8_t *put_u16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline uint8_t *put_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline uint8_t *put_u64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline uint8_t *put_i32(uint8_t *p, int32_t v)
{
	return put_u32(p, (uint32_t)v);
}

static inline uint8_t *put_i64(uint8_t *p, int64_t v)
{
	return put_u64(p, (uint64_t)v);
}

/* Length byte and text; @n at most 255. */
static inline uint8_t *put_text(uint8_t *p, const char *s, size_t n)
{
	*p = (uint8_t)n;
	memcpy(p + 1, s, n);
	return p + 1 + n;
}

#endif

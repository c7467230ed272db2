/*
 * Canonical encoding: little endian, fixed widths, one encoding a value.
 *
 * Writing appends to a struct mkt_buf.  Reading walks a borrowed byte range and
 * never passes its end: a read that would sets @bad, gives zeros, and every
 * later read does the same, so a decoder checks once at the end with
 * mkt_dec_end().  Format: mkt-protocol(7).
 */
#ifndef MKT_CODEC_ENC_H
#define MKT_CODEC_ENC_H

#include "core/base/buf.h"
#include "core/base/compat.h"

void mkt_enc_u8(struct mkt_buf *b, uint8_t v);
void mkt_enc_u16(struct mkt_buf *b, uint16_t v);
void mkt_enc_u32(struct mkt_buf *b, uint32_t v);
void mkt_enc_u64(struct mkt_buf *b, uint64_t v);
void mkt_enc_i32(struct mkt_buf *b, int32_t v);
void mkt_enc_i64(struct mkt_buf *b, int64_t v);
void mkt_enc_bytes(struct mkt_buf *b, const void *p, size_t n); /* no length */

/* Text: one length byte, then at most 255 bytes.  @n above 255 sets b->bad. */
void mkt_enc_text(struct mkt_buf *b, const char *s, size_t n);

struct mkt_dec {
	const uint8_t *at;
	const uint8_t *end;
	bool bad; /* a read passed the end */
};

static inline struct mkt_dec mkt_dec_init(const void *p, size_t n)
{
	const uint8_t *at = p ? p : (const uint8_t *)""; /* an empty buffer points to nothing */

	return (struct mkt_dec){.at = at, .end = at + n, .bad = false};
}

uint8_t mkt_dec_u8(struct mkt_dec *d);
uint16_t mkt_dec_u16(struct mkt_dec *d);
uint32_t mkt_dec_u32(struct mkt_dec *d);
uint64_t mkt_dec_u64(struct mkt_dec *d);
int32_t mkt_dec_i32(struct mkt_dec *d);
int64_t mkt_dec_i64(struct mkt_dec *d);

/* The next @n bytes, borrowed; NULL and @bad past the end. */
const uint8_t *mkt_dec_bytes(struct mkt_dec *d, size_t n);

/*
 * Copy a text of at most @max bytes to @out (@max + 1 bytes, NUL added).
 * Longer text, or text that is not printable ASCII or well-formed UTF-8 above
 * it, sets @bad and gives "".
 */
void mkt_dec_text(struct mkt_dec *d, char *out, size_t max);

/* 0 if all was read and nothing beyond; -MKT_ETRUNCATED or -MKT_EOVERLONG. */
int mkt_dec_end(const struct mkt_dec *d) MKT_MUST_CHECK;

/* Length of the well-formed UTF-8 character at @s (1..4), or 0.  @n > 0 bytes are there. */
size_t mkt_utf8_len(const uint8_t *s, size_t n);

/* True if @s is UTF-8 without control characters.  For names from outside. */
bool mkt_text_ok(const char *s, size_t n);

/* The code point of the well-formed character of @len bytes at @s. */
uint32_t mkt_utf8_code(const uint8_t *s, size_t len);

/*
 * True for a code point that turns the direction of the text beside it, breaks its line, or is
 * not seen at all, so that what a person reads is not what stands there: U+00AD, U+061C, U+200B,
 * U+200E..200F, U+2028..202E, U+2060..206F, U+FEFF, U+FFF9..FFFB, U+E0000..E007F.  Joiners, which
 * scripts need, are none of them.  Such text is valid; whoever shows it makes it visible.
 */
bool mkt_code_deceives(uint32_t c);

#endif

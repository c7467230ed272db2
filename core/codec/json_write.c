#include "core/base/compat.h"

#include <assert.h>

#include "core/codec/enc.h"
#include "core/codec/json.h"

#define DEPTH_MAX 63u

void mkt_jw_init(struct mkt_jw *w, struct mkt_buf *buf)
{
	*w = (struct mkt_jw){.buf = buf};
}

static uint64_t level(const struct mkt_jw *w)
{
	return 1ull << w->depth;
}

/* The comma before a value of an array; in an object the key has seen to it. */
static void before_value(struct mkt_jw *w)
{
	if (w->in_obj & level(w)) {
		assert(w->keyed);
		w->keyed = false;
		return;
	}
	if (w->depth && (w->begun & level(w)))
		mkt_buf_addch(w->buf, ',');
	w->begun |= level(w);
}

static void open_level(struct mkt_jw *w, char c, bool obj)
{
	before_value(w);
	assert(w->depth < DEPTH_MAX);
	w->depth++;
	w->begun &= ~level(w);
	w->in_obj &= ~level(w);
	if (obj)
		w->in_obj |= level(w);
	mkt_buf_addch(w->buf, (uint8_t)c);
}

static void close_level(struct mkt_jw *w, char c, bool obj)
{
	assert(w->depth && !w->keyed && obj == !!(w->in_obj & level(w)));
	w->depth--;
	mkt_buf_addch(w->buf, (uint8_t)c);
}

void mkt_jw_obj(struct mkt_jw *w)
{
	open_level(w, '{', true);
}

void mkt_jw_obj_end(struct mkt_jw *w)
{
	close_level(w, '}', true);
}

void mkt_jw_arr(struct mkt_jw *w)
{
	open_level(w, '[', false);
}

void mkt_jw_arr_end(struct mkt_jw *w)
{
	close_level(w, ']', false);
}

void mkt_jw_key(struct mkt_jw *w, const char *key)
{
	assert((w->in_obj & level(w)) && !w->keyed);
	if (w->begun & level(w))
		mkt_buf_add(w->buf, ",\"", 2);
	else
		mkt_buf_addch(w->buf, '"');
	w->begun |= level(w);
	mkt_buf_addstr(w->buf, key);
	mkt_buf_add(w->buf, "\":", 2);
	w->keyed = true;
}

/* Bytes of well-formed text at @s that stand for themselves in a JSON string. */
static size_t plain_run(const uint8_t *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t len = 1;

		if (s[i] < 0x20 || s[i] == '"' || s[i] == '\\' || s[i] == 0x7f)
			break;
		if (s[i] >= 0x80) {
			len = mkt_utf8_len(s + i, n - i);
			if (!len || (s[i] == 0xc2 && s[i + 1] < 0xa0) ||
			    mkt_code_deceives(mkt_utf8_code(s + i, len)))
				break;
		}
		i += len;
	}
	return i;
}

/* Length of the longest beginning of a well-formed character at @s: Unicode's "maximal subpart". */
static size_t bad_run(const uint8_t *s, size_t n)
{
	uint8_t whole[4];

	for (size_t have = n < 3 ? n : 3; have > 1; have--) {
		/* A beginning is good if some ending makes it whole. */
		for (size_t len = have + 1; len <= 4; len++) {
			memset(whole, 0x80, sizeof(whole));
			memcpy(whole, s, have);
			if (mkt_utf8_len(whole, len) == len)
				return have;
		}
	}
	return 1;
}

static void add_unit(struct mkt_buf *b, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";
	char esc[6] = {'\\', 'u'};

	for (unsigned i = 0; i < 4; i++)
		esc[2 + i] = hex[unit >> (12 - 4 * i) & 15];
	mkt_buf_add(b, esc, sizeof(esc));
}

static size_t escape_one(struct mkt_buf *b, const uint8_t *s, size_t n)
{
	static const char names[] = "btn?fr"; /* from 0x08; VT has none */
	char esc[2] = {'\\', (char)s[0]};
	size_t used = mkt_utf8_len(s, n);
	uint32_t c;

	if (!used) {
		mkt_buf_addstr(b, "\xef\xbf\xbd");
		return bad_run(s, n);
	}
	c = mkt_utf8_code(s, used);
	if (c == '"' || c == '\\') {
		mkt_buf_add(b, esc, 2);
	} else if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
		esc[1] = names[c - 0x08];
		mkt_buf_add(b, esc, 2);
	} else if (c < 0x10000) {
		add_unit(b, c);
	} else { /* a pair of UTF-16's */
		add_unit(b, 0xd800 + ((c - 0x10000) >> 10));
		add_unit(b, 0xdc00 + ((c - 0x10000) & 0x3ff));
	}
	return used;
}

void mkt_jw_strn(struct mkt_jw *w, const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;

	before_value(w);
	mkt_buf_addch(w->buf, '"');
	for (size_t i = 0; i < n;) {
		size_t run = plain_run(p + i, n - i);

		mkt_buf_add(w->buf, p + i, run);
		i += run;
		if (i < n)
			i += escape_one(w->buf, p + i, n - i);
	}
	mkt_buf_addch(w->buf, '"');
}

void mkt_jw_str(struct mkt_jw *w, const char *s)
{
	mkt_jw_strn(w, s, strlen(s));
}

void mkt_jw_hex(struct mkt_jw *w, const void *p, size_t n)
{
	before_value(w);
	mkt_buf_addch(w->buf, '"');
	mkt_buf_addhex(w->buf, p, n);
	mkt_buf_addch(w->buf, '"');
}

/* snprintf would be most of the cost of a receipt. */
static void number(struct mkt_jw *w, bool negative, uint64_t v, bool quoted)
{
	char text[24];
	size_t at = sizeof(text);

	before_value(w);
	if (quoted)
		text[--at] = '"';
	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	if (negative)
		text[--at] = '-';
	if (quoted)
		text[--at] = '"';
	mkt_buf_add(w->buf, text + at, sizeof(text) - at);
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

void mkt_jw_i64(struct mkt_jw *w, int64_t v)
{
	number(w, v < 0, magnitude(v), false);
}

void mkt_jw_u64(struct mkt_jw *w, uint64_t v)
{
	number(w, false, v, false);
}

void mkt_jw_i64s(struct mkt_jw *w, int64_t v)
{
	number(w, v < 0, magnitude(v), true);
}

void mkt_jw_u64s(struct mkt_jw *w, uint64_t v)
{
	number(w, false, v, true);
}

void mkt_jw_raw(struct mkt_jw *w, const char *json, size_t n)
{
	before_value(w);
	mkt_buf_add(w->buf, json, n);
}

void mkt_jw_bool(struct mkt_jw *w, bool v)
{
	mkt_jw_raw(w, v ? "true" : "false", v ? 4 : 5);
}

void mkt_jw_null(struct mkt_jw *w)
{
	mkt_jw_raw(w, "null", 4);
}

void mkt_jw_kstr(struct mkt_jw *w, const char *key, const char *s)
{
	mkt_jw_key(w, key);
	mkt_jw_str(w, s);
}

void mkt_jw_khex(struct mkt_jw *w, const char *key, const void *p, size_t n)
{
	mkt_jw_key(w, key);
	mkt_jw_hex(w, p, n);
}

void mkt_jw_ki64(struct mkt_jw *w, const char *key, int64_t v)
{
	mkt_jw_key(w, key);
	mkt_jw_i64(w, v);
}

void mkt_jw_ku64(struct mkt_jw *w, const char *key, uint64_t v)
{
	mkt_jw_key(w, key);
	mkt_jw_u64(w, v);
}

void mkt_jw_ki64s(struct mkt_jw *w, const char *key, int64_t v)
{
	mkt_jw_key(w, key);
	mkt_jw_i64s(w, v);
}

void mkt_jw_ku64s(struct mkt_jw *w, const char *key, uint64_t v)
{
	mkt_jw_key(w, key);
	mkt_jw_u64s(w, v);
}

void mkt_jw_kbool(struct mkt_jw *w, const char *key, bool v)
{
	mkt_jw_key(w, key);
	mkt_jw_bool(w, v);
}

void mkt_jw_knull(struct mkt_jw *w, const char *key)
{
	mkt_jw_key(w, key);
	mkt_jw_null(w);
}

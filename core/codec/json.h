/*
 * JSON: a streaming writer and a checked reader.  No floating point on either
 * side: numbers are integers.
 *
 * Writer.  Appends to a struct mkt_buf of the caller; values are written in the
 * order of the calls, commas and escapes are put in, nothing is allocated but
 * what the buffer grows by.  Out of memory shows in buf->bad.  Calls in an order
 * that gives no JSON (a value without its key, an end without a beginning) are
 * bugs of ours and assert.  After the outermost value is complete another may
 * begin: JSON Lines are mkt_buf_addch(buf, '\n') between values.
 *
 * Reader.  mkt_jdoc_parse() refuses what RFC 8259 does not allow, and besides:
 * integers outside -2^63 .. 2^64-1, NaN, \u0000 in text, two equal keys in one
 * object, and more depth, bytes or values than the limits.  Values are then
 * fetched with typed getters whose errors name the path: 'data[3].energy_wh' is
 * not a whole number.  Built on json-c, which nothing else includes.
 */
#ifndef MKT_CODEC_JSON_H
#define MKT_CODEC_JSON_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/base/limits.h"

/* ---- writer (json_write.c) ---- */

struct mkt_jw {
	struct mkt_buf *buf; /* borrowed */
	uint64_t in_obj;     /* bit d: level d is an object */
	uint64_t begun;      /* bit d: level d has a member already */
	uint32_t depth;      /* open arrays and objects, at most 63 */
	bool keyed;          /* a key waits for its value */
};

void mkt_jw_init(struct mkt_jw *w, struct mkt_buf *buf);

void mkt_jw_obj(struct mkt_jw *w);
void mkt_jw_obj_end(struct mkt_jw *w);
void mkt_jw_arr(struct mkt_jw *w);
void mkt_jw_arr_end(struct mkt_jw *w);

/* The key of the next member.  @key is a name of ours: printable ASCII without " and \. */
void mkt_jw_key(struct mkt_jw *w, const char *key);

/*
 * Text.  Control characters (C0, DEL, C1) and what mkt_code_deceives() names are
 * escaped, so that a document is safe to show on a terminal and says what it seems
 * to say; bytes that are not UTF-8 become U+FFFD.
 */
void mkt_jw_str(struct mkt_jw *w, const char *s);
void mkt_jw_strn(struct mkt_jw *w, const char *s, size_t n);
void mkt_jw_hex(struct mkt_jw *w, const void *p, size_t n); /* lower case */

void mkt_jw_i64(struct mkt_jw *w, int64_t v);
void mkt_jw_u64(struct mkt_jw *w, uint64_t v);
void mkt_jw_bool(struct mkt_jw *w, bool v);
void mkt_jw_null(struct mkt_jw *w);

/* Integers that may pass 2^53 are written as text, always, whatever their value. */
void mkt_jw_i64s(struct mkt_jw *w, int64_t v);
void mkt_jw_u64s(struct mkt_jw *w, uint64_t v);

/* One value that is JSON already. */
void mkt_jw_raw(struct mkt_jw *w, const char *json, size_t n);

/* Key and value in one call. */
void mkt_jw_kstr(struct mkt_jw *w, const char *key, const char *s);
void mkt_jw_khex(struct mkt_jw *w, const char *key, const void *p, size_t n);
void mkt_jw_ki64(struct mkt_jw *w, const char *key, int64_t v);
void mkt_jw_ku64(struct mkt_jw *w, const char *key, uint64_t v);
void mkt_jw_ki64s(struct mkt_jw *w, const char *key, int64_t v);
void mkt_jw_ku64s(struct mkt_jw *w, const char *key, uint64_t v);
void mkt_jw_kbool(struct mkt_jw *w, const char *key, bool v);
void mkt_jw_knull(struct mkt_jw *w, const char *key);

/* ---- reader (json.c) ---- */

struct mkt_jdoc; /* a parsed document; owns all its values and text */

struct mkt_jlimits {
	size_t bytes;    /* length of the text */
	uint32_t depth;  /* nested arrays and objects; at most MKT_JSON_DEPTH_MAX */
	uint32_t values; /* values in all; bounds the memory: about 0.8 kB each at worst */
};

#define MKT_JLIMITS_DEFAULT \
	((struct mkt_jlimits){MKT_BODY_BYTES_MAX, MKT_JSON_DEPTH_MAX, MKT_JSON_VALUES_MAX})

/*
 * Parse @len bytes of @text, which may be freed after.  @lim NULL: the default.
 * Returns 0 and *@out, which mkt_jdoc_free() frees, or:
 *   -MKT_EINVAL  not JSON as told above; the sentence names the byte (from 1)
 *   -MKT_ELIMIT  a limit   -MKT_ENOMEM
 */
MKT_MUST_CHECK int mkt_jdoc_parse(const void *text, size_t len, const struct mkt_jlimits *lim,
				  struct mkt_jdoc **out, struct mkt_err *err);
void mkt_jdoc_free(struct mkt_jdoc *doc);

enum mkt_jtype {
	MKT_JNULL,
	MKT_JBOOL,
	MKT_JINT,
	MKT_JFRACTION, /* a number with point or exponent: no getter takes it */
	MKT_JSTR,
	MKT_JARR,
	MKT_JOBJ,
};

/*
 * A value and the way to it.  A small thing on the caller's stack: it borrows
 * the document, and the value it was fetched from, which must stay where it is.
 */
struct mkt_jval {
	const void *node;              /* NULL for null */
	const struct mkt_jval *parent; /* NULL at the root */
	const char *key;               /* in an object */
	uint32_t index;                /* in an array */
};

struct mkt_jval mkt_jdoc_root(const struct mkt_jdoc *doc);
enum mkt_jtype mkt_jval_type(const struct mkt_jval *v);

/* Members of an array or object; 0 for other values. */
size_t mkt_jval_count(const struct mkt_jval *v);

/*
 * The value as JSON without blanks, *@len bytes and NUL.  It lives until the next such call for the
 * same value, or the document's end.  NULL: no memory.
 */
const char *mkt_jval_json(const struct mkt_jval *v, size_t *len);

/* True if @obj is an object with @key, and that is not null. */
bool mkt_jval_has(const struct mkt_jval *obj, const char *key);

/* Write the path of @v, cut at @size bytes: "data[3].energy_wh"; "document" for the root. */
void mkt_jval_path(const struct mkt_jval *v, char *out, size_t size);

/* A member.  -MKT_EINVAL: @obj is no object, or has no @key.  A null is there. */
MKT_MUST_CHECK int mkt_jval_get(const struct mkt_jval *obj, const char *key, struct mkt_jval *out,
				struct mkt_err *err);

/*
 * Walk an array or object in its order: start with @it = {0}; each true gives
 * the next member in *@out (its key or index is set).  Other values have none.
 */
struct mkt_jiter {
	const void *at;
	uint32_t index;
	bool begun;
};
bool mkt_jval_next(const struct mkt_jval *v, struct mkt_jiter *it, struct mkt_jval *out);

/*
 * Typed getters of a value.  -MKT_EINVAL names the path and what was expected;
 * outputs are written on success only.
 */
MKT_MUST_CHECK int mkt_jval_is_obj(const struct mkt_jval *v, struct mkt_err *err);
MKT_MUST_CHECK int mkt_jval_is_arr(const struct mkt_jval *v, struct mkt_err *err);
MKT_MUST_CHECK int mkt_jval_bool(const struct mkt_jval *v, bool *out, struct mkt_err *err);

/* An integer, or text that is one in decimal (as mkt_jw_i64s() writes), in @min .. @max. */
MKT_MUST_CHECK int mkt_jval_i64(const struct mkt_jval *v, int64_t min, int64_t max, int64_t *out,
				struct mkt_err *err);
MKT_MUST_CHECK int mkt_jval_u64(const struct mkt_jval *v, uint64_t max, uint64_t *out,
				struct mkt_err *err);

/* Text, borrowed from the document; NUL-terminated, and no NUL within.  @len may be NULL. */
MKT_MUST_CHECK int mkt_jval_str(const struct mkt_jval *v, const char **s, size_t *len,
				struct mkt_err *err);

/* A copy of text that passes mkt_text_ok(), of at most @size - 1 bytes. */
MKT_MUST_CHECK int mkt_jval_text(const struct mkt_jval *v, char *out, size_t size,
				 struct mkt_err *err);

/* Exactly @n bytes from 2 x @n hexadecimal digits of either case. */
MKT_MUST_CHECK int mkt_jval_hex(const struct mkt_jval *v, void *out, size_t n,
				struct mkt_err *err);

/* mkt_jval_get() and the getter of that name. */
MKT_MUST_CHECK int mkt_jget_bool(const struct mkt_jval *obj, const char *key, bool *out,
				 struct mkt_err *err);
MKT_MUST_CHECK int mkt_jget_i64(const struct mkt_jval *obj, const char *key, int64_t min,
				int64_t max, int64_t *out, struct mkt_err *err);
MKT_MUST_CHECK int mkt_jget_u64(const struct mkt_jval *obj, const char *key, uint64_t max,
				uint64_t *out, struct mkt_err *err);
MKT_MUST_CHECK int mkt_jget_str(const struct mkt_jval *obj, const char *key, const char **s,
				size_t *len, struct mkt_err *err);
MKT_MUST_CHECK int mkt_jget_text(const struct mkt_jval *obj, const char *key, char *out,
				 size_t size, struct mkt_err *err);
MKT_MUST_CHECK int mkt_jget_hex(const struct mkt_jval *obj, const char *key, void *out, size_t n,
				struct mkt_err *err);
MKT_MUST_CHECK int mkt_jget_arr(const struct mkt_jval *obj, const char *key, struct mkt_jval *out,
				struct mkt_err *err);
MKT_MUST_CHECK int mkt_jget_obj(const struct mkt_jval *obj, const char *key, struct mkt_jval *out,
				struct mkt_err *err);

/* Refuse members that are not among @keys: a misspelt field must not be lost silently. */
MKT_MUST_CHECK int mkt_jval_only(const struct mkt_jval *obj, const char *const *keys, size_t nkeys,
				 struct mkt_err *err);

#endif

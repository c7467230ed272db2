#include "core/base/compat.h"

#include <assert.h>
#include <limits.h>

#include <json-c/json.h>

#include "core/codec/enc.h"
#include "core/codec/json.h"

/* ---- parsing: what json-c lets through is caught before and after it ---- */

struct mkt_jdoc {
	struct json_object *root; /* NULL: the document is null */
};

/*
 * One pass over the text without building anything: json-c takes 'single
 * quotes', NaN, -01 and surrogates in UTF-8, clips integers that do not fit, and
 * would spend hundreds of bytes of memory on each byte of "[{},{},...".  What is left to it is the
 * grammar: what may follow what.
 */
struct scan {
	const uint8_t *s;
	size_t n;
	size_t at;
	uint32_t depth;
	uint64_t values;
	uint64_t keys; /* colons */
	const char *fault;
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static size_t digits(const uint8_t *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_digit(s[i]))
		i++;
	return i;
}

/* Decimal integer without leading zeros, in -2^63 .. 2^64-1; the whole of @s. */
static bool read_int(const uint8_t *s, size_t n, bool *negative, uint64_t *mag)
{
	uint64_t v = 0;
	bool neg = n && s[0] == '-';

	s += neg;
	n -= neg;
	if (!n || digits(s, n) != n || (s[0] == '0' && (n > 1 || neg)))
		return false;
	for (size_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return false;
	if (neg && v > (uint64_t)1 << 63)
		return false;
	*negative = neg;
	*mag = v;
	return true;
}

static void scan_number(struct scan *sc)
{
	const uint8_t *s = sc->s + sc->at;
	size_t left = sc->n - sc->at, i = s[0] == '-', whole;
	bool neg, fraction = false;
	uint64_t mag;

	whole = digits(s + i, left - i);
	if (!whole || (s[i] == '0' && whole > 1))
		goto bad;
	i += whole;
	if (i < left && s[i] == '.') {
		size_t d = digits(s + i + 1, left - i - 1);

		if (!d)
			goto bad;
		i += 1 + d;
		fraction = true;
	}
	if (i < left && (s[i] == 'e' || s[i] == 'E')) {
		size_t sign = i + 1 < left && (s[i + 1] == '+' || s[i + 1] == '-');
		size_t d = digits(s + i + 1 + sign, left - i - 1 - sign);

		if (!d)
			goto bad;
		i += 1 + sign + d;
		fraction = true;
	}
	/* -0 is JSON, and 0; more than 64 bits would be clipped without a word. */
	if (!fraction && !(i == 2 && s[0] == '-' && s[1] == '0') && !read_int(s, i, &neg, &mag)) {
		sc->fault = "the number is too large";
		return;
	}
	sc->at += i;
	return;
bad:
	sc->fault = "bad number";
}

static const char *string_fault(const uint8_t *s, size_t n)
{
	if (s[0] < 0x20)
		return "control character in text";
	if (!mkt_utf8_len(s, n))
		return "bytes that are not UTF-8";
	/* A NUL would cut the text of those who read it as a C string. */
	if (n >= 6 && !memcmp(s, "\\u0000", 6))
		return "NUL in text";
	return NULL;
}

static void scan_string(struct scan *sc)
{
	sc->at++;
	while (sc->at < sc->n && sc->s[sc->at] != '"') {
		const uint8_t *s = sc->s + sc->at;
		size_t left = sc->n - sc->at;

		sc->fault = string_fault(s, left);
		if (sc->fault)
			return;
		/* What is escaped is ASCII, or json-c refuses it. */
		sc->at += *s == '\\' && left > 1 ? 2 : mkt_utf8_len(s, left);
	}
	if (sc->at >= sc->n)
		sc->fault = "text without its closing quote";
	else
		sc->at++;
}

static void scan_word(struct scan *sc)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t k = 0; k < MKT_ARRAY_SIZE(words); k++) {
		size_t len = strlen(words[k]);

		if (sc->n - sc->at >= len && !memcmp(sc->s + sc->at, words[k], len)) {
			sc->at += len;
			return;
		}
	}
	sc->fault = "unexpected character";
}

static void scan_token(struct scan *sc)
{
	uint8_t c = sc->s[sc->at];

	switch (c) {
	case '"':
		scan_string(sc);
		return;
	case '{':
	case '[':
		sc->depth++;
		sc->values++;
		break;
	case '}':
	case ']':
		if (!sc->depth) {
			sc->fault = "unexpected character";
			return;
		}
		sc->depth--;
		break;
	case ',':
		sc->values++;
		break;
	case ':':
		sc->keys++;
		break;
	case ' ':
	case '\t':
	case '\n':
	case '\r':
		break;
	default:
		if (c == '-' || is_digit(c))
			scan_number(sc);
		else
			scan_word(sc);
		return;
	}
	sc->at++;
}

static int scan_text(struct scan *sc, const struct mkt_jlimits *lim, struct mkt_err *err)
{
	if (sc->n > lim->bytes || sc->n > INT_MAX)
		return mkt_err_set(err, MKT_ELIMIT, "the JSON document is longer than %zu bytes",
				   lim->bytes);
	while (sc->at < sc->n) {
		scan_token(sc);
		if (sc->fault)
			return mkt_err_set(err, MKT_EINVAL, "not JSON at byte %zu: %s", sc->at + 1,
					   sc->fault);
		if (sc->depth > lim->depth || sc->depth > MKT_JSON_DEPTH_MAX)
			return mkt_err_set(err, MKT_ELIMIT,
					   "the JSON document is nested deeper than %u",
					   lim->depth);
		if (sc->values >= lim->values)
			return mkt_err_set(err, MKT_ELIMIT,
					   "the JSON document has more than %u values",
					   lim->values);
	}
	return 0;
}

/* Of two equal keys json-c keeps the last: then fewer members arrive than colons were seen. */
static uint64_t count_members(struct json_object *root)
{
	struct {
		struct json_object *o;
		struct lh_entry *entry;
		size_t index;
	} stack[MKT_JSON_DEPTH_MAX + 1];
	uint64_t members = 0;
	size_t depth = 0;
	struct json_object *o = root;

	for (;;) {
		enum json_type type = json_object_get_type(o);

		if (type == json_type_object || type == json_type_array) {
			assert(depth <= MKT_JSON_DEPTH_MAX);
			stack[depth].o = o;
			stack[depth].entry =
				type == json_type_object ? json_object_get_object(o)->head : NULL;
			stack[depth++].index = 0;
		}
		for (; depth; depth--) {
			size_t top = depth - 1;

			if (stack[top].entry) {
				o = (struct json_object *)lh_entry_v(stack[top].entry);
				stack[top].entry = stack[top].entry->next;
				members++;
				break;
			}
			if (json_object_get_type(stack[top].o) == json_type_array &&
			    stack[top].index < json_object_array_length(stack[top].o)) {
				o = json_object_array_get_idx(stack[top].o, stack[top].index++);
				break;
			}
		}
		if (!depth)
			return members;
	}
}

static int build(struct json_tokener *tok, const struct scan *sc, struct json_object **root,
		 struct mkt_err *err)
{
	enum json_tokener_error why;
	struct json_object *o;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tok, (const char *)sc->s, (int)sc->n);
	why = json_tokener_get_error(tok);
	if (why == json_tokener_continue && !sc->depth) {
		/* A number alone ends only with what follows it. */
		json_object_put(o);
		o = json_tokener_parse_ex(tok, "", 1);
		why = json_tokener_get_error(tok);
	}
	if (why == json_tokener_success) {
		*root = o;
		return 0;
	}
	json_object_put(o);
	if (why == json_tokener_continue || why == json_tokener_error_parse_eof)
		return mkt_err_set(err, MKT_EINVAL, "the JSON document ends too early");
	return mkt_err_set(err, MKT_EINVAL, "not JSON at byte %zu: %s",
			   json_tokener_get_parse_end(tok) + 1, json_tokener_error_desc(why));
}

int mkt_jdoc_parse(const void *text, size_t len, const struct mkt_jlimits *lim,
		   struct mkt_jdoc **out, struct mkt_err *err)
{
	struct mkt_jlimits dflt = MKT_JLIMITS_DEFAULT;
	struct scan sc = {.s = text, .n = len};
	struct json_tokener *tok = NULL;
	struct mkt_jdoc *doc = NULL;
	int rc = scan_text(&sc, lim ? lim : &dflt, err);

	if (rc < 0)
		return rc;
	doc = calloc(1, sizeof(*doc));
	tok = json_tokener_new_ex(MKT_JSON_DEPTH_MAX + 2);
	if (!doc || !tok) {
		rc = mkt_err_code(err, MKT_ENOMEM);
		goto fail;
	}
	rc = build(tok, &sc, &doc->root, err);
	if (rc < 0)
		goto fail;
	if (count_members(doc->root) != sc.keys) {
		rc = mkt_err_set(err, MKT_EINVAL, "a JSON object has two equal keys");
		goto fail;
	}
	json_tokener_free(tok);
	*out = doc;
	return 0;
fail:
	if (tok)
		json_tokener_free(tok);
	mkt_jdoc_free(doc);
	return rc;
}

void mkt_jdoc_free(struct mkt_jdoc *doc)
{
	if (!doc)
		return;
	json_object_put(doc->root);
	free(doc);
}

/* ---- values ---- */

static struct json_object *node_of(const struct mkt_jval *v)
{
	return (struct json_object *)v->node;
}

struct mkt_jval mkt_jdoc_root(const struct mkt_jdoc *doc)
{
	return (struct mkt_jval){.node = doc->root};
}

enum mkt_jtype mkt_jval_type(const struct mkt_jval *v)
{
	switch (json_object_get_type(node_of(v))) {
	case json_type_boolean:
		return MKT_JBOOL;
	case json_type_int:
		return MKT_JINT;
	case json_type_double:
		return MKT_JFRACTION;
	case json_type_string:
		return MKT_JSTR;
	case json_type_array:
		return MKT_JARR;
	case json_type_object:
		return MKT_JOBJ;
	case json_type_null:
		break;
	}
	return MKT_JNULL;
}

size_t mkt_jval_count(const struct mkt_jval *v)
{
	switch (mkt_jval_type(v)) {
	case MKT_JARR:
		return json_object_array_length(node_of(v));
	case MKT_JOBJ:
		return (size_t)json_object_object_length(node_of(v));
	default:
		return 0;
	}
}

const char *mkt_jval_json(const struct mkt_jval *v, size_t *len)
{
	return json_object_to_json_string_length(
		node_of(v), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, len);
}

void mkt_jval_path(const struct mkt_jval *v, char *out, size_t size)
{
	const struct mkt_jval *way[MKT_JSON_DEPTH_MAX + 1] = {NULL};
	size_t n = 0, used = 0;

	for (; v->parent && n < MKT_ARRAY_SIZE(way); v = v->parent)
		way[n++] = v;
	if (!n)
		snprintf(out, size, "document");
	while (n-- && used < size) {
		int len;

		if (way[n]->key)
			len = snprintf(out + used, size - used, "%s%s", used ? "." : "",
				       way[n]->key);
		else
			len = snprintf(out + used, size - used, "[%u]", way[n]->index);
		used += len > 0 ? (size_t)len : 0;
	}
}

static int expected(const struct mkt_jval *v, struct mkt_err *err, const char *what)
{
	char path[160];

	mkt_jval_path(v, path, sizeof(path));
	return mkt_err_set(err, MKT_EINVAL, "'%s' is not %s", path, what);
}

bool mkt_jval_has(const struct mkt_jval *obj, const char *key)
{
	struct json_object *o;

	return mkt_jval_type(obj) == MKT_JOBJ &&
	       json_object_object_get_ex(node_of(obj), key, &o) && o;
}

int mkt_jval_get(const struct mkt_jval *obj, const char *key, struct mkt_jval *out,
		 struct mkt_err *err)
{
	struct mkt_jval v = {.parent = obj, .key = key};
	struct json_object *o;
	char path[160];
	int rc = mkt_jval_is_obj(obj, err);

	if (rc < 0)
		return rc;
	if (!json_object_object_get_ex(node_of(obj), key, &o)) {
		mkt_jval_path(&v, path, sizeof(path));
		return mkt_err_set(err, MKT_EINVAL, "'%s' is missing", path);
	}
	v.node = o;
	*out = v;
	return 0;
}

bool mkt_jval_next(const struct mkt_jval *v, struct mkt_jiter *it, struct mkt_jval *out)
{
	struct json_object *o = node_of(v);
	const struct lh_entry *e;

	switch (mkt_jval_type(v)) {
	case MKT_JARR:
		if (it->index >= json_object_array_length(o))
			return false;
		*out = (struct mkt_jval){.node = json_object_array_get_idx(o, it->index),
					 .parent = v,
					 .index = it->index};
		it->index++;
		return true;
	case MKT_JOBJ:
		e = it->begun ? it->at : json_object_get_object(o)->head;
		it->begun = true;
		if (!e)
			return false;
		*out = (struct mkt_jval){.node = lh_entry_v(e), .parent = v, .key = lh_entry_k(e)};
		it->at = e->next;
		return true;
	default:
		return false;
	}
}

int mkt_jval_is_obj(const struct mkt_jval *v, struct mkt_err *err)
{
	return mkt_jval_type(v) == MKT_JOBJ ? 0 : expected(v, err, "an object");
}

int mkt_jval_is_arr(const struct mkt_jval *v, struct mkt_err *err)
{
	return mkt_jval_type(v) == MKT_JARR ? 0 : expected(v, err, "an array");
}

int mkt_jval_bool(const struct mkt_jval *v, bool *out, struct mkt_err *err)
{
	if (mkt_jval_type(v) != MKT_JBOOL)
		return expected(v, err, "true or false");
	*out = json_object_get_boolean(node_of(v));
	return 0;
}

/* Sign and magnitude of an integer or of text that is one. */
static int integer(const struct mkt_jval *v, bool *negative, uint64_t *mag, struct mkt_err *err)
{
	struct json_object *o = node_of(v);
	int64_t i;

	switch (mkt_jval_type(v)) {
	case MKT_JINT:
		i = json_object_get_int64(o);
		*negative = i < 0;
		*mag = i < 0 ? 0 - (uint64_t)i : json_object_get_uint64(o);
		return 0;
	case MKT_JSTR:
		if (read_int((const uint8_t *)json_object_get_string(o),
			     (size_t)json_object_get_string_len(o), negative, mag))
			return 0;
		break;
	default:
		break;
	}
	return expected(v, err, "a whole number");
}

int mkt_jval_i64(const struct mkt_jval *v, int64_t min, int64_t max, int64_t *out,
		 struct mkt_err *err)
{
	char path[128];
	uint64_t mag;
	int64_t i = 0;
	bool neg, fits;
	int rc = integer(v, &neg, &mag, err);

	if (rc < 0)
		return rc;
	if (neg)
		fits = !__builtin_sub_overflow((int64_t)0, mag, &i);
	else
		fits = !__builtin_add_overflow((int64_t)0, mag, &i);
	if (!fits || i < min || i > max) {
		mkt_jval_path(v, path, sizeof(path));
		return mkt_err_set(err, MKT_EINVAL, "'%s' is not in %lld..%lld", path,
				   (long long)min, (long long)max);
	}
	*out = i;
	return 0;
}

int mkt_jval_u64(const struct mkt_jval *v, uint64_t max, uint64_t *out, struct mkt_err *err)
{
	char path[128];
	uint64_t mag;
	bool neg;
	int rc = integer(v, &neg, &mag, err);

	if (rc < 0)
		return rc;
	if (neg || mag > max) {
		mkt_jval_path(v, path, sizeof(path));
		return mkt_err_set(err, MKT_EINVAL, "'%s' is not in 0..%llu", path,
				   (unsigned long long)max);
	}
	*out = mag;
	return 0;
}

int mkt_jval_str(const struct mkt_jval *v, const char **s, size_t *len, struct mkt_err *err)
{
	if (mkt_jval_type(v) != MKT_JSTR)
		return expected(v, err, "text");
	*s = json_object_get_string(node_of(v));
	if (len)
		*len = (size_t)json_object_get_string_len(node_of(v));
	return 0;
}

int mkt_jval_text(const struct mkt_jval *v, char *out, size_t size, struct mkt_err *err)
{
	char what[64];
	const char *s = NULL;
	size_t len = 0;
	int rc = mkt_jval_str(v, &s, &len, err);

	if (rc < 0)
		return rc;
	if (len >= size) {
		snprintf(what, sizeof(what), "text of at most %zu bytes", size - 1);
		return expected(v, err, what);
	}
	if (!mkt_text_ok(s, len))
		return expected(v, err, "text without control characters");
	memcpy(out, s, len + 1);
	return 0;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mkt_jval_hex(const struct mkt_jval *v, void *out, size_t n, struct mkt_err *err)
{
	uint8_t *to = out;
	char what[64];
	const char *s = NULL;
	size_t len = 0;
	int rc = mkt_jval_str(v, &s, &len, err);

	if (rc < 0)
		return rc;
	snprintf(what, sizeof(what), "%zu hexadecimal digits", 2 * n);
	if (len != 2 * n)
		return expected(v, err, what);
	for (size_t i = 0; i < len; i++)
		if (nibble(s[i]) < 0)
			return expected(v, err, what);
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)((unsigned)nibble(s[2 * i]) << 4 | (unsigned)nibble(s[2 * i + 1]));
	return 0;
}

int mkt_jget_bool(const struct mkt_jval *obj, const char *key, bool *out, struct mkt_err *err)
{
	struct mkt_jval v;
	int rc = mkt_jval_get(obj, key, &v, err);

	return rc < 0 ? rc : mkt_jval_bool(&v, out, err);
}

int mkt_jget_i64(const struct mkt_jval *obj, const char *key, int64_t min, int64_t max,
		 int64_t *out, struct mkt_err *err)
{
	struct mkt_jval v;
	int rc = mkt_jval_get(obj, key, &v, err);

	return rc < 0 ? rc : mkt_jval_i64(&v, min, max, out, err);
}

int mkt_jget_u64(const struct mkt_jval *obj, const char *key, uint64_t max, uint64_t *out,
		 struct mkt_err *err)
{
	struct mkt_jval v;
	int rc = mkt_jval_get(obj, key, &v, err);

	return rc < 0 ? rc : mkt_jval_u64(&v, max, out, err);
}

int mkt_jget_str(const struct mkt_jval *obj, const char *key, const char **s, size_t *len,
		 struct mkt_err *err)
{
	struct mkt_jval v;
	int rc = mkt_jval_get(obj, key, &v, err);

	return rc < 0 ? rc : mkt_jval_str(&v, s, len, err);
}

int mkt_jget_text(const struct mkt_jval *obj, const char *key, char *out, size_t size,
		  struct mkt_err *err)
{
	struct mkt_jval v;
	int rc = mkt_jval_get(obj, key, &v, err);

	return rc < 0 ? rc : mkt_jval_text(&v, out, size, err);
}

int mkt_jget_hex(const struct mkt_jval *obj, const char *key, void *out, size_t n,
		 struct mkt_err *err)
{
	struct mkt_jval v;
	int rc = mkt_jval_get(obj, key, &v, err);

	return rc < 0 ? rc : mkt_jval_hex(&v, out, n, err);
}

int mkt_jget_arr(const struct mkt_jval *obj, const char *key, struct mkt_jval *out,
		 struct mkt_err *err)
{
	struct mkt_jval v;
	int rc = mkt_jval_get(obj, key, &v, err);

	if (rc < 0 || (rc = mkt_jval_is_arr(&v, err)) < 0)
		return rc;
	*out = v;
	return 0;
}

int mkt_jget_obj(const struct mkt_jval *obj, const char *key, struct mkt_jval *out,
		 struct mkt_err *err)
{
	struct mkt_jval v;
	int rc = mkt_jval_get(obj, key, &v, err);

	if (rc < 0 || (rc = mkt_jval_is_obj(&v, err)) < 0)
		return rc;
	*out = v;
	return 0;
}

static bool listed(const char *key, const char *const *keys, size_t nkeys)
{
	for (size_t i = 0; i < nkeys; i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

int mkt_jval_only(const struct mkt_jval *obj, const char *const *keys, size_t nkeys,
		  struct mkt_err *err)
{
	struct mkt_jiter it = {0};
	struct mkt_jval v;
	char known[MKT_ERR_HINT_MAX];
	int rc = mkt_jval_is_obj(obj, err);

	if (rc < 0)
		return rc;
	while (mkt_jval_next(obj, &it, &v)) {
		size_t used = 0;

		if (v.key && listed(v.key, keys, nkeys))
			continue;
		rc = expected(&v, err, "a known field");
		known[0] = 0;
		for (size_t i = 0; i < nkeys && used < sizeof(known) - 1; i++)
			used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
						 i ? ", " : "", keys[i]);
		mkt_err_hint(err, "known here: %s", known);
		return rc;
	}
	return 0;
}

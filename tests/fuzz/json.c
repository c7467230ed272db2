/*
 * The JSON reader on any bytes.  What it takes is written with our writer; reading
 * that gives the same keys and leaves in the same order.
 */
#include "core/base/compat.h"

#include "core/codec/json.h"
#include "tests/fuzz/fuzz.h"

static void copy(struct mkt_jw *w, const struct mkt_jval *v);

static void copy_members(struct mkt_jw *w, const struct mkt_jval *v, bool obj)
{
	struct mkt_jiter it = {0};
	struct mkt_jval m;
	size_t n = 0;

	/* An object becomes [key, value, ...]: the writer takes only keys of ours. */
	mkt_jw_arr(w);
	for (; mkt_jval_next(v, &it, &m); n++) {
		if (obj)
			mkt_jw_str(w, m.key);
		copy(w, &m);
	}
	mkt_jw_arr_end(w);
	FUZZ_CHECK(n == mkt_jval_count(v));
}

static void copy_int(struct mkt_jw *w, const struct mkt_jval *v)
{
	struct mkt_err err;
	uint64_t u;
	int64_t i;

	if (mkt_jval_u64(v, UINT64_MAX, &u, &err) == 0) {
		mkt_jw_u64(w, u);
		return;
	}
	FUZZ_CHECK(mkt_jval_i64(v, INT64_MIN, -1, &i, &err) == 0);
	mkt_jw_i64(w, i);
}

/* The reader bounds the depth. */
static void copy(struct mkt_jw *w, const struct mkt_jval *v)
{
	char path[64];
	const char *s;
	size_t len;
	bool b;

	mkt_jval_path(v, path, sizeof(path));
	switch (mkt_jval_type(v)) {
	case MKT_JNULL:
		mkt_jw_null(w);
		break;
	case MKT_JBOOL:
		FUZZ_CHECK(mkt_jval_bool(v, &b, NULL) == 0);
		mkt_jw_bool(w, b);
		break;
	case MKT_JINT:
		copy_int(w, v);
		break;
	case MKT_JFRACTION:
		mkt_jw_str(w, "fraction");
		break;
	case MKT_JSTR:
		FUZZ_CHECK(mkt_jval_str(v, &s, &len, NULL) == 0);
		FUZZ_CHECK(strlen(s) == len);
		mkt_jw_strn(w, s, len);
		break;
	case MKT_JARR:
	case MKT_JOBJ:
		copy_members(w, v, mkt_jval_type(v) == MKT_JOBJ);
		break;
	}
}

/* Every key and leaf in order, a line each. */
static void leaves(struct mkt_buf *out, const struct mkt_jval *v)
{
	struct mkt_jiter it = {0};
	struct mkt_jval m;
	struct mkt_jw w;

	if (mkt_jval_type(v) != MKT_JARR && mkt_jval_type(v) != MKT_JOBJ) {
		mkt_jw_init(&w, out);
		copy(&w, v);
		mkt_buf_addch(out, '\n');
		return;
	}
	while (mkt_jval_next(v, &it, &m)) {
		if (m.key) {
			mkt_jw_init(&w, out);
			mkt_jw_str(&w, m.key);
			mkt_buf_addch(out, '\n');
		}
		leaves(out, &m);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mkt_jlimits small = {.bytes = 1u << 16, .depth = 16, .values = 5000};
	struct mkt_buf text = MKT_BUF_INIT, before = MKT_BUF_INIT, after = MKT_BUF_INIT;
	struct mkt_jdoc *doc;
	struct mkt_jval root;
	struct mkt_err err;
	struct mkt_jw w;

	if (mkt_jdoc_parse(data, size, &small, &doc, &err) < 0) {
		FUZZ_CHECK(err.text[0]);
		return 0;
	}
	root = mkt_jdoc_root(doc);
	mkt_jw_init(&w, &text);
	copy(&w, &root);
	leaves(&before, &root);
	mkt_jdoc_free(doc);
	FUZZ_CHECK(mkt_jdoc_parse(text.data, text.len, NULL, &doc, &err) == 0);
	root = mkt_jdoc_root(doc);
	leaves(&after, &root);
	mkt_jdoc_free(doc);
	FUZZ_CHECK(!text.bad && !before.bad && !after.bad);
	FUZZ_CHECK(before.len == after.len);
	FUZZ_CHECK(!before.len || !memcmp(before.data, after.data, before.len));
	mkt_buf_release(&text);
	mkt_buf_release(&before);
	mkt_buf_release(&after);
	return 0;
}

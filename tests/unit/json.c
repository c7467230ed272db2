#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/codec/enc.h"
#include "core/codec/json.h"
#include "tests/rng.h"

static void writer_puts_commas_and_keys(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_jw w;
	static const uint8_t id[] = {0x00, 0xab, 0xff};

	(void)state;
	mkt_jw_init(&w, &b);
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "schema", "mkt.book/1");
	mkt_jw_ku64(&w, "height", UINT64_MAX);
	mkt_jw_ki64(&w, "price", INT64_MIN);
	mkt_jw_ki64s(&w, "money_uc", INT64_MIN);
	mkt_jw_ku64s(&w, "zero", 0);
	mkt_jw_kbool(&w, "stale", false);
	mkt_jw_knull(&w, "none");
	mkt_jw_khex(&w, "id", id, sizeof(id));
	mkt_jw_key(&w, "data");
	mkt_jw_arr(&w);
	mkt_jw_obj(&w);
	mkt_jw_obj_end(&w);
	mkt_jw_arr(&w);
	mkt_jw_arr_end(&w);
	mkt_jw_u64(&w, 1);
	mkt_jw_raw(&w, "{\"x\":1}", 7);
	mkt_jw_bool(&w, true);
	mkt_jw_arr_end(&w);
	mkt_jw_obj_end(&w);
	mkt_buf_addch(&b, '\n');
	mkt_jw_arr(&w); /* JSON Lines */
	mkt_jw_arr_end(&w);
	assert_false(b.bad);
	assert_int_equal(w.depth, 0);
	assert_string_equal(
		mkt_buf_str(&b),
		"{\"schema\":\"mkt.book/1\",\"height\":18446744073709551615,"
		"\"price\":-9223372036854775808,\"money_uc\":\"-9223372036854775808\","
		"\"zero\":\"0\",\"stale\":false,\"none\":null,\"id\":\"00abff\","
		"\"data\":[{},[],1,{\"x\":1},true]}\n[]");
	mkt_buf_release(&b);
}

static void writer_escapes_text(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} rows[] = {
		{"", "\"\""},
		{"a\"b\\c/", "\"a\\\"b\\\\c/\""},
		{"\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\""},
		{"\x01\x0b\x1f\x7f", "\"\\u0001\\u000b\\u001f\\u007f\""},
		{"\xc2\x9b" "31m", "\"\\u009b31m\""}, /* C1 CSI: a terminal would obey it */
		/* What turns, breaks or hides: it would make a line say what it does not. */
		{"\xc2\xad\xd8\x9c\xe2\x80\x8b", "\"\\u00ad\\u061c\\u200b\""},
		{"\xe2\x80\xae" "evil\xe2\x80\xac", "\"\\u202eevil\\u202c\""},
		{"\xe2\x81\xa6x\xe2\x81\xa9", "\"\\u2066x\\u2069\""},
		{"\xe2\x80\xa8\xef\xbb\xbf\xef\xbf\xb9", "\"\\u2028\\ufeff\\ufff9\""},
		{"\xf3\xa0\x81\x81", "\"\\udb40\\udc41\""},
		/* Right to left, and joined, as people write. */
		{"\xd7\xa9\xe2\x80\x8d\xef\xbf\xbc", "\"\xd7\xa9\xe2\x80\x8d\xef\xbf\xbc\""},
		{"\xe5\xae\xb6\xf0\x9f\x94\x8b", "\"\xe5\xae\xb6\xf0\x9f\x94\x8b\""},
		/* Not UTF-8: one U+FFFD for each maximal subpart (Unicode 3.9, table 3-8). */
		{"a\xff" "b", "\"a\xef\xbf\xbd" "b\""},
		{"\xe3\x81", "\"\xef\xbf\xbd\""},
		{"\xf0\x9f\x94x", "\"\xef\xbf\xbdx\""},
		{"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xf4\x90", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xe3\xe3\x81\x82", "\"\xef\xbf\xbd\xe3\x81\x82\""},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_buf b = MKT_BUF_INIT;
		struct mkt_jw w;

		mkt_jw_init(&w, &b);
		mkt_jw_str(&w, rows[i].in);
		assert_string_equal(mkt_buf_str(&b), rows[i].out);
		mkt_buf_release(&b);
	}
}

/* What the writer wrote the reader reads: any bytes arrive as text that is well formed. */
static void random_text_survives_the_round(void **state)
{
	struct rng r = rng_start("json");
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		char in[40], back[160];
		size_t n = rng_below(&r, sizeof(in));
		struct mkt_jdoc *doc;
		struct mkt_jval root;
		struct mkt_jw w;
		const char *s;
		size_t len;

		for (size_t i = 0; i < n; i++) /* no NUL: text is without */
			in[i] = (char)(1 + rng_below(&r, round % 2 ? 255 : 127));
		mkt_buf_clear(&b);
		mkt_jw_init(&w, &b);
		mkt_jw_arr(&w);
		mkt_jw_strn(&w, in, n);
		mkt_jw_arr_end(&w);
		assert_true(mkt_text_ok((char *)b.data, b.len));
		assert_int_equal(mkt_jdoc_parse(b.data, b.len, NULL, &doc, NULL), 0);
		root = mkt_jdoc_root(doc);
		{
			struct mkt_jiter it = {0};
			struct mkt_jval v;

			assert_true(mkt_jval_next(&root, &it, &v));
			assert_int_equal(mkt_jval_str(&v, &s, &len, NULL), 0);
			assert_false(mkt_jval_next(&root, &it, &v));
		}
		if (round % 2 == 0) { /* ASCII comes back as it was */
			assert_int_equal(len, n);
			assert_memory_equal(s, in, n);
		}
		assert_true(len < sizeof(back));
		mkt_jdoc_free(doc);
	}
	mkt_buf_release(&b);
}

static void numbers_survive_the_round(void **state)
{
	struct rng r = rng_start("json numbers");
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		uint64_t u = rng_wide(&r), got_u;
		int64_t i = (int64_t)(rng_below(&r, 2) ? u : 0 - u), got_i;
		struct mkt_jdoc *doc;
		struct mkt_jval root;
		struct mkt_jw w;

		mkt_buf_clear(&b);
		mkt_jw_init(&w, &b);
		mkt_jw_obj(&w);
		mkt_jw_ku64(&w, "u", u);
		mkt_jw_ku64s(&w, "us", u);
		mkt_jw_ki64(&w, "i", i);
		mkt_jw_ki64s(&w, "is", i);
		mkt_jw_obj_end(&w);
		assert_int_equal(mkt_jdoc_parse(b.data, b.len, NULL, &doc, NULL), 0);
		root = mkt_jdoc_root(doc);
		assert_int_equal(mkt_jget_u64(&root, "u", UINT64_MAX, &got_u, NULL), 0);
		assert_true(got_u == u);
		assert_int_equal(mkt_jget_u64(&root, "us", u, &got_u, NULL), 0);
		assert_true(got_u == u);
		if (u)
			assert_int_equal(mkt_jget_u64(&root, "us", u - 1, &got_u, NULL),
					 -MKT_EINVAL);
		assert_int_equal(mkt_jget_i64(&root, "i", INT64_MIN, INT64_MAX, &got_i, NULL), 0);
		assert_true(got_i == i);
		assert_int_equal(mkt_jget_i64(&root, "is", i, i, &got_i, NULL), 0);
		assert_true(got_i == i);
		assert_int_equal(mkt_jget_u64(&root, "i", UINT64_MAX, &got_u, NULL),
				 i < 0 ? -MKT_EINVAL : 0);
		assert_int_equal(mkt_jget_i64(&root, "u", INT64_MIN, INT64_MAX, &got_i, NULL),
				 u > INT64_MAX ? -MKT_EINVAL : 0);
		mkt_jdoc_free(doc);
	}
	mkt_buf_release(&b);
}

static void good_documents_parse(void **state)
{
	static const char *const rows[] = {
		"null", " true\n", "0", "-0", "18446744073709551615", "-9223372036854775808",
		"1.5e-3", "\"\"", "[]", "{}", "[[],{}]", "\"\\ud83d\\udd0b\"",
		"{\"\":{\"a\":1},\"b\":{\"a\":1},\"a\":[{\"a\":1},{\"a\":1}]}",
		"[1 ,\t2]\r\n",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_jdoc *doc;
		struct mkt_err err = {0};
		int rc = mkt_jdoc_parse(rows[i], strlen(rows[i]), NULL, &doc, &err);

		if (rc < 0)
			fail_msg("%s: %s", rows[i], err.text);
		mkt_jdoc_free(doc);
	}
}

static void bad_documents_are_refused(void **state)
{
	static const struct {
		const char *text;
		const char *sentence; /* its beginning */
	} rows[] = {
		{"", "the JSON document ends too early"},
		{"  ", "the JSON document ends too early"},
		{"{", "the JSON document ends too early"},
		{"[1,", "the JSON document ends too early"},
		{"]", "not JSON at byte 1: unexpected character"},
		{"[]]", "not JSON at byte 3: unexpected character"},
		{"[}", "not JSON at byte 2"},
		{"[1,]", "not JSON at byte 4"},
		{"{\"a\":1,}", "not JSON at byte 8"},
		{"1 2", "not JSON at byte 3"},
		{"[] []", "not JSON at byte 4"},
		{"{'a':1}", "not JSON at byte 2: unexpected character"},
		{"[NaN]", "not JSON at byte 2: unexpected character"},
		{"[Infinity]", "not JSON at byte 2: unexpected character"},
		{"/* */1", "not JSON at byte 1: unexpected character"},
		{"nul", "not JSON at byte 1: unexpected character"},
		{"truefalse", "not JSON at byte 5"},
		{"012", "not JSON at byte 1: bad number"},
		{"-01", "not JSON at byte 1: bad number"},
		{"-", "not JSON at byte 1: bad number"},
		{"1.", "not JSON at byte 1: bad number"},
		{"1e", "not JSON at byte 1: bad number"},
		{".5", "not JSON at byte 1: unexpected character"},
		{"18446744073709551616", "not JSON at byte 1: the number is too large"},
		{"-9223372036854775809", "not JSON at byte 1: the number is too large"},
		{"\"a", "not JSON at byte 3: text without its closing quote"},
		{"\"a\\", "not JSON at byte 4: text without its closing quote"},
		{"\"a\tb\"", "not JSON at byte 3: control character in text"},
		{"\"a\\u0000\"", "not JSON at byte 3: NUL in text"},
		{"\"\\x\"", "not JSON at byte 3"},
		{"\"\xff\"", "not JSON at byte 2"},
		{"[\"\xed\xa0\x80\"]", "not JSON at byte"},
		{"{\"a\":1,\"b\":2,\"a\":3}", "a JSON object has two equal keys"},
		{"[{\"x\":{\"a\":1,\"\\u0061\":1}}]", "a JSON object has two equal keys"},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_jdoc *doc = (struct mkt_jdoc *)&doc;
		struct mkt_err err = {0};
		int rc = mkt_jdoc_parse(rows[i].text, strlen(rows[i].text), NULL, &doc, &err);

		if (rc != -MKT_EINVAL || strncmp(err.text, rows[i].sentence,
						 strlen(rows[i].sentence)))
			fail_msg("%s: %d %s", rows[i].text, rc, err.text);
		assert_ptr_equal(doc, &doc);
	}
}

static void limits_hold(void **state)
{
	static const struct mkt_jlimits lim = {.bytes = 20, .depth = 2, .values = 4};
	static const struct {
		const char *text;
		int rc;
		const char *sentence;
	} rows[] = {
		{"[[1],2]", 0, ""},
		{"[[[1]]]", -MKT_ELIMIT, "the JSON document is nested deeper than 2"},
		{"[1,2,3]", 0, ""},
		{"[1,2,3,4]", -MKT_ELIMIT, "the JSON document has more than 4 values"},
		{"\"234567890123456789\"", 0, ""},
		{"\"2345678901234567890\"", -MKT_ELIMIT,
		 "the JSON document is longer than 20 bytes"},
	};
	char deep[2 * MKT_JSON_DEPTH_MAX + 2];
	struct mkt_jdoc *doc;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		int rc = mkt_jdoc_parse(rows[i].text, strlen(rows[i].text), &lim, &doc, &err);

		assert_int_equal(rc, rows[i].rc);
		if (rc < 0)
			assert_string_equal(err.text, rows[i].sentence);
		else
			mkt_jdoc_free(doc);
	}
	memset(deep, '[', MKT_JSON_DEPTH_MAX + 1);
	memset(deep + MKT_JSON_DEPTH_MAX + 1, ']', MKT_JSON_DEPTH_MAX + 1);
	assert_int_equal(mkt_jdoc_parse(deep, sizeof(deep), NULL, &doc, &err), -MKT_ELIMIT);
	assert_int_equal(mkt_jdoc_parse(deep + 1, sizeof(deep) - 2, NULL, &doc, &err), 0);
	mkt_jdoc_free(doc);
}

static const char sample[] =
	"{\"schema\":\"mkt.book/1\",\"height\":\"18231\",\"stale\":false,\"none\":null,"
	"\"half\":0.5,\"data\":[{\"energy_wh\":10000},{\"energy_wh\":\"x\",\"id\":\"00aBfF\"}]}";

static struct mkt_jdoc *sample_doc(void)
{
	struct mkt_jdoc *doc = NULL;

	assert_int_equal(mkt_jdoc_parse(sample, strlen(sample), NULL, &doc, NULL), 0);
	return doc;
}

static void getters_name_the_path(void **state)
{
	struct mkt_jdoc *doc = sample_doc();
	struct mkt_jval root = mkt_jdoc_root(doc), data, row, v;
	struct mkt_jiter it = {0};
	struct mkt_err err;
	char text[8] = "kept", path[32];
	uint8_t id[3];
	const char *s;
	uint64_t u = 7;
	int64_t i = 7;
	bool t = true;

	(void)state;
	assert_int_equal(mkt_jget_arr(&root, "data", &data, &err), 0);
	assert_int_equal(mkt_jval_count(&data), 2);
	assert_true(mkt_jval_next(&data, &it, &row));
	assert_int_equal(mkt_jget_u64(&row, "energy_wh", 9999, &u, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'data[0].energy_wh' is not in 0..9999");
	assert_int_equal(mkt_jget_i64(&row, "energy_wh", -5, 5, &i, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'data[0].energy_wh' is not in -5..5");
	assert_int_equal(mkt_jget_str(&row, "id", &s, NULL, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'data[0].id' is missing");
	assert_true(mkt_jval_next(&data, &it, &row));
	assert_int_equal(mkt_jget_u64(&row, "energy_wh", 1, &u, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'data[1].energy_wh' is not a whole number");
	assert_int_equal(mkt_jget_hex(&row, "id", id, 3, &err), 0);
	assert_memory_equal(id, "\x00\xab\xff", 3);
	assert_int_equal(mkt_jget_hex(&row, "id", id, 2, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'data[1].id' is not 4 hexadecimal digits");
	assert_int_equal(mkt_jget_hex(&row, "energy_wh", id, 3, &err), -MKT_EINVAL);
	assert_false(mkt_jval_next(&data, &it, &row));
	assert_int_equal(mkt_jget_bool(&root, "schema", &t, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'schema' is not true or false");
	assert_int_equal(mkt_jget_text(&root, "schema", text, sizeof(text), &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'schema' is not text of at most 7 bytes");
	assert_int_equal(mkt_jget_i64(&root, "half", 0, 9, &i, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'half' is not a whole number");
	assert_int_equal(mkt_jget_obj(&root, "data", &v, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'data' is not an object");
	assert_int_equal(mkt_jget_arr(&root, "none", &v, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'none' is not an array");
	assert_int_equal(mkt_jval_is_arr(&root, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'document' is not an array");
	/* Nothing was written by those that failed. */
	assert_true(u == 7 && i == 7 && t);
	assert_string_equal(text, "kept");
	assert_int_equal(mkt_jget_u64(&root, "height", UINT64_MAX, &u, NULL), 0);
	assert_int_equal(u, 18231);
	assert_int_equal(mkt_jget_bool(&root, "stale", &t, NULL), 0);
	assert_false(t);
	assert_true(mkt_jval_has(&root, "stale"));
	assert_false(mkt_jval_has(&root, "none"));
	assert_int_equal(mkt_jval_get(&root, "none", &v, NULL), 0);
	assert_int_equal(mkt_jval_type(&v), MKT_JNULL);
	mkt_jval_path(&v, path, 3);
	assert_string_equal(path, "no"); /* cut, not overrun */
	mkt_jdoc_free(doc);
}

static void text_getter_refuses_controls(void **state)
{
	static const char bad[] = "{\"name\":\"a\\u001bb\"}";
	struct mkt_jdoc *doc;
	struct mkt_jval root;
	struct mkt_err err;
	char name[8];

	(void)state;
	assert_int_equal(mkt_jdoc_parse(bad, strlen(bad), NULL, &doc, NULL), 0);
	root = mkt_jdoc_root(doc);
	assert_int_equal(mkt_jget_text(&root, "name", name, sizeof(name), &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'name' is not text without control characters");
	mkt_jdoc_free(doc);
}

static void unknown_fields_are_refused(void **state)
{
	static const char *const all[] = {"schema", "height", "stale", "none", "half", "data"};
	struct mkt_jdoc *doc = sample_doc();
	struct mkt_jval root = mkt_jdoc_root(doc), data;
	struct mkt_err err;

	(void)state;
	assert_int_equal(mkt_jval_only(&root, all, MKT_ARRAY_SIZE(all), &err), 0);
	assert_int_equal(mkt_jval_only(&root, all, 3, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "'none' is not a known field");
	assert_string_equal(err.hint, "known here: schema, height, stale");
	assert_int_equal(mkt_jget_arr(&root, "data", &data, NULL), 0);
	assert_int_equal(mkt_jval_only(&data, all, 3, &err), -MKT_EINVAL);
	mkt_jdoc_free(doc);
}

static void walk_keeps_the_order(void **state)
{
	static const char *const keys[] = {"schema", "height", "stale", "none", "half", "data"};
	struct mkt_jdoc *doc = sample_doc();
	struct mkt_jval root = mkt_jdoc_root(doc), v;
	struct mkt_jiter it = {0};
	size_t n = 0;

	(void)state;
	while (mkt_jval_next(&root, &it, &v))
		assert_string_equal(v.key, keys[n++]);
	assert_int_equal(n, MKT_ARRAY_SIZE(keys));
	assert_int_equal(mkt_jval_count(&root), n);
	mkt_jdoc_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writer_puts_commas_and_keys),
		cmocka_unit_test(writer_escapes_text),
		cmocka_unit_test(random_text_survives_the_round),
		cmocka_unit_test(numbers_survive_the_round),
		cmocka_unit_test(good_documents_parse),
		cmocka_unit_test(bad_documents_are_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(getters_name_the_path),
		cmocka_unit_test(text_getter_refuses_controls),
		cmocka_unit_test(unknown_fields_are_refused),
		cmocka_unit_test(walk_keeps_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/base/compat.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/err.h"

struct row {
	const char *name;
	int code;
	const char *word;
	int exit_status;
	const char *text;
	const char *hint;
};

static const struct row rows[] = {
#define MKT_ERROR(name, number, word, exit, text, hint) {#name, number, word, exit, text, hint},
#include "core/base/errors.def"
#undef MKT_ERROR
};

/* Numbers go into blocks and words into JSON: none may ever stand for two things. */
static void numbers_and_words_are_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++)
		for (size_t k = 0; k < i; k++) {
			if (rows[i].code == rows[k].code)
				fail_msg("%s and %s have one number", rows[i].name, rows[k].name);
			if (!strcmp(rows[i].word, rows[k].word))
				fail_msg("%s and %s have one word", rows[i].name, rows[k].name);
		}
}

static void rows_are_well_formed(void **state)
{
	static const int exits[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 70, 74};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		size_t n = strlen(r->text);
		bool known = false;

		for (size_t k = 0; k < MKT_ARRAY_SIZE(exits); k++)
			known |= r->exit_status == exits[k];
		if (!known)
			fail_msg("%s has exit status %d", r->name, r->exit_status);
		if (!n || n >= MKT_ERR_TEXT_MAX || r->text[n - 1] == '.' ||
		    (r->text[0] >= 'A' && r->text[0] <= 'Z' && strncmp(r->text, "JSON", 4) != 0))
			fail_msg("%s has the sentence '%s'", r->name, r->text);
		if (strlen(r->hint) >= MKT_ERR_HINT_MAX)
			fail_msg("the hint of %s is too long", r->name);
		assert_int_equal(strspn(r->word, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(r->word));
		assert_in_range(r->code, 1, UINT16_MAX);
	}
}

static void rows_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		assert_string_equal(mkt_code_word(rows[i].code), rows[i].word);
		assert_string_equal(mkt_code_text(rows[i].code), rows[i].text);
		assert_string_equal(mkt_code_hint(rows[i].code), rows[i].hint);
		assert_int_equal(mkt_code_exit(rows[i].code), rows[i].exit_status);
		assert_int_equal(mkt_code_find(rows[i].word), rows[i].code);
	}
	assert_string_equal(mkt_code_word(0), "ok");
	assert_int_equal(mkt_code_exit(0), 0);
	assert_int_equal(mkt_code_find("ok"), 0);
	assert_int_equal(mkt_code_find("nonsense"), -1);
	assert_string_equal(mkt_code_word(-1), "internal"); /* a bug of ours, not a crash */
	assert_string_equal(mkt_code_word(65000), "internal");
}

static void sentences_are_set_wrapped_and_hinted(void **state)
{
	struct mkt_err err;

	(void)state;
	assert_int_equal(mkt_err_set(&err, MKT_ETICK, "price %d is odd", 7), -MKT_ETICK);
	assert_int_equal(err.code, MKT_ETICK);
	assert_string_equal(err.text, "price 7 is odd");
	assert_string_equal(err.hint, mkt_code_hint(MKT_ETICK));
	assert_int_equal(mkt_err_wrap(&err, "leg %d", 2), -MKT_ETICK);
	assert_string_equal(err.text, "leg 2: price 7 is odd");
	mkt_err_hint(&err, "use %d", 8);
	assert_string_equal(err.hint, "use 8");
	assert_int_equal(mkt_err_code(&err, MKT_EGATE), -MKT_EGATE);
	assert_string_equal(err.text, mkt_code_text(MKT_EGATE));
	assert_int_equal(mkt_err_sys(&err, MKT_EIO, ENOENT, "cannot open '%s'", "x"), -MKT_EIO);
	assert_string_equal(err.text, "cannot open 'x': No such file or directory");
}

static void nobody_needs_to_listen(void **state)
{
	(void)state;
	assert_int_equal(mkt_err_set(NULL, MKT_EIO, "x"), -MKT_EIO);
	assert_int_equal(mkt_err_code(NULL, MKT_EIO), -MKT_EIO);
	assert_int_equal(mkt_err_sys(NULL, MKT_EIO, ENOENT, "x"), -MKT_EIO);
	assert_int_equal(mkt_err_wrap(NULL, "x"), -MKT_EINTERNAL);
	mkt_err_hint(NULL, "x");
}

static void long_and_hostile_text_stays_in_bounds(void **state)
{
	char text[2 * MKT_ERR_TEXT_MAX];
	struct mkt_err err;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	mkt_err_set(&err, MKT_EINVAL, "'%s'", text);
	assert_int_equal(strlen(err.text), MKT_ERR_TEXT_MAX - 1);
	mkt_err_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.text), MKT_ERR_TEXT_MAX - 1);
	mkt_err_sys(&err, MKT_EIO, ENOENT, "%s", text);
	assert_int_equal(strlen(err.text), MKT_ERR_TEXT_MAX - 1);
	mkt_err_hint(&err, "%s", text);
	assert_int_equal(strlen(err.hint), MKT_ERR_HINT_MAX - 1);
	mkt_err_set(&err, MKT_EINVAL, "a\x1b[31m\n\x7f" "b");
	assert_string_equal(err.text, "a?[31m??b");
	mkt_err_hint(&err, "\tx");
	assert_string_equal(err.hint, "?x");
	mkt_err_wrap(&err, "\r");
	assert_string_equal(err.text, "?: a?[31m??b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_words_are_unique),
		cmocka_unit_test(rows_are_well_formed),
		cmocka_unit_test(rows_are_found),
		cmocka_unit_test(sentences_are_set_wrapped_and_hinted),
		cmocka_unit_test(nobody_needs_to_listen),
		cmocka_unit_test(long_and_hostile_text_stays_in_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Option tables: every kind, every way to write it, every fault.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/app/opt.h"
#include "core/app/suggest.h"

struct inner {
	const char *id;
};

struct values {
	bool flag;
	bool no_input;
	enum mkt_tri wait;
	int verbose;
	const char *text;
	const char *file;
	struct mkt_list list;
	int word;
	int bare;
	struct mkt_num n;
	struct mkt_num small;
	struct mkt_num t;
	struct mkt_num e;
	struct mkt_num w;
	struct inner inner;
};

static const struct mkt_opt inner_rows[] = {
	MKT_O_TEXT(struct inner, id, "request-id", 0, "ID", "request", "the id"),
	MKT_O_END
};

static const struct mkt_opt rows[] = {
	MKT_O_FLAG(struct values, flag, "flag", 'f', "a flag"),
	MKT_O_FLAG(struct values, no_input, "no-input", 0, "a flag that says no"),
	MKT_O_TRI(struct values, wait, "wait", 'W', "yes, no or not said"),
	MKT_O_COUNT(struct values, verbose, "verbose", 'v', "more"),
	MKT_O_TEXT(struct values, text, "text", 't', "TEXT", "tag", "some text"),
	MKT_O_FILE(struct values, file, "file", 0, "FILE", "a file"),
	MKT_O_LIST(struct values, list, "price", 'p', "PRICE", NULL, "prices"),
	MKT_O_WORD(struct values, word, "color", 0, "auto|always|never", NULL, "a word"),
	{.kind = MKT_OPT_WORD, .name = "porcelain", .bare = true, .metavar = "1|2",
	 .at = MKT_O_AT(struct values, bare, int), .help = "a version"},
	MKT_O_UINT(struct values, n, "number", 'n', "N", 0, 0, "7", "a number"),
	MKT_O_UINT(struct values, small, "small", 0, "N", 1, 10, NULL, "a small number"),
	MKT_O_UNIT(struct values, t, DURATION, "time", 0, "DURATION", "30s", "a time"),
	MKT_O_UNIT(struct values, e, ENERGY, "energy", 0, "ENERGY", NULL, "an energy"),
	MKT_O_UNIT(struct values, w, POWER, "power", 0, "POWER", NULL, "a power"),
	MKT_O_GROUP(struct values, inner, struct inner, inner_rows),
	MKT_O_END
};

#define ARGS_MAX 24

/* What came of one command line. */
struct result {
	struct values v;
	char *args[ARGS_MAX];
	int n;
	struct mkt_err err;
};

static void parse_as(struct result *r, bool prefixes, bool stop, const char *const *words)
{
	struct mkt_opt_parse p = {
		.sets = {{rows, &r->v}}, .prefixes = prefixes, .stop_at_arg = stop};
	int argc = 0;

	*r = (struct result){0};
	while (words[argc]) {
		r->args[argc] = (char *)(uintptr_t)words[argc];
		argc++;
	}
	assert_int_equal(mkt_opt_defaults(rows, &r->v, &r->err), 0);
	r->n = mkt_opt_parse(&p, argc, r->args, &r->err);
}

#define PARSE(r, ...) parse_as(r, false, false, (const char *const[]){__VA_ARGS__, NULL})

static void test_defaults(void **state)
{
	struct result r;

	(void)state;
	parse_as(&r, false, false, (const char *const[]){NULL});
	assert_int_equal(r.n, 0);
	assert_int_equal(r.v.n.v, 7);
	assert_true(r.v.n.given);
	assert_int_equal(r.v.t.v, 30000);
	assert_false(r.v.e.given);
	assert_null(r.v.text);
	assert_int_equal(r.v.wait, MKT_UNSET);
}

static void test_spellings(void **state)
{
	struct result r;

	(void)state;
	PARSE(&r, "a", "--text=x=y", "b", "-f", "--number", "12", "-", "--wait", "c");
	assert_int_equal(r.n, 4);
	assert_string_equal(r.args[0], "a");
	assert_string_equal(r.args[1], "b");
	assert_string_equal(r.args[2], "-");
	assert_string_equal(r.args[3], "c");
	assert_string_equal(r.v.text, "x=y");
	assert_true(r.v.flag);
	assert_int_equal(r.v.n.v, 12);
	assert_int_equal(r.v.wait, MKT_YES);

	PARSE(&r, "-fvvtx", "-n5", "-t", "-y");
	assert_int_equal(r.n, 0);
	assert_true(r.v.flag);
	assert_int_equal(r.v.verbose, 2);
	assert_int_equal(r.v.n.v, 5);
	assert_string_equal(r.v.text, "-y");

	PARSE(&r, "--text=", "--file", "-", "--", "--flag", "-f");
	assert_int_equal(r.n, 2);
	assert_string_equal(r.v.text, "");
	assert_string_equal(r.v.file, "-");
	assert_string_equal(r.args[0], "--flag");
	assert_false(r.v.flag);
}

static void test_negation(void **state)
{
	struct result r;

	(void)state;
	PARSE(&r, "--flag", "--no-flag", "--no-input", "--no-wait");
	assert_int_equal(r.n, 0);
	assert_false(r.v.flag);
	assert_true(r.v.no_input);
	assert_int_equal(r.v.wait, MKT_NO);
	PARSE(&r, "--no-input", "--input");
	assert_int_equal(r.n, 0);
	assert_false(r.v.no_input);
	PARSE(&r, "--no-text");
	assert_int_equal(r.n, -MKT_EUSAGE);
}

static void test_kinds(void **state)
{
	struct result r;

	(void)state;
	PARSE(&r, "-p", "a", "--price=b", "--color", "never", "--porcelain", "--small=10",
	      "--time", "500ms", "--energy", "10kWh", "--power=-3kW", "--request-id", "q");
	assert_int_equal(r.n, 0);
	assert_int_equal(r.v.list.n, 2);
	assert_string_equal(r.v.list.v[1], "b");
	assert_int_equal(r.v.word, 3);
	assert_int_equal(r.v.bare, 1);
	assert_int_equal(r.v.small.v, 10);
	assert_int_equal(r.v.t.v, 500);
	assert_int_equal(r.v.e.v, 10000);
	assert_int_equal(r.v.w.v, -3000);
	assert_string_equal(r.v.inner.id, "q");
	mkt_opt_release(rows, &r.v);
	assert_int_equal(r.v.list.n, 0);
	/* The value of a bare option needs its '='. */
	PARSE(&r, "--porcelain", "2");
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v.bare, 1);
	PARSE(&r, "--porcelain=2");
	assert_int_equal(r.v.bare, 2);
}

static void test_faults(void **state)
{
	static const struct {
		const char *words[4];
		int code;
		const char *text, *hint;
	} cases[] = {
		{{"--nothing"}, MKT_EUSAGE, "unknown option '--nothing'", ""},
		{{"--flog"}, MKT_EUSAGE, "unknown option '--flog'", "did you mean '--flag'?"},
		{{"-x"}, MKT_EUSAGE, "unknown option '-x'", ""},
		{{"--flag=yes"}, MKT_EUSAGE, "option '--flag' takes no value", ""},
		{{"--text"}, MKT_EUSAGE, "option '--text' needs a value", "it is TEXT: some text"},
		{{"-ft"}, MKT_EUSAGE, "option '-t' needs a value", "it is TEXT: some text"},
		{{"--tex", "x"}, MKT_EUSAGE, "unknown option '--tex'", "did you mean '--text'?"},
		{{"--color=red"}, MKT_EUSAGE, "option '--color' cannot be 'red'",
		 "one of auto|always|never"},
		{{"--color="}, MKT_EUSAGE, "option '--color' cannot be ''", "one of auto|always|never"},
		{{"--color=auto|always"}, MKT_EUSAGE, "option '--color' cannot be 'auto|always'",
		 "one of auto|always|never"},
		{{"--number=1x"}, MKT_EUSAGE, "option '--number' needs a whole number, not '1x'", ""},
		{{"--number=-1"}, MKT_EUSAGE, "option '--number' needs a whole number, not '-1'", ""},
		{{"--number= 1"}, MKT_EUSAGE, "option '--number' needs a whole number, not ' 1'", ""},
		{{"--number="}, MKT_EUSAGE, "option '--number' needs a whole number, not ''", ""},
		{{"--number=9223372036854775808"}, MKT_EUSAGE,
		 "option '--number' needs a whole number, not '9223372036854775808'", ""},
		{{"--small=0"}, MKT_EUSAGE, "option '--small' must be from 1 to 10", ""},
		{{"--small=11"}, MKT_EUSAGE, "option '--small' must be from 1 to 10", ""},
		{{"--time=20"}, MKT_EINVAL,
		 "option '--time': duration '20' has no unit at column 3", "write 20s or 20m"},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(cases); i++) {
		struct result r;

		parse_as(&r, false, false, cases[i].words);
		assert_int_equal(r.n, -cases[i].code);
		assert_string_equal(r.err.text, cases[i].text);
		assert_string_equal(r.err.hint, cases[i].hint);
	}
}

static void test_prefixes(void **state)
{
	struct result r;

	(void)state;
	parse_as(&r, true, false, (const char *const[]){"--fl", "--tex=x", "--no-w", NULL});
	assert_int_equal(r.n, 0);
	assert_true(r.v.flag);
	assert_string_equal(r.v.text, "x");
	assert_int_equal(r.v.wait, MKT_NO);
	parse_as(&r, true, false, (const char *const[]){"--f", NULL});
	assert_int_equal(r.n, -MKT_EUSAGE);
	assert_string_equal(r.err.text, "option '--f' is ambiguous");
	/* A whole name wins over longer ones that it begins. */
	parse_as(&r, true, false, (const char *const[]){"--no-input", NULL});
	assert_int_equal(r.n, 0);
}

static void test_stop(void **state)
{
	struct result r;

	(void)state;
	parse_as(&r, false, true, (const char *const[]){"-f", "bid", "--text=x", "--bogus", NULL});
	assert_int_equal(r.n, 3);
	assert_string_equal(r.args[0], "bid");
	assert_string_equal(r.args[2], "--bogus");
	assert_true(r.v.flag);
	assert_null(r.v.text);
}

/* The table of the command comes before the common one. */
static void test_two_tables(void **state)
{
	static const struct mkt_opt own[] = {
		MKT_O_TEXT(struct inner, id, "text", 't', "T", NULL, "mine"),
		MKT_O_END
	};
	struct inner mine = {NULL};
	struct values common = {0};
	struct mkt_opt_parse p = {.sets = {{own, &mine}, {rows, &common}}};
	char *args[] = {(char *)(uintptr_t)"-t", (char *)(uintptr_t)"x", (char *)(uintptr_t)"-f"};

	(void)state;
	assert_int_equal(mkt_opt_parse(&p, 3, args, NULL), 0);
	assert_string_equal(mine.id, "x");
	assert_null(common.text);
	assert_true(common.flag);
}

static void test_required(void **state)
{
	static const struct mkt_opt need[] = {
		{.kind = MKT_OPT_TEXT, .name = "at", .metavar = "WINDOW", .required = true,
		 .at = MKT_O_AT(struct inner, id, const char *), .help = "which window"},
		MKT_O_END
	};
	struct inner v = {NULL};
	struct mkt_err err;
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	assert_int_equal(mkt_opt_missing(need, &v, &err), -MKT_EUSAGE);
	assert_string_equal(err.text, "option '--at' is missing");
	assert_string_equal(err.hint, "--at WINDOW: which window");
	v.id = "x";
	assert_int_equal(mkt_opt_missing(need, &v, &err), 0);
	mkt_opt_usage(need, &b);
	assert_string_equal(mkt_buf_str(&b), " --at WINDOW");
	mkt_buf_release(&b);
}

static void test_help(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	mkt_opt_help(rows, 80, &b);
	assert_non_null(strstr(mkt_buf_str(&b), "  -f, --flag                  a flag\n"));
	assert_non_null(strstr(mkt_buf_str(&b), "  -W, --[no-]wait             yes, no or not said\n"));
	assert_non_null(strstr(mkt_buf_str(&b), "  -n, --number N              a number (default 7)\n"));
	assert_non_null(strstr(mkt_buf_str(&b), "      --porcelain[=1|2]       a version\n"));
	assert_non_null(strstr(mkt_buf_str(&b), "  -p, --price PRICE           prices (repeatable)\n"));
	mkt_buf_clear(&b);
	mkt_opt_completion(rows, &b);
	assert_non_null(strstr(mkt_buf_str(&b), "--text\ttag\tTEXT\tsome text\n-t\ttag\t"));
	assert_non_null(strstr(mkt_buf_str(&b), "--color\twords:auto|always|never\t"));
	assert_non_null(strstr(mkt_buf_str(&b), "--file\tfile\tFILE\ta file\n"));
	assert_non_null(strstr(mkt_buf_str(&b), "--no-wait\t-\t"));
	mkt_buf_release(&b);
}

static void test_help_is_narrow(void **state)
{
	(void)state;
	for (unsigned columns = 30; columns <= 120; columns += 15) {
		struct mkt_buf b = MKT_BUF_INIT;
		const char *line;

		mkt_opt_help(rows, columns, &b);
		for (line = mkt_buf_str(&b); *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= (columns < 36 ? 36 : columns));
		mkt_buf_release(&b);
	}
}

static void test_suggest(void **state)
{
	static const char *const names[] = {"book", "bids", "bid", "block", "cancel", "contracts"};
	struct mkt_suggest s = {.typed = "bokk"};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(names); i++)
		mkt_suggest_offer(&s, names[i]);
	assert_true(s.n >= 1 && s.n <= MKT_SUGGEST_MAX);
	assert_string_equal(s.near[0], "book");
	for (unsigned i = 1; i < s.n; i++)
		assert_true(s.distance[i - 1] <= s.distance[i]);
	assert_int_equal(mkt_suggest_distance("can", "cancel"), 0);
	assert_true(mkt_suggest_distance("cacnel", "cancel") < mkt_suggest_distance("cxxcel", "cancel"));
	s = (struct mkt_suggest){.typed = "zzzzzz"};
	for (size_t i = 0; i < MKT_ARRAY_SIZE(names); i++)
		mkt_suggest_offer(&s, names[i]);
	assert_int_equal(s.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),  cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_negation),  cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_faults),    cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_stop),      cmocka_unit_test(test_two_tables),
		cmocka_unit_test(test_required),  cmocka_unit_test(test_help),
		cmocka_unit_test(test_help_is_narrow), cmocka_unit_test(test_suggest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The journal of a kept run: what it says when the run is taken up, whole, cut off or spoilt. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/sim.h"
#include "core/base/file.h"

#define NAME "sim.journal"
#define WHAT "seed 1 from 1560697200 days 2"

struct desk {
	struct sim s;
	struct mkt_app app;
	char path[SIM_PATH_MAX + 16];
};

static struct desk *set_up(void)
{
	struct desk *d = calloc(1, sizeof(*d));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(d);
	d->s.app = &d->app;
	snprintf(d->s.chain.dir, sizeof(d->s.chain.dir), "%s/sim-journal.XXXXXX",
		 tmp && strlen(tmp) < 200 ? tmp : "/tmp");
	assert_non_null(mkdtemp(d->s.chain.dir));
	snprintf(d->path, sizeof(d->path), "%s/" NAME, d->s.chain.dir);
	return d;
}

static void close_it(struct desk *d)
{
	sim_journal_free(d->s.journal);
	d->s.journal = NULL;
}

static void tear_down(struct desk *d)
{
	close_it(d);
	unlink(d->path);
	assert_int_equal(rmdir(d->s.chain.dir), 0);
	free(d);
}

static void write_it(const struct desk *d, const char *text)
{
	FILE *f = fopen(d->path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void holds(const struct desk *d, const char *want)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_err err;

	assert_int_equal(mkt_file_read(d->path, 10000, &b, &err), 0);
	assert_string_equal(mkt_buf_str(&b), want);
	mkt_buf_release(&b);
}

static void take(struct desk *d, uint32_t account, int64_t money_uc)
{
	uint32_t a = 0;
	int64_t m = 0;

	assert_int_equal(sim_journal_next(&d->s, &a, &m), 1);
	assert_int_equal(a, account);
	assert_int_equal(m, money_uc);
}

static void taken(struct desk *d)
{
	uint32_t a;
	int64_t m;

	assert_int_equal(sim_journal_next(&d->s, &a, &m), 0);
}

static void what_is_noted_comes_back(void **state)
{
	struct desk *d = set_up();

	(void)state;
	assert_int_equal(sim_journal_open(&d->s, WHAT, false), 0);
	assert_false(sim_journal_knows(&d->s));
	assert_int_equal(sim_journal_note(&d->s, 1, 10000000000000ll), 0);
	assert_int_equal(sim_journal_note(&d->s, UINT32_MAX, INT64_MAX), 0);
	assert_int_equal(sim_journal_end(&d->s), 0);
	assert_int_equal(sim_journal_end(&d->s), 0); /* a midnight without deposits */
	/* Nothing is in memory alone: what has ended is in the file before it is sent. */
	holds(d, "mkt-sim 1 " WHAT "\n1 10000000000000\n4294967295 9223372036854775807\nend\nend\n");
	close_it(d);

	assert_int_equal(sim_journal_open(&d->s, WHAT, true), 0);
	assert_true(sim_journal_knows(&d->s));
	take(d, 1, 10000000000000ll);
	take(d, UINT32_MAX, INT64_MAX);
	taken(d);
	assert_true(sim_journal_knows(&d->s));
	taken(d);
	assert_false(sim_journal_knows(&d->s));
	tear_down(d);
}

static void behind_the_last_round_it_goes_on(void **state)
{
	struct desk *d = set_up();

	(void)state;
	write_it(d, "mkt-sim 1 " WHAT "\n1 5\nend\n");
	assert_int_equal(sim_journal_open(&d->s, WHAT, true), 0);
	assert_true(sim_journal_knows(&d->s));
	take(d, 1, 5);
	taken(d);
	assert_false(sim_journal_knows(&d->s));
	assert_int_equal(sim_journal_note(&d->s, 2, 6), 0);
	assert_int_equal(sim_journal_end(&d->s), 0);
	assert_false(sim_journal_knows(&d->s)); /* its own round is not to be taken */
	holds(d, "mkt-sim 1 " WHAT "\n1 5\nend\n2 6\nend\n");
	tear_down(d);
}

/* A crash in the middle of a round: its deposits were not sent. */
static void half_a_round_is_made_again(void **state)
{
	static const char *const halves[] = {"", "3 70000", "3 70000\n", "3 70000\n4 8\ne",
					     "3 70000\nend"};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(halves); i++) {
		struct desk *d = set_up();
		char text[256];

		snprintf(text, sizeof(text), "mkt-sim 1 " WHAT "\n1 5\nend\n%s", halves[i]);
		write_it(d, text);
		assert_int_equal(sim_journal_open(&d->s, WHAT, true), 0);
		assert_true(sim_journal_knows(&d->s));
		take(d, 1, 5);
		taken(d);
		assert_false(sim_journal_knows(&d->s));
		assert_int_equal(sim_journal_note(&d->s, 3, 9), 0);
		assert_int_equal(sim_journal_end(&d->s), 0);
		holds(d, "mkt-sim 1 " WHAT "\n1 5\nend\n3 9\nend\n");
		tear_down(d);
	}
}

static void another_run_is_not_taken_up(void **state)
{
	static const char *const others[] = {"", "mkt-sim 1 " WHAT, "mkt-sim 1 " WHAT "0\n",
					     "mkt-sim 2 " WHAT "\n", "\n"};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(others); i++) {
		struct desk *d = set_up();

		write_it(d, others[i]);
		assert_int_equal(sim_journal_open(&d->s, WHAT, true), -MKT_EUSAGE);
		assert_string_equal(d->app.err.text, "that run was begun with other options");
		assert_true(d->app.err.hint[0]);
		close_it(d);
		holds(d, others[i]); /* as it was */
		tear_down(d);
	}
}

static void there_must_be_one_or_none(void **state)
{
	struct desk *d = set_up();

	(void)state;
	assert_int_equal(sim_journal_open(&d->s, WHAT, true), -MKT_EUSAGE);
	close_it(d);
	assert_int_equal(access(d->path, F_OK), -1); /* asking for it made none */
	write_it(d, "kept\n");
	assert_int_equal(sim_journal_open(&d->s, WHAT, false), -MKT_EIO);
	close_it(d);
	holds(d, "kept\n");
	tear_down(d);
}

static void spoilt_lines_are_told(void **state)
{
	static const char *const bad[] = {"x\n", "1\n", "1 x\n", "1 5x\n", "1 0\n", "1 -5\n", "\n",
					  "1 5 6\n"};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		struct desk *d = set_up();
		char text[256];
		uint32_t a;
		int64_t m;

		snprintf(text, sizeof(text), "mkt-sim 1 " WHAT "\n%send\n", bad[i]);
		write_it(d, text);
		assert_int_equal(sim_journal_open(&d->s, WHAT, true), 0);
		assert_true(sim_journal_knows(&d->s));
		assert_int_equal(sim_journal_next(&d->s, &a, &m), -MKT_EIO);
		assert_non_null(strstr(d->app.err.text, "is spoilt"));
		tear_down(d);
	}
}

/* Nothing is read beyond what the file has. */
static void the_end_of_the_file_is_told(void **state)
{
	struct desk *d = set_up();
	uint32_t a;
	int64_t m;

	(void)state;
	write_it(d, "mkt-sim 1 " WHAT "\n");
	assert_int_equal(sim_journal_open(&d->s, WHAT, true), 0);
	assert_int_equal(sim_journal_next(&d->s, &a, &m), -MKT_EIO);
	assert_non_null(strstr(d->app.err.text, "is cut off"));
	tear_down(d);
}

static void a_run_that_is_not_kept_has_none(void **state)
{
	struct desk *d = set_up();

	(void)state;
	assert_false(sim_journal_knows(&d->s));
	assert_int_equal(sim_journal_note(&d->s, 1, 5), 0);
	assert_int_equal(sim_journal_end(&d->s), 0);
	sim_journal_free(NULL);
	tear_down(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_noted_comes_back),
		cmocka_unit_test(behind_the_last_round_it_goes_on),
		cmocka_unit_test(half_a_round_is_made_again),
		cmocka_unit_test(another_run_is_not_taken_up),
		cmocka_unit_test(there_must_be_one_or_none),
		cmocka_unit_test(spoilt_lines_are_told),
		cmocka_unit_test(the_end_of_the_file_is_told),
		cmocka_unit_test(a_run_that_is_not_kept_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

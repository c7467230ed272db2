/* Children: arguments and no shell, bounded and neutralised output, statuses, their end. */
#include "core/base/compat.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/childtest.h"
#include "tui/child.h"

struct came {
	unsigned n;
	int status;
	bool cut;
	char *out, *err;
};

static void on_ran(struct tui_dash *d, void *ctx, const struct tui_outcome *o)
{
	struct came *c = ctx;

	(void)d;
	free(c->out);
	free(c->err);
	c->n++;
	c->status = o->status;
	c->cut = o->cut;
	c->out = strdup(o->out);
	c->err = strdup(o->err);
}

static void forget(struct came *c)
{
	free(c->out);
	free(c->err);
	*c = (struct came){0};
}

static void run(struct overtest *t, struct came *c, const char *const *argv)
{
	assert_true(tui_run(t->d, argv, on_ran, c) > 0);
	assert_true(childtest_wait(t));
	assert_int_equal(c->n, 1);
}

static void arguments_are_words(void **state)
{
	const char *const argv[] = {"args", "a b", "$HOME;ls", "", "it's \"q\"", "*", NULL};
	struct came c = {0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 5, 40);
	run(&t, &c, argv);
	assert_int_equal(c.status, 0);
	assert_false(c.cut);
	assert_string_equal(c.out, "[a b]\n[$HOME;ls]\n[]\n[it's \"q\"]\n[*]\n");
	assert_string_equal(c.err, "");
	forget(&c);
	overtest_end(&t);
}

static void output_is_bounded_and_harmless(void **state)
{
	const char *const spill[] = {"spill", "1000000", NULL}, *const just[] = {"spill", "65536",
										 NULL};
	const char *const evil[] = {"evil", NULL};
	struct came c = {0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 5, 40);
	run(&t, &c, spill);
	assert_int_equal(strlen(c.out), TUI_OUTPUT_MAX);
	assert_true(c.cut);
	forget(&c);
	run(&t, &c, just);
	assert_int_equal(strlen(c.out), TUI_OUTPUT_MAX);
	assert_false(c.cut);
	forget(&c);
	run(&t, &c, evil);
	assert_string_equal(c.out, "?]0;title? red?[31m?\n");
	forget(&c);
	overtest_end(&t);
}

static void statuses(void **state)
{
	const char *const fail[] = {"fail", NULL};
	struct came c = {0};
	struct overtest t;
	char line[80];

	(void)state;
	overtest_begin(&t, 5, 40);
	run(&t, &c, fail);
	assert_int_equal(c.status, 3);
	assert_string_equal(c.err, "mkt: gate closed\nhint: later\n");
	tui_outcome_line(&(struct tui_outcome){.status = 3, .out = "", .err = c.err}, line,
			 sizeof(line));
	assert_string_equal(line, "mkt: gate closed");
	tui_outcome_line(&(struct tui_outcome){.status = 9, .out = "", .err = ""}, line,
			 sizeof(line));
	assert_string_equal(line, "failed with status 9");
	tui_outcome_line(&(struct tui_outcome){.out = "", .err = ""}, line, sizeof(line));
	assert_string_equal(line, "done");
	forget(&c);
	t.d->conf.program = "/nonexistent/mkt";
	run(&t, &c, fail);
	assert_int_equal(c.status, 126);
	assert_string_equal(c.err, "the program cannot be run\n");
	forget(&c);
	overtest_end(&t);
}

static void surroundings(void **state)
{
	const char *const argv[] = {"server", NULL};
	struct came c = {0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 5, 40);
	t.d->conf.server = "unix:/nowhere";
	run(&t, &c, argv);
	assert_string_equal(c.out, "unix:/nowhere 1 1\n"); /* no input, a session of its own */
	forget(&c);
	overtest_end(&t);
}

static void not_too_many(void **state)
{
	const char *const argv[] = {"sleep", NULL};
	struct came c = {0};
	struct overtest t;
	int runs[TUI_CHILDREN_MAX];

	(void)state;
	overtest_begin(&t, 5, 40);
	for (unsigned i = 0; i < TUI_CHILDREN_MAX; i++) {
		runs[i] = tui_run(t.d, argv, on_ran, &c);
		assert_true(runs[i] > 0);
		assert_true(!i || runs[i] != runs[i - 1]);
	}
	assert_int_equal(tui_run(t.d, argv, on_ran, &c), -MKT_EBUSY);
	for (unsigned i = 0; i < TUI_CHILDREN_MAX; i++)
		tui_run_cancel(t.d, runs[i]);
	assert_true(childtest_wait(&t));
	assert_int_equal(c.n, 0); /* nobody is told */
	overtest_end(&t);
}

/* One that does not want to end is ended, and nobody waits for what it left behind. */
static void stubborn_ones(void **state)
{
	const char *const stubborn[] = {"stubborn", NULL}, *const orphan[] = {"orphan", NULL};
	struct came c = {0};
	struct overtest t;
	int no;

	(void)state;
	overtest_begin(&t, 5, 40);
	no = tui_run(t.d, stubborn, on_ran, &c);
	assert_true(no > 0);
	tui_run_cancel(t.d, no);
	assert_true(childtest_wait(&t));
	assert_int_equal(c.n, 0);
	run(&t, &c, orphan);
	assert_int_equal(c.status, 0);
	forget(&c);
	overtest_end(&t);
}

/* Everybody who has the pipe's other end has ended. */
static bool all_gone(int pipe_fds[2])
{
	struct pollfd fd = {.fd = pipe_fds[0], .events = POLLIN};

	close(pipe_fds[1]);
	if (poll(&fd, 1, CHILDTEST_S * 1000) != 1)
		return false;
	close(pipe_fds[0]);
	return (fd.revents & POLLHUP) != 0;
}

/* The dashboard ends: they end, and what was kept for them is freed. */
static void they_end_with_the_dashboard(void **state)
{
	const char *const argv[] = {"stubborn", NULL};
	char *kept = malloc(64);
	struct overtest t;
	int alive[2];

	(void)state;
	assert_int_equal(pipe(alive), 0); /* children have it open, too */
	overtest_begin(&t, 5, 40);
	assert_true(tui_run_keep(t.d, argv, on_ran, kept) > 0);
	overtest_end(&t);
	assert_true(all_gone(alive));
}

/* It is killed: they end all the same. */
static void they_end_with_a_dashboard_that_is_killed(void **state)
{
	const char *const argv[] = {"sleep", NULL};
	int alive[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(alive), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct overtest t;

		overtest_begin(&t, 5, 40);
		if (tui_run(t.d, argv, on_ran, NULL) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_true(all_gone(alive));
}

static void words_for_a_shell(void **state)
{
	const char *const argv[] = {"cancel", "b17", "a b", "it's", "", "x;y", "--at=10:30", NULL};
	static struct tui_dash d;
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	tui_command_text(NULL, argv, &b);
	assert_string_equal(mkt_buf_str(&b), "mkt cancel b17 'a b' 'it'\\''s' '' 'x;y' --at=10:30");
	/* Options that the dashboard was started with belong to it. */
	d.conf.said[0] = "--account";
	d.conf.said[1] = "the oak";
	mkt_buf_clear(&b);
	tui_command_text(&d, (const char *const[]){"cancel", "b17", NULL}, &b);
	assert_string_equal(mkt_buf_str(&b), "mkt --account 'the oak' cancel b17");
	mkt_buf_release(&b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_words),
		cmocka_unit_test(output_is_bounded_and_harmless),
		cmocka_unit_test(statuses),
		cmocka_unit_test(surroundings),
		cmocka_unit_test(not_too_many),
		cmocka_unit_test(stubborn_ones),
		cmocka_unit_test(they_end_with_the_dashboard),
		cmocka_unit_test(they_end_with_a_dashboard_that_is_killed),
		cmocka_unit_test(words_for_a_shell),
	};

	childtest_be(argc, argv);
	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

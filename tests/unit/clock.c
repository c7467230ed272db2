/* The shared calendar: places, waking, and those who die in it. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/device/clock.h"
#include "tests/tmpdir.h"

#define T0 1700000000000ull
#define LONG_MS 20000 /* of real time: a test that waits so long has failed */

static int make_dir(void **state)
{
	static char dir[PATH_MAX];

	tmpdir_make(dir, "clock");
	*state = dir;
	return 0;
}

static int remove_dir(void **state)
{
	tmpdir_remove(*state);
	return 0;
}

static struct mkt_clock *make(void **state, const char *name, char file[PATH_MAX])
{
	struct mkt_clock *c = NULL;
	struct mkt_err err = {0};

	snprintf(file, PATH_MAX, "%s/%s", (char *)*state, name);
	assert_int_equal(mkt_clock_create(file, T0, &c, &err), 0);
	return c;
}

static void test_system(void **state)
{
	struct mkt_clock *c;

	(void)state;
	assert_int_equal(mkt_clock_open(NULL, &c, NULL), 0);
	assert_false(mkt_clock_simulated(c));
	assert_true(mkt_clock_now_ms(c) > T0);
	assert_int_equal(mkt_clock_join(c, "me", NULL), 0);
	mkt_clock_idle(c, 1, 2, 3);
	mkt_clock_wait(c, 1);
	mkt_clock_close(c);
}

static void test_refused(void **state)
{
	char file[PATH_MAX];
	struct mkt_clock *c, *again;
	struct mkt_err err = {0};
	FILE *f;

	c = make(state, "refused", file);
	assert_int_equal(mkt_clock_create(file, T0, &again, &err), -MKT_EEXISTS);
	mkt_clock_close(c);
	f = fopen(file, "w");
	fputs("something else", f);
	fclose(f);
	assert_int_equal(mkt_clock_open(file, &c, &err), -MKT_EINVAL);
	unlink(file);
	assert_int_equal(mkt_clock_open(file, &c, &err), -MKT_ENOTFOUND);
}

static void test_never_back(void **state)
{
	char file[PATH_MAX];
	struct mkt_clock *c = make(state, "back", file), *user;
	struct mkt_err err = {0};

	assert_int_equal(mkt_clock_open(file, &user, &err), 0);
	mkt_clock_set(c, T0 + 500, 7);
	mkt_clock_set(c, T0 + 100, 8);
	assert_int_equal(mkt_clock_now_ms(user), T0 + 500);
	assert_int_equal(mkt_clock_height(user), 8);
	mkt_clock_close(user);
	mkt_clock_close(c);
}

/* A child that wakes every @step ms of the calendar and says each time that it was there. */
static pid_t live(const char *file, const char *name, uint64_t step, int said)
{
	struct mkt_clock *c;
	pid_t pid = fork();

	if (pid)
		return pid;
	if (mkt_clock_open(file, &c, NULL) < 0 || mkt_clock_join(c, name, NULL) < 0)
		_exit(1);
	for (uint64_t next = 0;;) {
		uint64_t height = mkt_clock_height(c), now = mkt_clock_now_ms(c);

		if (now >= next) {
			next = now + step;
			if (write(said, &now, sizeof(now)) != sizeof(now))
				_exit(0);
		}
		mkt_clock_idle(c, now, height, next);
		mkt_clock_wait(c, 1000);
	}
}

static void join(struct mkt_clock *c, const char *name)
{
	for (int i = 0; i < LONG_MS && !mkt_clock_joined(c, name); i++)
		usleep(1000);
	assert_true(mkt_clock_joined(c, name));
}

static void test_nobody_misses_an_instant(void **state)
{
	char file[PATH_MAX];
	struct mkt_clock *c = make(state, "live", file);
	struct mkt_err err = {0};
	uint64_t wake, now = T0, seen;
	int a[2], b[2];
	pid_t first, second;
	uint32_t died, moves = 0;

	assert_int_equal(pipe(a) | pipe(b), 0);
	first = live(file, "first", 300, a[1]);
	second = live(file, "second", 700, b[1]);
	join(c, "first");
	join(c, "second");
	while (now < T0 + 2100) {
		assert_int_equal(mkt_clock_wait_idle(c, LONG_MS, &wake, &died, &err), 0);
		assert_true(wake > now && wake <= now + 300);
		now = wake;
		mkt_clock_set(c, now, ++moves);
	}
	assert_int_equal(mkt_clock_wait_idle(c, LONG_MS, &wake, &died, &err), 0);
	for (uint64_t t = T0; t <= T0 + 2100; t += 300) {
		assert_int_equal(read(a[0], &seen, sizeof(seen)), sizeof(seen));
		assert_int_equal(seen, t);
	}
	for (uint64_t t = T0; t <= T0 + 2100; t += 700) {
		assert_int_equal(read(b[0], &seen, sizeof(seen)), sizeof(seen));
		assert_int_equal(seen, t);
	}
	/* One stops: the mover says who holds it up.  It dies: its place is free. */
	kill(second, SIGSTOP);
	waitpid(second, NULL, WUNTRACED);
	mkt_clock_set(c, now + 1, moves);
	assert_int_equal(mkt_clock_wait_idle(c, 200, &wake, &died, &err), -MKT_ETIMEOUT);
	assert_non_null(strstr(err.text, "second"));
	kill(second, SIGKILL);
	waitpid(second, NULL, 0);
	assert_int_equal(mkt_clock_wait_idle(c, LONG_MS, &wake, &died, &err), 0);
	assert_int_equal(died, 1);
	assert_false(mkt_clock_joined(c, "second"));
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	mkt_clock_close(c);
}

static void test_places(void **state)
{
	char file[PATH_MAX];
	struct mkt_clock *c = make(state, "places", file), *u[MKT_CLOCK_PLACES + 1];
	struct mkt_err err = {0};

	for (int i = 0; i <= MKT_CLOCK_PLACES; i++) {
		assert_int_equal(mkt_clock_open(file, &u[i], &err), 0);
		assert_int_equal(mkt_clock_join(u[i], "x", &err),
				 i < MKT_CLOCK_PLACES ? 0 : -MKT_ELIMIT);
	}
	mkt_clock_close(u[3]);
	assert_int_equal(mkt_clock_join(u[MKT_CLOCK_PLACES], "x", &err), 0);
	for (int i = 0; i <= MKT_CLOCK_PLACES; i++)
		if (i != 3)
			mkt_clock_close(u[i]);
	mkt_clock_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_never_back),
		cmocka_unit_test(test_nobody_misses_an_instant),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

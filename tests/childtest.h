/*
 * Commands for tests of children: the test program itself, run again with arguments,
 * does what they say.  main() calls childtest_be() first.
 */
#ifndef MKT_TESTS_CHILDTEST_H
#define MKT_TESTS_CHILDTEST_H

#include "core/base/compat.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "tests/overtest.h"

#define CHILDTEST_S 30 /* for what takes milliseconds */

static inline void childtest_spill(size_t n)
{
	for (size_t i = 0; i < n; i++)
		putchar(i % 64 == 63 ? '\n' : 'x');
}

/* A command's part: never returns if there are arguments. */
static inline void childtest_be(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc < 2)
		return;
	if (!strcmp(what, "args"))
		for (int i = 2; i < argc; i++)
			printf("[%s]\n", argv[i]);
	else if (!strcmp(what, "spill"))
		childtest_spill(strtoul(argv[2], NULL, 10));
	else if (!strcmp(what, "evil"))
		printf("\x1b]0;title\x07 red\x1b[31m\x9b\n");
	else if (!strcmp(what, "fail"))
		fprintf(stderr, "mkt: gate closed\nhint: later\n");
	else if (!strcmp(what, "server"))
		printf("%s %d %d\n", getenv("MKT_SERVER"), getchar() == EOF, getsid(0) == getpid());
	else if (!strcmp(what, "sleep"))
		sleep(600);
	else if (!strcmp(what, "stubborn")) {
		signal(SIGTERM, SIG_IGN);
		sleep(600);
	} else if (!strcmp(what, "orphan") && fork() == 0) {
		sleep(600); /* holds the pipe, and goes with the group */
	}
	fflush(stdout);
	exit(!strcmp(what, "fail") ? 3 : 0);
}

/* Turns until nothing is under way; false: that took too long. */
static inline bool childtest_wait(struct overtest *t)
{
	struct pollfd fds[16];

	for (unsigned i = 0; t->d->children && i < CHILDTEST_S * 100; i++) {
		unsigned n = tui_run_fds(t->d, fds, 16);

		poll(fds, n, 10);
		t->d->steady_ms += 10;
		tui_run_turn(t->d);
	}
	return !t->d->children;
}

#endif

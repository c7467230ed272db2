/*
 * bench-turns: how long do programs take from start to end?  They run in turn,
 * A B C A B C, so that what else the machine does hits all alike; their output
 * goes nowhere.
 *
 *   bench-turns RUNS COMMAND...     each COMMAND one argument, parted at blanks
 *
 * Prints the median of each in us, one a line; status 1 if a run failed.
 */
#include "core/base/compat.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 32

extern char **environ;

static uint64_t us_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static char **split(char *text)
{
	char **words = calloc(WORDS_MAX + 1, sizeof(*words)), *rest = text;
	unsigned n = 0;

	while (n < WORDS_MAX && (rest += strspn(rest, " "), *rest)) {
		words[n++] = rest;
		rest += strcspn(rest, " ");
		if (*rest)
			*rest++ = 0;
	}
	return words;
}

/* Time of one run in us; 0: it failed. */
static uint64_t run(char **words, const posix_spawn_file_actions_t *quiet)
{
	uint64_t start = us_now();
	int status = 1;
	pid_t pid;

	if (posix_spawnp(&pid, words[0], quiet, NULL, words, environ) ||
	    waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "'%s' failed with wait status %d\n", words[0], status);
		return 0;
	}
	return us_now() - start;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	unsigned runs = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	unsigned n = argc > 2 ? (unsigned)argc - 2 : 0;
	uint64_t *us = calloc((size_t)n * runs + 1, sizeof(*us));
	char ***words = calloc(n + 1u, sizeof(*words));
	posix_spawn_file_actions_t quiet;

	if (!runs || !us || !words)
		return 2;
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	for (unsigned k = 0; k < n; k++)
		words[k] = split(argv[k + 2]);
	for (unsigned i = 0; i < runs; i++)
		for (unsigned k = 0; k < n; k++) {
			us[k * runs + i] = run(words[k], &quiet);
			if (!us[k * runs + i])
				return 1;
		}
	for (unsigned k = 0; k < n; k++) {
		qsort(&us[k * runs], runs, sizeof(*us), compare);
		printf("%llu\n", (unsigned long long)us[k * runs + runs / 2]);
		free(words[k]);
	}
	posix_spawn_file_actions_destroy(&quiet);
	free(words);
	free(us);
	return 0;
}

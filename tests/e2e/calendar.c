/*
 * The calendar of a test: calendar FILE START_MS makes a shared clock and moves it
 * as it is told on standard input, one line a command, one line an answer:
 *
 *	to MS        from wake to wake until then, everybody idle in between: "at MS STEPS"
 *	height H     block H is to be seen by everybody: "at MS 0"
 *	joined NAME  has it taken a place: "yes" or "no"
 */
#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/device/clock.h"

#define IDLE_MS 60000

static uint64_t height;

/* Wait until all are idle; the time of the next wake, at most @until. */
static uint64_t next_wake(struct mkt_clock *c, uint64_t until)
{
	struct mkt_err err = {0};
	uint64_t wake;
	uint32_t died;

	if (mkt_clock_wait_idle(c, IDLE_MS, &wake, &died, &err)) {
		printf("error %s\n", err.text);
		fflush(stdout);
		exit(1);
	}
	return wake < until ? wake : until;
}

static void move_to(struct mkt_clock *c, uint64_t until)
{
	unsigned steps = 0;

	while (mkt_clock_now_ms(c) < until) {
		mkt_clock_set(c, next_wake(c, until), height);
		steps++;
	}
	next_wake(c, until);
	printf("at %llu %u\n", (unsigned long long)mkt_clock_now_ms(c), steps);
}

int main(int argc, char **argv)
{
	struct mkt_clock *c;
	struct mkt_err err = {0};
	char line[200];

	if (argc != 3)
		return 2;
	if (mkt_clock_create(argv[1], strtoull(argv[2], NULL, 10), &c, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "to ", 3)) {
			move_to(c, strtoull(line + 3, NULL, 10));
		} else if (!strncmp(line, "height ", 7)) {
			height = strtoull(line + 7, NULL, 10);
			mkt_clock_set(c, mkt_clock_now_ms(c), height);
			next_wake(c, UINT64_MAX);
			printf("at %llu 0\n", (unsigned long long)mkt_clock_now_ms(c));
		} else if (!strncmp(line, "joined ", 7)) {
			printf("%s\n", mkt_clock_joined(c, line + 7) ? "yes" : "no");
		}
		fflush(stdout);
	}
	mkt_clock_close(c);
	return 0;
}

/*
 * The calendar of a test: calendar FILE START_MS makes a shared clock and moves it
 * as it is told on standard input, one line a command, one line an answer:
 *
 *	to MS        from wake to wake until then, everybody idle in between: "at MS STEPS"
 *	height H     block H is to be seen by everybody: "at MS 0"
 *	meter SOCKET DEVICE  what its counters show now: "meter IMPORT EXPORT", Wh
 *	need NAME    time moves only while it has a place: "needed"
 *
 * Who is needed may die at any instant: time waits until it is back.
 */
#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/device/client.h"
#include "core/device/clock.h"

#define IDLE_MS 180000

#define NEEDED_MAX 16

static uint64_t height;
static char needed[NEEDED_MAX][64];
static unsigned nneeded;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool all_there(struct mkt_clock *c)
{
	for (unsigned i = 0; i < nneeded; i++)
		if (!mkt_clock_joined(c, needed[i]))
			return false;
	return true;
}

/* Wait until all are idle; the time of the next wake, at most @until. */
static uint64_t next_wake(struct mkt_clock *c, uint64_t until)
{
	struct mkt_err err = {0};
	uint64_t wake;
	uint32_t died;

	for (unsigned tries = 0; tries < IDLE_MS / 20; tries++) {
		int rc = mkt_clock_wait_idle(c, IDLE_MS, &wake, &died, &err);

		if (rc) {
			printf("error %s\n", err.text);
			fflush(stdout);
			exit(1);
		}
		if (all_there(c) && !died)
			return wake < until ? wake : until;
		nanosleep(&(struct timespec){0, 20000000}, NULL);
	}
	printf("error somebody is away\n");
	fflush(stdout);
	exit(1);
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

/* By mkt-driverd, on a connection of its own; it may be just starting. */
static void read_meter(const char *path, const char *name)
{
	const struct mkt_dev_view *v = NULL;
	struct mkt_devc *c = NULL;
	int rc = -1;

	for (unsigned tries = 0; rc && tries < 200; tries++) {
		uint64_t until = now_ms() + 5000;

		rc = mkt_devc_open(path, until, &c, NULL);
		if (!rc)
			rc = mkt_devc_refresh(c, name, until, NULL);
		v = rc ? NULL : mkt_devc_find(c, name);
		if (v)
			printf("meter %lld %lld\n",
			       (long long)mkt_reading_or(&v->r, MKT_R_ENERGY_IMPORT, 0),
			       (long long)mkt_reading_or(&v->r, MKT_R_ENERGY_EXPORT, 0));
		else
			nanosleep(&(struct timespec){0, 50000000}, NULL);
		mkt_devc_close(c);
		c = NULL;
	}
	if (rc)
		printf("error no meter of '%s'\n", name);
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
		} else if (!strncmp(line, "meter ", 6) && strchr(line + 6, ' ')) {
			char *name = strchr(line + 6, ' ');

			*name = '\0';
			read_meter(line + 6, name + 1);
		} else if (!strncmp(line, "need ", 5) && nneeded < NEEDED_MAX) {
			snprintf(needed[nneeded++], sizeof(needed[0]), "%.60s", line + 5);
			printf("needed\n");
		}
		fflush(stdout);
	}
	mkt_clock_close(c);
	return 0;
}

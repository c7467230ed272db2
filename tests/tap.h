/* Lines of TAP, for programs of tests that are one long story. */
#ifndef MKT_TESTS_TAP_H
#define MKT_TESTS_TAP_H

#include "core/base/compat.h"

static unsigned test_nr;
static bool failed;

static void ok(bool good, const char *what)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++test_nr, what);
	fflush(stdout);
	failed |= !good;
}

/* The plan, and the status to end with. */
static int tap_end(void)
{
	printf("1..%u\n", test_nr);
	return failed;
}

#endif

/*
 * A fuzz target is one file tests/fuzz/NAME.c that defines the function below,
 * with starting inputs in tests/fuzz/corpus/NAME/.  It returns 0, and calls
 * FUZZ_CHECK() for what must hold whatever the input is.
 */
#ifndef MKT_TESTS_FUZZ_H
#define MKT_TESTS_FUZZ_H

#include "core/base/compat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(cond)                                                                    \
	do {                                                                                \
		if (!(cond)) {                                                              \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                            \
		}                                                                           \
	} while (0)

#endif

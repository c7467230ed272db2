/* Any text as lines of a simulator's script, and its faults. */
#include "core/base/compat.h"

#include "drivers/sim/faults.h"
#include "drivers/sim/script.h"
#include "drivers/sim/sim.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_faults faults = {.random = 1};
	struct sim_event e;
	struct mkt_err err;
	uint64_t v;

	for (size_t at = 0, n; at < size; at += n + 1) {
		const uint8_t *end = memchr(data + at, '\n', size - at);

		n = end ? (size_t)(end - data) - at : size - at;
		if (sim_script_parse((const char *)data + at, n, 1000, &e, &err) <= 0)
			continue;
		FUZZ_CHECK(e.verb[0] && strlen(e.verb) <= SIM_VERB_MAX);
		FUZZ_CHECK(strlen(e.rest) <= SIM_ARGS_MAX && !strchr(e.rest, '\n'));
		if (sim_arg(e.rest, "for", &v))
			FUZZ_CHECK(strstr(e.rest, "for="));
		if (sim_faults_add(&faults, e.unit, e.rest, 1000, &err) >= 0)
			sim_faults_strike(&faults, e.unit, faults.v[faults.n - 1].kind, 1000, NULL);
		FUZZ_CHECK(faults.n <= SIM_FAULTS_MAX);
	}
	return 0;
}

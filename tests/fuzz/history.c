/*
 * A meter's history from anywhere: what is read is in bounds and gives forecasts; what is not
 * well formed is told with its line.
 */
#include "core/base/compat.h"

#include "core/agent/history.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mkt_history *h = calloc(1, sizeof(*h));
	struct mkt_history_guess g;
	struct mkt_err err = {0};

	if (mkt_history_parse((const char *)data, size, 1800, h, &err) < 0) {
		FUZZ_CHECK(err.code == MKT_EINVAL && err.text[0] && !h->n);
	} else {
		FUZZ_CHECK(h->n <= MKT_FORECAST_KEEP);
		mkt_history_guess(h, h->last < UINT32_MAX - 400 ? h->last + 400 : h->last, &g);
		FUZZ_CHECK(g.load_way < MKT_FORECAST_WAYS && g.pv_way < MKT_FORECAST_WAYS);
	}
	free(h);
	return 0;
}
